// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace talus::kernels::block::emulation {

/// In which order threads go on, and blocks run. A right kernel gives the same bits in each.
struct Schedule {
  enum class Order { forward, reverse, random };

  Order order = Order::forward;
  std::uint32_t seed = 0;  ///< of the random one
};

/// Draws orders, one after another.
class Orders {
 public:
  explicit Orders(Schedule schedule) : schedule_{schedule}, engine_{schedule.seed} {}

  /// 0 ... count - 1 in the next order.
  template <class Integer>
  void next(std::vector<Integer>& numbers, Integer count) {
    numbers.resize(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), Integer{0});
    if (schedule_.order == Schedule::Order::reverse) {
      std::reverse(numbers.begin(), numbers.end());
    } else if (schedule_.order == Schedule::Order::random) {
      std::shuffle(numbers.begin(), numbers.end(), engine_);
    }
  }

 private:
  Schedule schedule_;
  std::mt19937 engine_;
};

}  // namespace talus::kernels::block::emulation
