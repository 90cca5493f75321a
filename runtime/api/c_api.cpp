// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>

#include "runtime/api/talus/engine.hpp"
#include "runtime/api/talus/talus.h"

struct talus_options {
  talus::Options options;
  std::string error;
};

struct talus_engine {
  std::unique_ptr<talus::Engine> engine;
  std::string error;
};

namespace {

/// Calls `work`, which gives a code, and turns what it throws into one, with its text in the
/// handle's.
template <class Handle, class Work>
int coded(Handle* handle, Work&& work) noexcept {
  if (handle == nullptr) {
    return TALUS_ERROR_INVALID;
  }
  auto const keep = [&](char const* text) {
    try {
      handle->error = text;
    } catch (...) {
      handle->error.clear();
    }
  };
  try {
    return work();
  } catch (talus::EngineError const& error) {
    keep(error.what());
    return static_cast<int>(error.code());
  } catch (std::bad_alloc const&) {
    keep("memory can't be had");
    return TALUS_ERROR_MEMORY;
  } catch (std::exception const& error) {
    keep(error.what());
    return TALUS_ERROR_INTERNAL;
  } catch (...) {
    keep("unknown exception");
    return TALUS_ERROR_INTERNAL;
  }
}

void need(bool is_there, char const* what) {
  if (!is_there) {
    throw talus::EngineError{talus::ErrorCode::invalid,
                             std::string{what} + ": null (must point to something)"};
  }
}

int told(std::optional<talus::RequestId> const& request, std::int64_t* result, int none) {
  need(result != nullptr, "request");
  if (!request) {
    return none;
  }
  *result = *request;
  return TALUS_OK;
}

talus::Answer const& answer_in(talus_engine* engine, std::int64_t request) {
  talus::Answer const* const answer = engine->engine->poll(request);
  if (answer == nullptr) {
    throw talus::EngineError{talus::ErrorCode::state,
                             "request " + std::to_string(request) + " (has no answer yet)"};
  }
  return *answer;
}

std::span<std::int32_t const> view(std::int32_t const* tokens,
                                   std::int64_t count,
                                   char const* name) {
  need(tokens != nullptr || count == 0, name);
  if (count < 0) {
    throw talus::EngineError{talus::ErrorCode::invalid,
                             std::string{name} + ": a negative number of tokens"};
  }
  return {tokens, static_cast<std::size_t>(count)};
}

talus::TokenRequest request_of(talus_tokens const& tokens) {
  talus::TokenRequest request;
  request.prompt = view(tokens.prompt, tokens.num_prompt, "prompt");
  request.custom_id = tokens.custom_id == nullptr ? "" : tokens.custom_id;
  request.max_tokens = tokens.max_tokens;
  request.min_tokens = tokens.min_tokens;
  request.temperature = tokens.temperature;
  request.top_p = tokens.top_p;
  request.top_k = tokens.top_k;
  request.min_p = tokens.min_p;
  request.n = tokens.n;
  request.ignore_eos = tokens.ignore_eos != 0;
  if (tokens.has_seed != 0) {
    request.seed = tokens.seed;
  }
  request.stop_token_ids = view(tokens.stop_token_ids, tokens.num_stop_token_ids, "stop_token_ids");
  return request;
}

}  // namespace

extern "C" {

char const* talus_version() {
  return talus::version();
}

int talus_abi_version() {
  return TALUS_ABI_VERSION;
}

talus_options* talus_options_create() {
  return new (std::nothrow) talus_options;
}

void talus_options_destroy(talus_options* options) {
  delete options;
}

int talus_options_set(talus_options* options, char const* name, char const* value) {
  return coded(options, [&] {
    need(name != nullptr, "name");
    need(value != nullptr, "value");
    talus::set_option(options->options, name, value);
    return TALUS_OK;
  });
}

int talus_options_set_log(talus_options* options, talus_log log, void* user) {
  return coded(options, [&] {
    options->options.log = nullptr;
    if (log != nullptr) {
      options->options.log = [log, user](talus::LogLevel level, std::string_view line) {
        log(static_cast<int>(level), line.data(), line.size(), user);
      };
    }
    return TALUS_OK;
  });
}

char const* talus_options_error(talus_options const* options) {
  return options == nullptr ? "options: null" : options->error.c_str();
}

int talus_engine_open(MPI_Comm comm, talus_options* options, talus_engine** engine) {
  return coded(options, [&] {
    need(engine != nullptr, "engine");
    auto handle = std::make_unique<talus_engine>();
    handle->engine = std::make_unique<talus::Engine>(comm, options->options);
    *engine = handle.release();
    return TALUS_OK;
  });
}

int talus_engine_open_f(int comm, talus_options* options, talus_engine** engine) {
  return talus_engine_open(MPI_Comm_f2c(comm), options, engine);
}

int talus_engine_close(talus_engine** engine) {
  if (engine == nullptr || *engine == nullptr) {
    return TALUS_OK;
  }
  int const code = coded(*engine, [&] {
    (*engine)->engine->close();
    return TALUS_OK;
  });
  if (code == TALUS_OK) {
    delete *engine;
    *engine = nullptr;
  }
  return code;
}

char const* talus_engine_error(talus_engine const* engine) {
  return engine == nullptr ? "engine: null" : engine->error.c_str();
}

void talus_tokens_default(talus_tokens* request) {
  if (request != nullptr) {
    *request = {};
    request->size = sizeof *request;
    request->max_tokens = 16;
    request->temperature = 1.0F;
    request->top_p = 1.0F;
    request->n = 1;
  }
}

int talus_submit_json(talus_engine* engine,
                      char const* custom_id,
                      char const* body,
                      int64_t* request) {
  return coded(engine, [&] {
    need(body != nullptr, "body");
    talus::JsonRequest const json{body, custom_id == nullptr ? "" : custom_id};
    return told(engine->engine->submit(json), request, TALUS_FULL);
  });
}

int talus_submit_tokens(talus_engine* engine, talus_tokens const* tokens, int64_t* request) {
  return coded(engine, [&] {
    need(tokens != nullptr, "tokens");
    if (tokens->size != sizeof *tokens) {
      throw talus::EngineError{
          talus::ErrorCode::invalid,
          "tokens: its size is not that of this library's (use talus_tokens_default)"};
    }
    return told(engine->engine->submit(request_of(*tokens)), request, TALUS_FULL);
  });
}

int talus_poll(talus_engine* engine, int64_t request) {
  return coded(engine, [&] {
    return engine->engine->poll(request) == nullptr ? TALUS_NOT_READY : TALUS_OK;
  });
}

int talus_poll_any(talus_engine* engine, int64_t* request) {
  return coded(engine, [&] { return told(engine->engine->poll_any(), request, TALUS_NOT_READY); });
}

int talus_wait(talus_engine* engine, int64_t const* requests, int64_t num_requests) {
  return coded(engine, [&] {
    need(requests != nullptr || num_requests == 0, "requests");
    engine->engine->wait(std::span{requests, static_cast<std::size_t>(num_requests)});
    return TALUS_OK;
  });
}

int talus_wait_any(talus_engine* engine, int64_t* request) {
  return coded(engine, [&] { return told(engine->engine->wait_any(), request, TALUS_NOT_READY); });
}

int talus_answer_of(talus_engine* engine, int64_t request, talus_answer* answer) {
  return coded(engine, [&] {
    need(answer != nullptr, "answer");
    talus::Answer const& found = answer_in(engine, request);
    *answer = {found.status,
               static_cast<std::int32_t>(found.choices.size()),
               found.prompt_tokens,
               found.json.data(),
               found.json.size(),
               found.error.data(),
               found.error.size()};
    return TALUS_OK;
  });
}

int talus_choice_of(talus_engine* engine, int64_t request, int32_t index, talus_choice* choice) {
  return coded(engine, [&] {
    need(choice != nullptr, "choice");
    talus::Answer const& found = answer_in(engine, request);
    if (index < 0 || index >= std::ssize(found.choices)) {
      throw talus::EngineError{talus::ErrorCode::invalid,
                               "choice " + std::to_string(index) + " (the answer has " +
                                   std::to_string(found.choices.size()) + ")"};
    }
    talus::Choice const& part = found.choices[static_cast<std::size_t>(index)];
    *choice = {part.tokens.data(),
               std::ssize(part.tokens),
               part.text.data(),
               part.text.size(),
               part.finish_reason.data(),
               part.finish_reason.size()};
    return TALUS_OK;
  });
}

int talus_release(talus_engine* engine, int64_t request) {
  return coded(engine, [&] {
    engine->engine->release(request);
    return TALUS_OK;
  });
}

int talus_step_for(talus_engine* engine, double milliseconds) {
  return coded(engine, [&] {
    engine->engine->step_for(milliseconds);
    return TALUS_OK;
  });
}

int talus_serve(talus_engine* engine) {
  return coded(engine, [&] {
    engine->engine->serve();
    return TALUS_OK;
  });
}

int talus_serve_until(talus_engine* engine, talus_stops stops, void* user, int* is_stopped) {
  return coded(engine, [&] {
    need(stops != nullptr, "stops");
    need(is_stopped != nullptr, "is_stopped");
    *is_stopped = engine->engine->serve([&] { return stops(user) != 0; }) ? 1 : 0;
    return TALUS_OK;
  });
}

int talus_pause(talus_engine* engine) {
  return coded(engine, [&] {
    engine->engine->pause();
    return TALUS_OK;
  });
}

int talus_resume(talus_engine* engine) {
  return coded(engine, [&] {
    engine->engine->resume();
    return TALUS_OK;
  });
}

int talus_is_engine_rank(talus_engine const* engine) {
  return engine != nullptr && engine->engine->is_engine_rank() ? 1 : 0;
}

MPI_Comm talus_peers(talus_engine const* engine) {
  return engine == nullptr ? MPI_COMM_NULL : engine->engine->peers();
}

int talus_peers_f(talus_engine const* engine) {
  return MPI_Comm_c2f(talus_peers(engine));
}

int64_t talus_num_in_flight(talus_engine const* engine) {
  return engine == nullptr ? 0 : engine->engine->num_in_flight();
}

}  // extern "C"
