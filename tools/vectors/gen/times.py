"""RFC 3339 times."""

import datetime

from .common import VectorFile

EPOCH = datetime.datetime(1970, 1, 1)


def instant(text):
    """Seconds and nanoseconds since 1970 of a text that is known to be valid."""
    date = datetime.datetime.strptime(text[:19].upper(), "%Y-%m-%dT%H:%M:%S")
    rest, digits = text[19:], ""
    if rest[0] == ".":
        digits = rest[1:].rstrip("Zz").split("+")[0].split("-")[0]
        rest = rest[1 + len(digits) :]
    since = date - EPOCH
    seconds = since.days * 86400 + since.seconds
    if rest not in ("Z", "z"):
        shift = int(rest[1:3]) * 3600 + int(rest[4:6]) * 60
        seconds -= shift if rest[0] == "+" else -shift
    return seconds, int(digits.ljust(9, "0")) if digits else 0


def written(seconds, nanoseconds):
    day, second = divmod(seconds, 86400)
    text = (EPOCH + datetime.timedelta(days=day, seconds=second)).strftime("%m-%dT%H:%M:%S")
    text = f"{(EPOCH + datetime.timedelta(days=day)).year:04d}-{text}"
    if nanoseconds:
        digits = f"{nanoseconds:09d}"
        while digits.endswith("000"):
            digits = digits[:-3]
        text += "." + digits
    return text + "Z"


def files(ledger):
    f = VectorFile(ledger, "encodings", "time")
    f.note(
        "valid",
        ["AM-ENC-030", "AM-ENC-031", "AM-ENC-032", "AM-ENC-033", "AM-ENC-034"],
        "a reader that knows one form only",
        "clients in another language cannot log in",
        ["T3", "T4"],
    )
    f.note(
        "offset",
        ["AM-ENC-031"],
        "a missing offset is taken for local time, -00:00 for UTC",
        "the window of a proof moves by hours",
    )
    f.note(
        "calendar", ["AM-ENC-032"], "out-of-range parts are carried over into the next", "two texts name one instant"
    )
    f.note(
        "fraction",
        ["AM-ENC-033"],
        "digits are dropped or an empty fraction passes",
        "signed text and instant part company",
    )
    f.note(
        "years",
        ["AM-ENC-034"],
        "the instant overflows the clock's type",
        "a far-future proof looks old, or the reader crashes",
    )
    f.note(
        "syntax",
        ["AM-ENC-031", "AM-ENC-032"],
        "a lenient reader of dates takes anything that looks like one",
        "two readers see two instants",
        ["RFC 3339 section 5.6"],
    )
    f.note(
        "writer",
        ["AM-ENC-035"],
        "a fraction of another length than peers expect",
        "peers re-format and fail to verify",
        ["T4"],
    )

    def read(i):
        seconds, nanoseconds = instant(i["text"])
        return {}, {"seconds": seconds, "nanoseconds": nanoseconds}

    g = f.group("time.read", "chosen by hand, with the examples of RFC 3339 section 5.8", read)
    base = "2026-11-21T08:30:05"
    for text in (
        "2026-11-21T08:30:05Z",
        "2026-11-21T08:30:05+00:00",
        "1985-04-12T23:20:50.52Z",
        "1996-12-19T16:39:57-08:00",
        "1937-01-01T12:00:27.87+00:20",
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "2000-02-29T12:00:00Z",
        "2024-02-29T00:00:00Z",
        "2400-02-29T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999999Z",
        "0001-01-01T00:01:00+00:01",
        "9999-12-31T23:58:59-00:01",
        "2026-01-01T00:00:00+23:59",
        "2026-01-01T00:00:00-23:59",
        "2026-12-31T23:59:59+14:00",
        "2026-03-29T02:30:00+01:00",
        "2038-01-19T03:14:08Z",
        "2106-02-07T06:28:16Z",
        "1900-02-28T23:59:59Z",
        "1600-02-29T00:00:00Z",
        "2026-06-30T23:59:59Z",
        "2262-04-11T23:47:17Z",
        "1677-09-21T00:12:43Z",
        "2026-11-21T08:30:05.000+00:00",
    ):
        g.accept(text, ["valid"], {"text": text})
    for n in range(1, 10):
        g.accept(f"fraction of {n} digits, Z", ["valid"], {"text": f"{base}.{'123456789'[:n]}Z"})
        g.accept(f"fraction of {n} digits, +00:00", ["valid"], {"text": f"{base}.{'987654321'[:n]}+00:00"})
        g.accept(f"fraction of {n} zeros", ["valid"], {"text": f"{base}.{'0' * n}Z"})
    for month, days in zip(range(1, 13), (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)):
        good = f"2027-{month:02d}-{days:02d}T12:00:00Z"
        g.reject(
            "parse",
            f"day {days + 1} of month {month}",
            ["calendar"],
            {"text": good.replace(f"-{days:02d}T", f"-{days + 1:02d}T")},
            {"text": good},
        )
    for comment, bad, good in [
        ("29 February of 1900", "1900-02-29T00:00:00Z", "1900-02-28T00:00:00Z"),
        ("29 February of 2100", "2100-02-29T00:00:00Z", "2100-02-28T00:00:00Z"),
        ("29 February of 2025", "2025-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("30 February of a leap year", "2024-02-30T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("month 00", "2026-00-21T08:30:05Z", "2026-10-21T08:30:05Z"),
        ("month 13", "2026-13-21T08:30:05Z", "2026-12-21T08:30:05Z"),
        ("day 00", "2026-11-00T08:30:05Z", "2026-11-10T08:30:05Z"),
        ("day 32", "2026-12-32T08:30:05Z", "2026-12-31T08:30:05Z"),
        ("hour 24", "2026-11-21T24:00:00Z", "2026-11-21T23:00:00Z"),
        ("hour 25", "2026-11-21T25:00:00Z", "2026-11-21T15:00:00Z"),
        ("minute 60", "2026-11-21T08:60:05Z", "2026-11-21T08:50:05Z"),
        ("minute 99", "2026-11-21T08:99:05Z", "2026-11-21T08:09:05Z"),
        ("leap second", "2016-12-31T23:59:60Z", "2016-12-31T23:59:50Z"),
        ("leap second with an offset", "1990-12-31T15:59:60-08:00", "1990-12-31T15:59:50-08:00"),
        ("second 61", "2026-11-21T08:30:61Z", "2026-11-21T08:30:51Z"),
        ("offset hour 24", base + "+24:00", base + "+14:00"),
        ("offset minute 60", base + "+01:60", base + "+01:50"),
    ]:
        g.reject("parse", comment, ["calendar"], {"text": bad}, {"text": good})
    for comment, bad, good in [
        ("no offset", base, base + "Z"),
        ("no offset after a fraction", base + ".5", base + ".5Z"),
        ("offset -00:00", base + "-00:00", base + "+00:00"),
        ("offset -00:00 after a fraction", base + ".123-00:00", base + ".123+00:00"),
        ("offset without colon", base + "+0000", base + "+00:00"),
        ("offset of hours only", base + "+00", base + "+00:00"),
        ("offset of one digit", base + "+0:00", base + "+00:00"),
        ("offset with seconds", base + "+00:00:00", base + "+00:00"),
        ("Z and an offset", base + "Z+00:00", base + "Z"),
        ("two offsets", base + "+00:00+00:00", base + "+00:00"),
        ("offset UTC", base + "UTC", base + "Z"),
        ("offset GMT", base + "GMT", base + "Z"),
        ("military zone A", base + "A", base + "Z"),
        ("zone name in brackets", base + "Z[Europe/Berlin]", base + "Z"),
        ("Unicode minus", base + "\u221208:00", base + "-08:00"),
        ("space before the offset", base + " +00:00", base + "+00:00"),
        ("sign only", base + "+", base + "+00:00"),
    ]:
        g.reject("parse", comment, ["offset"], {"text": bad}, {"text": good})
    for comment, bad, good in [
        ("empty fraction", base + ".Z", base + ".0Z"),
        ("empty fraction before +00:00", base + ".+00:00", base + ".0+00:00"),
        ("fraction of ten digits", base + ".1234567890Z", base + ".123456789Z"),
        ("fraction of ten zeros", base + ".0000000000Z", base + ".000000000Z"),
        ("fraction of forty digits", base + "." + "1" * 40 + "Z", base + ".1Z"),
        ("comma as decimal sign", base + ",5Z", base + ".5Z"),
        ("sign in the fraction", base + ".-5Z", base + ".5Z"),
        ("two points", base + "..5Z", base + ".5Z"),
        ("letter in the fraction", base + ".5aZ", base + ".5Z"),
        ("two fractions", base + ".5.5Z", base + ".5Z"),
        ("fraction of the minute", "2026-11-21T08:30.5Z", "2026-11-21T08:30:05Z"),
    ]:
        g.reject("parse", comment, ["fraction"], {"text": bad}, {"text": good})
    for comment, bad, good in [
        ("year 0000", "0000-06-01T00:00:00Z", "0001-06-01T00:00:00Z"),
        ("a minute before year 1", "0001-01-01T00:00:00+00:01", "0001-01-01T00:01:00+00:01"),
        ("a day before year 1", "0001-01-01T00:00:00+23:59", "0001-01-02T00:00:00+23:59"),
        ("a minute after year 9999", "9999-12-31T23:59:59-00:01", "9999-12-31T23:58:59-00:01"),
        ("a day after year 9999", "9999-12-31T23:59:59-23:59", "9999-12-30T23:59:59-23:59"),
        ("five-digit year", "10000-01-01T00:00:00Z", "1000-01-01T00:00:00Z"),
        ("signed year", "+2026-11-21T08:30:05Z", "2026-11-21T08:30:05Z"),
        ("negative year", "-2026-11-21T08:30:05Z", "2026-11-21T08:30:05Z"),
    ]:
        g.reject("parse", comment, ["years"], {"text": bad}, {"text": good})
    good = base + "Z"
    for comment, bad in [
        ("nothing", ""),
        ("date only", "2026-11-21"),
        ("time only", "08:30:05Z"),
        ("no seconds", "2026-11-21T08:30Z"),
        ("leading space", " " + good),
        ("trailing space", good + " "),
        ("trailing line feed", good + "\n"),
        ("trailing NUL", good + "\0"),
        ("two-digit year", "26-11-21T08:30:05Z"),
        ("one-digit month", "2026-1-21T08:30:05Z"),
        ("no dashes", "20261121T08:30:05Z"),
        ("no colons", "2026-11-21T083005Z"),
        ("slashes", "2026/11/21T08:30:05Z"),
        ("no separator of date and time", "2026-11-2108:30:05Z"),
        ("underscore as separator", "2026-11-21_08:30:05Z"),
        ("week date", "2026-W47-6T08:30:05Z"),
        ("ordinal date", "2026-325T08:30:05Z"),
        ("seconds since 1970", "1795163405"),
        ("HTTP date", "Sat, 21 Nov 2026 08:30:05 GMT"),
        ("full-width digit", "202\uff16-11-21T08:30:05Z"),
        ("sign in the hour", "2026-11-21T+8:30:05Z"),
        ("space in the hour", "2026-11-21T 8:30:05Z"),
        ("hexadecimal digit", "2026-11-2aT08:30:05Z"),
    ]:
        g.reject("parse", comment, ["syntax"], {"text": bad}, {"text": good})
    w = f.group("time.write", "chosen by hand", lambda i: ({}, {"text": written(i["seconds"], i["nanoseconds"])}))
    for comment, seconds, nanoseconds in [
        ("whole second", 1795163405, 0),
        ("milliseconds", 1795163405, 120_000_000),
        ("one millisecond", 1795163405, 1_000_000),
        ("microseconds", 1795163405, 123_456_000),
        ("one microsecond", 1795163405, 1_000),
        ("nanoseconds", 1795163405, 123_456_789),
        ("one nanosecond", 1795163405, 1),
        ("half a second", 1795163405, 500_000_000),
        ("trailing zeros of a group stay", 1795163405, 100_000_000),
        ("six digits that end in a zero", 1795163405, 123_450_000),
        ("1970", 0, 0),
        ("a microsecond before 1970", -1, 999_999_000),
        ("year 1", -62135596800, 0),
        ("last second of 9999", 253402300799, 0),
        ("last microsecond of 9999", 253402300799, 999_999_000),
        ("29 February", 951782400, 0),
        ("last of 32 bits", 2147483647, 0),
        ("first beyond 32 bits", 2147483648, 0),
    ]:
        w.accept(f"writer: {comment}", ["writer"], {"seconds": seconds, "nanoseconds": nanoseconds})
    return [f]
