// Protocol values out of hexadecimal members. What is not of the form that docs/shim-protocol.md gives it is the
// asker's mistake and throws; what the protocol has rules for comes back as an error.
#pragma once

#include "conformance/shims/cpp/shim.hpp"

#include <agentmesh/e2ee/prekey.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>
#include <agentmesh/e2ee/suite_v02.hpp>
#include <agentmesh/e2ee/suite_wire10.hpp>

#include <algorithm>
#include <stdexcept>

namespace agentmesh::shim {

template <class T>
T need(result<T> value) {
    if (!value) throw std::invalid_argument{agentmesh::to_string(value.error())};
    return *std::move(value);
}
inline void need(const result<void>& value) {
    if (!value) throw std::invalid_argument{agentmesh::to_string(value.error())};
}

template <class Secret>
Secret secret_of(const buffer& bytes) {
    return need(Secret::from(bytes));
}
template <class Fixed>
Fixed value_of(const buffer& bytes) {
    return need(Fixed::from(bytes));
}
inline exchange_key_pair pair_of(const buffer& private_key) {
    return exchange_key_pair{secret_of<exchange_secret_key>(private_key)};
}
inline e2ee::identity_card card_of(const buffer& bytes) { return need(e2ee::identity_card::parse(bytes)); }
inline amid name_of(const std::string& text) { return need(amid::parse(text)); }
inline local_identity identity_of(const buffer& seed, const buffer& exchange) {
    return {signing_key_pair{secret_of<crypto::ed25519_seed>(seed)}, pair_of(exchange), time_point{}};
}

template <class Secret>
std::string hex_of(const Secret& value) {
    return to_hex(value.reveal());
}

/// Calls `use` with a value of the suite's type.
template <class Use>
auto with_suite(const std::string& name, Use use) {
    switch (need(e2ee::parse_suite(name))) {
        case e2ee::suite_id::am1: return use(e2ee::am1{});
        case e2ee::suite_id::v02: return use(e2ee::v02{});
        case e2ee::suite_id::wire10: return use(e2ee::wire10{});
        case e2ee::suite_id::wire10_legacy: break;
    }
    return use(e2ee::wire10_legacy{});
}
template <class Use>
auto with_x3dh_suite(const std::string& name, Use use) {
    switch (need(e2ee::parse_suite(name))) {
        case e2ee::suite_id::am1: throw std::invalid_argument{"am1 has no X3DH"};
        case e2ee::suite_id::v02: return use(e2ee::v02{});
        case e2ee::suite_id::wire10: return use(e2ee::wire10{});
        case e2ee::suite_id::wire10_legacy: break;
    }
    return use(e2ee::wire10_legacy{});
}

/// A card or bundle has one errc for whatever does not hold; the clause tells apart what vectors file in classes.
[[nodiscard]] inline error refiled(const error& why) {
    if (why.code != errc::bad_bundle) return why;
    const auto is_any_of = [&](std::initializer_list<std::string_view> ids) {
        return std::find(ids.begin(), ids.end(), why.clause) != ids.end();
    };
    if (is_any_of({"AM-KEX-005", "AM-KEX-020"})) return {errc::amid_mismatch, why.clause};
    if (is_any_of({"AM-KEX-006", "AM-KEX-011", "AM-KEX-015", "AM-KEX-016", "AM-KEX-045"}))
        return {errc::bad_signature, why.clause};
    return {errc::bad_length, why.clause};
}

/// What must hold whatever is asked; where it does not, the library contradicts itself.
inline void demand(bool holds, const char* what) {
    if (!holds) throw std::logic_error{what};
}

}  // namespace agentmesh::shim
