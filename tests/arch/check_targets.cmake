# SPDX-License-Identifier: Apache-2.0
# cmake -D NM=<nm> -D OBJECTS=<file>,<file>... -D TARGET=<name> -P check_targets.cmake
#
# Objects that are compiled for one processor's instructions may define no function that the linker
# shares with other objects: it might keep this one, and others then run it on a processor that
# lacks the instructions. So what they define weakly lies in their target's own namespace.
string(REPLACE "," ";" objects "${OBJECTS}")
execute_process(COMMAND "${NM}" -A -C --defined-only ${objects}
  OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE ";" "," symbols "${symbols}")
string(REPLACE "\n" ";" symbols "${symbols}")
set(shared "")
set(num_symbols 0)
foreach(symbol IN LISTS symbols)
  math(EXPR num_symbols "${num_symbols} + 1")
  if(symbol MATCHES " [WVu] " AND NOT symbol MATCHES " [WVu] .*talus::kernels::${TARGET}::"
     AND NOT symbol MATCHES " V DW\\.ref\\.")  # a reference to a function, no code
    list(APPEND shared "${symbol}")
  endif()
endforeach()
if(shared OR num_symbols LESS 10)
  list(JOIN shared "\n  " shared)
  message(FATAL_ERROR
    "of ${num_symbols} symbols of ${TARGET}, shared with code for other processors:\n  ${shared}")
endif()
