// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

namespace talus::test {

/// The folders of tests/data/tokenizers.
inline constexpr std::array<char const*, 19> golden_tokenizers = {"gpt2",
                                                                  "llama3",
                                                                  "qwen",
                                                                  "deepseek",
                                                                  "deepseek_v2",
                                                                  "o200k",
                                                                  "tekken",
                                                                  "cl100k",
                                                                  "seed_oss",
                                                                  "digits",
                                                                  "normalised",
                                                                  "llama2",
                                                                  "phi3",
                                                                  "mistral",
                                                                  "gemma",
                                                                  "unknown",
                                                                  "t5",
                                                                  "xlm",
                                                                  "unigram_bytes"};

/// A model's directory, filled by the test and removed with this object.
class ModelDir {
 public:
  ModelDir() {
    std::string name = (std::filesystem::temp_directory_path() / "talus_tokenizer_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }

  ~ModelDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  ModelDir(ModelDir const&) = delete;
  ModelDir& operator=(ModelDir const&) = delete;

  void write(std::string_view file, std::string_view content) const {
    std::ofstream{path_ / file, std::ios::binary} << content;
  }

  std::filesystem::path const& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace talus::test
