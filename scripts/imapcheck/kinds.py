"""The kinds of difference that are explained in docs/dovecot-differences.md; each is matched by narrow code.

A kind is a function of a Difference; its name stands in the document with the text of the RFC that makes Martlet's answer
right. A difference that no kind takes is a failure.
"""
import calendar
import email
import email.header
import html
import re
import unicodedata
import urllib.parse
from email import _header_value_parser as grammar

from .normal import instant


class Difference:
    """One leaf in which two answers differ.

    command: what was said, as octets, without its tag. path: where in the answer. ours, theirs: the two values; `...` where
    there is none. message: the octets of the message, for a difference within a FETCH; else None. answers: both whole
    answers. session: what it happened in.
    """

    def __init__(self, command, path, ours, theirs, message, answers, session):
        self.command = command
        self.path = path
        self.ours = ours
        self.theirs = theirs
        self.message = message
        self.answers = answers
        self.session = session
        self.why = []  # of a SEARCH: the keys and messages that nothing explains

    @property
    def item(self):
        """The item of a FETCH, as `BODY[1.MIME]<0>`; "" elsewhere."""
        return self.path[2] if len(self.path) > 2 and self.path[0] == "fetch" else ""

    @property
    def last(self):
        return self.path[-1]

    @property
    def state(self):
        return tuple(answer.get("tagged", {}).get("state") for answer in self.answers)

    def tree(self):
        return email.message_from_bytes(self.message) if self.message is not None else None

    def part(self):
        """The part that a path within a BODYSTRUCTURE leads to, as Python's parser has it; None where it has none."""
        part = self.tree()
        steps = iter(self.path[3:])
        for step in steps:
            if part is None:
                return None
            payload = part.get_payload()
            if step == "parts":
                index = next(steps, 0)
                part = payload[index - 1] if isinstance(payload, list) and 0 < index <= len(payload) else None
            elif step == "structure":
                part = payload[0] if isinstance(payload, list) and payload else None
        return part


KINDS = []


def kind(name):
    """Gives a function the name that its kind has in the document."""
    def register(function):
        KINDS.append((name, function))
        return function
    return register


def explain(difference):
    for name, matches in KINDS:
        if matches(difference):
            return name
    names = explain_search(difference)
    return min(names) if names else None


def header_end(message):
    """The octets of the header and whether a blank line ends it."""
    if message.startswith(b"\r\n"):
        return b"", True
    head, blank, _ = message.partition(b"\r\n\r\n")
    return head, bool(blank)


SECTION = re.compile(r"^(BODY|BINARY|BINARY\.SIZE)\[([0-9.]*)\.?(HEADER|TEXT|MIME|)")


def has_section(tree, numbers, text):
    """Whether a message has a part of these numbers, and the text that is asked for in it."""
    part = tree
    for depth, number in enumerate(numbers):
        if depth > 0 and part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            part = inner[0] if isinstance(inner, list) and inner else None
        if part is None:
            return False
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            if number > len(payload):
                return False
            part = payload[number - 1]
        elif number != 1 or (depth > 0 and numbers[depth - 1] and part.get_content_type() != "message/rfc822" and not is_inner(tree, numbers[:depth])):
            return False
    if numbers and text in ("HEADER", "TEXT"):
        return part.get_content_type() == "message/rfc822"
    return True


def is_inner(tree, numbers):
    """Whether these numbers lead to a part that holds a message."""
    part = tree
    for depth, number in enumerate(numbers):
        payload = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
            part = payload[0]
            payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list) and number <= len(payload):
            part = payload[number - 1]
    return part.get_content_type() == "message/rfc822"


@kind("part_not_there")
def part_not_there(d):
    found = SECTION.match(d.item)
    if not found or len(d.path) != 3 or d.ours is not None or not found.group(2):
        return False
    numbers = [int(word) for word in found.group(2).strip(".").split(".")]
    return not has_section(d.tree(), numbers, found.group(3))


@kind("charset_not_given")
def charset_not_given(d):
    """A text without charset is told without: Dovecot makes it us-ascii."""
    if d.item not in ("BODY", "BODYSTRUCTURE"):
        return False
    if d.last == "parameters":
        if d.ours is not None or d.theirs != {b"CHARSET": b"us-ascii"}:
            return False
        path = d.path[:-1]
    elif d.path[-2:] == ("parameters", b"CHARSET") and d.ours is ... and d.theirs == b"us-ascii":
        path = d.path[:-2]
    else:
        return False
    told = d.answers[0]
    for step in path:
        told = told[step]
    return told["type"].startswith(b"TEXT/")


@kind("blanks_of_a_subject")
def blanks_of_a_subject(d):
    if d.last != "subject" or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    return re.sub(rb"[ \t]+", b" ", d.ours).strip() == d.theirs.strip()


ADDRESSES = ("from", "sender", "reply-to", "to", "cc", "bcc")


def address_field(d):
    """The octets of the field of addresses that a path in an envelope leads to, each time it stands in the header."""
    for index, step in enumerate(d.path):
        if step in ADDRESSES:
            inner = d.part() if "structure" in d.path or "parts" in d.path else d.tree()
            if "envelope" in d.path and inner is not None:
                payload = inner.get_payload()
                inner = payload[0] if isinstance(payload, list) and payload else None
            if inner is None:
                return None
            name = step
            values = inner.get_all(name) or []
            if not values and name in ("sender", "reply-to"):
                values = inner.get_all("from") or []
            return [str(value) for value in values]
    return None


def is_address_list(text):
    """Whether a field's value is of RFC 5322's grammar, the obsolete one left out."""
    text = re.sub(r"\r\n(?=[ \t])", "", text).strip()
    try:
        parsed, rest = grammar.get_address_list(text)
    except Exception:
        return False
    return not rest and not parsed.all_defects


@kind("addresses_of_no_grammar")
def addresses_of_no_grammar(d):
    if not any(step in ("ENVELOPE", "envelope") for step in d.path):
        return False
    values = address_field(d)
    return values is not None and any(not is_address_list(value) for value in values)


CODES = {"NONEXISTENT", "CLIENTBUG", "NOPERM", "ALREADYEXISTS", "CANNOT", "TRYCREATE"}


@kind("more_response_codes")
def more_response_codes(d):
    return (len(d.path) == 2 and d.path[0] == "tagged" and d.last in CODES and {d.ours, d.theirs} == {True, ...}
            and (d.state[0] == d.state[1] or d.session.read_only))


@kind("attributes_nobody_asked_for")
def marked(d):
    return (d.last == "attributes" and d.path[0] == "LIST" and d.ours is not ... and d.theirs is not ...
            and d.ours ^ d.theirs <= {rb"\MARKED", rb"\UNMARKED"})


@kind("edges_of_a_header")
def header_without_blank_line(d):
    """Selected fields of a header that ends without a blank line: none is made up."""
    if "HEADER.FIELDS" not in d.item or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    if "<" in d.item and not (d.theirs.startswith(d.ours) and b"\r\n".startswith(d.theirs[len(d.ours):])):
        return False
    if "<" not in d.item and d.theirs != d.ours + b"\r\n":
        return False
    if d.item.startswith("BODY[HEADER"):
        return not header_end(d.message)[1]
    numbers = [int(word) for word in re.match(r"BODY\[([0-9.]+)\.H", d.item).group(1).split(".")]
    part = d.session.part_octets(d.path[1], numbers)
    return part is not None and not header_end(part)[1]


@kind("content_fields_that_cannot_be_read")
def type_that_cannot_be_read(d):
    if d.item not in ("BODY", "BODYSTRUCTURE"):
        return False
    part = d.part()
    if part is None:
        return False
    given = part.get("Content-Type")
    return given is not None and not re.match(r"\s*[^\s/;()<>@,:\\\"\[\]?=]+\s*/\s*[^\s/;()<>@,:\\\"\[\]?=]+", str(given)) and (
        d.last in ("type", "lines", "parameters", "octets"))


@kind("read_only_mailbox")
def read_only_mailbox(d):
    """Changes of a mailbox that EXAMINE opened are refused; Dovecot says OK, and carries MOVE out."""
    return (d.session.read_only and re.match(rb"(UID )?(MOVE|EXPUNGE|STORE)", d.command) is not None
            and d.state in (("NO", "OK"), ("NO", "BAD")))


@kind("line_break_of_a_boundary")
def blank_line_before_a_boundary(d):
    """The blank line that ends a header, directly before a boundary, is told with the header."""
    return d.item.startswith("BODY[") and (".HEADER" in d.item or ".MIME" in d.item) and isinstance(d.ours, bytes) and isinstance(
        d.theirs, bytes) and d.ours == d.theirs + b"\r\n" and (
            d.ours == b"\r\n" or d.ours.endswith(b"\r\n\r\n"))


@kind("edges_of_a_header")
def header_beyond_its_part(d):
    """Fields of a header that its part ends are taken from the part alone, not from what stands behind it."""
    found = re.match(r"BODY\[([0-9.]+)\.HEADER", d.item)
    if not found or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    part = d.session.part_octets(d.path[1], [int(word) for word in found.group(1).split(".")])
    return part is not None and not header_end(part)[1] and d.theirs.rstrip(b"\r\n") not in part


@kind("copy_of_nothing")
def copy_of_nothing(d):
    """COPY to a mailbox that is not there is refused, also where no message is named."""
    return re.match(rb"(UID )?(COPY|MOVE)", d.command) is not None and d.state == ("NO", "OK") and d.path[0] == "tagged" and (
        d.answers[0]["tagged"].get("TRYCREATE") is True and d.answers[1].get("OK COPYUID") is None
        and "COPYUID" not in d.answers[1]["tagged"])


@kind("message_global")
def message_global(d):
    """message/global holds a message as message/rfc822 does."""
    tree = d.tree()
    return tree is not None and any(part.get_content_type() == "message/global" for part in tree.walk()) and (
        SECTION.match(d.item) is not None or d.item in ("BODY", "BODYSTRUCTURE")) and d.theirs in (b"", None, ...)


@kind("comment_behind_an_address")
def comment_behind_an_address(d):
    """A comment behind <address> is a name where there is no other."""
    if not ({"ENVELOPE", "envelope"} & set(d.path)) or not isinstance(d.ours, tuple) or not isinstance(d.theirs, tuple):
        return False
    name = d.ours[0]
    return d.theirs[0] is None and d.ours[1:] == d.theirs[1:] and name is not None and b"(" + name + b")" in d.message


@kind("parameters_of_no_grammar")
def parameters_joined(d):
    """Segments of a parameter, some encoded and some not, become one encoded value."""
    return ("parameters" in d.path and isinstance(d.last, bytes) and d.last.endswith(b"*") and isinstance(d.ours, bytes)
            and isinstance(d.theirs, bytes) and unquote(d.ours) == unquote(d.theirs) and b"%" in d.ours)


def unquote(octets):
    return urllib.parse.unquote_to_bytes(octets)


@kind("parameters_of_no_grammar")
def parameters_of_no_grammar(d):
    """Of parameters that cannot be read, the two take different pieces."""
    if "parameters" not in d.path:
        return False
    part = d.part()
    name = "Content-Disposition" if "disposition" in d.path else "Content-Type"
    field = str(part.get(name, "")) if part is not None else ""
    return re.search(r";\s*;|;\s*[^=;\s]+\s*;|=\s*;", field) is not None or field.replace('\\"', "").count('"') % 2 == 1


@kind("multipart_without_parts")
def multipart_without_parts(d):
    """A multipart without a single part is told with one that is empty, which is not there to be fetched."""
    tree = d.tree()
    return tree is not None and d.theirs in (b"", {b"CHARSET": b"us-ascii"}) and d.ours is None and any(
        part.get_content_maintype() == "multipart" and (not isinstance(part.get_payload(), list) or not part.get_payload())
        for part in tree.walk())


@kind("store_that_changes_nothing")
def store_that_changes_nothing(d):
    """STORE answers with the flags of each message, also where they were so before."""
    if not re.match(rb"(UID )?STORE", d.command) or len(d.path) != 2 or d.theirs is not ... or not set(d.ours) <= {"FLAGS", "MODSEQ"}:
        return False
    ours, theirs = d.session.flags(d.path[1])
    return ours == theirs and d.ours.get("FLAGS", ours) == ours


@kind("attributes_nobody_asked_for")
def children_not_asked_for(d):
    """HasChildren and HasNoChildren are told also where RETURN does not ask for them."""
    asked = b"RETURN (" not in d.command or b"CHILDREN" in d.command.partition(b"RETURN (")[2].upper()
    return (d.last == "attributes" and (d.path[0] == "LSUB" or not asked) and d.ours is not ...
            and d.theirs is not ... and d.ours ^ d.theirs <= {rb"\HASCHILDREN", rb"\HASNOCHILDREN", rb"\MARKED", rb"\UNMARKED"})


@kind("content_fields_without_mime")
def content_fields_without_mime(d):
    """Content fields count also in a message that has neither MIME-Version nor Content-Type."""
    if d.item not in ("BODY", "BODYSTRUCTURE") or d.last not in ("encoding", "id", "description", "disposition"):
        return False
    part = d.part()
    return part is not None and "MIME-Version" not in part and "Content-Type" not in part


@kind("field_twice")
def field_twice(d):
    """Of a field that stands twice the first counts."""
    if not ({"ENVELOPE", "envelope"} & set(d.path)):
        return False
    name = next((step for step in reversed(d.path) if isinstance(step, str)), "")
    tree = d.tree()
    return tree is not None and any(len(part.get_all(name) or []) > 1 for part in tree.walk())


@kind("edges_of_a_header")
def offset_into_a_blank_line(d):
    """Octets of HEADER.FIELDS from the second octet on, where no such field is there: the line feed of the blank line."""
    return "HEADER.FIELDS" in d.item and d.item.endswith(">") and d.ours == b"\n" and d.theirs == b"\r"


@kind("line_break_of_a_boundary")
def last_line_break(d):
    """The line break before a boundary belongs to the boundary, also behind an inner multipart or message."""
    if d.item in ("BODY", "BODYSTRUCTURE"):
        return isinstance(d.ours, int) and isinstance(d.theirs, int) and (d.last, d.theirs - d.ours) in (
            ("octets", 2), ("lines", 1))
    return (d.item.startswith("BODY[") and isinstance(d.ours, bytes) and d.theirs == d.ours + b"\r\n"
            and re.match(r"BODY\[[0-9]", d.item) is not None and "HEADER" not in d.item)


@kind("content_fields_that_cannot_be_read")
def fields_without_content(d):
    """A Content field without a value is as one that is not there."""
    names = {"disposition": "Content-Disposition", "description": "Content-Description", "id": "Content-ID",
             "language": "Content-Language", "location": "Content-Location", "md5": "Content-MD5"}
    if d.item not in ("BODY", "BODYSTRUCTURE") or d.last not in names:
        return False
    part = d.part()
    value = part.get(names[d.last]) if part is not None else None
    return value is not None and str(value).strip() == ""


@kind("modseq_of_a_search")
def modseq_of_a_search(d):
    """MODSEQ in the answer wherever the criteria name it, also where they could do without."""
    return d.path == ("SEARCH-modseq",) and d.ours is True and b"MODSEQ" in d.command and d.answers[0].get(
        "SEARCH") == d.answers[1].get("SEARCH")


@kind("not_modseq")
def not_modseq(d):
    """NOT MODSEQ finds what MODSEQ does not; in Dovecot nothing that is older than all."""
    return d.path[0] in ("SEARCH", "ESEARCH", "SORT", "THREAD", "SEARCH-modseq", "SORT-modseq") and b"NOT MODSEQ" in d.command


@kind("or_of_flags")
def or_of_flags(d):
    """OR of two flags that are not set finds what lacks either; Dovecot what lacks both."""
    return d.path[0] in ("SEARCH", "ESEARCH", "SORT", "THREAD", "SEARCH-modseq", "SORT-modseq") and re.search(
        rb"OR (UN|NOT )[A-Z]+ (UN|NOT )[A-Z]+", d.command) is not None


@kind("number_of_no_message")
def number_of_no_message(d):
    """A sequence number above the number of messages is an error in SEARCH as everywhere."""
    if not SEARCHES.match(d.command) or d.state != ("BAD", "OK"):
        return False
    count = len(d.session.sides[0].view.uids)
    return any(int(number) > count for number in re.findall(rb"(?<![^ (:,])(\d+)(?![^ ):,])", d.command))


# MARK: SEARCH: each key of the criteria that the two find different messages by is explained on its own


WITH_TEXT = {b"SUBJECT", b"FROM", b"TO", b"CC", b"BCC", b"BODY", b"TEXT"}
WITH_WORD = {b"KEYWORD", b"UNKEYWORD", b"BEFORE", b"ON", b"SINCE", b"SENTBEFORE", b"SENTON", b"SENTSINCE", b"LARGER",
             b"SMALLER", b"OLDER", b"YOUNGER", b"UID"}
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


def keys(command):
    """The keys with arguments of a SEARCH, SORT or THREAD."""
    words = iter(tokens(command.partition(b"UTF-8 ")[2]))
    found = []
    for word in words:
        if word in WITH_TEXT or word in WITH_WORD:
            found.append((word, [next(words, b"")]))
        elif word == b"HEADER":
            found.append((word, [next(words, b""), next(words, b"")]))
    return found


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
        raw = self.arguments[-1]
        if raw.startswith(b"{"):
            return raw.partition(b"\r\n")[2].decode()
        return re.sub(rb"\\(.)", rb"\1", raw.strip(b'"')).decode()


SEARCHES = re.compile(rb"(UID )?(SEARCH|SORT|THREAD) ")
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
    ("date_that_cannot_be_read", lambda tree: not date_is_plain(tree)),
    ("field_twice", lambda tree: any(len(tree.get_all(name) or []) > 1 for name in (*ADDRESSES, "subject", "date", "message-id"))),
    ("addresses_of_no_grammar", lambda tree: any(
        not is_address_list(str(value)) for name in ("from", "to", "cc") for value in tree.get_all(name) or [])),
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
        tree = email.message_from_bytes(d.session.sides[0].message(uid) or b"")
        found = {name for name, is_odd in ODD if is_odd(tree)}
        if found:
            names |= found
            odd.add(number)
    same = [number for number in ours if number not in odd] == [number for number in theirs if number not in odd]
    return names if same else set()


def explain_search(d):
    """The names of what explains a SEARCH; none where a key, or the criteria as a whole, stays unexplained."""
    names = explain_order(d)
    if names:
        return names
    if not SEARCHES.match(d.command) or d.path[0] not in ("SEARCH", "ESEARCH", "SORT", "THREAD", "SEARCH-modseq", "SORT-modseq"):
        return set()
    names = set()
    if d.session.known_search == d.command:
        return d.session.known_names
    for key, arguments in keys(d.command):
        ours, theirs = d.session.found_by(b" ".join([key, *arguments]))
        for uid in set(ours or []) ^ set(theirs or []):
            message = d.session.sides[0].message(uid)
            case = SearchCase(key, arguments, uid, message, uid in ours, d.session)
            name = next((name for name, matches in SEARCH_KINDS if matches(case)), None)
            if name is None:
                d.why.append((b" ".join([key, *arguments]), uid, uid in ours, message))
            else:
                names.add(name)
    names = set() if d.why else names
    d.session.known_search, d.session.known_names = d.command, names
    return names


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
    tree, text = email.message_from_bytes(case.message), folded(case.text)
    fields = [field for part in tree.walk() for field in part.items()]
    named = any(text in folded(name) + ": " + decoded(value) for name, value in fields)
    return named and not any(text in decoded(value) for _, value in tree.items())


@search_kind("fields_of_inner_messages")
def fields_of_inner_messages(case):
    """BODY and TEXT find subjects and names of inner messages, and file names; not the other fields of parts."""
    if case.key not in (b"BODY", b"TEXT"):
        return False
    tree, text = email.message_from_bytes(case.message), folded(case.text)
    inner = [part for part in tree.walk() if part is not tree]
    fields = [(name.lower(), decoded(value)) for part in inner for name, value in part.items()]
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


@search_kind("text_beyond_ascii")
def case_beyond_ascii(case):
    """Case is compared as Unicode folds it: STRASSE finds Straße."""
    if not case.is_ours or case.key in (b"KEYWORD", b"UNKEYWORD"):
        return False
    simple = case.text.lower()
    return "ss" in simple or "ß" in simple or not case.text.isascii()


@search_kind("text_beyond_ascii")
def octets_of_no_charset(case):
    """Text beyond ASCII without a charset is read as UTF-8 where it is that, else as ISO 8859-1; Dovecot finds none of it."""
    if case.key not in (b"BODY", b"TEXT") or not case.is_ours or case.text.isascii():
        return False
    text = folded(case.text)
    for part in email.message_from_bytes(case.message).walk():
        payload = part.get_payload(decode=True)
        if payload and not payload.isascii() and part.get_content_maintype() == "text" and (
                part.get_content_charset() in (None, "us-ascii")):
            if text in folded(payload.decode("utf-8", "replace")) or text in folded(payload.decode("windows-1252", "replace")):
                return True
    return False


@search_kind("encoding_with_a_comment")
def encoding_with_a_comment(case):
    """A transfer encoding with a comment behind it is undone."""
    return case.key in (b"BODY", b"TEXT") and any(
        re.match(r"\s*(base64|quoted-printable)\s*\(", str(part.get("Content-Transfer-Encoding", "")), re.I)
        for part in email.message_from_bytes(case.message).walk())


@search_kind("words_with_a_language")
def words_with_a_language(case):
    """Encoded words that name a language are decoded."""
    return case.is_ours and re.search(rb"=\?[A-Za-z0-9-]+\*[A-Za-z0-9-]+\?", case.message) is not None
