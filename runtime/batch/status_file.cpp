// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/status_file.hpp"

#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "io/files/replace_file.hpp"
#include "io/json/json.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

constexpr int version = 1;  // of the object's keys
constexpr auto time_between_updates = std::chrono::seconds{2};

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

io::Json or_null(std::optional<double> const& value) {
  return value ? io::Json(*value) : io::Json(nullptr);
}

}  // namespace

StatusFile::StatusFile(std::string file, std::string output, Reporter& reporter)
    : file_{std::move(file)}, output_{std::move(output)}, reporter_{&reporter} {}

StatusFile::~StatusFile() {
  if (std::uncaught_exceptions() > exceptions_before_ && !state_.empty()) {
    state_ = "failed";
    write();
  }
}

void StatusFile::enter(std::string_view state, std::string_view reason) {
  state_ = state;
  reason_ = reason;
  write();
}

void StatusFile::update(RunProgress const& progress) {
  progress_ = progress;
  if (Clock::now() - last_ >= time_between_updates) {
    write();
  }
}

void StatusFile::write() noexcept {
  if (file_.empty()) {
    return;
  }
  last_ = Clock::now();
  try {
    std::int64_t const done = progress_.answers + progress_.errors;
    io::Json const status = {{"version", version},
                             {"state", state_},
                             {"reason", reason_},
                             {"host", parallel::host_name()},
                             {"pid", getpid()},
                             {"updated_at", unix_seconds()},
                             {"output", output_},
                             {"elapsed_s", progress_.elapsed_s},
                             {"requests", progress_.requests},
                             {"answers", progress_.answers},
                             {"errors", progress_.errors},
                             {"left", progress_.requests - done},
                             {"running", progress_.running},
                             {"output_tokens", progress_.output_tokens},
                             {"kv_cache_used", progress_.kv_cache_used},
                             {"left_s", or_null(progress_.left_s)},
                             {"limit_s", or_null(progress_.limit_s)}};
    io::files::replace_file(file_,
                            status.dump(2, ' ', false, io::Json::error_handler_t::replace) + "\n");
  } catch (std::exception const& error) {
    if (!std::exchange(has_warned_, true)) {
      reporter_->warn(concat("--status: ", error.what()));
    }
  }
}

}  // namespace talus::runtime
