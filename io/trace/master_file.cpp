// SPDX-License-Identifier: Apache-2.0
#include "io/trace/master_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <sstream>
#include <string_view>

#include <malloc.h>

#include "io/trace/columns.hpp"
#include "io/trace/detail/h5_attributes.hpp"
#include "io/trace/detail/h5_file.hpp"
#include "io/trace/detail/h5_handle.hpp"
#include "io/trace/detail/h5_types.hpp"
#include "io/trace/detail/hdf5_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using detail::hdf5_check;

std::string digits(int rank) {
  std::ostringstream out;
  out << std::setw(5) << std::setfill('0') << rank;
  return std::move(out).str();
}

detail::H5PropertyList dataset_properties() {
  return detail::H5PropertyList{hdf5_check(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate")};
}

detail::H5Group create_group(hid_t file, char const* path) {
  return detail::H5Group{
      hdf5_check(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), path)};
}

detail::H5Dataspace create_space(std::vector<hsize_t> const& size,
                                 std::vector<hsize_t> const& max_size) {
  return detail::H5Dataspace{
      hdf5_check(H5Screate_simple(static_cast<int>(size.size()), size.data(), max_size.data()),
                 "H5Screate_simple")};
}

// Selects one block, which may be unlimited in one dimension.
void select(hid_t space, std::vector<hsize_t> const& start, std::vector<hsize_t> const& block) {
  std::vector<hsize_t> const once(start.size(), 1);
  hdf5_check(
      H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, once.data(), block.data()),
      "H5Sselect_hyperslab");
}

// One virtual dataset [ranks, rows] over the same table of each rank's file.
void create_table(hid_t file, TableSchema const& schema, int num_ranks) {
  auto const ranks = static_cast<hsize_t>(num_ranks);
  detail::H5Dataspace const whole = create_space({ranks, 0}, {ranks, H5S_UNLIMITED});
  detail::H5Dataspace const rows = create_space({0}, {H5S_UNLIMITED});
  select(rows.get(), {0}, {H5S_UNLIMITED});
  detail::H5PropertyList const creation = dataset_properties();
  hdf5_check(
      H5Pset_fill_value(
          creation.get(), detail::memory_type(schema).get(), detail::fill_row(schema).data()),
      "H5Pset_fill_value");
  for (int rank = 0; rank < num_ranks; ++rank) {
    select(whole.get(), {static_cast<hsize_t>(rank), 0}, {1, H5S_UNLIMITED});
    hdf5_check(H5Pset_virtual(creation.get(),
                              whole.get(),
                              rank_file_name(rank).c_str(),
                              schema.path.c_str(),
                              rows.get()),
               "H5Pset_virtual");
  }
  hdf5_check(H5Sselect_all(whole.get()), "H5Sselect_all");
  detail::H5Dataset const table{hdf5_check(H5Dcreate2(file,
                                                      schema.path.c_str(),
                                                      detail::file_type(schema).get(),
                                                      whole.get(),
                                                      H5P_DEFAULT,
                                                      creation.get(),
                                                      H5P_DEFAULT),
                                           "H5Dcreate2")};
  detail::describe_columns(table.get(), schema);
}

// A run of layers that are neighbours both in a rank's file and in the master's list of all layers.
struct LayerRun {
  hsize_t in_rank;
  hsize_t in_all;
  hsize_t length;
};

std::vector<LayerRun> find_runs(std::vector<int> const& layers, std::vector<int> const& all) {
  std::vector<LayerRun> runs;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto const in_all =
        static_cast<hsize_t>(std::lower_bound(all.begin(), all.end(), layers[i]) - all.begin());
    if (!runs.empty() && runs.back().in_all + runs.back().length == in_all) {
      ++runs.back().length;
    } else {
      runs.push_back({i, in_all, 1});
    }
  }
  return runs;
}

std::vector<int> all_layers(std::vector<std::vector<int>> const& layers_of_rank) {
  std::vector<int> all;
  for (auto const& layers : layers_of_rank) {
    all.insert(all.end(), layers.begin(), layers.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// The virtual dataset [ranks, intervals, layers, experts] over the ranks' counts; a rank's layers
// lie where they are in the list of all layers.
void create_expert_tokens(hid_t file,
                          std::vector<std::vector<int>> const& layers_of_rank,
                          std::vector<int> const& all,
                          hsize_t experts) {
  hsize_t const ranks = layers_of_rank.size();
  detail::H5Dataspace const whole =
      create_space({ranks, 0, all.size(), experts}, {ranks, H5S_UNLIMITED, all.size(), experts});
  detail::H5PropertyList const creation = dataset_properties();
  for (std::size_t rank = 0; rank < layers_of_rank.size(); ++rank) {
    auto const& layers = layers_of_rank[rank];
    for (auto const& run : find_runs(layers, all)) {
      detail::H5Dataspace const source =
          create_space({0, layers.size(), experts}, {H5S_UNLIMITED, layers.size(), experts});
      select(source.get(), {0, run.in_rank, 0}, {H5S_UNLIMITED, run.length, experts});
      select(whole.get(), {rank, 0, run.in_all, 0}, {1, H5S_UNLIMITED, run.length, experts});
      hdf5_check(H5Pset_virtual(creation.get(),
                                whole.get(),
                                rank_file_name(static_cast<int>(rank)).c_str(),
                                expert_tokens_path,
                                source.get()),
                 "H5Pset_virtual");
    }
  }
  hdf5_check(H5Sselect_all(whole.get()), "H5Sselect_all");
  detail::H5Dataset const tokens{hdf5_check(H5Dcreate2(file,
                                                       expert_tokens_path,
                                                       H5T_STD_U32LE,
                                                       whole.get(),
                                                       H5P_DEFAULT,
                                                       creation.get(),
                                                       H5P_DEFAULT),
                                            "H5Dcreate2")};
  detail::write_attribute(tokens.get(), "units", std::string_view{"tokens"});
  detail::write_attribute(tokens.get(), "layers", all);
}

void link(hid_t group, std::string const& name, int rank, char const* path) {
  hdf5_check(H5Lcreate_external(
                 rank_file_name(rank).c_str(), path, group, name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
             "H5Lcreate_external");
}

void create_master(std::filesystem::path const& folder,
                   std::vector<std::vector<int>> const& moe_layers,
                   int num_experts) {
  detail::H5File const file = detail::create_trace_file(folder / master_file_name);
  auto const num_ranks = static_cast<int>(moe_layers.size());
  detail::write_schema_version(file.get());
  detail::write_attribute(file.get(), "num_ranks", std::int64_t{num_ranks});

  detail::H5Group const experts = create_group(file.get(), "/experts");
  for (auto const& schema :
       {steps_schema(), requests_schema(), preemptions_schema(), expert_intervals_schema()}) {
    create_table(file.get(), schema, num_ranks);
  }
  if (auto const all = all_layers(moe_layers); !all.empty() && num_experts > 0) {
    create_expert_tokens(file.get(), moe_layers, all, static_cast<hsize_t>(num_experts));
  }

  detail::H5Group const ranks = create_group(file.get(), "/ranks");
  for (int rank = 0; rank < num_ranks; ++rank) {
    link(ranks.get(), digits(rank), rank, "/");
  }
  link(file.get(), "run", 0, "/run");
  hdf5_check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "H5Fflush");
}

}  // namespace

std::string rank_file_name(int rank) {
  return concat("trace.", digits(rank), ".h5");
}

void write_master(std::filesystem::path const& folder,
                  std::vector<std::vector<int>> const& moe_layers,
                  int num_experts) {
  if (moe_layers.empty()) {
    throw ConfigError{"trace master file: 0 ranks (must be at least 1)"};
  }
  detail::H5Quiet const quiet;
  create_master(folder, moe_layers, num_experts);
#ifdef __GLIBC__
  malloc_trim(0);  // HDF5 has taken 45 kB for each rank: too much to keep for ten thousand
#endif
}

}  // namespace talus::io
