// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace talus::kernels::cuda {

/// The PCI address of a GPU's card, as the system's tree of devices has it: "0000:3b:00.0".
///
/// \param number  among those that this process sees
/// \throws ApiError  if there is no such device
[[nodiscard]] std::string pci_address(int number);

}  // namespace talus::kernels::cuda
