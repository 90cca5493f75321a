// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <mpi.h>
#include <nlohmann/json.hpp>

#include "io/chat_template/model_templates.hpp"
#include "io/json/json.hpp"
#include "io/tokenizer/tokenizer.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/console.hpp"
#include "jobs/talus/session.hpp"
#include "parallel/agree.hpp"
#include "parallel/broadcast_text.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/error_text.hpp"
#include "runtime/base/value_bytes.hpp"

// The commands that turn lines of standard input into lines of standard output: tokenize,
// detokenize, render. Under a launcher all ranks share the lines of the first two, and rank 0 does
// the third alone; only rank 0 reads and writes.

namespace talus::jobs {
namespace {

constexpr auto replace_bad_text = io::Json::error_handler_t::replace;

std::string dump(io::Json const& value) {
  return value.dump(-1, ' ', false, replace_bad_text);
}

using LineWork = std::function<io::Json(io::Json const&)>;

/// What `work` makes of line `number`, with its end; nothing for a line of blanks.
std::string work_on_line(std::string_view line, std::int64_t number, LineWork const& work) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
    return {};
  }
  std::string const source = concat("standard input, line ", number);
  io::Json const value = io::parse_json(line, source);
  try {
    return dump(work(value)) + '\n';
  } catch (nlohmann::json::exception const&) {
    throw ConfigError{concat(source, ": not the kind of value that this command takes")};
  }
}

/// Each line of standard input as JSON, through `work`, to standard output.
int for_each_line(LineWork const& work) {
  std::string line;
  for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
    std::cout << work_on_line(line, number, work);
  }
  std::cout << std::flush;
  return std::cout ? exit_done : exit_failed;
}

/// Lines of standard input, of which each rank works on its share.
class SharedLines {
 public:
  SharedLines(parallel::Communicator const& world, LineWork const& work)
      : world_{&world}, work_{&work} {}

  /// Collective over the world. \throws ConfigError  on all ranks, if a line can't be worked on
  int run() {
    while (read_block()) {
      std::string const done = work_on_share();
      auto const shares = parallel::gather_bytes(*world_, std::as_bytes(std::span{done}), 0);
      if (int const code = write(shares); code != exit_done) {
        return code;
      }
    }
    return exit_done;
  }

 private:
  // Enough for ranks to be busy for longer than the messages take.
  static constexpr std::size_t rank_bytes = std::size_t{1} << 18U;

  /// Gives all ranks the next lines; false at the end.
  bool read_block() {
    first_number_ += static_cast<std::int64_t>(lines_.size());
    lines_.clear();
    std::string block;
    std::size_t const wanted = rank_bytes * static_cast<std::size_t>(world_->size());
    for (std::string line; world_->rank() == 0 && block.size() < wanted;) {
      if (!std::getline(std::cin, line)) {
        break;
      }
      block += line;
      block += '\n';
    }
    std::istringstream text{parallel::broadcast_text(*world_, block)};
    for (std::string line; std::getline(text, line);) {
      lines_.push_back(std::move(line));
    }
    return !lines_.empty();
  }

  /// This rank's lines of output behind the reason why it stopped, if it did, and a zero byte.
  std::string work_on_share() const {
    auto const rank = static_cast<std::size_t>(world_->rank());
    auto const size = static_cast<std::size_t>(world_->size());
    std::string failure;
    std::string output;
    for (std::size_t i = lines_.size() * rank / size; i < lines_.size() * (rank + 1) / size; ++i) {
      try {
        output += work_on_line(lines_[i], first_number_ + static_cast<std::int64_t>(i), *work_);
      } catch (ConfigError const& error) {
        failure = error.what();
        break;
      }
    }
    return failure + '\0' + output;
  }

  /// Writes the shares in order, up to the first that failed; all ranks learn how it went.
  int write(std::vector<std::vector<std::byte>> const& shares) const {
    std::string verdict;
    for (auto const& share : shares) {
      std::string_view const text = as_text(share);
      std::size_t const end = text.find('\0');
      std::cout << text.substr(end + 1) << std::flush;
      verdict = text.substr(0, end);
      if (!verdict.empty()) {
        break;
      }
    }
    if (verdict.empty() && !std::cout) {
      verdict = cant_write;
    }
    verdict = parallel::broadcast_text(*world_, verdict);
    if (!verdict.empty() && verdict != cant_write) {
      throw ConfigError{without_place(verdict)};
    }
    return verdict.empty() ? exit_done : exit_failed;
  }

  static constexpr std::string_view cant_write = "standard output";

  parallel::Communicator const* world_;
  LineWork const* work_;
  std::vector<std::string> lines_;
  std::int64_t first_number_ = 1;
};

/// All ranks load the tokenizer and share the lines.
int share_lines(std::string const& model,
                std::function<io::Json(io::Tokenizer const&, io::Json const&)> const& work) {
  auto const run = [&](Console&, runtime::RunStage&, kernels::KernelSession const&) {
    auto const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
    std::optional<io::Tokenizer> tokenizer;
    parallel::run_and_agree(world, [&] { tokenizer = io::Tokenizer::load(model); });
    LineWork const line_work = [&](io::Json const& value) { return work(*tokenizer, value); };
    return SharedLines{world, line_work}.run();
  };
  return run_on_ranks(1, run, StartCheck::none);
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
  return [arguments] {
    auto const add = arguments->flag ? io::AddSpecialTokens::no : io::AddSpecialTokens::yes;
    return share_lines(arguments->model, [&](io::Tokenizer const& tokenizer, io::Json const& text) {
      return io::Json(tokenizer.encode(text.get_ref<std::string const&>(), add));
    });
  };
}

Command add_detokenize(CLI::App& program) {
  auto const arguments = std::make_shared<Arguments>();
  CLI::App* const app = add_command(
      program, "detokenize", "Arrays of token ids, one a line, to JSON strings", *arguments);
  app->add_flag("--skip-special-tokens", arguments->flag, "Leave special tokens out");
  return [arguments] {
    auto const skip = arguments->flag ? io::SkipSpecialTokens::yes : io::SkipSpecialTokens::no;
    return share_lines(arguments->model, [&](io::Tokenizer const& tokenizer, io::Json const& ids) {
      return io::Json(tokenizer.decode(token_ids(ids, tokenizer), skip));
    });
  };
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
