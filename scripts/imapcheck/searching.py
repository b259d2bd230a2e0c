"""The kinds of difference in what is searched for, sorted and threaded, explained key by key.

The keys of a search are looked for one by one; a message that one server finds by a key and the other does not needs a kind
of its own. What Martlet answers must besides be what its keys give together: NOT, OR and the rest are worked out here.
"""
import calendar
import email
import email.header
import html
import re
import unicodedata

from .kinds import ADDRESSES, SEARCHES, is_address_list
from .normal import instant

# MARK: SEARCH: each key of the criteria that the two find different messages by is explained on its own


WITH_TEXT = {b"SUBJECT", b"FROM", b"TO", b"CC", b"BCC", b"BODY", b"TEXT"}
WITH_WORD = {b"KEYWORD", b"UNKEYWORD", b"BEFORE", b"ON", b"SINCE", b"SENTBEFORE", b"SENTON", b"SENTSINCE", b"LARGER",
             b"SMALLER", b"OLDER", b"YOUNGER", b"UID", b"MODSEQ"}
TOKEN = re.compile(rb'\{(\d+)\+\}\r\n|"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+')


def tokens(criteria):
    at, found = 0, []
    while at < len(criteria):
        match = TOKEN.match(criteria, at)
        if not match:
            at += 1
            continue
        at = match.end()
        if match.group(1):
            at += int(match.group(1))
        found.append(criteria[match.start():at])
    return found


def criteria(command):
    """The criteria of a SEARCH, SORT or THREAD."""
    return command.partition(b"UTF-8 ")[2]


def tree(words):
    """The criteria as a tree: ("AND", …), ("OR", a, b), ("NOT", a), and keys with their arguments as octets."""
    def one(word):
        if word == b"(":
            found = []
            while (inner := next(words, b")")) != b")":
                found.append(one(inner))
            return ("AND", *found)
        if word == b"NOT":
            return ("NOT", one(next(words, b"ALL")))
        if word == b"OR":
            return ("OR", one(next(words, b"ALL")), one(next(words, b"ALL")))
        count = 2 if word == b"HEADER" else 1 if word in WITH_TEXT or word in WITH_WORD else 0
        return b" ".join([word, *(next(words, b"") for _ in range(count))])

    words = iter(words)
    return ("AND", *(one(word) for word in words))


def leaves_of(node):
    return [node] if isinstance(node, bytes) else [leaf for inner in node[1:] for leaf in leaves_of(inner)]


def composed(node, found, everything):
    """What keys give together: `found` has the messages of each."""
    if isinstance(node, bytes):
        return found[node]
    inner = [composed(one, found, everything) for one in node[1:]]
    if node[0] == "NOT":
        return everything - inner[0]
    return set.union(*inner) if node[0] == "OR" else everything.intersection(*inner)


class SearchCase:
    """A message that one of the two finds by a key and the other does not."""

    def __init__(self, key, arguments, uid, message, is_ours, session):
        self.key = key
        self.arguments = arguments
        self.uid = uid
        self.message = message
        self.is_ours = is_ours
        self.session = session

    @property
    def text(self):
        """What is looked for, as it was meant."""
        raw = self.arguments[-1] if self.arguments else b""
        if raw.startswith(b"{"):
            return raw.partition(b"\r\n")[2].decode()
        return re.sub(rb"\\(.)", rb"\1", raw.strip(b'"')).decode()


SEARCH_KINDS = []
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
DATE = re.compile(
    rf"\s*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s*,\s*)?(\d\d?)\s+({MONTHS})\s+(\d{{2,4}})\s+\d\d:\d\d(?::\d\d)?(?:\s|$)", re.I)


def date_is_plain(tree):
    """Whether a message has one Date, of the grammar, of a day that there is, after the first of January 1970."""
    values = tree.get_all("Date") or []
    found = DATE.match(str(values[0])) if len(values) == 1 else None
    if found is None:
        return False
    day, month, year = int(found.group(1)), MONTHS.split("|").index(found.group(2).title()) + 1, int(found.group(3))
    if len(found.group(3)) == 2:
        year += 1900 if year >= 50 else 2000
    # To Dovecot the first day of 1970 is no date either.
    if (year, month, day) <= (1970, 1, 1):
        return False
    return day <= calendar.monthrange(2000, month)[1] and (month != 2 or day != 29 or calendar.isleap(year))


def search_kind(name):
    def register(function):
        SEARCH_KINDS.append((name, function))
        return function
    return register


ODD = (
    ("date_that_cannot_be_read", lambda one: not date_is_plain(one)),
    ("field_twice", lambda one: any(len(one.get_all(name) or []) > 1 for name in (*ADDRESSES, "subject", "date", "message-id"))),
    ("addresses_of_no_grammar", lambda one: any(
        not is_address_list(str(value)) for name in ("from", "to", "cc") for value in one.get_all(name) or [])),
)


def flattened(value):
    return [number for item in value for number in (flattened(item) if isinstance(item, tuple) else [item])]


def explain_order(d):
    """The names of what explains another order of the same messages: without the odd ones both have the same."""
    if d.path[0] not in ("SORT", "THREAD") or not isinstance(d.ours, (list, tuple)) or not isinstance(d.theirs, (list, tuple)):
        return set()
    ours, theirs = flattened(d.ours), flattened(d.theirs)
    if sorted(ours) != sorted(theirs):
        return set()
    uids = d.session.sides[0].view.uids
    names, odd = set(), set()
    for number in ours:
        uid = number if d.command.startswith(b"UID") else uids[number - 1]
        message = email.message_from_bytes(d.session.sides[0].message(uid) or b"")
        found = {name for name, is_odd in ODD if is_odd(message)}
        if found:
            names |= found
            odd.add(number)
    if [number for number in ours if number not in odd] == [number for number in theirs if number not in odd]:
        return names
    if d.path[0] == "THREAD":
        # A thread stands where its first message does: with an odd one in it, all of it may stand elsewhere.
        kept = [[thread for thread in side if not odd & set(flattened(thread))] for side in (d.ours, d.theirs)]
        groups = [sorted(sorted(flattened(thread)) for thread in side) for side in (d.ours, d.theirs)]
        return names if kept[0] == kept[1] and groups[0] == groups[1] else set()
    return names | {"ties_of_a_sort"} if ties_are_kept(d, [number for number in ours if number not in odd], [
        number for number in theirs if number not in odd]) else set()


ORDERS = re.compile(rb"SORT \(([^)]*)\)")
FIELDS_OF_ORDERS = {b"CC": "cc", b"FROM": "from", b"SUBJECT": "subject", b"TO": "to", b"DISPLAYFROM": "from", b"DISPLAYTO": "to"}


def ties_are_kept(d, ours, theirs):
    """Whether two orders differ only among messages whose fields are the same octets, and Martlet's is right there."""
    words = ORDERS.search(d.command).group(1).split()
    orders = [(word, index > 0 and words[index - 1] == b"REVERSE") for index, word in enumerate(words) if word != b"REVERSE"]
    uids = d.session.sides[0].view.uids
    alike, ranks = {}, {}
    for number in ours:
        uid = number if d.command.startswith(b"UID") else uids[number - 1]
        octets = d.session.sides[0].message(uid) or b""
        message = email.message_from_bytes(octets)
        alike[number] = tuple(tuple(filter(str.strip, values_of(message, FIELDS_OF_ORDERS[word]))) for word, _ in orders if word in FIELDS_OF_ORDERS)
        date = tuple(values_of(message, "date"))
        measures = {b"SIZE": len(octets), b"ARRIVAL": instant(d.session.internal_date(uid))}
        if b"DATE" in words:
            alike[number] += (date,)
        ranks[number] = (*((-measures[word] if is_reverse else measures[word]) for word, is_reverse in orders if word in measures), number)
    if [alike[number] for number in ours] != [alike[number] for number in theirs]:
        return False
    return all(ranks[one] < ranks[other] for one, other in zip(ours, ours[1:]) if alike[one] == alike[other])


ANSWERS = ("SEARCH", "ESEARCH", "SORT", "THREAD", "SEARCH-modseq", "SORT-modseq", "saved")


def explain_search(d):
    """The names of what explains a SEARCH; none where a key, or the criteria as a whole, stays unexplained."""
    if not SEARCHES.match(d.command) or d.path[0] not in ANSWERS:
        return set()
    if d.session.known_search == d.command:
        return d.session.known_names
    names = explain_order(d)
    if not names:
        names = explain_keys(d) | explain_order_of_return(d)
    names = set() if d.why else names
    d.session.known_search, d.session.known_names = d.command, names
    return names


def explain_keys(d):
    """The names of what each key finds otherwise; in `why` what isn't explained, and what Martlet's keys don't come to."""
    whole = tree(tokens(criteria(d.command)))
    if len(whole) == 1:
        return set()
    names, ours, theirs = set(), {}, {}
    for leaf in set(leaves_of(whole)):
        mine, other = d.session.found_by(leaf)
        ours[leaf], theirs[leaf] = set(mine or []), set(other or [])
        key, *arguments = tokens(leaf) or [leaf]
        for uid in ours[leaf] ^ theirs[leaf]:
            message = d.session.sides[0].message(uid)
            case = SearchCase(key, arguments, uid, message, uid in ours[leaf], d.session)
            name = next((name for name, matches in SEARCH_KINDS if matches(case)), None)
            if name is None:
                d.why.append((leaf, uid, uid in ours[leaf], message))
            else:
                names.add(name)
    mine, other = (set(found or []) for found in d.session.found_by(criteria(d.command)))
    everything = {uid for uid in d.session.sides[0].view.uids if uid}
    for uid in mine ^ composed(whole, ours, everything):
        d.why.append((b"what its keys give together", uid, uid in mine, None))
    if other != composed(whole, theirs, everything):
        names.add("keys_not_composed")
    return names


def explain_order_of_return(d):
    """SORT RETURN tells of the order that SORT alone has: where that differs, the reasons are the same."""
    if b"SORT RETURN" not in d.command:
        return set()
    plain = re.sub(rb"SORT RETURN \([^)]*\)", b"SORT", d.command)
    lists = [side.run(plain)[0].other.get("SORT", []) for side in d.session.sides]
    if lists[0] == lists[1]:
        return set()
    other = type(d)(plain, ("SORT",), *lists, None, d.answers, d.session)
    return explain_order(other)


@search_kind("date_that_cannot_be_read")
def date_that_cannot_be_read(case):
    """Messages without a Date that can be read, or from before 1970: Martlet takes the internal date, Dovecot 1970."""
    if case.key not in (b"SENTBEFORE", b"SENTON", b"SENTSINCE"):
        return False
    return not date_is_plain(email.message_from_bytes(case.message))


@search_kind("zone_of_the_internal_date")
def zone_of_the_internal_date(case):
    """The day of an internal date is the day it has in its own zone."""
    if case.key not in (b"BEFORE", b"ON", b"SINCE"):
        return False
    text = case.session.internal_date(case.uid)
    moment = instant(text)
    sign, hours, minutes = text[-5:-4], int(text[-4:-2]), int(text[-2:])
    there = moment + (1 if sign == b"+" else -1) * (hours * 3600 + minutes * 60)
    return moment // 86400 != there // 86400


def fields_of(part):
    """Names and values as they came, octets beyond ASCII among them."""
    return [(name, str(value)) for name, value in part.raw_items()]


def values_of(part, name):
    return [value for other, value in fields_of(part) if other.lower() == name.lower()]


def decoded(value):
    """A header value as people read it, folded as Martlet folds: case and composition."""
    raw = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else str(value)
    try:
        text = str(email.header.make_header(email.header.decode_header(raw)))
    except Exception:
        text = raw
    return folded(re.sub(r"\r?\n(?=[ \t])", "", text))


def folded(text):
    return unicodedata.normalize("NFC", text).casefold()


def leaves(part):
    """The parts without parts, and what a reader sees of each (text) or could (octets without transfer encoding)."""
    for one in part.walk():
        if not one.is_multipart() or not isinstance(one.get_payload(), list):
            payload = one.get_payload(decode=True) or b""
            charset = one.get_content_charset() or "utf-8"
            try:
                yield one, folded(payload.decode(charset, "replace"))
            except LookupError:
                yield one, folded(payload.decode("utf-8", "replace"))


@search_kind("names_of_fields")
def names_of_fields(case):
    """TEXT looks at what fields say, not at their names."""
    if case.key != b"TEXT" or case.is_ours:
        return False
    message, text = email.message_from_bytes(case.message), folded(case.text)
    fields = [field for part in message.walk() for field in fields_of(part)]
    named = any(text in folded(name) + ": " + decoded(value) for name, value in fields)
    head = case.message.partition(b"\r\n\r\n")[0]
    named = named or any(text in folded(line.decode("utf-8", "replace")) for line in head.split(b"\r\n"))
    return named and not any(text in decoded(value) for _, value in fields_of(message))


@search_kind("fields_of_inner_messages")
def fields_of_inner_messages(case):
    """BODY and TEXT find subjects and names of inner messages, and file names; not the other fields of parts."""
    if case.key not in (b"BODY", b"TEXT"):
        return False
    message, text = email.message_from_bytes(case.message), folded(case.text)
    inner = [part for part in message.walk() if part is not message]
    fields = [(name.lower(), decoded(value)) for part in inner for name, value in fields_of(part)]
    broken = [folded(part.as_bytes().decode("utf-8", "replace")) for part in inner if not part.items()]
    names = [decoded(part.get_filename() or "") for part in inner]
    if case.is_ours:
        told = [value for name, value in fields if name in ("subject", "from", "to", "cc")]
        return any(text in value for value in told + names)
    return any(text in name + ": " + value for name, value in fields) or any(text in header for header in broken)


@search_kind("markup")
def markup(case):
    """BODY and TEXT find what a page of HTML shows, not its tags."""
    if case.key not in (b"BODY", b"TEXT"):
        return False
    text = folded(case.text)
    for part, content in leaves(email.message_from_bytes(case.message)):
        if part.get_content_type() == "text/html":
            shown = html.unescape(re.sub(r"<[^>]*>", "", content))
            if (text in content) != (text in shown):
                return True
    return False


@search_kind("addresses_of_no_grammar")
def placeholders_of_addresses(case):
    """Fields of addresses are searched as they are written: MISSING_MAILBOX and its like are not in them."""
    if case.key not in (b"FROM", b"TO", b"CC", b"BCC"):
        return False
    values = email.message_from_bytes(case.message).get_all(case.key.decode()) or []
    if not any(not is_address_list(str(value)) for value in values):
        return False
    if case.is_ours:
        return any(folded(case.text) in decoded(value) for value in values)
    return any(folded(case.text) in word for word in ("missing_mailbox", "missing_domain", "syntax_error", "invalid_route"))


FIELD_OF = {b"SUBJECT": "subject", b"FROM": "from", b"TO": "to", b"CC": "cc", b"BCC": "bcc"}


def charsets_of(part):
    """How the octets of a text are read: by its charset, else as UTF-8, and as ISO 8859-1 (or 1252) where it isn't that."""
    given = part.get_content_charset()
    return [given] if given not in (None, "us-ascii", "unknown-8bit") else ["utf-8", "windows-1252", "latin-1"]


def texts_of(part):
    """What a reader sees of a part without parts, folded, by each charset that it may be in."""
    encoding = re.sub(r"\(.*?\)", "", str(part.get("Content-Transfer-Encoding", ""))).strip()
    part = email.message_from_bytes(part.as_bytes())
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = encoding
    payload = part.get_payload(decode=True) or b""
    for charset in charsets_of(part):
        try:
            text = payload.decode(charset, "replace")
        except LookupError:
            text = payload.decode("utf-8", "replace")
        yield folded(text)
        if part.get_content_type() == "text/html":
            yield folded(html.unescape(re.sub(r"<[^>]*>", "", text)))


def read(case):
    """All that a reader may see of what the key of a case looks at, folded: one text for each field, and for each part."""
    message = email.message_from_bytes(re.sub(rb"(=\?[A-Za-z0-9-]+)\*[A-Za-z-]+\?", rb"\1?", case.message))
    if case.key in FIELD_OF or case.key == b"HEADER":
        name = FIELD_OF.get(case.key) or case.arguments[0].decode()
        return [each for value in values_of(message, name) for each in field_texts(value)]
    parts = [text for part in message.walk() if not isinstance(part.get_payload(), list) for text in texts_of(part)]
    inner = [part for part in message.walk() if part is not message]
    fields = [value for part in (inner if case.key == b"BODY" else [message, *inner]) for _, value in fields_of(part)]
    return parts + [each for value in fields for each in field_texts(value)]


def field_texts(value):
    """A field as UTF-8, and as ISO 8859-1 where octets beyond ASCII are not that."""
    yield decoded(value)
    raw = value.encode("utf-8", "surrogateescape")
    if not raw.isascii():
        yield folded(raw.decode("latin-1"))


@search_kind("text_beyond_ascii")
def text_beyond_ascii(case):
    """Case as Unicode folds it, and octets that name no charset: what is found stands there."""
    simple = case.text.lower()
    return case.is_ours and ("ss" in simple or not case.text.isascii()) and (
        case.key in WITH_TEXT or case.key == b"HEADER") and any(folded(case.text) in text for text in read(case))


@search_kind("text_beyond_ascii")
def neither_utf8_nor_all_latin(case):
    """A text without charset whose octets are not UTF-8 is ISO 8859-1, all of it; Dovecot reads what it can as UTF-8."""
    if case.is_ours or case.key not in (b"BODY", b"TEXT") or case.text.isascii():
        return False
    for part in email.message_from_bytes(case.message).walk():
        payload = b"" if part.is_multipart() else part.get_payload(decode=True) or b""
        if part.get_content_charset() in (None, "us-ascii") and folded(case.text) in folded(payload.decode("utf-8", "replace")):
            return "\ufffd" in payload.decode("utf-8", "replace")
    return False


@search_kind("rarely_encoded")
def encoding_with_a_comment(case):
    """A transfer encoding with a comment behind it is undone: what is found stands there then, and only then."""
    if case.key not in (b"BODY", b"TEXT") or not any(
            re.match(r"\s*(base64|quoted-printable)\s*\(", str(part.get("Content-Transfer-Encoding", "")), re.I)
            for part in email.message_from_bytes(case.message).walk()):
        return False
    return case.is_ours == any(folded(case.text) in text for text in read(case))


@search_kind("rarely_encoded")
def words_with_a_language(case):
    """Encoded words that name a language are decoded: what is found stands there then."""
    return case.is_ours and re.search(rb"=\?[A-Za-z0-9-]+\*[A-Za-z0-9-]+\?", case.message) is not None and any(
        folded(case.text) in text for text in read(case))
