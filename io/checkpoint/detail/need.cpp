// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/need.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "io/checkpoint/detail/bytes.hpp"
#include "io/files/content_hash.hpp"
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

using Hash = std::array<char, 32>;

// Ranks whose demands are the same, by their hashes; without what they need.
std::vector<RankClass> find_classes(parallel::Communicator const& comm, std::string_view packed) {
  Hash mine{};
  io::hash_text(packed).copy(mine.data(), mine.size());
  std::vector<char> all(mine.size() * static_cast<std::size_t>(comm.size()));
  parallel::all_gather(comm, mine, std::span{all});

  std::vector<RankClass> classes;
  std::map<std::string_view, std::size_t> class_of;
  for (int rank = 0; rank < comm.size(); ++rank) {
    std::string_view const hash{all.data() + static_cast<std::size_t>(rank) * mine.size(),
                                mine.size()};
    auto const [found, is_new] = class_of.try_emplace(hash, classes.size());
    if (is_new) {
      classes.emplace_back();
    }
    classes[found->second].ranks.push_back(rank);
  }
  return classes;
}

}  // namespace

std::vector<RankClass> exchange_needs(parallel::Communicator const& comm,
                                      Checkpoint const& checkpoint,
                                      std::span<Need const> mine) {
  auto const packed = pack(checkpoint, mine);
  std::vector<RankClass> classes = find_classes(comm, {packed.data(), packed.size()});
  bool const is_first = std::ranges::any_of(
      classes, [&](RankClass const& one) { return one.ranks.front() == comm.rank(); });
  // The first of each class speaks for it.
  auto const said = is_first ? std::span{packed} : std::span<char const>{};
  auto const num_ranks = static_cast<std::size_t>(comm.size());
  std::vector<int> counts(num_ranks);
  std::vector<int> offsets(num_ranks);
  int const count = parallel::checked_count(said.size(), "demands of weights");
  parallel::all_gather(comm, std::span{&count, 1}, std::span{counts});
  auto const total = parallel::pack_blocks(counts, offsets);
  std::vector<char> all(static_cast<std::size_t>(total));
  parallel::all_gather_v(comm, said, std::span{all}, {counts, offsets});
  for (RankClass& one : classes) {
    auto const first = static_cast<std::size_t>(one.ranks.front());
    one.needs = unpack(checkpoint,
                       std::span{all}.subspan(static_cast<std::size_t>(offsets[first]),
                                              static_cast<std::size_t>(counts[first])));
  }
  return classes;
}

}  // namespace talus::io::detail
