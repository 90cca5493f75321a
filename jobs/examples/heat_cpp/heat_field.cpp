// SPDX-License-Identifier: Apache-2.0
#include "heat_field.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace {

/// The first point of part `part` of `parts`.
int first_of(int part, int parts, int points) {
  return points * part / parts;
}

}  // namespace

HeatField::HeatField(MPI_Comm comm, int points)
    : spacing_{1.0 / (points + 1)}, time_step_{0.2 * spacing_ * spacing_} {
  int size = 1;
  MPI_Comm_size(comm, &size);
  std::array<int, 2> shape{};
  MPI_Dims_create(size, 2, shape.data());
  std::array<int, 2> const is_periodic{};
  MPI_Cart_create(comm, 2, shape.data(), is_periodic.data(), 1, &comm_);
  int rank = 0;
  MPI_Comm_rank(comm_, &rank);
  std::array<int, 2> place{};
  MPI_Cart_coords(comm_, rank, 2, place.data());
  first_row_ = first_of(place[0], shape[0], points);
  first_column_ = first_of(place[1], shape[1], points);
  rows_ = first_of(place[0] + 1, shape[0], points) - first_row_;
  columns_ = first_of(place[1] + 1, shape[1], points) - first_column_;
  MPI_Type_vector(rows_, 1, columns_ + 2, MPI_DOUBLE, &column_type_);
  MPI_Type_commit(&column_type_);
  now_.resize(at(rows_ + 2, 0));
  next_.resize(now_.size());
  for (int row = 1; row <= rows_; ++row) {
    for (int column = 1; column <= columns_; ++column) {
      now_[at(row, column)] = mode(row, column);
    }
  }
}

HeatField::~HeatField() {
  MPI_Type_free(&column_type_);
  MPI_Comm_free(&comm_);
}

double HeatField::mode(int row, int column) const {
  double const y = (first_row_ + row) * spacing_;
  double const x = (first_column_ + column) * spacing_;
  return std::sin(std::numbers::pi * x) * std::sin(std::numbers::pi * y);
}

void HeatField::exchange_halos() {
  int above = MPI_PROC_NULL;
  int below = MPI_PROC_NULL;
  int left = MPI_PROC_NULL;
  int right = MPI_PROC_NULL;
  MPI_Cart_shift(comm_, 0, 1, &above, &below);
  MPI_Cart_shift(comm_, 1, 1, &left, &right);
  auto const swap = [&](MPI_Datatype type, int count, int to, int from, double* out, double* in) {
    MPI_Sendrecv(out, count, type, to, 0, in, count, type, from, 0, comm_, MPI_STATUS_IGNORE);
  };
  double* const u = now_.data();
  swap(MPI_DOUBLE, columns_, above, below, u + at(1, 1), u + at(rows_ + 1, 1));
  swap(MPI_DOUBLE, columns_, below, above, u + at(rows_, 1), u + at(0, 1));
  swap(column_type_, 1, left, right, u + at(1, 1), u + at(1, columns_ + 1));
  swap(column_type_, 1, right, left, u + at(1, columns_), u + at(1, 0));
}

void HeatField::step() {
  exchange_halos();
  double const factor = time_step_ / (spacing_ * spacing_);
  for (int row = 1; row <= rows_; ++row) {
    for (int column = 1; column <= columns_; ++column) {
      double const here = now_[at(row, column)];
      double const around = now_[at(row - 1, column)] + now_[at(row + 1, column)] +
                            now_[at(row, column - 1)] + now_[at(row, column + 1)];
      next_[at(row, column)] = here + factor * (around - 4.0 * here);
    }
  }
  std::swap(now_, next_);
  time_ += time_step_;
}

double HeatField::heat() const {
  double sum = 0.0;
  for (int row = 1; row <= rows_; ++row) {
    for (int column = 1; column <= columns_; ++column) {
      sum += now_[at(row, column)];
    }
  }
  return sum * spacing_ * spacing_;
}

double HeatField::error() const {
  double const decay = std::exp(-2.0 * std::numbers::pi * std::numbers::pi * time_);
  double largest = 0.0;
  for (int row = 1; row <= rows_; ++row) {
    for (int column = 1; column <= columns_; ++column) {
      largest = std::max(largest, std::abs(now_[at(row, column)] - decay * mode(row, column)));
    }
  }
  return largest;
}
