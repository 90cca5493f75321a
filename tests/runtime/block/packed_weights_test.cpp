// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
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
