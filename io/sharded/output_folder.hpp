// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace talus::io {

/// A folder that appears under its name when all of it is there: until then it is called
/// NAME.partial, and is removed again if it is given up.
class OutputFolder {
 public:
  /// The name that it has while it is filled.
  [[nodiscard]] static std::filesystem::path partial(std::filesystem::path const& folder);

  /// Creates it, empty.
  ///
  /// \param overwrite  a folder of that name is replaced, if it is one of packed weights or empty
  /// \throws ConfigError  if it exists and isn't to be replaced, one was left half done before, or
  ///                      it can't be created
  OutputFolder(std::filesystem::path const& folder, bool overwrite);
  ~OutputFolder();
  OutputFolder(OutputFolder const&) = delete;
  OutputFolder& operator=(OutputFolder const&) = delete;

  /// Writes a file, and forces it to the disk.
  ///
  /// \throws ConfigError  if it can't be written
  void write(std::filesystem::path const& name, std::string_view text) const;

  /// Copies what a run needs of a model besides its weights: configs, tokenizer, chat templates.
  ///
  /// \throws ConfigError  if a file can't be read or written
  void copy_model_files(std::filesystem::path const& model) const;

  /// Gives it its name.
  ///
  /// \throws ConfigError  if that can't be done
  void publish();

 private:
  std::filesystem::path folder_;
  std::filesystem::path partial_;
  bool is_published_ = false;
};

}  // namespace talus::io
