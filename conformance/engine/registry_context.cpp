#include "conformance/engine/registry_context.hpp"

#include "conformance/engine/context_state.hpp"
#include "conformance/engine/target.hpp"

#include <sodium.h>

namespace agentmesh::conformance {
namespace {

constexpr std::array<std::string_view, 3> user_agents{"python-httpx/0.27.2", "node", "Python/3.11 aiohttp/3.9.5"};
constexpr std::string_view components = R"(("@method" "@authority" "@path" "@query" "content-digest"))";

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

}  // namespace

std::string to_base64_url(std::string_view bytes) {
    auto out = to_base64(bytes);
    while (out.ends_with('=')) out.pop_back();
    for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        const auto byte = static_cast<unsigned char>(c);
        if (plain) out += c;
        else out.append(1, '%').append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return out;
}

const std::string& registry_context::authority() const noexcept { return s_->settings.authority; }

// -- requests -----------------------------------------------------------------------------------------------------------

http_request registry_context::request(std::string_view method, std::string_view path) {
    http_request out;
    out.method = method;
    out.target = base_path(s_->settings.path) + std::string{path};
    out.add("Host", s_->settings.authority)
        .add("User-Agent", std::string{user_agents[s_->random.below(user_agents.size())]})
        .add("Accept", "application/json");
    return out;
}

http_request& registry_context::set_body(http_request& of, std::string body) {
    of.body = std::move(body);
    return of.set("Content-Length", std::to_string(of.body.size()));
}

http_request registry_context::post_text(std::string_view path, std::string body) {
    auto out = request("POST", path);
    out.add("Content-Type", "application/json");
    set_body(out, std::move(body));
    return out;
}

http_request registry_context::post(std::string_view path, const json& body) {
    return post_text(path, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

// -- who sends it -------------------------------------------------------------------------------------------------------

json registry_context::signed_text(json body, const agent& who, std::string_view timestamp, std::string_view member) {
    body["timestamp"] = timestamp;
    body[std::string{member}] = who.sign(timestamp);
    return body;
}

json registry_context::signed_time(json body, const agent& who, stamp_form form) {
    return signed_text(std::move(body), who, stamp_now(form));
}

http_request registry_context::change(std::string_view path, json body, const agent& who) {
    return post(path, signed_time(std::move(body), who));
}

proof_fields registry_context::proof_of(const http_request& what, const agent& who, const proof_options& how) {
    const auto given = [](const std::string& bent, std::string right) { return bent.empty() ? std::move(right) : bent; };
    std::string nonce(16, '\0');
    s_->random.fill({reinterpret_cast<std::uint8_t*>(nonce.data()), nonce.size()});
    const auto seconds_now = std::chrono::floor<seconds>(now()).time_since_epoch().count();

    proof_fields out;
    out.digest = "sha-256=:" + to_base64(sha256(what.body)) + ":";
    const auto parameters = given(how.covered, std::string{components}) +
                            ";created=" + given(how.created, std::to_string(seconds_now)) + ";nonce=\"" +
                            given(how.nonce, to_base64_url(nonce)) + "\";keyid=\"" +
                            given(how.keyid, "did:agentmesh:" + who.amid()) + "\";alg=\"" + given(how.alg, "ed25519") +
                            "\";tag=\"" + given(how.tag, "agentmesh-registry-1") + "\"";
    const auto mark = what.target.find('?');
    const auto query = mark == std::string::npos ? std::string{"?"} : what.target.substr(mark);
    const auto base = "\"@method\": " + what.method + "\n\"@authority\": " +
                      given(how.authority, lower(what.field("Host"))) + "\n\"@path\": " + what.target.substr(0, mark) +
                      "\n\"@query\": " + query + "\n\"content-digest\": " + out.digest + "\n\"@signature-params\": " +
                      parameters;
    out.input = "agentmesh=" + parameters;
    out.signature = "agentmesh=:" + who.sign(base) + ":";
    return out;
}

http_request& registry_context::add_proof(http_request& to, const proof_fields& fields) {
    return to.set("Content-Digest", fields.digest)
        .set("Signature-Input", fields.input)
        .set("Signature", fields.signature);
}

http_request& registry_context::prove(http_request& what, const agent& who, const proof_options& how) {
    return add_proof(what, proof_of(what, who, how));
}

http_request registry_context::proved(std::string_view path, const json& body, const agent& who, const proof_options& how) {
    auto out = post(path, body);
    prove(out, who, how);
    return out;
}

// -- asking -------------------------------------------------------------------------------------------------------------

observation registry_context::answer(conn& on) {
    auto seen = on.next();
    for (int interim = 0; interim < 8 && seen.is(observation::kind::http) && seen.code < 200; ++interim) seen = on.next();
    s_->unanswered = s_->unanswered || !seen.is(observation::kind::http);
    return seen;
}

observation registry_context::ask(conn& on, const http_request& what) {
    if (s_->settings.known_reach < case_settings::reach::login)
        throw control_failed{"control failed; expected: a registry; saw: none at the start of the run"};
    on.send_request(what);
    return answer(on);
}

observation registry_context::ask(const http_request& what) {
    auto on = dial_tcp();
    auto closing = what;
    if (closing.field("Connection").empty()) closing.add("Connection", "close");
    auto out = ask(on, closing);
    on.hang_up();
    return out;
}

std::vector<observation> registry_context::ask_at_once(const std::vector<http_request>& all) {
    std::vector<conn> open;
    for (std::size_t i = 0; i < all.size(); ++i) open.push_back(dial_tcp());
    for (std::size_t i = 0; i < all.size(); ++i) {
        auto closing = all[i];
        if (closing.field("Connection").empty()) closing.add("Connection", "close");
        open[i].send_request(closing);
    }
    std::vector<observation> out;
    for (auto& on : open) out.push_back(answer(on));
    for (auto& on : open) on.hang_up();
    return out;
}

observation registry_context::ask_raw(std::string_view bytes) { return ask_pieces({std::string{bytes}}); }

observation registry_context::ask_pieces(const std::vector<std::string>& pieces) {
    auto on = dial_tcp();
    if (pieces.size() == 1) on.send_raw(pieces.front());
    else on.send_pieces(pieces);
    auto out = answer(on);
    on.hang_up();
    return out;
}

// -- agents and their bodies --------------------------------------------------------------------------------------------

std::string registry_context::exchange_key() {
    std::array<std::uint8_t, crypto_scalarmult_SCALARBYTES> secret{};
    s_->random.fill(secret);
    std::string key(crypto_scalarmult_BYTES, '\0');
    crypto_scalarmult_base(reinterpret_cast<unsigned char*>(key.data()), secret.data());
    return to_base64(key);
}

resident registry_context::resident_agent() {
    auto who = fresh();
    return {std::move(who), exchange_key()};
}

json registry_context::registration(const resident& of, const std::vector<std::string>& capabilities) {
    return json{{"amid", of.amid()},
                {"signing_public_key", of.who.public_key()},
                {"exchange_public_key", of.exchange_key},
                {"display_name", word()},
                {"capabilities", capabilities}};
}

prekey_upload registry_context::prekeys(const resident& of, std::int64_t id, std::size_t one_time, std::int64_t first) {
    prekey_upload out;
    out.key = exchange_key();
    out.signature = of.who.sign(*from_base64(out.key));
    out.id = id;
    for (std::size_t i = 0; i < one_time; ++i) out.one_time.emplace_back(first + static_cast<std::int64_t>(i), exchange_key());
    return out;
}

json registry_context::prekeys_body(const resident& of, const prekey_upload& keys) {
    json list = json::array();
    for (const auto& [id, key] : keys.one_time) list.push_back({{"id", id}, {"key", key}});
    return json{{"amid", of.amid()},
                {"signed_prekey", keys.key},
                {"signed_prekey_signature", keys.signature},
                {"signed_prekey_id", keys.id},
                {"one_time_prekeys", std::move(list)}};
}

// -- controls -----------------------------------------------------------------------------------------------------------

observation registry_context::must(const http_request& what, std::uint16_t status) {
    auto seen = ask(what);
    control(saw(seen, match::http(status)));
    return seen;
}

resident registry_context::enrolled(const json& more) {
    auto out = resident_agent();
    auto body = registration(out);
    body.update(more);
    (void)must(change("/v1/registry/register", std::move(body), out.who), 201);
    return out;
}

resident registry_context::enrolled_with_proof(const json& more) {
    auto out = resident_agent();
    auto body = registration(out);
    body.update(more);
    (void)must(proved("/v1/registry/register", body, out.who), 201);
    return out;
}

observation registry_context::must_find(const resident& who) {
    auto seen = ask(lookup(who.amid()));
    control(answered(seen) & that(seen.str("amid") == who.amid(), "the agent that was asked for", seen));
    return seen;
}

void registry_context::upload(const resident& who, const prekey_upload& keys) {
    (void)must(change("/v1/registry/prekeys", prekeys_body(who, keys), who.who));
}

http_request registry_context::fetch(std::string_view amid, const agent& asker) {
    auto out = fetch(amid);
    prove(out, asker);
    return out;
}

// -- findings -----------------------------------------------------------------------------------------------------------

finding registry_context::saw(const observation& seen, const matcher& what) {
    auto out = value_finding(what(seen), what.words);
    rest_on(out, seen);
    if (!out.holds) out.saw = describe(seen);
    return out;
}

finding registry_context::answered(const observation& seen, std::uint16_t status) {
    return saw(seen, match::http(status)) & that(seen.body.is_object(), "a JSON object", seen);
}

finding registry_context::unharmed(const resident& bystander) {
    const auto seen = ask(lookup(bystander.amid()));
    return answered(seen) & that(seen.str("amid") == bystander.amid() &&
                                     seen.str("signing_public_key").ends_with(bystander.who.public_key()) &&
                                     seen.str("exchange_public_key").ends_with(bystander.exchange_key),
                                 "the bystander's keys are as they were", seen);
}

finding registry_context::same_members(const observation& before, const observation& after,
                                       std::initializer_list<std::string_view> members) {
    bool same = before.body.is_object() && after.body.is_object();
    for (const auto name : members) {
        const std::string key{name};
        same = same && before.body.contains(key) && after.body.contains(key) && before.body.at(key) == after.body.at(key);
    }
    return that(same, "nothing has changed", before, after);
}

}  // namespace agentmesh::conformance
