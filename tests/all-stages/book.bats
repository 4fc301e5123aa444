#!/usr/bin/env bats
# The book tells the truth: each chapter passes the checks of tools/book (in the
# book.bats of its folder), and the checks catch what they are there to catch.
# shellcheck disable=SC2016,SC2030,SC2031 # back-quotes; `run` in a subshell

load ../lib/helpers
load ../lib/book

# --- the texts ----------------------------------------------------------

@test "README: excerpts" { book_checks excerpts README.md; }
@test "README: sessions" { book_checks sessions README.md; }
@test "README: links" { book_checks links README.md tests/README.md; }

@test "every chapter is checked, by one and the same file" {
    local chapter checks=$ROOT/tests/03-reactor/book.bats check
    for chapter in "$ROOT"/[0-9][0-9]-*/; do
        cmp "$checks" "$ROOT/tests/$(basename "$chapter")/book.bats"
    done
    for check in excerpts sessions changes links path ports; do
        grep -qF "{ book_checks $check " "$checks"
    done
}

@test "no stage has a long function, a link or its own Makefile" {
    cd "$ROOT" || return
    tests/tools/book stage [0-9][0-9]-*/
}

# --- a book to try the checks on -------------------------------------------

# book_make: two small stages in ./book.
book_make() {
    mkdir -p book/{01-one,02-two}/{net,examples}
    cd book || return
    echo 'all:' | tee 01-one/Makefile > 02-two/Makefile
    printf '%s\n' 'int same;' | tee 01-one/net/same.c > 02-two/net/same.c
    printf '%s\n' one two three > 01-one/net/net.c
    printf '%s\n' one 2 three four > 02-two/net/net.c
    printf '%s\n' a b > 01-one/net/old.h
    printf '%s\n' '#include "net.h"' '' 'int main(void)' '{' '    first();' \
        '    second();' '    third();' '}' > 02-two/examples/echo.c
}

# book_chapter [FILE]: standard input becomes that chapter.
book_chapter() {
    cat > "${1:-02-two/README.md}"
}

# book_fence KIND LINE...: a chapter of one fence, whose first line is 4.
book_fence() {
    {
        printf '%s\n' '# 02 · Two' '' "\`\`\`$1"
        printf '%s\n' "${@:2}"
        echo '```'
    } | book_chapter
}

book_passes() {
    "$ROOT/tests/tools/book" "$@" "${CHAPTER:-02-two/README.md}"
}

# book_catches CHECK LINE TEXT: the check fails, and says so at that line.
book_catches() {
    CHAPTER=${CHAPTER:-02-two/README.md}
    run "$ROOT/tests/tools/book" "$1" "$CHAPTER"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *"$CHAPTER:$2: "*"$3"* ]]
}

# --- excerpts ---------------------------------------------------------------

@test "excerpts: a part of a file, with lines left out" {
    book_make
    book_fence 'c examples/echo.c' 'int main(void)' '{' '    ...' '    third();' '}'
    book_passes excerpts
    book_fence 'make Makefile' 'all:'
    book_passes excerpts
    book_fence 'c ../01-one/net/net.c' 'two'
    book_passes excerpts
}

@test "excerpts: what is not in the file is caught" {
    book_make
    book_fence 'c examples/echo.c' 'int main(void)' '{' '    begin();'
    book_catches excerpts 6 'examples/echo.c:     begin();'
}

@test "excerpts: other spaces are caught" {
    book_make
    book_fence 'c examples/echo.c' '    first();' '   second();'
    book_catches excerpts 5 'second();'
}

@test "excerpts: left-out lines that are not marked are caught" {
    book_make
    book_fence 'c examples/echo.c' '    first();' '    third();'
    book_catches excerpts 5 'third();'
}

@test "excerpts: parts in another order than in the file are caught" {
    book_make
    book_fence 'c examples/echo.c' '    second();' '...' '    first();'
    book_catches excerpts 6 'first();'
}

@test "excerpts: more than the file has is caught" {
    book_make
    book_fence 'c net/net.c' 'three' 'four' 'five'
    book_catches excerpts 6 'five'
    book_fence 'c net/net.c' 'three' 'four' ''
    book_catches excerpts 6 'not what comes next in net/net.c: '
}

@test "excerpts: a file that is not there is caught" {
    book_make
    book_fence 'c nothing.c' 'one'
    book_catches excerpts 3 'no file nothing.c'
    book_fence 'c examples' 'one'
    book_catches excerpts 3 'no file examples'
}

@test "excerpts: code that names no file is caught" {
    book_make
    for kind in c make json; do
        book_fence $kind 'one'
        book_catches excerpts 3 "\`\`\`$kind does not name the file"
    done
    for kind in '' text console python sh; do
        book_fence "$kind" 'one'
        book_passes excerpts
    done
}

@test "excerpts: an excerpt of nothing is caught" {
    book_make
    book_fence 'c net/net.c' '...'
    book_catches excerpts 3 'quotes nothing'
}

@test "excerpts: a fence that is open or indented is caught" {
    book_make
    printf '%s\n' 'Text.' '```text' 'never closed' | book_chapter
    book_catches excerpts 2 'never closed'
    printf '%s\n' '- Text.' '  ```c' '  int x;' '  ```' | book_chapter
    book_catches excerpts 2 'at the start of a line'
}

# --- sessions ---------------------------------------------------------------

@test "sessions: servers, clients, jobs, here documents, the exit status" {
    book_make
    book_chapter <<END
# 02 · Two

\`\`\`console
# A server, and somebody who talks to it.
\$ '$ROOT/01-blocking/build/examples/upper_server' -p 9000 &
listening on 127.0.0.1:9000
\$ '$ROOT/01-blocking/build/examples/upper_client' -p 9000 <<END
> hello
> end
> END
>>>:HELLO
>>>:END
>>>:
\$ exec 5<>/dev/tcp/127.0.0.1/9000; echo abc >&5; head -n 1 <&5
ABC
\$ kill %1
\$ sh -c 'exit 3'
\$ echo \$?
3
\`\`\`
END
    book_passes sessions
}

@test "sessions: ports are free ones, so the same session may run twice at once" {
    book_make
    book_fence console "\$ '$ROOT/01-blocking/build/examples/upper_server' -p 9000 &" \
        'listening on 127.0.0.1:9000' "\$ mkfifo \$\$" "\$ sleep 0.5" "\$ rm \$\$"
    book_passes sessions 3>&- &
    book_passes sessions
    wait $!
}

@test "sessions: a port that is not named in the command is caught" {
    book_make
    book_fence console "\$ echo listening on 127.0.0.1:9000" \
        'listening on 127.0.0.1:9000'
    book_catches sessions 5 'say -p 9000'
}

@test "sessions: wrong output is caught and shown" {
    book_make
    book_fence console '$ echo one; echo two' 'one' 'three'
    DEADLINE=1 book_catches sessions 4 '$ echo one; echo two'
    [[ $output == *'-three'*'+two'* ]]
}

@test "sessions: a missing line, an additional line, another order are caught" {
    book_make
    book_fence console '$ echo one' 'one' 'two'
    DEADLINE=1 book_catches sessions 4 '$ echo one'
    book_fence console '$ echo one; echo two' 'one'
    DEADLINE=1 book_catches sessions 4 '$ echo one'
    book_fence console '$ echo one; echo two' 'two' 'one'
    DEADLINE=1 book_catches sessions 4 '$ echo one'
    book_fence console '$ echo one' '$ echo two' 'two'
    DEADLINE=1 book_catches sessions 4 '$ echo one'
}

@test "sessions: a line that comes after all others is caught" {
    book_make
    # The player sleeps when it has seen all that the book shows.
    mkdir bin
    printf '%s\n' '#!/bin/sh' ": >$PWD/seen" 'exec /bin/sleep 2' >bin/sleep
    chmod +x bin/sleep
    book_fence console "\$ { echo one; until [ -e $PWD/seen ]; do :; done; echo two; } &" 'one'
    PATH=$PWD/bin:$PATH book_catches sessions 4 'printed more'
}

@test "sessions: what differs from run to run is equal" {
    book_make
    book_fence console "\$ cat $PWD/printed" \
        '2011-08-29 13:32:32+0200 [-] Log opened.' \
        'pid 7, 127.0.0.1:1111 and 127.0.0.1 22222, in 3 us or 4.5 µs' \
        "('127.0.0.1', 1111) took 12.3 ms, 0.51 s." \
        '  10   1.5   2.25' \
        '####....======-----|##..==--|' \
        'prompt:'
    printf '%s\n' '2026-11-20 23:11:02+0000 [-] Log opened.  ' \
        'pid 12345, 127.0.0.1:54321 and 127.0.0.1 4444, in 4.5 µs or 12 ms' \
        "('127.0.0.1', 54321) took 1.2 s, 99 ms." \
        ' 10      122.5 0.1' \
        $'###......===---------|###....===---|\r' > printed
    printf 'pro\0mpt:' >> printed
    book_passes sessions
}

@test "sessions: what may not differ does not" {
    book_make
    local shown printed
    while IFS='|' read -r shown printed; do
        book_fence console "\$ echo '$printed'" "$shown"
        book_catches sessions 4 'echo'
    done <<'END'
10 clients|11 clients
127.0.0.1:9000|127.0.0.2:9000
3 ms|three ms
12.5 files|12 files
2026-11-20 23:11:02+0000 [-] a|[-] a
END
}

@test "sessions: a declared port is not any port" {
    book_make
    book_fence console '$ : -p 9000; echo 127.0.0.1:9001' '127.0.0.1:9000'
    book_catches sessions 4 'echo'
    book_fence console '$ : -p 9000; echo 127.0.0.1:9000' '127.0.0.1:9000'
    book_passes sessions
}

@test "sessions: output that looks like a comment is output" {
    book_make
    book_fence console '# A comment' '#' '$ echo "# one"; echo "#"; echo two' \
        '# one' '#' 'two' '# Over.'
    book_passes sessions
    book_fence console '$ echo one; echo two' '# one' 'two'
    book_catches sessions 4 'echo one'
}

@test "sessions: a server that never prints its line is caught at the deadline" {
    book_make
    book_fence console '$ sleep 600 & echo $! > pid' 'listening'
    DEADLINE=1 book_catches sessions 4 'sleep 600'
    wait_gone "$(cat 02-two/pid)"
}

@test "sessions: a server that prints nothing is waited for, and no longer than that" {
    book_make
    cat > 02-two/slow_server << END
#!/bin/sh
sleep 0.5
exec '$(program 01-blocking/upper_server)' -p "\$2" > /dev/null
END
    printf '#!/bin/sh\nexit 1\n' > 02-two/no_server
    chmod +x 02-two/*_server
    book_fence console '$ ./slow_server -p 9000 &' \
        '$ exec 3<> /dev/tcp/127.0.0.1/9000; echo hello >&3; head -n 1 <&3' HELLO
    book_passes sessions
    book_fence console '$ ./no_server -p 9000 &' '$ echo next' next
    DEADLINE=2 book_catches sessions 4 'no_server'
}

@test "sessions: a command that does not end is caught at the deadline, and ended" {
    book_make
    book_fence console "\$ sh -c 'echo \$\$ > pid; exec sleep 600'"
    DEADLINE=1 book_catches sessions 4 'does not end in 1 s'
    wait_gone "$(cat 02-two/pid)"
}

@test "sessions: a loop of the shell itself is caught at the deadline, and ended" {
    book_make
    book_fence console '$ echo $$ > pid; while :; do sleep 600; done'
    DEADLINE=1 book_catches sessions 4 'does not end in 1 s'
    wait_gone "$(cat 02-two/pid)"
}

@test "sessions: nothing is left running, stopped or deaf" {
    book_make
    book_fence console '$ sleep 600 & echo $! > pids' \
        '$ sleep 600 & kill -STOP $!; echo $! >> pids' \
        "\$ (trap '' TERM; while :; do sleep 600; done) & echo \$! >> pids"
    book_passes sessions
    [ "$(wc -l < 02-two/pids)" -eq 3 ]
    while read -r pid; do
        wait_gone "$pid"
    done < 02-two/pids
}

@test "sessions: programs see three descriptors and may be interrupted" {
    book_make
    book_fence console "\$ sh -c 'ls /proc/self/fd' | tr '\n' ' '" '0 1 2 3' \
        '$ sleep 600 &' '$ kill -INT %1; wait %1; echo $?' '130'
    book_passes sessions
}

@test "sessions: what the shell says about jobs and scripts is not in the book" {
    book_make
    book_fence console '$ sleep 600 & sleep 600 &' '$ kill -STOP %1' '$ kill %2' \
        '$ sleep 0.1' '$ kill -KILL %1' '$ nonsense' \
        'bash: nonsense: command not found' '$ echo' ''
    book_passes sessions
    book_fence console '$ if' 'bash: syntax error: unexpected end of file'
    book_passes sessions
}

@test "sessions: what a sanitizer says at the end is caught" {
    book_make
    book_fence console \
        "\$ sh -c 'trap \"echo runtime error: it; exit\" TERM; sleep 600 & echo up; wait' &" up
    book_catches sessions 4 'a sanitizer found a fault'
    [[ $output == *'runtime error: it'* ]]
}

@test "sessions: programs of another BUILD folder run as build/NAME" {
    book_make
    mkdir -p 02-two/build/other/examples
    printf '#!/bin/sh\necho "$0: $*"\n' > 02-two/build/other/examples/echo
    chmod +x 02-two/build/other/examples/echo
    book_fence console '$ build/examples/echo one' 'build/examples/echo: one'
    BUILD=build/other book_passes sessions
    DEADLINE=1 book_catches sessions 4 'build/examples/echo'
}

@test "sessions: one that fails does not hide the next" {
    book_make
    book_chapter <<'END'
```console
$ echo one
```

```console
$ exit
$ echo never
```

```console
just output
```
END
    DEADLINE=1 book_catches sessions 2 '$ echo one'
    [[ $output == *'README.md:6: $ exit: ends the shell'* ]]
    [[ $output == *'README.md:10: a session without a command'* ]]
    [[ $output != *never* ]]
}

@test "sessions: those of a room run in its stage" {
    book_make
    mkdir 02-two/udp
    printf '%s\n' '# A room' '```console' '$ ls examples' 'echo.c' '```' |
        book_chapter 02-two/udp/README.md
    CHAPTER=02-two/udp/README.md book_passes sessions
}

# --- demo -------------------------------------------------------------------

@test "demo: plays the session under Run it, with its title and its sentence" {
    book_make
    book_chapter <<'END'
# 02 · Two

Two programs
at once.

More text.

## Run it

```console
# First this.
$ : -p 9000; cat <<EOF
> port 9000
> EOF
port 9000
$ printf 'done:'
done:
```

<!-- seen: Two lines were printed. -->

```console
$ echo another
```
END
    run "$ROOT/tests/tools/book" demo 02-two/README.md
    [ "$status" -eq 0 ]
    diff - <(echo "$output") <<'END'
02 · Two
Two programs
at once.

# First this.
$ : -p 9000; cat <<EOF
> port 9000
> EOF
port 9000
$ printf 'done:'
done:

Two lines were printed.
END
}

@test "demo: explains a trick of the shell once, and does not wait without a terminal" {
    local before=$SECONDS
    book_make
    for stage in 01-one 02-two; do
        printf '%s\n' '# One' '' 'Text.' '' '## Run it' '```console' '# Look.' '$ cat <<< a' 'a' \
            '$ cat <<< b' 'b' '```' '' '<!-- seen: It was printed. -->' >"$stage/README.md"
    done
    run env DEMO_PAUSE=100 "$ROOT/tests/tools/book" demo 0*/README.md
    [ "$status" -eq 0 ]
    [ "$(grep -c '<<< TEXT gives' <<<"$output")" -eq 1 ]
    [[ $output == *$'# Look.\n  (<<< TEXT gives'*$')\n$ cat <<< a\na\n'* ]]
    [ $((SECONDS - before)) -lt 60 ]
}

@test "demo: a session that fails, or none at all, fails" {
    book_make
    printf '%s\n' '# 02 · Two' '' 'Text.' '## Run it' '```console' '$ echo one' \
        'two' '```' | book_chapter
    DEADLINE=1 book_catches demo 6 '$ echo one'
    printf '%s\n' '# 02 · Two' '' 'Text.' '## Other' '```console' '$ echo one' \
        'one' '```' | book_chapter
    book_catches demo 1 'no session under ## Run it'
    CHAPTER=03-none/README.md book_catches demo 1 'no such chapter'
}

# --- what changed -----------------------------------------------------------

book_table() {
    {
        printf '%s\n' '# 02 · Two' '' '## What changed since 01' '' \
            '| file | new/changed/gone | lines | why |' '|---|---|---|---|'
        printf '%s\n' "$@"
        printf '%s\n' '' '## Next' '' '| `other.c` | new | 1 | another table |'
    } | book_chapter
}

BOOK_NEW='| `examples/echo.c` | new | 8 | to echo |'
BOOK_CHANGED='| `net/net.c` | changed | +2 -1 | a \| bar |'
BOOK_GONE='| net/old.h | gone | -2 | too old |'

@test "changes: the real table passes" {
    book_make
    book_table "$BOOK_NEW" "$BOOK_CHANGED" "$BOOK_GONE"
    book_passes changes
}

@test "changes: the first stage's table has every source, and its lines" {
    local CHAPTER=01-one/README.md
    book_make
    printf '%s\n' '## What is here' '' '| file | lines | why |' '|---|---|---|' \
        '| `net/net.c`, `net/old.h` | 4 | two |' '| `net/same.c` | 1 | one |' |
        book_chapter "$CHAPTER"
    book_catches changes 5 'these are 5 lines, not 4'
    "$ROOT/tests/tools/book" changes --write "$CHAPTER"
    book_passes changes
    sed -i 6d "$CHAPTER"
    book_catches changes 1 'the rows have 5 lines, the stage has 6'
}

@test "changes: a difference that is not in the table is caught" {
    book_make
    book_table "$BOOK_NEW" "$BOOK_GONE"
    book_catches changes 3 'not in the table: net/net.c is changed, +2 -1'
    book_table "$BOOK_CHANGED" "$BOOK_GONE"
    book_catches changes 3 'not in the table: examples/echo.c is new, 8'
    book_table "$BOOK_NEW" "$BOOK_CHANGED"
    book_catches changes 3 'not in the table: net/old.h is gone, -2'
}

@test "changes: a number of lines gone stale is caught" {
    book_make
    book_table "$BOOK_NEW" "$BOOK_CHANGED" "$BOOK_GONE"
    echo five >> 02-two/net/net.c
    book_catches changes 8 'net/net.c is changed, +3 -1, not changed, +2 -1'
    echo five >> 02-two/examples/echo.c
    book_catches changes 7 'examples/echo.c is new, 9, not new, 8'
    echo five >> 01-one/net/old.h
    book_catches changes 9 'net/old.h is gone, -3, not gone, -2'
}

@test "changes: a file that is not what the table says is caught" {
    book_make
    book_table "$BOOK_NEW" '| net/net.c | new | 4 | news |' "$BOOK_GONE"
    book_catches changes 8 'net/net.c is changed, +2 -1, not new, 4'
    book_table "$BOOK_NEW" '| net/net.c | new | +2 -1 | news |' "$BOOK_GONE"
    book_catches changes 8 'net/net.c is changed, +2 -1, not new, +2 -1'
    book_table "$BOOK_NEW" "$BOOK_CHANGED" "$BOOK_GONE" '| net/same.c | changed | +1 -1 | no |'
    book_catches changes 10 'net/same.c is the same as in 01-one'
    book_table "$BOOK_NEW" "$BOOK_CHANGED" "$BOOK_GONE" '| net/never.c | gone | -1 | no |'
    book_catches changes 10 'net/never.c is the same as in 01-one, or in neither'
}

@test "changes: two rows for a file, and a row without a reason, are caught" {
    book_make
    book_table "$BOOK_NEW" "$BOOK_CHANGED" "$BOOK_GONE" "$BOOK_GONE"
    book_catches changes 10 'second row for net/old.h'
    book_table "$BOOK_NEW" "$BOOK_CHANGED" '| net/old.h | gone | -2 | |'
    book_catches changes 9 'no reason'
}

@test "changes: a Makefile of its own, and no section, are caught" {
    book_make
    book_table "$BOOK_NEW" "$BOOK_CHANGED" "$BOOK_GONE"
    echo 'more:' >> 02-two/Makefile
    run "$ROOT/tests/tools/book" changes 02-two/README.md
    [ "$status" -eq 1 ]
    [ "$output" = '02-two/Makefile:1: differs from the one in 01-one' ]
    cp 01-one/Makefile 02-two/
    echo '# 02 · Two' | book_chapter
    book_catches changes 1 'no section ## What changed since'
}

@test "changes: files that are new or have gone may share a row, with the sum of their lines" {
    local echo='| `examples/echo.c` | new | 8 | to echo |'
    book_make
    seq 7 > 01-one/net/gone.c
    book_table "$BOOK_CHANGED" "$echo" '| `net/gone.c`, `net/old.h` | gone | -9 | old |'
    book_passes changes
    book_table "$BOOK_CHANGED" "$echo" '| `net/gone.c`, `net/old.h` | gone | -8 | old |'
    book_catches changes 9 'these are gone, -9, not -8'
    book_table "$BOOK_CHANGED" "$echo" '| `net/gone.c` | gone | -7 | old |' \
        '| `net/old.h`, `net/same.c` | gone | -2 | old |'
    book_catches changes 10 'net/same.c is , not gone'
    seq 5 > 02-two/net/more.c
    book_table "$BOOK_CHANGED" '| `net/more.c`, `examples/echo.c` | new | 13 | both |' \
        '| `net/gone.c`, `net/old.h` | gone | -9 | old |'
    book_passes changes
    book_table "$BOOK_CHANGED" '| `net/more.c`, `net/net.c` | new | 5 | no |' \
        '| `net/gone.c`, `net/old.h` | gone | -9 | old |'
    book_catches changes 8 'net/net.c is changed, not new'
    rm 02-two/net/more.c
    book_table "$BOOK_CHANGED" "$echo" '| `net/gone.c`, `net/old.h` | gone | -1 | old |'
    book_passes changes --write
    grep -qxF '| `net/gone.c`, `net/old.h` | gone | -9 | old |' 02-two/README.md
}

@test "changes: a folder stands for all its files that are new, or have gone" {
    book_make
    mkdir 01-one/udp 02-two/http
    seq 7 > 01-one/udp/udp.c
    seq 3 > 01-one/udp/udp.h
    seq 5 > 02-two/http/url.c
    book_table "$BOOK_CHANGED" "$BOOK_NEW" '| `udp/` | gone | -10 | a room |' \
        '| `http/` | new | 5 | another |' "$BOOK_GONE"
    book_passes changes
    book_table "$BOOK_CHANGED" "$BOOK_NEW" '| `udp/`, `net/old.h` | gone | -12 | rooms |' \
        '| `http/` | new | 5 | another |'
    book_passes changes
    cp 02-two/README.md written
    sed -i 's/-12/-1/' 02-two/README.md
    book_catches changes 9 'these are gone, -12, not -1'
    book_passes changes --write
    cmp written 02-two/README.md
    book_table "$BOOK_CHANGED" "$BOOK_NEW" '| `udp/` | gone | -10 | a room |' \
        '| `udp/udp.h` | gone | -3 | again |' '| `http/` | new | 5 | another |' "$BOOK_GONE"
    book_catches changes 10 'a second row for udp/udp.h'
    book_table "$BOOK_CHANGED" "$BOOK_NEW" '| `udp/` | gone | -10 | a room |' "$BOOK_GONE"
    book_catches changes 3 'not in the table: http/url.c is new, 5'
    book_table "$BOOK_CHANGED" "$BOOK_NEW" '| `udp/` | new | 10 | no |' \
        '| `http/` | new | 5 | another |' "$BOOK_GONE"
    book_catches changes 9 'no file of udp/ is new'
    book_table "$BOOK_CHANGED" "$BOOK_NEW" '| `udp/` | gone | -10 | a room |' \
        '| `http/` | new | 5 | another |' '| `net/` | changed | +2 -1 | no |' "$BOOK_GONE"
    book_catches changes 11 'files that have changed have a row each'
}

@test "changes --write: mends the table, and keeps the order and the reasons" {
    book_make
    book_table '| `net/old.h` | gone | -7 | too old |' '| `net/same.c` | changed | +1 -1 | no |' \
        '| `net/net.c` | new | 4 | a \| bar |'
    # A new row has no reason yet, and that is a finding.
    run "$ROOT/tests/tools/book" changes --write 02-two/README.md
    [ "$status" -eq 1 ]
    [[ $output == *'README.md:8: row taken out: | `net/same.c` |'* ]]
    [[ $output == *'README.md:9: no reason why for examples/echo.c'* ]]
    cp 02-two/README.md written
    book_table '| `net/old.h` | gone | -2 | too old |' "$BOOK_CHANGED" \
        '| `examples/echo.c` | new | 8 | TODO |'
    diff written 02-two/README.md
    sed -i 's/TODO/to echo/' 02-two/README.md
    cp 02-two/README.md written
    book_passes changes --write
    cmp written 02-two/README.md
}

@test "changes --write: makes a table where there is none" {
    book_make
    printf '%s\n' '# 02 · Two' '' '## What changed since 01' '' '## Next' | book_chapter
    run "$ROOT/tests/tools/book" changes --write 02-two/README.md
    [ "$status" -eq 1 ]
    sed -i 's/TODO/why not/' 02-two/README.md
    book_passes changes
    [ "$(tail -n 2 02-two/README.md)" = $'\n## Next' ]
}

# --- links ------------------------------------------------------------------

@test "links: files, folders and headings that are there" {
    book_make
    echo '## Run it' > 01-one/README.md
    book_chapter <<'END'
# 02 · Two

[a](net/net.c) [b](examples) [c](../01-one/README.md#run-it) [d](#02--two)
[`e`](#a-chapter-of-netc-its-what) [f](https://example.org/none) [g][h] [i](#twice-1)
`[not](a link)`

[h]: examples/echo.c "a title"

## A chapter of `net.c`: its *what*?
## Twice
## Twice

```text
[not](a link)
```
END
    book_passes links
}

@test "links: a file that is not there is caught" {
    book_make
    printf '%s\n' 'Text.' '[a](net/net.c) and [b](none.c)' | book_chapter
    book_catches links 2 'no none.c'
    printf '%s\n' '[a][b]' '' '[b]: ../none/README.md' | book_chapter
    book_catches links 3 'no ../none/README.md'
}

@test "links: a heading that is not there is caught" {
    book_make
    echo '## Run it' > 01-one/README.md
    printf '%s\n' '# A title' '[a](#a-titel)' '```text' '# In a fence' '```' \
        '[b](#in-a-fence)' '[c](../01-one/README.md#run)' | book_chapter
    book_catches links 2 'no such heading: #a-titel'
    book_catches links 6 'no such heading: #in-a-fence'
    book_catches links 7 'no such heading: ../01-one/README.md#run'
    printf '%s\n' '[a](net/net.c#L1)' | book_chapter
    book_catches links 1 'net/net.c#L1'
}

@test "book: usage errors are status 2" {
    for words in '' none excerpts 'changes --write'; do
        # shellcheck disable=SC2086 # words
        run "$ROOT/tests/tools/book" $words
        [ "$status" -eq 2 ]
    done
    "$ROOT/tests/tools/book" -h
}

# --- stages -----------------------------------------------------------------

@test "stage: a function of 60 lines passes, one more is caught" {
    book_make
    CHAPTER=02-two
    # Its braces are counted.
    { echo 'int f(void)'; echo '{'; seq 58; echo '}'; seq 189; } > 02-two/net/long.c
    book_passes stage
    sed -i '4s/.*/&\n&/' 02-two/net/long.c
    run "$ROOT/tests/tools/book" stage 02-two
    [ "$status" -eq 1 ]
    [ "$output" = '02-two/net/long.c:2: 61 lines of one function, 60 are the limit' ]
}

@test "stage: a symbolic link and a Makefile of its own are caught" {
    book_make
    ln -s ../01-one/net/net.c 02-two/link.c
    echo 'more:' >> 02-two/Makefile
    run "$ROOT/tests/tools/book" stage 01-one 02-two/
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = '02-two/link.c:1: a symbolic link' ]
    [ "${lines[1]}" = '02-two/Makefile:1: differs from the one in 01-one' ]
}

# --- forward ----------------------------------------------------------------

# book_repository: four stages with one file. The second has it as it was, the
# third with an addition at the end, the last with another line 2.
book_repository() {
    command -v git > /dev/null || skip "git is not here"
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    mkdir -p repository/0{1-a,2-b,3-c,4-d}
    cd repository || return
    git init -q .
    seq 20 | tee 01-a/net.c 02-b/net.c > 03-c/net.c
    echo more >> 03-c/net.c
    seq 20 | sed '2s/$/ is another/' > 04-d/net.c
    book_commit
}

book_commit() {
    git add .
    git -c user.name=nobody -c user.email=nobody@localhost commit -q -m "$RANDOM"
}

@test "forward: the same copy is overwritten, another one gets the change merged" {
    book_repository
    sed -i '12s/$/ mended/' 01-a/net.c
    "$ROOT/tests/tools/forward" 01-a/net.c
    cmp 01-a/net.c 02-b/net.c
    diff 03-c/net.c <(cat 01-a/net.c; echo more)
    diff 04-d/net.c <(sed '2s/$/ is another/' 01-a/net.c)
    # Once more does no harm.
    run "$ROOT/tests/tools/forward" 01-a/net.c
    [ "$status" -eq 0 ]
    [ "$(grep -c 'has it already' <<< "$output")" -eq 3 ]
}

@test "forward: stops where the change does not apply" {
    book_repository
    seq 20 > 03-c/net.c
    sed -i '3s/$/ here too/' 03-c/net.c
    cp 03-c/net.c third
    cp 04-d/net.c fourth
    sed -i '3s/$/ mended/' 01-a/net.c
    run "$ROOT/tests/tools/forward" 01-a/net.c
    [ "$status" -eq 1 ]
    [[ $output == *'03-c/net.c: the change does not apply'* ]]
    cmp 01-a/net.c 02-b/net.c
    cmp third 03-c/net.c
    cmp fourth 04-d/net.c
}

@test "forward: earlier stages and stages without the file stay as they are" {
    book_repository
    rm 03-c/net.c
    sed -i '12s/$/ mended/' 02-b/net.c
    (cd 02-b && "$ROOT/tests/tools/forward" net.c)
    [ "$(git status --short)" = $' M 02-b/net.c\n D 03-c/net.c\n M 04-d/net.c' ]
}

@test "forward: -c carries a change that is committed" {
    book_repository
    sed -i '12s/$/ mended/' 01-a/net.c
    book_commit
    run "$ROOT/tests/tools/forward" 01-a/net.c
    [ "$status" -eq 1 ]
    [[ $output == *'no change'* ]]
    "$ROOT/tests/tools/forward" -c HEAD 01-a/net.c
    cmp 01-a/net.c 02-b/net.c
}

# --- the path -----------------------------------------------------------------

# book_path_chapter TEXT: the table marks echo.c and net.c as the path.
book_path_chapter() {
    printf '%s\n' '# 02 · Two' '' '## What changed since 01' '' \
        '| file | new/changed/gone | lines | why | path |' '|---|---|---|---|---|' \
        '| `examples/echo.c` | new | 8 | to echo | 1 |' \
        '| `net/net.c` | changed | +2 -1 | news | 2 |' \
        '| `net/old.h` | gone | -2 | old | |' '' '## The walk' '' "$1" | book_chapter
}

@test "path: every file and every function of it that is new is met" {
    book_make
    printf '%s\n' 'static int old(void)' '{' '    return 1;' '}' |
        tee 01-one/net/net.c > 02-two/net/net.c
    printf '%s\n' '' 'static int new_one(int a,' '                   int b)' '{' '    return a + b;' '}' >> 02-two/net/net.c
    book_path_chapter 'In `echo.c` `main` begins; `net.c` has `new_one`.'
    book_passes path
    book_path_chapter 'In `echo.c` `main` begins; `net.c` has nothing.'
    book_catches path 1 'net/net.c: new_one is on the path, and not met in the text'
    book_path_chapter 'In `echo.c` it begins; `net.c` has `new_one`.'
    book_catches path 1 'examples/echo.c: main is on the path'
    book_path_chapter 'In `main` it begins; `net.c` has `new_one`.'
    book_catches path 1 'examples/echo.c is on the path, and not in the text'
}

@test "path: a chapter without a path is caught, and the table is no text" {
    book_make
    book_path_chapter 'Nothing.'
    book_catches path 1 'net/net.c is on the path, and not in the text'
    printf '%s\n' '# 02' '## What changed since 01' '| file | state |' '|---|---|' '| `a` | new |' | book_chapter
    book_catches path 1 'no row of its table is marked'
}

@test "ports: two sessions with one port are caught, one session may use it twice" {
    book_make
    printf '%s\n' '```console' '$ build/examples/a_server -p 9000 &' '$ build/examples/a_server -p 9000' '```' \
        '```console' '$ build/examples/a_server -p 9001 &' '```' | book_chapter
    book_passes ports
    sed -i 's/9001/9000/' 02-two/README.md
    run "$ROOT/tests/tools/book" ports 02-two/README.md
    [ "$status" -eq 1 ]
    [[ $output == '02-two/README.md:6: port 9000 serves a session before, at 02-two/README.md:2' ]]
}
