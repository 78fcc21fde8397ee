#include "conformance/engine/agent.hpp"

#include "conformance/engine/encoding.hpp"

#include <sodium.h>

#include <algorithm>

namespace agentmesh::conformance {

random_stream::random_stream(std::initializer_list<std::string_view> key_parts) {
    std::string material;
    for (const auto part : key_parts) material += length_prefixed(part);
    const auto key = sha256(material);
    std::copy(key.begin(), key.end(), reinterpret_cast<char*>(key_.data()));
}

void random_stream::fill(std::span<std::uint8_t> out) {
    // Block by block: the position in the stream is the number of bytes asked for so far.
    constexpr std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> nonce{};
    std::array<std::uint8_t, 64> block{};
    for (std::size_t done = 0; done < out.size();) {
        const std::array<std::uint8_t, 64> zeros{};
        crypto_stream_chacha20_xor_ic(block.data(), zeros.data(), block.size(), nonce.data(), used_ / 64, key_.data());
        const auto from = static_cast<std::size_t>(used_ % 64);
        const auto count = std::min(block.size() - from, out.size() - done);
        std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(from), count, out.begin() + static_cast<std::ptrdiff_t>(done));
        done += count;
        used_ += count;
    }
}

std::uint64_t random_stream::below(std::uint64_t bound) {
    std::array<std::uint8_t, 8> bytes{};
    fill(bytes);
    std::uint64_t value = 0;
    for (const auto b : bytes) value = value << 8 | b;
    return bound == 0 ? 0 : value % bound;
}

std::string random_stream::word(std::size_t length) {
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::string out;
    while (out.size() < length) out += alphabet[below(alphabet.size())];
    return out;
}

std::string random_stream::base64_text(std::size_t length) {
    std::string bytes(length / 4 * 3 + 3, '\0');
    fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    return to_base64(bytes).substr(0, length);
}

agent::agent(random_stream& random) {
    std::array<std::uint8_t, crypto_sign_SEEDBYTES> seed{};
    random.fill(seed);
    crypto_sign_seed_keypair(raw_public_.data(), secret_.data(), seed.data());
    const std::string_view key{reinterpret_cast<const char*>(raw_public_.data()), raw_public_.size()};
    const auto digest = sha256(key);
    std::copy_n(digest.begin(), raw_amid_.size(), reinterpret_cast<char*>(raw_amid_.data()));
    amid_ = to_base58(std::string_view{digest}.substr(0, raw_amid_.size()));
    public_key_ = to_base64(key);
}

std::string agent::sign_raw(std::string_view message) const {
    std::string out(crypto_sign_BYTES, '\0');
    crypto_sign_detached(reinterpret_cast<unsigned char*>(out.data()), nullptr,
                         reinterpret_cast<const unsigned char*>(message.data()), message.size(), secret_.data());
    return out;
}

std::string agent::sign(std::string_view message) const { return to_base64(sign_raw(message)); }

}  // namespace agentmesh::conformance
