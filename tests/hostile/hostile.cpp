// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/hostile.hpp"

#include <fstream>
#include <iterator>

#include <mpi.h>
#include <unistd.h>

#include "kernels/session.hpp"
#include "parallel/communicator.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

namespace talus::test {
namespace {

namespace fs = std::filesystem;

int my_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

std::string read_file(fs::path const& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(fs::path const& file, std::string_view text) {
  std::ofstream{file, std::ios::binary}.write(text.data(),
                                              static_cast<std::streamsize>(text.size()));
}

/// For runs whose words nobody reads.
class Silent final : public Reporter {
 public:
  void info(std::string_view /*line*/) override {}

  void warn(std::string_view /*line*/) override {}

  void progress(std::string_view /*line*/) override {}
};

/// A text, as rank 0 has it.
std::string broadcast(std::string text) {
  auto size = static_cast<int>(text.size());
  MPI_Bcast(&size, 1, MPI_INT, 0, MPI_COMM_WORLD);
  text.resize(static_cast<std::size_t>(size));
  MPI_Bcast(text.data(), size, MPI_CHAR, 0, MPI_COMM_WORLD);
  return text;
}

std::string escaped(std::string const& character) {
  return character == "\"" || character == "\\" ? concat('\\', character) : character;
}

/// The character that a byte-level vocabulary has for a byte: itself where it is visible.
std::string visible(int byte, int& next) {
  bool const is_visible = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
  int const code = is_visible ? byte : next++;
  if (code < 128) {
    return {static_cast<char>(code)};
  }
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

}  // namespace

std::string sound_config() {
  return read_file(fs::path{TALUS_TEST_DATA} / "models/llama3/config.json");
}

std::string sound_weights() {
  return read_file(fs::path{TALUS_TEST_DATA} / "models/llama3/model.safetensors");
}

std::string sound_tokenizer() {
  std::string vocab;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    vocab += concat(byte == 0 ? "\"" : ",\"", escaped(visible(byte, next)), "\":", byte);
  }
  return concat(
      R"({"version":"1.0","added_tokens":[{"id":256,"content":"<s>","special":true,)",
      R"("normalized":false,"lstrip":false,"rstrip":false,"single_word":false}],)",
      R"("normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,)",
      R"("trim_offsets":true,"use_regex":true},"post_processor":null,)",
      R"("decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,)",
      R"("use_regex":true},"model":{"type":"BPE","vocab":{)",
      vocab,
      R"(},"merges":[]}})");
}

std::string sound_requests() {
  std::string lines;
  for (char const* const id : {"a", "b", "c"}) {
    lines += concat(R"({"custom_id":")",
                    id,
                    R"(","method":"POST","url":"/v1/completions",)",
                    R"("body":{"prompt":"Hello","max_tokens":3,"ignore_eos":true}})",
                    '\n');
  }
  return lines;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  auto const at = text.find(from);
  INFO("looking for " << from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

HostileRun::HostileRun() {
  fs::path const folder =
      fs::temp_directory_path() / concat("talus-test-hostile-", static_cast<long>(::getpid()));
  folder_ = broadcast(folder.string());
  if (my_rank() == 0) {
    fs::create_directories(model());
    write_file(model() / "config.json", sound_config());
    write_file(model() / "model.safetensors", sound_weights());
    write_file(model() / "tokenizer.json", sound_tokenizer());
    write_file(folder_ / "in.jsonl", sound_requests());
  }
  MPI_Barrier(MPI_COMM_WORLD);
  options.model = model().string();
  options.max_model_len = 64;
  options.max_num_seqs = 4;
  options.max_num_batched_tokens = 32;
  options.kv_cache_memory = 1 << 20;
  batch.input = (folder_ / "in.jsonl").string();
  batch.output = (folder_ / "out.jsonl").string();
}

HostileRun::~HostileRun() {
  MPI_Barrier(MPI_COMM_WORLD);
  if (my_rank() == 0) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
}

void HostileRun::damage(std::function<void(fs::path const& model)> const& change) const {
  if (my_rank() == 0) {
    change(model());
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

void HostileRun::write(std::string_view name, std::string_view text) const {
  damage([&](fs::path const& model) { write_file(model / name, text); });
}

void HostileRun::write_requests(std::string_view text) const {
  damage([&](fs::path const& model) { write_file(model.parent_path() / "in.jsonl", text); });
}

std::string HostileRun::refusal() const {
  kernels::KernelSession const session{1};
  Silent silent;
  auto stage = runtime::RunStage::setting_up;
  std::string message;
  try {
    runtime::run_batch(MPI_COMM_WORLD, options, batch, {}, {}, silent, stage);
  } catch (ConfigError const& error) {
    message = error.what();
    CHECK(stage == runtime::RunStage::setting_up);
  }
  CHECK(message == broadcast(message));
  return message;
}

std::vector<std::string> HostileRun::answers() const {
  CHECK(refusal().empty());
  std::vector<std::string> lines;
  if (std::ifstream in{batch.output}; in) {
    for (std::string line; std::getline(in, line);) {
      lines.push_back(line);
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);
  damage([&](fs::path const&) { fs::remove(batch.output); });
  return lines;
}

void check_refusals(std::string_view file, std::vector<HostileFile> const& cases) {
  HostileRun run;
  run.batch.overwrite = true;  // what isn't refused must not spoil the next case
  for (HostileFile const& hostile : cases) {
    CAPTURE(hostile.what);
    run.write(file, hostile.content);
    std::string const message = run.refusal();
    CHECK_THAT(message, Catch::Matchers::ContainsSubstring(std::string{file}));
    for (std::string const& text : hostile.said) {
      CHECK_THAT(message, Catch::Matchers::ContainsSubstring(text));
    }
    CHECK(message.size() < 4096);
  }
}

}  // namespace talus::test
