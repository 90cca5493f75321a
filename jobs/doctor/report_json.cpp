// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/report_json.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

using io::Json;

constexpr int schema_version = 1;

template <class T>
Json value_or_null(std::optional<T> const& value) {
  return value ? Json(*value) : Json();  // braces would make an array
}

Json text_or_null(std::string const& text) {
  return text.empty() ? Json() : Json(text);
}

Json launch_json(Report const& report) {
  parallel::LaunchFacts const& launch = report.launch;
  return {{"launcher", text_or_null(launch.launcher)},
          {"scheduler", text_or_null(launch.scheduler)},
          {"job_id", text_or_null(launch.job_id)},
          {"allocated_nodes", value_or_null(launch.num_nodes)},
          {"allocated_nodes_from", text_or_null(launch.nodes_from)}};
}

Json link_json(Report const& report, Link const& link) {
  auto const host = [&](int rank) { return report.ranks[static_cast<std::size_t>(rank)].host; };
  return {{"ranks", {link.ranks[0], link.ranks[1]}},
          {"hosts", {host(link.ranks[0]), host(link.ranks[1])}},
          {"latency_seconds", link.latency},
          {"bytes_per_second", link.bytes_per_second}};
}

Json links_json(Report const& report, std::vector<Link> const& links) {
  Json all = Json::array();
  for (Link const& link : links) {
    all.push_back(link_json(report, link));
  }
  return all;
}

Json network_json(Report const& report) {
  Json transport = Json::array();
  for (TransportFact const& fact : report.transport) {
    transport.push_back({{"what", fact.what}, {"seen_by", fact.seen}});
  }
  return {{"transport", transport},
          {"host_pairs", report.num_host_pairs},
          {"host_pairs_measured", report.links.size()},
          {"between_hosts", links_json(report, report.links)},
          {"inside_hosts", links_json(report, report.inside)}};
}

/// The hosts in the order of their first ranks.
Json hosts_json(Report const& report) {
  Json hosts = Json::array();
  std::map<std::string, std::size_t> places;
  for (RankFacts const& rank : report.ranks) {
    if (places.try_emplace(rank.host, hosts.size()).second) {
      hosts.push_back({{"host", rank.host},
                       {"ranks", Json::array()},
                       {"cores", rank.num_host_cores},
                       {"processor", rank.processor},
                       {"memory_bytes_per_second", 0.0},
                       {"clock_offset_seconds", Json{}},
                       {"clock_error_seconds", Json{}}});
    }
    Json& host = hosts[places[rank.host]];
    host["ranks"].push_back(rank.rank);
    host["memory_bytes_per_second"] =
        host["memory_bytes_per_second"].get<double>() + rank.memory_rate_together;
  }
  for (ClockOffset const& clock : report.clocks) {
    Json& host = hosts[places[report.ranks[static_cast<std::size_t>(clock.rank)].host]];
    host["clock_offset_seconds"] = clock.seconds;
    host["clock_error_seconds"] = clock.error;
  }
  return hosts;
}

Json file_json(std::optional<FileFacts> const& file) {
  if (!file) {
    return {};
  }
  return {{"path", file->path},
          {"file_system", file->file_system},
          {"page_cache", file->how},
          {"total_bytes", file->total_bytes},
          {"read_bytes", file->read_bytes},
          {"bytes_per_second", file->bytes_per_second},
          {"problem", text_or_null(file->problem)}};
}

Json card_json(kernels::cuda::DeviceInfo const& card) {
  return {{"name", card.name},
          {"uuid", card.uuid},
          {"pci", card.pci},
          {"compute_capability", {card.major, card.minor}},
          {"multiprocessors", card.num_multiprocessors},
          {"memory_bytes", card.memory_bytes}};
}

Json cards_json(std::optional<kernels::cuda::Devices> const& cards) {
  if (!cards) {
    return {};
  }
  Json all = Json::array();
  for (kernels::cuda::DeviceInfo const& card : cards->found) {
    all.push_back(card_json(card));
  }
  return all;
}

std::optional<kernels::cuda::Devices> cards_from_json(Json const& rank) {
  if (rank.at("cards").is_null()) {
    return std::nullopt;
  }
  kernels::cuda::Devices cards;
  for (Json const& card : rank.at("cards")) {
    cards.found.push_back({.name = card.at("name"),
                           .uuid = card.at("uuid"),
                           .major = card.at("compute_capability").at(0),
                           .minor = card.at("compute_capability").at(1),
                           .num_multiprocessors = card.at("multiprocessors"),
                           .memory_bytes = card.at("memory_bytes"),
                           .pci = card.at("pci")});
  }
  if (Json const& reason = rank.at("no_card_reason"); !reason.is_null()) {
    cards.reason = reason;
  }
  return cards;
}

}  // namespace

Json to_json(RankFacts const& rank) {
  return {{"rank", rank.rank},
          {"host", rank.host},
          {"node_rank", rank.node_rank},
          {"cores", rank.cores},
          {"numa", rank.numa},
          {"host_cores", rank.num_host_cores},
          {"threads", rank.threads},
          {"processor", rank.processor},
          {"float32_operations_per_second", rank.arithmetic_rate},
          {"memory_bytes_per_second_alone", rank.memory_rate_alone},
          {"memory_bytes_per_second_together", rank.memory_rate_together},
          {"file_bytes", rank.file_bytes},
          {"file_seconds", rank.file_seconds},
          {"thread_level", rank.thread_level},
          {"cards", cards_json(rank.cards)},
          {"no_card_reason", text_or_null(rank.cards ? rank.cards->reason : "")}};
}

RankFacts rank_from_json(Json const& json) {
  try {
    return {.rank = json.at("rank"),
            .host = json.at("host"),
            .node_rank = json.at("node_rank"),
            .cores = json.at("cores").get<std::vector<int>>(),
            .numa = json.at("numa").get<std::vector<int>>(),
            .num_host_cores = json.at("host_cores"),
            .threads = json.at("threads"),
            .processor = json.at("processor"),
            .arithmetic_rate = json.at("float32_operations_per_second"),
            .memory_rate_alone = json.at("memory_bytes_per_second_alone"),
            .memory_rate_together = json.at("memory_bytes_per_second_together"),
            .file_bytes = json.at("file_bytes"),
            .file_seconds = json.at("file_seconds"),
            .thread_level = json.at("thread_level"),
            .cards = cards_from_json(json)};
  } catch (nlohmann::json::exception const& error) {
    throw ConfigError{concat("facts of a rank: ", io::json_reason(error))};
  }
}

Json to_json(Report const& report, std::span<Finding const> findings) {
  Json versions = Json::object();
  for (auto const& [name, text] : report.versions) {
    versions[name] = text;
  }
  Json ranks = Json::array();
  for (RankFacts const& rank : report.ranks) {
    ranks.push_back(to_json(rank));
  }
  Json wrong = Json::array();
  for (Finding const& finding : findings) {
    wrong.push_back({{"kind", finding.kind},
                     {"text", finding.text},
                     {"ranks", finding.ranks},
                     {"hosts", finding.hosts}});
  }
  return {{"schema", schema_version},
          {"seconds", report.seconds},
          {"versions", versions},
          {"launch", launch_json(report)},
          {"hosts", hosts_json(report)},
          {"ranks", ranks},
          {"measurement",
           {{"memory_bytes_read", report.memory_bytes_read},
            {"ranks_at_a_time", report.ranks_at_a_time}}},
          {"network", network_json(report)},
          {"file", file_json(report.file)},
          {"findings", wrong}};
}

}  // namespace talus::doctor
