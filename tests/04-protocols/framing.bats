#!/usr/bin/env bats
# Stage 04: strings after their lengths.
#
# B12 to B17 are the rows of what Twisted does; each is a case of one of the
# unit programs. Then the pair of programs, with both framings.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- unit programs -----------------------------------------------------------

@test "B12 B13 B14 B15: int-prefixed strings, however they are cut" {
    unit_cases int_receiver_test select
}

@test "B15 B16 B17: netstrings, however they are cut" {
    unit_cases netstring_test select
}

# framing_narrow FOLDER: the sources of FOLDER, where size_t has 32 bits.
framing_narrow() {
    local unit=$ROOT/tests/04-protocols
    (cd "$1" && unit_compile "$BATS_TEST_TMPDIR/narrow" -Wno-format -I"$unit" \
        -include "$unit/framing_narrow.h" "$unit/framing_narrow.c" -I. \
        protocol/{buffer,transport}.c framing/input_queue.c \
        lengths/{int,netstring}_receiver.c \
        -Wl,--wrap=malloc)
    soon "$BATS_TEST_TMPDIR/narrow"
}

@test "proof: B13 B17: 2^31 and 2^32 - 1, where size_t has 32 bits, and sums of them are seen" {
    local copy=$BATS_TEST_TMPDIR/copy
    framing_narrow "$ROOT/$STAGE"
    mkdir "$copy"
    cp -R "$ROOT/$STAGE"/{net,reactor,protocol,framing,lengths} "$copy"
    sed -i 's/announced > length - prefix/prefix + announced > length/' "$copy/lengths/int_receiver.c"
    run framing_narrow "$copy"
    [ "$status" -ne 0 ]
    cp "$ROOT/$STAGE/lengths/int_receiver.c" "$copy/lengths"
    sed -i 's/value > (maximum - digit) \/ 10/value * 10 + digit > maximum/' "$copy/lengths/netstring_receiver.c"
    run framing_narrow "$copy"
    [ "$status" -ne 0 ]
}

# --- that their tests can fail --------------------------------------------------

framing_limit='announced > \(maximum > 0 \? maximum : INT_RECEIVER_MAX_LENGTH\)'

@test "proof: B13: no limit, or one that is off by one, or signed, is seen" {
    local name
    for name in B13_the_limit B13_before_the_body B13_the_default_limit \
        B13_attacks_cost_no_memory garbage; do
        unit_broken int_receiver.c "s/$framing_limit/0/" int_receiver_test "$name"
    done
    unit_broken int_receiver.c 's/if \(announced > \(/if (announced >= (/' \
        int_receiver_test B13_the_default_limit
    unit_broken int_receiver.c 's/if \(announced > \(/if (announced > 1 + (/' \
        int_receiver_test B13_the_default_limit
    unit_broken int_receiver.c "s/$framing_limit/(int)announced > (int)(maximum > 0 ? maximum : INT_RECEIVER_MAX_LENGTH)/" \
        int_receiver_test B13_attacks_cost_no_memory
    unit_broken int_receiver.c 's/announced > length - prefix/(int)announced > (int)(length - prefix)/' \
        int_receiver_test B13_promises_cost_no_memory
    unit_broken int_receiver.c 's/announced > length - prefix/(uint32_t)(prefix + announced) > length/' \
        int_receiver_test B13_promises_cost_no_memory
    unit_broken int_receiver.c 's/input_queue_close\(&receiver->input\)/(void)0/' \
        int_receiver_test B13_before_the_body
}

@test "proof: B12 B14: another byte order, a length that is cut off, are seen" {
    unit_broken int_receiver.c 's/\(unsigned char\)data/(signed char)data/' \
        int_receiver_test B12_big_endian
    unit_broken int_receiver.c 's/announced = announced << 8 \|/announced |= 8 * i <</;s/<< \(unsigned char\)data\[i\]/<< 0, announced |= (unsigned)(unsigned char)data[i] << 8 * i/' \
        int_receiver_test B12_big_endian
    unit_broken int_receiver.c 's/if \(rest > 0\)/if (0)/' \
        int_receiver_test B14_what_the_prefix_cannot_say
    unit_broken int_receiver.c 's/if \(rest > 0\) \{/transport_write(self->base.transport, prefix, size); &/' \
        int_receiver_test B14_what_the_prefix_cannot_say
}

@test "proof: B15: looking at the closing flag, or not at an abort, is seen" {
    local name
    for name in int_receiver_test netstring_test; do
        unit_broken input_queue.c 's/while \(wants_more\(owner.queue\)\)/while (wants_more(owner.queue) \&\& !transport_disconnecting(owner.protocol->transport))/' \
            "$name" B15_after_lose_connection
        unit_broken input_queue.c 's/ && !queue->over;/;/' "$name" nothing_after_abort
    done
}

@test "proof: B16: a comma, a colon, a zero or a digit that is not checked is seen" {
    local script
    for script in "s/data\\[start \\+ number\\] != ','/0/" \
        "s/ \\|\\| data\\[digits\\] != ':'//" 's/count > 0 && value == 0/0/' \
        's/digits == 0 \|\| //'; do
        unit_broken netstring_receiver.c "$script" netstring_test B16_what_is_no_netstring
    done
    unit_broken netstring_receiver.c "s/data\\[start \\+ number\\] != ','/0/" \
        netstring_test garbage
    unit_broken netstring_receiver.c 's/count > 0 && value == 0/0/' \
        netstring_test garbage
}

@test "proof: B17: no limit, one that is off by one, or that waits for the colon, is seen" {
    local name
    for name in B17_while_the_digits_arrive B17_the_default_limit \
        B17_attacks_cost_no_memory B17_promises_cost_no_memory garbage; do
        unit_broken netstring_receiver.c 's/if \(digit > maximum.*/if (0)/' netstring_test "$name"
    done
    unit_broken netstring_receiver.c 's/value > \(maximum/value >= (maximum/' \
        netstring_test B17_the_default_limit
    unit_broken netstring_receiver.c 's/value > \(maximum - digit\)/value > (maximum - digit + 1)/' \
        netstring_test B17_the_default_limit
    unit_broken netstring_receiver.c 's/length, maximum, &number/length, __builtin_memchr(data, 58, length) ? maximum : (size_t)-1, \&number/' \
        netstring_test B17_while_the_digits_arrive
    unit_broken netstring_receiver.c 's/value > \(maximum - digit\) \/ 10/value * 10 + digit > maximum/' \
        netstring_test B17_promises_cost_no_memory
}

@test "proof: recursion, a wrong order, a pause that holds nothing back are seen" {
    local name
    for name in int_receiver_test netstring_test; do
        unit_broken input_queue.c 's/if \(queue->delivering\)/if (0)/' \
            "$name" injected_bytes_come_last
        unit_broken input_queue.c 's/return !queue->paused && /return /' "$name" pause_and_resume
        unit_broken input_queue.c 's/while \(added && .*/while (0);/' \
            "$name" injected_bytes_come_last
    done
}

@test "proof: reading on while nothing is delivered: its limit, its end, are seen" {
    unit_broken input_queue.c 's/ && buffer_length\(&queue->kept\) >= queue->read_ahead//' \
        int_receiver_test read_ahead
    unit_broken input_queue.c 's/queue->paused && buffer_length/buffer_length/' \
        int_receiver_test read_ahead
    unit_broken input_queue.c '/^void input_queue_receive/,/^}/s/if \(queue->paused\)/if (0)/' \
        int_receiver_test read_ahead
    unit_broken input_queue.c 's/ >= queue->read_ahead/ > queue->read_ahead/' \
        int_receiver_test read_ahead
}

@test "proof: copies, allocations that are not checked, quadratic time are seen" {
    local name
    for name in int_receiver_test netstring_test; do
        unit_broken input_queue.c 's/used = lacks < \*length \? lacks : \*length/used = *length/' \
            "$name" whole_strings_are_not_copied
        unit_broken input_queue.c "$(unit_in append)s/input_queue_abort\\(owner\\)/(void)0/" \
            "$name" no_memory
        unit_broken buffer.c 's/size \*= 2/size += 256/' "$name" linear_time
    done
    unit_broken buffer.c 's/(buffer->block->)start \+= length/\1end -= length, memmove(\1data, \1data + length, \1end)/' \
        int_receiver_test linear_time
    unit_broken input_queue.c 's/!owner.queue->over && //' \
        int_receiver_test B13_attacks_cost_no_memory
}

# --- int32_server ------------------------------------------------------------------

# framing_says TEXT STEP...: what the peer receives, byte for byte.
framing_says() {
    # shellcheck disable=SC2059 # TEXT has escapes
    printf "$1" >expected
    peer "$PORT" "${@:2}" >received
    cmp expected received
}

framing_int32_works() {
    framing_says '\0\0\0\x05hello\0\0\0\0' send='\0\0\0\x05hello\0\0\0\0' recv=13
    framing_says '\0\0\0\x05hello\0\0\0\x01\xff' drip='\0\0\0\x05hello\0\0\0\x01\xff' recv=14 quiet=20
    framing_says '\0\0\0\x02\0\0' send='\0\0\0\x02\0\0\0\0\0\x03ha' shutdown eof
}

framing_netstring_works() {
    framing_says '5:hello,0:,' send='5:hello,0:,' recv=11
    framing_says '12:hello, world,1:\xff,' drip='12:hello, world,1:\xff,' recv=20 quiet=20
    framing_says '2:\0\0,' send='2:\0\0,3:ha' shutdown eof
}

@test "P10 int32_server: each string comes back, with both framings" {
    server_each int32_server framing_int32_works
    server_each 'int32_server --netstring' framing_netstring_works
}

@test "P10 int32_server: resets, half-closes, floods, with both framings" {
    server_each int32_server server_rough_peers framing_int32_works
    server_each 'int32_server --netstring' server_rough_peers framing_netstring_works
}

# What came before it is answered, nothing that follows is; two hundred
# strings that never come cost next to nothing.
framing_int32_refuses() {
    local before prefix
    for prefix in '\0\x01\x86\xa0' '\x80\0\0\0' '\xff\xff\xff\xff'; do
        framing_says '\0\0\0\x01a' send="\0\0\0\x01a$prefix" eof
        framing_says '\0\0\0\x01a' send="\0\0\0\x01a$prefix\0\0\0\x01b" shutdown eof
    done
    before=$(server_dirty_kib "$PID")
    server_hold -n 200 "$PORT" send='\0\x01\x86\x9f' send=x hold
    framing_int32_works
    [ $(($(server_dirty_kib "$PID") - before)) -lt 2048 ]
    server_release
}

framing_netstring_refuses() {
    local text before
    for text in '01:a,' ' 1:a,' '-1:a,' '1:a.' 100000 4294967296 '18446744073709551617:a,'; do
        framing_says 1:a, send="1:a,$text" eof
        framing_says 1:a, send="1:a,$text,1:b," shutdown eof
    done
    before=$(server_dirty_kib "$PID")
    server_hold -n 200 "$PORT" send=99999 send=:x hold
    framing_netstring_works
    [ $(($(server_dirty_kib "$PID") - before)) -lt 2048 ]
    server_release
}

@test "B13 B16 B17 int32_server: the peer that breaks the rules is left, before the body" {
    server_without_quarantine
    server_each int32_server framing_int32_refuses
    server_each 'int32_server --netstring' framing_netstring_refuses
}

framing_ends_in_a_string() { # SIGNAL STEP TEXT
    server_hold -l "$PORT" send="$2" until="$3" hold
    eventually grep -aqF -- "$3" "$HELD"
    server_ends "$PID" "$1"
    server_release
    [ "$(cat "$LOG")" = "listening on 127.0.0.1:$PORT" ]
}

@test "int32_server: SIGINT and SIGTERM end it, with a string that is cut" {
    local poller
    for poller in "${POLLERS[@]}"; do
        start 04-protocols/int32_server -r "$poller"
        framing_ends_in_a_string TERM '\0\0\0\x02!!\0\0\0\x05he' '!!'
        start 04-protocols/int32_server -r "$poller" --netstring
        framing_ends_in_a_string INT '2:!!,5:he' '2:!!,'
    done
}

# --- int32_client --------------------------------------------------------------------

# framing_client ARGUMENT...: a session with what is on standard input.
framing_client() {
    soon "$(program 04-protocols/int32_client)" -r "${POLLER:-epoll}" -p "$PORT" "$@"
}

framing_answers() { # [OPTION]
    printf 'hello\n\nw\xc3\xb6rld\nthe last has no end' >typed
    framing_client "$@" <typed >answers
    printf 'hello\nw\xc3\xb6rld\nthe last has no end\n' | cmp - answers
    # T1: what would obey the server on a terminal is escaped.
    printf 'tab\there \033[2J\xe2\x80\xae\n' >typed
    run framing_client "$@" <typed
    [ "$output" = $'tab\there \\x1b[2J\\xe2\\x80\\xae' ]
    framing_client "$@" </dev/null >answers
    [ ! -s answers ]
    # The person says exit, and all that is due still comes.
    run framing_client "$@" < <(seq 1000; echo exit; echo never)
    [ "$status" -eq 0 ]
    [ "$output" = "$(seq 1000)" ]
    seq 100000 >typed
    framing_client "$@" <typed >answers
    cmp typed answers
    # The longest string that there may be.
    head -c 99999 /dev/zero | tr '\0' x >typed
    echo >>typed
    framing_client "$@" <typed >answers
    cmp typed answers
}

@test "P10 int32_client: prints all answers, status 0, with both framings" {
    server_each int32_server framing_answers
    server_each 'int32_server --netstring' framing_answers --netstring
}

framing_says_why() { # WHY ARGUMENT...
    run framing_client "${@:2}" <typed
    [ "$status" -eq 1 ]
    [[ ${lines[-1]} == "int32_client: "*": $1" ]]
}

@test "P10 int32_client: status 1 when the connection is lost before, or never was" {
    local option
    for option in '' --netstring; do
        # shellcheck disable=SC2086 # no option is none
        start 04-protocols/int32_server $option
        head -c 100000 /dev/zero | tr '\0' x >typed
        # shellcheck disable=SC2086
        framing_says_why 'connection closed by server' $option
        [ "${#lines[@]}" -eq 1 ]
    done
    # The two do not understand each other.
    echo hello >typed
    framing_says_why 'connection closed by server'
    server_ends "$PID" TERM
    PORT=$NOBODY
    framing_says_why 'Connection was refused by other side: 111: Connection refused.'
    # A server that goes away while somebody could still type.
    start 04-protocols/int32_server
    mkfifo gate
    framing_client <gate >answers 2>&1 3>&- &
    local client=$! status=0
    exec {GATE}<>gate
    echo one >&"$GATE"
    eventually grep -qx one answers
    server_ends "$PID" TERM
    wait "$client" || status=$?
    exec {GATE}>&-
    [ "$status" -eq 1 ]
    grep -qx 'int32_client: 127.0.0.1: connection closed by server' answers
}

@test "int32_client: SIGTERM ends it, status 0 if nothing is due, 1 otherwise" {
    local status
    mkfifo gate
    start 04-protocols/int32_server
    "$(program 04-protocols/int32_client)" -p "$PORT" <gate >answers 2>&1 3>&- &
    local client=$!
    SERVERS+=("$client")
    exec {GATE}<>gate
    echo one >&"$GATE"
    eventually grep -qx one answers
    server_ends "$client" TERM
    freeze "$PID"
    "$(program 04-protocols/int32_client)" -p "$PORT" <gate >answers 2>&1 3>&- &
    client=$!
    SERVERS+=("$client")
    echo two >&"$GATE"
    eventually framing_gate_is_empty
    kill -TERM "$client"
    wait_gone "$client"
    status=0
    wait "$client" || status=$?
    kill -CONT "$PID"
    exec {GATE}>&-
    [ "$status" -eq 1 ]
    grep -qx 'int32_client: 127.0.0.1: interrupted' answers
}

# What was typed has been read, so it is on its way.
framing_gate_is_empty() {
    ! read -r -t 0 <gate
}

framing_frozen() { # OPTION
    local client status=0 before
    yes 'some words that fill the line, and some more of them' | head -n 100000 >typed
    freeze "$PID"
    "$(program 04-protocols/int32_client)" -r "$POLLER" -p "$PORT" "$@" <typed >answers 2>&1 3>&- &
    client=$!
    SERVERS+=("$client")
    eventually framing_is_idle "$client"
    before=$(server_dirty_kib "$client")
    kill -CONT "$PID"
    wait_gone "$client"
    wait "$client" || status=$?
    [ "$status" -eq 0 ]
    cmp typed answers
    [[ ${CFLAGS:-} == *sanitize* ]] || [ "$before" -lt 1500 ]
}

framing_is_idle() {
    [ -d "/proc/$1" ] && idle "$1"
}

@test "P10: a server that stands still costs the client a buffer, and nobody waits for ever" {
    export DEADLINE=60
    server_each int32_server framing_frozen
    server_each 'int32_server --netstring' framing_frozen --netstring
}

@test "int32_server, int32_client: usage" {
    run soon "$(program 04-protocols/int32_server)" --netstrings
    [ "$status" -eq 2 ]
    [[ $output == *"usage: int32_server "*"[--netstring]"* ]]
    run soon "$(program 04-protocols/int32_client)" --netstrings
    [ "$status" -eq 2 ]
    [[ $output == *"usage: int32_client "*"[--netstring]"* ]]
}
