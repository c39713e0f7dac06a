#!/usr/bin/env bash
# Measures salvor beside tsk_recover and PhotoRec on disks whose every file is known, and writes RESULTS.md.
#
#   bench/run.sh IMAGE...      images made by bench/image.sh; the first is the one that the ratios are about
#
# Needs go, sleuthkit, testdisk (for photorec), time, python3. RUNS (3 unless told) is the number of rounds.
# In each round every program runs once, so that a slow moment of the machine meets them all.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC TERM=${TERM:-vt100}
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { echo "usage: bench/run.sh IMAGE..." >&2; exit 2; }
runs=${RUNS:-3}
load=$(cut -d" " -f1 /proc/loadavg) # times are worth little when others keep the machine busy
W=$(mktemp -d "$(dirname "$(realpath "$1")")/run.XXXXXX")
trap 'rm -rf "$W"' EXIT
(cd "$here/.." && CGO_ENABLED=0 go build -o "$W/salvor" ./cmd/salvor && go build -o "$W/score" ./bench/score)

salvor() { "$W/salvor" rescue "$1" --to "$2" || [ $? -eq 10 ]; }
tsk_recover() { # one volume at a time, because it knows no partition tables
    python3 -c 'import json, sys
for p in json.load(open(sys.argv[1]))["partitions"]: print(p["name"], p["offset"] // 512)' "$1.truth.json" |
        while read -r name sector; do command tsk_recover -e -o "$sector" "$1" "$2/$name"; done
}
photorec() { command photorec /d "$2/recup" /cmd "$1" partition_none,options,paranoid,fileopt,everything,enable,search; }
export W
export -f salvor tsk_recover photorec

arguments=()
for image in "$@"; do
    image=$(realpath "$image")
    id=$(basename "$image")
    cat "$image" >/dev/null # all of them read from memory
    for round in $(seq "$runs"); do
        for tool in salvor tsk_recover photorec; do
            out=$W/$id/$tool
            rm -rf "$out"
            mkdir -p "$out"
            sync
            echo "$id, round $round: $tool" >&2
            rc=0
            /usr/bin/time -o "$W/time" -f '%e %M' bash -c "$tool \"\$1\" \"\$2\"" - "$image" "$out" >"$W/log" 2>&1 || rc=$?
            if [ "$rc" -ne 0 ]; then
                echo "$tool ended with $rc:" >&2
                tail -n 5 "$W/log" >&2
            fi
            echo "$tool $(tail -n 1 "$W/time") $rc" >>"$W/$id/times"
        done
    done
    arguments+=("$image=$W/$id")
done
versions="$("$W/salvor" version | head -n 1); $(command tsk_recover -V | tr -d "\n"); $(command photorec --version 2>&1 | head -n 1)"
machine="$(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(free -g | awk '/^Mem/ {print $2}') GiB, Linux $(uname -r | cut -d- -f1), load average $load when it began"
"$W/score" -runs "$runs" -versions "$versions" -machine "$machine" "${arguments[@]}" >"$W/RESULTS.md"
mv "$W/RESULTS.md" "$here/RESULTS.md"
cat "$here/RESULTS.md"
