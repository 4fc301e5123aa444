#!/usr/bin/env bats
# The folders of every stage keep what they promise: tools/house; and the checks
# catch what they are there to catch.

# shellcheck disable=SC2030,SC2031 # `run` in a subshell

load ../lib/helpers

@test "an include never points up, nor in a circle" {
    cd "$ROOT" || return
    tests/tools/house includes 0[1-6]-*/
}

@test "a stage has nothing that none of its programs links" {
    cd "$ROOT" || return
    tests/tools/house linked 0[1-6]-*/
}

# house_source FILE LINE...: such a source of the stage 01-one.
house_source() {
    mkdir -p "01-one/${1%/*}"
    printf '%s\n' "${@:2}" >"01-one/$1"
}

# house_make: a stage with a program that links all that there is.
house_make() {
    mkdir -p 01-one
    cp "$ROOT/01-blocking/Makefile" 01-one
    house_source net/net.h 'int net(void);'
    house_source net/net.c '#include "net/net.h"' 'int net(void) { return 0; }'
    house_source reactor/run.h '#include "net/net.h"'
    house_source examples/echo.c '#include "reactor/run.h"' \
        'int main(void) { return net(); }'
}

# house_says CHECK LINE...: these are the findings, and there are no others.
house_says() {
    run "$ROOT/tests/tools/house" "$1" 01-one
    echo "$output"
    [ "$output" = "$(printf '01-one/%s\n' "${@:2}")" ]
    [ "$status" -eq 1 ]
}

@test "includes: downwards and within a folder they pass" {
    house_make
    house_source net/more.c '#include "net/net.h"'
    "$ROOT/tests/tools/house" includes 01-one
}

@test "includes: one that points up, or to a neighbour, is caught" {
    house_make
    house_source net/net.c '#include <errno.h>' '#include "reactor/run.h"'
    house_says includes \
        'net/net.c:2: includes reactor/run.h: reactor does not come before net'
    house_make
    house_source upload/json.c '#include "reactor/run.h"'
    house_says includes \
        'upload/json.c:1: includes reactor/run.h: reactor does not come before upload'
}

@test "includes: a circle is caught, a short one and a long one" {
    house_make
    house_source net/a.h '#include "net/a.h"'
    house_says includes 'net/a.h: a circle: net/a.h includes net/a.h'
    house_source net/a.h '#include "net/b.h"'
    house_source net/b.h '#include "net/c.h"'
    house_source net/c.h '#include "net/net.h"' '#include "net/a.h"'
    run "$ROOT/tests/tools/house" includes 01-one
    [ "$status" -eq 1 ]
    [[ $output == *'net/a.h: a circle: net/a.h includes net/b.h includes net/c.h includes net/a.h'* ]]
}

@test "includes: a name without its folder, a folder that is no layer, are caught" {
    house_make
    house_source net/net.c '#include "net.h"'
    house_says includes 'net/net.c:1: includes net.h: an include names the folder'
    house_make
    house_source odd/odd.c '#include "net/net.h"'
    house_says includes 'odd/odd.c:1: includes net/net.h: odd is none of the layers'
}

@test "linked: a source and a header that no program needs are caught" {
    house_make
    make -s -C 01-one BUILD="$BUILD"
    "$ROOT/tests/tools/house" linked 01-one
    house_source net/more.h 'int more(void);'
    house_source net/more.c '#include "net/more.h"' 'int more(void) { return 1; }'
    make -s -C 01-one BUILD="$BUILD"
    house_says linked 'net/more.c: no program of 01-one links it' \
        'net/more.h: no program of 01-one links it'
}

@test "linked: what serves tests may be left, and says so at its head" {
    house_make
    house_source net/more.h '/* more.h - what a test needs. */' '#ifndef MORE_H' \
        '#define MORE_H' 'int more(void);' '#endif'
    house_source net/more.c '#include "net/more.h"' 'int more(void) { return 1; }'
    make -s -C 01-one BUILD="$BUILD"
    "$ROOT/tests/tools/house" linked 01-one
    sed -i '1s/a test needs/is more/; 2s/$/ \/* for a test *\//' 01-one/net/more.h
    house_says linked 'net/more.c: no program of 01-one links it' \
        'net/more.h: no program of 01-one links it'
}

# --- make diff -----------------------------------------------------------------

house_two_stages() {
    mkdir -p 01-a/{net,examples} 02-b/{net,examples}
    printf '%s\n' '/* a.h - the first of all. More of it. */' >01-a/net/a.h
    printf '%s\n' one two three >01-a/net/b.c
    printf '%s\n' old >01-a/examples/gone.c
    cp 01-a/net/a.h 02-b/net/a.h
    printf '%s\n' one 2 three >02-b/net/b.c
    printf '%s\n' '/* SPDX-License-Identifier: MIT' ' *' \
        ' * z.h - what comes' ' * last: nothing.' ' */' >02-b/net/z.h
    printf '%s\n' code code >02-b/net/z.c
    printf '%s\n' '/*' ' * y - begins. */' >02-b/examples/y.c
    # shellcheck disable=SC2016 # backquotes of Markdown
    printf '%s\n' '## What changed since 01' '| file | state |' '|---|---|' \
        '| `examples/y.c` | new |' '| `net/` | new |' >02-b/README.md
}

@test "make diff: what is new with its purpose, in the order of the table" {
    house_two_stages
    run "$ROOT/tests/tools/stage-diff" 01-a 02-b
    [ "$status" -eq 0 ]
    diff <(sed -n '/^NEW/,/^CHANGED/p' <<<"$output" | tr -s ' ') - <<'END'
NEW in 02-b (one folder whole: PART=FOLDER)
 examples/y.c 2 begins
 net/z.[hc] 7 what comes last

GONE, or left in 01-a
 examples/gone

CHANGED
END
    [[ $output == *$'\n-two\n+2\n'* ]]
    [[ $output != *a.h* ]]
}

@test "make diff: one folder whole, and a folder that is not there" {
    house_two_stages
    run "$ROOT/tests/tools/stage-diff" 01-a 02-b net
    [ "$status" -eq 0 ]
    [[ $output == *'+ * z.h - what comes'* ]] && [[ $output == *$'\n-two\n+2\n'* ]]
    run "$ROOT/tests/tools/stage-diff" 01-a 02-b nowhere
    [ "$status" -eq 2 ]
}

@test "make diff: every new file of every stage says what it is for" {
    local stage
    for stage in 02-select 03-reactor 04-protocols 05-deferred 06-process; do
        run make -s -C "$ROOT" diff STAGE="$stage"
        [ "$status" -eq 0 ]
        if sed '/^GONE/q' <<<"$output" | grep -E '^  [^ ]+ +[0-9]+ +$'; then
            return 1
        fi
    done
}

# --- make turns ----------------------------------------------------------------

# house_lanes: the names of the lanes in the picture, from top to bottom.
house_lanes() {
    sed -nE 's/.*<text class="name".*>([^<]*)<\/text>.*/\1/p' turns.svg
}

@test "make turns: a time line drawn from a live trace, its lanes and its order" {
    TRACE=1 start 05-deferred/cmd_server -r epoll
    echo abc >file
    peer "$PORT" send="comphash $PWD/file\n" until='hash is' send='exit\n' eof >/dev/null
    kill "$PID"
    wait_gone "$PID"
    make -s -C "$ROOT" turns FILE="$LOG" >turns.svg
    [ "$(house_lanes | head -n 3 | sed -E 's/ [0-9]+//' | paste -s -d ,)" = 'the loop,Port,CmdProtocol' ]
    diff <(house_lanes | sed -E 's/ [0-9]+//' | LC_ALL=C sort) - <<'END'
CmdProtocol
Deferred
Port
Waker
job, in a thread
other threads
signals
the loop
END
    # What the picture shows of the command, in time: x grows from one to the next.
    sed -nE 's/.*<title>[0-9.]+ s: ([^<]*)<.*<text class="label" x="([0-9.]+)".*/\2 \1/p' \
        turns.svg | sort -n | sed 's/^[0-9.]* //' |
        sed -nE 's/^(accept|.*build_protocol|.*data_received|ThreadPool.*(added|has run)|Deferred.*(fired|callback)|.*connection_lost).*/\1/p' |
        sed -E 's/.*(build_protocol|data_received|added|has run|fired|callback|connection_lost).*/\1/' | head -n 7 >story
    diff story - <<'END'
accept
build_protocol
data_received
added
has run
fired
callback
END
    [ "$(grep -c '<svg' turns.svg)" -eq 1 ] && [ "$(tail -n 1 turns.svg)" = '</svg>' ]
}

@test "make turns: no file, no picture" {
    run make -s -C "$ROOT" turns FILE=nowhere
    [ "$status" -eq 2 ]
    [[ $output == 'make -s turns FILE=trace'* ]]
}

# --- make book -----------------------------------------------------------------

# house_dead_links FOLDER: each link of its pages that leads nowhere.
house_dead_links() {
    local page link file anchor
    while IFS= read -r page; do
        while IFS= read -r link; do
            case $link in
            *://* | mailto:*) continue ;;
            esac
            file=${link%%#*} anchor=''
            [[ $link != *'#'* ]] || anchor=${link#*#}
            if [ -z "$file" ]; then
                file=$page
            else
                file=$(dirname "$page")/$file
            fi
            [ ! -d "$file" ] || file=$file/index.html
            if [ ! -f "$file" ] && [ ! -d "${file%/index.html}" ]; then
                echo "$page: $link"
            elif [ -n "$anchor" ] && ! grep -qF "id=\"$anchor\"" "$file"; then
                echo "$page: no such heading: $link"
            fi
        done < <(grep -oE '(href|src)="[^"]*"' "$page" | sed -E 's/^[a-z]+="//; s/"$//' | sort -u)
    done < <(find "$1" -name index.html)
}

@test "make book: a page for every chapter and room, and no link leads nowhere" {
    command -v cmark-gfm >/dev/null || skip "cmark-gfm is not installed"
    "$ROOT/tests/tools/book-html" "$ROOT" "$PWD/pages"
    local page
    for page in "$ROOT"/README.md "$ROOT"/0*/README.md "$ROOT"/0*/[a-z]*/README.md; do
        page=${page#"$ROOT"/}
        [[ $page == */build/* ]] || [ -f "pages/${page%README.md}index.html" ]
    done
    house_dead_links pages >dead
    [ ! -s dead ] || { cat dead; return 1; }
    # That it can fail.
    sed -i 's/href="03-reactor\/index.html"/href="03-nowhere\/index.html"/' pages/index.html
    house_dead_links pages | grep -qF '03-nowhere'
}
