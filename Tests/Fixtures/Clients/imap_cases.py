"""Every IMAP command that the server announces, walked by imaplib and by hand, with what must come back."""
import email.message
import imaplib
import re
import threading
import time

from common import *

MESSAGE = (
    "From: Fred Foobar <foobar@blurdybloop.example>\r\n"
    "To: mooch@owatagu.example\r\n"
    "Cc: \"Quo\\\"ted\" <q@x.example>\r\n"
    "Subject: afternoon meeting\r\n"
    "Date: Mon, 07 Feb 1994 21:52:25 -0800\r\n"
    "Message-Id: <B27397-0100000@blurdybloop.example>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=\"b1\"\r\n"
    "\r\n"
    "preamble\r\n"
    "--b1\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "\r\n"
    "Hello Joe, do you think we can meet at 3:30 tomorrow?\r\n"
    "--b1\r\n"
    "Content-Type: application/octet-stream; name=\"x.bin\"\r\n"
    "Content-Disposition: attachment; filename=\"x.bin\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "AAEC\r\n"
    "--b1--\r\n"
)


def ok(answer, what=""):
    kind, data = answer
    equal(kind, "OK", f"{what} {data}")
    return data


def raw(tls=True):
    wire = Wire(993, tls=True)
    banner = wire.line()
    assert banner.startswith(b"* OK"), banner
    wire.imap("L", f'LOGIN {ACCOUNT} "{PASSWORD}"')
    return wire


def fresh(client, name, count=0):
    """A mailbox of that name with that many messages, selected."""
    client.delete(name)
    ok(client.create(name))
    for number in range(count):
        ok(client.append(name, "()", None, f"Subject: number {number + 1}\r\n\r\nbody {number + 1}\r\n".encode()))
    data = ok(client.select(name))
    equal(data, [str(count).encode()], f"messages in {name}")


def case_connects_with_starttls_and_logs_in():
    client = imaplib.IMAP4(HOST, port(143))
    assert "LOGINDISABLED" in client.capabilities, client.capabilities
    try:
        client.login(ACCOUNT, PASSWORD)
    except imaplib.IMAP4.error:
        pass
    else:
        raise AssertionError("LOGIN worked before TLS")
    ok(client.starttls(ssl_context=TLS))
    assert "STARTTLS" not in client.capabilities
    ok(client.login(ACCOUNT, PASSWORD))
    assert "IDLE" in client.capability()[1][0].decode()
    equal(client.logout()[0], "BYE")


def case_authenticates_with_sasl():
    client = imaplib.IMAP4_SSL(HOST, port(993), ssl_context=TLS)
    ok(client.authenticate("PLAIN", lambda _: f"\0{ACCOUNT}\0{PASSWORD}".encode()))
    client.logout()
    with Wire(993, tls=True) as wire:
        wire.line()
        import base64
        plain = base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode()).decode()
        wire.send(f"a AUTHENTICATE PLAIN {plain}\r\n")
        wire.imap_result("a")
        wire.imap("b", "LOGOUT")
    for user, secret in ((ACCOUNT, "wrong"), ("nobody@" + DOMAIN, "wrong")):
        client = imaplib.IMAP4_SSL(HOST, port(993), ssl_context=TLS)
        try:
            client.login(user, secret)
        except imaplib.IMAP4.error as error:
            contains(str(error), "AUTHENTICATIONFAILED")
        else:
            raise AssertionError("a wrong password was taken")
        client.shutdown()


def case_lists_creates_renames_subscribes_deletes():
    client = imap()
    names = {line.decode().rsplit('"/" ', 1)[1].strip('"') for line in ok(client.list())}
    assert {"INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive"} <= names, names
    for name in ("Walk/Deep/Er", "Walk/Deep", "Walk", "Strolled/Deep/Er", "Strolled/Deep", "Strolled"):
        client.delete(name)
        client.unsubscribe(name)
    ok(client.create("Walk/Deep/Er"))
    equal(client.create("Walk/Deep/Er")[0], "NO", "made twice")
    contains(b" ".join(ok(client.list("Walk/", "%"))).decode(), "Walk/Deep")
    ok(client.rename("Walk", "Strolled"))
    contains(b" ".join(ok(client.list('""', "Strolled/*"))).decode(), "Strolled/Deep/Er")
    ok(client.subscribe("Strolled"))
    contains(b" ".join(ok(client.lsub('""', "Stroll*"))).decode(), "Strolled")
    ok(client.unsubscribe("Strolled"))
    equal(ok(client.lsub('""', "Stroll*")), [None], "subscriptions")
    ok(client.delete("Strolled/Deep/Er"))
    ok(client.delete("Strolled/Deep"))
    ok(client.delete("Strolled"))
    equal(client.delete("INBOX")[0], "NO", "INBOX")
    equal(client.select("Strolled")[0], "NO", "a mailbox that is gone")
    ok(client.create("Entw&APw-rfe"))
    contains(b" ".join(ok(client.list('""', "Entw*"))).decode(), "Entw&APw-rfe")
    ok(client.delete("Entw&APw-rfe"))
    client.logout()


def case_selects_examines_closes_unselects():
    client = imap()
    fresh(client, "Sel", 2)
    equal(client.state, "SELECTED")
    for response in ("FLAGS", "PERMANENTFLAGS", "UIDVALIDITY", "UIDNEXT", "EXISTS", "RECENT", "HIGHESTMODSEQ"):
        assert client.untagged_responses.get(response), f"{response}: {client.untagged_responses}"
    ok(client.store("1", "+FLAGS", "\\Deleted"))
    ok(client.unselect())
    equal(ok(client.select("Sel", readonly=True)), [b"2"])
    equal(client._simple_command("STORE", "1", "FLAGS", "(\\Seen)")[0], "NO", "STORE in an examined mailbox")
    ok(client.unselect())
    client.select("Sel")
    ok(client.close())
    equal(ok(client.select("Sel")), [b"1"], "CLOSE expunges")
    ok(client.close())
    ok(client.delete("Sel"))
    client.logout()


def case_appends_and_fetches_everything():
    client = imap()
    fresh(client, "Fetch")
    date = '"07-Feb-1994 21:52:25 -0800"'
    data = ok(client.append("Fetch", "(\\Seen custom)", date, MESSAGE.encode()))
    matches(data[0].decode(), r"\[APPENDUID \d+ \d+\]")
    client.noop()
    (head, text), tail = ok(client.fetch(
        "1", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY[])"))
    contains(head.decode(), f"RFC822.SIZE {len(MESSAGE)}")
    matches(head.decode(), r'INTERNALDATE "[0 ]7-Feb-1994 21:52:25 -0800"')
    contains(head.decode(), '"Mon, 07 Feb 1994 21:52:25 -0800" "afternoon meeting" '
             '(("Fred Foobar" NIL "foobar" "blurdybloop.example"))')
    contains(head.decode(), '"Quo\\"ted" NIL "q" "x.example"')
    contains(head.decode().upper(), '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" ')
    contains(head.decode().lower(), '("attachment" ("filename" "x.bin"))')
    equal(text, MESSAGE.encode(), "BODY[]")
    line = ok(client.fetch("1", "(FLAGS)"))[0].decode()
    contains(line, "\\Seen")
    contains(line, "custom")

    def part(item):
        answer = ok(client.fetch("1", f"({item})"))
        return answer[0][1] if isinstance(answer[0], tuple) else answer[0]

    header, body = MESSAGE.encode().split(b"\r\n\r\n", 1)
    equal(part("BODY.PEEK[HEADER]"), header + b"\r\n\r\n")
    equal(part("RFC822.HEADER"), header + b"\r\n\r\n")
    equal(part("BODY.PEEK[TEXT]"), body)
    equal(part("RFC822.TEXT"), body)
    equal(part("RFC822"), MESSAGE.encode())
    equal(part("BODY.PEEK[1]"), b"Hello Joe, do you think we can meet at 3:30 tomorrow?")
    equal(part("BODY.PEEK[2]"), b"AAEC")
    equal(part("BODY.PEEK[1.MIME]"), b"Content-Type: text/plain; charset=us-ascii\r\n\r\n")
    equal(part("BODY.PEEK[HEADER.FIELDS (SUBJECT)]"), b"Subject: afternoon meeting\r\n\r\n")
    contains(part("BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]").decode(), "Message-Id")
    equal(part("BODY.PEEK[]<5.7>"), MESSAGE.encode()[5:12])
    for macro in ("ALL", "FAST", "FULL"):
        contains(str(ok(client.fetch("1", macro))), "RFC822.SIZE")
    ok(client.delete("Fetch"))
    client.logout()


def case_peeks_and_marks_seen():
    client = imap()
    fresh(client, "Seen", 1)
    ok(client.fetch("1", "(BODY.PEEK[TEXT])"))
    assert "\\Seen" not in ok(client.fetch("1", "(FLAGS)"))[0].decode()
    ok(client.fetch("1", "(BODY[TEXT])"))
    contains(ok(client.fetch("1", "(FLAGS)"))[0].decode(), "\\Seen")
    ok(client.delete("Seen"))
    client.logout()


def case_stores_flags_and_keywords():
    client = imap()
    fresh(client, "Flags", 3)

    def flags(number):
        return set(imaplib.ParseFlags(ok(client.fetch(str(number), "(FLAGS)"))[0])) - {b"\\Recent"}

    ok(client.store("1:2", "FLAGS", "(\\Flagged $Label1)"))
    equal(flags(2), {b"\\Flagged", b"$Label1"})
    ok(client.store("2", "+FLAGS", "(\\Answered)"))
    ok(client.store("2", "-FLAGS", "($Label1)"))
    equal(flags(2), {b"\\Flagged", b"\\Answered"})
    data = client.store("3", "+FLAGS.SILENT", "(\\Draft)")
    equal(ok(data), [None], "SILENT says nothing")
    equal(flags(3), {b"\\Draft"})
    uid = ok(client.uid("SEARCH", "DRAFT"))[0]
    ok(client.uid("STORE", uid, "FLAGS", "()"))
    equal(flags(3), set())
    ok(client.delete("Flags"))
    client.logout()


def case_searches():
    client = imap()
    fresh(client, "Find")
    ok(client.append("Find", "(\\Seen)", '"01-Jan-2020 10:00:00 +0000"', MESSAGE.encode()))
    ok(client.append(
        "Find", "(\\Flagged)", '"02-Feb-2021 10:00:00 +0000"',
        "From: Änne <anne@x.example>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\nein Äpfelchen\r\n".encode()))
    client.noop()
    for criteria, wanted in (
        ("ALL", b"1 2"), ("SEEN", b"1"), ("UNSEEN", b"2"), ("FLAGGED", b"2"), ("NOT FLAGGED", b"1"),
        ('SUBJECT "afternoon"', b"1"), ('FROM "foobar"', b"1"), ('TO "mooch"', b"1"), ('CC "q@x"', b"1"),
        ('HEADER Message-Id "B27397"', b"1"), ('BODY "3:30 tomorrow"', b"1"), ('TEXT "blurdybloop"', b"1"),
        ("SINCE 01-Jan-2021", b"2"), ("BEFORE 01-Jan-2021", b"1"), ("ON 01-Jan-2020", b"1"),
        ("SENTBEFORE 01-Jan-1995", b"1"), ("LARGER 400", b"1"), ("SMALLER 400", b"2"),
        ("OR SEEN FLAGGED", b"1 2"), ("1:* (SEEN FLAGGED)", b""), ("UID 1:*", b"1 2"), ('BODY "absent"', b""),
        ("KEYWORD nope", b""), ("UNKEYWORD nope", b"1 2"), ("DELETED", b""), ("UNDELETED UNANSWERED UNDRAFT", b"1 2"),
    ):
        equal(ok(client.search(None, criteria))[0].strip(), wanted, criteria)
    for text in ("Grüße", "äpfel"):
        client.literal = text.encode()
        equal(ok(client.search("UTF-8", "TEXT"))[0].strip(), b"2", text)
    kind, data = client.search("X-NONE", 'TEXT "a"')
    equal(kind, "NO")
    contains(data[0].decode(), "BADCHARSET")
    ok(client.delete("Find"))
    client.logout()


def case_copies_moves_expunges():
    client = imap()
    fresh(client, "Two")
    fresh(client, "One", 4)
    ok(client.copy("1:2", "Two"))
    matches(str(client.untagged_responses.get("COPYUID") or client.response("COPYUID")), r"\d+ \d+:\d+ \d+:\d+")
    equal(client.copy("1", "Nowhere")[0], "NO")
    contains(str(client._simple_command("COPY", "1", "Nowhere")[1]), "TRYCREATE")
    ok(client._simple_command("MOVE", "3", "Two"))
    equal(ok(client.search(None, "ALL"))[0], b"1 2 3", "after MOVE")
    uid = ok(client.uid("SEARCH", "3"))[0].decode()
    ok(client.uid("MOVE", uid, "Two"))
    equal(ok(client.search(None, "ALL"))[0], b"1 2", "after UID MOVE")
    uids = ok(client.uid("SEARCH", "ALL"))[0].decode().split()
    ok(client.store("1:2", "+FLAGS.SILENT", "\\Deleted"))
    ok(client.uid("EXPUNGE", uids[1]))
    equal(ok(client.uid("SEARCH", "ALL"))[0].decode().split(), uids[:1], "UID EXPUNGE takes only what is named")
    client.response("EXPUNGE")
    equal(ok(client.expunge()), [b"1"])
    equal(ok(client.select("Two")), [b"4"])
    for name in ("One", "Two"):
        ok(client.delete(name))
    client.logout()


def case_status_and_quota():
    client = imap()
    fresh(client, "Stat", 2)
    line = ok(client.status("Stat", "(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE HIGHESTMODSEQ)"))[0].decode()
    matches(line, r"MESSAGES 2\b.*UNSEEN 2\b")
    matches(line, r"SIZE [1-9]\d*\b")
    equal(client.status("Nowhere", "(MESSAGES)")[0], "NO")
    equal(client.getquotaroot("INBOX"), ("OK", [[b"INBOX"], [None]]), "nothing is limited")
    martlet("account", "quota", ACCOUNT, "1gb")
    kind, (roots, quota) = client.getquotaroot("INBOX")
    equal(kind, "OK")
    root = matches(roots[0].decode(), r'^"?INBOX"? ("[^"]*"|\S+)$').group(1)
    contains(quota[0].decode(), root)
    ok(client.getquota(root))
    martlet("account", "quota", ACCOUNT, "unlimited")
    equal(client.getquota(root)[0], "NO", "no limit, no root")
    ok(client.delete("Stat"))
    client.logout()


def case_extensions_of_list():
    with raw() as wire:
        wire.imap("z", "DELETE Special", want=None)
        wire.imap("a", "CREATE Special (USE (\\All))", want=None)
        lines, _ = wire.imap("b", 'LIST (SPECIAL-USE) "" "*"')
        text = "\n".join(lines)
        for use in ("\\Sent", "\\Drafts", "\\Junk", "\\Trash", "\\Archive"):
            contains(text, use)
        assert '"/" INBOX' not in text and '"INBOX"' not in text, text
        lines, _ = wire.imap("c", 'LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN)')
        lines, _ = wire.imap("d", 'LIST "" (INBOX "S%") RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))')
        contains("\n".join(lines), "* STATUS INBOX (")
        wire.imap("e", "SUBSCRIBE Sent")
        lines, _ = wire.imap("f", 'LIST "" "*" RETURN (SUBSCRIBED)')
        assert any("\\Subscribed" in line and "Sent" in line for line in lines), lines
        lines, _ = wire.imap("g", 'LIST "" ""')
        matches(lines[0], r'\* LIST \(\\Noselect\) "/" ""')
        wire.imap("h", "DELETE Special", want=None)
        wire.imap("i", "LOGOUT")


def case_namespace_id_enable_noop_check():
    with raw() as wire:
        equal(wire.imap("a", "NAMESPACE")[0], ['* NAMESPACE (("" "/")) (("Shared/" "/")) NIL'])
        matches(wire.imap("b", 'ID ("name" "walker" "version" NIL)')[0][0], r'\* ID \(.*"name" "Martlet"')
        wire.imap("c", "ID NIL")
        equal(wire.imap("d", "ENABLE CONDSTORE X-NOTHING")[0], ["* ENABLED CONDSTORE"])
        wire.imap("e", "NOOP")
        wire.imap("f", "SELECT INBOX")
        wire.imap("g", "CHECK")
        wire.imap("h", "FROBNICATE", want="BAD")
        wire.imap("i", "SELECT", want="BAD")
        wire.imap("j", "LOGOUT")


def case_literals_of_both_kinds():
    with raw() as wire:
        wire.send("a STATUS {5}\r\n")
        contains(wire.line().decode(), "+ ")
        wire.send("INBOX (MESSAGES)\r\n")
        wire.imap_result("a")
        wire.imap("b", "STATUS {5+}\r\nINBOX (MESSAGES)")
        wire.send("c APPEND INBOX {12+}\r\nA: b\r\n\r\nx\r\n\r\n")
        contains(wire.imap_result("c")[1], "APPENDUID")
        wire.send("d NOOP\r\ne NOOP\r\nf LOGOUT\r\n")
        for tag in "def":
            wire.imap_result(tag)


def case_extended_search():
    client = imap()
    fresh(client, "Ext", 5)
    client.logout()
    with raw() as wire:
        wire.imap("a", "SELECT Ext")
        equal(wire.imap("b", "SEARCH RETURN (MIN MAX COUNT) 2:4")[0], ['* ESEARCH (TAG "b") MIN 2 MAX 4 COUNT 3'])
        matches(wire.imap("c", "UID SEARCH RETURN () ALL")[0][0], r'\* ESEARCH \(TAG "c"\) UID ALL [\d:,]+$')
        equal(wire.imap("d", "SEARCH RETURN (ALL) 1,3")[0], ['* ESEARCH (TAG "d") ALL 1,3'])
        equal(wire.imap("e", "SEARCH RETURN (COUNT) KEYWORD none")[0], ['* ESEARCH (TAG "e") COUNT 0'])
        wire.imap("f", "DELETE Ext")


def case_condstore():
    client = imap()
    fresh(client, "Mod", 3)
    client.logout()
    with raw() as wire:
        lines, _ = wire.imap("a", "SELECT Mod (CONDSTORE)")
        start = int(matches("\n".join(lines), r"HIGHESTMODSEQ (\d+)").group(1))
        lines, _ = wire.imap("b", "STORE 1 (UNCHANGEDSINCE %d) +FLAGS (\\Flagged)" % start)
        now = int(matches("\n".join(lines), r"FETCH \(.*MODSEQ \((\d+)\)").group(1))
        assert now > start, (now, start)
        lines, text = wire.imap("c", f"STORE 1,2 (UNCHANGEDSINCE {start}) +FLAGS (\\Seen)", want=None)
        contains(text, "[MODIFIED 1]")
        lines, _ = wire.imap("d", f"FETCH 1:* (FLAGS) (CHANGEDSINCE {start})")
        equal(sorted(int(line.split()[1]) for line in lines), [1, 2], "changed since")
        lines, _ = wire.imap("e", f"SEARCH MODSEQ {now}")
        matches(lines[0], r"\* SEARCH 1 2 \(MODSEQ \d+\)|\* SEARCH 2 1 \(MODSEQ \d+\)")
        matches(wire.imap("f", "STATUS Mod (HIGHESTMODSEQ)")[0][0], r"HIGHESTMODSEQ [1-9]")
        matches(wire.imap("g", "FETCH 3 (MODSEQ)")[0][0], r"MODSEQ \(\d+\)")
        wire.imap("h", "DELETE Mod")


def case_idle_hears_of_others():
    client = imap()
    fresh(client, "Idle", 1)
    with raw() as wire:
        wire.imap("a", "SELECT Idle")
        wire.send("b IDLE\r\n")
        contains(wire.line().decode(), "+ ")
        ok(client.append("Idle", "()", None, b"Subject: new\r\n\r\nx\r\n"))
        lines = [wire.line().decode()]
        while not any("EXISTS" in line for line in lines):
            lines.append(wire.line().decode())
        contains("\n".join(lines), "* 2 EXISTS")
        ok(client.store("1", "+FLAGS", "(\\Flagged)"))
        line = wire.line().decode()
        while "FETCH" not in line:
            line = wire.line().decode()
        matches(line, r"\* 1 FETCH \(.*\\Flagged")
        ok(client.store("1", "+FLAGS.SILENT", "(\\Deleted)"))
        ok(client.expunge())
        line = wire.line().decode()
        while "EXPUNGE" not in line:
            line = wire.line().decode()
        equal(line, "* 1 EXPUNGE")
        wire.send("DONE\r\n")
        wire.imap_result("b")
        wire.imap("c", "LOGOUT")
    ok(client.delete("Idle"))
    client.logout()


def case_two_sessions_keep_their_numbers():
    first, second = imap(), imap()
    fresh(first, "Pair", 4)
    ok(second.select("Pair"))
    ok(first.store("2", "+FLAGS.SILENT", "(\\Deleted)"))
    ok(first.expunge())
    # No EXPUNGE may be told during FETCH: number 3 is still the third message here.
    answer = ok(second.fetch("3", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    contains(answer[0][1].decode(), "number 3")
    second.noop()
    equal(second.response("EXPUNGE")[1], [b"2"], "told at NOOP")
    answer = ok(second.fetch("3", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    contains(answer[0][1].decode(), "number 4")
    ok(second.close())
    ok(first.delete("Pair"))
    first.logout()
    second.logout()


def case_new_mail_arrives_while_selected():
    empty()
    client = imap()
    ok(client.select("INBOX"))
    deliver(subject="while selected")
    client.noop()
    contains(str(client.response("EXISTS")), "1")
    client.logout()


def case_thousand_messages_pipelined():
    client = imap()
    fresh(client, "Many")
    with raw() as wire:
        wire.send(b"".join(
            b"a%d APPEND Many {14+}\r\nSubject: x\r\n\r\n\r\n" % number for number in range(300)))
        for number in range(300):
            wire.imap_result(f"a{number}")
        lines, _ = wire.imap("s", "SELECT Many")
        contains("\n".join(lines), "* 300 EXISTS")
        lines, _ = wire.imap("f", "UID FETCH 1:* (UID FLAGS)")
        equal(len(lines), 300)
        wire.imap("d", "DELETE Many")
    client.logout()


def case_pipelines_around_changes_of_framing():
    """What follows IDLE, AUTHENTICATE or a message in one write is taken as what it is, in every state."""
    import base64
    empty()
    message = b"Subject: x\r\n\r\n"
    with Wire(993, tls=True) as wire:
        wire.line()
        plain = base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode())
        wire.send(b"a CAPABILITY\r\nb NOOP\r\nc AUTHENTICATE PLAIN " + plain + b"\r\nd SELECT INBOX\r\ne NOOP\r\nf IDLE\r\n")
        for tag in "abcde":
            wire.imap_result(tag)
        contains(wire.line().decode(), "+ ")
        wire.send(b"DONE\r\ng NOOP\r\nh IDLE\r\nDONE\r\ni NOOP\r\n")
        wire.imap_result("f")
        wire.imap_result("g")
        contains(wire.line().decode(), "+ ")
        wire.imap_result("h")
        wire.imap_result("i")
        append = b"{%d+}\r\n%s\r\n" % (len(message), message)
        wire.send(
            b"j APPEND Nowhere " + append + b"k APPEND INBOX " + append + b"l NOOP\r\nm APPEND {5+}\r\nINBOX (\\Seen) "
            + append + b"n APPEND INBOX (" + append + b"o APPEND INBOX " + append + b"p NOOP\r\n")
        contains(wire.imap_result("j", "NO")[1], "TRYCREATE")
        contains(wire.imap_result("k")[1], "APPENDUID")
        wire.imap_result("l")
        wire.imap_result("m")
        wire.imap_result("n", "BAD")
        wire.imap_result("o")
        wire.imap_result("p")
        equal(wire.imap("q", "STATUS INBOX (MESSAGES UNSEEN)")[0], ["* STATUS INBOX (MESSAGES 3 UNSEEN 2)"])
        wire.send("r LOGOUT\r\ns NOOP\r\n")
        wire.imap_result("r")
        equal(wire.rest(), b"", "nothing behind LOGOUT is answered")


if __name__ == "__main__":
    main(globals())
