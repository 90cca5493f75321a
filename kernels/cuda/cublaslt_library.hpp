// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/source_location.hpp"

struct CUstream_st;  // CUDA's stream

namespace talus::kernels::cuda {

/// Numbers of cuBLASLt's interface, and of CUDA's types, that are used here. Where its header is,
/// kernels/cuda/cublaslt_header.cpp compares them.
namespace cublaslt {

inline constexpr int success = 0;
inline constexpr int not_supported = 15;

// cudaDataType
inline constexpr int type_f32 = 0;
inline constexpr int type_bf16 = 14;
inline constexpr int type_e4m3 = 28;

inline constexpr int compute_f32 = 68;   // cublasComputeType_t
inline constexpr int transposed = 1;     // cublasOperation_t
inline constexpr int epilogue_bias = 4;  // cublasLtEpilogue_t

// cublasLtMatmulDescAttributes_t
inline constexpr int product_transposes_a = 3;
inline constexpr int product_epilogue = 7;
inline constexpr int product_bias = 8;
inline constexpr int product_scales_a = 17;
inline constexpr int product_scales_b = 18;
inline constexpr int product_bias_type = 26;
inline constexpr int product_scaling_a = 31;
inline constexpr int product_scaling_b = 32;

// cublasLtMatmulMatrixScale_t
inline constexpr int scaling_vector = 3;     // a scale for each row of a, or column of b
inline constexpr int scaling_vector128 = 4;  // and each 128 inputs
inline constexpr int scaling_block128 = 5;   // for each 128 x 128

// cublasLtMatmulPreferenceAttributes_t
inline constexpr int prefer_workspace_bytes = 1;
inline constexpr int prefer_alignment_a = 5;
inline constexpr int prefer_alignment_b = 6;
inline constexpr int prefer_alignment_c = 7;
inline constexpr int prefer_alignment_d = 8;

/// What the library calls an algorithm.
struct Algorithm {
  std::uint64_t data[8];
};

/// An algorithm that its heuristic found.
struct Found {
  Algorithm algorithm;
  std::size_t workspace_bytes;
  int status;
  float waves;
  int reserved[4];
};

}  // namespace cublaslt

/// cuBLASLt's functions that are used here, looked up in its library at run time: a program needs
/// neither its header nor the library (541 MB). They return 0 where all is well.
///
/// Reference: NVIDIA, "cuBLAS documentation", "Using the cuBLASLt API".
struct CublasLtFunctions {
  using Handle = void*;
  using Product = void*;  ///< what is computed
  using Layout = void*;   ///< of a matrix, columns first
  using Preference = void*;

  std::size_t (*version)() = nullptr;
  int (*create)(Handle* handle) = nullptr;
  int (*destroy)(Handle handle) = nullptr;
  int (*create_product)(Product* product, int compute_type, int scale_type) = nullptr;
  int (*destroy_product)(Product product) = nullptr;
  int (*set_of_product)(Product product,
                        int attribute,
                        void const* value,
                        std::size_t bytes) = nullptr;
  int (*create_layout)(Layout* layout,
                       int type,
                       std::uint64_t rows,
                       std::uint64_t cols,
                       std::int64_t stride) = nullptr;
  int (*destroy_layout)(Layout layout) = nullptr;
  int (*create_preference)(Preference* preference) = nullptr;
  int (*destroy_preference)(Preference preference) = nullptr;
  int (*set_of_preference)(Preference preference,
                           int attribute,
                           void const* value,
                           std::size_t bytes) = nullptr;
  int (*find_algorithms)(Handle handle,
                         Product product,
                         Layout a,
                         Layout b,
                         Layout c,
                         Layout d,
                         Preference preference,
                         int most,
                         cublaslt::Found* found,
                         int* num_found) = nullptr;
  int (*multiply)(Handle handle,
                  Product product,
                  void const* alpha,
                  void const* a,
                  Layout layout_a,
                  void const* b,
                  Layout layout_b,
                  void const* beta,
                  void const* c,
                  Layout layout_c,
                  void* d,
                  Layout layout_d,
                  cublaslt::Algorithm const* algorithm,
                  void* workspace,
                  std::size_t workspace_bytes,
                  CUstream_st* stream) = nullptr;
};

/// The library, or why there is none.
struct CublasLtLibrary {
  CublasLtFunctions functions;
  std::size_t version = 0;  ///< 130002: 13.0.2
  std::string problem;      ///< empty where it can be used
};

/// The file names that cuBLASLt is installed under, the newest first.
inline constexpr char const* cublaslt_files[] = {"libcublasLt.so.13", "libcublasLt.so.12"};

/// Opens cuBLASLt, which stays open to the program's end.
///
/// \param files  paths, or names that the dynamic linker looks for: the first that opens is taken
[[nodiscard]] CublasLtLibrary open_cublaslt(std::span<char const* const> files = cublaslt_files);

/// \throws ApiError  with cuBLAS' number, unless `status` is 0
void check_cublaslt(int status, char const* what, SourceLocation where = SourceLocation::current());

}  // namespace talus::kernels::cuda
