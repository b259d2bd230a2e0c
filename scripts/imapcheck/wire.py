"""An IMAP connection on which everything is said by hand, and a parser of what comes back."""
import re
import socket
import ssl
import zlib

TLS = ssl._create_unverified_context()
LITERAL = re.compile(rb"~?\{(\d+)\}$")


class Gone(Exception):
    """The server closed the connection."""


class Nonsense(Exception):
    """A response that the grammar of RFC 3501 §9 doesn't have."""


class Atom(bytes):
    """A word that was neither quoted nor a literal."""


class Connection:
    """One connection; commands get tags of its own."""

    def __init__(self, port, tls, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = TLS.wrap_socket(self.socket)
        self.buffer = b""
        self.serial = 0
        self.deflate = self.inflate = None
        self.greeting = self.response()

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass

    def more(self):
        data = self.socket.recv(262144)
        if not data:
            raise Gone("the server closed the connection")
        self.buffer += data if self.inflate is None else self.inflate.decompress(data)

    def line(self):
        start = 0
        while (end := self.buffer.find(b"\r\n", start)) < 0:
            start = max(0, len(self.buffer) - 1)
            self.more()
        line, self.buffer = self.buffer[:end], self.buffer[end + 2:]
        return line

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def response(self):
        """A whole response: octets of lines, and literals between them."""
        pieces = [self.line()]
        while found := LITERAL.search(pieces[-1]):
            pieces.append(self.exactly(int(found.group(1))))
            pieces.append(self.line())
        return pieces

    def send(self, data):
        if self.deflate is not None:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def compress(self):
        """From here on everything is compressed in both directions (RFC 4978 §3)."""
        self.deflate = zlib.compressobj(wbits=-15)
        self.inflate = zlib.decompressobj(wbits=-15)

    def tag(self):
        self.serial += 1
        return b"t%d" % self.serial

    def command(self, text, tag=None):
        """Says a command, with its literals in non-synchronising form, and returns (untagged, tagged) responses."""
        tag = tag or self.tag()
        self.send(tag + b" " + text + b"\r\n")
        return self.result(tag)

    def result(self, tag):
        untagged = []
        while True:
            pieces = self.response()
            if pieces[0].startswith(tag + b" "):
                return untagged, pieces
            untagged.append(pieces)


def quoted(text):
    """A string as a client sends it: quoted where it can be, else as a literal that nobody waits for."""
    if isinstance(text, str):
        text = text.encode()
    if len(text) < 200 and all(32 <= octet < 127 for octet in text):
        return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"{%d+}\r\n" % len(text) + text


class Parser:
    """Turns the pieces of a response into words, strings, None and lists."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.piece = 0
        self.at = 0

    @property
    def text(self):
        return self.pieces[self.piece]

    def peek(self):
        return self.text[self.at:self.at + 1]

    def expect(self, octets):
        if not self.text.startswith(octets, self.at):
            raise Nonsense(f"{octets!r} wanted at {self.at} of {self.pieces!r}")
        self.at += len(octets)

    def skip(self, octets):
        if self.text.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    @property
    def is_over(self):
        return self.at >= len(self.text) and self.piece == len(self.pieces) - 1

    def value(self):
        """NIL, a string, a word or a list; lists inside BODYSTRUCTURE follow each other without blanks."""
        first = self.peek()
        if first == b"(":
            return self.list()
        if first == b'"':
            return self.quoted()
        if first == b"{" or self.text.startswith(b"~{", self.at):
            return self.literal()
        word = self.word()
        return None if word.upper() == b"NIL" else word

    def word(self):
        """An atom; one with brackets goes on until they close, as BODY[HEADER.FIELDS (A B)]<0> does."""
        start, depth, text = self.at, 0, self.text
        while self.at < len(text):
            octet = text[self.at:self.at + 1]
            if octet == b"[":
                depth += 1
            elif octet == b"]":
                depth -= 1
            elif depth <= 0 and octet in b" ()":
                break
            elif depth > 0 and octet == b'"':
                self.quoted()
                continue
            self.at += 1
            if self.at >= len(text) and depth > 0 and self.piece + 2 < len(self.pieces):
                raise Nonsense(f"a literal in a section: {self.pieces!r}")
        if self.at == start:
            raise Nonsense(f"a word wanted at {start} of {text!r}")
        return Atom(text[start:self.at])

    def quoted(self):
        self.expect(b'"')
        found = re.compile(rb'((?:[^"\\\r\n]|\\["\\])*)"').match(self.text, self.at)
        if not found:
            raise Nonsense(f"an unclosed string at {self.at} of {self.text!r}")
        self.at = found.end()
        return re.sub(rb"\\(.)", rb"\1", found.group(1))

    def literal(self):
        found = LITERAL.match(self.text, self.at)
        if not found or found.end() != len(self.text):
            raise Nonsense(f"a literal wanted at {self.at} of {self.text!r}")
        data = self.pieces[self.piece + 1]
        if len(data) != int(found.group(1)):
            raise Nonsense("a literal of another length")
        self.piece += 2
        self.at = 0
        return bytes(data)

    def list(self):
        self.expect(b"(")
        values = []
        while not self.skip(b")"):
            if self.piece >= len(self.pieces) or (self.at >= len(self.text)):
                raise Nonsense(f"an unclosed list: {self.pieces!r}")
            values.append(self.value())
            if not self.skip(b" ") and self.peek() not in (b")", b"("):
                raise Nonsense(f"a blank wanted at {self.at} of {self.text!r}")
        return values

    def rest(self):
        values = []
        while not self.is_over:
            values.append(self.value())
            if not self.skip(b" ") and not self.is_over:
                raise Nonsense(f"a blank wanted at {self.at} of {self.text!r}")
        return values


STATUS = re.compile(rb"^(\S+) (OK|NO|BAD|BYE|PREAUTH)(?: \[([A-Za-z0-9.-]+)(?: ([^\]]*))?\])?(?: (.*))?$", re.I | re.S)


def status(pieces):
    """(OK | NO | BAD | BYE, response code or None, its arguments, text)."""
    found = STATUS.match(b"".join(pieces))
    if not found:
        raise Nonsense(f"not a status: {pieces!r}")
    _, kind, code, arguments, text = found.groups()
    return kind.upper().decode(), code.upper().decode() if code else None, arguments or b"", text or b""
