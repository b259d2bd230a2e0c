"""Mail that is fetched from Dovecot: kill -9 in the middle again and again, tokens of a provider, messages that can't come."""
import http.server
import json
import os
import random
import signal
import tempfile
import threading
import urllib.parse

os.environ["IT_FOLDER"] = tempfile.mkdtemp(prefix="martlet-fetch-")
os.chmod(os.environ["IT_FOLDER"], 0o755)

import moving
import oauth_cases
from common import *
from oauth_peers import USER

ROUNDS = int(os.environ.get("IT_ROUNDS", "6"))
EACH = 40
LOGIN = "alice@example.test"


class Room(oauth_cases.Room):
    """A server of a case's own that may be killed, with a provider of tokens."""

    def __init__(self):
        super().__init__()
        self.secret = f"{self.folder}/secret"
        with open(self.secret, "w") as file:
            file.write(moving.SECRET + "\n")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        os.truncate(f"{self.folder}/log", 0)

    def fetch(self, name, way, port, user, *more, status=0):
        ca = ("--ca", str(moving.BASE / "cert.pem"))
        return self.run("fetch", "add", name, "--account", LOGIN, f"--{way}", f"localhost:{port}", "--user", user, "--mailbox",
                        name, "--every", "10s", *ca, *more, status=status)

    def job(self, name):
        return next(job for job in json.loads(self.run("fetch", "list", "--json")) if job["name"] == name)

    def limit_messages(self, size):
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(re.sub(r"message_size: \S+", f"message_size: {size}", text))
        self.run("reload")

    def boxes(self):
        return {box["path"]: box["messages"] for box in json.loads(self.run("mailbox", "list", LOGIN, "--json"))}

    def watch(self, names, goal):
        """Looks at some mailboxes until they hold so many messages together; returns how many they held then."""
        with open(self.config) as file:
            number = int(matches(file.read(), r"imaps[^\n]*?port: (\d+)").group(1))
        client = imaplib.IMAP4_SSL("127.0.0.1", number, ssl_context=TLS, timeout=TIMEOUT)
        client.login(LOGIN, "correct horse 1")
        end = time.monotonic() + 120
        while True:
            here = sum(int(matches(client.status(name, "(MESSAGES)")[1][0].decode(), r"MESSAGES (\d+)").group(1)) for name in names)
            if here >= goal:
                return here
            assert time.monotonic() < end, f"{here} of {goal} messages"

    def numbers(self, name):
        """The messages of a mailbox, as they were numbered, from its files."""
        target = f"{self.folder}/out-{name}.mbox"
        self.run("export", "mbox", target, "--account", LOGIN, "--mailbox", name)
        with open(target, "rb") as file:
            return sorted(int(number) for number in re.findall(rb"(?m)^Subject: message (\d+)$", file.read()))


def filled(dovecot, user, numbers):
    home = dovecot.home(user)
    home.mkdir(parents=True, exist_ok=True)
    moving.drop(home / "Maildir", numbers)
    subprocess.run(["chown", "-R", "mail:mail", home], check=True)


def left(dovecot, user):
    client = dovecot.imap(user)
    count = int(client.select("INBOX", readonly=True)[1][0])
    client.logout()
    return count


def case_each_message_once_however_often_it_is_killed():
    seed = int(os.environ.get("IT_SEED", "1"))
    dice = random.Random(seed)
    ways = {"poptake": ("anna", "pop3", ()), "popkeep": ("carl", "pop3", ("--keep",)),
            "imaptake": ("dora", "imap", ()), "imapkeep": ("emil", "imap", ("--keep",)),
            "imapwait": ("frieda", "imap", ("--idle",))}
    with moving.Dovecot() as dovecot, Room() as room:
        for user, _, _ in ways.values():
            filled(dovecot, user, [])
        for name, (user, way, more) in ways.items():
            room.fetch(name, way, dovecot.ports[way], user, "--tls", "starttls", "--password-file", room.secret, *more)
            room.run("mailbox", "create", LOGIN, name)
        total = caught = 0
        for turn in range(ROUNDS):
            for user, _, _ in ways.values():
                filled(dovecot, user, range(total, total + EACH))
            # All begin together, when the server does.
            for name in ways:
                room.run("fetch", "run", name)
            before = sum(room.boxes()[name] for name in ways)
            total += EACH
            # Anywhere between the first message and the last
            goal = dice.randrange(before + 1, total * len(ways))
            room.start()
            here = room.watch(ways, goal)
            room.kill()
            caught += here < total * len(ways)
        room.start()
        for name in ways:
            room.run("fetch", "run", name)
        for name, (user, _, more) in ways.items():
            until(lambda: room.job(name)["messages"] == total and room.job(name)["state"] == "ok", f"{name} has all", 120)
            equal(room.numbers(name), list(range(total)), f"{name}: each message once")
            wanted = total if "--keep" in more else 0
            until(lambda: left(dovecot, user) == wanted, f"{name}: what is left there")
        print(f"{ROUNDS} rounds, {caught} of them killed in the middle, {total} messages for each of {len(ways)} jobs")


class Introspection:
    """Says of a token whether it is the provider's. RFC 7662"""

    def __init__(self, provider):
        self.asked = []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                token = urllib.parse.parse_qs(text).get("token", [""])[0]
                peer.asked.append(token)
                good = token == provider.access
                body = json.dumps({"active": good, "username": USER} if good else {"active": False}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def case_tokens_of_a_provider():
    """Dovecot asks the provider about each token: XOAUTH2 and OAUTHBEARER, over IMAP and POP3; withdrawn, revoked, renewed."""
    for mechanism in ("oauthbearer", "xoauth2"):
        with Room() as room:
            endpoint = Introspection(room.provider)
            moving.BASE.mkdir(mode=0o755, exist_ok=True)
            (moving.BASE / "oauth2.conf").write_text(
                f"introspection_url = http://127.0.0.1:{endpoint.port}/introspect\nintrospection_mode = post\n"
                "username_attribute = username\nactive_attribute = active\nactive_value = true\n")
            more = f"""
auth_mechanisms = {mechanism}
passdb {{
  driver = oauth2
  mechanisms = {mechanism}
  args = {moving.BASE}/oauth2.conf
}}
"""
            with moving.Dovecot(more) as dovecot:
                filled(dovecot, USER, range(3))
                room.start()
                log_in = ("--oauth2", "office", "--keep")
                contains(room.fetch("plain", "imap", dovecot.ports["imap"], USER, "--tls", "none", *log_in, status=65), "TLS")
                contains(room.fetch("other", "imap", dovecot.ports["imaps"], "x@y.test", *log_in, status=65), "no OAuth2 login")
                room.fetch("first", "imap", dovecot.ports["imaps"], USER, *log_in)
                room.fetch("second", "pop3", dovecot.ports["pop3"], USER, "--tls", "starttls", *log_in)
                until(lambda: room.job("first")["state"] == "failing", "nobody has logged in")
                contains(room.job("first")["error"], "no access token")
                contains(room.job("first")["remedy"], "martlet route login office")
                room.log_in()
                for name in ("first", "second"):
                    room.run("fetch", "run", name)
                    until(lambda: room.job(name)["messages"] == 3 and room.job(name)["state"] == "ok", f"{name} with a token")
                    equal(room.numbers(name), [0, 1, 2], name)
                token = f"{room.folder}/token"
                with open(token, "w") as file:
                    file.write(room.provider.access + "\n")
                taken = room.run(
                    "import", "imap", "--host", "localhost", "--port", str(dovecot.ports["imaps"]), "--ca",
                    str(moving.BASE / "cert.pem"), "--user", USER, "--token-file", token, "--account", LOGIN)
                contains(taken, "took in 3 messages")
                # Withdrawn before its time: the run gets another one by itself.
                renewed = room.provider.number
                room.provider.access = "withdrawn"
                filled(dovecot, USER, range(3, 5))
                room.run("fetch", "run", "first")
                until(lambda: room.job("first")["messages"] == 5, "with a new token")
                equal(room.job("first")["failures"], 0, "failures")
                equal(room.provider.number, renewed + 1, "renewals")
                # Revoked: somebody must log in again, and then it goes on.
                room.provider.access = room.provider.refresh = None
                filled(dovecot, USER, range(5, 6))
                room.run("fetch", "run", "second")
                until(lambda: room.job("second")["state"] == "failing", "revoked")
                room.provider.polls = 0
                room.log_in()
                room.run("fetch", "run", "second")
                until(lambda: room.job("second")["messages"] == 6 and room.job("second")["state"] == "ok", "after a login")
                assert len(set(endpoint.asked)) >= 3, endpoint.asked
            moving.shutil.rmtree(moving.BASE)


def pop3(messages, refused=()):
    """A POP3 server of these messages that does not give some of them; returns its port and what was removed."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(None)
    gone = set()

    def session(connection):
        connection.settimeout(60)
        with connection, contextlib.suppress(OSError):
            reader = connection.makefile("rb")
            here = [number for number in range(1, len(messages) + 1) if number not in gone]
            marked = set()
            connection.sendall(b"+OK\r\n")
            for line in reader:
                words = line.decode().split()
                verb = words[0].upper()
                answer = "+OK"
                if verb == "CAPA":
                    answer = "-ERR"
                elif verb in ("UIDL", "LIST"):
                    rows = [f"{place} {f'id{number}' if verb == 'UIDL' else len(messages[number - 1])}"
                            for place, number in enumerate(here, 1)]
                    answer = "\r\n".join(["+OK", *rows, "."])
                elif verb == "RETR":
                    number = here[int(words[1]) - 1]
                    answer = "-ERR it is broken" if number in refused else f"+OK\r\n{messages[number - 1]}."
                elif verb == "DELE":
                    marked.add(here[int(words[1]) - 1])
                elif verb == "QUIT":
                    gone.update(marked)
                connection.sendall(answer.encode() + b"\r\n")
                if verb == "QUIT":
                    return

    def serve():
        while True:
            threading.Thread(target=session, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1], gone


def case_one_message_does_not_keep_the_others():
    texts = [f"Subject: message {number}\r\n\r\ntext\r\n" for number in range(4)]
    with Room() as room:
        room.start()
        # One that the server refuses
        refused = {2}
        port, gone = pop3(texts, refused)
        room.fetch("refused", "pop3", port, "u", "--tls", "none", "--insecure", "--password-file", room.secret)
        until(lambda: room.job("refused")["state"] == "failing", "the refusal is told")
        contains(room.job("refused")["error"], "it is broken")
        equal(room.numbers("refused"), [0, 2, 3], "the others came")
        until(lambda: gone == {1, 3, 4}, "and went there")
        refused.clear()
        room.run("fetch", "run", "refused")
        until(lambda: room.job("refused")["state"] == "ok", "it comes in the end")
        equal(room.numbers("refused"), [0, 1, 2, 3], "all came")
        until(lambda: gone == {1, 2, 3, 4}, "all went there")
        # One that is too large here: told as long as it is there, and it comes when it may
        large = [texts[0], "Subject: message 9\r\n\r\n" + "x" * 70 * 1024 + "\r\n"]
        room.limit_messages("64KiB")
        port, gone = pop3(large)
        room.fetch("large", "pop3", port, "u", "--tls", "none", "--insecure", "--password-file", room.secret)
        until(lambda: (room.job("large").get("error") or "").startswith("a message of"), "it is told")
        room.run("fetch", "run", "large")
        until(lambda: room.job("large")["lastSuccess"] and room.job("large")["messages"] == 1, "the other came")
        contains(room.job("large")["error"], "limits.message_size")
        equal(gone, {1}, "what went there")
        room.limit_messages("50MiB")
        room.run("fetch", "run", "large")
        until(lambda: room.job("large")["messages"] == 2 and not room.job("large").get("error"), "it comes")
        equal(room.numbers("large"), [0, 9], "both came")


if __name__ == "__main__":
    main(globals())
