#!/usr/bin/env bats
# Stage 01: one call, one wait. And what holds for every program of the first
# two stages.

# Each test has a shell of its own: what it sets is gone afterwards.
# shellcheck disable=SC2030,SC2031

load helpers

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
    cmp out <(printf '>>>:A\0B\n>>>:EXIT\0X\n>>>:\0\n>>>:')
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
        "$BUILD/upper_server" "$BUILD/upper_client"
    start 01-blocking/upper_server
    [[ $(program 01-blocking/upper_server) == */portable/upper_server ]]
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

# --- Common: every server and client of the first two stages --------------

# common_programs SUFFIX: prints STAGE/NAME of each program *_SUFFIX, built.
common_programs() {
    local stage source
    for stage in 01-blocking 02-select; do
        [ -d "$ROOT/$stage" ] || continue
        make -s -C "$ROOT/$stage" BUILD="$BUILD" >&2 || return 1
        for source in "$ROOT/$stage/"*"_$1.c"; do
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
    start 01-blocking/upper_server
    mkfifo in
    "$(program 01-blocking/upper_client)" -p "$PORT" < in >&- 2>&- 3>&- &
    local client=$!
    SERVERS+=("$client")
    exec 7> in
    # Otherwise 1 would be the connection.
    common_is_null() { [ "$(readlink "/proc/$client/fd/1")" = /dev/null ]; }
    eventually common_is_null
    exec 7>&-
    wait "$client"
}

# common_unit NAME SOURCE...: builds unit/NAME.c as ./NAME.
common_unit() {
    local sources=("${@:2}")
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        ${CFLAGS:--O2} ${CPPFLAGS:-} -I"$ROOT/01-blocking" -o "$1" \
        "$ROOT/tests/unit/$1.c" "${sources[@]/#/$ROOT/01-blocking/}"
}

@test "Common: net.c keeps the promises of net.h" {
    common_unit net_test net.c address.c
    soon ./net_test
}

@test "Common: net.c keeps them in its portable form, too" {
    CPPFLAGS=-DNET_PORTABLE common_unit net_test net.c address.c
    soon ./net_test
}

# common_options ARGUMENT...: the unit test's program; sets STATUS and OUTPUT.
common_options() {
    STATUS=0
    OUTPUT=$(soon ./options_test "$@" 2>err) || STATUS=$?
    echo "--- $*: $STATUS $OUTPUT"
}

@test "Common: options that are right are taken" {
    common_unit options_test options.c
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
    common_unit options_test options.c
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
    common_unit options_test options.c
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
    common_unit options_test options.c
    soon ./options_test plain P > out < /dev/null
    soon ./options_test plain P <&- > /dev/null
    soon ./options_test plain P >&- < /dev/null
    soon ./options_test plain P <&- >&- 2>&-
}
