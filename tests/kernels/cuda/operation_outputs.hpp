// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/block/kv_layout.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::cuda {

/// What an operation's arguments say of its results, whatever the operation: to what memory they
/// go, padding of rows included, and whether a card's bits may differ from the emulation's there;
/// and what memory it reads.
class OperationOutputs {
 public:
  template <class... Arguments>
  explicit OperationOutputs(Arguments&... arguments) {
    (add(arguments), ...);
  }

  /// What they hold now.
  [[nodiscard]] std::vector<std::vector<std::byte>> contents() const;

  /// Matrices and caches, read or written: what kernels touch where they are.
  [[nodiscard]] std::vector<std::span<std::byte const>> memory() const;

  /// \param contents  that contents() gave
  void put_back(std::vector<std::vector<std::byte>> const& contents) const;

  /// How they differ from what contents() gave; empty if they don't. By bits, but where tensor
  /// cores multiply, whose order nobody specifies: there by a part of the greatest value. Of what
  /// is no number, any bits will do: a card's are its own.
  [[nodiscard]] std::string difference(std::vector<std::vector<std::byte>> const& wanted) const;

 private:
  struct Output {
    std::span<std::byte> bytes;
    bool is_float = false;
    std::int64_t cols = 1;        ///< of floats: of a row
    std::int64_t row_stride = 1;  ///< likewise

    /// Whether a float is of a row, and not between rows.
    [[nodiscard]] bool has(std::size_t i) const {
      return static_cast<std::int64_t>(i) % row_stride < cols;
    }
  };

  [[nodiscard]] static float relative_difference(Output const& got,
                                                 std::span<std::byte const> wanted);

  void add(MatrixView<float> const& y);
  void add(MatrixView<float const> const& x);
  void add(std::span<MatrixView<float> const> const& matrices);
  void add(std::span<float> const& values);
  void add(std::span<std::int32_t> const& values);
  void add(std::span<std::int64_t> const& values);
  void add(KvCache& cache);
  void add(KvCache const& cache);
  void add(LogitSummary const& summary);
  void add(SummarizedLogits const& rows);
  void add(ChoiceOrder const& order);
  void add(LatentRows const& rows);
  void add(PackedWeights const& w);
  void add(std::span<JointProduct const> const& products);
  void add(std::span<PackedWeights const> const& weights);

  /// Of what is only read.
  template <class Argument>
  void add(Argument const&) {}

  std::vector<Output> outputs_;
  std::vector<std::span<std::byte const>> inputs_;
  float tolerance_ = 0.0F;  ///< a part of the greatest value; 0: bits are the same
};

}  // namespace talus::kernels::cuda
