#!/usr/bin/env bash
# fuzz.bash NAME... - AFL++ makes up inputs for each of these harnesses, for
# FUZZ_SECONDS, out of its seeds. `make fuzz` at the top builds everything and
# runs it.
#
# PROGRAMS has the harnesses as afl-cc makes them, REPLAY as cc does, and their
# seeds. All that AFL++ keeps is played once more there, where a leak is seen,
# too. One row a harness; the first fault is the end, status 1.
set -u
shopt -s nullglob
cd "$(dirname "$0")" || exit 1

FUZZ_SECONDS=${FUZZ_SECONDS:-60}
AFL_FUZZ=${AFL_FUZZ:-afl-fuzz}
HANG=10 # seconds for an input; AFL++ is less patient, and may be wrong

# No screen, no questions about the machine, and the first crash is enough.
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 \
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_BENCH_UNTIL_CRASH=1

# fault FILE: tells where it is, and how it becomes a seed.
fault() {
    echo "a fault: $1"
    echo "as a line of tests/fuzz/seeds/$name.txt:"
    od -An -v -t x1 "$1" | tr -d '\n' | sed 's/ /\\x/g'
    echo
    exit 1
}

# of FIELD: what AFL++ says of the run.
of() {
    sed -n "s/^$1 *: //p" "$out/default/fuzzer_stats"
}

# replay FILE...: without a word, unless something is wrong.
replay() {
    timeout "$HANG" "$REPLAY/$name" "$@" >"$out/log" 2>&1 </dev/null
}

# check FILE...: all of them at once, and if that fails, one by one.
check() {
    local input
    replay "$@" && return
    for input; do
        replay "$input" || { cat "$out/log"; fault "$input"; }
    done
    replay "$@" && return
    cat "$out/log"
    echo "a fault of all these together: ${1%/*}"
    exit 1
}

run() {
    local dictionary=() input
    [ ! -f "seeds/$name.dict" ] || dictionary=(-x "seeds/$name.dict")
    rm -rf "$out" && mkdir -p "$out" || exit 1
    check "$REPLAY/seeds/$name"/*
    "$AFL_FUZZ" -V "$FUZZ_SECONDS" -i "$REPLAY/seeds/$name" -o "$out" \
        "${dictionary[@]}" -- "$PROGRAMS/$name" >"$out/log" 2>&1
    for input in "$out"/default/crashes/id:*; do
        fault "$input"
    done
    [ -f "$out/default/fuzzer_stats" ] || { tail "$out/log"; exit 1; }
    check "$out"/default/{queue,hangs}/id:*
    printf '%-20s %12s %8s %6s\n' "$name" "$(of execs_done)" \
        "$(of execs_per_sec)" "$(of corpus_count)"
}

printf '%-20s %12s %8s %6s\n' "$FUZZ_SECONDS s each" inputs 'a second' kept
for name; do
    out=$PROGRAMS/found/$name
    run
done
