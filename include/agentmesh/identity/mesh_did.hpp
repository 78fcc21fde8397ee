// The name of an agent in profile wire10: `did:mesh:` and the first 16 bytes of the SHA-256 of its signing key.
#pragma once

#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/identity/keys.hpp>

namespace agentmesh {

/// A value with its text beside it. Made only by the functions below, so it is always well formed.
class mesh_did {
public:
    static constexpr std::string_view prefix = "did:mesh:";
    using raw = fixed_bytes<16, struct mesh_did_tag>;

    /// The name that belongs to a key.
    [[nodiscard]] static mesh_did of(const signing_public_key& key) {
        std::array<std::uint8_t, 32> digest{};
        crypto::sha256_stream{}.update(key.bytes()).finish(digest);
        raw first;
        std::copy_n(digest.begin(), raw::size, first.storage().begin());
        return mesh_did{first};
    }

    /// Reads the prefix and 32 lower-case hexadecimal digits; upper case is another name to deployed peers.
    /// @errors bad_did
    [[nodiscard]] static result<mesh_did> parse(std::string_view text) noexcept {
        if (text.size() != text_size || !text.starts_with(prefix)) return fail(errc::bad_did);
        const auto digits = text.substr(prefix.size());
        const bool lower = std::all_of(digits.begin(), digits.end(),
                                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
        raw bytes;
        if (!lower || !decode_hex(digits, bytes.storage())) return fail(errc::bad_did);
        return mesh_did{bytes};
    }

    /// Valid as long as this object.
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), text_.size()}; }
    [[nodiscard]] const raw& bytes() const noexcept { return raw_; }

    friend bool operator==(const mesh_did& a, const mesh_did& b) noexcept { return a.raw_ == b.raw_; }
    friend auto operator<=>(const mesh_did& a, const mesh_did& b) noexcept { return a.raw_ <=> b.raw_; }

private:
    static constexpr std::size_t text_size = prefix.size() + 2 * raw::size;

    explicit mesh_did(const raw& bytes) noexcept : raw_{bytes} {
        constexpr std::string_view digits = "0123456789abcdef";
        std::copy(prefix.begin(), prefix.end(), text_.begin());
        for (std::size_t i = 0; i < raw::size; ++i) {
            text_[prefix.size() + 2 * i] = digits[bytes.data()[i] >> 4];
            text_[prefix.size() + 2 * i + 1] = digits[bytes.data()[i] & 15];
        }
    }

    raw raw_{};
    std::array<char, text_size> text_{};
};

}  // namespace agentmesh
