"""What the capture scripts share: running a program under a time limit with its lines stamped as they arrive, and
writing a case to the half that split.tsv names."""

import base64
import datetime
import hashlib
import os
import pathlib
import random
import re
import selectors
import signal
import socket
import subprocess
import sys
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 60_000  # bytes of one case


def split():
    table = {}
    for line in (ROOT / "make" / "split.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            program, family, half = line.split("\t")
            table[program, family] = half
    return table


SPLIT = split()
HOSTS = ["gw-17", "hub-a4", "panel3", "meter-0092", "cam-door", "edge5", "kiosk-2", "router-attic", "node12", "pump-west"]


def invented(name):
    """A source of invented facts that are the same at each run: its seed is the name of the case."""
    return random.Random(hashlib.sha256(name.encode()).digest())


class Clock:
    """Invented wall time that goes on as fast as the real one did."""

    def __init__(self, name):
        r = invented(name)
        self.begin = datetime.datetime(2026, r.randint(1, 11), r.randint(1, 28), r.randint(0, 23), r.randint(0, 59),
                                       r.randint(0, 59), r.randint(0, 999999))
        self.zero = time.monotonic()

    def now(self):
        return self.begin + datetime.timedelta(seconds=time.monotonic() - self.zero)


def stamper(style, clock, host="", tag="", pid=0):
    """The prefix of one line: none, syslog, iso (journalctl -o short-iso-precise), clock ([HH:MM:SS.mmm], as serial
    terminals write) or date (as `ts` writes)."""
    def prefix():
        t = clock.now()
        who = f"{host} {tag}[{pid}]: " if pid else f"{host} {tag}: "
        if style == "none":
            return ""
        if style == "syslog":
            return t.strftime("%b %e %H:%M:%S ") + who
        if style == "iso":
            return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond:06d}+0000 " + who
        if style == "clock":
            return t.strftime("[%H:%M:%S.") + f"{t.microsecond // 1000:03d}] "
        if style == "date":
            return t.strftime("%Y-%m-%d %H:%M:%S ")
        raise ValueError(style)
    return prefix


def run(command, timeout=30, prefix=None, env=None, stdin=None, cwd=None, pty=False, kill_after=None, shell=None):
    """Runs a command and returns all that it prints (both streams as they came), each line behind prefix(), and its
    exit code; None when it was killed. kill_after: seconds after which it gets SIGKILL, as in a power cut."""
    shell = isinstance(command, str) if shell is None else shell
    e = dict(os.environ, LC_ALL="C.UTF-8", HOME="/root", TERM="dumb", TMPDIR="/var/tmp", PATH="/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
    e.pop("PYTHONPATH", None)
    e.update(env or {})
    if pty:
        master, slave = os.openpty()
        out = master
        p = subprocess.Popen(command, shell=shell, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=e, cwd=cwd,
                             start_new_session=True)
        os.close(slave)
    else:
        p = subprocess.Popen(command, shell=shell, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, env=e, cwd=cwd, start_new_session=True)
        out = p.stdout.fileno()
    end = time.monotonic() + (kill_after or timeout)
    text, line, first = bytearray(), bytearray(), b""
    sel = selectors.DefaultSelector()
    sel.register(out, selectors.EVENT_READ)
    killed = False
    while True:
        left = end - time.monotonic()
        if left <= 0:
            killed = True
            break
        if not sel.select(min(left, 0.5)):
            if p.poll() is not None and pty:
                break
            continue
        try:
            data = os.read(out, 65536)
        except OSError:
            break
        if not data:
            break
        for piece in data.splitlines(keepends=True):
            if not line and prefix:
                first = prefix().encode()
            line += piece
            if line.endswith((b"\n", b"\r")):
                text += first + line
                line.clear()
    if line:
        text += first + line + b"\n"
    if killed:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        code = p.wait(10)
    except subprocess.TimeoutExpired:
        p.kill()
        code = None
    if pty:
        os.close(master)
    return bytes(text), (None if killed else code)


def shell_transcript(prompt, command, output, code=None):
    """What a person's terminal shows: the prompt, the command as typed, what it printed."""
    text = f"{prompt}{command}\n".encode() + output
    if code is not None:
        text += f"{prompt}echo $?\n{code}\n".encode()
    return text


# What would tell of the machine that captured, and not of a device: its name, the folders of this tree and of temporary
# files, and the project's own name.
FOREIGN = re.compile(rb"salvor|deb\.debian|TestFull|TestSector|(?<!/var)/tmp/|" + re.escape(os.fsencode(ROOT.parents[1])) +
                     rb"/|(?<!\w)" + re.escape(os.fsencode(socket.gethostname())) + rb"(?!\w)", re.I)


class Cases:
    def __init__(self, program, version, only=""):
        """only: some cases are made again and the others stay; without it all old ones go first."""
        self.program, self.version, self.count = program, version, 0
        if only:
            return
        for half in ("train", "held"):
            for old in (ROOT / half / program).glob("*.txtar"):
                if "origin: captured" in old.read_text(errors="replace"):
                    old.unlink()

    def case(self, family, name, cause, source, files, also=(), device="", said="", facts=None, scrub=(), version=None):
        """Writes one case. files: name -> bytes. scrub: pairs of regular expression and replacement."""
        half = SPLIT[self.program, family]
        head = {"origin": "captured", "program": version or f"{self.program} {self.version}",
                "project": f"{self.program}/{family}", "source": source, "cause": cause}
        if also:
            head["also"] = list(also)
        if device:
            head["device"] = device
        if said:
            head["said"] = said
        if facts:
            head["facts"] = facts
        text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000).encode()
        for n, b in files.items():
            b = b.encode() if isinstance(b, str) else b
            for pattern, new in scrub:
                b = re.sub(pattern, new, b)
            m = FOREIGN.search(b)
            if m:
                print(f"{self.program}/{family}-{name}: foreign text: {b[max(0, m.start() - 60):m.end() + 40]!r}", file=sys.stderr)
                return
            plain = True
            try:
                b.decode("utf-8")
            except UnicodeDecodeError:
                plain = False
            if not plain or b"\0" in b or re.search(rb"^-- .* --\r?$", b, re.M):
                n, b = n + ".b64", base64.encodebytes(b)
            if b and not b.endswith(b"\n"):
                b += b"\n"
            text += f"-- {n} --\n".encode() + b
        if len(text) > LIMIT:
            print(f"{self.program}/{family}-{name}: {len(text)} bytes", file=sys.stderr)
            return
        folder = ROOT / half / self.program
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{family}-{name}.txtar").write_bytes(text)
        self.count += 1
        print(f"{half}/{self.program}/{family}-{name} {len(text)} {cause}")
