# For interop.bats: real Twisted, if it is there. `load interop` comes last.

# shellcheck disable=SC2034,SC2153 # what it sets is for the tests

CLEANLY='Connection was closed cleanly.'

setup() {
    local python
    begin_test
    PYTHON=
    for python in /usr/bin/python3 python3; do
        "$python" -c 'import twisted.web' 2>/dev/null && PYTHON=$python
    done
    [ "$PYTHON" ] || skip 'no python3 here has Twisted'
}

# real NAME ARGUMENT...: a program of real Twisted.
real() {
    soon "$PYTHON" -W ignore -u "$ROOT/tests/peers/interop.py" "$@"
}

# real_start NAME [PATH]: the same for a server. Sets PORT, PID and LOG.
real_start() {
    LOG=$BATS_TEST_TMPDIR/real-$1-${#LOGS[@]}.log
    "$PYTHON" -u "$ROOT/tests/peers/interop.py" "$@" >"$LOG" 2>&1 3>&- </dev/null &
    PID=$!
    SERVERS+=("$PID")
    LOGS+=("$LOG")
    logged 'listening on'
    ready_port || true
}

# real_says NAME LINE...: run beside the server, it prints just that.
real_says() {
    diff <(real "$1" "$PORT" ${KIND:+"$KIND"} 2>&1) <(printf '%s\n' "${@:2}")
}

# real_says_at PROGRAM NAME LINE...: the same for a server with a path.
real_says_at() {
    for POLLER in "${POLLERS[@]}"; do
        launch "$1" -r "$POLLER" "$PWD/$POLLER"
        logged 'listening on'
        PORT=$PWD/$POLLER real_says "${@:2}"
    done
}

# ours_say INPUT OUTPUT PROGRAM ARGUMENT...: under each poller.
ours_say() {
    for POLLER in "${POLLERS[@]}"; do
        printf '%b' "$1" |
            soon "$(program "$3")" -r "$POLLER" "${@:4}" >got 2>&1
        diff got <(printf '%b' "$2")
    done
}
