"""Replies of a registry that tells the truth, and of one that lies: what a client may believe of either."""

import base64

from .agents import NOON, Agent, b64
from .certificates import Certificate
from .common import VectorFile, seeded
from .identity import document as did_document
from .kex import CLOCK, Prekeys
from .suites import Mesh, Pair, b64u, sign, signed_bytes, u32, u64, u8

DAY = 86_400
BOB, CAROL, DAVE = Mesh("bob", 7), Mesh("carol", 2), Mesh("dave")
REASONS = (
    "key_compromise",
    "policy_violation",
    "superseded",
    "cessation_of_operation",
    "privilege_withdrawn",
    "admin_request",
    "other",
)


def other_keys(agent, epoch, name="another exchange pair"):
    """The same agent with another exchange pair."""
    one = Mesh(agent.name, epoch)
    one.pair = Pair(f"{agent.name}/{name}")
    one.exchange_seed, one.exchange = one.pair.private, one.pair.public
    return one


def row_of(agent, **changes):
    """What a lookup says of an agent; a change of None is a null, one of ... leaves the member out."""
    told = {
        "amid": agent.amid,
        "tier": "anonymous",
        "display_name": agent.name,
        "organization": None,
        "signing_public_key": b64(agent.public),
        "exchange_public_key": b64(agent.exchange),
        "capabilities": ["travel/flights"],
        "relay_endpoint": "wss://relay.example/v1",
        "direct_endpoint": None,
        "status": "online",
        "reputation_score": 0.75,
        "last_seen": "2026-11-21T11:59:00Z",
        "card": b64u(agent.card()),
        "ratings_count": 7,
        "reputation_status": "rated",
    } | changes
    return {name: value for name, value in told.items() if value is not ...}


def deployed_keys(agent, prekeys, **changes):
    """What a registry of 0.2 says of prekeys."""
    key = prekeys.signed.public
    return {
        "identity_key": b64(agent.exchange),
        "signed_prekey": b64(key),
        "signed_prekey_signature": b64(agent.sign(key)),
        "signed_prekey_id": prekeys.number,
    } | changes


def keys_of(agent, prekeys, index=None, **changes):
    """The same with a bundle of am1; `changes` are those of the bundle."""
    told = deployed_keys(agent, prekeys)
    if index is not None:
        told["one_time_prekey"] = {"id": prekeys.first + index, "key": b64(prekeys.keys[index].public)}
    return told | {"bundle": prekeys.bundle(index) | changes}


def revocation_statement(agent, reason="key_compromise", at=CLOCK - 3600, by=None):
    content = u8(1) + agent.public + u8(REASONS.index(reason)) + u64(at)
    return b64u(content + sign(by or agent, "revocation", content))


def succession_statement(old, new, at=CLOCK - 3600, by_old=None, by_new=None):
    content = u8(1) + old.public + new.public + u64(at)
    return b64u(content + sign(by_old or old, "succession", content) + sign(by_new or new, "succession", content))


def state_of(agent, revoked, by=None, reason="key_compromise", notes=None):
    entry = {
        "id": "7",
        "amid": agent.amid,
        "reason": reason,
        "revoked_by": (by or agent).amid,
        "revoked_at": "2026-11-21T11:00:00Z",
        "notes": notes,
    }
    return {"amid": agent.amid, "revoked": revoked, "revocation": entry if revoked else None}


def pem(*chain):
    text = ""
    for one in chain:
        body = base64.b64encode(one.der).decode()
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        text += "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
    return text


# --- what a client makes of what it is told ---


def as_agent(agent, bound=True, tier="anonymous", organization=None, ppm=750_000, **more):
    return {
        "amid": agent.amid,
        "signing_key": agent.public.hex(),
        "exchange_key": agent.exchange.hex(),
        "bound": bound,
        "tier": tier,
        "organization": organization,
        "reputation_ppm": ppm,
        "revoked": False,
        "successor": None,
        "predecessor": None,
    } | more


def as_keys(agent, prekeys, suite="am1", index=None):
    return {
        "suite": suite,
        "exchange_key": agent.exchange.hex(),
        "signed_prekey_id": prekeys.number,
        "signed_prekey": prekeys.signed.public.hex(),
        "one_time_prekey_id": None if index is None else prekeys.first + index,
        "one_time_prekey": None if index is None else prekeys.keys[index].public.hex(),
    }


def replies(ledger):
    f = VectorFile(ledger, "registry", "replies")
    fnd = lambda *numbers: [f"AM-FND-{n:03}" for n in numbers]
    f.note("good", fnd(1, 2), "a client that is too strict", "honest registries are of no use")
    f.note("name", fnd(1), "the registry's word for whose key it is", "anyone is anyone", ["I2", "cat 106"])
    f.note("exchange", fnd(2), "an exchange key that nothing ties to the name", "the registry reads all", ["I3", "cat 13"])
    f.note("pinned", fnd(3), "a card that may vanish, or a second bare key", "the registry reads all later", ["cat 106"])
    f.note("epoch", fnd(4), "an exchange key that was replaced", "a stolen key serves again", ["cat 36", "cat 103"])
    f.note("prekey", fnd(5), "a prekey that its owner did not sign", "the registry opens first messages",
           ["cat 11", "cat 12", "cat 14"])
    f.note("older", fnd(6), "a bundle that was replaced", "a stolen prekey serves again", ["cat 103"])
    f.note("tier", fnd(7), "a tier without a certificate", "anyone passes for an organization", ["cat 110", "G14", "I7"])
    f.note("hidden", fnd(8), "a revocation that is not told any more", "a stolen key is talked to", ["cat 112", "G12"])
    f.note("silent", fnd(9), "no answer is taken for a no", "a stolen key is talked to", ["cat 112", "G13"])
    f.note("statement", fnd(10), "anybody's word for the agent's own", "agents are ended by strangers")
    f.note("successor", fnd(11), "a successor that the registry chose", "the registry inherits a name")

    root, company, stranger = Agent("root"), Agent("company"), Agent("stranger")
    R = Certificate("root", root)
    O = Certificate("organization", company, R)
    chain = pem(Certificate("agent", BOB, O), O)
    told = {}

    def proves(i):
        return {}, told[id(i)]

    g = f.group("registry.believe", "seeded agents; lies chosen by hand", proves, roots=[R.der.hex()])

    def asked(of, reply, earlier=(), who=BOB, believes="reputation", unbound=False, revoked=(), answers=True, status=200):
        return {
            "who": who.amid,
            "believes": believes,
            "unbound": unbound,
            "revoked": list(revoked),
            "answers": answers,
            "earlier": [{"of": kind, "reply": said} for kind, said in earlier],
            "of": of,
            "status": status,
            "reply": reply,
        }

    def accept(comment, flags, output, *what, **how):
        given = asked(*what, **how)
        told[id(given)] = output
        return g.accept(comment, flags, given, NOON)

    def refuse(why, comment, flag, twin, *what, unit=None, **how):
        g.reject(why, comment, [flag], asked(*what, **how), twin, NOON, unit=unit)

    # --- lookup: whose key it is, and what ties the exchange key to it ---

    bob, carol = row_of(BOB), row_of(CAROL)
    known = [("lookup", bob)]
    again = other_keys(BOB, 7)
    renewed = other_keys(BOB, 8)
    older = Mesh("bob", 6)
    bare = {"card": ...}

    good = accept("an agent with a card", ["good"], as_agent(BOB), "lookup", bob)
    accept("keys with their prefixes", ["good"], as_agent(BOB), "lookup",
           row_of(BOB, signing_public_key="ed25519:" + b64(BOB.public),
                  exchange_public_key="x25519:" + b64(BOB.exchange)))
    remembered = accept("the same again", ["good", "pinned", "epoch"], as_agent(BOB), "lookup", bob, known)
    accept("members that nobody knows", ["good"], as_agent(BOB), "lookup", row_of(BOB, trusted=True, card_of="carol"))
    accept("a new exchange key of a higher epoch", ["epoch"], as_agent(renewed), "lookup", row_of(renewed), known)
    accept("a card after a bare key", ["pinned"], as_agent(again), "lookup", row_of(again),
           [("lookup", row_of(BOB, **bare)), ("prekeys", deployed_keys(BOB, Prekeys(BOB)))], unbound=True)
    of_carol = accept("another agent", ["good"], as_agent(CAROL), "lookup", carol, who=CAROL)

    refuse("auth", "another agent's row", "name", of_carol, "lookup", bob, who=CAROL, unit="/input/reply")
    refuse("auth", "another agent's name on the row", "name", good, "lookup", row_of(BOB, amid=CAROL.amid))
    refuse("auth", "another agent's signing key", "name", good, "lookup",
           row_of(BOB, signing_public_key=b64(CAROL.public)))
    refuse("parse", "a signing key of 31 bytes", "name", good, "lookup",
           row_of(BOB, signing_public_key=b64(BOB.public[:31])))
    refuse("parse", "a signing key with the other prefix", "name", good, "lookup",
           row_of(BOB, signing_public_key="x25519:" + b64(BOB.public)))
    refuse("parse", "no signing key", "name", good, "lookup", row_of(BOB, signing_public_key=...))
    refuse("parse", "no exchange key", "exchange", good, "lookup", row_of(BOB, exchange_public_key=...))
    refuse("auth", "exchange key swapped", "exchange", good, "lookup",
           row_of(BOB, exchange_public_key=b64(CAROL.exchange)))
    refuse("auth", "another agent's card", "exchange", good, "lookup", row_of(BOB, card=b64u(CAROL.card())))
    forged = BOB.raw_amid + BOB.public + CAROL.exchange + u32(7)
    signed = lambda by, content: b64u(content + by.sign(signed_bytes("exchange-key", content)))
    refuse("crypto", "exchange key swapped, and a card to match", "exchange", good, "lookup",
           row_of(BOB, exchange_public_key=b64(CAROL.exchange), card=signed(CAROL, forged)), unit="/input/reply")
    refuse("crypto", "card with the epoch raised", "exchange", good, "lookup",
           row_of(BOB, card=b64u(BOB.card()[:84] + u32(8) + BOB.card()[88:])))
    refuse("crypto", "card signed in another context", "exchange", good, "lookup",
           row_of(BOB, card=b64u(BOB.card_content() + BOB.sign(signed_bytes("signed-prekey", BOB.card_content())))))
    refuse("parse", "card of 151 bytes", "exchange", good, "lookup", row_of(BOB, card=b64u(BOB.card()[:-1])))
    refuse("parse", "card in the other alphabet", "exchange", good, "lookup", row_of(BOB, card=b64(BOB.card())))

    refuse("auth", "the card is gone", "pinned", remembered, "lookup", row_of(BOB, **bare), known)
    refuse("auth", "the card is gone, and the exchange key is another", "pinned", remembered, "lookup",
           row_of(again, **bare), known, unit="/input/reply")
    refuse("auth", "the card is null", "pinned", remembered, "lookup", row_of(BOB, card=None), known)
    refuse("auth", "a card of a lower epoch", "epoch", remembered, "lookup", row_of(older), known)
    refuse("auth", "another exchange key under the same epoch", "epoch", remembered, "lookup", row_of(again), known,
           unit="/input/reply")
    refuse("auth", "a replaced exchange key again", "epoch",
           accept("a replaced exchange key stays replaced", ["epoch"], as_agent(renewed), "lookup", row_of(renewed),
                  [("lookup", bob), ("lookup", row_of(renewed))]),
           "lookup", bob, [("lookup", bob), ("lookup", row_of(renewed))], unit="/input/reply")

    p, q = Prekeys(BOB), Prekeys(CAROL)
    unbound = [("lookup", row_of(BOB, **bare)), ("prekeys", deployed_keys(BOB, p))]
    pinned = accept("a bare key, the same again", ["pinned"], as_agent(BOB, bound=False), "lookup", row_of(BOB, **bare),
                    unbound, unbound=True)
    refuse("auth", "a bare key, then another", "pinned", pinned, "lookup", row_of(again, **bare), unbound, unbound=True)

    # --- prekeys ---

    bound = accept("a bundle", ["good", "prekey"], as_keys(BOB, p), "prekeys", keys_of(BOB, p), known)
    with_one = accept("a bundle with a one-time prekey", ["good", "prekey"], as_keys(BOB, p, index=2), "prekeys",
                      keys_of(BOB, p, 2), known)
    plain = accept("prekeys of 0.2 where the lookup had a card", ["good", "prekey"], as_keys(BOB, p, "v02"), "prekeys",
                   deployed_keys(BOB, p), known, unbound=True)
    loose = accept("prekeys of 0.2 under a bare key, allowed", ["good", "pinned"], as_keys(BOB, p, "v02"), "prekeys",
                   deployed_keys(BOB, p), [("lookup", row_of(BOB, **bare))], unbound=True)
    refuse("auth", "prekeys of 0.2 under a bare key, not allowed", "pinned", loose, "prekeys", deployed_keys(BOB, p),
           [("lookup", row_of(BOB, **bare))])
    refuse("auth", "prekeys of 0.2 with another exchange key", "exchange", plain, "prekeys",
           deployed_keys(BOB, p, identity_key=b64(CAROL.exchange)), known, unbound=True)
    refuse("crypto", "prekeys of 0.2 with a swapped prekey", "prekey", plain, "prekeys",
           deployed_keys(BOB, p, signed_prekey=b64(q.signed.public)), known, unbound=True)
    refuse("crypto", "prekeys of 0.2 signed by another agent", "prekey", plain, "prekeys",
           deployed_keys(BOB, p, signed_prekey_signature=b64(CAROL.sign(p.signed.public))), known, unbound=True)
    refuse("parse", "prekeys of 0.2 without a signature", "prekey", plain, "prekeys",
           deployed_keys(BOB, p, signed_prekey_signature=""), known, unbound=True)

    refuse("auth", "another agent's bundle", "prekey", bound, "prekeys",
           deployed_keys(BOB, p) | {"bundle": q.bundle()}, known, unit="/input/reply")
    refuse("auth", "a bundle with another exchange key than the lookup", "exchange", bound, "prekeys",
           keys_of(BOB, p, card=b64u(renewed.card())), known)
    refuse("crypto", "signed prekey swapped", "prekey", bound, "prekeys",
           keys_of(BOB, p, signed_prekey=p.signed_prekey(key=b64u(q.signed.public))), known)
    refuse("crypto", "another agent's signed prekey", "prekey", bound, "prekeys",
           keys_of(BOB, p, signed_prekey=q.signed_prekey()), known, unit="/input/reply")
    refuse("crypto", "the id of the signed prekey raised", "prekey", bound, "prekeys",
           keys_of(BOB, p, signed_prekey=p.signed_prekey(id=2**31 - 1)), known)
    refuse("crypto", "the period of the signed prekey extended", "prekey", bound, "prekeys",
           keys_of(BOB, p, signed_prekey=p.signed_prekey(not_after=p.after + DAY)), known)
    refuse("crypto", "one-time prekey swapped", "prekey", with_one, "prekeys",
           keys_of(BOB, p, 2, one_time_prekey=p.one_time(2, key=b64u(q.keys[0].public))), known)
    refuse("crypto", "one-time prekey of another agent", "prekey", with_one, "prekeys",
           keys_of(BOB, p, 2, one_time_prekey=q.one_time(2)), known, unit="/input/reply")
    refuse("parse", "a bundle that is none", "prekey", bound, "prekeys", keys_of(BOB, p) | {"bundle": "none"}, known,
           unit="/input/reply")
    refuse("auth", "a bundle of a lower epoch", "epoch", bound, "prekeys", keys_of(BOB, p, card=b64u(older.card())),
           known)

    last, first = Prekeys(BOB, 4, before=CLOCK - 5 * DAY, after=CLOCK + 2 * DAY), Prekeys(BOB, 9, before=CLOCK - 9 * DAY)
    seen = known + [("prekeys", keys_of(BOB, p))]
    newest = accept("a bundle again", ["older"], as_keys(BOB, p), "prekeys", keys_of(BOB, p), seen)
    accept("the first of two bundles", ["older"], as_keys(BOB, last), "prekeys", keys_of(BOB, last), known)
    accept("a later bundle with a lower id", ["older"], as_keys(BOB, last), "prekeys", keys_of(BOB, last),
           known + [("prekeys", keys_of(BOB, first))])
    refuse("replay", "an older bundle", "older", newest, "prekeys", keys_of(BOB, last), seen, unit="/input/reply")
    refuse("replay", "an older bundle with a higher id", "older", newest, "prekeys", keys_of(BOB, first), seen,
           unit="/input/reply")
    contradiction = Prekeys(BOB)
    contradiction.signed = Pair("bob/signed/5 again")
    refuse("replay", "another key in the place of one that was seen", "older", newest, "prekeys",
           keys_of(BOB, contradiction), seen, unit="/input/reply")
    accept("a bundle of a new exchange key begins anew", ["older", "epoch"], as_keys(renewed, last), "prekeys",
           keys_of(renewed, last) | {"bundle": last.bundle(card=renewed.card())},
           seen + [("lookup", row_of(renewed))])
    ended = Prekeys(BOB, before=CLOCK - 9 * DAY, after=CLOCK - DAY)
    refuse("auth", "a bundle whose time is over", "older", bound, "prekeys", keys_of(BOB, ended), known,
           unit="/input/reply")

    # --- tiers and reputation: told, proved, believed ---

    claims = {"tier": "organization", "organization": "Acme, Inc."}
    proved = {"tier": "organization", "organization": "Acme, Inc."}
    stands = lambda **members: row_of(BOB, **claims, **members)
    accept("a tier with a certificate", ["tier"], as_agent(BOB, **proved), "lookup", stands(certificate=chain))
    accept("a certificate that says more than the registry", ["tier"], as_agent(BOB, **proved), "lookup",
           row_of(BOB, certificate=chain))
    accept("a certificate without an organization", ["tier"], as_agent(BOB, tier="verified"), "lookup",
           stands(certificate=pem(Certificate("agent", BOB, R))))
    accept("a tier without a certificate", ["tier"], as_agent(BOB), "lookup", stands())
    accept("a tier without a certificate, of a registry that is believed", ["tier"], as_agent(BOB, **proved), "lookup",
           stands(), believes="everything")
    for comment, text in (
        ("another agent's certificate", pem(Certificate("agent", CAROL, O), O)),
        ("a certificate of nobody's root", pem(Certificate("agent", BOB, Certificate("root", stranger)))),
        ("a certificate whose issuer is missing", pem(Certificate("agent", BOB, O))),
        ("a certificate that is over", pem(Certificate("agent", BOB, O, ends="2026-11-20T00:00:00Z"), O)),
        ("a certificate signed by nobody", pem(Certificate("agent", BOB, O, signer=stranger), O)),
        ("a certificate as deployed", base64.b64encode(b'{"type":"agent","tier":"Organization"}').decode()),
    ):
        accept(f"a tier with {comment}", ["tier"], as_agent(BOB), "lookup", stands(certificate=text))
    gone = Certificate("agent", BOB, O).fingerprint
    accept("a tier with a certificate that is revoked", ["tier"], as_agent(BOB), "lookup", stands(certificate=chain),
           revoked=[gone])
    accept("a revoked certificate, of a registry that is believed", ["tier"], as_agent(BOB), "lookup",
           stands(certificate=chain), revoked=[gone], believes="everything")
    accept("a tier with a certificate of which nobody says whether it is revoked", ["tier"], as_agent(BOB), "lookup",
           stands(certificate=chain), answers=False)
    accept("a reputation where only proofs count", ["tier"], as_agent(BOB, ppm=0), "lookup", bob,
           believes="proofs_only")
    refuse("parse", "a tier that nobody knows", "tier", good, "lookup", row_of(BOB, tier="administrator"))

    # --- revocation: told once, told otherwise, proved ---

    ends = as_agent(BOB, revoked=True)
    statement = revocation_statement(BOB)
    heard = [("revocation", state_of(BOB, True))]
    shown = [("statement", {"statement": statement})]
    accept("an agent that is revoked", ["hidden"], ends, "lookup", row_of(BOB, revoked=True))
    accept("an agent that is flagged as revoked", ["hidden"], ends, "lookup", row_of(BOB, flags=["revoked"]))
    accept("a revocation that is not told any more", ["hidden"], ends, "lookup", bob, heard)
    accept("a revocation that is denied", ["hidden"], ends, "lookup", row_of(BOB, revoked=False), heard)
    accept("a revocation that the agent itself has shown", ["hidden"], ends, "lookup", bob, shown)
    accept("a lookup that has told of it before", ["hidden"], ends, "lookup", bob, [("lookup", row_of(BOB, revoked=True))])
    refuse("policy", "prekeys after a revocation", "hidden", bound, "prekeys", keys_of(BOB, p), heard + known)
    refuse("policy", "prekeys after the agent's own statement", "hidden", bound, "prekeys", keys_of(BOB, p),
           known + shown)
    refuse("policy", "prekeys of an agent that the lookup calls revoked", "hidden", bound, "prekeys", keys_of(BOB, p),
           [("lookup", row_of(BOB, revoked=True))])
    is_good = accept("not revoked", ["silent", "hidden"], {"revoked": False, "reason": None, "proved": False},
                     "revocation", state_of(BOB, False))
    refuse("policy", "not revoked, after it was", "hidden", is_good, "revocation", state_of(BOB, False), heard)
    refuse("policy", "not revoked, after the agent's own statement", "hidden", is_good, "revocation",
           state_of(BOB, False), shown)
    for comment, reply in (
        ("nothing about it", {"amid": BOB.amid, "revocation": None}),
        ("about it in another type", {"amid": BOB.amid, "revoked": "no", "revocation": None}),
        ("about another agent", {"amid": CAROL.amid, "revoked": False, "revocation": None}),
    ):
        refuse("state", f"an answer {comment}", "silent", is_good, "revocation", reply)
    for status in (404, 500, 503):
        refuse("state", f"an answer with status {status}", "silent", is_good, "revocation", state_of(BOB, False),
               status=status)
    said = lambda proved: {"revoked": True, "reason": "key_compromise", "proved": proved}
    accept("revoked", ["statement"], said(False), "revocation", state_of(BOB, True))
    accept("revoked by its administrator", ["statement"], said(False), "revocation", state_of(BOB, True, CAROL))
    note = lambda text: state_of(BOB, True, notes=text)
    accept("revoked, with the agent's own statement", ["statement"], said(True), "revocation",
           note(f"am1-revocation:{statement}"))
    accept("revoked, with its statement and words", ["statement"], said(True), "revocation",
           note(f"am1-revocation:{statement} the notebook is gone"))
    accept("revoked, with another agent's statement", ["statement"], said(False), "revocation",
           note(f"am1-revocation:{revocation_statement(CAROL)}"))
    accept("revoked, with a statement that another key signed", ["statement"], said(False), "revocation",
           note(f"am1-revocation:{revocation_statement(BOB, by=CAROL)}"))
    word = accept("the agent's own statement", ["statement"], {}, "statement", {"statement": statement})
    raw = base64.urlsafe_b64decode(statement + "=" * (-len(statement) % 4))
    for why, comment, text in (
        ("crypto", "a statement with the reason changed", b64u(raw[:33] + u8(1) + raw[34:])),
        ("crypto", "a statement that another key signed", revocation_statement(BOB, by=CAROL)),
        ("auth", "another agent's statement", revocation_statement(CAROL)),
        ("parse", "a statement with a reason that nobody knows", b64u(raw[:33] + u8(7) + raw[34:])),
        ("parse", "a statement of the year 10000", revocation_statement(BOB, at=253_402_300_800)),
        ("parse", "a statement of another version", b64u(u8(2) + raw[1:])),
        ("parse", "a statement a byte short", b64u(raw[:-1])),
    ):
        refuse(why, comment, "statement", word, "statement", {"statement": text})

    # --- successors ---

    follows = succession_statement(BOB, DAVE)
    moved = as_agent(BOB, revoked=True, successor=DAVE.amid)
    heir = accept("an agent with a successor", ["successor"], moved, "lookup", row_of(BOB, succession=follows))
    accept("an agent with a predecessor", ["successor"], as_agent(DAVE, predecessor=BOB.amid), "lookup",
           row_of(DAVE, inheritance=follows), who=DAVE)
    accept("a successor that only the registry names", ["successor"], as_agent(BOB), "lookup",
           row_of(BOB, successor=CAROL.amid))
    accept("a successor that is not told any more", ["hidden"], moved, "lookup", bob,
           [("lookup", row_of(BOB, succession=follows))])
    refuse("policy", "prekeys after a succession", "hidden", bound, "prekeys", keys_of(BOB, p),
           [("lookup", row_of(BOB, succession=follows))])
    for comment, text in (
        ("that the old key did not sign", succession_statement(BOB, DAVE, by_old=CAROL)),
        ("that the new key did not sign", succession_statement(BOB, DAVE, by_new=CAROL)),
        ("between two others", succession_statement(CAROL, DAVE)),
        ("to another key than was signed", b64u(b"".join((u8(1), BOB.public, CAROL.public, base64.urlsafe_b64decode(
            follows + "=" * (-len(follows) % 4))[65:])))),
    ):
        refuse("crypto", f"a succession {comment}", "successor", heir, "lookup", row_of(BOB, succession=text))

    # --- DID documents ---

    keys = lambda agent: {"amid": agent.amid, "signing_key": agent.public.hex(), "exchange_key": agent.exchange.hex()}
    document = accept("a DID document", ["good"], keys(BOB), "did", did_document(BOB))
    matching = accept("a DID document of a known agent", ["good", "exchange"], keys(BOB), "did", did_document(BOB), known)
    swapped = did_document(CAROL)["verificationMethod"]
    refuse("auth", "another agent's DID document", "name", document, "did", did_document(CAROL), unit="/input/reply")

    def with_method(place, key):
        changed = did_document(BOB)
        changed["verificationMethod"][place]["publicKeyMultibase"] = key
        return changed

    refuse("auth", "a DID document with another signing key", "name", document, "did",
           with_method(0, swapped[0]["publicKeyMultibase"]))
    refuse("auth", "a DID document with another exchange key", "exchange", matching, "did",
           with_method(1, swapped[1]["publicKeyMultibase"]), known)
    refuse("parse", "a DID document with a key as deployed", "name", document, "did",
           with_method(0, "zed25519:" + b64(BOB.public)))

    # --- search ---

    found = lambda *rows: {"results": list(rows), "total": len(rows), "limit": 20, "offset": 0}
    accept("a search", ["good"], {"agents": [BOB.amid, CAROL.amid], "left_out": 0}, "search", found(bob, carol))
    accept("a search with another agent's key", ["name"], {"agents": [CAROL.amid], "left_out": 1}, "search",
           found(row_of(BOB, signing_public_key=b64(DAVE.public)), carol))
    accept("a search with a swapped exchange key", ["exchange"], {"agents": [CAROL.amid], "left_out": 1}, "search",
           found(row_of(BOB, exchange_public_key=b64(DAVE.exchange)), carol))
    accept("a search with an agent of a lower epoch", ["epoch"], {"agents": [CAROL.amid], "left_out": 1}, "search",
           found(row_of(older), carol), known)
    return f


def files(ledger):
    return [replies(ledger)]
