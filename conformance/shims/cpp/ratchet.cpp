// Ratchets with the harness as the other side.
#include "conformance/shims/cpp/feed.hpp"
#include "conformance/shims/cpp/ratchet_rows.hpp"

#include <memory>

namespace agentmesh::shim {
namespace {

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
    add_ratchet_rows(into, [](errc code) { return class_of(code); });

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
