// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/trace/records.hpp"

/// \file
/// The trace's tables: the one place that says which columns there are. The HDF5 types, the
/// attributes with units, and the check of the README's tables are made from these lists.

namespace talus::io {

/// Version of the schema: major.minor. A reader of 1.x reads every 1.y; README.md has the rule.
inline constexpr std::string_view trace_schema_version = "1.4";

/// What a column holds; `string64` is 64 bytes of UTF-8 filled with zeros.
enum class ColumnType : std::uint8_t {
  int32,
  int64,
  uint64,
  float32,
  float64,
  string64,
  finish_reason
};

/// The name of a type as README.md spells it.
[[nodiscard]] std::string_view to_string(ColumnType type) noexcept;

/// One column of a table.
struct Column {
  std::string name;
  ColumnType type;
  std::string unit;  ///< "s", "bytes", "tokens", ...; "1" for a count of anything else
  std::string description;
  std::size_t offset;  ///< in the row's struct, bytes
};

/// One table: its place in the file, its columns, and the size of the struct that holds a row.
///
/// The first column is `rank`, at offset 0; -1 there says "no row" where a master file pads.
struct TableSchema {
  std::string path;
  std::vector<Column> columns;
  std::size_t row_bytes;
};

/// What a row of each table is made of: the record and what the writer adds.
struct StepRow {
  std::int32_t rank;
  StepRecord record;
};

struct RequestRow {
  std::int32_t rank;
  RequestRecord record;
  double scheduling_delay;
  double ttft;
  double tpot;
  double e2e_latency;
};

struct PreemptionRow {
  std::int32_t rank;
  PreemptionRecord record;
};

/// An interval of time over which the tokens of the experts were counted.
struct ExpertIntervalRow {
  std::int32_t rank;
  double t_begin;
  double t_end;
};

/// \return  the row of a record, with the derived columns
[[nodiscard]] StepRow to_row(std::int32_t rank, StepRecord const& record) noexcept;
[[nodiscard]] RequestRow to_row(std::int32_t rank, RequestRecord const& record) noexcept;
[[nodiscard]] PreemptionRow to_row(std::int32_t rank, PreemptionRecord const& record) noexcept;

/// The tables' schemas: `/steps`, `/requests`, `/preemptions`, `/experts/intervals`.
[[nodiscard]] TableSchema steps_schema();
[[nodiscard]] TableSchema requests_schema();
[[nodiscard]] TableSchema preemptions_schema();
[[nodiscard]] TableSchema expert_intervals_schema();

/// Path of the array of expert counts, [intervals, layers, experts], beside its intervals.
inline constexpr char const* expert_tokens_path = "/experts/tokens";

}  // namespace talus::io
