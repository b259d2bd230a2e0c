"""The items of a FETCH, structures and envelopes among them, as trees of fields with names."""
import email.header

from .wire import Atom, Nonsense
from .words import flag_set, instant, upper


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
