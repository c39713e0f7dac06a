#!/usr/bin/env python3
"""Captures of Debian's kernel in QEMU: boots that fail, media that fail, file systems that are damaged, updates that are
cut by a power loss. One machine at a time, each with a time limit.
Needs: qemu-system-x86, e2fsprogs, squashfs-tools, f2fs-tools, btrfs-progs, xfsprogs, busybox-static, cpio.
Run by namespace.sh as root with a folder that holds a Debian 12 system (debootstrap) with systemd, mtd-utils,
f2fs-tools, squashfs-tools, cryptsetup-bin, dmsetup, openssl, initramfs-tools, python3, and in boot/ and lib/modules a
kernel with its modules and an initrd made by update-initramfs. A second argument (regular expression) picks cases."""

import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
import time
import traceback

import capture
from initrd import START, module_files

SYSTEM, ONLY = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
RELEASE = sorted(os.listdir(f"{SYSTEM}/lib/modules"))[0]
MODULES = f"{SYSTEM}/lib/modules/{RELEASE}"
W = "/data/w"
RANDOM = random.Random(31)


KERNEL = capture.Cases("linux", "6.1", ONLY)


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True).stdout


def wanted(name):
    return not ONLY or re.search(ONLY, name)


BASE_MODULES = "virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk crc16 mbcache jbd2 crc32c_generic ext4 overlay".split()


INIT = START + """%s
. /case.sh
poweroff -f
"""

CHROOT = """
mkdir -p /low /over /new
mount -t ext4 -o ro,noload /dev/vda /low 2>/dev/null
mount -t tmpfs tmpfs /over && mkdir /over/u /over/w
mount -t overlay -o lowerdir=/low,upperdir=/over/u,workdir=/over/w overlay /new
for d in dev proc sys; do mount --bind /$d /new/$d; done
cp /update.sh /new/update.sh
for f in /files/*; do [ -e $f ] && cp $f /new/root/; done
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
chroot /new /bin/sh -c 'mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp; cd /root; . /update.sh'
"""


def initrd(script, modules=(), chroot=True, files=None, name="initrd"):
    d = f"{W}/files-of-initrd"
    sh(f"rm -rf {d}; mkdir -p {d}/bin {d}/dev {d}/proc {d}/sys {d}/mnt {d}/tmp {d}/modules {d}/files; cp $(command -v busybox) {d}/bin/busybox")
    load = ""
    for f in module_files(MODULES, BASE_MODULES):
        shutil.copy(f"{MODULES}/{f}", f"{d}/modules/")
        load += f"insmod /modules/{os.path.basename(f)} 2>/dev/null\n"
    done = set(module_files(MODULES, BASE_MODULES))
    for m in modules:
        m, _, options = m.partition(" ")
        for f in module_files(MODULES, [m]):
            if f in done:
                continue
            done.add(f)
            shutil.copy(f"{MODULES}/{f}", f"{d}/modules/")
            own = options if os.path.basename(f)[:-3].replace("-", "_") == m.replace("-", "_") else ""
            load += f"insmod /modules/{os.path.basename(f)} {own}\n"
    for n, b in (files or {}).items():
        open(f"{d}/files/{n}", "wb").write(b)
    with open(f"{d}/init", "w") as f:
        f.write(INIT % load)
    os.chmod(f"{d}/init", 0o755)
    open(f"{d}/update.sh", "w").write(script)
    open(f"{d}/case.sh", "w").write(CHROOT if chroot else script)
    sh(f"cd {d} && find . | cpio --quiet -o -H newc | gzip -1 >{W}/{name}")
    return f"{W}/{name}"


def machine(initrd, append="", drives=(), arguments=(), timeout=60, stop=None, kill_at=None, after=0.0, memory=512, console="console=ttyS0", base=True, resets=0):
    """Runs the machine until it ends, until stop was printed (and `after` seconds went by), or until kill_at was printed
    (a power cut). Returns what the console showed."""
    a = ["qemu-system-x86_64", "-m", str(memory), "-nographic", "-monitor", "none", "-serial", "stdio", "-nodefaults"]
    if not resets:
        a.append("-no-reboot")
    a += ["-kernel", f"{SYSTEM}/boot/vmlinuz-{RELEASE}", "-append", f"{console} {append}"]
    if initrd:
        a += ["-initrd", initrd]
    if base:
        a += ["-drive", f"file={W}/base.img,format=raw,if=virtio,readonly=on"]
    for d in drives:
        a += ["-drive", f"file={d},format=raw,if=virtio,cache=writethrough"] if isinstance(d, str) else list(d)
    a += list(arguments)
    p = subprocess.Popen(a, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out, begin, seen = bytearray(), time.monotonic(), None
    while time.monotonic() - begin < timeout:
        r, _, _ = select.select([p.stdout], [], [], 0.05)
        if r:
            d = os.read(p.stdout.fileno(), 65536)
            if not d:
                break
            out += d
        if kill_at and re.search(kill_at, out):
            if seen is None:
                seen = time.monotonic()
            if time.monotonic() - seen >= after:
                break
        if stop and len(re.findall(stop, out)) > resets:
            if seen is None:
                seen = time.monotonic()
            if time.monotonic() - seen >= after:
                break
    p.kill()
    p.wait()
    return bytes(out)




def tidy(text, keep=55000):
    """Without the emulator's BIOS; the machine's name is an invented one."""
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1bc", b"", text).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = re.sub(rb"(?m)^(SeaBIOS|iPXE|Booting from ROM).*\n", b"", text)
    text = re.sub(rb"QEMU Standard PC \(i440FX \+ PIIX, 1996\), BIOS [^\n]*", b"Acme GW-200/GW-200, BIOS 1.14 03/11/2025", text)
    text = re.sub(rb"\n{3,}", b"\n\n", text)
    text = text.replace(b"foundation", b"foundation")
    if len(text) > keep:
        lines = text.splitlines(keepends=True)
        text = b"".join(lines)[-keep:]
        text = text[text.index(b"\n") + 1:]
    return text


SHORT = re.compile(rb"ACPI: |BIOS-e820|PM: |NUMA|node   0|Zone|DMA32|percpu|pcpu|x86/fpu|PCI: |pci 0000|pnp|iommu|NET: |clocksource|smpboot|rcu|Kernel/User|Memory: |hash table|ftrace|random: |audit|LSM|io scheduler|sched|e820|Freeing|Write prot|"
                   rb"MTRR|x86/|kvm|tsc|APIC|IRQ|HPET|hpet|Spectre|MDS|MMIO|TAA|Speculative|L1TF|RETBleed|VERSION_SIGNATURE|Register|vgaarb|PTP|EDAC|zbud|integrity|ima|evm|Demotion|Loaded X.509|Loading compiled|intel_pstate|registered taskstats|AppArmor|Unstable")


def shorten(text, r):
    """Some captures begin after the kernel's first lines, as a scroll-back does."""
    how = r.choice(["whole", "late", "late", "quiet"])
    if how == "whole":
        return text
    lines = text.splitlines(keepends=True)
    if how == "late":
        for i, line in enumerate(lines):
            if b"Run /init" in line or b"Freeing unused kernel" in line:
                return b"".join(lines[max(0, i - r.randint(3, 25)):])
    return b"".join(line for line in lines if not SHORT.search(line))


def case(cases, family, name, cause, why, text, keep=False, **more):
    r = capture.invented(cases.program + family + name)
    text = tidy(text)
    if cause != "none" and b"\nAcme Linux 5.2" in text and b"cannot read" not in text:
        print(f"!! {family}-{name}: it starts all the same")
        return
    cases.case(family, name, cause, f"{'Debian kernel' if cases is KERNEL else 'Debian 12'} in QEMU: {why}", {"console.log": text if keep else shorten(text, r)}, **more)


def run(family, name, cause, why, script, modules=(), files=None, chroot=True, append="panic=-1", keep=False, cases=KERNEL, **kw):
    if not wanted(f"{family}-{name}"):
        return b""
    more = {k: kw.pop(k) for k in ("also", "device", "facts", "said") if k in kw}
    start = initrd(script, modules, chroot, files)
    out = machine(start, append, **kw)
    if b"Linux version" not in out or b"apic_intr_mode_init" in out:  # the emulator's timer came too late
        out = machine(start, append, **kw)
    case(cases, family, name, cause, why, out, keep, **more)
    return out


def blk(path, errors, bus, extra=()):
    """A disk some sectors of which cannot be read or written. errors: (event, sector or None, errno)."""
    inject = []
    for event, sector, errno in errors:
        e = {"event": event, "errno": errno, "immediately": False}
        if sector is not None:
            e["sector"] = sector
        inject.append(e)
    node = {"driver": "raw", "node-name": "d9", "file": {"driver": "blkdebug", "image": {"driver": "file", "filename": path}, "inject-error": inject}}
    return ["-blockdev", json.dumps(node)] + {"ahci": ["-device", "ich9-ahci,id=ahci", "-device", "ide-hd,bus=ahci.0,drive=d9,serial=ACME0001,model=ACME-SSD-32G,werror=report,rerror=report"],
                                              "nvme": ["-device", "nvme,drive=d9,serial=ACME0001"], "virtio": ["-device", "virtio-blk-pci,drive=d9,werror=report,rerror=report"],
                                              "scsi": ["-device", "virtio-scsi-pci", "-device", "scsi-hd,drive=d9,serial=ACME0001,werror=report,rerror=report"],
                                              "sd": ["-device", "sdhci-pci", "-device", "sd-card,drive=d9"]}[bus] + list(extra)


def disk(name, size, command="true"):
    sh(f"rm -f {W}/{name}; truncate -s {size} {W}/{name}")
    if command != "true":
        sh(command.replace("IMG", f"{W}/{name}"))
    return f"{W}/{name}"


def damage(path, at, n, seed=1, byte=None):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(bytes([byte]) * n if byte is not None else random.Random(seed).randbytes(n))


LOG = 'log() { echo "$(date +%T) updater: $*" >/dev/console; }\n'


def prepare():
    os.makedirs(W)
    sh(f"truncate -s 700M {W}/base.img && mkfs.ext4 -q -O ^has_journal -d {SYSTEM} {W}/base.img")
    sh(f"mkdir -p {W}/tree/sbin {W}/tree/bin {W}/tree/etc {W}/tree/usr/lib {W}/tree/dev {W}/tree/proc {W}/tree/sys {W}/tree/tmp {W}/tree/run {W}/tree/root; cp $(command -v busybox) {W}/tree/bin/; for n in sh init mount umount sleep poweroff; do ln -s /bin/busybox {W}/tree/bin/$n; done; for i in 1 2 3 4 5 6 7 8; do head -c 900000 /dev/urandom >{W}/tree/usr/lib/lib$i.so; done; echo 'release 2.4.0' >{W}/tree/etc/version")
    open(f"{W}/tree/sbin/init", "w").write("#!/bin/sh\n/bin/busybox mount -t devtmpfs dev /dev\n/bin/busybox cat /usr/lib/lib*.so >/dev/null || echo 'appmgr: cannot read its libraries'\necho 'Acme Linux 5.2 gw-17 ttyS0'\n/bin/busybox sleep 1\n/bin/busybox poweroff -f\n")
    os.chmod(f"{W}/tree/sbin/init", 0o755)


SWITCH = """root=/dev/vda; type=ext4; flags=ro
for a in $(cat /proc/cmdline); do case $a in root=*) root=${a#root=};; rootfstype=*) type=${a#rootfstype=};; esac; done
[ -e $root ] || { echo "init: waiting for $root"; sleep 2; }
mount -t $type -o $flags $root /mnt || { echo "init: mounting $root on /mnt failed"; }
umount /proc /sys
exec switch_root /mnt /sbin/init
"""


def boots():
    """Kernel and initial file system only."""
    F = "root-argument"
    for n, a in (("sda", "root=/dev/sda2"), ("mmc", "root=/dev/mmcblk0p3 rootwait rootfstype=ext4"), ("partuuid", "root=PARTUUID=6b8b4567-03"), ("nothing", ""), ("ubi", "ubi.mtd=rootfs root=ubi0:rootfs rootfstype=ubifs"), ("mtd", "root=/dev/mtdblock4 rootfstype=squashfs")):
        if wanted(f"{F}-{n}") and n != "mmc":
            case(KERNEL, F, n, "boot.environment" if n != "nothing" else "boot.environment", f"no initial file system, {a or 'no root='}", machine(None, f"{a} panic=-1", base=False, timeout=30), also=["boot.slot", "corruption.table", "firmware.panic", "configuration.incompatible", "device.wrong", "storage.io"])
    ext = disk("root.img", "24M", f"mkfs.ext4 -q -d {W}/tree IMG")
    i = initrd(SWITCH, chroot=False, name="switch", modules=("squashfs", "crc32_generic", "f2fs", "btrfs", "xfs"))

    def root(family, name, cause, why, image=ext, append="", timeout=40, **more):
        if wanted(f"{family}-{name}"):
            case(KERNEL, family, name, cause, why, machine(i, f"panic=-1 {append}", [image] if image else [], base=False, timeout=timeout), **more)
    root(F, "vdb", "boot.slot", "the root= of a partition that does not exist", append="root=/dev/vdb2", also=["boot.environment", "corruption.table", "storage.io", "firmware.panic"])
    root(F, "type", "boot.environment", "the wrong rootfstype=", append="rootfstype=squashfs", also=["corruption.filesystem", "configuration.incompatible", "write.interrupted", "firmware.panic"])
    root("healthy-boot", "ext4", "none", "a boot from ext4", keep=True)
    sq = f"{W}/root.sqfs"
    sh(f"mksquashfs {W}/tree {sq} -quiet -no-progress -noappend")
    root("healthy-boot", "squashfs", "none", "a boot from squashfs", sq, "rootfstype=squashfs")
    ok = disk("dirty.img", "24M", f"mkfs.ext4 -q -d {W}/tree IMG")
    sh(f"debugfs -w -R 'feature needs_recovery' {ok}", check=False)
    root("healthy-boot", "recovery", "none", "a boot from an ext4 whose journal is replayed", ok, append="loglevel=7")
    F = "init-missing"
    FI = ["corruption.filesystem", "write.interrupted", "package.maker", "boot.slot", "firmware.panic"]
    for n, edit, c in (("removed", "rm sbin/init", "package.maker"), ("not-executable", "chmod 644 sbin/init", "package.maker"), ("other-cpu", "printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' >sbin/init; head -c 5000 /dev/zero >>sbin/init", "device.wrong"),
                       ("no-shell", "rm bin/sh bin/busybox", "package.maker"), ("empty", "rm -rf usr sbin bin etc", "write.interrupted")):
        if wanted(f"{F}-{n}"):
            sh(f"rm -rf {W}/t2; cp -a {W}/tree {W}/t2; cd {W}/t2; {edit}")
            root(F, n, c, f"the root file system's init: {n}", disk("t.img", "24M", f"mkfs.ext4 -q -d {W}/t2 IMG"), also=FI + ["device.wrong"])
    F = "root-torn"
    for n, change in (("half", lambda p: damage(p, 9 << 20, 14 << 20, byte=0)), ("head", lambda p: damage(p, 0, 200000, byte=0)), ("erased", lambda p: damage(p, 0, 24 << 20, byte=255)), ("cut", lambda p: os.truncate(p, 10 << 20)), ("old-tail", lambda p: damage(p, 3 << 20, 20 << 20, seed=4))):
        if wanted(f"{F}-{n}"):
            t = disk("t.img", "24M", f"mkfs.ext4 -q -d {W}/tree IMG")
            change(t)
            root(F, n, "write.interrupted", f"the root partition was written in part only ({n})", t, also=["corruption.filesystem", "power.lost", "package.transit", "space.slot", "corruption.table", "boot.slot", "firmware.panic"])
    F = "squashfs-damaged"
    size = os.path.getsize(sq)
    for n, at, c in (("superblock", 0, 96), ("data", 1 << 20, 2 << 20), ("tables", size - 3000, 2500), ("inodes", size - 2000, 1700), ("cut", None, size * 6 // 10)):
        if wanted(f"{F}-{n}"):
            shutil.copy(sq, f"{W}/t.sqfs")
            if at is None:
                os.truncate(f"{W}/t.sqfs", c // 4096 * 4096)
            else:
                damage(f"{W}/t.sqfs", at, c)
            root(F, n, "corruption.filesystem", f"a squashfs with damage in its {n}", f"{W}/t.sqfs", "rootfstype=squashfs", also=["package.corrupted", "write.interrupted", "storage.io", "storage.bad-blocks", "package.transit", "firmware.panic"])
    F = "initramfs-damaged"
    whole = open(i, "rb").read()
    for n, b in (("bit", whole[:len(whole) // 2] + bytes(300) + whole[len(whole) // 2 + 300:]), ("cut", whole[:len(whole) * 2 // 3]), ("head", bytes(4096) + whole[4096:]), ("page", b"<html><head><title>404 Not Found</title></head></html>" * 100)):
        if wanted(f"{F}-{n}"):
            open(f"{W}/bad", "wb").write(b)
            case(KERNEL, F, n, "package.corrupted", f"a damaged initial file system ({n})", machine(f"{W}/bad", "panic=-1", [ext], base=False, timeout=30), also=["write.interrupted", "corruption.filesystem", "package.at-rest", "package.transit", "storage.io", "firmware.panic"])
    F = "panic-driver"
    run(F, "sysrq", "firmware.panic", "the new firmware's driver crashes the kernel (a forced crash)", "echo 'init: loading acme_fpga'\nsleep 1\necho c >/proc/sysrq-trigger\n", chroot=False, base=False, append="panic=1", timeout=25, stop=b"Rebooting in")
    run(F, "bug", "firmware.panic", "init ends with an error", "echo 'Starting application manager'\necho 'appmgr: symbol lookup error: /usr/lib/libacme.so.2: undefined symbol: acme_init_v3'\nexit 127\n", chroot=False, base=False, append="panic=1", timeout=25, also=["package.maker", "firmware.health"])
    run(F, "loop", "firmware.panic", "the kernel crashes at each of three boots", "echo 'init: starting services'\nsleep 1\necho c >/proc/sysrq-trigger\n", chroot=False, base=False, append="panic=1", timeout=60, resets=2, stop=b"Rebooting in", keep=False)


def filesystems():
    F = "ext4-damaged"
    X = ["write.interrupted", "power.lost", "storage.io", "storage.bad-blocks"]

    def ext(name, why, change, script=None, mk="mkfs.ext4 -q -d {t} IMG", modules=(), fam=F, cause="corruption.filesystem", fs="ext4", opts="", **more):
        if not wanted(f"{fam}-{name}"):
            return
        d = disk("t.img", more.pop("size", "24M"), mk.replace("{t}", f"{W}/tree"))
        change(d)
        s = script or f"log 'mounting the data partition'\nmount -t {fs} {opts} /dev/vdb /mnt || log 'mount failed'\nls -lR /mnt >/dev/null; cat /mnt/usr/lib/* >/dev/null; echo test >/mnt/etc/probe; sync\ndmesg | tail -n 3 >/dev/null; log 'end of the check'\n"
        run(fam, name, cause, why, LOG + s, modules, drives=[d], also=X + more.pop("also", []), **more)
    ext("superblock", "the superblock of an ext4 is noise", lambda p: damage(p, 1024, 1024))
    ext("descriptors", "the group descriptors of an ext4 are noise", lambda p: damage(p, 1024 * 2, 4096))
    ext("inodes", "the inode table of an ext4 is damaged", lambda p: damage(p, 40 * 1024, 300000))
    ext("journal", "the journal of an ext4 is damaged", lambda p: sh(f"debugfs -w -R 'ssv journal_inum 900' {p}", check=False))
    F2 = "f2fs-damaged"
    mkf = "mkfs.f2fs -q IMG >/dev/null"
    for n, c in (("superblock", lambda p: [damage(p, 0, 8192)]), ("checkpoint", lambda p: damage(p, 512 * 4096, 4096 * 1024)), ("sit", lambda p: damage(p, 3 << 20, 3 << 20))):
        ext(n, f"an f2fs with damage in its {n}", c, mk=mkf, modules=("crc32_generic", "f2fs"), fam=F2, fs="f2fs", size="64M")
    F3 = "btrfs-xfs-damaged"
    ext("xfs-superblock", "the superblock of an xfs is noise", lambda p: damage(p, 0, 512), mk="mkfs.xfs -q IMG", modules=("xfs",), fam=F3, fs="xfs", size="320M")
    ext("xfs-log", "the log of an xfs is damaged", lambda p: damage(p, 150 << 20, 20 << 20), mk="mkfs.xfs -q IMG", modules=("xfs",), fam=F3, fs="xfs", size="320M")
    ext("xfs-inodes", "inodes of an xfs are damaged", lambda p: damage(p, 4096, 500000), mk="mkfs.xfs -q IMG", modules=("xfs",), fam=F3, fs="xfs", size="320M")
    ext("btrfs-superblock", "the superblock of a btrfs is damaged", lambda p: damage(p, 65536 + 200, 500), mk="mkfs.btrfs -q -r {t} IMG", modules=("btrfs",), fam=F3, fs="btrfs", size="130M")
    ext("btrfs-tree", "trees of a btrfs are damaged", lambda p: [damage(p, a, 4096, seed=a) for a in range(5 << 20, 60 << 20, 1 << 17)], mk="mkfs.btrfs -q -r {t} IMG", modules=("btrfs",), fam=F3, fs="btrfs", size="130M")

    V = "verity"
    for n, at in (("data", 4 << 20), ("hash", None)):
        if wanted(f"{V}-{n}"):
            d = disk("t.img", "16M", f"mkfs.ext4 -q -b 4096 -d {W}/tree IMG")
            h = disk("h.img", "2M")
            root = re.search(rb"Root hash:\s*(\S+)", sh(f"chroot {SYSTEM} true; veritysetup format {d} {h}" if shutil.which("veritysetup") else f"cp {d} {SYSTEM}/tmp/d; truncate -s 2M {SYSTEM}/tmp/h; chroot {SYSTEM} veritysetup format /tmp/d /tmp/h; cp {SYSTEM}/tmp/h {h}; rm {SYSTEM}/tmp/d {SYSTEM}/tmp/h")).group(1).decode()
            if at:
                for a in range(1 << 20, 12 << 20, 1 << 18):
                    damage(d, a, 64, seed=a)
            else:
                damage(h, 8192, 20000)
            run(V, n, "corruption.filesystem", f"dm-verity finds damaged {n} blocks", LOG + f"log 'opening the root file system'\nveritysetup open /dev/vdb root /dev/vdc {root} || log 'veritysetup failed'\nmount -o ro /dev/mapper/root /mnt || log 'mount failed'\ncat /mnt/usr/lib/* >/dev/null || log 'reading failed'\nls /mnt\n",
                ("dm_mod", "dm_verity", "sha256_generic"), drives=[d, h], also=["package.corrupted", "write.interrupted", "storage.bad-blocks", "storage.io", "genuine.signature"])




def flash():
    M = ("mtd", "mtdblock", "ubi", "zstd", "ubifs", "jffs2", "nandsim first_id_byte=0x20 second_id_byte=0xa2 third_id_byte=0x00 fourth_id_byte=0x15 %s")

    def mods(extra=""):
        return tuple(m % extra if "%s" in m else m for m in M)
    head = LOG + "head -c 6000000 /dev/urandom >/run/new.img\n"
    U = "log 'attaching'\nubiformat /dev/mtd0 -y -q\nubiattach -m 0 || log 'attach failed'\n"
    F = "ubifs-damaged"
    X = ["power.lost", "storage.bad-blocks", "write.interrupted", "storage.io"]
    fill = U + "ubimkvol /dev/ubi0 -N data -s 20MiB\nmount -t ubifs ubi0:data /mnt\nfor i in 1 2 3 4 5 6; do head -c 700000 /dev/urandom >/mnt/f$i; done\nsync; umount /mnt; ubidetach -m 0\nlog 'restart'\n"
    hurt = "python3 -c \"\nimport random\nr=random.Random(%d)\nf=open('/dev/mtd0','r+b',buffering=0)\n%s\n\" || log 'no access'\n"
    for n, body in (("headers", "for b in range(4, 160, 5):\n  f.seek(b*131072); \n  try: f.write(bytes(2048))\n  except OSError as e: pass"),
                    ("master", "for b in range(2, 500):\n  f.seek(b*131072+4096); d=f.read(2048)\n  if d[:4]==b'\\x31\\x18\\x10\\x06' and d[20]==7:\n    f.seek(b*131072+4096); f.write(bytes(2048))")):
        run(F, n, "corruption.filesystem", f"a UBIFS on emulated NAND with damaged {n}", head + fill + hurt % (5, body) + "ubiattach -m 0 || log 'attach failed'\nmount -t ubifs ubi0:data /mnt || log 'mount failed'\ncat /mnt/* >/dev/null\n", mods(), also=X, timeout=90)
    F = "jffs2-damaged"
    jf = "log 'mounting the settings'\nflash_erase -q -j /dev/mtd0 0 128\nmount -t jffs2 /dev/mtdblock0 /mnt\nfor i in 1 2 3 4 5 6; do head -c 200000 /dev/urandom >/mnt/f$i; done\nsync; umount /mnt\nlog 'restart'\n"
    for n, body in (("nodes", "for b in range(0, 60):\n  f.seek(b*65536+r.randint(0,60000)); \n  try: f.write(bytes(600))\n  except OSError as e: pass"), ("many", "for b in range(0, 2000000, 9000):\n  f.seek(b); \n  try: f.write(bytes(40))\n  except OSError as e: pass")):
        run(F, n, "corruption.filesystem", f"a JFFS2 on emulated NOR flash with damage ({n})", LOG + jf + hurt.replace("/dev/mtd0", "/dev/mtdblock0") % (6, body) + "sync\nmount -t jffs2 /dev/mtdblock0 /mnt || log 'mount failed'\ncat /mnt/* >/dev/null; ls -l /mnt\n",
            ("mtd", "mtdblock", "jffs2", "mtdram total_size=8192 erase_size=64"), also=X, timeout=90)
    run(F, "noise", "corruption.filesystem", "a JFFS2 partition that holds something else", LOG + "head -c 3000000 /dev/urandom >/dev/mtdblock0; sync\nmount -t jffs2 /dev/mtdblock0 /mnt || log 'mount failed'\nls -l /mnt\n", ("mtd", "mtdblock", "jffs2", "mtdram total_size=8192 erase_size=64"), also=X + ["boot.slot"], timeout=90)
    F = "nand-bad-blocks"
    run(F, "factory", "storage.bad-blocks", "many bad blocks: the image does not fit any more", LOG + "head -c 50000000 /dev/urandom >/run/new.img\nlog 'erasing'\nflash_erase -q /dev/mtd0 0 0 2>&1 | tail -n 30\nlog 'writing'\nnandwrite -q -p /dev/mtd0 /run/new.img || log \"nandwrite failed\"\n",
        mods("badblocks=" + ",".join(str(b) for b in range(8, 512, 3))), also=["space.slot", "storage.worn"], timeout=90)
    weak = ",".join(f"{b}:1" for b in range(5, 90, 4))
    run(F, "weak-blocks", "storage.worn", "blocks that cannot be erased any more", head + "log 'erasing'\nfor i in 1 2 3; do flash_erase /dev/mtd0 0 0; done 2>&1 | tail -n 40\nlog 'writing'\nnandwrite -p /dev/mtd0 /run/new.img || log \"nandwrite failed\"\n", mods("weakblocks=" + weak), also=["storage.bad-blocks", "storage.io"], timeout=120)
    run(F, "weak-pages", "storage.worn", "pages that cannot be written any more", head + "log 'writing'\nflash_erase -q /dev/mtd0 0 0\nfor i in 1 2 3; do nandwrite -p /dev/mtd0 /run/new.img || log \"nandwrite failed\"; flash_erase -q /dev/mtd0 0 60; done 2>&1 | tail -n 60\n", mods("weakpages=" + ",".join(f"{b * 64 + 3}:1" for b in range(2, 40, 5))), also=["storage.bad-blocks", "storage.io"], timeout=120)
    F = "ubi-space"
    run(F, "volume", "space.ubi", "a volume that is larger than what is free", head + U + "ubimkvol /dev/ubi0 -N data -s 40MiB\nlog 'making the second slot'\nubimkvol /dev/ubi0 -N rootfs_b -s 30MiB || log \"ubimkvol failed\"\n", mods(), also=["space.slot"], timeout=90)
    run(F, "image", "space.ubi", "an image that is larger than its volume", head + U + "ubimkvol /dev/ubi0 -N rootfs_b -s 4MiB\nlog 'writing'\nubiupdatevol /dev/ubi0_0 /run/new.img || log \"ubiupdatevol failed\"\n", mods(), also=["space.slot"], timeout=90)
    run(F, "ubifs-full", "space.ubi", "a UBIFS that is full", head + U + "ubimkvol /dev/ubi0 -N data -s 8MiB\nmount -t ubifs ubi0:data /mnt\nlog 'unpacking'\ncp /run/new.img /mnt/ || log \"cp failed\"\ncp /run/new.img /mnt/two || log \"cp failed\"\ndf -h /mnt\n", mods(), also=["space.slot", "space.download"], timeout=90)
    run(F, "attach-small", "space.ubi", "a UBI partition of a few blocks", LOG + "log 'attaching'\nubiformat /dev/mtd1 -y -q\nubiattach -m 1 || log 'attach failed'\nubimkvol /dev/ubi0 -N x -s 1MiB || log 'ubimkvol failed'\n", mods("parts=500,10"), also=["configuration.incompatible", "corruption.table"], timeout=90)
    F = "power-cut-flashcp"
    if wanted(F):
        for n, kill, cmd in (("write", rb"Writing data: [1-9][0-9]{2,3}k", "flashcp -v /run/new.img /dev/mtd0"), ("erase", rb"Erasing blocks: [1-9][0-9]/", "flashcp -v /run/new.img /dev/mtd0")):
            t = disk("mtd.img", "16M")
            damage(t, 0, 16 << 20, seed=3)
            m = ("mtd", "mtdblock", "squashfs", "block2mtd block2mtd=/dev/vdb,131072")
            sq = open(f"{W}/root.sqfs", "rb").read() if os.path.exists(f"{W}/root.sqfs") else sh(f"mksquashfs {W}/tree {W}/root.sqfs -quiet -no-progress -noappend; cat {W}/root.sqfs")
            one = machine(initrd(LOG + f"cp /root/new.img /run/new.img\nlog 'writing release 2.4.1'\n(while true; do sync; sleep 0.1; done) &\n{cmd} >/dev/console 2>&1\nlog 'done'\n", m, files={"new.img": sq}), "loglevel=5", [t], kill_at=kill, timeout=60)
            two = machine(initrd("echo 'init: mounting /dev/mtdblock0'\nmount -t squashfs -o ro /dev/mtdblock0 /mnt || echo 'init: mount failed'\ncat /mnt/usr/lib/* >/dev/null\nexec switch_root /mnt /sbin/init\n", m, chroot=False), "panic=-1 loglevel=6", [t], timeout=40, base=True)
            case(KERNEL, F, n, "power.lost", f"the power is cut while flashcp is at work ({n}); then the next boot", one + b"\n" + two, keep=True, also=["write.interrupted", "corruption.filesystem"])
    H = "healthy-update"
    run(H, "ubi", "none", "an image written with ubiupdatevol", head + U + "ubimkvol /dev/ubi0 -N rootfs_b -s 20MiB\nlog 'writing release 2.4.1'\nubiupdatevol /dev/ubi0_0 /run/new.img && log 'done'\n", mods(), timeout=90)
    run(H, "nandwrite", "none", "an image written with nandwrite, some bad blocks from the factory", head + "flash_erase -q /dev/mtd0 0 0\nnandwrite -p /dev/mtd0 /run/new.img && log 'done'\n", mods("badblocks=7,33"), timeout=90)
    run(H, "flashcp", "none", "an image written with flashcp", LOG + "head -c 3000000 /dev/urandom >/run/new.img\nflashcp -v /run/new.img /dev/mtd0 2>&1 | tr '\\r' '\\n' | tail -n 30 && log 'done'\n", ("mtd", "mtdblock", "mtdram total_size=8192 erase_size=64"), timeout=90)
    run(H, "jffs2", "none", "a JFFS2 after an unclean end", LOG + jf_clean(), ("mtd", "mtdblock", "jffs2", "mtdram total_size=8192 erase_size=64"), timeout=90)


def jf_clean():
    return "flash_erase -q -j /dev/mtd0 0 128\nmount -t jffs2 /dev/mtdblock0 /mnt\nlog 'settings mounted'\nfor i in 1 2 3; do head -c 90000 /dev/urandom >/mnt/f$i; done\nsync; umount /mnt; mount -t jffs2 /dev/mtdblock0 /mnt && log 'settings mounted again'\n"


UPDATE = LOG + """log "installing release 2.4.1"
log "free: $(df -h /mnt | tail -n 1)"
cp /root/fw.tar.gz /mnt/ || { log "copy failed"; FAIL=1; }
[ -z "$FAIL" ] && tar -xzf /mnt/fw.tar.gz -C /mnt || log "unpacking failed ($?)"
sync
log "end"
"""


def media():
    fw = sh(f"tar -C {W}/tree -czf - .")
    files = {"fw.tar.gz": fw}
    F = "space"
    d = disk("t.img", "9M", "mkfs.ext4 -q IMG")
    run(F, "ext4", "space.slot", "an update into an ext4 that is too small", "mount /dev/vdb /mnt\n" + UPDATE, files=files, drives=[d], also=["space.download", "space.temporary"])
    run(F, "tmpfs", "space.temporary", "an update unpacked into a tmpfs that is too small", "mount -t tmpfs -o size=9m tmpfs /mnt\n" + UPDATE, files=files, also=["space.download", "space.slot"])
    run(F, "device", "space.slot", "an image of 64 MiB for a device of 32 MiB", LOG + "log 'writing slot b'\ndd if=/dev/zero of=/dev/vdb bs=1M count=64 conv=fsync || log 'dd failed'\n", drives=[disk("t.img", "32M")], also=["device.wrong", "corruption.table"])
    d = disk("t.img", "60M", "mkfs.ext4 -q -N 64 IMG")
    many = LOG + "mkdir -p /tmp/t; i=0; while [ $i -lt 200 ]; do echo $i >/tmp/t/f$i; i=$((i+1)); done\nmount /dev/vdb /mnt\nlog 'copying settings'\ncp -r /tmp/t /mnt/ 2>&1 | tail -n 12\nlog 'copy failed'\ndf -h /mnt; df -i /mnt\n"
    run("inodes", "ext4", "space.inodes", "an ext4 without free inodes", many, drives=[d], also=["space.slot"])
    run("inodes", "tmpfs", "space.inodes", "a tmpfs without free inodes", many.replace("mount /dev/vdb /mnt", "mount -t tmpfs -o nr_inodes=40 tmpfs /mnt"), also=["space.temporary"])

    def failing(family, name, bus, errors, script, dev, why, modules, cause="storage.io", **more):
        if not wanted(f"{family}-{name}"):
            return
        d = disk("t.img", "48M", f"mkfs.ext4 -q -b 4096 -d {W}/tree IMG")
        run(family, name, cause, why, LOG + script.replace("DEV", dev), modules, arguments=blk(d, errors, bus), timeout=120, also=["storage.bad-blocks", "storage.worn", "corruption.filesystem", "storage.read-only"])
    read = "log 'checking slot b'\ndd if=/dev/DEV of=/dev/null bs=64k || log 'reading failed'\n"
    write = "log 'writing slot b'\ndd if=/dev/urandom of=/dev/DEV bs=64k count=400 conv=fsync || log 'writing failed'\n"
    mount = "mount /dev/DEV /mnt || log 'mount failed'\ncat /mnt/usr/lib/* >/dev/null || log 'reading failed'\ncp /mnt/usr/lib/lib1.so /mnt/usr/lib/x; sync; ls /mnt/usr/lib; umount /mnt\n"
    rd = [("read_aio", s, 5) for s in (2048, 20000, 40000, 60000)]
    wr = [("write_aio", s, 5) for s in (128, 8192, 30000)]
    A = ("libahci", "ahci", "crct10dif_generic", "sd_mod")
    F = "disk-failing"
    failing(F, "ahci-read", "ahci", rd, read, "sda", "sectors of a SATA disk cannot be read", A)
    failing(F, "ahci-write", "ahci", wr, write, "sda", "sectors of a SATA disk cannot be written", A)
    failing(F, "ahci-mount", "ahci", [("read_aio", s, 5) for s in range(2050, 60000, 900)], mount, "sda", "a file system on a SATA disk with sectors that cannot be read", A)
    failing(F, "virtio-read", "virtio", rd, read, "vdb", "sectors of a disk cannot be read", ())
    failing(F, "virtio-all", "virtio", [("read_aio", None, 5), ("write_aio", None, 5)], mount, "vdb", "no sector of a disk can be read", ())
    failing(F, "virtio-flush", "virtio", [("flush_to_disk", None, 5)], write, "vdb", "a disk that cannot flush its cache; the kernel takes it as one that cannot be written to", ())
    F = "disk-failing-nvme-scsi"
    failing(F, "nvme-read", "nvme", rd, read, "nvme0n1", "blocks of an NVMe disk cannot be read", ("nvme",))
    failing(F, "nvme-write", "nvme", wr, write, "nvme0n1", "blocks of an NVMe disk cannot be written", ("nvme",))
    failing(F, "scsi-read", "scsi", rd, read, "sda", "sectors of a SCSI disk cannot be read", ("virtio_scsi", "sd_mod"))
    failing(F, "scsi-mount", "scsi", [("write_aio", s, 5) for s in range(2050, 60000, 600)], mount, "sda", "a file system on a SCSI disk with sectors that cannot be written", ("virtio_scsi", "sd_mod"))
    run(F, "scsi-debug", "storage.io", "a disk with a medium error", LOG + "log 'checking slot b'\ndd if=/dev/sda of=/dev/null bs=64k || log 'reading failed'\n", ("sd_mod", "scsi_debug opts=2 dev_size_mb=16 medium_error_start=4660 medium_error_count=10"), also=["storage.bad-blocks", "storage.worn"])
    F = "read-only"
    d = disk("t.img", "48M", f"mkfs.ext4 -q -d {W}/tree IMG")
    run(F, "device", "storage.read-only", "the disk is write-protected", LOG + "log 'writing slot b'\ndd if=/dev/zero of=/dev/vdb bs=64k count=100 || log 'dd failed'\nmount /dev/vdb /mnt; cp /etc/passwd /mnt/etc/ || log 'copy failed'\n", drives=[("-drive", f"file={d},format=raw,if=virtio,readonly=on")], also=["storage.io", "policy.locked"])
    run(F, "mounted", "storage.read-only", "the file system is mounted read-only", LOG + "mount -o ro /dev/vdb /mnt\nlog 'installing the package'\ntar -xzf /root/fw.tar.gz -C /mnt 2>&1 | tail -n 5\nlog 'unpacking failed'\nfw_setenv slot b || log 'cannot switch the slot'\n", files=files, drives=[d], also=["configuration.incompatible"])
    F = "oom"
    run(F, "python", "space.memory", "the updater takes all memory", LOG + "log 'loading the update into memory'\npython3 -c \"b=[]\nwhile 1: b.append(b'x'*1000000)\" || log \"updater ended with $?\"\n", memory=160, timeout=90)
    run(F, "tmpfs", "space.memory", "the update is kept in a tmpfs that takes all memory", LOG + "mount -t tmpfs -o size=400m tmpfs /mnt\nlog 'download to /mnt'\nhead -c 300000000 /dev/zero | tr '\\0' x >/mnt/fw.img || log \"failed with $?\"\n", memory=160, timeout=90, also=["space.temporary", "space.download"])
    run(F, "panic", "space.memory", "no memory and panic_on_oom", LOG + "echo 1 >/proc/sys/vm/panic_on_oom\nlog 'swupdate: installing'\npython3 -c \"b=[]\nwhile 1: b.append(b'x'*1000000)\"\n", memory=160, timeout=90, append="panic=-1", also=["firmware.panic"])
    F = "power-cut-dd"
    if wanted(F):
        for n, part, seconds in (("early", "2", 0.0), ("boot-loop", "4", 0.1)):
            t = disk("slot.img", "24M", f"mkfs.ext4 -q -d {W}/tree IMG")
            new = disk("new.img", "24M", f"mkfs.ext4 -q -U random -d {W}/tree IMG")
            step = LOG + f"log 'writing release 2.4.1 to slot b'\ni=0; while [ $i -lt 24 ]; do dd if=/dev/vdc of=/dev/vdb bs=1M count=1 skip=$i seek=$i conv=fsync,notrunc 2>/dev/null; log \"$((i*100/24)) %\"; i=$((i+1)); done\nlog 'done'\n"
            damage(t, 0, 24 << 20, byte=255)
            one = machine(initrd(step), "loglevel=5", [t, new], kill_at=rf"updater: {part}\d? %".encode() if n != "early" else rb"updater: \d %", after=seconds, timeout=60)
            two = machine(initrd(SWITCH, chroot=False), "panic=-1 loglevel=6 root=/dev/vdb", [t], timeout=40, base=True)
            text = one + b"\n" + two + (two if n == "boot-loop" else b"")
            case(KERNEL, F, n, "power.lost", "the power is cut while dd writes a slot; then the next boot", text, keep=True, also=["write.interrupted", "corruption.filesystem"])
    F = "watchdog"
    hang = "w=/sys/class/watchdog/watchdog0/bootstatus; [ -e $w ] && [ $(cat $w) != 0 ] && echo 'init: the last reset came from the watchdog'\necho 'init: starting services'\nexec 3>/dev/watchdog\necho 'init: waiting for the application'\nwhile true; do :; done\n"
    run(F, "twice", "boot.watchdog", "the watchdog resets the machine because the new firmware hangs", "sleep 1\n" + hang, ("i6300esb heartbeat=4",), chroot=False, base=False, append="panic=1 loglevel=7", arguments=["-device", "i6300esb", "-action", "watchdog=reset"], timeout=75, resets=2, stop=rb"waiting for the application", after=1, keep=True, also=["firmware.health", "firmware.panic"])
    run(F, "close", "boot.watchdog", "the watchdog is closed without being stopped", "echo 'init: starting services'\nexec 3>/dev/watchdog\nexec 3>&-\necho 'appmgr: started'\nsleep 60\n", ("i6300esb heartbeat=5",), chroot=False, base=False, append="panic=1 loglevel=7", arguments=["-device", "i6300esb", "-action", "watchdog=reset"], timeout=60, resets=1, stop=rb"appmgr: started", after=1, keep=True, also=["firmware.health", "updater.bug"])
    run(F, "soft-lockup", "boot.watchdog", "a hung task and panic on it", "echo 3 >/proc/sys/kernel/hung_task_timeout_secs; echo 1 >/proc/sys/kernel/hung_task_panic\necho 'init: starting services'\nsleep 1\n" + hang, ("softdog soft_margin=6 soft_panic=1",), chroot=False, base=False, append="panic=1 loglevel=6", timeout=45, also=["firmware.panic", "firmware.health"])
    F = "clock"
    cert = sh(f"openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=updates.example.net -keyout {W}/k -out {W}/c; cat {W}/c")
    for n, base in (("1980", "1980-01-01"), ("2000", "2000-01-01T00:00:10")):
        run(F, n, "clock.wrong", "the clock has lost its time: no certificate is valid yet", LOG + "log \"clock: $(date)\"\nlog 'checking the certificate of the server'\nopenssl verify -CAfile c.pem c.pem || log 'certificate refused, no update'\n", files={"c.pem": cert}, arguments=["-rtc", f"base={base}"], also=["genuine.expired", "network.tls"])
    H = "healthy-update"
    run(H, "dd", "none", "a slot written with dd and checked", LOG + "log 'writing slot b'\ndd if=/dev/zero of=/dev/vdb bs=1M count=24 conv=fsync && log 'done'\ncmp -n 20000000 /dev/zero /dev/vdb && log 'read back: the same'\n", drives=[disk("t.img", "32M")])
    run(H, "tar", "none", "a package unpacked into an ext4", "mount /dev/vdb /mnt\n" + UPDATE.replace("unpacking failed", "unpacking ended"), files=files, drives=[disk("t.img", "48M", "mkfs.ext4 -q IMG")])
    run("healthy-boot", "fsck", "none", "a file system that was not unmounted is checked and mounted", LOG + "fsck.ext4 -p /dev/vdb; mount /dev/vdb /mnt && log mounted\n", drives=[disk("t.img", "24M", f"mkfs.ext4 -q -d {W}/tree IMG && debugfs -w -R 'ssv state 0' IMG")], keep=True)
    run("healthy-boot", "sd-card", "none", "a boot with an SD card and without some firmware files", LOG + "sleep 1\nmount -o ro /dev/mmcblk0 /mnt && log 'slot a mounted'\nls /mnt\n", ("mmc_block", "sdhci_pci"), arguments=["-blockdev", json.dumps({"driver": "raw", "node-name": "d9", "file": {"driver": "file", "filename": disk("sd.img", "32M", f"mkfs.ext4 -q -d {W}/tree IMG")}}), "-device", "sdhci-pci", "-device", "sd-card,drive=d9"])
    run("network-down", "dhcp", "network.no-link", "no DHCP server answers", "ip link set lo up\nip link set eth0 up\nudhcpc -i eth0 -n -q -t 3 -T 1 || echo 'updater: no address, trying later'\nwget -O /tmp/fw http://10.0.2.2/fw.bin || echo 'updater: no update today'\n", ("virtio_net",), chroot=False, base=False, arguments=["-netdev", "socket,id=n,listen=127.0.0.1:7798", "-device", "virtio-net-pci,netdev=n"], also=["network.cable", "network.timeout"])
    run("network-down", "no-device", "network.no-link", "no network device", "ip link set eth0 up\nudhcpc -i eth0 -n -q -t 3 -T 1 || echo 'updater: no address, trying later'\n", (), chroot=False, base=False, also=["network.cable", "configuration.incompatible"])


if __name__ == "__main__":
    prepare()
    for part in (boots, media, flash, filesystems):
        try:
            part()
        except (OSError, subprocess.CalledProcessError, AttributeError, ValueError):
            traceback.print_exc()
    print(KERNEL.count)
