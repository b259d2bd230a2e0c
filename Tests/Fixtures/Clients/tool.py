"""Small jobs that other tests need done on the server."""
from common import *


def fill(count):
    empty()
    for number in range(int(count)):
        deliver(subject=f"filled {number + 1}", body=f"text {number + 1}\r\n")


def fill_fast(count):
    """As fill, for thousands: many APPENDs on their way at once."""
    empty()
    with Wire(993, tls=True) as wire:
        wire.line()
        wire.imap("L", f'LOGIN {ACCOUNT} "{PASSWORD}"')
        for first in range(1, int(count) + 1, 100):
            last = min(first + 99, int(count))
            texts = [f"From: a@b.example\r\nMessage-ID: <{n}@filled.example>\r\nSubject: filled {n}\r\n\r\ntext {n}\r\n"
                     for n in range(first, last + 1)]
            wire.send("".join(f"a{first + index} APPEND INBOX {{{len(text)}+}}\r\n{text}\r\n"
                              for index, text in enumerate(texts)))
            for n in range(first, last + 1):
                wire.imap_result(f"a{n}")
        wire.imap("b", "LOGOUT")


def subjects(count):
    """INBOX holds each of the messages of fill_fast once."""
    client = imap()
    client.select("INBOX", readonly=True)
    data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    seen = sorted(int(matches(item[1].decode(), r"filled (\d+)").group(1)) for item in data if isinstance(item, tuple))
    equal(seen, list(range(1, int(count) + 1)), "the messages")
    client.logout()


def expect(messages, flagged, subject):
    """So many messages in INBOX, so many of them flagged, one with that subject."""
    client = imap()
    equal(client.select("INBOX", readonly=True)[1], [messages.encode()], "messages")
    equal(len(client.search(None, "FLAGGED")[1][0].split()), int(flagged), "flagged")
    equal(len(client.search(None, f'SUBJECT "{subject}"')[1][0].split()), 1, subject)
    client.logout()


def delete_first():
    client = imap()
    client.select("INBOX")
    client.store("1", "+FLAGS.SILENT", "\\Deleted")
    client.expunge()
    client.logout()


def count(login, mailbox="INBOX"):
    client = imap(login)
    print(client.select(mailbox, readonly=True)[1][0].decode())
    client.logout()


def verify(folder, records, wanted):
    """Verifies with dkimpy every DKIM signature of the messages in a folder; each must have one of each algorithm."""
    import dkim

    zone = {}
    for line in open(records):
        name, text = line.split(" IN TXT ", 1)
        zone[name.encode()] = "".join(re.findall(r'"([^"]*)"', text)).encode()
    count = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            raw = open(os.path.join(parent, name), "rb").read()
            raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            verifier = dkim.DKIM(raw)
            signatures = [value for field, value in verifier.headers if field.lower() == b"dkim-signature"]
            algorithms = sorted(matches(value.decode(), r"a=([\w-]+)").group(1) for value in signatures)
            equal(algorithms, ["ed25519-sha256", "rsa-sha256"], name)
            for index in range(len(signatures)):
                assert verifier.verify(idx=index, dnsfunc=lambda name, timeout=5: zone.get(name)), (name, index)
            count += 1
    equal(count, int(wanted), "messages with good signatures")


def state():
    """Every mailbox with what would change if anything in it did."""
    client = imap()
    for line in client.list()[1]:
        name = line.decode().rsplit('"/" ', 1)[1]
        print(client.status(name, "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)")[1][0].decode())
    client.logout()


if __name__ == "__main__":
    {"empty": empty, "fill": fill, "fill-fast": fill_fast, "subjects": subjects, "expect": expect, "delete-first": delete_first, "count": count,
     "state": state, "verify": verify}[sys.argv[1]](*sys.argv[2:])
