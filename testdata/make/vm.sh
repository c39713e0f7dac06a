#!/usr/bin/env bash
# Runs a script as root in a virtual machine with Debian's own kernel, for images whose writers this system's
# kernel does not have. Needs: qemu-system-x86, busybox-static, cpio, and an unpacked linux-image package:
#
#   apt-get download linux-image-amd64's dependency, then: dpkg -x linux-image-*.deb KERNEL
#
# usage: vm.sh KERNEL "MODULE..." SCRIPT IMAGE...
#
# KERNEL is the folder that the package was unpacked to. MODULEs are loaded in the order given, after those of
# virtual disks. The images are /dev/vda, /dev/vdb, ... The machine ends when the script does; it may be killed at
# any moment before, which is what a power cut does. Its exit code is 0 when the script's was.
set -euo pipefail
tree=$1 modules=$2 script=$3
shift 3
release=$(basename "$(echo "$tree"/lib/modules/*)")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,dev,proc,sys,mnt,tmp,modules}
cp "$(command -v busybox)" "$work/bin/busybox"
load=
for m in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk $modules; do
	file=$(find "$tree/lib/modules/$release" -name "$m.ko" | head -n 1)
	[ -n "$file" ] || { echo "no module $m" >&2; exit 2; }
	cp "$file" "$work/modules/"
	load+=" $m"
done
cp "$script" "$work/script"
cat >"$work/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for m in$load; do insmod /modules/\$m.ko || echo "cannot load \$m"; done
sh /script && echo "the script ended well"
sync
poweroff -f
INIT
chmod 755 "$work/init"
(cd "$work" && find . | cpio --quiet -o -H newc | gzip -1) >"$work.cpio"
trap 'rm -rf "$work" "$work.cpio" "$work.log"' EXIT
drives=()
for image in "$@"; do
	drives+=(-drive "file=$image,format=raw,if=virtio,cache=writethrough")
done
qemu-system-x86_64 -m 512 -nographic -no-reboot -monitor none -kernel "$tree/boot/vmlinuz-$release" \
	-initrd "$work.cpio" -append "console=ttyS0 quiet panic=-1" "${drives[@]}" </dev/null | tee "$work.log"
grep -q "the script ended well" "$work.log"
