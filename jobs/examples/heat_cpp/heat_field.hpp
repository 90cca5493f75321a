// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include <mpi.h>

/// The heat equation on the unit square, zero on its border, in explicit steps of first order in
/// time and second in space; the points are shared out over a grid of ranks. It begins with the
/// slowest mode, whose decay is known.
class HeatField {
 public:
  /// \param comm    of all ranks of the solver; collective
  /// \param points  inner points a side, at least as many as ranks
  HeatField(MPI_Comm comm, int points);
  HeatField(HeatField const&) = delete;
  HeatField& operator=(HeatField const&) = delete;
  ~HeatField();

  /// A step of time. Collective over the solver's ranks.
  void step();

  /// This rank's part of the integral of the temperature; of all ranks 4 / pi^2 at the start.
  [[nodiscard]] double heat() const;

  /// The largest difference from the exact solution at this rank's points.
  [[nodiscard]] double error() const;

  /// The ranks in the order of their places; the solver's own.
  [[nodiscard]] MPI_Comm comm() const noexcept { return comm_; }

 private:
  void exchange_halos();
  [[nodiscard]] double mode(int row, int column) const;

  [[nodiscard]] std::size_t at(int row, int column) const noexcept {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_ + 2) +
           static_cast<std::size_t>(column);
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  MPI_Datatype column_type_ = MPI_DATATYPE_NULL;
  double spacing_;
  double time_step_;
  double time_ = 0.0;
  int rows_ = 0;     ///< of this rank's part, without halos
  int columns_ = 0;  ///< likewise
  int first_row_ = 0;
  int first_column_ = 0;
  std::vector<double> now_;   ///< [rows + 2, columns + 2]
  std::vector<double> next_;  ///< likewise
};
