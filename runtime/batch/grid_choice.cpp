// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/grid_choice.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "runtime/model/shard.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {
namespace {

using parallel::GridShape;

ShardPlace place_in(GridShape const& shape, int stage) {
  return {.pp_rank = stage,
          .pp_size = shape.pp,
          .tp_rank = 0,
          .tp_size = shape.tp,
          .ep_rank = 0,
          .ep_size = shape.ep};
}

/// Ranks on a node that have one copy of weights together; 1 where replicas hold other experts.
std::int64_t weight_sharers(GridShape const& shape, GridConditions const& conditions) {
  if (!conditions.shares_weights || shape.tp % shape.ep != 0) {
    return 1;
  }
  return std::clamp(conditions.ranks_on_node / (shape.pp * shape.tp), 1, shape.dp);
}

bool fits(kernels::ExecContext const& exec,
          ModelSpec const& spec,
          GridShape const& shape,
          GridConditions const& conditions) {
  for (int const stage : {0, shape.pp - 1}) {
    std::int64_t const bytes = weight_bytes(exec, spec, place_in(shape, stage), conditions.weights);
    if (bytes / weight_sharers(shape, conditions) > conditions.available / 10 * 7) {
      return false;
    }
  }
  return true;
}

bool divides_model(ModelSpec const& spec, GridShape const& shape) {
  bool const heads_divide =
      std::all_of(spec.layers.begin(), spec.layers.end(), [&](LayerSpec const& layer) {
        return layer.attention.heads % shape.tp == 0;
      });
  return heads_divide && shape.tp <= max_tensor_parallel &&
         shape.pp <= static_cast<int>(spec.layers.size());
}

std::int64_t fewest_experts(ModelSpec const& spec) {
  std::int64_t fewest = 0;
  for (LayerSpec const& layer : spec.layers) {
    if (layer.feed_forward.moe) {
      std::int64_t const experts = layer.feed_forward.moe->num_experts;
      fewest = fewest == 0 ? experts : std::min(fewest, experts);
    }
  }
  return fewest;
}

/// The largest size up to `wanted` that divides the plane and leaves each rank an expert.
int expert_size(ModelSpec const& spec, int plane, int wanted) {
  std::int64_t const experts = fewest_experts(spec);
  for (int ep = wanted; ep > 1; --ep) {
    if (plane % ep == 0 && ep <= experts) {
      return ep;
    }
  }
  return 1;
}

bool agrees(std::optional<int> const& given, int size) {
  return !given || *given == size;
}

/// Grids of all ranks that keep to the user's sizes, the best first.
std::vector<GridShape> candidates(ModelOptions const& options,
                                  ModelSpec const& spec,
                                  GridConditions const& conditions) {
  std::vector<GridShape> shapes;
  for (int tp = 1; tp <= conditions.num_ranks; ++tp) {
    for (int pp = 1; tp * pp <= conditions.num_ranks; ++pp) {
      GridShape const shape{.dp = conditions.num_ranks / (tp * pp), .pp = pp, .tp = tp};
      if (shape.num_ranks() == conditions.num_ranks && divides_model(spec, shape) &&
          agrees(options.tensor_parallel_size, tp) && agrees(options.pipeline_parallel_size, pp) &&
          agrees(options.data_parallel_size, shape.dp)) {
        shapes.push_back(shape);
      }
    }
  }
  std::sort(shapes.begin(), shapes.end(), [&](GridShape const& a, GridShape const& b) {
    auto const cost = [&](GridShape const& shape) {
      return std::tuple{shape.tp > conditions.ranks_on_node, shape.tp * shape.pp, shape.pp};
    };
    return cost(a) < cost(b);
  });
  return shapes;
}

/// The user's sizes, the missing ones as 1 and as many replicas as there are ranks for.
GridShape as_given(ModelOptions const& options, int num_ranks) {
  GridShape shape;
  shape.tp = options.tensor_parallel_size.value_or(1);
  shape.pp = options.pipeline_parallel_size.value_or(1);
  int const rest = std::max(shape.tp * shape.pp, 1);
  shape.dp = options.data_parallel_size.value_or(std::max(num_ranks / rest, 1));
  return shape;
}

}  // namespace

GridShape choose_grid(kernels::ExecContext const& exec,
                      ModelOptions const& options,
                      ModelSpec const& spec,
                      GridConditions const& conditions) {
  std::vector<GridShape> const shapes = candidates(options, spec, conditions);
  if (shapes.empty()) {
    GridShape shape = as_given(options, conditions.num_ranks);
    shape.ep = options.expert_parallel_size.value_or(1);
    parallel::check_grid(shape, conditions.num_ranks);
    check_shards(spec, place_in(shape, 0));
  }
  std::optional<GridShape> last;
  for (GridShape shape : shapes) {
    int const plane = shape.dp * shape.tp;
    for (int const wanted : {shape.tp, plane}) {
      shape.ep = options.expert_parallel_size.value_or(
          spec.has_experts() ? expert_size(spec, plane, wanted) : 1);
      last = shape;
      parallel::check_grid(shape, conditions.num_ranks);
      if (fits(exec, spec, shape, conditions)) {
        check_shards(spec, place_in(shape, 0));
        return shape;
      }
    }
  }
  check_shards(spec, place_in(*last, 0));
  return *last;  // nothing fits: the memory budget says by how much
}

}  // namespace talus::runtime
