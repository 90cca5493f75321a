// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/answer_store.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

namespace fs = std::filesystem;

/// How long an output may be out of its place, as while a file system is mounted again.
constexpr auto patience = std::chrono::seconds{60};
constexpr auto time_between_looks = std::chrono::seconds{10};

/// Whether an output can be gone on with: no pipe and no device.
bool keeps_lines(fs::path const& output) {
  return !fs::exists(output) || fs::is_regular_file(output);
}

}  // namespace

Start choose_start(BatchOptions const& batch) {
  if (batch.resume == "never") {
    return Start::fresh;
  }
  if (batch.resume != "auto" && batch.resume != "require") {
    throw ConfigError{concat("--resume: ", batch.resume, " (allowed: never, auto, require)")};
  }
  if (batch.overwrite) {
    throw ConfigError{"--overwrite: not with --resume (which keeps the answers that are there)"};
  }
  fs::path const ledger = io::ledger_of(batch.output);
  if (io::has_ledger(ledger)) {
    return Start::resumed;
  }
  if (batch.resume == "require") {
    throw ConfigError{concat("--resume: no ledger ",
                             ledger.string(),
                             " to go on from (--resume auto starts afresh where there is none)")};
  }
  return Start::fresh;
}

AnswerStore::AnswerStore(BatchOptions const& batch,
                         Start start,
                         parallel::CallLog* calls,
                         io::files::Force force)
    : batch_{batch},
      start_{start},
      calls_{calls},
      sync_{io::sync_policy(batch.sync), std::move(force)} {
  parallel::FileScope const opening{calls_, "check", batch_.output};
  io::check_answer_file(batch_.output, batch_.input, existing());
}

io::Existing AnswerStore::existing() const noexcept {
  if (start_ == Start::resumed) {
    return io::Existing::keep;
  }
  return batch_.overwrite ? io::Existing::overwrite : io::Existing::refuse;
}

void AnswerStore::lock() {
  if (start_ == Start::resumed) {
    ledger_ = std::make_unique<io::Ledger>(io::Ledger::reopen(io::ledger_of(batch_.output), sync_));
  }
}

void AnswerStore::compare(io::Identity const& identity) {
  if (start_ == Start::fresh) {
    return;
  }
  io::LedgerContents const& contents = ledger_->contents();
  std::string const difference = io::describe_difference(identity, contents.identity, "the ledger");
  if (!difference.empty()) {
    throw ConfigError{
        concat("--resume: ", ledger_->path().string(), " is of another run (", difference, ')')};
  }
  num_kept_ = io::count_known_lines(batch_.output, contents.finished);
  if (std::size_t const lost = contents.finished.size() - num_kept_; lost > 0) {
    warnings_.push_back(concat(lost,
                               " answers that the ledger knows are not in ",
                               batch_.output,
                               ": they are made again"));
  }
}

io::WorkLeft AnswerStore::work_left(std::int64_t num_requests) const {
  std::vector<std::int64_t> done;
  for (io::FinishedRequest const& finished : kept()) {
    done.push_back(finished.request);
  }
  std::sort(done.begin(), done.end());
  return {num_requests, done};
}

io::SavedIndex AnswerStore::saved() const {
  return ledger_ ? io::SavedIndex{ledger_->path(), ledger_->contents().saved} : io::SavedIndex{};
}

std::span<io::FinishedRequest const> AnswerStore::kept() const noexcept {
  if (!ledger_) {
    return {};
  }
  return std::span{ledger_->contents().finished}.first(num_kept_);
}

AnswerCounts AnswerStore::kept_counts() const {
  auto const errors =
      std::count_if(kept().begin(), kept().end(), [](auto const& line) { return line.is_error; });
  return {.answers = std::ssize(kept()) - errors, .errors = errors};
}

void AnswerStore::open(io::Identity const& identity) {
  parallel::FileScope const opening{calls_, "open", batch_.output};
  if (start_ == Start::resumed) {
    std::int64_t const good = num_kept_ == 0 ? 0 : kept().back().output_end;
    ledger_->begin_session(good);
    file_ = std::make_unique<io::AnswerFile>(batch_.output, batch_.input, existing(), sync_);
    file_->cut(good);
  } else {
    if (keeps_lines(batch_.output)) {
      ledger_ = std::make_unique<io::Ledger>(
          io::Ledger::create(io::ledger_of(batch_.output), identity, sync_));
    }
    file_ = std::make_unique<io::AnswerFile>(batch_.output, batch_.input, existing(), sync_);
  }
  if (ledger_ && !ledger_->is_locked()) {
    warnings_.push_back(concat(ledger_->path().string(),
                               ": its file system has no locks (take care that no second job "
                               "writes to the same output)"));
  }
}

void AnswerStore::add_line(std::int64_t request, std::string_view line, bool is_error) {
  parallel::FileScope const writing{calls_, "write to", batch_.output};
  file_->append(line);
  has_new_lines_ = true;
  if (ledger_) {
    ledger_->add_finished({.request = request,
                           .output_end = file_->bytes(),
                           .line_hash = io::hash_line(line),
                           .is_error = is_error});
  }
}

void AnswerStore::add_saved(std::span<std::string const> payloads) {
  if (ledger_) {
    ledger_->add_saved(payloads);
  }
}

void AnswerStore::commit() {
  bool const has_lines = std::exchange(has_new_lines_, false);
  if (!has_lines && !(ledger_ && ledger_->has_new())) {
    return;  // not even a scope: to look here again and again is no progress
  }
  parallel::FileScope const writing{calls_, "write to", batch_.output};
  if (has_lines) {
    file_->commit();
  }
  if (ledger_) {
    ledger_->commit();
  }
}

/// \throws ConfigError  if the output has been missing for too long
bool AnswerStore::is_in_place(Clock::time_point now) {
  if (file_->is_in_place()) {
    missing_.reset();
    return true;
  }
  missing_ = missing_.value_or(now);
  if (now - *missing_ > patience) {
    throw ConfigError{concat(batch_.output,
                             ": is not there any more (the folder was removed or is not mounted; "
                             "what was written is lost with it)")};
  }
  return false;
}

void AnswerStore::look_after() {
  auto const now = Clock::now();
  if (ledger_ && now >= next_look_) {
    next_look_ = now + time_between_looks;
    parallel::FileScope const looking{calls_, "look for", batch_.output};
    static_cast<void>(is_in_place(now));
  }
}

void AnswerStore::close() {
  while (ledger_ && !is_in_place(Clock::now())) {
    parallel::FileScope const looking{calls_, "look for", batch_.output};
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  parallel::FileScope const closing{calls_, "close", batch_.output};
  file_->close();
  if (ledger_) {
    ledger_->close();
  }
}

}  // namespace talus::runtime
