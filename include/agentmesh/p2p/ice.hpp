// ICE (RFC 8445) for one component: finds a pair of addresses over which two peers reach each other, and keeps watch
// over it. Candidates come and go as they are found (RFC 8838); consent is asked for again and again (RFC 7675).
//
//     AGENTMESH_TRY(ice, p2p::ice_agent::create({.controlling = true}, random));
//     ice.add_base(socket, candidate_kind::host, address, 65'535, now, sink);   // sink.candidate(...): tell the peer
//     ice.ask_server(socket, stun_server, now, sink);
//     AGENTMESH_CHECK(ice.set_remote(theirs, now, sink));
//     if (ice.owns(datagram)) (void)ice.on_datagram(socket, from, datagram, now, sink);
//     ...                                                                       // sink.selected(pair): send there
//
// A restart is a second agent beside the first, with credentials of its own: `owns` tells whose a datagram is, and the
// old pair carries until the new one is there.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/p2p/candidate.hpp>
#include <agentmesh/p2p/transactions.hpp>

#include <deque>
#include <map>

namespace agentmesh::p2p {

/// What the driver sends from: a UDP socket, or an allocation of a TURN server.
enum class base_id : std::uint32_t {};

/// By which checks of one session are told from others, and from everybody's (RFC 8839 section 5.4). Not secret from
/// the peer; its password is from everybody else.
struct ice_credentials {
    std::string fragment{};  ///< 4 to 256 of `a-z A-Z 0-9 + /`
    std::string password{};  ///< 22 to 256 of the same

    /// @spec   AM-P2P-020
    /// @errors bad_sdp
    [[nodiscard]] result<void> check() const;
    friend bool operator==(const ice_credentials&, const ice_credentials&) = default;
};

struct ice_pair {
    base_id from{};
    endpoint to{};
    candidate local{};  ///< the base, or what a server of the pair's way sees of it
    candidate remote{};

    friend bool operator==(const ice_pair&, const ice_pair&) = default;
};

struct ice_options {
    bool controlling = false;  ///< who asked for the session; a conflict is settled by itself
    candidate_policy policy{};
    duration pace = std::chrono::milliseconds{50};         ///< Ta: between two checks
    duration first_wait = std::chrono::milliseconds{500};  ///< before a check is sent a second time; doubles twice
    unsigned transmissions = 7;                            ///< of one check
    duration settle = std::chrono::milliseconds{300};      ///< how long a valid pair waits for a better one
    duration settle_relayed = std::chrono::seconds{1};     ///< the same, if it leads over a TURN server
    duration consent_every = std::chrono::seconds{5};      ///< on average; RFC 7675 demands a spread of a fifth
    duration consent_ends = std::chrono::seconds{30};
    duration give_up = std::chrono::seconds{30};  ///< without any valid pair, once the peer is known
};

/// Where an agent's actions go. Views live as long as the call; none of it calls back.
template <class S>
concept IceSink = requires(S& out, base_id from, const endpoint& to, byte_view bytes, const candidate& one,
                           const ice_pair& pair, const error& why) {
    out.send(from, to, bytes);
    out.candidate(one);  ///< of ours, to be told to the peer
    out.gathered();      ///< there will be no more of ours
    out.selected(pair);  ///< both sides send there from now on
    out.failed(why);     ///< no_path, or path_lost once consent has ended; said once
};

/// One side. Single-threaded. Bounded by limits::ice_candidates of either side and limits::ice_checks pairs.
class ice_agent {
public:
    /// Draws fragment, password, tie breaker, and the key that transaction ids follow from.
    /// @errors those of the random source
    [[nodiscard]] static result<ice_agent> create(ice_options chosen, RandomSource auto& random);

    [[nodiscard]] const ice_credentials& own() const noexcept { return own_; }
    [[nodiscard]] bool controlling() const noexcept { return controlling_; }

    // --- our side ---------------------------------------------------------------------------------------------
    /// @param kind        host or relayed
    /// @param preference  among bases of its kind, 65,535 the best
    /// @spec  AM-P2P-013, AM-P2P-021
    void add_base(base_id id, candidate_kind kind, const endpoint& at, std::uint16_t preference, const moment& now,
                  IceSink auto& out);
    /// The interface or allocation is gone, and with it all that was to be sent from there.
    void remove_base(base_id id, const moment& now, IceSink auto& out);
    /// Asks a STUN server how it sees this base.
    void ask_server(base_id id, const endpoint& server, const moment& now, IceSink auto& out);
    void no_more_bases(const moment& now, IceSink auto& out);

    // --- the peer's -------------------------------------------------------------------------------------------
    /// @spec   AM-P2P-020
    /// @errors bad_sdp; duplicate once they are known
    [[nodiscard]] result<void> set_remote(ice_credentials theirs, const moment& now, IceSink auto& out);
    /// @spec   AM-P2P-012, AM-P2P-022
    /// @errors bad_candidate for an address that the policy does not allow, candidate_limit
    [[nodiscard]] result<void> add_remote(const candidate& theirs, const moment& now, IceSink auto& out);
    void remote_done(const moment& now, IceSink auto& out);

    // --- datagrams --------------------------------------------------------------------------------------------
    /// Whether a datagram is a check for our fragment, or an answer to a question of ours.
    [[nodiscard]] bool owns(byte_view datagram) const;
    /// @spec   AM-P2P-023 to AM-P2P-030
    /// @errors bad_stun, bad_integrity, bad_candidate: what was dropped; nothing has changed then
    result<void> on_datagram(base_id at, const endpoint& from, byte_view datagram, const moment& now,
                             IceSink auto& out);

    void on_tick(const moment& now, IceSink auto& out);
    [[nodiscard]] std::optional<steady_point> next_deadline() const;

    /// Where data goes; nothing before one is selected and after `failed`.
    [[nodiscard]] const std::optional<ice_pair>& selected() const noexcept { return selected_; }
    [[nodiscard]] bool failed() const noexcept { return failed_; }

private:
    struct base {
        base_id id{};
        candidate_kind kind{};
        endpoint at{};
        std::uint16_t preference = 0;
    };
    enum class path_state : std::uint8_t { waiting, in_progress, valid, failed };
    struct path {
        base_id from{};
        endpoint to{};
        std::uint64_t priority = 0;
        path_state state = path_state::waiting;
        bool nominated = false;            ///< by the peer, or by our check that is under way
        std::optional<endpoint> mapped{};  ///< how the peer sees us on it
    };
    enum class purpose : std::uint8_t { server, check, consent };
    struct question {
        purpose why{};
        base_id from{};
        endpoint to{};
        bool controlling = false;
        bool nominating = false;
        unsigned sent = 0;
        duration wait{};
        steady_point due{};
        buffer bytes{};
    };

    ice_agent(ice_options chosen, const transaction_source& transactions);

    [[nodiscard]] const base* find_base(base_id id) const noexcept;
    [[nodiscard]] path* find_path(base_id from, const endpoint& to) noexcept;
    [[nodiscard]] candidate* find_remote(const endpoint& at) noexcept;
    [[nodiscard]] std::uint64_t priority_of(const base& from, const candidate& to) const noexcept;
    [[nodiscard]] ice_pair describe(const path& of) const;
    [[nodiscard]] std::string foundation_of(candidate_kind kind, const endpoint& at, const endpoint& server) const;
    [[nodiscard]] result<question> take_question(base_id at, const endpoint& from, const stun::message& in);

    void form_paths();
    void ask(const stun::transaction& id, question what, const moment& now, IceSink auto& out);
    void refuse(base_id at, const endpoint& to, const stun::message& in, std::uint16_t code, IceSink auto& out);
    void run_questions(const moment& now, IceSink auto& out);
    void run_checks(const moment& now, IceSink auto& out);
    void run_consent(const moment& now, IceSink auto& out);
    void check(path& one, bool nominate, const moment& now, IceSink auto& out);
    void trigger(base_id at, const endpoint& from);
    void tell(candidate own, IceSink auto& out);
    [[nodiscard]] result<void> on_request(base_id at, const endpoint& from, const stun::message& in, const moment& now,
                                          IceSink auto& out);
    [[nodiscard]] result<void> on_answer(base_id at, const endpoint& from, const stun::message& in, const moment& now,
                                         IceSink auto& out);
    void lost(const question& what);
    void take_role(bool controlling);
    void nominate_if_due(const moment& now, IceSink auto& out);
    void select(const path& one, const moment& now, IceSink auto& out);
    void say_gathered(IceSink auto& out);
    void give_up(errc why, IceSink auto& out);

    ice_options chosen_;
    ice_credentials own_, theirs_;
    transaction_source transactions_;
    std::uint64_t tie_breaker_ = 0;
    bool controlling_ = false;

    std::vector<base> bases_;
    std::vector<candidate> told_;  ///< to the peer
    std::vector<candidate> remote_;
    std::vector<path> paths_;                             ///< best first
    std::deque<std::pair<base_id, endpoint>> triggered_;  ///< to be checked before all others
    std::map<stun::transaction, question> questions_;
    std::optional<ice_pair> selected_;
    steady_point next_check_{}, next_consent_{}, consented_{}, first_valid_{}, nominate_at_{}, began_{};
    bool known_ = false, all_ours_ = false, all_theirs_ = false, gathered_ = false, valid_ = false;
    bool nominating_ = false, failed_ = false;
};

}  // namespace agentmesh::p2p

#include <agentmesh/p2p/ice.ipp>
