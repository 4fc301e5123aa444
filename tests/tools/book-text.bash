# shellcheck shell=bash
#
# The checks that only read: excerpts and links. Part of the program `book`.
#
# awk works on bytes here (LC_ALL=C): mawk, Debian's awk, knows no other way.

# What every awk program below knows: how to report, and where the fences are.
# A program calls fence_line() for each line; it returns true for lines that
# are inside of a fence or delimit it, and calls fence_end() after the last.
# shellcheck disable=SC2016 # the dollars belong to awk
BOOK_AWK='
function report(line, text) { print readme ":" line ": " text; bad = 1 }

function fence_line() {
    if (fence_start && $0 !~ /^```[ \t]*$/) {
        fence_text[++fence_count] = $0
        return 1
    }
    if ($0 !~ /^```/)
        return 0
    if (fence_start) {
        fence_end()
        fence_start = 0
    } else {
        fence_start = NR
        fence_info = substr($0, 4)
        fence_count = 0
    }
    return 1
}
'

# book_excerpts README: a fence with the name of a file quotes that file.
book_excerpts() {
    LC_ALL=C awk -v readme="$1" -v folder="$(dirname "$1")" "$BOOK_AWK"'
    function load(name,    path, line, got) {
        path = folder "/" name
        lines = 0
        while ((got = (getline line < path)) > 0)
            file[++lines] = line
        close(path)
        return got == 0
    }

    function skips(i) { return fence_text[i] ~ /^[ \t]*\.\.\.$/ }

    # Lines of the excerpt, from its line i on, that stand in the file from
    # its line k on.
    function agreeing(i, k,    n) {
        while (i + n <= fence_count && !skips(i + n) && k + n <= lines &&
               fence_text[i + n] == file[k + n])
            n++
        return n
    }

    function excerpt(name,    i, k, n, next_line, best, length_of) {
        if (system("test -f \"" folder "/" name "\"") || !load(name))
            return report(fence_start, "there is no file " name)
        quoted = 0
        next_line = 1
        for (i = 1; i <= fence_count; i += length_of) {
            length_of = 1
            if (skips(i))
                continue
            while (i + length_of <= fence_count && !skips(i + length_of))
                length_of++
            best = 0
            for (k = next_line; k <= lines && best < length_of; k++) {
                n = agreeing(i, k)
                if (n > best)
                    best = n
            }
            if (best < length_of)
                return report(fence_start + i + best, \
                    (i + best > 1 ? "not what comes next in " : "not in ") \
                    name ": " fence_text[i + best])
            next_line = k - 1 + length_of
            quoted = 1
        }
        if (!quoted)
            report(fence_start, "an excerpt that quotes nothing")
    }

    function fence_end(    words, word) {
        words = split(fence_info, word, " ")
        if (word[1] == "console") # and programs that it needs
            return
        if (words == 2)
            excerpt(word[2])
        else if (words > 2 || fence_info !~ /^(python|sh|text)?$/)
            report(fence_start, "```" fence_info " does not name the file " \
                   "that it quotes")
    }

    !fence_line() && /^([ \t]+```|~~~)/ {
        report(NR, "a fence is ``` at the start of a line")
    }
    END {
        if (fence_start)
            report(fence_start, "this fence is never closed")
        exit bad
    }' "$1"
}

# book_anchors FILE: the anchors of its headings, as GitHub makes them: small
# letters, no punctuation, hyphens for spaces, a number for a repeated one.
book_anchors() {
    # shellcheck disable=SC1112 # these quotes are meant
    LC_ALL=C awk "$BOOK_AWK"'
    function fence_end() {}
    fence_line() || !/^#+ / { next }
    {
        sub(/^#+ +/, "")
        gsub(/\]\([^)]*\)/, "")
        gsub(/·|—|–|…|‘|’|“|”|→|×|，|。|：|、/, "")
        $0 = tolower($0)
        gsub(/[^a-z0-9_ \200-\377-]/, "")
        gsub(/ /, "-")
        print $0 (seen[$0]++ ? "-" (seen[$0] - 1) : "")
    }' "$1"
}

# book_links README: relative links and their anchors lead somewhere.
book_links() {
    local line target path anchor status=0
    while IFS=: read -r line target; do
        path=${target%%#*}
        anchor=
        [ "$path" = "$target" ] || anchor=${target#*#}
        if [ -z "$path" ]; then
            path=$1
        else
            path=$(dirname "$1")/$path
        fi
        if [ ! -e "$path" ]; then
            report "$1" "$line" "there is no $target"
        elif [ -n "$anchor" ] && [[ $path != *.md ]]; then
            report "$1" "$line" "an anchor into a file that is no text: $target"
        elif [ -n "$anchor" ] && ! book_anchors "$path" | grep -qxF -- "$anchor"; then
            report "$1" "$line" "there is no such heading: $target"
        fi || status=1
    done < <(LC_ALL=C awk "$BOOK_AWK"'
        function fence_end() {}
        fence_line() { next }
        {
            gsub(/`[^`]*`/, "")
            if (match($0, /^\[[^\]]+\]: +[^ ]+/)) {
                sub(/^\[[^\]]+\]: +/, "](")
                sub(/( .*)?$/, ")")
            }
            while (match($0, /\]\([^()]+\)/)) {
                target = substr($0, RSTART + 2, RLENGTH - 3)
                $0 = substr($0, RSTART + RLENGTH)
                sub(/ .*/, "", target)
                if (target !~ /^[a-z]+:/)
                    print NR ":" target
            }
        }' "$1")
    return $status
}
