#!/usr/bin/env bats
# Every client of every stage, when its standard descriptors are closed or full.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers

# clients_each COMMAND...: with STATUS, CLIENT and ARGUMENTS for each client,
# beside its server.
clients_each() {
    local name
    for name in 01-blocking/{upper,udp,command,shell,put} 02-select/select \
        04-protocols/{echo,hello,int32,udp,multicast,put} 05-deferred/rpc \
        06-process/{rpc,shell}; do
        start "${name}_server"
        CLIENT=${name}_client ARGUMENTS=(-p "$PORT")
        "$@"
        [ "$name" != 06-process/shell ] || {
            ARGUMENTS+=(--stream)
            "$@"
        }
    done
    for name in 04-protocols/{unix,unix_datagram}; do
        launch "${name}_server" "$PWD/${name#*/}"
        logged 'listening on'
        CLIENT=${name}_client ARGUMENTS=("$PWD/${name#*/}")
        "$@"
    done
}

# A person who never leaves types an endless file to it.
clients_cannot_print() {
    local status=0
    echo "$CLIENT, standard output is ${1:-closed}"
    set +e
    if [ "$1" ]; then
        yes 'put /etc/passwd' | soon "$(program "$CLIENT")" "${ARGUMENTS[@]}" >"$1" 2>said
    else
        yes 'put /etc/passwd' | soon "$(program "$CLIENT")" "${ARGUMENTS[@]}" >&- 2>said
    fi
    status=${PIPESTATUS[1]}
    set -e
    cat said
    [ "$status" -eq 1 ]
    diff said <(echo "${CLIENT#*/}: standard output: cannot be written")
}

@test "S27: a client whose output is full ends, status 1" {
    clients_each clients_cannot_print /dev/full
}

@test "S27: a client whose output is closed ends, status 1" {
    clients_each clients_cannot_print ''
}

clients_hear_nobody() {
    echo "$CLIENT, standard input is closed"
    [ "$CLIENT" != 04-protocols/hello_client ] || return 0 # it types itself
    soon "$(program "$CLIENT")" "${ARGUMENTS[@]}" <&- >said 2>&1
}

@test "S27: a client whose input is closed ends, status 0" {
    clients_each clients_hear_nobody
}

# The answer is lost; the person is silent, and does not leave.
@test "S27: a client that waits for its person ends when its answer is lost" {
    local name gate status
    mkfifo keys
    for name in 05-deferred/rpc 06-process/{rpc,shell} 04-protocols/udp; do
        start "${name}_server"
        exec {gate}<>keys
        echo 'echo hello' >&"$gate"
        status=0
        soon "$(program "${name}_client")" -p "$PORT" <keys >/dev/full || status=$?
        exec {gate}>&-
        [ "$status" -eq 1 ]
    done
}
