#!/usr/bin/env bats
# Stage 05: remote calls, rpc_server and rpc_client: row D8 of the features.

# shellcheck disable=SC2030,SC2031,SC2086,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/deferred

@test "D8: remote calls, their answers, and no answers" {
    unit_cases rpc_test select
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
    server_side_by_side rpc_server rpc_order
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
    deferred_broken rpc_server examples/rpc_server.c 's/tcp_options_set.*;/(void)base;/' rpc_prompt
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
    server_side_by_side rpc_server rpc_times_out
    start 05-deferred/rpc_server
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
    PORT=$NOBODY
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
