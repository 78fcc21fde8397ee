// The library behind lines of JSON, for `amconf shim`: one function an operation, thin enough to be read beside
// docs/shim-protocol.md. See there for the protocol.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/time.hpp>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace agentmesh::shim {

using nlohmann::json;

/// What an operation is asked.
class arguments {
public:
    arguments(const json& in, const json* now) : in_{in}, now_{now} {}

    [[nodiscard]] bool has(const std::string& name) const { return in_.contains(name); }
    /// @throws json::exception where a member is absent or of another type: the question is malformed
    [[nodiscard]] const json& operator[](const std::string& name) const { return in_.at(name); }
    [[nodiscard]] std::string text(const std::string& name) const { return in_.at(name).get<std::string>(); }
    [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const {
        return has(name) ? text(name) : otherwise;
    }
    /// Hexadecimal. @throws std::invalid_argument
    [[nodiscard]] buffer bytes(const std::string& name) const;
    template <class T>
    [[nodiscard]] T number(const std::string& name) const {
        return in_.at(name).get<T>();
    }
    /// The time of the question. @throws std::invalid_argument
    [[nodiscard]] time_point now() const;

private:
    const json& in_;
    const json* now_;
};

/// The value of `ok`, or why not.
using answer = result<json>;
using operation = std::function<answer(const arguments&)>;
using operations = std::map<std::string, operation>;

/// Thrown where the protocol of shims, not the library, refuses: a session that is not there, or there already.
struct refused_by_shim {
    std::string_view refusal;
};

/// Thrown by an operation that cannot be asked this at all, and answered `unsupported`.
struct not_supported {};

void add_encodings(operations& into);
void add_identity(operations& into);
void add_agreement(operations& into);
class fed_random;  // feed.hpp
void add_ratchet(operations& into, const std::shared_ptr<fed_random>& random);
void add_live_agreement(operations& into, const std::shared_ptr<fed_random>& random);
void add_live_knock(operations& into, const std::shared_ptr<fed_random>& random);
void add_knock(operations& into);
void add_policy(operations& into);
void add_envelope(operations& into);

/// The class of a refusal.
[[nodiscard]] std::string_view class_of(errc code) noexcept;

/// Fixed-size value of a hexadecimal member.
template <class Fixed>
[[nodiscard]] result<Fixed> fixed(const arguments& in, const std::string& name) {
    return Fixed::from(in.bytes(name));
}

[[nodiscard]] answer of_bytes(const result<buffer>& bytes);

}  // namespace agentmesh::shim
