// Our session engine, suite am1, as an agent uses it: envelopes in, base64 frames out, receipts, state handed over to
// be saved before each frame leaves (to a store that keeps nothing, so that disks are left out).
#pragma once

#include "bench/e2ee/contest.hpp"

#include <agentmesh/core/time.hpp>
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/session/engine.hpp>

#include <memory>

namespace bench::ours {

using namespace agentmesh;

struct yes_policy {
    session::verdict decide(const session::applicant&) {
        return session::verdict::accept(
            {.max_message_size_bytes = 64 * 1024, .max_messages = 0x7fff'ffff, .ttl_seconds = 24 * 3600});
    }
    [[nodiscard]] std::uint64_t generation() const { return 0; }
};

struct agent {
    using engine = session::engine<crypto::system_random, yes_policy, e2ee::prekey_store>;

    crypto::system_random random;
    local_identity self;
    e2ee::identity_card card;
    yes_policy policy;
    e2ee::prekey_store prekeys;
    memory_state store;
    std::vector<std::pair<std::string, wire::message_type>> sent;
    std::size_t arrived = 0;
    std::optional<session::session_id> open{};
    std::unique_ptr<engine> mesh;

    explicit agent(time_point now)
        : self{*local_identity::create(random, now)}, card{e2ee::identity_card::make(self, 1)} {
        session::engine_options chosen;
        chosen.max_sessions = 100'000;
        chosen.closed_sessions = 100'000;
        chosen.outbox_bytes = 8 * 1024 * 1024;
        if (!prekeys.maintain(self, store, random, now)) broken("no prekeys");
        mesh = std::make_unique<engine>(self, card, random, policy, prekeys, chosen);
    }

    // SessionSink
    result<void> persist(std::span<const record_change>) { return {}; }
    result<void> send(const amid&, std::string_view payload, wire::message_type type) {
        sent.emplace_back(payload, type);
        return {};
    }
    void opened(const session::session_info& info) { open = info.id; }
    bool received(const session::incoming&) {
        ++arrived;
        return true;
    }
    void refused(const session::refusal&) { broken("our KNOCK was refused"); }
    void undelivered(const session::undelivered&) {}  // its receipt, when a session is revoked between two rounds
    void closed(const session::session_info&, const error&) {}
    void wants_knock(const session::session_info&) {}
    void audit(const session::audit_event&) {}
};

struct conversation {
    moment now{steady_point{std::chrono::hours{1}}, *parse_time("2026-01-01T00:00:00Z")};
    agent a{now.wall}, b{now.wall};
    session::session_id id{};
    std::uint64_t count = 0;
    std::string envelope;

    void settle() {
        while (!a.sent.empty() || !b.sent.empty()) {
            pass(a, b);
            pass(b, a);
        }
    }
    void pass(agent& from, agent& to) {
        for (const auto& [payload, type] : std::exchange(from.sent, {}))
            if (!to.mesh->on_message(from.self.name(), type, payload, now, to)) broken("not persisted");
        if (const auto due = to.mesh->next_deadline(); due && *due <= now.steady)
            if (!to.mesh->on_tick(now, to)) broken("not persisted");
    }
    void establish(const e2ee::prekey_bundle& with) {
        const auto asked = a.mesh->knock(with, {.category = "bench"},
                                         {.ttl_seconds = 24 * 3600, .expected_messages = 0x7fff'ffff}, now, a);
        if (!asked) broken("no KNOCK");
        id = *asked;
        settle();
    }
    /// JSON of exactly `size` bytes, no two alike.
    void fill(std::size_t size) {
        const auto number = std::to_string(++count);
        envelope = R"({"type":"request","n":")" + number + R"(","x":")";
        envelope.append(size - envelope.size() - 2, 'x').append("\"}");
    }
    void one_way(std::size_t size) { talk(a, b, size); }
    void talk(agent& from, agent& to, std::size_t size) {
        fill(size);
        const auto before = to.arrived;
        if (const auto sent = from.mesh->send(id, as_bytes(envelope), now, from); !sent)
            broken(("cannot send: " + to_string(sent.error())).c_str());
        settle();
        if (to.arrived != before + 1) broken("a message did not arrive");
    }
};

/// A KNOCK written, made canonical and signed, then read, made canonical and verified; and signing and verifying alone.
inline void enter_knock(std::vector<contestant>& all) {
    crypto::system_random random;
    const auto self =
        std::make_shared<local_identity>(*local_identity::create(random, *parse_time("2026-01-01T00:00:00Z")));
    session::knock_content content{.from = self->name(), .to = self->name()};
    content.what = {.category = "travel", .subcategory = "flights", .action = "search"};
    content.suites = {"am1"};
    content.features = {"receipts"};
    content.timestamp = "2026-01-01T00:00:00Z";
    all.push_back({"knock", "session am1", 500, {}, [self, content](std::size_t n) {
                       const crypto::sha256_digest context;
                       for (std::size_t i = 0; i < n; ++i) {
                           const auto text = session::write_knock(content, context, self->signing());
                           if (!session::parse_knock(text, context, self->signing().public_key()))
                               broken("KNOCK refused");
                       }
                   }});
    all.push_back({"knock", "floor", 500, {}, [self](std::size_t n) {
                       const buffer text(400, 'x');
                       for (std::size_t i = 0; i < n; ++i)
                           if (!crypto::verify(self->signing().public_key(), text, self->signing().sign(text)))
                               broken("no signature");
                   }});
}

inline void enter_session(std::vector<contestant>& all, const std::vector<std::size_t>& sizes) {
    const auto one = std::make_shared<conversation>();
    one->establish(*one->b.prekeys.bundle(one->b.card, std::nullopt));
    for (const auto size : sizes) {
        if (size > 32 * 1024) continue;  // a frame holds 48 KiB of plaintext at most
        all.push_back({"one way " + std::to_string(size),
                       "session am1",
                       5'000 * 256 / (size + 256),
                       {},
                       [one, size](std::size_t n) {
                           for (std::size_t i = 0; i < n; ++i) one->one_way(size);
                       }});
    }
    all.push_back({"turn 256", "session am1", 300, {}, [one](std::size_t n) {
                       for (std::size_t i = 0; i < n; ++i)
                           i % 2 ? one->talk(one->a, one->b, 256) : one->talk(one->b, one->a, 256);
                   }});
    // KNOCK, ACCEPT and a first message, every signature made and checked. Two agents are good for as many sessions as
    // they have one-time keys.
    const auto fresh = std::make_shared<std::vector<std::pair<std::unique_ptr<conversation>, e2ee::prekey_bundle>>>();
    all.push_back({"establish", "session am1", 50,
                   [fresh](std::size_t n) {
                       fresh->clear();
                       for (std::size_t i = 0; i < n; ++i) {
                           auto made = std::make_unique<conversation>();
                           auto bundle = *made->b.prekeys.bundle(made->b.card, 1);
                           fresh->emplace_back(std::move(made), std::move(bundle));
                       }
                   },
                   [fresh](std::size_t n) {
                       for (std::size_t i = 0; i < n; ++i) {
                           (*fresh)[i].first->establish((*fresh)[i].second);
                           (*fresh)[i].first->one_way(256);
                       }
                   }});
}

}  // namespace bench::ours
