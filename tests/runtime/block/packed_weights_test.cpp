// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "kernels/session.hpp"

#include "tests/kernels/cuda/cublaslt/standin.hpp"
#include "tests/runtime/batch/packed_folder.hpp"

// Folders of weights packed for a device, which is emulated: its memory is none of the host's.

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

ModelOptions on_device(ModelOptions options, std::string const& matmul = "own") {
  options.backend = "cuda";
  options.gpu_matmul = matmul;
  return options;
}

std::int64_t num_code_products() {
  test::StandinCounts now;
  talus_standin_counts(&now);
  return now.codes;
}

int num_ranks() {
  return parallel::Communicator::duplicate(MPI_COMM_WORLD).size();
}

}  // namespace

TEST_CASE("a device starts from packed weights with the bits of a start from the checkpoint") {
  kernels::KernelSession const session{1};
  Packing packing = GENERATE(Packing{"llama3", "bfloat16"},
                             Packing{"qwen3_moe", "bfloat16", "int4-g32"},
                             Packing{"quant_deepseek_fp8"});
  packing.tp = packing.ep = num_ranks();
  if (std::string_view{packing.model} == "llama3") {
    packing.ep = 1;
  }
  CAPTURE(packing.model);
  ModelOptions const options = on_device(options_of(packing));
  Folder const folder;

  folder.save(options);
  ModelOptions packed = on_device(options_from(folder, options));
  packed.load_host_memory = GENERATE(std::int64_t{1} << 16, std::int64_t{1} << 30);
  WorkloadResult const expected = run(options);
  WorkloadResult const got = run(packed);

  CHECK(got.tokens == expected.tokens);
  CHECK(got.logprob_hash() == expected.logprob_hash());
}

TEST_CASE("codes that lie as cuBLASLt wants them are packed so, and are for it alone") {
  kernels::KernelSession const session{1};
  ModelOptions const options =
      on_device(options_of({.model = "quant_compressed_fp8", .tp = num_ranks()}), "cublaslt");
  Folder const folder;

  folder.save(options);
  WorkloadResult const expected = run(options);
  std::int64_t const before = num_code_products();
  WorkloadResult const got = run(on_device(options_from(folder, options), "cublaslt"));

  CHECK(num_code_products() > before);
  CHECK(got.tokens == expected.tokens);
  CHECK(got.logprob_hash() == expected.logprob_hash());
  CHECK_THAT(refusal(on_device(options_from(folder, options))), ContainsSubstring("in rows"));
}

TEST_CASE("what is packed for a device is for no other backend") {
  kernels::KernelSession const session{1};
  ModelOptions const options = on_device(options_of({.model = "llama3", .tp = num_ranks()}));
  Folder const folder;

  folder.save(options);
  ModelOptions on_host = options_from(folder, options);
  on_host.backend = "reference";

  CHECK_THAT(refusal(on_host), ContainsSubstring("--backend: reference"));
}

TEST_CASE("what the host packs for a device that isn't there is what the device packs") {
  kernels::KernelSession const session{1};
  auto const [model, quantization, matmul] =
      GENERATE(std::array{"llama3", "auto", "own"},
               std::array{"qwen3_moe", "int4-g32", "own"},
               std::array{"gpt_oss", "auto", "own"},
               std::array{"quant_deepseek_fp8", "auto", "own"},
               std::array{"quant_deepseek_fp8", "auto", "cublaslt"},
               std::array{"quant_compressed_fp8", "auto", "cublaslt"},
               std::array{"quant_gptq", "auto", "own"});
  CAPTURE(model, matmul);
  Packing packing{.model = model, .dtype = "bfloat16", .quantization = quantization};
  packing.tp = num_ranks();
  packing.ep = read_model_spec(options_of(packing).model).has_experts() ? num_ranks() : 1;
  ModelOptions const options = on_device(options_of(packing), matmul);
  Folder const folder;

  folder.save(options);
  auto const by_device = folder.contents();
  folder.save(options, "sm_90");  // the emulated device says that it is one
  auto const by_host = folder.contents();

  CHECK(by_host.size() > 2);
  CHECK((by_host == by_device));
  CHECK(refusal(on_device(options_from(folder, options), matmul)).empty());
}

TEST_CASE("codes that the host packed for a GPU that multiplies otherwise are refused") {
  kernels::KernelSession const session{1};
  ModelOptions const options =
      on_device(options_of({.model = "quant_compressed_fp8", .tp = num_ranks()}), "cublaslt");
  Folder const folder;

  folder.save(options, "sm_80");  // has no fp8

  CHECK_THAT(refusal(on_device(options_from(folder, options), "cublaslt")),
             ContainsSubstring("in rows"));
  CHECK(refusal(on_device(options_from(folder, options))).empty());
}
