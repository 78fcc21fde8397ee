// The relay as a server on Asio: `relay::server` decides, this reads, writes, waits and ends connections.
//
//     asio::io_context io{1};
//     net::relay_server server{io, {.port = 0}};
//     if (auto up = server.start(); !up) { std::cerr << server.why() << '\n'; return 1; }
//     io.run();                                           // until server.stop() has drained
//
// How the work is cut up decides what a message costs. Each readiness round of Asio runs the readers of all readable
// sockets; what they have to say to others is laid into those connections' queues, and flushed once at the end of
// the round, with one write for each recipient however many messages it got.
#pragma once

#include <agentmesh/net/acceptor.hpp>
#include <agentmesh/net/relay_connection.hpp>
#include <agentmesh/net/relay_options.hpp>
#include <agentmesh/net/relay_report.hpp>
#include <agentmesh/net/system_clock.hpp>

#include <functional>

namespace agentmesh::net {

/// A relay on one port. Lives on one io_context that one thread runs; many may share it, or have one each.
/// To be destroyed only when that io_context does not run any more.
/// @tparam Machine  a relay::server, with the store of the caller's choice
template <class Machine>
class basic_relay_server {
public:
    basic_relay_server(asio::io_context& io, relay_server_options options);
    ~basic_relay_server();
    basic_relay_server(const basic_relay_server&) = delete;
    basic_relay_server& operator=(const basic_relay_server&) = delete;

    /// Loads the certificate, binds, and accepts from now on.
    /// @errors io_failed, tls_failed; `why()` is a sentence for the operator
    [[nodiscard]] result<void> start();

    /// Begins the orderly end: accepts no more, closes every connection with 1001, and after `drain_timeout` at
    /// most has no work left on the io_context, so that `run` returns. To be called on the io_context's thread.
    /// @spec AM-RLY-076
    void stop();

    [[nodiscard]] std::uint16_t port() const noexcept { return acceptor_.port(); }
    /// `ws://127.0.0.1:8765/`, as a client on this machine would dial it.
    [[nodiscard]] std::string url() const;
    [[nodiscard]] const std::string& why() const noexcept { return why_; }
    /// @pre started
    [[nodiscard]] relay_report report();
    /// The machine, for what it counts and stores. @pre started
    [[nodiscard]] const Machine& machine() const noexcept { return *machine_; }

private:
    struct actions;  // the machine's ActionSink
    struct read_handler;
    struct write_handler;

    // beginning
    void take(tcp_socket socket);
    void refuse_full(tcp_socket socket);
    void feed_head(relay_connection& c, byte_view input);
    void tell_opened(relay_connection& c, std::string_view path);
    void answer_plain(relay_connection& c, const ws::plain_request& request);

    // reading
    void read(relay_connection& c);
    void on_read(relay_connection& c, const std::error_code& failed, std::size_t size);
    std::span<std::uint8_t> read_on(relay_connection& c, std::size_t size, std::error_code& failed);
    void receive(relay_connection& c, std::span<std::uint8_t> input);
    void receive_secure(relay_connection& c, std::span<std::uint8_t> input);
    void receive_plain(relay_connection& c, std::span<std::uint8_t> input);
    void receive_frames(relay_connection& c, std::span<std::uint8_t> input);
    void receive_event(relay_connection& c, const ws::event& event);

    // writing
    void touch(relay_connection& c);
    void flush_round();
    void flush(relay_connection& c);
    bool send_queue(relay_connection& c, output_queue& queue);
    bool encrypt(relay_connection& c);
    void flushed(relay_connection& c);
    void wait_writable(relay_connection& c);
    [[nodiscard]] std::size_t queued(const relay_connection& c) const noexcept;

    // ending
    void begin_closing(relay_connection& c, std::uint16_t code, std::string_view reason);
    void end(relay_connection& c);
    void end_tcp(relay_connection& c);
    void lost(relay_connection& c);
    void destroy(relay_connection& c);
    void release_if_unused(relay_connection& c);
    void destroy_all();
    void tell_closed(relay_connection& c);

    // time
    const moment& now();
    void schedule_round();
    void arm_timer();
    void on_timer();

    void log(log_level level, std::string_view event, const log_fields& fields);

    asio::io_context& io_;
    relay_server_options options_;
    ws::upgrade_options upgrade_;
    system_clock clock_;
    logger log_;
#if AGENTMESH_TLS
    std::optional<tls_context> tls_;
#endif
    acceptor acceptor_;
    std::optional<Machine> machine_;  ///< from `start` on, when its name is known
    connection_slab slab_;
    storage_pool pool_;
    std::vector<std::uint32_t> dirty_;     ///< connections to flush at the end of this round
    std::vector<deadlines::holder> gone_;  ///< slots to give back at the end of this round
    buffer scratch_;                       ///< input of the connection being read
    buffer plain_;                         ///< the same, decrypted
    steady_timer timer_;
    steady_point armed_for_{};  ///< meaningful while `timer_armed_`
    deadlines heads_;
    deadlines closes_;  ///< for the peer's Close
    deadlines ends_;    ///< for the peer's end of TCP, and for what is still to be flushed
    moment now_{};
    steady_point started_{};
    std::optional<steady_point> drained_by_;
    std::size_t open_ = 0;
    relay_server_counters count_;
    std::string why_;
    bool round_scheduled_ = false;
    bool now_known_ = false;
    bool timer_armed_ = false;
    bool stopping_ = false;
};

/// The relay of profile v02 with messages stored in memory.
using relay_server = basic_relay_server<relay::server<>>;

}  // namespace agentmesh::net

#include <agentmesh/net/relay_server.ipp>
