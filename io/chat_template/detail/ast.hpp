// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/chat_template/detail/builtins.hpp"
#include "io/chat_template/detail/value.hpp"

/// \file
/// A template as a tree.

namespace talus::io::jinja {

enum class ExpressionKind {
  constant,     ///< value
  name,         ///< name
  list,         ///< children
  tuple,        ///< children
  dict,         ///< children: key, value, key, value ...
  binary,       ///< name is the operator, two children
  negate,       ///< one child
  plus,         ///< one child
  logical_not,  ///< one child
  logical_and,  ///< two children
  logical_or,   ///< two children
  concat,       ///< children, joined as text
  compare,      ///< children, with an operator of `operators` between each two
  conditional,  ///< condition, value if true, value if false or null
  attribute,    ///< child . name
  item,         ///< child [ child ]
  slice,        ///< child [ start : stop : step ], the three may be null
  call,         ///< function, positional arguments ...; named ones in `named`
  filter,       ///< value, positional arguments ...; name; `filter`
  test,         ///< value, positional arguments ...; name; `test`
  captured,     ///< the text of the block that a filter is put on
};

/// An expression. What the members mean depends on the kind.
struct Expression {
  ExpressionKind kind;
  int line;
  int height = 1;  ///< levels of expressions in it
  std::string name;
  Value value;
  std::vector<std::unique_ptr<Expression>> children;
  std::vector<std::pair<std::string, std::unique_ptr<Expression>>> named;
  std::unique_ptr<Expression> more_positional;  ///< *arguments
  std::unique_ptr<Expression> more_named;       ///< **arguments
  std::vector<std::string> operators;
  Filter filter = nullptr;
  Test test = nullptr;
};

using ExpressionPtr = std::unique_ptr<Expression>;

/// What a value is assigned to: a name, an attribute of a namespace, or a tuple of such.
struct Target {
  std::string name;
  std::string attribute;      ///< of the namespace `name`, or empty
  std::vector<Target> items;  ///< of a tuple, then there is no name
  bool is_tuple = false;
};

struct Statement;
using Body = std::vector<Statement>;

/// Names that have no value in a part of a template until they are set there, whatever they are
/// around it: see scopes.hpp.
using HiddenNames = std::vector<std::string>;

struct TextStatement {
  std::string text;
};

struct PrintStatement {
  std::vector<ExpressionPtr> values;
};

struct ForStatement {
  Target target;
  ExpressionPtr items;
  ExpressionPtr condition;  ///< or null
  bool is_recursive;
  Body body;
  Body otherwise;
  HiddenNames hidden{};
  HiddenNames otherwise_hidden{};
};

struct IfStatement {
  struct Branch {
    ExpressionPtr condition;
    Body body;
  };

  std::vector<Branch> branches;
  Body otherwise;
};

struct SetStatement {
  Target target;
  ExpressionPtr value;
};

struct SetBlockStatement {
  Target target;
  ExpressionPtr filters;  ///< of what is captured, or null
  Body body;
  HiddenNames hidden{};
};

struct WithStatement {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Body body;
  HiddenNames hidden{};
};

struct FilterStatement {
  ExpressionPtr filters;
  Body body;
  HiddenNames hidden{};
};

/// {% generation %}: marks what the model writes; here it only bounds the names set in it.
struct GenerationStatement {
  Body body;
  HiddenNames hidden{};
};

struct MacroDefinition {
  struct Parameter {
    std::string name;
    ExpressionPtr otherwise;  ///< the value if it isn't given, or null
  };

  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  HiddenNames hidden{};
  bool uses_varargs = false;
  bool uses_kwargs = false;
  bool uses_caller = false;
};

struct MacroStatement {
  MacroDefinition macro;
};

struct CallStatement {
  MacroDefinition caller;
  ExpressionPtr call;
};

enum class LoopControl { go_on, leave };

struct LoopControlStatement {
  LoopControl control;
};

struct Statement {
  int line;
  std::variant<TextStatement,
               PrintStatement,
               ForStatement,
               IfStatement,
               SetStatement,
               SetBlockStatement,
               WithStatement,
               FilterStatement,
               GenerationStatement,
               MacroStatement,
               CallStatement,
               LoopControlStatement>
      node;
};

}  // namespace talus::io::jinja
