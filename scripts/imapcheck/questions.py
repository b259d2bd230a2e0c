"""What a session asks: FETCH, SEARCH, SORT and THREAD."""
from .wire import quoted

KEYWORDS = [b"$Forwarded", b"Work", b"$Label1", b"NonJunk"]
FIELDS = ["Subject", "From", "To", "Cc", "Date", "Message-ID", "References", "X-None", "Content-Type", "Received", "Sender",
          "X-Field-7", "MIME-Version", "Reply-To", "Bcc", "X-Long", "Comments"]
SEARCH_DATES = [b"7-Feb-1994", b"08-Feb-1994", b"1-Jan-2001", b"2-Jan-2001", b"31-Dec-2000", b"29-Feb-2020", b"1-Mar-2020",
                b"17-Jul-1996", b"21-Nov-1997", b"1-Jan-2020", b"13-Feb-1969", b"1-Jan-1970", b"2-Mar-2021"]
TEXTS = ["hello", "meeting", "grüße", "GRÜSSE", "Äpfel", "äpfelchen", "münchen", "mooch", "foobar", "example", "inside",
         "word2", "x", "日本", "привет", "tomorrow", "needle-at-the-end", "naïve", "a@b.example", "Joe Q.", "level two", "sub",
         "hyper text", "hello world", "bold", "B27397", "(fwd)", "boundary", "Keld Jørn", "understand the", "over three",
         "quoted", "straße", "STRASSE", "im", "Grüße Welt", "apple", "banana", "0815", "zzz-not-there", "list", "Andr", "André"]


class Questions:
    """The part of a Maker that asks for messages."""

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
