// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/lanes/active_experts.hpp"
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/panel_product.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Vector steps of a product.
std::int64_t cost_of(std::int64_t rows, PackedWeights const& w) {
  return rows * w.in() * w.out() / PackedWeights::panel_outputs;
}

/// Several products of one shape but for the rows, computed side by side.
struct ProductSet {
  char const* label = nullptr;
  std::int64_t count = 0;
  std::int64_t total_rows = 0;
  std::int64_t most_rows = 0;  ///< of one product
};

/// x as the tiles want it, packed by all threads, where there is memory for it and it pays.
class PackedInput {
 public:
  template <class ProductOf>
  PackedInput(ExecContext const& exec, ProductSet const& set, ProductOf const& product_of) {
    std::int64_t const tiles = num_packed_tiles(set.most_rows);
    if (tiles == 0) {
      return;
    }
    std::int64_t const row_size = packed_row_size(product_of(0));
    float* const packed = memory(exec, set.total_rows * row_size);
    if (packed == nullptr) {
      return;
    }
    std::int64_t const cost = set.total_rows * row_size / 4;
    for_each(exec, "talus::kernels::pack", set.count * tiles, cost, [&](std::int64_t i) {
      PanelProduct const product = product_of(i / tiles);
      if (i % tiles < num_packed_tiles(product.x.rows)) {
        pack_tile(product, i % tiles, packed + product.first_packed_row * row_size);
      }
    });
    data_ = packed;
  }

  /// x of a product, or null where it isn't packed.
  [[nodiscard]] float const* of(PanelProduct const& product) const {
    return data_ == nullptr || num_packed_tiles(product.x.rows) == 0
               ? nullptr
               : data_ + product.first_packed_row * packed_row_size(product);
  }

 private:
  /// Null where there is none, and tiles can do without.
  [[nodiscard]] float* memory([[maybe_unused]] ExecContext const& exec,
                              [[maybe_unused]] std::int64_t size) {
#if TALUS_TARGET_IS_KOKKOS
    return nullptr;
#else
    if (exec.team != nullptr) {
      return exec.team->workspace(size);
    }
#if TALUS_TARGET_ROUNDS_INPUT
    own_ = Buffer<float>{exec, size};
#endif
    return own_.data();
#endif
  }

  Buffer<float> own_;  ///< for callers without a team, who have no memory for it
  float const* data_ = nullptr;
};

template <class ProductOf>
void multiply(ExecContext const& exec, ProductSet const& set, ProductOf const& product_of) {
  if (set.count == 0 || set.most_rows == 0) {
    return;
  }
  PackedInput const packed{exec, set, product_of};
  PackedWeights const& w = *product_of(0).w;
  PanelGroups const groups{set.most_rows, w.out()};
  for_each(
      exec, set.label, set.count * groups.count(), cost_of(set.total_rows, w), [&](std::int64_t i) {
        PanelProduct product = product_of(i / groups.count());
        product.packed = packed.of(product);
        multiply_group(product, groups.group(i % groups.count()));
      });
}

}  // namespace

void matmul(ExecContext const& exec,
            MatrixView<float const> x,
            PackedWeights const& w,
            MatrixView<float> y) {
  Segments const segments{w.in()};
  PanelProduct const product{x, &w, y, segments.all()};
  multiply(
      exec, {"talus::kernels::matmul", 1, x.rows, x.rows}, [&](std::int64_t) { return product; });
}

void matmul_leaves(ExecContext const& exec,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafSums const& sums,
                   std::span<MatrixView<float> const> partials) {
  Segments const segments{sums};
  PanelProduct const product{x, &w, {}, segments.all(), 0, partials};
  multiply(exec, {"talus::kernels::matmul_leaves", 1, x.rows, x.rows}, [&](std::int64_t) {
    return product;
  });
}

void grouped_matmul(ExecContext const& exec,
                    MatrixView<float const> x,
                    RowsByExpert const& cut,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y) {
  Segments const segments{experts.front().in()};
  ActiveExperts const active{cut.offsets};
  ProductSet const set{
      "talus::kernels::grouped_matmul", active.count(), x.rows, active.most_rows()};
  multiply(exec, set, [&](std::int64_t i) {
    std::int64_t const first = active.first_row(i);
    std::int64_t const rows = active.num_rows(i);
    return PanelProduct{rows_of(x, first, rows),
                        &experts[active.expert(i)],
                        rows_of(y, first, rows),
                        segments.all(),
                        first};
  });
}

void matmul_heads(ExecContext const& exec,
                  MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y) {
  PackedWeights const& first = heads.front();
  Segments const segments{first.in()};
  std::int64_t const count = std::ssize(heads);
  ProductSet const set{"talus::kernels::matmul_heads", count, count * x.rows, x.rows};
  multiply(exec, set, [&](std::int64_t head) {
    float const* const own_x = x.data + head * strides.in_stride + strides.in_offset;
    float* const own_y = y.data + head * strides.out_stride;
    return PanelProduct{{own_x, x.rows, first.in(), x.row_stride},
                        &heads[static_cast<std::size_t>(head)],
                        {own_y, y.rows, first.out(), y.row_stride},
                        segments.all(),
                        head * x.rows};
  });
}

}  // namespace talus::kernels::TALUS_TARGET
