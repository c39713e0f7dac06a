#!/usr/bin/env bash
# Measures salvor beside the programs that people use, on media whose every file is known, and writes RESULTS.md.
#
#   bench/run.sh [OPTION...]                    all that is below
#   bench/run.sh [OPTION...] cases [ID...]      single volumes: deleted files, damaged starts; needs root
#   bench/run.sh [OPTION...] read               how fast healthy volumes are listed and read
#   bench/run.sh [OPTION...] disks [IMAGE...]   partitioned disks made by image.sh; three are made without IMAGE
#   bench/run.sh [OPTION...] fat|ntfs|carve|copy|ext|layout|firmware   the benches in the folders of these names
#   bench/run.sh --quick                        small volumes, one round, nothing written; fails when what must hold does not
#
#   --runs N     rounds, 3 unless told          --seed N    other files and places, 1 unless told
#   --into FILE  instead of RESULTS.md          --work DIR  for images and outputs; /dev/shm where that has room for some 8 GiB
#
# In each round every program runs once, so that a slow moment of the machine meets them all. Each runs under limits of time and
# of what it may write (LIMIT seconds, LIMIT_MIB); one that was stopped does not run again. Programs that are not installed are left
# out. SALVOR names a built program, else one is built; READ the measures of an earlier run of bench/read.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC TERM=${TERM:-vt100}
here=$(cd "$(dirname "$0")" && pwd)
root=$here/..
runs=3 seed=1 quick='' into=$here/RESULTS.md work=${WORK:-}
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --runs) runs=$2; shift ;;
    --seed) seed=$2; shift ;;
    --into) into=$(realpath -m "$2"); shift ;;
    --work) work=$2; shift ;;
    -*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) break ;;
    esac
    shift
done
load=$(cut -d" " -f1 /proc/loadavg) # times are worth little when others keep the machine busy
room() { df --output=avail -BM "$1" 2>/dev/null | tail -n 1 | tr -dc 0-9; }
if [ -z "$work" ]; then
    work=/dev/shm need=$([ -n "$quick" ] && echo 2000 || echo 8000)
    [ -w "$work" ] && [ "$(room "$work")" -ge "$need" ] || work=${TMPDIR:-/tmp}
fi
W=$(mktemp -d "$work/bench.XXXXXX")
trap 'rm -rf "$W"' EXIT
build() { (cd "$root" && CGO_ENABLED=0 go build -o "$W/$1" "./$2"); }
if [ -n "${SALVOR:-}" ]; then cp "$SALVOR" "$W/salvor"; else build salvor cmd/salvor; fi
for tool in score limit read; do build "$tool" "bench/$tool"; done
export W SALVOR="$W/salvor"
has() { command -v "$1" >/dev/null 2>&1; }

# ---- the programs: each gets an image and an empty folder that is also its working directory

run_salvor() { "$W/salvor" rescue "$1" --to "$2" || [ $? -eq 10 ]; }
run_tsk_recover() { # one volume at a time, because it knows no partition tables
    if [ -f "$1.truth.json" ] && grep -q '"partitions"' "$1.truth.json"; then
        python3 -c 'import json, sys
for p in json.load(open(sys.argv[1]))["partitions"]: print(p["name"], p["offset"] // 512)' "$1.truth.json" |
            while read -r name sector; do tsk_recover -e -o "$sector" "$1" "$2/saved/$name"; done
    else
        tsk_recover -e "$1" "$2/saved"
    fi
}
run_photorec() { photorec /d "$2/saved/recup" /cmd "$1" partition_none,options,paranoid,fileopt,everything,enable,search; }
run_foremost() { foremost -q -o "$2/saved/foremost" "$1"; }
run_scalpel() { # every format on, as it is off by default
    sed -E 's/^#( *[a-z0-9]+[[:space:]]+[yn][[:space:]])/\1/' /etc/scalpel/scalpel.conf >"$2/scalpel.conf"
    scalpel -c "$2/scalpel.conf" -o "$2/saved/scalpel" "$1"
}
run_ext4magic() { # what was deleted in the last hour first, then all that the journal knows
    ext4magic "$1" -R -a "$(($(date +%s) - 3600))" -d "$2/saved/tree" </dev/null || true
    ext4magic "$1" -m -d "$2/saved/magic" </dev/null
}
run_extundelete() { cd "$2/saved" && echo y | extundelete --restore-all "$1"; }
run_ntfsundelete() { ntfsundelete -f -u -T -m '*' -p 1 -d "$2/saved" "$1"; }
run_e2fsck() { # repairs a copy, then copies what is in it
    cp --sparse=always "$1" "$2/copy.img"
    e2fsck -fy "$2/copy.img" || [ $? -le 2 ]
    mkdir "$2/saved/root"
    debugfs -R "rdump / $2/saved/root" "$2/copy.img"
    rm "$2/copy.img"
}
run_testdisk() { # its menus, by a script
    local how=undelete,list,recursive,filecopy
    case $1 in *ntfs*) how=undelete,allundelete ;; esac
    cd "$2/saved" && script -qec "testdisk /log /cmd '$1' partition_none,advanced,$how" /dev/null </dev/null
}
export -f run_salvor run_tsk_recover run_photorec run_foremost run_scalpel run_ext4magic run_extundelete run_ntfsundelete run_e2fsck run_testdisk

# measure ID IMAGE PROGRAM...: the rounds of one image; W/ID gets the last outputs and the times.
measure() {
    local id=$1 image=$2 round tool out rc
    shift 2
    mkdir -p "$W/$id"
    for round in $(seq "$runs"); do
        for tool in "$@"; do
            has "${tool/#salvor/bash}" || continue
            [ ! -e "$W/$id/$tool.stopped" ] || continue
            cat "$image" >/dev/null # all of them read from memory
            out=$W/$id/$tool
            rm -rf "$out"
            mkdir -p "$out/saved"
            [ "$tool" != salvor ] || rmdir "$out/saved"
            echo "$id, round $round: $tool" >&2
            case $tool in salvor) limit=600 ;; photorec) limit=300 ;; *) limit=${LIMIT:-120} ;; esac
            "$W/limit" -name "$tool" -record "$W/$id/times" -seconds "$limit" -mib "${LIMIT_MIB:-2048}" -log "$W/$id/$tool.log" -dir "$out" \
                bash -c "set -euo pipefail; run_$tool \"\$1\" \"\$2\"" - "$image" "$out"
            rc=$(tail -n 1 "$W/$id/times" | cut -d' ' -f4)
            case $rc in
            0) ;;
            124 | 125) echo "stopped ($rc)" >&2; touch "$W/$id/$tool.stopped" ;;
            *) echo "$tool ended with $rc: $(tail -n 1 "$W/$id/$tool.log" | tr -d '\0')" >&2 ;;
            esac
        done
    done
}

said_versions() {
    echo -n "$("$W/salvor" version | head -n 1)"
    has tsk_recover && echo -n "; $(tsk_recover -V | tr -d '\n')"
    has photorec && echo -n "; PhotoRec and TestDisk $(photorec --version 2>&1 | sed -n 's/^PhotoRec \([0-9.]*\),.*/\1/p' | head -n 1)"
    for p in foremost scalpel ext4magic extundelete gddrescue ntfs-3g e2fsprogs; do
        v=$(dpkg-query -W -f '${Version}' "$p" 2>/dev/null) && echo -n "; $p $v"
    done
    true
}
versions=$(said_versions)
machine="$(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(free -g | awk '/^Mem/ {print $2}') GiB, Linux $(uname -r | cut -d- -f1), load average $load when it began, seed $seed"

# ---- single volumes

# make_case ID: makes W/images/ID.img and its truth.
make_case() {
    local id=$1 D=$W/images
    [ ! -f "$D/$id.img" ] || return 0
    mkdir -p "$D"
    ext() { # NAME of a recipe of bench/ext
        mkdir -p "$W/ext"
        (cd "$root" && go run ./bench/ext -make "$W/ext" -seed "$seed" -files "$([ -n "$quick" ] && echo 120 || echo 900)" "$1" >&2)
        mv "$W/ext/$1.img" "$D/$id.img"
        mv "$W/ext/$1.img.truth.json" "$D/$id.img.truth.json"
    }
    case $id in
    ext4-deleted) ext ext4-deleted-0 ;;
    ext4-deleted-2) ext ext4-deleted-2 ;;
    ext3-deleted) ext ext3-deleted-0 ;;
    ext4-first64) ext ext4-first64-noflex ;;
    ext4-first64-flex) ext ext4-first64-flex ;;
    fat32 | exfat)
        "$here/fat/image.sh" "$W/fat" "$seed" >/dev/null 2>"$W/fat.log" || { cat "$W/fat.log" >&2; return 1; }
        for k in fat32 exfat; do mv "$W/fat/$k.img" "$W/fat/$k.truth.json" "$D/"; done
        rm -rf "$W/fat"
        ;;
    ntfs) python3 "$here/ntfs/image.py" "$D/ntfs.img" $([ "$seed" = 1 ] || echo "$seed") >&2 ;;
    hfsplus | hfsplus-wiped) python3 "$here/hfsplus/image.py" "$D" "$seed" >&2 ;;
    *) echo "no case $id" >&2; return 2 ;;
    esac
}

all_cases=(ext4-deleted ext4-deleted-2 ext3-deleted ext4-first64 ext4-first64-flex fat32 exfat ntfs hfsplus hfsplus-wiped)

# The programs of a case: those that read its file system, and carvers where files have something to be carved by: those of the
# ext images are noise, so that only metadata can bring them back.
programs_of() {
    case $1 in
    ext*-first64*) echo salvor tsk_recover e2fsck ext4magic extundelete ;;
    ext*) echo salvor tsk_recover ext4magic extundelete ;;
    fat32 | exfat) echo salvor tsk_recover testdisk photorec foremost scalpel ;;
    ntfs) echo salvor tsk_recover ntfsundelete testdisk photorec foremost scalpel ;;
    *) echo salvor tsk_recover photorec foremost scalpel ;;
    esac
}

arguments=() failed=0
cases() {
    local id
    mkdir -p "$W/pool"
    for id in "$@"; do
        if ! POOL=$W/pool make_case "$id" || [ ! -s "$W/images/$id.img" ]; then
            echo "$id could not be made: left out" >&2
            failed=1
            continue
        fi
        # shellcheck disable=SC2046
        measure "$id" "$W/images/$id.img" $(programs_of "$id")
        arguments+=("$id=$W/images/$id.img=$W/$id")
    done
}

healthy() { # the volumes that are read
    "$W/read" -dir "$W" -rounds "${READ_RUNS:-$runs}" -seed "$seed" -json "$W/read.json" -into "$W/read.md" "$@"
}

score_cases() { # further options of score
    "$W/score" -cases -pool "$W/pool" -runs "$runs" -versions "$versions" -machine "$machine" $([ -f "$W/read.json" ] && echo "-read $W/read.json") "$@" "${arguments[@]}"
}

# ---- partitioned disks

disks() {
    local image list=("$@") arguments=() k
    if [ ${#list[@]} -eq 0 ]; then
        for k in 2048 1024 512; do SEED=$seed "$here/image.sh" "$W/disk-$k.img" "$k" >&2; list+=("$W/disk-$k.img"); done
    fi
    for image in "${list[@]}"; do
        image=$(realpath "$image")
        measure "$(basename "$image").run" "$image" salvor tsk_recover photorec
        arguments+=("$image=$W/$(basename "$image").run")
    done
    "$W/score" -runs "$runs" -versions "$versions" -machine "$machine" -into "$into" "${arguments[@]}"
}

# others NAME: a bench in a folder of its own, which prints or writes its sections.
others() {
    case $1 in
    fat)
        "$here/fat/image.sh" "$W/fat" "$seed" >/dev/null 2>&1
        "$here/fat/run.sh" "$W/fat" >"$W/fat.md"
        "$W/score" -into "$into" -sections "$W/fat.md"
        rm -rf "$W/fat"
        ;;
    ntfs) python3 "$here/ntfs/image.py" "$W/ntfs.img" >&2 && "$here/ntfs/run.sh" "$W/ntfs.img" ;;
    carve) WORK=$W "$here/carve/run.sh" $([ "$seed" = 1 ] || echo "$seed") ;;
    copy) (cd "$root" && go run ./bench/copy -salvor "$W/salvor" -seed "$seed" && go run ./bench/copy -salvor "$W/salvor" -healthy) ;;
    ext) (cd "$root" && go run ./bench/ext -seed "$seed" -dir "$W") ;;
    layout)
        { printf '\n## Lost partitions\n\n    bench/layout/run.sh\n\n'; SALVOR="$W/salvor" "$here/layout/run.sh" --work "$W"; } >"$W/layout.md"
        "$W/score" -into "$into" -sections "$W/layout.md"
        ;;
    firmware) # it prints; the words around its tables are written by hand
        (cd "$root" && go run ./bench/firmware -salvor "$W/salvor" -work "$W")
        ;;
    esac
}

if [ -n "$quick" ]; then
    runs=1 LIMIT=20 LIMIT_MIB=512
    programs_of() { echo salvor tsk_recover; }
    healthy -files 300 -mib 48
    cases ext4-deleted ntfs hfsplus hfsplus-wiped
    score_cases -gate >"$W/quick.md" || { cat "$W/quick.md"; exit 1; }
    cat "$W/quick.md" "$W/read.md"
    (cd "$root" && go run ./bench/firmware -quick -salvor "$W/salvor" -work "$W") || failed=1
    exit $failed
fi
what=${1:-all}
[ $# -eq 0 ] || shift
case $what in
all)
    healthy
    cases "${all_cases[@]}"
    score_cases -into "$into"
    "$W/score" -into "$into" -sections "$W/read.md"
    disks
    for b in fat ntfs carve copy ext layout firmware; do others "$b" || echo "bench/$b failed" >&2; done
    ;;
cases)
    if [ $# -eq 0 ]; then
        set -- "${all_cases[@]}"
        if [ -n "${READ:-}" ]; then cp "$READ" "$W/read.json"; else healthy; fi
    fi
    cases "$@"
    score_cases -into "$into"
    [ ! -f "$W/read.md" ] || "$W/score" -into "$into" -sections "$W/read.md"
    ;;
read) healthy && "$W/score" -into "$into" -sections "$W/read.md" ;;
disks) disks "$@" ;;
fat | ntfs | carve | copy | ext | layout | firmware) others "$what" ;;
*) echo "no bench $what" >&2; exit 2 ;;
esac
exit $failed
