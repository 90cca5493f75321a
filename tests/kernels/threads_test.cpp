// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include "kernels/attention.hpp"
#include "kernels/matmul.hpp"
#include "kernels/sampling.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

namespace {

void append(std::vector<float>& results, Matrix const& matrix) {
  results.insert(results.end(), matrix.data.begin(), matrix.data.end());
}

/// Results large enough to be shared out to threads.
std::vector<float> compute(Backend backend, int num_threads) {
  KernelSession const session{num_threads};
  ExecContext const exec{backend, session.team()};
  std::vector<float> results;
  for (std::int64_t const rows : {1, 50}) {
    Matrix const x = random_matrix(rows, 900, 1);
    Matrix y{rows, 700};
    matmul(exec, x.view(), pack(exec, random_matrix(700, 900, 2), DType::bf16), y.view());
    append(results, y);
  }
  KvCache cache{exec, {2, 64, 64, false, DType::bf16}, 20, 16};
  std::vector<std::int32_t> const first_row = {0, 150};
  std::vector<std::int32_t> const context = {0};
  std::vector<std::int32_t> const table = {3, 1, 4, 5, 9, 2, 6, 8, 7, 0};
  PagedBatch const batch{first_row, context, table, 10};
  Matrix const q = random_matrix(150, 8 * 64, 3);
  Matrix const kv = random_matrix(150, 2 * 64, 4);
  Matrix out{150, 8 * 64};
  store_kv(exec, batch, kv.view(), kv.view(), cache);
  paged_attention(exec, batch, {8, 0, 4, 0, 0.125F}, q.view(), cache, out.view());
  append(results, out);
  Matrix maxima{150, num_logit_blocks(q.cols)};
  Matrix sums{150, maxima.cols};
  summarize_logits(exec, q.view(), std::vector<float>(150, 0.8F), {maxima.view(), sums.view()});
  append(results, maxima);
  append(results, sums);
  std::vector<float> log_sums(150);
  log_sum_exp(exec, {q.view(), as_const(maxima.view()), as_const(sums.view())}, log_sums);
  results.insert(results.end(), log_sums.begin(), log_sums.end());
  return results;
}

/// `compute(backend, num_threads)` in a process of its own, since Kokkos can be started once in
/// each.
std::vector<float> compute_in_child(Backend backend, int num_threads) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  pid_t const child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::vector<float> const results = compute(backend, num_threads);
    auto const* from = reinterpret_cast<char const*>(results.data());
    std::size_t left = results.size() * sizeof(float);
    while (left > 0) {
      ssize_t const written = write(ends[1], from, left);
      if (written <= 0) {
        _exit(1);
      }
      from += written;
      left -= static_cast<std::size_t>(written);
    }
    _exit(0);
  }
  close(ends[1]);
  std::vector<char> bytes;
  std::array<char, 65536> piece{};
  for (ssize_t got = 0; (got = read(ends[0], piece.data(), piece.size())) > 0;) {
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + got);
  }
  close(ends[0]);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  std::vector<float> results(bytes.size() / sizeof(float));
  std::memcpy(results.data(), bytes.data(), bytes.size());
  return results;
}

}  // namespace

TEST_CASE("one, two and three threads give the same bits") {
  Backend const backend = GENERATE(from_range(available_backends()));
  std::vector<float> const wanted = compute_in_child(backend, 1);

  REQUIRE(wanted.size() > 100'000);
  for (int const threads : {2, 3}) {
    std::vector<float> const results = compute_in_child(backend, threads);
    REQUIRE(results.size() == wanted.size());
    CHECK(std::memcmp(results.data(), wanted.data(), wanted.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("without a session the kokkos backend says so") {
  Matrix const x{1, 8};
  Matrix y{1, 4};
  PackedWeights const w{on_kokkos, 4, 8, DType::f32};

  CHECK_THROWS_WITH(matmul(on_kokkos, x.view(), w, y.view()),
                    Catch::Matchers::ContainsSubstring("a KernelSession must exist"));
}
