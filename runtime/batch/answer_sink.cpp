// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/answer_sink.hpp"

#include <utility>

#include "runtime/engine/wire.hpp"

namespace talus::runtime {
namespace {

constexpr int writer = 0;                  // rank of the leads
constexpr std::int64_t no_answer = -1;     // in place of a number of tokens
constexpr std::int64_t saved_tokens = -1;  // in place of a request's number

}  // namespace

AnswerSink::AnswerSink(parallel::Communicator const& leads, AnswerStore* store)
    : is_writer_{leads.rank() == writer}, mailbox_{leads}, store_{store} {}

void AnswerSink::add_answer(std::int64_t request,
                            std::string_view line,
                            std::int64_t output_tokens) {
  send(request, output_tokens, line);
}

void AnswerSink::add_error(std::int64_t request, std::string_view line) {
  send(request, no_answer, line);
}

void AnswerSink::send(std::int64_t request, std::int64_t output_tokens, std::string_view line) {
  std::vector<std::byte> message;
  WireWriter out{message};
  out.value(request);
  out.value(output_tokens);
  out.text(line);
  mailbox_.send(writer, std::move(message));
}

void AnswerSink::save(std::span<std::string const> payloads) {
  std::vector<std::byte> message;
  WireWriter out{message};
  out.value(saved_tokens);
  out.value(std::ssize(payloads));
  for (std::string const& payload : payloads) {
    out.text(payload);
  }
  mailbox_.send(writer, std::move(message));
}

void AnswerSink::write(std::span<std::byte const> message) {
  WireReader in{message};
  auto const request = in.value<std::int64_t>();
  if (request == saved_tokens) {
    std::vector<std::string> payloads(in.value<std::size_t>());
    for (std::string& payload : payloads) {
      payload = in.text();
    }
    store_->add_saved(payloads);
    return;
  }
  auto const output_tokens = in.value<std::int64_t>();
  store_->add_line(request, in.text(), output_tokens == no_answer);
  if (output_tokens == no_answer) {
    ++written_.errors;
  } else {
    ++written_.answers;
    written_.output_tokens += output_tokens;
  }
}

void AnswerSink::commit() {
  store_->commit();
  counts_ += std::exchange(written_, {});
}

void AnswerSink::drain() {
  if (is_writer_) {
    mailbox_.drain([&](int, std::vector<std::byte>&& message) { write(message); });
    commit();
    store_->look_after();
  } else {
    mailbox_.progress();
  }
}

void AnswerSink::close() {
  mailbox_.close([&](int, std::vector<std::byte>&& message) { write(message); });
  if (is_writer_) {
    commit();
    store_->close();
  }
}

}  // namespace talus::runtime
