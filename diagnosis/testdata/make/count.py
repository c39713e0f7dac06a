#!/usr/bin/env python3
"""Prints the tables of README.md: how many cases there are per program, per cause, per half and per origin.

    make/count.py

It reads the heads of the cases alone, nothing of their files.
"""
import collections
import os
import re

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLUMNS = [(half, origin) for half in ("train", "held") for origin in ("captured", "rebuilt")]


def heads():
    """Half, folder, origin, cause and project of every case."""
    for half in ("train", "held"):
        for folder, _, files in os.walk(os.path.join(HERE, half)):
            for name in sorted(files):
                if not name.endswith(".txtar"):
                    continue
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    head = f.read().partition("\n-- ")[0]
                value = {k: v.strip().strip("'\"") for k, v in re.findall(r"^(\w+): *(.*)$", head, flags=re.M)}
                yield half, os.path.basename(folder), value["origin"], value["cause"], value["project"]


def table(title, counts):
    """One Markdown table, rows in the order of their names, the sum last."""
    print(f"| {title} | train captured | train rebuilt | held captured | held rebuilt |\n|-|-|-|-|-|")
    total = collections.Counter()
    for name in sorted({row for row, _ in counts}):
        cells = [counts[name, c] for c in COLUMNS]
        total.update(dict(zip(COLUMNS, cells)))
        print(f"| {name} | " + " | ".join(str(c) if c else "" for c in cells) + " |")
    print("| **all** | " + " | ".join(str(total[c]) for c in COLUMNS) + " |\n")


def main():
    programs, causes, places = collections.Counter(), collections.Counter(), collections.defaultdict(set)
    for half, program, origin, cause, project in heads():
        programs[program, (half, origin)] += 1
        causes[cause, (half, origin)] += 1
        places[project].add(half)
    table("program", programs)
    table("cause", causes)
    both = sorted(p for p, halves in places.items() if len(halves) > 1)
    print("Projects in both halves:", ", ".join(both) or "none")


if __name__ == "__main__":
    main()
