"""Sessions that a seed makes: what is said does not depend on what is answered, but for the numbers of messages."""
from . import corpus
from .extensions import Extensions
from .wire import quoted

FLAGS = [rb"\Seen", rb"\Answered", rb"\Flagged", rb"\Deleted", rb"\Draft"]
KEYWORDS = [b"$Forwarded", b"Work", b"$Label1", b"NonJunk"]
FIELDS = ["Subject", "From", "To", "Cc", "Date", "Message-ID", "References", "X-None", "Content-Type", "Received", "Sender",
          "X-Field-7", "MIME-Version", "Reply-To", "Bcc", "X-Long", "Comments"]
INTERNAL_DATES = [b" 7-Feb-1994 21:52:25 -0800", b"01-Jan-2001 00:00:00 +0000", b"29-Feb-2020 12:34:56 +0000",
                  b"31-Dec-2019 12:59:59 +0200", b"17-Jul-1996 02:44:25 -0700", b"02-Mar-2021 15:00:00 +0000"]
SEARCH_DATES = [b"7-Feb-1994", b"08-Feb-1994", b"1-Jan-2001", b"2-Jan-2001", b"31-Dec-2000", b"29-Feb-2020", b"1-Mar-2020",
                b"17-Jul-1996", b"21-Nov-1997", b"1-Jan-2020", b"13-Feb-1969", b"1-Jan-1970", b"2-Mar-2021"]
TEXTS = ["hello", "meeting", "grüße", "GRÜSSE", "Äpfel", "äpfelchen", "münchen", "mooch", "foobar", "example", "inside",
         "word2", "x", "日本", "привет", "tomorrow", "needle-at-the-end", "naïve", "a@b.example", "Joe Q.", "level two", "sub",
         "hyper text", "hello world", "bold", "B27397", "(fwd)", "boundary", "Keld Jørn", "understand the", "over three",
         "quoted", "straße", "STRASSE", "im", "Grüße Welt", "apple", "banana", "0815", "zzz-not-there", "list", "Andr", "André"]


class Maker(Extensions):
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

    # MARK: Numbers

    def number(self, limit):
        return b"%d" % self.chooser.randint(1, max(1, limit))

    def messages(self, uid):
        chooser = self.chooser
        if uid and self.uids:
            one = lambda: b"%d" % (chooser.choice(self.uids) + (chooser.randint(0, 2) if chooser.random() < 0.1 else 0))
        else:
            one = lambda: self.number(self.count + (1 if chooser.random() < 0.02 else 0))
        dice = chooser.random()
        if dice < 0.3:
            return b"1:*"
        if dice < 0.4:
            return b"*"
        if dice < 0.7:
            return one()
        if dice < 0.85:
            return one() + b":" + (b"*" if chooser.random() < 0.3 else one())
        return b",".join(one() if chooser.random() < 0.7 else one() + b":" + one() for _ in range(chooser.randint(2, 4)))

    def modseq(self):
        """Stands for the highest mod-sequence at some moment, which is another number on each server."""
        return b"@MODSEQ%d@" % self.chooser.randint(1, self.snapshots)

    # MARK: FETCH

    def part_number(self):
        return b".".join(b"%d" % self.chooser.choice([1, 1, 1, 2, 2, 3, 4]) for _ in range(self.chooser.choice([1, 1, 1, 2, 2, 3, 4])))

    def section(self):
        chooser = self.chooser
        fields = " ".join(chooser.sample(FIELDS, chooser.randint(1, 4))).encode()
        text = chooser.choice([b"", b"HEADER", b"TEXT", b"HEADER.FIELDS (" + fields + b")",
                               b"HEADER.FIELDS.NOT (" + fields + b")", b"PART", b"PART", b"PART", b"PART"])
        if text == b"PART":
            text = self.part_number() + chooser.choice(
                [b"", b"", b".MIME", b".HEADER", b".TEXT", b".HEADER.FIELDS (" + fields + b")",
                 b".HEADER.FIELDS.NOT (" + fields + b")"])
        if chooser.random() < 0.1:
            text = text.lower()
        return text

    def partial(self):
        chooser = self.chooser
        if chooser.random() < 0.7:
            return b""
        return b"<%d.%d>" % (chooser.choice([0, 0, 1, 5, 20, 100, 1000, 100000]), chooser.choice([1, 7, 50, 500, 10000, 4294967295]))

    def fetch_item(self):
        chooser = self.chooser
        choices = [b"FLAGS", b"UID", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY", b"BODYSTRUCTURE", b"RFC822.HEADER",
                   b"ENVELOPE", b"BODYSTRUCTURE"]
        choices += [b"SECTION"] * 10
        if chooser.random() < 0.1:
            choices += [b"RFC822", b"RFC822.TEXT"]
        if self.enabled:
            choices.append(b"MODSEQ")
        if self.has("SAVEDATE"):
            choices.append(b"SAVEDATE")
        item = chooser.choice(choices)
        if item == b"SECTION":
            peek = b"" if chooser.random() < 0.2 else b".PEEK"
            return b"BODY" + peek + b"[" + self.section() + b"]" + self.partial()
        return item

    def fetch(self):
        chooser = self.chooser
        uid = chooser.random() < 0.4
        if chooser.random() < 0.08:
            items = chooser.choice([b"ALL", b"FAST", b"FULL", b"all"])
        elif chooser.random() < 0.2:
            items = self.fetch_item()
        else:
            items = b"(" + b" ".join(dict.fromkeys(self.fetch_item() for _ in range(chooser.randint(1, 5)))) + b")"
        more = b""
        if self.snapshots and chooser.random() < 0.15:
            # Dovecot 2.3 does not read modifiers behind a lone BODY[…].
            items = items if items.startswith(b"(") or items.isalpha() else b"(" + items + b")"
            more = b" (CHANGEDSINCE " + self.modseq() + (
                b" VANISHED" if uid and "QRESYNC" in self.enabled and chooser.random() < 0.5 else b"") + b")"
        return (b"UID " if uid else b"") + b"FETCH " + self.messages(uid) + b" " + items + more

    # MARK: SEARCH

    def key(self, depth=0):
        chooser = self.chooser
        dice = chooser.random()
        if depth < 3 and dice < 0.12:
            return b"NOT " + self.key(depth + 1)
        if depth < 3 and dice < 0.22:
            return b"OR " + self.key(depth + 1) + b" " + self.key(depth + 1)
        if depth < 3 and dice < 0.30:
            return b"(" + b" ".join(self.key(depth + 1) for _ in range(chooser.randint(1, 3))) + b")"
        if dice < 0.55:
            return self.text_key()
        return self.plain_key()

    def text_key(self):
        chooser = self.chooser
        text = quoted(chooser.choice(TEXTS))
        kind = chooser.choice([b"SUBJECT", b"FROM", b"TO", b"CC", b"BCC", b"BODY", b"TEXT", b"HEADER", b"BODY", b"TEXT"])
        if kind == b"HEADER":
            field = chooser.choice(FIELDS).encode()
            return b"HEADER " + field + b" " + (b'""' if chooser.random() < 0.3 else text)
        return kind + b" " + (b'""' if chooser.random() < 0.02 else text)

    def plain_key(self):
        chooser = self.chooser
        kinds = [b"ALL", b"SEEN", b"UNSEEN", b"ANSWERED", b"UNANSWERED", b"FLAGGED", b"UNFLAGGED", b"DELETED", b"UNDELETED",
                 b"DRAFT", b"UNDRAFT", b"KEYWORD", b"UNKEYWORD", b"BEFORE", b"ON", b"SINCE", b"SENTBEFORE", b"SENTON",
                 b"SENTSINCE", b"LARGER", b"SMALLER", b"SET", b"UID"]
        if self.snapshots and self.has("CONDSTORE"):
            kinds.append(b"MODSEQ")
        if self.has("WITHIN"):
            kinds += [b"OLDER", b"YOUNGER"]
        kind = chooser.choice(kinds)
        if kind in (b"KEYWORD", b"UNKEYWORD"):
            return kind + b" " + chooser.choice(KEYWORDS)
        if kind in (b"BEFORE", b"ON", b"SINCE", b"SENTBEFORE", b"SENTON", b"SENTSINCE"):
            return kind + b" " + chooser.choice(SEARCH_DATES)
        if kind in (b"LARGER", b"SMALLER"):
            return kind + b" %d" % chooser.choice([0, 1, 2, 100, 300, 400, 500, 1000, 5000])
        if kind in (b"OLDER", b"YOUNGER"):
            return kind + b" %d" % chooser.choice([86400, 10 ** 8, 6 * 10 ** 8])
        if kind == b"MODSEQ":
            # What comes after the moment: whether a message has that very mod-sequence is each server's own affair.
            return b"MODSEQ " + self.modseq().replace(b"MODSEQ", b"NEXT")
        if kind == b"SET":
            return self.messages(False)
        if kind == b"UID":
            return b"UID " + self.messages(True)
        return kind

    def criteria(self):
        return b" ".join(self.key() for _ in range(self.chooser.choice([1, 1, 1, 2, 3])))

    def search(self):
        chooser = self.chooser
        uid = b"UID " if chooser.random() < 0.4 else b""
        returns = b""
        if chooser.random() < 0.35:
            returns = b"RETURN (" + b" ".join(
                chooser.sample([b"MIN", b"MAX", b"ALL", b"COUNT"], chooser.randint(0, 4))) + b") "
        return uid + b"SEARCH " + returns + b"CHARSET UTF-8 " + self.criteria()

    def sort(self):
        chooser = self.chooser
        keys = [b"ARRIVAL", b"CC", b"DATE", b"FROM", b"SIZE", b"SUBJECT", b"TO"]
        if self.has("SORT=DISPLAY"):
            keys += [b"DISPLAYFROM", b"DISPLAYTO"]
        chosen = [(b"REVERSE " if chooser.random() < 0.3 else b"") + key for key in chooser.sample(keys, chooser.randint(1, 3))]
        return (b"UID " if chooser.random() < 0.3 else b"") + b"SORT (" + b" ".join(chosen) + b") UTF-8 " + (
            b"ALL" if chooser.random() < 0.6 else self.criteria())

    def thread(self):
        kinds = [word[7:].encode() for word in self.capabilities if word in ("THREAD=REFERENCES", "THREAD=ORDEREDSUBJECT", "THREAD=REFS")]
        return (b"UID " if self.chooser.random() < 0.3 else b"") + b"THREAD " + self.chooser.choice(sorted(kinds)) + b" UTF-8 " + (
            b"ALL" if self.chooser.random() < 0.6 else self.criteria())

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
