// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>
#include <vector>

#include "kernels/block/emulation/operations.hpp"
#include "kernels/session.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/golden_model.hpp"

// What a device is told to do for a decoding step of one sequence.

using namespace talus;                             // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only

namespace {

/// Launches of a decoding step by kernel, without "talus::kernels::", and "all" of them.
std::map<std::string, int> launches_of_step(std::string const& name) {
  test::GoldenModel const golden = test::read_golden_model(name);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {}};
  auto const longest = static_cast<std::int64_t>(golden.prompt.size());
  test::LoadedModel model{grid, golden, kernels::Backend::cuda, DType::bf16, longest};
  static_cast<void>(model.run({golden.prompt.front()}));
  std::vector<LaunchRecord> log;
  ScopedSchedule scoped{{Schedule::Order::forward}};
  scoped.log_launches(log);
  static_cast<void>(model.run({golden.decoded.front()}));
  std::map<std::string, int> counts{{"all", static_cast<int>(log.size())}};
  for (LaunchRecord const& record : log) {
    ++counts[std::string{record.kernel.substr(record.kernel.rfind(':') + 1)}];
  }
  std::string text;
  for (auto const& [kernel, count] : counts) {
    text += kernel + ' ' + std::to_string(count) + "; ";
  }
  UNSCOPED_INFO(name << ": " << text);
  return counts;
}

}  // namespace

TEST_CASE("a layer's additions, norms, rotations and stores are few launches") {
  kernels::KernelSession const session{1};

  // A layer: four products, attention, and what is between them in four launches.
  auto llama = launches_of_step("llama3_bf16");
  CHECK(llama["all"] == 32);
  CHECK(llama["prepare_heads"] == 3);
  CHECK(llama["add_rms_norm"] == 6);
  CHECK(llama["rms_norm"] == 2);  // of the first layer's input, and of the head's

  // Norms of queries and keys, or of what is added, take none of their own.
  CHECK(launches_of_step("qwen3")["all"] == 41);
  CHECK(launches_of_step("gemma2")["all"] == 43);
}

TEST_CASE("a latent's layer has few launches, and so have experts") {
  kernels::KernelSession const session{1};

  auto latent = launches_of_step("deepseek_v3");
  CHECK(latent["all"] == 64);
  CHECK(latent["prepare_latent"] == 3);
  CHECK(latent["add"] == 2);       // of shared experts
  CHECK(latent["rms_norm"] == 5);  // as above, and of each layer's low queries
  CHECK(launches_of_step("deepseek_v3_noq")["all"] == 58);

  auto biased = launches_of_step("gpt_oss");
  CHECK(biased["all"] == 77);
  CHECK(biased["activate_biased"] == 4);
}
