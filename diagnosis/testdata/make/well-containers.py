#!/usr/bin/env python3
"""Healthy logs of small user lands that start in a container of their own, without an emulated machine: supervisors as
the first process, busybox's init, a login, addresses. Each row is one planned case; it is kept when its script ended
well.
Needs: e2fsprogs, busybox-static, and SYSTEMS as well-userland.py does, with the images s.ext4 and y.ext4 that it makes.
Run by namespace.sh as root with SYSTEMS and perhaps a regular expression that picks cases."""

import os
import subprocess
import sys

import capture
import userland
import well

S = userland.Systems(sys.argv[1])
W = well.W
B = "healthy-boot"
ENTER = """set -e
mkdir -p root; cd root
mount -t proc p proc; mount -t sysfs -o ro s sys; mount -t tmpfs t run; mount -t tmpfs t dev
mkdir dev/pts dev/shm; mount -t devpts -o newinstance,ptmxmode=666 d dev/pts; ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
for n in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do set -- $n; mknod -m 666 dev/$1 c $2 $3; done
%s
exec env -i PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root TERM=dumb chroot . %s
"""
DONE = "#!/bin/sh\nmkdir -p /report\n(set -ex\n%s\n) >/run/script.log 2>&1\ncode=$?\ncp /run/script.log /report/script.txt\n[ $code = 0 ] && touch /report/well\n%s\n"


def case(program, name, package, source, commands, kept, tree="s", first="/report.sh", end="", files=None, network="ip link set lo up", setup="", family=B, timeout=120):
    what = f"{program}/{family}-{name}"
    if not well.wanted(program, family, name):
        return
    for n, c in {"report.sh": DONE % (commands, end), "etc/hostname": "gw-17\n", "etc/hosts": "127.0.0.1 localhost gw-17\n", **(files or {})}.items():
        path = f"{W}/files/{n}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(c)
        os.chmod(path, 0o755 if c[:2] == "#!" else 0o644)
    try:
        well.sh("set -e\nmkdir root\n" + (setup or f"mkdir low over; mount -o loop,ro,noload {S.image(tree)} low; mount -t tmpfs t over; mkdir over/u over/w; mount -t overlay -o lowerdir=low,upperdir=over/u,workdir=over/w o root") + "\ncp -a files/. root/")
        with open(f"{W}/enter", "w") as f:
            f.write(ENTER % (network, first))
        text, code = capture.run(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "bash", f"{W}/enter"], timeout=timeout, cwd=W)
        files = {n: open(f"{W}/root/report/{n}", "rb").read() for n in os.listdir(f"{W}/root/report")} if os.path.isdir(f"{W}/root/report") else {}
    except subprocess.CalledProcessError as e:
        return well.leave_out(what, f"setup: {e.stderr[-300:]!r}")
    finally:
        subprocess.run(f"umount -R {W}/root; umount {W}/over; umount {W}/low", shell=True, capture_output=True)
    files["console.log"] = text
    if "well" not in files or [n for n in kept if n not in files]:
        return well.leave_out(what, f"ended with {code}: {(files.get('script.txt') or text)[-500:].decode(errors='replace')}")
    well.keep(program, family, name, S.version(tree, package) if not package.startswith("=") else package[1:], source, {n: well.tidy(files[n]) for n in kept})


def supervisors():
    run = "#!/bin/sh\nexec 2>&1\nexec %s\n"
    services = {"log": "busybox syslogd -n -O /var/log/messages", "cron": "cron -f", "ssh": "/usr/sbin/sshd -D -e", "report": "sh -c '[ -e /run/reported ] && exec sleep 1000; touch /run/reported; exec /report.sh'"}
    s6 = {"sbin/s6-boot": "#!/bin/sh\nmkdir -p /run/service /run/sshd\ncp -a /etc/s6/. /run/service/\necho 's6: services start'\nexec s6-svscan -t0 /run/service\n", **{f"etc/s6/{n}/run": run % c for n, c in services.items()}}
    messages = "cp /var/log/messages /report/messages.log\n"
    case("s6", "boot", "s6", "s6-svscan as the first process, its services, one of them restarted", "sleep 5\nfor s in log cron ssh; do s6-svstat /run/service/$s; done\ns6-svc -r /run/service/cron; sleep 2; s6-svstat /run/service/cron\nlogger -t meter 'value 17'; ssh-keyscan 127.0.0.1; sleep 1\n" + messages, ("console.log", "script.txt", "messages.log"), first="/sbin/s6-boot", end="busybox poweroff -f", files=s6)
    runit = {"sbin/runit-boot": "#!/bin/sh\nmkdir -p /run/sshd\nrm -rf /etc/sv /etc/service; cp -a /etc/own /etc/service\necho '- runit: enter stage: services'\nexec runsvdir -P /etc/service 'log: ...........................................................................'\n", **{f"etc/own/{n}/run": run % c for n, c in services.items()}}
    case("runit", "boot", "runit", "runsvdir as the first process, its services, one of them restarted and one stopped", "sleep 5\nfor s in log cron ssh; do sv status /etc/service/$s; done\nsv restart /etc/service/cron; sv stop /etc/service/ssh; sv status /etc/service/*\nlogger -t meter 'value 17'; sleep 1\n" + messages, ("console.log", "script.txt", "messages.log"), first="/sbin/runit-boot", end="busybox poweroff -f", files=runit)
    small = "cd root; mkdir -p bin sbin etc/init.d proc sys dev run tmp var/log var/www root mnt var/spool/cron/crontabs usr/share/udhcpc; cp $(command -v busybox) bin/busybox; for a in $(busybox --list); do [ $a = busybox ] || ln -s busybox bin/$a; done; ln -s ../bin/busybox sbin/init; printf 'root::0:0:root:/root:/bin/sh\\nnobody:x:65534:65534::/:/bin/false\\n' >etc/passwd; printf 'root:x:0:\\n' >etc/group; echo '<h1>gateway</h1>' >var/www/index.html; cd .."
    rcs = "#!/bin/sh\necho 'Acme Linux 5.2'\nmount -t tmpfs t /tmp\nifconfig lo up\nsyslogd -O /var/log/messages\ncrond -l 2\nhttpd -h /var/www\ntelnetd -l /bin/sh -b 127.0.0.1\nudhcpd -S /etc/udhcpd.conf\nntpd -ddd -w -p 127.0.0.1 2>/dev/null &\nsleep 1; kill $!\necho 'all services are started'\n"
    files = {"etc/inittab": "::sysinit:/etc/init.d/rcS\n::once:/report.sh\n::shutdown:/etc/init.d/rcK\n", "etc/init.d/rcS": rcs, "etc/init.d/rcK": "#!/bin/sh\necho 'services stop'\nkillall httpd crond telnetd\n", "var/spool/cron/crontabs/root": "* * * * * logger -t job nightly report\n", "etc/udhcpd.conf": "start 192.168.9.20\nend 192.168.9.40\ninterface v0\noption subnet 255.255.255.0\n",
             "usr/share/udhcpc/default.script": "#!/bin/sh\ncase $1 in\nbound|renew) echo \"$interface has $ip for $lease s\";;\nesac\n"}
    case("busybox-init", "services", "=1.35", "a device of busybox alone: its applets at work, and the messages of them", "sleep 65\nwget -O /run/i http://127.0.0.1/\nwget -O /run/n http://127.0.0.1/none || true\nnetstat -lnt; ps; df; free; uptime; ping -c 2 127.0.0.1; md5sum /bin/busybox\nudhcpc -f -n -q -v -i v1 -s /usr/share/udhcpc/default.script\nlogger -t meter 'value 17'; sleep 1\n" + messages, ("script.txt", "messages.log"), first="/sbin/init", end="poweroff -f", files=files, setup=small,
         network="ip link set lo up; ip link add v0 type veth peer name v1; ip addr add 192.168.9.1/24 dev v0; ip link set v0 up; ip link set v1 up", timeout=200)


def programs():
    case("dropbear", "login", "dropbear-bin", "dropbear makes its keys, a client logs in by a key and runs commands", "mkdir -p /root/.ssh /etc/dropbear; chmod 700 /root /root/.ssh\nrm -f /etc/dropbear/*key\ndropbearkey -t ed25519 -f /root/id >/root/pub\ngrep ^ssh /root/pub >/root/.ssh/authorized_keys\n(dropbear -F -E -R -p 2222 2>/report/dropbear.log & echo $! >/run/d.pid)\nsleep 3\ndbclient -y -i /root/id -p 2222 root@127.0.0.1 uptime </dev/null\ndbclient -y -i /root/id -p 2222 root@127.0.0.1 'cat /etc/os-release' </dev/null\nsleep 1; kill $(cat /run/d.pid); sleep 1\n", ("dropbear.log", "script.txt"), tree="y")
    veth = "ip link set lo up; ip link add eth0 type veth peer name far; ip netns add far 2>/dev/null; ip addr add 192.168.9.1/24 dev far; ip link set far up"
    server = "printf 'start 192.168.9.20\\nend 192.168.9.40\\ninterface far\\noption subnet 255.255.255.0\\noption lease 600\\n' >/run/d.conf\nmkdir -p /var/lib/misc; touch /var/lib/misc/udhcpd.leases; /bin/udhcpd-static udhcpd -f /run/d.conf >/dev/null 2>&1 & d=$!\n"
    box = f"mkdir low over; mount -o loop,ro,noload {S.folder}/y.ext4 low; mount -t tmpfs t over; mkdir over/u over/w; mount -t overlay -o lowerdir=low,upperdir=over/u,workdir=over/w o root; cp $(command -v busybox) root/bin/udhcpd-static"
    case("ifupdown", "dhcp", "ifupdown", "ifup and ifdown of an address by DHCP, with all that they tell", server + "sleep 1\nifup -v eth0; ip addr show eth0; ip route; ifquery --state; ifdown -v eth0\nkill $d\n", ("script.txt",), tree="y", setup=box, network=veth, files={"etc/network/interfaces": "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n"}, timeout=180)
    case("ifupdown", "bridge", "ifupdown", "a bridge and a second address of ifupdown", "ifup -v lo; ifup -v br0; ip -br link; ifup -v eth0:1; ip -br addr; ifquery --state; ifdown -v eth0:1; ifdown -v br0\n", ("script.txt",), tree="y", network=veth, files={"etc/network/interfaces": "auto lo\niface lo inet loopback\n\niface br0 inet static\n address 192.168.8.1/24\n bridge_ports eth0\n bridge_stp off\n bridge_fd 0\n\niface eth0:1 inet static\n address 192.168.7.1/24\n"}, timeout=120)


if __name__ == "__main__":
    well.choose(sys.argv[2] if len(sys.argv) > 2 else "")
    supervisors()
    programs()
    well.report()
