! SPDX-License-Identifier: Apache-2.0
!> talus/talus.h as Fortran sees it: what module talus is made of. Programs use that.
module talus_abi
  use, intrinsic :: iso_c_binding, only: c_char, c_double, c_float, c_funptr, c_int, c_int32_t, &
       c_int64_t, c_null_ptr, c_ptr, c_size_t
  implicit none
  public

  integer(c_int), parameter :: abi_version = 1  !< of the header that this was written after

  !> A request of token ids.
  type, bind(c) :: tokens_struct
    integer(c_size_t) :: size = 0
    type(c_ptr) :: prompt = c_null_ptr
    integer(c_int64_t) :: num_prompt = 0
    type(c_ptr) :: custom_id = c_null_ptr
    integer(c_int32_t) :: max_tokens = 0
    integer(c_int32_t) :: min_tokens = 0
    real(c_float) :: temperature = 0
    real(c_float) :: top_p = 0
    integer(c_int32_t) :: top_k = 0
    real(c_float) :: min_p = 0
    integer(c_int32_t) :: n = 0
    integer(c_int32_t) :: ignore_eos = 0
    integer(c_int32_t) :: has_seed = 0
    integer(c_int64_t) :: seed = 0
    type(c_ptr) :: stop_token_ids = c_null_ptr
    integer(c_int64_t) :: num_stop_token_ids = 0
  end type tokens_struct

  type, bind(c) :: answer_struct
    integer(c_int32_t) :: status = 0
    integer(c_int32_t) :: num_choices = 0
    integer(c_int64_t) :: prompt_tokens = 0
    type(c_ptr) :: json = c_null_ptr
    integer(c_size_t) :: json_length = 0
    type(c_ptr) :: error = c_null_ptr
    integer(c_size_t) :: error_length = 0
  end type answer_struct

  type, bind(c) :: choice_struct
    type(c_ptr) :: tokens = c_null_ptr
    integer(c_int64_t) :: num_tokens = 0
    type(c_ptr) :: text = c_null_ptr
    integer(c_size_t) :: text_length = 0
    type(c_ptr) :: finish_reason = c_null_ptr
    integer(c_size_t) :: finish_reason_length = 0
  end type choice_struct

  interface
    pure integer(c_size_t) function c_strlen(text) bind(c, name='strlen')
      import
      type(c_ptr), intent(in), value :: text
    end function c_strlen

    type(c_ptr) function c_version() bind(c, name='talus_version')
      import
    end function c_version

    integer(c_int) function c_abi_version() bind(c, name='talus_abi_version')
      import
    end function c_abi_version

    type(c_ptr) function c_options_create() bind(c, name='talus_options_create')
      import
    end function c_options_create

    subroutine c_options_destroy(options) bind(c, name='talus_options_destroy')
      import
      type(c_ptr), intent(in), value :: options
    end subroutine c_options_destroy

    integer(c_int) function c_options_set(options, name, text) bind(c, name='talus_options_set')
      import
      type(c_ptr), intent(in), value :: options
      character(kind=c_char), intent(in) :: name(*), text(*)
    end function c_options_set

    integer(c_int) function c_options_set_log(options, log, user) &
         bind(c, name='talus_options_set_log')
      import
      type(c_ptr), intent(in), value :: options, user
      type(c_funptr), intent(in), value :: log
    end function c_options_set_log

    type(c_ptr) function c_options_error(options) bind(c, name='talus_options_error')
      import
      type(c_ptr), intent(in), value :: options
    end function c_options_error

    integer(c_int) function c_engine_open(comm, options, engine) bind(c, name='talus_engine_open_f')
      import
      integer(c_int), intent(in), value :: comm
      type(c_ptr), intent(in), value :: options
      type(c_ptr), intent(inout) :: engine
    end function c_engine_open

    integer(c_int) function c_engine_close(engine) bind(c, name='talus_engine_close')
      import
      type(c_ptr), intent(inout) :: engine
    end function c_engine_close

    type(c_ptr) function c_engine_error(engine) bind(c, name='talus_engine_error')
      import
      type(c_ptr), intent(in), value :: engine
    end function c_engine_error

    subroutine c_tokens_default(tokens) bind(c, name='talus_tokens_default')
      import
      type(tokens_struct), intent(inout) :: tokens
    end subroutine c_tokens_default

    integer(c_int) function c_submit_json(engine, custom_id, body, request) &
         bind(c, name='talus_submit_json')
      import
      type(c_ptr), intent(in), value :: engine
      character(kind=c_char), intent(in) :: custom_id(*), body(*)
      integer(c_int64_t), intent(inout) :: request
    end function c_submit_json

    integer(c_int) function c_submit_tokens(engine, tokens, request) &
         bind(c, name='talus_submit_tokens')
      import
      type(c_ptr), intent(in), value :: engine
      type(tokens_struct), intent(in) :: tokens
      integer(c_int64_t), intent(inout) :: request
    end function c_submit_tokens

    integer(c_int) function c_poll(engine, request) bind(c, name='talus_poll')
      import
      type(c_ptr), intent(in), value :: engine
      integer(c_int64_t), intent(in), value :: request
    end function c_poll

    integer(c_int) function c_poll_any(engine, request) bind(c, name='talus_poll_any')
      import
      type(c_ptr), intent(in), value :: engine
      integer(c_int64_t), intent(inout) :: request
    end function c_poll_any

    integer(c_int) function c_wait(engine, requests, num_requests) bind(c, name='talus_wait')
      import
      type(c_ptr), intent(in), value :: engine
      integer(c_int64_t), intent(in) :: requests(*)
      integer(c_int64_t), intent(in), value :: num_requests
    end function c_wait

    integer(c_int) function c_wait_any(engine, request) bind(c, name='talus_wait_any')
      import
      type(c_ptr), intent(in), value :: engine
      integer(c_int64_t), intent(inout) :: request
    end function c_wait_any

    integer(c_int) function c_answer_of(engine, request, answer) bind(c, name='talus_answer_of')
      import
      type(c_ptr), intent(in), value :: engine
      integer(c_int64_t), intent(in), value :: request
      type(answer_struct), intent(inout) :: answer
    end function c_answer_of

    integer(c_int) function c_choice_of(engine, request, index, choice) &
         bind(c, name='talus_choice_of')
      import
      type(c_ptr), intent(in), value :: engine
      integer(c_int64_t), intent(in), value :: request
      integer(c_int32_t), intent(in), value :: index
      type(choice_struct), intent(inout) :: choice
    end function c_choice_of

    integer(c_int) function c_release(engine, request) bind(c, name='talus_release')
      import
      type(c_ptr), intent(in), value :: engine
      integer(c_int64_t), intent(in), value :: request
    end function c_release

    integer(c_int) function c_step_for(engine, milliseconds) bind(c, name='talus_step_for')
      import
      type(c_ptr), intent(in), value :: engine
      real(c_double), intent(in), value :: milliseconds
    end function c_step_for

    integer(c_int) function c_serve(engine) bind(c, name='talus_serve')
      import
      type(c_ptr), intent(in), value :: engine
    end function c_serve

    integer(c_int) function c_serve_until(engine, stops, user, is_stopped) &
         bind(c, name='talus_serve_until')
      import
      type(c_ptr), intent(in), value :: engine, user
      type(c_funptr), intent(in), value :: stops
      integer(c_int), intent(inout) :: is_stopped
    end function c_serve_until

    integer(c_int) function c_pause(engine) bind(c, name='talus_pause')
      import
      type(c_ptr), intent(in), value :: engine
    end function c_pause

    integer(c_int) function c_resume(engine) bind(c, name='talus_resume')
      import
      type(c_ptr), intent(in), value :: engine
    end function c_resume

    integer(c_int) function c_is_engine_rank(engine) bind(c, name='talus_is_engine_rank')
      import
      type(c_ptr), intent(in), value :: engine
    end function c_is_engine_rank

    integer(c_int) function c_peers(engine) bind(c, name='talus_peers_f')
      import
      type(c_ptr), intent(in), value :: engine
    end function c_peers

    integer(c_int64_t) function c_num_in_flight(engine) bind(c, name='talus_num_in_flight')
      import
      type(c_ptr), intent(in), value :: engine
    end function c_num_in_flight
  end interface
end module talus_abi
