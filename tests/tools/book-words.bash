# shellcheck shell=bash
#
# The shape of a chapter: its sections and its length. Part of the program
# `book`; BOOK_AWK is in book-text.bash.

# book_words README: a chapter has the sections of a chapter, in their order,
# and is neither a note nor a novel. The first stage has nothing before it,
# so nothing changed there and what hurts may be left out.
book_words() {
    local folder number before
    folder=$(folder_of "$1")
    number=${folder##*/}
    number=${number%%-*}
    before=$(stage_before "$folder")
    before=${before##*/}
    LC_ALL=C awk -v readme="$1" -v number="$number" \
        -v before="${before%%-*}" "$BOOK_AWK"'
    BEGIN { WORDS_MIN = 900; WORDS_MAX = 1800; CLAIMS_MIN = 3; CLAIMS_MAX = 8
            SESSION_MAX = 20 }

    # These two sections have a fence as their reason. A picture may be one
    # that a program draws.
    function fence_end() {
        if (section == "Run it" && !fences++ && (fence_info != "console" ||
            fence_count >= SESSION_MAX))
            report(fence_start, "## Run it begins with a console session " \
                   "of under " SESSION_MAX " lines")
        if (section == "The picture")
            figures++
    }

    function count(text,    word, n, i, total) {
        n = split(text, word, " ")
        for (i = 1; i <= n; i++)
            total += word[i] ~ /[A-Za-z0-9\200-\377]/
        return total
    }

    function want(name) { wanted[++wants] = name; known[name] = 1 }

    function check_sections(    i, name, last) {
        for (i = 1; i <= wants; i++) {
            name = wanted[i]
            if (!(name in at))
                report(1, "there is no section ## " name)
            else if (at[name] < last)
                report(at[name], "## " name " comes too early: it follows ## " \
                       wanted[i - 1])
            if (name in at)
                last = at[name]
        }
        name = wanted[first_claim]
        claims_begin = name in at ? at[name] : 0
        for (i = 1; i <= headings; i++) {
            name = heading[i]
            if (known[name])
                continue
            claims++
            if (name ~ /^What changed/)
                report(at[name], "not the table of this chapter: ## " name)
            else if (at[name] < claims_begin ||
                     ("The picture" in at && at[name] > at["The picture"]))
                report(at[name], "a section at the wrong place: ## " name)
        }
        if (claims < CLAIMS_MIN || claims > CLAIMS_MAX)
            report(1, claims + 0 " sections headed by a claim, it takes " \
                   CLAIMS_MIN " to " CLAIMS_MAX)
    }

    fence_line() { next }
    { words += count($0) }
    NR == 1 && $0 !~ "^# " number " · ." {
        report(1, "the title is # " number " · NAME")
    }
    /^## / {
        section = substr($0, 4)
        if (section in at)
            report(NR, "a second section ## " section)
        heading[++headings] = section
        at[section] = NR
        next
    }
    NR > 1 && !headings && NF { summary = 1 }

    END {
        want("Run it")
        if (before || "What hurts" in at)
            want("What hurts")
        if (before)
            want("What changed since " before)
        first_claim = wants
        want("The picture")
        want("What we left out")
        want("In Twisted")
        want("Exercises")
        want("Next")
        if (!summary)
            report(1, "no sentence under the title")
        check_sections()
        if ("Run it" in at && !fences)
            report(at["Run it"], "## Run it has no session")
        if ("The picture" in at && !figures)
            report(at["The picture"], "## The picture has no picture")
        if (words < WORDS_MIN || words > WORDS_MAX)
            report(1, words " words, it takes " WORDS_MIN " to " WORDS_MAX)
        exit bad
    }' "$1"
}
