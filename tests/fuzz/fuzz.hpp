// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "runtime/base/error.hpp"

/// \file
/// What all fuzz targets share. A target runs one input; what it must not do is crash, hang, or
/// throw anything but an Error that says where the input stands.

/// What libFuzzer calls with each input.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace talus::test {

/// The input as text.
inline std::string_view text_of(std::uint8_t const* data, std::size_t size) {
  return {reinterpret_cast<char const*>(data), size};
}

/// Ends the program, which is how an input counts as a finding.
inline void require(bool condition, char const* what) {
  if (!condition) {
    std::fprintf(stderr, "fuzz: violated: %s\n", what);
    std::abort();
  }
}

/// Runs `work`; a refusal must name `source` and be short enough to be read.
template <class Work>
void refuse_or_run(std::string_view source, Work const& work) {
  try {
    work();
  } catch (Error const& error) {
    std::string_view const what = error.what();
    require(what.find(source) != std::string_view::npos, "an error names its source");
    require(what.size() < 4096, "an error is short");
  }
}

}  // namespace talus::test
