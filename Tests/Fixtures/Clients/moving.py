"""Mail that comes from and goes to Dovecot: Maildir, mbox, live IMAP, fetch jobs; interrupted and gone on."""
import datetime
import gzip
import hashlib
import json
import pathlib
import shutil
import signal
import threading

from common import *

BINARY = os.environ.get("IT_BINARY", "")
CONFIG = os.environ.get("IT_CONFIG", "")
BASE = pathlib.Path(FOLDER) / "dovecot"
SECRET = "pass word, \"quoted\""
LONG = int(os.environ.get("IT_MESSAGES", "2000"))


# Dovecot

class Dovecot:
    """Debian's Dovecot with IMAP and POP3, plain and with TLS, and Maildirs in a folder of the test's."""

    def __init__(self, more=""):
        self.more = more
        BASE.mkdir(mode=0o755, exist_ok=True)
        self.ports = {}
        for name in ("imap", "imaps", "pop3", "pop3s"):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[name] = probe.getsockname()[1]
        self.process = None

    def home(self, user):
        return BASE / "mail" / user

    def start(self):
        (BASE / "run").mkdir(exist_ok=True)
        (BASE / "mail").mkdir(exist_ok=True)
        shutil.chown(BASE / "mail", "mail", "mail")
        (BASE / "users").write_text("".join(f"{user}:{{PLAIN}}{SECRET}\n" for user in ("anna", "carl", "dora", "emil", "frieda")))
        if not (BASE / "cert.pem").exists():
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                 "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                 BASE / "key.pem", "-out", BASE / "cert.pem"], check=True, capture_output=True)
        (BASE / "dovecot.conf").write_text(f"""
protocols = imap pop3
base_dir = {BASE}/run
state_dir = {BASE}/run
log_path = {BASE}/log
ssl = yes
ssl_cert = <{BASE}/cert.pem
ssl_key = <{BASE}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-256
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  args = {BASE}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={BASE}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  client_limit = 1000
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.ports["imap"]}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {self.ports["imaps"]}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {self.ports["pop3"]}
  }}
  inet_listener pop3s {{
    address = 127.0.0.1
    port = {self.ports["pop3s"]}
    ssl = yes
  }}
}}
{self.more}""")
        self.process = subprocess.Popen(["dovecot", "-F", "-c", BASE / "dovecot.conf"])
        until(lambda: can_connect(self.ports["imap"]) and can_connect(self.ports["pop3s"]), "Dovecot listens")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def imap(self, user):
        client = imaplib.IMAP4("127.0.0.1", self.ports["imap"])
        client.login(user, SECRET)
        return client

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def can_connect(number):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
        return True
    return False


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} seconds: {what}"
        time.sleep(0.02)


# Mail

def text(number, lines):
    body = "".join(f"line {line} of {number}, and From here on it goes\n" for line in range(lines))
    return (f"From: Ännä {number} <a{number % 40}@x.example>\nTo: b@y.example\nSubject: message {number}\n"
            f"Message-ID: <{number}@moving.example>\nDate: Fri, 14 Jul 2017 02:40:00 +0000\n"
            f"Content-Type: text/plain; charset=utf-8\n\nFrom the start: grüße\n\n>From the quoted\n{body}").encode()


def drop(maildir, numbers):
    """Leaves messages in `new`, as a delivery of elsewhere would."""
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        stamp = 1_400_000_000 + number * 37
        path = maildir / "new" / f"{stamp}.M{number}P1.host"
        path.write_bytes(text(number, number * 7 % 60))
        os.utime(path, (stamp, stamp))
    subprocess.run(["chown", "-R", "mail:mail", maildir], check=True)


def fill(dovecot, user, count):
    """A Maildir that Dovecot has taken in hand: UIDs with gaps, flags, keywords, subscriptions, folders."""
    home = dovecot.home(user)
    home.mkdir(parents=True, exist_ok=True)
    drop(home / "Maildir", range(count))
    subprocess.run(["chown", "-R", "mail:mail", home], check=True)
    client = dovecot.imap(user)
    for name in ("Sent Items", "Work/2019", "&AMQA1gDc-/&U,BTFw-", "Empty"):
        assert client.create(f'"{name}"')[0] == "OK"
        assert client.subscribe(f'"{name}"')[0] == "OK"
    client.select("INBOX")
    for start, flags in ((1, "\\Seen"), (2, "\\Answered"), (3, "\\Flagged $Label1"), (4, "\\Draft Work"), (5, "$Forwarded")):
        client.store(",".join(str(number) for number in range(start, count, 6)), "+FLAGS.SILENT", f"({flags})")
    for name in ("Sent Items", "Work/2019", "&AMQA1gDc-/&U,BTFw-"):
        client.copy(f"{count // 2}:{count // 2 + count // 20}", f'"{name}"')
    client.store(",".join(str(number) for number in range(1, count, 11)), "+FLAGS.SILENT", "\\Deleted")
    client.expunge()
    client.store("2:4", "+FLAGS.SILENT", "\\Deleted")
    client.logout()


def names(client):
    return sorted(
        line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in client.list()[1]
        if line and b"\\Noselect" not in line and b"\\NonExistent" not in line)


def snapshot(client, wanted, uids=True):
    """Everything that clients see of some mailboxes."""
    found = {}
    for name in wanted:
        client.select(f'"{name}"', readonly=True)
        head = client.response("UIDVALIDITY")[1][0], client.response("UIDNEXT")[1][0]
        messages = []
        kind, data = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
        for part in data or []:
            if not isinstance(part, tuple):
                continue
            line = part[0].decode()
            flags = sorted(flag.lower() for flag in matches(line, r"FLAGS \(([^)]*)\)").group(1).split()
                           if flag != "\\Recent")
            date = datetime.datetime.strptime(
                matches(line, r'INTERNALDATE "([^"]*)"').group(1).strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()
            uid = int(matches(line, r"UID (\d+)").group(1))
            messages.append((uid if uids else None, flags, date, hashlib.sha256(part[1]).hexdigest()))
        found[name] = (head if uids else None, messages if uids else sorted(messages, key=str))
    return found


def same(got, wanted, what):
    equal(sorted(got), sorted(wanted), f"{what}: mailboxes")
    for name in wanted:
        equal(got[name][0], wanted[name][0], f"{what}: {name}: UIDVALIDITY and UIDNEXT")
        equal(len(got[name][1]), len(wanted[name][1]), f"{what}: {name}: messages")
        for one, other in zip(got[name][1], wanted[name][1]):
            equal(one, other, f"{what}: {name}")


# Martlet

def martlet(*words, code=0):
    result = subprocess.run([BINARY, *map(str, words), "--config", CONFIG], capture_output=True, text=True)
    assert result.returncode == code, f"martlet {words}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def interrupted(*words, progress, steps):
    """Runs a command again and again, interrupted as by Ctrl-C or kill -9 each time it has got on, then to its end."""
    for turn, step in enumerate(steps):
        process = subprocess.Popen(
            [BINARY, *map(str, words), "--config", CONFIG], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: process.poll() is not None or progress() >= step, f"progress up to {step}", 300)
        finally:
            process.send_signal(signal.SIGKILL if turn % 2 else signal.SIGINT)
            process.wait()
    return martlet(*words)


def count_of(login, name="INBOX"):
    client = imap(login)
    line = client.status(f'"{name}"', "(MESSAGES)")[1][0].decode()
    client.logout()
    return int(matches(line, r"MESSAGES (\d+)").group(1))


def maildir():
    """Import with kill -9, mbsync before and after, export compared byte by byte and read by Dovecot again."""
    with Dovecot() as dovecot:
        fill(dovecot, "anna", LONG)
        client = dovecot.imap("anna")
        wanted = snapshot(client, names(client))
        subscribed = sorted(line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in client.lsub()[1] if line)
        client.logout()
        files = mbsync("anna", "127.0.0.1", dovecot.ports["imap"], SECRET)
        source = dovecot.home("anna") / "Maildir"
        total = len(wanted["INBOX"][1])
        print(interrupted("import", "maildir", source, "--account", ACCOUNT, progress=lambda: count_of(ACCOUNT),
                          steps=[1, total // 4, total // 2]))
        mine = imap()
        same(snapshot(mine, wanted), wanted, "after the import")
        theirs = {line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in mine.lsub()[1]}
        assert set(subscribed) <= theirs, (subscribed, theirs)
        mine.logout()
        contains(martlet("import", "maildir", source, "--account", ACCOUNT), "took in 0 messages", "a second run")
        equal(mbsync(ACCOUNT, "127.0.0.1", port(993), PASSWORD), files, "what mbsync has, before and after")

        # Back again
        target = dovecot.home("dora") / "Maildir"
        target.parent.mkdir(parents=True)
        words = ("export", "maildir", target, "--account", ACCOUNT, "--line-ends", "lf")
        interrupted(*words, progress=lambda: len(list((target / "cur").glob("*"))), steps=[total // 5, total // 2])
        equal(by_uid(target, wanted), by_uid(source, wanted), "the export, byte by byte")
        subprocess.run(["chown", "-R", "mail:mail", target.parent], check=True)
        again = dovecot.imap("dora")
        same(snapshot(again, wanted), wanted, "what Dovecot says of the export")
        again.logout()


def by_uid(maildir, wanted):
    """Each message's octets, time and system flags, by folder and UID of dovecot-uidlist."""
    found = {}
    for name in wanted:
        folder = maildir if name == "INBOX" else maildir / ("." + name.replace("/", "."))
        files = {}
        for path in list((folder / "cur").iterdir()) + list((folder / "new").iterdir()):
            files[path.name.split(":")[0]] = path
        for line in (folder / "dovecot-uidlist").read_text().splitlines()[1:]:
            uid, base = line.split(" ", 1)[0], line.split(":", 1)[1].split(":")[0]
            if base not in files:
                continue
            path = files[base]
            flags = "".join(letter for letter in path.name.partition(":2,")[2] if letter.isupper())
            found[name, int(uid)] = (hashlib.sha256(path.read_bytes()).hexdigest(), int(path.stat().st_mtime), flags)
    return found


def packed():
    """A Maildir that Dovecot's zlib plugin has compressed, and files in it that can't be read."""
    with Dovecot("mail_plugins = zlib\nplugin {\n  zlib_save = gz\n  zlib_save_level = 6\n}\n") as dovecot:
        home = dovecot.home("anna")
        drop(home / "Maildir", range(20))
        subprocess.run(["chown", "-R", "mail:mail", home], check=True)
        client = dovecot.imap("anna")
        for number in range(20, 60):
            client.append("INBOX", "(\\Flagged Work)" if number % 2 else None, None,
                          text(number, number * 400 % 3000).replace(b"\n", b"\r\n"))
        wanted = snapshot(client, ["INBOX"])
        client.logout()
        source = home / "Maildir"
        files = sorted([*(source / "cur").iterdir(), *(source / "new").iterdir()])
        whole = [path for path in files if path.read_bytes()[:2] == b"\x1f\x8b"]
        equal(len(whole), 40, "compressed files")
        # What is damaged, or packed in another way, is told and left out; the others come.
        (source / "new" / "1.short").write_bytes(whole[0].read_bytes()[:-9])
        (source / "new" / "2.other").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
        (source / "new" / "3.bomb").write_bytes(gzip.compress(b"x: y\n\n") + b"not gzip")
        login = f"packed@{DOMAIN}"
        martlet("account", "add", login, "--password-file", pathlib.Path(FOLDER) / "password")
        words = ("import", "maildir", source, "--account", login)
        for known in (0, 60):
            result = subprocess.run([BINARY, *map(str, words), "--config", CONFIG], capture_output=True, text=True)
            equal(result.returncode, 65, result.stderr)
            for part in ("1.short can't be unpacked", "2.other is compressed with zstd", "3.bomb can't be unpacked"):
                contains(result.stderr, part)
            contains(result.stdout, f"took in {60 - known} messages")
            contains(result.stdout, "3 were passed over")
        mine = imap(login)
        same(snapshot(mine, ["INBOX"]), wanted, "after the import")
        mine.logout()


def mbsync(user, host, number, password):
    """Synchronises with a server and returns the files that there are then."""
    near = pathlib.Path(FOLDER) / "near"
    near.mkdir(exist_ok=True)
    config = pathlib.Path(FOLDER) / "moving.mbsyncrc"
    secret = pathlib.Path(FOLDER) / "moving.secret"
    secret.write_text(password)
    way = f"Host {host}\nPort {number}"
    if user != "anna":
        way = f'Tunnel "openssl s_client -quiet -connect {host}:{number} 2>/dev/null"'
    config.write_text(f"""
IMAPAccount far
{way}
User {user}
PassCmd "cat {secret}"
SSLType None
AuthMechs LOGIN

IMAPStore far
Account far

MaildirStore near
SubFolders Verbatim
Path {near}/
Inbox {near}/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX "Sent Items" "Work/2019" Empty
Create Near
Expunge None
CopyArrivalDate yes
SyncState *
""")
    result = subprocess.run(["mbsync", "-V", "-c", config, "all"], capture_output=True, text=True,
                            env={**os.environ, "HOME": FOLDER})
    assert result.returncode == 0, result.stdout + result.stderr
    return sorted(str(path.relative_to(near)) for path in near.rglob("*")
                  if path.is_file() and not path.name.startswith("."))


def mbox():
    """An mbox there and back again, of each kind."""
    folder = pathlib.Path(FOLDER) / "mbox"
    folder.mkdir()
    first = folder / "first.mbox"
    with open(first, "wb") as box:
        for number in range(LONG):
            head, body = text(number, number % 30).split(b"\n\n", 1)
            flags = number % 32
            status = "".join("ROAFD"[part] for part in range(5) if flags & (1 << part))
            stamp = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(1_400_000_000 + number))
            box.write(f"From a@x.example {stamp}\n".encode() + head + f"\nX-UID: {number}\nStatus: {status[:2]}\n".encode())
            box.write(f"X-Status: {status}\n\n".encode() + re.sub(rb"(?m)^(>*From )", rb">\1", body) + b"\n")
    words = ("import", "mbox", first, "--account", SECOND, "--mailbox", "Old/Box")
    client = imap(SECOND)
    assert client.create('"Old/Box"')[0] == "OK"
    print(interrupted(*words, progress=lambda: count_of(SECOND, "Old/Box"), steps=[1, LONG // 3, LONG // 2]))
    contains(martlet(*words), "took in 0 messages", "a second run")
    got = snapshot(client, ["Old/Box"])["Old/Box"][1]
    equal(len(got), LONG, "messages")
    for number, (_, flags, date, digest) in enumerate(got):
        letters = {"R": "\\seen", "A": "\\answered", "F": "\\flagged", "D": "\\deleted"}
        equal(flags, sorted(word for letter, word in letters.items() if number % 32 & (1 << "ROAFD".index(letter))), number)
        equal(date, 1_400_000_000 + number, "the date")
        equal(digest, hashlib.sha256(text(number, number % 30).replace(b"\n", b"\r\n")).hexdigest(), number)
    for lines in ("lf", "stored"):
        second, third = folder / f"second-{lines}.mbox", folder / f"third-{lines}.mbox"
        out = ("export", "mbox", second, "--account", SECOND, "--mailbox", "Old/Box", "--line-ends", lines)
        part = second.with_name(second.name + ".part")
        interrupted(*out, progress=lambda: part.stat().st_size if part.exists() else 0,
                    steps=[LONG * 100, LONG * 400])
        martlet("import", "mbox", second, "--account", SECOND, "--mailbox", f"Again {lines}")
        martlet("export", "mbox", third, "--account", SECOND, "--mailbox", f"Again {lines}", "--line-ends", lines)
        equal(second.read_bytes(), third.read_bytes(), f"mbox with {lines}")
        same({"": (None, [entry[1:] for entry in snapshot(client, [f"Again {lines}"])[f"Again {lines}"][1]])},
             {"": (None, [entry[1:] for entry in got])}, "again")
    client.logout()
    martlet("export", "mbox", folder / "all", "--account", SECOND)
    assert (folder / "all" / "Old" / "Box.mbox").exists()
    martlet("import", "mbox", "/etc/passwd", "--account", SECOND, "--mailbox", "No", code=65)


def live():
    """From a running Dovecot over IMAP, with TLS that is verified, killed and gone on; many accounts from a list."""
    with Dovecot() as dovecot:
        fill(dovecot, "carl", LONG)
        fill(dovecot, "anna", 200)
        secret = pathlib.Path(FOLDER) / "carl.secret"
        secret.write_text(SECRET + "\n")
        client = dovecot.imap("carl")
        wanted = snapshot(client, names(client))
        client.logout()
        common = ("import", "imap", "--host", "localhost", "--port", dovecot.ports["imaps"])
        words = (*common, "--user", "carl", "--password-file", secret, "--account", SECOND)
        martlet(*words, code=69)  # its certificate is nobody's
        words = (*words, "--ca", BASE / "cert.pem")
        total = len(wanted["INBOX"][1])
        print(interrupted(*words, progress=lambda: count_of(SECOND), steps=[1, total // 3]))
        mine = imap(SECOND)
        same(snapshot(mine, wanted), wanted, "after the import over IMAP")
        mine.logout()
        drop(dovecot.home("carl") / "Maildir", range(900_000, 900_007))
        contains(martlet(*words), "took in 7 messages", "what is new")
        (pathlib.Path(FOLDER) / "wrong").write_text("wrong\n")
        martlet(*common, "--ca", BASE / "cert.pem", "--user", "carl", "--password-file",
                pathlib.Path(FOLDER) / "wrong", "--account", SECOND, code=77)
        # A list, with an account that there isn't
        martlet("account", "add", f"list@{DOMAIN}", "--password-file", pathlib.Path(FOLDER) / "password")
        quoted = '"' + SECRET.replace('"', '""') + '"'
        accounts = pathlib.Path(FOLDER) / "accounts.csv"
        accounts.write_text(f"account,user,password\nnobody@{DOMAIN},anna,{quoted}\nlist@{DOMAIN},anna,{quoted}\n")
        martlet("import", "imap", "--host", "localhost", "--port", dovecot.ports["imap"], "--tls", "starttls",
                "--ca", BASE / "cert.pem", "--accounts", accounts, "--exclude", "Work*", code=67)
        theirs, mine = dovecot.imap("anna"), imap(f"list@{DOMAIN}")
        boxes = [name for name in names(theirs) if not name.startswith("Work")]
        same(snapshot(mine, boxes), snapshot(theirs, boxes), "an account of the list")
        assert "Work/2019" not in names(mine)


def job(name):
    return next(job for job in json.loads(martlet("fetch", "list", "--json")) if job["name"] == name)


def fetch(step, *arguments):
    """POP3 and IMAP jobs; the server is killed between `begin` and `end`."""
    dovecot = Dovecot()
    if step == "end":
        dovecot.ports = json.loads((BASE / "ports").read_text())
    with dovecot:
        (BASE / "ports").write_text(json.dumps(dovecot.ports))
        {"begin": fetch_begin, "end": fetch_end}[step](dovecot)


def fetch_begin(dovecot):
    secret = pathlib.Path(FOLDER) / "fetch.secret"
    secret.write_text(SECRET + "\n")
    for user in ("anna", "carl", "dora"):
        dovecot.home(user).mkdir(parents=True)
        drop(dovecot.home(user) / "Maildir", range(40))
        subprocess.run(["chown", "-R", "mail:mail", dovecot.home(user)], check=True)
    tls = ("--tls", "starttls", "--ca", BASE / "cert.pem", "--password-file", secret, "--every", "10s")
    pop, plain = f"localhost:{dovecot.ports['pop3']}", f"localhost:{dovecot.ports['imap']}"
    martlet("fetch", "add", "gone", "--account", ACCOUNT, "--pop3", pop, "--user", "anna", "--mailbox", "Pop", *tls)
    martlet("fetch", "add", "kept", "--account", ACCOUNT, "--pop3", f"localhost:{dovecot.ports['pop3s']}", "--user", "carl",
            "--mailbox", "Kept", "--keep", "--ca", BASE / "cert.pem", "--password-file", secret, "--every", "10s")
    martlet("fetch", "add", "idle", "--account", SECOND, "--imap", plain, "--user", "dora", "--idle", "--mailbox", "Idle", *tls)
    martlet("fetch", "add", "idle", "--account", SECOND, "--imap", plain, "--user", "dora", *tls, code=73)
    wrong = pathlib.Path(FOLDER) / "wrong"
    wrong.write_text("wrong\n")
    martlet("fetch", "add", "bad", "--account", SECOND, "--imap", plain, "--user", "dora", "--tls", "starttls", "--ca",
            BASE / "cert.pem", "--password-file", wrong)
    martlet("fetch", "add", "untrusted", "--account", SECOND, "--pop3", f"localhost:{dovecot.ports['pop3s']}", "--user",
            "dora", "--password-file", secret)
    for name in ("gone", "kept", "idle"):
        until(lambda: job(name)["messages"] == 40 and job(name)["state"] == "ok", name)
    until(lambda: job("bad")["state"] == "failing" and job("untrusted")["state"] == "failing", "failures are seen")
    contains(job("bad")["error"], "refuses the login", "bad")
    assert job("bad")["remedy"] and "TLS" in job("untrusted")["error"], job("untrusted")
    for name in ("bad", "untrusted"):
        martlet("fetch", "remove", name)
    # Waiting for news, no run is due for long.
    drop(dovecot.home("dora") / "Maildir", range(40, 43))
    until(lambda: count_of(SECOND, "Idle") == 43, "news by IDLE", 90)
    martlet("fetch", "pause", "kept")
    drop(dovecot.home("anna") / "Maildir", range(1000, 1400))
    martlet("fetch", "run", "gone")
    until(lambda: count_of(ACCOUNT, "Pop") >= 60, "on the way")
    os.kill(int(os.environ["IT_PID"]), signal.SIGKILL)


def fetch_end(dovecot):
    martlet("fetch", "pause", "kept", "--off")
    drop(dovecot.home("carl") / "Maildir", range(2000, 2005))
    martlet("fetch", "run", "kept")
    until(lambda: job("kept")["messages"] == 45, "kept")
    until(lambda: job("gone")["messages"] == 440 and job("gone")["state"] == "ok", "gone")
    for login, name, wanted in ((ACCOUNT, "Pop", [*range(40), *range(1000, 1400)]),
                                (ACCOUNT, "Kept", [*range(40), *range(2000, 2005)]), (SECOND, "Idle", [*range(43)])):
        client = imap(login)
        client.select(name, readonly=True)
        found = sorted(int(matches(part[1].decode(), r"message (\d+)").group(1)) for part in
                       client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1] if isinstance(part, tuple))
        equal(found, wanted, f"{name}: each message once")
        client.logout()
    client = imap()
    client.select("Pop", readonly=True)
    whole = client.fetch("1", "(BODY.PEEK[])")[1][0][1]
    matches(whole.decode(), r"^Return-Path: <>\r\nReceived: from localhost .*with POP3 id ")
    assert whole.endswith(text(0, 0).replace(b"\n", b"\r\n")), whole
    client.logout()
    for user, left in (("anna", 0), ("carl", 45), ("dora", 0)):
        client = dovecot.imap(user)
        until(lambda: client.select("INBOX")[1] == [str(left).encode()], f"{user}: what is left there")
        client.logout()
    # Numbered anew: nobody can tell old from new.
    martlet("fetch", "remove", "gone")
    equal(sorted(one["name"] for one in json.loads(martlet("fetch", "list", "--json"))), ["idle", "kept"], "jobs")


# Servers that don't keep to the rules

def said(connection, *answers, cut=False):
    """Answers each line that comes with the next of the answers; `TAG` stands for the line's first word."""
    with connection, contextlib.suppress(OSError):
        reader = connection.makefile("rb")
        connection.sendall(answers[0])
        for answer in answers[1:]:
            line = reader.readline()
            if not line:
                return
            connection.sendall(answer.replace(b"TAG", line.split(b" ")[0].strip()))
        if cut:
            connection.shutdown(socket.SHUT_RDWR)
        reader.readline()


def endless(connection):
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"+OK ")
        for _ in range(2000):
            connection.sendall(b"x" * 65536)


IMAP_START = (
    b"* OK hello\r\n", b"* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK\r\n", b"TAG OK\r\n", b"* CAPABILITY IMAP4rev1\r\nTAG OK\r\n",
    b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 6] x\r\nTAG OK\r\n",
    b"* 1 FETCH (UID 5 RFC822.SIZE 10)\r\nTAG OK\r\n")
POP_START = (b"+OK hello\r\n", b"-ERR what\r\n", b"+OK\r\n", b"+OK\r\n")
HOSTILE = {
    "endless": ("--pop3", endless, "line without an end"),
    "http": ("--pop3", lambda c: said(c, b"HTTP/1.1 400 Bad Request\r\n\r\n"), "answers the greeting with: HTTP/1.1"),
    "twice": ("--pop3", lambda c: said(c, *POP_START, b"+OK\r\n1 same\r\n2 same\r\n.\r\n"), "the same unique id"),
    "nouidl": ("--pop3", lambda c: said(c, *POP_START, b"-ERR no\r\n"), "has no UIDL"),
    "cut": ("--pop3", lambda c: said(c, *POP_START, b"+OK\r\n1 a\r\n.\r\n", b"+OK\r\n1 9\r\n.\r\n", b"+OK\r\nSubject: x\r\n", cut=True),
            "closed the connection"),
    "bomb": ("--imap", lambda c: said(c, *IMAP_START, b"* 1 FETCH (UID 5 BODY[] {99999999999}\r\n"), "announced a message of"),
    "overflow": ("--imap", lambda c: said(c, *IMAP_START, b"* 1 FETCH (UID 5 FLAGS {999999999999999999}\r\n"), "without an end"),
    "other": ("--imap", lambda c: said(c, *IMAP_START, b"* 1 FETCH (UID 6 BODY[] {4}\r\nabcd)\r\nTAG OK\r\n"), "another message"),
    "none": ("--imap", lambda c: said(c, *IMAP_START, b"* 1 FETCH (UID 5 FLAGS ())\r\nTAG OK\r\n"), "did not give the message"),
    "deep": ("--imap", lambda c: said(c, *IMAP_START, b"* 1 FETCH " + b"(" * 20000 + b"\r\nTAG NO sorry\r\n"), "sorry"),
    "byes": ("--imap", lambda c: said(c, b"* BYE go away\r\n"), "greets with"),
    "no": ("--imap", lambda c: said(c, *IMAP_START[:2], b"TAG NO [AUTHENTICATIONFAILED] \x1b[31mred\r\n"), "AUTHENTICATIONFAILED"),
}


def hostile():
    """Each breaks the rules in its own way: the job says how, nothing is delivered, and the server goes on."""
    secret = pathlib.Path(FOLDER) / "hostile.secret"
    secret.write_text("secret\n")
    for name, (way, behave, _) in HOSTILE.items():
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(None)

        def serve(listener=listener, behave=behave):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(60)
                threading.Thread(target=behave, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        martlet("fetch", "add", name, "--account", SECOND, way, f"127.0.0.1:{listener.getsockname()[1]}", "--user", "u",
                "--tls", "none", "--insecure", "--mailbox", "Hostile", "--password-file", secret)
    for name, (_, _, words) in HOSTILE.items():
        until(lambda: job(name)["state"] == "failing", name)
        contains(job(name)["error"], words, name)
        assert "\x1b" not in job(name)["error"] and job(name)["remedy"], job(name)
        equal(job(name)["messages"], 0, name)
        martlet("fetch", "remove", name)
    client = imap(SECOND)
    client.select("Hostile", readonly=True)
    equal(client.search(None, "ALL")[1], [b""], "nothing was delivered")
    client.logout()


if __name__ == "__main__":
    {"maildir": maildir, "packed": packed, "mbox": mbox, "live": live, "fetch": fetch, "hostile": hostile}[sys.argv[1]](*sys.argv[2:])
