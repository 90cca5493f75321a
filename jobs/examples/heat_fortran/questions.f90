! SPDX-License-Identifier: Apache-2.0
!> What a rank of the engine has asked, and how many of the answers were right.
module questions
  use, intrinsic :: iso_c_binding, only: c_double
  use, intrinsic :: iso_fortran_env, only: error_unit
  use mpi_f08, only: mpi_abort, mpi_comm_world
  use talus
  implicit none
  private
  public :: asker, check

  type :: question
    integer(talus_request_kind) :: request
    integer :: expected
  end type question

  type :: asker
    integer :: num_answers = 0
    integer :: num_right = 0
    type(talus_engine) :: engine
    type(question), allocatable, private :: open(:)
  contains
    procedure :: ask
    procedure :: work
    procedure :: finish
    procedure, private :: take
  end type asker

contains

  !> Asks for the sum of three numbers. Local: the answer comes while the solver goes on.
  subroutine ask(self, a, b, c)
    class(asker), intent(inout) :: self
    integer, intent(in) :: a, b, c
    integer(talus_request_kind) :: request
    integer :: stat
    character(400) :: message
    character(200) :: body

    write (body, '(a, i0, a, i0, a, i0, a)') '{"messages": [{"role": "user", "content": "What is ', &
         a, ' + ', b, ' + ', c, '?"}], "temperature": 0, "max_completion_tokens": 160}'
    call self%engine%submit(trim(body), request, stat, message)
    call check(stat, message)
    if (stat == talus_full) return
    if (.not. allocated(self%open)) allocate (self%open(0))
    self%open = [self%open, question(request, a + b + c)]
  end subroutine ask

  !> Works on what was asked for some milliseconds, and takes the answers that are there. Collective
  !> over the engine's ranks.
  subroutine work(self, milliseconds)
    class(asker), intent(inout) :: self
    real(c_double), intent(in) :: milliseconds
    integer(talus_request_kind) :: request
    integer :: stat
    character(400) :: message

    call self%engine%step_for(milliseconds, stat, message)
    call check(stat, message)
    do
      call self%engine%poll_any(request, stat, message)
      call check(stat, message)
      if (stat == talus_not_ready) exit
      call self%take(request)
    end do
  end subroutine work

  !> Works until all is answered. Collective over the engine's ranks.
  subroutine finish(self)
    class(asker), intent(inout) :: self
    integer(talus_request_kind) :: request
    integer :: stat
    character(400) :: message

    do
      call self%engine%wait_any(request, stat, message)
      call check(stat, message)
      if (stat == talus_not_ready) exit
      call self%take(request)
    end do
  end subroutine finish

  subroutine take(self, request)
    class(asker), intent(inout) :: self
    integer(talus_request_kind), intent(in) :: request
    type(talus_answer) :: answer
    type(talus_choice) :: choice
    integer :: stat, i
    character(400) :: message

    self%num_answers = self%num_answers + 1
    call self%engine%answer(request, answer, stat, message)
    call check(stat, message)
    if (answer%status /= 200) then
      write (error_unit, '(2a)') 'no answer: ', answer%error
    else
      call self%engine%choice(request, 1, choice, stat, message)
      call check(stat, message)
      do i = 1, size(self%open)
        if (self%open(i)%request == request .and. &
            self%open(i)%expected == number_in(choice%text)) self%num_right = self%num_right + 1
      end do
    end if
    call self%engine%release(request, stat, message)
    call check(stat, message)
  end subroutine take

  !> The last number behind the model's reasoning; -1 if there is none.
  integer function number_in(text)
    character(*), intent(in) :: text
    integer :: end_of_reasoning, first, last

    number_in = -1
    end_of_reasoning = index(text, '</think>')
    last = scan(text, '0123456789', back=.true.)
    if (end_of_reasoning == 0 .or. last < end_of_reasoning) return
    first = verify(text(:last), '0123456789', back=.true.) + 1
    if (last - first < 9) read (text(first:last), *) number_in
  end function number_in

  !> Ends the program at an error of the engine's: the other ranks wait in the next exchange.
  subroutine check(stat, message)
    integer, intent(in) :: stat
    character(*), intent(in) :: message

    if (stat >= talus_ok) return
    write (error_unit, '(a, i0, 2a)') 'heat: error ', stat, ': ', trim(message)
    call mpi_abort(mpi_comm_world, 1)
  end subroutine check
end module questions
