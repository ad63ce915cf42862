#!/bin/sh
# Placement on a machine with two nodes of memory, which is emulated: boots a kernel in QEMU with busybox and the engine's example
# `placement`, and shows what was done and where the pages came to lie. Takes about a minute.
#
#   format-tests/two-nodes.sh KERNEL
#
# KERNEL is a bzImage with support for nodes, as any distribution's is. Needs qemu-system-x86_64, a static busybox and gzip; says
# so and does nothing where one of them is missing.
set -eu

kernel=${1:-}
[ -r "$kernel" ] || { echo "skipped: no kernel was named"; exit 0; }
for tool in qemu-system-x86_64 busybox gzip; do
    command -v "$tool" > /dev/null || { echo "skipped: there is no $tool"; exit 0; }
done
cd "$(dirname "$0")/.."
cargo build --release --package talaria-db --example placement
program=${CARGO_TARGET_DIR:-target}/release/examples/placement
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mkdir -p "$root/tree/bin" "$root/tree/proc" "$root/tree/sys" "$root/tree/tmp"
cp "$(command -v busybox)" "$root/tree/bin/busybox"
cp "$program" "$root/tree/bin/placement"
# The program's libraries, where it looks for them.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root/tree$(dirname "$library")"
    cp -L "$library" "$root/tree$library"
done
awk 'BEGIN { for (r = 0; r < 40000; r++) { printf ">r%d\n", r; for (i = 0; i < 300; i++) { x = (x * 1103515245 + r + 12345) % 2147483648
    printf "%s", substr("ACDEFGHIKLMNPQRSTVWY", int(x / 65536) % 20 + 1, 1) } print "" } }' > "$root/tree/in.fasta"
cat > "$root/tree/init" << 'INIT'
#!/bin/busybox sh
export PATH=/bin
for tool in mount cat echo poweroff; do busybox ln -s busybox "/bin/$tool" 2> /dev/null; done
mount -t proc proc /proc
mount -t sysfs sysfs /sys
echo 16 > /proc/sys/vm/nr_hugepages
echo "=== nodes $(cat /sys/devices/system/node/online), processors $(cat /sys/devices/system/node/node*/cpulist)"
for how in local interleave bind "bind 1" "local 1"; do
    echo "=== $how"
    placement /in.fasta /out.talaria $how 2>&1
done
echo "=== end"
poweroff -f
INIT
chmod +x "$root/tree/init"
(cd "$root/tree" && find . | busybox cpio -o -H newc 2> /dev/null) | gzip -1 > "$root/initramfs"

timeout 600 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 4 -m 1G -nographic -no-reboot \
    -object memory-backend-ram,id=m0,size=512M -object memory-backend-ram,id=m1,size=512M \
    -numa node,nodeid=0,cpus=0-1,memdev=m0 -numa node,nodeid=1,cpus=2-3,memdev=m1 \
    -kernel "$kernel" -initrd "$root/initramfs" -append "console=ttyS0 quiet panic=-1 rdinit=/init" | tr -d '\r' |
    sed -n '/=== nodes/,/=== end/p'
