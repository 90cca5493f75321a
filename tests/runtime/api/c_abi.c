/* SPDX-License-Identifier: Apache-2.0 */
/* The C header from C: asks the demo model on all ranks, by a text and by token ids; ends with 0 if
 * every call did what it says. Argument: the model's folder. */
#include <stdio.h>
#include <string.h>
#include <talus/talus.h>

static int fail(char const* what, char const* why) {
  fprintf(stderr, "%s: %s\n", what, why);
  return 1;
}

static int ask(talus_engine* engine) {
  int64_t request[2];
  int32_t const prompt[3] = {325, 318, 198};
  talus_tokens tokens;
  talus_answer answer;
  talus_choice choice;
  talus_tokens_default(&tokens);
  tokens.prompt = prompt;
  tokens.num_prompt = 3;
  tokens.max_tokens = 7;
  tokens.temperature = 0;
  tokens.ignore_eos = 1;
  if (talus_submit_json(engine, "a", "no json", &request[0]) != TALUS_ERROR_INVALID ||
      strstr(talus_engine_error(engine), "body") == NULL) {
    return fail("submit_json", "took what is no JSON");
  }
  if (talus_submit_json(engine, "a", "{\"prompt\": \"1 + 1\", \"max_tokens\": 5}", &request[0]) !=
          TALUS_OK ||
      talus_submit_tokens(engine, &tokens, &request[1]) != TALUS_OK) {
    return fail("submit", talus_engine_error(engine));
  }
  if (talus_wait(engine, request, 2) != TALUS_OK) {
    return fail("wait", talus_engine_error(engine));
  }
  if (talus_answer_of(engine, request[1], &answer) != TALUS_OK || answer.status != 200 ||
      talus_choice_of(engine, request[1], 0, &choice) != TALUS_OK || choice.num_tokens != 7) {
    return fail("answer", talus_engine_error(engine));
  }
  if (talus_choice_of(engine, request[1], 1, &choice) != TALUS_ERROR_INVALID) {
    return fail("choice_of", "gave a choice that isn't there");
  }
  talus_release(engine, request[0]);
  talus_release(engine, request[1]);
  return talus_num_in_flight(engine) == 0 ? 0 : fail("release", "requests are in flight");
}

typedef struct question {
  int is_last; /* of the engine's ranks */
  int num_asked;
} question;

/* The last rank has the engine stop when it is asked for the third time. */
static int stops_third(void* user) {
  question* const asked = user;
  return ++asked->num_asked >= 3 && asked->is_last;
}

static int never(void* user) {
  (void)user;
  return 0;
}

static int serve(talus_engine* engine, int stops, int rank, int num_ranks) {
  question asked = {0, 0};
  int is_stopped = -1;
  asked.is_last = rank == (num_ranks > 1 ? num_ranks - 2 : 0);
  if (talus_serve_until(engine, NULL, NULL, &is_stopped) != TALUS_ERROR_INVALID) {
    return fail("serve_until", "took no function");
  }
  if (talus_serve_until(engine, stops ? stops_third : never, &asked, &is_stopped) != TALUS_OK) {
    return fail("serve_until", talus_engine_error(engine));
  }
  if (num_ranks > 1 && (is_stopped != stops || (stops && asked.num_asked == 0))) {
    return fail("serve_until", "stopped otherwise than it was told");
  }
  return 0;
}

/* Until the engine refuses; or once, if it never will. */
static int ask_until_refused(talus_engine* engine, int stops) {
  talus_answer answer = {0};
  char why[200];
  int is_stopped = 0;
  while (answer.status == 0 || (stops && answer.status != 503)) {
    int64_t request = 0;
    if (talus_submit_json(engine, NULL, "{\"prompt\": \"1 + 1\", \"max_tokens\": 5}", &request) !=
            TALUS_OK ||
        talus_wait(engine, &request, 1) != TALUS_OK ||
        talus_answer_of(engine, request, &answer) != TALUS_OK) {
      return fail("a client", talus_engine_error(engine));
    }
    snprintf(why, sizeof why, "%.*s", (int)answer.error_length, answer.error);
    if (answer.status == 503 && strstr(why, "the engine stops") == NULL) {
      return fail("a client was not told why", why);
    }
    talus_release(engine, request);
  }
  if (talus_serve_until(engine, never, NULL, &is_stopped) != TALUS_ERROR_STATE) {
    return fail("serve_until", "on a client");
  }
  return 0;
}

/* The last rank asks, the others serve; a single rank has itself only. */
static int serve_clients(talus_options* options, int stops) {
  talus_engine* engine = NULL;
  char engine_ranks[16];
  int rank = 0;
  int num_ranks = 0;
  int failed = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &num_ranks);
  snprintf(engine_ranks, sizeof engine_ranks, "%d", num_ranks > 1 ? num_ranks - 1 : 1);
  talus_options_set(options, "engine-ranks", engine_ranks);
  if (talus_engine_open(MPI_COMM_WORLD, options, &engine) != TALUS_OK) {
    return fail("open", talus_options_error(options));
  }
  failed = talus_is_engine_rank(engine) ? serve(engine, stops, rank, num_ranks)
                                        : ask_until_refused(engine, stops);
  return failed + (talus_engine_close(&engine) != TALUS_OK);
}

int main(int argc, char** argv) {
  int provided = 0;
  int failed = 0;
  talus_engine* engine = NULL;
  talus_options* options = talus_options_create();
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  talus_options_set(options, "model", argc > 1 ? argv[1] : ".");
  talus_options_set(options, "threads", "1");
  talus_options_set(options, "kv-cache-memory", "8M");
  if (talus_options_set(options, "treads", "1") != TALUS_ERROR_INVALID ||
      talus_engine_open(MPI_COMM_NULL, options, &engine) != TALUS_ERROR_INVALID) {
    failed = fail("options", "wrong ones were taken");
  }
  if (talus_engine_open(MPI_COMM_WORLD, options, &engine) != TALUS_OK) {
    failed = fail("open", talus_options_error(options));
  } else {
    failed += ask(engine);
    failed += talus_engine_close(&engine) != TALUS_OK;
  }
  failed += serve_clients(options, 0);
  failed += serve_clients(options, 1);
  talus_options_destroy(options);
  MPI_Finalize();
  return failed == 0 ? 0 : 1;
}
