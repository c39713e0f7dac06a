#!/usr/bin/env python3
"""Healthy small starts for the training half: the kernel with busybox that tries what is not there and goes on, disks
that are plugged in and grown, flash chips that are attached for the first time, machines that sleep and wake, slow ones,
and prompts of U-Boot at which somebody looks round. Each row is one planned case; it is kept when the last step's mark was
printed and the machine turned itself off, or, at a prompt, when the board answered each command.
Needs: qemu-system-x86, qemu-system-arm, u-boot-qemu, busybox-static, cpio, e2fsprogs, dosfstools, mtools, squashfs-tools, erofs-utils,
btrfs-progs, xfsprogs, f2fs-tools, nilfs-tools, exfatprogs, ntfs-3g, udftools, gdisk, fdisk, mtd-utils, u-boot-tools.
Run by namespace.sh as root with a tree of Debian (its boot/vmlinuz-* and lib/modules, after depmod) and perhaps a regular
expression that picks cases."""

import re
import subprocess
import sys

import small
import well
from well import W

well.KEEP = 12_000
K = small.Kernel(sys.argv[1])
EXT4 = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]
OFF = "\necho 'gateway: all services up'\nsync\nsleep 1\npoweroff -f\n"
TREE = "mkdir -p tree/bin tree/sbin tree/etc tree/proc tree/sys tree/dev tree/tmp tree/var; cp $(command -v busybox) tree/bin/; for i in sh mount sleep cat touch df dmesg poweroff sync mkdir echo ls umount; do ln -s busybox tree/bin/$i; done; head -c 300000 /dev/urandom >tree/etc/data\ncat >tree/sbin/init <<'X'\n#!/bin/sh\nexport PATH=/bin\nmount -t proc proc /proc; mount -t tmpfs tmpfs /tmp\necho 'Acme Linux 5.2 gateway ttyS0'\ntouch /etc/x /var/started\nmkdir /var/log/app\necho 7 >/etc/random-seed\nmount -o remount,rw /\nmount; df\necho 'gateway: all services up'\nsleep 1; sync\nmount -o remount,ro /\npoweroff -f\nX\nchmod 755 tree/sbin/init\n"


def disk(name, kind="virtio", options=""):
    d = ["-drive", f"file={W}/{name},format=raw,if=none,id={name[:-4]}{options}"]
    return d + {"virtio": ["-device", f"virtio-blk-pci,drive={name[:-4]}"], "usb": ["-device", f"usb-storage,drive={name[:-4]}"], "sd": ["-device", f"sd-card,drive={name[:-4]}"], "ide": ["-device", f"ide-hd,drive={name[:-4]}"]}[kind]


def start(family, name, source, script, names, arguments=(), append="", setup="", memory=256, files=(), off=OFF, timeout=150, binary=()):
    if not well.wanted("linux", family, name):
        return
    try:
        if setup:
            well.sh("set -e\n" + setup)
        K.initrd(script + off, names, files)
    except subprocess.CalledProcessError as e:
        return well.leave_out(f"linux/{family}-{name}", f"setup: {e.stderr[-300:]!r}")
    text, code = small.machine(["-m", str(memory), "-kernel", K.image, "-initrd", f"{W}/initrd", "-append", f"console=ttyS0 panic=1 {append}", "-no-reboot"] + list(arguments), timeout)
    if code != 0 or b"all services up" not in text:
        return well.leave_out(f"linux/{family}-{name}", f"ended with {code}: {text[-400:]!r}")
    well.keep("linux", family, name, K.version.partition("-")[0], source, {"console.log": text})


def switch(device, kind, options="ro"):
    return f"for i in 1 2 3 4 5 6 7 8; do [ -e {device} ] && break; sleep 1; done\nmount {'-t ' + kind if kind else ''} -o {options} {device} /new && exec switch_root /new /sbin/init\n"


ALL = "ext4 vfat exfat ntfs3 btrfs xfs f2fs squashfs erofs isofs udf hfs hfsplus nilfs2 minix jfs reiserfs romfs ufs affs bfs befs qnx4 qnx6 omfs hpfs sysv adfs freevxfs efs".split()


def probing():
    F = "healthy-probing"
    V = ["virtio_pci", "virtio_blk", "crc32c_generic", "nls_cp437", "nls_ascii", "nls_utf8"]
    T = TREE + "truncate -s 40M root.img; mkfs.ext4 -q -d tree root.img\n"
    start(F, "all-on-ext4", "a disk is tried as every file system that the kernel has, until one fits", "for t in " + " ".join(t for t in ALL if t != "ext4") + " ext4; do mount -t $t -o ro /dev/vda /mnt && break; done\nmount\numount /mnt", V + ALL, disk("root.img"), setup=T, memory=400)
    start(F, "all-on-empty", "an empty disk is tried as every file system and then formatted", "for t in " + " ".join(ALL) + "; do mount -t $t -o ro /dev/vda /mnt && break; done\nmount /dev/vda1 /mnt\nmke2fs -q /dev/vda\nmount -t ext2 /dev/vda /mnt && echo formatted\numount /mnt", V + ALL, disk("e.img"), setup="truncate -s 16M e.img\n", memory=400)
    start(F, "all-on-fat", "an SD card with FAT is tried as every file system until one fits", "sleep 3\nfor t in " + " ".join(t for t in ALL if t not in ("vfat",)) + " vfat; do mount -t $t -o ro /dev/mmcblk0 /mnt && break; done\nls /mnt; dmesg -n 1; umount /mnt", V + ALL + ["sdhci_pci", "mmc_block"], ["-device", "sdhci-pci"] + disk("c.img", "sd"), setup="truncate -s 64M c.img; mkfs.vfat c.img; mcopy -i c.img /etc/hostname ::\n", memory=400)
    start(F, "no-drives", "drives without media: a floppy, a CD drive, a card reader, a stick that is pulled", "sleep 4\nfor d in /dev/fd0 /dev/sr0 /dev/sda /dev/mmcblk0 /dev/nbd0; do dd if=$d of=/dev/null bs=512 count=1; mount $d /mnt; blkid $d; fdisk -l $d; done\nhdparm -I /dev/sr0\nblockdev --getsize64 /dev/sr0", V + "floppy sr_mod sd_mod cdrom ata_piix ahci sdhci_pci mmc_block usb_storage xhci_pci uas nbd isofs ext4 vfat".split(), ["-device", "isa-fdc,id=f", "-device", "floppy,unit=0", "-device", "ide-cd,bus=ide.0", "-device", "sdhci-pci", "-device", "qemu-xhci"])
    start(F, "gpt-grown", "a small image on a larger disk; its table's copy is not at the end", "cat /proc/partitions\nmount /dev/vda1 /mnt && ls /mnt; umount /mnt\nfdisk -l /dev/vda\nblockdev --rereadpt /dev/vda\npartprobe", V + ["ext4", "vfat"], disk("g.img"), setup="truncate -s 64M g.img; printf 'label: gpt\\nsize=20M\\nsize=20M\\n' | sfdisk -q g.img; truncate -s 18M p; mkfs.ext4 -q p; dd if=p of=g.img bs=1M seek=1 conv=notrunc; truncate -s 200M g.img\n")
    start(F, "read-only", "a read-only root on which a start writes files", switch("/dev/vda", "squashfs"), V + ["squashfs"], disk("root.img"), setup=TREE + "mksquashfs tree root.img -quiet -no-progress\n", off="")
    start(F, "read-only-erofs", "a read-only root of EROFS by its name alone", switch("/dev/vda", "", "ro"), V + ["erofs", "ext4", "vfat", "squashfs"], disk("root.img"), setup=TREE + "mkfs.erofs root.img tree\n", off="")
    for k, mk, size in (("btrfs", "mkfs.btrfs -q", 200), ("xfs", "mkfs.xfs -q", 320), ("ext4", "mkfs.ext4 -q", 60), ("ext3", "mkfs.ext3 -q", 60)):
        start(F, f"cut-{k}", f"a data disk of {k} that lost power is mounted again, read and written", f"mount -t {k} /dev/vda /mnt && ls /mnt\ntouch /mnt/again; sync; df /mnt; umount /mnt\nmount -t {k} -o ro /dev/vda /mnt; mount -o remount,rw /mnt; umount /mnt", V + [k if k != "ext3" else "ext4"], disk("root.img"), setup=TREE + f"truncate -s {size}M a.img; {mk} a.img; mount -o loop a.img /mnt; cp -a tree/. /mnt/; sync -f /mnt; rm /mnt/etc/data; cp -r tree /mnt/two; sync -f /mnt/two; rm -r /mnt/two; cp a.img root.img; umount /mnt\n")
    start(F, "vfat-dirty", "a FAT partition that was not unmounted", "mount -t vfat /dev/vda /mnt; ls /mnt; touch /mnt/x; umount /mnt; mount -t exfat /dev/vdb /mnt; ls /mnt; umount /mnt; mount -t ntfs3 /dev/vdc /mnt; mount -t ntfs3 -o force /dev/vdc /mnt; ls /mnt; umount /mnt", V + ["vfat", "exfat", "ntfs3"], disk("a.img") + disk("b.img") + disk("c.img"), setup="truncate -s 40M a.img b.img c.img; mkfs.vfat -F 32 a.img; printf '\\001' | dd of=a.img bs=1 seek=65 conv=notrunc; mkfs.exfat b.img; printf '\\002' | dd of=b.img bs=1 seek=106 conv=notrunc; mkntfs -F -Q -q c.img\n")
    start(F, "md-degraded", "a mirror without one of its disks starts and is read", "mdadm --version\necho 1 >/sys/module/md_mod/parameters/start_ro\ncat /proc/mdstat\nls /dev/md*", V + ["raid1", "raid456", "md_mod", "dm_mod", "dm_crypt", "dm_mirror", "dm_snapshot", "dm_thin_pool"], [], append="md=0,/dev/vda raid=noautodetect")


def suspend():
    F = "healthy-suspend"
    V = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4", "rtc_cmos"]
    start(F, "mem", "a machine sleeps and a clock wakes it", "mount -t ext4 /dev/vda /mnt\nhwclock -s -u\necho 0 >/sys/class/rtc/rtc0/wakealarm; echo +4 >/sys/class/rtc/rtc0/wakealarm\necho devices >/sys/power/pm_test\necho mem >/sys/power/state\necho platform >/sys/power/pm_test; echo freeze >/sys/power/state\necho core >/sys/power/pm_test; echo mem >/sys/power/state\nls /mnt; umount /mnt", V + ["e1000", "ahci", "sd_mod", "usb_storage", "xhci_pci", "i2c_piix4"], disk("root.img") + ["-device", "e1000", "-device", "ich9-ahci,id=s", "-device", "qemu-xhci", "-device", "usb-tablet", "-smp", "2"], append="no_console_suspend pm_print_times", setup="truncate -s 16M root.img; mkfs.ext4 -q root.img\n")


def slow():
    F = "healthy-slow"
    start(F, "stalls", "a machine so slow that the kernel complains of waiting", "echo 1 >/proc/sys/kernel/hung_task_timeout_secs; echo 3 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout; echo 2 >/proc/sys/kernel/watchdog_thresh\ninsmod /modules/rcutorture.ko stat_interval=5 stall_cpu=8 stall_cpu_holdoff=2 shutdown_secs=0 verbose=0\nsleep 22\nrmmod rcutorture", ["torture", "rcutorture stat_interval=5 stall_cpu=6 stall_cpu_holdoff=2 verbose=0"], ["-smp", "2"], timeout=200)
    start(F, "clock", "a machine whose clocks are not steady", "cat /sys/devices/system/clocksource/clocksource0/available_clocksource\necho acpi_pm >/sys/devices/system/clocksource/clocksource0/current_clocksource\nhwclock -r -u; date -s '2019-01-01 00:00'; hwclock -w -u; sleep 3; uptime", ["rtc_cmos", "softdog", "i6300esb"], ["-smp", "4", "-rtc", "base=2009-01-01"], append="tsc=unstable clocksource=tsc nmi_watchdog=1 softlockup_all_cpu_backtrace=1")
    start(F, "watchdogs", "watchdogs that are fed, closed and left", "watchdog -t 2 -T 20 /dev/watchdog\nsleep 5\nkillall watchdog\nsleep 1\necho V >/dev/watchdog1\necho x >/dev/watchdog1\nsleep 1\nrmmod softdog; rmmod i6300esb", ["i6300esb", "softdog soft_margin=30", "watchdog"], ["-device", "i6300esb"])
    start(F, "memory", "a machine with little memory and with memory that was reserved", "free; echo 3 >/proc/sys/vm/drop_caches; free", ["zram", "virtio_balloon", "edac_core", "mcelog"], ["-device", "virtio-balloon-pci"], memory=128, append="memmap=1M$0x7000000 mem=120M crashkernel=64M cma=8M hugepages=4 mce=on edac_report=on loglevel=8 initcall_debug=0 memtest=1")


def live():
    F = "healthy-live-disk"
    V = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]
    start(F, "first-boot", "a first start finds no data partition, makes one and grows it", "for i in 1 2 3; do [ -e /dev/vda3 ] && break; sleep 1; done\nmount /dev/vda3 /mnt || echo 'no data partition yet'\nprintf 'n\\np\\n3\\n\\n\\nw\\n' | fdisk /dev/vda\nsleep 1\nmke2fs -L data /dev/vda3\nmount -t ext4 /dev/vda3 /mnt || mount -t ext2 /dev/vda3 /mnt\ntune2fs -l /dev/vda3 2>/dev/null\ncat /mnt/etc/machine-id || cat /proc/sys/kernel/random/uuid >/mnt/machine-id\ncat /mnt/ssh/host_key || echo 'making keys'\ndf /mnt; umount /mnt", V, disk("d.img"), setup="truncate -s 96M d.img; printf 'label: dos\\n2048,16M,c,*\\n,24M\\n' | sfdisk -q d.img\n")
    start(F, "usb-reset", "sticks and readers on hubs that are reset and taken away", "sleep 6\nls /dev/sd*\nfor d in /sys/bus/usb/devices/*/authorized; do echo 0 >$d; done\nsleep 2\nfor d in /sys/bus/usb/devices/*/authorized; do echo 1 >$d; done\nsleep 6\nls /dev/sd*\nmount -o ro /dev/sda /mnt; ls /mnt; umount /mnt\necho 1 >/sys/block/sda/device/delete\nsleep 1", V + "sd_mod usb_storage uas xhci_pci ehci_pci uhci_hcd usbhid cdc_acm ftdi_sio vfat".split(), ["-device", "qemu-xhci,id=x", "-device", "usb-hub,bus=x.0,port=1", "-device", "usb-tablet,bus=x.0,port=1.2", "-drive", f"file={W}/u.img,format=raw,if=none,id=u", "-device", "usb-storage,drive=u,bus=x.0,port=1.1", "-device", "usb-serial,chardev=n,bus=x.0,port=1.3", "-chardev", "null,id=n"], setup="truncate -s 16M u.img; mkfs.ext4 -q u.img\n")
    start(F, "scsi-errors", "a drive that does not know commands, a disk that is offline and comes back", "sleep 2\nls /dev/sd*\nfor i in 1 2; do echo offline >/sys/block/sda/device/state; dd if=/dev/sda of=/dev/null bs=4k count=1; echo running >/sys/block/sda/device/state; dd if=/dev/sda of=/dev/null bs=4k count=1; done\nblkdiscard /dev/sda\nhdparm -y /dev/sda; hdparm -z /dev/sda\necho '- - -' >/sys/class/scsi_host/host0/scan", V + "scsi_debug sd_mod sg".split(), [])
    start(F, "discard-none", "disks that do not know a discard, flushes and barriers", "for d in vda sda; do cat /sys/block/$d/queue/discard_max_bytes; blkdiscard /dev/$d; fstrim /mnt; done\nmount -t ext4 -o discard,barrier=0 /dev/vda /mnt; fstrim /mnt; mount -o remount,nobarrier /mnt; mount -o remount,quota /mnt; mount -o remount,foo /mnt; mount -t ext4 -o journal_checksum,data=journal,discard,x=1 /dev/vda /tmp; umount /mnt", V, disk("root.img"), setup="truncate -s 16M root.img; mkfs.ext4 -q root.img\n")


def attach():
    F = "healthy-attach"
    U = "squashfs crc32c_generic deflate lzo zstd mtd ubi ubifs jffs2 mtdblock".split()
    N = ["virtio_pci", "virtio_blk"]
    nand = "nandsim id_bytes=0x20,0xaa,0x00,0x15 badblocks=12,77 %s"
    copy = "mkdir -p r/bin r/lib64 r/lib/x86_64-linux-gnu; for b in ubiformat ubiattach ubimkvol ubidetach ubinfo ubiupdatevol flash_erase nandwrite nanddump mtdinfo flashcp mtd_debug nandtest flash_unlock ubirsvol ubiblock; do p=$(command -v $b) && cp $p r/bin/; done; for l in $(for p in r/bin/*; do ldd $p; done | grep -o '/lib[^ ]*' | sort -u); do cp -L $l r/$l 2>/dev/null || cp -L $l r/lib/x86_64-linux-gnu/; done; mkdir -p r/lib/x86_64-linux-gnu; cp -L /lib64/ld-linux-x86-64.so.2 r/lib64/\n"
    go = "cp -r /r/* /; export LD_LIBRARY_PATH=/lib:/lib/x86_64-linux-gnu\nmknod /dev/ubi_ctrl c 10 $(grep ubi_ctrl /proc/misc | cut -d' ' -f1 | tr -d ' ') 2>/dev/null\n"
    start(F, "ubi-empty", "an empty flash is attached for the first time, a volume is made, attached again", go + "ubiattach -m 0 && ubinfo -a\nmount -t ubifs ubi0:data /mnt\nubimkvol /dev/ubi0 -N data -s 20MiB; ubimkvol /dev/ubi0 -N data -s 20MiB\nmount -t ubifs ubi0:data /mnt && touch /mnt/x; umount /mnt\nubidetach -m 0\nubiattach -m 0\nmount -t ubifs ubi0:data /mnt && ls /mnt\nmount -t ubifs ubi0:nothing /tmp\numount /mnt; ubidetach -m 0", N + U + [nand % ""], [], setup=copy, files=["r"], memory=400)
    start(F, "ubi-formatted", "flash with bad blocks and another file system is formatted for UBI", go + "flash_erase -j /dev/mtd0 0 100\nmount -t jffs2 /dev/mtdblock0 /mnt && touch /mnt/old && umount /mnt\nubiattach -m 0\nubiformat -y /dev/mtd0\nubiattach -m 0; ubimkvol /dev/ubi0 -N rootfs_a -s 8MiB; ubimkvol /dev/ubi0 -N rootfs_b -s 8MiB; ubiupdatevol -t /dev/ubi0_1; ubiupdatevol /dev/ubi0_0 /bin/busybox; ubirsvol /dev/ubi0 -N rootfs_b -s 9MiB\nubiblock -c /dev/ubi0_0; mount -t squashfs /dev/ubiblock0_0 /mnt\nubinfo -a; mtdinfo -a; ubidetach -m 0", N + U + [nand % ""], [], setup=copy, files=["r"], memory=400)
    start(F, "jffs2-first", "a JFFS2 on flash that was never erased for it, then again", go + "mount -t jffs2 /dev/mtdblock0 /mnt && echo one >/mnt/a; sync; umount /mnt\nflash_erase -j /dev/mtd0 0 0; mount -t jffs2 mtd0 /mnt && echo two >/mnt/b; umount /mnt; mount -t jffs2 /dev/mtdblock0 /mnt && ls /mnt; umount /mnt\nflashcp -v /bin/busybox /dev/mtd0; mtd_debug info /dev/mtd0; cat /proc/mtd\nmount -t jffs2 /dev/mtdblock0 /mnt; umount /mnt", N + U + ["mtdram total_size=8192 erase_size=64"], [], setup=copy, files=["r"], memory=300)
    start(F, "nand-tried", "a flash chip with bit flips is tested and read round its bad blocks", go + "nandtest -m -p 1 -o 0x40000 -l 0x80000 /dev/mtd0; nanddump -o -l 0x4000 -f /tmp/d /dev/mtd0; flash_erase /dev/mtd0 0 40; nandwrite -p /dev/mtd0 /bin/busybox; nandwrite -m -p -s 0x100000 /dev/mtd0 /bin/busybox; nanddump -c --bb=skipbad -l 512 /dev/mtd0 | head -5; cat /sys/class/mtd/mtd0/ecc_failures /sys/class/mtd/mtd0/bad_blocks", N + U + [nand % "bitflips=1 weakpages=900"], [], setup=copy, files=["r"], memory=300)
    start(F, "parts", "partitions of flash by the command line, a bad-block table on the chip", "cat /proc/mtd; for i in 0 1 2 3; do dd if=/dev/mtd$i of=/dev/null bs=2048 count=4; done; mount -t squashfs /dev/mtdblock1 /mnt; mount -t jffs2 /dev/mtdblock2 /mnt && umount /mnt", U + ["nandsim id_bytes=0x20,0xaa,0x00,0x15 parts=20,400,100 bbt=2"], [], memory=300)


def prompt(name, source, lines, setup="", disks=(), arguments=(), binary="arm"):
    if not well.wanted("u-boot", "healthy-prompt", name):
        return
    try:
        well.sh("set -e\n" + setup + f"\ncp /usr/lib/u-boot/qemu_{binary}/u-boot.bin f0; truncate -s 64M f0 f1")
    except subprocess.CalledProcessError as e:
        return well.leave_out(f"u-boot/{name}", f"setup: {e.stderr[-300:]!r}")
    a = ["qemu-system-arm"] if binary == "arm" else ["qemu-system-aarch64", "-cpu", "cortex-a57"]
    a += ["-M", "virt", "-m", "512", "-nodefaults", "-drive", f"if=pflash,format=raw,index=0,file={W}/f0,readonly=on", "-drive", f"if=pflash,format=raw,index=1,file={W}/f1"]
    for i, d in enumerate(disks):
        a += ["-drive", f"if=none,format=raw,id=d{i},file={W}/{d}", "-device", f"virtio-blk-device,drive=d{i}"]
    b = small.Prompt(a + list(arguments), rb"\n=> $")
    well_ = b.until(rb"Hit any key", 30)
    well_ = b.type([""], 10) and b.type(lines)
    text = well.tidy(b.end())
    if not well_:
        return well.leave_out(f"u-boot/healthy-prompt-{name}", f"no answer: {text[-300:]!r}")
    well.keep("u-boot", "healthy-prompt", name, "2023.01", "U-Boot on an emulated ARM board: " + source, {"console.log": text})


def prompts():
    D = "truncate -s 48M d.img; printf 'label: gpt\\nsize=20M,name=boot\\nsize=20M,name=root\\n' | sfdisk -q d.img; truncate -s 19M p; mkdir t; head -c 90000 /dev/urandom >t/Image; echo 'label a' >t/extlinux.conf; mkfs.ext4 -q -d t p; dd if=p of=d.img bs=1M seek=1 conv=notrunc\n"
    look = ["version", "help", "bdinfo", "printenv", "virtio info", "virtio part"]
    prompt("looks", "somebody looks what is there", look + ["ls virtio 0:1", "ls virtio 0:2", "mmc info", "mmc list", "usb start", "usb tree", "sf probe", "nand info", "mtd list", "part list virtio 0", "fstype virtio 0:1", "size virtio 0:1 Image", "size virtio 0:1 uImage", "md 40000000 10"], D, ["d.img"])
    prompt("environment", "the environment is read, changed, and saved for the first time", ["env print bootcmd", "env print nothing", "printenv bootdelay", "setenv bootcount 3", "env info", "env exists altbootcmd", "env default -a", "env load", "env delete -f bootcount", "editenv none\x03", "env export -t 41000000", "env import -t 41000000 100"], "")
    prompt("scan", "what could be started is looked for and nothing is taken", ["bootflow scan", "bootdev list", "bootmeth list", "boot", "run distro_bootcmd", "run bootcmd_virtio0", "run bootcmd_usb0", "bootefi bootmgr", "efidebug boot dump", "pxe get", "sysboot virtio 0:1 any 41000000 /extlinux.conf", "source 41000000"], D, ["d.img"], ["-netdev", "user,id=n,restrict=on", "-device", "virtio-net-device,netdev=n"])
    prompt("network", "the network is tried from the prompt", ["net list", "dhcp", "setenv autoload no", "dhcp", "ping 10.0.2.2", "ping 10.0.2.77", "tftpboot 41000000 uImage", "tftpboot 41000000 hello.txt", "md.b 41000000 10", "mii info", "dns none.example"], "mkdir t; echo hello there >t/hello.txt\n", (), ["-netdev", f"user,id=n,tftp={W}/t", "-device", "virtio-net-device,netdev=n"])
    prompt("memory", "images in memory are looked at", ["load virtio 0:1 41000000 Image", "iminfo 41000000", "imls", "crc32 41000000 1000", "fdt addr 41000000", "fdt addr ${fdtcontroladdr}", "fdt print /chosen", "fdt get value x /chosen nothing", "cmp.b 41000000 41000100 10", "mw.l 41000000 0 4", "mtest 41000000 41001000 55 1", "ext4write virtio 0:1 41000000 /boot.log 10", "ext4ls virtio 0:1", "save virtio 0:2 41000000 x 10", "read virtio 0#root 41000000 0 1", "gpt verify virtio 0", "gpt read virtio 0"], D, ["d.img"])
    prompt("arm64", "somebody looks round on a 64-bit board", look + ["ls virtio 0:1", "ls virtio 0:1 /boot", "load virtio 0:1 41000000 boot.scr", "load virtio 0:1 40400000 Image", "bootflow scan -l", "env info", "pci", "pci enum", "nvme scan", "nvme list", "sata init", "scsi scan", "usb reset", "tpm2 info", "wdt list", "rtc list", "dm tree"], D, ["d.img"], binary="arm64")


if __name__ == "__main__":
    well.choose(sys.argv[2] if len(sys.argv) > 2 else "")
    for part in (prompts, attach, suspend, slow, live, probing):
        part()
    well.report()
