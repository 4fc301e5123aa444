#!/usr/bin/env bats
# The chapter tells the truth, and so do the pages of its rooms. This file is
# the same in all chapters.

# shellcheck disable=SC2046,SC2086 # words

load ../lib/helpers
load ../lib/unit
load ../lib/book

@test "excerpts" { book_checks excerpts $STAGE/README.md $(book_rooms); }
@test "sessions" { book_checks sessions $STAGE/README.md $(book_rooms); }
@test "links" { book_checks links $STAGE/README.md $(book_rooms); }
@test "what changed" { book_checks changes $STAGE/README.md; }
@test "the path" { book_checks path $STAGE/README.md; }
@test "ports" { book_checks ports $STAGE/README.md $(book_rooms); }
