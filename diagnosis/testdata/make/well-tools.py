#!/usr/bin/env python3
"""Healthy runs of updaters, image tools, file systems, signatures, archives and builds: everything that needs no network.
Each row below is one planned case; lib/well.py says which are kept.
Needs: swupdate, rauc, mender-artifact, casync, bmap-tools, ostree, u-boot-tools, libubootenv-tool, device-tree-compiler,
flashrom, dfu-util, fwupd, android-sdk-libsparse-utils, bsdiff, rdiff, restic, borgbackup, skopeo, umoci,
genimage, genext2fs, gdisk, parted, partclone, mdadm, cryptsetup-bin, mtd-utils, squashfs-tools, erofs-utils, f2fs-tools,
btrfs-progs, qemu-utils, sqlite3, imagemagick, fio, gnupg, minisign, signify-openbsd, p7zip-full, zstd, lz4, zip,
build-essential, cmake, ninja-build, meson, golang, cargo.
Run by namespace.sh as root; an argument (regular expression) picks cases."""

import well
from well import terminal

DATA = "head -c 1500000 /dev/urandom >rootfs.img; head -c 300000 /dev/urandom >kernel.img\n"
TREE = "mkdir -p tree/etc tree/usr/bin tree/var/lib/app; for i in 1 2 3 4 5 6 7 8; do head -c $((i*9000)) /dev/urandom >tree/usr/bin/tool$i; echo option=$i >tree/etc/app$i.conf; done; ln -s tool1 tree/usr/bin/tool; echo 2.4.1 >tree/etc/release\n"
KEY = "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/O=Acme/CN=release signing' -keyout sign.key -out sign.pem -addext extendedKeyUsage=codeSigning,emailProtection -addext basicConstraints=critical,CA:FALSE\n"


def swupdate(entry, files, kind="images"):
    """A signed package with this entry; @SUM:file@ is that file's SHA-256."""
    return KEY + f"""cat >sw-description <<'X'
software = {{ version = "2.4.1"; hardware-compatibility: [ "1.0" ]; {kind}: ( {entry} ); }}
X
for f in {files}; do sed -i "s/@SUM:$f@/$(sha256sum $f | cut -d' ' -f1)/" sw-description; done
openssl cms -sign -in sw-description -out sw-description.sig -signer sign.pem -inkey sign.key -outform DER -nosmimecap -binary
printf '%s\\n' sw-description sw-description.sig {files} | cpio --quiet -o -H crc -O update.swu
echo 'gw 1.0' >/etc/hwrevision; truncate -s 4M slot-b.img
"""


def updaters():
    P, F = "swupdate", "healthy-formats"
    C = "swupdate -v -k sign.pem -i update.swu"
    for z, tool in (("zlib", "gzip -9 -c"), ("zstd", "zstd -q -c")):
        terminal(P, F, z, P, f"install of an image compressed with {z}", C, DATA + f"{tool} rootfs.img >rootfs.img.z\n" +
                 swupdate(f'{{ filename = "rootfs.img.z"; type = "raw"; compressed = "{z}"; device = "{well.W}/slot-b.img"; sha256 = "@SUM:rootfs.img.z@"; }}', "rootfs.img.z"))
    terminal(P, F, "archive", P, "an archive unpacked into a mounted file system", f"{C}\nls -R /mnt/app", TREE + "tar -C tree -czf app.tar.gz .\nmkdir -p /mnt/app\n" +
             swupdate('{ filename = "app.tar.gz"; type = "archive"; path = "/mnt/app"; preserve-attributes = true; sha256 = "@SUM:app.tar.gz@"; }', "app.tar.gz", "files"))
    terminal(P, F, "script", P, "a package with a shell script for before and after", f"{C}", "printf '#!/bin/sh\\necho \"hook: $1\"\\nexit 0\\n' >hook.sh\n" +
             swupdate('{ filename = "hook.sh"; type = "shellscript"; sha256 = "@SUM:hook.sh@"; }', "hook.sh", "scripts"))
    terminal(P, F, "streamed", P, "an image that is written while it is read, at an offset", C.replace("-v", "-l 5"), DATA +
             swupdate(f'{{ filename = "rootfs.img"; type = "raw"; installed-directly = true; offset = "1M"; device = "{well.W}/slot-b.img"; sha256 = "@SUM:rootfs.img@"; }}', "rootfs.img"))
    P, F = "rauc", "healthy-bundles"
    B = KEY + TREE + "mkdir c; mksquashfs tree c/rootfs.img -quiet -no-progress; printf '[update]\\ncompatible=acme,gw\\nversion=2.4.1\\n\\n[bundle]\\nformat=%s\\n\\n[image.rootfs]\\nfilename=rootfs.img\\n'"
    M = "rauc --cert sign.pem --key sign.key bundle c update.raucb"
    terminal(P, F, "verity", P, "a bundle of the format verity is made and shown", f"{M}\nrauc --keyring sign.pem info update.raucb", B + " verity >c/manifest.raucm\n")
    terminal(P, F, "extract", P, "a bundle is shown as JSON and extracted", "rauc --keyring sign.pem info --output-format=json-pretty update.raucb\nrauc -d --keyring sign.pem extract update.raucb out\nls -l out", B + f" plain >c/manifest.raucm; {M}\n")
    terminal(P, F, "resign", P, "a bundle is signed with a new key", "rauc --cert new.pem --key new.key --keyring sign.pem resign --signing-keyring new.pem update.raucb resigned.raucb\nrauc --keyring new.pem info resigned.raucb", B + f" plain >c/manifest.raucm; {M}; mv sign.key o.key; cp sign.pem o.pem\n" + KEY + "mv sign.key new.key; mv sign.pem new.pem; mv o.pem sign.pem\n")
    P, F = "mender-artifact", "healthy-modules"
    terminal(P, F, "module", P, "a package for an update module is made, signed and shown", "mender-artifact write module-image -T single-file -t gw -n release-2.4.1 -f kernel.img -o u.mender\nmender-artifact sign u.mender -k k.pem -o s.mender\nmender-artifact read -k p.pem s.mender\nmender-artifact validate -k p.pem s.mender",
             DATA + "openssl genrsa -traditional -out k.pem 3072; openssl rsa -in k.pem -pubout -out p.pem\n")
    terminal(P, F, "dump", P, "a package is taken apart", "mender-artifact write module-image -T script --compression none -t gw -t hub -n release-2.5 -f rootfs.img -o u.mender --depends-groups stable --provides rootfs-image.version:2.5\nmender-artifact dump u.mender --files out --meta-data meta\nls -lR out", DATA)
    P, F = "casync", "healthy-make"
    terminal(P, F, "index", P, "an index is made of a folder, listed and checked", "casync make --store=store.castr tree.caidx tree\ncasync list --store=store.castr tree.caidx\ncasync digest --store=store.castr tree.caidx\ncasync mtree --store=store.castr tree.caidx", TREE)
    terminal(P, F, "seed", P, "an image is made again with an older one as the seed", "casync -v make --store=store.castr new.caibx new.img\ncasync -v extract --seed=old.img --store=store.castr new.caibx out.img\ncmp new.img out.img", DATA + "cp rootfs.img old.img; cat rootfs.img kernel.img >new.img\n")
    terminal("bmaptool", "healthy-create", "create", "bmap-tools", "a map is made and the image copied with it", "bmaptool create disk.img -o disk.bmap\ncat disk.bmap\nbmaptool copy --bmap disk.bmap disk.img out.img", "truncate -s 32M disk.img; mkfs.ext4 -q disk.img\n")
    P, F = "ostree", "healthy"
    terminal(P, F, "commit", P, "commits, a check and a checkout", "ostree --repo=r init --mode=archive\nostree --repo=r commit -b gw/stable --tree=dir=tree -s 'release 2.4.1'\necho 2.4.2 >tree/etc/release\nostree --repo=r commit -b gw/stable --tree=dir=tree -s 'release 2.4.2'\nostree --repo=r log gw/stable\nostree --repo=r diff gw/stable\nostree --repo=r fsck\nostree --repo=r checkout gw/stable out\nostree --repo=r summary -u\nostree --repo=r static-delta generate gw/stable", TREE)
    terminal(P, F, "pull-local", P, "a commit is pulled from another folder, old ones are dropped", "ostree --repo=b init --mode=bare-user\nostree --repo=b pull-local a gw/stable\nostree --repo=b refs\nostree --repo=b prune --refs-only --depth=0 -v\nostree --repo=b fsck -v", TREE + "ostree --repo=a init --mode=archive; ostree --repo=a commit -b gw/stable --tree=dir=tree -s one; echo 3 >tree/etc/release; ostree --repo=a commit -b gw/stable --tree=dir=tree -s two\n")
    P, F = "fwupdtool", "healthy-formats"
    terminal(P, F, "convert", "fwupd", "a firmware file is converted and parsed", "fwupdtool firmware-parse fw.hex ihex\nfwupdtool firmware-convert fw.hex fw.srec ihex srec\nfwupdtool firmware-parse fw.srec srec", "head -c 2000 /dev/urandom >fw.bin; objcopy -I binary -O ihex fw.bin fw.hex\n")
    terminal(P, F, "types", "fwupd", "the known formats of firmware", "fwupdtool get-firmware-types", "")
    terminal(P, F, "version", "fwupd", "the version, the HSI of an unknown machine left aside", "fwupdtool --version", "")


ITS = """/dts-v1/;
/ { description = "gw 2.4.1"; #address-cells = <1>;
  images { kernel-1 { description = "kernel"; data = /incbin/("kernel.img"); type = "kernel"; arch = "arm"; os = "linux"; compression = "none"; load = <0x80008000>; entry = <0x80008000>; hash-1 { algo = "sha256"; }; };
           ramdisk-1 { description = "initramfs"; data = /incbin/("rootfs.img"); type = "ramdisk"; arch = "arm"; os = "linux"; compression = "none"; hash-1 { algo = "sha1"; }; }; };
  configurations { default = "conf-1"; conf-1 { description = "gw"; kernel = "kernel-1"; ramdisk = "ramdisk-1"; signature-1 { algo = "sha256,rsa2048"; key-name-hint = "dev"; sign-images = "kernel", "ramdisk"; }; }; };
};
"""


def images():
    P, F = "mkimage", "healthy"
    terminal(P, F, "fit-signed", "u-boot-tools", "a FIT is made and signed", "mkimage -f fit.its -k keys -K pub.dtb -r fit.itb\nmkimage -l fit.itb", DATA + f"cat >fit.its <<'X'\n{ITS}X\nmkdir keys; openssl genrsa -out keys/dev.key 2048; openssl req -batch -new -x509 -key keys/dev.key -out keys/dev.crt; echo '/dts-v1/; / {{ }};' | dtc -I dts -O dtb -p 4000 -o pub.dtb\n")
    terminal(P, F, "legacy", "u-boot-tools", "uImages and a boot script", "mkimage -A arm -O linux -T kernel -C none -a 0x80008000 -e 0x80008000 -n Linux-6.1 -d kernel.img uImage\nmkimage -A arm -T script -C none -n 'boot slot b' -d boot.txt boot.scr\nmkimage -A arm -O linux -T multi -C none -n multi -d kernel.img:rootfs.img multi.img\nmkimage -l multi.img", DATA + "echo 'setenv slot b; boot' >boot.txt\n")
    E = "truncate -s 128k env.bin; printf '%s/env.bin 0x0 0x4000\\n%s/env.bin 0x8000 0x4000\\n' $PWD $PWD >/etc/fw_env.config; printf 'bootcmd=run boot_a\\nbootdelay=2\\nslot=a\\nupgrade_available=0\\n' >/etc/u-boot-initial-env\n"
    terminal("fw_setenv", "healthy", "slot", "libubootenv-tool", "the slot is changed in a redundant environment", "fw_setenv -f /etc/u-boot-initial-env slot a\nfw_printenv\nfw_setenv slot b\nfw_setenv upgrade_available 1\nfw_printenv slot upgrade_available", E)
    P, F = "flashrom", "healthy"
    D = "flashrom -p dummy:emulate=%s,image=chip.bin"
    MX = "MX25L6436E/MX25L6445E/MX25L6465E/MX25L6473E/MX25L6473F"
    R = "head -c %d /dev/urandom >chip.bin; head -c %d /dev/urandom >fw.bin\n"
    for n, chip, size, what in (("dummy-write", "MX25L6436", 8 << 20, f"-w fw.bin -c {MX}"), ("dummy-verify", "SST25VF032B", 4 << 20, "-v same.bin"), ("dummy-erase", "W25Q128FV", 16 << 20, "-E"), ("dummy-probe", "VARIABLE_SIZE,size=2097152", 2 << 20, "-r old.bin")):
        terminal(P, F, n, P, f"flashrom {what.split()[0]} with an emulated {chip.split(',')[0]}", D % chip + f" {what}", R % (size, size) + "cp chip.bin same.bin\n", timeout=200)
    terminal(P, F, "layout", P, "one region of the chip is written by a layout", D % "MX25L6436" + f" -c {MX}" + " -l layout.txt -i update -w fw.bin\n" + D % "MX25L6436" + f" -c {MX}" + " --flash-size\n" + D % "MX25L6436" + f" -c {MX}" + " --flash-name", R % (8 << 20, 8 << 20) + "printf '00000000:000fffff boot\\n00100000:001fffff update\\n00200000:007fffff rest\\n' >layout.txt\n", timeout=200)
    terminal("dfu-suffix", "healthy", "add", "dfu-util", "a suffix is added, checked and removed", "dfu-suffix -a fw.bin -v 0x0483 -p 0xdf11 -d 0x0200\ndfu-suffix -c fw.bin\ndfu-suffix -D fw.bin\ndfu-prefix -s 0x08000000 -a fw.bin -L\ndfu-prefix -c fw.bin", "head -c 50000 /dev/urandom >fw.bin\n")
    terminal("simg", "healthy", "sparse", "android-sdk-libsparse-utils", "an image becomes a sparse one and back", "img2simg system.img system.simg\nsimg_dump system.simg\nsimg2img system.simg again.img\ncmp system.img again.img\nls -ls", "truncate -s 64M system.img; mkfs.ext4 -q system.img\n")
    terminal("bsdiff", "healthy", "patch", "bsdiff", "a delta is made and applied", "bsdiff old.img new.img update.patch\nls -l\nbspatch old.img out.img update.patch\ncmp new.img out.img\nsha256sum new.img out.img", DATA + "cp rootfs.img old.img; cat rootfs.img kernel.img >new.img\n")
    terminal("rdiff", "healthy", "delta", "rdiff", "signature, delta and patch", "rdiff -s signature old.img sig\nrdiff -s delta sig new.img delta\nrdiff -s patch old.img delta out.img\ncmp new.img out.img", DATA + "cp rootfs.img old.img; cat kernel.img rootfs.img >new.img\n")
    terminal("genimage", "healthy", "sdcard", "genimage", "an image of an SD card", "genimage --config sd.cfg --rootpath tree --inputpath . --outputpath out --tmppath gtmp\nsfdisk -l out/sd.img", TREE + DATA + "cat >sd.cfg <<'X'\nimage boot.vfat { vfat { files = { \"kernel.img\" } } size = 8M }\nimage root.ext4 { ext4 { label = \"root\" } size = 32M }\nimage sd.img { hdimage {} partition boot { partition-type = 0xC bootable = true image = \"boot.vfat\" } partition a { partition-type = 0x83 image = \"root.ext4\" } partition b { partition-type = 0x83 image = \"root.ext4\" } }\nX\n")
    terminal("sgdisk", "healthy", "table", "gdisk", "a partition table for two slots", "sgdisk -o -n 1:2048:+16M -c 1:boot -n 2:0:+64M -c 2:rootfs_a -n 3:0:+64M -c 3:rootfs_b -n 4:0:0 -c 4:data disk.img\nsgdisk -v -p disk.img\nparted -s disk.img unit MiB print\nsgdisk -b table.bak disk.img\nsgdisk -l table.bak -e disk.img", "truncate -s 256M disk.img\n")
    terminal("partclone", "healthy", "clone", "partclone", "a file system is cloned and restored", "partclone.ext4 -c -s fs.img -o clone.pcl -L log1\npartclone.chkimg -s clone.pcl -L log2\npartclone.ext4 -r -s clone.pcl --overwrite out.img -L log3\ncat log1 log2 log3\ne2fsck -fn out.img", TREE + "truncate -s 48M fs.img; mkfs.ext4 -q -d tree fs.img; truncate -s 48M out.img\n")
    terminal("cryptsetup", "healthy", "luks", "cryptsetup-bin", "a LUKS container is made and looked at", "cryptsetup -q -v luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file k disk.img\ncryptsetup isLuks -v disk.img\ncryptsetup luksDump disk.img\ncryptsetup -v open --test-passphrase --key-file k disk.img\ncryptsetup -v luksAddKey --key-file k disk.img k2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000\ncryptsetup luksHeaderBackup disk.img --header-backup-file head.bak", "truncate -s 32M disk.img; head -c 64 /dev/urandom >k; head -c 64 /dev/urandom >k2\n")
    terminal("veritysetup", "healthy", "verify", "cryptsetup-bin", "a hash tree is made and checked", "veritysetup -v format root.img hash.img --root-hash-file=root.hash\nveritysetup -v verify root.img hash.img $(cat root.hash)\nveritysetup dump hash.img", TREE + "mksquashfs tree root.img -quiet -no-progress\n")
    terminal("mtd-utils", "healthy", "ubinize", "mtd-utils", "a UBIFS and a UBI image", "mkfs.ubifs -v -r tree -m 2048 -e 126976 -c 200 -o root.ubifs\nubinize -v -o root.ubi -m 2048 -p 128KiB ubi.ini\nmkfs.jffs2 -v -r tree -e 128KiB -o root.jffs2\nls -l", TREE + "printf '[root]\\nmode=ubi\\nimage=root.ubifs\\nvol_id=0\\nvol_type=dynamic\\nvol_name=rootfs\\nvol_flags=autoresize\\n' >ubi.ini\n")
    terminal("mksquashfs", "healthy", "squashfs", "squashfs-tools", "a root file system is packed", "mksquashfs tree root.sqfs -comp xz -no-progress\nunsquashfs -s root.sqfs\nunsquashfs -ll root.sqfs\nmkfs.erofs -zlz4hc root.erofs tree\nfsck.erofs root.erofs\ndump.erofs -s root.erofs", TREE)
    terminal("fsck", "healthy", "f2fs-btrfs", "f2fs-tools", "checks of an F2FS and a Btrfs", "fsck.f2fs --dry-run a.img\nbtrfs check b.img\nbtrfs check --check-data-csum b.img\nbtrfs inspect-internal dump-super b.img", TREE + "truncate -s 128M a.img b.img; mkfs.f2fs -q a.img; mkfs.btrfs -q -r tree b.img\n")
    terminal("fsck", "healthy", "e2fsck", "e2fsprogs", "a forced check, a growth and a tune of an ext4", "e2fsck -f -v -y fs.img\nresize2fs fs.img 96M\ntune2fs -c 30 -L rootfs_a fs.img\ndumpe2fs -h fs.img\ne2fsck -f -C 0 -p fs.img", TREE + "truncate -s 48M fs.img; mkfs.ext4 -q -d tree fs.img\n")
    terminal("qemu-img", "healthy", "convert", "qemu-utils", "an image is converted, checked and compared", "qemu-img convert -p -O qcow2 -c disk.img disk.qcow2\nqemu-img check disk.qcow2\nqemu-img snapshot -c before-update disk.qcow2\nqemu-img info disk.qcow2\nqemu-img compare disk.img disk.qcow2\nqemu-img convert -O vmdk disk.qcow2 disk.vmdk", TREE + "truncate -s 64M disk.img; mkfs.ext4 -q -d tree disk.img\n")
    terminal("mdadm", "healthy", "examine", "mdadm", "superblocks of arrays are searched on a machine without any", "mdadm --version\nmdadm --examine --scan --verbose\nmdadm --detail --scan --verbose", "")


def trust():
    P = "gpg"
    G = {"GNUPGHOME": f"{well.W}/g"}
    terminal(P, "healthy", "sign", "gnupg", "a release is signed and verified", "gpg --batch --passphrase '' --quick-gen-key 'Acme Releases <release@acme.example>' rsa2048 sign never\ngpg --batch --armor --detach-sign rootfs.img\ngpg --verify rootfs.img.asc rootfs.img\ngpg --list-keys\ngpgconf --kill all", DATA + "mkdir -m 700 g\n", env=G)
    terminal("minisign", "healthy", "verify", "minisign", "a release is signed and verified", "minisign -G -W -p m.pub -s m.key\nminisign -S -s m.key -t 'release 2.4.1' -m rootfs.img\nminisign -V -p m.pub -m rootfs.img", DATA)
    terminal("signify", "healthy", "checksums", "signify-openbsd", "a list of checksums is signed and verified", "signify-openbsd -G -n -p s.pub -s s.sec\nsha256sum --tag rootfs.img kernel.img >SHA256\nsignify-openbsd -S -e -s s.sec -m SHA256 -x SHA256.sig\nsignify-openbsd -C -p s.pub -x SHA256.sig\nsha256sum -c SHA256", DATA)
    terminal("openssl", "healthy-store", "chain", "openssl", "a chain of certificates is made and verified", "openssl verify -CAfile ca.pem -untrusted mid.pem leaf.pem\nopenssl verify -show_chain -purpose sslserver -CAfile ca.pem -untrusted mid.pem leaf.pem\nopenssl x509 -in leaf.pem -noout -text\nopenssl ts -query -data leaf.pem -sha256 -cert -out q.tsq\nopenssl ts -query -in q.tsq -text", """
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/O=Acme/CN=root' -keyout ca.key -out ca.pem
openssl req -newkey rsa:2048 -nodes -subj '/O=Acme/CN=updates' -keyout mid.key -out mid.csr
printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=keyCertSign\\n' >e; openssl x509 -req -in mid.csr -CA ca.pem -CAkey ca.key -days 900 -extfile e -out mid.pem
openssl req -newkey rsa:2048 -nodes -subj '/O=Acme/CN=updates.example.net' -keyout leaf.key -out leaf.csr
printf 'subjectAltName=DNS:updates.example.net\\nextendedKeyUsage=serverAuth\\n' >e; openssl x509 -req -in leaf.csr -CA mid.pem -CAkey mid.key -days 90 -extfile e -out leaf.pem
""")
    P, F = "unpack", "healthy"
    terminal(P, F, "7z", "p7zip-full", "an archive of 7-Zip is made, tested, unpacked", "7z a fw.7z tree\n7z t fw.7z\n7z x -oout fw.7z\n7z l fw.7z", TREE)
    terminal(P, F, "zstd", "zstd", "an image is compressed, tested, unpacked", "zstd -v -19 rootfs.img -o rootfs.zst\nzstd -t rootfs.zst\nzstd -lv rootfs.zst\nzstd -v -d rootfs.zst -o out.img\nlz4 -v rootfs.img rootfs.lz4\nlz4 -t rootfs.lz4\nbzip2 -kv kernel.img\nbzip2 -tv kernel.img.bz2", DATA)
    terminal(P, F, "cpio", "cpio", "an initramfs is packed and listed", "cd tree && find . | cpio -o -v -H newc >../i.cpio\nmkdir out && cd out && cpio -idmv <../i.cpio\ncpio -tv <i.cpio", TREE)
    terminal(P, F, "tar-xz", "tar", "an archive is made with xz, compared and unpacked", "tar -cJvf fw.tar.xz tree\nxz -tv fw.tar.xz\nxz -lv fw.tar.xz\ntar -dvf fw.tar.xz\nmkdir out\ntar -xvf fw.tar.xz -C out", TREE)
    terminal("restic", "healthy", "backup", "restic", "a backup, its check and a restore", "restic init\nrestic backup tree\nrestic snapshots\nrestic check --read-data\nrestic restore latest --target out\nrestic forget --keep-last 1 --prune", TREE, env={"RESTIC_REPOSITORY": f"{well.W}/r", "RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": f"{well.W}/c"})
    terminal("borg", "healthy", "backup", "borgbackup", "a backup, its check and a list", "borg init -e none r\nborg create -v --stats --list r::one tree\nborg check -v r\nborg list r::one\nborg prune -v --list --keep-last 1 r\nborg compact -v r", TREE, env={"BORG_BASE_DIR": f"{well.W}/b"})
    terminal("skopeo", "healthy", "oci", "skopeo", "an image of a container is made, copied and looked at", "umoci init --layout img\numoci new --image img:2.4.1\numoci unpack --image img:2.4.1 bundle\ncp -r tree/etc bundle/rootfs/\numoci repack --image img:2.4.1 bundle\nskopeo --insecure-policy copy oci:img:2.4.1 dir:out\nskopeo inspect --raw dir:out\numoci stat --image img:2.4.1", TREE)
    terminal("sqlite3", "healthy", "check", "sqlite3", "a database is checked and packed", "sqlite3 s.db 'PRAGMA integrity_check'\nsqlite3 s.db 'PRAGMA foreign_key_check; PRAGMA wal_checkpoint(TRUNCATE); VACUUM; ANALYZE'\nsqlite3 s.db .dump", "sqlite3 s.db 'PRAGMA journal_mode=WAL; CREATE TABLE events(id INTEGER PRIMARY KEY, at TEXT, what TEXT)'; for i in $(seq 60); do echo \"INSERT INTO events(at, what) VALUES(datetime($i*3600,'unixepoch'), 'reading $i');\"; done | sqlite3 s.db\n")
    terminal("imagemagick", "healthy", "convert", "imagemagick", "pictures are made, converted and described", "convert -verbose -size 320x200 gradient:navy-white a.png\nconvert -verbose a.png -resize 50% -quality 85 b.jpg\nidentify -verbose b.jpg\ncompare -metric PSNR a.png a.png null: ; true", "")
    terminal("fio", "healthy", "verify", "fio", "a disk is written and verified", "fio --name=burn-in --filename=d.img --size=16M --rw=randwrite --bs=4k --verify=crc32c --do_verify=1 --ioengine=psync", "")


C_SOURCE = "mkdir -p src; for i in 1 2 3 4 5 6; do echo \"int f$i(int a) { return a * $i; }\" >src/f$i.c; done; { for i in 1 2 3 4 5 6; do echo \"int f$i(int);\"; done; echo '#include <stdio.h>'; echo 'int main(void) { int s = 0, unused; for (int i = 0; i < 9; i++) s += f1(i) + f2(i) + f3(i) + f4(i) + f5(i) + f6(i); printf(\"%d\\n\", s); return 0; }'; } >src/main.c\n"


def builds():
    terminal("make", "healthy", "c", "make", "a C program is built, with a warning", "make -j1\n./app\nmake --debug=b app\nmake clean", C_SOURCE + "printf 'CFLAGS = -O2 -Wall -Wextra -Isrc\\nOBJ = $(patsubst %%.c,%%.o,$(wildcard src/*.c))\\napp: $(OBJ)\\n\\t$(CC) -o $@ $^\\nclean:\\n\\trm -f $(OBJ) app\\n' >Makefile\n")
    terminal("cmake", "healthy", "ninja", "cmake", "a C program is configured and built", "cmake -G Ninja -S . -B build\ncmake --build build -v\nctest --test-dir build -V", C_SOURCE + "printf 'cmake_minimum_required(VERSION 3.10)\\nproject(app C)\\ninclude(CheckIncludeFile)\\ncheck_include_file(sys/random.h HAVE_RANDOM)\\ncheck_include_file(sys/nowhere.h HAVE_NOWHERE)\\nfile(GLOB S src/*.c)\\nadd_executable(app ${S})\\nenable_testing()\\nadd_test(NAME runs COMMAND app)\\n' >CMakeLists.txt\n")
    terminal("meson", "healthy", "c", "meson", "a C program is configured, built and tested", "meson setup build\nmeson compile -C build\nmeson test -C build -v", C_SOURCE + "printf \"project('app', 'c')\\ncc = meson.get_compiler('c')\\ncc.has_header('sys/nowhere.h')\\napp = executable('app', 'src/main.c', 'src/f1.c', 'src/f2.c', 'src/f3.c', 'src/f4.c', 'src/f5.c', 'src/f6.c')\\ntest('runs', app)\\n\" >meson.build\n")
    terminal("cargo", "healthy", "build", "cargo", "a Rust program is built and tested", "cargo new --vcs none app\ncd app && cargo build --offline -v\ncd app && cargo test --offline", "", env={"CARGO_HOME": f"{well.W}/h", "USER": "build"})
    terminal("gcc", "healthy", "verbose", "gcc", "a program is compiled, the compiler speaks", "gcc -v -O2 -c src/f1.c -o f1.o\ngcc -Wl,--trace -o app src/*.c\nreadelf -h app\nsize app", C_SOURCE)


if __name__ == "__main__":
    well.run(1, updaters, images, trust, builds)
