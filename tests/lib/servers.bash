# For the bats files of stages 04 to 06: what the tests of servers share. A
# test file says `load ../lib/unit` and `load ../lib/servers`.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each @test is a subshell

# server_each PROGRAM COMMAND...: runs it beside the server, under each poller.
server_each() {
    local poller
    # shellcheck disable=SC2086
    for poller in "${POLLERS[@]}"; do
        echo "--- $1 -r $poller"
        start $STAGE/$1 -r "$poller"
        POLLER=$poller
        "${@:2}"
    done
}

# server_side_by_side PROGRAM COMMAND...: the same for what mostly waits: the
# pollers at once, each in a folder of its own.
server_side_by_side() {
    local pid pids=() failed=0
    for POLLER in "${POLLERS[@]}"; do
        rm -rf "$POLLER"
        mkdir "$POLLER"
        (
            trap - ERR DEBUG
            trap 'kill "${SERVERS[@]}" 2>/dev/null || true' EXIT
            set -e +ET
            cd "$POLLER"
            SERVERS=() LOGS=() BATS_TEST_TMPDIR=$PWD
            # shellcheck disable=SC2086
            start $STAGE/$1 -r "$POLLER"
            "${@:2}"
            ! grep -E "$FAULTS" "${LOGS[@]}"
        ) >"$POLLER.said" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=1
    done
    [ "$failed" -eq 0 ] || head -n 100 -- *.said */*.log
    return "$failed"
}

# server_limited DESCRIPTORS COMMAND...: what it starts has so many at most.
server_limited() {
    local before
    before=$(ulimit -Sn)
    ulimit -Sn "$1"
    "${@:2}"
    ulimit -Sn "$before"
}

# A peer in the background, whose `hold` lasts until server_release, which
# passes its status on. What it prints goes to HELD.
server_hold() {
    HELD=$BATS_TEST_TMPDIR/held-$RANDOM$RANDOM
    mkfifo "$HELD.gate"
    peer "$@" <"$HELD.gate" >"$HELD" 2>&1 3>&- &
    HOLDER=$!
    exec {GATE}>"$HELD.gate"
}

server_release() {
    exec {GATE}>&-
    wait "$HOLDER" || { cat "$HELD"; return 1; }
}

server_dirty_kib() {
    awk '/^Private_Dirty/ { print $2 }' "/proc/$1/smaps_rollup"
}

# The memory of what was freed goes back at once under AddressSanitizer, too.
server_without_quarantine() {
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=0"
}

# server_ends PID SIGNAL: the signal ends it, with status 0.
server_ends() {
    local status=0
    kill "-$2" "$1"
    wait_gone "$1"
    wait "$1" || status=$?
    [ "$status" -eq 0 ] || { echo "status $status after SIG$2"; return 1; }
}

# server_prompt STEP...: forty rounds of these. Where an answer waits for the
# acknowledgement of the one before, the kernel takes 40 ms for each round but
# the first ones, unless the client acknowledges at once: that tells what a
# round takes here. Others need the processor, too: a few that are quick prove
# that none has to wait.
server_prompt() {
    local rounds=() quick usual
    for _ in {1..40}; do rounds+=("$@" lap); done
    for _ in {1..5}; do
        server_laps -q || return 1
        usual=$(sort -n laps | sed -n 10p)
        server_laps || return 1
        quick=$(awk -v most=$((usual + 25)) '$1 < most { n++ } END { print n + 0 }' laps)
        [ "$quick" -lt 5 ] || return 0
    done
    echo "$quick quick rounds of the last twenty, $usual ms is usual"
    return 1
}

server_laps() {
    peer "$@" "$PORT" "${rounds[@]}" | sed -nE 's/^lap ([0-9]+)$/\1/p' | tail -n 20 >laps
    [ "$(wc -l <laps)" -eq 20 ]
}

# server_sometimes COMMAND...: true once in five tries; for what a busy machine
# can hide, because its processes take longer than the wait that is looked for.
server_sometimes() {
    local _
    for _ in {1..5}; do
        ! "$@" || return 0
    done
    return 1
}

# The log without dates; without ports, 127.0.0.1:NNNNN.
server_log() {
    sed -E 's/^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4} //' "$LOG"
}

server_count() { # TEXT
    grep -cF -- "$1" "$LOG" || true
}

server_counts() { # NUMBER TEXT
    [ "$(server_count "$2")" -eq "$1" ]
}

# All that any server must bear, and be there for afterwards: COMMAND checks
# that it is.
server_rough_peers() {
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
    eventually has_descriptors "$PID" "$before"
    [ "$POLLER" != poll ] || idle "$PID" # a hang-up is nobody's wish
    "$@"
}

# server_poor_client INPUT CLIENT ARGUMENT...: whichever of its allocations
# fails, a client ends, and has said all, or says that it has failed.
server_poor_client() {
    local program=$BATS_TEST_TMPDIR/poor_$2 status
    unit_compile "$program" "$ROOT/tests/lib/poor_library.c" \
        "$ROOT/$STAGE/examples/$2.c" "$(unit_library)" \
        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc || return 1
    printf '%b' "$1" >input
    soon "$program" "${@:3}" <input >rich || return 1
    for POOR in {1..99}; do
        status=0
        POOR=$POOR soon "$program" "${@:3}" <input >poor 2>errors || status=$?
        if [ "$status" -gt 1 ] || grep -E "$FAULTS" errors ||
            { [ "$status" -eq 0 ] && ! cmp rich poor; }
        then
            echo "$2: status $status without allocation $POOR"
            cat errors
            return 1
        fi
        grep -qx poor errors || return 0 # it needs no more than that
    done
}
