# book-source.awk - the sources as pages, each line with its number and the
# anchor #L and that number. With book-c.awk. Run in the tree, with the names
# of the files; -v out= where the pages go, nav= the navigation, %UP% in it.

function page_end() {
    if (page != "") {
        print "</code></pre></main>\n</body>\n</html>" > page
        close(page)
    }
}

FNR == 1 {
    page_end()
    page = out "/" FILENAME ".html"
    up = FILENAME
    gsub(/[^\/]+\//, "../", up)
    sub(/[^\/]*$/, "", up)
    stage = FILENAME
    sub(/\/.*/, "", stage)
    in_comment = 0
    name = FILENAME
    gsub(/\//, "&<wbr>", name)
    links = nav
    gsub(/%UP%/, up, links)
    printf "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" \
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" \
        "<title>%s</title>\n<link rel=\"stylesheet\" href=\"%sbook.css\">\n</head>\n<body>\n" \
        "%s\n<main>\n<h1>%s</h1>\n<pre class=\"source\"><code>", FILENAME, up, links, name > page
}

{
    gsub(/&/, "\\&amp;")
    gsub(/</, "\\&lt;")
    gsub(/>/, "\\&gt;")
    line = colour_comments($0)
    if (stage ~ /^0/ && match(line, /^#include "[^"]*"/)) {
        file = substr(line, 11, RLENGTH - 11)
        line = "#include \"<a href=\"" up stage "/" file ".html\">" file "</a>" substr(line, RLENGTH)
    }
    printf "<span id=\"L%d\">%s</span>\n", FNR, line > page
}

END { page_end() }
