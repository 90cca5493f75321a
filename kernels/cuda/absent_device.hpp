// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "kernels/cuda/code_kinds.hpp"
#include "kernels/device.hpp"
#include "kernels/matmul_library.hpp"

namespace talus::kernels::cuda {

/// Stands for a GPU that isn't here while weights are packed for it: its memory is the host's, and
/// there is as much as is asked for. It computes nothing.
///
/// Our own kernels have one order of weights for all GPUs. Where a library is to multiply, what the
/// GPU would ask it is decided by its capability and the library's version alone: that the library
/// knows an algorithm is taken for granted, and whoever loads the weights there is refused if it
/// doesn't.
class AbsentDevice final : public kernels::Device {
 public:
  /// \param products  of the library that multiplies in place of our kernels; nothing: none does
  explicit AbsentDevice(std::optional<CodeAbility> const& products) : products_{products} {}

  [[nodiscard]] void* allocate(std::int64_t bytes) override;
  void release(void* memory) noexcept override;
  void upload(void const* host, void* to, std::int64_t bytes) override;
  void download(void const* from, void* host, std::int64_t bytes) override;

  /// \throws ConfigError  always: nothing is computed that could be waited for
  [[nodiscard]] std::unique_ptr<DeviceFetch> make_fetch(std::int64_t bytes) override;

  void copy(void const* from, void* to, std::int64_t bytes) override;
  void clear(void* memory, std::int64_t bytes) override;

  void synchronize() override {}

  [[nodiscard]] std::int64_t free_bytes() const override {
    return std::numeric_limits<std::int64_t>::max();
  }

  [[nodiscard]] bool multiplies_code_rows(std::int64_t out,
                                          std::int64_t in,
                                          QuantStorage const& storage) override {
    return products_ && kind_of_codes(*products_, out, in, storage);
  }

 private:
  std::optional<CodeAbility> products_;
};

/// \param capability  of the GPUs of the run: 90 is 9.0; nothing: nobody has said
/// \throws ConfigError  if weights for cuBLASLt are to be packed, and there is no capability or no
///                      such library here, whose version counts
[[nodiscard]] std::unique_ptr<kernels::Device> make_absent_device(
    MatmulLibrary matmul, std::optional<int> const& capability);

}  // namespace talus::kernels::cuda
