#!/usr/bin/env bash
# Makes the members of Linux RAID sets that the tests of volume/md read, with mdadm and Debian's kernel in a virtual
# machine (vm.sh), and writes what the kernel read of each array: its size and SHA-256.
#
# usage: raid.sh KERNEL OUT [SCENARIOS...]
#
# Needs, beside what vm.sh does: mdadm, zstd, python3. OUT gets NAME.tar.zst with members disk1, disk2, ... for each
# scenario, and truth.txt with "NAME SIZE SHA256" a line. SCENARIOS are files beside this one; all of them when none is named.
set -euo pipefail
kernel=$1 out=$2
shift 2
[ $# -gt 0 ] || set -- raid-scenarios.sh raid-states.sh raid-changes.sh
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/tools.sh" "$work/tools" mdadm
# What is written to the arrays: each block of 4 KiB names itself.
python3 - "$work/payload" <<'PY'
import sys
with open(sys.argv[1], "wb") as f:
    for i in range(6144):
        f.write((b"block %06d\n" % i * 400)[:4096])
PY
# Disks of different sizes, for zones and for levels that use all of each.
for d in 1 2 3 4 5 6; do truncate -s $((4 + d / 3))M "$work/disk$d"; done
truncate -s 2G "$work/save"

cat >"$work/script" <<'GUEST'
tar -x -f /dev/vda -C / 2>/dev/null
export PATH=/bin:/sbin
export MDADM_NO_UDEV=1
mkdir -p /run/mdadm
echo 1000000 >/proc/sys/dev/raid/speed_limit_max
number=0
disk() { echo /dev/vd$(echo cdefgh | cut -c $1); }
disks() { for d in $*; do disk $d; done; }
copy() { # NAME: all disks go to the place of the scenario on the last disk
	sync
	for d in 1 2 3 4 5 6; do
		dd if=$(disk $d) of=/dev/vdi bs=1M seek=$((number * 36 + d * 6 - 6)) conv=notrunc 2>/dev/null
	done
	echo "SAVED $1 $number"
	number=$((number + 1))
}
truth() { echo "TRUTH $1 $(blockdev --getsize64 /dev/md0) $(sha256sum /dev/md0 | cut -d ' ' -f 1)"; }
wipe() {
	mdadm --stop /dev/md0 2>/dev/null
	for d in 1 2 3 4 5 6; do dd if=/dev/zero of=$(disk $d) bs=1M 2>/dev/null; done
}
idle() { while [ "$(cat /sys/block/md0/md/sync_action 2>/dev/null)" != idle ]; do sleep 1; done; }
create() { # NAME DISKS OPTIONS: an array that is in sync and full
	name=$1 use=$2
	shift 2
	set -- $* $(disks $use)
	echo "RUN $name: mdadm --create $*"
	mdadm --create /dev/md0 --run --homehost=nas --name=$name $* </dev/null 2>&1 | grep -v -i "largest\|continue\|appears\|note\|boot\|clean\|store" 
	[ -f /sys/block/md0/md/sync_action ] && idle
	[ -b /dev/md0 ] && dd if=/dev/vdb of=/dev/md0 bs=64k 2>/dev/null
	sync
	echo 3 >/proc/sys/vm/drop_caches
	truth $name
}
whole() { create "$@"; mdadm --stop /dev/md0 2>/dev/null; copy $1; wipe; }
GUEST
for f in "$@"; do cat "$here/$f" >>"$work/script"; done
echo true >>"$work/script"

modules="crc32c_generic md-mod linear raid0 raid1 raid6_pq xor async_tx async_memcpy async_xor async_pq async_raid6_recov
	libcrc32c raid456 raid10"
"$here/vm.sh" "$kernel" "$modules" "$work/script" "$work/tools" "$work/payload" "$work"/disk[1-6] "$work/save" </dev/null |
	tr -d '\r' | tee "$work/log"

mkdir -p "$out"
touch "$out/truth.txt"
{ cat "$out/truth.txt"; grep -a '^TRUTH ' "$work/log" | cut -d ' ' -f 2-; } |
	awk '{ line[$1] = $0 } END { for (n in line) print line[n] }' | LC_ALL=C sort >"$work/truth"
cp "$work/truth" "$out/truth.txt"
grep -a '^SAVED ' "$work/log" | while read -r _ name number; do
	mkdir "$work/set"
	for d in 1 2 3 4 5 6; do
		dd if="$work/save" of="$work/set/disk$d" bs=1M skip=$((number * 36 + d * 6 - 6)) count=$((4 + d / 3)) conv=sparse status=none
		# A disk that holds zeros only was not used.
		if [ -z "$(tr -d '\0' <"$work/set/disk$d" | head -c 1)" ]; then rm "$work/set/disk$d"; fi
	done
	tar -C "$work/set" --sort=name --owner=0 --group=0 --mtime=@0 -cf - . | zstd -q -19 --long=26 -f -o "$out/$name.tar.zst"
	rm -r "$work/set"
done
