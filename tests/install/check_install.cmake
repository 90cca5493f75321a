# SPDX-License-Identifier: Apache-2.0
cmake_minimum_required(VERSION 3.24)
include("${CMAKE_CURRENT_LIST_DIR}/run.cmake")

# Installs a finished build, moves it to another prefix, and builds and runs a project against it
# that lies elsewhere, too: through CMake and through pkg-config. Variables: see CMakeLists.txt
# beside this file.

# check_answers(<program> <name>): one rank and two answer the installed model's problems alike.
function(check_answers program name)
  foreach(ranks IN ITEMS 1 2)
    set(answers "${work}/${name}${ranks}.jsonl")
    run(${launch} ${ranks} "${program}" "${demo}/dense" "${work}/problems.jsonl" "${answers}")
    if(NOT printed STREQUAL "answered\n")
      message(FATAL_ERROR "${program} printed '${printed}' (expected answered)")
    endif()
    run("${prefix}/bin/talus" audit -i "${work}/problems.jsonl" -o "${answers}")
    if(NOT printed MATCHES "^complete: 4 requests, 4 answers and 0 errors")
      message(FATAL_ERROR "talus audit printed '${printed}' for ${answers}")
    endif()
  endforeach()
endfunction()

file(REMOVE_RECURSE "${work}")
set(prefix "${work}/moved/prefix")
set(demo "${prefix}/share/talus/demo")
set(downstream "${work}/downstream")
file(COPY "${source}/tests/install/downstream" DESTINATION "${work}")
install_moved("${prefix}")

run("${prefix}/bin/talus" --version)
if(NOT printed MATCHES "^talus [0-9]+\\.[0-9]+\\.[0-9]+\n$")
  message(FATAL_ERROR "the installed talus --version printed '${printed}'")
endif()
foreach(file IN ITEMS "doc/talus/LICENSE" "doc/talus/README.md")
  if(NOT EXISTS "${prefix}/share/${file}")
    message(FATAL_ERROR "share/${file} is not installed")
  endif()
endforeach()

# Nothing that is read leads back to where it was built, or to where it was first installed.
file(GLOB_RECURSE files "${prefix}/*.cmake" "${prefix}/*.pc" "${prefix}/*.hpp")
foreach(file IN LISTS files)
  file(READ "${file}" text)
  foreach(folder IN ITEMS "${source}" "${build}" "${work}")
    string(FIND "${text}" "${folder}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${file} names ${folder}")
    endif()
  endforeach()
endforeach()

file(STRINGS "${demo}/problems.jsonl" problems LIMIT_COUNT 4)
list(JOIN problems "\n" problems)
file(WRITE "${work}/problems.jsonl" "${problems}\n")

# By CMake, under both names.
foreach(package IN ITEMS talus Talus)
  configure("${downstream}" "${work}/${package}" "package=${package}")
endforeach()
run("${CMAKE_COMMAND}" --build "${work}/Talus" --config "${config}")
check_answers("${work}/Talus/answer" by_cmake)

# By pkg-config and a compiler that is told nothing else.
file(GLOB_RECURSE pc_file "${prefix}/talus.pc")
cmake_path(GET pc_file PARENT_PATH pc_folder)
set(ENV{PKG_CONFIG_PATH} "${pc_folder}:$ENV{PKG_CONFIG_PATH}")
run("${pkg_config}" --exists --print-errors "talus >= 0.1")
run("${pkg_config}" --cflags talus)
separate_arguments(cflags UNIX_COMMAND "${printed}")
run("${pkg_config}" --libs talus)
separate_arguments(libs UNIX_COMMAND "${printed}")
run("${compiler}" -std=c++20 -O1 ${cflags} "${downstream}/answer.cpp" -o "${work}/answer" ${libs})
check_answers("${work}/answer" by_pkg_config)

# Every header that is installed can be included: it includes none that isn't.
file(GLOB_RECURSE headers RELATIVE "${prefix}/include/talus" "${prefix}/include/talus/*.hpp")
list(TRANSFORM headers REPLACE "(.+)" "#include \"\\1\"\n")
string(CONCAT includes ${headers})
file(WRITE "${downstream}/every_header.cpp" "${includes}")
run("${compiler}" -std=c++20 -fsyntax-only ${cflags} "${downstream}/every_header.cpp")
