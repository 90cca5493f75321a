// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/shared_texts.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

void share(parallel::Communicator const& comm, std::string& text) {
  auto const source = std::as_bytes(std::span{text});
  std::vector<std::byte> bytes(source.begin(), source.end());
  parallel::broadcast_bytes(comm, bytes, 0);
  text.resize(bytes.size());
  std::ranges::copy(bytes, std::as_writable_bytes(std::span{text}).begin());
}

/// \throws ConfigError  naming what a node has another one of than rank 0
void compare(ModelTexts const& mine, ModelTexts const& shared) {
  for (auto const& [name, is_equal] :
       {std::pair{"config.json", mine.config == shared.config},
        std::pair{"generation_config.json", mine.generation == shared.generation}}) {
    if (!is_equal) {
      throw ConfigError{concat(name, " differs from node to node (all must have the same)")};
    }
  }
}

}  // namespace

ModelTexts share_model_texts(parallel::Communicator const& comm,
                             parallel::Communicator const& node,
                             std::filesystem::path const& dir) {
  bool const is_reader = node.rank() == 0;
  ModelTexts mine;
  parallel::run_and_agree(comm, [&] { mine = is_reader ? read_model_texts(dir) : ModelTexts{}; });
  ModelTexts texts = mine;
  share(comm, texts.config);
  // An empty file is one that is there.
  std::string generation = texts.generation ? *texts.generation + ' ' : std::string{};
  share(comm, generation);
  texts.generation.reset();
  if (!generation.empty()) {
    generation.pop_back();
    texts.generation = std::move(generation);
  }
  parallel::run_and_agree(comm, [&] {
    if (is_reader) {
      compare(mine, texts);
    }
  });
  return texts;
}

}  // namespace talus::runtime
