// What a registry asks others before it can answer: texts in the DNS, and providers of logins over HTTP. The service
// only says what it wants to know; whoever drives it asks, and comes back with what was said.
//
//     auto out = mesh.begin(request, {address}, now);
//     while (auto* waiting = std::get_if<registry::open_request>(&out))
//         out = mesh.resume(std::move(*waiting), ask(waiting->question), clock.now());
//     send(std::get<http::response>(out));
#pragma once

#include <agentmesh/core/result.hpp>
#include <agentmesh/http/message.hpp>

#include <string>
#include <variant>
#include <vector>

namespace agentmesh::registry {

/// The TXT records of a name. None, or no such name, is an answer without texts.
struct text_question {
    std::string name;

    friend bool operator==(const text_question&, const text_question&) = default;
};

/// One request to a server that the operator named. Host is left for whoever asks; redirections are not followed.
struct web_question {
    std::string url;  ///< scheme and authority: `https://login.example`
    http::request request;

    friend bool operator==(const web_question&, const web_question&) = default;
};

using outside_question = std::variant<text_question, web_question>;
/// What was said, in the order of the questions; an error where nobody answered.
using outside_answer = std::variant<result<std::vector<std::string>>, result<http::response>>;

/// A request that waits for an answer from elsewhere. It holds no place in the store, and may be dropped.
struct open_request {
    /// Where to go on.
    enum class stage : std::uint8_t { domain, login_token, login_keys };

    outside_question question;
    stage at = stage::domain;
    http::request request;
    std::string address;  ///< of the caller
    std::string kept{};   ///< what the stage knew already
};

}  // namespace agentmesh::registry
