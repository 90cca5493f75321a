// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/staged_traffic.hpp"

#include <algorithm>

#include "kernels/transfer.hpp"
#include "parallel/collectives.hpp"
#include "parallel/tree_sum.hpp"
#include "runtime/traffic/partial_rows.hpp"

namespace talus::runtime {
namespace {

/// Host memory that arrays of the context's memory go through.
class Stage {
 public:
  void reserve(std::size_t elements) { memory_.resize(std::max(memory_.size(), elements)); }

  /// The first elements, with anything in them.
  [[nodiscard]] std::span<float> first(std::size_t elements) {
    reserve(elements);
    return std::span{memory_}.first(elements);
  }

  /// A copy of an array of the context's memory.
  [[nodiscard]] std::span<float const> copy_of(kernels::ExecContext const& exec,
                                               std::span<float const> values) {
    std::span<float> const copy = first(values.size());
    kernels::download(exec, values.data(), copy);
    return copy;
  }

 private:
  std::vector<float> memory_;
};

void upload(kernels::ExecContext const& exec, std::span<float const> host, std::span<float> to) {
  kernels::upload(exec, host, to.data());
}

class StagedSum final : public LeafSum {
 public:
  StagedSum(kernels::ExecContext const& exec,
            parallel::Communicator const& group,
            SumTree const& tree,
            std::size_t max_elements)
      : exec_{exec},
        sum_{group, tree, max_elements},
        partials_{exec, num_partials(), max_elements},
        result_(max_elements) {}

  std::size_t num_partials() const noexcept override { return sum_.my_nodes().size(); }

  std::span<float> partial(std::size_t node) noexcept override { return partials_.row(node); }

  parallel::SumArrival sum(std::span<float> result) override {
    for (std::size_t node = 0; node < num_partials(); ++node) {
      kernels::download(exec_,
                        static_cast<float const*>(partial(node).data()),
                        sum_.partial(node).first(result.size()));
    }
    std::span<float> const on_host = std::span{result_}.first(result.size());
    parallel::SumArrival const arrival = sum_.sum(on_host);
    upload(exec_, on_host, result);
    return arrival;
  }

  bool folds_everywhere(std::size_t num_elements) const noexcept override {
    return sum_.folds_everywhere(num_elements);
  }

 private:
  kernels::ExecContext exec_;
  parallel::TreeSum sum_;
  PartialRows partials_;
  std::vector<float> result_;
};

class StagedSender final : public ActivationSender {
 public:
  StagedSender(kernels::ExecContext const& exec,
               parallel::Communicator const& group,
               parallel::ChannelOptions const& options)
      : exec_{exec}, sender_{group, options} {}

  void send(std::span<float const> values) override {
    kernels::download(exec_, values.data(), sender_.next_slot(values.size()));
    sender_.send_slot(values.size());
  }

  void finish() override { sender_.finish(); }

 private:
  kernels::ExecContext exec_;
  parallel::Sender sender_;
};

class StagedReceiver final : public ActivationReceiver {
 public:
  StagedReceiver(kernels::ExecContext const& exec,
                 parallel::Communicator const& group,
                 parallel::ChannelOptions const& options)
      : exec_{exec}, receiver_{group, options} {
    stage_.reserve(options.max_elements);
  }

  void receive(std::span<float> values) override {
    std::span<float> const on_host = stage_.first(values.size());
    receiver_.receive(on_host);
    upload(exec_, on_host, values);
  }

 private:
  kernels::ExecContext exec_;
  parallel::Receiver receiver_;
  Stage stage_;
};

class StagedTraffic final : public GroupTraffic {
 public:
  using GroupTraffic::GroupTraffic;

  void reserve(std::size_t elements) override {
    if (size() > 1) {
      sent_.reserve(elements);
      received_.reserve(elements);
    }
  }

  void all_gather_v(std::span<float const> mine,
                    std::span<float> all,
                    parallel::BlockLayout blocks) override {
    if (size() == 1) {
      kernels::copy(exec(), mine, all.data());
      return;
    }
    std::span<float> const received = received_.first(all.size());
    parallel::all_gather_v<float>(communicator(), sent_.copy_of(exec(), mine), received, blocks);
    upload(exec(), received, all);
  }

  void all_to_all_v(std::span<float const> send,
                    parallel::BlockLayout send_blocks,
                    std::span<float> receive,
                    parallel::BlockLayout receive_blocks) override {
    if (size() == 1) {
      kernels::copy(exec(), send, receive.data());
      return;
    }
    std::span<float> const received = received_.first(receive.size());
    parallel::all_to_all_v<float>(
        communicator(), sent_.copy_of(exec(), send), send_blocks, received, receive_blocks);
    upload(exec(), received, receive);
  }

  std::unique_ptr<LeafSum> make_sum(SumTree const& tree, std::size_t max_elements) override {
    return std::make_unique<StagedSum>(exec(), communicator(), tree, max_elements);
  }

  std::unique_ptr<ActivationSender> make_sender(parallel::ChannelOptions const& options) override {
    return std::make_unique<StagedSender>(exec(), communicator(), options);
  }

  std::unique_ptr<ActivationReceiver> make_receiver(
      parallel::ChannelOptions const& options) override {
    return std::make_unique<StagedReceiver>(exec(), communicator(), options);
  }

 private:
  Stage sent_;
  Stage received_;
};

}  // namespace

std::unique_ptr<GroupTraffic> make_staged_traffic(kernels::ExecContext const& exec,
                                                  parallel::Communicator const& group) {
  return std::make_unique<StagedTraffic>(exec, group);
}

}  // namespace talus::runtime
