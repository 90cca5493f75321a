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

template <auto Member>
struct Checked;

/// An operation that is emulated first and then done by the card, with the same memory. What the
/// card gives is what the test gets.
template <class... Arguments, void (*Operations::*Member)(ExecContext const&, Arguments...)>
struct Checked<Member> {
  static constexpr auto member = Member;

  static void run(ExecContext const& exec, Arguments... arguments) {
    OperationOutputs const outputs{arguments...};
    auto const before = outputs.contents();
    (emulated_table().*Member)(exec, arguments...);
    auto const wanted = outputs.contents();
    outputs.put_back(before);

    ExecContext on_card = exec;
    on_card.device = card().device;
    (card_table().*Member)(on_card, arguments...);
    card().device->synchronize();
    if (std::string const difference = outputs.difference(wanted); !difference.empty()) {
      throw ConfigError{concat("the card's result is not the emulation's: ", difference)};
    }
  }
};

/// Sets the operations that have kernels to checked ones.
template <auto... Members>
void set_checked(Operations& table) {
  auto const set = [&](auto member, auto* run) {
    if (card_table().*member != nullptr) {
      table.*member = run;
    }
  };
  (set(Members, &Checked<Members>::run), ...);
}

}  // namespace

Operations checked_operations() {
  Operations table = emulated_table();
  set_checked<&Operations::activate,
              &Operations::add,
              &Operations::add_bias,
              &Operations::combine_experts,
              &Operations::copy_heads,
              &Operations::edit_logits,
              &Operations::gather_rows,
              &Operations::grouped_matmul,
              &Operations::matmul,
              &Operations::matmul_heads,
              &Operations::matmul_leaves,
              &Operations::paged_attention,
              &Operations::rms_norm,
              &Operations::rope,
              &Operations::route,
              &Operations::scale_and_cap,
              &Operations::scale_by_sums,
              &Operations::select_rows,
              &Operations::square_sums,
              &Operations::store_kv,
              &Operations::summarize_logits>(table);
  return table;
}

}  // namespace talus::kernels::cuda
