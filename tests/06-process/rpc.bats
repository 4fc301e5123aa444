#!/usr/bin/env bats
# Stage 06: rpc_server, its workers, and rpc_client.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each @test is a subshell
# shellcheck disable=SC2016 # what a shell of the server's is to expand
# shellcheck disable=SC2317,SC2034 # broken programs: used by what is called

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/children

# --- rpc_server, rpc_client ---------------------------------------------------------

rpc_client() { # LINE...
    printf '%s\n' "$@" |
        soon "$(program "$STAGE/rpc_client")" -p "$PORT" -r "$POLLER"
}

rpc_session() {
    rpc_client 'sleep 0.3; echo slow' '' 'printf quick' 'printf oops >&2' true >got
    [ "$(head -c 14 got)" = 'root@client>> ' ]
    sed -i 's/root@client>> //g' got
    diff <(sort got) <(printf '\n\noops\nquick\nslow\n')
    [ "$(tail -n 2 got)" = slow ] # with the newline that it printed, and ours
    head -c 2250000 /dev/urandom | base64 -w 0 >random
    rpc_client 'cat random' exit 'echo never' >got
    cmp got <(printf 'root@client>> root@client>> '; cat random; echo)
}

rpc_typed() {
    rpc_client "$odd_command" >got
    cmp got <(printf 'root@client>> root@client>> %s\n' "$odd_shown")
    printf 'printf abc\r\nexit\r\nprintf d\r\n' |
        soon "$(program "$STAGE/rpc_client")" -p "$PORT" -r "$POLLER" >got
    cmp got <(printf 'root@client>> root@client>> abc\n')
}

@test "X5 T1 T3 rpc_client: what a terminal obeys is not shown; CR LF ends a line" {
    server_each rpc_server rpc_typed
}

@test "X5 rpc_server, rpc_client: each line is answered once, the quick ones first" {
    server_each rpc_server rpc_session
}

# rpc_frame TEXT: as peer sends it.
rpc_frame() {
    local text
    for text in "$@"; do
        printf '\\x00\\x00\\x%02x\\x%02x%s' $((${#text} / 256)) \
            $((${#text} % 256)) "$text"
    done
}

rpc_wire() {
    # shellcheck disable=SC2059 # a NUL in it
    peer "$PORT" send="$(rpc_frame '7 shell printf abc')" recv=12 \
        send="$(rpc_frame '0 nothing at all')" recv=30 quiet=20 |
        cmp - <(printf '\0\0\0\x087 ok abc\0\0\0\x1a0 error UnknownProcedure 0')
    peer "$PORT" send="$(rpc_frame '1 shell')" recv=9 quiet=20 |
        cmp - <(printf '\0\0\0\x051 ok ')
    # No request, too long a request: not from a client of ours.
    peer "$PORT" send="$(rpc_frame 'shell ls')" 'reset?'
    peer "$PORT" 'send=\x00\x01\x00\x01' 'reset?'
    run rpc_client yes
    [ "$output" = "root@client>> root@client>> $shell_over" ]
    # The frame has no room for what a command may print.
    run rpc_client "head -c $shell_limit /dev/zero"
    [[ $output == *'error: The procedure has failed: 90: '* ]]
    eventually childless "$PID"
}

@test "X5 rpc_server: the wire, and what is no request" {
    server_each rpc_server rpc_wire
}

# rpc_lines COUNT TEXT
rpc_lines() {
    local i lines=()
    for ((i = 0; i < $1; i++)); do
        lines+=("$2")
    done
    rpc_client "${lines[@]}"
}

rpc_workers() { # COUNT
    local i
    rpc_lines 12 'echo $$ >>pids; while ! [ -e go ]; do sleep 0.02; done; echo done' >got 3>&- &
    RPC=$!
    eventually has_children "$PID" "$1"
    # Another client's call waits for its turn.
    POLLER=poll rpc_client 'echo other; echo other >>pids' >other 3>&- &
    OTHER=$!
    sleep 0.1
    has_children "$PID" "$1"
    [ "$(wc -l <pids)" -eq "$1" ]
    : >go
    wait "$RPC"
    wait "$OTHER"
    [ "$(grep -c 'done$' got)" -eq 12 ]
    grep -q other other
    [ "$(tail -n 1 pids)" = other ] || [ "$1" -gt 1 ]
    rm go pids
    eventually childless "$PID"
}

@test "X5 rpc_server: -w workers, one call each, the oldest first" {
    server_each rpc_server rpc_workers 4
    server_each 'rpc_server -w 1' rpc_workers 1
    server_each 'rpc_server -w 7' rpc_workers 7
}

@test "X5 rpc_server: more calls than wait" {
    POLLER=epoll
    start "$STAGE/rpc_server"
    rpc_lines 500 'echo done' >got
    [ "$(grep -c 'done$' got)" -eq 500 ]
    printf 'echo %s\n' {1..300} >lines
    POLLER=poll rpc_client "$(cat lines)" | sed 's/root@client>> //g' | grep . | sort -n >got
    diff got <(seq 300)
}

rpc_gone() {
    local before way i calls=
    before=$(descriptors "$PID")
    for way in reset close shutdown; do
        peer "$PORT" "$way"
        peer -n 3 "$PORT" send="$(rpc_frame '1 shell exec sleep 60')" pause=30 "$way"
        peer "$PORT" send="$(rpc_frame '1 shell yes')$(rpc_frame '2 shell exec sleep 60')" pause=30 "$way"
        rpc_client 'echo hello' | grep -q hello
    done
    # More calls than a client may have: we must not be deaf to its end.
    for i in {1..120}; do
        calls+=$(rpc_frame "$i shell exec sleep 60")
    done
    for way in reset close shutdown; do
        peer "$PORT" send="$calls" pause=30 "$way"
        rpc_client 'echo hello' | grep -q hello
    done
    as_before "$PID" "$before"
}

@test "X5 rpc_server: clients that go, and their calls with them" {
    server_each rpc_server rpc_gone
}

rpc_greedy() {
    local before all calls=({1..100})
    calls=("${calls[@]/%/ shell echo >>runs; head -c 1000000 /dev/zero}")
    peer "$PORT" send="$(rpc_frame '1 shell ls')" recv=4 >/dev/null
    before=$(server_dirty_kib "$PID")
    server_hold -r 4096 "$PORT" send="$(rpc_frame "${calls[@]}")" hold
    eventually test -s runs
    idle "$PID" || idle "$PID"
    [ "$(wc -l <runs)" -lt 20 ]
    [ $(($(server_dirty_kib "$PID") - before)) -lt 20000 ]
    rpc_client 'echo hello' | grep -q hello # a worker is free for others
    server_release
    eventually childless "$PID"
    rm runs
    # Nor are answers without a call.
    calls=({1..2000})
    all=$(rpc_frame "${calls[@]/%/ x}")
    server_hold -l -r 4096 "$PORT" send="$all" send="$all" send="$all" \
        send="$all" hold
    idle "$PID" || idle "$PID"
    [ $(($(server_dirty_kib "$PID") - before)) -lt 20000 ]
    server_release
}

@test "X5 rpc_server: a client that calls and does not read costs a constant" {
    unwatched
    server_each rpc_server rpc_greedy
}

@test "proof: X4 X5 T152 clients: whichever allocation fails, they end and say so" {
    start 06-process/rpc_server
    server_poor_client 'echo a\n' rpc_client -p "$PORT" -t 9
    start 06-process/shell_server
    server_poor_client 'echo a\npwd\nexit\n' shell_client -p "$PORT"
}

rpc_prompt() {
    server_prompt send="$(rpc_frame '1 shell echo')" \
        send="$(rpc_frame "2 shell $A_MOMENT; echo")" recv=20
}

@test "X5 T50 rpc_server: an answer does not wait for the one before" {
    server_each rpc_server rpc_prompt
}

@test "proof: X5 T50 rpc_server: an answer that waits is seen" {
    broken examples/rpc_server.c 's/tcp_options_set.*;//' rpc_server
    server_sometimes with_broken server_each rpc_server rpc_prompt
}

rpc_ends() {
    server_hold -n 6 "$PORT" send="$(rpc_frame '1 shell exec sleep 60')" hold 'reset?'
    eventually has_children "$PID" 4
    rpc_client 'sleep 60' >got 2>&1 3>&- &
    RPC=$!
    eventually grep -q root got
    server_ends "$PID" TERM
    server_release
    local status=0
    wait "$RPC" || status=$?
    [ "$status" -eq 1 ]
}

@test "X5 SIGTERM with calls under way; the client ends with status 1" {
    server_each rpc_server rpc_ends
}

# As many calls are out as there may be, and more has been typed.
rpc_cut_off_full() {
    local status=0
    rm -f gate
    mkfifo gate
    "$(program "$STAGE/rpc_client")" -r "$POLLER" -p "$PORT" <gate >got 2>errors 3>&- &
    RPC=$!
    SERVERS+=("$RPC")
    exec {GATE}<>gate
    yes 'exec sleep 60' | head -n 1500 >&"$GATE"
    eventually has_children "$PID" 4
    eventually idle "$RPC"
    server_ends "$PID" TERM
    wait_gone "$RPC"
    wait "$RPC" || status=$?
    exec {GATE}>&-
    cat errors
    [ "$status" -eq 1 ]
    [ "$(grep -c 'error: Connection ' got)" -eq 1000 ]
    [ "$(wc -l <errors)" -eq 1 ]
}

@test "X5 rpc_client: what was typed and could not be sent is given up with the connection" {
    server_each rpc_server rpc_cut_off_full
}

rpc_once() {
    [ "$(peer "$PORT" send="$(rpc_frame '7 shell printf abc')" recv=12 |
        tail -c 8)" = '7 ok abc' ]
}

@test "X5 rpc_server: rough peers" {
    server_each rpc_server server_rough_peers rpc_once
}

@test "proof: X5: broken copies are seen to fail" {
    broken examples/rpc_server.c 's/self->busy < self->workers/1/' rpc_server
    with_broken server_each rpc_server rpc_workers 4
    broken examples/rpc_server.c 's/deferred_cancel\(call->deferred\);/self->count--;/' rpc_server
    with_broken server_each rpc_server rpc_gone
    [[ "${CFLAGS:-}$BUILD" != *sanitize* ]] || return 0
    broken examples/rpc_server.c 's/ \|\| call->client->answers.full//' rpc_server
    with_broken server_each rpc_server rpc_greedy
}
