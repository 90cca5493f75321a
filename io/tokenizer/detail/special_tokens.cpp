// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/special_tokens.hpp"

#include <charconv>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/json_field.hpp"

namespace talus::io::tokenizer {
namespace {

constexpr std::array<char const*, num_roles> role_keys = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

/// A token given by its spelling or as an object; special, not normalized.
AddedToken make_special(JsonField const& field) {
  AddedToken token;
  if (field.json().is_string()) {
    token.content = field.string();
  } else {
    token = make_added_token(field);
    token.normalized = field.boolean_or("normalized", false);
  }
  token.special = true;
  return token;
}

/// The tokens of added_tokens_decoder in the order of their ids.
std::vector<AddedToken> make_decoder_tokens(JsonField const& field) {
  std::map<TokenId, AddedToken> tokens;
  for (auto const& [key, unused] : field.json().items()) {
    TokenId id = 0;
    auto const [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc{} || end != key.data() + key.size()) {
      field.at(key).refuse("its name must be a token id");
    }
    tokens.emplace(id, make_added_token(field.at(key)));
  }
  std::vector<AddedToken> ordered;
  for (auto& [id, token] : tokens) {
    ordered.push_back(std::move(token));
  }
  return ordered;
}

/// The tokens with a role, and the extra ones, that a file names.
class NamedTokens {
 public:
  explicit NamedTokens(RoleTokens const& defaults) {
    for (std::size_t role = 0; role < num_roles; ++role) {
      if (defaults[role]) {
        roles_[role] = AddedToken{.content = *defaults[role], .special = true};
      }
    }
  }

  /// Takes what `file` names, over what an earlier file did.
  void read(JsonField const& file) {
    for (std::size_t role = 0; role < num_roles; ++role) {
      if (auto const field = file.find(role_keys[role])) {
        roles_[role] = make_special(*field);
      } else if (file.json().contains(role_keys[role])) {
        roles_[role].reset();  // null: no token, not the default one
      }
    }
    for (char const* const key : {"extra_special_tokens", "additional_special_tokens"}) {
      if (auto const list = file.find(key)) {
        read_extra(*list);
      }
    }
  }

  /// Adds all; a token that is known keeps its other properties.
  void add_to(AddedVocabulary& added, bool keeps_flags) const {
    std::vector<AddedToken> tokens;
    auto const add = [&](AddedToken token) {
      if (AddedToken const* const known = added.find(token.content)) {
        token = *known;
        token.special = true;
      }
      if (!keeps_flags) {
        token = AddedToken{.content = token.content, .special = true};
      }
      tokens.push_back(std::move(token));
    };
    for (auto const& token : roles_) {
      if (token) {
        add(*token);
      }
    }
    for (AddedToken const& token : extra_) {
      add(token);
    }
    added.add(std::move(tokens));
  }

  [[nodiscard]] RoleTokens spellings() const {
    RoleTokens spellings;
    for (std::size_t role = 0; role < num_roles; ++role) {
      if (roles_[role]) {
        spellings[role] = roles_[role]->content;
      }
    }
    return spellings;
  }

 private:
  void read_extra(JsonField const& list) {
    if (list.json().is_array()) {
      for (std::size_t i = 0; i < list.size(); ++i) {
        extra_.push_back(make_special(list.item(i)));
      }
      return;
    }
    for (auto const& [key, unused] : list.json().items()) {
      extra_.push_back(make_special(list.at(key)));  // an object gives each a role of its own
    }
  }

  std::array<std::optional<AddedToken>, num_roles> roles_;
  std::vector<AddedToken> extra_;
};

}  // namespace

RoleTokens add_special_tokens(std::optional<JsonField> const& config,
                              std::optional<JsonField> const& map,
                              RoleTokens const& defaults,
                              bool keeps_flags,
                              AddedVocabulary& added) {
  NamedTokens named{defaults};
  bool has_decoder_tokens = false;
  if (config) {
    if (config->boolean_or("split_special_tokens", false)) {
      config->at("split_special_tokens").refuse("not supported; allowed is false");
    }
    if (auto const tokens = config->find("added_tokens_decoder")) {
      added.add(make_decoder_tokens(*tokens));
      has_decoder_tokens = true;
    }
    named.read(*config);
  }
  if (!has_decoder_tokens && map) {
    named.read(*map);
  }
  named.add_to(added, keeps_flags);
  return named.spellings();
}

}  // namespace talus::io::tokenizer
