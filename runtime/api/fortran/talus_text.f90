! SPDX-License-Identifier: Apache-2.0
!> Texts between C and Fortran: what module talus is made of. Programs use that.
module talus_text
  use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_f_pointer, c_null_char, c_ptr, &
       c_size_t
  use talus_abi, only: c_strlen
  implicit none
  private
  public :: copied, given, tell, viewed

contains

  !> C's text of one that may be missing, which it takes for an empty one.
  function given(custom_id) result(text)
    character(*), intent(in), optional :: custom_id
    character(:, kind=c_char), allocatable :: text

    text = c_null_char
    if (present(custom_id)) text = custom_id // c_null_char
  end function given

  !> C's text where it lies.
  function viewed(text, length) result(view)
    type(c_ptr), intent(in) :: text
    integer(c_size_t), intent(in) :: length
    character(:), pointer :: view
    character(length), pointer :: sized
    character(0), save, target :: nothing

    view => nothing
    if (c_associated(text)) then
      call c_f_pointer(text, sized)
      view => sized
    end if
  end function viewed

  !> A copy of C's text, which a zero ends.
  function copied(text) result(copy)
    type(c_ptr), intent(in) :: text
    character(:), allocatable :: copy
    character(:), pointer :: view

    view => viewed(text, c_strlen(text))
    copy = view
  end function copied

  !> The text of a call that failed, or an empty one, if it is asked for.
  subroutine tell(stat, text, errmsg)
    integer, intent(in) :: stat
    type(c_ptr), intent(in) :: text
    character(*), intent(inout), optional :: errmsg

    if (.not. present(errmsg)) return
    errmsg = ''
    if (stat < 0) errmsg = copied(text)
  end subroutine tell
end module talus_text
