"""The kinds of difference in BODYSTRUCTURE and ENVELOPE."""
import re
import urllib.parse

from .addresses import ADDRESSES, is_address_list
from .kinds import kind


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


@kind("content_fields")
def content_fields_without_mime(d):
    """Content fields count also in a message that has neither MIME-Version nor Content-Type."""
    if d.item not in ("BODY", "BODYSTRUCTURE") or d.last not in ("encoding", "id", "description", "disposition"):
        return False
    part = d.part()
    return part is not None and "MIME-Version" not in part and "Content-Type" not in part


@kind("content_fields")
def fields_without_content(d):
    """A Content field without a value is as one that is not there."""
    names = {"disposition": "Content-Disposition", "description": "Content-Description", "id": "Content-ID",
             "language": "Content-Language", "location": "Content-Location", "md5": "Content-MD5"}
    if d.item not in ("BODY", "BODYSTRUCTURE") or d.last not in names:
        return False
    part = d.part()
    value = part.get(names[d.last]) if part is not None else None
    return value is not None and str(value).strip() == ""


@kind("content_fields")
def type_that_cannot_be_read(d):
    if d.item not in ("BODY", "BODYSTRUCTURE"):
        return False
    part = d.part()
    if part is None:
        return False
    given = part.get("Content-Type")
    return given is not None and not re.match(r"\s*[^\s/;()<>@,:\\\"\[\]?=]+\s*/\s*[^\s/;()<>@,:\\\"\[\]?=]+", str(given)) and (
        d.last in ("type", "lines", "parameters", "octets"))


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


@kind("blanks_of_a_subject")
def blanks_of_a_subject(d):
    if d.last != "subject" or not isinstance(d.ours, bytes) or not isinstance(d.theirs, bytes):
        return False
    return re.sub(rb"[ \t]+", b" ", d.ours).strip() == d.theirs.strip()


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


@kind("addresses_of_no_grammar")
def addresses_of_no_grammar(d):
    if not any(step in ("ENVELOPE", "envelope") for step in d.path):
        return False
    values = address_field(d)
    return values is not None and any(not is_address_list(value) for value in values)


@kind("comment_behind_an_address")
def comment_behind_an_address(d):
    """A comment behind <address> is a name where there is no other."""
    if not ({"ENVELOPE", "envelope"} & set(d.path)) or not isinstance(d.ours, tuple) or not isinstance(d.theirs, tuple):
        return False
    name = d.ours[0]
    return d.theirs[0] is None and d.ours[1:] == d.theirs[1:] and name is not None and b"(" + name + b")" in d.message


@kind("field_twice")
def field_twice(d):
    """Of a field that stands twice the first counts."""
    if not ({"ENVELOPE", "envelope"} & set(d.path)):
        return False
    name = next((step for step in reversed(d.path) if isinstance(step, str)), "")
    tree = d.tree()
    return tree is not None and any(len(part.get_all(name) or []) > 1 for part in tree.walk())
