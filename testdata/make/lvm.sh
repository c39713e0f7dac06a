#!/usr/bin/env bash
# Makes the physical volumes that the tests of volume/lvm read, with lvm and Debian's kernel in a virtual machine
# (vm.sh), and writes what the kernel read of each logical volume: its size and SHA-256.
#
# usage: lvm.sh KERNEL OUT
#
# Needs, beside what vm.sh does: lvm2, zstd, python3. OUT gets NAME.tar.zst with physical volumes disk1, disk2, ... for
# each scenario, and truth.txt with "NAME VOLUME SIZE SHA256" a line.
set -euo pipefail
kernel=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/tools.sh" "$work/tools" lvm dmsetup
# What is written to the volumes: each block of 4 KiB names itself.
python3 - "$work/payload" <<'PY'
import sys
with open(sys.argv[1], "wb") as f:
    for i in range(8192):
        f.write((b"block %06d\n" % i * 400)[:4096])
PY
for d in 1 2 3 4 5 6; do truncate -s 8M "$work/disk$d"; done
truncate -s 2G "$work/save"

cat >"$work/script" <<'GUEST'
tar -x -f /dev/vda -C / 2>/dev/null
export PATH=/bin:/sbin
mkdir -p /etc/lvm /run/lock/lvm /run/lvm /var/lock
cat >/etc/lvm/lvm.conf <<'CONF'
devices { use_devicesfile=0 obtain_device_list_from_udev=0 global_filter=["r|/dev/vd[abi]|","a|/dev/vd.*|","r|.*|"] }
global { use_lvmpolld=0 use_lvmlockd=0 event_activation=0 thin_check_executable="" cache_check_executable="" }
activation { udev_sync=0 udev_rules=0 monitoring=0 }
backup { backup=0 archive=0 }
CONF
number=0
disk() { echo /dev/vd$(echo cdefgh | cut -c $1); }
disks() { for d in $*; do disk $d; done; }
lv() { echo "RUN lvm $*"; lvm "$@" 2>&1 </dev/null | grep -v WARNING; }
group() { # DISKS [OPTIONS]: a new volume group
	use=$1
	shift
	for d in $use; do lv pvcreate -q $* $(disk $d); done
	lv vgcreate -q -s 64k vg $(disks "$use")
}
fill() { # VOLUME FIRST: writes blocks from that number on
	dd if=/dev/vdb of=/dev/vg/$1 bs=64k skip=$(($2 / 16)) 2>/dev/null
}
truth() { # NAME VOLUME...
	sync
	echo 3 >/proc/sys/vm/drop_caches
	name=$1
	shift
	for v in $*; do echo "TRUTH $name $v $(blockdev --getsize64 /dev/vg/$v) $(sha256sum /dev/vg/$v | cut -d ' ' -f 1)"; done
}
insync() { while lvm lvs --noheadings -o sync_percent vg/$1 2>/dev/null | grep '[0-9]' | grep -v -q 100.00; do sleep 1; done; }
save() { # NAME: the group is closed, and the disks are kept
	lvm vgchange -q -an vg >/dev/null 2>&1
	sync
	for d in 1 2 3 4 5 6; do
		dd if=$(disk $d) of=/dev/vdi bs=1M seek=$((number * 48 + d * 8 - 8)) conv=notrunc 2>/dev/null
	done
	echo "SAVED $1 $number"
	number=$((number + 1))
}
wipe() {
	lvm vgchange -q -an vg >/dev/null 2>&1
	dmsetup remove_all >/dev/null 2>&1
	rm -rf /dev/vg
	for d in 1 2 3 4 5 6; do dd if=/dev/zero of=$(disk $d) bs=1M 2>/dev/null; done
}
GUEST
cat "$here/lvm-scenarios.sh" >>"$work/script"

modules="crc32c_generic libcrc32c md-mod raid0 raid1 raid6_pq xor async_tx async_memcpy async_xor async_pq
	async_raid6_recov raid456 raid10 dm-mod dm-log dm-region-hash dm-mirror dm-raid dm-bufio dm-snapshot dm-bio-prison
	dm-persistent-data dm-thin-pool dm-cache dm-cache-smq dm-writecache dm-zero"
"$here/vm.sh" "$kernel" "$modules" "$work/script" "$work/tools" "$work/payload" "$work"/disk[1-6] "$work/save" </dev/null |
	tr -d '\r' | tee "$work/log"

mkdir -p "$out"
grep -a '^TRUTH ' "$work/log" | cut -d ' ' -f 2- | sort >"$out/truth.txt"
grep -a '^SAVED ' "$work/log" | while read -r _ name number; do
	mkdir "$work/set"
	for d in 1 2 3 4 5 6; do
		dd if="$work/save" of="$work/set/disk$d" bs=1M skip=$((number * 48 + d * 8 - 8)) count=8 conv=sparse status=none
		# A disk that holds zeros only was not used.
		if [ -z "$(tr -d '\0' <"$work/set/disk$d" | head -c 1)" ]; then rm "$work/set/disk$d"; fi
	done
	tar -C "$work/set" --sort=name --owner=0 --group=0 --mtime=@0 -cf - . | zstd -q -19 --long=26 -f -o "$out/$name.tar.zst"
	rm -r "$work/set"
done
