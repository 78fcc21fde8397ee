// Property: every decoder accepts exactly the texts that its encoder writes (hexadecimal: but for the case of its
// digits), so no two texts stand for one value, and both ways of decoding agree. Input: one byte that chooses, then
// text.
#include "fuzz/fuzz.hpp"

#include <agentmesh/identity/agent_id.hpp>

AM_FUZZ(AM_ENC_001, AM_ENC_002, AM_ENC_003, AM_ENC_004, AM_ENC_005, AM_ENC_006, AM_ENC_007, AM_ENC_008, AM_ID_001,
        AM_ID_002, AM_ID_004, AM_ID_005);

using namespace agentmesh;

namespace {

void hex(std::string_view text) {
    const auto bytes = from_hex(text);
    if (bytes) {
        std::string lower{text};
        for (char& c : lower)
            if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
        REQUIRE_FUZZ(to_hex(*bytes) == lower);
    }
    REQUIRE_FUZZ(from_hex(to_hex(as_bytes(text))) == buffer(as_bytes(text).begin(), as_bytes(text).end()));
}

void base64(std::string_view text, base64_form form) {
    if (const auto bytes = from_base64(text, form)) {
        REQUIRE_FUZZ(to_base64(*bytes, form) == text);
        REQUIRE_FUZZ(from_base64(text, base64_form::wire10_lenient) == *bytes);
        buffer exact(bytes->size());
        REQUIRE_FUZZ(decode_base64(text, form, exact).has_value() && exact == *bytes);
        buffer longer(bytes->size() + 1);
        REQUIRE_FUZZ(!decode_base64(text, form, longer));
    }
    REQUIRE_FUZZ(as_text(from_base64(to_base64(as_bytes(text), form), form).value()) == text);
}

// A lenient reader accepts a text if and only if one of the strict forms, its padding completed, does.
void lenient(std::string_view text) {
    std::string standard{text}, url{text.substr(0, text.find('='))};
    if (text.find('=') == text.npos) standard.append((4 - text.size() % 4) % 4, '=');
    if (text.find('=') != text.npos && text.size() % 4 != 0) url = "=";
    if (text.find('=') != text.npos && (text.size() - url.size() > 2 || text.find_last_not_of('=') != url.size() - 1))
        url = "=";
    const auto read = from_base64(text, base64_form::wire10_lenient);
    const auto by_standard = from_base64(standard, base64_form::standard_padded);
    const auto by_url = from_base64(url, base64_form::url_unpadded);
    REQUIRE_FUZZ(read.has_value() == (by_standard.has_value() || by_url.has_value()));
    if (read) REQUIRE_FUZZ(*read == (by_standard ? *by_standard : *by_url));
}

void base58(std::string_view text) {
    constexpr std::size_t most = 64;
    const auto bytes = from_base58(text, most);
    if (bytes) {
        REQUIRE_FUZZ(to_base58(*bytes) == text);
        buffer exact(bytes->size());
        REQUIRE_FUZZ(decode_base58(text, exact).has_value() && exact == *bytes);
        buffer longer(bytes->size() + 1);
        REQUIRE_FUZZ(!decode_base58(text, longer));
    }
    const byte_view raw = as_bytes(text.substr(0, most));
    REQUIRE_FUZZ(from_base58(to_base58(raw), most) == buffer(raw.begin(), raw.end()));
}

void names(std::string_view text) {
    if (const auto name = amid::parse(text)) {
        REQUIRE_FUZZ(name->text() == text);
        REQUIRE_FUZZ(amid::from_raw(name->bytes()) == *name && amid::from_raw(name->bytes()).text() == text);
    }
    if (const auto key = identity::parse_signing_key(text)) {
        const bool named = text.starts_with(identity::signing_prefix);
        REQUIRE_FUZZ(identity::to_text(*key, named ? identity::key_prefix::named : identity::key_prefix::bare) == text);
        REQUIRE_FUZZ(identity::check_amid(amid::of(*key), *key).has_value());
        REQUIRE_FUZZ(named != identity::parse_exchange_key(text).has_value());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text({data + 1, size - 1});
    switch (data[0] % 8) {
        case 0: hex(text); break;
        case 1: base64(text, base64_form::standard_padded); break;
        case 2: base64(text, base64_form::url_unpadded); break;
        case 3: lenient(text); break;
        case 4: base58(text); break;
        default: names(text); break;
    }
    return 0;
}
