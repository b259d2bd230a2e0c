"""What a session says of the extensions that both servers announce, beside the commands of sessions.py."""
from . import corpus
from .wire import quoted

ENTRIES = [b"/private/comment", b"/shared/comment", b"/private/vendor/differ/a", b"/private/vendor/differ/a/b", b"/shared/vendor/differ/c"]
RIGHTS = [b"lr", b"lrs", b"+w", b"-r", b"lrswipkxtea", b"i", b"+te", b'""', b"-lrswipkxtea"]
IDENTIFIERS = [b"user1@bench.test", b"user2@bench.test", b"user3@bench.test"]


def literal(octets, is_binary=False):
    return (b"~" if is_binary else b"") + b"{%d+}\r\n" % len(octets) + octets


class Extensions:
    """The part of a Maker that knows extensions. `@VALIDITY:name@` stands for the UIDVALIDITY of a mailbox."""

    # What a session without NOTIFY is told (RFC 5465 §3.1)
    of_selected = b"(selected (MessageNew MessageExpunge FlagChange))"

    # MARK: Messages put in

    def one_message(self):
        """Flags, date and octets of a message, as APPEND has them."""
        _, octets = corpus.pick(self.chooser)
        flags = b"(" + self.flags() + b") " if self.chooser.random() < 0.5 else b""
        return flags + b'"' + self.chooser.choice(self.internal_dates) + b'" ', octets

    def append_many(self):
        """RFC 3502"""
        several = [self.one_message() for _ in range(self.chooser.randint(2, 4))]
        return b"APPEND " + self.name + b" " + b" ".join(head + literal(octets) for head, octets in several)

    def append_binary(self):
        """RFC 3516 §4.4; what is told to be binary Dovecot makes base64 of, which a server may."""
        head, octets = self.one_message()
        octets = octets.replace(b"Content-Transfer-Encoding: binary", b"Content-Transfer-Encoding: 8bit")
        return b"APPEND " + self.name + b" " + head + literal(octets, True)

    def catenate(self):
        """RFC 4469: a message of texts and of parts that are there, or not."""
        chooser = self.chooser
        pieces = [b"TEXT " + literal(b"From: put@together.example\r\nSubject: of pieces\r\n\r\n")]
        for _ in range(chooser.randint(1, 3)):
            if chooser.random() < 0.4 or not self.uids:
                pieces.append(b"TEXT " + literal(corpus.words(chooser, 5).encode() + b"\r\n"))
                continue
            uid = chooser.choice(self.uids) + (50 if chooser.random() < 0.1 else 0)
            section = chooser.choice([b"", b"/;SECTION=TEXT", b"/;SECTION=HEADER", b"/;SECTION=1", b"/;SECTION=1.MIME"])
            validity = b";UIDVALIDITY=@VALIDITY:" + self.name + b"@" if chooser.random() < 0.3 else b""
            pieces.append(b'URL "/' + self.name + validity + b"/;UID=%d" % uid + section + b'"')
        if chooser.random() < 0.2:
            pieces = pieces[1:]
        date = b'"' + chooser.choice(self.internal_dates) + b'" '
        return b"APPEND " + self.name + b" " + date + b"CATENATE (" + b" ".join(pieces) + b")"

    # MARK: Messages read

    def binary(self):
        """RFC 3516: alone, since a part that can't be decoded refuses the command."""
        chooser = self.chooser
        section = b"" if chooser.random() < 0.1 else self.part_number()
        kind = chooser.choice([b"BINARY.PEEK[", b"BINARY.PEEK[", b"BINARY.SIZE["])
        more = b"]" if kind == b"BINARY.SIZE[" else b"]" + self.partial()
        return b"UID FETCH " + (b"%d " % chooser.choice(self.uids) if self.uids else b"1 ") + b"(" + kind + section + more + b")"

    # MARK: Searches

    def returned(self, saves=False):
        """What SEARCH and SORT are to tell (RFC 4731, RFC 5182, RFC 5267)."""
        chooser = self.chooser
        options = chooser.sample([b"MIN", b"MAX", b"ALL", b"COUNT"], chooser.randint(0, 4))
        if chooser.random() < 0.3:
            options = [option for option in options if option != b"ALL"] + [
                b"PARTIAL " + chooser.choice([b"1:3", b"2:2", b"3:1", b"4:900", b"700:800"])]
        return b"RETURN (" + b" ".join(options + [b"SAVE"] * saves) + b") "

    def sort_returned(self):
        return self.sort().replace(b"SORT (", b"SORT " + self.returned() + b"(", 1)

    def search_partial(self):
        uid = b"UID " if self.chooser.random() < 0.4 else b""
        return uid + b"SEARCH " + self.returned() + b"CHARSET UTF-8 " + self.criteria()

    def save(self):
        """A result that is kept, of keys that leave nothing open; what is said of it follows in `of_saved`."""
        key = self.chooser.choice([b"ALL", b"SEEN", b"UNSEEN", b"FLAGGED", b"DELETED", b"KEYWORD Work", b"LARGER 400", b"UID " + self.messages(True)])
        self.has_saved = True
        return b"UID SEARCH " + self.returned(True) + b"CHARSET UTF-8 " + key

    def of_saved(self):
        """RFC 5182 §2.1: `$` in the place of a set."""
        chooser = self.chooser
        uid = chooser.choice([b"", b"UID "])
        return uid + chooser.choice([
            b"FETCH $ (UID FLAGS)", b"STORE $ +FLAGS (" + self.flags() + b")", b"SEARCH CHARSET UTF-8 $",
            b"SEARCH CHARSET UTF-8 NOT $", b"SEARCH CHARSET UTF-8 OR $ SEEN", b"COPY $ " + self.name + b"/copy",
            b"SORT (ARRIVAL) UTF-8 $"])

    def context(self):
        """RFC 5267 §4.3: a result that is kept up to date until it is cancelled."""
        self.has_context = True
        # No keywords: Dovecot 2.3 ends with signal 11 at the next message where one isn't known yet.
        key = self.chooser.choice([b"ALL", b"UNSEEN", b"FLAGGED", b"UNDELETED", b"OR SEEN FLAGGED"])
        return b"UID SEARCH RETURN (UPDATE ALL) CHARSET UTF-8 " + key

    # MARK: Mailboxes

    def listing_extended(self):
        """RFC 5258, RFC 5819, RFC 6154: several patterns, uses, numbers."""
        chooser = self.chooser
        chosen = chooser.choice([b"", b"(SUBSCRIBED) ", b"(SUBSCRIBED RECURSIVEMATCH) ", b"(REMOTE) ", b"(SUBSCRIBED REMOTE) "])
        patterns = [self.name + tail for tail in chooser.sample([b"*", b"%", b"/%", b"/a*", b"/copy"], chooser.randint(1, 3))]
        if chooser.random() < 0.2:
            patterns.append(chooser.choice([b"INBOX", b"Sent", b"T%"]))
        returns = chooser.sample([b"SUBSCRIBED", b"CHILDREN", b"STATUS (" + self.status_items() + b")"], chooser.randint(1, 3))
        return b"LIST " + chosen + b'"" (' + b" ".join(patterns) + b") RETURN (" + b" ".join(returns) + b")"

    def notify(self):
        """RFC 5465 §4: STATUS at once of mailboxes that are not selected; `next` ends it, since when more is told is open."""
        events = self.chooser.choice([b"MessageNew MessageExpunge", b"MessageNew MessageExpunge FlagChange"])
        self.has_notify = True
        return b"NOTIFY SET STATUS " + self.of_selected + b" (mailboxes (" + self.name + b"/copy) (" + events + b"))"

    def metadata(self):
        """RFC 5464"""
        chooser = self.chooser
        mailbox = chooser.choice([self.name, self.name, self.name + b"/copy", b'""', self.name + b"/none"])
        entries = chooser.sample(ENTRIES, chooser.randint(1, 3))
        # Of a mailbox that is not there only what Dovecot reads before it answers.
        if mailbox not in (b'""', self.name + b"/none") and chooser.random() < 0.5:
            values = [chooser.choice([b"NIL", b'""', quoted(chooser.choice(["short", "Grüße", "with \"quotes\""])), literal(b"line\r\nline" * 20)])
                      for _ in entries]
            return b"SETMETADATA " + mailbox + b" (" + b" ".join(b" ".join(pair) for pair in zip(entries, values)) + b")"
        if mailbox == b'""':
            return b'GETMETADATA "" (' + b" ".join(entries) + b")"  # what a server has of its own is its own
        options = chooser.choice([b"", b"", b"(DEPTH 1) ", b"(DEPTH infinity) ", b"(MAXSIZE 20) ", b"(DEPTH infinity MAXSIZE 6) "])
        wanted = chooser.choice([b"(" + b" ".join(entries) + b")", entries[0], b"/private/vendor/differ", b"(/shared)"])
        return b"GETMETADATA " + options + mailbox + b" " + wanted

    def rights(self):
        """RFC 4314, of mailboxes of the account's own."""
        chooser = self.chooser
        mailbox = chooser.choice([self.name, self.name + b"/copy", self.name + b"/copy", self.name + b"/none"])
        who = chooser.choice(IDENTIFIERS)
        return chooser.choice([
            b"MYRIGHTS " + mailbox, b"GETACL " + mailbox, b"LISTRIGHTS " + mailbox + b" " + who,
            b"SETACL " + mailbox + b" " + who + b" " + chooser.choice(RIGHTS),
            b"SETACL " + mailbox + b" " + who + b" " + chooser.choice(RIGHTS), b"DELETEACL " + mailbox + b" " + who])

    def quota(self):
        """RFC 9208"""
        return self.chooser.choice([b'GETQUOTA "User quota"', b"GETQUOTAROOT " + self.some_mailbox(), b"GETQUOTAROOT INBOX",
                                    b'GETQUOTA "nobody\'s"', b'SETQUOTA "User quota" (STORAGE 1)'])

    def resume(self, mailbox, uids):
        """RFC 7162 §3.2.5: what changed since a moment at which the mailbox had these UIDs; `@KEPT@` is its mod-sequence."""
        chooser = self.chooser
        known = b""
        if uids and chooser.random() < 0.6:
            chosen = uids if chooser.random() < 0.5 else chooser.sample(uids, chooser.randint(1, len(uids)))
            known = b" " + b",".join(b"%d" % uid for uid in sorted(chosen))
        return b"SELECT " + mailbox + b" (QRESYNC (@VALIDITY:" + mailbox + b"@ @KEPT@" + known + b"))"

    # MARK: Which

    def extended(self):
        """A command of some extension that both have; None where they share none."""
        makers = [(keyword, made) for keyword, made in (
            ("MULTIAPPEND", self.append_many), ("BINARY", self.append_binary), ("CATENATE", self.catenate), ("BINARY", self.binary),
            ("BINARY", self.binary), ("ESORT", self.sort_returned), ("CONTEXT=SEARCH", self.search_partial), ("SEARCHRES", self.save),
            ("SEARCHRES", self.of_saved if self.has_saved else self.save), ("CONTEXT=SEARCH", self.context),
            ("LIST-EXTENDED", self.listing_extended), ("NOTIFY", self.notify), ("METADATA", self.metadata),
            ("METADATA", self.metadata), ("ACL", self.rights), ("ACL", self.rights), ("QUOTA", self.quota)) if self.has(keyword)]
        if not self.enabled:  # In Dovecot NOTIFY of flags switches CONDSTORE on.
            makers = [(keyword, made) for keyword, made in makers if made != self.notify]
        if self.has_context:
            makers = [(keyword, made) for keyword, made in makers if made != self.context]
        return self.chooser.choice(makers)[1]() if makers else None
