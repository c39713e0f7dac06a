#!/usr/bin/env python3
"""Lays files into an image for carving, with nothing but their content to find them by, and writes the truth.

usage: lay.py mix POOL IMAGE [SEED [MIB]]      570 files: 457 whole, 86 in pieces, 27 cut
       lay.py dfrws POOL IMAGE [SEED [MIB]]    the run structure of the DFRWS 2007 challenge (dfrws2007.csv), with files of the pool

IMAGE.truth.json has for each file its state and the places of its pieces: whole, two (in two pieces), more (in more),
order (pieces out of order), cut (the rest is nowhere), holed (a middle piece is nowhere). Of a cut file, "least" is where the last of
its units ends that is whole in the first piece: what must be told to be there, at least.
"""
import hashlib, json, os, random, re, sys, tarfile, zipfile

MODE, POOL, IMAGE = sys.argv[1:4]
SEED = sys.argv[4] if len(sys.argv) > 4 else "1"
SIZE = (int(sys.argv[5]) if len(sys.argv) > 5 else 2048) << 20
SECTOR, CLUSTER = 512, 4096
R = random.Random(f"{MODE}/{SEED}")


def pool():
    out = []
    for kind in sorted(os.listdir(POOL)):
        for name in sorted(os.listdir(f"{POOL}/{kind}")):
            path = f"{POOL}/{kind}/{name}"
            out.append({"type": kind, "name": f"{kind}/{name}", "path": path, "size": os.path.getsize(path)})
    return [f for f in out if f["size"] > 0]


def up(n, unit):
    return (n + unit - 1) // unit * unit


def bits(data, pattern, width):
    """Where a pattern stands that begins at any bit, as bytes of whole units before it."""
    value, mask, out = 0, (1 << width) - 1, []
    for i, byte in enumerate(data):
        value = (value << 8 | byte) & ((1 << width + 8) - 1)
        if any((value >> shift) & mask == pattern for shift in range(8)):
            out.append(max(0, i + 1 - (width + 14) // 8))
    return out


STREAM = 64 << 10  # what a decoder of packed data may need behind the last place that it is sure of


def least(kind, path, there):
    """The end of the last unit of a file that is whole when only so many bytes of it are there, by its own structure."""
    with open(path, "rb") as f:
        data = f.read()
    ends = [0]
    if kind in ("zip", "docx", "xlsx", "odt"):
        with zipfile.ZipFile(path) as z:
            ends += [i.header_offset for i in z.infolist()]
    elif kind == "tar":
        with tarfile.open(path) as t:
            ends += [m.offset for m in t.getmembers()]
    elif kind == "bz2":
        ends += bits(data[:there], 0x314159265359, 48)
    elif kind == "pdf":
        ends += [m.end() for m in re.finditer(rb"endobj", data[:there])]
    elif kind == "png":
        at = 8
        while at + 8 <= len(data):
            at += 12 + int.from_bytes(data[at:at + 4], "big")
            ends.append(at)
    elif kind in ("7z", "webp", "elf", "wav"):
        return 0  # their tables stand at the end, or nothing in them is checked before it
    elif kind in ("doc", "xls", "ppt"):
        fat = [int.from_bytes(data[76 + 4 * i:80 + 4 * i], "little") for i in range(min(109, int.from_bytes(data[44:48], "little")))]
        if any((n + 2) * 512 > there for n in fat):
            return 0  # the table of its sectors is not there
        ends.append(there - STREAM)
    elif kind == "mbox":
        ends += [m.start() for m in re.finditer(rb"^From ", data[:there], re.M)] + [there - STREAM]
    else:
        ends.append(there - STREAM)
    return max(e for e in ends if e <= there)


def fill(image, at, length, kind):
    """Filler between the files: zeros are left as they are."""
    while kind == "random" and length > 0:
        n = min(length, 1 << 20)
        image.seek(at)
        image.write(R.randbytes(n))
        at, length = at + n, length - n


class Writer:
    def __init__(self):
        self.image = open(IMAGE, "wb")
        self.image.truncate(SIZE)
        self.files, self.at = [], 0

    def place(self, f, first, last, at):
        """Writes bytes first to last of f at a place, and what is left of its last unit as zeros or noise."""
        with open(f["path"], "rb") as src:
            src.seek(first)
            data = src.read(last - first)
        self.image.seek(at)
        self.image.write(data)
        f.setdefault("runs", []).append((first, at, last - first))

    def finish(self):
        for f in self.files:
            runs = sorted(f["runs"])
            with open(f["path"], "rb") as src:
                data = src.read()
            if f["state"] in ("cut", "holed"):
                data = b"".join(data[first:first + n] for first, _, n in runs)
            if f["state"] == "cut":
                f["least"] = least(f["type"], f["path"], next((n for first, _, n in runs if first == 0), 0))
            f.update(full=f["size"], size=len(data), sha256=hashlib.sha256(data).hexdigest(), runs=[[at, n] for _, at, n in runs],
                     pieces=[[first, at, n] for first, at, n in runs], recoverable=f["state"] not in ("cut", "holed"), volume="", path=f["name"])
        self.image.close()
        with open(f"{IMAGE}.truth.json", "w") as out:
            json.dump({"size": SIZE, "seed": SEED, "files": [{k: v for k, v in f.items() if k != "name"} | {"path": ""} | {"origin": f["name"]} for f in self.files]}, out)


def mix():
    files = pool()
    R.shuffle(files)
    by = {}
    for f in files:
        by.setdefault(f["type"], []).append(f)
    # Every kind keeps its share of the 570; at least two of each.
    files, total = [], sum(len(v) for v in by.values())
    for kind, list_ in by.items():
        files += list_[:max(2, round(570 * len(list_) / total))]
    R.shuffle(files)
    files = files[:570]
    budget, size = SIZE * 7 // 10, 0
    for f in sorted(files, key=lambda f: -f["size"]):
        size += f["size"]
    assert size < budget, f"the files take {size >> 20} MiB"
    large = [f for f in files if f["size"] > 6 * CLUSTER]
    for n, (state, count) in enumerate((("two", 68), ("more", 11), ("order", 7), ("cut", 27))):
        for f in [f for f in large if "state" not in f][:count]:
            f["state"] = state
    w = Writer()
    w.files = files
    whole = [f for f in files if "state" not in f]
    for f in whole:
        f["state"] = "whole"
    loose = [f for f in files if f["state"] != "whole"]
    # What stands between the pieces: whole files, noise, zeros. The rest of the whole files stands between the others.
    plan, spare = [], whole[:]
    R.shuffle(spare)

    def between():
        p = R.random()
        if p < 0.45 and spare:
            return [("file", spare.pop()) for _ in range(R.choice([1, 1, 1, 2]) if len(spare) > 1 else 1)]
        return [("random" if p < 0.75 else "zero", R.choice([1, 2, 5, 16, 40, 120, 400, 1500]) * CLUSTER)]

    for f in loose:
        n = f["size"] // CLUSTER
        if f["state"] == "cut":
            end = max(2, int(n * R.uniform(0.12, 0.92))) * CLUSTER
            plan.append([("piece", f, 0, end)] + (between() if R.random() < 0.7 else [("random", CLUSTER * R.randint(1, 60))]))
            continue
        count = {"two": 2, "more": R.choice([3, 3, 4]), "order": R.choice([2, 3])}[f["state"]]
        cuts = [0] + [c * CLUSTER for c in sorted(R.sample(range(1, n), count - 1))] + [f["size"]]
        pieces = [("piece", f, a, b) for a, b in zip(cuts, cuts[1:])]
        if f["state"] == "order":
            pieces = pieces[1:] + pieces[:1]
        group = []
        for i, p in enumerate(pieces):
            group += (between() if i else []) + [p]
        plan.append(group)
    plan += [[("file", f)] for f in spare]
    R.shuffle(plan)
    used = sum(up(x[1]["size"] if x[0] == "file" else x[3] - x[2] if x[0] == "piece" else x[1], CLUSTER) for g in plan for x in g)
    left = SIZE - used - (len(plan) + 2) * CLUSTER
    shares = [R.random() ** 3 if R.random() < 0.6 else 0 for _ in plan]
    scale = left / sum(shares)
    at = 0
    for group, share in zip(plan, shares):
        for x in group:
            if x[0] == "file" or x[0] == "piece":
                f, a, b = (x[1], 0, x[1]["size"]) if x[0] == "file" else x[1:]
                w.place(f, a, b, at)
                at += b - a
                if at % CLUSTER and R.random() < 0.25:
                    fill(w.image, at, CLUSTER - at % CLUSTER, "random")
                at = up(at, CLUSTER)
            else:
                fill(w.image, at, x[1], x[0])
                at += x[1]
        gap = int(share * scale) // CLUSTER * CLUSTER
        fill(w.image, at, gap, R.choice(["random", "zero"]))
        at += gap
    w.finish()


def dfrws():
    rows = {}
    for line in open(os.path.join(os.path.dirname(__file__), "dfrws2007.csv")):
        if not line.startswith("#"):
            name, kind, piece, inside, place = line.strip().split(",")
            a, b = map(int, inside.split("-"))
            rows.setdefault(name, []).append((a, b + 1, None if place == "not used" else int(place.split("-")[0])))
    stand_in = {"exe": "elf"}
    files = {}
    for f in pool():
        files.setdefault(f["type"], []).append(f)
    w, runs = Writer(), []
    for name in sorted(rows, key=lambda n: -max(b for _, b, _ in rows[n])):
        kind = name.split(".")[1]
        have = files[stand_in.get(kind, kind)]
        theirs = max(b for _, b, _ in rows[name])
        f = min(have, key=lambda f: abs(f["size"] // SECTOR - theirs))
        have.remove(f)
        f = dict(f)
        ours = up(f["size"], SECTOR) // SECTOR
        pieces, before = sorted(rows[name]), 0
        assert len(pieces) <= ours
        places = []
        for i, (a, b, place) in enumerate(pieces):
            end = ours if i == len(pieces) - 1 else min(max(before + 1, round(b * ours / theirs)), ours - (len(pieces) - 1 - i))
            if place is not None:
                runs.append((place, f, before * SECTOR, min(end * SECTOR, f["size"]), b - a))
                places.append(place)
            before = end
        lost = [p for _, _, p in pieces]
        f["state"] = ("whole" if len(pieces) == 1 else "two" if len(pieces) == 2 else "more")
        if places != sorted(places):
            f["state"] = "order"
        if None in lost:
            f["state"] = "cut" if lost[0] is not None and all(p is None for p in lost[lost.index(None):]) else "holed"
        if places:
            w.files.append(f)
    at, end = 0, 0
    for place, f, a, b, sectors in sorted(runs, key=lambda r: r[0]):
        gap = max(0, place - end) * SECTOR
        fill(w.image, at, gap, R.choice(["random", "zero"]))
        at += gap
        w.place(f, a, b, at)
        at, end = up(at + b - a, SECTOR), place + sectors
    assert at < SIZE, f"{at >> 20} MiB"
    while at < SIZE:
        n = min(16 << 20, SIZE - at)
        fill(w.image, at, n, R.choice(["random", "zero"]))
        at += n
    w.finish()


{"mix": mix, "dfrws": dfrws}[MODE]()
