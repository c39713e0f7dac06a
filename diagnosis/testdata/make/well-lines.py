#!/usr/bin/env python3
"""Healthy runs for the training half: serial lines and transfers over them, debuggers, tools for boards and images, and tools
that ask the network and are told no now and then. Each row below is one planned case; lib/well.py says which are kept. A
command whose exit status says only what it found ends in "; true".
Needs: lrzsz, ckermit, socat, picocom, tio, minicom, screen, gdb, gdbserver, gcc, binutils, binutils-avr, srecord,
device-tree-compiler, uuu, sunxi-tools, stlink-tools, heimdall-flash, dfu-programmer, mmc-utils, osslsigncode, i2c-tools,
busybox-static, iputils-ping, traceroute, mtr-tiny, nmap, iperf3, tcpdump, bind9-dnsutils, bind9-host, dnsmasq, whois, ncat,
lftp, axel, wget2, httpie, rclone, unison, duplicity, rdiff-backup, git-annex, rsnapshot, age, sq, gnutls-bin,
nettle-bin, pandoc, ghostscript, postgresql, redis-tools, python3.
Run by namespace.sh as root; an argument (regular expression) picks cases."""

import sys

import well
from well import Background, terminal

well.KEEP = 14_000
DATA = "head -c 300000 /dev/urandom >fw.bin; mkdir -p in\n"
TREE = "mkdir -p tree/etc tree/bin; for i in 1 2 3 4 5 6; do head -c $((i*9000)) /dev/urandom >tree/bin/tool$i; echo option=$i >tree/etc/app$i.conf; done; echo 2.4.1 >tree/etc/release\n"
# A line that changes a byte now and then on its way from the sender: the receiver asks for the block again.
NOISY = r"""cat >noisy.py <<'X'
import os, subprocess, sys, threading
a = subprocess.Popen(sys.argv[1], shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
b = subprocess.Popen(sys.argv[2], shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
at = [int(x) for x in sys.argv[3:]]
def carry(src, dst, hurt):
    n = 0
    while True:
        d = os.read(src.fileno(), 512)
        if not d: break
        d = bytearray(d)
        if hurt:
            for x in at:
                if n <= x < n + len(d): d[x - n] ^= 0x55
        n += len(d)
        try: dst.write(bytes(d))
        except OSError: break
    try: dst.close()
    except OSError: pass
t = threading.Thread(target=carry, args=(a.stdout, b.stdin, True)); t.start()
u = threading.Thread(target=carry, args=(b.stdout, a.stdin, False), daemon=True); u.start()
t.join(); ra, rb = a.wait(), b.wait()
sys.exit(ra or rb)
X
"""
SHELL = "socat PTY,link=/data/w/tty,raw,echo=0 EXEC:'busybox sh -i',pty,setsid,ctty,stderr >/dev/null 2>&1 & sleep 0.5\n"


def lines():
    F = "healthy"
    terminal("zmodem", F, "clean", "lrzsz", "a file is sent by ZMODEM, YMODEM and XMODEM", "python3 noisy.py 'sz -vv fw.bin' 'cd in && rz -vv -y'\npython3 noisy.py 'sb -vv fw.bin' 'cd in && rb -vv -y'\npython3 noisy.py 'sx -vv fw.bin' 'cd in && rx -vv x.bin'\nls -l in", DATA + NOISY)
    terminal("zmodem", F, "retries", "lrzsz", "a file is sent over a noisy line, blocks are sent again", "python3 noisy.py 'sz -vv fw.bin' 'cd in && rz -vv -y' 70000 180000 181500\ncmp fw.bin in/fw.bin && echo same", DATA + NOISY, timeout=120)
    terminal("zmodem", F, "xmodem-retries", "lrzsz", "a file is sent by XMODEM over a noisy line, blocks are sent again", "python3 noisy.py 'sx -vv -k fw.bin' 'cd in && rx -vv -c x.bin' 20000\nls -l in", "head -c 60000 /dev/urandom >fw.bin; mkdir -p in\n" + NOISY, timeout=150)
    terminal("kermit", F, "send", "ckermit", "a file is sent by Kermit", "python3 noisy.py 'kermit -i -s fw.bin -Y -q' 'cd in && kermit -i -r -Y -q'; true\nkermit -Y -C 'show version, show protocol, exit'\nls -l in", DATA + NOISY)
    terminal("picocom", F, "look", "picocom", "somebody looks around on a device over its serial line", "(sleep 1; for c in 'uname -a' 'df -h /data' 'cat /etc/hostname' 'ls /nowhere' 'cat /proc/uptime' 'cat /proc/mtd' 'mount | head -3' exit; do printf '%s\\n' \"$c\"; sleep 0.4; done; sleep 1) | picocom -q -b 115200 --exit-after 5000 tty; true", SHELL, timeout=30)
    terminal("tio", F, "log", "tio", "a serial line is logged, with times", "(sleep 1; for c in dmesg 'ls -l /sys/class/net' 'cat /missing.conf' 'ip addr' 'free' 'echo done'; do printf '%s\\n' \"$c\" >tty; sleep 0.4; done) & timeout 5 tio -t -b 115200 tty </dev/null; true", SHELL, timeout=30)
    terminal("gdb", F, "remote", "gdb", "a program is debugged over the network", "(gdbserver --once 127.0.0.1:2345 ./app &) ; sleep 1; gdb -q -batch -ex 'target remote 127.0.0.1:2345' -ex 'break step' -ex continue -ex bt -ex 'info registers rip' -ex 'x/4i $pc' -ex 'info sharedlibrary' -ex continue -ex continue ./app", "printf '#include <stdio.h>\\nint step(int n) { return n * 2; }\\nint main(void) { for (int i = 0; i < 2; i++) printf(\"%%d\\\\n\", step(i)); return 0; }\\n' | sed 's/%%/%/' >app.c; gcc -g -o app app.c\n", timeout=60)


def boards():
    F = "healthy"
    terminal("objcopy", F, "images", "binutils", "images for a microcontroller are made and measured", "objcopy -I binary -O ihex fw.bin fw.hex\nsrec_info fw.hex -intel\nsrec_cat fw.hex -intel -fill 0xFF 0x0000 0x60000 -crc32-le 0x60000 -o fw.srec\nsrec_cmp fw.hex -intel fw.bin -binary -v\nobjdump -h app.o\nreadelf -a app.o | head -60\navr-size -A app.o; true\nnm app.o\nstrip -v app.o", DATA + "printf 'int crc_error_count, a[9]; int f(void) { return a[1] + crc_error_count; }\\n' >a.c; gcc -c -o app.o a.c\n")
    terminal("dtc", F, "warnings", "device-tree-compiler", "a device tree is compiled, with warnings, and changed", "dtc -I dts -O dtb -o b.dtb b.dts\ndtc -I dtb -O dts b.dtb\nfdtget b.dtb / model\nfdtput -t s b.dtb /chosen bootargs 'console=ttyS0 panic=10'\nfdtget b.dtb /chosen missing; true\nfdtdump b.dtb | head -40\ndtc -@ -I dts -O dtb -o o.dtbo o.dts\nfdtoverlay -v -i b.dtb -o out.dtb o.dtbo; true\ndtdiff b.dtb out.dtb; true", r"""cat >b.dts <<'X'
/dts-v1/;
/ { model = "Acme GW"; compatible = "acme,gw"; memory { reg = <0x80000000 0x8000000>; }; chosen { };
  soc { #address-cells = <1>; #size-cells = <1>; uart@1000 { reg = <0x2000 0x100>; interrupts = <3>; status = "disabled"; };
    nand: nand@3000 { reg = <0x3000 0x100>; nand-ecc-mode = "soft"; bad-block-table; partition@0 { label = "boot"; reg = <0 0x100000>; }; }; watchdog@4000 { reg = <0x4000 0x10>; timeout-sec = <60>; }; }; };
X
printf '/dts-v1/;\n/plugin/;\n/ { fragment@0 { target-path = "/chosen"; __overlay__ { test = "on"; }; }; };\n' >o.dts
""")
    terminal("boards", F, "nobody-there", "uuu", "tools for boards are asked what is connected, and nothing is", "uuu -lsusb; true\nsunxi-fel -l; true\nst-info --probe; true\ndfu-programmer atmega32u4 get; true\nlsusb; true\nls -l /dev/serial/by-id /dev/ttyUSB0; true", "")
    terminal("osslsigncode", F, "verify", "osslsigncode", "a boot loader is signed and verified", "osslsigncode sign -certs c.pem -key k.pem -n 'GW 2.4.1' -in t.efi -out s.efi\nosslsigncode verify -CAfile c.pem s.efi; true\nosslsigncode extract-signature -in s.efi -out s.sig\nosslsigncode remove-signature -in s.efi -out u.efi", "openssl req -x509 -newkey rsa:2048 -nodes -days 900 -subj '/O=Acme/CN=boot' -addext extendedKeyUsage=codeSigning -keyout k.pem -out c.pem; cp $(ls /usr/lib/systemd/boot/efi/systemd-bootx64.efi /usr/lib/grub/x86_64-efi/monolithic/grubx64.efi 2>/dev/null | head -1) t.efi\n")
    terminal("busybox", F, "around", "busybox-static", "somebody looks around on a device", "\n".join(f"busybox {c}" for c in ("uname -a", "df -h /data", "free", "mount | head -5", "dmesg | tail -20; true", "ls -l /nowhere; true", "cat /etc/missing.conf; true", "ifconfig lo", "route -n", "netstat -lnt", "grep -r error /etc/hosts; true", "find /data -name '*.swu'", "md5sum /etc/hostname", "hexdump -C -n 64 /etc/hosts", "vi --version 2>&1 | head -1", "ping -c 2 127.0.0.1", "date -s 2026.13.45; true", "umount /nowhere; true", "rmmod nothere; true", "hwclock; true", "uptime")), "")


def network():
    F = "healthy"
    with Background("python3 -m http.server -d /data/www 8123 --bind 127.0.0.1", log="/data/http.log"), Background("dnsmasq -d --no-hosts --no-resolv --port=53 --address=/updates.acme.example/127.0.0.1 --local=/acme.example/ --listen-address=127.0.0.1 --bind-interfaces --user=root --pid-file=/data/dns.pid"), Background("iperf3 -s -B 127.0.0.1 -p 5299"):
        WWW = "mkdir -p /data/www/fw; head -c 2000000 /dev/urandom >/data/www/fw/fw-2.4.1.bin; echo 2.4.1 >/data/www/fw/LATEST; (cd /data/www/fw; sha256sum fw-2.4.1.bin >SHA256SUMS)\n"
        terminal("ping", F, "loop", "iputils-ping", "ways are tried", "ping -c 3 127.0.0.1\ntraceroute -n 127.0.0.1; true\nmtr -n -r -c 3 127.0.0.1; true\nping -c 2 -W 1 updates.acme.example\nip route get 127.0.0.1\nss -lnt\ntcpdump -c 4 -n -i lo & sleep 1; ping -q -c 4 127.0.0.1; wait", "")
        terminal("dig", F, "nxdomain", "bind9-dnsutils", "names are asked for, some are not there", "dig @127.0.0.1 updates.acme.example\ndig @127.0.0.1 missing.acme.example\ndig @127.0.0.1 +short -t AAAA updates.acme.example\nnslookup updates.acme.example 127.0.0.1; true\nnslookup old.acme.example 127.0.0.1; true\nhost updates.acme.example 127.0.0.1; true", "")
        terminal("nmap", F, "scan", "nmap", "ports of one's own machine are looked at", "nmap -Pn -n -p 22,80,443,5353,8123,5299 127.0.0.1\nncat -z -v 127.0.0.1 8123\nncat -z -v 127.0.0.1 443; true\niperf3 -c 127.0.0.1 -p 5299 -t 1\nprintf 'HEAD /fw/LATEST HTTP/1.0\\r\\n\\r\\n' | ncat 127.0.0.1 8123", WWW, timeout=60)
        terminal("lftp", F, "mirror", "lftp", "a folder is mirrored, other downloaders fetch the same file", "lftp -e 'set net:max-retries 2; mirror -v fw in; cat fw/none.sig; bye' http://127.0.0.1:8123; true\naxel -n 2 http://127.0.0.1:8123/fw/fw-2.4.1.bin -o a.bin\nwget2 --progress=none -r -nH http://127.0.0.1:8123/fw/; true\nhttp --ignore-stdin --headers GET http://127.0.0.1:8123/fw/LATEST\nhttp --ignore-stdin GET http://127.0.0.1:8123/fw/BETA; true\nrclone -v copy :http:fw out --http-url http://127.0.0.1:8123/\nrclone -v check :http:fw out --http-url http://127.0.0.1:8123/\ncd in && sha256sum -c SHA256SUMS", WWW, timeout=60)
        terminal("install-script", F, "probing", "curl", "a script that looks for the newest release with several tries", "sh -x update.sh", WWW + r"""cat >update.sh <<'X'
set -e
for base in http://127.0.0.1:9/fw http://updates.invalid/fw http://127.0.0.1:8123/beta http://127.0.0.1:8123/fw; do
  if v=$(curl -fsS --max-time 3 $base/LATEST); then break; fi
  echo "mirror $base is not usable, trying the next one" >&2
done
[ -n "$v" ]
curl -fsS -o fw.bin $base/fw-$v.bin
curl -fsS -o fw.sum $base/SHA256SUMS
curl -fsS -o fw.sig $base/fw-$v.bin.sig || echo "no detached signature, checking the sum only"
mv fw.bin fw-$v.bin && sha256sum -c fw.sum
mountpoint -q /nowhere || echo "no second slot mounted, nothing to clean"
echo "release $v is ready"
X
""")


def backups():
    F = "healthy"
    H = {"HOME": f"{well.W}/h"}
    terminal("unison", F, "local", "unison", "two folders are kept alike", "unison -batch -auto tree copy\necho 2.4.2 >tree/etc/release; echo other >copy/etc/release; rm copy/bin/tool2\nunison -batch tree copy; true\nunison -batch -prefer newer tree copy\nunison -batch tree copy", TREE + "mkdir h copy\n", env=H)
    terminal("duplicity", F, "cycle", "duplicity", "backups are made, verified and put back", "duplicity full --no-encryption -v5 tree file:///data/w/b 2>&1 | tail -60\necho 2.4.2 >tree/etc/release; duplicity verify --no-encryption --compare-data file:///data/w/b tree; true\nduplicity collection-status file:///data/w/b\nduplicity restore --no-encryption file:///data/w/b out\nrdiff-backup -v5 backup tree rb\nrdiff-backup verify rb\nrdiff-backup list increments rb", TREE + "mkdir h\n", env=H, timeout=120)
    terminal("git-annex", F, "fsck", "git-annex", "large files beside git are checked", "git init -q a && cd a && git annex init gw && cp ../tree/bin/* . && git annex add . && git commit -q -m release\ncd a && git annex fsck\ncd a && git annex whereis tool1\ncd a && git annex drop tool1; true\ncd a && git annex info --fast", TREE + "mkdir h; git config --global user.name a 2>/dev/null || true; printf '[user]\\n\\tname = A\\n\\temail = a@acme.example\\n' >h/.gitconfig\n", env=H, timeout=120)
    terminal("rsnapshot", F, "rotate", "rsnapshot", "snapshots are rotated", "rsnapshot -c r.conf configtest\nrsnapshot -v -c r.conf daily; true\nrsnapshot -V -c r.conf daily; true\nrsnapshot -c r.conf du\nls -lR snap | head -30", TREE + "printf 'config_version\\t1.2\\nsnapshot_root\\t/data/w/snap/\\ncmd_rsync\\t/usr/bin/rsync\\nretain\\tdaily\\t3\\nverbose\\t4\\nlockfile\\t/data/w/lock\\nbackup\\t/data/w/tree/\\tgw/\\n' >r.conf\n")


def trust():
    F = "healthy"
    terminal("age", F, "encrypt", "age", "a settings file is encrypted and read again, with keys that do not fit first", "age-keygen -o a.key\nage-keygen -o b.key\nage -r $(age-keygen -y a.key) -o s.age s.txt\nage -d -i b.key s.age; true\nage -d -i a.key s.age\nsq --version; true\nsq key generate --userid '<a@acme.example>' --export k.pgp; true\nsq inspect k.pgp; true\nnettle-hash -a sha256 <s.txt\nrhash --sha3-256 s.txt; true", "echo interval=60 >s.txt\n")
    terminal("certtool", F, "chain", "gnutls-bin", "certificates are made and verified", "certtool --generate-privkey --outfile ca.key\ncerttool --generate-self-signed --load-privkey ca.key --template ca.t --outfile ca.pem\ncerttool --generate-certificate --generate-privkey --load-ca-privkey ca.key --load-ca-certificate ca.pem --load-privkey ca.key --template s.t --outfile s.pem; true\ncerttool --verify --load-ca-certificate ca.pem --infile ca.pem\ncertutil -N -d . --empty-password; true\ngnutls-cli --list | tail -12", "printf 'cn = acme\\nca\\ncert_signing_key\\nexpiration_days = 900\\n' >ca.t; printf 'cn = updates\\ntls_www_server\\nexpiration_days = 30\\n' >s.t\n")
    terminal("pandoc", F, "documents", "pandoc", "release notes are converted", "pandoc -s --verbose -o n.html n.md\npandoc --verbose -t plain n.md\ngs -q -dNOPAUSE -dBATCH -sDEVICE=txtwrite -sOutputFile=- t.ps; true\ngs -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -sOutputFile=t.pdf t.ps", "printf '# Release 2.4.1\\n\\n- The update no longer fails with \"No space left on device\" on small cards.\\n- Fixed: kernel panic when the SD card was removed.\\n- A timeout while downloading is retried; a corrupt package is refused.\\n- If the signature does not verify, the old slot stays.\\n\\n![missing](gone.png)\\n' >n.md; printf '%%!PS\\n/Helvetica findfont 20 scalefont setfont 72 700 moveto (Release) show showpage\\n' | sed 's/%%/%/' >t.ps\n")
    terminal("postgres", F, "session", "postgresql-client", "a database is asked, mistakes among the questions", "for q in 'CREATE TABLE events(id int PRIMARY KEY, at text)' 'INSERT INTO events VALUES (1, now())' 'INSERT INTO events VALUES (1, now())' 'SELECT * FROM nowhere' 'SELECT count(*) FROM events' 'VACUUM VERBOSE events'; do psql -h /data/w/s -U postgres -c \"$q\"; done; true\npg_dump -v -h /data/w/s -U postgres postgres\ncat pg.log", "mkdir d s; chown postgres d s; B=$(ls -d /usr/lib/postgresql/*/bin | tail -1); touch pg.log; chown postgres pg.log; su postgres -s /bin/sh -c \"$B/initdb -D d >/dev/null; $B/pg_ctl -w -D d -l pg.log -o '-k /data/w/s -h 127.0.0.1 -p 5432' start\"\n", timeout=60)


if __name__ == "__main__":
    well.run(1, lines, boards, network, backups, trust)
