#!/usr/bin/env python3
"""Healthy logs of whole user lands in QEMU: a Debian 12 with systemd, with SysV init, with OpenRC, runit, s6 and with
busybox alone, other processors and releases, other kernels, devices that are plugged in while it runs, and services.
Each row is one planned case; it is kept when each command of its script ended well, no unit of systemd had failed, and
the machine turned itself off after its mark.
Needs: qemu-system-x86, qemu-system-arm, qemu-system-misc, e2fsprogs, squashfs-tools, busybox-static, cpio, genisoimage.
Run by namespace.sh as root with SYSTEMS and perhaps a regular expression that picks cases. SYSTEMS holds trees made by
mmdebstrap with the kernel's modules: a (systemd with all of the programs below), v (systemd and the services), s
(sysvinit-core, openrc, runit, s6, busybox-syslogd), y (sysvinit-core, sysv-rc, rsyslog), t13 (Debian 13), i386, arm64, armhf, riscv64;
and k with vmlinuz-VERSION and initrd.img-VERSION of tree a for each kernel."""

import glob
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import userland
import well
from initrd import module_files

S = userland.Systems(sys.argv[1])
W = well.W
K61, K612, RT, CLOUD = (sorted(os.path.basename(k)[8:] for k in glob.glob(f"{sys.argv[1]}/k/vmlinuz-{p}"))[-1] for p in ("6.1.*[0-9]-amd64", "6.12*-amd64", "6.1.*-rt-amd64", "6.1.*-cloud-amd64"))
B = "healthy-boot"
LAN = "[Match]\nName=en*\n\n[Network]\nDHCP=yes\n"
NET = ["-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"]
UNITS = "[ -z \"$(systemctl list-units --failed --no-legend --plain)\" ]\n"
JOURNAL = "journalctl -b --no-pager -o short-precise"
OFF = {"systemd": "systemctl poweroff", "sysv": "poweroff", "runit": "/lib/runit/runit-init 0", "busybox": "busybox sync; busybox poweroff -f"}


def inject(root, tree="a"):
    """The initramfs's step that puts the case's files into the root: before udev's last step."""
    text = S.read(tree, "usr/share/initramfs-tools/scripts/init-bottom/udev")
    return {"scripts/init-bottom/udev": (text.replace("# Stop udevd", "[ -e ${rootmnt}/report.sh ] || cp -a /inject/. ${rootmnt}/\n# Stop udevd", 1), 0o755), **{f"inject/{n}": c for n, c in root.items()}}


def report(commands, init, mid=None):
    """The script of the case; mid: what ends the first of two starts."""
    body = commands
    if mid is not None:
        body = f"if [ ! -e /var/lib/second ]; then\n{mid}\ntouch /var/lib/second; sync; {'systemctl reboot' if init == 'systemd' else 'reboot'}; sleep 60\nfi\n{commands}"
    return userland.REPORT % (body + ("\n" + UNITS if init == "systemd" else ""), OFF[init])


def inits(base, init, enable):
    """What makes the system run the script at the end of its start."""
    wants = "etc/systemd/system/multi-user.target.wants"
    if init == "systemd":
        f = {"etc/systemd/system/report.service": userland.SYSTEMD, f"{wants}/report.service": ("->", "../report.service"), "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\n"}
        f.update({f"{wants}/{u}": ("->", f"/lib/systemd/system/{u}") for u in enable})
        if "NetworkManager.service" not in enable and "networking.service" not in enable:
            f.update({"etc/systemd/network/80-lan.network": LAN, f"{wants}/systemd-networkd.service": ("->", "/lib/systemd/system/systemd-networkd.service")})
        return f
    if init == "sysv":
        return {"etc/inittab": S.read(base, "etc/inittab") + "rp:2345:once:/report.sh\nT0:23:respawn:/sbin/getty -L ttyS0 115200 vt100\n", "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\nproc /proc proc defaults 0 0\n"}
    return {}


def case(program, name, package, source, commands, kept=("journal.log",), family=B, base="a", init="systemd", files=None, enable=(), qemu=(), append="quiet", kernel=None, mid=None, memory=768, acts=(), setup="", disk=None, timeout=600, net=NET, root="root=/dev/vda rw"):
    if GROUP is not None:
        if not well.ONLY or re.search(well.ONLY, f"{program}/{family}-{name}"):
            GROUP.append({"program": program, "name": name, "version": S.version(base, package), "source": source, "commands": commands, "kept": kept, "family": family, "files": files or {}, "enable": enable, "qemu": qemu, "setup": setup})
        return
    if not well.wanted(program, family, name):
        return
    try:
        image = S.image(base)
        if setup:
            well.sh("set -e\n" + setup)
        image = disk or image
        vmlinuz, initrd = S.kernel(kernel or K61)
        root_files = {"report.sh": report(commands, init, mid), "etc/hostname": "gw-17\n", "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 gw-17\n", **inits(base, init, enable), **(files or {})}
        extra = userland.archive(f"{W}/inject", inject(root_files))
        well.sh(f"cat {initrd} {extra} >{W}/initrd")
    except subprocess.CalledProcessError as e:
        return well.leave_out(f"{program}/{family}-{name}", f"setup: {e.stderr[-400:]!r}")
    arguments = ["-m", str(memory), "-kernel", vmlinuz, "-initrd", f"{W}/initrd", "-append", f"console=ttyS0 panic=1 {root} {append}", "-drive", f"file={image},format=raw,if=none,id=root,snapshot=on", "-device", "virtio-blk-pci,drive=root,addr=3", *net, *qemu]
    console, out, code = userland.start("qemu-system-x86_64", arguments if mid is not None else arguments + ["-no-reboot"], acts, timeout)
    userland.settle(program, family, name, S.version(base, package) if not package.startswith("=") else package[1:], source, kept, console, out, code)


GROUP = None


def together(rows, base):
    """Rows that need the same machine, one after the other in one start of it. Each is kept or left out by itself."""
    global GROUP
    GROUP = []
    rows()
    group, GROUP = GROUP, None
    if not group:
        return
    script, merged, enable, qemu, setup = "", {}, [], [], []
    for i, row in enumerate(group):
        commands = row["commands"].replace("/report/", f"/report/{i}/")
        script += f"mkdir -p /report/{i}\n(set -ex\n{commands}\n{UNITS}\n) >/run/script.log 2>&1\n[ $? = 0 ] && touch /report/{i}/well || cp /run/script.log /report/{i}/script.log\nsystemctl reset-failed\n"
        merged.update(row["files"])
        enable += [u for u in row["enable"] if u not in enable]
        qemu += [] if row["qemu"] in qemu else [row["qemu"]]
        setup += [] if row["setup"] in setup else [row["setup"]]
    shutil.rmtree(W, ignore_errors=True)
    os.makedirs(W)
    try:
        well.sh("set -e\n" + "\n".join(setup))
        vmlinuz, initrd = S.kernel(K61)
        root = {"report.sh": userland.REPORT % ("set +e\n" + script + "true\n", OFF["systemd"]), "etc/hostname": "gw-17\n", "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 gw-17\n", **inits(base, "systemd", enable), **merged}
        well.sh(f"cat {initrd} {userland.archive(f'{W}/inject', inject(root))} >{W}/initrd")
        image = S.image(base)
    except subprocess.CalledProcessError as e:
        return well.leave_out(f"the machine of {base}", f"setup: {e.stderr[-400:]!r}")
    arguments = ["-m", "1024", "-kernel", vmlinuz, "-initrd", f"{W}/initrd", "-append", "console=ttyS0 panic=1 root=/dev/vda rw quiet audit=1", "-drive", f"file={image},format=raw,if=none,id=root,snapshot=on", "-device", "virtio-blk-pci,drive=root,addr=3", *NET, "-no-reboot"] + [a for q in qemu for a in q]
    console, out, code = userland.start("qemu-system-x86_64", arguments, (), 1200)
    for i, row in enumerate(group):
        files = {n.partition("/")[2]: b for n, b in out.items() if n.startswith(f"{i}/")}
        if "well" not in files and code == 0:
            well.leave_out(f"{row['program']}/{row['family']}-{row['name']}", f"a command failed: {files.get('script.log', b'')[-500:].decode(errors='replace')}")
            continue
        userland.settle(row["program"], row["family"], row["name"], row["version"], row["source"], row["kept"], console, files, code)


def data(size="64M"):
    """A second disk, /dev/vdb or the one after the report's."""
    return ["-drive", f"file={W}/data.img,format=raw,if=none,id=data", "-device", "virtio-blk-pci,drive=data,serial=data"], f"truncate -s {size} data.img"


DATA = "disk=$(readlink -f /dev/disk/by-id/virtio-data)\n"


def units(*names):
    return "journalctl -b --no-pager -o short-precise " + " ".join(f"-u {n}" for n in names) + " >/report/journal.log\n"


def network():
    two = NET + ["-netdev", "user,id=m,net=10.0.9.0/24", "-device", "virtio-net-pci,netdev=m"]
    case("networkd", "dhcp", "systemd", "systemd-networkd takes an address by DHCP; networkctl, the journal of the units", "sleep 5\nnetworkctl --no-pager status --all >/report/networkctl.txt\n" + units("systemd-networkd", "systemd-udevd", "systemd-resolved", "dbus"), ("journal.log", "networkctl.txt"), enable=["systemd-networkd-wait-online.service"])
    case("networkd", "bridge", "systemd", "a bridge of two ports, a VLAN and a port without a configuration", "sleep 5\nnetworkctl --no-pager list >/report/networkctl.txt\nip -d link >>/report/networkctl.txt\n" + JOURNAL + " >/report/journal.log\n", ("journal.log", "networkctl.txt"), net=two + ["-device", "e1000"], files={
        "etc/systemd/network/80-lan.network": "[Match]\nName=enp0s4 enp0s5 ens4 ens5\n\n[Network]\nBridge=br0\n", "etc/systemd/network/10-br0.netdev": "[NetDev]\nName=br0\nKind=bridge\n\n[Bridge]\nSTP=yes\n", "etc/systemd/network/20-v.netdev": "[NetDev]\nName=v7\nKind=vlan\n\n[VLAN]\nId=7\n",
        "etc/systemd/network/10-br0.network": "[Match]\nName=br0\n\n[Network]\nDHCP=ipv4\nVLAN=v7\n", "etc/systemd/network/20-v.network": "[Match]\nName=v7\n\n[Network]\nAddress=192.168.7.2/24\n"})
    case("timesyncd", "clock-leap", "systemd", "a device whose clock stands at an old day asks a time server", "(set +e; systemctl restart systemd-timesyncd; sleep 12)\ntimedatectl --no-pager >/report/timedatectl.txt\ntimedatectl --no-pager timesync-status >>/report/timedatectl.txt\ntimedatectl --no-pager show-timesync >>/report/timedatectl.txt\n" + JOURNAL + " -u systemd-timesyncd -u systemd-networkd -u init.scope >/report/journal.log\n", ("journal.log", "timedatectl.txt"), qemu=["-rtc", "base=2025-02-03T04:05:06"], files={"etc/systemd/timesyncd.conf": "[Time]\nNTP=10.0.2.2\n"}, enable=["systemd-timesyncd.service"])
    case("networkmanager", "dhcp", "network-manager", "NetworkManager takes an address, a second profile is made and started", "nm-online -t 60\nnmcli connection add type dummy ifname d0 con-name lab ip4 192.168.9.1/24\nnmcli connection up lab\n(nmcli general; nmcli device; nmcli -p connection show lab) >/report/nmcli.txt\n" + units("NetworkManager", "dbus", "NetworkManager-dispatcher"), ("journal.log", "nmcli.txt"), enable=["NetworkManager.service"])
    case("modemmanager", "no-modem", "modemmanager", "ModemManager on a gateway without a modem, with two serial ports", "sleep 15\nmmcli -L >/report/mmcli.txt\nmmcli -S\nsleep 5\n" + units("ModemManager", "NetworkManager", "polkit", "dbus"), ("journal.log", "mmcli.txt"), enable=["NetworkManager.service", "ModemManager.service"], qemu=["-serial", "null", "-device", "pci-serial"])
def beside():
    case("resolved", "queries", "systemd", "names are asked of systemd-resolved, its statistics", "sleep 3\n(resolvectl --no-pager status; resolvectl query localhost; resolvectl query gw-17; resolvectl query _gateway; resolvectl statistics; resolvectl flush-caches; resolvectl log-level debug; resolvectl query 127.0.0.1; resolvectl log-level info) >/report/resolvectl.txt 2>&1\n" + units("systemd-resolved"), ("journal.log", "resolvectl.txt"))
    conf = "interface=wlan0\ndriver=nl80211\nssid=lab\nhw_mode=g\nchannel=6\nwpa=2\nwpa_key_mgmt=WPA-PSK\nwpa_passphrase=not-a-secret\nrsn_pairwise=CCMP\n"
    radio = "modprobe mac80211_hwsim radios=2\nsleep 2\nip link set wlan0 up\nhostapd -t -f /run/hostapd.log -B /etc/hostapd-lab.conf\nwpa_passphrase lab not-a-secret >/run/w.conf; printf 'ctrl_interface=/run/wpa\\n' >>/run/w.conf\nwpa_supplicant -B -t -f /run/wpa.log -i wlan1 -c /run/w.conf\nsleep 8\nwpa_cli -p /run/wpa -i wlan1 status\nwpa_cli -p /run/wpa -i wlan1 status | grep COMPLETED\n"
    case("wpa_supplicant", "hwsim", "wpasupplicant", "a radio joins a WPA2 network, roams once, leaves", radio + "wpa_cli -p /run/wpa -i wlan1 scan; sleep 6; wpa_cli -p /run/wpa -i wlan1 reassociate; sleep 6; wpa_cli -p /run/wpa -i wlan1 disconnect; sleep 1; wpa_cli -p /run/wpa -i wlan1 terminate; sleep 1\ncp /run/wpa.log /report/wpa.log\n" + JOURNAL + " -k | tail -n 60 >/report/kernel.log\n", ("wpa.log", "kernel.log"), family="healthy-radio", files={"etc/hostapd-lab.conf": conf})
    case("hostapd", "hwsim", "hostapd", "an access point to which a radio comes, from which it goes", radio + "hostapd_cli -p /run/hostapd all_sta || true\nwpa_cli -p /run/wpa -i wlan1 disconnect; sleep 2; wpa_cli -p /run/wpa -i wlan1 reconnect; sleep 5; kill $(pidof hostapd); sleep 2\ncp /run/hostapd.log /report/hostapd.log\n", ("hostapd.log",), family="healthy-radio", files={"etc/hostapd-lab.conf": conf})
    case("bluetoothd", "no-adapter", "bluez", "bluetoothd on a device without an adapter, then with the kernel's virtual one", "systemctl start bluetooth\nmodprobe hci_vhci || true\nsleep 4\nsystemctl status bluetooth --no-pager >/report/status.txt\n" + JOURNAL + " -u bluetooth -u dbus >/report/journal.log\n" + JOURNAL + " -k | grep -i blue >>/report/status.txt || true\n", ("journal.log", "status.txt"), files={"etc/systemd/system/bluetooth.service.d/x.conf": "[Unit]\nConditionPathIsDirectory=\n"})
    case("avahi", "start", "avahi-daemon", "avahi, restarted", "sleep 6\nsystemctl restart avahi-daemon\nsleep 3\n" + units("avahi-daemon"), enable=["avahi-daemon.service"])
    q, make = data("700M")
    case("xfs", "grow", "xfsprogs", "a data disk of XFS is mounted, filled, grown, checked and defragmented", DATA + "printf 'size=150MiB\\n' | sfdisk -q $disk; sleep 1\nmkfs.xfs -f -m reflink=1 ${disk}1 >/report/xfs.txt || mkfs.xfs -f -d size=300m $disk >/report/xfs.txt\nd=$disk; mkfs.xfs -q -f -d size=320m $d\nmount $d /srv; cp -a /usr/bin /srv/; xfs_growfs /srv; xfs_info /srv; xfs_fsr -v /srv; sync; umount /srv; xfs_repair -n $d\ncp /run/script.log /report/script.txt\n" + JOURNAL + " -k | tail -n 40 >/report/journal.log\n", ("journal.log", "script.txt"), setup=make, qemu=q)
    case("f2fs", "data", "f2fs-tools", "a data disk of F2FS is made, filled, checked, resized and mounted again", DATA + "mkfs.f2fs -q -f $disk 300000\nmount $disk /srv; cp -a /usr/bin /srv/ ; sync; umount /srv; fsck.f2fs $disk; resize.f2fs $disk; mount $disk /srv; df /srv; rm -r /srv/bin; fstrim -v /srv; umount /srv\ncp /run/script.log /report/script.txt\n" + JOURNAL + " -k | tail -n 40 >/report/journal.log\n", ("journal.log", "script.txt"), setup=make, qemu=q)
    case("nfs", "loopback", "nfs-kernel-server", "a folder is exported over NFS and mounted by the same machine", "mkdir -p /srv/x; echo '/srv/x 127.0.0.1(rw,sync,no_subtree_check,no_root_squash)' >/etc/exports\nsystemctl start rpcbind nfs-server\nexportfs -ra; showmount -e 127.0.0.1\nmount -t nfs 127.0.0.1:/srv/x /mnt; cp -r /etc/default /mnt/; ls /mnt; nfsstat -s; umount /mnt\nsystemctl stop nfs-server\ncp /run/script.log /report/script.txt\n" + JOURNAL + " | tail -n 120 >/report/journal.log\n", ("journal.log", "script.txt"))
    case("logrotate", "forced", "logrotate", "all logs are rotated by force, twice, with all that it tells", "logrotate -v -f /etc/logrotate.conf >/report/logrotate.txt 2>&1\nlogger rotated\nlogrotate -v /etc/logrotate.conf >>/report/logrotate.txt 2>&1\nls -l /var/log >>/report/logrotate.txt\n" + units("logrotate", "rsyslog"), ("logrotate.txt", "journal.log"))


def plugged():
    F = "healthy-plugged"
    wait = "for i in $(seq 40); do [ -e %s ] && break; sleep 1; done\n[ -e %s ]\nsleep 2\n"
    stick = "/dev/disk/by-label/UPDATE"
    case("udev", "usb-storage", "systemd", "a USB stick is plugged in while the system runs, read, and pulled after its unmount", "say please plug the stick in\n" + wait % (stick, stick) + f"mount -o ro {stick} /mnt; ls -l /mnt; cat /mnt/* >/dev/null; umount /mnt\nsay stick may be removed\nsleep 8\n" + JOURNAL + " -k >/report/k; tail -n 70 /report/k >/report/kernel.log\n" + JOURNAL + " -u systemd-udevd -u init.scope -u rsyslog >/report/journal.log\n", ("journal.log", "kernel.log", "console.log"), family=F, append="", setup="truncate -s 32M stick.img; mkfs.vfat -n UPDATE stick.img; head -c 3000000 /dev/urandom >firmware.bin; mcopy -i stick.img firmware.bin ::",
         qemu=["-device", "qemu-xhci,id=xhci", "-drive", f"file={W}/stick.img,format=raw,if=none,id=stick"], acts=[("please plug the stick", "device_add usb-storage,id=s,drive=stick,bus=xhci.0,removable=on"), ("stick may be removed", "device_del s")])
    case("udev", "usb-others", "systemd", "a hub, a serial converter, a network adapter and a keyboard are plugged in one after the other and pulled", "say please plug the others in\nsleep 20\nip -br link; ls /dev/ttyUSB0\nsay others may be removed\nsleep 12\n" + JOURNAL + " | tail -n 150 >/report/journal.log\n", ("journal.log",), family=F, qemu=["-device", "qemu-xhci,id=xhci", "-chardev", "null,id=nothing", "-netdev", "user,id=u"], append="",
         acts=[("please plug the others", "device_add usb-hub,id=hub,bus=xhci.0,port=1\ndevice_add usb-serial,id=ser,chardev=nothing,bus=xhci.0,port=2\ndevice_add usb-net,id=net,netdev=u,bus=xhci.0,port=3\ndevice_add usb-kbd,id=kbd,bus=xhci.0,port=4"), ("others may be removed", "device_del ser\ndevice_del net\ndevice_del kbd\ndevice_del hub")])
    case("udev", "pci", "systemd", "a disk and a network card are plugged into the running board", "say please plug the cards in\nsleep 15\nlsblk; ip -br link\nsay cards may be removed\nsleep 10\n" + JOURNAL + " | tail -n 150 >/report/journal.log\n", ("journal.log",), family=F, append="", setup="truncate -s 64M more.img", qemu=["-drive", f"file={W}/more.img,format=raw,if=none,id=more", "-netdev", "user,id=u"],
         acts=[("please plug the cards", "device_add virtio-blk-pci,id=card,drive=more,serial=more\ndevice_add e1000,id=nic,netdev=u"), ("cards may be removed", "device_del card\ndevice_del nic")])
    case("agetty", "garbage", "util-linux", "a serial console into which a loose cable sends garbage, and somebody a wrong name", "say console is ready\nsleep 25\n" + JOURNAL + " -u serial-getty@ttyS0 >/report/journal.log\n", ("console.log", "journal.log"), family="healthy-console", append="", acts=[("login:", b"\xff\xfe\x00\x80\xf8~~}\x7f\xe0\r\n"), ("login:", b"admin\r"), ("Password:", b"\r"), ("incorrect", b"\x80\x80\x00\xff}{~\r\r\n\x03\x04"), ("login:", b"\x15\x15 at+gmm\r\n")])


def clouds():
    seed = "mkdir s; printf 'instance-id: gw-1\\nlocal-hostname: gw-17\\n' >s/meta-data; printf '#cloud-config\\nusers:\\n - name: operator\\n   lock_passwd: true\\n   shell: /bin/sh\\nwrite_files:\\n - path: /etc/gateway.conf\\n   content: |\\n     slot=b\\nruncmd:\\n - [ sh, -c, \"echo gateway configured\" ]\\ntimezone: UTC\\nntp: {enabled: false}\\npackage_update: false\\n' >s/user-data; truncate -s 4M seed.img; mkfs.vfat -n CIDATA seed.img; mcopy -i seed.img s/* ::"
    drive = ["-drive", f"file={W}/seed.img,format=raw,if=none,id=seed", "-device", "virtio-blk-pci,drive=seed,serial=seed"]
    on = {f"etc/systemd/system/cloud-init.target.wants/{u}": ("->", f"/lib/systemd/system/{u}") for u in ("cloud-init-local.service", "cloud-init.service", "cloud-config.service", "cloud-final.service")}
    on["etc/systemd/system/multi-user.target.wants/cloud-init.target"] = ("->", "/lib/systemd/system/cloud-init.target")
    get = "cloud-init status --wait\ncp /var/log/cloud-init-output.log /report/\ncp /var/log/cloud-init.log /report/\n"
    case("cloud-init", "first", "cloud-init", "the first start with a configuration on a small disk", get, ("cloud-init-output.log", "cloud-init.log"), setup=seed, qemu=drive, files=on)
    case("cloud-init", "second", "cloud-init", "the console and the output of two starts", get, ("console.log", "cloud-init-output.log"), setup=seed, qemu=drive, files=on, mid="cloud-init status --wait", timeout=800)
    case("cloud-init", "no-source", "cloud-init", "a start without any source: the defaults are used", get + units("cloud-init", "cloud-init-local", "cloud-config", "cloud-final"), ("cloud-init-output.log", "cloud-init.log", "journal.log"), files={**on, "etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: [ NoCloud, ConfigDrive, None ]\n", "etc/cloud/ds-identify.cfg": "policy: enabled\n"})


def disks():
    q, make = data("256M")
    luks = "head -c 64 /dev/urandom >/etc/key; chmod 600 /etc/key\ncryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 2000 $disk /etc/key\necho \"store $disk /etc/key luks,x-systemd.device-timeout=60\" >/etc/crypttab\ncryptsetup open --key-file /etc/key $disk store; mkfs.ext4 -q /dev/mapper/store; cryptsetup close store\necho '/dev/mapper/store /srv ext4 defaults 0 2' >>/etc/fstab\n"
    case("cryptsetup", "crypttab", "cryptsetup", "a disk is encrypted, and opened by crypttab at the next start", "findmnt /srv\ncryptsetup status store >/report/status.txt\n" + JOURNAL + " -u 'systemd-cryptsetup*' -u 'systemd-fsck*' -u srv.mount -u init.scope >/report/journal.log\n", ("journal.log", "status.txt"), setup=make, qemu=q, mid=DATA + luks, timeout=800)
    md = ["-drive", f"file={W}/m1.img,format=raw,if=none,id=m1", "-device", "virtio-blk-pci,drive=m1,serial=m1", "-drive", f"file={W}/m2.img,format=raw,if=none,id=m2", "-device", "virtio-blk-pci,drive=m2,serial=m2"]
    case("mdadm", "mirror", "mdadm", "a mirror is made, filled, and assembled at the next start", "mdadm --detail --scan\nsleep 5\nmdadm --detail /dev/md/*  >/report/detail.txt\n" + JOURNAL + " | grep -E ' kernel: (md|EXT4|.*raid)|mdadm|md1|systemd.1.' >/report/journal.log\n", ("journal.log", "detail.txt"), setup="truncate -s 128M m1.img m2.img", qemu=md, mid="modprobe raid1\nmdadm --create /dev/md/store --run --level=1 --raid-devices=2 /dev/disk/by-id/virtio-m1 /dev/disk/by-id/virtio-m2\nmdadm --wait /dev/md/store || true\nmkfs.ext4 -q /dev/md/store\nmount /dev/md/store /srv; cp -a /usr/share /srv/ || true; umount /srv\nmdadm --detail --scan >>/etc/mdadm/mdadm.conf\n", timeout=800)
    case("overlayroot", "tmpfs", "overlayroot", "a root that is read only below a layer in memory", "mount; df -h; touch /etc/changed\n" + JOURNAL + " >/report/journal.log\ncp /run/script.log /report/script.txt\n", ("console.log", "script.txt"), append="overlayroot=tmpfs:recurse=0")
    live = f"mkdir -p d/live; mksquashfs {sys.argv[1]}/s d/live/filesystem.squashfs -quiet -no-progress -comp gzip -Xcompression-level 1 -e boot; mkfs.ext4 -q -L LIVE -d d live.img 900M; rm -r d"
    case("live-boot", "squashfs", "live-boot", "a live system from a SquashFS on a stick", "mount; cat /proc/cmdline\ncp /run/script.log /report/script.txt\ndmesg >/report/dmesg.txt\ncp /var/log/live/boot.log /report/ 2>/dev/null || cp /run/live/boot.log /report/ 2>/dev/null || true\n", ("console.log", "script.txt"), base="s", init="sysv", setup=live, disk=f"{W}/live.img", root="boot=live components", append="", memory=1024, files={"etc/fstab": ""})
    gpt = f"truncate -s 2500M disk.img; printf 'label: gpt\\nfirst-lba: 2048\\nsize=1600MiB,type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709,name=root\\n' | sfdisk -q disk.img; dd if={sys.argv[1]}/a.ext4 of=disk.img bs=1M seek=1 conv=notrunc,sparse status=none"
    case("repart", "first-boot", "systemd", "the first start of an image: partitions are added, the root grows", "sleep 3\ndf -h / /var/lib/data; lsblk; sfdisk -d /dev/vda\ncp /run/script.log /report/script.txt\n" + JOURNAL + " -u 'systemd-repart*' -u 'systemd-growfs*' -u 'systemd-makefs*' -u init.scope -u 'systemd-fsck*' >/report/journal.log\n", ("journal.log", "script.txt"), setup=gpt, disk=f"{W}/disk.img", root="root=PARTLABEL=root rw", append="",
         files={"etc/fstab": "PARTLABEL=root / ext4 x-systemd.growfs,errors=remount-ro 0 1\n", "etc/repart.d/10-root.conf": "[Partition]\nType=root\nSizeMaxBytes=2000M\n", "etc/repart.d/20-data.conf": "[Partition]\nType=linux-generic\nLabel=data\nFormat=ext4\nSizeMinBytes=100M\n", "etc/systemd/system/sysinit.target.wants/systemd-repart.service": ("->", "/lib/systemd/system/systemd-repart.service")})
    case("growpart", "first-boot", "cloud-guest-utils", "the first start of an image grows the partition and the file system, makes keys and a machine's number", "d=/dev/vda\ngrowpart -N $d 1; growpart $d 1; resize2fs ${d}1; df -h /; rm -f /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh; sfdisk -d $d\ncp /run/script.log /report/script.txt\n" + JOURNAL + " | tail -n 150 >/report/journal.log\n", ("journal.log", "script.txt"), setup=gpt, disk=f"{W}/disk.img", root="root=/dev/vda1 rw", append="", files={"etc/fstab": "/dev/vda1 / ext4 errors=remount-ro 0 1\n"})


def keeping():
    case("journald", "small", "systemd", "a journal that may be 4 MB large, over two starts: rotated, vacuumed, verified", "for i in $(seq 300); do logger -t meter \"value $i of the day $(head -c 200 /dev/urandom | base64 -w0)\"; done\njournalctl --sync; journalctl --rotate; journalctl --vacuum-size=3M; journalctl --verify || true; journalctl --disk-usage; journalctl --list-boots --no-pager\ncp /run/script.log /report/script.txt\njournalctl --no-pager -o short-iso -u systemd-journald -u systemd-journal-flush -u init.scope >/report/journal.log\n", ("journal.log", "script.txt"), mid="for i in $(seq 200); do logger -t meter \"value $i\"; done\njournalctl --flush", files={"etc/systemd/journald.conf.d/small.conf": "[Journal]\nStorage=persistent\nSystemMaxUse=4M\nSystemMaxFileSize=1M\nRateLimitBurst=200\n"}, timeout=800)
    dog = ["-device", "i6300esb"]
    case("watchdogd", "systemd", "systemd", "systemd feeds a hardware watchdog; the console of a restart", "sleep 20\nls /dev/watchdog*\n" + JOURNAL + " -u init.scope -k >/report/j; grep -iE 'watchdog|i6300|systemd' /report/j >/report/journal.log\n", ("console.log", "journal.log"), qemu=dog, append="", mid="modprobe i6300esb\nmkdir -p /etc/systemd/system.conf.d; printf '[Manager]\\nRuntimeWatchdogSec=20\\nRebootWatchdogSec=60\\n' >/etc/systemd/system.conf.d/dog.conf; echo i6300esb >/etc/modules-load.d/dog.conf", timeout=800)
    case("watchdogd", "daemon", "watchdog", "the daemon watchdog with checks of load, memory, a file and an address", "modprobe i6300esb\nsystemctl restart watchdog\nsleep 25\nsystemctl stop watchdog\nsystemctl status --no-pager wd_keepalive >/report/status.txt || true\n" + units("watchdog", "wd_keepalive"), ("journal.log",), qemu=dog, files={"etc/watchdog.conf": "watchdog-device = /dev/watchdog\nmax-load-1 = 24\nmin-memory = 1\nping = 10.0.2.2\ninterval = 2\nverbose = yes\nrealtime = yes\npriority = 1\n"})


def old_inits():
    log = "cp /var/log/syslog /report/syslog.log\n"
    eth = {"append": "net.ifnames=0", "init": "sysv", "base": "y"}
    dhcp = {"etc/network/interfaces": "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n"}
    case("sysvinit", "boot", "sysvinit-core", "the console of a Debian 12 with SysV init that comes up and goes off", "sleep 5\n", ("console.log",), files=dhcp, **{**eth, "append": "net.ifnames=0 quiet"})
    case("sysvinit", "restart", "sysvinit-core", "two starts with an ordered restart between them", "sleep 5\nlast -x | head >/report/last.txt\n", ("console.log", "last.txt"), files=dhcp, mid="sleep 3", timeout=800, **eth)
    case("dropbear", "login", "dropbear-bin", "dropbear makes its keys, a client logs in by a key and runs commands", "mkdir -p /root/.ssh /etc/dropbear; chmod 700 /root /root/.ssh\nrm -f /etc/dropbear/*key\ndropbearkey -t ed25519 -f /root/id >/root/pub\ngrep ^ssh /root/pub >/root/.ssh/authorized_keys\n(dropbear -F -E -R -p 2222 2>/report/dropbear.log & echo $! >/run/d.pid)\nsleep 8\ndbclient -y -i /root/id -p 2222 root@127.0.0.1 uptime </dev/null\ndbclient -y -i /root/id -p 2222 root@127.0.0.1 'cat /etc/os-release' </dev/null\nsleep 1; kill $(cat /run/d.pid); sleep 1\ncp /run/script.log /report/client.txt\n", ("dropbear.log", "client.txt"), **eth)
    case("ifupdown", "dhcp", "ifupdown", "ifup and ifdown of an address by DHCP, with all that they tell", "ifdown -v eth0; ifup -v eth0; ip addr; ip route\ncp /run/script.log /report/terminal.txt\n" + log, ("terminal.txt", "syslog.log"), files=dhcp, **eth)
    case("ifupdown", "bridge", "ifupdown", "a bridge and a VLAN of ifupdown with fixed addresses", "ifup -v br0; ip -br link; ifup -v eth0.7; ip -br addr; ifdown -v eth0.7; ifdown -v br0\ncp /run/script.log /report/terminal.txt\ndmesg | tail -n 40 >/report/dmesg.txt\n", ("terminal.txt", "dmesg.txt"), files={"etc/network/interfaces": "auto lo\niface lo inet loopback\n\niface br0 inet static\n address 192.168.9.1/24\n bridge_ports eth0\n bridge_stp off\n bridge_fd 0\n\niface eth0.7 inet static\n address 192.168.7.1/24\n"}, **eth)
    case("acpid", "button", "acpid", "the power button of the board is pressed, acpid tells of it", "modprobe button || true\nservice acpid restart\n(timeout 20 acpi_listen -c 1 >/report/listen.txt || true) & say please press the button\nwait\n" + log, ("syslog.log", "listen.txt"), acts=[("please press the button", "system_powerdown")], **eth)
    case("ntpsec", "client", "ntpsec", "ntpd sets an old clock from a time server", "printf 'driftfile /var/lib/ntpsec/ntp.drift\\nserver 10.0.2.2 iburst prefer\\n' >/etc/ntpsec/ntp.conf\nifup eth0 || true\nservice ntpsec stop || true\n(ntpd -n -g -u ntpsec -c /etc/ntpsec/ntp.conf >/report/ntpd.log 2>&1 & echo $! >/run/n.pid)\nsleep 30\nntpq -pn; ntpq -c rv\nkill $(cat /run/n.pid); sleep 2\ncp /run/script.log /report/ntpq.txt\n", ("ntpd.log", "ntpq.txt"), files=dhcp, qemu=["-rtc", "base=2025-02-03T04:05:06"], **eth)


def other_inits():
    messages = "cp /var/log/messages /report/messages.log 2>/dev/null || cp /var/log/syslog /report/messages.log\n"
    case("openrc", "boot", "openrc", "the console of a Debian 12 with OpenRC that comes up and goes off", "sleep 3\nrc-status -a >/report/rc-status.txt 2>&1\n", ("console.log", "rc-status.txt"), base="s", init="sysv", append="net.ifnames=0")
    case("openrc", "services", "openrc", "services are stopped, started, added to a runlevel and taken away", "for c in 'rc-service cron restart' 'rc-service ssh status' 'rc-service --list' 'rc-update show' 'rc-update add cron default' 'rc-update del cron default' 'rc-update add cron default' 'rc-status --servicelist' 'rc-status default'; do echo \"# $c\"; $c || true; done >/report/terminal.txt 2>&1\n" + messages, ("terminal.txt", "messages.log"), base="s", init="sysv", append="net.ifnames=0")
    runit = {"etc/service/report/run": "#!/bin/sh\n[ -e /run/reported ] && exec sleep 1000\ntouch /run/reported\nexec /report.sh\n", "etc/service/cron/run": "#!/bin/sh\nexec cron -f\n", "etc/service/log/run": "#!/bin/sh\nexec busybox syslogd -n -O /var/log/messages\n", "etc/service/kernel/run": "#!/bin/sh\nexec busybox klogd -n\n", "etc/service/ssh/run": "#!/bin/sh\nmkdir -p /run/sshd\nexec /usr/sbin/sshd -D -e\n"}
    case("runit", "boot", "runit", "runit as the first process: its three stages, its services", "sleep 6\nfor s in /etc/service/*; do sv status $s || true; done >/report/sv.txt 2>&1\nsv restart /etc/service/cron >>/report/sv.txt 2>&1\n" + messages, ("console.log", "sv.txt", "messages.log"), base="s", init="runit", files=runit, append="init=/lib/runit/runit-init")
    run = "#!/bin/sh\nexec 2>&1\nexec %s\n"
    s6 = {"sbin/s6-boot": "#!/bin/sh\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin\nmount -t tmpfs t /tmp; mkdir -p /run/service /run/sshd /var/log; cp -a /etc/s6/. /run/service/\nhostname -F /etc/hostname\necho 's6: services start'\nexec s6-svscan -t0 /run/service\n", "etc/s6/.s6-svscan/finish": "#!/bin/sh\nexec busybox poweroff -f\n"}
    for n, c in {"log": "busybox syslogd -n -O /var/log/messages", "kernel": "busybox klogd -n", "cron": "cron -f", "ssh": "/usr/sbin/sshd -D -e", "report": "sh -c '[ -e /run/reported ] \\&\\& exec sleep 1000; touch /run/reported; exec /report.sh'".replace("\\&", "&")}.items():
        s6[f"etc/s6/{n}/run"] = run % c
    case("s6", "boot", "s6", "s6-svscan as the first process, its services, one of them restarted", "sleep 5\nfor s in log kernel cron ssh; do s6-svstat /run/service/$s; done >/report/svstat.txt\ns6-svc -r /run/service/cron; sleep 2; s6-svstat /run/service/cron >>/report/svstat.txt\n" + messages, ("console.log", "svstat.txt", "messages.log"), base="s", init="busybox", files=s6, append="init=/sbin/s6-boot")
    small = "mkdir -p t/bin t/sbin t/etc/init.d t/proc t/sys t/dev t/run t/tmp t/var/log t/var/www t/root t/mnt t/usr/share/udhcpc t/var/spool/cron/crontabs; cp $(command -v busybox) t/bin/busybox; for a in $(busybox --list); do [ $a = busybox ] || ln -s busybox t/bin/$a; done; ln -s ../bin/busybox t/sbin/init; printf 'root::0:0:root:/root:/bin/sh\\nnobody:x:65534:65534::/:/bin/false\\n' >t/etc/passwd; printf 'root:x:0:\\n' >t/etc/group; echo '<h1>gateway</h1>' >t/var/www/index.html; truncate -s 48M small.img; mkfs.ext4 -q -d t small.img; rm -r t"
    tab = "::sysinit:/etc/init.d/rcS\n::respawn:-/bin/sh\n::once:/report.sh\n::ctrlaltdel:/bin/reboot\n::shutdown:/etc/init.d/rcK\n"
    rcs = "#!/bin/sh\necho 'Acme Linux 5.2'\nmount -t tmpfs t /tmp\nhostname -F /etc/hostname\nifconfig lo up\nsyslogd -O /var/log/messages\nklogd\necho /bin/mdev >/proc/sys/kernel/hotplug 2>/dev/null\nmdev -s\nudhcpc -i eth0 -s /usr/share/udhcpc/default.script -b\ncrond -l 2\nhttpd -h /var/www\nwatchdog -t 5 /dev/watchdog 2>/dev/null\nntpd -p 10.0.2.2\n"
    script = "#!/bin/sh\ncase $1 in\ndeconfig) ifconfig $interface 0.0.0.0 up;;\nbound|renew) ifconfig $interface $ip netmask $subnet; route add default gw $router; echo nameserver $dns >/etc/resolv.conf; logger -t dhcp \"$interface has $ip for $lease s\";;\nesac\n"
    files = {"etc/inittab": tab, "etc/init.d/rcS": rcs, "etc/init.d/rcK": "#!/bin/sh\necho 'services stop'\nkillall httpd crond ntpd\numount -a -r\n", "usr/share/udhcpc/default.script": script, "var/spool/cron/crontabs/root": "* * * * * logger -t job nightly report\n"}
    little = {"init": "busybox", "setup": small, "disk": f"{W}/small.img", "files": files, "append": "net.ifnames=0", "memory": 256}
    version = "=1.35"
    case("busybox-init", "boot", version, "a device of busybox alone: the console and the messages of its start", "sleep 8\ncp /var/log/messages /report/messages.log\n", ("console.log", "messages.log"), **little)
    case("busybox-init", "services", version, "the applets at work: a page is fetched, jobs run, logs rotate, a file is downloaded", "sleep 70\nwget -O /run/i http://127.0.0.1/\nwget -O /run/n http://127.0.0.1/none || true\nnetstat -lnt; ps; df; free; uptime; ping -c 2 10.0.2.2; traceroute -m 2 -w 1 10.0.2.2 || true; nslookup gw-17 127.0.0.1 || true; md5sum /bin/busybox\ncp /run/script.log /report/terminal.txt\ncp /var/log/messages /report/messages.log\n", ("terminal.txt", "messages.log"), **{**little, "append": "net.ifnames=0 quiet"})
    case("udhcpc", "lease", version, "udhcpc asks, keeps its lease, renews and gives it back", "killall udhcpc; sleep 1\nudhcpc -f -v -v -i eth0 -s /usr/share/udhcpc/default.script >/report/udhcpc.txt 2>&1 &\nsleep 8; kill -USR1 $!; sleep 3; kill -USR2 $!; sleep 2; kill $!; wait $! || true\nudhcpc -n -q -v -i eth0 -s /usr/share/udhcpc/default.script >>/report/udhcpc.txt 2>&1\ncp /var/log/messages /report/messages.log\n", ("udhcpc.txt", "messages.log"), **little)


def kernels():
    for program, kernel, what in (("linux-backports", K612, "the kernel of bookworm-backports"), ("linux-rt", RT, "the kernel with PREEMPT_RT"), ("linux-cloud", CLOUD, "the kernel for clouds")):
        case(program, "console", f"={kernel.split('-')[0].split('+')[0]}", f"the console of a Debian 12 with {what}", "sleep 3\n", ("console.log",), append="", kernel=kernel)
        case(program, "journal", f"={kernel.split('-')[0].split('+')[0]}", f"the journal of a Debian 12 with {what}", JOURNAL + " >/report/journal.log\n", ("journal.log",), append="quiet", kernel=kernel, qemu=["-machine", "q35"])


def small_initrd(tree, version, root_files):
    """An initramfs of the tree's busybox for boards without one of their own: modules, root, files, the system's init."""
    files = {f"inject/{n}": c for n, c in root_files.items()}
    load = ""
    folder = f"{S.folder}/{tree}/lib/modules/{version}"
    for f in module_files(folder, "virtio_pci virtio_mmio virtio_blk crc32c_generic libcrc32c ext4 virtio_net".split()):
        body = open(f"{folder}/{f}", "rb").read()
        if f.endswith(".xz"):
            body = subprocess.run(["xz", "-d"], input=body, capture_output=True, check=True).stdout
        files[f"m/{os.path.basename(f).split('.ko')[0]}.ko"] = body
        load += f"/bin/busybox insmod /m/{os.path.basename(f).split('.ko')[0]}.ko\n"
    box = [b for b in (f"{S.folder}/{tree}/usr/bin/busybox", f"{S.folder}/{tree}/bin/busybox") if os.path.exists(b)][0]
    files["bin/busybox"] = (open(box, "rb").read(), 0o755)
    files["init"] = "#!/bin/busybox sh\n/bin/busybox mkdir -p /dev /proc /sys /new\n/bin/busybox mount -t devtmpfs d /dev; /bin/busybox mount -t proc p /proc; /bin/busybox mount -t sysfs s /sys\n" + load + "d=/dev/vda; for i in 1 2 3 4 5; do /bin/busybox sleep 1; for b in /sys/block/vd*; do [ \"$(/bin/busybox cat $b/serial)\" = root ] && d=/dev/${b##*/}; done; done\n/bin/busybox mount -t ext4 $d /new\n/bin/busybox cp -a /inject/. /new/\n/bin/busybox umount /proc; /bin/busybox umount /sys; /bin/busybox mount -o move /dev /new/dev\nexec /bin/busybox switch_root /new /sbin/init\n"
    return userland.archive(f"{W}/inject", files)


def boards():
    for program, tree, binary, arguments, tty, wait in (
            ("debian-i386", "i386", "qemu-system-i386", ["-m", "768"], "ttyS0", 600), ("debian-13", "t13", "qemu-system-x86_64", ["-m", "768"], "ttyS0", 600),
            ("debian-arm64", "arm64", "qemu-system-aarch64", ["-machine", "virt", "-cpu", "cortex-a53", "-m", "768"], "ttyAMA0", 800), ("debian-armhf", "armhf", "qemu-system-arm", ["-machine", "virt", "-m", "768"], "ttyAMA0", 800),
            ("debian-13-riscv64", "riscv64", "qemu-system-riscv64", ["-machine", "virt", "-m", "1024"], "ttyS0", 900)):
        for name, kept, append, what in (("console", ("console.log",), "", "the console"), ("journal", ("journal.log",), "quiet", "the journal")):
            if not well.wanted(program, B, name):
                continue
            try:
                vmlinuz = sorted(glob.glob(f"{S.folder}/{tree}/boot/vmlinu[xz]-*"))[-1]
                version = re.sub(r"^vmlinu[xz]-", "", os.path.basename(vmlinuz))
                root_files = {"report.sh": report(JOURNAL + " >/report/journal.log\n", "systemd"), "etc/hostname": "gw-17\n", "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 gw-17\n", **inits(tree, "systemd", ())}
                initrd = f"{W}/initrd"
                own = glob.glob(f"{S.folder}/{tree}/boot/initrd.img-*")
                if own:
                    well.sh(f"cat {own[0]} {userland.archive(f'{W}/inject', inject(root_files, tree))} >{initrd}")
                else:
                    initrd = small_initrd(tree, version, root_files)
                image = S.image(tree)
            except (subprocess.CalledProcessError, OSError, IndexError) as e:
                well.leave_out(f"{program}/{B}-{name}", f"setup: {e!r}")
                continue
            console, out, code = userland.start(binary, arguments + ["-kernel", vmlinuz, "-initrd", initrd, "-append", f"console={tty} panic=1 root=/dev/vda rw {append}", "-no-reboot", "-drive", f"file={image},format=raw,if=none,id=root,snapshot=on", "-device", "virtio-blk-pci,drive=root,serial=root,addr=3", *NET], timeout=wait)
            userland.settle(program, B, name, version.split("-")[0].split("+")[0], f"{what} of a Debian for {tree} with {version}", kept, console, out, code)


def services():
    def service(program, package, source, commands, unit="", files=None, kept=("journal.log",), **more):
        case(program, "run", package, source, commands + (units(*unit.split()) if unit else ""), kept, family="healthy-service", base="v", files=files, enable=[f"{u}.service" for u in more.pop("on", ())], **more)
    shown = "cp /run/script.log /report/terminal.txt\n"
    both = ("journal.log", "terminal.txt")
    service("lldpd", "lldpd", "neighbours are looked for on two networks", "systemctl restart lldpd\nsleep 8\nlldpcli show chassis; lldpcli show interfaces; lldpcli update; lldpcli show statistics\n" + shown, "lldpd", kept=both)
    service("snmpd", "snmpd", "a gateway's values are read over SNMP", "systemctl restart snmpd\nsleep 4\nsnmpwalk -v2c -c public 127.0.0.1 1.3.6.1.2.1.1\nsystemctl restart snmpd; sleep 2\n" + shown, "snmpd", kept=both)
    service("keepalived", "keepalived", "a gateway takes a shared address as the only one of its group", "modprobe dummy; ip link add d0 type dummy; ip addr add 192.168.9.2/24 dev d0; ip link set d0 up\nsystemctl restart keepalived\nsleep 12\nip addr show d0\nsystemctl reload keepalived; sleep 3; systemctl stop keepalived\n" + shown, "keepalived", {"etc/keepalived/keepalived.conf": "vrrp_instance lan {\n state BACKUP\n interface d0\n virtual_router_id 7\n priority 100\n advert_int 1\n virtual_ipaddress {\n  192.168.9.1/24\n }\n}\n"}, kept=both)
    service("monit", "monit", "monit watches a service, a file system and a load, and starts a service that was stopped", "systemctl restart monit\nsleep 8\nsystemctl stop cron\nsleep 20\nmonit summary\nsystemctl is-active cron\n" + shown, "monit cron", {"etc/monit/monitrc": ("set daemon 5\nset log syslog\nset httpd unixsocket /run/monit.sock\n allow localhost\ncheck system gateway\n if loadavg (1min) > 20 then alert\ncheck filesystem root with path /\n if space usage > 95% then alert\ncheck process cron with pidfile /run/crond.pid\n start program = \"/usr/bin/systemctl start cron\"\n", 0o600)}, kept=both)
    service("collectd", "collectd-core", "values of the processor, memory and network are collected into files", "systemctl restart collectd\nsleep 20\nls -R /var/lib/collectd | head -n 40\nsystemctl stop collectd\n" + shown, "collectd", {"etc/collectd/collectd.conf": "Interval 5\nLoadPlugin syslog\nLoadPlugin cpu\nLoadPlugin memory\nLoadPlugin interface\nLoadPlugin df\nLoadPlugin csv\n<Plugin csv>\n DataDir \"/var/lib/collectd/csv\"\n</Plugin>\n"}, kept=both)
    service("gpsd", "gpsd", "gpsd on a receiver that sends nothing yet", "(timeout 15 gpsd -n -N -D 4 /dev/ttyS1 >/report/gpsd.log 2>&1 || true)\n", qemu=["-serial", "null"], kept=("gpsd.log",))
    service("ser2net", "ser2net", "a serial port is offered on the network and used", "systemctl restart ser2net\nsleep 3\n(echo hello | timeout 4 nc 127.0.0.1 2000 || true)\nsystemctl status --no-pager ser2net\n" + shown, "ser2net", {"etc/ser2net.yaml": "connection: &c\n  accepter: tcp,localhost,2000\n  connector: serialdev,/dev/ttyS1,115200n81,local\n  options:\n    kickolduser: true\n"}, qemu=["-serial", "null"], kept=both)
    vpn = "openvpn --secret /run/k --cipher AES-256-CBC --dev %s --ifconfig %s --lport %s --rport %s --remote 127.0.0.1 --verb 4 --ping 2 --ping-restart 60 >%s 2>&1 &\n"
    service("openvpn", "openvpn", "two ends of a tunnel meet, restart by a signal and stop", "modprobe tun\nopenvpn --genkey secret /run/k\n" + vpn % ("tun0", "10.8.0.1 10.8.0.2", 1194, 1195, "/report/openvpn.log") + "a=$!\n" + vpn % ("tun1", "10.8.0.2 10.8.0.1", 1195, 1194, "/report/peer.log") + "b=$!\nsleep 12\ngrep 'Initialization Sequence Completed' /report/openvpn.log\nkill -HUP $a; sleep 10; kill $a $b; sleep 3\n", kept=("openvpn.log", "peer.log"))
    service("wireguard", "wireguard-tools", "two ends of a WireGuard tunnel with a network of their own", "ip netns add far\nfor i in a b; do wg genkey >/run/$i; wg pubkey </run/$i >/run/$i.pub; done\nip link add wg0 type wireguard; ip link add wg1 type wireguard; echo 'module wireguard +p' >/sys/kernel/debug/dynamic_debug/control\nwg set wg0 private-key /run/a listen-port 5000 peer $(cat /run/b.pub) allowed-ips 10.7.0.2/32 endpoint 127.0.0.1:5001\nwg set wg1 private-key /run/b listen-port 5001 peer $(cat /run/a.pub) allowed-ips 10.7.0.1/32 endpoint 127.0.0.1:5000\nip link set wg1 netns far; ip addr add 10.7.0.1/24 dev wg0; ip link set wg0 up; ip -n far addr add 10.7.0.2/24 dev wg1; ip -n far link set wg1 up\nping -c 3 10.7.0.2\nwg show all transfer; wg show all endpoints\n" + shown + JOURNAL + " -k | tail -n 50 >/report/journal.log\n", kept=both)
    service("nftables", "nftables", "a firewall is loaded, what it drops is logged", "systemctl restart nftables\nping -c 2 -W 1 127.0.0.7 || true\n(timeout 2 nc -w 1 127.0.0.1 9 || true)\nnft list ruleset\nnft monitor & sleep 1; nft add rule inet f i tcp dport 7 drop; sleep 1; kill $!\n" + shown + JOURNAL + " -k -u nftables | tail -n 60 >/report/journal.log\n", files={"etc/nftables.conf": "#!/usr/sbin/nft -f\nflush ruleset\ntable inet f {\n chain i {\n  type filter hook input priority 0; policy accept;\n  tcp dport 9 log prefix \"dropped: \" drop\n  ip daddr 127.0.0.7 log prefix \"refused: \" reject\n }\n}\n"}, kept=both)
    service("nut", "nut-server", "a power supply that is only played: driver, server and monitor", "systemctl restart nut-driver-enumerator || true\nsleep 3\nsystemctl restart nut-driver@ups nut-server\nsleep 5\nupsc ups@localhost\nsystemctl restart nut-monitor\nsleep 8\n" + shown + JOURNAL + " | grep -iE 'nut|ups' >/report/journal.log\n", files={"etc/nut/nut.conf": "MODE=standalone\n", "etc/nut/ups.conf": "[ups]\n driver = dummy-ups\n port = ups.dev\n", "etc/nut/ups.dev": "ups.status: OL\nbattery.charge: 98\ninput.voltage: 231\nTIMER 300\n", "etc/nut/upsd.conf": "LISTEN 127.0.0.1 3493\n", "etc/nut/upsd.users": "[mon]\n password = not-a-secret\n upsmon primary\n", "etc/nut/upsmon.conf": "MONITOR ups@localhost 1 mon not-a-secret primary\nSHUTDOWNCMD \"/bin/true\"\n"}, kept=both)
    service("tftpd", "tftpd-hpa", "a boot server hands out a kernel and a table", "mkdir -p /srv/tftp; head -c 700000 /dev/urandom >/srv/tftp/uImage; echo default >/srv/tftp/pxe.cfg; chmod 644 /srv/tftp/*\nsystemctl restart tftpd-hpa\nsleep 2\ncd /run; tftp -v 127.0.0.1 -m binary -c get uImage; cmp uImage /srv/tftp/uImage; tftp -v 127.0.0.1 -c get pxe.cfg; tftp -v 127.0.0.1 -c get pxelinux.0 || true\nsystemctl stop tftpd-hpa\n" + shown + JOURNAL + " | grep tftpd >/report/journal.log\n", files={"etc/default/tftpd-hpa": "TFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\nTFTP_OPTIONS=\"--secure --verbose --verbose\"\n"}, kept=both)
    service("bird", "bird2", "a router of routes without a neighbour yet", "modprobe dummy; ip link add d0 type dummy; ip addr add 192.168.9.2/24 dev d0; ip link set d0 up\nsystemctl restart bird\nsleep 10\nbirdc show protocols; birdc show route; birdc configure\nsystemctl stop bird\n" + shown, "bird", {"etc/bird/bird.conf": "log syslog all;\nrouter id 192.168.9.2;\nprotocol device {}\nprotocol direct { ipv4; }\nprotocol kernel { ipv4 { export all; }; }\nprotocol static { ipv4; route 10.3.0.0/16 via 192.168.9.9; }\nprotocol ospf v2 o { debug { states, interfaces }; ipv4 {}; area 0 { interface \"d0\"; }; }\n"}, kept=both)
    service("auditd", "auditd", "changes of a folder are watched, logins are noted", "systemctl restart auditd\nsleep 3\nauditctl -w /etc/gateway -p wa -k conf || auditctl -w /etc -p wa -k conf\ntouch /etc/gateway.conf; rm /etc/gateway.conf; cat /etc/none || true\nsleep 2\nausearch -k conf -i | tail -n 60\naureport --summary\n" + shown + "tail -n 120 /var/log/audit/audit.log >/report/audit.log\n", kept=("audit.log", "terminal.txt"), append="audit=1")
    service("zram", "zram-tools", "swap in compressed memory is made at the start, used, and taken away", "systemctl restart zramswap\nswapon --show; zramctl\nhead -c 200000000 /dev/zero | tail -c 1 | od\nsystemctl stop zramswap; systemctl start zramswap; free\n" + shown + JOURNAL + " -k -u zramswap | tail -n 60 >/report/journal.log\n", kept=both, memory=384)


def time_server():
    """Answers who asks for the time, as a server of the second stratum."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 123))

    def stamp():
        t = time.time() + 2208988800
        return struct.pack("!II", int(t), int((t % 1) * 2**32))

    def answer():
        while True:
            q, who = s.recvfrom(512)
            got = stamp()
            s.sendto(struct.pack("!BBbb", (q[0] & 0x38) | 4, 2, 6, -20) + struct.pack("!II4s", 0x100, 0x100, b"\x0a\x01\x01\x01") + got + q[40:48] + got + stamp(), who)
    threading.Thread(target=answer, daemon=True).start()


if __name__ == "__main__":
    well.choose(sys.argv[2] if len(sys.argv) > 2 else "")
    time_server()
    for part in (other_inits, old_inits, lambda: together(services, "v"), lambda: together(beside, "a"), network, plugged, keeping, clouds, disks, boards, kernels):
        part()
    well.report()
