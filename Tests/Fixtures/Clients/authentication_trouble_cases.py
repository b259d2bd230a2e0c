"""Strangers and name servers on their bad days, before a server that checks everything and enforces what it can.

`prepare` makes keys and the file of trouble_dns.py in IT_FOLDER; its path is IT_ZONE. Clients are whom a PROXY header says.
`IT_DEFER=1`: the server puts off what it can't check for now.
"""
import base64
import json
import random

import dkim
import nacl.signing

from common import *

ZONE = os.path.join(FOLDER, "trouble-zone.json")
KEY = os.path.join(FOLDER, "trouble-key")
DEFERS = os.environ.get("IT_DEFER") == "1"
# What a name server does wrong, and what it may well say.
TROUBLE = ["servfail", "refused", "silent", "truncated", "garbage", "formerr", "notimp", "cut", "otherid", "loop"]
ABSENCE = ["nxdomain", "nodata"]
CLIENT = "198.51.100.1"
AUTHOR = "a@good.example"
# `authentication.timeout` of the server is 3 seconds; questions take up to 20 without it.
LONGEST = 8


def reverse(address):
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


def prepare():
    key = nacl.signing.SigningKey.generate()
    open(KEY, "wb").write(base64.b64encode(bytes(key)))
    record = "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(key.verify_key)).decode()
    zone = {
        "good.example": {"TXT": [f"v=spf1 ip4:{CLIENT} -all"]},
        "_dmarc.good.example": {"TXT": ["v=DMARC1; p=reject"]},
        "s._domainkey.good.example": {"TXT": [record]},
        "nul._domainkey.good.example": {"TXT": [record.replace(";", "\0;")]},
        "plain.example": {"TXT": ["v=spf1 +all"]},
        "mx.good.example": {"A": [CLIENT], "AAAA": ["2001:db8::25"]},
        reverse(CLIENT): {"PTR": ["mx.good.example"]},
        # Names below that exist, and don't, and are not known to.
        "_dmarc.np.example": {"TXT": ["v=DMARC1; p=none; np=reject"]},
        "loop1.example": {"TXT": ["v=spf1 include:loop2.example -all"]},
        "loop2.example": {"TXT": ["v=spf1 include:loop1.example -all"]},
        "round.example": {"TXT": ["v=spf1 redirect=round.example"]},
        "wide.example": {"TXT": ["v=spf1 " + " ".join(f"include:w{number}.example" for number in range(1000)) + " -all"]},
        "huge.example": {"TXT": ["v=spf1 " + " ".join(f"ip4:10.0.{n // 250}.{n % 250}" for n in range(3500)) + f" ip4:{CLIENT} -all"]},
        "many.example": {"TXT": ["v=spf1 -all"] + [f"text {number} " + "x" * 180 for number in range(300)]},
        "_dmarc.huge.example": {"TXT": ["v=DMARC1; p=none; rua=" + ",".join(["mailto:a@huge.example"] * 2800)]},
        "macro.example": {"TXT": ["v=spf1 exists:" + "%{l}." * 40 + "macro.example include:%{s}%{s}%{s}%{s}%{s}.example -all"]},
        "nul.example": {"TXT": ["v=spf1 \0 ip4:198.51.100.1 -all"]},
        "odd.example": {"TXT": ["v=spf1 a:a\0b.example mx:" + "x" * 70 + ".example ptr:\xff.example ?all"]},
        "explained.example": {"TXT": ["v=spf1 exp=why.example -all"]},
        "why.example": {"TXT": ["%{s} from %{c}\r\n250 forged \0 \xff" + "%%" * 2000]},
    }
    for number, way in enumerate(TROUBLE + ABSENCE):
        zone[f"b{number}.np.example"] = {"A": way}
        zone[reverse(f"198.51.100.{100 + number}")] = {"PTR": way}
        zone[reverse(f"198.51.100.{200 + number}")] = {"PTR": [f"h.x-{way}.example"]}
    json.dump(zone, open(ZONE, "w"))


def text(subject, author=AUTHOR, more=""):
    return (f"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{random.random()}@good.example>\r\nFrom: {author}\r\n"
            f"To: {ACCOUNT}\r\nSubject: {subject}\r\n{more}\r\nhello\r\n").encode()


def signed(message, selector="s", domain="good.example"):
    return dkim.sign(message, selector.encode(), domain.encode(), open(KEY, "rb").read(),
                     signature_algorithm=b"ed25519-sha256") + message


@contextlib.contextmanager
def connected(client=CLIENT, helo="mx.good.example"):
    with Wire(25) as wire:
        family, server = ("TCP6", "2001:db8::1") if ":" in client else ("TCP4", "192.0.2.1")
        wire.send(f"PROXY {family} {client} {server} 1000 25\r\n")
        assert wire.reply().startswith("220")
        wire.smtp(f"EHLO {helo}", 250)
        yield wire


def send(message, sender="", client=CLIENT, helo="mx.good.example", code=250):
    """Sends a message, and returns the reply; a session never waits long for what the DNS does not say."""
    with connected(client, helo) as wire:
        wire.smtp(f"MAIL FROM:<{sender}>", 250)
        wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
        wire.smtp("DATA", 354)
        wire.send(message + b".\r\n")
        began = time.monotonic()
        reply = wire.reply()
        waited = time.monotonic() - began
        assert waited < LONGEST, f"{waited} s for {reply!r}"
        assert reply.startswith(str(code)), f"{reply!r}, wanted {code}"
        return reply


def find(subject, mailbox="INBOX"):
    client = imap()
    client.select(mailbox, readonly=True)
    numbers = client.search(None, f'SUBJECT "{subject}"')[1][0].split()
    equal(len(numbers), 1, f"{subject} in {mailbox}")
    header = client.fetch(numbers[0], "(BODY.PEEK[HEADER])")[1][0][1].decode("latin-1")
    client.logout()
    return re.sub(r"\r\n[ \t]+", " ", header)


def ours(header):
    """Our Authentication-Results field, which is the first field of all but Return-Path."""
    return matches(header, r"(?:^|\n)(Authentication-Results: " + re.escape(HOSTNAME) + r";[^\r]*)")[1]


def kept(subject, *results, mailbox="INBOX"):
    field = ours(find(subject, mailbox))
    for result in results:
        contains(field, result, subject)
    return field


def put_off(reply, status):
    contains(reply, f"451 {status}")


# What a name server says wrong is no verdict; what it says right is one.

def case_spf():
    for way in TROUBLE:
        message, sender = text(f"spf {way}", "x@plain.example"), f"u@x-{way}.example"
        if DEFERS:
            put_off(send(message, sender, code=451), "4.7.24")
        else:
            send(message, sender)
            kept(f"spf {way}", "spf=temperror", f"smtp.mailfrom=x-{way}.example")
    for way in ABSENCE:
        send(text(f"spf {way}", "x@plain.example"), f"u@x-{way}.example")
        kept(f"spf {way}", "spf=none")


def case_dkim():
    for way in TROUBLE:
        message = signed(text(f"dkim {way}"), f"x-{way}")
        if DEFERS:
            put_off(send(message, "u@plain.example", code=451), "4.7.0")
        else:
            send(message, "u@plain.example")
            kept(f"dkim {way}", "dkim=temperror", "dmarc=temperror")
    for way in ABSENCE:
        contains(send(signed(text(f"dkim {way}"), f"x-{way}"), "u@plain.example", code=550), "DMARC policy of good.example")


def case_spf_fails_and_the_signature_is_not_known():
    """The author may have signed it: nothing is refused for good that DMARC might vouch for."""
    message = signed(text("might pass"), "x-servfail")
    if DEFERS:
        contains(send(message, "u@explained.example", code=451), "451 4.7.")
    else:
        send(message, "u@explained.example")
        kept("might pass", "spf=fail", "dkim=temperror", "dmarc=temperror")


def case_dmarc():
    for way in TROUBLE:
        message = text(f"dmarc {way}", f"x@x-{way}.example")
        if DEFERS:
            put_off(send(message, "u@plain.example", code=451), "4.7.0")
        else:
            send(message, "u@plain.example")
            kept(f"dmarc {way}", "dmarc=temperror")
    for way in ABSENCE:
        send(text(f"dmarc {way}", f"x@x-{way}.example"), "u@plain.example")
        kept(f"dmarc {way}", "dmarc=none")


def case_existence():
    for number, way in enumerate(TROUBLE + ABSENCE):
        message = text(f"np {way}", f"x@b{number}.np.example")
        if way == "nxdomain":
            contains(send(message, "u@plain.example", code=550), "DMARC policy")
        elif way == "nodata":
            send(message, "u@plain.example")
            kept(f"np {way}", "dmarc=fail (p=none of np.example)", "policy.dmarc=none")
        elif DEFERS:
            put_off(send(message, "u@plain.example", code=451), "4.7.0")
        else:
            send(message, "u@plain.example")
            kept(f"np {way}", "dmarc=temperror")


def case_reverse():
    for number, way in enumerate(TROUBLE + ABSENCE):
        for start in (100, 200):
            client, subject = f"198.51.100.{start + number}", f"iprev {start} {way}"
            message = text(subject, "x@plain.example")
            if way in ABSENCE:
                contains(send(message, "u@plain.example", client, code=550), "5.7.25")
            elif DEFERS:
                put_off(send(message, "u@plain.example", client, code=451), "4.7.25")
            else:
                send(message, "u@plain.example", client)
                kept(subject, "iprev=temperror")


def case_nobody_else_waits():
    """Five hundred questions wait for a name server that is silent about them; what it knows is answered meanwhile, or these
    would be temporary errors."""
    keys = "".join(f"DKIM-Signature: v=1; a=rsa-sha256; d=d{key}.{{0}}.x-silent.example; s=s; h=from; bh={'A' * 43}=; b={'A' * 342}==\r\n"
                   for key in range(10))
    waiting = []
    for number in range(40):
        sock = socket.create_connection((HOST, port(25)), timeout=TIMEOUT)
        waiting.append(sock)
        for line in (f"PROXY TCP4 {CLIENT} 192.0.2.1 {number + 1} 25", f"EHLO a{number}.x-silent.example",
                     f"MAIL FROM:<u@u{number}.x-silent.example>", f"RCPT TO:<{ACCOUNT}>", "DATA"):
            sock.sendall(line.encode() + b"\r\n")
            sock.recv(1000)
        message = text(f"waiting {number}", f"x@w{number}.x-silent.example")
        sock.sendall(keys.format(number).encode() + message + b".\r\n")
    for subject in ("beside them now", "beside them again"):
        send(signed(text(f"bystander {subject}")), AUTHOR)
    for sock in waiting:
        reply = sock.recv(1000)
        assert reply.startswith(b"451" if DEFERS else b"250"), reply
        sock.close()
    send(signed(text("bystander after them")), AUTHOR)
    for subject in ("beside them now", "beside them again", "after them"):
        kept(f"bystander {subject}", "spf=pass", "dkim=pass", "dmarc=pass", "iprev=pass")


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        main(globals())
