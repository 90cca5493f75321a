// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "io/checkpoint/loader.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

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

void add(LoadCounts& sum, LoadCounts const& more) {
  sum.bytes_read += more.bytes_read;
  sum.bytes_sent += more.bytes_sent;
  sum.peak_buffer_bytes = std::max(sum.peak_buffer_bytes, more.peak_buffer_bytes);
  sum.seconds_total += more.seconds_total;
  sum.seconds_read += more.seconds_read;
  sum.seconds_check += more.seconds_check;
  sum.seconds_send += more.seconds_send;
  sum.seconds_sink += more.seconds_sink;
}

/// What took longest of what a rank does one after another.
char const* limit_of(LoadCounts const& job) {
  double const longest = std::max({job.seconds_read, job.seconds_send, job.seconds_sink});
  if (longest == job.seconds_read) {
    return "reading";
  }
  return longest == job.seconds_sink ? "conversion and packing" : "communication";
}

}  // namespace

LoadReport& LoadReport::operator+=(LoadReport const& more) noexcept {
  add(rank, more.rank);
  add(job, more.job);
  bytes_demanded += more.bytes_demanded;
  bytes_checkpoint = more.bytes_checkpoint;
  return *this;
}

std::string LoadReport::format() const {
  auto const demanded = static_cast<double>(std::max<std::int64_t>(bytes_demanded, 1));
  auto const rate = static_cast<double>(job.bytes_read) * 1e-9 / std::max(job.seconds_total, 1e-9);
  return concat("read ",
                format_bytes(job.bytes_read),
                " (",
                fixed(static_cast<double>(job.bytes_read) / demanded, 3),
                " per byte of the tensors in use, ",
                format_bytes(bytes_demanded),
                " of ",
                format_bytes(bytes_checkpoint),
                " in the checkpoint), sent ",
                format_bytes(job.bytes_sent),
                ", ",
                fixed(rate, 2),
                " GB/s\nloading took ",
                fixed(job.seconds_total, 2),
                " s; slowest rank: read ",
                fixed(job.seconds_read, 2),
                " s (check for NaN ",
                fixed(job.seconds_check, 2),
                " s of it), send and wait ",
                fixed(job.seconds_send, 2),
                " s, place ",
                fixed(job.seconds_sink, 2),
                " s: the limit was ",
                limit_of(job),
                "; buffers ",
                format_bytes(job.peak_buffer_bytes),
                " a rank at most");
}

}  // namespace talus::io
