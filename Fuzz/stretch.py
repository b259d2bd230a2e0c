#!/usr/bin/env python3
"""Writes long inputs made of one short pattern, which show quadratic time that short random inputs never show.

stretch.py DICTIONARY OCTETS FOLDER
"""
import ast
import pathlib
import sys

# In front of the repetition: choices of the entry, and the start of what takes an argument.
PREFIXES = [
    b"", b"\0", b"\0\2\2\2\2\2", b"\0\4\4\4\4\4", b"From: ", b"To: <", b"To: a@b ", b"Subject: =?utf-8?q?", b"Date: ",
    b"References: <", b"Content-Type: text/plain ", b"Content-Type: text/plain; ", b"Content-Type: a/b; c*0=",
    b"Content-Disposition: attachment; filename*0*=", b"Content-Type: text/html\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"Content-Type: text/plain\r\n\r\n", b"\0a1 SEARCH ",
    b"\0a1 FETCH 1 (", b"\0a1 LIST \"\" (", b"BODY[]\n", b"DKIM-Signature: ", b"p=\nDKIM-Signature: v=1; h=", b"{", b"%",
]
BYTES = [bytes([octet]) for octet in b"\0\t\n\r !\"#$%&'()*+,-./0:;<=>?@A[\\]^_`a{|}~\x7f\x80\xc3\xff"]
PAIRS = [b"a,", b"a:", b"a;", b"a=", b"a b", b"a\r\n", b"a\n ", b"\r\n ", b"--b\r\n", b"a:b\r\n", b";a=b", b"=?a?q?b?= ",
         b"<a>", b"(a", b"\"a", b"<a", b"<!", b"&a", b"a@", b"@a", b"=\n", b"= ", b"1:2,", b"1,", b"[a", b"{a: ", b"- ", b"&-"]


def tokens(path):
    for line in pathlib.Path(path).read_text().splitlines():
        yield ast.literal_eval("b" + line) if line.isascii() else line.strip('"').encode()


def main():
    dictionary, octets, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    patterns = dict.fromkeys(BYTES + PAIRS + list(tokens(dictionary)))
    for prefix_number, prefix in enumerate(PREFIXES):
        for number, pattern in enumerate(patterns):
            body = pattern * (octets // len(pattern) + 1)
            (folder / f"{prefix_number:02}-{number:03}").write_bytes(prefix + body[:octets])


main()
