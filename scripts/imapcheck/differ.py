"""Gives both servers the same sessions and holds what they say against each other."""
import collections
import random
import re
import sys
import time

from . import explain, kinds, normal, sessions, wire

SEARCHED = re.compile(rb"(UID )?(SEARCH|SORT) ")
SNAPSHOT = re.compile(rb"@(MODSEQ|NEXT)(\d+)@")
VALIDITY = re.compile(rb"@VALIDITY:([^@]+)@")
RETURN = re.compile(rb"(SEARCH|SORT) RETURN \(([^)]*)\)")


class Side:
    """One server in one session."""

    def __init__(self, server):
        self.server = server
        self.connection = server.connect()
        self.capabilities = wire_capabilities(self.connection)
        self.view = normal.View()
        self.snapshots = {}
        self.kept = 0  # the mod-sequence of the last moment that was taken note of
        self.validity = {}
        self.contexts = {}  # by tag: what its updates have made of a result

    def say(self, command):
        command = VALIDITY.sub(lambda found: b"%d" % self.validity.get(found.group(1), 1), command)
        command = command.replace(b"@KEPT@", b"%d" % self.kept)
        command = SNAPSHOT.sub(lambda found: b"%d" % (self.snapshots[int(found.group(2))] + (found.group(1) == b"NEXT")), command)
        return self.connection.command(command)

    def run(self, command):
        """Says a command; returns its answer with the tagged reply's kind and code, and what was said by octets."""
        try:
            untagged, tagged = self.say(command)
        except wire.Gone as error:
            raise wire.Gone(f"{self.server.name}: {error} at {shown(command)}") from None
        state, code, arguments, _ = wire.status(tagged)
        asked_uid = bool(re.match(rb"(UID )?FETCH", command)) and (
            command.startswith(b"UID") or bool(re.search(rb"[ (]UID[ )]|[ (]UID$", command)))
        if state == "OK" and re.match(rb"(SELECT|EXAMINE) .", command):
            self.view.reset()
            self.contexts.clear()
            validity = re.search(rb"\[UIDVALIDITY (\d+)\]", b"".join(piece for pieces in untagged for piece in pieces))
            self.validity[command.split(b" ")[1]] = int(validity.group(1)) if validity else 1
        answer = normal.absorb(untagged, self.view, asked_uid)
        if state == "OK" and b"RETURN (UPDATE" in command:
            self.contexts[b"t%d" % self.connection.serial] = set(answer.other.get("ESEARCH", {}).get("ALL", ()))
        for tag, kind, uids in answer.updates:
            if tag in self.contexts:
                self.contexts[tag] = self.contexts[tag] | uids if kind == b"ADDTO" else self.contexts[tag] - uids
        answer.other["tagged"] = {"state": state}
        if code and code not in ("HIGHESTMODSEQ", "ALERT", "READ-WRITE", "CLOSED", "MAILBOXID"):
            answer.other["tagged"][code] = normal.code_value(code, arguments)
        return answer, untagged + [tagged]

    def learn_uids(self):
        if any(uid is None for uid in self.view.uids) or self.view.unknown:
            untagged, _ = self.connection.command(b"FETCH 1:* (UID)")
            normal.absorb(untagged, self.view, True)

    def highest_modseq(self, mailbox):
        untagged, _ = self.connection.command(b"STATUS " + mailbox + b" (HIGHESTMODSEQ)")
        return normal.absorb(untagged, self.view, False).highest

    def message(self, uid):
        """The octets of a message, for those who explain a difference in it."""
        if not isinstance(uid, int):
            return None
        untagged, _ = self.connection.command(b"UID FETCH %d (BODY.PEEK[])" % uid)
        answer = normal.absorb(untagged, self.view, True)
        return answer.fetch.get(uid, {}).get("BODY[]")


def wire_capabilities(connection):
    from .servers import capabilities
    return capabilities(connection)


class Report:
    """What a run came to."""

    def __init__(self):
        self.sessions = self.commands = self.responses = self.crashes = 0
        self.explained = collections.Counter()
        self.unexplained = []
        self.groups = collections.Counter()
        self.lies = []
        self.keywords = set()


class Session:
    """One seed's session on both servers."""

    def __init__(self, seed, ours, theirs, report):
        self.seed = seed
        self.chooser = random.Random(seed)
        self.report = report
        self.sides = [Side(ours), Side(theirs)]
        common = self.sides[0].capabilities & self.sides[1].capabilities
        report.keywords = common
        self.name = b"s%d" % seed
        self.maker = sessions.Maker(self.chooser, self.name.decode(), common)
        self.ended = False
        self.read_only = False
        self.selected = self.name
        self.known_search = self.known_names = None
        self.resumable = None  # mailbox and UIDs of the last moment that was taken note of
        self.context = None  # the criteria that the servers keep a result of
        self.servers = (ours, theirs)

    def both(self, command):
        """Says a command to both and compares; returns False where they differ in a way nothing explains."""
        if re.match(rb"(SELECT|EXAMINE) .", command):
            self.read_only = command.startswith(b"EXAMINE")
            self.selected = command.split(b" ")[1]
            self.maker.snapshots = 0  # Mod-sequences are Dovecot's for each mailbox alone.
            self.context, self.maker.has_context = None, False
        results = [side.run(command) for side in self.sides]
        self.report.commands += 1
        self.report.responses += len(results[0][1])
        for side in self.sides:
            side.learn_uids()
        (ours, our_lines), (theirs, their_lines) = results
        left, right = ours.value(), theirs.value()
        self.known_search = None
        if left["tagged"]["state"] == "OK" and re.match(rb"CREATE|DELETE|RENAME", command):
            self.maker.done(command)
        if command.startswith(b"APPEND"):
            # When a session tells of its own message is open: with the answer, or with the next.
            for side, value in zip(self.sides, (left, right)):
                value.pop("exists", None)
                side.run(b"NOOP")
                side.learn_uids()
        if command.startswith(b"NOTIFY"):
            # RFC 5465 §5.3, §5.4: what STATUS has beside the numbers is open
            for value in (left, right):
                for numbers in value.get("STATUS", {}).values():
                    numbers.pop(b"UNSEEN", None)
                    numbers.pop(b"HIGHESTMODSEQ", None)
        if b"*" in command and command.endswith(b"VANISHED)"):
            # Whether `*` reaches those that were behind the last one now is open; Martlet tells them, since 1:* means all.
            highest = max((uid for uid in self.sides[0].view.uids if uid), default=0)
            for value in (left, right):
                value["earlier"] = {uid for uid in value.get("earlier", ()) if uid <= highest}
        for name in ("flags", "permanent"):  # which keywords a mailbox is said to have, none or all that were ever there
            left.pop(name, None)
            right.pop(name, None)
        if b"RETURN (" in command and SEARCHED.match(command) and left["tagged"]["state"] == "OK":
            self.check_returned(command, left.get("ESEARCH", {}))
            if b"(UPDATE" in command:
                self.context = command.partition(b"UTF-8 ")[2]
        found = normal.differences(left, right)
        if command == b"NOOP" and self.context:
            contexts = [next(iter(side.contexts.values()), None) for side in self.sides]
            truth = set(self.found_by(self.context)[0])
            if contexts[0] != truth:
                self.sides[0].view.lies.append(f"the context of {self.context!r} is {contexts[0]}, a search finds {truth}")
            if contexts[1] != truth:
                found.append((("context",), contexts[0], contexts[1]))
        if self.sides[0].view.uids != self.sides[1].view.uids:
            self.ended = True  # From here on each command would differ.
            found.append((("uids",), self.sides[0].view.uids, self.sides[1].view.uids))
        good = True
        for path, mine, other in found:
            uid = path[1] if len(path) > 1 and path[0] == "fetch" else None
            difference = kinds.Difference(
                command, path, mine, other, self.sides[0].message(uid) if uid else None, (left, right), self)
            name = explain.explain(difference)
            if name:
                self.report.explained[name] += 1
                continue
            good = False
            self.report.groups[(command.split()[0] + b" " + (command.split()[1] if command.startswith(b"UID") else b""),
                                tuple("n" if isinstance(step, int) else step for step in path[:8]))] += 1
            self.report.unexplained.append((self.seed, command, path, mine, other, difference.message, our_lines, their_lines, difference.why))
        for side, name in zip(self.sides, ("martlet", "dovecot")):
            if side.view.lies:
                self.report.lies.append((name, self.seed, command, side.view.lies[:]))
                side.view.lies.clear()
        return good

    def check_returned(self, command, told):
        """What Martlet's RETURN tells must be so of what it finds without."""
        options = RETURN.search(command).group(2)
        answer, _ = self.sides[0].run(RETURN.sub(rb"\1", command))
        found = answer.other.get("SORT" if b"SORT RETURN" in command else "SEARCH", [])
        wanted = {}
        if b"MIN" in options and found:
            wanted["MIN"] = found[0]
        if b"MAX" in options and found:
            wanted["MAX"] = found[-1]
        if b"COUNT" in options:
            wanted["COUNT"] = len(found)
        if (b"ALL" in options or not options) and found:
            wanted["ALL"] = tuple(found)
        if part := re.search(rb"PARTIAL ((\d+):(\d+))", options):
            low, high = sorted((int(part.group(2)), int(part.group(3))))
            wanted["PARTIAL"] = ((low, high), tuple(found[low - 1:high]))
        told = {name: value for name, value in told.items() if name not in ("UID", "MODSEQ")}
        if told != wanted:
            self.sides[0].view.lies.append(f"ESEARCH {told}, where {found} is found")

    def part_octets(self, uid, numbers):
        """The octets of a part, for those who explain a difference in it."""
        name = ".".join(str(number) for number in numbers)
        untagged, _ = self.sides[0].connection.command(b"UID FETCH %d (BODY.PEEK[%s])" % (uid, name.encode()))
        return normal.absorb(untagged, self.sides[0].view, True).fetch.get(uid, {}).get(f"BODY[{name}]")

    def internal_date(self, uid):
        """INTERNALDATE as Martlet says it, with the zone that APPEND gave."""
        untagged, _ = self.sides[0].connection.command(b"UID FETCH %d (INTERNALDATE)" % uid)
        return next((found.group(1) for pieces in untagged if (found := re.search(rb'INTERNALDATE "([^"]+)"', pieces[0]))), b"")

    def lists(self, mailbox):
        """Whether Dovecot has a mailbox that can be selected."""
        untagged, _ = self.sides[1].connection.command(b'LIST "" ' + mailbox)
        listed = normal.absorb(untagged, self.sides[1].view, False).other.get("LIST", {})
        return any(not {rb"\NOSELECT", rb"\NONEXISTENT"} & entry["attributes"] for entry in listed.values())

    def flags(self, uid):
        """The flags of a message as each side has them."""
        found = []
        for side in self.sides:
            untagged, _ = side.connection.command(b"UID FETCH %d (FLAGS)" % uid)
            found.append(normal.absorb(untagged, side.view, True).fetch.get(uid, {}).get("FLAGS"))
        return found

    def found_by(self, criteria):
        """UIDs that each side finds by a key."""
        return [side.run(b"UID SEARCH CHARSET UTF-8 " + criteria)[0].other.get("SEARCH") for side in self.sides]

    def snapshot(self):
        number = self.maker.snapshots + 1
        for side in self.sides:
            side.snapshots[number] = side.kept = side.highest_modseq(self.selected)
        self.maker.snapshots = number
        self.resumable = (self.selected, [uid for uid in self.sides[0].view.uids if uid])

    def run(self, length=25):
        chooser, maker, name = self.chooser, self.maker, self.name
        if maker.has("COMPRESS=DEFLATE") and chooser.random() < 0.25:
            self.both(b"COMPRESS DEFLATE")
            for side in self.sides:
                side.connection.compress()
        if chooser.random() < 0.5:
            keyword = b"QRESYNC" if "QRESYNC" in maker.capabilities and chooser.random() < 0.5 else b"CONDSTORE"
            maker.enabled.add(keyword.decode())
            self.both(b"ENABLE " + keyword)
        self.both(b"CREATE " + name)
        self.both(b"CREATE " + name + b"/copy")
        for _ in range(chooser.randint(2, 8)):
            self.both(maker.append())
        self.both(b"SELECT " + name)
        for _ in range(length):
            if self.ended:
                break
            maker.uids = [uid for uid in self.sides[0].view.uids if uid]
            maker.count = len(maker.uids)
            if maker.enabled and (chooser.random() < 0.1 or not maker.snapshots):
                self.both(b"NOOP")
                self.snapshot()
            if chooser.random() < 0.04:
                self.both(chooser.choice([b"CLOSE", b"UNSELECT"]))
                if self.resumable and "QRESYNC" in maker.enabled and chooser.random() < 0.7:
                    self.both(maker.resume(*self.resumable))
                else:
                    self.both(chooser.choice([b"SELECT ", b"SELECT ", b"EXAMINE "]) + chooser.choice([name, name, name + b"/copy"]))
                continue
            if self.context and chooser.random() < 0.2:
                self.both(b"NOOP")
            self.both(maker.next())
        if not self.ended:
            self.both(b"NOOP")
            self.both(b"UNSELECT")
        self.report.sessions += 1

    def tidy(self):
        """Takes away what the session made, on connections that nothing has happened on."""
        tails = (b"/a/b/c", b"/a/b", b"/a", b"/ab", b"/Z&APw-", b"/b", b"/copy", b"")
        for side, server in zip(self.sides, self.servers):
            side.connection.close()
            connection = server.connect()
            for mailbox in (self.name + tail for tail in tails):
                connection.command(b"UNSUBSCRIBE " + mailbox)
                connection.command(b"DELETE " + mailbox)
            connection.command(b"LOGOUT")
            connection.close()


def shown(value, limit=700):
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + f"… ({len(text)} octets)"


def run(ours, theirs, count, seed, most=20, each=3, verbose=False):
    """Runs sessions of the seeds from `seed` on; stops after so many differences that nothing explains."""
    report = Report()
    started = time.monotonic()
    for number in range(seed, seed + count):
        session, crashes = Session(number, ours, theirs, report), theirs.crashes()
        try:
            session.run()
        except wire.Gone as error:
            if error.args[0].startswith("dovecot") and theirs.has_crashed_more_than(crashes):
                report.crashes += 1
            else:
                report.unexplained.append((number, b"", ("broken",), repr(error), None, None, [], [], []))
        except (wire.Nonsense, OSError, ValueError, KeyError, IndexError, TypeError) as error:
            report.unexplained.append((number, b"", ("broken",), repr(error), None, None, [], [], []))
            if verbose:
                import traceback
                traceback.print_exc()
        session.tidy()
        if len(report.unexplained) >= most:
            break
    told = collections.Counter()
    for number, command, path, mine, other, message, our_lines, their_lines, why in report.unexplained:
        shape = tuple("n" if isinstance(step, int) else re.sub(r"[0-9.]+", "#", str(step)) for step in path)
        told[shape] += 1
        if told[shape] > each:
            continue
        print(f"--- seed {number}: {shown(command, 300)}\n    at {path}\n    martlet {shown(mine)}\n    dovecot {shown(other)}")
        for key, uid, is_ours, octets in why[:2]:
            print(f"    by {key}: UID {uid} found by {'martlet' if is_ours else 'dovecot'} alone: {shown(octets, 1200)}")
        if verbose:
            print(f"    message {shown(message, 1500)}")
            print(f"    martlet said {shown(our_lines, 2500)}\n    dovecot said {shown(their_lines, 2500)}")
    for name, number, command, lies in report.lies[:10]:
        print(f"--- seed {number}: {name} lied: {lies} at {shown(command, 200)}")
    if verbose:
        for group, times in report.groups.most_common(60):
            print(times, group)
    for name, times in sorted(report.explained.items()):
        print(f"    explained {times:6} {name}")
    seconds = time.monotonic() - started
    lies = [entry for entry in report.lies if entry[0] == "martlet"]
    print(f"differ: {report.sessions} sessions from seed {seed}, {report.commands} commands, "
          f"{sum(report.explained.values())} explained differences of {len(report.explained)} kinds, "
          f"{len(report.unexplained)} unexplained, {len(lies)} lies, {report.crashes} ended by a crash of Dovecot, {seconds:.0f} s")
    return 1 if report.unexplained or lies else 0
