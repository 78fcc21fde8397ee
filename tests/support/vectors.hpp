// Reads vectors/**.json for tests. A member that nobody reads fails the test: a typo in a vector file must not turn
// into a row that checks nothing.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/time.hpp>

#include "tests/support/catch.hpp"

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace vectors {

using agentmesh::buffer;
using agentmesh::errc;
using agentmesh::result;
using nlohmann::json;

/// A JSON object each of whose members must be asked for before it is destroyed.
class fields {
public:
    explicit fields(const json& object) : object_{&object} {
        REQUIRE(object.is_object());
        for (const auto& [name, value] : object.items()) unread_.insert(name);
    }
    fields(const fields&) = delete;
    fields& operator=(const fields&) = delete;
    ~fields() { CHECK(unread_ == std::set<std::string>{}); }

    const json& operator[](const std::string& name) {
        INFO("member " << name);
        REQUIRE(object_->contains(name));
        unread_.erase(name);
        return (*object_)[name];
    }
    [[nodiscard]] bool has(const std::string& name) const { return object_->contains(name); }
    /// To look at the names; the members stay to be asked for.
    [[nodiscard]] const json& all() const noexcept { return *object_; }
    std::string text(const std::string& name) { return (*this)[name].get<std::string>(); }
    buffer bytes(const std::string& name) {
        auto out = agentmesh::from_hex(text(name));
        REQUIRE(out);
        return *std::move(out);
    }
    template <class T>
    T value(const std::string& name, T otherwise) {
        return has(name) ? (*this)[name].get<T>() : otherwise;
    }

private:
    const json* object_;
    std::set<std::string> unread_;
};

/// The class under which vectors file an errc. Closed: see tools/vectors/README.md.
inline std::string_view class_of(errc code) {
    switch (code) {
        case errc::protocol_mismatch: return "version";
        case errc::amid_mismatch:
        case errc::bad_identity_file:
        case errc::stale_proof:
        case errc::bad_envelope:
        case errc::bad_knock:
        case errc::knock_stale:
        case errc::stale_prekey:
        case errc::epoch_rollback:
        case errc::future_proof:
        case errc::fallback_refused: return "auth";
        case errc::replayed_proof:
        case errc::duplicate:
        case errc::knock_replayed:
        case errc::bad_sequence: return "replay";
        case errc::bad_signature:
        case errc::weak_key:
        case errc::zero_shared_secret:
        case errc::bad_tag: return "crypto";
        case errc::json_too_deep:
        case errc::json_too_many_members:
        case errc::too_far:
        case errc::counter_exhausted:
        case errc::too_large: return "limit";
        case errc::identity_file_access:
        case errc::not_allowed: return "policy";
        case errc::connect_expected:
        case errc::unknown_prekey:
        case errc::ratchet_not_ready: return "state";
        default: return "parse";
    }
}

/// What an operation found out about one input.
struct answer {
    json output = json::object();
    json intermediate = json::object();
};
using outcome = result<answer>;

/// One test, as far as it is not input.
struct row {
    std::string type;
    const json& shared;
    std::string now;  ///< empty if the row has none
    std::string expect;
    const json& output;    ///< an empty object if the row has none
    bool refused = false;  ///< `expect` is reject; a choice counts as taken
};

/// Judges one row itself: calls REQUIRE or CHECK.
using judge = std::function<void(fields& input, const row& of)>;
/// Computes, and leaves the comparison to `by`.
using operation = std::function<outcome(fields& input, const row& of)>;

/// A judge that compares what an operation returns with what the row expects.
inline judge by(operation compute, std::string_view refusal_class = {}) {
    return [compute = std::move(compute), refusal_class](fields& input, const row& of) {
        const outcome found = compute(input, of);
        if (of.refused) {
            REQUIRE_FALSE(found);
            INFO(agentmesh::to_string(found.error()));
            const auto why = refusal_class.empty() ? class_of(found.error().code) : refusal_class;
            CHECK("reject:" + std::string{why} == of.expect);
            return;
        }
        if (!found) FAIL(agentmesh::to_string(found.error()));
        CHECK(found->output == of.output);
    };
}

/// Runs every row of `vectors/<name>.json`, each by the judge of its group's type. Returns the number of rows.
inline std::size_t for_each_row(const std::string& name, const std::map<std::string, judge>& judges) {
    std::ifstream file{AGENTMESH_SOURCE_DIR "/vectors/" + name + ".json"};
    REQUIRE(file);
    const json document = json::parse(file);
    fields top{document};
    CHECK(top["schema"] == "agentmesh-vectors-1");
    CHECK(top["name"] == name);
    fields spec{top["spec"]};
    CHECK(spec["revision"] == "1.0");
    CHECK(spec["sentences"].is_object());
    CHECK(top["generator"].is_object());
    const json& notes = top["notes"];
    std::size_t rows = 0;
    for (const json& one : top["groups"]) {
        fields group{one};
        const std::string type = group.text("type");
        INFO("group " << type);
        CHECK_FALSE(group.text("origin").empty());
        const json shared = group.value("shared", json::object());
        REQUIRE(judges.contains(type));
        for (const json& each : group["tests"]) {
            fields test{each};
            INFO(name << " " << test["tcId"] << ": " << test.text("comment"));
            for (const json& flag : test["flags"]) CHECK(notes.contains(flag.get<std::string>()));
            const std::string expect = test.text("expect");
            const json output = test.value("output", json::object());
            const row of{type,   shared, test.value<std::string>("now", ""),
                         expect, output, expect.starts_with("reject:")};
            if (test.has("intermediate")) CHECK(test["intermediate"].is_object());
            if (of.refused) {  // judged by the linter: the twin exists and differs by the repair alone
                CHECK(test["twin"].is_number());
                CHECK(test["repair"].is_object());
            }
            fields input{test["input"]};
            judges.at(type)(input, of);
            ++rows;
        }
    }
    return rows;
}

inline agentmesh::time_point time_of(const std::string& text) {
    const auto at = agentmesh::parse_time(text);
    REQUIRE(at);
    return *at;
}

template <class Fixed>
result<Fixed> fixed(const buffer& bytes) {
    return Fixed::from(bytes);
}

}  // namespace vectors
