#!/bin/bash
# Makes the images of this folder and the truth about them. Needs e2fsprogs, python3, gzip; with root, the
# images that Linux itself wrote (kernel-*) are made too.
#
#	filesystem/ext/testdata/make.sh
#
# NAME.json is the truth about NAME.img.gz for filesystemtest; full.json and plain.json are that of every
# image made of those trees.
set -eu
cd "$(dirname "$0")"
here=$PWD
export TZ=UTC LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH=1700000000 E2FSPROGS_FAKE_TIME=1700000000
tmp=$(mktemp -d)
trap 'umount "$tmp/mnt" 2>/dev/null || true; rm -rf "$tmp"' EXIT
# A configuration of our own, so that what the system's says does not matter.
export MKE2FS_CONFIG=$tmp/mke2fs.conf
printf '[defaults]\n[fs_types]\next3 = {\ninode_ratio = 4096\n}\nsmall = {\ninode_ratio = 4096\n}\n' >"$MKE2FS_CONFIG"
for kind in full deleted many sparse plain; do python3 tree.py "$kind" "$tmp/$kind"; done

for kind in full plain; do python3 tree.py truth "$tmp/$kind" >$kind.json; done

seed=2f0a1f4e-0b3d-4a51-8f0e-6f6c3b7a9d10
number=0

# make NAME TREE SIZE OPTIONS...: an image with a tree. mke2fs.conf is not read: all features are named.
make() {
	local name=$1 tree=$2 size=$3
	shift 3
	number=$((number + 1))
	rm -f "$tmp/$name.img"
	truncate -s "$size" "$tmp/$name.img"
	mke2fs -q -F -L "$name" -U "$(printf '5a1f0000-0000-4000-8000-%012d' $number)" -d "$tmp/$tree" "$@" "$tmp/$name.img"
}

# store NAME [TREE [DELETED]]: keeps the image, with the truth about its tree.
store() {
	gzip -9nc "$tmp/$1.img" >"$1.img.gz"
	if [ $# -gt 1 ]; then python3 tree.py truth "$tmp/$2" "${@:3}" >"$1.json"; fi
}

# edit NAME COMMANDS: debugfs on an image.
edit() { printf '%s\n' "$2" >"$tmp/commands" && debugfs -w -f "$tmp/commands" "$tmp/$1.img" >/dev/null 2>&1; }

ext3=has_journal,ext_attr,resize_inode,dir_index,filetype,sparse_super,large_file
ext4=$ext3,extent,64bit,flex_bg,metadata_csum,huge_file,dir_nlink,extra_isize
common="-E lazy_itable_init=0,hash_seed=$seed"

make ext2 full 4M -O none,ext_attr,resize_inode,dir_index,filetype,sparse_super,large_file -b 1024 -I 128 -g 1024 -N 512 $common
store ext2
make ext2-plain plain 1M -O none -r 0 -b 1024 -I 128 -g 256 -N 64
store ext2-plain
make ext3 full 6M -O none,$ext3 -b 1024 -I 128 -g 2048 -N 512 -J size=1 $common
store ext3
make ext4 full 12M -O none,$ext4 -b 1024 -I 256 -g 1024 -N 1024 -J size=1 $common
store ext4
make ext4-inline full 6M -O none,$ext4,inline_data -b 1024 -I 256 -g 1024 -N 512 -J size=1 $common
# This mke2fs loses what is behind the last block of a sparse file here.
edit ext4-inline "set_inode_field /hole.bin size 200001
set_inode_field /pieces.bin size 820224"
store ext4-inline
make ext4-4k full 16M -O none,$ext4 -b 4096 -I 256 -g 1024 -N 512 -J size=4 $common
store ext4-4k
make ext4-64k full 16M -O none,${ext4/has_journal,/} -b 65536 -I 256 -N 512 $common
store ext4-64k
make meta_bg full 10M -O none,${ext4/resize_inode,/},meta_bg -b 1024 -I 256 -g 256 -N 1024 -J size=1 $common
store meta_bg
make bigalloc full 32M -O none,${ext4/resize_inode,/},bigalloc -b 4096 -C 16384 -I 256 -N 512 -J size=4 $common
store bigalloc
make gdt_csum full 6M -O none,${ext4/64bit,flex_bg,metadata_csum/flex_bg,uninit_bg} -b 1024 -I 256 -g 1024 -N 512 -J size=1 $common
store gdt_csum
make sparse2 plain 4M -O none,${ext4/resize_inode,/},sparse_super2 -b 1024 -I 256 -g 256 -N 256 -J size=1 $common,num_backup_sb=2
store sparse2
make htree many 8M -O none,$ext4 -b 1024 -I 256 -N 2200 -J size=1 $common
e2fsck -fyD "$tmp/htree.img" >/dev/null || [ $? -lt 4 ]
store htree many
make sparse sparse 2M -O none,ext_attr,filetype,sparse_super,large_file -b 1024 -I 128 -N 64
store sparse sparse

# Blocks that are reserved and not written read as zeros.
make unwritten plain 4M -O none,$ext4 -b 1024 -I 256 -g 1024 -N 128 -J size=1 $common
edit unwritten "fallocate /unwritten.bin 1 50
set_inode_field /unwritten.bin size 40000"
cp -a "$tmp/plain" "$tmp/unwritten"
truncate -s 40000 "$tmp/unwritten/unwritten.bin"
touch -r "$tmp/plain/unwritten.bin" "$tmp/unwritten/unwritten.bin"
store unwritten unwritten

# debugfs leaves the extents and pointers of what it removes.
gone='gone/photo 1.jpg,gone/photo 2.jpg,gone/inner.txt,root file.txt,a name that is long enough to be left in the slack.txt'
removed='rm "/gone/photo 1.jpg"
rm "/gone/photo 2.jpg"
rm /gone/inner.txt
rm "/root file.txt"
rm "/a name that is long enough to be left in the slack.txt"'
make removed-ext4 deleted 4M -O none,$ext4 -b 1024 -I 256 -g 1024 -N 128 -J size=1 $common
edit removed-ext4 "$removed"
store removed-ext4 deleted "$gone"
make removed-ext2 deleted 2M -O none,ext_attr,filetype,sparse_super,large_file -b 1024 -I 128 -g 1024 -N 128
edit removed-ext2 "$removed"
store removed-ext2 deleted "$gone"

# Blocks of removed files that a new file has taken.
make reused deleted 1M -O none,${ext4/has_journal,/} -b 1024 -I 256 -g 1024 -N 64 $common
python3 - "$tmp/new.bin" <<'P'
import sys
open(sys.argv[1], "wb").write(b"".join(b"new content %06d\n" % i for i in range(32000 // 19)))
P
edit reused "$removed
write $tmp/new.bin new.bin"
store reused

# Features that are told.
make encrypt plain 4M -O none,$ext4,encrypt -b 1024 -I 256 -g 1024 -N 128 -J size=1 $common
edit encrypt 'set_inode_field "/folder/file 3.txt" flags 0x80800'
store encrypt
make casefold plain 4M -O none,$ext4,casefold -b 1024 -I 256 -g 1024 -N 128 -J size=1 -E lazy_itable_init=0,hash_seed=$seed,encoding=utf8
store casefold
cp -a "$tmp/full" "$tmp/ea"
python3 -c "import os, sys; os.setxattr(sys.argv[1], 'user.large', b'a large value %d\n' * 180)" "$tmp/ea/one.txt"
make ea_inode ea 8M -O none,$ext4,ea_inode -b 1024 -I 256 -g 1024 -N 512 -J size=1 $common
store ea_inode ea

# What Linux itself writes and removes. The names and the block lists of removed files are wiped.
if [ "$(id -u)" = 0 ] && [ -z "${NO_MOUNT:-}" ]; then
	mkdir -p "$tmp/mnt"
	make kernel-deleted deleted 8M -O none,$ext4 -b 1024 -I 256 -g 2048 -N 1024 -J size=1 $common
	if mount -o loop "$tmp/kernel-deleted.img" "$tmp/mnt"; then
		rm "$tmp/mnt/gone/photo 1.jpg" "$tmp/mnt/root file.txt" "$tmp/deleted/gone/photo 1.jpg" "$tmp/deleted/root file.txt"
		for i in $(seq 1 400); do echo "entry $i" >"$tmp/mnt/stay/entry number $i.txt"; done
		rm "$tmp"/mnt/stay/entry*[1-9].txt
		cp -a "$tmp"/mnt/stay/entry*.txt "$tmp/deleted/stay/"
		python3 - "$tmp/mnt" <<'P'
import os, sys
fd = os.open(sys.argv[1] + "/fragments.bin", os.O_RDWR | os.O_CREAT)
for i in range(300):
    os.pwrite(fd, b"%06d fragment\n" % i * 73, i * 3072)
os.close(fd)
fd = os.open(sys.argv[1] + "/preallocated.bin", os.O_RDWR | os.O_CREAT)
os.posix_fallocate(fd, 0, 200000)
os.pwrite(fd, b"in the middle" * 100, 70000)
os.close(fd)
P
		cp -a "$tmp/mnt/fragments.bin" "$tmp/mnt/preallocated.bin" "$tmp/deleted/"
		find "$tmp/mnt/stay" "$tmp/mnt/gone" -maxdepth 0 | while read -r d; do touch -r "$d" "$tmp/deleted/${d##*/}"; done
		umount "$tmp/mnt"
		store kernel-deleted deleted
		# The same volume as it was when power failed: its journal is newer than its tables.
		make kernel-torn plain 4M -O none,$ext4 -b 1024 -I 256 -g 2048 -N 256 -J size=1 $common
		mount -o loop,commit=1 "$tmp/kernel-torn.img" "$tmp/mnt"
		for i in $(seq 1 50); do echo "late $i" >"$tmp/mnt/late $i.txt"; done
		sync -f "$tmp/mnt" && sleep 1
		cp "$tmp/kernel-torn.img" "$tmp/torn"
		umount "$tmp/mnt"
		cp "$tmp/torn" "$tmp/kernel-torn.img"
		store kernel-torn
	fi
fi
du -cb ./*.gz ./*.json | tail -1
