#!/usr/bin/env bash
# Prints the changelog's section of a version, and fails where the files of a release do not agree.
#
#     scripts/release_notes.sh 0.1.0
#
# Cargo.toml and CITATION.cff must have the version, and CHANGELOG.md a heading `## 0.1.0` (a date
# may follow) with something below it.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
version=$1

wrong() {
    echo "$1" >&2
    exit 1
}

found=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ "$found" = "$version" ] || wrong "Cargo.toml has version ${found:-none}, expected $version"
found=$(sed -n 's/^version: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' CITATION.cff)
[ "$found" = "$version" ] || wrong "CITATION.cff has version ${found:-none}, expected $version"

notes=$(awk -v version="$version" '
    /^## / { on = ($2 == version); next }
    on { print }' CHANGELOG.md)
[ -n "${notes//[[:space:]]/}" ] || wrong "CHANGELOG.md has no section \`## $version\`, or an empty one"
printf '%s\n' "$notes" | sed '/./,$!d'
