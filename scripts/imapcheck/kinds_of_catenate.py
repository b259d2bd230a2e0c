"""The kinds of difference in messages that CATENATE puts together (RFC 4469)."""
import re

from . import mime
from .kinds import kind


@kind("part_not_there")
def piece_not_there(d):
    """CATENATE of a part that a message doesn't have is refused."""
    if b" CATENATE (" not in d.command or d.path[0] not in ("tagged", "uids") or d.state != ("NO", "OK") or (
            d.answers[0]["tagged"].get("BADURL") is not True):
        return False
    pieces = re.findall(rb';UID=(\d+)/;SECTION=([0-9.]+?)(\.MIME)?"', d.command)
    messages = [(d.session.sides[0].message(int(uid)), [int(word) for word in number.split(b".")]) for uid, number, _ in pieces]
    return any(message is not None and mime.Part(message).at(numbers) is None for message, numbers in messages)


@kind("empty_message")
def empty_message(d):
    """A message that CATENATE puts together of nothing is refused."""
    if b" CATENATE (" not in d.command or d.path[0] not in ("tagged", "uids") or d.state != ("NO", "OK") or (
            d.answers[0]["tagged"].get("CANNOT") is not True):
        return False
    pieces = pieces_of(d.command, d.session)
    return pieces is not None and not any(octets for octets, _ in pieces)


TEXT_OF_CATENATE = re.compile(rb"TEXT \{(\d+)\+\}\r\n")
URL_OF_CATENATE = re.compile(rb'URL "/([^/;"]+)(?:;UIDVALIDITY=[^/"]+)?/;UID=(\d+)(?:/;SECTION=([^"]*))?"')


def pieces_of(command, session):
    """What CATENATE puts together by RFC 2046 alone: octets, and whether they are from a message; None where one isn't there."""
    rest, pieces = command.partition(b" CATENATE (")[2], []
    while rest != b")":
        if found := TEXT_OF_CATENATE.match(rest):
            end = found.end() + int(found.group(1))
            pieces.append((rest[found.end():end], False))
        elif (found := URL_OF_CATENATE.match(rest)) and found.group(1) == session.selected:
            end, octets = found.end(), session.sides[0].message(int(found.group(2)))
            words = [word for word in (found.group(3) or b"").decode().split(".") if word]
            text = words.pop() if words and not words[-1].isdigit() else ""
            piece = mime.Part(octets).section([int(word) for word in words], text) if octets is not None else None
            if piece is None:
                return None
            pieces.append((piece, True))
        else:
            return None
        rest = rest[end:].removeprefix(b" ")
    return pieces


@kind("line_break_of_a_boundary")
def put_together(d):
    """CATENATE of a part, or of its header, takes the line break before a boundary as FETCH does."""
    name, _, origin = d.item.partition("<")
    pieces = d.session.put_together.get(d.message)
    if name not in ("RFC822.SIZE", "BODY[]", "BODY[TEXT]") or not pieces:
        return False
    other = d.session.sides[1].message(d.path[1])
    like = b"".join(re.escape(octets.removesuffix(b"\r\n")) + b"(?:\r\n){0,2}" if is_part else re.escape(octets)
                    for octets, is_part in pieces)
    if other is None or not re.fullmatch(like, other):
        return False
    if name == "RFC822.SIZE":
        return (d.ours, d.theirs) == (len(d.message), len(other))
    start = int(origin.rstrip(">") or 0)
    return all(isinstance(told, bytes) and mime.Part(octets).section([], name[5:-1])[start:].startswith(told)
               for told, octets in ((d.ours, d.message), (d.theirs, other)))
