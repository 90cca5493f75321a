# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.24)

# cmake -D root=<source directory> -P check_readme.cmake
#
# README.md's table of folders lists what is there, all of it, and its table of options all options;
# links, paths and presets in it exist.
file(READ "${root}/README.md" readme)
set(violations "")

# Rows of the form | `folder/` | ...
string(REGEX MATCHALL "\n\\| `[a-z_./]+/`" rows "${readme}")
set(listed "")
foreach(row IN LISTS rows)
  string(REGEX REPLACE ".*`([^`]*)/`" "\\1" folder "${row}")
  list(APPEND listed "${folder}")
  if(NOT IS_DIRECTORY "${root}/${folder}")
    string(APPEND violations "  ${folder}/ is in the table of folders, and nowhere else\n")
  endif()
endforeach()

file(GLOB entries RELATIVE "${root}" "${root}/*")
foreach(entry IN LISTS entries)
  file(GLOB inside "${root}/${entry}/*")
  if(inside AND NOT entry MATCHES "^(\\.|build)" AND NOT entry IN_LIST listed)
    string(APPEND violations "  ${entry}/ is not in the table of folders\n")
  endif()
endforeach()

string(REPLACE "](" " link(" without_brackets "${readme}")  # which would hide ends of list elements
string(REGEX MATCHALL "link\\([^)#:]+\\)" links "${without_brackets}")
string(REGEX MATCHALL "(jobs|tests|\\.ci)/[a-z0-9_./]*[a-z]" scripts "${readme}")
foreach(mention IN LISTS links scripts)
  string(REGEX REPLACE "^link\\(|\\)$" "" path "${mention}")
  if(NOT EXISTS "${root}/${path}")
    string(APPEND violations "  ${path} is named, and doesn't exist\n")
  endif()
endforeach()

file(STRINGS "${root}/jobs/talus/options.hpp" lines REGEX "\"--[a-z]")
file(STRINGS "${root}/runtime/batch/model_options.hpp" model_lines REGEX "\"--[a-z]")
foreach(line IN LISTS lines model_lines)
  string(REGEX REPLACE ".*\"(--[a-z-]+).*" "\\1" option "${line}")
  if(NOT readme MATCHES "\n\\| `${option}`")
    string(APPEND violations "  ${option} is not in the table of options\n")
  endif()
endforeach()

file(READ "${root}/CMakePresets.json" presets)
string(REGEX MATCHALL "--preset [a-z0-9]+" mentions "${readme}")
foreach(mention IN LISTS mentions)
  string(REPLACE "--preset " "" preset "${mention}")
  if(NOT presets MATCHES "\"name\": \"${preset}\"")
    string(APPEND violations "  there is no preset ${preset}\n")
  endif()
endforeach()

if(violations)
  message(FATAL_ERROR "README.md is wrong:\n${violations}")
endif()
if(NOT rows OR NOT scripts OR NOT mentions OR NOT lines)
  message(FATAL_ERROR "there are no folders, scripts, options or presets to check")
endif()
