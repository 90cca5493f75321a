// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/scale/tally.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

namespace talus::bench {

namespace {

constexpr std::array<char const*, 3> phase_names = {"start", "work", "end"};

}  // namespace

Tally& Tally::instance() {
  static Tally tally;
  return tally;
}

void Tally::add(std::string_view function, MPI_Comm comm, std::int64_t bytes) {
  int size = 0;
  PMPI_Comm_size(comm, &size);
  std::lock_guard const lock{mutex_};
  Count& count = counts_[{std::string{function}, size}];
  ++count.calls;
  count.bytes += bytes;
}

void Tally::begin(std::chrono::steady_clock::time_point began) {
  began_ = began;
  PMPI_Comm_dup(MPI_COMM_WORLD, &own_);
  PMPI_Comm_rank(own_, &rank_);
  PMPI_Comm_size(own_, &size_);
}

void Tally::next_phase() {
  PMPI_Barrier(own_);
  MemoryUse const memory = memory_use();
  PMPI_Barrier(own_);
  std::lock_guard const lock{mutex_};
  lines_ += line_of_phase(memory);
  counts_.clear();
  ++phase_;
}

void Tally::finish() {
  next_phase();
  int const mine = static_cast<int>(lines_.size());
  std::vector<int> sizes(static_cast<std::size_t>(size_));
  PMPI_Gather(&mine, 1, MPI_INT, sizes.data(), 1, MPI_INT, 0, own_);
  std::vector<int> offsets(sizes.size());
  int total = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    offsets[i] = total;
    total += sizes[i];
  }
  std::string all(rank_ == 0 ? static_cast<std::size_t>(total) : 0, '\0');
  PMPI_Gatherv(
      lines_.data(), mine, MPI_CHAR, all.data(), sizes.data(), offsets.data(), MPI_CHAR, 0, own_);
  PMPI_Comm_free(&own_);
  if (rank_ == 0) {
    write(all);
  }
}

std::string Tally::line_of_phase(MemoryUse const& memory) const {
  std::chrono::duration<double> const passed = std::chrono::steady_clock::now() - began_;
  std::ostringstream out;
  out << R"({"rank": )" << rank_ << R"(, "ranks": )" << size_ << R"(, "phase": ")"
      << (phase_ < phase_names.size() ? phase_names[phase_] : "later") << R"(", "seconds": )"
      << passed.count() << R"(, "calls": [)";
  char const* comma = "";
  for (auto const& [key, count] : counts_) {
    out << comma << "[\"" << key.function << "\", " << key.size << ", " << count.calls << ", "
        << count.bytes << ']';
    comma = ", ";
  }
  out << R"(], "memory": {"rss": )" << memory.rss << R"(, "pss": )" << memory.pss
      << R"(, "private": )" << memory.own << R"(, "pss_shared": )" << memory.pss_shared
      << R"(, "shared_segments": )" << memory.shared_segments << "}}\n";
  return out.str();
}

void Tally::write(std::string const& text) const {
  if (char const* const path = std::getenv("TALUS_MPI_COUNTS")) {
    std::ofstream{path} << text;
  }
}

}  // namespace talus::bench
