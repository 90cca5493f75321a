// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/growing_dataset.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "io/trace/detail/h5_attributes.hpp"
#include "io/trace/detail/h5_types.hpp"
#include "io/trace/detail/hdf5_check.hpp"

namespace talus::io::detail {
namespace {

std::vector<hsize_t> with_rows(hsize_t rows, std::vector<hsize_t> const& row_shape) {
  std::vector<hsize_t> size{rows};
  size.insert(size.end(), row_shape.begin(), row_shape.end());
  return size;
}

hsize_t product(std::vector<hsize_t> const& factors) {
  return std::accumulate(factors.begin(), factors.end(), hsize_t{1}, std::multiplies<>{});
}

H5PropertyList creation_properties(std::vector<hsize_t> const& chunk) {
  H5PropertyList list{hdf5_check(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate")};
  hdf5_check(H5Pset_chunk(list.get(), static_cast<int>(chunk.size()), chunk.data()),
             "H5Pset_chunk");
  hdf5_check(H5Pset_fill_time(list.get(), H5D_FILL_TIME_ALLOC), "H5Pset_fill_time");
  return list;
}

// No chunk cache: appending writes the new bytes only.
H5PropertyList access_properties() {
  H5PropertyList list{hdf5_check(H5Pcreate(H5P_DATASET_ACCESS), "H5Pcreate")};
  hdf5_check(H5Pset_chunk_cache(list.get(), 0, 0, 1.0), "H5Pset_chunk_cache");
  return list;
}

H5Dataset create_dataset(hid_t file, GrowingDatasetSpec const& spec) {
  auto const size = with_rows(0, spec.row_shape);
  auto const max_size = with_rows(H5S_UNLIMITED, spec.row_shape);
  H5Dataspace const space{
      hdf5_check(H5Screate_simple(static_cast<int>(size.size()), size.data(), max_size.data()),
                 "H5Screate_simple")};
  H5PropertyList const creation = creation_properties(with_rows(spec.chunk_rows, spec.row_shape));
  if (spec.fill != nullptr) {
    hdf5_check(H5Pset_fill_value(creation.get(), spec.memory_type, spec.fill), "H5Pset_fill_value");
  }
  return H5Dataset{hdf5_check(H5Dcreate2(file,
                                         spec.path.c_str(),
                                         spec.file_type,
                                         space.get(),
                                         H5P_DEFAULT,
                                         creation.get(),
                                         access_properties().get()),
                              "H5Dcreate2")};
}

H5Dataset create_placeholder(hid_t file, hsize_t bytes) {
  hsize_t const none = 0;
  hsize_t const unlimited = H5S_UNLIMITED;
  H5Dataspace const space{hdf5_check(H5Screate_simple(1, &none, &unlimited), "H5Screate_simple")};
  H5PropertyList const creation = creation_properties({bytes});
  hdf5_check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time");
  return H5Dataset{hdf5_check(
      H5Dcreate_anon(
          file, H5T_NATIVE_UINT8, space.get(), creation.get(), access_properties().get()),
      "H5Dcreate_anon")};
}

void set_extent(hid_t dataset, hsize_t const* size) {
  hdf5_check(H5Dset_extent(dataset, size), "H5Dset_extent");
}

}  // namespace

GrowingDataset::GrowingDataset(hid_t file, GrowingDatasetSpec const& spec)
    : file_{file},
      memory_type_{hdf5_check(H5Tcopy(spec.memory_type), "H5Tcopy")},
      size_{with_rows(0, spec.row_shape)},
      chunk_rows_{spec.chunk_rows},
      row_bytes_{product(spec.row_shape) * H5Tget_size(spec.memory_type)},
      dataset_{create_dataset(file, spec)},
      chunk_bytes_{spec.chunk_rows * product(spec.row_shape) * H5Tget_size(spec.file_type)},
      placeholder_{create_placeholder(file, chunk_bytes_)} {
  // A first chunk comes with the index's node, which stays when the chunk goes again.
  std::vector<std::byte> const row(row_bytes_);
  append_within_chunk(row.data(), 1);
  size_[0] = 0;
  set_extent(dataset_.get(), size_.data());
  reserve_chunk();
}

void GrowingDataset::append(void const* rows, std::size_t num_rows) {
  auto const* next = static_cast<std::byte const*>(rows);
  hsize_t left = num_rows;
  while (left > 0) {
    hsize_t const used = size_[0] % chunk_rows_;
    if (used == 0) {
      reserve_chunk();
    }
    hsize_t const count = std::min(left, chunk_rows_ - used);
    append_within_chunk(next, count);
    next += count * row_bytes_;
    left -= count;
  }
}

void GrowingDataset::append_within_chunk(std::byte const* rows, hsize_t num_rows) {
  std::vector<hsize_t> start(size_.size());
  start[0] = size_[0];
  std::vector<hsize_t> count = size_;
  count[0] = num_rows;
  size_[0] += num_rows;
  set_extent(dataset_.get(), size_.data());

  H5Dataspace const in_file{hdf5_check(H5Dget_space(dataset_.get()), "H5Dget_space")};
  hdf5_check(H5Sselect_hyperslab(
                 in_file.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
             "H5Sselect_hyperslab");
  H5Dataspace const in_memory{hdf5_check(
      H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), "H5Screate_simple")};
  hdf5_check(
      H5Dwrite(
          dataset_.get(), memory_type_.get(), in_memory.get(), in_file.get(), H5P_DEFAULT, rows),
      "H5Dwrite");
}

void GrowingDataset::reserve_chunk() {
  set_extent(placeholder_.get(), &chunk_bytes_);
  hdf5_check(H5Fflush(file_, H5F_SCOPE_LOCAL), "H5Fflush");
  hsize_t const none = 0;
  set_extent(placeholder_.get(), &none);
}

GrowingDataset create_table(hid_t file, TableSchema const& schema, hsize_t chunk_rows) {
  H5Datatype const in_memory = memory_type(schema);
  H5Datatype const in_file = file_type(schema);
  auto const fill = fill_row(schema);
  GrowingDataset table{file,
                       {schema.path, in_memory.get(), in_file.get(), {}, chunk_rows, fill.data()}};
  describe_columns(table.id(), schema);
  return table;
}

}  // namespace talus::io::detail
