#!/usr/bin/env python3
"""Captures of swupdate: local installs of good and of faulty packages, and suricatta against a DDI server that lies.
Needs: swupdate, openssl, cpio, e2fsprogs, faketime. Run by namespace.sh as root."""

import hashlib
import json
import os
import random
import re
import subprocess
import threading
import time
import http.server

import capture
import liars

cases = capture.Cases("swupdate", "2022.12")
K = "/run/capture/keys"
RANDOM = random.Random(17)
PAYLOAD = RANDOM.randbytes(1 << 20)


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True).stdout


def keys():
    os.makedirs(K)
    for name, subject in (("signer", "/O=Acme/CN=release signing 2025"), ("other", "/O=Acme/CN=developer build"), ("old", "/O=Acme/CN=release signing 2019")):
        fake = "faketime 2019-03-01 " if name == "old" else ""
        days = "730" if name == "old" else "3650"
        sh(f"{fake}openssl req -x509 -newkey rsa:2048 -nodes -days {days} -subj '{subject}' -keyout {K}/{name}.key -out {K}/{name}.pem "
           "-addext extendedKeyUsage=codeSigning,emailProtection -addext basicConstraints=critical,CA:FALSE")


def description(version="2.4.0", hardware='"1.0", "1.1"', images="", scripts="", extra="", board="gw"):
    return f"""software =
{{
	version = "{version}";
	description = "Firmware of the gateway";
	hardware-compatibility: [ {hardware} ];
	{extra}
	images: (
{images}
	);
{scripts}}}
""".replace("board", board)


def image(name, data, device="/data/slot-b.img", kind="raw", digest=None, **more):
    lines = [f'filename = "{name}";', f'type = "{kind}";', f'sha256 = "{digest or hashlib.sha256(data).hexdigest()}";']
    if device:
        lines.append(f'device = "{device}";')
    lines += [f'{k} = "{v}";' for k, v in more.items() if not isinstance(v, bool)]
    lines += [f'{k} = {str(v).lower()};' for k, v in more.items() if isinstance(v, bool)]
    return "\t\t{\n" + "".join("\t\t\t" + line + "\n" for line in lines) + "\t\t}"


def package(text, files, signer="signer", tamper=None, sign=True, at="", detached=None):
    d = "/run/capture/swu"
    sh(f"rm -rf {d}; mkdir {d}")
    open(f"{d}/sw-description", "w").write(text)
    names = ["sw-description"]
    if sign:
        sh(f"cd {d} && {at}openssl cms -sign -in sw-description -out sw-description.sig -signer {K}/{signer}.pem -inkey {K}/{signer}.key -outform DER -nosmimecap -binary")
        names.append("sw-description.sig")
    for n, data in files.items():
        open(f"{d}/{n}", "wb").write(data)
        names.append(n)
    if tamper:
        tamper(d)
    sh(f"cd {d} && printf '%s\\n' {' '.join(names)} | cpio --quiet -o -H crc -O /data/update.swu")
    return open("/data/update.swu", "rb").read()


def write(data, path="/data/update.swu"):
    open(path, "wb").write(data)


def target(size=2 << 20):
    write(b"\xff" * size, "/data/slot-b.img")


STYLES = ["none", "syslog", "iso", "date", "clock"]


def install(family, name, cause, fault, options="-k /etc/swupdate/signer.pem", style=None, noise=None, timeout=30, before=b"", env=None, **more):
    """One local install, as a terminal or as a service shows it."""
    r = capture.invented(name)
    style = style or r.choice(STYLES)
    host = r.choice(capture.HOSTS)
    clock = capture.Clock(name)
    level = r.choice(["-v", "-l 4", "-l 5", ""])
    command = f"swupdate {level} {options} -i /data/update.swu".replace("  ", " ")
    prefix = capture.stamper(style, clock, host, "swupdate", r.randint(300, 4000))
    systemd = capture.stamper(style, clock, host, "systemd", 1)
    started = systemd().encode() + b"Started swupdate.service - Install the downloaded package.\n"
    out, code = capture.run(command, timeout=timeout, prefix=prefix, env=env)
    if (cause == "none") != (code == 0):
        print(f"!! {family}-{name}: exit code {code}: {out[-200:]!r}")
        return
    out = re.sub(rb"\x1b\[[0-9;]*m", b"", out) if style != "none" and r.random() < 0.5 else out
    if style in ("syslog", "iso"):
        text, file = out, "messages"
        head = started if r.random() < 0.6 else b""
        tail = systemd().encode() + (b"swupdate.service: Deactivated successfully.\n" if code == 0 else
                                     f"swupdate.service: Main process exited, code=exited, status={code}/FAILURE\n".encode()) if head else b""
        text = head + text + tail
    else:
        listing = sh("ls -l --time-style=long-iso /data/update.swu") if r.random() < 0.5 else b""
        text = (f"root@{host}:~# ls -l --time-style=long-iso /data/update.swu\n".encode() + listing if listing else b"")
        text += capture.shell_transcript(f"root@{host}:~# ", command, out, code if r.random() < 0.6 else None)
        file = "console.log"
    files = {file: before + text}
    files.update(more.pop("files", {}))
    cases.case(family, name, cause, f"swupdate {fault}", files, **more)


def configure(text="", revision="gw 1.0", versions=None):
    os.makedirs("/etc/swupdate", exist_ok=True)
    for n in ("signer", "other", "old"):
        sh(f"cp {K}/{n}.pem /etc/swupdate/")
    write(f"{revision}\n".encode(), "/etc/hwrevision")
    sh("rm -f /etc/swupdate.cfg /etc/sw-versions")
    if text:
        write(text.encode(), "/etc/swupdate.cfg")
    if versions:
        write(versions.encode(), "/etc/sw-versions")


def good(**more):
    return description(images=image("rootfs.img", PAYLOAD), **more), {"rootfs.img": PAYLOAD}


def local():
    target()
    configure()
    # healthy
    for i, (n, d) in enumerate({"raw": good(), "two-images": (description(images=",\n".join([image("rootfs.img", PAYLOAD), image("kernel.img", PAYLOAD[:200000], "/data/kernel-b.img")])), {"rootfs.img": PAYLOAD, "kernel.img": PAYLOAD[:200000]})}.items()):
        write(b"\xff" * 300000, "/data/kernel-b.img")
        package(*d)
        install("healthy-local", n, "none", "install of a good package to a plain file")
    package(*good())
    install("healthy-local", "dry-run", "none", "dry run of a good package", options="-n -k /etc/swupdate/signer.pem")
    install("healthy-local", "check", "none", "check of a good package", options="-c -k /etc/swupdate/signer.pem")
    sh("truncate -s 16M /data/slot.ext4 && mkfs.ext4 -q /data/slot.ext4 && mkdir -p /mnt/slot && mount -o loop /data/slot.ext4 /mnt/slot")
    package(description(images="", scripts='\tfiles: (\n\t\t{ filename = "app.bin"; path = "/mnt/slot/app.bin"; type = "rawfile"; sha256 = "%s"; }\n\t);\n' % hashlib.sha256(PAYLOAD).hexdigest()), {"app.bin": PAYLOAD})
    install("healthy-local", "rawfile", "none", "install of one file into a mounted ext4")
    sh("umount /mnt/slot")
    package(*good(version="2.4.1"))
    configure(versions="rootfs 2.3.0\n")
    install("healthy-local", "newer", "none", "install of a newer version, with -N", options="-N 2.3.0 -k /etc/swupdate/signer.pem")
    configure()

    # hardware
    package(*good())
    for i, revision in enumerate(("gw 2.0", "hub 1.0.3", "gw-lite A", "panel 7")):
        configure(revision=revision)
        install("hardware", f"revision-{i}", "device.revision" if revision.startswith("gw ") else "device.wrong", f"on a device whose /etc/hwrevision is '{revision}'; the package is for 1.0 and 1.1",
                also=["device.wrong"] if revision.startswith("gw ") else ["device.revision"])
    configure()
    sh("rm /etc/hwrevision")
    install("hardware", "no-revision-file", "configuration.incompatible", "without /etc/hwrevision")
    configure()
    package(description(images=image("rootfs.img", PAYLOAD), hardware='"#RE:^2\\\\.[0-9]+$"'), {"rootfs.img": PAYLOAD})
    install("hardware", "pattern", "device.revision", "with a package for revisions 2.x on a device of revision 1.0", also=["device.wrong"])
    text = description(images="").replace("\timages: (\n\n\t);\n", "").replace("software =\n{", "software =\n{\n\tgw-plus = {\n\t\thardware-compatibility: [ \"3.0\" ];\n\t\timages: ( " + image("rootfs.img", PAYLOAD) + " );\n\t};")
    package(text, {"rootfs.img": PAYLOAD})
    install("hardware", "board-missing", "device.wrong", "with a package whose sw-description names only another board", also=["device.revision"])

    # hash
    def wrong_bytes(at, n):
        def do(d):
            data = bytearray(open(f"{d}/rootfs.img", "rb").read())
            data[at:at + n] = bytes(b ^ 0xA5 for b in data[at:at + n])
            open(f"{d}/rootfs.img", "wb").write(data)
        return do
    for at, n in ((0, 1), (400000, 4096), (len(PAYLOAD) - 10, 10)):
        package(*good(), tamper=wrong_bytes(at, n))
        install("hash", f"maker-{at}", "package.maker", "of a package made with an image that is not the one whose hash the signed sw-description holds (the checksum of the archive fits)",
                also=["package.corrupted", "package.at-rest"])
    whole = package(*good())
    for i, at in enumerate((300000, 700123, len(whole) - 5000)):
        data = bytearray(whole)
        data[at] ^= 0x40
        write(data)
        sent = hashlib.sha256(whole).hexdigest()
        got = hashlib.sha256(data).hexdigest()
        install("hash", f"transit-{i}", "package.transit", f"of a package with one bit changed at {at}; its checksum after the download is kept beside it",
                also=["package.corrupted", "package.at-rest"], files={"sha256sum.txt": f"published: {sent}  update.swu\ndevice:    {got}  update.swu\n"}, facts={"check.whole": "NO"})
    data = bytearray(whole)
    data[500000:504096] = b"\0" * 4096
    write(data)
    install("hash", "zeros", "package.corrupted", "of a package with 4 KiB of zeros in the middle of its image", also=["package.at-rest", "package.transit"])

    # truncated
    for i, part in enumerate((0.999, 0.75, 0.5, 0.3)):
        write(whole[:int(len(whole) * part)])
        install("truncated", f"at-{int(part * 1000)}", "package.transit", f"of a package cut after {int(part * 100)} %", facts={"check.truncated": "YES"} if i != 1 else None,
                also=["package.corrupted", "network.cut-off"])
    for i, n in enumerate((1000, 300, 60, 0)):
        write(whole[:n])
        install("truncated", f"head-{n}", "package.transit", f"of a package of which only {n} bytes came", also=["package.corrupted", "network.cut-off"])

    # signature
    package(*good(), signer="other")
    install("signature", "other-key", "genuine.signature", "of a package signed with a key that the device does not trust")
    install("signature", "other-key-verbose", "genuine.signature", "of a package signed with another key", options="-v -k /etc/swupdate/signer.pem", style="syslog")
    package(*good(), sign=False)
    install("signature", "none", "genuine.signature", "of an unsigned package", style="none")
    install("signature", "none-service", "genuine.signature", "of an unsigned package", style="iso")

    def other_text(d):
        t = open(f"{d}/sw-description").read().replace("2.4.0", "2.4.9")
        open(f"{d}/sw-description", "w").write(t)
    package(*good(), tamper=other_text)
    install("signature", "changed-description", "genuine.signature", "of a package whose sw-description was changed after signing", also=["package.corrupted", "package.maker"])

    def broken(d):
        open(f"{d}/sw-description.sig", "wb").write(b"not a signature at all\n" * 20)
    package(*good(), tamper=broken)
    install("signature", "no-cms", "genuine.signature", "of a package whose signature is no CMS", also=["package.maker", "package.corrupted"])
    package(*good())
    install("signature", "no-key", "configuration.incompatible", "without -k, built to demand signatures", options="", style="none")
    install("signature", "key-file-missing", "configuration.incompatible", "with a key file that does not exist", options="-k /etc/swupdate/release-2026.pem")

    # certificate
    package(*good(), signer="old", at="faketime 2020-01-01 ")
    install("certificate", "expired", "genuine.expired", "of a package signed with a certificate that ended in 2021", options="-k /etc/swupdate/old.pem", also=["genuine.signature"])
    install("certificate", "expired-verbose", "genuine.expired", "of a package whose signer certificate ended in 2021", options="-v -k /etc/swupdate/old.pem", style="iso", also=["genuine.signature"])
    package(*good())
    for i, day in enumerate(("1970-01-01 00:02:11", "2018-05-05 10:00:00")):
        out, code = capture.run(f"faketime '{day}' swupdate -v -k /etc/swupdate/signer.pem -i /data/update.swu")
        date = sh(f"faketime '{day}' date")
        text = b"root@gw-17:~# date\n" + date + capture.shell_transcript("root@gw-17:~# ", "swupdate -v -k /etc/swupdate/signer.pem -i /data/update.swu", out, code)
        cases.case("certificate", f"clock-{i}", "clock.wrong", f"swupdate of a good package on a device whose clock says {day}", {"console.log": text}, also=["genuine.expired"])

    # space
    def tmp(size):
        sh(f"mkdir -p /mnt/small && mount -t tmpfs -o size={size} tmpfs /mnt/small")
    for n, size in (("tmp-512k", "512k"), ("tmp-100k", "100k")):
        tmp(size)
        before = b"root@gw-17:~# df -h /mnt/small\n" + sh("df -h /mnt/small")
        text = description(images=image("rootfs.img", PAYLOAD, **{"installed-directly": False}))
        package(text, {"rootfs.img": PAYLOAD})
        install("space", n, "space.temporary", f"with a TMPDIR of {size} for an image of 1 MiB", env={"TMPDIR": "/mnt/small"}, before=before if n.endswith("512k") else b"")
        sh("umount /mnt/small")
    sh("truncate -s 900K /data/slot.ext4 && mkfs.ext4 -q -F /data/slot.ext4 && mount -o loop /data/slot.ext4 /mnt/slot")
    package(description(images="", scripts='\tfiles: (\n\t\t{ filename = "app.bin"; path = "/mnt/slot/app.bin"; type = "rawfile"; sha256 = "%s"; }\n\t);\n' % hashlib.sha256(PAYLOAD).hexdigest()), {"app.bin": PAYLOAD})
    install("space", "rawfile-full", "space.slot", "of one file into a mounted ext4 that is too small", also=["space.temporary"])
    sh("umount /mnt/slot; truncate -s 600K /data/small.img")
    loop = sh("losetup -f --show /data/small.img").decode().strip()
    package(description(images=image("rootfs.img", PAYLOAD, loop)), {"rootfs.img": PAYLOAD})
    install("space", "slot-direct", "space.slot", "of an image of 1 MiB to a block device of 600 KiB", scrub=[(loop.encode(), b"/dev/mmcblk0p5"), (loop.rsplit("/")[-1].encode(), b"mmcblk0p5")])
    package(description(images=image("rootfs.img", PAYLOAD, loop, **{"installed-directly": True})), {"rootfs.img": PAYLOAD})
    install("space", "slot-streamed", "space.slot", "of an image of 1 MiB, streamed to a block device of 600 KiB", scrub=[(loop.encode(), b"/dev/mmcblk2p3"), (loop.rsplit("/")[-1].encode(), b"mmcblk2p3")], style="iso")
    import tarfile, io
    b = io.BytesIO()
    t = tarfile.open(fileobj=b, mode="w")
    for i in range(40):
        e = tarfile.TarInfo(f"opt/app/file{i:02}")
        e.size = 50000
        t.addfile(e, io.BytesIO(PAYLOAD[i * 1000:i * 1000 + 50000]))
    t.close()
    tmp("1m")
    package(description(images="", scripts='\tfiles: (\n\t\t{ filename = "app.tar"; path = "/mnt/small"; type = "archive"; sha256 = "%s"; }\n\t);\n' % hashlib.sha256(b.getvalue()).hexdigest()), {"app.tar": b.getvalue()})
    install("space", "archive", "space.slot", "of an archive of 2 MiB into a file system of 1 MiB", also=["space.temporary"])
    sh("umount /mnt/small")
    sh(f"losetup -d {loop}")

    # version
    package(*good(version="2.4.0"))
    for i, (o, why) in enumerate((("-N 2.5.0", "genuine.rollback"), ("-N 10.0.1", "genuine.rollback"), ("-R 2.4.0", "device.version-step"), ("--max-version 2.3.9", "device.version-step"))):
        install("version", f"refused-{i}", why, f"of version 2.4.0 with {o}", options=f"{o} -k /etc/swupdate/signer.pem", also=["genuine.rollback" if why != "genuine.rollback" else "device.version-step"])
    configure(text='globals :\n{\n\tverbose = true;\n\tpublic-key-file = "/etc/swupdate/signer.pem";\n\tno-downgrading = "3.0";\n};\n')
    install("version", "refused-by-config", "genuine.rollback", "of version 2.4.0 with no-downgrading = 3.0 in swupdate.cfg", options="-f /etc/swupdate.cfg", also=["device.version-step"])
    configure()

    # handler
    for kind, dev in (("ubivol", "mtd4"), ("ssbl", "/dev/mmcblk0"), ("flash", "/dev/mtd3"), ("acme_fpga", "/dev/fpga0"), ("lua", "x"), ("delta", "/dev/mmcblk0p3"), ("readback", "/dev/x")):
        package(description(images=image("rootfs.img", PAYLOAD, dev, kind)), {"rootfs.img": PAYLOAD})
        if kind == "ubivol":  # this version crashes where there is no MTD at all
            install("handler", kind, "updater.bug", f"of an image for the handler {kind} on a device without MTD", also=["device.wrong", "configuration.incompatible", "storage.io"])
            continue
        cause, also = ("configuration.incompatible", ["device.wrong", "package.maker"]) if kind in ("ssbl", "acme_fpga", "lua", "delta", "readback") else ("device.wrong", ["configuration.incompatible", "storage.io"])
        install("handler", kind, cause, f"of an image for the handler {kind} on a build or device without it", also=also)
    package(description(images=image("rootfs.img", PAYLOAD, "/dev/mmcblk7p2")), {"rootfs.img": PAYLOAD})
    install("handler", "device-missing", "device.wrong", "of an image for /dev/mmcblk7p2, which this device does not have", also=["configuration.incompatible", "package.maker", "storage.io"])
    package(description(images=image("rootfs.img", PAYLOAD), scripts='\tscripts: ( { filename = "post.sh"; type = "shellscript"; sha256 = "%s"; } );\n' % hashlib.sha256(b"#!/bin/sh\necho checking the battery\necho 'battery at 11 %, at least 30 % needed' >&2\nexit 3\n").hexdigest()),
            {"rootfs.img": PAYLOAD, "post.sh": b"#!/bin/sh\necho checking the battery\necho 'battery at 11 %, at least 30 % needed' >&2\nexit 3\n"})
    install("handler", "script-battery", "policy.battery", "with a script in the package that stops at a battery of 11 %")

    # description
    text, files = good()
    for n, change in (("brace", lambda t: t.rstrip()[:-1]), ("quote", lambda t: t.replace('"2.4.0"', '"2.4.0')),
                      ("no-version", lambda t: t.replace('\tversion = "2.4.0";\n', "")), ("file-missing", lambda t: t.replace("rootfs.img", "rootfs-b.img")), ("no-hash", lambda t: re.sub(r"\t*sha256.*\n", "", t))):
        package(change(text), files)
        install("description", n, "package.maker", f"of a signed package whose sw-description has a fault ({n})")

    # webpage
    for n, data in (("portal", liars.PORTAL), ("404", b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n" * 3),
                    ("json", b'{"timestamp":"2026-04-03T09:11:00.123+00:00","status":503,"error":"Service Unavailable","path":"/download/update.swu"}\n' * 2)):
        write(data)
        head = b"root@gw-17:~# head -c 120 /data/update.swu\n" + data[:120] + b"\n"
        cause = {"portal": "network.captive-portal", "404": "server.missing-file", "json": "server.overload"}[n]
        install("webpage", n, cause, "of a web page that was saved in place of the package", style="none", before=head, also=["package.corrupted", "package.transit", "server.error"])
        install("webpage", n + "-unseen", "package.corrupted", "of a web page that was saved in place of the package; its text is not shown", style="syslog", also=[cause, "package.transit", "package.maker"])
    # a zip, as some portals wrap what they send
    write(b"PK\x03\x04" + PAYLOAD[:5000])
    install("webpage", "zip", "package.maker", "of a zip file in place of a .swu", also=["package.corrupted", "package.transit"])

    # device-io: a full loop file system below the loop device, so that the device reports I/O errors
    sh("mkdir -p /mnt/thin && mount -t tmpfs -o size=500k tmpfs /mnt/thin && truncate -s 2M /mnt/thin/disk")
    loop = sh("losetup -f --show /mnt/thin/disk").decode().strip()
    sh("dmesg -C || true")
    for i, direct in enumerate((False, True, False)):
        package(description(images=image("rootfs.img", PAYLOAD, loop, **({"installed-directly": True} if direct else {}))), {"rootfs.img": PAYLOAD})
        sh("dmesg -C")
        command = "swupdate -v -k /etc/swupdate/signer.pem -i /data/update.swu"
        out, code = capture.run(command)
        time.sleep(0.5)
        sh(f"blockdev --flushbufs {loop} || true")
        kernel = sh(f"dmesg | grep -E '{loop[5:]}\\b' || true")
        if not kernel:
            continue
        swap = [(loop.encode(), b"/dev/mmcblk0p3"), (loop[5:].encode(), b"mmcblk0p3")]
        cases.case("device-io", f"write-{i}", "storage.io", "swupdate to a block device whose writes fail", {"console.log": capture.shell_transcript("root@hub:~# ", command, out, code) + b"root@hub:~# dmesg | tail\n" + b"\n".join(kernel.splitlines()[-25:])},
                   scrub=swap, also=["storage.worn", "storage.bad-blocks"])
    sh(f"losetup -d {loop}; umount /mnt/thin")


class DDI(http.server.BaseHTTPRequestHandler):
    """As much of a DDI server as suricatta asks for, with one fault."""
    protocol_version = "HTTP/1.1"
    fault, data, seen, tries = "", b"", [], 0

    def log_message(self, *a):
        pass

    def version_string(self):
        return "hawkBit"

    def reply(self, status, value):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/hal+json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        if status in (429, 503):
            self.send_header("Retry-After", "60")
        self.end_headers()
        self.wfile.write(body)

    def url(self, path):
        return {"href": f"http://updates.example.net:8080{path}"}

    def do_GET(self):
        try:
            self.get()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def get(self):
        c = type(self)
        f = c.fault
        if f.startswith("poll-"):
            status = int(f[5:])
            return self.reply(status, {"exceptionClass": "x", "errorCode": f"hawkbit.server.error.{status}", "message": {401: "Bad credentials", 403: "Forbidden", 404: "Not found", 429: "Quota exceeded", 500: "Internal error", 503: "Service unavailable"}.get(status, "error")})
        if f == "poll-html":
            return self.reply(200, liars.PORTAL)
        if f == "poll-empty":
            self.close_connection = True
            return
        if f == "poll-stall":
            time.sleep(60)
            return
        base = "/default/controller/v1/dev1"
        if self.path.startswith("/dl/"):
            return self.download()
        if "deploymentBase" in self.path:
            size = len(c.data) + (4096 if f == "size" else 0)
            sha1 = hashlib.sha1(c.data).hexdigest() if f != "sha1" else "0" * 40
            return self.reply(200, {"id": "7", "deployment": {"download": "forced", "update": "forced", "chunks": [{"part": "os", "version": "2.4.0", "name": "gateway",
                "artifacts": [] if f == "no-artifact" else [{"filename": "update.swu", "hashes": {"sha1": sha1, "md5": hashlib.md5(c.data).hexdigest(), "sha256": hashlib.sha256(c.data).hexdigest()},
                               "size": size, "_links": {"download": self.url("/dl/update.swu"), "download-http": self.url("/dl/update.swu")}}]}]}})
        links = {} if f == "nothing" else {"deploymentBase": self.url(base + "/deploymentBase/7?c=1")}
        if self.path.startswith(base):
            return self.reply(200, {"config": {"polling": {"sleep": "00:00:05"}}, "_links": dict(links, configData=self.url(base + "/configData"))})
        self.reply(404, {})

    def download(self):
        c = type(self)
        f = c.fault
        c.tries += 1
        if f.startswith("dl-"):
            status = int(f[3:])
            return self.reply(status, b"<html><head><title>%d</title></head></html>" % status)
        begin, status = 0, 200
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes="):
            begin, status = int(wanted[6:].split("-")[0]), 206
        data = c.data[begin:]
        if f == "flip" and begin == 0:
            b = bytearray(data)
            b[len(b) * 2 // 3] ^= 1
            data = bytes(b)
        if f == "html":
            data, status = liars.PORTAL, 200
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{len(c.data) - 1}/{len(c.data)}")
        self.end_headers()
        cut = f == "cut" or f.startswith("cut-") and c.tries <= int(f[4:])
        if cut or f == "stall":
            self.wfile.write(data[:len(data) // 4])
            self.wfile.flush()
            if f == "stall":
                time.sleep(60)
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self.wfile.write(data)

    def do_POST(self):
        n = int(self.headers.get("Content-Length", 0))
        self.rfile.read(n)
        if type(self).fault == "feedback-500":
            return self.reply(500, {})
        self.reply(200, {})

    do_PUT = do_POST


def suricatta():
    liars.ZONE["updates.example.net"] = "127.0.0.1"
    liars.dns()
    liars.ZONE["slow.example.net"] = "silent"
    liars.ZONE["sick.example.net"] = "servfail"
    target()
    configure()
    data = package(*good())
    ca = liars.authority("/run/capture/ca")
    tls = {}
    for n, (b, e) in {"good": (None, None), "expired": ("20200101000000Z", "20220101000000Z"), "future": ("20400101000000Z", "20420101000000Z")}.items():
        tls[n] = liars.issue("/run/capture/ca", n, ca, ["updates.example.net"], b, e)
    other = liars.authority("/run/capture/ca2", "Someone Else CA")
    tls["untrusted"] = liars.issue("/run/capture/ca2", "srv", other, ["updates.example.net"])
    tls["name"] = liars.issue("/run/capture/ca", "name", ca, ["www.example.org"])
    sh("cat /run/capture/ca/ca.pem >>/etc/ssl/certs/ca-certificates.crt")
    liars.http_server(8080, handler=DDI)
    for i, (n, pair) in enumerate(tls.items()):
        liars.http_server(8440 + i, handler=DDI, certificate=pair)
    ports = {n: 8440 + i for i, n in enumerate(tls)}
    liars.silent_port(8090)

    def poll(family, name, cause, fault, why, url="http://updates.example.net:8080", options="", seconds=9, prefix_style=None, extra="", **more):
        DDI.fault, DDI.data, DDI.tries = fault, data, 0
        target()
        r = capture.invented("suricatta" + name)
        clock = capture.Clock(name)
        style = prefix_style or r.choice(["syslog", "iso", "date"])
        host = r.choice(capture.HOSTS)
        prefix = capture.stamper(style, clock, host, "swupdate", r.randint(200, 900))
        command = f'swupdate -v {extra} -k /etc/swupdate/signer.pem -u "-t default -u {url} -i dev1 -p 5 -w 1 -r 3 -s 3 -k 4a5b6c {options}"'
        out, code = capture.run(command, kill_after=seconds, prefix=prefix)
        out = re.sub(rb"\x1b\[[0-9;]*m", b"", out)
        out = b"".join(out.splitlines(keepends=True)[:260])
        cases.case(family, name, cause, f"swupdate suricatta against a DDI server on the loopback device: {why}", {"swupdate.log": out}, **more)

    N, S = "suricatta-network", "suricatta-server"
    poll(N, "refused", "server.error", "", "nothing listens at its port", url="http://updates.example.net:8099", also=["network.timeout", "network.no-link"])
    poll(N, "dns", "network.dns", "", "its name does not exist", url="http://update.example.invalid:8080")
    poll(N, "dns-silent", "network.dns", "", "the DNS server does not answer", url="http://slow.example.net:8080", also=["network.timeout"])
    poll(N, "timeout", "network.timeout", "", "it takes the connection and is silent", url="http://updates.example.net:8090", seconds=10)
    poll(N, "unreachable", "network.no-link", "", "there is no route to it", url="http://10.9.8.7:8080")
    poll(N, "cut-always", "network.cut-off", "cut", "each download breaks off after a quarter", seconds=14)
    poll(N, "stall", "network.timeout", "stall", "the download stalls after a quarter", seconds=14, also=["network.cut-off"])
    poll(N, "tls-expired", "server.expired", "", "its certificate ended in 2022", url=f"https://updates.example.net:{ports['expired']}", also=["network.tls"])
    poll(N, "tls-future", "clock.wrong", "", "its certificate begins in the future of the device's clock", url=f"https://updates.example.net:{ports['future']}", also=["network.tls"])
    poll(N, "tls-untrusted", "network.tls", "", "its certificate is of another authority", url=f"https://updates.example.net:{ports['untrusted']}")
    poll(N, "tls-name", "network.tls", "", "its certificate is for another name", url=f"https://updates.example.net:{ports['name']}")
    poll(N, "tls-to-plain", "network.tls", "", "https asked of a plain port", url="https://updates.example.net:8080", also=["configuration.incompatible", "server.error"])
    for status, cause in ((401, "server.refused"), (403, "server.refused"), (404, "server.missing-file"), (429, "server.overload"), (500, "server.error"), (503, "server.overload")):
        poll(S, f"poll-{status}", cause, f"poll-{status}", f"each poll is answered with {status}", also=["server.error"] if status in (503, 429) else ["server.refused", "configuration.incompatible"] if status == 404 else [])
    poll(S, "poll-portal", "network.captive-portal", "poll-html", "a login page answers each poll", also=["server.error"])
    poll(S, "poll-empty", "server.error", "poll-empty", "it closes each connection without an answer", also=["network.cut-off"])
    for status, cause in ((403, "server.refused"), (404, "server.missing-file"), (410, "server.expired"), (500, "server.error"), (503, "server.overload")):
        poll(S, f"download-{status}", cause, f"dl-{status}", f"the download is answered with {status}", also=["server.missing-file"] if status == 410 else ["server.error"] if status == 503 else [])
    poll(S, "download-portal", "network.captive-portal", "html", "the download is a login page", also=["package.corrupted", "package.transit", "server.error"])
    poll(S, "flip", "package.transit", "flip", "one bit of the download is changed", also=["package.corrupted"])
    poll(S, "feedback", "server.error", "feedback-500", "it takes no feedback")
    H = "healthy-suricatta"
    poll(H, "nothing", "none", "nothing", "there is no update")
    poll(H, "installed", "none", "", "update installed", seconds=9)
    poll(H, "resumed", "none", "cut-2", "the download broke off twice and was resumed", seconds=10)
    poll(H, "tls", "none", "", "update over TLS", url=f"https://updates.example.net:{ports['good']}", seconds=9)


keys()
local()
suricatta()
print(cases.count)
