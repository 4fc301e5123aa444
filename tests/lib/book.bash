# For the bats files that check a text of the book. A test file says `load
# ../lib/book`.

# book_checks CHECK README...: they pass the check.
book_checks() {
    cd "$ROOT" || return
    tests/tools/book "$@"
}

# The pages of the chapter's rooms: README.md in a folder of the stage.
book_rooms() {
    local page
    for page in "$ROOT/$STAGE"/*/README.md; do
        [[ ! -e $page || $page == */build/* ]] || echo "${page#"$ROOT/"}"
    done
}
