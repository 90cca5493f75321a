// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace talus::io::jinja {

class Dict;
class Object;
class Sequence;
struct Text;

/// The largest value a template may build: its text, or the sum over what it contains, in bytes.
/// What is in a container twice counts twice, so the bound also holds for what printing gives.
constexpr std::size_t max_value_bytes = std::size_t{16} << 20;

/// The most pieces that a text may be taken apart into: lines, words, characters.
constexpr std::size_t max_pieces = 1'000'000;

/// The deepest nesting of lists and dicts.
constexpr int max_value_depth = 400;

enum class Kind { none, undefined, boolean, integer, floating, string, sequence, dict, object };

/// A value of the template language, with Python's meaning. Strings and containers are shared and
/// never change, so that a copy is cheap and no value contains itself.
class Value {
 public:
  /// None.
  Value() = default;

  template <std::same_as<bool> T>
  Value(T value) : data_{value} {}

  template <std::integral T>

  requires(!std::same_as<T, bool>) Value(T value) : data_{static_cast<std::int64_t>(value)} {}

  Value(double value) : data_{value} {}

  Value(char const* text) : Value{std::string{text}} {}

  Value(std::string_view text) : Value{std::string{text}} {}

  Value(std::string text);

  Value(std::shared_ptr<Text const> text) : data_{std::move(text)} {}

  Value(std::shared_ptr<Sequence const> sequence) : data_{std::move(sequence)} {}

  Value(std::shared_ptr<Dict const> dict) : data_{std::move(dict)} {}

  Value(std::shared_ptr<Object> object) : data_{std::move(object)} {}

  /// What a missing name or attribute gives.
  ///
  /// \param why  the error's text, should the template need the value
  static Value undefined(std::string why);

  /// A list, or a tuple, of these items.
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);

  /// A sequence that can be walked once and has no length: what map() and select() give.
  static Value iterator(std::vector<Value> items);

  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(data_.index()); }

  [[nodiscard]] bool is(Kind kind) const noexcept { return this->kind() == kind; }

  [[nodiscard]] bool is_none() const noexcept { return is(Kind::none); }

  [[nodiscard]] bool is_undefined() const noexcept { return is(Kind::undefined); }

  [[nodiscard]] bool is_string() const noexcept { return is(Kind::string); }

  /// True for integers and booleans, which count as integers 0 and 1.
  [[nodiscard]] bool is_integral() const noexcept { return is(Kind::integer) || is(Kind::boolean); }

  /// \pre kind() is the one named; as_integer() also takes a boolean.
  [[nodiscard]] bool as_boolean() const { return std::get<bool>(data_); }

  [[nodiscard]] std::int64_t as_integer() const;

  [[nodiscard]] double as_floating() const { return std::get<double>(data_); }

  [[nodiscard]] Text const& as_text() const { return *std::get<TextPtr>(data_); }

  [[nodiscard]] std::string const& as_string() const;

  [[nodiscard]] Sequence const& as_sequence() const { return *std::get<SequencePtr>(data_); }

  [[nodiscard]] std::shared_ptr<Sequence const> const& sequence_pointer() const {
    return std::get<SequencePtr>(data_);
  }

  [[nodiscard]] Dict const& as_dict() const { return *std::get<DictPtr>(data_); }

  [[nodiscard]] std::shared_ptr<Object> const& as_object() const {
    return std::get<ObjectPtr>(data_);
  }

  [[nodiscard]] std::string const& why_undefined() const;

  /// Bytes it takes, what it contains included.
  [[nodiscard]] std::size_t weight() const;

  /// Levels of containers: 0 for a number or a string.
  [[nodiscard]] int depth() const;

  /// Same object, as Python's `is` says it.
  [[nodiscard]] bool same_as(Value const& other) const;

 private:
  using TextPtr = std::shared_ptr<Text const>;
  using SequencePtr = std::shared_ptr<Sequence const>;
  using DictPtr = std::shared_ptr<Dict const>;
  using ObjectPtr = std::shared_ptr<Object>;

  struct Undefined {
    std::shared_ptr<std::string const> why;
  };

  // In the order of Kind.
  std::variant<std::monostate,
               Undefined,
               bool,
               std::int64_t,
               double,
               TextPtr,
               SequencePtr,
               DictPtr,
               ObjectPtr>
      data_;
};

/// A string.
struct Text {
  std::string bytes;   ///< UTF-8, valid
  std::size_t length;  ///< code points
  bool is_safe;        ///< marked by the filters `safe` and `escape`: not to be escaped again
};

/// Makes a string that counts as escaped.
[[nodiscard]] Value safe_text(std::string text);

/// `group` is a tuple whose two items have names too: what groupby() makes.
enum class SequenceKind { list, tuple, group, range, keys, values, items, iterator };

/// An ordered collection.
class Sequence {
 public:
  /// \throws Failure  if it would be larger or deeper than a value may be
  Sequence(SequenceKind kind, std::vector<Value> items);

  [[nodiscard]] SequenceKind kind() const noexcept { return kind_; }

  [[nodiscard]] std::vector<Value> const& items() const noexcept { return items_; }

  [[nodiscard]] std::size_t weight() const noexcept { return weight_; }

  [[nodiscard]] int depth() const noexcept { return depth_; }

  /// True for what Python can index: list, tuple and range.
  [[nodiscard]] bool is_indexable() const noexcept { return kind_ <= SequenceKind::range; }

  [[nodiscard]] bool is_list_or_tuple() const noexcept { return kind_ <= SequenceKind::group; }

  [[nodiscard]] bool is_tuple() const noexcept {
    return kind_ == SequenceKind::tuple || kind_ == SequenceKind::group;
  }

  /// For an iterator: the items not walked yet, which are walked by this.
  [[nodiscard]] std::vector<Value> take_rest() const;

 private:
  SequenceKind kind_;
  std::vector<Value> items_;
  std::size_t weight_;
  int depth_;
  mutable std::size_t num_taken_ = 0;
};

}  // namespace talus::io::jinja
