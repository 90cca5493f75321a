/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TALUS_TALUS_H
#define TALUS_TALUS_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

/* Talus inside a program, for C and for whatever calls C. What each call does, and which are
 * collective, stands beside the function of the same name in talus/engine.hpp. Functions return a
 * code: TALUS_OK, or negative for an error, whose text talus_engine_error() or
 * talus_options_error() gives. No C++ exception leaves them. */

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a program has to be compiled again. */
#define TALUS_ABI_VERSION 1

enum {
  TALUS_OK = 0,
  TALUS_FULL = 1,      /* submit: max-in-flight requests are in flight */
  TALUS_NOT_READY = 2, /* poll: no answer yet; wait_any: nothing is in flight */
  TALUS_ERROR_INVALID = -1,
  TALUS_ERROR_STATE = -2,
  TALUS_ERROR_MPI = -3,
  TALUS_ERROR_MEMORY = -4,
  TALUS_ERROR_INTERNAL = -5
};

typedef struct talus_options talus_options;
typedef struct talus_engine talus_engine;

/* A line of the log, not ended by a zero. level: 0 information, 1 a warning,
 * 2 an error. */
typedef void (*talus_log)(int level, char const* line, size_t length, void* user);

/* A request of token ids. talus_tokens_default() fills it; then set what differs. */
typedef struct talus_tokens {
  size_t size; /* of this struct, as the program was compiled */
  int32_t const* prompt;
  int64_t num_prompt;
  char const* custom_id; /* null: named after rank and number */
  int32_t max_tokens;
  int32_t min_tokens;
  float temperature;
  float top_p;
  int32_t top_k;
  float min_p;
  int32_t n;
  int32_t ignore_eos;
  int32_t has_seed;
  uint64_t seed;
  int32_t const* stop_token_ids;
  int64_t num_stop_token_ids;
} talus_tokens;

/* Views of the engine's memory, good until the request is released or the engine closed. Texts are
 * not ended by a zero. */
typedef struct talus_answer {
  int32_t status; /* 200, or 400 and above: error says why */
  int32_t num_choices;
  int64_t prompt_tokens;
  char const* json;
  size_t json_length;
  char const* error;
  size_t error_length;
} talus_answer;

typedef struct talus_choice {
  int32_t const* tokens;
  int64_t num_tokens;
  char const* text;
  size_t text_length;
  char const* finish_reason;
  size_t finish_reason_length;
} talus_choice;

char const* talus_version(void);
int talus_abi_version(void);

/* null if there is no memory */
talus_options* talus_options_create(void);
void talus_options_destroy(talus_options* options);
int talus_options_set(talus_options* options, char const* name, char const* value);
int talus_options_set_log(talus_options* options, talus_log log, void* user);
/* Of the last call that failed with these options, talus_engine_open included. */
char const* talus_options_error(talus_options const* options);

int talus_engine_open(MPI_Comm comm, talus_options* options, talus_engine** engine);
/* For Fortran: comm%MPI_VAL. */
int talus_engine_open_f(int comm, talus_options* options, talus_engine** engine);
/* Collective; sets *engine to null. */
int talus_engine_close(talus_engine** engine);
char const* talus_engine_error(talus_engine const* engine);

void talus_tokens_default(talus_tokens* request);
int talus_submit_json(talus_engine* engine,
                      char const* custom_id,
                      char const* body,
                      int64_t* request);
int talus_submit_tokens(talus_engine* engine, talus_tokens const* tokens, int64_t* request);
int talus_poll(talus_engine* engine, int64_t request);
int talus_poll_any(talus_engine* engine, int64_t* request);
int talus_wait(talus_engine* engine, int64_t const* requests, int64_t num_requests);
int talus_wait_any(talus_engine* engine, int64_t* request);
int talus_answer_of(talus_engine* engine, int64_t request, talus_answer* answer);
int talus_choice_of(talus_engine* engine, int64_t request, int32_t index, talus_choice* choice);
int talus_release(talus_engine* engine, int64_t request);
int talus_step_for(talus_engine* engine, double milliseconds);
int talus_serve(talus_engine* engine);
/* Until stops(user) is not 0 on any of the engine's ranks; is_stopped says whether it was. */
typedef int (*talus_stops)(void* user);
int talus_serve_until(talus_engine* engine, talus_stops stops, void* user, int* is_stopped);
int talus_pause(talus_engine* engine);
int talus_resume(talus_engine* engine);
int talus_is_engine_rank(talus_engine const* engine);
/* MPI_COMM_NULL if the engine is null or closed. */
MPI_Comm talus_peers(talus_engine const* engine);
/* For Fortran. */
int talus_peers_f(talus_engine const* engine);
int64_t talus_num_in_flight(talus_engine const* engine);

#ifdef __cplusplus
}
#endif

#endif
