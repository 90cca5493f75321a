// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/device_traffic.hpp"

#include <utility>

#include "kernels/transfer.hpp"
#include "parallel/pair_calls.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/traffic/device_channel.hpp"
#include "runtime/traffic/peer_leaf_sum.hpp"

namespace talus::runtime {
namespace {

/// What a round of messages between devices costs, in bytes that could have been received instead:
/// 10 us at 200 GB/s, as inside a node with fast links. Not measured: it never ran on a card.
constexpr double round_bytes = 2e6;

parallel::CallGroup messages_of(parallel::Communicator const& group,
                                parallel::ChannelOptions const& options,
                                PairEnd end) {
  int const from = end == PairEnd::sender ? group.rank() : options.peer;
  int const to = end == PairEnd::sender ? options.peer : group.rank();
  return parallel::pair_calls(group, options.tag, from, to);
}

class DeviceTraffic final : public GroupTraffic {
 public:
  DeviceTraffic(kernels::ExecContext const& exec,
                parallel::Communicator const& group,
                std::unique_ptr<kernels::DeviceGroup> devices,
                DeviceTrafficTools tools)
      : GroupTraffic{exec, group},
        devices_{std::move(devices)},
        tools_{std::move(tools)},
        exchanges_{group.calls().part(exchanges_key, "devices", group.size())} {
    sends_.reserve(static_cast<std::size_t>(size()));
    receives_.reserve(static_cast<std::size_t>(size()));
  }

  void note_queued(char const* what) override { queued(what); }

  void reserve(std::size_t /*elements*/) override {}

  void all_gather_v(std::span<float const> mine,
                    std::span<float> all,
                    parallel::BlockLayout blocks) override {
    auto const own = static_cast<std::size_t>(rank());
    TALUS_EXPECT(mine.size() == static_cast<std::size_t>(blocks.counts[own]));
    kernels::copy(exec(), mine, all.data() + blocks.offsets[own]);
    begin();
    for (int peer = 0; peer < size(); ++peer) {
      send(peer, mine);
      receive(peer, all, blocks);
    }
    queued("all-gather");
    devices_->exchange(sends_, receives_);
  }

  void all_to_all_v(std::span<float const> sent,
                    parallel::BlockLayout send_blocks,
                    std::span<float> received,
                    parallel::BlockLayout receive_blocks) override {
    auto const own = static_cast<std::size_t>(rank());
    kernels::copy(
        exec(), block_of(sent, send_blocks, rank()), received.data() + receive_blocks.offsets[own]);
    begin();
    for (int peer = 0; peer < size(); ++peer) {
      send(peer, block_of(sent, send_blocks, peer));
      receive(peer, received, receive_blocks);
    }
    queued("all-to-all");
    devices_->exchange(sends_, receives_);
  }

  std::unique_ptr<LeafSum> make_sum(SumTree const& tree, std::size_t max_elements) override {
    return std::make_unique<LoggedSum>(*this, make_plain_sum(tree, max_elements));
  }

  std::unique_ptr<ActivationSender> make_sender(parallel::ChannelOptions const& options) override {
    kernels::SenderOptions const room{
        .max_bytes = static_cast<std::int64_t>(options.max_elements * sizeof(float)),
        .num_slots = options.num_slots};
    return std::make_unique<DeviceChannelSender>(channel(options, PairEnd::sender), room);
  }

  std::unique_ptr<ActivationReceiver> make_receiver(
      parallel::ChannelOptions const& options) override {
    return std::make_unique<DeviceChannelReceiver>(channel(options, PairEnd::receiver));
  }

 private:
  /// Tells of each sum that it was queued.
  class LoggedSum final : public LeafSum {
   public:
    LoggedSum(DeviceTraffic const& traffic, std::unique_ptr<LeafSum> sum)
        : traffic_{&traffic}, sum_{std::move(sum)} {}

    [[nodiscard]] std::size_t num_partials() const noexcept override {
      return sum_->num_partials();
    }

    [[nodiscard]] std::span<float> partial(std::size_t node) noexcept override {
      return sum_->partial(node);
    }

    parallel::SumArrival sum(std::span<float> result) override {
      traffic_->queued("sum");
      return sum_->sum(result);
    }

    [[nodiscard]] bool folds_everywhere(std::size_t num_elements) const noexcept override {
      return sum_->folds_everywhere(num_elements);
    }

   private:
    DeviceTraffic const* traffic_;
    std::unique_ptr<LeafSum> sum_;
  };

  /// Which group of calls the devices' are, among those of the ranks' group.
  static constexpr std::uint64_t exchanges_key = 0x646576;

  [[nodiscard]] std::unique_ptr<LeafSum> make_plain_sum(SumTree const& tree,
                                                        std::size_t max_elements) {
    auto sum = std::make_unique<DeviceSum>(exec(),
                                           *devices_,
                                           parallel::SumLayout{tree, rank(), size()},
                                           tree,
                                           max_elements,
                                           round_bytes);
    if (exec().device == nullptr) {
      return sum;
    }
    auto peers = open_peer_sums(exec(), communicator(), sum->place());
    if (!peers) {
      return sum;
    }
    return std::make_unique<PeerLeafSum>(exec(), communicator(), std::move(sum), std::move(peers));
  }

  /// A call of all ranks is queued on the device.
  void queued(char const* what) const {
    parallel::CallTicket const ticket = exchanges_.enter(what);
    if (tools_.calls != nullptr) {
      tools_.calls->queued(ticket);
    }
  }

  [[nodiscard]] DeviceChannel channel(parallel::ChannelOptions const& options, PairEnd end) {
    DeviceChannel channel{.own = nullptr,
                          .devices = devices_.get(),
                          .peer = options.peer,
                          .messages = messages_of(communicator(), options, end),
                          .calls = tools_.calls};
    if (tools_.join_pair) {
      channel.own = tools_.join_pair(options.peer, end);
      channel.devices = channel.own.get();
      channel.peer = end == PairEnd::sender ? 1 : 0;
    }
    return channel;
  }

  [[nodiscard]] bool records() const noexcept override { return devices_->is_recordable(); }

  template <class T>
  [[nodiscard]] static std::span<T> block_of(std::span<T> all,
                                             parallel::BlockLayout const& blocks,
                                             int rank) {
    auto const index = static_cast<std::size_t>(rank);
    return all.subspan(static_cast<std::size_t>(blocks.offsets[index]),
                       static_cast<std::size_t>(blocks.counts[index]));
  }

  void begin() {
    sends_.clear();
    receives_.clear();
  }

  void send(int peer, std::span<float const> block) {
    if (peer != rank() && !block.empty()) {
      sends_.push_back({peer, block.data(), static_cast<std::int64_t>(block.size_bytes())});
    }
  }

  void receive(int peer, std::span<float> all, parallel::BlockLayout const& blocks) {
    std::span<float> const block = block_of(all, blocks, peer);
    if (peer != rank() && !block.empty()) {
      receives_.push_back({peer, block.data(), static_cast<std::int64_t>(block.size_bytes())});
    }
  }

  std::unique_ptr<kernels::DeviceGroup> devices_;
  DeviceTrafficTools tools_;
  parallel::CallGroup exchanges_;  ///< calls of all ranks
  std::vector<kernels::DeviceSend> sends_;
  std::vector<kernels::DeviceReceive> receives_;
};

}  // namespace

std::unique_ptr<GroupTraffic> make_device_traffic(kernels::ExecContext const& exec,
                                                  parallel::Communicator const& group,
                                                  std::unique_ptr<kernels::DeviceGroup> devices,
                                                  DeviceTrafficTools tools) {
  return std::make_unique<DeviceTraffic>(exec, group, std::move(devices), std::move(tools));
}

}  // namespace talus::runtime
