"""Mail that aliases send on from server to server, and whether dkimpy believes what arrives.

`prepare` makes the author's key in IT_FOLDER and prints the records of its domains.
"""
import base64

import dkim

from common import *

AUTHOR = "bank.example"
TEXT = "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@bank.example>\r\nFrom: ceo@bank.example\r\n" \
       "To: box@hop1.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\r\n.Your  account \r\n\r\nends.\r\n\r\n"


def prepare():
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True).stdout
    key = os.path.join(FOLDER, "author.key")
    run("genrsa", "-traditional", "-out", key, "2048")
    public = base64.b64encode(run("rsa", "-in", key, "-pubout", "-outform", "DER")).decode()
    print(f'a1._domainkey.{AUTHOR}. 300 IN TXT "v=DKIM1; k=rsa; p={public[:200]}" "{public[200:]}"')
    print(f'_dmarc.{AUTHOR}. 300 IN TXT "v=DMARC1; p=reject"')
    print('elsewhere.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"')


def send(recipient, subject):
    """A message of the author's, signed in every canonicalisation, from a host that SPF does not know."""
    text = TEXT.format(id=subject.replace(" ", "-"), subject=subject).encode()
    key = open(os.path.join(FOLDER, "author.key"), "rb").read()
    for form in ((b"simple", b"simple"), (b"relaxed", b"relaxed")):
        text = dkim.sign(text, b"a1", AUTHOR.encode(), key, canonicalize=form) + text
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        wire.smtp("MAIL FROM:<bounce@elsewhere.example>", 250)
        wire.smtp(f"RCPT TO:<{recipient}>", 250)
        wire.smtp("DATA", 354)
        wire.send(text.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        contains(wire.reply(), "250 ")


def check(message, records, sets):
    """dkimpy's verdict: a chain of so many sets that holds, and the author's signatures."""
    known = {}
    for line in open(records):
        name, strings = line.split()[0], re.findall('"([^"]*)"', line)
        known[name.lower().encode()] = "".join(strings).encode()
    ask = lambda name, timeout=5: known.get(name.lower() if isinstance(name, bytes) else name.lower().encode())
    message = re.sub(rb"\r?\n", b"\r\n", message)
    status, results, reason = dkim.arc_verify(message, dnsfunc=ask)
    equal((status, reason), (b"pass", "success"), f"{results}")
    equal(len(results), int(sets), "sets")
    equal(sorted(one["instance"] for one in results), list(range(1, int(sets) + 1)), "instances")
    for one in results:
        assert one["as-valid"] and one["ams-valid"], one
        equal(one["as-domain"], f"hop{one['instance']}.example".encode())
    verifier = dkim.DKIM(message)
    for index in range(2):
        assert verifier.verify(idx=index, dnsfunc=ask), f"signature {index} of the author"
    head = message.split(b"\r\n\r\n")[0].decode()
    equal(head.count("ARC-Seal:"), int(sets), "seals")
    told = r"ARC-Authentication-Results: i=1; [^\r]*spf=fail [^;]*smtp\.mailfrom=elsewhere\.example; dkim=pass"
    matches(re.sub(r"\r\n\s+", " ", head), told)


def fetch(subject):
    """The one message with the subject, and its header in one line a field."""
    found = []

    def arrived():
        client = imap()
        client.select("INBOX", readonly=True)
        numbers = client.search(None, f'SUBJECT "{subject}"')[1][0].split()
        found[:] = [client.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in numbers]
        client.logout()
        return len(found) == 1

    until(arrived, f"{subject} is there")
    return found[0], re.sub(r"\r\n[ \t]+", " ", found[0].split(b"\r\n\r\n")[0].decode())


def arrived(subject, records, sets):
    message, header = fetch(subject)
    check(message, records, sets)
    contains(header, f"arc=pass (i={sets} sealed by hop{sets}.example)")
    contains(header, f"spf=pass smtp.mailfrom=hop{sets}.example")
    for part in ("dkim=pass", "dmarc=pass"):
        contains(header.split("Received:")[0], part)


def rescued(subject):
    """The signature is broken, and the seal says that it was not."""
    header = fetch(subject)[1].split("Received:")[0]
    for part in ("Subject: [fwd]", "dkim=fail", "dmarc=fail", "arc=pass (i=1 sealed by hop1.example)"):
        contains(fetch(subject)[1] if part.startswith("Subject") else header, part)


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    if command == "file":
        check(open(words[0], "rb").read(), *words[1:])
    else:
        {"prepare": prepare, "send": send, "arrived": arrived, "rescued": rescued}[command](*words)
