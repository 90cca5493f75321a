// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/matrix_errors.hpp"

#include <cmath>
#include <map>

#include "runtime/model/model_binder.hpp"
#include "runtime/model/quantized_strips.hpp"

namespace talus::runtime {
namespace {

/// Sums over a tensor.
struct ErrorSums {
  MatrixError* matrix = nullptr;
  double error = 0.0;
  double value = 0.0;

  void add(QuantizedStrip const& strip) {
    std::vector<float> found(static_cast<std::size_t>(strip.values.rows * strip.values.cols));
    kernels::dequantize(strip.codes.view(),
                        {found.data(), strip.values.rows, strip.values.cols, strip.values.cols});
    for (std::size_t i = 0; i < found.size(); ++i) {
      double const expected = strip.values.data[i];
      error += (double{found[i]} - expected) * (double{found[i]} - expected);
      value += expected * expected;
    }
    matrix->elements += std::ssize(found);
  }
};

}  // namespace

std::vector<MatrixError> matrix_errors(io::Checkpoint const& checkpoint,
                                       ModelSpec const& spec,
                                       kernels::QuantFormat const& format) {
  WeightPrecision precision;
  precision.quantize_to = format;
  WeightBinder binder{{}, precision, nullptr, &checkpoint};
  ModelWeights weights;
  bind_model(binder, spec, ShardPlace{}, weights);
  std::vector<MatrixError> errors;
  std::map<std::string, std::size_t> index_of;
  for (QuantizedBlock const& each : binder.quantized_blocks()) {
    if (index_of.emplace(each.block.name, errors.size()).second) {
      errors.push_back({each.block.name, each.format, 0, 0.0});
    }
  }
  std::vector<ErrorSums> sums(errors.size());
  std::vector<io::TensorDemand> demands;
  for (QuantizedBlock const& each : binder.quantized_blocks()) {
    std::size_t const index = index_of.at(each.block.name);
    sums[index].matrix = &errors[index];
    demands.push_back(demand_quantized(
        each.block, each.format, [&sum = sums[index]](QuantizedStrip const& strip) {
          sum.add(strip);
        }));
  }
  parallel::Communicator const alone = parallel::Communicator::duplicate(MPI_COMM_SELF);
  static_cast<void>(io::load_tensors(alone, checkpoint, demands, {}));
  for (ErrorSums const& sum : sums) {
    sum.matrix->relative = sum.value > 0.0 ? std::sqrt(sum.error / sum.value) : 0.0;
  }
  return errors;
}

}  // namespace talus::runtime
