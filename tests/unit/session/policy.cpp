#include <agentmesh/session/policy.hpp>

#include "tests/support/catch.hpp"

#include <functional>
#include <set>

using namespace agentmesh;
using namespace std::chrono_literals;
using session::deny_reason;
using session::policy_stage;

namespace {

constexpr tier every_tier[] = {tier::anonymous, tier::verified, tier::organization};

amid name(std::uint8_t first, std::uint8_t second = 0) {
    amid::raw bytes;
    bytes.storage()[0] = first;
    bytes.storage()[1] = second;
    return amid::from_raw(bytes);
}

/// Somebody whom the default policy accepts.
session::applicant somebody() {
    return {.who = name(1), .trust = tier::verified, .reputation_ppm = 600'000, .what = {.category = "travel"}};
}

session::verdict decide(const session::policy& rules, const session::applicant& asking) {
    session::caller_rates rates;
    return session::evaluate(rules, asking, {}, rates).answer;
}

session::policy parse(std::string_view text) {
    session::policy_fault where;
    const auto rules = session::parse_policy(text, where);
    INFO(text << " " << where.text());
    REQUIRE(rules);
    return *rules;
}

/// "line: member", and the error checked.
std::string fault_of(std::string_view text) {
    session::policy_fault where;
    const auto rules = session::parse_policy(text, where);
    INFO(text);
    REQUIRE_FALSE(rules);
    CHECK(rules.error() == error{errc::bad_policy, "AM-POL-012"});
    CHECK_FALSE(where.expected.empty());
    return std::to_string(where.line) + ": " + where.member;
}

// --- reading ------------------------------------------------------------------------------------------------

TEST_CASE("an empty policy file is the table of defaults, and safe", "[unit][session][AM-POL-011]") {
    const auto rules = parse("{}");
    CHECK(rules == session::policy{});
    CHECK_FALSE(rules.accepts(tier::anonymous));
    CHECK(rules.accepts(tier::verified));
    CHECK(rules.accepts(tier::organization));
    CHECK(rules.min_reputation_ppm == 500'000);
    CHECK(rules.max_concurrent_sessions == 10);
    CHECK(rules.rate_limit == session::rate_limit{30, 100});
    CHECK_FALSE((rules.strict_mode || rules.store_transcripts || rules.auto_reject_when_offline ||
                 rules.allow_unbound_keys || rules.allow_unsigned_knock));
    CHECK(rules.notify_owner == session::notify_owner{true, true, true, 50'000'000});
    CHECK(rules.allows(e2ee::suite_id::am1));
    CHECK_FALSE(rules.allows(e2ee::suite_id::v02));
    CHECK(rules.session == session::constraints{65'536, 1'000, 3'600});
    CHECK(decide(rules, somebody()).accepted);
}

TEST_CASE("every member of a policy file is read, and written", "[unit][session][AM-POL-011]") {
    const std::string b = std::string{name(2).text()}, c = std::string{name(3).text()};
    const auto rules = parse(R"({
      "accept_tiers": [2, "verified", 1.5], "min_reputation": 0.3, "accepted_intents": ["travel/*", "x-acme/widgets"],
      "rejected_intents": ["finance"], "blocklist": [")" + c + R"(", ")" + b + R"(", ")" + c + R"("],
      "allowlist": [")" + b + R"("], "strict_mode": true, "max_concurrent_sessions": 3,
      "rate_limit": {"knocks_per_minute": 5, "messages_per_minute": 7}, "store_transcripts": true,
      "auto_reject_when_offline": true, "notify_owner": {"on_knock_from_unknown": false,
      "on_high_value_transaction": false, "on_error": false, "threshold_usd": 12.5},
      "allow_suites": ["am1", "wire10-legacy"], "allow_unbound_keys": true, "allow_unsigned_knock": true,
      "session": {"max_ttl_seconds": 10, "max_messages": 1, "max_message_size_bytes": 256}})");
    session::policy wanted;
    wanted.accept_tiers = {true, true, true};
    wanted.min_reputation_ppm = 300'000;
    wanted.accepted_intents = {"travel/*", "x-acme/widgets"};
    wanted.rejected_intents = {"finance"};
    wanted.blocklist = {name(2), name(3)};
    wanted.allowlist = {name(2)};
    wanted.strict_mode = wanted.store_transcripts = wanted.auto_reject_when_offline = true;
    wanted.max_concurrent_sessions = 3;
    wanted.rate_limit = {5, 7};
    wanted.notify_owner = {false, false, false, 12'500'000};
    wanted.allow_suites = {e2ee::suite_id::am1, e2ee::suite_id::wire10_legacy};
    wanted.allow_unbound_keys = wanted.allow_unsigned_knock = true;
    wanted.session = {256, 1, 10};
    CHECK(rules == wanted);
    CHECK(parse(session::write_policy(rules)) == rules);
    CHECK(parse(session::write_policy({})) == session::policy{});
}

TEST_CASE("a member that does not exist is refused by line and name", "[unit][session][AM-POL-012]") {
    CHECK(fault_of("{\n  \"strict_mode\": true,\n  \"blocklst\": []\n}") == "3: blocklst");
    CHECK(fault_of("{\n  \"blocklst\":\n\n []\n}") == "2: blocklst");
    CHECK(fault_of("{\"rate_limit\":{\n\"knocks\":1}}") == "2: rate_limit.knocks");
    CHECK(fault_of("{\"notify_owner\":{\"on_errors\":true}}") == "1: notify_owner.on_errors");
    CHECK(fault_of("{\"session\":{\"ttl\":1}}") == "1: session.ttl");
    CHECK(fault_of(R"({"Strict_mode":true})") == "1: Strict_mode");
    CHECK(fault_of(R"({"acceptedIntents":["travel"]})") == "1: acceptedIntents");
    session::policy_fault where;
    (void)session::parse_policy("{\n\"blocklst\":[]}", where);
    CHECK(where.text() == "line 2: blocklst: no member of this name exists");
}

TEST_CASE("a member of another type or range is refused by line and name", "[unit][session][AM-POL-012]") {
    const auto [text, fault] = GENERATE(table<std::string, std::string>({
        {R"({"accept_tiers":"verified"})", "1: accept_tiers"},
        {R"({"accept_tiers":[]})", "1: accept_tiers"},
        {"{\"accept_tiers\":[\n\"verified\",\n\"trusted\"]}", "3: accept_tiers[1]"},
        {R"({"accept_tiers":["Verified"]})", "1: accept_tiers[0]"},
        {R"({"accept_tiers":[1.0]})", "1: accept_tiers[0]"},
        {R"({"accept_tiers":[0]})", "1: accept_tiers[0]"},
        {R"({"accept_tiers":["1"]})", "1: accept_tiers[0]"},
        {R"({"accept_tiers":[null]})", "1: accept_tiers[0]"},
        {R"({"min_reputation":"0.5"})", "1: min_reputation"},
        {R"({"min_reputation":-0.1})", "1: min_reputation"},
        {R"({"min_reputation":1.000001})", "1: min_reputation"},
        {R"({"min_reputation":50})", "1: min_reputation"},
        {R"({"accepted_intents":"travel"})", "1: accepted_intents"},
        {R"({"accepted_intents":["Travel"]})", "1: accepted_intents[0]"},
        {R"({"accepted_intents":["travel",7]})", "1: accepted_intents[1]"},
        {R"({"rejected_intents":["(*"]})", "1: rejected_intents[0]"},
        {"{\"blocklist\":\n[\"jZ6CK1dpcZD4oPYScUJvifP7BtJ\",\n\n\"jZ6CK1dpcZD4oPYScUJvifP7Bt0\"]}", "4: blocklist[1]"},
        {R"({"blocklist":{}})", "1: blocklist"},
        {R"({"allowlist":[1]})", "1: allowlist[0]"},
        {R"({"strict_mode":"true"})", "1: strict_mode"},
        {R"({"strict_mode":1})", "1: strict_mode"},
        {R"({"strict_mode":null})", "1: strict_mode"},
        {R"({"max_concurrent_sessions":0})", "1: max_concurrent_sessions"},
        {R"({"max_concurrent_sessions":10001})", "1: max_concurrent_sessions"},
        {R"({"max_concurrent_sessions":1.5})", "1: max_concurrent_sessions"},
        {R"({"max_concurrent_sessions":1e1})", "1: max_concurrent_sessions"},
        {R"({"max_concurrent_sessions":4294967297})", "1: max_concurrent_sessions"},
        {R"({"rate_limit":30})", "1: rate_limit"},
        {"{\"rate_limit\":{\n\"knocks_per_minute\":\n0}}", "3: rate_limit.knocks_per_minute"},
        {R"({"rate_limit":{"messages_per_minute":60001}})", "1: rate_limit.messages_per_minute"},
        {R"({"store_transcripts":0})", "1: store_transcripts"},
        {R"({"auto_reject_when_offline":[]})", "1: auto_reject_when_offline"},
        {R"({"notify_owner":true})", "1: notify_owner"},
        {R"({"notify_owner":{"threshold_usd":-1}})", "1: notify_owner.threshold_usd"},
        {R"({"notify_owner":{"threshold_usd":1e10}})", "1: notify_owner.threshold_usd"},
        {R"({"notify_owner":{"on_error":"yes"}})", "1: notify_owner.on_error"},
        {R"({"allow_suites":[]})", "1: allow_suites"},
        {R"({"allow_suites":["am2"]})", "1: allow_suites[0]"},
        {R"({"allow_suites":[1]})", "1: allow_suites[0]"},
        {R"({"allow_unbound_keys":"no"})", "1: allow_unbound_keys"},
        {R"({"allow_unsigned_knock":"no"})", "1: allow_unsigned_knock"},
        {R"({"session":[]})", "1: session"},
        {R"({"session":{"max_ttl_seconds":9}})", "1: session.max_ttl_seconds"},
        {R"({"session":{"max_messages":0}})", "1: session.max_messages"},
        {R"({"session":{"max_message_size_bytes":65537}})", "1: session.max_message_size_bytes"},
    }));
    CHECK(fault_of(text) == fault);
}

TEST_CASE("text that is not one JSON object is refused where it goes wrong", "[unit][session][AM-POL-012]") {
    const auto [text, fault] = GENERATE(table<std::string, std::string>({
        {"", "1: "},
        {"\n\n", "3: "},
        {"[]", "1: "},
        {"null", "1: "},
        {"{", "1: "},
        {"{\n\"strict_mode\": true\n\"blocklist\": []}", "3: "},        // a comma is missing
        {"{\n\"strict_mode\": true,\n}", "3: "},
        {"{\n\"strict_mode\":\ntrue} x", "3: "},
        {"{\n\"strict_mode\": yes}", "2: strict_mode"},
        {"{\"blocklist\": [\n\"a\",\n]}", "3: blocklist[1]"},
        {"{\"rate_limit\": {\n\"knocks_per_minute\": 030}}", "2: rate_limit"},
        {"{\"rate_limit\": {\n\"knocks_per_minute\": .5}}", "2: rate_limit.knocks_per_minute"},
        {"{\"strict_mode\": true, // really\n}", "1: "},
        {"{\"strict_mode\": \"\xff\"}", "1: strict_mode"},
        {"{\"min_reputation\": NaN}", "1: min_reputation"},
        {"{\"strict_mode\":true,\n\"strict_mode\":false}", "2: strict_mode"},
        {"{\"session\":{\"max_messages\":1,\n\n\"max_messages\":2}}", "3: session.max_messages"},
        {"{\"blocklst\":[],\n\"blocklst\":[]}", "2: blocklst"},
    }));
    CHECK(fault_of(text) == fault);
}

TEST_CASE("too much of anything is refused", "[unit][session][AM-POL-012]") {
    CHECK(fault_of(std::string(session::policy_bytes + 1, ' ')) == "1: ");
    std::string many = R"({"accepted_intents":["a")";
    for (std::size_t i = 0; i < session::policy_names; ++i) many += ",\"a\"";
    CHECK(fault_of(many + "]}") == "1: accepted_intents[4096]");
    CHECK(fault_of("{\"blocklist\":" + std::string(70, '[') + std::string(70, ']') + "}").starts_with("1: blocklist"));
    CHECK(fault_of("{\"" + std::string(500, 'x') + "\":1}").size() < 80);
}

// --- evaluation ---------------------------------------------------------------------------------------------------

TEST_CASE("a tier is accepted if the policy names it, whatever its label", "[unit][session][AM-POL-003]") {
    // 0.2 labels are no numbers: 2 is the lowest, and 1.5 the highest.
    const char* const labels[] = {"2", "1", "1.5"};
    for (std::size_t named = 0; named < 3; ++named)
        for (std::size_t actual = 0; actual < 3; ++actual) {
            auto asking = somebody();
            asking.trust = every_tier[actual];
            for (const std::string& word :
                 {std::string{labels[named]},
                  '"' + std::string{identity::tier_label(every_tier[named], identity::tier_dialect::word)} + '"'}) {
                const auto rules = parse(R"({"accept_tiers":[)" + word + "]}");
                const auto answer = decide(rules, asking);
                INFO(word << " " << labels[actual]);
                CHECK(answer.accepted == (named == actual));
                if (!answer.accepted) CHECK(answer.why == deny_reason::insufficient_trust);
            }
        }
    auto unknown = somebody();
    unknown.trust.reset();
    CHECK(decide(parse(R"({"accept_tiers":[1,1.5,2]})"), unknown).why == deny_reason::insufficient_trust);
}

TEST_CASE("intents are accepted and rejected by name", "[unit][session][AM-POL-005]") {
    const auto [file, category, subcategory, accepted] = GENERATE(table<std::string, std::string, std::string, bool>({
        {"{}", "anything", "", true},
        {R"({"accepted_intents":["travel"]})", "travel", "", true},
        {R"({"accepted_intents":["travel"]})", "travel", "flights", true},
        {R"({"accepted_intents":["travel"]})", "travels", "", false},
        {R"({"accepted_intents":["travel/flights"]})", "travel", "", false},
        {R"({"accepted_intents":["travel/*"]})", "travel", "flights", true},
        {R"({"accepted_intents":["*"]})", "x-acme/widgets", "blue", true},
        {R"({"rejected_intents":["finance"]})", "finance", "payment", false},
        {R"({"rejected_intents":["finance/payment"]})", "finance", "quotes", true},
        {R"({"accepted_intents":["finance"],"rejected_intents":["finance/payment"]})", "finance", "payment", false},
        {R"({"rejected_intents":["f.nance"]})", "finance", "", true},
        // What is no capability could slip past a rule by its spelling.
        {R"({"rejected_intents":["finance"]})", "Finance", "", false},
        {R"({"rejected_intents":["finance"]})", "finance ", "", false},
        {"{}", "", "", false},
        {"{}", "travel", "a/b", false},
    }));
    auto asking = somebody();
    asking.what = {.category = category, .subcategory = subcategory};
    INFO(file << " " << category << " " << subcategory);
    const auto answer = decide(parse(file), asking);
    CHECK(answer.accepted == accepted);
    if (!accepted) CHECK(answer.why == deny_reason::intent_not_accepted);
}

TEST_CASE("reputation is compared in parts per million", "[unit][session][AM-POL-007]") {
    const auto rules = parse(R"({"min_reputation":0.3})");
    auto asking = somebody();
    asking.reputation_ppm = 300'000;
    CHECK(decide(rules, asking).accepted);
    asking.reputation_ppm = 299'999;
    CHECK(decide(rules, asking).why == deny_reason::low_reputation);
    asking.reputation_ppm = 0;
    CHECK(decide(parse(R"({"min_reputation":0})"), asking).accepted);
}

TEST_CASE("in strict mode only the allowlist may knock", "[unit][session][AM-POL-006]") {
    session::policy rules;
    rules.strict_mode = true;
    CHECK(decide(rules, somebody()).why == deny_reason::not_in_allowlist);
    rules.allowlist = {somebody().who};
    CHECK(decide(rules, somebody()).accepted);
}

TEST_CASE("the blocklist wins over the allowlist", "[unit][session][AM-POL-002]") {
    session::policy rules;
    rules.blocklist = rules.allowlist = {somebody().who};
    const auto answer = decide(rules, somebody());
    CHECK(answer.why == deny_reason::blocked);
    CHECK(answer.told == deny_reason::rejected);
}

TEST_CASE("open sessions are counted to the edge", "[unit][session][AM-POL-008]") {
    session::policy rules;
    auto asking = somebody();
    asking.open_sessions = 9;
    CHECK(decide(rules, asking).accepted);
    asking.open_sessions = 10;
    CHECK(decide(rules, asking).why == deny_reason::at_capacity);
}

TEST_CASE("an unbound key needs the owner's word", "[unit][session][AM-POL-014]") {
    session::policy rules;
    auto asking = somebody();
    asking.keys_bound = false;
    CHECK(decide(rules, asking).why == deny_reason::insufficient_trust);
    rules.allow_unbound_keys = true;
    CHECK(decide(rules, asking).accepted);
}

TEST_CASE("a suite that the owner does not list is refused, whichever it is", "[unit][session][AM-POL-015]") {
    for (const auto listed : {e2ee::suite_id::am1, e2ee::suite_id::v02, e2ee::suite_id::wire10_legacy}) {
        session::policy rules;
        rules.allow_suites = {listed};
        for (const auto asked : {e2ee::suite_id::am1, e2ee::suite_id::v02, e2ee::suite_id::wire10,
                                 e2ee::suite_id::wire10_legacy}) {
            auto asking = somebody();
            asking.suite = asked;
            CHECK(decide(rules, asking).accepted == (asked == listed));
            CHECK(session::allows(rules, asked) == (asked == listed));
            CHECK(session::allows(session::policy_source{rules}, asked) == (asked == listed));
        }
    }
}

TEST_CASE("a KNOCK without a signature needs the owner's word, and its sender hears nothing",
          "[unit][session][AM-POL-010]") {
    session::policy rules;
    auto asking = somebody();
    asking.is_signed = false;
    rules.allowlist = {asking.who};
    CHECK(decide(rules, asking).why == deny_reason::invalid_signature);
    CHECK(decide(rules, asking).told == deny_reason::rejected);
    CHECK_FALSE(session::allows_unsigned(session::policy_source{rules}));
    rules.allow_unsigned_knock = true;
    CHECK(decide(rules, asking).accepted);
    CHECK(session::allows_unsigned(rules));
    CHECK(session::allows_unsigned(session::policy_source{rules}));
}

TEST_CASE("policies in code allow suite am1 and signed KNOCKs, and combined ones what their parts do",
          "[unit][session][AM-POL-015]") {
    const session::allow_intents plain{{"travel"}};
    CHECK(session::allows(plain, e2ee::suite_id::am1));
    CHECK_FALSE(session::allows(plain, e2ee::suite_id::v02));
    CHECK_FALSE(session::allows_unsigned(plain));
    session::policy wide;
    wide.allow_suites = {e2ee::suite_id::am1, e2ee::suite_id::wire10};
    wide.allow_unsigned_knock = true;
    const session::all_of both{plain, session::policy_source{wide}};
    CHECK(session::allows(both, e2ee::suite_id::am1));
    CHECK_FALSE(session::allows(both, e2ee::suite_id::wire10));
    CHECK_FALSE(session::allows_unsigned(both));
    const session::any_of either{plain, session::policy_source{wide}};
    CHECK(session::allows(either, e2ee::suite_id::wire10));
    CHECK_FALSE(session::allows(either, e2ee::suite_id::v02));
    CHECK(session::allows_unsigned(either));
}

TEST_CASE("an accepted session gets no more than was asked for, and no more than allowed",
          "[unit][session][AM-POL-009]") {
    session::policy rules;
    rules.session = {1'000, 50, 100};
    auto asking = somebody();
    asking.asked = {.ttl_seconds = 60, .expected_messages = 500};
    CHECK(decide(rules, asking).held_to == session::constraints{1'000, 50, 60});
    asking.asked = {.ttl_seconds = 6'000, .expected_messages = 5};
    CHECK(decide(rules, asking).held_to == session::constraints{1'000, 5, 100});
    CHECK(decide({}, somebody()).held_to == session::constraints{65'536, 20, 300});
}

TEST_CASE("the KNOCKs of one caller are counted by the minute", "[unit][session][AM-POL-004]") {
    session::policy_source source{parse(R"({"rate_limit":{"knocks_per_minute":2}})")};
    auto asking = somebody();
    auto other = somebody();
    other.who = name(9);
    CHECK(source.decide(asking).accepted);
    asking.now = asking.now + 10s;
    CHECK(source.decide(asking).accepted);
    CHECK(source.decide(asking).why == deny_reason::rate_limited);
    CHECK(source.decide(other).accepted);

    source.allow(asking.who);
    CHECK(source.decide(asking).retry_after_seconds == 50U);
    CHECK(source.decide(asking).told == deny_reason::rate_limited);
    asking.now = asking.now + 49'999'999us;
    CHECK_FALSE(source.decide(asking).accepted);
    asking.now = asking.now + 1us;
    CHECK(source.decide(asking).accepted);
}

TEST_CASE("the memory of rates is bounded, and full means no", "[unit][session][AM-POL-004]") {
    session::caller_rates rates;
    const auto caller = [](std::size_t i) {
        return name(static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8));
    };
    for (std::size_t i = 0; i < session::known_callers; ++i) REQUIRE(rates.take(caller(i), 1, steady_point{}) == 0);
    CHECK(rates.take(caller(5000), 1, steady_point{59s}) == 60);
    CHECK(rates.size() == session::known_callers);
    CHECK(rates.take(caller(5000), 1, steady_point{60s}) == 0);
    CHECK(rates.size() == 1);
}

// --- order -------------------------------------------------------------------------------------------------------

/// A way to fail each rule alone, in the order that ruling 23 and the chapter on policy state.
struct failing {
    policy_stage stage;
    deny_reason reason;
    std::function<void(session::policy&, session::applicant&, session::standing&)> arrange;
};

const std::vector<failing>& every_failure() {
    static const std::vector<failing> all = {
        {policy_stage::connection_rate, deny_reason::rate_limited,
         [](auto&, auto&, auto& found) { found.connection_within_rate = false; }},
        {policy_stage::blocklist, deny_reason::blocked,
         [](auto& rules, auto& asking, auto&) { rules.blocklist = {asking.who}; }},
        {policy_stage::signature, deny_reason::invalid_signature,
         [](auto&, auto&, auto& found) { found.authentic = false; }},
        {policy_stage::freshness, deny_reason::invalid_signature,
         [](auto&, auto&, auto& found) { found.fresh = false; }},
        {policy_stage::suite, deny_reason::insufficient_trust,
         [](auto&, auto& asking, auto&) { asking.suite = e2ee::suite_id::v02; }},
        {policy_stage::key_binding, deny_reason::insufficient_trust,
         [](auto&, auto& asking, auto&) { asking.keys_bound = false; }},
        {policy_stage::tier, deny_reason::insufficient_trust,
         [](auto&, auto& asking, auto&) { asking.trust.reset(); }},
        {policy_stage::rate, deny_reason::rate_limited,
         [](auto& rules, auto&, auto&) { rules.rate_limit.knocks_per_minute = 0; }},
        {policy_stage::intent, deny_reason::intent_not_accepted,
         [](auto& rules, auto&, auto&) { rules.rejected_intents = {"travel"}; }},
        {policy_stage::allowlist, deny_reason::not_in_allowlist,
         [](auto& rules, auto&, auto&) {
             rules.strict_mode = true;
             rules.allowlist.clear();
         }},
        {policy_stage::reputation, deny_reason::low_reputation,
         [](auto&, auto& asking, auto&) { asking.reputation_ppm = 0; }},
        {policy_stage::capacity, deny_reason::at_capacity,
         [](auto&, auto& asking, auto&) { asking.open_sessions = 10; }},
    };
    return all;
}

session::decision judge(const std::vector<const failing*>& failures, bool known = false) {
    session::policy rules;
    auto asking = somebody();
    if (known) rules.allowlist = {asking.who};
    session::standing found;
    for (const failing* one : failures) one->arrange(rules, asking, found);
    session::caller_rates rates;
    return session::evaluate(rules, asking, found, rates);
}

TEST_CASE("of any two rules that deny, the earlier gives the reason", "[unit][session][AM-POL-001]") {
    const auto& all = every_failure();
    REQUIRE(all.size() == static_cast<std::size_t>(policy_stage::passed));
    CHECK(judge({}).stage == policy_stage::passed);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(static_cast<std::size_t>(all[i].stage) == i);
        for (std::size_t j = i; j < all.size(); ++j) {
            const auto decided = judge({&all[j], &all[i]});
            INFO(i << " " << j);
            CHECK_FALSE(decided.answer.accepted);
            CHECK(decided.stage == all[i].stage);
            CHECK(decided.answer.why == all[i].reason);
        }
    }
}

TEST_CASE("every set of failures is decided by its earliest", "[unit][session][AM-POL-001]") {
    const auto& all = every_failure();
    for (unsigned set = 1; set < 1U << all.size(); ++set) {
        std::vector<const failing*> chosen;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (set >> i & 1) chosen.push_back(&all[i]);
        if (judge(chosen).stage != chosen.front()->stage) FAIL_CHECK("set " << set);
    }
}

TEST_CASE("a caller who does not come as far as the rate is not counted", "[unit][session][AM-POL-004]") {
    session::policy rules;
    rules.rate_limit.knocks_per_minute = 1;
    session::caller_rates rates;
    auto asking = somebody();
    asking.trust.reset();
    for (int i = 0; i < 5; ++i) (void)session::evaluate(rules, asking, {}, rates);
    CHECK(rates.size() == 0);
    CHECK(session::evaluate(rules, somebody(), {}, rates).answer.accepted);
}

// --- what the caller hears -----------------------------------------------------------------------------------------

/// All of a verdict that leaves the agent, as text.
std::string outward(const session::verdict& answer) {
    return std::string{session::to_text(answer.told)} + "|" +
           (answer.retry_after_seconds ? std::to_string(*answer.retry_after_seconds) : "null") +
           (answer.accepted ? "|accepted" : "");
}

TEST_CASE("a stranger hears the same for every reason", "[unit][session][AM-POL-010]") {
    std::set<std::string> heard;
    for (const failing& one : every_failure()) heard.insert(outward(judge({&one}).answer));
    session::policy_source paused;
    paused.pause();
    heard.insert(outward(paused.decide(somebody())));
    CHECK(heard == std::set<std::string>{"rejected|null"});
}

TEST_CASE("who is on the allowlist hears why, once he has proved to be himself", "[unit][session][AM-POL-010]") {
    for (const failing& one : every_failure()) {
        if (one.stage == policy_stage::allowlist) continue;  // then he is not on it
        const auto answer = judge({&one}, true).answer;
        INFO(session::to_text(one.reason));
        CHECK(answer.told == (one.stage <= policy_stage::freshness ? deny_reason::rejected : one.reason));
    }
}

// --- the policy in force -------------------------------------------------------------------------------------------

TEST_CASE("a file that is refused leaves the policy in force", "[unit][session][AM-POL-013]") {
    session::policy_source source;
    session::policy_fault where;
    REQUIRE(source.reload(R"({"min_reputation":0.9})", where));
    const auto before = source.rules();
    const auto generation = source.generation();
    for (const auto text : {"", "{", R"({"min_reputation":0.1,"blocklst":[]})", R"({"accept_tiers":[2,7]})"}) {
        CHECK(source.reload(text, where).error().code == errc::bad_policy);
        CHECK(source.rules() == before);
        CHECK(source.generation() == generation);
    }
    CHECK(where.member == "accept_tiers[1]");
    REQUIRE(source.reload("{}", where));
    CHECK(source.generation() > generation);
    CHECK(where.line == 0);
    CHECK(session::from_file("{}", where)->rules() == session::policy{});
    CHECK_FALSE(session::from_file("[]", where));
}

TEST_CASE("edits hold from the next KNOCK, and raise the generation", "[unit][session][AM-POL-002]") {
    session::policy_source source;
    const amid who = somebody().who;
    std::uint64_t generation = source.generation();
    const auto raised = [&] { return std::exchange(generation, source.generation()) < source.generation(); };
    CHECK(source.decide(somebody()).accepted);
    CHECK(source.block(who));
    CHECK(raised());
    CHECK_FALSE(source.block(who));
    CHECK_FALSE(raised());
    CHECK(source.decide(somebody()).why == deny_reason::blocked);
    CHECK(source.unblock(who));
    CHECK(raised());
    CHECK(source.decide(somebody()).accepted);
    CHECK(source.allow(who));
    CHECK(raised());
    CHECK(source.disallow(who));
    CHECK(raised());
}

TEST_CASE("pausing refuses everybody and changes no rule", "[unit][session][AM-POL-010]") {
    const std::string only{name(1).text()};
    session::policy_source source{parse(R"({"strict_mode":true,"allowlist":[")" + only + "\"]}")};
    const auto before = source.rules();
    const auto generation = source.generation();
    source.pause();
    CHECK(source.paused());
    CHECK(source.generation() > generation);
    CHECK(source.decide(somebody()).told == deny_reason::paused);
    source.resume();
    CHECK(source.rules() == before);
    CHECK(source.decide(somebody()).accepted);
}

TEST_CASE("a flood over one connection is stopped before anything is opened", "[unit][session][AM-POL-001]") {
    session::policy_source source;
    for (unsigned i = 0; i < session::knock_flood_per_minute; ++i)
        REQUIRE_FALSE(source.is_flooded({}));
    CHECK(source.is_flooded({}));
    CHECK_FALSE(source.is_flooded(moment{} + 60s));
}

TEST_CASE("messages of a session are counted by the minute", "[unit][session]") {
    session::policy_source source{parse(R"({"rate_limit":{"messages_per_minute":2}})")};
    CHECK(source.take_message(name(1), {}) == 0);
    CHECK(source.take_message(name(1), {}) == 0);
    CHECK(source.take_message(name(1), {}) == 60);
    CHECK(source.take_message(name(1), moment{} + 60s) == 0);
}

// --- policies in code ------------------------------------------------------------------------------------------------

TEST_CASE("policies in code combine", "[unit][session][AM-POL-001]") {
    auto flights = somebody();
    flights.what = {.category = "travel", .subcategory = "flights"};
    auto stranger = flights;
    stranger.trust.reset();
    auto payment = flights;
    payment.what = {.category = "finance", .subcategory = "payment"};

    session::allow_intents travel{{"travel"}};
    CHECK(travel.decide(flights).accepted);
    CHECK(travel.decide(stranger).accepted);
    CHECK(travel.decide(payment).why == deny_reason::intent_not_accepted);
    CHECK_FALSE(session::deny_all{}.decide(flights).accepted);
    CHECK(session::allow_all_verified{}.decide(payment).accepted);
    CHECK(session::allow_all_verified{}.decide(stranger).why == deny_reason::insufficient_trust);

    session::all_of both{travel, session::allow_all_verified{}};
    CHECK(both.decide(flights).accepted);
    CHECK(both.decide(stranger).why == deny_reason::insufficient_trust);
    CHECK(both.decide(payment).why == deny_reason::intent_not_accepted);
    session::any_of either{session::deny_all{}, travel, session::allow_all_verified{}};
    CHECK(either.decide(payment).accepted);
    CHECK(either.decide(stranger).accepted);
    stranger.what = payment.what;
    CHECK(either.decide(stranger).why == deny_reason::rejected);
    CHECK_FALSE(session::any_of<>{}.decide(flights).accepted);
}

TEST_CASE("all of several policies hold a session to the narrowest of their limits", "[unit][session][AM-POL-009]") {
    session::policy small, brief;
    small.session = {500, 1'000, 3'600};
    brief.session = {65'536, 7, 30};
    session::all_of both{session::policy_source{small}, session::policy_source{brief}};
    CHECK(both.decide(somebody()).held_to == session::constraints{500, 7, 30});
    const auto generation = both.generation();
    both.part<1>().block(name(5));
    CHECK(both.generation() > generation);
}

}  // namespace
