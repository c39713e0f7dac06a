#!/usr/bin/env python3
"""Healthy boots in QEMU: Debian's kernel with busybox from different roots, media, boards and flash chips, and U-Boot and
a whole Debian 12 that come up. Each row is one planned case; it is kept when the machine printed the mark that
its last step prints and turned itself off.
Needs: qemu-system-x86, u-boot-qemu, ovmf, e2fsprogs, squashfs-tools, erofs-utils, btrfs-progs, xfsprogs, f2fs-tools,
busybox-static, cpio, sbsigntool, dosfstools, mtools.
Run by namespace.sh as root with SYSTEM (see kernel.py), KERNEL (a folder with boot/vmlinuz-* and lib/modules,
after depmod) and perhaps
a regular expression that picks cases."""

import os
import re
import subprocess
import sys

import capture
import well
from initrd import module_files

SYSTEM, KERNEL = sys.argv[1], sys.argv[2]
RELEASE = sorted(os.listdir(f"{KERNEL}/lib/modules"))[0]
LINUX = f"{KERNEL}/boot/vmlinuz-{RELEASE}"
W = well.W
VIRTIO = "virtio_pci virtio_blk".split()
EXT4 = "crc32c_generic ext4".split()
OFF = "echo 'gateway: all services up'\nsleep 1\nsync\npoweroff -f\n"
MARK = rb"all services up"
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /bin /proc /sys /dev /mnt /tmp /new
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
"""


def initrd(script, names, files=()):
    """An initramfs with busybox, these modules and a script."""
    d = f"{W}/i"
    well.sh(f"rm -rf {d}; mkdir -p {d}/bin {d}/modules; cp $(command -v busybox) {d}/bin/busybox")
    load, options = "", {n.partition(" ")[0].replace("-", "_"): n.partition(" ")[2] for n in names}
    for f in module_files(f"{KERNEL}/lib/modules/{RELEASE}", names):
        base = os.path.basename(f)
        well.sh(f"cp {KERNEL}/lib/modules/{RELEASE}/{f} {d}/modules/")
        load += f"insmod /modules/{base} {options.get(base[:-3].replace('-', '_'), '')}\n"
    for f in files:
        well.sh(f"cp {f} {d}/")
    open(f"{d}/init", "w").write(INIT + load + script)
    os.chmod(f"{d}/init", 0o755)
    well.sh(f"cd {d} && find . | cpio --quiet -o -H newc | gzip -1 >{W}/initrd")


def machine(arguments, timeout=70):
    r, code = capture.run(["qemu-system-x86_64", "-nographic", "-monitor", "none", "-serial", "stdio", "-nodefaults"] + arguments, timeout=timeout)
    return well.tidy(r), code


def boot(family, name, source, script, names, arguments=(), append="", setup="", memory=256, reboots=False, files=()):
    what = f"linux/{family}-{name}"
    if not well.wanted("linux", family, name):
        return
    try:
        if setup:
            well.sh("set -e\n" + setup)
        initrd(script, ["crc32c_generic", "crc32_generic"] + names, files)
    except subprocess.CalledProcessError as e:
        return well.leave_out(what, f"setup: {e.stderr[-300:]!r}")
    a = ["-m", str(memory), "-kernel", LINUX, "-initrd", f"{W}/initrd", "-append", f"console=ttyS0 panic=1 {append}"] + list(arguments)
    text, code = machine(a if reboots else a + ["-no-reboot"])
    if code != 0 or not re.search(MARK, text):
        return well.leave_out(what, f"ended with {code}: {text[-300:]!r}")
    well.keep("linux", family, name, "6.1", source, {"console.log": text})


def tree(command):
    """A root file system with busybox and an init, put into root.img by this command."""
    return "mkdir -p tree/bin tree/sbin tree/etc tree/proc tree/sys tree/dev tree/tmp tree/var; cp $(command -v busybox) tree/bin/busybox; ln -s busybox tree/bin/sh\n" + \
        "cat >tree/sbin/init <<'X'\n#!/bin/sh\n/bin/busybox mount -t proc proc /proc 2>/dev/null\n/bin/busybox echo \"Acme Linux 5.2 gateway ttyS0\"\n/bin/busybox mount\n/bin/busybox df\n/bin/busybox echo 'gateway: all services up'\n/bin/busybox sleep 1\n/bin/busybox mount -o remount,ro / 2>/dev/null\n/bin/busybox poweroff -f\nX\nchmod 755 tree/sbin/init; for i in 1 2 3 4 5 6; do head -c 200000 /dev/urandom >tree/etc/f$i; done\n" + command + "\n"


def switch(device, kind, options="ro"):
    return f"for i in 1 2 3 4 5 6 7 8; do [ -e {device} ] && break; sleep 1; done\nmount -t {kind} -o {options} {device} /new && echo 'init: root is mounted' && exec switch_root /new /sbin/init\n"


def drive(how):
    return ["-drive", "file=root.img,format=raw,if=none,id=d".replace("root.img", f"{W}/root.img")] + how


def roots():
    F = "healthy-roots"
    V = drive(["-device", "virtio-blk-pci,drive=d"])
    boot(F, "erofs", "a root on EROFS", switch("/dev/vda", "erofs"), VIRTIO + ["erofs"], V, setup=tree("mkfs.erofs -zlz4hc root.img tree"))
    boot(F, "btrfs", "a root on Btrfs", switch("/dev/vda", "btrfs", "rw"), VIRTIO + ["btrfs"], V, setup=tree("truncate -s 160M root.img; mkfs.btrfs -q -r tree root.img"))
    boot(F, "xfs", "a root on XFS", switch("/dev/vda", "xfs", "rw"), VIRTIO + ["xfs"], V, setup=tree("truncate -s 320M root.img; mkfs.xfs -q root.img; mkdir -p m; mount -o loop root.img m; cp -a tree/. m/; umount m"))
    boot(F, "f2fs", "a root on F2FS", switch("/dev/vda", "f2fs", "rw"), VIRTIO + ["f2fs"], V, setup=tree("truncate -s 160M root.img; mkfs.f2fs -q root.img; sload.f2fs -f tree root.img"))
    boot(F, "overlay", "a SquashFS below an overlay on ext4", "mount -t squashfs /dev/vda /mnt; mkdir /rw; mount -t ext4 /dev/vdb /rw; mkdir -p /rw/u /rw/w; mount -t overlay -o lowerdir=/mnt,upperdir=/rw/u,workdir=/rw/w overlay /new && exec switch_root /new /sbin/init\n", VIRTIO + EXT4 + ["squashfs", "overlay"], V + ["-drive", f"file={W}/rw.img,format=raw,if=virtio"], setup=tree("mksquashfs tree root.img -quiet -no-progress; truncate -s 32M rw.img; mkfs.ext4 -q rw.img"))
    boot(F, "vfat-boot", "a boot partition of FAT and a root of ext4 by their table", "sleep 1; mount -t vfat -o ro /dev/vda1 /mnt && ls -l /mnt\n" + switch("/dev/vda2", "ext4", "rw"), VIRTIO + EXT4 + ["nls_cp437", "nls_ascii", "vfat"], V, setup=tree("truncate -s 48M p2; mkfs.ext4 -q -d tree p2; truncate -s 16M p1; mkfs.vfat p1; mcopy -i p1 tree/etc/f1 ::KERNEL.IMG; truncate -s 80M root.img; printf '2048,32768,c,*\\n34816,98304,83\\n' | sfdisk -q root.img; dd if=p1 of=root.img bs=1M seek=1 conv=notrunc status=none; dd if=p2 of=root.img bs=1M seek=17 conv=notrunc status=none"))


def hardware():
    F = "healthy-hardware"
    E = tree("truncate -s 48M root.img; mkfs.ext4 -q -d tree root.img")
    boot(F, "nvme", "a root on NVMe", switch("/dev/nvme0n1", "ext4", "rw"), ["nvme"] + EXT4, drive(["-device", "nvme,drive=d,serial=S1"]), setup=E, append="loglevel=7")
    boot(F, "usb", "a root on a USB stick", switch("/dev/sda", "ext4", "rw"), "scsi_mod sd_mod usbcore xhci_pci usb_storage".split() + EXT4, ["-device", "qemu-xhci"] + drive(["-device", "usb-storage,drive=d"]), setup=E)
    boot(F, "sata", "a root on SATA, board Q35, two processors", switch("/dev/sda", "ext4", "rw"), "scsi_mod sd_mod libata ahci".split() + EXT4, ["-machine", "q35", "-smp", "2", "-device", "ich9-ahci,id=s"] + drive(["-device", "ide-hd,drive=d,bus=s.0"]), setup=E)
    boot(F, "ide", "a root on IDE, with a CD drive without a disc", switch("/dev/sda", "ext4", "rw"), "scsi_mod sd_mod sr_mod libata ata_piix".split() + EXT4, drive(["-device", "ide-hd,drive=d,bus=ide.0", "-device", "ide-cd,bus=ide.1"]), setup=E)
    boot(F, "scsi", "a root on virtio-scsi, checked first", switch("/dev/sda", "ext4", "rw"), "scsi_mod sd_mod virtio_pci virtio_scsi".split() + EXT4, ["-device", "virtio-scsi-pci"] + drive(["-device", "scsi-hd,drive=d"]), setup=E)
    boot(F, "mmc", "a root on an SD card", switch("/dev/mmcblk0", "ext4", "rw"), "mmc_core mmc_block sdhci sdhci_pci".split() + EXT4, ["-device", "sdhci-pci"] + drive(["-device", "sd-card,drive=d"]), setup=tree("truncate -s 64M root.img; mkfs.ext4 -q -d tree root.img"))
    boot(F, "network", "an address by DHCP from the router", "ip link set lo up\nip link set eth0 up\nudhcpc -i eth0 -n -q -s /udhcpc.sh && ip addr\n" + OFF, ["virtio_pci", "virtio_net"], ["-netdev", "user,id=n,restrict=on", "-device", "virtio-net-pci,netdev=n"], setup="printf '#!/bin/sh\\n[ \"$1\" = bound ] && ip addr add $ip/24 dev $interface && echo \"address $ip router $router\"\\nexit 0\\n' >udhcpc.sh; chmod 755 udhcpc.sh", files=["udhcpc.sh"])
    boot(F, "e1000", "two network cards, one without a cable's other end", "ip link set eth0 up\nip link set eth1 up\nsleep 3\nip link\ncat /proc/interrupts\n" + OFF, ["e1000", "8139cp"], ["-netdev", "user,id=n,restrict=on", "-device", "e1000,netdev=n", "-device", "rtl8139"])
    boot(F, "little-memory", "a machine of 96 MB with compressed swap", "insmod /modules/zram.ko\nsleep 1\necho 32M >/sys/block/zram0/disksize && mkswap /dev/zram0 && swapon /dev/zram0\nmount -t tmpfs -o size=32m t /mnt\ndd if=/dev/zero of=/mnt/fill bs=1M count=24 && rm /mnt/fill\nfree\n" + OFF, ["zsmalloc", "zram"], memory=96)
    boot(F, "watchdog", "a watchdog that is fed", "watchdog -t 2 -T 20 /dev/watchdog\nsleep 8\nls -l /dev/watchdog*\n" + OFF, ["i6300esb nowayout=0"], ["-device", "i6300esb"])
    boot(F, "quad", "four processors, a clock, sensors that are not there", "cat /proc/cpuinfo | grep -c processor\nhwclock -r\ncat /proc/meminfo | head -n 5\n" + OFF, ["rtc_cmos", "coretemp", "lm75"], ["-smp", "4"], append="debug")
    boot(F, "microvm", "a small virtual board without PCI", OFF.replace("poweroff", "reboot"), [], ["-machine", "microvm,acpi=off"], append="reboot=t")


FLASH = "mtd mtdblock nandsim".split()


def flash():
    F = "healthy-flash"
    chroot = f"mount -t squashfs /dev/vda /new; for d in dev proc sys; do mount --bind /$d /new/$d; done; chroot /new /bin/sh -c 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin; mount -t tmpfs t /tmp; mount -t tmpfs t /mnt; mkdir /mnt/a; "
    V = drive(["-device", "virtio-blk-pci,drive=d"])
    base = f"mksquashfs {SYSTEM} root.img -quiet -no-progress -comp zstd -Xcompression-level 1 -e usr/share/doc usr/share/locale var/cache var/lib/apt boot"
    N = VIRTIO + ["squashfs", "crc32c_generic", "deflate", "lzo", "zstd", "mtd", "nandsim id_bytes=0x20,0xaa,0x00,0x15 badblocks=12", "ubi", "ubifs"]
    boot(F, "ubi", "an UBI is attached, a UBIFS made and mounted", chroot + "ubiformat -y -q /dev/mtd0; ubiattach -m 0; ubimkvol /dev/ubi0 -N rootfs -s 30MiB; mount -t ubifs ubi0:rootfs /mnt/a && cp /etc/os-release /mnt/a/ && sync && umount /mnt/a && ubinfo -a'\n" + OFF, N, V, setup=base, memory=400)
    boot(F, "nand-tests", "the kernel's own tests of a flash chip", "insmod /modules/mtd_readtest.ko dev=0\ninsmod /modules/mtd_pagetest.ko dev=0 2>/dev/null\ncat /proc/mtd\n" + OFF, ["mtd", "nandsim id_bytes=0x20,0x33,0x00,0x00"])
    boot(F, "nor-partitions", "flash in memory with partitions by the command line", "cat /proc/mtd\ndd if=/dev/mtdblock0 of=/dev/null bs=64k\n" + OFF, ["mtd", "mtd_blkdevs", "mtdblock", "mtdram total_size=4096 erase_size=64"])


def ends():
    F = "healthy-end"
    boot(F, "reboot", "an ordered restart and the next start", "mount -t ext4 /dev/vda /mnt\nif [ -e /mnt/second ]; then echo 'gateway: up after the update, slot b'; " + OFF.replace("\n", "; ") + " fi\ntouch /mnt/second; echo 'updater: installed, restarting'; umount /mnt; sync; reboot -f\n", VIRTIO + EXT4, drive(["-device", "virtio-blk-pci,drive=d"]), setup="truncate -s 16M root.img; mkfs.ext4 -q root.img", reboots=True)
    boot(F, "kexec-less", "services are stopped in order, disks synced, power off", "mount -t ext4 /dev/vda /mnt\nfor s in updater web mqtt time; do echo \"stopping $s: ok\"; done\necho 'gateway: all services up until now'\necho s >/proc/sysrq-trigger\numount /mnt\nmount\nsync\npoweroff -f\n", VIRTIO + EXT4, drive(["-device", "virtio-blk-pci,drive=d"]), setup="truncate -s 16M root.img; mkfs.ext4 -q root.img")


def firmware():
    if well.wanted("u-boot", "healthy-scripts", "x86-distro"):
        initrd(OFF, [])
        well.sh(f"truncate -s 64M disk.img; printf '2048,,c,*\\n' | sfdisk -q disk.img; truncate -s 63M p; mkfs.vfat p; cp {LINUX} vmlinuz; mmd -i p ::extlinux; mcopy -i p vmlinuz initrd ::; printf 'default gw\\ntimeout 1\\nlabel gw\\n kernel /vmlinuz\\n initrd /initrd\\n append console=ttyS0\\n' >e; mcopy -i p e ::extlinux/extlinux.conf; dd if=p of=disk.img bs=1M seek=1 conv=notrunc status=none")
        text, code = machine(["-bios", "/usr/lib/u-boot/qemu-x86_64/u-boot.rom", "-m", "512", "-no-reboot", "-drive", f"file={W}/disk.img,format=raw,if=virtio"], timeout=120)
        finish("u-boot", "healthy-scripts", "x86-distro", "2023.01", "U-Boot on a PC board finds extlinux.conf and starts a kernel", text, code)
    if well.wanted("ovmf", "healthy", "stub"):
        initrd(OFF, [])
        well.sh(f"truncate -s 64M disk.img; printf 'label: gpt\\nstart=2048,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\\n' | sfdisk -q disk.img; truncate -s 60M p; mkfs.vfat -F 32 p; cp {LINUX} linux.efi; mmd -i p ::EFI ::EFI/BOOT; mcopy -i p linux.efi initrd ::; printf 'linux.efi initrd=initrd console=ttyS0\\r\\n' >startup.nsh; mcopy -i p startup.nsh ::; dd if=p of=disk.img bs=1M seek=1 conv=notrunc status=none; cp /usr/share/OVMF/OVMF_VARS.fd vars")
        text, code = machine(["-m", "512", "-no-reboot", "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd", "-drive", f"if=pflash,format=raw,file={W}/vars", "-drive", f"file={W}/disk.img,format=raw,if=virtio"], timeout=150)
        finish("ovmf", "healthy", "stub", "2022.11", "UEFI firmware starts a kernel by its shell's script", text, code)
    for name, source, extra, unit in (("console", "the console of a whole Debian 12 that comes up and goes off", "systemd.show_status=1", "sleep 5; echo gateway: all services up; systemctl poweroff"),
                                      ("journal", "the journal of such a boot", "quiet", "sleep 5; journalctl -b --no-pager -o short-iso; echo gateway: all services up; systemctl poweroff"),
                                      ("analyze", "how long the units took, and their state", "quiet", "sleep 8; exec >/dev/ttyS0 2>&1; systemctl --no-pager --failed; systemctl list-units --no-pager; systemd-analyze --no-pager blame; systemctl --no-pager status nginx cron ssh rsyslog; echo gateway: all services up; systemctl poweroff")):
        if not well.wanted("systemd", "healthy-boots", name):
            continue
        well.sh(f"mkdir -p /mnt/b /srv/o; mount -t tmpfs t /srv/o; mkdir /srv/o/u /srv/o/w; mount -t overlay -o lowerdir={SYSTEM},upperdir=/srv/o/u,workdir=/srv/o/w overlay /mnt/b; "
                f"echo gw-17 >/mnt/b/etc/hostname; printf '127.0.0.1 localhost gw-17\\n' >/mnt/b/etc/hosts; rm -f /mnt/b/etc/apt/sources.list; echo '/dev/vda / ext4 defaults 0 1' >/mnt/b/etc/fstab; "
                f"printf '[Unit]\\nDescription=Report\\nAfter=nginx.service cron.service ssh.service serial-getty@ttyS0.service\\n[Service]\\nType=oneshot\\nExecStart=/bin/sh -c \"{unit}\"\\nStandardOutput=tty\\nTTYPath=/dev/ttyS0\\nTimeoutStartSec=200\\n[Install]\\nWantedBy=multi-user.target\\n' >/mnt/b/etc/systemd/system/report.service; ln -s ../report.service /mnt/b/etc/systemd/system/multi-user.target.wants/report.service; "
                "truncate -s 900M root.img; mkfs.ext4 -q -d /mnt/b root.img; umount /mnt/b; umount /srv/o")
        initrd(switch("/dev/vda", "ext4", "rw"), ["crc32c_generic"] + VIRTIO + EXT4)
        text, code = machine(["-m", "512", "-no-reboot", "-kernel", LINUX, "-initrd", f"{W}/initrd", "-append", f"console=ttyS0 panic=1 {extra}"] + drive(["-device", "virtio-blk-pci,drive=d"]), timeout=240)
        finish("systemd", "healthy-boots", name, "252", source, text, code)


def signing():
    key = "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/O=Acme/CN=release signing' -keyout sign.key -out sign.pem"
    well.terminal("sbsign", "healthy", "sign", "sbsigntool", "a kernel is signed for UEFI and verified", "sbsign --key sign.key --cert sign.pem --output signed.efi linux.efi\nsbverify --list signed.efi\nsbverify --cert sign.pem signed.efi", f"{key}; cp {LINUX} linux.efi")


def finish(program, family, name, version, source, text, code):
    if code != 0 or not re.search(MARK, text):
        return well.leave_out(f"{program}/{family}-{name}", f"ended with {code}: {text[-300:]!r}")
    well.keep(program, family, name, version, source, {"console.log": text})


if __name__ == "__main__":
    well.run(3, signing, roots, hardware, flash, ends, firmware)
