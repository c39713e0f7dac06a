#!/usr/bin/env python3
"""Captures of programs that flash devices: fastboot, avrdude, flashrom, openocd, dfu-util and stm32flash, each against
an emulated device on the loopback device, a pseudo terminal or its own dummy. What the emulated boot loaders answer
are the texts of AOSP's fastbootd, Qualcomm's LK and ABL, U-Boot's fastboot and Motorola's boot loader.
Needs: fastboot, avrdude, flashrom, openocd, dfu-util, stm32flash, zip. Run by namespace.sh as root."""

import os
import pty
import random
import re
import socket
import struct
import subprocess
import threading
import time
import tty

import capture

FAST = capture.Cases("fastboot", "29.0.6")
AVR = capture.Cases("avrdude", "7.1")
ROM = capture.Cases("flashrom", "1.3.0")
OCD = capture.Cases("openocd", "0.12.0")
DFU = capture.Cases("dfu-util", "0.11")
STM = capture.Cases("stm32flash", "0.7")
DATA = random.Random(5).randbytes(1 << 20)
ADDRESS = 5554


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True).stdout


class Phone:
    """A boot loader that speaks fastboot over TCP. replies: command prefix -> list of messages, the last OKAY or FAIL."""

    def __init__(self, replies=None, variables=None, cut=None, stall=None):
        self.replies, self.cut, self.stall = replies or {}, cut, stall
        self.variables = {"version": "0.4", "product": "alder", "slot-count": "2", "current-slot": "a", "max-download-size": "0x10000000", "has-slot:boot": "yes",
                          "has-slot:system": "yes", "has-slot:vendor": "yes", "has-slot:vbmeta": "yes", "unlocked": "yes", "secure": "yes", "serialno": "A1B2C3D4", "version-bootloader": "alder-2.1-78",
                          "version-baseband": "g5123", "is-userspace": "no", **(variables or {})}
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(("127.0.0.1", ADDRESS))
        self.s.listen(4)
        self.closed = False
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.closed = True
        try:
            self.s.shutdown(2)
        except OSError:
            pass
        self.s.close()

    def serve(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            try:
                self.talk(c)
            except (OSError, ConnectionError, struct.error):
                pass
            c.close()

    def talk(self, c):
        def take(n):
            b = b""
            while len(b) < n:
                d = c.recv(min(65536, n - len(b)))
                if not d:
                    raise ConnectionError
                b += d
            return b

        def message():
            return take(struct.unpack(">Q", take(8))[0])

        def say(text):
            c.sendall(struct.pack(">Q", len(text)) + text.encode())

        take(4)
        c.sendall(b"FB01")
        while True:
            command = message().decode()
            known = next((v for k, v in self.replies.items() if command.startswith(k)), None)
            if self.stall and command.startswith(self.stall):
                time.sleep(30)
            if self.cut and command.startswith(self.cut):
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise ConnectionError
            if known:
                for m in known:
                    say(m)
                    time.sleep(0.05)
                continue
            if command.startswith("getvar:"):
                v = self.variables.get(command[7:])
                say("OKAY" + v if v is not None else "FAILGetVar Variable Not found")
            elif command.startswith("download:"):
                n = int(command[9:], 16)
                say(f"DATA{n:08x}")
                got = 0
                while got < n:
                    got += len(message())
                    if self.cut == "data" and got > n // 3:
                        raise ConnectionError
                say("OKAY")
            else:
                time.sleep(0.2)
                say("OKAY")


def phone(family, name, cause, why, commands, replies=None, variables=None, cut=None, stall=None, device=True, timeout=25, **more):
    p = Phone(replies, variables, cut, stall) if device else None
    r = capture.invented("fastboot" + name)
    prompt = r.choice(["$ ", "lab@bench:~/images$ ", "C:\\platform-tools>", "user@laptop:~$ "])
    text = b""
    for command in commands:
        here = command.startswith(("fastboot", "sh"))
        out, code = capture.run(command if not command.startswith("fastboot") else command.replace("fastboot", f"fastboot -s tcp:127.0.0.1:{ADDRESS}", 1), timeout=timeout, cwd="/data")
        shown = command if r.random() < 0.5 or not here else command.replace("fastboot", f"fastboot -s tcp:127.0.0.1:{ADDRESS}", 1)
        text += capture.shell_transcript(prompt, shown, out)
    if p:
        p.close()
    FAST.case(family, name, cause, f"fastboot: {why}", {"terminal.txt": text}, **more)


def fastboot():
    os.chdir("/data")
    open("boot.img", "wb").write(b"ANDROID!" + DATA[:300000])
    open("system.img", "wb").write(DATA)
    open("vbmeta.img", "wb").write(b"AVB0" + bytes(4092))
    open("flash_all.sh", "w").write("""#!/bin/sh
echo "checking the device"
product=$(fastboot -s tcp:127.0.0.1:%d getvar product 2>&1 | sed -n 's/^product: //p')
anti=$(fastboot -s tcp:127.0.0.1:%d getvar anti 2>&1 | sed -n 's/^anti: //p')
[ "$product" = alder ] || { echo "Missmatching image and device"; exit 1; }
if [ "${anti:-0}" -gt 2 ]; then echo "Current device antirollback version is greater than this package"; exit 1; fi
fastboot -s tcp:127.0.0.1:%d flash boot boot.img || { echo "Flash boot error"; exit 1; }
fastboot -s tcp:127.0.0.1:%d reboot
""".replace("%d", str(ADDRESS)))
    one = ["fastboot devices", "fastboot flash boot boot.img"]
    two = ["fastboot getvar current-slot", "fastboot flash boot boot.img", "fastboot flash system system.img"]
    L, P, R, S, D, G, C, W, H = "locked", "partition", "rollback", "space", "product", "signature", "cable", "write", "healthy"
    phone(L, "abl", "policy.locked", "a locked Qualcomm boot loader", one, {"flash:": ["FAILFlashing is not allowed in Lock State"]})
    phone(L, "abl-critical", "policy.locked", "critical partitions are locked", ["fastboot flash xbl system.img"], {"flash:": ["FAILFlashing is not allowed for Critical Partitions\n"]})
    phone(L, "fastbootd", "policy.locked", "fastbootd of a locked device", ["fastboot flash system system.img"], {"download:": ["FAILDownload is not allowed on locked devices"]}, {"is-userspace": "yes"})
    phone(L, "fastbootd-erase", "policy.locked", "fastbootd of a locked device", ["fastboot getvar unlocked", "fastboot erase userdata"], {"erase:": ["FAILErase is not allowed on locked devices"]}, {"is-userspace": "yes", "unlocked": "no"})
    phone(L, "unlock-ability", "policy.locked", "unlocking is not allowed by the owner's setting", ["fastboot flashing unlock"], {"flashing": ["FAILflashing unlock is not allowed"]})
    phone(P, "none", "device.wrong", "a partition that this device does not have", ["fastboot flash vendor_boot boot.img"], {"flash:": ["FAILNo such partition."]}, also=["corruption.table", "configuration.incompatible"])
    phone(P, "lk", "device.wrong", "a partition that LK does not find", ["fastboot flash dtbo boot.img"], {"flash:": ["FAILpartition table doesn't exist"]}, also=["corruption.table"])
    phone(P, "u-boot", "device.wrong", "a partition that U-Boot does not find", ["fastboot flash rootfs_b system.img"], {"flash:": ["FAILcannot find partition"]}, also=["corruption.table"])
    phone(P, "userspace", "configuration.incompatible", "a dynamic partition flashed in the boot loader", ["fastboot flash product system.img"], {"flash:": ["FAILPartition should be flashed in fastbootd"]}, also=["device.wrong", "updater.bug"])
    phone(R, "script", "genuine.rollback", "a flash script that compares the anti-rollback index", ["sh flash_all.sh"], variables={"anti": "4"})
    phone(R, "motorola", "genuine.rollback", "an older image on a Motorola boot loader", two[:2], {"flash:": ["INFOSecurity version downgrade", "INFOImage boot failed validation", "INFOPreflash validation failed", "FAIL"]})
    phone(R, "u-boot-avb", "genuine.rollback", "an older image, refused by its rollback index", one, {"flash:": ["FAILrollback index of the image is lower than the stored one"]})
    phone(S, "resize", "space.slot", "fastbootd has no room in super", ["fastboot flash system system.img"], {"resize-logical-partition": ["FAILNot enough space to resize partition"]}, {"is-userspace": "yes", "is-logical:system_a": "yes", "is-logical:system": "yes", "has-slot:system": "yes"})
    phone(S, "too-large", "space.slot", "an image larger than its partition, U-Boot", ["fastboot flash boot system.img"], {"flash:": ["FAILtoo large for partition"]}, also=["device.wrong"])
    phone(S, "lk-size", "space.slot", "an image larger than its partition, LK", ["fastboot flash boot system.img"], {"flash:": ["FAILsize too large"]}, also=["device.wrong"])
    phone(S, "data", "space.memory", "an image larger than the boot loader's memory", ["fastboot flash system system.img"], {"download:": ["FAILdata too large"]}, also=["space.slot", "space.temporary"])
    phone(S, "lp", "space.slot", "deleting and making a logical partition again", ["fastboot delete-logical-partition system_a", "fastboot create-logical-partition system_a 4294967296"], {"create-logical-partition": ["FAILNot enough space for partition"]}, {"is-userspace": "yes"})
    phone(D, "script", "device.wrong", "a flash script of another model", ["sh flash_all.sh"], variables={"product": "birch"})
    sh("cd /data && printf 'require product=cedar|cedar_eu\\nrequire version-bootloader=cedar-1.0\\n' >android-info.txt && cp boot.img recovery.img && zip -q cedar.zip android-info.txt boot.img system.img vbmeta.img")
    phone(D, "update-zip", "device.wrong", "a package for another product", ["fastboot update cedar.zip"])
    sh("cd /data && printf 'require product=alder\\nrequire version-bootloader=alder-2.4-91\\n' >android-info.txt && rm cedar.zip && zip -q alder.zip android-info.txt boot.img system.img vbmeta.img")
    phone(D, "bootloader-version", "device.version-step", "a package that needs a newer boot loader", ["fastboot update alder.zip"])
    phone(G, "motorola", "genuine.signature", "an image signed with another key", one, {"flash:": ["INFOImage signed with key bad key", "INFOImage boot failed validation", "INFOPreflash validation failed", "FAIL"]})
    phone(G, "motorola-unsigned", "genuine.signature", "an image that is not signed", ["fastboot flash recovery boot.img"], {"flash:": ["INFOImage not signed or corrupt", "FAIL"]}, also=["package.corrupted"])
    phone(G, "lk", "package.corrupted", "no boot image", ["fastboot flash boot system.img"], {"flash:": ["FAILimage is not a boot image"]}, also=["package.maker", "genuine.signature", "device.wrong"])
    phone(C, "no-device", "network.cable", "nothing answers at the address", ["fastboot flash boot boot.img"], device=False, also=["network.timeout"])
    phone(C, "waiting", "network.cable", "no device at all", ["fastboot devices", "timeout 3 fastboot -s ZY223X getvar product"], device=False)
    phone(C, "cut-data", "network.cable", "the device goes away while data is sent", ["fastboot flash system system.img"], cut="data", also=["network.cut-off", "power.lost"])
    phone(C, "cut-flash", "network.cable", "the device goes away while it writes", ["fastboot flash system system.img"], cut="flash:", also=["network.cut-off", "power.lost", "write.interrupted"])
    phone(C, "cut-getvar", "network.cable", "the device goes away at the first question", ["fastboot flash boot boot.img"], cut="getvar:has-slot", also=["network.cut-off"])
    phone(W, "lk", "storage.io", "the medium does not take the data, LK", ["fastboot flash system system.img"], {"flash:": ["FAILflash write failure"]}, also=["storage.worn", "storage.read-only"])
    phone(W, "u-boot", "storage.io", "the medium does not take the data, U-Boot", ["fastboot flash rootfs system.img"], {"flash:": ["FAILfailed writing to device"]}, also=["storage.worn", "storage.read-only"])
    phone(W, "erase", "storage.io", "the medium cannot be erased, U-Boot", ["fastboot erase userdata", "fastboot reboot"], {"erase:": ["FAILfailed erasing from device"]}, also=["storage.worn", "storage.read-only"])
    phone(H, "flash", "none", "two partitions flashed", two + ["fastboot reboot"])
    phone(H, "update", "none", "a package for this product", ["sh flash_all.sh"], variables={"anti": "1"})
    phone(H, "variables", "none", "some variables are not known to this boot loader", ["fastboot getvar battery-voltage", "fastboot getvar version", "fastboot flash vbmeta vbmeta.img", "fastboot reboot"])


class Arduino:
    """STK500 version 1 as the boot loader of small boards speaks it."""

    def __init__(self, signature=b"\x1e\x95\x0f", silent=False, garbage=None, wear=None, stop=None):
        self.signature, self.silent, self.garbage, self.wear, self.stop = signature, silent, garbage, wear, stop
        self.flash, self.at, self.pages = bytearray(b"\xff" * 32768), 0, 0
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(("127.0.0.1", 2217))
        self.s.listen(2)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.s.accept()
                self.talk(c)
            except OSError:
                return
            except ConnectionError:
                pass

    def talk(self, c):
        buffer = b""

        def take(n):
            nonlocal buffer
            while len(buffer) < n:
                d = c.recv(4096)
                if not d:
                    raise ConnectionResetError
                buffer += d
            b, buffer = buffer[:n], buffer[n:]
            return b

        if self.garbage:
            c.sendall(self.garbage)
        while True:
            k = take(1)[0]
            if self.silent:
                continue
            if self.garbage:
                c.sendall(self.garbage)
                continue
            answer = b""
            if k == 0x41:
                answer = {0x80: b"\x03", 0x81: b"\x04", 0x82: b"\x04"}.get(take(1)[0], b"\x03")
            elif k == 0x42:
                take(20)
            elif k == 0x45:
                take(5)
            elif k == 0x55:
                self.at = struct.unpack("<H", take(2))[0] * 2
            elif k == 0x56:
                take(4)
                answer = b"\0"
            elif k == 0x64:
                n = struct.unpack(">H", take(2))[0]
                take(1)
                data = take(n)
                self.pages += 1
                if self.stop and self.pages > self.stop:
                    self.silent = True
                    continue
                if self.wear is not None and self.at <= self.wear < self.at + n:
                    data = bytearray(data)
                    data[self.wear - self.at] &= 0x5A
                self.flash[self.at:self.at + n] = data
            elif k == 0x74:
                n = struct.unpack(">H", take(2))[0]
                take(1)
                answer = bytes(self.flash[self.at:self.at + n])
            elif k == 0x75:
                answer = self.signature
            if take(1) != b" ":
                c.sendall(b"\x15")
                continue
            c.sendall(b"\x14" + answer + b"\x10")


def ihex(data, break_line=None, cut=None):
    lines = []
    for i in range(0, len(data), 16):
        row = bytes([16, i >> 8, i & 255, 0]) + data[i:i + 16]
        lines.append(":" + row.hex().upper() + f"{-sum(row) & 255:02X}")
    if break_line:
        lines[break_line] = lines[break_line][:12] + ("0" if lines[break_line][12] != "0" else "7") + lines[break_line][13:]
    text = "\n".join(lines[:cut]) + "\n"
    return text if cut else text + ":00000001FF\n"


def board(family, name, cause, why, device=None, file="app.hex", part="m328p", options="", timeout=30, **more):
    d = Arduino(**device) if device is not None else None
    r = capture.invented("avrdude" + name)
    command = f"avrdude -c arduino -P net:127.0.0.1:2217 -p {part} {options} -D -U flash:w:{file}:i".replace("  ", " ")
    out, code = capture.run(command, timeout=timeout, cwd="/data", pty=r.random() < 0.4)
    if d:
        try:
            d.s.shutdown(2)
        except OSError:
            pass
        d.s.close()
    out = out.replace(b"\r\n", b"\n")
    AVR.case(family, name, cause, f"avrdude: {why}", {"terminal.txt": capture.shell_transcript(r.choice(["$ ", "pi@bench:~/fw $ "]), command, out, code)}, **more)


def avrdude():
    app = DATA[:6000 // 16 * 16]
    open("/data/app.hex", "w").write(ihex(app))
    open("/data/broken.hex", "w").write(ihex(app, break_line=57))
    open("/data/cut.hex", "w").write(ihex(app)[:5003])
    open("/data/page.hex", "w").write("<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>Page not found</title></head>\n")
    open("/data/large.hex", "w").write(ihex(random.Random(2).randbytes(40000)))
    board("sync", "silent", "network.cable", "nothing answers on the line", {"silent": True}, also=["device.wrong"])
    board("sync", "garbage", "network.cable", "the line speaks at another rate", {"garbage": b"\xfe\x80\x78\xe6"}, also=["device.wrong", "configuration.incompatible"])
    board("sync", "no-port", "network.cable", "nothing at the port", None)
    out, code = capture.run("avrdude -c arduino -P /dev/ttyUSB0 -p m328p -U flash:w:app.hex:i", cwd="/data", timeout=15)
    AVR.case("sync", "no-tty", "network.cable", "avrdude: the serial port does not exist", {"terminal.txt": capture.shell_transcript("$ ", "avrdude -c arduino -P /dev/ttyUSB0 -p m328p -U flash:w:app.hex:i", out, code)})
    board("sync", "lost", "network.cable", "the board falls silent in the middle of the write", {"stop": 20}, timeout=60, also=["power.lost", "write.interrupted", "power.weak"])
    board("signature", "atmega168", "device.wrong", "the board has an ATmega168", {"signature": b"\x1e\x94\x06"})
    board("signature", "atmega2560", "device.wrong", "the board has an ATmega2560", {"signature": b"\x1e\x98\x01"}, options="-v")
    board("signature", "zeros", "network.cable", "the signature reads as zeros", {"signature": b"\0\0\0"}, also=["device.wrong", "storage.io"])
    board("verify", "worn", "storage.worn", "one cell does not keep its bits", {"wear": 3071}, also=["storage.io", "storage.bad-blocks"])
    board("verify", "worn-verbose", "storage.worn", "one cell does not keep its bits, -v", {"wear": 130}, options="-v", also=["storage.io", "storage.bad-blocks"])
    board("file", "checksum", "package.corrupted", "one digit of the hex file is changed", {}, file="broken.hex", also=["package.transit", "package.at-rest"])
    board("file", "cut", "package.corrupted", "the hex file ends early", {}, file="cut.hex", also=["package.transit", "package.at-rest"])
    board("file", "page", "package.corrupted", "a web page in place of the hex file", {}, file="page.hex", also=["package.transit", "server.missing-file"])
    board("file", "missing", "configuration.incompatible", "the file does not exist", {}, file="app-2.1.hex", also=["package.corrupted", "cannot-tell", "server.missing-file"])
    board("file", "large", "space.slot", "the program is larger than the flash", {}, file="large.hex", also=["device.wrong"])
    board("healthy", "plain", "none", "a good write", {})
    board("healthy", "verbose", "none", "a good write, -v", {}, options="-v")


def flashrom():
    os.chdir("/data")
    open("fw.bin", "wb").write((DATA * 16)[:8 << 20])
    open("half.bin", "wb").write(DATA[:1 << 20])
    open("old.bin", "wb").write(random.Random(9).randbytes(8 << 20))
    chip = "dummy:emulate=MX25L6436,image=chip.bin"
    model = "-c MX25L6436E/MX25L6445E/MX25L6465E/MX25L6473E/MX25L6473F"
    open("large.bin", "wb").write(DATA * 16)

    def go(family, name, cause, why, command, scrub=(), **more):
        sh("cat old.bin old.bin >chip.bin" if "W25Q128FV" in command else "cp old.bin chip.bin")
        out, code = capture.run(command, timeout=90, cwd="/data")
        out = re.sub(rb"flashrom (\S+) on Linux \S+ \(x86_64\)", rb"flashrom \1 on Linux 6.1.0-21-arm64 (aarch64)", out)
        ROM.case(family, name, cause, f"flashrom: {why}", {"terminal.txt": capture.shell_transcript("root@bench:/data# ", command, out, code)}, **more)

    go("chip", "none", "device.wrong", "no chip answers", "flashrom -p dummy -w fw.bin", also=["network.cable"])
    go("chip", "none-verbose", "device.wrong", "no chip answers to the one asked for", "flashrom -p dummy:bus=spi -c W25Q128.V -w fw.bin", also=["network.cable"])
    go("chip", "other", "device.wrong", "the chip is not the one asked for", f"flashrom -p {chip} -c W25Q64.V -w fw.bin", also=["network.cable"])
    go("file", "small", "package.corrupted", "an image of 1 MiB for a chip of 8 MiB", f"flashrom -p {chip} {model} -w half.bin", also=["device.wrong", "package.transit"])
    go("file", "missing", "configuration.incompatible", "the image does not exist", f"flashrom -p {chip} {model} -w fw-2.bin", also=["cannot-tell", "package.corrupted", "server.missing-file"])
    go("verify", "other", "write.interrupted", "what is in the chip is not what is in the file", f"flashrom -p {chip} {model} -v fw.bin", also=["storage.io", "cannot-tell", "package.corrupted", "storage.worn"])
    go("verify", "write-ignored", "storage.io", "the chip ignores the command that writes", f"flashrom -p {chip},spi_ignorelist=0x02 {model} -w fw.bin", also=["storage.read-only", "storage.worn"])
    go("verify", "erase-ignored", "storage.io", "the chip ignores the commands that erase", f"flashrom -p {chip},spi_ignorelist=0x20d852c76062 {model} -w fw.bin", also=["storage.read-only", "storage.worn"])
    go("verify", "erase-refused", "storage.io", "the programmer refuses the commands that erase", f"flashrom -p {chip},spi_blacklist=0x20d852c76062 {model} -w fw.bin", also=["storage.read-only", "configuration.incompatible"])
    go("healthy", "write", "none", "a good write", f"flashrom -p {chip} {model} -w fw.bin")
    go("healthy", "read", "none", "a good read", f"flashrom -p {chip} {model} -r backup.bin")


def openocd():
    class Bitbang:
        def __init__(self, answer):
            self.s = socket.socket()
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.s.bind(("127.0.0.1", 9824))
            self.s.listen(1)

            def serve():
                c, _ = self.s.accept()
                while True:
                    d = c.recv(4096)
                    if not d or answer is None:
                        c.close()
                        return
                    n = d.count(b"R")
                    if n:
                        c.sendall(answer * n)
            threading.Thread(target=serve, daemon=True).start()

    def go(name, cause, why, answer="none", target="stm32f4x", **more):
        b = Bitbang(answer) if answer != "none" else None
        command = f"openocd -f interface/remote.cfg -f target/{target}.cfg -c 'program app.elf verify reset exit'"
        real = f"openocd -c 'adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port 9824' -f target/{target}.cfg -c 'program app.elf verify reset exit'"
        out, code = capture.run(real, timeout=30, cwd="/data")
        if b:
            b.s.close()
        OCD.case("connection", name, cause, f"openocd: {why}", {"terminal.txt": capture.shell_transcript("$ ", command, out, code)}, **more)

    go("refused", "network.cable", "the adapter is not there", also=["network.timeout", "server.error"])
    go("ones", "network.cable", "the line reads as ones: nothing is connected", b"1", also=["device.wrong", "power.lost"])
    go("zeros", "network.cable", "the line reads as zeros: no power", b"0", also=["power.lost", "device.wrong"])
    go("closed", "network.cable", "the adapter goes away", None, also=["network.cut-off"])
    go("zeros-nrf", "network.cable", "the line reads as zeros", b"0", target="stm32h7x", also=["power.lost", "device.wrong"])


def dfu():
    os.chdir("/data")
    open("app.dfu", "wb").write(DATA[:40000])
    sh("dfu-suffix -v 0483 -p df11 -d 0100 -a app.dfu")
    whole = open("app.dfu", "rb").read()
    open("flip.dfu", "wb").write(whole[:20000] + bytes([whole[20000] ^ 1]) + whole[20001:])
    open("cut.dfu", "wb").write(whole[:30000])
    open("tail.dfu", "wb").write(whole + b"\0" * 16)

    def go(family, name, cause, why, command, **more):
        out, code = capture.run(command, timeout=8, cwd="/data")
        DFU.case(family, name, cause, f"dfu-util: {why}", {"terminal.txt": capture.shell_transcript("$ ", command, out, code)}, **more)

    go("suffix", "flip", "package.corrupted", "one bit of the file is changed", "dfu-suffix -c flip.dfu", also=["package.transit", "package.at-rest"])
    go("suffix", "cut", "package.corrupted", "the file ends early", "dfu-suffix -c cut.dfu", also=["package.transit", "package.maker"])
    go("suffix", "flip-download", "package.corrupted", "one bit of the file is changed", "dfu-util -D flip.dfu", also=["package.transit", "package.at-rest", "network.cable"])
    go("suffix", "tail", "package.corrupted", "bytes stand behind the suffix", "dfu-suffix -c tail.dfu", also=["package.maker", "package.transit"])
    go("device", "none", "network.cable", "no device", "dfu-util -a 0 -D app.dfu")
    go("device", "none-serial", "network.cable", "no device of that number", "dfu-util -d 0483:df11 -s 0x08000000:leave -D app.dfu")
    go("healthy", "check", "none", "a good file", "dfu-suffix -c app.dfu")

    def serial(name, cause, why, answer, **more):
        a, b = pty.openpty()
        tty.setraw(b)
        path = os.ttyname(b)
        stop = threading.Event()

        def serve():
            import select
            while not stop.is_set():
                if select.select([a], [], [], 0.1)[0]:
                    try:
                        os.read(a, 100)
                        if answer:
                            os.write(a, answer)
                    except OSError:
                        return
        t = threading.Thread(target=serve)
        t.start()
        out, code = capture.run(f"stm32flash -b 115200 -w app.bin -v {path}", timeout=20, cwd="/data")
        stop.set()
        t.join()
        os.close(a)
        os.close(b)
        out = out.replace(path.encode(), b"/dev/ttyUSB0")
        STM.case("sync", name, cause, f"stm32flash: {why}", {"terminal.txt": capture.shell_transcript("$ ", "stm32flash -b 115200 -w app.bin -v /dev/ttyUSB0", out, code)}, **more)
    open("app.bin", "wb").write(DATA[:20000])
    serial("silent", "network.cable", "nothing answers", b"")
    serial("nack", "network.cable", "each byte is answered with NACK", b"\x1f", also=["device.wrong", "policy.locked"])
    serial("garbage", "network.cable", "each byte is answered with noise", b"\x80", also=["device.wrong", "configuration.incompatible"])


fastboot()
avrdude()
flashrom()
openocd()
dfu()
print(FAST.count, AVR.count, ROM.count, OCD.count, DFU.count, STM.count)
