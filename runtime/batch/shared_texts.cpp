// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/shared_texts.hpp"

#include <cstddef>
#include <string>
#include <utility>

#include "parallel/agree.hpp"
#include "parallel/broadcast_text.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

/// \throws ConfigError  naming what this rank sees another one of than rank 0
void compare(ModelTexts const& mine, ModelTexts const& shared) {
  for (auto const& [name, is_equal] :
       {std::pair{"config.json", mine.config == shared.config},
        std::pair{"generation_config.json", mine.generation == shared.generation}}) {
    if (!is_equal) {
      throw ConfigError{concat(name, " differs from rank to rank (all must see the same)")};
    }
  }
}

}  // namespace

ModelTexts share_model_texts(parallel::Communicator const& comm,
                             parallel::Communicator const& node,
                             std::filesystem::path const& dir) {
  bool const is_source = comm.rank() == 0;
  ModelTexts texts;
  parallel::run_and_agree(comm, [&] {
    if (is_source) {
      texts = read_model_texts(dir);
    }
  });
  texts.config = parallel::broadcast_text(comm, texts.config);
  // Where rank 0 has read, and after a mark the file that need not be there.
  std::string const more = parallel::broadcast_text(
      comm, dir.string() + '\0' + (texts.generation ? '+' + *texts.generation : ""));
  std::size_t const end = more.find('\0');
  bool const is_elsewhere = more.substr(0, end) != dir.string();
  texts.generation.reset();
  if (end + 1 < more.size()) {
    texts.generation = more.substr(end + 2);
  }
  parallel::run_and_agree(comm, [&] {
    if (is_elsewhere || (node.rank() == 0 && !is_source)) {
      compare(read_model_texts(dir), texts);
    }
  });
  return texts;
}

}  // namespace talus::runtime
