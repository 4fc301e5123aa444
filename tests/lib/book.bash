# For the bats files that check a text of the book. A test file says `load
# ../lib/book`.

# book_checks CHECK README...: they pass the check.
book_checks() {
    cd "$ROOT" || return
    # The table of chapter 2 has a row of 5,000; chapter 3 fills select's set.
    case $1:${STAGE:-} in
    sessions:02-select) needs_descriptors 5020 ;;
    sessions:03-reactor) needs_descriptors 4096 ;;
    esac
    # The search for leaks is a debugger itself, and a program has one at most.
    [[ ${CFLAGS:-} != *sanitize* ]] || ! grep -q '^\$.* strace ' "${@:2}" ||
        export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
    tests/tools/book "$@"
}

# The pages of the chapter's rooms: README.md in a folder of the stage.
book_rooms() {
    local page
    for page in "$ROOT/$STAGE"/*/README.md; do
        [[ ! -e $page || $page == */build/* ]] || echo "${page#"$ROOT/"}"
    done
}
