// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include "parallel/call_log.hpp"

namespace talus::parallel {

/// One operation under way, which must be waited for: wait(), or test() until it is true.
///
/// The buffers of the operation outlive it. Forgetting a request is a bug, because MPI may still
/// write to them: a build with contracts aborts, unless an exception is on its way.
class Request {
 public:
  /// Nothing under way.
  Request() noexcept = default;

  /// Takes over `native`, the result of a nonblocking call.
  ///
  /// \param ticket  what wait() waits for, in the log of this rank's calls
  explicit Request(MPI_Request native, CallTicket const& ticket = {}) noexcept
      : native_{native}, ticket_{ticket} {}

  Request(Request&& other) noexcept;
  Request& operator=(Request&& other) noexcept;
  Request(Request const&) = delete;
  Request& operator=(Request const&) = delete;
  ~Request();

  /// True until wait() returned or test() said true.
  [[nodiscard]] bool is_pending() const noexcept { return native_ != MPI_REQUEST_NULL; }

  /// True if the operation is complete (or there was none); makes progress.
  ///
  /// \throws ApiError  if the operation failed
  [[nodiscard]] bool test();

  /// Returns when the operation is complete; gives way to other ranks while it waits.
  ///
  /// \throws ApiError  if the operation failed
  void wait();

 private:
  void check_forgotten() const noexcept;

  MPI_Request native_ = MPI_REQUEST_NULL;
  CallTicket ticket_;
};

}  // namespace talus::parallel
