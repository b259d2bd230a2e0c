"""Logging in without sending the password: SCRAM and access tokens, in IMAP, POP3 and submission."""
import hashlib
import shutil
import signal
import tempfile

import login_peers
from common import *
from login_peers import CLIENT, SECRET, Scram, b64

BINARY = os.environ["IT_BINARY"]
LOGIN = "alice@example.test"
RIGHT = "correct horse 1"
PROTOCOLS = ("imap", "pop3", "smtp")


class Room:
    """A program of a case's own; tokens are asked about at `peer`."""

    def __init__(self, manifest="", tokens=False):
        self.folder = tempfile.mkdtemp(prefix="martlet-login-")
        self.config = f"{self.folder}/martlet.yaml"
        self.offset = free_offset()
        self.process = None
        self.environment = dict(os.environ)
        self.peer = login_peers.Introspector() if tokens else None
        with open(f"{self.folder}/password", "w") as file:
            file.write(RIGHT + "\n")
        with open(f"{self.folder}/secret", "w") as file:
            file.write(SECRET + "\n")
        self.run("quickstart", LOGIN, "--hostname", "mail.example.test", "--data", f"{self.folder}/data",
                 "--listen", "127.0.0.1", "--port-offset", str(self.offset), "--password-file",
                 f"{self.folder}/password")
        self.plain = open(self.config).read()
        if tokens:
            manifest = f"""logins:
  oauth2:
    introspection_endpoint: "{self.peer.url}"
    client_id: "{CLIENT.replace(' ', '')}"
    client_secret_file: {self.folder}/secret
    audience: [mail.example.test]
    scopes: [mail]
    discovery: https://id.example/.well-known/openid-configuration
"""
        self.set(manifest)

    def set(self, manifest):
        with open(self.config, "w") as file:
            file.write(f"{self.plain}\n{manifest}\n")

    def run(self, *words, given=None):
        done = subprocess.run([BINARY, *words, "--config", self.config], capture_output=True, text=True, input=given,
                              timeout=60)
        equal(done.returncode, 0, f"martlet {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def log(self):
        with open(f"{self.folder}/log") as file:
            return file.read()

    def start(self):
        log = open(f"{self.folder}/log", "a")
        begin = os.path.getsize(f"{self.folder}/log")
        self.process = subprocess.Popen([BINARY, "serve", "--config", self.config], stdout=log, stderr=log,
                                        env=self.environment)
        until(lambda: "READY" in self.log()[begin:] or self.process.poll() is not None, "the server is ready")
        assert self.process.poll() is None, self.log()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(30), 0, f"the server's exit status, after {self.log()}")
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.process:
            self.stop()
        if self.peer:
            self.peer.close()
        if kind is not None:
            return print(self.log())
        if self.peer:
            equal(self.peer.complaints, [], "what the introspection server did not like")
        for word in (SECRET, "TOKEN-", RIGHT):
            assert word not in self.log(), f"{word} stands in the log"
        shutil.rmtree(self.folder, ignore_errors=True)

    def exchange(self, protocol):
        return Exchange(self, protocol)


class Exchange:
    """The three protocols' ways of saying the same."""

    def __init__(self, room, protocol):
        self.protocol = protocol
        standard = {"imap": 993, "pop3": 995, "smtp": 465}[protocol]
        self.wire = Wire(standard + room.offset - OFFSET, tls=True)
        self.certificate = self.wire.socket.getpeercert(binary_form=True)
        if protocol == "smtp":
            self.wire.reply()
            self.offered = re.search(r"250[- ]AUTH (.*)", self.wire.smtp("EHLO peer.example", 250)).group(1).split()
        elif protocol == "pop3":
            self.wire.line()
            self.wire.pop("CAPA")
            lines = [line.decode() for line in self.wire.pop_lines()]
            self.offered = next(line for line in lines if line.startswith("SASL ")).split()[1:]
        else:
            self.offered = re.findall(r"AUTH=(\S+?)[\] ]", self.wire.line().decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def begin(self, mechanism, initial=None):
        verb = {"imap": "a AUTHENTICATE", "pop3": "AUTH", "smtp": "AUTH"}[self.protocol]
        return self.say(f"{verb} {mechanism}" + ("" if initial is None else f" {b64(initial) or '='}"))

    def answer(self, message):
        return self.say(b64(message))

    def say(self, line):
        """What the server answers: ("more", challenge), ("yes", text) or ("no", text)."""
        self.wire.send(line + "\r\n")
        while True:
            text = self.wire.line().decode()
            assert text, "the connection was closed"
            if self.protocol == "imap" and text.startswith("* "):
                continue
            if text.startswith("334 ") or text.startswith("+ ") or text == "+":
                return "more", __import__("base64").b64decode(text.partition(" ")[2]).decode()
            good = text.startswith(("a OK", "+OK", "235 "))
            return ("yes" if good else "no"), text

    def scram(self, client, mechanism="SCRAM-SHA-256", initial=True):
        """The end of a whole exchange."""
        if initial:
            kind, text = self.begin(mechanism, client.first())
        else:
            kind, text = self.begin(mechanism)
            equal((kind, text), ("more", ""), "the empty challenge")
            kind, text = self.answer(client.first())
        if kind != "more":
            return kind, text
        kind, text = self.answer(client.final(text))
        if kind != "more":
            return kind, text
        equal(text, client.wanted, "the server's proof")
        return self.say("")

    def token(self, token, login=LOGIN, mechanism="OAUTHBEARER", initial=True):
        """The end of an exchange with a token, and what the server explained."""
        if mechanism == "XOAUTH2":
            message = f"user={login}\1auth=Bearer {token}\1\1"
        else:
            message = f"n,{'a=' + login if login else ''},\1host=mail.example.test\1port=993\1auth=Bearer {token}\1\1"
        kind, text = self.begin(mechanism, message) if initial else self.begin(mechanism)
        if not initial:
            equal((kind, text), ("more", ""), "the empty challenge")
            kind, text = self.answer(message)
        explanation = None
        if kind == "more":
            explanation = json_of(text)
            kind, text = self.answer("\1" if mechanism == "OAUTHBEARER" else "")
        return kind, text, explanation


def json_of(text):
    import json
    return json.loads(text)


REFUSED = {"imap": "[AUTHENTICATIONFAILED]", "pop3": "[AUTH]", "smtp": "535 5.7.8"}


def case_scram_in_every_protocol():
    with Room() as room:
        for protocol in PROTOCOLS:
            for initial in (True, False):
                with room.exchange(protocol) as exchange:
                    equal(exchange.offered, ["SCRAM-SHA-256", "PLAIN", "LOGIN"], protocol)
                    equal(exchange.scram(Scram(LOGIN, RIGHT), initial=initial)[0], "yes", protocol)
            with room.exchange(protocol) as exchange:
                equal(exchange.scram(Scram(LOGIN.upper(), RIGHT, header=f"n,a={LOGIN},"))[0], "yes", "as oneself")
        until(lambda: room.log().count("SCRAM-SHA-256") >= 9, "the logins stand in the log")


def case_scram_refusals_look_alike():
    with Room() as room:
        for protocol in PROTOCOLS:
            salts = []
            for login, password in [(LOGIN, "wrong"), ("nobody@example.test", RIGHT), ("nobody@example.test", "x")]:
                with room.exchange(protocol) as exchange:
                    client = Scram(login, password)
                    kind, text = exchange.scram(client)
                    equal(kind, "no", text)
                    contains(text, REFUSED[protocol])
                    salts.append(client.salt)
            equal(salts[1], salts[2], "the salt of who does not exist")
            equal(len(salts[0]), len(salts[1]), "the lengths of salts")
        known = salts[1]
        room.stop()
        room.start()
        with room.exchange("imap") as exchange:
            client = Scram("nobody@example.test", RIGHT)
            exchange.scram(client)
            equal(client.salt, known, "the salt after a restart")


def case_scram_cancelled_and_malformed():
    with Room() as room:
        for protocol in PROTOCOLS:
            for firsts in [("", "n,,", "n,,n=a"), ("x,,n=a,r=b", "n,,m=x,n=a,r=b", "p=tls-exporter,,n=a,r=b")]:
                with room.exchange(protocol) as exchange:
                    for first in firsts:
                        equal(exchange.begin("SCRAM-SHA-256", first)[0], "no", repr(first))
            with room.exchange(protocol) as exchange:
                kind, _ = exchange.begin("SCRAM-SHA-256", Scram(LOGIN, RIGHT).first())
                equal(kind, "more")
                equal(exchange.say("*")[0], "no", "cancelled")
            with room.exchange(protocol) as exchange:
                equal(exchange.begin("SCRAM-SHA-256")[0], "more")
                kind, text = exchange.say("A" * 20_000)
                equal(kind, "no", "a line that is too long")
            with room.exchange(protocol) as exchange:
                equal(exchange.scram(Scram(LOGIN, RIGHT))[0], "yes", "afterwards")


def case_scram_bound_to_the_channel():
    with Room("logins: {channel_binding: true}") as room:
        for protocol in PROTOCOLS:
            head = "p=tls-server-end-point,,"
            with room.exchange(protocol) as exchange:
                equal(exchange.offered[:2], ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])
                digest = hashlib.sha256(exchange.certificate).digest()
                equal(exchange.scram(Scram(LOGIN, RIGHT, head, digest), "SCRAM-SHA-256-PLUS")[0], "yes", protocol)
            for header, binding, mechanism in [
                # somebody in between has another certificate; a list that was cut; another kind of binding
                (head, hashlib.sha256(b"another").digest(), "SCRAM-SHA-256-PLUS"), ("y,,", b"", "SCRAM-SHA-256"),
                ("p=tls-exporter,,", digest, "SCRAM-SHA-256-PLUS"), ("p=tls-unique,,", digest, "SCRAM-SHA-256-PLUS"),
                ("n,,", b"", "SCRAM-SHA-256-PLUS"), (head, digest, "SCRAM-SHA-256"),
            ]:
                with room.exchange(protocol) as exchange:
                    kind, text = exchange.scram(Scram(LOGIN, RIGHT, header, binding), mechanism)
                    equal(kind, "no", f"{header} {mechanism}: {text}")
            with room.exchange(protocol) as exchange:
                equal(exchange.scram(Scram(LOGIN, RIGHT))[0], "yes", "a client without channel binding")


def case_scram_bound_with_several_certificates():
    with Room() as room:
        room.stop()
        items = []
        for name, kind in [("one.example.test", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha256"]),
                           ("two.example.test", ["rsa:2048", "-sha512"])]:
            chain, key = f"{room.folder}/{name}.crt", f"{room.folder}/{name}.key"
            subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-days", "30", "-subj", f"/CN={name}",
                            "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", chain], check=True,
                           capture_output=True)
            items.append(f"chain={chain};key={key}")
        room.set("logins: {channel_binding: true}")
        room.environment["MARTLET_TLS_CERTIFICATES"] = ",".join(items)
        room.start()
        import common
        hostname = common.HOSTNAME
        for name, hash_of in [("one.example.test", hashlib.sha256), ("two.example.test", hashlib.sha512),
                              ("else.example.test", hashlib.sha256)]:
            common.HOSTNAME = name
            with room.exchange("imap") as exchange:
                digest = hash_of(exchange.certificate).digest()
                client = Scram(LOGIN, RIGHT, "p=tls-server-end-point,,", digest)
                equal(exchange.scram(client, "SCRAM-SHA-256-PLUS")[0], "yes", name)
        common.HOSTNAME = hostname


def case_verifiers_come_with_the_first_login_and_go_with_the_password():
    with Room("logins: {scram: false}") as room:
        room.run("account", "add", "carol@example.test", "--password-file", f"{room.folder}/password")
        with room.exchange("imap") as exchange:
            equal(exchange.offered, ["PLAIN", "LOGIN"])
            equal(exchange.begin("SCRAM-SHA-256", Scram("carol@example.test", RIGHT).first())[0], "no")
        room.set("logins: {scram: true}")
        room.process.send_signal(signal.SIGHUP)

        def works(password):
            with room.exchange("imap") as exchange:
                return exchange.scram(Scram("carol@example.test", password))[0] == "yes"

        until(lambda: room.exchange("imap").offered[0] == "SCRAM-SHA-256", "the reload has happened")
        assert not works(RIGHT), "there is no verifier yet"
        with room.exchange("pop3") as exchange:
            equal(exchange.begin("PLAIN", f"\0carol@example.test\0{RIGHT}")[0], "yes")
        assert works(RIGHT)
        with open(f"{room.folder}/other", "w") as file:
            file.write("another one 2\n")
        room.run("account", "passwd", "carol@example.test", "--password-file", f"{room.folder}/other")
        assert works("another one 2")
        assert not works(RIGHT), "the old password's verifier is gone"


def case_gsasl():
    if not shutil.which("gsasl"):
        return print("gsasl is not installed")
    with Room() as room:
        for kind, standard in (("--imap", 143), ("--smtp", 587)):
            for mechanism, password, good in [("SCRAM-SHA-256", RIGHT, True), ("SCRAM-SHA-256", "wrong", False),
                                              ("PLAIN", RIGHT, True), (None, RIGHT, True)]:
                # --no-cb: with channel binding at hand it takes no mechanism without, whatever is offered
                done = subprocess.run(
                    ["gsasl", kind, "--connect", f"127.0.0.1:{standard + room.offset}", "-a", LOGIN, "-p", password,
                     "--x509-ca-file=", "--no-cb", *(["-m", mechanism] if mechanism else [])],
                    input="", capture_output=True, text=True, timeout=60)
                equal(done.returncode == 0, good, f"gsasl {kind} {mechanism}: {done.stdout}{done.stderr}")


GOOD = {"active": True, "email": LOGIN, "scope": "mail calendar", "aud": ["mail.example.test", "other"]}


def token_room():
    room = Room(tokens=True)
    room.peer.tokens = {
        "TOKEN-GOOD": GOOD, "TOKEN-OTHER": {**GOOD, "email": "bob@example.test"},
        "TOKEN-SCOPE": {**GOOD, "scope": "calendar"}, "TOKEN-AUDIENCE": {**GOOD, "aud": "other"},
        "TOKEN-OLD": {**GOOD, "exp": 1_000_000_000}, "TOKEN-NOBODY": {"active": True, "scope": "mail"},
    }
    return room


def case_tokens_in_every_protocol():
    login_peers.CLIENT = CLIENT.replace(" ", "")
    with token_room() as room:
        for protocol in PROTOCOLS:
            for mechanism in ("OAUTHBEARER", "XOAUTH2"):
                for initial in (True, False):
                    with room.exchange(protocol) as exchange:
                        equal(exchange.offered[-2:], ["OAUTHBEARER", "XOAUTH2"], protocol)
                        kind, text, explanation = exchange.token("TOKEN-GOOD", mechanism=mechanism, initial=initial)
                        equal((kind, explanation), ("yes", None), text)
            with room.exchange(protocol) as exchange:
                equal(exchange.token("TOKEN-GOOD", login="")[0], "yes", "whom the token names")
        equal(room.peer.asked, 1, "the answer is remembered")


def case_tokens_that_are_refused():
    login_peers.CLIENT = CLIENT.replace(" ", "")
    with token_room() as room:
        for protocol in PROTOCOLS:
            for token, status in [("TOKEN-NONE", "invalid_token"), ("TOKEN-OLD", "invalid_token"),
                                  ("TOKEN-AUDIENCE", "invalid_token"), ("TOKEN-NOBODY", "invalid_token"),
                                  ("TOKEN-OTHER", "invalid_token"), ("TOKEN-SCOPE", "insufficient_scope")]:
                with room.exchange(protocol) as exchange:
                    kind, text, explanation = exchange.token(token)
                    equal((kind, explanation["status"]), ("no", status), f"{token}: {text}")
                    contains(text, REFUSED[protocol])
                    if token in ("TOKEN-NONE", "TOKEN-SCOPE"):
                        equal(explanation["scope"], "mail")
                        contains(explanation["openid-configuration"], "https://id.example/")
            with room.exchange(protocol) as exchange:
                equal(exchange.token("TOKEN-NONE", mechanism="XOAUTH2")[2]["status"], "401")
        with room.exchange("imap") as exchange:
            equal(exchange.begin("OAUTHBEARER", "rubbish")[0], "no")
            equal(exchange.begin("OAUTHBEARER", "n,,\1auth=Bearer TOKEN-GOOD\1\1")[0], "yes", "afterwards")


def case_an_endpoint_in_trouble():
    login_peers.CLIENT = CLIENT.replace(" ", "")
    with token_room() as room:
        room.peer.status = 500
        for protocol, words in [("imap", "[UNAVAILABLE]"), ("pop3", "[SYS/TEMP]"), ("smtp", "454 4.7.0")]:
            with room.exchange(protocol) as exchange:
                kind, text, explanation = exchange.token("TOKEN-GOOD")
                equal((kind, explanation), ("no", None))
                contains(text, words)
        room.peer.status = 200
        with room.exchange("imap") as exchange:
            equal(exchange.token("TOKEN-GOOD")[0], "yes", "trouble is not remembered")


if __name__ == "__main__":
    main(globals())
