#!/bin/sh
# Prints docs/errors.md anew, from what the program says in the tests of wrong input:
#     scripts/errors_page.sh > errors.md && mv errors.md docs/errors.md
set -eu
cat <<'HEAD'
# What is said to wrong input

What the program says to each kind of wrong input: look for the message that you got. Every row is
a test in `crates/alignscope-cli/tests/it/`, in `wrong_input.rs`, `checkpoints.rs` or `series.rs`.
The program ends with exit code 2 and leaves no result. Paths are shown without their beginning;
DATA is the folder given with `--data`.

Characters that a terminal would obey instead of showing them (control characters such as escape
sequences, and those that turn the direction of a text), and most that have no width, are printed
as escapes: `\u{1b}`, `\n`. Lines after the first of an error are set off by two spaces.

A run's folder may come from elsewhere. Its files are regular files, and what is in them has
bounds; an error names the file, the key or line and column, what was found, and what was expected:

| | at most |
|---|---|
| `manifest.json`, `unfinished.json` | 64 MiB |
| a table as CSV | 1 GiB, 4,000,000 rows of 4 MiB, 64 columns, 64 KiB a field |
| `trials.parquet` | 10,000,000 trials, of images with names of 4,096 bytes |
| `distances.parquet`, `scale.parquet` | 2^32 rows |
| models | 1,000, of names of 4,096 bytes |
| figures | 200, of names of 100 characters and titles of 2,000 bytes |
| resamples | 1,000,000, also for `--resamples` |
| resamples of a manifest × clusters, for `compare` without `--resamples` | 100,000,000,000 |
| resamples of a manifest × models by stage and distance, likewise | 1,000,000,000 |
| pairs that `compare` compares in one go | 100,000 |
| counts | 2^53 |
| depths, and the values that figures show | from 0 to 100, and from −100 to 100 (4,294,967,295 effective channels) |
| an image's file, any other file, that `verify` hashes | 2 GiB, 1 TiB |

Images have limits of their own, of pixels, bytes, scans and memory, each with what is said of it:
[images.md](images.md#what-is-refused).

| wrong input | what the program says |
|---|---|
HEAD
cargo test --release --test it -- wrong_input:: checkpoints:: series:: --nocapture --test-threads 1 2>/dev/null |
    sed -E 's/^test [a-z_0-9:]+ \.\.\. //; s#/[^ ]*/\.tmp[A-Za-z0-9]+/##g; s#/[^ ]*/\.tmp[A-Za-z0-9]+ #DATA #g' | grep ' | ' | sort -s -t '|' -k 1,1 |
    awk -F ' \\| ' '{
        row = substr($0, index($0, " | ") + 3); gsub(/\|/, "\\|", row)
        print "| " ($1 == last ? "" : $1) " | " row " |"; last = $1
    }'
