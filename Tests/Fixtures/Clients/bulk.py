"""Many messages at once: through another server, by submission, and the proof that each arrived once."""
import concurrent.futures

from common import *

THREADS = 5


def in_parallel(count, work):
    parts = [range(first, count, THREADS) for first in range(THREADS)]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work, part) for part in parts]:
            done.result()


def text(sender, recipient, number):
    return (
        f"From: Bulk <{sender}>\r\nTo: {recipient}\r\nSubject: bulk {number:05d}\r\n"
        f"Message-ID: <bulk-{number}@{sender.split('@')[1]}>\r\nDate: Sat, 21 Nov 2026 00:00:00 +0000\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        f"Grüße number {number}\r\n.\r\n.. dots \r\n\r\nlast line  \r\n\r\n").encode()


def by_peer(peer_port, count):
    """Hands messages for our account to another server, which brings them here."""
    empty()

    def work(numbers):
        with smtplib.SMTP(HOST, int(peer_port), timeout=TIMEOUT) as smtp:
            for number in numbers:
                smtp.sendmail("bulk@peer.test", [ACCOUNT], text("bulk@peer.test", ACCOUNT, number))
    in_parallel(int(count), work)


def arrived(count):
    count = int(count)
    client = imap()

    def all_there():
        client.select("INBOX", readonly=True)
        there = int(client.untagged_responses["EXISTS"][-1])
        client.unselect()
        return there >= count
    until(all_there, f"{count} messages in INBOX", 90)
    client.select("INBOX", readonly=True)
    _, data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    subjects = sorted(part[1].decode().split()[2] for part in data if isinstance(part, tuple))
    equal(subjects, [f"{number:05d}" for number in range(count)], "each once")
    client.logout()


def submit(recipient, count):
    def work(numbers):
        with submission() as smtp:
            for number in numbers:
                smtp.sendmail(ACCOUNT, [recipient], text(ACCOUNT, recipient, number))
    in_parallel(int(count), work)


def each(*recipients):
    """A message for each; `REQUIRETLS:` or `No:` before an address asks that of TLS."""
    with submission() as smtp:
        for recipient in recipients:
            demand, _, address = recipient.rpartition(":")
            header = b"TLS-Required: No\r\n" if demand == "No" else b""
            options = [demand] if demand == "REQUIRETLS" else []
            smtp.sendmail(ACCOUNT, [address], header + text(ACCOUNT, address, 0), mail_options=options)


def distinct(folder, count):
    subjects = []
    for name in os.listdir(folder):
        raw = open(os.path.join(folder, name), "rb").read()
        contains(raw.decode(), "\n.\n.. dots \n\nlast line  \n", name)
        subjects.append(matches(raw.decode(), r"\nSubject: bulk (\d+)").group(1))
    equal(sorted(subjects), [f"{number:05d}" for number in range(int(count))], "each once")


def bounce(recipient):
    empty()
    with submission() as smtp:
        smtp.sendmail(ACCOUNT, [recipient], text(ACCOUNT, recipient, 1))
    client = imap()

    def there():
        return client.select("INBOX", readonly=True)[1] != [b"0"]
    until(there, "a report of the failed delivery")
    _, data = client.fetch("1", "(BODY.PEEK[])")
    report = data[0][1].decode()
    contains(report, "Return-Path: <>")
    matches(report, r"Content-Type: multipart/report;\s*report-type=\"?delivery-status")
    contains(report, recipient)
    matches(report, r"Action: failed")
    matches(report, r"Status: 5\.")
    client.logout()


if __name__ == "__main__":
    {"by-peer": by_peer, "arrived": arrived, "submit": submit, "each": each, "distinct": distinct, "bounce": bounce}[sys.argv[1]](*sys.argv[2:])
