// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/unit_reader.hpp"

#include <string>

#include "io/checkpoint/detail/finite.hpp"
#include "io/checkpoint/detail/message.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {

void UnitReader::read(Unit const& unit, std::span<std::byte> out) {
  if (file_ != unit.file) {
    reader_.emplace(checkpoint_->files()[static_cast<std::size_t>(unit.file)]);
    file_ = unit.file;
  }
  try {
    reader_->read(unit.offset, out);
  } catch (ConfigError const& error) {
    auto const name_of_part = [&](UnitPart const& part) -> std::string const& {
      return checkpoint_->tensors()[static_cast<std::size_t>(part.tensor)].name;
    };
    throw ConfigError{concat(message_of(error),
                             " while reading tensor \"",
                             name_of_part(unit.parts.front()),
                             "\" to \"",
                             name_of_part(unit.parts.back()),
                             '"')};
  }
}

void UnitReader::announce(Unit const& unit) const noexcept {
  if (file_ == unit.file) {
    reader_->announce(unit.offset, unit.bytes);
  }
}

void UnitReader::check_finite(Unit const& unit, std::span<std::byte const> bytes) const {
  for (UnitPart const& part : unit.parts) {
    TensorInfo const& tensor = checkpoint_->tensors()[static_cast<std::size_t>(part.tensor)];
    auto const element_bytes = size_of(*tensor.dtype);
    auto const count = (part.last_row - part.first_row) * tensor.columns();
    auto const of_part = bytes.subspan(static_cast<std::size_t>(part.offset),
                                       static_cast<std::size_t>(count * element_bytes));
    if (auto const found = find_not_finite(*tensor.dtype, of_part)) {
      auto const element = part.first_row * tensor.columns() + *found;
      throw ConfigError{concat(checkpoint_->files()[static_cast<std::size_t>(unit.file)].string(),
                               ": tensor \"",
                               tensor.name,
                               "\": element ",
                               element,
                               " of ",
                               tensor.dtype_name,
                               ' ',
                               format_shape(tensor.shape),
                               " at offset ",
                               tensor.offset + element * element_bytes,
                               " is NaN or infinite (expected finite weights)")};
    }
  }
}

}  // namespace talus::io::detail
