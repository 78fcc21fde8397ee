// Whether the ratchet's own code branches on a secret or uses one as an address, for valgrind to see.
//
// Every secret is marked as undefined memory, and so is what follows from it; valgrind then reports each decision that
// depends on one. What is public is marked as defined again, and these are all such places:
//   * public keys, in a header that is about to be sent;
//   * what was sealed, nonce and tag included, and the bytes at rest;
//   * two verdicts, as suppressions in constant_time.supp: whether a tag is right, and whether a Diffie-Hellman result
//     is all zero. Both end in an error that the caller sees.
// Sizes and counters are public throughout.
//
// usage: constant_time            the conversation; valgrind has nothing to report
//        constant_time --leak     a comparison that stops early; valgrind must report it
#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include <iostream>

#include <valgrind/memcheck.h>

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

template <class Bytes>
void hide(Bytes&& bytes) {
    (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}
template <class Bytes>
void publish(const Bytes& bytes) {
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
}
void publish(ratchet_header& header) { publish(header.dh.bytes()); }

/// Everything that it gives out is secret.
class secret_random {
public:
    result<void> fill(std::span<std::uint8_t> out) {
        AGENTMESH_CHECK(random_.fill(out));
        hide(out);
        return {};
    }

private:
    crypto::scripted_random random_{1};
};

void demand(bool holds, const char* what) {
    if (holds) return;
    std::cerr << "constant_time: " << what << '\n';
    std::exit(2);
}

struct message {
    ratchet_header header;
    buffer sealed;
};

template <class S>
message seal(double_ratchet<S>& from, secret_random& random) {
    buffer text(100, 7);
    hide(text);
    message out;
    auto header = from.seal(out.sealed, as_bytes("what both sides know"), text, random);
    demand(header.has_value(), "did not seal");
    out.header = *header;
    publish(out.header);
    publish(out.sealed);
    return out;
}

template <class S>
bool opens(double_ratchet<S>& to, const message& what, secret_random& random) {
    crypto::secret_buffer text;
    return to.open(text, what.header, as_bytes("what both sides know"), what.sealed, random).has_value() &&
           text.size() == 100;
}

/// A conversation through everything that derives, seals or opens.
template <class S>
void converse() {
    secret_random random;
    const auto root = root_key::generate(random).value();
    auto first = exchange_key_pair::generate(random).value(), second = exchange_key_pair::generate(random).value();
    auto remote = second.public_key();
    publish(remote.bytes());
    auto a = double_ratchet<S>::initiate(root.fork(), std::move(first), remote).value();
    auto b = double_ratchet<S>::respond(root.fork(), std::move(second));

    for (int turn = 0; turn < 2; ++turn) {
        const auto skipped = seal(a, random), next = seal(a, random);
        demand(opens(b, next, random) && opens(b, skipped, random), "a message does not open");
        demand(!opens(b, skipped, random), "a duplicate opens");
        auto forged = seal(a, random);
        forged.sealed.back() = static_cast<std::uint8_t>(forged.sealed.back() ^ 1);
        demand(!opens(b, forged, random), "a forged message opens");
        demand(opens(a, seal(b, random), random), "an answer does not open");
    }

    // Saved and restored: the structure is public, the keys are not.
    const auto left = seal(a, random), kept = seal(a, random);
    demand(opens(b, kept, random) && b.skipped() > 0, "nothing was skipped");
    auto again = restore<S>(save(b.fork()));
    demand(again.has_value() && opens(*again, left, random), "a restored side does not go on");
}

void keep_at_rest() {
    secret_random random;
    const auto key = storage_key::generate(random).value();
    buffer record(64, 3);
    hide(record);
    auto sealed = seal_at_rest(key, "session/1", record, random).value();
    publish(sealed);
    demand(open_at_rest(key, "session/1", sealed).has_value(), "a record does not open");
    sealed.back() = static_cast<std::uint8_t>(sealed.back() ^ 1);
    demand(!open_at_rest(key, "session/1", sealed).has_value(), "a forged record opens");
}

void leak() {
    secret_random random;
    const auto key = chain_key::generate(random).value();
    const auto made = kdf_ck(key);
    for (const auto byte : made.message.reveal())
        if (byte == 0) std::cerr << "a zero\n";
}

}  // namespace

int main(int argc, char**) {
    if (argc > 1) {
        leak();
        return 0;
    }
    converse<am1>();
    converse<v02>();
    converse<wire10>();
    keep_at_rest();
}
