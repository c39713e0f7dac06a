package logs

import (
	"testing"
	"time"
)

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		line, time, program, pid, message string
		since                             time.Duration
	}{
		{"[   12.345678] mmc0: error -110", "", "kernel", "", "mmc0: error -110", 12345678 * time.Microsecond},
		{"<6>[    0.000000] Linux version 6.1", "", "kernel", "", "Linux version 6.1", 0},
		{"[    1.500000][    T1] foo: bar baz", "", "kernel", "", "foo: bar baz", 1500 * time.Millisecond},
		{"Nov 21 14:31:14 gw rauc[412]: failed: no", "0000-11-21T14:31:14Z", "rauc", "412", "failed: no", -1},
		{"Nov  1 04:31:14 gw kernel: [    3.250000] mmc0: x", "0000-11-01T04:31:14Z", "kernel", "", "mmc0: x", 3250 * time.Millisecond},
		{"2026-11-21T14:31:14.123456+01:00 gw systemd[1]: Started.", "2026-11-21T13:31:14.123456Z", "systemd", "1", "Started.", -1},
		{"2026-11-21 14:31:14,123 INFO start", "2026-11-21T14:31:14.123Z", "", "", "INFO start", -1},
		{"[2026/11/21 14:31:14] start: now", "2026-11-21T14:31:14Z", "", "", "start: now", -1},
		{"11-21 14:31:14.123  1234  1245 E update_engine: it failed", "0000-11-21T14:31:14.123Z", "update_engine", "1234", "it failed", -1},
		{"11-21 14:31:14.123 E/update_engine( 1234): it failed", "0000-11-21T14:31:14.123Z", "update_engine", "1234", "it failed", -1},
		{"E/recovery( 1234): it failed", "", "recovery", "1234", "it failed", -1},
		{"E (1234) esp_image: bad", "", "esp_image", "", "bad", 1234 * time.Millisecond},
		{"[14:31:14] [    1.250000] usb 1-1: new", "0000-01-01T14:31:14Z", "kernel", "", "usb 1-1: new", 1250 * time.Millisecond},
		{"14:31:14.5 hello: world", "0000-01-01T14:31:14.5Z", "", "", "hello: world", -1},
		{"1763735474.250 tick", "2025-11-21T14:31:14.25Z", "", "", "tick", -1},
		{"<30>1 2026-11-21T14:31:14Z gw app: hello", "2026-11-21T14:31:14Z", "app", "", "hello", -1},
		{"Sat Nov 21 14:31:14 2026 daemon.err x: y", "2026-11-21T14:31:14Z", "x", "", "y", -1},
		{"swupdate[12]: [ERROR] : no", "", "swupdate", "12", "[ERROR] : no", -1},
		{"Error: no such file", "", "", "", "Error: no such file", -1},
		{"U-Boot 2023.01 (Jan 01 2023)", "", "", "", "U-Boot 2023.01 (Jan 01 2023)", -1},
		{"[ERROR] : it", "", "", "", "[ERROR] : it", -1},
		{"", "", "", "", "", -1},
		{"[", "", "", "", "[", -1},
		{"<", "", "", "", "<", -1},
		{"[  1.", "", "", "", "[  1.", -1},
		{"99:99:99 x", "", "", "", "99:99:99 x", -1},
	} {
		h := ParseHeader([]byte(c.line))
		when := ""
		if !h.Time.IsZero() {
			when = h.Time.UTC().Format(time.RFC3339Nano)
		}
		if when != c.time || h.Program != c.program || h.PID != c.pid || h.Since != c.since || c.line[h.Message:] != c.message {
			t.Errorf("%q: time %s, program %q, PID %q, since %v, message %q (%+v)", c.line, when, h.Program, h.PID, h.Since, c.line[h.Message:], h)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("<30>1 2026-11-21T14:31:14Z gw app: hello"))
	f.Add([]byte("11-21 14:31:14.123 E/update_engine( 1234): it failed"))
	f.Add([]byte("[14:31:14] [    1.250000][ T1] usb 1-1: new"))
	f.Add([]byte("Sat Nov 21 14:31:14 2026 x"))
	f.Add([]byte("E (12) a: b"))
	f.Fuzz(func(t *testing.T, line []byte) {
		h := ParseHeader(line)
		if h.AfterTime > h.AfterHost || h.AfterHost > h.Message || h.Message > len(line) {
			t.Fatalf("%q: %+v", line, h)
		}
	})
}
