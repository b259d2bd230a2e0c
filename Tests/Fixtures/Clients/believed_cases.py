"""Mail that a user submits, of several shapes, for a peer that checks where it comes from."""
from common import *

HEAD = "From: Alice <{sender}>\r\nTo: {recipient}\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n" \
       "Message-ID: <{id}@example.test>\r\n"


def submit(recipient, subject, more="", body="hello\r\n", options=()):
    head = HEAD.format(sender=ACCOUNT, recipient=recipient, subject=subject, id=subject.replace(" ", "-"))
    with submission() as smtp:
        smtp.sendmail(ACCOUNT, [recipient], (head + more + "\r\n" + body).encode(), options)


def case_plain(recipient):
    submit(recipient, "plain")


def case_eight_bits(recipient):
    more = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    submit(recipient, "eight bits", more, "Grüße  \r\n\r\n.\r\n.. dots\t\r\n" + "x" * 900 + "\r\n\r\n\r\n", ["BODY=8BITMIME"])


def case_alternative(recipient):
    more = "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n\tboundary=\"b\"\r\n"
    part = "--b\r\nContent-Type: text/{0}\r\n\r\n{1}\r\n"
    submit(recipient, "alternative", more, part.format("plain", "hi") + part.format("html", "<p>hi</p>") + "--b--\r\n")


def case_odd_header(recipient):
    """Folded, empty and doubled fields, and one that another server may fold anew."""
    more = "X-Empty:\r\nX-Twice: 1\r\nX-Twice: 2\r\nReply-To:\r\n\t<a@example.test>,\r\n   b@example.test\r\n" \
           "References: " + "\r\n ".join(f"<{number}@example.test>" for number in range(60)) + "\r\n"
    submit(recipient, "odd header", more)


def forge(peer_port, source):
    with smtplib.SMTP(HOST, int(peer_port), timeout=TIMEOUT, source_address=(source, 0)) as smtp:
        head = HEAD.format(sender=ACCOUNT, recipient=ACCOUNT, subject="forged", id="forged")
        smtp.sendmail(ACCOUNT, ["sink@peer.test"], head + "\r\nsend money\r\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["forge"]:
        forge(*sys.argv[2:])
    else:
        globals()[f"case_{sys.argv[1]}"](*sys.argv[2:])
