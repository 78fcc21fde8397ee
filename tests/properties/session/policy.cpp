#include <agentmesh/session/policy.hpp>

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace agentmesh;

namespace {

amid some_amid() {
    amid::raw bytes;
    for (auto& byte : bytes.storage()) byte = *rc::gen::arbitrary<std::uint8_t>();
    return amid::from_raw(bytes);
}
std::vector<amid> some_amids() {
    std::vector<amid> out;
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out.push_back(some_amid());
    std::sort(out.begin(), out.end());
    return out;
}
std::vector<std::string> some_patterns() {
    std::vector<std::string> out;
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
        out.push_back(*rc::gen::element<std::string>("travel", "travel/*", "finance/payment", "x-acme/widgets", "*"));
    return out;
}

session::policy some_policy() {
    session::policy out;
    const auto flag = [] { return *rc::gen::arbitrary<bool>(); };
    const auto number = [](std::uint32_t least, std::uint32_t most) { return *rc::gen::inRange(least, most + 1); };
    out.accept_tiers = {flag(), flag(), true};
    out.min_reputation_ppm = number(0, 1'000'000);
    out.accepted_intents = some_patterns();
    out.rejected_intents = some_patterns();
    out.blocklist = some_amids();
    out.allowlist = some_amids();
    out.strict_mode = flag();
    out.max_concurrent_sessions = number(1, 10'000);
    out.rate_limit = {number(1, 6'000), number(1, 60'000)};
    out.store_transcripts = flag();
    out.auto_reject_when_offline = flag();
    out.notify_owner = {flag(), flag(), flag(), *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'001)};
    out.allow_suites = {*rc::gen::element(e2ee::suite_id::am1, e2ee::suite_id::v02, e2ee::suite_id::wire10_legacy)};
    out.allow_unbound_keys = flag();
    out.allow_unsigned_knock = flag();
    out.session = {number(256, 65'536), number(1, 1'000'000), number(10, 604'800)};
    return out;
}

}  // namespace

TEST_CASE("a policy reads back as it was written", "[property][session][AM-POL-011]") {
    CHECK(rc::check([] {
        const auto rules = some_policy();
        session::policy_fault where;
        RC_ASSERT(session::parse_policy(session::write_policy(rules), where) == rules);
    }));
}

TEST_CASE("a policy file with one byte changed is refused with a line, or says what it now says",
          "[property][session][AM-POL-012][AM-POL-013]") {
    CHECK(rc::check([] {
        const auto rules = some_policy();
        std::string text = session::write_policy(rules);
        const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
        const char was = std::exchange(text[at], *rc::gen::arbitrary<char>());
        const auto line = static_cast<std::size_t>(std::count(text.data(), text.data() + at, '\n'));

        session::policy_source source{rules};
        session::policy_fault where;
        if (source.reload(text, where)) {
            // Every member of the text counts: it is what the same text says as a tree, written again.
            const auto tree = nlohmann::json::parse(text);
            RC_ASSERT(tree.size() == 16);
            RC_ASSERT(session::parse_policy(tree.dump(), where) == source.rules());
        } else {
            RC_ASSERT(source.rules() == rules);
            RC_LOG() << text << "\n" << where.text() << "\n";
            RC_ASSERT(where.line >= line + 1);
            // A missing comma is seen with the next member; only a bracket may be missed further down.
            constexpr std::string_view brackets = "{}[]";
            if (brackets.find(was) == brackets.npos && brackets.find(text[at]) == brackets.npos)
                RC_ASSERT(where.line <= line + 3);  // if the byte became a new line
        }
    }));
}

TEST_CASE("whatever is asked, a stranger hears one thing and a session is never more than the owner allows",
          "[property][session][AM-POL-009][AM-POL-010]") {
    CHECK(rc::check([] {
        const auto rules = some_policy();
        session::applicant asking{.who = *rc::gen::arbitrary<bool>() && !rules.allowlist.empty() ? rules.allowlist[0]
                                                                                              : some_amid()};
        if (*rc::gen::inRange(0, 4)) asking.trust = static_cast<tier>(*rc::gen::inRange(0, 3));
        asking.reputation_ppm = *rc::gen::inRange<std::uint32_t>(0, 1'000'001);
        asking.keys_bound = *rc::gen::inRange(0, 4) != 0;
        asking.is_signed = *rc::gen::inRange(0, 4) != 0;
        asking.suite = *rc::gen::element(e2ee::suite_id::am1, e2ee::suite_id::v02, e2ee::suite_id::wire10_legacy);
        asking.what.category = *rc::gen::element<std::string>("travel", "finance", "Travel", "");
        asking.asked.ttl_seconds = *rc::gen::arbitrary<std::uint32_t>();
        asking.asked.expected_messages = *rc::gen::arbitrary<std::uint32_t>();
        asking.open_sessions = *rc::gen::inRange<std::size_t>(0, 20);
        session::caller_rates rates;
        const auto [stage, answer] = session::evaluate(rules, asking, {}, rates);
        RC_ASSERT(answer.accepted == (stage == session::policy_stage::passed));
        if (answer.accepted) {
            RC_ASSERT(asking.trust.has_value());
            RC_ASSERT(rules.accepts(*asking.trust));
            RC_ASSERT(rules.allows(asking.suite));
            RC_ASSERT(asking.is_signed || rules.allow_unsigned_knock);
            RC_ASSERT(answer.held_to.ttl_seconds <= std::min(rules.session.ttl_seconds, asking.asked.ttl_seconds));
            RC_ASSERT(answer.held_to.max_messages <=
                      std::min(rules.session.max_messages, asking.asked.expected_messages));
            RC_ASSERT(answer.held_to.max_message_size_bytes <= rules.session.max_message_size_bytes);
        } else if (!rules.knows(asking.who)) {
            RC_ASSERT(answer.told == session::deny_reason::rejected);
            RC_ASSERT_FALSE(answer.retry_after_seconds.has_value());
        }
    }));
}
