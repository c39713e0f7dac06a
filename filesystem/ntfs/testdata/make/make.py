#!/usr/bin/env python3
"""Makes the volumes of this folder and the truth about them: NAME.img.gz and NAME.json.

usage: make.py FOLDER [NAME...]

Needs root, FUSE, ntfs-3g (mkntfs, ntfs-3g, fusermount), and fallocate. Times are those of the making, which is all that
differs from run to run; contents come from a fixed seed.
"""
import datetime, gzip, hashlib, json, os, random, shutil, stat, struct, subprocess, sys, tempfile

VOLUMES = {  # name: MiB, arguments of mkntfs
    "plain": (10, []),
    "cluster512": (5, ["-c", "512"]),
    "cluster64k": (24, ["-c", "65536"]),
    "sector4096": (16, ["-s", "4096", "-c", "4096"]),
}


class Volume:
    def __init__(self, image, mib, args):
        self.image, self.top = image, tempfile.mkdtemp()
        subprocess.check_call(["truncate", "-s", f"{mib}M", image])
        subprocess.check_call(["mkntfs", "-Q", "-F", "-q", "-L", "Test Volume"] + args + [image], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.deleted = []

    def __enter__(self):
        subprocess.check_call(["ntfs-3g", "-o", "compression,streams_interface=xattr", self.image, self.top])
        return self

    def __exit__(self, *_):
        subprocess.check_call(["fusermount", "-u", self.top])
        while True:  # the writer ends a little later
            try:
                with open(self.image, "rb+") as f:
                    break
            except OSError:
                pass

    def at(self, path):
        return os.path.join(self.top, path)

    def put(self, path, data):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
        with open(self.at(path), "wb") as f:
            f.write(data)

    def attributes(self, path, bits):
        os.setxattr(self.at(path), "system.ntfs_attrib_be", bits.to_bytes(4, "big"))

    def delete(self, *paths):
        """Deletes, and keeps what is known of each in the truth."""
        for path in paths:
            data = open(self.at(path), "rb").read()
            self.deleted.append({"path": path, "state": "deleted", "type": "file", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
            os.unlink(self.at(path))

    def truth(self):
        out = [{"path": "", "type": "dir", "size": 0}]
        for folder, folders, files in os.walk(self.top):
            for name in folders + files:
                path = os.path.join(folder, name)
                s = os.lstat(path)
                when = datetime.datetime.fromtimestamp(s.st_mtime_ns // 10**9, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
                t = {"path": os.path.relpath(path, self.top), "type": "file", "size": s.st_size, "mtime": f"{when}.{s.st_mtime_ns % 10**9:09}".rstrip("0").rstrip(".") + "Z"}
                if stat.S_ISDIR(s.st_mode):
                    t.update(type="dir", size=0)
                elif stat.S_ISLNK(s.st_mode):
                    t.update(type="link", size=0, target=os.readlink(path))
                else:
                    t["sha256"] = hashlib.sha256(open(path, "rb").read()).hexdigest()
                out.append(t)
        return sorted(out, key=lambda t: t["path"]) + self.deleted


def fill(v, cluster, large):
    r = random.Random(5)
    v.put("hello.txt", b"hello world\n")
    v.put("empty.bin", b"")
    v.put("docs/deep/er/file.bin", r.randbytes(24000))
    v.put("docs/in the record.txt", bytes(r.choices(b"abcdefgh\n", k=400)))
    for i in range(60):
        v.put(f"many/a long file name that makes short ones too, number {i:03}.txt", (f"{i} " * r.randint(1, 900)).encode())
    for name in ["Grüße", "写真", "🎉 party", "тест", "e\u0301 decomposed", "trailing dot.", " leading space", "a" * 255]:
        v.put("names/" + name, name.encode())
    if cluster <= 4096:
        os.makedirs(v.at("packed"))
        v.attributes("packed", 0x810)
        v.put("packed/text.txt", b"the quick brown fox jumps over the lazy dog\n" * 6000)
        v.put("packed/mixed.bin", b"".join(r.randbytes(65536 if large else 20000) if i % 2 else b"abc" * 30000 for i in range(3)))
        v.put("packed/small.txt", b"small " * 30)
        v.put("packed/zeros.bin", bytes(200000))
    with open(v.at("sparse.bin"), "wb") as f:
        for at, data in ((0, b"start"), (3 << 20, b"middle"), (5 << 20, b"end")):
            f.seek(at)
            f.write(data)
    with open(v.at("never written.bin"), "wb") as f:
        f.truncate(300000)
    os.setxattr(v.at("hello.txt"), "user.Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n")
    os.setxattr(v.at("hello.txt"), "user.big", r.randbytes(6000))
    os.setxattr(v.at("docs"), "user.of a folder", b"a stream of a folder")
    v.put("read only.txt", b"read only")
    v.attributes("read only.txt", 0x21)
    os.link(v.at("hello.txt"), v.at("docs/hard link.txt"))
    os.symlink("docs/deep/er/file.bin", v.at("link"))
    pieces = [open(v.at(f"piece{i}.bin"), "wb") for i in range(3)]
    for _ in range(5):
        for f in pieces:
            f.write(r.randbytes(4096))
            f.flush()
            os.fsync(f.fileno())
    for f in pieces:
        f.close()
    # Records of their own for attributes: many names of one file.
    v.put("of many names/0.txt", b"one file\n")
    for i in range(1, 30):
        os.link(v.at("of many names/0.txt"), v.at(f"of many names/a name that takes room in the record {i:02}.txt"))
    v.put("gone/one.bin", r.randbytes(9000))
    v.put("gone/below/two.txt", b"two" * 100)
    v.delete("gone/one.bin", "gone/below/two.txt", "piece1.bin", *(f"many/a long file name that makes short ones too, number {i:03}.txt" for i in range(0, 60, 7)))
    if cluster <= 4096:
        v.delete("packed/mixed.bin")
    shutil.rmtree(v.at("gone"))


def reparse(tag, data):
    return struct.pack("<IHH", tag, len(data), 0) + data


def link(tag, shown, stored, flags=b""):
    a, b = stored.encode("utf-16-le"), shown.encode("utf-16-le")
    return reparse(tag, struct.pack("<HHHH", 0, len(a), len(a), len(b)) + flags + a + b)


def special(image, mib, packed):
    """What drivers of Windows make, written by hand through the raw attributes of NTFS-3G."""
    v = Volume(image, mib, [])
    subprocess.check_call(["ntfs-3g", "-o", "streams_interface=xattr,special_files=wsl", v.image, v.top])
    size = len(gzip.open(packed + "/sample.gz").read())
    for name, method in {"xpress4096": 0, "lzx": 1, "xpress8192": 2, "xpress16384": 3}.items():
        path = v.at(f"wof {name}.bin")
        with open(path, "wb") as f:
            f.truncate(size)
        os.setxattr(path, "user.WofCompressedData", gzip.open(f"{packed}/{name}.gz").read())
        os.setxattr(path, "system.ntfs_reparse_data", reparse(0x80000017, struct.pack("<IIII", 1, 2, 1, method)))
    v.put("wof in an archive.bin", b"")
    os.truncate(v.at("wof in an archive.bin"), 5000)
    os.setxattr(v.at("wof in an archive.bin"), "system.ntfs_reparse_data", reparse(0x80000017, struct.pack("<II", 1, 1) + bytes(24)))
    for name, data in {"relative link": link(0xA000000C, "docs\\a.txt", "docs\\a.txt", b"\1\0\0\0"),
                       "absolute link": link(0xA000000C, "C:\\Users\\Ünal", "\\??\\C:\\Users\\Ünal", b"\0\0\0\0"),
                       "link that shows nothing": link(0xA000000C, "", "\\??\\C:\\Temp", b"\0\0\0\0"),
                       "in a cloud.txt": reparse(0x9000001A, b"placeholder")}.items():
        v.put(name, b"")
        os.setxattr(v.at(name), "system.ntfs_reparse_data", data)
    os.symlink("ziel/ü", v.at("linux link"))
    os.mkfifo(v.at("linux fifo"))
    os.mknod(v.at("linux socket"), stat.S_IFSOCK | 0o600)
    os.mknod(v.at("linux device"), stat.S_IFBLK | 0o600, os.makedev(8, 1))
    os.mkdir(v.at("junction"))
    os.setxattr(v.at("junction"), "system.ntfs_reparse_data", link(0xA0000003, "D:\\Data", "\\??\\D:\\Data"))
    v.put("with an identifier.txt", b"identified")
    os.setxattr(v.at("with an identifier.txt"), "system.ntfs_object_id", bytes(range(16)))
    v.put("System Volume Information/{12345678-1234-1234-1234-123456789abc}{3808876b-c176-4e48-b7ae-04046e6cc752}", b"\x6b\x87\x08\x38" * 100)
    # Names that are left only behind the entries of their folder: their records belong to others by now.
    for i in range(40):
        v.put(f"folder/name number {i:02} of a folder.txt", f"file {i}".encode() * 200)
    for i in range(25, 40):
        os.unlink(v.at(f"folder/name number {i:02} of a folder.txt"))
    for i in range(20):
        v.put(f"other/new {i:02}.txt", b"new" * 300)
    v.__exit__()
    os.rmdir(v.top)
    pack(image)


def pack(image):
    with open(image, "rb") as f, gzip.GzipFile(image + ".gz", "wb", 9, mtime=0) as z:
        shutil.copyfileobj(f, z)
    os.unlink(image)


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(VOLUMES) + ["special"]
    if "special" in names:
        special(os.path.join(folder, "special.img"), 6, os.path.join(folder, "../../internal/wincompress/testdata"))
        names.remove("special")
    for name in names:
        mib, args = VOLUMES[name]
        image = os.path.join(folder, name + ".img")
        v = Volume(image, mib, args)
        with v:
            fill(v, int(args[args.index("-c") + 1]) if "-c" in args else 4096, name == "plain")
            truth = v.truth()
        pack(image)
        os.rmdir(v.top)
        with open(os.path.join(folder, name + ".json"), "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(t, ensure_ascii=False) for t in truth) + "\n]\n")


main()
