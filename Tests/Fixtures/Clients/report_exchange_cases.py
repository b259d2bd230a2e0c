"""Mail that reports are about, and the reports that come of it."""
from common import *


def strangers(domain):
    """Two messages in a domain's name: one from a host that may use it, one that is forged."""
    for sender, subject in ((f"news@{domain}", "right"), ("x@elsewhere.example", "forged")):
        with smtplib.SMTP(HOST, port(25), timeout=TIMEOUT) as smtp:
            smtp.ehlo("peer.example")
            text = f"From: news@{domain}\r\nTo: {ACCOUNT}\r\nSubject: {subject}\r\n\r\nHello.\r\n"
            smtp.sendmail(sender, [ACCOUNT], text)


def submit(recipient):
    with submission() as smtp:
        smtp.sendmail(ACCOUNT, [recipient], f"From: {ACCOUNT}\r\nTo: {recipient}\r\nSubject: hello\r\n\r\nHello.\r\n")


def arrived(subject, count):
    """So many messages are there with a subject that begins so; they are written into IT_FOLDER."""
    client = imap()

    def found():
        client.select("INBOX")
        return client.uid("SEARCH", None, "HEADER", "Subject", f'"{subject}"')[1][0].split()

    wanted = until(lambda: len(found()) >= int(count) and found(), lambda: f"only {found()}")
    equal(len(wanted), int(count), "messages")
    for number, uid in enumerate(wanted):
        text = client.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1]
        with open(os.path.join(FOLDER, f"report-{number}.eml"), "wb") as file:
            file.write(text)
    client.logout()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
