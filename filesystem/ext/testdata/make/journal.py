#!/usr/bin/env python3
"""Makes the images journal-*.img.gz and the truth about them: volumes on which Linux itself wrote and removed
files, through loop mounts. Needs root, e2fsprogs and a kernel with ext4.

    filesystem/ext/testdata/make/journal.py [NAME...]
"""
import gzip, hashlib, json, os, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TMP = tempfile.mkdtemp()
MNT = os.path.join(TMP, "mnt")
os.mkdir(MNT)
ENV = dict(os.environ, MKE2FS_CONFIG="/dev/null", LC_ALL="C.UTF-8", TZ="UTC")

EXT3 = "has_journal,ext_attr,resize_inode,dir_index,filetype,sparse_super,large_file"
EXT4 = EXT3 + ",extent,64bit,flex_bg,metadata_csum,huge_file,dir_nlink,extra_isize"


def run(*args):
    subprocess.run(args, check=True, env=ENV, stdout=subprocess.DEVNULL)


def text(seed, size):
    line = b"".join(b"%s line %08d of a file that tells its own place\n" % (seed.encode(), i) for i in range(size // 40 + 1))
    return line[:size]


class Volume:
    def __init__(self, name, features, size="8M", inode=256, options=""):
        self.image = os.path.join(TMP, name + ".img")
        self.name, self.options = name, options
        run("truncate", "-s", size, self.image)
        run("mke2fs", "-q", "-F", "-O", "none," + features, "-b", "1024", "-I", str(inode), "-N", "512", "-g", "2048", "-J", "size=1",
            "-L", name, "-E", "lazy_itable_init=0", self.image)
        self.removed = {}

    def mount(self, image=None):
        run("mount", "-o", "loop," + (self.options or "rw"), image or self.image, MNT)

    def umount(self):
        run("umount", MNT)

    def sync(self):
        run("sync", "-f", MNT)

    def put(self, path, content, sync=False):
        full = os.path.join(MNT, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(content)
            if sync:
                f.flush()
                os.fsync(f.fileno())

    def remove(self, path):
        """Removes a file or a folder, and notes what it held."""
        full = os.path.join(MNT, path)
        for folder, _, files in os.walk(full):
            for f in files:
                self.note(os.path.join(folder, f))
        if os.path.isdir(full):
            shutil.rmtree(full)
        else:
            self.note(full)
            os.remove(full)

    def note(self, full):
        if os.path.islink(full):
            return
        with open(full, "rb") as f:
            self.removed[os.path.relpath(full, MNT)] = f.read()

    def tree(self):
        """Files of several sizes in folders in each other."""
        for i in range(36):
            folder = ["", "alpha", "alpha/beta", "alpha/beta/gamma", "delta", "delta/epsilon"][i % 6]
            size = [40, 900, 3000, 12000, 31000, 64000][i * 7 % 6 if i % 6 else 2]
            self.put(os.path.join(folder, "file %02d.txt" % i), text("file%02d" % i, size))
        os.symlink("alpha/file 01.txt", os.path.join(MNT, "delta/short link"))
        fd = os.open(os.path.join(MNT, "delta/in pieces.bin"), os.O_RDWR | os.O_CREAT)
        other = os.open(os.path.join(MNT, "delta/between.bin"), os.O_RDWR | os.O_CREAT)
        for i in range(12):
            os.pwrite(fd, text("piece%02d" % i, 2048), i * 2048)
            os.fsync(fd)
            os.pwrite(other, text("between%02d" % i, 1024), i * 1024)
            os.fsync(other)
        os.close(fd)
        os.close(other)
        self.sync()

    def delete(self):
        for p in ["file 00.txt", "file 12.txt", "alpha/file 07.txt", "alpha/beta/file 02.txt", "alpha/beta/file 14.txt",
                  "delta/file 04.txt", "delta/short link", "delta/in pieces.bin", "delta/epsilon"]:
            self.remove(p)
        self.sync()

    def churn(self, blocks):
        """Writes about so many blocks of metadata, and no content."""
        live = [os.path.join(d, f) for d, _, files in os.walk(MNT) for f in files]
        for i in range(blocks // 12):
            for p in live:
                os.chmod(p, 0o600 + i % 2 * 0o44, follow_symlinks=True)
            self.sync()

    def torn(self):
        """Keeps the image as it stands while it is mounted."""
        shutil.copyfile(self.image, self.image + ".torn")

    def live(self, image):
        """What the kernel reads, after it replayed the journal of a copy."""
        shutil.copyfile(image, self.image + ".copy")
        self.mount(self.image + ".copy")
        out = []
        for folder, dirs, files in os.walk(MNT):
            for n in dirs + files:
                full = os.path.join(folder, n)
                x = {"path": os.path.relpath(full, MNT), "type": "dir", "size": 0}
                if os.path.islink(full):
                    x.update(type="link", target=os.readlink(full))
                elif not os.path.isdir(full):
                    with open(full, "rb") as f:
                        b = f.read()
                    x.update(type="file", size=len(b), sha256=hashlib.sha256(b).hexdigest())
                out.append(x)
        self.umount()
        return out

    def store(self, image=None, truth=True):
        image = image or self.image
        list = self.live(image) if truth else []
        for path, content in self.removed.items():
            list.append({"path": path, "state": "deleted", "type": "file", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()})
        list.sort(key=lambda x: (x["path"], x.get("state", "")))
        with open(os.path.join(HERE, self.name + ".json"), "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(x) for x in list) + "\n]\n")
        with open(image, "rb") as f, open(os.path.join(HERE, self.name + ".img.gz"), "wb") as out:
            with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=0) as z:
                z.write(f.read())


def deleted(name, features, before=0, after=0, **more):
    v = Volume(name, features, **more)
    v.mount()
    if before:
        v.put("first.txt", text("first", 100))
        v.churn(before)
    v.tree()
    v.umount()
    v.mount()
    v.delete()
    if after:
        v.churn(after)
    v.umount()
    v.store()


def reused(name):
    v = Volume(name, EXT4, size="3M")
    v.mount()
    for i in range(20):
        v.put("old %02d.txt" % i, text("old%02d" % i, 40000))
    v.sync()
    for i in range(20):
        v.remove("old %02d.txt" % i)
    v.sync()
    for i in range(12):
        v.put("new %02d.txt" % i, text("new%02d" % i, 60000))
    v.sync()
    for i in range(4):
        v.remove("new %02d.txt" % i)
    v.umount()
    v.store()


def older(name):
    v = Volume(name, EXT4)
    v.mount()
    v.put("letter.txt", text("draft", 30000))
    v.put("log.txt", text("log", 5000))
    v.sync()
    v.put("letter.txt", text("final", 9000))  # truncates it
    with open(os.path.join(MNT, "log.txt"), "ab") as f:
        f.write(text("more", 5000))
    v.sync()
    v.put("other.txt.new", text("new version", 7000))
    v.put("other.txt", text("old version", 6000))
    v.sync()
    v.note(os.path.join(MNT, "other.txt"))
    os.rename(os.path.join(MNT, "other.txt.new"), os.path.join(MNT, "other.txt"))
    v.umount()
    v.store()


def torn(name, features, options="", mode=None, size="8M", inode=256):
    v = Volume(name, features, size=size, inode=inode, options=options)
    v.mount()
    v.tree()
    v.umount()
    v.mount()
    time.sleep(1)
    v.put("late/one.txt", text("late", 20000))
    # Blocks that begin like one of the journal's own, which are escaped when they go through it.
    v.put("late/escaped.bin", b"".join(b"\xc0\x3b\x39\x98" + text("escaped%d" % i, 1020) for i in range(6)))
    v.remove("delta/file 04.txt")
    os.rename(os.path.join(MNT, "alpha/file 01.txt"), os.path.join(MNT, "late/moved.txt"))
    if mode == "open":
        kept = open(os.path.join(MNT, "alpha/file 07.txt"), "rb")
        v.remove("alpha/file 07.txt")
        v.sync()
        v.torn()
        kept.close()
    elif mode == "fast":
        v.sync()
        time.sleep(1)
        v.put("fast one.txt", text("fast1", 7000), True)
        v.put("late/fast two.txt", text("fast2", 90000), True)
        v.remove("file 12.txt")
        os.link(os.path.join(MNT, "fast one.txt"), os.path.join(MNT, "late/link.txt"))
        v.put("late/fast three.txt", text("fast3", 100), True)
        os.rename(os.path.join(MNT, "file 06.txt"), os.path.join(MNT, "late/six.txt"))
        for path, size in (("delta/between.bin", 5000), ("delta/in pieces.bin", 3000)):
            fd = os.open(os.path.join(MNT, path), os.O_RDWR)
            os.ftruncate(fd, size)
            os.fsync(fd)
            os.close(fd)
        with open(os.path.join(MNT, "late/one.txt"), "ab") as f:
            f.write(text("appended", 8000))
            f.flush()
            os.fsync(f.fileno())
        v.torn()
    else:
        v.sync()
        v.torn()
    v.umount()
    v.store(v.image + ".torn")


PLAIN = EXT4.replace(",64bit", "").replace(",metadata_csum", "")
MAKERS = {
    "journal-ext4": lambda n: deleted(n, EXT4),
    "journal-ext3": lambda n: deleted(n, EXT3, inode=128),
    "journal-wrapped": lambda n: deleted(n, EXT4, before=700),
    "journal-plain": lambda n: deleted(n, PLAIN),
    "journal-reused": reused,
    "journal-older": older,
    "journal-torn": lambda n: torn(n, EXT4),
    "journal-torn-ext3": lambda n: torn(n, EXT3, inode=128),
    "journal-torn-v1": lambda n: torn(n, PLAIN, options="journal_checksum"),
    "journal-data": lambda n: torn(n, EXT4, options="data=journal"),
    "journal-open": lambda n: torn(n, EXT4, mode="open"),
    "journal-orphan-file": lambda n: torn(n, EXT4 + ",orphan_file", mode="open"),
    "journal-fast": lambda n: torn(n, EXT4 + ",fast_commit", mode="fast"),
}

try:
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name](name)
finally:
    subprocess.run(["umount", MNT], stderr=subprocess.DEVNULL)
    shutil.rmtree(TMP)
