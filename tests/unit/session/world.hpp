// Two agents with sessions between them, on virtual time, over a network that a test moves by hand.
#pragma once

#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/session/engine.hpp>

#include <functional>
#include <memory>
#include <stdexcept>

namespace session_test {

using namespace agentmesh;
using namespace agentmesh::session;
using namespace std::chrono_literals;

inline constexpr time_point epoch = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};

/// Says what a test told it to say.
struct scripted_policy {
    verdict answer = verdict::accept({.max_message_size_bytes = 40'000, .max_messages = 1000, .ttl_seconds = 3600});
    std::uint64_t age = 0;
    std::vector<applicant> asked{};

    verdict decide(const applicant& asking) {
        asked.push_back(asking);
        return answer;
    }
    std::uint64_t generation() const { return age; }
};

struct sent_frame {
    amid to;
    std::string payload;
    wire::message_type type;
};

/// Records everything. Persists into a store, unless told to fail.
struct recorder {
    memory_state store{};
    std::vector<sent_frame> sent{};
    std::vector<session_info> opened_ones{}, wanted{};
    std::vector<std::pair<session_info, error>> closed_ones{};
    std::vector<std::string> texts{};
    std::vector<message_id> ids{};
    std::vector<session_id> origins{};
    std::vector<refusal> refusals{};
    std::vector<session::undelivered> lost{};
    std::vector<audit_event> audits{};
    bool takes = true;
    std::size_t persists = 0, sends = 0, writes = 0;
    std::optional<std::size_t> fail_persist{}, fail_send{};  ///< which one, counted from 0
    bool fail_all_persists = false;
    std::vector<std::size_t> batch_bytes{};
    std::vector<std::vector<std::string>> batches{};  ///< names of what was committed; erased ones with a `-` before

    result<void> persist(std::span<const record_change> changes) {
        if (fail_persist == persists++ || fail_all_persists) return fail(errc::io_failed);
        ++writes;
        auto& names = batches.emplace_back();
        auto& bytes = batch_bytes.emplace_back();
        for (const auto& one : changes) {
            names.push_back((one.bytes ? "" : "-") + std::string{one.name});
            bytes += one.name.size() + (one.bytes ? one.bytes->size() : 0);
        }
        return store.commit(changes);
    }
    result<void> send(const amid& to, std::string_view payload, wire::message_type type) {
        if (fail_send == sends++) return fail(errc::queue_full);
        sent.push_back({to, std::string{payload}, type});
        return {};
    }
    void opened(const session_info& info) { opened_ones.push_back(info); }
    bool received(const incoming& message) {
        texts.emplace_back(as_text(message.envelope));
        ids.push_back(message.id);
        origins.push_back(message.origin);
        return takes;
    }
    void refused(const refusal& no) { refusals.push_back(no); }
    void undelivered(const session::undelivered& what) { lost.push_back(what); }
    void closed(const session_info& info, const error& why) { closed_ones.emplace_back(info, why); }
    void wants_knock(const session_info& info) { wanted.push_back(info); }
    void audit(const audit_event& event) { audits.push_back(event); }

    [[nodiscard]] std::size_t count(audit_kind kind) const {
        return static_cast<std::size_t>(
            std::count_if(audits.begin(), audits.end(), [&](const auto& one) { return one.kind == kind; }));
    }
    /// The last event of a kind.
    [[nodiscard]] error why(audit_kind kind) const {
        for (auto at = audits.rbegin(); at != audits.rend(); ++at)
            if (at->kind == kind) return at->why;
        return {};
    }
};
static_assert(SessionSink<recorder>);
static_assert(PrekeySource<e2ee::prekey_store>);

inline constexpr e2ee::prekey_rules few_keys{.one_time_full = 24, .one_time_low = 4};  // 100 take longer to make

/// An agent with everything it needs, which may be restarted from its store.
class party {
public:
    using engine_type = engine<crypto::scripted_random, scripted_policy, e2ee::prekey_store>;

    party(local_identity who, std::uint64_t seed, engine_options chosen = {})
        : self{std::move(who)}, random{seed}, card{e2ee::identity_card::make(self, 1)}, options{std::move(chosen)} {
        (void)prekeys.maintain(self, out.store, random, epoch).value();
        mesh = std::make_unique<engine_type>(self, card, random, policy, prekeys, options);
    }

    [[nodiscard]] const amid& name() const { return self.name(); }

    /// A bundle with the next unspent one-time prekey, or without one.
    [[nodiscard]] e2ee::prekey_bundle bundle(bool one_time = true) {
        std::optional<std::uint32_t> id;
        if (one_time) {
            while (next_one_time <= few_keys.one_time_full && !prekeys.find_one_time(next_one_time)) ++next_one_time;
            if (next_one_time <= few_keys.one_time_full) id = next_one_time++;
        }
        return prekeys.bundle(card, id).value();
    }

    /// The process ends, without warning, and another takes up its store.
    result<void> restart(const moment& now) {
        e2ee::prekey_store read{few_keys};
        AGENTMESH_CHECK(read.restore(out.store, self));
        prekeys = std::move(read);
        return restart_engine(now);
    }
    result<void> restart_engine(const moment& now) {
        mesh = std::make_unique<engine_type>(self, card, random, policy, prekeys, options);
        return mesh->restore(out.store, now, out);
    }

    local_identity self;
    crypto::scripted_random random;
    e2ee::identity_card card;
    engine_options options;
    e2ee::prekey_store prekeys{few_keys};
    scripted_policy policy{};
    recorder out{};
    std::unique_ptr<engine_type> mesh{};
    std::uint32_t next_one_time = 1;
};

/// `a` has the smaller AMID.
class pair {
public:
    explicit pair(std::uint64_t seed = 1, const engine_options& options = {}) {
        crypto::scripted_random random{seed};
        auto one = local_identity::create(random, epoch).value();
        auto two = local_identity::create(random, epoch).value();
        if (two.name() < one.name()) std::swap(one, two);
        a = std::make_unique<party>(std::move(one), seed * 2 + 1000, options);
        b = std::make_unique<party>(std::move(two), seed * 2 + 1001, options);
    }

    [[nodiscard]] party& other(const party& one) { return &one == a.get() ? *b : *a; }
    void advance(duration by) { now = now + by; }

    /// Gives one of `from`'s frames to its peer.
    result<void> give(party& from, std::size_t index) {
        const auto frame = from.out.sent.at(index);
        return other(from).mesh->on_message(from.name(), frame.type, frame.payload, now, other(from).out);
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
    void tick() {
        (void)a->mesh->on_tick(now, a->out);
        (void)b->mesh->on_tick(now, b->out);
    }
    /// Lets time pass in steps, with ticks and deliveries.
    void pass(duration how_long, duration step = 1s) {
        for (duration gone{}; gone < how_long; gone += step) {
            advance(step);
            tick();
            settle();
        }
    }

    session_id knock(party& from, haste how = haste::wait_for_answer, bool one_time = true) {
        return from.mesh->knock(other(from).bundle(one_time), travel, wish, now, from.out, how).value();
    }
    /// An open session.
    session_id open(party& from) {
        const auto id = knock(from);
        settle();
        return id;
    }
    result<message_id> say(party& from, const session_id& id, std::string_view text) {
        return from.mesh->send(id, as_bytes(envelope(text)), now, from.out);
    }
    [[nodiscard]] static std::string envelope(std::string_view text, std::string_view type = "request") {
        return "{\"type\":\"" + std::string{type} + "\",\"text\":\"" + std::string{text} + "\"}";
    }

    std::unique_ptr<party> a, b;
    moment now{steady_point{1h}, epoch};
    intent travel{.category = "travel", .subcategory = "flights"};
    session_request wish{.kind = session_kind::conversation, .ttl_seconds = 3600, .expected_messages = 1000};
    std::size_t a_read = 0, b_read = 0;
};

}  // namespace session_test
