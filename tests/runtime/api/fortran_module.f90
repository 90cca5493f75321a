! SPDX-License-Identifier: Apache-2.0
!> Module talus from Fortran: asks the demo model on all ranks, by a text and by token ids; ends with 0
!> if every call did what it says. Argument: the model's folder.
module fortran_checks
  use, intrinsic :: iso_fortran_env, only: error_unit
  implicit none

  integer :: num_failed = 0
  integer :: num_lines = 0  !< of the log
  integer :: num_questions = 0  !< whether to stop
  logical :: is_last = .false.  !< of the engine's ranks

contains

  subroutine need(is_so, what)
    logical, intent(in) :: is_so
    character(*), intent(in) :: what

    if (is_so) return
    num_failed = num_failed + 1
    write (error_unit, '(2a)') 'failed: ', what
  end subroutine need

  subroutine count_line(level, line)
    integer, intent(in) :: level
    character(*), intent(in) :: line

    if (level >= 0 .and. len(line) > 0) num_lines = num_lines + 1
  end subroutine count_line

  !> The last of the engine's ranks has it stop when it is asked for the third time.
  logical function stops_third()
    num_questions = num_questions + 1
    stops_third = is_last .and. num_questions >= 3
  end function stops_third

  logical function never()
    never = .false.
  end function never
end module fortran_checks

program fortran_module
  use mpi_f08
  use fortran_checks
  use talus
  implicit none
  type(talus_engine) :: engine
  type(talus_options) :: options
  character(200) :: message
  character(4096) :: model
  integer :: provided, rank, stat

  call mpi_init_thread(mpi_thread_funneled, provided)
  call mpi_comm_rank(mpi_comm_world, rank)
  call get_command_argument(1, model)
  call need(len(talus_version()) >= 5, 'version')
  call check_options()
  call engine%open(mpi_comm_world, options, stat, message)
  call need(stat == talus_ok .and. message == '', 'open: '//message)
  if (stat == talus_ok) then
    call need((num_lines > 0) .eqv. (rank == 0), 'the first rank is told what the engine does')
    call ask()
    call pause_in_the_midst()
    call engine%close(stat, message)
    call need(stat == talus_ok .and. .not. engine%is_open(), 'close: '//message)
  end if
  call serve_clients(stopped=.false.)
  call serve_clients(stopped=.true.)
  call mpi_finalize()
  if (num_failed > 0) stop 1, quiet=.true.

contains

  subroutine check_options()
    call options%set('model', trim(model), stat)
    call options%set('threads', 1, stat)
    call options%set('kv-cache-memory', '8M', stat)
    call options%set('share-weights', .true., stat, message)
    call need(stat == talus_ok .and. message == '', 'set: '//message)
    call options%set_log(count_line)
    call options%set('treads', 1, stat, message)
    call need(stat == talus_error_invalid .and. index(message, 'treads') > 0, 'a wrong name')
    call options%set('max-num-seqs', 'many', stat, message)
    call need(stat == talus_error_invalid .and. index(message, 'many') > 0, 'a wrong value')
    call engine%open(mpi_comm_null, options, stat, message)
    call need(stat == talus_error_invalid .and. index(message, 'MPI_COMM_NULL') > 0, 'a null comm')
    call need(.not. engine%is_open(), 'is_open')
  end subroutine check_options

  subroutine ask()
    integer(talus_request_kind) :: requests(2)
    integer(talus_token_kind), parameter :: prompt(3) = [325, 318, 198]
    type(talus_sampling) :: sampling
    type(talus_answer) :: answer
    type(talus_choice) :: choice

    call engine%submit('no json', requests(1), stat, message)
    call need(stat == talus_error_invalid .and. index(message, 'body') > 0, 'no JSON: '//message)
    call engine%submit('{"prompt": "1 + 1", "max_tokens": 5}', requests(1), stat, message, 'a')
    call need(stat == talus_ok, 'submit: '//message)
    sampling%max_tokens = 7
    sampling%n = 2
    sampling%seed = 5
    sampling%ignore_eos = .true.
    call engine%submit(prompt, requests(2), stat, message, sampling)
    call need(stat == talus_ok, 'submit tokens: '//message)
    call need(engine%num_in_flight() == 2, 'num_in_flight')
    call engine%wait(requests, stat, message)
    call need(stat == talus_ok, 'wait: '//message)
    call engine%answer(requests(1), answer, stat, message)
    call need(stat == talus_ok .and. answer%status == 200 .and. answer%num_choices == 1, 'answer')
    call need(index(answer%json, '"custom_id"') > 0 .and. len(answer%error) == 0, 'json')
    call engine%choice(requests(2), 2, choice, stat, message)
    call need(stat == talus_ok .and. size(choice%tokens) == 7, 'tokens: '//message)
    call need(choice%finish_reason == 'length' .and. all(choice%tokens >= 0), 'choice')
    call engine%choice(requests(2), 3, choice, stat, message)
    call need(stat == talus_error_invalid, 'a choice that is not there')
    call engine%release(requests(1), stat)
    call engine%release(requests(2), stat)
    call need(stat == talus_ok, 'release')
    call need(engine%num_in_flight() == 0, 'num_in_flight')
    call engine%poll(requests(1), stat, message)
    call need(stat == talus_error_invalid, 'a request that was released')
  end subroutine ask

  subroutine pause_in_the_midst()
    integer(talus_request_kind) :: request, told
    integer :: size_of_peers

    call engine%submit('{"prompt": "2 + 3", "max_tokens": 40, "ignore_eos": true}', request, stat)
    call engine%poll(request, stat)
    call need(stat == talus_not_ready, 'poll')
    call engine%step_for(0.0d0, stat, message)
    call need(stat == talus_ok, 'step_for: '//message)
    call engine%pause(stat)
    call engine%step_for(1.0d0, stat, message)
    call need(stat == talus_error_state .and. index(message, 'paused') > 0, 'paused: '//message)
    call engine%resume(stat)
    call engine%wait_any(told, stat, message)
    call need(stat == talus_ok .and. told == request, 'wait_any: '//message)
    call engine%poll_any(told, stat)
    call need(stat == talus_not_ready, 'poll_any')
    call mpi_comm_size(engine%peers(), size_of_peers)
    call need(engine%is_engine_rank() .and. size_of_peers > rank, 'peers')
  end subroutine pause_in_the_midst

  !> The last rank asks, the others serve; a single rank has itself only.
  subroutine serve_clients(stopped)
    logical, intent(in) :: stopped
    integer(talus_request_kind) :: request
    type(talus_answer) :: answer
    integer :: num_ranks
    logical :: is_stopped

    call mpi_comm_size(mpi_comm_world, num_ranks)
    call options%set('engine-ranks', max(num_ranks - 1, 1), stat)
    call engine%open(mpi_comm_world, options, stat, message)
    call need(stat == talus_ok, 'open with clients: '//message)
    num_questions = 0
    is_last = rank == max(num_ranks - 2, 0)
    if (engine%is_engine_rank()) then
      if (stopped) then
        call engine%serve_until(stops_third, is_stopped, stat, message)
        call need(num_questions > 0, 'the question whether to stop')
        call need(is_stopped .or. num_ranks == 1, 'stopped')
      else
        call engine%serve_until(never, is_stopped, stat, message)
        call need(.not. is_stopped, 'not stopped')
      end if
      call need(stat == talus_ok, 'serve_until: '//message)
    else
      answer%status = 0
      do while (answer%status == 0 .or. (stopped .and. answer%status /= 503))
        call engine%submit('{"prompt": "1 + 1", "max_tokens": 5}', request, stat, message)
        call engine%wait([request], stat, message)
        call engine%answer(request, answer, stat, message)
        call need(answer%status == 200 .or. answer%status == 503, 'an answer, or none')
        call need(answer%status == 200 .or. index(answer%error, 'stops') > 0, 'why there is none')
        call engine%release(request, stat)
      end do
      call engine%serve_until(never, is_stopped, stat, message)
      call need(stat == talus_error_state, 'serve_until on a client')
    end if
    call engine%close(stat, message)
    call need(stat == talus_ok, 'close: '//message)
  end subroutine serve_clients
end program fortran_module
