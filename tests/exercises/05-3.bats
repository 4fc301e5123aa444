#!/usr/bin/env bats
# deferred_lock: one at a time, in the order asked; who cancels leaves the queue.

load ../lib/helpers

# lock CASE: the program of this folder, linked with the stage.
lock() {
    [ -f "$ROOT/05-deferred/deferred/deferred_lock.h" ] ||
        { echo "there is no deferred/deferred_lock.h"; return 1; }
    local flags=-g
    ! grep -q __asan_init "$ROOT/05-deferred/$BUILD/stage.a" ||
        flags+=" -fsanitize=address,undefined"
    # shellcheck disable=SC2086 # flags are words
    "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L $flags -pthread \
        -I"$ROOT/05-deferred" -o lock "$ROOT/tests/exercises/05-3.c" \
        "$ROOT/05-deferred/$BUILD/stage.a"
    soon ./lock "$1"
}

@test "ten have it one after another, in the order asked" { lock order; }

@test "one that is cancelled leaves the queue: first, in the middle, last" { lock cancel; }

@test "one that has cancelled asks again, and is the last" { lock again; }
