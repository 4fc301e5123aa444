#!/usr/bin/env bats
# Stage 03: the loop becomes an object.
#
# R and P and the traps are the rows of what Twisted's loop does; each is a
# case of one of the unit programs, and holds under every poller.

# shellcheck disable=SC2086,SC2153 # words; unit_build sets PROGRAM

load ../lib/helpers
load ../lib/unit

# loop_soon COMMAND...: what stops politely on SIGTERM may be too busy to.
loop_soon() {
    timeout -s KILL "$DEADLINE" "$@"
}

# loop_case NAME CASE: it holds under every poller. No fresh memory is zero.
loop_case() {
    local poller pid pids=() failed=0
    unit_build "$1"
    for poller in "${POLLERS[@]}"; do
        # shellcheck disable=SC2153 # unit_build sets it
        MALLOC_PERTURB_=165 unit_case "$poller" "$2" 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=1
    done
    [ "$failed" -eq 0 ] || return 1
    unit_skips
}

# loop_broken FILE SCRIPT NAME CASE POLLER...: breaks FILE, a copy of it, with
# a sed script; then the case must fail under each of the pollers, and say why.
# So the case is known to be able to.
loop_broken() {
    local file=$1 name=$3 case=$4 poller status
    local copy=$BATS_TEST_TMPDIR/broken
    unit_copy "$file" "$2" "$copy" || return 1
    unit_build "$name"
    unit_compile "$copy/${file%.c}.o" -c "$copy/$file" 2> "$copy/warnings" ||
        { cat "$copy/warnings"; return 1; }
    unit_link "$name" "$copy/$name" "$copy/${file%.c}.o"
    for poller in "${@:5}"; do
        status=0
        loop_soon "$copy/$name" "$poller" "$case" > "$copy/log" 2>&1 || status=$?
        [ "$status" -ne 77 ] || unit_too_few "$case"
        if [ "$status" -eq 0 ] ||
            ! grep -qE "^$case: not so|Sanitizer|runtime error:" "$copy/log"
        then
            echo "$case under $poller: status $status, broken by: $2"
            cat "$copy/log"
            return 1
        fi
    done
}

# --- the unit programs themselves ------------------------------------------

@test "units: each case of each program is run below" {
    local program name
    for program in "$ROOT"/tests/03-reactor/{delayed,loop}_*_test.c; do
        program=${program##*/}
        program=${program%.c}
        unit_build "$program"
        for name in $("$PROGRAM"); do
            grep -qx "    loop_case $program $name" "$BATS_TEST_FILENAME" ||
                { echo "nobody runs $program $name"; return 1; }
        done
    done
    run loop_soon "$PROGRAM" epoll no_such_case
    [ "$status" -eq 2 ]
}

# --- delayed calls ----------------------------------------------------------

@test "R17 R20 R23: the heap agrees with a list, 100,000 operations" {
    loop_case delayed_heap_test against_a_list
}

@test "R17: equal deadlines run in the order given, and not early" {
    loop_case delayed_call_test equals_in_order
}

@test "a part of a nanosecond is rounded up" {
    loop_case delayed_call_test rounded_up
}

@test "R21 R22: cancel, reset and delay say why they fail" {
    loop_case delayed_call_test errors
}

@test "call_later: no negative time, no NaN" {
    loop_case delayed_call_test no_durations
    loop_case loop_wait_test no_such_time
}

@test "R25: far deadlines do not overflow, alone or beside near ones" {
    loop_case delayed_call_test far_away
    loop_case loop_wait_test far_and_near
}

@test "call_later: no memory is an error, and the others live" {
    loop_case delayed_call_test no_memory
}

@test "R26: what is cancelled takes no room" {
    loop_case delayed_call_test cancelled_are_gone
    loop_case delayed_heap_test many_at_once
}

# --- pollers ----------------------------------------------------------------

@test "a poller reports what is ready of what is wanted, no more, no less" {
    loop_case loop_poller_test wanted_and_ready
    loop_case loop_poller_test others_leave
    loop_case loop_poller_test known_already
}

@test "a poller waits as long as it is told" {
    loop_case loop_poller_test times_out
}

@test "a poller knows a closed number, and select one that is too large" {
    loop_case loop_poller_test closed_number
    loop_case loop_poller_test beyond_select
}

# --- a turn -----------------------------------------------------------------

@test "R6: threads' calls, delayed calls, the end, the wait, dispatch" {
    loop_case loop_time_test order_of_a_turn
}

@test "R18: a call from a call waits for the next turn" {
    loop_case loop_time_test calls_wait_for_a_turn
    loop_case loop_wait_test due_is_no_time
}

@test "R19: a call from a descriptor comes after the others, before the wait" {
    loop_case loop_time_test calls_come_after_dispatch
}

@test "trap 13, R18 R29: nobody holds the loop by calling itself" {
    loop_case loop_starve_test chain_of_calls
    loop_case loop_starve_test chain_from_threads
}

@test "proof: trap 13 can fail" {
    loop_broken delayed_call.c \
        's/first->time > calls->now \|\| first->order >= end/first->time > delayed_calls_now()/' \
        loop_starve_test chain_of_calls "${POLLERS[@]}"
    loop_broken reactor.c \
        's/^( *)call->function\(call->argument\);/&\nif (!next) { next = reactor->queue; reactor->queue = NULL; reactor->queue_end = \&reactor->queue; }/' \
        loop_starve_test chain_from_threads "${POLLERS[@]}"
}

@test "descriptors that are always ready hold up neither calls nor signals" {
    loop_case loop_starve_test busy_descriptors
}

@test "trap 14, R20 R22 R23: calls that cancel and reset each other" {
    loop_case loop_time_test calls_change_each_other
}

@test "proof: trap 14 can fail" {
    loop_broken delayed_call.c '/state = CALL_CANCELLED;/,/heap_remove/s/heap_remove\(call\);//' \
        loop_time_test calls_change_each_other "${POLLERS[@]}"
    loop_broken delayed_call.c 's/first->state = CALL_CALLED;//' \
        loop_time_test calls_change_each_other "${POLLERS[@]}"
    loop_broken delayed_call.c 's/return move_to\(call, delayed_calls_now\(\), seconds\);/return 0;/' \
        loop_time_test calls_change_each_other "${POLLERS[@]}"
}

@test "R7: a call that is pulled into the past steps before nobody" {
    loop_case loop_time_test pulled_into_the_past
}

@test "trap 16, P11: a deadline between two milliseconds is one turn" {
    loop_case loop_wait_test no_turn_too_many
}

@test "proof: trap 16 can fail" {
    loop_broken delayed_call.c 's/\(left \+ 999999\)/left/' \
        loop_wait_test no_turn_too_many "${POLLERS[@]}"
}

@test "a slow call makes the next ones late, not early" {
    loop_case loop_wait_test after_a_long_call
}

@test "R15: what is pending at the end never runs" {
    loop_case loop_wait_test pending_at_the_end
}

# --- dispatch ---------------------------------------------------------------

@test "P1: read, then write, and no write when the read ended it" {
    loop_case loop_dispatch_test read_then_write
}

@test "trap 18, R32 P8: whom another paused or aborted is not called" {
    loop_case loop_dispatch_test paused_by_another
    loop_case loop_dispatch_test paused_while_writing
    loop_case loop_dispatch_test aborted_by_another
}

@test "proof: trap 18 can fail" {
    local blind='s/(event->events & POLLER_READ) & descriptor->wanted/\1/'
    loop_broken dispatch.c "$blind" \
        loop_dispatch_test paused_by_another "${POLLERS[@]}"
    loop_broken dispatch.c "$blind" \
        loop_dispatch_test paused_while_writing "${POLLERS[@]}"
    loop_broken dispatch.c "$blind; s/dispatch->table\[descriptor->fd\] = NULL;//" \
        loop_dispatch_test aborted_by_another "${POLLERS[@]}"
}

@test "paused and resumed in the same turn is not paused" {
    loop_case loop_dispatch_test paused_and_resumed
}

@test "R33: one that fails is lost alone, and hears why" {
    loop_case loop_lost_test failing_alone
}

@test "R31: adding and removing twice is once, and costs no call" {
    loop_case loop_dispatch_test twice_is_once
    loop_case loop_dispatch_test write_at_once
}

@test "P7: what was sent before a hang-up is read before it" {
    loop_case loop_hangup_test input_before_the_end
}

@test "P6: a hang-up alone is the end for a reader, an error for a writer" {
    loop_case loop_hangup_test hang_up_alone
    loop_case loop_hangup_test nobody_reads
}

@test "a paused descriptor whose peer resets does not spin" {
    loop_case loop_hangup_test reset_while_paused
}

@test "400 descriptors come in one turn, and are served" {
    loop_case loop_hangup_test crowd
}

@test "R25: a loop with nothing to do sleeps" {
    loop_case loop_hangup_test nothing_to_do
}

# --- nothing dies in the middle of a turn -----------------------------------

@test "lost once, for the first reason, told before it is closed" {
    loop_case loop_lost_test first_reason_counts
    loop_case loop_lost_test lost_while_writing
    loop_case loop_lost_test never_registered
}

@test "a number is given to nobody else in the same turn" {
    loop_case loop_lost_test number_not_reused
}

@test "proof: a number that is closed at once would be noticed" {
    loop_broken dispatch.c 's/^( *)descriptor->reason = reason;/&\nclose(descriptor->fd);/' \
        loop_lost_test number_not_reused "${POLLERS[@]}"
}

@test "connection_lost may lose others, stop the loop, add descriptors" {
    loop_case loop_told_test losing_others
    loop_case loop_told_test stopping
    loop_case loop_told_test told_at_once
    loop_case loop_told_test adding
    loop_case loop_told_test freeing
}

@test "a struct that is not disposed of can be used again" {
    loop_case loop_told_test used_again
}

# --- descriptors that cannot be watched -------------------------------------

@test "trap 17, P2 P3 P4: closed by a stranger, lost alone" {
    loop_case loop_stranger_test closed_by_stranger
    loop_case loop_stranger_test several_at_once
}

@test "trap 17, P5: select loses the number that is too large, and no other" {
    loop_case loop_numbers_test too_large
}

@test "proof: trap 17 can fail" {
    loop_broken poller_select.c 's/errno == EBADF \? find_bad\(self\) : -1/-1/' \
        loop_stranger_test closed_by_stranger select
    loop_broken poller_select.c 's/errno == EBADF \? find_bad\(self\) : -1/0/' \
        loop_stranger_test closed_by_stranger select
    loop_broken poller_poll.c 's/return POLLER_BAD;/return 0;/' \
        loop_stranger_test closed_by_stranger poll
    loop_broken poller_select.c 's/fd >= FD_SETSIZE/fd > FD_SETSIZE/' \
        loop_numbers_test too_large select
}

@test "P4: a number comes back with a new owner, who gets it whole" {
    loop_case loop_stranger_test number_comes_back
    loop_case loop_stranger_test number_comes_back_copied
}

@test "P4: a file that is open under another number keeps nobody awake" {
    loop_case loop_stranger_test open_elsewhere
    loop_case loop_stranger_test paused_elsewhere
}

@test "P4: a number that a stranger has taken is not closed" {
    loop_case loop_stranger_test taken_by_stranger
}

@test "proof: P4: a stranger's number that is closed is seen" {
    loop_broken poller_epoll.c 's/errno == ENOENT/errno == 0/' \
        loop_stranger_test taken_by_stranger epoll
}

@test "a number that was closed before it is added is lost alone" {
    loop_case loop_stranger_test closed_before
}

@test "P10: regular files are always ready, also for epoll" {
    loop_case loop_numbers_test regular_file
    loop_case loop_numbers_test many_files
}

@test "a poller that cannot wait ends the loop with an error" {
    loop_case loop_numbers_test broken_poller
}

# --- run, stop, crash -------------------------------------------------------

@test "R1 R12: startup triggers, in three phases, once" {
    loop_case loop_start_test startup_triggers
    loop_case loop_start_test bad_triggers
    loop_case loop_start_test triggers_change_each_other
}

@test "R2: call_when_running waits for the loop, or does not" {
    loop_case loop_start_test call_when_running
}

@test "R3 R4 R5: run and stop are refused out of turn" {
    loop_case loop_start_test run_once
    loop_case loop_start_test stopped_at_start
}

@test "trap 15, R7 R9 R10: stop is a request" {
    loop_case loop_end_test stop_is_a_request
}

@test "proof: trap 15 can fail" {
    loop_broken reactor.c 's/reactor->state = STOPPING;/&\nreactor->crashed = true;/' \
        loop_end_test stop_is_a_request "${POLLERS[@]}"
    loop_broken reactor.c '/if \(reactor->holds > 0\)$/{N;s/return;/;/}' \
        loop_end_test stop_is_a_request "${POLLERS[@]}"
    loop_broken reactor.c 's/reactor->state = HELD;/&\ndispatch_disconnect_all(\&reactor->dispatch, \&reactor->waker.reader);/' \
        loop_end_test stop_is_a_request "${POLLERS[@]}"
}

@test "R8: stopped by a descriptor, the rest of the turn goes on" {
    loop_case loop_end_test stop_from_a_descriptor
}

@test "R9 R12 R13 R14: the end has three phases, and everybody hears of it" {
    loop_case loop_end_test three_phases
    loop_case loop_end_test late_comer
}

@test "R10: as many releases as holds" {
    loop_case loop_hold_test several_holds
    loop_case loop_hold_test held_loop_sleeps
    loop_case loop_hold_test hold_in_vain
    loop_case loop_hold_test one_release_too_many
}

@test "R16: a crash is no end" {
    loop_case loop_end_test crash_is_no_end
}

@test "reactor_new: no such poller, no descriptors, no memory" {
    loop_case loop_new_test no_such_poller
    loop_case loop_new_test no_descriptors
    loop_case loop_new_test no_memory
}

@test "reactor_new: a loop that cannot be woken is not made" {
    loop_case loop_new_test numbers_taken
    loop_case loop_new_test memory_taken
}

# --- threads and signals ----------------------------------------------------

@test "R29: 100,000 calls from four threads, each once and in order" {
    loop_case loop_threads_test counted
    loop_case loop_threads_test call_is_its_owners
}

@test "R30: a loop that is busy loses none of them" {
    loop_case loop_threads_test called_while_busy
}

@test "R28: a loop that sleeps wakes, whatever it was waiting for" {
    loop_case loop_threads_test asleep
}

@test "signals are calls of the loop" {
    loop_case loop_signals_test called_by_the_loop
    loop_case loop_signals_test raised_by_its_function
    loop_case loop_signals_test ends_the_wait
}

@test "a full self-pipe is harmless, and errno stays" {
    loop_case loop_signals_test full_pipe
}

@test "P9: a storm of signals moves no deadline" {
    loop_case loop_signals_test storm
}

@test "on_signal: what is refused, and what is given back" {
    loop_case loop_handlers_test refused
    loop_case loop_handlers_test given_back
}

@test "R34 R35: SIGINT stops the loop unless somebody wants it otherwise" {
    loop_case loop_handlers_test interrupted
}

@test "R36: a second SIGTERM changes nothing" {
    loop_case loop_handlers_test terminated_twice
    loop_case loop_handlers_test terminated_too_late
}

@test "R37: no SIGPIPE" {
    loop_case loop_handlers_test no_sigpipe
}

# --- echo_server ------------------------------------------------------------

# loop_start_all: an echo server under each poller at once. Sets PORTS and PIDS.
loop_start_all() {
    local poller
    PORTS=()
    PIDS=()
    for poller in "${POLLERS[@]}"; do
        start 03-reactor/echo_server -r "$poller"
        PORTS+=("$PORT")
        PIDS+=("$PID")
    done
}

# loop_each COMMAND...: runs it beside each of them in turn, with PORT and PID.
# Plainly: after an || bash would ignore every failure in it but the last.
loop_each() {
    local i
    for i in "${!PORTS[@]}"; do
        echo "--- ${POLLERS[i]}"
        PORT=${PORTS[i]}
        PID=${PIDS[i]}
        "$@"
    done
}

# loop_all_idle: each of them, in the same second.
loop_all_idle() {
    local pid checks=()
    for pid in "${PIDS[@]}"; do
        idle "$pid" &
        checks+=($!)
    done
    for pid in "${checks[@]}"; do
        wait "$pid"
    done
}

# loop_hold ARGUMENT...: a peer in the background. loop_let_go ends the `hold`
# of them all, and is true if each of them worked.
loop_hold() {
    if [ -z "${GATE:-}" ]; then
        [ -p gate ] || mkfifo gate
        exec {GATE}<> gate
        HOLDERS=()
    fi
    peer "$@" < gate >> held 2>&1 3>&- {GATE}>&- &
    HOLDERS+=($!)
}

loop_let_go() {
    local pid
    exec {GATE}>&-
    GATE=
    for pid in "${HOLDERS[@]}"; do
        wait "$pid" || { cat held; return 1; }
    done
}

loop_echoes() {
    [ "$(peer "$PORT" send=hello recv=5 shutdown eof)" = hello ]
}

# loop_ends PID [STATUS]: it does, with this status.
loop_ends() {
    local status=0
    wait_gone "$1"
    wait "$1" || status=$?
    [ "$status" -eq "${2:-0}" ] || { echo "status $status"; return 1; }
}

loop_whatever_comes() {
    local before
    before=$(descriptors "$PID")
    loop_echoes
    peer "$PORT" 'send=\0\xff\r\n' recv=4 > bytes
    printf '\0\377\r\n' | cmp - bytes
    [ "$(peer "$PORT" drip=0123456789abcdef recv=16)" = 0123456789abcdef ]
    peer "$PORT" exchange=65535 exchange=65536 exchange=65537 quiet=20
    eventually has_descriptors "$PID" "$before"
}

@test "echo_server: what comes goes back, whatever it is" {
    loop_start_all
    loop_each loop_whatever_comes
}

# loop_gather COUNT STEP...: a crowd in the background, in groups that fit into
# the backlog, or the kernel of a client waits a second and tries again.
loop_gather() {
    local before count
    before=$(descriptors "$PID")
    for ((count = 50; count <= $1; count += 50)); do
        loop_hold -n 50 "$PORT" "${@:2}"
        eventually has_descriptors "$PID" $((before + count))
    done
}

loop_crowd() {
    local before
    before=$(descriptors "$PID")
    loop_gather 200 send=first recv=5 hold send=last recv=4
    loop_echoes
    loop_let_go
    [ "$(grep -o first held | wc -l)" -eq 200 ]
    [ "$(grep -o last held | wc -l)" -eq 200 ]
    eventually has_descriptors "$PID" "$before"
    rm held
}

@test "echo_server: 200 clients at once" {
    loop_start_all
    loop_each loop_crowd
}

loop_slow_reader() {
    local before
    before=$(awk '/^Private_Dirty/ { print $2 }' "/proc/$PID/smaps_rollup")
    loop_hold -t "$STUFFED" -r 4096 "$PORT" stuff hold swallow
    peer "$PORT" exchange=67108864
    loop_let_go
    [ "$(awk '/^Private_Dirty/ { print $2 }' "/proc/$PID/smaps_rollup")" -lt \
        $((before + 2048)) ]
}

@test "echo_server: 64 MiB go through beside a client that does not read" {
    loop_start_all
    loop_each loop_slow_reader
}

loop_half_closed() {
    peer "$PORT" send=hello shutdown eof > hello
    [ "$(cat hello)" = hello ]
    peer -t "$STUFFED" "$PORT" stuff shutdown swallow eof > nothing
    [ ! -s nothing ]
}

@test "echo_server: a client that ends its stream gets all of it back" {
    loop_start_all
    loop_each loop_half_closed
}

# loop_build_server NAME WRAPS: an echo server with NAME_kernel.c in
# the place of some functions of the C library. Those started go to PIDS.
loop_build_server() {
    unit_compile "$ROOT/tests/$BUILD/$STAGE/$1_echo_server" \
        "$ROOT"/tests/*/"$1_kernel.c" \
        "$ROOT/$STAGE/$BUILD/examples/echo_server.o" "$(unit_library)" "-Wl,$2"
    PIDS=()
}

loop_two_bytes_at_a_time() {
    start "tests/$STAGE/stingy_echo_server" -r "$1"
    [ "$(peer "$PORT" drip=0123456789abcdef recv=16)" = 0123456789abcdef ]
    peer "$PORT" exchange=100000 quiet=20
    # The end of the stream is there long before the last byte is on its way.
    peer -n 10 "$PORT" flood=20000 shutdown swallow eof > nothing
    [ ! -s nothing ]
    peer -n 10 "$PORT" flood=20000 reset
    PIDS+=("$PID")
}

@test "echo_server: the kernel takes two bytes at a time, or none" {
    loop_build_server stingy --wrap=send,--wrap=recv
    loop_two_bytes_at_a_time select
    loop_two_bytes_at_a_time poll
    loop_two_bytes_at_a_time epoll
    loop_all_idle
}

@test "echo_server: without memory for the retry it is not deaf for ever" {
    local poller
    loop_build_server poor --wrap=accept4,--wrap=realloc
    for poller in "${POLLERS[@]}"; do
        start "tests/$STAGE/poor_echo_server" -r "$poller"
        [ "$(peer "$PORT" send=hello recv=5)" = hello ]
    done
}

loop_resets() {
    local before
    before=$(descriptors "$PID")
    peer -n 50 "$PORT" flood=100000 reset
    peer -n 50 "$PORT" send=x reset
    peer -n 50 "$PORT" flood=100000 shutdown close
    peer -n 50 "$PORT" reset
    eventually has_descriptors "$PID" "$before"
    loop_echoes
}

@test "echo_server: clients that reset or vanish leave nothing behind" {
    loop_start_all
    loop_each loop_resets
}

# All its numbers are taken.
loop_is_full() {
    [ "$(find "/proc/$1/fd" -name '[0-9]' -o -name '[1-3][0-9]' | wc -l)" -eq 40 ]
}

# What the first client of each server, opened before the crowd, still gets.
loop_served() {
    local client text
    for client in "$@"; do
        printf again >&"$client"
        read -r -t "$DEADLINE" -N 5 -u "$client" text
        [ "$text" = again ]
    done
}

loop_have_connected() { # COUNT: peers that begin with the step `port`
    [ "$(grep -c '^[0-9]' held)" -eq "$1" ]
}

@test "echo_server: 100 clients and 40 descriptors: alive, idle, serving after" {
    local limit port pid client clients=() count=0
    limit=$(ulimit -Sn)
    ulimit -Sn 40
    loop_start_all
    ulimit -Sn "$limit"
    for port in "${PORTS[@]}"; do
        exec {client}<>"/dev/tcp/127.0.0.1/$port"
        clients+=("$client")
        # One after the other: whoever has all it wants lets the next one in.
        for count in $((count + 25)) $((count + 50)) $((count + 75)); do
            loop_hold -n 25 "$port" port send=hello hold recv=5
            eventually loop_have_connected "$count"
        done
    done
    # Now the backlog becomes full as well; these knock and give up.
    for port in "${PORTS[@]}"; do
        loop_hold -t 1 -n 25 "$port" send=x hold
        unset 'HOLDERS[-1]'
    done
    for pid in "${PIDS[@]}"; do
        eventually loop_is_full "$pid"
    done
    loop_served "${clients[@]}"
    loop_all_idle
    loop_served "${clients[@]}"
    loop_let_go # who waited was served in the end
    for client in "${clients[@]}"; do
        exec {client}>&-
    done
    loop_each loop_echoes
}

loop_idle_crowd() {
    local before
    before=$(descriptors "$PID")
    peer -n 20 "$PORT" flood=100000 reset
    loop_echoes # who comes after them is served after they are accepted
    eventually has_descriptors "$PID" "$before"
    loop_gather 100 send=x recv=1 hold
    loop_hold "$PORT" stuff hold
    eventually has_descriptors "$PID" $((before + 101))
}

@test "echo_server: idle clients cost no processor time" {
    loop_start_all
    loop_each loop_idle_crowd
    loop_all_idle
    loop_let_go
}

# loop_start_under COMMAND... -- ARGUMENT...: an echo server that is started
# by that command.
loop_start_under() {
    local under=()
    while [ "$1" != -- ]; do
        under+=("$1")
        shift
    done
    LOG=$BATS_TEST_TMPDIR/echo-${#LOGS[@]}.log
    : > "$LOG"
    "${under[@]}" "$(program 03-reactor/echo_server)" -p 0 "${@:2}" \
        > "$LOG" 2>&1 3>&- < /dev/null &
    PID=$!
    SERVERS+=("$PID")
    LOGS+=("$LOG")
    eventually ready_port
}

# loop_served_of_30 POLLER: how many of 30 clients, while they are all there, by
# a server that has inherited 1000 descriptors.
loop_served_of_30() {
    # shellcheck disable=SC2016 # for the shell that opens them
    loop_start_under bash -c 'ulimit -Sn 1200
        for ((i = 0; i < 1000; i++)); do exec {fd}< /dev/null; done
        exec "$0" "$@"' -- -r "$1"
    SERVED=$(peer -l -n 30 "$PORT" send=hello recv=5 | grep -o hello | wc -l)
    eventually loop_echoes # their numbers are free a moment later
}

@test "trap 17, P5 echo_server: clients beyond select's set are lost, no others" {
    needs_descriptors 1200
    loop_served_of_30 select
    [ "$SERVED" -gt 5 ]
    [ "$SERVED" -lt 25 ]
    loop_served_of_30 poll
    [ "$SERVED" -eq 30 ]
    loop_served_of_30 epoll
    [ "$SERVED" -eq 30 ]
}

# loop_interrupt POLLER SIGNAL: in the middle of everything.
loop_interrupt() {
    local before
    start 03-reactor/echo_server -r "$1"
    before=$(descriptors "$PID")
    loop_hold -l -n 5 "$PORT" send=x recv=1 hold
    loop_hold -l "$PORT" stuff hold
    eventually has_descriptors "$PID" $((before + 6))
    kill "-$2" "$PID"
    loop_ends "$PID"
    loop_let_go
}

@test "echo_server: SIGINT and SIGTERM end it with status 0, whatever it does" {
    local poller
    for poller in "${POLLERS[@]}"; do
        loop_interrupt "$poller" INT
        loop_interrupt "$poller" TERM
    done
}

loop_terminate() {
    kill "$PID"
    loop_ends "$PID"
}

loop_hears() { # SIGNAL
    kill "-$1" "$PID"
    loop_ends "$PID"
}

@test "echo_server: signals that the parent ignores end it all the same" {
    trap '' INT TERM
    loop_start_all
    loop_each loop_hears INT
    loop_start_all
    loop_each loop_hears TERM
}

@test "echo_server: a server that was stopped goes on" {
    loop_start_all
    kill -STOP "${PIDS[@]}"
    kill -CONT "${PIDS[@]}"
    loop_each loop_echoes
}

loop_flooded() {
    local before
    before=$(cpu_ms "$PID")
    loop_hold -l -t 30 "$PORT" exchange=100000000000 hold
    eventually loop_used "$PID" $((before + 20))
    kill "$PID"
    loop_ends "$PID"
}

@test "echo_server: a flood does not keep SIGTERM waiting" {
    loop_start_all
    loop_each loop_flooded
    loop_let_go
}

loop_used() { # PID MS
    [ "$(cpu_ms "$1")" -ge "$2" ]
}

loop_under_valgrind() {
    loop_start_under valgrind -q --leak-check=full --show-leak-kinds=all \
        --errors-for-leak-kinds=all --error-exitcode=99 -- -r epoll
    loop_echoes
    peer "$PORT" flood=100000 reset
    loop_hold -l -n 5 "$PORT" send=x recv=1 hold
    eventually grep -q x held
    loop_terminate
    loop_let_go
    [ "$(cat "$LOG")" = "listening on 127.0.0.1:$PORT" ]
}

@test "proof: echo_server: valgrind finds nothing" {
    command -v valgrind > /dev/null || skip "no valgrind"
    [[ ${CFLAGS:-} != *sanitize* ]] || skip "the sanitizers are there already"
    [[ ${CC:-cc} = @(cc|gcc) ]] || skip "valgrind reads what gcc makes"
    loop_under_valgrind
}

# --- the choice of the poller -----------------------------------------------

# loop_waits_with POLLER: the server of LOG, which was started with TRACE=1.
loop_waits_with() {
    logged ' on 2 descriptors'
    [ "$(sed -nE 's/^[0-9.]+   (select|poll|epoll) waits on .*/\1/p' "$LOG" | sort -u)" = "$1" ]
}

@test "-r, then REACTOR, then select" {
    TRACE=1 REACTOR=poll start 03-reactor/echo_server
    loop_waits_with poll
    TRACE=1 REACTOR=poll start 03-reactor/echo_server -r epoll
    loop_waits_with epoll
    TRACE=1 REACTOR='' start 03-reactor/echo_server
    loop_waits_with select
    unset REACTOR
    TRACE=1 start 03-reactor/echo_server
    loop_waits_with select
}

@test "a wrong reactor is a usage error, or a failure" {
    run loop_soon "$(program 03-reactor/echo_server)" -p 0 -r bad
    [ "$status" -eq 2 ]
    [[ $output = 'usage: echo_server '*'[-r select|poll|epoll]'* ]]
    run loop_soon "$(program 03-reactor/countdown)" -r bad
    [ "$status" -eq 2 ]
    [[ $output = 'usage: countdown '* ]]
    export REACTOR=bad
    run loop_soon "$(program 03-reactor/echo_server)" -p 0
    [ "$status" -eq 1 ]
    [ "$output" = 'echo_server: reactor: Invalid argument' ]
    run loop_soon "$(program 03-reactor/countdown)"
    [ "$status" -eq 1 ]
    [ "$output" = 'countdown: reactor: Invalid argument' ]
    # Who is told otherwise on the command line does not ask.
    start 03-reactor/echo_server -r poll
    loop_echoes
}

@test "echo_server: usage, and a port that is taken" {
    local arguments
    for arguments in '-p 65536' '-p x' '-p' '-x' 'operand' '-r'; do
        # shellcheck disable=SC2086
        run loop_soon "$(program 03-reactor/echo_server)" $arguments
        [ "$status" -eq 2 ]
        [[ $output = 'usage: echo_server '* ]]
    done
    run loop_soon "$(program 03-reactor/echo_server)" -h
    [ "$status" -eq 0 ]
    [[ ${lines[1]} = 'usage: echo_server '* ]]
    start 03-reactor/echo_server
    run loop_soon "$(program 03-reactor/echo_server)" -p "$PORT"
    [ "$status" -eq 1 ]
    [[ $output = "echo_server: 127.0.0.1:$PORT: Address "*"in use" ]]
}

# --- TRACE ------------------------------------------------------------------

# loop_story: the story of one echo, as the trace tells it, without numbers.
loop_story() {
    sed -nE -e 's/^[0-9]+\.[0-9]{6} //' \
        -e 's/^  (Echo[A-Za-z]+) [0-9]+: (do_[a-z]+|connection_lost, .*)$/\1 \2/p' \
        -e 's/^  (accept): .*/\1/p' \
        -e 's/^  (Received SIGTERM, shutting down\.)$/\1/p' \
        -e 's/^  (shutdown): .*/\1/p' "$LOG"
}

# loop_tells POLLER
loop_tells() {
    TRACE=1 start 03-reactor/echo_server -r "$1"
    [ "$(peer "$PORT" send=hello recv=5 close)" = hello ]
    eventually grep -q 'EchoConnection [0-9]*: connection_lost' "$LOG"
    loop_terminate
    diff <(loop_story) - << 'END'
EchoListener do_read
accept
EchoConnection do_read
EchoConnection do_write
EchoConnection do_read
EchoConnection connection_lost, closed cleanly
Received SIGTERM, shutting down.
shutdown
EchoListener connection_lost, the loop has ended
END
    grep -qxE '[0-9]+\.[0-9]{6} turn 1' "$LOG"
    grep -qxE "[0-9.]+   $1 waits on 2 descriptors, without limit" "$LOG"
    grep -qxE '[0-9.]+   1 ready' "$LOG"
}

@test "TRACE=1 tells the story of an echo" {
    loop_tells select
    loop_tells poll
    loop_tells epoll
}

loop_tells_nothing() {
    start 03-reactor/echo_server
    loop_echoes
    loop_terminate
    [ "$(cat "$LOG")" = "listening on 127.0.0.1:$PORT" ]
}

@test "without TRACE a server says nothing more" {
    loop_tells_nothing
    TRACE='' loop_tells_nothing
    TRACE=0 loop_tells_nothing
}

# --- kingslayer, countdown, models ------------------------------------------

@test "kingslayer: handlers in order, and one that cannot" {
    local status=0
    loop_soon "$(program 03-reactor/kingslayer)" > out 2> err || status=$?
    [ "$status" -eq 1 ]
    [ "$(cat out)" = 'event-drive execute MyHandler' ]
    [ "$(cat err)" = 'kingslayer: LazyHandler: you must overwrite execute' ]
    run loop_soon "$(program 03-reactor/kingslayer)" operand
    [ "$status" -eq 2 ]
}

@test "countdown: numbers, an alarm that moves, a bomb that is cancelled" {
    local poller pids=() pid
    for poller in "${POLLERS[@]}"; do
        loop_soon "$(program 03-reactor/countdown)" -r "$poller" \
            > "$poller.log" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    for poller in "${POLLERS[@]}"; do
        diff <(sed -E 's/^[0-9]+\.[0-9] s  //' "$poller.log") - << 'END'
an alarm in 0.3 s, a bomb in 0.5 s, and a number each 0.1 s
5
4
the alarm is reset to 0.3 s from now
3
the alarm is delayed by 0.2 s
2
the bomb is cancelled, and cancelled again:
Tried to cancel an already-cancelled event.
1
0
the alarm rings; too late to cancel it:
Tried to cancel an already-called event.
END
        # Never early; how late depends on who else is at work here.
        awk '{ if ($1 < last) exit 1; last = $1 }
             $3 ~ /^[0-5]$/ && $1 < (5 - $3) / 10 - 0.001 { exit 1 }
             END { if (last < 0.6) exit 1 }' "$poller.log"
    done
}

@test "R6 models: events need one thread" {
    loop_many_threads() { [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -gt 1 ]; }
    launch 03-reactor/models --model threads
    eventually loop_many_threads
    launch 03-reactor/models --model events
    while ! is_gone "$PID"; do
        run loop_many_threads
        [ "$status" -ne 0 ]
    done
    grep -q '^total' "$LOG"
}

@test "models: three lanes, and the loop needs less than the sum" {
    run loop_soon "$(program 03-reactor/models)" --model bad
    [ "$status" -eq 2 ]
    run loop_soon "$(program 03-reactor/models)" --model events
    [ "$status" -eq 0 ]
    [ "$(grep -c '^task [123] |' <<< "$output")" -eq 3 ]
    [[ ${lines[1]} = 'events: '* ]]
    # total 790 ms (sum of the tasks 1876 ms, the longest 691 ms)
    sed -nE 's/^total ([0-9]+) ms \(sum of the tasks ([0-9]+) .*/\1 \2/p' \
        <<< "$output" > numbers
    read -r total sum < numbers
    [ "$total" -lt "$sum" ]
}

# --- what passes, and what was left behind by others --------------------------

@test "L5: a kernel without memory for a moment is given a rest" {
    loop_case loop_shortage_test kernel_is_short
    loop_case loop_shortage_test kernel_refuses
}

@test "proof: L5 can fail" {
    loop_broken dispatch.c 's/errno != ENOMEM && errno != EAGAIN/1/' \
        loop_shortage_test kernel_is_short "${LOOP_POLLERS[@]}"
    loop_broken dispatch.c 's/if \(errno != ENOMEM && errno != EAGAIN\)/if (0)/' \
        loop_shortage_test kernel_refuses "${LOOP_POLLERS[@]}"
}

@test "L4: the limit of descriptors is lowered below those that are watched" {
    loop_case loop_shortage_test limit_is_lowered
}

@test "proof: L4 can fail" {
    loop_broken poller_poll.c 's/count < 0 \&\& errno == EINVAL/0/' \
        loop_shortage_test limit_is_lowered poll
    loop_broken poller_poll.c 's/if \(count == 0 && milliseconds != 0\)/if (0)/' \
        loop_shortage_test limit_is_lowered poll
}

@test "L9: forty regular files, for reading and for writing" {
    loop_case loop_shortage_test many_files
}

@test "proof: L9 can fail" {
    loop_broken poller_epoll.c 's/return errno == EPERM \? add_file\(self, fd\) : -1;/return -1;/' \
        loop_shortage_test many_files epoll
}

@test "L10: a signal that whoever started us has blocked" {
    loop_case loop_shortage_test signal_was_blocked
}

@test "proof: L10 can fail" {
    loop_broken signals.c 's/mask\(SIG_UNBLOCK, signal\)/false/' \
        loop_shortage_test signal_was_blocked "${LOOP_POLLERS[@]}"
    loop_broken signals.c 's/if \(table\[signal\]\.was_blocked\)/if (0)/' \
        loop_shortage_test signal_was_blocked "${LOOP_POLLERS[@]}"
}

@test "L2: a file that has reached its largest size is an errno" {
    loop_case loop_shortage_test file_too_large
}

@test "proof: L2 can fail" {
    loop_broken reactor.c '/sigaction\(SIGXFSZ/d' \
        loop_shortage_test file_too_large "${LOOP_POLLERS[@]}"
}

# --- what the layers above the loop are offered --------------------------------

@test "a call at the end of the turn, a place in the reactor, a name" {
    loop_case loop_layers_test at_turn_end
    loop_case loop_layers_test attachments
    loop_case loop_layers_test running
}

@test "proof: the end of the turn, the place and the name can fail" {
    loop_broken dispatch.c 's/return dispatch->first \|\| dispatch->calls;/return dispatch->first;/' \
        loop_layers_test at_turn_end "${LOOP_POLLERS[@]}"
    loop_broken reactor.c 's/attachment && attachment->key != key/0/' \
        loop_layers_test attachments "${LOOP_POLLERS[@]}"
    loop_broken dispatch.c '/^static void notify_lost/,/^\}/s/class->describe/NULL/' \
        loop_layers_test running "${LOOP_POLLERS[@]}"
}
