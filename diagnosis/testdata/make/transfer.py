#!/usr/bin/env python3
"""Captures of curl, wget, aria2 and rsync fetching firmware from servers that lie, stall, break off or refuse.
Needs: curl, wget, aria2, rsync, faketime, openssl. Run by namespace.sh as root."""

import hashlib
import os
import random
import re
import subprocess
import time

import capture
import liars

CURL = capture.Cases("curl", "7.88.1")
WGET = capture.Cases("wget", "1.21.3")
ARIA = capture.Cases("aria2", "1.36.0")
RSYNC = capture.Cases("rsync", subprocess.run(["rsync", "--version"], capture_output=True, text=True).stdout.split()[2])
IMAGE = random.Random(3).randbytes(600_000)
SITE = "updates.example.net"


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True).stdout


# An update script as many small devices have one, for curl and for wget.
SCRIPT = """#!/bin/sh
log() { echo "$(date '+%F %T') update: $*"; }
log "free space: $(df -h DIR | tail -n 1 | awk '{print $4}')"
log "fetching URL"
FETCH
code=$?
if [ $code -ne 0 ]; then log "download failed ($code)"; exit 1; fi
log "got $(stat -c %s DIR/firmware.bin) bytes"
if ! (cd DIR && sha256sum -c /data/firmware.sha256); then log "checksum does not match"; exit 1; fi
log "writing slot b"
dd if=DIR/firmware.bin of=/data/slot-b bs=64k conv=fsync
log "done, restart to use it"
"""


def setup():
    liars.ZONE.update({SITE: "127.0.0.1", "login.guest.example": "127.0.0.1", "slow.example.net": "silent", "sick.example.net": "servfail",
                       "far.example.net": "10.20.30.40"})
    liars.dns()
    liars.FILES["firmware.bin"] = IMAGE
    liars.FILES["firmware.tar.gz"] = subprocess.run(["gzip", "-1"], input=IMAGE[:300000], capture_output=True).stdout
    open("/data/firmware.sha256", "w").write(f"{hashlib.sha256(IMAGE).hexdigest()}  firmware.bin\n")
    ca = liars.authority("/run/capture/ca")
    pairs = {n: liars.issue("/run/capture/ca", n, ca, [h], b, e) for n, h, b, e in (
        ("good", SITE, None, None), ("expired", SITE, "20200101000000Z", "20220101000000Z"), ("future", SITE, "20400101000000Z", "20420101000000Z"), ("name", "www.example.org", None, None))}
    other = liars.authority("/run/capture/ca2", "Guest Wi-Fi CA")
    pairs["untrusted"] = liars.issue("/run/capture/ca2", "srv", other, [SITE])
    pairs["self"] = ("/run/capture/self.pem", "/run/capture/self.key")
    sh(f"openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={SITE} -addext subjectAltName=DNS:{SITE} -keyout {pairs['self'][1]} -out {pairs['self'][0]}")
    sh("cat /run/capture/ca/ca.pem >>/etc/ssl/certs/ca-certificates.crt; mkdir -p /mnt/small")
    s = liars.http_server(80)
    s.plain_port = 80
    for i, n in enumerate(pairs):
        liars.http_server(8440 + i, certificate=pairs[n]).plain_port = 80
    liars.silent_port(8090)
    keep.append(liars.full_port(8091))
    return {n: 8440 + i for i, n in enumerate(pairs)}


keep = []


def one(cases, family, name, cause, why, fetch, url, style=None, folder="/data", seconds=25, day=None, env=None, **more):
    """One download: by the script above (its log), or typed at a prompt (a terminal)."""
    r = capture.invented(cases.program + name)
    host = r.choice(capture.HOSTS)
    style = style or r.choice(["script", "typed", "syslog", "pty"])
    clock = capture.Clock(cases.program + name)
    sh(f"rm -f {folder}/firmware.bin* /data/firmware.bin*")
    command = fetch.replace("DIR", folder).replace("URL", url)
    fake = f"faketime '{day}' " if day else ""
    if style in ("typed", "pty"):
        out, code = capture.run(fake + command, timeout=seconds, pty=style == "pty", cwd=folder, env=env)
        if style == "pty":
            out = out.replace(b"\r\n", b"\n")
        text = (f"{host}:{folder}# date\n".encode() + sh(fake + "date") if day or r.random() < 0.3 else b"") + capture.shell_transcript(f"{host}:{folder}# ", command, out, code if r.random() < 0.7 else None)
        file = "terminal.txt"
    else:
        open("/data/update.sh", "w").write(SCRIPT.replace("FETCH", command).replace("DIR", folder).replace("URL", url))
        begin = clock.begin.strftime("%Y-%m-%d %H:%M:%S")
        prefix = capture.stamper("syslog", clock, host, "update.sh", r.randint(400, 3000)) if style == "syslog" else None
        out, code = capture.run(f"faketime '{day or begin}' sh /data/update.sh", timeout=seconds, prefix=prefix, cwd=folder, env=env)
        text, file = out, "update.log"
        if style == "syslog":
            file = "messages"
            head = capture.stamper("syslog", clock, host, "crond", 211)().encode() + b"USER root pid  %d cmd /usr/sbin/update.sh\n" % r.randint(400, 900)
            text = head + text
    cases.case(family, name, cause, f"{cases.program}: {why}", {file: text}, **more)


def curl(ports):
    C = lambda o="": f"curl {o} -o DIR/firmware.bin URL".replace("  ", " ")
    go = lambda *a, **k: one(CURL, *a, **k)
    h = f"http://{SITE}"
    t = lambda n: f"https://{SITE}:{ports[n]}/plain/firmware.bin"
    go("dns", "no-name", "network.dns", "the name does not exist", C("-fsSL"), "http://update.acme.invalid/firmware.bin")
    go("dns", "servfail", "network.dns", "the resolver answers SERVFAIL", C("-fL"), "http://sick.example.net/firmware.bin")
    go("dns", "silent", "network.dns", "the resolver does not answer", C("-fsSL --retry 1"), "http://slow.example.net/firmware.bin", also=["network.timeout", "network.no-link"])
    go("dns", "verbose", "network.dns", "the name does not exist, -v", C("-v"), "https://fw.acme.invalid/r/2.4/firmware.bin", style="typed")
    go("refused", "plain", "server.error", "nothing listens", C("-fsS"), h + ":81/plain/firmware.bin", also=["network.timeout", "network.no-link"])
    go("refused", "retries", "server.error", "nothing listens, with retries", C("-f --retry 2 --retry-connrefused --retry-delay 1"), h + ":81/plain/firmware.bin", also=["network.timeout", "network.no-link"])
    go("refused", "unreachable", "network.no-link", "no route to the server", C("-fsSv"), "http://far.example.net/plain/firmware.bin", style="typed")
    go("refused", "empty", "server.error", "the server closes without an answer", C("-fsS"), h + "/empty/firmware.bin", also=["network.cut-off"])
    go("timeout", "silent", "network.timeout", "the server takes the connection and is silent", C("-fsS -m 5"), h + ":8090/plain/firmware.bin")
    go("timeout", "connect", "network.timeout", "the connection is not taken", C("-f --connect-timeout 4"), h + ":8091/plain/firmware.bin")
    go("timeout", "stall", "network.timeout", "the transfer stalls", C("-f -Y 1000 -y 4"), h + "/stall/firmware.bin", also=["network.cut-off"])
    go("timeout", "slow", "network.timeout", "the transfer is too slow for its limit", C("-f -m 6"), h + "/slow/firmware.bin", also=["network.cut-off"])
    go("cut-off", "short", "network.cut-off", "the connection ends before all bytes came", C("-f"), h + "/short/firmware.bin", also=["package.transit"])
    go("cut-off", "reset", "network.cut-off", "the connection is reset", C("-fsS"), h + "/reset/firmware.bin", also=["package.transit"])
    go("cut-off", "ignored", "network.cut-off", "the connection ends early, the script goes on to the checksum", C("-s") + " || true", h + "/short/firmware.bin", style="script", also=["package.transit"])
    go("cut-off", "retries", "network.cut-off", "each of three tries breaks off", C("-f --retry 2 --retry-all-errors --retry-delay 1"), h + "/short/firmware.bin", also=["package.transit"])
    go("tls-time", "expired", "server.expired", "the certificate ended in 2022", C("-fsS"), t("expired"), also=["network.tls"])
    go("tls-time", "expired-v", "server.expired", "the certificate ended in 2022, -v", C("-v"), t("expired"), style="typed", also=["network.tls"])
    go("tls-time", "future", "clock.wrong", "a good certificate on a device whose clock stands in 1970", C("-fsS"), t("good"), day="1970-01-01 00:03:07", style="script", also=["network.tls"])
    go("tls-time", "future-v", "clock.wrong", "a good certificate on a device whose clock stands in 2000, -v", C("-v"), t("good"), day="2000-01-01 00:12:40", style="typed", also=["network.tls"])
    go("tls-trust", "self", "network.tls", "the certificate is self-signed", C("-fS"), t("self"))
    go("tls-trust", "untrusted", "network.tls", "the authority is not trusted", C("-fsSL"), t("untrusted"))
    go("tls-trust", "name", "network.tls", "the certificate is for another name", C("-v"), t("name"), style="typed")
    go("tls-trust", "plain", "network.tls", "https asked of a plain server", C("-fsS"), f"https://{SITE}:80/plain/firmware.bin", also=["configuration.incompatible", "server.error"])
    go("tls-trust", "no-store", "network.tls", "the device has no CA certificates", C("-fsS --cacert /etc/ssl/certs/none.crt"), t("good"), also=["configuration.incompatible"])
    for n, c in ((401, "server.refused"), (403, "server.refused")):
        go("status-auth", f"{n}", c, f"status {n}", C("-fsS"), f"{h}/{n}/firmware.bin")
    go("status-auth", "401-body", "server.refused", "status 401, its page saved", C("-s"), f"{h}/401/firmware.bin", style="script")
    go("status-auth", "403-v", "server.refused", "status 403, -v", C("-fv"), f"{h}/403/firmware.bin", style="typed")
    for n, c in ((404, "server.missing-file"), (410, "server.expired")):
        go("status-missing", f"{n}", c, f"status {n}", C("-fsSL"), f"{h}/{n}/firmware.bin", also=["server.missing-file"])
    go("status-missing", "404-v", "server.missing-file", "status 404, -v", C("-v -f"), f"{h}/404/firmware.bin", style="typed")
    for n, c in ((429, "server.overload"), (503, "server.overload"), (500, "server.error"), (502, "server.error"), (504, "server.error")):
        go("status-overload", f"{n}", c, f"status {n}", C(capture.invented(str(n)).choice(["-fsS", "-f", "-fv"])), f"{h}/{n}/firmware.bin", also=["server.error", "server.overload"])
    go("status-overload", "503-retry", "server.overload", "status 503 at each of three tries", C("-f --retry 2 --retry-delay 1"), f"{h}/503/firmware.bin", also=["server.error"])
    go("portal", "redirect", "network.captive-portal", "a login page after a redirect, saved as firmware", C("-sSL"), h + "/portal/firmware.bin", style="script", also=["package.transit", "package.corrupted"])
    go("portal", "redirect-v", "network.captive-portal", "a redirect to a login page, -v", C("-vL"), h + "/portal/firmware.bin", style="typed")
    liars.FILES["login"] = liars.PORTAL
    go("portal", "page", "network.captive-portal", "a login page in place of the file, shown by head", C("-sS") + "; head -n 4 DIR/firmware.bin", h + "/page/firmware.bin", style="script", also=["package.transit", "package.corrupted"])
    sh("mount -t tmpfs -o size=200k tmpfs /mnt/small")
    go("space", "full", "space.download", "the target has 200 KiB", C("-f"), h + "/plain/firmware.bin", folder="/mnt/small")
    go("space", "full-silent", "space.download", "the target has 200 KiB", C("-fsS"), h + "/plain/firmware.bin", folder="/mnt/small", style="script")
    sh("umount /mnt/small")
    go("space", "read-only", "storage.read-only", "the target is read-only", C("-fsS"), h + "/plain/firmware.bin", folder="/sys/kernel", style="typed", also=["configuration.incompatible"])
    H = "healthy"
    go(H, "plain", "none", "all is well", C("-f"), h + "/plain/firmware.bin", style="script")
    go(H, "tls", "none", "all is well, TLS, -v", C("-fv"), t("good"), style="typed")
    go(H, "retry", "none", "two tries break off, the third succeeds", C("-f --retry 4 --retry-all-errors --retry-delay 1"), h + "/flaky/firmware.bin", style="script")
    go(H, "syslog", "none", "all is well", C("-fsS"), t("good"), style="syslog")


def wget(ports):
    C = lambda o="": f"wget {o} -O DIR/firmware.bin URL".replace("  ", " ")
    go = lambda *a, **k: one(WGET, *a, **k)
    h = f"http://{SITE}"
    t = lambda n: f"https://{SITE}:{ports[n]}/plain/firmware.bin"
    go("dns", "no-name", "network.dns", "the name does not exist", C("-nv"), "http://update.acme.invalid/firmware.bin")
    go("dns", "silent", "network.dns", "the resolver does not answer", C("-t 1"), "http://slow.example.net/firmware.bin", also=["network.timeout", "network.no-link"])
    go("dns", "servfail", "network.dns", "the resolver answers SERVFAIL", C("-t 2"), "http://sick.example.net/r/firmware.bin")
    go("refused", "plain", "server.error", "nothing listens", C("-t 2"), h + ":81/plain/firmware.bin", also=["network.timeout", "network.no-link"])
    go("refused", "unreachable", "network.no-link", "no route to the server", C("-t 1"), "http://far.example.net/plain/firmware.bin")
    go("refused", "empty", "server.error", "the server closes without an answer", C("-t 2 -w 1"), h + "/empty/firmware.bin", also=["network.cut-off"])
    go("timeout", "silent", "network.timeout", "the server takes the connection and is silent", C("-T 4 -t 2"), h + ":8090/plain/firmware.bin")
    go("timeout", "connect", "network.timeout", "the connection is not taken", C("-T 4 -t 1"), h + ":8091/plain/firmware.bin")
    go("timeout", "stall", "network.timeout", "the transfer stalls", C("-T 3 -t 2"), h + "/stall/firmware.bin", also=["network.cut-off"])
    go("cut-off", "short", "network.cut-off", "each try breaks off", C("-t 2 --progress=dot:binary"), h + "/short/firmware.bin", also=["package.transit"], seconds=15)
    go("cut-off", "reset", "network.cut-off", "the connection is reset", C("-t 1 -nv"), h + "/reset/firmware.bin", also=["package.transit"])
    go("cut-off", "quiet", "network.cut-off", "each try breaks off, quiet, then the checksum", C("-q -t 2") + " || true", h + "/short/firmware.bin", style="script", also=["package.transit", "package.corrupted"])
    go("tls-time", "expired", "server.expired", "the certificate ended in 2022", C(), t("expired"), also=["network.tls"])
    go("tls-time", "clock", "clock.wrong", "a good certificate on a device whose clock stands in 1970", C(), t("good"), day="1970-01-01 00:03:07", style="script", also=["network.tls"])
    go("tls-time", "clock-typed", "clock.wrong", "a good certificate on a device whose clock stands in 2010", C(), t("good"), day="2010-01-01 04:11:07", style="typed", also=["network.tls"])
    go("tls-trust", "self", "network.tls", "the certificate is self-signed", C(), t("self"))
    go("tls-trust", "untrusted", "network.tls", "the authority is not trusted", C("-nv"), t("untrusted"))
    go("tls-trust", "name", "network.tls", "the certificate is for another name", C(), t("name"))
    for n, c in ((401, "server.refused"), (403, "server.refused")):
        go("status-auth", f"{n}", c, f"status {n}", C("-nv"), f"{h}/{n}/firmware.bin")
        go("status-auth", f"{n}-headers", c, f"status {n}", C("-S"), f"{h}/{n}/firmware.bin", style="typed")
    for n, c in ((404, "server.missing-file"), (410, "server.expired")):
        go("status-missing", f"{n}", c, f"status {n}", C(), f"{h}/{n}/firmware.bin", also=["server.missing-file"])
    for n, c in ((429, "server.overload"), (503, "server.overload"), (500, "server.error"), (502, "server.error"), (504, "server.error")):
        go("status-overload", f"{n}", c, f"status {n}", C("-t 2"), f"{h}/{n}/firmware.bin", also=["server.error", "server.overload"])
    go("portal", "redirect", "network.captive-portal", "a login page after a redirect, saved as firmware", C(), h + "/portal/firmware.bin", style="script", also=["package.transit", "package.corrupted"])
    go("portal", "page", "network.captive-portal", "a login page in place of the file", C() + "; head -c 300 DIR/firmware.bin", h + "/page/firmware.bin", style="typed", also=["package.transit", "package.corrupted"])
    sh("mount -t tmpfs -o size=300k tmpfs /mnt/small")
    go("space", "full", "space.download", "the target has 300 KiB", C(), h + "/plain/firmware.bin", folder="/mnt/small")
    go("space", "full-quiet", "space.download", "the target has 300 KiB", C("-nv"), h + "/plain/firmware.bin", folder="/mnt/small", style="script")
    sh("umount /mnt/small")
    go("healthy", "plain", "none", "all is well", C(), h + "/plain/firmware.bin", style="script")
    go("healthy", "tls", "none", "all is well, TLS", C("-nv"), t("good"), style="syslog")
    go("healthy", "retry", "none", "two tries break off, the third goes on", C("-t 5 -w 1 --progress=dot:binary"), h + "/flaky/firmware.bin", style="typed")


def aria():
    h = f"http://{SITE}"
    digest = hashlib.sha256(IMAGE).hexdigest()
    C = lambda o="": f"aria2c --summary-interval=1 -x 2 {o} -d DIR -o firmware.bin URL".replace("  ", " ")
    go = lambda *a, **k: one(ARIA, *a, **k)
    go("network", "dns", "network.dns", "the name does not exist", C("-m 1"), "http://update.acme.invalid/firmware.bin")
    go("network", "refused", "server.error", "nothing listens", C("-m 2 --retry-wait=1"), h + ":81/plain/firmware.bin", also=["network.timeout", "network.no-link"])
    go("network", "stall", "network.timeout", "the transfer stalls", C("-m 2 --timeout=3 --retry-wait=1"), h + "/stall/firmware.bin", also=["network.cut-off"])
    go("network", "503", "server.overload", "status 503", C("-m 2 --retry-wait=1"), h + "/503/firmware.bin", also=["server.error"])
    go("network", "404", "server.missing-file", "status 404", C("-m 1"), h + "/404/firmware.bin")
    go("checksum", "flip", "package.transit", "one bit changes on the way", C(f"--checksum=sha-256={digest}"), h + "/flip/firmware.bin", also=["package.corrupted"])
    go("checksum", "page", "package.corrupted", "a page in place of the file", C(f"--checksum=sha-256={digest}"), h + "/page/firmware.bin", also=["network.captive-portal", "package.transit"])
    go("healthy", "plain", "none", "all is well", C(f"--checksum=sha-256={digest}"), h + "/plain/firmware.bin", style="script")
    go("healthy", "retry", "none", "two tries break off, the third succeeds", C(f"-m 5 --retry-wait=1 --checksum=sha-256={digest}"), h + "/flaky/firmware.bin", style="typed")


def rsync():
    sh("mkdir -p /srv/fw && head -c 3000000 /dev/urandom >/srv/fw/rootfs.img && echo 2.4.0 >/srv/fw/version")
    open("/etc/rsyncd.conf", "w").write("use chroot = no\n[fw]\npath = /srv/fw\nread only = yes\nuid = root\ngid = root\n[secret]\npath = /srv/fw\nauth users = dev\nsecrets file = /etc/rsyncd.secrets\n")
    open("/etc/rsyncd.secrets", "w").write("dev:pass\n")
    os.chmod("/etc/rsyncd.secrets", 0o600)
    server = subprocess.Popen(["rsync", "--daemon", "--no-detach", "--port=873"])
    time.sleep(0.5)
    C = lambda o="": f"rsync -av {o} URL DIR/fw/".replace("  ", " ")
    u = f"rsync://{SITE}/fw/"
    go = lambda *a, **k: one(RSYNC, *a, style=k.pop("style", "typed"), **k)
    go("network", "dns", "network.dns", "the name does not exist", C(), "rsync://update.acme.invalid/fw/")
    go("network", "refused", "server.error", "nothing listens", C("--port=874"), u, also=["network.timeout", "network.no-link"])
    go("network", "silent", "network.timeout", "the server is silent", C("--port=8090 --contimeout=3 --timeout=3"), u)
    go("network", "no-module", "server.missing-file", "the module does not exist", C(), f"rsync://{SITE}/firmware/")
    go("network", "auth", "server.refused", "the password is wrong", "RSYNC_PASSWORD=wrong " + C(), f"rsync://dev@{SITE}/secret/")
    sh("rm -rf /data/fw")
    cut = subprocess.Popen(f"sleep 1.6; kill $(pgrep -P {server.pid}) ", shell=True)
    go("network", "cut", "network.cut-off", "the server's side ends in the middle", C("--bwlimit=500"), u)
    cut.wait()
    sh("rm -rf /data/fw; mount -t tmpfs -o size=1m tmpfs /mnt/small")
    go("space", "full", "space.download", "the target has 1 MiB", C(), u, folder="/mnt/small")
    sh("umount /mnt/small")
    go("healthy", "first", "none", "all is well", C(), u)
    go("healthy", "again", "none", "nothing to do", C(), u)
    server.kill()


p = setup()
curl(p)
wget(p)
aria()
rsync()
print(CURL.count, WGET.count, ARIA.count, RSYNC.count)
