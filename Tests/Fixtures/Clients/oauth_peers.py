"""A provider of OAuth 2 tokens and a mail server that takes them: both look at every field they are sent.

What is wrong with a request stands in `complaints`, which a case expects to be empty at its end.
"""
import base64
import hashlib
import http.server
import json
import os
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.parse

CLIENT = "client-1"
SECRET = "very secret 1"
SCOPES = "https://mail.example/send offline_access"
USER = "office@example.test"


def certificate(folder):
    """A certificate for 127.0.0.1 and localhost that is its own authority."""
    chain, key = f"{folder}/peer.crt", f"{folder}/peer.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", chain],
        check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return chain, context


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that leaves is no news


class Provider:
    """Device flow, authorization code with PKCE, refresh with rotation, revocation, and bad days."""

    def __init__(self, folder):
        self.chain, context = certificate(folder)
        self.lock = threading.Lock()
        self.complaints = []
        self.grants = []  # the kinds of requests, in order
        self.polls = 0
        self.pending = 2  # polls until somebody has logged in
        self.slow_down = 0
        self.denied = False
        self.lifetime = 3600
        self.number = 0
        self.access = None  # the token that holds
        self.refresh = None
        self.used = set()
        self.challenge = None
        self.code = None
        self.trouble = None  # a function of the handler, instead of an answer
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
                    peer.complain("content type", self.headers.get("Content-Type"))
                form = urllib.parse.parse_qs(text, strict_parsing=True, keep_blank_values=True)
                with peer.lock:
                    status, answer = peer.answer(self.path, {key: values[0] for key, values in form.items()})
                    trouble = peer.trouble
                if trouble:
                    trouble(self)
                    return
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                peer.complain("GET", self.path)
                self.send_error(405)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self):
        return f"https://127.0.0.1:{self.port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def complain(self, *words):
        self.complaints.append(" ".join(str(word) for word in words))

    def wants(self, form, **fields):
        fields.update(client_id=CLIENT, client_secret=SECRET)
        for name, value in fields.items():
            if form.get(name) != value:
                self.complain(f"{name} is {form.get(name)!r}, not {value!r}")
        for name in form:
            if name not in fields and name not in ("grant_type",):
                self.complain(f"{name} is not wanted: {form[name]!r}")

    def answer(self, path, form):
        if path == "/device":
            self.grants.append("device")
            self.wants(form, scope=SCOPES)
            return 200, {"device_code": "DEVICE-1", "user_code": "WDJB-MJHT", "verification_uri": f"{self.base}/go",
                         "verification_uri_complete": f"{self.base}/go?code=WDJB-MJHT", "expires_in": 60, "interval": 1}
        if path != "/token":
            self.complain("path", path)
            return 404, {}
        kind = form.get("grant_type")
        self.grants.append(kind)
        if kind == "urn:ietf:params:oauth:grant-type:device_code":
            self.wants(form, device_code="DEVICE-1")
            self.polls += 1
            if self.denied:
                return 400, {"error": "access_denied"}
            if self.slow_down:
                self.slow_down -= 1
                return 400, {"error": "slow_down"}
            if self.polls <= self.pending:
                return 400, {"error": "authorization_pending"}
            return self.give()
        if kind == "authorization_code":
            verifier = form.get("code_verifier", "")
            self.wants(form, code=self.code, redirect_uri="http://localhost", code_verifier=verifier)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            if challenge != self.challenge or not 43 <= len(verifier) <= 128:
                self.complain("code_verifier")
                return 400, {"error": "invalid_grant"}
            return self.give()
        if kind == "refresh_token":
            self.wants(form, refresh_token=form.get("refresh_token"))
            if form.get("refresh_token") != self.refresh:
                if form.get("refresh_token") in self.used:
                    self.complain("a refresh token was used twice")
                return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return self.give()
        self.complain("grant_type", kind)
        return 400, {"error": "unsupported_grant_type"}

    def give(self):
        """A new pair; the earlier refresh token is over."""
        if self.refresh:
            self.used.add(self.refresh)
        self.number += 1
        self.access, self.refresh = f"ACCESS-{self.number}", f"REFRESH-{self.number}"
        return 200, {"access_token": self.access, "refresh_token": self.refresh, "token_type": "Bearer",
                     "expires_in": self.lifetime, "scope": SCOPES}

    def visit(self, url):
        """What a person's browser does with the link; returns the address that it ends at."""
        parts = urllib.parse.urlsplit(url)
        query = {key: values[0] for key, values in urllib.parse.parse_qs(parts.query).items()}
        wanted = {"response_type": "code", "client_id": CLIENT, "redirect_uri": "http://localhost", "scope": SCOPES,
                  "code_challenge_method": "S256", "login_hint": USER, "prompt": "consent"}
        for name, value in wanted.items():
            if query.get(name) != value:
                self.complain(f"{name} of the link is {query.get(name)!r}, not {value!r}")
        self.challenge = query.get("code_challenge")
        self.code = "4/0A-code"
        return "http://localhost/?" + urllib.parse.urlencode({"state": query.get("state", ""), "code": self.code})


class MailServer:
    """A submission server that takes XOAUTH2 and OAUTHBEARER alone, over STARTTLS."""

    def __init__(self, folder, provider, mechanisms="XOAUTH2 OAUTHBEARER"):
        chain, key = f"{folder}/peer.crt", f"{folder}/peer.key"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain, key)
        self.provider = provider
        self.mechanisms = mechanisms
        self.complaints = []
        self.messages = []  # (sender, recipients, text)
        self.logins = []  # (mechanism, token, taken)
        self.heard = []  # every line before a message's text
        self.refuse_all = False
        peer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                peer.serve(self)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, handler):
        stream, writer = handler.rfile, handler.wfile
        secure = logged_in = False
        sender, recipients = None, []

        def say(text):
            writer.write(text.encode() + b"\r\n")
            writer.flush()

        say("220 smtp.peer.example ESMTP")
        while line := stream.readline():
            text = line.decode(errors="replace").rstrip("\r\n")
            self.heard.append(text)
            verb = text.upper()
            if verb.startswith("EHLO"):
                words = [f"AUTH {self.mechanisms}", "SIZE 1000000"] if secure else ["STARTTLS", "SIZE 1000000"]
                say("\r\n".join(["250-smtp.peer.example"] + [f"250-{word}" for word in words[:-1]] + [f"250 {words[-1]}"]))
            elif verb == "STARTTLS":
                say("220 go on")
                wrapped = self.context.wrap_socket(handler.connection, server_side=True)
                stream, writer, secure = wrapped.makefile("rb"), wrapped.makefile("wb"), True
            elif verb.startswith("AUTH"):
                if not secure:
                    self.complaints.append("AUTH without TLS")
                logged_in = self.log_in(text.split(" "), say, stream)
            elif verb.startswith("MAIL"):
                sender, recipients = text, []
                say("250 ok" if logged_in else "530 5.7.0 log in first")
            elif verb.startswith("RCPT"):
                recipients.append(text)
                say("250 ok" if logged_in else "530 5.7.0 log in first")
            elif verb == "DATA":
                say("354 go on")
                body = []
                while (row := stream.readline()) not in (b".\r\n", b""):
                    body.append(row)
                self.messages.append((sender, recipients, b"".join(body).decode()))
                say("250 2.0.0 taken")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok" if verb == "RSET" else "500 what")

    def log_in(self, words, say, stream):
        mechanism = words[1].upper()
        if len(words) < 3:
            say("334 ")
            words.append(stream.readline().decode().strip())
        message = base64.b64decode(words[2], validate=True).decode()
        token = message.split("auth=Bearer ")[-1].split("\x01")[0]
        if mechanism == "XOAUTH2":
            wanted = f"user={USER}\x01auth=Bearer {token}\x01\x01"
        else:  # RFC 7628 §3.1
            wanted = f"n,a={USER},\x01host=127.0.0.1\x01port={self.port}\x01auth=Bearer {token}\x01\x01"
        if message != wanted:
            self.complaints.append(f"{mechanism}: {message!r}, not {wanted!r}")
        taken = token == self.provider.access and not self.refuse_all
        self.logins.append((mechanism, token, taken))
        if taken:
            say("235 2.7.0 welcome")
            return True
        blob = {"status": "401", "schemes": "bearer", "scope": "https://mail.example/send"}
        say("334 " + base64.b64encode(json.dumps(blob).encode()).decode())
        answer = stream.readline().decode().strip()
        if (answer, mechanism) not in (("", "XOAUTH2"), ("AQ==", "OAUTHBEARER")):
            self.complaints.append(f"the error was answered with {answer!r}")
        say("535 5.7.8 Username and Password not accepted.")
        return False
