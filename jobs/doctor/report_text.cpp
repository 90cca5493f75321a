// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/report_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <set>

#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

using Row = std::vector<std::string>;

std::string number(char const* format, double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string giga(double value) {
  return number("%.1f", value * 1e-9);
}

std::string micro(double seconds) {
  return number("%.1f", seconds * 1e6);
}

/// Columns under each other, two blanks between; the middle is left out of too many rows.
std::string table(std::vector<Row> rows, std::size_t most_lines) {
  if (rows.size() > most_lines + 1) {
    std::size_t const more = rows.size() - most_lines - 1;
    auto const from = rows.begin() + 1 + static_cast<std::ptrdiff_t>(most_lines / 2);
    rows.erase(from, from + static_cast<std::ptrdiff_t>(more));
    rows.insert(from, Row{concat("... ", more, " left out")});
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (Row const& row : rows) {
    for (std::size_t i = 0; row.size() > 1 && i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (Row const& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(row.size() > 1 ? widths[i] - row[i].size() + 2 : 0, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

std::string heading(Report const& report) {
  std::set<std::string> hosts;
  for (RankFacts const& rank : report.ranks) {
    hosts.insert(rank.host);
  }
  std::string text = concat(report.ranks.size(),
                            report.ranks.size() == 1 ? " rank on " : " ranks on ",
                            hosts.size(),
                            hosts.size() == 1 ? " host" : " hosts");
  if (!report.launch.launcher.empty()) {
    text += concat(", started by ", report.launch.launcher);
  }
  if (!report.launch.scheduler.empty()) {
    text += concat(", ", report.launch.scheduler, " job ", report.launch.job_id);
  }
  text += '\n';
  for (auto const& [name, version] : report.versions) {
    text += concat("  ", name, ": ", version, '\n');
  }
  text += "  transport:";
  for (TransportFact const& fact : report.transport) {
    text += concat(&fact == &report.transport.front() ? " " : ", ", fact.what);
  }
  return text + '\n';
}

std::string rank_table(Report const& report, std::size_t most_lines) {
  std::vector<Row> rows = {
      {"rank", "host", "cores", "numa", "threads", "GFLOP/s", "GB/s alone", "GB/s together"}};
  bool const has_cards = !report.ranks.empty() && report.ranks.front().cards;
  if (has_cards) {
    rows.front().push_back("GPUs seen");
  }
  for (RankFacts const& rank : report.ranks) {
    rows.push_back({std::to_string(rank.rank),
                    rank.host,
                    parallel::format_ranges(rank.cores),
                    parallel::format_ranges(rank.numa),
                    std::to_string(rank.threads),
                    giga(rank.arithmetic_rate),
                    giga(rank.memory_rate_alone),
                    giga(rank.memory_rate_together)});
    if (has_cards) {
      rows.back().push_back(std::to_string(rank.cards ? rank.cards->found.size() : 0));
    }
  }
  return table(std::move(rows), most_lines);
}

std::string link_table(Report const& report, std::vector<Link> links, std::size_t most_lines) {
  std::stable_sort(links.begin(), links.end(), [](Link const& a, Link const& b) {
    return a.bytes_per_second < b.bytes_per_second;
  });
  std::vector<Row> rows = {{"ranks", "hosts", "latency us", "GB/s"}};
  for (Link const& link : links) {
    auto const host = [&](int end) {
      return report.ranks[static_cast<std::size_t>(link.ranks[end])].host;
    };
    rows.push_back({concat(link.ranks[0], ',', link.ranks[1]),
                    host(0) == host(1) ? host(0) : concat(host(0), ',', host(1)),
                    micro(link.latency),
                    giga(link.bytes_per_second)});
  }
  return table(std::move(rows), most_lines);
}

std::string network(Report const& report, std::size_t most_lines) {
  std::string text;
  if (!report.inside.empty()) {
    text += "\ninside of hosts, slowest first\n" + link_table(report, report.inside, most_lines);
  }
  if (!report.links.empty()) {
    text += concat("\nbetween hosts, slowest first: ",
                   report.links.size(),
                   " of ",
                   report.num_host_pairs,
                   " pairs measured\n",
                   link_table(report, report.links, most_lines));
  }
  if (report.clocks.size() > 1) {
    ClockOffset const& worst = *std::max_element(
        report.clocks.begin(), report.clocks.end(), [](auto const& a, auto const& b) {
          return std::abs(a.seconds) < std::abs(b.seconds);
        });
    text += concat("\nclocks: at most ",
                   micro(std::abs(worst.seconds)),
                   " us from the first host's, give or take ",
                   micro(worst.error),
                   '\n');
  }
  return text;
}

std::string reading(std::optional<FileFacts> const& file) {
  if (!file) {
    return {};
  }
  if (file->read_bytes == 0) {
    return concat("\ncheckpoint ", file->path, ": nothing could be read\n");
  }
  return concat("\ncheckpoint ",
                file->path,
                " on ",
                file->file_system,
                ": ",
                number("%.2f", file->bytes_per_second * 1e-9),
                " GB/s, ",
                file->read_bytes,
                " of ",
                file->total_bytes,
                " bytes read by all ranks ",
                file->how == "direct" ? "past the page cache"
                                      : "through the page cache, which was told to forget them",
                '\n');
}

}  // namespace

std::string to_text(Report const& report,
                    std::span<Finding const> findings,
                    std::size_t most_lines) {
  std::string text = heading(report) + '\n' + rank_table(report, most_lines) +
                     network(report, most_lines) + reading(report.file);
  text += concat('\n', findings.empty() ? "nothing looks wrong" : "what looks wrong:", '\n');
  for (Finding const& finding : findings) {
    text += concat("- ", finding.text, '\n');
  }
  return text;
}

}  // namespace talus::doctor
