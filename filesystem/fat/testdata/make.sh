#!/bin/bash
# Makes the images of this folder and the truth about them. Needs mtools, dosfstools, gzip.
#
#	filesystem/fat/testdata/make.sh
#
# Each image NAME.img.gz has NAME.json beside it, which filesystemtest reads.
set -eu
cd "$(dirname "$0")"
export TZ=UTC LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH=1700000000 MTOOLS_SKIP_CHECK=1 MTOOLS_NO_VFAT=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# text SEED BYTES: numbered lines, so that every block of a file differs from every other.
text() { seq -f "$1 line %08.0f of a file that tells its own place" 1 100000 | head -c "$2" || true; }

# stamp FILE: each file has a time of its own, even seconds since FAT has no others.
minute=0
stamp() { minute=$((minute + 1)); touch -d "2023-05-06 07:00:10 UTC + $minute minutes" "$1"; }

# note STATE TYPE PATH [FILE]: adds to the truth.
note() {
	local state=$1 type=$2 path=$3 file=${4-}
	printf '%s\n  {"path": "%s", "state": "%s", "type": "%s"' "$sep" "$path" "$state" "$type" >>"$truth"
	if [ -n "$file" ]; then
		printf ', "size": %d, "sha256": "%s", "mtime": "%s"' "$(stat -c %s "$file")" \
			"$(sha256sum <"$file" | cut -d' ' -f1)" "$(date -u -d "@$(stat -c %Y "$file")" +%FT%TZ)" >>"$truth"
	fi
	printf '}' >>"$truth"
	sep=,
}

# put PATH SEED BYTES: a live file. keep PATH FILE: remembers a file's content for a later note.
put() {
	text "$2" "$3" >"$tmp/f"
	stamp "$tmp/f"
	mcopy -i "$img" -m "$tmp/f" "::$1"
	cp -p "$tmp/f" "$tmp/kept-$(echo "$1" | tr '/ ' '__')"
}
kept() { echo "$tmp/kept-$(echo "$1" | tr '/ ' '__')"; }
live() { put "$1" "$2" "$3"; note "" file "$1" "$(kept "$1")"; }
dir() { mmd -i "$img" "::$1"; note "" dir "$1"; }

begin() { # begin NAME
	img=$tmp/$1.img truth=$1.json sep=
	printf '[' >"$truth"
	note "" dir ""
}
finish() { # finish NAME
	printf '\n]\n' >>"$truth"
	gzip -9nc "$img" >"$1.img.gz"
}

# fill makes the same tree on each kind of volume: names of every sort, sizes around the cluster, pieces.
fill() {
	live "EMPTY.TXT" empty 0
	live "ONE.TXT" one 1
	live "a file with a long name.txt" long 3000
	live "Grüße aus Köln.txt" latin 700
	live "привет мир.txt" cyrillic 900
	live "写真と思い出.jpg" cjk 5000
	# mtools cannot write characters beyond 16 bits: the places of two of them are changed afterwards.
	put "ZZ party YY 2023.txt" emoji 4096
	LC_ALL=C sed -i 's/Z\x00Z\x00/\x3c\xd8\x89\xdf/; s/Y\x00Y\x00/\x3c\xd8\x82\xdf/' "$img"
	note "" file "🎉 party 🎂 2023.txt" "$(kept "ZZ party YY 2023.txt")"
	live "lower.txt" lower 511
	live "UPPER.txt" mixed 512
	live "lower.TXT2" other 513
	dir "DCIM"
	dir "DCIM/100CANON"
	dir "DCIM/deep folder with a long name"
	dir "DCIM/deep folder with a long name/level 3"
	live "DCIM/100CANON/IMG_0001.JPG" i1 20000
	live "DCIM/100CANON/IMG_0002.JPG" i2 30000
	live "DCIM/deep folder with a long name/level 3/bottom.dat" bottom 9999
	# A file in pieces: holes are made before it is written.
	for i in 1 2 3 4 5 6 7 8; do put "gap$i.tmp" "gap$i" 1500; done
	put "tail.bin" tail 2000
	mdel -i "$img" ::gap1.tmp ::gap3.tmp ::gap5.tmp ::gap7.tmp
	live "pieces.bin" pieces 60000
	for i in 2 4 6 8; do note "" file "gap$i.tmp" "$(kept "gap$i.tmp")"; done
	note "" file tail.bin "$(kept tail.bin)"
	# Many entries: the directory has more than one cluster.
	dir "many"
	for i in $(seq -w 1 60); do live "many/entry number $i.txt" "many$i" 40; done
	mattrib -i "$img" +r ::UPPER.txt
	mattrib -i "$img" +h +s ::ONE.TXT
	# Deleted, with nothing written afterwards.
	put "deleted with a long name.txt" dlong 7000
	put "DELSHORT.TXT" dshort 2500
	mmd -i "$img" "::gone folder" "::gone folder/inner"
	put "gone folder/first.txt" gfirst 600
	put "gone folder/inner/second file.txt" gsecond 6000
	mdel -i "$img" "::deleted with a long name.txt" ::DELSHORT.TXT
	mdeltree -i "$img" "::gone folder"
	note deleted file "deleted with a long name.txt" "$(kept "deleted with a long name.txt")"
	note deleted file "_ELSHORT.TXT" "$(kept "DELSHORT.TXT")"
	note deleted dir "gone folder"
	# Without a long name the first letter is lost.
	note deleted file "gone folder/_irst.txt" "$(kept "gone folder/first.txt")"
	note deleted dir "gone folder/_nner"
	note deleted file "gone folder/_nner/second file.txt" "$(kept "gone folder/inner/second file.txt")"
}

begin floppy12
mformat -i "$img" -C -f 1440 -N 12345678 -v FLOPPY ::
fill
finish floppy12

begin fat16
truncate -s 6M "$img"
mkfs.vfat -F 16 -s 2 --invariant -i 16161616 -n "FAT SIXTEEN" "$img" >/dev/null
fill
finish fat16

begin fat32
truncate -s 34M "$img"
mkfs.vfat -F 32 -s 1 --invariant -i 32323232 -n FAT32VOL "$img" >/dev/null
fill
finish fat32

begin sector4096
truncate -s 20M "$img"
mkfs.vfat -F 16 -S 4096 -s 1 --invariant -i 40964096 "$img" >/dev/null
fill
finish sector4096

# Deleted files whose places were taken again by newer ones.
begin overwritten
truncate -s 3M "$img"
mkfs.vfat -F 12 -s 4 --invariant -i 0badcafe "$img" >/dev/null
put "slot.txt" slot 0
put "first long name.txt" first 20000
put "second long name.txt" second 20000
live "last.txt" last 4000
mdel -i "$img" ::slot.txt "::first long name.txt" "::second long name.txt"
live "newer.txt" newer 3000
note deleted file "second long name.txt" "$(kept "second long name.txt")"
finish overwritten

# A deleted file that had been written around an older one.
begin around
truncate -s 3M "$img"
mkfs.vfat -F 12 -s 4 --invariant -i 0a0b0c0d "$img" >/dev/null
put "hole.txt" hole 8000
live "older.txt" older 9000
mdel -i "$img" ::hole.txt
put "written around.txt" around 30000
mdel -i "$img" "::written around.txt"
note deleted file "written around.txt" "$(kept "written around.txt")"
finish around
ls -l -- *.gz
