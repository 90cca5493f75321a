// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace talus::bench::gpu {

/// What a card was measured to do at most.
struct Limits {
  double copy_bytes = 0.0;  ///< that a large copy within its memory reads and writes in a second
  double matmul_flops =
      0.0;                  ///< of a large product of bfloat16 by the library, in a second; 0: none
  std::string matmul_note;  ///< why there is none
};

/// How long an operation took.
struct Measurement {
  std::string name;
  double bytes = 0.0;  ///< that it must move, at least: each input read once, each result written
  double flops = 0.0;  ///< that it must do
  std::vector<double> microseconds;
};

/// Numbers of a run: a line of each as it comes, and a file of all by then.
class Report {
 public:
  /// \param file  that is written anew, as JSON, whenever there is more to tell; empty: none
  Report(std::string device, std::string file)
      : device_{std::move(device)}, file_{std::move(file)} {}

  /// \throws ConfigError  if the file can't be written, as add() does
  void set_limits(Limits limits);

  void add(Measurement measurement);

 private:
  void write() const;

  /// The time that the limits would allow, in microseconds; 0 where they weren't measured.
  [[nodiscard]] double least_time(Measurement const& measurement) const;

  std::string device_;
  std::string file_;
  Limits limits_;
  std::vector<Measurement> all_;
};

/// The `share` quantile: 0.5 is the median.
[[nodiscard]] double quantile(std::vector<double> values, double share);

}  // namespace talus::bench::gpu
