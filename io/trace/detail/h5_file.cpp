// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/h5_file.hpp"

#include <string>

#include "io/trace/detail/hdf5_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

constexpr unsigned half_of_chunks_per_index_node = 1024;

// More than the index node that comes with a dataset's first chunk, and a few object headers.
constexpr hsize_t index_bytes = 256 * 1024;

// Chunks that hold `rows` rows.
hsize_t num_chunks(hsize_t rows, hsize_t chunk_rows) {
  return (rows + chunk_rows - 1) / chunk_rows;
}

H5PropertyList file_access() {
  H5PropertyList list{hdf5_check(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate")};
  hdf5_check(H5Pset_libver_bounds(list.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST),
             "H5Pset_libver_bounds");
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  hdf5_check(H5Pset_file_locking(list.get(), false, true), "H5Pset_file_locking");
#endif
  return list;
}

H5PropertyList file_creation() {
  H5PropertyList list{hdf5_check(H5Pcreate(H5P_FILE_CREATE), "H5Pcreate")};
  hdf5_check(H5Pset_istore_k(list.get(), half_of_chunks_per_index_node), "H5Pset_istore_k");
  return list;
}

}  // namespace

H5File create_trace_file(std::filesystem::path const& file) {
  H5PropertyList const creation = file_creation();
  H5PropertyList const access = file_access();
  hid_t const id = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, creation.get(), access.get());
  if (id < 0) {
    std::string const reason = last_hdf5_error();
    throw ConfigError{concat("trace file: ", file.string(), " (can't be created: ", reason, ')')};
  }
  return H5File{id};
}

void reserve_chunks(hid_t file, Growth const& growth) {
  hsize_t const gained = num_chunks(growth.rows_after, growth.chunk_rows) -
                         num_chunks(growth.rows_before, growth.chunk_rows);
  if (gained == 0) {
    return;
  }
  // A nameless dataset takes the space, and gives it back, to the chunks, when it is closed.
  hsize_t const bytes = gained * growth.chunk_rows * growth.row_bytes + index_bytes;
  H5Dataspace const space{hdf5_check(H5Screate_simple(1, &bytes, nullptr), "H5Screate_simple")};
  H5PropertyList const creation{hdf5_check(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate")};
  hdf5_check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time");
  hdf5_check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time");
  H5Dataset const placeholder{
      hdf5_check(H5Dcreate_anon(file, H5T_NATIVE_UINT8, space.get(), creation.get(), H5P_DEFAULT),
                 "H5Dcreate_anon")};

  // Its last byte is written before the length is, so that the file is never shorter than it says.
  hsize_t const last = bytes - 1;
  hsize_t const one = 1;
  unsigned char const zero = 0;
  hdf5_check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &last, nullptr, &one, nullptr),
             "H5Sselect_hyperslab");
  H5Dataspace const scalar{hdf5_check(H5Screate(H5S_SCALAR), "H5Screate")};
  hdf5_check(
      H5Dwrite(placeholder.get(), H5T_NATIVE_UINT8, scalar.get(), space.get(), H5P_DEFAULT, &zero),
      "H5Dwrite");
  hdf5_check(H5Fflush(file, H5F_SCOPE_LOCAL), "H5Fflush");
}

}  // namespace talus::io::detail
