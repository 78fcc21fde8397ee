// Tells a registry over HTTP who is connected to a relay of this process.
#pragma once

#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/net/http_client.hpp>
#include <agentmesh/registry/presence_report.hpp>
#include <agentmesh/registry/request_proof.hpp>

namespace agentmesh::net {

/// Lives on the io_context of the relay. `Look` fills a map of who is connected: `look(std::map<amid, availability>&)`.
/// Never holds the relay up: one notice is under way at a time, and a registry that does not answer is asked again at
/// the next look.
template <class Look>
class presence_reporter {
public:
    /// @param self, secure  must outlive the reporter; `secure` is needed for https
    presence_reporter(asio::io_context& io, ws_address registry, const local_identity& self, Look look,
                      const tls_context* secure = nullptr, duration every = std::chrono::seconds{2})
        : client_{io, std::move(registry), secure}, self_{&self}, look_{std::move(look)}, every_{every}, timer_{io} {}

    void start() { round(); }
    /// Says nothing any more; the io_context has no work from it then.
    void stop() {
        stopped_ = true;
        timer_.cancel();
    }

    /// Notices that the registry took, and that it did not.
    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }

private:
    void round() {
        if (stopped_) return;
        std::map<amid, registry::availability> there;
        look_(there);
        report_.look(std::move(there));
        tell();
        timer_.expires_after(every_);
        timer_.async_wait([this](const std::error_code& failed) {
            if (!failed) round();
        });
    }

    void tell() {
        const auto now = clock_.now();
        const auto entries = report_.take(now.wall);
        if (entries.empty()) return;
        http::request notice{.method = "POST",
                             .path = "/v1/relay/presence",
                             .fields = {{"Host", client_.host()}, {"Content-Type", "application/json"}},
                             .body = registry::write_presence(self_->name(), entries)};
        const bool asked = registry::prove(notice, self_->signing(), now.wall, random_).has_value() &&
                           ask(std::move(notice)).has_value();
        if (!asked) settle(false);
    }
    result<void> ask(http::request notice) {
        // The connection says Host itself.
        http::fields kept;
        for (const auto& one : notice.fields)
            if (!ws::equals_ignoring_case(one.name, "Host")) kept.add(one.name, one.value);
        notice.fields = std::move(kept);
        return client_.ask(std::move(notice), [this](const result<http::response>& got) {
            const bool ok = got && got->status == 200;
            settle(ok);
            if (ok && !stopped_) tell();  // there may be more than fits into one
        });
    }
    void settle(bool ok) {
        ++(ok ? taken_ : failed_);
        report_.settle(ok, clock_.now().wall);
    }

    http_client client_;
    const local_identity* self_;
    Look look_;
    duration every_;
    steady_timer timer_;
    system_clock clock_;
    crypto::system_random random_;
    registry::presence_report report_;
    bool stopped_ = false;
    std::uint64_t taken_ = 0, failed_ = 0;
};

}  // namespace agentmesh::net
