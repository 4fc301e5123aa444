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

@test "X7: openssl and stunnel, our client and our port" {
    certificates
    need_stunnel
    DEADLINE=60 unit_cases ssl_real_test
}
