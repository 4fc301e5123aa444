# A RabbitMQ of our own, apart from any that the system runs: `load ../lib/rabbitmq`.
# Everything of it is under RABBIT, two processes, ended by their numbers.

# shellcheck disable=SC2034 # what it sets is for the tests

RABBIT_SERVER=/usr/lib/rabbitmq/bin/rabbitmq-server

rabbit_missing() {
    [ ! -x "$RABBIT_SERVER" ] || ! command -v epmd >/dev/null
}

# A Python that has pika.
pika_python() {
    local python
    for python in /usr/bin/python3 python3; do
        "$python" -c 'import pika' 2>/dev/null && echo "$python" && return
    done
    return 1
}

# rabbit_environment COMMAND...: becomes that command, as a part of our RabbitMQ;
# for a subshell. So the number of the subshell is that of RabbitMQ itself.
rabbit_environment() {
    exec env HOME="$RABBIT" ERL_EPMD_PORT="$EPMD_PORT" ERL_EPMD_ADDRESS=127.0.0.1 \
        RABBITMQ_NODENAME="untwist-${RABBIT##*/}@localhost" \
        RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="${RABBIT_WANTED:-0}" \
        RABBITMQ_DIST_PORT="$DIST_PORT" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        RABBITMQ_MNESIA_BASE="$RABBIT/mnesia" RABBITMQ_LOG_BASE="$RABBIT/log" \
        RABBITMQ_LOGS=- RABBITMQ_CONF_ENV_FILE="$RABBIT/none" \
        RABBITMQ_CONFIG_FILE="$RABBIT/rabbitmq" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$RABBIT/enabled_plugins" \
        RUNNING_UNDER_SYSTEMD=1 "$@"
}

# The ports on which a process listens, from /proc: RabbitMQ's log says 0.
rabbit_listens() { # PID
    local inode end
    while read -r inode end; do
        if readlink "/proc/$1/fd"/* 2>/dev/null | grep -qxF "socket:[$inode]"; then
            echo $((16#${end##*:}))
        fi
    done < <(awk '$4 == "0A" { print $10, $2 }' /proc/net/tcp)
}

rabbit_is_up() {
    grep -q 'Server startup complete' "$RABBIT/log.txt" || is_gone "$RABBIT_PID"
}

# rabbit_boot: starts it on the ports that are set. Sets RABBIT_PID, RABBIT_PORT.
rabbit_boot() {
    : >"$RABBIT/log.txt" # now: that of the last time says that it is up
    rabbit_environment "$RABBIT_SERVER" >>"$RABBIT/log.txt" 2>&1 3>&- </dev/null &
    RABBIT_PID=$!
    echo "$RABBIT_PID" >"$RABBIT/pid" # a test may start it again; who ends it
                                      # in the end is another process
    DEADLINE=120 eventually rabbit_is_up
    grep -q 'Server startup complete' "$RABBIT/log.txt" || return 1
    RABBIT_PORT=$(rabbit_listens "$RABBIT_PID" | grep -vx "$DIST_PORT" | head -n 1)
    export RABBIT_PID RABBIT_PORT
    [ -n "$RABBIT_PORT" ]
}

# rabbit_start DIRECTORY: three pairs of ports are tried. An epmd of our own comes
# first: without one RabbitMQ starts a daemon, on all interfaces, that stays.
rabbit_start() {
    local try
    export RABBIT=$1 EPMD_PORT DIST_PORT EPMD_PID
    mkdir -p "$RABBIT"
    echo '[].' >"$RABBIT/enabled_plugins"
    printf '%s\n' 'log.console = true' 'log.console.level = info' 'log.file = false' \
        'heartbeat = 2' >"$RABBIT/rabbitmq.conf"
    for try in 1 2 3; do
        EPMD_PORT=$((20000 + RANDOM % 6000))
        DIST_PORT=$((26000 + RANDOM % 6000))
        epmd -port "$EPMD_PORT" -address 127.0.0.1 >/dev/null 2>&1 3>&- </dev/null &
        EPMD_PID=$!
        sleep 0.3 # an epmd without its port ends without a word
        is_gone "$EPMD_PID" && continue
        rabbit_boot && return
        rabbit_stop
    done
    return 1
}

# rabbit_end [SIGNAL]: RabbitMQ alone; its children follow by themselves.
rabbit_end() {
    RABBIT_PID=$(cat "$RABBIT/pid")
    kill "-${1:-TERM}" "$RABBIT_PID" 2>/dev/null || true
    DEADLINE=30 wait_gone "$RABBIT_PID" || kill -KILL "$RABBIT_PID"
}

rabbit_stop() {
    [ ! -f "${RABBIT:-/nowhere}/pid" ] || rabbit_end TERM
    [ -z "${EPMD_PID:-}" ] || kill "$EPMD_PID" 2>/dev/null || true
}

rabbit_control() {
    (rabbit_environment /usr/lib/rabbitmq/bin/rabbitmqctl -q \
        --node "untwist-${RABBIT##*/}@localhost" "$@")
}
