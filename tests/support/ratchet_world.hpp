// Two sides of a session, a network that does what it likes, and beside each side the naive ratchet as its model.
//
// A schedule is bytes, four an operation: what, which side, and a number. Properties draw schedules from seeds, the
// fuzzer from coverage. Every operation checks: what the model opens is opened with the same text, what it refuses is
// refused with the same error, a refusal changes no byte of the saved state, and both sides seal the same bytes.
#pragma once

#include <agentmesh/e2ee/snapshot.hpp>

#include "tests/support/naive_ratchet.hpp"

#include <stdexcept>

namespace ratchet_test {

/// The library and its model disagree, or one of them broke a rule.
struct divergence : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class act : std::uint8_t {
    send,
    deliver,         ///< the newest frame to this side
    deliver_any,     ///< any frame ever sent to this side: late, again, out of order
    tamper_header,   ///< one bit of dh, pn or n
    tamper_body,     ///< one bit of what was sealed
    cut,             ///< a shorter or longer body
    mix,             ///< the header of one frame on the body of another
    wrong_data,      ///< other associated data
    reflect,         ///< a frame back to its sender
    invent,          ///< a header that nobody sent
    restart,         ///< save, restore, go on with what was restored
    no_randomness,   ///< the random source fails
    burst,           ///< many frames that are sent and not delivered yet
    small_order,     ///< a ratchet key whose result is zero
    learn,           ///< the initiator is told the responder's first key, as by an ACCEPT
    count_,
};

/// How often each thing happened.
struct tally {
    std::uint64_t sent = 0, opened = 0, refused = 0, tampered = 0, restarts = 0;

    tally& operator+=(const tally& more) {
        sent += more.sent, opened += more.opened, refused += more.refused;
        tampered += more.tampered, restarts += more.restarts;
        return *this;
    }
};

template <RatchetSuite S>
class ratchet_world {
public:
    using ratchet = agentmesh::e2ee::double_ratchet<S>;

    /// @param accepted  the responder has taken a step of its own and may speak at once; only where the suite has that
    explicit ratchet_world(std::uint64_t seed, bool accepted = false)
        : random_{seed},
          accepted_{accepted},
          root_{draw32()},
          at_{draw32()[0]},
          stride_{draw32()[0] | std::size_t{1}},
          first_{take_scalar()},
          second_{take_scalar()},
          third_{take_scalar()},
          sides_{side{start_initiator(), naive_ratchet<S>::initiate(root_, first_, plain_public(second_))},
                 side{start_responder(accepted), accepted ? naive_ratchet<S>::respond(root_, second_,
                                                                                      plain_public(first_), third_)
                                                          : naive_ratchet<S>::respond(root_, second_)}} {}

    void run(byte_view schedule) {
        for (std::size_t i = 0; i + 4 <= schedule.size(); i += 4)
            apply(static_cast<act>(schedule[i] % static_cast<std::uint8_t>(act::count_)), schedule[i + 1] % 2u,
                  static_cast<std::uint32_t>(schedule[i + 2]) << 8 | schedule[i + 3]);
        finish();
    }

    void apply(act what, std::size_t who, std::uint32_t number) {
        auto& to = sides_[who];
        const auto& inbox = sides_[1 - who].sent;  // all that was ever sent to this side
        if (what == act::send) return send(who, number % 100);
        if (what == act::burst) {
            for (std::uint32_t i = 0, count = number % (S::max_skip + 3); i < count && to.sent.size() < 4000; ++i)
                send(who, 0);
            return;
        }
        if (what == act::restart) return restart(to);
        if (what == act::learn) return learn();
        if (what == act::no_randomness) return without_randomness(who, number);
        if (what == act::invent || what == act::small_order) {
            frame forged{{}, buffer(agentmesh::e2ee::overhead<S> + number % 40, 0x5A), {}};
            if (what == act::invent) {
                forged.header.dh = exchange_public_key{known_keys()[number / 13 % known_keys().size()]};
                forged.header.n = number % 7 == 0 ? number * 40'009u : number % 5;
                forged.header.pn = number % 11 == 0 ? number * 90'001u : number % 3;
            }
            return refuse(to, forged, prefix());
        }
        if (what == act::reflect) {
            if (!to.sent.empty()) refuse(to, to.sent[number % to.sent.size()], prefix());
            return;
        }
        if (inbox.empty()) return;
        const std::size_t recent = std::min<std::size_t>(inbox.size(), 6);
        const auto& chosen = what == act::deliver       ? inbox.back()
                             : what == act::deliver_any ? inbox[number % inbox.size()]
                                                        : inbox[inbox.size() - 1 - number % recent];
        const std::uint32_t where = number / 6;
        auto changed = chosen;
        switch (what) {
            case act::tamper_header: {
                auto bytes = agentmesh::e2ee::header_bytes(changed.header);
                // Half of the changes hit the numbers, which are a fifth of the bytes.
                const std::size_t bit = where % 2 == 0 ? where / 2 % 320 : 256 + where / 2 % 64;
                bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
                changed.header = agentmesh::e2ee::parse_header(bytes).value();
                // A bit of pn is invisible to a suite that does not bind the header: the model says what it does.
                if (!S::binds_header && bit >= 256 && bit < 288) return (void)deliver(to, changed, prefix());
                return refuse(to, changed, prefix());
            }
            case act::tamper_body:
                changed.sealed[where / 8 % changed.sealed.size()] ^= static_cast<std::uint8_t>(1u << where % 8);
                return refuse(to, changed, prefix());
            case act::cut: {
                const std::size_t size = where % (changed.sealed.size() + 4);
                if (size == changed.sealed.size()) return;
                changed.sealed.resize(size);
                return refuse(to, changed, prefix());
            }
            case act::mix:
                changed.header = inbox[where % inbox.size()].header;
                if (changed.header.dh == chosen.header.dh && changed.header.n == chosen.header.n) return;
                return refuse(to, changed, prefix());
            case act::wrong_data:
                if (!S::binds_header) return (void)deliver(to, chosen, agentmesh::as_bytes("another"));
                return refuse(to, chosen, agentmesh::as_bytes("another"));
            default: return (void)deliver(to, chosen, prefix());
        }
    }

    /// After whatever happened, one clean exchange works: unless a side has fallen further behind than is ruled.
    void finish() {
        for (const std::size_t who : {0u, 1u, 0u, 1u}) {
            if (!sides_[who].real.can_send()) continue;
            send(who, 10);
            const auto before = counted_.opened;
            deliver(sides_[1 - who], sides_[who].sent.back(), prefix());
            if (counted_.opened == before) return;  // the model agreed that this one is too far
        }
        for (auto& one : sides_) {
            restart(one);
            forgotten(one);
        }
    }

    [[nodiscard]] const tally& counted() const noexcept { return counted_; }

private:
    struct frame {
        ratchet_header header;
        buffer sealed;
        buffer text;
        bool opened = false;
    };
    struct side {
        ratchet real;
        naive_ratchet<S> model;
        std::vector<frame> sent{};
        std::set<std::pair<exchange_public_key, std::uint32_t>> names{};  // of what it sent
    };

    static void expect(bool holds, const char* what) {
        if (!holds) throw divergence{what};
    }
    static byte_view prefix() { return agentmesh::as_bytes("what both sides know"); }

    bytes32 draw32() {
        bytes32 out;
        (void)random_.fill(out);  // an endless source
        return out;
    }

    /// The same random bytes in every world: X25519 costs more than all else that a schedule does, and over few keys
    /// its results can be remembered (see properties/e2ee/remembered_x25519.cpp). Root keys are drawn anew, so that no
    /// two worlds share a key of a chain or of a message.
    static const std::array<bytes32, 128>& known_keys() {
        static const auto made = [] {
            std::array<bytes32, 128> out;
            agentmesh::crypto::scripted_random random{0x25519};
            for (auto& one : out) (void)random.fill(one);  // an endless source
            return out;
        }();
        return made;
    }
    /// The scalar that the next turn gets. No two sides of a world ever have the same, nor does one side twice: the
    /// stride is odd, so that it meets each of the known once, and whoever takes more draws them.
    bytes32 next_scalar() {
        const auto& all = known_keys();
        return taken_ < all.size() ? all[(at_ + taken_ * stride_) % all.size()] : draw32();
    }
    bytes32 take_scalar() {
        const auto out = next_scalar();
        ++taken_;
        return out;
    }

    template <class Secret>
    static Secret secret(const bytes32& bytes) {
        return Secret::from(bytes).value();
    }
    static agentmesh::exchange_key_pair pair_of(const bytes32& scalar) {
        return agentmesh::exchange_key_pair{secret<agentmesh::exchange_secret_key>(scalar)};
    }
    ratchet start_initiator() {
        return ratchet::initiate(secret<agentmesh::e2ee::root_key>(root_), pair_of(first_), plain_public(second_))
            .value();
    }
    ratchet start_responder(bool accepted) {
        auto root = secret<agentmesh::e2ee::root_key>(root_);
        if constexpr (S::start == start_up::at_once)
            if (accepted)
                return ratchet::respond(std::move(root), pair_of(second_), plain_public(first_), pair_of(third_))
                    .value();
        return ratchet::respond(std::move(root), pair_of(second_));
    }
    static agentmesh::crypto::scripted_random script(const bytes32& bytes) {
        return agentmesh::crypto::scripted_random{buffer{bytes.begin(), bytes.end()}};
    }

    void send(std::size_t who, std::uint32_t size) {
        auto& from = sides_[who];
        const auto drawn = draw32();
        auto random = script(drawn);
        buffer text(size);
        for (auto& byte : text) byte = static_cast<std::uint8_t>(from.sent.size() + size);
        buffer out{0xAB};
        expect(from.real.can_send() == from.model.can_send(), "model and library disagree on who may send");
        if (!from.model.can_send()) {
            const auto before = save(from.real);
            const auto refused = from.real.seal(out, prefix(), text, random);
            expect(!refused && refused.error().code == errc::ratchet_not_ready, "sealed without a chain");
            expect(out.size() == 1 && save(from.real) == before, "a refused seal changed something");
            return;
        }
        const auto announced = from.real.next_header();
        const auto header = from.real.seal(out, prefix(), text, random);
        expect(header.has_value() && *header == announced, "did not seal as announced");
        const auto [expected, sealed] =
            from.model.seal(prefix(), text, byte_view{drawn}.first(S::aead::nonce::size));
        expect(*header == expected, "another header than the model's");
        expect(out[0] == 0xAB, "what stood in the output was overwritten");
        out.erase(out.begin());
        expect(out == sealed, "other bytes than the model's");
        expect(from.names.emplace(header->dh, header->n).second, "one number twice in a chain");
        from.sent.push_back({*header, std::move(out), std::move(text), false});
        ++counted_.sent;
    }

    /// Delivers, and checks the outcome against the model's.
    bool deliver(side& to, const frame& what, byte_view data) {
        const auto drawn = next_scalar();
        auto random = script(drawn);
        const auto before = save(to.real);
        buffer text{0xCD}, expected;
        const bool was_finished = to.model.finished.contains(what.header.dh);
        const auto refused = to.model.open(expected, what.header, data, what.sealed, drawn);
        const auto done = to.real.open(text, what.header, data, what.sealed, random);
        expect(text.size() >= 1 && text[0] == 0xCD, "what stood in the output was overwritten");
        expect(done.has_value() == !refused, "one opened what the other refused");
        if (refused) {
            ++counted_.refused;
            expect(text.size() == 1, "a refused message left text behind");
            expect(save(to.real) == before, "a refused message changed the state");
            const auto code = done.error().code;
            // Chains that ended long ago are no longer known by name; their messages then fail as any forgery does.
            const bool long_ago = was_finished && (code == errc::bad_tag || code == errc::too_far);
            const bool short_body = what.sealed.size() < agentmesh::e2ee::overhead<S> && code == errc::bad_tag;
            expect(code == *refused || long_ago || short_body, "refused for another reason than the model");
            return false;
        }
        ++counted_.opened;
        if (to.model.scalar == drawn) ++taken_;
        text.erase(text.begin());
        expect(text == expected, "opened to another text");
        expect(to.real.turns() == to.model.turns, "counts turns otherwise");
        expect(to.real.skipped() == to.model.waiting.size(), "keeps another number of keys");
        // Whoever sent it: each opens once. The frame is found again by its name.
        for (auto& other : sides_)
            for (auto& one : other.sent)
                if (&other != &to && one.header.dh == what.header.dh && one.header.n == what.header.n) {
                    expect(!one.opened, "a message opened twice");
                    expect(one.text == text, "opened to what was not sent");
                    one.opened = true;
                    return true;
                }
        throw divergence{"opened a message that nobody sent"};
    }

    /// Delivers what must not open.
    void refuse(side& to, const frame& what, byte_view data) {
        ++counted_.tampered;
        expect(!deliver(to, what, data), "opened a changed message");
    }

    void restart(side& one) {
        const auto saved = save(one.real);
        auto again = agentmesh::e2ee::restore<S>(saved);
        expect(again.has_value(), "refused its own snapshot");
        expect(save(*again) == saved, "restored to another state");
        one.real = *std::move(again);
        ++counted_.restarts;
    }

    void learn() {
        if constexpr (S::start == start_up::at_once) {
            auto& to = sides_[0];
            if (!accepted_) return;
            const auto key = plain_public(third_);
            const auto drawn = take_scalar();
            auto random = script(drawn);
            const auto before = save(to.real);
            const auto done = to.real.step(key, random);
            if (to.model.receiving) {
                expect(done.has_value() == (to.model.remote == key), "learned a second first key");
                expect(save(to.real) == before, "learning again changed something");
            } else {
                to.model.learn(key, drawn);
                expect(done.has_value() && to.real.turns() == to.model.turns, "did not learn a key");
            }
        }
    }

    void without_randomness(std::size_t who, std::uint32_t number) {
        auto& one = sides_[who];
        const auto& inbox = sides_[1 - who].sent;
        agentmesh::crypto::scripted_random empty{buffer{}};
        const auto before = save(one.real);
        buffer out;
        if (number % 2 == 0) {
            if (S::nonce == nonce_rule::derived || !one.real.can_send()) return;
            const auto sealed = one.real.seal(out, prefix(), {}, empty);
            expect(!sealed && sealed.error().code == errc::random_failed, "sealed without randomness");
        } else {
            if (inbox.empty()) return;
            const auto& what = inbox[number / 2 % inbox.size()];
            if (one.model.remote == what.header.dh && one.model.receiving) return;  // needs none
            if (one.model.waiting.contains({what.header.dh, what.header.n})) return;
            expect(!one.real.open(out, what.header, prefix(), what.sealed, empty), "a turn without randomness");
        }
        expect(out.empty() && save(one.real) == before, "a failing random source changed something");
    }

    /// No key of a message that was sealed or opened is left in the saved state.
    static void forgotten(const side& one) {
        const auto saved = save(one.real);
        for (const auto& key : one.model.spent)
            expect(std::search(saved.begin(), saved.end(), key.begin(), key.end()) == saved.end(),
                   "a used message key is still there");
    }

    agentmesh::crypto::scripted_random random_;
    bool accepted_;
    std::size_t taken_ = 0;  // of the known keys
    bytes32 root_;
    std::size_t at_, stride_;  // the order in which this world takes them
    bytes32 first_, second_, third_;
    std::array<side, 2> sides_;
    tally counted_{};
};

}  // namespace ratchet_test
