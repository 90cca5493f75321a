// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/device_traffic.hpp"

#include <utility>

#include "kernels/transfer.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/traffic/peer_leaf_sum.hpp"

namespace talus::runtime {
namespace {

/// What a round of messages between devices costs, in bytes that could have been received instead:
/// 10 us at 200 GB/s, as inside a node with fast links. Not measured: it never ran on a card.
constexpr double round_bytes = 2e6;

class DeviceSender final : public ActivationSender {
 public:
  DeviceSender(kernels::DeviceGroup& devices, int peer) : devices_{&devices}, peer_{peer} {}

  // Whatever is to change the array is queued behind.
  void send(std::span<float const> values) override {
    if (!values.empty()) {
      kernels::DeviceSend const send{
          peer_, values.data(), static_cast<std::int64_t>(values.size_bytes())};
      devices_->exchange({&send, 1}, {});
    }
  }

  void finish() override {}

 private:
  kernels::DeviceGroup* devices_;
  int peer_;
};

class DeviceReceiver final : public ActivationReceiver {
 public:
  DeviceReceiver(kernels::DeviceGroup& devices, int peer) : devices_{&devices}, peer_{peer} {}

  void receive(std::span<float> values) override {
    if (!values.empty()) {
      kernels::DeviceReceive const receive{
          peer_, values.data(), static_cast<std::int64_t>(values.size_bytes())};
      devices_->exchange({}, {&receive, 1});
    }
  }

 private:
  kernels::DeviceGroup* devices_;
  int peer_;
};

class DeviceTraffic final : public GroupTraffic {
 public:
  DeviceTraffic(kernels::ExecContext const& exec,
                parallel::Communicator const& group,
                std::unique_ptr<kernels::DeviceGroup> devices)
      : GroupTraffic{exec, group}, devices_{std::move(devices)} {
    sends_.reserve(static_cast<std::size_t>(size()));
    receives_.reserve(static_cast<std::size_t>(size()));
  }

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
    devices_->exchange(sends_, receives_);
  }

  std::unique_ptr<LeafSum> make_sum(SumTree const& tree, std::size_t max_elements) override {
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

  std::unique_ptr<ActivationSender> make_sender(parallel::ChannelOptions const& options) override {
    return std::make_unique<DeviceSender>(*devices_, options.peer);
  }

  std::unique_ptr<ActivationReceiver> make_receiver(
      parallel::ChannelOptions const& options) override {
    return std::make_unique<DeviceReceiver>(*devices_, options.peer);
  }

 private:
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
  std::vector<kernels::DeviceSend> sends_;
  std::vector<kernels::DeviceReceive> receives_;
};

}  // namespace

std::unique_ptr<GroupTraffic> make_device_traffic(kernels::ExecContext const& exec,
                                                  parallel::Communicator const& group,
                                                  std::unique_ptr<kernels::DeviceGroup> devices) {
  return std::make_unique<DeviceTraffic>(exec, group, std::move(devices));
}

}  // namespace talus::runtime
