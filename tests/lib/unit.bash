# For the bats files of stages 04 to 06: unit programs, built against the stage
# that the bats file is about. A test file says `load ../lib/unit`.
#
# A case of a unit program holds under every poller, and a trap's test must
# fail on a copy of the stage that is broken on purpose.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

STAGE=${BATS_TEST_FILENAME%/*}
STAGE=${STAGE##*/}
POLLERS=(select poll epoll)

# The C library's functions that unit.c and talk.c stand in for.
UNIT_WRAPPED=(malloc calloc realloc clock_gettime select poll epoll_wait
    epoll_ctl write send accept4 listen)
UNIT_PARTS=(talk probe unit)

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
    sed -E "$2" "$source" >"$3/$1"
    ! cmp -s "$3/$1" "$source" || { echo "$1 is not changed by: $2"; return 1; }
}

# unit_source NAME: where a unit program stands, or what all of them share.
unit_source() {
    local found=("$ROOT"/tests/*/"$1.c")
    [ -f "${found[0]}" ] || { echo "no unit program $1" >&2; return 1; }
    echo "${found[0]}"
}

# unit_link NAME OUTPUT [OBJECT]: a unit program; OBJECT is taken instead of the
# one of the library that defines the same functions.
unit_link() {
    local folder=$ROOT/tests/$BUILD/$STAGE
    unit_compile "$2" "$folder/$1.o" "${UNIT_PARTS[@]/#/$folder/part-}" \
        "${@:3}" "$(unit_library)" "${UNIT_WRAPPED[@]/#/-Wl,--wrap=}"
}

# unit_fresh FILE SOURCE...: it is there, and newer than all that it is made of.
unit_fresh() {
    [ -f "$1" ] && [ -z "$(find "${@:2}" -newer "$1")" ]
}

# unit_build NAME: builds it unless it is fresh. Sets PROGRAM.
unit_build() {
    local lib=$ROOT/tests/lib folder=$ROOT/tests/$BUILD/$STAGE part source
    source=$(unit_source "$1") || return 1
    PROGRAM=$folder/$1
    mkdir -p "$folder"
    for part in "${UNIT_PARTS[@]}"; do
        part=$(unit_source "$part") || return 1
        unit_fresh "$folder/part-$(basename "$part" .c)" "$part" "$lib"/*.h \
            "${part%/*}"/*.h "$ROOT/$STAGE"/*/*.h ||
            unit_compile "$folder/part-$(basename "$part" .c)" -c "$part"
    done
    unit_fresh "$folder/$1.o" "$source" "$lib"/*.h "${source%/*}"/*.h \
        "$ROOT/$STAGE"/*/*.h || unit_compile "$folder/$1.o" -c "$source"
    unit_fresh "$PROGRAM" "$folder/$1.o" "${UNIT_PARTS[@]/#/$folder/part-}" \
        "$(unit_library)" || unit_link "$1" "$PROGRAM"
}

# unit_cases NAME [POLLER...]: every case holds under every poller.
unit_cases() {
    local name poller failed=0 pollers=("${@:2}")
    [ $# -gt 1 ] || pollers=("${POLLERS[@]}")
    unit_build "$1"
    for name in $("$PROGRAM"); do
        for poller in "${pollers[@]}"; do
            GLIBC_TUNABLES=$UNIT_MALLOC soon "$PROGRAM" "$poller" "$name" || {
                echo "$name under $poller: status $?"
                failed=1
            }
        done
    done
    return "$failed"
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
