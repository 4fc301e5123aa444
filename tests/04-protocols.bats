#!/usr/bin/env bats
# Stage 04: transport, protocol, factory.
#
# L, C, T, F, E, B and G, and the traps, are the rows of what Twisted does;
# each is a case of one of the unit programs, and holds under every poller.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load helpers

PROTO_STAGE=04-protocols
PROTO_POLLERS=(select poll epoll)

# The C library's functions that unit.c and talk.c stand in for.
PROTO_WRAPPED=(malloc calloc realloc clock_gettime select poll epoll_wait
    epoll_ctl write send accept4 listen)
PROTO_PARTS=(talk probe unit)

# Memory that was freed is overwritten, so that who uses it again is surprised.
PROTO_MALLOC=glibc.malloc.tcache_count=0:glibc.malloc.perturb=165

# The steps of an echo connection, in the document's order, as the trace tells
# them. LISTENER and SOCKET stand for the two numbers.
PROTO_STEPS=(
    '^ *listenTCP: EchoFactory ([0-9]+)$'
    '^ *select waits on '
    '^ *Port LISTENER: do_read$'
    '^ *accept: 127\.0\.0\.1:[0-9]+ is ([0-9]+)$'
    '^ *EchoFactory: build_protocol$'
    '^ *Echo SOCKET: make_connection$'
    '^ *select waits on '
    '^ *Connection SOCKET: do_read$'
    '^ *Echo SOCKET: data_received, 5 bytes$'
    '^ *Echo SOCKET: write, 5 bytes$'
    '^ *Echo SOCKET: sent 5 bytes$'
    '^ *Connection SOCKET is lost$'
)

# --- unit programs -----------------------------------------------------------

# proto_compile OUTPUT ARGUMENT...
proto_compile() {
    # shellcheck disable=SC2086 # flags are words
    "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        ${CFLAGS:--O2 -g} -pthread -I"$ROOT/$PROTO_STAGE" -o "$@"
}

# proto_objects [FILE]: the stage's objects, but for that of FILE.
proto_objects() {
    local source object
    for source in "$ROOT/$PROTO_STAGE"/*.c; do
        object=${source##*/}
        [ "$object" = "$1" ] ||
            echo "$ROOT/$PROTO_STAGE/$BUILD/${object%.c}.o"
    done
}

# proto_link NAME OUTPUT [FILE OBJECT]: a unit program, with OBJECT instead of
# what FILE has become.
proto_link() {
    local folder=$ROOT/tests/$BUILD/proto objects
    mapfile -t objects < <(proto_objects "$3")
    proto_compile "$2" "$folder/$1.o" "${PROTO_PARTS[@]/#/$folder/part-}" \
        "${@:4}" "${objects[@]}" "${PROTO_WRAPPED[@]/#/-Wl,--wrap=}"
}

# proto_fresh FILE SOURCE...: it is there, and newer than all that it is made of.
proto_fresh() {
    [ -f "$1" ] && [ -z "$(find "${@:2}" -newer "$1")" ]
}

# proto_build NAME: builds it unless it is fresh. Sets PROGRAM.
proto_build() {
    local unit=$ROOT/tests/unit folder=$ROOT/tests/$BUILD/proto part
    PROGRAM=$folder/$1
    mkdir -p "$folder"
    for part in "${PROTO_PARTS[@]}"; do
        proto_fresh "$folder/part-$part" "$unit/$part.c" "$unit"/*.h \
            "$ROOT/$PROTO_STAGE"/*.h ||
            proto_compile "$folder/part-$part" -c "$unit/$part.c"
    done
    proto_fresh "$folder/$1.o" "$unit/$1.c" "$unit"/*.h "$ROOT/$PROTO_STAGE"/*.h ||
        proto_compile "$folder/$1.o" -c "$unit/$1.c"
    # shellcheck disable=SC2046 # no name of ours has a space in it
    proto_fresh "$PROGRAM" "$folder/$1.o" "${PROTO_PARTS[@]/#/$folder/part-}" \
        $(proto_objects) || proto_link "$1" "$PROGRAM"
}

# proto_cases NAME [POLLER...]: every case holds under every poller.
proto_cases() {
    local name poller failed=0 pollers=("${@:2}")
    [ $# -gt 1 ] || pollers=("${PROTO_POLLERS[@]}")
    proto_build "$1"
    for name in $("$PROGRAM"); do
        for poller in "${pollers[@]}"; do
            GLIBC_TUNABLES=$PROTO_MALLOC soon "$PROGRAM" "$poller" "$name" || {
                echo "$name under $poller: status $?"
                failed=1
            }
        done
    done
    return "$failed"
}

# proto_broken FILE SCRIPT NAME CASE [POLLER...]: breaks a copy of FILE with a
# sed script; then the case must fail. So it is known to be able to.
proto_broken() {
    local file=$1 name=$3 case=$4 poller status pollers=("${@:5}")
    local copy=$BATS_TEST_TMPDIR/broken
    [ $# -gt 4 ] || pollers=(epoll)
    mkdir -p "$copy"
    sed -E "$2" "$ROOT/$PROTO_STAGE/$file" >"$copy/$file"
    if cmp -s "$copy/$file" "$ROOT/$PROTO_STAGE/$file"; then
        echo "$file is not broken by: $2"
        return 1
    fi
    proto_build "$name"
    proto_compile "$copy/${file%.c}.o" -c "$copy/$file" 2>"$copy/warnings" ||
        { cat "$copy/warnings"; return 1; }
    proto_link "$name" "$copy/$name" "$file" "$copy/${file%.c}.o"
    for poller in "${pollers[@]}"; do
        status=0
        TALK_DEADLINE=0.3 GLIBC_TUNABLES=$PROTO_MALLOC soon "$copy/$name" "$poller" \
            "$case" >"$copy/log" 2>&1 || status=$?
        if [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || [ "$status" -eq 124 ]; then
            echo "$case under $poller: status $status, broken by: $2"
            cat "$copy/log"
            return 1
        fi
    done
}

@test "L: listening and accepting" {
    proto_cases talk_port_test
}

@test "C: connecting, again and again" {
    proto_cases talk_connect_test
}

@test "T F: writing, reading, pausing" {
    proto_cases talk_write_test
}

@test "T F E: the ends of a connection" {
    proto_cases talk_close_test
}

@test "T L G: pieces, switches, words" {
    proto_cases talk_more_test
}

@test "T: producers" {
    proto_cases talk_producer_test
}

@test "B: lines, however they are cut" {
    proto_cases line_test select
}

@test "G: the log" {
    proto_cases log_test
}

# --- the traps, and that their tests can fail ---------------------------------

# What a function of the file begins and ends with, for sed.
proto_in() {
    echo "/^static (void|int|bool) $1\\(/,/^}/"
}

@test "trap 1: dropping what is written after lose_connection is seen" {
    proto_broken connection_write.c 's/\|\| self->lingering \|\|/\|\| self->disconnecting ||/' \
        talk_close_test T8_trap1_write_after_lose
}

@test "trap 2: connection_lost inside lose_connection is seen" {
    local now='self->base.class->connection_lost(\&self->base, REASON_HALF_DONE)'
    proto_broken connection_write.c "$(proto_in lose_connection)s/reactor_add_writer\\(.*\\)/$now/" \
        talk_close_test T22_trap2_lose_after_half_close
    proto_broken connection_write.c "$(proto_in lose_connection)s/reactor_add_writer\\(.*\\)/$now/" \
        talk_close_test T9_T10_F4_not_before_it_returns
}

@test "trap 3: connection_lost inside abort_connection, or no reset, is seen" {
    local now='self->base.class->connection_lost(\&self->base, REASON_ABORTED)'
    proto_broken connection_write.c "$(proto_in abort_connection)s/reactor_disconnect\\(.*\\)/$now/" \
        talk_close_test T15_T16_F3_E5_trap3_abort
    proto_broken connection_write.c 's/l_onoff = 1/l_onoff = 0/' \
        talk_close_test T15_T16_F3_E5_trap3_abort
}

@test "trap 4: dropping what is owed at the end of the stream is seen" {
    proto_broken connection.c \
        "$(proto_in end_of_stream)s/transport_lose_connection\\(.*\\);/return REASON_DONE;/" \
        talk_close_test T12_trap4_owed_a_little
    proto_broken connection.c 's/if \(class->read_connection_lost\)/if (0)/' \
        talk_close_test T20_trap4_half_closeable
}

@test "trap 5: close without shutdown is seen" {
    proto_broken connection.c 's/self->read_lost \|\| shutdown\(/1 || shutdown(/' \
        talk_close_test T11_trap5_unread_input
    proto_broken connection.c 's/self->read_lost \|\| shutdown\(/1 || shutdown(/' \
        talk_close_test T11_trap5_slow_reader
}

@test "trap 6: reading a paused connection is seen" {
    proto_broken connection.c 's/!self->paused && //' \
        talk_write_test T14_trap6_paused_is_blind "${PROTO_POLLERS[@]}"
    proto_broken connection.c 's/!self->paused && //' \
        talk_write_test T14_trap6_paused_and_reset
}

@test "trap 7: a producer paused or resumed at the wrong time is seen" {
    proto_broken connection_write.c 's/> CONNECTION_HIGH_WATER/>= CONNECTION_HIGH_WATER/' \
        talk_producer_test T25_T26_trap7_the_limit
    proto_broken connection_write.c 's/(self->producer && self->streaming)\)/\1 \&\& !self->producer_paused)/' \
        talk_producer_test T25_T26_trap7_the_limit
    proto_broken connection_write.c \
        "$(proto_in drained)s/(self->producer->resume_producing.*;)/\\1 self->producer_paused = false;/" \
        talk_producer_test T27_trap7_too_much_when_resumed
    proto_broken connection_write.c \
        's/if \(buffer_length\(&self->output\) > 0\)/if (self->producer \&\& buffer_length(\&self->output) > 1) self->producer->resume_producing(self->producer); &/' \
        talk_producer_test T26_trap7_resumed_when_empty
}

@test "trap 8: one rule for all producers at lose_connection is seen" {
    proto_broken connection_write.c 's/if \(self->producer && \(/if (!self->disconnecting \&\& self->producer \&\& (/' \
        talk_producer_test T29_trap8_pull_goes_on
    proto_broken connection_write.c 's/if \(self->producer && \(/if (!self->disconnecting \&\& self->producer \&\& (/' \
        talk_producer_test T31_trap8_paused_push_is_waited_for
    proto_broken connection_write.c 's/\(!self->streaming \|\| self->producer_paused\)/1/' \
        talk_producer_test T30_trap8_idle_push_is_stopped
}

@test "trap 9: a connector that is free too early is seen" {
    proto_broken tcp_connector.c 's/self->state != DISCONNECTED\) \{/self->state == CONNECTING) {/' \
        talk_connect_test C12_C13_trap9_order_of_the_end
    proto_broken tcp_connector.c 's/reactor_disconnect\(self->reactor, &self->grave, .*\)/dispose(\&self->grave)/' \
        talk_connect_test C9_trap9_stop_in_started_connecting
}

@test "trap 10: a factory stopped too often, or never, is seen" {
    proto_broken tcp_connector.c "$(proto_in rest_in_peace)s/self->state != DISCONNECTED/0/" \
        talk_connect_test C14_trap10_again_and_again
    proto_broken tcp_connector.c "$(proto_in rest_in_peace)s/factory_do_stop\\(.*\\);//" \
        talk_connect_test C14_trap10_again_and_again
    proto_broken tcp_client.c 's/(return .*)REASON_DONE/\1ECONNREFUSED/' \
        talk_connect_test C15_nobody_wants_it
}

@test "trap 11: one accept a turn, or a batch that is cut, is seen" {
    proto_broken tcp_port.c 's/count < self->accepts &&/count < 1 \&\&/' \
        talk_port_test L14_trap11_the_batch_is_not_cut
    proto_broken tcp_port.c 's/while \(count/while (self->base.state == 1 \&\& count/' \
        talk_port_test L14_trap11_the_batch_is_not_cut
    proto_broken tcp_port.c 's/self->accepts \+= ACCEPTS_GROWTH/(void)0/' \
        talk_port_test L6_clients_a_turn
}

@test "trap 12: leaving the clients waiting, or spinning, is seen" {
    proto_broken tcp_port.c 's/errno == EMFILE \|\| errno == ENFILE/0/' \
        talk_port_test L12_trap12_no_descriptor_left "${PROTO_POLLERS[@]}"
    proto_broken tcp_port.c 's/errno != EAGAIN/0/' \
        talk_port_test L11_a_failing_accept_does_not_spin "${PROTO_POLLERS[@]}"
}

@test "trap 18: a stale read is seen" {
    proto_broken dispatch.c 's/POLLER_READ & descriptor->wanted/POLLER_READ/' \
        talk_write_test trap18_pause_the_other "${PROTO_POLLERS[@]}"
    proto_broken dispatch.c 's/POLLER_READ & descriptor->wanted/POLLER_READ/' \
        talk_write_test trap18_pause_one_that_writes "${PROTO_POLLERS[@]}"
    proto_broken dispatch.c "/dispatch->table\\[descriptor->fd\\] = NULL/d;
        s/POLLER_READ & descriptor->wanted/POLLER_READ/" \
        talk_write_test trap18_abort_the_other "${PROTO_POLLERS[@]}"
}

@test "trap 25: a limit that counts the delimiter, lines after quit, recursion are seen" {
    proto_broken line_receiver.c 's/left >= most \+ size/left > most/' \
        line_test B4_trap25_the_delimiter_does_not_count
    proto_broken line_receiver.c "/^static bool wants_line/,/^}/s/ &&\$/;/" \
        line_test B6_trap25_nothing_after_quit
    proto_broken line_receiver.c 's/if \(self->busy\)/if (0)/' \
        line_test B9_trap25_injected_bytes_come_last
    proto_broken line_receiver.c 's/if \(self->busy\)/if (0)/' \
        line_test B8_no_recursion
    proto_broken line_receiver.c 's/self->scanned = left < size.*/self->scanned = 0;/' \
        line_test long_line_in_linear_time
}

# --- what the programs' tests share --------------------------------------------

# proto_each PROGRAM COMMAND...: runs it beside the server, under each poller.
proto_each() {
    local poller
    # shellcheck disable=SC2086
    for poller in "${PROTO_POLLERS[@]}"; do
        echo "--- $1 -r $poller"
        start 04-protocols/$1 -r "$poller"
        POLLER=$poller
        "${@:2}"
    done
}

# proto_limited DESCRIPTORS COMMAND...: what it starts has so many at most.
proto_limited() {
    local before
    before=$(ulimit -Sn)
    ulimit -Sn "$1"
    "${@:2}"
    ulimit -Sn "$before"
}

# A peer in the background, whose `hold` lasts until proto_release, which
# passes its status on. What it prints goes to HELD.
proto_hold() {
    HELD=$BATS_TEST_TMPDIR/held-$RANDOM$RANDOM
    mkfifo "$HELD.gate"
    peer "$@" <"$HELD.gate" >"$HELD" 2>&1 3>&- &
    HOLDER=$!
    exec {GATE}>"$HELD.gate"
}

proto_release() {
    exec {GATE}>&-
    wait "$HOLDER" || { cat "$HELD"; return 1; }
}

proto_has_descriptors() { # PID COUNT
    [ "$(descriptors "$1")" -eq "$2" ]
}

proto_dirty_kib() {
    awk '/^Private_Dirty/ { print $2 }' "/proc/$1/smaps_rollup"
}

# The memory of what was freed goes back at once under AddressSanitizer, too.
proto_without_quarantine() {
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=0"
}

# proto_ends PID SIGNAL: the signal ends it, with status 0.
proto_ends() {
    local status=0
    kill "-$2" "$1"
    wait_gone "$1"
    wait "$1" || status=$?
    [ "$status" -eq 0 ] || { echo "status $status after SIG$2"; return 1; }
}

# The log without dates; without ports, 127.0.0.1:NNNNN.
proto_log() {
    sed -E 's/^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4} //' "$LOG"
}

proto_count() { # TEXT
    grep -cF -- "$1" "$LOG" || true
}

proto_counts() { # NUMBER TEXT
    [ "$(proto_count "$2")" -eq "$1" ]
}

# All that any server must bear, and be there for afterwards: COMMAND checks
# that it is.
proto_rough_peers() {
    local before
    before=$(descriptors "$PID")
    "$@"
    peer -n 20 "$PORT" send='garbage\0\xff\r\r\n\n' reset
    peer -n 20 "$PORT" reset
    peer -n 20 "$PORT" send='half' shutdown close
    peer -l -n 20 "$PORT" flood=100000 reset
    peer -l -r 4096 "$PORT" flood=300000 shutdown close
    peer -l "$PORT" flood=300000 shutdown 'reset?'
    "$@"
    eventually proto_has_descriptors "$PID" "$before"
    [ "$POLLER" != poll ] || idle "$PID" # a hang-up is nobody's wish
    "$@"
}

# --- echo_server, echo_client -----------------------------------------------------

proto_echo_works() {
    run peer "$PORT" send=hello recv=5 send='\0\r\n\xff' recv=4 shutdown eof
    [ "$status" -eq 0 ]
    [ "${output:0:5}" = hello ]
    run peer "$PORT" drip='one byte at a time' recv=18 quiet=20
    [ "$output" = 'one byte at a time' ]
    # More than wait in a queue of 50 make the kernel wait for a second.
    [ "$POLLER" = epoll ] || return 0
    peer -n 200 "$PORT" send=first recv=5 send=again recv=5 shutdown eof |
        wc -c | grep -qx 2000
}

@test "P7 echo_server: what comes goes back, to 200 at a time" {
    proto_each echo_server proto_echo_works
}

proto_echo_once() {
    run peer "$PORT" send=hello recv=5
    [ "$output" = hello ]
}

@test "P7 echo_server: resets, half-closes, floods" {
    proto_each echo_server proto_rough_peers proto_echo_once
}

@test "P7 echo_client: the document's words" {
    local poller
    start 04-protocols/echo_server
    for poller in "${PROTO_POLLERS[@]}"; do
        run soon "$(program 04-protocols/echo_client)" -r "$poller" -p "$PORT"
        [ "$status" -eq 0 ]
        [ "$output" = $'Server said: hello!\nconnection lost\nConnection lost - goodbye!' ]
    done
    proto_ends "$PID" TERM
    [ "$(cat "$LOG")" = "listening on 127.0.0.1:$PORT" ]
    for poller in "${PROTO_POLLERS[@]}"; do
        run soon "$(program 04-protocols/echo_client)" -r "$poller" -p "$PORT" localhost
        [ "$output" = 'Connection failed - goodbye!' ]
    done
}

proto_slow_reader() {
    local before
    peer "$PORT" exchange=1000000
    before=$(proto_dirty_kib "$PID")
    proto_hold -t 60 "$PORT" stuff hold exchange=64000000 swallow
    for _ in {1..5}; do
        DEADLINE=5 peer -n 4 "$PORT" send=hello recv=5 >/dev/null
        [ $(($(proto_dirty_kib "$PID") - before)) -lt 1024 ]
    done
    idle "$PID"
    # And then it reads on, and every byte is there.
    DEADLINE=60 proto_release
    [ $(($(proto_dirty_kib "$PID") - before)) -lt 1024 ]
}

@test "one that does not read costs a buffer, and gets every byte of 64 MB later" {
    proto_without_quarantine
    proto_each echo_server proto_slow_reader
}

# Ten of them, none is read from beyond what the kernel holds.
proto_ten_slow_readers() {
    local before start
    : >slow
    before=$(proto_dirty_kib "$PID")
    proto_hold -t 60 -n 10 "$PORT" flood=6400000 hold swallow shutdown eof
    for _ in {1..10}; do
        start=${EPOCHREALTIME/[.,]/}
        peer "$PORT" send=hello recv=5 >/dev/null
        # A process is started, too; nobody waits for 64 MB.
        [ $((${EPOCHREALTIME/[.,]/} - start)) -lt 50000 ] ||
            echo "$((${EPOCHREALTIME/[.,]/} - start)) us" >>slow
    done
    [ "$(wc -l <slow)" -le 2 ] || { cat slow; return 1; }
    # 10 connections with their two times 64 KiB at most.
    [ $(($(proto_dirty_kib "$PID") - before)) -lt 2048 ]
    DEADLINE=60 proto_release
}

@test "64 MB on their way to ten that do not read: others are answered in 50 ms" {
    proto_without_quarantine
    proto_each echo_server proto_ten_slow_readers
}

proto_half_closed() {
    peer -t 30 "$PORT" exchange=1000 stuff shutdown swallow eof
    DEADLINE=30 peer -t 30 "$PORT" exchange=20000000 stuff shutdown pause=100 swallow eof
}

@test "a half-closed peer gets all that it is owed" {
    proto_each echo_server proto_half_closed
}

@test "P8: TRACE=1 tells the steps of a connection in the document's order" {
    local line listener='' socket='' pattern step=0
    TRACE=1 start 04-protocols/echo_server -r select
    run peer "$PORT" send=hello recv=5 shutdown eof
    [ "$output" = hello ]
    logged ' is lost'
    while read -r line; do
        [ "$step" -lt ${#PROTO_STEPS[@]} ] || break
        pattern=${PROTO_STEPS[step]//LISTENER/$listener}
        pattern=${pattern//SOCKET/$socket}
        [[ $line =~ $pattern ]] || continue
        [ "$step" -ne 0 ] || listener=${BASH_REMATCH[1]}
        [ "$step" -ne 3 ] || socket=${BASH_REMATCH[1]}
        step=$((step + 1))
    done <"$LOG"
    [ "$step" -eq ${#PROTO_STEPS[@]} ] || {
        echo "not there, or not in its place: ${PROTO_STEPS[step]}"
        return 1
    }
}

# --- hello_server, hello_client ------------------------------------------------------

proto_hello() {
    local port
    port=$(peer "$PORT" port until=Hello send=question pause=20 shutdown eof)
    port=${port%%$'\n'*}
    logged "127.0.0.1 $port disconnected"
    eventually proto_counts 1 'Connection was closed cleanly.'
    [ "$(sed 1d "$LOG")" = "success from 127.0.0.1 $port
question
127.0.0.1 $port disconnected
Connection was closed cleanly." ]
    peer "$PORT" until=Hello reset >/dev/null
    eventually proto_counts 1 'Connection to the other side was lost in a non-clean fashion.'
    peer "$PORT" until=Hello drip=abc shutdown eof
    eventually proto_counts 2 'Connection was closed cleanly.'
    [ "$POLLER" = epoll ] || return 0
    peer -n 200 "$PORT" until=Hello >/dev/null
    eventually proto_counts 202 'Connection was closed cleanly.'
}

@test "hello_server: greets, prints what it hears and how it ended" {
    proto_each hello_server proto_hello
}

proto_hello_once() {
    run peer "$PORT" until=Hello
    [ "$output" = Hello ]
}

@test "hello_server: resets, half-closes, floods" {
    proto_each hello_server proto_rough_peers proto_hello_once
}

proto_hello_client() { # POLLER
    local client
    client=$BATS_TEST_TMPDIR/client-$1
    soon "$(program 04-protocols/hello_client)" -r "$1" -p "$PORT" >"$client" 2>&1 3>&- &
    local pid=$!
    logged hello
    proto_ends "$PID" TERM
    wait "$pid"
    [ "$(cat "$client")" = $'DATA Hello\nLost connection: Connection was closed cleanly.' ]
}

@test "hello_client: says hello, prints the answer and the end" {
    local poller
    for poller in "${PROTO_POLLERS[@]}"; do
        start 04-protocols/hello_server
        proto_hello_client "$poller"
        run soon "$(program 04-protocols/hello_client)" -r "$poller" -p "$PORT"
        [ "$status" -eq 1 ]
        [ "$output" = "hello_client: 127.0.0.1: Connection was refused by other side: 111: Connection refused." ]
    done
}

# --- cmd_server -------------------------------------------------------------------------

proto_cmd() {
    peer "$PORT" send='hello server\n' pause=20 shutdown eof
    logged 'Reason: Connection was closed cleanly.'
    proto_ends "$PID" TERM
    run proto_log
    [ "$output" = "[-] Log opened.
[-] MyFactory starting on $PORT
[-] Starting factory MyFactory
[MyFactory] Client connection from 127.0.0.1
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : hello server
[CmdProtocol,0,127.0.0.1] Lost client connection. Reason: Connection was closed cleanly.
[-] Received SIGTERM, shutting down.
[-] (TCP Port $PORT Closed)
[-] Stopping factory MyFactory
[-] Main loop terminated." ]
    [ "$(grep -cE '^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}[+-][0-9]{4} \[' "$LOG")" -eq 10 ]
}

@test "cmd_server: the document's log, line for line" {
    proto_each cmd_server proto_cmd
}

proto_cmd_bytes() {
    peer "$PORT" send='typed\r\n\n\x1b[31mred\0\xff\n\\n\ttab\nunfinished' shutdown eof
    logged 'Reason: Connection was closed cleanly.'
    run grep -F 'Cmd received' <(proto_log)
    # shellcheck disable=SC1003 # the last one is a backslash
    [ "$output" = '[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : typed\r
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : 
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : \x1b[31mred\x00\xff
[CmdProtocol,0,127.0.0.1] Cmd received from 127.0.0.1 : \\n\ttab' ]
    peer "$PORT" drip='slow\nly\n' shutdown eof
    logged '[CmdProtocol,1,127.0.0.1] Cmd received from 127.0.0.1 : ly'
    ! LC_ALL=C grep -q '[^[:print:]]' "$LOG"
}

@test "cmd_server: what is not printable is escaped, a CR too" {
    proto_each cmd_server proto_cmd_bytes
}

proto_cmd_limit() { # CLIENTS
    proto_hold -n "$1" "$PORT" send='in\n' hold
    eventually proto_counts "$1" ': in'
    run peer "$PORT" send='out\n' eof
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    eventually proto_counts 1 'Too many connections. bye !'
    eventually proto_counts 1 'Lost client connection.'
    proto_release
    eventually proto_counts "$(($1 + 1))" 'Lost client connection.'
    # There is room again.
    peer -n "$1" "$PORT" send='again\n' shutdown eof
    eventually proto_counts "$1" ': again'
    proto_counts 1 'Too many'
    proto_counts 0 ': out'
}

@test "cmd_server: -c is how many it has room for, 2 by default" {
    local poller
    proto_each cmd_server proto_cmd_limit 2
    proto_each 'cmd_server -c 5' proto_cmd_limit 5
    start 04-protocols/cmd_server -c 0
    peer "$PORT" eof
    logged 'Too many connections. bye !'
}

@test "cmd_server: a line that is too long ends the connection, no other" {
    start 04-protocols/cmd_server
    proto_hold "$PORT" hold send='still here\n' shutdown eof
    printf -v LINE '%16384s' ''
    peer "$PORT" send="${LINE// /x}\n" shutdown eof
    eventually proto_counts 1 'Cmd received'
    eventually proto_counts 1 'Lost client'
    peer "$PORT" send="${LINE// /x}y\nnever\n" eof
    eventually proto_counts 2 'Lost client'
    peer -l "$PORT" flood=1000000 'reset?'
    eventually proto_counts 3 'Lost client'
    proto_release
    logged ': still here'
    proto_counts 2 'Cmd received'
    # No line of the log is endless.
    [ "$(awk '{ print length }' "$LOG" | sort -n | tail -n 1)" -lt 1200 ]
}

proto_cmd_once() {
    local before
    before=$(proto_count ': hello')
    peer "$PORT" send='hello\n' shutdown eof
    eventually proto_counts $((before + 1)) ': hello'
}

@test "cmd_server: resets, half-closes, floods, 200 clients" {
    proto_each 'cmd_server -c 1000' proto_rough_peers proto_cmd_once
    peer -n 200 "$PORT" send='crowd\n' shutdown eof
    eventually proto_counts 200 ': crowd'
}

@test "cmd_server: usage, and a port that is in use" {
    start 04-protocols/cmd_server
    run soon "$(program 04-protocols/cmd_server)" -p "$PORT"
    [ "$status" -eq 1 ]
    [[ $output == *"cmd_server: 127.0.0.1:$PORT: Address already in use" ]]
    [[ $output != *"Starting factory"* ]]
    run soon "$(program 04-protocols/cmd_server)" -c two
    [ "$status" -eq 2 ]
    [[ $output == "usage: cmd_server "*"[-c CLIENTS_MAX]"* ]]
    run soon "$(program 04-protocols/cmd_server)" -h
    [ "$status" -eq 0 ]
    run soon "$(program 04-protocols/cmd_server)" -p 0 -i 192.0.2.1
    [ "$status" -eq 1 ]
    [[ $output == *"cmd_server: 192.0.2.1:0: "* ]]
}

proto_cmd_sigint() {
    peer "$PORT" send='hello\n' pause=10 shutdown eof
    proto_ends "$PID" "$1"
    grep -qF "[-] Received SIG$1, shutting down." "$LOG"
    [ "$(tail -n 1 <(proto_log))" = '[-] Main loop terminated.' ]
}

# Background jobs of a shell without job control ignore SIGINT: a fresh shell.
@test "cmd_server: SIGINT and SIGTERM end it, with clients that are there" {
    local poller
    for poller in "${PROTO_POLLERS[@]}"; do
        start 04-protocols/cmd_server -r "$poller"
        proto_hold "$PORT" send='I am here\n' hold 'reset?'
        logged ': I am here'
        proto_cmd_sigint TERM
        proto_release
        proto_log | grep -qF '[CmdProtocol,0,127.0.0.1] Lost client connection. Reason: Connection to the other side was lost in a non-clean fashion: Connection lost.'
        set -m
        start 04-protocols/cmd_server -r "$poller"
        set +m
        proto_cmd_sigint INT
    done
}

# --- chat_server ---------------------------------------------------------------------------

proto_chat() {
    local a
    proto_hold "$PORT" send='here\n' until=one until=three hold
    logged 'has come'
    a=$(peer "$PORT" port pause=50 send='one\r\ntwo\nthr' send='ee\n\n' pause=50 quiet=20)
    proto_release
    [ "$(cat "$HELD")" = "127.0.0.1:$a> one"$'\r\n'"127.0.0.1:$a> two"$'\r\n'"127.0.0.1:$a> three" ]
    eventually proto_counts 2 'has gone: Connection was closed cleanly.'
    # Bytes come through as they are.
    proto_hold "$PORT" until='> ' recv=4 hold
    eventually proto_counts 3 'has come'
    peer "$PORT" drip='\0\xff\r\n' pause=50
    proto_release
    tail -c 4 "$HELD" | cmp - <(printf '\0\xff\r\n')
}

@test "chat_server: each line goes to every other client" {
    proto_each chat_server proto_chat
}

proto_chat_crowd() {
    proto_hold -n 200 "$PORT" hold until='crowd\r\n' eof
    eventually proto_counts 200 'has come'
    peer "$PORT" send='hello crowd\n' pause=200
    exec {GATE}>&-
    sleep 0.1
    kill -TERM "$PID"
    wait "$HOLDER" || true
    [ "$(grep -c 'hello crowd' "$HELD")" -eq 200 ]
}

@test "chat_server: to 200 of them" {
    start 04-protocols/chat_server -r epoll
    proto_chat_crowd
}

# One talks, 10 MB in lines of 1,000 bytes; one listens, one has stopped.
proto_chat_behind() {
    local text pid stopped gate before
    printf -v text '%1000s' ''
    text=${text// /x}'\n'
    text=$text$text$text$text$text
    text=$text$text$text$text$text$text$text$text$text$text
    proto_hold -t 30 -r 4096 "$PORT" hold 'reset?'
    stopped=$HOLDER gate=$GATE
    logged 'has come'
    peer -t 30 "$PORT" until=DONE >"$BATS_TEST_TMPDIR/listener" 3>&- &
    pid=$!
    eventually proto_counts 2 'has come'
    before=$(proto_dirty_kib "$PID")
    for _ in {1..20}; do
        peer "$PORT" send="$text" send="$text" send="$text" send="$text" \
            send="$text" send="$text" send="$text" send="$text" send="$text" send="$text"
    done
    peer "$PORT" send='DONE\n' pause=50
    wait "$pid"
    [ "$(grep -c xxx "$BATS_TEST_TMPDIR/listener")" -eq 10000 ]
    logged 'is too far behind'
    proto_counts 1 'is too far behind'
    exec {gate}>&-
    wait "$stopped"
    eventually proto_counts 1 'has gone: Connection was aborted locally'
    [ $(($(proto_dirty_kib "$PID") - before)) -lt 4096 ]
}

@test "chat_server: one that has stopped reading is dropped, and said so once" {
    proto_without_quarantine
    proto_each chat_server proto_chat_behind
}

proto_chat_once() {
    local pid before
    before=$(proto_count 'has come')
    proto_hold "$PORT" until='once\r\n'
    eventually proto_counts $((before + 1)) 'has come'
    peer "$PORT" send='once\n' pause=20
    proto_release
}

@test "chat_server: resets, half-closes, floods" {
    proto_each chat_server proto_rough_peers proto_chat_once
}

# --- no descriptor left ------------------------------------------------------------------------

proto_shed() {
    local before
    before=$(descriptors "$PID")
    proto_hold -l -n 100 "$PORT" send='x\n' hold
    if [ "$1" = logs ]; then
        logged 'EMFILE recovery: Closed socket from 127.0.0.1:'
    fi
    idle "$PID"
    proto_release
    eventually proto_has_descriptors "$PID" "$before"
    "${@:2}"
}

@test "100 clients and 40 descriptors: shed, alive, idle, serving afterwards" {
    proto_limited 40 proto_each echo_server proto_shed quiet proto_echo_once
    proto_limited 40 start 04-protocols/hello_server -r select
    proto_shed quiet proto_hello_once
    proto_limited 40 start 04-protocols/cmd_server -r poll -c 1000
    proto_shed logs proto_cmd_once
    proto_limited 40 start 04-protocols/chat_server -r epoll
    proto_shed logs proto_chat_once
}

# --- memory -------------------------------------------------------------------------------------

@test "10,000 idle connections cost 200 bytes each at most, and so after a line" {
    local flags
    case ${CFLAGS:-} in *sanitize*) skip "sanitizers have memory of their own" ;; esac
    [ "$(ulimit -Hn)" -ge 10100 ] || skip "no 10,100 descriptors"
    mapfile -t flags < <(proto_objects)
    proto_compile "$BATS_TEST_TMPDIR/idle_lines" "$ROOT/tests/unit/idle_lines.c" "${flags[@]}"
    run soon "$BATS_TEST_TMPDIR/idle_lines" epoll 10000
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[2]} == 'made 10000, lines 10000, lost 10000' ]]
    awk '/^idle: / { idle = $2 } /^after a line: / { after = $4 }
        END { exit !(idle > 0 && idle <= 200 && after > 0 && after <= 200) }' <<<"$output"
}
