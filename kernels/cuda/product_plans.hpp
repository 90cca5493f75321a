// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "kernels/cuda/code_kinds.hpp"
#include "kernels/cuda/cublaslt_library.hpp"
#include "runtime/base/unique_handle.hpp"

namespace talus::kernels::cuda {

/// Something that the library made, and the function that destroys it.
struct CublasLtObject {
  void* object = nullptr;
  int (*destroy)(void* object) = nullptr;

  friend bool operator==(CublasLtObject const&, CublasLtObject const&) = default;
};

struct CublasLtTraits {
  using native_type = CublasLtObject;

  static native_type null() noexcept { return {}; }

  static void destroy(native_type owned) noexcept {
    static_cast<void>(owned.destroy(owned.object));
  }
};

/// Owns such a thing.
class CublasLtHandle {
 public:
  CublasLtHandle() = default;

  CublasLtHandle(void* object, int (*destroy)(void*)) : owned_{CublasLtObject{object, destroy}} {}

  [[nodiscard]] void* get() const noexcept { return owned_.get().object; }

 private:
  UniqueHandle<CublasLtTraits> owned_;
};

/// What decides how the library multiplies. Strides are of elements.
struct ProductKey {
  ProductKind kind = ProductKind::bf16;
  std::int64_t outputs = 0;
  std::int64_t rows = 0;
  std::int64_t inputs = 0;
  std::int64_t w_stride = 0;
  std::int64_t x_stride = 0;
  std::int64_t y_stride = 0;
  std::uint32_t bias_alignment = 0;  ///< bytes: see alignment_of; 0: there is no bias
  std::uint32_t w_alignment = 1;
  std::uint32_t x_alignment = 1;
  std::uint32_t y_alignment = 1;

  friend bool operator==(ProductKey const&, ProductKey const&) = default;
};

/// The greatest power of two, up to 16, of which an address is a multiple.
[[nodiscard]] std::uint32_t alignment_of(void const* memory) noexcept;

/// How products of one kind are done.
struct ProductPlan {
  CublasLtHandle product;
  CublasLtHandle w;
  CublasLtHandle x;
  CublasLtHandle y;
  cublaslt::Algorithm algorithm{};
};

/// Plans of products, each made when it is first asked for: what a run does again and again
/// allocates nothing.
class ProductPlans {
 public:
  /// \param handle           outlives this
  /// \param workspace_bytes  the most that an algorithm may want
  ProductPlans(CublasLtFunctions const& functions,
               CublasLtFunctions::Handle handle,
               std::int64_t workspace_bytes);

  /// Stays where it is.
  ///
  /// \throws ApiError  if the library reports an error, or has no algorithm for such a product
  [[nodiscard]] ProductPlan const& find(ProductKey const& key);

  /// Whether the library has an algorithm for such a product.
  ///
  /// \throws ApiError  if it reports another error
  [[nodiscard]] bool has(ProductKey const& key) { return find_if(key) != nullptr; }

  /// Plans that were made.
  [[nodiscard]] std::size_t size() const noexcept { return plans_.size(); }

 private:
  struct Hash {
    [[nodiscard]] std::size_t operator()(ProductKey const& key) const noexcept;
  };

  [[nodiscard]] ProductPlan const* find_if(ProductKey const& key);
  [[nodiscard]] std::optional<ProductPlan> make(ProductKey const& key) const;
  [[nodiscard]] CublasLtHandle make_product(ProductKey const& key) const;
  [[nodiscard]] CublasLtHandle make_layout(int type,
                                           std::int64_t rows,
                                           std::int64_t cols,
                                           std::int64_t stride) const;
  [[nodiscard]] CublasLtHandle make_preference(ProductKey const& key) const;
  /// False if the library has none.
  [[nodiscard]] bool choose_algorithm(ProductKey const& key, ProductPlan& plan) const;

  CublasLtFunctions functions_;
  CublasLtFunctions::Handle handle_;
  std::int64_t workspace_bytes_;
  std::unordered_map<ProductKey, ProductPlan, Hash> plans_;
};

}  // namespace talus::kernels::cuda
