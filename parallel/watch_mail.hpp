// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <utility>

#include <mpi.h>

#include "parallel/communicator.hpp"
#include "parallel/hang.hpp"

namespace talus::parallel {

/// Messages between the watchdogs of ranks that share no memory. By one thread of each rank, while
/// other threads call MPI too.
class WatchMail {
 public:
  /// What has come.
  enum class Kind : std::uint64_t { question, answer, order };

  struct Letter {
    Kind kind = Kind::question;
    std::uint64_t number = 0;  ///< of the question, or of the one that is answered
    RankState state{};         ///< in an answer
  };

  /// Collective over `comm`, which is duplicated.
  explicit WatchMail(Communicator const& comm);

  WatchMail(WatchMail const&) = delete;
  WatchMail& operator=(WatchMail const&) = delete;
  ~WatchMail();

  /// Returns at once; the letter is kept until it has left, or for ever if it never does.
  void send(int rank, Letter const& letter);

  /// The next letter that is here and the rank that sent it; nothing if there is none.
  [[nodiscard]] std::optional<std::pair<int, Letter>> take();

  [[nodiscard]] int rank() const noexcept { return comm_.rank(); }

  [[nodiscard]] int size() const noexcept { return comm_.size(); }

 private:
  struct Outgoing {
    Letter letter;
    MPI_Request request = MPI_REQUEST_NULL;
    bool is_sent = false;
  };

  void forget_sent();

  Communicator comm_;
  std::list<Outgoing> outgoing_;
};

}  // namespace talus::parallel
