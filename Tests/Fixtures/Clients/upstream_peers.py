"""What stands behind a relay on its bad days: a mail server that does whatever a case asks for, certificates of every
kind, and a name server that fails as it is told."""
import base64
import contextlib
import datetime
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time

CLOSE, RESET, SILENCE = object(), object(), object()


class Authority:
    """Certificates that its own file vouches for, or doesn't."""

    def __init__(self, folder):
        self.folder, self.file = folder, f"{folder}/authority.crt"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", "/CN=an authority", "-keyout", f"{folder}/authority.key", "-out", self.file)

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == 0, f"openssl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def issue(self, name, names="IP:127.0.0.1,DNS:localhost", days=30, signed=True):
        """A server's context; days before today for one that has expired."""
        path = f"{self.folder}/{name}"
        if not signed:
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                         "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", f"{path}.key", "-out",
                         f"{path}.crt")
        else:
            self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                         f"/CN={name}", "-keyout", f"{path}.key", "-out", f"{path}.csr")
            with open(f"{path}.ext", "w") as file:
                file.write(f"subjectAltName={names}\n")
            self.sign(path, days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{path}.crt", f"{path}.key")
        return context

    def sign(self, path, days):
        """By `openssl ca`, which alone takes both dates in every version."""
        with open(f"{path}.cnf", "w") as file:
            file.write(f"[ca]\ndefault_ca=a\n[a]\ndatabase={path}.db\nserial={path}.serial\nnew_certs_dir=.\n"
                       f"default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        open(f"{path}.db", "w").close()
        with open(f"{path}.serial", "w") as file:
            file.write(f"{time.time_ns():X}".rjust(16, "0") + "\n")
        today = datetime.datetime.now(datetime.timezone.utc)
        begin, end = (today + datetime.timedelta(days=d) for d in (-40, days))
        self.openssl("ca", "-batch", "-notext", "-config", f"{path}.cnf", "-cert", self.file, "-keyfile",
                     f"{self.folder}/authority.key", "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate",
                     f"{end:%Y%m%d%H%M%SZ}", "-extfile", f"{path}.ext", "-in", f"{path}.csr", "-out", f"{path}.crt")

    def fingerprint(self, name):
        text = self.openssl("x509", "-in", f"{self.folder}/{name}.crt", "-noout", "-fingerprint", "-sha256")
        return text.strip().split("=")[1].replace(":", "").lower()


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that leaves is no news


class Upstream:
    """A mail server that is good until it is told otherwise.

    - `says`: what is said instead at a stage (`greeting`, a verb, `text` amid the message, `.` at its end): octets,
      `CLOSE`, `RESET`, `SILENCE`, or a list of these, one for each time; the last one stays.
    - `clear`, `secure`: what EHLO lists without and with TLS.
    - `context`: its certificate; None for none. `implicit`: TLS from the first octet.
    - `users`: name and password of those who may log in; `needs_login`: nobody else sends.
    """

    def __init__(self, context=None, implicit=False, users=None, port=0):
        self.context, self.implicit, self.users = context, implicit, users or {}
        self.needs_login = bool(users)
        self.clear = ["STARTTLS", "8BITMIME"] if context and not implicit else ["8BITMIME"]
        self.secure = ["8BITMIME"] + (["AUTH PLAIN LOGIN"] if users else [])
        self.says = {}
        self.messages = []  # (sender, recipients, text, login)
        self.heard = []  # (secure, octets as they came)
        self.logins = []
        self.connections = 0
        self.dialogues = []
        self.greet = "220 upstream.example ESMTP"
        self.taken = lambda sender, recipients, text: None
        peer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                peer.connections += 1
                dialogue = Dialogue(peer, self.connection)
                peer.dialogues.append(dialogue)
                dialogue.run()

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def forget(self):
        """Ends connections that are kept, and forgets what was heard."""
        for dialogue in self.dialogues:
            with contextlib.suppress(OSError):
                dialogue.connection.shutdown(socket.SHUT_RDWR)
        self.dialogues, self.heard = [], []

    def subjects(self):
        return [line[9:] for _, _, text, _ in self.messages for line in text.split("\r\n") if line.startswith("Subject: ")]


class Over(Exception):
    pass


class Dialogue:
    """One connection to an `Upstream`."""

    def __init__(self, peer, connection):
        self.peer, self.connection, self.secure, self.login = peer, connection, False, None

    def run(self):
        try:
            if self.peer.implicit:
                self.start_tls()
            self.stream = self.connection.makefile("rb")
            self.answer("greeting", self.peer.greet)
            while line := self.stream.readline():
                self.peer.heard.append((self.secure, line))
                self.command(line.decode(errors="replace").rstrip("\r\n"))
        except (Over, OSError, ValueError):
            pass

    def start_tls(self):
        self.connection = self.peer.context.wrap_socket(
            self.connection, server_side=True, do_handshake_on_connect=False)
        self.connection.do_handshake()
        self.secure = True

    def say(self, text):
        self.connection.sendall(text if isinstance(text, bytes) else text.encode() + b"\r\n")

    def answer(self, stage, standard):
        """Says what the case has for the stage; true when it was the standard."""
        said = self.peer.says.get(stage)
        if isinstance(said, list):
            said = said.pop(0) if len(said) > 1 else said[0]
        if said is None:
            if standard is not None:
                self.say(standard)
            return True
        if said is CLOSE:
            self.connection.shutdown(socket.SHUT_RDWR)
            raise Over
        if said is RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise Over
        if said is not SILENCE:
            self.say(said)
        return False

    def command(self, text):
        verb = text.split(" ")[0].upper()
        if verb in ("EHLO", "LHLO"):
            words = self.peer.secure if self.secure else self.peer.clear
            lines = ["upstream.example", *words]
            self.answer("EHLO", "\r\n".join(f"250-{w}" for w in lines[:-1]) + ("\r\n" if words else "") + f"250 {lines[-1]}")
        elif verb == "STARTTLS":
            if self.answer("STARTTLS", "220 go on"):
                self.start_tls()
                self.stream = self.connection.makefile("rb")
        elif verb == "AUTH":
            self.auth(text.split(" "))
        elif verb == "MAIL":
            self.sender, self.recipients = text, []
            self.answer("MAIL", "530 5.7.0 log in first" if self.peer.needs_login and not self.login else "250 2.1.0 ok")
        elif verb == "RCPT":
            if self.answer("RCPT", "250 2.1.5 ok"):
                self.recipients.append(text[len("RCPT TO:<"):].split(">")[0])
        elif verb == "DATA":
            if self.answer("DATA", "354 go on"):
                self.data()
        elif verb == "QUIT":
            self.answer("QUIT", "221 bye")
            raise Over
        else:
            self.answer(verb, "250 ok")

    def auth(self, words):
        if words[1].upper() == "LOGIN":
            fields = []
            for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                self.say("334 " + prompt)
                line = self.stream.readline()
                self.peer.heard.append((self.secure, line))
                fields.append(base64.b64decode(line).decode())
            name, password = fields
        else:
            name, password = base64.b64decode(words[2]).decode().split("\0")[1:]
        self.peer.logins.append((name, password))
        right = self.peer.users.get(name) == password
        if self.answer("AUTH", "235 2.7.0 welcome" if right else "535 5.7.8 Username and password not accepted") and right:
            self.login = name

    def data(self):
        body = []
        while (row := self.stream.readline()) not in (b".\r\n", b""):
            body.append(row[1:] if row.startswith(b".") else row)
            if "text" in self.peer.says and len(body) == 2:
                self.answer("text", None)
        text = b"".join(body).decode(errors="replace")
        if row and self.answer(".", "250 2.0.0 taken"):
            self.peer.messages.append((self.sender, self.recipients, text, self.login))
            self.peer.taken(self.sender, self.recipients, text)


class NameServer:
    """A name server for UDP with a case's records: `{(name, type): [data]}`, a word for a failure, None for no data.

    Names that aren't there don't exist. `asked` counts the questions.
    """

    TYPES = {1: "A", 15: "MX", 28: "AAAA", 16: "TXT"}

    def __init__(self, records):
        self.records, self.asked = records, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.socket.close()

    @staticmethod
    def name(text):
        return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"

    def serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
            except OSError:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
                at += query[at] + 1
            question, name = query[12:at + 5], ".".join(labels)
            kind = self.TYPES.get(struct.unpack(">H", query[at + 1:at + 3])[0], "?")
            self.asked.append((name, kind))
            data = self.records.get((name, kind), self.records.get((name, "*")))
            if data is None and not any(known == name for known, _ in self.records):
                data = "NXDOMAIN"
            if data == "SILENCE":
                continue
            self.socket.sendto(self.reply(query, question, kind, data), client)

    def reply(self, query, question, kind, data):
        code = {"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}.get(data, 0) if isinstance(data, str) else 0
        answers = data if isinstance(data, list) else []
        authority = code == 3 or (code == 0 and not answers)
        text = query[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(answers), int(authority), 0) + question
        for item in answers:
            if kind == "MX":
                preference, host = item.split(" ")
                rdata = struct.pack(">H", int(preference)) + self.name(host)
            elif kind == "AAAA":
                rdata = socket.inet_pton(socket.AF_INET6, item)
            else:
                rdata = socket.inet_aton(item)
            number = {word: number for number, word in self.TYPES.items()}[kind]
            text += b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 1, len(rdata)) + rdata
        if authority:
            soa = self.name("ns.test") + self.name("root.test") + struct.pack(">IIIII", 1, 1, 1, 1, 1)
            text += b"\0" + struct.pack(">HHIH", 6, 1, 1, len(soa)) + soa
        return text
