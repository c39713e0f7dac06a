#!/usr/bin/env bash
# Makes volumes whose every file is known: fat32.img and exfat.img with deleted files; the same after 60 more files were
# written (-overwritten), so that some of the deleted ones are gone; and the same after a quick format and two new files
# (-formatted). NAME.truth.json stands beside each.
#
#   bench/fat/image.sh FOLDER [SEED]     SEED: 1 unless told
#
# Needs root, a loop device, FUSE, and: dosfstools mtools exfatprogs exfat-fuse ffmpeg python3. The same SEED gives the same files;
# the drivers choose their places.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH=1773100800 MTOOLS_SKIP_CHECK=1
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "${1:?usage: image.sh FOLDER [SEED]}")
seed=${2:-1}
mkdir -p "$out"
W=$(mktemp -d "$out/make.XXXXXX")
loop=
unmount() {
    umount "$W/mnt"
    while fuser -s "$loop" 2>/dev/null; do sleep 0.1; done
    losetup -d "$loop"
    loop=
}
trap '[ -z "$loop" ] || unmount; rm -rf "$W"' EXIT
mkdir "$W/mnt" "$W/src"
ffmpeg -v error -y -f lavfi -i "testsrc2=size=640x480:rate=1" -vf "noise=alls=14:allf=t:all_seed=$seed" -threads 1 -frames:v 250 -q:v 4 \
    -pix_fmt yuvj420p -flags +bitexact "$W/src/photo-%04d.jpg"
python3 "$here/make.py" content "$W" "$seed"

truncate -s 256M "$out/fat32.img"
mkfs.vfat -F 32 -s 4 --invariant -i "$(printf %08x "$seed")" -n BENCH "$out/fat32.img" >/dev/null
python3 "$here/make.py" fat32 "$W" "$seed" "$out/fat32.img"
cp --sparse=always "$out/fat32.img" "$out/fat32-formatted.img"
mkfs.vfat -F 32 -s 4 --invariant -i 77777777 -n NEW "$out/fat32-formatted.img" >/dev/null
mcopy -i "$out/fat32-formatted.img" "$W/src/late-0.txt" "$W/src/late-1.txt" ::
python3 "$here/make.py" formatted "$W" "$seed" "$out/fat32"
cp --sparse=always "$out/fat32.img" "$out/fat32-overwritten.img"
python3 "$here/make.py" overwrite "$W" "$seed" "$out/fat32"

truncate -s 256M "$out/exfat.img"
mkfs.exfat -c 4096 -L BENCH "$out/exfat.img" >/dev/null
loop=$(losetup -f --show "$out/exfat.img")
mount.exfat-fuse "$loop" "$W/mnt" >/dev/null 2>&1
python3 "$here/make.py" exfat "$W" "$seed" "$out/exfat.img"
unmount
cp --sparse=always "$out/exfat.img" "$out/exfat-formatted.img"
mkfs.exfat -c 4096 -L NEW "$out/exfat-formatted.img" >/dev/null
loop=$(losetup -f --show "$out/exfat-formatted.img")
mount.exfat-fuse "$loop" "$W/mnt" >/dev/null 2>&1
cp "$W/src/late-0.txt" "$W/src/late-1.txt" "$W/mnt/"
unmount
python3 "$here/make.py" formatted "$W" "$seed" "$out/exfat"
cp --sparse=always "$out/exfat.img" "$out/exfat-overwritten.img"
loop=$(losetup -f --show "$out/exfat-overwritten.img")
mount.exfat-fuse "$loop" "$W/mnt" >/dev/null 2>&1
python3 "$here/make.py" overwrite "$W" "$seed" "$out/exfat"
unmount
ls -ls "$out"
