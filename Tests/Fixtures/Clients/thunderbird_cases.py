"""Thunderbird of Debian through a day: account, folders, offline copies, IDLE, flags, moves, searches, sending; and POP3.

What it did is looked at by imaplib; what it said, in its own log of the connection.
"""
import base64

from mailbox_client_cases import *
from thunderbird import Thunderbird

UNLIKE = {
    "with accents": "Grüße aus München: 日本語, Привет".encode(),
    "of long lines": b"x" * 4000 + b"\r\n" + b"y" * 990,
    "of dots": b".\r\n..\r\n.dot\r\nFrom here on\r\n>From there",
    "of parts": b"--q\r\n\r\nplain\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\ninner\r\n--q--",
    "of blank lines": b"\r\n\r\n\r\n",
}


def odd(subject, body):
    head = message(subject, "").rstrip(b"\r\n")
    more = b"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: " + (
        b"multipart/mixed; boundary=q" if b"--q" in body else b"text/plain; charset=utf-8")
    return head + more + b"\r\n\r\n" + body + b"\r\n"


class Program:
    """A profile with one account, and the program on it."""

    def __init__(self, kind):
        self.folder = home("thunderbird")
        self.kind = kind
        self.starts = 0

    def start(self):
        self.starts += 1
        return Thunderbird(self.folder / "profile", {
            "mail.server.default.use_condstore": True, "mail.server.default.autosync_offline_stores": False,
        }, MOZ_LOG="IMAP:4,POP3:4", MOZ_LOG_FILE=str(self.folder / f"wire-{self.starts}"))

    def add(self, client, **preferences):
        client.run("tb.trust(...given)", pathlib.Path(CERTIFICATE).read_text(), [port(number) for number in (465, 993, 995)])
        client.run("await tb.account(given[0])", {
            "type": self.kind, "user": ACCOUNT, "password": PASSWORD, "port": port(993 if self.kind == "imap" else 995),
            "smtp": port(465), "preferences": preferences})

    def log(self):
        """What the program noted of its connections, since its profile was made."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("wire*.moz_log")))


def subjects(client, folder):
    return sorted(one["subject"] for one in client.run("return tb.list(tb.folder(given[0]))", folder))


def expect(client, folder, wanted, what):
    """Until a folder of the program has these subjects."""
    until(lambda: subjects(client, folder) == sorted(wanted), lambda: f"{what}: {subjects(client, folder)}, wanted {sorted(wanted)}", 60)


def entry(client, folder, subject):
    return next((one for one in client.run("return tb.list(tb.folder(given[0]))", folder) if one["subject"] == subject), None)


def on_server(name):
    """Subject to octets of a mailbox."""
    client = imap()
    ok(client.select(name, readonly=True))
    numbers = ok(client.search(None, "ALL"))[0].split()
    texts = [ok(client.fetch(number, "(BODY.PEEK[])"))[0][1] for number in numbers]
    client.logout()
    return {re.search(rb"^Subject: ([^\r]*)", text, re.M).group(1).decode(): text for text in texts}


def change(criteria, *flags, name="INBOX", expunge=False):
    """Another session stores flags on what it finds."""
    client = imap()
    ok(client.select(name))
    number = ok(client.search(None, criteria))[0].split()[0]
    ok(client.store(number, "+FLAGS", f"({' '.join(flags)})"))
    if expunge:
        ok(client.expunge())
    client.logout()


def expect_copies(client, folder, wanted):
    """The copies that the program has for reading offline are the octets of the server."""
    copies = client.run("const folder = tb.folder(given[0]); return tb.headers(folder).map("
                        "one => [one.mime2DecodedSubject, tb.octets(folder, one)])", folder)
    copies = {subject: base64.b64decode(text) for subject, text in copies}
    equal(sorted(copies), sorted(wanted), "the copies")
    for subject, text in wanted.items():
        own = re.sub(rb"\A(?:X-(?:Mozilla-(?:Status2?|Keys)|Account-Key|UIDL): [^\r\n]*\r?\n)*", b"", copies[subject])
        equal(own.replace(b"\r\n", b"\n"), text.replace(b"\r\n", b"\n"), subject)


def case_thunderbird():
    needs("thunderbird")
    fresh(4)
    filled = [f"filled {number}" for number in range(1, 5)]
    other = imap()
    for subject, body in UNLIKE.items():
        ok(other.append("INBOX", None, None, odd(subject, body)))
    other.logout()
    program = Program("imap")
    with program.start() as client:
        program.add(client)
        read_and_download(client, filled)
        change_both_ways(client)
        move_and_delete(client)
        send(client)
        client.quit()
    # While it is away one comes, one goes, one is flagged: with CONDSTORE it asks for what changed.
    deliver(subject="came meanwhile")
    change('SUBJECT "of dots"', "\\Deleted", expunge=True)
    change('SUBJECT "filled 4"', "\\Flagged")
    with program.start() as client:
        client.run("tb.server.performExpand(null); await tb.update(tb.folder('INBOX'))")
        expect(client, "INBOX", on_server("INBOX"), "what it has after it was away")
        until(lambda: entry(client, "INBOX", "filled 4")["isFlagged"], "the flag of meanwhile")
        client.quit()
    log = program.log()
    said = [line.lower() for line in re.findall(r"SendData: \d+ ([^\r\n]+)", log)]
    for word in ("COMPRESS DEFLATE", "IDLE", "ENABLE UTF8=ACCEPT", "UID move", "UID SEARCH", "CHANGEDSINCE", 'append "Sent" (\\Seen) UTF8 (~{'):
        assert any(word.lower() in line for line in said), f"Thunderbird never said {word}: {said}"
    assert "Syntax Error" not in log, re.findall(r".*Syntax Error.*", log)


def read_and_download(client, filled):
    client.run("tb.server.performExpand(null)")
    wanted = {"INBOX": "Inbox", "Archive": "Archive", "Drafts": "Drafts", "Junk": "Junk", "Sent": "SentMail", "Trash": "Trash"}
    folders = lambda: {one["path"]: one["uses"] for one in client.run("return tb.folders()")}
    until(lambda: folders() == {name: [use] for name, use in wanted.items()}, lambda: f"the folders: {folders()}", 60)
    client.run("await tb.update(tb.folder('INBOX'))")
    expect(client, "INBOX", [*filled, *UNLIKE], "the list")
    assert not any(one["isRead"] or one["isFlagged"] for one in client.run("return tb.list(tb.folder('INBOX'))"))
    equal(entry(client, "INBOX", "filled 2")["author"], "Ann <ann@outside.example>")
    client.run("const inbox = tb.folder('INBOX'); inbox.setFlag(Ci.nsMsgFolderFlags.Offline);"
               "await tb.url(listener => inbox.downloadAllForOffline(listener, null))")
    expect_copies(client, "INBOX", on_server("INBOX"))
    equal(found("SEEN"), 0, "nothing is read by being downloaded")


def change_both_ways(client):
    # IDLE: what is delivered and what others do shows by itself.
    deliver(subject="arrives meanwhile")
    until(lambda: "arrives meanwhile" in subjects(client, "INBOX"), lambda: subjects(client, "INBOX"), 60)
    change('SUBJECT "filled 1"', "\\Flagged")
    until(lambda: entry(client, "INBOX", "filled 1")["isFlagged"], lambda: entry(client, "INBOX", "filled 1"), 60)
    change('SUBJECT "arrives meanwhile"', "\\Deleted", expunge=True)
    until(lambda: "arrives meanwhile" not in subjects(client, "INBOX"), lambda: subjects(client, "INBOX"), 60)
    # The other way: read, flagged, with a tag.
    client.run("const inbox = tb.folder('INBOX'); inbox.markMessagesRead([tb.header(inbox, 'filled 2')], true);"
               "inbox.markMessagesFlagged([tb.header(inbox, 'filled 3')], true);"
               "inbox.addKeywordsToMessages([tb.header(inbox, 'filled 4')], '$label1')")
    for criteria in ('SUBJECT "filled 2" SEEN', 'SUBJECT "filled 3" FLAGGED', 'SUBJECT "filled 4" KEYWORD $label1'):
        until(lambda: found(criteria) == 1, f"{criteria} on the server", 60)


def move_and_delete(client):
    client.run("const inbox = tb.folder('INBOX'); await tb.copy(listener => MailServices.copy.copyMessages("
               "inbox, [tb.header(inbox, 'filled 3')], tb.folder('Archive'), true, listener, null, false))")
    until(lambda: found('SUBJECT "filled 3"') == 0 and found('SUBJECT "filled 3" FLAGGED', "Archive") == 1, "filled 3 is in Archive", 60)
    client.run("const inbox = tb.folder('INBOX'); await tb.copy(listener => inbox.deleteMessages("
               "[tb.header(inbox, 'filled 2')], null, false, true, listener, false))")
    until(lambda: found('SUBJECT "filled 2"') == 0 and found('SUBJECT "filled 2"', "Trash") == 1, "filled 2 is in Trash", 60)
    # A folder with a name beyond ASCII, which UTF8=ACCEPT sends as it is
    client.run("tb.server.rootFolder.createSubfolder('Grüße & mehr', null)")
    until(lambda: b"Gr&APwA3w-e &- mehr" in b"".join(line for line in mailboxes_named()), lambda: mailboxes_named(), 60)
    until(lambda: "Grüße & mehr" in [one["path"] for one in client.run("return tb.folders()")], "the folder in Thunderbird", 60)
    client.run("const inbox = tb.folder('INBOX'); await tb.copy(listener => MailServices.copy.copyMessages("
               "inbox, [tb.header(inbox, 'of parts')], tb.folder('Grüße & mehr'), false, listener, null, false))")
    until(lambda: found("ALL", '"Gr&APwA3w-e &- mehr"') == 1, "the copy in the new folder", 60)
    # What the server searches for
    search = lambda attribute, text: client.run("return await tb.search(tb.folder('INBOX'), ...given)", attribute, text)
    equal(search("Body", "text of 4"), ["filled 4"])
    equal(search("Body", "grüsse aus"), ["with accents"])
    equal(search("Subject", "filled"), ["filled 1", "filled 4"])
    equal(search("Body", "nowhere to be found"), [])


def mailboxes_named():
    client = imap()
    listed = ok(client.list())
    client.logout()
    return listed


def send(client):
    """A message sent is delivered, and once in Sent: also where the server files a copy itself."""
    for subject in ("sent once", "sent and filed by both"):
        client.run("await tb.send(...given)", SECOND, subject, "Written in Thunderbird: Grüße.\n")
        other = imap(SECOND)
        until(lambda: (other.select("INBOX"), other.search(None, f'SUBJECT "{subject}"')[1][0])[1], f"{subject} is delivered", 60)
        other.logout()
        until(lambda: found(f'SUBJECT "{subject}" SEEN', "Sent") == 1, lambda: f"{subject} in Sent: {list(on_server('Sent'))}", 60)
        if subject == "sent once":
            with open(os.environ["IT_CONFIG"], "a") as manifest:
                manifest.write("\nsending: {save_sent: on}\n")
            martlet("reload")
    client.run("await tb.update(tb.folder('Sent'))")
    expect(client, "Sent", ["sent once", "sent and filed by both"], "Sent in Thunderbird")
    equal(found("ALL", "Sent"), 2, "nothing twice in Sent")


def case_thunderbird_by_pop3():
    needs("thunderbird")
    fresh(3)
    other = imap()
    for subject, body in UNLIKE.items():
        ok(other.append("INBOX", None, None, odd(subject, body)))
    other.logout()
    wanted = on_server("INBOX")
    program = Program("pop3")
    with program.start() as client:
        program.add(client, leave_on_server=True)
        get_mail(client)
        expect(client, "Inbox", wanted, "what it took")
        expect_copies(client, "Inbox", wanted)
        equal(found("ALL"), len(wanted), "left on the server")
        # Nothing comes twice; what is new comes.
        deliver(subject="later")
        get_mail(client)
        expect(client, "Inbox", [*wanted, "later"], "the second time")
        client.quit()


def get_mail(client):
    client.run("await tb.url(listener => MailServices.pop3.GetNewMail(null, listener, tb.folder('Inbox'), tb.server))")


if __name__ == "__main__":
    HOME.mkdir(parents=True, exist_ok=True)
    main(globals())
