#!/usr/bin/env python3
"""Applies the review of the captured cases: <half>/review.tsv, one row per case.

    make/review.py            # from any directory; run it after each new capture

A row: case, cause (or "drop"), other answers (comma-separated, "-" for none), reason. The label of a captured case is
the fault that was injected; where the text of the case does not show that fault, the row says what a careful reader
would answer. The text itself is changed only where it speaks of the machinery of the capture: the wrapper that sets
the clock, the loopback address, the emulated programmer.
"""
import csv
import os
import re

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WRAPPER = re.compile(r"faketime: sem_open|The faketime wrapper only works|LD_PRELOAD libfaketime")
# What no device prints: a programmer behind a socket, a flash chip of the emulator.
TEXT = [
    (re.compile(r"faketime '[^']*' "), ""),
    (re.compile(r"\b127\.0\.0\.1\b"), "10.20.0.10"),
    (re.compile(r"-p dummy(:\S+)?"), "-p linux_spi:dev=/dev/spidev0.0"),
    (re.compile(r"\bon dummy\b"), "on linux_spi"),
]


def clean(text):
    """The files of a case without the traces of how it was captured."""
    head, mark, body = text.partition("\n-- ")
    lines = [l for l in body.split("\n") if not WRAPPER.search(l) and 'ioctl("TIOCMGET")' not in l]
    body = "\n".join(lines)
    for pattern, new in TEXT:
        body = pattern.sub(new, body)
    return head + mark + body


def relabel(text, cause, also):
    """The case with another cause and other answers in its head."""
    head, mark, body = text.partition("\n-- ")
    head = re.sub(r"^cause:.*$", "cause: " + cause, head, flags=re.M)
    head = re.sub(r"^also:.*((?:\n- \S+)*)$", "also: [" + ", ".join(also) + "]", head, flags=re.M)
    if not re.search(r"^also:", head, flags=re.M):
        head = re.sub(r"^(cause:.*)$", r"\1\nalso: [" + ", ".join(also) + "]", head, flags=re.M)
    return head + mark + body


def without_cause(text):
    """The case whose other answers do not name its cause again."""
    cause = re.search(r"^cause: *(\S+)", text, flags=re.M).group(1)
    head = text.partition("\n-- ")[0]
    inline = re.search(r"^also: *\[(.*)\]$", head, flags=re.M)
    block = re.search(r"^also:((?:\n- \S+)+)$", head, flags=re.M)
    if inline:
        also = [a.strip() for a in inline.group(1).split(",") if a.strip()]
    elif block:
        also = block.group(1).replace("\n- ", " ").split()
    else:
        return text
    kept = [a for i, a in enumerate(also) if a != cause and a not in also[:i]]
    return relabel(text, cause, kept) if kept != also else text


def rows(half):
    """The reviewed cases of one half."""
    path = os.path.join(HERE, half, "review.tsv")
    with open(path, encoding="utf-8", newline="") as f:
        for row in csv.reader(f, delimiter="\t"):
            if row and not row[0].startswith("#"):
                yield row[0], row[1], [a for a in row[2].split(",") if a and a != "-"]


def main():
    for half in ("train", "held"):
        for name, cause, also in rows(half):
            path = os.path.join(HERE, half, name + ".txtar")
            if not os.path.exists(path):
                continue
            if cause == "drop":
                os.remove(path)
                continue
            with open(path, encoding="utf-8", newline="") as f:
                text = f.read()
            with open(path, "w", encoding="utf-8", newline="") as f:
                f.write(relabel(text, cause, also))
        for folder, _, files in os.walk(os.path.join(HERE, half)):
            for name in files:
                if not name.endswith(".txtar"):
                    continue
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8", newline="") as f:
                    text = f.read()
                if "origin: captured" not in text.partition("\n-- ")[0]:
                    continue
                new = without_cause(clean(text))
                if new != text:
                    with open(path, "w", encoding="utf-8", newline="") as f:
                        f.write(new)


if __name__ == "__main__":
    main()
