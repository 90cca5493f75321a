// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <limits>
#include <string>
#include <utility>

#include <mpi.h>

#include "io/checkpoint/checkpoint.hpp"
#include "io/checkpoint/detail/bytes.hpp"
#include "io/checkpoint/detail/message.hpp"
#include "parallel/mpi_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using parallel::mpi_check;

// A dtype as a number that is 0 where it is unknown.
std::int64_t code_of(std::optional<DType> dtype) {
  return dtype ? static_cast<std::int64_t>(*dtype) + 1 : 0;
}

std::optional<DType> dtype_of(std::int64_t code) {
  return code == 0 ? std::nullopt : std::optional{static_cast<DType>(code - 1)};
}

std::vector<char> pack(Checkpoint const& checkpoint) {
  detail::ByteWriter out;
  out.number(std::ssize(checkpoint.files()));
  for (auto const& file : checkpoint.files()) {
    out.text(file.native());
  }
  for (TensorInfo const& tensor : checkpoint.tensors()) {
    out.text(tensor.name);
    out.number(code_of(tensor.dtype));
    out.text(tensor.dtype_name);
    out.number(std::ssize(tensor.shape));
    for (std::int64_t const extent : tensor.shape) {
      out.number(extent);
    }
    out.number(tensor.offset);
    out.number(tensor.bytes);
    out.number(tensor.file);
  }
  return out.bytes();
}

TensorInfo unpack_tensor(detail::ByteReader& in) {
  TensorInfo tensor;
  tensor.name = in.text();
  tensor.dtype = dtype_of(in.number());
  tensor.dtype_name = in.text();
  tensor.shape.resize(static_cast<std::size_t>(in.number()));
  for (std::int64_t& extent : tensor.shape) {
    extent = in.number();
  }
  tensor.offset = in.number();
  tensor.bytes = in.number();
  tensor.file = static_cast<std::int32_t>(in.number());
  return tensor;
}

void broadcast(parallel::Communicator const& comm, std::vector<char>& bytes) {
  auto length = static_cast<std::int64_t>(bytes.size());
  mpi_check(MPI_Bcast(&length, 1, MPI_INT64_T, 0, comm.native()), "MPI_Bcast");
  if (length > std::numeric_limits<int>::max()) {
    throw ConfigError{concat("checkpoint: headers of ",
                             length,
                             " bytes (at most ",
                             std::numeric_limits<int>::max(),
                             " can be sent to the other ranks)")};
  }
  bytes.resize(static_cast<std::size_t>(length));
  mpi_check(MPI_Bcast(bytes.data(), static_cast<int>(length), MPI_CHAR, 0, comm.native()),
            "MPI_Bcast");
}

}  // namespace

Checkpoint Checkpoint::open_shared(std::filesystem::path const& dir,
                                   parallel::Communicator const& comm) {
  std::vector<char> packed;
  std::string problem;
  if (comm.rank() == 0) {
    try {
      packed = pack(open(dir));
    } catch (std::exception const& error) {
      problem = detail::message_of(error);
    }
  }
  detail::throw_first(comm, problem);
  broadcast(comm, packed);

  detail::ByteReader in{packed};
  std::vector<std::filesystem::path> files(static_cast<std::size_t>(in.number()));
  for (auto& file : files) {
    file = in.text();
  }
  std::vector<TensorInfo> tensors;
  while (!in.at_end()) {
    tensors.push_back(unpack_tensor(in));
  }
  return {std::move(files), std::move(tensors)};
}

}  // namespace talus::io
