"""Bad days of a relay: what the next host does wrong, and what becomes of the mail, the log and the password."""
import base64
import json
import threading

from common import *
from sendmail_cases import ALICE, BOB, Room
from upstream_peers import CLOSE, RESET, SILENCE, Authority, NameServer, Upstream

USER, PASSWORD_OF_ROUTE = "relay-user", "route-secret-7"
QUICK = "queue: {minimum_backoff: 1s, maximum_backoff: 1s, dead_destination_wait: 1s%s}\n"


class Relay(Room):
    """The whole program, whose mail leaves by the routes of a case."""

    def __init__(self, routing, more="", queue=""):
        super().__init__(more + QUICK % queue)
        with open(self.config, "a") as file:
            file.write(routing.replace("FOLDER", self.folder))
        self.write_password()

    def write_password(self, text=PASSWORD_OF_ROUTE, name="route.password"):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text + "\n")
        os.chmod(f"{self.folder}/{name}", 0o600)

    def send(self, subject, to="friend@elsewhere.example", sender=ALICE):
        self.sendmail("-f", sender, to, text=f"From: {sender}\nSubject: {subject}\n\nHello.\n")

    def entries(self):
        return json.loads(self.run("queue", "list", "--json"))

    def shown(self):
        """What is said of each message in the queue."""
        ids = [entry["id"] for entry in self.entries()]
        texts = [subprocess.run([self.binary, "queue", "show", i, "--config", self.config], capture_output=True, text=True)
                 for i in ids]
        return [done.stdout for done in texts if done.returncode == 0]

    def waits(self, *words):
        """The one message in the queue whose last reply has all the words; its text by `queue show`."""
        def look():
            return [text for text in self.shown() if all(word in text for word in words)]
        return until(look, lambda: f"a message waits with {words}: {self.shown()}")[0]

    def leaves(self, upstream, subject):
        def look():
            if subject not in upstream.subjects():
                self.run("queue", "flush")
                time.sleep(0.2)
            return subject in upstream.subjects()
        until(look, lambda: f"{subject} has arrived: {self.shown()}")
        until(lambda: not self.entries(), "the queue is empty")
        equal(upstream.subjects().count(subject), 1, f"messages with {subject}")

    def returned(self, subject):
        """The report that says that a message came back."""
        return until(lambda: [t for t in self.mailbox() if "multipart/report" in t and f"Subject: {subject}\r\n" in t],
                     f"{subject} came back")[0]

    def nothing_bounced(self):
        equal([t for t in self.mailbox() if "multipart/report" in t], [], "reports")

    def lines(self, words):
        return [line for line in self.log().split("\n") if words in line]

    def says(self, words, count=1):
        """The log is written by a thread of its own, a moment later; then nothing is said more often than that."""
        until(lambda: len(self.lines(words)) >= count, f"the log says {words!r} {count} times")
        equal(len(self.lines(words)), count, f"lines with {words!r}: {self.lines(words)}")

    def keeps_secrets(self, *secrets):
        for secret in secrets or (PASSWORD_OF_ROUTE,):
            assert secret not in self.log(), f"{secret} stands in the log"


def route(upstream, tls="{level: secure, ca_file: FOLDER/authority.crt}", name="isp", login=True):
    words = f"      login: {{username: {USER}, password_file: FOLDER/route.password}}\n" if login else ""
    return (f"    - name: {name}\n      kind: smarthost\n      hosts: [\"[127.0.0.1]:{upstream.port}\"]\n"
            f"      tls: {tls}\n{words}")


def all_by(*routes):
    return "routing:\n  routes:\n" + "".join(routes) + "  rules: [{route: isp}]\n"


@contextlib.contextmanager
def office(tls="{level: secure, ca_file: FOLDER/authority.crt}", **more):
    """A relay behind a provider that asks for a login, on a good day."""
    upstream = Upstream(users={USER: PASSWORD_OF_ROUTE}, **more)
    with Relay(all_by(route(upstream, tls))) as relay:
        authority = Authority(relay.folder)
        upstream.context = authority.issue("good")
        if not upstream.implicit:
            upstream.clear = ["STARTTLS", "8BITMIME"]
        try:
            relay.start()
            yield relay, upstream, authority
            relay.keeps_secrets()
        finally:
            upstream.close()


def no_login_was_sent(upstream):
    for secret in ("AUTH", base64_of(USER, PASSWORD_OF_ROUTE), PASSWORD_OF_ROUTE, USER):
        assert secret.encode() not in b"".join(line for _, line in upstream.heard), f"{secret}: {upstream.heard}"


def base64_of(name, password):
    return base64.b64encode(f"\0{name}\0{password}".encode()).decode()


# Logins


def case_a_password_that_is_wrong_for_a_while():
    """Mail waits, the operator is told once, nothing comes back; it leaves when the file is right, or the host again."""
    with office() as (relay, upstream, _):
        relay.send("before")
        relay.leaves(upstream, "before")
        upstream.forget()
        upstream.users[USER] = "another-secret-8"  # the provider has ended the old password
        for number in range(3):
            relay.send(f"waits {number}")
        relay.waits("535", "Username and password not accepted (in reply to AUTH)")
        until(lambda: len(upstream.logins) > 3, "it is tried again")
        relay.says("a route takes no login: its mail waits", 1)
        equal(len(relay.entries()), 3)
        relay.write_password("another-secret-8")
        relay.run("reload")
        until(lambda: len(upstream.messages) == 4, "all have left")
        relay.says("the route takes mail again", 1)
        upstream.forget()
        upstream.users[USER] = "a third"
        relay.send("again")
        relay.waits("535")
        relay.says("a route takes no login: its mail waits", 2)
        upstream.users[USER] = "another-secret-8"  # nothing is changed here
        relay.leaves(upstream, "again")
        relay.nothing_bounced()
        relay.keeps_secrets("another-secret-8")


def case_logins_that_cannot_be_checked_now():
    with office() as (relay, upstream, _):
        upstream.says["AUTH"] = "454 4.7.0 Temporary authentication failure"
        relay.send("later")
        relay.waits("454 4.7.0")
        equal(relay.lines("takes no login"), [], "it is nobody's fault here")
        upstream.says = {}
        relay.leaves(upstream, "later")
        relay.nothing_bounced()


def case_one_senders_login_stops_nobody_else():
    """Two logins on one route: one is refused, and each alarm speaks for its own."""
    upstream = Upstream(users={"ann": "ann-secret-1", "ben": "ben-secret-2"})
    upstream.clear, upstream.secure = ["AUTH PLAIN"], []
    login = "{{sender: {0}, username: {1}, password_file: FOLDER/{1}.password, allow_cleartext: true}}".format
    routing = all_by(route(upstream, "none", login=False) +
                     f"      sender_logins: [{login(ALICE, 'ann')}, {login(BOB, 'ben')}]\n")
    with Relay(routing) as relay:
        relay.write_password("ann-secret-1", "ann.password")
        relay.write_password("not the secret", "ben.password")
        relay.start()
        for number in range(4):
            relay.send(f"of ben {number}", sender=BOB)
            relay.send(f"of ann {number}")
            until(lambda: f"of ann {number}" in upstream.subjects(), "ann's mail leaves")
        until(lambda: len([name for name, _ in upstream.logins if name == "ben"]) > 2, "ben's is tried again")
        relay.says("a route takes no login: its mail waits", 1)
        equal(relay.lines("the route takes mail again"), [], "ben's login is still refused")
        equal(len(relay.entries()), 4)
        relay.write_password("ben-secret-2", "ben.password")
        until(lambda: len(upstream.messages) == 8, "all have left")
        relay.says("the route takes mail again", 1)
        equal({login for _, _, text, login in upstream.messages if "of ben" in text}, {"ben"})
        equal({login for _, _, text, login in upstream.messages if "of ann" in text}, {"ann"})
        relay.nothing_bounced()
        relay.keeps_secrets("ann-secret-1", "ben-secret-2")
        upstream.close()


def case_auth_is_listed_on_the_wrong_side_of_tls():
    with office() as (relay, upstream, _):
        relay.send("listed after")  # only after STARTTLS: as it should be
        relay.leaves(upstream, "listed after")
        upstream.forget()
        upstream.clear, upstream.secure = ["STARTTLS", "AUTH PLAIN LOGIN"], ["8BITMIME"]
        relay.send("listed before")
        relay.waits("4.7.0", "no login mechanism in common: the host offers no login")
        relay.says("a route takes no login: its mail waits", 1)
        no_login_was_sent(upstream)
        upstream.secure = ["AUTH GSSAPI NTLM"]
        relay.waits("the host offers GSSAPI NTLM")
        no_login_was_sent(upstream)
        upstream.secure = ["AUTH LOGIN"]
        relay.leaves(upstream, "listed before")


def case_starttls_is_taken_away():
    """By somebody between: nothing is said of the login, by no level that could carry one."""
    for level in ("{level: secure, ca_file: FOLDER/authority.crt}", "may"):
        with office(level) as (relay, upstream, _):
            upstream.clear = ["AUTH PLAIN LOGIN", "8BITMIME"]
            relay.send("stripped")
            relay.waits("4.7.4", "TLS is required: the host does not offer STARTTLS")
            upstream.clear = ["STARTTLS", "AUTH PLAIN LOGIN"]
            for said in ("454 4.7.0 TLS not available", "500 what", b"220 go on\r\n250-x\r\n250 AUTH PLAIN\r\n", "250 ok"):
                upstream.says["STARTTLS"] = said
                heard = len(upstream.heard)
                until(lambda: b"STARTTLS\r\n" in [line for _, line in upstream.heard[heard:]], "it is tried again")
            connections = upstream.connections
            until(lambda: upstream.connections > connections, "and again")
            no_login_was_sent(upstream)
            equal(upstream.messages, [])
            upstream.says = {}
            relay.leaves(upstream, "stripped")
            relay.nothing_bounced()


# Certificates


def case_the_certificate_changes():
    """It is told in words what is wrong, no login is sent, and mail leaves when it is right."""
    bad = {
        "expired": (dict(days=-2), "the certificate has expired on "),
        "elsewhere": (dict(names="DNS:mail.elsewhere.example"), "its names are: mail.elsewhere.example"),
        "self": (dict(signed=False), "self-signed"),
    }
    for level in ("secure", "verify"):
        with office(f"{{level: {level}, ca_file: FOLDER/authority.crt}}") as (relay, upstream, authority):
            for name, (kind, words) in bad.items():
                good = upstream.context
                relay.send(f"{name} before")
                relay.leaves(upstream, f"{name} before")
                upstream.context = authority.issue(name, **kind)
                upstream.forget()
                relay.send(name)
                relay.waits("4.7.5", "TLS failed", words)
                no_login_was_sent(upstream)
                until(lambda: any(words in line for line in relay.lines("host failed")), f"the log says {words!r}")
                upstream.context = good
                relay.leaves(upstream, name)
            relay.nothing_bounced()


def case_the_fingerprint_changes():
    upstream = Upstream(users={USER: PASSWORD_OF_ROUTE})
    with Relay("") as relay:
        authority = Authority(relay.folder)
        good, other = authority.issue("one", signed=False), authority.issue("two", signed=False)
        upstream.context, upstream.clear = other, ["STARTTLS"]
        with open(relay.config, "a") as file:
            tls = f"{{level: fingerprint, fingerprints: [\"{authority.fingerprint('one')}\"]}}"
            file.write(all_by(route(upstream, tls)).replace("FOLDER", relay.folder))
        relay.start()
        relay.send("pinned")
        relay.waits("4.7.5", "the certificate has another fingerprint", authority.fingerprint("two"))
        no_login_was_sent(upstream)
        upstream.context = good
        relay.leaves(upstream, "pinned")
        relay.nothing_bounced()
        upstream.close()


def case_tls_from_the_first_octet_on_the_wrong_side():
    """A server that speaks first where TLS is expected, and one that waits for TLS where a greeting is expected."""
    with office("{level: encrypt}") as (relay, upstream, _):
        upstream.implicit = True  # the route expects STARTTLS
        relay.send("waits for a greeting")
        until(lambda: upstream.connections, "it is tried")
        relay.run("queue", "hold", "--to", "elsewhere.example")
        no_login_was_sent(upstream)
        upstream.forget()
    upstream = Upstream(users={USER: PASSWORD_OF_ROUTE})
    tls = "{level: encrypt}\n      implicit_tls: true"
    with Relay(all_by(route(upstream, tls))) as relay:
        upstream.context = Authority(relay.folder).issue("good")
        upstream.clear = ["STARTTLS", "AUTH PLAIN"]
        relay.start()
        relay.send("first octet")
        relay.waits("TLS failed")
        no_login_was_sent(upstream)
        upstream.implicit = True
        relay.leaves(upstream, "first octet")
        relay.nothing_bounced()
        upstream.close()


# Answers


def case_answers_that_make_mail_wait():
    """Each stage with each kind of failure: nothing comes back, and the reason stands in the queue and in the log."""
    upstream = Upstream()
    upstream.needs_login = False
    with Relay(all_by(route(upstream, "none", login=False))) as relay:
        relay.start()
        for number, (stage, said, words) in enumerate((
            ("greeting", "554 5.7.1 go away", "5.7.1"),
            ("greeting", "421 4.3.2 busy", "4.3.2"),
            ("greeting", "HTTP/1.1 400 Bad Request", "not an SMTP reply"),
            ("greeting", b"\x16\x03\x01\x00\xa5\x01\x00\r\n", "not an SMTP reply"),
            ("greeting", b"220" + b"-" + b"x" * 200_000, "a reply line is too long"),
            ("greeting", b"220-hello\r\n" * 400 + b"220 end\r\n", "a reply has too many lines"),
            ("greeting", CLOSE, "lost connection while waiting for the greeting"),
            ("EHLO", "421 4.3.2 closing", "421"),
            ("EHLO", b"250-one\r\n550 two\r\n", "a reply changes its code"),
            ("MAIL", RESET, "lost connection while talking (MAIL FROM)"),
            ("MAIL", "354 what", "unexpected reply"),
            ("RCPT", "421 4.3.2 closing", "421"),
            ("RCPT", "354 what", "unexpected reply"),
            ("DATA", "250 thanks", "unexpected reply"),
            ("DATA", CLOSE, "lost connection while talking (DATA)"),
            ("text", CLOSE, "lost connection while"),
            (".", CLOSE, "lost connection while waiting for the reply to the end of data"),
            (".", RESET, "lost connection while waiting for the reply to the end of data"),
            (".", "354 more", "unexpected reply"),
            (".", "421 4.3.2 closing", "421"),
            (".", b"\xff\xfe\x00 garbage\r\n", "not an SMTP reply"),
            (".", b"451 4.3.0 " + b"x" * 100_000 + b"\r\n", "a reply line is too long"),
        )):
            upstream.forget()
            upstream.says = {stage: said}
            subject = f"bad day {number}"
            relay.send(subject)
            text = relay.waits(words)
            assert all(len(line) < 4000 for line in text.split("\n")), "a reply is shown whole"
            upstream.says = {}
            relay.leaves(upstream, subject)
        relay.nothing_bounced()
        upstream.close()


def case_answers_that_come_too_late():
    """Silence at each stage ends with the time for it. A late yes means the message may be there twice, never nowhere."""
    upstream = Upstream()
    os.environ["MARTLET_OUTBOUND_TIMEOUTS_COMMAND"] = os.environ["MARTLET_OUTBOUND_TIMEOUTS_FINAL"] = "1s"
    try:
        with Relay(all_by(route(upstream, "none", login=False))) as relay:
            relay.start()
            for stage, words in (("greeting", "the greeting"), ("EHLO", "talking (EHLO)"), ("MAIL", "talking (MAIL FROM)"),
                                 ("RCPT", "talking (RCPT TO)"), ("DATA", "talking (DATA)"),
                                 (".", "the reply to the end of data")):
                upstream.forget()
                upstream.says = {stage: SILENCE}
                relay.send(f"silence at {stage}")
                relay.waits("4.4.2 timed out while ", words)
                upstream.says = {}
                relay.leaves(upstream, f"silence at {stage}")
            relay.nothing_bounced()
    finally:
        del os.environ["MARTLET_OUTBOUND_TIMEOUTS_COMMAND"], os.environ["MARTLET_OUTBOUND_TIMEOUTS_FINAL"]
        upstream.close()


def case_answers_that_return_mail():
    upstream = Upstream()
    with Relay(all_by(route(upstream, "none", login=False))) as relay:
        relay.start()
        for stage, said in (
            ("MAIL", "553 5.7.1 sender not owned"), ("RCPT", "550 5.1.1 no such user"),
            ("RCPT", "551 5.1.6 try <thief@evil.example>"), ("DATA", "554 5.5.1 no"), (".", "550 5.7.1 spam"),
        ):
            upstream.says = {stage: said}
            subject = said.replace("<", "").replace(">", "")
            relay.send(subject)
            contains(relay.returned(subject), f"Status: {said[4:9]}")
            until(lambda: not relay.entries(), "the queue is empty")
        equal([line for _, line in upstream.heard if line.startswith(b"RCPT") and b"evil" in line], [])
        upstream.close()


def case_one_answer_too_many():
    """An answer that nobody asked for is not taken for the answer to the next message."""
    upstream = Upstream()
    with Relay(all_by(route(upstream, "none", login=False)), queue=", per_destination: 1") as relay:
        relay.start()
        upstream.clear = ["PIPELINING"]
        upstream.says = {".": [b"250 2.0.0 taken\r\n550 5.7.1 and another thing\r\n"]}
        relay.run("queue", "rule", "add", "hold", "--to", "elsewhere.example")
        for number in range(5):
            relay.send(f"batch {number}")
        until(lambda: len(relay.entries()) == 5, "all are held")
        relay.run("queue", "release", "--held", "--to", "elsewhere.example")
        until(lambda: not relay.entries(), "all have left")
        relay.nothing_bounced()
        upstream.close()


def case_a_login_is_demanded_where_none_is_set():
    upstream = Upstream(users={USER: PASSWORD_OF_ROUTE})
    upstream.clear = ["AUTH PLAIN"]
    with Relay(all_by(route(upstream, "none", login=False))) as relay:
        relay.start()
        relay.send("no login here")
        relay.waits("530")
        until(lambda: upstream.connections > 3, "it is tried again")
        relay.says("a route takes no mail like this: its mail waits", 1)
        equal(relay.lines("the route takes mail again"), [])
        no_login_was_sent(upstream)
        upstream.needs_login = False
        relay.leaves(upstream, "no login here")
        relay.nothing_bounced()
        upstream.close()


# Names


def case_names_that_lead_nowhere():
    """What DNS denies comes back at once, what it can't say waits; this server as an MX is a loop."""
    upstream = Upstream()
    names = NameServer({
        ("null.example", "MX"): ["0 ."],
        ("empty.example", "MX"): ["10 mx.empty.example"], ("mx.empty.example", "A"): None,
        ("bare.example", "TXT"): None,
        ("broken.example", "*"): "SERVFAIL",
        ("half.example", "MX"): ["10 mx.half.example"], ("mx.half.example", "*"): "SERVFAIL",
        ("ours.example", "MX"): ["10 mail.example.test"],
        ("backup.example", "MX"): ["10 mx.backup.example", "20 mail.example.test", "30 worse.backup.example"],
        ("mx.backup.example", "A"): ["127.0.0.1"], ("worse.backup.example", "A"): ["127.0.0.3"],
        ("equal.example", "MX"): ["10 mail.example.test", "10 other.equal.example"],
        ("other.equal.example", "A"): ["127.0.0.3"],
        ("plain.example", "A"): ["127.0.0.1"],
    })
    os.environ["MARTLET_OUTBOUND_PORT"] = str(upstream.port)
    os.environ["MARTLET_SERVER_DNS_FORWARDERS"] = f"127.0.0.1@{names.port}"
    try:
        with Relay("") as relay:
            relay.start()
            for domain, status in (("null", "5.1.10"), ("gone", "5.1.2"), ("empty", "5.4.4"), ("bare", "5.4.4"),
                                   ("ours", "5.4.6"), ("equal", "5.4.6")):
                relay.send(domain, to=f"x@{domain}.example")
                contains(relay.returned(domain), f"Status: {status}", domain)
            for domain in ("broken", "half"):
                relay.send(domain, to=f"x@{domain}.example")
                relay.waits("4.4.3", f"{domain}.example")
            for domain in ("plain", "backup"):
                relay.send(domain, to=f"x@{domain}.example")
                until(lambda: domain in upstream.subjects(), f"{domain} has arrived")
            names.records[("broken.example", "*")] = None
            names.records[("broken.example", "MX")] = ["10 plain.example"]
            names.records[("mx.half.example", "*")] = None
            names.records[("mx.half.example", "A")] = ["127.0.0.1"]
            until(lambda: {"broken", "half"} <= set(upstream.subjects()), "mail leaves when DNS is back", seconds=40)
    finally:
        del os.environ["MARTLET_SERVER_DNS_FORWARDERS"], os.environ["MARTLET_OUTBOUND_PORT"]
        names.close()
        upstream.close()


def case_a_smarthost_that_sends_back():
    """Each round adds a Received field, and the count of them ends it: no storm."""
    upstream = Upstream()
    relay_domains = "relay: {domains: [round.example], networks: [127.0.0.0/8]}\n"
    with Relay(all_by(route(upstream, "none", login=False)), relay_domains) as relay:
        relay.start()
        rounds, refusal = [], []

        def back(sender, recipients, text):
            rounds.append(text)
            with smtplib.SMTP(HOST, 25 + relay.offset, timeout=TIMEOUT) as smtp:
                smtp.ehlo("upstream.example")
                try:
                    smtp.sendmail(ALICE, recipients, text.encode())
                except smtplib.SMTPException as error:
                    refusal.append(str(error))

        upstream.taken = lambda *words: threading.Thread(target=back, args=words).start()
        relay.send("round and round", to="x@round.example")
        until(lambda: refusal, "it is refused in the end", seconds=60)
        contains(refusal[0], "5.4.6")
        assert len(rounds) <= 101, f"{len(rounds)} rounds"
        until(lambda: not relay.entries(), "the queue is empty")
        relay.says("5.4.6", 1)
        upstream.close()


def case_a_route_to_this_server():
    """By address: its mail waits, and it is said once."""
    with Relay("routing:\n  routes:\n    - {name: isp, kind: smarthost, hosts: [\"[127.0.0.1]:PORT\"], tls: none}\n"
               "  rules: [{route: isp}]\n") as relay:
        with open(relay.config) as file:
            text = file.read()
        with open(relay.config, "w") as file:
            file.write(text.replace("PORT", str(25 + relay.offset)))
        relay.start()
        for number in range(3):
            relay.send(f"to myself {number}")
        relay.waits("4.4.6", "loops back to this server")
        relay.says("a route leads back to this server: its mail waits", 1)
        equal(len(relay.entries()), 3)
        equal(relay.mailbox(), [])
        relay.run("queue", "remove", "--to", "elsewhere.example")


if __name__ == "__main__":
    main(globals())
