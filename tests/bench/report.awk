# report.awk - prints the tables that bench.bash has measured. Its first file
# names them: NAME, UNIT, TITLE, GOAL. The other has a line a measurement: NAME
# of the table, ROUND, LABEL, COST, and the LABEL of the row that it is compared
# with, or nothing.

NR == FNR {
    tables[++table_count] = $1
    unit[$1] = $2
    title[$1] = $3
    goal[$1] = $4
    next
}

{
    if (!seen[$1, $3]++)
        labels[$1, ++count[$1]] = $3
    cost[$1, $3, $2] = $4
    reference[$1, $3] = $5
    if ($2 > rounds)
        rounds = $2
}

# Leaves in `sorted` the costs of a row, as such (how = ""), less those of its
# reference ("-") or divided by them ("/"), and returns how many there are.
function collect(table, label, how,    round, other, value, n, i) {
    other = reference[table, label]
    for (round = 1; round <= rounds; round++) {
        if (!((table, label, round) in cost))
            continue
        value = cost[table, label, round]
        if (how == "-")
            value -= cost[table, other, round]
        if (how == "/")
            value /= cost[table, other, round]
        for (i = ++n; i > 1 && sorted[i - 1] > value; i--)
            sorted[i] = sorted[i - 1]
        sorted[i] = value
    }
    return n
}

# The value that a share of the sorted ones is below, or half way between two.
function quantile(n, share,    low, high) {
    low = sorted[1 + int(share * (n - 1))]
    high = sorted[n - int((1 - share) * (n - 1))]
    return (low + high) / 2
}

function print_row(table, label,    n, percent) {
    n = collect(table, label, "")
    printf "  %-28s %8.0f %8.0f %8.0f", label, quantile(n, .5),
        quantile(n, .25), quantile(n, .75)
    if (reference[table, label] != "") {
        n = collect(table, label, "/")
        printf " %6.2f", quantile(n, .5)
        percent = (quantile(n, .5) - 1) * 100
        n = collect(table, label, "-")
        printf " %+7.0f %+7.1f", quantile(n, .5), percent
    }
    print ""
}

END {
    for (t = 1; t <= table_count; t++) {
        table = tables[t]
        printf "\n%s\n", title[table]
        if (goal[table] != "")
            printf "goal: %s\n", goal[table]
        printf "  %-28s %8s %8s %8s %6s %7s %7s\n", unit[table], "median",
            "25 %", "75 %", "ratio", "more", "more %"
        for (i = 1; i <= count[table]; i++)
            print_row(table, labels[table, i])
    }
}
