"""What logs in, and who says whose a token is.

The clients are ours because none at hand can be made to err: a wrong proof, another certificate's digest, a token that a
program would never send. The introspection server is ours because a real one (Keycloak, Hydra) needs a machine of its own,
and none can be told to be slow, rude or wrong; it looks at every field it is sent and keeps what it does not like.
"""
import base64
import hashlib
import hmac
import http.server
import json
import secrets
import threading
import urllib.parse

CLIENT = "martlet & co"
SECRET = "introspection secret: 1"


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Scram:
    """A client of SCRAM-SHA-256. RFC 5802, RFC 7677"""

    def __init__(self, login, password, header="n,,", binding=b"", spoil=None):
        self.password = password
        self.header = header
        self.binding = binding
        self.spoil = spoil
        self.nonce = b64(secrets.token_bytes(18))
        self.bare = f"n={login.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"

    def first(self):
        return self.header + self.bare

    def final(self, challenge):
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        self.salt, self.count = fields["s"], int(fields["i"])
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce) + 17, challenge
        assert self.count >= 4096, challenge
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(self.salt), self.count)
        key = hmac.digest(salted, b"Client Key", "sha256")
        stored = hashlib.sha256(key).digest()
        channel = b64(self.header.encode() + self.binding)
        without = f"c={channel},r={fields['r']}"
        text = f"{self.bare},{challenge},{without}".encode()
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(stored, text, "sha256")))
        self.wanted = "v=" + b64(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), text, "sha256"))
        return f"{without},p={b64(proof)}"


class Introspector:
    """RFC 7662 on this machine."""

    def __init__(self, port=0):
        self.tokens = {}
        self.complaints = []
        self.asked = 0
        self.status = 200
        introspector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                introspector.serve(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/introspect"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def expect(self, holds, text):
        if not holds:
            self.complaints.append(text)

    def serve(self, handler):
        self.asked += 1
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()
        form = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
        self.expect(handler.path == "/introspect", f"path {handler.path}")
        self.expect(
            handler.headers.get("Content-Type") == "application/x-www-form-urlencoded", "the kind of the form")
        self.expect(set(form) == {"token", "token_type_hint"}, f"fields {sorted(form)}")
        kind, _, value = handler.headers.get("Authorization", "").partition(" ")
        known = base64.b64decode(value).decode() if kind == "Basic" else ""
        wanted = f"{urllib.parse.quote(CLIENT, safe='')}:{urllib.parse.quote(SECRET, safe='')}"
        self.expect(known == wanted, "the client's name and secret")
        answer = json.dumps(self.tokens.get(form.get("token"), {"active": False})).encode()
        handler.send_response(self.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
