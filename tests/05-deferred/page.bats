#!/usr/bin/env bats
# Stage 05: get_page, what it is made of, and two_pages, which shows it: with
# puppets, with our own web_server, and with servers that nobody here wrote.

# shellcheck disable=SC2030,SC2031,SC2086,SC2153,SC2154 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- unit programs -----------------------------------------------------------

@test "URLs, and where a Location leads" {
    unit_cases url_test select
}

@test "answers: whole, in pieces of every size, cut off anywhere, wrong" {
    unit_cases http_client_test select
}

@test "answers: limits, no memory, chance" {
    unit_cases http_client_limits_test select
}

@test "get_page: pages, redirects, failures" {
    unit_cases get_page_test
}

@test "get_page: too late, cancelled, stopped, freed at each stage; no memory" {
    unit_cases get_page_end_test
}

@test "proof: no size limit, no head limit are seen" {
    unit_broken http_client.c 's/if \(size > factory_of/if (0 \&\& size > factory_of/' \
        http_client_limits_test size_limits select
    unit_broken http_client.c 's/size > (factory_of.*body)\)/size >= \1)/' \
        http_client_limits_test size_limits select
    unit_broken http_client.c 's/== BODY_TO_CLOSE && taken < length/== ENDED/' \
        http_client_limits_test size_limits select
    unit_broken page_head.c 's/length >= PAGE_HEAD_MAX/length > PAGE_HEAD_MAX/' \
        http_client_limits_test head_limits select
    unit_broken page_head.c 's/value = value > .*/value = value * base + digit;/;s/^ *: value \* base.*//' \
        http_client_test bad_answers select
    unit_broken http_client.c 's/== HEADERS \? &PageTooLarge/== ENDED ? \&PageTooLarge/' \
        http_client_limits_test line_limits select
}

@test "proof: half a page that passes for a page is seen" {
    unit_broken http_client.c 's/ && failure_check\(reason, &ConnectionDone\)//' \
        http_client_test cut_off_anywhere select
    unit_broken http_client.c 's/self->state == BODY_TO_CLOSE && f/self->begun \&\& f/' \
        http_client_test cut_off_anywhere select
    unit_broken http_client.c 's/if \(self->begun\)/if (self->state != STATUS)/' \
        http_client_test cut_off_anywhere select
}

@test "proof: a body that depends on the cuts is seen" {
    unit_broken http_client.c 's/^    self->left -= taken;//' \
        http_client_test splits select
    unit_broken http_client.c 's/line_mode\(base, length - taken\)/line_mode(base, 0)/' \
        http_client_test splits select
    unit_broken http_client.c 's/length < self->left \? length : self->left/length/' \
        http_client_test answers select
}

@test "proof: contradictions, hidden lines, odd numbers are seen" {
    unit_broken page_head.c 's/strncasecmp\(value->start, .* != 0/0/;s/value->length != next.length/0/' \
        http_client_test bad_answers select
    unit_broken http_client.c "s/memchr\(line, '.0', length\)/0/" \
        http_client_test bad_answers select
    unit_broken page_head.c 's/digit < 0 \|\| digit >= base/digit < -2/' \
        http_client_test bad_answers select
    unit_broken http_client.c 's/length == 0 \? NULL : &BadReply/NULL/' \
        http_client_test bad_answers select
    unit_broken http_client.c 's/^        self->state = STATUS;/        self->state = HEADERS;/' \
        http_client_test answers select
    unit_broken url.c 's/\*text <= . . \|\| \*text > .~./0/' url_test refused select
    unit_broken url.c 's/^    remove_dots.*//' url_test followed select
}

@test "proof: H2 H3 H5: what old servers may say, taken for no HTTP, is seen" {
    unit_broken page_head.c 's/folded \? " " : ""/""/' http_client_test answers select
    unit_broken page_head.c 's/folded \? first :/folded ||/' http_client_test answers select
    unit_broken page_head.c 's/^    if \(length == 0\) .*/    if (0)/' get_page_test redirects
    unit_broken http_client.c 's/\.delimiter = .*/.delimiter = "\\r\\n",/' http_client_test answers select
    unit_broken page_head.c 's/strspn\(\*list, ", .t"\)/0/' http_client_test answers select
}

@test "proof: H6 H11 L3: a place that is not told, or cut, and a request that says nothing of us are seen" {
    unit_broken get_page.c 's/snprintf\(self->location.*>= URL_MAX/0/' get_page_test leads_nowhere
    unit_broken get_page.c 's/strcpy\(self->location.*/;/' get_page_test leads_nowhere
    unit_broken http_client.c '/User-Agent/d' http_client_test request select
    unit_broken http_client.c '/Accept-Encoding/d' http_client_test request select
    # And a client's socket that speaks IPv6 only cannot reach ::ffff:127.0.0.1.
    unit_broken net.c 's/^    return socket\(family, type \| SOCK_CLOEXEC, 0\);/    int fd = socket(family, type | SOCK_CLOEXEC, 0), one = 1;\
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, \&one, sizeof(one)); return fd;/' \
        get_page_test mapped_address
}

@test "proof: redirects without end, no timeout, cancelling for nothing are seen" {
    unit_broken get_page.c 's/self->redirects-- == 0/0/' get_page_test redirect_limits
    unit_broken get_page.c 's/self->redirects-- == 0/--self->redirects == 0/' \
        get_page_test redirect_limits
    unit_broken get_page.c 's/^( +)self->timeout\) < 0/\1100.0) < 0/' \
        get_page_end_test takes_too_long
    unit_broken get_page.c 's/^ +connector_disconnect.*/;/' get_page_end_test cancelled
    unit_broken get_page.c 's/else if \(self->deferred && /else if (/' \
        get_page_end_test cancelled_and_answered
    unit_broken get_page.c 's/fail\(self, &UserError, 0\);//' get_page_end_test freed
}

@test "proof: what is not freed is seen, where there is a sanitizer" {
    [[ ${CFLAGS:-} == *address* ]] || skip "no address sanitizer"
    unit_broken page.c 's/buffer_clear\(&page->body\);//' http_client_test answers select
    unit_broken get_page.c 's/^    free\(self\);//' get_page_test fetches_a_page
    unit_broken get_page.c 's/connector_stop_connecting\(.*/;/' get_page_end_test freed
    unit_broken get_page.c 's/^    page_free\(page\);//' get_page_test redirects
}

# --- two_pages -----------------------------------------------------------------

# page_puppet STEP...: a server for one fetch. Sets URL.
page_puppet() {
    start tests/puppet "$@" || return 1
    URL=http://127.0.0.1:$PORT/
}

# page_ask URL URL: starts two_pages under POLLER, and lets a client ask once.
page_ask() {
    start $STAGE/two_pages -r "$POLLER" "$1" "$2" || return 1
    peer "$PORT" send=x close
}

# What it has printed, beginning with the last request; of both pages, which
# come in any order, the smaller line first.
page_said() {
    sed -E 's/ [0-9]{10,}\.[0-9]{2}$/ TIME/' "$LOG" | tail -n 4 >said
    { head -n 2 said; tail -n 2 said | LC_ALL=C sort; } | cmp -s - wanted
}

# page_says LINE LINE: in time.
page_says() {
    printf '%s\n' 'execute 0' 'execute 1' "$@" >wanted
    eventually page_said >/dev/null || {
        diff wanted said
        return 1
    }
}

# Each page of the root of a web server at BASE; FRONT is the page beneath /.
page_root() {
    mkdir -p root/sub
    printf 'hello\n' >root/a.txt
    : >root/empty.txt
    yes '0123456789 a line of a large file' | head -c 1000000 >root/large
    LARGE=$(head -c 100 root/large | tr '\n' '#' | sed 's/#/\\x0a/g')
    printf '<p>Welcome\n' >root/sub/index.html
}

page_reads_root() { # BASE
    for POLLER in "${POLLERS[@]}"; do
        page_ask "$1/a.txt" "$1/large" || return 1
        page_says "1000000 $LARGE TIME" '6 hello\x0a TIME' || return 1
        page_ask "$1/sub" "$1/empty.txt" || return 1
        page_says '0  TIME' '11 <p>Welcome\x0a TIME' || return 1
        page_ask "$1/nope" "$1/sub/../a.txt" || return 1
        page_says '6 hello\x0a TIME' \
            "$1/nope: The server has no page for us: 404 Not Found." || return 1
    done
}

page_each_as_it_arrives() {
    page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none'
    local one=$URL slow=$PID
    freeze "$slow"
    page_puppet $'wait=\r\n\r\n' $'drip=HTTP/1.1 200 OK\r\n\r\nthe other'
    page_ask "$one" "$URL"
    logged '9 the other ' || return 1
    [ "$(sed -n 2,3p "$LOG")" = $'execute 0\nexecute 1' ] || return 1
    [ "$(wc -l <"$LOG")" -eq 4 ] || return 1
    kill -CONT "$slow"
    page_says '3 one TIME' '9 the other TIME' || return 1
    [[ $(tail -n 1 "$LOG") == '3 one '* ]] || return 1
    server_ends "$PID" TERM
}

@test "D5: execute 0, execute 1, then LENGTH BEGINNING TIME of each as it arrives" {
    for POLLER in "${POLLERS[@]}"; do
        page_each_as_it_arrives
    done
    read -r _ _ time <<<"$(tail -n 1 "$LOG")"
    [ $(($(date +%s) - ${time%.*})) -lt 60 ]
}

@test "D5: every kind of body, byte after byte; a hundred bytes are shown" {
    local head='HTTP/1.1 200 OK' long chunked
    long=$(printf '%0120d' 0)
    for POLLER in "${POLLERS[@]}"; do
        page_puppet $'wait=\r\n\r\n' "drip=$head"$'\r\nContent-Length: 120\r\n\r\n'"$long"
        chunked=$URL
        page_puppet $'wait=\r\n\r\n' "drip=$head"$'\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\tb\r\n2;x=y\r\n\x7f\\\r\n0\r\nX: y\r\n\r\n'
        page_ask "$chunked" "$URL"
        page_says "120 ${long:20} TIME" '5 a\x09b\x7f\ TIME'
    done
}

@test "D5: redirected, reset, too large, no HTTP" {
    for POLLER in "${POLLERS[@]}"; do
        page_puppet 'wait=GET /new ' $'send=HTTP/1.0 200 OK\r\n\r\nmoved'
        page_puppet $'wait=\r\n\r\n' "send=HTTP/1.1 302 Found"$'\r\n'"Location: ${URL}new"$'\r\n\r\n'
        local first=$URL
        page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 200 OK\r\n\r\nhalf' reset
        page_ask "$first" "$URL"
        page_says '5 moved TIME' "$URL: The connection was lost in the middle of the page."
        page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n'
        first=$URL
        page_puppet $'send=220 mail.example.com ESMTP\r\n'
        page_ask "$first" "$URL"
        printf '%s\n' "$first: The page is too large." \
            "$URL: The server's answer is not HTTP." | LC_ALL=C sort >lines
        page_says "$(head -n 1 lines)" "$(tail -n 1 lines)"
    done
}

@test "T1 H6: a hundred characters, whatever their bytes; a redirect that is not followed" {
    local text
    text=$(printf '数%.0s' {1..100})
    for POLLER in "${POLLERS[@]}"; do
        page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 200 OK\r\n\r\n'"$text据"
        local first=$URL
        page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 301 Moved\r\nLocation: https://a.example/\xe2\x80\xae数\r\n\r\n'
        page_ask "$first" "$URL"
        page_says "303 $text TIME" \
            "$URL: The page has moved to where we cannot fetch it. Location: https://a.example/\\xe2\\x80\\xae数"
        # What is no UTF-8 is bytes, and an end of them.
        page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 200 OK\r\n\r\n'$'\xca\xfd\x80'
        page_ask "$URL" "$URL"
        logged '3 \xca\xfd\x80 '
    done
}

@test "proof: T1: a character that is cut, or counted as bytes, is seen" {
    unit_program two_pages examples/two_pages.c 's/& 0xc0\) != 0x80/\& 0) == 0/' broken_two_pages
    page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 200 OK\r\n\r\n'"$(printf '数%.0s' {1..100})"
    start "tests/$STAGE/broken_two_pages" "$URL" "$URL"
    peer "$PORT" send=x close
    eventually grep -q '^300 ' "$LOG"
    if grep -q "^300 $(printf '数%.0s' {1..100}) " "$LOG"; then return 1; fi
}

@test "D5: nobody listens, and no such host" {
    URL=http://127.0.0.1:$NOBODY/
    for POLLER in "${POLLERS[@]}"; do
        page_ask "$URL" http://a..b/
        eventually grep -q '^http://a..b/: DNS lookup failed' "$LOG"
        logged "$URL: Connection was refused by other side: 111: Connection refused."
    done
}

page_ends_in_the_middle() {
    page_puppet wait=never
    local silent=$URL
    page_puppet $'wait=\r\n\r\n' $'send=HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' wait=never
    TRACE=1 start $STAGE/two_pages -r "$POLLER" "$silent" "$URL"
    server_hold "$PORT" send=x hold eof
    eventually grep -q 'HttpClient [0-9]*: data_received' "$LOG" || return 1
    [ "$(grep -c 'HttpClient [0-9]*: make_connection' "$LOG")" -eq 2 ] || return 1
    server_ends "$PID" TERM || return 1
    server_release || return 1
    [ "$(grep -c '^http://127' "$LOG")" -eq 2 ]
}

@test "SIGTERM while pages are fetched: status 0, and nothing is left" {
    for POLLER in "${POLLERS[@]}"; do
        page_ends_in_the_middle
    done
}

# Each that asks has a page in flight; there are not many of them.
@test "a hundred fetches at a time, and no more" {
    page_puppet wait=never
    freeze "$PID"
    for POLLER in "${POLLERS[@]}"; do
        start $STAGE/two_pages -r "$POLLER" "$URL" "$URL"
        server_hold -n 52 "$PORT" send=x hold
        eventually server_counts 52 'execute 1'
        server_counts 4 "$URL: not now"
        server_release
        server_ends "$PID" TERM
        server_counts 104 "$URL: "
    done
}

@test "two URLs must be there, and they must be such" {
    run soon "$(program $STAGE/two_pages)" -p 0 http://a/
    [ "$status" -eq 2 ]
    [[ $output == *'URL URL'* ]]
    run soon "$(program $STAGE/two_pages)" -p 0 http://a/ ftp://b/
    [ "$status" -eq 1 ]
    [ "$output" = 'two_pages: ftp://b/: no http URL' ]
}

# --- servers -------------------------------------------------------------------------

page_works() {
    local before
    before=$(server_count 'execute 1')
    peer "$PORT" send=x close
    eventually server_counts_more "$before"
}

server_counts_more() { # NUMBER
    [ "$(server_count 'execute 1')" -gt "$1" ]
}

@test "web_server: small, empty, a megabyte, a redirect, 404" {
    page_root
    start $STAGE/web_server -d root
    page_reads_root "http://127.0.0.1:$PORT"
}

@test "rough peers of two_pages" {
    local base
    page_root
    start $STAGE/web_server -d root
    base=http://127.0.0.1:$PORT
    for POLLER in "${POLLERS[@]}"; do
        start $STAGE/two_pages -r "$POLLER" "$base/a.txt" "$base/empty.txt"
        server_rough_peers page_works
    done
}

# page_launch COMMAND...: a server that is no program of ours.
page_launch() {
    "$@" >server.log 2>&1 3>&- </dev/null &
    SERVERS+=("$!")
    LOGS+=("$PWD/server.log")
}

@test "proof: Python's http.server: the same" {
    python3 -c 'import http.server' 2>/dev/null || skip "no python3"
    page_root
    page_launch python3 -u -m http.server 0 --bind 127.0.0.1 --directory root
    eventually grep -q ' port [0-9]' server.log
    page_reads_root "http://127.0.0.1:$(sed -nE 's/.* port ([0-9]+) .*/\1/p' server.log)"
}

# page_nginx_conf PORT
page_nginx_conf() {
    cat <<CONF
daemon off;
master_process off;
pid $PWD/nginx.pid;
error_log stderr;
events { }
http {
    access_log off;
    client_body_temp_path $PWD/temp;
    proxy_temp_path $PWD/temp;
    fastcgi_temp_path $PWD/temp;
    uwsgi_temp_path $PWD/temp;
    scgi_temp_path $PWD/temp;
    server {
        listen 127.0.0.1:$1;
        root $PWD/root;
        location /chunked/ { alias $PWD/root/; ssi on; ssi_types *; }
    }
}
CONF
}

page_answers() { # PORT
    (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

@test "proof: nginx: the same, and in chunks" {
    local nginx port
    nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || skip "no nginx"
    page_root
    start tests/puppet # has a port that nobody uses
    port=$PORT
    kill "$PID"
    wait_gone "$PID"
    page_nginx_conf "$port" >nginx.conf
    page_launch "$nginx" -e stderr -p "$PWD" -c "$PWD/nginx.conf"
    eventually page_answers "$port"
    peer "$port" 'send=GET /chunked/large HTTP/1.1\r\nHost: a\r\n\r\n' 'until=\r\n\r\n' |
        grep -qi '^Transfer-Encoding: chunked'
    page_reads_root "http://127.0.0.1:$port"
    page_reads_root "http://127.0.0.1:$port/chunked"
}
