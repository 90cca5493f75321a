// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <mpi.h>
#include <unistd.h>

#include "io/ledger/ledger.hpp"
#include "io/ledger/saved_tokens.hpp"
#include "parallel/call_log.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/watchdog.hpp"
#include "runtime/base/error.hpp"

// What the ledger costs for an answer and a token, and the watchdog for a call and a second: each
// by itself, so that shares of a run can be worked out that are too small to be seen in its time.
// Usage: mpirun -n RANKS talus_costs_bench FOLDER [seconds that the watchdog is watched]

namespace {

using namespace talus;  // NOLINT: a program
namespace fs = std::filesystem;

// Processor time of all threads, of the system for them too.
double processor_s() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

// Nanoseconds of one call.
struct Cost {
  double processor = 0.0;
  double wall = 0.0;  // with what it waits for the disk, and for its turn where cores are shared
};

template <class Work>
Cost time_each(std::int64_t count, Work const& work) {
  auto const start = std::chrono::steady_clock::now();
  double const before = processor_s();
  for (std::int64_t i = 0; i < count; ++i) {
    work(i);
  }
  double const each = 1e9 / static_cast<double>(count);
  std::chrono::duration<double> const passed = std::chrono::steady_clock::now() - start;
  return {each * (processor_s() - before), each * passed.count()};
}

void tell(std::string const& what, Cost const& cost) {
  std::printf(
      "%-44s %9.1f ns of processor, %11.1f ns in all\n", what.c_str(), cost.processor, cost.wall);
}

void time_ledger(fs::path const& folder, io::SyncPolicy sync, char const* name) {
  std::int64_t const count = sync == io::SyncPolicy::each ? 200 : 20'000;
  std::string const line(1200, 'x');  // as long as an answer of a hundred tokens
  fs::path const output = folder / "costs.jsonl";
  io::AnswerFile answers{output, "", io::Existing::overwrite, sync};
  io::Ledger ledger = io::Ledger::create(folder / "costs.jsonl.ledger", {{"a", "b"}}, sync);
  tell(concat("an answer's line, --sync ", name), time_each(count, [&](std::int64_t) {
         answers.append(line + '\n');
         answers.commit();
       }));
  tell(concat("an answer's record, --sync ", name), time_each(count, [&](std::int64_t i) {
         ledger.add_finished({.request = i,
                              .output_end = i * std::ssize(line),
                              .line_hash = io::hash_line(line),
                              .is_error = false});
         ledger.commit();
       }));
  ledger.close();
}

void time_saved_tokens(fs::path const& folder) {
  constexpr std::int64_t sequences = 256;
  constexpr std::int64_t tokens = 100;
  io::Ledger ledger =
      io::Ledger::create(folder / "costs.jsonl.ledger", {{"a", "b"}}, io::SyncPolicy::none);
  Cost save = time_each(200, [&](std::int64_t round) {
    std::vector<std::string> payloads;
    for (std::int64_t i = 0; i < sequences; ++i) {
      payloads.push_back(io::format_saved_tokens(
          {.request = i,
           .first = static_cast<std::int32_t>(tokens * round),
           .tokens = std::vector<std::int32_t>(tokens, static_cast<std::int32_t>(100 * i))}));
    }
    ledger.add_saved(payloads);
    ledger.commit();
  });
  save.processor /= sequences * tokens;
  save.wall /= sequences * tokens;
  tell(concat("a token saved, of ", sequences, " answers at a time"), save);
  ledger.close();
}

void time_log() {
  parallel::RankState state;
  parallel::CallLog log{state, 0};
  parallel::CallGroup const group{&log, log.next_key(), "tp", 2};
  constexpr std::int64_t count = 10'000'000;
  tell("a call in the log", time_each(count, [&](std::int64_t) {
         parallel::WaitScope const waiting{group.enter("tree sum")};
       }));
  tell("a phase in the log", time_each(count, [&](std::int64_t) { log.set_phase("attention"); }));
}

void time_watchdog(double seconds) {
  parallel::Watchdog const watchdog{MPI_COMM_WORLD, {30.0, [](auto) { std::abort(); }}};
  MPI_Barrier(MPI_COMM_WORLD);
  double const before = processor_s();
  std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
  double const used = (processor_s() - before) / seconds;
  double most = 0.0;
  MPI_Reduce(&used, &most, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (rank == 0) {
    std::printf(
        "the watchdog's thread, %d ranks: %.1f us of each second, at most\n", ranks, 1e6 * most);
  }
}

int run(fs::path const& folder, double seconds) {
  parallel::MpiSession const mpi;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) {
    time_log();
    time_ledger(folder, io::SyncPolicy::none, "none");
    time_ledger(folder, io::SyncPolicy::each, "each");
    time_saved_tokens(folder);
    fs::remove(folder / "costs.jsonl");
    fs::remove(folder / "costs.jsonl.ledger");
  }
  time_watchdog(seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2) {
      throw ConfigError{
          "talus_costs_bench: no folder (where files are written, and removed again)"};
    }
    return run(argv[1], argc > 2 ? std::stod(argv[2]) : 10.0);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "%s\n", error.what());
    parallel::abort_job(1);
  }
}
