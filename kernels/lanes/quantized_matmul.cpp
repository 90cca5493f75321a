// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/lanes/active_experts.hpp"
#include "kernels/lanes/float_codes.hpp"
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/quantized_functions.hpp"
#include "kernels/lanes/quantized_product.hpp"
#include "kernels/lanes/tile.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Rows that one thread quantises at a time.
constexpr std::int64_t quantized_rows = 8;

/// Bytes of panels that share a pass over the rows of x: they stay in the second-level cache.
constexpr std::int64_t group_bytes = 192 * 1024;
constexpr std::int64_t max_group_panels = 4;

/// Room for quantised rows where there is no team that has it.
constexpr std::int64_t stack_bytes = 1 << 20;

/// Products of one shape but for the rows.
struct CodeSet {
  char const* label = nullptr;
  std::int64_t count = 0;
  std::int64_t most_rows = 0;  ///< of one product
};

std::int64_t panels_of_group(std::int64_t rows, PackedWeights const& w) {
  if (rows <= max_tile_rows) {
    return max_group_panels;
  }
  std::int64_t const panel = CodeLayout{*w.codes(), w.in()}.panel_bytes();
  return std::clamp<std::int64_t>(group_bytes / panel, 1, max_group_panels);
}

template <class ProductOf>
void quantize_rows(ExecContext const& exec, CodeSet const& set, ProductOf const& product_of) {
  std::int64_t const parts = (set.most_rows + quantized_rows - 1) / quantized_rows;
  std::int64_t const in = product_of(0).w->in();
  QuantFormat const& format = product_of(0).w->codes()->format;
  std::int32_t const zero = format.zero_points ? 1 : fixed_zero(format.kind);
  std::int64_t const cost = set.count * set.most_rows * in / 8;
  for_each(exec, "talus::kernels::quantize_rows", set.count * parts, cost, [&](std::int64_t i) {
    CodeProduct const product = product_of(i / parts);
    std::int64_t const first = i % parts * quantized_rows;
    std::int64_t const last = std::min(first + quantized_rows, product.x.rows);
    for (std::int64_t row = first; row < last; ++row) {
      quantize_row(product.x.data + row * product.x.row_stride,
                   in,
                   zero,
                   product.rows + row * RowLayout{in}.bytes());
    }
  });
}

/// All groups of panels of all products.
template <class ProductOf>
void multiply_groups(ExecContext const& exec, CodeSet const& set, ProductOf const& product_of) {
  PackedWeights const& w = *product_of(0).w;
  auto const multiply_panels =
      are_floats(w.codes()->format.kind) ? multiply_float_codes : multiply_codes;
  std::int64_t const panels = (w.out() + num_lanes - 1) / num_lanes;
  std::int64_t const group = panels_of_group(set.most_rows, w);
  std::int64_t const groups = (panels + group - 1) / group;
  std::int64_t const cost = set.count * set.most_rows * w.in() * panels / 2;
  for_each(exec, set.label, set.count * groups, cost, [&](std::int64_t i) {
    std::int64_t const first = i % groups * group;
    multiply_panels(product_of(i / groups), first, std::min(first + group, panels));
  });
}

/// Products whose rows have room to be quantised.
template <class ProductOf>
void multiply_quantized(ExecContext const& exec, CodeSet const& set, ProductOf const& product_of) {
  quantize_rows(exec, set, product_of);
  multiply_groups(exec, set, product_of);
}

CodeProduct rows_of(CodeProduct const& product, std::int64_t first, std::int64_t last) {
  CodeProduct part = product;
  part.x.data += first * product.x.row_stride;
  part.x.rows = last - first;
  part.row_offset = first;
  return part;
}

/// One product after another, as many rows at a time as the stack has room for.
template <class ProductOf>
void multiply_in_turn(ExecContext const& exec, CodeSet const& set, ProductOf const& product_of) {
  alignas(64) std::byte room[stack_bytes];
  for (std::int64_t i = 0; i < set.count; ++i) {
    CodeProduct const product = product_of(i);
    std::int64_t const at_once =
        stack_bytes / std::max<std::int64_t>(64, RowLayout{product.w->in()}.bytes());
    for (std::int64_t first = 0; first < product.x.rows; first += at_once) {
      std::int64_t const last = std::min(first + at_once, product.x.rows);
      CodeProduct part = rows_of(product, first, last);
      part.rows = room;
      multiply_quantized(exec, {set.label, 1, last - first}, [&](std::int64_t) { return part; });
    }
  }
}

/// `product_of(i)` is product i.
template <class ProductOf>
void multiply(ExecContext const& exec, CodeSet const& set, ProductOf const& product_of) {
  if (set.count == 0 || set.most_rows == 0 || product_of(0).w->out() == 0) {
    return;
  }
  if (are_floats(product_of(0).w->codes()->format.kind)) {
    return multiply_groups(exec, set, product_of);
  }
#if !TALUS_TARGET_IS_KOKKOS
  if (exec.team != nullptr) {
    CodeProduct const last = product_of(set.count - 1);
    std::int64_t const bytes = RowLayout{last.w->in()}.bytes();
    std::int64_t const floats = (last.first_row + last.x.rows) * bytes / 4;
    auto* const room = reinterpret_cast<std::byte*>(exec.team->workspace(floats));
    return multiply_quantized(exec, set, [&](std::int64_t i) {
      CodeProduct product = product_of(i);
      product.rows = room + product.first_row * bytes;
      return product;
    });
  }
#endif
  multiply_in_turn(exec, set, product_of);
}

void matmul_codes(ExecContext const& exec,
                  MatrixView<float const> x,
                  PackedWeights const& w,
                  MatrixView<float> y) {
  Segments const segments{w.in()};
  multiply(exec, {"talus::kernels::matmul", 1, x.rows}, [&](std::int64_t) {
    return CodeProduct{x, &w, y, segments.all()};
  });
}

void matmul_code_leaves(ExecContext const& exec,
                        MatrixView<float const> x,
                        PackedWeights const& w,
                        LeafSums const& sums,
                        std::span<MatrixView<float> const> partials) {
  Segments const segments{sums};
  multiply(exec, {"talus::kernels::matmul_leaves", 1, x.rows}, [&](std::int64_t) {
    return CodeProduct{x, &w, {}, segments.all(), partials};
  });
}

void grouped_matmul_codes(ExecContext const& exec,
                          MatrixView<float const> x,
                          RowsByExpert const& cut,
                          std::span<PackedWeights const> experts,
                          MatrixView<float> y) {
  Segments const segments{experts.front().in()};
  ActiveExperts const active{cut.offsets};
  CodeSet const set{"talus::kernels::grouped_matmul", active.count(), active.most_rows()};
  multiply(exec, set, [&](std::int64_t i) {
    std::int64_t const first = active.first_row(i);
    std::int64_t const rows = active.num_rows(i);
    CodeProduct product{rows_of(x, first, rows),
                        &experts[active.expert(i)],
                        rows_of(y, first, rows),
                        segments.all()};
    product.first_row = first;
    return product;
  });
}

void matmul_code_heads(ExecContext const& exec,
                       MatrixView<float const> x,
                       std::span<PackedWeights const> heads,
                       HeadStrides const& strides,
                       MatrixView<float> y) {
  PackedWeights const& first = heads.front();
  Segments const segments{first.in()};
  CodeSet const set{"talus::kernels::matmul_heads", std::ssize(heads), x.rows};
  multiply(exec, set, [&](std::int64_t head) {
    float const* const own_x = x.data + head * strides.in_stride + strides.in_offset;
    CodeProduct product{{own_x, x.rows, first.in(), x.row_stride},
                        &heads[static_cast<std::size_t>(head)],
                        {y.data + head * strides.out_stride, y.rows, first.out(), y.row_stride},
                        segments.all()};
    product.first_row = head * x.rows;
    return product;
  });
}

}  // namespace

CodeOperations code_operations() noexcept {
  return {.bytes = bytes_of_codes,
          .pack = pack_codes,
          .matmul = matmul_codes,
          .matmul_leaves = matmul_code_leaves,
          .grouped_matmul = grouped_matmul_codes,
          .matmul_heads = matmul_code_heads};
}

}  // namespace talus::kernels::TALUS_TARGET
