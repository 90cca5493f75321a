! SPDX-License-Identifier: Apache-2.0
!> What C calls of a program: what module talus is made of. Programs use that.
module talus_callbacks
  use, intrinsic :: iso_c_binding, only: c_f_pointer, c_int, c_ptr, c_size_t
  use talus_text, only: viewed
  implicit none
  private
  public :: talus_log, talus_stops, log_box, stops_box, pass_on, pass_question

  abstract interface
    !> Told what the engine does, on its first rank. level: 0 information, 1 a warning, 2 an error.
    subroutine talus_log(level, line)
      integer, intent(in) :: level
      character(*), intent(in) :: line
    end subroutine talus_log

    !> Whether an engine that serves is to stop.
    logical function talus_stops()
    end function talus_stops
  end interface

  !> Where a log procedure is found again by what C hands back.
  type :: log_box
    procedure(talus_log), pointer, nopass :: log => null()
  end type log_box

  !> Likewise, what tells an engine to stop.
  type :: stops_box
    procedure(talus_stops), pointer, nopass :: stops => null()
  end type stops_box

contains

  !> C's side of a log: finds the program's procedure, and hands it the line.
  subroutine pass_on(level, line, length, user) bind(c, name='')
    integer(c_int), intent(in), value :: level
    type(c_ptr), intent(in), value :: line, user
    integer(c_size_t), intent(in), value :: length
    type(log_box), pointer :: box

    call c_f_pointer(user, box)
    call box%log(int(level), viewed(line, length))
  end subroutine pass_on

  !> C's side of the question whether to stop.
  integer(c_int) function pass_question(user) bind(c, name='')
    type(c_ptr), intent(in), value :: user
    type(stops_box), pointer :: box

    call c_f_pointer(user, box)
    pass_question = merge(1_c_int, 0_c_int, box%stops())
  end function pass_question
end module talus_callbacks
