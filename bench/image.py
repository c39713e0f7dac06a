#!/usr/bin/env python3
"""The parts of image.sh that are easier said in Python.

usage: image.py content FOLDER MIB          writes texts, tables, archives, databases and noise
       image.py deal FOLDER MIB             deals all files to the volumes and to what will happen to them
       image.py build FOLDER MIB IMAGE      writes the volumes, deletes, places what nothing names, reads it all back
"""
import array, fcntl, gzip, hashlib, io, json, os, random, re, sqlite3, struct, subprocess, sys, zipfile

MIB = 1 << 20
WORK, SIZE = sys.argv[2], int(sys.argv[3])
EXT_AT, EXT = 1, SIZE * 1200 // 2048
GAP_AT, GAP = EXT_AT + EXT, SIZE * 96 // 2048
FAT_AT, FAT = GAP_AT + GAP, SIZE * 700 // 2048
WORDS = """pump valve meter sensor gateway pressure reading station night shift morning filter motor bearing oil level
alarm reset cable cabinet door key field engine river bridge winter storm fence road truck ladder report check replace
clean measure note signal antenna battery charger spare order invoice crew visit map and the of with near from""".split()


def seeded(name):
    """A source of chance that SEED of the environment changes; 1 is as without it."""
    seed = os.environ.get("SEED", "1")
    return random.Random(name if seed == "1" else f"{seed}:{name}")


def scaled(n):
    return n * SIZE // 2048


def prose(r, size):
    out, n = [], 0
    while n < size:
        s = " ".join(r.choices(WORDS, k=r.randint(6, 18))).capitalize() + "." + ("\n" if r.random() < 0.2 else "")
        out.append(s)
        n += len(s) + 1
    return " ".join(out) + "\n"


def content():
    def put(name, data):
        with open(f"{WORK}/src/{name}", "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())

    for i in range(scaled(700)):
        r = seeded(f"text{i}")
        put(f"note{i}.txt", prose(r, r.randint(300, 40000)))
    for i in range(scaled(300)):
        r = seeded(f"csv{i}")
        put(f"table{i}.csv", "time,meter,value\n" + "".join(f"2026-02-{1 + n % 28:02},M{r.randint(1, 99)},{r.uniform(0, 9):.4f}\n"
                                                          for n in range(r.randint(50, 3000))))
    for i in range(scaled(300)):
        r = seeded(f"json{i}")
        put(f"state{i}.json", json.dumps([{"id": n, "name": r.choice(WORDS), "serial": f"{r.getrandbits(64):x}"}
                                          for n in range(r.randint(5, 900))], indent=1))
    for i in range(scaled(400)):
        r = seeded(f"gz{i}")
        put(f"log{i}.gz", gzip.compress(prose(r, r.randint(20000, 400000)).encode(), 6, mtime=1772400000))
    for i in range(scaled(300)):
        r, b = seeded(f"zip{i}"), io.BytesIO()
        with zipfile.ZipFile(b, "w") as z:
            for n in range(r.randint(1, 12)):
                info = zipfile.ZipInfo(f"part{n}.txt", (2026, 2, 11, 8, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                z.writestr(info, prose(r, r.randint(1000, 60000)))
            if i % 5 == 0:
                z.writestr(zipfile.ZipInfo("noise.bin", (2026, 2, 11, 8, 0, 0)), r.randbytes(r.randint(100_000, 900_000)))
        put(f"archive{i}.zip", b.getvalue())
    for i in range(scaled(200)):
        r, path = seeded(f"db{i}"), f"{WORK}/src/base{i}.db"
        d = sqlite3.connect(path)
        d.execute(f"PRAGMA page_size={r.choice([1024, 4096, 4096, 8192])}")
        d.execute("CREATE TABLE reading(id INTEGER PRIMARY KEY, meter TEXT, value REAL, note TEXT)")
        d.execute("CREATE INDEX meter ON reading(meter)")
        d.executemany("INSERT INTO reading(meter, value, note) VALUES(?, ?, ?)",
                      [(f"M{r.randint(1, 99)}", r.uniform(0, 9), " ".join(r.choices(WORDS, k=5))) for _ in range(r.randint(20, 4000))])
        d.commit()
        d.close()
    for i in range(scaled(60)):
        r = seeded(f"bin{i}")
        put(f"blob{i}.dat", r.randbytes(r.choice([20_000, 300_000, 2_000_000, 6_000_000])))
    for i in range(scaled(260)):
        r = seeded(f"html{i}")
        name = "pdf" if i % 2 else "docx"
        with open(f"{WORK}/text/{name}{i}.html", "w") as f:
            f.write("<html><body><h1>Report</h1>" + "".join(f"<p>{prose(r, 900)}</p>" for _ in range(r.randint(1, 30))) + "</body></html>")


def deal():
    r, names = seeded("deal"), sorted(os.listdir(f"{WORK}/src"))
    r.shuffle(names)
    plan = []
    for name in names:
        size = os.path.getsize(f"{WORK}/src/{name}")
        volume = "ext" if r.random() < 0.62 else "fat"
        p = r.random()
        carvable = not name.endswith(".dat")
        if volume == "ext":
            fate = "live" if p < 0.74 else "removed" if p < 0.82 else "deleted" if p < 0.90 else "free" if p < 0.95 and carvable else "shard" if p < 0.965 and carvable else "live"
        else:
            fate = "live" if p < 0.78 else "deleted" if p < 0.90 else "gap" if p < 0.95 and carvable else "live"
        folder = f"{r.choice(['2024', '2025', '2026'])}/{r.choice(WORDS)}"
        pieces = volume == "ext" and fate in ("live", "deleted") and size > 40_000 and r.random() < 0.06
        plan.append({"name": name, "volume": volume, "fate": fate, "path": f"{folder}/{name}", "size": size, "pieces": pieces})
    json.dump(plan, open(f"{WORK}/plan.json", "w"))


def fiemap(path):
    """The places of a file in its volume, in bytes, as [offset, length] pairs."""
    out, at = [], 0
    with open(path, "rb") as f:
        while True:
            buf = array.array("B", struct.pack("=QQLLLL", at, 2**63, 1, 0, 64, 0) + bytes(56 * 64))
            fcntl.ioctl(f.fileno(), 0xC020660B, buf)
            raw, last = buf.tobytes(), True
            for i in range(struct.unpack_from("=L", raw, 20)[0]):
                logical, physical, length = struct.unpack_from("=QQQ", raw, 32 + 56 * i)
                flags = struct.unpack_from("=L", raw, 32 + 56 * i + 40)[0]
                assert logical == sum(n for _, n in out), "a hole"
                out.append([physical, length])
                at, last = logical + length, flags & 1
            if last:
                return out


def cut(runs, size):
    out = []
    for a, n in runs:
        n = min(n, size)
        if n <= 0:
            break
        if out and sum(out[-1]) == a:
            out[-1][1] += n
        else:
            out.append([a, n])
        size -= n
    assert size <= 0
    return out


def run(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, **kw)


def build(image):
    plan = json.load(open(f"{WORK}/plan.json"))
    ext, fat = f"{WORK}/ext.img", f"{WORK}/fat.img"
    src = lambda e: f"{WORK}/src/{e['name']}"
    of = lambda v, *fates: [e for e in plan if e["volume"] == v and e["fate"] in fates]

    # ext4
    open(ext, "wb").truncate(EXT * MIB)
    run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-m", "1", "-L", "media", "-U", "6a1f0b00-0000-4000-8000-00000000be0c",
        "-E", "lazy_itable_init=0,lazy_journal_init=0", ext)
    run("mount", "-o", "loop,nodiscard", ext, f"{WORK}/mnt")
    filler = 0

    def write(e):
        nonlocal filler
        path, data = f"{WORK}/mnt/{e['path']}", open(src(e), "rb").read()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        step = max(8192, -(-len(data) // 4 // 4096) * 4096) if e["pieces"] else len(data) or 1
        for at in range(0, max(1, len(data)), step):
            with open(path, "ab") as f:
                f.write(data[at:at + step])
                if e["pieces"]:
                    f.flush()
                    os.fsync(f.fileno())
            if e["pieces"]:
                filler += 1
                with open(f"{WORK}/mnt/.filler", "ab") as f:
                    f.write(bytes(4096))
                    f.flush()
                    os.fsync(f.fileno())

    named = of("ext", "live", "removed", "deleted")
    early, late = named[:len(named) * 9 // 10], [e for e in named[len(named) * 9 // 10:] if e["fate"] == "live"]
    for e in named[len(named) * 9 // 10:]:
        if e["fate"] != "live":
            early.append(e)
    for e in early:
        write(e)
    os.sync()
    if filler:
        os.remove(f"{WORK}/mnt/.filler")
    for e in early:
        e["runs"] = cut(fiemap(f"{WORK}/mnt/{e['path']}"), e["size"])
    run("umount", f"{WORK}/mnt")
    with open(f"{WORK}/commands", "w") as f:  # the inode stays as it was
        f.writelines(f"rm \"/{e['path']}\"\n" for e in of("ext", "deleted"))
    run("debugfs", "-w", "-f", f"{WORK}/commands", ext)
    run("mount", "-o", "loop,nodiscard", ext, f"{WORK}/mnt")
    for e in of("ext", "removed"):  # the kernel empties it
        os.remove(f"{WORK}/mnt/{e['path']}")
    os.sync()
    for e in late:  # life goes on, over some of what was deleted
        write(e)
    os.sync()
    for e in late:
        e["runs"] = cut(fiemap(f"{WORK}/mnt/{e['path']}"), e["size"])
    if os.path.exists(f"{WORK}/mnt/.filler"):  # what came between the pieces of late files is a file too
        run("cp", f"{WORK}/mnt/.filler", f"{WORK}/src/.filler")
        size = os.path.getsize(f"{WORK}/src/.filler")
        plan.append({"name": ".filler", "volume": "ext", "fate": "live", "path": ".filler", "size": size, "pieces": True,
                     "runs": cut(fiemap(f"{WORK}/mnt/.filler"), size)})
    run("umount", f"{WORK}/mnt")
    subprocess.run(["e2fsck", "-fn", ext], capture_output=True, check=True)

    # FAT32
    per = 8 if FAT * MIB // 4096 > 66_000 else 1  # fewer clusters would make it FAT16
    unit = per * 512
    open(fat, "wb").truncate(FAT * MIB)
    run("mkfs.vfat", "-F", "32", "-s", str(per), "-n", "CARD", "-i", "47570200", fat)
    some = of("fat", "live", "deleted")
    for e in some:
        path = f"{WORK}/fat/{e['path']}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.link(src(e), path)
    run("mcopy", "-i", fat, "-m", "-s", *[f"{WORK}/fat/{d}" for d in sorted(os.listdir(f"{WORK}/fat"))], "::")
    b = open(fat, "rb").read(64)
    first = (struct.unpack_from("<H", b, 14)[0] + b[16] * struct.unpack_from("<I", b, 36)[0]) * 512
    for i in range(0, len(some), 200):
        lines = run("mshowfat", "-i", fat, *[f"::{e['path']}" for e in some[i:i + 200]], text=True).stdout.splitlines()
        for e, line in zip(some[i:i + 200], lines, strict=True):
            e["runs"] = cut([[first + (int(a) - 2) * unit, (int(z or a) - int(a) + 1) * unit]
                             for a, z in re.findall(r"(\d+)(?:-(\d+))?(?=[>,])", line.split("<", 1)[1])] if "<" in line else [], e["size"])
    gone = of("fat", "deleted")
    for i in range(0, len(gone), 200):
        run("mdel", "-i", fat, *[f"::{e['path']}" for e in gone[i:i + 200]])

    # what nothing names
    taken = {blk for e in of("ext", "removed", "deleted") for a, n in e["runs"] for blk in range(a // 4096, (a + n + 4095) // 4096)}
    free = []
    for line in re.findall(r"^  Free blocks: (.*)$", run("dumpe2fs", ext, text=True).stdout, re.M):
        for a, z in re.findall(r"(\d+)(?:-(\d+))?", line):
            for blk in range(int(a), int(z or a) + 1):
                if blk in taken:
                    continue
                if free and free[-1][1] == blk:
                    free[-1][1] = blk + 1
                else:
                    free.append([blk, blk + 1])
    r = seeded("loose")
    with open(ext, "r+b") as f:
        for e in of("ext", "free", "shard"):
            data, need = open(src(e), "rb").read(), -(-e["size"] // 4096) + 2
            area = r.choice([a for a in free if a[1] - a[0] > need])
            f.seek(area[0] * 4096)
            if e["fate"] == "shard":  # its head is there, the rest is something else
                keep = max(4096, len(data) * 2 // 5 // 4096 * 4096)
                data = data[:keep] + r.randbytes(max(0, len(data) - keep))
            f.write(data)
            e["runs"] = [[area[0] * 4096, e["size"]]]
            area[0] += need
        for area in sorted(free, key=lambda a: a[0] - a[1])[:1]:  # what an encrypted file leaves behind
            f.seek(area[0] * 4096)
            for _ in range(min((area[1] - area[0]) * 4096 // MIB - 1, scaled(48))):
                f.write(r.randbytes(MIB))
    with open(image, "wb") as f:
        f.truncate(SIZE * MIB)
    run("sgdisk", "-a", "2048", "-U", "6A1F0B00-0000-4000-8000-00000000BE00",
        "-n", f"1:{EXT_AT * 2048}:{(EXT_AT + EXT) * 2048 - 1}", "-t", "1:8300", "-c", "1:media",
        "-n", f"2:{FAT_AT * 2048}:{(FAT_AT + FAT) * 2048 - 1}", "-t", "2:0700", "-c", "2:card", image)
    for at, part in ((EXT_AT, ext), (FAT_AT, fat)):
        run("dd", f"if={part}", f"of={image}", "bs=1M", f"seek={at}", "conv=notrunc,sparse")
        os.remove(part)
    base, at = {"ext": EXT_AT * MIB, "fat": FAT_AT * MIB}, GAP_AT * MIB + 65536
    with open(image, "r+b") as f:
        for e in of("fat", "gap"):
            if at + e["size"] > (GAP_AT + GAP) * MIB - 65536:
                e["fate"] = "none"
                continue
            f.seek(at)
            f.write(open(src(e), "rb").read())
            e["runs"] = [[at - base["fat"], e["size"]]]
            at += -(-e["size"] // 4096) * 4096 + 4096

    # the truth, read back from the finished image
    files = []
    with open(image, "rb") as f:
        for e in plan:
            if e["fate"] == "none":
                continue
            data, got = open(src(e), "rb").read(), b""
            runs = [[base[e["volume"]] + a, n] for a, n in e["runs"]]
            for a, n in runs:
                f.seek(a)
                got += f.read(n)
            whole = got == data
            assert whole or e["fate"] != "live", e
            state = {"live": "live", "removed": "deleted", "deleted": "deleted"}.get(e["fate"], "unallocated")
            files.append({"state": state, "volume": "" if e["fate"] == "gap" else {"ext": "media", "fat": "card"}[e["volume"]],
                          "path": e["path"] if state != "unallocated" else "", "size": e["size"], "sha256": hashlib.sha256(data).hexdigest(),
                          "type": e["name"].rsplit(".", 1)[-1], "fate": e["fate"], "recoverable": whole and e["fate"] != "shard", "runs": runs})
    truth = {"image": os.path.basename(image), "size": SIZE * MIB,
             "partitions": [{"name": "media", "offset": EXT_AT * MIB, "size": EXT * MIB, "filesystem": "ext4"},
                            {"name": "card", "offset": FAT_AT * MIB, "size": FAT * MIB, "filesystem": "fat32"}], "files": files}
    json.dump(truth, open(image + ".truth.json", "w"))
    for fate in sorted({e["fate"] for e in files}):
        some = [e for e in files if e["fate"] == fate]
        print(f"{fate}: {len(some)} files, {sum(e['size'] for e in some) // MIB} MiB, whole {sum(e['recoverable'] for e in some)}, "
              f"in pieces {sum(len(e['runs']) > 1 for e in some)}")


{"content": content, "deal": deal, "build": lambda: build(sys.argv[4])}[sys.argv[1]]()
