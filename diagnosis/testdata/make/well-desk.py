#!/usr/bin/env python3
"""Healthy runs for the training half: tools that look for lost files and find them, programs of a desktop that complain and
work, installers and scripts that try one way after the other. Each row below is one planned case; lib/well.py says which are
kept. A command whose exit status says only what it found ends in "; true".
Needs: extundelete, ext4magic, foremost, scalpel, sleuthkit, testdisk, ewf-tools, exiftool, qpdf, chromium, libreoffice,
default-jdk-headless, tmux, nbdkit, libnbd-bin, mtd-utils, e2fsprogs, python3, busybox-static, file, cpio, gdisk.
Run by namespace.sh as root; an argument (regular expression) picks cases."""

import well
from well import terminal

well.KEEP = 14_000
TREE = "mkdir -p tree/etc tree/bin; for i in 1 2 3 4 5 6; do head -c $((i*9000)) /dev/urandom >tree/bin/tool$i; echo option=$i >tree/etc/app$i.conf; done; echo 2.4.1 >tree/etc/release\n"
LOST = TREE + "truncate -s 24M fs.img; mkfs.ext3 -q -d tree fs.img; debugfs -w -R 'rm etc/app3.conf' fs.img; debugfs -w -R 'rm bin/tool2' fs.img\n"
PICTURES = "printf '\\377\\330\\377\\340\\000\\020JFIF\\000\\001\\001\\000\\000\\001\\000\\001\\000\\000' >p.jpg; head -c 3000 /dev/urandom >>p.jpg; printf '\\377\\331' >>p.jpg; { head -c 4096 /dev/zero; cat p.jpg; head -c 40000 /dev/zero; printf 'PK\\003\\004'; head -c 8000 /dev/urandom; } >card.img\n"


def lost():
    F = "healthy"
    terminal("extundelete", F, "found", "extundelete", "deleted files are looked for", "yes | extundelete --inode 2 fs.img\nyes | extundelete --restore-all fs.img\next4magic fs.img -L -f / ; true\next4magic fs.img -a 0 -m -d out; true\nls -R RECOVERED_FILES; true", LOST)
    terminal("sleuthkit", F, "look", "sleuthkit", "a file system is looked at", "mmls disk.img; true\nfsstat fs.img | head -60\nfls -r -d fs.img\nfls -r -p fs.img\nistat fs.img 12\ntsk_recover -e fs.img out\nimg_stat fs.img\njls fs.img | head -30\nmactime -V; true\nblkstat fs.img 100", LOST + "truncate -s 32M disk.img; printf ',\\n' | sfdisk -q disk.img\n")
    terminal("carving", F, "pictures", "foremost", "files are carved from a card", "foremost -v -t jpg,zip -i card.img -o f\nscalpel -c s.conf -o s card.img\nphotorec /log /d rec /cmd card.img search 2>&1 | tail -20; true\ncat f/audit.txt\nls -l s s/*", PICTURES + "printf 'jpg y 200000 \\\\xff\\\\xd8\\\\xff\\\\xe0 \\\\xff\\\\xd9\\n' >s.conf\n")
    terminal("ewf", F, "acquire", "ewf-tools", "an image is taken and verified", "ewfacquire -u -t e -C 1 -D test -e me -E 1 -N none -c fast disk.img\newfinfo e.E01\newfverify -q e.E01\newfverify e.E01\newfexport -u -t raw -f raw e.E01", "truncate -s 8M disk.img; printf ',\\n' | sfdisk -q disk.img\n")
    terminal("nbdcopy", F, "sparse", "libnbd-bin", "an image is copied from a server that fails now and then and is asked again", "nbdkit -f -v -U - --filter=retry --filter=error memory 4M error-rate=10% retry-delay=0 retries=20 --run 'nbdcopy $uri out.img' 2>&1 | tail -60\nnbdkit -U - file disk.img --run 'nbdinfo --map $uri; nbddump -n 64 $uri || true'", "truncate -s 8M disk.img\n")


def desk():
    F = "healthy"
    terminal("chromium", F, "headless", "chromium", "a page is read without a screen", "chromium --headless --no-sandbox --disable-gpu --user-data-dir=/data/w/c --enable-logging=stderr --v=0 --dump-dom file:///data/w/p.html\nchromium --headless --no-sandbox --disable-gpu --user-data-dir=/data/w/c --screenshot=/data/w/p.png file:///data/w/p.html", "echo '<p>release 2.4.1<script>console.error(\"optional part is missing\");fetch(\"http://127.0.0.1:9/\").catch(e=>console.warn(e.message))</script>' >p.html\n", timeout=120)
    terminal("libreoffice", F, "convert", "libreoffice-core", "documents are converted without a screen", "soffice -env:UserInstallation=file:///data/w/lo --headless --convert-to pdf n.txt\nqpdf --check n.pdf\nqpdf --linearize n.pdf l.pdf\nexiftool n.pdf\npdfinfo n.pdf; true", "printf 'Release 2.4.1\\nAn update no longer fails when the disk is full.\\n' >n.txt\n", timeout=200)
    terminal("keytool", F, "jar", "default-jdk-headless", "a jar is signed and verified", "keytool -genkeypair -v -alias a -keyalg RSA -keysize 2048 -validity 60 -dname CN=acme -storepass changeit -keystore k.p12\nkeytool -list -v -storepass changeit -keystore k.p12\njar cvf a.jar tree\njarsigner -verbose -keystore k.p12 -storepass changeit a.jar a\njarsigner -verify -verbose -certs a.jar | tail -40\njava -XX:+PrintFlagsFinal -version 2>&1 | tail -3", TREE, timeout=90)


def scripts():
    F = "healthy"
    terminal("installer", F, "fallbacks", "busybox-static", "an installer that tries one way after the other", "sh -x install.sh\ncat install.log", TREE + r"""cat >install.sh <<'X'
log() { echo "$(date +%H:%M:%S) $*" >>install.log; }
log "starting, image 2.4.1"
for dev in /dev/mmcblk9p2 /dev/mmcblk8p2 ./slot.img; do
  if dd if=$dev of=/dev/null bs=512 count=1 2>>install.log; then log "using $dev"; break; fi
  log "$dev is not there, trying the next one"
done
mount -o ro,loop nothere.img /mnt 2>>install.log || log "no old image to mount, a first installation"
rmdir /data/w/old 2>/dev/null || true
modprobe nothere-driver 2>>install.log || log "driver is built in"
tar -C tree -cf - . | tar -xf - -C out
wget -q -T 2 -t 1 -O notes.txt http://127.0.0.1:9/notes 2>>install.log || log "release notes are not available, going on"
hwclock --hctosys 2>>install.log || log "no clock chip"
cp -a out/etc/release /data/w/release
[ "$(cat release)" = 2.4.1 ] && log "installation complete" && exit 0
exit 1
X
mkdir out; truncate -s 1M slot.img
""")
    terminal("provision", F, "device", "python3", "a program provisions a device and tells each step in a log", "python3 provision.py", r"""cat >provision.py <<'X'
import logging, os, socket, subprocess, sys, time, json, urllib.request
logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)-7s %(name)s %(message)s")
log = logging.getLogger("provision")
for port in (9, 10, 8199):
    try:
        socket.create_connection(("127.0.0.1", port), 1); break
    except OSError as e:
        log.debug("port %d: %s", port, e)
else: log.info("no broker on this machine, readings are kept in a file")
for path in ("/etc/acme/override.json", "/etc/acme.json"):
    try: json.load(open(path))
    except FileNotFoundError as e: log.debug("%s, using defaults", e)
try: os.statvfs("/mnt/sd"); os.listdir("/mnt/sd/none")
except OSError as e: log.warning("%s: no card, using the internal storage", e)
for n in range(3):
    try:
        if n < 2: raise TimeoutError("timed out")
        log.info("sensor answers after %d tries", n + 1)
    except TimeoutError as e: log.warning("sensor 3: %s, trying again (%d of 3)", e, n + 1)
p = subprocess.run(["mount", "/dev/nothere", "/mnt"], capture_output=True, text=True)
log.debug("mount: exit %d: %s", p.returncode, p.stderr.strip())
p = subprocess.run(["fsck", "-n", "/dev/nothere"], capture_output=True, text=True)
log.debug("fsck: exit %d: %s", p.returncode, p.stderr.strip())
log.info("free: %d kB, errors since start: 0, failed updates: 0", os.statvfs("/").f_bavail * 4)
log.info("provisioned, version 2.4.1")
X
""")
    terminal("find", F, "denied", "findutils", "a user without rights looks around", "su nobody -s /bin/sh -c 'ls /root; find /data/w -name \"*.img\"; cat /data/w/key.pem; du -s /data/w; dmesg | head -3; mkdir /data/w/x; touch /etc/x; kill 1; mount /dev/loop0 /mnt'; true\nreadlink -f /nowhere/x; true\ncat /proc/self/io /proc/self/limits\nulimit -a", "mkdir secret; chmod 700 secret; touch key.pem a.img; chmod 600 key.pem\n")
    terminal("tmux", F, "windows", "tmux", "several terminals in one", "tmux -L t new -d -s a 'ls /nowhere; cat /data/w/release; sleep 2'\nsleep 1; tmux -L t capture-pane -p -t a | sed '/^$/d'\ntmux -L t ls\ntmux -L t kill-server", "echo 2.4.1 >release\n")


if __name__ == "__main__":
    well.run(1, lost, desk, scripts)
