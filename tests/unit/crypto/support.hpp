// Short ways to write known answers.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/crypto/secret.hpp>

namespace answers {

/// Bytes from base64, as the facts of 0.2 give them.
inline agentmesh::buffer b64(std::string_view text) {
    return agentmesh::from_base64(text, agentmesh::base64_form::standard_padded).value();
}
inline agentmesh::buffer hex(std::string_view text) { return agentmesh::from_hex(text).value(); }

template <std::size_t N, class Tag>
std::string text(const agentmesh::crypto::secret<N, Tag>& secret) {
    return agentmesh::to_base64(secret.reveal(), agentmesh::base64_form::standard_padded);
}

}  // namespace answers
