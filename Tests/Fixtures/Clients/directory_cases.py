"""What the operator changes while the server runs holds at once for everybody who is connected."""
import os

from common import *

SECRET = os.path.join(FOLDER, "other-password")


def account(name, *more):
    with open(SECRET, "w") as file:
        file.write("another secret\n")
    os.chmod(SECRET, 0o600)
    martlet("account", "add", f"{name}@{DOMAIN}", "--password-file", SECRET, *more)
    return f"{name}@{DOMAIN}"


def count(login, password="another secret"):
    client = imap(login, password)
    number = int(client.select("INBOX", readonly=True)[1][0])
    client.logout()
    return number


def rcpt(wire, address, extra=""):
    wire.smtp("RSET", 250)
    wire.smtp(f"MAIL FROM:<{OUTSIDE}>{extra}", 250)
    return wire.smtp(f"RCPT TO:<{address}>")


def case_aliases_and_catch_all():
    one, two = account("one"), account("two")
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        contains(rcpt(wire, f"team@{DOMAIN}"), "550 5.1.1")
        martlet("alias", "add", f"team@{DOMAIN}", one, two)
        contains(rcpt(wire, f"team@{DOMAIN}"), "250")
    deliver(f"team@{DOMAIN}")
    deliver(f"Team+tag@{DOMAIN}")
    equal((count(one), count(two)), (2, 2))
    martlet("alias", "remove", f"team@{DOMAIN}", two)
    deliver(f"team@{DOMAIN}")
    equal((count(one), count(two)), (3, 2))
    martlet("alias", "add", f"ring2@{DOMAIN}", one)
    martlet("alias", "add", f"ring1@{DOMAIN}", f"ring2@{DOMAIN}")
    martlet("alias", "add", f"ring2@{DOMAIN}", f"ring1@{DOMAIN}")
    deliver(f"ring1@{DOMAIN}")
    equal(count(one), 4, "a ring of aliases ends")
    martlet("alias", "add", f"@{DOMAIN}", two)
    deliver(f"whoever@{DOMAIN}")
    equal(count(two), 3, "catch-all")
    deliver(one)
    equal((count(one), count(two)), (5, 3), "an account is not caught")
    martlet("alias", "remove", f"ring2@{DOMAIN}", f"ring1@{DOMAIN}")
    for alias in (f"@{DOMAIN}", f"team@{DOMAIN}", f"ring1@{DOMAIN}", f"ring2@{DOMAIN}"):
        martlet("alias", "remove", alias)
    martlet("account", "remove", one)
    martlet("account", "remove", two)


def case_domains_come_and_go():
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        contains(rcpt(wire, "postmaster@new.test"), "554 5.7.1")
        martlet("domain", "add", "new.test", "--postmaster", ACCOUNT)
        contains(rcpt(wire, "Postmaster@NEW.test"), "250")
        contains(rcpt(wire, "abuse@new.test"), "250")
        contains(rcpt(wire, "nobody@new.test"), "550 5.1.1")
        martlet("domain", "add", "münchen.test", "--postmaster", ACCOUNT)
        contains(rcpt(wire, "postmaster@xn--mnchen-3ya.test"), "250")
        contains(rcpt(wire, "postmaster@münchen.test", " SMTPUTF8"), "250")
        for domain in ("new.test", "münchen.test"):
            martlet("domain", "remove", domain)
        contains(rcpt(wire, "postmaster@new.test"), "554 5.7.1")


def case_passwords_change_at_once():
    login = account("changing")
    equal(count(login), 0)
    with open(SECRET, "w") as file:
        file.write("a third secret\n")
    martlet("account", "passwd", login, "--password-file", SECRET)
    equal(count(login, "a third secret"), 0)
    try:
        imap(login, "another secret")
    except imaplib.IMAP4.error as error:
        contains(str(error), "AUTHENTICATIONFAILED")
    else:
        raise AssertionError("the old password still works")
    martlet("account", "remove", login)


def case_disabled_accounts():
    login = account("resting")
    martlet("account", "disable", login)
    try:
        imap(login, "another secret")
    except imaplib.IMAP4.error:
        pass
    else:
        raise AssertionError("a disabled account logged in")
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        reply = rcpt(wire, login)
        assert reply[0] in "45", reply
        martlet("account", "enable", login)
        contains(rcpt(wire, login), "250")
    equal(count(login), 0)
    martlet("account", "remove", login)
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        contains(rcpt(wire, login), "550 5.1.1")


def case_quota():
    login = account("small", "--quota", "100kB")
    deliver(login, body="x" * 70 + "\r\n")
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        reply = rcpt(wire, login, " SIZE=200000")
        matches(reply, r"^(452|552) [45]\.2\.2")
        contains(rcpt(wire, login, " SIZE=2000"), "250")
    # Admitted at RCPT, so never refused at the end: an overrun of what is in flight is allowed.
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        contains(rcpt(wire, login), "250")
        wire.smtp("DATA", 354)
        wire.smtp("Subject: undeclared\r\n\r\n" + ("y" * 70 + "\r\n") * 2000 + ".", 250)
    equal(count(login, "another secret"), 2)
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        matches(rcpt(wire, login), r"^(452|552) [45]\.2\.2")
    client = imap(login, "another secret")
    kind, data = client.append("INBOX", "()", None, b"Subject: x\r\n\r\nx\r\n")
    equal(kind, "NO")
    contains(data[0].decode(), "OVERQUOTA")
    _, (roots, quota) = client.getquotaroot("INBOX")
    contains(quota[0].decode(), "STORAGE")
    client.select("INBOX")
    client.store("1:*", "+FLAGS.SILENT", "\\Deleted")
    client.expunge()
    equal(client.append("INBOX", "()", None, b"Subject: x\r\n\r\nx\r\n")[0], "OK", "room again")
    client.logout()
    martlet("account", "remove", login)


def case_aliases_may_be_senders():
    martlet("alias", "add", f"sales@{DOMAIN}", ACCOUNT)
    with submission() as smtp:
        equal(smtp.mail(f"sales@{DOMAIN}")[0], 250)
    martlet("alias", "remove", f"sales@{DOMAIN}")
    with submission() as smtp:
        equal(smtp.mail(f"sales@{DOMAIN}")[0], 553)


if __name__ == "__main__":
    main(globals())
