#!/usr/bin/env bash
# Measures salvor beside tsk_recover and ntfsundelete on a volume made by image.py, and prints the table.
#
#   bench/ntfs/run.sh IMAGE
#
# Needs go, sleuthkit, ntfs-3g, time, python3.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)
image=$(realpath "${1:?usage: run.sh IMAGE}")
[ -f "$image.json" ] || python3 "$here/image.py" "$image"
W=$(mktemp -d "$(dirname "$image")/run.XXXXXX")
trap 'rm -rf "$W"' EXIT
if [ -n "${SALVOR:-}" ]; then # a program that is built already
    cp "$SALVOR" "$W/program"
else
    (cd "$here/../.." && CGO_ENABLED=0 go build -o "$W/program" ./cmd/salvor)
fi
mkdir "$W/tsk_recover" "$W/ntfsundelete"
timed() { # NAME COMMAND...
    local name=$1
    shift
    cat "$image" >/dev/null # all of them read from memory
    /usr/bin/time -o "$W/$name.time" -f %e "$@" >"$W/$name.log" 2>&1 || true
}
timed salvor "$W/program" rescue "$image" --to "$W/salvor"
"$W/program" files "$W/salvor" --json >"$W/salvor.files" || [ $? -eq 10 ]
timed tsk_recover tsk_recover -e "$image" "$W/tsk_recover"
timed ntfsundelete ntfsundelete -f -u -T -m '*' -p 1 -d "$W/ntfsundelete" "$image"
python3 "$here/score.py" "$image" "$W"
