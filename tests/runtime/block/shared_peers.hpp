// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/peer_access.hpp"

#include "tests/support/catch.hpp"

namespace talus::runtime {

/// Memory that processes of a host share, by a name that they tell each other: in place of the
/// memory of GPUs. It begins as zeros.
class SharedPeers final : public kernels::PeerMemory {
 public:
  explicit SharedPeers(kernels::PeerMemoryPlace const& place) : bytes_{place.bytes} {
    static int number = 0;
    name_ = "/talus_peers_" + std::to_string(getpid()) + '_' + std::to_string(number++);
    int const file = shm_open(name_.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    REQUIRE(file >= 0);
    REQUIRE(ftruncate(file, bytes_) == 0);
    REQUIRE(close_file(file));
    ++num_made;
  }

  ~SharedPeers() override {
    close();
    shm_unlink(name_.c_str());
  }

  [[nodiscard]] kernels::PeerHandle handle() const override {
    kernels::PeerHandle handle{};
    REQUIRE(name_.size() < handle.size());
    std::memcpy(handle.data(), name_.data(), name_.size());
    return handle;
  }

  void open(std::span<kernels::PeerHandle const> peers) override {
    for (kernels::PeerHandle const& peer : peers) {
      int const file = shm_open(reinterpret_cast<char const*>(peer.data()), O_RDWR, 0);
      REQUIRE(file >= 0);
      auto const size = static_cast<std::size_t>(bytes_);
      void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      REQUIRE(memory != MAP_FAILED);
      REQUIRE(close_file(file));
      opened_.push_back(static_cast<std::byte*>(memory));
    }
  }

  void close() noexcept override {
    for (std::byte* const memory : opened_) {
      munmap(memory, static_cast<std::size_t>(bytes_));
    }
    opened_.clear();
  }

  [[nodiscard]] std::byte* at(int rank) const override {
    return opened_[static_cast<std::size_t>(rank)];
  }

  static inline int num_made = 0;  ///< by this process

 private:
  static bool close_file(int file) { return ::close(file) == 0; }

  std::int64_t bytes_;
  std::string name_;
  std::vector<std::byte*> opened_;
};

}  // namespace talus::runtime
