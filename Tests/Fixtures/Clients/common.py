"""What the client scripts share: where the server is, connections, and plain assertions that say what they saw."""
import contextlib
import imaplib
import inspect
import os
import poplib
import re
import smtplib
import socket
import ssl
import subprocess
import sys
import time

HOST = os.environ.get("IT_HOST", "127.0.0.1")
OFFSET = int(os.environ.get("IT_OFFSET", "0"))
ACCOUNT = os.environ.get("IT_ACCOUNT", "alice@example.test")
SECOND = os.environ.get("IT_SECOND", "bob@example.test")
PASSWORD = os.environ.get("IT_PASSWORD", "")
DOMAIN = os.environ.get("IT_DOMAIN", "example.test")
HOSTNAME = os.environ.get("IT_HOSTNAME", "mail.example.test")
FOLDER = os.environ.get("IT_FOLDER", "/tmp")
TIMEOUT = 20
OUTSIDE = "stranger@outside.example"

TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE

socket.setdefaulttimeout(TIMEOUT)


def port(standard):
    return standard + OFFSET


def equal(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def contains(text, part, what=""):
    assert part in text, f"{what}: {part!r} is not in {text!r}"


def matches(text, pattern, what=""):
    found = re.search(pattern, text, re.S)
    assert found, f"{what}: {pattern!r} does not match {text!r}"
    return found


class Wire:
    """A line-oriented connection on which everything is said by hand."""

    def __init__(self, standard, tls=False, host=HOST):
        self.port = standard
        self.socket = socket.create_connection((host, port(standard)), timeout=TIMEOUT)
        if tls:
            self.socket = TLS.wrap_socket(self.socket, server_hostname=HOSTNAME)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()

    def start_tls(self):
        self.socket = TLS.wrap_socket(self.socket, server_hostname=HOSTNAME)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """The next line without its end; b"" at the end of the stream."""
        while b"\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                rest, self.buffer = self.buffer, b""
                return rest
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def exactly(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            assert more, f"the stream ended {count - len(self.buffer)} octets early"
            self.buffer += more
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def rest(self):
        """Everything up to the end of the stream."""
        data, self.buffer = self.buffer, b""
        while True:
            try:
                more = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                return data
            if not more:
                return data
            data += more

    # SMTP
    def reply(self):
        """An SMTP reply as text, lines joined by newlines; "" at the end of the stream."""
        lines = []
        while True:
            line = self.line().decode(errors="replace")
            lines.append(line)
            if not line or line[3:4] != "-":
                return "\n".join(lines)

    def smtp(self, command, code=None):
        self.send(command + "\r\n" if isinstance(command, str) else command + b"\r\n")
        reply = self.reply()
        if code is not None:
            assert reply.startswith(str(code)), f"{command!r}: {reply!r}, wanted {code}"
        return reply

    # IMAP
    def imap_line(self):
        """One response line with its literals, as bytes."""
        line = self.line()
        while True:
            literal = re.search(rb"\{(\d+)\}$", line)
            if not literal:
                return line
            line += b"\r\n" + self.exactly(int(literal.group(1))) + self.line()

    def imap(self, tag, command, want="OK"):
        """Sends a command and returns the untagged lines and the tagged one."""
        self.send(f"{tag} {command}\r\n" if isinstance(command, str) else tag.encode() + b" " + command + b"\r\n")
        return self.imap_result(tag, want)

    def imap_result(self, tag, want="OK"):
        untagged = []
        while True:
            line = self.imap_line()
            assert line, f"the stream ended before the answer to {tag}: {untagged}"
            if line.startswith(tag.encode() + b" "):
                text = line.decode(errors="replace")
                if want is not None:
                    assert text.startswith(f"{tag} {want}"), f"{text!r}, wanted {want}; untagged {untagged}"
                return [part.decode(errors="replace") for part in untagged], text
            untagged.append(line)

    # POP3
    def pop(self, command, want="+OK"):
        self.send(command + "\r\n")
        reply = self.line().decode(errors="replace")
        assert reply.startswith(want), f"{command!r}: {reply!r}, wanted {want}"
        return reply

    def pop_lines(self):
        lines = []
        while True:
            line = self.line()
            if line == b".":
                return lines
            lines.append(line[1:] if line.startswith(b".") else line)


def greeted(standard, tls=False):
    wire = Wire(standard, tls)
    banner = wire.reply()
    assert banner.startswith("220 "), banner
    return wire


def submission(login=ACCOUNT, password=PASSWORD):
    smtp = smtplib.SMTP(HOST, port(587), timeout=TIMEOUT)
    smtp.ehlo()
    smtp.starttls(context=TLS)
    smtp.ehlo()
    smtp.login(login, password)
    return smtp


def imap(login=ACCOUNT, password=PASSWORD):
    client = imaplib.IMAP4_SSL(HOST, port(993), ssl_context=TLS, timeout=TIMEOUT)
    client.login(login, password)
    return client


def pop3(login=ACCOUNT, password=PASSWORD):
    client = poplib.POP3_SSL(HOST, port(995), context=TLS, timeout=TIMEOUT)
    client.user(login)
    client.pass_(password)
    return client


def deliver(recipient=ACCOUNT, subject="hello", body="Hello there.\r\n", sender=OUTSIDE):
    """Hands a message to the MX port as another server would."""
    with smtplib.SMTP(HOST, port(25), timeout=TIMEOUT) as smtp:
        smtp.ehlo("peer.example")
        text = f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\n{body}"
        smtp.sendmail(sender, [recipient], text)


def empty(login=ACCOUNT, *mailboxes):
    """Removes every message of some mailboxes."""
    client = imap(login)
    for name in mailboxes or ("INBOX",):
        client.select(name)
        client.uid("STORE", "1:*", "+FLAGS.SILENT", "(\\Deleted)")
        client.expunge()
    client.logout()


def free_offset():
    """What the standard ports of a server of one's own are moved up by."""
    while True:
        offset = 27000 - 25 + (os.getpid() * 7 + int(time.monotonic() * 1000)) % 900
        try:
            for standard in (25, 587, 465, 143, 993, 110, 995):
                socket.create_server((HOST, standard + offset)).close()
            return offset
        except OSError:
            time.sleep(0.003)


def until(condition, what, seconds=30):
    """Asks again until it holds; the deadline is there so that a fault ends the test."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"it did not happen: {what() if callable(what) else what}"
        time.sleep(0.02)


def martlet(*words, status=0):
    done = subprocess.run(
        [os.environ["IT_BINARY"], *words, "--config", os.environ["IT_CONFIG"]], capture_output=True, text=True)
    equal(done.returncode, status, f"martlet {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def main(namespace):
    """Runs the cases that are named, or all of a script."""
    cases = {name[5:]: body for name, body in namespace.items() if name.startswith("case_") and inspect.isfunction(body)}
    wanted = sys.argv[1:] or list(cases)
    for name in wanted:
        cases[name]()
        print(f"{name}: ok")
