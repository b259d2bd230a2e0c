"""Messages as people get them: conversations, plain text and MIME, long headers, names beyond ASCII."""
import base64
import random

from .load import WORDS

NAMES = ("Ada Brandt", "Bo Chen", "Cem Demir", "Dora Evans", "Emil Fuchs", "Fay Grant", "Gil Haas", "Hana Ito",
         "Ivo Jansen", "Jun Kimura", "Kai Lund", "Lea Moser", "Max Nagy", "Nils Olsen", "Ona Petrov", "Jörg Größe")


def _word(text):
    if text.isascii():
        return text
    return "=?utf-8?B?" + base64.b64encode(text.encode()).decode() + "?="


def _person(number):
    return f"{_word(NAMES[number % len(NAMES)])} <person{number}@example{number % 7}.test>"


def _prose(chooser, octets):
    lines, length = [], 0
    while length < octets:
        line = " ".join(chooser.choices(WORDS, k=11))
        lines.append(line)
        length += len(line) + 2
    return "\r\n".join(lines) + "\r\n"


def message(serial):
    """The message with this number: the same octets each time, about 3 KiB, CRLF."""
    chooser = random.Random(serial)
    thread, place = serial // 5, serial % 5
    writer = chooser.randrange(300)
    day, second = 1 + serial // 2000 % 28, serial * 43 % 86400
    lines = [
        f"Received: from relay{serial % 9}.example.test (relay{serial % 9}.example.test [192.0.2.{serial % 250}])\r\n"
        f"\tby mx.bench.test with ESMTPS id {chooser.getrandbits(48):012x}\r\n"
        f"\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384); Sat, {day} Aug 2026 10:00:00 +0000",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.test; s=s1; h=From:To:Subject:Date;\r\n"
        "\tbh=" + base64.b64encode(chooser.randbytes(32)).decode() + ";\r\n\tb="
        + "\r\n\t".join(base64.b64encode(chooser.randbytes(48)).decode() for _ in range(4)),
        f"From: {_person(writer)}", f"To: {_person(chooser.randrange(300))}",
        f"Subject: {'Re: ' if place else ''}{_word('Überblick ' if thread % 6 == 0 else '')}"
        f"{' '.join(random.Random(thread).choices(WORDS, k=4))} {thread}",
        f"Date: Sat, {day} Aug 2026 {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} +0200",
        f"Message-ID: <{serial}.{thread}@bench.example.test>",
    ]
    if chooser.random() < 0.3:
        lines.append("Cc: " + ",\r\n\t".join(_person(chooser.randrange(300)) for _ in range(3)))
    if place:
        lines.append(f"In-Reply-To: <{serial - 1}.{thread}@bench.example.test>")
        lines.append("References: " + "\r\n\t".join(
            f"<{serial - back}.{thread}@bench.example.test>" for back in range(place, 0, -1)))
    lines.append("MIME-Version: 1.0")
    text = _prose(chooser, chooser.randrange(600, 2400))
    kind = chooser.random()
    if kind < 0.6:
        lines.append("Content-Type: text/plain; charset=utf-8")
        body = text
    else:
        mark = f"=_{chooser.getrandbits(64):016x}"
        second_part = (
            f"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>{text}</p></body></html>\r\n" if kind < 0.9 else
            f"Content-Type: application/pdf; name=\"report{serial}.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-Disposition: attachment; filename=\"report{serial}.pdf\"\r\n\r\n"
            + "\r\n".join(base64.b64encode(chooser.randbytes(57)).decode() for _ in range(30)) + "\r\n")
        lines.append(f"Content-Type: multipart/{'alternative' if kind < 0.9 else 'mixed'}; boundary=\"{mark}\"")
        body = (f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--{mark}\r\n{second_part}\r\n"
                f"--{mark}--\r\n")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def is_seen(serial):
    """Nine of ten messages have been read."""
    return serial % 10 != 9
