// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mpi.h>
#include <unistd.h>

#include "runtime/base/error.hpp"

/// \file
/// Checkpoints that tests write, whole and damaged.

namespace talus::test {

/// A directory that rank 0 makes, the others are told of, and rank 0 removes. Collective.
class TempDir {
 public:
  explicit TempDir(std::string_view name) {
    std::int64_t id = ::getpid();
    MPI_Bcast(&id, 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    path_ = std::filesystem::temp_directory_path() / concat("talus-test-", name, '-', id);
    if (is_first()) {
      std::filesystem::remove_all(path_);
      std::filesystem::create_directories(path_);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

  TempDir(TempDir const&) = delete;
  TempDir& operator=(TempDir const&) = delete;

  ~TempDir() {
    MPI_Barrier(MPI_COMM_WORLD);
    if (is_first()) {
      std::error_code ignored;
      std::filesystem::remove_all(path_, ignored);
    }
  }

  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

  /// Rank 0 writes a file; all may read it once this returns. Collective.
  void write(std::string_view name, std::string_view bytes) const {
    if (is_first()) {
      std::ofstream{path_ / name, std::ios::binary}.write(
          bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

 private:
  static bool is_first() {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank == 0;
  }

  std::filesystem::path path_;
};

/// A tensor to write: its bytes are elements of `dtype`, row-major.
struct TestTensor {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

/// The bytes of `values`, as they lie in memory.
template <class T>
std::string bytes_of(std::vector<T> const& values) {
  auto const bytes = std::as_bytes(std::span{values});
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// A safetensors file: the length of `header`, `header`, `data`.
inline std::string safetensors_file(std::string_view header, std::string_view data) {
  std::string file;
  for (std::uint64_t i = 0, length = header.size(); i < 8; ++i) {
    file.push_back(static_cast<char>((length >> (8 * i)) & 0xFFU));
  }
  return file.append(header).append(data);
}

/// A sound safetensors file of these tensors, in this order.
inline std::string safetensors_file(std::vector<TestTensor> const& tensors) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  std::string data;
  for (TestTensor const& tensor : tensors) {
    std::string shape;
    for (auto const extent : tensor.shape) {
      shape += concat(shape.empty() ? "" : ",", extent);
    }
    header += concat(",\"",
                     tensor.name,
                     R"(":{"dtype":")",
                     tensor.dtype,
                     R"(","shape":[)",
                     shape,
                     R"(],"data_offsets":[)",
                     data.size(),
                     ',',
                     data.size() + tensor.bytes.size(),
                     "]}");
    data += tensor.bytes;
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  return safetensors_file(header, data);
}

/// What the ConfigError says that `work` throws; empty if it throws none.
inline std::string config_error_of(std::function<void()> const& work) {
  try {
    work();
  } catch (ConfigError const& error) {
    return error.what();
  }
  return {};
}

}  // namespace talus::test
