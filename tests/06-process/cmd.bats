#!/usr/bin/env bats
# Stage 06: cmd_server, and the children that read its log.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each @test is a subshell
# shellcheck disable=SC2016 # what a shell of the server's is to expand
# shellcheck disable=SC2317,SC2034 # broken programs: used by what is called

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/children

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
    needs_descriptors 500
    server_each 'cmd_server -c 1000 -l syslog' cmd_crowd
}

cmd_tight() {
    local line
    # All of them are accepted first, or one might be turned away.
    peer -n 10 "$PORT" 'send=test\n' 'until=found.\n' 'send=lastlog\nexit\n' eof >got
    while read -r line; do
        [[ $line == @('Command not found.'|'Begin lastlog'|'End lastlog'|one) ||
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
