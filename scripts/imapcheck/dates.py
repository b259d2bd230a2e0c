"""When messages were sent and arrived, read here to judge by when two servers disagree."""
import calendar
import email.utils
import re

from .words import instant

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
DATE = re.compile(rf"\s*(?:{WEEKDAY}\s*,\s*)?(\d\d?)\s+({MONTHS})\s+(\d{{2,4}})\s+\d\d:\d\d(?::\d\d)?(?:\s|$)", re.I)
# What Martlet reads besides: times of one digit, and dates as asctime() writes them
ODD_TIME = re.compile(rf"\s*(?:{WEEKDAY}\s*,\s*)?(\d\d?)\s+({MONTHS})\s+(\d{{2,4}})\s+\d\d?:\d\d?(?::\d\d?)?(?:\s|$)", re.I)
ASCTIME = re.compile(rf"\s*{WEEKDAY} (?:{MONTHS}) +\d\d? \d\d:\d\d:\d\d \d{{4}}\s*$", re.I)


def day_of(text, form=DATE):
    """Year, month and day of a Date of a form; None for another, and for a day that there isn't."""
    found = form.match(text)
    if found is None:
        return None
    day, month, year = int(found.group(1)), MONTHS.split("|").index(found.group(2).title()) + 1, int(found.group(3))
    if len(found.group(3)) == 2:
        year += 1900 if year >= 50 else 2000
    if day > calendar.monthrange(2000, month)[1] or (month == 2 and day == 29 and not calendar.isleap(year)):
        return None
    return year, month, day


def date_is_plain(tree):
    """Whether a message has one Date, of the grammar, of a day that there is, after the first of January 1970."""
    values = tree.get_all("Date") or []
    day = day_of(str(values[0])) if len(values) == 1 else None
    # To Dovecot the first day of 1970 is no date either.
    return day is not None and day > (1970, 1, 1)


def sent(tree, internal):
    """The sent date in UTC (RFC 5256 §2.2): that of the first Date, or the internal date where it can't be read."""
    value = str((tree.get_all("Date") or [""])[0])
    is_read = day_of(value, ODD_TIME) is not None or ASCTIME.match(value)
    parsed = email.utils.parsedate_tz(value) if is_read else None
    return email.utils.mktime_tz(parsed) if parsed is not None else instant(internal)
