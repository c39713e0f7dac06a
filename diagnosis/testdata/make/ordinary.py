#!/usr/bin/env python3
"""Logs of ordinary programs at their ordinary work, in which nothing failed that has to do with an update. Each row is
a case, the program with its version, what was run, and the file with its output; the parts of a system's own logs are
from one boot of a Debian 12 in QEMU with many services (nginx, PostgreSQL, Redis, MariaDB, Apache, dnsmasq, chrony,
Samba, Squid, BIND, Docker and others), of which two cannot start because another one has their port.

    make/ordinary.py LOGS

LOGS holds the outputs. Of long ones so many lines are kept as fit into a case."""

import pathlib
import re
import sys

LIMIT = 58_000
HERE = pathlib.Path(__file__).resolve().parents[1] / "train" / "ordinary"
ROWS = [
    ("console", "systemd 252", "the console of a Debian 12 with many services, of which two do not start", "console.log"),
    ("journal", "systemd 252", "journalctl -b of the same boot", "journal.log"),
    ("syslog", "rsyslog 8.2302", "/var/log/syslog of the same boot", "syslog"),
    ("databases", "PostgreSQL 15, Redis 7", "the logs of both after their first start", "databases.log"),
    ("squid", "Squid 5.7", "cache.log after the first start", "cache.log"),
    ("fail2ban", "fail2ban 1.0.2, mosquitto 2.0.11", "their logs after the first start", "services.log"),
    ("dpkg-log", "dpkg 1.21.22", "/var/log/dpkg.log of an installation", "dpkg.log"),
    ("apt-simulated", "apt 2.6.1", "apt-get -s dist-upgrade", "apt.log"),
    ("apt-resolver", "apt 2.6.1", "apt-get -s -o Debug::pkgProblemResolver=1 install inkscape", "apt.log"),
    ("ffmpeg", "ffmpeg 5.1", "ffmpeg -loglevel debug, a test picture into a file", "ffmpeg.log"),
    ("go-test", "go 1.26", "go test -v strings sort bytes path", "test.log"),
    ("filesystems", "e2fsprogs 1.47, dosfstools 4.2, xfsprogs 6.1, btrfs-progs 6.2", "making and checking file systems in files", "mkfs.log"),
    ("git", "git 2.39", "git log --stat; git gc; git fsck --full", "git.log"),
    ("nbdkit", "nbdkit 1.32", "nbdkit -fv memory, nbdinfo", "nbdkit.log"),
    ("rsync", "rsync 3.2.7", "rsync -avv --stats of a folder", "rsync.log"),
    ("configure", "autoconf 2.71", "./configure of a program in C", "configure.log"),
]


def main():
    HERE.mkdir(exist_ok=True)
    for name, program, source, file in ROWS:
        text = (pathlib.Path(sys.argv[1]) / f"{name}.log").read_text(errors="replace").replace("\r\n", "\n")
        text = re.sub(r"(?m)^-- (\S+) --$", r"--- \1 ---", text)
        text = text.encode()[:LIMIT].decode(errors="ignore")
        text = text[: text.rfind("\n") + 1]
        (HERE / f"{name}.txtar").write_text(f"""origin: captured
program: {program}
project: ordinary/{name}
source: "{source}"
cause: none
-- {file} --
{text}""")


if __name__ == "__main__":
    main()
