#!/usr/bin/env bash
# bench.bash - what a message, a connection, a timer and an idle server cost.
# `make bench` at the top builds everything and runs it.
#
# The servers of a table are up at the same time and take turns of a few
# milliseconds: whatever disturbs the machine disturbs all of them alike. Each
# session starts them anew, and ends in more rounds. "ratio" and "more" are
# medians over the rounds, as the cost itself is, and the row that is compared
# with is of the same round. A new row is one line in `session`.
set -u
cd "$(dirname "$0")" || exit 1

SESSIONS=${SESSIONS:-3}
BUILD=${BUILD:-build}
OUT=../$BUILD/bench
TURNS=60    # of each server, in a session
DEADLINE=10 # seconds for a server to start

scratch=$(mktemp -d) || exit 1
pids=()
trap 'dismiss; rabbit_stop; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "bench: $*" >&2
    exit 1
}

# serve COMMAND...: starts a server on any port. Sets port.
serve() {
    local end=$((SECONDS + DEADLINE)) log=$scratch/log

    : >"$log" # now, or the last one's port would be read once more
    "${on_server[@]}" "$1" -p 0 "${@:2}" >>"$log" 2>&1 </dev/null &
    pids+=($!)
    until port=$(sed -nE 's/^listening on .*:([0-9]+)$/\1/p
                          s/.* starting on ([0-9]+)$/\1/p' "$log") &&
        [ -n "$port" ]; do
        if [ $SECONDS -ge $end ] || ! kill -0 $! 2>/dev/null; then
            fail "$1 does not start: $(cat "$log")"
        fi
        sleep 0.01
    done
}

dismiss() {
    local pid

    for pid in "${pids[@]}"; do
        kill "$pid"
        wait "$pid"
    done 2>/dev/null
    pids=()
}

# table NAME UNIT TITLE [GOAL]: the rows that follow are in this table.
table() {
    name=$1
    round=$(((session - 1) * TURNS))
    labels=('') references=('') targets=()
    [ "$session" -gt 1 ] ||
        printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"$scratch/tables"
}

# row ROUND LABEL COST REFERENCE: one measurement.
row() {
    printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$@" >>"$scratch/rows"
}

# server IDLE REFERENCE LABEL COMMAND...: starts a server that will be measured
# while IDLE connections do nothing.
server() {
    serve "${@:4}"
    labels+=("$3")
    references+=("$2")
    targets+=("$port/${pids[-1]}/$1")
}

# measure PROGRAM ARGUMENT...: puts load on the servers, in turns.
# A row is the cost of a message; where none was sent, of the time, in us. What
# the time was that has passed, if it is printed, goes to a table of its own.
measure() {
    local number messages ns passed i=0 cpu=$name

    "${on_load[@]}" "$OUT/$1" "${@:2}" "${targets[@]}" >"$scratch/costs" ||
        fail "$name: the load has failed"
    while read -r number messages ns passed; do
        name=$cpu
        row $((round + i / ${#targets[@]} + 1)) "${labels[number]}" \
            $((messages > 0 ? ns / messages : ns / 1000)) \
            "${references[number]}"
        name=$cpu-passed
        [ -z "$passed" ] || row $((round + i / ${#targets[@]} + 1)) \
            "${labels[number]}" $((passed / messages)) "${references[number]}"
        i=$((i + 1))
    done <"$scratch/costs"
    dismiss
}

# program COMMAND...: the rows are what it prints, LABEL tab COST.
program() {
    local label cost

    "${on_server[@]}" "$@" >"$scratch/costs" || fail "$1: failed"
    round=$((round + 1))
    while IFS=$'\t' read -r label cost; do
        row $round "$label" "$cost" ''
    done <"$scratch/costs"
}

# each NAME: the stages that have an example of this name, and its path.
each() {
    local path

    for path in ../../0[1-6]-*/"$BUILD"/examples/"$1"; do
        [ ! -x "$path" ] || echo "${path:6:2} $path"
    done
}

# others: the same server on other libraries, those that are there.
others() {
    local library

    for library in libuv libev libevent; do
        [ ! -x "$OUT/${library}_echo" ] ||
            server 0 'epoll, loop alone' "$library" "$OUT/${library}_echo"
    done
    [ -z "$twisted" ] || server 0 'epoll, loop alone' Twisted "$scratch/twisted"
}

# streams NAME WHERE COMMAND...: large messages; the load runs under COMMAND.
streams() {
    local on_load=("${@:3}") bytes title stage path

    for bytes in 1048576 65536; do
        title="$((bytes / 1024)) KiB there and back, two at once on each of 4 connections, $2"
        table "$1-$bytes-passed" 'ns a message' "$title: time that passes" \
            'no more than libuv'
        table "$1-$bytes" 'ns a message' "$title" 'no more than libuv'
        server 0 '' 'epoll, loop alone' "$OUT/raw_epoll"
        while read -r stage path; do
            server 0 'epoll, loop alone' "epoll, $stage echo_server" \
                "$path" -r epoll
        done < <(each echo_server)
        others
        measure streams -b "$bytes" -t 100 -n $((TURNS / 6))
    done
}

session() {
    local poller stage path i

    table echo 'ns a message' \
        '64 bytes there and back, one message on each of 50 connections' \
        'at most 100 ns more than the loop alone'
    for poller in select poll epoll; do
        server 0 '' "$poller, loop alone" "$OUT/raw_$poller"
        while read -r stage path; do
            server 0 "$poller, loop alone" "$poller, $stage echo_server" \
                "$path" -r "$poller"
        done < <(each echo_server)
    done
    others
    measure load -c 50 -b 64 -t 10 -n "$TURNS"

    table idle 'ns a message' 'The same, while other connections are idle' \
        'a ratio of 0.97 to 1.03'
    while read -r stage path; do
        server 0 '' "epoll, $stage echo_server, none" "$path" -r epoll
        server 5000 "epoll, $stage echo_server, none" \
            "epoll, $stage echo_server, 5,000" "$path" -r epoll
    done < <(each echo_server)
    measure load -c 50 -b 64 -t 10 -n "$TURNS"

    table connection 'ns a connection' \
        'Connect, 64 bytes there and back, reset' \
        'at most 10 % more than the loop alone'
    server 0 '' 'epoll, loop alone' "$OUT/raw_epoll"
    while read -r stage path; do
        server 0 'epoll, loop alone' "epoll, $stage echo_server" \
            "$path" -r epoll
    done < <(each echo_server)
    measure load -c 16 -b 64 -k -t 10 -n "$TURNS"

    table lines 'ns a line' \
        '32-byte lines there and back, 16 at once on each of 50 connections' \
        'LineReceiver: a ratio of 1; a send for each line: 10 or more'
    server 0 '' 'epoll, a send for each read' "$OUT/raw_lines"
    server 0 'epoll, a send for each read' 'epoll, LineReceiver' \
        "$OUT/line_server" -r epoll
    server 0 'epoll, LineReceiver' 'epoll, a send for each line' \
        "$OUT/raw_lines" --each
    measure load -c 50 -b 32 -d 16 -t 10 -n "$TURNS"

    streams stream 'a core each' "${on_load[@]}"
    streams stream-1 'all on one core' "${on_server[@]}"

    table timers 'ns each' 'Delayed calls while 10,000 others are pending' \
        'at most 80 ns to start one and cancel it'
    for i in 1 2 3 4 5; do
        program "$OUT/timers"
    done

    table deferred 'ns each' 'A callback of a Deferred' \
        'a call through a pointer is what it cannot be cheaper than'
    for i in 1 2 3; do
        program "$OUT/callbacks"
        [ -z "$twisted" ] || program "$twisted" callbacks_twisted.py
    done

    table jobs 'ns each' 'A job in the thread pool, there and back' none
    for i in 1 2 3; do
        program "$OUT/jobs"
    done

    table spawns 'us each' 'To spawn /bin/true and hear of its end' \
        'little more than posix_spawn and waitpid'
    for i in 1 2 3; do
        program "$OUT/spawns"
        [ -z "$twisted" ] || program "$twisted" spawns_twisted.py
    done

    table calls 'us each' 'A call over a message broker, and the processor time of both its ends' none
    serve "../../06-process/$BUILD/examples/amqp_broker" -b 0
    for i in 1 2 3; do
        program "$OUT/amqp" "$port" 'ours over amqp_broker'
    done
    dismiss
    if [ "$RABBIT_PORT" ]; then
        for i in 1 2 3; do
            program "$OUT/amqp" "$RABBIT_PORT" 'ours over RabbitMQ'
            [ -z "$pika" ] || program "$pika" amqp_pika.py "$RABBIT_PORT" 'pika over RabbitMQ'
        done
    fi

    [ "$session" -eq 1 ] || return # once is enough for this one
    table quiet 'us in 2 s' 'Nothing to do on 50 connections' '0'
    for poller in select poll epoll; do
        while read -r stage path; do
            server 50 '' "$poller, $stage echo_server" "$path" -r "$poller"
        done < <(each echo_server)
    done
    measure load -c 0 -t 2000 -n 1
}

# The server on one processor and its clients on another, if that can be.
on_server=() on_load=() pinned='not pinned'
if taskset -c 0 true && taskset -c 1 true; then
    on_server=(taskset -c 0) on_load=(taskset -c 1)
    pinned='servers on processor 0, clients on processor 1'
fi 2>/dev/null

# Twisted itself, where it is installed.
twisted=
for python in python3 /usr/bin/python3; do
    "$python" -c 'import twisted' && twisted=$python && break
done 2>/dev/null
printf '#!/bin/sh\nexec %s echo_twisted.py "$@"\n' "$twisted" >"$scratch/twisted"
chmod +x "$scratch/twisted"

# RabbitMQ, one of our own, and pika, likewise.
RABBIT_PORT=
is_gone() { ! kill -0 "$1" 2>/dev/null; }
eventually() {
    local end=$((SECONDS + DEADLINE))
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}
wait_gone() { eventually is_gone "$1"; }
# shellcheck disable=SC1091 # it is checked by itself
. ../lib/rabbitmq.bash
pika=$(pika_python)
rabbit_missing || rabbit_start "$scratch/rabbit" || fail 'RabbitMQ does not start'
ulimit -S -n "$(ulimit -H -n)" # thousands of connections at a time

for ((session = 1; session <= SESSIONS; session++)); do
    [ ! -t 2 ] || printf '\rsession %d of %d ' $session "$SESSIONS" >&2
    session
done
[ ! -t 2 ] || printf '\r\033[K' >&2

echo "Processor time: $pinned. A quarter of"
echo 'the rounds is below the column "25 %", a quarter above "75 %". The figures'
echo 'are of this machine and this run; of another, trust the ratios at most.'
awk -F '\t' -f report.awk "$scratch/tables" "$scratch/rows"
