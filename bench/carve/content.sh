#!/usr/bin/env bash
# Makes the files that the carving images are built of: POOL/<kind>/<number>.<kind>, none equal to another.
#
#   bench/carve/content.sh POOL [SEED]     SEED: 1 unless told; another one gives other files
#
# Needs ffmpeg, imagemagick, libjpeg-turbo-progs, exiftool, libreoffice, qpdf, p7zip-full, sqlite3, zstd, xz, bzip2, python3.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH=1773100800
here=$(cd "$(dirname "$0")" && pwd)
pool=$(realpath -m "${1:?usage: content.sh POOL [SEED]}")
seed=${2:-1}
mkdir -p "$pool"
W=$(mktemp -d "$pool.XXXXXX")
trap 'rm -rf "$W"' EXIT
kind() { mkdir -p "$pool/$1"; }
ff() { ffmpeg -v error -y -threads 2 "$@"; }
scene() { echo "testsrc2=size=$1:rate=$2,noise=alls=$3:allf=t:all_seed=$((seed * 100 + $4))"; }
sound() { echo "aevalsrc=0.4*sin(2*PI*t*(200+$1*13+90*sin(t*1.7)))+0.08*random($1):s=44100:d=$2"; }

# Photos: from a camera's encoder, from a picture editor (baseline, progressive), with restart markers, small ones.
kind jpg
ff -f lavfi -i "$(scene 2560x1440 1 14 1)" -frames:v 36 -q:v 5 -pix_fmt yuvj420p -flags +bitexact -start_number 0 "$pool/jpg/c%d.jpg"
plasma() { convert -size "$1" -seed $((seed * 1000 + $2)) plasma:fractal -attenuate 0.12 +noise Gaussian "${@:3}"; }
export -f plasma; export seed pool W
seq 0 29 | xargs -P 2 -I{} bash -c 'plasma 1800x1350 {} -quality $((82 + {} % 12)) $pool/jpg/e{}.jpg'
seq 30 44 | xargs -P 2 -I{} bash -c 'plasma 1600x1200 {} -interlace JPEG -quality $((80 + {} % 12)) $pool/jpg/p{}.jpg'
seq 45 70 | xargs -P 2 -I{} bash -c 'plasma $((200 + {} * 9))x$((150 + {} * 7)) {} -quality 85 $pool/jpg/s{}.jpg'
for i in $(seq 0 9); do
    jpegtran -restart 2 "$pool/jpg/e$i.jpg" >"$W/r.jpg" && mv "$W/r.jpg" "$pool/jpg/e$i.jpg"
done
for i in $(seq 10 35); do convert "$pool/jpg/c$i.jpg" -thumbnail 160x120 -strip "$W/c$i.thumb.jpg"; done
(cd "$pool/jpg" && exiftool -q -overwrite_original -Make=ACME "-Model=FieldCam 3" "-DateTimeOriginal=2026:02:11 08:15:30" \
    "-ThumbnailImage<=$W/%f.thumb.jpg" c1?.jpg c2?.jpg c3?.jpg 2>/dev/null)

kind png; kind gif; kind bmp; kind tiff; kind webp; kind svg
seq 100 127 | xargs -P 2 -I{} bash -c 'plasma $((300 + ({} % 9) * 110))x$((260 + ({} % 7) * 100)) {} $pool/png/e{}.png'
ff -f lavfi -i "$(scene 640x480 1 20 2)" -frames:v 14 -pix_fmt rgb24 "$pool/png/f%d.png"
for i in $(seq 15); do ff -f lavfi -i "$(scene $((120 + i * 20))x160 5 9 $((20 + i)))" -t 3 "$pool/gif/$i.gif"; done
seq 130 136 | xargs -P 2 -I{} bash -c 'plasma 700x500 {} BMP3:$pool/bmp/{}.bmp'
seq 140 144 | xargs -P 2 -I{} bash -c 'plasma 800x600 {} -compress LZW $pool/tiff/{}.tiff'
seq 145 148 | xargs -P 2 -I{} bash -c 'plasma 800x600 {} -compress none $pool/tiff/{}.tiff'
seq 150 158 | xargs -P 2 -I{} bash -c 'plasma 900x700 {} -quality 88 $pool/webp/{}.webp'

# Video and sound, one long recording cut into files.
cut_up() { # kind seconds each count size noise number options...
    kind "$1"
    ff -f lavfi -i "$(scene "$5" 25 "$6" "$7")" -f lavfi -i "$(sound "$7" $(($2 * $4)))" -t $(($2 * $4)) "${@:8}" -fflags +bitexact -flags +bitexact \
        -f segment -segment_time "$2" -reset_timestamps 1 -segment_start_number "$7" "$pool/$1/$7-%03d.$1"
}
avc=(-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p)
cut_up mp4 8 14 14 640x360 12 10 "${avc[@]}" -c:a aac -b:a 96k
cut_up mp4 6 12 12 640x360 12 11 "${avc[@]}" -c:a aac -b:a 64k -segment_format_options movflags=+faststart
cut_up mov 6 12 12 640x360 12 12 "${avc[@]}" -c:a aac -b:a 96k
cut_up avi 5 9 9 640x360 10 13 -c:v mpeg4 -q:v 5 -c:a libmp3lame -b:a 96k
cut_up mkv 6 8 8 640x360 12 14 "${avc[@]}" -c:a libmp3lame -b:a 96k
cut_up webm 3 4 4 320x240 6 15 -c:v libvpx -deadline realtime -cpu-used 8 -b:v 1500k -c:a libopus
cut_up mpg 4 13 13 480x360 8 16 -c:v mpeg2video -q:v 6 -c:a mp2 -b:a 128k -segment_format mpeg
cut_up ts 4 4 4 480x360 8 17 -c:v mpeg2video -q:v 6 -c:a mp2 -b:a 128k -segment_format mpegts
cut_up flv 4 4 4 480x360 8 18 -c:v flv1 -q:v 6 -c:a libmp3lame -ar 44100
cut_up wmv 4 3 3 480x360 8 19 -c:v wmv2 -q:v 6 -c:a wmav2 -segment_format asf
tracks() { # kind seconds count number options...
    kind "$1"
    for i in $(seq "$3"); do
        ff -f lavfi -i "$(sound $(($4 + i + seed * 50)) $(($2 + i * 3)))" -fflags +bitexact -flags +bitexact -metadata "title=Track $i of $4" -metadata artist="Band $seed" "${@:5}" "$pool/$1/$4-$i.$1"
    done
}
tracks mp3 60 16 200 -c:a libmp3lame -b:a 192k
tracks mp3 30 22 230 -c:a libmp3lame -q:a 3 -write_xing 1
tracks wav 25 12 260
tracks flac 40 12 280 -c:a flac
tracks ogg 50 6 300 -c:a libvorbis -q:a 4
tracks opus 50 4 310 -c:a libopus -b:a 96k
tracks m4a 60 6 320 -c:a aac -b:a 128k -movflags +faststart

# What python writes, and the sources of documents.
python3 "$here/content.py" "$pool" "$W" "$seed"
soffice() { libreoffice "-env:UserInstallation=file://$W/profile" --headless --convert-to "$1" --outdir "$W/out-$2" "$W/$2"/* >/dev/null 2>&1; kind "$2"; cp "$W/out-$2"/* "$pool/$2/"; }
soffice pdf:writer_web_pdf_Export pdf
soffice docx:"Office Open XML Text" docx
soffice doc:"MS Word 97" doc
soffice odt:writer8 odt
soffice rtf:"Rich Text Format" rtf
soffice xlsx:"Calc MS Excel 2007 XML" xlsx
soffice xls:"MS Excel 97" xls
for i in 0 1 2 3 4; do qpdf --object-streams=generate --deterministic-id "$pool/pdf/d$i.pdf" "$W/q.pdf" && mv "$W/q.pdf" "$pool/pdf/d$i.pdf"; done
for i in 5 6 7 8 9; do qpdf --linearize --deterministic-id "$pool/pdf/d$i.pdf" "$W/q.pdf" && mv "$W/q.pdf" "$pool/pdf/d$i.pdf"; done

# Archives of the sources.
kind 7z; kind bz2; kind xz; kind tar; kind zst
for i in $(seq 0 9); do (cd "$pool" && 7z a -bd -y "$pool/7z/$i.7z" "txt/t$i.txt" "wav/260-$((i + 1)).wav" "sqlite/$i.sqlite" >/dev/null); done
for i in $(seq 0 6); do
    head -c $((400000 + i * 300000)) "$pool/wav/260-$((i + 1)).wav" | bzip2 >"$pool/bz2/$i.bz2"
    tail -c $((500000 + i * 300000)) "$pool/wav/260-$((i + 2)).wav" | xz >"$pool/xz/$i.xz"
    tail -c $((600000 + i * 200000)) "$pool/wav/260-$((i + 3)).wav" | zstd -q --check >"$pool/zst/$i.zst"
    tar -C "$pool" --remove-files --sort=name --mtime=@1773100800 --owner=0 --group=0 -cf "$pool/tar/$i.tar" "txt/t1$i.txt" "jpg/s$((i + 46)).jpg" "html/h$i.html" "mp3/200-$((i + 1)).mp3"
done
kind elf; kind ttf
find /usr/bin /usr/lib -xdev -type f -size +60k -size -3000k -perm -u+x | sort | while read -r f; do
    head -c 4 "$f" | grep -qa ELF && echo "$f"; done | awk -v s="$seed" 'NR % 13 == s % 13' | head -18 | nl -n ln | while read -r n f; do cp "$f" "$pool/elf/$n.elf"; done
find /usr/share/fonts -name '*.ttf' | sort | head -6 | nl -n ln | while read -r n f; do cp "$f" "$pool/ttf/$n.ttf"; done
find "$pool" -type f -size 0 -delete
du -sm "$pool" | cut -f 1
