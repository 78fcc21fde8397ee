// Messages that wait: for an absent agent, or for the confirmation that they arrived.
#pragma once

#include <agentmesh/relay/options.hpp>
#include <agentmesh/core/fault.hpp>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace agentmesh::relay {

/// Position of a message in a store. Later messages have larger numbers; none is given twice. 0 is before all.
using message_number = std::uint64_t;

/// A message to be stored. Views need not outlive the call.
struct message_draft {
    std::string_view id;     ///< the sender's, or one that the relay made; together with the sender it names the message
    std::string_view frame;  ///< JSON of the `receive` frame up to, without, `id` and the closing brace
};

/// A message in the store. Valid until the next call that changes the store.
struct stored_message {
    message_number number = 0;
    std::string_view id;
    std::string_view frame;
};

struct stored_receipt {
    message_number number = 0;
    bool durable = false;  ///< synced to stable storage before `put` returned. @spec AM-RLY-041
};

/// A store of messages in the order in which they were taken. It never drops one to make room for another.
///
/// `put(from, to, draft, now)` keeps a message until it is removed or `caps.lifetime` has passed; `mailbox_full` if a
/// cap is reached, and then nothing has changed. `next(to, after, now)` is the first living message for `to` behind
/// the number `after`. `remove(to, number)` and `remove_through(to, number)` take out one message, and all up to one;
/// they return how many. `find(to, from, id, now)` is the number of a living message, or 0. `waiting(to, now)` counts
/// the living ones. `expire(now)` drops what has lived too long and returns how many; `next_expiry()` says when that
/// is wanted. Lifetimes run on the steady clock. @spec AM-RLY-078
///
/// Models: `memory_mailbox`.
template <class S>
concept MailboxStore = requires(S& store, const S& seen, const amid& name, const message_draft& draft,
                                message_number number, std::string_view id, const moment& now) {
    { store.put(name, name, draft, now) } -> std::same_as<result<stored_receipt>>;
    { seen.next(name, number, now) } -> std::same_as<std::optional<stored_message>>;
    { store.remove(name, number) } -> std::same_as<std::size_t>;
    { store.remove_through(name, number) } -> std::same_as<std::size_t>;
    { seen.find(name, name, id, now) } -> std::same_as<message_number>;
    { seen.waiting(name, now) } -> std::same_as<std::size_t>;
    { store.expire(now) } -> std::same_as<std::size_t>;
    { seen.next_expiry() } -> std::same_as<std::optional<steady_point>>;
};

/// Keeps messages in memory: they survive their recipient's connection, not the process.
class memory_mailbox {
public:
    memory_mailbox() : memory_mailbox{mailbox_caps{}} {}
    explicit memory_mailbox(const mailbox_caps& caps) : caps_{caps} {}

    /// @spec   AM-RLY-024, AM-RLY-026, AM-RLY-027, AM-RLY-028
    /// @errors mailbox_full
    [[nodiscard]] result<stored_receipt> put(const amid& from, const amid& to, const message_draft& draft,
                                             const moment& now);
    [[nodiscard]] std::optional<stored_message> next(const amid& to, message_number after, const moment& now) const;
    std::size_t remove(const amid& to, message_number number);
    std::size_t remove_through(const amid& to, message_number number);
    [[nodiscard]] message_number find(const amid& to, const amid& from, std::string_view id, const moment& now) const;
    [[nodiscard]] std::size_t waiting(const amid& to, const moment& now) const;
    std::size_t expire(const moment& now);
    [[nodiscard]] std::optional<steady_point> next_expiry() const noexcept;

    /// Messages and bytes held, for metrics and tests.
    [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    struct message {
        message_number number;
        amid from;
        std::string id;
        std::string frame;
        steady_point taken;
        [[nodiscard]] std::size_t size() const noexcept { return id.size() + frame.size(); }
    };
    struct sender_total {
        std::size_t messages = 0;
        std::size_t bytes = 0;
    };
    struct taken_entry {
        steady_point taken;
        message_number number;
        amid to;
    };
    using box = std::deque<message>;
    using boxes = std::map<amid, box>;  // ordered, because a sender may invent recipients with chosen bytes

    [[nodiscard]] bool has_expired(const message& m, steady_point now) const noexcept {
        return now > m.taken + caps_.lifetime && !injected(fault::store_no_expiry);
    }
    std::size_t erase(boxes::iterator at, box::iterator first, box::iterator last);
    void compact();

    mailbox_caps caps_;
    boxes boxes_;
    std::map<amid, sender_total> senders_;
    std::deque<taken_entry> by_age_;  // may name messages that are gone; compacted when most of it does
    message_number last_ = 0;
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
};

static_assert(MailboxStore<memory_mailbox>);

}  // namespace agentmesh::relay

#include <agentmesh/relay/mailbox.ipp>
