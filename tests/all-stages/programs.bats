#!/usr/bin/env bats
# What all programs of all stages have in common: the command line, what they
# say when something cannot be had, and how a server ends. Each stage's own
# bats files have the rest.

# shellcheck disable=SC2013,SC2030,SC2031,SC2046,SC2086,SC2153 # words

load ../lib/helpers

# A label of a host name has 63 characters at most: no name server is asked.
NO_HOST=$(printf 'x%.0s' {1..64})

# programs [WORDS]: STAGE/NAME of each whose usage has these words.
programs() {
    local file
    cd "$ROOT" || return 1
    for file in $(grep -l '^int main' 0*/examples/*.c); do
        file=${file%%/*}/$(basename "$file" .c)
        [ $# -eq 0 ] || has "$file" "$1" || continue
        echo "$file"
    done
}

# usage STAGE/NAME: what -h says, asked once; in USAGE.
usage() {
    local said=$BATS_FILE_TMPDIR/${1/\//-}
    [ -s "$said" ] || "$(program "$1")" -h >"$said"
    USAGE=$(<"$said")
}

has() { # STAGE/NAME WORDS
    usage "$1"
    [[ $USAGE == *"$2"* ]]
}

# servers [FIRST]: all that listen, from that stage on. A worker of a broker only
# connects; the TLS servers want a helper, and have tests of their own.
servers() {
    programs | grep -E '_server$|/(daemon|two_pages|amqp_broker)$' |
        grep -vE '/(amqp_rpc|ssl_echo)_server$' | awk -v first="$1" '$1 >= first'
}

# operands STAGE/NAME: the ones that must be there; a new path each time.
operands() {
    usage "$1"
    case $USAGE in
    *' URL URL'*) echo http://127.0.0.1:1/ http://127.0.0.1:1/ ;;
    *' CERT' | *' PATH') echo "$BATS_TEST_TMPDIR/path-$BASHPID" ;;
    esac
}

# try STAGE/NAME ARGUMENT...: sets STATUS, leaves out and err.
try() {
    STATUS=0
    soon "$(program "$1")" "${@:2}" >out 2>err || STATUS=$?
    echo "--- $*: status $STATUS"
    echo "$(<out)$(<err)"
}

# misused STAGE/NAME ARGUMENT...: the usage on standard error, and nothing else.
misused() {
    try "$@" </dev/null
    [ "$STATUS" -eq 2 ] && [ ! -s out ] || return 1
    [[ $(<err) == "usage: ${1#*/} "* ]]
}

# refuses STAGE/NAME ARGUMENT...: status 1, one line that says what and why,
# and none that says that it is ready.
refuses() {
    try "$@" <<<hello
    [ "$STATUS" -eq 1 ] && [ "$(wc -l <err)" -eq 1 ] || return 1
    ! grep -qE 'listening|starting' out || return 1
    [[ $(cat err) == "${1#*/}: "* ]]
}

@test "every program: -h says what it is, and its usage; what is no command line" {
    local name about usage count=0
    for name in $(programs); do
        count=$((count + 1))
        try "$name" -h
        [ "$STATUS" -eq 0 ] && [ ! -s err ]
        {
            read -r about
            read -r usage
            ! read -r
        } <out
        [[ $about =~ ^"${name#*/} "[a-z].*\.$ ]]
        [[ $usage == "usage: ${name#*/} "*"[-h]"* ]]
        ! "$(program "$name")" -h >&- 2>/dev/null || return 1
        misused "$name" --help
        misused "$name" -Z
        misused "$name" a b c d
    done
    [ "$count" -eq "$(cat "$ROOT"/0*/*/*.c | grep -c '^int main')" ]
}

@test "every program with a port: no other than 0 to 65535" {
    local name
    for name in $(programs '[-p PORT]'); do
        misused "$name" -p x $(operands "$name")
        misused "$name" -p 65536 $(operands "$name")
        misused "$name" -p
    done
}

# default_port PORT STAGE/NAME: where it goes without -p.
default_port() {
    case $2 in
    *_client | */multicast_server) # says no port
        grep -q "struct options options = { .port = $1[ ,]" \
            "$ROOT/${2%/*}/examples/${2#*/}.c"
        ;;
    *) # 192.0.2.1 is nobody's
        refuses "$2" -i 192.0.2.1 $(operands "$2") || return 1
        grep -qF ": 192.0.2.1:$1: " err
        ;;
    esac
}

@test "every program with a port: the documents' number, unless -p says another" {
    local name port
    for name in $(programs '[-p PORT]'); do
        case $name in
        */upper_* | */command_* | */put_* | 02*) port=9000 ;;
        */shell_* | */hello_*) port=9001 ;;
        */udp_* | */multicast_* | */cmd_server) port=9999 ;;
        */hotline_server) port=8002 ;;
        03*/echo_server | */two_pages) port=8000 ;;
        */echo_* | */daemon) port=1234 ;;
        *) continue ;; # no document has it
        esac
        echo "--- $name: $port"
        default_port "$port" "$name"
    done
}

@test "every program with a loop: no other than three pollers" {
    local name
    for name in $(programs '[-r select|poll|epoll]'); do
        misused "$name" -r kqueue $(operands "$name")
        [ "${name#*/}" != mini_reactor ] || continue # has but one
        REACTOR=kqueue refuses "$name" $(operands "$name")
    done
}

@test "every server: a place that cannot be had is a message, and no ready line" {
    local name
    for name in $(servers 0); do
        if has "$name" ' PATH'; then
            refuses "$name" "$BATS_TEST_TMPDIR/no/such/directory"
            continue
        fi
        refuses "$name" -p 0 -i "$NO_HOST" $(operands "$name")
        refuses "$name" -p 0 -i 192.0.2.1 $(operands "$name") # nobody's
        # Any number of servers may listen to a group.
        [ "${name#*/}" != multicast_server ] || continue
        start "$name" $(operands "$name")
        refuses "$name" -p "$PORT" $(operands "$name")
        [[ $(<err) == *":$PORT: Address already in use" ]]
        kill "$PID"
    done
}

@test "every client: nobody there, and no such host" {
    local name
    for name in $(programs | grep _client); do
        case $name in
        */multicast_client) continue ;;    # a group may be empty
        */reconnecting_client) continue ;; # tries again, as its name says
        */ssl_echo_client) continue ;;     # wants a helper: tls.bats
        */echo_client)                  # has the document's words for it
            try "$name" -p 1 </dev/null
            [ "$STATUS" -eq 0 ]
            [ "$(cat out err)" = 'Connection failed - goodbye!' ]
            continue
            ;;
        esac
        if has "$name" ' PATH'; then
            refuses "$name" "$BATS_TEST_TMPDIR/nobody"
            continue
        fi
        # Port 1 is below those that the kernel gives away.
        refuses "$name" -p 1
        refuses "$name" "$NO_HOST"
        grep -qF "$NO_HOST" err
    done
}

# stopped_when_ready STAGE/NAME SIGNAL POLLER: the signal comes as soon as the
# ready line has, and the end is a clean one.
stopped_when_ready() {
    local line='' pid status=0 path
    path=$(operands "$1")
    rm -f ready
    mkfifo ready
    set -- "$1" "$2" -r "$3" $path
    has "$1" '[-p PORT]' && set -- "$1" "$2" -p 0 "${@:3}"
    "$(program "$1")" "${@:3}" >ready 2>err 3>&- </dev/null &
    pid=$!
    SERVERS+=("$pid")
    exec 7<ready
    until [[ $line == *'listening on '* || $line == *' starting on '* ]]; do
        read -r -t "$DEADLINE" line <&7 || break
    done
    kill "-$2" "$pid"
    # It may have more to say.
    soon cat <&7 >rest || kill -KILL "$pid"
    wait "$pid" || status=$?
    exec 7<&-
    echo "--- $*: status $status"
    cat err
    [ "$status" -eq 0 ] && [ ! -s err ] && [ ! -S "$path" ]
}

@test "every server of stage 04 on: SIGINT and SIGTERM end it from the ready line on, status 0" {
    local name poller signal
    for name in $(servers 04); do
        for poller in select poll epoll; do
            for signal in INT TERM; do
                stopped_when_ready "$name" "$signal" "$poller"
            done
        done
    done
}

has_socket() { # PID
    find "/proc/$1/fd" -lname 'socket:*' | grep -q .
}

@test "every server with a loop: no standard descriptors, and a clean end" {
    local name arguments status
    for name in $(servers 03); do
        arguments=$(operands "$name")
        has "$name" '[-p PORT]' && arguments="-p 0 $arguments"
        "$(program "$name")" $arguments <&- >&- 2>&- 3>&- &
        SERVERS+=("$!")
        eventually has_socket "$!"
        echo "--- $name"
        readlink "/proc/$!/fd/"{0,1,2}
        # Otherwise the listener would be one of the three.
        [ "$(readlink "/proc/$!/fd/"{0,1,2} | sort -u)" = /dev/null ]
        kill -TERM "$!"
        wait_gone "$!"
        status=0
        wait "$!" || status=$?
        [ "$status" -eq 1 ] # its ready line is lost
    done
}
