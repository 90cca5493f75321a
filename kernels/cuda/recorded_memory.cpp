// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/recorded_memory.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::cuda {
namespace {

std::int64_t take(MemoryPool& pool, std::int64_t bytes) {
  auto const offset = pool.take(bytes);
  if (!offset) {
    throw OutOfMemory{concat("device memory of recorded work: ",
                             bytes,
                             " bytes (the pool of ",
                             pool.size(),
                             " has no more than ",
                             pool.largest_free(),
                             " in one piece)")};
  }
  return *offset;
}

}  // namespace

PoolRange::PoolRange(MemoryPool& pool, std::int64_t bytes)
    : pool_{&pool}, offset_{take(pool, bytes)}, bytes_{bytes} {}

std::int64_t RecordedMemory::piece_bytes(std::int64_t bytes) {
  return round_up(bytes, alignment);
}

std::int64_t RecordedMemory::take_scratch(std::int64_t bytes) {
  std::int64_t const size = scratch_ ? scratch_->bytes() : 0;
  std::int64_t const first = used_scratch_;
  if (piece_bytes(bytes) > size - first) {
    throw OutOfMemory{concat("scratch memory of recorded work: ",
                             bytes,
                             " bytes (",
                             size - first,
                             " of ",
                             size,
                             " are left)")};
  }
  used_scratch_ += piece_bytes(bytes);
  return scratch_->offset() + first;
}

std::int64_t RecordedMemory::keep(std::span<std::byte const> array) {
  std::int64_t const bytes = piece_bytes(std::ssize(array));
  if (chunks_.empty() || bytes > chunks_.back().range->bytes() - std::ssize(chunks_.back().bytes)) {
    chunks_.push_back({std::make_unique<PoolRange>(*pool_, std::max(bytes, chunk_bytes)), {}});
  }
  Chunk& chunk = chunks_.back();
  std::int64_t const offset = chunk.range->offset() + std::ssize(chunk.bytes);
  chunk.bytes.insert(chunk.bytes.end(), array.begin(), array.end());
  chunk.bytes.resize(static_cast<std::size_t>(round_up(std::ssize(chunk.bytes), alignment)));
  return offset;
}

}  // namespace talus::kernels::cuda
