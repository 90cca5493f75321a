// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "io/sharded/manifest.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;
using test::require;

/// Any manifest is refused, or its tensors lie inside its files, which lie inside its folder.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::refuse_or_run("manifest.json", [&] {
    io::ShardManifest const manifest =
        io::parse_manifest(test::text_of(data, size), "manifest.json");
    for (io::PackedFile const& file : manifest.files) {
      std::filesystem::path const path{file.name};
      require(!path.is_absolute() && path.filename() == path && file.name.front() != '.',
              "a file beside the manifest");
      std::int64_t end = 0;
      for (io::PackedTensor const& tensor : file.tensors) {
        require(tensor.offset >= end && tensor.bytes >= 0, "no overlap");
        end = tensor.offset + tensor.bytes;
        std::int64_t const chunk = manifest.chunk_bytes;
        require(std::ssize(tensor.hashes) == (tensor.bytes + chunk - 1) / chunk,
                "a checksum for each chunk");
      }
      require(end == file.bytes, "up to the end");
    }
  });
  return 0;
}
