"""What a message of the DNS says to a question for TXT records: area ORG. By recursion, where the library loops."""

import struct

from . import Refused


def lower(raw):
    return bytes(c + 32 if 65 <= c <= 90 else c for c in raw)


def read_name(whole, at, below=None):
    """Labels in lower case, and where the name ends. A pointer leads before what it stands in."""
    labels, below = [], at if below is None else below
    while True:
        if at >= len(whole):
            raise Refused("parse")
        size = whole[at]
        if size == 0:
            return labels, at + 1
        if size >= 192:
            if at + 1 >= len(whole):
                raise Refused("parse")
            target = (size - 192) * 256 + whole[at + 1]
            if not 12 <= target < below:
                raise Refused("parse")
            return labels + read_name(whole, target, target)[0], at + 2
        if size > 63 or at + 1 + size > len(whole):
            raise Refused("parse")
        labels.append(lower(whole[at + 1 : at + 1 + size]))
        at += 1 + size


def bounded(whole, at):
    labels, end = read_name(whole, at)
    if sum(1 + len(one) for one in labels) + 1 > 255:
        raise Refused("parse")
    return tuple(labels), end


def strings(data):
    out = b""
    if not data:
        raise Refused("parse")
    while data:
        if 1 + data[0] > len(data):
            raise Refused("parse")
        out, data = out + data[1 : 1 + data[0]], data[1 + data[0] :]
    return out


def texts(i, shared, now):
    asked, said = bytes.fromhex(i["question"]), bytes.fromhex(i["message"])
    echo = said[12 : len(asked)]
    if len(said) < len(asked) or said[:2] != asked[:2] or lower(echo) != lower(asked[12:]):
        return {"said": "other"}, {}
    flags, questions, *counts = struct.unpack(">HHHHH", said[2:12])
    if flags >> 15 != 1 or flags >> 11 & 15 or questions != 1:
        return {"said": "other"}, {}
    if flags & 0x0200 or (i["over"] == "udp" and echo != asked[12:]):
        return {"said": "truncated"}, {}
    at, aliases, found = len(asked), {}, []
    for number in range(sum(counts)):
        owner, at = bounded(said, at)
        if at + 10 > len(said):
            raise Refused("parse")
        kind, of_class, _, size = struct.unpack(">HHIH", said[at : at + 10])
        at += 10
        if at + size > len(said):
            raise Refused("parse")
        if number < counts[0] and of_class == 1 and kind == 5:
            target, end = bounded(said, at)
            if end != at + size or owner in aliases:
                raise Refused("parse")
            aliases[owner] = target
        elif number < counts[0] and of_class == 1 and kind == 16:
            found.append((owner, strings(said[at : at + size])))
        at += size
    if at != len(said):
        raise Refused("parse")
    if flags & 15 not in (0, 3):
        return {"said": "refused"}, {}
    here, _ = bounded(asked, 12)
    seen = {here}
    while here in aliases:
        here = aliases[here]
        if here in seen:
            raise Refused("parse")
        seen.add(here)
    return {"said": "texts", "texts": [one.decode() for owner, one in found if owner == here]}, {}


OPERATIONS = {"dns.texts": texts}
