#!/usr/bin/env python3
"""Captures of apt, dpkg and update-initramfs in a Debian 12 system with a repository on the loopback device.
Needs: dpkg-dev, apt-utils or dpkg-scanpackages, gpg, xz-utils. Run by namespace.sh as root with a folder that holds a
Debian 12 system (debootstrap) with initramfs-tools and a kernel in boot/."""

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import time

import capture
import liars

SYSTEM, ONLY = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
APT = capture.Cases("apt", "2.6.1", ONLY)
DPKG = capture.Cases("dpkg", "1.21.22", ONLY)
UI = capture.Cases("update-initramfs", "0.142", ONLY)
ROOT = "/mnt/root"
REPO = "/srv/repo"


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True).stdout


def fresh():
    """The system as it was, in an overlay."""
    sh(f"umount -R -l {ROOT} 2>/dev/null; umount -l /srv/over 2>/dev/null; mkdir -p {ROOT} /srv/over", check=False)
    sh(f"mount -t tmpfs tmpfs /srv/over && mkdir /srv/over/u /srv/over/w && mount -t overlay -o lowerdir={SYSTEM},upperdir=/srv/over/u,workdir=/srv/over/w overlay {ROOT}")
    sh(f"mount -t proc proc {ROOT}/proc; mount --rbind /dev {ROOT}/dev; mount -t tmpfs tmpfs {ROOT}/tmp; mount -t tmpfs tmpfs {ROOT}/run")
    open(f"{ROOT}/etc/resolv.conf", "w").write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    open(f"{ROOT}/etc/hosts", "w").write("127.0.0.1 localhost gw-17\n")
    sh(f"rm -rf {ROOT}/etc/apt/sources.list* {ROOT}/var/lib/apt/lists/*; mkdir -p {ROOT}/etc/apt/sources.list.d {ROOT}/etc/apt/keyrings")
    shutil.copy("/srv/key.gpg", f"{ROOT}/etc/apt/keyrings/acme.gpg")
    source("http://packages.example.net")
    open(f"{ROOT}/etc/apt/apt.conf.d/90acme", "w").write('Acquire::Retries "0";\nAcquire::http::Timeout "4";\nAPT::Install-Recommends "false";\n')
    open(f"{ROOT}/usr/sbin/policy-rc.d", "w").write("#!/bin/sh\nexit 101\n")
    os.chmod(f"{ROOT}/usr/sbin/policy-rc.d", 0o755)


def source(uri, signed=True):
    open(f"{ROOT}/etc/apt/sources.list", "w").write(f"deb {'[signed-by=/etc/apt/keyrings/acme.gpg] ' if signed else ''}{uri} stable main\n")


def package(name, version, depends="", files=None, scripts=None, arch="amd64", conffiles="", size=20000, folder="pool", more=""):
    d = "/srv/deb"
    sh(f"rm -rf {d}; mkdir -p {d}/DEBIAN {d}/usr/lib/{name}")
    r = random.Random(name + version)
    open(f"{d}/usr/lib/{name}/firmware.bin", "wb").write(r.randbytes(size))
    for n, b in (files or {}).items():
        os.makedirs(os.path.dirname(f"{d}/{n}"), exist_ok=True)
        open(f"{d}/{n}", "w").write(b)
    c = f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: Acme Firmware <firmware@acme.example>\nSection: admin\nPriority: optional\nInstalled-Size: {size // 1024 + 8}\n"
    c += f"Depends: {depends}\n" if depends else ""
    c += more + "Description: Acme gateway component\n"
    open(f"{d}/DEBIAN/control", "w").write(c)
    if conffiles:
        open(f"{d}/DEBIAN/conffiles", "w").write(conffiles)
    for n, b in (scripts or {}).items():
        open(f"{d}/DEBIAN/{n}", "w").write(b)
        os.chmod(f"{d}/DEBIAN/{n}", 0o755)
    os.makedirs(f"{REPO}/{folder}", exist_ok=True)
    p = f"{REPO}/{folder}/{name}_{version}_{arch}.deb"
    sh(f"dpkg-deb -Zxz --root-owner-group -b {d} {p}")
    return p


def release(valid="", date=None, sign="acme"):
    os.makedirs(f"{REPO}/dists/stable/main/binary-amd64", exist_ok=True)
    sh(f"cd {REPO} && dpkg-scanpackages -m pool >dists/stable/main/binary-amd64/Packages 2>/dev/null && xz -kf dists/stable/main/binary-amd64/Packages")
    text = f"Origin: Acme\nLabel: Acme\nSuite: stable\nCodename: stable\nDate: {date or time.strftime('%a, %d %b %Y %H:%M:%S UTC', time.gmtime())}\n{valid}Architectures: amd64\nComponents: main\nDescription: Acme firmware\nSHA256:\n"
    for f in ("main/binary-amd64/Packages", "main/binary-amd64/Packages.xz"):
        b = open(f"{REPO}/dists/stable/{f}", "rb").read()
        text += f" {hashlib.sha256(b).hexdigest()} {len(b)} {f}\n"
    open(f"{REPO}/dists/stable/Release", "w").write(text)
    sh(f"cd {REPO}/dists/stable && rm -f InRelease Release.gpg && gpg --homedir /srv/gpg --batch --yes -u {sign}@acme.example --clearsign -o InRelease Release")
    serve()


def serve():
    liars.FILES.clear()
    for top, _, names in os.walk(REPO):
        for n in names:
            p = os.path.join(top, n)
            liars.FILES[p[len(REPO) + 1:]] = open(p, "rb").read()


class Repository(liars.Liar):
    """The repository at the server's root; faults maps a path's end to a way of answering."""
    faults = {}

    def answer(self):
        path = self.path.lstrip("/")
        for end, how in self.faults.items():
            if path.endswith(end):
                self.path = f"/{how}/{path}"
                return liars.Liar.answer(self)
        self.path = "/plain/" + path
        liars.Liar.answer(self)


def stop_all():
    """Ends what still runs in the system, as a power cut does."""
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{p}/root") == ROOT:
                os.kill(int(p), 9)
        except OSError:
            pass
    time.sleep(0.5)


def go(cases, family, name, cause, why, commands, timeout=40, logs=(), fails=True, kill=None, **more):
    if ONLY and not re.search(ONLY, f"{cases.program}/{family}-{name}"):
        return
    r = capture.invented(cases.program + name)
    host = r.choice(capture.HOSTS)
    text = b""
    exit_code = 0
    for c in commands if isinstance(commands, list) else [commands]:
        out, exit_code = capture.run(["chroot", ROOT, "/bin/sh", "-c", c], timeout=timeout, kill_after=kill if c == (commands if isinstance(commands, str) else commands[0]) and kill else None, shell=False, env={"DEBIAN_FRONTEND": "noninteractive", "TMPDIR": "/tmp"})
        text += capture.shell_transcript(f"root@{host}:~# ", c, out)
        if kill:
            stop_all()
    if fails and (cause == "none") != (exit_code == 0):
        print(f"!! {cases.program}/{family}-{name}: exit code {exit_code}: {text[-300:]!r}")
        return
    files = {"terminal.txt": text}
    for n in logs:
        p = f"{ROOT}/{n}"
        if os.path.exists(p):
            files[os.path.basename(n)] = open(p, "rb").read()[-6000:]
    cases.case(family, name, cause, f"{cases.program}: {why}", files, scrub=[(rb"deb\.debian\.org", b"packages.example.net")], **more)


def main():
    os.makedirs(REPO)
    sh("mkdir -m 700 /srv/gpg; for n in acme other; do gpg --homedir /srv/gpg --batch --passphrase '' --quick-gen-key $n@acme.example rsa2048 sign never; done; gpg --homedir /srv/gpg --export acme@acme.example >/srv/key.gpg")
    sh("gpg --homedir /srv/gpg --batch --passphrase '' --faked-system-time 20200101T000000 --quick-gen-key old@acme.example rsa2048 sign 2021-01-01; gpg --homedir /srv/gpg --export old@acme.example >>/srv/key.gpg")
    liars.ZONE.update({"packages.example.net": "127.0.0.1", "login.guest.example": "127.0.0.1", "slow.example.net": "silent", "far.example.net": "10.20.30.40"})
    liars.dns()
    liars.http_server(80, handler=Repository)
    liars.silent_port(8090)
    ca = liars.authority("/run/capture/ca")
    liars.http_server(8440, handler=Repository, certificate=liars.issue("/run/capture/ca", "expired", ca, ["packages.example.net"], "20200101000000Z", "20220101000000Z"))
    liars.http_server(8441, handler=Repository, certificate=liars.issue("/run/capture/ca", "good", ca, ["packages.example.net"]))
    package("acme-gateway", "2.4.0", "libc6")
    package("acme-radio", "1.9", "acme-gateway (>= 2.4)", size=300000)
    package("acme-broken", "1.0", "acme-missing (>= 3)")
    release()
    U, I = "apt-get update", "apt-get update -q && apt-get install -y -q acme-radio"
    H = "healthy"
    fresh()
    go(APT, H, "update", "none", "a good repository", U)
    go(APT, H, "install", "none", "two packages installed", I, logs=["var/log/apt/history.log", "var/log/dpkg.log"])
    go(APT, H, "again", "none", "nothing to do", "apt-get upgrade -y")
    package("acme-gateway", "2.5.0", "libc6", files={"etc/acme.conf": "a=1\n"}, conffiles="/etc/acme.conf\n")
    release()
    go(APT, H, "upgrade", "none", "an upgrade", "apt-get update && apt-get upgrade -y", logs=["var/log/apt/term.log"])

    N = "network"
    for n, uri, c, also in (("dns", "http://update.acme.invalid", "network.dns", ["network.no-link"]), ("dns-silent", "http://slow.example.net", "network.dns", ["network.timeout", "network.no-link"]), ("refused", "http://packages.example.net:81", "server.error", ["network.timeout", "network.no-link"]),
                            ("unreachable", "http://far.example.net", "network.no-link", []), ("silent", "http://packages.example.net:8090", "network.timeout", []), ("tls-untrusted", "https://packages.example.net:8441", "network.tls", [])):
        fresh()
        source(uri)
        go(APT, N, n, c, f"the repository cannot be reached ({n})", U, fails=False, also=also, timeout=60)
    fresh()
    sh(f"cp /run/capture/ca/ca.pem {ROOT}/usr/local/share/ca-certificates/acme.crt; cat /run/capture/ca/ca.pem >>{ROOT}/etc/ssl/certs/ca-certificates.crt")
    source("https://packages.example.net:8440")
    go(APT, N, "tls-expired", "server.expired", "the repository's certificate ended in 2022", U, fails=False, also=["network.tls"])
    for n, how, c, also in (("cut", "short", "network.cut-off", ["package.transit"]), ("reset", "empty", "server.error", ["network.cut-off"]), ("stall", "stall", "network.timeout", ["network.cut-off"]), ("503", "503", "server.overload", ["server.error"]), ("403", "403", "server.refused", []), ("401", "401", "server.refused", [])):
        fresh()
        Repository.faults = {"acme-radio_1.9_amd64.deb": how}
        go(APT, N if how in ("short", "stall", "empty") else "missing", n, c, f"a package comes with a fault: {how}", I, timeout=60, also=also)
    Repository.faults = {"InRelease": "portal", "Release": "portal", "Release.gpg": "portal"}
    liars.FILES["login"] = liars.PORTAL
    fresh()
    go(APT, N, "portal", "network.captive-portal", "each request is sent to a login page", U, fails=False, also=["server.error", "server.missing-file"])
    Repository.faults = {"InRelease": "page"}
    fresh()
    go(APT, N, "portal-page", "network.captive-portal", "a login page in place of InRelease", U, fails=False, also=["server.error", "genuine.signature", "package.corrupted"])
    Repository.faults = {}
    M = "missing"
    fresh()
    go(APT, M, "package", "server.missing-file", "no such package", "apt-get update -q && apt-get install -y acme-cloud", also=["configuration.incompatible", "package.maker"])
    source("http://packages.example.net/debian")
    go(APT, M, "release", "server.missing-file", "no repository at this address", U, fails=False, also=["configuration.incompatible"])
    Repository.faults = {".deb": "404"}
    fresh()
    go(APT, M, "deb", "server.missing-file", "the package file is gone", I)
    Repository.faults = {}
    A = "hash"
    P = ["package.transit", "package.at-rest", "server.error", "package.maker"]
    for n, end in (("deb", "acme-radio_1.9_amd64.deb"), ("packages", "Packages.xz")):
        Repository.faults = {end: "flip"}
        fresh()
        go(APT, A, n, "package.corrupted", f"one bit of {end} changes on the way", I if n == "deb" else U, fails=n == "deb", also=P)
    Repository.faults = {}
    package("acme-radio", "1.9", "acme-gateway (>= 2.4)", size=299000)
    serve()
    fresh()
    go(APT, A, "size", "package.corrupted", "the package has another size than the index says", I, also=P)
    package("acme-radio", "1.9", "acme-gateway (>= 2.4)", size=300000)
    release()
    fresh()
    sh(f"mkdir -p {ROOT}/var/cache/apt/archives/partial; head -c 100000 {REPO}/pool/acme-radio_1.9_amd64.deb >{ROOT}/srv/acme-radio_1.9_amd64.deb")
    go(APT, A, "local-cut", "package.corrupted", "a package file that ends early is installed", "apt-get install -y /srv/acme-radio_1.9_amd64.deb", also=P + ["network.cut-off"])
    R = "release-time"
    release(valid="Valid-Until: Tue, 01 Jul 2025 00:00:00 UTC\n", date="Tue, 24 Jun 2025 00:00:00 UTC")
    fresh()
    go(APT, R, "expired", "server.expired", "the Release file is no longer valid", U, fails=False, also=["clock.wrong", "genuine.expired"])
    release(date="Sat, 01 Jan 2028 00:00:00 UTC")
    fresh()
    go(APT, R, "future", "clock.wrong", "the device's clock is behind: the Release file is from the future", ["date", U], fails=False)
    S = "signature"
    release(sign="other")
    fresh()
    go(APT, S, "other-key", "genuine.signature", "the Release file is signed with another key", U, fails=False)
    go(APT, S, "other-key-install", "genuine.signature", "the Release file is signed with another key", "apt-get update; apt-get install -y acme-radio", also=["server.missing-file"])
    release()
    b = open(f"{REPO}/dists/stable/InRelease").read().replace("Label: Acme", "Label: Acmf")
    liars.FILES["dists/stable/InRelease"] = b.encode()
    fresh()
    go(APT, S, "changed", "genuine.signature", "the Release file was changed", U, fails=False, also=["package.corrupted"])
    del liars.FILES["dists/stable/InRelease"]
    fresh()
    go(APT, S, "unsigned", "genuine.signature", "the repository is not signed", U, fails=False, also=["configuration.incompatible"])
    serve()
    fresh()
    os.remove(f"{ROOT}/etc/apt/keyrings/acme.gpg")
    go(APT, S, "no-keyring", "genuine.signature", "the keyring is missing", U, fails=False, also=["configuration.incompatible"])
    X = "space"
    fresh()
    sh(f"mount -t tmpfs -o size=200k tmpfs {ROOT}/var/cache/apt")
    go(APT, X, "cache", "space.download", "/var/cache/apt has 200 KiB", I)
    fresh()
    go(APT, X, "lists", "space.temporary", "/var/lib/apt/lists has 4 KiB", [f"mount -t tmpfs -o size=4k tmpfs /var/lib/apt/lists; df -h /var/lib/apt/lists", U], fails=False, also=["space.download"])
    package("acme-big", "1.0", size=9_000_000)
    release()
    fresh()
    sh(f"mkdir -p {ROOT}/usr/lib/acme-big; mount -t tmpfs -o size=3m tmpfs {ROOT}/usr/lib/acme-big")
    go(APT, X, "target", "space.slot", "the target has 3 MiB", ["apt-get update -q", "apt-get install -y -q acme-big"], also=["space.temporary"])
    L = "lock"
    fresh()
    for n, f, c in (("dpkg", "var/lib/dpkg/lock-frontend", "apt-get install -y acme-radio"), ("lists", "var/lib/apt/lists/lock", U), ("archives", "var/cache/apt/archives/lock", "apt-get install -y acme-radio")):
        sh(f"chroot {ROOT} apt-get update -q")
        os.makedirs(os.path.dirname(f"{ROOT}/{f}"), exist_ok=True)
        holder = subprocess.Popen(["python3", "-c", f"import fcntl,time\nf=open('{ROOT}/{f}','w')\nfcntl.lockf(f,fcntl.LOCK_EX)\ntime.sleep(25)"])
        time.sleep(0.7)
        go(APT, L, n, "policy.in-use", "another program holds the lock", c)
        holder.kill()
        holder.wait()

    D = "interrupted"
    package("acme-slow", "1.0", scripts={"postinst": "#!/bin/sh\necho 'writing the radio firmware, do not switch off'\nsleep 20\n"})
    release()
    for n, k in (("configure", 2.5), ("configure-later", 4)):
        fresh()
        sh(f"chroot {ROOT} apt-get update -q")
        go(DPKG, D, n, "write.interrupted", "the device is switched off while a package is configured; then apt is started again", ["apt-get install -y -q acme-slow", "apt-get install -y acme-radio"], kill=k, also=["power.lost"], logs=["var/log/dpkg.log"])
    go(DPKG, D, "audit", "write.interrupted", "the state after an interrupted install", ["dpkg --audit", "dpkg -l acme-slow | tail -n 1", "apt-get upgrade"], also=["power.lost"])
    deb = lambda n: f"{REPO}/pool/{n}"
    Z = "damaged"
    radio = open(deb("acme-gateway_2.5.0_amd64.deb"), "rb").read()
    for n, b in (("cut", radio[:len(radio) // 2]), ("bit", radio[:len(radio) // 2] + b"\x55\x55\x55" + radio[len(radio) // 2 + 3:]), ("page", liars.PORTAL), ("empty", b""), ("header", b"!<arch>\nx" + radio[9:])):
        fresh()
        open(f"{ROOT}/srv/acme.deb", "wb").write(b)
        go(DPKG, Z, n, "package.corrupted", f"a damaged package ({n})", "dpkg -i /srv/acme.deb", also=P + ["network.captive-portal", "network.cut-off"])
    fresh()
    sh(f"head -c 4000 /dev/urandom >>{ROOT}/var/lib/dpkg/status")
    open(f"{ROOT}/srv/acme.deb", "wb").write(radio)
    go(DPKG, Z, "status", "corruption.filesystem", "the status file of dpkg is damaged", "dpkg -i /srv/acme.deb", also=["write.interrupted", "power.lost", "storage.io"])
    E = "architecture"
    for n, a in (("arm64", "arm64"), ("armhf", "armhf")):
        fresh()
        shutil.copy(package("acme-gateway", "2.5.0", arch=a, folder="other"), f"{ROOT}/srv/acme.deb")
        go(DPKG, E, n, "device.wrong", f"a package for {a} on amd64", "dpkg -i /srv/acme.deb")
    O = "maintainer-script"
    for n, name, text, c, also in (("preinst-model", "preinst", "#!/bin/sh\necho 'acme-radio: this firmware is for GW-300, this device is a GW-200' >&2\nexit 1\n", "device.wrong", ["device.revision", "package.maker"]), ("postinst-missing", "postinst", "#!/bin/sh\nset -e\nacme-flash --radio /usr/lib/acme/firmware.bin\n", "package.maker", ["configuration.incompatible", "updater.bug"]),
                             ("postinst-health", "postinst", "#!/bin/sh\necho 'restarting the radio'\nsleep 1\necho 'radio does not answer after the update (3 tries)' >&2\nexit 2\n", "firmware.health", ["package.maker", "storage.io"]), ("preinst-battery", "preinst", "#!/bin/sh\necho 'battery at 9 %: refusing to update below 30 %' >&2\nexit 1\n", "policy.battery", [])):
        fresh()
        shutil.copy(package("acme-x", "1.0", scripts={name: text}, folder="other"), f"{ROOT}/srv/acme.deb")
        go(DPKG, O, n, c, f"a script of the package ends with an error ({n})", "dpkg -i /srv/acme.deb", also=also)
    fresh()
    sh(f"mkdir -p {ROOT}/usr/lib/acme-big; mount -t tmpfs -o size=3m tmpfs {ROOT}/usr/lib/acme-big; cp {deb('acme-big_1.0_amd64.deb')} {ROOT}/srv/acme.deb")
    go(DPKG, X, "target", "space.slot", "the target has 3 MiB", "dpkg -i /srv/acme.deb", also=["space.temporary"])
    fresh()
    sh(f"mkdir -p {ROOT}/usr/lib/acme-big; mount -t tmpfs -o size=3m,ro tmpfs {ROOT}/usr/lib/acme-big; cp {deb('acme-big_1.0_amd64.deb')} {ROOT}/srv/acme.deb")
    go(DPKG, X, "read-only", "storage.read-only", "the target is read-only", "dpkg -i /srv/acme.deb")
    Q = "depends"
    fresh()
    sh(f"cp {deb('acme-broken_1.0_amd64.deb')} {deb('acme-radio_1.9_amd64.deb')} {ROOT}/srv/; chroot {ROOT} apt-get update -q")
    go(DPKG, Q, "missing", "configuration.incompatible", "what the package depends on is missing", "dpkg -i /srv/acme-radio_1.9_amd64.deb", also=["device.version-step", "package.maker", "server.missing-file"])
    go(DPKG, Q, "apt", "package.maker", "what the package depends on is nowhere", ["apt-get install -y acme-broken"], also=["configuration.incompatible", "server.missing-file", "device.version-step"])
    package("acme-gateway", "2.6.0", "libc6 (>= 2.99)")
    release()
    fresh()
    sh(f"chroot {ROOT} apt-get update -q")
    go(DPKG, Q, "version", "device.version-step", "the package needs a newer system", ["apt-get install -y acme-gateway=2.6.0"], also=["configuration.incompatible", "package.maker"])
    fresh()
    sh(f"cp {deb('acme-gateway_2.5.0_amd64.deb')} {deb('acme-radio_1.9_amd64.deb')} {ROOT}/srv/")
    go(DPKG, H, "install", "none", "two packages installed", "dpkg -i /srv/acme-gateway_2.5.0_amd64.deb /srv/acme-radio_1.9_amd64.deb", logs=["var/log/dpkg.log"])
    open(f"{ROOT}/etc/acme.conf", "a").write("b=2\n")
    shutil.copy(package("acme-gateway", "2.5.1", "libc6", files={"etc/acme.conf": "a=2\n"}, conffiles="/etc/acme.conf\n", folder="other"), f"{ROOT}/srv/")
    go(DPKG, H, "conffile", "none", "an upgrade that keeps a changed configuration file", "dpkg --force-confold -i /srv/acme-gateway_2.5.1_amd64.deb")
    go(DPKG, H, "downgrade", "none", "an older version is installed, with a warning", "dpkg --force-confold -i /srv/acme-gateway_2.5.0_amd64.deb")
    kernel = [f for f in os.listdir(f"{SYSTEM}/boot") if f.startswith("vmlinuz")][0][8:]
    for n, size in (("full", "9m"), ("fuller", "3m")):
        fresh()
        sh(f"mkdir /srv/boot; cp {SYSTEM}/boot/config* /srv/boot/; mount -t tmpfs -o size={size} tmpfs {ROOT}/boot; cp /srv/boot/* {ROOT}/boot/; rm -r /srv/boot; head -c 2500000 /dev/urandom >{ROOT}/boot/vmlinuz-{kernel}")
        go(UI, "space", n, "space.slot", f"/boot has {size}", ["df -h /boot", f"update-initramfs -c -k {kernel}"], timeout=90, also=["space.temporary"])
    fresh()
    go(UI, "healthy", "make", "none", "an initial file system is made", f"update-initramfs -u -k {kernel}", timeout=90)


try:
    main()
finally:
    sh(f"umount -R -l {ROOT}", check=False)
print(APT.count, DPKG.count, UI.count)
