package knowledge

import (
	"context"
	"strings"
	"testing"

	"salvor/diagnosis"
)

// Lines of services at work, as they write them on any day.
var servicesAtWork = map[string]string{
	"sshd": `Nov 21 09:10:02 gw sshd[801]: Connection closed by invalid user admin 198.51.100.3 port 40210 [preauth]
Nov 21 09:11:02 gw sshd[803]: Failed password for root from 198.51.100.3 port 40222 ssh2
Nov 21 09:30:00 gw sshd[810]: Connection reset by 192.0.2.7 port 50000
Nov 21 09:40:00 gw sshd[820]: error: kex_exchange_identification: Connection closed by remote host
`,
	"postfix": `Nov 21 09:00:02 gw postfix/smtpd[901]: lost connection after AUTH from unknown[198.51.100.8]
Nov 21 09:00:09 gw postfix/smtp[904]: connect to mx2.example.org[2001:db8::5]:25: Network is unreachable
Nov 21 09:00:10 gw postfix/smtp[904]: 4A1B3: to=<y@example.org>, relay=none, delay=300, status=deferred (connect to mx2.example.org: Connection timed out)
`,
	"PostgreSQL": `2026-11-21 10:05:00.050 UTC [720] ERROR:  relation "users" does not exist at character 15
2026-11-21 10:06:00.050 UTC [721] FATAL:  password authentication failed for user "web"
2026-11-21 10:06:30.050 UTC [722] LOG:  could not receive data from client: Connection reset by peer
`,
	"an access log": `192.0.2.7 - - [21/Nov/2026:10:00:02 +0000] "GET /favicon.ico HTTP/1.1" 404 153 "http://gateway.lan/" "Mozilla/5.0"
192.0.2.9 - admin [21/Nov/2026:10:00:08 +0000] "GET /admin HTTP/1.1" 401 179 "-" "curl/7.88.1"
192.0.2.7 - - [21/Nov/2026:10:00:09 +0000] "GET /report HTTP/1.1" 503 190 "-" "Mozilla/5.0"
`,
	"nginx": `2026/11/21 10:00:00 [notice] 812#812: start worker processes
2026/11/21 10:00:02 [error] 813#813: *1 open() "/var/www/html/favicon.ico" failed (2: No such file or directory), client: 192.0.2.7, server: _, request: "GET /favicon.ico HTTP/1.1", host: "gateway.lan"
2026/11/21 10:00:07 [error] 813#813: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.7, server: _, request: "GET /app HTTP/1.1"
2026/11/21 10:00:09 [info] 813#813: *5 SSL_do_handshake() failed (SSL: error:0A000416:SSL routines::sslv3 alert certificate unknown) while SSL handshaking, client: 192.0.2.8
`,
	"haproxy": `Nov 21 10:00:06 gw haproxy[902]: 192.0.2.7:51236 [21/Nov/2026:10:00:06.001] front back/s2 0/0/0/1/1 503 187 - - SC-- 1/1/0/0/0 0/0 "GET /app HTTP/1.1"
Nov 21 10:00:08 gw haproxy[902]: Server back/s2 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 1 active and 0 backup servers left.
`,
	"stunnel": `2026.11.21 10:00:02 LOG5[0]: Service [web] accepted connection from 127.0.0.1:40000
2026.11.21 10:00:02 LOG3[0]: SSL_accept: ssl/record/rec_layer_s3.c:1588: error:0A000418:SSL routines::tlsv1 alert unknown ca
2026.11.21 10:00:02 LOG5[0]: Connection reset: 0 byte(s) sent to TLS, 0 byte(s) sent to socket
`,
	"wget without a robots.txt": `2026-11-21 20:24:33 URL:http://192.0.2.1/ [44/44] -> "out/index.html" [1]
http://192.0.2.1/robots.txt:
2026-11-21 20:24:33 ERROR 404: File not found.
2026-11-21 20:24:33 URL:http://192.0.2.1/a/x.html [2/2] -> "out/a/x.html" [1]
`,
	"pip behind a slow resolver": `Processing ./demo
WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/demo/
Successfully built demo
`,
	"Apache": `[Sat Nov 21 22:00:47.087152 2026] [proxy:error] [pid 68:tid 76] (111)Connection refused: AH00957: HTTP: attempt to connect to 127.0.0.1:9091 (127.0.0.1) failed
[Sat Nov 21 22:00:48.087152 2026] [ssl:info] [pid 68:tid 76] [client 192.0.2.7:40000] AH02008: SSL library error 1 in handshake (server gw:443)
`,
	"Caddy": `{"level":"error","ts":1795298591.419882,"logger":"http.log.error","msg":"dial tcp 127.0.0.1:9091: connect: connection refused","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/app"},"status":502}
{"level":"info","ts":1795298591.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/robots.txt"},"status":404}
`,
	"uWSGI": `[pid: 939|app: 0|req: 1/1] 192.0.2.7 () {24 vars in 247 bytes} [Sat Nov 21 22:03:35 2026] GET /x => generated 3 bytes in 0 msecs (HTTP/1.1 404) 1 headers in 45 bytes
[pid: 939|app: 0|req: 2/2] 192.0.2.7 () {24 vars in 253 bytes} [Sat Nov 21 22:03:36 2026] GET /bad => generated 0 bytes in 0 msecs (HTTP/1.1 500) 0 headers in 0 bytes
`,
	"PHP-FPM": `[21-Nov-2026 22:03:01] WARNING: [pool www] child 691 said into stderr: "NOTICE: PHP message: PHP Warning:  file_get_contents(http://meter.lan/): Failed to open stream: Connection refused in /srv/www/a.php on line 1"
`,
	"named": `21-Nov-2026 22:07:42.564 network unreachable resolving './DNSKEY/IN': 2001:7fe::53#53
21-Nov-2026 22:07:42.564 zone sec.example/IN: refresh: failure trying primary 192.0.2.9#53 (source 0.0.0.0#0): connection refused
`,
	"nsd": `[2026-11-21 22:07:59.227] nsd[155]: error: sec.example: Could not tcp connect to 192.0.2.9: Connection refused
`,
	"hitch": `20261121T220639.385623 [  312] 192.0.2.7:43646 :0 7:8 Handshake failure: error:0A000418:SSL routines::tlsv1 alert unknown ca
`,
	"Squid": `2026/11/21 22:24:10 kid1| comm_udp_sendto FD 9, (family=2) 192.0.2.53:53: (101) Network is unreachable
`,
	"MiniDLNA": `[2026/11/21 22:23:44] upnphttp.c:1060: warn: /robots.txt not found, responding ERROR 404
`,
	"a registry of containers": `time="2026-11-21T22:42:54Z" level=error msg="response completed with error" err.code="manifest unknown" http.request.method=GET http.request.remoteaddr="192.0.2.7:4000" http.response.status=404
`,
	"Prometheus": `ts=2026-11-21T22:42:26.516Z caller=notifier.go:532 level=error component=notifier alertmanager=http://192.0.2.9/api/v2/alerts count=1 msg="Error sending alert" err="dial tcp 192.0.2.9:9093: connect: connection refused"
`,
	"svnserve": `476 2026-11-21T22:43:07.488003Z 192.0.2.7 - - ERR - 0 104 Can't read from connection: Connection reset by peer
`,
	"Tor": `Nov 21 22:43:49.000 [info] connection_connect_sockaddr(): connect() to socket failed: Network is unreachable
`,
	"rsyslog": `rsyslogd: cannot connect to 192.0.2.9:514: Connection refused [v8.2302.0 try https://www.rsyslog.com/e/2027 ]
`,
	"webfs": `read: Connection reset by peer (peer=192.0.2.7)
`,
	"systemd-timesyncd": `Nov 21 10:00:00 gw systemd-timesyncd[290]: Failed to resolve ntp.example.net: Temporary failure in name resolution
`,
	"firewalls": `CEF:0|ACME|Firewall|6.6.1|9005|Communication-Error|0|dvc=192.0.2.40 msg=Communication error: No route to host (-3, 5, 0)
<14>1 2026-11-21T11:12:46.573+01:00 gw RT_FLOW - RT_FLOW_SESSION_DENY [junos@2636 source-address="192.0.2.26" reason="Denied by policy" service-name="firmware update"]
<30>device="SFW" date=2026-11-21 time=14:38:46 log_type="WAF" log_component="Web Application Firewall" method=POST httpstatus=401 reason="-"
`,
	"routes, telephones, a data base": `Nov 21 10:00:00 gw bird[801]: Netlink: No route to host
[2026-11-21 17:53:59] NOTICE[1638] chan_iax2.c: Host 192.0.2.4 failed to authenticate as '100', connection reset by peer
2026-11-21T00:04:00.110+0100 I NETWORK [conn1] SocketException handling request, closing client connection: Connection reset by peer
`,
	"the called side of TLS": `Nov 21 09:38:46 gw pop3-login: Disconnected: TLS handshaking: SSL_accept() failed: error:140760FC:SSL routines:SSL23_GET_CLIENT_HELLO:unknown protocol
`,
	"MySQL": `2026-11-21T10:00:00.000000Z 12 [Note] Aborted connection 12 to db: 'app' user: 'web' host: '192.0.2.7' (Got timeout reading communication packets)
2026-11-21T10:00:03.000000Z 14 [Note] Access denied for user 'root'@'198.51.100.4' (using password: YES)
`,
}

func answer(t *testing.T, log string) *diagnosis.Answer {
	t.Helper()
	base, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e, err := diagnosis.New(base)
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Diagnose(context.Background(), diagnosis.Case{Inputs: []diagnosis.Input{{Name: "log", Reader: strings.NewReader(log)}}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestServicesAtWork holds that what services beside an update write of their own connections is no cause of its failure,
// and that what they write of the storage is.
func TestServicesAtWork(t *testing.T) {
	for name, log := range servicesAtWork {
		if a := answer(t, strings.Repeat(log, 3)); a.Cause != diagnosis.None && a.Cause != diagnosis.CannotTell || len(a.Conclusions) > 0 {
			t.Errorf("%s: %s (%s)", name, a.Cause, a.Grade)
		}
	}
	full := `2026-11-21 10:05:00.050 UTC [720] PANIC:  could not write to file "pg_wal/xlogtemp.720": No space left on device
Nov 21 10:05:02 gw sshd[820]: error: could not write lastlog: No space left on device
`
	if a := answer(t, full); a.Cause.Class() != "space" {
		t.Errorf("a full disk that a service met: %s", a.Cause)
	}
	own := `Nov 21 10:05:02 gw swupdate[77]: Channel get operation failed (56): 'Failure when receiving data from the peer'
Nov 21 10:05:02 gw sshd[820]: Connection reset by 192.0.2.7 port 50000
`
	if a := answer(t, own); a.Cause.Class() != "network" || len(a.Conclusions[0].For) != 1 {
		t.Errorf("the updater's own words beside a service's: %+v", a.Conclusions)
	}
}
