// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/panel_product.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

void multiply(ExecContext const& exec, char const* label, PanelProduct const& product) {
  BlockGrid const grid{product.x.rows, product.w->in(), product.w->out()};
  std::int64_t const cost =
      product.x.rows * product.w->in() * product.w->out() / PackedWeights::panel_outputs;
  for_each(exec, label, grid.count(), cost, [&](std::int64_t i) {
    multiply_block(product, grid.block(i));
  });
}

}  // namespace

void matmul(ExecContext const& exec,
            MatrixView<float const> x,
            PackedWeights const& w,
            MatrixView<float> y) {
  Segments const segments{w.in()};
  multiply(exec, "talus::kernels::matmul", {x, &w, {&y, 1}, segments.all()});
}

void matmul_leaves(ExecContext const& exec,
                   MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafSums const& sums,
                   std::span<MatrixView<float> const> partials) {
  Segments const segments{sums};
  multiply(exec, "talus::kernels::matmul_leaves", {x, &w, partials, segments.all()});
}

void grouped_matmul(ExecContext const& exec,
                    MatrixView<float const> x,
                    std::span<std::int32_t const> offsets,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y) {
  PackedWeights const& first = experts.front();
  Segments const segments{first.in()};
  BlockGrid const all_rows{std::max<std::int64_t>(x.rows, 1), first.in(), first.out()};
  auto const num_experts = std::ssize(experts);
  std::int64_t const cost = x.rows * first.in() * first.out() / PackedWeights::panel_outputs;

  for_each(exec,
           "talus::kernels::grouped_matmul",
           num_experts * all_rows.count(),
           cost,
           [&](std::int64_t i) {
             auto const e = static_cast<std::size_t>(i / all_rows.count());
             std::int64_t const row = offsets[e];
             std::int64_t const rows = offsets[e + 1] - row;
             MatrixView<float> const own_y{y.data + row * y.row_stride, rows, y.cols, y.row_stride};
             PanelProduct const product{{x.data + row * x.row_stride, rows, x.cols, x.row_stride},
                                        &experts[e],
                                        {&own_y, 1},
                                        segments.all()};
             BlockGrid const grid{rows, first.in(), first.out()};
             std::int64_t const part = i % all_rows.count();
             for (std::int64_t b = part * grid.count() / all_rows.count();
                  b < (part + 1) * grid.count() / all_rows.count();
                  ++b) {
               multiply_block(product, grid.block(b));
             }
           });
}

void matmul_heads(ExecContext const& exec,
                  MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y) {
  PackedWeights const& first = heads.front();
  Segments const segments{first.in()};
  BlockGrid const grid{x.rows, first.in(), first.out()};
  std::int64_t const cost =
      std::ssize(heads) * x.rows * first.in() * first.out() / PackedWeights::panel_outputs;

  for_each(exec,
           "talus::kernels::matmul_heads",
           std::ssize(heads) * grid.count(),
           cost,
           [&](std::int64_t i) {
             std::int64_t const head = i / grid.count();
             MatrixView<float> const own_y{
                 y.data + head * strides.out_stride, y.rows, first.out(), y.row_stride};
             PanelProduct const product{{x.data + head * strides.in_stride + strides.in_offset,
                                         x.rows,
                                         first.in(),
                                         x.row_stride},
                                        &heads[static_cast<std::size_t>(head)],
                                        {&own_y, 1},
                                        segments.all()};
             multiply_block(product, grid.block(i % grid.count()));
           });
}

}  // namespace talus::kernels::TALUS_TARGET
