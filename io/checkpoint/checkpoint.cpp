// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/checkpoint.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "io/checkpoint/detail/weight_map.hpp"
#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

namespace fs = std::filesystem;

constexpr char const* index_name = "model.safetensors.index.json";
constexpr char const* single_name = "model.safetensors";

// Whether there is such a file, or something of its name that opening it will complain of.
bool is_there(fs::path const& file) {
  std::error_code ignored;
  return fs::symlink_status(file, ignored).type() != fs::file_type::not_found;
}

// The one file of a directory without an index.
fs::path single_file(fs::path const& dir) {
  if (is_there(dir / single_name)) {
    return dir / single_name;
  }
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry{dir, error}; entry != fs::directory_iterator{};
       entry.increment(error)) {
    if (entry->path().extension() == ".safetensors") {
      found.push_back(entry->path());
    }
  }
  if (error) {
    throw ConfigError{concat(dir.string(), ": can't be listed (", error.message(), ')')};
  }
  if (found.size() != 1) {
    throw ConfigError{concat(dir.string(),
                             ": ",
                             found.size(),
                             " *.safetensors files (expected ",
                             index_name,
                             ", ",
                             single_name,
                             " or exactly one *.safetensors)")};
  }
  return found.front();
}

[[noreturn]] void report_missing(fs::path const& dir,
                                 std::string const& tensor,
                                 std::string const& file,
                                 std::vector<SafetensorsHeader> const& headers) {
  for (SafetensorsHeader const& header : headers) {
    if (std::ranges::find(header.tensors, tensor, &TensorInfo::name) != header.tensors.end()) {
      throw ConfigError{concat((dir / index_name).string(),
                               ": tensor \"",
                               tensor,
                               "\" in ",
                               file,
                               " (found in ",
                               header.file.filename().string(),
                               " instead)")};
    }
  }
  throw ConfigError{concat((dir / file).string(),
                           ": no tensor \"",
                           tensor,
                           "\" (expected because ",
                           index_name,
                           " lists it there)")};
}

// The headers of the files that the map names, with the tensors that the map puts there.
std::vector<SafetensorsHeader> read_mapped(fs::path const& dir, detail::WeightMap const& map) {
  std::map<std::string, std::string> tensor_of_file;  // one tensor of each, for messages
  for (auto const& [tensor, file] : map) {
    tensor_of_file.emplace(file, tensor);
  }
  std::vector<SafetensorsHeader> headers;
  for (auto const& [file, tensor] : tensor_of_file) {
    if (!is_there(dir / file)) {
      throw ConfigError{concat((dir / file).string(),
                               ": missing (",
                               index_name,
                               " names it for tensor \"",
                               tensor,
                               "\")")};
    }
    headers.push_back(read_safetensors_header(dir / file));
  }
  std::vector<SafetensorsHeader> mapped = headers;
  std::size_t num_mapped = 0;
  for (SafetensorsHeader& header : mapped) {
    auto const name = header.file.filename().string();
    std::erase_if(header.tensors, [&](TensorInfo const& tensor) {
      auto const found = map.find(tensor.name);
      return found == map.end() || found->second != name;
    });
    num_mapped += header.tensors.size();
  }
  if (num_mapped == map.size()) {
    return mapped;
  }
  for (auto const& [tensor, file] : map) {
    auto const header = std::ranges::find(mapped, dir / file, &SafetensorsHeader::file);
    if (std::ranges::find(header->tensors, tensor, &TensorInfo::name) == header->tensors.end()) {
      report_missing(dir, tensor, file, headers);
    }
  }
  return mapped;
}

// The headers of the files that the directory's index names.
std::vector<SafetensorsHeader> read_indexed(fs::path const& dir) {
  fs::path const index = dir / index_name;
  return read_mapped(dir, detail::parse_weight_map(read_text_file(index), index.string()));
}

}  // namespace

Checkpoint::Checkpoint(std::vector<fs::path> files, std::vector<TensorInfo> tensors)
    : files_{std::move(files)}, tensors_{std::move(tensors)}, by_name_(tensors_.size()) {
  std::iota(by_name_.begin(), by_name_.end(), 0);
  std::ranges::sort(by_name_, {}, [this](std::int32_t i) -> std::string_view {
    return tensors_[static_cast<std::size_t>(i)].name;
  });
}

Checkpoint Checkpoint::open(fs::path const& dir) {
  std::error_code error;
  if (!fs::is_directory(dir, error)) {
    throw ConfigError{concat(dir.string(), ": not a directory (expected one with a checkpoint)")};
  }
  auto headers = is_there(dir / index_name)
                     ? read_indexed(dir)
                     : std::vector{read_safetensors_header(single_file(dir))};
  std::vector<fs::path> files;
  std::vector<TensorInfo> tensors;
  for (SafetensorsHeader& header : headers) {
    for (TensorInfo& tensor : header.tensors) {
      tensor.file = static_cast<std::int32_t>(files.size());
      tensors.push_back(std::move(tensor));
    }
    files.push_back(header.file);
  }
  return {std::move(files), std::move(tensors)};
}

TensorInfo const* Checkpoint::find(std::string_view name) const noexcept {
  auto const name_at = [this](std::int32_t i) -> std::string_view {
    return tensors_[static_cast<std::size_t>(i)].name;
  };
  auto const found = std::ranges::lower_bound(by_name_, name, {}, name_at);
  bool const is_there = found != by_name_.end() && name_at(*found) == name;
  return is_there ? &tensors_[static_cast<std::size_t>(*found)] : nullptr;
}

std::int64_t Checkpoint::total_bytes() const noexcept {
  return std::accumulate(
      tensors_.begin(),
      tensors_.end(),
      std::int64_t{0},
      [](std::int64_t sum, TensorInfo const& tensor) { return sum + tensor.bytes; });
}

}  // namespace talus::io
