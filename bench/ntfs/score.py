#!/usr/bin/env python3
"""Holds what programs saved of a volume against the truth about it.

usage: score.py IMAGE FOLDER      FOLDER holds a folder of saved files and NAME.time for each program
"""
import collections, hashlib, json, os, subprocess, sys

image, work = sys.argv[1], sys.argv[2]
truth = json.load(open(image + ".json"))
TOOLS = ["salvor", "tsk_recover", "ntfsundelete"]
OWN = {"case.json", "catalog.db", "journal.jsonl", "report.html", "report.json", "dfxml.xml", "SHA256SUMS", "lock"}


def digest(data):
    return hashlib.sha256(data).hexdigest()


def intact(t):
    """Whether the clusters that the record names still hold the content: icat reads them whoever has them now."""
    p = subprocess.run(["icat", image, str(t["record"])], capture_output=True)
    return digest(p.stdout) == t["sha256"]


deleted = {p: t for p, t in truth.items() if t["state"] == "deleted"}
left = {p: t for p, t in deleted.items() if t["survives"]}
whole = {p: t for p, t in left.items() if intact(t)}
streams = [(p, n, h) for p, t in left.items() for n, h in t["streams"].items()]
known = {t["sha256"] for t in truth.values()} | {h for t in truth.values() for h in t["streams"].values()}
rows = collections.OrderedDict()


def put(name, tool, value):
    rows.setdefault(name, {})[tool] = value


for tool in TOOLS:
    saved, paths = collections.Counter(), {}
    wrong = carved = partial = 0
    top = os.path.join(work, tool)
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            rel = os.path.relpath(path, top)
            if tool == "salvor" and (rel in OWN or rel.startswith("image/") or name.endswith(".missing.txt")):
                continue
            h = digest(open(path, "rb").read())
            saved[h] += 1
            paths.setdefault(h, set()).add(rel)
            if rel.startswith("partial/"):
                partial += 1
            elif h not in known and tool == "salvor" and rel.startswith("carved/"):
                carved += 1
            elif h not in known and "/$" not in "/" + rel and os.path.getsize(path) > 0:
                wrong += 1

    def named(p, h):
        base = "/" + p.replace("/", "/")
        return any(("/" + x).endswith(base) for x in paths.get(h, ()))

    def share(n, of):
        return f"{n} of {len(of)} ({100 * n / max(1, len(of)):.1f} %)"

    put("deleted, exact", tool, share(sum(t["sha256"] in saved for t in deleted.values()), deleted))
    put("deleted whose record is left, exact", tool, share(sum(t["sha256"] in saved for t in left.values()), left))
    put("deleted whose record and clusters are left, exact", tool, share(sum(t["sha256"] in saved for t in whole.values()), whole))
    put("the same, with name and path", tool, share(sum(named(p, t["sha256"]) for p, t in whole.items()), whole))
    put("alternate streams of deleted files, exact", tool, share(sum(h in saved for _, _, h in streams), streams))
    live = [t for t in truth.values() if t["state"] == "live"]
    if tool != "ntfsundelete":
        put("live, exact", tool, share(sum(t["sha256"] in saved for t in live), live))
    put("saved under a name as whole, and no known file's bytes", tool, wrong)
    put("carved, and no known file's bytes (pieces of overwritten ones)", tool, carved if tool == "salvor" else "–")
    put("saved as partial", tool, partial if tool == "salvor" else "–")
    put("seconds", tool, open(os.path.join(work, tool + ".time")).read().split("\n")[-2])

# What salvor itself calls sound: its metadata passed every check, so that the content must be right.
claims = [json.loads(line) for line in open(os.path.join(work, "salvor.files"))]
sound = [f for f in claims if f["type"] == "file" and f.get("sound") and f.get("sha256")]
put("called sound", "salvor", len(sound))
put("called sound, and wrong", "salvor", sum(f["sha256"] not in known for f in sound))
put("called proven, and wrong", "salvor", sum(f.get("verdict") == "proven" and f.get("sha256") not in known for f in claims if f["type"] == "file"))

print("|  | " + " | ".join(TOOLS) + " |\n|---|" + "---:|" * len(TOOLS))
for name, cells in rows.items():
    print(f"| {name} | " + " | ".join(str(cells.get(t, "–")) for t in TOOLS) + " |")
if os.environ.get("MISSED"):
    for p, t in whole.items():
        if not any(t["sha256"] == digest(open(os.path.join(f, n), "rb").read()) for f, _, ns in os.walk(os.path.join(work, "salvor")) for n in ns):
            print("missed", p, t, file=sys.stderr)
