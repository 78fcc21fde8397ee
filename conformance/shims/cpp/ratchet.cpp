#include "conformance/shims/cpp/feed.hpp"
#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/session/knock_frame.hpp>

#include <memory>

namespace agentmesh::shim {
namespace {

// --- derivations, headers, sealed messages ----------------------------------------------------------------------

answer root_step(const arguments& in) {
    const auto root = secret_of<e2ee::root_key>(in.bytes("root"));
    const auto dh = secret_of<crypto::shared_secret>(in.bytes("dh"));
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        const auto made = e2ee::kdf_rk<decltype(suite)>(root, dh);
        return json{{"root", hex_of(made.root)}, {"chain", hex_of(made.chain)}};
    });
}

answer chain_step(const arguments& in) {
    const auto made = e2ee::kdf_ck(secret_of<e2ee::chain_key>(in.bytes("chain")));
    return json{{"message", hex_of(made.message)}, {"next", hex_of(made.next)}};
}

answer message_keys(const arguments& in) {
    const auto made = e2ee::expand<e2ee::am1>(secret_of<e2ee::message_key>(in.bytes("message")));
    return json{{"key", hex_of(made.key)}, {"nonce", to_hex(made.nonce.bytes())}};
}

answer write_header(const arguments& in) {
    const e2ee::ratchet_header header{value_of<exchange_public_key>(in.bytes("dh")), in.number<std::uint32_t>("pn"),
                                      in.number<std::uint32_t>("n")};
    return json{{"header", to_hex(e2ee::header_bytes(header))}};
}

answer prefix_of(const arguments& in) {
    const auto context =
        session::session_context(card_of(in.bytes("initiator_card")), card_of(in.bytes("responder_card")));
    const auto from = in["direction"] == 0 ? session::direction::from_initiator : session::direction::from_responder;
    return json{
        {"prefix", to_hex(session::message_context(context, value_of<crypto::sha256_digest>(in.bytes("bound_to")), from,
                                                   in.bytes("frame_head")))}};
}

/// Everything that stands before the sealed bytes, as the suite's AEAD gets it.
buffer data_of(const arguments& in) {
    auto out = in.bytes("prefix");
    const auto header = in.bytes("header");
    out.insert(out.end(), header.begin(), header.end());
    return out;
}

answer seal_message(const arguments& in) {
    const auto key = secret_of<e2ee::message_key>(in.bytes("message_key"));
    const auto ad = data_of(in), plain = in.bytes("plain"), nonce = in.bytes("nonce");
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        using S = decltype(suite);
        typename S::aead::nonce once{};
        if constexpr (S::nonce == e2ee::nonce_rule::random) once = value_of<typename S::aead::nonce>(nonce);
        buffer sealed(plain.size() + e2ee::overhead<S>);
        e2ee::seal_message<S>(sealed, key, once, ad, plain);
        return json{{"sealed", to_hex(sealed)}};
    });
}

answer open_message(const arguments& in) {
    const auto key = secret_of<e2ee::message_key>(in.bytes("message_key"));
    const auto ad = data_of(in), sealed = in.bytes("sealed");
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        using S = decltype(suite);
        buffer plain(sealed.size() < e2ee::overhead<S> ? 0 : sealed.size() - e2ee::overhead<S>);
        AGENTMESH_CHECK(e2ee::open_message<S>(plain, key, ad, sealed));
        return json{{"plain", to_hex(plain)}};
    });
}

answer restore(const arguments& in) {
    const auto bytes = in.bytes("bytes");
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        AGENTMESH_TRY(again, e2ee::restore<decltype(suite)>(bytes));
        return json{{"bytes", to_hex(e2ee::save(again))}};
    });
}

// --- conversations with the random numbers of the vectors -------------------------------------------------------

/// Gives out SHA-256 of "pair/A/0", "nonce/A/0" and so on; `keep` counts what the ratchet has taken over.
class counted_random {
public:
    explicit counted_random(char side) : side_{side} {}

    result<void> fill(std::span<std::uint8_t> out) {
        const bool pair = out.size() == 32;
        const auto text =
            std::string{pair ? "pair/" : "nonce/"} + side_ + "/" + std::to_string(pair ? pairs_ : nonces_);
        const auto bytes = crypto::sha256(as_bytes(text));
        if (out.size() > 32) return fail(errc::random_failed);
        std::copy_n(bytes.bytes().begin(), out.size(), out.begin());
        return {};
    }
    void kept_pair() noexcept { ++pairs_; }
    void kept_nonce() noexcept { ++nonces_; }

private:
    char side_;
    std::size_t pairs_ = 0, nonces_ = 0;
};

/// Both sides of one conversation.
template <class S>
class talk {
public:
    explicit talk(const arguments& in) : prefix_{in.bytes("prefix")}, side_{start_initiator(in), start_responder(in)} {}

    json step(const json& step_of) {
        const arguments one{step_of, nullptr};
        const auto what = one.text("do");
        const std::size_t who = one.text("by") == "A" ? 0 : 1;
        if (what == "open") return open(who, one.bytes("header"), one.bytes("sealed"));
        if (what == "stored") return {{"stored", side_[who].skipped()}};
        if (what == "snapshot") return {{"snapshot", to_hex(e2ee::save(side_[who]))}};
        if (what == "seal") return seal(who, one.bytes("plain"));
        json out;
        for (auto left = one.number<std::size_t>("count"); left > 0; --left) out = seal(who, {});
        return out;
    }

    json open(std::size_t who, const buffer& header_text, const buffer& sealed) {
        const auto header = need(e2ee::parse_header(header_text));
        buffer text;
        const auto turns = side_[who].turns();
        if (const auto done = side_[who].open(text, header, prefix_, sealed, random_[who]); !done) {
            refused_ = done.error();
            return {{"refused", class_of(refused_.code)}};
        }
        if (side_[who].turns() != turns) random_[who].kept_pair();
        return {{"plain", to_hex(text)}};
    }
    json seal(std::size_t who, const buffer& plain) {
        buffer sealed;
        const auto header = side_[who].seal(sealed, prefix_, plain, random_[who]);
        if (!header) {
            refused_ = header.error();
            return {{"refused", class_of(refused_.code)}};
        }
        random_[who].kept_nonce();
        return {{"header", to_hex(e2ee::header_bytes(*header))}, {"sealed", to_hex(sealed)}};
    }
    [[nodiscard]] const error& refused() const noexcept { return refused_; }

private:
    static e2ee::double_ratchet<S> start_initiator(const arguments& in) {
        return need(e2ee::double_ratchet<S>::initiate(secret_of<e2ee::root_key>(in.bytes("root")),
                                                      pair_of(in.bytes("initiator_private_key")),
                                                      pair_of(in.bytes("responder_private_key")).public_key()));
    }
    static e2ee::double_ratchet<S> start_responder(const arguments& in) {
        auto root = secret_of<e2ee::root_key>(in.bytes("root"));
        auto prekey = pair_of(in.bytes("responder_private_key"));
        if constexpr (S::id == e2ee::suite_id::am1)
            return need(e2ee::double_ratchet<S>::respond(std::move(root), prekey,
                                                         pair_of(in.bytes("initiator_private_key")).public_key(),
                                                         pair_of(in.bytes("responder_ratchet_private_key"))));
        else
            return e2ee::double_ratchet<S>::respond(std::move(root), std::move(prekey));
    }
    buffer prefix_;
    std::array<e2ee::double_ratchet<S>, 2> side_;
    std::array<counted_random, 2> random_{counted_random{'A'}, counted_random{'B'}};
    error refused_{};
};

/// Ends with `last`, one more message to seal or to open: a question that is to be refused is refused there.
answer converse(const arguments& in) {
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        talk<decltype(suite)> both{in};
        auto results = json::array();
        for (const auto& one : in["steps"]) results.push_back(both.step(one));
        if (in.has("last")) {
            const arguments last{in["last"], nullptr};
            const std::size_t who = last.text("by") == "A" ? 0 : 1;
            results.push_back(last.has("plain") ? both.seal(who, last.bytes("plain"))
                                                : both.open(who, last.bytes("header"), last.bytes("sealed")));
            if (results.back().contains("refused")) return fail(both.refused());
        }
        return json{{"results", results}};
    });
}

// --- sessions with the harness as the other side ----------------------------------------------------------------

/// One side of a session, whatever its suite.
struct live_side {
    virtual ~live_side() = default;
    virtual answer encrypt(const buffer& plain) = 0;
    virtual answer decrypt(const buffer& header, const buffer& sealed) = 0;
};

template <class S>
class live_ratchet final : public live_side {
public:
    live_ratchet(e2ee::double_ratchet<S> ratchet, buffer prefix, fed_random& random)
        : ratchet_{std::move(ratchet)}, prefix_{std::move(prefix)}, random_{random} {}

    answer encrypt(const buffer& plain) override {
        buffer sealed;
        AGENTMESH_TRY(header, ratchet_.seal(sealed, prefix_, plain, random_));
        return json{{"header", to_hex(e2ee::header_bytes(header))}, {"sealed", to_hex(sealed)}};
    }
    answer decrypt(const buffer& header_text, const buffer& sealed) override {
        AGENTMESH_TRY(header, e2ee::parse_header(header_text));
        buffer text;
        AGENTMESH_CHECK(ratchet_.open(text, header, prefix_, sealed, random_));
        return json{{"plain", to_hex(text)}};
    }

private:
    e2ee::double_ratchet<S> ratchet_;
    buffer prefix_;
    fed_random& random_;
};

using live_sides = std::map<std::string, std::unique_ptr<live_side>>;

template <class S>
answer start(const arguments& in, live_sides& into, fed_random& random) {
    auto root = secret_of<e2ee::root_key>(in.bytes("root"));
    if (into.contains(in.text("session"))) throw refused_by_shim{"order"};
    const bool initiator = in.text("role") == "initiator";
    auto own = random.pair();
    const auto key = to_hex(own.public_key().bytes());
    const auto keep = [&](e2ee::double_ratchet<S> made, json said) -> answer {
        into[in.text("session")] = std::make_unique<live_ratchet<S>>(std::move(made), in.bytes("prefix"), random);
        return said;
    };
    if (initiator) {
        AGENTMESH_TRY(made, e2ee::double_ratchet<S>::initiate(std::move(root), std::move(own),
                                                              value_of<exchange_public_key>(in.bytes("remote_key"))));
        return keep(std::move(made), {{"ratchet_key", key}});
    }
    auto prekey = pair_of(in.bytes("own_private_key"));
    if constexpr (S::id == e2ee::suite_id::am1) {
        AGENTMESH_TRY(
            made, e2ee::double_ratchet<S>::respond(
                      std::move(root), prekey, value_of<exchange_public_key>(in.bytes("remote_key")), std::move(own)));
        return keep(std::move(made), {{"ratchet_key", key}});
    } else {
        return keep(e2ee::double_ratchet<S>::respond(std::move(root), std::move(prekey)), json::object());
    }
}

live_side& side_of(const arguments& in, live_sides& from) {
    const auto found = from.find(in.text("session"));
    if (found == from.end()) throw refused_by_shim{"state"};
    return *found->second;
}

}  // namespace

void add_ratchet(operations& into, const std::shared_ptr<fed_random>& random) {
    into["ratchet.kdf_rk"] = root_step;
    into["ratchet.kdf_ck"] = chain_step;
    into["ratchet.message_keys"] = message_keys;
    into["ratchet.header.write"] = write_header;
    into["ratchet.am1.prefix"] = prefix_of;
    into["ratchet.message.seal"] = seal_message;
    into["ratchet.message.open"] = open_message;
    into["ratchet.snapshot.restore"] = restore;
    into["ratchet.conversation"] = converse;

    const auto sides = std::make_shared<live_sides>();
    into["ratchet.init"] = [sides, random](const arguments& in) {
        return with_suite(in.text("suite"), [&](auto suite) { return start<decltype(suite)>(in, *sides, *random); });
    };
    into["ratchet.encrypt"] = [sides](const arguments& in) { return side_of(in, *sides).encrypt(in.bytes("plain")); };
    into["ratchet.decrypt"] = [sides](const arguments& in) {
        return side_of(in, *sides).decrypt(in.bytes("header"), in.bytes("sealed"));
    };
}

}  // namespace agentmesh::shim
