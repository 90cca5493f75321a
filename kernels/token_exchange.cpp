// SPDX-License-Identifier: Apache-2.0
#include "kernels/token_exchange.hpp"

#include "kernels/detail/checks.hpp"
#include "kernels/detail/inbox_layout.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {
namespace {

using detail::check_at_most;
using detail::check_equal;

template <class Operation>
Operation check_there(Operation operation) {
  if (operation == nullptr) {
    throw ConfigError{"token exchange: not by this backend (allowed: those of devices)"};
  }
  return operation;
}

MatrixView<float const> rows_at(TokenInboxes const& inboxes,
                                std::int64_t first,
                                std::int64_t rows) {
  std::byte const* const own = inboxes.memory[static_cast<std::size_t>(inboxes.rank)];
  return {reinterpret_cast<float const*>(own + first),
          rows,
          inboxes.shape.hidden,
          detail::InboxLayout{inboxes.shape}.stride};
}

}  // namespace

std::int64_t inbox_bytes(ExchangeShape const& shape) {
  return detail::InboxLayout{shape}.end;
}

MatrixView<float const> arrived_tokens(TokenInboxes const& inboxes) {
  ExchangeShape const& shape = inboxes.shape;
  return rows_at(inboxes, detail::InboxLayout{shape}.tokens, shape.num_ranks * shape.max_tokens);
}

MatrixView<float const> returned_results(TokenInboxes const& inboxes) {
  ExchangeShape const& shape = inboxes.shape;
  return rows_at(inboxes, detail::InboxLayout{shape}.results, shape.max_choices());
}

void send_tokens(ExecContext const& exec,
                 TokenInboxes const& inboxes,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> expert_ids,
                 std::span<std::int64_t> num_sent) {
  ExchangeShape const& shape = inboxes.shape;
  check_equal("send_tokens", "columns of x", x.cols, shape.hidden);
  check_at_most("send_tokens", "rows of x", x.rows, shape.max_tokens);
  check_equal("send_tokens", "expert_ids", std::ssize(expert_ids), x.rows * shape.top_k);
  check_equal("send_tokens", "num_sent", std::ssize(num_sent), 1);
  check_there(operations_of(exec.backend).send_tokens)(exec, inboxes, x, expert_ids, num_sent);
}

void order_arrivals(ExecContext const& exec,
                    TokenInboxes const& inboxes,
                    ArrivalOrder const& order) {
  check_equal("order_arrivals",
              "offsets",
              std::ssize(order.offsets),
              inboxes.shape.num_local(inboxes.rank) + 1);
  check_equal("order_arrivals", "slots", std::ssize(order.slots), std::ssize(order.token_rows));
  check_there(operations_of(exec.backend).order_arrivals)(exec, inboxes, order);
}

void return_results(ExecContext const& exec,
                    TokenInboxes const& inboxes,
                    MatrixView<float const> results,
                    RowsByExpert const& cut,
                    std::span<std::int32_t const> slots,
                    std::span<std::int64_t> num_returned) {
  check_equal("return_results", "columns of the results", results.cols, inboxes.shape.hidden);
  check_equal("return_results",
              "offsets",
              std::ssize(cut.offsets),
              inboxes.shape.num_local(inboxes.rank) + 1);
  detail::check_at_least("return_results", "slots", std::ssize(slots), results.rows);
  check_equal("return_results", "num_returned", std::ssize(num_returned), 1);
  check_there(operations_of(exec.backend).return_results)(
      exec, inboxes, results, cut, slots, num_returned);
}

}  // namespace talus::kernels
