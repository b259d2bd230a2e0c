"""Mail that one server reports on, so that another reads of it.

`bring` brings forged mail of a domain and sends a message to it; `yesterday` makes what was counted today yesterday's.
"""
import sqlite3

from common import *

TEXT = "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@bank.example>\r\nFrom: ceo@bank.example\r\n" \
       "To: " + ACCOUNT + "\r\nSubject: pay\r\n\r\nnow\r\n"


def bring():
    for number in range(2):
        with greeted(25) as wire:
            wire.smtp("EHLO peer.example", 250)
            wire.smtp("MAIL FROM:<bounce@elsewhere.example>", 250)
            wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
            wire.smtp("DATA", 354)
            wire.send(TEXT.format(id=number).encode() + b".\r\n")
            contains(wire.reply(), "250 ")
    with smtplib.SMTP_SSL(HOST, port(465), context=TLS) as client:
        client.login(ACCOUNT, PASSWORD)
        client.sendmail(ACCOUNT, ["postmaster@bank.example"], f"From: {ACCOUNT}\r\nSubject: hello\r\n\r\nyou\r\n")


def yesterday():
    database = sqlite3.connect(os.path.join(FOLDER, "data", "martlet.db"))
    for table in ("dmarc_count", "dmarc_policy", "tls_result"):
        changed = database.execute(f"UPDATE {table} SET day = day - 1").rowcount
        if changed < 1:
            raise SystemExit(f"nothing was counted in {table}")
    database.commit()


if __name__ == "__main__":
    {"bring": bring, "yesterday": yesterday}[sys.argv[1]]()
