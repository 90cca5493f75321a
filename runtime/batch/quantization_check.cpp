// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/quantization_check.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "runtime/batch/model_runner.hpp"

namespace talus::runtime {
namespace {

/// Sums of squares of an error and of what it is measured by.
struct Squares {
  double error = 0.0;
  double value = 0.0;

  void add(std::span<float const> expected, std::span<float const> found) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      double const difference = double{found[i]} - double{expected[i]};
      error += difference * difference;
      value += double{expected[i]} * double{expected[i]};
    }
  }

  [[nodiscard]] double relative() const { return value > 0.0 ? std::sqrt(error / value) : 0.0; }
};

double log_sum_exp(std::span<float const> logits) {
  double const largest = *std::ranges::max_element(logits);
  double sum = 0.0;
  for (float const logit : logits) {
    sum += std::exp(double{logit} - largest);
  }
  return largest + std::log(sum);
}

/// Of the distribution of `p` from that of `q`, in nats.
double divergence(std::span<float const> p, std::span<float const> q) {
  double const log_p = log_sum_exp(p);
  double const log_q = log_sum_exp(q);
  double sum = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    double const log_ratio = (double{p[i]} - log_p) - (double{q[i]} - log_q);
    sum += std::exp(double{p[i]} - log_p) * log_ratio;
  }
  return std::max(sum, 0.0);
}

/// What accumulates over the tokens of all prompts.
class LogitSums {
 public:
  void add(std::span<float const> expected, std::span<float const> found, std::size_t vocab) {
    squares_.add(expected, found);
    count_ += expected.size();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      largest_ = std::max(largest_, std::abs(double{found[i]} - double{expected[i]}));
    }
    for (std::size_t at = 0; at < expected.size(); at += vocab) {
      auto const p = expected.subspan(at, vocab);
      auto const q = found.subspan(at, vocab);
      divergence_ += divergence(p, q);
      bool const agree =
          std::ranges::max_element(p) - p.begin() == std::ranges::max_element(q) - q.begin();
      agreeing_ += agree ? 1 : 0;
      ++tokens_;
    }
  }

  [[nodiscard]] LogitError result() const {
    auto const tokens = static_cast<double>(tokens_);
    return {tokens_,
            std::sqrt(squares_.error / static_cast<double>(count_)),
            largest_,
            divergence_ / tokens,
            static_cast<double>(agreeing_) / tokens};
  }

 private:
  Squares squares_;
  std::size_t count_ = 0;
  double largest_ = 0.0;
  double divergence_ = 0.0;
  std::int64_t agreeing_ = 0;
  std::int64_t tokens_ = 0;
};

std::vector<PromptStates> states_of(CheckedModel const& model,
                                    WeightPrecision const& precision,
                                    DType kv_dtype,
                                    io::Checkpoint const& checkpoint,
                                    std::vector<std::vector<std::int32_t>> const& prompts) {
  std::size_t longest = 0;
  for (auto const& prompt : prompts) {
    longest = std::max(longest, prompt.size());
  }
  ModelRunner runner{
      model.exec, checkpoint, model.spec, precision, kv_dtype, static_cast<std::int64_t>(longest)};
  std::vector<PromptStates> states;
  for (auto const& prompt : prompts) {
    states.push_back(runner.run(prompt));
  }
  return states;
}

}  // namespace

QuantizationCheck check_quantization(CheckedModel const& model,
                                     io::Checkpoint const& checkpoint,
                                     std::vector<std::vector<std::int32_t>> const& prompts) {
  QuantizationCheck check;
  if (model.quantized.quantize_to) {
    check.matrices = matrix_errors(checkpoint, model.spec, *model.quantized.quantize_to);
  }
  auto const expected = states_of(model, model.reference, DType::f32, checkpoint, prompts);
  auto const found = states_of(model, model.quantized, model.kv_dtype, checkpoint, prompts);
  std::vector<Squares> layers(model.spec.layers.size());
  LogitSums logits;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      layers[layer].add(expected[i].layers[layer], found[i].layers[layer]);
    }
    logits.add(expected[i].logits, found[i].logits, static_cast<std::size_t>(model.spec.vocab));
  }
  for (Squares const& layer : layers) {
    check.layers.push_back(layer.relative());
  }
  check.logits = logits.result();
  return check;
}

}  // namespace talus::runtime
