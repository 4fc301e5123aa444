#!/usr/bin/env bats
# The exercises of the chapters: each has a hint and an answer, or a check that a
# right solution passes, and a wrong one and the tree as it is do not.

# shellcheck disable=SC2030,SC2031 # each @test is a subshell

load ../lib/helpers

@test "each exercise has a hint, and an answer or a check with its solutions" {
    cd "$ROOT" || return
    local readme chapter text file
    for readme in 0[1-6]-*/README.md; do
        chapter=${readme%%-*}
        echo "$readme"
        text=$(sed -n '/^## Exercises/,/^## Next/p' "$readme")
        [ "$(grep -c '^[0-9]\. \*\*' <<<"$text")" -eq 3 ]
        [ "$(grep -c '^ *\*Hint:\*' <<<"$text")" -eq 3 ]
        [[ $text == *"make -C .. exercise N=$chapter-3"* ]]
        for file in "$chapter-3."{bats,patch,near.patch}; do
            [ -s "tests/exercises/$file" ]
        done
        grep -qx "## $chapter-1" tests/exercises/answers.md
        grep -qx "## $chapter-2" tests/exercises/answers.md
    done
}

@test "make exercise: one that has no check, and no number at all" {
    run "$ROOT/tests/tools/exercise" 04-1
    [ "$status" -eq 2 ]
    [[ $output == *answers.md* ]]
    run "$ROOT/tests/tools/exercise"
    [ "$status" -eq 2 ]
}

# exercise_proof NN-K: in a copy.
exercise_proof() {
    command -v patch >/dev/null || skip "patch is not here"
    export EXERCISES=$BATS_TEST_TMPDIR
    cd "$ROOT" || return
    echo "the tree as it is"
    run tests/tools/exercise "$1"
    echo "$output"
    [ "$status" -eq 1 ] && [[ $output == *$'\nnot ok '* ]]
    echo "a right solution"
    tests/tools/exercise "$1" "tests/exercises/$1.patch"
    echo "a wrong one"
    run tests/tools/exercise "$1" "tests/exercises/$1.near.patch"
    echo "$output"
    [ "$status" -eq 1 ] && [[ $output == *$'\nnot ok '* ]]
}

@test "proof: 01-3 takes a right solution and no other" { exercise_proof 01-3; }
@test "proof: 02-3 takes a right solution and no other" { exercise_proof 02-3; }
@test "proof: 03-3 takes a right solution and no other" { exercise_proof 03-3; }
@test "proof: 04-3 takes a right solution and no other" { exercise_proof 04-3; }
@test "proof: 05-3 takes a right solution and no other" { exercise_proof 05-3; }
@test "proof: 06-3 takes a right solution and no other" { exercise_proof 06-3; }
