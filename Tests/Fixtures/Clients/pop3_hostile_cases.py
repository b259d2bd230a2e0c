"""POP3 clients that mean harm or know no better. Each case ends by looking whether others are still served, and none may
cost the server more than a little memory. Cases for every protocol at once stand in hostile_cases.py."""
import base64
import threading

from common import *
from imap_hostile_cases import append, fill_with_large, last_words, messages, pour, session as imap_session
from login_cases import LOGIN, RIGHT, Room
from resources import growth_at_most, open_files


# MARK: what the cases share

def bare(tls=True, room=None, proxied=None):
    """A connection that has been greeted; to a server of a case's own with `room`, and from elsewhere with `proxied`."""
    standard = (995 if tls else 110) + (room.offset - OFFSET if room else 0)
    wire = Wire(standard, tls=tls and not proxied)
    if proxied:
        wire.send(f"PROXY TCP4 {proxied} 127.0.0.1 40000 995\r\n")
        if tls:
            wire.start_tls()
    line = wire.line()
    assert line.startswith(b"+OK"), line
    return wire


def session(login=ACCOUNT, password=PASSWORD, **where):
    wire = bare(**where)
    wire.pop(f"USER {login}")
    wire.pop(f"PASS {password}")
    return wire


def plain_session():
    """Logged in behind STLS, with the socket beneath, which can be closed one way."""
    wire = bare(tls=False)
    wire.pop("STLS")
    raw = wire.socket.dup()
    wire.start_tls()
    wire.pop(f"USER {ACCOUNT}")
    wire.pop(f"PASS {PASSWORD}")
    return wire, raw


def others_are_served():
    with session(SECOND) as wire:
        wire.pop("STAT")
        wire.pop("QUIT")


def fill(*texts):
    """INBOX holds these messages and no others."""
    empty()
    with imap_session(mailbox=None) as wire:
        for text in texts:
            append(wire, text)


def small(count):
    fill(*(b"Subject: %d\r\n\r\ntext\r\n" % (number + 1) for number in range(count)))


def reset(wire):
    """Ends the connection by a reset, not by an end of the stream."""
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wire.close()


def multiline(wire, command):
    """The octets of a multi-line answer as they come, dots unstuffed, without the last line."""
    wire.send(command + "\r\n")
    head = wire.line()
    assert head.startswith(b"+OK"), (command, head)
    data = b"\r\n" + wire.buffer
    while b"\r\n.\r\n" not in data[-5:]:
        more = wire.socket.recv(262144)
        assert more, f"{command}: the stream ended after {data[-100:]!r}"
        data += more
    wire.buffer = b""
    assert data.index(b"\r\n.\r\n") == len(data) - 5, f"{command}: something follows the last line"
    return data[:-3].replace(b"\r\n..", b"\r\n.")[2:]


def still_answers(wire, what):
    """The next command gets the next answer: nothing was left over and nothing is missing."""
    wire.send("LANG en\r\n")
    line = wire.line()
    assert line.startswith(b"+OK en "), (what, line)


# MARK: many commands, long ones, and numbers

def case_thousands_of_commands_at_once():
    """All are answered, in their order, whatever they ask for."""
    small(3)
    with session() as wire, growth_at_most(16):
        commands = ["NOOP", "LIST 2", "RETR 1", "UIDL 3", "DELE 2", "STAT", "TOP 3 0", "RSET", "LIST", "RETR 9"]
        wire.send("".join(f"{commands[number % 10]}\r\n" for number in range(1000)))
        for number in range(1000):
            head = wire.line()
            command = commands[number % 10]
            assert head.startswith(b"-ERR" if command == "RETR 9" else b"+OK"), (number, command, head)
            if command == "STAT":
                assert head.startswith(b"+OK 2 "), (number, head)
            if command in ("RETR 1", "TOP 3 0", "LIST"):
                first = wire.pop_lines()[0]
                equal(first, {"R": b"Subject: 1", "T": b"Subject: 3"}.get(command[0], b"1 %d" % len(b"Subject: 1\r\n\r\ntext\r\n")))
        wire.send("NOOP\r\n" * 50_000)
        for _ in range(50_000):
            assert wire.line().startswith(b"+OK")
        wire.pop("QUIT")
    others_are_served()


def case_commands_that_nobody_reads_the_answers_of():
    """What is not read is not answered, and what is not answered is not read."""
    fill(b"Subject: one\r\n\r\n" + b"text\r\n" * 5000)
    for command in ("RETR 1", "TOP 1 100", "LIST", "NOOP", "NONSENSE"):
        with session() as wire, growth_at_most(16):
            wire.socket.settimeout(1)
            with contextlib.suppress(OSError):
                for _ in range(100):
                    wire.send(f"{command}\r\n" * 1000)
            others_are_served()
    others_are_served()


def case_lines_without_an_end():
    """A line that is too long is dropped while it comes; the next one is read, until there were too many."""
    for wire in (bare(), bare(tls=False), session()):
        with wire, growth_at_most(12):
            for octets in (2049, 2050, 4096, 100_000, 5_000_000):
                wire.send(b"x" * octets + b"\r\n")
                matches(wire.line().decode(), "^-ERR", octets)
                still_answers(wire, octets)
            wire.send(b"LIST " + b" " * 2043 + b"\r\n")
            assert wire.line().startswith((b"+OK", b"-ERR"))
        others_are_served()
    for tls, start in ((True, b""), (False, b""), (True, b"USER "), (False, b"STLS"), (False, b"AUTH PLAIN "), (True, b"\0")):
        with bare(tls=tls) as wire, growth_at_most(12):
            wire.send(start)
            pour(wire, 64 << 20)
            wire.send(b"\r\nLANG en\r\n")
            assert wire.line().startswith(b"-ERR"), start
            assert wire.line().startswith(b"+OK en"), start
    with bare() as wire:
        wire.send((b"y" * 3000 + b"\r\n") * 100)
        lines = last_words(wire).split(b"\r\n")[:-1]
        assert len(lines) == 20 and all(line.startswith(b"-ERR") for line in lines), lines
    others_are_served()


def case_octets_that_no_command_has():
    """NUL, lone CR, control octets and 8-bit octets in any place of a command, before and after the login: each line is one answer."""
    small(1)
    for octet in [*range(10), *range(11, 48), 58, 64, 91, 92, 123, 127, 128, 160, 194, 195, 223, 226, 255]:
        piece = bytes([octet])
        texts = [piece, piece + b"NOOP", b"NO" + piece + b"OP", b"NOOP" + piece, b"NOOP " + piece, b"LIST 1" + piece, b"LIST " + piece + b"1",
                 b"UIDL" + piece + b"1", b"TOP 1" + piece + b"1", b"STLS" + piece, b"LANG " + piece, b"UTF8" + piece, piece * 200]
        logins = [b"PASS " + piece, b"USER " + piece, b"USER a" + piece + b"b", b"AUTH " + piece, b"AUTH PLAIN" + piece, b"AUTH PLAIN " + piece]
        for start, asked in ((bare, texts + logins), (session, texts)):
            wire, refused = start(), 0
            for text in asked:
                wire.send(text + b"\r\n")
                line = wire.line()
                if line.startswith(b"+ "):
                    wire.send(b"*\r\n")
                    line = wire.line()
                assert line.startswith((b"+OK", b"-ERR")), (text, line)
                if line.startswith(b"+OK") and re.match(rb"(?i)(UIDL|LIST|LANG|AUTH) *\r*$|TOP", text):
                    wire.pop_lines()
                refused += line.startswith(b"-ERR")
                assert refused < 20, f"{refused} refused at {text!r}"
                if refused in (4, 8, 12):
                    # A new one before the limits of bad commands and of failed logins are reached.
                    wire.close()
                    wire, refused = start(), 0
                else:
                    still_answers(wire, text)
            wire.close()
    others_are_served()


def case_numbers():
    """Only a number of a message is one; nothing else is taken for it, and nothing breaks on it."""
    small(3)
    none = ["0", "4", "00000000000", "4294967295", "4294967296", "4294967297", "2147483648", "9223372036854775807", "9223372036854775808",
            "18446744073709551616", "18446744073709551617", "340282366920938463463374607431768211457", "1" * 2000, "0" * 1990 + "4"]
    junk = ["-1", "+1", "1.0", "1e0", "0x1", "1,2", "1:*", "*", "$", "\"1\"", "(1)", "{1}", "{1+}", "NIL", "\u0661", "\uff11", "1\t", "\t1", "1\0", "one", "%d", "%n%n"]
    for command in ("RETR {}", "DELE {}", "LIST {}", "UIDL {}", "TOP {} 1"):
        for numbers in (none, junk):
            for start in range(0, len(numbers), 15):
                with session() as wire:
                    for number in numbers[start:start + 15]:
                        wire.pop(command.format(number), "-ERR")
                    equal(wire.pop("STAT")[:6], "+OK 3 ")
        # Zeros in front and spaces around change nothing.
        with session() as wire:
            for number in ("1", "01", "0" * 1990 + "1", "  1", "1  "):
                if command in ("LIST {}", "UIDL {}"):
                    matches(wire.pop(command.format(number)), r"^\+OK 1 ", number)
                elif command == "DELE {}":
                    wire.pop(command.format(number))
                    wire.pop("RSET")
                else:
                    contains(multiline(wire, command.format(number)), b"Subject: 1\r\n", number)
    with session() as wire:
        for command in ("RETR", "DELE", "TOP", "TOP 1", "RETR 1 2", "DELE 1 2", "LIST 1 2", "UIDL 1 1", "TOP 1 1 1", "STAT 1", "NOOP 1", "RSET 1",
                        "QUIT 1", "RETR 1;2", "RETR1", "TOP 1 -1"):
            wire.pop(command, "-ERR")
    # A thousand marks on one message are one, and so is its removal.
    with session() as wire:
        wire.pop("DELE 2")
        for _ in range(1000):
            wire.pop("DELE 2", "-ERR")
        equal(wire.pop("STAT")[:6], "+OK 2 ")
    others_are_served()
    equal(messages(), 3)


# MARK: who leaves

def case_gone_without_quit():
    """Nothing is removed unless QUIT came whole, however the client left. RFC 1939 §6"""
    small(3)
    marks = "DELE 1\r\nDELE 2\r\nDELE 3\r\n"
    for last in ("", "QUI", "QUIT", "QUIT\r", "quit", "QUITS\r\n", "QUIT now\r\n", " QUIT\r\n", "RETR 1", "\nQUIT"):
        for leave in (Wire.close, reset, "half"):
            wire, raw = plain_session()
            wire.send(marks + last)
            for _ in range(3):
                assert wire.line().startswith(b"+OK")
            if leave == "half":
                raw.shutdown(socket.SHUT_WR)
                last_words(wire)
                wire.close()
            else:
                leave(wire)
            raw.close()
    with session() as wire:
        wire.send(marks + "QUIT\r\n" + "X" * 3000)
        # What follows QUIT isn't read any more.
        contains(last_words(wire), b"bye")
    equal(messages(), 0)
    small(3)
    # In the middle of what was asked for, and where the server ends it.
    with session() as wire:
        wire.send(marks + "RETR 1\r\nTOP 2")
    with session() as wire:
        wire.send(marks + "NONSENSE\r\n" * 30 + "QUIT\r\n")
        said = last_words(wire)
        assert said.endswith(b"-ERR too many bad commands\r\n"), said[-200:]
    equal(messages(), 3)
    # An account's mailbox is there at once for the next one.
    for _ in range(20):
        wire = session()
        wire.send(marks)
        reset(wire)
    with session() as wire:
        equal(wire.pop("STAT")[:6], "+OK 3 ")
    equal(messages(), 3)
    others_are_served()


def case_gone_in_the_middle_of_a_message():
    """Fifty megabytes that nobody waits for to the end leave no file open, no memory taken and no mailbox held."""
    empty()
    with imap_session() as wire:
        fill_with_large(wire)
    before = open_files()
    with growth_at_most(40):
        for octets in (0, 1, 5000, 1_000_000, 30_000_000):
            for leave in (Wire.close, reset):
                wire = session()
                wire.send("DELE 1\r\nRSET\r\nRETR 1\r\n")
                count = 0
                while count < octets:
                    count += len(wire.socket.recv(min(65536, octets - count)))
                leave(wire)
    until(lambda: open_files() <= before + 4, lambda: f"{open_files()} open files, {before} before")
    equal(messages(), 1)
    others_are_served()
    empty()


def case_gone_in_the_middle_of_a_login():
    before = open_files()
    for said in ("AUTH PLAIN\r\n", "AUTH LOGIN\r\n", "AUTH SCRAM-SHA-256\r\n", "AUTH LOGIN\r\nYWxpY2VA", "AUTH PLAIN AGFs", f"USER {ACCOUNT}\r\n",
                 f"USER {ACCOUNT}\r\nPASS {PASSWORD}", "AUTH LOGIN\r\n" + base64.b64encode(ACCOUNT.encode()).decode() + "\r\n",
                 "AUTH SCRAM-SHA-256 " + base64.b64encode(f"n,,n={ACCOUNT},r=abcdefgh".encode()).decode() + "\r\n"):
        for leave in (Wire.close, reset):
            for _ in range(5):
                wire = bare()
                wire.send(said)
                if said.endswith("\r\n"):
                    assert wire.line().startswith(b"+")
                leave(wire)
    until(lambda: open_files() <= before + 4, lambda: f"{open_files()} open files, {before} before")
    others_are_served()


def case_half_closed():
    """Everything that was said before the end is answered, and the answers arrive; what was said in part is not done."""
    fill(b"Subject: one\r\n\r\n" + b"text\r\n" * 100_000, b"Subject: two\r\n\r\nx\r\n")
    for text, ends in (("RETR 1\r\nSTAT\r\n", b"\r\n.\r\n+OK 2 "), ("DELE 2\r\nQUIT", b"+OK message 2 deleted\r\n"), ("RETR 1\r\nDELE 2\r\nQUI", b"deleted\r\n"),
                       ("RETR 1\r\nQUIT\r\n", b"+OK bye\r\n"), ("TOP 1 5", b"")):
        wire, raw = plain_session()
        wire.send(text)
        raw.shutdown(socket.SHUT_WR)
        raw.close()
        contains(last_words(wire)[-600:], ends, text)
        wire.close()
    for text, wanted in (("CAPA\r\nQUIT\r\n", b"+OK bye\r\n"), ("CAPA\r\n", b"STLS"), ("CAPA", b""), ("", b"")):
        with bare(tls=False) as wire:
            wire.send(text)
            wire.socket.shutdown(socket.SHUT_WR)
            contains(last_words(wire), wanted, text)
    equal(messages(), 2)
    wire, raw = plain_session()
    wire.send("DELE 2\r\nQUIT\r\n")
    raw.shutdown(socket.SHUT_WR)
    raw.close()
    contains(last_words(wire), b"+OK bye", "FIN behind QUIT")
    equal(messages(), 1)
    others_are_served()


# MARK: who doesn't read, or is slow

def case_clients_that_never_read():
    """Ten clients ask for fifty megabytes each and read nothing: they wait alone."""
    empty()
    with imap_session() as wire:
        fill_with_large(wire)
        append(wire, b"Subject: small\r\n\r\ntext\r\n")
    stalled = []
    try:
        with growth_at_most(48):
            for number in range(10):
                wire = session()
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                wire.send(["RETR 1\r\n", "TOP 1 99999999\r\n", "RETR 1\r\n" * 300, "UIDL\r\n" * 3000, "RETR 1\r\nDELE 1\r\nQUIT\r\n"][number % 5])
                stalled.append(wire)
            for _ in range(3):
                others_are_served()
                with session() as wire:
                    contains(multiline(wire, "RETR 2"), b"small")
                    wire.pop("QUIT")
            deliver(subject="meanwhile")
            until(lambda: messages() == 3, "mail is delivered meanwhile")
    finally:
        for wire in stalled:
            wire.close()
    equal(messages(), 3)
    others_are_served()
    empty()


def case_octet_by_octet():
    """A session that comes and is read an octet at a time is a session."""
    fill(b"Subject: one\r\n\r\n.\r\nx\r\n")

    def drip(wire, text):
        for octet in text.encode():
            wire.send(bytes([octet]))

    with bare(tls=False) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        drip(wire, "CAPA\r\n")
        assert wire.line().startswith(b"+OK")
        contains(wire.pop_lines(), b"STLS")
        drip(wire, "STLS\r\n")
        assert wire.line().startswith(b"+OK")
        wire.start_tls()
        drip(wire, "AUTH LOGIN\r\n")
        equal(wire.line()[:2], b"+ ")
        drip(wire, base64.b64encode(ACCOUNT.encode()).decode() + "\r\n")
        equal(wire.line()[:2], b"+ ")
        drip(wire, base64.b64encode(PASSWORD.encode()).decode() + "\r\nRETR 1\r\nDELE 1\r\nRSET\r\nQUIT\r\n")
        said = b""
        while True:
            octet = wire.socket.recv(1)
            if not octet:
                break
            said += octet
        matches(said.decode(), "^\\+OK [^\n]*\n\\+OK [^\n]*\nSubject: one\r\n\r\n\\.\\.\r\nx\r\n\\.\r\n(\\+OK [^\n]*\n){3}$")
    others_are_served()


def case_who_drips_is_not_waited_for():
    """Octets that make no line keep neither a login nor a session open."""
    with Room("pop3:\n  login_timeout: 2s\n  idle_timeout: 2s\n") as room:
        for wire in (bare(room=room), bare(tls=False, room=room), session(LOGIN, RIGHT, room=room)):
            with wire:
                wire.socket.settimeout(0.1)
                for _ in range(300):
                    try:
                        wire.send(b"N")
                        if not wire.socket.recv(100):
                            break
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                else:
                    raise AssertionError("the session went on for 30 seconds")
        with session(LOGIN, RIGHT, room=room) as wire:
            wire.pop("QUIT")


# MARK: STLS and logins

def case_commands_behind_stls():
    """What was said in the clear behind STLS is not carried out inside TLS, however it is cut."""
    for behind in (b"CAPA\r\n", f"USER {ACCOUNT}\r\n".encode(), b"\r\n", b"\n", b"C", b"\0", b"\x16\x03\x01", b"AUTH PLAIN AAAA\r\n"):
        for head in (b"STLS\r\n", b"stls\n", b"STLS \r\n", b"NOOP\r\nSTLS\r\n"):
            with bare(tls=False) as wire:
                wire.send(head + behind)
                said = last_words(wire)
                assert b"+OK" not in said, (head, behind, said)
                equal(said.count(b"\r\n"), 2 if head.startswith(b"NOOP") else 1, said)
    with bare(tls=False) as wire:
        # A name that was given before TLS is forgotten, and so is UTF8's absence of it.
        wire.pop("USER mallory", "-ERR")
        wire.pop("STLS")
        wire.start_tls()
        wire.pop(f"PASS {PASSWORD}", "-ERR")
        wire.pop("STLS", "-ERR")
        wire.pop(f"USER {ACCOUNT}")
        wire.pop(f"PASS {PASSWORD}")
    with bare(tls=False) as wire:
        # No handshake can come from who has closed its side.
        wire.send(b"STLS\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        matches(last_words(wire).decode(), r"^(\+OK begin TLS\r\n|-ERR [^\n]*\n)")
    with bare(tls=False) as wire:
        wire.pop("STLS")
        # Not TLS at all.
        wire.send(b"NOOP\r\nQUIT\r\n")
        assert b"+OK" not in last_words(wire)
    with bare(tls=False) as wire:
        for command in (f"USER {ACCOUNT}", f"PASS {PASSWORD}", "AUTH", "AUTH PLAIN", "AUTH PLAIN AAAA", "STAT", "DELE 1", "LIST"):
            wire.pop(command, "-ERR")
    others_are_served()


def case_rubbish_in_auth():
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        for rubbish in (b"!", b"====", b"AAA", b"\0", b"=", b"*x", b"\xff\xff", b"QQ=Q", b"AA==", b"", b" ", b"QUIT", b"AAAA AAAA", b"A" * 12_288,
                        b"A" * 12_289, b"A" * 200_000, b"QUFBQQ==" * 2):
            with bare() as wire:
                wire.send(f"AUTH {mechanism}\r\n")
                assert wire.line().startswith(b"+ ")
                wire.send(rubbish + b"\r\n")
                line = wire.line()
                if line.startswith(b"+ "):
                    wire.send(b"*\r\n")
                    line = wire.line()
                assert line.startswith(b"-ERR"), (mechanism, rubbish[:50], line)
                still_answers(wire, rubbish[:50])
        # As initial response; empty is `=` (RFC 5034 §4).
        for rubbish in ("!", "====", "AAA", "=", "QQ=Q", "AA==", "A" * 1900, "A" * 2100, "A" * 200_000, "AAAA AAAA", "*", "+"):
            with bare() as wire:
                wire.send(f"AUTH {mechanism} {rubbish}\r\n")
                line = wire.line()
                if line.startswith(b"+ "):
                    wire.send(b"*\r\n")
                    line = wire.line()
                assert line.startswith(b"-ERR"), (mechanism, rubbish[:50], line)
                still_answers(wire, rubbish[:50])
        with bare() as wire:
            for _ in range(4):
                wire.pop(f"AUTH {mechanism}", "+ ")
                wire.pop("*", "-ERR")
                still_answers(wire, mechanism)
            # The fifth exchange that comes to nothing ends the session.
            wire.pop(f"AUTH {mechanism}", "+ ")
            wire.pop("*", "-ERR")
            equal(last_words(wire), b"")
        with bare() as wire, growth_at_most(12):
            wire.pop(f"AUTH {mechanism}", "+ ")
            pour(wire, 32 << 20)
            wire.send(b"\r\nLANG en\r\n")
            assert wire.line().startswith(b"-ERR")
            assert wire.line().startswith(b"+OK en")
    with bare() as wire:
        for text in ("AUTH (", 'AUTH "PLAIN"', "AUTH PLAIN = x", "AUTH \\x", "AUTH " + "A" * 500, "AUTH KERBEROS_V4", "AUTH *", "AUTH EXTERNAL =",
                     "AUTH ANONYMOUS", "AUTHPLAIN", "AUTH\tPLAIN"):
            wire.pop(text, "-ERR")
            still_answers(wire, text)
    # Lines that come before they were asked for are lines of the exchange.
    with bare() as wire:
        plain = base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode()).decode()
        wire.send(f"AUTH PLAIN\r\n{plain}\r\nSTAT\r\nQUIT\r\n")
        matches(last_words(wire).decode(), r"^\+ \r\n(\+OK [^\n]*\n){3}$")
    others_are_served()


def case_guessing():
    """Five wrong passwords end a session, wherever they come from; an address that goes on is slowed down, and then kept out."""
    with bare() as wire:
        wire.send(f"USER {ACCOUNT}\r\nPASS wrong\r\n" * 500)
        lines = last_words(wire).split(b"\r\n")[:-1]
        equal(sum(line.startswith(b"-ERR [AUTH]") for line in lines), 5, lines)
        assert len(lines) == 10, lines
    room = Room()
    kinds = (("pop3s", 995), ("pop3", 110), ("imaps", 993))
    room.environment["MARTLET_LISTENERS"] = ",".join(
        f"kind={kind};address=127.0.0.1;port={standard + room.offset};proxy=127.0.0.1" for kind, standard in kinds)
    guesser, other = "203.0.113.7", "198.51.100.9"
    with room:
        answers = []
        with contextlib.suppress(OSError, AssertionError):
            for number in range(60):
                with bare(room=room, proxied=guesser) as wire:
                    for attempt in range(4):
                        wire.pop(f"USER {LOGIN}")
                        answers.append(wire.pop(f"PASS wrong {number} {attempt}", "-ERR"))
        wrong = sum("[AUTH]" in answer for answer in answers)
        # The answer to the tenth may be lost with the connection, which ends when the address is banned.
        assert wrong in (9, 10), f"{wrong} guesses were judged"
        assert all("[AUTH]" in answer or "[SYS/TEMP]" in answer for answer in answers), answers
        assert len(answers) < 60, "the address was never kept out"
        # The right password isn't even heard.
        with contextlib.suppress(OSError, AssertionError):
            session(LOGIN, RIGHT, room=room, proxied=guesser)
            answers.append("let in")
        assert "let in" not in answers
        with session(LOGIN, RIGHT, room=room, proxied=other) as wire:
            wire.pop("QUIT")
    others_are_served()


# MARK: a mailbox that others have, too

def case_exclusive_mailboxes():
    """One at a time, and free again however the first one left."""
    with Room("pop3:\n  exclusive: true\n") as room:
        for leave in (Wire.close, reset, lambda wire: wire.pop("QUIT"), lambda wire: wire.send("NONSENSE\r\n" * 20)):
            first = session(LOGIN, RIGHT, room=room)
            with bare(room=room) as second:
                for _ in range(3):
                    second.pop(f"USER {LOGIN}")
                    contains(second.pop(f"PASS {RIGHT}", "-ERR"), "[IN-USE]")
                second.pop(f"USER {LOGIN}")
                # Who doesn't know the password isn't told.
                contains(second.pop("PASS wrong", "-ERR"), "[AUTH]")
            first.pop("NOOP")
            leave(first)

            def free():
                with contextlib.suppress(AssertionError):
                    session(LOGIN, RIGHT, room=room).close()
                    return True

            until(free, "the mailbox is free again")
        # Twenty at once: one of them is in.
        inside, lock = [], threading.Lock()

        def enter():
            with contextlib.suppress(AssertionError):
                wire = session(LOGIN, RIGHT, room=room)
                with lock:
                    inside.append(wire)

        until(lambda: enter() or inside, "the mailbox is free again")
        threads = [threading.Thread(target=enter) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(len(inside), 1)
        inside[0].pop("QUIT")


def case_removed_meanwhile():
    """Numbers mean what they meant at the login; what is gone is said to be, and what was marked goes without a complaint."""
    small(6)
    with session() as wire, imap_session() as other:
        identifiers = multiline(wire, "UIDL")
        wire.pop("DELE 1")
        other.imap("a", "STORE 1:2,4 +FLAGS.SILENT (\\Deleted)")
        other.imap("b", "EXPUNGE")
        append(other, b"Subject: new\r\n\r\nx\r\n")
        equal(wire.pop("STAT")[:6], "+OK 5 ")
        for number in (3, 5, 6):
            contains(multiline(wire, f"RETR {number}"), b"Subject: %d\r\n" % number)
            contains(multiline(wire, f"TOP {number} 0"), b"Subject: %d\r\n" % number)
        wire.pop("RETR 1", "-ERR")
        wire.pop("RETR 7", "-ERR")
        for number in (2, 4):
            for command in (f"RETR {number}", f"TOP {number} 10"):
                contains(wire.pop(command, "-ERR"), "gone")
        wire.pop("DELE 2")
        wire.pop("DELE 5")
        wire.pop("RSET")
        equal(multiline(wire, "UIDL"), identifiers)
        wire.pop("DELE 4")
        wire.pop("DELE 6")
        wire.pop("QUIT")
    with session() as wire:
        equal([b"Subject: %s\r\n" % name in multiline(wire, f"RETR {number}") for number, name in ((1, b"3"), (2, b"5"), (3, b"new"))], [True] * 3)
        equal(wire.pop("STAT")[:6], "+OK 3 ")
    # The same message marked by two sessions is removed once, and both are content.
    with session() as first, session() as second:
        for wire in (first, second):
            wire.pop("DELE 1")
        for wire in (first, second):
            wire.pop("QUIT")
    equal(messages(), 2)
    # Moved to another mailbox in the middle of fifty megabytes of it.
    empty()
    with imap_session() as other:
        octets = fill_with_large(other)
        other.imap("s", "SELECT INBOX")
        with session() as wire:
            wire.send("RETR 1\r\n")
            assert wire.line().startswith(b"+OK")
            other.imap("d", "STORE 1 +FLAGS (\\Deleted)")
            other.imap("e", "EXPUNGE")
            count, tail = len(wire.buffer), wire.buffer[-5:]
            while tail != b"\r\n.\r\n":
                more = wire.socket.recv(262144)
                assert more, f"the stream ended after {count} octets"
                count += len(more)
                tail = (tail + more)[-5:]
            equal(count - 3, octets)
    others_are_served()


# MARK: messages

def as_sent(text):
    """What docs/pop3.md says of a message's lines: each has CRLF, the last one too."""
    text = re.sub(rb"(?<!\r)\n", b"\r\n", text)
    if text and not text.endswith(b"\r\n"):
        text += b"\n" if text.endswith(b"\r") else b"\r\n"
    return text


ODD = [
    b"Subject: bare CR\r\n\r\na\rb\r\r\nc\r\n\r\r\n",
    b"Subject: bare LF\n\na\nb\n\n.\n..\n",
    b"Subject: mixed\r\n\r\na\nb\r\nc\rd\n\r\ne\n\r",
    b"Subject: dots\r\n\r\n.\r\n..\r\n...\r\n.a\r\n\r\n.\r\n",
    b"Subject: the end\r\n\r\na\r\n.\r\n-ERR no\r\n+OK 1\r\n.\r\nQUIT\r\n",
    b"Subject: hidden ends\r\n\r\na\r.\r\nb\n.\r\nc\r\n.\nd\r\n.\re\r\r\n.\r\r\nf\n.\n",
    b"Subject: no last line end\r\n\r\nabc",
    b"Subject: last line a dot\r\n\r\nabc\r\n.",
    b"Subject: last octet a CR\r\n\r\nabc\r",
    b"Subject: last octet a LF\r\n\r\nabc\n",
    b"Subject: no body\r\n\r\n",
    b"Subject: no empty line\r\n",
    b"Subject: nothing behind",
    b"\r\nno header\r\n",
    b".\r\nSubject: dot first\r\n\r\n.\r\n",
    b"Subject: long line\r\n\r\n" + b"x" * 1_000_000 + b"\r\n." + b"y" * 1_000_000 + b"\r\n",
    b"Subject: long line without an end\r\n\r\n." + b"z" * 1_000_000,
    b"Subject: long header " + b"h" * 200_000 + b"\r\n\r\nx\r\n",
    b"Subject: every octet\r\n\r\n" + bytes(octet for octet in range(1, 256)) + b"\r\n",
    b"Subject: lines of nothing\r\n\r\n" + b"\r\n" * 30_000 + b".\r\n" * 30_000,
]


def case_odd_messages_come_back():
    """Each by RETR and TOP as it was put in, but for line ends that weren't whole; and LIST tells what comes."""
    fill(*ODD)
    with session() as wire, growth_at_most(32):
        sizes = [int(line.split()[1]) for line in multiline(wire, "LIST").splitlines()]
        for number, text in enumerate(ODD, 1):
            wanted = as_sent(text)
            equal(multiline(wire, f"RETR {number}") == wanted, True, text[:60])
            for lines in (99_999_999, 99_999_999_999_999_999_999_999):
                equal(multiline(wire, f"TOP {number} {lines}") == wanted, True, text[:60])
            missing = 0 if text.endswith(b"\n") else 1 if text.endswith(b"\r") else 2
            equal(sizes[number - 1] + missing, len(wanted), text[:60])
            header, separator, body = wanted.partition(b"\r\n\r\n") if not wanted.startswith(b"\r\n") else (b"", b"\r\n", wanted[2:])
            for lines in (0, 1, 2, 3, 5):
                some = b"".join(line + b"\r\n" for line in body.split(b"\r\n")[:-1][:lines])
                equal(multiline(wire, f"TOP {number} {lines}"), header + separator + some, (lines, text[:60]))
    # NULs come by BDAT alone; their lines may end as they like.
    empty()
    bodies = [b"a\0b\r\n\0\r\n.\0\r\n\0.\r\n", b"\0" * 100_000 + b"\r\n", b".\0" * 50_000, b"\0\n.\n\0\r.\r\n\r\n.\r\n\0\r"]
    for body in bodies:
        text = b"Subject: NUL\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
        with greeted(25) as wire:
            wire.smtp("EHLO peer.example", 250)
            wire.smtp(f"MAIL FROM:<{OUTSIDE}> BODY=BINARYMIME", 250)
            wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
            wire.send(f"BDAT {len(text)} LAST\r\n".encode() + text)
            assert wire.reply().startswith("250 ")
    until(lambda: messages() == len(bodies), "they are delivered")
    with session() as wire:
        for number, body in enumerate(bodies, 1):
            header, _, rest = multiline(wire, f"RETR {number}").partition(b"\r\n\r\n")
            contains(header, b"Subject: NUL\r\n")
            equal(rest == as_sent(body), True, body[:60])
            equal(multiline(wire, f"TOP {number} 0"), header + b"\r\n\r\n")
    others_are_served()
    empty()


def case_sessions_by_the_hundred():
    """Many at once that do every odd thing at once; none of it is left when they are gone."""
    small(3)
    before = open_files()
    texts = ["NOOP\r\n", "RETR 1\r\nRETR", "AUTH PLAIN\r\n", "STLS\r\nrubbish", "DELE 1\r\nDELE 2\r\n", "\0\0\0", "UIDL\r\n" * 100, "QUIT\r\nNOOP\r\n"]

    def one(number):
        with contextlib.suppress(OSError, AssertionError):
            wire = session() if number % 3 else bare(tls=number % 2 == 0)
            wire.send(texts[number % len(texts)])
            (reset if number % 2 else Wire.close)(wire)

    with growth_at_most(64):
        threads = [threading.Thread(target=lambda first=first: [one(first + step) for step in range(25)]) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    until(lambda: open_files() <= before + 4, lambda: f"{open_files()} open files, {before} before")
    equal(messages(), 3)
    others_are_served()


if __name__ == "__main__":
    main(globals())
