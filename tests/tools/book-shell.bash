# shellcheck shell=bash
#
# The shell of a console session: a bash of its own that runs a chapter's
# commands as the reader's shell would, one after the other, while we watch
# what it prints. Part of the program `book`.
#
# One session at a time. Its state, which book-sessions.bash reads:
#   work                   the folder with its files, removed at the end
#   shell_pid              the bash, leader of a Unix session of its own
#   shell_in               the descriptor where commands go
#   shell_forth shell_back sed scripts between the book's text and the real
#                          one: ports, BUILD, what the shell itself says
#   shell_known            sed script that marks the ports that are declared
#   shell_start            bytes printed before the last command began
#   shell_seen             bytes printed when we looked last
#   shell_shown            lines of the last command that `demo` has shown
#   shell_why              what was wrong with the last command
# shellcheck disable=SC2034

DEADLINE=${DEADLINE:-10} # seconds until a wait gives up
BUILD=${BUILD:-build}    # where the programs are; a chapter says build/NAME
unset REACTOR TRACE      # what a chapter shows is what the programs do alone

shell_prepare() {
    [ -z "${work:-}" ] || return 0
    work=$(mktemp -d) || exit
    trap 'shell_close; rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    mkfifo "$work/commands" "$work/nothing" || exit
    exec {shell_nothing}<>"$work/nothing"
}

# shell_pause MS: sleeps, without a process that would do it.
shell_pause() {
    local seconds
    printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
    ! read -rt "$seconds" -u "$shell_nothing"
}

# What runs in the bash. Reads commands from its standard input, each ended by
# a NUL, prints to the file output and makes the file done when a command is
# over; both in the folder it is given. What it starts gets descriptors 0, 1
# and 2, and no other. `set -m` is job control: `%1` works,
# and a background program dies of SIGINT as it does in a terminal.
shell_loop() {
    local shell_fd shell_command shell_status=0
    for shell_fd in "/proc/$$/fd/"*; do
        shell_fd=${shell_fd##*/}
        [ "$shell_fd" -le 2 ] || eval "exec $shell_fd>&-"
    done
    exec 9<&0 </dev/null >>"$1/output" 2>&1
    set -m
    while IFS= read -r -d '' -u 9 shell_command; do
        (exit $shell_status) # for a command that asks for $?
        eval "$shell_command" 9<&-
        shell_status=$?
        : > "$1/done"
    done
    wait
}

# free_port: one that nobody uses, and that the kernel does not give to
# clients: these get 32768 and up.
free_port() {
    local port hex
    while :; do
        port=$((20000 + RANDOM % 12000))
        printf -v hex ':%04X ' $port
        grep -qsF "$hex" /proc/net/{tcp,tcp6,udp,udp6} || break
    done
    echo $port
}

# shell_map PORT...: fills in the sed scripts. Each of the book's ports becomes
# a free one in the commands, and the book's again in what they print.
shell_map() {
    local port real words job
    shell_forth='' shell_known='' shell_back=''
    for port in "$@"; do
        real=$(free_port)
        shell_forth+="s/\\b$port\\b/$real/g;"
        shell_back+="s/\\b$real\\b/$port/g;"
        shell_known+="s/([0-9]\.[0-9]+|localhost)([:', ]+)$port\\b/\1\2\x01$port/g;"
    done
    if [ "$BUILD" != build ]; then
        shell_forth+="s#(^|[^A-Za-z0-9_.-])build/#\1$BUILD/#g;"
        shell_back+="s#$BUILD/#build/#g;"
    fi
    # The shell's own words: the book does not show what it says about jobs
    # (with an empty line first for a stopped one), and that it is a function in
    # a script is our affair.
    words="(bash|environment): (eval: )?(line [0-9]+: )?"
    job="\[[0-9]+\][-+ ]|$words *[0-9]+"
    shell_back+="/^\$/{\$!N; /^\n($job) +Stopped/d; P; D};"
    shell_back+="/^($job) +(Done|Exit|Terminated|Killed|Interrupt|Hangup|Stopped)/d;"
    shell_back+="s/^$words/bash: /"
}

# shell_open FOLDER PORT...: starts the bash in that folder.
shell_open() {
    shell_map "${@:2}"
    : > "$work/output"
    (
        cd "$1" && exec setsid env --default-signal=INT,QUIT \
            LC_ALL=C.UTF-8 bash -c \
            "$(declare -f shell_loop); shell_loop \"\$1\"" \
            bash "$work" < "$work/commands"
    ) &
    shell_pid=$!
    exec {shell_in}>"$work/commands"
}

# shell_processes: what the bash has started and is still there.
shell_processes() {
    # The command's name, in brackets, may have spaces in it.
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v shell="$shell_pid" '{
        pid = $1
        sub(/.*\) /, "")
        state = $1
        session = $4
        if (session == shell && pid != shell && state != "Z")
            print pid
    }'
}

# shell_end SIGNAL [PID]: sends it to what the bash has started, and to that
# process; true when all are gone within two seconds, and the bash too. Who is
# stopped has to wake up in order to die.
shell_end() {
    local pids tries
    for ((tries = 0; tries < 100; tries++)); do
        mapfile -t pids < <(shell_processes)
        if [ ${#pids[@]} -eq 0 ] && ! kill -0 "$shell_pid"; then
            return
        fi
        if [ $tries -eq 0 ]; then
            kill -"$1" "${pids[@]}" "${@:2}"
            kill -CONT "${pids[@]}"
        fi
        shell_pause 20
    done
    return 1
}

# shell_close: ends what the bash has started, and the bash by the end of its
# input or, if it has its hands full, by force.
shell_close() {
    [ -n "${shell_pid:-}" ] || return 0
    exec {shell_in}>&-
    {
        shell_end TERM || shell_end KILL "$shell_pid"
        wait "$shell_pid"
    } 2>/dev/null
    shell_pid=
}

# shell_normal: makes equal what may differ from run to run (standard input to
# standard output): times and dates, process ids, the ports of clients, decimal
# numbers, the length of a bar or a line, its first and last columns and how often
# it changes (a column takes longer on a busy machine), spaces.
shell_normal() {
    LC_ALL=C sed -E "$shell_known"'
        s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}([+-][0-9]{4})?/DATE/g
        s/\bpid [0-9]+/pid PID/g
        s/(([0-9]+\.){3}[0-9]+|localhost)([:'\'', ]+)[0-9]{4,5}\b/\1\3PORT/g
        s/\x01//g
        s/\b[0-9]+(\.[0-9]+)? ?(ns|us|µs|μs|ms|s)\b/TIME/g
        :decimal
        s/(^|[^0-9.])[0-9]+\.[0-9]+(\.?($|[^0-9.]))/\1N.N\2/
        t decimal
        s/\| +#/|#/; s/# +\|/#|/
        s/##+/#/g; s/\.\.+/./g; s/==+/=/g; s/--+/-/g
        s/#(\.#)+/#.#/g
        s/[ \t]+/ /g
        s/^ms [0-9 ]+$/ms AXIS/
        s/[ \t\r]+$//
    ' | awk 1 # a last line without its end gets one
}

# shell_look: what the last command has printed so far, in the book's words to
# $work/text and made comparable to $work/actual. False if nothing is new.
shell_look() {
    local size
    size=$(stat -c %s "$work/output")
    [ "$size" != "$shell_seen" ] || return
    shell_seen=$size
    tail -c +$((shell_start + 1)) "$work/output" | tr -d '\0' |
        LC_ALL=C sed -E "$shell_back" > "$work/text"
    shell_normal < "$work/text" > "$work/actual"
}

shell_agrees() {
    cmp -s "$work/expected" "$work/actual"
}

# shell_ready COMMAND: if it is a server in the background with a port of its
# own, it listens there. A reader does not type faster than that.
shell_ready() {
    local port hex
    [[ $1 =~ _server.*\ -p\ ([0-9]+).*\&$ ]] || return 0
    port=$(sed -E "$shell_forth" <<< "${BASH_REMATCH[1]}")
    printf -v hex ':%04X' "$port"
    grep -qsE "$hex [0-9A-F]+:0000 (0A|07) " /proc/net/{tcp,tcp6,udp,udp6}
}

# shell_run COMMAND: runs it and waits until it is done and the session has
# printed what is in $work/expected. False, with the reason in shell_why, after
# the deadline, or when nobody is left who could print anything more. Calls
# on_output when there is something new.
shell_run() {
    local end=$((SECONDS + DEADLINE + 1)) done='' alone='' ms=5
    rm -f "$work/done"
    shell_start=$(stat -c %s "$work/output")
    shell_seen='' shell_shown=0
    printf '%s\0' "$(sed -E "$shell_forth" <<< "$1")" >&"$shell_in"
    while :; do
        ! shell_look || on_output
        if [ -n "$done" ] && shell_agrees && shell_ready "$1"; then
            return 0
        elif [ -n "$alone" ]; then
            shell_why="prints something else"
            return 1
        elif [ $SECONDS -ge $end ]; then
            shell_why="still waiting after $DEADLINE s"
            [ -n "$done" ] || shell_why="does not end in $DEADLINE s"
            return 1
        elif [ -n "$done" ]; then
            [ -n "$(shell_processes)" ] || alone=1
        elif [ -e "$work/done" ]; then
            done=1
            continue
        elif ! kill -0 "$shell_pid" 2>/dev/null; then
            shell_why="ends the shell"
            return 1
        fi
        # What takes long is looked at less often: to look takes processes.
        shell_pause $ms
        [ $ms -ge 100 ] || ms=$((ms * 3 / 2))
    done
}
