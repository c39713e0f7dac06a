#!/usr/bin/env python3
"""Captures of rauc with its service: bundles of the plain format, slots on loop devices, faults in all of them.
Needs: rauc, rauc-service, dbus, squashfs-tools, openssl, faketime, e2fsprogs. Run by namespace.sh as root."""

import os
import random
import re
import subprocess
import threading
import time

import capture
import liars

cases = capture.Cases("rauc", "1.8")
K = "/run/capture/pki"
IMAGE = random.Random(7).randbytes(3 << 20)


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True).stdout


LOOPS = {}


def slots(a=8, b=8):
    for n, size in (("a", a), ("b", b)):
        if n in LOOPS:
            sh(f"losetup -d {LOOPS[n]}", check=False)
        sh(f"rm -f /srv/slot-{n}; truncate -s {size}M /srv/slot-{n}")
        if n == "a":
            sh(f"mkfs.ext4 -q -F /srv/slot-{n}")
        LOOPS[n] = sh(f"losetup -f --show /srv/slot-{n}").decode().strip()


BACKEND = """#!/bin/sh
case "$1" in
get-primary) cat /srv/primary;;
set-primary) %s echo "$2" >/srv/primary; echo good >/srv/state-$2;;
get-state) cat /srv/state-$2 2>/dev/null || echo good;;
set-state) echo "$3" >/srv/state-$2;;
*) exit 1;;
esac
"""


def configure(compatible="acme,gw", slot_b=None, keyring="ca.pem", extra="", backend="", classes="rootfs"):
    os.makedirs("/etc/rauc", exist_ok=True)
    sh(f"cp {K}/*.pem /etc/rauc/")
    open("/srv/primary", "w").write("A\n")
    sh("rm -f /srv/state-*")
    open("/etc/rauc/backend", "w").write(BACKEND % backend)
    os.chmod("/etc/rauc/backend", 0o755)
    open("/etc/rauc/system.conf", "w").write(f"""[system]
compatible={compatible}
bootloader=custom
mountprefix=/mnt/rauc
statusfile=/srv/rauc.status
{extra}
[handlers]
bootloader-custom-backend=/etc/rauc/backend

[keyring]
path=/etc/rauc/{keyring}

[slot.{classes}.0]
device={LOOPS['a']}
type=ext4
bootname=A

[slot.{classes}.1]
device={slot_b or LOOPS['b']}
type={'ext4' if 'tar' in extra else 'raw'}
bootname=B
""")


def bundle(manifest=None, key="sign", compatible="acme,gw", version="2.4.0", at="", image=IMAGE, name="rootfs.img", tamper=None, minimum=None, filename=None, fix_hash=True):
    sh("rm -rf /srv/content /data/update.raucb; mkdir /srv/content")
    open(f"/srv/content/{name}", "wb").write(image)
    open("/srv/content/manifest.raucm", "w").write(manifest or f"[update]\ncompatible={compatible}\nversion={version}\nbuild=20260901\n\n[bundle]\nformat=plain\n\n[image.rootfs]\nfilename={filename or name}\n")
    r = subprocess.run(f"{at} rauc --cert {K}/{key}.pem --key {K}/{key}.key bundle /srv/content /data/update.raucb", shell=True, capture_output=True)
    if not os.path.exists("/data/update.raucb"):
        print("bundle:", r.stderr.decode())
        return b""
    return open("/data/update.raucb", "rb").read()


class Service:
    def __init__(self, name, slot="A", fake="", style="iso", like=None):
        self.text, self.lock = b"", threading.Lock()
        r = capture.invented("rauc" + name)
        self.host, clock = r.choice(capture.HOSTS), capture.Clock("rauc" + name)
        self.stamp = capture.stamper(style, clock, self.host, "rauc", r.randint(240, 900))
        self.systemd = capture.stamper(style, clock, self.host, "systemd", 1)
        self.kernel = capture.stamper(style, clock, self.host, "kernel")
        if like:
            self.host, self.systemd, self.kernel = like.host, like.systemd, like.kernel
            self.stamp = lambda: like.stamp().replace("rauc[", "rauc[1", 1)
        self.text += self.systemd().encode() + b"Starting rauc.service - RAUC Update Service...\n"
        self.p = subprocess.Popen(f"{fake} rauc --override-boot-slot={slot} service", shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env=dict(os.environ, LC_ALL="C.UTF-8", TMPDIR="/var/tmp"), start_new_session=True)
        threading.Thread(target=self.read, daemon=True).start()
        for _ in range(50):
            if b"de.pengutronix.rauc" in subprocess.run("dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.ListNames", shell=True, capture_output=True).stdout:
                break
            if self.p.poll() is not None:
                break
            time.sleep(0.1)
        self.text += self.systemd().encode() + b"Started rauc.service - RAUC Update Service.\n"
        sh("dmesg -C")

    def read(self):
        for line in self.p.stdout:
            self.text += self.stamp().encode() + line

    def end(self, kill=False):
        time.sleep(0.3)
        if kill:
            sh(f"pkill -9 -s {os.getsid(self.p.pid)} || true")
        else:
            sh(f"pkill -s {os.getsid(self.p.pid)} || true")
        try:
            self.p.wait(5)
        except subprocess.TimeoutExpired:
            sh(f"pkill -9 -s {os.getsid(self.p.pid)} || true")
        names = {v[5:]: n for n, v in LOOPS.items()}
        for line in sh("dmesg -t").decode().splitlines():
            m = re.search(r"\bloop\d+\b", line)
            if m and m.group() in names:
                self.text += self.kernel().encode() + line.encode() + b"\n"
        return self.text


def scrub():
    return [(re.escape(LOOPS["a"]).encode() + rb"\b", b"/dev/mmcblk0p2"), (re.escape(LOOPS["b"]).encode() + rb"\b", b"/dev/mmcblk0p3"),
            (LOOPS["a"][5:].encode() + rb"\b", b"mmcblk0p2"), (LOOPS["b"][5:].encode() + rb"\b", b"mmcblk0p3"), (rb"/dev/loop\d+", b"/dev/loop0"), (rb"\bloop\d+\b", b"loop0"), (rb"rauc-bundle-\w+", b"rauc-bundle-K3X9Q2")]


def install(family, name, cause, why, command="rauc install /data/update.raucb", slot="A", fake="", files="both", timeout=40, kill=None, after=(), before=(), **more):
    r = capture.invented("rauc" + name)
    s = Service(name, slot, fake, r.choice(["iso", "syslog"]))
    text = b""
    for c in before:
        out, code = capture.run(c, timeout=20)
        text += capture.shell_transcript(f"root@{s.host}:~# ", re.sub(r"faketime '[^']*' ", "", c), out)
    out, code = capture.run(fake + " " + command if "info" in command else command, timeout=kill or timeout, pty=r.random() < 0.3)
    if (cause == "none") != (code == 0) and "status" not in command and not kill:
        print(f"!! {family}-{name}: exit code {code}: {out[-200:]!r}")
        s.end()
        return slots()
    text += capture.shell_transcript(f"root@{s.host}:~# ", command, out.replace(b"\r\n", b"\n"), code)
    if kill:
        s.end(kill=True)
        journal = s.text
        s = Service(name + "2", slot, fake, "iso", like=s)
        s.text = journal + s.text
    for c in after:
        out, code = capture.run(c, timeout=20)
        text += capture.shell_transcript(f"root@{s.host}:~# ", c, out)
    journal = s.end()
    all_files = {"console.log": text, "journal.log": journal}
    if files == "console":
        del all_files["journal.log"]
    if files == "journal":
        del all_files["console.log"]
    if files == "choose":
        del all_files[r.choice(list(all_files))]
    cases.case(family, name, cause, f"rauc: {why}", all_files, scrub=scrub(), **more)
    slots()


def main():
    sh("mkdir -p /run/dbus /mnt/rauc && mount --bind /run/capture/run /run/dbus && dbus-uuidgen --ensure && dbus-daemon --system --fork")
    ca = liars.authority(K)
    liars.issue(K, "sign", ca, extended="codeSigning,emailProtection", subject="/O=Acme/CN=gateway release 2026")
    liars.issue(K, "expired", ca, begin="20200101000000Z", end="20230101000000Z", extended="codeSigning,emailProtection", subject="/O=Acme/CN=gateway release 2020")
    liars.issue(K, "future", ca, begin="20400101000000Z", end="20420101000000Z", extended="codeSigning,emailProtection", subject="/O=Acme/CN=gateway release 2040")
    other = liars.authority(K + "/o", "Someone Else CA")
    liars.issue(K + "/o", "sign", other, extended="codeSigning,emailProtection", subject="/O=Else/CN=builder")
    sh(f"cp {K}/o/sign.pem {K}/other.pem; cp {K}/o/sign.key {K}/other.key; cp {K}/o/ca.pem {K}/otherca.pem")
    sh(f"openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/O=Acme/CN=developer' -keyout {K}/dev.key -out {K}/dev.pem")
    slots()
    configure()
    R = "rauc install /data/update.raucb"
    status = ["rauc status"]

    bundle()
    H = "healthy"
    install(H, "install", "none", "install of a good bundle", after=status)
    install(H, "info", "none", "info of a good bundle", command="rauc info /data/update.raucb")
    install(H, "mark-good", "none", "the booted slot is marked good", command="rauc status mark-good", files="both")
    install(H, "again", "none", "a second install of the same bundle", before=[R], files="choose")
    install("healthy-service", "install", "none", "install of a good bundle, journal only", files="journal")
    install("healthy-service", "slot-b", "none", "install from slot B into slot A", slot="B", after=status)
    install("healthy-service", "status", "none", "status", command="rauc status --detailed")

    for i, (c, v) in enumerate((("acme,hub", "both"), ("acme,gw-v2", "console"), ("other-vendor-board", "journal"), ("acme,gw-eu", "choose"))):
        configure()
        bundle(compatible=c)
        install("compatible", f"other-{i}", "device.wrong", f"a bundle for {c} on a device acme,gw", files=v, also=["device.revision", "device.region"])

    configure()
    S = "signature"
    bundle(key="other")
    install(S, "other-ca", "genuine.signature", "a bundle signed below another authority")
    install(S, "other-ca-info", "genuine.signature", "info of a bundle signed below another authority", command="rauc info /data/update.raucb", files="console")
    bundle(key="dev")
    install(S, "self-signed", "genuine.signature", "a bundle signed with a self-signed certificate", files="choose")
    bundle()
    configure(keyring="otherca.pem")
    install(S, "keyring-other", "genuine.signature", "a device with the keyring of another authority", files="console", also=["configuration.incompatible"])
    configure(keyring="release.pem")
    install(S, "keyring-missing", "configuration.incompatible", "a device whose keyring file is missing", also=["genuine.signature"])
    configure()

    T = "certificate-time"
    bundle(key="expired", at="faketime 2021-01-01")
    install(T, "expired", "genuine.expired", "a bundle whose signer certificate has ended", also=["genuine.signature"])
    install(T, "expired-info", "genuine.expired", "info of a bundle whose signer certificate has ended", command="rauc info /data/update.raucb", files="console", also=["genuine.signature"])
    bundle()
    install(T, "clock-1970", "clock.wrong", "a device whose clock stands in 1970", command="rauc info /data/update.raucb", fake="faketime '1970-01-01 00:05:00'", files="console", before=["faketime '1970-01-01 00:05:00' date"], also=["genuine.expired", "genuine.signature"])
    install(T, "clock-2020", "clock.wrong", "a device whose clock stands in 2020", fake="faketime '2020-02-02 00:05:00'", before=["faketime '2020-02-02 00:05:00' date"], also=["genuine.expired", "genuine.signature"])

    whole = bundle()
    CUT = ["package.corrupted", "package.at-rest", "network.cut-off"]
    for i, n in enumerate((len(whole) - 100, len(whole) * 3 // 4, len(whole) // 2, 200000, 4096, 30, 0)):
        open("/data/update.raucb", "wb").write(whole[:n])
        install("truncated", f"at-{i}", "package.transit", f"a bundle of which only the first {n} of {len(whole)} bytes came", before=["ls -l --time-style=+%F /data"] if i % 2 else [], files="choose" if i % 2 == 0 else "both",
                facts={"check.truncated": "YES"} if i == 1 else None, also=CUT)

    for i, at in enumerate((1000, len(whole) // 2, len(whole) - 1200, len(whole) - 300, len(whole) - 3)):
        b = bytearray(whole)
        b[at] ^= 0x20
        open("/data/update.raucb", "wb").write(b)
        install("corrupted", f"bit-{i}", "package.corrupted", f"a bundle with one bit changed at {at} of {len(whole)}", files=("both", "console", "both", "journal", "both")[i], also=["package.transit", "package.at-rest", "genuine.signature"])
    b = bytearray(whole)
    b[500000:1000000] = b"\0" * 500000
    open("/data/update.raucb", "wb").write(b)
    install("corrupted", "zeros", "package.corrupted", "a bundle with 500 kB of zeros", also=["package.transit", "package.at-rest", "genuine.signature"])

    bundle()
    slots(b=2)
    configure()
    install("space", "slot", "space.slot", "an image of 3 MiB for a slot of 2 MiB", also=["device.wrong", "corruption.table"])
    slots(b=1)
    configure()
    install("space", "slot-journal", "space.slot", "an image of 3 MiB for a slot of 1 MiB", files="journal", also=["device.wrong", "corruption.table"])
    sh("rm -rf /srv/tar; mkdir -p /srv/tar/opt; for i in $(seq 24); do head -c 1000000 /dev/urandom >/srv/tar/opt/f$i; done; tar -C /srv/tar -cJf /srv/root.tar.xz .")
    slots()
    configure(extra="#tar")
    bundle(image=open("/srv/root.tar.xz", "rb").read(), name="rootfs.tar.xz")
    install("space", "archive", "space.slot", "an archive of 24 MB for a slot of 8 MiB", also=["device.wrong", "corruption.table"])
    sh("rm -rf /srv/tar /srv/root.tar.xz")

    slots()
    configure()
    bundle()
    for i, v in enumerate(("both", "journal")):
        sh(f"mkfs.ext4 -q -F {LOOPS['b']}; mkdir -p /mnt/b; mount {LOOPS['b']} /mnt/b")
        configure()
        install("slot-in-use", f"mounted-{i}", "policy.in-use", "the target slot is mounted", files=v, also=["configuration.incompatible"])
        sh("umount /mnt/b", check=False)
        slots()
    configure()
    s = Service("busy1")
    first = subprocess.Popen("sleep 0.01; rauc install /data/update.raucb", shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(0.04)
    out, code = capture.run(R, timeout=20)
    first.wait()
    cases.case("slot-in-use", "busy", "policy.in-use", "rauc: a second install while one is under way", {"console.log": capture.shell_transcript("root@gw-17:~# ", R, out, code), "journal.log": s.end()}, scrub=scrub(), also=["updater.bug"]) if code else s.end()

    slots()
    configure(slot_b="/dev/mmcblk0p3")
    install("slot-missing", "device", "device.wrong", "the target slot's device does not exist", also=["configuration.incompatible", "storage.io", "corruption.table", "boot.slot"])
    configure(slot_b="/dev/disk/by-partlabel/rootfs-b")
    install("slot-missing", "label", "corruption.table", "no partition has the label of the target slot", files="journal", also=["configuration.incompatible", "storage.io", "device.wrong", "boot.slot"])
    configure(classes="system")
    install("slot-missing", "class", "configuration.incompatible", "no slot of the class that the bundle's image is for", also=["device.wrong", "package.maker"])
    configure()
    install("slot-missing", "target-group", "configuration.incompatible", "a bundle with an image for another slot class", files="console", also=["device.wrong", "package.maker"]) if bundle(manifest="[update]\ncompatible=acme,gw\nversion=2.4.0\n\n[image.appfs]\nfilename=rootfs.img\n") else None

    F = "bundle-format"
    for n, data, c in (("page", liars.PORTAL, "network.captive-portal"), ("zip", b"PK\x03\x04" + IMAGE[:400000], "package.maker"), ("random", IMAGE[:1 << 20], "package.corrupted")):
        open("/data/update.raucb", "wb").write(data)
        install(F, n, c, f"no bundle: {n}", before=["head -c 100 /data/update.raucb | tr -c '[:print:]' ."] if n != "random" else [], files="both" if n != "random" else "choose", also=["package.corrupted", "package.transit", "package.maker"])
    for n, m in (("no-image", "[update]\ncompatible=acme,gw\nversion=2.4.0\n\n[image.rootfs]\nfilename=other.img\n"), ("syntax", "[update\ncompatible=acme,gw\n"), ("no-compatible", "[update]\nversion=2\n\n[image.rootfs]\nfilename=rootfs.img\n")):
        sh("rm -rf /srv/content; mkdir /srv/content")
        open("/srv/content/rootfs.img", "wb").write(IMAGE)
        open("/srv/content/manifest.raucm", "w").write(m)
        out, code = capture.run(f"rauc --cert {K}/sign.pem --key {K}/sign.key bundle /srv/content /data/u2.raucb")
        cases.case(F, "make-" + n, "package.maker", "rauc bundle: a manifest with a fault", {"build.log": capture.shell_transcript("$ ", "rauc --cert release.pem --key release.key bundle content/ update.raucb", out, code)}, also=["configuration.incompatible"])
    bad = bundle()
    # A maker's fault: the manifest's hash is not that of the image, the signature is good.
    sh("rm -rf /srv/c2 /data/bad.raucb; unsquashfs -q -n -d /srv/c2 /data/update.raucb; sed -i 's/^sha256=..../sha256=0000/' /srv/c2/manifest.raucm; mksquashfs /srv/c2 /data/bad.raucb -all-root -noappend -quiet -no-progress")
    sh(f"openssl cms -sign -binary -nosmimecap -outform DER -signer {K}/sign.pem -inkey {K}/sign.key -in /data/bad.raucb -out /data/bad.sig")
    sig = open("/data/bad.sig", "rb").read()
    open("/data/update.raucb", "wb").write(open("/data/bad.raucb", "rb").read() + sig + len(sig).to_bytes(8, "big"))
    install(F, "hash", "package.maker", "a signed bundle whose manifest holds another hash than its image has", also=["package.corrupted"])
    bundle(manifest="[update]\ncompatible=acme,gw\nversion=2.4.0\n\n[bundle]\nformat=verity\n\n[image.rootfs]\nfilename=rootfs.img\n")
    install(F, "verity", "configuration.incompatible", "a bundle of the verity format on a kernel without device mapper")

    N = "http"
    bundle()
    liars.ZONE["updates.example.net"] = "127.0.0.1"
    liars.dns()
    liars.FILES["update.raucb"] = open("/data/update.raucb", "rb").read()
    liars.FILES["login"] = liars.PORTAL
    liars.ZONE["login.guest.example"] = "127.0.0.1"
    liars.http_server(80)
    u = "http://updates.example.net"
    install(H, "http", "none", "install of a bundle from a URL", command=f"rauc install {u}/plain/update.raucb")
    install(N, "missing-path", "server.missing-file", "a path that does not exist", command="rauc install /data/update-2.5.raucb", also=["configuration.incompatible", "package.corrupted"], files="both")
    D = lambda how: f"rauc install {u}/{how}/update.raucb"
    install(N, "404", "server.missing-file", "the server answers 404", command=D("404"))
    install(N, "503", "server.overload", "the server answers 503", command=D("503"), files="journal", also=["server.error"])
    install(N, "403", "server.refused", "the server answers 403", command=D("403"))
    install(N, "cut-off", "network.cut-off", "the connection ends in the middle", command=D("short"), also=["package.transit"])
    install(N, "empty", "server.error", "the server closes without an answer", command=D("empty"), also=["network.cut-off"])
    install(N, "dns", "network.dns", "the name does not exist", command="rauc install http://update.acme.invalid/update.raucb")
    install(N, "refused", "server.error", "nothing listens", command="rauc install http://updates.example.net:81/update.raucb", also=["network.timeout", "network.no-link"])
    install(N, "unreachable", "network.no-link", "no route to the server", command="rauc install http://10.20.30.40/update.raucb")
    install(N, "page", "network.captive-portal", "a login page after a redirect", command=D("portal"), before=["curl -sI http://updates.example.net/portal/update.raucb"], also=["package.corrupted", "package.transit", "server.error"])
    install(N, "flip", "package.transit", "one bit changes on the way", command=D("flip"), also=["package.corrupted", "genuine.signature"])
    configure(extra="max-bundle-download-size=1000000")
    install(N, "too-large", "configuration.incompatible", "the bundle is larger than the limit for downloads", command=D("plain"), also=["space.download"])
    install(N, "no-such-scheme", "configuration.incompatible", "a URL of a scheme that is not known", command="rauc install s3://bucket/update.raucb", also=["server.missing-file"])
    configure()

    B = "boot-selection"
    for n, fault in (("set-primary", "exit 1;"), ("set-primary-message", "echo 'fw_setenv: Cannot write environment: Read-only file system' >&2; exit 2;")):
        configure(backend=fault)
        bundle()
        install(B, n, "boot.environment" if n == "set-primary" else "storage.read-only", "the boot loader's script fails to switch the slot", after=status, also=["boot.slot", "boot.environment", "configuration.incompatible"])
    configure()
    install(B, "booted-unknown", "configuration.incompatible", "the booted slot is not known", slot="C", also=["boot.slot", "boot.environment"])
    sh("echo bad >/srv/state-B")
    configure()
    open("/srv/state-B", "w").write("bad\n")
    install(B, "bad-slot", "boot.slot", "slot B is marked bad after a boot that failed", command="rauc status", also=["boot.counter", "firmware.health"])

    slots()
    configure()
    slots(b=160)
    configure()
    bundle(image=random.Random(1).randbytes(150 << 20))
    for i, wait in enumerate((0.75, 1.1)):
        slots(b=160)
        configure()
        install("killed", f"at-{i}", "write.interrupted", "the service is killed in the middle of an install; then it is started again", kill=wait, after=status, also=["power.lost", "updater.bug"])


main()
for loop in LOOPS.values():
    sh(f"losetup -d {loop}", check=False)
print(cases.count)
