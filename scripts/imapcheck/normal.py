"""What a server said, in a form in which two servers that mean the same say the same.

Left out is what the RFCs leave open: texts for people, the order of what has no order, the case of words that have none,
UIDVALIDITY and mod-sequences (only that they are there), \\Recent (RFC 3501 §2.3.2: the first session to be told; RFC 9051
has none), and UID in FETCH where nobody asked (held against the session's own list instead).
"""
from .items import fetched
from .wire import Parser, status
from .words import flag_set, numbers, ordered, upper


class Answer:
    """What came back for one command."""

    def __init__(self, view):
        self.view = view
        self.fetch = {}  # UID → items
        self.gone = set()
        self.other = {}
        self.modseqs = {}  # UID → mod-sequence
        self.highest = None
        self.found_modseq = None  # MODSEQ in the answer to a search
        self.updates = []  # of contexts: (tag, ADDTO or REMOVEFROM, UIDs)

    def value(self):
        return {"fetch": self.fetch, "gone": self.gone, **self.other}

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
            answer.found_modseq = int(values.pop()[1])
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
            answer.found_modseq = next((int(value) for name, value in zip(values, values[1:]) if upper(name) == b"MODSEQ"), None)
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
