"""Reputation: area REP. Whole numbers only, in fortieths of an opinion."""

MILLION = 1_000_000
TERMS = {"anonymous": (571_429, 500_000), "verified": (642_857, 750_000), "organization": (714_286, 1_000_000)}
FIVE = 200  # five full opinions
DAY = 24 * 60 * 60


def even(value, by):
    """value / by, a half to the even neighbour."""
    quotient, rest = divmod(value, by)
    return quotient + (2 * rest > by or (2 * rest == by and quotient & 1))


def fortieths(opinion):
    out = 20 if opinion["tier"] == "anonymous" else 40
    out = out // 5 if opinion["reciprocal"] else out
    return out // 4 if opinion["age_days"] < 7 else out


def average(start, opinions):
    total, weight, crowd, crowd_weight = FIVE * start, FIVE, 0, 0
    for one in opinions:
        counts = fortieths(one)
        if one["tier"] == "anonymous":
            crowd, crowd_weight = crowd + counts * one["score_ppm"], crowd_weight + counts
        else:
            total, weight = total + counts * one["score_ppm"], weight + counts
    if crowd_weight > FIVE:
        crowd, crowd_weight = FIVE * even(crowd, crowd_weight), FIVE
    return even(total + crowd, weight + crowd_weight)


def score(i, shared, now):
    start, bonus = TERMS[i["tier"]]
    completion, feedback = average(start, i["sessions"]), average(start, i["feedback"])
    age = even(MILLION * min(365, i["age_days"]), 365)
    found = {"completion": completion, "feedback": feedback, "age": age, "tier": bonus}
    return {"score_ppm": even(completion * 3 + feedback * 4 + age + bonus * 2, 10)}, found


def bound(i, shared, now):
    weight = 20 * min(10, i["anonymous"]) + 40 * i["proved"]
    up = lambda a, b: (a + b - 1) // b
    return {"most_shift_ppm": up(700_000 * weight, FIVE + weight) + 3}, {}


def flag(i, shared, now):
    best = None
    for n, (begin, was) in enumerate(i["history"]):
        for end, became in i["history"][n + 1 :]:
            if end - begin <= DAY and end <= i["at"] <= end + DAY and abs(became - was) > 200_000:
                if best is None or (end, begin) >= best[0]:
                    best = ((end, begin), {"since": end, "from": was, "to": became})
    return {"flag": best and best[1]}, {}


OPERATIONS = {"reputation.score": score, "reputation.bound": bound, "reputation.flag": flag}
