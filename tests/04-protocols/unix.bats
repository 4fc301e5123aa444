#!/usr/bin/env bats
# Stage 04: UNIX stream sockets.
#
# U, G and T with a number are the rows of what Twisted does and of what a
# server must survive; each is a case of one of the unit programs.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- unit programs -----------------------------------------------------------

@test "U12 U13 G5 T22: listening at a path" {
    unit_cases unix_port_test
}

@test "U14 T22 T55: connecting to a path" {
    unit_cases unix_connect_test
}

# --- what these must see ------------------------------------------------------

@test "proof: U12: a mode that the umask has cut is seen" {
    unit_broken unix_port.c 's/\(chmod\(.*\) == 0 &&/(/' \
        unix_port_test U12_the_mode_is_not_the_umask
}

@test "proof: U12 G3: a file without its mode, or a peer by another name, is seen" {
    unit_broken unix_port.c "$(unit_in open_socket)s/unlink.*//" \
        unix_port_test U12_no_mode_no_file
    unit_broken address.c 's/ss_family == AF_UNIX/ss_family == AF_UNSPEC/' \
        unix_port_test G5_the_standing_lines
}

@test "proof: U12: a file that is left, or removed too late, or another's is seen" {
    unit_broken unix_port.c "$(unit_in unix_port_connection_lost)s/remove_file.*//" \
        unix_port_test U12_the_file_goes_with_the_loop
    unit_broken unix_port.c "$(unit_in unix_port_connection_lost)s/remove_file/close(base->fd); remove_file/" \
        unix_port_test U12_unlinked_before_it_is_closed
    unit_broken unix_port.c 's/status.st_ino == self->inode/1/' \
        unix_port_test U12_somebody_elses_file_stays
    unit_broken unix_port.c "/^fail:/,/^}/s/remove_file.*//" \
        unix_port_test a_loop_that_is_being_freed
}

@test "proof: U13 T20: no lock, a lock of the process, no question are seen" {
    unit_broken unix_port.c 's/flock\(fd, .*\) == 0/true/' \
        unix_port_test U13_a_live_server_is_not_displaced
    unit_broken unix_port.c 's/flock\(fd, .*\) == 0/fcntl(fd, F_SETLK, \&(struct flock){ .l_type = F_WRLCK }) == 0/' \
        unix_port_test U13_a_live_server_is_not_displaced
    unit_broken unix_port.c 's/fd < 0 && errno == ECONNREFUSED/true/' \
        unix_port_test U13_nor_one_that_takes_no_lock
    unit_broken unix_port.c 's/errno == ECONNREFUSED/true/' \
        unix_port_test U13_nor_one_that_takes_no_lock
}

@test "proof: U13 T20: a file that is no socket, or a link, replaced is seen" {
    unit_broken unix_port.c 's/S_ISSOCK\(status.st_mode\) &&//' \
        unix_port_test U13_what_is_no_socket_stays
    unit_broken unix_port.c 's/lstat\(path,/stat(path,/' \
        unix_port_test U13_what_is_no_socket_stays
    unit_broken unix_port.c 's/\| O_NOFOLLOW//' \
        unix_port_test U13_what_is_no_socket_stays
}

@test "proof: L15: a lock file that is left, or another's and removed, or none and trusted is seen" {
    unit_broken unix_port.c "$(unit_in release_lock)s/unlink\\(name\\)/(void)0/" \
        unix_port_test U13_what_is_no_socket_stays
    unit_broken unix_port.c "/^fail:/,/^}/s/release_lock.*/close(self->lock);/" \
        unix_port_test U13_what_is_no_socket_stays
    unit_broken unix_port.c 's/ && file.st_size == 0//' \
        unix_port_test U13_a_stale_socket_is_replaced
    unit_broken unix_port.c 's/!error && is_file.*\)$/!error)/' \
        unix_port_test L15_a_lock_that_was_removed_is_none
}

@test "proof: U13: a factory that is started although nobody listens is seen" {
    unit_broken unix_port.c 's/self->lock = -1;/& factory_do_start(factory);/' \
        unix_port_test U13_what_is_there_is_in_the_way
}

@test "proof: T22: a path that is cut is seen" {
    local cut='s/\|\| length > ADDRESS_PATH_MAX//
        s/strcpy\(bytes->sun_path, path\)/memcpy(bytes->sun_path, path, length = length > 107 ? 107 : length)/'
    unit_broken address.c "$cut" unix_port_test T22_the_length_of_a_path
    unit_broken address.c "$cut" unix_connect_test T22_a_path_that_is_too_long
}

@test "proof: T55: a full queue that fails, spins, or is tried for ever is seen" {
    unit_broken tcp_connector.c 's/failure.number == EAGAIN/0/' \
        unix_connect_test T55_a_full_queue_is_waited_for
    unit_broken tcp_connector.c 's/until_not_full = 0.01/until_not_full = 0/' \
        unix_connect_test T55_a_full_queue_is_waited_for
    unit_broken tcp_connector.c "$(unit_in fail)s/delayed_call_cancel\\(&self->attempt\\);//" \
        unix_connect_test T55_until_the_timeout
}

# --- unix_server, unix_client ---------------------------------------------------

# unix_start [ARGUMENT...]: a server at ./s, which is ready. Sets PORT, for
# peer, PID and LOG.
unix_start() {
    PORT=./s
    launch 04-protocols/unix_server "$@" "$PORT"
    eventually unix_ready
}

unix_ready() {
    grep -qsx "listening on $PORT" "$LOG"
}

# unix_each COMMAND...: runs it beside the server, under each poller.
unix_each() {
    for POLLER in "${POLLERS[@]}"; do
        echo "--- $POLLER"
        unix_start -r "$POLLER"
        "$@"
        server_ends "$PID" TERM
        [ ! -e s ]
    done
}

unix_client() {
    soon "$(program 04-protocols/unix_client)" "$@"
}

unix_echo() {
    run peer "$PORT" send=hello recv=5 send='\0\r\n\xff' recv=4 shutdown eof
    [ "$status" -eq 0 ]
    [ "${output:0:5}" = hello ]
    run peer "$PORT" drip='one byte at a time' recv=18 quiet=20
    [ "$output" = 'one byte at a time' ]
    peer -n 200 "$PORT" send=first recv=5 send=again recv=5 shutdown eof |
        wc -c | grep -qx 2000
}

@test "P13 unix_server: what comes goes back, to 200 at a time" {
    unix_each unix_echo
}

unix_echo_once() {
    run peer "$PORT" send=hello recv=5
    [ "$output" = hello ]
}

@test "P13 unix_server: resets, half-closes, floods" {
    unix_each server_rough_peers unix_echo_once
}

unix_slow_reader() {
    local before kib=1024
    [[ ${CFLAGS:-} != *sanitize* ]] || kib=4096 # shadows and red zones, too
    peer "$PORT" exchange=1000000
    before=$(server_dirty_kib "$PID")
    server_hold -t 60 "$PORT" stuff hold exchange=16000000 swallow
    unix_echo_once
    [ $(($(server_dirty_kib "$PID") - before)) -lt $kib ]
    idle "$PID"
    DEADLINE=60 server_release
    [ $(($(server_dirty_kib "$PID") - before)) -lt $kib ]
    DEADLINE=30 peer -t 30 "$PORT" exchange=1000 stuff shutdown swallow eof
}

@test "P13 unix_server: who does not read costs a buffer, and gets every byte later" {
    server_without_quarantine
    unix_each unix_slow_reader
}

unix_shed() {
    local before
    before=$(descriptors "$PID")
    server_hold -l -n 100 "$PORT" send=x hold
    idle "$PID"
    server_release
    eventually has_descriptors "$PID" "$before"
    unix_echo_once
}

@test "P13 unix_server: 100 clients and 40 descriptors" {
    server_limited 40 unix_each unix_shed
}

@test "U12: SIGINT and SIGTERM remove the file, with clients that are there" {
    local signal
    for signal in INT TERM; do
        unix_start
        server_hold "$PORT" send=hello recv=5 hold 'reset?'
        eventually grep -q hello "$HELD"
        [ -S s ]
        server_ends "$PID" "$signal"
        [ ! -e s ]
        server_release
    done
}

@test "U12: the mode of the file is 666, whatever the umask" {
    umask 077
    unix_start
    [ "$(stat -c %a s)" = 666 ]
    [ "$(stat -c %a s.lock)" = 600 ]
}

@test "L15: a file that is in the way, and nothing is left beside it" {
    echo text >plain
    run soon "$(program 04-protocols/unix_server)" plain
    [ "$status" -eq 1 ]
    [ "$output" = 'unix_server: plain: Address already in use' ]
    [ "$(cat plain)" = text ]
    [ ! -e plain.lock ]
    unix_start
    [ -e s.lock ]
    server_ends "$PID" TERM
    [ ! -e s.lock ]
}

@test "U13 T20: after kill -9 the next server takes its place, not before" {
    local first first_log
    unix_start
    first=$PID first_log=$LOG
    run soon "$(program 04-protocols/unix_server)" s
    [ "$status" -eq 1 ]
    [ "$output" = 'unix_server: s: Address already in use' ]
    freeze "$first" # it does not answer, and yet it lives
    run soon "$(program 04-protocols/unix_server)" s
    [ "$status" -eq 1 ]
    kill -CONT "$first"
    unix_echo_once
    kill -KILL "$first"
    wait_gone "$first"
    [ -S s ]
    unix_start
    unix_echo_once
    grep -qx 'listening on ./s' "$first_log"
}

# Ten start at once where one has died.
unix_race() {
    local pids=() logs=() i
    for i in {1..10}; do
        launch 04-protocols/unix_server -r "$1" ./s
        pids+=("$PID")
        logs+=("$LOG")
    done
    eventually unix_race_over "${logs[@]}"
    [ "$(cat "${logs[@]}" | grep -c '^listening')" -eq 1 ]
    PORT=./s
    unix_echo_once
    kill -KILL "${pids[@]}"
    for i in "${pids[@]}"; do
        wait_gone "$i"
    done
}

unix_race_over() {
    [ "$(cat "$@" | grep -cE '^listening|in use$')" -eq 10 ]
}

@test "U13 T20: of ten that start at once exactly one gets a stale path" {
    local poller
    for poller in "${POLLERS[@]}" "${POLLERS[@]}"; do
        unix_race "$poller"
        [ -S s ]
    done
}

@test "U13 T20: what is no socket stays as it is" {
    echo mine >s
    run soon "$(program 04-protocols/unix_server)" s
    [ "$status" -eq 1 ]
    [ "$output" = 'unix_server: s: Address already in use' ]
    [ "$(cat s)" = mine ]
}

@test "T22: usage, and a path that is too long" {
    local long
    long=$(printf 'x%.0s' {1..108})
    run soon "$(program 04-protocols/unix_server)" "$long"
    [ "$status" -eq 1 ]
    [ "$output" = "unix_server: $long: File name too long" ]
    run unix_client "$long"
    [ "$status" -eq 1 ]
    [ "$output" = "unix_client: $long: An error occurred while connecting: 36: File name too long." ]
    [ -z "$(ls)" ]
    for name in unix_server unix_client; do
        run soon "$(program 04-protocols/$name)"
        [ "$status" -eq 2 ]
        [[ $output == "usage: $name "*PATH* ]]
        run soon "$(program 04-protocols/$name)" -h
        [ "$status" -eq 0 ]
        run soon "$(program 04-protocols/$name)" -r none s
        [ "$status" -eq 2 ]
    done
}

unix_lines() {
    local long
    run unix_client -r "$POLLER" "$PORT" < <(printf 'one\n\ntwo words\nthree')
    [ "$status" -eq 0 ]
    [ "$output" = $'one\ntwo words\nthree' ]
    run unix_client -r "$POLLER" "$PORT" < <(printf 'one\nexit\ntwo\n')
    [ "$status" -eq 0 ]
    [ "$output" = one ]
    run unix_client -r "$POLLER" "$PORT" </dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    long=$(printf '%16384s' .)
    unix_client -r "$POLLER" "$PORT" <<<"$long" | cmp - <(echo "$long")
    run unix_client -r "$POLLER" "$PORT" <<<"x$long"
    [ "$status" -eq 1 ]
    [ "$output" = 'unix_client: standard input: Message too long' ]
    seq 2000 | unix_client -r "$POLLER" "$PORT" | cmp - <(seq 2000)
}

@test "T1 unix_client, unix_datagram_client: an answer is shown as text" {
    local client
    unix_start
    launch 04-protocols/unix_datagram_server datagrams
    eventually test -S datagrams
    for client in "unix_client $PORT" 'unix_datagram_client datagrams'; do
        # shellcheck disable=SC2086 # a program and its path
        run soon "$(program "04-protocols/${client% *}")" "${client#* }" < <(printf '数据 \t \033[2J\n')
        [ "$status" -eq 0 ]
        [ "$output" = $'数据 \t \\x1b[2J' ]
    done
}

@test "P13 unix_client: each line, its answer, status 0" {
    unix_each unix_lines
}

@test "U14 unix_client: nobody there, and a server that goes" {
    local poller client
    for poller in "${POLLERS[@]}"; do
        run unix_client -r "$poller" ./none </dev/null
        [ "$status" -eq 1 ]
        [ "$output" = 'unix_client: ./none: An error occurred while connecting: 2: No such file or directory.' ]
        unix_start
        mkfifo keys
        "$(program 04-protocols/unix_client)" -r "$poller" ./s <keys >said 2>&1 3>&- &
        client=$!
        SERVERS+=("$client")
        exec {keys}>keys
        echo hello >&"$keys"
        eventually grep -qx hello said
        idle "$client"
        server_ends "$PID" TERM
        wait_gone "$client"
        run wait "$client"
        [ "$status" -eq 1 ]
        [ "$(tail -n 1 said)" = 'unix_client: ./s: connection closed by server' ]
        exec {keys}>&-
        rm keys
    done
}

@test "P13 unix_client: SIGTERM ends it, status 0" {
    unix_start
    mkfifo keys
    "$(program 04-protocols/unix_client)" ./s <keys >said 2>&1 3>&- &
    SERVERS+=($!)
    exec {keys}>keys
    echo hello >&"$keys"
    eventually grep -qx hello said
    server_ends "${SERVERS[-1]}" TERM
    [ "$(cat said)" = hello ]
    exec {keys}>&-
}

@test "P8: TRACE=1 tells the steps over a UNIX socket, too" {
    TRACE=1 unix_start -r select
    unix_echo_once
    logged '  listenUNIX: EchoFactory '
    logged '  accept:  is '
    logged '  EchoFactory: build_protocol'
    logged ': make_connection'
    logged ': data_received, 5 bytes'
    logged ': sent 5 bytes'
}
