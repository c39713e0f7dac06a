#!/usr/bin/env python3
"""The files that are easier written in Python: texts, tables, archives, databases, and the sources of documents.

usage: content.py POOL WORK SEED
"""
import csv, email.message, email.utils, gzip, io, json, os, random, sqlite3, sys, zipfile

POOL, WORK, SEED = sys.argv[1], sys.argv[2], sys.argv[3]
WORDS = """pump valve meter sensor gateway pressure reading station night shift morning filter motor bearing oil level
alarm reset cable cabinet door key field engine river bridge winter storm fence road truck ladder report check replace
clean measure note signal antenna battery charger spare order invoice crew visit map and the of with near from for until
behind under after before every second third north south hill water gas power grid summer autumn window wall roof tower""".split()


def rnd(name):
    return random.Random(f"{SEED}/{name}")


def prose(r, size):
    out, n = [], 0
    while n < size:
        s = " ".join(r.choices(WORDS, k=r.randint(6, 18))).capitalize() + "." + ("\n" if r.random() < 0.2 else "")
        out.append(s)
        n += len(s) + 1
    return " ".join(out) + "\n"


def put(kind, name, data):
    os.makedirs(f"{POOL}/{kind}", exist_ok=True)
    with open(f"{POOL}/{kind}/{name}.{kind}", "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def source(kind, name, ext, text):
    os.makedirs(f"{WORK}/{kind}", exist_ok=True)
    with open(f"{WORK}/{kind}/{name}.{ext}", "w") as f:
        f.write(text)


def page(r, paragraphs, picture=None):
    img = f'<p><img src="file://{POOL}/jpg/{picture}" width="400"></p>' if picture else ""
    return ("<html><head><title>Report %d</title></head><body><h1>Report %d</h1>" % (r.randint(1, 9999), r.randint(1, 9999)) + img +
            "".join(f"<p>{prose(r, 900)}</p>" for _ in range(paragraphs)) + "</body></html>")


for i in range(28):
    r = rnd(f"txt{i}")
    text = prose(r, r.choice([2000, 9000, 40000, 200000]))
    put("txt", f"t{i}", text.encode("utf-16") if i % 14 == 3 else (text.replace(" der ", " dér ") + "Prüfung für München é à ç\n").encode("latin-1" if i % 14 == 5 else "utf-8"))
for i in range(14):
    r = rnd(f"json{i}")
    put("json", f"j{i}", json.dumps([{"id": n, "name": r.choice(WORDS), "serial": f"{r.getrandbits(64):x}"} for n in range(r.randint(20, 4000))], indent=1))
    put("html", f"h{i}", page(r, r.randint(3, 60)))
for i in range(9):
    r = rnd(f"csv{i}")
    put("csv", f"c{i}", "time,meter,value\n" + "".join(f"2026-02-{1 + n % 28:02},M{r.randint(1, 99)},{r.uniform(0, 9):.4f}\n" for n in range(r.randint(200, 20000))))
    put("xml", f"x{i}", '<?xml version="1.0" encoding="UTF-8"?>\n<log>\n' + "".join(f'<entry id="{n}"><word>{r.choice(WORDS)}</word></entry>\n' for n in range(r.randint(50, 4000))) + "</log>\n")
    put("svg", f"s{i}", '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900">\n' + "".join(
        f'<circle cx="{r.randint(0, 900)}" cy="{r.randint(0, 900)}" r="{r.randint(1, 90)}" fill="#{r.getrandbits(24):06x}"/>\n' for _ in range(r.randint(50, 900))) + "</svg>\n")


def mail(r, i):
    m = email.message.EmailMessage()
    m["From"], m["To"] = f"{r.choice(WORDS)}@example.org", f"{r.choice(WORDS)}@example.net"
    m["Subject"], m["Date"] = " ".join(r.choices(WORDS, k=4)), email.utils.formatdate(1773100800 + i * 3600)
    m["Message-ID"] = f"<{r.getrandbits(60):x}@example.org>"
    m.set_content(prose(r, r.randint(1000, 9000)))
    if i % 2:
        m.add_attachment(r.randbytes(r.randint(20000, 90000)), maintype="image", subtype="jpeg", filename="p.jpg", cte="base64")
    return m


for i in range(8):
    put("eml", f"e{i}", mail(rnd(f"eml{i}"), i).as_bytes())
for i in range(16):
    r = rnd(f"mbox{i}")
    put("mbox", f"b{i}", b"".join(b"From a@example.org Wed Feb 11 08:00:00 2026\n" + mail(r, n).as_bytes() + b"\n" for n in range(r.randint(3, 12))))
for i in range(22):
    r, path = rnd(f"db{i}"), f"{POOL}/sqlite/{i}.sqlite"
    os.makedirs(f"{POOL}/sqlite", exist_ok=True)
    d = sqlite3.connect(path)
    d.execute(f"PRAGMA page_size={r.choice([1024, 4096, 4096, 8192])}")
    d.execute("CREATE TABLE reading(id INTEGER PRIMARY KEY, meter TEXT, value REAL, note TEXT)")
    d.execute("CREATE INDEX meter ON reading(meter)")
    d.executemany("INSERT INTO reading(meter, value, note) VALUES(?, ?, ?)",
                  [(f"M{r.randint(1, 99)}", r.uniform(0, 9), " ".join(r.choices(WORDS, k=5))) for _ in range(r.randint(200, 30000))])
    d.commit()
    d.close()
for i in range(22):
    r, b = rnd(f"zip{i}"), io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        for n in range(r.randint(1, 14)):
            info = zipfile.ZipInfo(f"part{n}.txt", (2026, 2, 11, 8, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, prose(r, r.randint(1000, 600000)))
        if i % 3 == 0:
            z.writestr(zipfile.ZipInfo("noise.bin", (2026, 2, 11, 8, 0, 0)), r.randbytes(r.randint(100_000, 4_000_000)))
    put("zip", f"z{i}", b.getvalue())
for i in range(18):
    r = rnd(f"gz{i}")
    put("gz", f"g{i}", gzip.compress((prose(r, r.randint(50000, 900000))).encode() + (r.randbytes(400000) if i % 4 == 0 else b""), 6, mtime=1772400000))


def scan(pictures):
    """A PDF as scanners write it: each page is one JPEG."""
    out, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []

    def add(head, stream=None):
        places.append(len(out))
        out.extend(b"%d 0 obj\n%s\n" % (len(places), head.encode()))
        if stream is not None:
            out.extend(b"stream\n" + stream + b"\nendstream\n")
        out.extend(b"endobj\n")

    add("<< /Type /Catalog /Pages 2 0 R >>")
    add("<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pictures), " ".join(f"{3 + 3 * i} 0 R" for i in range(len(pictures)))))
    for i, path in enumerate(pictures):
        with open(path, "rb") as f:
            data = f.read()
        at, size = 2, None
        while size is None:
            marker, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
            if marker in (0xC0, 0xC2):
                size = int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big")
            at += 2 + length
        n = 3 + 3 * i
        add(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {n + 1} 0 R /Resources << /XObject << /I {n + 2} 0 R >> >> >>")
        draw = b"q 595 0 0 842 0 0 cm /I Do Q"
        add(f"<< /Length {len(draw)} >>", draw)
        add(f"<< /Type /XObject /Subtype /Image /Width {size[0]} /Height {size[1]} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length {len(data)} >>", data)
    xref = len(out)
    out.extend(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1) + b"".join(b"%010d 00000 n \n" % p for p in places))
    out.extend(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, xref))
    return bytes(out)


for i in range(10):
    put("pdf", f"scan{i}", scan([f"{POOL}/jpg/e{i + 10}.jpg", f"{POOL}/jpg/s{i + 50}.jpg"]))
for i in range(32):
    r = rnd(f"pdf{i}")
    source("pdf", f"d{i}", "html", page(r, r.randint(3, 60), f"s{45 + i % 26}.jpg" if i % 2 else None))
for i in range(26):
    r = rnd(f"docx{i}")
    source("docx", f"d{i}", "html", page(r, r.randint(3, 60), f"c{i % 9 + 1}.jpg" if i % 3 == 0 else None))
for i in range(14):
    r = rnd(f"doc{i}")
    source("doc", f"d{i}", "html", page(r, r.randint(3, 60), f"s{45 + i % 26}.jpg" if i % 2 else None))
for i in range(8):
    source("odt", f"d{i}", "html", page(rnd(f"odt{i}"), 20))
for i in range(5):
    source("rtf", f"d{i}", "html", page(rnd(f"rtf{i}"), 20))
for kind, count in (("xlsx", 12), ("xls", 6)):
    for i in range(count):
        r, t = rnd(f"{kind}{i}"), io.StringIO()
        csv.writer(t).writerows([r.choice(WORDS), r.randint(1, 99999), round(r.uniform(0, 9), 4), " ".join(r.choices(WORDS, k=3))] for _ in range(r.randint(50, 3000)))
        source(kind, f"s{i}", "csv", t.getvalue())
