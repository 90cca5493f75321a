// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/direct_traffic.hpp"

#include "parallel/collectives.hpp"
#include "parallel/tree_sum.hpp"

namespace talus::runtime {
namespace {

class DirectSum final : public LeafSum {
 public:
  DirectSum(parallel::Communicator const& group, SumTree const& tree, std::size_t max_elements)
      : sum_{group, tree, max_elements} {}

  std::size_t num_partials() const noexcept override { return sum_.my_nodes().size(); }

  std::span<float> partial(std::size_t node) noexcept override { return sum_.partial(node); }

  parallel::SumArrival sum(std::span<float> result) override { return sum_.sum(result); }

  bool folds_everywhere(std::size_t num_elements) const noexcept override {
    return sum_.folds_everywhere(num_elements);
  }

 private:
  parallel::TreeSum sum_;
};

class DirectSender final : public ActivationSender {
 public:
  DirectSender(parallel::Communicator const& group, parallel::ChannelOptions const& options)
      : sender_{group, options} {}

  void send(std::span<float const> values) override { sender_.send(values); }

  void finish() override { sender_.finish(); }

 private:
  parallel::Sender sender_;
};

class DirectReceiver final : public ActivationReceiver {
 public:
  DirectReceiver(parallel::Communicator const& group, parallel::ChannelOptions const& options)
      : receiver_{group, options} {}

  void receive(std::span<float> values) override { receiver_.receive(values); }

 private:
  parallel::Receiver receiver_;
};

class DirectTraffic final : public GroupTraffic {
 public:
  using GroupTraffic::GroupTraffic;

  void reserve(std::size_t /*elements*/) override {}

  void all_gather_v(std::span<float const> mine,
                    std::span<float> all,
                    parallel::BlockLayout blocks) override {
    parallel::all_gather_v<float>(communicator(), mine, all, blocks);
  }

  void all_to_all_v(std::span<float const> send,
                    parallel::BlockLayout send_blocks,
                    std::span<float> receive,
                    parallel::BlockLayout receive_blocks) override {
    parallel::all_to_all_v<float>(communicator(), send, send_blocks, receive, receive_blocks);
  }

  std::unique_ptr<LeafSum> make_sum(SumTree const& tree, std::size_t max_elements) override {
    return std::make_unique<DirectSum>(communicator(), tree, max_elements);
  }

  std::unique_ptr<ActivationSender> make_sender(parallel::ChannelOptions const& options) override {
    return std::make_unique<DirectSender>(communicator(), options);
  }

  std::unique_ptr<ActivationReceiver> make_receiver(
      parallel::ChannelOptions const& options) override {
    return std::make_unique<DirectReceiver>(communicator(), options);
  }
};

}  // namespace

std::unique_ptr<GroupTraffic> make_direct_traffic(kernels::ExecContext const& exec,
                                                  parallel::Communicator const& group) {
  return std::make_unique<DirectTraffic>(exec, group);
}

}  // namespace talus::runtime
