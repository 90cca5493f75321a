// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/h5_file.hpp"

#include <string>

#include "io/trace/detail/hdf5_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

constexpr unsigned half_of_chunks_per_index_node = 256;

H5PropertyList file_access() {
  H5PropertyList list{hdf5_check(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate")};
  hdf5_check(H5Pset_fapl_sec2(list.get()), "H5Pset_fapl_sec2");
  hdf5_check(H5Pset_libver_bounds(list.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST),
             "H5Pset_libver_bounds");
  // Space goes where it is asked for, not into blocks that are cut up later: see GrowingDataset.
  hdf5_check(H5Pset_small_data_block_size(list.get(), 0), "H5Pset_small_data_block_size");
  hdf5_check(H5Pset_meta_block_size(list.get(), 0), "H5Pset_meta_block_size");
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

}  // namespace talus::io::detail
