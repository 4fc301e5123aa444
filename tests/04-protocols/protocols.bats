#!/usr/bin/env bats
# Stage 04: transport, protocol, factory.
#
# L, C, T, F, E, B and G, and the traps, are the rows of what Twisted does;
# each is a case of one of the unit programs, and holds under every poller.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- unit programs -----------------------------------------------------------

@test "L: listening and accepting" {
    unit_cases talk_port_test
}

@test "C: connecting, again and again" {
    unit_cases talk_connect_test
}

@test "C: trying again" {
    unit_cases talk_reconnect_test
}

@test "T F: writing, reading, pausing" {
    unit_cases talk_write_test
}

@test "T F E: the ends of a connection" {
    unit_cases talk_close_test
}

@test "L1: a write that fails, and what the peer has said before" {
    unit_cases talk_failed_test
}

@test "proof: L1: losing last words, or a dead connection that stays, is seen" {
    unit_broken connection.c 's/return stop_writing\(self, errno\)/return errno/' \
        talk_failed_test L1_last_words
    unit_broken connection.c 's/return stop_writing\(self, errno\)/return errno/' \
        talk_failed_test L1_unix_stream
    unit_broken connection.c "$(unit_in stop_writing)s/self->read_throttled = false;//" \
        talk_failed_test L1_much_is_queued
    unit_broken connection.c 's/return self->write_error .*/return 0/;
        s/^ +: self->write_lost \? /? /' \
        talk_failed_test L1_told_once
    unit_broken connection.c 's/CONNECTION_LINGER, end_now/1e6, end_now/' \
        talk_failed_test L1_paused_for_good
    unit_broken connection.c "$(unit_in stop_writing)s/if \\(producer && /if (0 \&\& /" \
        talk_failed_test L1_producers
}

@test "proof: L6 L11 A8: a wild wait, a negative number, a timeout or a size forgotten are seen" {
    unit_broken reconnecting_client_factory.c 's/self->delay < self->initial_delay/0/' \
        talk_reconnect_test L6_a_wide_jitter
    unit_broken reconnecting_client_factory.c 's/ will not be tried again//' \
        talk_reconnect_test L6_told_when_there_is_no_retry
    unit_broken connection.c 's/%s,%u,%s/%s,%d,%s/' \
        talk_more_test L11_many_connections
    unit_broken timeout.c 's/delayed_call_reset\(.*\);//' \
        talk_more_test A8_timeout
    unit_broken timeout.c 's/transport_abort_connection\(.*\);/return;/' \
        talk_more_test A8_timeout_without_memory
    unit_broken protocol.c 's/assert\(class->size/assert(1 || class->size/' \
        talk_more_test A8_a_class_without_size
}

@test "streams: every byte in its place, at every limit, over sockets and pipes" {
    unit_cases talk_stream_test
}

@test "proof: streams: a write before its turn, bytes sent twice, a low-water mark of 0 are seen" {
    unit_broken connection.c 's/^ +buffer_length\(&self->output\) == 0 &&/1 \&\&/' \
        talk_stream_test order_over_tcp
    unit_broken connection.c 's/pieces->iov_base [+] sent/pieces->iov_base/' \
        talk_stream_test order_of_an_echo
    unit_broken connection.c 's/buffer_consume\(&self->output, \(size_t\)sent/& - 1/' \
        talk_stream_test order_over_a_pipe
    unit_broken connection.c 's/<= CONNECTION_LOW_WATER/== 0/' \
        talk_stream_test read_again_at_the_low_mark
}

@test "T L G: pieces, switches, words" {
    unit_cases talk_more_test
}

@test "T: producers" {
    unit_cases talk_producer_test
}

@test "B: lines, however they are cut" {
    unit_cases line_test select
}

@test "G: the log" {
    unit_cases log_test
}

@test "proof: G3 G5: a wrong name in the brackets, and a factory that is not quiet, are seen" {
    unit_broken tcp_client.c 's/\.describe = tcp_client_describe/.describe = NULL/' \
        log_test G3_who_is_running_in_a_client
    unit_broken tcp_client.c 's/if \(protocol\) \{/reactor_enter(connection_transport(self)->reactor, (struct running){ connection_describe, self });&/' \
        log_test G3_who_is_running_in_a_client
    unit_broken protocol.c 's/if \(!factory->quiet\)//' \
        log_test G5_a_quiet_factory
}

# --- the traps, and that their tests can fail ---------------------------------

@test "proof: trap 1: dropping what is written after lose_connection is seen" {
    unit_broken connection.c 's/\|\| is_ending\(self\) \|\| length/|| self->disconnecting || length/' \
        talk_close_test T8_trap1_write_after_lose
}

@test "proof: trap 2: connection_lost inside lose_connection is seen" {
    local now='self->base.class->connection_lost(\&self->base, REASON_HALF_DONE)'
    unit_broken connection.c "$(unit_in lose_connection)s/reactor_add_writer\\(.*\\)/$now/" \
        talk_close_test T22_trap2_lose_after_half_close
    unit_broken connection.c "$(unit_in lose_connection)s/reactor_add_writer\\(.*\\)/$now/" \
        talk_close_test T9_T10_F4_not_before_it_returns
}

@test "proof: trap 3: connection_lost inside abort_connection, or no reset, is seen" {
    local now='self->base.class->connection_lost(\&self->base, REASON_ABORTED)'
    unit_broken connection.c "$(unit_in abort_connection)s/connection_disconnect\\(.*\\)/$now/" \
        talk_close_test T15_T16_F3_E5_trap3_abort
    unit_broken connection.c 's/l_onoff = 1/l_onoff = 0/' \
        talk_close_test T15_T16_F3_E5_trap3_abort
}

@test "proof: trap 4: dropping what is owed at the end of the stream is seen" {
    unit_broken connection.c \
        "$(unit_in end_of_stream)s/transport_lose_connection\\(.*\\);/return REASON_DONE;/" \
        talk_close_test T12_trap4_owed_a_little
    unit_broken connection.c 's/if \(class->read_connection_lost\)/if (0)/' \
        talk_close_test T20_trap4_half_closeable
}

@test "proof: trap 5: close without shutdown is seen" {
    unit_broken connection.c 's/self->read_lost \|\| shutdown\(/1 || shutdown(/' \
        talk_close_test T11_trap5_unread_input
    unit_broken connection.c 's/self->read_lost \|\| shutdown\(/1 || shutdown(/' \
        talk_close_test T11_trap5_slow_reader
}

@test "proof: trap 6: reading a paused connection is seen" {
    unit_broken connection.c 's/!self->paused && //' \
        talk_write_test T14_trap6_paused_is_blind "${POLLERS[@]}"
    unit_broken connection.c 's/!self->paused && //' \
        talk_write_test T14_trap6_paused_and_reset
}

@test "proof: trap 7: a producer paused or resumed at the wrong time is seen" {
    unit_broken connection.c 's/> CONNECTION_HIGH_WATER/>= CONNECTION_HIGH_WATER/' \
        talk_producer_test T25_T26_trap7_the_limit
    unit_broken connection.c 's/(self->producer && self->streaming)\)/\1 \&\& !self->producer_paused)/' \
        talk_producer_test T25_T26_trap7_the_limit
    unit_broken connection.c \
        "$(unit_in on_output_drained)s/(self->producer->resume_producing.*;)/\\1 self->producer_paused = false;/" \
        talk_producer_test T27_trap7_too_much_when_resumed
    unit_broken connection.c \
        's/if \(length > 0\)$/if (self->producer \&\& length > 1) self->producer->resume_producing(self->producer); &/' \
        talk_producer_test T26_trap7_resumed_when_empty
}

@test "proof: trap 8: one rule for all producers at lose_connection is seen" {
    unit_broken connection.c 's/if \(self->producer && \(/if (!self->disconnecting \&\& self->producer \&\& (/' \
        talk_producer_test T29_trap8_pull_goes_on
    unit_broken connection.c 's/if \(self->producer && \(/if (!self->disconnecting \&\& self->producer \&\& (/' \
        talk_producer_test T31_trap8_paused_push_is_waited_for
    unit_broken connection.c 's/\(!self->streaming \|\| self->producer_paused\)/1/' \
        talk_producer_test T30_trap8_idle_push_is_stopped
}

@test "proof: trap 9: a connector that is free too early is seen" {
    unit_broken tcp_connector.c 's/self->state != DISCONNECTED\) \{/self->state == CONNECTING) {/' \
        talk_connect_test C12_C13_trap9_order_of_the_end
    unit_broken tcp_connector.c 's/reactor_at_turn_end\(self->client.reactor, &self->turn_end,/connector_free(self); (void)(0,/' \
        talk_connect_test C9_trap9_stop_in_started_connecting
}

@test "proof: T152: whichever allocation of a client fails, it ends and says so" {
    echo hello >file
    start 04-protocols/int32_server
    server_poor_client 'a\nb\n' int32_client -p "$PORT"
    start 04-protocols/put_server -d uploads
    server_poor_client 'put file\nput nothing\nexit\n' put_client -p "$PORT"
    start 04-protocols/udp_server
    server_poor_client 'a\nb\n' udp_client -p "$PORT"
    launch 04-protocols/unix_server "$PWD/socket"
    logged 'listening on'
    server_poor_client 'a\nb\nexit\n' unix_client "$PWD/socket"
}

@test "proof: no memory for a protocol taken for a refusal is seen" {
    unit_broken tcp_client.c 's/reason.type \? reason.number : //' \
        talk_connect_test no_memory_for_a_protocol
}

@test "proof: trap 10: a factory stopped too often, or never, is seen" {
    unit_broken tcp_connector.c "$(unit_in finish)s/self->state != DISCONNECTED/0/" \
        talk_connect_test C14_trap10_again_and_again
    unit_broken tcp_connector.c "$(unit_in finish)s/factory_do_stop\\(.*\\);//" \
        talk_connect_test C14_trap10_again_and_again
    unit_broken tcp_client.c 's/(return .*: )REASON_DONE/\1ECONNREFUSED/' \
        talk_connect_test C15_nobody_wants_it
}

@test "proof: trap 11: one accept a turn, or a batch that is cut, is seen" {
    unit_broken listener.c 's/count < self->accepts &&/count < 1 \&\&/' \
        talk_port_test L14_trap11_the_batch_is_not_cut
    unit_broken listener.c 's/while \(count/while (self->base.base.state == 1 \&\& count/' \
        talk_port_test L14_trap11_the_batch_is_not_cut
    unit_broken listener.c 's/self->accepts \+= ACCEPTS_GROWTH/(void)0/' \
        talk_port_test L6_clients_a_turn
    unit_broken listener.c 's/count > 0 \? count : 1/count/' \
        talk_port_test L6_never_below_one
}

@test "proof: trap 12: leaving the clients waiting, or spinning, is seen" {
    unit_broken listener.c 's/errno == EMFILE/0/' \
        talk_port_test L12_trap12_no_descriptor_left "${POLLERS[@]}"
    unit_broken listener.c 's/errno != EAGAIN/0/' \
        talk_port_test L11_a_failing_accept_does_not_spin "${POLLERS[@]}"
    unit_broken listener.c 's/pause_accepting\(self, EMFILE\);//' \
        talk_port_test L12_no_reserve "${POLLERS[@]}"
    unit_broken listener.c 's/fd < 0 && errno != EAGAIN/0/' \
        talk_port_test L12_the_reserve_is_no_help "${POLLERS[@]}"
    unit_broken listener.c 's/(errno == EMFILE)\)/\1 || errno == ENFILE)/' \
        talk_port_test L11_no_descriptor_in_the_machine
}

@test "proof: trap 18: a stale read is seen" {
    unit_broken dispatch.c 's/POLLER_READ & descriptor->wanted/POLLER_READ/' \
        talk_write_test trap18_pause_the_other "${POLLERS[@]}"
    unit_broken dispatch.c 's/POLLER_READ & descriptor->wanted/POLLER_READ/' \
        talk_write_test trap18_pause_one_that_writes "${POLLERS[@]}"
    unit_broken dispatch.c "/dispatch->table\\[descriptor->fd\\] = NULL/d;
        s/POLLER_READ & descriptor->wanted/POLLER_READ/" \
        talk_write_test trap18_abort_the_other "${POLLERS[@]}"
}

@test "proof: T7 T21 T24: reading on, an end too early, an empty write that counts are seen" {
    unit_broken connection.c 's/^ +!self->disconnecting\);/1);/' \
        talk_close_test T7_T33_stops_reading
    unit_broken connection.c \
        's/(class->write_connection_lost\(.*;)/\1 if (self->read_lost) return REASON_DONE;/' \
        talk_close_test T21_ours_ends_last
    unit_broken connection.c 's/ \|\| length == 0\)/)/' \
        talk_producer_test T24_pull
}

@test "proof: trap 25: a limit that counts the delimiter, lines after quit, recursion, quadratic time are seen" {
    unit_broken line_receiver.c 's/left >= maximum \+ size/left > maximum/' \
        line_test B4_trap25_the_delimiter_does_not_count
    unit_broken line_receiver.c "$(unit_in stopped)s/ \\|\\| .*/;/" \
        line_test B6_trap25_nothing_after_quit
    unit_broken input_queue.c 's/if \(queue->delivering\)/if (0)/' \
        line_test B9_trap25_injected_bytes_come_last
    unit_broken input_queue.c '/^void input_queue_receive/,/^}/s/append\(owner, &work, data/append(owner, \&queue->kept, data/' \
        line_test B9_trap25_injected_bytes_come_last
    unit_broken line_receiver.c 's/self->raw_used -= \(unsigned\)rest/(void)0/' \
        line_test B8_no_recursion
    unit_broken line_receiver.c 's/ && class->base.data_received//;s/assert\(class->base/assert(!0 || class->base/' \
        line_test a_class_that_is_not_complete
    unit_broken line_receiver.c 's/self->scanned = left < size.*/self->scanned = 0;/' \
        line_test long_line_in_linear_time
    unit_broken buffer.c 's/size \*= 2/size += 4096/' line_test long_line_in_linear_time
    unit_broken line_receiver.c "s/left = length - used/left = memchr(line, 'x', length - used) ? 0 : length - used/" \
        line_test many_empty_lines
}
