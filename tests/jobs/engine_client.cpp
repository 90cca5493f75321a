// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <mpi.h>
#include <nlohmann/json.hpp>
#include <talus/engine.hpp>

namespace {

struct Request {
  std::string custom_id;
  std::string body;
};

/// This rank's share of a file in OpenAI's batch form.
std::vector<Request> read_share(std::string const& file, int rank, int stride) {
  std::ifstream in{file};
  std::vector<Request> requests;
  int number = 0;
  for (std::string line; std::getline(in, line); ++number) {
    if (number % stride == rank % stride) {
      auto const json = nlohmann::json::parse(line);
      requests.push_back({json["custom_id"], json["body"].dump()});
    }
  }
  return requests;
}

/// Asks them, as many at a time as the engine takes, and writes the lines of the answers.
/// Collective over the engine's ranks.
void ask(talus::Engine& engine, std::vector<Request> const& requests, std::ofstream& out) {
  auto const take = [&](talus::RequestId request) {
    out << engine.poll(request)->json << '\n' << std::flush;
    engine.release(request);
  };
  std::size_t next = 0;
  int is_done = 0;
  while (is_done == 0) {
    while (next < requests.size() &&
           engine.submit(talus::JsonRequest{requests[next].body, requests[next].custom_id})) {
      ++next;
    }
    if (engine.is_engine_rank()) {
      engine.step_for(20.0);
    } else if (auto const request = engine.wait_any()) {
      take(*request);
    }
    while (auto const request = engine.poll_any()) {
      take(*request);
    }
    is_done = next == requests.size() && engine.num_in_flight() == 0 ? 1 : 0;
    if (engine.is_engine_rank()) {
      MPI_Allreduce(MPI_IN_PLACE, &is_done, 1, MPI_INT, MPI_LAND, engine.peers());
    }
  }
  if (engine.is_engine_rank()) {
    engine.serve();
  }
}

/// A client's, or those that the arguments NAME=VALUE set.
talus::Options make_options(std::vector<std::string> const& arguments) {
  talus::Options options;
  options.max_in_flight = 4;
  options.role = arguments.size() > 3 ? talus::Role::automatic : talus::Role::client;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    std::size_t const equals = arguments[i].find('=');
    talus::set_option(options, arguments[i].substr(0, equals), arguments[i].substr(equals + 1));
  }
  return options;
}

}  // namespace

/// engine_client STRIDE REQUESTS ANSWERS [NAME=VALUE...]: a program beside `talus engine`, or with
/// options that has the engine itself. Rank R of the launch asks each STRIDEth request of a file
/// from the (R modulo STRIDE)th on, and writes ANSWERS.R. Ends with 3 where there is no engine.
/// SLOW_CLIENT: seconds before it asks anything.
int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  int code = 0;
  try {
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    std::ofstream out{arguments.at(2) + "." + std::to_string(rank)};
    talus::Engine engine{MPI_COMM_WORLD, make_options(arguments)};
    if (char const* const seconds = std::getenv("SLOW_CLIENT")) {
      std::this_thread::sleep_for(std::chrono::seconds{std::stoi(seconds)});
    }
    ask(engine, read_share(arguments.at(1), rank, std::stoi(arguments.at(0))), out);
    engine.close();
  } catch (std::exception const& error) {
    std::fprintf(stderr, "client %d: %s\n", rank, error.what());
    code = 3;
  }
  MPI_Finalize();
  return code;
}
