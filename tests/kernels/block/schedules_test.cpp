// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/activation.hpp"
#include "kernels/copy_heads.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/moe.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// An operation's result, of matrices of these sizes, is the same by every schedule.
template <class Operation>
void check_operation(std::int64_t rows, std::int64_t in, std::int64_t out, Operation operation) {
  Matrix const x = random_matrix(rows, in, 1);
  auto const run = [&] {
    Matrix y = random_matrix(rows, out, 2);
    operation(x, y);
    return y;
  };
  check_schedules(run(), run);
}

}  // namespace

TEST_CASE("elementwise operations have the same bits by every schedule") {
  std::int64_t const cols = GENERATE(1, 33, 1027);
  std::vector<float> const bias(static_cast<std::size_t>(cols), 0.3F);

  check_operation(
      5, cols, cols, [](Matrix const& x, Matrix& y) { add(on_cuda, x.view(), y.view(), 0.7F); });
  check_operation(5, 1, cols, [&](Matrix const&, Matrix& y) {
    add_bias(on_cuda, bias, y.view());
    scale_and_cap(on_cuda, 1.5F, 2.0F, y.view());
  });
  check_operation(5, 2 * cols, cols, [](Matrix const& x, Matrix& y) {
    activate(on_cuda, {}, x.view(), y.view());
  });
}

TEST_CASE("norms have the same bits by every schedule, in place too") {
  std::int64_t const size = GENERATE(7, 128, 1024, 1025, 2050);
  std::vector<float> const weight(static_cast<std::size_t>(size), 1.25F);

  check_operation(3, 2 * size, 2 * size, [&](Matrix const& x, Matrix& y) {
    rms_norm(on_cuda, x.view(), weight, 1e-6F, y.view());
  });
  check_operation(3, 1, 3 * size, [&](Matrix const&, Matrix& y) {
    rms_norm(on_cuda, std::as_const(y).view(), weight, 1e-6F, y.view());
    Matrix sums{3, 3};
    square_sums(on_cuda, std::as_const(y).view(), size, sums.view());
    std::vector<float> const whole(static_cast<std::size_t>(3 * size), 0.5F);
    scale_by_sums(on_cuda, std::as_const(sums).view(), whole, {3 * size, 1e-6F}, y.view());
  });
}

TEST_CASE("long rows agree with the reference, and have the same bits in aligned memory") {
  std::int64_t const size = GENERATE(1023, 1024, 1025, 4096);
  std::vector<float> const weight(static_cast<std::size_t>(size), 1.25F);
  Matrix const x = random_matrix(2, size, 3);
  Matrix y{2, size};
  Matrix wanted{2, size};
  rms_norm(on_cuda, x.view(), weight, 1e-6F, y.view());
  rms_norm(on_reference, x.view(), weight, 1e-6F, wanted.view());
  CHECK(difference(y, wanted) < 1e-6F);

  std::int64_t const stride = (size + 3) / 4 * 4;
  Buffer<float> aligned{on_cuda, 2 * stride};
  Buffer<float> result{on_cuda, 2 * stride};
  for (std::int64_t t = 0; t < 2; ++t) {
    std::copy_n(
        &x.data[static_cast<std::size_t>(t * x.stride())], size, aligned.data() + t * stride);
  }
  rms_norm(
      on_cuda, {aligned.data(), 2, size, stride}, weight, 1e-6F, {result.data(), 2, size, stride});
  for (std::int64_t t = 0; t < 2; ++t) {
    for (std::int64_t j = 0; j < size; ++j) {
      REQUIRE(result.data()[t * stride + j] == y.at(t, j));
    }
  }
}

TEST_CASE("copy_heads copies the columns of heads and nothing else, by every schedule") {
  HeadCopy const copy{3, 5, 11, 2, 7, 1};
  Matrix const x = random_matrix(4, 33, 1);
  auto const run = [&](ExecContext const& exec) {
    Matrix y{4, 21};
    copy_heads(exec, copy, x.view(), y.view());
    return y;
  };
  Matrix const wanted = run(on_reference);

  CHECK(wanted.at(3, 2 * 7 + 1 + 4) == x.at(3, 2 * 11 + 2 + 4));
  CHECK(run(on_cuda) == wanted);
  check_schedules(wanted, [&] { return run(on_cuda); });
}

TEST_CASE("rope and routing have the same bits by every schedule") {
  std::vector<float> const cosines(40, 0.6F);
  std::vector<float> const sines(40, 0.8F);
  std::vector<std::int32_t> const positions = {2, 0, 3};
  check_operation(3, 1, 5 * 24, [&](Matrix const&, Matrix& y) {
    rope(on_cuda, y.view(), positions, {cosines, sines}, {5, 24, 2, 20, RopePairs::neighbours});
  });
  check_operation(9, 70, 6, [](Matrix const& x, Matrix& y) {
    RoutingRule const rule{RouterScore::softmax, 6, 7, 3, true, 1e-20F, 2.5F};
    std::vector<std::int32_t> ids(54);
    std::vector<float> weights(54);
    route(on_cuda, x.view(), {}, rule, ids, weights);
    for (std::int64_t i = 0; i < 54; ++i) {
      auto const choice = static_cast<std::size_t>(i);
      y.at(i / 6, i % 6) = static_cast<float>(ids[choice]) + weights[choice];
    }
  });
}

TEST_CASE("choices have the same order by every schedule") {
  std::vector<std::int32_t> ids(900);
  std::mt19937 engine{6};
  for (std::int32_t& id : ids) {
    id = static_cast<std::int32_t>(engine() % 11);
  }
  auto const run = [&](ExecContext const& exec) {
    std::vector<std::int32_t> all(12 + 2 * ids.size(), -1);
    auto const rows = std::span{all}.subspan(12);
    order_choices(
        exec, ids, 3, {std::span{all}.first(12), rows.first(ids.size()), rows.subspan(ids.size())});
    return all;
  };
  std::vector<std::int32_t> const wanted = run(on_reference);

  CHECK(run(on_cuda) == wanted);
  check_schedules(wanted, [&] { return run(on_cuda); });
}

TEST_CASE("a token of NaN is routed to experts that there are") {
  Matrix logits{1, 40};
  std::fill(logits.data.begin(), logits.data.end(), NAN);
  std::vector<std::int32_t> ids(3, -1);
  std::vector<float> weights(3);

  route(on_cuda, std::as_const(logits).view(), {}, {.top_k = 3}, ids, weights);

  for (std::int32_t const id : ids) {
    CHECK((id >= 0 && id < 40));
  }
}
