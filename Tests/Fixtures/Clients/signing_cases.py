"""Sends messages through a server that signs, and reads what it sent on: signing_cases.py PORT SINKFILE KEYS CASES

KEYS and CASES are files of JSON: records by their names, and [name, From, body] of each message. Prints for each message
its signatures, as [d=, s=, i=, c=, whether dkimpy finds them valid], in JSON.
"""
import json
import smtplib
import sys
import time

import dkim

port, sink, keys, cases = int(sys.argv[1]), sys.argv[2], json.load(open(sys.argv[3])), json.load(open(sys.argv[4]))
lookup = lambda name, timeout=5: keys.get(name.decode().rstrip("."), "").encode() or None

with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
    client.ehlo("client.test")
    for name, author, body in cases:
        text = (f"From: {author}\r\nTo: to@remote.test\r\nSubject: {name} \t of   many\r\n"
                f" words\r\nX-Case: {name}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"Content-Transfer-Encoding: 8bit\r\nReferences: {' '.join('<%d@a.test>' % n for n in range(150))}\r\n\r\n")
        message = text.encode() + body.encode()
        message = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if message.endswith(b"\r\n"):
            client.sendmail("sender@example.test", ["to@remote.test"], message, mail_options=["BODY=8BITMIME"])
            continue
        # Only BDAT brings a last line without an end.
        client.mail("sender@example.test", ["BODY=8BITMIME"])
        client.rcpt("to@remote.test")
        client.sock.sendall(b"BDAT %d LAST\r\n" % len(message) + message)
        code, text = client.getreply()
        assert code == 250, (code, text)

deadline = time.time() + 30
while time.time() < deadline:
    try:
        lines = open(sink).read().splitlines()
    except FileNotFoundError:
        lines = []
    if len(lines) == len(cases):
        break
    time.sleep(0.1)

found = {}
for line in lines:
    message = json.loads(line)[2].encode("latin-1")
    name = message.split(b"X-Case: ")[1].split(b"\r\n")[0].decode()
    header = message.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    fields = [f for f in header.split(b"\r\n") if f.lower().startswith(b"dkim-signature:")]
    signatures = []
    for index, field in enumerate(fields):
        tags = dict(tag.strip().split("=", 1) for tag in field.decode().split(":", 1)[1].split(";") if tag.strip())
        try:
            valid = dkim.DKIM(message).verify(idx=index, dnsfunc=lookup)
        except Exception as error:
            valid = f"{type(error).__name__}: {error}"
        signatures.append([tags["d"], tags["s"], tags.get("i", ""), tags["c"] + (" x" if "x" in tags else ""), str(valid)])
    found[name] = signatures
print(json.dumps(found))
