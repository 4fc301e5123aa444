#!/usr/bin/env bats
# Stage 04: datagrams.
#
# U and trap 19 are rows of what Twisted does; each is a case of one of the
# unit programs, and holds under every poller.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# Every machine that has multicast is in one group at least, on each interface
# that is up; a kernel without it has no such list.
udp_multicast_or_skip() {
    grep -qsE '^[0-9]+[[:space:]]+lo[[:space:]]' /proc/net/igmp ||
        skip 'no multicast on lo: /proc/net/igmp does not name it'
}

# --- unit programs -----------------------------------------------------------

@test "U1 U2 U3 U5 U6 U7 U8 U9 G3 G5 trap 19: UDP ports" {
    unit_cases udp_port_test
}

@test "U10 U11: multicast over the loopback interface" {
    udp_multicast_or_skip
    unit_cases udp_multicast_test
}

@test "U16 U7: UNIX datagrams" {
    unit_cases udp_unix_test
}

# --- their tests can fail ------------------------------------------------------

@test "proof: trap 19: taking a refusal for a hang-up is seen" {
    local in_take_error
    in_take_error=$(unit_in take_error)
    unit_broken udp.c "${in_take_error}s/return REASON_NONE/return error/" \
        udp_port_test U7_U8_trap19_refused "${POLLERS[@]}"
    unit_broken udp.c "${in_take_error}s/tell_refusal\\(self\\)/(void)0/" \
        udp_port_test U7_U8_trap19_refused "${POLLERS[@]}"
}

@test "proof: U7: a refusal told at the wrong time, or a datagram lost to it, is seen" {
    unit_broken udp.c 's/reactor_add_writer\(self->base.reactor, &self->base.base\)/tell_refusal(self)/' \
        udp_port_test U7_refused_when_sending
    unit_broken udp.c 's/reactor_add_writer\(self->base.reactor, &self->base.base\);/return 0;/' \
        udp_port_test U7_refused_when_sending
    unit_broken udp.c 's/reactor_remove_writer\(self->base.reactor, base\);//' \
        udp_port_test U7_refused_when_sending
}

@test "proof: U2: a turn without an end, and an empty datagram taken for one, is seen" {
    unit_broken udp.c 's/i < UDP_TURN_DATAGRAMS/i >= 0/' \
        udp_port_test U2_flood_of_empty_ones
    unit_broken udp.c 's/bytes < UDP_TURN_BYTES/1/' \
        udp_port_test U2_flood_of_kilobytes
    unit_broken udp.c 's/i < UDP_TURN_DATAGRAMS/i < 1/' \
        udp_port_test U2_all_that_is_there
    unit_broken udp.c "$(unit_in udp_port_do_read)s/n < 0/n <= 0/" \
        udp_port_test U2_all_that_is_there
}

@test "proof: U5 U6: a stranger's datagram, and a second peer, are seen" {
    unit_broken udp.c 's/is_connected\(self\) && !is_peer\(self, from\)/0/' \
        udp_port_test U6_one_peer
    unit_broken udp.c 's/is_connected\(self\) && !is_peer\(self, to\)/0/' \
        udp_port_test U6_one_peer
    unit_broken address.c 's/AI_NUMERICHOST\)/0)/' udp_port_test U5_sends_at_once
}

@test "proof: U9: an end too early, twice, or with a transport is seen" {
    unit_broken port.c 's/reactor_disconnect\((self->reactor), &self->base, REASON_DONE\)/self->base.class->connection_lost(\&self->base, 0); &/' \
        udp_port_test U9_stops_later
    unit_broken udp.c 's/protocol->transport = NULL/(void)0/' \
        udp_port_test U9_the_loop_ends
    unit_broken port.c 's/if \(stopped\)/if (0)/' \
        udp_port_test U9_stops_later
}

@test "proof: U1 U6 U7 U9: an IPv4 port taken by IPv6, an error that ends one, another name, two ends are seen" {
    if [ -s /proc/net/if_inet6 ]; then
        unit_broken net.c 's/IPV6_V6ONLY/IPV6_UNICAST_HOPS/' \
            udp_port_test U1_six_is_not_four
    fi
    unit_broken address.c 's/port < 0 \|\| port > ADDRESS_PORT_MAX/0/' \
        udp_port_test U1_starts_before_it_returns
    unit_broken udp.c 's/if \(reactor_add_reader\(.*\) < 0\)/if (0)/' \
        udp_port_test U1_a_loop_that_is_being_freed
    unit_broken udp.c 's/error == EBADF \|\| error == ENOTSOCK/error != EAGAIN/' \
        udp_port_test U2_errors_when_reading
    unit_broken udp.c 's/return address_peer\(.*/self->peer = *peer; return 0;/' \
        udp_port_test U6_a_peer_by_another_name
    unit_broken udp.c 's/ && is_refusal\(error\)//' \
        udp_port_test U7_what_is_no_refusal
    unit_broken udp.c 's/is_connected\(self\) && is_refusal/is_refusal/' \
        udp_port_test U7_what_is_no_refusal
}

@test "proof: U11: ports that do not share their number are seen" {
    udp_multicast_or_skip
    unit_broken udp.c 's/NET_NONBLOCKING, share/NET_NONBLOCKING, net_error/' \
        udp_multicast_test U11_two_with_one_number
    unit_broken udp.c 's/return setsockopt\(fd, SOL_SOCKET, SO_REUSEPORT.*/return 0;/' \
        udp_multicast_test U11_what_the_socket_is_told
}

# What the broken one before has left must not be why this one fails.
udp_unix_broken() { # FILE SCRIPT CASE
    export TMPDIR=$BATS_TEST_TMPDIR/names
    rm -rf -- ./*.sock "$TMPDIR"
    mkdir "$TMPDIR"
    unit_broken "$1" "$2" udp_unix_test "$3"
}

@test "proof: U16: a file left behind, or not ours and removed, is seen" {
    udp_unix_broken unix_datagram.c 's/base->undo = remove_file/(void)remove_file/' \
        U16_question_and_answer
    udp_unix_broken unix_datagram.c 's/now.st_ino == self->inode/1/' \
        U16_somebody_elses_file
    udp_unix_broken udp.c 's/if \(self->undo\)/if (0)/' \
        U16_question_and_answer
    udp_unix_broken udp.c 's/if \(self->undo\)/if (0)/' U16_a_dead_file
    udp_unix_broken udp.c 's/ \|\| error == ECONNRESET \|\| error == ENOTCONN//' \
        U7_U16_the_server_dies
    udp_unix_broken unix_datagram.c 's/return fchmod\(fd, 0\)/return 0 * fd/' U16_the_mode
    udp_unix_broken unix_datagram.c 's/int fd = net_bind_datagram/umask(umask(0777));&/' \
        U16_the_mode
    udp_unix_broken udp.c 's/if \(!protocol->quiet\)//' G5_U16_the_log
}

# --- udp_server, udp_client ---------------------------------------------------

udp_client() {
    soon "$(program 04-protocols/udp_client)" -r "$POLLER" -p "$PORT" "$@"
}

udp_repeated() { # NUMBER CHARACTER
    head -c "$1" /dev/zero | tr '\0' "$2"
}

udp_prints_and_answers() {
    local mine
    run peer -u "$PORT" port send='hello there' recv=2 send= recv=2 \
        send='a\0\x01\n\r\t \x7f\x80\xff~\\b' recv=2
    [ "$status" -eq 0 ]
    mine=${lines[0]}
    [ "${lines[1]}" = okokok ]
    logged "a\\x00\\x01\\x0a\\x0d\\x09 \\x7f\\x80\\xff~\\b 127.0.0.1 $mine"
    [ "$(sed -n 2,3p "$LOG")" = "hello there 127.0.0.1 $mine"$'\n'" 127.0.0.1 $mine" ]
    [ "$(wc -l <"$LOG")" -eq 4 ]
    # T1: a person's text as it is, what would obey the sender is not.
    peer -u "$PORT" send='数据 \xc2\x85 \xe2\x80\xae \x1b[2J' recv=2
    logged '数据 \xc2\x85 \xe2\x80\xae \x1b[2J 127.0.0.1 '
    server_ends "$PID" TERM
}

@test "B2 P13: udp_server prints each datagram with its sender and answers ok" {
    server_each udp_server udp_prints_and_answers
}

udp_bears_the_rest() {
    local burst=() i
    for i in {1..200}; do
        burst+=("send=datagram $i")
    done
    run peer -u "$PORT" "${burst[@]}" recv=400
    [ "$status" -eq 0 ]
    [ "$output" = "$(printf 'ok%.0s' {1..200})" ]
    freeze "$PID"
    peer -u "$PORT" send=lost send=too close
    kill -CONT "$PID"
    [ "$(peer -u "$PORT" send=here recv=2)" = ok ]
    idle "$PID"
    run soon "$(program 04-protocols/udp_server)" -p "$PORT"
    [ "$status" -eq 1 ]
    [[ "$output" = "udp_server: 127.0.0.1:$PORT: Address "*"in use" ]]
}

@test "B2 U2: a burst, clients that have gone, a port that is taken" {
    server_each udp_server udp_bears_the_rest
}

udp_talks() {
    local answer="数据:ok 127.0.0.1 $PORT"
    run udp_client <<<$'  one  two \t\n\n \t \n\rthree\r\n  exit \nnever sent'
    [ "$status" -eq 0 ]
    [ "$output" = "$answer"$'\n数据:数据:'"$answer"$'\n数据:' ]
    logged 'three 127.0.0.1'
    [ "$(sed -nE 's/ 127.0.0.1 [0-9]+$//p' "$LOG")" = $'one  two\nthree' ]
    run udp_client </dev/null
    [ "$status" -eq 0 ]
    [ "$output" = 数据: ]
    run udp_client localhost < <(udp_repeated 65507 x)
    [ "$status" -eq 0 ]
    [ "$output" = "$answer"$'\n数据:' ]
    eventually grep -qE '^x{200}x* 127' "$LOG"
    [ "$(grep -o '^xx*' "$LOG" | tr -d '\n' | wc -c)" -eq 65507 ]
    run udp_client < <(udp_repeated 65508 x)
    [ "$status" -eq 1 ]
    [[ "$output" = '数据:udp_client: 127.0.0.1: Message '*long ]]
}

@test "B2 P13: udp_client strips, skips what is empty, ends on exit" {
    server_each udp_server udp_talks
}

udp_gets_no_answer() {
    local begun took
    freeze "$PID"
    begun=${EPOCHREALTIME/./}
    run udp_client <<<hello
    took=$(((${EPOCHREALTIME/./} - begun) / 1000))
    kill -CONT "$PID"
    [ "$status" -eq 1 ]
    [ "$output" = '数据:udp_client: 127.0.0.1: timed out, no answer' ]
    [ "$took" -ge 2900 ]
    PORT=$NOBODY
    run udp_client <<<hello
    [ "$status" -eq 1 ]
    [ "$output" = '数据:udp_client: 127.0.0.1: Connection refused' ]
    run udp_client nonsense.invalid <<<hello
    [ "$status" -eq 1 ]
    [[ "$output" = 'udp_client: nonsense.invalid: '* ]]
}

@test "B2 U7: no answer, or nobody there, ends udp_client with a message" {
    server_side_by_side udp_server udp_gets_no_answer
}

# --- multicast_server, multicast_client ------------------------------------------

multicast_client() {
    soon "$(program 04-protocols/multicast_client)" -r "$POLLER" -p "$PORT" "$@"
}

multicast_answers() {
    run multicast_client
    [ "$status" -eq 0 ]
    [ "$output" = "Server: Pong 127.0.0.1 $PORT" ]
    eventually grep -qE '^Client: Ping 127\.0\.0\.1 [0-9]+$' "$LOG"
    # A second one, on the same number: both hear, both answer.
    local first=$PID
    launch 04-protocols/multicast_server -p "$PORT"
    eventually ready_port
    run multicast_client
    [ "$status" -eq 0 ]
    [ "$output" = "Server: Pong 127.0.0.1 $PORT"$'\n'"Server: Pong 127.0.0.1 $PORT" ]
    server_ends "$PID" TERM
    server_ends "$first" TERM
    run multicast_client
    [ "$status" -eq 1 ]
    [ "$output" = 'multicast_client: 228.0.0.5: timed out, no answer' ]
    run multicast_client -i nonsense
    [ "$status" -eq 1 ]
    [[ "$output" = 'multicast_client: 228.0.0.5: '* ]]
}

@test "P13 U10 U11: Client: Ping is answered Server: Pong, by each server" {
    udp_multicast_or_skip
    server_side_by_side multicast_server multicast_answers
}

# --- unix_datagram_server, unix_datagram_client -----------------------------------

unix_datagram_client() {
    soon "$(program 04-protocols/unix_datagram_client)" -r "$POLLER" "$@"
}

unix_datagram_echoes() {
    local path=$BATS_TEST_TMPDIR/echo.sock
    export TMPDIR=$BATS_TEST_TMPDIR/names
    mkdir -p "$TMPDIR"
    launch 04-protocols/unix_datagram_server -r "$POLLER" "$path"
    logged "listening on $path"
    run unix_datagram_client "$path" <<<$'hello\n\n  数据 \nexit\nnever sent'
    [ "$status" -eq 0 ]
    [ "$output" = $'hello\n  数据 ' ]
    run unix_datagram_client "$path" < <(udp_repeated 65507 x)
    [ "$status" -eq 0 ]
    [ "${#output}" -eq 65507 ]
    [ -z "$(ls "$TMPDIR")" ]
    run soon "$(program 04-protocols/unix_datagram_server)" "$path"
    [ "$status" -eq 1 ]
    [[ "$output" = "unix_datagram_server: $path: Address "*"in use" ]]
    freeze "$PID"
    run unix_datagram_client "$path" <<<hello
    kill -CONT "$PID"
    [ "$status" -eq 1 ]
    [ "$output" = "unix_datagram_client: $path: timed out, no answer" ]
    server_ends "$PID" TERM
    [ ! -e "$path" ]
    run unix_datagram_client "$path" <<<hello
    [ "$status" -eq 1 ]
    [ "$output" = "unix_datagram_client: $path: No such file or directory" ]
}

@test "P13 U16: unix_datagram_server echoes, and both clean up" {
    for POLLER in "${POLLERS[@]}"; do
        unix_datagram_echoes
    done
}

unix_datagram_server_dies() {
    local path=$BATS_TEST_TMPDIR/dead.sock
    launch 04-protocols/unix_datagram_server -r "$POLLER" "$path"
    logged "listening on $path"
    kill -KILL "$PID"
    wait_gone "$PID"
    run unix_datagram_client "$path" <<<hello
    [ "$status" -eq 1 ]
    [ "$output" = "unix_datagram_client: $path: Connection refused" ]
    run soon "$(program 04-protocols/unix_datagram_server)" "$path"
    [ "$status" -eq 1 ]
    [[ "$output" = "unix_datagram_server: $path: Address "*"in use" ]]
    rm "$path"
}

@test "U16: a server that was killed leaves its file, and it is in the way" {
    for POLLER in "${POLLERS[@]}"; do
        unix_datagram_server_dies
    done
}
