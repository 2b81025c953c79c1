#!/bin/sh
# Prints docs/errors.md anew, from what the program says in the tests of wrong input:
#     scripts/errors_page.sh > errors.md && mv errors.md docs/errors.md
set -eu
cat <<'HEAD'
# What is said to wrong input

Every row is a test in `crates/alignscope-cli/tests/wrong_input.rs`. The program ends with exit code 2 and leaves no result. Paths are shown without their
beginning; DATA is the folder given with `--data`.

| wrong input | what the program says |
|---|---|
HEAD
cargo test --release --test wrong_input -- --nocapture --test-threads 1 2>/dev/null |
    sed -E 's/^test [a-z_0-9]+ \.\.\. //; s#/[^ ]*/\.tmp[A-Za-z0-9]+/##g' | grep ' | ' | sort -s -t '|' -k 1,1 |
    awk -F ' \\| ' '{
        row = substr($0, index($0, " | ") + 3); gsub(/\|/, "\\|", row)
        print "| " ($1 == last ? "" : $1) " | " row " |"; last = $1
    }'
