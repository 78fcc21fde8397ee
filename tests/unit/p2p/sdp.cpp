#include <agentmesh/p2p/sdp.hpp>

#include <catch2/catch.hpp>

using namespace agentmesh;
using role = p2p::session_description::role;

namespace {

p2p::session_description sample() {
    p2p::session_description out{.ice = {"Ab+/", std::string(22, 'p')}};
    for (std::size_t i = 0; i < 32; ++i) out.fingerprint.storage()[i] = static_cast<std::uint8_t>(i * 7);
    out.candidates.push_back({.at = endpoint::v4(0x05050505, 5000), .priority = 9, .foundation = "1"});
    return out;
}

const std::string fingerprint =
    "00:07:0E:15:1C:23:2A:31:38:3F:46:4D:54:5B:62:69:70:77:7E:85:8C:93:9A:A1:A8:AF:B6:BD:C4:CB:D2:D9";

/// An offer of a browser, with things that it says besides.
const std::string of_browser =
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n"
    "a=msid-semantic: WMS\r\nm=application 51472 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.9\r\n"
    "a=candidate:842163049 1 udp 2113937151 4f1d2c3b-0000-4000-8000-000000000000.local 51472 typ host generation 0\r\n"
    "a=candidate:842163050 1 udp 1677729535 203.0.113.9 51472 typ srflx raddr 0.0.0.0 rport 0 generation 0\r\n"
    "a=ice-ufrag:Ab+/\r\na=ice-pwd:pppppppppppppppppppppp\r\na=ice-options:trickle\r\na=fingerprint:sha-256 " +
    fingerprint + "\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";

/// The same with one text in place of another, which must be there.
std::string with(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a description is written and read again", "[unit][p2p][AM-P2P-070][AM-P2P-071]") {
    auto one = sample();
    CHECK(p2p::parse_sdp(p2p::write_sdp(one), role::offer).value() == one);
    one.what = role::answer;
    one.setup = p2p::dtls_setup::active;
    one.mid = "data";
    one.sctp_port = 7;
    one.max_message_size = 0;
    one.all_candidates = true;
    one.candidates.clear();
    CHECK(p2p::parse_sdp(p2p::write_sdp(one), role::answer).value() == one);
    CHECK(p2p::write_sdp(one).find(fingerprint) != std::string::npos);
    // Nothing of this machine but what was said to be told.
    CHECK(p2p::write_sdp(one).find("127.") == std::string::npos);
}

TEST_CASE("an offer of a browser is read", "[unit][p2p][AM-P2P-070]") {
    const auto read = p2p::parse_sdp(of_browser, role::offer);
    REQUIRE(read);
    CHECK(read->ice == sample().ice);
    CHECK(read->fingerprint == sample().fingerprint);
    CHECK(read->max_message_size == 262'144);
    REQUIRE(read->candidates.size() == 1);  // the other hides behind a name
    CHECK(read->candidates[0].kind == p2p::candidate_kind::server_reflexive);
    CHECK_FALSE(read->all_candidates);
}

TEST_CASE("an answer of aiortc is read", "[unit][p2p][AM-P2P-070][AM-P2P-072]") {
    const std::string text =
        "v=0\r\no=- 3990000000 3990000000 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic:WMS "
        "*\r\n"
        "m=application 44444 DTLS/SCTP 5000\r\nc=IN IP4 192.168.1.9\r\na=mid:0\r\na=sctpmap:5000 webrtc-datachannel "
        "65535\r\n";
    CHECK_FALSE(p2p::parse_sdp(text, role::answer));  // the form of drafts, which current ones do not write
    const std::string current =
        "v=0\r\no=- 3990000000 3990000000 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic:WMS "
        "*\r\n"
        "m=application 44444 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 "
        "192.168.1.9\r\na=mid:0\r\na=sctp-port:5000\r\n"
        "a=max-message-size:65536\r\na=candidate:cd1 1 udp 2130706431 192.168.1.9 44444 typ "
        "host\r\na=end-of-candidates\r\n"
        "a=ice-ufrag:Ab+/\r\na=ice-pwd:pppppppppppppppppppppp\r\na=fingerprint:sha-256 " +
        fingerprint + "\r\na=fingerprint:sha-512 " + fingerprint + "\r\na=setup:active\r\n";
    std::string quoted;
    json::append_quoted(quoted, current);
    const auto read = p2p::parse_description_json(R"({"sdp": )" + quoted + R"(, "type": "answer"})");
    REQUIRE(read);
    CHECK(read->what == role::answer);
    CHECK(read->setup == p2p::dtls_setup::active);
    CHECK(read->candidates.size() == 1);
    CHECK(read->all_candidates);
    CHECK(p2p::parse_description_json(p2p::write_description_json(*read)).value() == *read);
}

TEST_CASE("the session's word serves where the medium has none", "[unit][p2p][AM-P2P-070]") {
    auto text = with(of_browser, "a=fingerprint:sha-256 " + fingerprint + "\r\n", "");
    CHECK_FALSE(p2p::parse_sdp(text, role::offer));
    text = with(text, "a=group:", "a=fingerprint:SHA-256 " + fingerprint + "\r\na=group:");
    CHECK(p2p::parse_sdp(text, role::offer));
    // And gives way to the medium's own.
    const auto other = with(fingerprint, "00:07", "FF:FF");
    text = with(of_browser, "a=group:", "a=fingerprint:sha-256 " + other + "\r\na=group:");
    CHECK(p2p::parse_sdp(text, role::offer)->fingerprint == sample().fingerprint);
}

TEST_CASE("a description that is none of one data channel is refused", "[unit][p2p][AM-P2P-070]") {
    const auto refused = [](const std::string& text, role what = role::offer) {
        INFO(text);
        const auto read = p2p::parse_sdp(text, what);
        REQUIRE_FALSE(read);
        CHECK(read.error().clause == "AM-P2P-070");
    };
    refused("");
    refused("v=0\r\n");
    refused(with(of_browser, "v=0\r\n", ""));
    refused(with(of_browser, "v=0", "v=1"));
    refused("v=0\r\n" + of_browser);
    refused(of_browser + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    refused(with(of_browser, "m=application 51472", "m=audio 51472"));
    refused(with(of_browser, "m=application 51472", "m=application 0"));
    refused(with(of_browser, "UDP/DTLS/SCTP", "TCP/DTLS/SCTP"));
    refused(with(of_browser, "webrtc-datachannel", "other"));
    refused(with(of_browser, "a=ice-ufrag:Ab+/\r\n", ""));
    refused(with(of_browser, "a=ice-ufrag:Ab+/", "a=ice-ufrag:Ab"));
    refused(with(of_browser, "a=ice-pwd:p", "a=ice-pwd:"));
    refused(with(of_browser, "a=ice-ufrag:Ab+/", "a=ice-ufrag:Ab+/\r\na=ice-ufrag:Cd+/"));
    refused(with(of_browser, "sha-256", "sha-1"));
    refused(with(of_browser, "00:07", "00-07"));
    refused(with(of_browser, ":D9", ":D"));
    refused(with(of_browser, ":D9", ":DG"));
    refused(with(of_browser, ":D9", ":D9:00"));
    refused(with(of_browser, "a=setup:actpass", "a=setup:holdconn"));
    refused(with(of_browser, "a=setup:actpass\r\n", ""));
    refused(of_browser, role::answer);
    refused(with(of_browser, "a=mid:0", "a=mid:"));
    refused(with(of_browser, "sctp-port:5000", "sctp-port:0"));
    refused(with(of_browser, "sctp-port:5000", "sctp-port:65536"));
    refused(with(of_browser, "max-message-size:262144", "max-message-size:-1"));
    refused(with(of_browser, "s=-", "s"));
    refused(with(of_browser, "s=-", "S=-"));
    refused(with(of_browser, "s=-", std::string{"s=\0", 3}));
    refused(with(of_browser, "s=-", "s=a\rb"));
    refused(of_browser + "a=x:" + std::string(16 * 1024, 'x') + "\r\n");
    CHECK(p2p::parse_sdp(with(of_browser, "s=-\r\n", "s=-\n"), role::offer));
}

TEST_CASE("candidates behind the thirty-second are left out", "[unit][p2p][AM-P2P-022]") {
    auto text = of_browser;
    for (int i = 0; i < 100; ++i) text += "a=candidate:1 1 udp 9 5.5.5." + std::to_string(i) + " 5000 typ host\r\n";
    const auto read = p2p::parse_sdp(text, role::offer);
    REQUIRE(read);
    CHECK(read->candidates.size() == limits::ice_candidates);
}

TEST_CASE("a JSON text of another form is refused", "[unit][p2p][AM-P2P-072]") {
    std::string sdp;
    json::append_quoted(sdp, of_browser);
    CHECK(p2p::parse_description_json(R"({"type":"offer","x":[1],"sdp":)" + sdp + "}"));
    for (const auto& text :
         {std::string{"{}"}, std::string{"[]"}, R"({"sdp":)" + sdp + "}", std::string{R"({"type":"offer"})"},
          R"({"type":"pranswer","sdp":)" + sdp + "}", R"({"type":1,"sdp":)" + sdp + "}",
          R"({"type":"offer","sdp":{}})" + std::string{}, R"({"type":"offer","sdp":)" + sdp + "} x",
          R"({"type":"answer","sdp":)" + sdp + "}", R"({"type":"offer","type":"offer","sdp":)" + sdp + "}"}) {
        INFO(text);
        CHECK_FALSE(p2p::parse_description_json(text));
    }
}
