"""RFC 3339 by its grammar, with a calendar of its own: nanoseconds since 1970 as one integer."""

import re

from . import Refused

FORM = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.A,
)


def days_before(year, month, day):
    """Days since 1 January of year 1."""
    year -= month <= 2
    era_days = 365 * year + year // 4 - year // 100 + year // 400
    return era_days + (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 + day - 307


def leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


EPOCH = days_before(1970, 1, 1)
FIRST = (days_before(1, 1, 1) - EPOCH) * 86400 * 10**9
LAST = (days_before(10000, 1, 1) - EPOCH) * 86400 * 10**9


def read(text):
    match = FORM.fullmatch(text)
    if not match:
        raise Refused("parse")
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, offset = match[7], match[8]
    lengths = (31, 29 if leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not (1 <= month <= 12 and 1 <= day <= lengths[month - 1] and hour < 24 and minute < 60 and second < 60):
        raise Refused("parse")
    seconds = (days_before(year, month, day) - EPOCH) * 86400 + hour * 3600 + minute * 60 + second
    if offset not in "Zz":
        hours, minutes = int(offset[1:3]), int(offset[4:])
        if offset == "-00:00" or hours > 23 or minutes > 59:
            raise Refused("parse")
        seconds -= (hours * 3600 + minutes * 60) * (1 if offset[0] == "+" else -1)
    instant = seconds * 10**9 + (int(fraction[1:].ljust(9, "0")) if fraction else 0)
    if not FIRST <= instant < LAST:
        raise Refused("parse")
    return instant


def write(instant):
    seconds, nanoseconds = divmod(instant, 10**9)
    days, second = divmod(seconds, 86400)
    days += EPOCH
    year = 1
    step = days // 366  # never beyond the year wanted
    year += step
    while days_before(year + 1, 1, 1) <= days:
        year += 1
    month = 12
    while days_before(year, month, 1) > days:
        month -= 1
    text = f"{year:04d}-{month:02d}-{days - days_before(year, month, 1) + 1:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    for digits in (0, 3, 6, 9):
        if nanoseconds % 10 ** (9 - digits) == 0:
            return text + (f".{nanoseconds // 10 ** (9 - digits):0{digits}d}" if digits else "") + "Z"
