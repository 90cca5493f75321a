// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "jobs/bench/bench_parts.hpp"
#include "kernels/sampling.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench {
namespace {

constexpr std::int64_t vocab = 152'000;
constexpr std::int64_t rows = 64;
constexpr std::int64_t blocks = kernels::num_logit_blocks(vocab);

/// Rows of logits with a summary for a rule.
class SummarizedRows {
 public:
  SummarizedRows(Settings const& settings, std::vector<float> const& logits)
      : settings_{settings}, logits_{logits}, maxima_(rows * blocks), sums_(rows * blocks) {}

  void summarize(kernels::SampleRule const& rule) {
    std::vector<float> const temperatures(rows, kernels::summary_temperature(rule, vocab));
    kernels::summarize_logits(settings_.exec,
                              view(logits_, rows),
                              temperatures,
                              {view(maxima_, rows), view(sums_, rows)});
  }

  [[nodiscard]] kernels::SummarizedLogits get() const {
    return {view(logits_, rows), view(maxima_, rows), view(sums_, rows)};
  }

 private:
  Settings const& settings_;
  std::vector<float> const& logits_;
  std::vector<float> maxima_;
  std::vector<float> sums_;
};

/// Logits as a model gives them: a bulk, and few that stand out of it.
std::vector<float> peaked_logits() {
  std::vector<float> logits = random_floats(rows * vocab);
  std::vector<float> const heights = random_floats(rows * 8);
  for (float& logit : logits) {
    logit *= 2.5F;
  }
  for (std::size_t i = 0; i < heights.size(); ++i) {
    std::size_t const token = (i % 8 * 18'773 + i * 131) % vocab;
    logits[i / 8 * vocab + token] = 17.0F + 2.0F * heights[i];
  }
  return logits;
}

/// Prints how long `work` takes, and how long it takes to read the logits from memory.
void report_time(Settings const& settings,
                 std::string const& name,
                 std::function<void()> const& work) {
  std::vector<double> times;
  std::vector<double> passes;
  work();
  for (int round = 0; round < settings.rounds; ++round) {
    passes.push_back(static_cast<double>(rows * vocab) * sizeof(float) /
                     memory_limit(settings).of_now());
    auto const start = std::chrono::steady_clock::now();
    work();
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    times.push_back(time.count());
  }
  std::printf("%-44s %8.3f ms (a pass over the logits from memory: %.3f ms)\n",
              name.c_str(),
              median(times) * 1e3,
              median(passes) * 1e3);
  std::fflush(stdout);
}

struct Case {
  char const* name;
  kernels::SampleRule rule;
};

void bench_logits(Settings const& settings, char const* kind, std::vector<float> const& logits) {
  SummarizedRows summarized{settings, logits};
  for (Case const& each :
       {Case{"greedy", {.temperature = 0.0F}},
        Case{"no filter", {.temperature = 1.0F}},
        Case{"top_p", {.temperature = 0.8F, .top_p = 0.95F}},
        Case{"all filters", {.temperature = 0.8F, .top_k = 50, .top_p = 0.9F, .min_p = 0.01F}}}) {
    std::vector<kernels::SampleRule> rules(rows, each.rule);
    for (std::size_t i = 0; i < rows; ++i) {
      rules[i].uniform = (static_cast<float>(i) + 0.5F) / rows;
    }
    std::vector<std::int32_t> tokens(rows);
    std::vector<std::int32_t> wanted(rows);
    summarized.summarize(each.rule);
    kernels::sample(settings.exec, summarized.get(), rules, tokens);
    kernels::sample(settings.reference, summarized.get(), rules, wanted);
    if (tokens != wanted) {
      throw Error{concat("sampling, ", each.name, ": tokens that are not the reference's")};
    }
    report_time(settings, concat("summary of ", kind, " logits, ", each.name), [&] {
      summarized.summarize(each.rule);
    });
    report_time(settings, concat("sampling of ", kind, " logits, ", each.name), [&] {
      kernels::sample(settings.exec, summarized.get(), rules, tokens);
    });
  }
}

}  // namespace

void bench_sampling(Settings const& settings) {
  bench_logits(settings, "peaked", peaked_logits());
  std::vector<float> flat = random_floats(rows * vocab);
  std::transform(flat.begin(), flat.end(), flat.begin(), [](float x) { return 0.5F * x; });
  bench_logits(settings, "flat", flat);
}

}  // namespace talus::bench
