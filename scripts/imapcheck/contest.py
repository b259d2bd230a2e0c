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
import re
import smtplib
import socket
import threading
import time

from . import normal, servers, wire

MAILBOXES = [b"INBOX", b"arena", b"side"]
FLAGS = [rb"\Seen", rb"\Answered", rb"\Flagged", rb"\Draft", b"$Forwarded", b"red", b"blue"]
NO_EXPUNGE = re.compile(rb"(FETCH|STORE|SEARCH) ")


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


class Player:
    """One IMAP session."""

    def __init__(self, server, book, name, seed, kind):
        self.server, self.book, self.name, self.kind = server, book, name, kind
        self.chooser = random.Random(seed)
        self.connection = server.connect()
        capabilities = servers.capabilities(self.connection)
        if kind == "qresync" and "QRESYNC" not in capabilities:
            self.kind = kind = "condstore"
        if kind == "notify" and "NOTIFY" not in capabilities:
            self.kind = kind = "plain"
        if kind == "uidonly" and "UIDONLY" not in capabilities:
            self.kind = kind = "plain"
        # How this session asks for all there is.
        self.whole = b"UID FETCH 1:*" if kind == "uidonly" else b"FETCH 1:*"
        self.view = normal.View(by_uid=kind == "uidonly")
        self.mailbox = self.validity = self.highest = None
        self.flags = {}  # UID → flags as last told; absent where this session made them unsure
        self.modseqs = {}
        self.kept = {}  # mailbox → (validity, highest, flags), for QRESYNC
        if kind in ("condstore", "qresync", "uidonly"):
            self.say(b"ENABLE " + kind.upper().encode())
        if kind == "notify":
            # Not `selected`: there EXPUNGE comes at any moment, and numbers can't be used (RFC 5465 §5.3).
            self.say(b"NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge))")

    # MARK: Talking

    def lie(self, text):
        self.book.lie(f"{self.name} ({self.kind}) in {self.mailbox}", text)

    def say(self, command, checks=True):
        self.book.count("commands")
        untagged, tagged = self.connection.command(command)
        self.absorb(untagged, command)
        state, code, arguments, text = wire.status(tagged)
        if state == "BAD" and checks:
            self.lie(f"{command[:120]!r} is BAD: {text[:120]!r}; {self.view.count} messages")
        if code == "HIGHESTMODSEQ":
            self.see_highest(int(arguments))
        if self.kind == "qresync" and None in self.view.uids and not command.startswith((b"FETCH", b"UNSELECT")):
            # VANISHED speaks of UIDs: a client that uses it asks for those of new messages at once.
            self.say(b"FETCH %d:* (UID FLAGS)" % (self.view.uids.index(None) + 1))
        return untagged, state, code, arguments

    def absorb(self, untagged, command):
        for pieces in untagged:
            words = pieces[0].split(b" ", 3)
            kind = words[2].upper() if len(words) > 2 and words[1].isdigit() else words[1].upper()
            if kind in (b"EXPUNGE", b"VANISHED"):
                self.book.count("expunges told")
                earlier = kind == b"VANISHED" and b"(EARLIER)" in pieces[0].upper()
                if NO_EXPUNGE.match(command) and not earlier:
                    self.lie(f"{pieces[0][:60]!r} in the answer to {command[:80]!r}")
                if kind == b"VANISHED" and self.kind not in ("qresync", "uidonly"):
                    self.lie("VANISHED without QRESYNC")
            if kind in (b"EXPUNGE", b"FETCH", b"UIDFETCH") and (self.kind == "uidonly") != (kind == b"UIDFETCH"):
                if kind != b"EXPUNGE" or self.kind == "uidonly":
                    self.lie(f"{pieces[0][:60]!r} in the answer to {command[:80]!r}")
            if kind == b"BYE" and not command.startswith(b"LOGOUT"):
                self.lie(f"BYE: {pieces[0][:80]!r}")
        before = [uid for uid in self.view.uids]
        answer = normal.absorb(untagged, self.view, True)
        for lie in self.view.lies:
            self.lie(f"{lie}, at {command[:80]!r}")
        self.view.lies.clear()
        known = [uid for uid in self.view.uids if uid is not None]
        if any(low >= high for low, high in zip(known, known[1:])):
            self.lie(f"UIDs do not ascend: {known}")
        if answer.highest is not None and command.startswith((b"SELECT", b"EXAMINE")):
            self.highest = None
        # STATUS speaks of other mailboxes, with NOTIFY at any time.
        is_ours = not any(pieces[0].startswith(b"* STATUS") for pieces in untagged)
        if answer.highest is not None and is_ours:
            self.see_highest(answer.highest)
        for uid, items in answer.fetch.items():
            if isinstance(uid, int) and "FLAGS" in items:
                self.flags[uid] = items["FLAGS"]
                self.book.count("flags told")
        for uid, modseq in answer.modseqs.items():
            if isinstance(uid, int):
                if modseq < self.modseqs.get(uid, 0):
                    self.lie(f"MODSEQ of UID {uid} goes back from {self.modseqs[uid]} to {modseq}")
                self.modseqs[uid] = modseq
        for uid in set(before) - set(self.view.uids):
            self.flags.pop(uid, None)
        return answer

    def see_highest(self, value):
        if self.highest is not None and value < self.highest:
            self.lie(f"HIGHESTMODSEQ goes back from {self.highest} to {value}")
        self.highest = value

    # MARK: Choosing

    def select(self):
        if self.mailbox is not None:
            if self.kind == "qresync" and self.highest is not None:
                # What a client keeps: everything up to the highest value it was told, flags of which it is sure.
                self.learn()
                self.kept[self.mailbox] = (self.validity, self.highest, set(self.view.uids) - {None})
            self.say(b"UNSELECT")
        self.mailbox = self.chooser.choice(MAILBOXES)
        self.view.reset()
        self.flags, self.modseqs = {}, {}
        more = b""
        kept = self.kept.get(self.mailbox)
        if kept and self.chooser.random() < 0.7:
            more = b" (QRESYNC (%d %d))" % kept[:2]
        command = b"SELECT " + self.mailbox + more
        self.book.count("commands")
        untagged, tagged = self.connection.command(command)
        if wire.status(tagged)[0] != "OK":
            self.lie(f"{command!r}: {tagged!r}")
            return
        for pieces in untagged:
            found = re.search(rb"\[UIDVALIDITY (\d+)\]", pieces[0])
            if found:
                self.validity = int(found.group(1))
        # FETCH within SELECT comes after EXISTS, VANISHED (EARLIER) speaks of what the client had.
        vanished = set()
        for pieces in untagged:
            if b"VANISHED (EARLIER)" in pieces[0].upper():
                vanished |= normal.numbers(pieces[0].split(b" ")[-1])
        self.absorb(untagged, command)
        self.learn()
        if more:
            self.book.count("resyncs")
            present = set(self.view.uids)
            wrong = (kept[2] - vanished) - present
            # One that went between SELECT and FETCH is still to be announced: FETCH can't tell its UID.
            if wrong and None not in self.view.uids:
                self.lie(f"SELECT with QRESYNC kept silent about {sorted(wrong)[:10]}, which are gone")
            false = vanished & present
            if false:
                self.lie(f"VANISHED (EARLIER) names {sorted(false)[:10]}, which are there")

    def learn(self):
        self.say(self.whole + b" (UID FLAGS)" if self.view.count else b"NOOP")

    def some(self, uid):
        count = self.view.count
        if uid:
            known = [one for one in self.view.uids if one] or [1]
            return b",".join(b"%d" % self.chooser.choice(known) for _ in range(self.chooser.randint(1, 4)))
        low, high = sorted(self.chooser.randint(1, count) for _ in range(2))
        return b"%d:%d" % (low, min(high, low + 10))

    # MARK: Doing

    def step(self):
        chooser = self.chooser
        if self.mailbox is None or chooser.random() < 0.03:
            return self.select()
        if self.view.count == 0 or chooser.random() < 0.15:
            octets = self.book.message()
            target = self.mailbox if chooser.random() < 0.7 else chooser.choice(MAILBOXES)
            flags = b" ".join(chooser.sample(FLAGS, chooser.randint(0, 2)))
            self.book.count("appends")
            return self.say(b"APPEND %s (%s) {%d+}\r\n%s" % (target, flags, len(octets), octets))
        if self.kind == "uidonly" and chooser.random() < 0.05:
            return self.use_numbers()
        uid = self.kind == "uidonly" or chooser.random() < 0.5
        prefix = b"UID " if uid else b""
        dice = chooser.random()
        if dice < 0.35:
            self.store(prefix, uid)
        elif dice < 0.45:
            self.say(prefix + b"FETCH " + self.some(uid) + b" (UID FLAGS)")
        elif dice < 0.52:
            self.say(prefix + b"SEARCH " + chooser.choice([b"ALL", b"UNSEEN", b"KEYWORD red", b"FLAGGED", b"TEXT number"]))
        elif dice < 0.60:
            self.check()
        elif dice < 0.66:
            self.say(prefix + b"STORE " + self.some(uid) + rb" +FLAGS (\Deleted)")
            self.say(b"EXPUNGE" if chooser.random() < 0.5 else b"UID EXPUNGE 1:*")
        elif dice < 0.72:
            self.say(prefix + b"COPY " + self.some(uid) + b" " + chooser.choice(MAILBOXES))
        elif dice < 0.80:
            self.say(prefix + b"MOVE " + self.some(uid) + b" " + chooser.choice([box for box in MAILBOXES if box != self.mailbox]))
        elif dice < 0.90:
            self.say(b"NOOP")
        elif dice < 0.96:
            self.idle()
        else:
            self.say(b"STATUS " + chooser.choice([box for box in MAILBOXES if box != self.mailbox]) + b" (MESSAGES UIDNEXT UNSEEN)")

    def store(self, prefix, uid):
        chooser = self.chooser
        what = chooser.choice([b"FLAGS", b"+FLAGS", b"-FLAGS", b"+FLAGS.SILENT", b"-FLAGS.SILENT"])
        numbers = self.some(uid)
        if b"SILENT" in what:
            # From here on this session can't know.
            named = normal.numbers(numbers)
            for number, one in enumerate(self.view.uids, 1):
                if (one if uid else number) in named:
                    self.flags.pop(one, None)
            before = dict(self.flags)
        unchanged = b""
        if self.kind != "plain" and self.highest and chooser.random() < 0.3:
            unchanged = b"(UNCHANGEDSINCE %d) " % self.highest
        self.say(prefix + b"STORE " + numbers + b" " + unchanged + what + b" (" + b" ".join(
            chooser.sample(FLAGS, chooser.randint(1, 3))) + b")")
        if b"SILENT" in what:
            for one in set(self.flags) - set(before):
                del self.flags[one]

    def check(self):
        """Holds the session's own list against what FETCH says now."""
        self.book.count("checks")
        if self.chooser.random() < 0.4:
            self.say(self.whole + b" (UID)")
            if None in self.view.uids:
                self.book.count("not yet told")
            return
        number = int(self.some(True).split(b",")[0]) if self.kind == "uidonly" else self.chooser.randint(1, self.view.count)
        ask, answered = (b"UID FETCH", b"UIDFETCH") if self.kind == "uidonly" else (b"FETCH", b"FETCH")
        untagged, state, _, _ = self.say(ask + b" %d (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])" % number)
        for pieces in untagged:
            found = re.match(rb"\* %d %s " % (number, answered), pieces[0])
            if not found or len(pieces) < 2:
                continue
            uid = re.search(rb"UID (\d+)", b"".join(pieces[::2]))
            identity = re.search(rb"<(\d+)@chaos.test>", pieces[1])
            if uid and identity:
                self.book.identify(self.name, self.mailbox, self.validity, int(uid.group(1)), identity.group(1))

    def use_numbers(self):
        """Speaks of message numbers where there are none (RFC 9586 §3)."""
        command = self.chooser.choice([b"FETCH 1 (UID)", b"SEARCH ALL", b"UID SEARCH 1:*", b"STORE 1 +FLAGS.SILENT (red)", b"MOVE 1 side"])
        _, state, code, _ = self.say(command, checks=False)
        if (state, code) != ("BAD", "UIDREQUIRED"):
            self.lie(f"{command!r} is answered {state} {code}")

    def idle(self):
        connection = self.connection
        tag = connection.tag()
        self.book.count("commands")
        connection.send(tag + b" IDLE\r\n")
        deadline = time.monotonic() + self.chooser.random() * 0.5
        connection.socket.settimeout(0.1)
        untagged = []
        try:
            while time.monotonic() < deadline:
                try:
                    pieces = connection.response()
                    if not pieces[0].startswith(b"+"):
                        untagged.append(pieces)
                except (socket.timeout, TimeoutError):
                    continue
        finally:
            connection.socket.settimeout(60)
        connection.send(b"DONE\r\n")
        rest, _ = connection.result(tag)
        self.absorb([pieces for pieces in untagged + rest if not pieces[0].startswith(b"+")], b"IDLE")

    def settle(self):
        """All is quiet: says NOOP, and gives the flags it was told, and those it is told when it asks."""
        self.say(b"NOOP")
        self.say(b"NOOP")
        told = {uid: flags for uid, flags in self.flags.items() if uid in set(self.view.uids)}
        if self.view.count:
            self.say(self.whole + b" (UID FLAGS)")
        if None in self.view.uids:
            self.lie(f"FETCH 1:* tells {self.view.uids.count(None)} of {self.view.count} messages not at all")
        now = {uid: self.flags.get(uid) for uid in self.view.uids}
        for uid, flags in told.items():
            if now.get(uid) != flags:
                self.lie(f"UID {uid} was last said to have {sorted(flags)}, and has {sorted(now.get(uid) or [])}")
        return now


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
