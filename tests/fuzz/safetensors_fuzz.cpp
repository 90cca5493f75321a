// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "io/checkpoint/safetensors.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;
using test::require;

namespace {

/// A file in memory.
class MemoryFile {
 public:
  MemoryFile(std::uint8_t const* data, std::size_t size)
      : descriptor_{::memfd_create("input", MFD_CLOEXEC)} {
    auto const written = ::write(descriptor_, data, size);
    require(written == static_cast<::ssize_t>(size), "the input can be written");
  }

  ~MemoryFile() { ::close(descriptor_); }

  MemoryFile(MemoryFile const&) = delete;
  MemoryFile& operator=(MemoryFile const&) = delete;

  [[nodiscard]] std::string name() const { return concat("/proc/self/fd/", descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

/// Any file is refused, or its tensors lie one after another up to the file's end.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  MemoryFile const file{data, size};
  test::refuse_or_run(file.name(), [&] {
    io::SafetensorsHeader const header = io::read_safetensors_header(file.name());
    std::int64_t at = header.data_offset;
    for (io::TensorInfo const& tensor : header.tensors) {
      require(tensor.offset == at && tensor.bytes >= 0, "no hole and no overlap");
      require(!tensor.dtype ||
                  tensor.rows() * tensor.columns() * size_of(*tensor.dtype) == tensor.bytes,
              "as many bytes as the shape says");
      at += tensor.bytes;
    }
    require(at == static_cast<std::int64_t>(size), "up to the end");
  });
  return 0;
}
