// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/block/activation.hpp"
#include "kernels/block/add_rms_norm.hpp"
#include "kernels/block/attention_inputs.hpp"
#include "kernels/block/attention_launch.hpp"
#include "kernels/block/biased_activation.hpp"
#include "kernels/block/choices.hpp"
#include "kernels/block/code_launch.hpp"
#include "kernels/block/code_pack.hpp"
#include "kernels/block/edit_logits.hpp"
#include "kernels/block/elementwise.hpp"
#include "kernels/block/fold_partials.hpp"
#include "kernels/block/kv_cache.hpp"
#include "kernels/block/log_sums.hpp"
#include "kernels/block/logits.hpp"
#include "kernels/block/matmul.hpp"
#include "kernels/block/moe.hpp"
#include "kernels/block/order_choices.hpp"
#include "kernels/block/ranked_tokens.hpp"
#include "kernels/block/rms_norm.hpp"
#include "kernels/block/rope.hpp"
#include "kernels/block/sample.hpp"
#include "kernels/block/take_drawn.hpp"
#include "kernels/block/token_exchange.hpp"
#include "kernels/device.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::block {

/// Makes functions of an operation's type: of a device's time for one operation, and of what the
/// operation launches there.
///
/// \tparam Devices  names `operation(exec)`, an object that gives the context's device by `*`, and
///                  whose end is the operation's
template <class Devices, class Function>
struct Launched;

template <class Devices, class... Arguments>
struct Launched<Devices, void (*)(ExecContext const&, Arguments...)> {
  template <class Launch>
  static void run(ExecContext const& exec, Arguments... arguments) {
    auto operation = Devices::operation(exec);
    Launch{}(*operation, arguments...);
  }
};

/// Sets an operation to `launch`, a lambda without captures.
template <class Devices, class Function, class Launch>
void set(Function& operation, Launch) {
  operation = &Launched<Devices, Function>::template run<Launch>;
}

/// Attention and its cache.
template <class Devices>
void set_attention_operations(Operations& table) {
  set<Devices>(table.paged_attention,
               [](auto& device, auto const&... a) { paged_attention(device, a...); });
  set<Devices>(table.prepare_heads, [](auto& device, auto&... a) { prepare_heads(device, a...); });
  set<Devices>(table.prepare_latent,
               [](auto& device, auto&... a) { prepare_latent(device, a...); });
  set<Devices>(table.store_kv, [](auto& device, auto&... a) { store_kv(device, a...); });
}

/// Linear maps whose weights stay codes.
template <class Devices>
void set_code_operations(CodeOperations& codes) {
  codes.bytes = bytes_of_codes;
  codes.pack = pack_codes;
  codes.panel_outputs = CodeLayout::panel_outputs;
  set<Devices>(codes.grouped_matmul,
               [](auto& device, auto const&... a) { grouped_matmul_codes(device, a...); });
  set<Devices>(codes.joint_matmul,
               [](auto& device, auto const&... a) { joint_matmul_codes(device, a...); });
  set<Devices>(codes.matmul, [](auto& device, auto const&... a) { matmul_codes(device, a...); });
  set<Devices>(codes.matmul_heads,
               [](auto& device, auto const&... a) { matmul_code_heads(device, a...); });
  set<Devices>(codes.matmul_leaves,
               [](auto& device, auto const&... a) { matmul_code_leaves(device, a...); });
}

/// What is done with rows of logits.
template <class Devices>
void set_logit_operations(Operations& table) {
  set<Devices>(table.edit_logits,
               [](auto& device, auto const&... a) { edit_logits(device, a...); });
  set<Devices>(table.log_sum_exp,
               [](auto& device, auto const&... a) { log_sum_exp(device, a...); });
  set<Devices>(table.logits_of, [](auto& device, auto const&... a) { logits_of(device, a...); });
  set<Devices>(table.rank_of, [](auto& device, auto const&... a) { rank_of(device, a...); });
  set<Devices>(table.sample, [](auto& device, auto const&... a) { sample(device, a...); });
  set<Devices>(table.summarize_logits,
               [](auto& device, auto const&... a) { summarize_logits(device, a...); });
  set<Devices>(table.take_drawn, [](auto& device, auto const&... a) { take_drawn(device, a...); });
  set<Devices>(table.top_tokens, [](auto& device, auto const&... a) { top_tokens(device, a...); });
}

/// Products with weights.
template <class Devices>
void set_matmul_operations(Operations& table) {
  set<Devices>(table.grouped_matmul,
               [](auto& device, auto const&... a) { grouped_matmul(device, a...); });
  set<Devices>(table.joint_matmul,
               [](auto& device, auto const&... a) { joint_matmul(device, a...); });
  set<Devices>(table.matmul, [](auto& device, auto const&... a) { matmul(device, a...); });
  set<Devices>(table.matmul_heads,
               [](auto& device, auto const&... a) { matmul_heads(device, a...); });
  set<Devices>(table.matmul_leaves,
               [](auto& device, auto const&... a) { matmul_leaves(device, a...); });
}

/// A product with a bias, of devices that have a library for it.
template <class Devices>
[[nodiscard]] BiasedMatmul biased_matmul() {
  BiasedMatmul operation = nullptr;
  set<Devices>(operation, [](auto& device, auto const&... a) { matmul_bias(device, a...); });
  return operation;
}

/// Tokens on their way to experts of other devices, and back.
template <class Devices>
void set_exchange_operations(Operations& table) {
  set<Devices>(table.order_arrivals,
               [](auto& device, auto const&... a) { order_arrivals(device, a...); });
  set<Devices>(table.return_results,
               [](auto& device, auto const&... a) { return_results(device, a...); });
  set<Devices>(table.send_tokens,
               [](auto& device, auto const&... a) { send_tokens(device, a...); });
}

/// What goes over rows, once.
template <class Devices>
void set_row_operations(Operations& table) {
  set<Devices>(table.activate, [](auto& device, auto const&... a) { activate(device, a...); });
  set<Devices>(table.activate_biased,
               [](auto& device, auto const&... a) { activate_biased(device, a...); });
  set<Devices>(table.activate_experts,
               [](auto& device, auto const&... a) { activate_experts(device, a...); });
  set<Devices>(table.add, [](auto& device, auto const&... a) { add(device, a...); });
  set<Devices>(table.add_bias, [](auto& device, auto const&... a) { add_bias(device, a...); });
  set<Devices>(table.add_expert_biases,
               [](auto& device, auto const&... a) { add_expert_biases(device, a...); });
  set<Devices>(table.add_rms_norm,
               [](auto& device, auto const&... a) { add_rms_norm(device, a...); });
  set<Devices>(table.combine_experts,
               [](auto& device, auto const&... a) { combine_experts(device, a...); });
  set<Devices>(table.copy_heads, [](auto& device, auto const&... a) { copy_heads(device, a...); });
  set<Devices>(table.count_choices,
               [](auto& device, auto const&... a) { count_choices(device, a...); });
  set<Devices>(table.fold_partials,
               [](auto& device, auto const&... a) { fold_partials(device, a...); });
  set<Devices>(table.gather_rows,
               [](auto& device, auto const&... a) { gather_rows(device, a...); });
  set<Devices>(table.gather_tokens,
               [](auto& device, auto const&... a) { gather_tokens(device, a...); });
  set<Devices>(table.order_choices,
               [](auto& device, auto const&... a) { order_choices(device, a...); });
  set<Devices>(table.rms_norm, [](auto& device, auto const&... a) { rms_norm(device, a...); });
  set<Devices>(table.rope, [](auto& device, auto const&... a) { rope(device, a...); });
  set<Devices>(table.route, [](auto& device, auto const&... a) { route(device, a...); });
  set<Devices>(table.scale_and_cap,
               [](auto& device, auto const&... a) { scale_and_cap(device, a...); });
  set<Devices>(table.scale_by_sums,
               [](auto& device, auto const&... a) { scale_by_sums(device, a...); });
  set<Devices>(table.select_rows,
               [](auto& device, auto const&... a) { select_rows(device, a...); });
  set<Devices>(table.square_sums,
               [](auto& device, auto const&... a) { square_sums(device, a...); });
}

/// Puts the operations that have kernels here into `table`.
template <class Devices>
void set_operations(Operations& table) {
  set_attention_operations<Devices>(table);
  set_code_operations<Devices>(table.codes);
  set_exchange_operations<Devices>(table);
  set_logit_operations<Devices>(table);
  set_matmul_operations<Devices>(table);
  set_row_operations<Devices>(table);
}

}  // namespace talus::kernels::block
