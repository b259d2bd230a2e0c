"""An IMAP client that costs little: it looks for the end of an answer and keeps what was asked for."""
import secrets
import socket
import ssl

from . import servers


class IMAP:
    def __init__(self, port, tls=False):
        raw = socket.create_connection(("127.0.0.1", port), timeout=600)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl._create_unverified_context()
            raw = context.wrap_socket(raw, server_hostname="mx.bench.test")
        self.socket = raw
        self.count = 0
        self.prefix = secrets.token_hex(4)
        self._until(b"\r\n")

    def _until(self, end):
        octets = b""
        while not octets.endswith(end):
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("closed")
            octets += piece
        return octets

    def command(self, text, keep=False):
        """Sends a command and takes its whole answer.

        Returns the octets of the answer, or how many there were. Raises RuntimeError for NO and BAD.
        """
        self.count += 1
        tag = f"{self.prefix}{self.count}".encode()
        self.socket.sendall(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self._answer(tag, keep)

    def _answer(self, tag, keep):
        kept, tail, total = [], b"\r\n", 0
        mark = b"\r\n" + tag + b" "
        while True:
            piece = self.socket.recv(262144)
            if not piece:
                raise ConnectionError("closed")
            total += len(piece)
            if keep:
                kept.append(piece)
            tail = (tail + piece)[-4096:] if len(piece) < 4096 else piece[-4096:]
            if tail.endswith(b"\r\n"):
                place = tail.rfind(mark)
                if place >= 0:
                    status = tail[place + len(mark):]
                    if not status.startswith(b"OK"):
                        raise RuntimeError(status.decode(errors="replace").strip())
                    return b"".join(kept) if keep else total

    def login(self, address):
        self.command(f'LOGIN "{address}" "{servers.PASSWORD}"')

    def append(self, mailbox, octets):
        """APPEND by a literal that waits for nobody. RFC 7888"""
        self.command(b"APPEND %s {%d+}\r\n%s" % (mailbox.encode(), len(octets), octets))

    def idle(self):
        self.socket.sendall(b"i IDLE\r\n")
        self._until(b"\r\n")

    def capabilities(self):
        return self.command("CAPABILITY", keep=True).split(b"\r\n")[0].decode().split()

    def close(self):
        self.socket.close()
