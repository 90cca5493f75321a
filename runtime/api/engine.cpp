// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/talus/engine.hpp"

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/api/caller_state.hpp"
#include "runtime/api/engine_core.hpp"
#include "runtime/api/request_lines.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/error_text.hpp"

namespace talus {
namespace {

/// Calls `work` in the engine's floating-point environment; what it throws becomes an EngineError.
template <class Work>
auto guarded(Work&& work) {
  api::DefaultFloats const floats;
  try {
    return work();
  } catch (EngineError const&) {
    throw;
  } catch (ConfigError const& error) {
    throw EngineError{ErrorCode::invalid, without_place(error.what())};
  } catch (NotBuiltError const& error) {
    throw EngineError{ErrorCode::invalid, without_place(error.what())};
  } catch (ApiError const& error) {
    throw EngineError{ErrorCode::mpi, error.what()};
  } catch (OutOfMemory const& error) {
    throw EngineError{ErrorCode::memory, without_place(error.what())};
  } catch (std::bad_alloc const&) {
    throw EngineError{ErrorCode::memory, "memory for the engine's own data can't be had"};
  } catch (std::exception const& error) {
    throw EngineError{ErrorCode::internal, error.what()};
  }
}

}  // namespace

class Engine::Impl {
 public:
  Impl(MPI_Comm comm, Options const& options)
      : core{std::make_unique<api::EngineCore>(comm, options)},
        is_engine_rank{core->is_engine_rank()} {}

  [[nodiscard]] std::optional<RequestId> submit(api::RequestText const& text) {
    return core->submit([&](RequestId number) { return text.line(core->rank(), number); });
  }

  std::unique_ptr<api::EngineCore> core;
  bool is_engine_rank;
  int exceptions_before = std::uncaught_exceptions();
};

Engine::Engine(MPI_Comm comm, Options const& options)
    : impl_{guarded([&] { return std::make_unique<Impl>(comm, options); })} {}

Engine::~Engine() {
  if (std::uncaught_exceptions() > impl_->exceptions_before) {
    static_cast<void>(impl_->core.release());
    return;
  }
  try {
    close();
  } catch (EngineError const&) {
    static_cast<void>(impl_->core.release());  // a destructor has nobody to report a failure to
  }
}

std::optional<RequestId> Engine::submit(JsonRequest const& request) {
  return guarded([&] { return impl_->submit(api::RequestText{request}); });
}

std::optional<RequestId> Engine::submit(TokenRequest const& request) {
  return guarded([&] { return impl_->submit(api::RequestText{request}); });
}

Answer const* Engine::poll(RequestId request) {
  return guarded([&] {
    impl_->core->poll();
    return impl_->core->requests().find(request);
  });
}

std::optional<RequestId> Engine::poll_any() {
  return guarded([&] {
    impl_->core->poll();
    return impl_->core->requests().take_next();
  });
}

Answer const& Engine::wait(RequestId request) {
  wait(std::span{&request, 1});
  return *impl_->core->requests().find(request);
}

void Engine::wait(std::span<RequestId const> requests) {
  guarded([&] { impl_->core->wait(requests); });
}

std::optional<RequestId> Engine::wait_any() {
  return guarded([&] {
    impl_->core->wait_any();
    return impl_->core->requests().take_next();
  });
}

void Engine::release(RequestId request) {
  guarded([&] { impl_->core->requests().release(request); });
}

void Engine::step_for(double milliseconds) {
  guarded([&] {
    if (!(milliseconds >= 0 && milliseconds <= 1e12)) {
      throw ConfigError{concat("milliseconds: ", milliseconds, " (must be 0 to 1e12)")};
    }
    impl_->core->step_for(milliseconds);
  });
}

void Engine::serve() {
  guarded([&] { static_cast<void>(impl_->core->serve(nullptr)); });
}

bool Engine::serve(std::function<bool()> const& stops) {
  return guarded([&] {
    runtime::RunControl control;
    control.told_to_stop = [&] { return std::string_view{stops() ? "it was told to" : ""}; };
    return !impl_->core->serve(stops ? &control : nullptr).empty();
  });
}

void Engine::pause() {
  guarded([&] { impl_->core->pause(); });
}

void Engine::resume() {
  guarded([&] { impl_->core->resume(); });
}

void Engine::close() {
  guarded([&] { impl_->core->close(); });
}

bool Engine::is_engine_rank() const noexcept {
  return impl_->is_engine_rank;
}

MPI_Comm Engine::peers() const noexcept {
  return impl_->core->peers();
}

std::int64_t Engine::num_in_flight() const noexcept {
  return impl_->core->requests().num_in_flight();
}

char const* version() noexcept {
  return TALUS_VERSION;
}

}  // namespace talus
