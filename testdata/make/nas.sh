#!/usr/bin/env bash
# Makes the disks of network storage that the tests of rescue read, laid out as the makers of such devices do: with
# mdadm, lvm, cryptsetup and Debian's kernel in a virtual machine (vm.sh). The file systems are made outside of it.
#
# usage: nas.sh KERNEL OUT
#
# Needs, beside what vm.sh does: mdadm, lvm2, cryptsetup-bin, gdisk, e2fsprogs, imagemagick, zstd, python3. OUT gets
# nas.tar.zst with NAME/disk1, NAME/disk2, ... for each scenario, and truth.txt with "VOLUME SHA256 PATH" a line: the files that
# stand on each volume.
set -euo pipefail
kernel=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

"$here/tools.sh" "$work/tools" mdadm lvm dmsetup cryptsetup

# What is on the volumes.
files() { # VOLUME SIZE SEED: an ext4 volume of that size in KiB
	mkdir -p "$work/$1"/{photos/2024,documents,music}
	python3 - "$work/$1" "$3" <<'PY'
import gzip, io, os, random, sys
top, seed = sys.argv[1], int(sys.argv[2])
r = random.Random(seed)
words = "the update stopped at eighty percent and the light stayed red until morning".split()
def text(n): return "".join(r.choice(words) + (" " if r.random() < .9 else ".\n") for _ in range(n)).encode()
for i in range(12 if seed < 4 else 5):
    with open(f"{top}/documents/letter {i:02}.txt", "wb") as f: f.write(text(r.randrange(20, 3000 if seed < 4 else 1000)))
with open(f"{top}/documents/ledger.csv", "wb") as f:
    for i in range(1500 if seed < 4 else 300): f.write(b"%d,2024-%02d-%02d,%d.%02d\n" % (i, i % 12 + 1, i % 28 + 1, r.randrange(900), i % 100))
with open(f"{top}/documents/archive.gz", "wb") as f:
    g = gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0)
    g.write(text(5000 if seed < 4 else 1000)); g.close()
os.symlink("../documents/ledger.csv", f"{top}/photos/ledger")
PY
	for i in 1 2 3; do
		convert -seed $(($3 + i)) -size $((160 + 30 * i))x120 plasma:fractal -quality 70 -strip "$work/$1/photos/2024/IMG_000$i.jpg"
	done
	convert -seed $3 -size 96x96 plasma: -strip -define png:exclude-chunks=date,time "$work/$1/photos/cover.png"
	truncate -s $2K "$work/$1.ext4"
	if [ $2 -lt 1024 ]; then journal=^has_journal; else journal=has_journal; fi
	mke2fs -q -t ext4 -O $journal -b ${4:-4096} -L "$1" -m 0 -d "$work/$1" "$work/$1.ext4"
	(cd "$work/$1" && find . -type f -printf '%P\0' | sort -z | xargs -0 sha256sum | sed "s/^/$1 /") >>"$work/truth"
}
files system 3072 1 1024
files media 30720 2
files media2 30720 3
files vault 512 4 1024
truncate -s 1M "$work/vault.ext4"
files scratch 6144 5 1024
cat "$work"/{system,media,media2,vault,scratch}.ext4 >"$work/payload"
printf 'correct horse' >"$work/secret"
truncate -s 1M "$work/secret"

# A small RAID 1 over all disks for the device's own system, the rest for data.
for d in 1 2 3 4; do
	truncate -s 24M "$work/disk$d"
	sgdisk -o -U 6a1f0b00-0000-4000-8000-0000000000f$d -n 1:1M:+4M -t 1:fd00 -c 1:system -n 2:6M:0 -t 2:fd00 -c 2:data "$work/disk$d" >/dev/null
done
truncate -s 1G "$work/save"

cat >"$work/script" <<'GUEST'
tar -x -f /dev/vda -C / 2>/dev/null
export PATH=/bin:/sbin MDADM_NO_UDEV=1
mkdir -p /run/mdadm /run/cryptsetup /etc/lvm /run/lock/lvm /run/lvm /var/lock
echo 1000000 >/proc/sys/dev/raid/speed_limit_max
cat >/etc/lvm/lvm.conf <<'CONF'
devices { use_devicesfile=0 obtain_device_list_from_udev=0 global_filter=["a|/dev/md.*|","a|/dev/mapper/safe|","r|.*|"] }
global { use_lvmpolld=0 use_lvmlockd=0 event_activation=0 }
activation { udev_sync=0 udev_rules=0 monitoring=0 }
backup { backup=0 archive=0 }
CONF
number=0
idle() { while [ "$(cat /sys/block/$1/md/sync_action 2>/dev/null)" != idle ]; do sleep 1; done; }
array() { # DEVICE OPTIONS...
	device=$1
	shift
	mdadm --create /dev/$device --run --homehost=nas $* </dev/null 2>&1 | grep -v -i "largest\|continue\|appears\|note\|boot\|clean\|store"
	[ -f /sys/block/$device/md/sync_action ] && idle $device
}
put() { # FIRST COUNT DEVICE: MiB of the payload
	dd if=/dev/vdb of=$3 bs=1M skip=$1 count=$2 conv=notrunc 2>/dev/null
}
lv() { lvm "$@" 2>&1 </dev/null | grep -v WARNING; }
down() {
	lvm vgchange -q -an >/dev/null 2>&1
	[ -e /dev/mapper/safe ] && cryptsetup close safe
	for a in 0 1 2; do mdadm --stop /dev/md$a 2>/dev/null; done
	sync
}
copy() { # NAME
	sync
	for d in c d e f; do
		dd if=/dev/vd$d of=/dev/vdh bs=1M seek=$((number * 96 + $(echo $d | tr cdef 0123) * 24)) conv=notrunc 2>/dev/null
	done
	echo "SAVED $1 $number"
	number=$((number + 1))
}

# Four disks: RAID 1 with the old superblock for the system, RAID 5 with LVM for the files.
array md0 --level=1 --raid-devices=4 --metadata=0.90 /dev/vdc1 /dev/vdd1 /dev/vde1 /dev/vdf1
array md2 --level=5 --raid-devices=4 --chunk=64 --bitmap=none --name=2 /dev/vdc2 /dev/vdd2 /dev/vde2 /dev/vdf2
put 0 3 /dev/md0
lv pvcreate -q /dev/md2
lv vgcreate -q -s 1m vg1000 /dev/md2
lv lvcreate -q -y -Wn -L 30m -n lv vg1000
lv lvcreate -q -y -Wn -L 6m -n scratch vg1000
put 3 30 /dev/vg1000/lv
put 64 6 /dev/vg1000/scratch
down
copy four

# The third disk was dropped, then other files were written.
mdadm --assemble --run /dev/md0 /dev/vdc1 /dev/vdd1 /dev/vde1 /dev/vdf1
mdadm --assemble --run /dev/md2 /dev/vdc2 /dev/vdd2 /dev/vde2 /dev/vdf2
mdadm /dev/md2 --fail /dev/vde2 --remove /dev/vde2
lvm vgchange -q -ay vg1000 >/dev/null 2>&1
put 33 30 /dev/vg1000/lv
down
copy stale

# Two disks: RAID 1, encrypted, LVM in it.
for d in c d e f; do dd if=/dev/zero of=/dev/vd${d} bs=1M seek=1 count=22 2>/dev/null; done
array md1 --level=1 --raid-devices=2 --bitmap=none --name=1 /dev/vdc2 /dev/vdd2
dd if=/dev/vdg bs=13 count=1 of=/key 2>/dev/null
cryptsetup luksFormat -q --type luks2 --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 16384 --pbkdf-parallel 1 \
	--luks2-keyslots-size 272k --luks2-metadata-size 16k --label vault --key-file /key --use-urandom /dev/md1
cryptsetup open --key-file /key /dev/md1 safe
lv pvcreate -q /dev/mapper/safe
lv vgcreate -q -s 64k secure /dev/mapper/safe
lv lvcreate -q -y -Wn -L 512k -n data secure
dd if=/dev/vdb of=/dev/secure/data bs=64k skip=$((63 * 16)) count=8 conv=notrunc 2>/dev/null
down
copy vault
GUEST

modules="crc32c_generic libcrc32c md-mod raid1 raid6_pq xor async_tx async_memcpy async_xor async_pq async_raid6_recov raid456
	dm-mod dm-crypt ecb xts af_alg algif_skcipher algif_hash"
"$here/vm.sh" "$kernel" "$modules" "$work/script" "$work/tools" "$work/payload" "$work"/disk[1-4] "$work/secret" "$work/save" </dev/null |
	tr -d '\r' | tee "$work/log"

sort "$work/truth" >"$out/truth.txt"
mkdir "$work/sets"
grep -a '^SAVED ' "$work/log" | while read -r _ name number; do
	mkdir "$work/sets/$name"
	last=4
	if [ "$name" = vault ]; then last=2; fi
	for d in $(seq $last); do
		dd if="$work/save" of="$work/sets/$name/disk$d" bs=1M skip=$((number * 96 + d * 24 - 24)) count=24 conv=sparse status=none
	done
done
# The scenarios share most of their bytes.
tar -C "$work/sets" --sort=name --owner=0 --group=0 --mtime=@0 -cf - . | zstd -q --ultra -22 --long=28 -f -o "$out/nas.tar.zst"
