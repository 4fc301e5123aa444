# Helpers for every bats file: build, start a server on a port of the kernel's
# choice, wait with a deadline, clean up, and show what the server said when a
# test fails. A test file says `load ../lib/helpers` and nothing more.

# A test does not depend on who started it.
umask 022
export LC_ALL=C TERM=dumb
unset LANGUAGE CDPATH REACTOR TRACE
[ -e /proc/self/fd/0 ] || exec </dev/null
ulimit -Sn 1024 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Where make puts what it makes; `make sanitize` chooses another place.
BUILD=${BUILD:-build}

# What the servers run under; `make valgrind` has something to say here.
UNDER=${UNDER:-}

# What the sanitizers and valgrind print when they have found something.
FAULTS='AddressSanitizer|LeakSanitizer|runtime error:'
FAULTS+='|^==[0-9]+== +(Invalid|Conditional|Use of|Syscall|[0-9,]+ bytes in)'

# Seconds until a wait gives up. Generous: only a failing test ever sees it.
DEADLINE=${DEADLINE:-30}

# The same for a client that stops reading until its kernel and the server's are
# full (`stuff` in tools/peer.c); the time that it does not read counts. Linux
# asks a full peer less and less often whether there is room, in the end every
# two minutes, though nobody is in the wrong.
# shellcheck disable=SC2034 # the tests use it
STUFFED=300

# A port where nobody listens: it is below those that the kernel gives away. One
# whose server has ended may be somebody else's by now.
# shellcheck disable=SC2034 # the tests use it
NOBODY=1

setup_file() {
    local stage=${BATS_TEST_FILENAME%/*}
    stage=${stage##*/}
    [ -z "${MADE:-}" ] || return 0 # `make test` has seen to it
    make -s -C "$ROOT/tests" BUILD="$BUILD" "for-$stage" >&2 || return 1
    if [ -d "$ROOT/$stage" ]; then
        make -s -C "$ROOT/$stage" BUILD="$BUILD" >&2 || return 1
    else
        make -s -C "$ROOT" BUILD="$BUILD" >&2 || return 1
    fi
}

setup() {
    begin_test
}

# What every setup begins with. Bats has a trap before every command, to know
# where a test has failed; that takes a third of the whole time. Within functions
# we do without it, and a trap for the command that fails tells the way there.
begin_test() {
    local trap
    SERVERS=()
    LOGS=()
    WAY=()
    cd "$BATS_TEST_TMPDIR" || return 1
    set +T
    trap=$(trap -p ERR)
    eval "${trap/"-- '"/"-- 'way_of_failure \"\$BASH_COMMAND\"; "}"
}

# way_of_failure COMMAND: sets WAY, what teardown shows of a test that failed.
way_of_failure() {
    local i
    WAY=("failed: $1")
    for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
        WAY+=("in ${FUNCNAME[i]}, ${BASH_SOURCE[i]}, line ${BASH_LINENO[i - 1]}")
        [ "${FUNCNAME[i]}" != "$BATS_TEST_NAME" ] || break
    done
}

teardown() {
    local pid log state
    for pid in "${SERVERS[@]}"; do
        kill "$pid" || continue
        state=
        read -r _ _ state _ <"/proc/$pid/stat" || true
        [ "$state" != T ] || kill -CONT "$pid" # a test has frozen it
    done 2>/dev/null
    for pid in "${SERVERS[@]}"; do
        wait_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
    done
    [ -n "${BATS_TEST_COMPLETED:-}" ] || printf '%s\n' "${WAY[@]}"
    for log in "${LOGS[@]}"; do
        [ -z "${BATS_TEST_COMPLETED:-}" ] || break
        echo "--- ${log##*/}:"
        head -c 4000 "$log"
    done
    if [ ${#LOGS[@]} -gt 0 ] &&
        grep -lE "$FAULTS" "${LOGS[@]}"
    then
        return 1
    fi
}

# needs_descriptors COUNT: skips the test where no process may open so many.
needs_descriptors() {
    [ "$(ulimit -Hn)" -ge "$1" ] || skip "no $1 descriptors"
}

# program STAGE/NAME: the path of a built program; tests/NAME: one of ours.
program() {
    case $1 in
    tests/*) echo "$ROOT/tests/$BUILD/${1#*/}" ;;
    *) echo "$ROOT/${1%%/*}/$BUILD/examples/${1#*/}" ;;
    esac
}

# moment SECONDS: a sleep that needs no process, but a pipe in which nothing ever
# comes. That is made here, because making it sets $!.
exec {MOMENT}<> <(:)
moment() {
    ! read -rt "$1" -u "$MOMENT"
}

# eventually COMMAND...: true soon after the command is; false at the deadline.
# What takes long is asked about less often: to ask costs a process or two.
eventually() {
    local end=$((SECONDS + DEADLINE)) ms=4 pause
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "deadline: $*"; return 1; }
        printf -v pause 0.%03d $ms
        moment "$pause"
        [ $ms -ge 100 ] || ms=$((ms * 3 / 2))
    done
}

# soon COMMAND...: runs it, and ends it with status 124 at the deadline; by
# force if it does not listen.
soon() {
    timeout -k 1 "$DEADLINE" "$@"
}

# It has ended, be it that nobody has reaped it yet.
is_gone() {
    local state=
    kill -0 "$1" 2>/dev/null || return 0
    read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || true
    [ "$state" = Z ]
}

wait_gone() {
    eventually is_gone "$1"
}

# is_frozen PID: none of its threads can run.
is_frozen() {
    ! cut -d ' ' -f 3 "/proc/$1/task/"*/stat | grep -qv T
}

# freeze PID: stops it, and waits until it has. kill -CONT lets it go on.
freeze() {
    kill -STOP "$1"
    eventually is_frozen "$1"
}

# launch STAGE/NAME ARGUMENT...: starts a program in the background without
# waiting for anything. Sets PID and LOG, the file with all that it prints.
launch() {
    LOG=$BATS_TEST_TMPDIR/${1//\//-}-${#LOGS[@]}.log
    # shellcheck disable=SC2086 # a command and its options
    ${UNDER:-} "$(program "$1")" "${@:2}" >"$LOG" 2>&1 3>&- </dev/null &
    PID=$!
    SERVERS+=("$PID")
    LOGS+=("$LOG")
}

ready_port() {
    local line
    PORT=
    while read -r line; do
        [[ $line =~ ^listening\ on\ .*:([0-9]+)$ || $line =~ \ starting\ on\ ([0-9]+)$ ]] ||
            continue
        # shellcheck disable=SC2034 # for the test
        PORT=${BASH_REMATCH[1]}
        return
    done 2>/dev/null <"$LOG"
    return 1
}

# start STAGE/NAME ARGUMENT...: launches a server on port 0 and waits until it
# is ready. Sets PORT, PID and LOG.
start() {
    launch "$1" -p 0 "${@:2}"
    eventually ready_port || { cat "$LOG"; return 1; }
}

# peer PORT STEP...: the client that can do what bash cannot; tools/peer.c. It
# has the deadline itself.
peer() {
    "$ROOT/tests/$BUILD/peer" -t "$DEADLINE" "$@"
}

# logged TEXT: the server has printed this line, or will before the deadline.
logged() {
    eventually grep -qF -- "$1" "$LOG"
}

# descriptors PID: how many it has open.
descriptors() {
    local open=("/proc/$1/fd/"*)
    [ ! -L "${open[0]}" ] && echo 0 || echo ${#open[@]}
}

# has_descriptors PID COUNT: it has so many open, and asking costs no process.
has_descriptors() {
    local open=("/proc/$1/fd/"*)
    [ -L "${open[0]}" ] && [ ${#open[@]} -eq "$2" ]
}

# cpu_ms PID: the processor time that it has used, in milliseconds, with all
# of its threads.
cpu_ms() {
    local thread ns all=0
    for thread in "/proc/$1/task/"*; do
        read -r ns _ <"$thread/schedstat" && all=$((all + ns))
    done
    echo $((all / 1000000))
}

# idle PID: uses less than a twentieth of a processor. One that spins gets more,
# however busy the others are. What it had to do just before is no spinning.
idle() {
    local before used
    for _ in {1..3}; do
        before=$(cpu_ms "$1")
        moment 0.2
        used=$(($(cpu_ms "$1") - before))
        [ "$used" -ge 10 ] || return 0
    done
    echo "$used ms in 200 ms"
    return 1
}
