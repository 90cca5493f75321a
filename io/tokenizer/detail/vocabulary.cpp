// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/vocabulary.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

// Bounds what a damaged id can make us allocate; the largest vocabularies have 2^18.
constexpr std::uint64_t max_id = (std::uint64_t{1} << 24U) - 1;

TokenId id_of(JsonField const& field, std::string const& token, Json const& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > max_id) {
    field.refuse(
        concat("token \"", token, "\" has the id ", value.dump(), "; allowed are 0 to ", max_id));
  }
  return value.get<TokenId>();
}

}  // namespace

Vocabulary::Vocabulary(JsonField const& field) {
  Json const& entries = field.json();
  if (!entries.is_object()) {
    field.refuse("must be an object that gives each token its id");
  }
  TokenId end = 0;
  for (auto const& [token, value] : entries.items()) {
    end = std::max(end, id_of(field, token, value) + 1);
  }
  tokens_.resize(static_cast<std::size_t>(end));
  id_of_.reserve(entries.size());
  for (auto const& [token, value] : entries.items()) {
    auto const id = value.get<TokenId>();
    auto& spelling = tokens_[static_cast<std::size_t>(id)];
    if (spelling) {
      field.refuse(concat("tokens \"", *spelling, "\" and \"", token, "\" have the same id ", id));
    }
    spelling = token;
    id_of_.emplace(*spelling, id);
  }
  num_tokens_ = id_of_.size();
}

Vocabulary::Vocabulary(std::vector<std::string> tokens, JsonField const& field)
    : num_tokens_{tokens.size()} {
  if (tokens.size() > max_id) {
    field.refuse(concat("has ", tokens.size(), " tokens; allowed are ", max_id));
  }
  tokens_.reserve(tokens.size());
  for (std::string& token : tokens) {
    tokens_.emplace_back(std::move(token));
    id_of_.insert_or_assign(*tokens_.back(), static_cast<TokenId>(tokens_.size() - 1));
  }
}

std::optional<TokenId> Vocabulary::find(std::string_view token) const {
  auto const found = id_of_.find(token);
  return found == id_of_.end() ? std::nullopt : std::optional{found->second};
}

std::string const* Vocabulary::token(TokenId id) const noexcept {
  if (id < 0 || id >= end_id() || !tokens_[static_cast<std::size_t>(id)]) {
    return nullptr;
  }
  return &*tokens_[static_cast<std::size_t>(id)];
}

}  // namespace talus::io::tokenizer
