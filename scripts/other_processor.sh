#!/usr/bin/env bash
# The same bytes on 64-bit Arm, under an emulator on x86: the kernels' tests that hold their bits, and the tables of a
# run of small models, compared with those made here at each level of instructions.
#
#   scripts/other_processor.sh [FOLDER]
#
# FOLDER (default: target/arm) gets a Debian of sid with its rustc, and the standard library for Arm, which no toolchain
# here has. It needs root, Debian's `debootstrap` and `qemu-user`, Debian's packages, and the crates of Cargo.lock in cargo's
# own folder (`cargo fetch`). The first time takes some 20 minutes of two cores, and 4 GB.
set -euo pipefail
cd "$(dirname "$0")/.."
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
data=$out/images
golden=crates/alignscope/tests/golden
mkdir "$data"
for name in original blur contrast jpeg noise; do cp "$golden/baseline/even_$name.jpg" "$data/$name.jpg"; done
cat > "$data/pairs.csv" <<PAIRS
reference,distorted,score
original.jpg,blur.jpg,3
original.jpg,contrast.jpg,6
original.jpg,jpeg.jpg,2
original.jpg,noise.jpg,5
blur.jpg,contrast.jpg,4
blur.jpg,jpeg.jpg,0
blur.jpg,noise.jpg,1
PAIRS
models=(--model ssim --model ssim-rgb --model psnr)
for model in clip/base families/siglip families/dinov2 families/beit families/convnext; do
    models+=(--model "${model#*/}=$golden/$model")
done
run() {
    local where=$1
    shift
    "$@" run --quiet --dataset pairs --data "$data" "${models[@]}" --precision f32 --distance all --resamples 200 --no-cache \
        --out "$out/$where"
}
run here "${CARGO_TARGET_DIR:-target}/release/alignscope"
run arm on_arm "$debian/built/$target/release/alignscope"
for table in scores.csv distances.parquet energy.csv findings.csv; do
    cmp "$out/here/$table" "$out/arm/$table"
    echo "$table: the same bytes here and on $target"
done
echo "the tables are in $out"
