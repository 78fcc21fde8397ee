// A relay of a hundred lines that does what a test tells it: enough of 0.2 for the engine, and no more.
#pragma once

#include "conformance/zoo/loopback.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <nlohmann/json.hpp>

namespace agentmesh::conformance::test {

/// What it does wrong, or lacks.
struct fake_options {
    bool answers_connect = true;      ///< else it says nothing after the upgrade
    bool delivers_twice = false;
    bool dies_of_binary = false;      ///< stops accepting and ends every connection at the first binary message
    bool receipts = false;
    bool health = true;               ///< answers GET without an upgrade with 200, else with 404
};

class fake_relay {
public:
    explicit fake_relay(fake_options how = {});
    ~fake_relay();

    [[nodiscard]] std::string url() const { return server_.url(); }
    /// Refuses every new connection and ends the old ones.
    void die();

private:
    void serve(zoo::socket_handle& peer);
    void connect(const nlohmann::json& frame, zoo::socket_handle& peer, std::string& amid);
    void answer(const nlohmann::json& frame, zoo::socket_handle& peer, const std::string& amid);

    fake_options how_;
    std::mutex mutex_;
    std::map<std::string, zoo::socket_handle*> online_;
    std::atomic<bool> dead_{false};
    std::atomic<int> sessions_{0};
    zoo::loopback_server server_;     // last: its threads use what stands above
};

}  // namespace agentmesh::conformance::test
