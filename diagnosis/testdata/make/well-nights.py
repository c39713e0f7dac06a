#!/usr/bin/env python3
"""Healthy runs for the training half: the journal of jobs that run at night, terminals in which each command is asked for its
exit status (which tells for many of them only what they found), boot loaders and initial systems that are made, sources that
are configured and built. Each row below is one planned case; lib/well.py says which are kept.
Needs: util-linux, e2fsprogs, btrfs-progs, logrotate, man-db, plocate, rsync, rclone, smartmontools, kmod, ca-certificates,
locales, debsums, needrestart, aptitude, grub-common, grub-pc-bin, os-prober, extlinux, dracut-core, lynis, busybox-static,
build-essential, dropbear-bin, openssh-client.
Run by namespace.sh as root with SOURCES, a folder with Debian's unpacked source packages busybox and dropbear, and perhaps a
regular expression that picks cases."""

import sys

import capture
import well

well.KEEP = 14_000
SOURCES = sys.argv[1] if len(sys.argv) > 1 else "/nowhere"
TREE = "mkdir -p tree/etc tree/bin; for i in 1 2 3 4 5 6; do head -c $((i*9000)) /dev/urandom >tree/bin/tool$i; echo option=$i >tree/etc/app$i.conf; done; echo 2.4.1 >tree/etc/release\n"


def prepare(what, setup):
    try:
        well.sh("set -e\n" + setup)
    except well.subprocess.CalledProcessError as e:
        well.leave_out(what, f"setup: {e.stderr[-300:]!r}")
        return False
    return True


def job(program, family, name, package, source, commands, setup="", style="iso", timeout=200):
    """A job of the night: the lines of its commands as the journal has them, between the lines that begin and end it."""
    what = f"{program}/{family}-{name}"
    if not well.wanted(program, family, name) or not prepare(what, setup):
        return
    clock, r = capture.Clock(program + name), capture.invented(program + name)
    init, own = (capture.stamper(style, clock, "HOST", t, p) for t, p in (("systemd", 1), (program, r.randint(300, 40000))))
    text = f"{init()}Starting {program}.service - {source}...\n".encode()
    for command in [c for c in commands.splitlines() if c]:
        out, code = capture.run(["bash", "-c", command], timeout=timeout, cwd=well.W, prefix=own)
        if code != 0:
            return well.leave_out(what, f"{command!r} ended with {code}: {out[-300:]!r}")
        text += out
    text += f"{init()}{program}.service: Deactivated successfully.\n{init()}Finished {program}.service - {source}.\n".encode()
    well.keep(program, family, name, well.version(package), source, {"journal.log": text})


def asked(program, family, name, package, source, commands, setup=""):
    """A terminal in which each command is followed by the question for its exit status. It is written behind two blanks
    what that has to be."""
    what = f"{program}/{family}-{name}"
    if not well.wanted(program, family, name) or not prepare(what, setup):
        return
    text = b""
    for line in [c for c in commands.splitlines() if c]:
        command, _, want = line.partition("  ")
        out, code = capture.run(["bash", "-c", command], timeout=60, cwd=well.W)
        if code != int(want or 0):
            return well.leave_out(what, f"{command!r} ended with {code}: {out[-300:]!r}")
        text += capture.shell_transcript("root@HOST:~# ", command, out, code)
    well.keep(program, family, name, well.version(package), source, {"terminal.txt": text})


def nights():
    F = "healthy"
    job("logrotate", F, "weekly", "logrotate", "logs are rotated", "logrotate -v -f -s state l.conf\nlogrotate -v -s state l.conf", "mkdir log; echo 'update failed: no space left on device' >log/updater.log; printf '/data/w/log/*.log /data/w/gone/*.log {\\n su root root\\n missingok\\n notifempty\\n rotate 2\\n compress\\n postrotate\\n echo reload\\n endscript\\n}\\n' >l.conf; chmod 644 l.conf; chmod 755 log")
    job("fstrim", F, "weekly", "util-linux", "unused blocks are given back", "fstrim -v /mnt\nfstrim -A -v --quiet-unsupported; true\nfindmnt --verify; true\nswapon --show; true\numount /mnt", "truncate -s 64M t.img; mkfs.ext4 -q t.img; mount -o loop t.img /mnt")
    job("scrub", F, "monthly", "btrfs-progs", "file systems are read and compared with their sums", "btrfs scrub start -B -d /mnt\nbtrfs device stats -c /mnt\nbtrfs balance start -dusage=10 /mnt\nbtrfs filesystem df /mnt\numount /mnt\ne2scrub_all -n; true", TREE + "truncate -s 256M b.img; mkfs.btrfs -q -r tree b.img; mount -o loop b.img /mnt", style="syslog")
    job("backup", F, "nightly", "rsync", "files are copied to another disk", "test -e /mnt/nas/.mounted || echo 'no NAS mounted, using the local disk'\nrsync -a --stats --delete --exclude '*.img' tree/ copy/\nrclone -v sync tree copy2\nrclone check tree copy2\ntar -czf full.tgz -C tree . && gzip -t full.tgz && echo 'archive verified'\nfind copy -name '*.bad' -delete\nsync", TREE)
    job("smartd", F, "once", "smartmontools", "disks are asked how they are", "smartd -q showtests; true\nsmartd -q onecheck; true\nsmartctl --scan-open; true", style="syslog")
    job("ca-certificates", F, "refresh", "ca-certificates", "the trusted certificates are written anew", "update-ca-certificates --fresh --etccertsdir /data/w/certs\nldconfig -v 2>/dev/null | tail -20\nmandb -c /data/w/man 2>&1; true\nupdatedb --output db --database-root /data/w/tree; true", TREE + "mkdir certs man")
    job("depmod", F, "modules", "kmod", "lists of modules are written, modules are asked for", "depmod -n -v -b /data/w 6.1.0-test 2>&1 | tail -30; true\nmodprobe -n -v dm_verity; true\nmodprobe -D ubi; true\nmodinfo squashfs; true\nlsmod | head; true\nsystemd-analyze verify default.target; true\nsystemd-tmpfiles --cat-config 2>&1 | head -20; true\nlocalectl; true\ntimedatectl; true", "mkdir -p lib/modules/6.1.0-test")
    job("debsums", F, "audit", "debsums", "installed files are compared with their sums", "debsums -s coreutils bash e2fsprogs; true\ndpkg -V coreutils; true\ndpkg --audit\naptitude search '~i~nlinux-image' --disable-columns; true\nneedrestart -b; true\nlynis show version")
    job("grub", F, "image", "grub-pc-bin", "a boot loader is put on an image", "grub-mkimage -O i386-pc -o core.img -p /boot/grub biosdisk part_msdos ext2\ngrub-mkstandalone -O i386-pc -o s.img --install-modules='normal ext2' --fonts= --locales= --themes= /boot/grub/grub.cfg=g.cfg; true\ngrub-script-check g.cfg\ngrub-fstest fs.img ls -- '(loop0)/'; true\ngrub-editenv env create\ngrub-editenv env set saved_entry=1\ngrub-editenv env list", TREE + "truncate -s 16M fs.img; mkfs.ext4 -q -d tree fs.img; printf 'set timeout=3\nmenuentry A { linux /boot/vmlinuz root=/dev/sda2 ro panic=10\n}\n' >g.cfg")


def questions():
    F = "healthy"
    asked("sh", F, "compared", "dash", "somebody compares two slots", "cmp a.img b.img  1\ndiff old.conf new.conf  1\ndiff -q a.img c.img\ngrep -c error app.log  1\ngrep -n failed app.log\npgrep swupdate  1\npidof nothere  1\nmountpoint /mnt/slot  1\ntest -e /nowhere  1\ntest -s a.img\nsha256sum -c sums\ncommand -v fw_setenv2  1\ngetent hosts nowhere.invalid  2\n[ -b /dev/mmcblk9 ]  1\nexpr 0  1\nls /dev/mmcblk9  2\nstat /nowhere  1", "head -c 9000 /dev/urandom >a.img; head -c 9000 /dev/urandom >b.img; cp a.img c.img; echo interval=60 >old.conf; echo interval=90 >new.conf; printf '10:00:01 app: ready\\n10:00:02 app: the last update failed, 12 weeks ago; since then 3 went well\\n' >app.log; sha256sum a.img >sums")
    asked("sh", F, "services", "dash", "somebody asks what is installed and running", "dpkg -s nothere  1\ndpkg -s bash\ndpkg -l 'nothere*'  1\nwhich rauc2  1\nfile a.img\nblkid a.img  2\nblkid fs.img\ndumpe2fs -h a.img  19\ndumpimage -l a.img; true\nip link show wlan9  1\nping -c 1 -W 1 127.0.0.1\nping -c 1 -W 1 127.0.0.99\nmodprobe -n nothere  1\nsysctl kernel.nothere  255\nlsof /nowhere  1\nfuser fs.img  1\ntimeout 1 sleep 3  124\nkill -0 99999  1\ntune2fs -l fs.img\ndd if=fs.img of=copy.img bs=1M", "head -c 9000 /dev/zero >a.img; truncate -s 4M fs.img; mkfs.ext2 -q fs.img")
    asked("sh", F, "update", "dash", "an update by hand, with questions before it", "cat /data/w/current\ntest -f update.bin\nsha256sum -c update.sum\ngrep -q 2.4.1 current  1\ncmp -s slot-a slot-b  1\ndd if=update.bin of=slot-b bs=64k conv=fsync\ncmp update.bin slot-b\necho 2.4.1 >current\nsync\ndmesg -l emerg | grep nothere  1\ncat current", "echo 2.4.0 >current; head -c 500000 /dev/urandom >update.bin; sha256sum update.bin >update.sum; head -c 500000 /dev/zero >slot-a; head -c 400000 /dev/urandom >slot-b")


def sources():
    F = "healthy"
    well.terminal("busybox-build", F, "defconfig", "busybox-static", "BusyBox is configured", "make defconfig\nyes '' | make oldconfig | tail -60\nmake allnoconfig >/dev/null\ngrep -c '^CONFIG' .config", f"cp -r {SOURCES}/busybox-*/. .\n", timeout=400)
    well.terminal("busybox-build", F, "small", "busybox-static", "a small BusyBox is built", "make -j2 2>&1\n./busybox ls /nowhere; true", f"cp -r {SOURCES}/busybox-*/. .; make allnoconfig; sed -i -E 's/# CONFIG_(LS|CP|GZIP|GUNZIP|TAR|ASH|SHA256SUM|DD|FSCK|MKE2FS|FLASHCP|UBIATTACH|WGET|FEATURE_TAR_CREATE) is not set/CONFIG_\\1=y/' .config; yes '' | make oldconfig >/dev/null\n", timeout=600)
    well.terminal("dropbear-build", F, "configure", "dropbear-bin", "dropbear is configured", "./configure --disable-zlib --disable-wtmp --disable-lastlog", f"cp -r {SOURCES}/dropbear-*/. .\n", timeout=400)
    well.terminal("dropbear-build", F, "make", "dropbear-bin", "dropbear is built", "make -j2 PROGRAMS='dropbearkey dropbearconvert' 2>&1\n./dropbearkey -t ed25519 -f k", f"cp -r {SOURCES}/dropbear-*/. .; ./configure --disable-zlib\n", timeout=600)


if __name__ == "__main__":
    well.run(2, nights, questions, sources)
