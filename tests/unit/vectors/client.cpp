// vectors/relay/client.json against the client machine.
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/relay/client.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

using json = nlohmann::json;

/// What the client did in one step, in the words of the vectors.
struct recorded_client {
    json out = json::array();
    bool dials_again = true;

    void send_text(std::string_view text) { out.push_back({{"send", json::parse(text)}}); }
    void close(std::uint16_t code, std::string_view) { out.push_back({{"close", code}}); }
    void connected(const wire::connected_frame&) { out.push_back({{"online", true}}); }
    bool received(const wire::receive_frame& message) {
        out.push_back(
            {{"deliver", {{"from", message.from}, {"id", message.id}, {"encrypted_payload", message.payload}}}});
        return true;
    }
    void answered(const wire::relay_frame&) { out.push_back({{"answered", true}}); }
    void ended(const relay::client_end& end) { dials_again = end.dial_again_in.has_value(); }
};

local_identity identity_of(const buffer& seed) {
    const auto signing = signing_seed::from(seed);
    const auto exchange = exchange_secret_key::from(seed);
    REQUIRE((signing && exchange));
    return {signing_key_pair{*signing}, exchange_key_pair{exchange_secret_key::from(seed).value()}, time_point{}};
}

class client_conversation {
public:
    client_conversation(fields& input, fields& shared, const std::string& now)
        : self_{identity_of(shared.bytes("seed"))}, wall_{time_of(now)} {
        CHECK(self_.name().text() == shared.text("amid"));
        const json told = input["told"];
        relay::client_options chosen;
        chosen.relay_name = input.text("dialled");
        if (told.is_string()) chosen.relay_name = told;
        features_ = input["features"].get<std::set<std::string>>();
        chosen.challenge = features_.contains("challenge");
        chosen.receipts = features_.contains("receipts");
        crypto::scripted_random random{1};
        agent_.emplace(*relay::client::create(self_, chosen, random));
        steps_ = input["steps"];
    }

    /// @param expected  what each step puts out, or null for one that the vectors leave open
    void play(const json& expected) {
        REQUIRE(expected.size() == steps_.size());
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            fields step{steps_[i]};
            INFO("step " << i);
            recorded_client sink = perform(step);
            INFO("expected " << expected[i] << " found " << sink.out);
            REQUIRE(sink.out.size() == expected[i].size());
            for (std::size_t n = 0; n < sink.out.size(); ++n) compare(expected[i][n], sink.out[n]);
        }
    }

private:
    recorded_client perform(fields& step) {
        const auto at = std::chrono::milliseconds{step["at"].get<std::int64_t>()};
        const moment now{steady_point{at}, wall_ + at};
        const auto what = step.text("do");
        recorded_client sink;
        if (what == "open")
            agent_->on_open(now, sink);
        else if (what == "text")
            agent_->on_text(step.text("text"), now, sink);
        else if (what == "closed") {
            agent_->on_closed(step["code"].get<std::uint16_t>(), now, sink);
            may_dial_ = sink.dials_again;
            sink.out.push_back({{"reconnect", may_dial_}});
        } else {
            REQUIRE(what == "tick");
            agent_->on_tick(now, sink);
            CHECK_FALSE(agent_->is_ready());
            CHECK_FALSE(agent_->next_deadline());  // nothing is waited for
            sink.out.push_back({{"reconnect", may_dial_}});
        }
        return sink;
    }

    // A proof says when it was made, which is the client's to choose within the window; so it is verified, and the
    // rest of the frame compared.
    void compare(json expected, json found) {
        if (expected == json{{"close", "<code>"}}) {
            CHECK(found.contains("close"));
            return;
        }
        if (expected.contains("send") && expected["send"].contains("signature")) {
            REQUIRE(found.contains("send"));
            json& wanted = expected["send"];
            json& sent = found["send"];
            const auto stamp = sent.at("timestamp").get<std::string>();
            const auto away = time_of(stamp) - time_of(wanted.at("timestamp").get<std::string>());
            CHECK(away >= duration{});
            CHECK(away < std::chrono::seconds{1});
            const auto proof = identity::parse_signature(sent.at("signature").get<std::string>());
            REQUIRE(proof);
            CHECK(crypto::verify(self_.signing().public_key(), proven_bytes(wanted, stamp), *proof));
            for (json* frame : {&wanted, &sent}) frame->erase("timestamp"), frame->erase("signature");
        }
        CHECK(found == expected);
    }

    [[nodiscard]] buffer proven_bytes(const json& frame, const std::string& stamp) const {
        if (frame.at("type") == "connect") return {stamp.begin(), stamp.end()};
        const json asked = json::parse(steps_.back().at("text").get<std::string>());
        const auto nonce = from_base64_exact<wire::challenge_nonce>(asked.at("nonce").get<std::string>(),
                                                                    base64_form::standard_padded);
        REQUIRE(nonce);
        const auto name = asked.at("relay").get<std::string>();
        return wire::challenge_proof_bytes(
            {*nonce, name, stamp, self_.name(), "challenge,receipts", "challenge,receipts"});
    }

    local_identity self_;
    time_point wall_;
    std::set<std::string> features_;
    std::optional<relay::client> agent_;
    json steps_;
    bool may_dial_ = true;
};

TEST_CASE("the client keeps to the conversations of the vectors",
          "[vectors][relay][AM-ID-006][AM-AUT-033][AM-AUT-049][AM-RLY-049]") {
    const auto rows =
        for_each_row("relay/client", {
                                         {"connect.write",
                                          [](fields& in, const row& of) {
                                              fields output{of.output};
                                              const auto self = identity_of(in.bytes("seed"));
                                              const auto timestamp = in.text("timestamp");
                                              relay::client_options chosen;
                                              const bool features = !in["features"].empty();
                                              chosen.challenge = chosen.receipts = features;
                                              CHECK_FALSE(in.text("agent").empty());
                                              crypto::scripted_random random{1};
                                              auto agent = *relay::client::create(self, chosen, random);
                                              recorded_client sink;
                                              agent.on_open({steady_point{}, time_of(timestamp)}, sink);
                                              CHECK(sink.out == json::array({{{"send", output["frame"]}}}));
                                          }},
                                         {"client.conversation",
                                          [](fields& in, const row& of) {
                                              fields shared{of.shared}, output{of.output};
                                              client_conversation{in, shared, of.now}.play(output["steps"]);
                                          }},
                                     });
    CHECK(rows >= 25);
}

}  // namespace
