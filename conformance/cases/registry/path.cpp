// REG-PATH: what stands in place of an AMID. Every case has its twin: the right name, spelled out in percent signs.
#include "conformance/cases/registry/support.hpp"

namespace agentmesh::conformance::registry_cases {
namespace {

/// Every character of it as a percent sign and two digits.
std::string spelled_out(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        ((out += '%') += digits[byte >> 4]) += digits[byte & 15];
    }
    return out;
}

/// Asks for `text`, which stands in the place of an AMID, wherever one can stand in a path or in a query.
enum class place { path, query };
std::vector<http_request> asking(registry_context& t, place where, const std::string& text) {
    if (where == place::path) return {t.get("/v1/registry/prekeys/" + text), t.get("/v1/registry/did/" + text)};
    return {t.get("/v1/registry/lookup?amid=" + text), t.get("/v1/registry/revocation?amid=" + text)};
}

/// Control: `who` is found with every character spelled out. Then each of `texts` is refused.
void refuse_texts(registry_context& t, place where, every& all, const resident& who, const std::vector<std::string>& texts) {
    const auto right = t.ask(where == place::path ? t.get("/v1/registry/did/" + spelled_out(who.amid()))
                                                  : t.get("/v1/registry/lookup?amid=" + spelled_out(who.amid())));
    t.control(t.answered(right));
    for (const auto& text : texts)
        for (const auto& request : asking(t, where, text)) all += t.saw(t.ask(request), match::http(400));
}

}  // namespace

AM_CASE("REG-PATH-001") {
    .title = "a percent sign without two digits behind it is refused in paths and queries",
    .proves = {req::AM_HTP_006},
    .cost = rtt(24),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        const auto& name = a.amid();
        for (const auto where : {place::path, place::query})
            refuse_texts(t, where, all, a, {name + "%", name + "%4", name + "%zz", "%zz" + name, name + "%u0041"});
        // Where any text may stand nothing else refuses it.
        for (const char* text : {"100%", "%", "%5", "%zz", "travel%2", "%%41"})
            all += t.saw(t.ask(t.get("/v1/registry/search?capability=" + std::string{text})), match::http(400));
        t.refused(req::AM_HTP_006, all);
    },
};

AM_CASE("REG-PATH-002") {
    .title = "a control character behind a percent sign is refused in paths and queries",
    .proves = {req::AM_HTP_006},
    .cost = rtt(24),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        const auto& name = a.amid();
        for (const auto where : {place::path, place::query})
            refuse_texts(t, where, all, a, {name + "%00", name + "%00.json", "%00" + name, name + "%0d%0aX-Injected:%20yes", name + "%7f"});
        // Where any text may stand nothing else refuses it.
        for (const char* text : {"%00", "travel%00", "travel%0d%0a", "%1b%5b2J", "travel%7f"})
            all += t.saw(t.ask(t.get("/v1/registry/search?capability=" + std::string{text})), match::http(400));
        for (const char* text : {"%00", "a%0d%0ab", "%7f"})
            all += t.saw(t.ask(t.get("/v1/registry/lookup?amid=" + name + "&note=" + std::string{text})), match::http(400));
        t.refused(req::AM_HTP_006, all);
    },
};

AM_CASE("REG-PATH-003") {
    .title = "text that is not UTF-8 behind percent signs is refused, overlong forms among it",
    .proves = {req::AM_HTP_006},
    .cost = rtt(24),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        for (const auto where : {place::path, place::query})
            refuse_texts(t, where, all, a, {"%ff", "%c0%af", "%c0%80", "%ed%a0%80"});
        for (const char* text : {"%ff", "%c0%af", "%c0%80", "%ed%a0%80", "%f8%88%80%80%80", "%f4%90%80%80", "caf%e9"})
            all += t.saw(t.ask(t.get("/v1/registry/search?capability=" + std::string{text})), match::http(400));
        t.refused(req::AM_HTP_006, all);
    },
};

AM_CASE("REG-PATH-004") {
    .title = "an encoded slash in a path is refused, and leads nowhere",
    .proves = {req::AM_HTP_006, req::AM_REG_100},
    .cost = rtt(20),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all, nowhere;
        refuse_texts(t, place::path, all, a, {a.amid() + "%2f", "%2f" + a.amid(), "..%2f" + a.amid(), "%2e%2e%2f" + a.amid()});
        for (const std::string& text :
             {"..%2flookup%3famid=" + a.amid(), std::string{"..%2F..%2Fhealth"}, std::string{"%2e%2e%2fstats"}}) {
            const auto seen = t.ask(t.get("/v1/registry/did/" + text));
            all += t.saw(seen, match::http(400));
            nowhere += t.turned_down(seen) & t.that(!seen.has("amid") && !seen.has("total_agents"), "nothing of another endpoint", seen);
        }
        t.refused(req::AM_HTP_006, all);
        t.absent(req::AM_REG_100, nowhere & t.unharmed(a));
    },
};

AM_CASE("REG-PATH-005") {
    .title = "dots, doubled slashes and doubled encodings in place of an AMID are refused",
    .proves = {req::AM_REG_100},
    .cost = rtt(20),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must_find(a);
        every all;
        for (const std::string& text :
             {std::string{"."}, std::string{".."}, std::string{"%2e%2e"}, "%252e%252e%252f" + a.amid(), a.amid() + "%2500",
              a.amid() + ";v=1", a.amid() + "/", "/" + a.amid(), "%25" + spelled_out(a.amid()).substr(1)})
            all += t.turned_down(t.ask(t.get("/v1/registry/prekeys/" + text)));
        all += t.unharmed(a);
        t.absent(req::AM_REG_100, all);
    },
};

AM_CASE("REG-PATH-006") {
    .title = "a name of thousands of characters is refused and harms nobody",
    .proves = {req::AM_REG_100},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must_find(a);
        every all;
        for (const std::size_t size : {200U, 1'000U, 6'000U})
            for (const char filler : {'1', 'z'}) {
                const std::string name(size, filler);
                all += t.turned_down(t.ask(t.lookup(name)));
                all += t.turned_down(t.ask(t.fetch(name)));
            }
        all += t.unharmed(a);
        t.absent(req::AM_REG_100, all);
    },
};

AM_CASE("REG-PATH-007") {
    .title = "statements of a database in place of an AMID find nobody and harm nobody",
    .proves = {req::AM_REG_100},
    .cost = rtt(16),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must_find(a);
        every all;
        for (const char* text : {"' OR '1'='1", "'; DROP TABLE agents; --", "%", "_", "\" OR \"\"=\"", "1) UNION SELECT 1 --"}) {
            all += t.turned_down(t.ask(t.lookup(percent_encoded(text))));
            all += t.turned_down(t.ask(t.fetch(percent_encoded(a.amid() + text))));
        }
        all += t.unharmed(a);
        t.absent(req::AM_REG_100, all);
    },
};

AM_CASE("REG-PATH-008") {
    .title = "a member of a query that is there twice does not make two readers see two agents",
    .proves = {req::AM_REG_100},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        (void)t.must_find(a);
        every all;
        const auto seen = t.ask(t.get("/v1/registry/lookup?amid=" + a.amid() + "&amid=" + b.amid()));
        // Either is refused, or one of the two is answered whole.
        const bool whole = (seen.str("amid") == a.amid() && seen.str("signing_public_key").ends_with(a.who.public_key())) ||
                           (seen.str("amid") == b.amid() && seen.str("signing_public_key").ends_with(b.who.public_key()));
        all += t.that(match::http_client_error()(seen) || whole, "a refusal, or one agent with its own key", seen);
        all += t.unharmed(a) & t.unharmed(b);
        t.absent(req::AM_REG_100, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
