#!/usr/bin/env bats
# Stage 01: a server for one client at a time, a server of datagrams, what a
# socket is, and what waiting in threads and in processes costs.

load ../lib/helpers

# --- B1: upper_server, upper_client ---------------------------------------

# b1_client ARGUMENT...: types standard input to the client; the output goes
# through `od`-proof files, because bash cannot keep a NUL.
b1_client() {
    STATUS=0
    soon "$(program 01-blocking/upper_client)" "$@" >out 2>err || STATUS=$?
}

# b1_served: the server is alive, free, and in its right mind.
b1_served() {
    # shellcheck disable=SC2153 # start sets PORT
    [ "$(peer "$PORT" send=still recv=5 shutdown eof)" = STILL ]
}

# b1_sockets PID FLAGS: prints how many sockets it has open whose flags are
# exactly these apart from the access mode; octal, as /proc has them.
b1_sockets() {
    local fd flags count=0
    for fd in "/proc/$1/fd/"*; do
        [[ $(readlink "$fd") == socket:* ]] || continue
        flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$1/fdinfo/${fd##*/}")
        (( (flags & ~03) == $2 )) && count=$((count + 1))
    done
    echo "$count"
}

@test "B1: a client's words come back in capitals" {
    start 01-blocking/upper_server
    run soon "$(program 01-blocking/upper_client)" -p "$PORT" <<< $'hello\n\nMixed 123 words\nexit\nnever sent'
    [ "$status" -eq 0 ]
    [ "$output" = $'>>>:HELLO\n>>>:>>>:MIXED 123 WORDS\n>>>:' ]
}

@test "B1: end of input ends the client with status 0" {
    start 01-blocking/upper_server
    run soon "$(program 01-blocking/upper_client)" -p "$PORT" < /dev/null
    [ "$status" -eq 0 ]
    [ "$output" = '>>>:' ]
}

@test "B1: a last line without its newline is a message too" {
    start 01-blocking/upper_server
    b1_client -p "$PORT" < <(printf 'one\ntwo')
    [ "$STATUS" -eq 0 ]
    [ "$(cat out)" = $'>>>:ONE\n>>>:TWO\n>>>:' ]
}

@test "B1: only the word exit is exit" {
    start 01-blocking/upper_server
    b1_client -p "$PORT" <<< $'exit \nexits\nEXIT\nexit'
    [ "$STATUS" -eq 0 ]
    [ "$(cat out)" = $'>>>:EXIT \n>>>:EXITS\n>>>:EXIT\n>>>:' ]
}

@test "B1: a line with a NUL in it is sent whole, \"exit\" before it or not" {
    start 01-blocking/upper_server
    b1_client -p "$PORT" < <(printf 'a\0b\nexit\0x\n\0\n')
    [ "$STATUS" -eq 0 ]
    [ "$(cat out)" = $'>>>:A\\x00B\n>>>:EXIT\\x00X\n>>>:\\x00\n>>>:' ]
}

@test "B1: bytes that are no ASCII letters come back untouched" {
    local i all='' upper=''
    for ((i = 0; i < 256; i++)); do
        printf -v all '%s\\x%02x' "$all" "$i"
        printf -v upper '%s\\x%02x' "$upper" $((i < 97 || i > 122 ? i : i - 32))
    done
    start 01-blocking/upper_server
    peer "$PORT" "send=$all" recv=256 > out
    cmp out <(printf '%b' "$upper")
    b1_client -p "$PORT" <<< 'grüße, 数据'
    [ "$(cat out)" = '>>>:GRüßE, 数据
>>>:' ]
}

@test "B1: a message of 1 MB comes back whole through the client" {
    start 01-blocking/upper_server
    head -c 1000000 /dev/zero | tr '\0' x > message
    b1_client -p "$PORT" < message
    [ "$STATUS" -eq 0 ]
    cmp out <(printf '>>>:'; tr x X < message; printf '\n>>>:')
}

@test "B1: 20 MB on one connection come back in order" {
    start 01-blocking/upper_server
    peer "$PORT" exchange=20000000
    b1_served
}

@test "B1: one byte at a time is served like all at once" {
    start 01-blocking/upper_server
    [ "$(peer "$PORT" 'drip=one byte a segment' recv=18 quiet=50)" = 'ONE BYTE A SEGMENT' ]
}

@test "B1: a client that has sent its end of stream still gets its answer" {
    start 01-blocking/upper_server
    [ "$(peer "$PORT" send=answer shutdown eof)" = ANSWER ]
    peer "$PORT" flood=50000 shutdown swallow
    b1_served
}

@test "B1: who connects second waits until the first has left, then is served" {
    start 01-blocking/upper_server
    mkfifo first.in second.in
    peer "$PORT" send=first recv=5 hold < first.in > first.out 3>&- &
    exec 7> first.in
    eventually grep -q FIRST first.out
    peer "$PORT" send=second quiet=200 port recv=6 > second.out 3>&- 7>&- &
    local second=$!
    # The port is printed when it has been quiet for long enough.
    eventually grep -q . second.out
    run grep -c SECOND second.out
    [ "$output" = 0 ]
    exec 7>&-
    wait "$second"
    grep -q SECOND second.out
}

@test "B1: a client that resets ends its own conversation and nothing else" {
    start 01-blocking/upper_server
    peer "$PORT" send=x recv=1 reset
    peer "$PORT" send=x reset
    peer "$PORT" reset
    peer "$PORT" stuff reset
    # After an end of stream, a reset is EPIPE for who still sends.
    local i
    for i in 1 2 3 4 5; do
        peer "$PORT" flood=50000 shutdown reset
    done
    b1_served
}

@test "B1: a client that never reads holds up the others only until it leaves" {
    start 01-blocking/upper_server
    peer -r 4096 "$PORT" stuff close
    b1_served
}

@test "B1: no descriptor is lost, however a client leaves" {
    start 01-blocking/upper_server
    local i before
    before=$(descriptors "$PID")
    for i in 1 2 3 4 5; do
        peer "$PORT" reset
        peer "$PORT" send=x close
        peer "$PORT" send=x recv=1 shutdown eof
        peer -n 3 "$PORT" send=x reset
    done
    b1_served
    # The server closes its end a moment after we have closed ours.
    b1_as_before() { [ "$(descriptors "$PID")" -eq "$before" ]; }
    eventually b1_as_before
}

@test "B1: without a descriptor left clients wait, and the server sleeps" {
    command -v prlimit > /dev/null || skip "no prlimit"
    start 01-blocking/upper_server
    local free=0
    while [ -e "/proc/$PID/fd/$free" ]; do
        free=$((free + 1))
    done
    prlimit --pid "$PID" --nofile="$free:"
    # The accept that waits has its descriptor already.
    b1_served
    peer "$PORT" send=later quiet=300 port recv=5 > out 3>&- &
    local waiting=$!
    eventually grep -q . out
    idle "$PID"
    prlimit --pid "$PID" --nofile="$(ulimit -Sn):"
    wait "$waiting"
    grep -q LATER out
}

@test "B1: a server that goes away in mid-reply is an error, what came is shown" {
    start tests/puppet wait=hello send=HEL
    b1_client -p "$PORT" <<< $'hello\nagain'
    [ "$STATUS" -eq 1 ]
    [ "$(cat out)" = '>>>:HEL' ]
    [ "$(cat err)" = 'upper_client: 127.0.0.1: connection closed by server' ]
}

@test "B1: a server that resets is an error" {
    start tests/puppet wait=hello reset
    b1_client -p "$PORT" <<< hello
    [ "$STATUS" -eq 1 ]
    [ "$(cat err)" = 'upper_client: 127.0.0.1: Connection reset by peer' ]
}

@test "B1: a server that is gone when the next line is typed is an error" {
    start tests/puppet wait=one send=ONE
    b1_client -p "$PORT" < <(echo one; wait_gone "$PID"; echo two)
    [ "$STATUS" -eq 1 ]
    [[ $(cat out) == $'>>>:ONE\n>>>:'* ]]
    [[ $(cat err) == 'upper_client: 127.0.0.1: '* ]]
}

@test "B1: a server that restarts gets its port back at once" {
    start 01-blocking/upper_server
    local port=$PORT
    peer "$PORT" send=x recv=1 eof > out 3>&- &
    local client=$!
    eventually grep -q X out
    kill "$PID"
    wait "$client"
    start 01-blocking/upper_server -p "$port"
    [ "$PORT" = "$port" ]
    b1_served
}

@test "B1: the client's HOST may be a name, the server's interface another" {
    start 01-blocking/upper_server -i 127.0.0.2
    grep -qx "listening on 127.0.0.2:$PORT" "$LOG"
    b1_client -p "$PORT" 127.0.0.2 <<< hi
    [ "$(cat out)" = $'>>>:HI\n>>>:' ]
    b1_client -p "$PORT" 127.0.0.3 <<< hi
    [ "$STATUS" -eq 1 ]
    start 01-blocking/upper_server -i localhost
    b1_client -p "$PORT" localhost <<< hi
    [ "$(cat out)" = $'>>>:HI\n>>>:' ]
}

@test "B1: IPv6 works where there is any" {
    grep -q '^0*1 ' /proc/net/if_inet6 || skip "no IPv6 here"
    start 01-blocking/upper_server -i ::1
    grep -qx "listening on \[::1\]:$PORT" "$LOG"
    b1_client -p "$PORT" ::1 <<< hi
    [ "$(cat out)" = $'>>>:HI\n>>>:' ]
}

@test "B1: no socket is inherited by a child, none blocks by mistake" {
    start 01-blocking/upper_server
    mkfifo in
    peer "$PORT" send=x recv=1 hold < in > out 3>&- &
    exec 7> in
    eventually grep -q X out
    # The listener and the connection: O_CLOEXEC, and not O_NONBLOCK.
    [ "$(b1_sockets "$PID" 02000000)" -eq 2 ]
    exec 7>&-
}

@test "B1: the same conversation with net.c in its portable form" {
    local BUILD=$BUILD/portable
    make -s -C "$ROOT/01-blocking" BUILD="$BUILD" \
        CPPFLAGS='-DNET_PORTABLE -Werror=implicit-function-declaration' \
        "$BUILD/examples/upper_server" "$BUILD/examples/upper_client"
    start 01-blocking/upper_server
    [[ $(program 01-blocking/upper_server) == */portable/examples/upper_server ]]
    b1_client -p "$PORT" <<< $'hello\n\nMixed 123 words\nexit\nnever sent'
    [ "$STATUS" -eq 0 ]
    [ "$(cat out)" = $'>>>:HELLO\n>>>:>>>:MIXED 123 WORDS\n>>>:' ]
    mkfifo in
    soon "$(program 01-blocking/upper_client)" -p "$PORT" < in > out 3>&- &
    exec 7> in
    echo first >&7
    eventually grep -q FIRST out
    [ "$(b1_sockets "$PID" 02000000)" -eq 2 ]
    exec 7>&-
}

# --- B2: udp_server, udp_client --------------------------------------------

# tour_client: the client, on the port of the server that runs.
tour_client() {
    soon "$(program 01-blocking/udp_client)" -p "$PORT" "$@"
}

# tour_repeated N CHARACTER: so many of them, no newline.
tour_repeated() {
    head -c "$1" /dev/zero | tr '\0' "$2"
}

@test "B2: a datagram is printed with its sender and answered ok" {
    start 01-blocking/udp_server
    run peer -u "$PORT" port send='hello there' recv=2
    [ "$status" -eq 0 ]
    [ "${lines[1]}" = ok ]
    logged "hello there 127.0.0.1 ${lines[0]}"
    [ "$(wc -l < "$LOG")" -eq 2 ]
}

@test "B2: bytes that do not print are escaped, so that a datagram is a line" {
    start 01-blocking/udp_server
    run peer -u "$PORT" port send='a\0\x01\n\r\t \x7f\x80\xff~\\b' recv=2
    [ "$status" -eq 0 ]
    logged "a\\x00\\x01\\x0a\\x0d\\x09 \\x7f\\x80\\xff~\\b 127.0.0.1 ${lines[0]}"
    [ "$(wc -l < "$LOG")" -eq 2 ]
}

@test "B2: text is shown as a person reads it, what a terminal obeys is not" {
    start 01-blocking/udp_server
    run peer -u "$PORT" port send='数据, grüße' recv=2 \
        send='\xc2\x9b2J \xe2\x80\xae \xe2\x81\xa6 \xe6\x95 \xc0\xaf' recv=2
    [ "$status" -eq 0 ]
    logged "数据, grüße 127.0.0.1 ${lines[0]}"
    logged "\\xc2\\x9b2J \\xe2\\x80\\xae \\xe2\\x81\\xa6 \\xe6\\x95 \\xc0\\xaf 127.0.0.1 ${lines[0]}"
}

@test "B2: an empty datagram is answered like any other, and ends nothing" {
    start 01-blocking/udp_server
    run peer -u "$PORT" port send= recv=2 send= recv=2 send=last recv=2
    [ "$status" -eq 0 ]
    [ "${lines[1]}" = okokok ]
    logged "last 127.0.0.1 ${lines[0]}"
    [ "$(grep -cxF " 127.0.0.1 ${lines[0]}" "$LOG")" -eq 2 ]
}

@test "B2: the largest datagram arrives whole" {
    start 01-blocking/udp_server
    run tour_client < <(tour_repeated 65507 x)
    [ "$status" -eq 0 ]
    [ "$output" = "数据:ok 127.0.0.1 $PORT"$'\n数据:' ]
    eventually grep -q '^x* 127.0.0.1 [0-9]*$' "$LOG"
    [ "$(grep -o '^x*' "$LOG" | tail -n 1 | tr -d '\n' | wc -c)" -eq 65507 ]
}

@test "B2: 200 datagrams in a burst bring 200 answers" {
    start 01-blocking/udp_server
    local burst=() i
    for i in {1..200}; do
        burst+=("send=datagram $i")
    done
    run peer -u "$PORT" port "${burst[@]}" recv=400
    [ "$status" -eq 0 ]
    [ "${lines[1]}" = "$(printf 'ok%.0s' {1..200})" ]
    logged "datagram 200 127.0.0.1 ${lines[0]}"
    [ "$(grep -c '^datagram ' "$LOG")" -eq 200 ]
}

@test "B2: a client that is gone before its answer harms nobody" {
    start 01-blocking/udp_server
    freeze "$PID"
    run peer -u "$PORT" send=lost send=too close
    kill -CONT "$PID"
    [ "$status" -eq 0 ]
    run peer -u "$PORT" send=here recv=2
    [ "$status" -eq 0 ]
    [ "$output" = ok ]
    logged 'here 127.0.0.1'
    [ "$(sed -nE 's/ 127.0.0.1 [0-9]+$//p' "$LOG")" = $'lost\ntoo\nhere' ]
    idle "$PID"
}

@test "B2: the client strips its input, skips what is empty, ends on exit" {
    start 01-blocking/udp_server
    run tour_client <<< $'  one  two \t\n\n \t \n\rthree\r\n  exit \nnever sent'
    [ "$status" -eq 0 ]
    local answer="数据:ok 127.0.0.1 $PORT"
    [ "$output" = "$answer"$'\n数据:数据:'"$answer"$'\n数据:' ]
    logged 'three 127.0.0.1'
    [ "$(sed -nE 's/ 127.0.0.1 [0-9]+$//p' "$LOG")" = $'one  two\nthree' ]
}

@test "B2: end of input ends the client with status 0" {
    start 01-blocking/udp_server
    run tour_client < /dev/null
    [ "$status" -eq 0 ]
    [ "$output" = 数据: ]
}

@test "B2: a server that does not answer ends the client after its time" {
    start 01-blocking/udp_server
    freeze "$PID"
    local begun=${EPOCHREALTIME/./}
    run tour_client <<< hello
    local took=$(((${EPOCHREALTIME/./} - begun) / 1000))
    kill -CONT "$PID"
    [ "$status" -eq 1 ]
    [ "$output" = '数据:udp_client: 127.0.0.1: timed out, no answer' ]
    [ "$took" -ge 2900 ]
}

@test "B2: a port where nobody listens ends the client with a message" {
    run soon "$(program 01-blocking/udp_client)" -p "$NOBODY" <<< hello
    [ "$status" -eq 1 ]
    [ "$output" = '数据:udp_client: 127.0.0.1: Connection refused' ]
}

@test "B2: a line too long for a datagram ends the client with a message" {
    start 01-blocking/udp_server
    run tour_client < <(tour_repeated 65508 x)
    [ "$status" -eq 1 ]
    [[ "$output" = '数据:udp_client: 127.0.0.1: Message '*long ]]
    [ "$(wc -l < "$LOG")" -eq 1 ]
}

@test "B2: two servers cannot have one port" {
    start 01-blocking/udp_server
    run soon "$(program 01-blocking/udp_server)" -p "$PORT"
    [ "$status" -eq 1 ]
    [[ "$output" = "udp_server: 127.0.0.1:$PORT: Address "*"in use" ]]
}

# --- B3: socket_tour -------------------------------------------------------

# tour: takes it; what it says is in $TOUR.
tour() {
    TOUR=$(soon "$(program 01-blocking/socket_tour)")
}

@test "B3: the tour calls on everything that the document lists" {
    tour
    local word
    for word in AF_INET AF_INET6 AF_UNIX SOCK_STREAM SOCK_DGRAM SOCK_RAW; do
        grep -qwF "$word" <<< "$TOUR" || { echo "no $word"; return 1; }
    done
    for word in bind listen accept connect connect_ex recv recvfrom send \
        sendall sendto settimeout setblocking getpeername getsockname fileno \
        setsockopt getsockopt close; do
        grep -q "^$word(" <<< "$TOUR" || { echo "no $word"; return 1; }
    done
    grep -q '^setsockopt(SO_REUSEADDR, 1)' <<< "$TOUR"
}

# tour_came_to PYTHON RESULT: a line of the tour begins and ends like this.
tour_came_to() {
    grep -F -- "$1 " <<< "$TOUR" | grep -qE -- " $2\$" ||
        { echo "not so: $1 came to $2"; return 1; }
}

@test "B3: the tour shows what really happened" {
    tour
    tour_came_to 'getsockopt(SO_REUSEADDR)' '[1-9][0-9]*'
    tour_came_to 'getsockname()' '127.0.0.1:[1-9][0-9]*'
    tour_came_to 'recv(4, MSG_WAITALL)' "4: 'onet'"
    tour_came_to 'recv(1024)' "2: 'wo'"
    tour_came_to 'recv(1024)' '-1, EAGAIN'
    tour_came_to 'recv(1024)' '0: the stream has ended'
    tour_came_to 'connect_ex(address)' '111, ECONNREFUSED'
    tour_came_to 'recvfrom(1024)' "3: 'one', 127.0.0.1:[1-9][0-9]*"
    tour_came_to 'recvfrom(1024)' "0: '', 127.0.0.1:[1-9][0-9]*"
    tour_came_to 'recvfrom(1024)' '-1, EAGAIN'
    tour_came_to 'send(bytes(100000))' '[0-9]{1,5} of 100000 bytes'
    tour_came_to 'send(bytes(100000))' '-1, EAGAIN'
}

@test "B3: the tour fits on a screen and is the same each time, but for numbers" {
    tour
    local first=$TOUR
    [ "$(wc -l <<< "$first")" -le 40 ]
    [ "$(wc -L <<< "$first")" -le 80 ]
    tour
    [ "$(tr -d 0-9 <<< "$first")" = "$(tr -d 0-9 <<< "$TOUR")" ]
}

@test "B3: without descriptors the tour ends with a message" {
    run bash -c 'exec 3>&- 4>&-; ulimit -n 5; exec "$0"' \
        "$(program 01-blocking/socket_tour)"
    [ "$status" -eq 1 ]
    [[ "$output" = *$'\n'"socket_tour: accept: "* ]]
}

# --- B8: models ------------------------------------------------------------

# models_measure: runs all models once for the tests below, which read $CHART.
models_measure() {
    CHART=$BATS_FILE_TMPDIR/models
    [ -s "$CHART" ] || soon "$(program 01-blocking/models)" > "$CHART"
}

# models_lane MODEL: its part of the chart.
models_lane() {
    sed -n "/^$1: /,/^total /p" "$CHART"
}

# models_numbers MODEL: total, sum of the tasks, the longest, in milliseconds.
models_numbers() {
    models_lane "$1" | sed -n 's/^total //p' | tr -cs '0-9\n' ' '
}

# models_agree: the totals of a new run are those of the models. On a machine
# that is busy with other things the threads may have had to wait their turn.
models_agree() {
    rm -f "$BATS_FILE_TMPDIR/models"
    models_measure
    local single threads sum longest rest
    read -r single sum rest < <(models_numbers single)
    read -r threads rest longest < <(models_numbers threads)
    [ "$single" -ge 850 ] || return
    [ $((single - sum)) -ge -2 ] || return
    [ $((single - sum)) -le $((single / 20)) ] || return
    [ $((threads - longest)) -ge -2 ] || return
    [ $((threads - longest)) -le $((threads / 5)) ] || return
    [ $((threads * 3)) -lt $((single * 2)) ]
}

@test "B8: one thread takes the sum, three threads take the longest" {
    DEADLINE=60 eventually models_agree
}

# models_check MODEL: the rows of a lane agree with its numbers.
models_check() {
    models_lane "$1" | awk -v lane="$1" '
        function fail(why) { print lane ": " why; failed = 1; exit 1 }
        /^task / {
            if ($0 !~ /^task [1-3] \|[#. ]+\| +[0-9]+ ms$/) fail($0)
            split($0, part, "|")
            row[++rows] = part[2]
            ms[rows] = part[3] + 0
            sum += ms[rows]
            if (ms[rows] > longest) longest = ms[rows]
        }
        /^ms / { column = $3 / 10 }
        /^total / { total = $2; said_sum = $8; said_longest = $12 }
        END {
            if (failed) exit 1
            if (rows != 3) fail(rows " rows")
            if (column < 20) fail("columns of " column " ms")
            if ((sum - said_sum) ^ 2 > 4) fail("sum " sum)
            if ((longest - said_longest) ^ 2 > 1) fail("longest " longest)
            for (i = 1; i <= rows; i++) {
                bar = row[i]
                gsub(/^ +| +$/, "", bar)
                if (bar ~ / /) fail("row " i " has a hole")
                if (bar !~ /^#+\.+#+\.+#+$/) fail("row " i ": " bar)
                if ((length(bar) * column - ms[i]) ^ 2 > (column * 1.1) ^ 2)
                    fail("row " i " is not " ms[i] " ms long")
            }
            for (at = 1; at <= length(row[1]); at++) {
                busy = 0
                for (i = 1; i <= rows; i++)
                    busy += substr(row[i], at, 1) != " "
                if (busy == 3) together++
                if (busy > 1) shared++
                if (busy) last = at
            }
            if ((last * column - total) ^ 2 > (column * 1.1) ^ 2)
                fail("the chart ends at " last * column " ms")
            if (lane == "single" && shared) fail("tasks overlap")
            if (lane == "threads" && together < 5) fail("no overlap")
        }'
}

# A busy machine may take a column from a row.
models_rows() {
    rm -f "$BATS_FILE_TMPDIR/models"
    models_measure
    models_check single && models_check threads
}

@test "B8: the rows of the charts agree with the numbers beside them" {
    DEADLINE=60 eventually models_rows
}

@test "B8: the charts are 76 columns wide at most" {
    models_measure
    [ "$(wc -L < "$CHART")" -le 76 ]
    [ "$(grep -c ' $' "$CHART")" -eq 0 ]
}

@test "B8: --model runs one model alone" {
    run soon "$(program 01-blocking/models)" --model threads
    [ "$status" -eq 0 ]
    [[ "$output" = *threads:* ]]
    [[ "$output" != *single:* ]]
    [ "$(grep -c '^total ' <<< "$output")" -eq 1 ]
}

@test "B8: work is processor time: on one processor it does not overlap" {
    taskset -c 0 true || skip 'processor 0 is not for us'
    run soon taskset -c 0 "$(program 01-blocking/models)" --model threads
    [ "$status" -eq 0 ]
    [ "$(sed -nE 's/^total ([0-9]+) .*/\1/p' <<< "$output")" -ge 355 ]
}

# --- command lines ----------------------------------------------------------

# tour_usage NAME ARGUMENT...: is refused with the usage line and status 2.
tour_usage() {
    local said code=0
    said=$(soon "$(program "01-blocking/$1")" "${@:2}" 2>&1 < /dev/null) ||
        code=$?
    [[ "$code $said" = "2 usage: $1 "* ]] ||
        { echo "$*: status $code: $said"; return 1; }
}

@test "B2, B3, B8: a wrong command line is a usage line and status 2" {
    tour_usage udp_server -p 65536
    tour_usage udp_server -p x
    tour_usage udp_server extra
    tour_usage udp_client -i 127.0.0.1
    tour_usage udp_client 127.0.0.1 extra
    tour_usage socket_tour -p 0
    tour_usage socket_tour extra
    tour_usage models --model
    tour_usage models --model fibres
    tour_usage models --model single extra
}

@test "B2, B3, B8: -h prints the usage and is no error" {
    local name
    for name in udp_server udp_client socket_tour models; do
        run soon "$(program "01-blocking/$name")" -h
        [ "$status" -eq 0 ]
        [[ ${lines[1]} = "usage: $name "* ]]
    done
}
