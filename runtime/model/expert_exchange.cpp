// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/expert_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "kernels/elementwise.hpp"
#include "kernels/transfer.hpp"
#include "parallel/collectives.hpp"

namespace talus::runtime {
namespace {

std::size_t at(std::int64_t index) {
  return static_cast<std::size_t>(index);
}

MatrixView<float> matrix(std::span<float> data, std::int64_t cols) {
  return {data.data(), static_cast<std::int64_t>(data.size()) / cols, cols, cols};
}

}  // namespace

ExpertExchange::ExpertExchange(kernels::ExecContext const& exec,
                               GroupTraffic& group,
                               std::int64_t num_experts,
                               std::int64_t hidden)
    : exec_{exec},
      group_{&group},
      num_experts_{num_experts},
      hidden_{hidden},
      local_{part_of(num_experts, group.rank(), group.size())},
      my_counts_(at(num_experts)),
      all_counts_(at(num_experts * group.size())),
      offsets_(at(local_.size() + 1)) {
  auto const ranks = at(group.size());
  for (auto* list : {&send_counts_, &send_offsets_, &receive_counts_, &receive_offsets_}) {
    list->resize(ranks);
  }
}

std::span<std::int32_t const> ExpertExchange::on_host(std::span<std::int32_t const> expert_ids) {
  if (kernels::shares_memory(exec_)) {
    return expert_ids;
  }
  ids_.resize(expert_ids.size());
  kernels::download(exec_, expert_ids.data(), std::span{ids_});
  return ids_;
}

std::span<std::int32_t const> ExpertExchange::where_activations_are(
    std::span<std::int32_t const> host, GrowingBuffer<std::int32_t>& memory) {
  if (kernels::shares_memory(exec_)) {
    return host;
  }
  std::span<std::int32_t> const there = memory.need(exec_, std::ssize(host));
  kernels::upload(exec_, host, there.data());
  return there;
}

void ExpertExchange::order_choices(std::span<std::int32_t const> expert_ids, std::int64_t top_k) {
  std::fill(my_counts_.begin(), my_counts_.end(), 0);
  for (std::int32_t const expert : expert_ids) {
    ++my_counts_[at(expert)];
  }
  std::vector<std::int32_t>& next = arrivals_;  // borrowed: the first free place of each expert
  next.assign(at(num_experts_), 0);
  std::exclusive_scan(my_counts_.begin(), my_counts_.end(), next.begin(), 0);
  token_rows_.resize(expert_ids.size());
  choice_rows_.resize(expert_ids.size());
  for (std::size_t choice = 0; choice < expert_ids.size(); ++choice) {
    std::int32_t const place = next[at(expert_ids[choice])]++;
    choice_rows_[choice] = place;
    token_rows_[at(place)] = static_cast<std::int32_t>(choice / at(top_k));
  }
}

void ExpertExchange::exchange_counts() {
  auto const start = std::chrono::steady_clock::now();
  parallel::all_gather<std::int32_t>(group_->communicator(), my_counts_, all_counts_);
  wait_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (int rank = 0; rank < group_->size(); ++rank) {
    Range const theirs = part_of(num_experts_, rank, group_->size());
    auto const* const from_them = all_counts_.data() + rank * num_experts_;
    auto const width = static_cast<int>(hidden_);
    send_counts_[at(rank)] =
        width *
        std::accumulate(my_counts_.begin() + theirs.first, my_counts_.begin() + theirs.last, 0);
    receive_counts_[at(rank)] =
        width * std::accumulate(from_them + local_.first, from_them + local_.last, 0);
  }
}

void ExpertExchange::order_arrivals() {
  std::int64_t const ranks = group_->size();
  auto const count = [&](std::int64_t rank, std::int64_t expert) {
    return all_counts_[at(rank * num_experts_ + expert)];
  };
  offsets_[0] = 0;
  for (std::int64_t e = local_.first; e < local_.last; ++e) {
    std::int32_t sum = 0;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      sum += count(rank, e);
    }
    offsets_[at(e - local_.first + 1)] = offsets_[at(e - local_.first)] + sum;
  }
  // Rows arrive rank by rank, each rank's by expert; the experts want them expert by expert.
  auto const rows = at(offsets_.back());
  arrivals_.resize(rows);
  returns_.resize(rows);
  std::int32_t arrived = 0;
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    for (std::int64_t e = local_.first; e < local_.last; ++e) {
      std::int32_t place = offsets_[at(e - local_.first)];
      for (std::int64_t before = 0; before < rank; ++before) {
        place += count(before, e);
      }
      for (std::int32_t i = 0; i < count(rank, e); ++i, ++arrived, ++place) {
        arrivals_[at(place)] = arrived;
        returns_[at(arrived)] = place;
      }
    }
  }
}

MatrixView<float const> ExpertExchange::dispatch(MatrixView<float const> x,
                                                 std::span<std::int32_t const> expert_ids) {
  auto const choices = static_cast<std::int64_t>(expert_ids.size());
  order_choices(on_host(expert_ids), x.rows > 0 ? choices / x.rows : 1);
  exchange_counts();
  order_arrivals();
  placed_offsets_ = where_activations_are(offsets_, offsets_memory_);
  placed_choice_rows_ = where_activations_are(choice_rows_, choice_rows_memory_);

  MatrixView<float> const sent = matrix(sent_.need(exec_, choices * hidden_), hidden_);
  kernels::select_rows(exec_, x, token_rows_, sent);
  parallel::pack_blocks(send_counts_, send_offsets_);
  int const total = parallel::pack_blocks(receive_counts_, receive_offsets_);
  std::span<float> const received = received_.need(exec_, total);
  group_->all_to_all_v({sent.data, at(choices * hidden_)},
                       {send_counts_, send_offsets_},
                       received,
                       {receive_counts_, receive_offsets_});
  MatrixView<float> const ordered = matrix(ordered_.need(exec_, total), hidden_);
  kernels::select_rows(exec_, as_const(matrix(received, hidden_)), arrivals_, ordered);
  return as_const(ordered);
}

std::int64_t ExpertExchange::elements_sent() const {
  return std::accumulate(send_counts_.begin(), send_counts_.end(), std::int64_t{0}) -
         send_counts_[at(group_->rank())];
}

std::int64_t ExpertExchange::elements_returned() const {
  return std::accumulate(receive_counts_.begin(), receive_counts_.end(), std::int64_t{0}) -
         receive_counts_[at(group_->rank())];
}

MatrixView<float const> ExpertExchange::collect(MatrixView<float const> results) {
  MatrixView<float> const as_arrived =
      matrix(received_.need(exec_, results.rows * hidden_), hidden_);
  kernels::select_rows(exec_, results, returns_, as_arrived);
  auto const choices = static_cast<std::int64_t>(choice_rows_.size());
  std::span<float> const back = sent_.need(exec_, choices * hidden_);
  group_->all_to_all_v({as_arrived.data, at(results.rows * hidden_)},
                       {receive_counts_, receive_offsets_},
                       back,
                       {send_counts_, send_offsets_});
  return as_const(matrix(back, hidden_));
}

}  // namespace talus::runtime
