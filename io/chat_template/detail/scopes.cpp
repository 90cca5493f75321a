// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/scopes.hpp"

#include <set>
#include <string_view>
#include <utility>

namespace talus::io::jinja {
namespace {

using NameSet = std::set<std::string_view>;

// The names that a part of a template speaks of, or one branch of an `if` in that part.
class Names {
 public:
  // A part within another one, or the whole.
  explicit Names(Names const* around) : around_{around} {}

  // A branch in a part.
  [[nodiscard]] static Names branch_of(Names const& trunk) {
    Names branch{trunk.around_};
    branch.trunk_ = &trunk;
    return branch;
  }

  void load(std::string_view name) {
    if (!is_known(name)) {
      known_.insert(name);
    }
  }

  // A name that only a branch sets is not hidden: where the branch is not taken, the name is what
  // it is around the part.
  void store(std::string_view name) {
    if (is_own(name)) {
      return;
    }
    known_.insert(name);
    if (trunk_ == nullptr && (around_ == nullptr || !around_->is_known(name))) {
      hidden_.insert(name);
    }
  }

  void declare(std::string_view name) { known_.insert(name); }

  // Takes over what a branch speaks of, once all branches beside it have been read.
  void join(Names branch) {
    if (known_.size() < branch.known_.size()) {
      known_.swap(branch.known_);
    }
    known_.merge(branch.known_);
  }

  [[nodiscard]] HiddenNames hidden() const { return {hidden_.begin(), hidden_.end()}; }

 private:
  [[nodiscard]] bool is_own(std::string_view name) const {
    return known_.contains(name) || (trunk_ != nullptr && trunk_->is_own(name));
  }

  [[nodiscard]] bool is_known(std::string_view name) const {
    return is_own(name) || (around_ != nullptr && around_->is_known(name));
  }

  Names const* around_;
  Names const* trunk_ = nullptr;
  NameSet known_;
  NameSet hidden_;
};

void load(Names& names, ExpressionPtr const& expression) {
  if (!expression) {
    return;
  }
  if (expression->kind == ExpressionKind::name) {
    names.load(expression->name);
  }
  for (auto const& child : expression->children) {
    load(names, child);
  }
  for (auto const& argument : expression->named) {
    load(names, argument.second);
  }
  load(names, expression->more_positional);
  load(names, expression->more_named);
}

void store(Names& names, Target const& target) {
  for (Target const& item : target.items) {
    store(names, item);
  }
  if (!target.attribute.empty()) {
    names.load(target.name);
  } else if (!target.is_tuple) {
    names.store(target.name);
  }
}

void declare(Names& names, Target const& target) {
  for (Target const& item : target.items) {
    declare(names, item);
  }
  if (!target.is_tuple) {
    names.declare(target.name);
  }
}

void load_parameters(Names& names, MacroDefinition const& macro) {
  for (auto const& parameter : macro.parameters) {
    names.declare(parameter.name);
  }
  for (auto const& parameter : macro.parameters) {
    load(names, parameter.otherwise);
  }
  for (auto const& [name, is_used] : {std::pair{"varargs", macro.uses_varargs},
                                      std::pair{"kwargs", macro.uses_kwargs},
                                      std::pair{"caller", macro.uses_caller}}) {
    if (is_used) {
      names.declare(name);
    }
  }
}

// Reads the names of one part, and of the parts in it once the names of all of it are known.
class Reader {
 public:
  explicit Reader(Names& names) : names_{names} {}

  void read(Body& body) {
    for (Statement& statement : body) {
      std::visit([this](auto& node) { read_node(node); }, statement.node);
    }
  }

 private:
  void read_node(TextStatement& /*statement*/) {}

  void read_node(LoopControlStatement& /*statement*/) {}

  void read_node(PrintStatement& statement) {
    for (auto const& value : statement.values) {
      load(names_, value);
    }
  }

  void read_node(IfStatement& statement) {
    std::vector<Names> branches;
    for (auto& [condition, body] : statement.branches) {
      load(names_, condition);
      branches.push_back(read_branch(body));
    }
    branches.push_back(read_branch(statement.otherwise));
    for (Names& branch : branches) {
      names_.join(std::move(branch));
    }
  }

  [[nodiscard]] Names read_branch(Body& body) const {
    Names branch = Names::branch_of(names_);
    Reader{branch}.read(body);
    return branch;
  }

  void read_node(ForStatement& statement) { load(names_, statement.items); }

  void read_node(SetStatement& statement) {
    load(names_, statement.value);
    store(names_, statement.target);
  }

  void read_node(SetBlockStatement& statement) { store(names_, statement.target); }

  void read_node(WithStatement& statement) {
    for (auto const& value : statement.values) {
      load(names_, value.second);
    }
  }

  void read_node(FilterStatement& statement) { load(names_, statement.filters); }

  void read_node(GenerationStatement& /*statement*/) {}

  void read_node(MacroStatement& statement) { names_.store(statement.macro.name); }

  void read_node(CallStatement& statement) { load(names_, statement.call); }

  Names& names_;
};

// Finds what each part in a body hides. `around` has all the names of what the body is in.
class Descent {
 public:
  explicit Descent(Names const& around) : around_{around} {}

  void into(Body& body) {
    for (Statement& statement : body) {
      std::visit([this](auto& node) { enter(node); }, statement.node);
    }
  }

 private:
  // A part: `prepare` gives it the names that it has from the start.
  template <class Prepare>
  HiddenNames part(Body& body, Prepare&& prepare) {
    Names names{&around_};
    prepare(names);
    Reader{names}.read(body);
    Descent{names}.into(body);
    return names.hidden();
  }

  HiddenNames plain_part(Body& body) {
    return part(body, [](Names&) {});
  }

  void enter(TextStatement& /*statement*/) {}

  void enter(PrintStatement& /*statement*/) {}

  void enter(SetStatement& /*statement*/) {}

  void enter(LoopControlStatement& /*statement*/) {}

  void enter(IfStatement& statement) {
    for (auto& branch : statement.branches) {
      into(branch.body);
    }
    into(statement.otherwise);
  }

  void enter(ForStatement& statement) {
    statement.hidden = part(statement.body, [&](Names& names) {
      names.declare("loop");
      declare(names, statement.target);
    });
    statement.otherwise_hidden = plain_part(statement.otherwise);
  }

  void enter(SetBlockStatement& statement) { statement.hidden = plain_part(statement.body); }

  void enter(WithStatement& statement) {
    statement.hidden = part(statement.body, [&](Names& names) {
      for (auto const& value : statement.values) {
        declare(names, value.first);
      }
    });
  }

  void enter(FilterStatement& statement) {
    statement.hidden = part(statement.body, [&](Names& names) { load(names, statement.filters); });
  }

  void enter(GenerationStatement& statement) { statement.hidden = plain_part(statement.body); }

  void enter(MacroStatement& statement) { enter_macro(statement.macro); }

  void enter(CallStatement& statement) { enter_macro(statement.caller); }

  void enter_macro(MacroDefinition& macro) {
    macro.hidden = part(macro.body, [&](Names& names) { load_parameters(names, macro); });
  }

  Names const& around_;
};

}  // namespace

HiddenNames find_hidden_names(Body& body) {
  Names names{nullptr};
  Reader{names}.read(body);
  Descent{names}.into(body);
  return names.hidden();
}

}  // namespace talus::io::jinja
