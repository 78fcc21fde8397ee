// What a core image of a process holds after its sessions are over: no key.
#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/e2ee/suite_am1.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/e2ee/ratchet_pair.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

using namespace agentmesh;
using namespace agentmesh::e2ee;

namespace {

/// Every byte of this process that it can write to.
void write_image(const std::string& path) {
    std::ifstream maps{"/proc/self/maps"};
    std::ifstream memory{"/proc/self/mem", std::ios::binary};
    std::ofstream out{path, std::ios::binary};
    std::vector<char> page(1 << 16);
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t begin = 0, end = 0;
        char dash = 0;
        std::string rights;
        std::istringstream{line} >> std::hex >> begin >> dash >> end >> rights;
        if (!rights.starts_with("rw")) continue;
        for (auto at = begin; at < end;) {
            const auto size = std::min<std::size_t>(page.size(), end - at);
            memory.clear();
            memory.seekg(static_cast<std::streamoff>(at));
            memory.read(page.data(), static_cast<std::streamsize>(size));
            out.write(page.data(), memory.gcount());
            at += size;
        }
    }
}

bool holds(const std::string& path, byte_view secret) {
    std::ifstream in{path, std::ios::binary};
    const std::string image{std::istreambuf_iterator<char>{in}, {}};
    REQUIRE(image.size() > 100'000);
    return image.find(as_text(secret)) != image.npos;
}

void talk(ratchet_test::pair_of_sides<am1>& world) {
    for (int i = 0; i < 5; ++i) {
        REQUIRE(world.exchange(world.a, world.b, "there"));
        REQUIRE(world.exchange(world.b, world.a, "back"));
    }
    REQUIRE(world.exchange(world.a, world.b, "there"));
}

}  // namespace

TEST_CASE("a core image of a process whose session is over holds none of its keys", "[programs][e2ee]") {
    std::string folder = (std::filesystem::temp_directory_path() / "agentmesh-XXXXXX").string();
    REQUIRE(mkdtemp(folder.data()) != nullptr);
    const auto during = folder + "/during", after = folder + "/after";
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {  // nothing that this process ever held is known to the other one before
        auto world = std::make_unique<ratchet_test::pair_of_sides<am1>>(47);
        talk(*world);
        write_image(during);
        world.reset();
        write_image(after);
        _exit(0);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);

    ratchet_test::pair_of_sides<am1> same{47};
    talk(same);
    const auto chain = ratchet_test::receiving_chain<am1>(same.b);
    const auto step = kdf_ck(chain);
    CHECK(holds(during, chain.reveal()));  // the test sees what it looks for
    CHECK_FALSE(holds(after, chain.reveal()));
    CHECK_FALSE(holds(after, step.message.reveal()));
    CHECK_FALSE(holds(after, step.next.reveal()));
    unlink(during.c_str());
    unlink(after.c_str());
    rmdir(folder.c_str());
}
