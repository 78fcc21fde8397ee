"""Uploads and notices: areas REG-050 and REG-071."""

from . import Refused, agent, jsontext, rfc3339
from .kex import bundle_check

WORDS = ("online", "away", "offline", "dnd")


def upload_check(i, shared, now):
    value = jsontext.parse(i["text"])
    if not isinstance(value, dict):
        raise Refused("parse")
    keys = value.pop("one_time_prekeys", [])
    if not isinstance(keys, list):
        raise Refused("parse")
    whole = lambda more: bundle_check({"text": jsontext.canonical(value | more), "expected": i["expected"]}, shared, now)[0]
    out = whole({})
    ids, batches = [], set()
    for one in keys:
        found = whole({"one_time_prekey": one})
        if found["one_time_prekey_id"] in ids:
            raise Refused("parse")
        ids.append(found["one_time_prekey_id"])
        batches.add((one["first_id"], one["count"], one["signature"]))
    if len(batches) > 8:
        raise Refused("limit")
    return out | {"one_time": ids}, {}


def presence_read(i, shared, now):
    value = jsontext.parse(i["text"])
    if not isinstance(value, list):
        raise Refused("parse")
    if len(value) > 1000:
        raise Refused("limit")
    out = []
    for one in value:
        if not isinstance(one, dict) or any(not isinstance(one.get(k), str) for k in ("amid", "status", "last_seen")):
            raise Refused("parse")
        agent.read_amid(one["amid"])
        if one["status"] not in WORDS:
            raise Refused("parse")
        rfc3339.read(one["last_seen"])
        out.append([one["amid"], one["status"]])
    return {"entries": out}, {}


OPERATIONS = {"upload.check": upload_check, "presence.read": presence_read}
