#!/usr/bin/env bats
# upper_server gives a client two seconds of its time, whatever the client does
# with them: it is silent, it drips, it does not read.

load ../lib/helpers

# served_in LEAST MOST: a client that connects now has its answer after so many
# milliseconds.
served_in() {
    local begun=${EPOCHREALTIME/[.,]/} took
    [ "$(peer "$PORT" send=abc recv=3)" = ABC ]
    took=$(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
    echo "served after $took ms"
    [ "$took" -ge "$1" ] && [ "$took" -le "$2" ]
}

# occupy STEP...: a client that is in the middle of its conversation from now on.
occupy() {
    peer -l "$PORT" send=a recv=1 "$@" >occupied 2>&1 3>&- &
    SERVERS+=($!)
    eventually grep -qs A occupied
}

@test "a client that talks and leaves within its time is answered" {
    start 01-blocking/upper_server
    [ "$(peer "$PORT" send=abc recv=3 pause=500 send=def recv=3)" = ABCDEF ]
    served_in 0 1500
}

@test "a silent client is hung up on after two seconds, and the next one served" {
    start 01-blocking/upper_server
    occupy eof
    served_in 1000 4000
}

@test "a client that sends a byte now and then has no more time than others" {
    start 01-blocking/upper_server
    occupy pause=700 send=a pause=700 send=a pause=700 send=a pause=700 \
        send=a pause=700 send=a pause=700 send=a pause=700 send=a
    served_in 1000 4000
}

@test "a client that sends and does not read has no more time than others" {
    start 01-blocking/upper_server
    occupy stuff pause=20000
    # stuff ends when nothing was taken for a while: then the server stands in
    # send, and has at most its two seconds to go.
    served_in 0 6000
}

@test "a server without clients waits for as long as it takes" {
    start 01-blocking/upper_server
    peer "$PORT" quiet=1000
    # A time limit on the listener would end accept within these seconds.
    run timeout 3 tail --pid="$PID" -f /dev/null
    [ "$status" -eq 124 ]
    served_in 0 1500
}
