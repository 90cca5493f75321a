// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/message_layout.hpp"

#include <cstring>

namespace talus::io::detail {
namespace {

UnitPart const& part_of(Unit const& unit, Block const& block) {
  return unit.parts[static_cast<std::size_t>(block.part)];
}

TensorInfo const& tensor_of(Checkpoint const& checkpoint, UnitPart const& part) {
  return checkpoint.tensors()[static_cast<std::size_t>(part.tensor)];
}

// Where the block's first element lies in the unit.
std::int64_t offset_of(Checkpoint const& checkpoint, UnitPart const& part, Rect const& rect) {
  auto const columns = tensor_of(checkpoint, part).columns();
  auto const skipped = (rect.first_row - part.first_row) * columns + rect.first_col;
  return part.offset + skipped * element_bytes_of(checkpoint, part);
}

}  // namespace

std::int64_t element_bytes_of(Checkpoint const& checkpoint, UnitPart const& part) {
  return size_of(*tensor_of(checkpoint, part).dtype);
}

PackedRect rect_of_part(Checkpoint const& checkpoint,
                        UnitPart const& part,
                        std::span<std::byte const> bytes) {
  auto const columns = tensor_of(checkpoint, part).columns();
  return {{part.first_row, part.last_row, 0, columns}, bytes.data() + part.offset};
}

std::optional<std::span<std::byte const>> find_unpacked(Checkpoint const& checkpoint,
                                                        Unit const& unit,
                                                        Group const& group,
                                                        std::span<std::byte const> bytes) {
  std::int64_t first = 0;
  std::int64_t end = 0;
  for (Block const& block : group.blocks) {
    UnitPart const& part = part_of(unit, block);
    bool const is_one_stretch =
        block.rect.rows() == 1 || block.rect.cols() == tensor_of(checkpoint, part).columns();
    auto const offset = offset_of(checkpoint, part, block.rect);
    if (&block == &group.blocks.front()) {
      first = end = offset;
    }
    if (!is_one_stretch || offset != end) {
      return std::nullopt;
    }
    end += block.rect.num_elements() * element_bytes_of(checkpoint, part);
  }
  return bytes.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(end - first));
}

void pack_message(Checkpoint const& checkpoint,
                  Unit const& unit,
                  Group const& group,
                  std::span<std::byte const> bytes,
                  std::span<std::byte> message) {
  std::byte* out = message.data();
  for (Block const& block : group.blocks) {
    UnitPart const& part = part_of(unit, block);
    auto const element_bytes = element_bytes_of(checkpoint, part);
    auto const row_bytes = tensor_of(checkpoint, part).columns() * element_bytes;
    auto const packed_bytes = static_cast<std::size_t>(block.rect.cols() * element_bytes);
    std::byte const* row = bytes.data() + offset_of(checkpoint, part, block.rect);
    for (std::int64_t i = 0; i < block.rect.rows(); ++i) {
      std::memcpy(out, row, packed_bytes);
      out += packed_bytes;
      row += row_bytes;
    }
  }
}

}  // namespace talus::io::detail
