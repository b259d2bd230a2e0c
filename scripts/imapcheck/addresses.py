"""What is a list of addresses, by RFC 5322 §3.4."""
import re
from email import _header_value_parser as grammar

ADDRESSES = ("from", "sender", "reply-to", "to", "cc", "bcc")


def is_address_list(text):
    """Whether a field's value is of RFC 5322's grammar, the obsolete one left out."""
    text = re.sub(r"\r\n(?=[ \t])", "", text).strip()
    try:
        parsed, rest = grammar.get_address_list(text)
    except Exception:
        return False
    return not rest and not parsed.all_defects
