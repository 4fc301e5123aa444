#!/usr/bin/env bats
# Stage 01: servers that run commands, one after the other and in threads, and
# the hotline.

# Each test has a shell of its own: what it sets is gone afterwards.
# shellcheck disable=SC2030,SC2031

load ../lib/helpers

# --- B4, B5, B7: commands in a shell, socketserver, the hotline -----------

commands_greeting='欢迎致电 10086,请输入1xxx,0转人工服务.'
commands_nul=$'command failed: a line has no NUL byte in it\n'
commands_limit=16777216
commands_over="command failed: ended, it printed over $commands_limit bytes"$'\n'
declare -gA commands_peers commands_fifos

# commands_client NAME LINE...: a client's session, with these lines typed.
commands_client() {
    printf '%s\n' "${@:2}" | soon "$(program "01-blocking/$1")" -p "$PORT"
}

# commands_answers COMMAND TEXT: TEXT is all that the server, shell_server or
# command_server, has to say to COMMAND.
commands_answers() {
    local got expected length
    length=$(printf %s "$2" | wc -c)
    if [[ $LOG == *shell_server* ]]; then
        got=$(peer "$PORT" "send=$1" "until=Ready|$length" send=start \
            "recv=$length" quiet=30; echo ".$?")
        expected="Ready|$length$2.0"
    else
        got=$(peer "$PORT" "until=$commands_greeting" "send=$1" \
            "recv=$length" quiet=30; echo ".$?")
        expected="$commands_greeting$2.0"
    fi
    [ "$got" = "$expected" ] || {
        printf 'expected: %q\ngot:      %q\n' "$expected" "$got"
        return 1
    }
}

# For tests that measure memory.
commands_unwatched() {
    [[ "${CFLAGS:-}$BUILD${UNDER:-}" != *@(sanitize|valgrind)* ]] ||
        skip 'sanitizers and valgrind use memory of their own'
}

# The processes whose parent is PID, zombies included.
commands_children() {
    cat /proc/[0-9]*/stat 2>/dev/null |
        sed -nE "s/^([0-9]+) .*\) (.) $1 .*/\1 \2/p"
}

commands_childless() {
    [ -z "$(commands_children "$1")" ]
}

# No process of the group GROUP runs. Its orphans may wait for init to reap.
commands_group_ended() {
    ! cat /proc/[0-9]*/stat 2>/dev/null | grep -qE "\) [^ZX] [0-9]+ $1 "
}

commands_has_threads() { # PID COUNT
    grep -q "^Threads:[[:space:]]*$2\$" "/proc/$1/status"
}

commands_kilobytes() { # PID
    awk '/^VmData:/ { print $2 }' "/proc/$1/status"
}

# COUNT of a server's 40 descriptors are used. It may have inherited others,
# with larger numbers, that its limit does not know of.
commands_has_used() { # PID COUNT
    [ "$(commands_used "$1")" -eq "$2" ]
}

commands_used() { # PID
    find "/proc/$1/fd" -name '[0-9]' -o -name '[1-3][0-9]' | wc -l
}

# commands_hold NAME PEER-ARGUMENT...: a peer in the background whose step
# `hold` lasts until commands_let_go NAME, which returns the peer's status.
# What it prints is in the file NAME.
commands_hold() {
    local fifo
    mkfifo "$1.fifo"
    (
        # A copy of another's fifo would hold that one up as well.
        for fifo in "${commands_fifos[@]}"; do
            exec {fifo}>&-
        done
        peer "${@:2}"
    ) <"$1.fifo" >"$1" 2>&1 3>&- &
    commands_peers[$1]=$!
    exec {fifo}>"$1.fifo"
    commands_fifos[$1]=$fifo
}

commands_let_go() {
    local fifo=${commands_fifos[$1]}
    exec {fifo}>&-
    unset "commands_fifos[$1]"
    wait "${commands_peers[$1]}" || { cat "$1"; return 1; }
}

# --- B4, B5: what a command is answered with, by both servers -------------

@test "B4 B5: standard output, or else standard error" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf abc' abc
        commands_answers 'printf no >&2; printf abc; printf no >&2' abc
        commands_answers 'printf wrong >&2' wrong
        commands_answers 'exec >&-; printf wrong >&2' wrong
        commands_answers 'printf abc; exec >&- 2>&-; exit 3' abc
        commands_answers '-version 2>/dev/null; printf $?' 127
        commands_answers "printf abc #$(printf 'x%.0s' {1..4000})" abc
    done
}

@test "B4 B5: the newline of a typed line is no part of the command" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf a\n' a
        commands_answers 'printf a\r\n' a
        commands_answers 'printf a\nprintf b\n' ab
        commands_answers 'printf a\r' $'a\r'
    done
}

# commands_start_badly STAGE/NAME: starts a server that ignores some signals
# and has something to read.
commands_start_badly() {
    LOG=$BATS_TEST_TMPDIR/${1//\//-}.log
    (
        trap '' PIPE USR1 CHLD
        exec "$(program "$1")" -p 0
    ) >"$LOG" 2>&1 3>&- <<< 'typed at the server' &
    PID=$!
    SERVERS+=("$PID")
    LOGS+=("$LOG")
    eventually ready_port
}

@test "B4 B5: a command has no input, no signal ignored or blocked, no descriptor of ours" {
    local server expected
    expected=$(sh -c 'ls /proc/$$/fd' 2>&1 3>&- </dev/null; printf .)
    # 180000000 are glibc's own signals 32 and 33, which posix_spawn ignores.
    for server in shell_server command_server; do
        commands_start_badly "01-blocking/$server"
        grep -q '^SigIgn:.*[1-9]' "/proc/$PID/status"
        commands_answers 'cat; printf done' 'done'
        commands_answers \
            'grep -cE "^Sig(Ign|Blk):.0*(180000000)?$" /proc/self/status |
             tr "\\n" .' 2.
        commands_answers 'ls /proc/$$/fd; printf .' "$expected"
    done
}

@test "B4 B5: what a grandchild prints belongs to the answer" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers '(sleep 0.2; printf late) & printf early-' early-late
        commands_answers '(sleep 0.2; printf late) & kill -9 $$' late
        # One that has let go of both outputs is on its own.
        commands_answers 'sleep 30 >/dev/null 2>&1 & echo $! >pid; printf a' a
        kill "$(cat pid)"
    done
}

@test "B4 B5: a command that kills itself is answered and reaped" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf last-words; kill -9 $$' last-words
        commands_answers 'printf last-words; kill -SEGV $$' last-words
        eventually commands_childless "$PID"
    done
}

@test "B4 B5: a NUL byte is no part of a command" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf a; \0printf b' "$commands_nul"
        commands_answers '\0' "$commands_nul"
        commands_answers 'printf abc' abc
    done
}

@test "B4 B5: a megabyte of anything arrives byte for byte" {
    head -c 1000003 /dev/urandom >random
    start 01-blocking/shell_server
    peer "$PORT" 'send=cat random' 'until=Ready|1000003' send=start \
        recv=1000003 quiet=30 >got
    cmp random <(tail -c +14 got)
    start 01-blocking/command_server
    peer "$PORT" "until=$commands_greeting" 'send=cat random' recv=1000003 \
        quiet=30 >got
    cmp random <(tail -c +$((1 + $(printf %s "$commands_greeting" | wc -c))) got)
}

@test "B4 B5: a command that fills both outputs is read on both" {
    start 01-blocking/shell_server
    commands_answers 'yes | head -c 1000000 >&2; printf abc' abc
    run peer "$PORT" 'send=yes | head -c 1000000; yes | head -c 1000000 >&2' \
        'until=Ready|1000000' send=start pause=0
    [ "$status" -eq 0 ]
}

@test "B4 B5: an endless command is ended, with all that it has started" {
    local server command before
    for server in shell_server command_server; do
        start "01-blocking/$server"
        before=$(descriptors "$PID")
        for command in yes 'yes >&2' 'sleep 60 & yes & wait' \
            'setsid yes & sleep 60'; do
            commands_answers "echo \$\$ >group; $command" "$commands_over"
            eventually commands_group_ended "$(cat group)"
            eventually commands_childless "$PID"
            eventually has_descriptors "$PID" "$before"
        done
    done
}

@test "B4: exactly the limit is an answer, a byte more is not" {
    start 01-blocking/shell_server
    peer "$PORT" "send=head -c $commands_limit /dev/zero" \
        "until=Ready|$commands_limit" send=start "recv=$commands_limit" \
        quiet=30 >got
    [ "$(wc -c <got)" -eq $((commands_limit + 14)) ]
    commands_answers "head -c $((commands_limit + 1)) /dev/zero" \
        "$commands_over"
}

@test "B4 B5: 200 commands leave no descriptor and no zombie" {
    local before steps
    steps=()
    for _ in {1..200}; do
        steps+=("send=printf abc" "until=Ready|3" send=start recv=3)
    done
    start 01-blocking/shell_server
    before=$(descriptors "$PID")
    peer "$PORT" "${steps[@]}"
    eventually has_descriptors "$PID" "$before"
    commands_childless "$PID"

    steps=("until=$commands_greeting")
    for _ in {1..200}; do
        steps+=("send=printf abc" recv=3)
    done
    start 01-blocking/command_server
    before=$(descriptors "$PID")
    peer "$PORT" "${steps[@]}"
    eventually has_descriptors "$PID" "$before"
    commands_childless "$PID"
    commands_has_threads "$PID" 1
}

@test "B4 B5: a hundred megabytes of answers leave no memory behind" {
    local before steps both='head -c 500000 /dev/zero; head -c 500000 /dev/zero >&2'
    commands_unwatched
    steps=()
    for _ in {1..100}; do
        steps+=("send=$both" "until=Ready|500000" send=start recv=500000)
    done
    start 01-blocking/shell_server
    before=$(commands_kilobytes "$PID")
    peer "$PORT" "${steps[@]}" >/dev/null
    [ $(($(commands_kilobytes "$PID") - before)) -lt 30000 ]
    commands_answers yes "$commands_over"
    commands_answers yes "$commands_over"
    commands_answers yes "$commands_over"
    [ $(($(commands_kilobytes "$PID") - before)) -lt 30000 ]

    steps=("until=$commands_greeting")
    for _ in {1..100}; do
        steps+=("send=$both" recv=500000)
    done
    start 01-blocking/command_server
    before=$(commands_kilobytes "$PID")
    peer "$PORT" "${steps[@]}" >/dev/null
    [ $(($(commands_kilobytes "$PID") - before)) -lt 30000 ]
}

@test "B4 B5: clients that go at any point leave nothing behind" {
    local server before way steps
    for server in shell_server command_server; do
        start "01-blocking/$server"
        before=$(descriptors "$PID")
        for way in reset close shutdown; do
            if [ "$server" = shell_server ]; then
                peer "$PORT" 'send=printf abc' 'until=Ready|3' "$way" >/dev/null
                peer "$PORT" 'send=printf abc' 'until=Ready|3' send=sta "$way" \
                    >/dev/null
                steps=('until=Ready|8000000' send=start)
            else
                steps=("until=$commands_greeting")
            fi
            peer "$PORT" "$way"
            peer "$PORT" 'send=sleep 0.1; printf abc' "$way"
            peer "$PORT" 'send=head -c 8000000 /dev/zero' "${steps[@]}" \
                recv=1000 "$way" >/dev/null
        done
        commands_answers 'printf abc' abc
        eventually has_descriptors "$PID" "$before"
        eventually commands_childless "$PID"
        eventually commands_has_threads "$PID" 1
    done
}

@test "B4 B5: garbage, floods and single bytes are survived" {
    local server
    for server in shell_server command_server hotline_server; do
        start "01-blocking/$server"
        peer -l "$PORT" 'drip=\xff\xfe;%s\n\n' flood=100000 reset
        peer -l "$PORT" flood=100000 shutdown 'reset?'
        peer "$PORT" close
        [ "$server" = hotline_server ] || commands_answers 'printf abc' abc
    done
    peer "$PORT" "until=$commands_greeting" close
}

@test "B4 B5 B7: a port in use is said once, and is the end" {
    local server
    start 01-blocking/hotline_server
    for server in shell_server command_server hotline_server; do
        run soon "$(program "01-blocking/$server")" -p "$PORT"
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ $output == "$server: 127.0.0.1:$PORT: Address "*"in use" ]]
    done
}

# --- B4: shell_server, shell_client ----------------------------------------

@test "B4: the length, start, and exactly so many bytes" {
    start 01-blocking/shell_server
    run peer "$PORT" 'send=printf abc' 'until=Ready|3' quiet=100 send=start \
        recv=3 quiet=30 'send=printf defg' 'until=Ready|4' send=start recv=4
    [ "$output" = 'Ready|3abcReady|4defg' ]
    run peer "$PORT" send=true 'until=Ready|0' send=start quiet=30 \
        'send=printf abc' 'until=Ready|3' send=start recv=3
    [ "$output" = 'Ready|0Ready|3abc' ]
}

# A terminal of its own, in the foreground of which the server runs.
@test "B4: a command that reads the terminal is not stopped by it" {
    command -v script >/dev/null || skip "no script"
    LOG=$BATS_TEST_TMPDIR/terminal.log
    script -qfec "'$(program 01-blocking/shell_server)' -p 0" "$LOG" \
        >/dev/null 2>&1 3>&- </dev/null &
    SERVERS+=($!)
    terminal_port() {
        PORT=$(tr -d '\r' <"$LOG" | sed -n 's/^listening on .*:\([0-9]*\)$/\1/p')
        [ -n "$PORT" ]
    }
    eventually terminal_port
    run peer "$PORT" 'send=read x </dev/tty; echo $?' 'until=Ready|' send=start \
        'until=\n'
    [ "$status" -eq 0 ]
    [[ $output =~ ^Ready\|2[1-9]$ ]] # two bytes: that it failed, a newline
}

@test "B4: start may come in pieces, typed, or glued to the next command" {
    start 01-blocking/shell_server
    run peer "$PORT" 'send=printf abc' 'until=Ready|3' drip=start recv=3 quiet=30
    [ "$output" = 'Ready|3abc' ]
    run peer "$PORT" 'send=printf abc\n' 'until=Ready|3' 'send=start\n' recv=3 \
        quiet=30 'send=printf defg\n' 'until=Ready|4' 'send=start\r\n' recv=4 \
        quiet=30
    [ "$output" = 'Ready|3abcReady|4defg' ]
    run peer "$PORT" 'send=printf abc' 'until=Ready|3' \
        'send=startprintf defg' 'until=abcReady|4' send=start recv=4
    [ "$output" = 'Ready|3abcReady|4defg' ]
}

@test "B4: a client that says another word than start gets no output" {
    local word
    start 01-blocking/shell_server
    for word in stop no 'star\n' 'printf wrong' 'x\0' ' start'; do
        run peer "$PORT" 'send=printf abc' 'until=Ready|3' "send=$word" \
            quiet=50 'send=printf defg' 'until=Ready|4' send=start recv=4
        [ "$output" = 'Ready|3Ready|4defg' ]
    done
}

@test "B4: who waits is served when the client before has gone" {
    start 01-blocking/shell_server
    commands_hold first "$PORT" 'send=printf abc' 'until=Ready|3' hold
    eventually grep -q 'Ready|3' first
    commands_hold second "$PORT" 'send=printf defg' 'until=Ready|4' hold
    peer "$PORT" quiet=100
    [ ! -s second ]
    commands_let_go first
    eventually grep -q 'Ready|4' second
    commands_let_go second
}

@test "B4: the client prints both sizes and the output" {
    start 01-blocking/shell_server
    run commands_client shell_client 'printf abc' '' 'printf no >&2' true exit \
        'printf never'
    [ "$status" -eq 0 ]
    [ "$output" = '>>>:message size 3 recv size 3
abc
>>>:>>>:message size 2 recv size 2
no
>>>:message size 0 recv size 0

>>>:' ]
}

@test "B4: the client receives a large answer whole" {
    head -c 3000000 /dev/urandom | base64 -w 99 | head -c 3000000 >random # text
    start 01-blocking/shell_server
    commands_client shell_client 'cat random' >got
    cmp <(printf '>>>:message size 3000000 recv size 3000000\n'
        cat random
        printf '\n>>>:') got
}

@test "B4: the client reads Ready and the output however they are cut" {
    start tests/puppet wait=one 'drip=Ready|12' wait=start 'drip=hello, ' \
        'send=world' wait=two 'send=Rea' 'drip=dy' 'send=|1' 'drip=0' \
        wait=start 'drip=0123456789'
    run commands_client shell_client one two
    [ "$output" = '>>>:message size 12 recv size 12
hello, world
>>>:message size 10 recv size 10
0123456789
>>>:' ]
}

@test "B4: the client believes no server that breaks off or talks nonsense" {
    local cut='connection closed by server'
    local no='answer is not Ready|LENGTH' impossible='answer has an impossible length'
    local tale words tales=(
        "|$cut"
        "send=Rea|$cut"
        "send=Ready~12|$cut"
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
    for tale in "${tales[@]}"; do
        IFS=' ' read -ra words <<< "${tale%%|*}"
        start tests/puppet wait=one "${words[@]//\~/|}"
        run commands_client shell_client one
        [ "$status" -eq 1 ]
        [ "$output" = ">>>:shell_client: 127.0.0.1: ${tale#*|}" ]
    done
}

@test "B4: without a length answers are cut, and run together" {
    start 01-blocking/shell_server --naive
    for _ in {1..10}; do
        run soon "$(program 01-blocking/shell_client)" --naive -p "$PORT" \
            <<< $'seq 0 300\necho hello\necho again'
        [ "$status" -eq 0 ]
        [ "$output" = ">>>:$(seq 0 282)
28
>>>:3
$(seq 284 300)
hello

>>>:again

>>>:" ]
    done
}

@test "B4: naive, an answer of many pieces never makes the client wait" {
    start 01-blocking/shell_server --naive
    run soon "$(program 01-blocking/shell_client)" --naive -p "$PORT" \
        <<< $'head -c 8000000 /dev/zero | tr "\\0" x\necho hello\necho again'
    [ "$status" -eq 0 ]
    [ "${#output}" -eq $((4 + 3 * (1024 + 1 + 4))) ]
    run soon "$(program 01-blocking/shell_client)" --naive -p "$PORT" \
        <<< $'head -c 2048 /dev/zero | tr "\\0" x\ntrue'
    [ "$status" -eq 0 ]
    [ "${#output}" -eq $((4 + 2 * (1024 + 1 + 4))) ]
    run peer "$PORT" 'send=printf abc' recv=3 quiet=30
    [ "$output" = abc ]
}

# --- B5: socketserver, command_server, command_client -----------------------

# commands_build_unit: builds socketserver_test.c, for `start`.
commands_build_unit() {
    # shellcheck disable=SC2086 # flags are words
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        -Werror ${CFLAGS:--O2} -pthread -I"$ROOT/01-blocking" \
        -o "$ROOT/tests/$BUILD/socketserver_test" \
        "$ROOT/tests/01-blocking/socketserver_test.c" "$ROOT/01-blocking/$BUILD/stage.a"
}

@test "B5: setup, handle, finish: one object a client, one client at a time" {
    commands_build_unit
    start tests/socketserver_test
    commands_hold first "$PORT" until=hello send=12345 hold
    eventually grep -q hello first
    commands_hold second "$PORT" port until=hello send=123 hold
    eventually grep -q '[0-9]$' second
    peer "$PORT" quiet=100
    [ "$(grep -c hello second)" -eq 0 ]
    commands_let_go first
    eventually grep -q hello second
    commands_let_go second
    logged 'finish 3'
    run grep -v '^listening' "$LOG"
    [ "${lines[0]% *}" = 'setup 0' ]
    [ "${lines[1]}" = 'host 127.0.0.1' ]
    [ "${lines[2]}" = handle ]
    [ "${lines[3]}" = 'finish 5' ]
    [ "${lines[4]}" = "setup 0 $(head -n 1 second)" ]
    [ "${lines[7]}" = 'finish 3' ]
}

@test "B5: with the threading mix-in clients are served at the same time" {
    commands_build_unit
    start tests/socketserver_test --mode threads
    commands_hold first "$PORT" until=hello send=12345 hold
    eventually grep -q hello first
    peer "$PORT" until=hello send=123
    logged 'finish 3'
    [ "$(grep -c '^finish 5$' "$LOG")" -eq 0 ]
    commands_let_go first
    logged 'finish 5'
    eventually commands_has_threads "$PID" 1
}

@test "B5: a class that leaves all out closes its clients" {
    commands_build_unit
    start tests/socketserver_test --mode nothing
    run peer -n 3 "$PORT" eof
    [ "$status" -eq 0 ]
    [ "$output" = '' ]
}

@test "B5: a handler is freed with its client" {
    local before
    commands_unwatched
    commands_build_unit
    start tests/socketserver_test
    peer "$PORT" shutdown eof
    before=$(commands_kilobytes "$PID")
    peer -n 100 "$PORT" shutdown eof >/dev/null
    logged 'finish 0'
    # Each of the hundred had a megabyte.
    [ $(($(commands_kilobytes "$PID") - before)) -lt 50000 ]
}

@test "B5: nothing printed is answered with the directory" {
    start 01-blocking/command_server
    commands_answers true "current dirctory is $PWD"
    commands_answers '\n' "current dirctory is $PWD"
    commands_answers 'cd /' "current dirctory is $PWD"
}

@test "B5: a half-closed client gets its answer, and then the end" {
    start 01-blocking/command_server
    run peer "$PORT" 'send=sleep 0.1; printf abc' shutdown eof
    [ "$status" -eq 0 ]
    [ "$output" = "${commands_greeting}abc" ]
}

@test "B5: nobody waits for another's command" {
    start 01-blocking/command_server
    commands_hold slow "$PORT" "until=$commands_greeting" \
        'send=until [ -e go ]; do sleep 0.02; done; printf gone' until=gone hold
    commands_answers 'printf abc' abc
    [ "$(cat slow)" = "$commands_greeting" ]
    touch go
    commands_let_go slow
}

@test "B5: 200 clients at once" {
    needs_descriptors 1000 # a connection each, and a pipe for its command
    start 01-blocking/command_server
    commands_hold many -n 200 "$PORT" "until=$commands_greeting" hold \
        'send=printf abc' recv=3 quiet=30
    eventually commands_has_threads "$PID" 201
    commands_let_go many
    [ "$(cat many)" = "$(printf "$commands_greeting%.0s" {1..200}
        printf 'abc%.0s' {1..200})" ]
    eventually commands_has_threads "$PID" 1
    commands_childless "$PID"
}

@test "B5: 100 clients and 40 descriptors: alive, idle, and serving afterwards" {
    local limit before
    limit=$(ulimit -Sn)
    ulimit -Sn 40
    start 01-blocking/command_server
    ulimit -Sn "$limit"
    before=$(descriptors "$PID")
    commands_hold first "$PORT" "until=$commands_greeting" hold \
        'send=printf abc' 'until=command failed: ' 'until=\n'
    eventually grep -q . first
    commands_hold many -n 100 "$PORT" hold
    eventually commands_has_used "$PID" 40
    idle "$PID"
    commands_let_go first
    commands_let_go many
    eventually has_descriptors "$PID" "$before"
    commands_answers 'printf abc' abc
    eventually has_descriptors "$PID" "$before"
}

@test "B5: a command for which there are not enough descriptors is not run" {
    local limit before free clients
    limit=$(ulimit -Sn)
    ulimit -Sn 40
    start 01-blocking/command_server
    ulimit -Sn "$limit"
    before=$(commands_used "$PID")
    for free in 0 1 2 3; do
        clients=$((40 - before - free))
        commands_hold "free$free" -n "$clients" "$PORT" \
            "until=$commands_greeting" hold 'send=printf abc' \
            'until=command failed: ' 'until=\n' quiet=30
        eventually commands_has_used "$PID" $((40 - free))
        commands_let_go "free$free"
        eventually commands_has_used "$PID" "$before"
    done
    commands_answers 'printf abc' abc
}

# commands_starve SERVER: starts it with memory for a few threads only, and
# keeps 50 clients on it; those that cannot have one are closed.
commands_starve() {
    commands_unwatched
    ulimit -Sv 150000
    start "01-blocking/$1"
    ulimit -Sv unlimited
    commands_hold many -l -n 50 "$PORT" "until=$commands_greeting" \
        port hold
    eventually grep -q '[0-9]$' many
    peer -l "$PORT" reset?
    kill -0 "$PID"
    commands_let_go many
    [ "$(grep -o 欢迎致电 many | wc -l)" -gt 2 ]
    [ "$(grep -o 欢迎致电 many | wc -l)" -lt 50 ]
    eventually commands_has_threads "$PID" 1
    peer "$PORT" "until=$commands_greeting" >/dev/null
}

@test "B5: a client for whom there is no thread is closed, the others go on" {
    commands_starve command_server
    commands_answers 'printf abc' abc
}

@test "B5: the client prints the greeting and each answer" {
    start 01-blocking/command_server
    run commands_client command_client 'printf abc' '' 'printf no >&2' true exit \
        'printf never'
    [ "$status" -eq 0 ]
    [ "$output" = "$commands_greeting
>>>:abc
>>>:>>>:no
>>>:current dirctory is $PWD
>>>:" ]
}

@test "B5: the client prints an answer that is longer than its recv" {
    start 01-blocking/command_server
    run commands_client command_client 'seq 2000' 'printf abc'
    [ "$status" -eq 0 ]
    [ "$output" = "$commands_greeting
>>>:$(seq 2000)

>>>:abc
>>>:" ]
}

@test "B5: the client says so when the server breaks off" {
    start tests/puppet send=hello wait=one
    run commands_client command_client one
    [ "$status" -eq 1 ]
    [ "$output" = 'hello
>>>:command_client: 127.0.0.1: connection closed by server' ]
    start tests/puppet
    run commands_client command_client one
    [ "$status" -eq 1 ]
    [ "$output" = 'command_client: 127.0.0.1: connection closed by server' ]
}

# --- B7: hotline_server -----------------------------------------------------

@test "B7: greeting, 0, exit, and anything else" {
    start 01-blocking/hotline_server
    run peer "$PORT" "until=$commands_greeting" quiet=50 send=0 \
        'until=通过可能会被录音.balabala一大推' quiet=50 send=help \
        'until=请重新输入.' quiet=50 'send=0\r\n' 'until=一大推' 'send=exit ' \
        'until=请重新输入.' send=exit eof
    [ "$status" -eq 0 ]
    run peer "$PORT" "until=$commands_greeting" 'send=exit\n' eof
    [ "$status" -eq 0 ]
    [ "$output" = "$commands_greeting" ]
    run peer "$PORT" "until=$commands_greeting" 'send=0\0' 'until=请重新输入.' \
        'send=exit\0' 'until=请重新输入.' 'send=\n' 'until=请重新输入.' quiet=30
    [ "$status" -eq 0 ]
}

commands_looped() { # TIMES
    [ "$(grep -c '^looping$' "$LOG")" -ge "$1" ]
}

@test "B7: looping each idle second, get request for each client" {
    local seconds=$SECONDS
    start 01-blocking/hotline_server
    commands_hold held -n 3 "$PORT" "until=$commands_greeting" hold
    eventually commands_looped 2
    [ $((SECONDS - seconds)) -ge 1 ]
    [ "$(grep -c '^get request$' "$LOG")" -eq 3 ]
    idle "$PID"
    commands_let_go held
}

@test "B7: 200 clients at once" {
    start 01-blocking/hotline_server
    commands_hold many -n 200 "$PORT" "until=$commands_greeting" hold send=0 \
        'until=通过可能会被录音.balabala一大推' send=exit eof
    eventually commands_has_threads "$PID" 201
    commands_let_go many
    eventually commands_has_threads "$PID" 1
    [ "$(grep -c '^get request$' "$LOG")" -eq 200 ]
}

@test "B7: 100 clients and 40 descriptors: alive, idle, and serving afterwards" {
    local limit before
    limit=$(ulimit -Sn)
    ulimit -Sn 40
    start 01-blocking/hotline_server
    ulimit -Sn "$limit"
    before=$(descriptors "$PID")
    commands_hold many -n 100 "$PORT" hold
    eventually commands_has_used "$PID" 40
    idle "$PID"
    commands_let_go many
    eventually has_descriptors "$PID" "$before"
    peer "$PORT" "until=$commands_greeting" send=exit eof
    eventually has_descriptors "$PID" "$before"
}

@test "B7: a client for whom there is no thread is closed, the others go on" {
    commands_starve hotline_server
}

@test "B7: clients that go at any point leave nothing behind" {
    local before way
    start 01-blocking/hotline_server
    before=$(descriptors "$PID")
    for way in reset close shutdown; do
        peer -n 20 "$PORT" "$way"
        peer -n 20 "$PORT" "until=$commands_greeting" send=0 "$way" >/dev/null
        peer -n 20 "$PORT" send=0 send=exit "$way"
    done
    eventually has_descriptors "$PID" "$before"
    eventually commands_has_threads "$PID" 1
    peer "$PORT" "until=$commands_greeting" send=exit eof
}
