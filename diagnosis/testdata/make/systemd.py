#!/usr/bin/env python3
"""Captures of a whole Debian 12 in QEMU: initramfs, systemd, journal. Arguments and needs as kernel.py; it takes up to
two minutes for each case."""

import os
import re
import shutil
import subprocess
import sys

if len(sys.argv) < 3:
    sys.argv.append(".")
import capture
import kernel
from kernel import SYSTEM, RELEASE, W, damage, machine, sh, tidy, wanted

ONLY = "" if kernel.ONLY == "." else kernel.ONLY
SYSTEMD = capture.Cases("systemd", "252", ONLY)
INITRAMFS = capture.Cases("initramfs", "initramfs-tools 0.142", ONLY)

DUMP = """[Unit]
Description=Keep the journal
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sleep 2; echo; echo ==journal==; journalctl -b --no-pager -o short-precise; echo ==end==; poweroff -f'
StandardOutput=tty
TTYPath=/dev/ttyS0
[Install]
WantedBy=multi-user.target
"""

MASKED = "mender-client swupdate swupdate.socket swupdate-progress apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap fstrim.timer man-db.timer serial-getty@ttyS0 getty@tty1".split()


def image(files=None, removed=(), units=(), fstab="", name="sys.img", dump=True):
    """The system with these files in place, as an ext4."""
    root = "/mnt/build"
    sh(f"umount -l {root} 2>/dev/null; umount -l /srv/over 2>/dev/null; mkdir -p {root} /srv/over", check=False)
    sh(f"mount -t tmpfs tmpfs /srv/over && mkdir /srv/over/u /srv/over/w && mount -t overlay -o lowerdir={SYSTEM},upperdir=/srv/over/u,workdir=/srv/over/w overlay {root}")
    files = dict(files or {})
    if dump:
        files["etc/systemd/system/keep-journal.service"] = DUMP
        units = list(units) + ["keep-journal.service"]
    files["etc/fstab"] = "/dev/vda / ext4 errors=remount-ro 0 1\n" + fstab
    for n, b in files.items():
        os.makedirs(os.path.dirname(f"{root}/{n}"), exist_ok=True)
        with open(f"{root}/{n}", "wb") as f:
            f.write(b.encode() if isinstance(b, str) else b)
        if "/bin/" in n or n.endswith(".sh"):
            os.chmod(f"{root}/{n}", 0o755)
    for n in removed:
        sh(f"rm -rf {root}/{n}")
    for u in MASKED:
        unit = u if "." in u else u + ".service"
        sh(f"rm -f {root}/etc/systemd/system/{unit} {root}/etc/systemd/system/*.wants/{unit}; ln -sf /dev/null {root}/etc/systemd/system/{unit}")
    os.makedirs(f"{root}/etc/systemd/system/multi-user.target.wants", exist_ok=True)
    for u in units:
        sh(f"ln -sf /etc/systemd/system/{u} {root}/etc/systemd/system/multi-user.target.wants/{u}")
    sh(f"rm -rf {root}/boot/* {root}/usr/share/i18n {root}/usr/share/zoneinfo {root}/usr/share/perl* {root}/var/lib/apt/lists/* {root}/tmp/*; rm -f {W}/{name}; truncate -s 800M {W}/{name}; mkfs.ext4 -q -d {root} {W}/{name}")
    sh(f"umount -l {root}; umount -l /srv/over")
    return f"{W}/{name}"


def start(family, name, cause, why, disk, cases=SYSTEMD, append="", drives=(), timeout=150, stop=rb"==end==", after=0.5, both=True, **more):
    text = machine(f"{SYSTEM}/boot/initrd.img-{RELEASE}", f"root=/dev/vda rw panic=5 {append}" if "root=" not in append else f"rw panic=5 {append}", [disk] + list(drives), base=False, timeout=timeout, stop=stop, after=after, memory=768)
    text = tidy(text, keep=200000)
    files = {}
    r = capture.invented("systemd" + name)
    if b"==journal==" in text:
        console, journal = text.split(b"==journal==", 1)
        journal = journal.split(b"==end==")[0].lstrip(b"\n")
        lines = journal.splitlines(keepends=True)
        plain = [x for x in lines if not re.search(rb" kernel: ", x) or re.search(rb"EXT4|vd[ab]|error|fail|watchdog", x)]
        files["journal.log"] = b"".join(plain)[-36000:]
        files["journal.log"] = files["journal.log"][files["journal.log"].index(b"\n") + 1:] if len(files["journal.log"]) == 36000 else files["journal.log"]
        console = b"".join(x for x in console.splitlines(keepends=True) if not kernel.SHORT.search(x))
        if r.random() < 0.5 and both:
            files["console.log"] = console[-16000:]
    else:
        files["console.log"] = b"".join(x for x in text.splitlines(keepends=True) if not kernel.SHORT.search(x))[-40000:]
    cases.case(family, name, cause, f"Debian 12 in QEMU: {why}", files, **more)


def service(command, more="", unit="", kind="simple"):
    return f"[Unit]\nDescription=Acme gateway application\nAfter=network.target\n{unit}\n[Service]\nType={kind}\nExecStart={command}\n{more}\n[Install]\nWantedBy=multi-user.target\n"


def main():
    os.makedirs(W, exist_ok=True)
    app = "etc/systemd/system/gateway.service"
    good = "#!/bin/sh\necho \"gateway 2.4.0 starting\"\necho \"listening on :8080\"\nexec sleep 600\n"
    F = "service-failed"
    X = ["package.maker", "configuration.incompatible", "firmware.panic"]
    restart = "Restart=on-failure\nRestartSec=1\nStartLimitBurst=3"
    for n, files, unit, c in (
            ("exec", {}, service("/usr/bin/gateway", restart), "firmware.health"),
            ("library", {"usr/bin/gateway": "#!/bin/sh\necho \"gateway 2.4.1 starting\"\necho '/usr/lib/gateway/core: error while loading shared libraries: libacme.so.3: cannot open shared object file: No such file or directory' >&2\nexit 127\n"}, service("/usr/bin/gateway", restart), "firmware.health"),
            ("configuration", {"usr/bin/gateway": "#!/bin/sh\necho \"gateway 2.4.1 starting\"\necho '/etc/gateway.conf:12: unknown key \"uplink_mode\" (configuration of version 1, this program needs 2)' >&2\nexit 78\n", "etc/gateway.conf": "uplink_mode=2\n"}, service("/usr/bin/gateway", restart), "configuration.incompatible"),
            ("segfault", {"usr/bin/gateway": "#!/bin/sh\necho \"gateway 2.4.1 starting\"\nsleep 1\nkill -SEGV $$\n"}, service("/usr/bin/gateway", restart), "firmware.health"),
            ("timeout", {"usr/bin/gateway": "#!/bin/sh\necho \"gateway 2.4.1 starting\"\nexec sleep 600\n"}, service("/usr/bin/gateway", "TimeoutStartSec=4\n", kind="notify"), "firmware.health")):
        if wanted(f"systemd-{F}-{n}"):
            start(F, n, c, f"the new firmware's service fails ({n})", image(dict(files, **{app: unit}), units=["gateway.service"]), also=X + (["firmware.health"] if c != "firmware.health" else []))
    if wanted("systemd-healthy"):
        start("healthy", "boot", "none", "an ordinary boot", image({app: service("/usr/bin/gateway"), "usr/bin/gateway": good}, units=["gateway.service"]))
    F = "health-check"
    check = "#!/bin/sh\nfor i in 1 2 3; do\n  if wget -q -T 1 -t 1 -O /dev/null http://127.0.0.1:8080/health; then echo 'health check passed'; exit 0; fi\n  echo \"health check $i of 3 failed: no answer on :8080\"\n  sleep 1\ndone\necho 'marking slot b bad, going back to slot a'\nexit 1\n"
    if wanted(f"systemd-{F}"):
        start(F, "no-answer", "firmware.health", "the health check after an update fails", image({app: service("/usr/bin/gateway"), "usr/bin/gateway": good, "usr/bin/health-check": check, "etc/systemd/system/health-check.service": "[Unit]\nDescription=Health check after an update\nAfter=gateway.service\nOnFailure=fall-back.service\n[Service]\nType=oneshot\nExecStart=/usr/bin/health-check\n[Install]\nWantedBy=multi-user.target\n",
                                                                                                 "etc/systemd/system/fall-back.service": "[Unit]\nDescription=Fall back to slot a\n[Service]\nType=oneshot\nExecStart=/bin/echo slot a is booted next\n"}, units=["gateway.service", "health-check.service"]), also=["boot.counter"])
    F = "healthy-update"
    if wanted(f"systemd-{F}"):
        update = "#!/bin/sh\necho 'found release 2.4.1, installing to slot b'\nhead -c 20000000 /dev/urandom >/var/tmp/fw\ndd if=/var/tmp/fw of=/dev/vdb bs=1M conv=fsync 2>&1\ncmp -n 20000000 /var/tmp/fw /dev/vdb && echo 'slot b verified'\nrm /var/tmp/fw\necho 'restart needed'\n"
        start(F, "slot", "none", "an update service writes a slot", image({"usr/bin/updater": update, "etc/systemd/system/updater.service": "[Unit]\nDescription=Acme updater\n[Service]\nType=oneshot\nExecStart=/usr/bin/updater\n[Install]\nWantedBy=multi-user.target\n"}, units=["updater.service"]), drives=[kernel.disk("b.img", "32M")])
    F = "emergency"
    for n, fstab, c, prepare, also in (("device", "/dev/mmcblk0p4 /data ext4 defaults,x-systemd.device-timeout=6s 0 2\n", "corruption.table", None, ["storage.io", "configuration.incompatible", "boot.environment"]),
                                       ("label", "LABEL=userdata /data ext4 defaults,x-systemd.device-timeout=6s 0 2\n", "corruption.filesystem", None, ["storage.io", "corruption.table", "configuration.incompatible"]),
                                       ("fsck", "/dev/vdb /data ext4 defaults 0 2\n", "corruption.filesystem", lambda p: damage(p, 40 * 1024, 200000), ["power.lost", "storage.io", "write.interrupted"]),
                                       ("mount", "/dev/vdb /data ext4 defaults 0 0\n", "corruption.filesystem", lambda p: damage(p, 1024, 1024), ["power.lost", "storage.io", "write.interrupted", "corruption.table"])):
        if wanted(f"systemd-{F}-{n}"):
            d = kernel.disk("data.img", "24M", "mkfs.ext4 -q -d /etc/ssl IMG")
            if prepare:
                prepare(d)
            start(F, n, c, f"the data partition cannot be mounted ({n})", image(fstab=fstab), drives=[d] if prepare else [], timeout=120, stop=rb"(Give root password|Press Enter for maintenance|You are in emergency mode|Cannot open access to console)", after=3, also=also)
    I = INITRAMFS
    F = "root-missing"
    plain = None
    for n, append, edit in (("uuid", "root=UUID=0b5c1f6e-3a44-4b6c-9d0e-7a1f5b0c9d11 rootdelay=3", ()), ("partition", "root=/dev/mmcblk0p3 rootdelay=3", ()), ("init", "", ("sbin/init", "usr/sbin/init", "lib/systemd", "bin/sh", "usr/bin/sh"))):
        if wanted(f"initramfs-{F}-{n}"):
            if edit or not plain:
                img = image(removed=edit)
                plain = None if edit else img
            start(F, n, "boot.environment" if n != "init" else "corruption.filesystem", f"the initramfs does not find what it shall start ({n})", plain if not edit else img, cases=I, append=append, timeout=100, stop=rb"(\(initramfs\)|Rebooting in|No init found)", after=2, also=["boot.slot", "corruption.table", "corruption.filesystem", "storage.io", "write.interrupted", "package.maker"])
    F = "fsck"
    for n, change in (("inodes", lambda p: damage(p, 800 * 1024, 200000)), ("superblock", lambda p: damage(p, 1024, 1024)), ("bitmaps", lambda p: [damage(p, a, 4000, seed=a) for a in range(300 * 1024, 790 * 1024, 1 << 15)])):
        if wanted(f"initramfs-{F}-{n}"):
            img = image()
            change(img)
            start(F, n, "corruption.filesystem", f"the root file system is damaged ({n})", img, cases=I, timeout=110, stop=rb"(\(initramfs\)|Rebooting in|==end==|manual fsck)", after=2, also=["power.lost", "storage.io", "write.interrupted", "storage.bad-blocks"])
    if wanted("initramfs-healthy"):
        img = image()
        sh(f"debugfs -w -R 'ssv state 0' {img}; debugfs -w -R 'ssv mtime 0' {img}", check=False)
        start("healthy", "recovered", "none", "a root file system that was not unmounted is checked and mounted", img, cases=I)


main()
print(SYSTEMD.count, INITRAMFS.count)
