# book-html.awk - what cmark-gfm makes of a chapter, made a page of the book:
# headings get the anchors that GitHub gives them, links lead to pages, and in
# code the comments and what is typed can be told from the rest.

function slug(text,    id) {
    gsub(/<[^>]*>/, "", text)
    gsub(/&amp;|&lt;|&gt;|&quot;/, "", text)
    id = tolower(text)
    gsub(/[!-,.\/:-@\[-^`{-~]/, "", id)
    gsub(/ /, "-", id)
    if (used[id]++)
        id = id "-" used[id] - 1
    return id
}

/^<h[1-6]>/ {
    level = substr($0, 3, 1)
    text = $0
    sub(/^<h[1-6]>/, "", text)
    sub(/<\/h[1-6]>$/, "", text)
    printf "<h%s id=\"%s\">%s</h%s>\n", level, slug(text), text, level
    next
}

# href="x/README.md#y" is the page x/index.html#y.
{
    gsub(/href="README\.md/, "href=\"index.html")
    while (match($0, /href="[^":]*\/README\.md/)) {
        link = substr($0, RSTART, RLENGTH)
        sub(/README\.md$/, "index.html", link)
        $0 = substr($0, 1, RSTART - 1) link substr($0, RSTART + RLENGTH)
    }
}

/^<table>/ { $0 = "<div class=\"table\">" $0 }
/^<\/table>/ { $0 = $0 "</div>" }

/<pre><code class="language-c[^"]*">/ { in_c = 1 }
/<pre><code class="language-console">/ { in_console = 1 }

in_console {
    head = ""
    if (match($0, /^<pre><code[^>]*>/)) {
        head = substr($0, 1, RLENGTH)
        $0 = substr($0, RLENGTH + 1)
    }
    typed = $0 ~ /^\$ / || (typed && $0 ~ /^&gt;/) # "> ": it goes on
    if (typed)
        $0 = "<b>" $0 "</b>"
    else if ($0 ~ /^# /)
        $0 = "<i>" $0 "</i>"
    if ($0 ~ /<\/code><\/pre>/)
        in_console = 0
    print head $0
    next
}

# Comments of C, which may go over several lines.
in_c {
    line = $0
    result = ""
    while (line != "") {
        if (!comment) {
            at = index(line, "/*")
            if (!at) {
                result = result line
                break
            }
            result = result substr(line, 1, at - 1) "<i>"
            line = substr(line, at)
            comment = 1
        }
        at = index(line, "*/")
        if (!at) {
            result = result line "</i>"
            open_again = 1
            break
        }
        result = result substr(line, 1, at + 1) "</i>"
        line = substr(line, at + 2)
        comment = 0
    }
    if (began)
        result = "<i>" result
    began = comment
    if (result ~ /<\/code><\/pre>/)
        in_c = comment = began = 0
    print result
    next
}

{ print }
