// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/need.hpp"

#include <cstddef>
#include <map>
#include <string_view>

#include "io/checkpoint/detail/bytes.hpp"
#include "parallel/collectives.hpp"

namespace talus::io::detail {
namespace {

TensorInfo const& tensor_at(Checkpoint const& checkpoint, std::int32_t tensor) {
  return checkpoint.tensors()[static_cast<std::size_t>(tensor)];
}

// Tensors as differences, and rectangles only where they are not whole: most needs take two bytes.
std::vector<char> pack(Checkpoint const& checkpoint, std::span<Need const> needs) {
  ByteWriter out;
  std::int32_t before = 0;
  for (auto const& [tensor, rect] : needs) {
    bool const is_whole = rect == whole_of(tensor_at(checkpoint, tensor));
    out.number((tensor - before) * 2 + (is_whole ? 0 : 1));
    before = tensor;
    if (!is_whole) {
      out.number(rect.first_row);
      out.number(rect.rows());
      out.number(rect.first_col);
      out.number(rect.cols());
    }
  }
  return out.bytes();
}

std::vector<Need> unpack(Checkpoint const& checkpoint, std::span<char const> bytes) {
  std::vector<Need> needs;
  std::int32_t tensor = 0;
  for (ByteReader in{bytes}; !in.at_end();) {
    auto const code = in.number();
    tensor += static_cast<std::int32_t>(code / 2);
    Need need{tensor, whole_of(tensor_at(checkpoint, tensor))};
    if (code % 2 != 0) {
      need.rect.first_row = in.number();
      need.rect.last_row = need.rect.first_row + in.number();
      need.rect.first_col = in.number();
      need.rect.last_col = need.rect.first_col + in.number();
    }
    needs.push_back(need);
  }
  return needs;
}

}  // namespace

std::vector<RankClass> exchange_needs(parallel::Communicator const& comm,
                                      Checkpoint const& checkpoint,
                                      std::span<Need const> mine) {
  auto const packed = pack(checkpoint, mine);
  auto const num_ranks = static_cast<std::size_t>(comm.size());
  std::vector<int> counts(num_ranks);
  std::vector<int> offsets(num_ranks);
  int const count = parallel::checked_count(packed.size(), "demands of weights");
  parallel::all_gather(comm, std::span{&count, 1}, std::span{counts});
  auto const total = parallel::pack_blocks(counts, offsets);
  std::vector<char> all(static_cast<std::size_t>(total));
  parallel::all_gather_v(comm, packed, std::span{all}, {counts, offsets});

  std::vector<RankClass> classes;
  std::map<std::string_view, std::size_t> class_of;
  for (std::size_t rank = 0; rank < num_ranks; ++rank) {
    std::span const bytes = std::span{all}.subspan(static_cast<std::size_t>(offsets[rank]),
                                                   static_cast<std::size_t>(counts[rank]));
    auto const [found, is_new] =
        class_of.try_emplace(std::string_view{bytes.data(), bytes.size()}, classes.size());
    if (is_new) {
      classes.push_back({{}, unpack(checkpoint, bytes)});
    }
    classes[found->second].ranks.push_back(static_cast<int>(rank));
  }
  return classes;
}

}  // namespace talus::io::detail
