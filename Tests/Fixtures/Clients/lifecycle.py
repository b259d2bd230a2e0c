"""Reload and stop of the running server, seen from open sessions."""
import signal

from common import *

PID = int(os.environ.get("IT_PID", "0"))


def certificate(standard):
    with Wire(standard, tls=True) as wire:
        return wire.socket.getpeercert(binary_form=True)


def reload():
    held = Wire(993, tls=True)
    held.line()
    held.imap("a", f'LOGIN {ACCOUNT} "{PASSWORD}"')
    held.imap("b", "SELECT INBOX")
    smtp = greeted(25)
    smtp.smtp("EHLO held.example", 250)
    before = certificate(993)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={HOSTNAME}", "-addext", f"subjectAltName=DNS:{HOSTNAME}", "-keyout", f"{FOLDER}/live.key",
         "-out", f"{FOLDER}/live.crt"], check=True, capture_output=True)
    os.kill(PID, signal.SIGHUP)
    until(lambda: certificate(993) != before, "a new certificate on 993")
    assert certificate(465) == certificate(993) == certificate(995)
    held.imap("c", "NOOP")
    held.imap("d", "LOGOUT")
    smtp.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
    smtp.smtp("QUIT", 221)


def drain():
    """A command in hand is finished, then each protocol says goodbye."""
    imap_wire = Wire(993, tls=True)
    imap_wire.line()
    imap_wire.imap("a", f'LOGIN {ACCOUNT} "{PASSWORD}"')
    idle = Wire(993, tls=True)
    idle.line()
    idle.imap("a", f'LOGIN {ACCOUNT} "{PASSWORD}"')
    idle.imap("b", "SELECT INBOX")
    idle.send("c IDLE\r\n")
    idle.line()
    smtp = greeted(25)
    smtp.smtp("EHLO held.example", 250)
    data = greeted(25)
    data.smtp("EHLO held.example", 250)
    data.smtp(f"MAIL FROM:<{OUTSIDE}>", 250)
    data.smtp(f"RCPT TO:<{ACCOUNT}>", 250)
    data.smtp("DATA", 354)
    data.send("Subject: in flight\r\n\r\n")
    pop = Wire(995, tls=True)
    pop.line()
    pop.pop(f"USER {ACCOUNT}")
    pop.pop(f"PASS {PASSWORD}")
    os.kill(PID, signal.SIGTERM)
    contains(imap_wire.rest().decode(), "* BYE")
    contains(idle.rest().decode(), "* BYE")
    contains(smtp.rest().decode(), "421 4.3.2")
    data.send("the end\r\n.\r\n")
    text = data.rest().decode()
    matches(text, r"^250 2\.0\.0.*421 4\.3\.2")
    pop.rest()
    try:
        socket.create_connection((HOST, port(25)), timeout=2).close()
    except OSError:
        pass
    else:
        raise AssertionError("connections are still accepted")


def names():
    """The certificate follows the name that the client asks for; who asks for none, or another, gets the first."""
    def shown(name, standard):
        context = ssl.create_default_context(cafile=f"{FOLDER}/both.crt")
        context.check_hostname = False
        if standard == 587:
            with smtplib.SMTP(HOST, port(standard), timeout=TIMEOUT) as smtp:
                smtp._host = name
                smtp.starttls(context=context)
                certificate = smtp.sock.getpeercert()
        else:
            with socket.create_connection((HOST, port(standard))) as plain:
                with context.wrap_socket(plain, server_hostname=name) as wrapped:
                    certificate = wrapped.getpeercert()
        return certificate["subject"][0][0][1]

    with open(f"{FOLDER}/both.crt", "w") as both:
        for part in ("first", "second"):
            both.write(open(f"{FOLDER}/{part}.crt").read())
    for standard in (993, 465, 995, 587):
        for name, wanted in (
            (HOSTNAME, HOSTNAME), ("mail.second.test", "mail.second.test"), ("MAIL.Second.Test", "mail.second.test"),
            ("imap.third.test", "mail.second.test"), ("a.b.third.test", HOSTNAME), ("unknown.test", HOSTNAME),
        ):
            equal(shown(name, standard), wanted, f"{name} on {standard}")


if __name__ == "__main__":
    {"reload": reload, "drain": drain, "names": names}[sys.argv[1]]()
