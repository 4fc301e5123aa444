# For the bats files of programs with children: `load ../lib/children`, after
# helpers, unit and servers.

# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154,SC2317 # each @test is a subshell

# The processes whose parent is PID, zombies included.
children_of() {
    if [ -e "/proc/$$/task/$$/children" ]; then # not every kernel has it
        cat "/proc/$1/task/"*/children 2>/dev/null | tr ' ' '\n' | grep . || true
    else
        cat /proc/[0-9]*/stat 2>/dev/null |
            sed -nE "s/^([0-9]+) .*\) . $1 .*/\1/p"
    fi
}

childless() {
    [ -z "$(children_of "$1")" ]
}

has_children() { # PID COUNT
    [ "$(children_of "$1" | wc -l)" -eq "$2" ]
}

# as_before PID DESCRIPTORS: nothing is left of any client or child.
as_before() {
    eventually has_descriptors "$1" "$2"
    eventually childless "$1"
}

# For tests that measure memory.
unwatched() {
    [[ "${CFLAGS:-}$BUILD${UNDER:-}" != *@(sanitize|valgrind)* ]] ||
        skip 'sanitizers and valgrind use memory of their own'
}

# broken FILE SCRIPT PROGRAM: builds a program of the stage with a broken copy
# of FILE; with_broken has it started instead of the whole one.
broken() {
    unit_program "$3" "$1" "$2" "broken_${BATS_TEST_FILENAME//[!a-z]/}_$BATS_TEST_NUMBER" || return 1
    BROKEN=$(program "tests/$STAGE/broken_${BATS_TEST_FILENAME//[!a-z]/}_$BATS_TEST_NUMBER")
}

# with_broken COMMAND...: the same with the broken program; it must fail.
with_broken() {
    local status=0
    # In the background, where set -e holds whatever follows.
    (
        set -e
        program() { echo "$BROKEN"; }
        DEADLINE=2
        SERVERS=()
        trap 'kill -KILL "${SERVERS[@]}" 2>/dev/null' EXIT
        "$@"
    ) >"$BATS_TEST_TMPDIR/broken.log" 2>&1 3>&- &
    wait "$!" || status=$?
    [ "$status" -ne 0 ] || { echo "not seen: $*"; return 1; }
}

shell_limit=16777216
shell_over="command failed: ended, it printed over $shell_limit bytes"
shell_nul='command failed: a line has no NUL byte in it'

# For a shell: some milliseconds, without a child.
# shellcheck disable=SC2016
A_MOMENT='i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'

# What a command prints, and how it is shown: characters stay, in any language,
# and so do LF and TAB; what a terminal would obey does not.
odd_command='printf "a\033[2J\tb\n\345\225\212\202\303"'
odd_shown=$'a\\x1b[2J\tb\n\345\225\212\\x82\\xc3'
