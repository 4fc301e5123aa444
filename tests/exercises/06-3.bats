#!/usr/bin/env bats
# cmd_server has a command more: count, answered with what `wc -l -- FILE`
# prints.

load ../lib/helpers

# fake_wc: a program of that name, from standard input, is found first.
fake_wc() {
    mkdir -p bin
    { echo '#!/bin/sh'; cat; } >bin/wc
    chmod +x bin/wc
    PATH=$PWD/bin:$PATH
}

@test "count is answered, and the lines behind it afterwards, in order" {
    seq 12 >file
    start 06-process/cmd_server -l "$PWD/file"
    run peer "$PORT" send='count\ncount\nnonsense\n' until='not found.\n'
    diff <(echo "$output") - <<END
12 $PWD/file
12 $PWD/file
Command not found.
END
}

@test "what comes after wc has exited is part of the answer" {
    seq 12 >file
    # shellcheck disable=SC2016 # the fake one's own parameter
    fake_wc <<<'(sleep 0.5; echo "12 $3") &'
    start 06-process/cmd_server -l "$PWD/file"
    run peer "$PORT" send='count\nnonsense\n' until='not found.\n'
    diff <(echo "$output") - <<END
12 $PWD/file
Command not found.
END
}

@test "a server that ends leaves no wc behind" {
    fake_wc <<<"echo \$\$ >$PWD/pid; exec tail -f /dev/null"
    start 06-process/cmd_server -l "$PWD/file"
    # Its client waits, and its connection is lost with the loop.
    peer -l "$PORT" send='count\n' eof 3>&- >waiting 2>&1 &
    SERVERS+=($!)
    eventually test -s pid
    kill "$PID"
    wait_gone "$(cat pid)"
}

# With an answer that nobody reads the end is a reset.
@test "a client that goes leaves no wc behind" {
    fake_wc <<<"echo \$\$ >$PWD/pid; exec tail -f /dev/null"
    start 06-process/cmd_server -l "$PWD/file"
    local before client
    for before in '' 'nonsense\n'; do
        rm -f pid
        exec {client}<>"/dev/tcp/127.0.0.1/$PORT"
        printf '%b' "${before}count\n" >&"$client"
        eventually test -s pid
        exec {client}>&-
        wait_gone "$(cat pid)"
    done
}
