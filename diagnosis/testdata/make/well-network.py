#!/usr/bin/env python3
"""Healthy transfers over loopback and services that start, serve and stop well. Each row is one planned case.
Needs: nginx-light, lighttpd, haproxy, mosquitto, mosquitto-clients, dnsmasq-base, memcached, stunnel4, syslog-ng-core,
unbound, tinyproxy, vsftpd, curl, wget, aria2, rsync, openssh-server, git, zsync, ostree, openssl, dnsutils.
Run by namespace.sh as root; an argument (regular expression) picks cases."""

import signal

import well
from well import Background, service, sh, terminal, wanted

CA = """
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/O=Acme/CN=device root' -keyout ca.key -out ca.pem
openssl req -newkey rsa:2048 -nodes -subj '/CN=updates.example.net' -keyout s.key -out s.csr
printf 'subjectAltName=DNS:updates.example.net\\n' >e; openssl x509 -req -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile e -out s.pem
cat s.pem ca.pem >full.pem
"""
FILES = "mkdir -p /srv/www/pool; head -c 3000000 /dev/urandom >/srv/www/fw-2.4.1.bin; head -c 200000 /dev/urandom >/srv/www/kernel.img; for i in 1 2 3 4; do head -c $((i*20000)) /dev/urandom >/srv/www/pool/part$i.bin; done; (cd /srv/www; sha256sum fw-2.4.1.bin kernel.img >SHA256SUMS; echo '<a href=\"pool/part1.bin\">1</a> <a href=\"pool/part2.bin\">2</a> <a href=\"SHA256SUMS\">sums</a>' >index.html; seq 1 20000 >list.txt)\n"
NGINX = """daemon off; user root; worker_processes 1; error_log stderr info; pid /run/nginx.pid;
events { worker_connections 64; }
http { default_type application/octet-stream; access_log /run/access.log; gzip on; gzip_types *; gzip_min_length 100; client_body_temp_path /run/nb; proxy_temp_path /run/np; fastcgi_temp_path /run/nf; uwsgi_temp_path /run/nu; scgi_temp_path /run/ns;
 server { listen 127.0.0.1:80; listen 127.0.0.1:443 ssl http2; ssl_certificate /srv/ca/full.pem; ssl_certificate_key /srv/ca/s.key; root /srv/www; autoindex on;
  location /latest { return 302 /fw-2.4.1.bin; } location /old/ { rewrite ^/old/(.*)$ /$1 permanent; } location /chunked { gzip on; try_files /list.txt =404; }
  location /put/ { root /run; dav_methods PUT; create_full_put_path on; client_max_body_size 20m; } } }
"""


def web():
    well.os.makedirs(well.W, exist_ok=True)
    sh("set -e; mkdir -p /srv/ca; cd /srv/ca\n" + CA)
    sh(FILES)
    open("/srv/nginx.conf", "w").write(NGINX)
    with open("/etc/hosts", "a") as f:
        f.write("127.0.0.1 updates.example.net mirror.example.net\n")
    return Background("nginx -c /srv/nginx.conf")


def transfers():
    U, S = "http://updates.example.net", "https://updates.example.net"
    with web():
        P, F = "curl", "healthy"
        for n, source, c, setup in (
                ("resumed", "a download is gone on with", f"curl -v -C - -o fw.bin {U}/fw-2.4.1.bin", "head -c 1000000 /srv/www/fw-2.4.1.bin >fw.bin"),
                ("redirected", "a download by way of two redirections", f"curl -v -L --max-redirs 5 -o fw.bin {U}/old/latest\nls -l fw.bin", ""),
                ("own-ca", "a download over TLS with the device's own authority", f"curl -v --cacert /srv/ca/ca.pem -o fw.bin {S}/fw-2.4.1.bin\ncmp fw.bin /srv/www/fw-2.4.1.bin", ""),
                ("compressed", "a list in chunks, compressed", f"curl -v --compressed -o list.txt {U}/list.txt\nwc -l list.txt", ""),
                ("upload", "a report is sent", f"curl -v --expect100-timeout 1 -T report.bin {U}/put/device/report.bin\ncurl -sS -I {U}/fw-2.4.1.bin", "head -c 2000000 /dev/urandom >report.bin; mkdir -p /run/put"),
                ("not-modified", "nothing newer is there", f"curl -v -z '2036-01-01' -o fw.bin {U}/fw-2.4.1.bin\ncurl -sS -o x -w '%{{http_code}} %{{size_download}} %{{time_total}}\\n' -r 1000-1999 {U}/fw-2.4.1.bin", "")):
            terminal(P, F, n, P, source, c, setup)
        if wanted(P, F, "proxy"):
            open("/srv/tiny.conf", "w").write("Port 3128\nListen 127.0.0.1\nTimeout 30\nMaxClients 10\nAllow 127.0.0.1\nConnectPort 443\n")
            with Background("tinyproxy -d -c /srv/tiny.conf"):
                terminal(P, F, "proxy", P, "downloads by way of a proxy", f"curl -v -x http://127.0.0.1:3128 -o fw.bin {U}/fw-2.4.1.bin\ncurl -v -x http://127.0.0.1:3128 --cacert /srv/ca/ca.pem -o k.img {S}/kernel.img", "")
        P, F = "wget", "healthy-mirror"
        terminal(P, F, "recursive", P, "a folder is mirrored", f"wget -r -np -nH -N --progress=dot:default {U}/index.html\nfind . -type f", "")
        terminal(P, F, "timestamps", P, "only what is newer, and a download that is gone on with", f"wget -N {U}/kernel.img\nwget -N {U}/kernel.img\nwget -c --progress=dot:mega {U}/fw-2.4.1.bin\nwget -d --ca-certificate=/srv/ca/ca.pem -O sums {S}/SHA256SUMS", "head -c 1000000 /srv/www/fw-2.4.1.bin >fw-2.4.1.bin")
        P, F = "aria2", "healthy"
        terminal(P, F, "checksum", P, "a download in four pieces with its checksum", f"aria2c --async-dns=false -x4 -s4 -k1M --checksum=sha-256=$(sha256sum /srv/www/fw-2.4.1.bin | cut -d' ' -f1) {U}/fw-2.4.1.bin", "")
        terminal(P, F, "list", P, "a list of downloads over TLS, with a log", f"aria2c --async-dns=false --ca-certificate=/srv/ca/ca.pem --console-log-level=notice --log-level=notice -l log -i list\ncat log", f"printf '{S}/kernel.img\\n{S}/pool/part1.bin\\n{U}/pool/part3.bin\\n  out=third.bin\\n' >list")
        terminal("ostree", "healthy", "pull", "ostree", "a release is pulled from a server", f"ostree --repo=b remote add --no-gpg-verify acme {U}/repo\nostree --repo=b remote summary acme\nostree --repo=b pull --mirror acme gw/stable\nostree --repo=b show acme:gw/stable || ostree --repo=b refs\nostree --repo=b fsck", "mkdir t; echo 2.4.1 >t/release; head -c 400000 /dev/urandom >t/app; ostree --repo=/srv/www/repo init --mode=archive; ostree --repo=/srv/www/repo commit -b gw/stable --tree=dir=t -s 'release 2.4.1'; ostree --repo=/srv/www/repo summary -u; ostree --repo=b init --mode=bare-user")
        terminal("zsync", "healthy", "delta", "zsync", "an image from a server, most of it is here", f"zsync -i old.img {U}/z.img.zsync\nls -l", "(cd /srv/www; cp fw-2.4.1.bin z.img; zsyncmake -u z.img z.img); head -c 2500000 /srv/www/z.img >old.img; head -c 100000 /dev/urandom >>old.img")
        terminal("openssl", "healthy-store", "client", "openssl", "a TLS connection is looked at", "openssl s_client -connect updates.example.net:443 -servername updates.example.net -CAfile /srv/ca/ca.pem -verify_return_error -brief </dev/null\nopenssl s_client -connect updates.example.net:443 -servername updates.example.net -CAfile /srv/ca/ca.pem -verify_return_error -showcerts -state </dev/null", "")
        terminal("git", "healthy-clone", "daemon", "git", "a repository is cloned from a daemon, changed and pushed", "git clone --progress http://updates.example.net/g.git dumb\ngit clone --progress /srv/www/g.git c\ncd c && git fetch -v\ncd c && echo 2 >VERSION && git commit -am 'release 2'\ncd c && git push -v origin HEAD\ncd c && git fsck --full", "export HOME=$PWD; git config --global user.name Build; git config --global user.email build@acme.example; git config --global init.defaultBranch main; git init -q s; cd s; for i in 1 2 3 4 5; do echo $i >VERSION; seq $i 400 >f$i; git add .; git commit -q -m \"change $i\"; done; cd ..; git clone -q --bare s /srv/www/g.git; cd /srv/www/g.git; git update-server-info", env={"HOME": well.W})
    P, F = "rsync", "healthy-daemon"
    open("/srv/rsyncd.conf", "w").write("use chroot = no\nuid = root\ngid = root\nlog file = /run/rsyncd.log\ntransfer logging = yes\n[fw]\npath = /srv/www\ncomment = firmware\nread only = yes\n")
    if wanted(P, F, "pull") or wanted(P, F, "log"):
        with Background("rsync --daemon --no-detach --port=873 --config=/srv/rsyncd.conf"):
            terminal(P, F, "pull", P, "firmware from a daemon: list, dry run, copy, again", "rsync rsync://127.0.0.1/\nrsync -avn rsync://127.0.0.1/fw/pool/ in/\nrsync -av --stats --partial rsync://127.0.0.1/fw/pool/ in/\nrsync -avc --delete --itemize-changes rsync://127.0.0.1/fw/pool/ in/", "mkdir in; echo x >in/stale")
        terminal(P, F, "log", P, "the daemon's own log of the same", "cat /run/rsyncd.log", "")
    P, F = "ssh", "healthy"
    K = "/srv/ssh"
    sh(f"rm -rf {K}; mkdir -p {K} /run/sshd; cd {K}; ssh-keygen -q -t ed25519 -N '' -f k; ssh-keygen -q -t ed25519 -N '' -f hk; cp k.pub ak; printf 'put hk.pub /run/a\\nls -l /run/a\\nget /run/a b\\nrm /run/a\\n' >batch")
    O = f"-i {K}/k -o UserKnownHostsFile={K}/kh -o StrictHostKeyChecking=accept-new"
    D = f"/usr/sbin/sshd -D -e -f /dev/null -o LogLevel=VERBOSE -p 22 -h {K}/hk -o AuthorizedKeysFile={K}/ak -o StrictModes=no -o UsePAM=no -o PermitRootLogin=yes -o Subsystem='sftp internal-sftp -l VERBOSE'"
    C = f"sftp -v {O} -b {K}/batch root@127.0.0.1"
    service(P, F, "server", "openssh-server", "the log of a server to which an image is copied", D, f"cd {K} && ssh {O} root@127.0.0.1 uptime\ncd {K} && {C}\nscp {O} {K}/hk.pub root@127.0.0.1:/run/x", style="syslog", file="auth.log", ends=(0, 255))
    if wanted(P, F, "sftp"):
        with Background(D):
            terminal(P, F, "sftp", "openssh-client", "an image is put to a device by sftp", f"cd {K} && {C}\nrsync -av -e 'ssh {O}' {K}/hk.pub root@127.0.0.1:/run/a")


def services():
    service("nginx", "healthy", "serve", "nginx-light", "start, requests, a new configuration, stop", "nginx -c /srv/nginx.conf", "curl -sS http://updates.example.net/SHA256SUMS\ncurl -sS -L -o /dev/null http://updates.example.net/latest\ncurl -sS --cacert /srv/ca/ca.pem -o /dev/null https://updates.example.net/fw-2.4.1.bin\nkill -HUP $(cat /run/nginx.pid)\nsleep 1\ncurl -sS -o /dev/null http://updates.example.net/kernel.img\ncp /run/access.log access.log", "rm -f /run/access.log", log=("access.log",), stop=signal.SIGQUIT, file="error.log")
    service("lighttpd", "healthy", "serve", "lighttpd", "start, requests, stop", "lighttpd -D -f l.conf", "curl -sS http://127.0.0.1:8081/SHA256SUMS\ncurl -sS -o /dev/null http://127.0.0.1:8081/fw-2.4.1.bin\ncurl -sS -I http://127.0.0.1:8081/pool/part1.bin", "printf 'server.document-root=\"/srv/www\"\\nserver.port=8081\\nserver.bind=\"127.0.0.1\"\\nserver.modules=(\"mod_accesslog\")\\naccesslog.filename=\"/dev/stderr\"\\ndebug.log-request-handling=\"enable\"\\ndebug.log-request-header=\"enable\"\\nserver.errorlog=\"/data/w/error.log\"\\n' >l.conf", log=("error.log",))
    with Background("python3 -m http.server -d /srv/www --bind 127.0.0.1 9001"):
        service("haproxy", "healthy", "balance", "haproxy", "start, requests to two servers of which both are up, stop", "haproxy -W -db -f h.cfg", "for i in 1 2 3 4; do curl -sS -o /dev/null http://127.0.0.1:8082/kernel.img; done\nsleep 3", "printf 'global\\n log stdout format raw local0 debug\\ndefaults\\n mode http\\n log global\\n option httplog\\n timeout connect 2s\\n timeout client 9s\\n timeout server 9s\\nfrontend f\\n bind 127.0.0.1:8082\\n default_backend b\\nbackend b\\n option httpchk GET /SHA256SUMS\\n server one 127.0.0.1:9001 check inter 1s\\n server two 127.0.0.1:9001 check inter 1s\\n' >h.cfg", ends=(0, 143))
        service("stunnel", "healthy", "wrap", "stunnel4", "TLS in front of a plain server", "stunnel4 s.conf", "curl -sS --cacert /srv/ca/ca.pem --resolve updates.example.net:8443:127.0.0.1 -o /dev/null https://updates.example.net:8443/kernel.img", "printf 'foreground=yes\\ndebug=7\\npid=\\n[fw]\\naccept=127.0.0.1:8443\\nconnect=127.0.0.1:9001\\ncert=/srv/ca/full.pem\\nkey=/srv/ca/s.key\\n' >s.conf")
        service("tinyproxy", "healthy", "proxy", "tinyproxy", "start, requests, stop", "tinyproxy -d -c t.conf", "curl -sS -x http://127.0.0.1:3129 -o /dev/null http://127.0.0.1:9001/kernel.img\ncurl -sS -x http://127.0.0.1:3129 -o /dev/null http://127.0.0.1:9001/list.txt", "printf 'Port 3129\\nListen 127.0.0.1\\nTimeout 30\\nMaxClients 10\\nAllow 127.0.0.1\\nLogLevel Info\\n' >t.conf")
    service("mosquitto", "healthy", "retained", "mosquitto", "a broker, a device that reports, a session that ends", "mosquitto -v -c m.conf", "timeout 20 mosquitto_pub -h 127.0.0.1 -p 1883 -i meter-17 -q 1 -r -t dev/17/state -m '{\"fw\":\"2.4.1\",\"ok\":true}'\ntimeout 20 mosquitto_sub -h 127.0.0.1 -p 1883 -i cloud -q 1 -t dev/# -C 1\ntimeout 20 mosquitto_pub -h 127.0.0.1 -i meter-17 -t dev/17/up -m 3600 -q 2", "printf 'listener 1883 127.0.0.1\\nallow_anonymous true\\nlog_type all\\nuser root\\n' >m.conf")
    service("dnsmasq", "healthy", "names", "dnsmasq-base", "names are answered, the cache is shown", "dnsmasq --no-daemon --user=root --listen-address=127.0.0.1 --bind-interfaces --port=53 --no-resolv --log-queries --address=/updates.example.org/127.0.0.1 --cache-size=100 --log-facility=-", "python3 -c \"import socket; print(socket.gethostbyname('updates.example.org'))\"\nkill -USR1 $(pgrep -x dnsmasq -n)\nsleep 1")
    service("memcached", "healthy", "cache", "memcached", "some keys are stored and read", "memcached -u root -l 127.0.0.1 -p 11211 -vv", "python3 -c \"import socket; s=socket.create_connection(('127.0.0.1',11211)); s.sendall(b'set fw 0 0 5\\r\\n2.4.1\\r\\nget fw\\r\\nversion\\r\\nstats\\r\\n'); import time; time.sleep(1); s.recv(9000); s.sendall(b'quit\\r\\n')\"", stop=signal.SIGINT)
    service("unbound", "healthy", "local-zone", "unbound", "a resolver with a zone of its own", "unbound -d -vv -c u.conf", "python3 -c \"import socket,struct; s=socket.socket(2,2); s.settimeout(5); s.sendto(b'\\x12\\x34\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0\\x02fw\\x04home\\0\\0\\x01\\0\\x01',('127.0.0.1',5353)); assert s.recv(500)\"", "printf 'server:\\n interface: 127.0.0.1@5353\\n chroot: \"\"\\n username: \"\"\\n directory: \"/data/w\"\\n pidfile: \"\"\\n use-syslog: no\\n do-daemonize: no\\n module-config: \"iterator\"\\n local-zone: \"home.\" static\\n local-data: \"fw.home. A 127.0.0.1\"\\nremote-control:\\n control-enable: no\\n' >u.conf")
    service("syslog-ng", "healthy", "collect", "syslog-ng-core", "lines are taken over the network and written", "syslog-ng -F -v -e -f g.conf --persist-file p --pidfile pid --control ctl", "logger -n 127.0.0.1 -P 5140 -T -t updater 'release 2.4.1 installed, slot b active'\nlogger -n 127.0.0.1 -P 5140 -T -t health 'all services up'\nsleep 1", "printf '@version: 3.38\\nsource s { network(ip(127.0.0.1) port(5140)); internal(); };\\ndestination d { file(\"/data/w/messages\"); };\\nlog { source(s); destination(d); };\\n' >g.conf", log=("messages",))
    service("vsftpd", "healthy", "anonymous", "vsftpd", "files are taken by anonymous FTP", "vsftpd v.conf", "curl -sS -o a ftp://127.0.0.1:2121/kernel.img\ncurl -sS ftp://127.0.0.1:2121/pool/", "chmod 755 /srv /srv/www; printf 'listen=YES\\nlisten_ipv6=NO\\nlisten_address=127.0.0.1\\nlisten_port=2121\\nanonymous_enable=YES\\nanon_root=/srv/www\\nno_anon_password=YES\\nbackground=NO\\nxferlog_enable=YES\\ndual_log_enable=YES\\nlog_ftp_protocol=YES\\nvsftpd_log_file=/data/w/vsftpd.log\\nxferlog_file=/data/w/xferlog\\nsecure_chroot_dir=/run/vsftpd-empty\\npasv_address=127.0.0.1\\nseccomp_sandbox=NO\\nisolate=NO\\nisolate_network=NO\\n' >v.conf; mkdir -p /run/vsftpd-empty", log=("vsftpd.log", "xferlog"), ends=(0, -15, 143))
    service("cron", "healthy", "jobs", "cron", "the daemon runs a job of each minute", "cron -f -L 15", "sleep 62\ntest -e /data/w/ran", "printf '* * * * * root touch /data/w/ran\\n' >/etc/cron.d/heartbeat; rm -f /run/crond.pid", ends=(0, -15, 143))


if __name__ == "__main__":
    well.run(1, transfers, services)
