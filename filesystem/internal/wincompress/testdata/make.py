#!/usr/bin/env python3
"""Makes the packed streams of this folder: sample.gz, and what wimlib's compressors make of it.

usage: make.py FOLDER

Needs wimtools (wimlib-imagex). A resource of a WIM archive has the form of the stream in which Windows keeps a packed
file: a table of the offsets of all units but the first, then the units.
"""
import gzip, os, random, struct, subprocess, sys, tempfile

folder = sys.argv[1]
R = random.Random(7)


def sample():
    words = [bytes(R.choices(b"etaoinshrdlu", k=R.randint(2, 9))) for _ in range(300)]
    out = b""
    while len(out) < 40000:
        out += R.choice(words) + b" "
    out += R.randbytes(9000)  # what does not get smaller
    for _ in range(3000):  # like code: calls, whose targets LZX changes
        out += R.choice([b"\xe8" + struct.pack("<i", R.choice([R.randint(-9000, 9000), R.randint(0, 13_000_000)])), b"\x8b\x45\x08", b"\x55\x89\xe5", b"\xc3", b"\x83\xec\x10"])
    out += bytes(20000) + b"abc" * 9000 + R.randbytes(777) + out[:5000]
    return out


data = sample()
with gzip.GzipFile(f"{folder}/sample.gz", "wb", 9, mtime=0) as z:
    z.write(data)
with tempfile.TemporaryDirectory() as W:
    os.mkdir(W + "/in")
    open(W + "/in/sample", "wb").write(data)
    for name, args in {"lzx": ["--compress=LZX:100"], "lzx-fast": ["--compress=LZX:20"], "xpress4096": ["--compress=XPRESS:80", "--chunk-size=4096"],
                       "xpress8192": ["--compress=XPRESS", "--chunk-size=8192"], "xpress16384": ["--compress=XPRESS", "--chunk-size=16384"]}.items():
        wim = f"{W}/{name}.wim"
        subprocess.check_call(["wimlib-imagex", "capture", W + "/in", wim, "x", "--no-acls"] + args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        b = open(wim, "rb").read()
        size, at = int.from_bytes(b[48:55], "little"), struct.unpack_from("<Q", b, 56)[0]
        for p in range(at, at + size, 50):
            n, flags, off, original = int.from_bytes(b[p:p + 7], "little"), b[p + 7], *struct.unpack_from("<QQ", b, p + 8)
            if original == len(data) and flags & 4:
                with gzip.GzipFile(f"{folder}/{name}.gz", "wb", 9, mtime=0) as z:
                    z.write(b[off:off + n])
