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
  talus_options_destroy(options);
  MPI_Finalize();
  return failed == 0 ? 0 : 1;
}
