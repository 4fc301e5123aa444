#!/usr/bin/env bats
# The harnesses of tests/fuzz without a fuzzer: under the sanitizers, where
# there are some, every seed is played, and a broken parser is noticed. What
# `make fuzz` has found is a seed, too, once it is mended.

load ../lib/helpers
load ../lib/unit

FUZZ=$ROOT/tests/fuzz

# The place and the flags of `make sanitize`, whatever the other tests have.
setup_file() {
    export FUZZ_BUILD=build/sanitize FUZZ_FLAGS='-O1 -g'
    FUZZ_FLAGS+=' -fno-omit-frame-pointer -fsanitize=address,undefined'
    FUZZ_FLAGS+=' -fno-sanitize-recover=all'
    echo 'int main(void) { return 0; }' >"$BATS_FILE_TMPDIR/empty.c"
    # shellcheck disable=SC2086 # flags are words
    "${CC:-cc}" $FUZZ_FLAGS -o "$BATS_FILE_TMPDIR/empty" \
        "$BATS_FILE_TMPDIR/empty.c" 2>&1 ||
        FUZZ_BUILD=build/fuzz FUZZ_FLAGS='-O1 -g'
    make -s -C "$FUZZ" BUILD="$FUZZ_BUILD" CFLAGS="$FUZZ_FLAGS" >&2
}

@test "every harness has seeds, and holds for each of them" {
    local source name folder=$ROOT/tests/$FUZZ_BUILD/fuzz failed=0
    for source in "$FUZZ"/*.c; do
        name=${source##*/}
        name=${name%.c}
        [ "$name" = fuzz ] ||
            soon "$folder/$name" "$folder/seeds/$name"/* ||
            { echo "$name: status $?"; failed=1; }
    done
    [ "$failed" -eq 0 ]
}

# broken STAGE/FILE SCRIPT NAME: breaks a copy of FILE with a sed script; then
# the harness must fail, and not because it takes too long.
broken() {
    local file=${1#*/} name=$3 status=0 source
    local -x STAGE=${1%%/*} BUILD=$FUZZ_BUILD CFLAGS=$FUZZ_FLAGS
    source=$ROOT/$STAGE/$(unit_file "$file")
    sed -E "$2" "$source" >"$file"
    if cmp -s "$file" "$source"; then
        echo "$file is not broken by: $2"
        return 1
    fi
    unit_compile broken -I"$FUZZ" "$file" "$FUZZ/$name.c" "$FUZZ/fuzz.c" \
        "$(unit_library)" 2>warnings || { cat warnings; return 1; }
    soon ./broken "$ROOT/tests/$FUZZ_BUILD/fuzz/seeds/$name"/* >log 2>&1 ||
        status=$?
    if [[ $status =~ ^(0|2|124|137)$ ]]; then
        echo "$name: status $status, $file is broken by: $2"
        cat log
        return 1
    fi
}

@test "proof: a broken receiver is noticed: lines, netstrings, numbers, turns" {
    [ "$FUZZ_BUILD" = build/sanitize ] || skip "no sanitizers"
    local stage=04-protocols
    broken $stage/line_receiver.c 's/\(unsigned\)\(left - size \+ 1\)/(unsigned)left/' line_receiver
    broken $stage/line_receiver.c 's/left >= maximum \+ size/false/' line_receiver
    broken $stage/line_receiver.c 's/paused \|\| transport/delivering \&\& transport/' line_receiver
    broken $stage/netstring_receiver.c 's/count > 0 && value == 0/false/' netstring_receiver
    broken $stage/netstring_receiver.c 's/there <= number/there < number/' netstring_receiver
    broken $stage/int_receiver.c 's/(announced > )\(maximum/\12 * (maximum/' int_receiver
    broken $stage/int_receiver.c 's/length < prefix/length < prefix - 1/' int_receiver
    broken $stage/input_queue.c 's/return !queue->paused \&\& /return /' int_receiver
    broken $stage/input_queue.c 's/^    buffer_clear\(&queue->kept\)//' int_receiver
    broken 06-process/sequential_line_receiver.c 's/self->busy \|\| self->write_watermark.full/self->busy/' sequential_line_receiver
}

@test "proof: a broken parser is noticed: JSON, answers, URLs, HTTP, remote calls" {
    [ "$FUZZ_BUILD" = build/sanitize ] || skip "no sanitizers"
    local stage=05-deferred
    broken 04-protocols/json.c 's/reader->next < reader->end \?/reader->next <= reader->end ?/' json
    broken 04-protocols/json.c "s/byte == '\"' \\|\\| byte/byte/" json
    broken 04-protocols/put_wire.c 's/length < whole \? 0 : whole;/whole;/' put_wire
    broken $stage/url.c 's/up \&\& to > path \&\& /up \&\& /' url
    broken $stage/url.c "s/if \\(from\\[size\\] != '\\/'\\)/if (false)/" url
    broken $stage/http_request.c 's/16 \* high \+ low;/8 * high + low;/' http_request
    broken $stage/http_client.c 's/self->left -= taken/self->left -= length/' http_response
    broken $stage/rpc.c 's/space \? space \+ 1 : end/space ? space : end/' rpc
    broken $stage/rpc_caller.c 's/^    deferred_fire\(deferred,/    (void)deferred, (void)(/' rpc
}

# fuzz KIND: `make fuzz` with a fuzzer that finds one input of this kind.
fuzz() {
    printf '%s\n' '#!/usr/bin/env bash' \
        "while [ \"\$1\" != -o ]; do shift; done" \
        "mkdir -p \"\$2/default/$1\"" \
        "echo 'execs_done : 7' >\"\$2/default/fuzzer_stats\"" \
        "printf '1\\n{' >\"\$2/default/$1/id:000000\"" >afl-fuzz
    chmod +x afl-fuzz
    PROGRAMS=$PWD REPLAY=${2:-$ROOT/tests/$FUZZ_BUILD/fuzz} \
        AFL_FUZZ=$PWD/afl-fuzz run soon "$FUZZ/fuzz.bash" json
}

@test "what the fuzzer finds has a name, and is a line for the seeds" {
    fuzz crashes
    [ "$status" -eq 1 ]
    [[ $output == *"fault: $PWD/found/json/default/crashes/id:000000"* ]]
    [[ $output == *'seeds/json.txt:'$'\n''\x31\x0a\x7b'* ]]
}

@test "what the fuzzer keeps is played again; a leak or a hang is a fault" {
    fuzz queue
    [ "$status" -eq 0 ]
    [[ $output =~ json\ +7 ]]
    fuzz hangs # it was in a hurry
    [ "$status" -eq 0 ]
    mkdir -p seeds/json
    printf '1\n{}' >seeds/json/1
    for kind in queue hangs; do # a harness that this input is too much for
        printf '%s\n' '#!/usr/bin/env bash' \
            "[[ \$* != *$kind* ]]" >json
        chmod +x json
        fuzz "$kind" "$PWD"
        [ "$status" -eq 1 ]
        [[ $output == *"fault: $PWD/found/json/default/$kind/id:000000"* ]]
    done
}

@test "without AFL++ make fuzz says where to get it" {
    run make -s -C "$ROOT" fuzz AFL_CC=no-such-program
    [ "$status" -ne 0 ]
    [[ $output == *"apt-get install -y afl++"* ]]
}

@test "proof: a broken broker is noticed, and a broken client of one" {
    [ "$FUZZ_BUILD" = build/sanitize ] || skip "no sanitizers"
    broken 06-process/amqp_method.c \
        's/length > \(size_t\)\(reader->end - reader->next\)/0/' amqp_broker
    broken 06-process/broker_queue.c 's/^    before->ring = consumer->ring;//' amqp_broker
    broken 06-process/amqp_channel.c 's/^    \*link = consumer->next;//' amqp_client
    broken 06-process/amqp_channel.c 's/^        deferred_fire\(deferred, result\);/        (void)0;/' \
        amqp_client
}
