// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/sharded/detail/manifest_field.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

namespace fs = std::filesystem;
using detail::ManifestField;

constexpr char const* format_name = "talus-packed-weights";
constexpr std::int64_t format_version = 1;
constexpr std::int64_t most_bytes = std::int64_t{1} << 50;
constexpr std::int64_t most_ranks = std::int64_t{1} << 20;
constexpr std::int64_t least_chunk_bytes = 4096;

PackedTensor parse_tensor(ManifestField const& field, std::int64_t chunk_bytes) {
  PackedTensor tensor;
  tensor.name = field.at("name").text();
  ManifestField const named = field.named(tensor.name);
  tensor.type = named.at("type").text();
  tensor.scales = named.has("scales") ? named.at("scales").text() : "";
  tensor.offset = named.at("offset").integer(0, most_bytes);
  tensor.bytes = named.at("bytes").integer(0, most_bytes);
  ManifestField const hashes = named.at("xxh3");
  for (std::int64_t i = 0; i < hashes.size(); ++i) {
    tensor.hashes.push_back(hashes.at(i).hash());
  }
  std::int64_t const chunks = (tensor.bytes + chunk_bytes - 1) / chunk_bytes;
  if (std::ssize(tensor.hashes) != chunks) {
    hashes.fail(concat(tensor.hashes.size(),
                       " checksums for ",
                       tensor.bytes,
                       " bytes in chunks of ",
                       chunk_bytes,
                       " (must be ",
                       chunks,
                       ')'));
  }
  return tensor;
}

PackedFile parse_file(ManifestField const& field, std::int64_t chunk_bytes) {
  PackedFile file;
  file.name = field.at("file").file_name();
  ManifestField const named = field.named(file.name);
  file.bytes = named.at("bytes").integer(0, most_bytes);
  ManifestField const tensors = named.at("tensors");
  std::set<std::string_view> names;
  std::int64_t end = 0;
  file.tensors.reserve(static_cast<std::size_t>(tensors.size()));
  for (std::int64_t i = 0; i < tensors.size(); ++i) {
    PackedTensor const& tensor =
        file.tensors.emplace_back(parse_tensor(tensors.at(i), chunk_bytes));
    if (!names.insert(tensor.name).second) {
      tensors.at(i).named(tensor.name).fail("is there twice");
    }
    if (tensor.offset < end || tensor.offset > end + most_gap_bytes) {
      tensors.at(i)
          .named(tensor.name)
          .fail(concat("offset ",
                       tensor.offset,
                       " (must follow the tensor before, which ends at ",
                       end,
                       ')'));
    }
    end = tensor.offset + tensor.bytes;
  }
  if (end != file.bytes) {
    named.fail(concat("tensors end at ", end, " of ", file.bytes, " bytes (must be at the end)"));
  }
  return file;
}

void check_format(ManifestField const& root) {
  if (!root.has("format") || root.at("format").text() != format_name) {
    root.fail(
        concat("\"format\" is not \"", format_name, "\" (talus shard writes such manifests)"));
  }
  std::int64_t const version = root.at("format_version").integer(1, most_ranks);
  if (version != format_version) {
    root.fail(concat("format_version ", version, " (this program reads ", format_version, ')'));
  }
}

Json to_json(PackedTensor const& tensor) {
  Json json = {{"name", tensor.name}, {"type", tensor.type}};
  if (!tensor.scales.empty()) {
    json["scales"] = tensor.scales;
  }
  json["offset"] = tensor.offset;
  json["bytes"] = tensor.bytes;
  json["xxh3"] = Json::array();
  for (std::uint64_t const hash : tensor.hashes) {
    json["xxh3"].push_back(detail::hash_text(hash));
  }
  return json;
}

/// An object's text without its closing brace.
std::string open_object(Json const& json) {
  std::string text = json.dump();
  text.pop_back();
  return text;
}

}  // namespace

PackedFile const* ShardManifest::find(std::string_view name) const noexcept {
  auto const found =
      std::ranges::find_if(files, [&](PackedFile const& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

std::int64_t ShardManifest::total_bytes() const noexcept {
  std::int64_t bytes = 0;
  for (PackedFile const& file : files) {
    bytes += file.bytes;
  }
  return bytes;
}

std::string shard_file_name(int stage, int shard) {
  return concat("stage-", stage, "-shard-", shard, ".weights");
}

std::string expert_file_name(int stage, int expert_rank) {
  return concat("stage-", stage, "-experts-", expert_rank, ".weights");
}

bool has_packed_weights(fs::path const& dir) {
  std::error_code ignored;  // who can't look into the folder is told so by who reads from it
  if (!fs::exists(dir / manifest_name, ignored)) {
    return false;
  }
  for (auto const& entry : fs::directory_iterator{dir, ignored}) {
    if (entry.path().extension() == ".safetensors") {
      return false;
    }
  }
  return true;
}

ShardManifest parse_manifest(std::string_view text, std::string const& source) {
  Json const json = parse_json(text, source);
  ManifestField const root{json, source};
  check_format(root);
  ShardManifest manifest;
  manifest.talus = root.at("talus").text();
  manifest.config_hash = root.at("config_xxh3").hash();
  auto const size = [&](char const* name) {
    return static_cast<int>(root.at("grid").at(name).integer(1, most_ranks));
  };
  manifest.tensor_parallel_size = size("tensor_parallel_size");
  manifest.pipeline_parallel_size = size("pipeline_parallel_size");
  manifest.expert_parallel_size = size("expert_parallel_size");
  manifest.backend = root.at("kernels").at("backend").text();
  manifest.packing_hash = root.at("kernels").at("packing").hash();
  manifest.dtype = root.at("dtype").text();
  manifest.quantization = root.at("quantization").text();
  manifest.chunk_bytes = root.at("chunk_bytes").integer(least_chunk_bytes, most_chunk_bytes);
  ManifestField const files = root.at("files");
  std::set<std::string> names;
  std::int64_t bytes = 0;
  for (std::int64_t i = 0; i < files.size(); ++i) {
    manifest.files.push_back(parse_file(files.at(i), manifest.chunk_bytes));
    PackedFile const& file = manifest.files.back();
    bytes += file.bytes;
    if (!names.insert(file.name).second || bytes > most_bytes) {
      files.at(i).named(file.name).fail(bytes > most_bytes ? "beyond 2^50 bytes"
                                                           : "is there twice");
    }
  }
  return manifest;
}

std::string format_packed_file(PackedFile const& file) {
  std::string text = open_object({{"file", file.name}, {"bytes", file.bytes}}) + ",\"tensors\":[";
  for (PackedTensor const& tensor : file.tensors) {
    text += &tensor == file.tensors.data() ? "\n" : ",\n";
    text += to_json(tensor).dump();
  }
  return text + "]}";
}

PackedFile parse_packed_file(std::string_view text,
                             std::int64_t chunk_bytes,
                             std::string const& source) {
  Json const json = parse_json(text, source);
  return parse_file(ManifestField{json, source}, chunk_bytes);
}

std::string format_manifest(ShardManifest const& manifest) {
  std::string text =
      open_object(
          {{"format", format_name},
           {"format_version", format_version},
           {"talus", manifest.talus},
           {"config_xxh3", detail::hash_text(manifest.config_hash)},
           {"grid",
            {{"tensor_parallel_size", manifest.tensor_parallel_size},
             {"pipeline_parallel_size", manifest.pipeline_parallel_size},
             {"expert_parallel_size", manifest.expert_parallel_size}}},
           {"kernels",
            {{"backend", manifest.backend}, {"packing", detail::hash_text(manifest.packing_hash)}}},
           {"dtype", manifest.dtype},
           {"quantization", manifest.quantization},
           {"chunk_bytes", manifest.chunk_bytes}}) +
      ",\"files\":[";
  for (PackedFile const& file : manifest.files) {
    text += &file == manifest.files.data() ? "\n" : ",\n";
    text += format_packed_file(file);
  }
  return text + "]}\n";
}

}  // namespace talus::io
