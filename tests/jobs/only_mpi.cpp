// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>

/// What any MPI program does: the measure of what `talus` does beside it (policy.py).
int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  MPI_Comm copy = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &copy);
  MPI_Barrier(copy);
  MPI_Comm_free(&copy);
  return MPI_Finalize();
}
