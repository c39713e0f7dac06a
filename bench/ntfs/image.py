#!/usr/bin/env python3
"""Makes an NTFS volume with deleted files of which everything is known: IMAGE, and IMAGE.json beside it.

usage: image.py IMAGE [SEED]

500 files are written, with alternate streams, compressed, sparse, fragmented and small ones among them; 60 are
deleted, 20 are written then, and 85 more are deleted at the end. Contents come from SEED, 20261121 unless told. Needs root, FUSE, ntfs-3g.
"""
import hashlib, json, os, random, subprocess, sys, tempfile, time

IMAGE, MIB = sys.argv[1], 256
R = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 20261121)
WORDS = "pump valve meter sensor gateway pressure reading station night shift filter motor bearing level alarm".split()


def prose(n):
    out = []
    while sum(map(len, out)) < n:
        out.append(" ".join(R.choices(WORDS, k=12)) + ".\n")
    return "".join(out)[:n].encode()


def content(kind):
    if kind == "small":
        return prose(R.randint(20, 500))
    if kind == "noise":
        return R.randbytes(R.choice([3000, 20000, 90000, 400000]))
    if kind == "packed":
        return prose(R.randint(2000, 300000)) if R.random() < 0.7 else R.randbytes(70000) + prose(100000)
    return prose(R.randint(1000, 200000))


def digest(data):
    """The SHA-256 of data, which is kept under that name in the folder that POOL names, if any."""
    name = hashlib.sha256(data).hexdigest()
    if os.environ.get("POOL"):
        with open(f"{os.environ['POOL']}/{name}", "wb") as f:
            f.write(data)
    return name


def main():
    top = tempfile.mkdtemp()
    subprocess.check_call(["truncate", "-s", f"{MIB}M", IMAGE])
    subprocess.check_call(["mkntfs", "-Q", "-F", "-q", "-L", "Bench", IMAGE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.check_call(["ntfs-3g", "-o", "compression,streams_interface=xattr", IMAGE, top])
    truth = {}

    def note(path, data):
        truth[path] = {"state": "live", "size": len(data), "sha256": digest(data),
                       "record": os.stat(f"{top}/{path}").st_ino, "streams": {}}

    def write(path, data):
        os.makedirs(os.path.dirname(f"{top}/{path}"), exist_ok=True)
        with open(f"{top}/{path}", "wb") as f:
            f.write(data)
        note(path, data)

    def stream(path, name, data):
        os.setxattr(f"{top}/{path}", "user." + name, data)
        truth[path]["streams"][name] = digest(data)

    os.makedirs(f"{top}/packed")
    os.setxattr(f"{top}/packed", "system.ntfs_attrib_be", (0x810).to_bytes(4, "big"))
    for i in range(440):
        kind = R.choice(["small", "small", "text", "text", "noise", "packed"])
        folder = "packed" if kind == "packed" else R.choice(["", "reports/", "reports/2026/", "bilder/", "daten/station %d/" % (i % 7)])
        path = (f"packed/{kind} {i:03}.dat" if kind == "packed" else f"{folder}{kind} file {i:03}.txt")
        write(path, content(kind))
        if i % 9 == 0:
            stream(path, "Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=about:%d\r\n" % i)
        if i % 31 == 0:
            stream(path, "notes", R.randbytes(9000))
    for i in range(15):  # in many pieces, four at a time
        files = [open(f"{top}/pieces {i:02} {k}.bin", "wb") for k in range(4)]
        data = [b""] * 4
        for _ in range(R.randint(5, 30)):
            for k, f in enumerate(files):
                p = R.randbytes(4096 * R.randint(1, 4))
                data[k] += p
                f.write(p)
                f.flush()
                os.fsync(f.fileno())
        for k, f in enumerate(files):
            f.close()
            note(f"pieces {i:02} {k}.bin", data[k])

    def delete(count):
        for path in R.sample(sorted(p for p, t in truth.items() if t["state"] == "live"), count):
            os.unlink(f"{top}/{path}")
            truth[path]["state"] = "deleted"

    delete(60)
    for i in range(20):
        write(f"later/new {i:02}.txt", content(R.choice(["small", "text", "noise"])))
    delete(85)
    used = {t["record"] for t in truth.values() if t["state"] == "live"}
    later = {}
    for path, t in truth.items():  # the last file that had a record is the one of which it tells
        later[t["record"]] = path
    for path, t in truth.items():
        t["survives"] = t["state"] == "deleted" and t["record"] not in used and later[t["record"]] == path
    subprocess.check_call(["sync"])
    subprocess.check_call(["fusermount", "-u", top])
    while subprocess.run(["fuser", "-s", IMAGE], stderr=subprocess.DEVNULL).returncode == 0:
        time.sleep(0.1)
    os.rmdir(top)
    with open(IMAGE + ".json", "w") as f:
        json.dump(truth, f, indent=1, ensure_ascii=False)
    print(len(truth), "files,", sum(t["state"] == "deleted" for t in truth.values()), "deleted,", sum(t["survives"] for t in truth.values()), "records survive")


main()
