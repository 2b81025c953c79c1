#!/usr/bin/env bash
# The same bytes with AVX-512 on a machine that has none: the kernels' tests and a run of small
# models in Linux in the emulator Bochs, whose tables are compared with those made here.
#
#   scripts/emulated_avx512.sh [FOLDER]
#
# FOLDER (default: target/bochs) gets the disk of that Linux and what it says. It needs Debian's
# packages `bochs`,
# `bochsbios`, `vgabios`, `isolinux`, `syslinux-common`, `genisoimage`, `busybox-static` and `cpio`,
# and the kernel of
# `linux-image-cloud-amd64`, which is fetched and not installed. It takes some ten minutes of one
# core. AVX-512 for bf16 and AMX are not among what Debian's Bochs has.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/small_run.sh
folder=$(realpath -m "${1:-target/bochs}")
built=${CARGO_TARGET_DIR:-target}/release
mkdir -p "$folder"

kernels=$(cargo test --release -p alignscope-kernel --lib --no-run --message-format json |
    grep -o '"executable":"[^"]*"' | cut -d'"' -f4)
cargo build --release -p alignscope-cli

# What the emulated machine has: a shell, both programs with their libraries, and the inputs of a
# run.
disk=$folder/disk
rm -rf "$disk"
mkdir -p "$disk/bin" "$disk/dev" "$disk/proc" "$disk/tmp"
cp /bin/busybox "$disk/bin/"
for tool in sh mount poweroff grep sha256sum; do ln -s busybox "$disk/bin/$tool"; done
cp "$kernels" "$disk/kernels"
cp "$built/alignscope" "$disk/alignscope"
for library in $(ldd "$kernels" "$built/alignscope" | grep -o '/lib[^ ]*' | sort -u); do
    mkdir -p "$disk$(dirname "$library")"
    cp -L "$library" "$disk$library"
done
small_run "$disk/work"
run="$SMALL_RUN --memory 300MB --threads 1"
tables=$SMALL_TABLES
cat > "$disk/init" <<INIT
#!/bin/sh
/bin/mount -t proc proc /proc
/bin/mount -t devtmpfs dev /dev
export PATH=/bin HOME=/tmp
echo
/bin/grep -m1 -o avx512f /proc/cpuinfo
for what in levels matmul transpose packed_gemm::tests::each packed_gemm::tests::a_sum attention::tests::each; do
    /kernels --test-threads=1 \$what 2>&1
done
cd /work
/alignscope $run --out /tmp/out 2>&1
cd /tmp/out && sha256sum $tables
echo all done
/bin/poweroff -f
INIT
chmod +x "$disk/init"

cd "$folder"
[ -d kernel ] || {
    package=$(apt-cache depends linux-image-cloud-amd64 | grep -o 'linux-image-[0-9].*')
    apt-get download "$package"
    dpkg-deb -x "$package"_*.deb kernel
}
mkdir -p iso/isolinux
(cd disk && find . | cpio --quiet -o -H newc | gzip -1) > iso/isolinux/disk.gz
cp kernel/boot/vmlinuz-* iso/isolinux/vmlinuz
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 iso/isolinux/
# Bochs gives sizes for xsavec, xsaves and pku that Linux does not believe, and then uses no AVX at
# all.
cat > iso/isolinux/isolinux.cfg <<BOOT
default linux
prompt 0
label linux
    kernel vmlinuz
    append initrd=disk.gz console=ttyS0,115200 quiet clearcpuid=xsaves,xsavec,pku mitigations=off tsc=reliable lpj=4000000
BOOT
genisoimage -quiet -o boot.iso -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table iso
cat > bochsrc <<BOCHS
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=said.txt
display_library: rfb, options="timeout=0"
sound: driver=dummy
log: bochs.log
panic: action=fatal
error: action=report
info: action=ignore
clock: sync=none
BOCHS
rm -f said.txt
# Debian's Bochs has a debugger, which is to go on (`c`) and to have an open input.
{ echo c; sleep 7200; } | bochs -q -f bochsrc > bochs.txt 2>&1 &
bochs=$!
until grep -aq 'all done' said.txt 2> /dev/null; do
    kill -0 $bochs 2> /dev/null || { tail said.txt bochs.log; exit 1; }
    sleep 5
done
pkill -P $bochs || true
kill $bochs 2> /dev/null || true

tr -d '\r' < said.txt | grep -a 'avx512f\|^test \|alignscope: ' || true
grep -aq '^avx512f' said.txt || { echo "the emulated machine has no AVX-512"; exit 1; }
! grep -aq 'FAILED' said.txt || { echo "a test failed"; exit 1; }
cd disk/work
rm -rf "$folder/out"
"$OLDPWD/disk/alignscope" $run --out "$folder/out"
cd "$folder/out"
for table in $tables; do
    sum=$(sha256sum "$table")
    tr -d '\r' < ../said.txt | grep -aqF "$sum" || { echo "$table differs with AVX-512"; exit 1; }
    echo "$table: the same bytes here and with AVX-512"
done
