// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/token_exchange.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>

#include "tests/kernels/block/block_support.hpp"
#include "tests/kernels/block/device_threads.hpp"

// Each device is a thread of the test, which emulates its blocks one after another: so that devices
// do wait for each other, they take them in the same order.

using namespace talus;                  // NOLINT: tests only
using namespace talus::kernels;         // NOLINT: tests only
using namespace talus::kernels::block;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr int num_steps = 3;

/// What a rank routes in a step.
struct OwnTokens {
  Matrix x;
  std::vector<std::int32_t> ids;  ///< [tokens * top_k]
};

/// Tokens with distinct choices of experts.
OwnTokens some_tokens(ExchangeShape const& shape, std::int64_t tokens, unsigned seed) {
  OwnTokens own{random_matrix(tokens, shape.hidden, seed), {}};
  std::mt19937 engine{seed};
  std::vector<std::int32_t> experts(static_cast<std::size_t>(shape.num_experts));
  std::iota(experts.begin(), experts.end(), 0);
  for (std::int64_t t = 0; t < tokens; ++t) {
    std::ranges::shuffle(experts, engine);
    own.ids.insert(own.ids.end(), experts.begin(), experts.begin() + shape.top_k);
  }
  return own;
}

/// What experts do here: whose they are, and which token it was, can be told from it.
float result_of(float value, std::int64_t expert) {
  return value * static_cast<float>(expert + 2);
}

/// Devices that share out experts, and the tokens of some steps.
class Node {
 public:
  Node(ExchangeShape const& shape, unsigned seed) : shape_{shape} {
    for (int rank = 0; rank < shape.num_ranks; ++rank) {
      inboxes_.emplace_back(static_cast<std::size_t>(inbox_bytes(shape)) / sizeof(Line));
      for (int step = 0; step < num_steps; ++step) {
        // None, one, some, or all that there may be.
        std::int64_t const counts[] = {0, 1, shape.max_tokens / 2, shape.max_tokens};
        std::int64_t const tokens = counts[(rank + step + static_cast<int>(seed)) % 4];
        tokens_.emplace(
            std::pair{rank, step},
            some_tokens(shape, tokens, seed + static_cast<unsigned>(100 * rank + step)));
      }
    }
  }

  /// All steps of a rank, checked.
  void run(int rank, emulation::Schedule schedule) {
    TokenInboxes inboxes{.shape = shape_, .rank = rank};
    for (std::size_t peer = 0; peer < inboxes_.size(); ++peer) {
      inboxes.memory[peer] = reinterpret_cast<std::byte*>(inboxes_[peer].data());
    }
    std::vector<std::int64_t> moved(2);
    std::int64_t sent = 0;
    std::int64_t returned = 0;
    for (int step = 0; step < num_steps; ++step) {
      OwnTokens const& own = tokens_.at({rank, step});
      std::int64_t const rows = num_rows(rank, step);
      std::vector<std::int32_t> offsets(static_cast<std::size_t>(shape_.num_local(rank) + 1));
      std::vector<std::int32_t> token_rows(static_cast<std::size_t>(rows + 3), -7);
      std::vector<std::int32_t> slots(token_rows);
      run_alone(schedule, [&](auto& device) {
        send_tokens(device, inboxes, own.x.view(), own.ids, std::span{moved}.subspan(0, 1));
      });
      run_alone(schedule, [&](auto& device) {
        order_arrivals(device, inboxes, {offsets, token_rows, slots});
      });
      require(offsets == wanted_offsets(rank, step), "offsets");
      require(offsets.back() == rows && token_rows.back() == -7 && slots.back() == -7, "ends");
      Matrix const results = experts_results(inboxes, offsets, token_rows);
      run_alone(schedule, [&](auto& device) {
        return_results(
            device, inboxes, results.view(), offsets, slots, std::span{moved}.subspan(1));
      });
      check_results(inboxes, own);
      sent += wanted_sent(rank, step);
      returned += wanted_returned(rank, step);
    }
    require(moved == std::vector<std::int64_t>{sent, returned}, "counts of what was moved");
  }

 private:
  using Line = std::array<std::byte, 256>;

  /// For threads, in which CHECK isn't safe.
  static void require(bool holds, char const* what) {
    if (!holds) {
      throw std::runtime_error{what};
    }
  }

  static void run_alone(emulation::Schedule schedule,
                        std::function<void(emulation::EmulatedDevice&)> const& launch) {
    emulation::EmulatedDevice device{schedule};
    device.begin_operation(nullptr);
    launch(device);
    device.end_operation();
  }

  /// Calls visit(rank, token, expert) for each choice of a step, rank by rank.
  template <class Visit>
  void for_each_choice(int step, Visit const& visit) const {
    for (int from = 0; from < shape_.num_ranks; ++from) {
      OwnTokens const& own = tokens_.at({from, step});
      for (std::size_t i = 0; i < own.ids.size(); ++i) {
        visit(from, static_cast<std::int64_t>(i) / shape_.top_k, own.ids[i]);
      }
    }
  }

  [[nodiscard]] bool has(int rank, std::int64_t expert) const {
    return expert >= shape_.first_expert(rank) && expert < shape_.first_expert(rank + 1);
  }

  [[nodiscard]] std::int64_t num_rows(int rank, int step) const {
    std::int64_t rows = 0;
    for_each_choice(step, [&](int, std::int64_t, auto e) { rows += has(rank, e) ? 1 : 0; });
    return rows;
  }

  [[nodiscard]] std::vector<std::int32_t> wanted_offsets(int rank, int step) const {
    std::vector<std::int32_t> offsets(static_cast<std::size_t>(shape_.num_local(rank) + 1));
    for_each_choice(step, [&](int, std::int64_t, std::int32_t expert) {
      if (has(rank, expert)) {
        ++offsets[static_cast<std::size_t>(expert - shape_.first_expert(rank) + 1)];
      }
    });
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    return offsets;
  }

  /// Tokens of a rank for other ranks, each once for a rank.
  [[nodiscard]] std::int64_t wanted_sent(int rank, int step) const {
    std::map<std::pair<std::int64_t, int>, int> pairs;
    for_each_choice(step, [&](int from, std::int64_t token, std::int32_t expert) {
      if (from == rank && !has(rank, expert)) {
        ++pairs[{token, shape_.rank_of(expert)}];
      }
    });
    return std::ssize(pairs);
  }

  [[nodiscard]] std::int64_t wanted_returned(int rank, int step) const {
    std::int64_t rows = 0;
    for_each_choice(step, [&](int from, std::int64_t, std::int32_t expert) {
      rows += from != rank && has(rank, expert) ? 1 : 0;
    });
    return rows;
  }

  /// What the experts give, and rows behind them that nobody may use.
  [[nodiscard]] Matrix experts_results(TokenInboxes const& inboxes,
                                       std::vector<std::int32_t> const& offsets,
                                       std::vector<std::int32_t> const& token_rows) const {
    MatrixView<float const> const arrived = arrived_tokens(inboxes);
    Matrix results{offsets.back() + 2, shape_.hidden};
    for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
      for (std::int64_t row = offsets[e]; row < offsets[e + 1]; ++row) {
        float const* const token =
            arrived.data + token_rows[static_cast<std::size_t>(row)] * arrived.row_stride;
        for (std::int64_t j = 0; j < shape_.hidden; ++j) {
          results.at(row, j) =
              result_of(token[j], shape_.first_expert(inboxes.rank) + static_cast<std::int64_t>(e));
        }
      }
    }
    return results;
  }

  void check_results(TokenInboxes const& inboxes, OwnTokens const& own) const {
    MatrixView<float const> const back = returned_results(inboxes);
    for (std::size_t i = 0; i < own.ids.size(); ++i) {
      auto const choice = static_cast<std::int64_t>(i);
      for (std::int64_t j = 0; j < shape_.hidden; ++j) {
        float const wanted = result_of(own.x.at(choice / shape_.top_k, j), own.ids[i]);
        require(back.data[choice * back.row_stride + j] == wanted, "results");
      }
    }
  }

  ExchangeShape shape_;
  std::vector<std::vector<Line>> inboxes_;           ///< by rank
  std::map<std::pair<int, int>, OwnTokens> tokens_;  ///< by rank and step
};

}  // namespace

TEST_CASE("experts get the tokens of all ranks, and each rank the results of its choices") {
  using enum emulation::Schedule::Order;
  auto const schedule = GENERATE(
      emulation::Schedule{forward}, emulation::Schedule{reverse}, emulation::Schedule{random, 7});
  auto const shape = GENERATE(ExchangeShape{1, 4, 2, 48, 5},
                              ExchangeShape{2, 8, 3, 48, 6},
                              ExchangeShape{3, 8, 8, 5, 4},
                              ExchangeShape{3, 7, 1, 70, 40},
                              ExchangeShape{4, 40, 33, 8, 3},
                              ExchangeShape{2, 6, 2, 1030, 70},
                              ExchangeShape{8, 8, 4, 516, 4},
                              ExchangeShape{16, 33, 2, 16, 3});
  INFO(shape.num_ranks << " ranks, " << shape.num_experts << " experts, top " << shape.top_k
                       << ", hidden " << shape.hidden << ", tokens " << shape.max_tokens);
  Node node{shape, 3};
  run_devices(shape.num_ranks, [&](int rank) { node.run(rank, schedule); });
  SUCCEED();
}

TEST_CASE("each expert has one rank") {
  for (int const num_ranks : {1, 2, 3, 5, 7, 16}) {
    for (std::int64_t const num_experts : {16, 17, 40, 255, 256}) {
      ExchangeShape const shape{.num_ranks = num_ranks, .num_experts = num_experts};
      for (std::int64_t expert = 0; expert < num_experts; ++expert) {
        int const rank = shape.rank_of(expert);
        CHECK(shape.first_expert(rank) <= expert);
        CHECK(expert < shape.first_expert(rank + 1));
      }
    }
  }
}
