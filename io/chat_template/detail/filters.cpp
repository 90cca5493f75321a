// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/filters.hpp"

#include "io/chat_template/detail/builtins.hpp"

namespace talus::io::jinja {

Filter find_filter(std::string_view name) noexcept {
  constexpr Named<Filter> table[] = {
      {"abs", &filters::abs},
      {"attr", &filters::attr},
      {"batch", &filters::batch},
      {"capitalize", &filters::capitalize},
      {"center", &filters::center},
      {"count", &filters::length},
      {"d", &filters::defaults},
      {"default", &filters::defaults},
      {"dictsort", &filters::dictsort},
      {"e", &filters::escape},
      {"escape", &filters::escape},
      {"filesizeformat", &filters::filesizeformat},
      {"first", &filters::first},
      {"float", &filters::floating},
      {"forceescape", &filters::forceescape},
      {"format", &filters::format},
      {"groupby", &filters::groupby},
      {"indent", &filters::indent},
      {"int", &filters::integer},
      {"items", &filters::items},
      {"join", &filters::join},
      {"last", &filters::last},
      {"length", &filters::length},
      {"list", &filters::list},
      {"lower", &filters::lower},
      {"map", &filters::map},
      {"max", &filters::max},
      {"min", &filters::min},
      {"pprint", &filters::pprint},
      {"reject", &filters::reject},
      {"rejectattr", &filters::rejectattr},
      {"replace", &filters::replace},
      {"reverse", &filters::reverse},
      {"round", &filters::round},
      {"safe", &filters::safe},
      {"select", &filters::select},
      {"selectattr", &filters::selectattr},
      {"slice", &filters::slice},
      {"sort", &filters::sort},
      {"string", &filters::string},
      {"striptags", &filters::striptags},
      {"sum", &filters::sum},
      {"title", &filters::title},
      {"tojson", &filters::tojson},
      {"trim", &filters::trim},
      {"truncate", &filters::truncate},
      {"unique", &filters::unique},
      {"upper", &filters::upper},
      {"urlencode", &filters::urlencode},
      {"wordcount", &filters::wordcount},
      {"wordwrap", &filters::wordwrap},
      {"xmlattr", &filters::xmlattr},
  };
  return find_named(table, name);
}

}  // namespace talus::io::jinja
