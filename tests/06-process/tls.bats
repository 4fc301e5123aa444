#!/usr/bin/env bats
# Stage 06: TLS by a helper process. Our side with tests/tools/tls_helper.c,
# which has the helpers' manners and speaks no TLS; then the real ones, where
# they are installed.

# shellcheck disable=SC2030,SC2031,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers

export TLS_TOOL=$ROOT/tests/$BUILD/tls_helper

@test "X7: a client's connection, whatever its helper does" {
    DEADLINE=60 unit_cases ssl_client_test
}

@test "X7: a port's connections, whatever their helpers do" {
    DEADLINE=60 unit_cases ssl_port_test
}
