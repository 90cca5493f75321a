// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/code_kinds.hpp"

#include "kernels/detail/code_rows.hpp"

namespace talus::kernels::cuda {
namespace {

constexpr int hopper = 90;
constexpr int first_with_fp8 = 89;
constexpr std::size_t first_with_scaling = 120900;

/// Dimensions of matrices of fp8 are multiples of this.
constexpr std::int64_t unit = detail::CodeRows::alignment;

}  // namespace

std::optional<ProductKind> kind_of_codes(CodeAbility const& ability,
                                         std::int64_t out,
                                         std::int64_t in,
                                         QuantStorage const& storage) noexcept {
  QuantFormat const& format = storage.format;
  bool const is_fit = out > 0 && in > 0 && out % unit == 0 && in % unit == 0;
  if (!is_fit || format.kind != QuantKind::fp8_e4m3 || ability.capability < first_with_fp8) {
    return std::nullopt;
  }
  bool const scales = ability.capability == hopper && ability.version >= first_with_scaling;
  constexpr std::int64_t block = detail::CodeRows::block;
  if (format.group == 0 && format.block_outputs == 1) {
    return scales ? ProductKind::code_vectors : ProductKind::codes;
  }
  bool const has_blocks =
      format.group == block && format.block_outputs == block && storage.col_phase == 0;
  return scales && has_blocks ? std::optional{ProductKind::code_blocks} : std::nullopt;
}

}  // namespace talus::kernels::cuda
