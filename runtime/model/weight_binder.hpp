// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/checkpoint/loader.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/model/weight_blocks.hpp"
#include "runtime/quantization/quant_config.hpp"
#include "runtime/quantization/weight_precision.hpp"

namespace talus::runtime {

/// What a matrix is in the model, which decides what may be quantised.
enum class MatrixRole {
  layer,   ///< a linear map of a layer
  head,    ///< the output head
  plain,   ///< a linear map that no codes are kept of: absorbed, or cut where codes can't be
  router,  ///< of experts: always float32
};

/// A block of a tensor that is quantised at load.
struct QuantizedBlock {
  TensorBlock block;
  kernels::QuantFormat format;
};

/// What is to be loaded to fill a rank's weights.
struct WeightDemands {
  std::vector<io::TensorDemand> scales;   ///< of quantised tensors: to be loaded before the weights
  std::vector<io::TensorDemand> weights;  ///< all others
};

/// What decides which ranks hold the same of a stage.
enum class WeightPart {
  shard,    ///< its place among the shards
  experts,  ///< its place in its expert group
};

/// A matrix, table or vector of a rank's weights, as it lies in memory.
struct BoundWeight {
  std::string name;  ///< of the first tensor in it; if it isn't the only one, with a number: "x[1]"
  std::string type;  ///< of what is stored: "float32", "bfloat16", or a format's name
  std::optional<DType> scales;  ///< of codes
  WeightPart part = WeightPart::shard;
  bool is_vector = false;  ///< in memory of the rank's own, also where replicas share matrices
  std::int64_t bytes = 0;
  std::function<void(kernels::Contents)> allocate;
  std::function<void(WeightDemands&)> demand;    ///< adds what fills it, if this rank is to fill it
  std::function<std::span<std::byte>()> memory;  ///< where it lies, once allocated
};

/// Tells in which type the scales of a matrix of that name are kept.
using ScaleTypes = std::function<std::optional<DType>(std::string const& name)>;

/// Ties a rank's weights to the tensors that they come from.
///
/// First everything is bound; then bytes() tells what it will take, and make_demands() allocates it
/// and states what is to be loaded. One description serves the budget, the loaders and the check of
/// names.
class WeightBinder {
 public:
  /// Keeps pointers to `quantization`, of the checkpoint, and to `checkpoint`; both may be null.
  WeightBinder(kernels::ExecContext const& exec,
               WeightPrecision const& precision,
               CheckpointQuantization const* quantization,
               io::Checkpoint const* checkpoint = nullptr)
      : exec_{exec}, precision_{precision}, quantization_{quantization}, checkpoint_{checkpoint} {}

  /// Where there is no checkpoint that tells the types of scales: before anything is bound.
  void set_scale_types(ScaleTypes types) { scale_types_ = std::move(types); }

  /// The part that what is bound next belongs to.
  void set_part(WeightPart part) noexcept { part_ = part; }

  /// A matrix [out, in] made of blocks of tensors. Blocks are described as if nothing were
  /// quantised.
  void matrix(kernels::PackedWeights& target,
              MatrixRole role,
              kernels::MatrixOrigin size,
              std::vector<TensorBlock> blocks);

  /// A vector of `size` elements, in float32, made of blocks of tensors.
  ///
  /// \param offset  added to each element
  void vector(std::vector<float>& target,
              std::int64_t size,
              std::vector<VectorBlock> blocks,
              float offset = 0.0F);

  /// Some columns of a table [rows, cols].
  void table(kernels::RowTable& target,
             std::string name,
             std::int64_t rows,
             std::int64_t cols,
             Range columns);

  /// Bytes of everything bound.
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }

  /// Allocates every target, and gives the demands that fill them, but for those that another rank
  /// fills (kernels::MemorySource). Targets must stay where they are.
  [[nodiscard]] WeightDemands make_demands();

  /// Everything bound, in order; valid as long as the binder and the targets. The order and the
  /// names depend on the model and the rank's place alone.
  [[nodiscard]] std::vector<BoundWeight> const& bound() const noexcept { return bound_; }

  /// Names of the tensors bound, with repetitions.
  [[nodiscard]] std::vector<std::string> const& names() const noexcept { return names_; }

  /// The blocks that are quantised at load, in the order in which they were bound.
  [[nodiscard]] std::vector<QuantizedBlock> const& quantized_blocks() const noexcept {
    return quantized_blocks_;
  }

  /// Names of tensors that the checkpoint may have beside, and that nothing needs.
  [[nodiscard]] std::vector<std::string> const& spare_names() const noexcept {
    return spare_names_;
  }

 private:
  /// How a matrix is kept, and which of its blocks come as codes.
  struct MatrixPlan {
    DType dtype = DType::f32;
    std::optional<kernels::QuantStorage> storage;  ///< where it is kept as codes
    std::vector<bool> are_codes;                   ///< [blocks]
  };

  /// Whether this rank loads a target, or another one that shares it.
  [[nodiscard]] bool is_filled_here(void const* target) const;

  [[nodiscard]] bool is_quantized(MatrixRole role, TensorBlock const& block) const;
  [[nodiscard]] DType scale_type(TensorBlock const& block) const;
  [[nodiscard]] std::optional<kernels::QuantStorage> storage_of(
      std::string const& name, MatrixRole role, std::vector<TensorBlock> const& blocks) const;
  [[nodiscard]] kernels::QuantStorage checkpoint_storage(
      std::vector<TensorBlock> const& blocks) const;

  /// A name that nothing bound has yet.
  [[nodiscard]] std::string unique_name(std::string const& tensor);

  void add(BoundWeight weight);

  /// Keeps the names of the tensors of the block that a plan took in last.
  void note_names(TensorBlock const& block, MatrixPlan const& plan);

  void demand_blocks(kernels::PackedWeights& target,
                     MatrixPlan const& plan,
                     std::vector<TensorBlock> const& blocks,
                     WeightDemands& demands) const;

  kernels::ExecContext exec_;
  WeightPrecision precision_;
  CheckpointQuantization const* quantization_;
  io::Checkpoint const* checkpoint_;
  std::int64_t bytes_ = 0;
  std::vector<std::string> names_;
  std::vector<std::string> spare_names_;
  std::vector<QuantizedBlock> quantized_blocks_;
  ScaleTypes scale_types_;
  WeightPart part_ = WeightPart::shard;
  std::map<std::string, int, std::less<>> uses_;  // of a tensor's name
  std::vector<BoundWeight> bound_;
};

}  // namespace talus::runtime
