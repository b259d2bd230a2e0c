"""OAuth 2 end to end: the provider and the mail server of oauth_peers.py, and the whole program with a route to them."""
import json
import shutil
import signal
import tempfile

import oauth_peers
from common import *
from oauth_peers import CLIENT, SCOPES, SECRET, USER

BINARY = os.environ["IT_BINARY"]


class Room:
    """A program of a case's own, its provider and its mail server."""

    def __init__(self, device=True, mechanisms="XOAUTH2 OAUTHBEARER"):
        self.folder = tempfile.mkdtemp(prefix="martlet-oauth-")
        self.provider = oauth_peers.Provider(self.folder)
        self.mail = oauth_peers.MailServer(self.folder, self.provider, mechanisms)
        self.config = f"{self.folder}/martlet.yaml"
        self.process = None
        with open(f"{self.folder}/password", "w") as file:
            file.write("correct horse 1\n")
        with open(f"{self.folder}/client.secret", "w") as file:
            file.write(SECRET + "\n")
        self.run("quickstart", "alice@example.test", "--hostname", "mail.example.test", "--data", f"{self.folder}/data",
                 "--listen", "127.0.0.1", "--port-offset", str(free_offset()), "--password-file",
                 f"{self.folder}/password")
        endpoint = f'device_endpoint: "{self.provider.base}/device", ' if device else ""
        with open(self.config, "a") as file:
            file.write(f"""
routing:
  routes:
    - name: office
      kind: smarthost
      hosts: ["[127.0.0.1]:{self.mail.port}"]
      tls: {{level: secure, ca_file: {self.provider.chain}}}
      login:
        username: {USER}
        oauth2: {{client_id: {CLIENT}, client_secret_file: {self.folder}/client.secret, {endpoint}
          token_endpoint: "{self.provider.base}/token", ca_file: {self.provider.chain},
          authorization_endpoint: "{self.provider.base}/auth?prompt=consent", scopes: [{", ".join(SCOPES.split())}]}}
  rules:
    - {{route: office}}
queue: {{minimum_backoff: 1s, maximum_backoff: 2s}}
""")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process:
            self.stop()
        self.mail.close()
        self.provider.close()
        if kind is None:
            equal(self.provider.complaints + self.mail.complaints, [], "what the peers did not like")
            self.keeps_secrets()
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(self.log())

    def log(self):
        try:
            with open(f"{self.folder}/log") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def keeps_secrets(self):
        for word in ("ACCESS-", "REFRESH-", SECRET, "DEVICE-1"):
            assert word not in self.log(), f"{word} stands in the log"

    def run(self, *words, status=0, given=None):
        done = subprocess.run(
            [BINARY, *words, "--config", self.config] if words[0] != "quickstart" else [BINARY, *words, "--config", self.config],
            capture_output=True, text=True, input=given, timeout=60)
        equal(done.returncode, status, f"martlet {' '.join(words)}: {done.stdout}{done.stderr}")
        for word in ("ACCESS-", "REFRESH-", SECRET, "DEVICE-1"):
            assert word not in done.stdout + done.stderr, f"martlet {' '.join(words)} shows {word}"
        return done.stdout + done.stderr

    def start(self):
        log = open(f"{self.folder}/log", "a")
        self.process = subprocess.Popen([BINARY, "serve", "--config", self.config], stdout=log, stderr=log)
        until(lambda: "READY" in self.log() or self.process.poll() is not None, "the server is ready")
        assert self.process.poll() is None, self.log()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(30), 0, f"the server's exit status, after {self.log()}")
        self.process = None

    def log_in(self):
        return self.run("route", "login", "office")

    def send(self, subject):
        done = subprocess.run(
            [BINARY, "sendmail", "--config", self.config, "-f", "alice@example.test", "friend@elsewhere.example"],
            input=f"Subject: {subject}\n\nHello.\n", capture_output=True, text=True, timeout=60)
        equal(done.returncode, 0, f"sendmail: {done.stdout}{done.stderr}")

    def arrived(self, subject):
        return until(lambda: [m for m in self.mail.messages if f"Subject: {subject}" in m[2]], f"{subject} has arrived")

    def logged(self, words):
        """The log is written by a thread of its own, a moment later."""
        until(lambda: words in self.log(), f"the log says {words!r}")

    def deferred(self, words):
        """The one message that waits, and why."""
        def look():
            entries = json.loads(self.run("queue", "list", "--json"))
            return [e for e in entries if words in self.run("queue", "show", e["id"])]
        return until(look, f"a message waits with {words!r}")


def case_device_login_with_the_server_stopped():
    with Room() as room:
        text = room.log_in()
        contains(text, "WDJB-MJHT")
        contains(text, f"{room.provider.base}/go")
        contains(text, "the token is valid until ")
        equal(room.provider.grants[0], "device")
        equal(room.provider.grants[-1], "refresh_token", "the check at the end")
        equal(room.provider.polls, 3)


def case_device_login_slows_down():
    with Room() as room:
        room.provider.pending, room.provider.slow_down = 0, 1
        began = time.monotonic()
        room.log_in()
        assert time.monotonic() - began > 6, "slow_down adds five seconds"


def case_device_login_that_is_refused():
    with Room() as room:
        room.provider.denied = True
        contains(room.run("route", "login", "office", status=77), "refused at the provider")


def case_pasted_address():
    with Room() as room:
        process = subprocess.Popen(
            [BINARY, "route", "login", "office", "--code", "--config", room.config], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        link = None
        while link is None:
            line = process.stdout.readline()
            assert line, "the link is shown"
            link = line.strip() if line.strip().startswith("https://") else None
        rest, _ = process.communicate(room.provider.visit(link) + "\n", timeout=60)
        equal(process.returncode, 0, rest)
        contains(rest, "the token is valid until ")
        equal(room.provider.grants, ["authorization_code", "refresh_token"])


def case_pasted_nonsense():
    with Room(device=False) as room:
        for pasted, words in (("", "no code"), ("http://localhost/?code=x&state=wrong", "another login"),
                              ("http://localhost/?error=access_denied", "access_denied")):
            contains(room.run("route", "login", "office", status=77, given=pasted + "\n"), words)
        equal(room.provider.grants, [])


def case_token_file_of_postfix():
    with Room() as room:
        room.provider.give()
        with open(f"{room.folder}/token", "w") as file:
            json.dump({"access_token": "x", "refresh_token": room.provider.refresh, "expiry": "0"}, file)
        room.run("route", "login", "office", "--token-file", f"{room.folder}/token")
        equal(room.provider.grants, ["refresh_token"])
        with open(f"{room.folder}/token", "w") as file:
            file.write("nonsense")
        contains(room.run("route", "login", "office", "--token-file", f"{room.folder}/token", status=78), "no JSON object")


def case_no_such_route_or_login():
    with Room() as room:
        contains(room.run("route", "login", "nowhere", status=65), "the manifest has office")
        contains(room.run("route", "login", "office", "--sender", "x@y.test", status=65), "no login with oauth2")


def case_json_shows_no_secret():
    with Room() as room:
        text = room.run("route", "login", "office", "--json")
        prompt = json.JSONDecoder().raw_decode(text)[0]
        equal(prompt["userCode"], "WDJB-MJHT")
        assert "deviceCode" not in prompt, prompt


def case_hostile_endpoints():
    """Slow, garbage, redirecting, endless: an error in words, within the time limit."""
    def garbage(handler):
        handler.wfile.write(b"\x00\xff" * 100)
        handler.close_connection = True

    def redirect(handler):
        handler.send_response(307)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "999999999")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"{" * 65536)

    def gone(handler):
        handler.connection.close()

    with Room() as room:
        for trouble, words in ((garbage, "failed"), (redirect, "redirect"), (endless, "more than 65536"), (gone, "failed")):
            room.provider.trouble = trouble
            contains(room.run("route", "login", "office", status=75), words, trouble.__name__)


def case_unknown_authority():
    with Room() as room:
        with open(room.config) as file:
            text = file.read()
        with open(room.config, "w") as file:
            file.write(text.replace(f', ca_file: {room.provider.chain},', ","))
        contains(room.run("route", "login", "office", status=75), "certificate")
        equal(room.provider.grants, [])


def case_send_renew_and_rotate():
    """Login with the server running, a message, expiry, and a renewal with rotation that survives a restart."""
    with Room() as room:
        room.start()
        room.provider.lifetime = 8  # renewed two seconds ahead
        room.log_in()
        room.send("first")
        room.arrived("first")
        renewed = room.provider.number
        time.sleep(8.5)  # real time: the token is over
        room.send("later")
        room.arrived("later")
        assert room.provider.number > renewed, "the token was renewed"
        room.stop()
        room.start()
        room.send("second")
        room.arrived("second")
        assert "a refresh token was used twice" not in room.provider.complaints


def case_oauthbearer():
    with Room(mechanisms="OAUTHBEARER") as room:
        room.start()
        room.log_in()
        room.send("bearer")
        room.arrived("bearer")
        equal(room.mail.logins[-1][0], "OAUTHBEARER")


def case_token_refused_once():
    """A token that was withdrawn before its time: renewed once, and the message goes."""
    with Room() as room:
        room.start()
        room.log_in()
        room.provider.access = "withdrawn"
        room.send("again")
        room.arrived("again")
        equal([taken for _, _, taken in room.mail.logins], [False, True])


def case_no_token_then_login():
    with Room() as room:
        room.start()
        room.send("early")
        room.deferred("nobody has logged in")
        room.logged("martlet route login office")
        equal(room.mail.logins, [])
        room.log_in()
        room.arrived("early")


def case_revocation_defers():
    with Room() as room:
        room.start()
        room.log_in()
        room.provider.access = room.provider.refresh = None
        room.send("revoked")
        room.deferred("revoked")
        room.logged("no access token: mail of this login waits")
        assert not room.mail.messages
        room.provider.polls = 0
        room.log_in()
        room.arrived("revoked")


def case_mailbox_refuses_every_token():
    with Room() as room:
        room.start()
        room.log_in()
        room.mail.refuse_all = True
        room.send("refused")
        room.deferred("not accepted")
        renewals = room.provider.number
        assert renewals <= 3, f"{renewals} tokens were asked for"
        room.mail.refuse_all = False


def case_provider_down():
    """The token at hand is used; when it is over mail waits and goes when the provider is back."""
    def busy(handler):
        handler.send_error(503)

    with Room() as room:
        room.start()
        room.provider.lifetime = 4
        room.log_in()
        room.provider.trouble = busy
        time.sleep(4.5)
        room.send("later")
        room.deferred("503")
        room.provider.trouble = None
        room.provider.polls = 0
        room.log_in()  # or wait: the provider is asked again after a while
        room.arrived("later")


if __name__ == "__main__":
    main(globals())
