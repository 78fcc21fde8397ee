#include "conformance/shims/cpp/shim.hpp"

#include <agentmesh/crypto/ed25519.hpp>
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/crypto/x25519.hpp>
#include <agentmesh/identity/did.hpp>
#include <agentmesh/identity/identity_file.hpp>
#include <agentmesh/identity/tier.hpp>

#include <fstream>
#include <stdexcept>

#include <sys/stat.h>
#include <unistd.h>

namespace agentmesh::shim {
namespace {

/// A directory of its own that goes away with it.
class scratch_directory {
public:
    scratch_directory() {
        std::string name = (std::filesystem::temp_directory_path() / "agentmesh-shim-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no scratch directory"};
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

answer match_amid(const arguments& in) {
    AGENTMESH_TRY(name, amid::parse(in.text("amid")));
    AGENTMESH_TRY(key, fixed<signing_public_key>(in, "public_key"));
    AGENTMESH_CHECK(identity::check_amid(name, key));
    return json::object();
}

template <class Key>
answer of_key(const result<Key>& key) {
    if (!key) return fail(key.error());
    return json{{"bytes", to_hex(key->bytes())}};
}

bool is_signing(const arguments& in) { return in.text("kind") == "ed25519"; }

answer write_multibase(const arguments& in) {
    if (is_signing(in)) {
        AGENTMESH_TRY(key, fixed<signing_public_key>(in, "key"));
        return json{{"text", identity::to_multibase(key)}};
    }
    AGENTMESH_TRY(key, fixed<exchange_public_key>(in, "key"));
    return json{{"text", identity::to_multibase(key)}};
}

answer read_did(const arguments& in) {
    AGENTMESH_TRY(document, identity::parse_did_document(in.text("document")));
    return json{{"amid", document.subject.text()},
                {"signing_key", to_hex(document.signing_key.bytes())},
                {"exchange_key", to_hex(document.exchange_key.bytes())}};
}

answer order_tiers(const arguments& in) {
    using identity::parse_tier, identity::tier_dialect;
    AGENTMESH_TRY(a, parse_tier(in.text("a"), tier_dialect::word));
    AGENTMESH_TRY(b, parse_tier(in.text("b"), tier_dialect::word));
    return json{{"order", a < b ? -1 : a > b ? 1 : 0}};
}

answer read_tier(const arguments& in) {
    using identity::tier_dialect;
    const auto dialect = in.text("dialect") == "word" ? tier_dialect::word : tier_dialect::label;
    AGENTMESH_TRY(level, identity::parse_tier(in.text("text"), dialect));
    return json{{"tier", identity::tier_label(level, tier_dialect::word)}};
}

answer read_file(const arguments& in) {
    const scratch_directory scratch;
    const auto path = scratch / "identity.json";
    std::ofstream{path} << in.text("text");
    if (::chmod(path.c_str(), octal(in.text("mode"))) != 0) throw std::runtime_error{"no such mode here"};
    AGENTMESH_TRY(self, identity::load(path));
    return json{{"amid", self.name().text()}};
}

answer create_file(const arguments& in) {
    const scratch_directory scratch;
    const auto path = scratch / "identity.json";
    crypto::system_random random;
    const mode_t before = ::umask(octal(in.text("umask")));
    const auto made = identity::open(path, random, time_point{});
    ::umask(before);
    if (!made) return fail(made.error());
    struct stat about{};
    if (::stat(path.c_str(), &about) != 0) throw std::runtime_error{"no file was made"};
    std::string mode = "0000";
    for (std::size_t i = 0; i < 4; ++i) mode[3 - i] = static_cast<char>('0' + ((about.st_mode >> (3 * i)) & 7));
    return json{{"mode", mode}};
}

answer verify(const arguments& in) {
    const arguments proof{in["proof"], nullptr};
    AGENTMESH_TRY(key, fixed<signing_public_key>(proof, "public_key"));
    AGENTMESH_TRY(signed_by, fixed<signature>(proof, "signature"));
    AGENTMESH_CHECK(crypto::verify(key, in.bytes("message"), signed_by));
    return json::object();
}

answer agree(const arguments& in) {
    AGENTMESH_TRY(scalar, exchange_secret_key::from(in.bytes("private_key")));
    AGENTMESH_TRY(peer, fixed<exchange_public_key>(in, "public_key"));
    AGENTMESH_TRY(shared, crypto::agree(scalar, peer));
    return json{{"shared", to_hex(shared.reveal())}};
}

}  // namespace

void add_identity(operations& into) {
    into["id.amid.derive"] = [](const arguments& in) -> answer {
        AGENTMESH_TRY(key, fixed<signing_public_key>(in, "public_key"));
        return json{{"amid", amid::of(key).text()}};
    };
    into["id.amid.read"] = [](const arguments& in) -> answer {
        AGENTMESH_TRY(name, amid::parse(in.text("text")));
        return json{{"bytes", to_hex(name.bytes().bytes())}};
    };
    into["id.amid.match"] = match_amid;
    into["id.key.read"] = [](const arguments& in) {
        return is_signing(in) ? of_key(identity::parse_signing_key(in.text("text")))
                              : of_key(identity::parse_exchange_key(in.text("text")));
    };
    into["id.multibase.write"] = write_multibase;
    into["id.multibase.read"] = [](const arguments& in) {
        return is_signing(in) ? of_key(identity::parse_signing_multibase(in.text("text")))
                              : of_key(identity::parse_exchange_multibase(in.text("text")));
    };
    into["id.did.read"] = read_did;
    into["id.tier.order"] = order_tiers;
    into["id.tier.read"] = read_tier;
    into["id.identity_file.read"] = read_file;
    into["id.identity_file.create"] = create_file;
    into["id.ed25519.verify"] = verify;
    into["id.x25519"] = agree;
}

}  // namespace agentmesh::shim
