#!/usr/bin/env bash
# Packs programs of this system, with the libraries that they need, into a tar file for a virtual machine (vm.sh).
#
# usage: tools.sh FILE PROGRAM...
set -euo pipefail
file=$1
shift
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
for p in "$@"; do
	path=$(command -v "$p")
	mkdir -p "$tree/sbin"
	cp -L "$path" "$tree/sbin/"
	ldd "$path" | grep -o '/[^ ]*' | while read -r lib; do
		mkdir -p "$tree$(dirname "$lib")"
		cp -L "$lib" "$tree$lib"
	done
done
tar -C "$tree" -cf "$file" .
truncate -s %1M "$file"
