"""IMAP clients that mean harm or know no better. Each case ends by looking whether others are still served, and none may
cost the server more than a little memory. Cases for every protocol at once stand in hostile_cases.py."""
import threading
import zlib

from common import *
from resources import growth_at_most, open_files

#: A piece of a gigabyte that is sent again and again.
PIECE = b"x" * 65536


# MARK: what the cases share

def others_are_served():
    client = imap(SECOND)
    equal(client.select("INBOX")[0], "OK")
    client.noop()
    client.logout()


def bare(tls=True):
    wire = Wire(993 if tls else 143, tls=tls)
    wire.line()
    return wire


def session(login=ACCOUNT, mailbox="INBOX"):
    wire = bare()
    wire.imap("L", f'LOGIN {login} "{PASSWORD}"')
    if mailbox:
        wire.imap("S", f"SELECT {mailbox}")
    return wire


def messages(login=ACCOUNT, mailbox="INBOX"):
    with session(login, None) as wire:
        lines, _ = wire.imap("m", f"STATUS {mailbox} (MESSAGES)")
        return int(matches(lines[0], r"MESSAGES (\d+)").group(1))


def append(wire, text, mailbox="INBOX"):
    wire.send(f"A APPEND {mailbox} {{{len(text)}+}}\r\n".encode() + text + b"\r\n")
    return wire.imap_result("A")


def pour(wire, octets):
    """Sends so many octets, or as many as the server takes; the octets that went."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < octets:
            wire.socket.sendall(PIECE[:octets - sent])
            sent += min(len(PIECE), octets - sent)
    return sent


def last_words(wire):
    """What is still said, to the end of the stream."""
    try:
        return wire.rest()
    except OSError:
        return b""


def count_to_tag(wire, tag):
    """Reads an answer of any size without keeping it; its octets."""
    wanted, tail, count = b"\r\n" + tag.encode() + b" ", wire.buffer, 0
    wire.buffer = b""
    while True:
        at = tail.find(wanted)
        if at >= 0 and b"\r\n" in tail[at + 2:]:
            assert tail[at + 2:].startswith(tag.encode() + b" OK"), tail[at:at + 200]
            return count + at + 2
        keep = tail[at:] if at >= 0 else tail[-len(wanted):]
        count += len(tail) - len(keep)
        more = wire.socket.recv(262144)
        assert more, "the stream ended early"
        tail = keep + more


# MARK: many commands, long ones, and numbers

def case_a_thousand_commands_at_once():
    empty()
    with session() as wire, growth_at_most(16):
        append(wire, b"Subject: one\r\n\r\nx\r\n")
        commands = ["NOOP", "FETCH 1 (FLAGS)", "SEARCH ALL", "STATUS INBOX (MESSAGES)", "STORE 1 +FLAGS (\\Seen)", "NONSENSE"]
        asked = [f"c{number} {commands[number % 5]}\r\n" for number in range(1000)]
        wire.send("".join(asked))
        for number in range(1000):
            wire.imap_result(f"c{number}")
    others_are_served()


def case_ten_thousand_commands_that_nobody_reads_the_answers_of():
    """What is not read is not answered, and what is not answered is not read."""
    with session() as wire, growth_at_most(16):
        append(wire, b"Subject: one\r\n\r\n" + b"text\r\n" * 5000)
        wire.socket.settimeout(1)
        with contextlib.suppress(OSError):
            for _ in range(100):
                wire.send("c FETCH 1:* BODY.PEEK[]\r\n" * 1000)
        others_are_served()
    others_are_served()


def case_million_element_sets():
    """Sets longer than a line may be are refused; those that fit in one are answered, however many ranges they have."""
    empty()
    with session() as wire, growth_at_most(32):
        append(wire, b"Subject: one\r\n\r\nx\r\n")
        million = ",".join(str(number) for number in range(1, 1_000_001))
        for command in ("FETCH %s (FLAGS)", "UID FETCH %s (FLAGS)", "STORE %s FLAGS ()", "COPY %s INBOX", "UID MOVE %s INBOX",
                        "UID EXPUNGE %s", "SEARCH %s", "SEARCH UID %s", "UID SORT (DATE) UTF-8 UID %s"):
            line = b""
            with session() as refused, contextlib.suppress(OSError):
                refused.send(f"m {command % million}\r\n")
                line = refused.line()
            assert line.startswith((b"m BAD", b"* BYE")), (command, line[:200])
    with session() as wire, growth_at_most(32):
        # As many as a line takes: 1,1,1,… and 2:1 upside down.
        for element, count in (("1", 32_000), ("1:*", 16_000), ("*:1", 16_000), ("4294967295:1", 5_000), ("*", 32_000)):
            text = ",".join([element] * min(count, 19_999, 65_000 // (len(element) + 1)))
            lines, answer = wire.imap("f", f"FETCH {text} (FLAGS)", want=None)
            # A number beyond the last is no message's.
            assert (answer.startswith("f OK") and len(lines) == 1) or (answer.startswith("f BAD") and "4294967295" in element), answer
            wire.imap("s", f"SEARCH UID {text}")
        few = ",".join(str(number * 3) for number in range(1, 9_000))
        lines, _ = wire.imap("q", f"UID SEARCH UID {few}")
        wire.imap("v", f"UID STORE {few} +FLAGS.SILENT (\\Flagged)")
    others_are_served()


def case_sets_at_the_edge():
    empty()
    with session() as wire:
        for number in range(3):
            append(wire, f"Subject: {number}\r\n\r\nx\r\n".encode())
        wire.imap("s", "SELECT INBOX")
        for text in ("0", "0:1", "1:0", "4294967296", "1:4294967296", "99999999999999999999", "-1", "1:", ":1", ",1", "1,", "1,,2",
                     "*:*:*", "1:2:3", "**", "+1", "0x1", "1;2", "1 2", "\"1\"", "(1)", "$$", "\u0661", "1e3"):
            _, answer = wire.imap("b", f"UID FETCH {text} (FLAGS)".encode(), want=None)
            matches(answer, r"^b (BAD|NO) ", text)
            wire.imap("n", "NOOP")
        for text, count in (("1:4294967295", 3), ("4294967295:1", 3), ("4294967295:*", 1), ("*:*", 1),
                            ("*", 1), ("*:4294967295", 1), ("1:*", 3), ("4000000000:4294967295", 0), ("4294967295", 0)):
            # `*` is the largest in use, so that a range up to it has a message at least. RFC 3501 §6.4.8
            equal(len(wire.imap("u", f"UID FETCH {text} (FLAGS)")[0]), count, text)
        # Sequence numbers beyond the last are BAD or match nothing; never something else's messages.
        lines, answer = wire.imap("x", "FETCH 4294967295 (FLAGS)", want=None)
        equal(lines, [], answer)
        lines, answer = wire.imap("x", "FETCH 1:4294967295 (FLAGS)", want=None)
        assert len(lines) in (0, 3), lines
        for text in ("BODY[]<0.4294967295>", "BODY[]<4294967295.1>", "BODY[4294967295]", "BODY[1.1.1.1.1.1]"):
            wire.imap("y", f"FETCH 1 {text}", want=None)
        for text in ("BODY[]<0.0>", "BODY[]<-1.5>", "BODY[0]", "BODY[1.0]", "BODY[]<5>", "BODY[]<0.1",
                     "BODY[", "BODY[MIME]", "BODY[1.MIME.2]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS (a", "BINARY[HEADER]",
                     "BINARY.SIZE[]<0.1>", "BODY[99999999999999999999]"):
            _, answer = wire.imap("z", f"FETCH 1 {text}", want=None)
            matches(answer, r"^z BAD ", text)
            wire.imap("n", "NOOP")
        for key in ("LARGER 99999999999999999999", "SMALLER -1", "MODSEQ 99999999999999999999999", "OLDER 0", "YOUNGER 99999999999"):
            _, answer = wire.imap("k", f"SEARCH {key}", want=None)
            matches(answer, r"^k (BAD|OK) ", key)
    others_are_served()


def case_deep_searches():
    with session() as wire, growth_at_most(16):
        for depth in (100, 1000, 10_000):
            for text in ("(" * depth + "ALL" + ")" * depth, "NOT " * depth + "ALL", "OR " * depth + "ALL " * (depth + 1),
                         "(" * depth, "OR (NOT " * depth + "ALL", "FUZZY " * depth + "ALL"):
                _, answer = wire.imap("d", f"SEARCH {text.strip()}", want=None)
                matches(answer, r"^d (BAD|NO) ", (depth, text[:20]))
                wire.imap("n", "NOOP")
        # What is not too deep is answered, however odd.
        lines, _ = wire.imap("o", "SEARCH " + "NOT " * 20 + "ALL")
        wire.imap("o", "SEARCH " + "(" * 20 + "ALL" + ")" * 20)
        for command in ("THREAD REFERENCES UTF-8 " + "(" * 10_000, "SORT (" + "REVERSE " * 5000 + "DATE) UTF-8 ALL",
                        "FETCH 1 " + "(" * 10_000 + "FLAGS", "LIST (" + "SUBSCRIBED " * 5000 + ') "" *', 'LIST "" (' + "* " * 5000 + ")",
                        "STATUS INBOX (" + "MESSAGES " * 5000 + ")", "STORE 1 FLAGS (" + "a " * 20_000 + ")",
                        "FETCH 1 (BODY[" + "1." * 20_000 + "1])", "FETCH 1 BODY[HEADER.FIELDS (" + "a " * 20_000 + "a)]"):
            _, answer = wire.imap("w", command, want=None)
            matches(answer, r"^w (BAD|NO|OK) ", command[:30])
            wire.imap("n", "NOOP")
    others_are_served()


def case_long_lines():
    """A line that is too long is dropped while it comes, and the next one is read."""
    with session() as wire, growth_at_most(16):
        for octets in (65_000, 70_000, 900_000):
            wire.send(b"a SEARCH SUBJECT \"" + b"x" * octets + b"\"\r\nb NOOP\r\n")
            first = wire.line()
            matches(first.decode(), r"^(\* SEARCH|a OK|a BAD)", octets)
            wire.imap_result("b")
        wire.send(b"c ")
        pour(wire, 64 << 20)
        contains(last_words(wire).decode(), "BYE")
    for plain in (True, False):
        with bare(tls=not plain) as wire, growth_at_most(16):
            pour(wire, 64 << 20)
            contains(last_words(wire).decode() or "BYE", "BYE")
    others_are_served()


def case_octets_that_no_command_has():
    """NUL, lone CR, control octets and 8-bit octets in any place of a command."""
    with session() as wire:
        for octet in [0, *range(1, 10), 11, 12, 13, *range(14, 32), 127, 128, 192, 255]:
            piece = bytes([octet])
            for text in (piece + b"NOOP", b"NO" + piece + b"OP", b"SELECT IN" + piece + b"BOX", b"SEARCH SUBJECT \"a" + piece + b"b\"",
                         b"FETCH 1 (FLAGS" + piece + b")", b"STORE 1 FLAGS (a" + piece + b")", b"LIST \"" + piece + b"\" \"*\"",
                         b"SEARCH SUBJECT {1+}\r\n" + piece, b"ID (\"name\" \"" + piece + b"\")", b"ENABLE " + piece):
                _, answer = wire.imap("o", text, want=None)
                matches(answer, r"^o (BAD|NO|OK) ", text)
                wire.imap("n", "NOOP")
        # A tag of such octets is none: the answer names none, or only what is grammar.
        for octet in (0, 1, 34, 37, 40, 42, 92, 123, 128, 255):
            wire.send(bytes([octet]) + b"t NOOP\r\nn NOOP\r\n")
            lines = [wire.line()]
            while not lines[-1].startswith(b"n OK"):
                lines.append(wire.line())
            matches(lines[0].decode(errors="replace"), r"^\* BAD ", octet)
    others_are_served()


# MARK: literals

def poured_in(wire, command, whole):
    """What the server says of a literal that comes unasked: 72 MiB of it where `whole` is true; nothing of a client that leaves."""
    wire.send(command + "\r\n")
    if not whole:
        pour(wire, 1 << 20)
        return ""
    pour(wire, 72 << 20)
    with contextlib.suppress(OSError):
        wire.send(b"\r\nz LOGOUT\r\n")
    return last_words(wire).decode(errors="replace")


def case_gigabyte_literals_before_login():
    for literal, follows in (("{1073741824}", False), ("{1073741824+}", True), ("~{1073741824}", False), ("~{1073741824+}", True),
                             ("{18446744073709551616+}", True), ("{4294967296}", False)):
        for command in (f"a LOGIN {literal}", f"a LOGIN alice {literal}", f"a AUTHENTICATE {literal}", f"a NOOP {literal}",
                        f"a APPEND INBOX {literal}", literal):
            with bare() as wire, growth_at_most(12):
                if follows:
                    said = poured_in(wire, command, command.startswith("a LOGIN {"))
                    assert "BYE" in said or "BAD" in said or said == "", (command, said)
                else:
                    wire.send(command + "\r\n")
                    matches(wire.line().decode(), r"BAD|NO|BYE", command)
    others_are_served()


def case_gigabyte_literals_after_login():
    """A message is refused before it is sent; one that comes without being asked for is dropped, or the connection ends."""
    empty()
    for literal, follows in (("{1073741824}", False), ("{1073741824+}", True), ("~{1073741824}", False), ("~{1073741824+}", True),
                             ("{60000000+}", True), ("{99999999999999999999+}", True)):
        for command in (f"a APPEND INBOX {literal}", f"a APPEND INBOX (\\Seen) {literal}", f"a APPEND INBOX UTF8 ({literal}",
                        f"a APPEND INBOX CATENATE (TEXT {literal}", f"a APPEND {literal}", f"a SEARCH TEXT {literal}",
                        f"a CREATE {literal}", f"a REPLACE 1 INBOX {literal}", f"a SETMETADATA INBOX (/private/comment {literal}",
                        f"a APPEND NoSuchMailbox {literal}"):
            with session() as wire, growth_at_most(24):
                if follows:
                    said = poured_in(wire, command, command.startswith("a APPEND INBOX {"))
                    assert "a OK" not in said, (command, said)
                else:
                    wire.send(command + "\r\n")
                    matches(wire.line().decode(), r"^(a (NO|BAD)|\* BYE)", command)
    equal(messages(), 0, "appended")
    others_are_served()


def case_literals_that_are_cut():
    """Who leaves in the middle of a literal has put nothing in and leaves no file behind."""
    empty()
    before = open_files()
    heads = ["APPEND INBOX {10000000+}", "APPEND INBOX {10000000}", "APPEND INBOX (\\Seen) ~{10000000+}", "APPEND INBOX UTF8 (~{10000000+}",
             "APPEND INBOX {5+}\r\nSubje {10000000+}", "APPEND INBOX CATENATE (TEXT {10000000+}", "REPLACE 1 INBOX {10000000+}",
             "SEARCH TEXT {50000+}", "LOGIN {500+}"]
    for head in heads:
        for octets in (0, 1, 1000, 300_000, 5_000_000):
            wire = session()
            wire.send(f"a {head}\r\n")
            if "+}" not in head:
                contains(wire.line().decode(), "+")
            pour(wire, octets)
            if octets == 1000:
                # A reset, not an end.
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()
    equal(messages(), 0, "appended")
    until(lambda: open_files() <= before + 4, lambda: f"{open_files()} open files, {before} before")
    others_are_served()


def case_many_half_appends():
    """A hundred sessions in the middle of a message cost files, not memory."""
    empty()
    before = open_files()
    wires = []
    with growth_at_most(96):
        for number in range(40):
            wire = session()
            wire.send("a APPEND INBOX {50000000+}\r\nSubject: half\r\n\r\n")
            pour(wire, 3_000_000)
            wires.append(wire)
        others_are_served()
        for wire in wires:
            wire.close()
    equal(messages(), 0)
    until(lambda: open_files() <= before + 4, lambda: f"{open_files()} open files, {before} before")
    others_are_served()


# MARK: names

def case_names_of_every_octet():
    """Every octet, as quoted string and as literal, before and after UTF-8 is switched on: taken or refused, and LIST stays readable."""
    def walk(wire, ordinary):
        made = 0
        for octet in range(256):
            name = b"n" + bytes([octet]) + b"m"
            for number, text in enumerate((b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"', b"{3+}\r\n" + name)):
                if number == 0 and octet in (10, 13):
                    continue
                _, answer = wire.imap("c", b"CREATE " + text, want=None)
                matches(answer, r"^c (OK|NO|BAD) ", octet)
                if answer.startswith("c OK"):
                    made += 1
                    lines, _ = wire.imap("l", b"LIST \"\" " + text)
                    # A wildcard in a pattern finds others, too.
                    assert lines or octet in b"*%", (octet, lines)
                    wire.imap("s", b"STATUS " + text + b" (MESSAGES)")
                    wire.imap("d", b"DELETE " + text, want=None)
                elif octet in ordinary:
                    assert "ALREADYEXISTS" in answer, (octet, answer)
                wire.imap("n", "NOOP")
        return made

    letters = set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;-_!#$'()+=?@[]^`{|}~")
    with session(mailbox=None) as wire:
        before = wire.imap("b", 'LIST "" "*"')[0]
        assert walk(wire, letters) >= 2 * len(letters)
        wire.imap("e", "ENABLE UTF8=ACCEPT")
        assert walk(wire, letters) >= 2 * len(letters)
        for name in wire.imap("b", 'LIST "" "n*"')[0]:
            wire.imap("x", "DELETE " + name.rsplit(' "/" ', 1)[1])
        equal(len(wire.imap("b", 'LIST "" "*"')[0]), len(before))
    others_are_served()


BROKEN_UTF7 = [
    b"&", b"a&", b"&a", b"&A-", b"&AA-", b"&AAA-", b"&-&", b"&&-", b"&Jj", b"&Jjo", b"&Jjo--", b"&-a&", b"&AGE-", b"&AGEAYg-",
    b"&Jjo-&Jjo-", b"&2AA-", b"&2ADcAA-", b"&3AA-", b"&3ADYAA-", b"&AAE-", b"&AAo-", b"&AH8-", b"&/wA-", b"&,,,-", b"&//8-", b"&JjoA-",
    b"&Jjp-", b"&*-", b"& -", b"&\xc3\xa4-", b"&AOQ", b"&AOR-", b"&AOS-", b"&AOT-", b"&AOQ=-", b"&AOQA5A-", b"&AOQ-&AOQ-", b"+AOQ-", b"&aOQ/-",
    b"INBOX&", b"&ACI-", b"&AC8-", b"&ACUAJQ-", b"&ACo-", b"&AFw-", b"&ACY-", b"&,AAA-", b"&AAAAAA-", b"&//////////8-",
]


def case_broken_utf7_and_utf8():
    """A name is what its octets decode to, in one way only; what decodes to nothing or in a second way is no name."""
    with session(mailbox=None) as wire:
        for name in BROKEN_UTF7:
            for text in (b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"', b"{%d+}\r\n%s" % (len(name), name)):
                _, answer = wire.imap("c", b"CREATE " + text, want=None)
                matches(answer, r"^c (OK|NO|BAD) ", name)
                if answer.startswith("c OK"):
                    lines, _ = wire.imap("l", b"LIST \"\" " + text)
                    told = [line.rsplit(' "/" ', 1)[1].strip('"').encode() for line in lines]
                    assert name in told or re.search(rb"[*%]", name), (name, lines)
                    wire.imap("d", b"DELETE " + text)
                for command in (b"SELECT ", b"SUBSCRIBE ", b"LIST \"\" ", b"LIST ", b"STATUS ", b"RENAME INBOX ", b"APPEND "):
                    more = {b"LIST ": b" *", b"STATUS ": b" (MESSAGES)", b"APPEND ": b" {1+}\r\nx"}.get(command, b"")
                    wire.imap("u", b"UNSUBSCRIBE " + text, want=None)
                    _, answer = wire.imap("x", command + text + more, want=None)
                    matches(answer, r"^x (OK|NO|BAD) ", (command, name))
                    wire.imap("n", "NOOP")
                wire.imap("d", b"DELETE " + text, want=None)
                wire.imap("u", b"UNSUBSCRIBE " + text, want=None)
        wire.imap("e", "ENABLE UTF8=ACCEPT")
        for name in (b"\xff", b"\xc3", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
                     b"\x80", b"a\xc3", b"\xef\xbf\xbe", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xc2\x80", b"\xe2\x80\xae", b"&AOQ-"):
            for text in (b'"' + name + b'"', b"{%d+}\r\n%s" % (len(name), name)):
                _, answer = wire.imap("c", b"CREATE " + text, want=None)
                matches(answer, r"^c (OK|NO|BAD) ", name)
                wire.imap("l", 'LIST "" "*"')
                wire.imap("d", b"DELETE " + text, want=None)
                wire.imap("n", "NOOP")
        for name in ("/", "//", "a//b", "/a", "a/", "..", "../a", "a/../b", ".", "a/./b", "~", "INBOX/INBOX", "inbox/x", "x" * 1100, "/".join("abcdefghij" * 20),
                     " ", "a ", " a", "", "%", "*", "#shared", "user", "Shared Folders", "NIL", "con", "a\u0301", "\u212b"):
            text = b"{%d+}\r\n%s" % (len(name.encode()), name.encode())
            _, answer = wire.imap("c", b"CREATE " + text, want=None)
            matches(answer, r"^c (OK|NO|BAD) ", name)
            wire.imap("l", 'LIST "" "*"')
            wire.imap("d", b"DELETE " + text, want=None)
            wire.imap("n", "NOOP")
    with session(mailbox=None) as wire:
        for line in wire.imap("l", 'LIST "" "*"')[0]:
            name = line.rsplit(' "/" ', 1)[1]
            if not re.search(r"INBOX$|\\(Sent|Drafts|Trash|Junk|Archive)", line):
                wire.imap("d", "DELETE " + name, want=None)
    others_are_served()


# MARK: who doesn't read, or reads slowly, or half closes

def fill_with_large(wire, count=1, megabytes=50):
    line = b"y" * 74 + b"\r\n"
    body = b"Subject: large\r\n\r\n" + line * (megabytes * 1_000_000 // len(line))
    for _ in range(count):
        append(wire, body)
    return len(body)


def case_clients_that_never_read():
    """Ten clients ask for a message of fifty megabytes, and for everything, again and again, and read nothing."""
    empty()
    with session() as wire:
        fill_with_large(wire)
        for number in range(200):
            append(wire, b"Subject: small %d\r\n\r\n" % number + b"text\r\n" * 2000)
    stalled = []
    try:
        with growth_at_most(48):
            for number in range(10):
                wire = session()
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                wire.send(["a FETCH 1 BODY.PEEK[]\r\n", "a FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[])\r\n",
                           "a FETCH 1 BINARY.PEEK[1]\r\n", "a UID FETCH 2:* BODY.PEEK[TEXT]\r\n" * 300,
                           "a FETCH 1:* (UID FLAGS)\r\n" * 2000][number % 5])
                stalled.append(wire)
            for _ in range(3):
                others_are_served()
                with session() as wire:
                    wire.imap("f", "FETCH 2 BODY.PEEK[]")
                    wire.imap("x", "STORE 2 +FLAGS (\\Flagged)")
            deliver(subject="meanwhile")
            until(lambda: messages() == 202, "mail is delivered meanwhile")
    finally:
        for wire in stalled:
            wire.close()
    others_are_served()
    empty()


def case_a_slow_reader_slows_only_itself():
    """Fifty megabytes, read in small sips, with everything that others do between the sips."""
    empty()
    with session() as wire:
        octets = fill_with_large(wire)
    # Less than the message; its text may be on its way into the search index meanwhile, which takes some 30 in a debug build.
    with session() as slow, session(SECOND) as other, growth_at_most(44):
        slow.send("a FETCH 1 BODY.PEEK[]\r\n")
        for number in range(300):
            assert slow.socket.recv(512)
            other.imap(f"n{number}", "NOOP")
        others_are_served()
        count_to_tag(slow, "a")
    with session() as wire:
        wire.send("a FETCH 1 BODY.PEEK[]\r\n")
        equal(count_to_tag(wire, "a") - len(f"* 1 FETCH (BODY[] {{{octets}}}\r\n)\r\n"), octets, "octets of the message")
    others_are_served()
    empty()


def case_half_closed():
    """Everything that was said before the end is answered, and the answers arrive."""
    empty()
    with session() as wire:
        append(wire, b"Subject: one\r\n\r\n" + b"text\r\n" * 100_000)
    for text in ("a FETCH 1 BODY.PEEK[]\r\nb NOOP\r\n", "a NOOP\r\nb IDLE\r\n", "a APPEND INBOX {100+}\r\nSubj", "a SEARCH TEXT {5+}\r\nab",
                 "a AUTHENTICATE PLAIN\r\n", "a SEL"):
        with bare(tls=False) as wire:
            wire.imap("t", "STARTTLS")
            raw = wire.socket.dup()
            wire.start_tls()
            wire.imap("L", f'LOGIN {ACCOUNT} "{PASSWORD}"')
            wire.imap("S", "SELECT INBOX")
            wire.send(text)
            raw.shutdown(socket.SHUT_WR)
            raw.close()
            said = last_words(wire)
            if text.startswith(("a FETCH", "a NOOP")):
                contains(said, b"a OK")
            if "FETCH" in text:
                contains(said, b"b OK")
    for text in ("a CAPABILITY\r\nb LOGOUT\r\n", "a CAPABILITY", "a CAPABILITY\r\n"):
        with bare(tls=False) as wire:
            wire.send(text)
            wire.socket.shutdown(socket.SHUT_WR)
            said = last_words(wire)
            assert b"a OK" in said or not text.endswith("\n"), (text, said)
    equal(messages(), 1, "appended")
    others_are_served()


# MARK: IDLE, AUTHENTICATE, STARTTLS, COMPRESS

def case_rubbish_in_idle():
    with session() as wire:
        for number, rubbish in enumerate((b"", b"DONE ", b" DONE", b"done", b"a2 DONE", b"DONE DONE", b"NOOP", b"x LOGOUT", b"\0", b"\xff" * 500)):
            wire.send(b"i IDLE\r\n")
            assert wire.line().startswith(b"+")
            wire.send(rubbish + b"\r\n")
            line = wire.line().decode()
            # RFC 2177 §3: DONE and nothing else ends it, in any case of letters.
            matches(line, r"^i OK" if rubbish.upper().strip() == b"DONE" and rubbish in (b"done",) else r"^i (BAD|OK)", rubbish)
            wire.imap("n", "NOOP")
        wire.send(b"i IDLE\r\n")
        assert wire.line().startswith(b"+")
        with contextlib.suppress(OSError):
            wire.send(b"y" * 3_000_000 + b"\r\n")
        matches(last_words(wire).decode(errors="replace") or "BYE", r"BYE|BAD")
    # Without DONE: sessions that say nothing more cost little, and end with their client.
    with growth_at_most(16):
        idle = [session() for _ in range(50)]
        for wire in idle:
            wire.send("i IDLE\r\n")
            wire.line()
        deliver(subject="for those who wait")
        for wire in idle:
            until(lambda wire=wire: b"EXISTS" in wire.line(), "EXISTS in IDLE")
        others_are_served()
        for wire in idle:
            wire.close()
    # IDLE in one packet with what should come after DONE, and without having waited for `+`.
    with session() as wire:
        wire.send("i IDLE\r\nDONE\r\nn NOOP\r\n" * 50)
        for _ in range(50):
            wire.imap_result("n")
    others_are_served()


def case_rubbish_in_authenticate():
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        with bare() as wire, growth_at_most(12):
            for rubbish in (b"!", b"====", b"AAA", b"\0", b"=", b"*x", b"\xff\xff", b"QQ=Q", b"AA=="):
                wire.send(f"a AUTHENTICATE {mechanism}\r\n")
                line = wire.line()
                if not line.startswith(b"+"):
                    break
                wire.send(rubbish + b"\r\n")
                line = wire.line()
                if line.startswith(b"+"):
                    wire.send(b"*\r\n")
                    line = wire.line()
                assert line.startswith((b"a BAD", b"a NO", b"* BYE")), (mechanism, rubbish, line)
                if line.startswith(b"* BYE"):
                    break
        with bare() as wire, growth_at_most(12):
            wire.send(f"a AUTHENTICATE {mechanism}\r\n")
            wire.line()
            with contextlib.suppress(OSError):
                pour(wire, 32 << 20)
            contains(last_words(wire).decode() or "BYE", "BYE")
    with bare() as wire:
        for text in ("AUTHENTICATE", "AUTHENTICATE ", "AUTHENTICATE (", 'AUTHENTICATE "PLAIN"', "AUTHENTICATE PLAIN  x", "AUTHENTICATE PLAIN = x",
                     "AUTHENTICATE \\x", "AUTHENTICATE " + "A" * 5000, "AUTHENTICATE KERBEROS_V4", "AUTHENTICATE PLAIN " + "A" * 5000):
            _, answer = wire.imap("b", text, want=None)
            matches(answer, r"^b (BAD|NO) ", text[:40])
    others_are_served()


def case_commands_behind_starttls():
    """What was said in the clear behind STARTTLS is not carried out inside TLS, however it is cut."""
    for behind in (b"b NOOP\r\n", b"b LOGIN mallory x\r\n", b"\r\n", b"b", b"\0", b"b APPEND INBOX {3+}\r\nabc\r\n", b"\x16\x03\x01"):
        with bare(tls=False) as wire:
            wire.send(b"a STARTTLS\r\n" + behind)
            said = last_words(wire)
            assert b"b OK" not in said and b"b BAD" not in said and b"b NO" not in said, said
            assert b"a OK" not in said, said
    with bare(tls=False) as wire:
        wire.send(b"a STARTTLS\r\n")
        contains(wire.line(), b"a OK")
        # Not TLS at all.
        wire.send(b"b NOOP\r\nc LOGOUT\r\n")
        said = last_words(wire)
        assert b"b OK" not in said and b"BYE" not in said, said
    with bare() as wire:
        wire.imap("a", "STARTTLS", want="BAD")
    with bare(tls=False) as wire:
        _, answer = wire.imap("l", f'LOGIN {ACCOUNT} "{PASSWORD}"', want="NO")
        contains(answer, "PRIVACYREQUIRED")
        for text in ("SELECT INBOX", "APPEND INBOX {3+}\r\nabc", "IDLE", "COMPRESS DEFLATE", "ENABLE CONDSTORE", "NOTIFY NONE", "UNAUTHENTICATE"):
            _, answer = wire.imap("n", text, want=None)
            matches(answer, r"^n BAD ", text)
    others_are_served()


class Deflated:
    """A session whose octets are compressed."""

    def __init__(self, wire):
        self.wire = wire
        wire.imap("z", "COMPRESS DEFLATE")
        assert wire.buffer == b""
        self.deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.inflater = zlib.decompressobj(-15)
        self.plain = wire.socket
        wire.socket = self

    def sendall(self, data):
        self.plain.sendall(self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, size):
        while True:
            data = self.plain.recv(size)
            if not data:
                return b""
            text = self.inflater.decompress(data)
            if text:
                return text

    def settimeout(self, seconds):
        self.plain.settimeout(seconds)

    def close(self):
        self.plain.close()


def case_compression_bombs():
    """A hundred thousand octets that mean 160 MB are inflated no faster than they are read, and dropped like the line they make."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(deflater.compress(PIECE) for _ in range(2500)) + deflater.flush(zlib.Z_SYNC_FLUSH)
    for head in (b"a ", b"a NOOP\r\n", b"a APPEND INBOX {999999999+}\r\n", b"a SEARCH TEXT {50000000+}\r\n", b"a APPEND INBOX {50000000+}\r\n"):
        with session() as wire, growth_at_most(32):
            raw = Deflated(wire)
            wire.send(head)
            with contextlib.suppress(OSError):
                # A stream of its own, as full flush allows; the window holds nothing that it needs.
                raw.plain.sendall(bomb)
            said = last_words(wire)
            assert b"BYE" in said or b"BAD" in said or b"NO" in said or b"a OK" in said or said == b"", said[:200]
        others_are_served()
    equal(messages_of_size(50_000_000), 0)
    # Commands that are nothing but the same line again: a thousand to one, and each is answered.
    with session() as wire, growth_at_most(32):
        Deflated(wire)
        wire.send(b"a NOOP\r\n" * 20_000 + b"z NOOP\r\n")
        count = 0
        while True:
            line = wire.line()
            if line.startswith(b"z OK"):
                break
            assert line.startswith(b"a OK"), line
            count += 1
        equal(count, 20_000)
    others_are_served()


def messages_of_size(octets):
    with session() as wire:
        lines, _ = wire.imap("l", f"SEARCH LARGER {octets - 1}")
        return len(lines[0].split()) - 2


def case_broken_deflate():
    """What is no DEFLATE ends the connection, and nothing of it is carried out."""
    empty()
    good = zlib.compressobj(9, zlib.DEFLATED, -15)
    for octets in (b"a NOOP\r\n", b"\xff" * 100, b"\x78\x9c" + zlib.compress(b"a NOOP\r\n")[2:], b"\x1f\x8b\x08\0" * 20, os.urandom(5000),
                   good.compress(b"a APPEND INBOX {3+}\r\nabc\r\n") + good.flush(zlib.Z_FINISH) + b"\xff\xff\xff", b"\x07" * 50, b"\0\0\0\0\0" * 100):
        with session() as wire, growth_at_most(12):
            raw = Deflated(wire)
            raw.plain.settimeout(2)
            with contextlib.suppress(OSError):
                raw.plain.sendall(octets)
            with contextlib.suppress(OSError, zlib.error):
                while wire.socket.recv(65536):
                    pass
    with session() as wire:
        _, answer = wire.imap("x", "COMPRESS DEFLATE\r\ny NOOP", want=None)
        # RFC 4978 §3: what stands behind the command is compressed; plain octets there are damage.
        contains(answer, "x OK")
        last_words(wire)
    with session() as wire:
        Deflated(wire)
        _, answer = wire.imap("x", "COMPRESS DEFLATE", want=None)
        matches(answer, r"^x (NO|BAD) .*COMPRESSIONACTIVE|^x NO \[COMPRESSIONACTIVE\]")
    others_are_served()


def compressed_after(way):
    if way == "tls":
        wire = bare()
    else:
        wire = bare(tls=False)
        wire.imap("t", "STARTTLS")
        wire.start_tls()
    wire.imap("L", f'LOGIN {ACCOUNT} "{PASSWORD}"')
    Deflated(wire)
    return wire


def case_compressed_sessions():
    """With a real zlib, on the TLS port and behind STARTTLS: literals, IDLE, and fifty megabytes both ways in flat memory."""
    for way in ("tls", "starttls"):
        empty()
        with compressed_after(way) as wire:
            lines, _ = wire.imap("c", "CAPABILITY")
            assert "COMPRESS" not in lines[0], lines
            text = b"Subject: squeezed\r\n\r\n" + os.urandom(60_000).hex().encode() + b"\r\n"
            wire.send(f"a APPEND INBOX {{{len(text)}}}\r\n")
            contains(wire.line(), b"+")
            wire.send(text + b"\r\n")
            wire.imap_result("a")
            append(wire, text)
            wire.imap("s", "SELECT INBOX")
            wire.send("f FETCH 2 BODY.PEEK[]\r\n")
            contains(wire.imap_line(), text)
            wire.imap_result("f")
            wire.send("i IDLE\r\n")
            contains(wire.line(), b"+")
            deliver(subject="in idle")
            until(lambda: b"3 EXISTS" in wire.line(), "EXISTS, compressed")
            wire.send("DONE\r\n")
            wire.imap_result("i")
            with growth_at_most(48):
                octets = fill_with_large(wire)
                wire.send("b FETCH 4 BODY.PEEK[]\r\n")
                equal(count_to_tag(wire, "b") - len(f"* 4 FETCH (BODY[] {{{octets}}}\r\n)\r\n"), octets)
            wire.imap("q", "LOGOUT")
    others_are_served()
    empty()


# MARK: messages of ten thousand parts

def case_mime_ten_thousand_deep():
    empty()
    multi = "".join(f"Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n" for number in range(10_000)) + "\r\nx\r\n"
    inner = "Content-Type: message/rfc822\r\n\r\n" * 10_000 + "Subject: innermost\r\n\r\nx\r\n"
    mixed = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\nContent-Type: message/rfc822\r\n\r\n" for n in range(10_000)) + "x\r\n"
    wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\nx\r\n" * 100_000
    same = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 10_000
    with session() as wire, growth_at_most(64):
        for number, text in enumerate((multi, inner, mixed, wide, same), 1):
            _, answer = append(wire, text.encode())
            wire.imap("n", "NOOP")
            for items in ("(ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE PREVIEW)", "BODY.PEEK[" + ".".join(["1"] * 25) + "]",
                          "BODY.PEEK[" + ".".join(["1"] * 100) + ".MIME]", "BINARY.SIZE[" + ".".join(["1"] * 50) + "]",
                          "BODY.PEEK[1.HEADER]", "BODY.PEEK[100000]"):
                wire.imap("f", f"FETCH {number} {items}", want=None)
            wire.imap("s", "SEARCH TEXT innermost")
            wire.send(f"w FETCH {number} BODY.PEEK[]\r\n")
            contains(wire.imap_line(), text.encode())
            wire.imap_result("w")
    others_are_served()
    empty()


def case_sessions_by_the_hundred():
    """Many at once that do every odd thing at once; none of it is left when they are gone."""
    before = open_files()
    texts = ["a NOOP\r\n", "a IDLE\r\n", "a APPEND INBOX {1000000+}\r\nx", "a FETCH 1:* BODY[]\r\n", "a LOGIN {5}\r\n", "a AUTHENTICATE PLAIN\r\n",
             "a SELECT INBOX\r\nb IDLE\r\n", "a COMPRESS DEFLATE\r\nrubbish", "\0\0\0"]

    def one(number):
        with contextlib.suppress(OSError, AssertionError):
            wire = session() if number % 3 else bare()
            wire.send(texts[number % len(texts)])
            if number % 2:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()

    with growth_at_most(64):
        threads = [threading.Thread(target=lambda first=first: [one(first + step) for step in range(25)]) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    until(lambda: open_files() <= before + 4, lambda: f"{open_files()} open files, {before} before")
    others_are_served()


if __name__ == "__main__":
    main(globals())
