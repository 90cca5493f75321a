// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/layouts.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/kv_layout.hpp"

namespace talus::runtime {
namespace {

bool agrees(std::optional<int> given, int size) {
  return !given || *given == size;
}

bool keeps_to(ModelOptions const& options, parallel::GridShape const& shape) {
  return agrees(options.tensor_parallel_size, shape.tp) &&
         agrees(options.pipeline_parallel_size, shape.pp) &&
         agrees(options.data_parallel_size, shape.dp) &&
         agrees(options.expert_parallel_size, shape.ep);
}

bool divides(ModelSpec const& spec, parallel::GridShape const& shape) {
  try {
    check_shards(spec, {.pp_size = shape.pp, .tp_size = shape.tp, .ep_size = shape.ep});
  } catch (ConfigError const&) {
    return false;
  }
  return true;
}

/// What is uneven about a cut.
std::string peculiarities_of(ModelSpec const& spec, parallel::GridShape const& shape) {
  bool const shares_heads =
      std::any_of(spec.layers.begin(), spec.layers.end(), [&](LayerSpec const& layer) {
        return layer.attention.kind == AttentionKind::grouped_query &&
               layer.attention.kv_heads % shape.tp != 0;
      });
  bool const uneven_experts =
      std::any_of(spec.layers.begin(), spec.layers.end(), [&](LayerSpec const& layer) {
        return layer.feed_forward.moe && layer.feed_forward.moe->num_experts % shape.ep != 0;
      });
  return concat(static_cast<int>(spec.layers.size()) % shape.pp != 0 ? ", uneven stages" : "",
                shares_heads ? ", shared key/value heads" : "",
                uneven_experts ? ", uneven experts" : "");
}

Layout make_layout(ModelOptions const& options,
                   ModelSpec const& spec,
                   parallel::GridShape const& shape) {
  Layout layout{shape.num_ranks(),
                options,
                concat("dp ",
                       shape.dp,
                       " pp ",
                       shape.pp,
                       " tp ",
                       shape.tp,
                       " ep ",
                       shape.ep,
                       peculiarities_of(spec, shape))};
  layout.options.tensor_parallel_size = shape.tp;
  layout.options.pipeline_parallel_size = shape.pp;
  layout.options.data_parallel_size = shape.dp;
  layout.options.expert_parallel_size = shape.ep;
  return layout;
}

/// Blocks without which a model of this length is refused.
std::int64_t fewest_blocks(ModelOptions const& options, ModelSpec const& spec) {
  KvLayout const layout =
      make_kv_layout(spec, options.pipeline_parallel_size.value_or(1), *options.max_model_len);
  KvGeometry const geometry{{layout.windows.begin(), layout.windows.end()},
                            static_cast<std::int32_t>(options.block_size)};
  return geometry.most_blocks(static_cast<std::int32_t>(*options.max_model_len),
                              static_cast<std::int32_t>(options.max_num_batched_tokens));
}

/// Runs one layout on the ranks that take part; the hashes on every rank of `comm`.
LayoutHashes run_one(parallel::Communicator const& comm,
                     Layout const& layout,
                     Workload const& workload) {
  bool const takes_part = comm.rank() < layout.num_ranks;
  parallel::Communicator const group = comm.split(takes_part ? 0 : 1, comm.rank());
  std::optional<std::string> failure;
  std::array<std::uint64_t, 3> words{};
  if (takes_part) {
    try {
      WorkloadResult const result = run_workload(group.native(), layout.options, workload);
      words = {result.token_hash(),
               result.logprob_hash(),
               static_cast<std::uint64_t>(result.preemptions)};
    } catch (ConfigError const& error) {
      failure = concat(layout.name, ": ", error.what());  // the same on all ranks of the group
    }
  }
  parallel::agree_or_throw(comm, failure);
  parallel::broadcast(comm, std::span<std::uint64_t>{words}, 0);
  return {words[0], words[1], static_cast<std::int64_t>(words[2])};
}

}  // namespace

std::vector<Layout> grids_of(ModelOptions const& options, ModelSpec const& spec, int num_ranks) {
  std::vector<Layout> layouts;
  for (int tp = 1; tp <= num_ranks; ++tp) {
    for (int pp = 1; tp * pp <= num_ranks; ++pp) {
      int const dp = num_ranks / (tp * pp);
      int const most_ep = spec.has_experts() ? dp * tp : 1;
      for (int ep = 1; ep <= most_ep; ++ep) {
        parallel::GridShape const shape{.dp = dp, .pp = pp, .tp = tp, .ep = ep};
        if (shape.num_ranks() == num_ranks && dp * tp % ep == 0 && divides(spec, shape) &&
            keeps_to(options, shape)) {
          layouts.push_back(make_layout(options, spec, shape));
        }
      }
    }
  }
  return layouts;
}

std::vector<Layout> variants_of(Layout const& layout, ModelSpec const& spec, std::int64_t longest) {
  std::vector<Layout> layouts(4, layout);
  layouts[0].name += ", one sequence at a time";
  layouts[0].options.max_num_seqs = 1;
  layouts[1].name += ", chunks of 7 tokens";
  layouts[1].options.max_num_batched_tokens = 7;
  layouts[2].name += ", blocks of 48 tokens";
  layouts[2].options.block_size = 48;
  Layout& little = layouts[3];
  little.name += ", little memory";
  little.options.kv_admission = "eager";
  little.options.block_size = 16;
  little.options.max_model_len = longest;
  little.options.max_num_batched_tokens = 16;  // a window needs a step's tokens on top of its own
  little.options.num_gpu_blocks_override = fewest_blocks(little.options, spec);
  return layouts;
}

void run_layouts(parallel::Communicator const& comm,
                 std::vector<Layout> const& layouts,
                 Workload const& workload,
                 std::function<void(Layout const&, LayoutHashes const&)> const& tell) {
  for (Layout const& layout : layouts) {
    tell(layout, run_one(comm, layout, workload));
  }
}

}  // namespace talus::runtime
