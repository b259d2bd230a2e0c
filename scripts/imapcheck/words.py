"""Words of responses as values: numbers, flags, moments."""
import datetime

from .wire import Nonsense

MONTHS = {name: number for number, name in enumerate(
    b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}


def numbers(text):
    """The numbers of a sequence set without `*`."""
    found = set()
    for piece in text.split(b","):
        low, _, high = piece.partition(b":")
        low, high = int(low), int(high or low)
        if abs(high - low) > 1_000_000:
            raise Nonsense(f"a set too wide: {text!r}")
        found |= set(range(min(low, high), max(low, high) + 1))
    return found


def ordered(text):
    """The numbers of a sequence set in the order in which they stand."""
    found = []
    for piece in text.split(b",") if text else []:
        low, _, high = piece.partition(b":")
        low, high = int(low), int(high or low)
        if abs(high - low) > 1_000_000:
            raise Nonsense(f"a set too wide: {text!r}")
        found += range(low, high + 1) if low <= high else range(low, high - 1, -1)
    return tuple(found)


def flag_set(words):
    return frozenset(bytes(word).lower() for word in words if word and word.lower() != b"\\recent")


def instant(text):
    """Seconds since 1970 of an INTERNALDATE."""
    day, month, rest = text.strip().split(b"-", 2)
    year, clock, zone = rest.split(b" ")
    hour, minute, second = (int(part) for part in clock.split(b":"))
    moment = datetime.datetime(int(year), MONTHS[month.title()], int(day), hour, minute, min(second, 59))
    offset = (1 if zone[:1] == b"+" else -1) * (int(zone[1:3]) * 60 + int(zone[3:5]))
    return int((moment - datetime.datetime(1970, 1, 1)).total_seconds()) - offset * 60


def upper(word):
    return bytes(word).upper() if isinstance(word, bytes) else word
