// REG-BUNDLE: prekey bundles of suite am1. What a registry keeps, somebody will have to believe or refuse.
#include "conformance/cases/registry/support.hpp"

#include <functional>
#include <set>

namespace agentmesh::conformance::registry_cases {
namespace {

std::string big_endian(std::uint64_t value, std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = size; i-- > 0; value >>= 8) out[i] = static_cast<char>(value & 0xff);
    return out;
}

std::string raw(const agent& of) {
    return {reinterpret_cast<const char*>(of.raw_public_key().data()), of.raw_public_key().size()};
}
std::string raw_name(const agent& of) {
    return {reinterpret_cast<const char*>(of.raw_amid().data()), of.raw_amid().size()};
}

std::string sign(const agent& who, std::string_view in_context, const std::string& content) {
    return who.sign_raw("AgentMesh-v1:" + std::string{in_context} + std::string(1, '\0') + content);
}

/// 152 bytes: name, both keys, epoch, signature.
std::string card_of(const agent& who, const std::string& exchange, std::uint32_t epoch) {
    const auto content = raw_name(who) + raw(who) + exchange + big_endian(epoch, 4);
    return content + sign(who, "exchange-key", content);
}

json signed_prekey(registry_context& t, const agent& who, std::int64_t begins, std::int64_t lasts, std::uint32_t id = 1) {
    const auto key = *from_base64(t.exchange_key());
    const auto content = raw_name(who) + big_endian(id, 4) + key + big_endian(static_cast<std::uint64_t>(begins), 8) +
                         big_endian(static_cast<std::uint64_t>(begins + lasts), 8);
    return json{{"id", id},
                {"key", to_base64_url(key)},
                {"not_before", begins},
                {"not_after", begins + lasts},
                {"signature", to_base64_url(sign(who, "signed-prekey", content))}};
}

/// A batch of two keys: each one's path is the leaf of the other.
json batch_of_two(registry_context& t, const agent& who, std::uint32_t first) {
    const std::array<std::string, 2> keys{*from_base64(t.exchange_key()), *from_base64(t.exchange_key())};
    std::array<std::string, 2> leaves;
    for (std::uint32_t i = 0; i < 2; ++i) leaves[i] = sha256(std::string(1, '\0') + big_endian(first + i, 4) + keys[i]);
    const auto root = sha256("\x01" + leaves[0] + leaves[1]);
    const auto proof = sign(who, "one-time-prekeys", raw_name(who) + big_endian(first, 4) + big_endian(2, 4) + root);
    json out = json::array();
    for (std::uint32_t i = 0; i < 2; ++i)
        out.push_back({{"id", first + i},
                       {"key", to_base64_url(keys[i])},
                       {"first_id", first},
                       {"count", 2},
                       {"path", json::array({to_base64_url(leaves[1 - i])})},
                       {"signature", to_base64_url(proof)}});
    return out;
}

constexpr std::int64_t day = 86'400;

std::int64_t present(registry_context& t) { return std::chrono::floor<seconds>(t.now()).time_since_epoch().count(); }

/// A right bundle of the agent under its registered exchange key.
json bundle_of(registry_context& t, const resident& who, std::uint32_t epoch, std::uint32_t first = 1, std::int64_t ago = 60) {
    return json{{"card", to_base64_url(card_of(who.who, *from_base64(who.exchange_key), epoch))},
                {"signed_prekey", signed_prekey(t, who.who, present(t) - ago, 7 * day)},
                {"one_time_prekeys", batch_of_two(t, who.who, first)}};
}

http_request upload_of(registry_context& t, const resident& who, const json& bundle) {
    return t.proved(prekeys_path, {{"amid", who.amid()}, {"bundle", bundle}}, who.who);
}

/// Whether an answer's bundle is the uploaded one, with one of its one-time prekeys or with none.
bool hands_out(const observation& seen, const json& uploaded, bool with_one_time, std::set<std::string>* given = nullptr) {
    if (!seen.has("bundle") || !seen.body.at("bundle").is_object()) return false;
    const auto& bundle = seen.body.at("bundle");
    if (bundle.value("card", "") != uploaded.at("card").get<std::string>()) return false;
    if (!bundle.contains("signed_prekey") || !bundle.at("signed_prekey").is_object()) return false;
    for (const char* member : {"id", "key", "not_before", "not_after", "signature"})
        if (bundle.at("signed_prekey").value(member, json()) != uploaded.at("signed_prekey").at(member)) return false;
    if (!with_one_time) return !bundle.contains("one_time_prekey");
    if (!bundle.contains("one_time_prekey") || !bundle.at("one_time_prekey").is_object()) return false;
    const auto& one = bundle.at("one_time_prekey");
    for (const auto& each : uploaded.at("one_time_prekeys")) {
        bool same = true;
        for (const auto& [name, value] : each.items()) same = same && one.value(name, json()) == value;
        if (same) return given == nullptr || given->insert(one.value("key", "")).second;
    }
    return false;
}

}  // namespace

AM_CASE("REG-BUNDLE-001") {
    .title = "a bundle is handed out as it was uploaded, each one-time prekey with its proof and once",
    .proves = {req::AM_REG_052},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof();
        const auto bundle = bundle_of(t, a, 1);
        (void)t.must(upload_of(t, a, bundle));
        every all;
        const auto bare = t.ask(t.fetch(a.amid()));
        all += t.answered(bare) & t.that(hands_out(bare, bundle, false), "the bundle without a one-time prekey", bare);
        std::set<std::string> given;
        for (int i = 0; i < 3; ++i) {
            const auto seen = t.ask(t.fetch(a.amid(), b.who));
            all += t.answered(seen) & t.that(hands_out(seen, bundle, i < 2, &given), "the bundle, with each one-time prekey once", seen);
        }
        t.produced(req::AM_REG_052, all);
    },
};

AM_CASE("REG-BUNDLE-002") {
    .title = "a bundle of which any part is not the agent's, or not good, is refused with status 400",
    .proves = {req::AM_REG_050},
    .cost = rtt(22),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof(), b = t.enrolled_with_proof();
        const auto right = bundle_of(t, a, 1);
        (void)t.must(upload_of(t, a, right));
        const auto url_damaged = [](const json& text) {
            auto padded = text.get<std::string>();
            for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
            while (padded.size() % 4 != 0) padded += '=';
            return to_base64_url(*from_base64(damaged(padded)));
        };
        every all;
        const auto refuse = [&](const std::function<void(json&)>& bend) {
            auto bent = bundle_of(t, a, 2, 10, 30);
            bend(bent);
            all += t.saw(t.ask(upload_of(t, a, bent)), match::http(400));
        };
        refuse([&](json& one) { one["card"] = to_base64_url(card_of(b.who, *from_base64(b.exchange_key), 2)); });
        refuse([&](json& one) { one["card"] = url_damaged(one["card"]); });
        refuse([&](json& one) { one["signed_prekey"] = signed_prekey(t, b.who, present(t) - 30, day); });
        refuse([&](json& one) { one["signed_prekey"]["signature"] = url_damaged(one["signed_prekey"]["signature"]); });
        refuse([&](json& one) { one["signed_prekey"]["id"] = 2; });
        refuse([&](json& one) { one["signed_prekey"] = signed_prekey(t, a.who, present(t) - 30, 31 * day); });
        refuse([&](json& one) { one["signed_prekey"] = signed_prekey(t, a.who, present(t) - 30, 0); });
        refuse([&](json& one) { one["one_time_prekeys"] = batch_of_two(t, b.who, 10); });
        refuse([&](json& one) { one["one_time_prekeys"][0]["key"] = to_base64_url(*from_base64(t.exchange_key())); });
        refuse([&](json& one) { one["one_time_prekeys"][0]["path"] = json::array(); });
        refuse([&](json& one) { one["one_time_prekeys"][1]["id"] = 12; });
        refuse([&](json& one) { one.erase("card"); });
        const auto seen = t.ask(t.fetch(a.amid()));
        all += t.that(hands_out(seen, right, false), "the bundle as it was", seen);
        t.refused(req::AM_REG_050, all);
    },
};

AM_CASE("REG-BUNDLE-003") {
    .title = "an older card, another card of the same epoch and an older signed prekey do not come back",
    .proves = {req::AM_REG_051},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof();
        const auto now = bundle_of(t, a, 5, 1, 60);
        (void)t.must(upload_of(t, a, now));
        auto other = a;
        other.exchange_key = t.exchange_key();
        every all;
        all += t.saw(t.ask(upload_of(t, a, bundle_of(t, other, 4, 10, 30))), match::http(409));
        all += t.saw(t.ask(upload_of(t, a, bundle_of(t, other, 5, 10, 30))), match::http(409));
        all += t.saw(t.ask(upload_of(t, a, bundle_of(t, a, 5, 10, 3600))), match::http(409));
        const auto seen = t.ask(t.fetch(a.amid()));
        all += t.that(hands_out(seen, now, false), "the bundle as it was", seen);
        t.refused(req::AM_REG_051, all);
    },
};

AM_CASE("REG-BUNDLE-004") {
    .title = "a card of a higher epoch replaces the exchange key wherever it is handed out",
    .proves = {req::AM_REG_054},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof();
        (void)t.must(upload_of(t, a, bundle_of(t, a, 1)));
        auto renewed = a;
        renewed.exchange_key = t.exchange_key();
        const auto next = bundle_of(t, renewed, 2, 10, 30);
        (void)t.must(upload_of(t, a, next));
        const auto found = t.must_find(a);
        const auto fetched_keys = t.ask(t.fetch(a.amid()));
        t.produced(req::AM_REG_054, t.that(found.str("exchange_public_key") == renewed.exchange_key, "the new exchange key", found) &
                                        t.that(hands_out(fetched_keys, next, false), "the new bundle", fetched_keys));
    },
};

AM_CASE("REG-BUNDLE-005") {
    .title = "an id of a one-time prekey far above all others is refused",
    .proves = {req::AM_REG_053},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled_with_proof();
        (void)t.must(upload_of(t, a, bundle_of(t, a, 1, 1)));
        const auto far = t.ask(upload_of(t, a, bundle_of(t, a, 1, 2'000'000, 50)));
        const auto near = t.ask(upload_of(t, a, bundle_of(t, a, 1, 100, 40)));
        t.refused(req::AM_REG_053, t.saw(far, match::http_client_error()) & t.saw(near, match::http(200)));
    },
};

}  // namespace agentmesh::conformance::registry_cases
