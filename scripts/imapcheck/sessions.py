"""Sessions that a seed makes: what is said does not depend on what is answered, but for the numbers of messages."""
from . import corpus
from .extensions import Extensions
from .questions import KEYWORDS, Questions

FLAGS = [rb"\Seen", rb"\Answered", rb"\Flagged", rb"\Deleted", rb"\Draft"]
INTERNAL_DATES = [b" 7-Feb-1994 21:52:25 -0800", b"01-Jan-2001 00:00:00 +0000", b"29-Feb-2020 12:34:56 +0000",
                  b"31-Dec-2019 12:59:59 +0200", b"17-Jul-1996 02:44:25 -0700", b"02-Mar-2021 15:00:00 +0000"]


class Maker(Questions, Extensions):
    """Makes the commands of one session; `count` and `uids` are what the client knows of the mailbox."""

    internal_dates = INTERNAL_DATES

    def __init__(self, chooser, name, capabilities):
        self.chooser = chooser
        self.name = name.encode()
        self.capabilities = capabilities
        self.count = 0
        self.uids = []
        self.snapshots = 0
        self.enabled = set()
        self.has_saved = self.has_context = self.has_notify = False
        self.names = {self.name, self.name + b"/copy"}  # the mailboxes of the session's own making

    def has(self, keyword):
        return keyword in self.capabilities

    # MARK: Changes

    def flags(self):
        chooser = self.chooser
        return b" ".join(chooser.sample(FLAGS + KEYWORDS, chooser.randint(0, 3)))

    def store(self):
        chooser = self.chooser
        uid = chooser.random() < 0.4
        unchanged = b""
        if self.snapshots and chooser.random() < 0.25:
            unchanged = b"(UNCHANGEDSINCE " + self.modseq() + b") "
        what = chooser.choice([b"FLAGS", b"+FLAGS", b"-FLAGS", b"+FLAGS.SILENT", b"-FLAGS.SILENT", b"FLAGS.SILENT", b"+FLAGS"])
        return (b"UID " if uid else b"") + b"STORE " + self.messages(uid) + b" " + unchanged + what + b" (" + self.flags() + b")"

    def append(self, mailbox=None):
        name, octets = corpus.pick(self.chooser)
        flags = b"(" + self.flags() + b") " if self.chooser.random() < 0.6 else b""
        date = b'"' + self.chooser.choice(INTERNAL_DATES) + b'" ' if self.chooser.random() < 0.8 else \
            b'"05-May-2005 12:00:00 +0000" '
        return b"APPEND " + (mailbox or self.name) + b" " + flags + date + b"{%d+}\r\n" % len(octets) + octets

    def copy(self):
        chooser = self.chooser
        uid = chooser.random() < 0.4
        verb = chooser.choice([b"COPY", b"COPY", b"MOVE"])
        target = chooser.choice([self.name + b"/copy"] * 6 + [self.name, b"nowhere-" + self.name])
        if verb == b"MOVE" and target == self.name:
            target = self.name + b"/copy"
        return (b"UID " if uid else b"") + verb + b" " + self.messages(uid) + b" " + target

    def expunge(self):
        if self.chooser.random() < 0.4:
            return b"UID EXPUNGE " + self.messages(True)
        return b"EXPUNGE"

    # MARK: Mailboxes

    def listing(self):
        chooser = self.chooser
        pattern = self.name + chooser.choice([b"*", b"%", b"/%", b"/*", b"", b"/%/%", b"/a%", b"/*b", b"%/c"])
        reference = b'""'
        if chooser.random() < 0.2:
            reference, pattern = self.name + b"/", chooser.choice([b"%", b"*", b"a", b"%/%"])
        verb = chooser.choice([b"LIST", b"LIST", b"LSUB"])
        command = verb + b" " + reference + b" " + pattern
        if verb == b"LIST" and chooser.random() < 0.5 and self.has("LIST-EXTENDED"):
            chosen = chooser.choice([b"", b"(SUBSCRIBED) ", b"(SUBSCRIBED RECURSIVEMATCH) ", b"() "])
            returns = chooser.sample([b"SUBSCRIBED", b"CHILDREN"], chooser.randint(0, 2))
            if self.has("LIST-STATUS") and chooser.random() < 0.4:
                returns.append(b"STATUS (MESSAGES UIDNEXT)")
            command = b"LIST " + chosen + reference + b" " + pattern + b" RETURN (" + b" ".join(returns) + b")"
        return command

    def some_mailbox(self):
        tail = [b"", b"/copy", b"/a", b"/a/b", b"/a/b/c", b"/ab", b"/Z&APw-", b"/b"]
        return self.name + self.chooser.choice(tail)

    def new_mailbox(self):
        """One whose superior is there: Dovecot makes superiors that cannot be selected, Martlet ordinary ones."""
        while True:
            name = self.some_mailbox()
            if name.rpartition(b"/")[0] in self.names:
                return name

    def mailbox_change(self):
        chooser = self.chooser
        verb = chooser.choice([b"CREATE", b"CREATE", b"CREATE", b"DELETE", b"SUBSCRIBE", b"SUBSCRIBE", b"UNSUBSCRIBE", b"RENAME"])
        if verb == b"CREATE":
            return b"CREATE " + self.new_mailbox()
        name = self.some_mailbox()
        if verb in (b"DELETE", b"RENAME"):
            while name in (self.name, self.name + b"/copy"):
                name = self.some_mailbox()
        return verb + b" " + name + (b" " + self.new_mailbox() if verb == b"RENAME" else b"")

    def done(self, command):
        """Takes note of what a command that went well has made of the mailboxes."""
        verb, *names = command.split(b" ")
        if verb == b"CREATE":
            self.names.add(names[0])
        elif verb == b"DELETE":
            self.names.discard(names[0])
        elif verb == b"RENAME":
            old, new = names
            self.names = {new + name[len(old):] if name == old or name.startswith(old + b"/") else name for name in self.names}

    def status_items(self):
        chooser = self.chooser
        items = [b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"RECENT"]
        if self.has("STATUS=SIZE"):
            items.append(b"SIZE")
        if self.enabled:
            items.append(b"HIGHESTMODSEQ")
        return b" ".join(chooser.sample(items, chooser.randint(1, len(items))))

    def status(self):
        return b"STATUS " + self.some_mailbox() + b" (" + self.status_items() + b")"

    def nonsense(self):
        return self.chooser.choice([
            b"FETCH", b"FETCH 1", b"FETCH 0 FLAGS", b"FETCH 1 (FLAGS", b"FETCH 1 BODY[", b"FETCH 1 BODY[1.]", b"FETCH 1 NOPE",
            b"FETCH a FLAGS", b"STORE 1 NOPE (a)", b"STORE 1 FLAGS (\\Nope)", b"SEARCH", b"SEARCH NOPE",
            b"SEARCH BEFORE 1-Foo-2000", b"SEARCH LARGER x", b"SEARCH OR ALL", b"SEARCH CHARSET X-NOPE TEXT a", b"COPY 1",
            b"UID", b"UID NOPE", b"UID FETCH 0 FLAGS", b"STATUS INBOX", b"STATUS INBOX (NOPE)", b"LIST", b"NOPE", b"SEARCH (",
            b"FETCH 1:2:3 FLAGS", b"FETCH 4294967296 FLAGS", b"SEARCH KEYWORD", b"CREATE", b"RENAME a", b"FETCH 1 BODY[HEADER.FIELDS ()]",
            b"FETCH 1 BODY[MIME]", b"FETCH 1 BODY[TEXT.1]"])

    def next(self):
        chooser = self.chooser
        if self.has_notify:
            self.has_notify = False
            return b"NOTIFY SET " + self.of_selected
        if chooser.random() < 0.22 and (made := self.extended()):
            return made
        dice = chooser.random()
        extra = []
        if self.has("SORT"):
            extra.append(self.sort)
        if any(word.startswith("THREAD=") for word in self.capabilities):
            extra.append(self.thread)
        if extra and dice > 0.9:
            return chooser.choice(extra)()
        for limit, made in ((0.40, self.fetch), (0.60, self.search), (0.70, self.store), (0.73, self.append), (0.77, self.copy),
                            (0.79, self.expunge), (0.83, self.listing), (0.86, self.mailbox_change), (0.88, self.status),
                            (0.90, self.nonsense)):
            if dice < limit:
                return made()
        return self.fetch()
