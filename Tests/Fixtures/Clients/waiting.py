"""Mail that waits: HOLDFOR and HOLDUNTIL by smtplib, what a header check holds, what a milter puts into quarantine."""
import datetime

from common import *


def submit(parameters, subject, recipients):
    """Hands a message in as ACCOUNT; returns its queue id."""
    with smtplib.SMTP_SSL(HOST, port(465), context=TLS) as client:
        client.ehlo("client.example")
        offer = client.esmtp_features.get("futurerelease", "")
        matches(offer, r"^2592000 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "FUTURERELEASE")
        client.login(ACCOUNT, PASSWORD)
        code, text = client.mail(ACCOUNT, parameters)
        equal(code, 250, str(text))
        for recipient in recipients:
            equal(client.rcpt(recipient)[0], 250, recipient)
        code, text = client.data(f"From: {ACCOUNT}\r\nTo: {recipients[0]}\r\nSubject: {subject}\r\n\r\nwords\r\n")
        equal(code, 250, str(text))
        return matches(text.decode(), r"queued as (\w+)").group(1)


def later(mode, wait, subject, *recipients):
    if mode == "until":
        time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(wait))
        parameter = f"HOLDUNTIL={time.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    else:
        parameter = f"HOLDFOR={wait}"
    print(submit([parameter], subject, recipients))


def many(count, wait, recipient):
    """Hands in messages that are all to be sent at the same time."""
    time_of_release = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(wait))
    parameter = f"HOLDUNTIL={time_of_release.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    with smtplib.SMTP_SSL(HOST, port(465), context=TLS) as client:
        client.login(ACCOUNT, PASSWORD)
        for number in range(int(count)):
            client.sendmail(ACCOUNT, [recipient], f"Subject: number {number}\r\n\r\nwords\r\n", [parameter])


def count(login):
    print(len(list(inbox(login))))


def bring(subject, recipient=ACCOUNT):
    """A stranger's message."""
    deliver(recipient, subject)


def inbox(login):
    client = imap(login)
    client.select("INBOX", readonly=True)
    for number in client.search(None, "ALL")[1][0].split():
        header = client.fetch(number, "(BODY.PEEK[HEADER])")[1][0][1].decode()
        matches(header, r"^Return-Path: <\S+@\S+>\r\nReceived: ", "the top of the header")
        yield matches(header, r"\r\nSubject: ([^\r]*)").group(1)
    client.logout()


def subjects(login):
    for subject in inbox(login):
        print(subject)


def wait_for(login, subject):
    """Until a message with that subject is in INBOX."""
    until = time.monotonic() + 40
    while subject not in inbox(login):
        assert time.monotonic() < until, f"{subject} did not come"
        time.sleep(0.3)


if __name__ == "__main__":
    {"later": later, "many": many, "count": count, "bring": bring, "subjects": subjects, "wait": wait_for}[sys.argv[1]](*sys.argv[2:])
