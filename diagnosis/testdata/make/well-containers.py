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


def image(tree):
    """The commands that put the tree's image below root, with a layer in memory."""
    return f"mkdir low over; mount -o loop,ro,noload {S.image(tree)} low; mount -t tmpfs t over; mkdir over/u over/w; mount -t overlay -o lowerdir=low,upperdir=over/u,workdir=over/w o root"


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
        well.sh("set -e\nmkdir root\n" + (setup or image(tree)) + "\ntar -C files -c . | tar -C root -x --keep-directory-symlink")
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
        return well.leave_out(what, f"ended with {code}: {(files.get('script.txt') or text)[-2500:].decode(errors='replace')}")
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
    veth = "ip link set lo up; ip link add eth0 type veth peer name far; ip addr add 192.168.9.1/24 dev far; ip link set far up"
    server = "printf 'start 192.168.9.20\\nend 192.168.9.40\\ninterface far\\noption subnet 255.255.255.0\\noption lease 600\\n' >/run/d.conf\nmkdir -p /var/lib/misc; touch /var/lib/misc/udhcpd.leases; /bin/busybox-static udhcpd -f /run/d.conf >/dev/null 2>&1 & d=$!\n"
    box = image("y") + "; cp $(command -v busybox) root/bin/busybox-static"
    case("ifupdown", "dhcp", "ifupdown", "ifup and ifdown of an address by DHCP, with all that they tell", server + "sleep 1\nifup -v eth0; ip addr show eth0; ip route; ifquery --state; ifdown -v eth0\nkill $d\n", ("script.txt",), tree="y", setup=box, network=veth, files={"etc/network/interfaces": "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n"}, timeout=180)
    case("ifupdown", "bridge", "ifupdown", "a bridge and a second address of ifupdown", "ifup -v lo; ifup -v br0; ip -br link; ifup -v eth0:1; ip -br addr; ifquery --state; ifdown -v eth0:1; ifdown -v br0\n", ("script.txt",), tree="y", network=veth, files={"etc/network/interfaces": "auto lo\niface lo inet loopback\n\niface br0 inet static\n address 192.168.8.1/24\n bridge_ports eth0\n bridge_stp off\n bridge_fd 0\n\niface eth0:1 inet static\n address 192.168.7.1/24\n"}, timeout=120)

DAEMON = "(%s >/report/%s 2>&1 & echo $! >/run/pid)\n"
STOP = "kill $(cat /run/pid); sleep 2\n"


def service(program, package, source, start, commands, log="service.log", before="", **more):
    """A service in the foreground with its own log, used by commands, and stopped."""
    case(program, "run", package, source, before + DAEMON % (start, log) + commands + STOP, (log, "script.txt"), tree="v", family="healthy-service", **more)


def services():
    veth = "ip link set lo up; ip link add eth0 type veth peer name far; ip addr add 192.168.9.2/24 dev eth0; ip link set eth0 up; ip link set far up"
    service("lldpd", "lldpd", "neighbours are looked for on two ports", "lldpd -d -ddd", "sleep 6\nlldpcli show chassis; lldpcli show interfaces; lldpcli update; sleep 3; lldpcli show statistics\n", network=veth, files={"run/lldpd/x": ""})
    service("snmpd", "snmpd", "a gateway's values are read over SNMP", "snmpd -f -Lo -u root", "sleep 3\nsnmpwalk -v2c -c public 127.0.0.1 1.3.6.1.2.1.1\nsnmpget -v2c -c public 127.0.0.1 1.3.6.1.2.1.1.3.0\n")
    service("keepalived", "keepalived", "a gateway takes a shared address as the only one of its group", "keepalived -n -l -D", "sleep 12\nip addr show eth0\nkill -HUP $(cat /run/pid); sleep 5\n", network=veth, files={"etc/keepalived/keepalived.conf": "vrrp_instance lan {\n state BACKUP\n interface eth0\n virtual_router_id 7\n priority 100\n advert_int 1\n virtual_ipaddress {\n  192.168.9.1/24\n }\n}\n"})
    service("monit", "monit", "monit watches a service, a file system and a load, and starts a service that was stopped", "monit -I -v -c /run/monitrc", "sleep 8\nkill $(cat /run/crond.pid)\nsleep 20\nmonit -c /run/monitrc summary\n", setup=image("v"), files={"etc/monitrc": "set daemon 5\nset httpd unixsocket /run/monit.sock\n allow localhost\ncheck system gateway\n if loadavg (1min) > 200 then alert\ncheck filesystem root with path /\n if space usage > 99% then alert\ncheck process cron with pidfile /run/crond.pid\n start program = \"/usr/sbin/cron\"\n"}, before="cp /etc/monitrc /run/monitrc; chmod 600 /run/monitrc; cron; sleep 1\n")
    service("collectd", "collectd-core", "values of the processor, memory and network are collected into files", "collectd -f", "sleep 20\nls -R /var/lib/collectd | head -n 40\n", files={"etc/collectd/collectd.conf": "Interval 5\nLoadPlugin logfile\n<Plugin logfile>\n LogLevel info\n File STDOUT\n</Plugin>\nLoadPlugin cpu\nLoadPlugin memory\nLoadPlugin interface\nLoadPlugin csv\n<Plugin csv>\n DataDir \"/var/lib/collectd/csv\"\n</Plugin>\n"})
    service("gpsd", "gpsd", "gpsd reads sentences of a receiver from the network, a client asks", "gpsd -n -N -D 4 udp://127.0.0.1:5000", "sleep 3\nfor i in $(seq 20); do printf '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\\r\\n$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\\r\\n' | nc -u -w 1 127.0.0.1 5000 || true; done\nprintf '?DEVICES;\\n' | nc -w 3 127.0.0.1 2947\n")
    service("ser2net", "ser2net", "a terminal is offered on the network and used", "ser2net -n -d -c /etc/own.yaml", "sleep 3\n(printf 'hello\\n' | timeout 4 nc 127.0.0.1 2000 || true)\nsleep 1\n", files={"etc/own.yaml": "connection: &c\n  accepter: tcp,localhost,2000\n  connector: echo\n  options:\n    kickolduser: true\n"})
    service("openvpn", "openvpn", "two ends of a tunnel meet, one restarts by a signal, both stop", "openvpn --secret /run/k --cipher AES-256-CBC --dev tun0 --ifconfig 10.8.0.1 10.8.0.2 --lport 1194 --rport 1195 --remote 127.0.0.1 --verb 4 --ping 2 --ping-restart 60", "(openvpn --secret /run/k --cipher AES-256-CBC --dev tun1 --ifconfig 10.8.0.2 10.8.0.1 --lport 1195 --rport 1194 --remote 127.0.0.1 --verb 3 --ping 2 --ping-restart 60 >/report/peer.log 2>&1 & echo $! >/run/peer)\nsleep 12\ngrep 'Initialization Sequence Completed' /report/service.log\nkill -HUP $(cat /run/pid); sleep 10; kill $(cat /run/peer)\n", before="mkdir -p /dev/net; mknod /dev/net/tun c 10 200; openvpn --genkey secret /run/k\n")
    service("tftpd", "tftpd-hpa", "a boot server hands out a kernel and a table", "busybox-static syslogd -n -O -", "in.tftpd --listen --secure --verbose --verbose -u tftp -a :69 /srv/tftp\ncd /run; tftp -v 127.0.0.1 -m binary -c get uImage; cmp uImage /srv/tftp/uImage; tftp -v 127.0.0.1 -c get pxe.cfg; tftp -v 127.0.0.1 -c get pxelinux.0 || true\n", setup=image("v") + "; cp $(command -v busybox) root/bin/busybox-static", before="mkdir -p /srv/tftp; head -c 700000 /dev/urandom >/srv/tftp/uImage; echo default >/srv/tftp/pxe.cfg; chmod 644 /srv/tftp/*\n")
    service("bird", "bird2", "a router of routes without a neighbour yet", "bird -f -c /etc/own.conf", "sleep 10\nbirdc show protocols; birdc show route; birdc configure; sleep 1\n", network=veth, before="mkdir -p /run/bird\n", files={"etc/own.conf": "log stderr all;\nrouter id 192.168.9.2;\nprotocol device {}\nprotocol direct { ipv4; }\nprotocol kernel { ipv4 { export all; }; }\nprotocol static { ipv4; route 10.3.0.0/16 via 192.168.9.9; }\nprotocol ospf v2 o { debug { states, interfaces }; ipv4 {}; area 0 { interface \"eth0\"; }; }\n"})
    service("nut", "nut-server", "a power supply that is only played: driver, server and a client", "upsd -D -F", "sleep 3\nupsc ups@localhost\nupscmd -l ups@localhost || true\nupsc -l localhost\nkill $(cat /run/driver)\n", before="mkdir -p /run/nut; chown nut /run/nut\n(/lib/nut/dummy-ups -a ups -D -F >/report/driver.log 2>&1 & echo $! >/run/driver)\nsleep 4\n", files={"etc/nut/nut.conf": "MODE=standalone\n", "etc/nut/ups.conf": "[ups]\n driver = dummy-ups\n port = ups.dev\n", "etc/nut/ups.dev": "ups.status: OL\nbattery.charge: 98\ninput.voltage: 231\nTIMER 300\n", "etc/nut/upsd.conf": "LISTEN 127.0.0.1 3493\n", "etc/nut/upsd.users": "[mon]\n password = not-a-secret\n upsmon primary\n"})

    case("nftables", "run", "nftables", "a firewall is loaded, changed while it is watched, and listed", "nft -c -f /etc/own.nft; nft -f /etc/own.nft\nping -c 2 127.0.0.1; (ping -c 2 -W 1 127.0.0.7 || true); (nc -w 1 127.0.0.1 9 || true)\n(nft monitor & echo $! >/run/pid)\nsleep 1; nft add rule inet f i tcp dport 7 drop; nft delete table inet f; nft -f /etc/own.nft; sleep 1\nnft -a list ruleset; nft list counters\n" + STOP, ("script.txt",), tree="v", family="healthy-service", files={"etc/own.nft": "table inet f {\n counter refused {}\n chain i {\n  type filter hook input priority 0; policy accept;\n  tcp dport 9 counter drop\n  ip daddr 127.0.0.7 counter name refused reject\n }\n}\n"})


def daemons():
    veth = "ip link set lo up; ip link add eth0 type veth peer name far; ip addr add 192.168.9.1/24 dev far; ip link set far up"
    box = image("a") + "; cp $(command -v busybox) root/bin/busybox-static"
    bus = "mkdir -p /run/dbus; dbus-daemon --system --fork; sleep 1\n"
    server = "printf 'start 192.168.9.20\\nend 192.168.9.40\\ninterface far\\noption subnet 255.255.255.0\\noption router 192.168.9.1\\noption lease 600\\n' >/run/d.conf\nmkdir -p /var/lib/misc /run/d; touch /var/lib/misc/udhcpd.leases\n(busybox-static udhcpd -f /run/d.conf >/dev/null 2>&1 & echo $! >/run/d.pid)\n"
    log = "SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=%s "
    link = "mkdir -p /etc/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp; chown -R systemd-network /run/systemd/netif\n"
    case("networkd", "dhcp", "systemd", "systemd-networkd takes an address by DHCP in a container; networkctl", bus + server + link + "rm -f /etc/systemd/network/*; printf '[Match]\\nName=eth0\\n\\n[Network]\\nDHCP=ipv4\\n' >/etc/systemd/network/10-lan.network\n" + DAEMON % (log % "info" + "/lib/systemd/systemd-networkd", "networkd.log") + "sleep 12\nnetworkctl --no-pager list; networkctl --no-pager status eth0; ip addr show eth0; ip addr show eth0 | grep 192.168.9\nnetworkctl renew eth0; sleep 2; networkctl reconfigure eth0; sleep 8\n" + STOP, ("networkd.log", "script.txt"), tree="a", setup=box, network=veth)
    case("networkd", "bridge", "systemd", "a bridge, a VLAN and a fixed address of systemd-networkd, with all that it tells", bus + link + "rm -f /etc/systemd/network/*; printf '[NetDev]\\nName=br0\\nKind=bridge\\n\\n[Bridge]\\nSTP=no\\n' >/etc/systemd/network/10-br0.netdev; printf '[NetDev]\\nName=v7\\nKind=vlan\\n\\n[VLAN]\\nId=7\\n' >/etc/systemd/network/20-v.netdev; printf '[Match]\\nName=eth0\\n\\n[Network]\\nBridge=br0\\n' >/etc/systemd/network/10-lan.network; printf '[Match]\\nName=br0\\n\\n[Network]\\nAddress=192.168.9.2/24\\nVLAN=v7\\n' >/etc/systemd/network/20-br0.network; printf '[Match]\\nName=v7\\n\\n[Network]\\nAddress=192.168.7.2/24\\n' >/etc/systemd/network/30-v.network\n" + DAEMON % (log % "debug" + "/lib/systemd/systemd-networkd", "networkd.log") + "sleep 8\nnetworkctl --no-pager list; ip -br addr\n" + STOP, ("networkd.log", "script.txt"), tree="a", setup=box, network=veth)
    case("resolved", "queries", "systemd", "names are asked of systemd-resolved, its statistics", bus + "mkdir -p /run/systemd/resolve; chown systemd-resolve /run/systemd/resolve\n" + DAEMON % (log % "info" + "/lib/systemd/systemd-resolved", "resolved.log") + "sleep 4\nresolvectl --no-pager status; resolvectl query localhost; resolvectl query gw-17; resolvectl query 127.0.0.1; resolvectl statistics; resolvectl flush-caches; resolvectl log-level debug; resolvectl query localhost; resolvectl log-level info\n" + STOP, ("resolved.log", "script.txt"), tree="a", network=veth)
    case("avahi", "start", "avahi-daemon", "avahi names a gateway on its network, twice", bus + DAEMON % ("avahi-daemon --no-drop-root --no-chroot --debug", "avahi.log") + "sleep 6\nkill $(cat /run/pid); sleep 2\n" + DAEMON.replace(">/report", ">>/report") % ("avahi-daemon --no-drop-root --no-chroot", "avahi.log") + "sleep 6\n" + STOP, ("avahi.log",), tree="a", network=veth)
    case("networkmanager", "dhcp", "network-manager", "NetworkManager in a container takes an address, a second profile is made, started and stopped", bus + server + DAEMON % ("NetworkManager --no-daemon --log-level=INFO", "networkmanager.log") + "nm-online -s -t 30\nnmcli device set eth0 managed yes || true; sleep 3\nnmcli connection add type ethernet ifname eth0 con-name lan; nmcli connection up lan\nnmcli connection add type bridge ifname d0 con-name lab ip4 192.168.8.1/24 bridge.stp no; nmcli connection up lab\nnmcli general; nmcli device; ip -br addr; nmcli connection down lab; nmcli connection delete lab\n" + STOP, ("networkmanager.log", "script.txt"), tree="a", setup=box, network=veth)
    case("modemmanager", "no-modem", "modemmanager", "ModemManager on a gateway without a modem", bus + DAEMON % ("ModemManager --debug", "modemmanager.log") + "sleep 12\nmmcli -V; mmcli -L; mmcli -S || true; sleep 4; mmcli -L\n" + STOP, ("modemmanager.log", "script.txt"), tree="a", network=veth)
    case("logrotate", "forced", "logrotate", "all logs are rotated by force, twice, with all that it tells", "for n in syslog auth.log kern.log cron.log; do echo 'gateway: a line' >/var/log/$n; done\nchmod 755 /var/log; logrotate -v -f /etc/logrotate.conf\nlogrotate -v /etc/logrotate.conf\nls -l /var/log\n", ("script.txt",), tree="s")
    seed = "mkdir -p /var/lib/cloud/seed/nocloud; printf 'instance-id: gw-1\\nlocal-hostname: gw-17\\n' >/var/lib/cloud/seed/nocloud/meta-data; cp /etc/own-data /var/lib/cloud/seed/nocloud/user-data\n"
    user = {"etc/own-data": "#cloud-config\nusers:\n - name: tech\n   lock_passwd: true\n   shell: /bin/sh\nwrite_files:\n - path: /etc/gateway.conf\n   content: |\n     slot=b\nruncmd:\n - [ sh, -c, \"echo gateway configured\" ]\nntp: {enabled: false}\npackage_update: false\n", "etc/cloud/cloud.cfg.d/95_own.cfg": "datasource_list: [ NoCloud, None ]\nlocale: C.UTF-8\nresize_rootfs: false\ngrowpart: {mode: \"off\"}\nsystem_info:\n  package_mirrors:\n   - arches: [default]\n     failsafe: {primary: http://mirror.example/debian, security: http://mirror.example/security}\n"}
    steps = "cloud-init init --local; cloud-init init; cloud-init modules --mode=config; cloud-init modules --mode=final\n"
    logs = "cloud-init status --long\ncp /var/log/cloud-init.log /report/\n"
    case("cloud-init", "first", "cloud-init", "the first start with a configuration in a container", seed + steps + logs, ("script.txt", "cloud-init.log"), tree="a", files=user, network=veth, timeout=240)
    case("cloud-init", "second", "cloud-init", "the second start with the same configuration", seed + "(" + steps.strip() + ") >/dev/null 2>&1\nrm -rf /run/cloud-init; rm /var/log/cloud-init.log\n" + steps + logs, ("script.txt", "cloud-init.log"), tree="a", files=user, network=veth, timeout=300)
    case("cloud-init", "no-source", "cloud-init", "a start without any source: the defaults are used", steps + logs, ("script.txt", "cloud-init.log"), tree="a", files={"etc/cloud/cloud.cfg.d/95_own.cfg": "datasource_list: [ NoCloud, ConfigDrive, None ]\nlocale: C.UTF-8\nresize_rootfs: false\ngrowpart: {mode: \"off\"}\nsystem_info:\n  package_mirrors:\n   - arches: [default]\n     failsafe: {primary: http://mirror.example/debian, security: http://mirror.example/security}\n"}, network=veth, timeout=240)


def images():
    table = "truncate -s 96M /run/disk.img; printf 'label: gpt\\nsize=40MiB,type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709,name=root\\n' | sfdisk /run/disk.img\n"
    case("growpart", "first-boot", "cloud-guest-utils", "the partition of an image is grown, dry first, then once and twice", table + "growpart -N /run/disk.img 1\ngrowpart -v /run/disk.img 1\ngrowpart /run/disk.img 1 || [ $? = 1 ]\nsfdisk -d /run/disk.img; sfdisk --verify /run/disk.img\ntruncate -s 40M /run/p; mkfs.ext4 /run/p; truncate -s 80M /run/p; e2fsck -f -p /run/p; resize2fs /run/p; e2fsck -f -n /run/p\n", ("script.txt",), tree="a")
    case("repart", "first-boot", "systemd", "partitions are added to an image and the root's grows", table + "mkdir -p /etc/repart.d; printf '[Partition]\\nType=root\\nSizeMaxBytes=50M\\n' >/etc/repart.d/10-root.conf; printf '[Partition]\\nType=linux-generic\\nLabel=data\\nSizeMinBytes=10M\\n' >/etc/repart.d/20-data.conf\nsystemd-repart --no-pager --definitions=/etc/repart.d /run/disk.img\nSYSTEMD_LOG_LEVEL=debug systemd-repart --no-pager --definitions=/etc/repart.d --dry-run=no /run/disk.img\nsystemd-repart --no-pager --definitions=/etc/repart.d --dry-run=no /run/disk.img\nsfdisk -d /run/disk.img\n", ("script.txt",), tree="a")
    case("journald", "small", "systemd", "a journal that may be 4 MB large: filled, rotated, vacuumed, verified", "mkdir -p /var/log/journal /etc/systemd/journald.conf.d; printf '[Journal]\\nStorage=persistent\\nSystemMaxUse=4M\\nSystemMaxFileSize=1M\\n' >/etc/systemd/journald.conf.d/small.conf\nmkdir -p /run/systemd/journal; (/lib/systemd/systemd-journald & echo $! >/run/pid)\nsleep 3\nfor i in $(seq 120); do head -c 3000 /dev/urandom | base64 -w0 | systemd-cat -t meter; done\njournalctl --sync || true\nkill -USR2 $(cat /run/pid); sleep 2\njournalctl --no-pager --header | head -n 40\njournalctl --vacuum-size=3M; journalctl --verify; journalctl --disk-usage; journalctl --list-boots --no-pager || true\njournalctl --no-pager -o short-iso -t systemd-journald\nkill $(cat /run/pid); sleep 1\n", ("script.txt",), tree="a")
    veth = "ip link set lo up; ip link add eth0 type veth peer name far; ip addr add 192.168.9.1/24 dev far; ip link set far up"
    server = "printf 'start 192.168.9.20\\nend 192.168.9.40\\ninterface far\\noption subnet 255.255.255.0\\noption lease 60\\n' >/run/d.conf\nmkdir -p /var/lib/misc; touch /var/lib/misc/udhcpd.leases\n(busybox-static udhcpd -f /run/d.conf >/report/server.log 2>&1 & echo $! >/run/d.pid)\nsleep 1\n"
    case("dhclient", "lease", "isc-dhcp-client", "dhclient takes a lease, renews it twice, gives it back", server + DAEMON % ("dhclient -d -v eth0", "dhclient.log") + "sleep 75\nip addr show eth0; cat /var/lib/dhcp/dhclient.leases\ndhclient -r -v eth0; kill $(cat /run/d.pid)\n", ("dhclient.log", "script.txt"), tree="a", setup=image("a") + "; cp $(command -v busybox) root/bin/busybox-static", network=veth, timeout=200)
    case("inetd", "run", "inetutils-inetd", "inetd starts small services when they are asked for", "printf '2323 stream tcp nowait root /bin/busybox busybox uptime\\n2324 stream tcp nowait nobody /bin/busybox busybox date\\ndaytime stream tcp nowait root internal\\n' >/etc/own.conf\nbusybox-static syslogd -O /var/log/messages\n" + DAEMON % ("inetutils-inetd -d /etc/own.conf", "inetd.log") + "sleep 2\nfor p in 2323 2324 13 2323; do busybox-static nc 127.0.0.1 $p </dev/null; done\nkill -HUP $(cat /run/pid); sleep 1\n" + STOP, ("inetd.log", "script.txt"), family="healthy-service", setup=image("s") + "; cp $(command -v busybox) root/bin/busybox-static")


if __name__ == "__main__":
    well.run(2, supervisors, programs, services, daemons, images)
