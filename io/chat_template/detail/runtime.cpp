// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/runtime.hpp"

#include <algorithm>

#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"

namespace talus::io::jinja {
namespace {

// About what an allocation costs beside its contents.
constexpr std::size_t overhead_bytes = 64;

// From this many names in a scope on, they are found by their hash.
constexpr std::size_t few_names = 32;

}  // namespace

Value const* Scope::find(std::string_view name) const {
  for (Scope const* scope = this; scope != nullptr; scope = scope->outer_.get()) {
    std::size_t const place = scope->place_of(name);
    if (place < scope->names_.size()) {
      return &scope->names_[place].second;
    }
  }
  return nullptr;
}

std::size_t Scope::place_of(std::string_view name) const {
  if (!places_.empty()) {
    auto const found = places_.find(name);
    return found == places_.end() ? names_.size() : found->second;
  }
  auto const found = std::find_if(
      names_.begin(), names_.end(), [&](auto const& entry) { return entry.first == name; });
  return static_cast<std::size_t>(found - names_.begin());
}

void Scope::set(std::string_view name, Value value) {
  std::size_t const place = place_of(name);
  if (place < names_.size()) {
    names_[place].second = std::move(value);
    return;
  }
  names_.emplace_back(name, std::move(value));
  if (!places_.empty()) {
    places_.emplace(name, names_.size() - 1);
  } else if (names_.size() == few_names) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      places_.emplace(names_[i].first, i);
    }
  }
}

void Scope::clear() {
  places_.clear();
  names_.clear();
}

Runtime::~Runtime() {
  for (auto const& scope : scopes_) {
    scope->clear();
  }
  for (auto const& kept : namespaces_) {
    kept->clear();
  }
}

void Runtime::add_steps(std::size_t steps) {
  num_steps_ += steps;
  if (num_steps_ > static_cast<std::size_t>(options_.max_steps)) {
    fail("the template takes more than ", options_.max_steps, " steps");
  }
}

void Runtime::add_made(Value const& value) {
  switch (value.kind()) {
    case Kind::string:
      add_bytes(overhead_bytes + value.as_string().size());
      break;
    case Kind::sequence:
      add_bytes(overhead_bytes * (1 + value.as_sequence().items().size()));
      break;
    case Kind::dict:
      add_bytes(2 * overhead_bytes * (1 + value.as_dict().entries().size()));
      break;
    case Kind::object:
      add_bytes(2 * overhead_bytes);
      break;
    default:
      break;
  }
}

void Runtime::add_bytes(std::size_t bytes) {
  num_bytes_ += bytes;
  if (num_bytes_ > options_.max_allocated_bytes) {
    fail("the template makes values of more than ", options_.max_allocated_bytes, " bytes");
  }
}

std::shared_ptr<Namespace> Runtime::make_namespace() {
  namespaces_.push_back(std::make_shared<Namespace>());
  add_bytes(4 * overhead_bytes);
  return namespaces_.back();
}

void Runtime::keep(std::shared_ptr<Scope> scope) {
  if (scopes_.empty() || scopes_.back() != scope) {
    scopes_.push_back(std::move(scope));
    add_bytes(4 * overhead_bytes);
  }
}

Runtime::Level::Level(Runtime& runtime) : runtime_{runtime} {
  if (runtime_.depth_ >= runtime_.options_.max_depth) {
    fail("the template goes deeper than ", runtime_.options_.max_depth, " levels");
  }
  ++runtime_.depth_;
}

}  // namespace talus::io::jinja
