#!/usr/bin/env bash
# Makes encrypted volumes with Debian's kernel and cryptsetup in a virtual machine (vm.sh), for ciphers and formats that
# cryptsetup cannot write without a kernel. Each holds 32 KiB of lines whose content the tests of volume/luks know.
#
# usage: locked.sh KERNEL OUT
#
# Needs, beside what vm.sh does: cryptsetup-bin, python3. OUT gets dmcrypt-NAME.img.gz.
set -euo pipefail
kernel=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
"$here/tools.sh" "$work/tools" cryptsetup
python3 - "$work/plain" <<'PY'
import sys
b = b"".join(b"line %08d of a volume whose content is known\n" % i for i in range(4000))
open(sys.argv[1], "wb").write(b[:32 << 10])
PY
printf 'a phrase that opens' >"$work/secret"
truncate -s 1M "$work/secret"
names=(serpent-4096 twofish-essiv aes-4096 lrw integrity camellia)
for n in "${names[@]}"; do truncate -s 544K "$work/$n"; done
# LUKS1 has room for eight keys; a check beside each sector takes room too.
truncate -s 4M "$work/integrity" "$work/lrw"

cat >"$work/script" <<'GUEST'
tar -x -f /dev/vda -C / 2>/dev/null
export PATH=/bin:/sbin
mkdir -p /run/cryptsetup
dd if=/dev/vdc bs=19 count=1 of=/key 2>/dev/null
luks2="--type luks2 --luks2-metadata-size 16k --luks2-keyslots-size 256k --offset 1024"
cheap="--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
argon="--pbkdf-force-iterations 4 --pbkdf-memory 1024 --pbkdf-parallel 2"
make() { # DEVICE OPTION...
	device=$1
	shift
	cryptsetup luksFormat -q --use-urandom --key-file /key "$@" $device || exit 1
	cryptsetup open --key-file /key $device plain || exit 1
	dd if=/dev/vdb of=/dev/mapper/plain bs=32k count=1 conv=notrunc 2>/dev/null
	sync
	cryptsetup close plain
}
make /dev/vdd $luks2 --cipher serpent-xts-plain64 --key-size 256 --sector-size 4096 --pbkdf argon2id $argon
make /dev/vde $luks2 --cipher twofish-cbc-essiv:sha256 --key-size 256 --sector-size 2048 $cheap
make /dev/vdf $luks2 --cipher aes-xts-plain64 --key-size 256 --sector-size 4096 --pbkdf argon2i $argon
make /dev/vdg --type luks1 --cipher aes-lrw-benbi --key-size 256 --hash sha512 --align-payload 1024 --iter-time 10
make /dev/vdh $luks2 --cipher aes-xts-plain64 --key-size 256 --integrity hmac-sha256 --integrity-no-wipe $cheap
make /dev/vdi $luks2 --cipher camellia-xts-plain64 --key-size 256 $cheap
GUEST

modules="af_alg algif_skcipher algif_hash crc32c_generic libcrc32c dm-mod dm-crypt dm-bufio async_tx xor async_xor dm-integrity authenc
	gf128mul ecb xts essiv lrw serpent_generic twofish_common twofish_generic camellia_generic"
images=()
for n in "${names[@]}"; do images+=("$work/$n"); done
"$here/vm.sh" "$kernel" "$modules" "$work/script" "$work/tools" "$work/plain" "$work/secret" "${images[@]}" </dev/null
# What was drawn by chance for slots that are not in use is of no use here, and cannot be compressed.
for n in "${names[@]}"; do
	first=$((32 + 128)) last=512
	if [ "$n" = integrity ]; then first=$((32 + 256)); fi # its key is twice as long
	if [ "$n" = lrw ]; then first=$((4 + 128)) last=$(($(od -An -tu4 --endian=big -j104 -N4 "$work/lrw") / 2)); fi
	dd if=/dev/zero of="$work/$n" bs=1K seek=$first count=$((last - first)) conv=notrunc status=none
	gzip -9nc "$work/$n" >"$out/dmcrypt-$n.img.gz"
done
