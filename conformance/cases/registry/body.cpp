// REG-BODY: what is no request of a registry.
#include "conformance/cases/registry/support.hpp"

namespace agentmesh::conformance::registry_cases {

AM_CASE("REG-BODY-001") {
    .title = "a body that is no JSON object is refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        for (const std::string_view text : {"", "{", "null", "[]", "42", "\"amid\"", "{} {}", "{\"amid\":}", "amid=1"})
            all += t.turned_down(t.ask(t.post_text(register_path, std::string{text})));
        all += t.unharmed(a);
        t.refused(req::AM_REG_002, all);
    },
};

AM_CASE("REG-BODY-002") {
    .title = "a registration without a member that is needed is refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        every all;
        for (const char* member : {"amid", "signing_public_key", "exchange_public_key"}) {
            auto body = t.registration(a);
            body.erase(member);
            all += t.turned_down(t.ask(t.change(register_path, body, a.who)));
        }
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        t.refused(req::AM_REG_002, all);
    },
};

AM_CASE("REG-BODY-003") {
    .title = "a registration with a member of another type is refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        every all;
        for (const auto& [member, value] : {std::pair<const char*, json>{"amid", 7},
                                            {"signing_public_key", json::array({1, 2})},
                                            {"exchange_public_key", true},
                                            {"display_name", 3},
                                            {"capabilities", "travel"},
                                            {"capabilities", json::array({1})}}) {
            auto body = t.registration(a);
            body[member] = value;
            all += t.turned_down(t.ask(t.change(register_path, body, a.who)));
        }
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        t.refused(req::AM_REG_002, all);
    },
};

AM_CASE("REG-BODY-004") {
    .title = "keys and AMIDs that are none are refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        every all;
        const auto refuse = [&](const char* member, const std::string& value) {
            auto body = t.registration(a);
            body[member] = value;
            all += t.turned_down(t.ask(t.change(register_path, body, a.who)));
        };
        refuse("signing_public_key", "");
        refuse("signing_public_key", a.who.public_key().substr(0, 20));
        refuse("signing_public_key", "not base64 at all!");
        refuse("exchange_public_key", a.exchange_key.substr(4));
        refuse("exchange_public_key", "%%%%");
        refuse("amid", "");
        refuse("amid", "0OIl");
        refuse("amid", std::string(4000, '1'));
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        t.refused(req::AM_REG_002, all);
    },
};

AM_CASE("REG-BODY-005") {
    .title = "members that are not known are passed over",
    .proves = {req::AM_REG_035},
    .cost = rtt(4),
    .ask = [](registry_context& t) {
        const auto a = t.resident_agent();
        auto body = t.registration(a, {"travel"});
        body["display_name"] = "Traveller";
        body["x_favourite_color"] = json{{"name", "blue"}, {"shades", json::array({1, 2, 3})}};
        body["verification_token"] = nullptr;
        (void)t.must(t.change(register_path, body, a.who), 201);
        const auto seen = t.must_find(a);
        t.produced(req::AM_REG_035, t.that(seen.str("display_name") == "Traveller" && seen.body.value("capabilities", json()) == json::array({"travel"}),
                                           "the members that are known", seen));
    },
};

AM_CASE("REG-BODY-006") {
    .title = "a body of another type than JSON is refused with status 415",
    .proves = {req::AM_REG_019},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        every all;
        // What a page of any site may send without asking first.
        for (const std::string_view type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""}) {
            auto request = t.change(register_path, t.registration(a), a.who);
            if (type.empty()) request.drop("Content-Type");
            else request.set("Content-Type", std::string{type});
            all += t.saw(t.ask(request), match::http(415));
        }
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        auto right = t.change(register_path, t.registration(a), a.who);
        right.set("Content-Type", "application/json; charset=utf-8");
        all += t.saw(t.ask(right), match::http(201));
        t.refused(req::AM_REG_019, all);
    },
};

AM_CASE("REG-BODY-007") {
    .title = "a status that is none is refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must(t.change(status_path, status_of(a, "away"), a.who));
        every all;
        for (const std::string_view word : {"", "ONLINE ", "somewhere"})
            all += t.turned_down(t.ask(t.change(status_path, status_of(a, word), a.who)));
        const auto seen = t.must_find(a);
        all += t.that(seen.str("status") == "away", "the status as it was", seen);
        t.refused(req::AM_REG_002, all);
    },
};

AM_CASE("REG-BODY-008") {
    .title = "names and capabilities that are too long, empty, patterns or not to be shown are refused",
    .proves = {req::AM_REG_013},
    .cost = rtt(16),
    .ask = [](registry_context& t) {
        (void)t.enrolled();
        const auto a = t.resident_agent();
        every all;
        const auto refuse = [&](const char* member, const json& value) {
            auto body = t.registration(a);
            body[member] = value;
            all += t.saw(t.ask(t.change(register_path, body, a.who)), match::http(400));
        };
        refuse("display_name", std::string(129, 'n'));
        refuse("display_name", "two\nlines");
        refuse("display_name", std::string{"nothing\0here", 12});
        refuse("display_name", "\x7f");
        refuse("capabilities", json::array({""}));
        refuse("capabilities", json::array({"travel/*"}));
        refuse("capabilities", json::array({std::string(129, 'c')}));
        refuse("capabilities", json::array({"a\tb"}));
        json many = json::array();
        for (int i = 0; i < 65; ++i) many.push_back("c" + std::to_string(i));
        refuse("capabilities", many);
        all += t.saw(t.ask(t.lookup(a.amid())), match::http(404));
        auto body = t.registration(a);
        body["display_name"] = std::string(128, 'n');
        many.erase(64);
        body["capabilities"] = many;
        all += t.saw(t.ask(t.change(register_path, body, a.who)), match::http(201));
        t.refused(req::AM_REG_013, all);
    },
};

AM_CASE("REG-BODY-009") {
    .title = "capabilities that are no list of texts are refused",
    .proves = {req::AM_REG_002},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled({{"capabilities", json::array({"travel"})}});
        every all;
        for (const auto& value : {json("travel"), json::array({1}), json{{"category", "travel"}}})
            all += t.turned_down(t.ask(t.change(capabilities_path, {{"amid", a.amid()}, {"capabilities", value}}, a.who)));
        const auto seen = t.must_find(a);
        all += t.that(seen.body.value("capabilities", json()) == json::array({"travel"}), "the capabilities as they were", seen);
        t.refused(req::AM_REG_002, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
