// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/read_plan.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "io/checkpoint/detail/arena.hpp"

#include "tests/io/checkpoint_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus;
using io::detail::Arena;
using io::detail::RankClass;
using io::detail::Unit;
using talus::test::safetensors_file;
using talus::test::TempDir;

namespace {

std::string const one_kib(1024, '\0');

// Four tensors a to d of 1 KiB, as 64 rows of 4 floats.
io::Checkpoint four_tensors(TempDir const& dir) {
  std::vector<test::TestTensor> tensors;
  for (char const* name : {"a", "b", "c", "d"}) {
    tensors.push_back({name, "F32", {64, 4}, one_kib});
  }
  dir.write("model.safetensors", safetensors_file(tensors));
  return io::Checkpoint::open(dir.path());
}

std::vector<std::int64_t> bytes_of(std::vector<Unit> const& units) {
  std::vector<std::int64_t> bytes;
  std::ranges::transform(units, std::back_inserter(bytes), &Unit::bytes);
  return bytes;
}

}  // namespace

TEST_CASE("small tensors that lie together are read together, long ones in runs of rows") {
  TempDir const dir{"units"};
  auto const checkpoint = four_tensors(dir);
  std::vector<RankClass> const all{
      {{0}, {{0, {0, 64, 0, 4}}, {1, {0, 1, 0, 1}}, {2, {0, 64, 0, 4}}, {3, {5, 6, 0, 4}}}}};
  std::vector<RankClass> const without_b{
      {{0}, {{0, {0, 64, 0, 4}}, {2, {0, 64, 0, 4}}, {3, {0, 64, 0, 4}}}}};

  CHECK(bytes_of(cut_units(checkpoint, all, 1 << 20)) == std::vector<std::int64_t>{4096});
  CHECK(bytes_of(cut_units(checkpoint, all, 2048)) == std::vector<std::int64_t>{2048, 2048});
  CHECK(bytes_of(cut_units(checkpoint, without_b, 1 << 20)) ==
        std::vector<std::int64_t>{1024, 2048});
  auto const rows = cut_units(checkpoint, without_b, 400);  // 25 rows of 16 bytes
  CHECK(bytes_of(rows) == std::vector<std::int64_t>{400, 400, 224, 400, 400, 224, 400, 400, 224});
  CHECK(bytes_of(cut_units(checkpoint, all, 1)).size() == 4 * 64);
}

TEST_CASE("classes that need the same of a unit are one group; a message is never longer than it") {
  TempDir const dir{"groups"};
  auto const checkpoint = four_tensors(dir);
  std::vector<int> const positions{0, 1, 2, 3};
  std::vector<RankClass> const classes{
      {{0, 2}, {{0, {0, 64, 0, 4}}, {1, {0, 32, 0, 4}}}},
      {{1}, {{0, {0, 64, 0, 4}}, {1, {32, 64, 0, 4}}}},
      // overlapping demands become their bounding box; disjoint ones stay apart
      {{3}, {{1, {0, 40, 0, 4}}, {1, {20, 64, 0, 4}}, {2, {0, 8, 0, 1}}, {2, {60, 64, 0, 1}}}}};

  std::map<std::int32_t, int> readers;
  for (int rank = 0; rank < 4; ++rank) {
    auto const plan = make_read_plan(checkpoint, classes, {1024, rank, positions});
    CHECK(plan.bytes_demanded == 3072);
    for (auto const& task : plan.tasks) {
      CHECK(readers.emplace(task.id, task.reader).first->second == task.reader);
      for (auto const& group : task.groups) {
        CHECK(group.bytes <= task.unit.bytes);
      }
      if (task.id == 0 && task.reader == rank) {
        REQUIRE(task.groups.size() == 1);
        CHECK(task.groups[0].ranks == std::vector{0, 1, 2});
      }
      if (task.id == 1 && task.reader == rank) {
        CHECK(task.groups.size() == 3);
      }
      if (task.id == 2) {
        CHECK(rank == 3);
        CHECK(task.groups.at(0).blocks.size() == 2);
        CHECK(task.groups.at(0).bytes == 12 * 4);
      }
    }
  }
  CHECK(readers == std::map<std::int32_t, int>{{0, 0}, {1, 1}, {2, 3}});
}

TEST_CASE("a binomial tree reaches each rank once, and no rank sends more than log2 copies") {
  for (int size = 1; size <= 20; ++size) {
    for (int root = 0; root < 21; ++root) {
      std::vector<int> ranks(static_cast<std::size_t>(size));
      std::iota(ranks.begin(), ranks.end(), 1);  // root 0 and roots behind the end aren't members
      std::set<int> reached{root};
      std::vector<int> queue{root};
      while (!queue.empty()) {
        int const rank = queue.back();
        queue.pop_back();
        auto const place = io::detail::place_in_tree(ranks, root, rank);
        CHECK((place.parent < 0) == (rank == root));
        CHECK((std::size_t{1} << place.children.size()) <= 2 * ranks.size());
        for (int const child : place.children) {
          CHECK(reached.insert(child).second);
          CHECK(io::detail::place_in_tree(ranks, root, child).parent == rank);
          queue.push_back(child);
        }
      }
      CHECK(std::ranges::includes(reached, ranks));
    }
  }
}

TEST_CASE("an arena never hands out overlapping memory, nor more than it has") {
  std::mt19937 random{17};
  Arena arena{4000};
  std::vector<Arena::Buffer> taken;
  for (int i = 0; i < 5000; ++i) {
    if (!taken.empty() && random() % 2 == 0) {
      std::vector<Arena::Buffer> kept;
      auto const victim = random() % taken.size();
      for (std::size_t b = 0; b < taken.size(); ++b) {
        if (b != victim) {
          kept.push_back(std::move(taken[b]));
        }
      }
      taken = std::move(kept);
    }
    if (auto buffer = arena.take(1 + static_cast<std::int64_t>(random() % 1000))) {
      for (Arena::Buffer const& other : taken) {
        auto const bytes = buffer->bytes();
        CHECK((bytes.data() + bytes.size() <= other.bytes().data() ||
               other.bytes().data() + other.bytes().size() <= bytes.data()));
      }
      taken.push_back(std::move(*buffer));
    } else {
      CHECK(taken.size() > 1);
    }
  }
  CHECK(arena.peak_bytes() <= 4000);
  CHECK_FALSE(arena.take(4001).has_value());
}
