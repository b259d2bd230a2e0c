"""The kinds of difference that are explained in docs/dovecot-differences.md; each is matched by narrow code.

A kind is a function of a Difference; its name stands in the document with the text of the RFC that makes Martlet's answer
right. A difference that no kind takes is a failure.
"""
import email
import re
import urllib.parse
from email import _header_value_parser as grammar

from . import mime


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
SEARCHES = re.compile(rb"(UID )?(SEARCH|SORT|THREAD) ")


def kind(name):
    """Gives a function the name that its kind has in the document."""
    def register(function):
        KINDS.append((name, function))
        return function
    return register


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
def piece_not_there(d):
    """CATENATE of a part that a message doesn't have is refused."""
    if b" CATENATE (" not in d.command or d.path[0] not in ("tagged", "uids") or d.state != ("NO", "OK") or (
            d.answers[0]["tagged"].get("BADURL") is not True):
        return False
    pieces = re.findall(rb';UID=(\d+)/;SECTION=([0-9.]+?)(\.MIME)?"', d.command)
    messages = [(d.session.sides[0].message(int(uid)), [int(word) for word in number.split(b".")]) for uid, number, _ in pieces]
    return any(message is not None and mime.Part(message).at(numbers) is None for message, numbers in messages)


@kind("part_not_there")
def part_not_there(d):
    found = SECTION.match(d.item)
    absent = 0 if d.item.startswith("BINARY.SIZE") else None
    if not found or len(d.path) != 3 or d.ours != absent or not found.group(2):
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


# The commands whose failure says something of the mailbox that they name first, and second
NAMES_ONE = re.compile(rb"(?:STATUS|SUBSCRIBE|UNSUBSCRIBE|SELECT|EXAMINE|DELETE|RENAME|CREATE|APPEND|MYRIGHTS|GETACL|SETACL|DELETEACL|LISTRIGHTS|"
                       rb"GETMETADATA(?: \([^)]*\))?|SETMETADATA|GETQUOTAROOT) (\S+)(?: (\S+))?")
CHANGES = re.compile(rb"(UID )?(MOVE|EXPUNGE|STORE)")


@kind("more_response_codes")
def more_response_codes(d):
    """A code that says why a command failed, where the other says none or another; Martlet's is true of what there is."""
    if len(d.path) != 2 or d.path[0] != "tagged" or {d.ours, d.theirs} != {True, ...}:
        return False
    named = NAMES_ONE.match(d.command)
    copied = re.match(rb"(?:UID )?(?:COPY|MOVE) \S+ (\S+)", d.command)
    if d.ours is True:
        if d.last == "CLIENTBUG":
            return d.state == ("BAD", "BAD")
        if d.last == "NOPERM":
            return d.state[0] == "NO" and (
                d.session.read_only and CHANGES.match(d.command) is not None or d.command.startswith(b"SETQUOTA"))
        if d.state == ("NO", "OK") and d.last == "NONEXISTENT":
            return mailbox_not_there(d)
        if d.state != ("NO", "NO"):
            return False
        if d.last == "NONEXISTENT" and d.command.startswith(b"GETQUOTA "):
            return True
        if d.last == "NONEXISTENT":
            return named is not None and not d.session.lists(named.group(1))
        if d.last == "TRYCREATE":
            return copied is not None and not d.session.lists(copied.group(1))
        return d.last == "ALREADYEXISTS" and named is not None and d.session.lists(
            named.group(2 if d.command.startswith(b"RENAME") else 1))
    if d.last == "CLIENTBUG":
        # RFC 3501 §6.3.10 advises against STATUS of the selected mailbox; it is carried out all the same.
        return d.state == ("OK", "OK") and named is not None and named.group(1) == d.session.selected
    # Two things are wrong, and each server says one of them.
    if d.last == "TRYCREATE":
        return d.session.read_only and d.answers[0]["tagged"].get("NOPERM") is True and d.state == ("NO", "NO")
    return d.last == "ALREADYEXISTS" and d.answers[0]["tagged"].get("NONEXISTENT") is True and d.state == ("NO", "NO")


@kind("attributes_nobody_asked_for")
def marked(d):
    return (d.last == "attributes" and d.path[0] == "LIST" and d.ours is not ... and d.theirs is not ...
            and d.ours ^ d.theirs <= {rb"\MARKED", rb"\UNMARKED"})


@kind("edges_of_a_header")
def header_without_blank_line(d):
    """Selected fields of a header that ends without a blank line: none is made up."""
    if "HEADER.FIELDS" not in d.item or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    if "<" in d.item and not (d.theirs.startswith(d.ours) and d.theirs[len(d.ours):] in (b"\r\n", b"\r", b"\n")):
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
    return (d.session.read_only and CHANGES.match(d.command) is not None
            and d.state in (("NO", "OK"), ("NO", "BAD")))


@kind("edges_of_a_header")
def header_beyond_its_part(d):
    """Fields of a header that its part ends are taken from the part alone, not from what stands behind it."""
    found = re.match(r"BODY\[([0-9.]+)\.HEADER", d.item)
    if not found or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    part = d.session.part_octets(d.path[1], [int(word) for word in found.group(1).split(".")])
    return part is not None and not header_end(part)[1] and d.theirs.rstrip(b"\r\n") not in part


@kind("mailbox_not_there")
def mailbox_not_there(d):
    """What names a mailbox that is not there is refused, also where no message is named; Dovecot answers of it."""
    if d.state != ("NO", "OK"):
        return False
    copied = re.match(rb"(?:UID )?(?:COPY|MOVE) \S+ (\S+)", d.command)
    asked = re.match(rb"(?:GETQUOTAROOT|LISTRIGHTS|MYRIGHTS|GETACL) (\S+)", d.command)
    if copied:
        return not d.session.lists(copied.group(1)) and d.answers[0]["tagged"].get("TRYCREATE") is True and (
            "COPYUID" not in d.answers[1]["tagged"] and "OK COPYUID" not in d.answers[1])
    return asked is not None and not d.session.lists(asked.group(1)) and d.answers[0]["tagged"].get("NONEXISTENT") is True


@kind("binary_of_leaves")
def binary_of_leaves(d):
    """BINARY of what holds parts or a message is its octets: those inside keep their own encodings and headers."""
    found = re.fullmatch(r"BINARY(\.SIZE)?\[([0-9.]*)\](?:<(\d+)>)?", d.item)
    if not found or d.message is None:
        return False
    whole, numbers = mime.Part(d.message), [int(word) for word in found.group(2).split(".") if word]
    part = whole.at(numbers)
    wanted = whole.section(numbers, "")
    if part is None or not (numbers == [] or part.parts is not None or part.message is not None or (
            numbers[-1] == 1 and whole.at(numbers[:-1]) is part)):
        return False
    if found.group(1):
        return d.ours == len(wanted)
    wanted = wanted[int(found.group(3) or 0):]
    return isinstance(d.ours, bytes) and wanted.startswith(d.ours) and (d.ours == wanted or found.group(3) is not None)


@kind("binary_of_leaves")
def encoding_with_faults(d):
    """What an encoding doesn't know is passed over, or stays as it is; Dovecot refuses the part."""
    asked = re.match(rb"UID FETCH (\d+) \(BINARY(\.PEEK|\.SIZE)\[([0-9.]*)\](?:<(\d+)\.\d+>)?\)$", d.command)
    if not asked or d.state != ("OK", "NO") or not {"PARSE", "UNKNOWN-CTE"} & set(d.answers[1]["tagged"]):
        return False
    message = d.session.sides[0].message(int(asked.group(1)))
    numbers = [int(word) for word in asked.group(3).split(b".") if word]
    part = mime.Part(message).at(numbers) if message is not None else None
    if part is None:
        return False
    if not numbers or part.parts is not None or part.message is not None:
        wanted = mime.Part(message).section(numbers, "")  # where the fault is in a part inside
    elif "PARSE" in d.answers[1]["tagged"]:
        wanted = email.message_from_bytes(part.header + part.body).get_payload(decode=True) or b""
    else:
        return False
    items = d.answers[0]["fetch"].get(int(asked.group(1)), {})
    told = next((value for name, value in items.items() if name.startswith("BINARY")), None)
    return told == len(wanted) if isinstance(told, int) else told is not None and wanted[int(asked.group(4) or 0):].startswith(told)


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
    if d.last != "attributes" or d.ours is ... or d.theirs is ...:
        return False
    untold = {rb"\MARKED", rb"\UNMARKED"}
    if d.path[0] == "LSUB" or not asked:
        untold |= {rb"\HASCHILDREN", rb"\HASNOCHILDREN"}
    if b"\\" + d.path[1].upper() in d.ours:
        untold.add(b"\\" + d.path[1].upper())  # RFC 6154 §2: the use, which may be told where nobody asked
    return d.ours ^ d.theirs <= untold


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
def line_break_of_a_boundary(d):
    """The line break before a boundary is the boundary's: what is told is what RFC 2046 makes of the message."""
    if d.message is None:
        return False
    whole = mime.Part(d.message)
    if d.item in ("BODY", "BODYSTRUCTURE"):
        part = whole.leaf(d.path[3:-1])
        if part is None or not isinstance(d.ours, int) or not isinstance(d.theirs, int):
            return False
        if d.last == "octets":
            return d.theirs - d.ours == 2 and d.ours == len(part.body)
        return d.last == "lines" and d.theirs - d.ours == 1 and d.ours == part.body.count(b"\n")
    found = re.fullmatch(r"BODY\[([0-9.]+?)(?:\.(MIME|HEADER|TEXT))?\](?:<(\d+)>)?", d.item)
    if not found or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    wanted = whole.section([int(word) for word in found.group(1).split(".")], found.group(2) or "")
    if wanted is None or {d.ours, d.theirs} not in ({d.theirs, d.theirs + b"\r\n"}, {d.ours, d.ours + b"\r\n"}):
        return False
    return wanted[int(found.group(3) or 0):] == d.ours


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


@kind("number_of_no_message")
def number_of_no_message(d):
    """A sequence number above the number of messages is an error in SEARCH as everywhere."""
    if not SEARCHES.match(d.command) or d.state != ("BAD", "OK"):
        return False
    count = len(d.session.sides[0].view.uids)
    return any(int(number) > count for number in re.findall(rb"(?<![^ (:,])(\d+)(?![^ ):,])", d.command))


