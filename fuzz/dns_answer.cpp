// Property: what is taken for an answer to a question repeats that question and its id; its texts stand in the message
// as they are told; a byte more or less makes it none; and a lookup that hears anything asks no more often than it may
// and answers at most once.
#include "fuzz/fuzz.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/registry/dns.hpp>

AM_FUZZ(AM_ORG_020, AM_ORG_021);

using namespace agentmesh;
using namespace agentmesh::registry;

namespace {

struct recorder {
    int asked = 0;
    int answered_times = 0;
    bool stream = false;
    buffer last{};
    void ask_datagram(std::size_t, byte_view bytes) { note(bytes, false); }
    void ask_stream(std::size_t, byte_view bytes) { note(bytes, true); }
    void answered(const result<std::vector<std::string>>&) { ++answered_times; }

private:
    void note(byte_view bytes, bool by_stream) {
        ++asked;
        stream = by_stream;
        last.assign(bytes.begin(), bytes.end());
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view bytes{data, size};
    const auto question = write_text_question("_agentmesh.acme.example", 0x1234).value();
    // What follows the question is the input's; so it gets past id and question without having to guess them.
    buffer message = question;
    if (size >= 9) {
        std::copy(bytes.begin(), bytes.begin() + 2, message.begin() + 2);
        for (std::size_t i = 0; i < 6; ++i) message[6 + i] = bytes[2 + i];
        message.insert(message.end(), bytes.begin() + 8, bytes.end());
    }
    for (const auto& one : {message, buffer{bytes.begin(), bytes.end()}}) {
        const auto reply = parse_text_reply(one, question, true);
        if (!reply || !*reply || (*reply)->truncated || (*reply)->refused) continue;
        REQUIRE_FUZZ(std::equal(question.begin() + 12, question.end(), one.begin() + 12));
        REQUIRE_FUZZ(one[0] == question[0] && one[1] == question[1] && (one[2] & 0x80) != 0);
        REQUIRE_FUZZ((*reply)->texts.size() <= dns_limits::records);
        std::size_t total = 0;
        for (const auto& text : (*reply)->texts) {
            total += text.size();
            // Of up to 255 bytes it is one string, and stands there behind its length.
            if (text.size() > 60) continue;
            bool joined = text.empty();
            for (const char first : text) joined = joined || as_text(one).find(first) != std::string_view::npos;
            REQUIRE_FUZZ(joined);
        }
        REQUIRE_FUZZ(total < one.size());
        buffer longer = one;
        longer.push_back(0);
        REQUIRE_FUZZ(!parse_text_reply(longer, question, true));
        if (one.size() > question.size())
            REQUIRE_FUZZ(!parse_text_reply(byte_view{one}.first(one.size() - 1), question, true));
    }
    crypto::scripted_random random{7};
    recorder out;
    text_lookup lookup{"_agentmesh.acme.example", 1 + size % 3};
    moment now{};
    REQUIRE_FUZZ(lookup.start(now, random, out));
    for (int i = 0; i < 40 && !lookup.done(); ++i) {
        buffer said = out.last;
        if (size >= 9) {
            std::copy(bytes.begin(), bytes.begin() + 2, said.begin() + 2);
            for (std::size_t j = 0; j < 6; ++j) said[6 + j] = bytes[2 + j];
            said.insert(said.end(), bytes.begin() + 8, bytes.end());
        }
        if (i % 3 == 2) said[1] ^= 1;
        if (out.stream)
            lookup.on_stream(said, now, random, out);
        else
            lookup.on_datagram(said, now, random, out);
        if (i % 7 == 6 && !lookup.done()) {
            now.steady = *lookup.next_deadline();
            lookup.on_deadline(now, random, out);
        }
    }
    REQUIRE_FUZZ(out.asked <= 2 * dns_limits::tries && out.answered_times <= 1);
    REQUIRE_FUZZ(lookup.done() == (out.answered_times == 1));
    return 0;
}
