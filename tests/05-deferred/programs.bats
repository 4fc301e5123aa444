#!/usr/bin/env bats
# Stage 05: the programs that tell what a Deferred is, and their trace: D2 and D6.

# shellcheck disable=SC2030,SC2031,SC2034,SC2086,SC2153 # each @test is a subshell

load ../lib/helpers
load ../lib/unit
load ../lib/servers
load ../lib/deferred

# --- D2 D6: defer_chain, defer_list, defer_ways ------------------------------------------------

# deferred_story NAME TEXT
deferred_story() {
    run soon "$(program 05-deferred/"$1")"
    [ "$status" -eq 0 ] || return 1
    diff <(echo "$2") <(echo "$output") || return 1
    run soon "$(program 05-deferred/"$1")" --nonsense
    [ "$status" -eq 2 ] || return 1
    [[ $output == *"usage: $1"* ]] || return 1
    run soon "$(program 05-deferred/"$1")" -h
    [ "$status" -eq 0 ] || return 1
}

@test "D2 D6 defer_chain: values, failures, and a Deferred that is waited for" {
    deferred_story defer_chain "-- a value goes down the callbacks
bake makes bread of 'flour'
the next got 'bread'
-- it has fired: what is added now runs now
run_out returns a failure
an errback got a failure: No flour today.
buy takes the failure, and returns a value
either way the next got 'bread from the shop'
-- a Deferred in the chain is waited for
ask_the_mill returns a Deferred that has not fired
(here the program does something else)
the one behind it got 'fresh flour'
-- firing again is an error
refused: it was fired before"
}

@test "D6 defer_list: all, the first failure, the first success, too late" {
    deferred_story defer_list '-- all of them, in the order asked
1.0 s: an answer: pears
2.0 s: an answer: plums
3.0 s: an answer: apples
     =>  apples pears plums
-- all of them, a failure among them
1.0 s: closed
2.0 s: an answer: plums
3.0 s: an answer: apples
     =>  apples [The shop is closed.] plums
-- gather: the first failure is enough
1.0 s: closed
     =>  [The first of several has failed: Closed.]
2.0 s: an answer: plums
3.0 s: an answer: apples
-- the first success is enough
1.0 s: closed
2.0 s: an answer: plums
     =>  plums
3.0 s: an answer: apples
-- no more than 2.5 s: the rest is cancelled
1.0 s: an answer: pears
2.0 s: an answer: plums
     =>  [Cancelled.] pears plums'
}

@test "K1 K2 defer_loop: a grid, what is missed, a Deferred, a failure" {
    deferred_story defer_loop '-- every 2 seconds
 0.0 s: a look into the oven
 2.0 s: a look into the oven
 4.0 s: a look into the oven
 5.0 s: stopped
-- what is missed is left out
 0.0 s: a look, and a talk for 5 seconds
 6.0 s: a look into the oven
 8.0 s: a look into the oven
 9.0 s: stopped
-- a Deferred is waited for
 0.0 s: a loaf is taken out, which takes 2.5 seconds
 2.5 s: a loaf is out
 3.0 s: a loaf is taken out, which takes 2.5 seconds
 5.5 s: a loaf is out
 5.5 s: stopped
-- a failure is the end
 0.0 s: a look into the oven
 1.0 s: a look into the oven
 2.0 s: smoke
 2.0 s: The bread is burnt.'
}

@test "D6 defer_ways: blocking, nested, with a Deferred" {
    local poller
    for poller in "${POLLERS[@]}"; do
        REACTOR=$poller deferred_story defer_ways 'blocking: 8
nested: 8
Deferred: 8
blocking: refused to double 6
nested: refused to double 6
Deferred: refused to double 6'
    done
}

# --- A4: the trace ---------------------------------------------------------------

# trace_of PROGRAM: what a cmd_server with a trace says of Deferreds and jobs,
# without the times, and with the order in which they come for the addresses.
trace_of() {
    TRACE=1 start "$1" -r epoll
    printf abc >abc
    peer "$PORT" send="comphash $PWD/abc\n" until='\n' send="comphash $PWD/none\n" until='\n' close
    eventually grep -q 'connection_lost' "$LOG"
    sed -nE 's/^[0-9.]+ +((Deferred|ThreadPool).*)/\1/p' "$LOG" |
        sed -E 's/0x[0-9a-f]+/IT/g; s/[0-9]+ wait, .* work/N wait/' >told
}

trace_tells() { # PROGRAM
    trace_of "$1" || return 1
    diff - told <<'END'
ThreadPool: job IT is added, N wait
ThreadPool: job IT has run
Deferred IT: fired with a value
Deferred IT: callback runs
Deferred IT: callback runs
ThreadPool: job IT is added, N wait
ThreadPool: job IT has run
Deferred IT: fired with FileError
Deferred IT: errback runs
Deferred IT: callback runs
END
}

@test "A4 TRACE=1: a job goes to a thread and comes back, its Deferred is fired, its callbacks run" {
    trace_tells "$STAGE/cmd_server"
    start "$STAGE/cmd_server"
    peer "$PORT" send="comphash $PWD/abc\n" until='\n' close
    if grep -E 'Deferred|ThreadPool' "$LOG"; then return 1; fi
}

@test "proof: A4: a trace that leaves something out is seen" {
    unit_program cmd_server thread_pool.c '/trace\("  ThreadPool: job %p has run/d' broken_trace_1
    if trace_tells "tests/$STAGE/broken_trace_1"; then return 1; fi
    unit_program cmd_server deferred.c 's/failed \? "errback" : "callback"/"callback"/' broken_trace_2
    if trace_tells "tests/$STAGE/broken_trace_2"; then return 1; fi
}

# A file that is hashed for minutes, if nobody stops it.
cmd_endless() {
    truncate -s 500G endless
    peer "$PORT" send="comphash $PWD/endless\n" pause=50 close
    peer -n 12 "$PORT" send="comphash $PWD/endless\n" pause=50 reset
    printf abc >small
    run peer "$PORT" send="comphash $PWD/small\n" until='\n'
    [ "$output" = 'File hash is : a9993e364706816aba3e25717850c26c9cd0d89d' ]
    server_hold "$PORT" send="comphash $PWD/endless\n" hold 'reset?'
    eventually server_counts 15 ': comphash'
    server_ends "$PID" TERM
    server_release
}

@test "D4 cmd_server: a hash that nobody wants any more ends" {
    server_each 'cmd_server -c 100' cmd_endless
}

@test "proof: D4 cmd_server: a hash that goes on for nobody is seen" {
    DEADLINE=3
    deferred_broken cmd_server hash_file.c 's/atomic_store\(.*, true\);/(void)argument;/' \
        cmd_endless
}
