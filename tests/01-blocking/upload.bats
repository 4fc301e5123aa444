#!/usr/bin/env bats
# Stage 01: JSON, and files that clients send.

load ../lib/helpers

# --- B6: JSON, and files that clients send --------------------------------

upload_greeting='欢迎致电 10086,请输入1xxx,0转人工服务.'
upload_ok='{"status": 200}'

# upload_header NAME SIZE: as a step's TEXT; a backslash must be doubled.
upload_header() {
    echo "{\"action\":\"put\",\"filename\":\"$1\",\"filesize\":$2}"
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
    printf '%s\n' "$@" | soon "$(program 01-blocking/put_client)" -p "$PORT"
}

# upload_limited -f|-n LIMIT ARGUMENT...: starts the server with less of
# something than we have ourselves.
upload_limited() {
    local old
    old=$(ulimit -S "$1")
    ulimit -S "$1" "$2"
    start 01-blocking/put_server "${@:3}"
    ulimit -S "$1" "$old"
}

upload_is_empty() { # DIR
    [ -z "$(ls -A "$1")" ]
}


upload_unit() { # NAME
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic \
        -Werror -O1 -g $2 -I"$ROOT/01-blocking" -o "$1" \
        "$ROOT/tests/01-blocking/$1.c" "$ROOT/01-blocking/upload/json.c"
}

# Under sanitizers where the compiler has them.
upload_run_unit() { # NAME
    upload_unit "$1" '-fsanitize=address,undefined -fno-sanitize-recover=all' ||
        upload_unit "$1" ''
    soon "./$1"
}

# A client that is not part of the test can still upload.
upload_works() {
    upload_peer "send=$(upload_header works 2)ok" 'until=recv success'
    [ "$output" = "${upload_ok}recv success" ]
}

# --- json ---------------------------------------------------------------------

@test "B6: json.c takes good headers, and knows bad ones from unfinished ones" {
    upload_run_unit json_test
}

@test "B6: json.c stands a hundred thousand random headers" {
    upload_run_unit json_fuzz
}

# --- put_server: what it takes -----------------------------------------------

@test "B6: client and server say what the document's say" {
    start 01-blocking/put_server
    printf 'Hello,\nworld' > hello.txt
    run upload_client 'put hello.txt' 'put ./hello.txt more words' exit
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

@test "B6: -d chooses the directory, which is made or must be one" {
    start 01-blocking/put_server -d made
    upload_works
    [ "$(cat made/works)" = ok ]
    start 01-blocking/put_server -d made
    upload_works
    touch file
    run soon "$(program 01-blocking/put_server)" -p 0 -d file
    [ "$status" -eq 1 ]
    [ "$output" = 'put_server: file: Not a directory' ]
    run soon "$(program 01-blocking/put_server)" -p 0 -d no/where
    [ "$status" -eq 1 ]
    [ "$output" = 'put_server: no/where: No such file or directory' ]
    run soon "$(program 01-blocking/put_server)" -h
    [ "${lines[1]}" = \
        'usage: put_server [-p PORT] [-i INTERFACE] [-d DIR] [-h]' ]
}

@test "B6: any white space, key order and escape in a header" {
    start 01-blocking/put_server -d in
    upload_peer \
        'send=\r\n\t {\t"filesize" :\r\n3 , "filename":"a" ,"action": "put"\n}' \
        "until=$upload_ok" send=one 'until=recv success' \
        'send={"filename":"\\u4e2d\\ud83d\\ude00 \\"\\\\b","filesize":3,' \
        'send="more":"}","count":7,"\\u0061ction":"\\u0070ut"}' \
        "until=$upload_ok" send=two 'until=recv success' \
        "send=$(upload_header 'é' 3)" "until=$upload_ok" send=six \
        'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(cat in/a)" = one ]
    [ "$(cat 'in/中😀 "\b')" = two ]
    [ "$(cat in/é)" = six ]
    [ "$(find in -type f | wc -l)" -eq 3 ]
}

@test "B6: of two equal keys the last counts" {
    start 01-blocking/put_server -d in
    upload_peer 'send={"action":"get","action":"put","filename":"../x",' \
        'send="filename":"a","filesize":9,"filesize":1}' "until=$upload_ok" \
        send=x 'until=recv success'
    [ "$(ls -A in)" = a ]
    [ "$(cat in/a)" = x ]
}

@test "B6: a header cut in two anywhere" {
    local header steps=() i
    start 01-blocking/put_server -d in
    header=$(upload_header name 4)
    for ((i = 1; i < ${#header}; i++)); do
        # With its line end, or the server would wait for one each time.
        steps+=("send=${header:0:i}" pause=3 "send=${header:i}\n"
            "until=$upload_ok" "send=$((1000 + i))" 'until=recv success')
    done
    upload_peer "${steps[@]}" "drip=${header}last" 'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(cat in/name)" = last ]
    [ "$(grep -c '^recv success' "$LOG")" -eq "${#header}" ]
}

@test "B6: many headers and files in one segment" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header a 3)one$(upload_header b 3)two\r\n$(
        upload_header c 0)$(upload_header d 5)thr" \
        "until=$upload_ok" 'until=recv success' "until=$upload_ok" \
        'until=recv success' "until=$upload_ok" 'until=recv success' \
        "until=$upload_ok" quiet=50 "send=ee$(upload_header a 4)" \
        'until=recv success' "until=$upload_ok" send=four 'until=recv success' \
        quiet=50
    [ "$status" -eq 0 ]
    [ "$(cat in/a)" = four ]
    [ "$(cat in/b)" = two ]
    [ "$(cat in/d)" = three ]
    [ -f in/c ]
    [ ! -s in/c ]
}

@test "B6: every byte may be in a file, braces and NUL too" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header bytes 8)" "until=$upload_ok" \
        'send=}{\0\x80\xff"\n ' 'until=recv success'
    printf '}{\0\200\377"\n ' | cmp - in/bytes
}

@test "B6: a client may end its stream and still gets its answer" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header a 1)x\n" shutdown eof
    [ "$status" -eq 0 ]
    [ "$output" = "${upload_ok}recv success" ]
}

@test "B6: fifty megabytes arrive as they were" {
    head -c 50000000 /dev/urandom > big
    start 01-blocking/put_server -d in
    run upload_client 'put big'
    [ "$status" -eq 0 ]
    [[ $output == *$'\nrecv success\n>>>:' ]]
    cmp big in/big
    logged 'filesize: 50000000 recvsize:50000000'
}

@test "B6: two hundred clients at once" {
    local i pids=()
    start 01-blocking/put_server -d in
    mkdir out
    for i in {1..200}; do
        head -c "$((i * 100))" /dev/urandom > "out/$i"
        upload_client "put out/$i" 3>&- > "said$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i"
    done
    diff -r out in
    eventually upload_has_threads 2
}

# The main thread and the one that waits for signals are two.
upload_has_threads() { # COUNT
    [ "$(find "/proc/$PID/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq "$1" ]
}

@test "B6: two hundred uploads of one name are all whole" {
    needs_descriptors 500
    start 01-blocking/put_server -d in
    run peer -n 200 "$PORT" "until=$upload_greeting" \
        "send=$(upload_header same 100000)" "until=$upload_ok" flood=100000 \
        'until=recv success' "send=$(upload_header other 100000)" \
        "until=$upload_ok" flood=50000
    [ "$status" -eq 0 ]
    [ "$(stat -c %s in/same)" -eq 100000 ]
    eventually upload_has_files in 1
}

upload_has_files() { # DIR COUNT
    [ "$(find "$1" -mindepth 1 | wc -l)" -eq "$2" ]
}

@test "B6: two uploads of one name do not mix, the last to end stays" {
    local first
    start 01-blocking/put_server -d in
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header name 6)aaa" \
        "until=$upload_ok" hold send=aaa 'until=recv success' \
        3>&- < go > first &
    first=$!
    exec 7> go
    eventually upload_has_files in 1
    [ ! -e in/name ]
    upload_peer "send=$(upload_header name 4)bb" "until=$upload_ok" send=bb \
        'until=recv success'
    [ "$(cat in/name)" = bbbb ]
    exec 7>&-
    wait "$first"
    [ "$(cat in/name)" = aaaaaa ]
    upload_has_files in 1
}

# --- put_server: names --------------------------------------------------------

@test "B6: names of 255 bytes, however they are escaped" {
    local name i escaped=''
    start 01-blocking/put_server -d in
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

@test "B6: harmless names that look odd" {
    local name
    start 01-blocking/put_server -d in
    # shellcheck disable=SC2016
    for name in ... .a '..a' 'a b' '~' '*' '%s%n' '-rf' '$(touch x)' '中文' \
        '.upload'; do
        upload_peer "send=$(upload_header "$name" 1)x" 'until=recv success'
        [ "$status" -eq 0 ]
        [ -f "in/$name" ]
        rm -- "in/$name"
    done
    upload_is_empty in
}

@test "B6: a bad header is refused, and the connection goes on" {
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
    start 01-blocking/put_server -d in
    for refusal in "${refusals[@]}"; do
        steps+=("send={\"action\":\"put\",${refusal#*|}}"
            "until=$(upload_refusal "${refusal%%|*}")")
    done
    steps+=('send={}' "until=$(upload_refusal 'action is not a string')"
        'send={"action":1}' "until=$(upload_refusal 'action is not a string')")
    upload_peer "${steps[@]}" quiet=20 "send=$(upload_header fine 1)x" \
        'until=recv success'
    [ "$status" -eq 0 ]
    [ "$(ls -A in)" = fine ]
    [ ! -e up ]
}

@test "B6: the largest size is taken, one more is not" {
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header a 1073741825)" \
        "until=$(upload_refusal 'filesize is over the limit')" \
        "send=$(upload_header a 1073741824)" "until=$upload_ok"
    [ "$status" -eq 0 ]
    eventually upload_is_empty in
}

@test "B6: an unknown action is refused by name, and the connection goes on" {
    start 01-blocking/put_server -d in
    upload_peer 'send={"action":"get","filename":"a"}' \
        'until=task action is not supported get' quiet=20 \
        'send={"action":"\\u4e0a\\u001b\\"\\u0000"}' \
        'until=task action is not supported 上\\u001b\\"\\u0000' \
        'send={"action":"put\\u0000","filename":"a","filesize":1}' \
        'until=task action is not supported put\\u0000' \
        'send={"action":""}' 'until=task action is not supported ' quiet=20 \
        "send=$(upload_header a 1)x" 'until=recv success'
    [ "$status" -eq 0 ]
    logged 'task action is not supported get'
}

# --- put_server: what it refuses to be bothered by -----------------------------

@test "B6: what is no header is refused, and the connection ends" {
    local bad
    start 01-blocking/put_server -d in
    for bad in 'hello' '\0' '[1]' '"put"' 'GET / HTTP/1.0\r\n\r\n' \
        '{"action":{]}' '{"a":[1}' '{"a":trux}' '{"a":1.}' '{"a":1e}' \
        '{"a":0x1}' '{"a":"\n"}' '{"a":"\\ud800"}' "{'a':1}" '{"a":1,}' \
        '{,}' '\xef\xbb\xbf{}'; do
        upload_peer "send=$bad" eof
        [ "$status" -eq 0 ]
        [[ $output == '{"status": 400, "error": "'*'"}' ]]
    done
    upload_works
}

@test "B6: unknown keys may hold any value, those that we know may not" {
    local known='"action":"put","filename":"a","filesize":1'
    local extra='"extra":[1,{"filename":"no"},null,true,1e3]'
    start 01-blocking/put_server -d in
    upload_peer "send={$extra,$known}" "until=$upload_ok" send=x \
        'until=recv success' "send={$known , $extra }" "until=$upload_ok" send=y \
        'until=recv success'
    [ "$status" -eq 0 ]
    logged "{'extra': ..., 'action': 'put', 'filename': 'a', 'filesize': 1}"
    [ "$(cat in/a)" = y ]
    upload_has_files in 1
    upload_peer 'send={"action":"put","filename":["a"],"filesize":1}' \
        "until=$(upload_refusal 'filename is not a string')" \
        'send={"action":"put","filename":"a","filesize":1e0}' \
        "until=$(upload_refusal 'filesize is not an integer')" \
        'send={"action":null}' "until=$(upload_refusal 'action is not a string')"
    [ "$status" -eq 0 ]
    upload_peer "send={\"x\":$(printf '[%.0s' {1..100})" eof
    [ "$output" = "$(upload_refusal 'values are nested too deeply')" ]
}

# A header ends with its brace, or with the line end behind it, which then is no
# byte of the file. What follows at once is the file.
@test "B6: a header ends with its brace, with LF or with CR LF" {
    local end
    start 01-blocking/put_server -d in
    for end in '' '\n' '\r\n'; do
        upload_peer "send=$(upload_header a 3)$end" "until=$upload_ok" 'send=\nab' \
            'until=recv success' "send=$(upload_header b 2)${end}xy" \
            "until=${upload_ok}recv success"
        [ "$status" -eq 0 ]
        cmp in/a <(printf '\nab')
        cmp in/b <(printf 'xy')
    done
    # In two segments; and a CR that is none of it.
    upload_peer "drip=$(upload_header a 3)\r\n" "until=$upload_ok" 'send=\r\nc' \
        'until=recv success'
    cmp in/a <(printf '\r\nc')
    upload_peer "send=$(upload_header a 3)\rde" "until=${upload_ok}recv success"
    cmp in/a <(printf '\rde')
    upload_peer "send=$(upload_header a 3) \t\r\n" "until=$upload_ok" 'send= hi' \
        'until=recv success'
    cmp in/a <(printf ' hi')
    upload_peer "send=$(upload_header a 3) jk" "until=${upload_ok}recv success"
    cmp in/a <(printf ' jk')
    # The LF of a CR may take its time.
    upload_peer "send=$(upload_header a 2)\r" pause=400 'send=\n' \
        "until=$upload_ok" send=fg 'until=recv success'
    [ "$status" -eq 0 ]
    cmp in/a <(printf 'fg')
}

upload_ends_with() { # SIGNAL
    local status=0
    start 01-blocking/put_server -d in
    upload_works
    rm -f in/*
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header a 3)" \
        "until=$upload_ok" send=x eof >half 3>&- &
    eventually grep -q 200 half
    eventually upload_has_files in 1
    kill "-$1" "$PID"
    wait_gone "$PID"
    wait "$PID" || status=$?
    [ "$status" -eq $((128 + $(kill -l "$1"))) ]
    upload_is_empty in
}

@test "B6: a signal in the middle of an upload leaves nothing" {
    upload_ends_with TERM
    upload_ends_with INT
    upload_ends_with HUP
}

@test "B6: a header's length has a limit" {
    local full tail='","action":"put","filename":"a","filesize":1}'
    start 01-blocking/put_server -d in
    # {"x":" and the tail are 51 bytes.
    full=$(printf 'x%.0s' $(seq $((4096 - 51))))
    upload_peer "send={\"x\":\"${full:1}$tail" "until=$upload_ok" send=x \
        'until=recv success'
    [ "$status" -eq 0 ]
    upload_peer "send={\"x\":\"$full$tail" "until=$upload_ok" send=x \
        'until=recv success'
    [ "$status" -eq 0 ]
    upload_peer "send={\"x\":\"${full}x$tail" eof
    [ "$output" = "$(upload_refusal 'header is too long')" ]
    upload_peer "send=$(printf ' %.0s' {1..5000})" eof
    [ "$output" = "$(upload_refusal 'header is too long')" ]
}

@test "B6: a refusal arrives, even if the client goes on and on" {
    start 01-blocking/put_server -d in
    for _ in {1..20}; do
        upload_peer send=nonsense flood=2000000 eof
        [ "$status" -eq 0 ]
        [ "$output" = "$(upload_refusal 'no { at the beginning')" ]
    done
}

@test "B6: a client that leaves before its file is complete leaves nothing" {
    local end header before
    header=$(upload_header name 100000)
    start 01-blocking/put_server -d in
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
    upload_peer "send=$header" flood=99999 shutdown eof
    [ "$output" = "$upload_ok$(upload_refusal 'file is incomplete')" ]
    logged 'filesize: 100000 recvsize:99999'
    eventually upload_is_empty in
    eventually upload_has_threads 2
    [ "$(descriptors "$PID")" -eq "$before" ]
    upload_works
}

@test "B6: a symbolic link of that name is replaced, never followed" {
    local link
    start 01-blocking/put_server -d in
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

@test "B6: a directory of that name is left alone" {
    start 01-blocking/put_server -d in
    mkdir in/folder
    touch in/folder/file
    upload_peer "send=$(upload_header folder 3)" \
        "until=$(upload_refusal 'Is a directory')" \
        "send=$(upload_header name 3)" "until=$upload_ok"
    [ "$status" -eq 0 ]
    # One that appears while the bytes arrive.
    mkdir in/late
    rmdir in/late
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header late 3)" \
        "until=$upload_ok" hold send=new \
        "until=$(upload_refusal 'Is a directory')" \
        "send=$(upload_header name 3)new" 'until=recv success' 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    mkdir in/late
    exec 7>&-
    wait $!
    [ "$(cat in/name)" = new ]
    [ -d in/late ]
    [ -f in/folder/file ]
    eventually upload_has_files in 4
}

upload_has_temporary() {
    [ -n "$(find in -name '.upload-*')" ]
}

@test "B6: the old file is there until the new one is complete" {
    start 01-blocking/put_server -d in
    echo old > in/name
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header name 4)ne" \
        "until=$upload_ok" hold send=w. 'until=recv success' 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    [ "$(cat in/name)" = old ]
    exec 7>&-
    wait $!
    [ "$(cat in/name)" = new. ]
    upload_has_files in 1
}

@test "B6: a server killed in the middle leaves no file of that name" {
    start 01-blocking/put_server -d in
    mkfifo go
    peer -l "$PORT" "until=$upload_greeting" "send=$(upload_header name 4)ne" \
        "until=$upload_ok" hold eof 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    kill -KILL "$PID"
    wait_gone "$PID"
    exec 7>&-
    [ ! -e in/name ]
    # What is left is in nobody's way.
    start 01-blocking/put_server -d in
    upload_peer "send=$(upload_header name 4)full" 'until=recv success'
    [ "$(cat in/name)" = full ]
}

@test "B6: a disk that takes no more is an answer, and the connection goes on" {
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

@test "B6: a directory that takes no file is an answer" {
    start 01-blocking/put_server -d in
    rmdir in
    upload_peer "send=$(upload_header a 1)" \
        "until=$(upload_refusal 'No such file or directory')" quiet=20 \
        "send=$(upload_header a 1)" \
        "until=$(upload_refusal 'No such file or directory')"
    [ "$status" -eq 0 ]
    # Nobody may make files here, the superuser neither.
    start 01-blocking/put_server -d /proc/self/fdinfo
    upload_peer "send=$(upload_header a 1)" 'until="error": "' \
        "send=$(upload_header a 1)" 'until="error": "'
    [ "$status" -eq 0 ]
}

@test "B6: a directory removed while a file arrives is an answer" {
    start 01-blocking/put_server -d in
    mkfifo go
    peer "$PORT" "until=$upload_greeting" "send=$(upload_header name 4)ne" \
        "until=$upload_ok" hold send=w. \
        "until=$(upload_refusal 'No such file or directory')" 3>&- < go &
    exec 7> go
    eventually upload_has_temporary
    rm -r in
    exec 7>&-
    wait $!
}

@test "B6: a hundred clients and forty descriptors" {
    local crowd clients=() i
    printf many > many
    upload_limited -n 40 -d in
    mkfifo go
    peer -l -n 100 "$PORT" hold 3>&- < go &
    crowd=$!
    exec 7> go
    upload_is_crowded() { [ "$(descriptors "$PID")" -ge 40 ]; }
    eventually upload_is_crowded
    idle "$PID"
    exec 7>&-
    wait "$crowd"
    upload_works
    # Whoever gets in is served; there may be no descriptor for the file.
    for i in {1..100}; do
        upload_client 'put many' 3>&- > "said$i" &
        clients+=($!)
    done
    for i in "${clients[@]}"; do
        wait "$i"
    done
    [ "$(grep -lE 'recv success|Too many open files' said* | wc -l)" -eq 100 ]
    eventually upload_has_threads 2
    upload_works
    [ "$(cat in/many)" = many ]
    upload_has_files in 2
}

@test "B6: nothing is left behind by a thousand clients" {
    local before
    start 01-blocking/put_server -d in
    upload_works
    eventually upload_has_threads 2
    before=$(descriptors "$PID")
    for _ in {1..5}; do
        peer -n 100 "$PORT" "until=$upload_greeting" \
            "send=$(upload_header a 3)one$(upload_header a 3)tw" reset
        peer -n 100 "$PORT" "until=$upload_greeting" send=nonsense eof close
    done
    eventually upload_has_threads 2
    [ "$(descriptors "$PID")" -eq "$before" ]
    eventually upload_has_files in 2
    idle "$PID"
}

@test "B6: what strangers send does not reach the server's terminal" {
    start 01-blocking/put_server -d in
    upload_peer 'send={"action":"\\u001b]0;x\\u0007\\n","\x9b\\u009b":"\x7f\\\\"}' \
        'until=task action is not supported '
    logged "{'action': '\\x1b]0;x\\x07\\x0a', '\\x9b\\xc2\\x9b': '\\x7f\\'}"
    logged 'task action is not supported \x1b]0;x\x07\x0a'
    [ -z "$(LC_ALL=C tr -d '\n -~' < "$LOG")" ]
}

# --- put_client -----------------------------------------------------------------

@test "B6: the client's words for what it cannot do" {
    local red=$'\033[31m' normal=$'\033[0m'
    start 01-blocking/put_server -d in
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

@test "B6: the client goes on after a refusal" {
    start 01-blocking/put_server -d in
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

@test "B6: the client shows a refusal that comes after the bytes" {
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

# The connection may be closed behind the refusal, with our bytes unread: that
# is a reset, and the words were there before it.
@test "B6: put_client shows a refusal that is sent in mid-upload" {
    local no end
    no=$(upload_refusal 'disk is full')
    head -c 20000000 /dev/zero | tr '\0' x > file
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

@test "B6: the client escapes a name, and sends any" {
    local name
    start 01-blocking/put_server -d in
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

# upload_typist LINE...: a client whose lines are typed later, into file
# descriptor 7. Sets CLIENT; `said` is what it prints.
upload_typist() {
    mkfifo keys
    "$(program 01-blocking/put_client)" -p "$PORT" < keys > said 2>&1 3>&- &
    CLIENT=$!
    SERVERS+=("$CLIENT")
    exec 7> keys
    eventually grep -q '>>>:' said
}

@test "B6: a file that shrinks while it is sent is noticed on both sides" {
    start 01-blocking/put_server -d in
    head -c 1000000 /dev/zero > file
    upload_typist
    freeze "$PID"
    echo 'put file' >&7
    eventually grep -q 'file:file size:1000000' said
    truncate -s 500000 file
    kill -CONT "$PID"
    wait_gone "$CLIENT"
    status=0
    wait "$CLIENT" || status=$?
    [ "$status" -eq 1 ]
    grep -q '^put_client: file: shrank while it was sent$' said
    logged 'filesize: 1000000 recvsize:500000'
    eventually upload_is_empty in
}

@test "B6: of a file that grows while it is sent nothing is sent beyond its size" {
    start 01-blocking/put_server -d in
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
    wait_gone "$CLIENT"
    wait "$CLIENT"
    [ "$(cat in/file)" = $'before\nafter' ]
    logged 'filesize: 7 recvsize:7'
    logged 'filesize: 13 recvsize:13'
}

@test "B6: the client says so when a file cannot be read" {
    start 01-blocking/put_server -d in
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

@test "B6: the client says so when the server is gone" {
    local tale words gone='connection closed by server'
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
    [ "$output" = "put_client: 127.0.0.1: $gone" ]
    PORT=$NOBODY
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [[ $output == *'Connection refused' ]]
}

@test "B6: a server that goes away in the middle of a large file" {
    head -c 5000000 /dev/zero > file
    start tests/puppet send=hi wait=filesize 'send={"status":200}'
    run upload_client 'put file'
    [ "$status" -eq 1 ]
    [[ $output == *$'\nput_client: file: '* ]]
    [[ $output != *'send file done'* ]]
}

@test "B6: the server's answers, however they are cut" {
    touch file
    start tests/puppet send=hi wait=filesize 'drip={ "status" : 200 }' \
        'drip=recv success' wait=filesize \
        'drip={"error":"} no","status":400}' wait=filesize 'send=nonsense'
    run upload_client 'put file' 'put file' 'put file'
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
>>>:' ]
}

@test "B6: put_client: two answers in one piece are two answers" {
    : > file
    start tests/puppet send=hi wait=filesize 'send={"status":200}recv success'
    run upload_client 'put file'
    [ "$status" -eq 0 ]
    [[ $output == *'send file done'$'\n''recv success'* ]]
}
