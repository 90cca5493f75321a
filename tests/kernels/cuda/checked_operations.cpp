// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/emulation/operations.hpp"
#include "kernels/operations.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/cuda/card.hpp"
#include "tests/kernels/cuda/operation_outputs.hpp"

namespace talus::kernels::cuda {

/// What kernels/targets.cpp takes for the cuda backend in a test of a card.
[[nodiscard]] Operations checked_operations();

namespace {

Operations const& emulated_table() {
  static Operations const table = block::emulation::operations();
  return table;
}

Operations const& card_table() {
  static Operations const table = [] {
    Operations operations{};
    card().module->set_operations(operations);
    return operations;
  }();
  return table;
}

/// An operation of a table, whichever part of it has it.
template <class Function>
Function& entry(Operations& table, Function Operations::*member) {
  return table.*member;
}

template <class Function>
Function& entry(Operations& table, Function CodeOperations::*member) {
  return table.codes.*member;
}

template <class Member>
auto entry(Operations const& table, Member member) {
  Operations copy = table;
  return entry(copy, member);
}

template <auto Member>
struct Checked;

/// An operation that is emulated first and then done by the card, with the same memory. What the
/// card gives is what the test gets. One of a device of the test's own is only emulated.
template <class Table, class... Arguments, void (*Table::*Member)(ExecContext const&, Arguments...)>
struct Checked<Member> {
  static void run(ExecContext const& exec, Arguments... arguments) {
    if (exec.device != nullptr) {
      return entry(emulated_table(), Member)(exec, arguments...);
    }
    OperationOutputs const outputs{arguments...};
    for (std::span<std::byte const> const memory : outputs.memory()) {
      check_reach(memory);
    }
    auto const before = outputs.contents();
    entry(emulated_table(), Member)(exec, arguments...);
    auto const wanted = outputs.contents();
    outputs.put_back(before);

    ExecContext on_card = exec;
    on_card.device = card().device;
    entry(card_table(), Member)(on_card, arguments...);
    card().device->synchronize();
    check_default_stream();
    if (std::string const difference = outputs.difference(wanted); !difference.empty()) {
      throw ConfigError{concat("the card's result is not the emulation's: ", difference)};
    }
  }
};

/// Sets operations to checked ones.
template <auto... Members>
void set_checked(Operations& table) {
  ((entry(table, Members) = &Checked<Members>::run), ...);
}

}  // namespace

Operations checked_operations() {
  Operations table = emulated_table();
  set_checked<&Operations::activate,
              &Operations::activate_biased,
              &Operations::activate_experts,
              &Operations::add,
              &Operations::add_bias,
              &Operations::add_expert_biases,
              &Operations::add_rms_norm,
              &Operations::combine_experts,
              &Operations::copy_heads,
              &Operations::count_choices,
              &Operations::edit_logits,
              &Operations::fold_partials,
              &Operations::gather_rows,
              &Operations::gather_tokens,
              &Operations::grouped_matmul,
              &Operations::joint_matmul,
              &Operations::log_sum_exp,
              &Operations::logits_of,
              &Operations::matmul,
              &Operations::matmul_heads,
              &Operations::matmul_leaves,
              &Operations::order_choices,
              &Operations::paged_attention,
              &Operations::prepare_heads,
              &Operations::prepare_latent,
              &Operations::rank_of,
              &Operations::rms_norm,
              &Operations::rope,
              &Operations::route,
              &Operations::sample,
              &Operations::scale_and_cap,
              &Operations::scale_by_sums,
              &Operations::select_rows,
              &Operations::square_sums,
              &Operations::store_kv,
              &Operations::summarize_logits,
              &Operations::take_drawn,
              &Operations::top_tokens,
              &CodeOperations::grouped_matmul,
              &CodeOperations::joint_matmul,
              &CodeOperations::matmul,
              &CodeOperations::matmul_heads,
              &CodeOperations::matmul_leaves>(table);
  return table;
}

}  // namespace talus::kernels::cuda
