#!/bin/bash
# Makes the images of this folder and the truth about them. Needs root, FUSE, loop devices, exfatprogs, exfat-fuse, gzip, python3.
#
#	filesystem/exfat/testdata/make.sh
#
# Each image NAME.img.gz has NAME.json beside it, which filesystemtest reads. The driver chooses serial numbers
# of entries and times of directories, so that images differ a little each time.
set -eu
cd "$(dirname "$0")"
export TZ=UTC LC_ALL=C.UTF-8
tmp=$(mktemp -d)
mnt=$tmp/mnt
mkdir "$mnt"
trap 'mountpoint -q "$mnt" && unmount; rm -rf "$tmp"' EXIT
attach() { # the driver takes block devices only
	loop=$(losetup -f --show "$img")
	mount.exfat-fuse "$loop" "$mnt" >/dev/null 2>&1
}
unmount() {
	umount "$mnt"
	while fuser -s "$loop" 2>/dev/null; do sleep 0.1; done
	losetup -d "$loop"
}

text() { seq -f "$1 line %08.0f of a file that tells its own place" 1 1000000 | head -c "$2" || true; }
minute=0
stamp() { minute=$((minute + 1)); touch -d "2023-05-06 07:00:10 UTC + $minute minutes" "$1"; }
note() { # note STATE TYPE PATH [FILE]
	printf '%s\n  {"path": "%s", "state": "%s", "type": "%s"' "$sep" "$3" "$1" "$2" >>"$truth"
	if [ -n "${4-}" ]; then
		printf ', "size": %d, "sha256": "%s", "mtime": "%s"' "$(stat -c %s "$4")" \
			"$(sha256sum <"$4" | cut -d' ' -f1)" "$(date -u -d "@$(stat -c %Y "$4")" +%FT%TZ)" >>"$truth"
	fi
	printf '}' >>"$truth"
	sep=,
}
kept() { echo "$tmp/kept-$(echo "$1" | tr '/ ' '__')"; }
put() { # put PATH SEED BYTES
	text "$2" "$3" >"$tmp/f"
	cp "$tmp/f" "$mnt/$1"
	stamp "$mnt/$1"
	cp -p "$mnt/$1" "$(kept "$1")"
}
live() { put "$1" "$2" "$3"; note "" file "$1" "$(kept "$1")"; }
dir() { mkdir "$mnt/$1"; note "" dir "$1"; }
begin() { # begin NAME SIZE MKFS-OPTIONS
	img=$tmp/$1.img truth=$1.json sep=
	printf '[' >"$truth"
	note "" dir ""
	truncate -s "$2" "$img"
	name=$1
	shift 2
	mkfs.exfat "$@" "$img" >/dev/null
	attach
}
finish() {
	unmount
	printf '\n]\n' >>"$truth"
	gzip -9nc "$img" >"$name.img.gz"
}
fill() {
	live "EMPTY.TXT" empty 0
	live "ONE.TXT" one 1
	live "a file with a long name, longer than the thirty units that two entries hold.txt" long 3000
	live "Grüße aus Köln.txt" latin 700
	live "привет мир.txt" cyrillic 900
	live "写真と思い出.jpg" cjk 5000
	live "🎉 party 🎂 2023.txt" emoji 4096
	dir "DCIM"
	dir "DCIM/100CANON"
	dir "DCIM/deep folder with a long name"
	dir "DCIM/deep folder with a long name/level 3"
	live "DCIM/100CANON/IMG_0001.JPG" i1 20000
	live "DCIM/100CANON/IMG_0002.JPG" i2 300000
	live "DCIM/deep folder with a long name/level 3/bottom.dat" bottom 9999
	# Files in pieces: two are written in turns.
	for turn in 1 2 3 4 5 6 7 8; do
		text "left$turn" 9000 >>"$mnt/left.bin"
		text "right$turn" 7000 >>"$mnt/right.bin"
	done
	for f in left.bin right.bin; do
		stamp "$mnt/$f"
		cp -p "$mnt/$f" "$(kept $f)"
		note "" file $f "$(kept $f)"
	done
	dir "many"
	for i in $(seq -w 1 60); do live "many/entry number $i.txt" "many$i" 40; done
	# Deleted, with nothing written afterwards.
	put "deleted with a long name.txt" dlong 70000
	put "DELSHORT.TXT" dshort 2500
	mkdir "$mnt/gone folder" "$mnt/gone folder/inner"
	put "gone folder/first.txt" gfirst 600
	put "gone folder/inner/second file.txt" gsecond 6000
	rm "$mnt/deleted with a long name.txt" "$mnt/DELSHORT.TXT"
	rm -r "$mnt/gone folder"
	note deleted file "deleted with a long name.txt" "$(kept "deleted with a long name.txt")"
	note deleted file "DELSHORT.TXT" "$(kept "DELSHORT.TXT")"
	note deleted dir "gone folder"
	note deleted file "gone folder/first.txt" "$(kept "gone folder/first.txt")"
	note deleted dir "gone folder/inner"
	note deleted file "gone folder/inner/second file.txt" "$(kept "gone folder/inner/second file.txt")"
}

begin small 4M -c 512 -L "Überall 写真"
fill
finish
begin usual 32M -c 4096 -L USUAL
fill
finish
begin large 64M -c 131072
fill
finish

# A quick format over a volume with files, then one new file.
begin formatted 16M -c 4096 -L OLD
put "top.txt" top 8000
mkdir "$mnt/holiday" "$mnt/holiday/beach"
put "holiday/one.txt" h1 30000
put "holiday/beach/two words.txt" h2 50000
unmount
mkfs.exfat -c 4096 -L NEW "$img" >/dev/null
attach
live "new.txt" new 5000
root=lost+found-directories/cluster-8
note rebuilt file "$root/one.txt" "$(kept holiday/one.txt)"
note rebuilt file "$root/beach/two words.txt" "$(kept "holiday/beach/two words.txt")"
finish
ls -l -- *.gz
