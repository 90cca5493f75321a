// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/nccl_library.hpp"

#include <dlfcn.h>

#include "kernels/cuda/load_error.hpp"
#include "kernels/cuda/symbols.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

/// The first version with point-to-point messages.
constexpr int oldest_version = 2703;

std::string find_functions(void* library, NcclFunctions& functions) {
  Symbols symbols{library};
  symbols.find(functions.get_version, "ncclGetVersion");
  symbols.find(functions.error_text, "ncclGetErrorString");
  symbols.find(functions.make_id, "ncclGetUniqueId");
  symbols.find(functions.join, "ncclCommInitRank");
  symbols.find(functions.destroy, "ncclCommDestroy");
  symbols.find(functions.abort, "ncclCommAbort");
  symbols.find(functions.get_async_error, "ncclCommGetAsyncError");
  symbols.find(functions.begin_group, "ncclGroupStart");
  symbols.find(functions.end_group, "ncclGroupEnd");
  symbols.find(functions.send, "ncclSend");
  symbols.find(functions.receive, "ncclRecv");
  return symbols.missing();
}

}  // namespace

NcclLibrary open_nccl(std::string const& file) {
  NcclLibrary library;
  void* const opened = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) {
    library.problem = concat("NCCL: ", load_error());
    return library;
  }
  if (std::string const missing = find_functions(opened, library.functions); !missing.empty()) {
    library.problem = concat("NCCL: ", file, " has no ", missing);
    return library;
  }
  if (int const result = library.functions.get_version(&library.version); result != 0) {
    library.problem = concat("NCCL: ncclGetVersion: ", library.functions.error_text(result));
  } else if (library.version < oldest_version) {
    library.problem = concat("NCCL: ",
                             file,
                             " is version ",
                             nccl_version_text(library.version),
                             " (needed: ",
                             nccl_version_text(oldest_version),
                             " or later)");
  }
  return library;
}

std::string nccl_version_text(int version) {
  // Four digits up to 2.8, five since.
  bool const is_old = version < 10000;
  int const major = is_old ? version / 1000 : version / 10000;
  int const minor = is_old ? version / 100 % 10 : version / 100 % 100;
  return concat(major, '.', minor, '.', version % 100);
}

}  // namespace talus::kernels::cuda
