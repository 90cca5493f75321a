// SPDX-License-Identifier: Apache-2.0
#include <cublasLt.h>

#include "kernels/cuda/cublaslt_library.hpp"

// What is written down of cuBLASLt's interface is what its header says.

namespace talus::kernels::cuda::cublaslt {

static_assert(success == CUBLAS_STATUS_SUCCESS);
static_assert(not_supported == CUBLAS_STATUS_NOT_SUPPORTED);
static_assert(type_f32 == CUDA_R_32F);
static_assert(type_bf16 == CUDA_R_16BF);
static_assert(type_e4m3 == CUDA_R_8F_E4M3);
static_assert(compute_f32 == CUBLAS_COMPUTE_32F);
static_assert(transposed == CUBLAS_OP_T);
static_assert(epilogue_bias == CUBLASLT_EPILOGUE_BIAS);
static_assert(product_transposes_a == CUBLASLT_MATMUL_DESC_TRANSA);
static_assert(product_epilogue == CUBLASLT_MATMUL_DESC_EPILOGUE);
static_assert(product_bias == CUBLASLT_MATMUL_DESC_BIAS_POINTER);
static_assert(product_bias_type == CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
static_assert(product_scales_a == CUBLASLT_MATMUL_DESC_A_SCALE_POINTER);
static_assert(product_scales_b == CUBLASLT_MATMUL_DESC_B_SCALE_POINTER);
#if CUBLAS_VERSION >= 120900
static_assert(product_scaling_a == CUBLASLT_MATMUL_DESC_A_SCALE_MODE);
static_assert(product_scaling_b == CUBLASLT_MATMUL_DESC_B_SCALE_MODE);
static_assert(scaling_vector == CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F);
static_assert(scaling_vector128 == CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F);
static_assert(scaling_block128 == CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F);
static_assert(sizeof(cublasLtMatmulMatrixScale_t) == sizeof(std::int32_t));
#endif
static_assert(prefer_workspace_bytes == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
static_assert(prefer_alignment_a == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
static_assert(prefer_alignment_b == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
static_assert(prefer_alignment_c == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
static_assert(prefer_alignment_d == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(Found) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(Found, workspace_bytes) ==
              offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(Found, status) == offsetof(cublasLtMatmulHeuristicResult_t, state));
static_assert(sizeof(cublasOperation_t) == sizeof(std::int32_t));
static_assert(sizeof(cublasLtEpilogue_t) == sizeof(std::int32_t));
static_assert(sizeof(cublasStatus_t) == sizeof(int));

}  // namespace talus::kernels::cuda::cublaslt
