// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <iostream>
#include <map>
#include <numbers>
#include <optional>
#include <string>
#include <string_view>

#include <mpi.h>
#include <talus/engine.hpp>

#include "heat_field.hpp"

namespace {

/// What the ranks of an engine have asked, and how many of the answers were right.
class Questions {
 public:
  explicit Questions(talus::Engine& engine) : engine_{&engine} {}

  /// Asks for the sum of three numbers. Local: the answer comes while the solver goes on.
  void ask(int a, int b, int c) {
    std::string const body = R"({"messages": [{"role": "user", "content": "What is )" +
                             std::to_string(a) + " + " + std::to_string(b) + " + " +
                             std::to_string(c) +
                             R"(?"}], "temperature": 0, "max_completion_tokens": 160})";
    if (auto const request = engine_->submit(talus::JsonRequest{body})) {
      expected_.emplace(*request, a + b + c);
    }
  }

  /// Works on what was asked for some milliseconds, and takes the answers that are there.
  /// Collective over the engine's ranks.
  void work(double milliseconds) {
    engine_->step_for(milliseconds);
    while (auto const request = engine_->poll_any()) {
      take(*request);
    }
  }

  /// Works until all is answered. Collective over the engine's ranks.
  void finish() {
    while (auto const request = engine_->wait_any()) {
      take(*request);
    }
  }

  [[nodiscard]] int num_answers() const noexcept { return num_answers_; }

  [[nodiscard]] int num_right() const noexcept { return num_right_; }

 private:
  void take(talus::RequestId request) {
    talus::Answer const& answer = *engine_->poll(request);
    ++num_answers_;
    if (answer.status == 200) {
      num_right_ += number_in(answer.choices.at(0).text) == expected_.at(request) ? 1 : 0;
    } else {
      std::cerr << "no answer: " << answer.error << '\n';
    }
    engine_->release(request);
  }

  /// The last number behind the model's reasoning; none if there is none.
  static std::optional<int> number_in(std::string_view text) {
    std::size_t const end = text.rfind("</think>");
    constexpr std::string_view digits = "0123456789";
    std::size_t const last = text.find_last_of(digits);
    if (end == std::string_view::npos || last == std::string_view::npos || last < end) {
      return std::nullopt;
    }
    std::size_t const first = text.find_last_not_of(digits, last) + 1;
    return std::stoi(std::string{text.substr(first, last - first + 1)});
  }

  talus::Engine* engine_;
  std::map<talus::RequestId, int> expected_;
  int num_answers_ = 0;
  int num_right_ = 0;
};

/// Every second rank, which has the model; null on the others.
MPI_Comm every_second(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm second = MPI_COMM_NULL;
  MPI_Comm_split(comm, rank % 2 == 0 ? 0 : MPI_UNDEFINED, rank, &second);
  return second;
}

/// A part's heat in parts of 900 of the field's at the start, so that the model can add it.
int units(double heat) {
  double const at_start = 4.0 / (std::numbers::pi * std::numbers::pi);
  return std::max(1, static_cast<int>(std::lround(900.0 * heat / at_start)));
}

/// The part of the next rank, for those who ask, from those who don't. 0 where there is none.
double heat_of_next(HeatField const& field) {
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(field.comm(), &rank);
  MPI_Comm_size(field.comm(), &size);
  double heat = field.heat();
  if (rank % 2 == 1) {
    MPI_Send(&heat, 1, MPI_DOUBLE, rank - 1, 1, field.comm());
  } else if (rank + 1 < size) {
    MPI_Recv(&heat, 1, MPI_DOUBLE, rank + 1, 1, field.comm(), MPI_STATUS_IGNORE);
  } else {
    heat = 0.0;
  }
  return heat;
}

/// Solves, and asks every `interval` steps. `questions` is null where no model is.
void solve(HeatField& field, Questions* questions, int num_steps, int interval) {
  double const next_before = heat_of_next(field);
  int before = units(field.heat()) + units(next_before);
  for (int step = 1; step <= num_steps; ++step) {
    field.step();
    if (step % interval == 0) {
      int const next = units(heat_of_next(field));
      int const mine = units(field.heat());
      if (questions != nullptr) {
        questions->ask(mine, next, std::max(1, before - mine - next));
      }
      before = mine + next;
    }
    if (questions != nullptr) {
      questions->work(2.0);
    }
  }
  if (questions != nullptr) {
    questions->finish();
  }
}

/// Largest error, answers, right ones; gives whether all is as it should be.
bool report(HeatField const& field, Questions const* questions) {
  double const mine = field.error();
  double error = 0.0;
  MPI_Allreduce(&mine, &error, 1, MPI_DOUBLE, MPI_MAX, field.comm());
  std::array<int, 2> counts{};
  if (questions != nullptr) {
    counts = {questions->num_answers(), questions->num_right()};
  }
  MPI_Allreduce(MPI_IN_PLACE, counts.data(), 2, MPI_INT, MPI_SUM, field.comm());
  int rank = 0;
  MPI_Comm_rank(field.comm(), &rank);
  if (rank == 0) {
    std::cout << "largest error " << error << "; the model added " << counts[1] << " of "
              << counts[0] << " right\n";
  }
  constexpr double tolerance = 1e-3;  // of second order: about pi^4 / 6 * spacing^2 * time
  return error < tolerance && counts[0] > 0 && 4 * counts[1] >= 3 * counts[0];
}

/// heat MODEL [POINTS] [STEPS] [INTERVAL]
bool run(int argc, char** argv) {
  auto const number = [&](int place, int otherwise) {
    return argc > place ? std::stoi(argv[place]) : otherwise;
  };
  HeatField field{MPI_COMM_WORLD, number(2, 48)};
  MPI_Comm second = every_second(field.comm());
  bool is_fine = false;
  if (second != MPI_COMM_NULL) {
    talus::Options options;
    options.model = argc > 1 ? argv[1] : "";
    options.threads = 1;
    options.kv_cache_memory = std::int64_t{16} << 20;
    talus::Engine engine{second, options};
    Questions questions{engine};
    solve(field, &questions, number(3, 400), number(4, 50));
    is_fine = report(field, &questions);
    engine.close();
    MPI_Comm_free(&second);
  } else {
    solve(field, nullptr, number(3, 400), number(4, 50));
    is_fine = report(field, nullptr);
  }
  return is_fine;
}

}  // namespace

int main(int argc, char** argv) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  try {
    bool const is_fine = run(argc, argv);
    MPI_Finalize();
    return is_fine ? 0 : 1;
  } catch (std::exception const& error) {
    std::cerr << "heat: " << error.what() << '\n';
    MPI_Abort(MPI_COMM_WORLD, 1);  // the other ranks wait in the next exchange
  }
}
