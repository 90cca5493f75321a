// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include <mpi.h>
#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/ledger/ledger_contents.hpp"

#include "tests/hostile/hostile.hpp"
#include "tests/support/catch.hpp"

using namespace talus::test;
using Catch::Matchers::ContainsSubstring;
using talus::concat;
namespace fs = std::filesystem;

namespace {

/// A file as all ranks see it, none of which goes on before the others have read it.
std::string read_file(fs::path const& file) {
  std::ifstream in{file, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  MPI_Barrier(MPI_COMM_WORLD);
  return text;
}

/// Requests that draw, that have several samples, log-probabilities and penalties, and a bad one.
std::string requests() {
  std::string lines;
  for (int i = 0; i < 10; ++i) {
    lines += concat(R"({"custom_id":"r)", i, R"(","method":"POST","url":"/v1/completions",)");
    lines += R"("body":{"prompt":"Hello","ignore_eos":true,"temperature":1.0,"max_tokens":)";
    lines += concat(5 + 3 * i, i == 4 ? R"(,"no":1)" : "", i % 3 == 1 ? R"(,"n":2)" : "");
    lines +=
        i % 3 == 2 ? R"(,"logprobs":2,"frequency_penalty":0.5)" : R"(,"return_token_ids":true)";
    lines += "}}\n";
  }
  return lines;
}

/// What of a request's answers must not depend on how often they were gone on with, by custom_id.
std::map<std::string, std::string> answers_in(fs::path const& output) {
  std::map<std::string, std::string> answers;
  std::istringstream in{read_file(output)};
  for (std::string text; std::getline(in, text);) {
    auto line = talus::io::parse_json(text, "an answer");
    line.erase("id");
    line["response"].erase("request_id");
    for (char const* const key : {"id", "created", "x_talus"}) {
      line["response"]["body"].erase(key);
    }
    CHECK(answers.emplace(line["custom_id"].get<std::string>(), line.dump()).second);
  }
  return answers;
}

/// A run over those requests, and what it left.
class KeptRun {
 public:
  KeptRun() {
    run.write_requests(requests());
    run.batch.save_partial_every = 0;
    CHECK(run.refusal().empty());
    output = read_file(run.batch.output);
    ledger = read_file(ledger_file());
    answers = answers_in(run.batch.output);
    run.batch.resume = "require";
  }

  [[nodiscard]] fs::path ledger_file() const { return talus::io::ledger_of(run.batch.output); }

  /// Puts the two files there, as a crash may have left them.
  void leave(std::string_view output_left, std::string_view ledger_left) const {
    run.write("../out.jsonl", output_left);
    run.write("../out.jsonl.ledger", ledger_left);
  }

  HostileRun run;
  std::string output;
  std::string ledger;
  std::map<std::string, std::string> answers;
};

}  // namespace

TEST_CASE("a run goes on from a ledger that is cut anywhere, with the same answers") {
  KeptRun kept;
  CHECK(kept.answers.size() == 10);
  auto const first = static_cast<std::size_t>(
      16 + static_cast<unsigned char>(kept.ledger[8]) +
      256 * static_cast<unsigned char>(kept.ledger[9]));  // of the record with the run's identity
  constexpr std::size_t num_cuts = 8;
  for (std::size_t cut = 0; cut <= num_cuts; ++cut) {
    std::size_t const bytes = first + (kept.ledger.size() - first) * cut / num_cuts;
    CAPTURE(bytes);
    kept.leave(cut % 2 == 0 ? kept.output : kept.output.substr(0, kept.output.size() / 2),
               std::string_view{kept.ledger}.substr(0, bytes));
    CHECK(kept.run.refusal().empty());
    CHECK(answers_in(kept.run.batch.output) == kept.answers);
  }
}

TEST_CASE("a ledger of another run is refused by all, and nothing is touched") {
  KeptRun kept;
  kept.run.options.seed = 7;
  CHECK_THAT(kept.run.refusal(), ContainsSubstring("--seed: this run has 7, the ledger 0"));
  kept.run.options.seed = 0;
  kept.run.options.max_model_len = 63;
  CHECK_THAT(kept.run.refusal(), ContainsSubstring("--max-model-len: this run has 63"));
  kept.run.options.max_model_len = 64;
  kept.run.write_requests(sound_requests());
  CHECK_THAT(kept.run.refusal(), ContainsSubstring("input: this run has"));
  kept.run.write_requests(requests());
  kept.leave(kept.output, "{\"not\": \"a ledger\"}\n");
  CHECK_THAT(kept.run.refusal(), ContainsSubstring("no ledger"));
  kept.run.batch.resume = "auto";
  CHECK_THAT(kept.run.refusal(), ContainsSubstring("exists already"));
  CHECK(read_file(kept.run.batch.output) == kept.output);
}

TEST_CASE("a changed output is refused by all; one that is gone is made again") {
  KeptRun kept;
  std::string changed = kept.output;
  changed[changed.size() / 2] ^= 1;
  kept.leave(changed, kept.ledger);
  CHECK_THAT(kept.run.refusal(), ContainsSubstring("is not what was written"));
  CHECK(read_file(kept.run.batch.output) == changed);
  kept.leave("", kept.ledger);
  CHECK(kept.run.refusal().empty());
  CHECK(answers_in(kept.run.batch.output) == kept.answers);
}
