#!/usr/bin/env bash
# Measures salvor beside tsk_recover and PhotoRec on the volumes of image.sh, and prints the sections of RESULTS.md.
#
#   bench/fat/run.sh FOLDER      made by bench/fat/image.sh
#
# Needs go, sleuthkit, testdisk (for photorec), time, python3. SALVOR names a built program, else one is built.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC TERM=${TERM:-vt100}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(realpath "${1:?usage: run.sh FOLDER}")
W=$(mktemp -d "$folder/run.XXXXXX")
trap 'rm -rf "$W"' EXIT
[ -n "${SALVOR:-}" ] || { SALVOR=$W/salvor; (cd "$here/../.." && CGO_ENABLED=0 go build -o "$SALVOR" ./cmd/salvor); }
for kind in fat32 exfat; do
    printf '\n## %s\n' "$([ $kind = fat32 ] && echo FAT32 || echo exFAT)"
    printf '\n    bench/fat/image.sh FOLDER\n    bench/fat/run.sh FOLDER\n'
    for case in "" -overwritten -formatted; do
        name=$kind$case
        out=$W/$name
        mkdir -p "$out/salvor" "$out/tsk_recover" "$out/photorec"
        cat "$folder/$name.img" >/dev/null
        /usr/bin/time -o "$W/t1" -f %e "$SALVOR" rescue "$folder/$name.img" --to "$out/salvor" >/dev/null 2>&1 || [ $? -eq 10 ]
        "$SALVOR" files "$out/salvor" --json >"$out/salvor/verdicts.json" || true
        /usr/bin/time -o "$W/t2" -f %e tsk_recover -f $kind -e "$folder/$name.img" "$out/tsk_recover" >/dev/null 2>&1 || true
        /usr/bin/time -o "$W/t3" -f %e photorec /d "$out/photorec/recup" /cmd "$folder/$name.img" \
            partition_none,options,paranoid,fileopt,everything,enable,search >/dev/null 2>&1 || true
        case $case in
        "") printf '\nDeleted, nothing written since.\n\n' ;;
        -overwritten) printf '\nThe same with 60 files written since: what they overwrote is gone.\n\n' ;;
        -formatted) printf '\nThe first volume after a quick format and two new files.\n\n' ;;
        esac
        python3 "$here/make.py" score "$folder/$name.truth.json" "salvor=$out/salvor" "tsk_recover=$out/tsk_recover" "photorec=$out/photorec"
        echo "| seconds | $(tail -n1 "$W/t1") | $(tail -n1 "$W/t2") | $(tail -n1 "$W/t3") |"
        rm -rf "$out"
    done
done
