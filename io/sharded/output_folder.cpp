// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/output_folder.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <system_error>

#include "io/files/open_file.hpp"
#include "io/json/json.hpp"
#include "io/sharded/manifest.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

namespace fs = std::filesystem;

void check(std::error_code const& error, fs::path const& path, std::string_view what) {
  if (error) {
    throw ConfigError{concat(path.string(), ": ", what, " (", error.message(), ')')};
  }
}

/// Refuses to replace what nobody can have meant to be replaced.
void check_existing(fs::path const& folder, bool overwrite) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(folder, ignored))) {
    return;
  }
  if (!overwrite) {
    throw ConfigError{
        concat(folder.string(), ": exists already (name another folder, or allow --overwrite)")};
  }
  bool const is_folder = fs::is_directory(fs::symlink_status(folder, ignored));
  if (!is_folder || !(fs::is_empty(folder, ignored) || has_packed_weights(folder))) {
    throw ConfigError{
        concat(folder.string(), ": can't be overwritten (is no folder of packed weights)")};
  }
}

bool is_model_file(fs::path const& file) {
  constexpr std::array endings = {".json", ".jinja", ".txt", ".model"};
  std::string const name = file.filename().string();
  return !name.ends_with(".index.json") && name != manifest_name &&
         std::ranges::any_of(endings, [&](char const* ending) { return name.ends_with(ending); });
}

fs::path without_slash(fs::path const& folder) {
  fs::path const normal = folder.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

}  // namespace

fs::path OutputFolder::partial(fs::path const& folder) {
  fs::path partial = without_slash(folder);
  partial += ".partial";
  return partial;
}

OutputFolder::OutputFolder(fs::path const& folder, bool overwrite)
    : folder_{without_slash(folder)}, partial_{partial(folder)} {
  check_existing(folder_, overwrite);
  std::error_code error;
  if (!fs::create_directory(partial_, error)) {
    check(error, partial_, "can't be created");
    throw ConfigError{concat(partial_.string(),
                             ": exists already (another run writes to it, or was stopped: remove "
                             "it then)")};
  }
}

OutputFolder::~OutputFolder() {
  if (!is_published_) {
    std::error_code ignored;
    fs::remove_all(partial_, ignored);
  }
}

void OutputFolder::write(fs::path const& name, std::string_view text) const {
  fs::path const file = partial_ / name;
  files::OpenFile to = files::create_file(file);
  files::write_all(to, text, file);
  files::force_to_disk(to, file);
  files::close_written(to, file);
}

void OutputFolder::copy_model_files(fs::path const& model) const {
  constexpr char const* more_templates = "additional_chat_templates";
  std::error_code error;
  fs::path const templates = model / more_templates;
  if (fs::is_directory(templates, error)) {
    fs::create_directory(partial_ / more_templates, error);
    check(error, partial_ / more_templates, "can't be created");
  }
  for (fs::path const& folder : {model, templates}) {
    for (auto const& entry : fs::directory_iterator{folder, error}) {
      if (entry.is_regular_file() && is_model_file(entry.path())) {
        write(entry.path().lexically_relative(model), read_text_file(entry.path()));
      }
    }
  }
}

void OutputFolder::publish() {
  std::error_code error;
  fs::path old = folder_;
  old += ".replaced";
  bool const replaces = fs::exists(folder_, error);
  if (replaces) {
    fs::rename(folder_, old, error);
    check(error, folder_, "can't be replaced");
  }
  fs::rename(partial_, folder_, error);
  check(error, partial_, concat("can't be renamed to ", folder_.filename().string()));
  is_published_ = true;
  if (replaces) {
    fs::remove_all(old, error);
    check(error, old, "can't be removed");
  }
}

}  // namespace talus::io
