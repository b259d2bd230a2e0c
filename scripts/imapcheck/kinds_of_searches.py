"""The kinds of difference in what is searched for, sorted and threaded, explained key by key.

The keys of a search are looked for one by one; a message that one server finds by a key and the other does not needs a kind
of its own. What Martlet answers must besides be what its keys give together: NOT, OR and the rest are worked out here.
"""
import html
import re

from . import mime
from .addresses import is_address_list
from .criteria import WITH_TEXT, composed, criteria, leaves_of, tokens, tree
from .dates import date_is_plain
from .kinds import SEARCHES
from .kinds_of_order import explain_order, explain_order_of_return
from .reading import decoded, fields_of, folded, leaves, read
from .words import instant

# MARK: SEARCH: each key of the criteria that the two find different messages by is explained on its own


class SearchCase:
    """A message that one of the two finds by a key and the other does not."""

    def __init__(self, key, arguments, uid, message, is_ours, session):
        self.key = key
        self.arguments = arguments
        self.uid = uid
        self.message = message
        self.is_ours = is_ours
        self.session = session

    @property
    def text(self):
        """What is looked for, as it was meant."""
        raw = self.arguments[-1] if self.arguments else b""
        if raw.startswith(b"{"):
            return raw.partition(b"\r\n")[2].decode()
        return re.sub(rb"\\(.)", rb"\1", raw.strip(b'"')).decode()


SEARCH_KINDS = []


def search_kind(name):
    def register(function):
        SEARCH_KINDS.append((name, function))
        return function
    return register


ANSWERS = ("SEARCH", "ESEARCH", "SORT", "THREAD", "SEARCH-modseq", "SORT-modseq", "saved")


def explain_search(d):
    """The names of what explains a SEARCH; none where a key, or the criteria as a whole, stays unexplained."""
    if not SEARCHES.match(d.command) or d.path[0] not in ANSWERS:
        return set()
    if is_modseq(d.path) and without_modseq(d.answers[0]) == without_modseq(d.answers[1]):
        return set()
    if d.session.known_search == d.command:
        return d.session.known_names
    names = explain_order(d)
    if not names:
        names = explain_keys(d) | explain_order_of_return(d)
    names = set() if d.why else names
    d.session.known_search, d.session.known_names = d.command, names
    return names


def is_modseq(path):
    return path[-1] == "MODSEQ" or path[0].endswith("-modseq")


def without_modseq(answer):
    """What an answer says of the messages that were found."""
    found = {name: answer[name] for name in ANSWERS if name in answer and not is_modseq((name,))}
    if "ESEARCH" in found:
        found["ESEARCH"] = {name: value for name, value in found["ESEARCH"].items() if name != "MODSEQ"}
    return found


def explain_keys(d):
    """The names of what each key finds otherwise; in `why` what isn't explained, and what Martlet's keys don't come to."""
    whole = tree(tokens(criteria(d.command)))
    if len(whole) == 1:
        return set()
    names, ours, theirs = set(), {}, {}
    for leaf in set(leaves_of(whole)):
        mine, other = d.session.found_by(leaf)
        ours[leaf], theirs[leaf] = set(mine or []), set(other or [])
        key, *arguments = tokens(leaf) or [leaf]
        for uid in ours[leaf] ^ theirs[leaf]:
            message = d.session.sides[0].message(uid)
            case = SearchCase(key, arguments, uid, message, uid in ours[leaf], d.session)
            name = next((name for name, matches in SEARCH_KINDS if matches(case)), None)
            if name is None:
                d.why.append((leaf, uid, uid in ours[leaf], message))
            else:
                names.add(name)
    mine, other = (set(found or []) for found in d.session.found_by(criteria(d.command)))
    everything = {uid for uid in d.session.sides[0].view.uids if uid}
    for uid in mine ^ composed(whole, ours, everything):
        d.why.append((b"what its keys give together", uid, uid in mine, None))
    if other != composed(whole, theirs, everything):
        names.add("keys_not_composed")
    return names


@search_kind("date_that_cannot_be_read")
def date_that_cannot_be_read(case):
    """Messages without a Date that can be read, or from before 1970: Martlet takes the internal date, Dovecot 1970."""
    if case.key not in (b"SENTBEFORE", b"SENTON", b"SENTSINCE"):
        return False
    return not date_is_plain(mime.tree(case.message))


@search_kind("zone_of_the_internal_date")
def zone_of_the_internal_date(case):
    """The day of an internal date is the day it has in its own zone."""
    if case.key not in (b"BEFORE", b"ON", b"SINCE"):
        return False
    text = case.session.internal_date(case.uid)
    moment = instant(text)
    sign, hours, minutes = text[-5:-4], int(text[-4:-2]), int(text[-2:])
    there = moment + (1 if sign == b"+" else -1) * (hours * 3600 + minutes * 60)
    return moment // 86400 != there // 86400


@search_kind("names_of_fields")
def names_of_fields(case):
    """TEXT looks at what fields say, not at their names."""
    if case.key != b"TEXT" or case.is_ours:
        return False
    message, text = mime.tree(case.message), folded(case.text)
    fields = [field for part in message.walk() for field in fields_of(part)]
    named = any(text in folded(name) + ": " + decoded(value) for name, value in fields)
    head = case.message.partition(b"\r\n\r\n")[0]
    named = named or any(text in folded(line.decode("utf-8", "replace")) for line in head.split(b"\r\n"))
    return named and not any(text in decoded(value) for _, value in fields_of(message))


@search_kind("fields_of_inner_messages")
def fields_of_inner_messages(case):
    """BODY and TEXT find subjects and names of inner messages, and file names; not the other fields of parts."""
    if case.key not in (b"BODY", b"TEXT"):
        return False
    message, text = mime.tree(case.message), folded(case.text)
    inner = [part for part in message.walk() if part is not message]
    fields = [(name.lower(), decoded(value)) for part in inner for name, value in fields_of(part)]
    broken = [folded(part.as_bytes().decode("utf-8", "replace")) for part in inner if not part.items()]
    names = [decoded(part.get_filename() or "") for part in (message.walk() if case.key == b"TEXT" else inner)]
    if case.is_ours:
        told = [value for name, value in fields if name in ("subject", "from", "to", "cc")]
        return any(text in value for value in told + names)
    return any(text in name + ": " + value for name, value in fields) or any(text in header for header in broken)


@search_kind("markup")
def markup(case):
    """BODY and TEXT find what a page of HTML shows, not its tags."""
    if case.key not in (b"BODY", b"TEXT"):
        return False
    text = folded(case.text)
    for part, content in leaves(mime.tree(case.message)):
        if part.get_content_type() == "text/html":
            shown = html.unescape(re.sub(r"<[^>]*>", "", content))
            if (text in content) != (text in shown):
                return True
    return False


@search_kind("addresses_of_no_grammar")
def placeholders_of_addresses(case):
    """Fields of addresses are searched as they are written: MISSING_MAILBOX and its like are not in them."""
    if case.key not in (b"FROM", b"TO", b"CC", b"BCC"):
        return False
    values = mime.tree(case.message).get_all(case.key.decode()) or []
    if not any(not is_address_list(str(value)) for value in values):
        return False
    if case.is_ours:
        return any(folded(case.text) in decoded(value) for value in values)
    return any(folded(case.text) in word for word in ("missing_mailbox", "missing_domain", "syntax_error", "invalid_route"))


@search_kind("text_beyond_ascii")
def text_beyond_ascii(case):
    """Case as Unicode folds it, and octets that name no charset: what is found stands there."""
    simple = case.text.lower()
    return case.is_ours and ("ss" in simple or not case.text.isascii()) and (
        case.key in WITH_TEXT or case.key == b"HEADER") and any(folded(case.text) in text for text in read(case))


@search_kind("text_beyond_ascii")
def neither_utf8_nor_all_latin(case):
    """A text without charset whose octets are not UTF-8 is ISO 8859-1, all of it; Dovecot reads what it can as UTF-8."""
    if case.is_ours or case.key not in (b"BODY", b"TEXT") or case.text.isascii():
        return False
    for part in mime.tree(case.message).walk():
        payload = b"" if part.is_multipart() else part.get_payload(decode=True) or b""
        if part.get_content_charset() in (None, "us-ascii") and folded(case.text) in folded(payload.decode("utf-8", "replace")):
            return "\ufffd" in payload.decode("utf-8", "replace")
    return False


@search_kind("rarely_encoded")
def encoding_with_a_comment(case):
    """A transfer encoding with a comment behind it is undone: what is found stands there then, and only then."""
    if case.key not in (b"BODY", b"TEXT") or not any(
            re.match(r"\s*(base64|quoted-printable)\s*\(", str(part.get("Content-Transfer-Encoding", "")), re.I)
            for part in mime.tree(case.message).walk()):
        return False
    return case.is_ours == any(folded(case.text) in text for text in read(case))


@search_kind("rarely_encoded")
def words_with_a_language(case):
    """Encoded words that name a language are decoded: what is found stands there then."""
    return case.is_ours and re.search(rb"=\?[A-Za-z0-9-]+\*[A-Za-z0-9-]+\?", case.message) is not None and any(
        folded(case.text) in text for text in read(case))
