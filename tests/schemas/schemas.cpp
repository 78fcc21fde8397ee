// schemas/ against what the machines put on the wire, the vectors, and the samples that must be refused.
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/relay/client.hpp>

#include "tests/support/relay_script.hpp"

#include <filesystem>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

using namespace agentmesh;
using namespace vectors;

namespace {

using json = nlohmann::json;
using adapter = valijson::adapters::NlohmannJsonAdapter;

json load(const std::filesystem::path& below) {
    std::ifstream file{std::filesystem::path{AGENTMESH_SOURCE_DIR} / below};
    INFO(below);
    REQUIRE(file);
    return json::parse(file);
}

/// One file of schemas/, with what it refers to.
class frame_schema {
public:
    explicit frame_schema(const std::string& name) {
        const json document = load("schemas/" + name);
        const auto folder = std::filesystem::path{"schemas"} / std::filesystem::path{name}.parent_path();
        const auto fetch = [&](const std::string& uri) {
            return std::make_unique<json>(load(folder / std::filesystem::path{uri}.filename())).release();
        };
        valijson::SchemaParser parser;
        parser.populateSchema(adapter{document}, schema_, fetch, [](const json* fetched) { delete fetched; });
    }

    [[nodiscard]] bool accepts(const json& instance) {
        valijson::Validator validator{valijson::Validator::kStrongTypes};
        return validator.validate(schema_, adapter{instance}, nullptr);
    }

private:
    valijson::Schema schema_;
};

bool carries(const json& test, const std::string& flag) {
    const json& flags = test.at("flags");
    return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

TEST_CASE("every frame of the relay in the vectors' conversations is of its schema",
          "[schemas][relay][AM-AUT-001][AM-AUT-028][AM-AUT-043][AM-RLY-001][AM-RLY-008][AM-RLY-009][AM-RLY-021]"
          "[AM-RLY-040][AM-RLY-050][AM-RLY-060][AM-RLY-061][AM-RLY-064][AM-RLY-070][AM-ERR-011][AM-LIM-012]") {
    frame_schema any{"relay/frame.json"};
    std::map<std::string, std::size_t> seen;
    for_each_row("relay/conversations", {{"relay.conversation", [&](fields& in, const row& of) {
                                              relay_conversation conversation{in, of.now, [&](const std::string& text) {
                                                                                  const auto frame = json::parse(text);
                                                                                  INFO(text);
                                                                                  CHECK(any.accepts(frame));
                                                                                  ++seen[frame.at("type")];
                                                                              }};
                                              conversation.run();
                                          }}});
    // All types of the table, so that no schema goes untried.
    CHECK(seen.size() == 10);
    for (const auto& [type, count] : seen) {
        INFO(type);
        CHECK(frame_schema{"relay/" + type + ".json"}.accepts(json{{"type", type}}) == false);
        CHECK(count > 0);
    }
}

/// A client machine on one connection of a relay machine; each judges what the other sends by its schema.
struct joined_client {
    const local_identity& self;
    relay::client machine;
    std::deque<std::string> to_relay;
    std::vector<std::string> delivered;

    void send_text(std::string_view text) { to_relay.emplace_back(text); }
    void close(std::uint16_t, std::string_view) { FAIL("the client gave up"); }
    void connected(const wire::connected_frame&) {}
    bool received(const wire::receive_frame& message) {
        delivered.emplace_back(message.payload);
        return true;
    }
    void answered(const wire::relay_frame&) {}
    void ended(const relay::client_end&) {}
};

TEST_CASE("two clients and a relay speak by the schemas alone",
          "[schemas][relay][AM-AUT-043][AM-AUT-044][AM-RLY-001][AM-RLY-040]") {
    frame_schema from_client{"client/frame.json"}, from_relay{"relay/frame.json"};
    std::set<std::string> types;
    const auto judge = [&](frame_schema& schema, const std::string& text) {
        INFO(text);
        const auto frame = json::parse(text);
        CHECK(schema.accepts(frame));
        types.insert(frame.at("type"));
    };
    relay_conversation::machine relay{{.name = "relay.example:8765", .first_start = true},
                                      moment{},
                                      relay::memory_mailbox{relay::mailbox_caps{}},
                                      listed_random{}};
    crypto::scripted_random random{7};
    const auto alice_self = local_identity::create(random, time_point{}),
               bob_self = local_identity::create(random, time_point{});
    REQUIRE((alice_self && bob_self));
    const relay::client_options chosen{.relay_name = "relay.example:8765"};
    joined_client alice{*alice_self, *relay::client::create(*alice_self, chosen, random), {}, {}};
    joined_client bob{*bob_self, *relay::client::create(*bob_self, chosen, random), {}, {}};
    const std::array<joined_client*, 2> clients{&alice, &bob};

    moment now{};
    recorded_actions sink;
    const auto settle = [&] {
        for (bool more = true; more;) {
            more = false;
            for (int conn = 0; conn < 2; ++conn) {
                auto& client = *clients[static_cast<std::size_t>(conn)];
                now = now + std::chrono::milliseconds{1};
                for (; !client.to_relay.empty(); client.to_relay.pop_front(), more = true) {
                    judge(from_client, client.to_relay.front());
                    relay.on_text(relay::connection_id(conn), client.to_relay.front(), now, sink);
                }
            }
            const auto out = std::exchange(sink.out, {});
            for (const auto& [conn, actions] : out)
                for (const json& action : actions) {
                    REQUIRE(action.contains("frame"));
                    const auto text = action["frame"].dump();
                    judge(from_relay, text);
                    auto& client = *clients[static_cast<std::size_t>(conn)];
                    client.machine.on_text(text, now, client);
                    more = true;
                }
        }
    };
    for (int conn = 0; conn < 2; ++conn) {
        auto& client = *clients[static_cast<std::size_t>(conn)];
        relay.on_opened(relay::connection_id(conn), now, sink);
        client.machine.on_open(now, client);
    }
    settle();
    REQUIRE((alice.machine.is_ready() && bob.machine.is_ready()));
    REQUIRE(alice.machine.send(bob.self.name(), "one", wire::message_type::message, alice));
    REQUIRE(alice.machine.send(bob.self.name(), "two", wire::message_type::knock, alice, R"([{"candidate":"c"}])"));
    REQUIRE(bob.machine.say(wire::presence_query_text(alice.self.name().text()), bob));
    REQUIRE(bob.machine.say(wire::ping_text("2026-11-21T12:00:00+00:00"), bob));
    REQUIRE(bob.machine.say(wire::ice_text(false, alice.self.name().text(), "v=0"), bob));
    settle();
    CHECK(bob.delivered == std::vector<std::string>{"one", "two"});
    CHECK(types == std::set<std::string>{"connect", "challenge", "challenge_response", "connected", "send", "accepted",
                                         "receive", "ack", "presence_query", "presence_response", "ping", "pong",
                                         "ice_offer"});
}

TEST_CASE("every frame that a client writes is of its schema", "[schemas][wire][AM-ERR-003][AM-ERR-004][AM-ID-006]") {
    frame_schema any{"client/frame.json"};
    const std::string name = "jZ6CK1dpcZD4oPYScUJvifP7BtJ", time = "2026-11-21T12:00:00Z", proof(86, 'A');
    const std::string candidates = R"([{"candidate":"c","sdp_mid":null,"sdp_mline_index":0}])";
    wire::connect_fields connect{name, "", time, ""};
    const std::string key = std::string(43, 'A') + "=", signature_text = proof + "==";
    connect.public_key = key;
    connect.signature = signature_text;
    std::set<std::string> types;
    for (const std::string& text :
         {wire::connect_text(connect), wire::challenge_response_text(time, signature_text),
          wire::send_text(name, "x", wire::message_type::knock),
          wire::send_text(name, "\"\n", wire::message_type::message, "m-1", candidates), wire::ack_text(name, "~1"),
          wire::presence_text(wire::presence::dnd), wire::presence_query_text(name),
          wire::ice_text(false, name, "v=0\r\n", candidates), wire::ice_text(true, name, "", "[]"),
          wire::established_text(name), wire::ping_text(time), wire::disconnect_text("bye")}) {
        INFO(text);
        const auto frame = json::parse(text);
        CHECK(any.accepts(frame));
        types.insert(frame.at("type"));
    }
    CHECK(types.size() == 11);
}

TEST_CASE("frame vectors are accepted and refused by the schemas",
          "[schemas][AM-ERR-002][AM-ERR-003][AM-ERR-004][AM-ERR-005][AM-RLY-004][AM-RLY-066]") {
    const auto [file, name] = GENERATE(table<std::string, std::string>(
        {{"wire/client_frames", "client/frame.json"}, {"wire/relay_frames", "relay/frame.json"}}));
    frame_schema schema{name};
    std::size_t judged = 0;
    const json document = load("vectors/" + file + ".json");
    for (const json& group : document.at("groups")) {
        for (const json& test : group.at("tests")) {
            const auto text = test.at("input").at("text").get<std::string>();
            INFO(file << " " << test.at("tcId") << ": " << test.at("comment"));
            // Faults of the text itself, such as a name given twice, are gone once there is a value.
            if (carries(test, "strict-json") || !json::accept(text)) continue;
            CHECK(schema.accepts(json::parse(text)) == (test.at("expect") == "accept"));
            ++judged;
        }
    }
    CHECK(judged >= 160);
}

TEST_CASE("CONNECT vectors that are accepted are of their schema", "[schemas][AM-AUT-001]") {
    frame_schema schema{"client/connect.json"};
    const json document = load("vectors/auth/connect.json");
    std::size_t judged = 0;
    for (const json& group : document.at("groups"))
        for (const json& test : group.at("tests")) {
            INFO(test.at("comment"));
            if (test.at("expect").get<std::string>().starts_with("reject")) continue;
            CHECK(schema.accepts(json::parse(test.at("input").at("frame").get<std::string>())));
            ++judged;
        }
    CHECK(judged >= 55);
}

TEST_CASE("negative samples are refused", "[schemas]") {
    std::size_t samples = 0;
    for (const auto& entry : std::filesystem::directory_iterator{AGENTMESH_SOURCE_DIR "/schemas/negative"}) {
        const json document = load(std::filesystem::path{"schemas/negative"} / entry.path().filename());
        frame_schema schema{document.at("schema").get<std::string>()};
        for (const json& sample : document.at("samples")) {
            INFO(entry.path().filename() << ": " << sample.at("why"));
            CHECK_FALSE(schema.accepts(sample.at("instance")));
            ++samples;
        }
    }
    CHECK(samples >= 75);
}

}  // namespace
