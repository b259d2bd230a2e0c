"""One of the two servers in a session: says commands, and knows what it said."""
import re

from . import normal, servers, wire
from .view import View

SNAPSHOT = re.compile(rb"@(MODSEQ|NEXT)(\d+)@")
VALIDITY = re.compile(rb"@VALIDITY:([^@]+)@")


class Side:
    """One server in one session."""

    def __init__(self, server):
        self.server = server
        self.connection = server.connect()
        self.capabilities = servers.capabilities(self.connection)
        self.view = View()
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


def shown(value, limit=700):
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + f"… ({len(text)} octets)"
