// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/load_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <vector>

#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using parallel::ReduceOp;

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  auto const length = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

// "2.20 GB", "16.8 MB", "512 bytes".
std::string format_bytes(std::int64_t bytes) {
  auto const value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) {
    return fixed(value * 1e-9, 2) + " GB";
  }
  if (bytes >= 1'000'000) {
    return fixed(value * 1e-6, 2) + " MB";
  }
  return concat(bytes, " bytes");
}

/// What took longest of what a rank does one after another.
char const* limit_of(LoadCounts const& job) {
  double const longest = std::max({job.seconds_read, job.seconds_send, job.seconds_sink});
  if (longest == job.seconds_read) {
    return "reading";
  }
  return longest == job.seconds_sink ? "conversion and packing" : "communication";
}

/// What took longer: the thread that reads, or what the rank does meanwhile; of that the longest.
char const* limit_beside_reading(LoadCounts const& job) {
  if (job.seconds_read >= job.seconds_check + job.seconds_send + job.seconds_sink) {
    return "reading";
  }
  double const longest = std::max({job.seconds_check, job.seconds_send, job.seconds_sink});
  if (longest == job.seconds_check) {
    return "checksums";
  }
  return longest == job.seconds_sink ? "copying" : "communication";
}

/// What was read, of what there is.
std::string describe_bytes(LoadReport const& report) {
  auto const demanded = static_cast<double>(std::max<std::int64_t>(report.bytes_demanded, 1));
  bool const is_packed = report.source == LoadSource::shards;
  return concat(
      "read ",
      format_bytes(report.job.bytes_read),
      " (",
      fixed(static_cast<double>(report.job.bytes_read) / demanded, 3),
      is_packed ? " per byte of the packed weights, " : " per byte of the tensors in use, ",
      format_bytes(report.bytes_demanded),
      " of ",
      format_bytes(report.bytes_checkpoint),
      is_packed ? " in the folder)" : " in the checkpoint)");
}

/// What the slowest rank did, by parts.
std::string describe_times(LoadSource source, LoadCounts const& job) {
  std::string const check = fixed(job.seconds_check, 2);
  return concat("read ",
                fixed(job.seconds_read, 2),
                source == LoadSource::shards ? concat(" s, meanwhile checksums ", check, " s")
                                             : concat(" s (check for NaN ", check, " s of it)"),
                ", send and wait ",
                fixed(job.seconds_send, 2),
                " s, place ",
                fixed(job.seconds_sink, 2),
                " s");
}

}  // namespace

LoadCounts combine(parallel::Communicator const& comm, LoadCounts const& mine) {
  std::vector sums{mine.bytes_read, mine.bytes_sent};
  parallel::all_reduce(comm, std::span{sums}, ReduceOp::sum);
  std::vector longest{mine.seconds_total,
                      mine.seconds_read,
                      mine.seconds_check,
                      mine.seconds_send,
                      mine.seconds_sink};
  parallel::all_reduce(comm, std::span{longest}, ReduceOp::max);
  auto const peak = parallel::all_reduce(comm, mine.peak_buffer_bytes, ReduceOp::max);
  return {sums[0], sums[1], peak, longest[0], longest[1], longest[2], longest[3], longest[4]};
}

LoadCounts& LoadCounts::operator+=(LoadCounts const& more) noexcept {
  bytes_read += more.bytes_read;
  bytes_sent += more.bytes_sent;
  peak_buffer_bytes = std::max(peak_buffer_bytes, more.peak_buffer_bytes);
  seconds_total += more.seconds_total;
  seconds_read += more.seconds_read;
  seconds_check += more.seconds_check;
  seconds_send += more.seconds_send;
  seconds_sink += more.seconds_sink;
  return *this;
}

LoadReport& LoadReport::operator+=(LoadReport const& more) noexcept {
  rank += more.rank;
  job += more.job;
  bytes_demanded += more.bytes_demanded;
  bytes_checkpoint = more.bytes_checkpoint;
  return *this;
}

std::string LoadReport::format() const {
  auto const rate = static_cast<double>(job.bytes_read) * 1e-9 / std::max(job.seconds_total, 1e-9);
  return concat(describe_bytes(*this),
                ", sent ",
                format_bytes(job.bytes_sent),
                ", ",
                fixed(rate, 2),
                " GB/s\nloading took ",
                fixed(job.seconds_total, 2),
                " s; slowest rank: ",
                describe_times(source, job),
                ": the limit was ",
                source == LoadSource::shards ? limit_beside_reading(job) : limit_of(job),
                "; buffers ",
                format_bytes(job.peak_buffer_bytes),
                " a rank at most");
}

}  // namespace talus::io
