#!/usr/bin/env python3
"""Captures of mender, mender-artifact, fwupdtool, dumpimage, fw_printenv, delta and unpacking tools, openssl and ssh.
Needs: mender-client, mender-artifact, fwupd, u-boot-tools, libubootenv-tool, xdelta3, casync, zchunk, bmap-tools, openssl,
openssh-server, xz-utils, zip, unzip, squashfs-tools, faketime. Run by namespace.sh as root."""

import glob
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import traceback

import capture
import liars

RANDOM = random.Random(21)
IMAGE = RANDOM.randbytes(2 << 20)
WHICH = sys.argv[1:]


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True).stdout


def flip(data, at, n=1):
    b = bytearray(data)
    for i in range(at, min(at + n, len(b))):
        b[i] ^= 0x11
    return bytes(b)


def put(path, data):
    open(path, "wb").write(data)


def typed(cases, family, name, cause, why, command, timeout=25, before=(), after=(), style=None, prompt=None, code=True, fails=None, shown=None, **more):
    """One command at a prompt, or in a log of a service with times. fails: whether a failure is expected (checked)."""
    r = capture.invented(cases.program + family + name)
    host = r.choice(capture.HOSTS)
    prompt = prompt or r.choice([f"root@{host}:~# ", f"[root@{host} /data]# ", "# ", "$ "])
    style = style or r.choice(["none", "none", "iso", "date"])
    clock = capture.Clock(cases.program + name)
    text = b""
    for c in before:
        out, _ = capture.run(c, timeout=10, cwd="/data")
        text += capture.shell_transcript(prompt, c, out)
    prefix = capture.stamper(style, clock, host, cases.program, r.randint(300, 4000)) if style != "none" else None
    out, exit_code = capture.run(command, timeout=timeout, prefix=prefix, cwd="/data")
    text += capture.shell_transcript(prompt, shown or command, out, exit_code if code and r.random() < 0.7 else None)
    for c in after:
        out, _ = capture.run(c, timeout=10, cwd="/data")
        text += capture.shell_transcript(prompt, c, out)
    if (cause == "none") != (exit_code == 0) and fails is None:
        print(f"!! {cases.program}/{family}-{name}: exit code {exit_code} for {cause}: {out[-200:]!r}")
        return
    cases.case(family, name, cause, f"{cases.program}: {why}", {"terminal.txt" if style == "none" else "update.log": text}, **more)


def mender():
    A = capture.Cases("mender-artifact", "3.9.0")
    M = capture.Cases("mender", "3.4.0")
    put("/data/rootfs.img", IMAGE)
    for n in ("sign", "other"):
        sh(f"openssl genrsa -traditional -out /data/{n}.key 3072 && openssl rsa -in /data/{n}.key -pubout -out /data/{n}.pub")
    module = "mender-artifact write module-image -T single-file -t gw -n release-2.4.0 -o app.mender -f rootfs.img"
    put("/data/dest_dir", b"/data/app\n")
    sh("cd /data && " + module)
    sh("cd /data && mender-artifact write rootfs-image -t gw -n release-2.4.0 -o root.mender -f rootfs.img")
    sh("cd /data && mender-artifact write module-image -T single-file -t gw -n release-2.4.0 -o signed.mender -f rootfs.img -k sign.key")
    whole = open("/data/app.mender", "rb").read()
    signed = open("/data/signed.mender", "rb").read()
    C = "mender-artifact "
    P = ["package.transit", "package.at-rest", "package.maker"]
    at = len(whole) // 2
    for n, d, c in (("bit-payload", flip(whole, at), "package.corrupted"), ("bit-early", flip(whole, 700, 3), "package.corrupted"), ("cut-half", whole[:at], "package.transit"), ("cut-early", whole[:2500], "package.transit"),
                    ("cut-end", whole[:-40000], "package.transit"), ("page", liars.PORTAL, "package.corrupted"), ("empty", b"", "package.corrupted"), ("zeros", whole[:at] + bytes(len(whole) - at), "package.corrupted")):
        put("/data/x.mender", d)
        typed(A, "damaged", n, c, f"a damaged artifact ({n})", C + r"validate x.mender", also=P + ["package.corrupted", "network.captive-portal"])
        if n in ("bit-payload", "cut-half", "page"):
            typed(A, "damaged", n + "-read", c, f"a damaged artifact ({n})", C + "read x.mender", also=P + ["package.corrupted", "network.captive-portal"], fails=True)
    put("/data/x.mender", signed)
    typed(A, "signature", "other-key", "genuine.signature", "an artifact signed with another key", C + "validate -k other.pub x.mender")
    put("/data/y.mender", whole)
    typed(A, "signature", "unsigned", "genuine.signature", "an artifact without a signature", C + "validate -k sign.pub y.mender")
    typed(A, "healthy", "validate", "none", "a good artifact", C + "validate -k sign.pub signed.mender")
    typed(A, "healthy", "read", "none", "a good artifact", C + "read app.mender")

    # the client
    sh("mkdir -p /srv/mender /etc/mender /data/app && rm -rf /var/lib/mender; mount -t tmpfs tmpfs /var/lib -o size=50m; mkdir -p /var/lib/mender")
    put("/var/lib/mender/device_type", b"device_type=gw\n")
    put("/etc/mender/artifact_info", b"artifact_name=release-2.3.0\n")
    put("/etc/mender/mender.conf", b'{"ServerURL": "https://updates.example.net"}\n')
    sh("mkdir -p /usr/share/mender/modules/v3 && ls /usr/share/mender/modules/v3")
    mod = """#!/bin/sh
set -e
case "$1" in
NeedsArtifactReboot) echo No;;
SupportsRollback) echo %s;;
ArtifactInstall) %s cp "$2"/files/* /data/app/;;
ArtifactRollback) echo "restoring the old file" >&2;;
esac
exit 0
"""
    sh("mkdir -p /srv/modules && mount --bind /srv/modules /usr/share/mender/modules/v3")

    def module_file(install="", rollback="No"):
        put("/srv/modules/single-file", (mod % (rollback, install)).encode())
        os.chmod("/srv/modules/single-file", 0o755)

    module_file()

    def install(family, name, cause, why, command="mender install app.mender", reset=True, level="", **more):
        if reset:
            sh("rm -f /var/lib/mender/mender-store* /data/app/*", check=False)
        typed(M, family, name, cause, why, command.replace("mender ", f"mender {level}", 1), **more)

    install("healthy", "install", "none", "a good artifact", after=["mender show-artifact"])
    install("healthy", "debug", "none", "a good artifact, debug log", level="--log-level debug ")
    for n, t in (("other", "hub"), ("case", "GW"), ("other-board", "raspberrypi4-64")):
        put("/var/lib/mender/device_type", f"device_type={t}\n".encode())
        install("device-type", n, "device.wrong", f"an artifact for gw on a device {t}", level="--log-level debug " if n == "case" else "")
    sh("rm /var/lib/mender/device_type")
    install("device-type", "missing", "configuration.incompatible", "the file device_type is missing", also=["device.wrong", "corruption.filesystem"])
    put("/var/lib/mender/device_type", b"device_type=gw\n")
    for i, a in enumerate((len(whole) // 2, len(whole) // 3, len(whole) - 50000)):
        put("/data/x.mender", flip(whole, a, 2))
        install("checksum", f"bit-{i}", "package.corrupted", f"two bytes of the artifact are changed at {a}", command="mender install x.mender", also=P)
    # A payload with another content: the checksum of the manifest differs, the archive itself is sound
    sh("rm -rf /data/t && mkdir /data/t && cd /data/t && tar xf ../app.mender && mkdir d && cd d && tar xzf ../data/0000.tar.gz && ls")
    inner = glob.glob("/data/t/d/*")[0]
    put(inner, flip(open(inner, "rb").read(), 1000, 4))
    sh("cd /data/t/d && tar czf ../data/0000.tar.gz * && cd .. && tar cf ../x.mender version manifest header.tar.gz data/0000.tar.gz")
    install("checksum", "payload", "package.corrupted", "the payload is not the one of the manifest", command="mender install x.mender", also=P)
    install("checksum", "payload-debug", "package.corrupted", "the payload is not the one of the manifest, debug log", command="mender install x.mender", level="--log-level debug ", also=P)
    for i, n in enumerate((at, 10000, 2100, len(whole) - 3000)):
        put("/data/x.mender", whole[:n])
        install("truncated", f"at-{i}", "package.transit", f"only {n} bytes of the artifact came", command="mender install x.mender", also=["package.corrupted", "network.cut-off", "package.at-rest"])
    shutil.copy("/data/sign.pub", "/etc/mender/key.pub")
    conf = {"ServerURL": "https://updates.example.net", "ArtifactVerifyKey": "/etc/mender/key.pub"}
    put("/etc/mender/mender.conf", json.dumps(conf).encode())
    install("signature", "unsigned", "genuine.signature", "an artifact without a signature on a device that demands one")
    shutil.copy("/data/other.pub", "/etc/mender/key.pub")
    install("signature", "other-key", "genuine.signature", "an artifact signed with another key", command="mender install signed.mender")
    os.remove("/etc/mender/key.pub")
    install("signature", "key-missing", "configuration.incompatible", "the key file is missing", command="mender install signed.mender", also=["genuine.signature"])
    put("/etc/mender/mender.conf", b'{"ServerURL": "https://updates.example.net"}\n')
    install("rootfs-config", "no-boot-env", "configuration.incompatible", "an image for the root file system on a device that is not set up for it", command="mender install root.mender", also=["device.wrong", "boot.environment", "package.maker", "device.version-step"])
    put("/etc/mender/mender.conf", b'{"ServerURL": "https://updates.example.net", "RootfsPartA": "/dev/mmcblk0p2", "RootfsPartB": "/dev/mmcblk0p3"}\n')
    install("rootfs-config", "no-match", "boot.slot", "the partitions of the configuration are not those that run", command="mender install root.mender", also=["configuration.incompatible", "boot.environment"])
    sh("rm /srv/modules/single-file")
    install("rootfs-config", "no-module", "configuration.incompatible", "the update module is missing", also=["device.wrong"])
    module_file()
    put("/etc/mender/mender.conf", b'{"ServerURL": "https://updates.example.net",\n')
    install("rootfs-config", "syntax", "configuration.incompatible", "mender.conf has a fault in its syntax")
    put("/etc/mender/mender.conf", b'{"ServerURL": "https://updates.example.net"}\n')
    sh("mount -t tmpfs -o size=1m tmpfs /data/app")
    install("space", "module", "space.slot", "the module has no room for the file", also=["space.temporary"])
    sh("umount /data/app; umount /var/lib; mount -t tmpfs tmpfs /var/lib -o size=1m; mkdir -p /var/lib/mender")
    put("/var/lib/mender/device_type", b"device_type=gw\n")
    install("space", "work", "space.temporary", "/var/lib/mender has 1 MiB", also=["space.download", "space.slot"])
    sh("umount /var/lib; mount -t tmpfs tmpfs /var/lib -o size=50m; mkdir -p /var/lib/mender")
    put("/var/lib/mender/device_type", b"device_type=gw\n")
    for n, code, c in (("battery", "echo 'battery at 12 %, not installing below 40 %' >&2; exit 1;", "policy.battery"), ("in-use", "echo 'a recording is running, try again later' >&2; exit 21;", "policy.in-use"), ("health", "cp \"$2\"/files/* /data/app/; echo 'app does not answer at :8080 after the update' >&2; exit 1;", "firmware.health")):
        module_file(code, "Yes")
        install("script", n, c, f"the update module stops ({n})")
    module_file()
    liars.ZONE.update({"updates.example.net": "127.0.0.1", "login.guest.example": "127.0.0.1"})
    liars.dns()
    liars.FILES["app.mender"] = whole
    liars.FILES["login"] = liars.PORTAL
    liars.http_server(80)
    ca = liars.authority("/run/capture/ca")
    liars.http_server(8440, certificate=liars.issue("/run/capture/ca", "expired", ca, ["updates.example.net"], "20200101000000Z", "20220101000000Z"))
    other = liars.authority("/run/capture/ca2", "Else CA")
    liars.http_server(8441, certificate=liars.issue("/run/capture/ca2", "srv", other, ["updates.example.net"]))
    sh("cat /run/capture/ca/ca.pem >>/etc/ssl/certs/ca-certificates.crt")
    h = "mender install http://updates.example.net"
    for n, u, c, also in (("404", h + "/404/app.mender", "server.missing-file", []), ("403", h + "/403/app.mender", "server.refused", []), ("503", h + "/503/app.mender", "server.overload", ["server.error"]),
                          ("short", h + "/short/app.mender", "network.cut-off", ["package.transit", "package.corrupted"]), ("empty", h + "/empty/app.mender", "server.error", ["network.cut-off"]),
                          ("dns", "mender install http://update.acme.invalid/app.mender", "network.dns", []), ("refused", h + ":81/app.mender", "server.error", ["network.timeout", "network.no-link"]),
                          ("unreachable", "mender install http://10.20.30.40/app.mender", "network.no-link", []), ("portal", h + "/portal/app.mender", "network.captive-portal", ["package.corrupted", "package.transit"]),
                          ("tls-expired", "mender install https://updates.example.net:8440/plain/app.mender", "server.expired", ["network.tls"]), ("tls-untrusted", "mender install https://updates.example.net:8441/plain/app.mender", "network.tls", []),
                          ("flip", h + "/flip/app.mender", "package.transit", ["package.corrupted"])):
        install("http", n, c, f"from a server: {n}", command=u, timeout=40, also=also)
    install("healthy", "http", "none", "from a server", command=h + "/plain/app.mender")
    print(A.count, M.count)


def fwupd():
    F = capture.Cases("fwupdtool", "2.0.20")
    typed_ = lambda *a, **k: typed(F, *a, **k)
    put("/data/app.bin", IMAGE[:65536])
    sh("cd /data && objcopy -I binary -O ihex app.bin app.hex && objcopy -I binary -O srec app.bin app.srec && cp app.bin app.dfu && dfu-suffix -v 1209 -p 2003 -a app.dfu && mkimage -A arm -O linux -T kernel -n x -d app.bin app.uimg >/dev/null")
    hexa = open("/data/app.hex", "rb").read()
    srec = open("/data/app.srec", "rb").read()
    dfu = open("/data/app.dfu", "rb").read()
    lines = hexa.split(b"\r\n") if b"\r\n" in hexa else hexa.split(b"\n")
    bad = lines[:200] + [lines[200][:20] + (b"0" if lines[200][20:21] != b"0" else b"F") + lines[200][21:]] + lines[201:]
    sl = srec.split(b"\r\n") if b"\r\n" in srec else srec.split(b"\n")
    files = {"bit.hex": b"\n".join(bad), "cut.hex": hexa[:30011], "cutline.hex": b"\n".join(lines[:500]) + b"\n", "page.hex": liars.PORTAL, "cut.srec": srec[:50017], "bit.srec": b"\n".join(sl[:70] + [sl[70][:14] + (b"0" if sl[70][14:15] != b"0" else b"F") + sl[70][15:]] + sl[71:]),
             "bit.dfu": flip(dfu, 3000), "cut.dfu": dfu[:40000]}
    for n, d in files.items():
        put("/data/" + n, d)
    sh("cd /data && printf '<?xml version=\"1.0\"?>\\n<component type=\"firmware\"><id>com.acme.gw.firmware</id><name>Gateway</name><summary>Gateway</summary><provides><firmware type=\"flashed\">b585990a-003e-5270-89d5-3705a17f9a43</firmware></provides><metadata_license>CC0-1.0</metadata_license><project_license>LicenseRef-proprietary</project_license><releases><release version=\"1.2.4\" date=\"2026-09-01\"><checksum target=\"content\" filename=\"app.bin\" type=\"sha256\">%s</checksum></release></releases></component>\\n' $(sha256sum app.bin | cut -d' ' -f1) >app.metainfo.xml && gcab -c app.cab app.bin app.metainfo.xml")
    cab = open("/data/app.cab", "rb").read()
    put("/data/bit.cab", flip(cab, len(cab) // 2))
    put("/data/cut.cab", cab[:len(cab) // 2])
    put("/data/page.cab", liars.PORTAL)
    sh("cd /data && sed 's/<checksum.*<.checksum>/<checksum target=\"content\" filename=\"app.bin\" type=\"sha256\">00000000e0eecab6d5104d93aecd85f1ba87b8acb4ac2ea0e2b26e3bd1e5a0a1<\\/checksum>/' app.metainfo.xml >m.xml && mkdir -p c && cp app.bin c/ && cp m.xml c/app.metainfo.xml && cd c && gcab -c ../hash.cab app.bin app.metainfo.xml && cd .. && gcab -c nofile.cab app.metainfo.xml && gcab -c nometa.cab app.bin")
    P = ["package.transit", "package.at-rest", "package.maker"]
    for n, kind, c in (("bit.hex", "ihex", "package.corrupted"), ("cut.hex", "ihex", "package.corrupted"), ("cutline.hex", "ihex", "package.corrupted"), ("page.hex", "ihex", "package.corrupted"), ("cut.srec", "srec", "package.corrupted"), ("bit.srec", "srec", "package.corrupted"),
                       ("bit.dfu", "dfu", "package.corrupted"), ("cut.dfu", "dfu", "package.corrupted")):
        typed_("parse-damaged", n.replace(".", "-"), c, f"a damaged {kind} file", f"fwupdtool firmware-parse {n} {kind}", also=P, timeout=60)
    for n in ("bit.cab", "cut.cab", "page.cab"):
        typed_("parse-damaged", n.replace(".", "-"), "package.corrupted", "a damaged cabinet", f"fwupdtool get-details {n}", also=P + ["network.captive-portal"], timeout=60)
    typed_("parse-damaged", "hash-cab", "package.maker", "the checksum of the metadata is not that of the file", "fwupdtool get-details hash.cab", also=["package.corrupted"], timeout=60)
    typed_("install", "no-device", "device.wrong", "no device for this cabinet", "fwupdtool install app.cab", timeout=60, also=["network.cable"])
    typed_("install", "no-metadata", "package.maker", "a cabinet without metadata", "fwupdtool install nometa.cab", timeout=60, also=["package.corrupted"])
    typed_("install", "no-payload", "package.maker", "a cabinet without its firmware", "fwupdtool install nofile.cab", timeout=60, also=["package.corrupted"])
    typed_("install", "cut", "package.corrupted", "a cabinet that ends early", "fwupdtool install cut.cab", timeout=60, also=P)
    typed_("install", "blob-no-device", "device.wrong", "no such device", "fwupdtool install-blob app.bin 08d460be0f1f9f128413f816022a6439e0078018", timeout=60, also=["network.cable"])
    for n, kind in (("app.hex", "ihex"), ("app.srec", "srec"), ("app.dfu", "dfu")):
        typed_("healthy", kind, "none", f"a good {kind} file", f"fwupdtool firmware-parse {n} {kind}", timeout=60)
    print(F.count)


def uboot_tools():
    D = capture.Cases("dumpimage", "2023.01")
    E = capture.Cases("fw_printenv", "0.3.2")
    put("/data/kernel", IMAGE[:300000])
    sh("cd /data && mkimage -A arm -O linux -T kernel -C none -a 0x80008000 -e 0x80008000 -n Linux-5.15.71 -d kernel uImage >/dev/null")
    u = open("/data/uImage", "rb").read()
    P = ["package.transit", "package.at-rest", "package.maker", "write.interrupted"]
    for n, d in (("header", flip(u, 30)), ("magic", flip(u, 1)), ("cut-header", u[:40]), ("page", liars.PORTAL), ("data", flip(u, 9000)), ("cut", u[:150000])):
        put("/data/x.img", d)
        for tool in ("dumpimage -l", "mkimage -l"):
            out, code = capture.run(f"{tool} x.img", cwd="/data")
            if code or n == "page":
                typed(D, "damaged", n + tool[:2], "package.corrupted", f"a damaged uImage ({n})", f"{tool} x.img", also=P, fails=True)
    typed(D, "healthy", "list", "none", "a good uImage", "dumpimage -l uImage")
    typed(D, "healthy", "make", "none", "an image is made", "mkimage -A arm -O linux -T kernel -C none -a 0x80008000 -e 0x80008000 -n Linux-5.15.71 -d kernel uImage2")

    put("/data/env.txt", b"bootcmd=run bootslot\nslot=a\nbootcount=0\nupgrade_available=0\nserial#=A1B2C3\n")
    sh("cd /data && mkenvimage -s 0x4000 -r -o env.bin env.txt && cat env.bin env.bin >envstore")
    store = open("/data/envstore", "rb").read()
    put("/etc/fw_env.config", b"/data/env 0x0 0x4000\n/data/env 0x4000 0x4000\n")

    def env(family, name, cause, why, data, command="fw_printenv", **more):
        if data is not None:
            put("/data/env", data)
        typed(E, family, name, cause, why, command, fails=True, **more)
    env("healthy", "print", "none", "a good environment", store)
    env("healthy", "set", "none", "a good environment", store, "fw_setenv slot b && fw_printenv slot bootcount")
    env("environment", "both", "boot.environment", "both copies are damaged", flip(flip(store, 100, 5), 0x4100, 5), also=["storage.io", "power.lost", "corruption.table"])
    env("environment", "erased", "boot.environment", "both copies are erased", b"\xff" * 0x8000, also=["storage.io", "power.lost", "corruption.table", "none"])
    env("environment", "short", "boot.environment", "the store is too short", store[:0x2000], also=["storage.io", "configuration.incompatible"])
    os.remove("/data/env")
    env("configuration", "no-store", "configuration.incompatible", "the store does not exist", None, also=["boot.environment", "storage.io", "device.wrong"])
    put("/etc/fw_env.config", b"/dev/mtd1 0x0 0x4000 0x4000\n")
    env("configuration", "no-mtd", "configuration.incompatible", "the flash device does not exist", None, also=["boot.environment", "storage.io", "device.wrong"])
    os.remove("/etc/fw_env.config")
    env("configuration", "no-config", "configuration.incompatible", "fw_env.config is missing", None, also=["boot.environment"])
    put("/etc/fw_env.config", b"/data/env 0x1000 0x4000\n")
    env("configuration", "offset", "configuration.incompatible", "fw_env.config names another offset", store, also=["boot.environment"])
    env("configuration", "set-read-only", "storage.read-only", "the store cannot be written", None, "fw_setenv -c /data/ro.config slot b", also=["configuration.incompatible", "boot.environment"]) if False else None
    print(D.count, E.count)


def delta():
    X, C, Z, B = capture.Cases("xdelta3", "3.0.11"), capture.Cases("casync", "2"), capture.Cases("zchunk", "1.2.3"), capture.Cases("bmaptool", "3.6")
    put("/data/old.img", IMAGE)
    new = flip(IMAGE, 5000, 300) + RANDOM.randbytes(3000)
    put("/data/new.img", new)
    put("/data/other.img", RANDOM.randbytes(2 << 20))
    sh("cd /data && xdelta3 -e -f -s old.img new.img update.vcdiff")
    d = open("/data/update.vcdiff", "rb").read()
    T = "xdelta3 -d -f -s {} {} out.img"
    typed(X, "healthy", "apply", "none", "a good delta", T.format("old.img", "update.vcdiff"), after=["sha256sum new.img out.img"])
    typed(X, "delta", "other-source", "device.version-step", "the delta is applied to another image", T.format("other.img", "update.vcdiff"), also=["package.corrupted", "storage.io", "corruption.filesystem"])
    put("/data/old2.img", flip(IMAGE, 1 << 20))
    typed(X, "delta", "source-bit", "device.version-step", "one bit of the old image is changed", T.format("old2.img", "update.vcdiff"), also=["package.corrupted", "storage.io", "storage.bad-blocks", "corruption.filesystem"])
    for n, b in (("bit", flip(d, len(d) - 900)), ("cut", d[:len(d) // 2]), ("page", liars.PORTAL), ("empty", b"")):
        put("/data/x.vcdiff", b)
        typed(X, "delta", n, "package.corrupted", f"a damaged delta ({n})", T.format("old.img", "x.vcdiff"), also=["package.transit", "package.at-rest", "device.version-step"])

    big = RANDOM.randbytes(4 << 20)
    put("/data/rootfs.img", big)
    sh("cd /data && casync make --store=store.castr rootfs.caibx rootfs.img")
    typed(C, "healthy", "extract", "none", "all chunks are there", "casync extract --store=store.castr rootfs.caibx out.img", after=["sha256sum rootfs.img out.img"])
    chunks = sorted(glob.glob("/data/store.castr/*/*.cacnk"))
    keep = open(chunks[3], "rb").read()
    sh("chmod -R u+w /data/store.castr")
    os.remove(chunks[3])
    typed(C, "store", "missing", "server.missing-file", "a chunk is missing in the store", "casync extract --store=store.castr rootfs.caibx out.img", also=["package.corrupted"])
    put(chunks[3], flip(keep, len(keep) // 2, 4))
    typed(C, "store", "damaged", "package.corrupted", "a chunk is damaged", "casync extract --store=store.castr rootfs.caibx out.img", also=["package.at-rest", "package.transit"])
    put(chunks[3], keep[:1000])
    typed(C, "store", "cut", "package.corrupted", "a chunk ends early", "casync extract --store=store.castr rootfs.caibx out.img", also=["package.at-rest", "package.transit"])
    put(chunks[3], keep)
    index = open("/data/rootfs.caibx", "rb").read()
    put("/data/x.caibx", index[:len(index) // 2])
    typed(C, "store", "index-cut", "package.corrupted", "the index ends early", "casync extract --store=store.castr x.caibx out.img", also=["package.at-rest", "package.transit"])
    liars.ZONE["chunks.example.net"] = "127.0.0.1"
    typed(C, "store", "index-page", "package.corrupted", "the index is a web page", "cp /etc/motd x.caibx; casync extract --store=store.castr x.caibx out.img", also=["package.at-rest", "package.transit"])

    sh("cd /data && zck -o fw.zck rootfs.img")
    z = open("/data/fw.zck", "rb").read()
    typed(Z, "healthy", "unzck", "none", "a good file", "unzck fw.zck -c >/dev/null")
    for n, b in (("bit", flip(z, len(z) // 2)), ("header", flip(z, 90, 4)), ("page", liars.PORTAL)):
        put("/data/x.zck", b)
        typed(Z, "damaged", n, "package.corrupted", f"a damaged file ({n})", "unzck x.zck", also=["package.transit", "package.at-rest"])
    sh("cd /data && truncate -s 8M sparse.img && dd if=rootfs.img of=sparse.img bs=1M seek=2 conv=notrunc && bmaptool create -o sparse.bmap sparse.img")
    typed(B, "healthy", "copy", "none", "a good copy", "bmaptool copy --bmap sparse.bmap sparse.img disk.img")
    img = open("/data/sparse.img", "rb").read()
    put("/data/x.img", flip(img, 3 << 20))
    typed(B, "damaged", "bit", "package.corrupted", "one bit of the image is changed", "bmaptool copy --bmap sparse.bmap x.img disk.img", also=["package.transit", "package.at-rest"])
    put("/data/x.img", img[:5 << 20])
    typed(B, "damaged", "cut", "package.corrupted", "the image ends early", "bmaptool copy --bmap sparse.bmap x.img disk.img", also=["package.transit", "package.at-rest"])
    m = open("/data/sparse.bmap", "rb").read()
    put("/data/x.bmap", m.replace(b"<BlocksCount>", b"<BlocksCount> 9", 1))
    typed(B, "damaged", "bmap", "package.corrupted", "the bmap file is changed", "bmaptool copy --bmap x.bmap sparse.img disk.img", also=["package.maker", "package.transit"])
    sh("gzip -k -1 /data/sparse.img")
    g = open("/data/sparse.img.gz", "rb").read()
    put("/data/y.img.gz", g[:len(g) // 2])
    typed(B, "damaged", "gz-cut", "package.corrupted", "the compressed image ends early", "bmaptool copy --bmap sparse.bmap y.img.gz disk.img", also=["package.transit", "package.at-rest"])
    sh("mount -t tmpfs -o size=1m tmpfs /mnt")
    typed(B, "space", "full", "space.slot", "the target has 1 MiB", "bmaptool copy --bmap sparse.bmap sparse.img /mnt/disk.img", also=["space.temporary"])
    sh("umount /mnt")
    print(X.count, C.count, Z.count, B.count)


def unpack():
    U = capture.Cases("unpack", "gzip 1.12, xz 5.4.1, tar 1.34, unzip 6.0, squashfs-tools 4.5.1, sha256sum 9.1, dd 9.1")
    version = {"gzip": "gzip 1.12", "xz": "xz 5.4.1", "tar": "tar 1.34", "unzip": "unzip 6.0", "unsq": "unsquashfs 4.5.1", "sha2": "sha256sum (coreutils) 9.1", "dd": "dd (coreutils) 9.1", "zstd": "zstd 1.5.4", "cpio": "cpio 2.13", "md5": "md5sum (coreutils) 9.1"}
    sh("mkdir -p /data/tree/usr/lib /data/tree/etc && for i in 1 2 3 4 5 6; do head -c 200000 /dev/urandom >/data/tree/usr/lib/lib$i.so; done; echo 2.4.0 >/data/tree/etc/version")
    sh("cd /data && tar cf fw.tar -C tree . && gzip -k fw.tar && xz -k fw.tar && zstd -q fw.tar && (cd tree && zip -qr ../fw.zip . && find . | cpio --quiet -o -H newc >../fw.cpio) && mksquashfs tree fw.sqfs -quiet -no-progress")
    P = ["package.transit", "package.at-rest", "network.cut-off"]
    commands = {"gzip": ("fw.tar.gz", "gzip -t {}"), "tar-gz": ("fw.tar.gz", "tar -xvzf {} -C out"), "tar-xz": ("fw.tar.xz", "tar -xJf {} -C out"), "xz": ("fw.tar.xz", "xz -tv {}"), "unzip": ("fw.zip", "unzip -o {} -d out"), "unzip-test": ("fw.zip", "unzip -t {}"),
                "unsquashfs": ("fw.sqfs", "unsquashfs -f -n -d out {}"), "zstd": ("fw.tar.zst", "zstd -t {}"), "cpio": ("fw.cpio", "cpio -idum -D out <{}"), "tar": ("fw.tar", "tar -xvf {} -C out")}
    for n, (f, c) in commands.items():
        whole = open("/data/" + f, "rb").read()
        v = next(version[k] for k in version if n.startswith(k))
        ext = f[2:]
        typed(U, "healthy", n, "none", "a good archive", "mkdir -p out; " + c.format(f), version=v) if n in ("tar-gz", "unzip", "unsquashfs", "xz") else None
        for how, d in (("bit", flip(whole, len(whole) // 2)), ("cut", whole[:len(whole) * 2 // 3]), ("page", liars.PORTAL)):
            put("/data/x" + ext, d)
            if how == "page" and n not in ("gzip", "tar-xz", "unzip", "unsquashfs", "tar"):
                continue
            out, code = capture.run(c.format("x" + ext), cwd="/data")
            if code == 0:
                continue
            typed(U, "damaged", f"{n}-{how}", "package.corrupted", f"a damaged archive ({how})", c.format("x" + ext), version=v, also=P + ["network.captive-portal", "package.maker"])
    sh("cd /data && sha256sum fw.tar.gz >fw.sha256; md5sum fw.zip >fw.md5")
    put("/data/fw.tar.gz", flip(open("/data/fw.tar.gz", "rb").read(), 70000))
    typed(U, "damaged", "sha256", "package.corrupted", "the checksum does not fit", "sha256sum -c fw.sha256", version=version["sha2"], also=P)
    put("/data/fw.zip", open("/data/fw.zip", "rb").read()[:300000])
    typed(U, "damaged", "md5", "package.corrupted", "the checksum does not fit", "md5sum -c fw.md5", version=version["md5"], also=P)
    sh("mount -t tmpfs -o size=600k tmpfs /mnt; cd /data; rm -f fw.tar.gz; gzip -k fw.tar")
    for n, c in (("tar", "tar -xzf fw.tar.gz -C /mnt"), ("dd", "dd if=fw.tar of=/mnt/slot bs=64k"), ("cp", "cp -v fw.tar /mnt/"), ("unsquashfs", "unsquashfs -n -f -d /mnt/root fw.sqfs"), ("cpio", "cpio -idum -D /mnt <fw.cpio")):
        sh("rm -rf /mnt/*")
        typed(U, "space", n, "space.slot", "the target has 600 KiB", c, before=["df -h /mnt"] if n in ("dd", "cp") else [], version=version.get(n, version["dd"]), also=["space.temporary", "space.download"], fails=True)
    sh("umount /mnt; mount -t tmpfs -o nr_inodes=5 tmpfs /mnt")
    typed(U, "space", "inodes", "space.inodes", "the target has no inodes left", "tar -xzf fw.tar.gz -C /mnt", after=["df -i /mnt", "df -h /mnt"], version=version["tar"])
    sh("umount /mnt")
    print(U.count)


def ssh():
    S = capture.Cases("ssh", "9.2p1")
    sh("mkdir -p /run/sshd /root/.ssh 2>/dev/null; mkdir -p /srv/home && chmod 700 /srv/home && mount --bind /srv/home /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; ssh-keygen -A")
    put("/etc/ssh/sshd_config", b"Port 22\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nSubsystem sftp /usr/lib/openssh/sftp-server\n")
    liars.ZONE.update({"gw.example.net": "127.0.0.1", "far.example.net": "10.20.30.40"})
    try:
        liars.dns()
    except OSError:
        pass
    d = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e"], stderr=subprocess.DEVNULL)
    liars.silent_port(8090)
    put("/data/fw.bin", RANDOM.randbytes(6 << 20))
    time.sleep(1)
    sh("ssh-keyscan gw.example.net 2>/dev/null >/root/.ssh/known_hosts")
    typed(S, "healthy", "scp", "none", "a good copy", "scp fw.bin gw.example.net:/srv/", fails=True)
    typed(S, "healthy", "verbose", "none", "a good command", "ssh -v gw.example.net sha256sum /srv/fw.bin", fails=True)
    typed(S, "network", "dns", "network.dns", "the name does not exist", "scp fw.bin hub.acme.invalid:/srv/")
    typed(S, "network", "refused", "server.error", "nothing listens", "scp -P 2222 fw.bin gw.example.net:/srv/", also=["network.timeout", "network.no-link"])
    typed(S, "network", "unreachable", "network.no-link", "no route", "ssh far.example.net reboot")
    typed(S, "network", "silent", "network.timeout", "the server is silent", "ssh -o ConnectTimeout=3 -p 8090 gw.example.net true")
    kill = subprocess.Popen("sleep 2; kill -9 $(pgrep -f 'sshd: root@notty') $(pgrep sftp-server)", shell=True)
    typed(S, "network", "cut", "network.cut-off", "the connection ends in the middle", "scp -l 8000 fw.bin gw.example.net:/srv/")
    kill.wait()
    sh("mv /root/.ssh/authorized_keys /root/.ssh/x")
    typed(S, "trust", "key", "server.refused", "the key is not accepted", "scp fw.bin gw.example.net:/srv/")
    sh("mv /root/.ssh/x /root/.ssh/authorized_keys; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/o; echo \"gw.example.net $(cut -d' ' -f1,2 /root/.ssh/o.pub)\" >/root/.ssh/known_hosts")
    typed(S, "trust", "host-key", "network.tls", "the host key has changed", "scp fw.bin gw.example.net:/srv/", also=["genuine.signature", "device.wrong", "server.refused"])
    sh("ssh-keyscan gw.example.net 2>/dev/null >/root/.ssh/known_hosts; mkdir -p /srv/small; mount -t tmpfs -o size=1m tmpfs /srv/small")
    typed(S, "space", "full", "space.download", "the device has 1 MiB", "scp fw.bin gw.example.net:/srv/small/", fails=True, also=["space.temporary", "space.slot"])
    typed(S, "space", "dd", "space.slot", "an image is written through ssh to a slot that is too small", "ssh gw.example.net dd of=/srv/small/slot bs=64k <fw.bin", also=["space.temporary"])
    sh("umount /srv/small")
    d.kill()
    O = capture.Cases("openssl", "3.0.19")
    ca = liars.authority("/run/capture/sca")
    for i, (n, h, b, e) in enumerate((("good", "gw.example.net", None, None), ("expired", "gw.example.net", "20200101000000Z", "20220101000000Z"), ("name", "x.example.org", None, None))):
        liars.http_server(8500 + i, certificate=liars.issue("/run/capture/sca", n, ca, [h], b, e))
    sh("cp /run/capture/sca/ca.pem /data/ca.pem; openssl genrsa -out /data/k.pem 2048; openssl rsa -in /data/k.pem -pubout -out /data/pub.pem; cd /data && openssl dgst -sha256 -sign k.pem -out fw.sig fw.bin; openssl genrsa -out /data/k2.pem 2048; openssl rsa -in /data/k2.pem -pubout -out /data/pub2.pem")
    c = "openssl s_client -connect gw.example.net:{} -verify_return_error -verify_hostname gw.example.net -CAfile ca.pem -brief </dev/null"
    typed(O, "healthy", "s_client", "none", "a good connection", c.format(8500), fails=True)
    typed(O, "tls", "expired", "server.expired", "the certificate has ended", c.format(8501), also=["network.tls"])
    typed(O, "tls", "name", "network.tls", "the certificate is for another name", c.format(8502))
    typed(O, "tls", "refused", "server.error", "nothing listens", c.format(8599), also=["network.timeout", "network.no-link"])
    typed(O, "tls", "clock", "clock.wrong", "the clock stands in 1970", "faketime '1970-01-01 00:01:00' " + c.format(8500), before=["faketime '1970-01-01 00:01:00' date"], also=["network.tls", "genuine.expired"])
    typed(O, "healthy", "verify", "none", "a good signature", "openssl dgst -sha256 -verify pub.pem -signature fw.sig fw.bin")
    typed(O, "signature", "other-key", "genuine.signature", "the signature is of another key", "openssl dgst -sha256 -verify pub2.pem -signature fw.sig fw.bin", also=["package.corrupted"])
    put("/data/fw2.bin", flip(open("/data/fw.bin", "rb").read(), 77))
    typed(O, "signature", "changed", "package.corrupted", "the file was changed", "openssl dgst -sha256 -verify pub.pem -signature fw.sig fw2.bin", also=["genuine.signature", "package.transit"], before=["sha256sum fw.bin fw2.bin"])
    put("/data/fw.sig", b"")
    typed(O, "signature", "empty", "package.corrupted", "the signature file is empty", "openssl dgst -sha256 -verify pub.pem -signature fw.sig fw.bin", also=["genuine.signature", "package.transit"])
    print(S.count, O.count)


for part in (mender, fwupd, uboot_tools, delta, unpack, ssh):
    if not WHICH or part.__name__ in WHICH:
        try:
            part()
        except Exception as e:
            traceback.print_exc()
