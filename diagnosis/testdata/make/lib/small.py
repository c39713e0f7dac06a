"""Small starts in QEMU for the healthy cases: Debian's kernel with busybox and chosen modules, and a board's prompt on
which somebody types."""

import os
import time

import capture
import well
from console import Console

W = well.W
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /bin /proc /sys /dev /mnt /tmp /new /run /etc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
"""


class Kernel:
    """A tree with boot/vmlinuz-VERSION and lib/modules."""

    def __init__(self, tree):
        self.tree = tree
        self.version = sorted(os.listdir(f"{tree}/lib/modules"))[-1]
        self.image = f"{tree}/boot/vmlinuz-{self.version}"
        self.table = {}
        for line in open(f"{tree}/lib/modules/{self.version}/modules.dep"):
            k, v = line.split(":")
            self.table[os.path.basename(k)[:-3].replace("-", "_")] = [k] + v.split()

    def initrd(self, script, names, files=()):
        """An initramfs with busybox, these modules (with their options), files and a script."""
        d = f"{W}/i"
        well.sh(f"rm -rf {d}; mkdir -p {d}/bin {d}/modules; cp $(command -v busybox) {d}/bin/busybox")
        load, done, options = "", set(), {n.partition(" ")[0].replace("-", "_"): n.partition(" ")[2] for n in names}
        for n in options:
            for f in reversed(self.table.get(n, [])):
                if f in done:
                    continue
                done.add(f)
                base = os.path.basename(f)
                well.sh(f"cp {self.tree}/lib/modules/{self.version}/{f} {d}/modules/")
                load += f"insmod /modules/{base} {options.get(base[:-3].replace('-', '_'), '')}\n"
        for f in files:
            well.sh(f"mkdir -p {d}/$(dirname {f}); cp -rL {f} {d}/{f}")
        with open(f"{d}/init", "w") as f:
            f.write(INIT + load + script)
        os.chmod(f"{d}/init", 0o755)
        well.sh(f"cd {d} && find . | cpio --quiet -o -H newc | gzip -1 >{W}/initrd")
        return f"{W}/initrd"


def machine(arguments, timeout=120):
    text, code = capture.run(["qemu-system-x86_64", "-nographic", "-monitor", "none", "-serial", "stdio", "-nodefaults"] + arguments, timeout=timeout)
    return well.tidy(text), code


class Prompt(Console):
    """A board whose boot loader is talked to over its serial line."""

    def __init__(self, arguments, prompt):
        super().__init__(arguments + ["-nographic", "-monitor", "none", "-serial", "stdio"])
        self.prompt = prompt

    def type(self, lines, timeout=40):
        """Types each line and waits for the prompt; whether it came each time."""
        for line in lines:
            for c in line + "\n":
                self.p.stdin.write(c.encode())
                self.p.stdin.flush()
                time.sleep(0.004)
            if not self.until(self.prompt, timeout):
                return False
        return True
