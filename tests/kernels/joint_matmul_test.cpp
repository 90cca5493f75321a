// SPDX-License-Identifier: Apache-2.0
#include "kernels/joint_matmul.hpp"

#include <string>

#include "kernels/matmul.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// Weights "float32", "bfloat16", "fp8", or as quantize() makes them.
PackedWeights weights(ExecContext const& exec,
                      std::string const& format,
                      std::int64_t out,
                      std::int64_t in,
                      unsigned seed) {
  Matrix const values = random_matrix(out, in, seed);
  if (format == "float32" || format == "bfloat16") {
    return pack(exec, values, format == "float32" ? DType::f32 : DType::bf16);
  }
  if (format == "fp8") {
    QuantizedMatrix codes{{QuantKind::fp8_e4m3, 0, false, 1}, out, in, {}, {}, {}};
    for (std::int64_t i = 0; i < out * in; ++i) {
      codes.codes.push_back(float_to_e4m3(values.at(i / in, i % in)));
    }
    codes.scales.assign(static_cast<std::size_t>(out), 0.5F);
    PackedWeights packed{exec, out, in, {codes.format, DType::bf16, 0}};
    packed.set(exec, {}, codes.view());
    return packed;
  }
  QuantFormat const kind = parse_quant_format(format, "");
  PackedWeights packed{exec, out, in, {kind, DType::bf16, 0}};
  packed.set(exec, {}, quantize(values.view(), kind).view());
  return packed;
}

}  // namespace

TEST_CASE("joint_matmul has the bits of its products") {
  ExecContext const exec = any_backend();
  auto const [first, second] = GENERATE(std::pair{"float32", "float32"},
                                        std::pair{"bfloat16", "bfloat16"},
                                        std::pair{"fp8", "fp8"},
                                        std::pair{"int8", "int8"},
                                        std::pair{"int8", "int8-g64"},
                                        std::pair{"int4-g32", "int4-g128-asym"},
                                        std::pair{"int8", "int4-g32"},
                                        std::pair{"int8", "bfloat16"},
                                        std::pair{"float32", "bfloat16"});
  std::int64_t const rows = GENERATE(0, 1, 5, 40);
  constexpr std::int64_t in = 130;
  auto const [out, other] = GENERATE(std::pair{1, 70}, std::pair{96, 40});
  PackedWeights const w = weights(exec, first, out, in, 1);
  PackedWeights const v = weights(exec, second, other, in, 2);
  PackedWeights const u = weights(exec, first, 33, in, 3);
  Matrix const x = random_matrix(rows, in, 4);
  INFO(name_of(exec.backend) << ": " << first << " and " << second << ", " << rows << " rows");
  std::vector<Matrix> wanted{{rows, out}, {rows, other}, {rows, 33}};
  std::vector<Matrix> found = wanted;
  matmul(exec, x.view(), w, wanted[0].view());
  matmul(exec, x.view(), v, wanted[1].view());
  matmul(exec, x.view(), u, wanted[2].view());

  std::vector<JointProduct> const products{
      {&w, found[0].view()}, {&v, found[1].view()}, {&u, found[2].view()}};
  joint_matmul(exec, x.view(), products);

  CHECK(found[0] == wanted[0]);
  CHECK(found[1] == wanted[1]);
  CHECK(found[2] == wanted[2]);
}

TEST_CASE("joint_matmul refuses other shapes, and does nothing for no products") {
  ExecContext const exec = any_backend();
  PackedWeights const w = weights(exec, "float32", 8, 16, 1);
  PackedWeights const v = weights(exec, "float32", 8, 12, 1);
  Matrix const x = random_matrix(2, 16, 2);
  Matrix y{2, 8};
  Matrix z{2, 8};
  Matrix narrow{2, 7};
  auto const run = [&](PackedWeights const& second, Matrix& to) {
    std::vector<JointProduct> const products{{&w, y.view()}, {&second, to.view()}};
    joint_matmul(exec, x.view(), products);
  };

  CHECK_THROWS_AS(run(w, narrow), ConfigError);
  CHECK_THROWS_AS(run(v, z), ConfigError);
  CHECK_NOTHROW(run(w, z));
  CHECK_NOTHROW(joint_matmul(exec, x.view(), {}));
}
