// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// The part of the sum that part `part` of `num_parts` owns, one matrix for each of its nodes.
struct Part {
  std::vector<LeafRange> nodes;
  std::vector<Matrix> partials;
};

/// Columns [first, last) of a matrix, as a matrix of their own.
Matrix columns(Matrix const& matrix, std::int64_t first, std::int64_t last) {
  Matrix part{matrix.rows, last - first};
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    for (std::int64_t j = first; j < last; ++j) {
      part.at(i, j - first) = matrix.at(i, j);
    }
  }
  return part;
}

struct Sum {
  Matrix x;
  Matrix w;
  DType dtype = DType::f32;
  std::int32_t unit = 1;

  [[nodiscard]] Part part(ExecContext const& exec, SumTree const& tree, LeafRange run) const {
    auto const extent = static_cast<std::int32_t>(x.cols);
    std::int32_t const begin = leaf_extent(run.first, tree.num_leaves(), extent, unit).first;
    std::vector<std::int32_t> cuts = {0};
    for (std::int32_t leaf = run.first; leaf < run.last; ++leaf) {
      cuts.push_back(leaf_extent(leaf, tree.num_leaves(), extent, unit).last - begin);
    }
    Part result{tree.nodes_of(run), {}};
    std::vector<MatrixView<float>> views;
    result.partials.assign(result.nodes.size(), Matrix{x.rows, w.rows});
    for (Matrix& partial : result.partials) {
      views.push_back(partial.view());
    }
    Matrix const own_x = columns(x, begin, begin + cuts.back());
    PackedWeights const own_w = pack(exec, columns(w, begin, begin + cuts.back()), dtype);
    matmul_leaves(exec, own_x.view(), own_w, {&tree, run, cuts}, views);
    return result;
  }

  /// The whole sum, from `num_parts` parts whose partial sums are folded in tree order.
  [[nodiscard]] Matrix whole(ExecContext const& exec, SumTree const& tree, int num_parts) const {
    std::vector<Matrix> stack;
    for (std::int32_t p = 0; p < num_parts; ++p) {
      Part own = part(exec, tree, tree.run_of(p, num_parts));
      for (std::size_t n = 0; n < own.nodes.size(); ++n) {
        stack.push_back(own.partials[n]);
        for (std::int32_t i = tree.folds_after(own.nodes[n], 0); i > 0; --i) {
          Matrix const newer = stack.back();
          stack.pop_back();
          for (std::size_t e = 0; e < newer.data.size(); ++e) {
            stack.back().data[e] += newer.data[e];
          }
        }
      }
    }
    REQUIRE(stack.size() == 1);
    Matrix sum = stack.front();
    for (std::int64_t i = 0; i < sum.rows; ++i) {
      std::fill_n(&sum.at(i, sum.cols - 1) + 1, Matrix::padding, Matrix::untouched);
    }
    return sum;
  }
};

}  // namespace

TEST_CASE("the sum over leaves has the same bits on any number of parts") {
  ExecContext const exec = any_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  std::int32_t const leaves = GENERATE(1, 6, 12, 32);
  std::int64_t const rows = GENERATE(1, 3, 14);
  std::int32_t const unit = std::max(GENERATE(1, 8), multiplies_pairs(exec.backend) ? 2 : 1);
  Sum const sum{random_matrix(rows, 264, 1), random_matrix(35, 264, 2), dtype, unit};
  SumTree const tree{leaves};
  Matrix const wanted = sum.whole(exec, tree, 1);

  for (int const parts : {2, 3, 4, 6}) {
    if (parts <= leaves) {
      INFO("leaves " << leaves << ", parts " << parts);
      CHECK(sum.whole(exec, tree, parts) == wanted);
    }
  }
}

TEST_CASE("the sum over leaves agrees with the reference") {
  ExecContext const fast = fast_backend();
  std::int32_t const leaves = GENERATE(1, 5, 6, 12, 32, 40);
  Sum const sum{random_bf16_matrix(9, 200, 3), random_matrix(50, 200, 4), DType::bf16, 1};
  SumTree const tree{leaves};

  Matrix const y = sum.whole(fast, tree, 1);

  CHECK(difference(y, sum.whole(on_reference, tree, 1)) < 1e-6F);
}

TEST_CASE("a row of the sum over leaves has the same bits alone and among others") {
  ExecContext const fast = fast_backend();
  // Many inputs are summed in several blocks where there are many rows, in one where there is one.
  std::int32_t const unit = multiplies_pairs(fast.backend) ? 2 : 1;
  std::int64_t const most = fast.backend == Backend::cuda ? 300 : 5003;  // emulated: slow
  std::int64_t const in = std::min<std::int64_t>(GENERATE(640, 5003), most) / unit * unit;
  Sum const all{random_matrix(70, in, 5), random_matrix(130, in, 6), DType::bf16, unit};
  SumTree const tree{12};
  Matrix const wanted = all.whole(fast, tree, 3);

  for (std::int64_t const row : {0, 33, 69}) {
    Sum one = all;
    one.x = Matrix{1, in};
    std::copy_n(
        &all.x.data[static_cast<std::size_t>(row * all.x.stride())], in, one.x.data.begin());
    Matrix const y = one.whole(fast, tree, 2);
    for (std::int64_t o = 0; o < 130; ++o) {
      REQUIRE(y.at(0, o) == wanted.at(row, o));
    }
  }
}

TEST_CASE("leaves without elements add nothing") {
  ExecContext const exec = any_backend();
  Sum const sum{random_matrix(2, 3, 7), random_matrix(5, 3, 8), DType::f32, 1};

  CHECK(sum.whole(exec, SumTree{8}, 1) == sum.whole(exec, SumTree{8}, 4));
}

TEST_CASE("matmul_leaves refuses boundaries and partial sums that do not fit") {
  ExecContext const fast = fast_backend();
  PackedWeights const w{fast, 4, 8, DType::f32};
  Matrix const x{1, 8};
  Matrix y{1, 4};
  MatrixView<float> const partial = y.view();
  SumTree const tree{4};
  std::vector<std::int32_t> const short_cuts = {0, 2, 4, 6, 7};
  std::vector<std::int32_t> const cuts = {0, 2, 4, 8};

  CHECK_THROWS_AS(matmul_leaves(fast, x.view(), w, {&tree, {0, 4}, short_cuts}, {&partial, 1}),
                  ConfigError);
  CHECK_THROWS_AS(matmul_leaves(fast, x.view(), w, {&tree, {0, 3}, cuts}, {&partial, 1}),
                  ConfigError);  // three leaves are two nodes
}
