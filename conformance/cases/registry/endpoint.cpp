// REG-ENDPOINT: where an agent says that it can be reached. Whoever looks it up connects there, so an endpoint that
// leads into the network of others is refused in every spelling that some reader of URLs takes for one.
#include "conformance/cases/registry/support.hpp"

namespace agentmesh::conformance::registry_cases {
namespace {

/// Each of `urls` is refused as direct or as relay endpoint, the first one as both.
void refuse_endpoints(registry_context& t, const std::vector<std::string>& urls) {
    (void)t.enrolled(json{{"direct_endpoint", "https://agent.example.com:8443/inbox"}});
    const auto a = t.resident_agent();
    every all;
    std::size_t n = 0;
    for (const auto& url : urls) {
        auto body = t.registration(a);
        body[n++ % 2 == 0 ? "direct_endpoint" : "relay_endpoint"] = url;
        all += t.saw(t.ask(t.change(register_path, body, a.who)), match::http(400));
    }
    for (const char* member : {"direct_endpoint", "relay_endpoint"}) {
        auto body = t.registration(a);
        body[member] = urls.front();
        all += t.saw(t.ask(t.change(register_path, body, a.who)), match::http(400));
    }
    // With a right one in its place the same agent gets in.
    auto body = t.registration(a);
    body["direct_endpoint"] = "https://agent.example.com:8443/inbox";
    all += t.saw(t.ask(t.change(register_path, body, a.who)), match::http(201));
    t.refused(req::AM_REG_014, all);
}

}  // namespace

AM_CASE("REG-ENDPOINT-001") {
    .title = "an endpoint on the host itself is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://127.0.0.1/", "https://127.0.0.1:8443/admin", "wss://127.255.255.254/", "https://0.0.0.0/",
                             "wss://0.1.2.3/", "https://127.0.0.1#.example.com/", "https://127.0.0.1?.example.com/",
                             "https://127.0.0.1/.example.com/"});
    },
};

AM_CASE("REG-ENDPOINT-002") {
    .title = "an endpoint whose host is an address in another spelling is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(18),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://127.1/", "https://2130706433/", "wss://0x7f000001/", "https://017700000001/", "wss://0x7f.1/",
                             "https://0177.0.0.1/", "wss://127.0.1/", "https://127.0.0.1./", "wss://127.0.0.01/",
                             "https://0/", "wss://127.0.0.0x1/", "https://0x7f.0x0.0x0.0x1/", "wss://8.8.8.08/",
                             "https://00000000177.0.0.1/"});
    },
};

AM_CASE("REG-ENDPOINT-003") {
    .title = "an endpoint in a private, shared or special network is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(21),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://10.0.0.1/", "https://10.255.255.255/", "wss://172.16.0.1/", "https://172.31.255.254/",
                             "wss://192.168.1.1/", "https://100.64.0.1/", "wss://100.127.255.254/",
                             "https://169.254.169.254/latest/meta-data/", "wss://192.0.0.192/", "https://192.0.2.7/",
                             "wss://198.18.0.1/", "https://198.19.255.254/", "wss://198.51.100.9/", "https://203.0.113.5/",
                             "wss://224.0.0.251/", "https://240.0.0.1/", "wss://255.255.255.255/"});
    },
};

AM_CASE("REG-ENDPOINT-004") {
    .title = "an endpoint with an IPv6 address is refused, whatever is written within the brackets",
    .proves = {req::AM_REG_014},
    .cost = rtt(18),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://[::1]/", "https://[::1]:8443/", "wss://[::]/", "https://[0:0:0:0:0:0:0:1]/",
                             "wss://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "wss://[::127.0.0.1]/",
                             "https://[64:ff9b::7f00:1]/", "wss://[2002:7f00:1::]/", "https://[fe80::1]/",
                             "wss://[fe80::1%25eth0]/", "https://[fc00::1]/", "wss://[fd12:3456::1]/", "https://[ff02::fb]/"});
    },
};

AM_CASE("REG-ENDPOINT-005") {
    .title = "an endpoint whose name is one of this host or of the local network is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(19),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://localhost/", "https://localhost:8443/", "wss://LOCALHOST/", "https://agent.localhost/",
                             "wss://agent.LocalHost/", "https://localhost./", "wss://localhost.localdomain/",
                             "https://printer.local/", "wss://db.internal/", "https://metadata.google.internal/",
                             "wss://router.lan/", "https://intranet/", "wss://registry/", "https://1.0.0.127.in-addr.arpa/",
                             "wss://example.com./"});
    },
};

AM_CASE("REG-ENDPOINT-006") {
    .title = "an endpoint of another scheme, or of none, is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(18),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"http://agent.example.com/", "ws://agent.example.com/", "ftp://agent.example.com/",
                             "file:///etc/passwd", "gopher://agent.example.com:25/_MAIL", "javascript:alert(1)",
                             "data:text/plain,x", "//agent.example.com/", "agent.example.com", "wss:agent.example.com",
                             "wss:/agent.example.com", "https:///agent.example.com", "unix:///run/registry.sock",
                             "jar:https://agent.example.com!/"});
    },
};

AM_CASE("REG-ENDPOINT-007") {
    .title = "an endpoint with a user is refused, whichever side of the @ leads to",
    .proves = {req::AM_REG_014},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://user@agent.example.com/", "https://user:secret@agent.example.com/",
                             "wss://agent.example.com@127.0.0.1/", "https://127.0.0.1@agent.example.com/",
                             "wss://agent.example.com:443@127.0.0.1/", "https://@agent.example.com/", "wss://:@agent.example.com/",
                             "https://a@b@agent.example.com/"});
    },
};

AM_CASE("REG-ENDPOINT-008") {
    .title = "an endpoint that readers of URLs disagree about is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(19),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {R"(https://agent.example.com\@127.0.0.1/)", R"(https://127.0.0.1\.example.com/)",
                             R"(wss:\\agent.example.com/)", "https://agent.example.com\t/", "wss://agent.exam\nple.com/",
                             "https://agent.example.com/ x", " wss://agent.example.com/", std::string{"https://127.0.0.1\0.example.com/", 32},
                             "wss://127%2e0.0.1/", "https://%6cocalhost/", "wss://agent..example.com/", "https://.example.com/",
                             "wss://-agent.example.com/", "https://agent_one.example.com/", "wss:///"});
    },
};

AM_CASE("REG-ENDPOINT-009") {
    .title = "an endpoint with characters outside ASCII, which some map to a local address, is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://\uff11\uff12\uff17.0.0.1/", "https://127\u30020\u30020\u30021/", "wss://\u24db\u24de\u24d2alhost/",
                             "https://loc\u00adalhost.example.com/", "wss://\u2139.example.com/", "https://ex\u0430mple.com/",
                             "wss://agent.example.com/\u202e"});
    },
};

AM_CASE("REG-ENDPOINT-010") {
    .title = "an endpoint with a port that is none, or of more than 255 bytes, is refused",
    .proves = {req::AM_REG_014},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        refuse_endpoints(t, {"wss://agent.example.com:0/", "https://agent.example.com:65536/", "wss://agent.example.com:99999/",
                             "https://agent.example.com:-1/", "wss://agent.example.com:443x/", "https://agent.example.com:4:43/",
                             "wss://agent.example.com:4294967739/", "https://agent.example.com/" + std::string(230, 'a'),
                             "wss://" + std::string(64, 'a') + ".example.com/"});
    },
};

AM_CASE("REG-ENDPOINT-011") {
    .title = "endpoints of the open network are kept and shown as they were sent",
    .proves = {req::AM_REG_035},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        every all;
        for (const char* url : {"wss://relay.example.com/v1/connect", "wss://8.8.8.8:8443/agent",
                                      "wss://a-1.b-2.example.org:443/x?y=z", "wss://xn--bcher-kva.example/"}) {
            const auto a = t.enrolled(json{{"relay_endpoint", url}, {"direct_endpoint", url}});
            const auto seen = t.ask(t.lookup(a.amid()));
            all += t.answered(seen) & t.that(seen.str("relay_endpoint") == url && seen.str("direct_endpoint") == url,
                                             "both endpoints as they were sent", seen);
        }
        t.produced(req::AM_REG_035, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
