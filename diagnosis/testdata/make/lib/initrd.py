"""What the scripts share that start a kernel with an initramfs of their own."""

import os

# How the init of a small system begins, whose programs are those of BusyBox.
START = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
"""


def module_files(folder, names):
    """The files of modules and of what they depend on, in the order to load them, below the folder of a kernel's modules.
    Behind the name of a module options may stand."""
    table = {}
    for line in open(f"{folder}/modules.dep"):
        k, v = line.split(":")
        table[os.path.basename(k).split(".ko")[0].replace("-", "_")] = [k] + v.split()
    order = []
    for n in names:
        order += [f for f in reversed(table.get(n.partition(" ")[0].replace("-", "_"), [])) if f not in order]
    return order
