"""Whole user lands in QEMU for the healthy cases: a disk image of a system, a kernel, files that are put into the root
before its init starts, and a script of the case that the system runs at the end of its start. What the script keeps in
/report goes to a small disk of its own, the console is written down as it comes."""

import io
import os
import re
import shutil
import socket
import subprocess
import tarfile
import threading
import time

import capture
import well

W = well.W
MARK = b"all services up"
REPORT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root
say() { echo "gateway: $*" >/dev/console; }
mkdir -p /report
disk=/dev/vdz
for d in /sys/block/vd*; do [ "$(cat $d/serial)" = report ] && disk=/dev/${d##*/}; done
exec >/run/script.log 2>&1
set -x
(set -e
%s
)
code=$?
set +x
[ $code = 0 ] || cp /run/script.log /report/script.log
tar cf $disk -C /report . && sync
[ $code = 0 ] && say all services up
sleep 1
%s
"""
SYSTEMD = """[Unit]
Description=Report of the gateway
After=rsyslog.service ssh.service cron.service getty.target systemd-user-sessions.service
[Service]
Type=idle
ExecStart=/report.sh
[Install]
WantedBy=multi-user.target
"""


class Systems:
    """The folder with the systems (one folder each), their kernels (k/vmlinuz-VERSION, k/initrd.img-VERSION) and the
    images that are made of them at their first use."""

    def __init__(self, folder):
        self.folder = folder

    def image(self, name, size="1600M"):
        path = f"{self.folder}/{name}.ext4"
        if not os.path.exists(path):
            well.sh(f"truncate -s {size} {path}.new && mkfs.ext4 -q -d {self.folder}/{name} {path}.new && mv {path}.new {path}")
        return path

    def kernel(self, version):
        return f"{self.folder}/k/vmlinuz-{version}", f"{self.folder}/k/initrd.img-{version}"

    def read(self, system, path):
        with open(f"{self.folder}/{system}/{path}") as f:
            return f.read()

    def version(self, system, package):
        if not package:
            return ""
        text = self.read(system, "var/lib/dpkg/status")
        m = re.search(rf"(?ms)^Package: {re.escape(package)}$.*?^Version: (?:\d+:)?([^\s~+-]+)", text)
        return m.group(1) if m else "unknown"


def archive(folder, files):
    """A compressed cpio of these files: path -> text or bytes, or a pair of both and the mode, or ("->", target)."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = f"{folder}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(content, tuple) and content[0] == "->":
            os.symlink(content[1], path)
            continue
        content, mode = content if isinstance(content, tuple) else (content, 0o755 if str(content)[:2] == "#!" else 0o644)
        with open(path, "wb") as f:
            f.write(content.encode() if isinstance(content, str) else content)
        os.chmod(path, mode)
    well.sh(f"cd {folder} && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >{folder}.gz")
    return f"{folder}.gz"


def type_on(path, log, acts, stop):
    """Waits for each pattern in the console's log, then acts: a command for the monitor, or bytes for the console."""
    tty, acts = None, list(acts)
    while not stop.is_set():
        time.sleep(0.3)
        if tty is None and any(isinstance(what, bytes) for _, what in acts):
            try:
                tty = socket.socket(socket.AF_UNIX)
                tty.connect(f"{path}/tty")
                threading.Thread(target=drain, args=(tty,), daemon=True).start()
            except OSError:
                tty = None
                continue
        if not acts or not os.path.exists(log) or not re.search(acts[0][0].encode(), open(log, "rb").read()):
            continue
        what = acts.pop(0)[1]
        if isinstance(what, bytes):
            for i in range(0, len(what), 8):
                tty.send(what[i:i + 8])
                time.sleep(0.05)
            time.sleep(3)
            continue
        with socket.socket(socket.AF_UNIX) as m:
            m.connect(f"{path}/monitor")
            m.settimeout(5)
            for command in what.split("\n"):
                m.send(command.encode() + b"\n")
                time.sleep(1)
            try:
                m.recv(65536)
            except OSError:
                pass


def drain(tty):
    try:
        while tty.recv(65536):
            pass
    except OSError:
        pass


def start(binary, arguments, acts=(), timeout=300):
    """Runs a machine to its end: the console's text, the files of the report, the exit code."""
    log = f"{W}/console"
    for old in (log, f"{W}/tty", f"{W}/monitor"):
        if os.path.exists(old):
            os.remove(old)
    with open(f"{W}/report.img", "wb") as f:
        f.truncate(8 << 20)
    stop = threading.Event()
    t = threading.Thread(target=type_on, args=(W, log, acts, stop), daemon=True)
    t.start()
    typed = any(isinstance(what, bytes) for _, what in acts)
    serial = f"socket,id=c,path={W}/tty,server=on,wait=off,logfile={log}" if typed else f"file,id=c,path={log}"
    out, code = capture.run([binary, "-nodefaults", "-display", "none", "-monitor", f"unix:{W}/monitor,server,nowait", "-chardev", serial, "-serial", "chardev:c",
                             "-drive", f"file={W}/report.img,format=raw,if=none,id=report", "-device", "virtio-blk-pci,drive=report,serial=report,addr=0x1d"] + arguments, timeout=timeout)
    stop.set()
    t.join(10)
    files = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(open(f"{W}/report.img", "rb").read())) as tar:
            for m in tar:
                if m.isfile():
                    files[m.name.removeprefix("./")] = tar.extractfile(m).read()
    except (tarfile.TarError, OSError):
        pass
    text = open(log, "rb").read() if os.path.exists(log) else out
    return well.tidy(text), files, code


def settle(program, family, name, version, source, kept, console, files, code):
    """Keeps the case when the machine came to its mark and went off, and each of its files is there."""
    what = f"{program}/{family}-{name}"
    missing = [n for n in kept if n != "console.log" and n not in files]
    if code != 0 or MARK not in console or missing:
        tail = files.get("script.log", console)[-500:]
        shutil.copy(f"{W}/console", "/var/tmp/last-console") if os.path.exists(f"{W}/console") else None
        return well.leave_out(what, f"ended with {code}, missing {missing}: {tail.decode(errors='replace')}")
    well.keep(program, family, name, version, source, {n: console if n == "console.log" else well.tidy(files[n]) for n in kept})
