#!/usr/bin/env bash
# Makes kernel.img.gz and kernel.txt: a volume that Linux's driver filled and from which it deleted files, with what
# was in it. Begins with empty.img.gz, since no formatter for HFS+ is in Debian. And xorriso.img.gz with its truth.
#
# usage: make.sh KERNEL      (see testdata/make/vm.sh at the top of this repository)
set -euo pipefail
cd "$(dirname "$0")"
top=$(git rev-parse --show-toplevel)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gzip -dc empty.img.gz >"$work/k.img"
cat >"$work/script" <<'S'
mount -t hfsplus /dev/vda /mnt || exit 1
content() { i=0; while [ $i -lt "$2" ]; do echo "line $i of file $1"; i=$((i + 1)); done; }
tell() { # state
	find /mnt | while read -r f; do
		p=${f#/mnt}
		if [ -h "$f" ]; then echo "TRUTH|$1|link|0|-|777|0|${p#/}|$(readlink "$f")"
		elif [ -d "$f" ]; then echo "TRUTH|$1|dir|0|-|$(stat -c %a "$f")|0|${p#/}|"
		else echo "TRUTH|$1|file|$(stat -c %s "$f")|$(sha256sum <"$f" | cut -d' ' -f1)|$(stat -c %a "$f")|$(stat -c %Y "$f")|${p#/}|"
		fi
	done
}
mkdir -p /mnt/DCIM/100CANON /mnt/docs/old /mnt/many
n=0
while [ $n -lt 60 ]; do content $n $((n * 37)) >/mnt/DCIM/100CANON/IMG_$n.JPG; n=$((n + 1)); done
n=0
while [ $n -lt 300 ]; do content $n 3 >/mnt/many/a_rather_long_name_of_a_file_with_number_$n.txt; n=$((n + 1)); done
content x 2000 >/mnt/docs/large.txt
content y 500 >/mnt/docs/old/letter.txt
content z 5 >"/mnt/docs/Grüße an Ömer.txt"
content w 5 >"/mnt/docs/日本語 がぎ.txt"
ln -s ../DCIM/100CANON/IMG_1.JPG /mnt/docs/link
ln /mnt/DCIM/100CANON/IMG_2.JPG /mnt/docs/hard
chmod 600 /mnt/docs/large.txt
# In pieces: two files that grow in turns.
n=0
while [ $n -lt 40 ]; do content p$n 150 >>/mnt/docs/piece1.txt; sync; content q$n 150 >>/mnt/docs/piece2.txt; sync; n=$((n + 1)); done
sync
tell before
rm /mnt/docs/old/letter.txt /mnt/DCIM/100CANON/IMG_5?.JPG
rm /mnt/many/*_1??.txt /mnt/many/*_2??.txt
sync
tell after
umount /mnt
S
"$top/testdata/make/vm.sh" "$1" "nls_utf8 cdrom hfsplus" "$work/script" "$work/k.img" | tr -d '\r' | grep -a -o 'TRUTH|.*' >kernel.txt
gzip -9nc "$work/k.img" >kernel.img.gz
gzip -9nf kernel.txt

mkdir -p "$work/tree/folder/deeper"
printf 'one' >"$work/tree/folder/one.txt"
seq 1 20000 >"$work/tree/folder/deeper/numbers.txt"
printf 'Grüße' >"$work/tree/Grüße.txt"
: >"$work/tree/empty"
ln -s folder/one.txt "$work/tree/link"
find "$work/tree" -exec touch -h -d '2026-11-03 14:22:05 UTC' {} +
xorriso -outdev "$work/x.iso" -volid SALVOR -hfsplus on -map "$work/tree" / 2>/dev/null
# The volume stands in a partition of an Apple map; its entries are blocks of 512 bytes from byte 2048 or 512.
python3 - "$work/x.iso" >"$work/x.img" <<'P'
import struct, sys
d = open(sys.argv[1], "rb").read()
block = struct.unpack(">H", d[2:4])[0]
for i in range(1, 16):
    e = d[i * block:i * block + 512]
    if e[:2] == b"PM" and e[48:57] == b"Apple_HFS":
        start, count = struct.unpack(">II", e[8:16])
        sys.stdout.buffer.write(d[start * block:(start + count) * block])
        break
P
gzip -9nc "$work/x.img" >xorriso.img.gz
