// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/cublaslt/standin.hpp"

#include <cstddef>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "tests/kernels/cuda/cublaslt/arithmetic.hpp"
#include "tests/kernels/cuda/cublaslt/objects.hpp"

// A stand-in of cuBLASLt, by its documentation alone: no header of what is tested is included, so
// that what ours writes down wrongly is found.

using namespace talus::test::cublaslt;  // NOLINT: tests only

namespace {

constexpr int invalid_value = 7;   // CUBLAS_STATUS_INVALID_VALUE
constexpr int not_supported = 15;  // CUBLAS_STATUS_NOT_SUPPORTED
constexpr std::uint64_t algorithm_word = 0x7a105;

/// What an algorithm was found for: part of it.
struct Algorithm {
  std::uint64_t word;
  std::uint64_t m, n, k;
  std::uint64_t workspace_bytes;
  std::uint64_t alignments;  ///< a byte each
  std::uint64_t epilogue;
  std::uint64_t bias_alignment;
};

static_assert(sizeof(Algorithm) == 64);

std::uint64_t alignment_of(void const* memory) {
  auto const address = reinterpret_cast<std::uintptr_t>(memory) | 256U;
  return address & ~(address - 1);
}

struct Found {
  Algorithm algorithm;
  std::size_t workspace_bytes;
  int status;
  float waves;
  int reserved[4];
};

struct State {
  std::set<void*> objects;
  talus::test::StandinRules rules;
  talus::test::StandinCounts counts;
  std::string error;
};

State& state() {
  static State all;
  return all;
}

int refuse(char const* why) {
  state().error = why;
  return invalid_value;
}

template <class T>
int make(void** object, T value) {
  auto made = std::make_unique<T>(value);
  state().objects.insert(made.get());
  *object = made.release();
  return 0;
}

int destroy(void* object) {
  if (state().objects.erase(object) == 0) {
    return refuse("an object is destroyed that isn't there");
  }
  delete static_cast<Object*>(object);
  return 0;
}

template <class T>
T* as(void* object) {
  bool const is_there = state().objects.count(object) == 1;
  return is_there ? dynamic_cast<T*>(static_cast<Object*>(object)) : nullptr;
}

template <class T>
int set(T& field, void const* value, std::size_t bytes) {
  if (bytes != sizeof field) {
    return refuse("an attribute of another size");
  }
  std::memcpy(&field, value, bytes);
  return 0;
}

/// What isn't as the rules for FP8 have it.
char const* problem_of_codes(Product const& product,
                             Layout const& a,
                             Layout const& b,
                             Layout const& d) {
  for (std::uint64_t const size : {a.rows, a.cols, b.cols}) {
    if (size % 16 != 0) {
      return "FP8: a size that is no multiple of 16";
    }
  }
  if (a.stride % 16 != 0 || b.stride % 16 != 0 || d.stride % 4 != 0) {
    return "FP8: columns that don't all begin at multiples of 16 bytes";
  }
  if (product.epilogue != 1) {
    return "FP8: a bias is of bfloat16 there";
  }
  bool const has_blocks = product.scaling_a == by_block128 || product.scaling_a == by_vector128;
  if (has_blocks ? product.scaling_b != by_vector128 && product.scaling_b != by_block128
                 : product.scaling_a != product.scaling_b) {
    return "FP8: two ways to scale that don't go together";
  }
  if (product.scaling_a == by_block128 && product.scaling_b == by_block128) {
    return "FP8: blocks of 128 x 128 on both sides";
  }
  if (product.scaling_a != by_scalar &&
      (product.scales_a == nullptr || product.scales_b == nullptr)) {
    return "FP8: scales that aren't there";
  }
  return nullptr;
}

/// Whether the card has such products.
bool is_supported(Product const& product, Layout const& a) {
  if (a.type != real_e4m3) {
    return true;
  }
  auto const& rules = state().rules;
  bool const is_small =
      rules.most_inputs == 0 || a.rows <= static_cast<std::uint64_t>(rules.most_inputs);
  bool const has_scaling = product.scaling_a == by_scalar || rules.capability == 90;
  return is_small && has_scaling && rules.capability >= 89;
}

/// Rows, columns and inputs of op(a) op(b), if the layouts fit; else why not.
char const* problem_of(
    Product const& product, Layout const& a, Layout const& b, Layout const& c, Layout const& d) {
  if (product.transposes_a != 1 || product.transposes_b != 0) {
    return "this stand-in multiplies a^T by b";
  }
  if ((a.type != real_bf16 && a.type != real_e4m3) || !a.is(b.type, b.rows, d.rows) ||
      !b.is(a.type, a.rows, d.cols)) {
    return "a, b and d don't fit together";
  }
  if (char const* const problem = a.type == real_e4m3 ? problem_of_codes(product, a, b, d)
                                  : product.scales_a != nullptr || product.scales_b != nullptr
                                      ? "scales of what isn't FP8"
                                      : nullptr) {
    return problem;
  }
  if (!c.is(real_float, d.rows, d.cols) || !d.is(real_float, d.rows, d.cols) ||
      c.stride != d.stride) {
    return "c and d are no matrices of float alike";
  }
  if (product.epilogue != 1 && product.epilogue != 4) {
    return "an epilogue that isn't known";
  }
  if (product.epilogue == 4 && product.bias_type != -1 && product.bias_type != real_float) {
    return "a bias of another type than d";
  }
  return nullptr;
}

bool is_aligned(void const* memory, std::uint64_t alignment) {
  return reinterpret_cast<std::uintptr_t>(memory) % alignment == 0;
}

Algorithm algorithm_for(Product const& product,
                        Layout const& a,
                        Layout const& d,
                        Preference const& preference) {
  Algorithm algorithm{algorithm_word, d.rows, d.cols, a.rows, preference.workspace_bytes, 0, 0, 0};
  for (unsigned i = 0; i < 4; ++i) {
    algorithm.alignments |= std::uint64_t{preference.alignments[i]} << 16U * i;
  }
  algorithm.epilogue = static_cast<std::uint64_t>(product.epilogue);
  algorithm.bias_alignment = alignment_of(product.bias);  // of none, any
  return algorithm;
}

}  // namespace

extern "C" {

void talus_standin_set(talus::test::StandinRules const* rules) {
  state().rules = *rules;
}

void talus_standin_counts(talus::test::StandinCounts* counts) {
  *counts = state().counts;
  counts->objects = static_cast<std::int64_t>(state().objects.size());
}

char const* talus_standin_error() {
  return state().error.c_str();
}

std::size_t cublasLtGetVersion() {
  return 130001;
}

int cublasLtCreate(void** handle) {
  return make(handle, Handle{});
}

int cublasLtDestroy(void* handle) {
  return destroy(handle);
}

int cublasLtMatmulDescCreate(void** product, int compute, int scale) {
  constexpr int compute_float = 68;  // CUBLAS_COMPUTE_32F
  if (compute != compute_float || scale != real_float) {
    return refuse("products are summed in float");
  }
  return make(product, Product{});
}

int cublasLtMatmulDescDestroy(void* product) {
  return destroy(product);
}

int cublasLtMatmulDescSetAttribute(void* product, int attribute, void const* value, std::size_t n) {
  auto* const own = as<Product>(product);
  if (own == nullptr) {
    return refuse("no product");
  }
  switch (attribute) {
    case 3:  // CUBLASLT_MATMUL_DESC_TRANSA
      return set(own->transposes_a, value, n);
    case 4:  // ..._TRANSB
      return set(own->transposes_b, value, n);
    case 7:  // ..._EPILOGUE
      return set(own->epilogue, value, n);
    case 8:  // ..._BIAS_POINTER
      return set(own->bias, value, n);
    case 17:  // ..._A_SCALE_POINTER
      return set(own->scales_a, value, n);
    case 18:  // ..._B_SCALE_POINTER
      return set(own->scales_b, value, n);
    case 26:  // ..._BIAS_DATA_TYPE
      return set(own->bias_type, value, n);
    case 31:  // ..._A_SCALE_MODE
      return set(own->scaling_a, value, n);
    case 32:  // ..._B_SCALE_MODE
      return set(own->scaling_b, value, n);
    default:
      return refuse("an attribute of products that isn't known");
  }
}

int cublasLtMatrixLayoutCreate(
    void** layout, int type, std::uint64_t rows, std::uint64_t cols, std::int64_t stride) {
  Layout made;
  made.type = type;
  made.rows = rows;
  made.cols = cols;
  made.stride = stride;
  if (rows == 0 || cols == 0 || stride < static_cast<std::int64_t>(rows)) {
    return refuse("a matrix that is empty, or whose columns overlap");
  }
  return make(layout, made);
}

int cublasLtMatrixLayoutDestroy(void* layout) {
  return destroy(layout);
}

int cublasLtMatmulPreferenceCreate(void** preference) {
  return make(preference, Preference{});
}

int cublasLtMatmulPreferenceDestroy(void* preference) {
  return destroy(preference);
}

int cublasLtMatmulPreferenceSetAttribute(void* preference,
                                         int attribute,
                                         void const* value,
                                         std::size_t n) {
  auto* const own = as<Preference>(preference);
  if (own == nullptr) {
    return refuse("no preference");
  }
  if (attribute == 1) {  // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
    return set(own->workspace_bytes, value, n);
  }
  if (attribute < 5 || attribute > 8) {  // ..._MIN_ALIGNMENT_A_BYTES to D
    return refuse("an attribute of preferences that isn't known");
  }
  return set(own->alignments[attribute - 5], value, n);
}

int cublasLtMatmulAlgoGetHeuristic(void* handle,
                                   void* product,
                                   void* a,
                                   void* b,
                                   void* c,
                                   void* d,
                                   void* preference,
                                   int most,
                                   Found* found,
                                   int* num_found) {
  ++state().counts.heuristics;
  auto* const own = as<Product>(product);
  auto* const preferred = as<Preference>(preference);
  Layout* const layouts[] = {as<Layout>(a), as<Layout>(b), as<Layout>(c), as<Layout>(d)};
  if (as<Handle>(handle) == nullptr || own == nullptr || preferred == nullptr || most < 1) {
    return refuse("the heuristic is asked without handle, product or preference");
  }
  for (Layout* const layout : layouts) {
    if (layout == nullptr) {
      return refuse("the heuristic is asked without a layout");
    }
  }
  if (char const* const problem =
          problem_of(*own, *layouts[0], *layouts[1], *layouts[2], *layouts[3])) {
    return refuse(problem);
  }
  if (!is_supported(*own, *layouts[0])) {
    *num_found = 0;
    return not_supported;
  }
  *num_found = state().rules.finds_nothing ? 0 : 1;
  if (*num_found == 1) {
    *found = {};
    found->algorithm = algorithm_for(*own, *layouts[0], *layouts[3], *preferred);
    found->workspace_bytes = preferred->workspace_bytes;
  }
  return 0;
}

int cublasLtMatmul(void* handle,
                   void* product,
                   void const* alpha,
                   void const* a,
                   void* layout_a,
                   void const* b,
                   void* layout_b,
                   void const* beta,
                   void const* c,
                   void* layout_c,
                   void* d,
                   void* layout_d,
                   Algorithm const* algorithm,
                   void* workspace,
                   std::size_t workspace_bytes,
                   void* /*stream*/) {
  auto* const own = as<Product>(product);
  auto* const la = as<Layout>(layout_a);
  auto* const lb = as<Layout>(layout_b);
  auto* const lc = as<Layout>(layout_c);
  auto* const ld = as<Layout>(layout_d);
  if (as<Handle>(handle) == nullptr || own == nullptr || la == nullptr || lb == nullptr ||
      lc == nullptr || ld == nullptr) {
    return refuse("a product without handle, description or layout");
  }
  if (char const* const problem = problem_of(*own, *la, *lb, *lc, *ld)) {
    return refuse(problem);
  }
  float factors[2] = {};
  std::memcpy(&factors[0], alpha, sizeof factors[0]);
  std::memcpy(&factors[1], beta, sizeof factors[1]);
  if (factors[0] != 1.0F || factors[1] != 0.0F || c != d) {
    return refuse("this stand-in only multiplies");
  }
  if (algorithm == nullptr || algorithm->word != algorithm_word || algorithm->m != ld->rows ||
      algorithm->n != ld->cols || algorithm->k != la->rows ||
      algorithm->epilogue != static_cast<std::uint64_t>(own->epilogue)) {
    return refuse("an algorithm that was found for another product");
  }
  if (workspace_bytes < algorithm->workspace_bytes || !is_aligned(workspace, 256) ||
      (workspace == nullptr && workspace_bytes > 0)) {
    return refuse("less workspace than the algorithm wants");
  }
  void const* const matrices[] = {a, b, c, d};
  for (unsigned i = 0; i < 4; ++i) {
    if (!is_aligned(matrices[i], algorithm->alignments >> 16U * i & 0xffffU)) {
      return refuse("a matrix that isn't aligned as the algorithm was told");
    }
  }
  if (own->epilogue == 4 &&
      (own->bias == nullptr || !is_aligned(own->bias, algorithm->bias_alignment))) {
    return refuse("no bias, or one that isn't aligned as when the algorithm was found");
  }
  if (la->type == real_e4m3) {
    for (void const* const address : {a,
                                      b,
                                      static_cast<void const*>(d),
                                      static_cast<void const*>(own->scales_a),
                                      static_cast<void const*>(own->scales_b)}) {
      if (!is_aligned(address, 16)) {
        return refuse("FP8: a matrix or scales that don't begin at a multiple of 16 bytes");
      }
    }
    compute_codes(*own,
                  *la,
                  static_cast<std::uint8_t const*>(a),
                  *lb,
                  static_cast<std::uint8_t const*>(b),
                  *ld,
                  static_cast<float*>(d));
    ++state().counts.codes;
  } else {
    compute(*own,
            *la,
            static_cast<std::uint16_t const*>(a),
            *lb,
            static_cast<std::uint16_t const*>(b),
            *ld,
            static_cast<float*>(d));
  }
  ++state().counts.products;
  state().counts.biases += own->epilogue == 4 ? 1 : 0;
  return 0;
}

}  // extern "C"
