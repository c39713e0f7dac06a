#!/usr/bin/env bash
# Lost partitions: four images of a 2 GiB eMMC after a failed update, salvor beside TestDisk. A partition counts when it is listed
# at its exact start and size; what is listed besides is wrong. Of TestDisk the quick and the deeper search are both counted.
#
#   bench/layout/run.sh [--into FILE] [--work DIR] [--small]
#
# SALVOR names a built program, else one is built. It needs 4 GiB of room, sfdisk, e2fsprogs, dosfstools, mtools, python3, and testdisk where that is to be measured.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC TERM=vt100
here=$(cd "$(dirname "$0")" && pwd)
into= work=${WORK:-${TMPDIR:-/tmp}} unit=1
while [ $# -gt 0 ]; do
    case $1 in
    --into) into=$(realpath -m "$2"); shift ;;
    --work) work=$2; shift ;;
    --small) unit=8 ;; # an eighth of the size, for the CI
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
W=$(mktemp -d "$work/layout.XXXXXX")
trap 'rm -rf "$W"' EXIT
if [ -n "${SALVOR:-}" ]; then cp "$SALVOR" "$W/salvor"; else (cd "$here/../.." && CGO_ENABLED=0 go build -o "$W/salvor" ./cmd/salvor); fi
cd "$W"

# ---- the device: boot, two slots of equal size, data; sizes in MiB
total=$((2048 / unit)) boot=$((64 / unit)) slot=$((512 / unit))
a=$((1 + boot)) b=$((1 + boot + slot)) d=$((1 + boot + 2 * slot))
data=$((total - d - 1))
mkdir tree
head -c $((30000000 / unit)) /dev/zero | openssl enc -aes-128-ctr -pass pass:1 -nosalt -pbkdf2 2>/dev/null >tree/big.bin || head -c $((30000000 / unit)) /dev/urandom >tree/big.bin
for i in $(seq 40); do seq "$i" 3000 >"tree/f$i.txt"; done
truncate -s ${total}M whole.img
sfdisk -q --no-reread --no-tell-kernel whole.img <<EOF
label: gpt
start=2048, size=$((boot * 2048)), type=uefi, name=boot
start=$((a * 2048)), size=$((slot * 2048)), type=linux, name=rootfs_a
start=$((b * 2048)), size=$((slot * 2048)), type=linux, name=rootfs_b
start=$((d * 2048)), size=$((data * 2048)), type=linux, name=data
EOF
volume() { # NAME SIZE AT COMMAND...
    local name=$1 size=$2 at=$3
    shift 3
    truncate -s "${size}M" "$name.vol"
    "$@" "$name.vol" >/dev/null
    [ "$name" != boot ] || mcopy -i boot.vol tree/f1.txt ::
    dd if="$name.vol" of=whole.img bs=1M seek="$at" conv=notrunc,sparse status=none
}
volume boot $boot 1 mkfs.fat -F 16 -n BOOT
volume rootfs_a $slot $a mke2fs -q -t ext4 -b 4096 -L rootfs_a -d tree
volume rootfs_b $slot $b mke2fs -q -t ext4 -b 4096 -L rootfs_b -d tree
volume data $data $d mke2fs -q -t ext4 -b 4096 -L data -d tree
want="$((1 << 20)) $((boot << 20)) $((a << 20)) $((slot << 20)) $((b << 20)) $((slot << 20)) $((d << 20)) $((data << 20))"

# ---- what the update did to it
zero() { dd if=/dev/zero of="$1" bs=512 seek="$2" count="$3" conv=notrunc status=none; }
damage() { # NAME
    cp --sparse=always whole.img "$1.img"
    zero "$1.img" 0 2048
    zero "$1.img" $(((total - 1) * 2048)) 2048
    case $1 in
    tables) ;;
    superblocks) # the first blocks of both slots
        zero "$1.img" $((a * 2048)) 64
        zero "$1.img" $((b * 2048)) 64
        ;;
    update) # the first half of slot b is an image of another device: a table, and a volume in it that was cut off
        { dd if=whole.img bs=512 count=2048 status=none; cat boot.vol; head -c $((slot << 20)) /dev/urandom; } 2>/dev/null |
            head -c $((slot << 19)) | dd of="$1.img" bs=1M seek="$b" conv=notrunc iflag=fullblock status=none || true
        ;;
    reformat) # another table, and slot a was formatted anew in a smaller partition
        printf 'label: dos\nstart=%d, size=%d, type=c\n' $((a * 2048 + 4096)) $((boot * 2048)) | sfdisk -q --no-reread --no-tell-kernel "$1.img"
        zero "$1.img" $((a * 2048)) 64
        ;;
    esac
}

# ---- who lists what: start and size in bytes, one a line
by_salvor() { ./salvor look "$1" --json 2>/dev/null | python3 -c 'import json, sys
lines = [json.loads(l) for l in sys.stdin]
volumes = {l["id"] for l in lines if l.get("volume") and not l["rival"]}
for l in lines: # not those inside of another volume
    if l.get("id") in volumes and l["parent"] not in volumes: print(l["offset"], l["size"])' || true; }
by_testdisk() { # IMAGE SEARCH: the last list that it would write
    rm -rf td && mkdir td
    (cd td && timeout 600 script -qec "testdisk /log /cmd ../$1 partition_gpt,analyze$2,list" /dev/null </dev/null >/dev/null 2>&1) || true
    python3 -c 'import re, sys
lists = open("td/testdisk.log", errors="replace").read().split("interface_write()")
for m in re.finditer(r"^ *\d+ [PD*] .*?(\d+) +(\d+) +(\d+)(?: |$)", lists[-1], re.M): print(int(m[1]) * 512, int(m[3]) * 512)'
}
score() { # the list on standard input against $want
    python3 -c 'import sys
want = list(map(int, sys.argv[2].split()))
want = list(zip(want[::2], want[1::2]))
found = [tuple(map(int, l.split())) for l in sys.stdin]
print(f"{len([w for w in want if w in found])} of {len(want)}, {len([f for f in found if f not in want])} wrong")' x "$want"
}
{
    echo "| image | salvor | TestDisk, quick search | TestDisk, deeper search |"
    echo "|---|---|---|---|"
    for name in tables superblocks update reformat; do
        damage $name
        ours=$(by_salvor $name.img | score)
        quick=- deep=-
        if command -v testdisk >/dev/null; then
            quick=$(by_testdisk $name.img "" | score)
            deep=$(by_testdisk $name.img ,search | score)
        fi
        echo "| $name | $ours | $quick | $deep |"
        rm $name.img
    done
} | tee "${into:-/dev/null}"
