! SPDX-License-Identifier: Apache-2.0
!> Talus inside a Fortran program: a language model on the ranks of a communicator of mpi_f08.
!>
!> What each call does, and which are collective, stands beside the function of the same name in
!> talus/engine.hpp. No call ends the program: each tells a code, `stat`, and a text if it is asked
!> for, `errmsg` (blank without an error, cut if it is too long). Codes below zero are errors; talus_full and
!> talus_not_ready are none.
module talus
  use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_double, c_f_pointer, c_funloc, &
       c_int, c_int32_t, c_int64_t, c_loc, c_null_char, c_null_ptr, c_ptr, c_size_t
  use mpi_f08, only: mpi_comm
  use talus_abi
  use talus_callbacks, only: log_box, pass_on, pass_question, stops_box, talus_log, talus_stops
  use talus_text, only: copied, given, tell, viewed
  implicit none
  private

  public :: talus_engine, talus_options, talus_sampling, talus_answer, talus_choice, talus_log, &
       talus_stops
  public :: talus_version

  integer, parameter, public :: talus_ok = 0
  integer, parameter, public :: talus_full = 1       !< submit: max-in-flight requests are in flight
  integer, parameter, public :: talus_not_ready = 2  !< poll, wait_any: there is no answer
  integer, parameter, public :: talus_error_invalid = -1
  integer, parameter, public :: talus_error_state = -2
  integer, parameter, public :: talus_error_mpi = -3
  integer, parameter, public :: talus_error_memory = -4
  integer, parameter, public :: talus_error_internal = -5

  !> Of token ids and of request numbers.
  integer, parameter, public :: talus_token_kind = c_int32_t
  integer, parameter, public :: talus_request_kind = c_int64_t

  type :: setting
    character(:), allocatable :: name
    character(:), allocatable :: text
  end type setting

  !> What can be set for an engine, by the names of the options of `talus run`.
  type :: talus_options
    private
    type(setting), allocatable :: settings(:)
    procedure(talus_log), pointer, nopass :: log => null()
  contains
    procedure, private :: set_text, set_integer, set_logical
    generic :: set => set_text, set_integer, set_logical
    procedure :: set_log
  end type talus_options

  !> How the answer to a request of token ids is drawn.
  type :: talus_sampling
    integer :: max_tokens = 16
    integer :: min_tokens = 0
    real :: temperature = 1.0  !< 0: the most probable token
    real :: top_p = 1.0
    integer :: top_k = 0  !< 0: all
    real :: min_p = 0.0
    integer :: n = 1  !< answers
    logical :: ignore_eos = .false.
    integer(c_int64_t), allocatable :: seed  !< none: from the engine's and the custom_id
    integer(talus_token_kind), allocatable :: stop_token_ids(:)
  end type talus_sampling

  !> An answer, or why there is none. Pointers are views of the engine's memory: good until the
  !> request is released, or the engine is closed.
  type :: talus_answer
    integer :: status = 0  !< 200, or 400 and above: `error` says why
    integer :: num_choices = 0
    integer(c_int64_t) :: prompt_tokens = 0
    character(:), pointer :: json => null()  !< the line that `talus run` writes
    character(:), pointer :: error => null()
  end type talus_answer

  !> One of the texts of an answer; views, as above.
  type :: talus_choice
    character(:), pointer :: text => null()
    integer(talus_token_kind), pointer :: tokens(:) => null()
    character(:), pointer :: finish_reason => null()  !< stop, length, repetition
  end type talus_choice

  !> A language model on the ranks of a communicator. Not copied once it is open; closed before
  !> MPI_Finalize, by a call, since that is collective.
  type :: talus_engine
    private
    type(c_ptr) :: handle = c_null_ptr
    type(log_box), pointer :: box => null()
  contains
    procedure :: open => engine_open
    procedure :: close => engine_close
    procedure, private :: submit_body, submit_tokens, wait_one, wait_many
    generic :: submit => submit_body, submit_tokens
    generic :: wait => wait_one, wait_many
    procedure :: poll
    procedure :: poll_any
    procedure :: wait_any
    procedure :: answer => engine_answer
    procedure :: choice => engine_choice
    procedure :: release
    procedure :: step_for
    procedure :: serve
    procedure :: serve_until
    procedure :: pause => engine_pause
    procedure :: resume
    procedure :: is_open
    procedure :: is_engine_rank
    procedure :: peers
    procedure :: num_in_flight
  end type talus_engine

contains

  !> '0.1.0'.
  function talus_version() result(version)
    character(:), allocatable :: version
    version = copied(c_version())
  end function talus_version

  !> Sets an option by the name of its flag, without dashes in front ('max-num-seqs'), from text, as
  !> the command line does; also 'engine-ranks', 'role', 'max-in-flight', 'needs-clients'.
  subroutine set_text(self, name, text, stat, errmsg)
    class(talus_options), intent(inout) :: self
    character(*), intent(in) :: name, text
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    type(c_ptr) :: tried

    tried = c_options_create()
    stat = c_options_set(tried, name // c_null_char, text // c_null_char)
    call tell(stat, c_options_error(tried), errmsg)
    call c_options_destroy(tried)
    if (stat /= talus_ok) return
    call append(self%settings, name, text)
  end subroutine set_text

  subroutine append(settings, name, text)
    type(setting), allocatable, intent(inout) :: settings(:)
    character(*), intent(in) :: name, text
    type(setting), allocatable :: longer(:)
    integer :: count, i

    count = 0
    if (allocated(settings)) count = size(settings)
    allocate (longer(count + 1))
    do i = 1, count
      call move_alloc(settings(i)%name, longer(i)%name)
      call move_alloc(settings(i)%text, longer(i)%text)
    end do
    longer(count + 1)%name = name
    longer(count + 1)%text = text
    call move_alloc(longer, settings)
  end subroutine append

  subroutine set_integer(self, name, number, stat, errmsg)
    class(talus_options), intent(inout) :: self
    character(*), intent(in) :: name
    integer, intent(in) :: number
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    character(24) :: text

    write (text, '(i0)') number
    call self%set(name, trim(text), stat, errmsg)
  end subroutine set_integer

  subroutine set_logical(self, name, flag, stat, errmsg)
    class(talus_options), intent(inout) :: self
    character(*), intent(in) :: name
    logical, intent(in) :: flag
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    call self%set(name, trim(merge('true ', 'false', flag)), stat, errmsg)
  end subroutine set_logical

  !> \param log  called from inside the engine's calls
  subroutine set_log(self, log)
    class(talus_options), intent(inout) :: self
    procedure(talus_log) :: log

    self%log => log
  end subroutine set_log

  !> Plans and loads the model. Collective over `comm`, of which only the group is used.
  subroutine engine_open(self, comm, options, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    type(mpi_comm), intent(in) :: comm
    type(talus_options), intent(in) :: options
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    type(c_ptr) :: handle
    integer :: i

    if (c_associated(self%handle)) then
      stat = talus_error_state
      if (present(errmsg)) errmsg = 'engine: open (close it before it is opened again)'
      return
    end if
    if (c_abi_version() /= abi_version) then
      stat = talus_error_invalid
      if (present(errmsg)) errmsg = 'talus: module and library are of different versions'
      return
    end if
    handle = c_options_create()
    stat = talus_ok
    if (allocated(options%settings)) then
      do i = 1, size(options%settings)
        if (stat == talus_ok) stat = c_options_set(handle, &
             options%settings(i)%name // c_null_char, options%settings(i)%text // c_null_char)
      end do
    end if
    if (associated(options%log)) then
      allocate (self%box)
      self%box%log => options%log
      if (stat == talus_ok) &
           stat = c_options_set_log(handle, c_funloc(pass_on), c_loc(self%box))
    end if
    if (stat == talus_ok) stat = c_engine_open(comm%mpi_val, handle, self%handle)
    call tell(stat, c_options_error(handle), errmsg)
    call c_options_destroy(handle)
    if (stat /= talus_ok) call drop_log(self)
  end subroutine engine_open

  !> Ends the engine; requests without an answer are given up, and answers are gone. Collective over
  !> the communicator.
  subroutine engine_close(self, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_engine_close(self%handle)
    call tell(stat, c_engine_error(self%handle), errmsg)
    if (stat == talus_ok) call drop_log(self)
  end subroutine engine_close

  !> A request as OpenAI's services take it; see JsonRequest.
  !>
  !> \param custom_id  empty or absent: named after rank and number
  subroutine submit_body(self, body, request, stat, errmsg, custom_id)
    class(talus_engine), intent(inout) :: self
    character(*), intent(in) :: body
    integer(talus_request_kind), intent(out) :: request
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    character(*), intent(in), optional :: custom_id

    request = -1
    stat = c_submit_json(self%handle, given(custom_id), body // c_null_char, request)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine submit_body

  !> A request of token ids; see TokenRequest.
  subroutine submit_tokens(self, prompt, request, stat, errmsg, sampling, custom_id)
    class(talus_engine), intent(inout) :: self
    integer(talus_token_kind), intent(in), contiguous, target :: prompt(:)
    integer(talus_request_kind), intent(out) :: request
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    type(talus_sampling), intent(in), optional, target :: sampling
    character(*), intent(in), optional :: custom_id
    character(:, kind=c_char), allocatable, target :: id
    type(tokens_struct) :: tokens

    call c_tokens_default(tokens)
    tokens%prompt = c_loc(prompt)
    tokens%num_prompt = size(prompt, kind=c_int64_t)
    id = given(custom_id)
    tokens%custom_id = c_loc(id)
    if (present(sampling)) call copy_sampling(sampling, tokens)
    request = -1
    stat = c_submit_tokens(self%handle, tokens, request)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine submit_tokens

  !> Whether the answer is there: talus_ok or talus_not_ready. Local.
  subroutine poll(self, request, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(in) :: request
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_poll(self%handle, request)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine poll

  !> A request whose answer is there and was not told before; talus_not_ready if there is none.
  subroutine poll_any(self, request, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(out) :: request
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    request = -1
    stat = c_poll_any(self%handle, request)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine poll_any

  subroutine wait_one(self, request, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(in) :: request
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    call self%wait([request], stat, errmsg)
  end subroutine wait_one

  !> Waits for answers. On the engine's ranks collective over them: one that waits for none passes
  !> none.
  subroutine wait_many(self, requests, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(in) :: requests(:)
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_wait(self%handle, requests, size(requests, kind=c_int64_t))
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine wait_many

  !> As wait, until poll_any would tell a request; talus_not_ready if this rank has none under way.
  subroutine wait_any(self, request, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(out) :: request
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    request = -1
    stat = c_wait_any(self%handle, request)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine wait_any

  !> The answer to a request, without copies; an error of state if it isn't there.
  subroutine engine_answer(self, request, answer, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(in) :: request
    type(talus_answer), intent(out) :: answer
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    type(answer_struct) :: found

    stat = c_answer_of(self%handle, request, found)
    call tell(stat, c_engine_error(self%handle), errmsg)
    if (stat /= talus_ok) return
    answer%status = found%status
    answer%num_choices = found%num_choices
    answer%prompt_tokens = found%prompt_tokens
    answer%json => viewed(found%json, found%json_length)
    answer%error => viewed(found%error, found%error_length)
  end subroutine engine_answer

  !> A text of an answer, without copies.
  !>
  !> \param index  1 to the answer's num_choices
  subroutine engine_choice(self, request, index, choice, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(in) :: request
    integer, intent(in) :: index
    type(talus_choice), intent(out) :: choice
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    type(choice_struct) :: found

    stat = c_choice_of(self%handle, request, int(index - 1, c_int32_t), found)
    call tell(stat, c_engine_error(self%handle), errmsg)
    if (stat /= talus_ok) return
    call c_f_pointer(found%tokens, choice%tokens, [found%num_tokens])
    choice%text => viewed(found%text, found%text_length)
    choice%finish_reason => viewed(found%finish_reason, found%finish_reason_length)
  end subroutine engine_choice

  !> Ends the life of an answer, and makes room for another request.
  subroutine release(self, request, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer(talus_request_kind), intent(in) :: request
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_release(self%handle, request)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine release

  !> Works for about so long. Collective over the engine's ranks.
  subroutine step_for(self, milliseconds, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    real(c_double), intent(in) :: milliseconds
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_step_for(self%handle, milliseconds)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine step_for

  !> Works for the clients until all of them have closed. Collective over the engine's ranks.
  subroutine serve(self, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_serve(self%handle)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine serve

  !> As above, until `stops` tells so on any of the engine's ranks: then memory is given back, and
  !> requests without an answer, those that still come too, are answered with status 503 until all
  !> clients have closed. Collective over the engine's ranks.
  !>
  !> \param stops       asked several times a second on every rank of the engine, or between two steps
  !>                    where these take longer
  !> \param is_stopped  whether it was; the same on the engine's ranks
  subroutine serve_until(self, stops, is_stopped, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    procedure(talus_stops) :: stops
    logical, intent(out) :: is_stopped
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg
    type(stops_box), target :: box
    integer(c_int) :: told

    box%stops => stops
    told = 0
    stat = c_serve_until(self%handle, c_funloc(pass_question), c_loc(box), told)
    is_stopped = told /= 0
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine serve_until

  !> Gives the memory of weights and KV cache back. Collective over the engine's ranks.
  subroutine engine_pause(self, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_pause(self%handle)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine engine_pause

  !> Reads the weights again, and goes on. Collective over the engine's ranks.
  subroutine resume(self, stat, errmsg)
    class(talus_engine), intent(inout) :: self
    integer, intent(out) :: stat
    character(*), intent(inout), optional :: errmsg

    stat = c_resume(self%handle)
    call tell(stat, c_engine_error(self%handle), errmsg)
  end subroutine resume

  logical function is_open(self)
    class(talus_engine), intent(in) :: self

    is_open = c_associated(self%handle)
  end function is_open

  !> Whether this rank holds a part of the model.
  logical function is_engine_rank(self)
    class(talus_engine), intent(in) :: self

    is_engine_rank = c_is_engine_rank(self%handle) /= 0
  end function is_engine_rank

  !> The ranks that have the role of this one, in their order. The engine's, until it is closed.
  type(mpi_comm) function peers(self)
    class(talus_engine), intent(in) :: self

    peers%mpi_val = c_peers(self%handle)
  end function peers

  !> Requests of this rank that are submitted and not released.
  integer(c_int64_t) function num_in_flight(self)
    class(talus_engine), intent(in) :: self

    num_in_flight = c_num_in_flight(self%handle)
  end function num_in_flight

  subroutine copy_sampling(sampling, tokens)
    type(talus_sampling), intent(in), target :: sampling
    type(tokens_struct), intent(inout) :: tokens

    tokens%max_tokens = sampling%max_tokens
    tokens%min_tokens = sampling%min_tokens
    tokens%temperature = sampling%temperature
    tokens%top_p = sampling%top_p
    tokens%top_k = sampling%top_k
    tokens%min_p = sampling%min_p
    tokens%n = sampling%n
    tokens%ignore_eos = merge(1, 0, sampling%ignore_eos)
    if (allocated(sampling%seed)) then
      tokens%has_seed = 1
      tokens%seed = sampling%seed
    end if
    if (allocated(sampling%stop_token_ids)) then
      tokens%stop_token_ids = c_loc(sampling%stop_token_ids)
      tokens%num_stop_token_ids = size(sampling%stop_token_ids, kind=c_int64_t)
    end if
  end subroutine copy_sampling

  subroutine drop_log(self)
    class(talus_engine), intent(inout) :: self

    if (associated(self%box)) deallocate (self%box)
  end subroutine drop_log
end module talus
