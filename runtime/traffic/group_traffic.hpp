// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "kernels/exec_context.hpp"
#include "parallel/channel.hpp"
#include "parallel/communicator.hpp"
#include "parallel/raw_collectives.hpp"
#include "parallel/sum_path.hpp"
#include "runtime/base/sum_tree.hpp"

/// \file
/// Traffic of activations: what the model asks of the ranks around it, on arrays in the memory of
/// an ExecContext. What the host holds (counts, tokens, plans) goes by parallel/ alone.

namespace talus::runtime {

/// The sum over ranks of parallel::TreeSum, on arrays in a context's memory: the same bits by every
/// way that they may travel.
class LeafSum {
 public:
  LeafSum() = default;
  LeafSum(LeafSum const&) = delete;
  LeafSum& operator=(LeafSum const&) = delete;
  virtual ~LeafSum() = default;

  /// How many partial sums this rank contributes: one for each of its nodes of the tree. May be
  /// none.
  [[nodiscard]] virtual std::size_t num_partials() const noexcept = 0;

  /// Where the next sum() expects the partial sum of this rank's `node`-th node, in its first
  /// elements.
  ///
  /// \return  [max_elements]; valid until the next sum(), after which it may lie elsewhere
  [[nodiscard]] virtual std::span<float> partial(std::size_t node) noexcept = 0;

  /// Puts the sum over all leaves into `result`. Collective.
  ///
  /// \param result  [n], n equal on all ranks, at most max_elements; overlaps no partial sum
  /// \throws ApiError  if what carries the values reports an error
  virtual parallel::SumArrival sum(std::span<float> result) = 0;

  /// True if every rank gets all partial sums of `num_elements` and folds them; false if each folds
  /// a slice, and the slices are gathered.
  [[nodiscard]] virtual bool folds_everywhere(std::size_t num_elements) const noexcept = 0;
};

/// The sending end of a channel of activations to a rank of a group.
class ActivationSender {
 public:
  ActivationSender() = default;
  ActivationSender(ActivationSender const&) = delete;
  ActivationSender& operator=(ActivationSender const&) = delete;
  virtual ~ActivationSender() = default;

  /// Sends what operations before give `values`; the array may be used again at once.
  ///
  /// \param values  [n], n <= max_elements
  virtual void send(std::span<float const> values) = 0;

  /// Returns when all messages have left; to be called before the sender is destroyed.
  virtual void finish() = 0;
};

/// The receiving end.
class ActivationReceiver {
 public:
  ActivationReceiver() = default;
  ActivationReceiver(ActivationReceiver const&) = delete;
  ActivationReceiver& operator=(ActivationReceiver const&) = delete;
  virtual ~ActivationReceiver() = default;

  /// Takes the next message; operations that follow find it in `values`.
  ///
  /// \param values  [n], n being what was sent
  virtual void receive(std::span<float> values) = 0;
};

/// What of activations goes between the ranks of one group. Every rank of the group has one, of the
/// same kind; `group` and the context's device outlive it and what it makes.
///
/// Calls return when the result is there or, on a device, when the work is queued behind the
/// operations before.
class GroupTraffic {
 public:
  GroupTraffic(kernels::ExecContext const& exec, parallel::Communicator const& group)
      : exec_{exec}, group_{&group} {}

  GroupTraffic(GroupTraffic const&) = delete;
  GroupTraffic& operator=(GroupTraffic const&) = delete;
  virtual ~GroupTraffic() = default;

  [[nodiscard]] int rank() const noexcept { return group_->rank(); }

  [[nodiscard]] int size() const noexcept { return group_->size(); }

  /// For what the host holds.
  [[nodiscard]] parallel::Communicator const& communicator() const noexcept { return *group_; }

  /// Whether a recording of the context's device may hold gathers, exchanges and sums: they need
  /// nothing of the host when they are done. (A group of one rank does none.)
  [[nodiscard]] bool is_recordable() const noexcept { return size() == 1 || records(); }

  /// Says to whoever watches that something is queued that waits for the other ranks. On all ranks.
  virtual void note_queued(char const* /*what*/) {}

  /// Makes room, where any is needed, for calls that send and receive at most so many elements;
  /// more is found room for when it comes. Local.
  virtual void reserve(std::size_t elements) = 0;

  /// As parallel::all_gather_v; blocks lie one behind the other.
  virtual void all_gather_v(std::span<float const> mine,
                            std::span<float> all,
                            parallel::BlockLayout blocks) = 0;

  /// As parallel::all_to_all_v; blocks lie one behind the other.
  virtual void all_to_all_v(std::span<float const> send,
                            parallel::BlockLayout send_blocks,
                            std::span<float> receive,
                            parallel::BlockLayout receive_blocks) = 0;

  /// Collective over the group.
  ///
  /// \param max_elements  of the largest sum; equal on all ranks
  [[nodiscard]] virtual std::unique_ptr<LeafSum> make_sum(SumTree const& tree,
                                                          std::size_t max_elements) = 0;

  /// Both ends make theirs.
  [[nodiscard]] virtual std::unique_ptr<ActivationSender> make_sender(
      parallel::ChannelOptions const& options) = 0;
  [[nodiscard]] virtual std::unique_ptr<ActivationReceiver> make_receiver(
      parallel::ChannelOptions const& options) = 0;

 protected:
  [[nodiscard]] kernels::ExecContext const& exec() const noexcept { return exec_; }

 private:
  [[nodiscard]] virtual bool records() const noexcept { return false; }

  kernels::ExecContext exec_;
  parallel::Communicator const* group_;
};

}  // namespace talus::runtime
