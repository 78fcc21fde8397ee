// vectors/ws/*.json against the machines. A member that nobody reads fails the test: a typo in a vector file
// must not turn into a row that checks nothing.
#include <agentmesh/ws/upgrade.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/ws_transcript.hpp"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

using namespace agentmesh;
using namespace ws_test;
using nlohmann::json;

namespace {

/// A JSON object each of whose members must be asked for.
class fields {
public:
    explicit fields(const json& object) : object_{object} {
        REQUIRE(object.is_object());
        for (const auto& [name, value] : object.items()) unread_.insert(name);
    }
    fields(const fields&) = delete;
    fields& operator=(const fields&) = delete;
    ~fields() { CHECK(unread_ == std::set<std::string>{}); }

    const json& operator[](const std::string& name) {
        INFO("member " << name);
        REQUIRE(object_.contains(name));
        unread_.erase(name);
        return object_[name];
    }
    std::string text(const std::string& name) { return (*this)[name].get<std::string>(); }
    [[nodiscard]] bool has(const std::string& name) const { return object_.contains(name); }
    template <class T>
    T value(const std::string& name, T otherwise) {
        return has(name) ? (*this)[name].get<T>() : otherwise;
    }

private:
    const json& object_;
    std::set<std::string> unread_;
};

buffer bytes_of(const json& hex) {
    const auto bytes = from_hex(hex.get<std::string>());
    REQUIRE(bytes);
    return *bytes;
}

/// Calls `judge(group type, shared, test)` for each row, after checking what all rows have in common.
template <class Judge>
void for_each_row(const std::string& name, Judge&& judge) {
    std::ifstream file{AGENTMESH_SOURCE_DIR "/vectors/" + name + ".json"};
    REQUIRE(file);
    const json document = json::parse(file);
    fields top{document};
    CHECK(top.text("schema") == "agentmesh-vectors-1");
    CHECK(top.text("name") == name);
    {
        fields spec{top["spec"]};
        CHECK(spec["revision"].is_string());
        CHECK(spec["sentences"].is_object());
        fields generator{top["generator"]};
        for (const char* member : {"name", "version", "seed", "command"}) CHECK(generator[member].is_string());
    }
    const json& notes = top["notes"];
    for (const auto& [flag, about] : notes.items()) {
        fields note{about};
        for (const char* member : {"req", "references"}) CHECK(note[member].is_array());
        for (const char* member : {"bug", "effect"}) CHECK(note[member].is_string());
    }

    std::map<int, std::string> expected;  // by tcId
    std::map<int, int> twins;
    for (const json& group_object : top["groups"]) {
        fields group{group_object};
        CHECK(group["origin"].is_string());
        const std::string type = group.text("type");
        const json shared = group.value("shared", json::object());
        for (const json& test_object : group["tests"]) {
            fields test{test_object};
            const int id = test["tcId"];
            INFO(name << " " << id << ": " << test.text("comment"));
            CHECK(expected.emplace(id, test.text("expect")).second);
            CHECK_FALSE(test["flags"].empty());
            for (const json& flag : test["flags"]) CHECK(notes.contains(flag.get<std::string>()));
            if (test.has("twin")) {
                twins[id] = test["twin"];
                CHECK(test["repair"].is_object());
            }
            judge(type, shared, test);
        }
    }
    for (const auto& [id, why] : expected) {
        INFO(name << " " << id);
        if (why == "accept") continue;
        REQUIRE(twins.contains(id));
        CHECK(expected[twins[id]] == "accept");
    }
}

/// The reject class of each errc that occurs here.
std::string class_of(errc code) {
    switch (code) {
        case errc::ws_too_large:
        case errc::http_too_large: return "reject:limit";
        case errc::http_bad_version:
        case errc::http_not_upgrade: return "reject:version";
        case errc::http_forbidden:
        case errc::http_not_found:
        case errc::http_method: return "reject:policy";
        default: return "reject:parse";
    }
}

json as_json(const heard& event) {
    static constexpr const char* names[] = {"text", "binary", "ping", "pong", "closed", "failed"};
    json out{{"kind", names[static_cast<int>(event.kind)]}, {"payload", to_hex(as_bytes(event.payload))}};
    if (event.kind == ws::event_kind::closed) out["code"] = event.code;
    return out;
}

void judge_frames(const std::string& type, const json& shared, fields& test) {
    REQUIRE(type == "ws.receive");
    ws::message_limits limits;
    if (!shared.empty()) {
        fields bounds{shared};
        limits = {.message_bytes = bounds["message_bytes"], .fragments = bounds["fragments"]};
    }
    fields input{test["input"]};
    ws::mask_key key{};
    auto draw = [&key] { return key; };
    const bool server = input.text("role") == "server";
    if (!server) {
        const auto mask = bytes_of(input["mask"]);
        REQUIRE(mask.size() == key.size());
        std::copy(mask.begin(), mask.end(), key.begin());
    }
    const auto peer = [&] { return server ? ws::connection::server(limits) : ws::connection::client(draw, limits); };
    const auto stream = bytes_of(input["bytes"]);
    const auto heard = converse(peer(), stream);
    CHECK(heard == converse_bytewise(peer(), stream));

    if (test.text("expect") == "accept") {
        fields output{test["output"]};
        json events = json::array();
        for (const auto& event : heard.events) events.push_back(as_json(event));
        CHECK(events == output["events"]);
        CHECK(to_hex(as_bytes(heard.output)) == output.text("answer"));
        return;
    }
    REQUIRE_FALSE(heard.events.empty());
    const auto& last = heard.events.back();
    REQUIRE(last.kind == ws::event_kind::failed);
    CHECK(test.text("expect") == class_of(last.why.code));
    fields judged{test["intermediate"]};
    CHECK(last.code == judged["code"]);
    CHECK(last.why.clause == judged.text("clause"));
}

void judge_request_row(fields& test) {
    fields input{test["input"]};
    const std::string request = input["request"];
    ws::upgrade_options options;
    options.allowed_origins = input.value("origins", std::vector<std::string>{});
    options.subprotocols = input.value("subprotocols", std::vector<std::string>{});
    ws::server_handshake handshake{options};
    const auto decision = handshake.feed(as_bytes(request));
    REQUIRE(decision);
    if (test.text("expect") == "accept") {
        fields output{test["output"]};
        if (output.text("decision") == "plain") {
            const auto* plain_http = std::get_if<ws::plain_request>(&*decision);
            REQUIRE(plain_http);
            CHECK(plain_http->path == output.text("path"));
            return;
        }
        const auto* accepted = std::get_if<ws::upgrade_accepted>(&*decision);
        REQUIRE(accepted);
        CHECK(accepted->path == output.text("path"));
        CHECK(accepted->answer == output.text("answer"));
        return;
    }
    const auto* refused = std::get_if<ws::upgrade_refused>(&*decision);
    REQUIRE(refused);
    fields judged{test["intermediate"]};
    CHECK(test.text("expect") == class_of(refused->why.code));
    CHECK(refused->status == judged["status"]);
    CHECK(refused->why.clause == judged.text("clause"));
}

void judge_answer_row(const json& shared, fields& test) {
    fields constants{shared};
    const auto nonce = bytes_of(constants["nonce"]);
    REQUIRE(nonce.size() == 16);
    fields input{test["input"]};
    const std::string offered = input["offered"];
    auto client = ws::client_handshake::begin({.host = "relay.example", .subprotocols = offered},
                                              std::span<const std::uint8_t, 16>{nonce.data(), 16});
    REQUIRE(client);
    const std::string answer = input.text("answer");
    auto rest = as_bytes(answer);
    const auto outcome = client->feed(rest);
    if (test.text("expect") == "accept") {
        CHECK(outcome == true);
        fields output{test["output"]};
        CHECK(client->subprotocol() == output.text("subprotocol"));
        return;
    }
    REQUIRE_FALSE(outcome);
    fields judged{test["intermediate"]};
    const auto& why = outcome.error();
    CHECK(why.clause == judged.text("clause"));
    const std::string expect = test.text("expect");
    if (why.code == errc::ws_bad_accept) {
        CHECK(expect == (why.clause == "AM-WSK-014"   ? "reject:auth"
                         : why.clause == "AM-WSK-015" ? "reject:policy"
                                                      : "reject:parse"));
    } else {
        CHECK(expect == class_of(why.code));
    }
}

}  // namespace

TEST_CASE("every row of ws/frames.json comes out as it says", "[vector][ws][AM-WSK-030]") {
    for_each_row("ws/frames", judge_frames);
}

TEST_CASE("every row of ws/handshake.json comes out as it says", "[vector][ws][AM-WSK-001]") {
    for_each_row("ws/handshake", [](const std::string& type, const json& shared, fields& test) {
        if (type == "ws.request") return judge_request_row(test);
        REQUIRE(type == "ws.answer");
        judge_answer_row(shared, test);
    });
}
