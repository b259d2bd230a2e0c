"""The kinds of difference in the octets of parts and headers."""
import re

from . import mime
from .kinds import kind

SECTION = re.compile(r"^(BODY|BINARY|BINARY\.SIZE)\[([0-9.]*)\.?(HEADER|TEXT|MIME|)")


def header_end(message):
    """The octets of the header and whether a blank line ends it."""
    if message.startswith(b"\r\n"):
        return b"", True
    head, blank, _ = message.partition(b"\r\n\r\n")
    return head, bool(blank)


@kind("part_not_there")
def part_not_there(d):
    found = SECTION.match(d.item)
    absent = 0 if d.item.startswith("BINARY.SIZE") else None
    if not found or len(d.path) != 3 or d.ours != absent or not found.group(2):
        return False
    numbers = [int(word) for word in found.group(2).strip(".").split(".")]
    return mime.Part(d.message).section(numbers, found.group(3)) is None


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


@kind("edges_of_a_header")
def header_beyond_its_part(d):
    """Fields of a header that its part ends are taken from the part alone, not from what stands behind it."""
    found = re.match(r"BODY\[([0-9.]+)\.HEADER", d.item)
    if not found or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    part = d.session.part_octets(d.path[1], [int(word) for word in found.group(1).split(".")])
    return part is not None and not header_end(part)[1] and d.theirs.rstrip(b"\r\n") not in part


@kind("edges_of_a_header")
def offset_into_a_blank_line(d):
    """Octets of HEADER.FIELDS from the second octet on, where no such field is there: the line feed of the blank line."""
    return "HEADER.FIELDS" in d.item and d.item.endswith(">") and d.ours == b"\n" and d.theirs == b"\r"


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
        wanted = mime.tree(part.header + part.body).get_payload(decode=True) or b""
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
