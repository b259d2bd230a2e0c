"""A tired operator's day: the queue by hand, tables that go bad under a running server, manifests that would open a relay."""
import calendar
import json
import sqlite3

from common import *
from sendmail_cases import ALICE, Room
from upstream_cases import Relay, all_by, route
from upstream_peers import SILENCE, Upstream


def submit(relay, to, sender=ALICE, port=25):
    """By SMTP, as a program of a trusted network does; returns what RCPT was answered."""
    with smtplib.SMTP(HOST, port + relay.offset, timeout=TIMEOUT) as smtp:
        smtp.ehlo("client.example")
        smtp.mail(sender)
        return smtp.rcpt(to)


# The queue


def down_and_backup(closed, backup):
    return ("routing:\n  routes:\n" + route(closed, "none", login=False) + route(backup, "none", "backup", login=False)
            + "  rules: [{route: isp}, {route: backup, recipient: \"nobody@nowhere.example\"}]\n")


def case_the_queue_by_hand():
    """Hold, release, edit, another route, bounce and remove; each survives a restart, and the trace tells of all."""
    closed, backup = Upstream(), Upstream()
    closed.close()
    with Relay(down_and_backup(closed, backup)) as relay:
        relay.start()
        for name in ("held", "edited", "moved", "returned", "dropped"):
            relay.send(name, to=f"{name}@elsewhere.example")
        ids = {}
        until(lambda: len([t for t in relay.shown() if "could not connect" in t]) == 5, "all were tried")
        for entry in relay.entries():
            ids[entry["recipients"][0]["address"].split("@")[0]] = entry["id"]
        summary = relay.run("queue", "summary")
        matches(summary, r"(?m)^5 +\S+.*could not connect: Connection refused")
        equal(len(json.loads(relay.run("queue", "summary", "--json"))), 1, summary)
        relay.run("queue", "hold", ids["held"])
        relay.run("queue", "edit", ids["edited"], "--next-attempt", "+2h")
        contains(relay.run("queue", "bounce", ids["returned"]), "is returned to its sender")
        relay.run("queue", "remove", ids["dropped"])
        relay.stop()
        relay.run("queue", "requeue", ids["moved"], "--route", "backup")  # with the server stopped too
        relay.start()
        until(lambda: backup.subjects() == ["moved"], "the pinned one has left by the other route")
        report = until(lambda: [t for t in relay.mailbox() if "multipart/report" in t], "the sender is told")
        equal(len(report), 1)
        contains(report[0], "given up by the operator")
        equal(sorted(e["id"] for e in relay.entries()), sorted([ids["held"], ids["edited"]]))
        contains(relay.run("queue", "list", "--held"), ids["held"])
        held, edited = relay.run("queue", "show", ids["held"]), relay.run("queue", "show", ids["edited"])
        contains(held, "State:    held")
        when = matches(edited, r"Waits: +until (\S+)Z").group(1)
        ahead = calendar.timegm(time.strptime(when.split(".")[0], "%Y-%m-%dT%H:%M:%S")) - time.time()
        assert 6000 < ahead < 7300, f"tried in {ahead} s"
        relay.run("queue", "release", ids["held"])
        relay.run("queue", "requeue", "--to", "held@elsewhere.example", "--route", "backup")
        until(lambda: "held" in backup.subjects(), "the released one has left")
        relay.run("queue", "requeue", ids["edited"], "--route", "backup")  # which means: now
        until(lambda: not relay.entries(), "the queue is empty")
        equal(sorted(backup.subjects()), ["edited", "held", "moved"])
        for words in ([ids["moved"]], ["--to", "moved@elsewhere.example"], ["--message-id", message_id(backup, "moved")]):
            text = relay.run("trace", *words)
            for part in ("routing/", "could not connect", "route backup", "delivered", "250 2.0.0 taken"):
                contains(text, part, f"trace {words}")
            found = json.loads(relay.run("trace", *words, "--json"))
            equal([entry["id"] for entry in found], [ids["moved"]])
            outcomes = [attempt["outcome"] for attempt in found[0]["attempts"]]
            equal((outcomes[0], outcomes[-1]), ("deferred", "delivered"))
        for name in ("returned", "dropped"):
            assert json.loads(relay.run("trace", ids[name], "--json")), name
        for words in (["queue", "show", "0AAAAAAAA0000"], ["queue", "requeue", ids["moved"], "--route", "backup"],
                      ["queue", "hold", "nonsense"], ["trace", "nonsense"]):
            done = subprocess.run([relay.binary, *words, "--config", relay.config], capture_output=True, text=True)
            assert 64 <= done.returncode <= 78 and done.stderr, f"{words}: {done}"
        done = subprocess.run([relay.binary, "queue", "requeue", "--to", "x.example", "--route", "bakcup", "--config",
                               relay.config], capture_output=True, text=True)
        assert done.returncode != 0 and "backup" in done.stderr, f"the name is corrected: {done}"
        backup.close()


def message_id(upstream, subject):
    text = next(text for _, _, text, _ in upstream.messages if f"Subject: {subject}\r\n" in text)
    return matches(text, r"Message-ID: (<[^>]+>)").group(1)


def case_a_delivery_that_is_under_way():
    """Changes leave it alone and say so, and the message goes once; removed, it is not tried again."""
    slow = Upstream()
    with Relay(all_by(route(slow, "none", login=False))) as relay:
        relay.start()
        slow.says = {".": SILENCE}
        relay.send("slow")
        until(lambda: any(line == b"DATA\r\n" for _, line in slow.heard), "it is under way")
        until(lambda: relay.shown() and "State:    active" in relay.shown()[0], "the queue says so")
        id = relay.entries()[0]["id"]
        for words in (["bounce", id], ["retry", id], ["edit", id, "--next-attempt", "+1h"]):
            done = subprocess.run([relay.binary, "queue", *words, "--config", relay.config], capture_output=True, text=True)
            assert "is being delivered at this moment" in done.stdout + done.stderr, f"{words}: {done}"
        contains(relay.run("queue", "show", id), "active")
        slow.says = {}
        slow.forget()
        relay.leaves(slow, "slow")
        slow.says = {".": SILENCE}
        slow.forget()
        relay.send("removed meanwhile")
        until(lambda: any(line == b"DATA\r\n" for _, line in slow.heard), "it is under way")
        contains(relay.run("queue", "remove", relay.entries()[0]["id"]), "may arrive")
        slow.says = {}
        slow.forget()
        equal(relay.entries(), [])
        relay.nothing_bounced()
        slow.close()


# Tables


def tables_in(relay):
    def put(name, text):
        with open(f"{relay.folder}/{name}.new", "w") as file:
            file.write(text)
        os.rename(f"{relay.folder}/{name}.new", f"{relay.folder}/{name}")
    return put


def case_tables_that_go_bad():
    """The last good table stays in force, whatever becomes of the file; a database that is away makes clients come back."""
    with Relay("") as relay:
        put = tables_in(relay)
        with open(relay.config, "a") as file:
            file.write(f"rewrite:\n  virtual: [\"hash:{relay.folder}/virtual\"]\n"
                       f"relay:\n  domains: [partner.example]\n  recipients: [\"sqlite:{relay.folder}/partner.cf\"]\n"
                       "routing: {rules: [{route: keep}], routes: [{name: keep, kind: hold}]}\n")
        done = subprocess.run([relay.binary, "serve", "--config", relay.config], capture_output=True, text=True, timeout=30)
        equal(done.returncode, 78, "without its tables it does not start")
        contains(done.stderr + done.stdout, f"{relay.folder}/virtual")
        base = sqlite3.connect(f"{relay.folder}/partner.db", isolation_level=None)
        base.execute("CREATE TABLE people (address TEXT)")
        base.execute("INSERT INTO people VALUES ('ann@partner.example')")
        put("partner.cf", f"dbpath = {relay.folder}/partner.db\nquery = SELECT 1 FROM people WHERE address = '%s'\n")
        put("virtual", f"old@example.test {ALICE}\n")
        relay.start()

        def good():
            equal(submit(relay, "old@example.test", "x@outside.example")[0], 250, "the table answers")
            equal(submit(relay, "new@example.test", "x@outside.example")[0], 550, "and says what is not there")
        good()
        path = f"{relay.folder}/virtual"
        bad = {
            "removed": lambda: os.remove(path),
            "a directory": lambda: (os.path.lexists(path) and os.remove(path), os.mkdir(path)),
            "empty": lambda: put("virtual", ""),
            "a bad line": lambda: put("virtual", f"new@example.test {ALICE}\nkey-without-value\n"),
            "no text": lambda: put("virtual", f"new@example.test \udcff\n"),
        }
        for number, (name, spoil) in enumerate(bad.items()):
            if name != "no text":
                spoil()
            else:
                with open(path, "wb") as file:
                    file.write(b"new@example.test \xff\xfe\n")

            def told():
                submit(relay, "old@example.test", "x@outside.example")
                return len(relay.lines("the last good one stays in force")) > number
            until(told, f"the log tells of {name}")
            good()
            if os.path.isdir(path):
                os.rmdir(path)
        done = subprocess.run([relay.binary, "reload", "--config", relay.config], capture_output=True, text=True)
        assert done.returncode != 0 and "virtual" in done.stdout + done.stderr, f"a reload says it: {done}"
        good()
        put("virtual", f"new@example.test {ALICE}\n")
        until(lambda: submit(relay, "new@example.test", "x@outside.example")[0] == 250, "a good file is read again")
        # The database
        equal(submit(relay, "ann@partner.example", "x@outside.example")[0], 250)
        equal(submit(relay, "bob@partner.example", "x@outside.example")[0], 550)
        base.execute("PRAGMA locking_mode=EXCLUSIVE")
        base.execute("BEGIN EXCLUSIVE")
        for name in ("ann", "bob"):
            code, text = submit(relay, f"{name}@partner.example", "x@outside.example")
            equal(code, 451, f"a locked database is no answer: {text}")
        base.execute("ROLLBACK")
        base.close()
        until(lambda: submit(relay, "ann@partner.example", "x@outside.example")[0] == 250, "it is back")
        os.rename(f"{relay.folder}/partner.db", f"{relay.folder}/away.db")
        until(lambda: submit(relay, "bob@partner.example", "x@outside.example")[0] == 451, "away is no answer either")
        os.rename(f"{relay.folder}/away.db", f"{relay.folder}/partner.db")
        until(lambda: submit(relay, "bob@partner.example", "x@outside.example")[0] == 550, "and back again")


# Manifests


def refused(room, text, *words):
    """Neither `config check` nor `serve` takes it, and both say why; taken knowingly, both do."""
    with open(room.config) as file:
        before = file.read()
    try:
        with open(room.config, "a") as file:
            file.write(text)
        for command in (["config", "check"], ["serve"]):
            done = subprocess.run([room.binary, *command, "--config", room.config], capture_output=True, text=True, timeout=20)
            equal(done.returncode, 78, f"{command} with {text}: {done.stdout}{done.stderr}")
            for word in words:
                contains(done.stdout + done.stderr, word, text)
    finally:
        with open(room.config, "w") as file:
            file.write(before)


def case_open_relays_do_not_start():
    with Room() as room:
        with open(room.config) as file:
            text = file.read()
        with open(room.config, "w") as file:
            file.write(re.sub(r"(?m)^listeners:\n(?:[ #].*\n)*", "", text))
        mx = "listeners: [{kind: mx, address: 127.0.0.1, port: %d, %%s}]\n" % (25 + room.offset)
        for text, risk in (
            ("relay: {networks: [0.0.0.0/0]}\n", "anybody on the internet may send"),
            ("relay: {networks: [\"::/0\"]}\n", "anybody on the internet may send"),
            ("relay: {networks: [0.0.0.0/1, 128.0.0.0/1]}\n", "anybody on the internet may send"),
            ("relay: {networks: [\"::ffff:0.0.0.0/96\"]}\n", "anybody on the internet may send"),
            ("relay: {networks: [0.0.0.0/0], permit: network}\n", "anybody on the internet may send"),
            ("relay: {domains: [\"*\"]}\n", "taken from anybody"),
            ("relay: {domains: [com]}\n", "taken from anybody"),
            (mx % "proxy: [0.0.0.0/0]", "anybody can claim to be any client"),
            (mx % "proxy: [\"::/0\"]", "anybody can claim to be any client"),
            (mx % "xclient: [0.0.0.0/0]", "anybody can claim to be any client"),
            (mx % "xclient: [128.0.0.0/1, 0.0.0.0/1]", "anybody can claim to be any client"),
            ("devices: [{name: cam, senders: [cam@example.test], networks: [0.0.0.0/0]}]\n", "anybody on the internet is that"),
        ):
            refused(room, text, risk, "accept_risk: [open-relay]")


def case_patterns_for_everything_relay_nothing():
    """A virtual table that knows every address makes every domain one of ours, and no stranger is passed on."""
    for table in ("regexp:{ {/^(.*)$/ $1} }", "pcre:{ {/./ x@elsewhere.example} }", "static:x@elsewhere.example"):
        with Room(f"rewrite: {{virtual: [\"{table}\"]}}\n").start() as room:
            equal(submit(room, "victim@elsewhere.example", "x@outside.example")[0], 550, table)


def case_names_that_clash():
    """A device and an account with one login: whichever comes second is refused."""
    with Room() as room:
        with open(f"{room.folder}/device", "w") as file:
            file.write("device-secret\n")
        refused(room, f"devices: [{{name: cam, username: {ALICE}, password_file: {room.folder}/device, "
                      f"senders: [cam@example.test]}}]\n", ALICE)
        with open(room.config, "a") as file:
            file.write(f"devices: [{{name: cam, username: cam@example.test, password_file: {room.folder}/device, "
                       "senders: [cam@example.test]}]\n")
        room.start()
        done = subprocess.run([room.binary, "account", "add", "cam@example.test", "--generate", "--config", room.config],
                              capture_output=True, text=True)
        assert done.returncode != 0 and "cam" in done.stderr, f"{done}"


def case_what_can_never_matter_is_said():
    """Routes, rules and logins that no mail uses: the writer believes something else of them."""
    with Relay("routing:\n  routes:\n    - {name: isp, kind: smarthost, hosts: [\"[isp.example]:587\"], sender_logins: [\n"
               "        {sender: \"@example.test\", username: one, password_file: FOLDER/route.password},\n"
               "        {sender: alice@example.test, username: two, password_file: FOLDER/route.password}]}\n"
               "    - {name: spare, kind: smarthost, hosts: [\"[spare.example]:587\"]}\n"
               "  rules:\n    - {route: isp, sender: \"@example.test\"}\n    - {route: direct, sender: alice@example.test}\n"
               "    - {route: isp, login: printer}\n    - {route: isp, login: nobody@example.test}\n"
               "    - {route: isp, recipient: \"@example.test\"}\n") as relay:
        text = relay.run("config", "check")
        for words in ("no mail takes it", "is never reached", "`alice@example.test` on the route `isp` is never used",
                      "no device has the name `printer`", "no account has the address `nobody@example.test`",
                      "mail for `@example.test` stays here"):
            contains(text, words)


if __name__ == "__main__":
    main(globals())
