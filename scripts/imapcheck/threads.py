"""Threads as RFC 5256 §3 makes them, worked out here to judge by when two servers disagree."""
import re

BLOB = r"\[[^\[\]]*\] *"
LEADER = re.compile(rf"(?:{BLOB})*(?:re|fwd?) *(?:{BLOB})?:| ", re.I)
TRAILER = re.compile(r"(\(fwd\)| )$", re.I)
FORWARDED = re.compile(r"\[fwd:(.*)\]$", re.I | re.S)


def base_subject(text):
    """The base subject of a decoded one, and whether it is that of a reply or forward (RFC 5256 §2.1)."""
    text, is_reply = re.sub(r"[ \t\r\n]+", " ", text), False
    while True:
        while found := TRAILER.search(text):
            text, is_reply = text[:found.start()], is_reply or found.group() != " "
        while True:
            if found := LEADER.match(text):
                text, is_reply = text[found.end():], is_reply or found.group() != " "
            elif (found := re.match(BLOB, text)) and found.end() < len(text):
                text = text[found.end():]
            else:
                break
        found = FORWARDED.match(text)
        if not found:
            return text, is_reply
        text, is_reply = found.group(1), True


class Node:
    """A message, or one that is not there (`message` None)."""

    def __init__(self, message=None):
        self.message, self.parent, self.children = message, None, []

    def adopt(self, child):
        if child.parent is not None:
            child.parent.children.remove(child)
        child.parent = self
        if self is not None:
            self.children.append(child)

    def is_below(self, other):
        node = self
        while node is not None and node is not other:
            node = node.parent
        return node is other

    @property
    def head(self):
        """The message that stands for this one, with its children in order."""
        return self.message or self.children[0].head

    @property
    def is_reply(self):
        return self.message is not None and self.message.is_reply

    def ordered(self):
        for child in self.children:
            child.ordered()
        self.children.sort(key=lambda child: (child.head.sent, child.head.number))

    def shape(self):
        """As the response THREAD has it."""
        if self.message is None:
            return tuple(child.shape() for child in self.children)
        if len(self.children) == 1:
            return (self.message.number, *self.children[0].shape())
        return (self.message.number, *(child.shape() for child in self.children))


class Message:
    """What threads go by. number: its place in the mailbox. sent: UTC. subject: the base, as it is compared. ids: its own, or None."""

    def __init__(self, number, sent, subject, is_reply, own, references):
        self.number, self.sent, self.subject, self.is_reply = number, sent, subject, is_reply
        self.own, self.references = own, references


def ordered_subject(messages):
    """THREAD=ORDEREDSUBJECT of messages in the order of the mailbox."""
    first = {}
    for message in sorted(messages, key=lambda one: (one.sent, one.number)):
        if message.subject in first:
            first[message.subject].adopt(Node(message))
        else:
            first[message.subject] = Node(message)
    return tuple(node.shape() for node in first.values())


def linked(messages):
    """Steps 1 and 2: the messages that have no parents."""
    nodes, known = [], {}
    for message in messages:
        node = Node(message)
        if message.own is not None and message.own not in known:
            known[message.own] = node
        nodes.append(node)
    for node in nodes:
        above = None
        for name in node.message.references:
            below = known.setdefault(name, Node())
            if above is not None and below.parent is None and not above.is_below(below):
                above.adopt(below)
            above = below
        if above is not None and above.is_below(node):
            above = None
        if node.parent is not None:
            node.parent.children.remove(node)
            node.parent = None
        if above is not None:
            above.adopt(node)
    everyone = dict.fromkeys([*nodes, *known.values()])
    return [node for node in everyone if node.parent is None]


def pruned(nodes, is_root):
    """Step 3."""
    kept = []
    for node in nodes:
        node.children = pruned(node.children, False)
        if node.message is not None or (is_root and len(node.children) > 1):
            kept.append(node)
        else:
            kept += node.children
    for node in kept:
        for child in node.children:
            child.parent = node
    return kept


def references(messages):
    """THREAD=REFERENCES of messages in the order of the mailbox."""
    root = Node()
    root.children = pruned(linked(messages), True)
    for node in root.children:
        if node.message is None:
            node.children.sort(key=lambda child: (child.message.sent, child.message.number))
    root.children.sort(key=lambda child: (child.head.sent, child.head.number))
    table = {}
    subjects = {node: node.head.subject for node in root.children}
    for node, subject in subjects.items():
        known = table.get(subject)
        if known is None or (known.message is not None and (node.message is None or (known.is_reply and not node.is_reply))):
            table[subject] = node
    kept = list(root.children)
    for node, subject in subjects.items():
        known = table[subject]
        if not subject or known is node or node not in kept:
            continue
        if known.message is None:
            for child in list(node.children) if node.message is None else [node]:
                known.children.append(child)
            kept.remove(node)
        elif node.is_reply and not known.is_reply:
            known.children.append(node)
            kept.remove(node)
        else:
            both = Node()
            both.children = [known, node]
            kept[kept.index(known)] = both
            kept.remove(node)
            table[subject] = both
    root.children = kept
    root.ordered()
    return tuple(node.shape() for node in root.children)
