// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/dtype.hpp"

namespace talus {

char const* name_of(DType type) noexcept {
  switch (type) {
    case DType::f32:
      return "float32";
    case DType::f16:
      return "float16";
    case DType::bf16:
      return "bfloat16";
    case DType::f64:
      return "float64";
    case DType::i64:
      return "int64";
    case DType::i32:
      return "int32";
    case DType::i16:
      return "int16";
    case DType::i8:
      return "int8";
    case DType::u8:
      return "uint8";
    case DType::boolean:
      return "bool";
    case DType::f8_e4m3:
      return "float8_e4m3";
    case DType::f8_e5m2:
      return "float8_e5m2";
  }
  return "unknown";
}

}  // namespace talus
