// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "jobs/doctor/report.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

/// Findings of a kind, of which the worst are told, and how many more there are.
class WorstFirst {
 public:
  explicit WorstFirst(std::size_t most) : most_{most} {}

  /// \param badness  the largest come first
  void add(double badness, Finding finding) { all_.emplace_back(badness, std::move(finding)); }

  void move_to(std::vector<Finding>& findings) {
    std::stable_sort(
        all_.begin(), all_.end(), [](auto const& a, auto const& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < std::min(all_.size(), most_); ++i) {
      findings.push_back(std::move(all_[i].second));
    }
    if (all_.size() > most_) {
      findings.push_back({findings.back().kind,
                          concat("and ", all_.size() - most_, " more like the last one"),
                          {},
                          {}});
    }
  }

 private:
  std::size_t most_;
  std::vector<std::pair<double, Finding>> all_;
};

/// The value in the middle, the upper one of two; 0 of none.
[[nodiscard]] inline double median(std::vector<double> values) {
  if (values.empty()) {
    return 0.0;
  }
  auto const middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// A part of the median, as findings tell it.
[[nodiscard]] inline std::string share(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

}  // namespace talus::doctor
