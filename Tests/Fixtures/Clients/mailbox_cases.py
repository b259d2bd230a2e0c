"""What an operator does to mailboxes while people use them: sessions are told, damage is found, and what is left lives on."""
import json
import os
import pathlib
import sqlite3
import tempfile

os.environ.setdefault("IT_FOLDER", tempfile.gettempdir())

import oauth_cases
from common import *

LOGIN = "alice@example.test"


class Room(oauth_cases.Room):
    """A server of a case's own with some messages in Work."""

    def __init__(self):
        super().__init__()
        with open(self.config) as file:
            self.manifest = file.read()
        self.start()
        self.run("mailbox", "create", LOGIN, "Work")
        client = self.client()
        for number in range(1, 7):
            text = f"From: Bob <bob@x.example>\r\nSubject: number {number}\r\nMessage-ID: <{number}@x.example>\r\n\r\ntext {number}\r\n"
            equal(client.append("Work", None, None, text.encode())[0], "OK", "APPEND")
        client.logout()

    def port(self, kind):
        return int(matches(self.manifest, rf"{kind}\b[^\n]*?port: (\d+)").group(1))

    def client(self):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=TLS, timeout=TIMEOUT)
        client.login(LOGIN, "correct horse 1")
        return client

    def wire(self):
        """A session by hand, logged in."""
        wire = Wire(self.port("imaps") - OFFSET, tls=True, host="127.0.0.1")
        wire.line()
        wire.imap("in", f'LOGIN {LOGIN} "correct horse 1"')
        return wire

    def stop(self):
        super().stop()
        os.truncate(f"{self.folder}/log", 0)

    def boxes(self):
        return {box["path"]: box for box in json.loads(self.run("mailbox", "list", LOGIN, "--json"))}

    def check(self, *words, status=0):
        return self.run("mailbox", "check", LOGIN, *words, status=status)

    def file(self, subject):
        """Where a message is kept."""
        for path in pathlib.Path(self.folder, "data", "blobs").rglob("*"):
            if path.is_file() and f"Subject: {subject}\r\n".encode() in path.read_bytes():
                return path
        raise AssertionError(f"no file holds {subject}")

    def sql(self, *statements):
        """Changes rows behind the server's back."""
        with contextlib.closing(sqlite3.connect(f"{self.folder}/data/martlet.db", timeout=20)) as database, database:
            for statement in statements:
                assert database.execute(statement).rowcount > 0, statement


def told(wire, wanted):
    """Asks again until a session has been told something."""
    seen = []

    def look():
        seen.extend(wire.imap("n", "NOOP")[0])
        return any(re.search(wanted, line) for line in seen)
    until(look, lambda: f"{wanted} in {seen}")
    return seen


def case_sessions_are_told():
    with Room() as room:
        with room.wire() as selected, room.wire() as watching:
            selected.imap("s", "SELECT Work")
            watching.imap("w", "NOTIFY SET (personal (MailboxName SubscriptionChange))")
            # Old messages go; what has the mailbox open hears of each, and of their coming back.
            until(lambda: "6 messages" in room.run("mailbox", "expunge", LOGIN, "--mailbox", "Work", "--older-than", "1s")
                  or room.boxes()["Work"]["messages"] == 0, "they are old enough")
            seen = told(selected, r"^\* 1 EXPUNGE")
            until(lambda: sum("EXPUNGE" in line for line in seen + selected.imap("n", "NOOP")[0]) == 6, "each one is told")
            contains(room.run("undelete", LOGIN, "--list"), "number 4")
            contains(room.run("undelete", LOGIN, "--message-id", "<4@x.example>"), "1 message is back")
            told(selected, r"^\* 1 EXISTS")
            contains(room.run("undelete", LOGIN, "--mailbox", "Work", "--since", "1h"), "5 messages are back")
            told(selected, r"^\* 6 EXISTS")
            lines = selected.imap("f", "FETCH 1 (BODY.PEEK[])")[0]
            contains(lines[0], "Subject: number 4")
            # Mailboxes come, get other names, and go.
            room.run("mailbox", "create", LOGIN, "Deep/Er")
            told(watching, r'LIST .*"?Deep/Er')
            room.run("mailbox", "rename", LOGIN, "Deep", "Flat")
            told(watching, r'LIST .*"?Flat')
            room.run("mailbox", "remove", LOGIN, "Flat/Er")
            told(watching, r'\\NonExistent.*"?Flat/Er')
            # Renamed under a session that has it open: that goes on with the same messages.
            room.run("mailbox", "rename", LOGIN, "Work", "Done")
            contains(selected.imap("g", "FETCH 2 (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[0][0], "number")
            contains(room.run("mailbox", "list", LOGIN), "Done")
            # Removed under it: it hears of that, and must come again.
            contains(room.run("mailbox", "remove", LOGIN, "Done"), "with 6 messages")
            selected.send("n NOOP\r\n")
            contains(selected.rest().decode(), "* BYE Selected mailbox was deleted")
            contains(room.run("undelete", LOGIN, "--all", "--to", "Found"), "6 messages are back")
            equal(room.boxes()["Found"]["messages"], 6, "what came back")
            contains(room.run("mailbox", "recount", LOGIN), "all counts are right")
            contains(room.check(), "all is well")


def case_lost_files():
    with Room() as room, room.wire() as wire:
        wire.imap("s", "SELECT Work")
        kept = {}
        for number in (2, 3, 5):
            path = room.file(f"number {number}")
            kept[path] = path.read_bytes()
        missing, short, changed = kept
        missing.unlink()
        short.write_bytes(kept[short][:20])
        changed.write_bytes(kept[changed].replace(b"text 5", b"tExt 5"))
        # The others live, and so does what is known of these.
        lines, end = wire.imap("f", "FETCH 1:* (UID BODY.PEEK[])", want=None)
        assert end.startswith("f NO [CORRUPTION]"), end
        equal(sum("Subject: number" in line for line in lines), 4, "messages that can be read")
        equal(len(wire.imap("e", "FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE)")[0]), 6, "what is known of all")
        contains(wire.imap("q", 'SEARCH SUBJECT "number 2"')[0][0], "SEARCH 2")
        for words in ((), ("--repair",)):
            found = room.check(*words, status=65)
            contains(found, 'Work, UID 2: the message\'s file is missing (from bob@x.example, "number 2", <2@x.example>)')
            contains(found, "Work, UID 3: the message's file is damaged")
            contains(found, "Work, UID 5: the message's file is damaged")
            contains(found, "3 can't be read any more")
        equal(room.boxes()["Work"]["messages"], 6, "messages")
        # An export leaves out what can't be had, says so, and has the rest.
        for words in (("mbox", f"{room.folder}/work.mbox", "--mailbox", "Work"), ("maildir", f"{room.folder}/Maildir")):
            said = room.run("export", *words, "--account", LOGIN, status=65)
            contains(said, "Work, UID 2")
            contains(said, "2 were passed over")
        box = pathlib.Path(room.folder, "work.mbox").read_text()
        equal(re.findall(r"(?m)^Subject: number (\d)$", box), ["1", "4", "5", "6"], "exported")
        equal(len(list(pathlib.Path(room.folder, "Maildir", ".Work", "cur").iterdir())), 4, "exported")
        # Out of the way, and back when the files are.
        with open(room.config, "w") as file:
            file.write(re.sub(r"(?m)^storage:\n", "storage:\n  undelete: 0s\n", room.manifest))
        room.run("reload")
        contains(room.check("--remove-damaged", status=78), "storage.undelete is 0")
        with open(room.config, "w") as file:
            file.write(room.manifest)
        room.run("reload")
        contains(room.check("--remove-damaged"), "3 found, 3 put right")
        seen = told(wire, "EXPUNGE")
        until(lambda: sum("EXPUNGE" in line for line in seen + wire.imap("n", "NOOP")[0]) == 3, "each one is told")
        contains(room.check(), "3 messages read: all is well")
        contains(room.run("undelete", LOGIN, "--list"), "number 2")
        for path, text in kept.items():
            path.write_bytes(text)
        contains(room.run("undelete", LOGIN, "--all"), "3 messages are back")
        told(wire, r"^\* 6 EXISTS")
        contains(room.check(), "all is well")
        equal(len(wire.imap("f", "FETCH 1:* (UID BODY.PEEK[])")[0]), 6, "all can be read")


def case_lost_files_over_pop3():
    """One can't be had; the others can, also in the same session, and nothing goes by itself."""
    with Room() as room:
        client = room.client()
        for number in (11, 12, 13):
            client.append("INBOX", None, None, f"Subject: number {number}\r\n\r\ntext {number}\r\n".encode())
        client.logout()
        room.file("number 12").unlink()
        for _ in range(2):
            drop = poplib.POP3_SSL("127.0.0.1", room.port("pop3s"), context=TLS, timeout=TIMEOUT)
            drop.user(LOGIN)
            drop.pass_("correct horse 1")
            equal(drop.stat()[0], 3, "messages")
            for place, number in ((1, 11), (3, 13)):
                equal(drop.retr(place)[1][-1], f"text {number}".encode(), "a message that is whole")
            try:
                lines = drop.retr(2)[1]
                raise AssertionError(f"what can't be had was given: {lines}")
            except poplib.error_proto as error:
                contains(str(error), "-ERR")
            equal(drop.retr(1)[1][-1], b"text 11", "after that")
            drop.quit()
        contains(room.check(status=65), "INBOX, UID 2: the message's file is missing")
        contains(room.check("--remove-damaged"), "1 found, 1 put right")
        equal(room.boxes()["INBOX"]["messages"], 2, "messages")


def case_rows_that_are_wrong():
    """Rows are made anew with the server running and stopped, and no message goes."""
    faults = ("UPDATE mailbox SET messages = 77, unseen = 3, size = 1 WHERE name = 'Work'",
              "UPDATE mailbox SET uid_next = 2 WHERE name = 'Work'", "UPDATE account_state SET used = 5",
              "UPDATE email SET size = 5, header = x'41', parsed = x'00'", "UPDATE entry SET size = 7",
              "UPDATE email_envelope SET envelope = x'28'", "UPDATE message_text SET subject_text = x'41'",
              "UPDATE blob SET reference_count = 0, unreferenced_at = 4102444800000000")
    with Room() as room:
        for running in (True, False):
            room.stop()
            room.sql(*faults)
            if running:
                room.start()
            contains(room.check(status=65), "the database says something else than the message's file (size, header")
            said = room.check("--repair")
            contains(said, "Work: wrong counts: corrected")
            contains(said, "Work: numbers would be given twice: corrected")
            contains(said, "file reference): written anew")
            contains(room.check(), "6 messages read: all is well")
            assert json.loads(room.run("mailbox", "check", "--json"))["problems"] == []
            if not running:
                room.start()
            client = room.client()
            client.select("Work", readonly=True)
            equal(len(client.search(None, "SUBJECT", '"number 3"')[1][0].split()), 1, "found")
            for line, text in client.fetch("1:*", "(RFC822.SIZE BODY.PEEK[])")[1][::2]:
                equal(int(matches(line.decode(), r"RFC822.SIZE (\d+)").group(1)), len(text), "size")
            client.logout()


if __name__ == "__main__":
    main(globals())
