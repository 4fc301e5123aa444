# turns.awk - draws the trace of a program (TRACE=1) as a time line in SVG: a
# lane for the wait, for each descriptor, for delayed calls, for each Deferred,
# each job of a thread and each child. awk -f turns.awk trace > turns.svg
#
# Every line of the trace has a place on the axis, as wide as its label, and
# wider the longer it took: a microsecond and a second do not fit on one ruler,
# so a wait says how long it was. A reader sees order and length, and nothing
# is left out.

function lane_of(key, label) {
    if (!(key in lane)) {
        lane[key] = ++lanes
        name[lanes] = label
    }
    return lane[key]
}

# Objects without a number of their own are numbered as they come.
function short(kind, address) {
    if (!((kind, address) in number))
        number[kind, address] = ++count_of[kind]
    return kind " " number[kind, address]
}

function escape(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/>/, "\\&gt;", text)
    return text
}

# A box on a lane; its end is set when the next line is known.
function box(where, class, label, text) {
    boxes++
    box_lane[boxes] = where
    box_class[boxes] = class
    box_label[boxes] = label
    box_text[boxes] = text
    box_from[boxes] = x
    box_time[boxes] = time
    return boxes
}

function close_call() {
    if (call)
        box_to[call] = x
    call = 0
}

# From microseconds to pixels, in steps that the eye can tell apart.
function width(seconds,    w) {
    w = 0
    if (seconds > 0.000001)
        w = 7 * log(seconds * 1000000) / log(10)
    return w
}

function seconds_text(s) {
    if (s >= 1)
        return sprintf("%.1f s", s)
    if (s >= 0.001)
        return sprintf("%.0f ms", s * 1000)
    return sprintf("%.0f us", s * 1000000)
}

# The line before took until now: give it its place.
function advance(    w, label) {
    if (!slot)
        return
    if (box_class[slot] == "wait")
        box_label[slot] = seconds_text(time - box_time[slot])
    label = length(box_label[slot]) * 6 + 10
    w = width(time - box_time[slot])
    x += label > w ? label : w
    box_to[slot] = x
    slot = 0
}

BEGIN { x = 0; lane_of("wait", "the loop") }

!/^[0-9]+\.[0-9]+ / { next }

{
    time = $1
    text = $0
    sub(/^[0-9.]+ +/, "", text)
    advance()
}

text ~ /^turn [0-9]+$/ {
    close_call()
    turns++
    turn_x[turns] = x
    turn_name[turns] = $3
    next
}

text ~ / waits on / {
    close_call()
    slot = box(lane["wait"], "wait", "", text)
    next
}

text ~ /^[0-9]+ ready$/ { close_call(); next }

text ~ /^ThreadPool: job / {
    key = $4
    where = lane_of("job" key, short("job", key) ", in a thread")
    if (text ~ /is added/)
        span[key] = slot = box(where, "span", "added", text)
    else {
        if (span[key])
            box_end[span[key]] = 1
        slot = box(where, "note", "has run", text)
        box_close[slot] = span[key]
    }
    next
}

text ~ /^spawn_process: / {
    key = $NF
    where = lane_of("child" key, "child " key)
    span["c" key] = slot = box(where, "span", "spawned", text)
    next
}

text ~ /^reaped [0-9]+/ {
    close_call()
    key = $3
    sub(/,/, "", key)
    where = lane_of("child" key, "child " key)
    slot = box(where, "note", "reaped", text)
    box_close[slot] = span["c" key]
    next
}

text ~ /^Deferred / {
    key = $3
    sub(/:$/, "", key)
    where = lane_of("deferred" key, short("Deferred", key))
    label = text
    sub(/^Deferred [^ ]+: /, "", label)
    sub(/ with a value/, "", label)
    gsub(/0x[0-9a-f]+/, "", label)
    slot = box(where, "note", label, text)
    next
}

text ~ /^(delayed call|call of a thread|signal)/ {
    close_call()
    label = text
    sub(/:? .*/, "", label)
    lane_name = "calls from threads"
    if (label == "delayed")
        lane_name = "delayed calls"
    if (label == "signal")
        lane_name = "signals"
    where = lane_of(label, lane_name)
    call = slot = box(where, "call", "runs", text)
    next
}

# CLASS FD: what
text ~ /^[A-Za-z]+ -?[0-9]+: / {
    fd = $3
    sub(/:$/, "", fd)
    what = text
    sub(/^[A-Za-z]+ -?[0-9]+: /, "", what)
    label = what
    sub(/, /, " ", label)
    sub(/ bytes$/, "", label)
    key = "fd" fd "." (lives[fd] + 0)
    where = lane_of(key, $2 " " fd)
    if (what ~ /^do_(read|write)$/) {
        close_call()
        call = slot = box(where, "call", label, text)
    } else if (what ~ /^connection_lost/) {
        close_call()
        sub(/ .*/, "", label)
        call = slot = box(where, "lost", label, text)
        lives[fd]++
    } else
        slot = box(where, "note", label, text)
    next
}

text ~ /^accept: / {
    slot = box(call ? box_lane[call] : lane["wait"], "note", "accept", text)
    next
}

text ~ /: (build_protocol|process_exited|process_ended)$/ {
    label = text
    sub(/.*: /, "", label)
    slot = box(call ? box_lane[call] : lane["wait"], "note", label, text)
    next
}

# Whatever else is said stands on the lane of whose callback it is.
{
    label = text
    sub(/[:,].*/, "", label)
    slot = box(call ? box_lane[call] : lane["wait"], "note", label, text)
}

END {
    time += 0.000001
    advance()
    close_call()
    ROW = 24
    TOP = 26
    LEFT = 30
    for (i = 1; i <= lanes; i++)
        if (length(name[i]) * 6.2 + 16 > LEFT)
            LEFT = length(name[i]) * 6.2 + 16
    for (i = 1; i <= boxes; i++)
        if (box_close[i])
            box_to[box_close[i]] = box_from[i]
    W = LEFT + x + 10
    H = TOP + lanes * ROW + 8
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"10\">\n", W, H, W, H
    print "<style>"
    print ".back{fill:#fff}.lane{fill:#f1f3f5}.name,.label{fill:#1b1f23}.turn{stroke:#8b949e;stroke-dasharray:2 3}.number{fill:#57606a}"
    print ".wait{fill:#d0d7de}.call{fill:#9ecbff}.note{fill:#ffe08a}.span{fill:#b7e4c7}.lost{fill:#f6b0b0}"
    print "@media (prefers-color-scheme: dark){.back{fill:#0d1117}.lane{fill:#161b22}.name,.label{fill:#e6edf3}.number{fill:#9198a1}"
    print ".wait{fill:#3d444d}.call{fill:#1f4b8f}.note{fill:#6b5300}.span{fill:#1f5c37}.lost{fill:#7d2a2a}}"
    print "</style>"
    printf "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", W, H
    for (i = 1; i <= lanes; i++) {
        if (i % 2)
            printf "<rect class=\"lane\" x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", TOP + (i - 1) * ROW, W, ROW
        printf "<text class=\"name\" x=\"8\" y=\"%.1f\">%s</text>\n", TOP + (i - 1) * ROW + 15.5, escape(name[i])
    }
    for (i = 1; i <= turns; i++) {
        printf "<line class=\"turn\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", LEFT + turn_x[i], TOP - 8, LEFT + turn_x[i], H - 8
        printf "<text class=\"number\" x=\"%.1f\" y=\"%d\">turn %s</text>\n", LEFT + turn_x[i] + 2, TOP - 10, turn_name[i]
    }
    # Wide ones first: what happens within a callback lies on it.
    for (pass = 1; pass <= 2; pass++)
        for (i = 1; i <= boxes; i++) {
            wide = box_class[i] != "note"
            if (wide != (pass == 1))
                continue
            y = TOP + (box_lane[i] - 1) * ROW + (wide ? 3 : 5)
            printf "<g><title>%s s: %s</title><rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", box_time[i], escape(box_text[i]), box_class[i], LEFT + box_from[i] + 1, y, box_to[i] - box_from[i] - 2, wide ? ROW - 6 : ROW - 10
            printf "<text class=\"label\" x=\"%.1f\" y=\"%.1f\">%s</text></g>\n", LEFT + box_from[i] + 5, TOP + (box_lane[i] - 1) * ROW + 15.5, escape(box_label[i])
        }
    print "</svg>"
}
