#!/usr/bin/env bats
# Stages 01 and 02: what every server and client of them does.

load ../lib/helpers

# --- Common: every server and client of the first two stages --------------

# common_programs SUFFIX: prints STAGE/NAME of each program *_SUFFIX, built.
common_programs() {
    local stage source
    for stage in 01-blocking 02-select; do
        [ -d "$ROOT/$stage" ] || continue
        make -s -C "$ROOT/$stage" BUILD="$BUILD" >&2 || return 1
        for source in "$ROOT/$stage/examples/"*"_$1.c"; do
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

@test "Common: SIGTERM and SIGINT end a server that was started with them blocked" {
    local program signal status programs
    env --block-signal=TERM true 2>/dev/null || skip "env cannot block signals"
    programs=$(common_programs server)
    for program in $programs; do
        for signal in TERM INT; do
            UNDER="env --block-signal=$signal --ignore-signal=$signal" start "$program"
            status=0
            kill "-$signal" "$PID"
            wait_gone "$PID"
            wait "$PID" || status=$?
            [ "$status" -eq $((128 + $(kill -l "$signal"))) ]
        done
    done
}

@test "Common: a server whose output has reached the limit of files goes on" {
    local old
    old=$(ulimit -Sf)
    ulimit -Sf 1
    start 01-blocking/udp_server
    ulimit -Sf "$old"
    for _ in {1..3}; do
        run peer -u "$PORT" "send=$(printf 'x%.0s' {1..1000})" recv=2
        [ "$output" = ok ]
    done
    [ "$(wc -c <"$LOG")" -le 1024 ]
}

# A terminal would obey this; a person can read that.
@test "B1 B4 B5 S1: clients show what a server says, and none of it is obeyed" {
    local shown='数据\x1b]0;x\x07\xc2\x9b\xe2\x80\xae\xff' sent
    printf -v sent '%b' "$shown"
    make -s -C "$ROOT/02-select" BUILD="$BUILD" >&2
    start tests/puppet "send=hi" wait=words "drip=$sent"$'\n\tend' wait=no
    run soon "$(program 01-blocking/command_client)" -p "$PORT" <<<words
    [ "$output" = "hi
>>>:$shown
	end
>>>:" ]
    start tests/puppet wait=words 'send=Ready|23' wait=start "send=$sent"$'\n\tend' wait=no
    run soon "$(program 01-blocking/shell_client)" -p "$PORT" <<<words
    [ "$output" = ">>>:message size 23 recv size 23
$shown
	end
>>>:" ]
    start tests/puppet "send=hi" wait=words "send=$sent"$'\n\tend' wait=no
    run soon "$(program 02-select/select_client)" -p "$PORT" <<<words
    [ "$output" = "hi
>>>:$shown
	end
>>>:" ]
    start tests/puppet wait=words $'send=\x1b[2JX' wait=no
    run soon "$(program 01-blocking/upper_client)" -p "$PORT" <<<words
    [ "$output" = '>>>:\x1b[2JX
>>>:' ]
    start tests/puppet "send=$sent" wait=file
    run soon "$(program 01-blocking/put_client)" -p "$PORT" <<<exit
    [ "$output" = "$shown
>>>:" ]
}

@test "Common: -h prints the usage on standard output, status 0" {
    local programs program
    programs="$(common_programs server) $(common_programs client)"
    for program in $programs; do
        common_run "$program" -h < /dev/null
        [ "$STATUS" -eq 0 ]
        grep -q "^usage: ${program#*/} .*\[-p PORT\].*\[-h\]" out
        [ ! -s err ]
        common_run "$program" -p 80 -h --no-such < /dev/null
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
        common_run "$program" -p "$NOBODY" <<< 'hello'
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
    local status=0
    start 01-blocking/upper_server
    soon "$(program 01-blocking/upper_client)" -p "$PORT" < /dev/null >&- || status=$?
    [ "$status" -eq 1 ] # 0: the connection is 1, and takes what is printed
}

# common_unit NAME [SOURCE...]: builds NAME.c as ./NAME; what else it needs comes
# from the stage's library.
common_unit() {
    local sources=("${@:2}")
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        ${CFLAGS:--O2} ${CPPFLAGS:-} -I"$ROOT/01-blocking" -o "$1" \
        "$ROOT/tests/01-blocking/$1.c" "${sources[@]/#/$ROOT/01-blocking/}" \
        "$ROOT/01-blocking/$BUILD/stage.a"
}

@test "Common: net.c keeps the promises of net.h" {
    common_unit net_test
    soon ./net_test
}

@test "Common: text.c keeps the promises of text.h" {
    common_unit text_test
    soon ./text_test
}

@test "Common: net.c keeps them in its portable form, too" {
    CPPFLAGS=-DNET_PORTABLE common_unit net_test net/net.c
    soon ./net_test
}

# common_options ARGUMENT...: the unit test's program; sets STATUS and OUTPUT.
common_options() {
    STATUS=0
    OUTPUT=$(soon ./options_test "$@" 2>err) || STATUS=$?
    echo "--- $*: $STATUS $OUTPUT"
}

@test "Common: options that are right are taken" {
    common_unit options_test
    local rest='naive=0 directory=. clients=2 model=single path=P'
    common_options server P
    [ "$OUTPUT" = "server: port=9000 interface=127.0.0.1 $rest" ]
    common_options a/dir/client
    [ "$OUTPUT" = "client: port=9000 host=127.0.0.1 ${rest%P}none" ]
    common_options client example
    [ "$OUTPUT" = "client: port=9000 host=example ${rest%P}none" ]
    common_options plain P
    [ "$OUTPUT" = "plain: port=9000 $rest" ]
    common_options plain P M
    [ "$OUTPUT" = "plain: port=9000 $rest more=M" ]
    common_options server --naive -d D -c 64 --model threads -p 65535 -i :: P
    [ "$OUTPUT" = 'server: port=65535 interface=:: naive=1 directory=D clients=64 model=threads path=P' ]
    # The last one counts; 0 is a number; a value may look like an option.
    common_options server -p 1 -p 0 -c 0 -d a -d -h P
    [ "$OUTPUT" = 'server: port=0 interface=127.0.0.1 naive=0 directory=-h clients=0 model=single path=P' ]
    # After -- and after the first operand there are no options.
    common_options plain -- -p -c
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}-p more=-c" ]
    common_options plain P -h
    [ "$OUTPUT" = "plain: port=9000 $rest more=-h" ]
    common_options plain -- -h
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}-h" ]
    common_options plain -
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}-" ]
    common_options plain ''
    [ "$OUTPUT" = "plain: port=9000 ${rest%P}" ]
    [ "$STATUS" -eq 0 ]
}

@test "Common: options that are wrong are not" {
    common_unit options_test
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
    common_options client H S
    [ "$STATUS" -eq 2 ]
}

@test "Common: the usage names every option with a word" {
    common_unit options_test
    local rest='[--naive] [-d DIR] [-c CLIENTS_MAX] [--model single|threads] [-h]'
    common_options server -h
    [ "$OUTPUT" = "usage: server [-p PORT] [-i INTERFACE] $rest PATH [MORE]" ]
    common_options client -h
    [ "$OUTPUT" = "usage: client [-p PORT] $rest [HOST]" ]
    common_options plain -h -z
    [ "$OUTPUT" = "usage: plain $rest PATH [MORE]" ]
    [ "$STATUS" -eq 0 ]
    [ ! -s err ]
}

@test "Common: a closed standard descriptor is not taken for a socket" {
    common_unit options_test
    soon ./options_test plain P > out < /dev/null
    soon ./options_test plain P <&- > /dev/null
    soon ./options_test plain P <&- 2>&- > /dev/null
}

@test "Common: what was printed and is lost is no success" {
    local closed=0 full=0
    common_unit options_test
    soon ./options_test plain P >&- 2> err || closed=$?
    soon ./options_test plain P > /dev/full 2>> err || full=$?
    [ "$closed $full" = '1 1' ]
    [ "$(sort -u err)" = 'plain: standard output: cannot be written' ]
}
