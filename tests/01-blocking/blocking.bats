#!/usr/bin/env bats
# Stage 01: one call, one wait. And what holds for every program of the first
# two stages.

# Each test has a shell of its own: what it sets is gone afterwards.
# shellcheck disable=SC2030,SC2031

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
    prlimit --pid "$PID" --nofile="$free:1024"
    # The accept that waits has its descriptor already.
    b1_served
    peer "$PORT" send=later quiet=300 port recv=5 > out 3>&- &
    local waiting=$!
    eventually grep -q . out
    idle "$PID"
    prlimit --pid "$PID" --nofile=1024:1024
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
    b1_client -p "$PORT" 127.0.0.1 <<< hi
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
    start 01-blocking/udp_server
    kill "$PID"
    wait_gone "$PID"
    run tour_client <<< hello
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

@test "B8: the rows of the charts agree with the numbers beside them" {
    models_measure
    models_check single
    models_check threads
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
        [[ "$output" = "usage: $name "* ]]
    done
}

# --- B4, B5, B7: commands in a shell, socketserver, the hotline -----------

commands_greeting='欢迎致电 10086,请输入1xxx,0转人工服务.'
commands_nul=$'command failed: a line has no NUL byte in it\n'
commands_limit=16777216
commands_over="command failed: ended, it printed over $commands_limit bytes"$'\n'
declare -gA commands_peers commands_fifos

# commands_client NAME LINE...: a client's session, with these lines typed.
commands_client() {
    printf '%s\n' "${@:2}" | soon "$(program "01-blocking/$1")" -p "$PORT"
}

# commands_answers COMMAND TEXT: TEXT is all that the server, shell_server or
# command_server, has to say to COMMAND.
commands_answers() {
    local got expected length
    length=$(printf %s "$2" | wc -c)
    if [[ $LOG == *shell_server* ]]; then
        got=$(peer "$PORT" "send=$1" "until=Ready|$length" send=start \
            "recv=$length" quiet=30; echo ".$?")
        expected="Ready|$length$2.0"
    else
        got=$(peer "$PORT" "until=$commands_greeting" "send=$1" \
            "recv=$length" quiet=30; echo ".$?")
        expected="$commands_greeting$2.0"
    fi
    [ "$got" = "$expected" ] || {
        printf 'expected: %q\ngot:      %q\n' "$expected" "$got"
        return 1
    }
}

# For tests that measure memory.
commands_unwatched() {
    [[ "${CFLAGS:-}$BUILD${UNDER:-}" != *@(sanitize|valgrind)* ]] ||
        skip 'sanitizers and valgrind use memory of their own'
}

# The processes whose parent is PID, zombies included.
commands_children() {
    cat /proc/[0-9]*/stat 2>/dev/null |
        sed -nE "s/^([0-9]+) .*\) (.) $1 .*/\1 \2/p"
}

commands_childless() {
    [ -z "$(commands_children "$1")" ]
}

# No process of the group GROUP runs. Its orphans may wait for init to reap.
commands_group_ended() {
    ! cat /proc/[0-9]*/stat 2>/dev/null | grep -qE "\) [^ZX] [0-9]+ $1 "
}

commands_has_threads() { # PID COUNT
    grep -q "^Threads:[[:space:]]*$2\$" "/proc/$1/status"
}

commands_kilobytes() { # PID
    awk '/^VmData:/ { print $2 }' "/proc/$1/status"
}

commands_has_descriptors() { # PID COUNT
    [ "$(descriptors "$1")" -eq "$2" ]
}

# COUNT of a server's 40 descriptors are used. It may have inherited others,
# with larger numbers, that its limit does not know of.
commands_has_used() { # PID COUNT
    [ "$(commands_used "$1")" -eq "$2" ]
}

commands_used() { # PID
    find "/proc/$1/fd" -name '[0-9]' -o -name '[1-3][0-9]' | wc -l
}

# commands_hold NAME PEER-ARGUMENT...: a peer in the background whose step
# `hold` lasts until commands_let_go NAME, which returns the peer's status.
# What it prints is in the file NAME.
commands_hold() {
    local fifo
    mkfifo "$1.fifo"
    (
        # A copy of another's fifo would hold that one up as well.
        for fifo in "${commands_fifos[@]}"; do
            exec {fifo}>&-
        done
        peer "${@:2}"
    ) <"$1.fifo" >"$1" 2>&1 3>&- &
    commands_peers[$1]=$!
    exec {fifo}>"$1.fifo"
    commands_fifos[$1]=$fifo
}

commands_let_go() {
    local fifo=${commands_fifos[$1]}
    exec {fifo}>&-
    unset "commands_fifos[$1]"
    wait "${commands_peers[$1]}" || { cat "$1"; return 1; }
}

# --- B4, B5: what a command is answered with, by both servers -------------

@test "B4 B5: standard output, or else standard error" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf abc' abc
        commands_answers 'printf no >&2; printf abc; printf no >&2' abc
        commands_answers 'printf wrong >&2' wrong
        commands_answers 'exec >&-; printf wrong >&2' wrong
        commands_answers 'printf abc; exec >&- 2>&-; exit 3' abc
        commands_answers '-version 2>/dev/null; printf $?' 127
        commands_answers "printf abc #$(printf 'x%.0s' {1..4000})" abc
    done
}

@test "B4 B5: the newline of a typed line is no part of the command" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf a\n' a
        commands_answers 'printf a\r\n' a
        commands_answers 'printf a\nprintf b\n' ab
        commands_answers 'printf a\r' $'a\r'
    done
}

# commands_start_badly STAGE/NAME: starts a server that ignores some signals
# and has something to read.
commands_start_badly() {
    LOG=$BATS_TEST_TMPDIR/${1//\//-}.log
    (
        trap '' PIPE USR1 CHLD
        exec "$(program "$1")" -p 0
    ) >"$LOG" 2>&1 3>&- <<< 'typed at the server' &
    PID=$!
    SERVERS+=("$PID")
    LOGS+=("$LOG")
    eventually ready_port
}

@test "B4 B5: a command has no input, no signal ignored or blocked, no descriptor of ours" {
    local server expected
    expected=$(sh -c 'ls /proc/$$/fd' 2>&1 3>&- </dev/null; printf .)
    # 180000000 are glibc's own signals 32 and 33, which posix_spawn ignores.
    for server in shell_server command_server; do
        commands_start_badly "01-blocking/$server"
        grep -q '^SigIgn:.*[1-9]' "/proc/$PID/status"
        commands_answers 'cat; printf done' 'done'
        commands_answers \
            'grep -cE "^Sig(Ign|Blk):.0*(180000000)?$" /proc/self/status |
             tr "\\n" .' 2.
        commands_answers 'ls /proc/$$/fd; printf .' "$expected"
    done
}

@test "B4 B5: what a grandchild prints belongs to the answer" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers '(sleep 0.2; printf late) & printf early-' early-late
        commands_answers '(sleep 0.2; printf late) & kill -9 $$' late
        # One that has let go of both outputs is on its own.
        commands_answers 'sleep 30 >/dev/null 2>&1 & echo $! >pid; printf a' a
        kill "$(cat pid)"
    done
}

@test "B4 B5: a command that kills itself is answered and reaped" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf last-words; kill -9 $$' last-words
        commands_answers 'printf last-words; kill -SEGV $$' last-words
        eventually commands_childless "$PID"
    done
}

@test "B4 B5: a NUL byte is no part of a command" {
    local server
    for server in shell_server command_server; do
        start "01-blocking/$server"
        commands_answers 'printf a; \0printf b' "$commands_nul"
        commands_answers '\0' "$commands_nul"
        commands_answers 'printf abc' abc
    done
}

@test "B4 B5: a megabyte of anything arrives byte for byte" {
    head -c 1000003 /dev/urandom >random
    start 01-blocking/shell_server
    peer "$PORT" 'send=cat random' 'until=Ready|1000003' send=start \
        recv=1000003 quiet=30 >got
    cmp random <(tail -c +14 got)
    start 01-blocking/command_server
    peer "$PORT" "until=$commands_greeting" 'send=cat random' recv=1000003 \
        quiet=30 >got
    cmp random <(tail -c +$((1 + $(printf %s "$commands_greeting" | wc -c))) got)
}

@test "B4 B5: a command that fills both outputs is read on both" {
    start 01-blocking/shell_server
    commands_answers 'yes | head -c 1000000 >&2; printf abc' abc
    run peer "$PORT" 'send=yes | head -c 1000000; yes | head -c 1000000 >&2' \
        'until=Ready|1000000' send=start pause=0
    [ "$status" -eq 0 ]
}

@test "B4 B5: an endless command is ended, with all that it has started" {
    local server command before
    for server in shell_server command_server; do
        start "01-blocking/$server"
        before=$(descriptors "$PID")
        for command in yes 'yes >&2' 'sleep 60 & yes & wait' \
            'setsid yes & sleep 60'; do
            commands_answers "echo \$\$ >group; $command" "$commands_over"
            eventually commands_group_ended "$(cat group)"
            eventually commands_childless "$PID"
            eventually commands_has_descriptors "$PID" "$before"
        done
    done
}

@test "B4: exactly the limit is an answer, a byte more is not" {
    start 01-blocking/shell_server
    peer "$PORT" "send=head -c $commands_limit /dev/zero" \
        "until=Ready|$commands_limit" send=start "recv=$commands_limit" \
        quiet=30 >got
    [ "$(wc -c <got)" -eq $((commands_limit + 14)) ]
    commands_answers "head -c $((commands_limit + 1)) /dev/zero" \
        "$commands_over"
}

@test "B4 B5: 200 commands leave no descriptor and no zombie" {
    local before steps
    steps=()
    for _ in {1..200}; do
        steps+=("send=printf abc" "until=Ready|3" send=start recv=3)
    done
    start 01-blocking/shell_server
    before=$(descriptors "$PID")
    peer "$PORT" "${steps[@]}"
    eventually commands_has_descriptors "$PID" "$before"
    commands_childless "$PID"

    steps=("until=$commands_greeting")
    for _ in {1..200}; do
        steps+=("send=printf abc" recv=3)
    done
    start 01-blocking/command_server
    before=$(descriptors "$PID")
    peer "$PORT" "${steps[@]}"
    eventually commands_has_descriptors "$PID" "$before"
    commands_childless "$PID"
    commands_has_threads "$PID" 1
}

@test "B4 B5: a hundred megabytes of answers leave no memory behind" {
    local before steps both='head -c 500000 /dev/zero; head -c 500000 /dev/zero >&2'
    commands_unwatched
    steps=()
    for _ in {1..100}; do
        steps+=("send=$both" "until=Ready|500000" send=start recv=500000)
    done
    start 01-blocking/shell_server
    before=$(commands_kilobytes "$PID")
    peer "$PORT" "${steps[@]}" >/dev/null
    [ $(($(commands_kilobytes "$PID") - before)) -lt 30000 ]
    commands_answers yes "$commands_over"
    commands_answers yes "$commands_over"
    commands_answers yes "$commands_over"
    [ $(($(commands_kilobytes "$PID") - before)) -lt 30000 ]

    steps=("until=$commands_greeting")
    for _ in {1..100}; do
        steps+=("send=$both" recv=500000)
    done
    start 01-blocking/command_server
    before=$(commands_kilobytes "$PID")
    peer "$PORT" "${steps[@]}" >/dev/null
    [ $(($(commands_kilobytes "$PID") - before)) -lt 30000 ]
}

@test "B4 B5: clients that go at any point leave nothing behind" {
    local server before way steps
    for server in shell_server command_server; do
        start "01-blocking/$server"
        before=$(descriptors "$PID")
        for way in reset close shutdown; do
            if [ "$server" = shell_server ]; then
                peer "$PORT" 'send=printf abc' 'until=Ready|3' "$way" >/dev/null
                peer "$PORT" 'send=printf abc' 'until=Ready|3' send=sta "$way" \
                    >/dev/null
                steps=('until=Ready|8000000' send=start)
            else
                steps=("until=$commands_greeting")
            fi
            peer "$PORT" "$way"
            peer "$PORT" 'send=sleep 0.1; printf abc' "$way"
            peer "$PORT" 'send=head -c 8000000 /dev/zero' "${steps[@]}" \
                recv=1000 "$way" >/dev/null
        done
        commands_answers 'printf abc' abc
        eventually commands_has_descriptors "$PID" "$before"
        eventually commands_childless "$PID"
        eventually commands_has_threads "$PID" 1
    done
}

@test "B4 B5: garbage, floods and single bytes are survived" {
    local server
    for server in shell_server command_server hotline_server; do
        start "01-blocking/$server"
        peer -l "$PORT" 'drip=\xff\xfe;%s\n\n' flood=100000 reset
        peer -l "$PORT" flood=100000 shutdown 'reset?'
        peer "$PORT" close
        [ "$server" = hotline_server ] || commands_answers 'printf abc' abc
    done
    peer "$PORT" "until=$commands_greeting" close
}

@test "B4 B5 B7: a port in use is said once, and is the end" {
    local server
    start 01-blocking/hotline_server
    for server in shell_server command_server hotline_server; do
        run soon "$(program "01-blocking/$server")" -p "$PORT"
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ $output == "$server: 127.0.0.1:$PORT: Address "*"in use" ]]
    done
}

# --- B4: shell_server, shell_client ----------------------------------------

@test "B4: the length, start, and exactly so many bytes" {
    start 01-blocking/shell_server
    run peer "$PORT" 'send=printf abc' 'until=Ready|3' quiet=100 send=start \
        recv=3 quiet=30 'send=printf defg' 'until=Ready|4' send=start recv=4
    [ "$output" = 'Ready|3abcReady|4defg' ]
    run peer "$PORT" send=true 'until=Ready|0' send=start quiet=30 \
        'send=printf abc' 'until=Ready|3' send=start recv=3
    [ "$output" = 'Ready|0Ready|3abc' ]
}

@test "B4: start may come in pieces, typed, or glued to the next command" {
    start 01-blocking/shell_server
    run peer "$PORT" 'send=printf abc' 'until=Ready|3' drip=start recv=3 quiet=30
    [ "$output" = 'Ready|3abc' ]
    run peer "$PORT" 'send=printf abc\n' 'until=Ready|3' 'send=start\n' recv=3 \
        quiet=30 'send=printf defg\n' 'until=Ready|4' 'send=start\r\n' recv=4 \
        quiet=30
    [ "$output" = 'Ready|3abcReady|4defg' ]
    run peer "$PORT" 'send=printf abc' 'until=Ready|3' \
        'send=startprintf defg' 'until=abcReady|4' send=start recv=4
    [ "$output" = 'Ready|3abcReady|4defg' ]
}

@test "B4: a client that says another word than start gets no output" {
    local word
    start 01-blocking/shell_server
    for word in stop no 'star\n' 'printf wrong' 'x\0' ' start'; do
        run peer "$PORT" 'send=printf abc' 'until=Ready|3' "send=$word" \
            quiet=50 'send=printf defg' 'until=Ready|4' send=start recv=4
        [ "$output" = 'Ready|3Ready|4defg' ]
    done
}

@test "B4: who waits is served when the client before has gone" {
    start 01-blocking/shell_server
    commands_hold first "$PORT" 'send=printf abc' 'until=Ready|3' hold
    eventually grep -q 'Ready|3' first
    commands_hold second "$PORT" 'send=printf defg' 'until=Ready|4' hold
    peer "$PORT" quiet=100
    [ ! -s second ]
    commands_let_go first
    eventually grep -q 'Ready|4' second
    commands_let_go second
}

@test "B4: the client prints both sizes and the output" {
    start 01-blocking/shell_server
    run commands_client shell_client 'printf abc' '' 'printf no >&2' true exit \
        'printf never'
    [ "$status" -eq 0 ]
    [ "$output" = '>>>:message size 3 recv size 3
abc
>>>:>>>:message size 2 recv size 2
no
>>>:message size 0 recv size 0

>>>:' ]
}

@test "B4: the client receives a large answer whole" {
    head -c 3000000 /dev/urandom >random
    start 01-blocking/shell_server
    commands_client shell_client 'cat random' >got
    cmp <(printf '>>>:message size 3000000 recv size 3000000\n'
        cat random
        printf '\n>>>:') got
}

@test "B4: the client reads Ready and the output however they are cut" {
    start tests/puppet wait=one 'drip=Ready|12' wait=start 'drip=hello, ' \
        'send=world' wait=two 'send=Rea' 'drip=dy' 'send=|1' 'drip=0' \
        wait=start 'drip=0123456789'
    run commands_client shell_client one two
    [ "$output" = '>>>:message size 12 recv size 12
hello, world
>>>:message size 10 recv size 10
0123456789
>>>:' ]
}

@test "B4: the client believes no server that breaks off or talks nonsense" {
    local cut='connection closed by server'
    local no='answer is not Ready|LENGTH' impossible='answer has an impossible length'
    local tale words tales=(
        "|$cut"
        "send=Rea|$cut"
        "send=Ready~12|$cut"
        "send=Ready~12 wait=start send=hello|$cut"
        "send=Ready~12 wait=start reset|Connection reset by peer"
        "send=nonsense|$no"
        "drip=Rex wait=end|$no"
        "send=Ready~x wait=end|$impossible"
        "send=Ready~12x wait=end|$impossible"
        "send=Ready~-1 wait=end|$impossible"
        "send=Ready~16777217 wait=end|$impossible"
        "send=Ready~999999999999 wait=end|$impossible"
    )
    for tale in "${tales[@]}"; do
        IFS=' ' read -ra words <<< "${tale%%|*}"
        start tests/puppet wait=one "${words[@]//\~/|}"
        run commands_client shell_client one
        [ "$status" -eq 1 ]
        [ "$output" = ">>>:shell_client: 127.0.0.1: ${tale#*|}" ]
    done
}

@test "B4: without a length answers are cut, and run together" {
    start 01-blocking/shell_server --naive
    for _ in {1..10}; do
        run soon "$(program 01-blocking/shell_client)" --naive -p "$PORT" \
            <<< $'seq 0 300\necho hello\necho again'
        [ "$status" -eq 0 ]
        [ "$output" = ">>>:$(seq 0 282)
28
>>>:3
$(seq 284 300)
hello

>>>:again

>>>:" ]
    done
}

@test "B4: naive, an answer of many pieces never makes the client wait" {
    start 01-blocking/shell_server --naive
    run soon "$(program 01-blocking/shell_client)" --naive -p "$PORT" \
        <<< $'head -c 8000000 /dev/zero | tr "\\0" x\necho hello\necho again'
    [ "$status" -eq 0 ]
    [ "${#output}" -eq $((4 + 3 * (1024 + 1 + 4))) ]
    run soon "$(program 01-blocking/shell_client)" --naive -p "$PORT" \
        <<< $'head -c 2048 /dev/zero | tr "\\0" x\ntrue'
    [ "$status" -eq 0 ]
    [ "${#output}" -eq $((4 + 2 * (1024 + 1 + 4))) ]
    run peer "$PORT" 'send=printf abc' recv=3 quiet=30
    [ "$output" = abc ]
}

# --- B5: socketserver, command_server, command_client -----------------------

# commands_build_unit: builds socketserver_test.c, for `start`.
commands_build_unit() {
    # shellcheck disable=SC2086 # flags are words
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        -Werror ${CFLAGS:--O2} -pthread -I"$ROOT/01-blocking" \
        -o "$ROOT/tests/$BUILD/socketserver_test" \
        "$ROOT/tests/01-blocking/socketserver_test.c" "$ROOT/01-blocking/$BUILD/stage.a"
}

@test "B5: setup, handle, finish: one object a client, one client at a time" {
    commands_build_unit
    start tests/socketserver_test
    commands_hold first "$PORT" until=hello send=12345 hold
    eventually grep -q hello first
    commands_hold second "$PORT" port until=hello send=123 hold
    eventually grep -q '[0-9]$' second
    peer "$PORT" quiet=100
    [ "$(grep -c hello second)" -eq 0 ]
    commands_let_go first
    eventually grep -q hello second
    commands_let_go second
    logged 'finish 3'
    run grep -v '^listening' "$LOG"
    [ "${lines[0]% *}" = 'setup 0' ]
    [ "${lines[1]}" = 'host 127.0.0.1' ]
    [ "${lines[2]}" = handle ]
    [ "${lines[3]}" = 'finish 5' ]
    [ "${lines[4]}" = "setup 0 $(head -n 1 second)" ]
    [ "${lines[7]}" = 'finish 3' ]
}

@test "B5: with the threading mix-in clients are served at the same time" {
    commands_build_unit
    start tests/socketserver_test --mode threads
    commands_hold first "$PORT" until=hello send=12345 hold
    eventually grep -q hello first
    peer "$PORT" until=hello send=123
    logged 'finish 3'
    [ "$(grep -c '^finish 5$' "$LOG")" -eq 0 ]
    commands_let_go first
    logged 'finish 5'
    eventually commands_has_threads "$PID" 1
}

@test "B5: a class that leaves all out closes its clients" {
    commands_build_unit
    start tests/socketserver_test --mode nothing
    run peer -n 3 "$PORT" eof
    [ "$status" -eq 0 ]
    [ "$output" = '' ]
}

@test "B5: a handler is freed with its client" {
    local before
    commands_unwatched
    commands_build_unit
    start tests/socketserver_test
    peer "$PORT" shutdown eof
    before=$(commands_kilobytes "$PID")
    peer -n 100 "$PORT" shutdown eof >/dev/null
    logged 'finish 0'
    # Each of the hundred had a megabyte.
    [ $(($(commands_kilobytes "$PID") - before)) -lt 50000 ]
}

@test "B5: nothing printed is answered with the directory" {
    start 01-blocking/command_server
    commands_answers true "current dirctory is $PWD"
    commands_answers '\n' "current dirctory is $PWD"
    commands_answers 'cd /' "current dirctory is $PWD"
}

@test "B5: a half-closed client gets its answer, and then the end" {
    start 01-blocking/command_server
    run peer "$PORT" 'send=sleep 0.1; printf abc' shutdown eof
    [ "$status" -eq 0 ]
    [ "$output" = "${commands_greeting}abc" ]
}

@test "B5: nobody waits for another's command" {
    start 01-blocking/command_server
    commands_hold slow "$PORT" "until=$commands_greeting" \
        'send=until [ -e go ]; do sleep 0.02; done; printf gone' until=gone hold
    commands_answers 'printf abc' abc
    [ "$(cat slow)" = "$commands_greeting" ]
    touch go
    commands_let_go slow
}

@test "B5: 200 clients at once" {
    start 01-blocking/command_server
    commands_hold many -n 200 "$PORT" "until=$commands_greeting" hold \
        'send=printf abc' recv=3 quiet=30
    eventually commands_has_threads "$PID" 201
    commands_let_go many
    [ "$(cat many)" = "$(printf "$commands_greeting%.0s" {1..200}
        printf 'abc%.0s' {1..200})" ]
    eventually commands_has_threads "$PID" 1
    commands_childless "$PID"
}

@test "B5: 100 clients and 40 descriptors: alive, idle, and serving afterwards" {
    local limit before
    limit=$(ulimit -Sn)
    ulimit -Sn 40
    start 01-blocking/command_server
    ulimit -Sn "$limit"
    before=$(descriptors "$PID")
    commands_hold first "$PORT" "until=$commands_greeting" hold \
        'send=printf abc' 'until=command failed: ' 'until=\n'
    eventually grep -q . first
    commands_hold many -n 100 "$PORT" hold
    eventually commands_has_used "$PID" 40
    idle "$PID"
    commands_let_go first
    commands_let_go many
    eventually commands_has_descriptors "$PID" "$before"
    commands_answers 'printf abc' abc
    eventually commands_has_descriptors "$PID" "$before"
}

@test "B5: a command for which there are not enough descriptors is not run" {
    local limit before free clients
    limit=$(ulimit -Sn)
    ulimit -Sn 40
    start 01-blocking/command_server
    ulimit -Sn "$limit"
    before=$(commands_used "$PID")
    for free in 0 1 2 3; do
        clients=$((40 - before - free))
        commands_hold "free$free" -n "$clients" "$PORT" \
            "until=$commands_greeting" hold 'send=printf abc' \
            'until=command failed: ' 'until=\n' quiet=30
        eventually commands_has_used "$PID" $((40 - free))
        commands_let_go "free$free"
        eventually commands_has_used "$PID" "$before"
    done
    commands_answers 'printf abc' abc
}

# commands_starve SERVER: starts it with memory for a few threads only, and
# keeps 50 clients on it; those that cannot have one are closed.
commands_starve() {
    commands_unwatched
    ulimit -Sv 150000
    start "01-blocking/$1"
    ulimit -Sv unlimited
    commands_hold many -l -n 50 "$PORT" "until=$commands_greeting" \
        port hold
    eventually grep -q '[0-9]$' many
    peer -l "$PORT" reset?
    kill -0 "$PID"
    commands_let_go many
    [ "$(grep -o 欢迎致电 many | wc -l)" -gt 2 ]
    [ "$(grep -o 欢迎致电 many | wc -l)" -lt 50 ]
    eventually commands_has_threads "$PID" 1
    peer "$PORT" "until=$commands_greeting" >/dev/null
}

@test "B5: a client for whom there is no thread is closed, the others go on" {
    commands_starve command_server
    commands_answers 'printf abc' abc
}

@test "B5: the client prints the greeting and each answer" {
    start 01-blocking/command_server
    run commands_client command_client 'printf abc' '' 'printf no >&2' true exit \
        'printf never'
    [ "$status" -eq 0 ]
    [ "$output" = "$commands_greeting
>>>:abc
>>>:>>>:no
>>>:current dirctory is $PWD
>>>:" ]
}

@test "B5: the client prints an answer that is longer than its recv" {
    start 01-blocking/command_server
    run commands_client command_client 'seq 2000' 'printf abc'
    [ "$status" -eq 0 ]
    [ "$output" = "$commands_greeting
>>>:$(seq 2000)

>>>:abc
>>>:" ]
}

@test "B5: the client says so when the server breaks off" {
    start tests/puppet send=hello wait=one
    run commands_client command_client one
    [ "$status" -eq 1 ]
    [ "$output" = 'hello
>>>:command_client: 127.0.0.1: connection closed by server' ]
    start tests/puppet
    run commands_client command_client one
    [ "$status" -eq 1 ]
    [ "$output" = 'command_client: 127.0.0.1: connection closed by server' ]
}

# --- B7: hotline_server -----------------------------------------------------

@test "B7: greeting, 0, exit, and anything else" {
    start 01-blocking/hotline_server
    run peer "$PORT" "until=$commands_greeting" quiet=50 send=0 \
        'until=通过可能会被录音.balabala一大推' quiet=50 send=help \
        'until=请重新输入.' quiet=50 'send=0\r\n' 'until=一大推' 'send=exit ' \
        'until=请重新输入.' send=exit eof
    [ "$status" -eq 0 ]
    run peer "$PORT" "until=$commands_greeting" 'send=exit\n' eof
    [ "$status" -eq 0 ]
    [ "$output" = "$commands_greeting" ]
    run peer "$PORT" "until=$commands_greeting" 'send=0\0' 'until=请重新输入.' \
        'send=exit\0' 'until=请重新输入.' 'send=\n' 'until=请重新输入.' quiet=30
    [ "$status" -eq 0 ]
}

commands_looped() { # TIMES
    [ "$(grep -c '^looping$' "$LOG")" -ge "$1" ]
}

@test "B7: looping each idle second, get request for each client" {
    local seconds=$SECONDS
    start 01-blocking/hotline_server
    commands_hold held -n 3 "$PORT" "until=$commands_greeting" hold
    eventually commands_looped 2
    [ $((SECONDS - seconds)) -ge 1 ]
    [ "$(grep -c '^get request$' "$LOG")" -eq 3 ]
    idle "$PID"
    commands_let_go held
}

@test "B7: 200 clients at once" {
    start 01-blocking/hotline_server
    commands_hold many -n 200 "$PORT" "until=$commands_greeting" hold send=0 \
        'until=通过可能会被录音.balabala一大推' send=exit eof
    eventually commands_has_threads "$PID" 201
    commands_let_go many
    eventually commands_has_threads "$PID" 1
    [ "$(grep -c '^get request$' "$LOG")" -eq 200 ]
}

@test "B7: 100 clients and 40 descriptors: alive, idle, and serving afterwards" {
    local limit before
    limit=$(ulimit -Sn)
    ulimit -Sn 40
    start 01-blocking/hotline_server
    ulimit -Sn "$limit"
    before=$(descriptors "$PID")
    commands_hold many -n 100 "$PORT" hold
    eventually commands_has_used "$PID" 40
    idle "$PID"
    commands_let_go many
    eventually commands_has_descriptors "$PID" "$before"
    peer "$PORT" "until=$commands_greeting" send=exit eof
    eventually commands_has_descriptors "$PID" "$before"
}

@test "B7: a client for whom there is no thread is closed, the others go on" {
    commands_starve hotline_server
}

@test "B7: clients that go at any point leave nothing behind" {
    local before way
    start 01-blocking/hotline_server
    before=$(descriptors "$PID")
    for way in reset close shutdown; do
        peer -n 20 "$PORT" "$way"
        peer -n 20 "$PORT" "until=$commands_greeting" send=0 "$way" >/dev/null
        peer -n 20 "$PORT" send=0 send=exit "$way"
    done
    eventually commands_has_descriptors "$PID" "$before"
    eventually commands_has_threads "$PID" 1
    peer "$PORT" "until=$commands_greeting" send=exit eof
}

# --- B6: JSON, and files that clients send --------------------------------

upload_greeting='欢迎致电 10086,请输入1xxx,0转人工服务.'
upload_ok='{"status": 200}'

# upload_header NAME SIZE: as a step's TEXT; a backslash must be doubled.
upload_header() {
    echo "{\"action\":\"put\",\"filename\":\"$1\",\"filesize\":$2}"
}

# upload_refusal WHY: the whole answer.
upload_refusal() {
    echo "{\"status\": 400, \"error\": \"$1\"}"
}

# upload_peer STEP...: the steps of a client that has been greeted. Sets
# status and output, without the greeting.
upload_peer() {
    run peer "$PORT" "until=$upload_greeting" "$@"
    output=${output#"$upload_greeting"}
}

# upload_client LINE...: put_client's session, with these lines typed.
upload_client() {
    printf '%s\n' "$@" | soon "$(program 01-blocking/put_client)" -p "$PORT"
}

# upload_limited -f|-n LIMIT ARGUMENT...: starts the server with less of
# something than we have ourselves.
upload_limited() {
    local old
    old=$(ulimit -S "$1")
    ulimit -S "$1" "$2"
    start 01-blocking/put_server "${@:3}"
    ulimit -S "$1" "$old"
}

upload_is_empty() { # DIR
    [ -z "$(ls -A "$1")" ]
}


upload_unit() { # NAME
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        -Werror -O1 -g $2 -I"$ROOT/01-blocking" -o "$1" \
        "$ROOT/tests/01-blocking/$1.c" "$ROOT/01-blocking/upload/json.c"
}

# Under sanitizers where the compiler has them.
upload_run_unit() { # NAME
    upload_unit "$1" '-fsanitize=address,undefined -fno-sanitize-recover=all' ||
        upload_unit "$1" ''
    soon "./$1"
}

# A client that is not part of the test can still upload.
upload_works() {
    upload_peer "send=$(upload_header works 2)ok" 'until=recv success'
    [ "$output" = "${upload_ok}recv success" ]
}

# --- json ---------------------------------------------------------------------

@test "B6: json.c takes good headers, and knows bad ones from unfinished ones" {
    upload_run_unit json_test
}

@test "B6: json.c stands a hundred thousand random headers" {
    upload_run_unit json_fuzz
}

# --- put_server: what it takes -----------------------------------------------

@test "B6: client and server say what the document's say" {
    start 01-blocking/put_server
    printf 'Hello,\nworld' > hello.txt
    run upload_client 'put hello.txt' 'put ./hello.txt more words' exit
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:file:hello.txt size:12
start sending file hello.txt
send file done
recv success
>>>:file:./hello.txt size:12
start sending file hello.txt
send file done
recv success
>>>:" ]
    cmp hello.txt uploads/hello.txt
    [ "$(ls -A uploads)" = hello.txt ]
    [ "$(sed 1d "$LOG" | head -n 3)" = \
        "{'action': 'put', 'filename': 'hello.txt', 'filesize': 12}
filesize: 12 recvsize:12
recv success" ]
}

@test "B6: -d chooses the directory, which is made or must be one" {
    start 01-blocking/put_server -d made
    upload_works
    [ "$(cat made/works)" = ok ]
    start 01-blocking/put_server -d made
    upload_works
    touch file
    run soon "$(program 01-blocking/put_server)" -p 0 -d file
    [ "$status" -eq 1 ]
    [ "$output" = 'put_server: file: Not a directory' ]
    run soon "$(program 01-blocking/put_server)" -p 0 -d no/where
    [ "$status" -eq 1 ]
    [ "$output" = 'put_server: no/where: No such file or directory' ]
    run soon "$(program 01-blocking/put_server)" -h
    [ "$output" = \
        'usage: put_server [-p PORT] [-i INTERFACE] [-d DIR] [-h]' ]
}

@test "B6: any white space, key order and escape in a header" {
    start 01-blocking/put_server -d in
    upload_peer \
        'send=\r\n\t {\t"filesize" :\r\n3 , "filename":"a" ,"action": "put"\n}' \
        "until=$upload_ok" send=one 'until=recv success' \
        'send={"filename":"\\u4e2d\\ud83d\\ude00 \\"\\\\b","filesize":3,' \
        'send="more":"}","count":7,"\\u0061ction":"\\u0070ut"}' \
        "until=$upload_ok" send=two 'until=recv success' \
        "send=$(upload_header 'é' 3)" "until=$upload_ok" send=six \
        'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(cat in/a)" = one ]
    [ "$(cat 'in/中😀 "\b')" = two ]
    [ "$(cat in/é)" = six ]
    [ "$(find in -type f | wc -l)" -eq 3 ]
}

@test "B6: of two equal keys the last counts" {
    start 01-blocking/put_server -d in
    upload_peer 'send={"action":"get","action":"put","filename":"../x",' \
        'send="filename":"a","filesize":9,"filesize":1}' "until=$upload_ok" \
        send=x 'until=recv success'
    [ "$(ls -A in)" = a ]
    [ "$(cat in/a)" = x ]
}

@test "B6: a header cut in two anywhere" {
    local header steps=() i
    start 01-blocking/put_server -d in
    header=$(upload_header name 4)
    for ((i = 1; i < ${#header}; i++)); do
        steps+=("send=${header:0:i}" pause=3 "send=${header:i}"
            "until=$upload_ok" "send=$((1000 + i))" 'until=recv success')
    done
    upload_peer "${steps[@]}" "drip=${header}last" 'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(cat in/name)" = last ]
    [ "$(grep -c '^recv success' "$LOG")" -eq "${#header}" ]
}

@test "B6: many headers and files in one segment" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header a 3)one$(upload_header b 3)two\r\n$(
        upload_header c 0)$(upload_header d 5)thr" \
        "until=$upload_ok" 'until=recv success' "until=$upload_ok" \
        'until=recv success' "until=$upload_ok" 'until=recv success' \
        "until=$upload_ok" quiet=50 "send=ee$(upload_header a 4)" \
        'until=recv success' "until=$upload_ok" send=four 'until=recv success' \
        quiet=50
    [ "$status" -eq 0 ]
    [ "$(cat in/a)" = four ]
    [ "$(cat in/b)" = two ]
    [ "$(cat in/d)" = three ]
    [ -f in/c ]
    [ ! -s in/c ]
}

@test "B6: every byte may be in a file, braces and NUL too" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header bytes 8)" "until=$upload_ok" \
        'send=}{\0\x80\xff"\n ' 'until=recv success'
    printf '}{\0\200\377"\n ' | cmp - in/bytes
}

@test "B6: a client may end its stream and still gets its answer" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header a 1)x\n" shutdown eof
    [ "$status" -eq 0 ]
    [ "$output" = "${upload_ok}recv success" ]
}

@test "B6: fifty megabytes arrive as they were" {
    head -c 50000000 /dev/urandom > big
    start 01-blocking/put_server -d in
    run upload_client 'put big'
    [ "$status" -eq 0 ]
    [[ $output == *$'\nrecv success\n>>>:' ]]
    cmp big in/big
    logged 'filesize: 50000000 recvsize:50000000'
}

@test "B6: two hundred clients at once" {
    local i pids=()
    start 01-blocking/put_server -d in
    mkdir out
    for i in {1..200}; do
        head -c "$((i * 100))" /dev/urandom > "out/$i"
        upload_client "put out/$i" 3>&- > "said$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i"
    done
    diff -r out in
    eventually upload_has_threads 2
}

# The main thread and the one that waits for signals are two.
upload_has_threads() { # COUNT
    [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$1" ]
}

@test "B6: two hundred uploads of one name are all whole" {
    start 01-blocking/put_server -d in
    run peer -n 200 "$PORT" "until=$upload_greeting" \
        "send=$(upload_header same 100000)" "until=$upload_ok" flood=100000 \
        'until=recv success' "send=$(upload_header other 100000)" \
        "until=$upload_ok" flood=50000
    [ "$status" -eq 0 ]
    [ "$(stat -c %s in/same)" -eq 100000 ]
    eventually upload_has_files in 1
}

upload_has_files() { # DIR COUNT
    [ "$(find "$1" -mindepth 1 | wc -l)" -eq "$2" ]
}

@test "B6: two uploads of one name do not mix, the last to end stays" {
    local first
    start 01-blocking/put_server -d in
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header name 6)aaa" \
        "until=$upload_ok" hold send=aaa 'until=recv success' \
        3>&- < go > first &
    first=$!
    exec 7> go
    eventually upload_has_files in 1
    [ ! -e in/name ]
    upload_peer "send=$(upload_header name 4)bb" "until=$upload_ok" send=bb \
        'until=recv success'
    [ "$(cat in/name)" = bbbb ]
    exec 7>&-
    wait "$first"
    [ "$(cat in/name)" = aaaaaa ]
    upload_has_files in 1
}

# --- put_server: names --------------------------------------------------------

@test "B6: names of 255 bytes, however they are escaped" {
    local name i escaped=''
    start 01-blocking/put_server -d in
    name=$(printf 'x%.0s' {1..255})
    for i in {1..255}; do
        escaped+='\\u0079'
    done
    upload_peer "send=$(upload_header "$name" 1)1" 'until=recv success' \
        "send=$(upload_header "$escaped" 1)2" 'until=recv success' \
        "send=$(upload_header "${name}x" 1)" \
        "until=$(upload_refusal 'filename is too long')" \
        "send=$(upload_header "${escaped}z" 1)" \
        "until=$(upload_refusal 'filename is too long')"
    [ "$status" -eq 0 ]
    [ "$(cat "in/$name")" = 1 ]
    [ "$(cat "in/${name//x/y}")" = 2 ]
}

@test "B6: harmless names that look odd" {
    local name
    start 01-blocking/put_server -d in
    # shellcheck disable=SC2016
    for name in ... .a '..a' 'a b' '~' '*' '%s%n' '-rf' '$(touch x)' '中文' \
        '.upload'; do
        upload_peer "send=$(upload_header "$name" 1)x" 'until=recv success'
        [ "$status" -eq 0 ]
        [ -f "in/$name" ]
        rm -- "in/$name"
    done
    upload_is_empty in
}

@test "B6: a bad header is refused, and the connection goes on" {
    local refusals=(
        'filename is empty|"filename":"","filesize":1'
        'filename is a directory|"filename":".","filesize":1'
        'filename is a directory|"filename":"..","filesize":1'
        'filename has a slash|"filename":"/","filesize":1'
        'filename has a slash|"filename":"../up","filesize":1'
        'filename has a slash|"filename":"/tmp/up","filesize":1'
        'filename has a slash|"filename":"\\u002e\\u002e\\u002fup","filesize":1'
        'filename has a slash|"filename":"..\\/up","filesize":1'
        'filename has a slash|"filename":"a/","filesize":1'
        'filename has a control byte|"filename":"a\\u0000","filesize":1'
        'filename has a control byte|"filename":"\\u0000","filesize":1'
        'filename has a control byte|"filename":"..\\u0000a","filesize":1'
        'filename has a control byte|"filename":"a\\nb","filesize":1'
        'filename has a control byte|"filename":"\\u001b[31m","filesize":1'
        'filename has a control byte|"filename":"a\x7f","filesize":1'
        'filename is reserved|"filename":".upload-000000001","filesize":1'
        'filename is not a string|"filename":1,"filesize":1'
        'filename is not a string|"filesize":1'
        'filesize is not an integer|"filename":"a"'
        'filesize is not an integer|"filename":"a","filesize":"1"'
        'filesize is negative|"filename":"a","filesize":-1'
        'filesize is over the limit|"filename":"a","filesize":1073741825'
        'filesize is over the limit|"filename":"a","filesize":4294967296'
        'filesize is over the limit|"filename":"a","filesize":18446744073709551616'
    ) refusal steps=()
    start 01-blocking/put_server -d in
    for refusal in "${refusals[@]}"; do
        steps+=("send={\"action\":\"put\",${refusal#*|}}"
            "until=$(upload_refusal "${refusal%%|*}")")
    done
    steps+=('send={}' "until=$(upload_refusal 'action is not a string')"
        'send={"action":1}' "until=$(upload_refusal 'action is not a string')")
    upload_peer "${steps[@]}" quiet=20 "send=$(upload_header fine 1)x" \
        'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(ls -A in)" = fine ]
    [ ! -e up ]
}

@test "B6: the largest size is taken, one more is not" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header a 1073741825)" \
        "until=$(upload_refusal 'filesize is over the limit')" \
        "send=$(upload_header a 1073741824)" "until=$upload_ok"
    [ "$status" -eq 0 ]
    eventually upload_is_empty in
}

@test "B6: an unknown action is refused by name, and the connection goes on" {
    start 01-blocking/put_server -d in
    upload_peer 'send={"action":"get","filename":"a"}' \
        'until=task action is not supported get' quiet=20 \
        'send={"action":"\\u4e0a\\u001b\\"\\u0000"}' \
        'until=task action is not supported 上\\u001b\\"\\u0000' \
        'send={"action":"put\\u0000","filename":"a","filesize":1}' \
        'until=task action is not supported put\\u0000' \
        'send={"action":""}' 'until=task action is not supported ' quiet=20 \
        "send=$(upload_header a 1)x" 'until=recv success'
    [ "$status" -eq 0 ]
    logged 'task action is not supported get'
}

# --- put_server: what it refuses to be bothered by -----------------------------

@test "B6: what is no header is refused, and the connection ends" {
    local bad
    start 01-blocking/put_server -d in
    for bad in 'hello' '\0' '[1]' '"put"' 'GET / HTTP/1.0\r\n\r\n' \
        '{"action":{]}' '{"a":[1}' '{"a":trux}' '{"a":1.}' '{"a":1e}' \
        '{"a":0x1}' '{"a":"\n"}' '{"a":"\\ud800"}' "{'a':1}" '{"a":1,}' \
        '{,}' '\xef\xbb\xbf{}'; do
        upload_peer "send=$bad" eof
        [ "$status" -eq 0 ]
        [[ $output == '{"status": 400, "error": "'*'"}' ]]
    done
    upload_works
}

@test "B6: unknown keys may hold any value, those that we know may not" {
    local known='"action":"put","filename":"a","filesize":1'
    local extra='"extra":[1,{"filename":"no"},null,true,1e3]'
    start 01-blocking/put_server -d in
    upload_peer "send={$extra,$known}" "until=$upload_ok" send=x \
        'until=recv success' "send={$known , $extra }" "until=$upload_ok" send=y \
        'until=recv success'
    [ "$status" -eq 0 ]
    logged "{'extra': ..., 'action': 'put', 'filename': 'a', 'filesize': 1}"
    [ "$(cat in/a)" = y ]
    upload_has_files in 1
    upload_peer 'send={"action":"put","filename":["a"],"filesize":1}' \
        "until=$(upload_refusal 'filename is not a string')" \
        'send={"action":"put","filename":"a","filesize":1e0}' \
        "until=$(upload_refusal 'filesize is not an integer')" \
        'send={"action":null}' "until=$(upload_refusal 'action is not a string')"
    [ "$status" -eq 0 ]
    upload_peer "send={\"x\":$(printf '[%.0s' {1..100})" eof
    [ "$output" = "$(upload_refusal 'values are nested too deeply')" ]
}

# A header ends with its brace, or with the line end behind it, which then is no
# byte of the file. What follows at once is the file.
@test "B6: a header ends with its brace, with LF or with CR LF" {
    local end
    start 01-blocking/put_server -d in
    for end in '' '\n' '\r\n'; do
        upload_peer "send=$(upload_header a 3)$end" "until=$upload_ok" 'send=\nab' \
            'until=recv success' "send=$(upload_header b 2)${end}xy" \
            "until=${upload_ok}recv success"
        [ "$status" -eq 0 ]
        cmp in/a <(printf '\nab')
        cmp in/b <(printf 'xy')
    done
    # In two segments; and a CR that is none of it.
    upload_peer "drip=$(upload_header a 3)\r\n" "until=$upload_ok" 'send=\r\nc' \
        'until=recv success'
    cmp in/a <(printf '\r\nc')
    upload_peer "send=$(upload_header a 3)\rde" "until=${upload_ok}recv success"
    cmp in/a <(printf '\rde')
    # The LF of a CR may take its time.
    upload_peer "send=$(upload_header a 2)\r" pause=400 'send=\n' \
        "until=$upload_ok" send=fg 'until=recv success'
    [ "$status" -eq 0 ]
    cmp in/a <(printf 'fg')
}

upload_ends_with() { # SIGNAL
    local status=0
    start 01-blocking/put_server -d in
    upload_works
    rm -f in/*
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header a 3)" \
        "until=$upload_ok" send=x eof >half 3>&- &
    eventually grep -q 200 half
    eventually upload_has_files in 1
    kill "-$1" "$PID"
    wait_gone "$PID"
    wait "$PID" || status=$?
    [ "$status" -eq $((128 + $(kill -l "$1"))) ]
    upload_is_empty in
}

@test "B6: a signal in the middle of an upload leaves nothing" {
    upload_ends_with TERM
    upload_ends_with INT
    upload_ends_with HUP
}

@test "B6: a header's length has a limit" {
    local full tail='","action":"put","filename":"a","filesize":1}'
    start 01-blocking/put_server -d in
    # {"x":" and the tail are 51 bytes.
    full=$(printf 'x%.0s' $(seq $((4096 - 51))))
    upload_peer "send={\"x\":\"${full:1}$tail" "until=$upload_ok" send=x \
        'until=recv success'
    [ "$status" -eq 0 ]
    upload_peer "send={\"x\":\"$full$tail" "until=$upload_ok" send=x \
        'until=recv success'
    [ "$status" -eq 0 ]
    upload_peer "send={\"x\":\"${full}x$tail" eof
    [ "$output" = "$(upload_refusal 'header is too long')" ]
    upload_peer "send=$(printf ' %.0s' {1..5000})" eof
    [ "$output" = "$(upload_refusal 'header is too long')" ]
}

@test "B6: a refusal arrives, even if the client goes on and on" {
    start 01-blocking/put_server -d in
    for _ in {1..20}; do
        upload_peer send=nonsense flood=2000000 eof
        [ "$status" -eq 0 ]
        [ "$output" = "$(upload_refusal 'no { at the beginning')" ]
    done
}

@test "B6: a client that leaves before its file is complete leaves nothing" {
    local end header before
    header=$(upload_header name 100000)
    start 01-blocking/put_server -d in
    before=$(descriptors "$PID")
    for end in close reset shutdown; do
        # In the header; before and in the file.
        upload_peer "send=${header:0:20}" "$end"
        upload_peer "send=$header" "until=$upload_ok" "$end"
        upload_peer "send=$header" "until=$upload_ok" flood=99999 "$end"
        [ "$status" -eq 0 ]
    done
    run peer -n 50 "$PORT" "until=$upload_greeting" "send=$header" \
        flood=50000 reset
    [ "$status" -eq 0 ]
    upload_peer "send=$header" flood=99999 shutdown eof
    [ "$output" = "$upload_ok$(upload_refusal 'file is incomplete')" ]
    logged 'filesize: 100000 recvsize:99999'
    eventually upload_is_empty in
    eventually upload_has_threads 2
    [ "$(descriptors "$PID")" -eq "$before" ]
    upload_works
}

@test "B6: a symbolic link of that name is replaced, never followed" {
    local link
    start 01-blocking/put_server -d in
    echo precious > target
    mkdir folder
    ln -s ../target in/link
    ln -s ../folder in/folder
    ln -s nowhere in/dangling
    ln -s loop in/loop
    mkfifo in/fifo
    for link in link folder dangling loop fifo; do
        upload_peer "send=$(upload_header "$link" 3)new" 'until=recv success'
        [ "$status" -eq 0 ]
        [ ! -L "in/$link" ]
        [ "$(cat "in/$link")" = new ]
    done
    [ "$(cat target)" = precious ]
    upload_is_empty folder
    upload_has_files in 5
}

@test "B6: a directory of that name is left alone" {
    start 01-blocking/put_server -d in
    mkdir in/folder
    touch in/folder/file
    upload_peer "send=$(upload_header folder 3)" \
        "until=$(upload_refusal 'Is a directory')" \
        "send=$(upload_header name 3)" "until=$upload_ok"
    [ "$status" -eq 0 ]
    # One that appears while the bytes arrive.
    mkdir in/late
    rmdir in/late
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header late 3)" \
        "until=$upload_ok" hold send=new \
        "until=$(upload_refusal 'Is a directory')" \
        "send=$(upload_header name 3)new" 'until=recv success' 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    mkdir in/late
    exec 7>&-
    wait $!
    [ "$(cat in/name)" = new ]
    [ -d in/late ]
    [ -f in/folder/file ]
    eventually upload_has_files in 4
}

upload_has_temporary() {
    [ -n "$(find in -name '.upload-*')" ]
}

@test "B6: the old file is there until the new one is complete" {
    start 01-blocking/put_server -d in
    echo old > in/name
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header name 4)ne" \
        "until=$upload_ok" hold send=w. 'until=recv success' 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    [ "$(cat in/name)" = old ]
    exec 7>&-
    wait $!
    [ "$(cat in/name)" = new. ]
    upload_has_files in 1
}

@test "B6: a server killed in the middle leaves no file of that name" {
    start 01-blocking/put_server -d in
    mkfifo go
    peer -l "$PORT" "until=$upload_greeting" "send=$(upload_header name 4)ne" \
        "until=$upload_ok" hold eof 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    kill -KILL "$PID"
    wait_gone "$PID"
    exec 7>&-
    [ ! -e in/name ]
    # What is left is in nobody's way.
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header name 4)full" 'until=recv success'
    [ "$(cat in/name)" = full ]
}

@test "B6: a disk that takes no more is an answer, and the connection goes on" {
    upload_limited -f 64 -d in
    upload_peer "send=$(upload_header big 65536)" "until=$upload_ok" \
        flood=65536 'until=recv success' \
        "send=$(upload_header bigger 65537)" "until=$upload_ok" flood=65537 \
        "until=$(upload_refusal 'File too large')" \
        "send=$(upload_header huge 5000000)" "until=$upload_ok" flood=5000000 \
        "until=$(upload_refusal 'File too large')" \
        "send=$(upload_header small 1)x" 'until=recv success'
    [ "$status" -eq 0 ]
    upload_has_files in 2
    [ "$(stat -c %s in/big)" -eq 65536 ]
}

@test "B6: a directory that takes no file is an answer" {
    start 01-blocking/put_server -d in
    rmdir in
    upload_peer "send=$(upload_header a 1)" \
        "until=$(upload_refusal 'No such file or directory')" quiet=20 \
        "send=$(upload_header a 1)" \
        "until=$(upload_refusal 'No such file or directory')"
    [ "$status" -eq 0 ]
    # Nobody may make files here, the superuser neither.
    start 01-blocking/put_server -d /proc/self/fdinfo
    upload_peer "send=$(upload_header a 1)" 'until="error": "' \
        "send=$(upload_header a 1)" 'until="error": "'
    [ "$status" -eq 0 ]
}

@test "B6: a directory removed while a file arrives is an answer" {
    start 01-blocking/put_server -d in
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header name 4)ne" \
        "until=$upload_ok" hold send=w. \
        "until=$(upload_refusal 'No such file or directory')" 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    rm -r in
    exec 7>&-
    wait $!
}

@test "B6: a hundred clients and forty descriptors" {
    local crowd clients=() i
    printf many > many
    upload_limited -n 40 -d in
    mkfifo go
    peer -l -n 100 "$PORT" hold 3>&- < go &
    crowd=$!
    exec 7> go
    upload_is_crowded() { [ "$(descriptors "$PID")" -ge 40 ]; }
    eventually upload_is_crowded
    idle "$PID"
    exec 7>&-
    wait "$crowd"
    upload_works
    # Whoever gets in is served; there may be no descriptor for the file.
    for i in {1..100}; do
        upload_client 'put many' 3>&- > "said$i" &
        clients+=($!)
    done
    for i in "${clients[@]}"; do
        wait "$i"
    done
    [ "$(grep -lE 'recv success|Too many open files' said* | wc -l)" -eq 100 ]
    eventually upload_has_threads 2
    upload_works
    [ "$(cat in/many)" = many ]
    upload_has_files in 2
}

@test "B6: nothing is left behind by a thousand clients" {
    local before
    start 01-blocking/put_server -d in
    upload_works
    eventually upload_has_threads 2
    before=$(descriptors "$PID")
    for _ in {1..5}; do
        peer -n 100 "$PORT" "until=$upload_greeting" \
            "send=$(upload_header a 3)one$(upload_header a 3)tw" reset
        peer -n 100 "$PORT" "until=$upload_greeting" send=nonsense eof close
    done
    eventually upload_has_threads 2
    [ "$(descriptors "$PID")" -eq "$before" ]
    eventually upload_has_files in 2
    idle "$PID"
}

@test "B6: what strangers send does not reach the server's terminal" {
    start 01-blocking/put_server -d in
    upload_peer 'send={"action":"\\u001b]0;x\\u0007\\n","\x9b\\u009b":"\x7f\\\\"}' \
        'until=task action is not supported '
    logged "{'action': '\\x1b]0;x\\x07\\x0a', '\\x9b\\xc2\\x9b': '\\x7f\\'}"
    logged 'task action is not supported \x1b]0;x\x07\x0a'
    [ -z "$(LC_ALL=C tr -d '\n -~' < "$LOG")" ]
}

# --- put_client -----------------------------------------------------------------

@test "B6: the client's words for what it cannot do" {
    local red=$'\033[31m' normal=$'\033[0m'
    start 01-blocking/put_server -d in
    mkdir folder
    mkfifo fifo
    run upload_client '' '  ' put '  put  ' hello 'get file' 'exit now' \
        'put missing' 'put folder' 'put fifo' 'put x/y' ' exit ' 'put never'
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:>>>:>>>:Usage: put path/to/file
>>>:Usage: put path/to/file
>>>:Usage: put path/to/file
>>>:don't support get command
>>>:don't support exit command
>>>:$red file [missing] is not exist $normal
>>>:$red file [folder] is not exist $normal
>>>:$red file [fifo] is not exist $normal
>>>:$red file [x/y] is not exist $normal
>>>:" ]
    upload_is_empty in
}

@test "B6: the client goes on after a refusal" {
    start 01-blocking/put_server -d in
    touch .upload-mine fine
    truncate -s 1073741825 large
    mkdir in/folder
    touch folder
    run upload_client 'put .upload-mine' 'put large' 'put folder' 'put fine'
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:file:.upload-mine size:0
$(upload_refusal 'filename is reserved')
>>>:file:large size:1073741825
$(upload_refusal 'filesize is over the limit')
>>>:file:folder size:0
$(upload_refusal 'Is a directory')
>>>:file:fine size:0
start sending file fine
send file done
recv success
>>>:" ]
}

@test "B6: the client shows a refusal that comes after the bytes" {
    upload_limited -f 64 -d in
    head -c 100000 /dev/zero > large
    touch small
    run upload_client 'put large' 'put small'
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:file:large size:100000
start sending file large
send file done
$(upload_refusal 'File too large')
>>>:file:small size:0
start sending file small
send file done
recv success
>>>:" ]
}

# The connection may be closed behind the refusal, with our bytes unread: that
# is a reset, and the words were there before it.
@test "B6: put_client shows a refusal that is sent in mid-upload" {
    local no end
    no=$(upload_refusal 'disk is full')
    head -c 20000000 /dev/zero | tr '\0' x > file
    printf enough | dd of=file bs=1 seek=3000 conv=notrunc status=none
    for end in '' reset; do
        # shellcheck disable=SC2086
        start tests/puppet send=hi wait=filesize 'send={"status":200}' \
            wait=enough "send=$no" $end
        run upload_client 'put file' 'put file'
        [ "$status" -eq 1 ]
        [[ $output == *$'\nstart sending file file\n'"$no"$'\nput_client: file: refused while it was sent' ]]
    done
}

@test "B6: the client escapes a name, and sends any" {
    local name
    start 01-blocking/put_server -d in
    for name in 'quote"and\backslash' '中文' $'latin\xe9' '{}' \
        "$(printf '"%.0s' {1..255})"; do
        echo "$name" > "$name"
        run upload_client "put ./$name"
        [ "$status" -eq 0 ]
        cmp "./$name" "in/$name"
    done
    printf x > $'bell\a'
    run upload_client $'put bell\a'
    [[ $output == *"$(upload_refusal 'filename has a control byte')"* ]]
}

# upload_typist LINE...: a client whose lines are typed later, into file
# descriptor 7. Sets CLIENT; `said` is what it prints.
upload_typist() {
    mkfifo keys
    "$(program 01-blocking/put_client)" -p "$PORT" < keys > said 2>&1 3>&- &
    CLIENT=$!
    SERVERS+=("$CLIENT")
    exec 7> keys
    eventually grep -q '>>>:' said
}

@test "B6: a file that shrinks while it is sent is noticed on both sides" {
    start 01-blocking/put_server -d in
    head -c 1000000 /dev/zero > file
    upload_typist
    freeze "$PID"
    echo 'put file' >&7
    eventually grep -q 'file:file size:1000000' said
    truncate -s 500000 file
    kill -CONT "$PID"
    wait_gone "$CLIENT"
    status=0
    wait "$CLIENT" || status=$?
    [ "$status" -eq 1 ]
    grep -q '^put_client: file: shrank while it was sent$' said
    logged 'filesize: 1000000 recvsize:500000'
    eventually upload_is_empty in
}

@test "B6: of a file that grows while it is sent nothing is sent beyond its size" {
    start 01-blocking/put_server -d in
    echo before > file
    upload_typist
    freeze "$PID"
    echo 'put file' >&7
    eventually grep -q 'file:file size:7' said
    echo after >> file
    kill -CONT "$PID"
    eventually grep -q '^recv success' said
    echo 'put file' >&7
    exec 7>&-
    wait_gone "$CLIENT"
    wait "$CLIENT"
    [ "$(cat in/file)" = $'before\nafter' ]
    logged 'filesize: 7 recvsize:7'
    logged 'filesize: 13 recvsize:13'
}

@test "B6: the client says so when a file cannot be read" {
    start 01-blocking/put_server -d in
    echo secret > file
    chmod 0 file
    # The superuser may read that, but not this.
    [ "$(id -u)" -ne 0 ] || ln -sf /proc/sys/vm/compact_memory file
    touch fine
    run upload_client 'put file' 'put fine'
    [ "$status" -eq 0 ]
    [[ $output == *"put_client: file: Permission denied"* ]]
    [[ $output == *$'\nrecv success\n>>>:' ]]
    upload_works
}

@test "B6: the client says so when the server is gone" {
    local tale words gone='connection closed by server'
    touch file
    local tales=(
        "connection closed by server|send=hi wait=filesize"
        "Connection reset by peer|send=hi wait=filesize reset"
        "connection closed by server|send=hi wait=filesize send={\"sta"
        "connection closed by server|send=hi wait=filesize send={\"status\":200}"
        "connection closed by server|send=hi wait=filesize send={\"status\":200}recv"
    )
    for tale in "${tales[@]}"; do
        IFS=' ' read -ra words <<< "${tale#*|}"
        start tests/puppet "${words[@]}"
        run upload_client 'put file' 'put file'
        [ "$status" -eq 1 ]
        [[ $output == *"put_client: file: ${tale%%|*}" ]]
    done
    start tests/puppet
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [ "$output" = "put_client: 127.0.0.1: $gone" ]
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [[ $output == *'Connection refused' ]]
}

@test "B6: a server that goes away in the middle of a large file" {
    head -c 5000000 /dev/zero > file
    start tests/puppet send=hi wait=filesize 'send={"status":200}'
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [[ $output == *$'\nput_client: file: '* ]]
    [[ $output != *'send file done'* ]]
}

@test "B6: the server's answers, however they are cut" {
    touch file
    start tests/puppet send=hi wait=filesize 'drip={ "status" : 200 }' \
        'drip=recv success' wait=filesize \
        'drip={"error":"} no","status":400}' wait=filesize 'send=nonsense'
    run upload_client 'put file' 'put file' 'put file'
    [ "$status" -eq 0 ]
    [ "$output" = 'hi
>>>:file:file size:0
start sending file file
send file done
recv success
>>>:file:file size:0
{"error":"} no","status":400}
>>>:file:file size:0
nonsense
>>>:' ]
}

@test "B6: put_client: two answers in one piece are two answers" {
    : > file
    start tests/puppet send=hi wait=filesize 'send={"status":200}recv success'
    run upload_client 'put file'
    [ "$status" -eq 0 ]
    [[ $output == *'send file done'$'\n''recv success'* ]]
}

# --- Common: every server and client of the first two stages --------------

# common_programs SUFFIX: prints STAGE/NAME of each program *_SUFFIX, built.
common_programs() {
    local stage source
    for stage in 01-blocking 02-select; do
        [ -d "$ROOT/$stage" ] || continue
        make -s -C "$ROOT/$stage" BUILD="$BUILD" >&2 || return 1
        for source in "$ROOT/$stage/examples/"*"_$1.c"; do
            [ -e "$source" ] || continue
            source=${source##*/}
            echo "$stage/${source%.c}"
        done
    done
}

# common_run STAGE/NAME ARGUMENT...: standard input passes through. Sets
# STATUS; what it prints is in the files out and err.
common_run() {
    STATUS=0
    echo "--- $*"
    soon "$(program "$1")" "${@:2}" >out 2>err || STATUS=$?
    head -c 1000 out err
}

# common_failed NAME WHY: it said so on one line, and ended with status 1.
common_failed() {
    [ "$STATUS" -eq 1 ] || return 1
    grep -q "^$1: .*: $2" err || return 1
    [ "$(wc -l < err)" -eq 1 ]
}

# A label of a host name has 63 characters at most: no name server is asked.
COMMON_NO_HOST=$(printf 'x%.0s' {1..64})

@test "Common: a wrong command line prints the usage on standard error, status 2" {
    local programs program arguments
    programs="$(common_programs server) $(common_programs client)"
    for program in $programs; do
        for arguments in '-p x' '-p 65536' '-p -1' -p --no-such 'one two three'; do
            # shellcheck disable=SC2086
            common_run "$program" $arguments < /dev/null
            [ "$STATUS" -eq 2 ]
            grep -q "^usage: ${program#*/} " err
            [ ! -s out ]
        done
    done
}

@test "Common: -h prints the usage on standard output, status 0" {
    local programs program
    programs="$(common_programs server) $(common_programs client)"
    for program in $programs; do
        common_run "$program" -h < /dev/null
        [ "$STATUS" -eq 0 ]
        grep -q "^usage: ${program#*/} .*\[-p PORT\].*\[-h\]" out
        [ ! -s err ]
        common_run "$program" -p 80 --no-such -h < /dev/null
        [ "$STATUS" -eq 0 ]
        [ ! -s err ]
    done
}

@test "Common: a server listens on 127.0.0.1 unless told otherwise, and says so" {
    local programs program
    programs=$(common_programs server)
    for program in $programs; do
        echo "--- $program"
        start "$program"
        grep -qx "listening on 127.0.0.1:$PORT" "$LOG"
        kill "$PID"
        start "$program" -i 127.0.0.2
        grep -qx "listening on 127.0.0.2:$PORT" "$LOG"
        kill "$PID"
    done
}

@test "Common: a port in use is a message and status 1" {
    local programs program
    programs=$(common_programs server)
    for program in $programs; do
        start "$program"
        common_run "$program" -p "$PORT" < /dev/null
        common_failed "${program#*/}" "Address already in use"
        grep -qF "127.0.0.1:$PORT" err
        run grep -q listening out
        [ "$status" -ne 0 ]
        kill "$PID"
    done
}

@test "Common: an interface that is not there is a message and status 1" {
    local programs program
    programs=$(common_programs server)
    for program in $programs; do
        # 192.0.2.0/24 is for documentation and nobody's.
        common_run "$program" -p 0 -i 192.0.2.1 < /dev/null
        common_failed "${program#*/}" ''
        common_run "$program" -p 0 -i "$COMMON_NO_HOST" < /dev/null
        common_failed "${program#*/}" ''
        common_run "$program" -p 0 -i '' < /dev/null
        common_failed "${program#*/}" ''
    done
}

@test "Common: a client that is refused says so, status 1" {
    local programs program
    programs=$(common_programs client)
    for program in $programs; do
        # Port 1 is below those that the kernel gives away.
        common_run "$program" -p 1 <<< 'hello'
        common_failed "${program#*/}" "Connection refused"
    done
}

@test "Common: a host that has no address is a message and status 1" {
    local programs program
    programs=$(common_programs client)
    for program in $programs; do
        common_run "$program" "$COMMON_NO_HOST" <<< 'hello'
        common_failed "${program#*/}" ''
        grep -qF "$COMMON_NO_HOST" err
        common_run "$program" '' <<< 'hello'
        common_failed "${program#*/}" ''
    done
}

@test "Common: a client whose standard output is closed sends no prompt" {
    local status=0
    start 01-blocking/upper_server
    soon "$(program 01-blocking/upper_client)" -p "$PORT" < /dev/null >&- || status=$?
    [ "$status" -eq 1 ] # 0: the connection is 1, and takes what is printed
}

# common_unit NAME [SOURCE...]: builds unit/NAME.c as ./NAME; what else it needs
# comes from the stage's library.
common_unit() {
    local sources=("${@:2}")
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        ${CFLAGS:--O2} ${CPPFLAGS:-} -I"$ROOT/01-blocking" -o "$1" \
        "$ROOT/tests/01-blocking/$1.c" "${sources[@]/#/$ROOT/01-blocking/}" \
        "$ROOT/01-blocking/$BUILD/stage.a"
}

@test "Common: net.c keeps the promises of net.h" {
    common_unit net_test
    soon ./net_test
}

@test "Common: text.c keeps the promises of text.h" {
    common_unit text_test
    soon ./text_test
}

@test "Common: net.c keeps them in its portable form, too" {
    CPPFLAGS=-DNET_PORTABLE common_unit net_test net/net.c
    soon ./net_test
}

# common_options ARGUMENT...: the unit test's program; sets STATUS and OUTPUT.
common_options() {
    STATUS=0
    OUTPUT=$(soon ./options_test "$@" 2>err) || STATUS=$?
    echo "--- $*: $STATUS $OUTPUT"
}

@test "Common: options that are right are taken" {
    common_unit options_test
    local rest='naive=0 directory=. clients=2 model=single path=P'
    common_options server P
    [ "$OUTPUT" = "server: port=9000 interface=127.0.0.1 $rest" ]
    common_options a/dir/client P
    [ "$OUTPUT" = "client: port=9000 host=127.0.0.1 $rest" ]
    common_options client P example
    [ "$OUTPUT" = "client: port=9000 host=example $rest" ]
    common_options plain P
    [ "$OUTPUT" = "plain: port=9000 $rest" ]
    common_options plain P M
    [ "$OUTPUT" = "plain: port=9000 $rest more=M" ]
    common_options server --naive -d D -c 64 --model threads -p 65535 -i :: P
    [ "$OUTPUT" = 'server: port=65535 interface=:: naive=1 directory=D clients=64 model=threads path=P' ]
    # The last one counts; 0 is a number; a value may look like an option.
    common_options server -p 1 -p 0 -c 0 -d a -d -c P
    [ "$OUTPUT" = 'server: port=0 interface=127.0.0.1 naive=0 directory=-c clients=0 model=single path=P' ]
    # After -- and after the first operand there are no options.
    common_options plain -- -p -c
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}-p more=-c" ]
    common_options plain P -c
    [ "$OUTPUT" = "plain: port=9000 $rest more=-c" ]
    common_options plain -- -h
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}-h" ]
    common_options plain -
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}-" ]
    common_options plain ''
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}" ]
    [ "$STATUS" -eq 0 ]
}

@test "Common: options that are wrong are not" {
    common_unit options_test
    local words wrong=(
        '' 'P M S' '-' '-c P' '-c' '-d' '--model' '--model P' '-z P' '--n P'
        '--naiveP P' '-c 65 P' '-c -1 P' '-c +1 P' '-c 1x P' '-c 01x P'
        '-c 9223372036854775808 P' '-c 18446744073709551617 P' '-c 4294967297 P'
        '--model singl P' '--model singles P' '--model single|threads P'
        '--model | P' '-c2 P' '-d=x P' '-p 0 P' '-i x P'
    )
    for words in "${wrong[@]}"; do
        [ "$words" != - ] || continue
        # shellcheck disable=SC2086
        common_options plain $words
        [ "$STATUS" -eq 2 ]
        [ -z "$OUTPUT" ]
        [[ $(cat err) == 'usage: plain '*' PATH [MORE]' ]]
    done
    common_options plain -c '' P
    [ "$STATUS" -eq 2 ]
    common_options plain -c ' 1' P
    [ "$STATUS" -eq 2 ]
    common_options plain --model '' P
    [ "$STATUS" -eq 2 ]
    common_options server -p 65536 P
    [ "$STATUS" -eq 2 ]
    common_options client P H S
    [ "$STATUS" -eq 2 ]
}

@test "Common: the usage names every option with a word" {
    common_unit options_test
    local rest='[--naive] [-d DIR] [-c CLIENTS_MAX] [--model single|threads] [-h] PATH'
    common_options server -h
    [ "$OUTPUT" = "usage: server [-p PORT] [-i INTERFACE] $rest [MORE]" ]
    common_options client -h
    [ "$OUTPUT" = "usage: client [-p PORT] $rest [HOST]" ]
    common_options plain -z -h
    [ "$OUTPUT" = "usage: plain $rest [MORE]" ]
    [ "$STATUS" -eq 0 ]
    [ ! -s err ]
}

@test "Common: a closed standard descriptor is not taken for a socket" {
    common_unit options_test
    soon ./options_test plain P > out < /dev/null
    soon ./options_test plain P <&- > /dev/null
    soon ./options_test plain P <&- 2>&- > /dev/null
}

@test "Common: what was printed and is lost is no success" {
    local closed=0 full=0
    common_unit options_test
    soon ./options_test plain P >&- 2> err || closed=$?
    soon ./options_test plain P > /dev/full 2>> err || full=$?
    [ "$closed $full" = '1 1' ]
    [ "$(sort -u err)" = 'plain: standard output: cannot be written' ]
}
