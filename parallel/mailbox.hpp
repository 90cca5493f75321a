// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/request.hpp"

namespace talus::parallel {

/// Byte messages of any size between the ranks of a group, none of which ever waits for one.
///
/// Messages from one rank to another arrive in their order. Not for use by two threads at once.
class Mailbox {
 public:
  /// Called with the sender and its message, which it may keep.
  using Reader = std::function<void(int sender, std::vector<std::byte>&& message)>;

  /// Collective over `comm`, which is duplicated.
  explicit Mailbox(Communicator const& comm);

  Mailbox(Mailbox const&) = delete;
  Mailbox& operator=(Mailbox const&) = delete;

  /// Local; close() came before, unless an exception is on its way.
  ~Mailbox();

  /// Sends `message` to a rank, which may be this one, and returns at once; it is kept until it has
  /// left.
  ///
  /// \throws ConfigError  if the message is beyond an MPI count of bytes
  void send(int to, std::vector<std::byte> message);

  /// Hands all messages that are here to `reader`, without waiting for more. The reader may send.
  ///
  /// \return how many there were
  std::int64_t drain(Reader const& reader);

  /// Lets go of the messages that have left; send() does it too. Makes progress.
  ///
  /// \return how many of this rank's messages are still on their way
  std::size_t progress();

  /// Ends the exchange: hands over every message that was ever sent to this rank. Collective.
  ///
  /// \param reader  sends nothing
  void close(Reader const& reader);

 private:
  struct Letter {
    std::vector<std::byte> bytes;
    Request request;
  };

  Communicator comm_;
  std::deque<Letter> outgoing_;
  std::deque<std::vector<std::byte>> to_self_;
  std::int64_t num_sent_ = 0;
  std::int64_t num_read_ = 0;
};

}  // namespace talus::parallel
