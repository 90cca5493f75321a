#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   scale_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# What a start asks of MPI, for any number of ranks. TALUS_MPI_COUNTS_LIBRARY: talus_mpi_counts.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"

# Calls until all is ready stay within bounds that hardly grow: nobody speaks to everybody.
case_bounds() {
  head -n 20 "$problems" > in.jsonl
  /usr/bin/python3 "$source/jobs/bench/scale/scale.py" check --ranks "${RANKS:-4,8,16}" \
    --talus "$talus" --counts "$TALUS_MPI_COUNTS_LIBRARY" --model "$demo/dense" -i in.jsonl \
    --work work -- "${launcher[@]}" > log 2>&1 || fail "scale.py check"
}

# Whatever of MPI Talus calls is counted, or known to send nothing.
case_counted() {
  local name sends_nothing="Abort Cancel Comm_free Comm_get_attr Comm_group Comm_rank
    Comm_set_errhandler Comm_size Comm_test_inter Error_string Finalized Get_count
    Get_library_version Get_version Group_free Improbe Imrecv Initialized Iprobe Irecv
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
