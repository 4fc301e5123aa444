#!/usr/bin/env bats
# Stage 06: spawning processes.
#
# S, and the traps, are the rows of what Twisted does; each is a case of one of
# the unit programs, and holds under every poller.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit

@test "S: what a process protocol hears, from spawn to the end" {
    unit_cases process_life_test
}

@test "S: what a child begins with, and spawns that fail" {
    unit_cases process_plumbing_test
}

@test "S: many children, large ones, greedy ones" {
    DEADLINE=60 unit_cases process_many_test # hundreds, in a proof thousands
}

@test "proof: a spawn that holds up the loop is seen" {
    [[ ${CFLAGS:-} != *sanitize* ]] || skip "the case measures nothing then"
    unit_broken spawn.c 's/int error = posix_spawnattr_init\(.*\);/& usleep(30000);/' \
        process_many_test a_large_parent_is_not_held_up "${POLLERS[@]}"
}

@test "S26: a terminal for a child" {
    unit_cases process_pty_test
}

# --- the traps, and that their tests can fail ---------------------------------

@test "proof: trap 20: one waitpid a signal, or waitpid(-1), is seen" {
    unit_broken process.c 's/process_reaped\(process, status\);/&return;/' \
        process_many_test S22_trap20_thirty_and_a_stranger "${POLLERS[@]}"
    unit_broken process.c 's/waitpid\(process->pid/waitpid(-1/' \
        process_many_test S22_trap20_thirty_and_a_stranger
}

@test "proof: trap 21: closing at the exit, or waiting for the pipes, is seen" {
    unit_broken process.c 's/self->status = status;/&process_lose_connection(self);/' \
        process_life_test S12_S13_trap21_no_output_is_lost
    unit_broken process.c 's/self->status = status;/&process_lose_connection(self);/' \
        process_life_test S14_trap21_a_grandchild_has_the_pipe
    unit_broken process.c \
        "$(unit_in process_reaped)s/if \\(protocol/if (!self->pipes \\&\\& protocol/" \
        process_life_test S14_trap21_a_grandchild_has_the_pipe
}

@test "proof: trap 22: moves in the order of the map are seen" {
    unit_broken spawn.c 's/if \(!is_target\(spec, fd\)\)/if (1)/' \
        process_plumbing_test S4_trap22_exchanged
    unit_broken spawn.c 's/if \(!is_target\(spec, fd\)\)/if (1)/' \
        process_plumbing_test S4_trap22_pipes_in_the_way
}

@test "proof: S2 S3 S4 S11 S20: a target overwritten, a name or a limit unheeded are seen" {
    unit_broken spawn.c 's/F_DUPFD_CLOEXEC, above_targets\(spec\)/F_DUPFD_CLOEXEC, 0/' \
        process_plumbing_test S4_targets_that_are_free
    unit_broken spawn.c 's/posix_spawnp\(/posix_spawn(/' \
        process_plumbing_test S11_a_name_is_looked_up
    unit_broken process.c 's/count > PROCESS_DESCRIPTORS_MAX/count >= PROCESS_DESCRIPTORS_MAX/' \
        process_plumbing_test S11_maps_that_make_no_sense
    unit_broken spawn.c 's/POSIX_SPAWN_SETSID\);/0);/' \
        process_plumbing_test a_session_of_its_own
    unit_broken spawn.c 's/POSIX_SPAWN_SETSID\);/0);/' \
        process_plumbing_test L8_no_terminal_that_stops_it "${POLLERS[@]}"
    unit_broken process.c 's/else if \(class->child_data/else if (child_fd > 2 \&\& class->child_data/' \
        process_life_test S2_S16_one_callback_for_all
    unit_broken process.c 's/if \(pipe && pipe->writes\)/if (pipe)/' \
        process_life_test S20_no_such_pipe
}

@test "proof: trap 22: descriptors that a child should not have are seen" {
    local keep='s/if \(flags < 0 .*/if (1)/
        s/= posix_spawn_file_actions_addclosefrom_np\(.*\)/= 0/'
    unit_broken spawn.c "$keep" \
        process_plumbing_test S5_trap22_nothing_else_is_open
    # And without the mark on our ends of the pipes.
    unit_broken spawn.c "$keep
        s/int error = posix_spawnattr_init/for (int fd = 3; fd < 64; fd++) fcntl(fd, F_SETFD, 0);&/" \
        process_plumbing_test S5_trap22_a_sibling
}

UNLISTED='s,/proc/self/fd",/no/such",'

# portable NAME [SCRIPT]: process_plumbing_test as $PORTABLE, without closefrom.
portable() {
    local copy=$BATS_TEST_TMPDIR/$1
    unit_build process_plumbing_test
    unit_copy spawn.c "s/^#define _GNU_SOURCE/&\n#define PROCESS_PORTABLE/
        ${2:-}" "$copy"
    unit_compile "$copy/spawn.o" -c "$copy/spawn.c"
    unit_link process_plumbing_test "$copy/spawn" "$copy/spawn.o"
    PORTABLE=$copy/spawn
}

@test "S5 L12: without closefrom, and without a list of what is open, too" {
    local name
    portable listed
    for name in $("$PORTABLE"); do
        soon "$PORTABLE" epoll "$name"
    done
    portable unlisted "$UNLISTED"
    for name in $("$PORTABLE"); do
        soon "$PORTABLE" epoll "$name"
    done
    portable marked "$UNLISTED; s/OPEN_FDS_TRIED = 65536/OPEN_FDS_TRIED = 4000/"
    soon "$PORTABLE" epoll L12_nothing_is_inherited
}

portable_is_seen() { # NAME SCRIPT
    portable "$@"
    if soon "$PORTABLE" epoll L12_nothing_is_inherited; then
        echo "not seen: $2"
        return 1
    fi
}

@test "L12: numbers that are not tried, or only up to the limit, are seen" {
    # Up to a limit that is lower than what is open.
    portable_is_seen limit "$UNLISTED
        s/actions, OPEN_FDS_TRIED\\)/actions, (int)sysconf(_SC_OPEN_MAX))/"
    # What is above goes to the child, too.
    needs_descriptors 5001
    portable_is_seen unmarked "$UNLISTED
        s/OPEN_FDS_TRIED = 65536/OPEN_FDS_TRIED = 4000/; s/syscall\\(.*\\);//"
}

@test "proof: trap 22: a child's end that does not block is seen" {
    unit_broken process.c 's/\(pipe_add\(self, child_fd, ends\[writes\]/(net_set_blocking(ends[!writes], false), pipe_add(self, child_fd, ends[writes]/' \
        process_plumbing_test S6_trap22_who_blocks
}

@test "proof: S7: signals that a child inherits are seen" {
    unit_broken spawn.c 's/POSIX_SPAWN_SETSIGDEF \|$/0 |/' \
        process_plumbing_test S7_signals_are_as_new
    unit_broken spawn.c 's/POSIX_SPAWN_SETSIGMASK \|/0 |/' \
        process_plumbing_test S7_signals_are_as_new
}

@test "proof: S16: not watching a pipe that is only written is seen" {
    unit_broken process.c 's/if \(self->writes && self->process->terminal\)/if (self->writes)/' \
        process_life_test S16_stdin_is_closed_by_the_child "${POLLERS[@]}"
    unit_broken process.c 's/= writer_do_read/= connection_do_read/' \
        process_life_test S16_stdin_is_closed_by_the_child "${POLLERS[@]}"
}

@test "proof: S18 S21 S24 S26: more that is seen" {
    unit_broken process.c "$(unit_in pipe_close)s/if \\(self->writes\\)/if (0)/" \
        process_life_test S18_close_stdin_sends_all_first
    unit_broken process.c "$(unit_in process_reaped)s/self->pid = 0;//" \
        process_life_test S21_signals
    unit_broken process.c 's/if \(!pipe->writes\)/if (0)/' \
        process_life_test S24_pause_and_resume
    unit_broken spawn.c 's/POSIX_SPAWN_SETSID\);/0);/' \
        process_pty_test S26_a_session_of_its_own
    unit_broken process.c 's|close\(ends\[!writes\]\);||' \
        process_plumbing_test spawn_without_memory
}

@test "proof: S26: a terminal that is closed too early is seen" {
    unit_broken process.c 's/^    other = process->pipes;/&if (!other) hang_up(process);/' \
        process_pty_test S26_S15_a_terminal_that_is_closed
    unit_broken process.c "s/self->status = status;/&process_lose_connection(self);/" \
        process_pty_test S26_output_before_the_end
}

@test "S3 S22 S26 trap 13: odd conditions" {
    unit_cases process_odd_test
}

@test "proof: S3 S22 S26 trap 13: what odd conditions would do is seen" {
    unit_broken process.c 's/fcntl\(rows\[i\].from, F_GETFD\) < 0/0/' \
        process_odd_test S3_a_number_that_is_not_open
    unit_broken signals.c 's|row->was_blocked = mask\(SIG_UNBLOCK, signal\);||' \
        process_odd_test S22_the_signal_was_blocked
    unit_broken process.c 's/while \(\*link != next\)/while (0)/' \
        process_odd_test trap13_ends_that_spawn
    unit_broken process.c 's/= writer_do_write/= connection_do_write/' \
        process_odd_test S26_a_terminal_that_has_hung_up
}

# --- spawn_tour ----------------------------------------------------------------

tour_expected() {
    cat <<'END'
its output       hello\n                            exit code 0
its errors       oh dear\n                          exit code 3
its input        you said good morning\n2\n         exit code 0
a signal         here I am\n                        signal 15
this goes past us
descriptors      on five\n                          exit code 0
no environment   no home\n                          exit code 0
an environment   /home/lab\n                        exit code 0
a directory      /\n                                exit code 0
a terminal       it is one\r\n                      exit code 0
a wrong name     No such file or directory
END
}

@test "X1 spawn_tour: the same lines under every poller" {
    local poller
    for poller in "${POLLERS[@]}"; do
        soon "$(program "$STAGE/spawn_tour")" -r "$poller" >tour 2>&1
        diff tour <(tour_expected)
    done
}

@test "X1 spawn_tour: no standard descriptors, signals ignored" {
    local status=0
    soon "$(program "$STAGE/spawn_tour")" <&- >&- 2>&- || status=$?
    [ "$status" -eq 1 ] # nothing of it could be printed
    (
        trap '' CHLD PIPE TERM
        soon "$(program "$STAGE/spawn_tour")" >tour
    )
    diff tour <(tour_expected)
}

@test "X1 spawn_tour: the trace tells of spawning and reaping" {
    TRACE=1 soon "$(program "$STAGE/spawn_tour")" >tour 2>trace
    grep -qE '^[0-9.]+   spawn_process: Guide /bin/sh is [0-9]+$' trace
    grep -qE '^[0-9.]+   reaped [0-9]+, status 0x300$' trace
    grep -qE '^[0-9.]+   Guide: 6 bytes from 1 of its child$' trace
    grep -qE '^[0-9.]+   Guide: process_exited$' trace
    grep -qE '^[0-9.]+   Guide: process_ended$' trace
    diff tour <(tour_expected)
}
