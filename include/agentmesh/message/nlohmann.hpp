// Optional: bodies and payloads as nlohmann::json, for applications that work with it. Nothing else in the library
// includes this file or needs that package.
#pragma once

#include <agentmesh/message/body.hpp>

#include <nlohmann/json.hpp>

namespace agentmesh::message {

/// The payload of an envelope as a tree. The text is checked by our reader first: strictly, and within its bounds.
/// @errors those of json::reader
[[nodiscard]] inline result<nlohmann::json> to_tree(std::string_view text) {
    AGENTMESH_CHECK(json::validate(text, {.bytes = envelope_bytes}));
    auto tree = nlohmann::json::parse(text, nullptr, false);
    if (tree.is_discarded()) return fail(errc::bad_json, "AM-ENC-010");
    return tree;
}

/// A tree as text, such as for envelope::payload.
/// @errors bad_json for a tree that no text stands for: broken UTF-8, a number that is not finite
[[nodiscard]] inline result<std::string> from_tree(const nlohmann::json& tree) {
    // Broken UTF-8 and infinities would silently become something else.
    std::string text = tree.dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore);
    const auto again = nlohmann::json::parse(text, nullptr, false);
    if (again.is_discarded() || again != tree || !json::validate(text)) return fail(errc::bad_json, "AM-ENC-010");
    return text;
}

}  // namespace agentmesh::message
