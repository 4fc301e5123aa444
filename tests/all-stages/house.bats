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
calls from threads
job, in a thread
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

@test "make turns: chapter 3's time line is drawn from the trace in its text" {
    sed -n '/^\$ .*cat trace$/,/^\$ rm/p' "$ROOT/03-reactor/README.md" >trace
    make -s -C "$ROOT" turns FILE="$PWD/trace" | diff - "$ROOT/03-reactor/pictures/turns.svg"
}

# --- make book -----------------------------------------------------------------

# house_dead_links FOLDER: each link of its pages that leads nowhere.
house_dead_links() {
    find "$1" -mindepth 1 | LC_ALL=C awk '
    { there[$0] = 1 }
    /\.html$/ { pages[++count] = $0 }
    # a/b/../c is a/c.
    function resolve(path,    before) {
        do
            before = path
        while (sub(/[^\/]+\/\.\.\//, "", path) && path != before)
        sub(/\/$/, "", path)
        return path
    }
    END {
        for (i = 1; i <= count; i++) {
            folder = pages[i]
            sub(/[^\/]*$/, "", folder)
            while ((getline line < pages[i]) > 0)
                while (match(line, /(href|src|id)="[^"]*"/)) {
                    kind = what = substr(line, RSTART, RLENGTH - 1)
                    line = substr(line, RSTART + RLENGTH)
                    sub(/=.*/, "", kind)
                    sub(/^[a-z]*="/, "", what)
                    if (kind == "id")
                        heading[pages[i] "#" what] = 1
                    else if (what !~ /:\/\/|^mailto:/)
                        links[folder "\t" what "\t" pages[i]] = 1
                }
        }
        for (link in links) {
            split(link, part, "\t")
            file = anchor = part[2]
            sub(/#.*/, "", file)
            file = file == "" ? part[3] : resolve(part[1] file)
            if ((file "/index.html") in there)
                file = file "/index.html"
            if (!(file in there))
                print part[3] ": " part[2]
            else if (sub(/^[^#]*#/, "", anchor) && !((file "#" anchor) in heading))
                print part[3] ": no such heading: " part[2]
        }
    }'
}

# house_book ROOT: its pages, in ./pages.
house_book() {
    command -v cmark-gfm >/dev/null || skip "cmark-gfm is not installed"
    "$ROOT/tests/tools/book-html" "$1" "$PWD/pages"
}

@test "make book: a page for every chapter and room, and no link leads nowhere" {
    house_book "$ROOT"
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

@test "make book: title and navigation are one line, and a chapter leads to the next" {
    house_book "$ROOT"
    find pages -name '*.html' -exec awk '
        FNR == 1 { titles = navigations = 0 }
        /^<title>[^<]+<\/title>$/ && length < 70 { titles++ }
        /^<nav><a .*06 · Process<\/a><\/nav>$/ { navigations++ }
        /^<\/html>$/ && (titles != 1 || navigations != 1) { print FILENAME; bad = 1 }
        END { exit bad }' {} +
    grep -qxF '<a href="../02-select/index.html">Back: 02 · Select</a>' pages/03-reactor/index.html
    grep -qxF '<a href="../04-protocols/index.html">Next: 04 · Protocols</a>' pages/03-reactor/index.html
    grep -qxF '<a href="01-blocking/index.html">Next: 01 · Blocking</a>' pages/index.html
    grep -qxF '<a href="../../05-deferred/index.html">Back: 05 · Deferred</a>' pages/05-deferred/http/index.html
}

@test "make book: the contents of a page have each of its headings" {
    local page
    house_book "$ROOT"
    for page in pages/index.html pages/0*/index.html pages/tests/exercises/answers.html; do
        diff <(sed -nE 's/^<li><a href="#(.*)">(.*)<\/a><\/li>$/<h2 id="\1">\2<\/h2>/p' "$page") \
            <(grep '^<h2' "$page")
        [ "$(grep -c '^<h2' "$page")" -gt 5 ]
    done
}

@test "make book: sessions, excerpts, tables, pictures, answers" {
    mkdir -p tree/{01-one,02-two}/net tree/tests/exercises
    cd tree || return
    printf '%s\n' '# Answers' '## 02-1' >tests/exercises/answers.md
    touch LICENSE Makefile
    echo 'int old;' >01-one/net/old.h
    printf '%s\n' '# A tree' | tee 01-one/README.md >README.md
    printf '%s\n' '/* What it' ' * does. */' 'static int first(int a,' '                 int b)' '{' \
        '    if (a < b)' '        return a;' '    return b;' '}' 'int second;' >02-two/net/net.c
    # shellcheck disable=SC2016 # backquotes of Markdown
    printf '%s\n' '# 02 · Two' '```console' '# A remark.' '$ echo <<E' '> E' '>>>:answer' '# output' '' \
        '$ true' '# The end.' '```' '[net/net.c](net/net.c):' '```c net/net.c' '    if (a < b)' \
        '        return a;' '...' '```' '[net/net.c](net/net.c):' '```c net/net.c' 'int second;' '```' \
        '| file | state |' '|---|---|' '| `net/net.c`, `net/old.h`, `net/not.c` | new |' '' \
        '![A line' 'or two](line.svg)' '' 'See [answers](../tests/exercises/answers.md), `make N=03-3`, `make CPPFLAGS=-DNET_PORTABLE N=03-3`.' >02-two/README.md
    house_book "$PWD"
    sed -n '/^<pre>/,/^<p>See/p' pages/02-two/index.html >page
    diff - page <<'END'
<pre><code class="language-console"><i># A remark.</i>
<b>$ echo &lt;&lt;E</b>
<b>&gt; E</b>
&gt;&gt;&gt;:answer
# output

<b>$ true</b>
<i># The end.</i>
</code></pre>
<p><a href="net/net.c.html#L6">net/net.c</a>, in <code>first</code>:</p>
<pre><code class="language-c" data-meta="net/net.c">if (a &lt; b)
    return a;
...
</code></pre>
<p><a href="net/net.c.html#L10">net/net.c</a>:</p>
<pre><code class="language-c" data-meta="net/net.c">int second;
</code></pre>
<div class="table"><table>
<thead>
<tr>
<th>file</th>
<th>state</th>
</tr>
</thead>
<tbody>
<tr>
<td><a href="net/net.c.html"><code class="long">net/<wbr>net.c</code></a>, <a href="../01-one/net/old.h.html"><code class="long">net/<wbr>old.h</code></a>, <code>net/not.c</code></td>
<td>new</td>
</tr>
</tbody>
</table></div>
<div class="wide"><a href="line.svg"><img src="line.svg" alt="A line or two" /></a></div>
<p>See <a href="../tests/exercises/answers.html#02-1">answers</a>, <code>make N=03-3</code>, <code class="long">make CPPFLAGS=<span class="whole">-D</span>NET_<wbr>PORTABLE N=03<span class="whole">-3</span></code>.</p>
END
    grep -qxF '<span id="L2"><i> * does. */</i></span>' pages/02-two/net/net.c.html
}
