package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"salvor/diagnosis"
	"salvor/diagnosis/knowledge"
)

// speed reads logs of several kinds, each of size bytes, and writes how fast that went and the peak of memory.
// Of the kinds only those whose names contain only.
func speed(w io.Writer, size int64, only string) error {
	base, err := knowledge.Embedded()
	if err != nil {
		return err
	}
	e, err := padded(base, 1500)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| log | patterns | MB | seconds | MB/s | seconds of CPU | MB/s of a core | peak MiB | told of limits |\n|---|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, k := range kinds() {
		if !strings.Contains(k.name, only) {
			continue
		}
		start, cpu := time.Now(), cpuSeconds()
		peak := watch()
		a, err := e.Diagnose(context.Background(), diagnosis.Case{Inputs: []diagnosis.Input{
			{Name: k.name, Reader: io.LimitReader(&repeater{piece: k.piece}, size)}}})
		if err != nil {
			return err
		}
		limits := "no"
		if len(a.Problems) > 0 {
			limits = "yes"
		}
		seconds := time.Since(start).Seconds()
		cpu = cpuSeconds() - cpu
		mb := float64(size) / 1e6
		fmt.Fprintf(w, "| %s | %d | %.0f | %.2f | %.0f | %.2f | %.0f | %d | %s |\n", k.name, e.Patterns(), mb, seconds, mb/seconds, cpu, mb/cpu, peak()>>20, limits)
	}
	if only != "" {
		return nil
	}
	return compare(w, base, e, size/10)
}

// repeater gives a piece again and again.
type repeater struct {
	piece []byte
	at    int
}

func (r *repeater) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], r.piece[r.at:])
		n += m
		r.at = (r.at + m) % len(r.piece)
	}
	return n, nil
}

type logKind struct {
	name  string
	piece []byte
}

// kinds are logs as they are, and as an attacker would have them.
func kinds() []logKind {
	var syslog bytes.Buffer
	for i := range 20000 {
		fmt.Fprintf(&syslog, "Nov 21 %02d:%02d:%02d gateway %s\n", i/3600%24, i/60%60, i%60, ordinary[i*7919%len(ordinary)])
		if i%500 == 0 {
			fmt.Fprintf(&syslog, "Nov 21 %02d:%02d:%02d gateway %s\n", i/3600%24, i/60%60, i%60, failing[i/500%len(failing)])
		}
	}
	var words bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		fmt.Fprintf(&words, "Nov 21 %02d:%02d:%02d gw-%d %s[%d]:", i/3600%24, i/60%60, i%60, i%9, usual[r.IntN(len(usual))], r.IntN(9999))
		for range 3 + r.IntN(9) {
			words.WriteByte(' ')
			words.WriteString(usual[r.IntN(len(usual))])
		}
		words.WriteByte('\n')
	}
	hostile := bytes.Repeat([]byte("cp: error writing '/x': No space left on device "), 1000)
	return []logKind{
		{"a usual log", syslog.Bytes()},
		{"words of messages", words.Bytes()},
		{"failures only", []byte(failing[0] + "\n" + failing[1] + "\n" + failing[2] + "\n" + failing[3] + "\n")},
		{"one line", bytes.ReplaceAll(syslog.Bytes(), []byte("\n"), []byte(" "))},
		{"one line of failures", hostile},
		{"NULs", bytes.Repeat([]byte{0}, 1<<16)},
		{"invalid UTF-8", bytes.Repeat([]byte("\xff\xfe\x80\xc3\x28 noise\n"), 1<<12)},
		{"escapes", bytes.ReplaceAll(syslog.Bytes(), []byte("gateway"), []byte("\x1b[1;32mgateway\x1b[0m"))},
		{"ReDoS", append(bytes.Repeat([]byte("aaaaaaaaaaaaaaaaaaaaaaaa!"), 4000), '\n')},
	}
}

var ordinary = []string{
	"systemd[1]: Started Daily apt download activities.",
	"dhclient[812]: DHCPACK of 192.0.2.17 from 192.0.2.1",
	"kernel: [ 1234.567890] usb 1-1.2: new high-speed USB device number 7 using xhci_hcd",
	"CRON[2211]: (root) CMD (test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; })",
	"sshd[991]: Accepted publickey for admin from 192.0.2.44 port 51234 ssh2",
	"NetworkManager[551]: <info>  [1763735474.1234] device (eth0): state change: config -> ip-config",
	"mosquitto[702]: New client connected from 192.0.2.9 as sensor-12 (p2, c1, k60).",
	"app[1301]: temperature=21.4 humidity=44 pressure=1013 uptime=93312",
	"kernel: [ 1299.100000] IPv6: ADDRCONF(NETDEV_CHANGE): wlan0: link becomes ready",
	"systemd-timesyncd[330]: Initial synchronization to time server 192.0.2.1:123.",
	"wpa_supplicant[601]: wlan0: WPA: Group rekeying completed with 02:00:00:00:00:01 [GTK=CCMP]",
}

// usual are words that messages of failures are made of too.
var usual = strings.Fields("address buffer check cron daemon debug driver eth0 event handler info interface kernel link memory network packet process queue " +
	"service session started state status stopped systemd thread timer update usb user wlan")

var failing = []string{
	"rauc[412]: Compatible mismatch: Expected 'acme,gw' but bundle manifest has 'acme,hub'",
	"kernel: [ 1301.000000] blk_update_request: I/O error, dev mmcblk0, sector 123456 op 0x0:(READ)",
	"swupdate[77]: [ERROR] : SWUPDATE failed [0] ERROR : HASH mismatch : abc <--> def",
	"cp[99]: error writing '/mnt/image.bin': No space left on device",
}

// watch returns a function that ends the watching and gives the most bytes that the program had from the system.
func watch() func() uint64 {
	runtime.GC()
	done, result := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.Sys-m.HeapReleased)
			select {
			case <-tick.C:
			case <-done:
				result <- most
				return
			}
		}
	}()
	return func() uint64 { close(done); return <-result }
}
