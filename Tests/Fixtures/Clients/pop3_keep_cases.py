"""Programs that leave mail on the server fetch each message once, over restarts of the server too."""
import shutil

import common
from common import *
from login_cases import LOGIN, RIGHT, Room


def deliver_to(room, subject):
    with smtplib.SMTP(HOST, 25 + room.offset, timeout=TIMEOUT) as smtp:
        smtp.sendmail(OUTSIDE, [LOGIN], f"From: {OUTSIDE}\r\nSubject: {subject}\r\n\r\nHello.\r\n")


def keeps(run, fetched):
    """`run` fetches what is new; `fetched` is what all runs have fetched."""
    with Room() as room:
        for number in range(3):
            deliver_to(room, f"kept {number}")
        run(room)
        equal(fetched(room), 3, "the first run")
        run(room)
        equal(fetched(room), 3, "the second run")
        room.stop()
        room.start()
        run(room)
        equal(fetched(room), 3, "after a restart")
        deliver_to(room, "one more")
        run(room)
        equal(fetched(room), 4, "a new one")


def subjects(path):
    try:
        with open(path) as file:
            return file.read().count("\nSubject: ")
    except FileNotFoundError:
        return 0


def case_fetchmail():
    if not shutil.which("fetchmail"):
        return print("fetchmail is not installed")

    def run(room):
        rules = f"""set no syslog
set idfile "{room.folder}/ids"
poll 127.0.0.1 service {995 + room.offset} protocol pop3 uidl
  user "{LOGIN}" password "{RIGHT}" keep no fetchall no rewrite ssl sslproto "TLS1.2+" no sslcertck
  mda "/bin/sh -c 'cat >> {room.folder}/fetched'"
"""
        with open(f"{room.folder}/rc", "w") as file:
            file.write(rules)
        os.chmod(f"{room.folder}/rc", 0o600)
        done = subprocess.run(
            ["fetchmail", "-f", f"{room.folder}/rc", "--nosyslog", "--nodetach", "-d0", "--pidfile", f"{room.folder}/pid"],
            capture_output=True, text=True, timeout=60, env={**os.environ, "FETCHMAILHOME": room.folder})
        assert done.returncode in (0, 1), f"{done.returncode} {done.stdout}{done.stderr}"

    keeps(run, lambda room: subjects(f"{room.folder}/fetched"))


def case_getmail():
    if not shutil.which("getmail"):
        return print("getmail is not installed")

    def run(room):
        open(f"{room.folder}/mbox", "a").close()
        with open(f"{room.folder}/getmailrc", "w") as file:
            file.write(f"""[retriever]
type = SimplePOP3SSLRetriever
server = 127.0.0.1
port = {995 + room.offset}
username = {LOGIN}
password = {RIGHT}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat >> {room.folder}/mbox")
allow_root_commands = true
[options]
delete = false
read_all = false
""")
        done = subprocess.run(["getmail", f"--getmaildir={room.folder}"], capture_output=True, text=True, timeout=60)
        equal(done.returncode, 0, f"getmail: {done.stdout}{done.stderr}")

    keeps(run, lambda room: subjects(f"{room.folder}/mbox"))


if __name__ == "__main__":
    main(globals())
