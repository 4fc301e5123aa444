#!/usr/bin/env bats
# The message broker room beside real peers: RabbitMQ, and pika, the library of
# the documents' two programs. What is missing is skipped, and says so.

# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/amqp
load ../lib/rabbitmq

STAGE=06-process

setup_file() {
    make -s -C "$ROOT/tests" BUILD="$BUILD" >&2 || return 1
    make -s -C "$ROOT/$STAGE" BUILD="$BUILD" >&2 || return 1
    rabbit_missing || rabbit_start "$BATS_FILE_TMPDIR/rabbit" || {
        tail -n 20 "$RABBIT/log.txt"
        return 1
    }
}

teardown_file() {
    rabbit_stop
}

need_rabbit() {
    ! rabbit_missing || skip 'no RabbitMQ here: apt-get install rabbitmq-server'
}

need_pika() {
    PYTHON=$(pika_python) || skip 'no python3 here has pika: apt-get install python3-pika'
}

# pika_worker PORT [HEARTBEAT]: the documents' server.
pika_worker() {
    LOG=$BATS_TEST_TMPDIR/pika-${#LOGS[@]}.log
    "$PYTHON" -u "$ROOT/tests/peers/amqp.py" server "$@" >"$LOG" 2>&1 3>&- </dev/null &
    PID=$!
    SERVERS+=("$PID")
    LOGS+=("$LOG")
    logged 'Server is waiting RPC requests...'
}

# One cell: BROKER-PORT WORKER CLIENT, each "ours" or "pika". A worker takes a
# call and is killed; another answers it, and two more.
cell() {
    local worker=amqp_worker first client
    [ "$2" = ours ] || worker=pika_worker
    $worker "$1"
    first=$PID
    printf '%s\n' '[ -e begun ] || { : >begun; exec sleep 60; }; echo third time' \
        'echo hello' 'id -u' >typed
    if [ "$3" = ours ]; then
        soon "$(program 06-process/amqp_rpc_client)" -p "$1" <typed >said 3>&- &
    else
        soon "$PYTHON" "$ROOT/tests/peers/amqp.py" client "$1" <typed >said 3>&- &
    fi
    client=$!
    eventually test -e begun
    kill -KILL "$first"
    $worker "$1"
    wait "$client"
    diff <(amqp_session 'third time\n' 'hello\n' "$(id -u)\n") said
    # The worker's words, but for the time and what is ours alone.
    diff <(printf 'Server is waiting RPC requests...\n'
        printf '%s client execute \033[1;31;0m%s\033[0m result:\n%s\n\n' \
            TIME "$(head -n 1 typed)" 'third time' TIME 'echo hello' hello \
            TIME 'id -u' "$(id -u)") \
        <(sed -E 's/^(again: )?[0-9-]{10} [0-9:]{8}/TIME/' "$LOG")
}

@test "X6: our broker, our worker, our client" {
    start 06-process/amqp_broker
    cell "$PORT" ours ours
}

@test "X6: our broker, our worker, pika's client" {
    need_pika
    start 06-process/amqp_broker
    cell "$PORT" ours pika
}

@test "X6: our broker, pika's worker, our client" {
    need_pika
    start 06-process/amqp_broker
    cell "$PORT" pika ours
}

@test "X6: our broker, pika's worker, pika's client" {
    need_pika
    start 06-process/amqp_broker
    cell "$PORT" pika pika
}

@test "X6: RabbitMQ, our worker, our client" {
    need_rabbit
    cell "$RABBIT_PORT" ours ours
}

@test "X6: RabbitMQ, our worker, pika's client" {
    need_rabbit
    need_pika
    cell "$RABBIT_PORT" ours pika
}

@test "X6: RabbitMQ, pika's worker, our client" {
    need_rabbit
    need_pika
    cell "$RABBIT_PORT" pika ours
}

@test "X6: RabbitMQ, pika's worker, pika's client: what the others are compared with" {
    need_rabbit
    need_pika
    cell "$RABBIT_PORT" pika pika
}

@test "X6: what a raw peer sees of RabbitMQ: the same, but for what amqp.probes says" {
    need_rabbit
    amqp_probe_all "$RABBIT_PORT" theirs
}

@test "X6: RabbitMQ, heartbeat 2: our worker answers a command that takes longer" {
    need_rabbit
    amqp_worker "$RABBIT_PORT" -q long
    amqp_ask "$RABBIT_PORT" 'sleep 7; echo awake\n' -q long >said
    diff <(amqp_session 'awake\n') said
    server_counts 0 again:
}

@test "X6: RabbitMQ, heartbeat 2: the documents' worker is cut off, and ours takes over" {
    need_rabbit
    need_pika
    pika_worker "$RABBIT_PORT" 2
    amqp_ask "$RABBIT_PORT" '[ -e begun ] || { : >begun; sleep 9; }; echo done\n' >said &
    local client=$!
    eventually test -e begun
    logged 'execute' || true
    amqp_worker "$RABBIT_PORT"
    wait "$client"
    diff <(amqp_session 'done\n') said
    logged 'again: '
}

@test "X6: RabbitMQ: a worker that is stopped misses its heartbeats" {
    need_rabbit
    amqp_worker "$RABBIT_PORT" -q frozen
    local first=$PID
    amqp_ask "$RABBIT_PORT" '[ -e begun ] || { : >begun; exec sleep 60; }; echo done\n' \
        -q frozen >said &
    local client=$!
    eventually test -e begun
    amqp_worker "$RABBIT_PORT" -q frozen
    freeze "$first"
    wait "$client"
    diff <(amqp_session 'done\n') said
    kill -KILL "$first"
}

@test "X6: RabbitMQ is low on memory: our client waits, and goes on" {
    need_rabbit
    amqp_worker "$RABBIT_PORT" -q blocked
    mkfifo keys
    # The two commands to RabbitMQ below take half a minute on a busy machine.
    DEADLINE=120 soon "$(program 06-process/amqp_rpc_client)" -p "$RABBIT_PORT" -q blocked <keys >said 3>&- &
    local client=$!
    exec {KEYS}>keys
    echo 'echo one' >&$KEYS
    eventually grep -q one said
    rabbit_control set_vm_memory_high_watermark absolute 1 >&2
    echo 'echo two' >&$KEYS
    sleep 1 # there is nothing that could be waited for: nothing happens
    [ "$(grep -c two said)" -eq 0 ]
    rabbit_control set_vm_memory_high_watermark 0.4 >&2
    eventually grep -q two said
    exec {KEYS}>&-
    wait "$client"
}

# rabbit_dies SIGNAL: worker and client come back when RabbitMQ does.
rabbit_dies() {
    local client status=0 worker_log RABBIT_WANTED
    need_rabbit
    amqp_worker "$RABBIT_PORT" -q "dies$1"
    worker_log=$LOG
    mkfifo keys
    DEADLINE=60 soon "$(program 06-process/amqp_rpc_client)" -p "$RABBIT_PORT" -q "dies$1" \
        <keys >said 2>errors 3>&- &
    client=$!
    exec {KEYS}>keys
    echo ': >begun; exec sleep 60' >&$KEYS
    eventually test -e begun
    RABBIT_WANTED=$RABBIT_PORT
    rabbit_end "$1"
    eventually grep -q 'error: ' said
    [ "$1" = KILL ] || grep -q 'error: The broker has closed: CONNECTION_FORCED.' said
    rabbit_boot {KEYS}>&-
    LOG=$worker_log
    eventually server_counts 2 'Server is waiting RPC requests...'
    echo 'echo back' >&$KEYS
    eventually grep -q back said
    exec {KEYS}>&-
    wait "$client" || status=$?
    [ "$status" -eq 1 ] # a call has failed
}

@test "X6: RabbitMQ is stopped by SIGTERM and started again" {
    rabbit_dies TERM
}

@test "X6: RabbitMQ is killed and started again" {
    rabbit_dies KILL
}
