// The command line of agentmesh: flags and environment variables to one of its commands.
#pragma once

#include "apps/agentmesh/certificates.hpp"
#include "apps/agentmesh/node.hpp"
#include "apps/agentmesh/registry_commands.hpp"

#include <agentmesh/version.hpp>

#include <CLI/CLI.hpp>

class command_line {
public:
    command_line() {
        app_.set_version_flag("--version", "agentmesh " + std::string{agentmesh::library_version} + ", specification " +
                                               std::string{agentmesh::spec_revision});
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
        app_.add_option("--registry", with_.registry, "that agents are looked up in (AGENTMESH_REGISTRY)")
            ->type_name("URL");
        app_.add_option("--dht", with_.dht,
                        "nodes of the distributed table to ask first, address and port, with commas between\n"
                        "them (AGENTMESH_DHT)")
            ->type_name("NODES");
        app_.add_option("--lan", with_.lan,
                        "address of this host on the local network; agents find each other there (AGENTMESH_LAN)")
            ->type_name("ADDRESS");
        app_.add_option("--believe", with_.believe,
                        "of what a registry says and nobody signed: proofs, reputation or everything\n"
                        "(AGENTMESH_BELIEVE; reputation)")
            ->type_name("WHAT");
        app_.add_option("--roots", with_.roots_file, "certificates of the roots that may vouch, PEM (AGENTMESH_ROOTS)")
            ->type_name("FILE");
        app_.add_option("--revoked", with_.revoked_file,
                        "SHA-256 of withdrawn certificates, one a line (AGENTMESH_REVOKED)")
            ->type_name("FILE");
        app_.add_option("--name", with_.name, "what others may call this agent, in the directory")->type_name("NAME");
        app_.add_flag("--json", with_.json, "one JSON object a line, for programs");
        app_.add_flag("--audit", with_.audit, "also tell what was dropped, repeated or could not be sent, and why");
        app_.footer(std::string{about_all} + codes);
        add_identity();
        add_talk();
        add_rest();
        add_prekeys();
        add_registry();
#if AGENTMESH_TLS
        add_certificates();
#endif
    }

    [[nodiscard]] int run(int argc, const char* const* argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::Success& done) {
            return app_.exit(done);
        } catch (const CLI::ParseError& wrong) {
            const CLI::App* at = &app_;
            std::string help = "agentmesh ";
            while (!at->get_subcommands().empty()) {
                at = at->get_subcommands().front();
                help += at->get_name() + ' ';
            }
            // An unknown word would else be reported as the lack of a known one.
            const auto unknown = app_.remaining(true);
            const bool missing = dynamic_cast<const CLI::RequiredError*>(&wrong) != nullptr;
            complain((missing && !unknown.empty() ? printable(unknown.front()) + ": no such flag or command"
                                                  : printable(wrong.what())) +
                     "; see " + help + "--help");
            return exit_code::usage;
        }
        if (!with_.complete()) return exit_code::usage;
        return command_();
    }

private:
    static constexpr const char* codes =
        "Exit codes:\n"
        "  0  done; also --help and --version, and a listener that was told to stop\n"
        "  1  refused or failed: by the peer, the policy or the system\n"
        "  2  not answered or not delivered in time; what was to be sent is saved, and goes out in the next run\n"
        "  3  wrong usage: the command line, the environment or config.json\n"
        "  4  identity or saved state damaged";

    static constexpr const char* about_all =
        "A PEER is an AMID, did:agentmesh:AMID, or a name in the directory. config.json in the home may set relay,\n"
        "directory, name, trust, registry, dht, lan, believe, roots and revoked; flags win, then the environment,\n"
        "then the file. policy.json in the home says who may knock; without it, verified callers with a reputation\n"
        "of one half. SIGHUP makes a listener read it again. One program at a time uses a home, but for those that\n"
        "only ask a registry; SIGINT and SIGTERM end it with everything saved.\n"
        "\n"
        "Examples, on two terminals with export AGENTMESH_DIRECTORY=/tmp/agents.json on both:\n"
        "  AGENTMESH_HOME=~/bob agentmesh identity new\n"
        "  AGENTMESH_HOME=~/bob agentmesh --name bob listen --reply\n"
        "                                           AGENTMESH_HOME=~/alice agentmesh identity new\n"
        "                                           AGENTMESH_HOME=~/alice agentmesh send bob two seats to Lisbon\n"
        "  agentmesh policy check --from alice --intent travel/flights\n"
        "  agentmesh sessions bob\n"
        "  agentmesh close bob --reason completed\n"
        "\n"
        "With --json each line of standard output is an object with a member event; schemas/cli has a schema for each\n"
        "of them. Complaints stay text, on standard error.\n"
        "\n";

    /// The flags of every command are not listed again with each.
    static void explain(CLI::App* command, const std::string& more) {
        command->footer(
            more + (more.empty() ? "" : "\n\n") +
            "--home, --relay, --directory, --registry, --name, --json and others go with every command: see\n"
            "agentmesh --help. " +
            codes);
    }

    void add_identity() {
        auto* const identity = app_.add_subcommand("identity", "make, show or hand out the identity");
        identity->require_subcommand(1);
        identity->fallthrough();
        auto* const made = identity->add_subcommand("new", "make one, once");
        explain(made,
                "Makes identity.json in the home, mode 0600. One that is there is never overwritten: exit\n"
                "code 1. Keep a copy; whoever has it is this agent, and nobody can make it again.");
        when(made, [this] { return identity_new(with_); });
        auto* const shown = identity->add_subcommand("show", "public keys and names");
        explain(shown, "");
        when(shown, [this] { return identity_show(with_); });
        auto* const exported = identity->add_subcommand("export", "the public record, for somebody's directory");
        exported->add_flag("--did", did_, "the DID document instead");
        explain(exported,
                "The record holds the signed prekey and no one-time prekeys, which serve once each. It is\n"
                "good for as long as that prekey: agentmesh prekeys says until when.");
        when(exported, [this] { return identity_export(with_, did_); });
        explain(identity, "");
    }

    void add_talk() {
        auto* const listening = app_.add_subcommand("listen", "take KNOCKs and print messages until SIGINT or SIGTERM");
        listening->add_flag("--reply", talk_.reply, "lines of standard input answer the last message");
        listening->add_option("--for", listen_seconds_, "end after this time")->type_name("SECONDS")->check(seconds);
        explain(listening,
                "Prints each message as PEER: TEXT; a character that a terminal would obey or hide is\n"
                "written out. policy.json decides who may knock; SIGHUP has it read again.");
        when(listening, [this] {
            talk_.wait_seconds = listen_seconds_;
            return listen(with_, talk_);
        });

        auto* const knocking = app_.add_subcommand("knock", "ask a peer for a session");
        add_peer(knocking);
        explain(knocking,
                "Prints the id of the session. One that is open already for this intent is used again.\n"
                "  agentmesh knock bob --intent travel/flights --ttl 86400");
        when(knocking, [this] { return knock(with_, talk_); });

        auto* const sending = app_.add_subcommand("send",
                                                  "say something, knocking first where that is needed, and "
                                                  "wait until the peer has it");
        add_peer(sending);
        sending->add_option("--session", talk_.session, "in this session")->type_name("ID");
        sending->add_option("text", talk_.words, "what to say; - for each line of standard input")->required();
        explain(sending,
                "Exit code 0 means that the peer's agent has saved it. What it has not is saved here, and\n"
                "sent by the next listen or send. After -- words may begin with a dash.\n"
                "  agentmesh send bob two seats to Lisbon\n"
                "  make 2>&1 | agentmesh send bob -");
        when(sending, [this, sending] {
            talk_.intent_given = sending->get_option("--intent")->count() > 0;
            return send(with_, talk_);
        });

        auto* const closing = app_.add_subcommand("close", "end a session, and tell the peer why");
        closing->add_option("which", talk_.peer, "id of a session, or a peer for all sessions with it")
            ->required()
            ->type_name("ID|PEER");
        closing->add_option("--reason", talk_.reason, "the close code that the peer is told")
            ->capture_default_str()
            ->type_name("CODE");
        add_wait(closing, "seconds to wait until the peer knows");
        explain(closing, "What was sent before arrives first. CODE is one of " + close_codes() + ".");
        when(closing, [this] { return close(with_, talk_); });
    }

    /// Our spellings of the close codes, a few on each line.
    static std::string close_codes() {
        std::string out;
        std::size_t column = 45;
        for (std::size_t i = 0; i < agentmesh::message::code_registry.size(); ++i) {
            const auto one = static_cast<agentmesh::message::code>(i);
            if (agentmesh::message::topic_of(one) != agentmesh::message::code_topic::close) continue;
            const auto word = agentmesh::message::to_text(one);
            if (!out.empty()) out += column + word.size() > 96 ? (column = 0, ",\n") : ", ";
            out += word;
            column += word.size() + 2;
        }
        return out;
    }

    void add_wait(CLI::App* command, const std::string& what) {
        command->add_option("--wait", talk_.wait_seconds, what)
            ->capture_default_str()
            ->type_name("SECONDS")
            ->check(seconds);
    }

    void add_peer(CLI::App* command) {
        command->add_option("peer", talk_.peer, "whom")->required()->type_name("PEER");
        command->add_option("--intent", talk_.intent, "what it is about: category[/subcategory[/action]]")
            ->capture_default_str()
            ->type_name("INTENT")
            ->check(intent_words);
        command->add_option("--ttl", talk_.ttl_seconds, "seconds that the session is to last")
            ->capture_default_str()
            ->check(CLI::Range(10, 604'800));
        command->add_option("--messages", talk_.expected_messages, "messages that each side may send")
            ->capture_default_str()
            ->check(CLI::Range(1, 1'000'000));
        add_wait(command, "seconds to wait for the answer or the delivery");
    }

    void add_rest() {
        auto* const listing = app_.add_subcommand("sessions", "list the sessions, or those of one peer");
        listing->add_option("which", which_, "only this session, or those with this peer")->type_name("ID|PEER");
        explain(listing,
                "Two lines a session: id, phase, who asked whom and about what; then how many messages\n"
                "went which way, how many the peer has not acknowledged, and until when the session lasts.\n"
                "Phases are knocking, open, closing, and lost: its keys are gone, and its messages wait for\n"
                "another session with the same peer.");
        when(listing, [this] { return sessions(with_, which_); });

        auto* const policy = app_.add_subcommand("policy", "look at the policy");
        policy->require_subcommand(1);
        policy->fallthrough();
        auto* const check = policy->add_subcommand("check", "read the policy file, and ask it with --from");
        check->add_option("file", policy_.file, "in place of policy.json in the home")->type_name("FILE");
        check->add_option("--from", policy_.from, "would this agent be let in?")->type_name("PEER");
        check->add_option("--intent", policy_.intent, "about this")
            ->capture_default_str()
            ->type_name("INTENT")
            ->check(intent_words);
        check->add_option("--tier", policy_.tier, "anonymous, verified or organization; else as the directory says")
            ->type_name("TIER")
            ->check(CLI::IsMember(std::vector<std::string>{"anonymous", "verified", "organization"}));
        check->add_option("--reputation-ppm", policy_.reputation_ppm, "parts per million; else as the directory says")
            ->check(CLI::Range(0, 1'000'000));
        explain(check,
                "Exit code 1 if the file is wrong, with line and member, or if the agent would be refused.\n"
                "  agentmesh policy check --from bob --tier verified --reputation-ppm 700000");
        when(check, [this] { return policy_check(with_, policy_); });
        auto* const show = policy->add_subcommand("show", "the rules in force, defaults included");
        explain(show, "Prints a whole policy file, which can be saved as policy.json and edited.");
        when(show, [this] { return policy_show(with_); });
        explain(policy, "");
    }

    // command_line_registry.hpp
    void add_registry();
    void add_prekeys();

#if AGENTMESH_TLS
    void add_certificates() {
        auto* const certificates = app_.add_subcommand("cert", "look at certificates, and at what they prove");
        certificates->require_subcommand(1);
        certificates->fallthrough();
        auto* const shown = certificates->add_subcommand("show", "what each certificate of a file says");
        shown->add_option("file", certificate_.file, "PEM, or one of the deployed forms")
            ->required()
            ->type_name("FILE");
        explain(shown, "Says nothing about whether anybody should believe it: see agentmesh cert check.");
        when(shown, [this] { return certificate_show(with_, certificate_); });
        auto* const checked = certificates->add_subcommand("check", "what a chain proves of an agent");
        checked->add_option("file", certificate_.file, "PEM, the agent's or its session's first")
            ->required()
            ->type_name("FILE");
        checked->add_option("--of", certificate_.of, "whom it must be of; else this agent")->type_name("PEER");
        checked->add_option("--at", certificate_.at, "as of this time; else now")->type_name("TIME");
        explain(checked,
                "Prints tier and organization, with exit code 0, if the chain ends at one of --roots, is of that\n"
                "agent, in its time, and not withdrawn. Where nobody can say whether it is withdrawn, it counts\n"
                "as withdrawn: without --revoked no chain is good.\n"
                "  agentmesh --roots roots.pem cert check chain.pem --of bob --revoked /dev/null");
        when(checked, [this] { return certificate_check(with_, certificate_); });
        explain(certificates, "");
    }
#endif

    void when(CLI::App* command, std::function<int()> then) {
        command->fallthrough();
        command->callback([this, then = std::move(then)] { command_ = then; });
    }

    const CLI::Validator seconds = CLI::Range(std::int64_t{1}, std::int64_t{31'536'000}).description("");
    const CLI::Validator intent_words{
        [](std::string& text) {
            const auto what = read_intent(text);
            const auto fits = [](const std::string& word) {
                return word.size() <= agentmesh::session::knock_word_length && printable(word) == word;
            };
            return !what.category.empty() && fits(what.category) && fits(what.subcategory) && fits(what.action)
                       ? std::string{}
                       : text + " is no intent: words of 64 bytes at most, as in travel/flights/search";
        },
        "", "intent"};
    settings with_;
    talk_options talk_;
    policy_question policy_;
    certificate_question certificate_;
    registration registration_;
    search_question search_;
    rating rating_;
    withdrawal withdrawal_;
    std::string registry_peer_;
    node_question node_;
    std::int64_t listen_seconds_ = 0;
    std::string which_;
    bool did_ = false;
    bool look_ = false;
    std::function<int()> command_;
    CLI::App app_{"An AgentMesh agent: end-to-end encrypted messages between agents that asked first.\n", "agentmesh"};
};

#include "apps/agentmesh/command_line_registry.hpp"
