// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/tokenizer/tokenizer.hpp"

// talus_tokenizer_bench MODEL_DIR TEXTS: how fast a tokenizer encodes and decodes JSON strings, one
// a line, on one thread; medians of processor time, each run with a tokenizer that was just loaded.

namespace {

constexpr int num_runs = 5;

std::vector<std::string> read_texts(char const* file) {
  std::vector<std::string> texts;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    texts.push_back(talus::io::parse_json(line, file).get<std::string>());
  }
  return texts;
}

double seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void bench(char const* model, char const* file) {
  std::vector<std::string> const texts = read_texts(file);
  std::size_t num_bytes = 0;
  for (std::string const& text : texts) {
    num_bytes += text.size();
  }
  std::vector<double> encoding;
  std::vector<double> decoding;
  std::size_t num_ids = 0;
  for (int run = 0; run < num_runs; ++run) {
    auto const tokenizer = talus::io::Tokenizer::load(model);
    std::vector<std::vector<talus::io::TokenId>> ids;
    double const begin = seconds();
    for (std::string const& text : texts) {
      ids.push_back(tokenizer.encode(text, talus::io::AddSpecialTokens::no));
    }
    double const middle = seconds();
    num_ids = 0;
    for (auto const& each : ids) {
      num_ids += each.size();
      (void)tokenizer.decode(each, talus::io::SkipSpecialTokens::no);
    }
    encoding.push_back(middle - begin);
    decoding.push_back(seconds() - middle);
  }
  double const megabytes = static_cast<double>(num_bytes) / 1e6;
  std::cout << texts.size() << " texts, " << megabytes << " MB, " << num_ids << " tokens; encode "
            << megabytes / median(encoding) << " MB/s, decode " << megabytes / median(decoding)
            << " MB/s\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " MODEL_DIR TEXTS\n";
    return 2;
  }
  try {
    bench(argv[1], argv[2]);
  } catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
