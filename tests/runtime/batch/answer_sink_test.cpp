// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/answer_sink.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <mpi.h>

#include "io/ledger/ledger_contents.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/request_files.hpp"
#include "tests/support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;
using talus::parallel::Communicator;
using talus::runtime::AnswerSink;
using talus::runtime::AnswerStore;
using talus::runtime::BatchOptions;
using talus::runtime::Start;

namespace {

/// An output and its ledger on rank 0, whose files are forced to the disk under a test's eyes.
class Output {
 public:
  explicit Output(std::string const& sync) {
    if (leads_.rank() == 0) {
      BatchOptions batch;
      batch.output = output();
      batch.sync = sync;
      store_.emplace(batch, Start::fresh, nullptr, [this](auto const& file, auto const& path) {
        ++forced_[path.extension()];
        on_force(path.extension());
        talus::io::files::force_to_disk(file, path);
      });
      store_->open({{"a", "run"}});
      forced_.clear();  // what the making of the files took
    }
    sink_.emplace(leads_, store_ ? &*store_ : nullptr);
  }

  AnswerSink& sink() { return *sink_; }

  [[nodiscard]] Communicator const& leads() const { return leads_; }

  [[nodiscard]] std::string output() const { return folder_.path() / "out.jsonl"; }

  /// How often the output, or the ledger, was forced to the disk.
  [[nodiscard]] int forced_output() { return forced_[".jsonl"]; }

  [[nodiscard]] int forced_ledger() { return forced_[".ledger"]; }

  [[nodiscard]] std::size_t lines_in_ledger() const {
    return talus::io::read_ledger(output() + ".ledger")->finished.size();
  }

  /// Called before a file is forced, with its extension.
  std::function<void(std::string const& extension)> on_force = [](std::string const&) {};

 private:
  TemporaryFolder folder_;
  Communicator leads_ = Communicator::duplicate(MPI_COMM_WORLD);
  std::map<std::string, int> forced_;
  std::optional<AnswerStore> store_;
  std::optional<AnswerSink> sink_;
};

void send_lines(Output& output, int count) {
  for (int i = 0; i < count; ++i) {
    output.sink().add_answer(count * output.leads().rank() + i, "a line\n", 3);
  }
}

/// Drains until all lines of all ranks count. \return drains by which some came to count
int drain_all(Output& output, int count) {
  int num_useful = 0;
  for (std::int64_t known = 0; known < count;) {
    output.sink().drain();
    std::int64_t const now = output.sink().counts().done();
    num_useful += now > known ? 1 : 0;
    known = now;
  }
  return num_useful;
}

}  // namespace

TEST_CASE("--sync each forces each file once for all lines of a drain") {
  Output output{"each"};
  constexpr int each = 20;
  int const all = each * output.leads().size();
  send_lines(output, each);

  if (output.leads().rank() == 0) {
    int const drains = drain_all(output, all);
    CHECK(output.forced_output() == drains);
    CHECK(output.forced_ledger() == drains);
    CHECK(drains <= all - each + 1);  // those of its own come together
    for (int i = 0; i < 5; ++i) {
      output.sink().drain();  // of nothing
    }
    CHECK(output.forced_output() + output.forced_ledger() == 2 * drains);
  }
  output.sink().close();
  if (output.leads().rank() == 0) {
    CHECK(output.lines_in_ledger() == static_cast<std::size_t>(all));
  }
}

TEST_CASE("nothing counts before it is on the disk") {
  Output output{"each"};
  bool const is_writer = output.leads().rank() == 0;
  for (int round = 0; round < 3; ++round) {
    std::int64_t const before = output.sink().counts().done();
    std::string forced;
    output.on_force = [&](std::string const& extension) {
      forced += extension;
      CHECK(output.sink().counts().done() == before);
      bool const are_lines_safe = extension == ".ledger";
      CHECK(output.lines_in_ledger() ==
            static_cast<std::size_t>(before + (are_lines_safe ? 4 : 0)));
    };
    if (is_writer) {
      send_lines(output, 4);
      output.sink().drain();
      CHECK(forced == ".jsonl.ledger");
      CHECK(output.sink().counts().done() == before + 4);
    }
    output.on_force = [](std::string const&) {};
  }
  output.sink().close();
}

TEST_CASE("lines that can't be forced to the disk don't count, and the ledger doesn't know them") {
  std::optional<Output> output{"each"};
  if (output->leads().rank() == 0) {
    send_lines(*output, 4);
    output->on_force = [](std::string const&) { throw ConfigError{"a disk that failed"}; };
    CHECK_THROWS_WITH(output->sink().drain(), ContainsSubstring("a disk that failed"));
    CHECK(output->sink().counts().done() == 0);
    CHECK(output->lines_in_ledger() == 0);
    output->on_force = [](std::string const&) {};
  }
  output->sink().close();
}

TEST_CASE("saved tokens alone force the ledger alone") {
  Output output{"each"};
  if (output.leads().rank() == 0) {
    std::string const payload = talus::io::format_saved_tokens({.request = 7, .tokens = {1, 2}});
    output.sink().save({&payload, 1});
    output.sink().drain();
    CHECK(output.forced_output() == 0);
    CHECK(output.forced_ledger() == 1);
  }
  output.sink().close();
}

TEST_CASE("the other policies force at the end, or never") {
  auto const [sync, times] = GENERATE(std::pair{"none", 0}, std::pair{"close", 1});
  Output output{sync};
  bool const is_writer = output.leads().rank() == 0;
  send_lines(output, 5);
  if (is_writer) {
    drain_all(output, 5 * output.leads().size());
    CHECK(output.lines_in_ledger() == static_cast<std::size_t>(5 * output.leads().size()));
    CHECK(output.forced_output() + output.forced_ledger() == 0);
  }
  output.sink().close();
  if (is_writer) {
    CHECK(output.forced_output() == times);
    CHECK(output.forced_ledger() == times);
  }
}
