// The command line of agentmesh: flags and environment variables to one of its commands.
#pragma once

#include "apps/agentmesh/inspect.hpp"

#include <agentmesh/version.hpp>

#include <CLI/CLI.hpp>

class command_line {
public:
    command_line() {
        app_.set_version_flag("--version", "agentmesh " + std::string{agentmesh::library_version} +
                                               ", specification " + std::string{agentmesh::spec_revision});
        app_.require_subcommand(1);
        app_.fallthrough();
        app_.add_option("--home", with_.home, "folder of identity and state (AGENTMESH_HOME; ~/.agentmesh)")
            ->type_name("FOLDER");
        app_.add_option("--relay", with_.relay, "(AGENTMESH_RELAY; ws://127.0.0.1:8765/)")->type_name("URL");
        app_.add_option("--directory", with_.directory,
                        "where agents find each other: a JSON file, or a folder of them\n"
                        "(AGENTMESH_DIRECTORY; agents.json in the home)")
            ->type_name("PATH");
        app_.add_option("--trust", with_.trusted_file, "certificate of the relay, PEM (AGENTMESH_TRUST)")
            ->type_name("FILE");
        app_.add_option("--name", with_.name, "what others may call this agent, in the directory")->type_name("NAME");
        app_.add_flag("--json", with_.json, "one JSON object a line, for programs");
        app_.add_flag("--audit", with_.audit, "also tell what was dropped, repeated or could not be sent, and why");
        app_.footer(footer);
        add_identity();
        add_talk();
        add_rest();
    }

    [[nodiscard]] int run(int argc, const char* const* argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::Success& done) {
            return app_.exit(done);
        } catch (const CLI::ParseError& wrong) {
            complain(std::string{wrong.what()} + "; see agentmesh --help");
            return exit_code::usage;
        }
        if (!with_.complete()) return exit_code::usage;
        return command_();
    }

private:
    static constexpr const char* footer =
        "A PEER is an AMID, did:agentmesh:AMID, or a name in the directory. config.json in the home may set relay,\n"
        "directory, name and trust; flags win, then the environment, then the file. policy.json in the home says who\n"
        "may knock; without it, verified callers with a reputation of one half. SIGHUP makes a listener read it\n"
        "again.\n"
        "\n"
        "Examples, on two terminals with export AGENTMESH_DIRECTORY=/tmp/agents.json on both:\n"
        "  AGENTMESH_HOME=~/bob agentmesh identity new\n"
        "  AGENTMESH_HOME=~/bob agentmesh --name bob listen --reply\n"
        "                                           AGENTMESH_HOME=~/alice agentmesh identity new\n"
        "                                           AGENTMESH_HOME=~/alice agentmesh send bob two seats to Lisbon\n"
        "  agentmesh policy check --from alice --intent travel/flights\n"
        "\n"
        "With --json each line has a member event: ready (amid, relay, waiting), opened and session (session, peer,\n"
        "phase, initiator, intent, sent, received, unacknowledged), message (session, from, id, sequence, timestamp,\n"
        "type, text, payload), delivered (session), undelivered (session, peer, id, reason), refused (session, peer,\n"
        "reason), denied (peer, reason: a KNOCK that our policy refused), closed (session, peer, reason),\n"
        "disconnected (reason, retry_in_ms), relay_error (code, retry_after_seconds), policy_reloaded,\n"
        "audit (kind, peer, session, reason), identity, prekeys, decision. A message with the id of an earlier one is\n"
        "that one again, told a second time because the program died while it told it.\n"
        "\n"
        "Exit codes: 0 done, 1 refused or failed, 2 not answered or not delivered in time, 3 wrong usage,\n"
        "4 identity or saved state damaged.";

    void add_identity() {
        auto* const identity = app_.add_subcommand("identity", "make, show or hand out the identity");
        identity->require_subcommand(1);
        identity->fallthrough();
        when(identity->add_subcommand("new", "make one, once"), [this] { return identity_new(with_); });
        when(identity->add_subcommand("show", "public keys and names"), [this] { return identity_show(with_); });
        auto* const exported = identity->add_subcommand("export", "the public record, for somebody's directory");
        exported->add_flag("--did", did_, "the DID document instead");
        when(exported, [this] { return identity_export(with_, did_); });
    }

    void add_talk() {
        auto* const listening = app_.add_subcommand("listen", "take KNOCKs and print messages until SIGINT or SIGTERM");
        listening->add_flag("--reply", talk_.reply, "lines of standard input answer the last message");
        auto* const how_long = listening->add_option("--for", listen_seconds_, "end after this time")
                                   ->type_name("SECONDS")
                                   ->check(CLI::Range(std::int64_t{1}, std::int64_t{31'536'000}));
        (void)how_long;
        when(listening, [this] {
            talk_.wait_seconds = listen_seconds_;
            return listen(with_, talk_);
        });

        auto* const knocking = app_.add_subcommand("knock", "ask a peer for a session");
        add_peer(knocking);
        when(knocking, [this] { return knock(with_, talk_); });

        auto* const sending = app_.add_subcommand("send", "say something, knocking first where that is needed, and "
                                                          "wait until the peer has it");
        add_peer(sending);
        sending->add_option("--session", talk_.session, "in this session")->type_name("ID");
        sending->add_option("text", talk_.words, "what to say; - for each line of standard input")->required();
        when(sending, [this, sending] {
            talk_.intent_given = sending->get_option("--intent")->count() > 0;
            return send(with_, talk_);
        });
    }

    void add_peer(CLI::App* command) {
        command->add_option("peer", talk_.peer, "whom")->required()->type_name("PEER");
        command->add_option("--intent", talk_.intent, "what it is about: category[/subcategory[/action]]")
            ->capture_default_str()
            ->type_name("INTENT");
        command->add_option("--ttl", talk_.ttl_seconds, "seconds that the session is to last")
            ->capture_default_str()
            ->check(CLI::Range(10, 604'800));
        command->add_option("--messages", talk_.expected_messages, "messages that each side may send")
            ->capture_default_str()
            ->check(CLI::Range(1, 1'000'000));
        command->add_option("--wait", talk_.wait_seconds, "seconds to wait for the answer or the delivery")
            ->capture_default_str()
            ->type_name("SECONDS")
            ->check(CLI::Range(std::int64_t{1}, std::int64_t{31'536'000}));
    }

    void add_rest() {
        when(app_.add_subcommand("sessions", "list the sessions"), [this] { return sessions(with_); });

        auto* const policy = app_.add_subcommand("policy", "look at the policy");
        policy->require_subcommand(1);
        policy->fallthrough();
        auto* const check = policy->add_subcommand("check", "read the policy file, and ask it with --from");
        check->add_option("file", policy_.file, "in place of policy.json in the home")->type_name("FILE");
        check->add_option("--from", policy_.from, "would this agent be let in?")->type_name("PEER");
        check->add_option("--intent", policy_.intent, "about this")->capture_default_str()->type_name("INTENT");
        check->add_option("--tier", policy_.tier, "anonymous, verified or organization; else as the directory says");
        check->add_option("--reputation-ppm", policy_.reputation_ppm, "parts per million; else as the directory says")
            ->check(CLI::Range(0, 1'000'000));
        when(check, [this] { return policy_check(with_, policy_); });

        when(app_.add_subcommand("prekeys", "renew what others need to write to this agent, and show it"),
             [this] { return prekeys(with_); });
    }

    void when(CLI::App* command, std::function<int()> then) {
        command->fallthrough();
        command->callback([this, then = std::move(then)] { command_ = then; });
    }

    settings with_;
    talk_options talk_;
    policy_question policy_;
    std::int64_t listen_seconds_ = 0;
    bool did_ = false;
    std::function<int()> command_;
    CLI::App app_{"An AgentMesh agent: end-to-end encrypted messages between agents that asked first.\n", "agentmesh"};
};
