// SPDX-License-Identifier: Apache-2.0
#include <span>
#include <utility>

#include "io/checkpoint/checkpoint.hpp"
#include "io/checkpoint/detail/bytes.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"

namespace talus::io {
namespace {

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

}  // namespace

Checkpoint Checkpoint::open_shared(std::filesystem::path const& dir,
                                   parallel::Communicator const& comm) {
  std::vector<char> packed;
  parallel::run_and_agree(comm, [&] {
    if (comm.rank() == 0) {
      parallel::FileScope const reading{comm.calls().log(), "read headers in", dir.string()};
      packed = pack(open(dir));
    }
  });
  auto length = static_cast<std::int64_t>(packed.size());
  parallel::broadcast(comm, std::span{&length, 1}, 0);
  packed.resize(static_cast<std::size_t>(length));
  parallel::broadcast(comm, std::span{packed}, 0);

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
