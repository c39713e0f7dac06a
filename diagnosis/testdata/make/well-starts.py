#!/usr/bin/env python3
"""Healthy starts for the training half: a Debian 12 with many services for storage, whose messages are asked for in the
usual ways. Each row is one planned case; it is kept when the script came to its end and the machine turned itself off.
Needs: qemu-system-x86, e2fsprogs, cpio.
Run by namespace.sh as root with SYSTEMS and perhaps a regular expression that picks cases. SYSTEMS holds trees made by
mmdebstrap: a (systemd with lvm2, mdadm, cryptsetup-initramfs, btrfs-progs, xfsprogs, nfs, autofs, open-iscsi, tgt, nbd, multipath-tools, udisks2,
bcache-tools, kexec-tools, smartmontools, hdparm, nvme-cli and others of their kind); k with vmlinuz-VERSION and initrd.img-VERSION of it."""

import glob
import os
import re
import shutil
import subprocess
import sys

import userland
import well

well.KEEP = 12_000
S = userland.Systems(sys.argv[1])
W = well.W
V = sorted(os.path.basename(k)[8:] for k in glob.glob(f"{sys.argv[1]}/k/vmlinuz-*"))[-1]
NET = ["-netdev", "user,id=n,restrict=on", "-device", "virtio-net-pci,netdev=n"]
OFF = "systemctl poweroff"


def inject(root):
    text = S.read("a", "usr/share/initramfs-tools/scripts/init-bottom/udev")
    return {"scripts/init-bottom/udev": (text.replace("# Stop udevd", "[ -e ${rootmnt}/report.sh ] || cp -a /inject/. ${rootmnt}/\n# Stop udevd", 1), 0o755), **{f"inject/{n}": c for n, c in root.items()}}


def systemd(rows, script, files=None, qemu=(), append="", setup="", memory=900, timeout=900):
    """One start of the Debian; rows: (program, family, name, package, source, files of the report)."""
    rows = [r for r in rows if not well.ONLY or re.search(well.ONLY, f"{r[0]}/{r[1]}-{r[2]}")]
    if not rows:
        return
    shutil.rmtree(W, ignore_errors=True)
    os.makedirs(W)
    try:
        if setup:
            well.sh("set -e\n" + setup)
        image = S.image("a")
        vmlinuz, initrd = S.kernel(V)
        wants = "etc/systemd/system/multi-user.target.wants"
        root = {"report.sh": userland.REPORT % (script, OFF), "etc/hostname": "gw-17\n", "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 gw-17\n", "etc/systemd/system/report.service": userland.SYSTEMD, f"{wants}/report.service": ("->", "../report.service"),
                "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\n", "etc/systemd/network/80-lan.network": "[Match]\nName=en*\n\n[Network]\nDHCP=yes\n", f"{wants}/systemd-networkd.service": ("->", "/lib/systemd/system/systemd-networkd.service"), **(files or {})}
        extra = userland.archive(f"{W}/inject", inject(root))
        well.sh(f"cat {initrd} {extra} >{W}/initrd")
    except subprocess.CalledProcessError as e:
        return well.leave_out(f"{rows[0][0]}", f"setup: {e.stderr[-400:]!r}")
    arguments = ["-m", str(memory), "-kernel", vmlinuz, "-initrd", f"{W}/initrd", "-append", f"console=ttyS0 panic=1 root=/dev/vda rw {append}", "-drive", f"file={image},format=raw,if=none,id=root,snapshot=on", "-device", "virtio-blk-pci,drive=root,addr=3", *NET, *qemu]
    console, out, code = userland.start("qemu-system-x86_64", arguments + ["-no-reboot"], (), timeout)
    for program, family, name, package, source, kept in rows:
        userland.settle(program, family, name, S.version("a", package), source, kept, console, out, code)


LOOK = """sleep 20
(systemctl is-system-running; systemctl --failed; systemctl list-units --all --no-pager | head -n 150) >/report/units.txt || true
systemctl status --no-pager --all | head -n 250 >/report/status.txt || true
systemctl status --no-pager smartd lvm2-monitor mdmonitor multipathd open-iscsi iscsid nfs-server nbd-server autofs watchdog cron ssh nginx redis-server chrony udisks2 bluetooth apparmor auditd >/report/services.txt 2>&1 || true
journalctl -b --no-pager -o short >/report/journal.log
journalctl -b --no-pager -p err >/report/errors.log
journalctl -b --no-pager -p warning -o short-monotonic >/report/warnings.log
dmesg >/report/dmesg.log
dmesg --level=err,warn -T >/report/dmesg-warnings.log
dmesg -H --color=never | tail -n 120 >/report/dmesg-human.log
(systemd-analyze; systemd-analyze blame --no-pager | head -n 60; systemd-analyze critical-chain --no-pager; systemd-analyze verify default.target; systemd-analyze security --no-pager | head -n 30) >/report/analyze.txt 2>&1 || true
(bootctl status; bootctl list; efibootmgr -v; efibootmgr; mokutil --sb-state; cat /proc/cmdline; cat /proc/mtd; ls /sys/firmware/efi) >/report/bootctl.txt 2>&1 || true
(cat /var/log/syslog) >/report/syslog 2>&1 || true
"""
CONF = {"etc/default/watchdog": "run_watchdog=1\nwatchdog_module=i6300esb\n", "etc/watchdog.conf": "watchdog-device = /dev/watchdog\nmax-load-1 = 60\n",
        "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\nLABEL=DATA /data ext4 nofail,x-systemd.device-timeout=5s 0 2\n/dev/mmcblk1p1 /media/card vfat noauto,nofail 0 0\ntmpfs /var/tmp tmpfs size=20% 0 0\n"}


def looks():
    F = "healthy"
    systemd([("systemctl", F, "units", "systemd", "the units of a gateway with many services", ("units.txt",)), ("systemctl", F, "status", "systemd", "the state of a gateway", ("status.txt",)),
             ("systemctl", F, "services", "systemd", "the state of services for storage that have nothing to do", ("services.txt",)), ("journalctl", F, "boot", "systemd", "the journal of a start", ("journal.log",)),
             ("journalctl", F, "errors", "systemd", "the journal's errors and warnings", ("errors.log", "warnings.log")), ("dmesg", F, "boot", "util-linux", "the kernel's messages of a start", ("dmesg.log",)),
             ("dmesg", F, "warnings", "util-linux", "the kernel's warnings and errors", ("dmesg-warnings.log",)), ("dmesg", F, "human", "util-linux", "the kernel's messages with easy times", ("dmesg-human.log",)),
             ("systemd-analyze", F, "blame", "systemd", "how long a start took", ("analyze.txt",)), ("bootctl", F, "bios", "systemd", "a machine without EFI and without a boot loader's environment is asked for both", ("bootctl.txt",)),
             ("systemctl", F, "console", "systemd", "the console of such a start", ("console.log",)), ("journalctl", F, "syslog", "rsyslog", "the system log of such a start", ("syslog",))],
            LOOK, CONF, qemu=["-device", "i6300esb", "-device", "ich9-ahci,id=s", "-device", "ide-cd,bus=s.0", "-device", "sdhci-pci", "-device", "qemu-xhci", "-device", "usb-tablet"])


if __name__ == "__main__":
    well.choose(sys.argv[2] if len(sys.argv) > 2 else "")
    looks()
    well.report()
