// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
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
void ask(talus::Engine& engine, std::vector<Request> const& requests, std::ofstream& out) {
  auto const take_one = [&] {
    auto const request = engine.wait_any();
    out << engine.poll(*request)->json << '\n' << std::flush;
    engine.release(*request);
  };
  for (auto const& [id, body] : requests) {
    while (!engine.submit(talus::JsonRequest{body, id})) {
      take_one();
    }
  }
  while (engine.num_in_flight() > 0) {
    take_one();
  }
}

}  // namespace

/// A program beside `talus engine`: engine_client STRIDE REQUESTS ANSWERS. Rank R of the launch
/// asks each STRIDEth request of a file from the (R modulo STRIDE)th on, and writes ANSWERS.R. Ends
/// with 3 where there is no engine.
int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  int code = 0;
  try {
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    std::ofstream out{arguments.at(2) + "." + std::to_string(rank)};
    talus::Options options;
    options.role = talus::Role::client;
    options.max_in_flight = 4;
    talus::Engine engine{MPI_COMM_WORLD, options};
    ask(engine, read_share(arguments.at(1), rank, std::stoi(arguments.at(0))), out);
    engine.close();
  } catch (std::exception const& error) {
    std::fprintf(stderr, "client %d: %s\n", rank, error.what());
    code = 3;
  }
  MPI_Finalize();
  return code;
}
