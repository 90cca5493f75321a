// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <iostream>

#include "runtime/model/family.hpp"

/// Prints the family of the checkpoint in a directory.
int main(int argc, char** argv) {
  try {
    std::cout << talus::runtime::read_model_spec(argc > 1 ? argv[1] : ".").family << '\n';
  } catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
