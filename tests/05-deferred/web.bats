#!/usr/bin/env bats
# Stage 05: web_server, and what it is made of: http_request, http_response,
# http_files, http_channel.

# shellcheck disable=SC2030,SC2031,SC2034,SC2086,SC2153,SC2154 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- what is served, what is asked, what is answered ---------------------------

OLD_DATE='Sun, 06 Nov 1994 08:49:37 GMT'

web_file() { # PATH TEXT: with a date that is known
    printf '%b' "$2" >"$1"
    touch -d "$OLD_DATE" "$1"
}

setup() {
    begin_test
    mkdir -p root/sub/deep root/page root/empty root/page/index.html.d outside
    web_file outside/secret.txt 'a secret\n'
    web_file root/hello.txt 'hello\n'
    web_file root/empty.txt ''
    web_file root/bytes 'a\0\r\n\xff\n'
    web_file root/page/index.html '<p>Welcome\n'
    web_file root/sub/README.md '# Sub\n'
    web_file 'root/a "b" & <c>.txt' 'odd\n'
    web_file root/.hidden 'a secret\n'
    web_file root/数 ''
    web_file root/$'\x1b\xe2\x80\xae\xff' ''
    mkfifo root/fifo
    ln -s hello.txt root/link
    ln -s ../outside/secret.txt root/way_out
    ln -s ../outside root/sub/outside
}

# web_ask STEP...: what is answered, without today's date, goes to the file got.
web_ask() {
    peer "$PORT" "$@" >raw || return 1
    sed -E 's/^(Date: )[A-Z][a-z]{2}, .{24}\r$/\1NOW\r/' raw >got
}

# web_is: that is what standard input says, to the byte.
web_is() {
    cmp -s got - || {
        echo "--- got:"
        cat -v got
        return 1
    }
}

web_head() { # STATUS HEADER...
    printf 'HTTP/1.1 %s\r\nDate: NOW\r\n' "$1"
    printf '%s\r\n' "${@:2}" ''
}

web_hello_head() { # CONNECTION
    web_head '200 OK' 'Content-Type: text/plain; charset=utf-8' 'Content-Length: 6' \
        "Last-Modified: $OLD_DATE" "Connection: $1"
}

# How each page begins that the server writes itself.
web_html() { # TITLE
    cat <<HTML
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 sans-serif; max-width: 45rem;
       margin: 1rem auto; padding: 0 1rem }
td + td { padding-left: 2rem; text-align: right }
</style>
<title>$1</title>
<h1>$1</h1>
HTML
}

web_status() { # STATUS CONNECTION [HEADER]: with its body
    local body
    body=$(web_html "$1"; echo '<p><a href="/">To the first page</a></p>')
    web_head "$1" 'Content-Type: text/html; charset=utf-8' \
        "Content-Length: $((${#body} + 1))" "${@:3}" "Connection: $2"
    printf '%s\n' "$body"
}

# web_line: the first line of what is answered to one request.
web_line() { # STEP...
    web_ask "$@" || return 1
    LINE=$(head -n 1 got)
    LINE=${LINE%$'\r'}
}

web_works() {
    web_ask 'send=GET /hello.txt HTTP/1.0\r\n\r\n' eof || return 1
    { web_hello_head close; echo hello; } | web_is
}

web_each() { # COMMAND...
    server_each 'web_server -d root' "$@"
}

# web_copy NAME FILE SCRIPT: builds the server with a FILE that sed has changed;
# start it as tests/$STAGE/NAME.
web_copy() {
    unit_program web_server "$2" "$3" "$1"
}

# web_broken FILE SCRIPT COMMAND...: the command fails with such a server.
web_broken() {
    web_copy "broken_web_$BATS_TEST_NUMBER" "$1" "$2"
    start "tests/$STAGE/broken_web_$BATS_TEST_NUMBER" -d root -r epoll
    POLLER=epoll
    run "${@:3}"
    printf '%s\n' "broken by: $2" "${lines[@]:0:20}"
    [ "$status" -ne 0 ]
}

# --- unit programs -----------------------------------------------------------

@test "heads of requests, good and bad, and at their limits" {
    unit_cases http_request_test select
}

@test "heads of responses, dates, paths, types" {
    unit_cases http_response_test select
}

@test "proof: a limit, a check or a byte left out of http_request.c is seen" {
    unit_broken http_request.c 's/length > HTTP_LINE_MAX \|\| //' http_request_test limits
    unit_broken http_request.c 's/ \|\| self->bytes > HTTP_HEAD_MAX//' http_request_test limits
    unit_broken http_request.c 's/> HTTP_HEADERS_MAX/>= HTTP_HEADERS_MAX/' http_request_test limits
    unit_broken http_request.c 's/filled == HTTP_PATH_MAX/filled > HTTP_PATH_MAX - 2/' http_request_test limits
    unit_broken http_request.c 's/byte == 0 \|\| byte ==/byte ==/' http_request_test path
    unit_broken http_request.c "s/byte == 0 \\|\\| byte == '\\/'/byte == 0/" http_request_test path
    unit_broken http_request.c 's/ && !self->has_body;/;/' http_request_test headers
    unit_broken http_request.c 's/return twice \|\| /return /' http_request_test headers
    unit_broken http_request.c 's/return 501/return 0/' http_request_test headers
    unit_broken http_request.c "s/text\\[5\\] == '1' \\? 0 : 505/0/" http_request_test first_line
}

@test "proof: 20,000 mutated requests, cut anywhere, under the sanitizers" {
    local flags='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
    echo 'int main(void) { return 0; }' >empty.c
    # shellcheck disable=SC2086 # flags are words
    "${CC:-cc}" $flags -o empty empty.c || skip "no sanitizers"
    CFLAGS=$flags unit_compile fuzz "$ROOT/tests/05-deferred/http_fuzz.c" \
        "$ROOT/$STAGE"/[!e]*/*.c
    soon ./fuzz
}

# --- answers, to the byte ------------------------------------------------------

web_gets() {
    web_works
    web_ask 'send=HEAD /hello.txt HTTP/1.0\r\n\r\n' eof
    web_hello_head close | web_is
    # 1.1 goes on, 1.0 does if it is asked to, and both end when asked to.
    web_ask 'send=GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' 'until=hello\n' quiet=20 \
        'send=HEAD /hello.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n' 'until=\r\n\r\n' quiet=20 \
        'send=HEAD /empty.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' eof
    {
        web_hello_head keep-alive
        echo hello
        web_hello_head keep-alive
        web_head '200 OK' 'Content-Type: text/plain; charset=utf-8' 'Content-Length: 0' \
            "Last-Modified: $OLD_DATE" 'Connection: close'
    } | web_is
    # No file, an empty one, bytes of any kind; a client that only listens now.
    web_ask 'send=GET /nothing HTTP/1.1\nHost: a\n\nGET /empty.txt HTTP/1.1\nHost: a\n\nGET /bytes HTTP/1.1\nHost: a\n\n' \
        shutdown eof
    {
        web_status '404 Not Found' keep-alive
        web_head '200 OK' 'Content-Type: text/plain; charset=utf-8' 'Content-Length: 0' \
            "Last-Modified: $OLD_DATE" 'Connection: keep-alive'
        web_head '200 OK' 'Content-Type: application/octet-stream' 'Content-Length: 6' \
            "Last-Modified: $OLD_DATE" 'Connection: keep-alive'
        printf 'a\0\r\n\xff\n'
    } | web_is
    grep -qE '\[HttpChannel,[0-9]+,127\.0\.0\.1\] 404 GET /nothing$' "$LOG"
}

@test "GET and HEAD: the whole answer, HTTP/1.0 and 1.1, once and again" {
    web_each web_gets
}

@test "proof: a body that a HEAD must not have is seen" {
    web_broken http_channel.c 's/if \(self->request.method == HTTP_HEAD\)/if (0)/' \
        web_ask 'send=HEAD /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' 'until=\r\n\r\n' quiet=20
}

web_not_modified() {
    local since="If-Modified-Since: $OLD_DATE"
    web_ask "send=GET /hello.txt HTTP/1.1\\r\\nHost: a\\r\\n$since\\r\\n\\r\\nHEAD /hello.txt HTTP/1.0\\r\\n$since\\r\\n\\r\\n" eof
    {
        web_head '304 Not Modified' "Last-Modified: $OLD_DATE" 'Connection: keep-alive'
        web_head '304 Not Modified' "Last-Modified: $OLD_DATE" 'Connection: close'
    } | web_is
    # An older copy, or no date, is another file.
    web_ask 'send=GET /hello.txt HTTP/1.0\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n\r\n' eof
    { web_hello_head close; echo hello; } | web_is
    web_ask 'send=GET /hello.txt HTTP/1.0\r\nIf-Modified-Since: yesterday\r\n\r\n' eof
    { web_hello_head close; echo hello; } | web_is
}

@test "304 for whoever has the file with this date, 200 for anybody else" {
    web_each web_not_modified
}

# web_asks_since DATE [HEADER]: sets LINE.
web_asks_since() {
    web_line "send=GET /${FILE:-hello.txt} HTTP/1.0\\r\\nIf-Modified-Since: $1\\r\\n${2:-}\\r\\n" eof
}

web_dates() {
    local same='HTTP/1.1 304 Not Modified' all='HTTP/1.1 200 OK' date
    for date in 'Sunday, 06-Nov-94 08:49:37 GMT' 'Sun Nov  6 08:49:37 1994' \
        'Sun, 06 Nov 1994 08:49:38 GMT' 'Sat, 01 Jan 2000 00:00:00 GMT' 'Sat, 01 Jan 2050 00:00:00 GMT'; do
        web_asks_since "$date"
        [ "$LINE" = "$same" ] || { echo "$date"; return 1; }
    done
    for date in 'Sunday, 06-Nov-94 08:49:36 GMT' 'Sun Nov  6 08:49:36 1994' \
        'Sun, 06 Nov 1994 08:49:36 GMT' '784111777' 'Sun, 06 Nov 1994 08:49:37' ''; do
        web_asks_since "$date"
        [ "$LINE" = "$all" ] || { echo "$date"; return 1; }
    done
    # Who asks by a tag does not ask by the date.
    web_asks_since "$OLD_DATE" 'If-None-Match: "a"\r\n' && [ "$LINE" = "$all" ] || return 1
}

@test "H7 H8: dates of three kinds, older, later; a tag counts more" {
    web_each web_dates
}

@test "proof: what breaks H7 H8 is seen" {
    web_broken http_request.c 's/self->has_since &= .*;//' web_dates
    web_broken http_date.c 's/is_long \? "-" : " "/" "/' web_dates
    web_broken http_date.c 's/if \(!is_long && take\(text, " "\)\)/if (0)/' web_dates
    web_broken examples/web_server.c 's/file->modified <= request->since/file->modified == request->since/' web_dates
}

# Whoever has fetched a file that is written twice in a second gets the second.
web_date() { # SECONDS
    LC_ALL=C date -u -d "@$1" '+%a, %d %b %Y %T GMT'
}

web_second_is_over() { # SECOND
    [ "$(date +%s)" -gt "$1" ]
}

web_written_twice() {
    local date second
    FILE=young
    for _ in {1..5}; do # both in the same second
        echo one >root/young
        web_ask 'send=GET /young HTTP/1.0\r\n\r\n' eof || return 1
        date=$(sed -n 's/^Last-Modified: \(.*\)\r$/\1/p' got)
        second=$(stat -c %Y root/young)
        echo two >root/young
        [ "$(stat -c %Y root/young)" -ne "$second" ] || break
    done
    [ "$(stat -c %Y root/young)" -eq "$second" ] || skip "an answer takes a second here"
    web_asks_since "$date" && [ "$LINE" = 'HTTP/1.1 200 OK' ] || return 1
    web_asks_since "$(web_date "$second")"
    [ "$LINE" = 'HTTP/1.1 200 OK' ] || web_second_is_over "$second" || return 1
    eventually web_second_is_over "$second" || return 1
    web_asks_since "$date" && [ "$LINE" = 'HTTP/1.1 200 OK' ] || return 1
    web_asks_since "$(web_date "$second")" && [ "$LINE" = 'HTTP/1.1 304 Not Modified' ] || return 1
    touch -d 'next year' root/young
    web_ask 'send=GET /young HTTP/1.0\r\n\r\n' eof || return 1
    date=$(sed -n 's/^Last-Modified: \(.*\)\r$/\1/p' raw)
    [ "$(date -d "$date" +%s)" -le "$(date -d "$(sed -n 's/^Date: \(.*\)\r$/\1/p' raw)" +%s)" ] || return 1
    web_asks_since 'Sat, 01 Jan 2050 00:00:00 GMT' && [ "$LINE" = 'HTTP/1.1 200 OK' ] || return 1
}

@test "H9: a date as young as the answer proves nothing" {
    web_each web_written_twice
}

@test "proof: what breaks H9 is seen" {
    web_broken examples/web_server.c 's/settled = .*;/settled = true;/' web_written_twice
    web_broken examples/web_server.c 's/if \(settled && /if (/' web_written_twice
}

web_targets() {
    local row
    for row in '400 Bad Request|GET /hello.txt HTTP/1.1|Host: a b/c' '400 Bad Request|GET /hello.txt HTTP/1.1|Host: a/b' \
        '400 Bad Request|GET /hello.txt HTTP/1.1|Host: a@b' '400 Bad Request|GET /hello.txt HTTP/1.1|Host: a:b' \
        '400 Bad Request|GET /hello.txt HTTP/1.1|Host: [::1' '400 Bad Request|GET http:///hello.txt HTTP/1.0|' \
        '400 Bad Request|GET http://:80/hello.txt HTTP/1.0|' '400 Bad Request|GET http://a b/ HTTP/1.0|' \
        '400 Bad Request|GET http://u@a/hello.txt HTTP/1.0|' '404 Not Found|GET http://other/x?=/hello.txt HTTP/1.0|' \
        '200 OK|GET http://other?x=/nowhere HTTP/1.0|' '200 OK|GET http://other HTTP/1.0|' \
        '200 OK|GET http://[::1]:80/hello.txt HTTP/1.0|' '200 OK|GET /hello.txt HTTP/1.1|Host: [::1]:8080' \
        '200 OK|GET /hello.txt HTTP/1.1|Host:' '200 OK|GET /hello.txt HTTP/1.1|Host: a-b.c_d:'; do
        IFS='|' read -r status request header <<<"$row"
        web_line "send=$request\\r\\n${header:+$header\\r\\n}Connection: close\\r\\n\\r\\n" eof || return 1
        [ "$LINE" = "HTTP/1.1 $status" ] || { echo "$row: $LINE"; return 1; }
    done
    # What follows the host is its directory, whatever the query says.
    web_ask 'send=GET http://other?x=/hello.txt HTTP/1.0\r\n\r\n' eof || return 1
    grep -q 'Index of /<' got || return 1
    # Methods that there are, and others; a query goes where its path goes.
    for row in GETT get FOO; do
        web_line "send=$row / HTTP/1.0\\r\\n\\r\\n" eof && [ "$LINE" = 'HTTP/1.1 501 Not Implemented' ] || return 1
    done
    for row in POST PUT OPTIONS PATCH; do
        web_line "send=$row / HTTP/1.0\\r\\n\\r\\n" eof && [ "$LINE" = 'HTTP/1.1 405 Method Not Allowed' ] || return 1
    done
    web_ask 'send=GET /sub?a=%20b&c=/?d HTTP/1.0\r\n\r\n' eof || return 1
    grep -q $'^Location: /sub/?a=%20b&c=/?d\r$' got || return 1
    web_ask "send=GET /sub?$(web_chars 1023) HTTP/1.0\\r\\n\\r\\n" eof || return 1
    grep -q "^Location: /sub/?$(web_chars 1023)" got || return 1
    web_line "send=GET /sub?$(web_chars 1024) HTTP/1.0\\r\\n\\r\\n" eof || return 1
    [ "$LINE" = 'HTTP/1.1 414 URI Too Long' ] || return 1
}

@test "H10 H12: targets, hosts, methods, and a query that is sent on" {
    web_each web_targets
}

@test "proof: what breaks H10 H12 is seen" {
    web_broken http_request.c 's/ \|\| !is_authority\(value, length\)//' web_targets
    web_broken http_request.c "s/ && \*text != '\?'//" web_targets
    web_broken http_request.c 's/text == host \|\| //' web_targets
    web_broken http_channel.c 's/== HTTP_UNKNOWN/== 77/' web_targets
    web_broken examples/web_server.c 's/strcat\(location, .*query\);//' web_targets
    web_broken examples/web_server.c 's/if \(.*query_cut\)/if (0)/' web_targets
}

web_type() { # FILE TYPE
    web_ask "send=GET /$1 HTTP/1.0\\r\\n\\r\\n" eof || return 1
    grep -qx "Content-Type: $2"$'\r' got || { echo "$1:"; grep Content-Type got; return 1; }
}

web_types() {
    local text='text/plain; charset=utf-8' any=application/octet-stream name
    for name in a.py a.awk a.sh a.dict Makefile noending A.MD a.Txt; do
        echo '# 数据 text' >"root/$name"
        web_type "$name" "$text" || return 1
    done
    for name in a.HTM a.jpeg b.JPG a.webp a.ico a.pdf; do
        head -c 5000 /dev/zero >"root/$name"
    done
    web_type a.HTM 'text/html; charset=utf-8' && web_type a.jpeg image/jpeg && web_type b.JPG image/jpeg &&
        web_type a.webp image/webp && web_type a.ico image/x-icon && web_type a.pdf application/pdf || return 1
    # By the first block: what is cut off at its end is no fault of the file.
    printf '%4095s\xe4\xb8\xad' '' >root/cut
    web_type cut "$text" || return 1
    for name in 'a\0b' 'a\xff' '\xe4\xb8' '\xc0\xaf' '\x80'; do
        printf %b "$name" >root/odd
        web_type odd $any || { echo "$name"; return 1; }
    done
    : >root/odd
    web_type odd "$text"
}

@test "H1: what a browser shows it is told to show" {
    web_each web_types
}

@test "proof: what breaks H1 is seen" {
    web_broken http_files.c 's/strcasecmp\(path/strcmp(path/' web_types
    web_broken http_files.c 's/is_text\(file\) \?/0 ?/' web_types
    web_broken http_files.c 's/is_text\(file\) \?/1 ?/' web_types
    web_broken http_files.c 's/ && length == file->size\)/)/' web_types
}

@test "H12: an interface that is none: the words of the resolver" {
    run soon "$(program $STAGE/web_server)" -p 0 -i nope.invalid
    [ "$status" -eq 1 ]
    [[ ${lines[-1]} == "web_server: nope.invalid: "* ]]
    [[ ${lines[-1]} != *'Cannot assign'* ]]
}

@test "404, 405, 400, 501, 505: what they say, and whether they go on" {
    web_each web_refuses
}

web_refuses() {
    web_ask 'send=POST /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nDELETE /hello.txt HTTP/1.0\r\n\r\n' eof
    {
        web_status '405 Method Not Allowed' keep-alive 'Allow: GET, HEAD'
        web_status '405 Method Not Allowed' close 'Allow: GET, HEAD'
    } | web_is
    # A body might hold a request; that it is none we know only at its end.
    web_ask 'send=POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' eof
    web_status '405 Method Not Allowed' close 'Allow: GET, HEAD' | web_is
    web_ask 'send=GET /hello.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' eof
    { web_hello_head close; echo hello; } | web_is
    web_ask 'send=GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' eof
    web_status '501 Not Implemented' close | web_is
    web_ask 'send=PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' eof
    web_status '505 HTTP Version Not Supported' close | web_is
    web_ask 'send=GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n' eof
    web_status '400 Bad Request' close | web_is
    web_ask 'send=HEAD / HTTP/1.1\r\n\r\n' eof
    web_status '400 Bad Request' close | sed '/^\r$/q' | web_is
    web_ask 'send=\0\x01\xff\r\n' eof
    web_status '400 Bad Request' close | web_is
    web_ask 'send=GET /%0a%1b[31m HTTP/1.0\r\n\r\n' eof
    web_status '404 Not Found' close | web_is
    logged '] 404 GET /\n\x1b[31m'
    if grep -q $'\x1b' "$LOG"; then return 1; fi
}

web_big_body() {
    # What is sent after the answer does not turn it into a reset.
    web_ask 'send=POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n' flood=1000000 eof
    web_status '405 Method Not Allowed' close 'Allow: GET, HEAD' | web_is
}

@test "a body of 1 MB does not destroy the answer that says no to it" {
    web_each web_big_body
}

# --- directories -------------------------------------------------------------------

web_listing() { # PATH ENTRY...
    web_html "Index of $1"
    echo '<table>'
    printf '<tr><td>%s</td></tr>\n' "${@:2}"
    echo '</table>'
}

web_lists() { # PATH FILE: the listing that is in the file
    web_ask "send=GET $1 HTTP/1.0\\r\\n\\r\\n" eof
    {
        web_head '200 OK' 'Content-Type: text/html; charset=utf-8' \
            "Content-Length: $(stat -c %s "$2")" 'Connection: close'
        cat "$2"
    } | web_is || return 1
    web_ask "send=HEAD $1 HTTP/1.0\\r\\n\\r\\n" eof
    web_head '200 OK' 'Content-Type: text/html; charset=utf-8' \
        "Content-Length: $(stat -c %s "$2")" 'Connection: close' | web_is
}

web_directories() {
    web_ask 'send=GET /sub HTTP/1.1\r\nHost: a\r\n\r\nGET /a%20b HTTP/1.0\r\n\r\n' eof
    {
        web_status '301 Moved Permanently' keep-alive 'Location: /sub/'
        web_status '404 Not Found' close
    } | web_is
    # Directories, then files with their sizes; what to read first is first.
    yes | head -c 1234567 >root/large
    web_listing / \
        '<a href="empty/">empty/</a></td><td>' '<a href="page/">page/</a></td><td>' \
        '<a href="sub/">sub/</a> <a href="sub/README.md">README.md</a></td><td>' \
        '<a href="%1B%E2%80%AE%FF">\x1b\xe2\x80\xae\xff</a></td><td>0 bytes' \
        '<a href="a%20%22b%22%20%26%20%3Cc%3E.txt">a &#34;b&#34; &#38; &#60;c&#62;.txt</a></td><td>4 bytes' \
        '<a href="bytes">bytes</a></td><td>6 bytes' '<a href="empty.txt">empty.txt</a></td><td>0 bytes' \
        '<a href="hello.txt">hello.txt</a></td><td>6 bytes' '<a href="large">large</a></td><td>1.2 MB' \
        '<a href="%E6%95%B0">数</a></td><td>0 bytes' >listing
    web_lists / listing || return 1
    rm root/large
    web_listing /sub/ '<a href="../">../</a></td><td>' '<a href="README.md">README.md</a></td><td>6 bytes' \
        '<a href="deep/">deep/</a></td><td>' >listing
    web_lists /sub/ listing || return 1
    web_listing /sub/deep/ '<a href="../">../</a></td><td>' >listing
    web_lists /sub/deep/ listing || return 1
    web_ask 'send=GET /page/ HTTP/1.0\r\n\r\n' eof
    {
        web_head '200 OK' 'Content-Type: text/html; charset=utf-8' 'Content-Length: 11' \
            "Last-Modified: $OLD_DATE" 'Connection: close'
        echo '<p>Welcome'
    } | web_is
    web_line 'send=GET /hello.txt/ HTTP/1.0\r\n\r\n' eof
    [ "$LINE" = 'HTTP/1.1 404 Not Found' ]
    web_ask 'send=GET /a%20%22b%22%20%26%20%3Cc%3E.txt HTTP/1.0\r\n\r\n' eof
    [ "$(tail -n 1 got)" = odd ]
}

@test "H13: a directory: moved, its index.html, or its names" {
    web_each web_directories
}

@test "proof: what breaks H13 is seen" {
    web_broken http_listing.c 's/one->kind != other->kind/0/' web_directories
    web_broken html.c 's/ TEXT_LINE\)/ TEXT_LINES)/;s/text_escape\(.*shown\),/strcpy(shown, name); (void)(/' web_directories
}

@test "a directory of 1,001 names lists 1,000, of 1,000 all of them" {
    (cd root/empty && touch {1000..2000})
    start $STAGE/web_server -d root
    web_ask 'send=GET /empty/ HTTP/1.0\r\n\r\n' eof
    [ "$(grep -c '^<tr><td><a href="[12]' got)" -eq 1000 ]
    grep -q 'And more' got
    rm root/empty/1500
    web_ask 'send=GET /empty/ HTTP/1.0\r\n\r\n' eof
    [ "$(grep -c '^<tr><td><a href="[12]' got)" -eq 1000 ]
    [ "$(grep -c 'And more' got)" -eq 0 ]
}

@test "one click leads from the tree's root to each chapter" {
    local link
    start $STAGE/web_server -d "$ROOT"
    web_ask 'send=GET / HTTP/1.0\r\n\r\n' eof
    mapfile -t links < <(grep -o 'href="[^"]*/README.md"' got | cut -d '"' -f 2)
    [ "${#links[@]}" -ge 4 ]
    for link in "${links[@]}"; do
        peer "$PORT" "send=GET /$link HTTP/1.0\\r\\n\\r\\n" 'until=\r\n\r\n' eof |
            tail -c "$(stat -c %s "$ROOT/$link")" | cmp - "$ROOT/$link"
    done
}

# --- no way out of the directory ------------------------------------------------------

# Each is refused, and whatever is answered has no secret in it.
web_no_way_out() {
    local path
    for path in /../outside/secret.txt /../../../../../../../etc/passwd /.. /../ /sub/../hello.txt \
        /sub/../../outside/secret.txt /%2e%2e/outside/secret.txt /.%2e/outside/secret.txt \
        /%2E%2E%2foutside%2fsecret.txt /..%2foutside/secret.txt /sub/%2e%2e/%2e%2e/outside/secret.txt \
        "/${PWD#/}/outside/secret.txt" "/$PWD/outside/secret.txt" "$PWD/outside/secret.txt" \
        //etc/passwd /etc/passwd ///// /./hello.txt /.hidden /%2ehidden /hello.txt%00.html /%00 \
        '/..\\outside\\secret.txt' '/..%5coutside%5csecret.txt' '/%c0%ae%c0%ae/outside/secret.txt' \
        '/%252e%252e/outside/secret.txt' '/...' '/../root/hello.txt' '/sub/outside/secret.txt' \
        /way_out /link /fifo /sub/outside/ /sub/outside "http://a/../outside/secret.txt" \
        'http://../outside/secret.txt' ..//outside/secret.txt outside/secret.txt '/sub//README.md' \
        "/$(printf '../%.0s' {1..300})etc/passwd"
    do
        web_line "send=GET $path HTTP/1.0\\r\\n\\r\\n" eof || return 1
        if [[ $LINE != 'HTTP/1.1 40'[034]* ]] || grep -q 'secret$\|root:' got; then
            echo "$path: $LINE"
            return 1
        fi
    done
    web_works || return 1
}

@test "no path leads out of the directory, and none to what is hidden" {
    web_each web_no_way_out
}

@test "proof: a check of a path left out is seen" {
    web_broken http_files.c "s/\\*name == '\\.'/0/" web_no_way_out
    web_broken http_files.c 's/ \| O_NOFOLLOW//' web_no_way_out
    web_broken http_files.c 's/(next = open_name\(.*\);)/next = openat(fd, name, OPEN_FLAGS); length = strlen(name);/' \
        web_no_way_out
    DEADLINE=2 web_broken http_files.c 's/O_NONBLOCK/0/' web_no_way_out
}

web_refuses_kinds() {
    local kind
    for kind in fifo link way_out socket; do
        [ -e root/$kind ] || continue
        web_line "send=GET /$kind HTTP/1.0\\r\\n\\r\\n" eof
        [ "$LINE" = 'HTTP/1.1 403 Forbidden' ] || { echo "$kind: $LINE"; return 1; }
    done
    # A FIFO with somebody at the other end is none for us, either.
    exec {WRITER}<>root/fifo
    web_line 'send=GET /fifo HTTP/1.0\r\n\r\n' eof
    [ "$LINE" = 'HTTP/1.1 403 Forbidden' ]
    exec {WRITER}>&-
}

@test "what is no file is refused at once: a FIFO, a link, a socket" {
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("root/socket")' || true
    web_each web_refuses_kinds
}

@test "what the server may not read is refused" {
    [ "$(id -u)" -ne 0 ] || skip "root may read anything"
    chmod 0 root/hello.txt root/sub
    start $STAGE/web_server -d root
    web_line 'send=GET /hello.txt HTTP/1.0\r\n\r\n' eof
    [ "$LINE" = 'HTTP/1.1 403 Forbidden' ]
    web_line 'send=GET /sub/ HTTP/1.0\r\n\r\n' eof
    [ "$LINE" = 'HTTP/1.1 403 Forbidden' ]
    chmod 700 root/sub
}

# --- limits on the wire ----------------------------------------------------------------

web_chars() { # COUNT
    printf "%${1}s" '' | tr ' ' a
}

web_limits() {
    local more first other
    for more in -1 0 1; do
        first='HTTP/1.1 404 Not Found' other='HTTP/1.1 200 OK'
        [ $more -le 0 ] || first='HTTP/1.1 414 URI Too Long'
        [ $more -le 0 ] || other='HTTP/1.1 431 Request Header Fields Too Large'
        # Four names, none longer than 255.
        web_line "send=GET /$(web_chars 254)/$(web_chars 254)/$(web_chars 254)/$(web_chars $((258 + more))) HTTP/1.0\\r\\n\\r\\n" eof || return 1
        [ "$LINE" = "$first" ] || return 1
        first=${first/404 Not Found/200 OK}
        web_line "send=GET /?$(web_chars $((8192 - 15 + more))) HTTP/1.0\\r\\n\\r\\n" eof || return 1
        [ "$LINE" = "$first" ] || return 1
        web_line "send=GET / HTTP/1.0\\r\\nA:$(web_chars $((8192 - 2 + more)))\\r\\n\\r\\n" eof || return 1
        [ "$LINE" = "$other" ] || return 1
        web_line "send=GET / HTTP/1.0\\r\\n$(printf 'A:\\n%.0s' $(seq $((100 + more))))\\n" eof || return 1
        [ "$LINE" = "$other" ] || return 1
    done
    # A line without an end is not waited for.
    web_line "send=GET /$(web_chars 10000)" eof || return 1
    [ "$LINE" = 'HTTP/1.1 414 URI Too Long' ] || return 1
    web_line "send=GET / HTTP/1.0\\nA: $(web_chars 10000)" eof || return 1
    [ "$LINE" = 'HTTP/1.1 431 Request Header Fields Too Large' ] || return 1
}

@test "a path, a line, a header: at the limit, below and above" {
    web_each web_limits
}

@test "proof: a limit left out is seen" {
    DEADLINE=3 web_broken http_channel.c 's/\.max_length = .*/.max_length = 1 << 30,/' web_limits
}

# --- pieces and pipelines ------------------------------------------------------------------

web_drips() {
    web_ask 'drip=GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nHEAD /hello.txt HTTP/1.0\r\n\r\n' eof
    { web_hello_head keep-alive; echo hello; web_hello_head close; } | web_is
}

@test "one byte a segment" {
    web_each web_drips
}

# 100 requests in one segment: files of different sizes, errors, listings.
web_requests() {
    local i connection=keep-alive
    requests=''
    mkdir -p root/many
    : >expected
    for i in {1..100}; do
        [ "$i" -lt 100 ] || connection=close
        case $((i % 5)) in
        0)
            requests+="GET /no$i HTTP/1.1\\nHost:a\\n"
            web_status '404 Not Found' $connection >>expected
            ;;
        1)
            requests+="HEAD /hello.txt HTTP/1.1\\nHost:a\\n"
            web_hello_head $connection >>expected
            ;;
        *)
            web_file "root/many/$i" "$(web_chars $((i * i * 9)))"
            requests+="GET /many/$i HTTP/1.1\\nHost:a\\n"
            web_head '200 OK' 'Content-Type: text/plain; charset=utf-8' \
                "Content-Length: $((i * i * 9))" "Last-Modified: $OLD_DATE" \
                "Connection: $connection" >>expected
            cat "root/many/$i" >>expected
            ;;
        esac
        [ "$i" -lt 100 ] || requests+='Connection: close\n'
        requests+='\n'
    done
}

web_pipeline() {
    web_ask "send=$requests" eof || return 1
    web_is <expected || return 1
}

@test "100 requests in one segment are answered in their order" {
    local requests
    web_requests
    web_each web_pipeline
}

web_prompt() {
    local request='GET /hello.txt HTTP/1.1\nHost:a\n\n'
    server_prompt send="$request$request$request" until='hello\n' until='hello\n' until='hello\n'
}

@test "T50: an answer does not wait for the one before" {
    web_each web_prompt
}

@test "proof: T50: an answer that waits is seen" {
    web_broken http_channel.c 's/tcp_options_set.*;//' web_prompt
}

@test "proof: requests that do not wait for a file are seen" {
    local requests
    web_requests
    web_broken http_channel.c \
        "/^void http_channel_send_file/,/^}/s/line_receiver_pause.*;//" web_pipeline
}

# --- large files, slow readers, many clients --------------------------------------------------

# web_weigh: sets BEFORE, once what any client costs has been paid.
web_weigh() {
    peer -n 2 "$PORT" 'send=GET /large HTTP/1.0\n\n' recv=1000000 reset >/dev/null || return 1
    web_works || return 1
    BEFORE=$(server_dirty_kib "$PID")
}

web_lean() { # it has grown by less than 1 MiB since then
    local grown
    grown=$(($(server_dirty_kib "$PID") - BEFORE))
    [ $grown -lt 1024 ] || { echo "$grown KiB"; return 1; }
}

web_large() {
    web_weigh
    server_hold -t 60 "$PORT" 'send=GET /large HTTP/1.0\r\n\r\n' hold eof
    eventually server_counts 3 'GET /large'
    for _ in {1..5}; do
        web_works
        web_lean
    done
    idle "$PID"
    DEADLINE=60 server_release
    web_lean
    tail -c 64000000 "$HELD" | cmp - root/large
    rm "$HELD"
}

@test "64 MB to one that does not read for a while: every byte, and no memory" {
    server_without_quarantine
    yes 'a line of a large file' | head -c 64000000 >root/large
    web_each web_large
}

# 60,000 bytes of requests for 13 MB of listings, and it does not read.
web_asks_only() {
    local request
    (cd root/empty && touch {1000..1099})
    request=$(printf 'GET /empty/ HTTP/1.1\\nHost:a\\n\\n%.0s' {1..1900})
    yes | head -c 2000000 >root/large
    web_weigh || return 1
    server_hold -t 60 "$PORT" "send=$request" 'until=\r\n\r\n' hold \
        'send=GET /hello.txt HTTP/1.0\n\n' eof
    logged 'GET /empty/' || return 1
    for _ in {1..5}; do
        web_works || return 1
        web_lean || return 1
    done
    idle "$PID" || return 1
    DEADLINE=60 server_release || return 1
    web_lean || return 1
    [ "$(grep -c '^HTTP/1.1 200 OK' "$HELD")" -eq 1901 ] || return 1
    [ "$(tail -n 1 "$HELD")" = hello ]
}

@test "one that only asks costs a buffer, and gets every answer later" {
    server_without_quarantine
    web_each web_asks_only
}

@test "proof: answers without a limit are seen" {
    server_without_quarantine
    web_broken http_channel.c '/^static void pause_answers/,/^}/s/line_receiver_pause.*;/(void)answers;/' \
        web_asks_only
}

web_shrinks() {
    local before
    before=$(descriptors "$PID")
    head -c 64000000 /dev/zero >root/large
    server_hold -l -t 60 -r 4096 "$PORT" 'send=GET /large HTTP/1.0\r\n\r\n' \
        'until=\r\n\r\n' hold 'reset?'
    eventually grep -q 'GET /large' "$LOG"
    truncate -s 10 root/large
    DEADLINE=60 server_release
    logged 'Cannot go on with a file: '
    : >root/large # the next poller's
    web_works
    eventually has_descriptors "$PID" "$before"
}

@test "a file that shrinks while it is sent ends the connection, not the server" {
    web_each web_shrinks
}

web_many() {
    local before
    before=$(descriptors "$PID")
    peer -n 200 "$PORT" 'send=GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' 'until=hello\n' \
        'send=GET /page/ HTTP/1.0\r\n\r\n' 'until=Welcome\n' eof >many
    [ "$(grep -c '^hello$' many)" -eq 200 ]
    [ "$(grep -c 'Welcome' many)" -eq 200 ]
    eventually has_descriptors "$PID" "$before"
    peer -n 200 "$PORT" 'send=GET /large HTTP/1.0\r\n\r\n' 'until=\r\n\r\n' reset >/dev/null
    eventually has_descriptors "$PID" "$before"
    web_works
}

@test "200 clients at once, and 200 that leave in the middle" {
    needs_descriptors 500
    head -c 1000000 /dev/zero >root/large
    web_each web_many
}

web_few_descriptors() {
    local before
    before=$(descriptors "$PID")
    server_hold -l -n 100 "$PORT" 'send=GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' hold
    logged 'EMFILE recovery: Closed socket from 127.0.0.1:'
    idle "$PID"
    server_release
    eventually has_descriptors "$PID" "$before"
    web_works
}

@test "100 clients and 40 descriptors: shed, alive, idle, serving afterwards" {
    server_limited 40 web_each web_few_descriptors
}

web_last_descriptor() {
    local before
    before=$(descriptors "$PID")
    server_hold -n $((40 - before - 1)) "$PORT" hold
    eventually has_descriptors "$PID" 39
    web_ask 'send=GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n' eof
    {
        web_status '503 Service Unavailable' keep-alive
        web_status '503 Service Unavailable' close
    } | web_is
    server_release
    eventually has_descriptors "$PID" "$before"
    web_works
}

@test "503 when there is no descriptor left for the file" {
    server_limited 40 web_each web_last_descriptor
}

@test "rough peers" {
    web_each server_rough_peers web_works
}

web_ends() {
    head -c 64000000 /dev/zero >root/large
    server_hold -l -n 10 -t 60 "$PORT" 'send=GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP' \
        'until=\r\n\r\n' hold
    eventually server_counts 10 'GET /large'
    server_ends "$PID" TERM
    server_release
}

@test "SIGTERM while files are sent: status 0" {
    web_each web_ends
}

# --- patience --------------------------------------------------------------------------------

# web_hasty: builds HASTY, a server with half a second of patience.
web_hasty() { # [SCRIPT]
    HASTY=hasty_web_$BATS_TEST_NUMBER
    web_copy "$HASTY" http_channel.c \
        "s/^#include \"protocol\/log.h\"/&\n#undef HTTP_PATIENCE\n#define HTTP_PATIENCE 0.5/;${1:-}"
}

web_drops_the_idle() {
    local before
    before=$(descriptors "$PID")
    DEADLINE=5 web_ask eof || return 1
    web_is </dev/null || return 1
    DEADLINE=5 web_ask 'send=GET / HT' eof || return 1
    web_is </dev/null || return 1
    # Byte after byte is no request, either.
    DEADLINE=5 peer -l -t 5 "$PORT" "drip=$(printf 'GET / HTTP/1.0\\n'; web_chars 6000)" 'reset?' || return 1
    # Each request begins it anew.
    DEADLINE=5 web_ask 'send=HEAD / HTTP/1.1\nHost:a\n\n' 'until=\r\n\r\n' pause=300 \
        'send=HEAD / HTTP/1.1\nHost:a\n\n' 'until=\r\n\r\n' pause=300 \
        'send=HEAD / HTTP/1.1\nHost:a\n\n' 'until=\r\n\r\n' eof || return 1
    [ "$(grep -c '200 OK' got)" -eq 3 ] || return 1
    eventually has_descriptors "$PID" "$before"
}

web_drops_the_stuck() {
    local before
    before=$(descriptors "$PID")
    head -c 64000000 /dev/zero >root/large
    server_hold -l -t 20 "$PORT" 'send=GET /large HTTP/1.0\n\n' hold 'reset?'
    logged 'GET /large' || return 1
    eventually has_descriptors "$PID" "$before" || return 1
    server_release || return 1
    web_works
}

# It takes longer than our patience, but something all the time.
web_keeps_the_slow() {
    head -c 20000000 /dev/zero >root/large
    peer -t 20 -r 65536 "$PORT" 'send=GET /large HTTP/1.0\n\n' 'until=\r\n\r\n' \
        recv=6000000 pause=300 recv=6000000 pause=300 recv=6000000 pause=300 recv=2000000 eof |
        tail -c 20000000 | cmp - root/large
}

@test "out of patience: with the idle and the stuck, not with the slow" {
    local poller
    web_hasty
    for poller in "${POLLERS[@]}"; do
        start "tests/$STAGE/$HASTY" -d root -r "$poller"
        web_drops_the_idle
        web_drops_the_stuck
        server_sometimes web_keeps_the_slow
    done
}

@test "proof: no end of patience is seen" {
    web_hasty 's/self->owed == 0 \&\& self->file < 0/0/;s/self->owed >= before/0/'
    start "tests/$STAGE/$HASTY" -d root -r epoll
    DEADLINE=3
    run web_drops_the_idle
    [ "$status" -ne 0 ]
    run web_drops_the_stuck
    [ "$status" -ne 0 ]
}

# --- the command line, and other people's clients -----------------------------------------------

@test "-d: the directory that is served, or why it is not" {
    run soon "$(program $STAGE/web_server)" -p 0 -d nowhere
    [ "$status" -eq 1 ]
    [ "$output" = 'web_server: nowhere: No such file or directory' ]
    run soon "$(program $STAGE/web_server)" -p 0 -d root/hello.txt
    [ "$status" -eq 1 ]
    [ "$output" = 'web_server: root/hello.txt: Not a directory' ]
    run soon "$(program $STAGE/web_server)" -h
    [ "$status" -eq 0 ]
    [[ ${lines[1]} == usage:*'[-d DIR]'* ]]
    cd root
    start $STAGE/web_server
    web_works
}

@test "proof: curl reads it" {
    command -v curl >/dev/null || skip "no curl"
    start $STAGE/web_server -d root
    yes 'a line of a large file' | head -c 10000000 >root/large
    [ "$(soon curl -s "http://127.0.0.1:$PORT/hello.txt" "http://127.0.0.1:$PORT/sub/README.md")" = $'hello\n# Sub' ]
    [ "$(soon curl -s -0 "http://127.0.0.1:$PORT/hello.txt")" = hello ]
    [ "$(soon curl -s -L "http://127.0.0.1:$PORT/page")" = '<p>Welcome' ]
    soon curl -s "http://127.0.0.1:$PORT/large" | cmp - root/large
    soon curl -s -R -o copy "http://127.0.0.1:$PORT/hello.txt"
    [ "$(soon curl -s -z copy -w '%{http_code}' "http://127.0.0.1:$PORT/hello.txt")" = 304 ]
    [ "$(soon curl -s -o /dev/null -w '%{http_code}' -T root/large "http://127.0.0.1:$PORT/put")" = 405 ]
    [ "$(soon curl -s -I "http://127.0.0.1:$PORT/large" | grep -c '^Content-Length: 10000000')" -eq 1 ]
    soon curl -s --path-as-is "http://127.0.0.1:$PORT/../outside/secret.txt" | grep -q '403 Forbidden'
}

@test "proof: Python's http.client reads it, many times over one connection" {
    python3 -c 'import http.client' 2>/dev/null || skip "no python3"
    start $STAGE/web_server -d root
    soon python3 - "$PORT" <<'PYTHON'
import http.client, sys, email.utils
client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
sock = None
for _ in range(100):
    for method, path, status, body in [
            ("GET", "/hello.txt", 200, b"hello\n"),
            ("HEAD", "/hello.txt", 200, b""),
            ("GET", "/none", 404, None), ("GET", "/sub", 301, None),
            ("DELETE", "/hello.txt", 405, None)]:
        client.request(method, path)
        answer = client.getresponse()
        assert answer.status == status, path
        assert answer.read() == body or body is None, path
        assert email.utils.parsedate(answer.getheader("Date"))
        sock = sock or client.sock
        assert client.sock is sock
PYTHON
}
