// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/detail/packed_read.hpp"

#include <algorithm>
#include <utility>

namespace talus::io::detail {
namespace {

class Cutter {
 public:
  explicit Cutter(PackedCut const& cut) : cut_{cut} {}

  void add(PackedPiece const& piece) {
    auto const bytes = static_cast<std::int64_t>(piece.target.size());
    std::int64_t const offset = piece.tensor->offset + piece.begin;
    bool const is_direct = bytes >= cut_.large_bytes;
    if (is_direct || !joins_last(offset, bytes)) {
      reads_.push_back({offset, 0, is_direct, {}});
    }
    PackedRead& read = reads_.back();
    read.bytes = offset + bytes - read.offset;
    read.pieces.push_back(piece);
  }

  [[nodiscard]] std::vector<PackedRead> take() { return std::move(reads_); }

 private:
  [[nodiscard]] bool joins_last(std::int64_t offset, std::int64_t bytes) const {
    if (reads_.empty() || reads_.back().is_direct) {
      return false;
    }
    PackedRead const& last = reads_.back();
    return offset - (last.offset + last.bytes) <= most_gap_bytes &&
           offset + bytes - last.offset <= cut_.buffer_bytes;
  }

  PackedCut cut_;
  std::vector<PackedRead> reads_;
};

}  // namespace

std::vector<PackedRead> cut_file(PackedFile const& file,
                                 std::span<std::span<std::byte> const> targets,
                                 PackedCut const& cut,
                                 std::function<bool(std::size_t)> const& is_wanted) {
  Cutter cutter{cut};
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    PackedTensor const& tensor = file.tensors[i];
    if (!is_wanted(i)) {
      continue;
    }
    for (std::int64_t begin = 0; begin < tensor.bytes; begin += cut.chunk_bytes) {
      std::int64_t const bytes = std::min(cut.chunk_bytes, tensor.bytes - begin);
      cutter.add(
          {&tensor,
           begin,
           targets[i].subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(bytes)),
           tensor.hashes[static_cast<std::size_t>(begin / cut.chunk_bytes)]});
    }
  }
  return cutter.take();
}

}  // namespace talus::io::detail
