// REG-PREKEYS: what is uploaded, and what is handed out of it.
#include "conformance/cases/registry/support.hpp"

#include <set>

namespace agentmesh::conformance::registry_cases {
namespace {

/// The id and the key of the one-time prekey in an answer; nullopt if there is none.
std::optional<std::pair<std::int64_t, std::string>> one_time_in(const observation& answer) {
    if (!answer.has("one_time_prekey") || !answer.body.at("one_time_prekey").is_object()) return std::nullopt;
    const auto& one = answer.body.at("one_time_prekey");
    if (!one.contains("id") || !one.at("id").is_number_integer() || !one.contains("key") || !one.at("key").is_string())
        return std::nullopt;
    return std::pair{one.at("id").get<std::int64_t>(), one.at("key").get<std::string>()};
}

bool was_uploaded(const prekey_upload& keys, const std::pair<std::int64_t, std::string>& one) {
    for (const auto& each : keys.one_time)
        if (each == one) return true;
    return false;
}

finding hands_out(registry_context& t, const observation& seen, const resident& of, const prekey_upload& keys) {
    return t.answered(seen) & t.that(seen.str("identity_key").ends_with(of.exchange_key) && seen.str("signed_prekey") == keys.key &&
                                         seen.str("signed_prekey_signature") == keys.signature &&
                                         seen.integer("signed_prekey_id") == keys.id,
                                     "the signed prekey as it was uploaded", seen);
}

}  // namespace

AM_CASE("REG-PREKEYS-001") {
    .title = "the prekeys of an agent are handed out as they were uploaded",
    .proves = {req::AM_REG_027},
    .cost = rtt(4),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto keys = t.prekeys(a, 7, 3);
        t.upload(a, keys);
        t.produced(req::AM_REG_027, hands_out(t, t.ask(t.fetch(a.amid())), a, keys));
    },
};

AM_CASE("REG-PREKEYS-002") {
    .title = "prekeys whose signature is not the agent's are refused with status 400",
    .proves = {req::AM_REG_020},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        const auto right = t.prekeys(a, 1);
        t.upload(a, right);
        every all;
        auto bent = t.prekeys(a, 2);
        bent.signature = damaged(bent.signature);
        all += t.saw(t.ask(t.change(prekeys_path, t.prekeys_body(a, bent), a.who)), match::http(400));
        bent = t.prekeys(b, 2);
        all += t.saw(t.ask(t.change(prekeys_path, t.prekeys_body(a, bent), a.who)), match::http(400));
        // Over the text of the key instead of its bytes.
        bent = t.prekeys(a, 2);
        bent.signature = a.who.sign(bent.key);
        all += t.saw(t.ask(t.change(prekeys_path, t.prekeys_body(a, bent), a.who)), match::http(400));
        all += hands_out(t, t.ask(t.fetch(a.amid())), a, right);
        t.refused(req::AM_REG_020, all);
    },
};

AM_CASE("REG-PREKEYS-003") {
    .title = "the signed prekey that was uploaded last is handed out, though one before had a higher id",
    .proves = {req::AM_REG_021},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        t.upload(a, t.prekeys(a, 2'000'000'000));
        const auto last = t.prekeys(a, 3);
        t.upload(a, last);
        t.produced(req::AM_REG_021, hands_out(t, t.ask(t.fetch(a.amid())), a, last));
    },
};

AM_CASE("REG-PREKEYS-004") {
    .title = "no one-time prekey is handed out twice, and none that was not uploaded",
    .proves = {req::AM_REG_022},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = settled(t), b = settled(t);
        const auto keys = t.prekeys(a, 1, 3);
        (void)t.must(sent(t, prekeys_path, t.prekeys_body(a, keys), a));
        std::set<std::string> seen_keys;
        std::set<std::int64_t> seen_ids;
        every all;
        for (int i = 0; i < 5; ++i) {
            const auto seen = t.ask(fetched(t, a, b));
            const auto one = one_time_in(seen);
            const bool fresh = !one || (was_uploaded(keys, *one) && seen_keys.insert(one->second).second &&
                                        seen_ids.insert(one->first).second);
            all += t.answered(seen) & t.that(fresh, "a one-time prekey of the upload that was not seen before, or none", seen);
        }
        t.absent(req::AM_REG_022, all);
    },
};

AM_CASE("REG-PREKEYS-005") {
    .title = "fetches with a proof get every one-time prekey once, and then none",
    .proves = {req::AM_REG_028},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof();
        const auto keys = t.prekeys(a, 1, 3);
        (void)t.must(t.proved(prekeys_path, t.prekeys_body(a, keys), a.who));
        std::set<std::string> seen_keys;
        every each;
        std::vector<observation> answers;
        for (int i = 0; i < 5; ++i) answers.push_back(t.ask(t.fetch(a.amid(), b.who)));
        for (const auto& seen : answers) {
            const auto one = one_time_in(seen);
            if (one) each += t.that(was_uploaded(keys, *one) && seen_keys.insert(one->second).second, "no key twice", seen);
            each += t.answered(seen);
        }
        t.produced(req::AM_REG_028, each & t.that(seen_keys.size() == 3, "each of the three keys that were uploaded", answers));
    },
};

AM_CASE("REG-PREKEYS-006") {
    .title = "one-time prekeys with one id twice, with an id that is no number of 31 bits, or too many, are refused",
    .proves = {req::AM_REG_023},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto right = t.prekeys(a, 1, 2);
        t.upload(a, right);
        every all;
        const auto refuse = [&](prekey_upload keys) {
            keys.id = 2;
            all += t.saw(t.ask(t.change(prekeys_path, t.prekeys_body(a, keys), a.who)), match::http(400));
        };
        auto bent = t.prekeys(a, 2, 3, 10);
        bent.one_time[2].first = bent.one_time[0].first;
        refuse(bent);
        bent = t.prekeys(a, 2, 1, -1);
        refuse(bent);
        bent = t.prekeys(a, 2, 1, 2'147'483'648LL);
        refuse(bent);
        bent = t.prekeys(a, 2, 1, 10);
        const auto key = bent.one_time[0].second;
        for (std::int64_t id = 11; id <= 1034; ++id) bent.one_time.emplace_back(id, key);
        refuse(bent);
        all += hands_out(t, t.ask(t.fetch(a.amid())), a, right);
        t.refused(req::AM_REG_023, all);
    },
};

AM_CASE("REG-PREKEYS-007") {
    .title = "a fetch without a proof gets no one-time prekey, and uses none up",
    .proves = {req::AM_REG_024},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof();
        (void)t.must(t.proved(prekeys_path, t.prekeys_body(a, t.prekeys(a, 1, 1)), a.who));
        every all;
        for (int i = 0; i < 2; ++i) {
            const auto bare = t.ask(t.fetch(a.amid()));
            all += t.answered(bare) & t.that(!one_time_in(bare), "no one-time prekey", bare);
        }
        const auto proved = t.ask(t.fetch(a.amid(), b.who));
        all += t.that(one_time_in(proved).has_value(), "the one-time prekey, for who proves who it is", proved);
        t.absent(req::AM_REG_024, all);
    },
};

AM_CASE("REG-PREKEYS-008") {
    .title = "a fetch with a proof of an agent that is not registered gets no one-time prekey",
    .proves = {req::AM_REG_024},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof();
        const auto stranger = t.resident_agent();
        (void)t.must(t.proved(prekeys_path, t.prekeys_body(a, t.prekeys(a, 1, 1)), a.who));
        const auto refused = t.ask(t.fetch(a.amid(), stranger.who));
        const auto forged = t.fetch(a.amid(), b.who);
        auto replaced = t.fetch(a.amid());
        t.prove(replaced, stranger.who, {.keyid = "did:agentmesh:" + b.amid()});
        const auto lied = t.ask(replaced);
        const auto proved = t.ask(forged);
        t.absent(req::AM_REG_024, t.saw(refused, match::http(401)) & t.saw(lied, match::http(401)) &
                                      t.that(one_time_in(proved).has_value(), "the one-time prekey, for who proves who it is", proved));
    },
};

AM_CASE("REG-PREKEYS-009") {
    .title = "an id of a one-time prekey that was handed out does not come back with another key",
    .proves = {req::AM_REG_022},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = settled(t), b = settled(t);
        const auto first = t.prekeys(a, 1, 2);
        (void)t.must(sent(t, prekeys_path, t.prekeys_body(a, first), a));
        const auto taken = one_time_in(t.must(fetched(t, a, b)));
        const auto again = t.prekeys(a, 2, 2);
        (void)t.ask(sent(t, prekeys_path, t.prekeys_body(a, again), a));
        every all;
        for (int i = 0; i < 3; ++i) {
            const auto seen = t.ask(fetched(t, a, b));
            const auto one = one_time_in(seen);
            all += t.answered(seen) & t.that(!one || !taken || one->first != taken->first, "no key under the id that was handed out", seen);
        }
        t.absent(req::AM_REG_022, all);
    },
};

AM_CASE("REG-PREKEYS-010") {
    .title = "one agent gets at most 60 fetches with a proof in a minute, and another one its own",
    .proves = {req::AM_REG_017},
    .cost = rtt(70),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), greedy = t.enrolled_with_proof(), other = t.enrolled_with_proof();
        (void)t.must(t.proved(prekeys_path, t.prekeys_body(a, t.prekeys(a, 1, 2)), a.who));
        observation last;
        // A minute of the registry may end in between, but not twice.
        int fetched = 0;
        for (; fetched < 130; ++fetched) {
            last = t.ask(t.fetch(a.amid(), greedy.who));
            if (!match::http(200)(last)) break;
        }
        const auto wait = last.field("retry-after");
        const bool in_seconds = !wait.empty() && wait.size() < 6 && wait.find_first_not_of("0123456789") == std::string::npos;
        const auto elsewhere = t.ask(t.fetch(a.amid(), other.who));
        t.refused(req::AM_REG_017, t.saw(last, match::http(429)) & t.that(in_seconds, "Retry-After in seconds", last) &
                                       t.saw(elsewhere, match::http(200)));
    },
};

AM_CASE("REG-PREKEYS-011") {
    .title = "an owner hears with each change how many one-time prekeys wait, and when they run out",
    .proves = {req::AM_REG_055},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof();
        const auto uploaded = t.must(t.proved(prekeys_path, t.prekeys_body(a, t.prekeys(a, 1, 6)), a.who));
        every all;
        const auto says = [&](const observation& seen, int left, bool low) {
            all += t.answered(seen) & t.that(seen.integer("one_time_prekeys_left") == left &&
                                                 seen.body.value("one_time_prekeys_low", json()) == low,
                                             "how many wait, and whether they are few", seen);
        };
        says(uploaded, 6, false);
        for (int i = 0; i < 2; ++i) (void)t.must(t.fetch(a.amid(), b.who));
        says(t.ask(t.proved(status_path, status_of(a), a.who)), 4, false);
        for (int i = 0; i < 3; ++i) (void)t.must(t.fetch(a.amid(), b.who));
        says(t.ask(t.proved(capabilities_path, {{"amid", a.amid()}, {"capabilities", json::array()}}, a.who)), 1, true);
        t.produced(req::AM_REG_055, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
