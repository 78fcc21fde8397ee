#include "tests/support/relay_world.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace relay_test;

namespace {

rc::Gen<operation> any_operation() {
    return rc::gen::map(rc::gen::tuple(rc::gen::weightedElement<act>({{6, act::login}, {20, act::send}, {3, act::resend},
                                                                     {6, act::ack}, {6, act::pong}, {8, act::read},
                                                                     {3, act::drop}, {1, act::disconnect},
                                                                     {2, act::wait}, {1, act::wait_answering},
                                                                     {1, act::jump}, {1, act::nonsense}}),
                                       rc::gen::inRange<int>(0, relay_world::agents),
                                       rc::gen::inRange<int>(0, relay_world::agents), rc::gen::inRange<int>(0, 256)),
                        [](const std::tuple<act, int, int, int>& drawn) {
                            const auto [what, who, whom, number] = drawn;
                            return operation{what, static_cast<std::uint8_t>(who), static_cast<std::uint8_t>(whom),
                                             static_cast<std::uint8_t>(number)};
                        });
}

}  // namespace

TEST_CASE("whatever agents do, the relay does what a list of messages would do",
          "[property][relay][AM-RLY-005][AM-RLY-006][AM-RLY-007][AM-RLY-022][AM-RLY-024][AM-RLY-031][AM-RLY-032]"
          "[AM-RLY-042][AM-RLY-044][AM-RLY-045]") {
    CHECK(rc::check([] {
        const auto operations = *rc::gen::scale(4.0, rc::gen::container<std::vector<operation>>(any_operation()));
        relay_world world;
        try {
            for (const auto& o : operations) world.apply(o);
            world.finish();
        } catch (const divergence& what) {
            RC_FAIL(what.what());
        }
        RC_CLASSIFY(world.delivered() == 0, "nothing delivered");
    }));
}
