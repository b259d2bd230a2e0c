"""Every POP3 command, walked by poplib and by hand."""
import base64
import imaplib
import poplib

from common import *


def fill(count, login=ACCOUNT):
    empty(login)
    for number in range(count):
        deliver(login, subject=f"number {number + 1}", body=f"line {number + 1}\r\n.dot\r\nlast\r\n")


def case_walks_every_command():
    fill(3)
    client = pop3()
    count, size = client.stat()
    equal(count, 3)
    sizes = [int(line.split()[1]) for line in client.list()[1]]
    equal(sum(sizes), size, "STAT is the sum of LIST")
    equal(client.list(2).split()[1:2], [b"2"])
    text = b"\r\n".join(client.retr(2)[1]) + b"\r\n"
    equal(len(text), sizes[1], "RETR gives as many octets as LIST says")
    contains(text.decode(), "\r\n.dot\r\nlast\r\n")
    top = b"\r\n".join(client.top(2, 1)[1])
    contains(top.decode(), "line 2")
    assert b"last" not in top, top
    assert b"line" not in b"\r\n".join(client.top(2, 0)[1])
    uidls = [line.decode().split()[1] for line in client.uidl()[1]]
    for uidl in uidls:
        matches(uidl, r"^[0-9a-f]{16}$", "Dovecot's %08Xu%08Xv")
    equal(client.uidl(3).split()[2].decode(), uidls[2])
    client.noop()
    client.dele(1)
    try:
        client.retr(1)
    except poplib.error_proto as error:
        contains(str(error), "-ERR")
    else:
        raise AssertionError("a deleted message was read")
    equal(client.stat()[0], 2)
    client.rset()
    equal(client.stat()[0], 3)
    client.quit()


def case_removes_only_after_quit():
    fill(2)
    client = pop3()
    client.dele(1)
    client.close()
    client = pop3()
    equal(client.stat()[0], 2, "the connection was lost: nothing is removed")
    client.dele(1)
    client.quit()
    client = pop3()
    equal(client.stat()[0], 1, "after QUIT")
    contains(b"\n".join(client.retr(1)[1]).decode(), "number 2")
    client.quit()


def case_uidls_are_the_uids_of_imap():
    fill(2)
    client = imap()
    client.select("INBOX")
    validity = int(client.response("UIDVALIDITY")[1][0])
    uids = [int(uid) for uid in client.uid("SEARCH", "ALL")[1][0].split()]
    client.logout()
    client = pop3()
    uidls = [line.decode().split()[1] for line in client.uidl()[1]]
    equal(uidls, [f"{uid:08x}{validity:08x}" for uid in uids])
    client.quit()


def case_stls_capa_and_auth():
    client = poplib.POP3(HOST, port(110))
    capabilities = client.capa()
    assert "STLS" in capabilities and "USER" not in capabilities, capabilities
    for attempt in (lambda: client.user(ACCOUNT), lambda: client._shortcmd("AUTH PLAIN")):
        try:
            attempt()
        except poplib.error_proto as error:
            contains(str(error), "-ERR")
        else:
            raise AssertionError("a login began before TLS")
    client.stls(context=TLS)
    capabilities = client.capa()
    assert "STLS" not in capabilities and "USER" in capabilities, capabilities
    plain = base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode()).decode()
    contains(client._shortcmd(f"AUTH PLAIN {plain}").decode(), "+OK")
    client.stat()
    client.quit()
    with Wire(995, tls=True) as wire:
        wire.line()
        wire.pop("AUTH LOGIN", "+ ")
        wire.pop(base64.b64encode(ACCOUNT.encode()).decode(), "+ ")
        wire.pop(base64.b64encode(PASSWORD.encode()).decode())
        wire.pop("QUIT")


def case_refuses_wrong_passwords():
    for login in (ACCOUNT, f"nobody@{DOMAIN}"):
        client = poplib.POP3_SSL(HOST, port(995), context=TLS)
        client.user(login)
        try:
            client.pass_("wrong")
        except poplib.error_proto as error:
            contains(str(error), "[AUTH]")
        else:
            raise AssertionError("a wrong password was taken")
        client.close()


def case_pipelines():
    fill(2)
    with Wire(995, tls=True) as wire:
        assert wire.line().startswith(b"+OK")
        wire.send(f"USER {ACCOUNT}\r\nPASS {PASSWORD}\r\nSTAT\r\nUIDL\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n")
        for _ in range(3):
            assert wire.line().startswith(b"+OK")
        assert wire.line().startswith(b"+OK")
        equal(len(wire.pop_lines()), 2)
        assert wire.line().startswith(b"+OK")
        contains(b"\n".join(wire.pop_lines()).decode(), "number 1")
        assert wire.line().startswith(b"+OK")
        assert wire.line().startswith(b"+OK")
        equal(wire.line(), b"", "closed after QUIT")
    client = pop3()
    equal(client.stat()[0], 1)
    client.quit()


def case_refuses_what_is_wrong():
    fill(1)
    with Wire(995, tls=True) as wire:
        wire.line()
        for command in ("STAT", "RETR 1", "FROBNICATE", "PASS x", "LIST"):
            wire.pop(command, "-ERR")
        wire.pop(f"USER {ACCOUNT}")
        wire.pop(f"PASS {PASSWORD}")
        for command in ("RETR 2", "RETR 0", "RETR x", "RETR", "TOP 1", "DELE 99999999999999999999", "LIST -1", "STLS"):
            wire.pop(command, "-ERR")
        wire.pop("QUIT")

def resident():
    """Megabytes of memory that the server has in use."""
    with open(f"/proc/{os.environ['IT_PID']}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def case_a_large_message_in_flat_memory():
    empty()
    line = b"x" * 74 + b"\r\n"
    text = b"Subject: large\r\n\r\n" + line * (48_000_000 // len(line))
    client = imap()
    client.append("INBOX", None, None, text)
    client.logout()
    wire = Wire(995, tls=True)
    wire.line()
    wire.pop(f"USER {ACCOUNT}")
    wire.pop(f"PASS {PASSWORD}")
    equal(wire.pop("STAT"), f"+OK 1 {len(text)}")
    wire.pop("TOP 1 1")
    equal(wire.pop_lines(), [b"Subject: large", b"", line.strip()])
    before, most, count = resident(), 0, 0
    wire.pop("RETR 1")
    data = wire.buffer
    while not data.endswith(b"\r\n.\r\n"):
        count += len(data[:-5])
        data = data[-5:] + wire.socket.recv(65536)
        if count % 50 == 0:
            most = max(most, resident())
    count += len(data) - 3
    equal(count, len(text), "octets")
    most = max(most, resident())
    print(f"48 MB: {before:.0f} MB of memory before, {most:.0f} MB at most")
    assert most - before < 24, f"memory grew from {before} to {most} MB"
    wire.close()
    empty()


def case_a_thousand_commands_at_once():
    fill(3)
    wire = Wire(995, tls=True)
    wire.line()
    wire.send(f"USER {ACCOUNT}\r\nPASS {PASSWORD}\r\n" + "NOOP\r\n" * 500 + "UIDL 2\r\n" * 500 + "DELE 1\r\nRSET\r\nQUIT\r\n")
    lines = wire.rest().decode().split("\r\n")[:-1]
    equal(len(lines), 1005)
    assert all(line.startswith("+OK") for line in lines), [line for line in lines if not line.startswith("+OK")]
    client = pop3()
    equal(client.stat()[0], 3)
    client.quit()


def case_half_closed_removes_nothing():
    fill(2)
    wire = Wire(110)
    wire.line()
    wire.pop("STLS")
    wire.start_tls()
    wire.pop(f"USER {ACCOUNT}")
    wire.pop(f"PASS {PASSWORD}")
    wire.send("DELE 1\r\nSTAT\r\n")
    equal(wire.line()[:3], b"+OK")
    equal(wire.line()[:6], b"+OK 1 ")
    wire.socket.unwrap().shutdown(socket.SHUT_WR)
    client = pop3()
    equal(client.stat()[0], 2, "no QUIT was said")
    client.quit()


def case_languages():
    wire = Wire(995, tls=True)
    wire.line()
    wire.pop("LANG")
    contains(wire.pop_lines(), b"en English")
    wire.pop("LANG en", "+OK en ")
    wire.pop("LANG xx", "-ERR")


def case_utf8():
    """RFC 6856: who says UTF8 gets messages as they are; so does everybody else, by pop3.client_workarounds."""
    empty()
    client = imap()
    # Not after ENABLE: imaplib then puts "UTF8 (" into the literal.
    message = "From: zoë@example.org\r\nSubject: Grüße\r\n\r\nünverändert\r\n".encode()
    client.append("INBOX", None, None, message)
    client.logout()
    client = pop3()
    equal(b"\r\n".join(client.retr(1)[1]) + b"\r\n", message)
    try:
        client.utf8()
    except poplib.error_proto:
        pass
    else:
        raise AssertionError("UTF8 was taken after the login")
    client.quit()
    client = poplib.POP3_SSL(HOST, port(995), context=TLS, timeout=TIMEOUT)
    assert "UTF8" in client.capa(), client.capa()
    equal(client.utf8()[:3], b"+OK")
    client.user(ACCOUNT)
    client.pass_(PASSWORD)
    octets = int(client.list(1).split()[2])
    response, lines, _ = client.retr(1)
    equal(b"\r\n".join(lines) + b"\r\n", message)
    equal(octets, len(message))
    client.quit()


if __name__ == "__main__":
    main(globals())
