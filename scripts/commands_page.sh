#!/usr/bin/env bash
# Prints docs/commands.md: what the program says of its own commands and options.
#
#     scripts/commands_page.sh [PROGRAM] > commands.md && mv commands.md docs/commands.md
#
# PROGRAM is target/release/alignscope by default. `.ci/docs` fails where the page is another.
set -euo pipefail
program=${1:-$(dirname "$0")/../target/release/alignscope}
# The help is as wide as on a terminal of 98 columns.
export COLUMNS=98

help_of() {
    "$program" "$@" --help | sed 's/[[:space:]]*$//'
}

# The commands below one: the words that stand first under `Commands:`.
commands_of() {
    help_of "$@" | awk '/^Commands:/ { on = 1; next } on && /^$/ { exit }
        on && /^  [a-z]/ && $1 != "help" { print $1 }'
}

section() {
    printf "\n%s \`alignscope %s\`\n\n\`\`\`text\n" "$1" "${*:2}"
    help_of "${@:2}"
    printf "\`\`\`\n"
}

cat << 'HEAD'
# The command line

Made by `scripts/commands_page.sh` from the program's own help: `alignscope help` and
`alignscope COMMAND --help` say the same. With `-h` in place of `--help` the help is short.
`alignscope completions SHELL` prints a script that completes commands and options in a shell, and
`alignscope man DIR` writes manual pages.

## All commands

```text
HEAD
help_of
printf "\`\`\`\n"
for command in $(commands_of); do
    section "##" "$command"
    for below in $(commands_of "$command"); do
        section "###" "$command" "$below"
    done
done
