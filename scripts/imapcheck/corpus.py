"""Messages: the odd ones of `oddities.py`, and made ones that combine them. All of it follows from the generator given."""
import base64

from .oddities import CRLF, FIXED, mail

DATES = [
    "Mon, 07 Feb 1994 21:52:25 -0800", "7 Feb 94 21:52 PST", "Fri, 21 Nov 1997 09:55:06 -0600", "1 Jan 2001 00:00:00 +0000",
    "Thu, 13\r\n Feb 1969 23:32 -0330 (Newfoundland Time)", "21 Nov 97 09:55:06 GMT", "Sat, 31 Dec 2033 23:59:60 +1400",
    "not a date", "", "32 Foo 2020 25:61:61 +9999", "2020-01-02T03:04:05Z", "Sun Nov  6 08:49:37 1994",
    "Wed, 1 Jan 2020 12:00 EST", "01 Jan 70 00:00:00 +0000", "Tue, 29 Feb 2000 12:00:00 -0000", "5 Jul 2020 10:00:00 Z",
    "Mon, 7 Feb 1994 21:52:25", "Mon,7 Feb 1994 1:2:3 +0100", "29 Feb 2021 12:00:00 +0000",
]
NAMES = ["", "Fred", '"Joe Q. Public"', "=?utf-8?Q?J=C3=BCrgen?=", "Jürgen", "A. Dot", '"with, comma"', "=?koi8-r?B?8NLJ18XU?="]
ADDRESSES = ["a@b.example", "very.long.local-part@sub.domain.example", '"quo ted"@x.example', "x@[192.0.2.7]", "local",
             "UPPER@CASE.EXAMPLE", "root"]
SUBJECTS = ["hello", "Re: hello", "Fwd: Re: hello", "=?utf-8?B?R3LDvMOfZQ==?=", "Grüße", "", "a  b   c", "[list] hello",
            "=?iso-8859-1?Q?a?= =?iso-8859-1?Q?b?=", "=?utf-8?Q?=F0=9F=98=80?= smile", "RE[2]: hello (fwd)"]
WORDS = ["apple", "Banana", "cherry", "grüße", "ÄPFEL", "日本", "meeting", "tomorrow", "straße", "naïve", "x", "0815"]
CHARSETS = ["us-ascii", "utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "koi8-r", "utf-16", "gb2312", "shift_jis"]
TYPES = ["text/plain", "text/html", "text/calendar", "image/png", "application/pdf", "audio/x-wav", "TEXT/Plain",
         "application/x-gzip", "text/x-unknown"]


def address(chooser):
    name, where = chooser.choice(NAMES), chooser.choice(ADDRESSES)
    return f"{name} <{where}>" if name else chooser.choice([where, f"<{where}>", f"{where} (comment)"])


def addresses(chooser):
    listed = ", ".join(address(chooser) for _ in range(chooser.randint(1, 3)))
    return f"Group: {listed};" if chooser.random() < 0.1 else listed


def words(chooser, count):
    return " ".join(chooser.choice(WORDS) for _ in range(count))


def leaf(chooser):
    """Header lines and body of a part without parts."""
    kind = chooser.choice(TYPES) if chooser.random() < 0.6 else "text/plain"
    charset = chooser.choice(CHARSETS)
    content = CRLF.join(
        words(chooser, chooser.randint(1, 9)).encode(charset, "replace") for _ in range(chooser.randint(0, 6)))
    if charset != "utf-16":
        content += CRLF
    lines = []
    if chooser.random() < 0.85:
        more = f"; charset={charset}" if kind.lower().startswith("text") else ""
        if chooser.random() < 0.2:
            more += f'; name="{chooser.choice(WORDS)}.txt"'
        lines.append(f"Content-Type: {kind}{more}")
    encoding = chooser.choice(["", "7bit", "8bit", "base64", "quoted-printable", "binary", "BASE64"])
    if charset == "utf-16":
        encoding = "base64"
    if encoding.lower() == "base64":
        content = base64.encodebytes(content).replace(b"\n", CRLF)
    elif encoding == "quoted-printable":
        content = b"".join(b"=%02X" % o if o > 126 or o == 61 else bytes([o]) for o in content)
    if encoding:
        lines.append(f"Content-Transfer-Encoding: {encoding}")
    if chooser.random() < 0.15:
        lines.append(f'Content-Disposition: {chooser.choice(["inline", "attachment"])}; filename="f {chooser.randint(1, 9)}.txt"')
    if chooser.random() < 0.1:
        lines.append(f"Content-ID: <{chooser.randint(1, 999)}@x>")
    if chooser.random() < 0.05:
        lines.append("Content-Description: " + words(chooser, 2))
    return lines, content


def part(chooser, depth):
    dice = chooser.random()
    if depth >= 4 or dice < 0.55:
        return leaf(chooser)
    if dice < 0.68:
        return ["Content-Type: message/rfc822"], message(chooser, depth + 1)
    boundary = f"b{depth}-{chooser.randint(1, 99)}"
    kind = chooser.choice(["mixed", "alternative", "related", "digest", "parallel"])
    pieces = [b"preamble\r\n"] if chooser.random() < 0.2 else []
    for _ in range(chooser.randint(0 if chooser.random() < 0.1 else 1, 4)):
        lines, content = part(chooser, depth + 1)
        pieces.append(b"--" + boundary.encode() + CRLF + b"".join(line.encode() + CRLF for line in lines) + CRLF + content)
        if not content.endswith(CRLF) or chooser.random() < 0.8:
            pieces.append(CRLF)
    if chooser.random() < 0.9:
        pieces.append(b"--" + boundary.encode() + b"--" + CRLF)
        if chooser.random() < 0.1:
            pieces.append(b"epilogue\r\n")
    quote = '"' if chooser.random() < 0.5 else ""
    return [f"Content-Type: multipart/{kind}; boundary={quote}{boundary}{quote}"], b"".join(pieces)


def message(chooser, depth=0):
    lines = []

    def maybe(probability, name, value):
        if chooser.random() < probability:
            lines.append(f"{name}: {value}")

    maybe(0.95, "From", address(chooser))
    maybe(0.9, "To", addresses(chooser))
    maybe(0.3, "Cc", addresses(chooser))
    maybe(0.1, "Reply-To", addresses(chooser))
    maybe(0.1, "Sender", address(chooser))
    maybe(0.9, "Subject", chooser.choice(SUBJECTS))
    maybe(0.9, "Date", chooser.choice(DATES))
    maybe(0.8, "Message-ID", f"<{chooser.randint(1, 40)}@m.example>")
    maybe(0.3, "In-Reply-To", f"<{chooser.randint(1, 40)}@m.example>")
    maybe(0.3, "References", " ".join(f"<{chooser.randint(1, 40)}@m.example>" for _ in range(chooser.randint(1, 3))))
    maybe(0.2, "X-Mailer", words(chooser, 2))
    chooser.shuffle(lines)
    maybe(0.9, "MIME-Version", "1.0")
    more, content = part(chooser, depth)
    return mail(*lines, *more, body=content)


def pick(chooser):
    """A message and the name of what is odd about it."""
    if chooser.random() < 0.5:
        name = chooser.choice(sorted(FIXED))
        return name, FIXED[name]
    return "made", message(chooser)
