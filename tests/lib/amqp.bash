# For the bats files of the message broker: `load ../lib/amqp`.

# shellcheck disable=SC2034,SC2153 # what it sets is for the tests

# amqp_worker PORT [OPTION...]: starts a worker, and waits until it consumes.
amqp_worker() {
    launch 06-process/amqp_rpc_server -p "$1" "${@:2}"
    logged 'Server is waiting RPC requests...'
}

# amqp_ask PORT INPUT [OPTION...]: a client that is given these lines.
amqp_ask() {
    printf '%b' "$2" | timeout "$((DEADLINE * 3))" \
        "$(program 06-process/amqp_rpc_client)" -p "$1" "${@:3}" 3>&-
}

# amqp_session ANSWER...: what a client prints, with these answers.
amqp_session() {
    local answer
    printf 'This program use rabbitMQ send your OS command to server, your can use common'
    printf ' command at here, enjoy it!\n\te.g.\n\t\t1.ls\n\t\t2.pwd\n\t\t3.free -m\n'
    printf '\t\t4.df -Th\n\t\t5.netstat -anplute\n'
    for answer; do printf 'root@client>> %b\n' "$answer"; done
    printf 'root@client>> '
}

# amqp_says PORT INPUT ANSWER...: that is what the client prints.
amqp_says() {
    diff <(amqp_session "${@:3}") <(amqp_ask "$1" "$2")
}

# amqp_broker_has_clients COUNT: so many, at least, are connected to PORT.
amqp_broker_has_clients() {
    local port
    port=$(printf '%04X' "$PORT")
    [ "$(awk -v end=":$port\$" '$2 ~ end && $4 == "01"' /proc/net/tcp | wc -l)" -ge "$1" ]
}

# amqp_probe_all PORT ours|theirs: each line of amqp.probes gets its answer.
amqp_probe_all() {
    local name steps ours theirs want got failed=0
    while IFS='|' read -r name steps ours theirs; do
        want=$ours
        [ "$2" = ours ] || want=${theirs:-$ours}
        case $name in '#'* | '') continue ;; esac
        [ "$want" != - ] || continue
        # shellcheck disable=SC2086 # steps are words
        got=$(soon "$ROOT/tests/$BUILD/amqp_probe" "$1" $steps 2>&1 | paste -sd ';')
        [ "$got" = "$want" ] || {
            printf '%s: %s\nwant: %s\ngot:  %s\n' "$name" "$steps" "$want" "$got"
            failed=1
        }
    done <"$ROOT/tests/lib/amqp.probes"
    return "$failed"
}
