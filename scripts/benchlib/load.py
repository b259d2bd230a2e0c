"""A small SMTP load generator."""
import random
import socket
import threading
import time

WORDS = ("the of and to in is that for it as was with be by on not he his but at are this have from or had an they "
         "which one you were all her she there would their we him been has when who will more no if out so said what "
         "mail server message queue delivery account folder letter answer report meeting invoice number question "
         "please regards tomorrow project office paper window garden river winter summer").split()


def message(size, serial, recipient, sender="sender@elsewhere.test"):
    """A message of about `size` octets of prose, CRLF, dot-stuffing not needed."""
    chooser = random.Random(serial)
    head = (f"From: Bench Sender <{sender}>\r\nTo: <{recipient}>\r\nSubject: Bench message {serial}\r\n"
            f"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{serial}.{chooser.getrandbits(64)}@elsewhere.test>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
    lines, length = [], len(head)
    while length < size:
        if len(lines) == 20_000:  # of a large message the rest is the same again
            lines *= -(-(size - len(head)) // (length - len(head)))
            break
        line = " ".join(chooser.choices(WORDS, k=11))
        lines.append(line)
        length += len(line) + 2
    return (head + "\r\n".join(lines) + "\r\n").encode()


class Client:
    """One SMTP connection."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.expect(b"220")
        self.send(b"EHLO bench.elsewhere.test\r\n")
        self.expect(b"250")

    def send(self, octets):
        self.socket.sendall(octets)

    def expect(self, code):
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("closed")
            if line[3:4] != b"-":
                if not line.startswith(code):
                    raise RuntimeError(line.decode(errors="replace").strip())
                return line

    def deliver(self, recipient, octets, sender="sender@elsewhere.test"):
        """One transaction, MAIL RCPT DATA pipelined as clients do."""
        self.send(f"MAIL FROM:<{sender}> SIZE={len(octets)}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        self.expect(b"250")
        self.expect(b"250")
        self.expect(b"354")
        self.send(octets + b".\r\n")
        self.expect(b"250")

    def quit(self):
        try:
            self.send(b"QUIT\r\n")
            self.expect(b"221")
        finally:
            self.file.close()
            self.socket.close()


def run(host, port, recipients, count, connections, kept, size=10240, first=0, sender="sender@elsewhere.test",
        same=None):
    """Delivers `count` messages over `connections` at a time; returns the seconds it took.

    kept: every connection carries many messages; otherwise each message opens its own.
    same: the octets of all messages, instead of others for each.
    """
    bodies = [same] * count if same is not None else [
        message(size, first + index, recipients[index % len(recipients)], sender) for index in range(count)]
    lock = threading.Lock()
    position = [0]
    errors = []

    def worker():
        client = None
        try:
            while True:
                with lock:
                    index = position[0]
                    position[0] += 1
                if index >= count:
                    break
                if client is None:
                    client = Client(host, port)
                client.deliver(recipients[index % len(recipients)], bodies[index], sender)
                if not kept:
                    client.quit()
                    client = None
            if client is not None:
                client.quit()
        except Exception as error:  # reported below: a failed load run is no figure
            errors.append(error)

    start = time.monotonic()
    threads = [threading.Thread(target=worker) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise RuntimeError(f"load failed: {errors[0]!r} ({len(errors)} of {connections} connections)")
    return time.monotonic() - start


def lone(host, port, recipient, count, size=10240, first=0):
    """Delivers one after the other on one connection; the seconds each took from end of data to its reply."""
    client = Client(host, port)
    times = []
    for index in range(count):
        octets = message(size, first + index, recipient)
        client.send(f"MAIL FROM:<sender@elsewhere.test>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        client.expect(b"250")
        client.expect(b"250")
        client.expect(b"354")
        start = time.monotonic()
        client.send(octets + b".\r\n")
        client.expect(b"250")
        times.append(time.monotonic() - start)
    client.quit()
    return times
