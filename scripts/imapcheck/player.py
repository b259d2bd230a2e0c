"""One IMAP session of those that change the same mailboxes against each other: `contest.py` says what a lie is."""
import random
import re
import socket
import time

from . import normal, servers, wire, words
from .view import View

MAILBOXES = [b"INBOX", b"arena", b"side"]
FLAGS = [rb"\Seen", rb"\Answered", rb"\Flagged", rb"\Draft", b"$Forwarded", b"red", b"blue"]
NO_EXPUNGE = re.compile(rb"(FETCH|STORE|SEARCH) ")


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
        self.view = View(by_uid=kind == "uidonly")
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
                vanished |= words.numbers(pieces[0].split(b" ")[-1])
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
            named = words.numbers(numbers)
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
