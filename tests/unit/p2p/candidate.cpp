#include <agentmesh/p2p/candidate.hpp>

#include <catch2/catch.hpp>

using namespace agentmesh;
using p2p::candidate_kind;

namespace {

endpoint at(std::string_view address, std::uint16_t port = 40'000) {
    const auto out = parse_address(address, port);
    REQUIRE(out);
    return *out;
}

}  // namespace

TEST_CASE("a candidate is written as RFC 8839 has it, and read again", "[unit][p2p][AM-P2P-010][AM-P2P-011]") {
    const p2p::candidate host{.at = at("198.51.100.7"),
                              .kind = candidate_kind::host,
                              .priority = p2p::candidate_priority(candidate_kind::host, 65'535),
                              .foundation = "1"};
    CHECK(p2p::write_candidate(host) == "candidate:1 1 udp 2130706431 198.51.100.7 40000 typ host");
    CHECK(p2p::parse_candidate(p2p::write_candidate(host)).value() == host);

    const p2p::candidate relayed{.at = at("2001:db8::5", 9),
                                 .kind = candidate_kind::relayed,
                                 .priority = 1,
                                 .foundation = "a+/Z9",
                                 .base = at("10.0.0.1", 77)};
    CHECK(p2p::write_candidate(relayed) == "candidate:a+/Z9 1 udp 1 2001:db8::5 9 typ relay raddr 10.0.0.1 rport 77");
    CHECK(p2p::parse_candidate(p2p::write_candidate(relayed)).value() == relayed);
}

TEST_CASE("candidates of browsers and of aiortc are read", "[unit][p2p][AM-P2P-010]") {
    const auto chromium = p2p::parse_candidate(
        "candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag "
        "LFGm "
        "network-cost 999");
    REQUIRE(chromium);
    CHECK(chromium->kind == candidate_kind::server_reflexive);
    CHECK(chromium->at == at("203.0.113.9", 46154));
    CHECK(p2p::parse_candidate("a=candidate:0 1 UDP 2122252543 192.168.1.9 5000 typ host"));
    // Hidden behind a name of mDNS: not an address, so nothing to send to.
    CHECK_FALSE(p2p::parse_candidate(
        "candidate:1 1 udp 2113937151 4f1d2c3b-0000-4000-8000-000000000000.local 50000 typ host generation 0"));
    CHECK_FALSE(p2p::parse_candidate("candidate:1 1 tcp 1518280447 192.168.1.9 9 typ host tcptype active"));
}

TEST_CASE("what is not a candidate is refused", "[unit][p2p][AM-P2P-010]") {
    for (const std::string_view text :
         {"", "candidate:", "candidate:1", "1 1 udp 1 192.0.2.1 1 typ host", "candidate: 1 udp 1 192.0.2.1 1 typ host",
          "candidate:1 2 udp 1 192.0.2.1 1 typ host", "candidate:1 1 udp 0 192.0.2.1 1 typ host",
          "candidate:1 1 udp 2147483648 192.0.2.1 1 typ host", "candidate:1 1 udp -1 192.0.2.1 1 typ host",
          "candidate:1 1 udp 1 192.0.2.1 0 typ host", "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
          "candidate:1 1 udp 1 192.0.2.1 01 typ host", "candidate:1 1 udp 1 192.0.2.1 1 host",
          "candidate:1 1 udp 1 192.0.2.1 1 typ guest", "candidate:1 1 udp 1 192.0.2.1 1 typ",
          "candidate:1 1 udp 1 192.0.2.1 1 typ host generation", "candidate:1  1 udp 1 192.0.2.1 1 typ host",
          "candidate:1 1 udp 1 localhost 1 typ host", "candidate:a_b 1 udp 1 192.0.2.1 1 typ host"}) {
        INFO(text);
        const auto read = p2p::parse_candidate(text);
        REQUIRE_FALSE(read);
        CHECK(read.error() == error{errc::bad_candidate, "AM-P2P-010"});
    }
    CHECK_FALSE(p2p::parse_candidate("candidate:1 1 udp 1 192.0.2.1 1 typ host x " + std::string(512, 'y')));
}

TEST_CASE("an address has one spelling", "[unit][p2p][AM-P2P-010]") {
    for (const std::string_view text : {"127.1", "0177.0.0.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "127.0.0.1 ",
                                        "::ffff:127.0.0.001", "0:0:0:0:0:0:0:1", "2001:DB8::1", "2001:db8:0::1",
                                        "fe80::1%eth0", "[::1]", "", "1.2.3.4.5", "1.2.3", "::ffff:7f00:1"}) {
        INFO(text);
        CHECK_FALSE(parse_address(text, 1));
    }
    for (const std::string_view text : {"127.0.0.1", "::1", "2001:db8::1", "::ffff:127.0.0.1", "255.255.255.255"})
        CHECK(address_text(at(text)) == text);
}

TEST_CASE("nothing is sent to addresses that the owner did not allow", "[unit][p2p][AM-P2P-012]") {
    const p2p::candidate_policy usual, home{.private_networks = true}, machine{.loopback = true};
    struct row {
        std::string_view address;
        bool usual, home, machine;
    };
    for (const auto& [address, in_usual, in_home, in_machine] :
         std::initializer_list<row>{{"5.9.1.2", true, true, true},
                                    {"2a01:4f8::1", true, true, true},
                                    {"10.0.0.1", false, true, false},
                                    {"172.16.0.1", false, true, false},
                                    {"172.31.255.255", false, true, false},
                                    {"172.32.0.1", true, true, true},
                                    {"192.168.1.1", false, true, false},
                                    {"100.64.0.1", false, true, false},
                                    {"100.128.0.1", true, true, true},
                                    {"fd12:3456::1", false, true, false},
                                    {"fc00::1", false, true, false},
                                    {"127.0.0.1", false, false, true},
                                    {"127.255.0.9", false, false, true},
                                    {"::1", false, false, true},
                                    {"169.254.169.254", false, false, false},
                                    {"fd00:ec2::254", false, false, false},
                                    {"fe80::1", false, false, false},
                                    {"224.0.0.251", false, false, false},
                                    {"ff02::fb", false, false, false},
                                    {"255.255.255.255", false, false, false},
                                    {"0.0.0.0", false, false, false},
                                    {"::", false, false, false},
                                    {"::ffff:10.0.0.1", false, false, false},
                                    {"::ffff:5.9.1.2", false, false, false},
                                    {"2002:7f00:1::", false, false, false},
                                    {"2001:0:5ef5:79fb::1", false, false, false},
                                    {"64:ff9b::7f00:1", false, false, false},
                                    {"240.0.0.1", false, false, false}}) {
        INFO(address);
        CHECK(usual.allows(at(address)) == in_usual);
        CHECK(home.allows(at(address)) == in_home);
        CHECK(machine.allows(at(address)) == in_machine);
    }
    CHECK_FALSE(usual.allows(at("5.9.1.2", 0)));
}

TEST_CASE("of the own candidates those are told that the policy allows", "[unit][p2p][AM-P2P-013]") {
    using reach = p2p::candidate_policy::reach;
    const p2p::candidate host{.at = at("5.9.1.2"), .kind = candidate_kind::host};
    const p2p::candidate inside{.at = at("192.168.0.2"), .kind = candidate_kind::host};
    const p2p::candidate relayed{.at = at("5.9.1.3"), .kind = candidate_kind::relayed};
    const p2p::candidate_policy always{}, only{.use = reach::relay_only}, never{.use = reach::never};
    CHECK(always.offers(host));
    CHECK_FALSE(always.offers(inside));
    CHECK(p2p::candidate_policy{.private_networks = true}.offers(inside));
    CHECK_FALSE(only.offers(host));
    CHECK(only.offers(relayed));
    CHECK_FALSE(never.offers(relayed));
}

TEST_CASE("priorities are those of RFC 8445", "[unit][p2p]") {
    CHECK(p2p::candidate_priority(candidate_kind::host, 65'535) == 2'130'706'431);
    CHECK(p2p::candidate_priority(candidate_kind::server_reflexive, 65'535) == 1'694'498'815);
    CHECK(p2p::candidate_priority(candidate_kind::peer_reflexive, 65'535) == 1'862'270'975);
    CHECK(p2p::candidate_priority(candidate_kind::relayed, 65'535) == 16'777'215);
    CHECK(p2p::pair_priority(2'130'706'431, 1'694'498'815) ==
          (std::uint64_t{1'694'498'815} << 32) + 2 * std::uint64_t{2'130'706'431} + 1);
    CHECK(p2p::pair_priority(1, 2) == (std::uint64_t{1} << 32) + 4);
}
