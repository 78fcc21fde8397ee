// What the commands print: lines for people, or with --json one object a line for programs.
//
// Messages and results go to standard output; everything that only tells how it goes, to standard error. With --json
// all of it is on standard output, and only complaints are not.
#pragma once

#include "apps/agentmesh/settings.hpp"

#include <agentmesh/agent/options.hpp>

#include <iostream>

class report {
public:
    explicit report(bool json) noexcept : json_{json} {}

    void ready(const agentmesh::amid& self, const std::string& relay, std::int64_t waiting);
    void disconnected(const agentmesh::relay::client_end& end);
    void relay_refused(const agentmesh::wire::error_frame& refused);
    void message(const agentmesh::incoming& got);
    void goodbye(const agentmesh::incoming& got);
    void opened(const agentmesh::session_info& session);
    void refused(const agentmesh::session::refusal& no);
    void delivered(const agentmesh::session_id& session);
    void undelivered(const agentmesh::session::undelivered& lost);
    void closed(const agentmesh::session_info& session, const agentmesh::error& why);
    void denied(const agentmesh::session::audit_event& event);
    /// A place told something of an agent that does not hold.
    void doubted(std::string_view where, const agentmesh::amid& who, const agentmesh::error& why);
    void audit(const agentmesh::session::audit_event& event);
    /// @param name  what the directory calls the peer; may be empty
    void session(const agentmesh::session_info& session, const std::string& name);
    void policy_reloaded();

    /// A line on standard error that is written over by the next one, where that is a terminal.
    void progress(const std::string& what);
    void end_progress();

    [[nodiscard]] bool json() const noexcept { return json_; }
    /// One line of standard output, in one write, so that a reader on a pipe sees it whole and at once.
    static void print(std::string text) { std::cout << (text += '\n') << std::flush; }
    /// One JSON line: `{"event":...` and what `members` adds.
    template <class Members>
    static void line(std::string_view event, Members&& members) {
        std::string out;
        agentmesh::json::writer to{out};
        to.begin_object().member("event", event);
        members(to);
        to.end_object();
        print(std::move(out));
    }

private:
    bool json_;
    bool progress_shown_ = false;
};

[[nodiscard]] std::string text_of(const agentmesh::session_id& id);
[[nodiscard]] std::optional<agentmesh::session_id> parse_session(std::string_view text);
[[nodiscard]] std::string_view text_of(agentmesh::session::phase phase);
