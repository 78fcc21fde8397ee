"""Reputation: the formula, the weights, the bound and the flag, in exact fractions."""

from fractions import Fraction

from .common import VectorFile, seeded

MILLION = 1_000_000
TIERS = ("anonymous", "verified", "organization")
START = {"anonymous": 571_429, "verified": 642_857, "organization": 714_286}
BONUS = {"anonymous": 500_000, "verified": 750_000, "organization": 1_000_000}
DAY = 86_400


def weigh(o):
    share = Fraction(1)
    if o["tier"] == "anonymous":
        share /= 2
    if o["reciprocal"]:
        share /= 5
    if o["age_days"] < 7:
        share /= 4
    return share


def mean(tier, opinions):
    crowd = [(weigh(o), o["score_ppm"]) for o in opinions if o["tier"] == "anonymous"]
    rest = [(weigh(o), o["score_ppm"]) for o in opinions if o["tier"] != "anonymous"] + [(Fraction(5), START[tier])]
    heavy = sum(w for w, _ in crowd)
    if heavy > 5:
        rest.append((Fraction(5), round(sum(w * s for w, s in crowd) / heavy)))
    else:
        rest += crowd
    return round(sum(w * s for w, s in rest) / sum(w for w, _ in rest))


def score(i):
    terms = {
        "completion": mean(i["tier"], i["sessions"]),
        "feedback": mean(i["tier"], i["feedback"]),
        "age": round(Fraction(min(i["age_days"], 365) * MILLION, 365)),
        "tier": BONUS[i["tier"]],
    }
    weighted = 3 * terms["completion"] + 4 * terms["feedback"] + terms["age"] + 2 * terms["tier"]
    return terms, {"score_ppm": round(Fraction(weighted, 10))}


def bound(i):
    heavy = min(Fraction(i["anonymous"], 2), 5) + i["proved"]
    return {}, {"most_shift_ppm": -(-(heavy * 700_000) // (5 + heavy)) + 3}


def flag(i):
    history, now = i["history"], i["at"]
    for end in reversed(range(len(history))):
        if history[end][0] > now or now - history[end][0] > DAY:
            continue
        for begin in reversed(range(end)):
            if history[end][0] - history[begin][0] > DAY:
                break
            if abs(history[end][1] - history[begin][1]) > 200_000:
                return {}, {"flag": {"since": history[end][0], "from": history[begin][1], "to": history[end][1]}}
    return {}, {"flag": None}


def opinion(tier="verified", age=30, reciprocal=False, score=MILLION):
    return {"tier": tier, "age_days": age, "reciprocal": reciprocal, "score_ppm": score}


def table(ledger):
    f = VectorFile(ledger, "registry", "reputation")
    f.note("start", ["AM-REP-001"], "a start that the formula does not give", "newcomers are misjudged")
    f.note("smooth", ["AM-REP-002"], "a count at which the formula changes", "a perfect rating lowers a score", ["G21"])
    f.note("terms", ["AM-REP-003"], "other shares, another year, other rounding", "two registries disagree")
    f.note("weights", ["AM-REP-004"], "an unproved, new or reciprocal opinion counts in full", "rings lift each other")
    f.note("crowd", ["AM-REP-005"], "unproved identities add up without end", "free names decide", ["cat 108"])
    f.note("bound", ["AM-REP-006"], "no bound, or one that does not hold", "nobody knows what a score is worth")
    f.note("flag", ["AM-REP-007"], "a flag for one step only, or one that stays", "captured scores look sound", ["G25"])

    g = f.group("reputation.score", "chosen by hand, and drawn from the seed", score)
    case = lambda tier="anonymous", age=0, feedback=(), sessions=(): {
        "tier": tier, "age_days": age, "feedback": list(feedback), "sessions": list(sessions)}
    for tier in TIERS:
        g.accept(f"start, {tier}", ["start"], case(tier))
        for count in (1, 4, 5, 6):
            g.accept(f"{tier}, {count} perfect", ["smooth"], case(tier, feedback=[opinion()] * count))
        g.accept(f"{tier}, all there is", ["terms"], case(tier, 365, [opinion()] * 50, [opinion()] * 50))
        g.accept(f"{tier}, nothing good", ["terms"], case(tier, 0, [opinion(score=0)] * 50, [opinion(score=0)] * 50))
    for days in (1, 2, 182, 183, 364, 365, 366, 100_000):
        g.accept(f"age {days}", ["terms"], case(age=days))
    g.accept("sessions only", ["terms"], case(sessions=[opinion(score=0)] * 5))
    for author in TIERS:
        for days in (0, 6, 7):
            for back in (False, True):
                for value in (0, MILLION):
                    g.accept(f"{author} of {days} days says {value}, reciprocal {back}", ["weights"],
                             case("verified", 10, [opinion(author, days, back, value)]))
    crowd = lambda n, value=0: [opinion("anonymous", 30, False, value)] * n
    for n in (9, 10, 11, 60):
        g.accept(f"{n} unproved say 0", ["crowd"], case("verified", 0, crowd(n)))
        g.accept(f"{n} unproved say 0, two proved say 1", ["crowd"], case("verified", 0, crowd(n) + [opinion()] * 2))
    g.accept("a crowd of two minds", ["crowd"], case("verified", 0, crowd(30) + crowd(31, 999_999)))
    draw = seeded("reputation", 4000)
    at = 0

    def number(below):
        nonlocal at
        at += 4
        return int.from_bytes(draw[at - 4 : at], "big") % below

    for n in range(12):
        some = lambda: [opinion(TIERS[number(3)], number(15), number(2) == 0, number(MILLION + 1))
                        for _ in range(number(16))]
        g.accept(f"drawn {n}", ["terms", "weights"], case(TIERS[number(3)], number(500), some(), some()))

    b = f.group("reputation.bound", "chosen by hand", bound)
    for unproved in (0, 1, 2, 9, 10, 11, 10**6):
        for proved in (0, 1, 5, 100):
            b.accept(f"{unproved} unproved, {proved} proved", ["bound"], {"anonymous": unproved, "proved": proved})

    w = f.group("reputation.flag", "chosen by hand; times are seconds", flag)
    row = lambda at, *history: {"history": [list(h) for h in history], "at": at}
    for comment, given in {
        "no history": row(0),
        "exactly a fifth": row(DAY, (0, 500_000), (DAY, 700_000)),
        "more than a fifth": row(DAY, (0, 500_000), (DAY, 700_001)),
        "more than a fifth down": row(DAY, (0, 700_001), (DAY, 500_000)),
        "a second more than a day": row(DAY + 1, (0, 500_000), (DAY + 1, 700_001)),
        "in steps": row(DAY, (0, 500_000), (100, 600_000), (200, 650_000), (300, 700_001)),
        "there and back": row(900, (0, 500_000), (100, 800_000), (200, 510_000)),
        "flag of a day ago": row(100 + DAY, (0, 500_000), (100, 800_000)),
        "flag gone": row(101 + DAY, (0, 500_000), (100, 800_000)),
        "not yet": row(99, (0, 500_000), (100, 800_000)),
        "an old one behind a quiet new score": row(DAY, (0, 500_000), (100, 800_000), (DAY, 810_000)),
    }.items():
        w.accept(comment, ["flag"], given)
    return f


def files(ledger):
    return [table(ledger)]
