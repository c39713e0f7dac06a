#!/usr/bin/env bash
# Makes a disk image whose every file is known: IMAGE, and IMAGE.truth.json beside it.
#
#   [SEED=N] bench/image.sh IMAGE [MIB]      MIB: size of the disk, 2048 unless told; SEED: 1 unless told
#
# Needs root (a loop mount), Linux, and: gdisk e2fsprogs dosfstools mtools ffmpeg exiftool
# libreoffice-writer python3. The same MIB and SEED give the same files; the kernel chooses their places.
set -euo pipefail
for tool in sgdisk mke2fs mkfs.vfat mcopy ffmpeg exiftool libreoffice python3; do
    command -v "$tool" >/dev/null || { echo "bench/image.sh: $tool is not installed" >&2; exit 2; }
done
export LC_ALL=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH=1773100800
here=$(cd "$(dirname "$0")" && pwd)
image=$(realpath -m "${1:?usage: image.sh IMAGE [MIB]}")
mib=${2:-2048}
export SEED=${SEED:-1}
noise() { echo $(($1 + (SEED - 1) * 100)); }
W=$(mktemp -d "$(dirname "$image")/bench.XXXXXX")
trap 'mountpoint -q "$W/mnt" && umount "$W/mnt"; rm -rf "$W"' EXIT
part() { echo $(($1 * mib / 2048)); } # a count for the full size, scaled
mkdir -p "$W/src" "$W/mnt" "$W/text" "$W/ext" "$W/fat" "$W/loose"

frames() { # count size quality extension seed
    [ "$1" -gt 0 ] || return 0
    ffmpeg -v error -y -f lavfi -i "testsrc2=size=$2:rate=1" -vf "noise=alls=$3:allf=t:all_seed=$(noise "$5")" -threads 2 -frames:v "$1" \
        -q:v 4 -pix_fmt "$6" -flags +bitexact "$W/src/$4-$5-%04d.$4"
}
frames "$(part 400)" 1280x960 14 jpg 1 yuvj420p
frames "$(part 500)" 640x480 20 jpg 2 yuvj422p
frames "$(part 120)" 2048x1536 10 jpg 3 yuvj420p
frames "$(part 300)" 320x240 12 png 4 rgb24
frames "$(part 100)" 640x480 4 png 5 rgb24
(cd "$W/src" && exiftool -q -overwrite_original -Make=ACME "-Model=FieldCam 3" "-DateTimeOriginal=2026:02:11 08:15:30" jpg-1-*.jpg jpg-2-*.jpg)
ffmpeg -v error -y -f lavfi -i "testsrc2=size=640x360:rate=25,noise=alls=6:allf=t:all_seed=$(noise 6)" -f lavfi -i "sine=frequency=440" -t "$(part 240)" \
    -c:v libx264 -preset ultrafast -threads 2 -g 25 -pix_fmt yuv420p -c:a aac -b:a 48k -flags +bitexact -fflags +bitexact \
    -f segment -segment_time 2 -reset_timestamps 1 -segment_format_options movflags=+faststart "$W/src/clip-%04d.mp4"
python3 "$here/image.py" content "$W" "$mib"
libreoffice "-env:UserInstallation=file://$W/profile" --headless --convert-to pdf:writer_web_pdf_Export --outdir "$W/src" "$W"/text/pdf*.html >/dev/null 2>&1
libreoffice "-env:UserInstallation=file://$W/profile" --headless --convert-to docx:"Office Open XML Text" --outdir "$W/src" "$W"/text/docx*.html >/dev/null 2>&1
python3 "$here/image.py" deal "$W" "$mib"
python3 "$here/image.py" build "$W" "$mib" "$image"
ls -ls "$image" "$image.truth.json"
