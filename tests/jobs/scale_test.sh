#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   scale_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# What a start asks of MPI, for any number of ranks. TALUS_MPI_COUNTS_LIBRARY: talus_mpi_counts;
# TALUS_ALL_TO_ALL_LIBRARY: talus_all_to_all.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"

check_bounds() { # RANKS COUNTING_LIBRARY
  head -n 20 "$problems" > in.jsonl
  /usr/bin/python3 "$source/jobs/bench/scale/scale.py" check --ranks "$1" --talus "$talus" \
    --counts "$2" --model "$demo/dense" -i in.jsonl --work work -- "${launcher[@]}"
}

# Calls until all is ready stay within bounds that hardly grow: nobody speaks to everybody.
case_bounds() {
  check_bounds "${RANKS:-4,8,16}" "$TALUS_MPI_COUNTS_LIBRARY" > log 2>&1 || fail "scale.py check"
}

# If somebody did, once, on each rank, by a collective or by messages, the bounds would tell.
case_all_to_all() {
  local both=$TALUS_ALL_TO_ALL_LIBRARY:$TALUS_MPI_COUNTS_LIBRARY
  export ALL_TO_ALL=collective
  expect 1 "16 ranks: 1 each to all of all ranks on a rank until all is ready (at most 0;" \
    check_bounds 16 "$both"
  export ALL_TO_ALL=messages
  expect 1 " messages on a rank until all is ready (at most" check_bounds "${RANKS:-32}" "$both"
}

# Whatever of MPI Talus calls is counted, or known to send nothing.
case_counted() {
  local name sends_nothing="Abort Cancel Comm_create_keyval Comm_delete_attr Comm_free Comm_get_attr
    Comm_group Comm_rank Comm_set_attr Comm_set_errhandler Comm_size Comm_test_inter Error_string
    Finalized Get_count Get_library_version Get_version Group_free Group_intersection
    Group_translate_ranks Improbe Imrecv Initialized Iprobe Irecv
    Is_thread_main Mrecv Query_thread Request_get_status T_cvar_get_info T_cvar_get_num T_finalize
    T_init_thread Test Testall Testsome Type_size Wait Win_flush Win_free Win_lock_all
    Win_set_errhandler Win_shared_query Win_sync Win_unlock_all"
  nm -D --defined-only "$TALUS_MPI_COUNTS_LIBRARY" | sed -n 's/.* T MPI_//p' > counted
  (cd "$source" && grep -rhoE '\bMPI_[A-Z][A-Za-z_]*\(' --include='*.[ch]pp' \
    parallel io runtime jobs/talus jobs/doctor) | sed 's/MPI_//; s/(//' | sort -u > called
  [ "$(wc -l < called)" -gt 30 ] || fail "the calls were not found"
  while read -r name; do
    grep -qx "$name" counted || [[ " ${sends_nothing//$'\n'/ } " == *" $name "* ]] ||
      fail "MPI_$name is called, and neither counted nor known to send nothing"
  done < called
}

run_case
