#!/usr/bin/env bats
# echo_server drops a client that has been silent for two seconds, by a delayed
# call in each connection, which goes when the connection goes.

load ../lib/helpers

# Memory that was freed is overwritten, where no sanitizer watches.
export GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=165

@test "a silent client is dropped after two seconds" {
    start 03-reactor/echo_server
    peer "$PORT" send=abc recv=3 quiet=1200 eof
}

@test "one that talks stays" {
    start 03-reactor/echo_server
    peer "$PORT" send=a recv=1 quiet=1200 send=b recv=1 quiet=1200 send=c \
        recv=1 quiet=1200 send=d recv=1
}

@test "one that leaves takes its delayed call along" {
    start 03-reactor/echo_server
    peer -n 5 "$PORT" send=a recv=1 close
    # When this one is dropped the time of the others is over, too.
    peer "$PORT" send=a recv=1 quiet=1200 eof
    peer "$PORT" send=abc recv=3
    kill "$PID"
    wait "$PID"
}
