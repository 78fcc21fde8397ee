// Finds agents at a registry, in the distributed table and on the local network, in the order that the owner allows,
// and brings the own record to them. The same proofs are asked for wherever an agent is found.
//
//     registry::finder find{mesh, found, {.order = {find_source::registry, find_source::dht}}, random};
//     AGENTMESH_CHECK(find.resolve(bob, now, sink));     // sink.ask_registry(ticket, request), sink.ask_dht(ticket,
//     bob) find.on_reply(ticket, response, now, sink);        // ... in the end sink.resolved(bob, outcome)
//
// What is found lies in `found` (found_agents.hpp) then. Without sockets and clock; net/finder.hpp has both.
#pragma once

#include <agentmesh/registry/client.hpp>
#include <agentmesh/registry/found_agents.hpp>

namespace agentmesh::registry {

enum class find_source : std::uint8_t { registry, dht, lan };

[[nodiscard]] constexpr std::string_view to_text(find_source of) noexcept {
    constexpr std::string_view words[] = {"registry", "dht", "lan"};
    return words[static_cast<std::size_t>(of)];
}

/// One question of the finder, under which its answer comes.
enum class find_ticket : std::uint64_t {};

/// What an agent says of itself where nobody else says anything: in the table, or on the local network.
struct self_told {
    e2ee::identity_card card;
    std::optional<e2ee::signed_prekey> prekey{};
    std::string relay{};
};

struct finder_options {
    /// Where to look, one after the other. The own directory comes before, and is not asked here.
    std::vector<find_source> order{find_source::registry, find_source::dht, find_source::lan};
    /// Whether an agent may be found elsewhere while the registry cannot be asked. Revocations are told there alone.
    bool without_registry = true;
    std::size_t at_once = 32;                          ///< agents that are looked for
    duration source_limit = std::chrono::seconds{10};  ///< of one place, tries and pauses included
    retry_rules retries{};
};

/// Where the finder's questions go, and what it found. None of it calls back.
template <class S>
concept FinderSink = requires(S& out, find_ticket what, http::request&& request, const amid& who,
                              const result<void>& outcome, find_source where, const error& why) {
    out.ask_registry(what, std::move(request));  ///< answer with `on_reply`
    out.ask_dht(what, who);                      ///< answer with `on_told`, as the next
    out.ask_lan(what, who);
    out.resolved(who, outcome);    ///< found, and in `found_agents`; or why not
    out.doubted(where, who, why);  ///< this place told something that does not hold
    out.published(outcome,
                  std::uint64_t{});  ///< the own record is at the registry, with so many one-time prekeys; or why not
};

/// Single-threaded. Every question is answered once, at the latest by its time.
template <RandomSource Random>
class finder {
public:
    /// @param mesh  may be null where `order` does not name the registry
    /// @param mesh, found, random  must outlive the finder
    finder(client* mesh, found_agents& found, client_memory& memory, finder_options chosen, Random& random)
        : mesh_{mesh}, found_{&found}, memory_{&memory}, options_{std::move(chosen)}, random_{&random} {}

    /// Looks for an agent; one that is looked for already is not looked for twice. `resolved` may come at once.
    /// @spec   AM-FND-015, AM-FND-016
    /// @errors lookup_limit
    [[nodiscard]] result<void> resolve(const amid& who, const moment& now, FinderSink auto& out);

    /// Brings prekeys to the registry, and registers the agent first if it is not known there. A later publication
    /// takes the place of one that is under way.
    void publish(kept_publication own, enrolment about, const moment& now, FinderSink auto& out);

    /// Those for a question that is over are passed over.
    void on_reply(find_ticket what, const result<http::response>& reply, const moment& now, FinderSink auto& out);
    void on_told(find_ticket what, const std::optional<self_told>& told, const moment& now, FinderSink auto& out);
    void on_tick(const moment& now, FinderSink auto& out);
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept;

    [[nodiscard]] std::size_t running() const noexcept { return jobs_.size(); }

private:
    enum class step : std::uint8_t { lookup, revocation, prekeys, bare_prekeys };
    struct job {
        std::size_t place = 0;  // in `order`
        step next = step::lookup;
        unsigned made = 0;  // attempts of this step
        find_ticket asked{};
        steady_point ends{};                  // of this place
        std::optional<steady_point> again{};  // the step is to be tried once more
        std::optional<found_agent> found{};
        std::optional<error> why{};  // the first that says more than that nobody knows
    };
    enum class errand : std::uint8_t { prekeys, enrolment };
    struct publishing {
        kept_publication own;
        enrolment about;
        errand next = errand::prekeys;
        bool enrolled = false;
        unsigned made = 0;
        find_ticket asked{};
        std::optional<steady_point> again{};
    };

    [[nodiscard]] find_ticket draw() noexcept { return find_ticket{++tickets_}; }
    [[nodiscard]] typename std::map<amid, job>::iterator job_of(find_ticket what) noexcept;
    void begin_place(const amid& who, job& of, const moment& now, FinderSink auto& out);
    void ask_registry(const amid& who, job& of, const moment& now, FinderSink auto& out);
    void next_place(const amid& who, const error& why, const moment& now, FinderSink auto& out);
    void finish(const amid& who, const result<void>& outcome, FinderSink auto& out);
    /// @return whether the step is over and well
    [[nodiscard]] result<bool> take(const amid& who, job& of, const http::response& reply, const moment& now);
    [[nodiscard]] result<void> accept(const amid& who, const self_told& told, const moment& now);
    void keep(const found_agent& of, std::optional<e2ee::prekey_bundle> bundle, const moment& now);
    void send_publication(const moment& now, FinderSink auto& out);
    void on_published(const result<http::response>& reply, const moment& now, FinderSink auto& out);

    client* mesh_;
    found_agents* found_;
    client_memory* memory_;
    finder_options options_;
    Random* random_;
    std::map<amid, job> jobs_;
    std::optional<publishing> publishing_;
    std::uint64_t tickets_ = 0;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/finder.ipp>
