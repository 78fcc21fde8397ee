// What relays say of who is there. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/presence_notice.hpp>
#include <agentmesh/registry/row_notes.hpp>
#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

/// @spec AM-REG-070, AM-REG-071
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::take_presence(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(relay, body.agent("relay"));
    AGENTMESH_TRY(entries_text, body.json("entries"));
    AGENTMESH_TRY(entries, parse_presence(entries_text));
    AGENTMESH_TRY(shown, read_credential(in.request, body, relay, options_.host, in.now.wall));
    if (!shown.proof) return fail(errc::fallback_refused, "AM-REG-070");
    static const presence_source anybody{};
    const auto* source = injected(fault::presence_anyone) ? &anybody : nullptr;
    for (const auto& one : options_.relays)
        if (amid::of(one.key) == relay) source = &one;
    if (source == nullptr) return fail(errc::bad_signature, "AM-REG-070");
    if (source != &anybody) AGENTMESH_CHECK(shown.verify(source->key));
    // Made in the second that begins then.
    const auto said_at = std::min(shown.proof->created + std::chrono::seconds{1}, in.now.wall);
    std::map<amid, time_point> there;
    auto out = store_->transact([&](transaction& tx) -> answer {
        there.clear();
        AGENTMESH_CHECK(remember(tx, shown));
        std::uint64_t updated = 0;
        for (const auto& one : entries) {
            AGENTMESH_TRY(row, tx.agent(one.who));
            if (!row || row->revoked) continue;
            if (!source->endpoint.empty() && row->relay != source->endpoint) continue;
            AGENTMESH_TRY(notes, row_notes::of(*row));
            if (notes.reported && *notes.reported > said_at) continue;
            row->status = one.status;
            row->last_seen = std::max(row->last_seen, std::min(one.last_seen, in.now.wall));
            notes.reported.reset();
            if (one.status != availability::offline) {
                notes.reported = said_at;
                there.emplace(one.who, said_at);
            }
            notes.put(*row);
            AGENTMESH_CHECK(tx.update_agent(*row));
            ++updated;
        }
        std::string text;
        json::writer to{text};
        to.begin_object().member("success", true).member("updated", updated).end_object();
        return http::response::json(200, std::move(text));
    });
    if (out)
        for (const auto& [who, at] : there) reported_[who] = at;
    return out;
}

/// @spec AM-REG-072
template <RegistryStore Store, RandomSource Random>
result<void> service<Store, Random>::settle_presence(time_point now) {
    if (now < next_settling_ && next_settling_ - now <= std::chrono::seconds{5}) return {};
    std::vector<amid> silent;
    for (const auto& [who, at] : reported_)
        if (now - at > presence_lifetime && silent.size() < presence_batch) silent.push_back(who);
    if (!silent.empty()) {
        auto done = store_->transact([&](transaction& tx) -> result<int> {
            for (const auto& who : silent) {
                AGENTMESH_TRY(row, tx.agent(who));
                if (!row) continue;
                AGENTMESH_TRY(notes, row_notes::of(*row));
                // Another registry before the same store may have heard of it since.
                if (!is_stale(notes, now)) continue;
                row->status = availability::offline;
                notes.reported.reset();
                notes.put(*row);
                AGENTMESH_CHECK(tx.update_agent(*row));
            }
            return 0;
        });
        AGENTMESH_CHECK(done);
        for (const auto& who : silent) reported_.erase(who);
    }
    if (silent.size() < presence_batch) next_settling_ = now + std::chrono::seconds{5};
    return {};
}

}  // namespace agentmesh::registry
