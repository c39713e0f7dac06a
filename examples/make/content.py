#!/usr/bin/env python3
"""Writes the plain contents of the example gateway: texts, tables, scripts, firmware blobs.

usage: content.py FOLDER

Everything comes from fixed seeds. Photos, clips, office files and databases are made by make.sh with the
tools that people make them with.
"""
import csv, datetime, gzip, io, json, os, random, struct, sys

ROOT = sys.argv[1]
WORDS = """pump valve meter sensor gateway pressure reading station night shift morning filter motor bearing
oil level alarm reset cable cabinet door key field engine river bridge winter storm fence road truck ladder
report check replace clean measure note signal antenna battery charger spare order invoice crew visit map
north south upper lower left right before after again twice steady slow quick warm cold dry wet loose tight
and the of with near from behind under over until while""".split()


def put(path, data):
    path = os.path.join(ROOT, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def prose(seed, size):
    r, out, n = random.Random(seed), [], 0
    while n < size:
        s = " ".join(r.choice(WORDS) for _ in range(r.randint(6, 18))).capitalize() + "."
        if r.random() < 0.15:
            s += "\n\n"
        out.append(s)
        n += len(s) + 1
    return " ".join(out) + "\n"


def log(seed, lines, day="2026-03-02"):
    r, t, out = random.Random(seed), datetime.datetime.fromisoformat(day), []
    for _ in range(lines):
        t += datetime.timedelta(seconds=r.randint(1, 400))
        out.append(f"{t:%b %d %H:%M:%S} gw100 {r.choice(['kernel','netd','meterd','updated'])}[{r.randint(80, 900)}]: "
                   + " ".join(r.choice(WORDS) for _ in range(r.randint(3, 9))))
    return "\n".join(out) + "\n"


def table(seed, rows):
    r, b = random.Random(seed), io.StringIO()
    w = csv.writer(b, lineterminator="\n")
    w.writerow(["time", "meter", "pressure_bar", "flow_l_min", "state"])
    t = datetime.datetime(2026, 2, 1)
    for _ in range(rows):
        t += datetime.timedelta(minutes=5)
        w.writerow([t.isoformat(), f"M{r.randint(1, 12):02}", f"{r.uniform(1, 6):.3f}", f"{r.uniform(0, 90):.2f}",
                    r.choice(["ok", "ok", "ok", "low", "high"])])
    return b.getvalue()


def tree(seed, n, **more):
    r = random.Random(seed)
    return json.dumps({**more, "meters": [{"id": i, "name": " ".join(r.sample(WORDS, 2)), "serial": f"{r.getrandbits(40):010x}",
                                           "limit": round(r.uniform(1, 9), 2), "active": r.random() < 0.8}
                                          for i in range(n)]}, indent=1, ensure_ascii=False) + "\n"


def squeeze(data):
    return gzip.compress(data.encode() if isinstance(data, str) else data, 9, mtime=1772400000)


def blob(seed, size, head=b"", at=0):
    """Machine code stands for itself: half noise, half repeated words, with a head at its place."""
    r = random.Random(seed)
    b = bytearray()
    while len(b) < size:
        b += r.randbytes(64) + struct.pack("<16I", *[0xE1A00000 | r.randint(0, 15)] * 16)
    b = b[:size]
    b[at:at + len(head)] = head
    return bytes(b)


def script(seed, name, version):
    return (f"#!/bin/sh\n# {name}: part of firmware {version}\nset -eu\n\n"
            + "".join(f"# {line}\n" for line in prose(f"{seed}{name}", 700).splitlines() if line.strip())
            + f'\ncase "$1" in\nstart) /usr/sbin/{name} --daemon ;;\nstop) kill "$(cat /run/{name}.pid)" ;;\nesac\n')


def rootfs(top, version, seed):
    put(f"{top}/etc/os-release", f'NAME="GatewayOS"\nVERSION="{version}"\nID=gatewayos\nPRETTY_NAME="GatewayOS {version}"\n')
    put(f"{top}/etc/hostname", "gw100\n")
    put(f"{top}/etc/fstab", "LABEL=data /data ext4 defaults,noatime 0 2\nLABEL=BOOT /boot vfat defaults 0 2\n")
    put(f"{top}/etc/update/slots.json", tree(seed, 6, version=version, slots=["a", "b"]))
    for name in ("netd", "meterd", "updated", "webd", "logd"):
        put(f"{top}/etc/init.d/{name}", script(seed, name, version))
    put(f"{top}/usr/share/doc/README.txt", prose(f"{seed}doc", 9000))
    put(f"{top}/usr/share/man/meterd.8.gz", squeeze(prose(f"{seed}man", 30000)))
    put(f"{top}/usr/share/web/index.html", f"<!DOCTYPE html>\n<html><head><title>GW-100 {version}</title></head><body>\n"
        + "".join(f"<p>{p}</p>\n" for p in prose(f"{seed}web", 8000).split("\n\n")) + "</body></html>\n")
    put(f"{top}/usr/sbin/meterd", blob(f"{seed}meterd", 150_000, b"\x7fELF\x01\x01\x01" + bytes(9)))
    put(f"{top}/usr/sbin/netd", blob(f"{seed}netd", 180_000, b"\x7fELF\x01\x01\x01" + bytes(9)))
    put(f"{top}/usr/lib/models/forecast.json.gz", squeeze(tree(f"{seed}f", 4000)))


# boot: what the loader reads
ARM_ZIMAGE = struct.pack("<III", 0x016F2818, 0, 280_000)
put("boot/live/uboot-env.txt", "bootdelay=2\nbootcmd=run boot_slot\nslot=b\nslot_a_tries=0\nslot_b_tries=3\nupgrade_available=1\n"
    "boot_slot=load mmc 0:1 ${loadaddr} zImage; bootz ${loadaddr}\nethaddr=02:00:5e:10:00:01\nserial#=GW100-004217\n")
put("boot/live/config.txt", "# ACME GW-100 boot settings\narm_64bit=0\nuart=1\ndevice_tree=gw100.dtb\nkernel=zImage\n")
put("boot/live/zImage", blob("kernel", 280_000, ARM_ZIMAGE, 36))
put("boot/live/overlays/README", prose("overlays", 1800))
put("boot/deleted/zImage-1.3.0.gz", squeeze(blob("old kernel", 90_000)))

rootfs("rootfs_a", "1.4.2", "a")
rootfs("rootfs_b", "1.5.0", "b")
put("rootfs_b/usr/share/doc/CHANGES.txt", prose("changes", 14000))
put("rootfs_b/usr/lib/models/leak.json", tree("leak", 700))
put("rootfs_b/usr/lib/models/leak.bin", blob("leak", 90_000))
# the release before: one large program in the part of the slot that the update never reached
put("rootfs_b_old/etc/os-release", 'NAME="GatewayOS"\nVERSION="1.3.0"\nID=gatewayos\n')
put("rootfs_b_old/usr/sbin/gatewayd", blob("gatewayd", 800_000, b"\x7fELF\x01\x01\x01" + bytes(9)))

# data: what people would miss
put("data/live/readings/2026-02.csv", table("feb", 1500))
put("data/live/readings/meters.json", tree("meters", 160, site="Pump house 7"))
put("data/live/logs/messages.1.gz", squeeze(log("m1", 3000)))
put("data/live/logs/messages.2.gz", squeeze(log("m2", 3000, "2026-02-20")))
put("data/live/logs/messages", log("m0", 150, "2026-03-09"))
put("data/live/notes/Märzbericht – Überblick.txt", "Märzbericht\n\n" + prose("maerz", 5200))
put("data/live/notes/メモ 七号機.txt", "七号機のポンプを点検した。異常なし。\n次回は四月。\n" * 30)
put("data/live/notes/a name of two hundred and more letters " + "x" * 190 + ".txt", prose("long", 900))
put("data/live/.config/gateway.json", tree("config", 12, timezone="Europe/Vienna", ssid="pumphouse"))
put("data/live/.hidden/keys.txt", "\n".join(random.Random("keys").randbytes(32).hex() for _ in range(8)) + "\n")
put("data/live/notes/empty.txt", b"")
put("data/live/logs/fragmented.log", log("frag", 2200, "2026-01-11"))
put("data/removed/readings/2026-01.csv", table("jan", 900))
put("data/deleted/notes/handover.txt", prose("handover", 7400))
put("data/deleted/logs/messages.3.gz", squeeze(log("m3", 4200, "2026-01-29")))
put("data/deleted/logs/pieces.log", log("pieces", 1100, "2025-12-24"))
put("data/deleted/logs/overwritten.gz", squeeze(log("over", 5200, "2025-11-30")))
put("data/free/readings.json", tree("free", 260, site="Pump house 3"))
put("data/free/readings-2025-12.csv", table("dec", 700))
put("data/free/notes.txt", prose("free notes", 6100))
put("data/free/messages.4.gz", squeeze(log("m4", 5200, "2025-10-29")))
put("gap/factory-test.json", tree("factory", 180, site="factory"))
put("gap/factory.log.gz", squeeze(log("factory", 2600, "2024-05-13")))
put("text/manual.html", "<html><head><title>Pump manual</title></head><body><h1>Pump manual</h1>"
    + "".join(f"<p>{p}</p>" for p in prose("manual", 9000).split("\n\n")) + "</body></html>")
put("text/invoice.html", "<html><head><title>Invoice 2026-031</title></head><body><h1>Invoice</h1>"
    + "".join(f"<p>{p}</p>" for p in prose("invoice", 4000).split("\n\n")) + "</body></html>")
put("text/lease.html", "<html><head><title>Lease</title></head><body><h1>Lease</h1>"
    + "".join(f"<p>{p}</p>" for p in prose("lease", 7000).split("\n\n")) + "</body></html>")
put("text/budget.csv", table("budget", 120))
put("text/stock.csv", table("stock", 90))
for name, seed, rows in (("readings", "db", 2500), ("alarms", "db2", 1200), ("visits", "db3", 900)):
    r = random.Random(seed)
    put(f"text/{name}.sql", "PRAGMA page_size=4096;\nCREATE TABLE %s(id INTEGER PRIMARY KEY, time TEXT, meter TEXT, value REAL, note TEXT);\n"
        "CREATE INDEX %s_time ON %s(time);\nBEGIN;\n" % (name, name, name)
        + "".join(f"INSERT INTO {name}(time, meter, value, note) VALUES('2026-02-{1 + i * 28 // rows:02}T{i % 24:02}:00:00','M{r.randint(1, 12):02}',"
                  f"{r.uniform(0, 9):.4f},'{' '.join(r.sample(WORDS, 4))}');\n" for i in range(rows)) + "COMMIT;\nVACUUM;\n")
