! SPDX-License-Identifier: Apache-2.0
!> The heat equation on the unit square, zero on its border, in explicit steps of first order in time
!> and second in space; the points are shared out over a grid of ranks. It begins with the slowest
!> mode, whose decay is known.
module heat_field
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  implicit none
  private
  public :: field, pi

  real(real64), parameter :: pi = acos(-1.0_real64)

  type :: field
    type(mpi_comm) :: comm  !< the ranks in the order of their places
    real(real64), private :: spacing, time_step, time = 0
    integer, private :: first_row, first_column, rows, columns
    real(real64), allocatable, private :: now(:, :), next(:, :)  !< with halos, from 0
  contains
    procedure :: create
    procedure :: step
    procedure :: heat
    procedure :: error
    procedure :: destroy
    procedure, private :: mode
    procedure, private :: exchange_halos
  end type field

contains

  !> Collective over `comm`; `points` inner points a side.
  subroutine create(self, comm, points)
    class(field), intent(inout) :: self
    type(mpi_comm), intent(in) :: comm
    integer, intent(in) :: points
    integer :: ranks, rank, shape(2), place(2), row, column

    self%spacing = 1.0_real64 / (points + 1)
    self%time_step = 0.2_real64 * self%spacing**2
    call mpi_comm_size(comm, ranks)
    shape = 0
    call mpi_dims_create(ranks, 2, shape)
    call mpi_cart_create(comm, 2, shape, [.false., .false.], .true., self%comm)
    call mpi_comm_rank(self%comm, rank)
    call mpi_cart_coords(self%comm, rank, 2, place)
    self%first_row = points * place(1) / shape(1)
    self%first_column = points * place(2) / shape(2)
    self%rows = points * (place(1) + 1) / shape(1) - self%first_row
    self%columns = points * (place(2) + 1) / shape(2) - self%first_column
    allocate (self%now(0:self%rows + 1, 0:self%columns + 1), source=0.0_real64)
    allocate (self%next, source=self%now)
    do column = 1, self%columns
      do row = 1, self%rows
        self%now(row, column) = self%mode(row, column)
      end do
    end do
  end subroutine create

  pure real(real64) function mode(self, row, column)
    class(field), intent(in) :: self
    integer, intent(in) :: row, column

    mode = sin(pi * self%spacing * (self%first_row + row)) * &
         sin(pi * self%spacing * (self%first_column + column))
  end function mode

  subroutine exchange_halos(self)
    class(field), intent(inout) :: self
    integer :: above, below, left, right
    real(real64), allocatable :: out(:), in(:)

    call mpi_cart_shift(self%comm, 0, 1, above, below)
    call mpi_cart_shift(self%comm, 1, 1, left, right)
    associate (u => self%now, rows => self%rows, columns => self%columns)
      allocate (in(columns), source=0.0_real64)
      out = u(1, 1:columns)
      call swap(above, below)
      u(rows + 1, 1:columns) = in
      out = u(rows, 1:columns)
      in = 0
      call swap(below, above)
      u(0, 1:columns) = in
      deallocate (in)
      allocate (in(rows), source=0.0_real64)
      out = u(1:rows, 1)
      call swap(left, right)
      u(1:rows, columns + 1) = in
      out = u(1:rows, columns)
      in = 0
      call swap(right, left)
      u(1:rows, 0) = in
    end associate

  contains

    subroutine swap(to, from)
      integer, intent(in) :: to, from

      call mpi_sendrecv(out, size(out), mpi_double_precision, to, 0, &
           in, size(in), mpi_double_precision, from, 0, self%comm, mpi_status_ignore)
    end subroutine swap
  end subroutine exchange_halos

  !> A step of time. Collective over the solver's ranks.
  subroutine step(self)
    class(field), intent(inout) :: self
    real(real64) :: factor

    call self%exchange_halos()
    factor = self%time_step / self%spacing**2
    associate (u => self%now, r => self%rows, c => self%columns)
      self%next(1:r, 1:c) = u(1:r, 1:c) + factor * (u(0:r - 1, 1:c) + u(2:r + 1, 1:c) + &
           u(1:r, 0:c - 1) + u(1:r, 2:c + 1) - 4 * u(1:r, 1:c))
      u(1:r, 1:c) = self%next(1:r, 1:c)
    end associate
    self%time = self%time + self%time_step
  end subroutine step

  !> This rank's part of the integral of the temperature; of all ranks 4 / pi**2 at the start.
  pure real(real64) function heat(self)
    class(field), intent(in) :: self

    heat = sum(self%now(1:self%rows, 1:self%columns)) * self%spacing**2
  end function heat

  !> The largest difference from the exact solution at this rank's points.
  pure real(real64) function error(self)
    class(field), intent(in) :: self
    integer :: row, column

    error = 0
    do column = 1, self%columns
      do row = 1, self%rows
        error = max(error, abs(self%now(row, column) - &
             exp(-2 * pi**2 * self%time) * self%mode(row, column)))
      end do
    end do
  end function error

  subroutine destroy(self)
    class(field), intent(inout) :: self

    call mpi_comm_free(self%comm)
  end subroutine destroy
end module heat_field
