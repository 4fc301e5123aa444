#!/usr/bin/env bats
# Stage 05: the command server that hashes, remote calls, and the programs that
# tell what a Deferred is. D2, D4, D6 and D8 are rows of the features.

# shellcheck disable=SC2030,SC2031,SC2086,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- unit programs -----------------------------------------------------------

@test "D8: remote calls, their answers, and no answers" {
    unit_cases rpc_test select
}

@test "D4: comphash, a client that leaves or goes, no memory" {
    unit_cases comphash_test
}

@test "proof: D8: swapped ids, errors without types, calls that nobody ends are seen" {
    unit_broken rpc_caller.c 's/call && call->id != message.id/0/' rpc_test in_any_order select
    unit_broken rpc_caller.c 's/\+\+self->last_id, deferred/self->last_id++, deferred/' \
        rpc_test in_any_order select
    unit_broken rpc_caller.c 's/!strcmp\(text, types\[i\]->name\)/0/' rpc_test errors_have_types select
    unit_broken rpc_caller.c 's/strcmp\(text, types\[i\]->name\)/strncmp(text, types[i]->name, 10)/' \
        rpc_test errors_have_types select
    unit_broken rpc_caller.c 's/while \(self->calls\)/while (0)/' rpc_test connection_lost select
    unit_broken rpc_caller.c 's/if \(self->lost\)/if (0)/' rpc_test trying_again_is_refused select
    unit_broken rpc_caller.c 's/^    forget\(argument\);/    (void)argument;/' \
        rpc_test what_nobody_asked select
    unit_broken rpc_caller.c 's/^        int_receiver_abort.*//' rpc_test what_is_no_answer select
    unit_broken rpc_caller.c "$(unit_in rpc_caller_string_received)s/^    forget\\(call\\);//; s/^    forget\\(call\\);//" \
        rpc_test what_nobody_asked select
    unit_broken rpc_caller.c 's/^    if \(!result\)/    if (0)/' rpc_test no_memory select
    unit_broken rpc.c 's/ \|\| next - string > ID_MAX//' rpc_test parse select
    unit_broken rpc.c 's/rest_length > RPC_MESSAGE_MAX - room/0/' rpc_test the_longest_message select
    unit_broken rpc.c 's/^    if \(!string\)/    if (0)/' rpc_test no_memory select
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
    unit_broken hash_file.c 's/^    if \(!piece\)/    if (0)/' comphash_test no_memory
}

# --- what the tests of the programs share ----------------------------------------

# A source of ours, at a path without a space, wherever the tree is.
a_source() {
    [ -e "$BATS_TEST_TMPDIR/source" ] ||
        cp "$ROOT/$STAGE/deferred/deferred.c" "$BATS_TEST_TMPDIR/source"
    echo "$BATS_TEST_TMPDIR/source"
}

# deferred_says TEXT STEP...: what the peer receives, byte for byte.
deferred_says() {
    printf '%b' "$1" >expected
    peer "$PORT" "${@:2}" >received || return 1
    cmp expected received || { cat -v received; return 1; }
}

# deferred_strictly COMMAND...: for the background; all of it must succeed.
deferred_strictly() {
    trap - ERR EXIT DEBUG
    set -e +ET
    DEADLINE=3
    "$@"
}

# deferred_broken PROGRAM FILE SCRIPT COMMAND...: the command, beside a server
# with a FILE that sed has changed, fails.
deferred_broken() {
    local name=broken_${1}_$BATS_TEST_NUMBER status=0
    unit_program "$1" "$2" "$3" "$name" || return 1
    GLIBC_TUNABLES=$UNIT_MALLOC start "tests/$STAGE/$name" -r epoll
    POLLER=epoll
    deferred_strictly "${@:4}" >said 2>&1 3>&- &
    wait $! || status=$?
    echo "broken by: $3"
    head -n 20 said
    [ "$status" -ne 0 ] || return 1
    # It may have been found to be at fault, and the next needs another name.
    # shellcheck disable=SC2034
    LOGS[-1]=/dev/null
}

# deferred_big [128M]: a file that takes seconds to hash, and no room.
deferred_big() {
    BIG=$BATS_TEST_TMPDIR/big
    BIG_HASH=2a492f15396a6768bcbca016993f4b4c8b0b5307
    [ "${1:-1G}" = 1G ] || BIG_HASH=ba713b819c1202dcb0d178df9d2b3222ba1bba44
    truncate -s "${1:-1G}" "$BIG"
}

deferred_sanitized() {
    [[ ${CFLAGS:-} == *sanitize* ]] || [ -n "$UNDER" ]
}

# --- D4: cmd_server ----------------------------------------------------------------

hash_of() {
    sha1sum <"$1" | cut -d ' ' -f 1
}

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
    cmd_error 20 'Not a directory' "$BATS_TEST_FILENAME/x"
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
            moment 0.005
        done
        exec {talk}>&-
        server_release
        [ "$(cat "$HELD")" = "File hash is : $BIG_HASH" ] || return 1
        echo "$count answers, the slowest after $worst us"
        # Those that were answered before the hash began count as well.
        [ "$count" -lt 50 ] || [ "$worst" -gt $(($1 * 1000)) ] || return 0
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

@test "D4 cmd_server: 20 ms at most for an answer while 128 MB are hashed" {
    cmd_hashes 128M
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
        's/defer_to_thread_with\(reactor, hash_path, job, &options\)/((void)reactor, (void)options, deferred_maybe(hash_path, job))/' \
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

cmd_ends() { # SIGNAL
    server_hold -t 60 -l -n 2 "$PORT" send="comphash $BIG\n" hold eof
    eventually server_counts 2 ": comphash $BIG"
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

# --- D8: rpc_server ------------------------------------------------------------------------

# rpc_frame TEXT...: each as a string after its length, for a step; \0 in TEXT
# is two bytes.
rpc_frame() {
    local text bytes
    for text in "$@"; do
        bytes=$text
        [[ $text != *\\* ]] || printf -v bytes '%b' "${text//\\0/.}"
        printf '\\0\\x%02x\\x%02x\\x%02x%s' $((${#bytes} / 65536)) \
            $((${#bytes} / 256 % 256)) $((${#bytes} % 256)) "$text"
    done
}

# rpc_says REQUEST... -- ANSWER...: the answers, in this order.
rpc_says() {
    local requests=()
    while [ "$1" != -- ]; do requests+=("$1"); shift; done
    shift
    printf '%b' "$(rpc_frame "$@")" >expected
    peer "$PORT" send="$(rpc_frame "${requests[@]}")" \
        recv="$(wc -c <expected)" quiet=10 >received || return 1
    cmp expected received || { cat -v received; return 1; }
}

rpc_works() {
    rpc_says '1 echo hello' '2 sleep 0' '2 sleep' -- '1 ok hello' '2 error BadRequest 0' '2 ok '
}

rpc_answers() {
    local path bad long
    path=$(a_source)
    rpc_says '7 echo hello' '8 echo' '9 echo ' '10 echo  two  ' '007 echo x' -- \
        '7 ok hello' '8 ok ' '9 ok ' '10 ok  two  ' '7 ok x'
    # shellcheck disable=SC1003 # these are backslashes
    rpc_says '1 echo \0\n\x01\\' '18446744073709551 echo x' -- '1 ok \0\n\x01\\' '18446744073709551 ok x'
    rpc_says "5 sha1 $path" -- "5 ok $(hash_of "$path")"
    rpc_says '5 sha1 /nowhere' -- '5 error FileError 2'
    rpc_says "5 sha1 $BATS_TEST_TMPDIR" -- '5 error FileError 21'
    rpc_says '5 sha1 /dev/null' -- '5 error FileError 22'
    rpc_says '5 sha1' -- '5 error FileError 2'
    rpc_says '5 sha1 a\0b' -- '5 error BadRequest 0'
    printf -v long '%4096s' ''
    rpc_says "5 sha1 ${long// /x}" -- '5 error BadRequest 0'
    rpc_says "5 sha1 ${long:1}" -- '5 error FileError 36'
    for bad in '' ' ' x -1 nan inf 1e99 86401 '1 2' 0x 1s '\0' 99999999999999999999; do
        rpc_says "5 sleep $bad" -- '5 error BadRequest 0'
    done
    for bad in fly Echo echos ech '' 'e\0'; do
        rpc_says "5 $bad x" -- '5 error UnknownProcedure 0'
    done
}

@test "D8 rpc_server: echo, sha1, sleep, and errors with their types" {
    server_each rpc_server rpc_answers
}

rpc_order() {
    local many=() answers=() i
    rpc_says '1 sleep 0.3' '2 echo quick' '3 sleep 0.1' '4 sha1 /nowhere' -- \
        '2 ok quick' '4 error FileError 2' '3 ok ' '1 ok '
    # A hundred at a time; the next one waits.
    for i in {1..99}; do many+=("$i sleep 0.2"); answers+=("$i ok "); done
    rpc_says "${many[@]}" '100 echo there is room' -- '100 ok there is room' "${answers[@]}"
    many+=('100 sleep 0.5') answers=("1 ok " '101 ok no more room' "${answers[@]:1}")
    rpc_says "${many[@]}" '101 echo no more room' -- "${answers[@]}" '100 ok '
    # 250 in one piece, and all are answered.
    many=() answers=()
    for i in {1..250}; do many+=("$i echo $i"); answers+=("$i ok $i"); done
    rpc_says "${many[@]}" -- "${answers[@]}"
}

@test "D8 rpc_server: answers in any order, a hundred calls at a time" {
    server_each rpc_server rpc_order
}

@test "proof: D8 rpc_server: another limit, or none, is seen" {
    deferred_broken rpc_server examples/rpc_server.c 's/^( *)int_receiver_pause/\1(void)/' rpc_order
    deferred_broken rpc_server examples/rpc_server.c 's/^( *)int_receiver_resume/\1(void)/' rpc_order
    deferred_broken rpc_server examples/rpc_server.c 's/CALLS_MAX = 100/CALLS_MAX = 99/' rpc_order
}

@test "proof: D8 T152 rpc_client: whichever allocation fails, it ends and says so" {
    start 05-deferred/rpc_server
    server_poor_client 'echo a\nsha1 /nowhere\nfly\n' rpc_client -p "$PORT" -t 9 localhost
}

rpc_prompt() {
    server_prompt send="$(rpc_frame '1 sleep 0.001' '2 sleep 0.003' '3 sleep 0.005')" recv=27
}

@test "D8 T50 rpc_server: an answer does not wait for the one before" {
    server_each rpc_server rpc_prompt
}

@test "proof: D8 T50 rpc_server: an answer that waits is seen" {
    deferred_broken rpc_server rpc.c 's/tcp_options_set.*;/(void)protocol;/' rpc_prompt
}

rpc_longest() {
    local text
    printf -v text '%65529s' ''
    text=${text// /x}
    # 65,536 bytes are a request, and one more is none.
    rpc_says "1 echo $text" -- "1 ok $text"
    rpc_says '1 echo before' "2 echo $text" "3 echo ${text:0:61440}" -- \
        '1 ok before' "2 ok $text" "3 ok ${text:0:61440}"
    deferred_says "$(rpc_frame '1 ok before')" send="$(rpc_frame '1 echo before')\0\x01\0\x01" eof
    deferred_says '' send='\x7f\xff\xff\xff' eof
    rpc_works
}

rpc_refuses() {
    local bad
    for bad in hello '' ' 1 echo x' '-1 echo x' '10000000000000000000 echo x' 1 '1\techo x'; do
        peer "$PORT" send="$(rpc_frame "$bad" '2 echo never')" reset? >received
        [ ! -s received ]
    done
    peer "$PORT" send="$(rpc_frame '1 sleep 60' hello)" reset?
    rpc_works
}

@test "D8 rpc_server: requests that are too long, or none" {
    server_each rpc_server rpc_longest
    server_each rpc_server rpc_refuses
}

@test "proof: D8 rpc_server: a limit of requests that is off by one is seen" {
    deferred_broken rpc_server examples/rpc_server.c 's/REQUEST_MAX = 64 \* 1024/REQUEST_MAX = 65535/' \
        rpc_longest
}

rpc_owes() {
    deferred_says "$(rpc_frame '2 ok x' '1 ok ')" \
        send="$(rpc_frame '1 sleep 0.2' '2 echo x')" shutdown eof
    deferred_says "$(rpc_frame '1 ok x')" send="$(rpc_frame '1 echo x')" shutdown eof
    deferred_says '' shutdown eof
}

@test "D8 rpc_server: what was asked is answered, though nothing more will be" {
    server_each rpc_server rpc_owes
}

@test "proof: D8 rpc_server: what is owed and not answered is seen" {
    deferred_broken rpc_server examples/rpc_server.c 's/^ *\.read_connection_lost = .*//' rpc_owes
    deferred_broken rpc_server examples/rpc_server.c 's/ && self->count == 0//' rpc_owes
}

# Sleepers whose client is gone are not waited for, and leave nothing behind.
rpc_gone() {
    local many=() text i before
    for i in {1..60}; do many+=("$i sleep 0.2" "$i sha1 $(a_source)"); done
    text=$(rpc_frame "${many[@]}")
    before=$(descriptors "$PID")
    peer -n 30 "$PORT" send="$text" reset
    peer -n 30 "$PORT" send="$text" close
    rpc_works
    eventually has_descriptors "$PID" "$before"
    sleep 0.3
    rpc_works
    server_ends "$PID" TERM
}

rpc_ends() { # SIGNAL
    server_hold -l "$PORT" send="$(rpc_frame '1 sleep 3600' '2 sha1 /nowhere' '3 echo here')" \
        until='here' hold
    eventually grep -qa here "$HELD"
    server_ends "$PID" "$1"
    server_release
    [ "$(cat "$LOG")" = "listening on 127.0.0.1:$PORT" ]
}

@test "D8 rpc_server: clients that are gone, floods, 200 clients, the end, with calls out" {
    local poller
    server_each rpc_server server_rough_peers rpc_works
    peer -n 200 "$PORT" send="$(rpc_frame '1 sleep 0.1' '2 echo crowd')" until='2 ok crowd' until='1 ok ' >crowd
    [ "$(grep -ao '2 ok crowd' crowd | wc -l)" -eq 200 ]
    server_each rpc_server rpc_gone
    for poller in "${POLLERS[@]}"; do
        start 05-deferred/rpc_server -r "$poller"
        rpc_ends TERM
        start 05-deferred/rpc_server -r "$poller"
        rpc_ends INT
    done
}

@test "proof: D8 rpc_server: calls that outlive their client are seen" {
    deferred_broken rpc_server examples/rpc_server.c 's/deferred_group_cancel\(.*/(void)self;/' rpc_gone
}

# --- D8: rpc_client -------------------------------------------------------------------------

# rpc_client ARGUMENT...: a session with what is on standard input.
rpc_client() {
    soon "$(program 05-deferred/rpc_client)" -r "${POLLER:-epoll}" -p "$PORT" "$@"
}

rpc_typed() { # TEXT ARGUMENT...: sets status and output
    printf '%b' "$1" >typed
    run rpc_client "${@:2}" <typed
}

@test "D7 D8: IPv4 seen from IPv6 is reached" {
    grep -q '^0*1 ' /proc/net/if_inet6 || skip "no IPv6 here"
    start 05-deferred/rpc_server
    for POLLER in "${POLLERS[@]}"; do
        rpc_typed 'echo hi\n' ::ffff:127.0.0.1
        [ "$status" -eq 0 ]
        [ "$output" = 'echo hi => hi' ]
    done
}

rpc_session() {
    local hash
    hash=$(hash_of "$(a_source)")
    rpc_typed "sleep 0.5\necho hello world\n\nfly away\necho\nsleep x" # no newline
    [ "$status" -eq 0 ]
    [ "$output" = 'echo hello world => hello world
fly away => error: There is no such procedure.
echo => 
sleep x => error: This is no request.
sleep 0.5 => ' ]
    rpc_typed "sha1 $(a_source)\n"
    [ "$output" = "sha1 $(a_source) => $hash" ]
    rpc_typed 'sha1 /nowhere\n'
    [ "$status" -eq 0 ]
    [ "$output" = 'sha1 /nowhere => error: The procedure has failed: 2: No such file or directory.' ]
    rpc_typed 'echo one\nsleep 0.1\nexit\necho never\n'
    [ "$status" -eq 0 ]
    [ "$output" = 'echo one => one
sleep 0.1 => ' ]
    rpc_typed ''
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    # Any bytes.
    printf 'echo \0\xff\r\x1b \nec\0ho x\n' >typed
    rpc_client <typed >answers
    printf 'echo \0\xff\r\x1b  => \0\xff\r\x1b \nec\0ho x => error: There is no such procedure.\n' |
        cmp - answers
    # 10,000 calls, and the longest.
    seq 10000 | sed 's/.*/echo &/' >typed
    rpc_client <typed >answers
    seq 10000 | sed 's/.*/echo & => &/' | cmp - answers
    { printf 'echo '; head -c 61440 /dev/zero | tr '\0' x; echo; } >typed
    rpc_client <typed >answers
    [ "$(wc -c <answers)" -eq $((5 + 61440 + 4 + 61440 + 1)) ]
    # 1,500 out: more than either side has room for.
    { seq 1500 | sed 's/.*/sleep 0.00&/'; echo echo last; } >typed
    rpc_client <typed | sort >answers
    { sed 's/$/ => /' typed | head -n 1500; echo 'echo last => last'; } | sort | cmp - answers
}

@test "D8 rpc_client: prints each answer when it comes, status 0" {
    export DEADLINE=30
    server_each rpc_server rpc_session
}

rpc_times_out() {
    local client status=0
    rpc_typed 'sleep 30\necho quick\n' -t 1
    [ "$status" -eq 1 ]
    [ "$output" = 'echo quick => quick
sleep 30 => error: Timed out.' ]
    # An answer that comes too late, and the next call.
    rm -f gate answers
    mkfifo gate
    rpc_client -t 1 <gate >answers 2>&1 3>&- &
    client=$!
    exec {GATE}>gate
    echo sleep 1.2 >&"$GATE"
    eventually grep -qx 'sleep 1.2 => error: Timed out.' answers
    echo sleep 0.4 >&"$GATE"
    eventually grep -qx 'sleep 0.4 => ' answers
    exec {GATE}>&-
    wait "$client" || status=$?
    [ "$status" -eq 1 ]
    [ "$(wc -l <answers)" -eq 2 ]
}

@test "D8 rpc_client: -t is what an answer may take, in seconds" {
    server_each rpc_server rpc_times_out
    rpc_typed 'sleep 0.01\necho x\n' -t 5
    [ "$status" -eq 0 ]
    run soon "$(program 05-deferred/rpc_client)" -t soon
    [ "$status" -eq 2 ]
    [[ $output == "usage: rpc_client "*"[-t TIMEOUT]"*"[HOST]"* ]]
}

# rpc_cut_off SIGNAL COUNT: the server goes with so many calls out, and somebody
# could still type.
rpc_cut_off() {
    local client status=0 i
    rm -f gate answers
    mkfifo gate
    rpc_client <gate >answers 2>errors 3>&- &
    client=$!
    exec {GATE}<>gate
    for ((i = 0; i < $2; i++)); do echo sleep 60 >&"$GATE"; done
    echo echo here >&"$GATE"
    eventually grep -qx 'echo here => here' answers
    kill "-$1" "$PID"
    wait "$client" || status=$?
    exec {GATE}>&-
    cat answers errors
    [ "$status" -eq 1 ]
    [ "$(grep -c '^sleep 60 => error: Connection ' answers)" -eq "$2" ]
    [ "$(cat errors)" = 'rpc_client: 127.0.0.1: connection closed by server' ]
}

@test "D8 rpc_client: status 1 and a message when the connection is lost, or never was" {
    server_each rpc_server rpc_cut_off KILL 3
    server_each rpc_server rpc_cut_off TERM 3
    server_each rpc_server rpc_cut_off TERM 0
    # All has been typed, but not all is answered.
    start 05-deferred/rpc_server
    rpc_typed "echo $(printf '%70000s' '')x\n"
    [ "$status" -eq 1 ]
    [[ $output == *'=> error: Connection was closed cleanly.'* ]]
    [ "${lines[-1]}" = 'rpc_client: 127.0.0.1: connection closed by server' ]
    server_ends "$PID" TERM
    rpc_typed 'echo x\n'
    [ "$status" -eq 1 ]
    [ "$output" = 'rpc_client: 127.0.0.1: Connection was refused by other side: 111: Connection refused.' ]
    # Who answers speaks another language, and to it ten bytes are a newline.
    start 05-deferred/cmd_server
    rpc_typed 'echo abc\n'
    [ "$status" -eq 1 ]
    [[ $output == 'echo abc => error: Connection was closed cleanly.'* ]]
}

rpc_interrupted() { # LINE STATUS MESSAGE
    local client status=0
    rm -f gate answers
    mkfifo gate
    "$(program 05-deferred/rpc_client)" -r "$POLLER" -p "$PORT" <gate >answers 2>errors 3>&- &
    client=$!
    SERVERS+=("$client")
    exec {GATE}<>gate
    printf '%s\necho here\n' "$1" >&"$GATE"
    eventually grep -qx 'echo here => here' answers
    kill -TERM "$client"
    wait_gone "$client"
    wait "$client" || status=$?
    exec {GATE}>&-
    [ "$status" -eq "$2" ]
    [ "$(cat errors)" = "$3" ]
}

@test "D8 rpc_client: SIGTERM ends it, status 0 if no call is out, 1 otherwise" {
    server_each rpc_server rpc_interrupted '' 0 ''
    server_each rpc_server rpc_interrupted 'sleep 60' 1 'rpc_client: 127.0.0.1: interrupted'
}

rpc_is_idle() {
    [ -d "/proc/$1" ] && idle "$1"
}

rpc_frozen() {
    local client status=0 before
    yes 'echo some words that fill the line, and some more of them' | head -n 60000 >typed
    freeze "$PID"
    "$(program 05-deferred/rpc_client)" -r "$POLLER" -p "$PORT" <typed >answers 2>&1 3>&- &
    client=$!
    SERVERS+=("$client")
    eventually rpc_is_idle "$client"
    before=$(server_dirty_kib "$client")
    kill -CONT "$PID"
    wait_gone "$client"
    wait "$client" || status=$?
    [ "$status" -eq 0 ]
    sed 's/^echo \(.*\)/& => \1/' typed | cmp - answers
    echo "$before KiB"
    deferred_sanitized || [ "$before" -lt 1500 ]
}

@test "D8 rpc_client: a server that stands still costs it a thousand calls, and nobody waits for ever" {
    export DEADLINE=60
    server_each rpc_server rpc_frozen
}

# --- D2 D6: defer_chain, defer_list, defer_ways ------------------------------------------------

# deferred_story NAME TEXT
deferred_story() {
    run soon "$(program 05-deferred/"$1")"
    [ "$status" -eq 0 ] || return 1
    diff <(echo "$2") <(echo "$output") || return 1
    run soon "$(program 05-deferred/"$1")" --nonsense
    [ "$status" -eq 2 ] || return 1
    [[ $output == *"usage: $1"* ]] || return 1
    run soon "$(program 05-deferred/"$1")" -h
    [ "$status" -eq 0 ] || return 1
}

@test "D2 D6 defer_chain: values, failures, and a Deferred that is waited for" {
    deferred_story defer_chain "-- a value goes down the callbacks
bake makes bread of 'flour'
the next got 'bread'
-- it has fired: what is added now runs now
run_out returns a failure
an errback got a failure: No flour today.
buy takes the failure, and returns a value
either way the next got 'bread from the shop'
-- a Deferred in the chain is waited for
ask_the_mill returns a Deferred that has not fired
(here the program does something else)
the one behind it got 'fresh flour'
-- firing again is an error
refused: it was fired before"
}

@test "D6 defer_list: all, the first failure, the first success, too late" {
    deferred_story defer_list '-- all of them, in the order asked
1.0 s: an answer: pears
2.0 s: an answer: plums
3.0 s: an answer: apples
     =>  apples pears plums
-- all of them, a failure among them
1.0 s: closed
2.0 s: an answer: plums
3.0 s: an answer: apples
     =>  apples [The shop is closed.] plums
-- gather: the first failure is enough
1.0 s: closed
     =>  [The first of several has failed: Closed.]
2.0 s: an answer: plums
3.0 s: an answer: apples
-- the first success is enough
1.0 s: closed
2.0 s: an answer: plums
     =>  plums
3.0 s: an answer: apples
-- no more than 2.5 s: the rest is cancelled
1.0 s: an answer: pears
2.0 s: an answer: plums
     =>  [Cancelled.] pears plums'
}

@test "K1 K2 defer_loop: a grid, what is missed, a Deferred, a failure" {
    deferred_story defer_loop '-- every 2 seconds
 0.0 s: a look into the oven
 2.0 s: a look into the oven
 4.0 s: a look into the oven
 5.0 s: stopped
-- what is missed is left out
 0.0 s: a look, and a talk for 5 seconds
 6.0 s: a look into the oven
 8.0 s: a look into the oven
 9.0 s: stopped
-- a Deferred is waited for
 0.0 s: a loaf is taken out, which takes 2.5 seconds
 2.5 s: a loaf is out
 3.0 s: a loaf is taken out, which takes 2.5 seconds
 5.5 s: a loaf is out
 5.5 s: stopped
-- a failure is the end
 0.0 s: a look into the oven
 1.0 s: a look into the oven
 2.0 s: smoke
 2.0 s: The bread is burnt.'
}

@test "D6 defer_ways: blocking, nested, with a Deferred" {
    local poller
    for poller in "${POLLERS[@]}"; do
        REACTOR=$poller deferred_story defer_ways 'blocking: 8
nested: 8
Deferred: 8
blocking: refused to double 6
nested: refused to double 6
Deferred: refused to double 6'
    done
}

# --- A4: the trace ---------------------------------------------------------------

# trace_of PROGRAM: what a cmd_server with a trace says of Deferreds and jobs,
# without the times, and with the order in which they come for the addresses.
trace_of() {
    TRACE=1 start "$1" -r epoll
    printf abc >abc
    peer "$PORT" send="comphash $PWD/abc\n" until='\n' send="comphash $PWD/none\n" until='\n' close
    eventually grep -q 'connection_lost' "$LOG"
    sed -nE 's/^[0-9.]+ +((Deferred|ThreadPool).*)/\1/p' "$LOG" |
        sed -E 's/0x[0-9a-f]+/IT/g; s/[0-9]+ wait, .* work/N wait/' >told
}

trace_tells() { # PROGRAM
    trace_of "$1" || return 1
    diff - told <<'END'
ThreadPool: job IT is added, N wait
ThreadPool: job IT has run
Deferred IT: fired with a value
Deferred IT: callback runs
Deferred IT: callback runs
ThreadPool: job IT is added, N wait
ThreadPool: job IT has run
Deferred IT: fired with FileError
Deferred IT: errback runs
Deferred IT: callback runs
END
}

@test "A4 TRACE=1: a job goes to a thread and comes back, its Deferred is fired, its callbacks run" {
    trace_tells "$STAGE/cmd_server"
    start "$STAGE/cmd_server"
    peer "$PORT" send="comphash $PWD/abc\n" until='\n' close
    if grep -E 'Deferred|ThreadPool' "$LOG"; then return 1; fi
}

@test "proof: A4: a trace that leaves something out is seen" {
    unit_program cmd_server thread_pool.c '/trace\("  ThreadPool: job %p has run/d' broken_trace_1
    run trace_tells "tests/$STAGE/broken_trace_1"
    [ "$status" -ne 0 ]
    unit_program cmd_server deferred.c 's/failed \? "errback" : "callback"/"callback"/' broken_trace_2
    run trace_tells "tests/$STAGE/broken_trace_2"
    [ "$status" -ne 0 ]
}

# A file that is hashed for minutes, if nobody stops it.
cmd_endless() {
    truncate -s 500G endless
    peer "$PORT" send="comphash $PWD/endless\n" pause=50 close
    peer -n 12 "$PORT" send="comphash $PWD/endless\n" pause=50 reset
    printf abc >small
    run peer "$PORT" send="comphash $PWD/small\n" until='\n'
    [ "$output" = 'File hash is : a9993e364706816aba3e25717850c26c9cd0d89d' ]
    server_hold "$PORT" send="comphash $PWD/endless\n" hold 'reset?'
    eventually server_counts 15 ': comphash'
    server_ends "$PID" TERM
    server_release
}

@test "D4 cmd_server: a hash that nobody wants any more ends" {
    server_each 'cmd_server -c 100' cmd_endless
}

@test "proof: D4 cmd_server: a hash that goes on for nobody is seen" {
    DEADLINE=3
    deferred_broken cmd_server hash_file.c 's/atomic_store\(.*, true\);/(void)argument;/' \
        cmd_endless
}
