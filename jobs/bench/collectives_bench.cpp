// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <span>
#include <vector>

#include <mpi.h>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/progress.hpp"
#include "parallel/shared_window.hpp"
#include "parallel/tree_sum.hpp"
#include "parallel/vector_loops.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/relax.hpp"

// Times the tensor-parallel sum in its transports beside MPI_Allreduce, and beside what it takes to
// copy a neighbour's values: no sum over two ranks can be faster, for it has to read them.
// Usage: mpirun -n RANKS talus_collectives_bench [rounds]
//
// A rank writes its values anew before each sum, as a matmul would, where the method wants them;
// that is not timed. Methods take turns within a round; figures are medians over rounds, and of the
// slowest rank.

namespace {

using namespace talus;            // NOLINT: a program
using namespace talus::parallel;  // NOLINT

constexpr std::size_t smallest = 1024;     // floats: 4 KiB
constexpr std::size_t largest = 1U << 20;  // 4 MiB
constexpr std::size_t flag_bytes = 128;
constexpr std::size_t round_elements = 1U << 18;

using Clock = std::chrono::steady_clock;

struct Method {
  char const* name;
  std::function<void()> write;
  std::function<void()> run;
};

class Bench {
 public:
  explicit Bench(Communicator const& comm)
      : comm_{comm},
        tree_{comm.size()},
        messages_{comm, tree_, largest, SumTransport::messages},
        shared_{comm, tree_, largest, SumTransport::shared_memory},
        window_{SharedWindow::allocate(comm, flag_bytes + largest * sizeof(float)).value()},
        values_(largest),
        send_(largest),
        result_(largest) {
    meetings_of(comm.rank()).store(0);
    window_.publish(comm);
    for (std::size_t i = 0; i < largest; ++i) {
      values_[i] = std::sin(static_cast<float>(i) + 0.37F * static_cast<float>(comm.rank()));
    }
  }

  void run(int rounds) {
    if (comm_.rank() == 0) {
      std::printf("%d ranks, microseconds\n%9s", comm_.size(), "bytes");
      for (Method const& method : methods(smallest)) {
        std::printf(" %12s", method.name);
      }
      std::printf(" %12s %12s\n", "x Allreduce", "of copy");
    }
    for (std::size_t size = smallest; size <= largest; size *= 2) {
      check(size);
      bench_size(size, rounds);
    }
  }

 private:
  [[nodiscard]] std::vector<Method> methods(std::size_t size) {
    auto const write_to = [this, size](float* to) { std::copy_n(values_.data(), size, to); };
    auto const result = [this, size] { return std::span{result_}.first(size); };
    auto const write_window = [=, this] {
      write_to(floats_of(comm_.rank()));
      meet();
    };
    auto const copy = [this, size] {
      copy_values(floats_of((comm_.rank() + 1) % comm_.size()), result_.data(), size);
    };
    auto const all_reduce = [this, size] {
      mpi_check(MPI_Allreduce(send_.data(),
                              result_.data(),
                              static_cast<int>(size),
                              MPI_FLOAT,
                              MPI_SUM,
                              comm_.native()),
                "MPI_Allreduce");
    };
    return {{"MPI_Allreduce", [=, this] { write_to(send_.data()); }, all_reduce},
            {"messages",
             [=, this] { write_to(messages_.partial(0).data()); },
             [=, this] { messages_.sum(result()); }},
            {"shared",
             [=, this] { write_to(shared_.partial(0).data()); },
             [=, this] { shared_.sum(result()); }},
            {"copy+shared",
             [=, this] { write_to(send_.data()); },
             [=, this] {
               std::copy_n(send_.data(), size, shared_.partial(0).data());
               shared_.sum(result());
             }},
            {"copy", write_window, copy}};
  }

  /// A rank's values in the window, behind how often it has met the others.
  [[nodiscard]] float* floats_of(int rank) const {
    return reinterpret_cast<float*>(window_.part(rank).data() + flag_bytes);
  }

  [[nodiscard]] std::atomic_ref<std::uint64_t> meetings_of(int rank) const {
    return std::atomic_ref{*reinterpret_cast<std::uint64_t*>(window_.part(rank).data())};
  }

  /// A barrier as short as a sum's: what was written before is still where the writer's core had
  /// it.
  void meet() {
    std::uint64_t const number = meetings_of(comm_.rank()).fetch_add(1) + 1;
    Backoff backoff;
    for (int rank = 0; rank < comm_.size(); ++rank) {
      while (meetings_of(rank).load() < number) {
        relax();
        backoff.pause();
      }
    }
  }

  /// Throws unless both transports have the same bits, near to MPI's sum.
  void check(std::size_t size) {
    std::vector<std::vector<float>> results;
    for (Method const& method : methods(size)) {
      method.write();
      method.run();
      results.emplace_back(result_.begin(), result_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    bool is_right = true;
    for (std::size_t i = 0; i < size; ++i) {
      auto const bits = [&](std::size_t method) {
        return std::bit_cast<std::uint32_t>(results[method][i]);
      };
      float const difference = std::abs(results[0][i] - results[1][i]);
      float const tolerance = 1e-6F * static_cast<float>(comm_.size());
      is_right = is_right && bits(1) == bits(2) && bits(2) == bits(3) && difference <= tolerance;
    }
    if (!all_agree(comm_, is_right)) {
      throw ConfigError{concat("sum of ", size, " elements: not the same bits by each method")};
    }
  }

  void bench_size(std::size_t size, int rounds) {
    std::vector<Method> const all = methods(size);
    std::vector<std::vector<double>> times(all.size());
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        times[i].push_back(time_of(all[i], std::clamp<std::size_t>(round_elements / size, 4, 64)));
      }
    }
    std::vector<double> medians;
    for (std::vector<double>& list : times) {
      std::ranges::sort(list);
      medians.push_back(parallel::all_reduce(comm_, list[list.size() / 2], ReduceOp::max));
    }
    if (comm_.rank() == 0) {
      std::printf("%9zu", size * sizeof(float));
      for (double const time : medians) {
        std::printf(" %12.2f", time);
      }
      std::printf(" %12.2f %12.2f\n", medians[0] / medians[2], medians[4] / medians[2]);
      std::fflush(stdout);
    }
  }

  /// Microseconds of one run.
  [[nodiscard]] double time_of(Method const& method, std::size_t times) {
    barrier(comm_);
    Clock::duration total{};
    for (std::size_t i = 0; i < times; ++i) {
      method.write();
      Clock::time_point const begin = Clock::now();
      method.run();
      total += Clock::now() - begin;
    }
    return std::chrono::duration<double, std::micro>(total).count() / static_cast<double>(times);
  }

  Communicator const& comm_;
  SumTree tree_;
  TreeSum messages_;
  TreeSum shared_;
  SharedWindow window_;
  std::vector<float> values_;
  std::vector<float> send_;
  std::vector<float> result_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    MpiSession const session;
    Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
    Bench{comm}.run(argc > 1 ? std::max(std::atoi(argv[1]), 1) : 21);
    return 0;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "talus_collectives_bench: %s\n", error.what());
    abort_job(1);
  }
}
