// Rows of vectors asked through the operations of conformance/shims/cpp, so that the shim and the library's own tests
// read each row in the same way.
#pragma once

#include "conformance/shims/cpp/shim.hpp"
#include "tests/support/vectors.hpp"

namespace vectors {

/// Every member of what was looked at was looked at: one that says nothing is a mistake in the vectors.
inline void check_all_read(const json& object, const agentmesh::shim::members_read& read) {
    for (const auto& [name, value] : object.items()) {
        INFO("member " << name);
        CHECK(read.contains({&object, name}));
        const auto below = [&](const json& one) {
            if (one.is_object()) check_all_read(one, read);
        };
        if (value.is_array())
            for (const auto& one : value) below(one);
        else
            below(value);
    }
}

/// Judges by an operation of the shim. Members beside the input are those that the group shares.
inline judge of_shim(const agentmesh::shim::operation& ask, const std::set<std::string>& unread = {}) {
    return by([ask, unread](fields& input, const row& of) -> outcome {
        json members = json::object();
        for (const auto& [name, value] : input.all().items()) members[name] = input[name];
        for (const auto& [name, value] : of.shared.items())
            members[members.contains(name) ? "shared_" + name : name] = value;
        const json now = of.now;
        agentmesh::shim::members_read read;
        AGENTMESH_TRY(found, ask(agentmesh::shim::arguments{members, of.now.empty() ? nullptr : &now, &read}));
        for (const auto& [name, value] : of.shared.items()) read.emplace(&members, name);
        for (const auto& name : unread) read.emplace(&members, name);
        check_all_read(members, read);
        return answer{.output = found};
    });
}

/// The operations `area.type` of these types.
inline std::map<std::string, judge> of_shim(const agentmesh::shim::operations& all, const std::string& area,
                                            const std::vector<std::string>& types) {
    std::map<std::string, judge> out;
    for (const auto& type : types)
        out.emplace(type, of_shim(all.at(type.starts_with(area + ".") ? type : area + "." + type)));
    return out;
}

}  // namespace vectors
