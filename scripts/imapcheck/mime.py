"""Where parts begin and end by RFC 2046 §5.1 alone, to judge by when two servers disagree about a line break."""
import email
import email.policy
import re

CRLF = b"\r\n"
FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")


def fields_alone(header):
    """A header without the lines that are no field, at which Python's parser ends it: both servers read on behind them."""
    kept, is_kept = [], False
    for line in header.split(CRLF):
        if line[:1] not in (b" ", b"\t"):
            found = FIELD.match(line)
            is_kept = found is not None or line == b""
            line = found.group(1) + line[found.end() - 1:] if found else line
        if is_kept:
            kept.append(line)
    return CRLF.join(kept)


def tree(octets):
    """A message as Python's parser has it, whose parts have all their fields."""
    whole = Part(octets)
    return email.message_from_bytes(whole.readable() if whole.is_broken else octets)


class Part:
    """A message or part.

    octets: all of it, without the line break of the boundary behind it. behind: that line break, if a boundary follows.
    """

    def __init__(self, octets, behind=b"", kind="text/plain"):
        self.octets, self.behind = octets, behind
        whole = octets + behind
        if whole.startswith(CRLF):
            self.header, self.body = CRLF, octets[2:]
        elif CRLF + CRLF in whole:
            # RFC 3501 §6.4.5: the blank line is the header's, also where a boundary follows at once
            end = whole.index(CRLF + CRLF) + 4
            self.header, self.body = whole[:end], octets[end:]
        else:
            self.header, self.body = octets, b""
        fields = email.message_from_bytes(fields_alone(self.header), policy=email.policy.compat32)
        self.type = fields.get_content_type() if "Content-Type" in fields else kind
        self.boundary = fields.get_boundary()

    @property
    def parts(self):
        """The parts of a multipart, none where no boundary stands; None for anything else."""
        if not self.type.startswith("multipart/"):
            return None
        if not self.boundary:
            return []
        mark = b"--" + self.boundary.encode("utf-8", "surrogateescape")
        found, start, at = [], None, 0
        kind = "message/rfc822" if self.type == "multipart/digest" else "text/plain"
        while at < len(self.body):
            end = self.body.find(CRLF, at)
            line, after = (self.body[at:], len(self.body)) if end < 0 else (self.body[at:end], end + 2)
            tail = line[len(mark):].rstrip(b" \t") if line.startswith(mark) else None
            if tail in (b"", b"--"):
                if start is not None:
                    # RFC 2046 §5.1.1: the line break before a boundary is the boundary's
                    found.append(Part(self.body[start:max(start, at - 2)], self.body[max(start, at - 2):at], kind))
                start = after
                if tail == b"--":
                    return found
            at = after
        if start is not None:
            found.append(Part(self.body[start:], b"", kind))
        return found

    @property
    def message(self):
        return Part(self.body, self.behind) if self.type in ("message/rfc822", "message/global") else None

    @property
    def inside(self):
        """The parts in it, or the message."""
        return self.parts or ([self.message] if self.message is not None else [])

    @property
    def is_broken(self):
        """Whether a header has lines that are no field, here or in a part inside."""
        return fields_alone(self.header) != self.header or any(part.is_broken for part in self.inside)

    def readable(self):
        """The octets without the lines of headers that are no field."""
        mark = b"--" + (self.boundary or "").encode("utf-8", "surrogateescape")
        body = self.body
        if self.message is not None:
            body = self.message.readable()
        elif self.parts:
            body = b"".join(mark + CRLF + part.readable() + CRLF for part in self.parts) + mark + b"--" + CRLF
        return fields_alone(self.header) + body

    def at(self, numbers):
        """The part of these numbers (RFC 3501 §6.4.5); None where there is none."""
        part = self
        for depth, number in enumerate(numbers):
            is_message = depth == 0
            if depth > 0 and part.message is not None:
                part, is_message = part.message, True
            parts = part.parts
            if parts is not None:
                if number > len(parts):
                    return None
                part = parts[number - 1]
            elif number != 1 or not is_message:
                return None
        return part

    def section(self, numbers, text):
        """The octets of a section: text is "", MIME, HEADER or TEXT; None where it is not there."""
        part = self.at(numbers)
        if part is None:
            return None
        if text == "MIME":
            return part.header
        if text in ("HEADER", "TEXT"):
            part = part.message if numbers else part
            return None if part is None else part.header if text == "HEADER" else part.body
        return part.body if numbers else part.octets

    def leaf(self, steps):
        """The part that steps of a BODYSTRUCTURE (`parts`, 2, `structure`…) lead to."""
        part, steps = self, iter(steps)
        for step in steps:
            if step == "parts":
                number, parts = next(steps, 0), part.parts or []
                part = parts[number - 1] if 0 < number <= len(parts) else None
            elif step == "structure":
                part = part.message
            if part is None:
                return None
        return part
