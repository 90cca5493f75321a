// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <mpi.h>

#include "parallel/communicator.hpp"
#include "parallel/tags.hpp"

namespace talus::parallel {

/// Where the two ends of a channel agree: peer, kind, largest message, messages in flight.
struct ChannelOptions {
  int peer = 0;                  ///< the other end's rank in the communicator
  Tag tag = Tag::activations;    ///< kind of message; one channel a direction for each kind
  std::size_t max_elements = 0;  ///< floats of the largest message
  int num_slots = 4;             ///< transfers in flight, >= 1
};

/// The sending end of a channel between two ranks, such as neighbouring pipeline stages.
///
/// Messages arrive in the order in which they were sent. Nothing is allocated after construction.
class Sender {
 public:
  /// Local. `comm` outlives the sender.
  ///
  /// \throws ConfigError  if max_elements is beyond an MPI count
  Sender(Communicator const& comm, ChannelOptions const& options);

  Sender(Sender const&) = delete;
  Sender& operator=(Sender const&) = delete;
  ~Sender();

  /// Copies `values` to a free slot and returns while they are on their way; waits for a slot if
  /// all are in flight.
  ///
  /// \param values  [n], n <= max_elements; may be changed as soon as the call returns
  /// \return seconds waited for a free slot
  /// \throws ApiError  if MPI reports an error
  double send(std::span<float const> values);

  /// A free slot to write the next message into, to save the copy; send_slot() sends it.
  ///
  /// \param num_elements  <= max_elements
  [[nodiscard]] std::span<float> next_slot(std::size_t num_elements);

  /// Sends the first `num_elements` of what next_slot() gave.
  void send_slot(std::size_t num_elements);

  /// Returns when all messages have left; to be called before the sender is destroyed.
  void finish();

 private:
  MPI_Comm comm_;
  CallGroup calls_;
  ChannelOptions options_;
  std::size_t next_ = 0;
  std::vector<float> slots_;  // [slots, max_elements]
  std::vector<MPI_Request> requests_;
};

/// The receiving end of a channel. All its slots are always posted, so that messages move while
/// this rank computes, and none arrives unexpected.
class Receiver {
 public:
  /// Local. `comm` outlives the receiver.
  ///
  /// \throws ConfigError  if max_elements is beyond an MPI count
  Receiver(Communicator const& comm, ChannelOptions const& options);

  Receiver(Receiver const&) = delete;
  Receiver& operator=(Receiver const&) = delete;

  /// Takes back the posted receives; a message that was not received is lost.
  ~Receiver();

  /// Waits for the next message, giving way to other ranks, and copies it.
  ///
  /// \param values  [n], n being what was sent
  /// \return seconds waited
  /// \throws ApiError  if MPI reports an error
  /// \throws Error     if the message has another size
  double receive(std::span<float> values);

  /// True if the next message is here, so that receive() would not wait; makes progress.
  [[nodiscard]] bool is_ready();

 private:
  void post(std::size_t slot);
  void check_arrived(MPI_Status const& status, std::size_t expected) const;

  MPI_Comm comm_;
  CallGroup calls_;
  ChannelOptions options_;
  std::size_t next_ = 0;
  std::vector<float> slots_;  // [slots, max_elements]
  std::vector<MPI_Request> requests_;
};

}  // namespace talus::parallel
