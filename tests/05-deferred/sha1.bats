#!/usr/bin/env bats
# Stage 05: SHA-1, against the standard's examples and coreutils' sha1sum.

load ../lib/helpers
load ../lib/unit

sha1_build() { # SHA1.C
    unit_compile "$BATS_TEST_TMPDIR/sha1_test" "$ROOT/tests/05-deferred/sha1_test.c" "$1"
}

# Lengths around each end of a block and of what the padding leaves of it, and
# some large ones.
sha1_files() {
    local size
    # shellcheck disable=SC2094 # the name is its length
    for size in {0..130} 191 192 193 247 248 255 256 257 4095 4096 65535 65537 1000003; do
        head -c "$size" /dev/urandom >"$size"
    done
}

@test "the standard's examples, in pieces of every size" {
    sha1_build "$ROOT/05-deferred/examples/sha1.c"
    soon "$BATS_TEST_TMPDIR/sha1_test"
}

@test "as sha1sum, for every length around a block, however it is cut" {
    local piece
    command -v sha1sum || skip "no sha1sum"
    sha1_build "$ROOT/05-deferred/examples/sha1.c"
    mkdir files
    cd files
    sha1_files
    sha1sum ./* >../sums
    for piece in 1 3 55 56 57 63 64 65 127 128 4097 1000000; do
        soon "$BATS_TEST_TMPDIR/sha1_test" "$piece" ./* >../ours
        cmp ../sums ../ours
    done
}

@test "proof: more than 4 GiB: the length has 64 bits" {
    sha1_build "$ROOT/05-deferred/examples/sha1.c"
    truncate -s 4294967297 large
    DEADLINE=600 soon "$BATS_TEST_TMPDIR/sha1_test" 1000000 large >ours
    sha1sum large | cmp - ours
}

@test "proof: a wrong round, a wrong padding and a lost byte are seen" {
    local break
    for break in 's/i < 40/i < 41/' 's/there < LENGTH_AT \?/there <= LENGTH_AT ?/' \
        's/LENGTH_AT = SHA1_BLOCK - 8/LENGTH_AT = SHA1_BLOCK - 9/' \
        's/length >= SHA1_BLOCK - there/length > SHA1_BLOCK - there/' \
        's/rotate\(b, 30\)/rotate(b, 29)/'; do
        sed -E "$break" "$ROOT/05-deferred/examples/sha1.c" >broken.c
        if cmp -s broken.c "$ROOT/05-deferred/examples/sha1.c"; then return 1; fi
        sha1_build broken.c
        run soon "$BATS_TEST_TMPDIR/sha1_test"
        echo "$break: $status"
        [ "$status" -ne 0 ]
    done
}
