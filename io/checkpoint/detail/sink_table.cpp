// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/sink_table.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

// The part of a message that says which tensor of which file, and where it lies.
std::string place(Checkpoint const& checkpoint, TensorInfo const& tensor) {
  return concat(checkpoint.files()[static_cast<std::size_t>(tensor.file)].string(),
                ": tensor \"",
                tensor.name,
                "\" at offset ",
                tensor.offset);
}

std::string expectation_of(TensorDemand const& demand) {
  return demand.expected
             ? concat(
                   "expected a tensor of ", demand.expected->rows, " x ", demand.expected->columns)
             : std::string{"the model needs it"};
}

TensorInfo const& find_tensor(Checkpoint const& checkpoint, TensorDemand const& demand) {
  TensorInfo const* const tensor = checkpoint.find(demand.name);
  if (tensor == nullptr) {
    std::string const where = checkpoint.files().empty()
                                  ? std::string{"checkpoint"}
                                  : checkpoint.files().front().parent_path().string();
    throw ConfigError{concat(where,
                             ": no tensor \"",
                             demand.name,
                             "\" in ",
                             checkpoint.files().size(),
                             " safetensors files (",
                             expectation_of(demand),
                             ')')};
  }
  return *tensor;
}

void check_tensor(Checkpoint const& checkpoint,
                  TensorInfo const& tensor,
                  TensorDemand const& demand) {
  if (!tensor.dtype) {
    throw ConfigError{concat(place(checkpoint, tensor),
                             ": dtype ",
                             tensor.dtype_name,
                             " (expected F64, F32, F16, BF16, an integer type, BOOL, F8_E4M3 or"
                             " F8_E5M2)")};
  }
  ExpectedShape const found{tensor.rows(), tensor.columns()};
  auto const expected = demand.expected.value_or(found);
  if (found.rows != expected.rows || found.columns != expected.columns) {
    throw ConfigError{concat(place(checkpoint, tensor),
                             ": shape ",
                             format_shape(tensor.shape),
                             " (expected ",
                             expected.rows,
                             " x ",
                             expected.columns,
                             " by the model's config)")};
  }
}

// The range with `to_end` resolved, checked to lie in [0, extent].
template <class Range>
Range resolve(Range range, std::int64_t extent, char const* axis, std::string const& where) {
  Range const found{range.first, range.last == to_end ? extent : range.last};
  if (found.first < 0 || found.first > found.last || found.last > extent) {
    throw ConfigError{concat(where,
                             ": ",
                             axis,
                             " [",
                             range.first,
                             ", ",
                             found.last,
                             ") demanded (expected a range within [0, ",
                             extent,
                             "))")};
  }
  return found;
}

// A row must fit into a quarter of the memory, see Arena, and into a message.
void check_row(Checkpoint const& checkpoint, TensorInfo const& tensor, LoadOptions const& options) {
  constexpr std::int64_t max_message_bytes = std::numeric_limits<int>::max();
  auto const row_bytes = tensor.columns() * size_of(*tensor.dtype);
  if (row_bytes > options.host_memory_bytes / 4 || row_bytes > max_message_bytes) {
    throw ConfigError{concat("host memory for loading: ",
                             options.host_memory_bytes,
                             " bytes (",
                             place(checkpoint, tensor),
                             " has rows of ",
                             row_bytes,
                             " bytes: four must fit, and one be at most ",
                             max_message_bytes,
                             " bytes)")};
  }
}

}  // namespace

SinkTable::SinkTable(Checkpoint const& checkpoint,
                     std::span<TensorDemand const> demands,
                     LoadOptions const& options)
    : checkpoint_{&checkpoint} {
  for (TensorDemand const& demand : demands) {
    TensorInfo const& tensor = find_tensor(checkpoint, demand);
    check_tensor(checkpoint, tensor, demand);
    auto const where = place(checkpoint, tensor);
    auto const rows = resolve(demand.rows, tensor.rows(), "rows", where);
    auto const columns = resolve(demand.columns, tensor.columns(), "columns", where);
    Rect const rect{rows.first, rows.last, columns.first, columns.last};
    if (!rect.is_empty()) {
      check_row(checkpoint, tensor, options);
      auto const index = static_cast<std::int32_t>(&tensor - checkpoint.tensors().data());
      entries_.push_back({{index, rect}, &demand.sink});
    }
  }
  std::ranges::stable_sort(entries_, {}, &Entry::need);
}

std::vector<Need> SinkTable::needs() const {
  std::vector<Need> needs;
  for (Entry const& entry : entries_) {
    if (needs.empty() || needs.back() != entry.need) {
      needs.push_back(entry.need);
    }
  }
  return needs;
}

void SinkTable::deliver(std::int32_t tensor,
                        std::int64_t first,
                        std::int64_t last,
                        std::span<PackedRect const> sources) const {
  DType const dtype = *checkpoint_->tensors()[static_cast<std::size_t>(tensor)].dtype;
  auto const tensor_of = [](Entry const& entry) { return entry.need.tensor; };
  auto const own_begin = std::ranges::lower_bound(entries_, tensor, {}, tensor_of);
  auto const own_end = std::ranges::upper_bound(entries_, tensor, {}, tensor_of);
  for (Entry const& entry : std::span{own_begin, own_end}) {
    Rect const wanted = entry.need.rect.clipped(first, last);
    if (wanted.is_empty()) {
      continue;
    }
    auto const source = std::ranges::find_if(
        sources, [&](PackedRect const& candidate) { return candidate.rect.contains(wanted); });
    TALUS_EXPECT(source != sources.end());
    auto const skipped = (wanted.first_row - source->rect.first_row) * source->rect.cols() +
                         wanted.first_col - source->rect.first_col;
    (*entry.sink)({dtype,
                   wanted.first_row,
                   wanted.rows(),
                   wanted.cols(),
                   source->rect.cols(),
                   source->data + skipped * size_of(dtype)});
  }
}

}  // namespace talus::io::detail
