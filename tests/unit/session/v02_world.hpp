// Two agents of dialect v02 and a transport between them that a test moves by hand, on virtual time.
#pragma once

#include <agentmesh/session/v02_agent.hpp>

#include <functional>
#include <memory>
#include <stdexcept>

namespace v02_test {

using namespace agentmesh;
using namespace agentmesh::session;
using namespace std::chrono_literals;

inline constexpr time_point epoch = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};
inline constexpr e2ee::prekey_rules few_keys{.one_time_full = 8, .one_time_low = 2};

/// The owner's rules, who knows every caller to be verified. Notes the order in which he is asked.
struct owner {
    policy_source rules_{policy{.min_reputation_ppm = 0, .allow_suites = {e2ee::suite_id::am1, e2ee::suite_id::v02},
                                .allow_unbound_keys = true}};
    std::vector<std::string> asked{};
    std::vector<applicant> applicants{};

    [[nodiscard]] verdict decide(applicant asking) {
        asked.emplace_back("decide");
        asking.trust = tier::verified;
        applicants.push_back(asking);
        return rules_.decide(asking);
    }
    [[nodiscard]] bool is_flooded(const moment& now) {
        asked.emplace_back("flood");
        return rules_.is_flooded(now);
    }
    [[nodiscard]] unsigned take_message(const amid& from, const moment& now) { return rules_.take_message(from, now); }
    [[nodiscard]] bool allows(e2ee::suite_id suite) const { return rules_.allows(suite); }
    [[nodiscard]] const policy& rules() const { return rules_.rules(); }
    [[nodiscard]] std::uint64_t generation() const { return rules_.generation(); }
    void change(const std::function<void(policy&)>& how) {
        auto rules = rules_.rules();
        how(rules);
        rules_.replace(std::move(rules));
    }
};

/// A registry of everybody in the test.
struct known_agents {
    std::map<amid, signing_public_key> keys{};
    bool knows_nobody = false;

    [[nodiscard]] std::optional<signing_public_key> signing_key(const amid& who) const {
        const auto found = keys.find(who);
        if (knows_nobody || found == keys.end()) return std::nullopt;
        return found->second;
    }
};

struct sent_frame {
    amid to;
    std::string text;
    wire::message_type type;
    std::string receipt;
};

/// Records everything; persists into a store, unless told to fail.
struct recorder {
    memory_state store{};
    std::vector<sent_frame> sent{};
    std::vector<v02_info> opened_ones{};
    std::vector<std::string> texts{}, ids{}, words{}, lost{};
    std::vector<error> refusals{}, closings{}, failures{};
    std::vector<deny_reason> denials{};
    std::vector<std::string> log{};   ///< "persist" and "send", in order
    bool takes = true, receipts = false, online = true, disk = true;
    std::size_t receipts_given = 0;
    std::optional<std::size_t> fail_persist{};
    std::size_t persists = 0;

    result<void> persist(std::span<const record_change> changes) {
        if (!disk || fail_persist == persists++) return fail(errc::io_failed);
        log.emplace_back("persist");
        return store.commit(changes);
    }
    result<std::string> send(const amid& to, std::string_view text, wire::message_type type) {
        if (!online) return fail(errc::ws_closed);
        log.emplace_back("send");
        std::string receipt = receipts ? "r" + std::to_string(++receipts_given) : "";
        sent.push_back({to, std::string{text}, type, receipt});
        return receipt;
    }
    void opened(const v02_info& info) { opened_ones.push_back(info); }
    bool received(const amid&, std::string_view id, byte_view text) {
        ids.emplace_back(id);
        texts.emplace_back(as_text(text));
        return takes;
    }
    void refused(const amid&, std::string_view word, const error& why) {
        words.emplace_back(word);
        refusals.push_back(why);
    }
    void denied(const amid&, deny_reason why) { denials.push_back(why); }
    void undelivered(const amid&, byte_view text, const error&) { lost.emplace_back(as_text(text)); }
    void closed(const amid&, const error& why) { closings.push_back(why); }
    void failed(const amid&, const error& why) { failures.push_back(why); }

    [[nodiscard]] errc last_failure() const { return failures.empty() ? errc{} : failures.back().code; }
};

class party {
public:
    using agent_type = v02_agent<crypto::scripted_random, owner, known_agents>;

    party(local_identity who, std::uint64_t seed, known_agents& known, v02_options chosen = {})
        : self{std::move(who)}, random{seed}, known_{&known}, options_{chosen} {
        known.keys.emplace(self.name(), self.signing().public_key());
        (void)prekeys.maintain(self, out.store, random, epoch).value();
        agent = std::make_unique<agent_type>(self, random, policy, prekeys, known, options_);
    }

    [[nodiscard]] const amid& name() const { return self.name(); }
    [[nodiscard]] e2ee::deployed_bundle bundle(bool one_time = true) {
        std::optional<std::uint32_t> id;
        while (one_time && next_one_time <= few_keys.one_time_full && !id)
            if (prekeys.find_one_time(next_one_time++)) id = next_one_time - 1;
        return v02_bundle(self, prekeys, id).value();
    }
    /// The process ends, without warning, and another takes up its store.
    result<void> restart(const moment& now) {
        e2ee::prekey_store read{few_keys};
        AGENTMESH_CHECK(read.restore(out.store, self));
        prekeys = std::move(read);
        agent = std::make_unique<agent_type>(self, random, policy, prekeys, *known_, options_);
        AGENTMESH_CHECK(agent->restore(out.store, now, out));
        agent->on_ready(out);
        return {};
    }

    local_identity self;
    crypto::scripted_random random;
    e2ee::prekey_store prekeys{few_keys};
    owner policy{};
    recorder out{};
    std::unique_ptr<agent_type> agent{};
    std::uint32_t next_one_time = 1;

private:
    known_agents* known_;
    v02_options options_;
};

/// `a` has the smaller AMID.
class two {
public:
    explicit two(std::uint64_t seed = 1, v02_options chosen = {}) {
        crypto::scripted_random random{seed};
        auto one = local_identity::create(random, epoch).value();
        auto other = local_identity::create(random, epoch).value();
        if (other.name() < one.name()) std::swap(one, other);
        a = std::make_unique<party>(std::move(one), seed * 2 + 1000, known, chosen);
        b = std::make_unique<party>(std::move(other), seed * 2 + 1001, known, chosen);
    }

    [[nodiscard]] party& other(const party& one) { return &one == a.get() ? *b : *a; }
    result<void> knock(party& from, bool optimistic = false) {
        auto& to = other(from);
        return from.agent->knock(to.name(), to.self.signing().public_key(), to.bundle(), travel, wish, now, from.out,
                                 optimistic);
    }
    result<void> say(party& from, std::string_view text) {
        return from.agent->send(other(from).name(), text, now, from.out);
    }
    result<void> give(party& from, const sent_frame& frame) {
        auto& to = other(from);
        return to.agent->on_message(from.name(), frame.type, frame.text, now, to.out);
    }
    result<void> give(party& from, std::size_t index) {
        const auto frame = from.out.sent.at(index);
        return give(from, frame);
    }
    /// Moves everything both have sent since the last call, until there is nothing left.
    void settle() {
        for (bool moved = true; moved;) {
            moved = false;
            while (a_read < a->out.sent.size()) (void)give(*a, a_read++), moved = true;
            while (b_read < b->out.sent.size()) (void)give(*b, b_read++), moved = true;
        }
    }
    /// Everything sent so far is lost.
    void drop() {
        a_read = a->out.sent.size();
        b_read = b->out.sent.size();
    }
    /// An open session in which `from` has spoken.
    void open(party& from) {
        must(knock(from));
        settle();
        must(say(from, "\"first\""));
        settle();
        other(from).out.texts.clear();
        other(from).out.ids.clear();
    }
    static void must(const result<void>& done) {
        if (!done) throw std::runtime_error{to_string(done.error())};
    }
    void advance(duration by) { now = now + by; }
    void tick() {
        a->agent->on_tick(now, a->out);
        b->agent->on_tick(now, b->out);
    }

    known_agents known{};
    std::unique_ptr<party> a, b;
    moment now{steady_point{1h}, epoch + 1h};
    intent travel{.category = "travel", .subcategory = "flights"};
    session_request wish{.kind = session_kind::conversation, .ttl_seconds = 600, .expected_messages = 50};
    std::size_t a_read = 0, b_read = 0;
};

}  // namespace v02_test
