// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/block/emulation/block_run.hpp"
#include "kernels/device_recording.hpp"

namespace talus::kernels::block::emulation {

/// What a fenced device was asked for, one after another, and the arrays that it was told with.
class FencedRecording final : public DeviceRecording {
 public:
  using Work = std::function<void(BlockRun& run)>;

  void add(Work work) { works_.push_back(std::move(work)); }

  /// Keeps an array as long as the recording.
  void keep(std::unique_ptr<std::byte[]> array) { arrays_.push_back(std::move(array)); }

  void replay() override {
    for (Work const& work : works_) {
      work(run_);
    }
  }

 private:
  BlockRun run_{{Schedule::Order::random, 1}};
  std::vector<Work> works_;
  std::vector<std::unique_ptr<std::byte[]>> arrays_;
};

}  // namespace talus::kernels::block::emulation
