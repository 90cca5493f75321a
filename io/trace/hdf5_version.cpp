// SPDX-License-Identifier: Apache-2.0
#include "io/trace/hdf5_version.hpp"

#include <hdf5.h>

#include "io/trace/detail/hdf5_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {

std::string hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  detail::hdf5_check(H5get_libversion(&major, &minor, &release), "H5get_libversion");
  return concat(major, '.', minor, '.', release);
}

}  // namespace talus::io
