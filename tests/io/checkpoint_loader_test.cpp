// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <mpi.h>

#include "io/checkpoint/convert.hpp"
#include "io/checkpoint/loader.hpp"
#include "parallel/communicator.hpp"

#include "tests/io/checkpoint_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus;
using Catch::Matchers::ContainsSubstring;
using parallel::Communicator;
using talus::test::bytes_of;
using talus::test::config_error_of;
using talus::test::safetensors_file;
using talus::test::TempDir;
using talus::test::TestTensor;

namespace {

struct Shape {
  char const* name;
  std::vector<std::int64_t> shape;
};

std::vector<Shape> const shapes{{"embed", {251, 64}},
                                {"norm", {64}},
                                {"scalar", {}},
                                {"stack", {6, 5, 7}},
                                {"wide", {3, 900}},
                                {"empty", {0, 4}},
                                {"tall", {4000, 3}},
                                {"bias", {17}},
                                {"square", {96, 96}},
                                {"last layer", {40, 33}}};

std::int64_t num_elements(std::vector<std::int64_t> const& shape) {
  std::int64_t count = 1;
  for (auto const extent : shape) {
    count *= extent;
  }
  return count;
}

// A value that tells where it comes from.
float value_at(std::size_t tensor, std::int64_t element) {
  return static_cast<float>(tensor) * 100'000.0F + static_cast<float>(element);
}

// Three files with the tensors of `shapes` as F32.
void write_checkpoint(TempDir const& dir) {
  std::string map;
  for (std::size_t file = 0; file < 3; ++file) {
    std::vector<TestTensor> tensors;
    for (std::size_t t = file; t < shapes.size(); t += 3) {
      std::vector<float> values(static_cast<std::size_t>(num_elements(shapes[t].shape)));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = value_at(t, static_cast<std::int64_t>(i));
      }
      tensors.push_back({shapes[t].name, "F32", shapes[t].shape, bytes_of(values)});
      map += concat(map.empty() ? "" : ",", '"', shapes[t].name, "\":\"", file, ".safetensors\"");
    }
    dir.write(concat(file, ".safetensors"), safetensors_file(tensors));
  }
  dir.write("model.safetensors.index.json", concat("{\"weight_map\":{", map, "}}"));
}

// What a demand got, element by element, and how often.
struct Received {
  io::TensorDemand demand;
  std::size_t tensor = 0;
  std::int64_t columns = 0;  // of the tensor
  io::RowRange rows;
  io::ColumnRange cols;
  std::vector<float> values;
  std::vector<int> times;
};

// A demand whose sink writes to `received`, which stays where it is.
void attach(Received& received, std::size_t tensor, io::RowRange rows, io::ColumnRange cols) {
  auto const& shape = shapes[tensor].shape;
  std::int64_t const num_rows = shape.empty() ? 1 : shape[0];
  received.tensor = tensor;
  received.columns = num_rows == 0 ? num_elements({shape.begin() + 1, shape.end()})
                                   : num_elements(shape) / num_rows;
  received.rows = {rows.first, rows.last == io::to_end ? num_rows : rows.last};
  received.cols = {cols.first, cols.last == io::to_end ? received.columns : cols.last};
  auto const width = received.cols.last - received.cols.first;
  auto const count = (received.rows.last - received.rows.first) * width;
  received.values.resize(static_cast<std::size_t>(count));
  received.times.resize(static_cast<std::size_t>(count));
  auto const sink = [&received, width](io::TensorPiece const& piece) {
    REQUIRE(piece.cols == width);
    REQUIRE(piece.row_stride >= width);
    REQUIRE(piece.first_row >= received.rows.first);
    REQUIRE(piece.first_row + piece.rows <= received.rows.last);
    auto const at = (piece.first_row - received.rows.first) * width;
    io::convert_to_float(piece, {received.values.data() + at, piece.rows, piece.cols, width});
    for (std::int64_t i = at; i < at + piece.rows * width; ++i) {
      ++received.times[static_cast<std::size_t>(i)];
    }
  };
  received.demand = {
      shapes[tensor].name, rows, cols, sink, io::ExpectedShape{num_rows, received.columns}};
}

bool is_right(Received const& received) {
  auto const width = received.cols.last - received.cols.first;
  for (std::size_t i = 0; i < received.values.size(); ++i) {
    auto const row = received.rows.first + static_cast<std::int64_t>(i) / width;
    auto const col = received.cols.first + static_cast<std::int64_t>(i) % width;
    if (received.times[i] != 1 ||
        received.values[i] != value_at(received.tensor, row * received.columns + col)) {
      return false;
    }
  }
  return true;
}

io::LoadReport load(Communicator const& comm,
                    io::Checkpoint const& checkpoint,
                    std::vector<Received> const& received,
                    io::LoadOptions const& options = {}) {
  std::vector<io::TensorDemand> demands;
  for (Received const& one : received) {
    demands.push_back(one.demand);
  }
  return io::load_tensors(comm, checkpoint, demands, options);
}

// Random demands of a rank; any rank can tell those of another. Some ranks have none.
std::vector<Received> random_demands(unsigned seed, int rank) {
  std::mt19937 random{seed * 100U + static_cast<unsigned>(rank)};
  auto const below = [&](std::int64_t limit) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
  };
  std::vector<Received> received(static_cast<std::size_t>(below(14)));
  for (Received& one : received) {
    auto const tensor = static_cast<std::size_t>(below(std::ssize(shapes)));
    attach(one, tensor, {}, {});
    auto const first_row = below(one.rows.last + 1);
    auto const first_col = below(one.cols.last + 1);
    io::RowRange const rows{first_row, first_row + below(one.rows.last - first_row + 1)};
    io::ColumnRange const cols{first_col, first_col + below(one.cols.last - first_col + 1)};
    one = {};
    attach(one,
           tensor,
           below(3) == 0 ? io::RowRange{} : rows,
           below(3) == 0 ? io::ColumnRange{} : cols);
  }
  return received;
}

// Bytes of the tensors that anyone demands a part of.
std::int64_t demanded_bytes(unsigned seed, int num_ranks) {
  std::vector<bool> demanded(shapes.size());
  for (int rank = 0; rank < num_ranks; ++rank) {
    for (Received const& one : random_demands(seed, rank)) {
      demanded[one.tensor] = demanded[one.tensor] || !one.values.empty();
    }
  }
  std::int64_t bytes = 0;
  for (std::size_t t = 0; t < shapes.size(); ++t) {
    bytes += demanded[t] ? num_elements(shapes[t].shape) * 4 : 0;
  }
  return bytes;
}

Communicator world() {
  return Communicator::duplicate(MPI_COMM_WORLD);
}

// True on all ranks if all have the text of rank 0. Collective.
bool is_same_everywhere(Communicator const& comm, std::string const& text) {
  std::string first = text;
  auto length = static_cast<int>(first.size());
  MPI_Bcast(&length, 1, MPI_INT, 0, comm.native());
  first.resize(static_cast<std::size_t>(length));
  MPI_Bcast(first.data(), length, MPI_CHAR, 0, comm.native());
  return parallel::all_agree(comm, first == text);
}

// A checkpoint of one tensor "w" of these bytes.
void write_single(TempDir const& dir, TestTensor const& tensor) {
  dir.write("model.safetensors", safetensors_file({tensor}));
}

void ignore(io::TensorPiece const&) {}

// What loading "w" says, on every rank the same.
std::string refusal_of(Communicator const& comm,
                       io::Checkpoint const& checkpoint,
                       std::vector<io::TensorDemand> const& demands,
                       io::LoadOptions const& options = {}) {
  auto const message = config_error_of(
      [&] { static_cast<void>(io::load_tensors(comm, checkpoint, demands, options)); });
  CHECK(is_same_everywhere(comm, message));
  return message;
}

}  // namespace

TEST_CASE("what all ranks demand is read once and sent once to each other rank") {
  auto const comm = world();
  TempDir const dir{"all"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
  std::vector<Received> received(shapes.size());
  for (std::size_t t = 0; t < shapes.size(); ++t) {
    attach(received[t], t, {}, {});
  }

  auto const report = load(comm, checkpoint, received, {.piece_bytes = 3000});

  CHECK(std::ranges::all_of(received, is_right));
  CHECK(report.job.bytes_read == checkpoint.total_bytes());
  CHECK(report.job.bytes_sent == (comm.size() - 1) * checkpoint.total_bytes());
  // Even shares: a rank is at most one piece ahead of another.
  CHECK(std::abs(report.rank.bytes_read - checkpoint.total_bytes() / comm.size()) <= 2 * 3600);
  CHECK_THAT(report.format(), ContainsSubstring("(1.000 per byte"));
}

TEST_CASE("random demands are met exactly, in any memory, and each tensor in use is read once") {
  auto const comm = world();
  TempDir const dir{"random"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
  for (unsigned seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    auto const mine = seed % 3 == 0 ? comm.rank() / 2 : comm.rank();  // some with replicas
    auto received = random_demands(seed, mine);
    io::LoadOptions const options{seed % 2 == 0 ? std::int64_t{16} << 10 : std::int64_t{1} << 30,
                                  seed % 5 == 0 ? 100 : std::int64_t{1} << 20};

    auto const report = load(comm, checkpoint, received, options);

    CHECK(std::ranges::all_of(received, is_right));
    auto const num_different = seed % 3 == 0 ? (comm.size() + 1) / 2 : comm.size();
    CHECK(report.job.bytes_read == demanded_bytes(seed, num_different));
    CHECK(report.bytes_demanded == report.job.bytes_read);
    CHECK(report.job.peak_buffer_bytes <= options.host_memory_bytes);
  }
}

TEST_CASE("two halves of the columns are sent packed, and replicas share them") {
  auto const comm = world();
  TempDir const dir{"shards"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
  std::size_t const square = 8;
  std::int64_t const half = comm.rank() % 2 * 48;
  std::vector<Received> received(1);
  attach(received[0], square, {}, {half, half + 48});

  auto const report = load(comm, checkpoint, received);

  CHECK(is_right(received[0]));
  CHECK(report.job.bytes_read == 96 * 96 * 4);
  // The reader keeps its own half; every other rank is sent its half, once.
  CHECK(report.job.bytes_sent == (comm.size() - 1) * 96 * 48 * 4);
}

TEST_CASE("the memory limit holds, however large the checkpoint") {
  auto const comm = world();
  TempDir const dir{"memory"};
  std::vector<float> const values(500 * 700, 1.5F);
  write_single(dir, {"w", "F32", {500, 700}, bytes_of(values)});
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
  std::int64_t rows = 0;
  io::TensorDemand const demand{
      "w", {}, {}, [&](io::TensorPiece const& piece) { rows += piece.rows; }, {}};

  auto const report =
      io::load_tensors(comm, checkpoint, {&demand, 1}, {.host_memory_bytes = 65536});

  CHECK(rows == 500);
  CHECK(report.job.peak_buffer_bytes <= 65536);
  CHECK(report.job.bytes_read == 500 * 700 * 4);
  CHECK_THAT(refusal_of(comm, checkpoint, {demand}, {.host_memory_bytes = 4 * 2800 - 1}),
             ContainsSubstring("host memory for loading: 11199 bytes") &&
                 ContainsSubstring("rows of 2800 bytes"));
}

TEST_CASE("the pieces of a checkpoint of the safetensors package hold its values") {
  auto const comm = world();
  auto const checkpoint = io::Checkpoint::open_shared(TALUS_TEST_DATA "/models/llama3_bf16", comm);
  std::vector<std::uint16_t> part(40 * 70);
  std::vector<std::uint16_t> whole(251 * 64);
  std::vector<io::TensorDemand> const demands{
      {"model.layers.1.mlp.down_proj.weight",
       {10, 50},
       {30, 100},
       [&](io::TensorPiece const& piece) {
         io::convert_to_bf16(piece,
                             {part.data() + (piece.first_row - 10) * 70, piece.rows, 70, 70});
       },
       io::ExpectedShape{64, 168}},
      {"model.embed_tokens.weight",
       {},
       {},
       [&](io::TensorPiece const& piece) {
         io::convert_to_bf16(piece, {whole.data() + piece.first_row * 64, piece.rows, 64, 64});
       },
       io::ExpectedShape{251, 64}}};
  // Each element's bits times its place, as computed from what the Python package reads.
  auto const weigh = [](std::vector<std::uint16_t> const& bits) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      sum += static_cast<std::int64_t>(i + 1) * bits[i];
    }
    return sum;
  };

  static_cast<void>(io::load_tensors(comm, checkpoint, demands, {.piece_bytes = 1000}));

  CHECK(weigh(part) == 126232251734);
  CHECK(weigh(whole) == 4176130891031);
}

TEST_CASE("a value that is not finite is named with its file, element and offset") {
  auto const comm = world();
  TempDir const dir{"nan"};

  struct Case {
    char const* dtype;
    std::string good;
    std::string bad;
  };

  std::vector<Case> const cases{
      {"F32", bytes_of<float>({1.0F}), bytes_of<float>({std::nanf("")})},
      {"F32", bytes_of<float>({-3e38F}), bytes_of<float>({std::numeric_limits<float>::infinity()})},
      {"F64",
       bytes_of<double>({1e308}),
       bytes_of<double>({-std::numeric_limits<double>::infinity()})},
      {"F16", bytes_of<std::uint16_t>({0x7BFF}), bytes_of<std::uint16_t>({0xFC00})},
      {"BF16", bytes_of<std::uint16_t>({0x7F7F}), bytes_of<std::uint16_t>({0xFFC1})}};
  for (Case const& one : cases) {
    std::string bytes;
    for (int i = 0; i < 4000; ++i) {
      bytes += i == 3003 ? one.bad : one.good;
    }
    write_single(dir, {"w", one.dtype, {400, 10}, bytes});
    auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
    auto const offset = checkpoint.find("w")->offset + 3003 * std::ssize(one.good);

    auto const message = refusal_of(comm, checkpoint, {{"w", {}, {}, ignore, {}}}, {1 << 20, 500});

    CHECK_THAT(message,
               ContainsSubstring("model.safetensors: tensor \"w\": element 3003 of " +
                                 std::string{one.dtype} + " [400, 10] at offset " +
                                 std::to_string(offset) + " is NaN or infinite"));
  }
}

TEST_CASE("a tensor that nobody demands is not read") {
  auto const comm = world();
  TempDir const dir{"unused"};
  dir.write("model.safetensors",
            safetensors_file({{"a", "F32", {2}, bytes_of<float>({1, 2})},
                              {"bad", "F32", {2}, bytes_of<float>({std::nanf(""), 2})},
                              {"odd", "F8_E8M0", {8}, "12345678"},
                              {"b", "F32", {2}, bytes_of<float>({3, 4})}}));
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);

  std::vector<io::TensorDemand> const demands{{"a", {}, {}, ignore, {}}, {"b", {}, {}, ignore, {}}};
  auto const report = io::load_tensors(comm, checkpoint, demands);

  CHECK(report.job.bytes_read == 16);
  CHECK(report.bytes_checkpoint == 32);
  CHECK_THAT(refusal_of(comm, checkpoint, {{"odd", {}, {}, ignore, {}}}),
             ContainsSubstring("tensor \"odd\"") && ContainsSubstring("dtype F8_E8M0"));
}

TEST_CASE("a demand that cannot be met is refused on all ranks, whichever rank has it") {
  auto const comm = world();
  TempDir const dir{"refused"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
  bool const is_last = comm.rank() == comm.size() - 1;
  auto const refusal = [&](io::TensorDemand const& bad) {
    bool called = false;
    std::vector<io::TensorDemand> demands{
        {"embed", {}, {}, [&](io::TensorPiece const&) { called = true; }, {}}};
    if (is_last) {
      demands.push_back(bad);
    }
    auto message = refusal_of(comm, checkpoint, demands);
    CHECK_FALSE(called);
    return message;
  };

  CHECK_THAT(refusal({"head", {}, {}, ignore, io::ExpectedShape{8, 9}}),
             ContainsSubstring("no tensor \"head\"") && ContainsSubstring("8 x 9"));
  CHECK_THAT(refusal({"square", {}, {}, ignore, io::ExpectedShape{96, 48}}),
             ContainsSubstring("tensor \"square\"") && ContainsSubstring("shape [96, 96]") &&
                 ContainsSubstring("expected 96 x 48"));
  CHECK_THAT(refusal({"square", {90, 97}, {}, ignore, {}}),
             ContainsSubstring("rows [90, 97)") && ContainsSubstring("[0, 96)"));
  CHECK_THAT(refusal({"square", {}, {-3, 5}, ignore, {}}), ContainsSubstring("columns [-3, 5)"));
  CHECK_THAT(refusal({"square", {}, {5, 4}, ignore, {}}), ContainsSubstring("columns [5, 4)"));
}

TEST_CASE("a file that is cut short or lost after its header was read is an error on all ranks") {
  auto const comm = world();
  TempDir const dir{"cut"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
  if (comm.rank() == 0) {
    auto const file = dir.path() / "1.safetensors";
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 40);
    std::filesystem::remove(dir.path() / "2.safetensors");
  }
  MPI_Barrier(comm.native());
  auto const refusal = [&](char const* tensor) {
    return refusal_of(comm,
                      checkpoint,
                      {{"embed", {}, {}, ignore, {}}, {tensor, {}, {}, ignore, {}}},
                      {1 << 20, 800});
  };

  CHECK_THAT(refusal("bias"), ContainsSubstring("1.safetensors: ends at offset"));
  CHECK_THAT(refusal("square"), ContainsSubstring("2.safetensors: can't be opened (No such file"));
}

TEST_CASE("a sink that throws fails the load on all ranks") {
  auto const comm = world();
  TempDir const dir{"sink"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);
  int num_calls = 0;
  io::TensorDemand const demand{"embed",
                                {},
                                {},
                                [&](io::TensorPiece const&) {
                                  if (comm.rank() == comm.size() / 2 && ++num_calls == 3) {
                                    throw std::runtime_error{"device is full"};
                                  }
                                },
                                {}};

  CHECK_THAT(refusal_of(comm, checkpoint, {demand}, {1 << 20, 512}),
             ContainsSubstring("device is full"));
}

TEST_CASE("options that differ between ranks are refused") {
  auto const comm = world();
  TempDir const dir{"options"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);

  auto const message = refusal_of(comm, checkpoint, {}, {1 << 20, 512 + comm.rank()});

  CHECK(message.empty() == (comm.size() == 1));
  CHECK_THAT(refusal_of(comm, checkpoint, {}, {1 << 20, 0}), ContainsSubstring("at least 4 and 1"));
}

TEST_CASE("no demands at all read nothing") {
  auto const comm = world();
  TempDir const dir{"nothing"};
  write_checkpoint(dir);
  auto const checkpoint = io::Checkpoint::open_shared(dir.path(), comm);

  CHECK(io::load_tensors(comm, checkpoint, {}).job.bytes_read == 0);
}

TEST_CASE("all ranks get the directory that rank 0 read, or its error") {
  auto const comm = world();
  TempDir const dir{"shared"};
  write_checkpoint(dir);

  auto const shared = io::Checkpoint::open_shared(dir.path(), comm);
  auto const own = io::Checkpoint::open(dir.path());

  REQUIRE(std::ranges::equal(shared.files(), own.files()));
  REQUIRE(shared.tensors().size() == own.tensors().size());
  for (std::size_t i = 0; i < own.tensors().size(); ++i) {
    CHECK(shared.tensors()[i].name == own.tensors()[i].name);
    CHECK(shared.tensors()[i].dtype == own.tensors()[i].dtype);
    CHECK(shared.tensors()[i].shape == own.tensors()[i].shape);
    CHECK(shared.tensors()[i].offset == own.tensors()[i].offset);
    CHECK(shared.tensors()[i].bytes == own.tensors()[i].bytes);
    CHECK(shared.tensors()[i].file == own.tensors()[i].file);
  }
  auto const message = config_error_of(
      [&] { static_cast<void>(io::Checkpoint::open_shared(dir.path() / "none", comm)); });
  CHECK_THAT(message, ContainsSubstring("none: not a directory"));
  CHECK(is_same_everywhere(comm, message));
}
