#!/usr/bin/env bats
# Stage 06: shell_server and shell_client.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each @test is a subshell
# shellcheck disable=SC2016 # what a shell of the server's is to expand
# shellcheck disable=SC2317,SC2034 # broken programs: used by what is called

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/children

# --- shell_server ----------------------------------------------------------------

# shell_answers COMMAND TEXT: TEXT, as printf writes it, is the answer.
shell_answers() {
    local length
    # shellcheck disable=SC2059
    printf "$2" >expected
    length=$(wc -c <expected)
    peer "$PORT" "send=$1\\n" "until=Ready|$length" quiet=20 send=start \
        "recv=$length" quiet=20 >got
    { printf 'Ready|%s' "$length"; cat expected; } | cmp - got
}

shell_wire() {
    shell_answers 'printf abc' abc
    shell_answers 'echo abc\r' 'abc\n'
    shell_answers 'printf no >&2; printf abc; printf no >&2' abc
    shell_answers 'printf wrong >&2; exit 3' wrong
    shell_answers 'exec >&-; printf wrong >&2' wrong
    shell_answers true ''
    shell_answers 'exit 7' ''
    shell_answers 'printf "a\\0b\\377\\r\\n"' 'a\0b\377\r\n'
    shell_answers 'printf last; kill -9 $$' last
    shell_answers 'cat; printf done' 'done'
    shell_answers '(sleep 0.1; printf late) & printf early-' early-late
    shell_answers '-version 2>/dev/null; printf $?' 127
    shell_answers 'echo $HERE' 'there\n'
    shell_answers 'printf a; \0printf b' "$shell_nul\\n"
    shell_answers 'ls /proc/self/fd | wc -l' '4\n'
}

@test "X4 shell_server: standard output or else standard error, after its length" {
    export HERE=there
    server_each shell_server shell_wire
}

shell_start_word() {
    run peer "$PORT" 'send=\nprintf abc\n' 'until=Ready|3' drip=start recv=3 \
        'send=\nprintf defg\n' 'until=Ready|4' 'send=start\r\n\r\n' recv=4 quiet=20
    [ "$output" = 'Ready|3abcReady|4defg' ]
    run peer "$PORT" 'send=printf abc\nstartprintf defg\nstart\nexit\n' \
        'until=Ready|3abcReady|4defgReady|0' quiet=20
    [ "$status" -eq 0 ]
    local word
    for word in stop 'star' 'printf wrong' 'x\0' ' start' ''; do
        run peer "$PORT" 'send=printf abc\n' 'until=Ready|3' "send=$word" \
            quiet=20 'send=\nprintf defg\n' 'until=Ready|4' send=start recv=4
        [ "$output" = 'Ready|3Ready|4defg' ]
    done
    # The end of the stream is not the end of what is owed.
    run peer "$PORT" 'send=sleep 0.1; echo abc\nstart\necho d\nstart\n' shutdown eof
    [ "$output" = $'Ready|4abc\nReady|2d' ]
    run peer "$PORT" 'send=echo abc\nno\necho d' shutdown eof
    [ "$output" = 'Ready|4' ]
}

@test "X4 shell_server: start in pieces, typed, glued, or another word" {
    server_each shell_server shell_start_word
}

shell_size() { # BYTES
    peer "$PORT" "send=head -c $1 /dev/zero\\n" "until=Ready|$1" send=start \
        "recv=$1" quiet=20 | wc -c
}

shell_limits() {
    local before command
    before=$(descriptors "$PID")
    [ "$(shell_size $((shell_limit - 1)))" -eq $((shell_limit + 13)) ]
    [ "$(shell_size "$shell_limit")" -eq $((shell_limit + 14)) ]
    for command in "head -c $((shell_limit + 1)) /dev/zero" yes 'yes >&2' \
        'yes & wait'; do
        shell_answers "$command" "$shell_over\\n"
        as_before "$PID" "$before"
    done
    head -c 1000003 /dev/urandom >random
    peer "$PORT" 'send=cat random\n' 'until=Ready|1000003' send=start \
        recv=1000003 quiet=20 >got
    cmp random <(tail -c +14 got)
    shell_answers 'yes | head -c 300000 >&2; printf abc' abc
}

@test "X4 shell_server: an answer up to 16 MiB, not a byte more; any bytes" {
    server_each shell_server shell_limits
}

shell_side_by_side() {
    local before
    before=$(descriptors "$PID")
    server_hold -n 50 "$PORT" 'send=sleep 60\n' hold 'reset?'
    eventually has_children "$PID" 50
    shell_answers 'printf abc' abc
    [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
    # One at a time for each of them; the next lines wait.
    run peer "$PORT" 'send=sleep 0.1; echo a >>order\nstart\necho b >>order\nstart\n' \
        'until=Ready|0Ready|0'
    [ "$(tr -d '\n' <order)" = ab ]
    rm order
    server_ends "$PID" TERM
    server_release
}

@test "X4 shell_server: 50 clients at once, no thread; SIGTERM with children" {
    server_each shell_server shell_side_by_side
    server_each 'shell_server --stream' shell_stream_ends
}

shell_stream_ends() {
    server_hold -n 5 "$PORT" 'send=echo $$; exec sleep 60\n' 'until=\n' hold 'reset?'
    eventually has_children "$PID" 5
    eventually server_counts_lines 5 "$HELD"
    server_ends "$PID" TERM
    server_release
    local pid
    while read -r pid; do
        eventually has_ended "$pid"
    done <"$HELD"
}

server_counts_lines() {
    [ "$(wc -l <"$2")" -eq "$1" ]
}

# Nobody may be there to reap it.
has_ended() {
    ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null
}

shell_gone() {
    local before way mark
    before=$(descriptors "$PID")
    for way in reset close shutdown; do
        peer "$PORT" "$way"
        peer "$PORT" 'send=exec sleep 60\n' pause=30 "$way"
        peer "$PORT" 'send=exec sleep 60\nls\n' "$way"
        peer "$PORT" 'send=yes\n' pause=30 "$way"
        if [ -z "$1" ]; then
            peer "$PORT" 'send=echo abc\n' 'until=Ready|4' send=sta "$way"
            peer "$PORT" 'send=head -c 8000000 /dev/zero\n' \
                'until=Ready|8000000' send=start recv=1000 "$way"
        else
            peer "$PORT" 'send=yes\n' recv=100000 "$way"
        fi
    done >/dev/null
    as_before "$PID" "$before"
}

shell_family() {
    rm -f pids
    peer "$PORT" 'send=sleep 60 & echo $! >pids; sleep 60; echo never\n' pause=50 reset
    eventually childless "$PID"
    eventually has_ended "$(cat pids)"
}

@test "X4 shell_server: what a command has started ends with it" {
    server_side_by_side shell_server shell_family
    server_side_by_side 'shell_server --stream' shell_family
}

@test "X4 shell_server: clients that go at any point, and their commands with them" {
    server_side_by_side shell_server shell_gone ''
    server_side_by_side 'shell_server --stream' shell_gone stream
}

shell_memory() {
    local before
    peer "$PORT" 'send=head -c 500000 /dev/zero\n' 'until=Ready|500000' \
        send=start recv=500000 >/dev/null
    before=$(server_dirty_kib "$PID")
    # Answers that nobody reads: one is made, the others are not.
    server_hold -r 4096 "$PORT" 'send=echo >>runs; head -c 4000000 /dev/zero\nstart\necho >>runs; head -c 4000000 /dev/zero\nstart\necho >>runs; head -c 4000000 /dev/zero\nstart\n' hold
    eventually test -s runs
    idle "$PID" || idle "$PID"
    [ "$(wc -l <runs)" -le 2 ] # the first may fit into the kernel
    [ $(($(server_dirty_kib "$PID") - before)) -lt 13000 ]
    rm runs
    server_release
    eventually childless "$PID"
    peer "$PORT" 'send=yes\n' 'until=Ready|' send=no >/dev/null
    eventually childless "$PID"
    [ $(($(server_dirty_kib "$PID") - before)) -lt 2000 ]
}

@test "X4 shell_server: answers that are not read are not made, and no memory is left" {
    unwatched
    server_each shell_server shell_memory
}

# --- shell_server --stream ---------------------------------------------------------

shell_stream() {
    run peer "$PORT" 'send=printf abc; printf def >&2\n' recv=6 quiet=20 \
        'send=\ntrue\r\nexit 3\nprintf x; sleep 0.1; printf y\nprintf z\n' recv=3
    [[ $output == @(abcdef|defabc)xyz ]]
    run peer "$PORT" 'send=cat; printf "a\\0b"\nprintf a\0b\n' 'until=byte in it\n' quiet=20
    [ "$status" -eq 0 ]
    # As it comes, not when it is over.
    peer "$PORT" 'send=echo now; sleep 60\n' 'until=now\n' reset
    eventually childless "$PID"
    run peer "$PORT" 'send=sleep 0.1; echo a\necho b\n' shutdown eof
    [ "$output" = $'a\nb' ]
    head -c 20000000 /dev/urandom >random
    peer "$PORT" 'send=cat random\n' shutdown eof >got
    cmp random got
}

@test "X4 shell_server --stream: output as it comes, any amount" {
    server_each 'shell_server --stream' shell_stream
}

shell_prompt() {
    server_prompt "send=echo a; $A_MOMENT; echo b; $A_MOMENT; echo c\n" until='c\n'
}

@test "X4 T50 shell_server --stream: output does not wait for the output before" {
    server_each 'shell_server --stream' shell_prompt
}

@test "proof: X4 T50 shell_server --stream: output that waits is seen" {
    broken examples/shell_server.c 's/tcp_options_set.*;//' shell_server
    server_sometimes with_broken server_each 'shell_server --stream' shell_prompt
}

# written PID: bytes that a process has written.
written() {
    awk '/^wchar/ { print $2 }' "/proc/$1/io"
}

shell_endless() {
    local before child now
    peer "$PORT" 'send=echo a\n' recv=2 >/dev/null
    before=$(server_dirty_kib "$PID")
    server_hold -r 4096 "$PORT" 'send=exec yes\n' hold
    eventually has_children "$PID" 1
    child=$(children_of "$PID")
    idle "$PID" || idle "$PID" # once the kernel's own buffers are full
    now=$(written "$child")
    [ "$now" -gt 0 ]
    idle "$child"
    [ "$(written "$child")" -eq "$now" ]
    [ $(($(server_dirty_kib "$PID") - before)) -lt 1500 ]
    peer "$PORT" 'send=echo hello\n' recv=6 # others are served
    server_release
    eventually childless "$PID"
    # One that does read it stops and goes.
    peer "$PORT" 'send=yes\n' recv=30000000 pause=100 recv=3000000 reset | wc -c
    eventually childless "$PID"
    [ $(($(server_dirty_kib "$PID") - before)) -lt 1500 ]
}

@test "X4 shell_server --stream: an endless command for a client that does not read" {
    unwatched
    server_each 'shell_server --stream' shell_endless
}

shell_once() {
    shell_answers 'printf abc' abc
}

stream_once() {
    [ "$(peer "$PORT" 'send=printf abc\n' recv=3)" = abc ]
}

@test "X4 shell_server: rough peers" {
    server_each shell_server server_rough_peers shell_once
    server_each 'shell_server --stream' server_rough_peers stream_once
}

# --- shell_client ------------------------------------------------------------------

shell_client() { # OPTION LINE...
    # shellcheck disable=SC2086
    printf '%s\n' "${@:2}" |
        soon "$(program "$STAGE/shell_client")" $1 -p "$PORT" -r "$POLLER"
}

shell_session() {
    run shell_client '' 'printf abc' '' 'printf no >&2' true exit 'printf never'
    [ "$status" -eq 0 ]
    [ "$output" = '>>>:message size 3 recv size 3
abc
>>>:>>>:message size 2 recv size 2
no
>>>:message size 0 recv size 0

>>>:' ]
    head -c 2250000 /dev/urandom | base64 -w 0 >random
    shell_client '' 'cat random' >got
    cmp <(printf '>>>:message size 3000000 recv size 3000000\n'
        cat random
        printf '\n>>>:') got
}

shell_typed() {
    shell_client '' "$odd_command" >got
    cmp got <(printf '>>>:message size 13 recv size 13\n%s\n>>>:' "$odd_shown")
    printf 'printf abc\r\nexit\r\nprintf d\r\n' |
        soon "$(program "$STAGE/shell_client")" -p "$PORT" -r "$POLLER" >got
    cmp got <(printf '>>>:message size 3 recv size 3\nabc\n>>>:')
}

shell_stream_typed() {
    shell_client --stream "$odd_command" >got
    [ "$(sed 's/>>>://g' got)" = "$odd_shown" ]
    # A character that is cut in two.
    shell_client --stream 'printf "\345\225"; sleep 0.2; printf "\212"' >got
    [ "$(sed 's/>>>://g' got)" = $'\345\225\212' ]
}

@test "X4 T1 T3 shell_client: what a terminal obeys is not shown; CR LF ends a line" {
    server_each shell_server shell_typed
    server_each 'shell_server --stream' shell_stream_typed
}

@test "X4 shell_client: both sizes and the output" {
    server_each shell_server shell_session
}

shell_stream_session() {
    run shell_client --stream 'printf abc' '' 'printf no >&2' 'sleep 0.1; echo d'
    [ "$status" -eq 0 ]
    [ "${output//>>>:/}" = abcnod ]
    shell_client --stream "head -c 3000000 /dev/zero | tr '\\0' x" exit 'echo never' >got
    [ "$(tr -d 'x>:' <got)" = '' ]
    [ "$(tr -dc x <got | wc -c)" -eq 3000000 ]
}

@test "X4 shell_client --stream: whatever comes, until there is no more" {
    server_each 'shell_server --stream' shell_stream_session
}

@test "X4 shell_client: Ready and the output however they are cut" {
    POLLER=poll
    start tests/puppet wait=one 'drip=Ready|12' wait=start 'drip=hello, ' \
        'send=world' wait=two 'send=Rea' 'drip=dy' 'send=|1' 'drip=0' \
        wait=start 'drip=0123456789'
    run shell_client '' one two
    [ "$output" = '>>>:message size 12 recv size 12
hello, world
>>>:message size 10 recv size 10
0123456789
>>>:' ]
}

@test "X4 shell_client: it believes no server that breaks off or talks nonsense" {
    local cut='connection closed by server'
    local no='answer is not Ready|LENGTH' impossible='answer has an impossible length'
    local tale words tales=(
        "|$cut"
        "send=Rea|$cut"
        "send=Ready~12 wait=start send=hello|$cut"
        "send=Ready~12 wait=start reset|Connection reset by peer"
        "send=nonsense|$no"
        "drip=Rex wait=end|$no"
        "send=Ready~x wait=end|$impossible"
        "send=Ready~12x wait=end|$impossible"
        "send=Ready~-1 wait=end|$impossible"
        "send=Ready~16777217 wait=end|$impossible"
        "send=Ready~999999999999 wait=end|$impossible"
    )
    POLLER=epoll
    for tale in "${tales[@]}"; do
        IFS=' ' read -ra words <<< "${tale%%|*}"
        start tests/puppet wait=one "${words[@]//\~/|}"
        run shell_client '' one
        [ "$status" -eq 1 ]
        [ "$output" = ">>>:shell_client: 127.0.0.1: ${tale#*|}" ]
    done
}

@test "X4: the programs of stages 01 and 06 understand each other" {
    POLLER=select
    make -s -C "$ROOT/01-blocking" BUILD="$BUILD"
    start 01-blocking/shell_server
    run shell_client '' 'printf abc' 'echo defg'
    [ "$output" = '>>>:message size 3 recv size 3
abc
>>>:message size 5 recv size 5
defg

>>>:' ]
}

@test "proof: X4: broken copies are seen to fail" {
    # Commands of clients that have gone are left to themselves.
    broken examples/shell_server.c 's/command_end\(self->stream\);//' shell_server
    with_broken server_each 'shell_server --stream' shell_gone stream
    broken process/command.c '/^static void cancel/,/^}/s/command_end.*;//' shell_server
    with_broken server_each shell_server shell_gone ''
    # The client's end is not heard of while a command runs.
    broken sequential_line_receiver.c 's/= SEQUENTIAL_READ_AHEAD/= 0/' shell_server
    with_broken server_each shell_server shell_gone ''
    # One too many is let through.
    broken process/command.c 's/> COMMAND_OUTPUT_MAX/> COMMAND_OUTPUT_MAX + 1/' shell_server
    with_broken server_each shell_server shell_limits
    # Nobody is patient, or everybody for ever.
    broken sequential_line_receiver.c '/^void sequential_line_receiver_read/,/^}/s/timeout_start\(.*/leave(self); (void)(0,/' shell_server
    with_broken server_each shell_server shell_start_word
    [[ "${CFLAGS:-}$BUILD" != *sanitize* ]] || return 0
    # No back-pressure.
    broken examples/shell_server.c 's/process_pause_producing.*;/(void)0;/' shell_server
    with_broken server_each 'shell_server --stream' shell_endless
    broken sequential_line_receiver.c 's/self->busy \|\| self->write_watermark.full/self->busy/' shell_server
    with_broken server_each shell_server shell_memory
}
