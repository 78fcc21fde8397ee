// The load generator: measures one server in one way and prints one JSON object.
//
// The server's CPU time a message is the figure to compare. The rate is limited by whichever of generator and server
// is slower, and the latency in the window modes by the rate; only with --rate does the latency mean anything.
#include "load.hpp"
#include "process.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>
#include <iostream>
#include <vector>

#include <sys/epoll.h>

namespace {

using bench::protocol;
using clock_type = std::chrono::steady_clock;

struct settings {
    protocol kind = protocol::agentmesh;
    std::uint16_t port = 0;
    int pid = 0;
    std::size_t pairs = 50;
    std::size_t window = 1;
    std::size_t payload = 256;
    double seconds = 2;
    double warm_up = 0.5;
    double rate = 0;       ///< messages a second; 0: as fast as the windows allow
    std::size_t idle = 0;  ///< connections that only wait
};

double since(clock_type::time_point start) { return std::chrono::duration<double>(clock_type::now() - start).count(); }

double quantile(std::vector<float>& sorted, double q) {
    if (sorted.empty()) return 0;
    return static_cast<double>(sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))]);
}

class generator {
public:
    explicit generator(const settings& chosen) : chosen_{chosen}, poll_{::epoll_create1(0)} {
        for (std::size_t i = 0; i < chosen.pairs; ++i) {
            pairs_.push_back(bench::make_pair(chosen.kind, chosen.port, chosen.payload, i, random_));
            under_way_.emplace_back();
            bursts_.emplace_back();
            for (std::size_t k = 0; k < chosen.window; ++k) bursts_.back() += pairs_.back().message;
        }
        // The generator reads what a sender gets too: the relay's Pings want an answer.
        for (std::size_t i = 0; i < pairs_.size(); ++i) {
            watch(pairs_[i].receiver.fd(), 2 * i);
            watch(pairs_[i].sender.fd(), 2 * i + 1);
        }
    }

    void run() {
        if (chosen_.rate == 0) {
            for (std::size_t i = 0; i < pairs_.size(); ++i) send(i, chosen_.window, clock_type::now());
        }
        drive(chosen_.warm_up);
        latencies_.clear();
        received_ = 0;
        const auto cpu_before = bench::cpu_time(chosen_.pid);
        const auto started = clock_type::now();
        drive(chosen_.seconds);
        const double seconds = since(started);
        const auto cpu = static_cast<double>(bench::cpu_time(chosen_.pid) - cpu_before);
        const auto messages = static_cast<double>(received_);
        std::sort(latencies_.begin(), latencies_.end());
        std::cout << "{\"messages\":" << received_ << ",\"seconds\":" << seconds
                  << ",\"messages_per_second\":" << messages / seconds
                  << ",\"cpu_us_per_message\":" << cpu / 1e3 / messages << ",\"cpu_share\":" << cpu / 1e9 / seconds
                  << ",\"p50_us\":" << quantile(latencies_, 0.5) << ",\"p99_us\":" << quantile(latencies_, 0.99)
                  << "}\n";
    }

private:
    void watch(int fd, std::size_t tag) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = tag;
        ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
    }

    void send(std::size_t i, std::size_t count, clock_type::time_point at) {
        for (std::size_t k = 0; k < count; ++k) under_way_[i].push_back(at);
        const auto size = pairs_[i].message.size();
        while (count > 0) {
            const auto part = std::min(count, chosen_.window);
            pairs_[i].sender.send(std::string_view{bursts_[i]}.substr(0, part * size));
            count -= part;
        }
    }

    void take(std::size_t tag) {
        auto& pair = pairs_[tag / 2];
        const bool at_receiver = tag % 2 == 0;
        const auto& from = at_receiver ? pair.receiver : pair.sender;
        auto& count = at_receiver ? pair.from_receiver : pair.from_sender;
        const auto size = from.receive(bytes_.data(), bytes_.size());
        const auto now = clock_type::now();
        std::size_t arrived = 0;
        count.feed(
            {bytes_.data(), size},
            [&](std::string_view) {
                if (!at_receiver) bench::give_up("the server answered a sender");
                ++arrived;
            },
            [&](std::string_view payload) { from.send(bench::masked(agentmesh::ws::opcode::pong, payload)); });
        for (std::size_t k = 0; k < arrived; ++k) {
            auto& queue = under_way_[tag / 2];
            latencies_.push_back(std::chrono::duration<float, std::micro>(now - queue.front()).count());
            queue.pop_front();
        }
        received_ += arrived;
        if (arrived > 0 && chosen_.rate == 0) send(tag / 2, arrived, now);
    }

    void drive(double seconds) {
        const auto start = clock_type::now();
        const auto until =
            start + std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds));
        const auto gap = std::chrono::duration_cast<clock_type::duration>(
            std::chrono::duration<double>(chosen_.rate > 0 ? 1 / chosen_.rate : 0));
        auto due = start;
        while (true) {
            const auto now = clock_type::now();
            if (now >= until) return;
            // Latency counts from the moment a message was due, so that a stall shows in all that waited for it.
            for (; chosen_.rate > 0 && due <= now; due += gap) send(next_++ % pairs_.size(), 1, due);
            epoll_event events[256];
            const int ready = ::epoll_wait(poll_, events, 256, chosen_.rate > 0 ? 0 : 10);
            for (int i = 0; i < ready; ++i) take(static_cast<std::size_t>(events[i].data.u64));
        }
    }

    settings chosen_;
    agentmesh::crypto::system_random random_;
    int poll_;
    std::vector<bench::pair> pairs_;
    std::vector<std::deque<clock_type::time_point>> under_way_;
    std::vector<std::string> bursts_;
    std::vector<float> latencies_;
    std::vector<char> bytes_ = std::vector<char>(256 * 1024);
    std::size_t received_ = 0;
    std::size_t next_ = 0;
};

// Connections that log in and then only answer Pings.
void measure_idle(const settings& chosen) {
    agentmesh::crypto::system_random random;
    const auto before = bench::resident(chosen.pid);
    std::vector<bench::agent> agents;
    const int poll = ::epoll_create1(0);
    std::size_t pings = 0;
    const auto answer_pings = [&](int milliseconds) {
        char bytes[512];
        epoll_event events[256];
        const int ready = ::epoll_wait(poll, events, 256, milliseconds);
        for (int i = 0; i < ready; ++i) {
            const auto& from = agents[static_cast<std::size_t>(events[i].data.u64)].connection;
            bench::counter frames{protocol::agentmesh};
            frames.feed(
                {bytes, from.receive(bytes, sizeof bytes)}, [](std::string_view) {},
                [&](std::string_view payload) {
                    ++pings;
                    from.send(bench::masked(agentmesh::ws::opcode::pong, payload));
                });
        }
        return ready;
    };

    for (std::size_t i = 0; i < chosen.idle; ++i) {
        agents.push_back(bench::log_in(chosen.port, random));
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, agents.back().connection.fd(), &event);
        // The first ones may be pinged before the last one is in.
        while (i % 100 == 0 && answer_pings(0) == 256) {
        }
    }
    const auto memory = static_cast<double>(bench::resident(chosen.pid) - before);
    const auto cpu_before = bench::cpu_time(chosen.pid);
    const auto started = clock_type::now();
    while (since(started) < chosen.seconds) answer_pings(100);
    const auto cpu = static_cast<double>(bench::cpu_time(chosen.pid) - cpu_before);
    std::cout << "{\"connections\":" << chosen.idle
              << ",\"bytes_per_connection\":" << memory / static_cast<double>(chosen.idle)
              << ",\"cpu_share\":" << cpu / 1e9 / since(started) << ",\"pings\":" << pings
              << ",\"seconds\":" << since(started) << "}\n";
}

}  // namespace

int main(int argc, char** argv) {
    settings chosen;
    CLI::App app{"Measures one relay, forwarder or broker on 127.0.0.1."};
    app.add_option("--protocol", chosen.kind, "agentmesh, forward or nats")
        ->transform(CLI::CheckedTransformer(std::map<std::string, protocol>{
            {"agentmesh", protocol::agentmesh}, {"forward", protocol::forward}, {"nats", protocol::nats}}));
    app.add_option("--port", chosen.port)->required();
    app.add_option("--pid", chosen.pid, "of the server, whose CPU time and memory are read")->required();
    app.add_option("--pairs", chosen.pairs)->capture_default_str();
    app.add_option("--window", chosen.window, "messages under way in each pair")->capture_default_str();
    app.add_option("--payload", chosen.payload, "bytes")->capture_default_str();
    app.add_option("--seconds", chosen.seconds)->capture_default_str();
    app.add_option("--rate", chosen.rate, "messages a second, all pairs together; 0 for windows")
        ->capture_default_str();
    app.add_option("--idle", chosen.idle, "measure this many waiting connections instead")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        if (chosen.idle > 0) {
            measure_idle(chosen);
        } else {
            generator{chosen}.run();
        }
    } catch (const std::exception& failed) {
        std::cerr << "bench_relay: " << failed.what() << '\n';
        return 1;
    }
}
