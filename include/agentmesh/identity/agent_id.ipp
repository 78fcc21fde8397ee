// Bodies of identity/agent_id.hpp.
#pragma once

namespace agentmesh {

inline amid amid::from_raw(const raw& bytes) {
    amid out;
    out.raw_ = bytes;
    const std::string text = to_base58(bytes.bytes());
    out.size_ = static_cast<std::uint8_t>(text.copy(out.text_.data(), out.text_.size()));
    return out;
}

inline amid amid::of(const signing_public_key& key) {
    const auto digest = crypto::sha256(key.bytes());
    raw bytes;
    std::copy_n(digest.data(), raw::size, bytes.storage().begin());
    return from_raw(bytes);
}

inline result<amid> amid::parse(std::string_view text) noexcept {
    if (text.size() < limits::amid_min_text || text.size() > limits::amid_max_text)
        return fail(errc::bad_amid, "AM-ID-002");
    amid out;
    if (!decode_base58(text, out.raw_.storage())) return fail(errc::bad_amid, "AM-ID-002");
    out.size_ = static_cast<std::uint8_t>(text.copy(out.text_.data(), out.text_.size()));
    return out;
}

inline result<void> identity::check_amid(const amid& name, const signing_public_key& key) {
    if (amid::of(key) != name) return fail(errc::amid_mismatch, "AM-ID-003");
    return {};
}

}  // namespace agentmesh
