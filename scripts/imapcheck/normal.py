"""What a server said, in a form in which two servers that mean the same say the same.

Left out is what the RFCs leave open: texts for people, the order of what has no order, the case of words that have none,
UIDVALIDITY and mod-sequences (only that they are there), \\Recent (RFC 3501 §2.3.2: the first session to be told; RFC 9051
has none), and UID in FETCH where nobody asked (held against the session's own list instead).
"""
import datetime
import email.header

from .wire import Atom, Nonsense, Parser, status

MONTHS = {name: number for number, name in enumerate(
    b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}


class View:
    """A session's own list of the selected mailbox, kept by what the server says alone."""

    def __init__(self, by_uid=False):
        self.by_uid = by_uid  # messages have no numbers (RFC 9586): those whose UIDs were not told yet stand at the end
        self.uids = []
        self.unknown = 0  # messages at the end whose UIDs were not told yet
        self.lies = []

    @property
    def count(self):
        return len(self.uids) + self.unknown

    def reset(self, count=0):
        self.uids, self.unknown = [], count

    def learn(self, number, uid):
        if not 1 <= number <= self.count:
            self.lies.append(f"FETCH {number} of {self.count} messages")
        elif number <= len(self.uids):
            if self.uids[number - 1] not in (uid, None):
                self.lies.append(f"message {number} has UID {self.uids[number - 1]}, FETCH says {uid}")
            self.uids[number - 1] = uid
        else:
            self.uids += [None] * (number - len(self.uids))
            self.uids[number - 1] = uid
            self.unknown = max(0, self.count - len(self.uids)) if self.unknown else 0

    def learn_uid(self, uid):
        if uid in self.uids:
            return
        if None not in self.uids:
            self.lies.append(f"UIDFETCH {uid}, which none of {self.count} messages can be")
            return
        self.uids.remove(None)
        self.uids = sorted([known for known in self.uids if known is not None] + [uid]) + [None] * self.uids.count(None)

    def exists(self, count):
        if count < self.count:
            self.lies.append(f"EXISTS {count} after {self.count} without EXPUNGE")
        self.uids += [None] * (count - len(self.uids))
        self.unknown = 0

    def expunge(self, number):
        if not 1 <= number <= len(self.uids):
            self.lies.append(f"EXPUNGE {number} of {len(self.uids)} messages")
            return None
        return self.uids.pop(number - 1)

    def vanish(self, uids):
        """Takes away what VANISHED names; one whose UID was not told is of the messages between its neighbours."""
        unknown = uids - set(self.uids)
        self.uids = [uid for uid in self.uids if uid is None or uid not in uids]
        for uid in unknown:
            if self.by_uid and None in self.uids:
                self.uids.remove(None)
                continue
            place = next((index for index, other in enumerate(self.uids) if other is not None and other > uid), len(self.uids))
            if place == 0 or self.uids[place - 1] is not None:
                self.lies.append(f"VANISHED {sorted(uids)[:10]} names {uid}, which was never there")
                return
            self.uids.pop(place - 1)


def numbers(text):
    """The numbers of a sequence set without `*`."""
    found = set()
    for piece in text.split(b","):
        low, _, high = piece.partition(b":")
        low, high = int(low), int(high or low)
        if abs(high - low) > 1_000_000:
            raise Nonsense(f"a set too wide: {text!r}")
        found |= set(range(min(low, high), max(low, high) + 1))
    return found


def ordered(text):
    """The numbers of a sequence set in the order in which they stand."""
    found = []
    for piece in text.split(b",") if text else []:
        low, _, high = piece.partition(b":")
        low, high = int(low), int(high or low)
        if abs(high - low) > 1_000_000:
            raise Nonsense(f"a set too wide: {text!r}")
        found += range(low, high + 1) if low <= high else range(low, high - 1, -1)
    return tuple(found)


def flag_set(words):
    return frozenset(bytes(word).lower() for word in words if word and word.lower() != b"\\recent")


def instant(text):
    """Seconds since 1970 of an INTERNALDATE."""
    day, month, rest = text.strip().split(b"-", 2)
    year, clock, zone = rest.split(b" ")
    hour, minute, second = (int(part) for part in clock.split(b":"))
    moment = datetime.datetime(int(year), MONTHS[month.title()], int(day), hour, minute, min(second, 59))
    offset = (1 if zone[:1] == b"+" else -1) * (int(zone[1:3]) * 60 + int(zone[3:5]))
    return int((moment - datetime.datetime(1970, 1, 1)).total_seconds()) - offset * 60


def upper(word):
    return bytes(word).upper() if isinstance(word, bytes) else word


def parameters(values):
    if values is None:
        return None
    return {upper(name) + b"#%d" % index if index else upper(name): bytes(value) if value is not None else None
            for index, (name, value) in indexed(zip(values[::2], values[1::2]))}


def indexed(pairs):
    """Pairs with how often their first was there before: a parameter may stand twice."""
    seen = {}
    for name, value in pairs:
        key = upper(name)
        yield seen.get(key, 0), (name, value)
        seen[key] = seen.get(key, 0) + 1


def disposition(value):
    return {"kind": upper(value[0]), "parameters": parameters(value[1])} if isinstance(value, list) else value


def language(value):
    if isinstance(value, list):
        return tuple(upper(word) for word in value)
    return (upper(value),) if value is not None else None


def structure(value):
    """A BODY or BODYSTRUCTURE as a tree of fields with names."""
    if not isinstance(value, list) or not value:
        raise Nonsense(f"a body structure: {value!r}")
    if isinstance(value[0], list):
        count = next((i for i, item in enumerate(value) if not isinstance(item, list)), len(value))
        rest = value[count:]
        result = {"type": b"MULTIPART/" + upper(rest[0] or b""),
                  "parts": {index: structure(item) for index, item in enumerate(value[:count], 1)}}
        extension = rest[1:]
        if extension:
            result["parameters"] = parameters(extension[0])
        names = ("disposition", "language", "location")
        tail = extension[1:]
    else:
        kind, subtype, given, identity, description, encoding, size = value[:7]
        result = {"type": upper(kind) + b"/" + upper(subtype), "parameters": parameters(given), "id": identity,
                  "description": description, "encoding": upper(encoding), "octets": int(size)}
        tail = value[7:]
        if upper(kind) == b"TEXT":
            result["lines"], tail = int(tail[0]), tail[1:]
        elif upper(kind) == b"MESSAGE" and upper(subtype) in (b"RFC822", b"GLOBAL") and len(tail) > 2 and isinstance(
                tail[0], list):
            result["envelope"] = envelope(tail[0])
            result["structure"] = structure(tail[1])
            result["lines"], tail = int(tail[2]), tail[3:]
        names = ("md5", "disposition", "language", "location")
    for name, item in zip(names, tail):
        made = disposition(item) if name == "disposition" else language(item) if name == "language" else item
        if made is not None:
            result[name] = made
    return result


ENVELOPE = ("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id")


def readable(text):
    """A text of an envelope as a reader sees it: Martlet makes encoded words of raw 8-bit (RFC 6855 §8), Dovecot sends it on."""
    if not isinstance(text, bytes) or (text.isascii() and not text.startswith(b"=?utf-8?B?")):
        return text
    try:
        raw = text.decode()
    except UnicodeDecodeError:
        raw = text.decode("latin-1")
    try:
        return str(email.header.make_header(email.header.decode_header(raw))).encode()
    except (LookupError, UnicodeError, ValueError):
        return raw.encode()


def envelope(value):
    if not isinstance(value, list) or len(value) != 10:
        raise Nonsense(f"an envelope: {value!r}")
    result = {}
    for name, item in zip(ENVELOPE, value):
        if isinstance(item, list):
            result[name] = {
                index: tuple(readable(part) for part in address) if isinstance(address, list) else address
                for index, address in enumerate(item)
            }
        else:
            result[name] = readable(bytes(item)) if item is not None else None
    return result


def section(name):
    """The name of a FETCH item in one spelling."""
    name = bytes(name)
    head, bracket, rest = name.partition(b"[")
    if not bracket:
        return head.upper().decode()
    inside, _, origin = rest.rpartition(b"]")
    word, paren, fields = inside.partition(b"(")
    if paren:
        listed = sorted(field.strip(b'"').upper() for field in fields.rstrip(b")").split())
        inside = word.strip().upper() + b" (" + b" ".join(listed) + b")"
    else:
        inside = inside.upper()
    return (head.upper() + b"[" + inside + b"]" + origin).decode(errors="replace")


def fetched(items):
    result = {}
    for name, value in zip(items[::2], items[1::2]):
        name = section(name)
        if name == "FLAGS":
            value = flag_set(value)
        elif name == "INTERNALDATE":
            value = instant(value)
        elif name == "ENVELOPE":
            value = envelope(value)
        elif name in ("BODY", "BODYSTRUCTURE"):
            value = structure(value)
        elif name in ("UID", "RFC822.SIZE") or name.startswith("BINARY.SIZE["):
            value = int(value)
        elif name == "MODSEQ":
            value = int(value[0])
        elif name == "SAVEDATE":
            value = value is not None
        elif isinstance(value, Atom):
            value = bytes(value)
        result[name] = value
    return result


class Answer:
    """What came back for one command."""

    def __init__(self, view):
        self.view = view
        self.fetch = {}  # UID → items
        self.gone = set()
        self.other = {}
        self.modseqs = {}  # UID → mod-sequence
        self.highest = None
        self.updates = []  # of contexts: (tag, ADDTO or REMOVEFROM, UIDs)

    def value(self):
        return {"fetch": self.fetch, "gone": self.gone, **self.other}


CODES_HELD = {"APPENDUID", "COPYUID", "MODIFIED", "UNSEEN", "UIDNEXT", "BADCHARSET"}


def code_value(code, arguments):
    if code in ("APPENDUID", "COPYUID"):
        return tuple(frozenset(numbers(word)) for word in arguments.split()[1:])
    if code == "MODIFIED":
        return frozenset(numbers(arguments))
    if code in ("UNSEEN", "UIDNEXT"):
        return int(arguments)
    if code == "PERMANENTFLAGS":
        return flag_set(arguments.strip(b"()").split())
    return True


def absorb(untagged, view, asked_uid):
    """Normalises the untagged responses of a command and follows them in the view."""
    answer = Answer(view)
    for pieces in untagged:
        line = pieces[0]
        words = line.split(b" ", 3)
        if len(words) > 2 and words[1].isdigit():
            numbered(answer, int(words[1]), words[2].upper(), pieces, asked_uid)
        else:
            named(answer, words[1].upper() if len(words) > 1 else b"", pieces)
    return answer


def numbered(answer, number, kind, pieces, asked_uid):
    view = answer.view
    if kind == b"EXISTS":
        view.exists(number)
        answer.other["exists"] = number
    elif kind == b"RECENT":
        pass
    elif kind == b"EXPUNGE":
        uid = view.expunge(number)
        answer.gone.add(uid)
    elif kind == b"FETCH":
        parser = Parser(pieces)
        parser.at = len(b"* %d FETCH " % number)
        items = fetched(parser.list())
        if "UID" in items:
            view.learn(number, items["UID"])
        uid = view.uids[number - 1] if 1 <= number <= len(view.uids) else None
        if not 1 <= number <= view.count:
            view.lies.append(f"FETCH {number} of {view.count}")
        if not asked_uid:
            items.pop("UID", None)
        if "MODSEQ" in items:
            answer.modseqs[uid] = items["MODSEQ"]
            items["MODSEQ"] = True
        answer.fetch.setdefault(uid if uid is not None else f"#{number}", {}).update(items)
    elif kind == b"UIDFETCH":
        parser = Parser(pieces)
        parser.at = len(b"* %d UIDFETCH " % number)
        items = fetched(parser.list())
        view.learn_uid(number)
        if items.pop("UID", number) != number:
            view.lies.append(f"UIDFETCH {number} with another UID")
        if "MODSEQ" in items:
            answer.modseqs[number] = items["MODSEQ"]
            items["MODSEQ"] = True
        answer.fetch.setdefault(number, {}).update(items)
    else:
        answer.other[f"{kind.decode(errors='replace')}"] = number


def named(answer, kind, pieces):
    line = b"".join(pieces)
    if kind in (b"OK", b"NO", b"BAD", b"BYE"):
        state, code, arguments, _ = status(pieces)
        if code == "HIGHESTMODSEQ":
            answer.highest = int(arguments)
        if code and code not in ("ALERT", "CLOSED", "HIGHESTMODSEQ", "UIDVALIDITY", "PERMANENTFLAGS", "NOMODSEQ", "MAILBOXID"):
            answer.other[f"{state} {code}"] = code_value(code, arguments)
        elif code == "PERMANENTFLAGS":
            answer.other["permanent"] = code_value(code, arguments)
        elif not code and state != "OK":
            answer.other[state] = True
        return
    parser = Parser(pieces)
    parser.at = len(b"* " + kind)
    parser.skip(b" ")
    key = kind.decode(errors="replace")
    if kind in (b"SEARCH", b"SORT"):
        values = parser.rest()
        if values and isinstance(values[-1], list):
            answer.other[f"{key}-modseq"] = True
            values.pop()
        found = [int(value) for value in values]
        answer.other[key] = found if kind == b"SORT" else sorted(found)
    elif kind == b"ESEARCH":
        values = parser.rest()
        tag = bytes(values[0][1]) if values and isinstance(values[0], list) and len(values[0]) > 1 else None
        changes = [(upper(name), value) for name, value in zip(values, values[1:]) if upper(name) in (b"ADDTO", b"REMOVEFROM")]
        for name, value in changes:
            for uids in value[1::2]:
                answer.updates.append((tag, name, numbers(uids)))
        if not changes:
            answer.other[key] = esearch(values)
    elif kind == b"THREAD":
        answer.other[key] = tuple(thread(item) for item in threads(parser))
    elif kind in (b"LIST", b"LSUB"):
        attributes, separator, name, *more = parser.rest()
        entry = {"attributes": frozenset(upper(word) for word in attributes), "separator": separator}
        if more:
            entry["extended"] = repr(more)
        answer.other.setdefault(key, {})[mailbox(name)] = entry
    elif kind == b"STATUS":
        name, items = parser.rest()
        values = {upper(key): int(value) for key, value in zip(items[::2], items[1::2])}
        if b"HIGHESTMODSEQ" in values:
            answer.highest = values[b"HIGHESTMODSEQ"]
        for item in (b"UIDVALIDITY", b"HIGHESTMODSEQ", b"RECENT"):
            if item in values:
                values[item] = True
        answer.other.setdefault(key, {})[mailbox(name)] = values
    elif kind == b"METADATA":
        name, *values = parser.rest()
        entries = answer.other.setdefault(key, {}).setdefault(mailbox(name), {})
        for entry, value in zip(values[0][::2], values[0][1::2]) if values and isinstance(values[0], list) else ():
            entries[bytes(entry).lower()] = value
    elif kind == b"ACL":
        name, *pairs = parser.rest()
        answer.other.setdefault(key, {})[mailbox(name)] = {
            bytes(who): rights(given) for who, given in zip(pairs[::2], pairs[1::2])}
    elif kind == b"MYRIGHTS":
        name, given = parser.rest()
        answer.other.setdefault(key, {})[mailbox(name)] = rights(given)
    elif kind == b"LISTRIGHTS":
        name, who, always, *more = parser.rest()
        answer.other.setdefault(key, {})[mailbox(name), bytes(who)] = (
            rights(always), frozenset(right for group in more for right in rights(group)))
    elif kind == b"QUOTA":
        root, resources = parser.rest()
        answer.other.setdefault(key, {})[bytes(root)] = {
            upper(name): (int(usage), int(limit)) for name, usage, limit in zip(*[iter(resources)] * 3)}
    elif kind == b"QUOTAROOT":
        name, *roots = parser.rest()
        answer.other.setdefault(key, {})[mailbox(name)] = frozenset(bytes(root) for root in roots)
    elif kind == b"VANISHED":
        values = parser.rest()
        gone = numbers(values[-1])
        answer.view.vanish(gone) if len(values) == 1 else None
        if len(values) == 1:
            answer.gone |= gone
        else:
            answer.other.setdefault("earlier", set()).update(gone)
    elif kind == b"FLAGS":
        answer.other["flags"] = flag_set(parser.value())
    elif kind == b"ENABLED":
        answer.other[key] = frozenset(upper(word) for word in parser.rest())
    elif kind not in (b"CAPABILITY", b"ID"):
        answer.other[key] = line


def rights(text):
    """RFC 4314 §2.1.1: `c` and `d` of RFC 2086 stand for others, and each server says which."""
    return frozenset(chr(octet) for octet in text or b"") - {"c", "d"}


def mailbox(name):
    name = b"NIL" if name is None else bytes(name)
    return b"INBOX" if name.upper() == b"INBOX" else name


def esearch(values):
    result = {}
    if values and isinstance(values[0], list):
        values = values[1:]
    if values and upper(values[0]) == b"UID":
        result["UID"], values = True, values[1:]
    for name, value in zip(values[::2], values[1::2]):
        name = upper(name).decode()
        if name == "MODSEQ":
            result[name] = True
        elif name == "ALL":
            result[name] = ordered(value)
        elif name == "PARTIAL":
            # RFC 5267 §4.4: NIL, or an empty string, for a range in which nothing is
            result[name] = (tuple(sorted(ordered(value[0].replace(b":", b",")))), ordered(value[1] or b""))
        else:
            result[name] = int(value)
    return result


def threads(parser):
    found = []
    while not parser.is_over:
        found.append(parser.list())
        parser.skip(b" ")
    return found


def thread(item):
    return tuple(thread(one) for one in item) if isinstance(item, list) else int(item)


def differences(ours, theirs, path=()):
    """The leaves in which two values differ: (path, ours, theirs); `...` stands for what is not there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted(set(ours) | set(theirs), key=repr):
            found += differences(ours.get(key, ...), theirs.get(key, ...), (*path, key))
        return found
    return [] if ours == theirs else [(path, ours, theirs)]
