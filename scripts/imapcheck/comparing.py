"""One seed's session on both servers, each answer held against the other."""
import collections
import random
import re

from . import explain, kinds, kinds_of_catenate, normal, sessions
from .side import Side

SEARCHED = re.compile(rb"(UID )?(SEARCH|SORT) ")
RETURN = re.compile(rb"(SEARCH|SORT) RETURN \(([^)]*)\)")


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
        self.put_together = {}  # by Martlet's octets: the pieces that CATENATE made a message of
        self.servers = (ours, theirs)

    def both(self, command):
        """Says a command to both and compares; returns False where they differ in a way nothing explains."""
        if re.match(rb"(SELECT|EXAMINE) .", command):
            self.read_only = command.startswith(b"EXAMINE")
            self.selected = command.split(b" ")[1]
            self.maker.snapshots = 0  # Mod-sequences are Dovecot's for each mailbox alone.
            self.context, self.maker.has_context = None, False
        if b" CATENATE (" in command and (pieces := kinds_of_catenate.pieces_of(command, self)):
            self.put_together[b"".join(octets for octets, _ in pieces)] = pieces
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
        if b"MODSEQ @" in command and SEARCHED.match(command) and b"RETURN (" not in command and left["tagged"]["state"] == "OK":
            self.check_modseq(command, ours.found_modseq, left.get("SEARCH", left.get("SORT", [])))
        if b"RETURN (" in command and SEARCHED.match(command) and left["tagged"]["state"] == "OK":
            self.check_returned(command, left.get("ESEARCH", {}), ours.found_modseq)
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

    def check_returned(self, command, told, modseq):
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
        if b"MODSEQ @" in command:
            self.check_modseq(command, modseq, returned_of(wanted, found))

    def check_modseq(self, command, told, returned):
        """RFC 4731 §3.2: Martlet's MODSEQ must be the highest of the messages that are returned, and only there."""
        verb = b"UID FETCH" if command.startswith(b"UID") else b"FETCH"
        answer, _ = self.sides[0].run(verb + b" 1:* (UID MODSEQ)")
        uids = self.sides[0].view.uids
        wanted = [answer.modseqs[number if command.startswith(b"UID") else uids[number - 1]] for number in returned]
        if told != max(wanted, default=None):
            self.sides[0].view.lies.append(f"MODSEQ {told}, where messages have {wanted}")

    def part_octets(self, uid, numbers):
        """The octets of a part, for those who explain a difference in it."""
        name = ".".join(str(number) for number in numbers)
        untagged, _ = self.sides[0].connection.command(b"UID FETCH %d (BODY.PEEK[%s])" % (uid, name.encode()))
        return normal.absorb(untagged, self.sides[0].view, True).fetch.get(uid, {}).get(f"BODY[{name}]")

    def internal_date(self, uid):
        """INTERNALDATE as Martlet says it, with the zone that APPEND gave."""
        untagged, _ = self.sides[0].connection.command(b"UID FETCH %d (INTERNALDATE)" % uid)
        return next((found.group(1) for pieces in untagged if (found := re.search(rb'INTERNALDATE "([^"]+)"', pieces[0]))), b"")

    def envelope(self, uid):
        """The envelope of a message as Martlet says it."""
        untagged, _ = self.sides[0].connection.command(b"UID FETCH %d (ENVELOPE)" % uid)
        return normal.absorb(untagged, self.sides[0].view, True).fetch[uid]["ENVELOPE"]

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


def returned_of(told, found):
    """The messages that an ESEARCH is about, of all that are found (RFC 4731 §3.2)."""
    if "ALL" in told or "COUNT" in told:
        return found
    ends = [told[name] for name in ("MIN", "MAX") if name in told]
    return ends + list(told["PARTIAL"][1]) if "PARTIAL" in told else ends
