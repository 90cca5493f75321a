// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/handles.hpp"

namespace talus::kernels::cuda {

/// While it lives, whatever uses CUDA's default stream in this process, of any library, gets
/// cudaErrorStreamCaptureImplicit. Never run on a card yet.
///
/// A stream that waits for the default one is in a capture that nothing is captured by: what the
/// default stream does would have to wait for it, and is refused. The capture is a relaxed one,
/// which forbids neither allocations nor other streams.
///
/// Reference: NVIDIA, "CUDA Runtime API", "Stream management", cudaStreamIsCapturing (an error of
/// the legacy stream while a blocking one is capturing).
class ForbiddenDefaultStream {
 public:
  /// Of the current device.
  ///
  /// \throws ApiError  if CUDA reports an error
  ForbiddenDefaultStream();
  ~ForbiddenDefaultStream();
  ForbiddenDefaultStream(ForbiddenDefaultStream const&) = delete;
  ForbiddenDefaultStream& operator=(ForbiddenDefaultStream const&) = delete;

  /// Shows that the capture is still under way: else nothing is forbidden any more.
  ///
  /// \throws ConfigError  if a use of the default stream has spoiled it, whose error nobody told
  void check_capture() const;

 private:
  Stream stream_;
};

}  // namespace talus::kernels::cuda
