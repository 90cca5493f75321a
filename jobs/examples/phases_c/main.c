/* SPDX-License-Identifier: Apache-2.0 */
/* phases MODEL [ROUNDS]: a program that needs its memory for itself and for the model in turns. The
 * first half of the ranks has the model; all ranks ask. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talus/talus.h>

enum { numbers_of_a_rank = 1 << 20, problems_of_a_round = 3 };

struct counts {
  int answers;
  int right;
};

/* Ends the job: other ranks may wait for this one. */
static void need(int is_good, char const* what, char const* why) {
  if (!is_good) {
    fprintf(stderr, "phases: %s: %s\n", what, why);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
}

static void set(talus_options* options, char const* name, char const* value) {
  need(talus_options_set(options, name, value) == TALUS_OK, name, talus_options_error(options));
}

static talus_engine* open_engine(char const* model) {
  talus_engine* engine = NULL;
  talus_options* options = talus_options_create();
  int size = 1;
  char half[16];
  need(options != NULL, "options", "no memory");
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  snprintf(half, sizeof half, "%d", (size + 1) / 2);
  set(options, "model", model);
  set(options, "threads", "1");
  set(options, "kv-cache-memory", "16M");
  set(options, "engine-ranks", half);
  need(talus_engine_open(MPI_COMM_WORLD, options, &engine) == TALUS_OK,
       "open",
       talus_options_error(options));
  talus_options_destroy(options);
  return engine;
}

/* The simulation's phase: needs much memory, which the engine has given back. Gives three numbers
 * below 900. */
static void simulate(int round, int result[3]) {
  double* const values = malloc(numbers_of_a_rank * sizeof *values);
  double sum = 0;
  int rank = 0;
  int i;
  need(values != NULL, "simulate", "no memory");
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (i = 0; i < numbers_of_a_rank; ++i) {
    values[i] = sin(1e-3 * i * (rank + 1)) + 1.0;
  }
  for (i = 0; i < numbers_of_a_rank; ++i) {
    sum += values[i] * (round + 1);
  }
  free(values);
  for (i = 0; i < 3; ++i) {
    result[i] = 100 + (int)fmod(sum / (i + 1), 800.0);
  }
}

static void ask(talus_engine* engine, int const number[3], int64_t request[], int expected[]) {
  char const* const form =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"How much is %d + %d + %d?\"}],"
      " \"temperature\": 0, \"max_completion_tokens\": 160}";
  char body[256];
  int i;
  for (i = 0; i < problems_of_a_round; ++i) {
    int const a = number[i % 3] / (i + 1) + 1;
    snprintf(body, sizeof body, form, a, number[(i + 1) % 3], number[(i + 2) % 3]);
    expected[i] = a + number[(i + 1) % 3] + number[(i + 2) % 3];
    need(talus_submit_json(engine, NULL, body, &request[i]) == TALUS_OK,
         "submit",
         talus_engine_error(engine));
  }
}

/* Works until all ranks, those without the model too, have their answers. */
static void work(talus_engine* engine, int64_t const request[]) {
  MPI_Request all_answered = MPI_REQUEST_NULL;
  int is_over = 0;
  need(talus_wait(engine, request, problems_of_a_round) == TALUS_OK,
       "wait",
       talus_engine_error(engine));
  MPI_Ibarrier(MPI_COMM_WORLD, &all_answered);
  if (!talus_is_engine_rank(engine)) {
    MPI_Wait(&all_answered, MPI_STATUS_IGNORE);
    return;
  }
  while (!is_over) { /* all ranks of the engine as often */
    need(talus_step_for(engine, 20.0) == TALUS_OK, "step_for", talus_engine_error(engine));
    MPI_Test(&all_answered, &is_over, MPI_STATUS_IGNORE);
    MPI_Allreduce(MPI_IN_PLACE, &is_over, 1, MPI_INT, MPI_LAND, talus_peers(engine));
  }
}

/* The last number of a text, which no zero ends; -1 if there is none. */
static int number_in(char const* text, size_t length) {
  char digits[10];
  size_t first;
  while (length > 0 && !isdigit((unsigned char)text[length - 1])) {
    --length;
  }
  for (first = length; first > 0 && isdigit((unsigned char)text[first - 1]); --first) {
  }
  if (first == length || length - first >= sizeof digits) {
    return -1;
  }
  memcpy(digits, text + first, length - first);
  digits[length - first] = '\0';
  return atoi(digits);
}

static void take(talus_engine* engine, int64_t request, int expected, struct counts* counts) {
  talus_answer answer;
  talus_choice choice;
  need(talus_answer_of(engine, request, &answer) == TALUS_OK, "answer", talus_engine_error(engine));
  ++counts->answers;
  if (answer.status != 200) {
    fprintf(stderr, "no answer: %.*s\n", (int)answer.error_length, answer.error);
  } else {
    need(talus_choice_of(engine, request, 0, &choice) == TALUS_OK,
         "choice",
         talus_engine_error(engine));
    counts->right += number_in(choice.text, choice.text_length) == expected;
  }
  need(talus_release(engine, request) == TALUS_OK, "release", talus_engine_error(engine));
}

static void run_round(talus_engine* engine, int round, struct counts* counts) {
  int numbers[3];
  int64_t request[problems_of_a_round];
  int expected[problems_of_a_round];
  int i;
  need(talus_pause(engine) == TALUS_OK, "pause", talus_engine_error(engine));
  simulate(round, numbers);
  need(talus_resume(engine) == TALUS_OK, "resume", talus_engine_error(engine));
  ask(engine, numbers, request, expected);
  work(engine, request);
  for (i = 0; i < problems_of_a_round; ++i) {
    take(engine, request[i], expected[i], counts);
  }
}

int main(int argc, char** argv) {
  struct counts counts = {0, 0};
  talus_engine* engine;
  int provided = 0;
  int rank = 0;
  int round;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  need(argc > 1, "arguments", "MODEL [ROUNDS]");
  engine = open_engine(argv[1]);
  for (round = 0; round < (argc > 2 ? atoi(argv[2]) : 3); ++round) {
    run_round(engine, round, &counts);
  }
  need(talus_engine_close(&engine) == TALUS_OK, "close", talus_engine_error(engine));
  MPI_Allreduce(MPI_IN_PLACE, &counts, 2, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) {
    printf("%d of %d right in %d rounds\n", counts.right, counts.answers, round);
  }
  MPI_Finalize();
  return counts.answers > 0 && 4 * counts.right >= 3 * counts.answers ? 0 : 1;
}
