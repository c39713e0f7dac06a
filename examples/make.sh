#!/usr/bin/env bash
# Makes gateway.img and gateway.truth.json: the disk of a gateway whose firmware update was cut off.
#
# Needs root (a loop mount), Linux, and: gdisk e2fsprogs dosfstools mtools ffmpeg imagemagick exiftool
# libreoffice-writer libreoffice-calc qpdf sqlite3 zip python3. Nothing here is needed to use the image.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH=1773100800 E2FSPROGS_FAKE_TIME=1773100800
cd "$(dirname "$0")"
out=${1:-$PWD}
W=$(mktemp -d)
trap 'mountpoint -q "$W/mnt" && umount "$W/mnt"; rm -rf "$W"' EXIT
MiB=$((1 << 20))

python3 make/content.py "$W"

# ---- photos, drawings, clips, office files, databases ------------------------------------------------
photo() { # seed size path date camera
    mkdir -p "$(dirname "$W/$3")"
    convert -size "$2" -seed "$1" plasma:fractal -blur 0x1.2 -quality 82 "$W/photo.jpg"
    convert "$W/photo.jpg" -resize 160x120 -strip -quality 70 "$W/thumb.jpg"
    exiftool -q -overwrite_original -Make=ACME "-Model=$5" "-DateTimeOriginal=$4" "-CreateDate=$4" \
        -ExposureTime=1/125 -FNumber=4 -ISO=200 "-ThumbnailImage<=$W/thumb.jpg" "$W/photo.jpg"
    mv "$W/photo.jpg" "$W/$3"
}
photo 11 800x600 "data/live/photos/2026/IMG_0101.JPG" "2026:02:11 08:15:30" "FieldCam 3"
photo 12 640x480 "data/live/photos/2026/IMG_0102.JPG" "2026:02:11 08:17:02" "FieldCam 3"
photo 13 720x540 "data/live/photos/мост у реки.jpg" "2025:09:28 17:44:10" "FieldCam 3"
photo 14 640x480 "data/removed/photos/2026/IMG_0103.JPG" "2026:02:12 10:01:55" "FieldCam 3"
photo 15 800x600 "data/deleted/photos/2026/IMG_0104.JPG" "2026:02:12 10:03:21" "FieldCam 3"
photo 16 640x480 "data/free/IMG_0099.JPG" "2026:01:30 14:20:00" "FieldCam 2"
photo 17 720x540 "gap/IMG_0001.JPG" "2024:05:13 09:00:00" "LineCam"
photo 18 480x360 "boot/deleted/DCIM0042.JPG" "2024:06:01 12:00:00" "LineCam"

drawing() { # seed size path
    mkdir -p "$(dirname "$W/$3")"
    convert -size "$2" -seed "$1" plasma:steelblue-white -posterize 12 -define png:exclude-chunks=date,time "$W/drawing.png"
    mv "$W/drawing.png" "$W/$3"
}
drawing 21 480x320 "data/live/drawings/plan of the pump house.png"
drawing 22 400x300 "data/deleted/drawings/plan old.png"
drawing 23 420x300 "data/free/sketch.png"
drawing 24 300x220 "gap/label.png"
drawing 25 240x180 "boot/live/Übergabe – Gerätefoto Nº 7 (Schrank, offen) 現場.png"
drawing 26 200x120 "rootfs_a/usr/share/web/logo.png"
drawing 27 200x120 "rootfs_b/usr/share/web/logo.png"

clip() { # seconds frequency path
    mkdir -p "$(dirname "$W/$3")"
    ffmpeg -v error -y -f lavfi -i "testsrc2=size=256x144:rate=15:duration=$1" -f lavfi -i "sine=frequency=$2:duration=$1" \
        -c:v libx264 -threads 1 -crf 30 -pix_fmt yuv420p -c:a aac -b:a 32k -shortest -movflags "$4" -fflags +bitexact \
        -flags:v +bitexact -flags:a +bitexact -metadata creation_time=2026-02-12T10:05:00Z "$W/$3"
}
clip 4 440 "data/live/photos/2026/MOV_0001.MP4" +faststart
clip 3 660 "data/free/MOV_0000.MP4" +faststart
clip 2 880 "data/removed/photos/2026/MOV_0002.MP4" 0

office() { # from to path
    libreoffice "-env:UserInstallation=file://$W/profile" --headless --convert-to "$2" --outdir "$W/made" "$W/text/$1" >/dev/null 2>&1
    mkdir -p "$(dirname "$W/$3")"
    mv "$W/made/${1%.*}.${2%%:*}" "$W/$3"
}
office manual.html docx:"Office Open XML Text" "data/live/documents/pump manual.docx"
office invoice.html odt:writer8 "data/live/documents/invoice 2026-031.odt"
office budget.csv xlsx "data/live/documents/budget.xlsx"
office manual.html pdf:writer_web_pdf_Export "data/live/documents/pump manual.pdf"
office lease.html docx:"Office Open XML Text" "data/free/lease.docx"
office lease.html pdf:writer_web_pdf_Export "data/deleted/documents/lease.pdf"
office stock.csv xlsx "data/removed/documents/stock.xlsx"
office invoice.html pdf:writer_web_pdf_Export "invoice.pdf"
qpdf --deterministic-id --linearize "$W/invoice.pdf" "$W/data/free/invoice.pdf"

for db in readings:data/live/readings/readings.db alarms:data/free/alarms.db visits:data/deleted/readings/visits.db; do
    mkdir -p "$(dirname "$W/${db#*:}")"
    sqlite3 "$W/${db#*:}" <"$W/text/${db%%:*}.sql"
done
mkdir "$W/zip"
cp "$W/text/budget.csv" "$W/text/manual.html" "$W/text/stock.csv" "$W/zip/"
find "$W" -exec touch -h -d @1772800000 {} +
(cd "$W/zip" && zip -q -X "$W/data/free/backup.zip" budget.csv manual.html stock.csv)
(cd "$W/zip" && zip -q -X "$W/gap/factory.zip" stock.csv manual.html)

# ---- boot: FAT16 -------------------------------------------------------------------------------------
B=$W/boot.img
truncate -s $((3 * MiB)) "$B"
mkfs.vfat -F 16 -s 1 -n BOOT --invariant "$B" >/dev/null
mcopy -i "$B" -m "$W/boot/live/config.txt" "$W/boot/live/uboot-env.txt" "$W/boot/live/zImage" ::
mcopy -i "$B" -m -s "$W/boot/live/overlays" ::
mcopy -i "$B" -m "$W/boot/deleted/"* ::
mcopy -i "$B" -m "$W/boot/live/"*.png ::
for f in "$W/boot/deleted/"*; do
    python3 make/truth.py fat "$B" "$f" "$(mshowfat -i "$B" "::${f##*/}")" >>"$W/places.jsonl"
done
for f in "$W/boot/deleted/"*; do mdel -i "$B" "::${f##*/}"; done

# ---- the slots: ext4 without journal -------------------------------------------------------------------
slot() { # tree uuid label
    mke2fs -q -t ext4 -O ^has_journal -b 1024 -m 0 -N 64 -U "$2" -L "$3" -E hash_seed="$2",lazy_itable_init=0,root_owner=0:0 -d "$W/$1" "$W/$1.img" 1m
}
slot rootfs_a 6a1f0b00-0000-4000-8000-00000000000a rootfs_a
slot rootfs_b 6a1f0b00-0000-4000-8000-00000000000b rootfs_b
slot rootfs_b_old 6a1f0b00-0000-4000-8000-0000000000b0 rootfs_b
# the update stopped in the middle of slot B
dd if="$W/rootfs_b_old.img" of="$W/slot_b.img" bs=$MiB status=none
dd if="$W/rootfs_b.img" of="$W/slot_b.img" bs=1024 count=512 conv=notrunc status=none

# ---- data: ext4 with the defaults ------------------------------------------------------------------------
D=$W/data.img
mke2fs -q -t ext4 -b 1024 -I 256 -m 0 -U 6a1f0b00-0000-4000-8000-0000000000da -L data \
    -E hash_seed=6a1f0b00-0000-4000-8000-0000000000da,lazy_itable_init=0,lazy_journal_init=0 "$D" 8m
mkdir "$W/mnt"
mount -o loop,nodiscard "$D" "$W/mnt"
M=$W/mnt
interleave() { # source path: in several runs, because another file grows in between
    mkdir -p "$(dirname "$M/$2")"
    python3 - "$1" "$M/$2" "$M/.between" <<'PY'
import os, sys
data = open(sys.argv[1], "rb").read()
def grow(path, some):  # closed each time: an open file keeps the blocks behind its end to itself
    with open(path, "ab") as f:
        f.write(some)
        f.flush()
        os.fsync(f.fileno())
step = (len(data) // 4 + 1023) // 1024 * 1024
for at in range(0, len(data), step):
    grow(sys.argv[2], data[at:at + step])
    grow(sys.argv[3], bytes(2048))
PY
}
cp -a "$W/data/live/." "$M/"
rm "$M/logs/fragmented.log"
for d in removed deleted; do (cd "$W/data/$d" && find . -type f ! -name pieces.log -exec cp -a --parents {} "$M" \;); done
sync
interleave "$W/data/live/logs/fragmented.log" logs/fragmented.log
interleave "$W/data/deleted/logs/pieces.log" logs/pieces.log
rm "$M/.between"
ln -s ../photos/2026/IMG_0101.JPG "$M/notes/cover.jpg"
ln "$M/readings/meters.json" "$M/readings/meters (same file).json"
python3 - "$M/readings/ring.bin" "$W/data/live/readings/ring.bin" <<'PY'
import random, sys
for p in sys.argv[1:]:
    with open(p, "wb") as f:
        f.truncate(262144)
        f.write(random.Random("ring").randbytes(6000))
        f.seek(131072)
        f.write(random.Random("ring2").randbytes(5000))
PY
find "$M" -exec touch -h -d @1772800000 {} +
sync
umount "$M"
for d in removed deleted; do
    (cd "$W/data/$d" && find . -type f -printf '%P\n' | sort) | while IFS= read -r f; do
        python3 make/truth.py ext "$D" "$W/data/$d/$f" "$f" "$d" >>"$W/places.jsonl"
    done
done
# two ways to go: the kernel empties the inode, an older system leaves it as it was
mount -o loop,nodiscard "$D" "$W/mnt"
(cd "$W/data/removed" && find . -type f -print0) | (cd "$M" && xargs -0 rm)
umount "$M"
(cd "$W/data/deleted" && find . -type f -printf '%P\n' | sort) | while IFS= read -r f; do
    debugfs -w -R "rm \"/$f\"" "$D" >/dev/null 2>&1
done
e2fsck -fn "$D" >/dev/null

# ---- the disk ----------------------------------------------------------------------------------------
I=$out/gateway.img
rm -f "$I"
truncate -s $((16 * MiB)) "$I"
sgdisk -a 2048 -U 6A1F0B00-0000-4000-8000-000000000100 \
    -n 1:2048:8191 -t 1:0700 -c 1:boot -u 1:6A1F0B00-0000-4000-8000-000000000101 \
    -n 2:8192:10239 -t 2:8300 -c 2:rootfs_a -u 2:6A1F0B00-0000-4000-8000-000000000102 \
    -n 3:10240:12287 -t 3:8300 -c 3:rootfs_b -u 3:6A1F0B00-0000-4000-8000-000000000103 \
    -n 4:14336:30719 -t 4:8300 -c 4:data -u 4:6A1F0B00-0000-4000-8000-000000000104 "$I" >/dev/null
dd if="$B" of="$I" bs=$MiB seek=1 conv=notrunc status=none
dd if="$W/rootfs_a.img" of="$I" bs=$MiB seek=4 conv=notrunc status=none
dd if="$W/slot_b.img" of="$I" bs=$MiB seek=5 conv=notrunc status=none
dd if="$D" of="$I" bs=$MiB seek=7 conv=notrunc status=none
# what no file system names any more, and the first table, which the update ran over
python3 make/truth.py finish "$W" "$I" "$out/gateway.truth.json"
ls -l "$I" "$out/gateway.truth.json"
