// AMID: the name of an agent, derived from its signing key, so that a name cannot be claimed without the key.
#pragma once

#include <agentmesh/core/limits.hpp>
#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/identity/keys.hpp>

namespace agentmesh {

/// The 20 bytes of an AMID with their text beside them. A value: cheap to copy, never allocates, orders by its
/// bytes. Can only be made by the functions below, so an `amid` is always well formed; there is no empty one.
class amid {
public:
    using raw = fixed_bytes<limits::amid_bytes, struct amid_tag>;

    /// The name that belongs to a key: the first 20 bytes of its SHA-256.
    /// @spec AM-ID-001
    [[nodiscard]] static amid of(const signing_public_key& key);

    /// The name with these bytes.
    [[nodiscard]] static amid from_raw(const raw& bytes);

    /// Reads the canonical base58 form of exactly 20 bytes.
    /// @spec   AM-ID-002
    /// @errors bad_amid
    [[nodiscard]] static result<amid> parse(std::string_view text) noexcept;

    /// Valid as long as this object.
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }
    [[nodiscard]] const raw& bytes() const noexcept { return raw_; }

    friend bool operator==(const amid& a, const amid& b) noexcept { return a.raw_ == b.raw_; }
    friend auto operator<=>(const amid& a, const amid& b) noexcept { return a.raw_ <=> b.raw_; }

private:
    amid() = default;

    raw raw_{};
    std::array<char, limits::amid_max_text> text_{};
    std::uint8_t size_ = 0;
};

/// Hash for unordered containers. Good for AMIDs that come from keys; someone may invent AMIDs with chosen bytes, so
/// a table keyed by unproven names is bounded in size by its owner.
struct amid_hash {
    [[nodiscard]] std::size_t operator()(const amid& name) const noexcept { return fixed_bytes_hash{}(name.bytes()); }
};

namespace identity {

/// Whether a name belongs to the key that comes with it.
/// @spec   AM-ID-003
/// @errors amid_mismatch
[[nodiscard]] result<void> check_amid(const amid& name, const signing_public_key& key);

}  // namespace identity
}  // namespace agentmesh

template <>
struct std::hash<agentmesh::amid> : agentmesh::amid_hash {};

#include <agentmesh/identity/agent_id.ipp>
