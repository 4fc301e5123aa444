#!/usr/bin/env bats
# Stage 01: one call, one wait.

load helpers

# --- B1: upper_server, upper_client ---------------------------------------

@test "B1: a client's words come back in capitals" {
    start 01-blocking/upper_server
    run soon "$(program 01-blocking/upper_client)" -p "$PORT" <<< $'hello\n\nMixed 123 words\nexit\nnever sent'
    [ "$status" -eq 0 ]
    [ "$output" = $'>>>:HELLO\n>>>:>>>:MIXED 123 WORDS\n>>>:' ]
}

@test "B1: end of input ends the client with status 0" {
    start 01-blocking/upper_server
    run soon "$(program 01-blocking/upper_client)" -p "$PORT" < /dev/null
    [ "$status" -eq 0 ]
    [ "$output" = '>>>:' ]
}
