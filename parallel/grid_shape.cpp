// SPDX-License-Identifier: Apache-2.0
#include "parallel/grid_shape.hpp"

#include <cstdint>
#include <numeric>
#include <string>

#include "runtime/base/error.hpp"

namespace talus::parallel {

namespace {

void check_size(char const* name, int size) {
  if (size < 1) {
    throw ConfigError{concat(name, " = ", size, " (the size of a grid's axis is at least 1)")};
  }
}

// What the user could do about ranks that do not make whole replicas, or another number of them.
std::string what_fits(GridShape const& shape, int world_size) {
  std::int64_t const replica = std::int64_t{shape.pp} * shape.tp;
  std::int64_t const whole = world_size / replica;
  std::string const given = concat("with tp=", shape.tp, " and pp=", shape.pp);
  if (whole * replica == world_size) {
    return concat(given, " use dp=", whole, ", or ", replica * shape.dp, " ranks");
  }
  if (whole == 0) {
    return concat(given, " at least ", replica, " ranks are needed");
  }
  return concat(given, " use ", whole * replica, " or ", (whole + 1) * replica, " ranks");
}

std::string divisors(int number) {
  std::string text;
  for (int divisor = 1; divisor <= number; ++divisor) {
    if (number % divisor == 0) {
      text += concat(text.empty() ? "" : ", ", divisor);
    }
  }
  return text;
}

}  // namespace

void check_grid(GridShape const& shape, int world_size) {
  check_size("dp", shape.dp);
  check_size("pp", shape.pp);
  check_size("tp", shape.tp);
  check_size("ep", shape.ep);
  std::int64_t const replica = std::int64_t{shape.pp} * shape.tp;
  if (replica > world_size || replica * shape.dp != world_size) {
    throw ConfigError{concat("ranks = ",
                             world_size,
                             ", dp*tp*pp = ",
                             shape.dp,
                             "*",
                             shape.tp,
                             "*",
                             shape.pp,
                             " = ",
                             replica * shape.dp,
                             " (they must be equal; ",
                             what_fits(shape, world_size),
                             ")")};
  }
  int const plane = shape.dp * shape.tp;
  if (plane % shape.ep != 0) {
    throw ConfigError{concat("ep = ",
                             shape.ep,
                             " (it must divide dp*tp = ",
                             shape.dp,
                             "*",
                             shape.tp,
                             " = ",
                             plane,
                             ", the ranks of a stage; possible are ",
                             divisors(plane),
                             ")")};
  }
}

GridCoord coord_of(GridShape const& shape, int rank) noexcept {
  GridCoord coord;
  coord.tp = rank % shape.tp;
  coord.pp = rank / shape.tp % shape.pp;
  coord.dp = rank / shape.tp / shape.pp;
  coord.ep = plane_rank_of(shape, coord) % shape.ep;
  return coord;
}

int rank_of(GridShape const& shape, GridCoord const& coord) noexcept {
  return (coord.dp * shape.pp + coord.pp) * shape.tp + coord.tp;
}

int plane_rank_of(GridShape const& shape, GridCoord const& coord) noexcept {
  return coord.dp * shape.tp + coord.tp;
}

int num_joined_replicas(GridShape const& shape) noexcept {
  return std::lcm(shape.tp, shape.ep) / shape.tp;
}

}  // namespace talus::parallel
