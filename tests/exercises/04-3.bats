#!/usr/bin/env bats
# chat_server tells a newcomer the last ten lines, whoever said them and
# whether or not they are still there.

load ../lib/helpers

export GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=165

# speaks TEXT: a client says it and leaves. Sets NAME.
speaks() {
    NAME=127.0.0.1:$(peer "$PORT" port send="$1" shutdown eof | head -n 1)
    logged "$NAME has gone"
}

# told LAST: what a newcomer is told, up to that line.
told() {
    peer "$PORT" until="$1\r\n" quiet=200 | tr -d '\r'
}

@test "a newcomer is told what was said, by whom, once they have gone" {
    start 04-protocols/chat_server
    speaks 'one\ntwo\n'
    local first=$NAME
    speaks 'three\n'
    diff <(told three) <(echo "$first> one"; echo "$first> two"; echo "$NAME> three")
    diff <(told three) <(echo "$first> one"; echo "$first> two"; echo "$NAME> three")
}

@test "ten lines and no more, the oldest first" {
    start 04-protocols/chat_server
    speaks '1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n'
    diff <(told 13) <(seq -f "$NAME> %g" 4 13)
}

@test "the first of all is told nothing, and nothing is left at the end" {
    start 04-protocols/chat_server
    peer "$PORT" quiet=300
    speaks 'a line\n'
    kill "$PID"
    wait "$PID"
}
