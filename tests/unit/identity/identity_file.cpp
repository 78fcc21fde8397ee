#include <agentmesh/crypto/random.hpp>
#include <agentmesh/identity/identity_file.hpp>

#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>

using namespace agentmesh;
namespace fs = std::filesystem;

namespace {

/// A folder that goes away with the test.
struct temporary_folder {
    fs::path path;
    temporary_folder() {
        std::string pattern = (fs::temp_directory_path() / "agentmesh-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~temporary_folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
};

const time_point now = parse_time("2026-01-31T12:00:00.250Z").value();

local_identity identity_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return local_identity::create(random, now).value();
}

std::string text_of(const local_identity& self) { return std::string{as_text(identity::write_identity(self))}; }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

error refusal(const std::string& text) {
    const auto outcome = identity::parse_identity(text);
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error();
}

unsigned mode(const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); }

void write(const fs::path& path, std::string_view text,
           fs::perms permissions = fs::perms::owner_read | fs::perms::owner_write) {
    std::ofstream{path, std::ios::binary}.write(text.data(), static_cast<std::streamsize>(text.size()));
    fs::permissions(path, permissions);
}

}  // namespace

TEST_CASE("An identity has two independent key pairs and the name of its signing key", "[unit][identity][AM-ID-001]") {
    const auto self = identity_of(1);
    CHECK(self.name() == amid::of(self.signing().public_key()));
    CHECK(self.signing().to_x25519().public_key() != self.exchange().public_key());
    crypto::scripted_random short_script{buffer(63)};
    CHECK(local_identity::create(short_script, now).error().code == errc::random_failed);
}

TEST_CASE("An identity reads back from its text", "[unit][identity][AM-ID-011]") {
    const auto self = identity_of(2);
    const auto again = identity::parse_identity(text_of(self));
    REQUIRE(again.has_value());
    CHECK(again->name() == self.name());
    CHECK(again->signing().public_key() == self.signing().public_key());
    CHECK(again->exchange().public_key() == self.exchange().public_key());
    CHECK(again->created_at() == now);
}

TEST_CASE("The identity of the 0.2 fixture is read, with and without prefixes", "[unit][identity][AM-ID-011]") {
    const std::string text = R"({"amid":"jZ6CK1dpcZD4oPYScUJvifP7BtJ","framework":"openclaw",
        "signing_private_key":"pjHmygmU0ZQD3QWvkb0yJRvPDh8x2z5OW3h1Ibm0/vM=",
        "signing_public_key":"wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=",
        "exchange_private_key":"x25519:vhwINF7NLrNIn+taT+NeUYf7xnJL0yYeM8eeBgkB1m0=",
        "exchange_public_key":"x25519:2gdaLFZxpg2Rf/57LLkBAYgVwEeyOuurMMiBv5PDenE=","created_at":"2026-01-31T12:00:00.250000+00:00"})";
    const auto self = identity::parse_identity(text);
    REQUIRE(self.has_value());
    CHECK(self->name().text() == "jZ6CK1dpcZD4oPYScUJvifP7BtJ");
    CHECK(self->created_at() == now);
}

TEST_CASE("A changed name, public key or private key is refused", "[unit][identity][AM-ID-011]") {
    const auto text = text_of(identity_of(3)), other = text_of(identity_of(4));
    const auto value = [](const std::string& from, std::string_view member) {
        const auto start = from.find(": \"", from.find(member)) + 3;
        return from.substr(start, from.find('"', start) - start);
    };
    CHECK(refusal(replaced(text, value(text, "\"amid\""), value(other, "\"amid\""))) ==
          error{errc::amid_mismatch, "AM-ID-011"});
    for (const auto* member :
         {"signing_public_key", "exchange_public_key", "signing_private_key", "exchange_private_key"}) {
        CAPTURE(member);
        CHECK(refusal(replaced(text, value(text, member), value(other, member))) ==
              error{errc::bad_identity_file, "AM-ID-011"});
        CHECK(refusal(replaced(text, value(text, member), "AAAA")) == error{errc::bad_identity_file, "AM-ID-011"});
        CHECK(refusal(replaced(text, member, "nothing")).code == errc::bad_identity_file);
    }
    CHECK(refusal(replaced(text, "\"amid\"", "\"name\"")).code == errc::amid_mismatch);
    CHECK(refusal(replaced(text, "ed25519:", "x25519:")).code == errc::bad_identity_file);
    CHECK(refusal(replaced(text, "2026-01-31T12", "2026-01-31 12")).code == errc::bad_time);
    CHECK(refusal("").code == errc::bad_json);
    CHECK(refusal(text.substr(0, text.size() / 2)).code == errc::bad_json);
    CHECK(refusal("[]").code == errc::wrong_member);
}

TEST_CASE("open creates a file for its owner alone and then always returns that identity",
          "[unit][identity][AM-ID-010]") {
    const temporary_folder folder;
    const auto path = folder.path / "keys" / "deep" / "identity.json";
    crypto::scripted_random random{5};
    const mode_t before = umask(0);  // even where the user's mask would allow more
    const auto first = identity::open(path, random, now);
    umask(before);
    REQUIRE(first.has_value());
    CHECK(mode(path) == 0600);
    CHECK(mode(folder.path / "keys") == 0700);
    CHECK(mode(folder.path / "keys" / "deep") == 0700);
    CHECK(std::distance(fs::directory_iterator{path.parent_path()}, {}) == 1);  // no draft left behind

    const auto second = identity::open(path, random, now + std::chrono::hours{1});
    REQUIRE(second.has_value());
    CHECK(second->name() == first->name());
    CHECK(second->created_at() == now);
}

TEST_CASE("An identity file is never overwritten", "[unit][identity][AM-ID-010]") {
    const temporary_folder folder;
    const auto path = folder.path / "identity.json";
    REQUIRE(identity::save_new(path, identity_of(6)));
    CHECK(identity::save_new(path, identity_of(7)).error().code == errc::identity_file_access);
    CHECK(identity::load(path)->name() == identity_of(6).name());
    CHECK(std::distance(fs::directory_iterator{folder.path}, {}) == 1);
}

TEST_CASE("A file that others may read or write is refused", "[unit][identity][AM-ID-012]") {
    const temporary_folder folder;
    const auto path = folder.path / "identity.json";
    write(path, text_of(identity_of(8)));
    REQUIRE(identity::load(path));
    for (const unsigned wide : {0640u, 0604u, 0620u, 0602u, 0644u, 0666u, 0601u}) {
        CAPTURE(wide);
        fs::permissions(path, static_cast<fs::perms>(wide));
        CHECK(identity::load(path).error() == error{errc::identity_file_access, "AM-ID-012"});
    }
    crypto::scripted_random random{9};
    CHECK(identity::open(path, random, now).error().clause == "AM-ID-012");  // and is not replaced either
}

TEST_CASE("A broken file is an error and stays as it is", "[unit][identity][AM-ID-011]") {
    const temporary_folder folder;
    const auto path = folder.path / "identity.json";
    crypto::scripted_random random{10};
    write(path, "{\"amid\":");
    CHECK(identity::open(path, random, now).error().code == errc::bad_json);
    CHECK(fs::file_size(path) == 8);
    write(path, "");
    CHECK(identity::open(path, random, now).error().code == errc::bad_json);
    write(path, std::string(limits::identity_file_bytes + 1, ' '));
    CHECK(identity::open(path, random, now).error().code == errc::too_large);
}

TEST_CASE("What is not a readable file is an error", "[unit][identity][AM-ID-010]") {
    const temporary_folder folder;
    crypto::scripted_random random{11};
    CHECK(identity::load(folder.path / "absent").error().code == errc::identity_file_access);
    CHECK(identity::open(folder.path, random, now).error().code == errc::identity_file_access);
    REQUIRE(mkfifo((folder.path / "pipe").c_str(), 0600) == 0);
    CHECK(identity::open(folder.path / "pipe", random, now).error().code == errc::identity_file_access);
    fs::create_symlink(folder.path / "nowhere", folder.path / "dangling");
    CHECK_FALSE(identity::open(folder.path / "dangling", random, now).has_value());
    write(folder.path / "file", "x");
    CHECK(identity::open(folder.path / "file" / "identity.json", random, now).error().code ==
          errc::identity_file_access);
}

TEST_CASE("No identity is left behind when the random source fails", "[unit][identity][AM-ID-010]") {
    const temporary_folder folder;
    crypto::scripted_random random{buffer(40)};
    CHECK(identity::open(folder.path / "identity.json", random, now).error().code == errc::random_failed);
    CHECK(fs::is_empty(folder.path));
}
