#!/usr/bin/env python3
"""Keeps the truth about the example image: where every file stood, and whether it can still be had.

usage: truth.py fat VOLUME FILE CLUSTERS     one line about a FAT file that is going to be deleted
       truth.py ext VOLUME FILE PATH STATE   the same for an ext4 file
       truth.py finish FOLDER IMAGE OUT      places the files that no file system names, damages the first
                                             partition table, and writes the truth

Every "recoverable" is computed by reading the finished image, never assumed.
"""
import hashlib, json, os, random, re, struct, subprocess, sys

MIB = 1 << 20
PARTITIONS = [(1, "boot", 1, 3, "fat16", "BOOT"), (2, "rootfs_a", 4, 1, "ext4", "rootfs_a"),
              (3, "rootfs_b", 5, 1, "ext4", "rootfs_b"), (4, "data", 7, 8, "ext4", "data")]
BASE = {name: start * MIB for _, name, start, *_ in PARTITIONS}
KINDS = {"jpg": "jpeg", "png": "png", "mp4": "mp4", "pdf": "pdf", "zip": "zip", "docx": "docx", "xlsx": "xlsx", "odt": "odt",
         "gz": "gzip", "db": "sqlite", "txt": "text", "csv": "csv", "json": "json", "log": "text", "html": "html"}


def debugfs(volume, command):
    return subprocess.run(["debugfs", "-R", command, volume], capture_output=True, check=True).stdout


def sha(data):
    return hashlib.sha256(data).hexdigest()


def kind(path, data):
    known = KINDS.get(path.rsplit(".", 1)[-1].lower())
    if known:
        return known
    try:
        return "binary" if "\0" in data.decode() else "text"
    except UnicodeDecodeError:
        return "binary"


def runs_of(blocks, size, unit):
    """Joins block offsets, in the order of the file, into [offset, length] pairs."""
    runs, left = [], size
    for at in blocks:
        n = min(unit, left)
        if runs and sum(runs[-1]) == at:
            runs[-1][1] += n
        else:
            runs.append([at, n])
        left -= n
    assert left == 0, f"{left} bytes have no block"
    return runs


def extent_bytes(f, volume_at, inode):
    """The 60 bytes of an inode that say where its content lies."""
    f.seek(volume_at + 1024)
    sb = f.read(1024)
    per_group, size = struct.unpack_from("<I", sb, 40)[0], struct.unpack_from("<H", sb, 88)[0]
    assert (inode - 1) // per_group == 0, "the example has one block group"
    f.seek(volume_at + 2048 + 8)
    table = struct.unpack("<I", f.read(4))[0]
    f.seek(volume_at + table * 1024 + (inode - 1) * size + 40)
    return f.read(60)


def place_fat(volume, file, clusters):
    b = open(volume, "rb").read(64)
    sector, per, reserved, fats, roots, fat_size = (*struct.unpack_from("<HBHBH", b, 11), struct.unpack_from("<H", b, 22)[0])
    unit, first = sector * per, (reserved + fats * fat_size) * sector + roots * 32
    blocks = []
    for a, z in re.findall(r"(\d+)(?:-(\d+))?(?=[>,])", clusters.split("<", 1)[1]):
        blocks += [first + (c - 2) * unit for c in range(int(a), int(z or a) + 1)]
    data = open(file, "rb").read()
    print(json.dumps({"volume": "boot", "path": os.path.basename(file), "state": "deleted", "size": len(data), "sha256": sha(data),
                      "runs": runs_of(blocks, len(data), unit)}))


def place_ext(volume, file, path, state):
    inode = int(re.search(rb"Inode: (\d+)", debugfs(volume, f'stat "/{path}"')).group(1))
    blocks = [int(b) * 1024 for b in debugfs(volume, f"blocks <{inode}>").split()]
    data = open(file, "rb").read()
    blocks = blocks[-((len(data) + 1023) // 1024):]  # extent tree blocks, when there are any, come first
    with open(volume, "rb") as f:
        pointer = extent_bytes(f, 0, inode)
    print(json.dumps({"volume": "data", "path": path, "state": state, "size": len(data), "sha256": sha(data), "inode": inode,
                      "pointer": pointer.hex(), "runs": runs_of(blocks, len(data), 1024)}))


def free_areas(volume, taken):
    text = subprocess.run(["dumpe2fs", volume], capture_output=True, text=True, check=True).stdout
    free = set()
    for line in re.findall(r"^  Free blocks: (.*)$", text, re.M):
        for a, z in re.findall(r"(\d+)(?:-(\d+))?", line):
            free |= set(range(int(a), int(z or a) + 1))
    free -= {b for at, n in taken for b in range(at // 1024, (at + n + 1023) // 1024)}
    areas = []
    for b in sorted(free):
        if areas and areas[-1][1] == b:
            areas[-1][1] = b + 1
        else:
            areas.append([b, b + 1])
    return [[-(-a * 1024 // 4096) * 4096, z * 1024] for a, z in areas]


def finish(work, image, out):
    img = bytearray(open(image, "rb").read())
    lost = [json.loads(l) for l in open(f"{work}/places.jsonl")]
    data_volume = f"{work}/data.img"
    files, damage = [], []

    # what nothing names: into free blocks of the data volume and into the gap before it
    areas = free_areas(data_volume, [r for l in lost if l["volume"] == "data" for r in l["runs"]])
    for name in sorted(os.listdir(f"{work}/data/free")):
        data = open(f"{work}/data/free/{name}", "rb").read()
        area = max(areas, key=lambda a: (a[1] - a[0], a[0]))
        assert area[1] - area[0] > len(data) + 8192, f"no room for {name}"
        at = BASE["data"] + area[0]
        img[at:at + len(data)] = data
        area[0] += -(-len(data) // 4096) * 4096 + 4096
        files.append({"volume": "data", "path": "", "name": name, "state": "unallocated", "data": data, "runs": [[at, len(data)]]})
    at = 6 * MIB + 16384
    for name in sorted(os.listdir(f"{work}/gap")):
        data = open(f"{work}/gap/{name}", "rb").read()
        img[at:at + len(data)] = data
        files.append({"volume": "", "path": "", "name": name, "state": "unallocated", "data": data, "runs": [[at, len(data)]]})
        at += -(-len(data) // 4096) * 4096 + 8192
    assert at < 7 * MIB

    # one deleted file has lost its middle, and the update ran over the first partition table
    for l in lost:
        if l["path"].endswith("overwritten.gz"):
            first = l["runs"][0]
            at = BASE["data"] + first[0] + first[1] // 3 // 1024 * 1024
            img[at:at + 8192] = random.Random("middle").randbytes(8192)
            damage.append({"offset": at, "size": 8192, "what": "used again by something that is gone too"})
    img[512:34 * 512] = random.Random("table").randbytes(33 * 512)
    damage.append({"offset": 512, "size": 33 * 512, "what": "the first partition table and its header, overwritten by the update"})
    damage.append({"offset": BASE["rootfs_b"] + 512 * 1024, "size": 512 * 1024, "what": "slot B from here on was never written: it holds a part of release 1.3.0"})
    open(image, "wb").write(img)

    for l in lost:
        base = BASE[l["volume"]]
        runs = [[base + a, n] for a, n in l["runs"]]
        intact = sha(b"".join(img[a:a + n] for a, n in runs)) == l["sha256"]
        how = []
        if l["volume"] == "boot":
            how = ["entry"]
        else:
            with open(image, "rb") as f:
                pointer = bytes.fromhex(l["pointer"])
                if extent_bytes(f, base, l["inode"]) == pointer:
                    how.append("inode")
                elif img.find(pointer, base, base + 8 * MIB) >= 0:
                    how.append("journal")
        if len(runs) == 1:
            how.append("content")
        why = ("its blocks are whole" if intact and how else "a part of its blocks was used again" if not intact
               else "in pieces, and nothing says any more where they are")
        files.append({"volume": l["volume"], "path": l["path"], "state": "deleted", "size": l["size"], "sha256": l["sha256"], "type": kind(l["path"], b"\0"),
                      "recoverable": intact and bool(how), "how": how if intact else [], "reason": why, "offset": runs[0][0], "runs": runs})

    for f in files:
        if "data" in f:
            data = f.pop("data")
            f.update(size=len(data), sha256=sha(data), type=kind(f["name"], data), recoverable=True, how=["content"], reason="whole and in one piece",
                     offset=f["runs"][0][0])

    for _, name, start, size, fs, _ in PARTITIONS:
        volume = f"{work}/check.img"
        open(volume, "wb").write(img[start * MIB:(start + size) * MIB])
        top = f"{work}/{name}/live" if name in ("boot", "data") else f"{work}/{name}"
        paths = sorted(os.path.relpath(os.path.join(d, n), top) for d, _, ns in os.walk(top) for n in ns)
        for path in paths + (["readings/meters (same file).json"] if name == "data" else []):
            data = open(os.path.join(top, path.replace("meters (same file)", "meters")), "rb").read()
            if fs == "fat16":
                r = subprocess.run(["mtype", "-i", volume, f"::{path}"], capture_output=True)
                got = r.stdout
            else:
                got = b""
                if subprocess.run(["debugfs", "-R", f'stat "/{path}"', volume], capture_output=True).stdout.startswith(b"Inode"):
                    subprocess.run(["debugfs", "-R", f'dump "/{path}" {work}/dump', volume], capture_output=True, check=True)
                    got = open(f"{work}/dump", "rb").read()
            whole = got == data
            assert whole or name == "rootfs_b", f"{name}/{path} is not what was written"
            files.append({"volume": name, "path": path, "state": "live", "size": len(data), "sha256": sha(data), "type": kind(path, data),
                          "recoverable": whole, "how": ["path"] if whole else [],
                          "reason": "whole" if whole else "the update stopped before all of it was written"})
    files.append({"volume": "data", "path": "notes/cover.jpg", "state": "live", "size": 0, "sha256": sha(b""), "type": "symlink",
                  "target": "../photos/2026/IMG_0101.JPG", "recoverable": True, "how": ["path"], "reason": "whole"})

    order = {"live": 0, "deleted": 1, "unallocated": 2}
    files.sort(key=lambda f: (order[f["state"]], f["volume"], f["path"], f.get("name", "")))
    keys = ["state", "volume", "path", "name", "size", "sha256", "type", "target", "recoverable", "how", "reason", "offset", "runs"]
    files = [{k: f[k] for k in keys if k in f} for f in files]
    head = {"image": os.path.basename(image), "size": len(img), "sha256": sha(img), "sector": 512,
            "partitions": [{"number": i, "name": n, "offset": s * MIB, "size": z * MIB, "filesystem": fs, "label": label}
                           for i, n, s, z, fs, label in PARTITIONS], "damage": damage}
    lines = json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "files": [\n'
    lines += ",\n".join("  " + json.dumps(f, ensure_ascii=False) for f in files) + "\n ]\n}\n"
    json.loads(lines)
    open(out, "w").write(lines)
    for s in order:
        some = [f for f in files if f["state"] == s]
        print(f"{s}: {len(some)}, recoverable {sum(f['recoverable'] for f in some)}")


if __name__ == "__main__":
    {"fat": place_fat, "ext": place_ext, "finish": finish}[sys.argv[1]](*sys.argv[2:])
