// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/answer_sink.hpp"

#include <utility>

#include "runtime/engine/wire.hpp"

namespace talus::runtime {
namespace {

constexpr std::int64_t no_answer = -1;  // in place of a number of tokens

}  // namespace

AnswerSink::AnswerSink(parallel::Communicator const& leads, std::unique_ptr<io::AnswerFile> file)
    : is_writer_{leads.rank() == 0}, mailbox_{leads}, file_{std::move(file)} {}

void AnswerSink::add_answer(std::string_view line, std::int64_t output_tokens) {
  send(output_tokens, line);
}

void AnswerSink::add_error(std::string_view line) {
  send(no_answer, line);
}

void AnswerSink::send(std::int64_t output_tokens, std::string_view line) {
  std::vector<std::byte> message;
  WireWriter out{message};
  out.value(output_tokens);
  out.text(line);
  mailbox_.send(std::move(message));
}

void AnswerSink::write(std::span<std::byte const> message) {
  WireReader in{message};
  auto const output_tokens = in.value<std::int64_t>();
  file_->append(in.text());
  if (output_tokens == no_answer) {
    ++counts_.errors;
  } else {
    ++counts_.answers;
    counts_.output_tokens += output_tokens;
  }
}

void AnswerSink::drain() {
  if (is_writer_) {
    mailbox_.drain([&](int, std::vector<std::byte>&& message) { write(message); });
  } else {
    mailbox_.progress();
  }
}

void AnswerSink::close() {
  mailbox_.close([&](int, std::vector<std::byte>&& message) { write(message); });
  if (file_) {
    file_->close();
  }
}

}  // namespace talus::runtime
