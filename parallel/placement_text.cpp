// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <set>
#include <utility>

#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

namespace {

constexpr std::size_t num_columns = 8;
using Row = std::array<std::string, num_columns>;
using Group = std::vector<Placement const*>;

template <class Value>
std::string ranges_of(Group const& group, Value value) {
  std::set<int> numbers;
  for (Placement const* placement : group) {
    value(*placement, numbers);
  }
  std::vector<int> const ascending(numbers.begin(), numbers.end());
  return format_ranges(ascending);
}

std::string hosts_of(Group const& group) {
  std::set<std::string> hosts;
  for (Placement const* placement : group) {
    hosts.insert(placement->host);
  }
  std::string text;
  for (std::string const& host : hosts) {
    text += (text.empty() ? "" : ",") + host;
  }
  return text;
}

Row row_of(Group const& group) {
  using Numbers = std::set<int>;
  return {
      ranges_of(group, [](Placement const& p, Numbers& out) { out.insert(p.rank); }),
      hosts_of(group),
      ranges_of(
          group,
          [](Placement const& p, Numbers& out) { out.insert(p.cores.begin(), p.cores.end()); }),
      ranges_of(group,
                [](Placement const& p, Numbers& out) { out.insert(p.numa.begin(), p.numa.end()); }),
      ranges_of(group, [](Placement const& p, Numbers& out) { out.insert(p.coord.dp); }),
      ranges_of(group, [](Placement const& p, Numbers& out) { out.insert(p.coord.pp); }),
      ranges_of(group, [](Placement const& p, Numbers& out) { out.insert(p.coord.tp); }),
      ranges_of(group, [](Placement const& p, Numbers& out) { out.insert(p.coord.ep); }),
  };
}

// Neighbours with an equal key, in one group.
template <class Key>
std::vector<Group> grouped(std::span<Placement const> placements, Key key) {
  std::vector<Group> groups;
  for (Placement const& placement : placements) {
    if (groups.empty() || key(*groups.back().front()) != key(placement)) {
      groups.emplace_back();
    }
    groups.back().push_back(&placement);
  }
  return groups;
}

std::vector<Group> tp_groups(std::span<Placement const> placements) {
  return grouped(placements, [](Placement const& p) { return std::pair{p.coord.dp, p.coord.pp}; });
}

// One line a rank; a TP group; a host: the first of them that fits, else the last.
std::vector<Group> lines_of(std::span<Placement const> placements, std::size_t max_lines) {
  std::vector<Group> groups = grouped(placements, [](Placement const& p) { return p.rank; });
  if (groups.size() > max_lines) {
    groups = tp_groups(placements);
  }
  if (groups.size() > max_lines) {
    groups = grouped(placements, [](Placement const& p) { return p.host; });
  }
  return groups;
}

void warn_of_wide_tp_groups(std::span<Placement const> placements,
                            std::vector<std::string>& warnings) {
  std::vector<Group> const groups = tp_groups(placements);
  std::vector<Group> wide;
  std::copy_if(groups.begin(), groups.end(), std::back_inserter(wide), [](Group const& group) {
    return std::any_of(group.begin(), group.end(), [&](Placement const* rank) {
      return rank->host != group.front()->host;
    });
  });
  if (!wide.empty()) {
    Row const first = row_of(wide.front());
    warnings.push_back(concat(wide.size(),
                              " of ",
                              groups.size(),
                              " TP groups cross hosts, such as ranks ",
                              first[0],
                              " on ",
                              first[1],
                              " (every layer's sums go over the network; use a tp that divides the "
                              "ranks of a host)"));
  }
}

}  // namespace

std::string format_ranges(std::span<int const> numbers) {
  std::string text;
  for (std::size_t first = 0; first < numbers.size();) {
    std::size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) {
      ++last;
    }
    text += concat(text.empty() ? "" : ",", numbers[first]);
    if (last > first) {
      text += concat(last == first + 1 ? "," : "-", numbers[last]);
    }
    first = last + 1;
  }
  return text;
}

std::string format_placement(std::span<Placement const> placements, int max_lines) {
  auto const limit = static_cast<std::size_t>(std::max(max_lines, 2));
  std::vector<Row> rows{{"rank", "host", "cores", "numa", "dp", "pp", "tp", "ep"}};
  for (Group const& group : lines_of(placements, limit)) {
    rows.push_back(row_of(group));
  }
  std::array<std::size_t, num_columns> widths{};
  for (Row const& row : rows) {
    for (std::size_t column = 0; column < num_columns; ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  std::size_t const num_lines = rows.size() - 1;
  std::size_t const left_out = num_lines > limit ? num_lines - limit : 0;
  std::size_t const head = 1 + (left_out > 0 ? limit / 2 : num_lines);  // with the heading
  std::string text;
  for (std::size_t line = 0; line < rows.size(); ++line) {
    if (left_out > 0 && line == head) {
      text += concat("... ", left_out, " lines left out\n");
      line += left_out;
    }
    std::string row;
    for (std::size_t column = 0; column < num_columns; ++column) {
      row += rows[line][column];
      row.append(widths[column] - rows[line][column].size() + 2, ' ');
    }
    text += row.substr(0, row.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

std::vector<std::string> placement_warnings(std::span<Placement const> placements) {
  std::vector<std::string> warnings;
  warn_of_wide_tp_groups(placements, warnings);
  return warnings;
}

}  // namespace talus::parallel
