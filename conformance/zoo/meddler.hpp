// The relay machine behind a decorator, for the mutants that no single line makes: frames or answers out of order.
#pragma once

#include <agentmesh/core/fault.hpp>
#include <agentmesh/relay/server.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agentmesh::conformance::zoo {

/// A model of what net::basic_relay_server drives. Transparent unless `relay_order` or `error_late` is injected.
class meddling_machine {
public:
    meddling_machine(relay::options chosen, const moment& started) : inner_{std::move(chosen), started} {}

    void on_opened(relay::connection_id id, const moment& now, relay::ActionSink auto& out) {
        catch_up(now, out);
        inner_.on_opened(id, now, out);
    }
    void on_text(relay::connection_id id, std::string_view text, const moment& now, relay::ActionSink auto& out) {
        late_errors late{*this, out};
        // A frame that cannot be read names nobody; the one before it may have been another agent's.
        if (injected(fault::relay_blames_named)) leave_note({});
        const bool is_send = text.find(R"("send")") != text.npos && text.find(R"("id")") == text.npos;
        const bool with_the_last = id == last_from_ && now.steady == last_at_ && is_send;
        if (!with_the_last) catch_up(now, out);
        last_from_ = id;
        last_at_ = now.steady;
        if (injected(fault::relay_order) && with_the_last && held_frame_.empty()) {
            held_frame_ = text;
            return;
        }
        inner_.on_text(id, text, now, late);
        release_frame(now, out);
    }
    void on_binary(relay::connection_id id, const moment& now, relay::ActionSink auto& out) {
        catch_up(now, out);
        late_errors late{*this, out};
        if (injected(fault::relay_blames_named)) leave_note({});
        inner_.on_binary(id, now, late);
    }
    void on_pong(relay::connection_id id, byte_view payload, const moment& now, relay::ActionSink auto& out) {
        catch_up(now, out);
        inner_.on_pong(id, payload, now, out);
    }
    void on_ping(relay::connection_id id, const moment& now, relay::ActionSink auto& out) {
        catch_up(now, out);
        inner_.on_ping(id, now, out);
    }
    void on_closed(relay::connection_id id, const moment& now, relay::ActionSink auto& out) {
        if (!held_frame_.empty() && id == last_from_) held_frame_.clear();
        std::erase_if(held_errors_, [id](const auto& one) { return one.first == id; });
        inner_.on_closed(id, now, out);
    }
    void on_drained(relay::connection_id id, const moment& now, relay::ActionSink auto& out) {
        inner_.on_drained(id, now, out);
    }
    void on_tick(const moment& now, relay::ActionSink auto& out) {
        catch_up(now, out);
        inner_.on_tick(now, out);
    }
    void on_stop(const moment& now, relay::ActionSink auto& out) { inner_.on_stop(now, out); }

    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept {
        auto at = inner_.next_deadline();
        // What is held goes out a moment later, also when nothing else happens.
        if (!held_errors_.empty() || !held_frame_.empty()) {
            const auto soon = last_at_ + std::chrono::milliseconds{20};
            at = at ? std::min(*at, soon) : soon;
        }
        return at;
    }
    [[nodiscard]] const relay::metrics& count() const noexcept { return inner_.count(); }

private:
    /// Keeps error frames back until something else has been sent to the same connection.
    template <class Sink>
    struct late_errors {
        late_errors(meddling_machine& owner, Sink& real) : of{owner}, to{real} {}
        meddling_machine& of;
        Sink& to;
        relay::send_result send_text(relay::connection_id id, std::span<const std::string_view> pieces) {
            if (injected(fault::error_late) && pieces.front().starts_with(R"({"type":"error")")) {
                std::string text;
                for (const auto piece : pieces) text.append(piece);
                of.held_errors_.emplace_back(id, std::move(text));
                return relay::send_result::taken;
            }
            const auto outcome = to.send_text(id, pieces);
            of.release_errors(to, [id](const auto& one) { return one.first == id; });
            return outcome;
        }
        void send_ping(relay::connection_id id, byte_view payload) { to.send_ping(id, payload); }
        void close(relay::connection_id id, std::uint16_t code, std::string_view reason) {
            of.release_errors(to, [id](const auto& one) { return one.first == id; });
            to.close(id, code, reason);
        }
    };

    template <class Sink, class Which>
    void release_errors(Sink& out, Which which) {
        for (const auto& one : held_errors_) {
            const std::string_view whole[] = {one.second};
            if (which(one)) (void)out.send_text(one.first, whole);
        }
        std::erase_if(held_errors_, which);
    }
    void release_frame(const moment& now, relay::ActionSink auto& out) {
        if (held_frame_.empty()) return;
        const auto frame = std::exchange(held_frame_, {});
        inner_.on_text(last_from_, frame, now, out);
    }
    /// Another moment, or another connection: nothing is held any longer.
    void catch_up(const moment& now, relay::ActionSink auto& out) {
        release_frame(now, out);
        if (now.steady != last_at_) release_errors(out, [](const auto&) { return true; });
    }

    relay::server<> inner_;
    relay::connection_id last_from_{};
    steady_point last_at_{};
    std::string held_frame_;
    std::vector<std::pair<relay::connection_id, std::string>> held_errors_;
};

}  // namespace agentmesh::conformance::zoo
