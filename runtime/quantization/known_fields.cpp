// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/known_fields.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "kernels/quantized.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {

void allow_fields(ConfigFields const& fields,
                  std::initializer_list<std::string_view> used,
                  std::initializer_list<std::string_view> harmless) {
  for (std::string const& name : fields.names()) {
    if (std::ranges::find(used, name) == used.end() &&
        std::ranges::find(harmless, name) == harmless.end()) {
      fields.refuse(name, "a field that is not known here: it may change what the weights mean");
    }
  }
}

void check_group(ConfigFields const& fields, std::string_view name, std::int64_t group) {
  if (group < 1 || group > largest_group || group % kernels::quant_chunk != 0) {
    fields.refuse(name,
                  concat("groups of a multiple of ",
                         kernels::quant_chunk,
                         " inputs, or of a whole row, are supported"));
  }
}

std::vector<std::string> nested_texts(ConfigFields const& fields,
                                      std::string_view name,
                                      io::Json const& value) {
  std::vector<std::string> texts;
  bool is_text = value.is_array();
  for (io::Json const& item : value) {
    io::Json const list = item.is_array() ? item : io::Json::array({item});
    for (io::Json const& text : list) {
      is_text = is_text && text.is_string();
      if (is_text) {
        texts.push_back(text.get<std::string>());
      }
    }
  }
  if (!is_text) {
    fields.refuse(name, "must be a list of names");
  }
  return texts;
}

}  // namespace talus::runtime
