// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/ledger.hpp"

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/ledger/detail/payloads.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

/// Locks a file; false where its file system has no locks.
bool lock(files::OpenFile const& file,
          std::filesystem::path const& path,
          std::chrono::milliseconds patience) {
  auto const end = std::chrono::steady_clock::now() + patience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return false;
    }
    if (std::chrono::steady_clock::now() > end) {
      throw ConfigError{concat(path.string(), ": is in use by another job (wait for its end)")};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  return true;
}

}  // namespace

Ledger::Ledger(std::filesystem::path path, Sync sync, std::chrono::milliseconds patience)
    : path_{std::move(path)},
      sync_{std::move(sync)},
      file_{files::open_to_write(path_, O_RDWR | O_CREAT | O_APPEND)} {
  if (!file_) {
    files::fail(path_, "can't be opened");
  }
  is_locked_ = lock(file_, path_, patience);
}

Ledger Ledger::create(std::filesystem::path path, Identity const& identity, Sync sync) {
  Ledger ledger{std::move(path), std::move(sync), std::chrono::milliseconds{0}};
  ledger.cut(0);
  std::string const payload = format_identity(identity);
  ledger.add(RecordKind::identity, {&payload, 1});
  ledger.commit();
  return ledger;
}

Ledger Ledger::reopen(std::filesystem::path path, Sync sync, std::chrono::milliseconds patience) {
  Ledger ledger{std::move(path), std::move(sync), patience};
  auto contents = read_ledger(ledger.path_);
  if (!contents) {
    throw ConfigError{
        concat(ledger.path_.string(), ": not a ledger (its first record is damaged)")};
  }
  ledger.contents_ = std::move(*contents);
  return ledger;
}

void Ledger::begin_session(std::int64_t output_bytes) {
  cut(contents_.whole_bytes);
  std::string const payload{detail::format_payload(output_bytes)};
  add(RecordKind::session, {&payload, 1});
  commit();
}

void Ledger::add_finished(FinishedRequest const& finished) {
  detail::LinePayload const line{.request = finished.request,
                                 .output_end = finished.output_end,
                                 .line_hash = finished.line_hash};
  std::string const payload{detail::format_payload(line)};
  add(finished.is_error ? RecordKind::error : RecordKind::answer, {&payload, 1});
}

void Ledger::add_saved(std::span<std::string const> payloads) {
  add(RecordKind::tokens, payloads);
}

void Ledger::commit() {
  if (added_.empty()) {
    return;
  }
  files::write_all(file_, added_, path_);
  bytes_ += static_cast<std::int64_t>(added_.size());
  added_.clear();
  sync_.commit(file_, path_);
}

void Ledger::close() {
  commit();
  sync_.close(file_, path_);
}

void Ledger::cut(std::int64_t bytes) {
  if (::ftruncate(file_.get(), bytes) != 0) {
    files::fail(path_, "can't be cut");
  }
  bytes_ = bytes;
}

void Ledger::add(RecordKind kind, std::span<std::string const> payloads) {
  for (std::string const& payload : payloads) {
    append_record(added_, bytes_, kind, payload);
  }
}

}  // namespace talus::io
