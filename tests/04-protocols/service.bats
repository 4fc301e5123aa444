#!/usr/bin/env bats
# Stage 04: services.
#
# V and P14 are the rows of what Twisted does, and of what the documents show;
# each is a case of one of the unit programs, and holds under every poller.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- unit programs -----------------------------------------------------------

@test "V1-V5: a whole of services" {
    unit_cases service_multi_test select
}

@test "V6: services with a port" {
    unit_cases service_server_test
}

@test "V7: services that connect" {
    unit_cases service_client_test
}

@test "V8: the timer" {
    unit_cases service_timer_test
}

@test "P14: a service and the life of its reactor" {
    unit_cases service_application_test
}

# --- that these tests can fail -------------------------------------------------

@test "proof: V1: another order, or a flag that turns last, is seen" {
    unit_broken service.c 's/next_unvisited\(self, true\)/next_unvisited(self, false)/' \
        service_multi_test V1_order
    unit_broken service.c 's/next_unvisited\(self, false\)/next_unvisited(self, true)/' \
        service_multi_test V1_order
    unit_broken service.c 's/^    self->running = true;$/bool late = true;/
        s/^    return self->running \? 0 : .*/    return self->running = late, 0;/' \
        service_multi_test V1_order
    unit_broken service.c 's/^    self->running = false;$//' \
        service_multi_test V1_order
}

@test "proof: V2: a whole that has stopped too early, or never, is seen" {
    unit_broken service.c 's/if \(child->stopping\)/if (0)/' \
        service_multi_test V2_stopped_when_all_are
    unit_broken service.c 's/if \(self->walking \|\|/if (0 ||/' \
        service_multi_test V1_order
    unit_broken service.c 's/if \(self->parent\)/if (0)/' \
        service_multi_test V2_stopped_when_all_are
    unit_broken service.c "$(unit_in multi_service_stop)s/    stopped_if_all_are\\(self\\);//" \
        service_multi_test V1_nested
    unit_broken service.c "/^int service_stop/,/^}/s/if \\(self->stopping\\)/if (0)/" \
        service_multi_test V2_one_that_stops_already
    unit_broken server_service.c "s/^    self->port = NULL;/    service_stopped(\\&self->base); &/" \
        service_server_test V6_started_again_when_stopped
}

@test "proof: V3: a start that goes on, or is taken back, is seen" {
    unit_broken service.c 's/if \(start\(child\) < 0\)/if (start(child) < -1)/' \
        service_multi_test V3_a_start_that_fails
    unit_broken service.c 's/(self->class->start\(self\) < 0)\)/\1 \&\& !(self->running = false))/' \
        service_multi_test V3_a_start_that_fails
    unit_broken service.c 's/return self->running \? 0 : refuse\(ECANCELED\)/return 0/' \
        service_multi_test V3_stopped_in_the_middle
}

@test "proof: V4: a child that is not started, or not stopped, is seen" {
    unit_broken service.c 's/if \(!self->base.running\)$/if (1)/' \
        service_multi_test V4_added_while_running
    unit_broken service.c 's/service_privileged_start\(child\) == 0 && //' \
        service_multi_test V4_added_while_running
    unit_broken service.c 's/if \(self->base.running \|\| self->base.stopping\)/if (0)/' \
        service_multi_test V4_removed_while_running
    unit_broken service.c 's/if \(self->base.running \|\| self->base.stopping\)/if (self->base.running)/' \
        service_multi_test V4_removed_while_idle
    unit_broken service.c 's/if \(remove_child\(self, child\)\)/if (0)/' \
        service_multi_test V4_added_and_fails
    unit_broken service.c "/^int multi_service_add/,/^}/s/    stopped_if_all_are\\(self\\);.*//" \
        service_multi_test V4_added_and_stops_the_whole
    unit_broken service.c 's/child->visited = false; .*/child->visited = true;/' \
        service_multi_test V4_added_in_the_middle
    unit_broken service.c 's/    if \(child->stopping\)$/if (0)/' \
        service_multi_test V4_removed_while_idle
}

@test "proof: V5: two of one name, or a new one, is seen" {
    unit_broken service.c 's/child->name && multi_service_named/0 \&\& multi_service_named/' \
        service_multi_test V5_names
    unit_broken service.c "/^int service_set_name/,/^}/s/if \\(self->parent\\)/if (0)/" \
        service_multi_test V5_names
}

@test "proof: V6: a port that is opened twice, or never closed, is seen" {
    unit_broken server_service.c 's/^    self->port = NULL;//' \
        service_server_test V6_a_port_that_ends_by_itself
    unit_broken server_service.c 's/else if \(!self->opening\)/else/' \
        service_server_test V6_stopped_in_start_factory
    unit_broken server_service.c "$(unit_in server_service_start)s/if \(self->port\)\$/if (0)/" \
        service_server_test V6_listens_in_the_privileged_start
    unit_broken server_service.c '/ ServerService = /,/^}/s/^    .privileged_start =.*//' \
        service_server_test V6_listens_in_the_privileged_start
    unit_broken server_service.c '/ ServerService = /,/^}/s/^    .start =.*//' \
        service_server_test V6_listens_in_the_start
    unit_broken server_service.c 's/^    self->port = NULL;//' \
        service_server_test V6_started_again
    unit_broken server_service.c "$(unit_in server_service_stop)s/if \\(self->port\\)/if (0)/" \
        service_server_test V6_listens_in_the_start
    unit_broken udp_service.c 's/options.listen_multiple = true/(void)0/' \
        service_server_test V6_multicast
    unit_broken udp_service.c "/^static struct port \\*open_udp/,/^}/s/self->options/NULL/" \
        service_server_test V6_udp
}

@test "proof: V7: a client that is not stopped, or whose connector is gone, is seen" {
    unit_broken client_service.c 's/connector_disconnect\(connector\)/(void)0/' \
        service_client_test V7_ends_an_attempt
    unit_broken client_service.c 's/if \(self->connector == connector\)/if (0)/' \
        service_client_test V7_stopped_when_it_is_over
    unit_broken protocol.c 's/ && !protocol->factory//' \
        service_client_test V7_connects_in_the_start
    unit_broken client_service.c 's/factory_do_stop\(.*\);/(void)proxy;/' \
        service_client_test V7_connects_in_the_start
    unit_broken client_service.c 's/if \(!base->running\)/if (0)/' \
        service_client_test V7_stopped_in_start_factory
    unit_broken client_service.c 's/\.quiet = true,//' \
        service_client_test V7_G5_the_log
}

@test "proof: V8: a timer that drifts, catches up, or does not wait is seen" {
    unit_broken timer_service.c 's/wait = step - .*/wait = step;/' \
        service_timer_test V8_K1_at_once_and_every_step
    unit_broken timer_service.c "$(unit_in timer_service_start)s/return timer_service_call\\(self\\)/return schedule(self)/" \
        service_timer_test V8_K1_at_once_and_every_step
    unit_broken timer_service.c 's/    delayed_call_cancel\(&self->call\);//' \
        service_timer_test V8_started_again
    unit_broken timer_service.c 's/if \(!self->calling\)/if (1)/' \
        service_timer_test V8_stop_waits_for_the_call
    unit_broken timer_service.c 's/if \(!self->base.stopping\)/if (1)/' \
        service_timer_test V8_stop_waits_for_the_call
    unit_broken timer_service.c 's/self->step >= 0 && //' \
        service_timer_test V8_steps_that_make_no_sense
    unit_broken timer_service.c 's/if \(timer_service_call\(argument\) < 0\)/if (timer_service_call(argument), 0)/' \
        service_timer_test V8_no_memory_for_the_next
}

@test "proof: P14: a shutdown that does not wait, or a start that is not undone, is seen" {
    unit_broken application.c 's/    reactor_hold_shutdown\(.*//' \
        service_application_test P14_the_shutdown_waits
    unit_broken application.c 's/^    application_stop\(self\);//' \
        service_application_test P14_a_start_that_fails
    unit_broken application.c 's/^    application_stop\(self\);//' \
        service_application_test P14_given_up
    unit_broken application.c 's/    multi_service_remove\(.*//' \
        service_application_test P14_the_shutdown_waits
    unit_broken application.c 's/service_privileged_start\(&self->root.base\) == 0/1/
        s/service_start\(&self->root.base\) == 0/1/' \
        service_application_test P14_the_shutdown_waits
}

# --- daemon --------------------------------------------------------------------

# The log without dates; TCP and UDP stand for the two ports.
daemon_log() {
    server_log | sed -E "s/\\b$PORT\\b/TCP/; s/\\b$UDP\\b/UDP/"
}

daemon_ready_udp() {
    UDP=$(sed -nE 's/.* Ok starting on ([0-9]+)$/\1/p' "$LOG")
    [ -n "$UDP" ]
}

daemon_serves() {
    eventually daemon_ready_udp
    run peer "$PORT" send=hello recv=5 shutdown eof
    [ "$output" = hello ]
    run peer -u "$UDP" send=hello recv=2 send= recv=2
    [ "$output" = okok ]
}

# Nobody listens there.
daemon_refuses() { # PORT
    ! peer "$1" close 2>/dev/null
}

daemon_plays() {
    local before
    eventually daemon_ready_udp
    logged '[-] 0 bytes and 0 datagrams so far'
    before=$(descriptors "$PID")
    daemon_serves
    logged '[-] 5 bytes and 2 datagrams so far'
    eventually has_descriptors "$PID" "$before"
    idle "$PID"
    server_ends "$PID" TERM
    daemon_refuses "$PORT"
    daemon_log | uniq >log
    grep -v 'so far' log | diff - <(
        echo '[-] Log opened.'
        echo '[-] EchoFactory starting on TCP'
        echo '[-] Starting factory EchoFactory'
        echo '[-] Ok starting on UDP'
        echo '[-] Starting protocol Ok'
        echo '[-] Received SIGTERM, shutting down.'
        echo '[-] (UDP Port UDP Closed)'
        echo '[-] Stopping protocol Ok'
        echo '[-] (TCP Port TCP Closed)'
        echo '[-] Stopping factory EchoFactory'
        echo '[-] Main loop terminated.'
    )
    # The timer is the last to start, and calls at once.
    [ "$(sed -n 6p log)" = '[-] 0 bytes and 0 datagrams so far' ]
}

@test "V1 V6 V8 P14 daemon: three services, from the first line to the last" {
    server_each 'daemon -s 1' daemon_plays
}

@test "P14 daemon: resets, half-closes, floods" {
    server_each 'daemon -s 1' server_rough_peers daemon_serves
}

daemon_ends_in_traffic() {
    local talkers=() before
    eventually daemon_ready_udp
    server_hold -l -n 20 "$PORT" send=hello recv=5 hold
    eventually daemon_has_echoed 100
    before=$(cpu_ms "$PID")
    peer -l -n 5 "$PORT" exchange=100000000 >/dev/null 2>&1 3>&- &
    talkers+=($!)
    peer -u "$UDP" flood=100000000 >/dev/null 2>&1 3>&- &
    talkers+=($!)
    eventually daemon_has_worked $((before + 50))
    server_ends "$PID" TERM
    wait "${talkers[@]}" || true # they were cut off
    server_release
    daemon_refuses "$PORT"
    daemon_log | tail -n 6 | diff - <(
        echo '[-] Received SIGTERM, shutting down.'
        echo '[-] (UDP Port UDP Closed)'
        echo '[-] Stopping protocol Ok'
        echo '[-] (TCP Port TCP Closed)'
        echo '[-] Stopping factory EchoFactory'
        echo '[-] Main loop terminated.'
    )
}
daemon_has_worked() { # MS
    [ "$(cpu_ms "$PID")" -ge "$1" ]
}

# The last report says at least so many.
daemon_has_echoed() { # BYTES
    local bytes
    bytes=$(sed -nE 's/.*\] ([0-9]+) bytes and .*/\1/p' "$LOG" | tail -n 1)
    [ "${bytes:-0}" -ge "$1" ]
}

@test "V2 P14 daemon: SIGTERM in the middle of traffic" {
    server_each 'daemon -s 1' daemon_ends_in_traffic
}

@test "P14 daemon: without a timer" {
    start 04-protocols/daemon -s 0
    daemon_serves
    server_ends "$PID" TERM
    run server_counts 0 'so far'
    [ "$status" -eq 0 ]
}

@test "V3 P14 daemon: a port in use" {
    local first status=0
    start 04-protocols/daemon
    first=$PID
    launch 04-protocols/daemon -p "$PORT"
    wait "$PID" || status=$?
    [ "$status" -eq 1 ]
    grep -qxF "daemon: 127.0.0.1:$PORT: Address already in use" "$LOG"
    run server_counts 0 'starting on'
    [ "$status" -eq 0 ]
    kill -0 "$first"
    run peer "$PORT" send=hello recv=5
    [ "$output" = hello ]
}

# The first service has begun to listen by then, and is stopped again.
@test "V3 P14 daemon: the second port in use" {
    local status
    for _ in {1..5}; do
        start 04-protocols/daemon
        eventually daemon_ready_udp
        launch 04-protocols/daemon -p "$UDP"
        status=0
        wait "$PID" || status=$?
        # Unless somebody else has the TCP port of that number.
        ! grep -q 'starting on' "$LOG" || break
    done
    [ "$status" -eq 1 ]
    grep -qxF "daemon: 127.0.0.1:$UDP: Address already in use" "$LOG"
    PORT=$UDP
    daemon_log | grep -v '^daemon:' | diff - <(
        echo '[-] Log opened.'
        echo '[-] EchoFactory starting on TCP'
        echo '[-] Starting factory EchoFactory'
        echo '[-] (TCP Port TCP Closed)'
        echo '[-] Stopping factory EchoFactory'
    )
    daemon_refuses "$UDP"
}

@test "P14 daemon: its command line" {
    run soon "$(program 04-protocols/daemon)" -h
    [ "$status" -eq 0 ]
    [ "${lines[1]}" = 'usage: daemon [-p PORT] [-i INTERFACE] [-r select|poll|epoll] [-u SOCKET] [-s SECONDS] [-h]' ]
    run soon "$(program 04-protocols/daemon)" -s 86401
    [ "$status" -eq 2 ]
    [[ $output == usage:* ]]
    run soon "$(program 04-protocols/daemon)" -p 0 -i 192.0.2.1
    [ "$status" -eq 1 ]
    [ "${lines[1]}" = 'daemon: 192.0.2.1:0: Cannot assign requested address' ]
}

daemon_listens_at_a_path() {
    eventually daemon_ready_udp
    eventually grep -q 'EchoFactory starting on file.socket' "$LOG"
    run soon "$(program 04-protocols/unix_client)" file.socket <<<'a line'
    [ "$status" -eq 0 ]
    [ "$output" = 'a line' ]
    daemon_serves
    logged '[-] 12 bytes and 2 datagrams so far' # 5 and the line with its end
    server_ends "$PID" TERM
    [ ! -e file.socket ] && [ ! -e file.socket.lock ]
    daemon_log | grep Closed | diff - <(
        echo '[-] (UNIX Port file.socket Closed)'
        echo '[-] (UDP Port UDP Closed)'
        echo '[-] (TCP Port TCP Closed)'
    )
}

@test "V6 P14 daemon: a path beside the ports" {
    server_each 'daemon -s 1 -u file.socket' daemon_listens_at_a_path
    run soon "$(program 04-protocols/daemon)" -p 0 -u missing/file.socket
    [ "$status" -eq 1 ]
    grep -qxF 'daemon: missing/file.socket: No such file or directory' <<<"$output"
}

# --- monitor -------------------------------------------------------------------

# monitor_says TEXT [TIMES]: so often, at least.
monitor_says() {
    [ "$(grep -cF "$1" "$SEEN")" -ge "${2:-1}" ]
}

monitor_watches() {
    local first=$PID monitor
    launch 04-protocols/monitor -p "$PORT" -r "$POLLER" -s 0
    monitor=$PID SEEN=$LOG
    eventually monitor_says 'The server is there'
    eventually monitor_says 'The server has answered' 2
    server_ends "$first" TERM
    eventually monitor_says 'The server is gone: Connection was closed cleanly.'
    launch 04-protocols/daemon -p "$PORT" -r "$POLLER"
    eventually monitor_says 'The server is there' 2
    server_ends "$monitor" TERM
    # Its last connection is lost with it, and not made again.
    [ "$(grep -c 'The server is gone' "$SEEN")" -eq 2 ]
    ! tail -n 3 "$SEEN" | grep 'will retry'
    tail -n 1 "$SEEN" | grep 'Main loop terminated'
    server_ends "$PID" TERM
}

@test "V7 V8 P14 monitor: a server that goes and comes back" {
    server_each 'daemon -s 1' monitor_watches
}
