"""Mail that an alias sends on, and its bounce: forward.py PORT SINK-FILE ALIAS"""
import json
import smtplib
import sys
import time


def send(sender, recipient):
    with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as client:
        client.ehlo("client.test")
        client.sendmail(sender, [recipient], "From: joe@far.test\r\nSubject: s\r\n\r\nhello\r\n")


def sink(count):
    for _ in range(300):
        try:
            with open(sys.argv[2]) as file:
                lines = [json.loads(line) for line in file]
        except FileNotFoundError:
            lines = []
        if len(lines) >= count:
            return lines
        time.sleep(0.1)
    raise SystemExit(f"the sink has {lines}")


def refused(sender, recipient):
    try:
        send(sender, recipient)
    except smtplib.SMTPRecipientsRefused as error:
        return list(error.recipients.values())[0]
    raise SystemExit(f"{recipient} was taken")


send("joe@far.test", sys.argv[3])
sender, recipients, message = sink(1)[0]
assert sender.startswith("SRS0=") and sender.endswith("=far.test=joe@example.test"), sender
assert recipients == ["away@elsewhere.test"], recipients
assert "joe@far.test" in message
send("", sender)
bounce = sink(2)[1]
assert bounce[:2] == ["", ["joe@far.test"]], bounce
assert refused("x@far.test", sender)[0] == 550
forged = sender.replace("SRS0=", "SRS0=x")
code, text = refused("", forged)
assert code == 550 and text.startswith(b"5.7.1"), (code, text)
print("ok")
