#!/usr/bin/env bash
# The same bytes on 64-bit Arm, under an emulator on x86: the kernels' tests that hold their bits,
# and the tables of a run of small models, compared with those made here at each level of
# instructions.
#
#   scripts/other_processor.sh [FOLDER]
#
# FOLDER (default: target/arm) gets a Debian of sid with its rustc, and the standard library for
# Arm, which no toolchain here has. It needs root, Debian's `debootstrap` and `qemu-user`, Debian's
# packages, and the crates of Cargo.lock in cargo's own folder (`cargo fetch`). The first time takes
# some 20 minutes of two cores, and 4 GB.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/small_run.sh
repository=$PWD
debian=$(realpath -m "${1:-target/arm}")
cargo_home=${CARGO_HOME:-$HOME/.cargo}
target=aarch64-unknown-linux-gnu

if [ ! -x "$debian/usr/bin/rustc" ]; then
    debootstrap --variant=minbase sid "$debian"
    # A mirror may stand still for longer than sid's lists say that they are good for.
    echo 'Acquire::Check-Valid-Until "false";' > "$debian/etc/apt/apt.conf.d/99valid"
    chroot "$debian" sh -c 'dpkg --add-architecture arm64 && apt-get update &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends rustc cargo libstd-rust-dev:arm64 \
            gcc gcc-aarch64-linux-gnu libc6-dev libc6-dev-arm64-cross'
fi

cargo fetch --locked
mkdir -p "$debian/src" "$debian/cargo" "$debian/built"
mount --bind "$repository" "$debian/src"
mount --bind "$cargo_home" "$debian/cargo"
trap 'umount "$debian/src" "$debian/cargo"' EXIT
in_debian() {
    chroot "$debian" env -u RUSTUP_TOOLCHAIN PATH=/usr/bin:/bin CARGO_HOME=/cargo CARGO_TARGET_DIR=/built \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc \
        cargo "$@" --release --locked --offline --target $target --config profile.release.lto=false \
        --manifest-path /src/Cargo.toml
}
on_arm() {
    qemu-aarch64 -L "$debian/usr/aarch64-linux-gnu" "$@"
}

# The bits of every kernel.
kernels=$(in_debian test -p alignscope-kernel --lib --no-run --message-format json |
    grep -o '"executable":"[^"]*"' | cut -d'"' -f4)
on_arm "$debian$kernels" levels

# The tables of a run.
in_debian build -p alignscope-cli
cargo build --release -p alignscope-cli
out=$(mktemp -d)
small_run "$out"
here=$(realpath "${CARGO_TARGET_DIR:-target}/release/alignscope")
cd "$out"
"$here" $SMALL_RUN --out here
on_arm "$debian/built/$target/release/alignscope" $SMALL_RUN --out arm
for table in $SMALL_TABLES; do
    cmp "here/$table" "arm/$table"
    echo "$table: the same bytes here and on $target"
done
echo "the tables are in $out"
