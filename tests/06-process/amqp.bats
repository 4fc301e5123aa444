#!/usr/bin/env bats
# The message broker room of 06-process, with our own broker: nothing else is
# needed. tests/peers/amqp.bats has RabbitMQ and pika.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/amqp

@test "X6: the wire, cut at every byte and lied to" {
    unit_cases amqp_wire_test select
}

@test "X6: a client of a broker that is played by the test" {
    unit_cases amqp_client_test select
}

# --- the broker, seen by a raw peer --------------------------------------------------

amqp_probes_agree() {
    amqp_probe_all "$PORT" ours
}

@test "X6 amqp_broker: what a raw peer sees, right and wrong" {
    server_each amqp_broker amqp_probes_agree
}

@test "X6 amqp_broker: its first line says that nothing is kept" {
    start 06-process/amqp_broker
    [ "$(head -n 1 "$LOG")" = 'All is in memory: when the broker ends, every message is lost' ]
    server_ends "$PID" TERM
}

# --- calls ---------------------------------------------------------------------------

amqp_one_call() {
    local broker=$PORT
    amqp_worker "$broker"
    amqp_says "$broker" 'echo hello\nid -un\n' "hello\n" "$(id -un)\n"
    server_ends "$PID" TERM
    grep -qx 'Connection lost...' "$LOG"
}

@test "X6 amqp_rpc: the documents' session, under each poller" {
    server_each amqp_broker amqp_one_call
}

@test "X6 amqp_rpc: who asks first waits until somebody is there" {
    start 06-process/amqp_broker
    amqp_worker "$PORT" # declares the queue
    local broker=$PORT first=$PID
    server_ends "$first" TERM
    amqp_ask "$broker" 'echo patience\n' >said &
    local client=$!
    eventually amqp_broker_has_clients 1
    amqp_worker "$broker"
    wait "$client"
    diff <(amqp_session 'patience\n') said
}

@test "X6 amqp_rpc_client: a queue that nobody has declared is an error, not a wait" {
    start 06-process/amqp_broker
    local status=0
    amqp_ask "$PORT" 'echo x\n' >said || status=$?
    [ "$status" -eq 1 ]
    grep -qF 'error: There is no such queue.' said
}

@test "X6 amqp_rpc: a thousand calls of four clients over three workers, each answered once" {
    start 06-process/amqp_broker
    local broker=$PORT client clients=() i
    for i in 1 2 3; do amqp_worker "$broker" -w 5; done
    for client in 1 2 3 4; do
        for i in {1..250}; do echo "echo $client-$i"; done >"in$client"
        timeout 60 "$(program 06-process/amqp_rpc_client)" -p "$broker" -c 20 \
            <"in$client" >"out$client" 3>&- &
        clients+=($!)
    done
    for client in "${clients[@]}"; do wait "$client"; done
    for client in 1 2 3 4; do
        diff <(sed 's/^echo //' "in$client" | sort) \
            <(sed 's/root@client>> //g' "out$client" | grep '^[0-9]*-' | sort)
    done
    # Each was run by somebody, once; and everybody had something to do.
    [ "$(cat "${LOGS[@]}" | grep -c 'client execute')" -eq 1000 ]
    for i in 1 2 3; do grep -q 'client execute' "${LOGS[$i]}"; done
    [ "$(cat "${LOGS[@]}" | grep -c again:)" -eq 0 ]
}

@test "X6 amqp_rpc_server: with a prefetch of 1 the quick one gets what the slow one would wait with" {
    start 06-process/amqp_broker
    local broker=$PORT i
    amqp_worker "$broker" -w 1
    mkfifo gate
    amqp_ask "$broker" 'read x <gate; echo slow\n' >slow &
    local client=$!
    eventually amqp_broker_has_clients 2
    amqp_worker "$broker" -w 1
    for i in {1..20}; do echo "echo $i"; done >in
    amqp_ask "$broker" "$(sed 's/$/\\n/' in | tr -d '\n')" -c 5 >quick
    grep -q '>> 20$\|^20$' quick
    [ "$(grep -c 'client execute' "$LOG")" -eq 20 ]
    echo >gate
    wait "$client"
    diff <(amqp_session 'slow\n') slow
}

@test "X6 amqp_rpc: any bytes, and megabytes, both ways" {
    start 06-process/amqp_broker
    local broker=$PORT
    amqp_worker "$broker"
    # A shell takes no longer line than this. The answer has five megabytes.
    { printf ': '; head -c 100000 /dev/zero | tr '\0' x; printf '; echo done\n'; } >in
    timeout 60 "$(program 06-process/amqp_rpc_client)" -p "$broker" <in >out
    diff <(amqp_session 'done\n') out
    amqp_ask "$broker" 'head -c 5000000 /dev/zero | tr "\\0" y\n' >out
    [ "$(tail -n 2 out | head -n 1 | wc -c)" -eq $((5000000 + 15)) ]
    # Each byte comes, and is shown so that no terminal obeys it.
    local byte
    printf '%b' "$(printf '\\x%02x' {0..255})" >bytes
    amqp_ask "$broker" 'cat bytes\n' >out
    for byte in {0..255}; do
        if [[ $byte -eq 9 || $byte -eq 10 || ($byte -ge 32 && $byte -le 126) ]]; then
            printf '%b' "$(printf '\\x%02x' "$byte")"
        else
            printf '\\x%02x' "$byte"
        fi
    done >shown
    cmp <(amqp_session | head -c -14; printf 'root@client>> '; cat shown; printf '\nroot@client>> ') out
    # A message of five megabytes goes through in frames of 128 KiB.
    soon "$ROOT/tests/$BUILD/amqp_probe" "$broker" login 20.10=1:s 50.10=1:w0,sbig,b4,t \
        60.20=1:w0,sbig,st,b2,t get=3 60.40=1:w0,s,sbig,b0 head=1:5000000 \
        fill=1:5000000 get=41 >big
    [ "$(grep -c '^1 body' big)" -eq 39 ]
}

@test "X6 amqp_rpc_client: -t gives up, and the late answer is nobody's" {
    start 06-process/amqp_broker
    local broker=$PORT status=0
    amqp_worker "$broker"
    amqp_ask "$broker" 'sleep 1.5; echo late\necho next\n' -t 1 >out || status=$?
    [ "$status" -eq 1 ]
    diff <(amqp_session 'error: Timed out.' 'next\n') out
}

# --- deaths --------------------------------------------------------------------------

@test "X6 amqp_rpc: a worker is killed in the middle, and the answer comes all the same" {
    start 06-process/amqp_broker
    local broker=$PORT
    amqp_worker "$broker"
    local first=$PID
    # The first to run it writes its name; the second finds it, and is done.
    amqp_ask "$broker" '[ -e begun ] || { : >begun; exec sleep 60; }; echo done\n' >out &
    local client=$!
    eventually test -e begun
    amqp_worker "$broker"
    kill -KILL "$first"
    wait "$client"
    diff <(amqp_session 'done\n') out
    logged 'again: '
}

@test "X6 amqp_rpc: a worker that is stopped misses its heartbeats, and another takes over" {
    start 06-process/amqp_broker -b 1
    local broker=$PORT broker_log=$LOG
    amqp_worker "$broker"
    local first=$PID
    amqp_ask "$broker" '[ -e begun ] || { : >begun; exec sleep 60; }; echo done\n' >out &
    local client=$!
    eventually test -e begun
    amqp_worker "$broker"
    freeze "$first"
    wait "$client"
    diff <(amqp_session 'done\n') out
    logged 'again: '
    grep -q 'Missed heartbeats from a client' "$broker_log"
    kill -KILL "$first"
}

@test "X6 amqp_rpc_server: a command longer than two heartbeats is answered" {
    start 06-process/amqp_broker -b 1
    local broker=$PORT
    amqp_worker "$broker"
    amqp_ask "$broker" 'sleep 3.5; echo awake\n' >out
    diff <(amqp_session 'awake\n') out
    server_counts 0 again:
}

@test "X6 amqp_rpc: the broker is killed and started again; both are back" {
    start 06-process/amqp_broker
    local broker=$PORT broker_pid=$PID
    amqp_worker "$broker"
    local worker_log=$LOG
    mkfifo keys
    timeout 30 "$(program 06-process/amqp_rpc_client)" -p "$broker" <keys >out 2>errors 3>&- &
    local client=$!
    exec {KEYS}>keys
    echo 'echo one' >&$KEYS
    eventually grep -q one out
    echo ': >begun; sleep 60' >&$KEYS
    eventually test -e begun
    kill -KILL "$broker_pid"
    eventually grep -q '^root.*error: ' out
    "$(program 06-process/amqp_broker)" -p "$broker" >again.log 2>&1 3>&- {KEYS}>&- &
    SERVERS+=($!)
    LOGS+=("$PWD/again.log")
    LOG=$worker_log
    eventually server_counts 2 'Server is waiting RPC requests...'
    echo 'echo two' >&$KEYS
    eventually grep -q two out
    exec {KEYS}>&-
    local status=0
    wait "$client" || status=$?
    [ "$status" -eq 1 ] # a call has failed
    grep -q 'connection: Connection' errors
}

@test "X6 amqp_broker: SIGTERM tells its clients, and they say why they have lost it" {
    start 06-process/amqp_broker
    local broker_pid=$PID
    amqp_worker "$PORT"
    server_ends "$broker_pid" TERM
    logged 'The broker has closed: CONNECTION_FORCED.'
}

@test "X6 amqp_rpc: no broker, a wrong password, no AMQP: a message and status 1" {
    local status=0
    start 06-process/amqp_broker
    server_ends "$PID" TERM
    amqp_ask "$NOBODY" '' >out 2>&1 || status=$?
    [ "$status" -eq 1 ]
    grep -q 'Connection was refused by other side' out
    start 06-process/amqp_broker -u somebody:secret
    status=0
    amqp_ask "$PORT" '' >out 2>&1 || status=$?
    [ "$status" -eq 1 ]
    grep -q 'The broker has closed: ACCESS_REFUSED.' out
    start 06-process/rpc_server
    status=0
    amqp_ask "$PORT" '' >out 2>&1 || status=$?
    [ "$status" -eq 1 ]
    grep -q 'the broker hung up while the version was negotiated' out
}

# --- limits --------------------------------------------------------------------------

@test "X6 amqp_broker: more than fits blocks who publishes, until half is free" {
    start 06-process/amqp_broker -m 1
    local body size
    size=$((300000))
    body=$(head -c $size /dev/zero | tr '\0' x)
    # Four of them are more than a mebibyte; the fifth is not read.
    local message=("60.40=1:w0,s,sfull,b0" "head=1:$size")
    local part=${body:0:100000}
    message+=("body=1:$part" "body=1:$part" "body=1:$part")
    soon "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s 50.10=1:w0,sfull,b0,t get=2 \
        "${message[@]}" "${message[@]}" "${message[@]}" "${message[@]}" get=1 \
        50.10=1:w0,sfull,b1,t quiet=300 >out &
    local blocked=$!
    eventually grep -q "0 blocked 'low on memory'" out
    wait "$blocked"
    [ "$(tail -n 1 out)" = "0 blocked 'low on memory'" ]
    soon "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s 50.30=1:w0,sfull,b0 get=2 >purged
    grep -q '1 purge-ok 4' purged
    # There is room again.
    soon "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s get=1 "${message[@]}" \
        60.10=1:l0,w1,b0 get=1
}

@test "X6 amqp_broker: who is blocked is told when there is room, and is read again" {
    start 06-process/amqp_broker -m 1
    local part
    part=$(head -c 100000 /dev/zero | tr '\0' x)
    local message=("60.40=1:w0,s,sfull,b0" head=1:100000 "body=1:$part") messages=() i
    for i in {1..11}; do messages+=("${message[@]}"); done
    soon "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s 50.10=1:w0,sfull,b0,t get=2 \
        "${messages[@]}" get=1 50.10=1:w0,sfull,b1,t get=2 >out &
    local blocked=$!
    eventually grep -q blocked out
    soon "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s 50.30=1:w0,sfull,b0 get=2
    wait "$blocked"
    [ "$(tail -n 2 out | head -n 1)" = '0 unblocked' ]
    [ "$(tail -n 1 out)" = "1 declare-ok 'full' 0 0" ]
}

@test "X6 amqp_broker: a message over 16 MiB is refused, and the rest goes on" {
    start 06-process/amqp_broker
    soon "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s 20.10=2:s get=2 \
        60.40=1:w0,s,sx,b0 head=1:16777217 fill=1:16777217 get=1 60.10=2:l0,w1,b0 get=1 >out
    diff <(printf '%s\n' '1 open-ok' '2 open-ok' "1 close 406 'PRECONDITION_FAILED' 60 40" \
        '2 qos-ok') out
}

amqp_works() {
    soon "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s 50.10=1:w0,s,b4,t get=2 \
        >works
    grep -q declare-ok works
}

amqp_rough() {
    server_rough_peers amqp_works
}

@test "X6 amqp_broker: rough peers" {
    server_each amqp_broker amqp_rough
}

@test "X6 amqp_broker: a thousand rough peers" {
    needs_descriptors 600
    start 06-process/amqp_broker -r epoll
    local before
    before=$(descriptors "$PID")
    amqp_works
    peer -l -n 500 "$PORT" send='AMQP\0\0\x09\x01' until='en_US' \
        send='\x01\0\0\xff\xff\xff\xff' reset
    peer -l -n 250 "$PORT" send='AMQP\0\0\x09\x01\x01' close
    peer -l -n 250 "$PORT" send='AMQP\0\0\x09\x01' until='en_US' send='\x08\0\0\0\0\0\0\xce' reset
    eventually has_descriptors "$PID" "$before"
    amqp_works
}

@test "X6 amqp_broker: frames that come byte by byte" {
    start 06-process/amqp_broker
    peer "$PORT" drip='AMQP\0\0\x09\x01\x08\0\0\0\0\0\0\xce\x08\0\0\0\0\0\0\xce' \
        until=en_US reset
    amqp_works
}

@test "X6 amqp_rpc: memory and descriptors are the same after thousands of calls, and nobody is busy" {
    server_without_quarantine
    start 06-process/amqp_broker -r epoll
    local broker=$PORT broker_pid=$PID before after
    amqp_worker "$broker" -w 20
    local worker=$PID
    yes : | head -n 1000 >few
    local calls=2000 kib=150
    [ -z "${PROOF:-}" ] || calls=9000 kib=300
    [[ ${CFLAGS:-} != *sanitize* ]] || kib=1000 # their shadows, too
    yes : | head -n $calls >many
    before="$(descriptors "$broker_pid") $(descriptors "$worker")"
    timeout 60 "$(program 06-process/amqp_rpc_client)" -p "$broker" -c 100 <few >out
    eventually has_descriptors "$broker_pid" "${before% *}"
    eventually has_descriptors "$worker" "${before#* }"
    local dirty
    dirty=$(($(server_dirty_kib "$broker_pid") + $(server_dirty_kib "$worker")))
    timeout 100 "$(program 06-process/amqp_rpc_client)" -p "$broker" -c 100 <many >out
    eventually has_descriptors "$broker_pid" "${before% *}"
    eventually has_descriptors "$worker" "${before#* }"
    after=$(($(server_dirty_kib "$broker_pid") + $(server_dirty_kib "$worker")))
    [ $((after - dirty)) -lt $kib ] || { echo "$dirty KiB, then $after"; return 1; }
    idle "$broker_pid"
    idle "$worker"
}

# --- no memory ---------------------------------------------------------------------------

@test "proof: X6 amqp_rpc_client: whichever allocation fails, it ends and says so" {
    start 06-process/amqp_broker
    local broker=$PORT
    amqp_worker "$broker"
    server_poor_client 'echo a\necho b\n' amqp_rpc_client -p "$broker" -t 9
}

# amqp_poor PROGRAM ARGUMENT...: starts it with a C library that fails once, the
# POOR-th time. Sets PID and LOG.
amqp_poor() {
    local program=$BATS_FILE_TMPDIR/poor_$1
    [ -x "$program" ] || unit_compile "$program" "$ROOT/tests/lib/poor_library.c" \
        "$ROOT/$STAGE/examples/$1.c" "$(unit_library)" \
        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
    LOG=$BATS_TEST_TMPDIR/poor.log
    : >"$LOG" # now, or what the last one has said would be read again
    POOR=$POOR "$program" "${@:2}" >>"$LOG" 2>&1 3>&- </dev/null &
    PID=$!
}

# It may have ended, and then it has said why; it has not crashed.
amqp_poor_ends() {
    local status=0
    kill "$PID" 2>/dev/null || true
    wait_gone "$PID"
    wait "$PID" || status=$?
    # 143: the signal came before the loop.
    if [[ ! $status =~ ^(0|1|143)$ ]] || grep -E "$FAULTS" "$LOG"; then
        echo "status $status without allocation $POOR"
        cat "$LOG"
        return 1
    fi
}

poor_worker_is_up() {
    is_gone "$PID" || grep -q 'Server is waiting' "$LOG"
}

@test "proof: X6 amqp_rpc_server: whichever allocation fails, the call is answered or left for another" {
    start 06-process/amqp_broker
    local broker=$PORT status
    for POOR in {1..99}; do
        amqp_poor amqp_rpc_server -p "$broker"
        eventually poor_worker_is_up
        status=0
        amqp_ask "$broker" 'echo x\n' -t 1 >said 2>&1 || status=$?
        [ "$status" -le 1 ]
        amqp_poor_ends
        # What it has left behind, another takes.
        grep -qx poor "$LOG" || break
        soon "$ROOT/tests/$BUILD/amqp_probe" "$broker" login 20.10=1:s \
            50.10=1:w0,srpc_queue,b0,t 50.30=1:w0,srpc_queue,b0 get=3 >/dev/null
    done
    [ "$POOR" -gt 20 ] && [ "$POOR" -lt 99 ]
}

poor_broker_is_up() {
    is_gone "$PID" || ready_port
}

@test "proof: X6 amqp_broker: whichever allocation fails, somebody hears of it, and it lives" {
    local POOR
    for POOR in {1..99}; do
        amqp_poor amqp_broker -p 0
        PORT=
        eventually poor_broker_is_up
        if [ -n "$PORT" ]; then
            # Each of the two may be the one that is refused.
            timeout 5 "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s \
                50.10=1:w0,sq,b0,t 60.20=1:w0,sq,st,b0,t get=3 60.40=1:w0,s,sq,b0 \
                head=1:1 body=1:x get=3 60.80=1:q1,b0 50.40=1:w0,sq,b0 get=1 >one 2>&1 || true
            timeout 5 "$ROOT/tests/$BUILD/amqp_probe" "$PORT" login 20.10=1:s \
                50.10=1:w0,sr,b0,t get=2 >two 2>&1 || true
            is_gone "$PID" || grep -q declare-ok one || grep -q declare-ok two
        fi
        amqp_poor_ends
        grep -qx poor "$LOG" || break
    done
    [ "$POOR" -gt 5 ] && [ "$POOR" -lt 99 ]
}

# --- what the tests can see ----------------------------------------------------------------

@test "proof: X6: a broken wire is noticed" {
    unit_broken amqp_method.c 's/length > \(size_t\)\(reader->end - reader->next\)/0/' \
        amqp_wire_test each_method_there_and_back select
    unit_broken amqp_method.c 's/ \|\| reader.next < reader.end \? AMQP/ ? AMQP/' \
        amqp_wire_test each_method_there_and_back select
    unit_broken amqp_method.c 's/depth - 1\)/depth)/' amqp_wire_test nested_tables select
    unit_broken amqp_method.c 's/string->length > AMQP_SHORT_MAX/0/' amqp_wire_test long_strings select
    unit_broken amqp_method.c 's/room > left/0/' amqp_wire_test long_strings select
    unit_broken amqp_frame.c 's/if \(frame.length > self->frame_max/if (0 \&\& frame.length > self->frame_max/' \
        amqp_wire_test sizes select
    unit_broken amqp_frame.c 's/\(unsigned char\)data\[end - 1\] != FRAME_END/0/' \
        amqp_wire_test sizes select
    unit_broken amqp_frame.c 's/^    input_queue_close\(&self->input\); \/\* nothing more.*//' \
        amqp_wire_test sizes select
    unit_broken amqp_frame.c 's/body.length - sent < most/1/' amqp_wire_test bodies select
    unit_broken amqp_content.c 's/frame->length > content->left/0/' amqp_wire_test out_of_order select
    unit_broken amqp_content.c 's/content->left > most/0/' amqp_wire_test out_of_order select
    unit_broken amqp_content.c 's/ && reader.next == reader.end//' amqp_wire_test out_of_order select
}

@test "proof: X6: a broken client is noticed" {
    local test=amqp_client_test
    unit_broken amqp_channel.c 's/if \(request == self->requests\)/if (1)/' \
        $test one_question_at_a_time select
    unit_broken amqp_channel.c 's/request->method \+ 1 != method/0/' $test one_question_at_a_time select
    unit_broken amqp_channel.c 's/if \(\*link == self \|\| self->method == BASIC_CANCEL/if (1 || self->method == BASIC_CANCEL/' \
        $test one_question_at_a_time select
    unit_broken amqp_channel.c 's/: self->client->blocked /: 0 /' $test blocked select
    unit_broken amqp_channel.c 's/\} else if \(!consumer \|\| consumer->leaving\)/} else if (!consumer)/' \
        $test messages select
    unit_broken amqp_channel.c 's/ && method == CHANNEL_CLOSE_OK\)/ \&\& 0)/' $test a_channel_dies select
    unit_broken amqp_channel.c 's/ && method != CHANNEL_CLOSE\)/)/' $test a_queue_dies select
    unit_broken amqp_client.c 's/if \(self->reason.type\)/if (0)/' $test the_broker_closes select
    unit_broken amqp_client.c 's/^        leave\(self\);$/        self->state = CLIENT_CLOSED;/' \
        $test the_broker_closes select
    unit_broken amqp_client.c 's/AMQP_HANDSHAKE_TIMEOUT\);/99);/' $test handshake_cut_off select
    unit_broken amqp_client.c 's/ok.numbers\[1\] < AMQP_FRAME_MIN/0/' $test odd_brokers select
    unit_broken amqp_frame.c 's/self->heard \|\| self->input.paused/self->heard/' $test heartbeats select
    unit_broken amqp_frame.c 's/    self->heard = true; \/\* its silence.*//' $test heartbeats select
    unit_broken amqp_frame.c 's/if \(!self->said\)/if (0)/' $test heartbeats select
    unit_broken amqp_caller.c 's/&& !amqp_is\(message->properties.correlation_id, call->id\)/\&\& 0/' \
        $test calls select
    unit_broken amqp_caller.c 's/while \(self->calls\)/while (0)/' $test calls select
}

# amqp_broken FILE SCRIPT PROBE: with the file broken a line of amqp.probes fails.
amqp_broken() {
    local folder=$BATS_TEST_TMPDIR/broken steps ours
    unit_copy "$1" "$2" "$folder"
    unit_compile "$folder/amqp_broker" "$folder/$1" \
        "$ROOT/$STAGE/examples/amqp_broker.c" "$(unit_library)"
    LOG=$folder/log
    : >"$LOG" # now, or the last one's port would be read once more
    "$folder/amqp_broker" -p 0 >>"$LOG" 2>&1 3>&- </dev/null &
    SERVERS+=($!)
    eventually ready_port
    IFS='|' read -r _ steps ours _ < <(grep "^$3|" "$ROOT/tests/lib/amqp.probes")
    # shellcheck disable=SC2086 # steps are words
    if [ "$(timeout 3 "$ROOT/tests/$BUILD/amqp_probe" "$PORT" $steps 2>&1 | paste -sd ';')" = "$ours" ]
    then
        echo "not noticed by '$3': $1 $2"
        return 1
    fi
}

@test "proof: X6: a broken broker is noticed" {
    amqp_broken broker_queue.c 's/\(\*link\)->sequence < message->sequence/1/' 'nack of several'
    amqp_broken broker_queue.c 's/message->redelivered = true/(void)0/' 'reject, and back again'
    amqp_broken broker_queue.c 's/self->out < self->prefetch/1/' 'prefetch 1'
    amqp_broken broker_queue.c 's/self->consumers = consumer->ring;$/(void)0;/' 'two consumers take turns'
    amqp_broken broker_queue.c 's/if \(self->bits & QUEUE_AUTO_DELETE\)/if (0)/' auto-delete
    amqp_broken broker_channel.c 's/^    end_deliveries\(self, UINT64_MAX, true\);//' \
        'what a channel had out comes back'
    amqp_broken broker_channel.c 's/if \(find_consumer\(self, tag\)\)/if (0)/' 'the same tag twice'
    amqp_broken broker_channel.c 's/PUBLISH_MANDATORY\)/0)/' 'publish to nowhere, mandatory'
    amqp_broken broker_channel.c 's/bits & CONSUME_EXCLUSIVE\)\)/0))/' 'a consumer, and an exclusive one'
    amqp_broken broker_connection.c 's/number <= self->channel_max/1/' 'a channel beyond channel-max'
    amqp_broken broker_connection.c 's/numbers\[1\] > AMQP_FRAME_MAX/0/' 'tune: a larger frame'
    amqp_broken broker_connection.c 's/else if \(channel->content.expects != CONTENT_NONE\)/else if (0)/' \
        'a method inside content'
}
