"""What accounts submit is kept for them, once, whoever files it."""
from common import *
from login_cases import LOGIN, RIGHT, Room

OTHER = "bob@example.test"


def room_that_saves(**environment):
    room = Room()
    room.run("account", "add", OTHER, "--password-file", f"{room.folder}/password")
    room.environment.update(environment)
    return room


def mailbox(room, name="Sent", login=LOGIN):
    """The messages of a mailbox: UID, flags, text."""
    client = imaplib.IMAP4_SSL(HOST, 993 + room.offset, ssl_context=TLS, timeout=TIMEOUT)
    client.login(login, RIGHT)
    client.select(name, readonly=True)
    found = []
    for uid in client.uid("SEARCH", "ALL")[1][0].split():
        head, text = client.uid("FETCH", uid, "(FLAGS BODY.PEEK[])")[1][0]
        found.append((int(uid), head.decode(), text.decode()))
    client.logout()
    return found


def text_of(number, message_id=True):
    identity = f"Message-ID: <{number}@client.example>\r\n" if message_id else ""
    return (f"From: {LOGIN}\r\nTo: {OTHER}\r\nBcc: secret@elsewhere.example\r\nSubject: {number}\r\n{identity}"
            "Date: Thu, 19 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n")


def submit(room, text, login=LOGIN):
    with smtplib.SMTP_SSL(HOST, 465 + room.offset, context=TLS, timeout=TIMEOUT) as smtp:
        smtp.login(login, RIGHT)
        smtp.sendmail(login, [OTHER], text)


def append(room, text, name="Sent", flags="(\\Seen)"):
    """What the client is told."""
    client = imaplib.IMAP4_SSL(HOST, 993 + room.offset, ssl_context=TLS, timeout=TIMEOUT)
    client.login(LOGIN, RIGHT)
    kind, answer = client.append(name, flags, None, text.encode())
    equal(kind, "OK", answer)
    client.logout()
    return matches(answer[0].decode(), r"APPENDUID \d+ (\d+)").group(1)


def case_a_copy_is_filed_and_the_clients_own_is_not():
    with room_that_saves(MARTLET_SENDING_SAVE_SENT="on") as room:
        submit(room, text_of(1))
        sent = mailbox(room)
        equal(len(sent), 1)
        uid, flags, text = sent[0]
        contains(flags, "\\Seen")
        contains(text, "Bcc: secret@elsewhere.example")
        assert "Return-Path" not in text, text
        received = mailbox(room, "INBOX", OTHER)[0][2]
        assert "Bcc" not in received, received
        contains(received, "Message-ID: <1@client.example>")
        # The client's own copy, with what it adds to it.
        equal(append(room, text_of(1), flags="(\\Seen $Label1)"), str(uid), "the UID of the first")
        sent = mailbox(room)
        equal(len(sent), 1)
        contains(sent[0][1], "$Label1")
        # Another message, another mailbox, one without an identity.
        append(room, text_of(2))
        append(room, text_of(1), "Drafts", "(\\Draft)")
        submit(room, text_of(3, message_id=False))
        append(room, text_of(3, message_id=False))
        equal([len(mailbox(room, name)) for name in ("Sent", "Drafts")], [4, 1])


def case_a_copy_that_was_removed_does_not_hold_back_another():
    with room_that_saves(MARTLET_SENDING_SAVE_SENT="on") as room:
        submit(room, text_of(1))
        client = imaplib.IMAP4_SSL(HOST, 993 + room.offset, ssl_context=TLS, timeout=TIMEOUT)
        client.login(LOGIN, RIGHT)
        client.select("Sent")
        client.store("1", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.logout()
        append(room, text_of(1))
        equal(len(mailbox(room)), 1)
        # No mailbox for it: the message goes out all the same.
        client = imaplib.IMAP4_SSL(HOST, 993 + room.offset, ssl_context=TLS, timeout=TIMEOUT)
        client.login(LOGIN, RIGHT)
        client.delete("Sent")
        client.logout()
        submit(room, text_of(2))
        equal(len(mailbox(room, "INBOX", OTHER)), 2)


def case_nobody_who_does_not_ask():
    with room_that_saves() as room:
        submit(room, text_of(1))
        equal(len(mailbox(room)), 0, "off as it is")
        room.set(f"sending: {{rules: [{{match: {LOGIN}, save_sent: on}}]}}")
        room.stop()
        room.start()
        submit(room, text_of(2))
        equal(len(mailbox(room)), 1, "for one account")


if __name__ == "__main__":
    main(globals())
