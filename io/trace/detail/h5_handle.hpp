// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hdf5.h>

#include "runtime/base/unique_handle.hpp"

namespace talus::io::detail {

/// How UniqueHandle destroys an HDF5 identifier, given the H5?close function of its kind.
template <herr_t (*Close)(hid_t)>
struct H5Traits {
  using native_type = hid_t;

  static hid_t null() noexcept { return H5I_INVALID_HID; }

  static void destroy(hid_t id) noexcept { Close(id); }
};

using H5File = UniqueHandle<H5Traits<H5Fclose>>;
using H5Group = UniqueHandle<H5Traits<H5Gclose>>;
using H5Dataset = UniqueHandle<H5Traits<H5Dclose>>;
using H5Dataspace = UniqueHandle<H5Traits<H5Sclose>>;
using H5Datatype = UniqueHandle<H5Traits<H5Tclose>>;
using H5Attribute = UniqueHandle<H5Traits<H5Aclose>>;
using H5PropertyList = UniqueHandle<H5Traits<H5Pclose>>;

/// Keeps HDF5 from printing its error stack in this thread while the object lives.
class H5Quiet {
 public:
  H5Quiet() noexcept {
    H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }

  ~H5Quiet() { H5Eset_auto2(H5E_DEFAULT, print_, print_data_); }

  H5Quiet(H5Quiet const&) = delete;
  H5Quiet& operator=(H5Quiet const&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* print_data_ = nullptr;
};

}  // namespace talus::io::detail
