#!/usr/bin/env bats
# Stage 04: uploads, as a protocol; the keyboard and the file sender of the
# client.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

# --- P16: uploads, as a protocol ------------------------------------------------

upload_greeting='欢迎致电 10086,请输入1xxx,0转人工服务.'
upload_ok='{"status": 200}'

# upload_each COMMAND...: does it on each reactor, in an empty directory.
upload_each() {
    local reactor
    for reactor in select poll epoll; do
        echo "--- $reactor"
        export REACTOR=$reactor
        mkdir "$BATS_TEST_TMPDIR/$reactor"
        cd "$BATS_TEST_TMPDIR/$reactor" || return 1
        "$@"
    done
}

# upload_header NAME SIZE: as a step's TEXT; a backslash must be doubled.
upload_header() {
    printf '{"action":"put","filename":"%s","filesize":%s}\\n' "$1" "$2"
}

# upload_refusal WHY: the whole answer.
upload_refusal() {
    echo "{\"status\": 400, \"error\": \"$1\"}"
}

# upload_peer STEP...: the steps of a client that has been greeted. Sets
# status and output, without the greeting.
upload_peer() {
    run peer "$PORT" "until=$upload_greeting" "$@"
    output=${output#"$upload_greeting"}
}

# upload_client LINE...: put_client's session, with these lines typed.
upload_client() {
    printf '%s\n' "$@" | soon "$(program 04-protocols/put_client)" -p "$PORT"
}

# upload_limited -f|-n LIMIT ARGUMENT...: starts the server with less of
# something than we have ourselves.
upload_limited() {
    local old
    old=$(ulimit -S "$1")
    ulimit -S "$1" "$2"
    start 04-protocols/put_server "${@:3}"
    ulimit -S "$1" "$old"
}

upload_is_empty() { # DIR
    [ -z "$(ls -A "$1")" ]
}

upload_has_files() { # DIR COUNT
    [ "$(find "$1" -mindepth 1 | wc -l)" -eq "$2" ]
}

upload_has_temporary() {
    [ -n "$(find in -name '.upload-*')" ]
}

# A client that is not part of the test can still upload.
upload_works() {
    upload_peer "send=$(upload_header works 2)ok" 'until=recv success'
    [ "$output" = "${upload_ok}recv success" ]
}

# upload_hold STEP...: a greeted client in the background, whose `hold` lasts
# until upload_release, which passes its status on.
upload_hold() {
    rm -f go
    mkfifo go
    peer -l "$PORT" "until=$upload_greeting" "$@" 3>&- < go > held 2>&1 &
    HELD=$!
    exec 7> go
}

# upload_ends PID STATUS: it does, before the deadline, with that status.
upload_ends() {
    local status=0
    wait_gone "$1" || return 1
    wait "$1" || status=$?
    [ "$status" -eq "$2" ]
}

upload_release() {
    exec 7>&-
    wait "$HELD" || { cat held; return 1; }
}

# --- put_server: what it takes -----------------------------------------------

documents_words() {
    start 04-protocols/put_server
    printf 'Hello,\nworld' > hello.txt
    run upload_client 'put hello.txt' 'put ./hello.txt more words' exit 'put x'
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:file:hello.txt size:12
start sending file hello.txt
send file done
recv success
>>>:file:./hello.txt size:12
start sending file hello.txt
send file done
recv success
>>>:" ]
    cmp hello.txt uploads/hello.txt
    [ "$(ls -A uploads)" = hello.txt ]
    [ "$(sed 1d "$LOG" | head -n 3)" = \
        "{'action': 'put', 'filename': 'hello.txt', 'filesize': 12}
filesize: 12 recvsize:12
recv success" ]
}

@test "P16: client and server say what the document's say" {
    upload_each documents_words
}

@test "P16: -d chooses the directory, which is made or must be one" {
    start 04-protocols/put_server -d made
    upload_works
    [ "$(cat made/works)" = ok ]
    start 04-protocols/put_server -d made
    upload_works
    touch file
    run soon "$(program 04-protocols/put_server)" -p 0 -d file
    [ "$status" -eq 1 ]
    [ "$output" = 'put_server: file: Not a directory' ]
    run soon "$(program 04-protocols/put_server)" -p "$PORT" -d made
    [ "$status" -eq 1 ]
    [ "$output" = "put_server: 127.0.0.1:$PORT: Address already in use" ]
    run soon "$(program 04-protocols/put_server)" -h
    [ "${lines[1]}" = 'usage: put_server [-p PORT] [-i INTERFACE] '\
'[-r select|poll|epoll] [-d DIR] [-h]' ]
}

@test "P16: any white space, key order and escape in a header" {
    start 04-protocols/put_server -d in
    upload_peer \
        'send=\r\n\t \n{\t"filesize" :\r3 , "filename":"a" ,"action": "put"} \r\n' \
        "until=$upload_ok" send=one 'until=recv success' \
        'send={"filename":"\\u4e2d\\ud83d\\ude00 \\"\\\\b","filesize":3,' \
        'send="more":"}","count":7,"\\u0061ction":"\\u0070ut"}\r\n' \
        "until=$upload_ok" send=two 'until=recv success' \
        "send=$(upload_header 'é' 3)" "until=$upload_ok" send=six \
        'until=recv success' \
        'send={"action":"get","action":"put","filename":"../x",' \
        'send="filename":"a","filesize":9,"filesize":1}\n' \
        "until=$upload_ok" send=x 'until=recv success' quiet=20
    [ "$status" -eq 0 ]
    [ "${output//"${upload_ok}recv success"/.}" = .... ]
    [ "$(cat in/a)" = x ]
    [ "$(cat 'in/中😀 "\b')" = two ]
    [ "$(cat in/é)" = six ]
    [ "$(find in -type f | wc -l)" -eq 3 ]
}

# upload_cuts TEXT STEP...: sends TEXT, in which no byte is escaped, cut in two
# anywhere; each time the steps follow.
upload_cuts() {
    local text=$1 steps=() i
    shift
    for ((i = 1; i < ${#text}; i++)); do
        steps+=("send=${text:0:i}" pause=1 "send=${text:i}" "$@")
    done
    peer "$PORT" "until=$upload_greeting" "${steps[@]}" > /dev/null
}

split_anywhere() {
    local header
    header=$(upload_header name 4)
    header=${header%\\n}
    start 04-protocols/put_server -d in
    # CR LF, and what follows it, may be cut as well.
    upload_cuts "$header"$'\r\nlast' "until=$upload_ok" 'until=recv success'
    upload_cuts "$header"$'\none\n'"$header"$'\r\ntwo.' \
        "until=$upload_ok" 'until=recv success' \
        "until=$upload_ok" 'until=recv success'
    upload_peer "drip=$header\\nlast$header\\nlast" \
        'until=recv success' 'until=recv success'
    [ "$(cat in/name)" = last ]
    [ "$(grep -c '^recv success' "$LOG")" -eq $((
        ${#header} + 5 + 2 * (2 * ${#header} + 10) + 2)) ]
}

@test "P16: headers and files cut in two anywhere" {
    upload_each split_anywhere
}

pipelined() {
    start 04-protocols/put_server -d in
    upload_peer "send=$(upload_header a 3)one$(upload_header b 3)two\r\n$(
        upload_header c 0)$(upload_header d 5)thr" \
        "until=$upload_ok" 'until=recv success' "until=$upload_ok" \
        'until=recv success' "until=$upload_ok" 'until=recv success' \
        "until=$upload_ok" quiet=20 "send=ee$(upload_header a 4)" \
        'until=recv success' "until=$upload_ok" send=four 'until=recv success' \
        quiet=20
    [ "$status" -eq 0 ]
    [ "$(cat in/a)" = four ]
    [ "$(cat in/b)" = two ]
    [ "$(cat in/d)" = three ]
    [ -f in/c ]
    [ ! -s in/c ]
    upload_has_files in 4
}

@test "P16: many headers and files in one segment" {
    upload_each pipelined
}

# Every line is a refusal that is longer than it; nobody reads them for long.
pipelined_unread() {
    local lines
    start 04-protocols/put_server -d in
    lines=$(printf '{}\\n%.0s' {1..10000})
    run peer -r 4096 "$PORT" "until=$upload_greeting" "send=$lines" \
        "send=$lines" "send=$(upload_header a 1)x" shutdown eof
    [ "$status" -eq 0 ]
    [ "$(grep -o 'not a string' <<< "$output" | wc -l)" -eq 20000 ]
    [[ $output == *"${upload_ok}recv success" ]]
}

@test "P16: twenty thousand headers are answered, to a slow reader too" {
    upload_each pipelined_unread
}

@test "P16: every byte may be in a file, line ends and headers too" {
    start 04-protocols/put_server -d in
    upload_peer "send=$(upload_header bytes 8)" "until=$upload_ok" \
        'send=\r\n{\0\x80\xff"\n' 'until=recv success' \
        "send=$(upload_header header 48)$(upload_header none 1)" \
        'until=recv success' quiet=20
    [ "$status" -eq 0 ]
    printf '\r\n{\0\200\377"\n' | cmp - in/bytes
    printf '{"action":"put","filename":"none","filesize":1}\n' | cmp - in/header
    upload_has_files in 2
}

half_closed() {
    start 04-protocols/put_server -d in
    upload_peer "send=$(upload_header a 1)x\n" shutdown eof
    [ "$status" -eq 0 ]
    [ "$output" = "${upload_ok}recv success" ]
    upload_peer "send=$(upload_header name 100000)" flood=99999 shutdown eof
    [ "$output" = "$upload_ok$(upload_refusal 'file is incomplete')" ]
    logged 'filesize: 100000 recvsize:99999'
    upload_peer 'send={"action":"put"' shutdown eof
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    upload_peer shutdown eof
    [ "$status" -eq 0 ]
    [ "$(ls -A in)" = a ]
}

@test "P16: a client may end its stream and still gets its answer" {
    upload_each half_closed
}

fifty_megabytes() {
    ln ../big .
    start 04-protocols/put_server -d in
    run upload_client 'put big'
    [ "$status" -eq 0 ]
    [[ $output == *$'\nrecv success\n>>>:' ]]
    cmp big in/big
    logged 'filesize: 50000000 recvsize:50000000'
    rm in/big
}

@test "P16: fifty megabytes arrive as they were" {
    head -c 50000000 /dev/urandom > big
    upload_each fifty_megabytes
}

@test "P16: two hundred clients at once, and one thread" {
    local i pids=() before
    start 04-protocols/put_server -d in
    before=$(descriptors "$PID")
    mkdir out
    for i in {1..200}; do
        head -c "$((i * 1000))" /dev/urandom > "out/$i"
        upload_client "put out/$i" 3>&- > "said$i" 2>&1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i"
    done
    diff -r out in
    eventually has_descriptors "$PID" "$before"
    [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

# All of them are in the middle of a file at the same time.
one_name() {
    start 04-protocols/put_server -d in
    run peer -n 200 "$PORT" "until=$upload_greeting" \
        "send=$(upload_header same 100000)" "until=$upload_ok" flood=50000 \
        flood=50000 'until=recv success' "send=$(upload_header other 100000)" \
        "until=$upload_ok" flood=50000
    [ "$status" -eq 0 ]
    [ "$(stat -c %s in/same)" -eq 100000 ]
    eventually upload_has_files in 1
}

@test "P16: two hundred uploads of one name are all whole" {
    needs_descriptors 500
    upload_each one_name
}

@test "P16: two uploads of one name do not mix, the last to end stays" {
    start 04-protocols/put_server -d in
    upload_hold "send=$(upload_header name 6)aaa" \
        "until=$upload_ok" hold send=aaa 'until=recv success'
    eventually upload_has_files in 1
    [ ! -e in/name ]
    upload_peer "send=$(upload_header name 4)bb" "until=$upload_ok" send=bb \
        'until=recv success'
    [ "$(cat in/name)" = bbbb ]
    upload_release
    [ "$(cat in/name)" = aaaaaa ]
    upload_has_files in 1
}

# --- put_server: names and headers ---------------------------------------------

@test "P16: names of 255 bytes, however they are escaped" {
    local name i escaped=''
    start 04-protocols/put_server -d in
    name=$(printf 'x%.0s' {1..255})
    for i in {1..255}; do
        escaped+='\\u0079'
    done
    upload_peer "send=$(upload_header "$name" 1)1" 'until=recv success' \
        "send=$(upload_header "$escaped" 1)2" 'until=recv success' \
        "send=$(upload_header "${name}x" 1)" \
        "until=$(upload_refusal 'filename is too long')" \
        "send=$(upload_header "${escaped}z" 1)" \
        "until=$(upload_refusal 'filename is too long')"
    [ "$status" -eq 0 ]
    [ "$(cat "in/$name")" = 1 ]
    [ "$(cat "in/${name//x/y}")" = 2 ]
}

@test "P16: harmless names that look odd" {
    local name steps=()
    start 04-protocols/put_server -d in
    # shellcheck disable=SC2016
    local names=(... .a '..a' 'a b' '~' '*' '%s%n' '-rf' '$(touch x)' '中文'
        .upload)
    for name in "${names[@]}"; do
        steps+=("send=$(upload_header "$name" 1)x" 'until=recv success')
    done
    upload_peer "${steps[@]}"
    [ "$status" -eq 0 ]
    for name in "${names[@]}"; do
        rm -- "in/$name"
    done
    upload_is_empty in
}

@test "P16: a bad header is refused, and the connection goes on" {
    local refusals=(
        'filename is empty|"filename":"","filesize":1'
        'filename is a directory|"filename":".","filesize":1'
        'filename is a directory|"filename":"..","filesize":1'
        'filename has a slash|"filename":"/","filesize":1'
        'filename has a slash|"filename":"../up","filesize":1'
        'filename has a slash|"filename":"/tmp/up","filesize":1'
        'filename has a slash|"filename":"\\u002e\\u002e\\u002fup","filesize":1'
        'filename has a slash|"filename":"..\\/up","filesize":1'
        'filename has a slash|"filename":"a/","filesize":1'
        'filename has a control byte|"filename":"a\\u0000","filesize":1'
        'filename has a control byte|"filename":"\\u0000","filesize":1'
        'filename has a control byte|"filename":"..\\u0000a","filesize":1'
        'filename has a control byte|"filename":"a\\nb","filesize":1'
        'filename has a control byte|"filename":"\\u001b[31m","filesize":1'
        'filename has a control byte|"filename":"a\x7f","filesize":1'
        'filename is reserved|"filename":".upload-000000001","filesize":1'
        'filename is not a string|"filename":1,"filesize":1'
        'filename is not a string|"filesize":1'
        'filesize is not an integer|"filename":"a"'
        'filesize is not an integer|"filename":"a","filesize":"1"'
        'filesize is negative|"filename":"a","filesize":-1'
        'filesize is over the limit|"filename":"a","filesize":1073741825'
        'filesize is over the limit|"filename":"a","filesize":4294967296'
        'filesize is over the limit|"filename":"a","filesize":18446744073709551616'
    ) refusal steps=()
    start 04-protocols/put_server -d in
    for refusal in "${refusals[@]}"; do
        steps+=("send={\"action\":\"put\",${refusal#*|}}\\n"
            "until=$(upload_refusal "${refusal%%|*}")")
    done
    steps+=('send={}\n' "until=$(upload_refusal 'action is not a string')"
        'send={"action":1}\n'
        "until=$(upload_refusal 'action is not a string')")
    upload_peer "${steps[@]}" quiet=20 "send=$(upload_header fine 1)x" \
        'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(ls -A in)" = fine ]
    [ ! -e up ]
}

@test "P16: unknown keys may hold any value, those that we know may not" {
    local known='"action":"put","filename":"a","filesize":1'
    local extra='"extra":[1,{"filename":"no"},null,true,1e3]'
    start 04-protocols/put_server -d in
    upload_peer "send={$extra,$known}\n" "until=$upload_ok" send=x \
        'until=recv success' "send={$known , $extra } \r\n" "until=$upload_ok" \
        send=y 'until=recv success' \
        'send={"action":"put","filename":["a"],"filesize":1}\n' \
        "until=$(upload_refusal 'filename is not a string')" \
        'send={"action":"put","filename":"a","filesize":1e0}\n' \
        "until=$(upload_refusal 'filesize is not an integer')"
    [ "$status" -eq 0 ]
    logged "{'extra': ..., 'action': 'put', 'filename': 'a', 'filesize': 1}"
    [ "$(cat in/a)" = y ]
    [ "$(ls -A in)" = a ]
}

# upload_between CLIENT SERVER: their stages.
upload_between() {
    local stage
    for stage in 01-blocking 04-protocols; do
        make -s -C "$ROOT/$stage" BUILD="$BUILD" >&2 || return 1
    done
    start "$2/put_server" -d in
    printf '\n\r\nfile' >"from-$1"
    run soon "$(program "$1/put_client")" -p "$PORT" <<<"put from-$1
put from-$1"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'recv success' <<<"$output")" -eq 2 ]
    cmp "from-$1" "in/from-$1"
}

@test "P16 B6: each chapter's client suits the other's server" {
    upload_between 01-blocking 04-protocols
    upload_between 04-protocols 01-blocking
    upload_between 04-protocols 04-protocols
}

@test "P16: what is no header is refused, and the connection goes on" {
    local bad steps=()
    start 04-protocols/put_server -d in
    for bad in 'hello' '\0' '[1]' '"put"' 'GET / HTTP/1.0\r' '{"action":{}}' \
        '{"a":[1]}' '{"a":true}' '{"a":1.5}' '{"a":1e3}' '{"a":0x1}' \
        '{"a":"\t"}' '{"a":"\\ud800"}' "{'a':1}" '{"a":1,}' '{,}' \
        '\xef\xbb\xbf{}' '\xff\xfe\r\r' '}'; do
        steps+=("send=$bad\\n" 'until={"status": 400, "error": "' 'until="}')
    done
    for bad in '{' '{"action":"put",' '{"a":1' '{"a' '{"a":"'; do
        steps+=("send=$bad\\n"
            "until=$(upload_refusal 'header is incomplete')")
    done
    for bad in '{}{}' '{"action":"put"} x' '{}\r;' '{}\0'; do
        steps+=("send=$bad\\n"
            "until=$(upload_refusal 'something follows the header in its line')")
    done
    upload_peer "${steps[@]}" quiet=20 "send=$(upload_header fine 1)x" \
        'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(ls -A in)" = fine ]
}

@test "P16: the largest size is taken, one more is not" {
    start 04-protocols/put_server -d in
    upload_peer "send=$(upload_header a 1073741825)" \
        "until=$(upload_refusal 'filesize is over the limit')" \
        "send=$(upload_header a 1073741824)" "until=$upload_ok"
    [ "$status" -eq 0 ]
    eventually upload_is_empty in
}

@test "P16: an unknown action is refused by name, and the connection goes on" {
    start 04-protocols/put_server -d in
    upload_peer 'send={"action":"get","filename":"a"}\n' \
        'until=task action is not supported get' quiet=20 \
        'send={"action":"\\u4e0a\\u001b\\"\\u0000"}\n' \
        'until=task action is not supported 上\\u001b\\"\\u0000' \
        'send={"action":"put\\u0000","filename":"a","filesize":1}\n' \
        'until=task action is not supported put\\u0000' \
        'send={"action":""}\n' 'until=task action is not supported ' quiet=20 \
        "send=$(upload_header a 1)x" 'until=recv success'
    [ "$status" -eq 0 ]
    logged 'task action is not supported get'
}

header_limit() {
    local full tail='","action":"put","filename":"a","filesize":1}'
    start 04-protocols/put_server -d in
    # {"x":" and the tail are 51 bytes.
    full=$(printf 'x%.0s' $(seq $((4096 - 51))))
    upload_peer "send={\"x\":\"$full$tail\nx" 'until=recv success' \
        "send={\"x\":\"${full:1}$tail\r\nx" 'until=recv success' quiet=20
    [ "$status" -eq 0 ]
    upload_peer "send={\"x\":\"${full}x$tail\nx" eof
    [ "$output" = "$(upload_refusal 'header is too long')" ]
    upload_peer "send=$(printf ' %.0s' {1..4097})" eof
    [ "$output" = "$(upload_refusal 'header is too long')" ]
    # What came before it is answered, what follows it is not read.
    upload_peer "send=$(upload_header b 1)x${full}$full\n$(upload_header c 0)" \
        eof
    [ "$output" = "${upload_ok}recv success$(
        upload_refusal 'header is too long')" ]
    [ ! -e in/c ]
}

@test "P16: a header's length has a limit, then the connection ends" {
    upload_each header_limit
}

flood_refused() {
    start 04-protocols/put_server -d in
    for _ in {1..5}; do
        upload_peer send=nonsense flood=2000000 eof
        [ "$status" -eq 0 ]
        [ "$output" = "$(upload_refusal 'header is too long')" ]
    done
}

@test "P16: a refusal arrives, even if the client goes on and on" {
    upload_each flood_refused
}

# --- put_server: what is not kept, and what it may not follow --------------------

broken_off() {
    local end header before
    header=$(upload_header name 100000)
    start 04-protocols/put_server -d in
    before=$(descriptors "$PID")
    for end in close reset shutdown; do
        # In the header; before and in the file.
        upload_peer "send=${header:0:20}" "$end"
        upload_peer "send=$header" "until=$upload_ok" "$end"
        upload_peer "send=$header" "until=$upload_ok" flood=99999 "$end"
        [ "$status" -eq 0 ]
    done
    run peer -n 50 "$PORT" "until=$upload_greeting" "send=$header" \
        flood=50000 reset
    [ "$status" -eq 0 ]
    eventually upload_is_empty in
    eventually has_descriptors "$PID" "$before"
    logged 'refused: file is incomplete'
    upload_works
}

@test "P16: a client that leaves before its file is complete leaves nothing" {
    upload_each broken_off
}

stopped_in_the_middle() {
    start 04-protocols/put_server -d in
    upload_hold "send=$(upload_header name 4)ne" "until=$upload_ok" hold eof
    eventually upload_has_temporary
    kill "$PID"
    upload_ends "$PID" 0
    upload_is_empty in
    logged 'filesize: 4 recvsize:2'
    upload_release
}

@test "P16: SIGTERM in the middle of a file leaves nothing, status 0" {
    upload_each stopped_in_the_middle
}

@test "P16: a server killed in the middle leaves no file of that name" {
    start 04-protocols/put_server -d in
    upload_hold "send=$(upload_header name 4)ne" "until=$upload_ok" hold eof
    eventually upload_has_temporary
    kill -KILL "$PID"
    wait_gone "$PID"
    upload_release
    [ ! -e in/name ]
    # What is left is in nobody's way.
    start 04-protocols/put_server -d in
    upload_peer "send=$(upload_header name 4)full" 'until=recv success'
    [ "$(cat in/name)" = full ]
}

@test "P16: a symbolic link of that name is replaced, never followed" {
    local link
    start 04-protocols/put_server -d in
    echo precious > target
    mkdir folder
    ln -s ../target in/link
    ln -s ../folder in/folder
    ln -s nowhere in/dangling
    ln -s loop in/loop
    mkfifo in/fifo
    for link in link folder dangling loop fifo; do
        upload_peer "send=$(upload_header "$link" 3)new" 'until=recv success'
        [ "$status" -eq 0 ]
        [ ! -L "in/$link" ]
        [ "$(cat "in/$link")" = new ]
    done
    [ "$(cat target)" = precious ]
    upload_is_empty folder
    upload_has_files in 5
}

@test "P16: a directory of that name is left alone" {
    start 04-protocols/put_server -d in
    mkdir in/folder
    touch in/folder/file
    upload_peer "send=$(upload_header folder 3)" \
        "until=$(upload_refusal 'Is a directory')" \
        "send=$(upload_header name 3)" "until=$upload_ok"
    [ "$status" -eq 0 ]
    # One that appears while the bytes arrive.
    upload_hold "send=$(upload_header late 3)" "until=$upload_ok" hold \
        send=new "until=$(upload_refusal 'Is a directory')" \
        "send=$(upload_header name 3)new" 'until=recv success'
    eventually upload_has_temporary
    mkdir in/late
    upload_release
    [ "$(cat in/name)" = new ]
    [ -d in/late ]
    [ -f in/folder/file ]
    eventually upload_has_files in 4
}

@test "P16: the old file is there until the new one is complete" {
    start 04-protocols/put_server -d in
    echo old > in/name
    upload_hold "send=$(upload_header name 4)ne" "until=$upload_ok" hold \
        send=w. 'until=recv success'
    eventually upload_has_temporary
    [ "$(cat in/name)" = old ]
    upload_release
    [ "$(cat in/name)" = new. ]
    upload_has_files in 1
}

full_disk() {
    upload_limited -f 64 -d in
    upload_peer "send=$(upload_header big 65536)" "until=$upload_ok" \
        flood=65536 'until=recv success' \
        "send=$(upload_header bigger 65537)" "until=$upload_ok" flood=65537 \
        "until=$(upload_refusal 'File too large')" \
        "send=$(upload_header huge 5000000)" "until=$upload_ok" flood=5000000 \
        "until=$(upload_refusal 'File too large')" \
        "send=$(upload_header small 1)x" 'until=recv success'
    [ "$status" -eq 0 ]
    upload_has_files in 2
    [ "$(stat -c %s in/big)" -eq 65536 ]
}

@test "P16: a disk that takes no more is an answer, and the connection goes on" {
    upload_each full_disk
}

@test "P16: a directory that takes no file is an answer" {
    start 04-protocols/put_server -d in
    upload_hold "send=$(upload_header name 4)ne" "until=$upload_ok" hold \
        send=w. "until=$(upload_refusal 'No such file or directory')"
    eventually upload_has_temporary
    rm -r in
    upload_release
    upload_peer "send=$(upload_header a 1)" \
        "until=$(upload_refusal 'No such file or directory')" quiet=20 \
        "send=$(upload_header a 1)" \
        "until=$(upload_refusal 'No such file or directory')"
    [ "$status" -eq 0 ]
    # Nobody may make files here, the superuser neither.
    start 04-protocols/put_server -d /proc/self/fdinfo
    upload_peer "send=$(upload_header a 1)" 'until="error": "' \
        "send=$(upload_header a 1)" 'until="error": "'
    [ "$status" -eq 0 ]
}

upload_has_refused_file() {
    grep -q 'refused: Too many open files' "$LOG"
}

# The last one that is let in finds no number for its file; those who wait
# behind it are let in and out again.
forty_descriptors() {
    local before
    upload_limited -n 40 -d in
    before=$(descriptors "$PID")
    mkfifo crowd.go
    peer -l -n 100 "$PORT" "send=$(upload_header many 3)no" hold \
        3>&- < crowd.go > crowd 2>&1 &
    CROWD=$!
    exec 6> crowd.go
    eventually upload_has_refused_file
    idle "$PID"
    exec 6>&-
    wait "$CROWD"
    eventually has_descriptors "$PID" "$before"
    eventually upload_is_empty in
    upload_works
}

@test "P16: a hundred clients and forty descriptors" {
    upload_each forty_descriptors
}

thousand_clients() {
    local before
    start 04-protocols/put_server -d in
    before=$(descriptors "$PID")
    upload_works
    # As many at once as may wait to be accepted.
    for _ in {1..7}; do
        peer -n 50 "$PORT" "until=$upload_greeting" \
            "send=$(upload_header a 3)one$(upload_header a 3)tw" reset
        peer -n 50 "$PORT" "until=$upload_greeting" 'send=nonsense\n' \
            'until="}' close
        peer -n 50 "$PORT" "until=$upload_greeting" \
            "send=$(upload_header a 9)" shutdown eof
    done > /dev/null
    eventually has_descriptors "$PID" "$before"
    eventually upload_has_files in 2
}

@test "P16: nothing is left behind by a thousand clients" {
    upload_each thousand_clients
}

@test "P16: what strangers send does not reach the server's terminal" {
    start 04-protocols/put_server -d in
    upload_peer 'send={"action":"\\u001b]0;x\\u0007\\n","\x9b\\u009b":"\x7f\\\\"}\n' \
        'until=task action is not supported '
    logged "{'action': '\\x1b]0;x\\x07\\x0a', '\\x9b\\xc2\\x9b': '\\x7f\\'}"
    logged 'task action is not supported \x1b]0;x\x07\x0a'
    [ -z "$(LC_ALL=C tr -d '\n -~' < "$LOG")" ]
}

# --- put_client -----------------------------------------------------------------

@test "P16: the client's words for what it cannot do" {
    local red=$'\033[31m' normal=$'\033[0m'
    start 04-protocols/put_server -d in
    mkdir folder
    mkfifo fifo
    run upload_client '' '  ' put '  put  ' hello 'get file' 'exit now' \
        'put missing' 'put folder' 'put fifo' 'put x/y' ' exit ' 'put never'
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:>>>:>>>:Usage: put path/to/file
>>>:Usage: put path/to/file
>>>:Usage: put path/to/file
>>>:don't support get command
>>>:don't support exit command
>>>:$red file [missing] is not exist $normal
>>>:$red file [folder] is not exist $normal
>>>:$red file [fifo] is not exist $normal
>>>:$red file [x/y] is not exist $normal
>>>:" ]
    upload_is_empty in
}

goes_on() {
    start 04-protocols/put_server -d in
    touch .upload-mine fine
    truncate -s 1073741825 large
    mkdir in/folder
    touch folder
    run upload_client 'put .upload-mine' 'put large' 'put folder' 'put fine'
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:file:.upload-mine size:0
$(upload_refusal 'filename is reserved')
>>>:file:large size:1073741825
$(upload_refusal 'filesize is over the limit')
>>>:file:folder size:0
$(upload_refusal 'Is a directory')
>>>:file:fine size:0
start sending file fine
send file done
recv success
>>>:" ]
}

@test "P16: the client goes on after a refusal" {
    upload_each goes_on
}

late_refusal() {
    upload_limited -f 64 -d in
    head -c 100000 /dev/zero > large
    touch small
    run upload_client 'put large' 'put small'
    [ "$status" -eq 0 ]
    [ "$output" = "$upload_greeting
>>>:file:large size:100000
start sending file large
send file done
$(upload_refusal 'File too large')
>>>:file:small size:0
start sending file small
send file done
recv success
>>>:" ]
}

@test "P16: the client shows a refusal that comes after the bytes" {
    upload_each late_refusal
}

@test "P16: the client escapes a name, and sends any" {
    local name
    start 04-protocols/put_server -d in
    for name in 'quote"and\backslash' '中文' $'latin\xe9' '{}' \
        "$(printf '"%.0s' {1..255})"; do
        echo "$name" > "$name"
        run upload_client "put ./$name"
        [ "$status" -eq 0 ]
        cmp "./$name" "in/$name"
    done
    printf x > $'bell\a'
    run upload_client $'put bell\a'
    [[ $output == *"$(upload_refusal 'filename has a control byte')"* ]]
}

# upload_typist: a client whose lines are typed later, into file descriptor 7.
# Sets CLIENT; `said` is what it prints.
upload_typist() {
    rm -f keys
    mkfifo keys
    "$(program 04-protocols/put_client)" -p "$PORT" < keys > said 2>&1 3>&- &
    CLIENT=$!
    SERVERS+=("$CLIENT")
    exec 7> keys
    eventually grep -q '>>>:' said
}

shrinking() {
    start 04-protocols/put_server -d in
    head -c 1000000 /dev/zero > file
    upload_typist
    freeze "$PID"
    echo 'put file' >&7
    eventually grep -q 'file:file size:1000000' said
    truncate -s 500000 file
    kill -CONT "$PID"
    upload_ends "$CLIENT" 1
    grep -q '^put_client: file: shrank while it was sent$' said
    logged 'filesize: 1000000 recvsize:500000'
    eventually upload_is_empty in
}

@test "P16: a file that shrinks while it is sent is noticed on both sides" {
    upload_each shrinking
}

@test "P16: of a file that grows while it is sent nothing is sent beyond its size" {
    start 04-protocols/put_server -d in
    echo before > file
    upload_typist
    freeze "$PID"
    echo 'put file' >&7
    eventually grep -q 'file:file size:7' said
    echo after >> file
    kill -CONT "$PID"
    eventually grep -q '^recv success' said
    echo 'put file' >&7
    exec 7>&-
    upload_ends "$CLIENT" 0
    [ "$(cat in/file)" = $'before\nafter' ]
    logged 'filesize: 7 recvsize:7'
    logged 'filesize: 13 recvsize:13'
}

@test "P16: the client says so when a file cannot be read" {
    start 04-protocols/put_server -d in
    echo secret > file
    chmod 0 file
    # The superuser may read that, but not this.
    [ "$(id -u)" -ne 0 ] || ln -sf /proc/sys/vm/compact_memory file
    touch fine
    run upload_client 'put file' 'put fine'
    [ "$status" -eq 0 ]
    [[ $output == *"put_client: file: Permission denied"* ]]
    [[ $output == *$'\nrecv success\n>>>:' ]]
    upload_works
}

server_gone() {
    local tale words
    touch file
    local tales=(
        "connection closed by server|send=hi wait=filesize"
        "Connection reset by peer|send=hi wait=filesize reset"
        "connection closed by server|send=hi wait=filesize send={\"sta"
        "connection closed by server|send=hi wait=filesize send={\"status\":200}"
        "connection closed by server|send=hi wait=filesize send={\"status\":200}recv"
    )
    for tale in "${tales[@]}"; do
        IFS=' ' read -ra words <<< "${tale#*|}"
        start tests/puppet "${words[@]}"
        run upload_client 'put file' 'put file'
        [ "$status" -eq 1 ]
        [[ $output == *"put_client: file: ${tale%%|*}" ]]
    done
    start tests/puppet
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [ "$output" = 'put_client: 127.0.0.1: connection closed by server' ]
    PORT=$NOBODY
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [ "$output" = 'put_client: 127.0.0.1: Connection was refused by other'\
' side: 111: Connection refused.' ]
}

@test "P16: the client says so when the server is gone" {
    upload_each server_gone
}

# The connection may be closed behind the refusal, with our bytes unread: that
# is a reset, and the words were there before it.
upload_refused_in_between() {
    local no end
    no=$(upload_refusal 'disk is full')
    head -c 20000000 /dev/zero | tr '\0' x >file
    printf enough | dd of=file bs=1 seek=3000 conv=notrunc status=none
    for end in '' reset; do
        # shellcheck disable=SC2086
        start tests/puppet send=hi wait=filesize 'send={"status":200}' \
            wait=enough "send=$no" $end
        run upload_client 'put file' 'put file'
        [ "$status" -eq 1 ]
        [[ $output == *$'\nstart sending file file\n'"$no"$'\nput_client: file: refused while it was sent' ]]
    done
}

@test "P16: put_client shows a refusal that is sent in mid-upload" {
    upload_each upload_refused_in_between
}

# Nothing is typed, and nothing is asked of the server.
gone_at_the_prompt() {
    start 04-protocols/put_server -d in
    upload_typist
    kill "$PID"
    upload_ends "$CLIENT" 1
    grep -q 'put_client: 127.0.0.1: connection closed by server$' said
    exec 7>&-
}

@test "P16: the client hears that the server goes while it waits for a line" {
    upload_each gone_at_the_prompt
}

gone_in_the_middle() {
    head -c 5000000 /dev/zero > file
    start tests/puppet send=hi wait=filesize 'send={"status":200}'
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [[ $output == *$'\nput_client: file: '* ]]
    [[ $output != *'send file done'* ]]
}

@test "P16: a server that goes away in the middle of a large file" {
    upload_each gone_in_the_middle
}

cut_answers() {
    touch file
    start tests/puppet send=hi wait=filesize 'drip={ "status" : 200 }' \
        'drip=recv success' wait=filesize \
        'drip={"error":"} no","status":400}' wait=filesize 'send=nonsense' \
        wait=filesize 'send={"status":200}recv success' wait=filesize \
        'send={"status": 200} '
    run upload_client 'put file' 'put file' 'put file' 'put file' exit
    [ "$status" -eq 0 ]
    [ "$output" = 'hi
>>>:file:file size:0
start sending file file
send file done
recv success
>>>:file:file size:0
{"error":"} no","status":400}
>>>:file:file size:0
nonsense
>>>:file:file size:0
start sending file file
send file done
recv success
>>>:' ]
}

@test "P16: the server's answers, however they are cut" {
    upload_each cut_answers
}

@test "P16: the client's header is one line, which ends in CR LF" {
    touch file
    start tests/puppet send=hi \
        wait=$'{"action": "put", "filename": "file", "filesize": 0}\r\n' send=no
    run upload_client 'put ./file' exit
    [ "$status" -eq 0 ]
    [[ $output == *$'\nno\n>>>:' ]]
}

# What a server says unasked is shown, and never taken for an answer.
# Where the pieces that came have ended does not matter.
unasked_is_shown() {
    [[ $(tr -d '\n>:' <said) == 'welcome {"status"200}'* ]]
}

unasked() {
    touch file
    start tests/puppet 'drip=welcome {"status":200}' wait=filesize send=no
    upload_typist
    eventually unasked_is_shown
    printf 'put file\nexit\n' > lines
    cat lines >&7 # at once, for the server leaves as soon as it has answered
    upload_ends "$CLIENT" 0
    exec 7>&-
    [ "$(tr -d '\n>:' < said)" = 'welcome {"status"200}filefile size0no' ]
}

@test "P16: the client shows what the server says unasked, and goes on" {
    upload_each unasked
}

# A keyboard must not be watched while a file is on its way: this one is
# always ready.
busy_client() {
    echo > file
    { printf 'put file\nput missing\n'; yes '' | head -n 100000; } > lines
    start tests/puppet send=hi wait=filesize wait=more
    "$(program 04-protocols/put_client)" -p "$PORT" < lines > said 2>&1 3>&- &
    CLIENT=$!
    SERVERS+=("$CLIENT")
    eventually grep -q 'file:file size:1' said
    idle "$CLIENT"
    kill "$CLIENT"
    upload_ends "$CLIENT" 1
    [ "$(cat said)" = $'hi\n>>>:file:file size:1\nput_client: file: interrupted' ]
}

@test "P16: while a file is on its way the keyboard waits, and nothing spins" {
    upload_each busy_client
}

@test "P16: SIGTERM at the prompt ends the client, status 0" {
    start 04-protocols/put_server -d in
    upload_typist
    kill "$CLIENT"
    upload_ends "$CLIENT" 0
    exec 7>&-
    [ "$(cat said)" = "$upload_greeting"$'\n>>>:' ]
}

# --- keyboard.c, file_sender.c --------------------------------------------------

# upload_unit NAME [OPTION...]: NAME.c with the stage around it.
upload_unit() {
    # shellcheck disable=SC2086 # flags are words
    "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        ${CFLAGS:--O2 -g} -pthread -I"$ROOT/04-protocols" \
        -o "$BATS_TEST_TMPDIR/$1" "$ROOT/tests/04-protocols/$1.c" \
        "$(unit_library)" "${@:2}"
}

@test "T24 T37: a file sender sends so many bytes, piece by piece, and ends once" {
    upload_unit file_sender_test
    soon ./file_sender_test
}

# keyboard_says WORDS LINES: what the unit program prints when these lines come
# through a pipe, and from a file.
keyboard_says() {
    run soon ../keyboard_test < <(printf "%b" "$2")
    [ "$output" = "$1" ]
    [ "$status" -eq 0 ]
    printf "%b" "$2" > lines
    run soon ../keyboard_test < lines
    [ "$output" = "$1" ]
    [ "$status" -eq 0 ]
}

keyboard_cases() {
    local line
    keyboard_says '>[a]>>[b]> closed: goodbye end' 'a\n\nb\n'
    keyboard_says '>[a]>[b]> closed: goodbye end' 'a\nb'
    keyboard_says '>[a]> closed: goodbye end' 'a\nexit\nb\n'
    keyboard_says '> closed: goodbye end' 'exit'
    keyboard_says '>[exit ]>[ a]> closed: goodbye end' 'exit \n a\n'
    keyboard_says '>[pause]later >[b]>[twice]>[c]>[pause]later > closed: goodbye end' \
        'pause\nb\ntwice\nc\npause'
    keyboard_says '>[a]>[twice]> closed: goodbye end' 'a\ntwice'
    keyboard_says '>[pause]later > closed: goodbye end' 'pause\nexit'
    keyboard_says '>[a]>[close] end' 'a\nclose\nb\n'
    printf 'poor\nb\n' > lines # which a pipe may cut in two
    run soon ../keyboard_test < lines
    [ "$output" = '>[poor] closed: Cannot allocate memory end' ]
    head -c 1048576 /dev/zero | tr '\0' x > lines
    line=$(printf 'x%.0s' {1..100})...
    run soon ../keyboard_test < lines
    [ "$output" = ">[${line%...}]...> closed: goodbye end" ]
    echo x >> lines
    run soon ../keyboard_test < lines
    [ "$output" = '> closed: Message too long end' ]
    run soon ../keyboard_test < /dev/null
    [ "$output" = '> closed: goodbye end' ]
    run soon ../keyboard_test < .
    [ "$output" = '> closed: Is a directory end' ]
}

@test "S27: a keyboard is a pipe or a file, whose lines wait while it is paused" {
    upload_unit keyboard_test -Wl,--wrap=malloc
    upload_each keyboard_cases
}

keyboard_terminal() {
    # shellcheck disable=SC2094 # it waits for what is written
    soon script -qec ../keyboard_test /dev/null > said < <(
        printf 'hello\npause\n'
        eventually grep -q 'later >' said > /dev/null
        printf '\004'
    )
    # What was typed is there, too, wherever the terminal has echoed it.
    grep -F '[hello]' said
    grep -F '[pause]later >' said
    tr -d '\r' < said | grep -x ' closed: goodbye end'
}

@test "S27: a keyboard is a terminal" {
    command -v script > /dev/null || skip 'script is not installed'
    upload_unit keyboard_test -Wl,--wrap=malloc
    upload_each keyboard_terminal
}
