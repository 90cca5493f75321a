! SPDX-License-Identifier: Apache-2.0
!> heat MODEL [POINTS] [STEPS] [INTERVAL]
program heat
  use, intrinsic :: iso_fortran_env, only: output_unit, real64
  use heat_field
  use mpi_f08
  use questions
  use talus
  implicit none
  type(field) :: plate
  type(asker) :: questioner
  type(mpi_comm) :: second
  logical :: has_model, is_fine
  integer :: provided, rank

  call mpi_init_thread(mpi_thread_funneled, provided)
  call plate%create(mpi_comm_world, number(2, 48))
  call mpi_comm_rank(plate%comm, rank)
  ! Every second rank has the model; the others hand on their data.
  call mpi_comm_split(plate%comm, merge(0, mpi_undefined, mod(rank, 2) == 0), rank, second)
  has_model = second /= mpi_comm_null
  if (has_model) call open_engine()
  call solve(number(3, 400), number(4, 50))
  is_fine = report()
  if (has_model) call close_engine()
  call plate%destroy()
  call mpi_finalize()
  if (.not. is_fine) stop 1, quiet=.true.

contains

  integer function number(place, otherwise)
    integer, intent(in) :: place, otherwise
    character(20) :: text

    number = otherwise
    if (command_argument_count() < place) return
    call get_command_argument(place, text)
    read (text, *) number
  end function number

  subroutine open_engine()
    type(talus_options) :: options
    character(4096) :: model
    character(400) :: message
    integer :: stat

    call get_command_argument(1, model)
    call options%set('model', trim(model), stat, message)
    call check(stat, message)
    call options%set('threads', 1, stat, message)
    call check(stat, message)
    call options%set('kv-cache-memory', '16M', stat, message)
    call check(stat, message)
    call questioner%engine%open(second, options, stat, message)
    call check(stat, message)
  end subroutine open_engine

  subroutine close_engine()
    character(400) :: message
    integer :: stat

    call questioner%engine%close(stat, message)
    call check(stat, message)
    call mpi_comm_free(second)
  end subroutine close_engine

  !> A part's heat in parts of 900 of the field's at the start, so that the model can add it.
  integer function units(heat)
    real(real64), intent(in) :: heat

    units = max(1, nint(900 * heat * pi**2 / 4))
  end function units

  !> The part of the next rank, for those who ask, from those who don't. 0 where there is none.
  real(real64) function heat_of_next() result(heat)
    integer :: ranks

    call mpi_comm_size(plate%comm, ranks)
    heat = plate%heat()
    if (mod(rank, 2) == 1) then
      call mpi_send(heat, 1, mpi_double_precision, rank - 1, 1, plate%comm)
    else if (rank + 1 < ranks) then
      call mpi_recv(heat, 1, mpi_double_precision, rank + 1, 1, plate%comm, mpi_status_ignore)
    else
      heat = 0
    end if
  end function heat_of_next

  !> Solves, and asks every `interval` steps what is left and what was lost, together.
  subroutine solve(num_steps, interval)
    integer, intent(in) :: num_steps, interval
    integer :: step, before, mine, next

    before = units(plate%heat()) + units(heat_of_next())
    do step = 1, num_steps
      call plate%step()
      if (mod(step, interval) == 0) then
        next = units(heat_of_next())
        mine = units(plate%heat())
        if (has_model) call questioner%ask(mine, next, max(1, before - mine - next))
        before = mine + next
      end if
      if (has_model) call questioner%work(2.0_real64)
    end do
    if (has_model) call questioner%finish()
  end subroutine solve

  !> Largest error, answers, right ones; gives whether all is as it should be.
  logical function report()
    real(real64), parameter :: tolerance = 1e-3_real64
    real(real64) :: error
    integer :: counts(2)

    error = plate%error()
    counts = [questioner%num_answers, questioner%num_right]
    call mpi_allreduce(mpi_in_place, error, 1, mpi_double_precision, mpi_max, plate%comm)
    call mpi_allreduce(mpi_in_place, counts, 2, mpi_integer, mpi_sum, plate%comm)
    if (rank == 0) then
      write (output_unit, '(a, es9.2, a, i0, a, i0, a)') 'largest error ', error, &
           '; the model added ', counts(2), ' of ', counts(1), ' right'
    end if
    report = error < tolerance .and. counts(1) > 0 .and. 4 * counts(2) >= 3 * counts(1)
  end function report
end program heat
