#!/usr/bin/env bats
# Stage 06: TLS by a helper process. Our side with tests/tools/tls_helper.c,
# which has the helpers' manners and speaks no TLS; then the real ones, where
# they are installed.

# shellcheck disable=SC2030,SC2031,SC2034,SC2086,SC2153,SC2154 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

export TLS_TOOL=$ROOT/tests/$BUILD/tls_helper

@test "X7: what helpers have said, and what it means" {
    unit_cases ssl_words_test select
}

@test "X7: a client's connection, whatever its helper does" {
    DEADLINE=60 unit_cases ssl_client_test
}

@test "X7: a port's connections, whatever their helpers do" {
    DEADLINE=60 unit_cases ssl_port_test
}

# --- the real ones --------------------------------------------------------------

# Certificates, once, in a folder of the file's: see ssl_real_test.c.
certificates() {
    export TLS_CERTIFICATES=$BATS_FILE_TMPDIR/certificates
    command -v openssl >/dev/null || skip 'no openssl here: apt-get install openssl'
    [ ! -f "$TLS_CERTIFICATES/ready" ] || return 0
    mkdir -p "$TLS_CERTIFICATES"
    (
        cd "$TLS_CERTIFICATES" || exit
        certificate good localhost DNS:localhost,IP:127.0.0.1
        certificate other other.example DNS:other.example
        # Of an authority that the tests do not show.
        request signed
        openssl x509 -req -in signed.csr -CA other.pem -CAkey other.pem \
            -extfile good.ext -days 30 -out signed.crt
        cat signed.crt signed.key >signed.pem
        request expired
        openssl x509 -req -in expired.csr -signkey expired.key \
            -extfile good.ext -days -1 -out expired.crt
        cat expired.crt expired.key >expired.pem
    ) >"$BATS_FILE_TMPDIR/openssl.log" 2>&1 || {
        cat "$BATS_FILE_TMPDIR/openssl.log"
        return 1
    }
    touch "$TLS_CERTIFICATES/ready"
}

certificate() { # NAME CN SUBJECTALTNAME: NAME.pem, self-signed, with its key
    echo "subjectAltName=$3" >"$1.ext"
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$2" \
        -addext "subjectAltName=$3" -keyout "$1.key" -out "$1.crt"
    cat "$1.crt" "$1.key" >"$1.pem"
    chmod 600 "$1.pem"
}

request() { # NAME: NAME.csr and NAME.key
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$1.key" \
        -out "$1.csr"
}

need_stunnel() {
    command -v stunnel >/dev/null || skip 'no stunnel here: apt-get install stunnel4'
}

@test "proof: X7: openssl and stunnel, our client and our port" {
    certificates
    need_stunnel
    DEADLINE=60 unit_cases ssl_real_test
}

# --- https: web_server and get_page ---------------------------------------------

# The fake helper under the names of both: PATH finds it first.
fake_helpers() {
    mkdir -p fake
    ln -sf "$TLS_TOOL" fake/stunnel
    ln -sf "$TLS_TOOL" fake/openssl
    PATH=$PWD/fake:$PATH
    echo 'no certificate, but it can be read' >certificate.pem
}

web_root() {
    mkdir -p root/sub
    printf 'hello\n' >root/a.txt
    yes '0123456789 a line of a large file' | head -c 5000000 >root/large
    printf '<p>Welcome\n' >root/sub/index.html
}

# ask URL URL: two_pages fetches them. The lines it prints are in LOG.
ask() {
    start $STAGE/two_pages -r "$POLLER" "$1" "$2" || return 1
    peer "$PORT" send=x close
}

no_children() { # PID
    [ ! -s "/proc/$1/task/$1/children" ]
}

web_serves() { # PROGRAM-OF-THE-SERVER'S-ARGUMENTS...
    local server base
    start $STAGE/web_server -r "$POLLER" -d root -s "$1"
    server=$PID
    base=https://localhost:$PORT
    ask "$base/a.txt" "$base/large"
    logged '6 hello'
    logged '5000000 0123456789 a line'
    ask "$base/sub" "$base/nope"
    logged '11 <p>Welcome' # and the server's redirect has stayed with https
    logged "$base/nope: The server has no page for us: 404 Not Found."
    eventually no_children "$server"
    server_ends "$server" TERM
}

@test "X7: https without TLS: web_server and two_pages with the fake helper" {
    fake_helpers
    web_root
    for POLLER in "${POLLERS[@]}"; do
        web_serves certificate.pem
    done
}

@test "proof: X7: https: web_server and two_pages with openssl and stunnel" {
    certificates
    need_stunnel
    web_root
    export SSL_CERT_FILE=$TLS_CERTIFICATES/good.crt
    for POLLER in "${POLLERS[@]}"; do
        web_serves "$TLS_CERTIFICATES/good.pem"
    done
}

# What comes of an attempt, told to a person.
fails() { # URL TEXT
    POLLER=epoll
    ask "$1" "$1"
    logged "$1: $2"
}

@test "proof: X7: a server that is not who it should be is not asked for its page" {
    certificates
    need_stunnel
    web_root
    POLLER=epoll
    start $STAGE/web_server -d root -s "$TLS_CERTIFICATES/good.pem"
    local good=$PORT server=$LOG
    fails "https://localhost:$good/" 'TLS hand-shake failed: the certificate is self-signed, and not trusted.'
    start $STAGE/web_server -d root -s "$TLS_CERTIFICATES/expired.pem"
    SSL_CERT_FILE=$TLS_CERTIFICATES/expired.crt \
        fails "https://localhost:$PORT/" 'TLS hand-shake failed: the certificate has expired.'
    start $STAGE/web_server -d root -s "$TLS_CERTIFICATES/other.pem"
    SSL_CERT_FILE=$TLS_CERTIFICATES/other.crt \
        fails "https://localhost:$PORT/" 'TLS hand-shake failed: the certificate is for another name.'
    start $STAGE/web_server -d root
    fails "https://localhost:$PORT/" 'TLS hand-shake failed: no TLS is spoken there.'
    run grep GET "$server"
    [ "$status" -eq 1 ]
}

@test "proof: X7: the certificate is replaced between two connections" {
    certificates
    need_stunnel
    web_root
    POLLER=epoll
    cp "$TLS_CERTIFICATES/good.pem" mine.pem
    start $STAGE/web_server -d root -s mine.pem
    local port=$PORT
    export SSL_CERT_FILE=$TLS_CERTIFICATES/good.crt
    ask "https://localhost:$port/a.txt" "https://localhost:$port/a.txt"
    logged '6 hello'
    cp "$TLS_CERTIFICATES/expired.pem" mine.pem
    fails "https://localhost:$port/" 'TLS hand-shake failed: the certificate is self-signed, and not trusted.'
    echo junk >mine.pem # and then one that is none: the client is closed
    fails "https://localhost:$port/" 'TLS hand-shake failed: the peer has closed in the middle of it.'
    cp "$TLS_CERTIFICATES/good.pem" mine.pem
    ask "https://localhost:$port/a.txt" "https://localhost:$port/a.txt"
    logged '6 hello'
}

@test "proof: X7: curl and our web_server" {
    certificates
    need_stunnel
    command -v curl >/dev/null || skip 'no curl here'
    web_root
    start $STAGE/web_server -d root -s "$TLS_CERTIFICATES/good.pem"
    curl -s --cacert "$TLS_CERTIFICATES/good.crt" "https://localhost:$PORT/large" | cmp - root/large
    curl -s --cacert "$TLS_CERTIFICATES/good.crt" "https://127.0.0.1:$PORT/a.txt" | grep -x hello
    run curl -s "https://localhost:$PORT/a.txt" # who does not know us
    [ "$status" -eq 60 ]
    run curl -s --http0.9 "http://localhost:$PORT/a.txt" # no TLS
    [ "$status" -ne 0 ]
    logged 'http request'
    eventually no_children "$PID"
    server_ends "$PID" INT
}

@test "proof: X7: a browser reads the page, and does not if it knows nobody" {
    certificates
    need_stunnel
    command -v chromium >/dev/null || skip 'no chromium here'
    web_root
    start $STAGE/web_server -d root -s "$TLS_CERTIFICATES/good.pem"
    local key options=(--headless --no-sandbox --disable-gpu --dump-dom)
    key=$(openssl x509 -in "$TLS_CERTIFICATES/good.crt" -pubkey -noout |
        openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
    timeout 60 chromium "${options[@]}" --user-data-dir="$PWD/one" \
        --ignore-certificate-errors-spki-list="$key" \
        "https://localhost:$PORT/sub/" >page 2>chromium.log 3>&- || return 1
    grep Welcome page
    timeout 60 chromium "${options[@]}" --user-data-dir="$PWD/two" \
        "https://localhost:$PORT/sub/" >page 2>chromium.log 3>&- || true
    run grep Welcome page
    [ "$status" -eq 1 ]
    logged 'alert certificate unknown'
}

@test "proof: X7: openssl: its s_client and our server, our client and its s_server" {
    certificates
    need_stunnel
    web_root
    POLLER=epoll
    start $STAGE/web_server -d root -s "$TLS_CERTIFICATES/good.pem"
    printf 'GET /a.txt HTTP/1.0\r\n\r\n' |
        soon openssl s_client -quiet -connect "127.0.0.1:$PORT" 2>/dev/null | grep -x hello
    start tests/puppet # has a port that nobody uses
    local port=$PORT
    kill "$PID"
    wait_gone "$PID"
    (cd root && exec openssl s_server -quiet -WWW -accept "127.0.0.1:$port" \
        -cert "$TLS_CERTIFICATES/good.pem") >s_server.log 2>&1 3>&- </dev/null &
    SERVERS+=($!)
    eventually peer "$port" close
    export SSL_CERT_FILE=$TLS_CERTIFICATES/good.crt
    ask "https://localhost:$port/a.txt" "https://localhost:$port/large"
    logged '6 hello'
    logged '5000000 0123456789 a line'
}

@test "X7: half a page, without a length, and the connection is cut: no page" {
    fake_helpers
    POLLER=epoll
    start tests/puppet $'wait=\r\n\r\n' $'send=HTTP/1.0 200 OK\r\n\r\nhalf a page'
    TLS_HELPER='cut' fails "https://127.0.0.1:$PORT/" \
        'The connection was lost in the middle of the page.'
    start tests/puppet $'wait=\r\n\r\n' $'send=HTTP/1.0 200 OK\r\n\r\nall of it'
    local url=https://127.0.0.1:$PORT/
    ask "$url" "$url"
    logged '9 all of it '
}

@test "X7: a redirect leads from http to https, and not back" {
    fake_helpers
    POLLER=epoll
    start tests/puppet $'wait=\r\n\r\n' $'send=HTTP/1.0 200 OK\r\n\r\nhere'
    local last=$PORT
    start tests/puppet $'wait=\r\n\r\n' \
        $'send=HTTP/1.0 302 Found\r\nLocation: https://127.0.0.1:'"$last"$'/\r\n\r\n'
    ask "http://127.0.0.1:$PORT/" "http://127.0.0.1:$PORT/"
    logged '4 here '
    start tests/puppet $'wait=\r\n\r\n' \
        $'send=HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:'"$last"$'/\r\n\r\n'
    fails "https://127.0.0.1:$PORT/" 'The server has no page for us: it leads back to http.'
}

@test "X7: without the helpers: a sentence says what to install" {
    mkdir none
    echo x >certificate.pem
    PATH=$PWD/none run "$(program $STAGE/web_server)" -p 0 -s certificate.pem
    [ "$status" -eq 1 ]
    [[ $output == *'apt-get install openssl (client), stunnel4 (server)'* ]]
    run soon "$(program $STAGE/web_server)" -p 0 -s no-such-file
    [ "$status" -eq 1 ]
    [[ $output == *'No such file or directory'* ]]
    UNDER="env PATH=$PWD/none" launch $STAGE/two_pages -p 0 \
        https://127.0.0.1:1/ https://127.0.0.1:1/
    eventually ready_port
    peer "$PORT" send=x close
    logged 'apt-get install openssl'
}

# --- the services, and the programs that show them -------------------------------

@test "X7: SSLServer and SSLClient in a MultiService: start, stop, start" {
    unit_cases ssl_service_test
}

# says STATUS LINE... ARGUMENT...: what ssl_echo_client prints.
says() {
    run soon "$(program $STAGE/ssl_echo_client)" -r "$POLLER" -p "$PORT" "${@:3}"
    echo "status $status: $output"
    [ "$status" -eq "$1" ] && [[ $output == *"$2"* ]]
}

@test "proof: X7: ssl_echo_server and ssl_echo_client" {
    certificates
    need_stunnel
    local ca=$TLS_CERTIFICATES/good.crt
    for POLLER in "${POLLERS[@]}"; do
        start $STAGE/ssl_echo_server -r "$POLLER" "$TLS_CERTIFICATES/good.pem"
        says 0 $'Server said: hello!\nConnection was closed cleanly.' --ca "$ca" localhost
        says 0 'Server said: hello!' --ca "$ca" 127.0.0.1
        says 1 'the certificate is for another name' --ca "$ca" --name a.example localhost
        says 1 'self-signed, and not trusted' localhost
        says 0 'localhost may be anybody' --unverified localhost
        logged 'Connection was closed cleanly.'
        server_ends "$PID" TERM
        PORT=$NOBODY
        says 1 'Connection was refused' --ca "$ca" localhost
    done
}

@test "X7: the room's page: its session, its excerpts, its links" {
    local page=$ROOT/06-process/tls/README.md check
    for check in excerpts links sessions; do
        "$ROOT/tests/tools/book" "$check" "$page"
    done
}

# --- real Twisted ------------------------------------------------------------------

# A program of pyOpenSSL's Twisted: tests/peers/interop.py.
twisted_tls() {
    soon "$PYTHON" -W ignore -u "$ROOT/tests/peers/interop.py" "$@"
}

need_twisted() {
    local python
    certificates
    for python in /usr/bin/python3 python3; do
        "$python" -c 'import twisted.web, OpenSSL' 2>/dev/null && PYTHON=$python && return
    done
    skip 'no python3 here has Twisted and pyOpenSSL'
}

@test "proof: X7: Twisted's ssl.connect and our server: a megabyte, and a good end" {
    need_twisted
    need_stunnel
    for POLLER in "${POLLERS[@]}"; do
        start $STAGE/ssl_echo_server -r "$POLLER" "$TLS_CERTIFICATES/good.pem"
        run twisted_tls ssl_client "$PORT" "$TLS_CERTIFICATES/good.crt"
        [ "$output" = $'the same: True\nConnection was closed cleanly.' ]
        logged 'Connection was closed cleanly.'
    done
}

@test "proof: X7: our client and Twisted's listenSSL" {
    need_twisted
    LOG=$BATS_TEST_TMPDIR/twisted.log
    "$PYTHON" -W ignore -u "$ROOT/tests/peers/interop.py" ssl_server \
        "$TLS_CERTIFICATES/good.pem" >"$LOG" 2>&1 3>&- </dev/null &
    SERVERS+=($!)
    LOGS+=("$LOG")
    eventually ready_port
    for POLLER in "${POLLERS[@]}"; do
        says 0 $'Server said: hello!\nConnection was closed cleanly.' \
            --ca "$TLS_CERTIFICATES/good.crt" localhost
        says 1 'self-signed, and not trusted' localhost
    done
}

# --- that the tests can fail ------------------------------------------------------

@test "proof: an end that nobody has told, taken for a good one, is seen" {
    unit_broken ssl_words.c 's/self->end == SSL_CLOSED\)$/1)/' ssl_words_test server_ends
    unit_broken ssl_words.c 's/code >= 0 && self->end == SSL_CUT/0/' ssl_words_test client_ends
    unit_broken ssl_words.c 's/!strcmp\(text, "TLS closed/strstr(text, "TLS closed/' \
        ssl_words_test server_ends
    unit_broken ssl_words.c 's/sizeof\(self->line\) - 1\) \{/sizeof(self->line) - 1 || !(self->length = 0)) {/' \
        ssl_words_test forged
    unit_broken ssl_connection.c 's/if \(!known && self->has_ended\)/if (0)/' ssl_client_test ends
    unit_broken ssl_connection.c \
        's/\? ssl_words_server_end\(&self->words\)/? (struct failure){ \&ConnectionDone, 0, NULL }/' \
        ssl_port_test ends
    unit_broken ssl_connection.c 's/\|\| failure_check\(helpers, &SslTruncated\)//' \
        ssl_port_test loses_after_the_last_byte
}

@test "proof: a peer that was not verified is seen" {
    unit_broken ssl_connector.c 's/\(base->words.verified \|\| self->options->unverified\)/1/' \
        ssl_client_test silence
    unit_broken ssl_connector.c 's/if \(!options->unverified\)/if (0)/' ssl_client_test arguments
    unit_broken ssl_connector.c 's/"-nocommands", //' ssl_client_test arguments
    unit_broken ssl_connector.c "s/if \\(\\*name == '-' \\|\\| !\\*name\\)/if (0)/" \
        ssl_client_test nobody_there
}

@test "proof: helpers, sockets and folders that are left are seen" {
    unit_broken ssl_connection.c 's/^        kill\(-self->pid, SIGKILL\);/;/' ssl_client_test silence
    unit_broken ssl_connection.c 's/^        waitpid\(self.*/;/' ssl_client_test the_loop_ends
    unit_broken ssl_port.c 's/^    rmdir\(self->directory\);/;/' ssl_port_test ends
    unit_broken ssl_port.c 's/^    unlink\(self->path\);/;/' ssl_port_test ends
    unit_broken ssl_port.c 's/^    close\(fd\);/;/' ssl_port_test ends
    unit_broken ssl_port.c 's/base->full = true/base->full = false/' ssl_port_test so_many_at_a_time
    unit_broken ssl_port.c 's/listener_resume\(&port->base\)/;/' ssl_port_test so_many_at_a_time
}
