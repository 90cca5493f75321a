// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/hdf5_check.hpp"

#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

herr_t keep_description(unsigned depth, H5E_error2_t const* entry, void* text) {
  if (depth == 0 && entry->desc != nullptr) {
    *static_cast<std::string*>(text) = entry->desc;
  }
  return 0;
}

[[noreturn]] void fail(char const* call, SourceLocation where) {
  throw ApiError{concat(call, " failed: ", last_hdf5_error()), -1, where};
}

}  // namespace

std::string last_hdf5_error() {
  std::string reason = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_description, &reason);
  return reason;
}

hid_t hdf5_check(hid_t id, char const* call, SourceLocation where) {
  if (id < 0) {
    fail(call, where);
  }
  return id;
}

herr_t hdf5_check(herr_t status, char const* call, SourceLocation where) {
  if (status < 0) {
    fail(call, where);
  }
  return status;
}

}  // namespace talus::io::detail
