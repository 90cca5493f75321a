// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/cuda/device.hpp"
#include "kernels/operations.hpp"
#include "kernels/transfer.hpp"

namespace talus::bench::gpu {

/// A card, and what is timed on it.
class Bench {
 public:
  Bench(kernels::DeviceOptions const& options, int rounds);

  [[nodiscard]] kernels::cuda::Device& device() noexcept { return device_; }

  /// Of the card.
  [[nodiscard]] kernels::ExecContext const& exec() const noexcept { return exec_; }

  [[nodiscard]] kernels::Operations const& operations() const noexcept { return operations_; }

  /// Times work(round) by events, after some rounds that don't count.
  ///
  /// \return  [rounds] microseconds between the events before and after it on the stream
  [[nodiscard]] std::vector<double> time(std::function<void(int)> const& work);

 private:
  kernels::cuda::Device device_;
  kernels::ExecContext exec_;
  kernels::Operations operations_{};
  int rounds_;
};

/// `count` random values of a normal distribution's kind: never zeros, which a card is faster with.
[[nodiscard]] std::vector<float> random_floats(std::int64_t count, std::uint64_t seed);
[[nodiscard]] std::vector<std::uint16_t> random_bf16(std::int64_t count, std::uint64_t seed);

/// The array in the card's memory.
template <class T>
[[nodiscard]] kernels::Buffer<T> on_card(Bench& bench, std::vector<T> const& values) {
  kernels::Buffer<T> buffer{bench.exec(), static_cast<std::int64_t>(values.size())};
  kernels::upload(bench.exec(), std::span{values}, buffer.data());
  return buffer;
}

/// The other way round.
template <class T>
[[nodiscard]] std::vector<T> on_host(Bench& bench, kernels::Buffer<T> const& buffer) {
  std::vector<T> values(static_cast<std::size_t>(buffer.size()));
  kernels::download(bench.exec(), buffer.data(), std::span{values});
  return values;
}

/// Compares some of a result's values with what they should be.
///
/// \throws ConfigError  if one is off by more than bfloat16 explains
class Verifier {
 public:
  explicit Verifier(char const* what) : what_{what} {}

  void add(double got, double wanted);

  /// By the norm of all differences.
  void finish() const;

 private:
  char const* what_;
  double differences_ = 0.0;
  double wanted_ = 0.0;
};

}  // namespace talus::bench::gpu
