// A registry in memory and agents that write to it, deployed ones and ours.
#pragma once

#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/registry/service.hpp>

#include "tests/support/catch.hpp"

namespace service_tests {

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

inline const time_point noon = time_point{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}} + 12h;

/// An agent's keys, and the bodies that it signs.
struct agent {
    signing_key_pair signing;
    exchange_key_pair exchange;

    explicit agent(std::uint64_t seed) : agent{crypto::scripted_random{seed}} {}

    [[nodiscard]] amid who() const { return amid::of(signing.public_key()); }
    [[nodiscard]] std::string name() const { return std::string{who().text()}; }
    [[nodiscard]] std::string sign(byte_view bytes) const {
        return to_base64(signing.sign(bytes).bytes(), base64_form::standard_padded);
    }

private:
    explicit agent(crypto::scripted_random random)
        : signing{signing_key_pair::generate(random).value()}, exchange{exchange_key_pair::generate(random).value()} {}
};

/// Members as JSON text: `{{"amid", json_text(name)}, {"score", "0.5"}}`.
using members = std::vector<std::pair<std::string, std::string>>;

inline std::string json_text(std::string_view text) {
    std::string out;
    json::append_quoted(out, text);
    return out;
}

inline std::string object(const members& all) {
    std::string out;
    json::writer to{out};
    to.begin_object();
    for (const auto& [name, value] : all) to.name(name).verbatim(value);
    to.end_object();
    return out;
}

/// The value of a top-level member as it stands in the text; empty if it is absent.
inline std::string member(const http::response& of, std::string_view name) {
    json::reader in{of.body};
    std::string out;
    in.begin_object();
    while (const auto one = in.next_member())
        if (*one == name) out = in.skip();
    if (!in.finish()) FAIL("not JSON: " << of.body);
    return out;
}

struct world {
    memory_store store{};
    crypto::scripted_random random{99};
    service<memory_store, crypto::scripted_random> mesh;
    moment now{.wall = noon};

    world() : world{service_options{.host = "registry.example", .relay_endpoint = "wss://relay.example/v1/connect"}} {}
    explicit world(service_options options) : mesh{store, std::move(options), random} {}
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    http::response send(const http::request& request) { return mesh.handle(request, {.address = "192.0.2.7"}, now); }

    http::response get(std::string path, std::string query = "") {
        return send({.method = "GET",
                     .path = std::move(path),
                     .query = std::move(query),
                     .fields = {{"Host", "registry.example"}}});
    }

    static http::request posting(std::string path, std::string body) {
        return {.method = "POST",
                .path = std::move(path),
                .fields = {{"Host", "registry.example"}, {"Content-Type", "application/json"}},
                .body = std::move(body)};
    }
    http::response post(std::string path, const members& all) { return send(posting(std::move(path), object(all))); }

    /// A time that no other request of this world has signed.
    std::string next_time() {
        now = now + 1us;
        return format_time(now.wall, utc_suffix::offset);
    }
    /// With a signed time, as deployed agents do.
    members dated(const agent& by, members all) {
        const auto time = next_time();
        all.emplace_back("timestamp", json_text(time));
        all.emplace_back("signature", json_text(by.sign(as_bytes(time))));
        return all;
    }
    http::response post_dated(std::string path, const agent& by, members all) {
        return post(std::move(path), dated(by, std::move(all)));
    }
    /// With a proof over all of it.
    http::request proven(const agent& by, http::request request) {
        REQUIRE(prove(request, by.signing, now.wall, random));
        return request;
    }
    http::response post_proven(std::string path, const agent& by, const members& all) {
        return send(proven(by, posting(std::move(path), object(all))));
    }

    static members enrolment(const agent& who) {
        return {
            {"amid", json_text(who.name())},
            {"signing_public_key", json_text(identity::to_text(who.signing.public_key(), identity::key_prefix::named))},
            {"exchange_public_key",
             json_text(identity::to_text(who.exchange.public_key(), identity::key_prefix::named))}};
    }
    void enroll(const agent& who, members more = {}) {
        auto all = enrolment(who);
        all.insert(all.end(), more.begin(), more.end());
        const auto out = post_dated("/v1/registry/register", who, all);
        INFO(out.body);
        REQUIRE(out.status == 201);
    }
    agent_row row(const agent& who) {
        return store.transact([&](memory_store::transaction& tx) { return tx.agent(who.who()); }).value().value();
    }
};

/// That a request was refused in this way, in the form of every refusal.
inline void check_refused(const http::response& out, std::uint16_t status, std::string_view word,
                          std::string_view clause) {
    INFO(out.body);
    CHECK(out.status == status);
    CHECK(member(out, "error") == json_text(word));
    CHECK(member(out, "clause") == json_text(clause));
    CHECK(out.fields.only("Content-Type") == "application/json");
}

}  // namespace service_tests
