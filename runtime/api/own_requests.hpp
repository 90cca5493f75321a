// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "runtime/api/messages.hpp"

namespace talus::api {

/// Where a request of this rank went.
struct Sent {
  int replica = 0;
  RequestId number = 0;
};

/// What a rank has asked, and the answers that have come, until they are released.
///
/// A request goes to the replica that has the fewest of this rank's requests: one that is slow, or
/// has long ones, gets fewer. So nobody has to share requests out for all.
class OwnRequests {
 public:
  /// \param rank           of this process, so that ranks begin with different replicas
  /// \param max_in_flight  requests under way or unreleased
  OwnRequests(int rank, int num_replicas, std::int64_t max_in_flight);

  /// Makes room for a request, which is to be sent; none if there is none.
  [[nodiscard]] std::optional<Sent> admit();

  /// An answer has come.
  void receive(std::vector<std::byte>&& message);

  /// The answer, or null.
  /// \throws EngineError  if no such request is in flight
  [[nodiscard]] Answer const* find(RequestId request) const;

  /// Where a request is, if its answer isn't here.
  /// \throws EngineError  as find()
  [[nodiscard]] std::optional<Sent> whereabouts(RequestId request) const;

  /// The next request whose answer is here and was not told; none if there is none.
  [[nodiscard]] std::optional<RequestId> take_next();

  /// Whether take_next() would tell one.
  [[nodiscard]] bool has_next();

  /// \throws EngineError  if the answer isn't here
  void release(RequestId request);

  [[nodiscard]] std::int64_t num_in_flight() const noexcept { return std::ssize(requests_); }

  /// Requests without an answer.
  [[nodiscard]] std::int64_t num_open() const noexcept { return num_open_; }

  /// Requests ever sent to each replica.
  [[nodiscard]] std::span<std::int64_t const> sent() const noexcept { return sent_; }

  void clear();

 private:
  struct Request {
    int replica = 0;
    std::vector<std::byte> message{};  ///< that `answer` is a view of
    std::optional<Answer> answer{};
  };

  [[nodiscard]] Request const& at(RequestId request) const;

  int first_replica_;
  std::int64_t max_in_flight_;
  RequestId next_ = 0;
  std::map<RequestId, Request> requests_;
  std::deque<RequestId> untold_;
  std::int64_t num_open_ = 0;
  std::vector<std::int64_t> open_;  ///< by replica
  std::vector<std::int64_t> sent_;  ///< by replica
};

}  // namespace talus::api
