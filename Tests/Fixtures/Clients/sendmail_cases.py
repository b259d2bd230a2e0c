"""The sendmail command with the server up and down, as root and as somebody else; and what hostile users leave behind."""
import imaplib
import json
import shutil
import signal
import tempfile

from common import *

ALICE, BOB = "alice@example.test", "bob@example.test"
NOBODY = 65534


class Room:
    """A server of a case's own."""

    def __init__(self, more=""):
        self.folder = tempfile.mkdtemp(prefix="martlet-sendmail-")
        os.chmod(self.folder, 0o711)
        self.config, self.process = f"{self.folder}/martlet.yaml", None
        self.binary = f"{self.folder}/martlet"
        try:
            os.link(os.environ["IT_BINARY"], self.binary)
        except OSError:
            shutil.copy(os.environ["IT_BINARY"], self.binary)
        with open(f"{self.folder}/password", "w") as file:
            file.write("correct horse 1\n")
        self.offset = free_offset()
        self.run("quickstart", ALICE, "--hostname", "mail.example.test", "--data", f"{self.folder}/data", "--listen",
                 "127.0.0.1", "--port-offset", str(self.offset), "--password-file", f"{self.folder}/password")
        self.run("account", "add", BOB, "--password-file", f"{self.folder}/password")
        with open(self.config, "a") as file:
            file.write(more)
        self.maildrop = f"{self.folder}/data/sendmail/maildrop"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process:
            self.stop()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(self.log())

    def log(self):
        try:
            with open(f"{self.folder}/log") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def run(self, *words, status=0):
        done = subprocess.run([self.binary, *words, "--config", self.config], capture_output=True, text=True, timeout=60)
        equal(done.returncode, status, f"martlet {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self):
        log = open(f"{self.folder}/log", "w")
        self.process = subprocess.Popen([self.binary, "serve", "--config", self.config], stdout=log, stderr=log)
        until(lambda: "READY" in self.log() or self.process.poll() is not None, "the server is ready")
        assert self.process.poll() is None, self.log()
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(30), 0, f"the server's exit status, after {self.log()}")
        self.process = None

    def sendmail(self, *words, text="hello\n", status=0, user=None, name=None):
        """Calls it as a program does; returns what it printed."""
        start = [name] if name else [self.binary, "sendmail", "--config", self.config]
        environment = {**os.environ, "MARTLET_CONFIG": self.config}
        given = text if isinstance(text, bytes) else text.encode()
        more = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        done = subprocess.run([*start, *words], input=given, capture_output=True, timeout=120, env=environment, **more)
        printed = (done.stdout + done.stderr).decode()
        equal(done.returncode, status, f"sendmail {' '.join(words)}: {printed}")
        return printed

    def mailbox(self, account=ALICE):
        """The messages of an account's INBOX as texts."""
        client = imaplib.IMAP4_SSL(HOST, 993 + self.offset, ssl_context=TLS, timeout=TIMEOUT)
        client.login(account, "correct horse 1")
        client.select("INBOX")
        numbers = client.search(None, "ALL")[1][0].split()
        texts = [client.fetch(n, "(BODY.PEEK[])")[1][0][1].decode(errors="replace") for n in numbers]
        client.logout()
        return texts

    def arrived(self, part, account=ALICE):
        found = until(lambda: [t for t in self.mailbox(account) if part in t], f"{part!r} has arrived for {account}")
        equal(len(found), 1, f"messages with {part!r}")
        return found[0]


def others():
    """Users to send as: this one, and where this one is root an unprivileged one."""
    return [None] + ([NOBODY] if os.getuid() == 0 else [])


def case_up():
    with Room().start() as room:
        for user in others():
            room.sendmail(ALICE, text=f"hello from {user}\n", user=user)
            text = room.arrived(f"hello from {user}")
            name = "nobody" if user else "root" if os.getuid() == 0 else ""
            matches(text, r"Received: by mail\.example\.test \(Martlet, from uid=\d+ " + name)
            matches(text, rf"From: {name}")
            matches(text, r"\nDate: .*\nMessage-ID: <")
            if user:
                matches(text, r"Return-Path: <nobody@mail\.example\.test>")


def case_down():
    with Room().start() as room:
        room.stop()
        for user in others():
            room.sendmail(ALICE, text=f"left by {user}\n", user=user)
        equal(len(os.listdir(room.maildrop)), len(others()))
        room.start()
        for user in others():
            text = room.arrived(f"left by {user}")
            if user:
                matches(text, r"Received: by .* from uid=65534 nobody\)")
                matches(text, r"Return-Path: <nobody@mail\.example\.test>")
        until(lambda: not os.listdir(room.maildrop), "the maildrop is empty")
        origin = 'login="uid=65534 (nobody)"' if os.getuid() == 0 else "uid="
        until(lambda: origin in room.log(), f"the log says {origin!r}")


def case_killed_server():
    """What was taken is there after kill -9, and what comes while it is dead waits."""
    with Room().start() as room:
        room.sendmail(ALICE, text="before\n")
        room.process.kill()
        room.process.wait()
        room.sendmail(ALICE, text="after\n")  # a socket is left, and nobody behind it
        room.start()
        room.arrived("before")
        room.arrived("after")


def case_header_recipients():
    with Room().start() as room:
        room.sendmail("-t", "-i", text=f"From: Alice <{ALICE}>\nTo: {ALICE}\nBcc: {BOB}\nSubject: x\n\nbody one\n.\nmore\n")
        for account in (ALICE, BOB):
            text = room.arrived("body one", account)
            assert "Bcc" not in text, text
            contains(text, "\r\n.\r\nmore")
        contains(room.sendmail("-t", text="Subject: x\n\nto nobody\n", status=64), "Recipient addresses")


def case_dots_and_line_ends():
    with Room().start() as room:
        room.sendmail(ALICE, text="Subject: a\n\nfirst\n.\nnever seen\n")
        text = room.arrived("first")
        assert "never seen" not in text, text
        room.sendmail("-oi", ALICE, text="Subject: b\r\n\r\nsecond\r\n..\r\n.x\r\nno end")
        contains(room.arrived("second"), "second\r\n..\r\n.x\r\nno end\r\n")
        room.sendmail("-i", ALICE, text="From someone Sat Nov 21\nSubject: c\n\nthird\rbare\n")
        text = room.arrived("third")
        assert "From someone" not in text, text


def case_cron_and_names():
    with Room().start() as room:
        room.sendmail("-i", "-FCronDaemon", "-B8BITMIME", "-oem", ALICE, text="To: x\nSubject: Cron\n\nran\n")
        matches(room.arrived("ran"), r'From: "?CronDaemon"? <')
        room.sendmail("-f", "<>", ALICE, text="From: a@b.test\n\nnull sender\n")
        contains(room.arrived("null sender"), "Return-Path: <>")
        for name in ("sendmail", "mailq", "newaliases"):
            os.symlink(room.binary, f"{room.folder}/{name}")
        room.sendmail(ALICE, text="by name\n", name=f"{room.folder}/sendmail")
        room.arrived("by name")
        equal(room.sendmail(name=f"{room.folder}/newaliases"), "")
        equal(room.sendmail(name=f"{room.folder}/mailq"), "Mail queue is empty\n")


def case_exit_codes():
    with Room().start() as room:
        room.sendmail(status=64)
        room.sendmail("-bd", status=64)
        room.sendmail("-z", status=64)
        room.sendmail("-N", "often", ALICE, status=64)
        room.sendmail("a b<c", text="", status=65)
        contains(room.sendmail("missing@example.test", status=67), "User unknown")
        text = room.sendmail("missing@example.test", ALICE, text="the rest\n", status=67)
        contains(text, "the other recipients get the message")
        room.arrived("the rest")


def case_senders():
    """Somebody else's address is refused, to users who are not trusted."""
    if os.getuid() != 0:
        return
    with Room("sendmail: {trusted_users: [daemon]}\n").start() as room:
        contains(room.sendmail("-f", BOB, ALICE, user=NOBODY, status=77), "not owned by uid=65534 (nobody)")
        room.sendmail("-f", "robot@elsewhere.example", ALICE, text="free\n", user=NOBODY)
        room.arrived("free")
        room.sendmail("-f", BOB, ALICE, text="trusted\n", user=1)
        contains(room.arrived("trusted"), f"Return-Path: <{BOB}>")
        room.sendmail("-f", BOB, ALICE, text="root\n")
        room.arrived("root\r\n")


def case_refused_while_down():
    """Nobody is at the terminal any more: the sender gets a report."""
    with Room("sendmail: {trusted_users: [nobody]}\n").start() as room:
        room.stop()
        room.sendmail("-f", BOB, "missing@example.test", ALICE, text="Subject: lost\n\nhalf\n", user=others()[-1])
        room.start()
        room.arrived("half")
        report = room.arrived("Undelivered Mail", BOB)
        contains(report, "User unknown")
        contains(report, "Subject: lost")
        until(lambda: not os.listdir(room.maildrop), "the maildrop is empty")


def case_smtp_on_standard_input():
    with Room().start() as room:
        dialogue = f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{ALICE}>\r\nDATA\r\nFrom: a@b.test\r\n\r\nby hand\r\n.\r\nQUIT\r\n"
        text = room.sendmail("-bs", text=dialogue, user=others()[-1])
        contains(text, "220 mail.example.test ESMTP")
        contains(text, "250 2.0.0 Ok: queued as")
        room.arrived("by hand")
        equal(room.sendmail("-bv", ALICE), f"{ALICE}... deliverable\n")
        contains(room.sendmail("-bv", "missing@example.test", status=67), "User unknown")
        room.stop()
        contains(room.sendmail("-bs", status=75), "421 4.3.2")


def case_queue():
    os.environ["MARTLET_SERVER_DNS_HOSTS"] = "dead.example=127.0.0.1"
    os.environ["MARTLET_OUTBOUND_PORT"] = "9"
    with Room().start() as room:
        room.sendmail("-f", ALICE, "x@dead.example", text="Subject: stuck\n\nstuck\n")
        until(lambda: "(" in room.sendmail("-bp"), "the reason stands in the list")
        text = room.sendmail("-bp")
        lines = text.split("\n")
        equal(lines[0], "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------")
        matches(lines[1], rf"^\S+ +\d+ \w{{3}} \w{{3}} [ \d]\d \d\d:\d\d:\d\d {ALICE}$")
        matches(lines[2], r"^ *\(.*\)$")
        equal(lines[3].strip(), "x@dead.example")
        equal(lines[3].index("x"), 47)
        matches(text, r"\n-- 1 Kbytes in 1 Request\.\n$")
        equal(room.sendmail("-q"), "")


def case_hostile_files():
    with Room().start() as room:
        room.stop()
        room.sendmail(ALICE, text="good one\n")
        good = f"{room.maildrop}/{os.listdir(room.maildrop)[0]}"
        with open(good, "rb") as file:
            bytes_ = file.read()

        def put(name, data):
            with open(f"{room.maildrop}/{name}", "wb") as file:
                file.write(data)

        os.symlink("/etc/passwd", f"{room.maildrop}/symlink")
        os.mkfifo(f"{room.maildrop}/fifo")
        os.mkdir(f"{room.maildrop}/folder")
        socket.socket(socket.AF_UNIX).bind(f"{room.maildrop}/socket")
        put("../hardlink", bytes_)
        os.link(f"{room.maildrop}/../hardlink", f"{room.maildrop}/hardlink")
        put("truncated", bytes_[:-1])
        put("head", bytes_[:40])
        put("longer", bytes_ + b"x")
        put("empty", b"")
        put("garbage", os.urandom(5000))
        put("zeros", b"\0" * 2_000_000)
        put("injection", bytes_.replace(b"recipient " + ALICE.encode(), b"recipient a>\r\nRCPT TO:<b@x.test"))
        put("nobody", bytes_.replace(b"recipient " + ALICE.encode() + b"\n", b""))
        put("oversize", b"")
        os.truncate(f"{room.maildrop}/oversize", 500_000_000)
        os.mkdir(f"{room.maildrop}/name with\nnewline")
        put(".beginning", b"x")
        bad = 15
        room.start()
        room.arrived("good one")
        until(lambda: os.listdir(room.maildrop) == [".beginning"], f"only a beginning is left: {os.listdir(room.maildrop)}")
        equal(len(os.listdir(f"{room.folder}/data/sendmail/corrupt")), bad, room.log())
        until(lambda: room.log().count("was put aside") == bad, f"the log tells of {bad} files")
        equal(len(room.mailbox()), 1)


def case_large_in_little_memory():
    def peak(room, *words):
        with open(f"{room.folder}/large", "rb") as file:
            process = subprocess.Popen([room.binary, "sendmail", "--config", room.config, *words], stdin=file)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        equal(process.returncode, 0)
        return usage.ru_maxrss

    with Room().start() as room:
        with open(f"{room.folder}/large", "wb") as file:
            file.write(b"Subject: small\n\nx\n")
        small = peak(room, ALICE)
        with open(f"{room.folder}/large", "wb") as file:
            file.write(b"Subject: large\n\n")
            for _ in range(6400):  # what this process takes would count as the child's
                file.write((b"0123456789" * 7 + b"\n") * 100)
        up = peak(room, ALICE)
        assert up < small + 8192, f"{up} KiB for a message of 45 MB, {small} KiB for a small one"
        room.stop()
        down = peak(room, ALICE)
        assert down < small + 8192, f"{down} KiB with the server down"
        room.start()
        until(lambda: not os.listdir(room.maildrop), "the maildrop is empty", seconds=60)
        with open(f"/proc/{room.process.pid}/status") as file:
            server = int(matches(file.read(), r"VmHWM:\s+(\d+)").group(1))
        assert server < 400_000, f"the server took {server} KiB"


def case_php():
    php = shutil.which("php")
    assert php, "php is missing: scripts/install-packages test"
    with Room().start() as room:
        os.symlink(room.binary, f"{room.folder}/sendmail")
        code = f'exit(mail("{ALICE}", "from PHP", "php body\\n", "From: {ALICE}\\r\\nX-Mine: yes") ? 0 : 1);'
        done = subprocess.run(
            [php, "-d", f"sendmail_path={room.folder}/sendmail -t -i", "-r", code], capture_output=True, text=True,
            env={**os.environ, "MARTLET_CONFIG": room.config}, timeout=60)
        equal(done.returncode, 0, done.stdout + done.stderr)
        text = room.arrived("php body")
        contains(text, "Subject: from PHP\r\n")
        contains(text, "X-Mine: yes\r\n")


def case_given_up_privileges():
    """The server runs as a user of its own; others' files are still read and taken away."""
    if os.getuid() != 0:
        return
    with Room() as room:
        with open(room.config) as file:
            text = file.read()
        with open(room.config, "w") as file:
            file.write(re.sub(r"  # user: .*", "  user: daemon", text, count=1))
        room.start()
        room.sendmail(ALICE, text="one\n", user=NOBODY)
        room.arrived("one\r\n")
        room.stop()
        room.sendmail(ALICE, text="two\n", user=NOBODY)
        room.sendmail(ALICE, text="three\n")
        room.run("queue", "list")  # root looks into the data directory meanwhile, and changes no owner in the maildrop
        room.start()
        matches(room.arrived("two\r\n"), r"from uid=65534 nobody\)")
        matches(room.arrived("three\r\n"), r"from uid=0 root\)")
        for denied in (f"{room.folder}/data/martlet.db", f"{room.folder}/data/sendmail/maildrop"):
            done = subprocess.run(["ls" if denied.endswith("drop") else "cat", denied], user=NOBODY, group=NOBODY,
                                  extra_groups=[], capture_output=True)
            assert done.returncode != 0, f"{denied} is open to all"


if __name__ == "__main__":
    main(globals())
