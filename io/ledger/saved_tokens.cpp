// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/saved_tokens.hpp"

#include <cstddef>
#include <cstring>

namespace talus::io {
namespace {

struct Head {
  std::int64_t request = 0;
  std::uint32_t sample = 0;
  std::int32_t first = 0;
  std::int32_t num_tokens = 0;
  std::int32_t num_top = 0;
  std::int32_t has_logprobs = 0;
  std::int32_t reserved = 0;
};

constexpr std::int32_t most_top = 1000;  // far above what a request may ask for

template <class T>
void put(std::string& out, std::vector<T> const& values) {
  out.append(reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T));
}

/// Takes `count` values from the front; the caller has checked that they are there.
template <class T>
std::vector<T> take(std::string_view& in, std::size_t count) {
  std::vector<T> values(count);
  if (count > 0) {
    std::memcpy(values.data(), in.data(), count * sizeof(T));
  }
  in.remove_prefix(count * sizeof(T));
  return values;
}

template <class T>
void replace_from(std::vector<T>& values, std::size_t first, std::vector<T> const& more) {
  if (!values.empty() || first == 0) {
    values.resize(first);
  }
  values.insert(values.end(), more.begin(), more.end());
}

}  // namespace

bool SavedTokens::append(SavedTokens const& more) {
  bool const is_next = more.first >= first && more.first <= first + std::ssize(tokens);
  bool const is_alike =
      tokens.empty() || (logprobs.empty() == more.logprobs.empty() && num_top == more.num_top);
  if (!is_next || !is_alike || request != more.request || sample != more.sample) {
    return false;
  }
  num_top = more.num_top;
  auto const at = static_cast<std::size_t>(more.first - first);
  auto const top_at = at * static_cast<std::size_t>(num_top);
  replace_from(tokens, at, more.tokens);
  replace_from(logprobs, at, more.logprobs);
  replace_from(ranks, at, more.ranks);
  replace_from(top_tokens, top_at, more.top_tokens);
  replace_from(top_logprobs, top_at, more.top_logprobs);
  return true;
}

std::string format_saved_tokens(SavedTokens const& saved) {
  Head const head{.request = saved.request,
                  .sample = saved.sample,
                  .first = saved.first,
                  .num_tokens = static_cast<std::int32_t>(saved.tokens.size()),
                  .num_top = saved.num_top,
                  .has_logprobs = saved.logprobs.empty() ? 0 : 1};
  std::string out{reinterpret_cast<char const*>(&head), sizeof head};
  put(out, saved.tokens);
  put(out, saved.logprobs);
  put(out, saved.ranks);
  put(out, saved.top_tokens);
  put(out, saved.top_logprobs);
  return out;
}

std::optional<SavedTokens> parse_saved_tokens(std::string_view in) {
  Head head;
  if (in.size() < sizeof head) {
    return std::nullopt;
  }
  std::memcpy(&head, in.data(), sizeof head);
  in.remove_prefix(sizeof head);
  if (head.num_tokens < 0 || head.num_top < 0 || head.num_top > most_top || head.first < 0 ||
      head.request < 0) {
    return std::nullopt;
  }
  auto const tokens = static_cast<std::size_t>(head.num_tokens);
  std::size_t const told = head.has_logprobs != 0 ? tokens : 0;
  std::size_t const tops = told * static_cast<std::size_t>(head.num_top);
  if (in.size() != 4 * (tokens + 2 * told + 2 * tops)) {
    return std::nullopt;
  }
  SavedTokens saved{
      .request = head.request, .sample = head.sample, .first = head.first, .num_top = head.num_top};
  saved.tokens = take<std::int32_t>(in, tokens);
  saved.logprobs = take<float>(in, told);
  saved.ranks = take<std::int32_t>(in, told);
  saved.top_tokens = take<std::int32_t>(in, tops);
  saved.top_logprobs = take<float>(in, tops);
  return saved;
}

}  // namespace talus::io
