// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/moe_layer.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kernels/block/emulation/operations.hpp"
#include "kernels/session.hpp"
#include "kernels/transfer.hpp"
#include "runtime/traffic/grid_traffic.hpp"

#include "tests/runtime/block/world_links.hpp"
#include "tests/support/catch.hpp"

// A layer of experts on the emulated cuda backend, on devices whose memory the host can't touch,
// and which share out the experts where there are several.

using namespace talus;                             // NOLINT: tests only
using namespace talus::runtime;                    // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only

namespace {

constexpr std::int64_t hidden = 64;
constexpr std::int64_t intermediate = 32;
constexpr std::int64_t experts = 40;
constexpr std::int64_t top_k = 4;
constexpr std::int64_t max_tokens = 24;
constexpr std::int64_t num_layers = 2;

std::vector<float> normal(std::int64_t size, unsigned seed) {
  std::mt19937 engine{seed};
  std::normal_distribution<float> distribution;
  std::vector<float> values(static_cast<std::size_t>(size));
  std::ranges::generate(values, [&] { return distribution(engine); });
  return values;
}

/// Weights "float32", "bfloat16", or of codes.
kernels::PackedWeights packed(kernels::ExecContext const& exec,
                              std::string const& format,
                              std::int64_t out,
                              std::int64_t in,
                              unsigned seed) {
  std::vector<float> const values = normal(out * in, seed);
  if (format == "float32" || format == "bfloat16") {
    DType const dtype = format == "float32" ? DType::f32 : DType::bf16;
    kernels::PackedWeights weights{exec, out, in, dtype};
    weights.set(
        exec, {}, {reinterpret_cast<std::byte const*>(values.data()), DType::f32, out, in, in});
    return weights;
  }
  kernels::QuantFormat const kind = kernels::parse_quant_format(format, "");
  kernels::PackedWeights weights{exec, out, in, {kind, DType::bf16, 0}};
  weights.set(exec, {}, kernels::quantize({values.data(), out, in, in}, kind).view());
  return weights;
}

MoeSpec some_experts() {
  MoeSpec spec;
  spec.num_experts = experts;
  spec.intermediate = intermediate;
  spec.expert_bias = true;
  spec.routing.top_k = top_k;
  return spec;
}

/// Each rank a replica, all of which share out the experts.
parallel::GridShape shape_of(parallel::Communicator const& world) {
  return {.dp = world.size(), .ep = world.size()};
}

/// A layer with all that it needs.
class Layer {
 public:
  /// \param most_rows  see DispatchSizes
  Layer(parallel::Communicator const& world, std::string const& format, std::int64_t most_rows)
      : device_{std::make_unique<FencedDevice>(std::int64_t{64} << 20)},
        links_{world, *device_},
        exec_{.backend = kernels::Backend::cuda, .device = device_.get()},
        grid_{MPI_COMM_WORLD, shape_of(world)},
        traffic_{exec_, grid_},
        x_{exec_, max_tokens, hidden},
        y_{exec_, max_tokens, hidden} {
    weights_.router = packed(exec_, "float32", experts, hidden, 1);
    Range const local = part_of(experts, world.rank(), world.size());
    for (auto e = static_cast<unsigned>(local.first); e < local.last; ++e) {
      weights_.gate_up.push_back(packed(exec_, format, 2 * intermediate, hidden, 2 + e));
      weights_.down.push_back(packed(exec_, format, hidden, intermediate, 50 + e));
      weights_.gate_up_bias.push_back(normal(2 * intermediate, 100 + e));
      weights_.down_bias.push_back(normal(hidden, 150 + e));
    }
    for (auto const* biases : {&weights_.gate_up_bias, &weights_.down_bias}) {
      for (std::vector<float> const& bias : *biases) {
        mirrors_.emplace_back().publish<float>(exec_, bias);
      }
    }
    LayerContext const context{.exec = exec_, .place = {}, .clock = &clock_};
    DispatchSizes sizes = dispatch_sizes(spec_, {}, max_tokens, hidden);
    sizes.most_rows = most_rows;
    dispatch_ = make_expert_dispatch(exec_, traffic_.expert(), sizes);
    scratch_ = std::make_unique<MoeScratch>(
        context, spec_, max_tokens, hidden, num_layers, dispatch_->most_rows());
    static_cast<void>(scratch_->routed.add_layer());  // a layer before, which is never run
    layer_.emplace(context, spec_, weights_, traffic_.tp(), *dispatch_, *scratch_);
  }

  /// \param x  [tokens, hidden]
  std::vector<float> run(std::vector<float> const& x) {
    auto const tokens = std::ssize(x) / hidden;
    MatrixView<float> const y = y_.rows(tokens);
    kernels::upload<float>(exec_, x, x_.rows(tokens).data);
    downloads_ = device_->num_downloads();
    layer_->run(as_const(x_.rows(tokens)), y);
    downloads_ = device_->num_downloads() - downloads_;
    std::vector<float> result(x.size());
    kernels::download<float>(exec_, y.data, result);
    return result;
  }

  /// Of the layer's last run: what came to the host beside what operations bring themselves.
  [[nodiscard]] std::int64_t downloads() const { return downloads_; }

  /// Of the layer, not the one before.
  [[nodiscard]] std::vector<std::int64_t> take_routed() {
    std::vector<std::int64_t> counts;
    scratch_->routed.start_taking();
    scratch_->routed.finish_taking(counts);
    REQUIRE(std::ssize(counts) == num_layers * experts);
    REQUIRE(std::all_of(counts.begin(), counts.begin() + experts, [](auto n) { return n == 0; }));
    return {counts.begin() + experts, counts.end()};
  }

 private:
  std::unique_ptr<FencedDevice> device_;
  WorldLinks links_;
  kernels::ExecContext exec_;
  parallel::ProcessGrid grid_;
  GridTraffic traffic_;
  StepClock clock_;
  MoeSpec spec_ = some_experts();
  MoeWeights weights_;
  std::vector<kernels::Mirror> mirrors_;
  Activations x_;
  Activations y_;
  std::unique_ptr<MoeScratch> scratch_;
  std::unique_ptr<ExpertDispatch> dispatch_;
  std::optional<MoeLayer> layer_;
  std::int64_t downloads_ = 0;
};

/// As many tokens, all of them equal: they choose the same experts.
std::vector<float> equal_tokens(std::int64_t tokens, std::vector<float> const& token) {
  std::vector<float> x;
  for (std::int64_t t = 0; t < tokens; ++t) {
    x.insert(x.end(), token.begin(), token.end());
  }
  return x;
}

}  // namespace

TEST_CASE("whatever the routing, a device is asked for the same, and tells the host nothing") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::int64_t const most_rows = world.size() == 1 ? 1 : GENERATE(100, 10000);
  Layer layer{world, GENERATE("float32", "bfloat16", "int8", "int4-g32"), most_rows};
  std::int64_t const tokens = GENERATE(1, 7, max_tokens);
  std::vector<float> const token = normal(hidden, 3);
  std::vector<float> const apart = normal(tokens * hidden, 4);
  std::vector<LaunchRecord> launches;
  std::vector<LaunchRecord> others;
  ScopedSchedule scoped{{Schedule::Order::random, 2}};

  scoped.log_launches(launches);
  std::vector<float> const equal = layer.run(equal_tokens(tokens, token));
  std::int64_t downloads = layer.downloads();
  std::vector<std::int64_t> const counts = layer.take_routed();
  scoped.log_launches(others);
  static_cast<void>(layer.run(apart));
  downloads += layer.downloads();

  CHECK(launches.size() > 5);
  CHECK(launches == others);
  CHECK(downloads == 0);
  CHECK(scoped.num_downloads() == 0);
  CHECK(std::ranges::count(counts, tokens) == top_k);
  CHECK(std::ranges::count(counts, 0) == experts - top_k);
  std::vector<std::int64_t> const spread = layer.take_routed();
  CHECK((tokens == 1 || std::ranges::count(spread, 0) < experts - top_k));
  CHECK(std::reduce(spread.begin(), spread.end()) == tokens * top_k);
  CHECK(equal == equal_tokens(tokens, layer.run(token)));
}
