#!/usr/bin/env bats
# buffered_echo_server drops a client that is owed bytes and has taken none of
# them for two seconds; and no other client.

load ../lib/helpers

@test "a client that is owed bytes and takes none is dropped after two seconds" {
    start 02-select/buffered_echo_server
    run peer -r 4096 "$PORT" stuff pause=3500 reset?
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "one that takes them, slowly, stays and gets them all" {
    start 02-select/buffered_echo_server
    peer -r 4096 "$PORT" flood=2000000 pause=1200 swallow=500000 pause=1200 \
        swallow=500000 pause=1200 swallow
}

@test "one that is owed nothing stays, however long it is silent" {
    start 02-select/buffered_echo_server
    peer -r 4096 "$PORT" stuff pause=8000 3>&- >stopped 2>&1 &
    SERVERS+=($!)
    peer "$PORT" send=abc recv=3 quiet=5000 send=def recv=3
}
