#include "apps/agentmesh/report.hpp"

#include <unistd.h>

using namespace agentmesh;

std::string text_of(const session_id& id) { return to_hex(id.bytes()); }

std::optional<session_id> parse_session(std::string_view text) {
    session_id out;
    if (!decode_hex(text, out.storage())) return std::nullopt;
    return out;
}

std::string_view text_of(session::phase phase) {
    switch (phase) {
        case session::phase::knocking: return "knocking";
        case session::phase::open: return "open";
        case session::phase::closing: return "closing";
        case session::phase::lost: return "lost";
        case session::phase::closed: return "closed";
    }
    return "";
}

namespace {

std::string category_of(const session::intent& what) {
    std::string out = what.category;
    if (!what.subcategory.empty()) out += '/' + what.subcategory;
    if (!what.action.empty()) out += '/' + what.action;
    return printable(out);
}

bool is_agreed(const session_info& session) {
    return session.phase == session::phase::open || session.phase == session::phase::closing;
}

std::string end_of(const session_info& session) {
    return format_time(std::chrono::floor<std::chrono::seconds>(session.expires));
}

void add_session(json::writer& to, const session_info& session) {
    to.member("session", text_of(session.id)).member("peer", session.peer.text());
    to.member("phase", text_of(session.phase)).member("initiator", session.initiator);
    to.name("intent").begin_object().member("category", session.what.category);
    if (!session.what.subcategory.empty()) to.member("subcategory", session.what.subcategory);
    if (!session.what.action.empty()) to.member("action", session.what.action);
    to.end_object();
    if (is_agreed(session)) {
        to.member("expires", end_of(session)).member("max_messages", session.held_to.max_messages);
        to.member("max_message_bytes", session.held_to.max_message_size_bytes);
    }
    to.member("sent", session.sent).member("received", session.received);
    to.member("unacknowledged", session.unacknowledged);
}

}  // namespace

void report::ready(const amid& self, const std::string& relay, std::int64_t waiting) {
    end_progress();
    if (json_)
        return line("ready", [&](json::writer& to) {
            to.member("amid", self.text()).member("relay", relay).member("waiting", waiting);
        });
    std::cerr << "listening as " << self.text() << " at " << relay << std::endl;
}

void report::disconnected(const relay::client_end& end) {
    if (json_)
        return line("disconnected", [&](json::writer& to) {
            to.member("reason", to_string(end.why));
            if (end.dial_again_in)
                to.member("retry_in_ms", std::chrono::ceil<std::chrono::milliseconds>(*end.dial_again_in).count());
        });
    end_progress();
    std::cerr << "not connected: " << to_string(end.why) << (end.dial_again_in ? "; trying again" : "") << std::endl;
}

void report::relay_refused(const wire::error_frame& refused) {
    if (json_)
        return line("relay_error", [&](json::writer& to) {
            to.member("code", wire::to_text(refused.code));
            if (refused.retry_after_seconds > 0) to.member("retry_after_seconds", refused.retry_after_seconds);
        });
    end_progress();
    std::cerr << "the relay refused a message, which is sent again later: " << wire::to_text(refused.code) << std::endl;
}

void report::message(const incoming& got) {
    if (!json_) {
        end_progress();
        return print(std::string{got.peer.text()} + ": " + printable(got.text()));
    }
    line("message", [&](json::writer& to) {
        to.member("session", text_of(got.session)).member("from", got.peer.text());
        to.member("id", to_hex(got.id.bytes())).member("sequence", got.what.sequence);
        to.member("timestamp", format_time(got.what.timestamp)).member("type", got.type());
        if (got.what.id) to.member("name", *got.what.id);
        to.member("text", got.text()).name("payload").verbatim(got.payload());
    });
}

void report::goodbye(const incoming& got) {
    const auto body = got.body();
    const auto* const said = body ? std::get_if<message::close_body>(&*body) : nullptr;
    const std::string reason = said ? said->reason.text() : std::string{};
    if (json_)
        return line("goodbye", [&](json::writer& to) {
            to.member("session", text_of(got.session)).member("from", got.peer.text()).member("reason", reason);
            if (said && said->summary) to.member("summary", *said->summary);
        });
    end_progress();
    std::cerr << got.peer.text() << " ends session " << text_of(got.session)
              << (reason.empty() ? "" : ": " + printable(reason))
              << (said && said->summary ? ", " + printable(*said->summary) : "") << std::endl;
}

void report::opened(const session_info& session) {
    if (json_) return line("opened", [&](json::writer& to) { add_session(to, session); });
    end_progress();
    std::cerr << "session " << text_of(session.id) << " with " << session.peer.text() << " about "
              << category_of(session.what) << std::endl;
}

void report::refused(const session::refusal& no) {
    if (!json_) return;  // the command that knocked says so
    line("refused", [&](json::writer& to) {
        to.member("session", text_of(no.session)).member("peer", no.peer.text());
        to.member("reason", no.why.code == errc::knock_refused ? session::to_text(no.told)
                            : no.why.code == errc::knock_timed_out ? "timed_out" : "failed");
        if (no.retry_after_seconds) to.member("retry_after_seconds", *no.retry_after_seconds);
    });
}

void report::delivered(const session_id& session) {
    if (json_) line("delivered", [&](json::writer& to) { to.member("session", text_of(session)); });
}

void report::undelivered(const session::undelivered& lost) {
    if (json_)
        return line("undelivered", [&](json::writer& to) {
            to.member("session", text_of(lost.session)).member("peer", lost.peer.text());
            to.member("id", to_hex(lost.id.bytes())).member("reason", to_string(lost.why));
        });
    end_progress();
    std::cerr << "a message to " << lost.peer.text() << " was not delivered: " << to_string(lost.why) << std::endl;
}

void report::closed(const session_info& session, const error& why) {
    if (json_)
        return line("closed", [&](json::writer& to) {
            to.member("session", text_of(session.id)).member("peer", session.peer.text());
            to.member("reason", to_string(why));
        });
    if (session.phase == session::phase::knocking) return;
    end_progress();
    std::cerr << "session " << text_of(session.id) << " with " << session.peer.text() << ": " << to_string(why)
              << std::endl;
}

void report::denied(const session::audit_event& event) {
    if (!event.peer) return;
    const auto reason = session::to_text(event.denied);
    if (json_)
        return line("denied", [&](json::writer& to) {
            to.member("peer", event.peer->text()).member("reason", reason);
        });
    end_progress();
    std::cerr << event.peer->text() << " knocked and was refused: " << reason << std::endl;
}

void report::doubted(std::string_view where, const amid& who, const error& why) {
    if (json_)
        return line("doubted", [&](json::writer& to) {
            to.member("source", where).member("peer", who.text()).member("reason", to_string(why));
        });
    end_progress();
    std::cerr << "what the " << where << " says of " << who.text() << " is not believed: " << to_string(why)
              << std::endl;
}

void report::audit(const session::audit_event& event) {
    static constexpr std::array<std::string_view, 15> words = {
        "knock_sent",      "knock_accepted", "knock_denied",   "knock_dropped",   "knock_repeated",
        "reply_dropped",   "session_opened", "session_closed", "session_lost",    "message_dropped",
        "notice_sent",     "notice_dropped", "frame_dropped",  "not_persisted",   "not_sent"};
    static_assert(static_cast<std::size_t>(session::audit_kind::not_sent) + 1 == words.size());
    const auto kind = words[static_cast<std::size_t>(event.kind)];
    if (json_)
        return line("audit", [&](json::writer& to) {
            to.member("kind", kind);
            if (event.peer) to.member("peer", event.peer->text());
            if (event.session != session_id{}) to.member("session", text_of(event.session));
            if (event.why.code != errc{}) to.member("reason", to_string(event.why));
        });
    end_progress();
    std::cerr << "audit: " << kind << (event.peer ? " " + std::string{event.peer->text()} : "")
              << (event.why.code != errc{} ? ": " + to_string(event.why) : "") << std::endl;
}

void report::session(const session_info& session, const std::string& name) {
    if (json_)
        return line("session", [&](json::writer& to) {
            add_session(to, session);
            to.member("ttl_seconds", session.asked.ttl_seconds);
            to.member("expected_messages", session.asked.expected_messages);
            if (!name.empty()) to.member("peer_name", name);
        });
    const std::string limit = is_agreed(session) ? " of " + std::to_string(session.held_to.max_messages) : "";
    print(text_of(session.id) + "  " + std::string{text_of(session.phase)} + (session.initiator ? "  to " : "  from ") +
          std::string{session.peer.text()} + (name.empty() ? "" : " (" + printable(name) + ")") + "  about " +
          category_of(session.what) + "\n    sent " + std::to_string(session.sent) + limit + ", received " +
          std::to_string(session.received) + limit + ", not acknowledged " + std::to_string(session.unacknowledged) +
          (is_agreed(session) ? ", until " + end_of(session) : ""));
}

void report::policy_reloaded() {
    if (json_) return line("policy_reloaded", [](json::writer&) {});
    std::cerr << "the new policy is in force" << std::endl;
}

void report::progress(const std::string& what) {
    static const bool terminal = ::isatty(STDERR_FILENO) == 1;
    if (!terminal || json_) return;
    std::cerr << "\r\033[K" << what << std::flush;
    progress_shown_ = true;
}

void report::end_progress() {
    if (std::exchange(progress_shown_, false)) std::cerr << "\r\033[K" << std::flush;
}
