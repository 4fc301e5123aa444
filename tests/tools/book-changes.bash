# shellcheck shell=bash
#
# What a stage changes against the one before, and what every stage keeps.
# Part of the program `book`.

# stage_sources FOLDER: the names of a stage's sources.
stage_sources() {
    (
        cd "$1" && shopt -s nullglob || exit
        for file in */*.[ch]; do
            echo "$file"
        done
    )
}

# stage_difference OLD NEW: each source that is new, changed or gone, with
# its lines as the table of a chapter gives them; separated by tabs. The
# difference is the smallest there is (diff -d), so that it is everywhere
# the same.
stage_difference() {
    local file
    { stage_sources "$1"; stage_sources "$2"; } | LC_ALL=C sort -u |
        while IFS= read -r file; do
            if [ ! -e "$1/$file" ]; then
                printf '%s\tnew\t%d\n' "$file" "$(wc -l < "$2/$file")"
            elif [ ! -e "$2/$file" ]; then
                printf '%s\tgone\t-%d\n' "$file" "$(wc -l < "$1/$file")"
            elif ! cmp -s "$1/$file" "$2/$file"; then
                diff -d "$1/$file" "$2/$file" | awk -v file="$file" '
                    /^>/ { added++ }
                    /^</ { removed++ }
                    END { printf "%s\tchanged\t+%d -%d\n", file, added, removed }'
            fi
        done
}

# What checks a table and what mends it have in common: the real difference,
# from the environment, and the rows of the section "What changed". table_row()
# is true for a row with the name of a file, and takes it to pieces.
# shellcheck disable=SC2016 # the dollars belong to awk
CHANGES_AWK='
BEGIN {
    real = split(ENVIRON["DIFFERENCE"], row, "\n")
    for (i = 1; i <= real; i++) {
        split(row[i], cell, "\t")
        order[i] = cell[1]
        state[cell[1]] = cell[2]
        lines[cell[1]] = cell[3]
    }
}

function trim(text) {
    sub(/^[ \t]+/, "", text)
    sub(/[ \t]+$/, "", text)
    return text
}

function table_row(    n, i, cell) {
    if (!changes || fenced || $0 !~ /^\|/) {
        table_line = 0
        return 0
    }
    if (++table_line <= 2) # the head and the line under it
        return 0
    n = split($0, cell, "|")
    file = trim(cell[2])
    gsub(/`/, "", file)
    said_state = trim(cell[3])
    said_lines = trim(cell[4])
    why = cell[5]
    for (i = 6; i < n; i++) # a bar may stand in the last cell, escaped
        why = why "|" cell[i]
    why = trim(why)
    return 1
}

# The files of a row that several share, in name[1] and so on: those it names,
# and for a folder all that are there and have its state. Returns how many, and
# in shown what the row names, without what has another state.
function shared_row(    parts, part, i, k, n, had) {
    parts = split(file, part, / *, */)
    shown = ""
    split("", name)
    for (i = 1; i <= parts; i++) {
        had = n
        if (part[i] !~ /\/$/)
            name[++n] = part[i]
        for (k = 1; part[i] ~ /\/$/ && k <= real; k++)
            if (index(order[k], part[i]) == 1 && state[order[k]] == said_state)
                name[++n] = order[k]
        if (n > had && (part[i] ~ /\/$/ || state[part[i]] == said_state))
            shown = shown (shown ? ", " : "") "`" part[i] "`"
    }
    return n + 0
}

/^```/ { fenced = !fenced }
!fenced && /^## / { changes = /^## What changed since / }
'

# book_changes README: the table "What changed" is the real difference between
# the stage before and this one: every row, every number, and nothing more.
book_changes() {
    local folder before status=0
    folder=$(folder_of "$1")
    before=$(stage_before "$folder")
    [ -n "$before" ] || { book_contents "$1"; return; }
    cmp -s "$before/Makefile" "$folder/Makefile" ||
        report "$(dirname "$1")/Makefile" 1 \
            "differs from the one in ${before##*/}" || status=1
    DIFFERENCE=$(stage_difference "$before" "$folder") \
        awk -v readme="$1" -v before="${before##*/}" "$CHANGES_AWK"'
        function report(line, text) { print readme ":" line ": " text; bad = 1 }

        changes && !section { section = NR }
        !table_row() { next }
        file ~ /,|\/$/ { # files that are new, or have gone, may share a row
            n = shared_row()
            total = 0
            if (n == 0)
                report(NR, "no file of " file " is " said_state)
            for (i = 1; i <= n; i++) {
                if (rows[name[i]]++)
                    report(NR, "a second row for " name[i])
                total += lines[name[i]]
                if (state[name[i]] != said_state)
                    report(NR, name[i] " is " state[name[i]] ", not " said_state)
            }
            if (said_state == "changed")
                report(NR, "files that have changed have a row each")
            else if (said_lines != total)
                report(NR, "these are " said_state ", " total ", not " said_lines)
            if (why == "" || why == "TODO")
                report(NR, "no reason why for " file)
            next
        }
        rows[file]++ { report(NR, "a second row for " file); next }
        !(file in state) {
            report(NR, file " is the same as in " before ", or in neither")
            next
        }
        said_state != state[file] || said_lines != lines[file] {
            report(NR, file " is " state[file] ", " lines[file] ", not " \
                   said_state ", " said_lines)
        }
        why == "" || why == "TODO" { report(NR, "no reason why for " file) }

        END {
            if (!section)
                report(1, "there is no section ## What changed since")
            for (i = 1; section && i <= real; i++) {
                file = order[i]
                if (!rows[file])
                    report(section, "not in the table: " file " is " \
                           state[file] ", " lines[file])
            }
            exit bad
        }' "$1" || status=1
    return $status
}

# book_contents README [--write]: the first chapter has no stage before it. Its
# table has every source of the stage, and says how many lines; or is mended.
book_contents() {
    local folder row files name lines total all=0 status=0
    folder=$(folder_of "$1")
    while IFS='|' read -r row files lines _; do
        files=$(tr -d '`,' <<< "$files")
        total=$(cd "$folder" && for name in $files; do
            if [ -d "$name" ]; then cat "$name"*.[ch]; else cat "$name"; fi
        done | wc -l)
        all=$((all + total))
        [ "${lines// /}" != "$total" ] || continue
        if [ "${2:-}" = --write ]; then
            sed -i "${row%:}s/|$lines|/| $total |/" "$1"
        else
            report "$1" "${row%:}" "these are $total lines, not$lines" || status=1
        fi
    done < <(awk '/^## / { here = /^## What is here/ } here && /^[|] `/ { print NR ":" $0 }' "$1")
    total=$(cd "$folder" && stage_sources . | xargs cat | wc -l)
    [ "$all" -eq "$total" ] ||
        report "$1" 1 "the rows have $all lines, the stage has $total" || status=1
    return $status
}

# book_write_changes README: mends the state and the lines of each row, takes
# out rows whose file did not change, and adds the missing ones with TODO as
# the reason. The order of the rows and the reasons stay.
book_write_changes() {
    local folder before mended
    folder=$(folder_of "$1")
    before=$(stage_before "$folder")
    [ -n "$before" ] || { book_contents "$1" --write; return; }
    mended=$(mktemp) || return 1
    DIFFERENCE=$(stage_difference "$before" "$folder") \
        awk -v readme="$1" "$CHANGES_AWK"'
        function print_row(file, why) {
            printf "| `%s` | %s | %s | %s |\n", file, state[file], lines[file], why
            rows[file] = 1
        }

        # Behind the last row, or at the end of a section without a table.
        function print_missing(    i) {
            if (!head)
                print "| file | new/changed/gone | lines | why |\n|---|---|---|---|"
            for (i = 1; i <= real; i++)
                if (!rows[order[i]])
                    print_row(order[i], "TODO")
            if (!head)
                print ""
            written = 1
        }

        {
            is_row = table_row()
            if (table_line)
                head = section = 1
            else if (section && !written && (head || !changes))
                print_missing()
            section = section || changes
        }
        is_row && file ~ /,|\/$/ {
            n = shared_row()
            total = 0
            for (i = 1; i <= n; i++) {
                if (state[name[i]] != said_state)
                    continue
                rows[name[i]] = 1
                total += lines[name[i]]
            }
            if (shown)
                print "| " shown " | " said_state " | " total " | " why " |"
            next
        }
        is_row && !(file in state) {
            print readme ":" NR ": row taken out: " $0 > "/dev/stderr"
            next
        }
        is_row { print_row(file, why); next }
        { print }
        END {
            if (section && !written)
                print_missing()
        }' "$1" > "$mended"
    cmp -s "$mended" "$1" || cat "$mended" > "$1"
    rm -f "$mended"
    book_changes "$1"
}

# book_stage FOLDER: no function is long, nothing is a symbolic link, and the
# Makefile is that of the stage before.
book_stage() {
    local folder file before status=0
    folder=$(cd "$1" && pwd)
    while IFS= read -r file; do
        report "$file" 1 "a symbolic link" || status=1
    done < <(find "$1" -name build -prune -o -type l -print)

    before=$(stage_before "$folder")
    [ -z "$before" ] || cmp -s "$before/Makefile" "$folder/Makefile" ||
        report "$1/Makefile" 1 "differs from the one in ${before##*/}" || status=1

    while IFS= read -r file; do
        # A function opens and closes with a brace in the first column.
        awk -v file="$1/$file" '
            function report(line, text) { print file ":" line ": " text; bad = 1 }
            /^[{]/ { start = NR }
            /^[}]/ && start {
                if (NR - start + 1 > 60)
                    report(start, NR - start + 1 " lines of one function, 60 are the limit")
                start = 0
            }
            END { exit bad }' "$1/$file" || status=1
    done < <(stage_sources "$1" | LC_ALL=C sort)
    return $status
}
