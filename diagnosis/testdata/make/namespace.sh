#!/usr/bin/env bash
# Runs a capture script in namespaces of its own: no network but loopback, an own host name, and own /etc, /data,
# /run, /mnt and /srv, so that nothing of this system stands in what is captured and nothing of it is changed.
#
# usage: namespace.sh SCRIPT [ARGUMENT...]     (as root)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
script=$(realpath "$1")
shift
export PYTHONPATH=$here/lib PYTHONDONTWRITEBYTECODE=1
exec unshare --net --mount --uts --ipc --pid --fork --kill-child bash -euo pipefail -c '
mount --make-rprivate /
mount -t proc proc /proc
hostname gw-17
ip link set lo up
mkdir -p /run/capture
mount -t tmpfs -o size=2500m tmpfs /run/capture
mkdir /run/capture/{up,work,data,srv,mnt,run,tmp}
mount --bind /run/capture/tmp /var/tmp
mount -t overlay -o lowerdir=/etc,upperdir=/run/capture/up,workdir=/run/capture/work overlay /etc
mkdir -p /data /srv
for d in data srv mnt; do mount --bind /run/capture/$d /$d; done
printf "gw-17\n" >/etc/hostname
printf "127.0.0.1 localhost\n127.0.1.1 gw-17\n" >/etc/hosts
rm -f /etc/resolv.conf
printf "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n" >/etc/resolv.conf
cd /data
exec "$@"' namespace python3 "$script" "$@"
