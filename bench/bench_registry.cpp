// Measures a registry, and the statements of the database under it.
//
//     bench_registry fill --db registry.db --agents 1000000 --stocked 100
//     bench_registry bare --db registry.db --agents 1000000 --what lookup --seconds 5
//     bench_registry load --port 8080 --agents 1000000 --what lookup --clients 50 --seconds 5
//
// `fill` makes agents whose keys follow from their number, so that the others know them. `bare` runs the one statement
// that a request cannot do without, in a transaction of its own. `load` keeps one request of each client under way.
#include "load.hpp"

#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/registry/postgres_store.hpp>
#include <agentmesh/registry/request_proof.hpp>
#include <agentmesh/registry/sqlite_store.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>

#include <sys/epoll.h>

namespace {

using namespace agentmesh;
using namespace agentmesh::registry;
using clock_type = std::chrono::steady_clock;

struct settings {
    std::string db{};
    std::string what = "lookup";
    std::uint64_t agents = 10'000;
    std::uint64_t stocked = 100;  ///< how many agents have one-time prekeys
    std::uint16_t port = 0;
    std::size_t clients = 50;
    double seconds = 5;
    unsigned seed = 1;
};

constexpr std::uint32_t keys_each = 1'024;  // of an agent that has one-time prekeys

template <class T>
T need(result<T> of) {
    if (!of) bench::give_up(to_string(of.error()));
    return *std::move(of);
}
void need(result<void> of) {
    if (!of) bench::give_up(to_string(of.error()));
}

double since(clock_type::time_point start) { return std::chrono::duration<double>(clock_type::now() - start).count(); }

/// Agent n. Its keys are hashes: nobody signs for it.
agent_row agent_of(std::uint64_t n) {
    std::array<std::uint8_t, 32> key{};
    crypto::sha256_stream{}.update(as_bytes("bench agent " + std::to_string(n))).finish(key);
    std::mt19937_64 dice{n};
    const auto signing = signing_public_key::from(key).value();
    const auto registered = time_point{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
    // 20 categories of 10 each: what is asked for fits one agent in 200, its category one in 20.
    const auto capability = [&] { return "c" + std::to_string(dice() % 20) + "/s" + std::to_string(dice() % 10); };
    agent_row out{.who = amid::of(signing),
                  .signing = signing,
                  .exchange = exchange_public_key::from(key).value(),
                  .display_name = "agent " + std::to_string(n),
                  .capabilities = {capability(), capability()},
                  .relay = "wss://relay.example/v1/connect",
                  .trust = static_cast<tier>(std::max<int>(0, static_cast<int>(dice() % 10) - 7)),
                  .status = static_cast<availability>(dice() % 4),
                  .registered_at = registered,
                  .last_seen = registered + std::chrono::seconds{dice() % 10'000'000},
                  .score = static_cast<ppm>(400'000 + dice() % 400'000),
                  .ratings = static_cast<std::uint32_t>(dice() % 8)};
    std::sort(out.capabilities.begin(), out.capabilities.end());
    if (out.capabilities[0] == out.capabilities[1]) out.capabilities.pop_back();
    return out;
}

// --- the database ---------------------------------------------------------------------------------------------------

template <class Database>
void fill(Database& db, const settings& chosen) {
    const auto started = clock_type::now();
    constexpr std::uint64_t batch = 20'000;
    std::vector<one_time_row> keys;
    for (std::uint32_t id = 0; id < keys_each; ++id)
        keys.push_back({id, R"({"id":)" + std::to_string(id) + R"(,"key":")" + std::string(43, 'A') + R"("})"});
    const std::string bundle = R"({"signed_prekey":")" + std::string(43, 'A') + R"(","signed_prekey_signature":")" +
                               std::string(86, 'A') + R"("})";
    for (std::uint64_t n = 0; n < chosen.agents; ++n) {
        if (n % batch == 0) need(db.run(n == 0 ? "BEGIN" : "COMMIT; BEGIN"));
        sql_transaction<Database> tx{db};
        const auto row = agent_of(n);
        if (!need(tx.insert_agent(row))) bench::give_up("the database is not empty");
        if (n < chosen.stocked) need(tx.put_prekeys(row.who, {.json = bundle, .next_one_time = keys_each}, keys));
    }
    need(db.run("COMMIT"));
    need(db.run("ANALYZE"));
    std::cout << "{\"agents\":" << chosen.agents << ",\"seconds\":" << since(started) << "}\n";
}

/// How long each took, in seconds, and what follows from it.
void print(std::vector<double> times, double took, std::size_t failed = 0) {
    if (times.empty()) bench::give_up("nothing was done");
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) {
        return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
    };
    std::cout << "{\"rate\":" << static_cast<double>(times.size()) / took << ",\"p50_ms\":" << at(0.5) * 1e3
              << ",\"p99_ms\":" << at(0.99) * 1e3 << ",\"max_ms\":" << times.back() * 1e3
              << ",\"requests\":" << times.size() << ",\"failed\":" << failed << "}\n";
}

template <class Database>
void bare(Database& db, const settings& chosen) {
    std::mt19937_64 dice{chosen.seed};
    const auto someone = [&](std::uint64_t of) { return agent_of(dice() % of).who; };
    const std::string lookup = std::string{"SELECT "} + detail::agent_columns + " FROM agents WHERE amid = ?";
    std::uint64_t next = chosen.agents + chosen.seed * 10'000'000;
    const auto act = [&]() -> double {
        if (chosen.what == "lookup") {
            const auto who = someone(chosen.agents);
            const auto begun = clock_type::now();
            auto row = need(db.prepare(lookup));
            row.bind(1, who.bytes().bytes());
            if (!need(row.step())) bench::give_up("an agent is missing");
            return since(begun);
        }
        if (chosen.what == "fetch") {
            const auto who = someone(chosen.stocked);
            const auto begun = clock_type::now();
            need(db.run("BEGIN"));
            {
                auto row = need(db.prepare(sql_dialect<Database>::take_one_time));
                row.bind(1, who.bytes().bytes());
                if (need(row.step())) need(row.run());
            }
            need(db.run("COMMIT"));
            return since(begun);
        }
        const auto row = agent_of(next++);
        const auto packed = detail::pack(row.capabilities);
        const auto begun = clock_type::now();
        need(db.run("BEGIN"));
        {
            auto put =
                need(db.prepare("INSERT INTO agents VALUES (?1, ?2, ?2, ?3, ?4, ?3, ?3, ?3, ?3, ?5, ?3, ?5, "
                                "?5, ?5, ?5, ?5, ?5, ?5, ?6, ?6, ?3, ?3)"));
            put.bind(1, row.who.bytes().bytes()).bind(2, row.signing.bytes()).bind(3, row.relay).bind(4, packed);
            put.bind(6, byte_view{});
            put.bind(5, 0);
            need(put.run());
        }
        need(db.run("COMMIT"));
        return since(begun);
    };
    std::vector<double> times;
    const auto started = clock_type::now();
    while (since(started) < chosen.seconds) times.push_back(act());
    // What was made ready between two statements is not theirs.
    double took = 0;
    for (const double one : times) took += one;
    print(std::move(times), took);
}

template <class Act>
void with_database(const std::string& where, Act&& act) {
    if (where.starts_with("postgres")) {
        need(postgres_store::open(where));
        auto db = need(store::postgres_database::open(where));
        act(db);
    } else {
        need(sqlite_store::open(where));
        auto db = need(store::sqlite_database::open(where));
        need(db.run("PRAGMA cache_size = -262144"));
        act(db);
    }
}

// --- clients --------------------------------------------------------------------------------------------------------

/// One that can sign, on a connection of its own.
struct client {
    std::unique_ptr<bench::link> connection;
    signing_key_pair key;
    std::size_t number;
    std::string heard{};
    clock_type::time_point asked{};
};

class generator {
public:
    explicit generator(const settings& chosen)
        : chosen_{chosen}, host_{"127.0.0.1:" + std::to_string(chosen.port)}, dice_{chosen.seed} {}

    void run() {
        for (std::size_t i = 0; i < chosen_.clients; ++i) {
            clients_.push_back(
                {std::make_unique<bench::link>(chosen_.port), need(signing_key_pair::generate(random_)), i});
            if (chosen_.what == "fetch") enrol(clients_.back());
            watch(clients_.back());
        }
        const auto started = clock_type::now();
        for (auto& one : clients_) ask(one);
        while (since(started) < chosen_.seconds) {
            epoll_event events[64];
            const int ready = ::epoll_wait(poll_, events, 64, 100);
            for (int i = 0; i < ready; ++i) {
                auto& one = clients_[static_cast<std::size_t>(events[i].data.u64)];
                if (listen(one)) ask(one);
            }
        }
        print(std::move(times_), since(started), failed_);
    }

private:
    void watch(const client& of) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = of.number;
        ::epoll_ctl(poll_, EPOLL_CTL_ADD, of.connection->fd(), &event);
    }

    void ask(client& from) {
        const auto text = written(from);
        from.asked = clock_type::now();
        from.connection->send(text);
    }

    /// Whether the answer is complete.
    bool listen(client& at) {
        char bytes[64 * 1024];
        at.heard.append(bytes, at.connection->receive(bytes, sizeof bytes));
        const auto head = at.heard.find("\r\n\r\n");
        if (head == std::string::npos) return false;
        const std::string_view mark = "Content-Length: ";
        const auto length = at.heard.find(mark);
        if (length > head) bench::give_up("an answer of unknown length: " + at.heard.substr(0, head));
        const auto size = static_cast<std::size_t>(std::atoll(at.heard.c_str() + length + mark.size()));
        if (at.heard.size() < head + 4 + size) return false;
        times_.push_back(since(at.asked));
        const std::string_view status{at.heard.data() + 9, 3};
        const bool served = chosen_.what != "fetch" || at.heard.find("one_time_prekey\"", head) != std::string::npos;
        if (status[0] != '2' || !served) {
            if (failed_++ == 0) std::cerr << at.heard << '\n';
        }
        // After some number of requests a server wants to see a connection go.
        if (at.heard.find("Connection: close") < head) {
            at.connection = std::make_unique<bench::link>(chosen_.port);
            watch(at);
        }
        at.heard.clear();
        return true;
    }

    std::string written(client& from) {
        http::request out{.method = "GET"};
        if (chosen_.what == "lookup") {
            out.path = "/v1/registry/lookup";
            out.query = "amid=" + std::string{agent_of(dice_() % chosen_.agents).who.text()};
        } else if (chosen_.what == "search") {
            out.path = "/v1/registry/search";
            out.query = searched();
        } else if (chosen_.what == "fetch") {
            out.path = "/v1/registry/prekeys/" + std::string{agent_of(dice_() % chosen_.stocked).who.text()};
            return text_of(out, &from.key);
        } else {
            from.key = need(signing_key_pair::generate(random_));
            return registration(from);
        }
        return text_of(out, nullptr);
    }

    std::string searched() {
        const auto category = "c" + std::to_string(dice_() % 20);
        switch (dice_() % 4) {
            case 0: return "capability=" + category;
            case 1: return "capability=" + category + "/s" + std::to_string(dice_() % 10) + "&tier_min=1";
            case 2: return "capability=" + category + "&status=online&reputation_min=0.7";
            default: return "capability=" + category + "/*&limit=100&offset=" + std::to_string(dice_() % 500);
        }
    }

    std::string registration(client& from) {
        const auto me = amid::of(from.key.public_key());
        const auto key = to_base64(from.key.public_key().bytes(), base64_form::standard_padded);
        http::request out{.method = "POST", .path = "/v1/registry/register"};
        // Its exchange key is a made-up point; a registry stores it.
        out.body = R"({"amid":")" + std::string{me.text()} + R"(","signing_public_key":")" + key +
                   R"(","exchange_public_key":")" + key +
                   R"(","display_name":"bench","capabilities":["c1/s1","c2/s2"]})";
        return text_of(out, &from.key);
    }

    void enrol(client& from) {
        from.connection->send(registration(from));
        const auto answer = from.connection->receive_until("}");
        if (answer.find(" 201 ") == std::string::npos) bench::give_up("not registered: " + answer);
    }

    std::string text_of(http::request& of, const signing_key_pair* key) {
        of.fields.add("Host", host_);
        if (!of.body.empty()) of.fields.add("Content-Type", "application/json");
        if (key != nullptr) need(prove(of, *key, net::system_clock{}.now().wall, random_));
        std::string out = of.method + ' ' + of.path + (of.query.empty() ? "" : "?") + of.query + " HTTP/1.1\r\n";
        for (const auto& [name, value] : of.fields) out += name + ": " + value + "\r\n";
        if (!of.body.empty()) out += "Content-Length: " + std::to_string(of.body.size()) + "\r\n";
        return out + "\r\n" + of.body;
    }

    const settings& chosen_;
    std::string host_;
    std::mt19937_64 dice_;
    crypto::system_random random_;
    std::vector<client> clients_;
    std::vector<double> times_;
    std::size_t failed_ = 0;
    int poll_ = ::epoll_create1(0);
};

}  // namespace

int main(int argc, char** argv) {
    settings chosen;
    CLI::App app{"Measures a registry on 127.0.0.1, and the statements of the database under it."};
    app.require_subcommand(1);
    const auto common = [&](CLI::App* of) {
        of->add_option("--agents", chosen.agents)->capture_default_str();
        of->add_option("--stocked", chosen.stocked, "agents that have one-time prekeys")->capture_default_str();
    };
    const auto timed = [&](CLI::App* of) {
        of->add_option("--what", chosen.what, "lookup, fetch, register or search")
            ->check(CLI::IsMember({"lookup", "fetch", "register", "search"}));
        of->add_option("--seconds", chosen.seconds)->capture_default_str();
        of->add_option("--seed", chosen.seed)->capture_default_str();
    };
    auto* const filling = app.add_subcommand("fill", "Fills an empty database.");
    auto* const statements = app.add_subcommand("bare", "Runs the bare statement.");
    auto* const requests = app.add_subcommand("load", "Asks a registry.");
    for (auto* const one : {filling, statements, requests}) common(one);
    for (auto* const one : {filling, statements}) one->add_option("--db", chosen.db, "file or URL")->required();
    for (auto* const one : {statements, requests}) timed(one);
    requests->add_option("--port", chosen.port)->required();
    requests->add_option("--clients", chosen.clients)->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        if (*filling) with_database(chosen.db, [&](auto& db) { fill(db, chosen); });
        if (*statements) with_database(chosen.db, [&](auto& db) { bare(db, chosen); });
        if (*requests) generator{chosen}.run();
    } catch (const std::exception& failed) {
        std::cerr << "bench_registry: " << failed.what() << '\n';
        return 1;
    }
}
