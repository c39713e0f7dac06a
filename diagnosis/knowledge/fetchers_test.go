package knowledge

import (
	"testing"

	"salvor/diagnosis"
)

// Whoever fetches something is known by how it speaks, or how it was called: what a library says at the end of its log is the
// cause. The same words at the end of a log of somebody who serves are none.
func TestWhoFetches(t *testing.T) {
	const ends = "connect: Connection timed out\n"
	for _, log := range []string{
		"root@hub:~# curl -O http://updates.example.net/hub.bin\n" + ends,
		"$ sudo /usr/bin/wget -q http://updates.example.net/hub.bin\n" + ends,
		"  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n" + ends,
		"--2026-11-21 10:00:00--  http://updates.example.net/hub.bin\n" + ends,
		"Connecting to updates.example.net (192.0.2.10:80)\n" + ends,
		"wget: can't connect to remote host (192.0.2.10): Connection timed out\n",
		"Downloading firmware from https://updates.example.net/hub.bin\n" + ends,
		"ota: new version at https://updates.example.net/hub.bin\n" + ends,
		"requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='updates.example.net', port=443): Max retries exceeded (Caused by ConnectTimeoutError: Connection timed out)\n",
		`Get "https://updates.example.net/hub.bin": dial tcp 192.0.2.10:443: connect: connection timed out` + "\n",
		"java.net.SocketTimeoutException: Connection timed out\n",
	} {
		if a := answer(t, log); a.Cause.Class() != "network" {
			t.Errorf("%s (%s) for\n%s", a.Cause, a.Grade, log)
		}
	}
	for _, log := range []string{
		"peer 192.0.2.9 is at home\npeer 192.0.2.8: " + ends,
		"session 7 opened\nsession 7: recv: Connection reset by peer\n",
		"relay to http://192.0.2.8:8080/: connect: No route to host\n",
		"handshake with 192.0.2.8:5061: certificate verify failed (certificate has expired)\n",
		"proxy to meter.lan: Temporary failure in name resolution\n",
		"a client asks for /firmware.css\nanswer 404 Not Found\n",
	} {
		if a := answer(t, log); a.Cause != diagnosis.None && a.Cause != diagnosis.CannotTell {
			t.Errorf("%s (%s) for\n%s", a.Cause, a.Grade, log)
		}
	}
}
