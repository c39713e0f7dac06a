#!/usr/bin/env bash
# Measures salvor's carving beside PhotoRec, Foremost and Scalpel on two images whose every file is known, and writes the
# section "Carving" of bench/RESULTS.md.
#
#   bench/carve/run.sh [SEED]      SEED: 2 unless told; another one gives other files and places
#
# Needs what content.sh needs, and go, testdisk (for photorec), foremost, scalpel, time, openssl. About 12 GiB in the folder
# that WORK names, /dev/shm unless told. KEEP=1 keeps the images there, and IMAGES names a folder with images of an earlier run,
# of that seed. TOOLS names the programs, all unless told. Each program has four minutes and 4 GiB; Scalpel, which writes without end when every format is on, one minute.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC TERM=${TERM:-vt100}
here=$(cd "$(dirname "$0")" && pwd)
seed=${1:-2}
work=${WORK:-/dev/shm}
load=$(cut -d" " -f1 /proc/loadavg) # times are worth little when others keep the machine busy
W=$(mktemp -d "$work/carving.XXXXXX")
export W
trap '[ -n "${KEEP:-}" ] || rm -rf "$W"' EXIT
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$W/salvor" ./cmd/salvor && go build -o "$W/score" ./bench/score && go build -o "$W/pass" ./bench/pass)
if [ -n "${IMAGES:-}" ]; then
    for image in mix dfrws; do ln -s "$(realpath "$IMAGES")/$image.img" "$(realpath "$IMAGES")/$image.img.truth.json" "$W/"; done
else
    "$here/content.sh" "$W/pool" "$seed" >/dev/null
    for image in mix dfrws; do python3 "$here/lay.py" "$image" "$W/pool" "$W/$image.img" "$seed"; done
    rm -rf "$W/pool"
fi

# bounded SECONDS FOLDER COMMAND... ends a program that takes longer, or writes more into its folder. Its code is then 124 or 143.
bounded() {
    local seconds=$1 folder=$2 pid
    shift 2
    timeout "$seconds" "$@" &
    pid=$!
    while kill -0 $pid 2>/dev/null; do
        if [ "$(du -sm "$folder" 2>/dev/null | tail -n 1 | cut -f 1)" -ge 4096 ] 2>/dev/null; then
            kill $pid
            break
        fi
        sleep 0.5
    done
    wait $pid
}
salvor() { bounded 240 "$2" "$W/salvor" carve "$1" --to "$2" || [ $? -eq 10 ]; }
photorec() { bounded 240 "$2" "$(type -P photorec)" /d "$2/recup" /cmd "$1" partition_none,options,paranoid,fileopt,everything,enable,search; }
foremost() { rmdir "$2" && bounded 240 "$2" "$(type -P foremost)" -q -o "$2" "$1"; }
scalpel() {
    sed -E 's/^#( *[a-z0-9]+[[:space:]]+[yn][[:space:]])/\1/' /etc/scalpel/scalpel.conf >"$W/scalpel.conf"
    rmdir "$2" && bounded 60 "$2" "$(type -P scalpel)" -c "$W/scalpel.conf" -o "$2" "$1"
}
export -f bounded salvor photorec foremost scalpel

arguments=()
for image in mix dfrws; do
    for tool in ${TOOLS:-salvor photorec foremost scalpel}; do
        out=$W/$image/$tool
        mkdir -p "$out"
        echo "$image: $tool" >&2
        rc=0
        /usr/bin/time -o "$W/time" -f '%e %M' bash -c "$tool \"\$1\" \"\$2\"" - "$W/$image.img" "$out" >"$W/log" 2>&1 || rc=$?
        [ "$rc" -eq 0 ] || { echo "$tool ended with $rc:" >&2; tail -n 5 "$W/log" >&2; }
        echo "$tool $(tail -n 1 "$W/time") $rc" >>"$W/$image/times"
    done
    arguments+=("$W/$image.img=$W/$image")
done
# told PROGRAM OPTION: its version. Some of them end with an error when they are asked.
told() { { { "$(type -P "$1")" "$2" 2>&1 || true; } | grep -a -m1 -o '[0-9][0-9.]*[0-9]' || true; } | head -n 1; }
versions="$("$W/salvor" version | head -n 1); PhotoRec $(told photorec --version); Foremost $(told foremost -V); Scalpel $(told scalpel -V)"
machine="$(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(free -g | awk '/^Mem/ {print $2}') GiB, Linux $(uname -r | cut -d- -f1), load average $load when it began, seed $seed"
"$W/score" -carve -versions "$versions" -machine "$machine" "${arguments[@]}" >"$W/section.md"
# The parts alone: what signatures, the contiguous pass and the search for pieces take, also of nothing and of noise.
head -c 2G /dev/zero >"$W/zeros.img"
{
    printf '\n### The parts of carving, alone\n\n    go run ./bench/pass [-pieces] IMAGE\n\n"CPU s" are the seconds of all processors together. Indented: what was read and decoded of each format.\n'
    for image in mix zeros random; do
        [ "$image" != random ] || { rm "$W/zeros.img"; head -c 2G /dev/zero | openssl enc -aes-128-ctr -nosalt -pass pass:noise >"$W/random.img" 2>/dev/null; }
        printf '\n%s.img:\n\n' "$image"
        "$W/pass" $([ "$image" != mix ] || echo -pieces) "$W/$image.img" | sed 's/^/    /'
    done
} >>"$W/section.md"
python3 - "$here/../RESULTS.md" "$W/section.md" <<'END'
import sys
results, section = sys.argv[1:]
with open(results) as f:
    text = f.read()
head, found, tail = text.partition("\n## Carving\n")
_, more, tail = tail.partition("\n## ")
with open(section) as f:
    text = head.rstrip("\n") + "\n\n" + f.read() + (more and more + tail)
with open(results, "w") as f:
    f.write(text)
END
cat "$W/section.md"
