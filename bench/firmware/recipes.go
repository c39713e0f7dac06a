package main

import "salvor/firmware"

// recipe says how a good file of a format is made, and how its maker's tool judges one.
type recipe struct {
	name, by string // for people: the format, and what makes it
	script   string // of bash, in a folder with the inputs; it makes the file "out"
	build    func(in inputs) []byte
	// theirs judges the file $1, whose path is whole, and ends well when it takes it for good; "" where no tool does.
	tool, theirs string
	keys, others []string // files of the right keys and of others
	kind         firmware.ClaimKind
	right, wrong string // boards
	quick        bool
	ends         bool // it says where it ends, and nothing reads what is behind that
}

// prepare makes the inputs of all recipes.
const prepare = `
mkdir tree tree/etc tree/many
cp kernel tree/kernel
seq 20000 >tree/numbers
echo 'VERSION_ID=4.2' >tree/etc/os-release
for i in $(seq 40); do echo "file $i" >tree/many/$i; done
gzip -9nk kernel
cat >board.dts <<'.'
/dts-v1/;
/ { model = "Acme Board 3"; compatible = "acme,board-3"; #address-cells = <1>; #size-cells = <1>;
	memory@0 { device_type = "memory"; reg = <0 0x8000000>; };
	flash@0 { compatible = "jedec,spi-nor"; partitions { compatible = "fixed-partitions"; }; }; };
.
dtc -q -O dtb -o board.dtb board.dts
for k in dev other; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout $k.key -out $k.crt -days 3650 -subj /O=Maker/CN=$k -addext extendedKeyUsage=codeSigning,emailProtection
	openssl rsa -in $k.key -pubout -out $k.pub; openssl rsa -traditional -in $k.key -out $k.rsa
done 2>/dev/null
cat >image.its <<'.'
/dts-v1/;
/ { description = "Acme update"; #address-cells = <1>;
	images {
		kernel-1 { description = "Linux"; data = /incbin/("kernel"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "none"; load = <0x80000>; entry = <0x80000>; hash-1 { algo = "sha256"; }; hash-2 { algo = "crc32"; }; };
		fdt-1 { description = "board"; data = /incbin/("board.dtb"); type = "flat_dt"; arch = "arm64"; compression = "none"; hash-1 { algo = "sha256"; }; };
	};
	configurations { default = "conf-1"; conf-1 { kernel = "kernel-1"; fdt = "fdt-1"; @SIGN@ }; };
};
.
mksquashfs tree root.squashfs -quiet -no-progress -comp xz >/dev/null
`

func recipes() []recipe {
	const signIts = `sed 's/@SIGN@/signature-1 { algo = "sha256,rsa2048"; key-name-hint = "dev"; sign-images = "kernel", "fdt"; };/' image.its >signed.its && mkimage -f signed.its -k . -K board.dtb -r out`
	rauc := func(format string) string {
		return `rm -rf in out.raucb; mkdir in; cp root.squashfs in/rootfs.img; cp kernel in/kernel.img
printf '[update]\ncompatible=acme,board-3\nversion=4.2\n[bundle]\nformat=` + format + `\n[image.rootfs]\nfilename=rootfs.img\n[image.kernel]\nfilename=kernel.img\n' >in/manifest.raucm
rauc --cert dev.crt --key dev.key bundle in out.raucb && mv out.raucb out`
	}
	const swu = `sum() { sha256sum $1 | cut -d' ' -f1; }
cat >sw-description <<.
software = { version = "4.2"; board-3 = { hardware-compatibility: [ "1.0" ]; stable = { main = { images: (
	{ filename = "root.squashfs"; device = "/dev/mmcblk0p2"; type = "raw"; sha256 = "$(sum root.squashfs)"; },
	{ filename = "kernel"; device = "/dev/mmcblk0p1"; type = "raw"; sha256 = "$(sum kernel)"; } ); }; }; }; }
.
openssl cms -sign -in sw-description -out sw-description.sig -signer dev.crt -inkey dev.key -outform DER -nosmimecap -binary
printf '%s\n' sw-description sw-description.sig root.squashfs kernel | cpio --quiet -o -H crc >out`
	const mender = `mender-artifact write rootfs-image -n release-4.2 -t acme-board-3 -f disk.ext4 -o out.mender `
	const judgeSWU = `setsid -w sh -c 'swupdate -H board-3:1.0 -e stable,main -k dev.crt -l 3 -c -i "$0" >said 2>&1; trap "" TERM; kill -- -$$' "$1" # its own processes outlive it
grep -q 'SWUPDATE successful' said && ! grep -q 'SWUPDATE failed' said`
	packed := func(name, tool string, quick bool) recipe {
		return recipe{name: name, by: tool, script: tool + " -qc kernel >out 2>/dev/null || " + tool + " -c kernel >out", tool: tool + " -t", theirs: tool + ` -t <"$1"`, ends: name == "xz", quick: quick}
	}
	return []recipe{
		{name: "U-Boot legacy image", by: "mkimage", script: `mkimage -A arm -O linux -T kernel -C gzip -a 0x8000 -e 0x8000 -n 'Linux 6.1' -d kernel.gz out`, tool: "dumpimage -l", theirs: `dumpimage -l "$1"`, quick: true},
		{name: "FIT, SHA-256", by: "mkimage", script: `sed 's/@SIGN@//' image.its >plain.its && mkimage -f plain.its out`, tool: "dumpimage -l", theirs: `dumpimage -l "$1"`, kind: firmware.Compatible, right: "acme,board-3", wrong: "acme,board-9", quick: true},
		{name: "FIT, signed", by: "mkimage", script: signIts, tool: "dumpimage -l", theirs: `dumpimage -l "$1"`, keys: []string{"dev.pub"}, others: []string{"other.pub"}, kind: firmware.Compatible, right: "acme,board-3", wrong: "acme,board-9"},
		{name: "RAUC bundle, plain", by: "rauc", script: rauc("plain"), tool: "rauc info", theirs: `rauc --keyring dev.crt info "$1"`, keys: []string{"dev.crt"}, others: []string{"other.crt"}, kind: firmware.Compatible, right: "acme,board-3", wrong: "acme,board-9", quick: true},
		{name: "RAUC bundle, verity", by: "rauc", script: rauc("verity"), tool: "rauc info", theirs: `rauc --keyring dev.crt info "$1"`, keys: []string{"dev.crt"}, others: []string{"other.crt"}, kind: firmware.Compatible, right: "acme,board-3", wrong: "acme,board-9"},
		{name: "SWUpdate, signed", ends: true, by: "cpio, openssl", script: swu, tool: "swupdate -c", theirs: judgeSWU, keys: []string{"dev.crt"}, others: []string{"other.crt"}, kind: firmware.Hardware, right: "1.0", wrong: "7.7", quick: true},
		{name: "Mender artifact", ends: true, by: "mender-artifact", script: `mke2fs -q -F -t ext4 -d tree disk.ext4 4M; ` + mender + `&& mv out.mender out`, tool: "mender-artifact validate", theirs: `mender-artifact validate "$1"`, kind: firmware.Board, right: "acme-board-3", wrong: "acme-board-9"},
		{name: "Mender artifact, signed", ends: true, by: "mender-artifact", script: `mke2fs -q -F -t ext4 -d tree disk.ext4 4M; ` + mender + `-k dev.rsa && mv out.mender out`, tool: "mender-artifact validate", theirs: `mender-artifact validate -k dev.pub "$1"`, keys: []string{"dev.pub"}, others: []string{"other.pub"}, kind: firmware.Board, right: "acme-board-3", wrong: "acme-board-9", quick: true},
		{name: "DFU suffix", by: "dfu-suffix", script: `cp kernel out && dfu-suffix -v 0x1209 -p 0x0001 -d 0x0100 -a out`, tool: "dfu-suffix -c", theirs: `dfu-suffix -c "$1"`, kind: firmware.USB, right: "1209:0001", wrong: "1209:0002", quick: true},
		{name: "DFU suffix (fwupd)", by: "dfu-suffix", script: `cp kernel out && dfu-suffix -v 0x1209 -p 0x0001 -d 0x0100 -a out`, tool: "fwupdtool (dfu)", theirs: `fwupdtool firmware-parse "$1" dfu`},
		{name: "Intel HEX", by: "objcopy", script: `head -c 20000 kernel >part && objcopy -I binary -O ihex part out`, tool: "objcopy", theirs: `objcopy -I ihex -O binary "$1" judged.bin`, quick: true},
		{name: "S-records", by: "objcopy", script: `head -c 20000 kernel >part && objcopy -I binary -O srec part out`, tool: "objcopy", theirs: `objcopy -I srec -O binary "$1" judged.bin`},
		{name: "Android sparse image", by: "img2simg", script: `mke2fs -q -F -t ext4 -d tree disk.ext4 4M && img2simg disk.ext4 out`, tool: "simg2img", theirs: `rm -f judged.bin; simg2img "$1" judged.bin`},
		{name: "Android boot image", ends: true, by: "mkbootimg", script: `mkbootimg --kernel kernel --ramdisk kernel.gz --header_version 2 --dtb board.dtb --os_version 13.0.0 --os_patch_level 2025-06 -o out`, tool: "unpack_bootimg", theirs: `unpack_bootimg --boot_img "$1" --out judged.dir`, quick: true},
		{name: "device tree", by: "dtc", script: `cp board.dtb out`, tool: "dtc", theirs: `dtc -q -I dtb -O dts -o judged.dts "$1"`, kind: firmware.Compatible, right: "acme,board-3", wrong: "acme,board-9", quick: true},
		{name: "U-Boot environment", ends: true, by: "mkenvimage", script: `printf 'bootcmd=run a\nbootdelay=3\nethaddr=02:00:00:00:00:01\n' | mkenvimage -s 4096 -o out -`, tool: "fw_printenv", theirs: `printf '%s 0 0x1000\n' "$1" >env.config; fw_printenv -c env.config`, quick: true},
		{name: "squashfs, gzip", by: "mksquashfs", script: `rm -f out; mksquashfs tree out -quiet -no-progress -comp gzip`, tool: "unsquashfs", theirs: `rm -rf judged.dir; unsquashfs -q -n -d judged.dir "$1"`, quick: true},
		{name: "squashfs, xz", by: "mksquashfs", script: `cp root.squashfs out`, tool: "unsquashfs", theirs: `rm -rf judged.dir; unsquashfs -q -n -d judged.dir "$1"`},
		{name: "squashfs, zstd", by: "mksquashfs", script: `rm -f out; mksquashfs tree out -quiet -no-progress -comp zstd`, tool: "unsquashfs", theirs: `rm -rf judged.dir; unsquashfs -q -n -d judged.dir "$1"`},
		{name: "JFFS2", by: "mkfs.jffs2", script: `mkfs.jffs2 -r tree -e 64KiB -p -o out`, quick: true},
		{name: "UBI with UBIFS", by: "ubinize", script: `mkfs.ubifs -r tree -o root.ubifs -m 2048 -e 126976 -c 200
printf '[a]\nmode=ubi\nimage=root.ubifs\nvol_id=0\nvol_type=dynamic\nvol_name=rootfs\nvol_flags=autoresize\n' >ubi.ini && ubinize -o out -m 2048 -p 128KiB ubi.ini`},
		{name: "cramfs", by: "mkfs.cramfs", script: `mkfs.cramfs tree out`, tool: "fsck.cramfs", theirs: `fsck.cramfs "$1"`},
		{name: "romfs", by: "genromfs", script: `genromfs -d tree -f out`},
		{name: "EROFS", by: "mkfs.erofs", script: `rm -f out; mkfs.erofs out tree`, tool: "fsck.erofs", theirs: `fsck.erofs --extract "$1"`},
		{name: "ext4", by: "mke2fs", script: `rm -f out; mke2fs -q -F -t ext4 -O metadata_csum -d tree out 4M`, tool: "e2fsck -fn", theirs: `e2fsck -fn "$1"`},
		{name: "GPT disk", by: "sgdisk", script: `rm -f out; truncate -s 3M out; sgdisk -n 1:2048:4095 -c 1:rootfs out && dd if=root.squashfs of=out bs=512 seek=2048 conv=notrunc status=none`, tool: "sgdisk -v", theirs: `sgdisk -v "$1" >said 2>&1; grep -q 'No problems found' said`},
		{name: "zip", by: "zip", script: `rm -f out.zip; zip -qr out.zip tree && mv out.zip out`, tool: "unzip -t", theirs: `unzip -qt "$1"`, quick: true},
		{name: "cpio, with sums", by: "cpio", script: `find tree | sort | cpio --quiet -o -H crc >out`, tool: "cpio --only-verify-crc", theirs: `cpio --quiet -i --only-verify-crc <"$1" >said 2>&1 && ! grep -qi 'checksum\|premature\|malformed' said`},
		{name: "tar.gz", by: "tar, gzip", script: `tar -cf - tree | gzip -9n >out`, tool: "gzip -t", theirs: `gzip -t <"$1"`, quick: true},
		packed("gzip", "gzip", true), packed("xz", "xz", false), packed("bzip2", "bzip2", false), packed("Zstandard", "zstd", false), packed("LZ4", "lz4", false), packed("LZO", "lzop", false),
		{name: "cabinet", ends: true, by: "gcab", script: `rm -f out.cab; gcab -cz out.cab kernel board.dtb && mv out.cab out`, tool: "gcab -t", theirs: `gcab -t "$1"`},
		{name: "UF2", by: "the specification", build: uf2, tool: "fwupdtool (uf2)", theirs: `fwupdtool firmware-parse "$1" uf2`, kind: firmware.Family, right: "0xe48bff56", wrong: "0x68ed2b88"},
		{name: "TRX", by: "the specification", build: trx, quick: true},
		{name: "SEAMA", by: "the specification", build: seama, quick: true},
		{name: "TP-Link image", by: "the specification", build: tplink, kind: firmware.Product, right: "0x08410008", wrong: "0x07400001"},
		{name: "ESP32 application", by: "the specification", build: esp, quick: true},
	}
}
