"""Sessions that change the same mailboxes against each other, each checking what it is told.

Every IMAP session keeps its own list of the mailbox, with flags and mod-sequences, by the responses alone, and holds it at random
moments against what FETCH says. A lie is whatever can't be true:

- a sequence number that stands for another UID than the session was told, or for none
- UIDs that don't ascend, or that stand for another message than before under one UIDVALIDITY
- mod-sequences that go back
- EXPUNGE or VANISHED in the answer to FETCH, STORE or SEARCH (RFC 3501 §7.4.1), EXISTS that shrinks
- any message number, or an answer to one, after ENABLE UIDONLY (RFC 9586)
- BAD for a command that fits the list, a connection that is closed
- flags, when all is quiet, that differ from the last that were told, or between two sessions
"""
import collections
import poplib
import random
import smtplib
import threading
import time

from . import servers, wire
from .player import MAILBOXES, Player


class Book:
    """What all sessions know together: counts, lies, and which message a UID was."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.lies = []
        self.identities = {}
        self.serial = 0

    def count(self, name, by=1):
        with self.lock:
            self.counts[name] += by

    def lie(self, who, text):
        with self.lock:
            self.lies.append(f"{who}: {text}")

    def message(self):
        with self.lock:
            self.serial += 1
            serial = self.serial
        return (f"From: a@chaos.test\r\nTo: b@chaos.test\r\nSubject: number {serial}\r\nMessage-ID: <{serial}@chaos.test>\r\n\r\n"
                f"body of {serial}\r\n").encode()

    def identify(self, who, mailbox, validity, uid, identity):
        with self.lock:
            known = self.identities.setdefault((mailbox, validity, uid), identity)
        if known != identity:
            self.lie(who, f"UID {uid} of {mailbox} was {known} and is {identity}")


def deliver(server, book, seed):
    """One message by LMTP or SMTP, and the answer."""
    lmtp = seed % 2 == 0 and server.has_lmtp
    kind, port = (smtplib.LMTP, server.lmtp_port) if lmtp else (smtplib.SMTP, server.smtp_port)
    with kind("127.0.0.1", port, timeout=60) as client:
        client.sendmail("a@chaos.test", [servers.ACCOUNT], book.message())
    book.count("deliveries")


def popper(server, book, seed):
    """A POP3 session that reads all and deletes a little."""
    chooser = random.Random(seed)
    try:
        client = poplib.POP3_SSL("127.0.0.1", server.pop3s_port, context=wire.TLS, timeout=60)
        client.user(servers.ACCOUNT)
        client.pass_(servers.PASSWORD)
        count = len(client.list()[1])
        names = client.uidl()[1]
        if len(names) != count or len({line.split()[1] for line in names}) != count:
            book.lie("pop3", f"LIST has {count} messages, UIDL {len(names)}")
        for number in chooser.sample(range(1, count + 1), min(3, count)):
            client.retr(number)
            if chooser.random() < 0.5:
                client.dele(number)
        client.quit()
        book.count("pop3 sessions")
    except poplib.error_proto as error:
        # Another POP3 session may hold the mailbox; a message may be gone before it is read.
        book.count(f"pop3 refused")
        del error


class Guard(threading.Thread):
    """Runs a job over and over until told to stop; what it throws is a lie."""

    def __init__(self, book, name, stop, job):
        super().__init__(name=name, daemon=True)
        self.book, self.stop, self.job = book, stop, job

    def run(self):
        while not self.stop.is_set():
            try:
                self.job()
            except Exception as error:  # noqa: BLE001: whatever it is, the run must say it
                self.book.lie(self.name, f"{type(error).__name__}: {error}")
                return


def round_of(server, book, players, seconds, seed):
    stop = threading.Event()
    chooser = random.Random(seed)
    threads = [Guard(book, player.name, stop, player.step) for player in players]

    def mail():
        deliver(server, book, chooser.randrange(1 << 30))
        stop.wait(chooser.random() * 0.1)

    def post_office():
        popper(server, book, chooser.randrange(1 << 30))
        stop.wait(chooser.random())

    mover = server.connect()

    def rename():
        names = [b"wander", b"wander/inner", b"far/wander"]
        old, new = chooser.sample(names, 2)
        for command in (b"CREATE " + old, b"APPEND " + old + b" {6+}\r\nA: b\r\n", b"RENAME " + old + b" " + new, b"DELETE " + new):
            mover.command(command)
        book.count("renames")
        stop.wait(0.05)

    threads += [Guard(book, "delivery", stop, mail), Guard(book, "pop3", stop, post_office), Guard(book, "rename", stop, rename)]
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join(90)
        if thread.is_alive():
            book.lie(thread.name, "hangs")
    mover.command(b"LOGOUT")
    if book.lies:
        return
    seen = {}
    for player in players:
        if player.mailbox is None:
            continue
        now = player.settle()
        other = seen.setdefault((player.mailbox, player.validity), (player.name, now))
        if other[1] != now:
            differing = [uid for uid in sorted(set(now) | set(other[1])) if now.get(uid) != other[1].get(uid)]
            book.lie(player.name, f"and {other[0]} see UIDs {differing[:10]} of {player.mailbox} otherwise")
    book.count("rounds")


def run(server, minutes, seed, sessions=10):
    """The whole: rounds of noise, and quiet between them in which all must agree."""
    book = Book()
    setup = server.connect()
    for mailbox in MAILBOXES[1:]:
        setup.command(b"CREATE " + mailbox)
    kinds = ["plain", "condstore", "qresync", "notify", "uidonly"]
    started = time.monotonic()
    number = 0
    players = []
    while time.monotonic() - started < minutes * 60 and not book.lies:
        if not players or number % 5 == 0:
            for player in players:
                player.connection.command(b"LOGOUT")
                player.connection.close()
            players = [Player(server, book, f"session {index}", seed * 1000 + number * 100 + index, kinds[index % len(kinds)])
                       for index in range(sessions)]
        left = minutes * 60 - (time.monotonic() - started)
        round_of(server, book, players, min(8, max(2, left)), seed + number)
        number += 1
        trim(setup)
    for lie in book.lies[:20]:
        print("lie:", lie)
    counts = ", ".join(f"{book.counts[name]} {name}" for name in (
        "rounds", "commands", "appends", "deliveries", "pop3 sessions", "renames", "resyncs", "flags told", "expunges told", "checks"))
    print(f"sessions: seed {seed}, {time.monotonic() - started:.0f} s, {counts}, {len(book.lies)} lies")
    return 1 if book.lies else 0


def trim(connection):
    """Keeps the mailboxes small enough for much to happen to each message."""
    for mailbox in MAILBOXES:
        connection.command(b"SELECT " + mailbox)
        connection.command(rb"STORE 40:* +FLAGS.SILENT (\Deleted)")
        connection.command(b"EXPUNGE")
    connection.command(b"UNSELECT")
