// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/attribute_path.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/filters.hpp"
#include "io/chat_template/detail/runtime.hpp"
#include "io/chat_template/detail/text.hpp"

namespace talus::io::jinja::filters {
namespace {

// An item, and what it is sorted by.
struct Keyed {
  Value key;
  Value item;
};

// What looking up a key costs.
constexpr std::size_t steps_per_search = 8;

// Counts the work of a sort: each key is compared about log2(n) times.
void add_sorting(Runtime& runtime, std::vector<Keyed> const& keyed) {
  for (std::size_t rest = keyed.size(); rest > 1; rest /= 2) {
    runtime.add_steps(keyed.size());
    for (Keyed const& entry : keyed) {
      runtime.add_reading(entry.key);
    }
  }
}

std::vector<Keyed> sort_keyed(Runtime& runtime, std::vector<Keyed> const& keyed, bool is_reversed) {
  add_sorting(runtime, keyed);
  std::vector<std::size_t> order(keyed.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Items with equal keys keep their order, in reverse too.
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return is_reversed ? less(keyed[b].key, keyed[a].key) : less(keyed[a].key, keyed[b].key);
  });
  std::vector<Keyed> sorted;
  sorted.reserve(keyed.size());
  for (std::size_t const i : order) {
    sorted.push_back(keyed[i]);
  }
  return sorted;
}

std::vector<Value> take_items(std::vector<Keyed> const& keyed) {
  std::vector<Value> items;
  for (Keyed const& entry : keyed) {
    items.push_back(entry.item);
  }
  return items;
}

// The first item that none comes before, or after.
Value extreme(Value const& value,
              Arguments const& arguments,
              std::string_view filter,
              bool is_max) {
  Parameters const parameters{arguments, filter, {"case_sensitive", "attribute"}};
  AttributePath const path{parameters.value_or_none(1)};
  bool const is_case_sensitive = parameters.is_true(0);
  auto const sequence = to_sequence(value);
  if (sequence->items().empty()) {
    return Value::undefined("no aggregated item, the sequence was empty");
  }
  Value best;
  Value best_key;
  bool is_first = true;
  for (Value const& item : sequence->items()) {
    Value key = comparison_key(path.get(item), is_case_sensitive);
    if (is_first || (is_max ? less(best_key, key) : less(key, best_key))) {
      best = item;
      best_key = std::move(key);
      is_first = false;
    }
  }
  return best;
}

// The paths in a list of attributes with commas between.
std::vector<AttributePath> parse_paths(Value const& attribute) {
  std::vector<AttributePath> paths;
  if (!attribute.is_string()) {
    paths.emplace_back(attribute);
    return paths;
  }
  for (std::string_view const part : split(attribute.as_string(), ",", Side::left)) {
    paths.emplace_back(Value{part});
  }
  return paths;
}

}  // namespace

Value sort(Runtime& runtime, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "sort", {"reverse", "case_sensitive", "attribute"}};
  auto const paths = parse_paths(parameters.value_or_none(2));
  std::vector<Keyed> keyed;
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    std::vector<Value> keys;
    for (AttributePath const& path : paths) {
      keys.push_back(comparison_key(path.get(item), parameters.is_true(1)));
    }
    keyed.push_back({Value::list(std::move(keys)), item});
  }
  return Value::list(take_items(sort_keyed(runtime, keyed, parameters.is_true(0))));
}

Value dictsort(Runtime& runtime, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "dictsort", {"case_sensitive", "by", "reverse"}};
  std::string const by = parameters.text(1, "key");
  if (by != "key" && by != "value") {
    fail("dictsort: by = ", by, " (key and value are allowed)");
  }
  if (!value.is(Kind::dict)) {
    fail(value.is_undefined() ? value.why_undefined()
                              : concat("dictsort: needs a dict, got ", type_name(value)));
  }
  std::vector<Keyed> keyed;
  for (auto const& [key, entry] : value.as_dict().entries()) {
    Value const& sorted_by = by == "key" ? key : entry;
    keyed.push_back({comparison_key(sorted_by, parameters.is_true(0)), Value::tuple({key, entry})});
  }
  return Value::list(take_items(sort_keyed(runtime, keyed, parameters.is_true(2))));
}

Value groupby(Runtime& runtime, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "groupby", {"attribute", "default", "case_sensitive"}, 1};
  AttributePath const path{parameters[0]};
  Value const otherwise = parameters.value_or_none(1);
  std::vector<Keyed> keyed;
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    keyed.push_back({comparison_key(path.get(item, otherwise), parameters.is_true(2)), item});
  }
  keyed = sort_keyed(runtime, keyed, false);
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < keyed.size();) {
    std::size_t end = begin;
    std::vector<Value> group;
    for (; end < keyed.size() && equal(keyed[end].key, keyed[begin].key); ++end) {
      group.push_back(keyed[end].item);
    }
    Value const grouper = path.get(group.front(), otherwise);
    groups.push_back(Value{std::make_shared<Sequence const>(
        SequenceKind::group, std::vector<Value>{grouper, Value::list(std::move(group))})});
    begin = std::max(end, begin + 1);
  }
  return Value::list(std::move(groups));
}

Value max(Runtime&, Value const& value, Arguments const& arguments) {
  return extreme(value, arguments, "max", true);
}

Value min(Runtime&, Value const& value, Arguments const& arguments) {
  return extreme(value, arguments, "min", false);
}

Value unique(Runtime& runtime, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "unique", {"case_sensitive", "attribute"}};
  AttributePath const path{parameters.value_or_none(1)};
  Dict seen;
  std::vector<Value> found;
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    Value const key = comparison_key(path.get(item), parameters.is_true(0));
    runtime.add_steps(steps_per_search);
    if (seen.find(key) == nullptr) {
      seen.set(key, Value{});
      found.push_back(item);
    }
  }
  return Value::iterator(std::move(found));
}

}  // namespace talus::io::jinja::filters
