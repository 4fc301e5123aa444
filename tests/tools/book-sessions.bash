# shellcheck shell=bash
#
# Console sessions: `sessions` runs all of a chapter and compares, `demo` plays
# the first one as it runs. Part of the program `book`; the shell that does the
# work is in book-shell.bash.
# shellcheck disable=SC2154

# session_records README [SECTION]: its console fences, or only the first of a
# section, as records KIND:LINE:TEXT. The kinds:
#   F  a fence begins, and its ports      $  a command
#   E  it ends                            >  a command goes on
#   X  a fault, and what is wrong         #  narration
#                                         =  a line of output
session_records() {
    LC_ALL=C awk -v readme="$1" -v only="${2:-}" "$BOOK_AWK"'
    function record(kind, i, text) { print kind ":" fence_start + i ":" text }

    # Adds the ports that a command names: -p PORT, /dev/tcp/HOST/PORT.
    function find_ports(text,    port) {
        while (match(text, /-p [0-9]+|\/dev\/(tcp|udp)\/[^\/ ]+\/[0-9]+/)) {
            port = substr(text, RSTART, RLENGTH)
            text = substr(text, RSTART + RLENGTH)
            sub(/.*[ \/]/, "", port)
            if (port > 0 && !declared[port]++)
                ports = ports (ports ? " " : "") port
        }
    }

    # A ready line tells which port a program took when it was told none.
    function check_port(i, text) {
        if (text ~ /(^listening on .*:|\] [A-Za-z_]+ starting on )[0-9]+$/) {
            sub(/.*[: ]/, "", text)
            if (!declared[text])
                record("X", i, "a program that has port " text \
                       " of itself: say -p " text)
        }
    }

    function kind_of(text, before) {
        if (text ~ /^\$ /)
            return "$"
        if (text ~ /^>( |$)/ && before ~ /[$>]/)
            return ">"
        return text ~ /^#( |$)/ ? "#" : "="
    }

    # A comment stands before a command or at the end; anywhere else a line
    # that begins like one is output.
    function mend_comments(    i) {
        for (i = fence_count - 1; i > 0; i--)
            if (kind[i] == "#" && kind[i + 1] !~ /[$#]/)
                kind[i] = "="
    }

    # "console openssl curl" is played where there are such programs.
    function can_play(info,    words, n, i) {
        n = split(info, words, " ")
        for (i = 2; i <= n; i++)
            if (system("command -v " words[i] " >/dev/null 2>&1")) {
                print "not played, no " words[i] ": " readme > "/dev/stderr"
                return 0
            }
        return words[1] == "console"
    }

    function fence_end(    i) {
        if (fence_info !~ /^console( |$)/ ||
            (only && (section != only || played++)) || !can_play(fence_info))
            return
        split("", declared)
        split("", kind)
        commands = 0
        ports = ""
        for (i = 1; i <= fence_count; i++) {
            kind[i] = kind_of(fence_text[i], i > 1 ? kind[i - 1] : "=")
            if (kind[i] ~ /[$>]/) {
                commands++
                find_ports(fence_text[i])
            }
        }
        mend_comments()
        record("F", 0, ports)
        if (!commands)
            record("X", 0, "a session without a command")
        for (i = 1; i <= fence_count; i++) {
            if (kind[i] == "=")
                check_port(i, fence_text[i])
            record(kind[i], i, kind[i] ~ /[$>]/ ? substr(fence_text[i], 3) \
                                                : fence_text[i])
        }
        record("E", 0, "")
    }

    fence_line() { next }
    /^## / { section = substr($0, 4) }' "$1"
}

# What the player below has in its hands: `command` not yet run, with its
# `command_line` in the README and $work/listed, the output that the book
# shows for it; `failed` says that this fence has a fault. `live` is set when
# somebody is watching.
live=

# show STYLE TEXT: for the one who watches.
show() {
    [ -n "$live" ] || return 0
    if [ -t 1 ]; then
        printf '\e[%sm%s\e[0m\n' "$1" "$2"
    else
        printf '%s\n' "$2"
    fi
}
BOLD=1 DIM=2 GREEN=32 YELLOW=33 CYAN=36

# linger TENTHS: time to read, for somebody who watches on a terminal. Every
# pause is so many times as long as DEMO_PAUSE says; 0: none.
linger() {
    [ -n "$live" ] && [ -t 1 ] || return 0
    sleep "$(awk "BEGIN { print $1 / 10 * ${DEMO_PAUSE:-1} }")"
}

# tell STYLE TEXT: shows it, and gives the time that it takes to read.
tell() {
    if [ -t 1 ]; then
        show "$1" "$(fold -s -w 80 <<< "$2")"
    else
        show "$@"
    fi
    linger $((5 + ${#2} / 3))
}

# What a session uses and a newcomer may not know: a regular expression for the
# command, and the sentence that is shown before the first command like that.
# shellcheck disable=SC2016 # the commands' own
TRICKS=(
    ' &$@PROGRAM & runs beside the shell, in the background.'
    '> [a-z]+ &$@> FILE: what the program prints goes into that file.'
    '<<<@<<< TEXT gives the program that line to read.'
    '/dev/tcp/@exec 3<> /dev/tcp/HOST/PORT: the shell connects, as its descriptor 3.'
    ' >&3@>&3 writes to the connection, <&3 reads from it.'
    '3>&-@exec 3>&- closes that connection.'
    'timeout 1 @The program has one second; what is behind || runs if it fails.'
    'kill %1; wait@kill ends the program in the background, wait waits for that.'
    'kill \$!@$! is the process that was started last in the background.'
    'sed -n .*\$p@sed prints the file from there to its end, wc -l counts the lines.'
    'grep .* counts@inputs: whom it would read from; outputs: who waits for an answer.'
    'grep .* counts@rlist, wlist: how many of these can be read and written now.'
)

# explain COMMAND: tells what is new in it.
explain() {
    local i
    [ -n "$live" ] || return 0
    for i in "${!TRICKS[@]}"; do
        [[ $1 =~ ${TRICKS[i]%%@*} ]] || continue
        tell "$DIM" "  (${TRICKS[i]#*@})"
        unset "TRICKS[i]"
    done
}

# on_output: shows new lines of $work/text, those that are complete.
on_output() {
    local complete
    [ -n "$live" ] || return 0
    complete=$(wc -l < "$work/text")
    [ "$complete" -eq "$shell_shown" ] ||
        sed -n "$((shell_shown + 1)),${complete}p" "$work/text"
    shell_shown=$complete
}

# session_fault README: prints what is wrong with the last command, expected
# against actual.
session_fault() {
    failed=1
    report "$1" "$command_line" "\$ ${command%%$'\n'*}: $shell_why"
    diff -U 99 --label "what the book shows" --label "what it prints" \
        "$work/expected" "$work/actual" | sed '/^@@/d; s/^/    /'
}

# session_step README: runs the command that stands ready, if any.
session_step() {
    [ -n "$command" ] && [ -z "$failed" ] || return 0
    explain "$command"
    show "$BOLD;$CYAN" "\$ ${command//$'\n'/$'\n> '}"
    linger 7
    shell_normal < "$work/listed" > "$work/expected"
    if ! shell_run "$command"; then
        [ -z "$live" ] || echo
        session_fault "$1"
    elif [ -n "$live" ]; then
        # The rest is a prompt, without an end of line.
        awk -v shown="$shell_shown" 'NR > shown' "$work/text"
        linger $((3 * shell_shown))
    fi
    last_command=$command
    command=
    : > "$work/listed"
}

# session_end README: runs what is left, waits a moment for what should not
# come, and ends the shell with all its programs. Programs built with
# sanitizers often find their faults at the very end.
session_end() {
    shell_why="printed more than the book shows"
    session_step "$1"
    if [ -z "$failed" ]; then
        sleep 0.1
        command=$last_command
        ! shell_look || shell_agrees || session_fault "$1"
        command=
    fi
    shell_close
    ! grep -qE 'AddressSanitizer|LeakSanitizer|runtime error:' "$work/output" || {
        failed=1
        report "$1" "$command_line" "a sanitizer found a fault:"
        cat "$work/output"
    }
}

# session_play README [SECTION]: plays its sessions, and reports.
session_play() {
    local record kind line text folder command='' last_command=''
    local command_line='' failed='' status=0 records=()
    shell_prepare
    folder=$(folder_of "$1")
    # The reader of a room stands in the stage that it belongs to.
    [ -e "$folder/Makefile" ] || [ ! -e "$folder/../Makefile" ] || folder=${folder%/*}
    mapfile -t records < <(session_records "$@")
    for record in "${records[@]}"; do
        kind=${record%%:*}
        text=${record#*:}
        line=${text%%:*}
        text=${text#*:}
        case $kind$failed in
        F*)
            failed=''
            command=''
            : > "$work/listed"
            # shellcheck disable=SC2086 # a list of ports
            shell_open "$folder" $text
            ;;
        E*)
            session_end "$1"
            status=${failed:-$status}
            ;;
        '#')
            session_step "$1"
            tell "$YELLOW" "$text"
            ;;
        '$')
            session_step "$1"
            command=$text
            command_line=$line
            ;;
        '>') command+=$'\n'$text ;;
        '=')
            if [ -n "$command" ]; then
                printf '%s\n' "$text" >> "$work/listed"
            else
                failed=1
                report "$1" "$line" "output that belongs to no command: $text"
            fi
            ;;
        X)
            failed=1
            report "$1" "$line" "$text"
            ;;
        esac
    done
    return "$status"
}

# book_sessions README: every session of the chapter prints what it shows.
book_sessions() {
    session_play "$1"
}

# book_demo README: the guided tour through one chapter: its title, its
# sentence, its first session as it happens, and what was to be seen in it: the
# README says so in a comment, <!-- seen: ... -->, on one line.
book_demo() {
    local seen
    live=1
    show "$BOLD;$GREEN" "$(sed -n '1s/^# *//p' "$1")"
    tell "$YELLOW" "$(awk 'NR == 1 { next } NF { text = 1; print; next } text { exit }' "$1")"
    echo
    if ! session_records "$1" 'Run it' | grep -q .; then
        report "$1" 1 "no session under ## Run it"
    else
        session_play "$1" 'Run it' || return
        seen=$(sed -n 's/^<!-- seen: \(.*\) -->$/\1/p' "$1")
        [ -z "$seen" ] || { echo; tell "$GREEN" "$seen"; }
        echo
        linger 10
    fi
}
