#!/usr/bin/env bats
# Stage 05: the command server that hashes beside its loop: row D4 of the features.

# shellcheck disable=SC2030,SC2031,SC2034,SC2086,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/deferred

@test "D4: comphash, a client that leaves or goes, no memory" {
    unit_cases comphash_test
}

@test "proof: D4: jobs that are not cancelled, or never counted, are seen" {
    unit_broken comphash.c 's/deferred_group_cancel\(.*\)/(void)self/' comphash_test gone_meanwhile
    unit_broken deferred.c 's/^    leave_group\(self\);//' comphash_test sixteen_at_a_time
    unit_broken comphash.c 's/== COMPHASH_MAX\)/== -1)/' comphash_test sixteen_at_a_time
    unit_broken comphash.c 's/if \(owner->count-- == COMPHASH_MAX\)/if (owner->count-- == -1)/' \
        comphash_test sixteen_at_a_time
    unit_broken comphash.c 's/^    if \(owner->leaving\)/    if (0)/' \
        comphash_test leaves_when_all_is_answered
    unit_broken comphash.c 's/^    if \(self->count == 0\)//' comphash_test leaves_when_all_is_answered
    unit_broken comphash.c 's/if \(!deferred\)/if (0)/' comphash_test no_memory
}

# --- D4: cmd_server ----------------------------------------------------------------

cmd_session() {
    local path hash
    path=$(a_source)
    hash=$(hash_of "$path")
    deferred_says "Command not found.\nFile hash is : $hash\n" \
        send='test\n' until='found.\n' send="comphash $path\n" until="$hash\n" send='exit\n' eof
    logged 'Reason: Connection was closed cleanly.'
    server_ends "$PID" TERM
    run server_log
    [ "$output" = "[-] Log opened.
[-] MyFactory starting on $PORT
[-] Starting factory MyFactory
[MyFactory] Client connection from 127.0.0.1
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : test
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : comphash $path
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : exit
[CmdProtocol,0,127.0.0.1] Lost client connection. Reason: Connection was closed cleanly.
[-] Received SIGTERM, shutting down.
[-] (TCP Port $PORT Closed)
[-] Stopping factory MyFactory
[-] Main loop terminated." ]
    [ "$(grep -cE '^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}[+-][0-9]{4} \[' "$LOG")" -eq 12 ]
}

@test "D4 cmd_server: the document's session, and its log, line for line" {
    server_each cmd_server cmd_session
}

# cmd_error NUMBER TEXT PATH [CR]
cmd_error() {
    deferred_says "An error occured : [Errno $1] $2: '$3'\n" send="comphash $3${4:-}\n" shutdown eof
}

cmd_answers() {
    local line
    mkfifo -m 644 "fifo.$POLLER"
    cmd_error 2 'No such file or directory' /nowhere/at/all
    cmd_error 2 'No such file or directory' ''
    cmd_error 2 'No such file or directory' "it's"
    cmd_error 21 'Is a directory' "$BATS_TEST_TMPDIR"
    cmd_error 22 'Invalid argument' /dev/zero
    cmd_error 22 'Invalid argument' "$BATS_TEST_TMPDIR/fifo.$POLLER"
    cmd_error 20 'Not a directory' /dev/null/x
    printf -v line '%300s' ''
    cmd_error 36 'File name too long' "/${line// /x}"
    for line in comphash comphash-all 'comphash a b' 'comphash  ' 'comphash a '; do
        deferred_says 'Please provide a path.\n' send="$line\n" shutdown eof
    done
    deferred_says 'An error occured : A path has no NUL byte in it.\n' send='comphash a\0b\n' shutdown eof
    for line in '' test Exit 'comphas x' ' exit' '\0'; do
        deferred_says 'Command not found.\n' send="$line\n" shutdown eof
    done
    : >"empty.$POLLER"
    deferred_says 'File hash is : da39a3ee5e6b4b0d3255bfef95601890afd80709\n' \
        send="comphash $BATS_TEST_TMPDIR/empty.$POLLER\n" shutdown eof
    deferred_says '' send='exit now\ntest\n' eof
    # Of a line typed in telnet CR LF is the end; a CR before that is not.
    deferred_says 'File hash is : da39a3ee5e6b4b0d3255bfef95601890afd80709\n' \
        send="comphash $BATS_TEST_TMPDIR/empty.$POLLER\r\n" shutdown eof
    cmd_error 2 'No such file or directory' 'abc\r' '\r'
    deferred_says 'Please provide a path.\n' send='comphash\r\n' shutdown eof
    logged ' : comphash'
    if grep -q 'comphash.r$' "$LOG"; then return 1; fi
}

@test "D4 cmd_server: no file, no regular file, no path, no command" {
    server_each cmd_server cmd_answers
}

@test "proof: T3 T6 cmd_server: a CR taken for data, or a NUL for an end, is seen" {
    deferred_broken cmd_server examples/cmd_server.c "s/line\\[length - 1\\] == '.r'/0/" cmd_answers
    deferred_broken cmd_server examples/cmd_server.c "s/if (\\(length > 0 && line\\[length - 1\\] == '.r'\\))/while \\1/" cmd_answers
    deferred_broken cmd_server comphash.c "s/memchr\\(blank, '.0', .*\\)\\)/0)/" cmd_answers
}

cmd_owes() {
    local hash='File hash is : da39a3ee5e6b4b0d3255bfef95601890afd80709\n' typed='' all='' i
    : >"empty.$POLLER"
    deferred_says "$hash" send="comphash $BATS_TEST_TMPDIR/empty.$POLLER\nexit\ntest\n" eof
    for i in {1..50}; do
        typed+="comphash $BATS_TEST_TMPDIR/empty.$POLLER\n"
        all+=$hash
    done
    deferred_says "$all" send="${typed}unfinished" shutdown eof
    deferred_says "$all" send="${typed}exit\n" eof
    # The 51st line has to wait until 15 hashes are out at most.
    peer "$PORT" send="${typed}test\nexit\n" eof >received
    [ "$(wc -l <received)" -eq 51 ]
    [ "$(grep -n 'not found' received | cut -d : -f 1)" -ge 36 ]
    # Whoever let it go on, it is the client's line.
    logged ': test'
    ! grep -F ': test' "$LOG" | grep -vF '[CmdProtocol,' || return 1
}

@test "D4 cmd_server: what a client has asked is answered before it leaves, 16 at a time" {
    server_each cmd_server cmd_owes
}

@test "proof: D4 cmd_server: what is owed and not answered is seen" {
    deferred_broken cmd_server comphash.c 's/^( *)line_receiver_pause/\1(void)/' cmd_owes
    deferred_broken cmd_server comphash.c 's/reactor_enter\(owner->reactor, owner->asked\)/reactor_running_now(owner->reactor)/' cmd_owes
    deferred_broken cmd_server comphash.c 's/^( *)line_receiver_resume/\1(void)/' cmd_owes
    deferred_broken cmd_server examples/cmd_server.c 's/^ *\.read_connection_lost = .*//' cmd_owes
    deferred_broken cmd_server examples/cmd_server.c 's/^    line_receiver_pause.*//' cmd_owes
}

@test "D4 cmd_server: a file that must not be read" {
    [ "$(id -u)" -ne 0 ] || skip "root may read anything"
    start 05-deferred/cmd_server
    POLLER=select
    : >secret
    chmod 000 secret
    cmd_error 13 'Permission denied' "$BATS_TEST_TMPDIR/secret"
}

# --- and the loop goes on --------------------------------------------------------

# cmd_talk MS [TRIES]: another client gets answers while the first waits for its hash,
# each within so many milliseconds. The machine may be busy: one hash of five.
cmd_waits() {
    read -r _ mine _ </proc/self/schedstat
    read -r _ waited _ <"/proc/$PID/task/$PID/schedstat"
    waited=$(((waited + mine) / 1000))
}

cmd_talk() {
    local begun took worst count line talk end waited mine
    for _ in $(seq "${2:-5}"); do
        server_hold -t "$DEADLINE" "$PORT" send="comphash $BIG\n" until='\n' hold
        logged ": comphash $BIG"
        exec {talk}<>"/dev/tcp/127.0.0.1/$PORT"
        worst=0 count=0
        end=$((SECONDS + DEADLINE))
        while [ ! -s "$HELD" ] && [ $SECONDS -lt $end ]; do
            cmd_waits
            begun=$((${EPOCHREALTIME/[.,]/} - waited))
            echo test >&"$talk"
            IFS= read -r -t 30 line <&"$talk"
            took=${EPOCHREALTIME/[.,]/}
            cmd_waits
            took=$((took - waited - begun))
            [ "$line" = 'Command not found.' ] || return 1
            [ "$took" -le "$worst" ] || worst=$took
            count=$((count + 1))
            moment 0.003
        done
        exec {talk}>&-
        server_release
        [ "$(cat "$HELD")" = "File hash is : $BIG_HASH" ] || return 1
        echo "$count answers, the slowest after $worst us"
        # Those that were answered before the hash began count as well.
        [ "$count" -lt 25 ] || [ "$worst" -gt $(($1 * 1000)) ] || return 0
    done
    return 1
}

cmd_hashes() { # SIZE
    local most=20
    export DEADLINE=240
    deferred_big "$1"
    ! deferred_sanitized || most=100
    server_each cmd_server cmd_talk "$most"
}

@test "D4 cmd_server: 20 ms at most for an answer while 64 MB are hashed" {
    cmd_hashes 64M
}

@test "proof: D4 cmd_server: 20 ms at most for an answer while 1 GB is hashed" {
    cmd_hashes 1G
}

cmd_prompt() {
    head -c 300000 /dev/zero >large
    server_prompt send="comphash $PWD/large\ncomphash $(a_source)\n" \
        send="comphash $PWD/large\n" until='\n' until='\n' until='\n'
}

@test "D4 T50 cmd_server: an answer does not wait for the one before" {
    server_each cmd_server cmd_prompt
}

@test "proof: D4 cmd_server: a hash that is made in the loop is seen" {
    deferred_big
    deferred_broken cmd_server hash_file.c \
        's/defer_to_thread\(reactor, hash_path, job, &options\)/((void)reactor, (void)options, deferred_maybe(hash_path, job))/' \
        cmd_talk 20 1
}

# --- clients that go, many of them, the end ------------------------------------------

cmd_works() {
    deferred_says 'Command not found.\nFile hash is : da39a3ee5e6b4b0d3255bfef95601890afd80709\n' \
        send="test\ncomphash $BATS_TEST_TMPDIR/nothing\n" shutdown eof
}

# cmd_gone: 20 hashes, of which some have begun, and the client is gone.
cmd_gone() {
    local line typed='' before
    line="comphash $(a_source)\n"
    for _ in {1..20}; do typed+=$line; done
    before=$(server_count 'Lost client')
    peer -n 20 "$PORT" send="$typed" reset
    peer -n 20 "$PORT" send="$typed" close
    eventually server_counts $((before + 40)) 'Lost client'
    cmd_works
    server_ends "$PID" TERM
}

# The client is lost now, and the work with it.
cmd_gone_at_once() {
    peer "$PORT" send="comphash $BIG\ncomphash $BIG\n" pause=100 reset
    eventually server_counts 1 'Lost client'
    cmd_works
    eventually idle "$PID"
    [ "$(cpu_ms "$PID")" -lt 2000 ] # of the seconds that it takes
    server_ends "$PID" TERM
}

@test "D4 cmd_server: a client that is gone during the hash" {
    export DEADLINE=60
    : >nothing
    server_each 'cmd_server -c 1000' cmd_gone
    deferred_big
    deferred_sanitized || server_each cmd_server cmd_gone_at_once
}

@test "proof: D4 cmd_server: a hash that outlives its client is seen" {
    export DEADLINE=60
    : >nothing
    deferred_big
    deferred_sanitized ||
        deferred_broken cmd_server hash_file.c 's/^ *!atomic_load.*/ 1)/' cmd_gone_at_once
    deferred_broken cmd_server examples/cmd_server.c 's/^    comphash_cancel\(.*//' cmd_gone
}

# cmd_has_begun: a megabyte has been read, so a hash is under way.
cmd_has_begun() {
    [ "$(awk '/^rchar/ { print $2 }' "/proc/$PID/io")" -gt 1000000 ]
}

cmd_ends() { # SIGNAL
    server_hold -t 60 -l -n 2 "$PORT" send="comphash $BIG\n" hold eof
    eventually server_counts 2 ": comphash $BIG"
    eventually cmd_has_begun
    server_ends "$PID" "$1"
    server_release
    [ "$(tail -n 1 <(server_log))" = '[-] Main loop terminated.' ]
}

# A file so large that the deadline comes before the end of the hash. Background
# jobs of a shell without job control ignore SIGINT: a fresh shell.
@test "D4 cmd_server: SIGTERM and SIGINT end it, and the hash" {
    local poller signal
    deferred_big
    truncate -s 16G "$BIG"
    for poller in "${POLLERS[@]}"; do
        signal=TERM
        [ "$poller" != poll ] || signal=INT
        start 05-deferred/cmd_server -r "$poller"
        cmd_ends "$signal"
    done
}

@test "proof: D4 cmd_server: an end that waits for the hash is seen" {
    deferred_big
    truncate -s 16G "$BIG"
    deferred_broken cmd_server hash_file.c 's/^ *!atomic_load.*/ 1)/' cmd_ends TERM
    kill -KILL "$PID" # rather than wait for it
    wait "$PID" 2>/dev/null || true
}

cmd_crowd() {
    : >nothing
    server_rough_peers cmd_works
    peer -n 200 "$PORT" send="comphash $BATS_TEST_TMPDIR/nothing\ntest\nexit\n" eof >crowd
    [ "$(grep -c 'File hash is : da39a3ee5e6b4b0d3255bfef95601890afd80709' crowd)" -eq 200 ]
    [ "$(grep -c 'Command not found.' crowd)" -eq 200 ]
    [ "$(wc -l <crowd)" -eq 400 ]
}

@test "D4 cmd_server: resets, half-closes, floods, 200 clients" {
    server_each 'cmd_server -c 1000' cmd_crowd
}

cmd_limit() { # CLIENTS
    server_hold -n "$1" "$PORT" send='in\n' until='found.\n' hold
    eventually server_counts "$1" ': in'
    deferred_says '' send='test\n' eof
    eventually server_counts 1 'Too many connections. bye !'
    server_release
    eventually server_counts "$(($1 + 1))" 'Lost client connection.'
    deferred_says 'Command not found.\n' send='again\n' shutdown eof
    server_counts 1 'Too many'
    server_counts 0 ': test'
}

@test "P11 cmd_server: -c is how many it has room for, 2 by default" {
    server_each cmd_server cmd_limit 2
    server_each 'cmd_server -c 5' cmd_limit 5
    run soon "$(program 05-deferred/cmd_server)" -c many
    [ "$status" -eq 2 ]
    [[ $output == "usage: cmd_server "*"[-c CLIENTS_MAX]"* ]]
}
