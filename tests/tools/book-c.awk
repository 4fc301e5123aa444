# book-c.awk - the comments of C in pages, which may go over several lines: a
# line at a time, and each line has its own <i>, so that it can stand alone.

function colour_comments(line,    result, at) {
    result = in_comment ? "<i>" : ""
    while (line != "") {
        if (!in_comment) {
            at = index(line, "/*")
            if (!at)
                return result line
            result = result substr(line, 1, at - 1) "<i>"
            line = substr(line, at)
        }
        at = index(line, "*/")
        in_comment = !at
        if (!at)
            return result line "</i>"
        result = result substr(line, 1, at + 1) "</i>"
        line = substr(line, at + 2)
    }
    return result (in_comment ? "</i>" : "")
}
