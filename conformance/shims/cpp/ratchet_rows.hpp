// Rows of vectors/ratchet asked of the library, for the shim and for the library's own tests.
#pragma once

#include "conformance/shims/cpp/values.hpp"

#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/session/knock_frame.hpp>

namespace agentmesh::shim::ratchet_rows {

// --- derivations, headers, sealed messages ----------------------------------------------------------------------

inline answer root_step(const arguments& in) {
    const auto root = secret_of<e2ee::root_key>(in.bytes("root"));
    const auto dh = secret_of<crypto::shared_secret>(in.bytes("dh"));
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        const auto made = e2ee::kdf_rk<decltype(suite)>(root, dh);
        return json{{"root", hex_of(made.root)}, {"chain", hex_of(made.chain)}};
    });
}

inline answer chain_step(const arguments& in) {
    const auto made = e2ee::kdf_ck(secret_of<e2ee::chain_key>(in.bytes("chain")));
    return json{{"message", hex_of(made.message)}, {"next", hex_of(made.next)}};
}

inline answer message_keys(const arguments& in) {
    const auto made = e2ee::expand<e2ee::am1>(secret_of<e2ee::message_key>(in.bytes("message")));
    return json{{"key", hex_of(made.key)}, {"nonce", to_hex(made.nonce.bytes())}};
}

inline answer write_header(const arguments& in) {
    const e2ee::ratchet_header header{value_of<exchange_public_key>(in.bytes("dh")), in.number<std::uint32_t>("pn"),
                                      in.number<std::uint32_t>("n")};
    const auto bytes = e2ee::header_bytes(header);
    demand(need(e2ee::parse_header(bytes)) == header, "a header is read otherwise than it was written");
    return json{{"header", to_hex(bytes)}};
}

inline answer prefix_of(const arguments& in) {
    const auto context =
        session::session_context(card_of(in.bytes("initiator_card")), card_of(in.bytes("responder_card")));
    const auto from = in["direction"] == 0 ? session::direction::from_initiator : session::direction::from_responder;
    return json{
        {"prefix", to_hex(session::message_context(context, value_of<crypto::sha256_digest>(in.bytes("bound_to")), from,
                                                   in.bytes("frame_head")))}};
}

/// Everything that stands before the sealed bytes, as the suite's AEAD gets it.
inline buffer data_of(const arguments& in) {
    auto out = in.bytes("prefix");
    const auto header = in.bytes("header");
    out.insert(out.end(), header.begin(), header.end());
    return out;
}

inline answer seal_message(const arguments& in) {
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

inline answer open_message(const arguments& in) {
    const auto key = secret_of<e2ee::message_key>(in.bytes("message_key"));
    const auto ad = data_of(in), sealed = in.bytes("sealed");
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        using S = decltype(suite);
        buffer plain(sealed.size() < e2ee::overhead<S> ? 0 : sealed.size() - e2ee::overhead<S>);
        AGENTMESH_CHECK(e2ee::open_message<S>(plain, key, ad, sealed));
        return json{{"plain", to_hex(plain)}};
    });
}

inline answer restore(const arguments& in) {
    const auto bytes = in.bytes("bytes");
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        AGENTMESH_TRY(again, e2ee::restore<decltype(suite)>(bytes));
        demand(std::ranges::equal(e2ee::save(again), bytes), "a snapshot is saved otherwise than it was restored");
        return json::object();
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

/// What a step is refused with: a class for the harness, the word of the vectors for a test.
using refusal_word = std::string_view (*)(errc);

/// Both sides of one conversation.
template <class S>
class talk {
public:
    talk(const arguments& in, refusal_word word)
        : word_{word}, prefix_{in.bytes("prefix")}, side_{start_initiator(in), start_responder(in)} {}

    json step(const arguments& one) {
        if (one.has("name")) (void)one.text("name");  // for people
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
        const auto before = e2ee::save(side_[who]);
        if (const auto done = side_[who].open(text, header, prefix_, sealed, random_[who]); !done) {
            demand(e2ee::save(side_[who]) == before, "a message that is refused changes the state");
            refused_ = done.error();
            return {{"refused", word_(refused_.code)}};
        }
        if (side_[who].turns() != turns) random_[who].kept_pair();
        return {{"plain", to_hex(text)}};
    }
    json seal(std::size_t who, const buffer& plain) {
        buffer sealed;
        const auto header = side_[who].seal(sealed, prefix_, plain, random_[who]);
        if (!header) {
            refused_ = header.error();
            return {{"refused", word_(refused_.code)}};
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
    refusal_word word_;
    buffer prefix_;
    std::array<e2ee::double_ratchet<S>, 2> side_;
    std::array<counted_random, 2> random_{counted_random{'A'}, counted_random{'B'}};
    error refused_{};
};

/// Ends with `last`, one more message to seal or to open: a question that is to be refused is refused there.
inline answer converse(const arguments& in, refusal_word word) {
    return with_suite(in.text("suite"), [&](auto suite) -> answer {
        talk<decltype(suite)> both{in, word};
        auto results = json::array();
        for (const auto& one : in["steps"]) results.push_back(both.step(in.of(one)));
        if (in.has("last")) {
            const auto last = in.of(in["last"]);
            const std::size_t who = last.text("by") == "A" ? 0 : 1;
            results.push_back(last.has("plain") ? both.seal(who, last.bytes("plain"))
                                                : both.open(who, last.bytes("header"), last.bytes("sealed")));
            if (results.back().contains("refused")) return fail(both.refused());
        }
        return json{{"results", results}};
    });
}

}  // namespace agentmesh::shim::ratchet_rows

namespace agentmesh::shim {

/// @param word  what stands for a step that is refused
inline void add_ratchet_rows(operations& into, ratchet_rows::refusal_word word) {
    using namespace ratchet_rows;
    into["ratchet.kdf_rk"] = root_step;
    into["ratchet.kdf_ck"] = chain_step;
    into["ratchet.message_keys"] = message_keys;
    into["ratchet.header.write"] = write_header;
    into["ratchet.am1.prefix"] = prefix_of;
    into["ratchet.message.seal"] = seal_message;
    into["ratchet.message.open"] = open_message;
    into["ratchet.snapshot.restore"] = restore;
    into["ratchet.conversation"] = [word](const arguments& in) { return converse(in, word); };
}

}  // namespace agentmesh::shim
