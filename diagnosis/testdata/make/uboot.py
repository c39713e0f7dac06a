#!/usr/bin/env python3
"""Captures of U-Boot on an emulated ARM board: damaged images, wrong files, lost partitions, TFTP and environment
faults, boot counters, and boots of Debian's kernel. One machine at a time, each with a time limit.
Needs: u-boot-qemu, qemu-system-arm, ipxe-qemu, u-boot-tools, e2fsprogs, dosfstools, mtools, fdisk, cpio.
Run by namespace.sh as root with the folder to which linux-image-armmp and busybox-static of armhf were unpacked."""

import os
import random
import re
import shutil
import subprocess
import sys
import time

import capture
from console import Console
from initrd import START

TREE = sys.argv[1]
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""
cases = capture.Cases("u-boot", "2023.01", ONLY)
W = "/data/w"
PROMPT = rb"\r\n=> $"
RELEASE = os.listdir(f"{TREE}/lib/modules")[0]


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True).stdout


def initrd(script, modules=("virtio_ring", "virtio", "virtio_mmio", "virtio_blk", "crc16", "mbcache", "jbd2", "crc32c_generic", "libcrc32c", "ext4"), name="initrd.img"):
    d = f"{W}/initrd"
    sh(f"rm -rf {d}; mkdir -p {d}/bin {d}/dev {d}/proc {d}/sys {d}/mnt {d}/modules; cp {TREE}/bin/busybox {d}/bin/")
    load = ""
    for m in modules:
        f = subprocess.run(["find", f"{TREE}/lib/modules", "-name", m + ".ko"], capture_output=True, text=True).stdout.split()
        if f:
            shutil.copy(f[0], f"{d}/modules/")
            load += f"insmod /modules/{m}.ko 2>/dev/null\n"
    with open(f"{d}/init", "w") as f:
        f.write(START + load + script)
    os.chmod(f"{d}/init", 0o755)
    sh(f"cd {d} && find . | cpio --quiet -o -H newc | gzip -1 >{W}/{name}")
    return open(f"{W}/{name}", "rb").read()


MOUNT = """root=/dev/vda2
for a in $(cat /proc/cmdline); do case $a in root=*) root=${a#root=};; esac; done
echo "init: mounting $root"
mount -t ext4 $root /mnt || { echo "init: cannot mount $root"; exit 1; }
echo "init: starting"
exec switch_root /mnt /sbin/init
"""
ROOT_INIT = """#!/bin/busybox sh
echo
echo "Acme Linux 5.2 gateway ttyAMA0"
echo
/bin/busybox sleep 1
/bin/busybox poweroff -f
"""


def rootfs(path, size="24M", init=True, marker="a"):
    d = f"{W}/root"
    sh(f"rm -rf {d}; mkdir -p {d}/sbin {d}/bin {d}/dev {d}/proc {d}/etc; cp {TREE}/bin/busybox {d}/bin/")
    open(f"{d}/etc/version", "w").write(f"2.4.0-{marker}\n")
    if init:
        open(f"{d}/sbin/init", "w").write(ROOT_INIT)
        os.chmod(f"{d}/sbin/init", 0o755)
    sh(f"rm -f {path}; truncate -s {size} {path}; mkfs.ext4 -q -d {d} {path}")


def disk(path, boot, roots=("good",), table="dos", boot_type="ext4"):
    """Boot partition with files (name -> bytes), then root partitions."""
    d = f"{W}/boot"
    sh(f"rm -rf {d}; mkdir -p {d}")
    for n, b in boot.items():
        os.makedirs(os.path.dirname(f"{d}/{n}") or d, exist_ok=True)
        open(f"{d}/{n}", "wb").write(b)
    sh(f"rm -f {W}/p1; truncate -s 40M {W}/p1")
    if boot_type == "ext4":
        sh(f"mkfs.ext4 -q -O ^metadata_csum,^64bit -d {d} {W}/p1")
    else:
        sh(f"mkfs.vfat -n BOOT {W}/p1; cd {d} && mcopy -s -i {W}/p1 * ::")
    size = 1 + 40 + 24 * len(roots) + 1
    sh(f"rm -f {path}; truncate -s {size}M {path}")
    text = f"label: {table}\nstart=2048, size=81920\n" + "".join(f"start={2048 + 81920 + 49152 * i}, size=49152\n" for i in range(len(roots)))
    subprocess.run(["sfdisk", "-q", path], input=text, text=True, check=True, capture_output=True)
    sh(f"dd if={W}/p1 of={path} bs=1M seek=1 conv=notrunc")
    for i, r in enumerate(roots):
        rootfs(f"{W}/p", init=r != "no-init", marker="ab"[i % 2])
        if r == "damaged":
            with open(f"{W}/p", "r+b") as f:
                f.seek(1024)
                f.write(random.Random(1).randbytes(60000))
        if r != "empty":
            sh(f"dd if={W}/p of={path} bs=1M seek={41 + 24 * i} conv=notrunc")


def environment(values, path):
    with open(f"{W}/env.txt", "w") as f:
        for k, v in values.items():
            f.write(f"{k}={v}\n")
    sh(f"mkenvimage -s 0x40000 -o {W}/env.bin {W}/env.txt; rm -f {path}; truncate -s 64M {path}; dd if={W}/env.bin of={path} conv=notrunc")


def base(**more):
    e = {"arch": "arm", "baudrate": "115200", "board": "qemu-arm", "bootdelay": "1", "fdt_addr": "0x40000000", "kernel_addr_r": "0x40400000", "loadaddr": "0x40200000",
         "ramdisk_addr_r": "0x44000000", "fdt_high": "0xffffffff", "initrd_high": "0xffffffff", "stdin": "pl011@9000000", "stdout": "pl011@9000000", "stderr": "pl011@9000000",
         "slot": "a", "part_a": "2", "part_b": "3",
         "args": "setenv bootargs console=ttyAMA0 panic=1 root=/dev/vda${part}",
         "pick": "if test ${slot} = a; then setenv part ${part_a}; else setenv part ${part_b}; fi",
         "start": "load virtio 0:1 ${kernel_addr_r} zImage && load virtio 0:1 ${ramdisk_addr_r} initrd.img && bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}",
         "bootcmd": "virtio scan; run pick; run args; run start"}
    e.update(more)
    return e


class Board(Console):
    """One emulated board; talk() may be called again after a reset or a power cut."""

    def __init__(self, disk=None, env=None, net="user,restrict=off", arguments=(), memory=512, keep=False):
        if not keep:
            sh(f"rm -f {W}/flash0; cp /usr/lib/u-boot/qemu_arm/u-boot.bin {W}/flash0; truncate -s 64M {W}/flash0")
            if env is None:
                sh(f"rm -f {W}/flash1; truncate -s 64M {W}/flash1")
            elif env:
                environment(env, f"{W}/flash1")
        a = ["qemu-system-arm", "-M", "virt", "-m", str(memory), "-nographic", "-monitor", "none", "-no-reboot" if "-once" in arguments else "-nodefaults", "-serial", "stdio",
             "-drive", f"if=pflash,format=raw,index=0,file={W}/flash0,readonly=on", "-drive", f"if=pflash,format=raw,index=1,file={W}/flash1"]
        a = [x for x in a if x != "-nodefaults"] + ["-nodefaults"]
        if disk:
            a += ["-drive", f"if=none,format=raw,id=d0,file={disk},cache=writethrough", "-device", "virtio-blk-device,drive=d0"]
        if net:
            a += ["-netdev", net + ",id=n0", "-device", "virtio-net-device,netdev=n0"]
        a += [x for x in arguments if x != "-once"]
        super().__init__(a)

    def say(self, text):
        self.p.stdin.write(text.encode() + b"\n")
        self.p.stdin.flush()


def clean(text, style, name):
    """The capture as a terminal program keeps it: with CR or without, with times or without."""
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", text)
    if style == "raw":
        return text
    text = text.replace(b"\r\n", b"\n").replace(b"\r", b"")
    if style == "stamped":
        r, t, out = capture.invented(name), 0.0, []
        for line in text.split(b"\n"):
            t += r.choice([0.001, 0.002, 0.004, 0.02, 0.11])
            out.append(b"[%8.3f] " % t + line)
        text = b"\n".join(out)
    return text


def done(family, name, cause, why, output, device="", **more):
    r = capture.invented("u-boot" + name)
    style = r.choice(["raw", "plain", "plain", "stamped"])
    if len(output) > 55000:
        output = output[:55000]
    cases.case(family, name, cause, f"U-Boot on an emulated ARM board: {why}", {"console.log": clean(output, style, name)}, **more)


def boot(family, name, cause, why, stop=PROMPT, timeout=20, say=(), board=None, grace=0.4, **more):
    if ONLY and not re.search(ONLY, f"{family}-{name}"):
        return b""
    b = Board(**(board or {}))
    if say:
        b.until(rb"Hit any key", 10)
        b.say("")
        b.until(PROMPT, 6)
        for line in say:
            b.say(line)
            b.until(PROMPT, timeout)
    else:
        b.until(stop, timeout)
    time.sleep(grace)
    b.until(rb"\0\0", 0.1)
    out = b.end()
    done(family, name, cause, why, out, **more)
    return out


def flip(data, at, n=1):
    d = bytearray(data)
    for i in range(at, at + n):
        d[i] ^= 0x55
    return bytes(d)


def main():
    os.makedirs(W)
    kernel = open(f"{TREE}/boot/vmlinuz-{RELEASE}", "rb").read()
    ramdisk = initrd(MOUNT)
    files = {"zImage": kernel, "initrd.img": ramdisk}
    disk(f"{W}/good.img", files, ("good", "good"))

    # A small image is enough where the kernel never runs: 512 KiB.
    small = random.Random(4).randbytes(1 << 19)
    open(f"{W}/small", "wb").write(small)

    def uimage(arch="arm", kind="kernel", data=f"{W}/small"):
        sh(f"mkimage -A {arch} -O linux -T {kind} -C none -a 0x41000000 -e 0x41000000 -n 'Linux-5.15.71-gateway' -d {data} {W}/uImage")
        return open(f"{W}/uImage", "rb").read()

    def fit(arch="arm", conf="conf-gw", algo="sha256"):
        open(f"{W}/small.dtb", "wb").write(small[:20000])
        open(f"{W}/f.its", "w").write(f'''/dts-v1/;
/ {{ description = "gateway firmware 2.4.0"; #address-cells = <1>;
 images {{
  kernel-1 {{ description = "Linux kernel"; data = /incbin/("{W}/small"); type = "kernel"; arch = "{arch}"; os = "linux"; compression = "none"; load = <0x41000000>; entry = <0x41000000>; hash-1 {{ algo = "{algo}"; }}; }};
  ramdisk-1 {{ description = "initial ramdisk"; data = /incbin/("{W}/small"); type = "ramdisk"; arch = "{arch}"; os = "linux"; compression = "none"; load = <0x44000000>; entry = <0x44000000>; hash-1 {{ algo = "{algo}"; }}; }};
  fdt-1 {{ description = "device tree"; data = /incbin/("{W}/small.dtb"); type = "flat_dt"; arch = "{arch}"; compression = "none"; hash-1 {{ algo = "{algo}"; }}; }};
 }};
 configurations {{ default = "{conf}"; conf-gw {{ kernel = "kernel-1"; ramdisk = "ramdisk-1"; fdt = "fdt-1"; }}; }};
}};''')
        sh(f"mkimage -f {W}/f.its {W}/fit.itb")
        return open(f"{W}/fit.itb", "rb").read()

    def image(name, data, command=None, file="uImage", **more):
        disk(f"{W}/d.img", {file: data}, ())
        return {"disk": f"{W}/d.img", "env": base(bootcmd=f"virtio scan; load virtio 0:1 ${{kernel_addr_r}} {file}; " + (command or ("bootm ${kernel_addr_r}#conf-gw" if file == "fit.itb" else "bootm ${kernel_addr_r}")), **more)}

    u, F = uimage(), fit()
    D = "uimage-damaged"
    PK = ["package.corrupted", "package.at-rest", "package.transit", "write.interrupted", "corruption.filesystem", "storage.io"]
    boot(D, "data", "package.corrupted", "one byte of the kernel in a uImage is changed", board=image("", flip(u, 300000)), also=PK)
    boot(D, "header", "package.corrupted", "the header of the uImage is changed", board=image("", flip(u, 40)), also=PK)
    boot(D, "magic", "package.corrupted", "the first bytes of the uImage are changed", board=image("", flip(u, 0, 2)), also=PK)
    boot(D, "cut", "package.corrupted", "the uImage ends after 60 %", board=image("", u[:300000]), also=PK)
    boot(D, "erased", "package.corrupted", "the rest of the uImage is erased flash", board=image("", u[:200000] + b"\xff" * (len(u) - 200000)), also=PK)
    boot(D, "typed", "package.corrupted", "iminfo of a damaged uImage", board=image("", flip(u, 1000)), say=["virtio scan", "load virtio 0:1 ${kernel_addr_r} uImage", "iminfo ${kernel_addr_r}", "bootm ${kernel_addr_r}"], also=PK)
    D = "fit-damaged"
    k, rd, dt = F.find(small[:64]), F.find(small[:64], F.find(small[:64]) + 1), F.rfind(small[:64])
    boot(D, "kernel", "package.corrupted", "one byte of the kernel in a FIT is changed", board=image("", flip(F, k + 100000), file="fit.itb"), also=PK)
    boot(D, "ramdisk", "package.corrupted", "one byte of the ramdisk in a FIT is changed", board=image("", flip(F, rd + 5000), file="fit.itb"), also=PK)
    boot(D, "fdt", "package.corrupted", "one byte of the device tree in a FIT is changed", board=image("", flip(F, dt + 500), file="fit.itb"), also=PK)
    boot(D, "cut", "package.corrupted", "the FIT ends after 50 %", board=image("", F[:len(F) // 2], file="fit.itb"), also=PK)
    boot(D, "cut-early", "package.corrupted", "the FIT ends after 3 KiB", board=image("", F[:3000], file="fit.itb"), also=PK)
    boot(D, "magic", "package.corrupted", "the first bytes of the FIT are changed", board=image("", flip(F, 0, 4), file="fit.itb"), also=PK)
    boot(D, "web-page", "package.corrupted", "a web page in place of the FIT", board=image("", b"<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>" * 40, command="md.b ${kernel_addr_r} 40; bootm ${kernel_addr_r}", file="fit.itb"), also=PK + ["server.missing-file"])
    boot(D, "iminfo", "package.corrupted", "iminfo of a damaged FIT", board=image("", flip(F, k + 9), file="fit.itb"), say=["virtio scan", "load virtio 0:1 ${kernel_addr_r} fit.itb", "iminfo ${kernel_addr_r}"], also=PK)
    D = "architecture"
    DW = ["package.maker", "configuration.incompatible"]
    boot(D, "arm64", "device.wrong", "a uImage for arm64", board=image("", uimage("arm64")), also=DW)
    boot(D, "mips", "device.wrong", "a uImage for MIPS", board=image("", uimage("mips")), also=DW)
    boot(D, "fit-config", "device.wrong", "a FIT without a configuration for this board", board=image("", F, command="bootm ${kernel_addr_r}#conf-hub", file="fit.itb"), also=DW)
    boot(D, "type", "configuration.incompatible", "a uImage that holds a ramdisk", board=image("", uimage(kind="ramdisk")), also=DW + ["device.wrong"])
    boot(D, "zimage", "device.wrong", "bootz of what is no zImage", board=image("", small, command="bootz ${kernel_addr_r} - ${fdtcontroladdr}", file="zImage"), also=DW + PK)
    D = "missing-file"
    MF = ["corruption.filesystem", "boot.slot", "write.interrupted", "configuration.incompatible", "package.maker"]
    disk(f"{W}/nokernel.img", {"initrd.img": ramdisk, "uEnv.txt": b"a=b\n"}, ("good",))
    boot(D, "kernel", "boot.environment", "the kernel file is missing", board={"disk": f"{W}/nokernel.img", "env": base()}, also=MF)
    disk(f"{W}/noinitrd.img", {"zImage": kernel}, ("good",))
    boot(D, "initrd", "boot.environment", "the initrd is missing", board={"disk": f"{W}/noinitrd.img", "env": base()}, also=MF)
    boot(D, "distro", "boot.environment", "no boot script and no extlinux.conf, default boot, no network", board={"disk": f"{W}/nokernel.img", "net": None}, timeout=40, also=MF)
    boot(D, "listed", "boot.environment", "the kernel has another name", board={"disk": f"{W}/nokernel.img", "env": base()}, say=["run bootcmd", "ls virtio 0:1 /"], also=MF)
    disk(f"{W}/ext.img", {"extlinux/extlinux.conf": b"timeout 10\ndefault gw\nlabel gw\n kernel /boot/zImage-5.15\n initrd /boot/initrd.img\n append console=ttyAMA0 root=/dev/vda2\n"}, ("good",))
    boot(D, "extlinux", "boot.environment", "extlinux.conf names a kernel that is not there", board={"disk": f"{W}/ext.img", "net": None}, timeout=40, also=MF)
    D = "partition-table"
    good = open(f"{W}/good.img", "rb").read()
    PT = ["storage.io", "power.lost", "corruption.filesystem"]
    sh(f"cp {W}/good.img {W}/t.img; dd if=/dev/zero of={W}/t.img bs=512 count=64 conv=notrunc")
    boot(D, "wiped", "corruption.table", "the partition table is zeros", board={"disk": f"{W}/t.img", "env": base()}, also=PT)
    sh(f"cp {W}/good.img {W}/t.img; dd if=/dev/urandom of={W}/t.img bs=512 count=1 conv=notrunc")
    boot(D, "garbage", "corruption.table", "the partition table is noise", board={"disk": f"{W}/t.img", "env": base()}, say=["virtio scan", "part list virtio 0", "run bootcmd"], also=PT)
    disk(f"{W}/gpt.img", files, ("good",), table="gpt")
    sh(f"cp {W}/gpt.img {W}/t.img; dd if=/dev/urandom of={W}/t.img bs=512 seek=1 count=20 conv=notrunc; dd if=/dev/zero of={W}/t.img bs=512 count=40 seek=$(( $(stat -c %s {W}/t.img) / 512 - 40 )) conv=notrunc")
    boot(D, "gpt", "corruption.table", "both GPT headers are damaged", board={"disk": f"{W}/t.img", "env": base()}, say=["virtio scan", "part list virtio 0", "run bootcmd"], also=PT)
    boot(D, "no-disk", "storage.io", "the disk is gone", board={"env": base()}, also=["corruption.table", "boot.environment"])
    boot(D, "partition-number", "boot.environment", "the environment names a partition that is not there", board={"disk": f"{W}/good.img", "env": base(start="load virtio 0:5 ${kernel_addr_r} zImage && bootz ${kernel_addr_r} - ${fdtcontroladdr}")}, also=["corruption.table", "boot.slot"])
    D = "tftp-server"
    sh(f"mkdir -p {W}/tftp; cp {W}/small {W}/tftp/other.bin")
    tftp = f"user,tftp={W}/tftp"
    net = base(bootcmd="setenv autoload no; dhcp; tftpboot ${kernel_addr_r} gw/uImage && bootm ${kernel_addr_r}")
    boot(D, "no-file", "server.missing-file", "the TFTP server does not have the file", board={"env": net, "net": tftp}, timeout=15)
    boot(D, "no-tftp", "server.missing-file", "the TFTP server refuses each file", board={"env": net}, timeout=15, also=["server.refused", "server.error"])
    boot(D, "bootp-file", "server.missing-file", "the boot file of the DHCP answer does not exist", board={"env": base(bootcmd="dhcp && bootm"), "net": tftp + ",bootfile=gw-2.4.0.uimg"}, timeout=15)
    open(f"{W}/tftp/uImage", "wb").write(flip(u, 100000))
    boot(D, "damaged", "package.corrupted", "the file on the TFTP server is damaged", board={"env": base(bootcmd="setenv autoload no; dhcp; tftpboot ${kernel_addr_r} uImage && bootm ${kernel_addr_r}"), "net": tftp}, timeout=15, also=PK)
    open(f"{W}/tftp/page", "wb").write(b"<html><body>It works!</body></html>\n")
    boot(D, "page", "package.corrupted", "a page in place of the image on the TFTP server", board={"env": base(bootcmd="setenv autoload no; dhcp; tftpboot ${kernel_addr_r} page && bootm ${kernel_addr_r}"), "net": tftp}, timeout=15, also=PK + ["server.missing-file"])
    D = "tftp-network"
    static = base(ipaddr="10.0.2.15", serverip="10.0.2.2", netmask="255.255.255.0", bootcmd="tftpboot ${kernel_addr_r} uImage && bootm ${kernel_addr_r}", netretry="no")
    boot(D, "no-server", "network.timeout", "nobody answers ARP for the server", board={"env": dict(static, serverip="10.0.2.77"), "net": tftp}, timeout=70, also=["network.no-link", "network.cable"])
    boot(D, "restricted", "network.timeout", "the TFTP server does not answer", board={"env": dict(static), "net": "user,restrict=on"}, timeout=100, stop=rb"Retry count exceeded[^=]*=> $", also=["network.no-link", "network.cable", "server.error", "server.missing-file"])
    boot(D, "dhcp-silent", "network.no-link", "nobody answers DHCP", board={"env": base(bootcmd="setenv bootretry 0; dhcp", netretry="no"), "net": "socket,listen=127.0.0.1:7799"}, timeout=100, stop=rb"(Retry time exceeded|Retry count exceeded)[^=]*(=> $)?", also=["network.timeout", "network.cable"])
    boot(D, "no-ethernet", "network.no-link", "no network device", board={"env": net, "net": None}, timeout=15, also=["network.cable", "configuration.incompatible", "storage.io"])
    boot(D, "other-net", "network.timeout", "the server's address is of another net without a gateway", board={"env": dict(static, serverip="192.168.7.1"), "net": tftp}, timeout=70, also=["network.no-link", "configuration.incompatible"])
    D = "environment"
    b = {"disk": f"{W}/good.img", "env": base()}
    if not ONLY or re.search(ONLY, D):
        m = Board(**b)
        m.until(rb"Hit any key", 10)
        m.say("")
        m.until(PROMPT, 5)
        for line in ("printenv slot bootcmd", "virtio scan; ls virtio 0:1"):
            m.say(line)
            m.until(PROMPT, 10)
        first = m.end()
        with open(f"{W}/flash1", "r+b") as f:
            f.seek(300)
            f.write(b"\xff" * 64)
        m = Board(disk=f"{W}/t.img", keep=True, net=None)
        m.until(PROMPT, 40)
        done(D, "corrupted", "boot.environment", "the environment is damaged between two starts; the default one cannot boot", first + m.end(), also=["corruption.table", "power.lost"])
        m = Board(disk=f"{W}/good.img", env=base(bootcmd="run start_b"))
        m.until(rb"not defined[\s\S]*=> $", 15)
        done(D, "undefined", "boot.environment", "the saved bootcmd runs a variable that does not exist", m.end())
        m = Board(disk=f"{W}/nokernel.img", env=base(), net=None)
        m.until(rb"Hit any key", 10)
        m.say("")
        m.until(PROMPT, 5)
        m.say("saveenv")
        m.until(rb"(Writing|Erasing)", 6)
        out = m.end()
        with open(f"{W}/flash1", "r+b") as f:
            f.seek(0)
            f.write(b"\xff" * 0x20000)
        m = Board(disk=f"{W}/nokernel.img", keep=True, net=None)
        m.until(PROMPT, 40)
        done(D, "cut-save", "power.lost", "the power is cut while the environment is saved", out + b"\r\n" + m.end(), also=["boot.environment", "write.interrupted"])
    boot(D, "syntax", "boot.environment", "the saved bootcmd has a fault in its syntax", board={"disk": f"{W}/good.img", "env": base(bootcmd="if test ${slot} = a; then run start")}, timeout=10)
    boot(D, "empty-slot", "boot.environment", "the slot variable is lost", board={"disk": f"{W}/good.img", "env": base(slot="c", part_b="", bootcmd="virtio scan; run pick; test -n ${part} || echo No slot to boot; load virtio 0:${part} ${kernel_addr_r} boot/zImage-${slot} && bootz ${kernel_addr_r}")}, timeout=10, also=["boot.slot"])
    D = "file-system"
    CF = ["corruption.table", "power.lost", "storage.io", "write.interrupted"]

    def damaged(at, n, boot_type="ext4", seed=1):
        disk(f"{W}/f.img", files, (), boot_type=boot_type)
        with open(f"{W}/f.img", "r+b") as f:
            f.seek((1 << 20) + at)
            f.write(random.Random(seed).randbytes(n))
        return {"disk": f"{W}/f.img", "env": base(), "net": None}
    boot(D, "ext4-super", "corruption.filesystem", "the superblock of the boot partition is noise", board=damaged(1024, 1024), also=CF)
    boot(D, "ext4-descriptors", "corruption.filesystem", "the group descriptors of the boot partition are noise", board=damaged(4096 if False else 2048, 2048), also=CF)
    boot(D, "ext4-inodes", "corruption.filesystem", "the inodes of the boot partition are noise", board=damaged(2048, 700_000), also=CF)
    boot(D, "fat-table", "corruption.filesystem", "the FAT of the boot partition is noise", board=damaged(2048, 60000, "vfat"), also=CF + PK)
    boot(D, "fat-boot-sector", "corruption.filesystem", "the boot sector of the boot partition is noise", board=damaged(0, 512, "vfat"), also=CF)
    D = "kernel-after"
    END = rb"(reboot: Power down|Rebooting in|reboot: Restarting)"

    def whole(family, name, cause, why, roots=("good",), environment=None, ram=ramdisk, kern=kernel, stop=END, **more):
        if ONLY and not re.search(ONLY, f"{family}-{name}"):
            return
        disk(f"{W}/k.img", {"zImage": kern, "initrd.img": ram}, roots)
        boot(family, name, cause, why, board={"disk": f"{W}/k.img", "env": environment or base(), "net": None}, timeout=90, stop=stop, grace=1.2, **more)
    whole(D, "no-init", "corruption.filesystem", "the root file system has no init", ("no-init",), also=["write.interrupted", "package.maker", "boot.slot", "cannot-tell", "firmware.panic"])
    whole(D, "root-damaged", "corruption.filesystem", "the root file system is damaged", ("damaged",), also=["write.interrupted"])
    whole(D, "root-empty", "write.interrupted", "the root partition of slot b was never written", ("good", "empty"), base(slot="b"), also=["corruption.filesystem", "boot.slot", "firmware.panic"])
    whole(D, "root-missing", "boot.slot", "slot b does not exist on this disk", ("good",), base(slot="b"), also=["boot.environment", "corruption.table"])
    whole(D, "initrd-damaged", "package.corrupted", "the initrd is damaged", ("good",), ram=flip(ramdisk, len(ramdisk) // 2, 200), also=PK)
    whole(D, "initrd-cut", "package.corrupted", "the initrd ends early", ("good",), ram=ramdisk[:len(ramdisk) * 2 // 3], also=PK)
    whole(D, "kernel-damaged", "package.corrupted", "the compressed kernel is damaged", ("good",), kern=flip(kernel, len(kernel) // 2, 4000), stop=rb"System halted", also=PK)
    whole(D, "kernel-cut", "package.corrupted", "the kernel file ends early", ("good",), kern=kernel[:len(kernel) // 2], stop=rb"(System halted|data abort|=> $)", also=PK)
    D = "bootcount"
    keep = "env export -t ${loadaddr} slot bootcount upgrade_available; fatwrite virtio 0:1 ${loadaddr} state.txt ${filesize}"
    count = base(bootlimit="3", slot="b", keep=keep,
                 check="if test ${upgrade_available} = 1; then setexpr bootcount ${bootcount} + 1; echo Boot attempt ${bootcount} of ${bootlimit}; run keep; if test ${bootcount} -gt ${bootlimit}; then echo Warning: Bootlimit (${bootlimit}) exceeded. Using altbootcmd.; run altbootcmd; fi; fi",
                 altbootcmd="setenv slot a; setenv upgrade_available 0; setenv bootcount 0; run keep; run pick; run args; run start",
                 bootcmd="virtio scan; load virtio 0:1 ${loadaddr} state.txt && env import -t ${loadaddr} ${filesize}; run check; run pick; run args; run start")
    state = b"slot=b\nbootcount=%d\nupgrade_available=1\n"
    quiet = dict(count, args="setenv bootargs console=ttyAMA0 loglevel=4 panic=1 root=/dev/vda${part}")
    for n, roots, c, also in (("init-missing", ("good", "no-init"), "corruption.filesystem", ["boot.counter", "firmware.panic", "write.interrupted", "package.maker"]),
                              ("root-empty", ("good", "empty"), "write.interrupted", ["boot.counter", "corruption.filesystem", "firmware.panic", "boot.slot"])):
        if ONLY and not re.search(ONLY, f"{D}-{n}"):
            continue
        disk(f"{W}/k.img", dict(files, **{"state.txt": state % 0}), roots, boot_type="vfat")
        boot(D, n, c, f"slot b cannot start ({n}); after three boots the counter falls back to slot a", board={"disk": f"{W}/k.img", "env": quiet, "net": None}, timeout=200, stop=rb"reboot: Power down", grace=1, also=also)
    disk(f"{W}/k.img", {"zImage": small, "initrd.img": ramdisk, "state.txt": state % 4}, ("good", "good"), boot_type="vfat")
    boot(D, "exceeded", "boot.counter", "the counter has passed its limit; the other slot cannot start either", board={"disk": f"{W}/k.img", "env": count, "net": None}, timeout=30, also=["package.corrupted", "boot.slot", "device.wrong"])
    D = "write-interrupted"
    if not ONLY or re.search(ONLY, D):
        for n, wait in (("early", 0.0), ("late", 0.6)):
            open(f"{W}/big", "wb").write(random.Random(8).randbytes(6 << 20))
            disk(f"{W}/d.img", {"uImage": uimage(data=f"{W}/big")}, ())
            m = Board(disk=f"{W}/d.img", env=base(bootcmd="bootm 0x4400000"), net=None)
            m.until(rb"Hit any key", 10)
            m.say("")
            m.until(PROMPT, 5)
            for line in ("virtio scan", "load virtio 0:1 ${kernel_addr_r} uImage", "protect off 0x4400000 +${filesize}", "erase 0x4400000 +${filesize}"):
                m.say(line)
                m.until(PROMPT, 60)
            m.say("cp.b ${kernel_addr_r} 0x4400000 ${filesize}")
            m.until(rb"Copy to Flash", 10)
            time.sleep(wait)
            first = m.end()
            m = Board(disk=f"{W}/d.img", keep=True, net=None)
            m.until(PROMPT, 15)
            done(D, n, "power.lost", "the power is cut while the image is copied to the flash; then the next boot", first + b"\r\n" + m.end(), also=["write.interrupted", "package.corrupted"])
        m = Board(disk=f"{W}/d.img", env=base(bootcmd="bootm 0x4400000"), net=None)
        m.until(rb"Hit any key", 10)
        m.say("")
        m.until(PROMPT, 5)
        m.say("virtio scan; load virtio 0:1 ${kernel_addr_r} uImage; protect off 0x4400000 +${filesize}; erase 0x4400000 +${filesize}")
        m.until(rb"(Erased \d+ sectors|\.{6,})", 60)
        first = m.end()
        m = Board(disk=f"{W}/d.img", keep=True, net=None)
        m.until(PROMPT, 15)
        done(D, "erase", "power.lost", "the power is cut while the flash is erased; then the next boot", first + b"\r\n" + m.end(), also=["write.interrupted", "package.corrupted"])
    D = "healthy-boot"
    whole(D, "environment", "none", "a boot from a saved environment")
    whole(D, "slot-b", "none", "a boot from slot b", ("good", "good"), base(slot="b"))
    script = b"echo Booting the gateway\nsetenv bootargs console=ttyAMA0 root=/dev/vda2\nload virtio 0:1 ${kernel_addr_r} zImage\nload virtio 0:1 ${ramdisk_addr_r} initrd.img\nbootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}\n"
    open(f"{W}/boot.txt", "wb").write(script)
    sh(f"mkimage -A arm -T script -C none -n 'gateway boot' -d {W}/boot.txt {W}/boot.scr")
    disk(f"{W}/k.img", {"zImage": kernel, "initrd.img": ramdisk, "boot.scr": open(f"{W}/boot.scr", "rb").read()}, ("good",))
    boot(D, "first", "none", "a first boot: no environment saved yet, boot script", board={"disk": f"{W}/k.img", "net": None}, timeout=90, stop=END, grace=1)
    disk(f"{W}/k.img", {"zImage": kernel, "initrd.img": ramdisk, "extlinux/extlinux.conf": b"timeout 10\ndefault gw\nlabel gw\n kernel /zImage\n initrd /initrd.img\n fdtdir /dtbs\n append console=ttyAMA0 root=/dev/vda2\n"}, ("good",))
    disk(f"{W}/c.img", dict(files, **{"state.txt": state % 0}), ("good", "good"), boot_type="vfat")
    boot(D, "confirmed", "none", "the first boot after an update, which confirms it", board={"disk": f"{W}/c.img", "env": count, "net": None}, timeout=90, stop=END, grace=1)
    D = "healthy-tftp"
    open(f"{W}/tftp/zImage", "wb").write(kernel)
    open(f"{W}/tftp/initrd.img", "wb").write(ramdisk)
    boot(D, "boot", "none", "kernel and initrd come from a TFTP server", board={"disk": f"{W}/good.img", "net": tftp, "env": base(start="setenv autoload no; dhcp; tftpboot ${kernel_addr_r} zImage && tftpboot ${ramdisk_addr_r} initrd.img && bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}")}, timeout=120, stop=END, grace=1)
    boot(D, "second-server", "none", "the first server does not have the file, the second one does", board={"disk": f"{W}/good.img", "net": tftp, "env": base(start="setenv autoload no; dhcp; tftpboot ${kernel_addr_r} gw/zImage || tftpboot ${kernel_addr_r} zImage && tftpboot ${ramdisk_addr_r} initrd.img && bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}")}, timeout=120, stop=END, grace=1)


main()
print(cases.count)
