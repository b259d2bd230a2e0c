"""The criteria of a SEARCH, SORT or THREAD: taken apart into keys, and put together from what each key finds."""
import re

WITH_TEXT = {b"SUBJECT", b"FROM", b"TO", b"CC", b"BCC", b"BODY", b"TEXT"}
WITH_WORD = {b"KEYWORD", b"UNKEYWORD", b"BEFORE", b"ON", b"SINCE", b"SENTBEFORE", b"SENTON", b"SENTSINCE", b"LARGER",
             b"SMALLER", b"OLDER", b"YOUNGER", b"UID", b"MODSEQ"}
TOKEN = re.compile(rb'\{(\d+)\+\}\r\n|"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+')


def tokens(criteria):
    at, found = 0, []
    while at < len(criteria):
        match = TOKEN.match(criteria, at)
        if not match:
            at += 1
            continue
        at = match.end()
        if match.group(1):
            at += int(match.group(1))
        found.append(criteria[match.start():at])
    return found


def criteria(command):
    """The criteria of a SEARCH, SORT or THREAD."""
    return command.partition(b"UTF-8 ")[2]


def tree(words):
    """The criteria as a tree: ("AND", …), ("OR", a, b), ("NOT", a), and keys with their arguments as octets."""
    def one(word):
        if word == b"(":
            found = []
            while (inner := next(words, b")")) != b")":
                found.append(one(inner))
            return ("AND", *found)
        if word == b"NOT":
            return ("NOT", one(next(words, b"ALL")))
        if word == b"OR":
            return ("OR", one(next(words, b"ALL")), one(next(words, b"ALL")))
        count = 2 if word == b"HEADER" else 1 if word in WITH_TEXT or word in WITH_WORD else 0
        return b" ".join([word, *(next(words, b"") for _ in range(count))])

    words = iter(words)
    return ("AND", *(one(word) for word in words))


def leaves_of(node):
    return [node] if isinstance(node, bytes) else [leaf for inner in node[1:] for leaf in leaves_of(inner)]


def composed(node, found, everything):
    """What keys give together: `found` has the messages of each."""
    if isinstance(node, bytes):
        return found[node]
    inner = [composed(one, found, everything) for one in node[1:]]
    if node[0] == "NOT":
        return everything - inner[0]
    return set.union(*inner) if node[0] == "OR" else everything.intersection(*inner)
