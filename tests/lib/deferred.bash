# For the bats files of stage 05's programs: `load ../lib/deferred`, after
# helpers, unit and servers.

# shellcheck disable=SC2030,SC2031,SC2034,SC2086,SC2153 # each @test is a subshell

# A source of ours, at a path without a space, wherever the tree is.
a_source() {
    [ -e "$BATS_TEST_TMPDIR/source" ] ||
        cp "$ROOT/$STAGE/deferred/deferred.c" "$BATS_TEST_TMPDIR/source"
    echo "$BATS_TEST_TMPDIR/source"
}

# deferred_says TEXT STEP...: what the peer receives, byte for byte.
deferred_says() {
    printf '%b' "$1" >expected
    peer "$PORT" "${@:2}" >received || return 1
    cmp expected received || { cat -v received; return 1; }
}

# deferred_strictly COMMAND...: for the background; all of it must succeed.
deferred_strictly() {
    trap - ERR EXIT DEBUG
    set -e +ET
    DEADLINE=3
    "$@"
}

# deferred_broken PROGRAM FILE SCRIPT COMMAND...: the command, beside a server
# with a FILE that sed has changed, fails.
deferred_broken() {
    local name=broken_${1}_${BATS_TEST_FILENAME//[!a-z]/}_$BATS_TEST_NUMBER status=0
    unit_program "$1" "$2" "$3" "$name" || return 1
    GLIBC_TUNABLES=$UNIT_MALLOC start "tests/$STAGE/$name" -r epoll
    POLLER=epoll
    deferred_strictly "${@:4}" >said 2>&1 3>&- &
    wait $! || status=$?
    echo "broken by: $3"
    head -n 20 said
    [ "$status" -ne 0 ] || return 1
    # It may have been found to be at fault, and the next needs another name.
    # shellcheck disable=SC2034
    LOGS[-1]=/dev/null
}

# deferred_big [64M]: a file that takes seconds to hash, and no room.
deferred_big() {
    BIG=$BATS_TEST_TMPDIR/big
    BIG_HASH=2a492f15396a6768bcbca016993f4b4c8b0b5307
    [ "${1:-1G}" = 1G ] || BIG_HASH=44fac4bedde4df04b9572ac665d3ac2c5cd00c7d
    truncate -s "${1:-1G}" "$BIG"
}

deferred_sanitized() {
    [[ ${CFLAGS:-} == *sanitize* ]] || [ -n "$UNDER" ]
}

hash_of() {
    sha1sum <"$1" | cut -d ' ' -f 1
}
