"""The kinds of difference in what commands answer as a whole: codes, mailboxes, flags."""
import re

from .kinds import SEARCHES, kind

# The commands whose failure says something of the mailbox that they name first, and second
NAMES_ONE = re.compile(rb"(?:STATUS|SUBSCRIBE|UNSUBSCRIBE|SELECT|EXAMINE|DELETE|RENAME|CREATE|APPEND|MYRIGHTS|GETACL|SETACL|DELETEACL|LISTRIGHTS|"
                       rb"GETMETADATA(?: \([^)]*\))?|SETMETADATA|GETQUOTAROOT) (\S+)(?: (\S+))?")
CHANGES = re.compile(rb"(UID )?(MOVE|EXPUNGE|STORE)")


@kind("more_response_codes")
def more_response_codes(d):
    """A code that says why a command failed, where the other says none or another; Martlet's is true of what there is."""
    if len(d.path) != 2 or d.path[0] != "tagged" or {d.ours, d.theirs} != {True, ...}:
        return False
    named = NAMES_ONE.match(d.command)
    copied = re.match(rb"(?:UID )?(?:COPY|MOVE) \S+ (\S+)", d.command)
    if d.ours is True:
        if d.last == "CLIENTBUG":
            return d.state == ("BAD", "BAD")
        if d.last == "NOPERM":
            return d.state[0] == "NO" and (
                d.session.read_only and CHANGES.match(d.command) is not None or d.command.startswith(b"SETQUOTA"))
        if d.state == ("NO", "OK") and d.last == "NONEXISTENT":
            return mailbox_not_there(d)
        if d.state != ("NO", "NO"):
            return False
        if d.last == "NONEXISTENT" and d.command.startswith(b"GETQUOTA "):
            return True
        if d.last == "NONEXISTENT":
            return named is not None and not d.session.lists(named.group(1))
        if d.last == "TRYCREATE":
            return copied is not None and not d.session.lists(copied.group(1))
        return d.last == "ALREADYEXISTS" and named is not None and d.session.lists(
            named.group(2 if d.command.startswith(b"RENAME") else 1))
    if d.last == "CLIENTBUG":
        # RFC 3501 §6.3.10 advises against STATUS of the selected mailbox; it is carried out all the same.
        return d.state == ("OK", "OK") and named is not None and named.group(1) == d.session.selected
    # Two things are wrong, and each server says one of them.
    if d.last == "TRYCREATE":
        return d.session.read_only and d.answers[0]["tagged"].get("NOPERM") is True and d.state == ("NO", "NO")
    return d.last == "ALREADYEXISTS" and d.answers[0]["tagged"].get("NONEXISTENT") is True and d.state == ("NO", "NO")


@kind("mailbox_not_there")
def mailbox_not_there(d):
    """What names a mailbox that is not there is refused, also where no message is named; Dovecot answers of it."""
    if d.state != ("NO", "OK"):
        return False
    copied = re.match(rb"(?:UID )?(?:COPY|MOVE) \S+ (\S+)", d.command)
    asked = re.match(rb"(?:GETQUOTAROOT|LISTRIGHTS|MYRIGHTS|GETACL) (\S+)", d.command)
    if copied:
        return not d.session.lists(copied.group(1)) and d.answers[0]["tagged"].get("TRYCREATE") is True and (
            "COPYUID" not in d.answers[1]["tagged"] and "OK COPYUID" not in d.answers[1])
    return asked is not None and not d.session.lists(asked.group(1)) and d.answers[0]["tagged"].get("NONEXISTENT") is True


@kind("read_only_mailbox")
def read_only_mailbox(d):
    """Changes of a mailbox that EXAMINE opened are refused; Dovecot says OK, and carries MOVE out."""
    return (d.session.read_only and CHANGES.match(d.command) is not None
            and d.state in (("NO", "OK"), ("NO", "BAD")))


@kind("store_that_changes_nothing")
def store_that_changes_nothing(d):
    """STORE answers with the flags of each message, also where they were so before."""
    if not re.match(rb"(UID )?STORE", d.command) or len(d.path) != 2 or d.theirs is not ... or not set(d.ours) <= {"FLAGS", "MODSEQ"}:
        return False
    ours, theirs = d.session.flags(d.path[1])
    return ours == theirs and d.ours.get("FLAGS", ours) == ours


@kind("attributes_nobody_asked_for")
def marked(d):
    return (d.last == "attributes" and d.path[0] == "LIST" and d.ours is not ... and d.theirs is not ...
            and d.ours ^ d.theirs <= {rb"\MARKED", rb"\UNMARKED"})


@kind("attributes_nobody_asked_for")
def children_not_asked_for(d):
    """HasChildren and HasNoChildren are told also where RETURN does not ask for them."""
    asked = b"RETURN (" not in d.command or b"CHILDREN" in d.command.partition(b"RETURN (")[2].upper()
    if d.last != "attributes" or d.ours is ... or d.theirs is ...:
        return False
    untold = {rb"\MARKED", rb"\UNMARKED"}
    if d.path[0] == "LSUB" or not asked:
        untold |= {rb"\HASCHILDREN", rb"\HASNOCHILDREN"}
    if b"\\" + d.path[1].upper() in d.ours:
        untold.add(b"\\" + d.path[1].upper())  # RFC 6154 §2: the use, which may be told where nobody asked
    return d.ours ^ d.theirs <= untold


@kind("modseq_of_a_search")
def modseq_of_a_search(d):
    """MODSEQ in the answer wherever the criteria name it, also where they could do without."""
    if d.path not in (("SEARCH-modseq",), ("ESEARCH", "MODSEQ")) or d.ours is not True or b"MODSEQ @" not in d.command:
        return False
    found = [answer.get("SEARCH", answer.get("ESEARCH")) for answer in d.answers]
    if d.path[0] == "ESEARCH":
        found = [{name: value for name, value in told.items() if name != "MODSEQ"} for told in found]
    return found[0] == found[1]
