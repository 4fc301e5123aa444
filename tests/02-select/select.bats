#!/usr/bin/env bats
# Stage 02: one wait for many.

load ../lib/helpers

# The same server four times: each test below is the same for all of them.
SELECT_SERVERS=(select_server poll_server epoll_server "epoll_server --edge")

# select_start_limited DESCRIPTORS STAGE/NAME ARGUMENT...: a server that may
# have so many at most.
select_start_limited() {
    local before
    before=$(ulimit -Sn)
    ulimit -Sn "$1"
    start "${@:2}"
    ulimit -Sn "$before"
}

# select_each COMMAND...: runs it beside each of the four servers in turn.
# select_each_limited DESCRIPTORS COMMAND...: the same with select_start_limited.
select_each() {
    select_each_limited "$(ulimit -Sn)" "$@"
}

select_each_limited() {
    local server
    for server in "${SELECT_SERVERS[@]}"; do
        echo "--- $server"
        # shellcheck disable=SC2086
        select_start_limited "$1" 02-select/$server
        "${@:2}"
    done
}

# select_hold ARGUMENT...: a peer in the background, whose `hold` lasts until
# select_release, which passes its status on. What it prints goes to HELD.
select_hold() {
    HELD=$BATS_TEST_TMPDIR/held-$RANDOM$RANDOM
    mkfifo "$HELD.gate"
    peer "$@" <"$HELD.gate" >"$HELD" 2>&1 3>&- &
    HOLDER=$!
    exec {GATE}>"$HELD.gate"
}

select_release() {
    exec {GATE}>&-
    wait "$HOLDER" || { cat "$HELD"; return 1; }
}

# A client of bash's own: connect, then ask as often as you like.
select_connect() {
    exec {CLIENT}<>"/dev/tcp/127.0.0.1/$PORT"
}

select_receives() {
    local text
    read -r -t "$DEADLINE" -N ${#1} -u "$CLIENT" text
    [ "$text" = "$1" ] || { echo "received '$text', not '$1'"; return 1; }
}

select_leave() {
    exec {CLIENT}>&-
}

# With select_start_limited 40, whatever it has inherited: no number is left.
select_is_full() {
    [ "$(find "/proc/$1/fd" -name '[0-9]' -o -name '[1-3][0-9]' | wc -l)" -eq 40 ]
}

# select_dirty_kib PID: memory of its own that it has written to.
select_dirty_kib() {
    awk '/^Private_Dirty/ { print $2 }' "/proc/$1/smaps_rollup"
}

# The memory of what was freed goes back at once under AddressSanitizer, too:
# for the tests that measure memory.
select_no_quarantine() {
    local none=quarantine_size_mb=0:thread_local_quarantine_size_kb=0
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:$none"
}

# select_prints TEXT COMMAND...: it prints this and no more, and succeeds.
select_prints() {
    local text
    text=$("${@:2}") || { echo "status $?: $text"; return 1; }
    [ "$text" = "$1" ] || { echo "'$text' instead of '$1'"; return 1; }
}

# The log without the turns in which nobody was ready.
select_busy_turns() {
    grep -E '^[0-9]+ [0-9]+ [0-9]+ [0-9]+$' "$LOG" | grep -vE '^[0-9]+ 0 0 '
}

# --- S1, S2: select_server, poll_server, epoll_server ----------------------

select_two_messages() {
    select_prints helloresponseresponse peer "$PORT" until=hello \
        send=one until=response send=two until=response quiet=50
}

@test "S1 S2: hello, and a response to each message" {
    select_each select_two_messages
}

select_client_session() {
    select_prints $'hello\n>>>:response\n>>>:>>>:response\n>>>:' \
        soon "$(program 02-select/select_client)" -p "$PORT" <<< $'one\n\ntwo\nexit\nthree'
}

@test "S1 S2: the client prints greeting and answers, and ends on exit" {
    select_each select_client_session
}

@test "S1: the client says so when the server goes away" {
    start 02-select/select_server
    select_hold -n 1 "$PORT" until=hello hold
    run soon "$(program 02-select/select_client)" -p "$PORT" < <(
        eventually grep -q '^2 1 0 0' "$LOG" >/dev/null
        kill "$PID"
        wait_gone "$PID"
        echo one
    )
    [ "$status" -eq 1 ]
    [[ $output == *"select_client: 127.0.0.1: "* ]]
    select_release
    run soon "$(program 02-select/select_client)" -p "$PORT"
    [ "$status" -eq 1 ]
}

select_busy_turns_are() {
    [ "$(select_busy_turns)" = "$1" ]
}

select_count_turns() {
    logged '1 0 0 0'
    peer "$PORT" until=hello send=one until=response
    eventually select_busy_turns_are $'1 1 0 0\n2 1 0 0\n2 0 1 1\n2 1 0 0'
}

@test "S1 S2: each turn prints inputs, rlist, wlist and outputs, the same in all" {
    select_each select_count_turns
}

select_gone_clients() {
    local before
    before=$(descriptors "$PID")
    select_connect
    select_receives hello
    peer -n 30 "$PORT" until=hello close
    peer -n 30 "$PORT" until=hello reset
    peer -n 30 "$PORT" send=question close
    peer -n 30 "$PORT" send=question reset
    peer -n 30 "$PORT" send='\0\xff\n' until=response close
    printf question >&"$CLIENT"
    select_receives response
    select_leave
    eventually has_descriptors "$PID" "$before"
}

@test "S1 S2: clients that close or reset are dropped, the others stay" {
    select_each select_gone_clients
}

select_half_closed() {
    select_prints helloresponse peer "$PORT" send=question shutdown eof
    select_prints hello peer "$PORT" shutdown eof
}

@test "S1 S2: a client that has ended its stream still gets its answer" {
    select_each select_half_closed
}

select_two_hundred() {
    local before
    before=$(descriptors "$PID")
    peer -n 200 "$PORT" until=hello send=one until=response send=two until=response \
        >"$BATS_TEST_TMPDIR/answers"
    [ "$(grep -o response "$BATS_TEST_TMPDIR/answers" | wc -l)" -eq 400 ]
    eventually has_descriptors "$PID" "$before"
}

@test "S1 S2: 200 clients at once" {
    select_each select_two_hundred
}

select_one_segment() {
    select_prints helloresponse \
        peer "$PORT" until=hello send='one\r\ntwo\r\n' until=response quiet=50
    select_prints helloresponseresponseresponse \
        peer "$PORT" until=hello send="$(printf 'x%.0s' {1..3000})" recv=24 quiet=50
}

@test "S1 S2: what one recv returns is one message, and nothing is left unread" {
    select_each select_one_segment
}

# Whether epoll was told to: the kernel prints the events in hexadecimal.
select_reports_edges() {
    grep -q '^tfd: .* events: 8' "/proc/$PID/fdinfo/"*
}

@test "S2: level-triggered tells three times of three messages, --edge once" {
    local three
    three=$(printf 'x%.0s' {1..3000})
    start 02-select/epoll_server
    peer "$PORT" until=hello send="$three" recv=24
    eventually select_busy_turns_are $'1 1 0 0\n2 1 0 0\n2 1 1 1\n2 1 1 1\n2 0 1 1\n2 1 0 0'
    start 02-select/epoll_server --edge
    peer "$PORT" until=hello send="$three" recv=24
    eventually select_busy_turns_are $'1 1 0 0\n2 1 0 0\n2 0 1 1\n2 0 1 1\n2 0 1 1\n2 1 0 0'
    select_connect
    select_receives hello
    eventually select_reports_edges
}

select_one_byte() {
    peer "$PORT" until=hello drip=question shutdown eof |
        grep -qxE 'hello(response){1,8}'
    select_prints helloresponseresponse \
        peer "$PORT" until=hello send=a until=response send=b until=response
}

@test "S1 S2: one byte at a time" {
    select_each select_one_byte
}

# 8 MiB are 8192 messages at least. All are answered, without a gap.
select_never_reads() {
    local before
    before=$(select_dirty_kib "$PID")
    select_hold -r 4096 "$PORT" flood=8388608 hold shutdown eof
    for _ in {1..20}; do
        DEADLINE=5 peer "$PORT" until=hello send=question until=response >/dev/null
    done
    [ $(($(select_dirty_kib "$PID") - before)) -lt 1024 ]
    select_release
    [ $((($(wc -c <"$HELD") - 5) / 8)) -ge 8192 ]
    select_prints right sed -E 's/^hello(response)*$/right/' "$HELD"
}

@test "S1 S2: a client that sends and never reads holds up nobody" {
    select_no_quarantine
    select_each select_never_reads
}

# select_build_with KERNEL CALLS PROGRAM...: links them with lib/KERNEL_kernel.c
# in the place of these calls; they are 02-select/KERNEL/PROGRAM then.
select_build_with() {
    local made="$BUILD/$1" wrap
    # shellcheck disable=SC2086 # words
    wrap=$(printf -- ' -Wl,--wrap=%s' $2)
    mkdir -p "$ROOT/02-select/$made"
    rm -f "${@/#/$ROOT/02-select/$made/examples/}"
    # shellcheck disable=SC2086
    ${CC:-cc} ${CFLAGS:--O2} -c -o "$ROOT/02-select/$made/kernel.o" \
        "$ROOT/tests/lib/$1_kernel.c"
    set -- "${@:3}"
    make -s -C "$ROOT/02-select" BUILD="$made" \
        LDFLAGS="$wrap $made/kernel.o" "${@/#/$made/examples/}"
}

# A kernel that blocks half of the time and takes two bytes of an answer.
select_build_stingy() {
    select_build_with stingy 'send recv' "$@"
}

select_two_bytes_at_a_time() {
    select_two_messages
    select_half_closed
    peer -n 20 "$PORT" until=hello send=a until=response send=b send=c send=d shutdown eof \
        >"$BATS_TEST_TMPDIR/answers"
    grep -qxE '(hello){20}(response){40,80}' "$BATS_TEST_TMPDIR/answers"
    select_busy_turns | grep -q '^2 0 1 1$'
}

@test "S1 S2: the kernel takes two bytes of an answer, or none" {
    local server
    select_build_stingy select_server poll_server epoll_server
    for server in "${SELECT_SERVERS[@]}"; do
        # shellcheck disable=SC2086
        BUILD=$BUILD/stingy start 02-select/$server
        select_two_bytes_at_a_time
    done
}

select_out_of_descriptors() {
    local before
    before=$(descriptors "$PID")
    select_connect
    select_receives hello
    select_hold -l -n 100 "$PORT" send=question hold
    eventually select_is_full "$PID"
    idle "$PID"
    printf question >&"$CLIENT"
    select_receives response
    # One descriptor comes free: the next in the queue gets it at once.
    select_leave
    eventually select_is_full "$PID"
    select_release
    select_two_messages
    eventually has_descriptors "$PID" "$before"
}

@test "S1 S2: 100 clients and 40 descriptors: no spinning, no blocking, no end" {
    select_each_limited 40 select_out_of_descriptors
}

# Two crowds of 700. The first stays; how many of the second are let in, and
# answered, goes to ANSWERED.
select_crowd() {
    local before
    before=$(descriptors "$PID")
    select_hold -n 700 "$PORT" until=hello hold
    eventually has_descriptors "$PID" $((before + 700))
    peer -l -n 700 "$PORT" until=hello send=question until=response \
        >"$BATS_TEST_TMPDIR/answers"
    ANSWERED=$(grep -o response "$BATS_TEST_TMPDIR/answers" | wc -l)
    eventually has_descriptors "$PID" $((before + 700))
    select_release
    eventually has_descriptors "$PID" "$before"
}

@test "S1: select refuses the client that does not fit into an fd_set" {
    needs_descriptors 3000
    select_start_limited 3000 02-select/select_server
    select_crowd
    # 1024, less the first crowd, and some that the server had before.
    [ "$ANSWERED" -gt 300 ]
    [ "$ANSWERED" -le 320 ]
    select_two_messages
}

@test "S2: poll and epoll have no such limit" {
    needs_descriptors 3000
    select_start_limited 3000 02-select/poll_server
    select_crowd
    [ "$ANSWERED" -eq 700 ]
    select_start_limited 3000 02-select/epoll_server
    select_crowd
    [ "$ANSWERED" -eq 700 ]
}

@test "S1 S2: 100 idle clients, and some that have left, cost no processor time" {
    local server before pid pids=() checks=()
    for server in "${SELECT_SERVERS[@]}"; do
        # shellcheck disable=SC2086
        start 02-select/$server
        pids+=("$PID")
        before=$(descriptors "$PID")
        select_hold -n 100 "$PORT" until=hello hold
        eventually has_descriptors "$PID" $((before + 100))
        peer -n 10 "$PORT" until=hello send=question close
        peer -n 10 "$PORT" until=hello send=question reset
        eventually has_descriptors "$PID" $((before + 100))
    done
    for pid in "${pids[@]}"; do
        idle "$pid" &
        checks+=($!)
    done
    for pid in "${checks[@]}"; do
        wait "$pid"
    done
}

select_stopped_and_continued() {
    freeze "$PID"
    select_hold -n 1 "$PORT" send=question until=response hold
    kill -CONT "$PID"
    select_release
    select_two_messages
}

@test "S1 S2: a server that was stopped goes on" {
    select_each select_stopped_and_continued
}

@test "S1 S2: usage" {
    run "$(program 02-select/epoll_server)" -h
    [ "$status" -eq 0 ]
    [[ ${lines[1]} == "usage: epoll_server "*"[--edge]"* ]]
    run "$(program 02-select/select_server)" --edge
    [ "$status" -eq 2 ]
    [[ $output == "usage: select_server "* ]]
    start 02-select/poll_server
    run "$(program 02-select/poll_server)" -p "$PORT"
    [ "$status" -eq 1 ]
    [[ $output == "poll_server: 127.0.0.1:$PORT: "* ]]
}

@test "S1 S2 S4: a kernel that is short of memory for a moment is a rest" {
    local server
    select_build_with short 'select poll epoll_wait' select_server poll_server \
        epoll_server buffered_echo_server
    for server in select_server poll_server epoll_server; do
        BUILD=$BUILD/short start "02-select/$server"
        for _ in {1..5}; do
            select_two_messages
        done
        idle "$PID"
    done
    BUILD=$BUILD/short start 02-select/buffered_echo_server
    for _ in {1..10}; do
        run peer "$PORT" send=hello recv=5 shutdown eof
        [ "$output" = hello ]
    done
    idle "$PID"
}

# The kernel does not take as many places as the server has descriptors.
@test "S2 S4: poll says what ends it when the limit of descriptors is lowered" {
    local server before
    command -v prlimit >/dev/null || skip "no prlimit"
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # that needs files, too
    for server in poll_server buffered_echo_server; do
        start "02-select/$server"
        before=$(descriptors "$PID")
        select_hold -n 8 "$PORT" send=question hold
        eventually select_has_more "$PID" $((before + 8))
        prlimit --pid "$PID" --nofile=5:5
        peer -l "$PORT" send=wake close || true # it may be gone already
        wait_gone "$PID"
        logged "$server: poll: more descriptors than the limit allows"
        select_release || true
    done
}

select_has_more() { # PID COUNT
    [ "$(descriptors "$1")" -ge "$2" ]
}

# --- S3: multiplexing_cost --------------------------------------------------

@test "S3: a table of microseconds per turn, in less than ten seconds" {
    needs_descriptors 920
    # Seconds of processor time: others may need it, too. It raises its own limit.
    run bash -c "ulimit -t 10 -Sn 64; '$(program 02-select/multiplexing_cost)'"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 7 ]
    [[ ${lines[1]} =~ ^\ +idle\ +select\ +poll\ +epoll$ ]]
    local row=2 idle figure='[0-9]+\.[0-9]'
    for idle in 10 100 500 900; do
        [[ ${lines[row]} =~ ^\ +$idle\ +$figure\ +$figure\ +$figure$ ]]
        row=$((row + 1))
    done
    # At 900 against 10: select and poll at least five times, epoll not twice.
    run awk '$1 == 10 { s = $2; p = $3; e = $4 }
        $1 == 900 { print ($2 > 5 * s) ($3 > 5 * p) ($4 < 2 * e + 0.2) }' \
        <<< "$output"
    [ "$output" = 111 ]
}

@test "S3: poll and epoll at 5000, where select cannot" {
    needs_descriptors 5020
    run soon "$(program 02-select/multiplexing_cost)"
    [[ ${lines[6]} =~ ^\ +5000\ +-\ +[0-9]+\.[0-9]\ +[0-9]+\.[0-9]$ ]]
}

@test "S3: what is not possible is a dash" {
    needs_descriptors 300
    run bash -c "ulimit -n 300; '$(program 02-select/multiplexing_cost)'"
    [ "$status" -eq 0 ]
    [[ ${lines[3]} != *-* ]]
    [[ ${lines[4]} =~ ^\ +500\ +-\ +-\ +-$ ]]
    [[ ${lines[6]} =~ ^\ +5000\ +-\ +-\ +-$ ]]
}

# --- S4: buffered_echo_server -----------------------------------------------

@test "S4: what comes goes back, whatever it is" {
    start 02-select/buffered_echo_server
    run peer "$PORT" send='one\ntwo' until=two drip=three until=three quiet=50
    [ "$output" = $'one\ntwothree' ]
    peer "$PORT" send='\0\xff\r\n\0' recv=5 quiet=50 | cmp - <(printf '\0\xff\r\n\0')
    peer -n 200 "$PORT" send=hello recv=5 send=again recv=5 | wc -c | grep -qx 2000
}

@test "S4: around the size of the buffer, and far beyond it" {
    start 02-select/buffered_echo_server
    local size
    for size in 1 65535 65536 65537 131072 67108864; do
        peer "$PORT" "exchange=$size" shutdown eof
    done
    # The same connection, so that the ring begins anywhere.
    peer "$PORT" exchange=1000 exchange=65536 exchange=65535 exchange=300001 quiet=50
}

@test "S4: a reader stops, another goes on, memory stays where it was" {
    local before
    select_no_quarantine
    start 02-select/buffered_echo_server
    peer "$PORT" exchange=1000000
    before=$(select_dirty_kib "$PID")
    select_hold -t "$STUFFED" "$PORT" stuff hold swallow exchange=50000000 quiet=50 shutdown eof
    for _ in {1..20}; do
        DEADLINE=5 peer "$PORT" exchange=3200000
        [ $(($(select_dirty_kib "$PID") - before)) -lt 1024 ]
    done
    idle "$PID"
    # And then it reads on, and every byte is there.
    select_release
}

# 6 MB are more than the kernel keeps for one that does not read.
@test "S4: a client that never reads costs its buffer, ten of them ten" {
    local before
    select_no_quarantine
    start 02-select/buffered_echo_server
    before=$(select_dirty_kib "$PID")
    select_hold -t 30 -n 10 "$PORT" flood=6000000 hold swallow quiet=50
    for _ in {1..20}; do
        DEADLINE=5 peer "$PORT" exchange=3200000
    done
    [ $(($(select_dirty_kib "$PID") - before)) -lt 1024 ]
    select_release
}

@test "S4: the kernel takes half of what we send, two bytes, or none" {
    select_build_stingy buffered_echo_server
    BUILD=$BUILD/stingy start 02-select/buffered_echo_server
    peer "$PORT" send=hello recv=5 exchange=65536 exchange=1000001 shutdown eof
    peer -t "$STUFFED" "$PORT" stuff shutdown swallow eof
}

@test "S4: a half-closed client gets back all it has sent" {
    local before
    start 02-select/buffered_echo_server
    before=$(descriptors "$PID")
    peer -t "$STUFFED" "$PORT" stuff shutdown swallow eof
    peer -r 4096 "$PORT" flood=300000 shutdown pause=100 swallow eof
    peer "$PORT" shutdown eof
    run peer "$PORT" send=bye shutdown eof
    [ "$output" = bye ]
    eventually has_descriptors "$PID" "$before"
}

@test "S4: clients that reset or vanish while they are owed something" {
    local before
    start 02-select/buffered_echo_server
    before=$(descriptors "$PID")
    peer -n 20 -r 4096 "$PORT" flood=300000 reset
    peer -n 20 -r 4096 "$PORT" flood=300000 close
    peer -n 20 -r 4096 "$PORT" flood=300000 shutdown reset
    peer "$PORT" stuff reset
    eventually has_descriptors "$PID" "$before"
    idle "$PID"
    peer "$PORT" exchange=1000
}

@test "S4: 100 clients and 40 descriptors" {
    local before
    select_start_limited 40 02-select/buffered_echo_server
    before=$(descriptors "$PID")
    select_connect
    printf hello >&"$CLIENT"
    select_receives hello
    select_hold -l -n 100 "$PORT" send=question hold
    eventually select_is_full "$PID"
    idle "$PID"
    printf again >&"$CLIENT"
    select_receives again
    select_leave
    eventually select_is_full "$PID"
    select_release
    run peer "$PORT" send=hello recv=5
    [ "$output" = hello ]
    eventually has_descriptors "$PID" "$before"
    idle "$PID"
}
