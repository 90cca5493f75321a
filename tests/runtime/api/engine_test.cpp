// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mpi.h>
#include <nlohmann/json.hpp>
#include <talus/engine.hpp>

#include "tests/support/catch.hpp"

using nlohmann::json;

namespace {

std::string const demo = TALUS_SOURCE_DIR "/jobs/demo/";

struct Expected {
  std::string custom_id;
  std::string body;
  std::vector<std::int32_t> tokens;
};

/// The first problems of the demo, and the answers that `talus run` gives to them, greedily.
std::vector<Expected> problems(std::size_t count) {
  std::ifstream in{demo + "problems.jsonl"};
  std::ifstream answers{TALUS_TEST_DATA "/demo/dense_greedy.jsonl"};
  std::vector<Expected> list;
  for (std::string line; list.size() < count && std::getline(in, line);) {
    json const request = json::parse(line);
    json body = request["body"];
    body["temperature"] = 0;
    list.push_back({request["custom_id"], body.dump(), {}});
  }
  std::map<std::string, std::vector<std::int32_t>> tokens;
  for (std::string line; std::getline(answers, line);) {
    json const answer = json::parse(line);
    tokens[answer["custom_id"]] = answer["token_ids"].get<std::vector<std::int32_t>>();
  }
  for (Expected& each : list) {
    each.tokens = tokens.at(each.custom_id);
  }
  return list;
}

talus::Options demo_options() {
  talus::Options options;
  options.model = demo + "dense";
  options.threads = 1;
  options.kv_cache_memory = 8 << 20;
  return options;
}

int world_size() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

std::vector<talus::RequestId> submit_all(talus::Engine& engine, std::vector<Expected> const& list) {
  std::vector<talus::RequestId> ids;
  for (Expected const& each : list) {
    auto const id = engine.submit(talus::JsonRequest{each.body, each.custom_id});
    REQUIRE(id);
    ids.push_back(*id);
  }
  return ids;
}

void check(talus::Engine& engine,
           std::vector<talus::RequestId> const& ids,
           std::vector<Expected> const& list) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    talus::Answer const* const answer = engine.poll(ids[i]);
    REQUIRE(answer != nullptr);
    CHECK(answer->status == 200);
    REQUIRE(answer->choices.size() == 1);
    auto const tokens = answer->choices[0].tokens;
    CHECK(std::vector<std::int32_t>(tokens.begin(), tokens.end()) == list[i].tokens);
    CHECK(!answer->choices[0].text.empty());
    engine.release(ids[i]);
  }
}

}  // namespace

TEST_CASE("every rank gets the answers of talus run") {
  auto const list = problems(6);
  talus::Engine engine{MPI_COMM_WORLD, demo_options()};

  auto const ids = submit_all(engine, list);
  engine.wait(ids);

  check(engine, ids, list);
  CHECK(engine.num_in_flight() == 0);
}

TEST_CASE("ranks that are not the engine's get the same answers") {
  auto const list = problems(4);
  talus::Options options = demo_options();
  options.engine_ranks = (world_size() + 1) / 2;
  talus::Engine engine{MPI_COMM_WORLD, options};

  if (engine.is_engine_rank()) {
    engine.serve();
  } else {
    auto const ids = submit_all(engine, list);
    engine.wait(ids);
    check(engine, ids, list);
  }
  engine.close();
}

TEST_CASE("a pause in the midst of answers changes none") {
  auto const list = problems(4);
  talus::Engine engine{MPI_COMM_WORLD, demo_options()};

  auto const ids = submit_all(engine, list);
  for (int round = 0; round < 2; ++round) {
    engine.step_for(5);
    engine.pause();
    CHECK_THROWS_AS(engine.step_for(1), talus::EngineError);
    engine.resume();
  }
  engine.wait(ids);

  check(engine, ids, list);
}

TEST_CASE("wait_any tells each answer once, on ranks that have asked differently") {
  auto const list = problems(static_cast<std::size_t>(world_rank() % 4));  // rank 0 asks nothing
  talus::Engine engine{MPI_COMM_WORLD, demo_options()};
  auto const ids = submit_all(engine, list);

  std::vector<talus::RequestId> told;
  for (int round = 0; round < 3; ++round) {  // collective: as often on all ranks
    if (auto const id = engine.wait_any()) {
      told.push_back(*id);
    }
  }

  std::sort(told.begin(), told.end());
  CHECK(told == ids);
  CHECK_FALSE(engine.wait_any());
  CHECK_FALSE(engine.poll_any());
  check(engine, ids, list);
}

TEST_CASE("wait for many answers, where other ranks wait for none or for one") {
  auto const list = problems(4);
  talus::Engine engine{MPI_COMM_WORLD, demo_options()};
  auto const ids = submit_all(engine, list);

  std::size_t const mine =
      world_rank() % 3 == 0 ? 4 : static_cast<std::size_t>(world_rank() % 3 - 1);
  engine.wait(std::span{ids}.first(mine));

  for (std::size_t i = 0; i < mine; ++i) {
    CHECK(engine.poll(ids[i]) != nullptr);
  }
  CHECK_THROWS_AS(engine.wait(std::vector<talus::RequestId>{7777}), talus::EngineError);
  engine.wait(ids);
  check(engine, ids, list);
}

TEST_CASE("ranks of a role have a communicator of their own") {
  talus::Options options = demo_options();
  options.engine_ranks = (world_size() + 1) / 2;
  talus::Engine engine{MPI_COMM_WORLD, options};

  int size = 0;
  MPI_Comm_size(engine.peers(), &size);

  CHECK(size ==
        (engine.is_engine_rank() ? options.engine_ranks : world_size() - options.engine_ranks));
  int const one = 1;
  int sum = 0;
  MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, engine.peers());
  CHECK(sum == size);
  engine.close();
  CHECK(engine.peers() == MPI_COMM_NULL);
}

TEST_CASE("an engine that is told to stop refuses what it has and what still comes") {
  auto const list = problems(4);
  talus::Options options = demo_options();
  options.engine_ranks = (world_size() + 1) / 2;
  talus::Engine engine{MPI_COMM_WORLD, options};

  if (engine.is_engine_rank()) {
    bool const is_last = world_rank() == options.engine_ranks - 1;
    bool const is_stopped = engine.serve([&] { return is_last; });
    CHECK(is_stopped);
  } else {
    auto const num_refused = [&] {
      auto const ids = submit_all(engine, list);
      engine.wait(ids);
      std::size_t refused = 0;
      for (auto const id : ids) {
        talus::Answer const& answer = *engine.poll(id);
        CHECK((answer.status == 200 || answer.status == 503));
        refused += answer.json.find("stopping") != std::string_view::npos ? 1U : 0U;
        engine.release(id);
      }
      return refused;
    };
    while (num_refused() == 0) {  // until the engine has looked
    }
    CHECK(num_refused() == list.size());
  }
  engine.close();
}

TEST_CASE("an engine that has nothing to do asks every rank whether to stop") {
  talus::Options options = demo_options();
  int const clients = world_size() > 1 ? 1 : 0;
  options.engine_ranks = world_size() - clients;
  options.tensor_parallel_size = options.engine_ranks == 2 ? 2 : 1;
  options.pipeline_parallel_size = options.engine_ranks == 3 ? 3 : 1;
  talus::Engine engine{MPI_COMM_WORLD, options};

  // The client does nothing before the engine's last rank was asked several times.
  if (engine.is_engine_rank()) {
    bool const is_last = world_rank() == options.engine_ranks - 1;
    int num_asked = 0;
    bool const is_stopped = engine.serve([&] {
      if (++num_asked == 4 && is_last && clients > 0) {
        MPI_Send(&num_asked, 1, MPI_INT, options.engine_ranks, 0, MPI_COMM_WORLD);
      }
      return is_last && num_asked >= 4;
    });
    CHECK(is_stopped == (clients > 0));
  } else {
    int num_asked = 0;
    MPI_Recv(
        &num_asked, 1, MPI_INT, options.engine_ranks - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(num_asked == 4);
  }
  engine.close();
}

TEST_CASE("an engine that needs clients is refused without, and one rank is told why") {
  talus::Options options = demo_options();
  options.needs_clients = true;
  int told = 0;
  options.log = [&](talus::LogLevel level, std::string_view line) {
    told += level == talus::LogLevel::error && line.find("no clients") != line.npos ? 1 : 0;
  };

  CHECK_THROWS_AS((talus::Engine{MPI_COMM_WORLD, options}), talus::EngineError);

  MPI_Allreduce(MPI_IN_PLACE, &told, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  CHECK(told == 1);
}

TEST_CASE("a request beyond the bound is not taken until one is released") {
  auto const list = problems(2);
  talus::Options options = demo_options();
  options.max_in_flight = 1;
  talus::Engine engine{MPI_COMM_WORLD, options};

  auto const first = engine.submit(talus::JsonRequest{list[0].body, list[0].custom_id});
  REQUIRE(first);
  CHECK_FALSE(engine.submit(talus::JsonRequest{list[1].body, list[1].custom_id}));
  engine.wait(*first);
  CHECK_FALSE(engine.submit(talus::JsonRequest{list[1].body, list[1].custom_id}));
  engine.release(*first);
  CHECK(engine.submit(talus::JsonRequest{list[1].body, list[1].custom_id}));
}

TEST_CASE("a wrong option is refused on every rank, and a wrong request by its answer") {
  talus::Options options = demo_options();
  CHECK_THROWS_AS(talus::set_option(options, "no-such", "1"), talus::EngineError);
  talus::set_option(options, "max-num-seqs", "32");
  talus::set_option(options, "kv-cache-memory", "8M");
  CHECK(options.kv_cache_memory == 8 << 20);
  options.tensor_parallel_size = 7;
  CHECK_THROWS_AS((talus::Engine{MPI_COMM_WORLD, options}), talus::EngineError);
  options.tensor_parallel_size.reset();
  talus::Engine engine{MPI_COMM_WORLD, options};
  CHECK_THROWS_AS(static_cast<void>(engine.submit(talus::JsonRequest{"[]"})), talus::EngineError);

  auto const bad = engine.submit(talus::JsonRequest{R"({"prompt": "a", "top_p": 7})"});
  talus::Answer const& answer = engine.wait(*bad);

  CHECK(answer.status == 400);
  CHECK(std::string{answer.error}.find("top_p") != std::string::npos);
  CHECK(world_rank() < world_size());
}
