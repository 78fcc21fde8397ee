// vectors/crypto and vectors/identity against crypto/ and identity/.
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/did.hpp>
#include <agentmesh/identity/identity_file.hpp>
#include <agentmesh/identity/tier.hpp>

#include "tests/support/vectors.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace agentmesh;
using namespace vectors;

namespace {

TEST_CASE("Ed25519 signatures are judged as in the vectors",
          "[vectors][crypto][AM-KEY-001][AM-KEY-002][AM-KEY-003][AM-KEY-004]") {
    const auto rows =
        for_each_row("crypto/ed25519", {{"ed25519.verify", by([](fields& in, const row&) -> outcome {
                                             fields proof{in["proof"]};
                                             const auto message = in.bytes("message");
                                             const auto key = fixed<signing_public_key>(proof.bytes("public_key"));
                                             const auto signed_by = fixed<signature>(proof.bytes("signature"));
                                             if (!key) return fail(key.error());
                                             if (!signed_by) return fail(signed_by.error());
                                             AGENTMESH_CHECK(crypto::verify(*key, message, *signed_by));
                                             return answer{};
                                         })}});
    CHECK(rows >= 120);
}

TEST_CASE("X25519 agrees as in the vectors", "[vectors][crypto][AM-KEY-005][AM-KEY-006]") {
    const auto rows =
        for_each_row("crypto/x25519", {{"x25519", by([](fields& in, const row&) -> outcome {
                                            const auto scalar = exchange_secret_key::from(in.bytes("private_key"));
                                            const auto peer = fixed<exchange_public_key>(in.bytes("public_key"));
                                            REQUIRE(scalar);
                                            REQUIRE(peer);
                                            AGENTMESH_TRY(shared, crypto::agree(*scalar, *peer));
                                            return answer{.output = {{"shared", to_hex(shared.reveal())}}};
                                        })}});
    CHECK(rows >= 55);
}

TEST_CASE("AMIDs are derived, read and matched as in the vectors",
          "[vectors][identity][AM-ID-001][AM-ID-002][AM-ID-003]") {
    const auto rows =
        for_each_row("identity/amid", {
                                          {"amid.derive", by([](fields& in, const row&) -> outcome {
                                               AGENTMESH_TRY(key, fixed<signing_public_key>(in.bytes("public_key")));
                                               return answer{.output = {{"amid", amid::of(key).text()}}};
                                           })},
                                          {"amid.read", by([](fields& in, const row&) -> outcome {
                                               AGENTMESH_TRY(name, amid::parse(in.text("text")));
                                               CHECK(name.text() == in.text("text"));
                                               return answer{.output = {{"bytes", to_hex(name.bytes().bytes())}}};
                                           })},
                                          {"amid.match", by([](fields& in, const row&) -> outcome {
                                               AGENTMESH_TRY(name, amid::parse(in.text("amid")));
                                               AGENTMESH_TRY(key, fixed<signing_public_key>(in.bytes("public_key")));
                                               AGENTMESH_CHECK(identity::check_amid(name, key));
                                               return answer{};
                                           })},
                                      });
    CHECK(rows >= 50);
}

TEST_CASE("key texts are read as in the vectors", "[vectors][identity][AM-ID-004][AM-ID-005]") {
    const auto rows = for_each_row("identity/keys", {{"key.read", by([](fields& in, const row&) -> outcome {
                                                          const auto text = in.text("text");
                                                          if (in.text("kind") == "ed25519") {
                                                              AGENTMESH_TRY(key, identity::parse_signing_key(text));
                                                              return answer{.output = {{"bytes", to_hex(key.bytes())}}};
                                                          }
                                                          AGENTMESH_TRY(key, identity::parse_exchange_key(text));
                                                          return answer{.output = {{"bytes", to_hex(key.bytes())}}};
                                                      })}});
    CHECK(rows >= 55);
}

TEST_CASE("DID documents are read and written as in the vectors",
          "[vectors][identity][AM-ID-020][AM-ID-021][AM-ID-003]") {
    const auto rows = for_each_row(
        "identity/did",
        {
            {"multibase.write", by([](fields& in, const row&) -> outcome {
                 const auto bytes = in.bytes("key");
                 const bool signing = in.text("kind") == "ed25519";
                 return answer{
                     .output = {{"text", signing ? identity::to_multibase(*fixed<signing_public_key>(bytes))
                                                 : identity::to_multibase(*fixed<exchange_public_key>(bytes))}}};
             })},
            {"multibase.read", by([](fields& in, const row&) -> outcome {
                 const auto text = in.text("text");
                 if (in.text("kind") == "ed25519") {
                     AGENTMESH_TRY(key, identity::parse_signing_multibase(text));
                     return answer{.output = {{"bytes", to_hex(key.bytes())}}};
                 }
                 AGENTMESH_TRY(key, identity::parse_exchange_multibase(text));
                 return answer{.output = {{"bytes", to_hex(key.bytes())}}};
             })},
            {"did.read", by([](fields& in, const row&) -> outcome {
                 AGENTMESH_TRY(document, identity::parse_did_document(in.text("document")));
                 return answer{.output = {{"amid", document.subject.text()},
                                          {"signing_key", to_hex(document.signing_key.bytes())},
                                          {"exchange_key", to_hex(document.exchange_key.bytes())}}};
             })},
        });
    CHECK(rows >= 50);
}

TEST_CASE("tiers are read and ordered as in the vectors", "[vectors][identity][AM-ID-030][AM-ID-031]") {
    using identity::tier_dialect;
    const auto read = [](const std::string& text, tier_dialect dialect) { return identity::parse_tier(text, dialect); };
    const auto rows = for_each_row(
        "identity/tier", {
                             {"tier.order", by([&](fields& in, const row&) -> outcome {
                                  AGENTMESH_TRY(a, read(in.text("a"), tier_dialect::word));
                                  AGENTMESH_TRY(b, read(in.text("b"), tier_dialect::word));
                                  return answer{.output = {{"order", a < b ? -1 : a > b ? 1 : 0}}};
                              })},
                             {"tier.read", by([&](fields& in, const row&) -> outcome {
                                  const auto dialect =
                                      in.text("dialect") == "word" ? tier_dialect::word : tier_dialect::label;
                                  AGENTMESH_TRY(level, read(in.text("text"), dialect));
                                  return answer{.output = {{"tier", identity::tier_label(level, tier_dialect::word)}}};
                              })},
                         });
    CHECK(rows >= 40);
}

/// A directory of its own that goes away with it.
class scratch_directory {
public:
    scratch_directory() {
        std::string name = (std::filesystem::temp_directory_path() / "agentmesh-vectors-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    ~scratch_directory() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

mode_t octal(const std::string& text) { return static_cast<mode_t>(std::stoul(text, nullptr, 8)); }

TEST_CASE("identity files are read and created as in the vectors",
          "[vectors][identity][AM-ID-010][AM-ID-011][AM-ID-012]") {
    const scratch_directory scratch;
    std::size_t number = 0;
    const auto rows = for_each_row("identity/file",
                                   {
                                       {"identity_file.read", by([&](fields& in, const row&) -> outcome {
                                            const auto path = scratch / (std::to_string(++number) + ".json");
                                            std::ofstream{path} << in.text("text");
                                            REQUIRE(::chmod(path.c_str(), octal(in.text("mode"))) == 0);
                                            AGENTMESH_TRY(self, identity::load(path));
                                            return answer{.output = {{"amid", self.name().text()}}};
                                        })},
                                       {"identity_file.create", by([&](fields& in, const row&) -> outcome {
                                            const auto path = scratch / (std::to_string(++number) + ".json");
                                            crypto::scripted_random random{number};
                                            const mode_t before = ::umask(octal(in.text("umask")));
                                            const auto made = identity::open(path, random, time_point{});
                                            ::umask(before);
                                            if (!made) return fail(made.error());
                                            struct stat about{};
                                            REQUIRE(::stat(path.c_str(), &about) == 0);
                                            std::string mode = "0000";
                                            for (std::size_t i = 0; i < 4; ++i)
                                                mode[3 - i] = static_cast<char>('0' + ((about.st_mode >> (3 * i)) & 7));
                                            return answer{.output = {{"mode", mode}}};
                                        })},
                                   });
    CHECK(rows >= 25);
}

}  // namespace
