#!/usr/bin/env bats
# Our programs and real Twisted on the same wire: its clients with our servers,
# under every poller, and our clients with its servers. interop.py is what runs
# on the other side.

# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load interop

# --- echo, hello, datagrams ---------------------------------------------------------

@test "P7 P13: the document's EchoClient, a megabyte, and our servers" {
    STAGE=04-protocols
    server_each echo_server real_says echo_client 'the same: True' "$CLEANLY"
    real_says_at 04-protocols/unix_server echo_client 'the same: True' "$CLEANLY"
}

@test "P7 P13: our clients and the document's Echo" {
    real_start echo_server
    ours_say '' 'Server said: hello!\nconnection lost\nConnection lost - goodbye!\n' \
        04-protocols/echo_client -p "$PORT"
    real_start echo_server "$PWD/path"
    ours_say 'one\ntwo\n' 'one\ntwo\n' 04-protocols/unix_client "$PWD/path"
}

@test "P9: the document's Sender and hello_server" {
    STAGE=04-protocols
    server_each hello_server real_says hello_client 'DATA Hello' "$CLEANLY"
    grep -x hello "$LOG"
}

@test "P13: real Twisted's datagrams and our servers" {
    local x=$'b\'\\xff\\xff\\xff\''
    STAGE=04-protocols
    server_each udp_server real_says datagram_client "2 b'ok'" "2 b'ok'" "2 b'ok'" "2 b'ok'"
    real_says_at 04-protocols/unix_datagram_server datagram_client \
        "3 b'one'" "3 b'two'" "1400 $x"
}

@test "P13: our datagrams and real Twisted's servers" {
    real_start datagram_server "$PWD/path"
    ours_say 'a\nb\n' "数据:a 127.0.0.1 $PORT\n数据:b 127.0.0.1 $PORT\n数据:" \
        04-protocols/udp_client -p "$PORT"
    ours_say 'a\nb\n' 'a\nb\n' 04-protocols/unix_datagram_client "$PWD/path"
}

# --- strings with their lengths -----------------------------------------------------

# strings_both_ways KIND SERVER CLIENT [OPTION]: empty ones, long ones, many.
strings_both_ways() {
    local lines
    KIND=$1
    server_each "$2 ${4:-}" real_says strings_client 'the same: True' "$CLEANLY"
    real_start strings_server "$KIND"
    lines=$(printf '%03d\\n' {1..999})
    ours_say "$lines" "$lines" "04-protocols/$3" ${4:+"$4"} -p "$PORT"
}

@test "P10: netstrings and int32 strings both ways" {
    STAGE=04-protocols
    strings_both_ways netstring int32_server int32_client --netstring
    strings_both_ways 4 int32_server int32_client
}

# A copy of our program, for numbers of so many bytes.
strings_copy() { # BYTES SIDE
    sed "s/\.string_received = int32_received/.prefix_length = $1, &/" \
        "$ROOT/04-protocols/examples/int32_$2.c" >"int_$2.c"
    unit_compile "int$1_$2" "int_$2.c" "$(unit_library)"
}

@test "P10: int8 and int16 strings both ways" {
    local bytes
    STAGE=04-protocols
    program() { echo "$PWD/${1#*/}"; }
    for bytes in 1 2; do
        strings_copy "$bytes" server
        strings_copy "$bytes" client
        strings_both_ways "$bytes" "int${bytes}_server" "int${bytes}_client"
    done
}

# --- lines --------------------------------------------------------------------------

@test "P17: two LineReceivers and chat_server" {
    STAGE=04-protocols
    server_each chat_server real_says chat_client hello "$CLEANLY" "$CLEANLY"
}

@test "P16: an upload both ways, in lines and in raw mode" {
    STAGE=04-protocols
    printf '\r\n\0%.0s' {1..100000} >file
    server_each 'put_server -d ours' real_says put_client "$CLEANLY"
    cmp file ours/file
    real_start put_server
    ours_say 'put file\n' 'hello\n>>>:file:file size:300000\nstart sending file file\nsend file done\nrecv success\n>>>:' \
        04-protocols/put_client -p "$PORT"
    cmp file file.real
}

# What it answers and logs, without dates, addresses and ports. The prefix of a
# port that is closed at the end is real Twisted's own.
cmd_says() {
    peer "$PORT" send='test\n' until='not found.\n' send='comphash file\n' \
        until='hash is : ' until='\n' send='comphash a b\ncomphash\n' \
        until='path.\n' until='path.\n' send='comphash /no/such\n' until="'\n" \
        send='exit now\nnever\n' eof >answers
    logged 'Lost client'
    server_ends "$PID" TERM
    server_log | grep -v 'listening on' | sed -E 's/__main__\.//g; s/<(\w+) object .*/\1/
        s/\b[0-9]{4,}\b/N/g; s/^\[MyFactory\] \(TCP/[-] (TCP/' >log
}

cmd_says_the_same() {
    cmd_says
    diff answers real_answers
    diff log real_log
}

@test "D4 P11 P12: the document's command server and ours, answers and log" {
    echo line >file
    real_start cmd_server
    cmd_says
    mv answers real_answers
    mv log real_log
    for STAGE in 05-deferred 06-process; do
        server_each cmd_server cmd_says_the_same
    done
}

# --- pages, and why connections end -------------------------------------------------

web_says_the_same() {
    diff <(real web_client "$PORT") real_said
}

@test "D5: an Agent and web_server, get_page and a Site" {
    local site
    STAGE=05-deferred
    mkdir root
    seq 30000 >root/numbers
    : >root/empty
    real_start web_server root
    site=http://127.0.0.1:$PORT
    real web_client "$PORT" >real_said
    grep -F "b'GET' numbers" real_said
    server_each 'web_server -d root' web_says_the_same
    for POLLER in "${POLLERS[@]}"; do
        start 05-deferred/two_pages -r "$POLLER" "$site/numbers" "$site/chunks"
        peer "$PORT" send=go shutdown eof
        logged '168894 1\x0a2\x0a'
        logged '7 one two '
    done
}

# What the client gets, and what the server prints of the end.
ends_say() {
    local way
    for way in reset 'recv=5 shutdown eof' 'recv=5 send=x shutdown eof' \
        'recv=5 send=x reset' 'recv=5 send=x close'; do
        : >"$LOG"
        # shellcheck disable=SC2086 # the steps of a peer
        peer "$PORT" $way
        logged disconnected
        eventually grep -q '^Conn' "$LOG"
        echo " $way: $(tail -n 1 "$LOG")"
    done >ends
}

ends_say_the_same() {
    ends_say
    diff ends real_ends
}

@test "P1 P9: a close, a reset, a half-close: the end that real Twisted tells of" {
    STAGE=04-protocols
    real_start hello_server
    ends_say
    mv ends real_ends
    server_each hello_server ends_say_the_same
    diff <(real hello_client 1) <(soon "$(program "$STAGE/hello_client")" -p 1 2>&1 |
        sed 's/^hello_client: 127.0.0.1: //')
    real reasons Connection{Done,Lost,Aborted,RefusedError} ConnectError UserError \
        TCPTimedOutError NoRouteError ConnectBindError TimeoutError DNSLookupError |
        while read -r name text; do
            grep -qaF "$text" "$ROOT/$STAGE/$BUILD/protocol/failure.o" ||
                { echo "not ours: $name: $text"; return 1; }
        done
}
