// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <mpi.h>

/// \file
/// Talus inside a program: the engine as a library. This header stands by itself; it includes
/// nothing of Talus.

namespace talus {

/// What kind of thing went wrong.
enum class ErrorCode : int {
  invalid = -1,   ///< an option, an argument or the machine can't be used
  state = -2,     ///< the call doesn't fit what the engine is doing (paused, closed)
  mpi = -3,       ///< MPI reported an error
  memory = -4,    ///< memory can't be had
  internal = -5,  ///< anything else
};

/// What every function here throws, and nothing else.
class EngineError : public std::runtime_error {
 public:
  EngineError(ErrorCode code, std::string const& message)
      : std::runtime_error{message}, code_{code} {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// What a line of the log is.
enum class LogLevel : int {
  info = 0,
  warning = 1,
  error = 2,  ///< why there is no engine, which the constructor throws on every rank
};

/// Which part a rank has.
enum class Role {
  automatic,  ///< the first `engine_ranks` ranks are the engine's, the others clients
  engine,     ///< holds a part of the model, and may submit too
  client,     ///< only submits
};

/// What can be set for an engine. The first part has the names and the meaning of the options of
/// `talus run` (README.md); it need be equal on the engine's ranks only.
struct Options {
  std::string model;  ///< directory of the checkpoint
  std::optional<int> tensor_parallel_size;
  std::optional<int> pipeline_parallel_size;
  std::optional<int> data_parallel_size;
  std::optional<int> expert_parallel_size;
  std::optional<std::int64_t> max_model_len;
  std::int64_t max_num_seqs = 256;
  std::int64_t max_num_batched_tokens = 512;
  std::int64_t block_size = 16;
  std::string dtype = "auto";
  std::string quantization = "auto";
  std::string kv_cache_dtype = "auto";
  std::uint64_t seed = 0;
  std::optional<std::int64_t> kv_cache_memory;
  std::optional<std::int64_t> num_gpu_blocks_override;
  std::string kv_admission = "expected";
  std::string backend = "auto";
  std::string comm = "auto";
  std::string gpu_matmul = "own";
  bool allow_shared_devices = false;
  bool enforce_eager = false;
  bool async_scheduling = true;
  int threads = 0;  ///< of a rank of the engine; 0: its share of the cores
  std::string load_format = "auto";
  bool share_weights = true;
  std::int64_t load_host_memory = std::int64_t{4} << 30;
  std::string served_model_name;
  std::string chat_template;
  std::string reasoning_parser;

  int engine_ranks = 0;              ///< first ranks that are the engine's; 0: all
  Role role = Role::automatic;       ///< of this rank; automatic on all ranks or on none
  std::int64_t max_in_flight = 256;  ///< requests of this rank, submitted and not yet released

  bool needs_clients = false;  ///< refuse a communicator whose ranks are all the engine's

  /// Told what the engine does, on its first rank, from inside the calls; if the roles can't be
  /// used, on the first rank with the role of an engine, or else of all. Empty: nobody is told.
  std::function<void(LogLevel, std::string_view)> log;
};

/// Sets an option by the name of its flag, without dashes in front ("max-num-seqs"), from text, as
/// the command line does; also "engine-ranks", "role" (engine, client, auto), "max-in-flight" and
/// "needs-clients" (true, false).
///
/// \throws EngineError  naming the option, its value and what is allowed
void set_option(Options& options, std::string_view name, std::string_view value);

/// A request as OpenAI's services take it.
struct JsonRequest {
  /// A JSON object with "prompt" (a completion) or "messages" (a chat), and what else a body of
  /// `talus run` may have.
  std::string_view body;
  /// Names the request to the random numbers, and in its answer. Empty: "rank R request N". The
  /// same name, body, seed and model give the same answer.
  std::string_view custom_id = {};
};

/// A request of token ids. Views need be good during submit() only.
struct TokenRequest {
  std::span<std::int32_t const> prompt;  ///< at least one
  std::string_view custom_id = {};       ///< as above
  std::int32_t max_tokens = 16;
  std::int32_t min_tokens = 0;
  float temperature = 1.0F;  ///< 0: the most probable token
  float top_p = 1.0F;
  std::int32_t top_k = 0;  ///< 0: all
  float min_p = 0.0F;
  std::int32_t n = 1;                 ///< answers
  std::optional<std::uint64_t> seed;  ///< none: from the engine's and custom_id
  std::span<std::int32_t const> stop_token_ids = {};
  bool ignore_eos = false;
};

/// One of the texts of an answer.
struct Choice {
  std::string_view text;                 ///< bytes
  std::span<std::int32_t const> tokens;  ///< that were drawn
  std::string_view finish_reason;        ///< stop, length, repetition
};

/// An answer, or why there is none. A view of the engine's memory: good until its request is
/// released, or the engine is closed.
struct Answer {
  int status = 0;          ///< 200, or 400 and above: `error` says why
  std::string_view json;   ///< the line that `talus run` writes, without its line break
  std::string_view error;  ///< empty if status is 200
  std::int64_t prompt_tokens = 0;
  std::vector<Choice> choices;
};

/// A rank's own number of a request, from 0.
using RequestId = std::int64_t;

/// A language model on the ranks of a program.
///
/// Requests may come from every rank of the communicator, also from those that hold no part of the
/// model. The engine works only inside of calls: step_for(), wait(), serve(). It starts no MPI,
/// ends none, prints nothing, and leaves alone the program's communicators, signals, floating-point
/// environment and threads; calls compute in the default floating-point environment and put the
/// caller's back. Several engines may exist at a time, also on communicators that overlap; ranks
/// that have two make their collective calls in the same order. Answers are those of `talus run`,
/// bit by bit, whatever the grid and the order of the calls.
///
/// Threads: a call at a time, from the thread that MPI's thread level allows to call MPI.
class Engine {
 public:
  /// Plans, loads the model on the engine's ranks, and tells the others. Collective over `comm`, of
  /// which only the group is used.
  ///
  /// \throws EngineError  on every rank, if anything of it can't be used
  Engine(MPI_Comm comm, Options const& options);

  Engine(Engine const&) = delete;
  Engine& operator=(Engine const&) = delete;

  /// As close(), unless an exception is on its way: then what it has is leaked, since the other
  /// ranks may never come.
  ~Engine();

  /// Hands a request to the engine. Local; doesn't wait.
  ///
  /// \return its number; none if max_in_flight requests are under way or unreleased
  /// \throws EngineError  if the body is no JSON object with a prompt or messages; all else that is
  ///                      wrong with a request is told by its answer
  [[nodiscard]] std::optional<RequestId> submit(JsonRequest const& request);
  [[nodiscard]] std::optional<RequestId> submit(TokenRequest const& request);

  /// The answer, or null if it isn't there. Local; takes in what has come, but no rank computes.
  [[nodiscard]] Answer const* poll(RequestId request);

  /// A request whose answer is there and that no call of this function or wait_any() has told
  /// before. Local.
  [[nodiscard]] std::optional<RequestId> poll_any();

  /// Waits for an answer. On the engine's ranks collective over them: all of them work until each
  /// has what it waits for. On a client's rank local: the engine's ranks have to be at work.
  Answer const& wait(RequestId request);

  /// As above, for any number of requests; a rank of the engine that waits for none passes none.
  void wait(std::span<RequestId const> requests);

  /// As wait(), until poll_any() would tell a request, on each rank that has one under way.
  ///
  /// \return none if this rank has no request under way
  [[nodiscard]] std::optional<RequestId> wait_any();

  /// Ends the life of an answer, and makes room for another request.
  ///
  /// \throws EngineError  if its answer isn't there yet
  void release(RequestId request);

  /// Works for about so long, a step at least if there is work, and ends early when there is none
  /// and no client that could send some. All of the engine's ranks leave together. Collective over
  /// the engine's ranks; on a client's rank local: takes in what has come.
  ///
  /// \param milliseconds  the longest of all ranks counts
  void step_for(double milliseconds);

  /// Works for the clients until all of them have closed and all answers are sent. Collective over
  /// the engine's ranks; they submit nothing afterwards.
  void serve();

  /// As above, until `stops` tells so on any of the engine's ranks: then the memory of weights and
  /// KV cache is given back, and requests without an answer, those that still come too, are
  /// answered with status 503 until all clients have closed.
  ///
  /// \param stops  asked several times a second on every rank of the engine, or between two steps
  ///               where these take longer; a flag that a signal sets, for instance
  /// \return whether it was stopped; the same on the engine's ranks
  bool serve(std::function<bool()> const& stops);

  /// Gives the memory of weights and KV cache back. Requests stay, and new ones are taken.
  /// Collective over the engine's ranks; does nothing on others.
  void pause();

  /// Reads the weights again; unfinished sequences are computed again and go on as they would have.
  /// Collective over the engine's ranks; does nothing on others.
  ///
  /// \throws EngineError  on every rank of the engine, if the model can't be read any more
  void resume();

  /// Ends the engine; requests without an answer are given up, and answers are gone. Collective
  /// over the communicator. Anything but close() is an error from then on.
  void close();

  /// Whether this rank holds a part of the model.
  [[nodiscard]] bool is_engine_rank() const noexcept;

  /// The ranks that have the role of this one, in their order: a world of its own for a program
  /// that was started beside others. It is the engine's, until it is closed: who needs one for
  /// longer duplicates it. Null if the engine is closed.
  [[nodiscard]] MPI_Comm peers() const noexcept;

  /// Requests of this rank that are submitted and not released.
  [[nodiscard]] std::int64_t num_in_flight() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "0.1.0".
[[nodiscard]] char const* version() noexcept;

}  // namespace talus
