#!/usr/bin/env bash
# Packs the program of a target, with licences and README, and tries what is in the archive.
#
#     scripts/archive.sh x86_64-unknown-linux-gnu dist
#
# Takes target/TARGET/release/alignscope, and writes alignscope-VERSION-TARGET.tar.gz (.zip for
# Windows) and its SHA-256 into the folder.
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
target=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

case $target in
    *windows*) program=alignscope.exe kind=zip ;;
    *) program=alignscope kind=tar.gz ;;
esac
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
name=alignscope-$version-$target
mkdir "$place/$name"
cp "target/$target/release/$program" README.md CHANGELOG.md CITATION.cff LICENSE-MIT LICENSE-APACHE \
    crates/alignscope/assets/DejaVuSans-LICENSE.txt "$place/$name/"

cd "$place"
if [ "$kind" = zip ]; then
    7z a -bso0 "$out/$name.zip" "$name"
else
    tar -czf "$out/$name.tar.gz" "$name"
fi
cd "$out"
if command -v sha256sum > /dev/null; then
    sha256sum "$name.$kind" > "$name.$kind.sha256"
else
    shasum -a 256 "$name.$kind" > "$name.$kind.sha256"
fi

mkdir "$place/again"
cd "$place/again"
if [ "$kind" = zip ]; then
    7z x -bso0 "$out/$name.zip"
else
    tar -xzf "$out/$name.tar.gz"
fi
"./$name/$program" --version
"./$name/$program" list distances > /dev/null
ls -l "$out/$name.$kind"
