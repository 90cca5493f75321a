// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <mpi.h>

#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/block/emulation/fenced_recording.hpp"
#include "kernels/device_links.hpp"
#include "parallel/communicator.hpp"
#include "parallel/progress.hpp"

#include "tests/runtime/block/shared_peers.hpp"
#include "tests/support/catch.hpp"

namespace talus::runtime {

/// What a WorldGroup's id says: who made it, and the tag of its messages.
struct WorldGroupId {
  int root = 0;
  int tag = 0;
};

/// Fenced devices of some ranks of the world, whose messages are MPI's: in place of NCCL.
class WorldGroup final : public kernels::DeviceGroup {
 public:
  WorldGroup(parallel::Communicator const& world,
             kernels::block::emulation::FencedDevice& device,
             kernels::DeviceGroupPlace const& place)
      : world_{&world}, device_{&device}, ranks_(static_cast<std::size_t>(place.size)) {
    WorldGroupId id;
    std::memcpy(&id, place.id.data(), sizeof(id));
    tag_ = id.tag;
    // The first of the group hears from all who they are, and tells it.
    if (place.rank == 0) {
      ranks_[0] = world.rank();
      for (int other = 1; other < place.size; ++other) {
        int who[2] = {};
        MPI_Recv(who, 2, MPI_INT, MPI_ANY_SOURCE, tag_, world.native(), MPI_STATUS_IGNORE);
        ranks_[static_cast<std::size_t>(who[0])] = who[1];
      }
      for (int other = 1; other < place.size; ++other) {
        MPI_Send(ranks_.data(),
                 place.size,
                 MPI_INT,
                 ranks_[static_cast<std::size_t>(other)],
                 tag_,
                 world.native());
      }
    } else {
      int const who[2] = {place.rank, world.rank()};
      MPI_Send(who, 2, MPI_INT, id.root, tag_, world.native());
      MPI_Recv(
          ranks_.data(), place.size, MPI_INT, id.root, tag_, world.native(), MPI_STATUS_IGNORE);
    }
  }

  void exchange(std::span<kernels::DeviceSend const> sends,
                std::span<kernels::DeviceReceive const> receives) override {
    if (auto* const recording = device_->recording()) {
      return recording->add(
          [this,
           kept_sends = std::vector<kernels::DeviceSend>{sends.begin(), sends.end()},
           kept_receives = std::vector<kernels::DeviceReceive>{receives.begin(), receives.end()}](
              kernels::block::emulation::BlockRun&) { move_bytes(kept_sends, kept_receives); });
    }
    move_bytes(sends, receives);
  }

  [[nodiscard]] bool is_recordable() const noexcept override { return true; }

  [[nodiscard]] std::unique_ptr<kernels::DeviceSender> make_sender(
      int peer, kernels::SenderOptions const& options) override;

 private:
  void move_bytes(std::span<kernels::DeviceSend const> sends,
                  std::span<kernels::DeviceReceive const> receives) {
    std::vector<MPI_Request> requests;
    device_->open();
    for (kernels::DeviceReceive const& block : receives) {
      MPI_Irecv(block.memory,
                static_cast<int>(block.bytes),
                MPI_BYTE,
                ranks_[static_cast<std::size_t>(block.peer)],
                tag_,
                world_->native(),
                &requests.emplace_back());
    }
    for (kernels::DeviceSend const& block : sends) {
      MPI_Isend(block.memory,
                static_cast<int>(block.bytes),
                MPI_BYTE,
                ranks_[static_cast<std::size_t>(block.peer)],
                tag_,
                world_->native(),
                &requests.emplace_back());
    }
    parallel::wait_yielding(requests);
    device_->close();
  }

  friend class WorldSender;

  parallel::Communicator const* world_;
  kernels::block::emulation::FencedDevice* device_;
  std::vector<int> ranks_;  ///< in the world, of the group's
  int tag_ = 0;
};

/// Messages that are on their way while the rank goes on, from as many slots as are asked for.
class WorldSender final : public kernels::DeviceSender {
 public:
  WorldSender(WorldGroup& group, int peer, kernels::SenderOptions const& options)
      : group_{&group},
        peer_{group.ranks_[static_cast<std::size_t>(peer)]},
        slots_(static_cast<std::size_t>(options.num_slots),
               std::vector<std::byte>(static_cast<std::size_t>(options.max_bytes))),
        requests_(slots_.size(), MPI_REQUEST_NULL) {}

  ~WorldSender() override {
    for (MPI_Request const& request : requests_) {
      CHECK(request == MPI_REQUEST_NULL);  // finish() was called
    }
  }

  void send(void const* memory, std::int64_t bytes) override {
    std::vector<std::byte>& slot = slots_[next_];
    REQUIRE(bytes <= std::ssize(slot));
    parallel::wait_yielding({&requests_[next_], 1});
    group_->device_->download(memory, slot.data(), bytes);
    MPI_Isend(slot.data(),
              static_cast<int>(bytes),
              MPI_BYTE,
              peer_,
              group_->tag_,
              group_->world_->native(),
              &requests_[next_]);
    next_ = (next_ + 1) % slots_.size();
    ++num_sent;
  }

  void finish() override { parallel::wait_yielding(requests_); }

  static inline int num_sent = 0;  ///< by this process

 private:
  WorldGroup* group_;
  int peer_;
  std::vector<std::vector<std::byte>> slots_;
  std::vector<MPI_Request> requests_;
  std::size_t next_ = 0;
};

inline std::unique_ptr<kernels::DeviceSender> WorldGroup::make_sender(
    int peer, kernels::SenderOptions const& options) {
  return std::make_unique<WorldSender>(*this, peer, options);
}

/// Joins a rank's device to any groups of the world.
class WorldLinks final : public kernels::DeviceLinks {
 public:
  /// \param reaches_peers  kernels reach the other ranks' memory
  WorldLinks(parallel::Communicator const& world,
             kernels::block::emulation::FencedDevice& device,
             bool reaches_peers = true)
      : world_{&world}, device_{&device}, reaches_peers_{reaches_peers} {
    device.set_links(this);
  }

  [[nodiscard]] std::string card() const override { return std::to_string(world_->rank()); }

  [[nodiscard]] std::string library() const override { return "messages"; }

  [[nodiscard]] std::string problem() const override { return ""; }

  [[nodiscard]] kernels::DeviceGroupId make_id() override {
    WorldGroupId const own{world_->rank(), 1000 + world_->rank() * 100 + num_made_++};
    kernels::DeviceGroupId id{};
    std::memcpy(id.data(), &own, sizeof(own));
    return id;
  }

  [[nodiscard]] std::unique_ptr<kernels::DeviceGroup> join(
      kernels::DeviceGroupPlace const& place) override {
    ++num_joined_;
    return std::make_unique<WorldGroup>(*world_, *device_, place);
  }

  [[nodiscard]] std::unique_ptr<kernels::PeerMemory> make_peer_memory(
      kernels::PeerMemoryPlace const& place) override {
    return reaches_peers_ ? std::make_unique<SharedPeers>(place) : nullptr;
  }

  [[nodiscard]] int num_joined() const { return num_joined_; }

 private:
  parallel::Communicator const* world_;
  kernels::block::emulation::FencedDevice* device_;
  bool reaches_peers_;
  int num_made_ = 0;
  int num_joined_ = 0;
};

}  // namespace talus::runtime
