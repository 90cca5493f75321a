// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/finite.hpp"

#include <algorithm>
#include <cstring>

namespace talus::io::detail {
namespace {

// Elements that are looked at together: few enough to search again one by one, many enough for
// vector code.
constexpr std::size_t block_elements = 2048;

// A value is not finite where all bits of its exponent are set.
template <class Bits>
bool has_not_finite(std::byte const* data, std::size_t count, Bits exponent) noexcept {
  // As wide as the elements, so that a vector of comparisons needs no conversion.
  Bits found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Bits bits = 0;
    std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
    found = static_cast<Bits>(found | ((bits & exponent) == exponent ? 1U : 0U));
  }
  return found != 0;
}

template <class Bits>
std::optional<std::int64_t> find(std::span<std::byte const> bytes, Bits exponent) noexcept {
  std::size_t const count = bytes.size() / sizeof(Bits);
  for (std::size_t first = 0; first < count; first += block_elements) {
    auto const in_block = std::min(block_elements, count - first);
    if (!has_not_finite(bytes.data() + first * sizeof(Bits), in_block, exponent)) {
      continue;
    }
    std::size_t i = first;
    while (!has_not_finite(bytes.data() + i * sizeof(Bits), 1, exponent)) {
      ++i;
    }
    return static_cast<std::int64_t>(i);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> find_not_finite(DType dtype,
                                            std::span<std::byte const> bytes) noexcept {
  switch (dtype) {
    case DType::f16:
      return find<std::uint16_t>(bytes, 0x7C00U);
    case DType::bf16:
      return find<std::uint16_t>(bytes, 0x7F80U);
    case DType::f32:
      return find<std::uint32_t>(bytes, 0x7F800000U);
    case DType::f64:
      return find<std::uint64_t>(bytes, 0x7FF0000000000000U);
    default:
      return std::nullopt;
  }
}

}  // namespace talus::io::detail
