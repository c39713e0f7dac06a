#!/usr/bin/env python3
"""Makes the trees that make.sh writes into images, and the truth about them.

    tree.py KIND FOLDER             makes a tree in FOLDER: full, deleted, many, sparse, plain
    tree.py truth FOLDER [NAMES]    prints the truth about a tree; NAMES ("a/b,c") are deleted files
"""
import hashlib, json, os, socket, stat, struct, sys, time

EPOCH = 1683356400
def text(seed, size):
    """Numbered lines, so that each block of a file differs from every other."""
    lines, have, i = [], 0, 0
    while have < size:
        lines.append(b"%s line %08d of a file that tells its own place\n" % (os.fsencode(seed), i))
        have += len(lines[-1])
        i += 1
    return b"".join(lines)[:size]


def put(path, data, mode=0o644, uid=0, gid=0):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)
    os.chown(path, uid, gid)


def folder(path, mode=0o755):
    os.mkdir(path)
    os.chmod(path, mode)


def full():
    put("empty.txt", b"")
    put("one.txt", b"1")
    put("inline.txt", text("inline", 50))
    put("inline-xattr.txt", text("inline-xattr", 90))
    put("Grüße aus Köln.txt", text("koeln", 700))
    put("写真と思い出.jpg", text("photo", 5000))
    put("🎉 party.txt", text("party", 4096))
    put("setuid.bin", text("setuid", 3000), 0o4755, 1000, 1001)
    put("owner.txt", text("owner", 1025), 0o640, 70000, 80000)
    put("large.bin", text("large", 330000))
    folder("DCIM")
    folder("DCIM/100CANON")
    for i in range(6):
        put("DCIM/100CANON/IMG_%04d.JPG" % i, text("img%d" % i, 9000 + 1111 * i))
    deep = "deep"
    folder(deep)
    for i in range(12):
        deep += "/level %d" % i
        folder(deep)
    put(deep + "/bottom.dat", text("bottom", 2222))
    folder("hostile", 0o1777)
    for i, name in enumerate([b"bad \xff\xfe utf-8", b"new\nline", b"back\\slash", b"looks \\x41 escaped", b"...", b"-rf", b" lead",
                              b"trail ", b"con", b"a:b*c?d", b"quote\"'`$(x)", b"\xe2\x80\xaegpj.exe", b"%41", b"\x01\x1b[31m", b"n" * 255]):
        put(b"hostile/" + name, text("hostile%d" % i, 60 + i))
    # Every other block of 1 KiB is a hole: some hundred extents.
    with open("pieces.bin", "wb") as f:
        for i in range(0, 800, 2):
            f.seek(i * 1024)
            f.write(text("piece%d" % i, 1024))
        f.truncate(801 * 1024)
    with open("hole.bin", "wb") as f:
        f.seek(100000)
        f.write(text("behind the hole", 3000))
        f.truncate(200001)
    os.symlink("DCIM/100CANON", "short link")
    os.symlink("x" * 59, "link59")
    os.symlink("x" * 60, "link60")
    os.symlink("../" * 60 + "etc/passwd", "long link")
    put("linked.txt", text("linked", 1500))
    os.link("linked.txt", "DCIM/same as linked.txt")
    os.mkfifo("pipe")
    os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod("disk", stat.S_IFBLK | 0o660, os.makedev(259, 70000))
    s = socket.socket(socket.AF_UNIX)
    s.bind("socket")
    s.close()
    put("attributes.txt", text("attributes", 200))
    os.setxattr("attributes.txt", "user.comment", b"a remark")
    os.setxattr("attributes.txt", "user.empty", b"")
    os.setxattr("attributes.txt", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.setxattr("attributes.txt", "user.long", b"0123456789" * 30)
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in [
        (1, 6, 2**32 - 1), (2, 4, 1000), (4, 4, 2**32 - 1), (0x10, 6, 2**32 - 1), (0x20, 0, 2**32 - 1)])
    os.setxattr("attributes.txt", "system.posix_acl_access", acl)
    os.setxattr("inline-xattr.txt", "user.a", b"b")


def deleted():
    folder("stay")
    put("stay/first.txt", text("first", 3000))
    put("stay/last.txt", text("last", 7000))
    folder("gone")
    for i in range(4):
        put("gone/photo %d.jpg" % i, text("gone%d" % i, 20000 + i * 5000))
    put("gone/inner.txt", text("inner", 300))
    put("root file.txt", text("rootfile", 40000))
    put("a name that is long enough to be left in the slack.txt", text("slack", 5000))
    put("z.txt", text("z", 100))


def many():
    folder("many")
    for i in range(2000):
        put("many/a file with number %04d.txt" % i, text("many%d" % i, 30) if i % 20 == 0 else b"")


def sparse():
    with open("triple.bin", "wb") as f:
        for i, at in enumerate([0, 12, 267, 268, 269, 65803, 65804, 65805, 70000]):
            f.seek(at * 1024)
            f.write(text("triple%d" % i, 1024))
    with open("all hole.bin", "wb") as f:
        f.truncate(3 << 20)
    put("whole.bin", text("whole", 300000))


def plain():
    folder("folder")
    for i in range(20):
        put("folder/file %d.txt" % i, text("plain%d" % i, 500 + 300 * i))
    put("unwritten.bin", text("unwritten", 1024))
    put("root.txt", text("root", 6000))


def escape(name):
    """As filesystem.EscapeName."""
    out = b""
    i = 0
    while i < len(name):
        for n in (1, 2, 3, 4):
            try:
                name[i:i + n].decode()
                break
            except UnicodeDecodeError:
                continue
        else:
            n = 0
        if n == 0 or name[i:i + 2] == b"\\x":
            out += b"\\x%02x" % name[i]
            i += 1
        else:
            out += name[i:i + n]
            i += n
    return out.decode()


def stored(name, value):
    """An attribute's value as ext stores it: ACLs have a form of their own."""
    if not name.startswith("system.posix_acl"):
        return value
    out = struct.pack("<I", 1)
    for at in range(4, len(value), 8):
        tag, perm, who = struct.unpack_from("<HHI", value, at)
        out += struct.pack("<HH", tag, perm) + (struct.pack("<I", who) if tag in (2, 8) else b"")
    return out


TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
         stat.S_IFCHR: "char", stat.S_IFBLK: "block"}


def truth(root, gone):
    out = [{"path": "", "type": "dir", "size": 0}]
    for base, dirs, files in os.walk(os.fsencode(root)):
        dirs.sort()
        for name in sorted(dirs + files):
            full = os.path.join(base, name)
            path = os.path.relpath(full, os.fsencode(root))
            st = os.lstat(full)
            kind = TYPES[stat.S_IFMT(st.st_mode)]
            t = {"path": "/".join(escape(p) for p in path.split(b"/")), "type": kind, "size": 0,
                 "mode": "%o" % stat.S_IMODE(st.st_mode), "uid": st.st_uid, "gid": st.st_gid}
            if path in gone:
                t["state"] = "deleted"
            t["mtime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(st.st_mtime)))
            if len(out) > 100 or b"many" in path:
                t = {"path": t["path"], "type": kind, "size": 0}
            if kind == "file" and st.st_size > 0:
                t["size"] = st.st_size
                with open(full, "rb") as f:
                    t["sha256"] = hashlib.sha256(f.read()).hexdigest()
            if kind == "link":
                t["target"] = os.readlink(full).decode()
            names = os.listxattr(full, follow_symlinks=False)
            if names:
                t["xattrs"] = {n: stored(n, os.getxattr(full, n)).hex() for n in names}
            out.append(t)
    print("[\n" + ",\n".join(json.dumps(t, ensure_ascii=False) for t in out) + "\n]")


if sys.argv[1] == "truth":
    truth(sys.argv[2], set(os.fsencode(p) for p in sys.argv[3].split(",")) if len(sys.argv) > 3 else set())
else:
    kind = {"full": full, "deleted": deleted, "many": many, "sparse": sparse, "plain": plain}[sys.argv[1]]
    os.makedirs(sys.argv[2], exist_ok=True)
    os.chdir(sys.argv[2])
    os.umask(0o22)
    kind()
    # Each thing has a time of its own; folders get theirs when they are full.
    for i, (base, dirs, files) in enumerate(os.walk(b".", topdown=False)):
        for j, name in enumerate(sorted(dirs + files)):
            at = EPOCH + 60 * i + j
            os.utime(os.path.join(base, name), (at + 86400, at), follow_symlinks=False)
