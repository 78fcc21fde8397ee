// The harness's own identities and its source of reproducible bytes. Nothing here comes from the library under test.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance {

/// The bytes of a ChaCha20 key stream: everything random in a case comes from one of these, in the order of asking.
class random_stream {
public:
    /// Keyed by SHA-256 of the parts, each with its length in front.
    explicit random_stream(std::initializer_list<std::string_view> key_parts);

    void fill(std::span<std::uint8_t> out);
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);
    /// `length` characters of a-z, 0-9.
    [[nodiscard]] std::string word(std::size_t length);
    /// What looks like ciphertext: `length` characters of the base64 alphabet.
    [[nodiscard]] std::string base64_text(std::size_t length);

private:
    std::array<std::uint8_t, 32> key_{};
    std::uint64_t used_ = 0;
};

/// An Ed25519 identity. A value: copying is cheap and shares nothing.
class agent {
public:
    explicit agent(random_stream& random);

    [[nodiscard]] const std::string& amid() const noexcept { return amid_; }
    /// b64 of the raw public key, without prefix.
    [[nodiscard]] const std::string& public_key() const noexcept { return public_key_; }
    [[nodiscard]] std::span<const std::uint8_t, 32> raw_public_key() const noexcept { return raw_public_; }
    /// The 20 raw bytes that the AMID encodes.
    [[nodiscard]] std::span<const std::uint8_t, 20> raw_amid() const noexcept { return raw_amid_; }
    /// Ed25519 over these bytes, 64 raw bytes.
    [[nodiscard]] std::string sign_raw(std::string_view message) const;
    /// The same as b64.
    [[nodiscard]] std::string sign(std::string_view message) const;

private:
    std::array<std::uint8_t, 32> raw_public_{};
    std::array<std::uint8_t, 64> secret_{};
    std::array<std::uint8_t, 20> raw_amid_{};
    std::string amid_, public_key_;
};

}  // namespace agentmesh::conformance
