"""SMTP as servers and mail programs speak it: acceptance, refusals, submission, and the small rules."""
import base64
import email
import smtplib
import socket
import ssl
import warnings

from common import *


def newest(login=ACCOUNT, mailbox="INBOX"):
    client = imap(login)
    client.select(mailbox, readonly=True)
    _, found = client.uid("SEARCH", "ALL")
    uids = found[0].split()
    assert uids, f"{mailbox} of {login} is empty"
    _, data = client.uid("FETCH", uids[-1], "(BODY.PEEK[])")
    client.logout()
    return data[0][1]


def everything(login=ACCOUNT):
    client = imap(login)
    client.select("INBOX", readonly=True)
    _, found = client.uid("SEARCH", "ALL")
    raw = [client.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in found[0].split()]
    client.logout()
    return raw


def case_delivers_to_an_account():
    empty()
    deliver(subject="first", body="Line one\r\n.dot at the start\r\n")
    raw = newest()
    message = email.message_from_bytes(raw)
    equal(message["Return-Path"], f"<{OUTSIDE}>", "Return-Path")
    matches(message["Received"], r"from peer\.example \(.*\[127\.0\.0\.1\]\).*by mail\.example\.test \(.*\) with ESMTP", "Received")
    contains(message["Received"], f"for <{ACCOUNT}>")
    equal(message.get_payload(), "Line one\r\n.dot at the start\r\n", "body")
    assert message["Date"] is None, "a Date was added to mail that was not submitted here"


def case_delivers_to_tags_postmaster_and_abuse():
    empty()
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        for recipient in (f"alice+tag@{DOMAIN}", f"postmaster@{DOMAIN}", f"ABUSE@{DOMAIN.upper()}", "Postmaster"):
            wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
            wire.smtp(f"RCPT TO:<{recipient}>", 250)
            wire.smtp("DATA", 354)
            wire.smtp(f"Subject: to {recipient}\r\n\r\nx\r\n.", 250)
        wire.smtp("QUIT", 221)
    client = imap()
    equal(client.select("INBOX")[1], [b"4"], "messages")
    client.logout()


def case_two_recipients_are_one_delivery_each():
    empty(ACCOUNT)
    empty(SECOND)
    with smtplib.SMTP(HOST, port(25)) as smtp:
        smtp.sendmail(OUTSIDE, [ACCOUNT, SECOND, ACCOUNT], "Subject: both\r\n\r\nx\r\n")
    for login in (ACCOUNT, SECOND):
        client = imap(login)
        equal(client.select("INBOX")[1], [b"1"], login)
        client.logout()


def case_refuses_unknown_users_and_relaying():
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
        contains(wire.smtp(f"RCPT TO:<nobody@{DOMAIN}>", 550), "5.1.1")
        contains(wire.smtp("RCPT TO:<someone@elsewhere.example>", 554), "5.7.1")
        contains(wire.smtp("RCPT TO:<someone@[192.0.2.1]>", 554), "5.7.1")
        contains(wire.smtp("DATA", 554), "5.5.1")
        for trick in ("someone%elsewhere.example@example.test", '"someone@elsewhere.example"@example.test'):
            reply = wire.smtp(f"RCPT TO:<{trick}>")
            assert reply[0] == "5", f"{trick}: {reply}"


def case_requires_tls_before_auth():
    with greeted(587) as wire:
        contains(wire.smtp("EHLO me", 250), "STARTTLS")
        assert "AUTH" not in wire.smtp("EHLO me", 250), "AUTH is offered before TLS"
        plain = base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode()).decode()
        reply = wire.smtp(f"AUTH PLAIN {plain}")
        assert reply[:3] in ("530", "538"), reply
        reply = wire.smtp(f"MAIL FROM:<{ACCOUNT}>")
        assert reply[:3] == "530", reply
    with greeted(25) as wire:
        assert "AUTH" not in wire.smtp("EHLO me", 250), "AUTH is offered on the MX port"
        assert wire.smtp(f"AUTH PLAIN {plain}")[0] == "5"


def case_logs_in_by_plain_and_login():
    plain = base64.b64encode(f"\0{ACCOUNT}\0{PASSWORD}".encode()).decode()
    user = base64.b64encode(ACCOUNT.encode()).decode()
    secret = base64.b64encode(PASSWORD.encode()).decode()
    dialogues = [
        [(f"AUTH PLAIN {plain}", "235")],
        [("AUTH PLAIN", "334"), (plain, "235")],
        [("AUTH LOGIN", "334 VXNlcm5hbWU6"), (user, "334 UGFzc3dvcmQ6"), (secret, "235")],
        [(f"AUTH LOGIN {user}", "334 UGFzc3dvcmQ6"), (secret, "235")],
        [("AUTH LOGIN", "334"), ("*", "501"), (f"auth plain {plain}", "235")],
    ]
    for dialogue in dialogues:
        with greeted(465, tls=True) as wire:
            wire.smtp("EHLO me", 250)
            for command, code in dialogue:
                wire.smtp(command, code)
            contains(wire.smtp(f"AUTH PLAIN {plain}", 503), "5.5.1")


def case_refuses_wrong_passwords():
    with greeted(465, tls=True) as wire:
        wire.smtp("EHLO me", 250)
        for login in (ACCOUNT, f"nobody@{DOMAIN}"):
            wrong = base64.b64encode(f"\0{login}\0wrong".encode()).decode()
            contains(wire.smtp(f"AUTH PLAIN {wrong}", 535), "5.7.8")
        contains(wire.smtp("AUTH PLAIN ====", 501), "5.5.2")
        contains(wire.smtp("AUTH CRAM-MD5", 504), "5.5.4")
        wire.smtp(f"MAIL FROM:<{ACCOUNT}>", 530)


def case_refuses_forged_senders():
    with submission() as smtp:
        code, text = smtp.mail(SECOND)
        equal(code, 553, text)
        contains(text.decode(), "5.7.1")
        code, _ = smtp.mail(f"alice+shop@{DOMAIN}")
        equal(code, 250, "a tag of the login's own address")
        smtp.rset()
        code, text = smtp.mail(OUTSIDE)
        equal(code, 553, text)


def case_completes_the_header_on_submission():
    empty()
    with submission() as smtp:
        smtp.sendmail(ACCOUNT, [ACCOUNT], f"From: {ACCOUNT}\r\nBcc: x@y.example\r\nSubject: bare\r\n\r\nx\r\n")
    message = email.message_from_bytes(newest())
    assert message["Date"] and message["Message-ID"], "Date and Message-ID are added"
    assert message["Bcc"] is None, "Bcc is taken out"
    matches(message["Received"], r"with ESMTPSA", "protocol")


def case_keeps_eight_bit_and_utf8():
    empty()
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        wire.smtp(f"MAIL FROM:<{OUTSIDE}> BODY=8BITMIME SMTPUTF8", 250)
        wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
        wire.smtp("DATA", 354)
        wire.smtp("Subject: Grüße\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nänderung\r\n.".encode(), 250)
    assert newest().endswith("\r\n\r\nänderung\r\n".encode())


def case_reports_what_users_ask_for():
    empty()
    with submission() as smtp:
        contains(smtp.ehlo("client.example")[1].decode(), "\nDSN\n")
        smtp.sendmail(
            ACCOUNT, [ACCOUNT], "Subject: asked\r\n\r\nbody words\r\n",
            mail_options=["RET=HDRS", "ENVID=QQ+2B314"],
            rcpt_options=["NOTIFY=SUCCESS", f"ORCPT=rfc822;{ACCOUNT}"])
        smtp.sendmail(ACCOUNT, [ACCOUNT], "Subject: silent\r\n\r\nx\r\n", rcpt_options=["NOTIFY=NEVER"])

    def report():
        raw = [raw for raw in everything() if b"multipart/report" in raw]
        return raw and raw[0].decode()

    text = until(report, "a report of success")
    for part in (
            "Return-Path: <>", "Original-Envelope-Id: QQ+314", f"Original-Recipient: rfc822; {ACCOUNT}",
            f"Final-Recipient: rfc822; {ACCOUNT}", "Action: delivered", "Status: 2.1.5", "Subject: asked"):
        contains(text, part)
    assert "body words" not in text, "RET=HDRS gives back the header alone"
    equal(len(everything()), 3, "messages")


def case_strangers_get_no_reports_of_success():
    with greeted(25) as wire:
        assert "DSN" not in wire.smtp("EHLO peer.example", 250)
        wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
        wire.smtp(f"RCPT TO:<{ACCOUNT}> NOTIFY=SUCCESS", 555)


def case_binary_messages_can_be_read():
    empty()
    body = bytes(range(256)) + b"\n.\r\n.\r.\n" + bytes(reversed(range(256)))
    text = b"Subject: octets\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
    with greeted(25) as wire:
        contains(wire.smtp("EHLO peer.example", 250), "BINARYMIME")
        wire.smtp(f"MAIL FROM:<{OUTSIDE}> BODY=BINARYMIME", 250)
        wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
        wire.smtp("DATA", 503)
        wire.send(f"BDAT {len(text)} LAST\r\n".encode() + text)
        assert wire.reply().startswith("250 ")
    raw = newest()
    equal(raw[-len(body):], body.replace(b"\0", b"\x80"), "body by IMAP")
    client = imap()
    client.select("INBOX", readonly=True)
    _, data = client.fetch("1", "(RFC822.SIZE BODYSTRUCTURE)")
    contains(data[0].decode(), f"RFC822.SIZE {len(raw)}")
    contains(data[0].decode(), f'"binary" {len(body)}')
    client.logout()
    reader = pop3()
    lines = reader.retr(1)[1]
    equal(lines[lines.index(b"") + 1][:9], bytes(range(9)), "body by POP3")
    reader.quit()


def case_binary_sizes_and_limits():
    with greeted(25) as wire:
        size = int(matches(wire.smtp("EHLO peer.example", 250), r"SIZE (\d+)").group(1))
        contains(wire.smtp(f"MAIL FROM:<{OUTSIDE}> SIZE={size + 1}", 552), "5.3.4")
        wire.smtp(f"MAIL FROM:<{OUTSIDE}> SIZE={size - 10000}", 250)
        wire.smtp("RSET", 250)
        contains(wire.smtp(f"MAIL FROM:<{OUTSIDE}> NONSENSE=1"), "55")


def case_stops_loops():
    hops = "".join(f"Received: from a{i} by b{i}; Sat, 21 Nov 2026 00:00:00 +0000\r\n" for i in range(120))
    with greeted(25) as wire:
        wire.smtp("EHLO peer.example", 250)
        wire.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
        wire.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
        wire.smtp("DATA", 354)
        contains(wire.smtp(hops + "Subject: round\r\n\r\nx\r\n.", 554), "5.4.6")


def case_delivers_a_large_message():
    empty()
    body = "".join(f"{i:08d} " + "x" * 60 + "\r\n" for i in range(60_000))
    deliver(subject="large", body=body)
    raw = newest()
    assert raw.endswith(body.encode()), "the body is not what was sent"


def case_tls_is_modern():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        with smtplib.SMTP(HOST, port(25)) as smtp:
            smtp.starttls(context=context)
            equal(smtp.sock.version(), "TLSv1.2" if version == ssl.TLSVersion.TLSv1_2 else "TLSv1.3")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    warnings.simplefilter("ignore")
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    raw = socket.create_connection((HOST, port(465)))
    try:
        old.wrap_socket(raw)
    except (ssl.SSLError, ConnectionError):
        pass
    else:
        raise AssertionError("TLS 1.1 was spoken")
    finally:
        raw.close()


def case_the_smtplib_script_of_a_user():
    """A script as people write it: a sender that is no address, STARTTLS on 587, login, sendmail."""
    from email.mime.text import MIMEText
    from email.utils import formatdate, parseaddr

    empty(SECOND)
    mail_host = HOST
    mail_user = ACCOUNT
    mail_pass = PASSWORD
    sender = "FBI"
    receivers = [SECOND]

    content = """Open the door!!!"""
    message = MIMEText(content, "plain", "utf-8")
    message["Subject"] = "Your email has been hacked!"
    message["From"] = sender
    message["To"] = receivers[0]
    message["Date"] = formatdate()

    server = smtplib.SMTP(mail_host, port(587))
    server.ehlo()
    server.starttls()
    server.login(mail_user, mail_pass)
    server.sendmail(sender, receivers, message.as_string())

    server.quit()

    arrived = email.message_from_bytes(newest(SECOND))
    equal(parseaddr(arrived["From"])[1], f"FBI@{DOMAIN}", "From is qualified with the login's domain")
    equal(arrived["Return-Path"], f"<{ACCOUNT}>", "the reverse-path is the login's address")
    equal(arrived.get_payload(decode=True), b"Open the door!!!", "body")


if __name__ == "__main__":
    main(globals())
