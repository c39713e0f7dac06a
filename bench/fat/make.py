#!/usr/bin/env python3
"""The parts of image.sh and run.sh that are easier said in Python.

usage: make.py content FOLDER SEED            writes texts, tables, archives and noise
       make.py fat32|exfat FOLDER SEED IMAGE  fills the volume, deletes, writes the truth
       make.py formatted FOLDER SEED BASE     writes the truth about BASE-formatted.img
       make.py overwrite FOLDER SEED BASE     writes files into BASE-overwritten.img, and the truth
       make.py score TRUTH TOOL=FOLDER...     prints a table
"""
import gzip, hashlib, io, json, os, random, sqlite3, subprocess, sys, zipfile

WORDS = "pump valve meter sensor gateway pressure reading station night shift morning filter motor oil level alarm".split()


def prose(r, size):
    out, n = [], 0
    while n < size:
        s = " ".join(r.choices(WORDS, k=r.randint(6, 18))).capitalize() + "."
        out.append(s)
        n += len(s) + 1
    return (" ".join(out) + "\n").encode()


def content(work, seed):
    for i in range(300):
        r = random.Random(f"{seed}:{i}")
        kind, size = i % 5, int(2 ** r.uniform(8, 19))
        if kind == 0:
            name, data = f"note {i} über die Pumpe.txt", prose(r, size)
        elif kind == 1:
            name, data = f"log{i}.gz", gzip.compress(prose(r, size * 3), 6, mtime=1772400000)
        elif kind == 2:
            b = io.BytesIO()
            with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
                for n in range(r.randint(1, 6)):
                    z.writestr(zipfile.ZipInfo(f"part{n}.txt", (2026, 2, 11, 8, 0, 0)), prose(r, size))
            name, data = f"archive {i}.zip", b.getvalue()
        elif kind == 3:
            name, data = f"TABLE{i}.CSV", b"time,meter,value\n" + b"".join(
                b"2026-02-%02d,M%d,%.4f\n" % (1 + n % 28, r.randint(1, 99), r.uniform(0, 9)) for n in range(size // 24 + 1))
        else:
            name, data = f"blob{i}.dat", r.randbytes(size)
        with open(f"{work}/src/{name}", "wb") as f:
            f.write(data)
    for i in range(2):
        with open(f"{work}/src/late-{i}.txt", "wb") as f:
            f.write(prose(random.Random(f"{seed}:late{i}"), 3000))


class Mtools:
    def __init__(self, image):
        self.image = image

    def mkdir(self, path):
        subprocess.run(["mmd", "-i", self.image, "::" + path], check=True)

    def write(self, path, data, work):
        with open(f"{work}/one", "wb") as f:
            f.write(data)
        subprocess.run(["mcopy", "-i", self.image, f"{work}/one", "::" + path], check=True)

    def remove(self, path):
        subprocess.run(["mdel", "-i", self.image, "::" + path], check=True)


class Mounted:
    def __init__(self, root):
        self.root = root

    def mkdir(self, path):
        os.mkdir(f"{self.root}/{path}")

    def write(self, path, data, work):
        with open(f"{self.root}/{path}", "wb") as f:
            f.write(data)

    def remove(self, path):
        os.remove(f"{self.root}/{path}")


def fill(kind, work, seed, image):
    """474 files on FAT32, 55 of them deleted; 500 on exFAT, 99 deleted, some of them in pieces."""
    r = random.Random(f"{seed}:{kind}")
    v = Mtools(image) if kind == "fat32" else Mounted(f"{work}/mnt")
    total, gone = (474, 55) if kind == "fat32" else (500, 99)
    names = sorted(n for n in os.listdir(f"{work}/src") if not n.startswith("late"))
    r.shuffle(names)
    folders = [f"{y}" for y in (2024, 2025, 2026)] + [f"{y}/{w} folder" for y in (2024, 2025, 2026) for w in WORDS[:5]]
    for f in folders:
        v.mkdir(f)
    files, n = [], 0
    while len(files) < total:
        name = names[n % len(names)]
        data = open(f"{work}/src/{name}", "rb").read() + (b"" if n < len(names) else b"\n%d" % n)
        path = f"{r.choice(folders)}/{n} {name}"
        n += 1
        files.append({"path": path, "data": data, "pieces": False})
    if kind == "exfat":  # a few are written in turns, so that they are in pieces
        for k in range(0, 20, 2):
            a, b = files[k], files[k + 1]
            with open(f"{work}/mnt/{a['path']}", "wb") as fa, open(f"{work}/mnt/{b['path']}", "wb") as fb:
                for at in range(0, max(len(a["data"]), len(b["data"])), 8192):
                    for f, d in ((fa, a["data"]), (fb, b["data"])):
                        f.write(d[at:at + 8192])
                        f.flush()
            for x in (a, b):
                x["pieces"] = len(x["data"]) > 8192
    for i, f in enumerate(files):
        if kind != "exfat" or i >= 20:
            v.write(f["path"], f["data"], work)
    for i in range(0, 20 if kind == "exfat" else 0, 2):
        files[i]["gone"] = True
    rest = [f for i, f in enumerate(files) if kind != "exfat" or i >= 20]
    for f in r.sample(rest, gone - sum("gone" in f for f in files)):
        f["gone"] = True
    for f in files:
        if "gone" in f:
            v.remove(f["path"])
    write(image.replace(".img", ".truth.json"), [
        {"path": f["path"], "state": "deleted" if "gone" in f else "live", "size": len(f["data"]), "pieces": f["pieces"],
         "sha256": digest(f["data"])} for f in files])


def digest(data):
    """The SHA-256 of data, which is kept under that name in the folder that POOL names, if any."""
    name = hashlib.sha256(data).hexdigest()
    if os.environ.get("POOL"):
        with open(f"{os.environ['POOL']}/{name}", "wb") as f:
            f.write(data)
    return name


def write(path, files):
    with open(path, "w") as f:
        json.dump(files, f)


def formatted(work, base):
    files = json.load(open(base + ".truth.json"))
    for f in files:
        f["state"] = "old" if f["state"] == "live" else "old, deleted before"
    for i in range(2):
        data = open(f"{work}/src/late-{i}.txt", "rb").read()
        files.append({"path": f"late-{i}.txt", "state": "live", "size": len(data), "pieces": False, "sha256": digest(data)})
    write(base + "-formatted.truth.json", files)


def overwrite(work, seed, base):
    files = json.load(open(base + ".truth.json"))
    for f in files:
        f["state"] = f["state"].replace("deleted", "deleted before, maybe overwritten")
    fat = base.endswith("fat32")
    v = Mtools(base + "-overwritten.img") if fat else Mounted(f"{work}/mnt")
    v.mkdir("later")
    for i in range(60):
        r = random.Random(f"{seed}:overwrite{i}")
        data = r.randbytes(int(2 ** r.uniform(9, 17))) if i % 2 else prose(r, int(2 ** r.uniform(9, 17)))
        v.write(f"later/new {i}.bin", data, work)
        files.append({"path": f"later/new {i}.bin", "state": "live", "size": len(data), "pieces": False, "sha256": digest(data)})
    write(base + "-overwritten.truth.json", files)


def saved(folder):
    """SHA-256 of every file that a tool saved, with its path, and its verdict where the tool is salvor."""
    verdict = {}
    db = f"{folder}/verdicts.json"
    if os.path.exists(db):
        for line in open(db):
            e = json.loads(line)
            if e.get("type") == "file" and e.get("saved_as"):
                verdict[e["saved_as"]] = e["verdict"]
    out = []
    for d, _, names in os.walk(folder):
        top = os.path.relpath(d, folder).split(os.sep)[0]
        for name in names:
            path = os.path.relpath(f"{d}/{name}", folder)
            if verdict and top not in ("files", "deleted", "older", "carved", "partial") or path == "verdicts.json" or \
                    name in ("report.xml",) or name.endswith(".missing.txt"):
                continue
            data = open(f"{d}/{name}", "rb").read()
            out.append((path, hashlib.sha256(data).hexdigest(), data, verdict.get(path)))
    return out


def score(truth, tools):
    files = [f for f in json.load(open(truth)) if f["size"] > 0]
    work = {f["sha256"] for f in files}
    print("|  | " + " | ".join(t for t, _ in tools) + " |")
    print("|---|" + "---:|" * len(tools))
    rows = {}
    for tool, folder in tools:
        got = saved(folder)
        sums = {s for _, s, _, _ in got}
        for state in dict.fromkeys(f["state"] for f in files):
            part = [f for f in files if f["state"] == state]
            pieces = [f for f in part if f["pieces"]]
            for label, group in ((state, [f for f in part if not f["pieces"]]), (state + ", in pieces", pieces)):
                if group:
                    rows.setdefault(f"{label}, exact, of {len(group)}", []).append(sum(f["sha256"] in sums for f in group))
                    named = sum(any(s == f["sha256"] and p.endswith(os.path.basename(f["path"])) for p, s, _, _ in got) for f in group)
                    rows.setdefault(f"{label}, exact with name", []).append(named)
        wrong = [(p, v) for p, s, d, v in got if s not in work and len(d) > 0]
        said = [p for p, v in wrong if p.startswith("partial/") or v in ("partial", "damaged")]
        sure = [p for p, v in wrong if v in ("proven", "consistent") and not p.startswith("partial/")]
        rows.setdefault("files saved", []).append(len(got))
        rows.setdefault("not the bytes of a known file", []).append(len(wrong))
        rows.setdefault("the same, and not said", []).append(len(wrong) - len(said))
        rows.setdefault("the same, called proven or consistent", []).append(len(sure) if any(v for _, _, _, v in got) else "–")
        if os.environ.get("VERBOSE"):
            print(tool, wrong[:40], sure, file=sys.stderr)
            print(tool, "missed", [(f["path"], f["state"], f["pieces"], f["size"]) for f in files if f["sha256"] not in sums][:40], file=sys.stderr)
    for label, values in rows.items():
        print(f"| {label} | " + " | ".join(map(str, values)) + " |")


what = sys.argv[1]
if what == "content":
    content(sys.argv[2], sys.argv[3])
elif what in ("fat32", "exfat"):
    fill(what, sys.argv[2], sys.argv[3], sys.argv[4])
elif what == "formatted":
    formatted(sys.argv[2], sys.argv[4])
elif what == "overwrite":
    overwrite(sys.argv[2], sys.argv[3], sys.argv[4])
elif what == "score":
    score(sys.argv[2], [tuple(a.split("=", 1)) for a in sys.argv[3:]])
else:
    sys.exit(__doc__)
