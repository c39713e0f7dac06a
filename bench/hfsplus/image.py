#!/usr/bin/env python3
"""Makes HFS+ volumes whose every file is known: hfsplus.img, and hfsplus-wiped.img without its volume header.

usage: image.py FOLDER [SEED [FILES]]      SEED: 1 unless told, FILES: 257

NAME.img.truth.json stands beside each, and with POOL set the contents by their SHA-256. xorriso is the writer: it
writes no resource forks, no deleted files and no journal. Needs xorriso.
"""
import hashlib, json, os, random, shutil, subprocess, sys, tempfile

OUT = os.path.realpath(sys.argv[1])
SEED = sys.argv[2] if len(sys.argv) > 2 else "1"
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 257
R = random.Random(f"{SEED}:hfsplus")
WORDS = "pump valve meter sensor gateway pressure reading station night shift filter motor bearing level alarm".split()
FOLDERS = ["", "2024", "2025", "2025/Frühling", "2026", "2026/Σταθμός 7", "2026/Σταθμός 7/Äpfel & Birnen", "写真"]


def content(i):
    size = int(2 ** R.uniform(7, 20))
    if i % 3 == 0:
        return "txt", (" ".join(R.choices(WORDS, k=size // 6 + 1)) + ".\n").encode()
    if i % 3 == 1:
        return "csv", b"time,meter,value\n" + b"".join(b"2026-02-%02d,M%d,%.4f\n" % (1 + n % 28, R.randint(1, 99), R.uniform(0, 9)) for n in range(size // 24 + 1))
    return "dat", R.randbytes(size)


os.makedirs(OUT, exist_ok=True)
tree = tempfile.mkdtemp(dir=OUT)
files = []
for i in range(COUNT):
    kind, data = content(i)
    path = os.path.join(R.choice(FOLDERS), f"{R.choice(WORDS)} № {i}.{kind}")
    os.makedirs(os.path.dirname(f"{tree}/{path}"), exist_ok=True)
    with open(f"{tree}/{path}", "wb") as f:
        f.write(data)
    name = hashlib.sha256(data).hexdigest()
    if os.environ.get("POOL"):
        with open(f"{os.environ['POOL']}/{name}", "wb") as f:
            f.write(data)
    files.append({"state": "live", "path": path, "size": len(data), "sha256": name, "type": kind, "recoverable": True})
mixed = f"{OUT}/mixed.img"
if os.path.exists(mixed):
    os.remove(mixed)
subprocess.run(["xorriso", "-outdev", "stdio:" + mixed, "-volid", "BENCH", "-hfsplus", "on", "-map", tree, "/"], check=True, capture_output=True)
shutil.rmtree(tree)
# The volume lies in a hybrid image beside an ISO 9660 one with the same files: it alone is taken.
image = bytearray(open(mixed, "rb").read())
os.remove(mixed)
at = next(i for i in range(1024, len(image), 512) if image[i:i + 4] == b"H+\0\4") - 1024
size = int.from_bytes(image[at + 1024 + 40:][:4], "big") * int.from_bytes(image[at + 1024 + 44:][:4], "big")
volume = image[at:at + size]
assert len(volume) == size, (len(volume), size)
for name in "hfsplus", "hfsplus-wiped":
    with open(f"{OUT}/{name}.img", "wb") as f:
        f.write(volume)
    with open(f"{OUT}/{name}.img.truth.json", "w") as f:
        json.dump({"size": size, "files": files}, f)
    volume[1024:1536] = bytes(512)
print(f"{len(files)} files, {size >> 20} MiB")
