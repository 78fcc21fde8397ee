"""Whole conversations with a relay, and with a client. Each expectation is written by hand beside its cause."""

from .common import VectorFile
from .relay_client import clients
from .relay_delivery import deliveries
from .relay_frames import judgements
from .relay_life import challenges, logins
from .relay_quotas import quotas


def conversations(ledger):
    f = VectorFile(ledger, "relay", "conversations")
    f.note("login", ["AM-AUT-001", "AM-AUT-028", "AM-AUT-040"], "nothing, or something else, answers a valid CONNECT")
    f.note(
        "deliver",
        [
            "AM-RLY-001",
            "AM-RLY-002",
            "AM-RLY-003",
            "AM-RLY-004",
            "AM-RLY-005",
            "AM-RLY-006",
            "AM-RLY-007",
            "AM-RLY-008",
            "AM-RLY-009",
        ],
        "a message is lost, doubled, changed or handed to another",
    )
    f.note(
        "store",
        [
            "AM-RLY-020",
            "AM-RLY-021",
            "AM-RLY-022",
            "AM-RLY-023",
            "AM-RLY-029",
            "AM-RLY-031",
            "AM-RLY-032",
            "AM-RLY-033",
        ],
        "what was stored is lost, doubled or out of order",
        "",
        ["T14", "T19"],
    )
    f.note("expiry", ["AM-RLY-030"], "the age of a message is not looked at when it is delivered", "", ["T18"])
    f.note(
        "receipts",
        ["AM-RLY-040", "AM-RLY-042", "AM-RLY-043", "AM-RLY-044", "AM-RLY-045", "AM-RLY-046"],
        "an acknowledged message comes again, or one that is not acknowledged never does",
    )
    f.note("features", ["AM-AUT-041", "AM-AUT-042"], "a feature is in force that one side does not know")
    f.note(
        "presence",
        ["AM-RLY-050", "AM-RLY-051", "AM-RLY-052", "AM-RLY-053", "AM-RLY-054", "AM-RLY-055", "AM-PRV-001"],
        "presence is wrong, or set by others",
    )
    f.note(
        "signalling",
        ["AM-RLY-060", "AM-RLY-061", "AM-RLY-062", "AM-RLY-063", "AM-RLY-064"],
        "a part of an offer is lost on the way",
        "",
        ["T24", "T25"],
    )
    f.note(
        "life",
        ["AM-RLY-070", "AM-RLY-071", "AM-RLY-072", "AM-RLY-073", "AM-RLY-074"],
        "a dead connection stays, or a live one is cut",
        "",
        ["T9", "T10"],
    )
    f.note(
        "errors",
        [
            "AM-ERR-001",
            "AM-ERR-002",
            "AM-ERR-003",
            "AM-ERR-004",
            "AM-ERR-005",
            "AM-ERR-006",
            "AM-ERR-007",
            "AM-ERR-008",
            "AM-ERR-009",
            "AM-ERR-010",
            "AM-ERR-012",
            "AM-ERR-014",
            "AM-RLY-010",
            "AM-RLY-011",
        ],
        "a broken frame is dropped in silence, or ends the connection",
        "",
        ["T23"],
    )
    f.note(
        "limits",
        ["AM-LIM-001", "AM-LIM-002", "AM-LIM-003"],
        "the limit is off by one, or costs the connection",
        "",
        ["T12"],
    )
    f.note(
        "rates",
        ["AM-LIM-006", "AM-LIM-007", "AM-LIM-008", "AM-LIM-009", "AM-LIM-010", "AM-LIM-012", "AM-LIM-013"],
        "a count is forgotten at a new login, or a kind of message escapes it",
        "",
        ["T13"],
    )
    f.note(
        "first",
        ["AM-AUT-019", "AM-AUT-020", "AM-AUT-021", "AM-AUT-024", "AM-AUT-025", "AM-AUT-026", "AM-AUT-029"],
        "a stranger acts, or is cut off without a word",
        "",
        ["T1"],
    )
    f.note(
        "replay",
        ["AM-AUT-011"],
        "a recorded CONNECT logs in again",
        "whoever saw one login is the agent",
        ["T5", "cat 78"],
    )
    f.note(
        "second-login",
        ["AM-AUT-030", "AM-AUT-031", "AM-AUT-032"],
        "two connections share a name, or the end of one takes the other's route",
        "",
        ["T7", "T8"],
    )
    f.note(
        "older-than-start",
        ["AM-AUT-012", "AM-AUT-010"],
        "a restarted relay takes proofs that it accepted before",
        "a recorded CONNECT logs in again after each restart",
    )
    f.note(
        "stop",
        ["AM-RLY-076"],
        "a stopping relay drops its connections without a word",
        "clients wait for their timeouts",
        ["cat 99"],
    )
    f.note(
        "steady",
        ["AM-RLY-078"],
        "limits and lifetimes follow the wall clock",
        "whoever sets the clock frees the flood or empties the store",
        ["cat 100"],
    )
    f.note(
        "challenge",
        ["AM-AUT-043", "AM-AUT-044", "AM-AUT-045", "AM-AUT-046", "AM-AUT-047", "AM-AUT-048"],
        "a proof is good elsewhere, later, or not needed",
        "",
        ["cat 78"],
    )
    add = deliveries(f)
    judgements(add)
    logins(f.groups[-1], add)
    challenges(add)
    return f


def files(ledger):
    return [conversations(ledger), quotas(ledger), clients(ledger)]
