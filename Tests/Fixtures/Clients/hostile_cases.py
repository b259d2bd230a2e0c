"""Peers that mean harm or know no better. Each case ends by looking whether others are still served."""
import os
import threading

from common import *


def others_are_served():
    with greeted(25) as wire:
        wire.smtp("EHLO other.example", 250)
        wire.smtp("QUIT", 221)
    client = imap(SECOND)
    client.noop()
    client.logout()


def messages(login=ACCOUNT):
    client = imap(login)
    count = int(client.select("INBOX", readonly=True)[1][0])
    client.logout()
    return count


def transaction(wire):
    wire.smtp("EHLO bad.example", 250)
    wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
    wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)


def case_nul_octets():
    with greeted(25) as wire:
        wire.send(b"EHLO a\0b\r\n")
        assert wire.reply()[0] == "5"
        wire.smtp("EHLO fine.example", 250)
    for standard in (993, 995):
        with Wire(standard, tls=True) as wire:
            wire.line()
            wire.send(b"a LOGIN \0 \0\r\nUSER \0\r\nb NOOP\r\n")
            assert wire.line()
    others_are_served()


def case_endless_line():
    for standard, tls in ((25, False), (143, False), (110, False), (993, True)):
        with Wire(standard, tls) as wire:
            wire.line()
            answer = b""
            try:
                for _ in range(200):
                    wire.send(b"x" * 65536)
                wire.send(b"\r\n")
                answer = wire.line()
            except OSError:
                answer = answer or b"closed"
            assert not answer or answer[:1] in b"5-*xc" or b"BAD" in answer, (standard, answer)
    others_are_served()


def case_smuggled_end_of_data():
    """No octets but CR LF . CR LF end a message; what comes behind others must not become commands."""
    empty()
    inner = f"MAIL FROM:<smuggler@evil.example>\r\nRCPT TO:<{ACCOUNT}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
    for number, end in enumerate((b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n\n.\r\n", b"\r\r\n.\r\r\n", b"\0\r\n.\0\r\n",
                                   b"\n.\r", b"\r.\n", b"\r\n.\r\r\n", b"\n.\n\r\n")):
        with greeted(25) as wire:
            transaction(wire)
            wire.smtp("DATA", 354)
            wire.send(b"Subject: outer %d\r\n\r\ntext" % number + end + inner.encode() + b"\r\n.\r\n")
            reply = wire.reply()
            assert reply[0] == "5" or number == 8, (end, reply)
    client = imap()
    client.select("INBOX", readonly=True)
    found = client.search(None, 'SUBJECT "smuggled"')[1][0]
    equal(found, b"", "smuggled messages")
    equal(client.search(None, 'FROM "smuggler"')[1][0], b"")
    client.logout()
    others_are_served()


def case_eight_bit_commands():
    """Octets above 127 are no addresses without SMTPUTF8, and none that is not UTF-8 ever is."""
    with greeted(25) as wire:
        assert wire.smtp(b"EHLO \xff\xfe.example")[0] == "5"
        wire.smtp("EHLO bad.example", 250)
        for command in (b"MAIL FROM:<\xe4@outside.example>", b"MAIL FROM:<\xff\xff@outside.example> SMTPUTF8",
                        b"MAIL FROM:<a@b.example> \xc3\xa4=1", b"\xc3\xa4HLO x", b"MAIL\xa0FROM:<a@b.example>"):
            assert wire.smtp(command)[0] == "5", command
        wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
        assert wire.smtp(b"RCPT TO:<\xff@example.test>")[0] == "5"
        wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
        wire.smtp("RSET", 250)
    others_are_served()


def case_headers_without_end():
    """A hundred thousand fields, one field of megabytes, and a header that goes on and on: refused, and in bounded time."""
    empty()
    many = b"".join(b"X-%d: y\r\n" % number for number in range(100_000))
    one = b"Subject: " + b"x" * 900 + b"\r\n" + (b" " + b"y" * 900 + b"\r\n") * 5000
    for number, head in enumerate((many, one, many * 20)):
        with greeted(25) as wire:
            transaction(wire)
            wire.smtp("DATA", 354)
            began = time.monotonic()
            with contextlib.suppress(OSError):
                wire.send(head + b"\r\nbody\r\n.\r\n")
            reply = wire.reply()
            assert reply[:3] in ("552", "554"), (number, reply)
            assert time.monotonic() - began < 15, "in bounded time"
    equal(messages(), 0)
    others_are_served()


def case_a_flood_of_recipients():
    """The limit holds, and who asks for nobody again and again is sent away."""
    with greeted(25) as wire:
        wire.smtp("EHLO bad.example", 250)
        wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
        replies = [wire.smtp(f"RCPT TO:<{ACCOUNT.replace('@', f'+{number}@')}>") for number in range(1100)]
        equal([reply[:3] for reply in replies[:1000]], ["250"] * 1000)
        equal({reply[:9] for reply in replies[1000:]}, {"452 4.5.3"})
    with greeted(25) as wire:
        wire.smtp("EHLO bad.example", 250)
        wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
        wire.send("".join(f"RCPT TO:<nobody{number}@{DOMAIN}>\r\n" for number in range(1000)))
        contains(wire.rest().decode(), "421 4.7.0")
    others_are_served()


def case_text_that_comes_before_its_time():
    """What follows DATA in the same packet is text when 354 is said, and commands when it is not."""
    empty()
    with greeted(25) as wire:
        wire.smtp("EHLO bad.example", 250)
        wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
        wire.smtp(f"RCPT TO:<nobody@{DOMAIN}>", 550)
        wire.send(f"DATA\r\nMAIL FROM:<{OUTSIDE}>\r\nRCPT TO:<{ACCOUNT}>\r\n.\r\nQUIT\r\n")
        answers = wire.rest().decode()
        assert "354" not in answers and not answers.startswith("250"), answers
    equal(messages(), 0)
    others_are_served()


def case_bare_line_feeds_in_commands():
    with greeted(25) as wire:
        wire.send(b"EHLO a.example\nMAIL FROM:<a@b.example>\r\n")
        assert wire.reply()[0] == "5"
    others_are_served()


def case_starttls_injection():
    """What was said in plaintext behind STARTTLS must not be taken as said inside TLS."""
    for standard, command, inject in (
        (25, "STARTTLS", "EHLO evil.example"), (587, "STARTTLS", "EHLO evil.example"),
        (143, "a STARTTLS", "b NOOP"), (110, "STLS", "CAPA"),
    ):
        with Wire(standard) as wire:
            wire.line()
            if standard in (25, 587):
                wire.smtp("EHLO evil.example", 250)
            wire.send(f"{command}\r\n{inject}\r\n")
            first = wire.line()
            try:
                wire.start_tls()
                wire.socket.settimeout(1)
                injected = wire.line()
            except OSError:
                injected = b""
            assert injected == b"", (standard, first, injected)
    others_are_served()


def case_half_close():
    with greeted(25) as wire:
        transaction(wire)
        wire.send(f"DATA\r\n")
        wire.reply()
        wire.send("Subject: cut\r\n\r\nhalf")
        wire.socket.shutdown(socket.SHUT_WR)
        wire.rest()
    with greeted(25) as wire:
        wire.send("EHLO a.example\r\nQUIT\r\n")
        wire.socket.shutdown(socket.SHUT_WR)
        text = wire.rest().decode()
        contains(text, "250 ")
        contains(text, "221 ")
    others_are_served()


def case_cut_message_is_not_delivered():
    empty()
    for part in (b"DATA\r\n", b"DATA\r\nSubject: cut\r\n\r\nhalf", b"BDAT 100 LAST\r\nhalf"):
        with greeted(25) as wire:
            transaction(wire)
            wire.send(part)
    others_are_served()
    equal(messages(), 0)


def case_http_on_25():
    with greeted(25) as wire:
        wire.send("POST / HTTP/1.1\r\nHost: mail\r\nContent-Length: 40\r\n\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d>\r\n")
        text = wire.rest().decode()
        assert text[0] == "5", text
        assert "250" not in text, text
    others_are_served()


def case_huge_literals():
    with Wire(993, tls=True) as wire:
        wire.line()
        wire.send("a LOGIN {99999999999999999999}\r\n")
        contains(wire.line().decode(), "BAD")
    with Wire(993, tls=True) as wire:
        wire.line()
        wire.imap("l", f'LOGIN {ACCOUNT} "{PASSWORD}"')
        for literal in ("{4294967295}", "{2000000000}"):
            _, text = wire.imap("a", f"APPEND INBOX {literal}", want=None)
            matches(text, r"^a (NO|BAD) \[(TOOBIG|LIMIT)\]")
            _, text = wire.imap("b", f"STATUS {literal}", want=None)
            matches(text, r"^b BAD")
        wire.imap("c", "NOOP")
    others_are_served()


def case_deep_and_wide_imap():
    with Wire(993, tls=True) as wire:
        wire.line()
        wire.imap("l", f'LOGIN {ACCOUNT} "{PASSWORD}"')
        wire.imap("s", "SELECT INBOX")
        wire.imap("a", "SEARCH " + "(" * 5000 + "ALL" + ")" * 5000, want=None)
        wire.imap("b", "SEARCH " + "NOT " * 5000 + "ALL", want=None)
        wire.imap("c", "FETCH " + ",".join(str(n) for n in range(1, 3000)) + " (FLAGS)", want=None)
        wire.imap("d", "UID FETCH 1:4294967295 (FLAGS)")
        wire.imap("e", 'LIST "" "' + "*%" * 500 + '"', want=None)
        wire.imap("f", "NOOP")
    others_are_served()


def case_deep_mime():
    empty()
    depth = 3000
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(depth))
    with greeted(25) as wire:
        transaction(wire)
        wire.smtp("DATA", 354)
        wire.smtp(head + "\r\nx\r\n.", 250)
    client = imap()
    client.select("INBOX")
    equal(client.fetch("1", "(BODYSTRUCTURE ENVELOPE)")[0], "OK")
    client.logout()
    others_are_served()


def case_many_errors_end_the_session():
    with greeted(25) as wire:
        wire.smtp("EHLO bad.example", 250)
        for _ in range(100):
            wire.send("FROB\r\n")
        text = wire.rest().decode()
        contains(text, "421 4.7.0")
    others_are_served()


def case_many_idle_commands_end_the_session():
    with greeted(25) as wire:
        wire.smtp("EHLO bad.example", 250)
        wire.send("NOOP\r\n" * 2000)
        contains(wire.rest().decode(), "421 4.7.0")
    others_are_served()


def case_slow_peers_are_bounded():
    """A peer that says nothing, and one that never finishes its line, are told 421 when their time is up."""
    with greeted(25) as silent, greeted(25) as slow:
        slow.send("EH")
        for wire in (silent, slow):
            contains(wire.rest().decode(), "421 4.4.2")
    others_are_served()


def case_peers_that_never_read():
    stalled = []
    for _ in range(20):
        wire = Wire(25)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        wire.socket.setblocking(False)
        try:
            for _ in range(200):
                wire.socket.send(b"EHLO x\r\nHELP\r\n" * 500)
        except OSError:
            pass
        stalled.append(wire)
    others_are_served()
    for wire in stalled:
        wire.close()
    others_are_served()


def case_garbage_on_every_port():
    for standard in (25, 587, 465, 143, 993, 110, 995):
        for _ in range(5):
            with Wire(standard) as wire:
                wire.socket.settimeout(2)
                try:
                    wire.send(os.urandom(3000) + b"\r\n")
                    wire.socket.recv(65536)
                except OSError:
                    pass
    others_are_served()


def case_connections_that_vanish():
    def vanish(standard):
        for _ in range(20):
            wire = Wire(standard)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wire.close()
    threads = [threading.Thread(target=vanish, args=(standard,)) for standard in (25, 465, 587, 143, 993, 110, 995)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others_are_served()


if __name__ == "__main__":
    main(globals())
