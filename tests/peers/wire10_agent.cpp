// Our agent of profile wire10, suite wire10-legacy, driven by lines of JSON: for exchanges with foreign clients.
//
//   wire10_agent URL proven|unproven
//
// In:  {"knock":"did:mesh:...","bundle":{...}}  {"send":"did:mesh:...","text":"..."}  {"policy":true}  {"quit":true}
// Out: {"did":...,"bundle":{...}} once connected, then {"opened":did} {"refused":did} {"received":did,"text":...}
//      {"failed":...} {"closed":code}
#include <agentmesh/crypto/random.hpp>
#include <agentmesh/net/system_clock.hpp>
#include <agentmesh/net/ws_socket.hpp>
#include <agentmesh/session/wire10_agent.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/streambuf.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

namespace {

using namespace agentmesh;
using tree = nlohmann::json;

constexpr auto form = base64_form::standard_padded;

void say(const tree& line) { std::cout << line.dump() << std::endl; }

session::wire10_bundle bundle_from(const tree& text) {
    session::wire10_bundle out;
    out.signing = from_base64_exact<signing_public_key>(text.at("signing").get<std::string>(), form).value();
    out.identity = from_base64_exact<exchange_public_key>(text.at("identity").get<std::string>(), form).value();
    out.signed_prekey = from_base64_exact<exchange_public_key>(text.at("prekey").get<std::string>(), form).value();
    out.prekey_proof = from_base64_exact<signature>(text.at("proof").get<std::string>(), form).value();
    if (text.contains("one_time_id")) {
        out.one_time_id = text["one_time_id"].get<std::uint32_t>();
        out.one_time = from_base64_exact<exchange_public_key>(text.at("one_time").get<std::string>(), form).value();
    }
    return out;
}

tree text_of(const session::wire10_bundle& bundle) {
    tree out{{"signing", to_base64(bundle.signing.bytes(), form)},
             {"identity", to_base64(bundle.identity.bytes(), form)},
             {"prekey", to_base64(bundle.signed_prekey.bytes(), form)},
             {"proof", to_base64(bundle.prekey_proof.bytes(), form)}};
    if (bundle.one_time_id) {
        out["one_time_id"] = *bundle.one_time_id;
        out["one_time"] = to_base64(bundle.one_time.bytes(), form);
    }
    return out;
}

/// Takes everybody or nobody, as he is told.
struct owner {
    bool accepts = true;

    [[nodiscard]] session::verdict decide(const session::applicant&) const {
        return accepts ? session::verdict::accept({}) : session::verdict::deny(session::deny_reason::rejected);
    }
    [[nodiscard]] std::uint64_t generation() const { return 0; }
    [[nodiscard]] bool allows(e2ee::suite_id suite) const { return suite == e2ee::suite_id::wire10_legacy; }
    [[nodiscard]] bool allows_unsigned() const { return true; }
    [[nodiscard]] bool allows_unbound() const { return true; }
};

/// No registry: who knocks is nobody's acquaintance.
struct nobody {
    [[nodiscard]] std::optional<signing_public_key> signing_key(const mesh_did&) const { return std::nullopt; }
};

class program {
public:
    program(asio::io_context& io, std::string url, bool prove)
        : prove_{prove},
          keys_{signing_key_pair::generate(random_).value()},
          agent_{keys_, random_, owner_, nobody_},
          socket_{io, {.opened = [this] { opened(); },
                       .text = [this](std::string_view text) { agent_.on_text(text, clock_.now(), *this); },
                       .closed = [this](std::uint16_t code, const error&) {
                           agent_.on_closed();
                           say({{"closed", code}});
                           input_.close();
                       }}},
          input_{io, dup(0)} {
        if (const auto begun = agent_.restore(state_, clock_.now(), *this); !begun)
            say({{"failed", to_string(begun.error())}});
        socket_.open(net::parse_ws_url(url).value());
        read();
    }

    // Wire10Sink
    result<void> persist(std::span<const record_change> changes) { return state_.commit(changes); }
    void send_text(std::string_view text) { (void)socket_.send_text(text); }
    void opened(const mesh_did& peer) { say({{"opened", peer.text()}}); }
    void refused(const mesh_did& peer, std::string_view) { say({{"refused", peer.text()}}); }
    bool received(const mesh_did& peer, std::string_view, byte_view text) {
        say({{"received", peer.text()}, {"text", as_text(text)}});
        return true;
    }
    void undelivered(const mesh_did& peer, byte_view, const error& why) {
        say({{"undelivered", peer.text()}, {"why", to_string(why)}});
    }
    void failed(std::string_view, const error& why) { say({{"failed", to_string(why)}}); }

private:
    void opened() {
        agent_.on_open(clock_.now(), *this, prove_);
        say({{"did", agent_.name().text()}, {"bundle", text_of(agent_.publish(*this).value())}});
    }
    void read() {
        asio::async_read_until(input_, lines_, '\n', [this](const std::error_code& failed, std::size_t) {
            if (failed) return (void)socket_.close(1000);
            std::istream in{&lines_};
            std::string line;
            std::getline(in, line);
            obey(tree::parse(line));
            if (input_.is_open()) read();
        });
    }
    void obey(const tree& what) {
        if (what.contains("quit")) return (void)socket_.close(1000);
        if (what.contains("policy")) owner_.accepts = what["policy"].get<bool>();
        const auto report = [](const result<void>& done) {
            if (!done) say({{"failed", to_string(done.error())}});
        };
        if (what.contains("knock")) {
            const auto peer = mesh_did::parse(what["knock"].get<std::string>()).value();
            report(agent_.knock(peer, bundle_from(what.at("bundle")), clock_.now(), *this));
        }
        if (what.contains("send")) {
            const auto peer = mesh_did::parse(what["send"].get<std::string>()).value();
            report(agent_.send(peer, what.at("text").get<std::string>(), clock_.now(), *this));
        }
    }

    bool prove_;
    owner owner_;
    nobody nobody_;
    memory_state state_;
    net::system_clock clock_;
    crypto::system_random random_;
    signing_key_pair keys_;
    session::wire10_agent<e2ee::wire10_legacy, crypto::system_random, owner, nobody> agent_;
    net::ws_socket socket_;
    asio::posix::stream_descriptor input_;
    asio::streambuf lines_{1 << 20};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: wire10_agent URL proven|unproven\n";
        return 2;
    }
    asio::io_context io{1};
    program agent{io, argv[1], std::string_view{argv[2]} == "proven"};
    io.run();
}
