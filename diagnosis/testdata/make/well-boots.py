#!/usr/bin/env python3
"""Healthy boots through the menus of boot loaders: GRUB, Syslinux, PXELINUX, iPXE, systemd-boot, and U-Boot behind OpenSBI.
What they try first is not there now and then, and the next is: a menu entry, a network, a file of one's own. Then a small
system starts, which looks for cards and sticks that are not plugged in. A row is kept when the system came up and went off.
Needs: qemu-system-x86, ipxe-qemu, seabios, ovmf, xorriso, mtools, dosfstools, fdisk, cpio, kmod.
Run by namespace.sh as root with a folder to which these were unpacked: linux-image-6.1-amd64, busybox-static, grub-common,
grub2-common, grub-pc-bin, grub-efi-amd64-bin, syslinux, syslinux-common, pxelinux, systemd-boot-efi, qemu-system-misc,
u-boot-qemu, opensbi; and below riscv64/ a kernel (linux) and busybox-static. A second argument (regular expression) picks
cases."""

import glob
import os
import re
import select
import shutil
import subprocess
import sys
import time

import well
from initrd import START, module_files
from well import W, sh

TREE = sys.argv[1]
well.choose(sys.argv[2] if len(sys.argv) > 2 else "")
PROGRAM = "boot-menu"
LIB = f"{TREE}/usr/lib"
VMLINUZ = glob.glob(f"{TREE}/boot/vmlinuz-*")[0]
RELEASE = os.path.basename(VMLINUZ).partition("-")[2]
OWN = f"PATH={TREE}/usr/bin:$PATH LD_LIBRARY_PATH="

INIT = START + """%s
hostname gw-17
mount -t tmpfs tmpfs /tmp
mkdir -p /mnt/data /mnt/sdcard /mnt/usb /mnt/cdrom
for m in gpio-keys i2c-dev; do modprobe $m; done
sysctl -w net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_max=16384
hwclock -s -u
echo "Mounting local filesystems..."
mount -t ext4 /dev/vdb1 /mnt/data || mount -t tmpfs tmpfs /mnt/data
mount -t vfat /dev/mmcblk1p1 /mnt/sdcard
mount -t iso9660 /dev/sr0 /mnt/cdrom
mount -t vfat /dev/sdc1 /mnt/usb
echo "Configuring network interfaces..."
ifconfig lo up
for i in eth0 eth1; do ifconfig $i up && udhcpc -i $i -n -q -t 2 -T 2 -s /bin/true; done
[ -x /usr/sbin/dropbear ] || echo "dropbear is not installed, skipping"
uptime
echo; echo "Gateway 4.2 gw-17 ttyS0"; echo; echo "gw-17 login: "
sleep 2; sync; poweroff -f
"""
MODULES = "virtio_pci virtio_blk virtio_net e1000 ahci ata_piix sd_mod sr_mod crc32c_generic ext4 vfat nls_cp437 nls_ascii isofs usb-storage xhci-pci rtc-cmos button".split()


def initrd(busybox, modules=()):
    """An initramfs whose init loads these modules and starts the small system."""
    d = f"{W}/initrd.files"
    sh(f"rm -rf {d}; mkdir -p {d}/bin {d}/dev {d}/proc {d}/sys {d}/mnt {d}/tmp {d}/modules; cp {busybox} {d}/bin/busybox")
    load = ""
    if modules:
        sh(f"[ -s {TREE}/lib/modules/{RELEASE}/modules.dep ] || depmod -b {TREE} {RELEASE}")
        for f in module_files(f"{TREE}/lib/modules/{RELEASE}", modules):
            shutil.copy(f"{TREE}/lib/modules/{RELEASE}/{f}", f"{d}/modules/")
            load += f"insmod /modules/{os.path.basename(f)}\n"
    with open(f"{d}/init", "w") as f:
        f.write(INIT % load)
    os.chmod(f"{d}/init", 0o755)
    sh(f"cd {d} && find . | cpio --quiet -o -H newc | gzip -1 >{W}/initrd.img; rm -rf {d}")
    return f"{W}/initrd.img"


def system():
    return {"vmlinuz": VMLINUZ, "initrd.img": initrd("/bin/busybox", MODULES)}


def folder(name, files):
    """A folder with files: what begins with / is copied, all else is text."""
    d = f"{W}/{name}"
    for n, v in files.items():
        os.makedirs(os.path.dirname(f"{d}/{n}"), exist_ok=True)
        shutil.copy(v, f"{d}/{n}") if v.startswith("/") else open(f"{d}/{n}", "w").write(v)
    return d


def fat(files, size=128):
    d = folder("fat.files", files)
    sh(f"truncate -s {size}M {W}/fat.img; mkfs.vfat -n BOOT {W}/fat.img; mcopy -s -i {W}/fat.img {d}/* ::; rm -rf {d}")
    return f"{W}/fat.img"


def disk(part, label):
    """A disk with one partition."""
    mb = os.path.getsize(part) >> 20
    kind = "U" if label == "gpt" else "c"
    sh(f"truncate -s {mb + 2}M {W}/disk.img; printf 'label: {label}\\nstart=1MiB, size={mb}MiB, type={kind}\\n' | sfdisk -q {W}/disk.img; dd if={part} of={W}/disk.img bs=1M seek=1 conv=notrunc,sparse")
    return f"{W}/disk.img"


def console(command, limit=400):
    """What the machine's serial line shows until it is off."""
    p = subprocess.Popen(command + ["-monitor", "none", "-display", "none", "-serial", "stdio", "-no-reboot"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out, begin = bytearray(), time.monotonic()
    while time.monotonic() - begin < limit and b"reboot: Power down" not in out:
        if select.select([p.stdout], [], [], 0.1)[0]:
            piece = os.read(p.stdout.fileno(), 65536)
            if not piece:
                break
            out += piece
    p.kill()
    p.wait()
    return bytes(out)


def row(family, name, package, source, command):
    """command: a function that makes the disks and returns the machine's command."""
    if not well.wanted(PROGRAM, family, name):
        return
    text = console(command())
    text = re.sub(rb"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()78cDEM][A-Z0-9]?", b"", text)
    text = b"\n".join(line.rstrip(b" ") for line in re.sub(rb"\r+\n", b"\n", text).replace(b"\0", b"").split(b"\n"))
    text = text.decode("utf-8", "replace").encode()
    if b"login:" not in text or re.search(rb"Kernel panic|Oops|BUG:|Call Trace", text):
        return well.leave_out(f"{PROGRAM}/{family}-{name}", f"the system did not come up: {text[-300:]!r}")
    well.keep(PROGRAM, family, name, package, source, {"console.log": text})


PC = ["qemu-system-x86_64", "-nodefaults", "-m", "400", "-vga", "none"]
QUIET = ["-M", "pc,graphics=off"]
MENU = """set timeout=1
set default=0
set fallback=1
load_env
loadfont unicode
background_image /boot/splash.png
search --no-floppy --label ROOT-A --set=other
%s
menuentry 'Gateway 4.2' { echo 'Loading Linux ...'; linux /boot/vmlinuz console=ttyS0 ro; echo 'Loading initial ramdisk ...'; initrd /boot/initrd.img }
menuentry 'Memory test' { linux16 /boot/memtest86+.bin }
"""
NEW = "menuentry 'Gateway 4.3' { linux /boot/vmlinuz-4.3 console=ttyS0 ro; initrd /boot/initrd.img-4.3 }"


def grub(target, first):
    files = {f"boot/{n}": v for n, v in system().items()}
    files["boot/grub/grub.cfg"] = MENU % first
    d = folder("iso", files)
    sh(f"{OWN} grub-mkrescue --directory={LIB}/grub/{target} -o {W}/boot.iso {d}")
    return ["-drive", f"file={W}/boot.iso,format=raw,media=cdrom,readonly=on"]


SYSLINUX = """SERIAL 0 115200
DEFAULT %s
ONERROR gw
PROMPT 0
TIMEOUT 10
DISPLAY boot.msg
LABEL new
  KERNEL vmlinuz-4.3
LABEL gw
  KERNEL vmlinuz
  INITRD initrd.img
  APPEND console=ttyS0 %s
"""


def syslinux():
    img = fat({"syslinux.cfg": SYSLINUX % ("new", "quiet"), **system()}, 64)
    sh(f"{OWN} {TREE}/usr/bin/syslinux --install {img}")
    return PC + QUIET + ["-drive", f"file={img},format=raw,if=virtio,snapshot=on"]


def network(boot, files):
    """A network that gives addresses and files."""
    d = folder("tftp", {**files, **system()})
    return PC + QUIET + ["-boot", "n", "-netdev", f"user,id=n,tftp={d},bootfile={boot}", "-device", "virtio-net-pci,netdev=n"]


IPXE = """#!ipxe
set base tftp://${next-server}
chain ${base}/${mac:hexhyp}.ipxe || echo No own script for ${mac}
imgfetch ${base}/splash.png || echo No picture
imgfree
kernel ${base}/vmlinuz console=ttyS0 quiet
initrd ${base}/initrd.img
boot
"""


def pxelinux():
    return network("pxelinux.0", {"pxelinux.0": f"{LIB}/PXELINUX/pxelinux.0", "ldlinux.c32": f"{LIB}/syslinux/modules/bios/ldlinux.c32", "pxelinux.cfg/default": SYSLINUX % ("gw", "")})


def efi():
    loader = glob.glob(f"{LIB}/systemd/boot/efi/systemd-bootx64.efi")[0]
    img = disk(fat({"EFI/BOOT/BOOTX64.EFI": loader, "loader/loader.conf": "default gw-*\ntimeout 1\n",
                    "loader/entries/gw-4.2+2-1.conf": "title Gateway\nversion 4.2\nlinux /vmlinuz\ninitrd /initrd.img\noptions console=ttyS0 quiet\n",
                    "loader/entries/old.conf": "title Gateway, old\nversion 4.1\nlinux /vmlinuz-4.1\n", **system()}), "gpt")
    return PC + ["-M", "q35", "-bios", "/usr/share/ovmf/OVMF.fd", "-drive", f"file={img},format=raw,if=virtio,snapshot=on"]


EXTLINUX = """menu title Gateway
default new
fallback gw
timeout 10
label new
  linux /vmlinuz-4.3
  append console=ttyS0
label gw
  linux /vmlinuz
  initrd /initrd.img
  fdtdir /dtbs
  append console=ttyS0
"""


def opensbi():
    img = disk(fat({"extlinux/extlinux.conf": EXTLINUX, "vmlinuz": f"{TREE}/riscv64/linux", "initrd.img": initrd(f"{TREE}/riscv64/usr/bin/busybox")}), "dos")
    return [f"{TREE}/usr/bin/qemu-system-riscv64", "-M", "virt", "-m", "640", "-nodefaults", "-L", f"{TREE}/usr/share/qemu", "-L", "/usr/share/qemu",
            "-bios", f"{LIB}/riscv64-linux-gnu/opensbi/generic/fw_jump.bin", "-kernel", f"{LIB}/u-boot/qemu-riscv64_smode/u-boot.bin",
            "-drive", f"file={img},format=raw,if=none,id=d,snapshot=on", "-device", "virtio-blk-device,drive=d"]


SILENT = ["-boot", "order=nd", "-device", "e1000,netdev=n", "-netdev", "hubport,id=n,hubid=0"]
PORTS = ["-boot", "order=nd", "-device", "e1000", "-device", "virtio-net-pci"]
row("healthy-grub", "fallback", "GRUB 2.06", "a menu whose first entry has no kernel; the fallback entry starts", lambda: PC + QUIET + grub("i386-pc", NEW))
row("healthy-grub", "efi", "GRUB 2.06", "a menu under EFI without its font, picture and saved settings", lambda: PC + ["-M", "q35", "-bios", "/usr/share/ovmf/OVMF.fd"] + grub("x86_64-efi", ""))
row("healthy-grub", "silent-network", "GRUB 2.06", "the network is first in order and nobody answers there; the disk starts", lambda: PC + QUIET + SILENT + grub("i386-pc", ""))
row("healthy-grub", "two-ports", "GRUB 2.06", "two network ports with their own start programs are first in order; nobody answers there, and the disk starts", lambda: PC + QUIET + PORTS + grub("i386-pc", NEW))
row("healthy-syslinux", "onerror", "Syslinux 6.04", "the default entry has no kernel; the one for errors starts", syslinux)
row("healthy-network", "pxelinux", "PXELINUX 6.04", "a boot from the network with the default menu", pxelinux)
row("healthy-network", "ipxe", "iPXE 1.0.0", "a script that asks for files which are there or not", lambda: network("boot.ipxe", {"boot.ipxe": IPXE}))
row("healthy-efi", "counted", "systemd-boot 252", "an entry with tries left starts under EFI", efi)
row("healthy-opensbi", "extlinux", "U-Boot 2023.01, OpenSBI 1.1", "a menu on a FAT partition whose first entry has no kernel", opensbi)
well.report()
