"""The kinds of difference in the order of what SORT and THREAD find, where both find the same.

A THREAD of Martlet's must be what RFC 5256 makes of the messages (`threads.py`), and a SORT of Martlet's what its orders make of sizes,
dates, base subjects and the addresses of its own envelopes. Only then is asked why Dovecot has another order.
"""
import functools
import re
import unicodedata

from . import mime, threads
from .addresses import ADDRESSES, is_address_list
from .dates import date_is_plain, sent
from .reading import text_of, values_of
from .words import instant

FIELDS = {b"CC": "cc", b"FROM": "from", b"SUBJECT": "subject", b"TO": "to", b"DISPLAYFROM": "from", b"DISPLAYTO": "to"}
SORT = re.compile(rb"SORT (?:RETURN \([^)]*\) )?\(([^)]*)\)")


class Listed:
    """A message in an answer to SORT or THREAD."""

    def __init__(self, number, d):
        self.number = number
        self.uid = number if d.command.startswith(b"UID") else d.session.sides[0].view.uids[number - 1]
        self.octets = d.session.sides[0].message(self.uid) or b""
        self.tree = mime.tree(self.octets)
        internal = d.session.internal_date(self.uid)
        self.envelope = d.session.envelope(self.uid)
        self.arrived, self.sent = instant(internal), sent(self.tree, internal)

    def oddities(self, fields):
        """The kinds of what is odd about it in these fields."""
        if "date" in fields and not date_is_plain(self.tree):
            yield "date_that_cannot_be_read"
        if any(len(self.tree.get_all(name) or []) > 1 for name in fields):
            yield "field_twice"
        if any(not is_address_list(str(value)) for name in fields if name in ADDRESSES for value in self.tree.get_all(name) or []):
            yield "addresses_of_no_grammar"

    def key(self, order):
        """What an order compares, RFC 5256 §3, RFC 5957 §3."""
        if order in (b"SIZE", b"ARRIVAL", b"DATE"):
            return {b"SIZE": len(self.octets), b"ARRIVAL": self.arrived, b"DATE": self.sent}[order]
        if order == b"SUBJECT":
            return casemap(threads.base_subject(text_of(next(iter(values_of(self.tree, "subject")), "")))[0])
        name, _, mailbox, host = (
            (part or b"").decode("utf-8", "replace") for part in (self.envelope[FIELDS[order]] or {0: [None] * 4})[0])
        if order in (b"DISPLAYFROM", b"DISPLAYTO") and (name or mailbox):
            return casemap(text_of(name) or (f"{mailbox}@{host}" if host else mailbox))
        return casemap(mailbox)

    def threaded(self):
        """What threads go by."""
        subject, is_reply = threads.base_subject(text_of(next(iter(values_of(self.tree, "subject")), "")))
        named = [re.findall(r"<[^<>]+@[^<>]+>", re.sub(r"\s", "", next(iter(values_of(self.tree, name)), "")))
                 for name in ("message-id", "references", "in-reply-to")]
        return threads.Message(self.number, self.sent, casemap(subject), is_reply, next(iter(named[0]), None), named[1] or named[2][:1])


def flattened(value):
    return [number for item in value for number in (flattened(item) if isinstance(item, tuple) else [item])]


def explain_order(d):
    """The names of what explains another order of the same messages; none where Martlet's isn't right."""
    if d.path[0] not in ("SORT", "THREAD") or not isinstance(d.ours, (list, tuple)) or not isinstance(d.theirs, (list, tuple)):
        return set()
    ours, theirs = flattened(d.ours), flattened(d.theirs)
    if sorted(ours) != sorted(theirs):
        return set()
    listed = {number: Listed(number, d) for number in sorted(ours)}
    if d.path[0] == "THREAD":
        fields = ("date", "subject", "message-id", "references", "in-reply-to")
        makes = threads.references if b"REFERENCES" in d.command else threads.ordered_subject
        right = makes([one.threaded() for one in listed.values()])
        return {name for one in listed.values() for name in one.oddities(fields)} if d.ours == right else set()
    orders = orders_of(d.command)
    if ours != in_order(listed.values(), orders):
        return set()
    fields = {FIELDS.get(order, order.decode().lower()) for order, _ in orders}
    odd = {number: names for number, one in listed.items() if (names := set(one.oddities(fields)))}
    if [number for number in ours if number not in odd] == [number for number in theirs if number not in odd]:
        return set().union(*odd.values())
    # Of messages that are equal in the first order Dovecot forgets the next.
    first = [[listed[number].key(orders[0][0]) for number in side] for side in (ours, theirs)]
    return {"ties_of_a_sort"} if first[0] == first[1] else set()


def orders_of(command):
    """The orders of a SORT, each with whether it goes backwards."""
    words = SORT.search(command).group(1).split()
    return [(word, index > 0 and words[index - 1] == b"REVERSE") for index, word in enumerate(words) if word != b"REVERSE"]


def in_order(listed, orders):
    """The numbers of messages as orders have them, and the mailbox where these say nothing."""
    def compare(one, other):
        for order, is_reverse in orders:
            keys = one.key(order), other.key(order)
            if keys[0] != keys[1]:
                return -1 if (keys[0] < keys[1]) != is_reverse else 1
        return one.number - other.number  # also with REVERSE

    return [one.number for one in sorted(listed, key=functools.cmp_to_key(compare))]


def casemap(text):
    """RFC 5051 §2, as octets."""
    return unicodedata.normalize("NFKD", "".join(letter.title() for letter in text)).encode("utf-8", "surrogateescape")


def explain_order_of_return(d):
    """SORT RETURN tells of the order that SORT alone has: where that differs, the reasons are the same."""
    if b"SORT RETURN" not in d.command:
        return set()
    plain = re.sub(rb"SORT RETURN \([^)]*\)", b"SORT", d.command)
    if d.path == ("ESEARCH", "ALL") and isinstance(d.ours, tuple) and isinstance(d.theirs, tuple):
        lists = [d.ours, d.theirs]  # asked again, Dovecot may have another order
    else:
        lists = [side.run(plain)[0].other.get("SORT", []) for side in d.session.sides]
    return explain_order(type(d)(plain, ("SORT",), *lists, None, d.answers, d.session)) if lists[0] != lists[1] else set()
