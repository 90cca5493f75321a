// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/product_plans.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

constexpr std::uintptr_t most_alignment = 16;  // what the widest copies want

std::string text_of(ProductKey const& key) {
  return concat(key.rows, " rows, ", key.outputs, " outputs, ", key.inputs, " inputs");
}

/// How the library scales w and x of a kind; nothing: not at all.
std::optional<std::pair<int, int>> scalings_of(ProductKind kind) {
  if (kind == ProductKind::code_vectors) {
    return std::pair{cublaslt::scaling_vector, cublaslt::scaling_vector};
  }
  if (kind == ProductKind::code_blocks) {
    return std::pair{cublaslt::scaling_block128, cublaslt::scaling_vector128};
  }
  return std::nullopt;
}

template <class Value>
void set(int (*setter)(void*, int, void const*, std::size_t),
         void* object,
         int attribute,
         Value value,
         char const* what) {
  check_cublaslt(setter(object, attribute, &value, sizeof value), what);
}

}  // namespace

std::uint32_t alignment_of(void const* memory) noexcept {
  auto const address = reinterpret_cast<std::uintptr_t>(memory) | most_alignment;
  return std::uint32_t{1} << static_cast<unsigned>(std::countr_zero(address));
}

std::size_t ProductPlans::Hash::operator()(ProductKey const& key) const noexcept {
  std::uint64_t hash = 0;
  for (std::int64_t const number : {std::int64_t{static_cast<std::uint8_t>(key.kind)},
                                    key.outputs,
                                    key.rows,
                                    key.inputs,
                                    key.w_stride,
                                    key.x_stride,
                                    key.y_stride,
                                    std::int64_t{key.bias_alignment},
                                    std::int64_t{key.w_alignment},
                                    std::int64_t{key.x_alignment},
                                    std::int64_t{key.y_alignment}}) {
    // D. Knuth, "The Art of Computer Programming", volume 3, 6.4: 2^64 by the golden ratio.
    hash = (std::rotl(hash, 23) ^ static_cast<std::uint64_t>(number)) * 0x9e3779b97f4a7c15U;
  }
  return hash ^ hash >> 32U;
}

ProductPlans::ProductPlans(CublasLtFunctions const& functions,
                           CublasLtFunctions::Handle handle,
                           std::int64_t workspace_bytes)
    : functions_{functions}, handle_{handle}, workspace_bytes_{workspace_bytes} {}

ProductPlan const& ProductPlans::find(ProductKey const& key) {
  ProductPlan const* const plan = find_if(key);
  if (plan == nullptr) {
    throw ApiError{concat("cuBLASLt: no algorithm for ", text_of(key)),
                   cublaslt::success,
                   SourceLocation::current()};
  }
  return *plan;
}

ProductPlan const* ProductPlans::find_if(ProductKey const& key) {
  auto found = plans_.find(key);
  if (found == plans_.end()) {
    std::optional<ProductPlan> made = make(key);
    if (!made) {
      return nullptr;
    }
    found = plans_.emplace(key, std::move(*made)).first;
  }
  return &found->second;
}

/// A matrix of ours, rows first, is the library's transposed one, columns first: y^T = w x^T, of
/// which x^T and y^T are x and y as they lie, and w is its own transposed.
std::optional<ProductPlan> ProductPlans::make(ProductKey const& key) const {
  int const type = key.kind == ProductKind::bf16 ? cublaslt::type_bf16 : cublaslt::type_e4m3;
  std::optional<ProductPlan> plan{std::in_place};
  plan->product = make_product(key);
  plan->w = make_layout(type, key.inputs, key.outputs, key.w_stride);
  plan->x = make_layout(type, key.inputs, key.rows, key.x_stride);
  plan->y = make_layout(cublaslt::type_f32, key.outputs, key.rows, key.y_stride);
  if (!choose_algorithm(key, *plan)) {
    plan.reset();
  }
  return plan;
}

CublasLtHandle ProductPlans::make_product(ProductKey const& key) const {
  CublasLtFunctions::Product made = nullptr;
  check_cublaslt(functions_.create_product(&made, cublaslt::compute_f32, cublaslt::type_f32),
                 "cublasLtMatmulDescCreate");
  CublasLtHandle product{made, functions_.destroy_product};
  constexpr char const* what = "cublasLtMatmulDescSetAttribute";
  set(functions_.set_of_product,
      product.get(),
      cublaslt::product_transposes_a,
      std::int32_t{cublaslt::transposed},
      what);
  if (auto const scalings = scalings_of(key.kind)) {
    for (auto const& [attribute, scaling] :
         {std::pair{cublaslt::product_scaling_a, scalings->first},
          std::pair{cublaslt::product_scaling_b, scalings->second}}) {
      set(functions_.set_of_product, product.get(), attribute, std::int32_t{scaling}, what);
    }
    // Addresses to choose the algorithm by, which only looks how they are aligned.
    for (int const scales : {cublaslt::product_scales_a, cublaslt::product_scales_b}) {
      set(functions_.set_of_product, product.get(), scales, most_alignment, what);
    }
  }
  if (key.bias_alignment > 0) {
    set(functions_.set_of_product,
        product.get(),
        cublaslt::product_epilogue,
        std::int32_t{cublaslt::epilogue_bias},
        what);
    set(functions_.set_of_product,
        product.get(),
        cublaslt::product_bias_type,
        std::int32_t{cublaslt::type_f32},
        what);
    // An address to choose by, likewise.
    set(functions_.set_of_product,
        product.get(),
        cublaslt::product_bias,
        std::uintptr_t{key.bias_alignment},
        what);
  }
  return product;
}

CublasLtHandle ProductPlans::make_layout(int type,
                                         std::int64_t rows,
                                         std::int64_t cols,
                                         std::int64_t stride) const {
  CublasLtFunctions::Layout layout = nullptr;
  check_cublaslt(functions_.create_layout(&layout,
                                          type,
                                          static_cast<std::uint64_t>(rows),
                                          static_cast<std::uint64_t>(cols),
                                          std::max(stride, rows)),  // of one column it is any
                 "cublasLtMatrixLayoutCreate");
  return {layout, functions_.destroy_layout};
}

CublasLtHandle ProductPlans::make_preference(ProductKey const& key) const {
  CublasLtFunctions::Preference made = nullptr;
  check_cublaslt(functions_.create_preference(&made), "cublasLtMatmulPreferenceCreate");
  CublasLtHandle preference{made, functions_.destroy_preference};
  constexpr char const* what = "cublasLtMatmulPreferenceSetAttribute";
  set(functions_.set_of_preference,
      preference.get(),
      cublaslt::prefer_workspace_bytes,
      static_cast<std::uint64_t>(workspace_bytes_),
      what);
  for (auto const& [attribute, alignment] :
       {std::pair{cublaslt::prefer_alignment_a, key.w_alignment},
        std::pair{cublaslt::prefer_alignment_b, key.x_alignment},
        std::pair{cublaslt::prefer_alignment_c, key.y_alignment},
        std::pair{cublaslt::prefer_alignment_d, key.y_alignment}}) {
    set(functions_.set_of_preference, preference.get(), attribute, alignment, what);
  }
  return preference;
}

bool ProductPlans::choose_algorithm(ProductKey const& key, ProductPlan& plan) const {
  CublasLtHandle const preference = make_preference(key);
  cublaslt::Found found{};
  int num_found = 0;
  int const status = functions_.find_algorithms(handle_,
                                                plan.product.get(),
                                                plan.w.get(),
                                                plan.x.get(),
                                                plan.y.get(),
                                                plan.y.get(),
                                                preference.get(),
                                                1,
                                                &found,
                                                &num_found);
  if (status == cublaslt::not_supported) {
    return false;
  }
  check_cublaslt(status, concat("cublasLtMatmulAlgoGetHeuristic of ", text_of(key)).c_str());
  if (num_found == 0) {
    return false;
  }
  check_cublaslt(found.status, "the algorithm of cublasLtMatmulAlgoGetHeuristic");
  plan.algorithm = found.algorithm;
  return true;
}

}  // namespace talus::kernels::cuda
