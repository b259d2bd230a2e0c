"""Mail of strangers, signed by dkimpy, sealed by it, and forged, and what the server makes of it.

`prepare` makes the keys in IT_FOLDER and prints the records that publish them and the policies of the domains.
"""
import base64
import shutil

import dkim

from common import *

KEYS = {"rsa1": "bank.example", "ed1": "bank.example", "list1": "lists.example", "rsa2": "watch.example", "rsa3": "strict.example",
        "rsa4": "mail.strict.example", "rsa5": "one.suffix.example", "rsa6": "two.suffix.example"}
POLICIES = {
    "sender.example": "v=spf1 ip4:127.0.0.1 -all",
    "elsewhere.example": "v=spf1 ip4:192.0.2.1 -all",
    "_dmarc.sender.example": "v=DMARC1; p=reject",
    "_dmarc.bank.example": "v=DMARC1; p=reject; sp=quarantine; pct=100",
    "_dmarc.soft.example": "v=DMARC1; p=quarantine",
    "_dmarc.watch.example": "v=DMARC1; p=none; rua=mailto:dmarc@watch.example",
    "_dmarc.testing.example": "v=DMARC1; p=reject; t=y",
    "_dmarc.mild.example": "v=DMARC1; p=quarantine; t=y",
    "_dmarc.strict.example": "v=DMARC1; p=quarantine; adkim=s; aspf=s",
    "_dmarc.ghost.example": "v=DMARC1; p=reject; sp=none; np=reject",
    "here.ghost.example": "some text",
    "_dmarc.suffix.example": "v=DMARC1; psd=y; p=reject",
    "_dmarc.one.suffix.example": "v=DMARC1; p=quarantine",
    "_dmarc.dept.bank.example": "v=DMARC1; p=none; psd=n",
    "_dmarc.twice.example": "v=DMARC1; p=reject",
}
TEXT = "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@bank.example>\r\nFrom: {author}\r\n" \
       "To: " + ACCOUNT + "\r\nSubject: {subject}\r\n\r\nYour account.\r\n"


def file(name):
    return os.path.join(FOLDER, f"key-{name}")


def prepare():
    for name, domain in KEYS.items():
        if name.startswith("ed"):
            import nacl.signing

            key = nacl.signing.SigningKey.generate()
            open(file(name), "wb").write(base64.b64encode(bytes(key)))
            text = "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(key.verify_key)).decode()
        else:
            run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True).stdout
            run("genrsa", "-traditional", "-out", file(name), "2048")
            text = "v=DKIM1; k=rsa; p=" + base64.b64encode(
                run("rsa", "-in", file(name), "-pubout", "-outform", "DER")).decode()
        pieces = " ".join(f'"{text[start:start + 250]}"' for start in range(0, len(text), 250))
        print(f"{name}._domainkey.{domain}. 300 IN TXT {pieces}")
    for name, text in POLICIES.items():
        print(f'{name}. 300 IN TXT "{text}"')
    print('_dmarc.twice.example. 300 IN TXT "v=DMARC1; p=none"')


def message(subject, author="ceo@bank.example"):
    return TEXT.format(id=subject.replace(" ", "-"), author=author, subject=subject).encode()


def signed(text, name="rsa1", **more):
    algorithm = b"ed25519-sha256" if name.startswith("ed") else b"rsa-sha256"
    key = open(file(name), "rb").read()
    field = dkim.sign(text, name.encode(), KEYS[name].encode(), key, signature_algorithm=algorithm,
                      canonicalize=(b"relaxed", b"simple"), **more)
    return field + text


def send(text, sender="bounce@elsewhere.example", code=250):
    """Hands a message to the MX port and returns the reply."""
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        wire.smtp(f"MAIL FROM:<{sender}>", 250)
        wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
        wire.smtp("DATA", 354)
        wire.send(text + b".\r\n")
        reply = wire.reply()
        assert reply.startswith(str(code)), f"{reply!r}, wanted {code}"
        return reply


def find(subject, mailbox="INBOX"):
    """The header of the one message with the subject, its fields unfolded."""
    client = imap()
    client.select(mailbox, readonly=True)
    numbers = client.search(None, f'SUBJECT "{subject}"')[1][0].split()
    equal(len(numbers), 1, f"{subject} in {mailbox}")
    header = client.fetch(numbers[0], "(BODY.PEEK[HEADER])")[1][0][1].decode()
    client.logout()
    return re.sub(r"\r\n[ \t]+", " ", header)


def case_signed_by_dkimpy():
    for name in ("rsa1", "ed1"):
        send(signed(message(f"dkimpy {name}"), name))
        header = find(f"dkimpy {name}")
        contains(header, "dkim=pass")
        contains(header, "dmarc=pass")
        contains(header, "spf=fail")
    send(signed(signed(message("dkimpy both"), "ed1")))
    equal(find("dkimpy both").count("dkim=pass"), 2, "both signatures")


def case_sha1_is_not_believed():
    """opendkim-testmsg signs with it."""
    if not shutil.which("opendkim-testmsg"):
        return
    text = message("with sha1")
    done = subprocess.run(["opendkim-testmsg", "-C", "-d", "bank.example", "-s", "rsa1", "-k", file("rsa1")], input=text,
                          capture_output=True)
    equal(done.returncode, 0, f"{done}")
    contains(done.stdout.decode(), "a=rsa-sha1")
    send(re.sub(rb"\r?\n", b"\r\n", done.stdout), code=550)


def case_changed_on_the_way():
    text = signed(message("changed body"))
    contains(send(text.replace(b"Your account", b"My account"), code=550), "5.7.26 Rejected per DMARC policy of bank.example")
    contains(send(text.replace(b"changed body", b"another subject"), code=550), "DMARC")
    send(text.replace(b"From: ceo@", b"From: cfo@"), code=550)
    send(b"From: other@watch.example\r\n" + text, code=550)


def case_the_reason_is_told():
    """Where nothing is done about it the reason stands in the field."""
    text = signed(message("reason", author="a@watch.example"), "rsa2")
    partial = signed(message("reason", author="a@watch.example"), "rsa2", length=True).replace(b"Your account.", b"Your account.\r\nMore")
    for number, (octets, reason) in enumerate([
        (text.replace(b"Your account", b"My account"), 'fail [^;]*reason="body hash did not verify"'),
        (text.replace(b"From: a@", b"From: b@"), "fail [^;]*reason=\"signature"),
        (text.replace(b"s=rsa2", b"s=rsa9"), "permerror reason=\"no key"),
        (text.replace(b"d=watch.example", b"d=bank.example"), "permerror reason=\"i= is not within d="),
        (text.replace(b"To: ", b"To: x@example.org, ", 1), "fail [^;]*reason=\"signature"),
        (b"From: c@watch.example\r\n" + text, "fail [^;]*reason=\"signature"),
        (partial, "policy [^;]*reason="),
    ]):
        send(octets)
        client = imap()
        client.select("INBOX")
        newest = client.search(None, 'SUBJECT "reason"')[1][0].split()[-1]
        header = client.fetch(newest, "(BODY.PEEK[HEADER])")[1][0][1].decode()
        client.logout()
        header = re.sub(r"\r\n[ \t]+", " ", header)
        matches(header, "dkim=" + reason, number)
        contains(header, "dmarc=fail", number)


def case_what_domains_ask_for():
    """`t`, `sp`, `np`, strict alignment, public suffixes and several records, for mail that is or is not theirs."""
    send(message("test reject", author="a@testing.example"))
    contains(find("test reject", "Junk"), "dmarc=fail (p=reject t=y)")
    send(message("test quarantine", author="a@mild.example"))
    contains(find("test quarantine"), "policy.dmarc=none")
    send(message("ghost not there", author="a@gone.ghost.example"), code=550)
    send(message("ghost there", author="a@here.ghost.example"))
    contains(find("ghost there"), "dmarc=fail (sp=none of ghost.example)")
    send(signed(message("strict own", author="a@strict.example"), "rsa3"))
    contains(find("strict own"), "dmarc=pass")
    send(signed(message("strict below", author="a@strict.example"), "rsa4"))
    contains(find("strict below", "Junk"), "dkim=pass")
    send(signed(message("relaxed below", author="a@sub.bank.example")))
    contains(find("relaxed below"), "dmarc=pass")
    send(signed(message("customer", author="a@one.suffix.example"), "rsa5"))
    contains(find("customer"), "dmarc=pass")
    send(signed(message("other customer", author="a@one.suffix.example"), "rsa6"))
    contains(find("other customer", "Junk"), "dmarc=fail")
    send(message("of the suffix", author="a@three.suffix.example"), code=550)
    send(signed(message("not of the bank", author="a@dept.bank.example")))
    contains(find("not of the bank"), "dmarc=fail")
    send(message("two records", author="a@twice.example"))
    contains(find("two records"), "dmarc=none")


def case_forged():
    contains(send(message("forged"), sender="a@sender.example", code=550), "5.7.1 Rejected per DMARC policy")
    send(message("forged below", author="x@sub.bank.example"))
    contains(find("forged below", "Junk"), "dmarc=fail")
    send(message("forged soft", author="x@soft.example"))
    contains(find("forged soft", "Junk"), "policy.dmarc=quarantine")
    send(message("forged watched", author="x@watch.example"))
    contains(find("forged watched"), "dmarc=fail")
    send(message("forged nobody", author="x@nobody.example"))
    contains(find("forged nobody"), "dmarc=none")
    send(message("two authors", author="a@sender.example, ceo@bank.example"), sender="a@sender.example", code=550)


def case_by_spf_alone():
    send(message("by spf", author="a@sender.example"), sender="a@sender.example")
    header = find("by spf")
    contains(header, "spf=pass smtp.mailfrom=sender.example")
    contains(header, "dmarc=pass")
    send(message("null sender", author="a@sender.example"), sender="", code=550)


def case_results_in_our_name():
    text = b"Authentication-Results: " + HOSTNAME.upper().encode() + b"; dmarc=pass header.from=bank.example\r\n"
    send(text + message("claims", author="a@sender.example"), sender="a@sender.example")
    header = find("claims")
    equal(header.count("Authentication-Results:"), 1, "fields")
    assert header.index("Authentication-Results:") < header.index("Received:"), header


def case_through_a_list():
    """A list that changes the subject: junk where it only says that it is one, taken where its seal is trusted."""
    text = signed(message("through a list"))
    changed = b"List-Id: <l.lists.example>\r\n" + text.replace(b"Subject: ", b"Subject: [l] ")
    send(signed(changed, "list1"), sender="l-bounces@lists.example")
    contains(find("through a list", "Junk"), "dmarc=fail")
    results = b"Authentication-Results: mx.lists.example; dmarc=pass header.from=bank.example\r\n"
    sealed = results + changed.replace(b"through", b"sealed through")
    fields = dkim.arc_sign(sealed, b"list1", b"lists.example", open(file("list1"), "rb").read(), b"mx.lists.example",
                           timestamp="1790000000")
    send(b"".join(fields) + sealed, sender="l-bounces@lists.example")
    header = find("sealed through a list")
    contains(header, "arc=pass")
    contains(header, "dmarc=fail")


def case_many_signatures():
    text = signed(message("many"))
    head, rest = text.split(b"Date:", 1)
    bad = head.replace(b"bank.example", b"evil.example")
    send(head + bad * 200 + b"Date:" + rest)
    header = find("many")
    contains(header, "dmarc=pass")
    assert header.count("dkim=") <= 10, header.count("dkim=")


def case_large():
    body = b"0123456789abcdef\r\n" * 200_000
    text = message("large one") + body
    send(signed(text))
    contains(find("large one"), "dmarc=pass")
    send(signed(text).replace(b"f\r\n0", b"f\r\n1", 1), code=550)


def through(relay):
    """Sends by another server, which signs, to the one under test."""
    with smtplib.SMTP(HOST, int(relay), timeout=TIMEOUT) as smtp:
        smtp.sendmail("a@signed.example", [ACCOUNT], message("through postfix", author="A <a@signed.example>"))
    def arrived():
        client = imap()
        client.select("INBOX", readonly=True)
        found = client.search(None, 'SUBJECT "through postfix"')[1][0].split()
        client.logout()
        return found
    until(arrived, "the message is there")
    header = find("through postfix")
    contains(header, "dkim=pass (2048-bit key")
    contains(header, "dmarc=pass")


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    elif sys.argv[1:2] == ["through"]:
        through(sys.argv[2])
    else:
        main(globals())
