// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "io/chat_template/model_templates.hpp"
#include "io/json/json.hpp"
#include "io/tokenizer/tokenizer.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/console.hpp"
#include "runtime/base/error.hpp"

// The commands that turn lines of standard input into lines of standard output: tokenize,
// detokenize, render. Under a launcher rank 0 does the work, and nobody starts MPI.

namespace talus::jobs {
namespace {

constexpr auto replace_bad_text = io::Json::error_handler_t::replace;

std::string dump(io::Json const& value) {
  return value.dump(-1, ' ', false, replace_bad_text);
}

/// Each line of standard input as JSON, through `work`, to standard output.
int for_each_line(std::function<io::Json(io::Json const&)> const& work) {
  std::string line;
  for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    std::string const source = concat("standard input, line ", number);
    io::Json const value = io::parse_json(line, source);
    try {
      std::cout << dump(work(value)) << '\n';
    } catch (nlohmann::json::exception const&) {
      throw ConfigError{concat(source, ": not the kind of value that this command takes")};
    }
  }
  std::cout << std::flush;
  return std::cout ? exit_done : exit_failed;
}

struct Arguments {
  std::string model;
  bool flag = false;
  std::string chat_template;
};

CLI::App* add_command(CLI::App& program,
                      std::string const& name,
                      std::string const& help,
                      Arguments& arguments) {
  CLI::App* const app = program.add_subcommand(name, help);
  app->add_option("--model,--model-path", arguments.model, "Directory of the checkpoint")
      ->required();
  return app;
}

/// On rank 0 only; the others have nothing to read.
Command on_first_rank(std::function<int()> work) {
  return [work = std::move(work)] { return launcher_rank() == 0 ? work() : exit_done; };
}

std::vector<io::TokenId> token_ids(io::Json const& list, io::Tokenizer const& tokenizer) {
  std::vector<io::TokenId> ids;
  for (io::Json const& id : list.get_ref<io::Json::array_t const&>()) {
    if (!id.is_number_unsigned() ||
        id.get<std::uint64_t>() >= static_cast<std::uint64_t>(tokenizer.vocab_size())) {
      throw ConfigError{concat(
          "token id ", dump(id), " (an integer from 0 to ", tokenizer.vocab_size() - 1, ')')};
    }
    ids.push_back(id.get<io::TokenId>());
  }
  return ids;
}

io::Json render_line(io::ModelTemplate const& model, io::Json const& request) {
  try {
    return io::render_chat(model, request);
  } catch (io::TemplateError const& error) {
    return io::Json{{"error", error.reason()}};
  } catch (ConfigError const& error) {
    return io::Json{{"error", error.what()}};
  }
}

}  // namespace

Command add_tokenize(CLI::App& program) {
  auto const arguments = std::make_shared<Arguments>();
  CLI::App* const app = add_command(
      program, "tokenize", "JSON strings, one a line, to arrays of token ids", *arguments);
  app->add_flag("--no-special-tokens", arguments->flag, "Don't put the model's own tokens around");
  return on_first_rank([arguments] {
    io::Tokenizer const tokenizer = io::Tokenizer::load(arguments->model);
    auto const add = arguments->flag ? io::AddSpecialTokens::no : io::AddSpecialTokens::yes;
    return for_each_line([&](io::Json const& text) {
      return io::Json(tokenizer.encode(text.get_ref<std::string const&>(), add));
    });
  });
}

Command add_detokenize(CLI::App& program) {
  auto const arguments = std::make_shared<Arguments>();
  CLI::App* const app = add_command(
      program, "detokenize", "Arrays of token ids, one a line, to JSON strings", *arguments);
  app->add_flag("--skip-special-tokens", arguments->flag, "Leave special tokens out");
  return on_first_rank([arguments] {
    io::Tokenizer const tokenizer = io::Tokenizer::load(arguments->model);
    auto const skip = arguments->flag ? io::SkipSpecialTokens::yes : io::SkipSpecialTokens::no;
    return for_each_line([&](io::Json const& ids) {
      return io::Json(tokenizer.decode(token_ids(ids, tokenizer), skip));
    });
  });
}

Command add_render(CLI::App& program) {
  auto const arguments = std::make_shared<Arguments>();
  CLI::App* const app =
      add_command(program,
                  "render",
                  "Bodies of chat requests, one a line, to the prompts they become",
                  *arguments);
  app->add_option("--chat-template",
                  arguments->chat_template,
                  "File of a chat template to use instead of the model's");
  return on_first_rank([arguments] {
    auto const model = io::load_model_template(arguments->model, arguments->chat_template);
    if (!model) {
      throw ConfigError{concat(arguments->model,
                               ": no chat template (looked for chat_template.jinja "
                               "and tokenizer_config.json)")};
    }
    return for_each_line([&](io::Json const& request) { return render_line(*model, request); });
  });
}

}  // namespace talus::jobs
