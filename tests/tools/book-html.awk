# book-html.awk - what cmark-gfm makes of a chapter, made a page of the book:
# headings get the anchors that GitHub gives them, links lead to pages, an
# excerpt says where in its file it stands, and in a session what is typed can
# be told from the rest. With book-c.awk, which colours the comments of C.
# -v root= the tree, folder= of this page, before= the stage before.

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

function is_file(path,    line, there) {
    there = (getline line < path) > 0
    close(path)
    return there
}

# The page of a file or folder that a table names, from here; or "".
function page_of(name,    n, i, base) {
    n = split("|../|../" before "/", base, "|")
    for (i = 1; i <= n; i++) {
        if (name ~ /\.[ch]$/ && is_file(root "/" folder "/" base[i] name))
            return base[i] name ".html"
        if (name ~ /\/$/ && is_file(root "/" folder "/" base[i] name "README.md"))
            return base[i] name "index.html"
    }
    return ""
}

# Code in a line of text: a short piece is not broken, a long one not at its
# hyphens. The name of a file in a table is a link.
function inline_code(line,    done, code, page, cell) {
    done = ""
    cell = line ~ /^<td/
    while (match(line, /<code>[^<]*<\/code>/)) {
        code = substr(line, RSTART + 6, RLENGTH - 13)
        page = ""
        if (cell && substr(line, RSTART - 2, 2) != "\">")
            page = page_of(code)
        done = done substr(line, 1, RSTART - 1)
        line = substr(line, RSTART + RLENGTH)
        if (length(code) <= 30 && page == "")
            code = "<code>" code "</code>"
        else {
            gsub(/[\/_]/, "&<wbr>", code)
            gsub(/-+[^- <&]/, "<span class=\"whole\">&</span>", code)
            code = "<code class=\"long\">" code "</code>"
        }
        done = done (page == "" ? code : "<a href=\"" page "\">" code "</a>")
    }
    return done line
}

# Where the excerpt begins in its file: #LINE, and the function or type there.
function find_place(file,    path, text, n, i, k, name) {
    split("", text)
    path = root "/" folder "/" file
    for (n = 0; (getline line < path) > 0;) {
        gsub(/&/, "\\&amp;", line)
        gsub(/</, "\\&lt;", line)
        gsub(/>/, "\\&gt;", line)
        gsub(/"/, "\\&quot;", line)
        text[++n] = line
    }
    close(path)
    place_line = 0
    place_name = ""
    for (k = 1; k <= n && !place_line; k++) {
        for (i = 1; i <= count && fence[i] == text[k + i - 1]; i++)
            ;
        if (i > 1 && (i > count || fence[i] ~ /^[ \t]*\.\.\.$/))
            place_line = k
    }
    for (k = place_line; k > 0 && text[k] !~ /^[}#]/; k--)
        if (text[k] ~ /^[a-z].*[,){(]$/) {
            name = text[k]
            if (name ~ /\(/)
                sub(/\(.*/, "", name)
            else
                sub(/( =)? *\{$/, "", name)
            sub(/\[.*/, "", name)
            if (name !~ /^(struct|enum|union) [a-z_]+$/)
                sub(/.*[ *]/, "", name)
            if (k < place_line)
                place_name = name
            return
        }
}

# The line above the excerpt, "FILE:", leads to the place and names it.
function print_held(file,    end) {
    if (held != "" && file != "") {
        find_place(file)
        sub(/\.html"/, ".html#L" place_line "\"", held)
        if (place_name != "")
            sub(/:<\/p>$/, ", in <code>" place_name "</code>:</p>", held)
    }
    if (held != "")
        print held
    held = ""
}

# An excerpt, without the indentation that all of its lines have.
function print_excerpt(    i, indent, least) {
    least = 99
    for (i = 1; i <= count; i++)
        if (match(fence[i], /[^ ]/) && fence[i] !~ /^ *\.\.\.$/ && RSTART - 1 < least)
            least = RSTART - 1
    for (i = 1; i <= count; i++) {
        match(fence[i], /^ */)
        indent = RLENGTH < least ? RLENGTH : least
        print (i == 1 ? head : "") colour_comments(substr(fence[i], indent + 1))
    }
}

# A session. A remark stands before a command or at the end; anywhere else a
# line that begins like one is output.
function print_session(    i, kind) {
    kind[count + 1] = "$"
    for (i = 1; i <= count; i++)
        kind[i] = fence[i] ~ /^\$ / || (fence[i] ~ /^&gt;( |$)/ && kind[i - 1] == "$") ? "$" : "="
    for (i = count; i > 0; i--)
        if (fence[i] ~ /^#( |$)/ && kind[i + 1] != "=")
            kind[i] = "#"
    for (i = 1; i <= count; i++) {
        if (kind[i] == "$")
            fence[i] = "<b>" fence[i] "</b>"
        else if (kind[i] == "#")
            fence[i] = "<i>" fence[i] "</i>"
        print (i == 1 ? head : "") fence[i]
    }
}

# --- fences ---------------------------------------------------------------------

match($0, /^<pre><code[^>]*>/) {
    head = substr($0, 1, RLENGTH)
    $0 = substr($0, RLENGTH + 1)
    count = in_comment = 0
    in_fence = 1
}

in_fence && /<\/code><\/pre>/ {
    file = ""
    if (head ~ /language-c"/ && match(head, /data-meta="[^"]*/))
        file = substr(head, RSTART + 11, RLENGTH - 11)
    print_held(file)
    if (head ~ /language-console"/)
        print_session()
    else
        print_excerpt()
    print
    in_fence = 0
    next
}

in_fence { fence[++count] = $0; next }

{ print_held("") }

# --- text -----------------------------------------------------------------------

/^<h[1-6]>/ {
    level = substr($0, 3, 1)
    text = $0
    sub(/^<h[1-6]>/, "", text)
    sub(/<\/h[1-6]>$/, "", text)
    printf "<h%s id=\"%s\">%s</h%s>\n", level, slug(text), text, level
    next
}

# href="x/README.md#y" is the page x/index.html#y; a source has a page, too.
{
    gsub(/href="README\.md/, "href=\"index.html")
    while (match($0, /href="[^":]*\/README\.md/)) {
        link = substr($0, RSTART, RLENGTH)
        sub(/README\.md$/, "index.html", link)
        $0 = substr($0, 1, RSTART - 1) link substr($0, RSTART + RLENGTH)
    }
    gsub(/exercises\/answers\.md"/, "exercises/answers.html" \
        (folder ~ /^0/ ? "#" substr(folder, 1, 2) "-1" : "") "\"")
    while (match($0, /href="[^":]*\.[ch]"/))
        $0 = substr($0, 1, RSTART + RLENGTH - 2) ".html" substr($0, RSTART + RLENGTH - 1)
}

/^<table>/ { $0 = "<div class=\"table\">" $0 }
/^<\/table>/ { $0 = $0 "</div>" }
/^<th>new\/changed\/gone</ { $0 = "<th>state</th>" } # narrow, for a phone

# A picture may be wider than the page: it can be moved there, and is a link.
match($0, /^<p><img src="[^"]*"/) {
    picture = substr($0, 14, RLENGTH - 14)
    sub(/^<p>/, "<div class=\"wide\"><a href=\"" picture "\">")
    sub(/<\/p>$/, "</a></div>")
}

{ $0 = inline_code($0) }

/^<p><a href="[^"]*\.html">[^<]*<\/a>:<\/p>$/ { held = $0; next }

{ print }
