# shellcheck shell=bash
#
# The path of a chapter: the files that its table marks in the column "path".
# Part of the program `book`.

# path_functions OLD NEW: the functions of a file that are new or not the same
# as in OLD, which may be missing. A function opens and closes with a brace in
# the first column; its name stands before the bracket of an earlier line.
path_functions() {
    local old=$1
    [ -f "$old" ] || old=/dev/null
    awk '
    FNR == 1 { part = FILENAME == ARGV[2] ? 2 : 1; name = "" }
    /^[a-z_].*[a-z_0-9]\(/ && !/;$/ {
        head = $0
        sub(/\(.*/, "", head)
        sub(/.*[ *]/, "", head)
        name = head
        text = ""
    }
    name { text = text $0 "\n" }
    /^}/ && name {
        if (part == 1)
            before[name] = text
        else if (before[name] != text)
            print name
        name = ""
    }' "$old" "$2"
}

# path_rows README: the files that are on the path, one a line.
path_rows() {
    awk '
    /^```/ { fenced = !fenced }
    !fenced && /^## / { changes = /^## What changed since / || /^## What is here/ }
    fenced || !changes || !/^\|/ { row = 0; next }
    ++row == 1 {
        column = 0
        n = split($0, cell, "|")
        for (i = 2; i < n; i++)
            if (cell[i] ~ /^ *path *$/)
                column = i
    }
    row > 2 && column {
        gsub(/\\\|/, "")
        split($0, cell, "|")
        if (cell[column] ~ /[^ ]/ && cell[3] !~ /gone/)
            while (match(cell[2], /`[^`]+`/)) {
                print substr(cell[2], RSTART + 1, RLENGTH - 2)
                cell[2] = substr(cell[2], RSTART + RLENGTH)
            }
    }' "$1"
}

# path_files README: the same, a folder being all of its sources.
path_files() {
    local folder row file
    folder=$(folder_of "$1")
    path_rows "$1" | while IFS= read -r row; do
        if [[ $row == */ ]]; then
            for file in "$folder/$row"*.[ch]; do
                echo "${file#"$folder/"}"
            done
        else
            echo "$row"
        fi
    done
}

# path_met README: the text without the table of what changed.
path_met() {
    awk '
    /^```/ { fenced = !fenced }
    !fenced && /^## / { changes = /^## What changed since / || /^## What is here/ }
    !(changes && /^\|/)' "$1"
}

# book_path README: every file on the path, and every function in it that is
# new or has changed, is named in the text.
book_path() {
    local folder before file name status=0 text
    folder=$(folder_of "$1")
    before=$(stage_before "$folder")
    text=$(path_met "$1")
    if [ -z "$(path_rows "$1")" ]; then
        report "$1" 1 'no row of its table is marked in a column "path"'
        return
    fi
    while IFS= read -r file; do
        [ -f "$folder/$file" ] || { report "$1" 1 "$file is not there" || status=1; continue; }
        grep -qE "(^|[^a-z_0-9/])(${file%/*}/)?$(basename "$file" | sed 's/\./\\./')([^a-z_]|\$)" <<< "$text" ||
            grep -qF "${file%.[ch]}.[hc]" <<< "$text" ||
            report "$1" 1 "$file is on the path, and not in the text" || status=1
        [[ $file == *.c ]] || continue
        while IFS= read -r name; do
            grep -qE "(^|[^a-z_0-9])$name([^a-z_0-9]|\$)" <<< "$text" ||
                report "$1" 1 "$file: $name is on the path, and not met in the text" || status=1
        done < <(path_functions "${before:+$before/$file}" "$folder/$file")
    done < <(path_files "$1")
    return $status
}

# book_count README: what the chapter says of itself, in numbers.
book_count() {
    local folder before file name lines=0 all=0 met=0 text new
    folder=$(folder_of "$1")
    before=$(stage_before "$folder")
    text=$(path_met "$1")
    while IFS= read -r file; do
        if [ -f "$before/$file" ]; then
            new=$(diff -d "$before/$file" "$folder/$file" | grep -c '^>')
        else
            new=$(wc -l < "$folder/$file")
        fi
        lines=$((lines + new))
        [[ $file == *.c ]] || continue
        while IFS= read -r name; do
            all=$((all + 1))
            ! grep -qE "(^|[^a-z_0-9])$name([^a-z_0-9]|\$)" <<< "$text" || met=$((met + 1))
        done < <(path_functions "${before:+$before/$file}" "$folder/$file")
    done < <(path_files "$1")
    printf '%s: %d words, %d lines on the path, %d quoted, %d of %d functions met\n' \
        "$(dirname "$1")" "$(wc -w < "$1")" "$lines" \
        "$(awk '/^```c / { on = 1; next } /^```/ { on = 0 } on && !/^ *\.\.\.$/' "$1" | wc -l)" \
        "$met" "$all"
}

# book_ports README...: in the sessions of a chapter and of its rooms every
# server has a port of its own, so that they can be played one after another in
# one shell.
book_ports() {
    awk '
    FNR == 1 { fenced = 0 }
    /^```console/ { fenced = 1; fence++; next }
    /^```/ { fenced = 0 }
    fenced && /^\$ / {
        line = $0
        while (match(line, /_server[^|&;]* -p [0-9]+|(broker|daemon|mini_reactor)[^|&;]* -p [0-9]+/)) {
            port = substr(line, RSTART, RLENGTH)
            sub(/.* -p /, "", port)
            line = substr(line, RSTART + RLENGTH)
            if (port > 0 && (port in first) && first[port] != fence) {
                print FILENAME ":" FNR ": port " port " serves a session before, at " where[port]
                bad = 1
            } else if (!(port in first)) {
                first[port] = fence
                where[port] = FILENAME ":" FNR
            }
        }
    }
    END { exit bad }' "$@"
}
