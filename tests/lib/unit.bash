# For the bats files of stages 04 to 06: unit programs, built against the stage
# that the bats file is about. A test file says `load ../lib/unit`.
#
# A case of a unit program holds under every poller, and a trap's test must
# fail on a copy of the stage that is broken on purpose.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

STAGE=${BATS_TEST_FILENAME%/*}
STAGE=${STAGE##*/}
POLLERS=(select poll epoll)

# Memory that was freed is overwritten, so that who uses it again is surprised.
UNIT_MALLOC=glibc.malloc.tcache_count=0:glibc.malloc.perturb=165

# unit_compile OUTPUT ARGUMENT...
unit_compile() {
    # shellcheck disable=SC2086 # flags are words
    "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        ${CFLAGS:--O2 -g} -pthread -I"$ROOT/$STAGE" -I"$ROOT/tests/lib" -o "$@"
}

# unit_library: the stage's objects; make has put them there.
unit_library() {
    echo "$ROOT/$STAGE/$BUILD/stage.a"
}

# unit_file NAME: where a source of the stage stands in it, with its folder.
unit_file() {
    local found=("$ROOT/$STAGE"/*/"$1")
    [ -f "${found[0]}" ] || { echo "$STAGE has no $1" >&2; return 1; }
    echo "${found[0]#"$ROOT/$STAGE/"}"
}

# unit_copy NAME SCRIPT FOLDER: a copy of that source, changed by a sed script,
# goes to FOLDER; the script must change something.
unit_copy() {
    local source
    source=$ROOT/$STAGE/$(unit_file "$1") || return 1
    mkdir -p "$3"
    sed -E "$2" "$source" >"$3/$1" || return 1
    ! cmp -s "$3/$1" "$source" || { echo "$1 is not changed by: $2"; return 1; }
}

# unit_link NAME OUTPUT [OBJECT]: a unit program; OBJECT is taken instead of the
# one of the library that defines the same functions. A function __wrap_X stands
# in for X.
unit_link() {
    local folder=$ROOT/tests/$BUILD/$STAGE objects wrap
    objects=("$folder/$1.o" "$folder"/parts/*.o)
    mapfile -t wrap < <(nm "${objects[@]}" | sed -n 's/.* T __wrap_/-Wl,--wrap=/p')
    unit_compile "$2" "${objects[@]}" "${@:3}" "$(unit_library)" "${wrap[@]}"
}

# unit_build NAME: sets PROGRAM; tests/Makefile knows how, and `make test` has
# it made before.
unit_build() {
    PROGRAM=$ROOT/tests/$BUILD/$STAGE/$1
    [ "${MADE:-}" ] ||
        make -s -C "$ROOT/tests" BUILD="$BUILD" "$BUILD/$STAGE/$1" >&2
    [ -x "$PROGRAM" ] || { echo "there is no $PROGRAM"; return 1; }
}

# unit_case POLLER CASE: it holds, or cannot be tried here.
unit_case() {
    local status=0
    "$PROGRAM" "$@" || status=$?
    case $status in
    0) ;;
    77) touch "$BATS_TEST_TMPDIR/skipped-$2" ;;
    *) echo "$2 under $1: status $status"; return 1 ;;
    esac
}

# unit_skips: skips the test for the cases that could not be tried; all others
# have held.
unit_skips() {
    local skipped=("$BATS_TEST_TMPDIR"/skipped-*)
    [ ! -e "${skipped[0]}" ] || unit_too_few "${skipped[*]##*/skipped-}"
}

unit_too_few() { # CASES
    skip "$(ulimit -Hn) descriptors are too few for $1"
}

# unit_poller POLLER: every case of PROGRAM holds under it, in a folder of its
# own: some leave files, and the pollers work side by side.
unit_poller() {
    local name failed=0
    mkdir -p "$1" && cd "$1" || return 1
    for name in $("$PROGRAM"); do
        GLIBC_TUNABLES=$UNIT_MALLOC unit_case "$1" "$name" || failed=1
    done
    return "$failed"
}

# unit_cases NAME [POLLER...]: every case holds under every poller, which work
# side by side. It ends a test: it skips it when one could not be tried.
unit_cases() {
    local poller pid pids=() failed=0 pollers=("${@:2}")
    [ $# -gt 1 ] || pollers=("${POLLERS[@]}")
    unit_build "$1"
    for poller in "${pollers[@]}"; do
        unit_poller "$poller" 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=1
    done
    [ "$failed" -eq 0 ] || return 1
    unit_skips
}

# unit_broken FILE SCRIPT NAME CASE [POLLER...]: breaks a copy of FILE with a
# sed script; then the case must fail. So it is known to be able to.
unit_broken() {
    local file=$1 name=$3 case=$4 poller status pollers=("${@:5}")
    local copy=$BATS_TEST_TMPDIR/broken
    [ $# -gt 4 ] || pollers=(epoll)
    unit_copy "$file" "$2" "$copy" || return 1
    unit_build "$name"
    unit_compile "$copy/${file%.c}.o" -c "$copy/$file" 2>"$copy/warnings" ||
        { cat "$copy/warnings"; return 1; }
    unit_link "$name" "$copy/$name" "$copy/${file%.c}.o"
    for poller in "${pollers[@]}"; do
        status=0
        TALK_DEADLINE=0.3 GLIBC_TUNABLES=$UNIT_MALLOC soon "$copy/$name" "$poller" \
            "$case" >"$copy/log" 2>&1 || status=$?
        [ "$status" -ne 77 ] || unit_too_few "$case"
        if [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || [ "$status" -eq 124 ]; then
            echo "$case under $poller: status $status, broken by: $2"
            cat "$copy/log"
            return 1
        fi
    done
}

# unit_program PROGRAM FILE SCRIPT NAME: the stage's PROGRAM with such a copy of
# FILE, one of its sources; `start tests/$STAGE/NAME` starts it.
unit_program() {
    local copy=$BATS_TEST_TMPDIR/copy file=${2##*/}
    local main=$ROOT/$STAGE/$BUILD/examples/$1.o
    unit_copy "$file" "$3" "$copy" || return 1
    [ "$file" != "$1.c" ] || main=
    mkdir -p "$ROOT/tests/$BUILD/$STAGE"
    unit_compile "$ROOT/tests/$BUILD/$STAGE/$4" ${main:+"$main"} "$copy/$file" \
        "$(unit_library)" 2>"$copy/warnings" || { cat "$copy/warnings"; return 1; }
}

# What a function of the file begins and ends with, for sed.
unit_in() {
    echo "/^static (void|int|bool) $1\\(/,/^}/"
}
