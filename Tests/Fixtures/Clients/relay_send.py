"""Hands messages to a port as a program without a login does: relay_send.py PORT RECIPIENT SENDER..."""

import smtplib
import sys

port, recipient, senders = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
for number, sender in enumerate(senders):
    sender = "" if sender == "<>" else sender
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo("client.example")
        text = f"From: {sender or 'MAILER-DAEMON@example.org'}\r\nTo: {recipient}\r\nSubject: {number}\r\n"
        client.sendmail(sender, [recipient], text + f"Message-ID: <{number}@client.example>\r\n\r\nHello.\r\n")
