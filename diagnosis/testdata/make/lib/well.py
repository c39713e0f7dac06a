"""What the scripts of healthy cases share. Which runs are captured is written down in the scripts before any of them is
made; a run is kept whole when all its commands ended with 0, whatever it printed, and left out, with a line that says
so, when one did not."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import capture

ONLY = ""
W = "/data/w"
LEFT_OUT = []
KEEP = 56_000  # of a longer output the last lines


def choose(pattern):
    global ONLY
    ONLY = pattern


def wanted(program, family, name):
    if ONLY and not re.search(ONLY, f"{program}/{family}-{name}"):
        return False
    shutil.rmtree(W, ignore_errors=True)
    os.makedirs(W)
    return True


def version(package):
    r = subprocess.run(["dpkg-query", "-W", "-f", "${source:Upstream-Version}", package], capture_output=True, text=True)
    return r.stdout or "unknown"


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, cwd=W, executable="/bin/bash").stdout


def leave_out(what, why):
    LEFT_OUT.append(what)
    print(f"left out: {what}: {why}", file=sys.stderr)


def tidy(text):
    """A machine's console without what the emulator says of itself."""
    text = re.sub(rb"\x1b\[[0-9;?=]*[A-Za-z]|\x1bc", b"", text).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = re.sub(rb"(?m)^(SeaBIOS|iPXE|Booting from ROM).*\n", b"", text)
    text = re.sub(rb"QEMU Standard PC[^\n]*, BIOS [^\n]*", b"Acme GW-200/GW-200, BIOS 1.14 03/11/2025", text)
    return re.sub(rb"\n{3,}", b"\n\n", text)


def keep(program, family, name, package, source, files, label=""):
    """Writes the case; the name of the capturing host becomes an invented one."""
    host = capture.invented(program + name).choice(capture.HOSTS[1:])
    whole = {}
    for n, b in files.items():
        b = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]", b"", b).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        b = b.replace(b"gw-17", b"HOST").replace(b"HOST", host.encode())
        room = KEEP // len(files)
        if len(b) > room:
            b = b[-room:]
            b = b[b.index(b"\n") + 1:]
        whole[n] = b
    cases = capture.Cases(program, package, only=".")
    before = cases.count
    cases.case(family, name, "none", source, whole, version=f"{label or program} {package}")
    if cases.count == before:
        leave_out(f"{program}/{family}-{name}", "not written")


def ready(what, setup):
    """Runs what is not shown; a case whose setup fails is left out."""
    try:
        if setup:
            sh("set -e\n" + setup)
    except subprocess.CalledProcessError as e:
        leave_out(what, f"setup: {e.stderr[-300:]!r}")
        return False
    return True


def terminal(program, family, name, package, source, commands, setup="", file="terminal.txt", timeout=90, env=None):
    """A terminal in which these commands were typed. setup runs before and is not shown."""
    what = f"{program}/{family}-{name}"
    if not wanted(program, family, name) or not ready(what, setup):
        return
    text = b""
    for command in [c for c in commands.splitlines() if c]:
        out, code = capture.run(["bash", "-c", command], timeout=timeout, cwd=W, env=env)
        if code != 0:
            return leave_out(what, f"{command!r} ended with {code}: {out[-300:]!r}")
        if out and not out.endswith(b"\n"):
            out += b"\n"
        text += capture.shell_transcript("root@HOST:~# ", command, out)
    keep(program, family, name, version(package), source, {file: text})


def service(program, family, name, package, source, command, clients, setup="", log=None, style=None, file="service.log", stop=signal.SIGTERM, wait=1.0, ends=(0,)):
    """A service in the foreground: started, used, and stopped. Its output, or the file it logs to, is kept."""
    what = f"{program}/{family}-{name}"
    if not wanted(program, family, name) or not ready(what, setup):
        return
    r = capture.invented(program + name)
    prefix = capture.stamper(style or "none", capture.Clock(program + name), "HOST", program, r.randint(300, 4000))
    out = open(f"{W}/.out", "wb")
    p = subprocess.Popen(["bash", "-c", f"exec {command}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=W,
                         env=dict(os.environ, LC_ALL="C.UTF-8", HOME="/root", TMPDIR="/var/tmp", PATH="/usr/sbin:/usr/bin:/sbin:/bin"))

    def read():
        for line in p.stdout:
            out.write(prefix().encode() + line)
    t = threading.Thread(target=read, daemon=True)
    t.start()
    time.sleep(wait)
    bad = ""
    for c in [c for c in clients.splitlines() if c]:
        q = subprocess.run(["bash", "-c", c], cwd=W, capture_output=True, timeout=90)
        if q.returncode:
            bad = f"{c!r} ended with {q.returncode}: {(q.stdout + q.stderr)[-300:]!r}"
            break
    time.sleep(0.5)
    p.send_signal(stop)
    try:
        code = p.wait(15)
    except subprocess.TimeoutExpired:
        p.kill()
        code = None
    t.join(5)
    out.close()
    if not bad and code not in ends:
        bad = f"the service ended with {code}: {open(f'{W}/.out', 'rb').read()[-300:]!r}"
    if bad:
        return leave_out(what, bad)
    files = {}
    text = open(f"{W}/.out", "rb").read()
    if text.strip() or not log:
        files[file] = text
    for n in log or ():
        files[os.path.basename(n)] = open(f"{W}/{n}", "rb").read()
    keep(program, family, name, version(package), source, files)


class Background:
    """A server beside the captured program, ended with it."""

    def __init__(self, command, wait=0.7, log="/dev/null"):
        self.p = subprocess.Popen(["bash", "-c", f"exec {command}"], stdout=open(log, "wb"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        time.sleep(wait)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.terminate()
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()


def report():
    print(f"{len(LEFT_OUT)} left out: {', '.join(LEFT_OUT)}")


def run(at, *parts):
    """Makes the cases of these parts. The script's argument with this number, a regular expression, picks some of them."""
    choose(sys.argv[at] if len(sys.argv) > at else "")
    for part in parts:
        part()
    report()
