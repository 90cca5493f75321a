// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/drain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "parallel/collectives.hpp"

namespace talus::runtime {
namespace {

using Seconds = std::chrono::duration<double>;

/// Before the next step a run is left if the step might take this many times as long as expected.
constexpr double caution = 2.0;

/// Rank 0's time, as a time of this rank.
std::optional<Drain::Clock::time_point> share(parallel::Communicator const& world,
                                              std::optional<Drain::Clock::time_point> end,
                                              Drain::Clock::time_point now) {
  double left = end ? Seconds{*end - now}.count() : std::numeric_limits<double>::infinity();
  parallel::broadcast(world, std::span{&left, 1}, 0);
  if (!std::isfinite(left)) {
    return std::nullopt;
  }
  return now + std::chrono::duration_cast<Drain::Clock::duration>(Seconds{left});
}

}  // namespace

Drain::Drain(parallel::ProcessGrid const& grid,
             RunControl const& control,
             DrainOptions const& options)
    : control_{&control},
      options_{options},
      notice_{grid.world()},
      closing_{share(grid.world(),
                     control.limit ? std::optional{control.limit->closing()} : std::nullopt,
                     options.now())},
      last_step_{options.now()} {}

void Drain::on_step(StepPlan const& plan) {
  auto const now = options_.now();
  if (plan.num_tokens() > 0) {
    model_.add(plan.num_prefill_tokens, plan.num_decode_tokens, Seconds{now - last_step_}.count());
  }
  last_step_ = now;
  answer_tokens_ = plan.num_decode_tokens;
  look();
}

void Drain::look() {
  if (!reason_.empty()) {
    static_cast<void>(notice_.look());
    return;
  }
  if (std::string_view const told = control_->told_to_stop(); !told.empty()) {
    reason_ = told;
    notice_.give();
  } else if (notice_.look()) {
    reason_ = told_elsewhere;
  }
}

void Drain::on_finished(std::int32_t output_tokens) noexcept {
  ++num_finished_;
  finished_tokens_ += output_tokens;
}

bool Drain::must_leave() {
  look();
  if (reason_.empty() && closing_) {
    double const steps = caution * static_cast<double>(options_.steps_in_flight);
    if (*seconds_left() < steps * model_.seconds(0.0, answer_tokens_)) {
      reason_ = limit_reached;
    }
  }
  is_over_ = is_over_ || !reason_.empty();
  return !reason_.empty();
}

bool Drain::is_worth_starting(std::int64_t prompt_tokens, std::int64_t output_tokens) {
  if (must_leave()) {
    return false;
  }
  ++num_started_;
  started_tokens_ += prompt_tokens;
  if (!closing_ || !model_.knows()) {
    return true;
  }
  double const reading = seconds_to_read(static_cast<double>(prompt_tokens));
  if (options_.saves_tokens) {
    return *seconds_left() > 2.0 * reading;
  }
  double const expected =
      num_finished_ == 0
          ? static_cast<double>(output_tokens)
          : std::min(static_cast<double>(output_tokens),
                     static_cast<double>(finished_tokens_) / static_cast<double>(num_finished_));
  double const a_token = options_.steps_in_flight * model_.seconds(0.0, answer_tokens_ + 1.0);
  return *seconds_left() > reading + expected * a_token;
}

bool Drain::is_over() {
  if (!is_over_ && closing_ && model_.knows() && num_started_ > 0) {
    double const mean = static_cast<double>(started_tokens_) / static_cast<double>(num_started_);
    is_over_ = *seconds_left() < 2.0 * seconds_to_read(mean);
  }
  return is_over_;
}

/// Seconds of the steps that read a prompt, beside the answers that are being written.
double Drain::seconds_to_read(double prompt_tokens) const {
  double const room = std::max(1.0, options_.max_num_batched_tokens - answer_tokens_);
  double const steps = std::ceil(prompt_tokens / room);
  return steps * options_.steps_in_flight *
         model_.seconds(prompt_tokens / std::max(steps, 1.0), answer_tokens_);
}

void Drain::close(std::function<void()> const& meanwhile) {
  bool const is_given = notice_.close([&] {
    look();
    meanwhile();
  });
  if (is_given && reason_.empty()) {
    reason_ = told_elsewhere;
  }
}

std::optional<double> Drain::seconds_left() const {
  if (!closing_) {
    return std::nullopt;
  }
  return Seconds{*closing_ - options_.now()}.count();
}

}  // namespace talus::runtime
