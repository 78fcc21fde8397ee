#include "tests/support/relay_fixture.hpp"

#include "tests/support/catch.hpp"

using namespace relay_test;

namespace {

tree presence(const std::string& status) { return {{"type", "presence"}, {"status", status}}; }
tree query(const std::string& name) { return {{"type", "presence_query"}, {"amid", amid_of(name)}}; }
tree response(const std::string& name, const std::string& status) {
    return {{"type", "presence_response"}, {"amid", amid_of(name)}, {"status", status}};
}
tree ice(const std::string& type, const std::string& to) {
    return {{"type", type}, {"to", amid_of(to)}, {"sdp", "v=0\r\n"},
            {"candidates", {{{"candidate", "udp 1"}, {"sdp_mid", nullptr}, {"sdp_mline_index", 3}}}}};
}
tree established(const std::string& peer, const std::string& type = "p2_p_established") {
    return {{"type", type}, {"peer", amid_of(peer)}};
}
template <class Frame>
tree asked(relay_fixture& relay, connection_id id, const Frame& frame) {
    relay.say(id, frame);
    return relay.next(id);
}

}  // namespace

TEST_CASE("a connected agent is online until it says otherwise", "[unit][relay][AM-RLY-050][AM-RLY-052]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    auto bob = relay.login("bob");
    CHECK(asked(relay, alice, query("bob")) == response("bob", "online"));
    for (const std::string status : {"away", "dnd", "offline", "online", "dnd"}) {
        relay.say(bob, presence(status));
        CHECK(asked(relay, alice, query("bob")) == response("bob", status));
    }
    CHECK(relay.all(bob).empty());
    relay.drop(bob);
    bob = relay.login("bob");
    CHECK(asked(relay, alice, query("bob")) == response("bob", "online"));
}

TEST_CASE("an absent agent is offline, and nothing tells whether it ever was there",
          "[unit][relay][AM-RLY-051][AM-PRV-001]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    relay.drop(relay.login("bob"));
    CHECK(asked(relay, alice, query("bob")) == response("bob", "offline"));
    CHECK(asked(relay, alice, query("never")) == response("never", "offline"));
}

TEST_CASE("nobody sets the presence of another", "[unit][relay][AM-RLY-055]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    auto frame = presence("offline");
    frame["amid"] = amid_of("bob");
    frame["from"] = amid_of("bob");
    relay.say(alice, frame);
    CHECK(asked(relay, bob, query("bob")) == response("bob", "online"));
    CHECK(asked(relay, bob, query("alice")) == response("alice", "offline"));
}

TEST_CASE("an agent that is not to be disturbed hears no KNOCK but everything else",
          "[unit][relay][AM-RLY-053][AM-RLY-054]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    relay.say(bob, presence("dnd"));
    for (const std::string type : {"knock", "optimistic_message"}) {
        relay.say(alice, send_to("bob", "x", type));
        CHECK(relay.next_error(alice) == "RECIPIENT_OFFLINE");
    }
    for (const std::string type : {"accept", "reject", "message", "close", "status"})
        relay.say(alice, send_to("bob", "x", type));
    CHECK(relay.all(alice).empty());
    CHECK(relay.all(bob).size() == 5);
    relay.say(bob, presence("online"));
    relay.say(alice, send_to("bob", "x", "knock"));
    CHECK(relay.next(bob)["message_type"] == "knock");
    relay.drop(bob);
    relay.say(alice, send_to("bob", "x", "knock"));  // absence is not a wish
    CHECK(relay.all(alice).empty());
}

// --- signalling -------------------------------------------------------------------------------------------

TEST_CASE("offers and answers arrive unchanged and name their sender", "[unit][relay][AM-RLY-060][AM-RLY-061]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    auto expected = ice("ice_offer", "alice");
    relay.say(alice, ice("ice_offer", "bob"));
    CHECK(relay.next(bob) == expected);
    expected = ice("ice_answer", "bob");
    relay.say(bob, ice("ice_answer", "alice"));
    CHECK(relay.next(alice) == expected);
}

TEST_CASE("signalling to an absent agent is refused and not stored", "[unit][relay][AM-RLY-062][AM-RLY-063]") {
    relay_fixture relay;
    const auto alice = relay.login("alice");
    for (const std::string type : {"ice_offer", "ice_answer"}) {
        relay.say(alice, ice(type, "bob"));
        CHECK(relay.next_error(alice) == "RECIPIENT_OFFLINE");
        auto nobody = ice(type, "bob");
        nobody["to"] = "nobody";
        relay.say(alice, nobody);
        CHECK(relay.next_error(alice) == "UNKNOWN_RECIPIENT");
    }
    CHECK(relay.all(relay.login("bob")).empty());
}

TEST_CASE("established is passed on in one spelling after an offer and an answer", "[unit][relay][AM-RLY-064]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    relay.say(alice, ice("ice_offer", "bob"));
    relay.say(bob, ice("ice_answer", "alice"));
    (void)relay.all(alice), (void)relay.all(bob);
    relay.say(alice, established("bob", "p2_p_established"));
    CHECK(relay.next(bob) == established("alice"));
    relay.say(bob, established("alice", "p2p_established"));
    CHECK(relay.next(alice) == established("bob"));
}

TEST_CASE("established is refused to agents that exchanged nothing", "[unit][relay][AM-RLY-065][AM-RLY-011]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob"), mallory = relay.login("mallory");
    const auto refused = [&](connection_id from, const std::string& peer) {
        relay.say(from, established(peer));
        return relay.next_error(from) == "RECIPIENT_OFFLINE";
    };
    CHECK(refused(alice, "bob"));
    relay.say(alice, ice("ice_offer", "bob"));
    (void)relay.all(bob);
    CHECK(refused(alice, "bob"));
    CHECK(refused(bob, "alice"));
    relay.say(mallory, ice("ice_answer", "alice"));  // an answer to an offer that was made to another
    (void)relay.all(alice);
    CHECK(refused(mallory, "alice"));
    CHECK(refused(alice, "mallory"));
    relay.say(bob, ice("ice_answer", "alice"));
    (void)relay.all(alice);
    CHECK(refused(mallory, "bob"));
    relay.say(bob, established("alice"));
    CHECK(relay.next(alice) == established("bob"));
    relay.say(alice, tree{{"type", "p2_p_established"}, {"peer", "nobody"}});
    CHECK(relay.next_error(alice) == "UNKNOWN_RECIPIENT");
}

TEST_CASE("strangers cannot push an exchange out of an agent's memory", "[unit][relay][AM-RLY-065]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    relay.say(alice, ice("ice_offer", "bob"));
    relay.say(bob, ice("ice_answer", "alice"));
    for (int i = 0; i < 40; ++i) {
        const auto stranger = relay.login("stranger" + std::to_string(i));
        relay.say(stranger, ice("ice_offer", "alice"));
        relay.say(stranger, ice("ice_answer", "alice"));
    }
    (void)relay.all(alice);
    relay.say(bob, established("alice"));
    CHECK(relay.next(alice) == established("bob"));
    (void)relay.all(bob);
    relay.say(alice, established("bob"));
    CHECK(relay.next(bob) == established("alice"));
}

TEST_CASE("a candidate of another form is refused rather than passed on in part", "[unit][relay][AM-RLY-066]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    const std::vector<tree> bad{
        {{"candidate", "x"}, {"sdpMid", "0"}},
        {{"candidate", "x"}, {"sdpMLineIndex", 0}},
        {{"candidate", "x"}, {"sdp_mid", 0}},
        {{"candidate", "x"}, {"sdp_mline_index", "0"}},
        {{"candidate", "x"}, {"sdp_mline_index", 0.5}},
        {{"candidate", nullptr}},
        {{"sdp_mid", "0"}, {"sdp_mline_index", 0}},
        tree::array({"candidate"}),
        "udp 1",
    };
    for (const auto& candidate : bad) {
        CAPTURE(candidate);
        auto offer = ice("ice_offer", "bob");
        offer["candidates"].push_back(candidate);
        relay.say(alice, offer);
        CHECK(relay.next_error(alice) == "INVALID_MESSAGE");
        auto knock = send_to("bob", "x", "knock");
        knock["ice_candidates"] = {candidate};
        relay.say(alice, knock);
        CHECK(relay.next_error(alice) == "INVALID_MESSAGE");
    }
    CHECK(relay.all(bob).empty());
}

TEST_CASE("members missing from a candidate are passed on as null, unknown ones as they are",
          "[unit][relay][AM-RLY-060][AM-RLY-066]") {
    relay_fixture relay;
    const auto alice = relay.login("alice"), bob = relay.login("bob");
    auto offer = ice("ice_offer", "bob");
    offer["candidates"] = {{{"candidate", "1"}},
                           {{"candidate", "2"}, {"sdp_mid", "a"}},
                           {{"candidate", "3"}, {"sdp_mid", nullptr}, {"sdp_mline_index", 1}},
                           {{"candidate", "4"}, {"sdp_mline_index", 2}, {"usernameFragment", "u"}}};
    auto expected = offer["candidates"];
    expected[0]["sdp_mid"] = expected[0]["sdp_mline_index"] = nullptr;
    expected[1]["sdp_mline_index"] = nullptr;
    expected[3]["sdp_mid"] = nullptr;
    relay.say(alice, offer);
    CHECK(relay.next(bob)["candidates"] == expected);
    offer["candidates"] = tree::array();
    relay.say(alice, offer);
    CHECK(relay.next(bob)["candidates"] == tree::array());
}
