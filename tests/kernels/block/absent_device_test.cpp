// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/absent_device.hpp"

#include <array>
#include <optional>
#include <vector>

#include "kernels/block/code_pack.hpp"
#include "kernels/cuda/packing.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/packing.hpp"
#include "kernels/packing_hash.hpp"

#include "tests/kernels/block/library_support.hpp"
#include "tests/kernels/block/some_codes.hpp"

// Weights for a GPU that isn't here lie as those of an emulated one, whose memory only operations
// can touch; the library is a stand-in.

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

namespace {

constexpr std::array formats{QuantFormat{QuantKind::int8, 0, false, 1},
                             QuantFormat{QuantKind::int8, 96, true, 1},
                             QuantFormat{QuantKind::int4, 128, true, 1},
                             QuantFormat{QuantKind::mxfp4, 32, false, 1},
                             QuantFormat{QuantKind::fp8_e4m3, 0, false, 1},
                             QuantFormat{QuantKind::fp8_e4m3, 128, false, 128}};

/// Bytes in a context's memory.
std::vector<std::byte> bytes_of(ExecContext const& exec, std::span<std::byte const> memory) {
  std::vector<std::byte> bytes(memory.size());
  download(exec, memory.data(), std::span{bytes});
  return bytes;
}

/// A matrix of codes that comes in four pieces, cut where `cut` says.
PackedWeights packed(ExecContext const& exec,
                     QuantizedMatrix const& w,
                     QuantStorage const& storage,
                     MatrixOrigin cut) {
  PackedWeights all{exec, w.rows, w.cols, storage};
  for (auto const& [first, last] :
       {std::pair{cut.row, w.rows}, std::pair{std::int64_t{0}, cut.row}}) {
    all.set(exec, {first, 0}, w.view(first, last, 0, cut.col));
    all.set(exec, {first, cut.col}, w.view(first, last, cut.col, w.cols));
  }
  return all;
}

/// A context of a GPU that isn't here.
struct Absent {
  std::unique_ptr<Device> device;
  ExecContext exec{.backend = Backend::cuda};

  explicit Absent(std::unique_ptr<Device> made) : device{std::move(made)} {
    exec.device = device.get();
  }

  Absent() : Absent{cuda::make_absent_device(MatmulLibrary::own, std::nullopt)} {}
};

}  // namespace

TEST_CASE("codes for a GPU that isn't here lie as they do on one, whatever the pieces") {
  QuantFormat const format = GENERATE(from_range(formats));
  DType const scales = GENERATE(DType::f32, DType::bf16);
  std::int64_t const out = GENERATE(1, 31, 32, 33, 150);
  std::int64_t const in = GENERATE(1, 31, 33, 128, 257);
  QuantizedMatrix const w = some_codes(format, out, in);
  QuantStorage const storage{format, scales, 0};
  MatrixOrigin const cut{out / 2, in / 2};
  block::emulation::FencedDevice device{8 << 20};
  ExecContext const there{.backend = Backend::cuda, .device = &device};
  Absent const absent;

  PackedWeights wanted = packed(there, w, storage, cut);
  PackedWeights got = packed(absent.exec, w, storage, cut);

  CHECK(packed_bytes(absent.exec, out, in, storage) == packed_bytes(there, out, in, storage));
  CHECK(bytes_of(absent.exec, got.memory()) == bytes_of(there, wanted.memory()));
}

TEST_CASE("matrices and tables for a GPU that isn't here lie as they do on one") {
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  std::int64_t const out = GENERATE(1, 15, 16, 33);
  std::int64_t const in = GENERATE(1, 31, 64, 65);
  Matrix const values = random_matrix(out, in, 3);
  block::emulation::FencedDevice device{8 << 20};
  ExecContext const there{.backend = Backend::cuda, .device = &device};
  Absent const absent;
  auto const bytes = [&](ExecContext const& exec) {
    PackedWeights matrix{exec, out + 2, in + 3, dtype};
    matrix.set(exec, {1, 2}, raw_rows(values));
    RowTable table{exec, out + 1, in, dtype};
    table.set(exec, {1, 0}, raw_rows(values));
    return std::pair{bytes_of(exec, matrix.memory()), bytes_of(exec, table.memory())};
  };

  CHECK(bytes(absent.exec) == bytes(there));
}

TEST_CASE("where cuBLASLt multiplies, the capability that is named decides as the GPU's would") {
  int const capability = GENERATE(80, 89, 90, 100);
  QuantFormat const format = GENERATE(from_range(formats));
  std::int64_t const out = GENERATE(1, 16, 128, 136, 144);
  std::int64_t const in = GENERATE(16, 128, 144, 200);
  bool const may_be_rows = GENERATE(true, false);
  Machine const machine{capability};
  Absent const absent{cuda::make_absent_device(MatmulLibrary::cublaslt, capability)};
  QuantizedMatrix const w = some_codes(format, out, in);
  QuantStorage const storage{format, DType::f32, 0, may_be_rows};

  PackedWeights wanted = packed(machine.exec, w, storage, {});
  PackedWeights got = packed(absent.exec, w, storage, {});

  CHECK(got.codes()->order == wanted.codes()->order);
  CHECK(bytes_of(absent.exec, got.memory()) == bytes_of(machine.exec, wanted.memory()));
}

TEST_CASE("a program without GPUs packs by the functions of one that has them") {
  Operations const there = packing_operations_of(Backend::cuda);
  Operations const absent = cuda::packing_operations();

  CHECK(absent.weight_bytes == there.weight_bytes);
  CHECK(absent.pack_rows == there.pack_rows);
  CHECK(absent.codes.bytes == there.codes.bytes);
  CHECK(absent.codes.pack == there.codes.pack);
  CHECK(absent.codes.panel_outputs == there.codes.panel_outputs);
  CHECK(packing_hash(Absent{}.exec) == packing_hash({Backend::cuda}));
}
