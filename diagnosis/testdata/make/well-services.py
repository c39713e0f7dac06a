#!/usr/bin/env python3
"""Healthy services of networks for the training half: each is started, used as on any day, also by clients that make
mistakes (pages that are not there, wrong passwords, words of another protocol, connections that break off) and by peers that
do not answer, and stopped. Each row is one planned case; lib/well.py says which are kept. The exit status of clients does
not count, that of the service does.
Needs: apache2, apache2-utils, php8.2-fpm, caddy, uwsgi-core, uwsgi-plugin-python3, gunicorn, nghttp2-proxy, hitch, webfs,
nodejs, squid, privoxy, dante-server, postfix, swaks, dovecot-imapd, fetchmail, bind9, bind9-dnsutils, nsd, pdns-server,
pdns-backend-bind, isc-dhcp-server, isc-dhcp-client, kea-dhcp4-server, busybox, charon-systemd, strongswan-swanctl, tinc,
coturn, redis-server, redis-tools, mariadb-server, etcd-server, etcd-client, influxdb, prometheus, prometheus-alertmanager,
docker-registry, apt-cacher-ng, cups, cups-client, slapd, ldap-utils, freeradius, freeradius-utils, tor,
i2pd, kamailio, ngircd, rabbitmq-server, zabbix-agent, subversion, rsyslog, curl, netcat-openbsd, openssl, iproute2.
Run by namespace.sh as root; an argument (regular expression) picks cases."""

import os
import shlex
import sys

import well
from well import Background, sh

well.KEEP = 11_000
FAMILY = "healthy-service"


def serve(program, name, package, source, command, clients, setup="", **more):
    """A service with clients whose exit status does not count, and which hold nothing up."""
    more.setdefault("ends", (0, -15, 143))
    more.setdefault("wait", 3)
    prepare = "\n".join([setup] + [f"touch {l}; chmod 666 {l}" for l in more.get("log") or ()])
    clients = "\n".join(f"timeout 25 bash -c {shlex.quote(c)}; true" for c in clients.splitlines() if c)
    well.service(program, FAMILY, name, package, source, command, clients, f"chmod 777 .\n{prepare}", **more)


def strangers(port):
    """Who speaks something else to a port."""
    return "\n".join(f"{what} | nc -q1 -w2 127.0.0.1 {port}" for what in (
        r"printf 'GET /nosuch HTTP/1.0\r\n\r\n'", r"printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'", r"printf 'HELLO\r\n'")) + f"\nnc -z 127.0.0.1 {port}"


def visits(port, *more):
    """Visitors and robots of a web server."""
    u = f"http://127.0.0.1:{port}"
    pages = "/ /fw.bin /robots.txt /favicon.ico /wp-login.php /.env /cgi-bin/luci /../../etc/passwd /report.csv".split()
    return "\n".join([f"curl -s -m 5 --path-as-is -o /dev/null '{u}{p}'" for p in pages] + [
        f"curl -s -m 5 -o /dev/null -X POST -d a=b {u}/index.html", f"curl -s -m 5 -o /dev/null -r 999999999- {u}/fw.bin",
        f"timeout 0.5 curl -s --limit-rate 20k -o /dev/null {u}/fw.bin", strangers(port)] + [f"curl -s -m 8 -o /dev/null {u}{m}" for m in more] + [
        f"curl -s -m 5 -o /dev/null {u}/"])


APACHE = """ServerName gateway
ServerRoot /etc/apache2
PidFile /run/a.pid
Mutex file:/run default
TypesConfig /dev/null
Listen 127.0.0.1:8080
User www-data
Group www-data
LogLevel info
ErrorLog /dev/stderr
TransferLog /data/w/access.log
""" + "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in (
    "mpm_event authz_core authn_core authn_file authz_user auth_basic dir mime alias proxy proxy_http proxy_fcgi reqtimeout").split()) + """
RequestReadTimeout header=2-4,MinRate=500 body=2
DocumentRoot /srv/www
<Directory /srv/www>
 Require all granted
</Directory>
<Location /admin>
 AuthType Basic
 AuthName admin
 AuthUserFile /srv/pw
 Require valid-user
</Location>
<Location /internal>
 Require all denied
</Location>
ProxyPass /app http://127.0.0.1:9091 retry=0 timeout=2
ProxyPassMatch ^/(.*\\.php)$ fcgi://127.0.0.1:9000/srv/www/$1
"""
FPM = """[global]
error_log=/dev/stderr
daemonize=no
[www]
user=www-data
group=www-data
listen=127.0.0.1:9000
pm=dynamic
pm.max_children=2
pm.start_servers=1
pm.min_spare_servers=1
pm.max_spare_servers=2
catch_workers_output=yes
request_terminate_timeout=3s
"""
APP = """import logging, time
logging.basicConfig(level=logging.INFO)
def app(e, start):
    p = e['PATH_INFO']
    if p == '/bad': raise ValueError('no such meter: 17')
    if p == '/slow': time.sleep(5)
    if p.startswith('/api'):
        start('200 OK', [('Content-Type', 'application/json')]); return [b'{"ok":true}']
    logging.warning('%s: not found', p)
    start('404 Not Found', [('Content-Type', 'text/plain')]); return [b'no']
application = app
"""
NODE = """const http=require('http'),fs=require('fs');
const log=(...a)=>console.log(new Date().toISOString(),...a);
const s=http.createServer((q,r)=>{
 if(q.url==='/boom'){try{JSON.parse('{')}catch(e){console.error(e)}r.statusCode=500;r.end();return log(q.method,q.url,500)}
 if(q.url==='/up')return http.get('http://127.0.0.1:9/').on('error',e=>{console.warn('upstream:',e.message,'using cached copy');r.end('cached')});
 fs.readFile('/srv/www'+q.url,(e,b)=>{if(e){log(q.method,q.url,404,e.code);r.statusCode=404;return r.end()}r.end(b);log(q.method,q.url,200,b.length)})});
s.on('clientError',(e,k)=>{log('client error',e.code,e.message);if(k.writable)k.end('HTTP/1.1 400 Bad Request\\r\\n\\r\\n')});
s.listen(8092,'127.0.0.1',()=>log('listening on 8092'));
process.on('SIGTERM',()=>{log('SIGTERM, closing');s.close(()=>process.exit(0));s.closeAllConnections()});
"""


def web():
    open("/srv/a.conf", "w").write(APACHE)
    open("/srv/fpm.conf", "w").write(FPM)
    open("/srv/app.py", "w").write(APP)
    open("/srv/s.js", "w").write(NODE)
    open("/srv/www/ok.php", "w").write("<?php echo 'ok'; error_log('meter 17: no reading since 300 s'); echo $undefined; @file_get_contents('/nonexistent'); echo file_get_contents('http://127.0.0.1:9/'); ?>")
    open("/srv/www/bad.php", "w").write("<?php throw new Exception('no file'); ?>")
    open("/srv/www/slow.php", "w").write("<?php sleep(4); ?>")
    sh("htpasswd -bc /srv/pw op secret; cd /srv; openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=gateway -keyout h.key -out h.crt; cat h.key h.crt >h.pem")
    serve("apache2", "visitors", "apache2", "visitors, robots, wrong passwords and an application that starts late", "apache2 -DFOREGROUND -f /srv/a.conf",
          visits(8080, "/admin", "/internal", "/app", "/ok.php") + "\ncurl -s -o /dev/null -u op:wrong http://127.0.0.1:8080/admin\ncurl -s -o /dev/null -u nobody:x http://127.0.0.1:8080/admin\ncurl -s -o /dev/null -u op:secret http://127.0.0.1:8080/admin\nkill -USR1 $(cat /run/a.pid); sleep 2\ncurl -s -o /dev/null http://127.0.0.1:8080/", log=("access.log",), file="error.log")
    with Background("apache2 -DFOREGROUND -f /srv/a.conf"):
        serve("php-fpm", "pages", "php8.2-fpm", "pages that warn, that are missing, and that take too long", "php-fpm8.2 -F -O -y /srv/fpm.conf",
              "for p in ok.php none.php bad.php ok.php; do curl -s -o /dev/null http://127.0.0.1:8080/$p; done\nfor i in 1 2 3 4; do curl -s -o /dev/null http://127.0.0.1:8080/slow.php & done; wait; sleep 2\ncurl -s -o /dev/null http://127.0.0.1:8080/ok.php")
    open("/srv/Caddyfile", "w").write("{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:8083 {\n root * /srv/www\n log\n file_server\n handle /app* {\n  reverse_proxy 127.0.0.1:9091\n }\n}\n")
    serve("caddy", "visitors", "caddy", "visitors, robots, and an application that is not up", "caddy run --config /srv/Caddyfile --adapter caddyfile", visits(8083, "/app"))
    serve("uwsgi", "application", "uwsgi-core", "an application that raises errors and takes too long", "uwsgi --plugin python3 --http-socket 127.0.0.1:8086 --chdir /srv --wsgi-file app.py --master --processes 2 --harakiri 2 --die-on-term", visits(8086, "/api/v1", "/bad", "/slow", "/api/v1"), ends=(0, 30))
    serve("gunicorn", "application", "gunicorn", "an application that raises errors and takes too long", "gunicorn --chdir /srv -b 127.0.0.1:8085 -w 2 -t 2 --graceful-timeout 2 --access-logfile - --worker-tmp-dir /run app:app", visits(8085, "/api/v1", "/bad", "/slow", "/api/v1"))
    with Background("python3 -m http.server -d /srv/www --bind 127.0.0.1 9091"):
        serve("nghttpx", "proxy", "nghttp2-proxy", "a proxy in front of a server, and of one that is not up", "nghttpx --conf=/dev/null -f'127.0.0.1,8088;no-tls' -b127.0.0.1,9091 -b'127.0.0.1,9;/dead' --accesslog-file=/dev/stdout --workers=1 -L INFO", visits(8088, "/dead"))
        serve("hitch", "tls", "hitch", "clients without the authority, without TLS, and with an old one", "hitch -f '[127.0.0.1]:8443' -b '[127.0.0.1]:9091' --user=nobody --workers=1 /srv/h.pem", "curl -sk -o /dev/null https://127.0.0.1:8443/fw.bin\ncurl -s https://127.0.0.1:8443/\n" + strangers(8443) + "\nopenssl s_client -connect 127.0.0.1:8443 -tls1_1 </dev/null\ncurl -sk -o /dev/null https://127.0.0.1:8443/")
        open("/srv/squid.conf", "w").write("http_port 127.0.0.1:3130\nacl l src 127.0.0.1\nacl no dstdomain blocked.example.org\nhttp_access deny no\nhttp_access allow l\ncache_log /data/w/cache.log\naccess_log stdio:/data/w/access.log\npid_filename /run/squid.pid\ncache_mem 8 MB\ncoredump_dir /run\nconnect_timeout 2 seconds\nforward_timeout 3 seconds\nvisible_hostname gateway\nshutdown_lifetime 1 second\nnetdb_filename none\n")
        serve("squid", "proxy", "squid", "pages, a page that is not allowed, names and servers that are not there", "squid -N -f /srv/squid.conf",
              "\n".join(f"curl -s -m 8 -o /dev/null -x http://127.0.0.1:3130 {u}" for u in "http://127.0.0.1:9091/ http://127.0.0.1:9091/fw.bin http://127.0.0.1:9091/none http://blocked.example.org/ http://nosuch.example.org/ http://127.0.0.1:9/ http://192.0.2.1/ https://updates.example.org/ http://127.0.0.1:9091/".split()), log=("access.log", "cache.log"), wait=4)
    serve("webfs", "visitors", "webfs", "visitors and robots", "webfsd -F -p 8090 -i 127.0.0.1 -r /srv/www -l /data/w/log -d", visits(8090), log=("log",), ends=(0, 143, -15))
    serve("node-server", "visitors", "nodejs", "a small server of one's own: visitors, a fault in a page, a cached copy", "node /srv/s.js", visits(8092, "/boom", "/up"))
    serve("privoxy", "proxy", "privoxy", "pages that are blocked, names and servers that are not there", "privoxy --no-daemon /srv/pv/config", "for u in http://127.0.0.1:9/ http://nosuch.example.org/ http://config.privoxy.org/ http://ads.example.com/banner.gif; do curl -s -o /dev/null -m 4 -x http://127.0.0.1:8119 $u; done\n" + strangers(8119) + "\ncurl -s -o /dev/null -m 4 -x http://127.0.0.1:8119 http://config.privoxy.org/show-status",
          "rm -rf /srv/pv; cp -r /etc/privoxy /srv/pv; sed -i 's/^listen-address.*//; s/^logfile.*//; s/^logdir.*//' /srv/pv/config; printf 'listen-address 127.0.0.1:8119\\nconfdir /srv/pv\\ndebug 1\\ndebug 2\\ndebug 512\\ndebug 1024\\ndebug 4096\\ndebug 8192\\n' >>/srv/pv/config", ends=(0, 15, 143, -15))
    serve("danted", "proxy", "dante-server", "connections, servers that are not there, and who is not allowed", "danted -f /srv/dante.conf", "for u in http://127.0.0.1:9/ http://nosuch.example.org/ http://192.0.2.1/; do curl -s -o /dev/null -m 4 --socks5-hostname 127.0.0.1:1081 $u; done\n" + strangers(1081),
          "printf 'logoutput: stderr\\ninternal: 127.0.0.1 port = 1081\\nexternal: lo\\nsocksmethod: none\\nclientmethod: none\\nuser.privileged: root\\nuser.unprivileged: nobody\\nclient pass { from: 127.0.0.0/8 to: 0/0\\n log: error connect disconnect }\\nsocks pass { from: 0/0 to: 127.0.0.0/8\\n log: error connect disconnect }\\nsocks block { from: 0/0 to: 0/0\\n log: connect error }\\n' >/srv/dante.conf", ends=(0, 143))


POSTFIX = """compatibility_level=3.6
queue_directory=/srv/pf/q
data_directory=/srv/pf/d
command_directory=/usr/sbin
daemon_directory=/usr/lib/postfix/sbin
mail_owner=postfix
maillog_file=/dev/stdout
maillog_file_prefixes=/dev,/var
inet_interfaces=127.0.0.1
inet_protocols=ipv4
myhostname=gateway.example.net
mydestination=gateway.example.net, localhost
mynetworks=127.0.0.2/32
local_recipient_maps=inline:{ op=x }
virtual_transport=discard
local_transport=discard
smtpd_helo_required=yes
smtpd_recipient_restrictions=reject_unauth_destination, reject_unknown_sender_domain
transport_maps=inline:{ remote.example.org=smtp:[127.0.0.1]:9, old.example.org=error:mailbox_moved }
smtp_connect_timeout=2
minimal_backoff_time=3s
queue_run_delay=3s
alias_maps=
alias_database=
"""
DOVECOT = """protocols = imap
listen = 127.0.0.1
base_dir = /run/dc
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
mail_location = maildir:/srv/m/%u
first_valid_uid = 1
service imap-login {
 inet_listener imap {
  port = 1143
 }
 inet_listener imaps {
  port = 0
 }
}
passdb {
 driver = static
 args = password=secret
}
userdb {
 driver = static
 args = uid=mail gid=mail home=/srv/m/%u
}
"""


def mail():
    sh("mkdir -p /srv/pf/q /srv/pf/d; cp -a /etc/postfix /srv/pf/c; chown postfix /srv/pf/d; rm -f /srv/pf/c/makedefs.out")
    open("/srv/pf/c/main.cf", "w").write(POSTFIX)
    sh("cd /srv/pf/c; sed -i 's/^smtp      inet.*/127.0.0.1:2525 inet n - n - - smtpd/; s/^\\(\\S\\+ \\+\\(unix\\|fifo\\|inet\\|pass\\) \\+\\S\\+ \\+\\S\\+ \\+\\)y/\\1n/' master.cf; grep -q postlog master.cf || echo 'postlog unix-dgram n - n - 1 postlogd' >>master.cf")
    serve("postfix", "clients", "postfix", "mail that is taken, refused and kept, and clients that go away", "postfix -c /srv/pf/c start-fg",
          "\n".join(f"swaks --server 127.0.0.1:2525 --from {a}" for a in ("root@localhost --to op@gateway.example.net", "root@localhost --to nobody17@gateway.example.net", "root@localhost --to x@elsewhere.example.com", "bad@nosuch.invalid --to op@gateway.example.net")) + "\n" + strangers(2525) +
          "\nprintf 'Subject: report\\n\\nx\\n' | sendmail -C /srv/pf/c -f op op@remote.example.org someone@old.example.org\nsleep 6\nswaks --server 127.0.0.1:2525 --from root@localhost --to op@gateway.example.net", wait=4)
    open("/srv/dc", "w").write(DOVECOT)
    sh("mkdir -p /srv/m/op/new /srv/m/op/cur /srv/m/op/tmp; for i in 1 2 3; do printf 'From: a@b.example\\nTo: op@gateway.example.net\\nSubject: report %s\\n\\nbody\\n' $i >/srv/m/op/new/$i.x; done; chown -R mail:mail /srv/m; chmod 755 /srv; chmod 644 /srv/dc")
    with Background("dovecot -F -c /srv/dc", wait=2):
        well.terminal("fetchmail", FAMILY, "poll", "fetchmail", "mail is fetched, by a wrong password too, and from a server that is not there", "fetchmail -v --nodetach -N -f rc --pidfile /run/f.pid; true\nfetchmail -v --nodetach -N -f rc2 --pidfile /run/f.pid; true\nfetchmail -v --nodetach -N -f rc --pidfile /run/f.pid; true",
                      "printf 'poll 127.0.0.1 proto IMAP port 1143 auth password user op there with password secret is root here keep sslproto \"\" mda \"cat >/dev/null\"\\n' >rc; sed s/secret/wrong/ rc >rc2; chmod 600 rc rc2")


ZONE = """$TTL 300
@ IN SOA ns.home.example. op.home.example. 1 3600 600 86400 300
@ IN NS ns.home.example.
ns IN A 127.0.0.1
fw IN A 127.0.0.1
"""


def asked(port):
    return "\n".join(f"dig +time=2 +tries=1 @127.0.0.1 -p {port} {n}" for n in ("fw.home.example", "nosuch.home.example", "updates.example.org", "1.0.0.127.in-addr.arpa", "home.example AXFR", "version.bind CH TXT", "+tcp fw.home.example")) + f"\nprintf xx | nc -u -q1 -w1 127.0.0.1 {port}\nprintf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -q1 -w2 127.0.0.1 {port}\ndig +time=2 +tries=1 @127.0.0.1 -p {port} fw.home.example"


def names():
    open("/srv/zone", "w").write(ZONE)
    open("/srv/named.conf", "w").write('options { directory "/data/w"; listen-on port 5301 { 127.0.0.1; }; listen-on-v6 { none; }; pid-file "/run/n.pid"; session-keyfile "/data/w/sk"; allow-query { 127.0.0.1; }; allow-transfer { none; }; recursion yes; dnssec-validation no; querylog yes; };\ncontrols { };\nzone "home.example" { type master; file "/srv/zone"; };\nzone "sec.example" { type slave; masters { 127.0.0.1 port 9; }; file "/data/w/s"; };\n')
    serve("named", "queries", "bind9", "a zone of its own, one whose primary is not up, and no way to the root servers", "named -g -u root -c /srv/named.conf", asked(5301), wait=3)
    open("/srv/nsd.conf", "w").write('server:\n ip-address: 127.0.0.1@5303\n username: ""\n pidfile: /run/nsd.pid\n zonesdir: /srv\n database: ""\n xfrdfile: /data/w/x\n zonelistfile: /data/w/z\n logfile: "/data/w/log"\n log-only-syslog: no\n verbosity: 3\nremote-control:\n control-enable: no\nzone:\n name: home.example\n zonefile: zone\nzone:\n name: sec.example\n zonefile: sec\n request-xfr: 127.0.0.1@9 NOKEY\n')
    serve("nsd", "queries", "nsd", "a zone of its own, and one whose primary is not up", "nsd -d -c /srv/nsd.conf", asked(5303) + "\nsleep 3", wait=2, log=("log",))
    open("/srv/pdns.conf", "w").write("launch=bind\nbind-config=/srv/pb\nlocal-address=127.0.0.1\nlocal-port=5304\nsocket-dir=/data/w\nguardian=no\ndaemon=no\nloglevel=6\nlog-dns-queries=yes\nlog-timestamp=yes\ndisable-syslog=yes\n")
    open("/srv/pb", "w").write('zone "home.example" { type master; file "/srv/zone"; };\nzone "sec.example" { type slave; masters { 127.0.0.1:9; }; file "/data/w/s"; };\n')
    serve("pdns", "queries", "pdns-server", "a zone of its own, and one whose primary is not up", "pdns_server --config-dir=/srv", asked(5304), wait=2, ends=(0, 1, -15, 143))


def links():
    sh("ip link add va type veth peer name vb; ip addr add 10.7.0.1/24 dev va; ip link set va up; ip link set vb up")
    udhcpc = "busybox udhcpc -f -q -n -t 3 -i vb -s /bin/true\nbusybox udhcpc -f -q -n -t 2 -i vb -r 10.9.9.9 -s /bin/true"
    serve("dhcpd", "leases", "isc-dhcp-server", "leases, and a client that asks for the address of another network", "dhcpd -f -d --no-pid -cf /srv/dhcpd.conf -lf /data/w/leases va", udhcpc + "\ntimeout 12 dhclient -1 -sf /bin/true -lf /data/w/cl -pf /run/dc.pid vb", "printf 'subnet 10.7.0.0 netmask 255.255.255.0 { range 10.7.0.50 10.7.0.60; option routers 10.7.0.1; }\\n' >/srv/dhcpd.conf; touch leases", wait=2)
    open("/srv/kea.json", "w").write('{"Dhcp4": {"interfaces-config": {"interfaces": ["va"]}, "lease-database": {"type":"memfile","persist":false}, "subnet4":[{"subnet":"10.7.0.0/24","pools":[{"pool":"10.7.0.70-10.7.0.80"}]}], "loggers":[{"name":"kea-dhcp4","severity":"INFO","output_options":[{"output":"stdout"}]}]}}')
    serve("kea", "leases", "kea-dhcp4-server", "leases, and a client that asks for the address of another network", "env KEA_PIDFILE_DIR=/run KEA_LOCKFILE_DIR=/run kea-dhcp4 -c /srv/kea.json", udhcpc, wait=3)
    open("/srv/ss.conf", "w").write("charon-systemd {\n plugins {\n  include /etc/strongswan.d/charon/*.conf\n }\n filelog {\n  stdout {\n   default = 1\n   ike = 2\n  }\n }\n retransmit_tries = 2\n retransmit_timeout = 1\n}\n")
    serve("charon", "peer", "charon-systemd", "a peer that does not answer", "env STRONGSWAN_CONF=/srv/ss.conf charon-systemd", "sleep 3; swanctl --load-all; swanctl --initiate --child net --timeout 8; swanctl --stats", "printf 'connections { hub { remote_addrs = 127.0.0.9\\n local { auth = psk\\n id = gw }\\n remote { auth = psk\\n id = hub }\\n children { net { remote_ts = 10.9.0.0/16 } } } }\\nsecrets { ike-1 { secret = x } }\\n' >/etc/swanctl/conf.d/x.conf", ends=(0, -15))
    serve("tinc", "peer", "tinc", "a hub that is not up, and a stranger", "tincd -D -d3 -c /data/w --pidfile=/run/tinc.pid", "sleep 6; kill -USR2 $(cat /run/tinc.pid)\n" + strangers(655), "mkdir -p hosts; printf 'Name = gw\\nDeviceType = dummy\\nConnectTo = hub\\nBindToAddress = 127.0.0.1\\nMaxTimeout = 2\\n' >tinc.conf; printf 'Port = 655\\n' >hosts/gw; openssl genrsa -traditional 2048 >rsa_key.priv; chmod 600 rsa_key.priv; openssl rsa -in rsa_key.priv -RSAPublicKey_out >>hosts/gw; (printf 'Address = 127.0.0.1 9\\n'; sed 1d hosts/gw) >hosts/hub")
    serve("coturn", "clients", "coturn", "a client that is served, and one with a wrong password", "turnserver -n -L 127.0.0.1 -p 3478 -u a:b -r gw --no-tls --no-dtls -v -l stdout --cli-password x", "turnutils_uclient -u a -w b -n 3 -y 127.0.0.1\nturnutils_uclient -u a -w wrong -n 1 -y 127.0.0.1\nturnutils_stunclient 127.0.0.1", ends=(0, 143, -15))


def data():
    serve("redis", "keys", "redis-server", "keys, wrong commands, and a master that is not up for some seconds", "redis-server --port 6390 --bind 127.0.0.1 --dir /data/w --loglevel verbose --save '2 1'", "redis-cli -p 6390 set a b; redis-cli -p 6390 foo; sleep 3\n" + strangers(6390) + "\nredis-cli -p 6390 replicaof 127.0.0.1 9; sleep 3; redis-cli -p 6390 replicaof no one; redis-cli -p 6390 save")
    serve("mariadb", "queries", "mariadb-server", "queries, wrong ones, wrong passwords, and clients that go away", "mariadbd --no-defaults --user=mysql --datadir=/data/w/d --socket=/data/w/s --port=3310 --bind-address=127.0.0.1 --log-warnings=9", "mariadb -S /data/w/s -e 'create database m; use m; create table t(i int) engine=innodb; insert into t values(1); selec 1'\nmariadb -h127.0.0.1 -P3310 -unobody -pbad -e 'select 1'\nmariadb -S /data/w/s -e 'select * from nosuch.t'\ntimeout -s KILL 1 mariadb -S /data/w/s -e 'select sleep(3)'\nsleep 3\n" + strangers(3310) + "\nmariadb -S /data/w/s -e 'select * from m.t'", "chmod 1777 /var/tmp; mariadb-install-db --no-defaults --user=mysql --datadir=/data/w/d", wait=5)
    e = "etcdctl --endpoints 127.0.0.1:2389"
    serve("etcd", "keys", "etcd-server", "keys, a wrong password, and strangers", "etcd --data-dir /data/w/e --listen-client-urls http://127.0.0.1:2389 --advertise-client-urls http://127.0.0.1:2389 --listen-peer-urls http://127.0.0.1:2390 --initial-advertise-peer-urls http://127.0.0.1:2390 --initial-cluster default=http://127.0.0.1:2390", f"{e} put a b\n{e} --user x:y get a\n" + strangers(2389) + "\n" + strangers(2390) + f"\n{e} get a", wait=4, ends=(0, -15, 143))
    open("/srv/inf.conf", "w").write('reporting-disabled=true\nbind-address="127.0.0.1:8099"\n[meta]\ndir="/data/w/m"\n[data]\ndir="/data/w/d"\nwal-dir="/data/w/w"\n[http]\nbind-address="127.0.0.1:8087"\n')
    q = "curl -s -XPOST 'http://127.0.0.1:8087/"
    serve("influxdb", "points", "influxdb", "points, points for no database, and wrong queries", "influxd -config /srv/inf.conf", f"{q}query' --data-urlencode 'q=CREATE DATABASE m'\n{q}write?db=m' --data-binary 'a v=1'\n{q}write?db=none' --data-binary 'a v=1'\n{q}write?db=m' --data-binary bad\n{q}query?db=m' --data-urlencode 'q=SELEC'\ncurl -s http://127.0.0.1:8087/nosuch\n{strangers(8087)}\n{q}write?db=m' --data-binary 'a v=2'", wait=4)
    open("/srv/prom.yml", "w").write('global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nalerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:9"]}]}]}\nrule_files: [/srv/rules.yml]\nscrape_configs: [{job_name: a, static_configs: [{targets: ["127.0.0.1:9190","127.0.0.1:9","meter.lan:9100"]}]}]\n')
    open("/srv/rules.yml", "w").write('groups: [{name: g, rules: [{alert: Down, expr: "up == 0"}]}]\n')
    serve("prometheus", "scrapes", "prometheus", "targets and an alert manager that are not up", "prometheus --config.file=/srv/prom.yml --storage.tsdb.path=/data/w/p --web.listen-address=127.0.0.1:9190 --log.level=debug", "sleep 6; curl -s 'http://127.0.0.1:9190/api/v1/query?query=up{'\ncurl -s http://127.0.0.1:9190/nosuch", wait=3)
    open("/srv/am.yml", "w").write('route: {receiver: r, group_wait: 1s, group_interval: 2s}\nreceivers: [{name: r, webhook_configs: [{url: "http://127.0.0.1:9/hook"}]}]\n')
    serve("alertmanager", "alerts", "prometheus-alertmanager", "an alert, and a receiver that is not up", "prometheus-alertmanager --config.file=/srv/am.yml --storage.path=/data/w/a --web.listen-address=127.0.0.1:9193 --cluster.listen-address= --log.level=debug", "curl -s -XPOST -H 'Content-Type: application/json' http://127.0.0.1:9193/api/v2/alerts -d '[{\"labels\":{\"alertname\":\"Down\",\"instance\":\"meter-17\"}}]'; sleep 5\ncurl -s -XPOST http://127.0.0.1:9193/api/v2/alerts -d bad")
    open("/srv/reg.yml", "w").write("version: 0.1\nlog: {level: debug}\nstorage: {filesystem: {rootdirectory: /data/w/r}}\nhttp: {addr: 127.0.0.1:5050}\n")
    r = "curl -s http://127.0.0.1:5050"
    serve("docker-registry", "pulls", "docker-registry", "an image that is not there, and an upload that is begun", "docker-registry serve /srv/reg.yml", f"{r}/v2/\n{r}/v2/fw/manifests/latest\n{r}/v2/fw/blobs/sha256:00\n{r}/v2/fw/blobs/uploads/ -XPOST\n{r}/v2/fw/tags/list\n" + strangers(5050) + f"\n{r}/v2/", wait=2, ends=(0, 2, 143, -15))
    serve("apt-cacher-ng", "cache", "apt-cacher-ng", "mirrors that are not there", "apt-cacher-ng -c /etc/apt-cacher-ng foreground=1 Port=3143 BindAddress=127.0.0.1 CacheDir=/data/w/c LogDir=/data/w SocketPath= debug=7", "curl -s -o /dev/null http://127.0.0.1:3143/\ncurl -s -o /dev/null http://127.0.0.1:3143/mirror.example.org/debian/dists/x/Release\ncurl -s -o /dev/null -x http://127.0.0.1:3143 http://127.0.0.1:9/debian/dists/x/InRelease\n" + strangers(3143), log=("apt-cacher.log", "apt-cacher.err"), ends=(0, 143))


def office():
    sh("printf 'Listen 127.0.0.1:6310\\nLogLevel info\\nAccessLogLevel all\\n<Location />\\nOrder allow,deny\\nAllow all\\n</Location>\\n' >/srv/cups.conf; printf 'ErrorLog stderr\\nAccessLog /data/w/access_log\\nServerRoot /data/w\\nRequestRoot /data/w/q\\nCacheDir /data/w/cache\\nStateDir /data/w/state\\nTempDir /data/w/q\\nPageLog /data/w/page\\n' >/srv/cupsf.conf")
    serve("cupsd", "jobs", "cups", "a printer that is off, and one that is not there", "cupsd -f -c /srv/cups.conf -s /srv/cupsf.conf", "lpadmin -h 127.0.0.1:6310 -p p1 -E -v socket://127.0.0.1:9 -m raw; lp -h 127.0.0.1:6310 -d p1 /etc/hostname; sleep 4\nlp -h 127.0.0.1:6310 -d none /etc/hostname\ncurl -s http://127.0.0.1:6310/nosuch\ncurl -s http://127.0.0.1:6310/admin\ncancel -h 127.0.0.1:6310 -a\n" + strangers(6310), "mkdir -p q cache state ppd ssl", log=("access_log",), wait=2)
    sh("printf 'include /etc/ldap/schema/core.schema\\nmodulepath /usr/lib/ldap\\nmoduleload back_mdb\\ndatabase mdb\\nsuffix dc=x\\nrootdn cn=a,dc=x\\nrootpw s\\ndirectory /data/w\\n' >/srv/slapd.conf")
    l = "ldapsearch -x -H ldap://127.0.0.1:3890"
    serve("slapd", "queries", "slapd", "questions for what is not there, a wrong password, and strangers", "slapd -d 256 -h ldap://127.0.0.1:3890 -f /srv/slapd.conf", f"{l} -b dc=x\n{l} -D cn=a,dc=x -w bad -b dc=x\n{l} -b dc=none\n{l} -ZZ -b dc=x\n" + strangers(3890) + f"\n{l} -b dc=x", wait=2)
    serve("freeradius", "requests", "freeradius", "a wrong password, and a wrong secret", "freeradius -f -x -l stdout", "radtest op bad 127.0.0.1 0 testing123\ntimeout 4 radtest op bad 127.0.0.1 0 wrong", wait=3, ends=(0, 1, 143))
    serve("tor", "start", "tor", "a start without a network", "tor -f /srv/torrc --DataDirectory /data/w/t --SocksPort 9051 --Log 'notice stdout'", "sleep 3; curl -s -m 4 --socks5-hostname 127.0.0.1:9051 http://updates.example.org/\n" + strangers(9051), "touch /srv/torrc; mkdir -m 700 t", stop=2)
    serve("i2pd", "start", "i2pd", "a start without a network", "i2pd --datadir=/data/w --log=stdout --loglevel=warn --http.port=7071 --port=25558", "curl -s http://127.0.0.1:7071/\ncurl -s -x http://127.0.0.1:4444 http://nosuch.i2p/\nsleep 6", wait=3)
    serve("kamailio", "requests", "kamailio", "requests, junk, and strangers", "kamailio -DD -E -f /srv/kam.cfg -m 32 -M 4", "printf 'OPTIONS sip:gw SIP/2.0\\r\\nVia: SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bK1\\r\\nFrom: <sip:a@b>;tag=1\\r\\nTo: <sip:gw>\\r\\nCall-ID: 1\\r\\nCSeq: 1 OPTIONS\\r\\nMax-Forwards: 5\\r\\nContent-Length: 0\\r\\n\\r\\n' | nc -u -w1 127.0.0.1 5066\nprintf junk | nc -u -w1 127.0.0.1 5066\n" + strangers(5066), "cp /etc/kamailio/kamailio.cfg /srv/kam.cfg; printf '\\nlisten=udp:127.0.0.1:5066\\nlisten=tcp:127.0.0.1:5066\\n' >>/srv/kam.cfg", wait=4)
    sh("printf '[Global]\\nName=irc.example.net\\nInfo=x\\nPorts=6677\\nListen=127.0.0.1\\nServerUID=nobody\\nServerGID=nogroup\\n[Server]\\nName=hub.example.net\\nHost=127.0.0.1\\nPort=9\\nMyPassword=a\\nPeerPassword=b\\n' >/srv/irc.conf")
    serve("ngircd", "users", "ngircd", "a user, strangers, and a hub that is not up", "ngircd -n -f /srv/irc.conf", "(printf 'NICK a\\r\\nUSER a 0 * :a\\r\\nJOIN #x\\r\\nFOO\\r\\nQUIT\\r\\n'; sleep 2) | nc -q1 127.0.0.1 6677\n" + strangers(6677), wait=2)
    serve("rabbitmq", "clients", "rabbitmq-server", "strangers", "env HOME=/data/w RABBITMQ_NODENAME=r@localhost RABBITMQ_MNESIA_BASE=/data/w/m RABBITMQ_LOGS=- RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=5673 RABBITMQ_CONFIG_FILE=/srv/none /usr/lib/rabbitmq/bin/rabbitmq-server", strangers(5673) + "\nsleep 2", wait=16, ends=(0, 1, 143))
    open("/srv/za.conf", "w").write("LogType=console\nServer=127.0.0.1\nListenIP=127.0.0.1\nListenPort=10055\nServerActive=127.0.0.1:9\nHostname=gw\nPidFile=/run/z\n")
    serve("zabbix-agent", "checks", "zabbix-agent", "a server that is not up, and strangers", "setpriv --reuid zabbix --regid zabbix --clear-groups zabbix_agentd -f -c /srv/za.conf", "sleep 5\n" + strangers(10055), "chmod 777 /run; chmod 644 /srv/za.conf", ends=(0, 1))
    serve("svnserve", "requests", "subversion", "a copy, a repository that is not there, a commit that is not allowed, and strangers", "svnserve -d --foreground --listen-host 127.0.0.1 -r /data/w --log-file /data/w/log", "svn co svn://127.0.0.1/r /data/w/c\nsvn co svn://127.0.0.1/none /data/w/d\ncd /data/w/c && echo x >a && svn add a && svn ci -m x --username op --password bad --non-interactive\n" + strangers(3690) + "\nsvn info svn://127.0.0.1/r", "svnadmin create r", log=("log",), ends=(0, -15, 143))
    serve("rsyslogd", "input", "rsyslog", "lines from the network, and a collector that is not up", "rsyslogd -n -f /srv/rs.conf -i /run/rs.pid", "logger -n 127.0.0.1 -P 5141 -T 'telemetry sent'\nprintf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -q1 -w2 127.0.0.1 5141\nsleep 2", "printf 'module(load=\"imtcp\")\\ninput(type=\"imtcp\" port=\"5141\" address=\"127.0.0.1\")\\naction(type=\"omfwd\" target=\"127.0.0.1\" port=\"9\" protocol=\"tcp\" action.resumeRetryCount=\"-1\" action.resumeInterval=\"1\")\\n*.* /data/w/m\\n' >/srv/rs.conf", log=("m",))


def main():
    well.choose(sys.argv[1] if len(sys.argv) > 1 else "")
    os.makedirs(well.W, exist_ok=True)
    sh("chmod 755 /srv /data; mkdir -p /srv/www; head -c 300000 /dev/urandom >/srv/www/fw.bin; echo '<h1>status</h1>' >/srv/www/index.html; printf 'id,ok\\n1,1\\n' >/srv/www/list.csv; chmod -R a+rX /srv/www")
    for part in (web, mail, names, links, data, office):
        part()
    well.report()


main()
