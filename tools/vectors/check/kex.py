"""Signing contexts, identity cards, prekeys, bundles, the keeping of prekeys and key agreement: areas KEX."""

from . import Refused, agent, curve
from .bytes import (
    hkdf,
    label,
    lp,
    member,
    public,
    read_b64u,
    read_object,
    sha256,
    signed_bytes,
    typed,
    u32,
    verify,
    whole,
)
from .text import read_base64

NEVER = 0xFFFFFFFF
DAY = 86_400
# The table of AM-KEX-001.
CONTEXTS = "exchange-key signed-prekey one-time-prekeys knock accept reject unknown-session envelope".split()


def name_of(key):
    return sha256(key)[:20]


# --- signatures and cards ---


def context_sign(i, shared, now):
    assert i["context"] in CONTEXTS
    data = signed_bytes(i["context"], bytes.fromhex(i["content"]))
    assert curve.public_key(bytes.fromhex(shared["seed"]))[0].hex() == shared["public_key"]
    return {"signature": curve.sign(bytes.fromhex(shared["seed"]), data).hex()}, {"signed": data.hex()}


def context_verify(i, shared, now):
    assert i["context"] in CONTEXTS
    verify(
        bytes.fromhex(shared["public_key"]),
        i["context"],
        bytes.fromhex(i["content"]),
        bytes.fromhex(i["signature"]),
    )
    return {}, {}


class Card:
    """The 152 bytes, judged in the order form, name against key, signature."""

    def __init__(self, data):
        if len(data) != 152:
            raise Refused("parse")
        self.data, self.name = data, data[:20]
        self.signing, self.exchange = data[20:52], data[52:84]
        self.epoch = int.from_bytes(data[84:88], "big")
        if self.name != name_of(self.signing):
            raise Refused("auth")
        verify(self.signing, "exchange-key", data[:88], data[88:])

    @property
    def amid(self):
        return agent.write_base58(self.name)


def card_make(i, shared, now):
    seed = bytes.fromhex(i["seed"])
    key = curve.public_key(seed)[0]
    content = name_of(key) + key + public(bytes.fromhex(i["exchange_private_key"])) + u32(i["epoch"])
    data = signed_bytes("exchange-key", content)
    return {"card": (content + curve.sign(seed, data)).hex()}, {"signed": data.hex()}


def card_read(i, shared, now):
    card = Card(bytes.fromhex(i["card"]))
    return {
        "amid": card.amid,
        "signing_key": card.signing.hex(),
        "exchange_key": card.exchange.hex(),
        "epoch": card.epoch,
    }, {}


def card_succeed(i, shared, now):
    highest = {}
    for text in i["accepted"] + [i["card"]]:
        card = Card(bytes.fromhex(text))
        if card.epoch < highest.get(card.name, 0):
            raise Refused("auth")
        highest[card.name] = card.epoch
    return {}, {}


# --- prekeys ---


def u64(value):
    return value.to_bytes(8, "big")


def signed_prekey_content(name, number, key, begin, end):
    return name + u32(number) + key + u64(begin) + u64(end)


def signed_prekey_make(i, shared, now):
    seed = bytes.fromhex(shared["seed"])
    name = name_of(curve.public_key(seed)[0])
    data = signed_bytes(
        "signed-prekey",
        signed_prekey_content(name, i["id"], bytes.fromhex(i["key"]), i["not_before"], i["not_after"]),
    )
    return {"signature": curve.sign(seed, data).hex()}, {"signed": data.hex()}


def leaf(number, key):
    return sha256(b"\x00" + u32(number) + key)


def above(level):
    pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
    return [sha256(b"\x01" + pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]


def batch_content(name, first, count, root):
    return name + u32(first) + u32(count) + root


def batch_make(i, shared, now):
    seed = bytes.fromhex(shared["seed"])
    first, keys = i["first_id"], [bytes.fromhex(k) for k in i["keys"]]
    levels = [[leaf(first + n, key) for n, key in enumerate(keys)]]
    while len(levels[-1]) > 1:
        levels.append(above(levels[-1]))
    paths = []
    for place in range(len(keys)):
        path = []
        for level in levels:
            if place ^ 1 < len(level):
                path.append(level[place ^ 1].hex())
            place //= 2
        paths.append(path)
    root = levels[-1][0]
    data = signed_bytes("one-time-prekeys", batch_content(name_of(curve.public_key(seed)[0]), first, len(keys), root))
    return (
        {"root": root.hex(), "paths": paths, "signature": curve.sign(seed, data).hex()},
        {"levels": [[h.hex() for h in level] for level in levels], "signed": data.hex()},
    )


def root_of(place, count, hash_, path):
    """Climbs from a leaf; the shape of the path follows from place and count alone."""
    path = list(path)
    while count > 1:
        if place ^ 1 < count:
            if not path:
                raise Refused("crypto")
            other = path.pop(0)
            hash_ = sha256(b"\x01" + (other + hash_ if place & 1 else hash_ + other))
        place, count = place // 2, (count + 1) // 2
    if path:
        raise Refused("crypto")
    return hash_


def bundle_check(i, shared, now):
    if len(i["text"].encode("utf-8")) > 8192:
        raise Refused("limit")
    bundle = read_object(i["text"])
    bytes_of = lambda owner, name, size: read_b64u(member(owner, name, "text"), size)
    number = lambda owner, name: whole(owner, name, 0, NEVER)
    card_bytes = bytes_of(bundle, "card", 152)
    part = member(bundle, "signed_prekey", "object")
    signed_id, signed_key = number(part, "id"), bytes_of(part, "key", 32)
    begin, end = whole(part, "not_before", 0, 2**53), whole(part, "not_after", 0, 2**53)
    proof = bytes_of(part, "signature", 64)
    one = None
    if "one_time_prekey" in bundle:
        one = member(bundle, "one_time_prekey", "object")
        one_id, one_key = number(one, "id"), bytes_of(one, "key", 32)
        first, count = number(one, "first_id"), number(one, "count")
        path = []
        for hash_ in member(one, "path", "list"):
            path.append(read_b64u(typed(hash_, "text"), 32))
            if len(path) > 10:
                raise Refused("limit")
        one_proof = bytes_of(one, "signature", 64)

    if agent.write_base58(card_bytes[:20]) != i["expected"]:
        raise Refused("auth")
    card = Card(card_bytes)
    if not 0 < end - begin <= 30 * DAY:
        raise Refused("parse")
    verify(card.signing, "signed-prekey", signed_prekey_content(card.name, signed_id, signed_key, begin, end), proof)
    if not begin * 10**9 <= now <= end * 10**9:
        raise Refused("auth")
    out = {"signed_prekey_id": signed_id, "signed_prekey": signed_key.hex()}
    if one is not None:
        if not 1 <= count <= 1024 or not first <= one_id < first + count or one_id == NEVER:
            raise Refused("parse")
        root = root_of(one_id - first, count, leaf(one_id, one_key), path)
        # a wrong path gives a root that the signature does not cover
        verify(card.signing, "one-time-prekeys", batch_content(card.name, first, count, root), one_proof)
        out |= {"one_time_prekey_id": one_id, "one_time_prekey": one_key.hex()}
    return out, {}


class Keeper:
    """Which ids are held, and since when: AM-KEX-030 to AM-KEX-036."""

    def __init__(self):
        self.signed, self.next_signed = {}, 1  # id: when made
        self.one_time, self.next_one_time = [], 1

    def published(self):
        out = {}
        if self.signed:
            out["signed_id"] = max(self.signed)
        if self.one_time:
            out["one_time"] = [self.one_time[0], self.one_time[-1]]
        return out | {"left": len(self.one_time)}

    def maintain(self, at):
        rotated = not self.signed or at >= self.signed[max(self.signed)] + 7 * DAY
        if rotated:
            self.signed[self.next_signed] = at
            self.next_signed += 1
        added = 100 - len(self.one_time) if len(self.one_time) < 20 else 0
        self.one_time += range(self.next_one_time, self.next_one_time + added)
        self.next_one_time += added
        return {"rotated": rotated, "added": added} | self.published()

    def find_signed(self, number, at):
        if number not in self.signed:
            raise Refused("state")
        replaced = self.signed.get(number + 1)
        if replaced is not None and at > replaced + DAY:
            raise Refused("auth")

    def find_one_time(self, number):
        if number not in self.one_time:
            raise Refused("state")


def prekeys_script(i, shared, now):
    keeper, results = Keeper(), []
    for step in i["steps"]:
        match step["do"]:
            case "maintain":
                results.append(keeper.maintain(step["at"]))
            case "maintain_unsaved":
                results.append({"refused": True} | keeper.published())
            case "spend":
                keeper.one_time = keeper.one_time[step["count"] :]
                results.append({"left": len(keeper.one_time)})
            case "restart":
                results.append(keeper.published())
            case other:
                raise KeyError(other)
    last = i.get("last", {})
    if "signed" in last:
        keeper.find_signed(last["signed"], last["at"])
    if "one_time" in last:
        keeper.find_one_time(last["one_time"])
    return {"results": results}, {}


# --- agreement ---


def derive(suite, results, ctx=None):
    """The keys of a suite from the joined results: bytes as the table of suites says."""
    ones, zeros = b"\xff" * 32, bytes(32)
    match suite:
        case "am1":
            return hkdf(sha256(ctx), ones + results, label("am1:x3dh"), 128)
        case "wire10":
            return hkdf(zeros, ones + results, b"AgentMesh_X3DH_v1", 32)
        case "wire10-legacy":
            return hkdf(ones, results, b"AgentMesh_X3DH_v1", 32)
        case "v02":
            return hkdf(zeros, results, b"X3DH", 32)
    raise KeyError(suite)


def agreement_derive(i, shared, now):
    return {"root": derive(i["suite"], bytes.fromhex(i["results"])).hex()}, {}


def agree(i, results, parts):
    """Output and intermediate values; `parts` are E.pub, P.pub and O.pub."""
    told = {"dh": [r.hex() for r in results]}
    if i["suite"] != "am1":
        return {"root": derive(i["suite"], b"".join(results)).hex()}, told
    ephemeral, signed, one = parts
    ctx = lp(b"am1") + lp(bytes.fromhex(i["initiator_card"])) + lp(bytes.fromhex(i["responder_card"]))
    ctx += lp(ephemeral) + lp(bytes.fromhex(i["ratchet_key"])) + lp(u32(i["signed_prekey_id"]) + signed)
    ctx += lp(u32(i["one_time_prekey_id"]) + one if one else b"")
    keys = derive("am1", b"".join(results), ctx)
    names = ("root", "knock", "reply", "id")
    told |= {"ctx": ctx.hex(), "ctx_hash": sha256(ctx).hex()}
    return {n: keys[32 * k : 32 * k + 32].hex() for k, n in enumerate(names)}, told


def initiator(i, shared, now):
    own, ephemeral = bytes.fromhex(i["exchange_private_key"]), bytes.fromhex(i["ephemeral_private_key"])
    peer, signed = bytes.fromhex(i["peer_exchange_key"]), bytes.fromhex(i["signed_prekey"])
    one = bytes.fromhex(i.get("one_time_prekey", ""))
    results = [curve.x25519(own, signed), curve.x25519(ephemeral, peer), curve.x25519(ephemeral, signed)]
    if one:
        results.append(curve.x25519(ephemeral, one))
    return agree(i, results, (public(ephemeral), signed, one))


def responder(i, shared, now):
    own, signed = bytes.fromhex(i["exchange_private_key"]), bytes.fromhex(i["signed_prekey_private_key"])
    peer, ephemeral = bytes.fromhex(i["peer_exchange_key"]), bytes.fromhex(i["ephemeral_key"])
    one = bytes.fromhex(i.get("one_time_prekey_private_key", ""))
    results = [curve.x25519(signed, peer), curve.x25519(own, ephemeral), curve.x25519(signed, ephemeral)]
    if one:
        results.append(curve.x25519(one, ephemeral))
    return agree(i, results, (ephemeral, public(signed), public(one) if one else b""))


# --- bundles of deployed registries ---


def either_base64(text, size):
    body = text.rstrip("=")
    if len(text) != len(body) and len(text) % 4:
        raise Refused("parse")
    data = read_b64u(body.replace("+", "-").replace("/", "_"))
    if len(data) != size:
        raise Refused("parse")
    return data


def told_keys(identity, signed_id, signed, one):
    out = {"identity": identity.hex(), "signed_prekey_id": signed_id, "signed_prekey": signed.hex()}
    return out | ({"one_time_prekey_id": one[0], "one_time_prekey": one[1].hex()} if one else {})


def reply_of(text):
    if len(text.encode("utf-8")) > 65_536:
        raise Refused("limit")
    return read_object(text)


def deployed_v02(i, shared, now):
    reply = reply_of(i["text"])
    key = lambda owner, name: agent.read_key("x25519", member(owner, name, "text"))
    identity, signed = key(reply, "identity_key"), key(reply, "signed_prekey")
    proof = read_base64(member(reply, "signed_prekey_signature", "text"))
    if len(proof) != 64:
        raise Refused("parse")
    signed_id = whole(reply, "signed_prekey_id", 0, NEVER)
    first = reply.get("one_time_prekeys")
    offered = [reply.get("one_time_prekey")] + (typed(first, "list")[:1] if first is not None else [])
    offered = [typed(o, "object") for o in offered if o is not None]
    offered = [(whole(o, "id", 0, NEVER), key(o, "key")) for o in offered]
    one = offered[0] if offered else None
    curve.verify(bytes.fromhex(shared["public_key"]), signed, proof)
    return told_keys(identity, signed_id, signed, one), {}


def deployed_wire10(i, shared, now):
    reply = reply_of(i["text"])
    key = lambda owner, name: either_base64(member(owner, name, "text"), 32)
    identity = key(reply, "identity_key")
    part = member(reply, "signed_pre_key", "object")
    signed_id, signed = whole(part, "key_id", 0, NEVER), key(part, "public_key")
    proof = either_base64(member(part, "signature", "text"), 64)
    one = reply.get("one_time_pre_key")
    if one is not None:
        one = typed(one, "object")
        one = (whole(one, "key_id", 0, NEVER), key(one, "public_key"))
    if reply.get("identity_key_ed") is None:
        raise Refused("crypto")  # nobody's signature stands over the prekey
    signing = key(reply, "identity_key_ed")
    curve.verify(signing, signed, proof)
    if montgomery(signing) != identity:
        raise Refused("parse")  # one of the two is superfluous, and they contradict each other
    return told_keys(identity, signed_id, signed, one), {}


def montgomery(key):
    """u = (1 + y) / (1 - y)."""
    y = int.from_bytes(key, "little") & (2**255 - 1)
    return ((1 + y) * pow(1 - y, curve.Q - 2, curve.Q) % curve.Q).to_bytes(32, "little")


OPERATIONS = {
    "context.sign": context_sign,
    "context.verify": context_verify,
    "card.make": card_make,
    "card.read": card_read,
    "card.succeed": card_succeed,
    "signed_prekey.make": signed_prekey_make,
    "batch.make": batch_make,
    "bundle.check": bundle_check,
    "prekeys.script": prekeys_script,
    "agreement.initiator": initiator,
    "agreement.responder": responder,
    "agreement.derive": agreement_derive,
    "deployed.v02": deployed_v02,
    "deployed.wire10": deployed_wire10,
}
