#!/usr/bin/env bats
# Stage 05: threads for what would block the loop, and names that are looked up
# in them.
#
# H, C and D are the rows of what Twisted does; each is a case of one of the
# unit programs, and holds under every poller.

# shellcheck disable=SC2030,SC2031,SC2034 # each @test is a subshell

load ../lib/helpers
load ../lib/unit

@test "H2 H4: the thread pool" {
    unit_cases thread_pool_test
}

@test "H1 H3: functions in threads, and what they return" {
    unit_cases thread_defer_test
}

@test "D7 C7 C9 C17 C20: names are looked up beside the loop" {
    unit_cases resolver_test
}

@test "C: connecting, again and again" {
    unit_cases talk_connect_test
}

# Its own objects: sanitizers do not mix. The stand-ins for the C library in
# talk.c and unit.c count without a lock, and only they are excused.
threads_sanitize() { # NAME...
    # shellcheck disable=SC2034 # nobody has made these
    local name MADE=
    BUILD=$BUILD/threads
    CFLAGS='-O1 -g -fsanitize=thread'
    printf 'race:^%s$\n' refuses fails_now >excused
    TSAN_OPTIONS="suppressions=$PWD/excused"
    export BUILD CFLAGS TSAN_OPTIONS
    make -s -C "$ROOT/$STAGE"
    for name in "$@"; do
        (unit_cases "$name" epoll)
    done
    unit_broken thread_pool.c \
        '/^int thread_pool_add/,/^}/s/pthread_mutex_(un)?lock\(.*\);//' \
        thread_pool_test ten_thousand
    grep -q 'data race' broken/log
}

@test "proof: the thread sanitizer has nothing to say" {
    echo 'int main(void) { return 0; }' >empty.c
    if ! "${CC:-cc}" -fsanitize=thread -o empty empty.c || ! ./empty; then
        skip "no thread sanitizer here"
    fi
    threads_sanitize thread_pool_test thread_defer_test \
        resolver_test loop_threads_test
}

# --- that the tests can fail --------------------------------------------------

@test "proof: H2: a pool that is too eager, or too small, is seen" {
    unit_broken thread_pool.c 's/pool->started && //' \
        thread_pool_test H2_starts_with_the_loop
    unit_broken thread_pool.c 's/pool->threads < pool->maximum/pool->threads < 1/' \
        thread_pool_test H2_twelve_in_two_rounds
    unit_broken thread_pool.c 's/pool->waiting.count > pool->threads - pool->working/pool->waiting.count > 0/' \
        thread_pool_test H2_grows_on_demand_only
    unit_broken thread_pool.c 's/if \(pool->working >= pool->maximum\)/if (0)/' \
        thread_pool_test H2_most_can_be_changed
    unit_broken thread_pool.c 's/pool->waiting.count == THREAD_POOL_QUEUE_MAX/0/' \
        thread_pool_test queue_limit
    unit_broken thread_pool.c 's/job->slow && pool->slow >=/0 \&\& pool->slow >=/' \
        thread_pool_test slow_jobs_have_half_of_it
}

@test "proof: H4: an end that does not wait, or leaves something behind, is seen" {
    unit_broken thread_pool.c 's/reactor_hold_shutdown\(.*\)/(void)0/' \
        thread_pool_test H4_all_that_run_come_back
    unit_broken thread_pool.c "$(unit_in close_pool)s/drop_waiting\\(.*\\);//" \
        thread_pool_test H4_the_end_waits_for_what_runs
    unit_broken thread_pool.c "$(unit_in on_end)s/pthread_join\\(.*\\);/continue;/" \
        thread_pool_test H4_the_end_waits_for_what_runs
    unit_broken thread_pool.c 's/complete_in_loop\(self->begun.first\)/break/' \
        thread_pool_test the_loop_has_crashed
    unit_broken thread_pool.c 's/^        complete_in_loop\(.*\);$/&\nself->base.free = NULL; free_pool(\&self->base);/' \
        thread_pool_test asked_when_all_is_freed
}

@test "proof: threads that take signals, or cannot be made, are seen" {
    unit_broken thread_pool.c 's/pthread_sigmask\(SIG_SETMASK, &all/pthread_sigmask(SIG_SETMASK, NULL/' \
        thread_pool_test signals_are_for_the_loop
    unit_broken thread_pool.c 's/return pool->threads > 0 \? 0 : error/return error/' \
        thread_pool_test fewer_threads_will_do
    unit_broken thread_pool.c "$(unit_in spawn_workers)s/return .*;/return 0;/" \
        thread_pool_test no_thread_at_all
}

@test "proof: what overtakes a job, or is freed under its feet, is seen" {
    unit_broken threads.c 's/if (\(thread_pool_remove\(.*\) )== 0\)/if \1 != 7)/' \
        thread_defer_test cancelled_while_it_runs
    unit_broken threads.c 's/ *self->options.free_value\(self->result.value\);/;/' \
        thread_defer_test cancelled_while_it_runs
    unit_broken threads.c "$(unit_in on_cancel)s/finish\\(self\\);/;/" \
        thread_defer_test cancelled_before_it_begins
    unit_broken threads.c 's/self->result.kind == RESULT_DEFERRED/0/' \
        thread_defer_test H1_no_deferred_from_a_thread
}

@test "proof: H1: a value that is none is seen" {
    unit_broken threads.c 's/self->result.kind == RESULT_VALUE && self->options/self->options/' \
        thread_defer_test cancelled_and_fails
}

@test "proof: D7: a look-up that blocks, or is not forgotten, is seen" {
    local here='deferred_maybe(look_up, self)'
    unit_broken resolver.c "s/^ +defer_to_thread\\(.*\\);/$here; (void)options;/" \
        resolver_test D7_C7_a_silent_name_server
    unit_broken resolver.c 's/if \(address_numeric\(.*\) == 0\)/if (0)/' \
        resolver_test C17_numeric_needs_no_thread
    unit_broken resolver.c 's/\.slow = true/.slow = false/' \
        resolver_test a_silent_name_server_and_others
    unit_broken tcp_connector.c 's/^ +tcp_client_forget\(.*\);//' \
        resolver_test C9_stop_in_the_look_up
    unit_broken tcp_client.c 's/!failure_check\(result.failure, &CancelledError\)/1/' \
        resolver_test C9_stop_in_the_look_up
}
