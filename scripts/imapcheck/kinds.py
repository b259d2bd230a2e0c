"""The kinds of difference that are explained in docs/dovecot-differences.md; each is matched by narrow code.

A kind is a function of a Difference; its name stands in the document with the text of the RFC that makes Martlet's answer
right. A difference that no kind takes is a failure. The kinds themselves stand in `kinds_of_….py`.
"""
import re

from . import mime


class Difference:
    """One leaf in which two answers differ.

    command: what was said, as octets, without its tag. path: where in the answer. ours, theirs: the two values; `...` where
    there is none. message: the octets of the message, for a difference within a FETCH; else None. answers: both whole
    answers. session: what it happened in.
    """

    def __init__(self, command, path, ours, theirs, message, answers, session):
        self.command = command
        self.path = path
        self.ours = ours
        self.theirs = theirs
        self.message = message
        self.answers = answers
        self.session = session
        self.why = []  # of a SEARCH: the keys and messages that nothing explains

    @property
    def item(self):
        """The item of a FETCH, as `BODY[1.MIME]<0>`; "" elsewhere."""
        return self.path[2] if len(self.path) > 2 and self.path[0] == "fetch" else ""

    @property
    def last(self):
        return self.path[-1]

    @property
    def state(self):
        return tuple(answer.get("tagged", {}).get("state") for answer in self.answers)

    def tree(self):
        return mime.tree(self.message) if self.message is not None else None

    def part(self):
        """The part that a path within a BODYSTRUCTURE leads to, as Python's parser has it; None where it has none."""
        part = self.tree()
        steps = iter(self.path[3:])
        for step in steps:
            if part is None:
                return None
            payload = part.get_payload()
            if step == "parts":
                index = next(steps, 0)
                part = payload[index - 1] if isinstance(payload, list) and 0 < index <= len(payload) else None
            elif step == "structure":
                part = payload[0] if isinstance(payload, list) and payload else None
        return part

KINDS = []
SEARCHES = re.compile(rb"(UID )?(SEARCH|SORT|THREAD) ")


def kind(name):
    """Gives a function the name that its kind has in the document."""
    def register(function):
        KINDS.append((name, function))
        return function
    return register
