#!/usr/bin/env python3
"""Healthy runs for the training half: partition tables, file systems, rescue and burning tools, archives, and tools that
look around on a machine. Each row below is one planned case; lib/well.py says which are kept. A command whose exit
status says only what it found ends in "; true".
Needs: parted, fdisk, testdisk, gddrescue, dcfldd, dc3dd, safecopy, e2fsprogs, xfsprogs, btrfs-progs, dosfstools, ntfs-3g,
exfatprogs, mtools, nilfs-tools, udftools, jfsutils, fsarchiver, lvm2, kpartx, xorriso, genisoimage, wodim, isomd5sum, hdparm,
sdparm, sg3-utils, smartmontools, nvme-cli, scrub, hashdeep, rhash, cksfv, par2, dar, pax, lrzip, zpaq, arj, cabextract, gcab,
memtester, stress-ng, aide, lynis, lshw, dmidecode, pciutils, usbutils, ethtool, strace, valgrind, gdb, gcc.
Run by namespace.sh as root; an argument (regular expression) picks cases."""

import well
from well import terminal

well.KEEP = 14_000
TREE = "mkdir -p tree/etc tree/usr/bin tree/var/lib/app; for i in 1 2 3 4 5 6 7 8; do head -c $((i*9000)) /dev/urandom >tree/usr/bin/tool$i; echo option=$i >tree/etc/app$i.conf; done; ln -s tool1 tree/usr/bin/tool; echo 2.4.1 >tree/etc/release\n"
EXT4 = TREE + "truncate -s 32M fs.img; mkfs.ext4 -q -d tree fs.img\n"
DISK = "truncate -s 128M disk.img; printf 'label: gpt\\nsize=16M, type=U, name=boot\\nsize=40M, type=L, name=rootfs_a\\nsize=40M, type=L, name=rootfs_b\\n' | sfdisk -q disk.img\n"


def tables():
    F = "healthy"
    terminal("parted", F, "grown", "parted", "a card that is larger than its image: the table is mended, a partition added", "parted -s disk.img unit MiB print\nparted -s -f disk.img print\nparted -s disk.img mkpart data ext4 100MiB 100%\nparted -s disk.img align-check optimal 4\nparted -lm disk.img; true", DISK + "truncate -s 256M disk.img\n")
    terminal("sfdisk", F, "script", "fdisk", "a table is written from a script over an older one", "sfdisk --wipe always --label dos disk.img <table\nsfdisk --verify disk.img\nsfdisk -l disk.img\nsfdisk --dump disk.img >table.bak\nsfdisk -N 2 disk.img <<<',30M'\nsfdisk --reorder disk.img", DISK + "mkfs.vfat -F 32 --offset 2048 disk.img 16384; printf '2048,16M,c,*\\n,40M\\n,,E\\n,20M\\n,\\n' >table\n")
    terminal("fdisk", F, "typed", "fdisk", "a partition is added by hand to a card that is larger than its image", "printf 'p\\nn\\n4\\n\\n\\np\\nv\\nw\\n' | fdisk disk.img\nfdisk -l disk.img\nfdisk -x disk.img", DISK + "mkfs.ext4 -q -E offset=102760448 disk.img 20M; truncate -s 256M disk.img\n")
    terminal("testdisk", F, "list", "testdisk", "the partitions of an image are listed and analysed", "testdisk /list disk.img\ntestdisk /log /cmd disk.img partition_gpt,analyze,quicksearch,list\ncat testdisk.log", DISK)
    terminal("kpartx", F, "list", "kpartx", "the partitions of an image are listed", "kpartx -l disk.img; true\npartx -s disk.img\nblkid -p disk.img; true\nwipefs disk.img\nfile disk.img", DISK)
    terminal("lvm", F, "files", "lvm2", "a machine without volume groups is looked at", "pvs; true\nvgs -v; true\nlvs -a; true\nlvmdiskscan 2>&1 | tail -5\nlvmconfig --typeconfig diff\nvgscan; true\ndmsetup info; true", "")


def copies():
    F = "healthy"
    terminal("ddrescue", F, "good-disk", "gddrescue", "an image is copied from good storage, with a second pass that finds nothing to do", "ddrescue -v disk.img copy.img copy.map\nddrescue -r3 -d -v disk.img copy.img copy.map; true\nddrescuelog -t copy.map\ncat copy.map\ncmp disk.img copy.img", "head -c 24000000 /dev/urandom >disk.img\n")
    terminal("dd", F, "noerror", "coreutils", "images are copied with dd, errors would be passed over", "dd if=disk.img of=copy.img bs=1M conv=noerror,sync status=progress\ndd if=/dev/zero of=slot.img bs=1M count=8 oflag=dsync\ndd if=disk.img of=slot.img bs=64K seek=4 conv=notrunc,fsync\ndd if=disk.img bs=4k skip=100 count=10 | sha256sum\ndd if=/dev/zero of=/dev/full count=0\ntruncate -s 24000000 copy.img; cmp disk.img copy.img", "head -c 24000000 /dev/urandom >disk.img\n")
    terminal("dcfldd", F, "hash", "dcfldd", "an image is copied and hashed", "dcfldd if=disk.img of=copy.img hash=md5,sha256 hashwindow=4M bs=1M errlog=err.log conv=noerror,sync\ndcfldd if=disk.img vf=copy.img verifylog=verify.log\ncat err.log verify.log", "truncate -s 16M disk.img\n")
    terminal("dc3dd", F, "log", "dc3dd", "an image is copied and hashed, with a log", "dc3dd if=disk.img hof=copy.img hash=sha256 log=dc3dd.log rec=off\ncat dc3dd.log", "head -c 8000000 /dev/urandom >disk.img\n")
    terminal("safecopy", F, "good-disk", "safecopy", "an image is copied in stages", "safecopy --stage1 disk.img copy.img\nsafecopy --stage2 disk.img copy.img\nls -l", "head -c 4000000 /dev/urandom >disk.img\n")
    terminal("badblocks", F, "none", "e2fsprogs", "a test for bad blocks that finds none", "badblocks -sv disk.img\nbadblocks -wsv -t random -b 4096 disk.img\nbadblocks -nsv -c 256 disk.img\nmke2fs -c -t ext4 disk.img", "truncate -s 16M disk.img\n")
    terminal("shred", F, "wipe", "scrub", "files are wiped", "shred -v -n 2 -z a.img\nscrub -p dod b.img\nscrub -f -p fillzero -r b.img", "truncate -s 2M a.img b.img\n")
    terminal("hashdeep", F, "audit", "hashdeep", "a folder is compared with a list of sums", "hashdeep -c sha256 -r tree >sums\nhashdeep -r -a -v -v -k sums tree\nrhash --sha256 -r tree -o rhash.txt && rhash -c rhash.txt\ncd tree/usr/bin && cksfv -b tool1 tool2 tool3 | tee ../../../a.sfv\ncd tree/usr/bin && cksfv -v -f ../../../a.sfv\nmd5deep -r -x sums tree; true", TREE)
    terminal("smartctl", F, "no-smart", "smartmontools", "disks that have no SMART are asked for it", "smartctl --scan; true\nsmartctl -i disk.img; true\nsmartctl -d ata -a /dev/null; true\nhdparm -I /dev/null; true\nsdparm /dev/null; true\nsg_inq /dev/null; true\nnvme list; true\nlsblk -o NAME,SIZE,RO,TYPE; true", "truncate -s 4M disk.img\n")


def filesystems():
    F = "healthy"
    terminal("e2fsck", "repairs", "small", "e2fsprogs", "a file system that was not unmounted is checked and small things are repaired", "e2fsck -fn fs.img; true\ne2fsck -fy fs.img; echo \"e2fsck: $?\"\ne2fsck -fp fs.img", EXT4 + "debugfs -w -R 'set_inode_field etc/release links_count 2' fs.img; debugfs -w -R 'set_super_value free_blocks_count 77' fs.img; debugfs -w -R 'set_bg 0 free_inodes_count 12' fs.img; debugfs -w -R 'set_super_value state 2' fs.img; debugfs -w -R 'unlink usr/bin/tool3' fs.img\n")
    terminal("e2fsck", "repairs", "orphans", "e2fsprogs", "a journal is replayed, deleted files are cleared away", "e2fsck -p fs.img; echo \"e2fsck: $?\"\ne2fsck -p fs.img\ntune2fs -l fs.img | grep -i -E 'state|errors|journal|last'", EXT4 + "printf 'jo\\njw -b 500 /dev/zero\\njc\\n' | debugfs -w -f - fs.img; debugfs -w -R 'feature +needs_recovery' fs.img\n")
    terminal("debugfs", F, "undo", "e2fsprogs", "an image of the metadata, an undo file, a look inside", "e2image -r fs.img meta.img\ne2image -Q fs.img meta.qcow\nE2FSPROGS_UNDO_DIR=undo tune2fs -z undo/fs.e2undo -O ^has_journal fs.img\ne2undo -v undo/fs.e2undo fs.img\ndebugfs -R 'stat etc/release' fs.img\ndebugfs -R 'icheck 200' fs.img\ndebugfs -R 'lsdel' fs.img\ndebugfs -R 'logdump -a' fs.img", EXT4 + "mkdir undo\n")
    terminal("xfs_repair", F, "dry-run", "xfsprogs", "a file system is made and checked without changing it", "mkfs.xfs -f -L data x.img\nxfs_repair -n -v x.img\nxfs_db -r -c 'sb 0' -c 'p' x.img\nxfs_db -r -c freesp -c 'frag -v' x.img\nxfs_admin -l -u x.img\nxfs_repair -v x.img", "truncate -s 320M x.img\n")
    terminal("btrfs", F, "scrub", "btrfs-progs", "a mounted file system is scrubbed and balanced", "mount -o loop b.img /mnt\ncp -r tree /mnt/\nbtrfs scrub start -B -d /mnt\nbtrfs device stats /mnt\nbtrfs balance start -v -dusage=50 -musage=50 /mnt\nbtrfs filesystem usage /mnt\nbtrfs subvolume snapshot -r /mnt /mnt/before-update\nbtrfs send -f b.send /mnt/before-update\nbtrfs receive --dump -f b.send\numount /mnt", TREE + "truncate -s 256M b.img; mkfs.btrfs -q b.img\n")
    terminal("fsck.fat", F, "dirty", "dosfstools", "a FAT that was not unmounted is checked", "fsck.fat -v -n fat.img; true\nfsck.fat -v -a fat.img; echo \"fsck.fat: $?\"\nfsck.fat -v fat.img\nfatlabel fat.img; true", "truncate -s 40M fat.img; mkfs.vfat -F 32 -n BOOT fat.img; head -c 300000 /dev/urandom >k; mcopy -i fat.img k ::KERNEL.IMG; printf '\\001' | dd of=fat.img bs=1 seek=65 conv=notrunc\n")
    terminal("ntfsfix", F, "dry", "ntfs-3g", "an NTFS is looked at", "mkntfs -F -Q -L data ntfs.img\nntfsfix -n ntfs.img\nntfsfix -d ntfs.img\nntfsinfo -m ntfs.img\nntfsresize -i -f ntfs.img\nntfscluster -f ntfs.img\nntfsundelete ntfs.img; true\nntfscp ntfs.img /etc/hosts hosts\nntfsls ntfs.img", "truncate -s 24M ntfs.img\n")
    terminal("exfat", F, "check", "exfatprogs", "an exFAT is made and checked", "mkfs.exfat -L SDCARD e.img\nfsck.exfat -v e.img\nfsck.exfat -n e.img\ndump.exfat e.img\ntune.exfat -l e.img", "truncate -s 64M e.img\n")
    terminal("mtools", F, "boot", "mtools", "files of a boot partition are changed", "mdir -i fat.img ::\nmcopy -i fat.img -o k ::KERNEL.IMG\nmcopy -i fat.img -n k ::kernel2.img\nmren -i fat.img ::kernel2.img ::kernel.old\nmtype -i fat.img ::cmdline.txt\nminfo -i fat.img ::\nmdu -i fat.img ::; true\nmdel -i fat.img ::kernel.old\nmdir -i fat.img ::missing.img; true\nmshowfat -i fat.img ::KERNEL.IMG", "truncate -s 40M fat.img; mkfs.vfat -F 32 -n BOOT fat.img; head -c 300000 /dev/urandom >k; echo 'console=ttyS0 root=/dev/mmcblk0p2 ro rootwait panic=10' >c; mcopy -i fat.img c ::cmdline.txt; mcopy -i fat.img k ::KERNEL.IMG\n")
    terminal("nilfs", F, "check", "nilfs-tools", "less usual file systems are made and looked at", "mkfs.nilfs2 n.img\nnilfs-tune -l n.img; true\nmkudffs u.img\nudfinfo u.img\nmkfs.jfs -q j.img\nfsck.jfs -n -v j.img; true\nfsck.jfs -a j.img; true", "truncate -s 160M n.img; truncate -s 24M u.img j.img\n")
    terminal("fsarchiver", F, "folder", "fsarchiver", "a folder is saved and put back", "fsarchiver -v savedir t.fsa tree\nfsarchiver archinfo t.fsa\nmkdir out && fsarchiver -v restdir t.fsa out\nfsarchiver probe simple; true", TREE)
    terminal("xorriso", F, "image", "xorriso", "an image of a medium is made, checked and changed", "xorriso -as mkisofs -r -J -V GW_2_4_1 -o gw.iso tree\nxorriso -indev gw.iso -toc -check_media -- -find / -exec lsdl --\nxorriso -dev gw.iso -md5 on -map tree/etc/release /NEW -commit -check_md5_r SORRY / --; true\ngenisoimage -v -r -o g.iso tree\nimplantisomd5 g.iso\ncheckisomd5 --verbose g.iso\nisoinfo -d -i gw.iso", TREE)
    terminal("wodim", F, "none", "wodim", "a burner is looked for on a machine without one", "wodim --version\nwodim -scanbus; true\nwodim --devices; true\nwodim -checkdrive dev=/dev/null; true\nreadom dev=/dev/null -noerror -f x.iso; true", "")


def archives():
    F = "healthy"
    terminal("par2", F, "repaired", "par2", "a damaged file is found and repaired", "par2 create -r10 -n2 fw.par2 rootfs.img\npar2 verify fw.par2\ndd if=/dev/zero of=rootfs.img bs=1 count=3000 seek=500000 conv=notrunc\npar2 verify fw.par2; true\npar2 repair fw.par2\npar2 verify -q fw.par2", "head -c 1500000 /dev/urandom >rootfs.img\n")
    terminal("dar", F, "test", "dar", "a backup is made, tested, compared and put back", "dar -c full -R tree -v\ndar -t full -v\ndar -d full -R tree -v\necho 2.4.2 >tree/etc/release\ndar -c diff -A full -R tree -v\ndar -l diff\nmkdir out && dar -x full -R out -O", TREE)
    terminal("pax", F, "copy", "pax", "an archive by pax", "pax -wvf fw.pax tree\npax -vf fw.pax\nmkdir out && cd out && pax -rvf ../fw.pax\nbusybox tar tvf fw.pax\npax -rw -v tree out", TREE)
    terminal("lrzip", F, "test", "lrzip", "less usual compressors", "lrzip -vv fw.tar\nlrzip -t -v fw.tar.lrz\nlrzip -i -vv fw.tar.lrz\nzpaq add fw.zpaq tree\nzpaq list fw.zpaq\nzpaq extract fw.zpaq -to out\narj a -r fw.arj tree\narj t fw.arj\ncabextract -t fw.cab\ngcab -t fw.cab", TREE + "tar -cf fw.tar tree; gcab -c fw.cab tree/usr/bin/tool1 tree/etc/release\n")


def machines():
    F = "healthy"
    terminal("memtester", F, "passes", "memtester", "memory and processor are tested", "memtester 4M 1\nstress-ng --cpu 1 --vm 1 --vm-bytes 16M --hdd 1 --hdd-bytes 4M --verify --timeout 3 --metrics-brief -v 2>&1 | tail -60", "")
    terminal("aide", F, "changes", "aide", "a folder is watched for changes", "aide --config=a.conf --init\nmv a.new a.db\necho 2.4.2 >tree/etc/release; rm tree/usr/bin/tool7; echo x >tree/etc/new.conf\naide --config=a.conf --check; true\naide --config=a.conf --update; true", TREE + "printf 'database_in=file:/data/w/a.db\\ndatabase_out=file:/data/w/a.new\\n/data/w/tree p+u+g+s+sha256\\n' >a.conf\n")
    terminal("lynis", F, "audit", "lynis", "an audit of a system, with its suggestions", "lynis audit system --quick --no-colors; true", "", timeout=240)
    terminal("lshw", F, "inventory", "lshw", "what a machine is made of", "lshw -short; true\nlspci -v; true\nlsusb; true\ndmidecode -t system; true\nethtool lo; true\nethtool -i lo; true\nethtool -m lo; true\ncat /proc/mtd; true\nls /sys/class/mmc_host /sys/class/ubi; true", "")
    terminal("strace", F, "missing-files", "strace", "what a program opens, files that need not be there among them", "strace -f -e trace=file,network ls /etc/hostname\nstrace -c -f sh -c 'cat /etc/hosts >/dev/null'\nstrace -e trace=openat,read,write -o t.log python3 -c 'print(1)'; tail -40 t.log", "")
    terminal("valgrind", F, "leaks", "valgrind", "a program under valgrind and gdb", "valgrind --leak-check=full --track-origins=yes ./app\nvalgrind --tool=massif --massif-out-file=m ./app\ngdb -q -batch -ex 'break store' -ex run -ex bt -ex 'info locals' -ex continue -ex 'info signals SIGSEGV' ./app", "printf '#include <stdio.h>\\n#include <stdlib.h>\\n#include <string.h>\\nstatic char *store(const char *s) { char *p = malloc(64); strcpy(p, s); return p; }\\nint main(void) { for (int i = 0; i < 3; i++) { char *p = store(\"reading\"); puts(p); if (i) free(p); } FILE *f = fopen(\"/nowhere/log\", \"r\"); if (!f) perror(\"optional log\"); return 0; }\\n' >app.c; gcc -g -O0 -o app app.c\n", timeout=120)


if __name__ == "__main__":
    well.run(1, tables, copies, filesystems, archives, machines)
