// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/command_line.hpp"

#include <algorithm>
#include <type_traits>

#include <CLI/CLI.hpp>
#include <yaml-cpp/yaml.h>

#include "jobs/talus/options.hpp"
#include "runtime/api/talus/engine.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/is_optional.hpp"
#include "runtime/batch/model_options.hpp"

namespace talus::jobs {
namespace {

/// What an option means that stands without a value; null: it must have one.
char const* value_alone(std::string const& flags) {
  return flags == "--resume" ? "require" : nullptr;
}

class Adder {
 public:
  explicit Adder(CLI::App& app) : app_{&app} {}

  template <class T>
  void operator()(std::string const& flags, T& member, std::string const& help) {
    if constexpr (std::is_same_v<T, bool>) {
      app_->add_flag(flags, member, help);
    } else {
      CLI::Option* const option = app_->add_option(flags, member, help);
      if (runtime::takes_bytes(flags)) {
        option->transform(CLI::AsSizeValue(false));
      }
      if (char const* const alone = value_alone(flags)) {
        option->expected(0, 1)->default_str(alone);  // as the library takes it
      } else if constexpr (!is_optional<T>) {
        option->capture_default_str();
      }
    }
  }

 private:
  CLI::App* app_;
};

/// Writes values as text.
class Printer {
 public:
  explicit Printer(io::NamedTexts& texts) : texts_{&texts} {}

  template <class T>
  void operator()(std::string const& flags, T const& member, std::string const& /*help*/) {
    texts_->emplace_back(flags.substr(0, flags.find(',')), text_of(member));
  }

 private:
  template <class T>
  static std::string text_of(T const& value) {
    return concat(value);
  }

  static std::string text_of(bool value) { return value ? "true" : "false"; }

  template <class T>
  static std::string text_of(std::optional<T> const& value) {
    return value ? concat(*value) : "auto";
  }

  io::NamedTexts* texts_;
};

YAML::Node read_yaml(std::string const& file) {
  try {
    return YAML::LoadFile(file);
  } catch (YAML::Exception const& error) {
    throw ConfigError{concat("--config: ", file, " (", error.what(), ')')};
  }
}

}  // namespace

void add_model_options(CLI::App& app, runtime::ModelOptions& options) {
  runtime::visit_model_options(options, Adder{app});
  visit_watch_options(options, Adder{app});
}

void add_batch_options(CLI::App& app, runtime::BatchOptions& options) {
  visit_batch_options(options, Adder{app});
}

void add_engine_options(CLI::App& app, talus::Options& options, EngineStops& stops) {
  runtime::visit_model_options(options, Adder{app});
  visit_answer_options(options, Adder{app});
  visit_watch_options(stops, Adder{app});
  visit_limit_options(stops, Adder{app});
}

void apply_config_file(CLI::App& app, std::string const& file) {
  YAML::Node const root = read_yaml(file);
  if (!root.IsMap()) {
    throw ConfigError{concat("--config: ", file, " (must hold lines of the form flag: value)")};
  }
  for (auto const& entry : root) {
    if (!entry.first.IsScalar()) {
      throw ConfigError{concat("--config: ",
                               file,
                               ", line ",
                               entry.first.Mark().line + 1,
                               ": a list or map as a key (must be the name of an option)")};
    }
    auto name = entry.first.as<std::string>();
    std::replace(name.begin(), name.end(), '_', '-');
    CLI::Option* const option = app.get_option_no_throw("--" + name);
    if (option == nullptr || name == "config" || name == "help") {
      throw ConfigError{concat("--config: ",
                               file,
                               ", line ",
                               entry.first.Mark().line + 1,
                               ": ",
                               name,
                               " (not an option of this command)")};
    }
    if (!entry.second.IsScalar()) {
      throw ConfigError{concat("--config: ",
                               file,
                               ", line ",
                               entry.first.Mark().line + 1,
                               ": ",
                               name,
                               " (must be a single value)")};
    }
    if (option->count() > 0) {
      continue;  // the command line wins
    }
    try {
      option->add_result(entry.second.as<std::string>());
      option->run_callback();
    } catch (CLI::Error const& error) {
      throw ConfigError{
          concat("--config: ", file, ", line ", entry.first.Mark().line + 1, ": ", error.what())};
    }
  }
}

io::NamedTexts resolved_options(runtime::ModelOptions const& model,
                                runtime::BatchOptions const& batch) {
  io::NamedTexts texts;
  runtime::visit_model_options(model, Printer{texts});
  visit_watch_options(model, Printer{texts});
  visit_batch_options(batch, Printer{texts});
  return texts;
}

std::vector<std::string> spell_out(int argc, char const* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    for (std::string const size : {"tp", "pp", "dp", "ep"}) {
      if (argument == "-" + size || argument.rfind("-" + size + "=", 0) == 0) {
        argument.insert(0, "-");
      }
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

}  // namespace talus::jobs
