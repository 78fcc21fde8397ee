// vectors/ratchet against e2ee/.
#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>
#include <agentmesh/session/knock_frame.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

/// Calls `use` with the suite that a row names.
template <class Use>
auto with_suite(const std::string& name, Use use) {
    const auto id = e2ee::parse_suite(name);
    REQUIRE(id);
    switch (*id) {
        case e2ee::suite_id::am1: return use(e2ee::am1{});
        case e2ee::suite_id::v02: return use(e2ee::v02{});
        case e2ee::suite_id::wire10: return use(e2ee::wire10{});
        case e2ee::suite_id::wire10_legacy: break;
    }
    return use(e2ee::wire10_legacy{});
}

template <class Secret>
Secret secret_of(const buffer& bytes) {
    auto out = Secret::from(bytes);
    REQUIRE(out);
    return *std::move(out);
}

template <class Secret>
vectors::json hex_of(const Secret& value) {
    return to_hex(value.reveal());
}

TEST_CASE("keys, headers and associated data of the ratchet are as in the vectors",
          "[vectors][e2ee][AM-RAT-001][AM-RAT-002][AM-RAT-003][AM-RAT-004][AM-RAT-005]") {
    const auto card = [](const row& of, const char* name) {
        const auto bytes = from_hex(of.shared.at(name).get<std::string>());
        REQUIRE(bytes);
        auto out = e2ee::identity_card::parse(*bytes);
        REQUIRE(out);
        return *std::move(out);
    };
    const auto rows = for_each_row(
        "ratchet/keys",
        {
            {"kdf_rk", by([](fields& in, const row&) -> outcome {
                 const auto root = secret_of<e2ee::root_key>(in.bytes("root"));
                 const auto dh = secret_of<crypto::shared_secret>(in.bytes("dh"));
                 return with_suite(in.text("suite"), [&](auto suite) -> outcome {
                     const auto made = e2ee::kdf_rk<decltype(suite)>(root, dh);
                     return answer{.output = {{"root", hex_of(made.root)}, {"chain", hex_of(made.chain)}}};
                 });
             })},
            {"kdf_ck", by([](fields& in, const row&) -> outcome {
                 const auto made = e2ee::kdf_ck(secret_of<e2ee::chain_key>(in.bytes("chain")));
                 return answer{.output = {{"message", hex_of(made.message)}, {"next", hex_of(made.next)}}};
             })},
            {"message_keys", by([](fields& in, const row&) -> outcome {
                 const auto made = e2ee::expand<e2ee::am1>(secret_of<e2ee::message_key>(in.bytes("message")));
                 return answer{.output = {{"key", hex_of(made.key)}, {"nonce", to_hex(made.nonce.bytes())}}};
             })},
            {"header.write", by([](fields& in, const row&) -> outcome {
                 const auto key = fixed<exchange_public_key>(in.bytes("dh"));
                 REQUIRE(key);
                 const e2ee::ratchet_header header{*key, in["pn"].get<std::uint32_t>(), in["n"].get<std::uint32_t>()};
                 const auto bytes = e2ee::header_bytes(header);
                 CHECK(e2ee::parse_header(bytes) == header);
                 return answer{.output = {{"header", to_hex(bytes)}}};
             })},
            {"am1.prefix", by([&](fields& in, const row& of) -> outcome {
                 const auto bound_to = fixed<crypto::sha256_digest>(in.bytes("bound_to"));
                 REQUIRE(bound_to);
                 const auto context = session::session_context(card(of, "initiator_card"), card(of, "responder_card"));
                 const auto from =
                     in["direction"] == 0 ? session::direction::from_initiator : session::direction::from_responder;
                 return answer{.output = {{"prefix", to_hex(session::message_context(context, *bound_to, from,
                                                                                     in.bytes("frame_head")))}}};
             })},
        });
    CHECK(rows >= 30);
}

TEST_CASE("sealed messages are made and opened as in the vectors",
          "[vectors][e2ee][AM-RAT-006][AM-RAT-007][AM-RAT-008][AM-RAT-009]") {
    // Everything that stands before the sealed bytes, as the suite's AEAD gets it.
    const auto data = [](fields& in) {
        auto out = in.bytes("prefix");
        const auto header = in.bytes("header");
        out.insert(out.end(), header.begin(), header.end());
        return out;
    };
    const auto rows = for_each_row(
        "ratchet/sealed",
        {
            {"message.seal", by([&](fields& in, const row&) -> outcome {
                 const auto key = secret_of<e2ee::message_key>(in.bytes("message_key"));
                 const auto ad = data(in);
                 const auto plain = in.bytes("plain"), nonce = in.bytes("nonce");
                 return with_suite(in.text("suite"), [&](auto suite) -> outcome {
                     using S = decltype(suite);
                     typename S::aead::nonce once;
                     if constexpr (S::nonce == e2ee::nonce_rule::random) {
                         REQUIRE(nonce.size() == once.size);
                         std::copy(nonce.begin(), nonce.end(), once.storage().begin());
                     } else {
                         REQUIRE(nonce.empty());
                     }
                     buffer sealed(plain.size() + e2ee::overhead<S>);
                     e2ee::seal_message<S>(sealed, key, once, ad, plain);
                     return answer{.output = {{"sealed", to_hex(sealed)}}};
                 });
             })},
            {"message.open", by([&](fields& in, const row&) -> outcome {
                 const auto key = secret_of<e2ee::message_key>(in.bytes("message_key"));
                 const auto ad = data(in);
                 const auto sealed = in.bytes("sealed");
                 return with_suite(in.text("suite"), [&](auto suite) -> outcome {
                     using S = decltype(suite);
                     buffer plain(sealed.size() < e2ee::overhead<S> ? 0 : sealed.size() - e2ee::overhead<S>);
                     AGENTMESH_CHECK(e2ee::open_message<S>(plain, key, ad, sealed));
                     return answer{.output = {{"plain", to_hex(plain)}}};
                 });
             })},
        });
    CHECK(rows >= 120);
}

/// Gives out SHA-256 of "pair/A/0", "nonce/A/0" and so on; `keep` counts what the ratchet has taken over.
class counted_random {
public:
    explicit counted_random(char side) : side_{side} {}

    result<void> fill(std::span<std::uint8_t> out) {
        const bool pair = out.size() == 32;
        const std::string text =
            std::string{pair ? "pair/" : "nonce/"} + side_ + "/" + std::to_string(pair ? pairs_ : nonces_);
        const auto bytes = crypto::sha256(as_bytes(text));
        REQUIRE(out.size() <= 32);
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
    explicit talk(fields& in) : prefix_{in.bytes("prefix")}, side_{start_initiator(in), start_responder(in)} {}

    vectors::json step(fields& one) {
        const auto what = one.text("do"), by = one.text("by");
        const std::size_t who = by == "A" ? 0 : 1;
        if (what == "open") return open(who, one.bytes("header"), one.bytes("sealed"));
        if (what == "stored") return {{"stored", side_[who].skipped()}};
        if (what == "snapshot") return {{"snapshot", to_hex(e2ee::save(side_[who]))}};
        one.text("name");
        if (what == "seal") return seal(who, one.bytes("plain"));
        REQUIRE(what == "seal_many");
        vectors::json out;
        for (auto left = one["count"].get<std::size_t>(); left > 0; --left) out = seal(who, {});
        return out;
    }

    vectors::json open(std::size_t who, const buffer& header_text, const buffer& sealed) {
        const auto header = e2ee::parse_header(header_text);
        REQUIRE(header);
        const auto before = e2ee::save(side_[who]);
        buffer text;
        const auto turns = side_[who].turns();
        if (const auto done = side_[who].open(text, *header, prefix_, sealed, random_[who]); !done) {
            CHECK(e2ee::save(side_[who]) == before);
            refused_ = done.error();
            return {{"refused", word(refused_.code)}};
        }
        if (side_[who].turns() != turns) random_[who].kept_pair();
        return {{"plain", to_hex(text)}};
    }
    vectors::json seal(std::size_t who, const buffer& plain) {
        buffer sealed;
        const auto header = side_[who].seal(sealed, prefix_, plain, random_[who]);
        if (!header) {
            refused_ = header.error();
            return {{"refused", word(refused_.code)}};
        }
        random_[who].kept_nonce();
        return {{"header", to_hex(e2ee::header_bytes(*header))}, {"sealed", to_hex(sealed)}};
    }
    [[nodiscard]] const error& refused() const noexcept { return refused_; }

private:
    static std::string word(errc code) {
        switch (code) {
            case errc::bad_tag: return "bad_tag";
            case errc::duplicate: return "duplicate";
            case errc::too_far: return "too_far";
            case errc::zero_shared_secret: return "zero_shared_secret";
            case errc::ratchet_not_ready: return "ratchet_not_ready";
            default: return agentmesh::to_string(error{code});
        }
    }

    static exchange_key_pair pair_of(const buffer& private_key) {
        return exchange_key_pair{secret_of<exchange_secret_key>(private_key)};
    }
    static e2ee::double_ratchet<S> start_initiator(fields& in) {
        auto out = e2ee::double_ratchet<S>::initiate(secret_of<e2ee::root_key>(in.bytes("root")),
                                                     pair_of(in.bytes("initiator_private_key")),
                                                     pair_of(in.bytes("responder_private_key")).public_key());
        REQUIRE(out);
        return *std::move(out);
    }
    static e2ee::double_ratchet<S> start_responder(fields& in) {
        auto root = secret_of<e2ee::root_key>(in.bytes("root"));
        auto prekey = pair_of(in.bytes("responder_private_key"));
        if constexpr (S::id == e2ee::suite_id::am1) {
            const auto peer = pair_of(in.bytes("initiator_private_key")).public_key();
            auto out = e2ee::double_ratchet<S>::respond(std::move(root), prekey, peer,
                                                        pair_of(in.bytes("responder_ratchet_private_key")));
            REQUIRE(out);
            return *std::move(out);
        } else {
            return e2ee::double_ratchet<S>::respond(std::move(root), std::move(prekey));
        }
    }

    buffer prefix_;
    std::array<e2ee::double_ratchet<S>, 2> side_;
    std::array<counted_random, 2> random_{counted_random{'A'}, counted_random{'B'}};
    error refused_{};
};

/// A row ends with `last`, one more message to open: a refused row is refused there.
outcome converse(fields& in, const row& of) {
    return with_suite(in.text("suite"), [&](auto suite) -> outcome {
        talk<decltype(suite)> both{in};
        vectors::json results = vectors::json::array();
        for (const vectors::json& each : in["steps"]) {
            fields one{each};
            INFO("step " << results.size());
            results.push_back(both.step(one));
            if (of.output.contains("results")) CHECK(results.back() == of.output["results"][results.size() - 1]);
        }
        if (in.has("last")) {
            fields last{in["last"]};
            if (last.has("plain"))
                results.push_back(both.seal(last.text("by") == "A" ? 0 : 1, last.bytes("plain")));
            else
                results.push_back(
                    both.open(last.text("by") == "A" ? 0 : 1, last.bytes("header"), last.bytes("sealed")));
            if (results.back().contains("refused")) return fail(both.refused());
        }
        return answer{.output = {{"results", results}}};
    });
}

TEST_CASE("conversations go as in the vectors",
          "[vectors][e2ee][AM-RAT-010][AM-RAT-011][AM-RAT-012][AM-RAT-013][AM-RAT-014][AM-RAT-015][AM-RAT-016]"
          "[AM-RAT-017][AM-RAT-018][AM-RAT-019]") {
    CHECK(for_each_row("ratchet/conversation", {{"ratchet.conversation", by(converse)}}) >= 90);
}

TEST_CASE("ratchets are saved and restored as in the vectors", "[vectors][e2ee][AM-RAT-030][AM-RAT-031]") {
    const auto rows =
        for_each_row("ratchet/snapshot", {
                                             {"ratchet.conversation", by(converse)},
                                             {"snapshot.restore", by([](fields& in, const row&) -> outcome {
                                                  const auto bytes = in.bytes("bytes");
                                                  return with_suite(in.text("suite"), [&](auto suite) -> outcome {
                                                      AGENTMESH_TRY(again, e2ee::restore<decltype(suite)>(bytes));
                                                      CHECK(to_hex(e2ee::save(again)) == to_hex(bytes));
                                                      return answer{};
                                                  });
                                              })},
                                         });
    CHECK(rows >= 90);
}

}  // namespace
