"""What a reader sees of a message: fields and texts, decoded and folded as Martlet folds, case and composition."""
import email
import email.errors
import email.header
import html
import re
import unicodedata

from . import mime

BLANK_IN_A_WORD = re.compile(r"=\?[^?\s]*\?[BQ]\?(?:(?!\?=).)*\s(?:(?!\?=).)*\?=", re.I)
HIDDEN = "\x01"


def fields_of(part):
    """Names and values as they came, octets beyond ASCII among them."""
    return [(name, str(value)) for name, value in part.raw_items()]


def values_of(part, name):
    return [value for other, value in fields_of(part) if other.lower() == name.lower()]


def text_of(value):
    """A header value as people read it."""
    raw = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else str(value)
    return re.sub(r"\r?\n(?=[ \t])", "", of_words(raw))


def decoded(value):
    """A header value as people read it, folded as Martlet folds: case and composition."""
    return folded(text_of(value))


def of_words(raw):
    """A field with its encoded words decoded; as it is where one of them can't be."""
    while found := BLANK_IN_A_WORD.search(raw):
        # RFC 2047 §2: such a thing is no word, though Python reads it. What follows may be one.
        raw = f"{raw[:found.start() + 1]}{HIDDEN}{raw[found.start() + 1:]}"
    try:
        # Beside text beyond ASCII, which is no word, make_header fails.
        raw = "".join(of_word(*part) for part in email.header.decode_header(raw))
    except (ValueError, email.errors.HeaderParseError):
        pass
    return raw.replace(HIDDEN, "")


def of_word(part, charset):
    """A piece of a field; of an unknown charset what is ASCII."""
    if isinstance(part, str):
        return part
    try:
        return part.decode(charset or "raw-unicode-escape")
    except LookupError:
        return part.decode("ascii")


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
    message = mime.tree(re.sub(rb"(=\?[A-Za-z0-9-]+)\*[A-Za-z-]+\?", rb"\1?", case.message))
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
