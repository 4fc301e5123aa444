#!/usr/bin/env bats
# Stage 06: the programs that run other programs: cmd_server, shell_server and
# shell_client, rpc_server and rpc_client.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each @test is a subshell
# shellcheck disable=SC2016 # what a shell of the server's is to expand
# shellcheck disable=SC2317,SC2034 # broken programs: used by what is called

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# The processes whose parent is PID, zombies included.
children_of() {
    if [ -e "/proc/$$/task/$$/children" ]; then # not every kernel has it
        cat "/proc/$1/task/"*/children 2>/dev/null | tr ' ' '\n' | grep . || true
    else
        cat /proc/[0-9]*/stat 2>/dev/null |
            sed -nE "s/^([0-9]+) .*\) . $1 .*/\1/p"
    fi
}

childless() {
    [ -z "$(children_of "$1")" ]
}

has_children() { # PID COUNT
    [ "$(children_of "$1" | wc -l)" -eq "$2" ]
}

# as_before PID DESCRIPTORS: nothing is left of any client or child.
as_before() {
    eventually has_descriptors "$1" "$2"
    eventually childless "$1"
}

# For tests that measure memory.
unwatched() {
    [[ "${CFLAGS:-}$BUILD${UNDER:-}" != *@(sanitize|valgrind)* ]] ||
        skip 'sanitizers and valgrind use memory of their own'
}

# broken FILE SCRIPT PROGRAM: builds a program of the stage with a broken copy
# of FILE; with_broken has it started instead of the whole one.
broken() {
    unit_program "$3" "$1" "$2" "broken_$BATS_TEST_NUMBER" || return 1
    BROKEN=$(program "tests/$STAGE/broken_$BATS_TEST_NUMBER")
}

# with_broken COMMAND...: the same with the broken program; it must fail.
with_broken() {
    local status=0
    # In the background, where set -e holds whatever follows.
    (
        set -e
        program() { echo "$BROKEN"; }
        DEADLINE=2
        SERVERS=()
        trap 'kill -KILL "${SERVERS[@]}" 2>/dev/null' EXIT
        "$@"
    ) >"$BATS_TEST_TMPDIR/broken.log" 2>&1 3>&- &
    wait "$!" || status=$?
    [ "$status" -ne 0 ] || { echo "not seen: $*"; return 1; }
}

# --- cmd_server: lastlog ---------------------------------------------------------

document_log() {
    cat <<'LOG'
Aug 29 15:02:03 lab sSMTP[5919]: Unable to locate mail
Aug 29 15:02:03 lab sSMTP[5919]: Cannot open mail:25
Aug 29 15:02:03 lab CRON[4945]: (CRON) error (grandchild #4947 failed with exit status 1)
Aug 29 15:02:03 lab sSMTP[5922]: Unable to locate mail
Aug 29 15:02:03 lab sSMTP[5922]: Cannot open mail:25
Aug 29 15:02:03 lab CRON[4945]: (logcheck) MAIL (mailed 1 byte of output; but got status 0x0001, #012)
Aug 29 15:05:01 lab CRON[5925]: (root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)
Aug 29 15:10:01 lab CRON[5930]: (root) CMD (test -x /usr/lib/atsar/atsa1 && /usr/lib/atsar/atsa1)
Aug 29 15:10:01 lab CRON[5928]: (CRON) error (grandchild #5930 failed with exit status 1)
Aug 29 15:13:21 lab pulseaudio[3361]: ratelimit.c: 387 events suppressed
LOG
}

# lastlog_says EXPECTED...: these lines, between Begin and End, and no others.
lastlog_says() {
    peer "$PORT" 'send=lastlog\nexit\n' eof >got
    diff got <(printf '%s\n' 'Begin lastlog' "$@" 'End lastlog')
}

cmd_document() {
    local sum
    { echo older; document_log; } >syslog
    sum=$(sha1sum <syslog)
    peer "$PORT" 'send=test\n' 'until=not found.\n' 'send=lastlog\n' \
        'until=End lastlog\n' 'send=comphash syslog\n' "until=${sum%% *}\n" \
        'send=comphash /no/such\n' "until='\n" 'send=comphash\n' \
        'until=path.\n' 'send=exit\n' eof >got
    diff got - <<END
Command not found.
Begin lastlog
$(document_log)
End lastlog
File hash is : ${sum%% *}
An error occured : [Errno 2] No such file or directory: '/no/such'
Please provide a path.
END
    logged 'Reason: Connection was closed cleanly.'
    server_ends "$PID" TERM
    diff <(server_log) - <<END
[-] Log opened.
[-] MyFactory starting on $PORT
[-] Starting factory MyFactory
[MyFactory] Client connection from 127.0.0.1
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : test
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : lastlog
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : comphash syslog
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : comphash /no/such
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : comphash
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : exit
[CmdProtocol,0,127.0.0.1] Lost client connection. Reason: Connection was closed cleanly.
[-] Received SIGTERM, shutting down.
[-] (TCP Port $PORT Closed)
[-] Stopping factory MyFactory
[-] Main loop terminated.
END
}

@test "X2 X3 cmd_server: the document's session, and its log" {
    server_each 'cmd_server -l syslog' cmd_document
}

cmd_in_one_go() {
    document_log >syslog
    peer "$PORT" 'send=lastlog\ntest\nlastlog\nexit\nnever\n' eof >got
    diff got <(echo 'Begin lastlog'; document_log; echo 'End lastlog'
        echo 'Command not found.'
        echo 'Begin lastlog'; document_log; echo 'End lastlog')
    # Who has sent them is in the log, whenever they had their turn.
    eventually server_counts 4 '[CmdProtocol,0,127.0.0.1] Cmd received'
    peer "$PORT" 'send=lastlog\ncomphash syslog\n' shutdown eof >got
    diff got <(echo 'Begin lastlog'; document_log; echo 'End lastlog'
        echo "File hash is : $(sha1sum <syslog | cut -c 1-40)")
    peer "$PORT" 'send=comphash syslog\nlastlog\nexit\n' eof >got
    [ "$(wc -l <got)" -eq 13 ]
}

cmd_typed() {
    printf 'one\n' >syslog
    peer "$PORT" 'send=lastlog\r\n' 'until=End lastlog\n' \
        'send=comphash /no/such\r\n' "until='\n" \
        'send=comphash sys\0log\n' 'until=path' 'send=exit\r\n' eof >got
    cmp got - <<'END'
Begin lastlog
one
End lastlog
An error occured : [Errno 2] No such file or directory: '/no/such'
An error occured : A path has no NUL byte in it.
END
}

@test "X3 T3 T6 cmd_server: CR LF ends a line; a path with a NUL byte is no path" {
    server_each 'cmd_server -l syslog' cmd_typed
}

@test "X2 cmd_server: lines wait for lastlog, and so does the end of the stream" {
    server_each 'cmd_server -l syslog' cmd_in_one_go
}

cmd_files() {
    : >file
    lastlog_says
    printf 'one\ntwo' >file
    lastlog_says one two
    printf '\n\none\n\n' >file
    lastlog_says '' '' one ''
    printf '==> a <==\n=one\n==\ntwo ==\n=\n==three' >file
    lastlog_says '=one' 'two ==' '='
    seq 30 >file
    lastlog_says {21..30}
    seq 3000000 >file
    lastlog_says {2999991..3000000}
    printf 'a\0b\xff\n\r\n' >file
    peer "$PORT" 'send=lastlog\nexit\n' eof >got
    cmp got <(printf 'Begin lastlog\na\0b\xff\n\r\nEnd lastlog\n')
    peer "$PORT" 'send=lastlog and more\nexit\n' eof >got
    cmp got <(printf 'Begin lastlog\na\0b\xff\n\r\nEnd lastlog\n')
}

@test "X2 cmd_server: an empty file, no last newline, headings, a huge file" {
    server_each 'cmd_server -l file' cmd_files
}

cmd_long_lines() {
    local long
    printf -v long '%16384s' ''
    long=${long// /x}
    { echo first; echo "$long"; echo "${long}y"; head -c 3000000 /dev/zero
        printf '\n==%s\n=%s\nlast' "$long" "$long"; } >file
    peer "$PORT" 'send=lastlog\nexit\n' eof >got
    { echo 'Begin lastlog'; grep -av '^==' file; echo 'End lastlog'; } >expected
    cmp got expected
}

@test "X2 cmd_server: lines of any length are whole" {
    server_each 'cmd_server -l file' cmd_long_lines
}

# A client that does not read stops tail, which costs a constant.
cmd_slow() {
    local before
    head -c 12000000 /dev/zero >file
    peer "$PORT" 'send=test\nexit\n' eof
    before=$(server_dirty_kib "$PID")
    server_hold -t 20 -r 65536 "$PORT" 'send=lastlog\nexit\n' hold eof
    eventually has_children "$PID" 1
    idle "$PID" || idle "$PID"
    has_children "$PID" 1 # it waits in its own write
    [ $(($(server_dirty_kib "$PID") - before)) -lt 1500 ]
    "$@"
    server_release
    { echo 'Begin lastlog'; cat file; echo; echo 'End lastlog'; } | cmp - "$HELD"
    ! grep -qF 'process ended by' "$LOG"
}

@test "X2 cmd_server: a client that reads slowly has all of it in the end" {
    unwatched
    server_each 'cmd_server -l file' cmd_slow
    # Longer than tail may be silent: it was the client who was slow.
    start "$STAGE/cmd_server" -l file
    cmd_slow sleep 5.5
}

cmd_no_file() {
    lastlog_says
    logged "[-] tail: cannot open '/no/such/file' for reading: No such file or directory"
    logged '[-] A process has ended with a probable error condition: process ended with exit code 1.'
}

@test "X2 cmd_server: a missing file, a directory, a missing tail" {
    server_each 'cmd_server -l /no/such/file' cmd_no_file
    start "$STAGE/cmd_server" -l /
    lastlog_says
    logged 'process ended with exit code 1.'
    start "$STAGE/cmd_server" -l -n
    lastlog_says
    logged 'process ended with exit code 1.'
    start_without_path
    peer "$PORT" 'send=lastlog\ntest\nexit\n' eof >got
    diff got - <<'END'
An error occured : [Errno 2] No such file or directory: 'tail'
Command not found.
END
}

@test "X2 cmd_server: lastlog without memory" {
    unit_cases lastlog_test
}

start_without_path() {
    LOG=$BATS_TEST_TMPDIR/no-path.log
    PATH=/no/such/path "$(program "$STAGE/cmd_server")" -p 0 >"$LOG" 2>&1 3>&- \
        </dev/null &
    PID=$!
    SERVERS+=("$PID")
    LOGS+=("$LOG")
    eventually ready_port
}

tails_of() { # PATH
    grep -lzxF -- "$1" /proc/[0-9]*/cmdline 2>/dev/null |
        while IFS=/ read -r _ _ pid _; do
            [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != tail ] || echo "$pid"
        done
}

no_tails_of() {
    [ -z "$(tails_of "$1")" ]
}

# A pipe as log file: tail lasts until somebody writes to it.
cmd_gone() {
    local before way
    [ -p pipe ] || mkfifo pipe
    before=$(descriptors "$PID")
    for way in reset close; do
        peer "$PORT" 'send=lastlog\n' pause=50 "$way"
        eventually has_children "$PID" 1
        peer "$PORT" 'send=test\nexit\n' eof # others are served
        soon sh -c 'echo late >pipe'
        as_before "$PID" "$before"
    done
    server_hold -n 2 "$PORT" 'send=lastlog\n' hold 'reset?'
    eventually has_children "$PID" 2
    server_ends "$PID" TERM
    server_release
    eventually no_tails_of "$PWD/pipe"
}

@test "X2 cmd_server: the client gone in the middle, and the server" {
    server_each "cmd_server -l $PWD/pipe" cmd_gone
}

@test "X2 cmd_server: a file that says nothing does not keep anybody for ever" {
    mkfifo pipe
    start "$STAGE/cmd_server" -r poll -l pipe
    lastlog_says
    logged 'process ended by signal 9.'
    eventually childless "$PID"
    idle "$PID"
}

cmd_crowd() {
    local before
    document_log >syslog
    before=$(descriptors "$PID")
    peer -n 200 "$PORT" 'send=lastlog\nexit\n' eof >got
    for _ in {1..200}; do
        echo 'Begin lastlog'; document_log; echo 'End lastlog'
    done >expected
    cmp got expected
    as_before "$PID" "$before"
}

@test "X2 cmd_server: 200 clients at once" {
    server_each 'cmd_server -c 1000 -l syslog' cmd_crowd
}

cmd_tight() {
    local line
    peer -n 10 "$PORT" 'send=lastlog\nexit\n' eof >got
    while read -r line; do
        [[ $line == @('Begin lastlog'|'End lastlog'|one) ||
            $line == "An error occured : [Errno 24] Too many open files: 'tail'" ]]
    done <got
    grep -q 'An error' got
    lastlog_says one
}

@test "X2 cmd_server: no descriptor left for a child is an answer, too" {
    echo one >file
    # 10 clients and three pipes for each do not fit.
    server_limited 30 server_each 'cmd_server -c 1000 -l file' cmd_tight
}

# What a client asks for and does not read is not made.
cmd_greedy() {
    local lines before
    printf -v lines 'lastlog\\n%.0s' {1..8000}
    yes "$(printf '%8000s' '')" | head -n 10 >file
    peer "$PORT" 'send=test\nexit\n' eof
    before=$(server_dirty_kib "$PID")
    server_hold -r 4096 "$PORT" "send=$lines" hold
    logged 'Cmd received from 127.0.0.1 : lastlog'
    idle "$PID" || idle "$PID"
    [ $(($(server_dirty_kib "$PID") - before)) -lt 3000 ]
    [ "$(server_count ': lastlog')" -lt 100 ]
    server_release
    eventually childless "$PID"
}

@test "X2 cmd_server: a client that asks and does not read costs a constant" {
    unwatched
    server_each 'cmd_server -l file' cmd_greedy
}

cmd_once() {
    document_log >syslog
    peer "$PORT" 'send=lastlog\nexit\n' eof >got
    diff got <(echo 'Begin lastlog'; document_log; echo 'End lastlog')
}

@test "X2 cmd_server: rough peers" {
    server_each 'cmd_server -c 1000 -l syslog' server_rough_peers cmd_once
}

@test "X2 cmd_server: the usage names -l" {
    run soon "$(program "$STAGE/cmd_server")" -h
    [ "$status" -eq 0 ]
    [[ $output == *'[-c CLIENTS_MAX]'*'[-l FILE]'* ]]
}

@test "X2 cmd_server: without -l it is the document's file" {
    local file=/var/log/syslog
    start "$STAGE/cmd_server"
    peer "$PORT" send='lastlog\nexit\n' eof >said
    if [ -s "$file" ] && [ -r "$file" ]; then
        [ "$(wc -l <said)" -gt 2 ]
    else
        [ -e "$file" ] || logged "[-] tail: cannot open '$file' for reading"
        [ "$(cat said)" = $'Begin lastlog\nEnd lastlog' ]
    fi
}

@test "proof: X2 cmd_server: broken copies are seen to fail" {
    # A heading that is looked for only where a piece of the pipe's begins.
    broken examples/lastlog.c 's/self->state = LINE_START;$/self->state = IN_LINE;/' cmd_server
    with_broken server_each 'cmd_server -l file' cmd_files
    # Lines that are cut.
    broken examples/lastlog.c 's/transport_write\(client_of\(self\), data, .*/transport_write(client_of(self), data, (size_t)(stop - data) > 16384 ? 16384 : (size_t)(stop - data));/' cmd_server
    with_broken server_each 'cmd_server -l file' cmd_long_lines
    # No word when tail cannot be started.
    unit_broken lastlog.c 's/transport_write_text\(client_of\(self\), text\);//' \
        lastlog_test no_memory
    # Lines that are not held back.
    broken examples/lastlog.c '/^void lastlog_start/,/^}/s/line_receiver_pause.*;//' cmd_server
    with_broken server_each 'cmd_server -l syslog' cmd_in_one_go
    # Nobody waits until the client has read.
    broken examples/lastlog.c 's/process_pause_producing\(.*\);//' cmd_server
    if [[ "${CFLAGS:-}$BUILD" != *sanitize* ]]; then
        with_broken server_each 'cmd_server -l file' cmd_greedy
        with_broken server_each 'cmd_server -l file' cmd_slow
    fi
    # A tail that is forgotten at the end.
    broken examples/lastlog.c '/^void lastlog_cancel/,/^}/s/end_tail\(self\);//' cmd_server
    with_broken server_each "cmd_server -l $PWD/pipe" cmd_gone
    tails_of "$PWD/pipe" | xargs -r kill
}

# --- shell_server ----------------------------------------------------------------

shell_limit=16777216
shell_over="command failed: ended, it printed over $shell_limit bytes"
shell_nul='command failed: a line has no NUL byte in it'

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
    [ "$(shell_size $shell_limit)" -eq $((shell_limit + 14)) ]
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
    server_each shell_server shell_family
    server_each 'shell_server --stream' shell_family
}

@test "X4 shell_server: clients that go at any point, and their commands with them" {
    server_each shell_server shell_gone ''
    server_each 'shell_server --stream' shell_gone stream
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

# For a shell: some milliseconds, without a child.
A_MOMENT='i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'

shell_prompt() {
    server_prompt "send=echo a; $A_MOMENT; echo b; $A_MOMENT; echo c\n" until='c\n'
}

@test "X4 T50 shell_server --stream: output does not wait for the output before" {
    server_each 'shell_server --stream' shell_prompt
}

@test "proof: X4 T50 shell_server --stream: output that waits is seen" {
    broken examples/shell_server.c 's/tcp_options_set.*;//' shell_server
    with_broken server_each 'shell_server --stream' shell_prompt
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

# What a command prints, and how it is shown: characters stay, in any language,
# and so do LF and TAB; what a terminal would obey does not.
odd_command='printf "a\033[2J\tb\n\345\225\212\202\303"'
odd_shown=$'a\\x1b[2J\tb\n\345\225\212\\x82\\xc3'

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
    broken examples/rpc_server.c 's/rpc_connection_made.*;//' rpc_server
    with_broken server_each rpc_server rpc_prompt
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
