package mask_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"salvor/diagnosis/mask"
)

// planted are secrets as programs write them, %s stands for the secret.
var planted = []struct {
	kind   mask.Kind
	secret string
	lines  []string
}{
	{mask.Password, "Tr0ub4dor&3-horse", []string{`password = "%s"`, `root password: '%s'`, `mysql --password='%s' -h db`, `{"adminPassword":"%s","a":1}`, `<userPassword>%s</userPassword>`, `option password '%s'`, "the password is \"%s\""}},
	{mask.Password, "hunter2hunter2", []string{`PASSWD=%s`, `login pwd: %s`, `sshpass -p %s ssh root@x`, `db_pass=%s`, `retry with passphrase=%s now`, `GET /setup?user=a&password=%s&x=1`, `{\"password\":\"%s\"}`, `password is %s`}},
	{mask.Password, "$6$rounds$abcDEF/ghiJKL.mno", []string{`root:%s:19000:0:99999:7:::`}},
	{mask.Password, "cm9vdDpodW50ZXIy", []string{`Authorization: Basic %s`}},
	{mask.WiFi, "correcthorse99", []string{`psk="%s"`, `wpa_passphrase=%s`, `option key '%s'`, `wifi_password: %s`, `sae_password=%s`, `CONFIG_WIFI_PSK="%s"`}},
	{mask.WiFi, "Smith-Family-5G", []string{`wlan0: Trying to associate with SSID '%s'`, `ssid="%s"`, `I (3129) wifi:connected with %s, aid = 1, channel 6, BW20`, `option ssid '%s'`, `SSID: %s`}},
	{mask.Token, "tok-8f7e6d5c4b3a2910", []string{`access_token=%s`, `Authorization: Bearer %s`, `Authorization: GatewayToken %s`, `api_key: "%s"`, `client_secret=%s&grant_type=x`, `https://u.example/f.bin?sig=%s`, `X-Auth-Token: %s`}},
	{mask.Token, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", []string{`got %s from server`}},
	{mask.Token, "ghp_0123456789abcdefghijklmn", []string{`cloning with %s`}},
	{mask.Cookie, "sysauth=f00dfeed12345678; lang=en", []string{`Set-Cookie: %s`, `> Cookie: %s`}},
	{mask.URL, "updater:s3cr3tP@ss", []string{`downloading https://%s@updates.example/fw.bin`, `ftp://%s@10.0.0.1/x`}},
	{mask.Email, "jane.doe@example.com", []string{`notify %s failed`, `From: Jane <%s>`, `mailto=jane%%40... %s`}},
	{mask.MAC, "a4:cf:12:6b:7e:3d", []string{`eth0: link up, %s`, `DHCPACK(br-lan) 192.168.1.7 %s phone`, `ethaddr=%s`, `BSSID %s`}},
	{mask.MAC, "A4-CF-12-6B-7E-99", []string{`Physical Address: %s`}},
	{mask.MAC, "a4cf.126b.7e55", []string{`mac-address-table %s dynamic`}},
	{mask.MAC, "a4cf126b7e77", []string{`mac: %s`, `base_mac=0x%s`}},
	{mask.Serial, "WD-WX91A12345", []string{`Serial Number: %s`, `usb 1-1: SerialNumber: %s`, `androidboot.serialno=%s`, `ID_SERIAL_SHORT=%s`, `S/N: %s`, `{"serial":"%s"}`}},
	{mask.IMEI, "490154203237518", []string{`IMEI: %s`, `ril: imei=%s`, `modem 1 %s registered`}},
	{mask.Key, "aGVsbG8gd29ybGQgdGhpcyBpcyBhIGtleSBvayBvaw==", []string{`PrivateKey = %s`, `encryption_key: %s`, `signing_key="%s"`}},
}

// encodings are the ways in which logs are written.
var encodings = map[string]func(string) []byte{
	"UTF-8":    func(s string) []byte { return []byte(s) },
	"CR LF":    func(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) },
	"UTF-16LE": func(s string) []byte { return utf16Bytes(s, binary.LittleEndian) },
	"UTF-16BE": func(s string) []byte { return utf16Bytes(s, binary.BigEndian) },
	"Latin-1":  func(s string) []byte { return append([]byte("Ger\xe4t gestartet, Gr\xfc\xdfe\n"), s...) },
	"colours": func(s string) []byte {
		return []byte("\x1b[0;32m" + strings.ReplaceAll(s, "=", "\x1b[1m=\x1b[0m") + "\x1b[0m\n")
	},
	"escapes inside": func(s string) []byte {
		var b bytes.Buffer
		for i, c := range []byte(s) {
			if i%7 == 3 && c != '\n' {
				b.WriteString("\x1b[0m")
			}
			b.WriteByte(c)
		}
		return b.Bytes()
	},
	"NULs": func(s string) []byte { return []byte(strings.ReplaceAll(s, " ", "\x00 ")) },
	"gzip": func(s string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		_ = z.Close()
		return b.Bytes()
	},
	"journal export": func(s string) []byte {
		var b bytes.Buffer
		for _, l := range strings.Split(strings.TrimSpace(s), "\n") {
			fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=1700000000000000\nSYSLOG_IDENTIFIER=app\nMESSAGE=%s\n\n", l)
		}
		return b.Bytes()
	},
	"journal export, binary": func(s string) []byte {
		b := bytes.NewBufferString("__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE\n")
		_ = binary.Write(b, binary.LittleEndian, uint64(len(s)))
		b.WriteString(s + "\n\n")
		return b.Bytes()
	},
	"journal JSON": func(s string) []byte {
		var b bytes.Buffer
		for _, l := range strings.Split(strings.TrimSpace(s), "\n") {
			line, _ := json.Marshal(map[string]string{"__REALTIME_TIMESTAMP": "1700000000000000", "MESSAGE": l})
			b.Write(append(line, '\n'))
		}
		return b.Bytes()
	},
	"journal JSON, bytes": func(s string) []byte {
		var list []int
		for _, c := range []byte(s) {
			list = append(list, int(c))
		}
		line, _ := json.Marshal(map[string]any{"__REALTIME_TIMESTAMP": "1700000000000000", "MESSAGE": list})
		return append(line, '\n')
	},
	"kernel": func(s string) []byte {
		return []byte("<6>[   12.345678] " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n<6>[   12.345679] ") + "\n")
	},
}

func utf16Bytes(s string, order binary.ByteOrder) []byte {
	b := &bytes.Buffer{}
	_ = binary.Write(b, order, append([]uint16{0xfeff}, utf16.Encode([]rune(s))...))
	return b.Bytes()
}

func read(t *testing.T, raw []byte) string {
	t.Helper()
	text, cut, err := mask.Text(context.Background(), bytes.NewReader(raw), 1<<20)
	if err != nil || cut {
		t.Fatal(cut, err)
	}
	return text
}

// Each secret in each form in each encoding: none is left, the list tells of it, and the rest of the line stays.
func TestPlanted(t *testing.T) {
	for name, encode := range encodings {
		for _, p := range planted {
			for _, form := range p.lines {
				line := fmt.Sprintf(form, p.secret)
				text := read(t, encode("begin of log\n"+line+"\nupdate failed: error 7\n"))
				if !strings.Contains(text, "update failed") {
					t.Fatalf("%s: the log is not read: %q", name, text)
				}
				m := mask.New()
				m.Learn(text)
				out := m.Mask("a.log", text)
				if strings.Contains(out, p.secret) {
					t.Errorf("%s: %s is left: %q", name, p.kind, out)
				}
				if !strings.Contains(out, "["+string(p.kind)+"-") && !strings.Contains(form, "Authorization") {
					t.Errorf("%s: not masked as %s: %q", name, p.kind, out)
				}
				if !strings.Contains(out, "update failed: error 7") || !strings.Contains(out, "begin of log") {
					t.Errorf("%s: too much is masked: %q", name, out)
				}
				if len(m.Rows()) == 0 || m.Rows()[0].File != "a.log" {
					t.Errorf("%s: rows %v", name, m.Rows())
				}
			}
		}
	}
}

const pem = `-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MaXbF1T8kq
YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9wcX
QUI=
-----END RSA PRIVATE KEY-----`

func TestPrivateKey(t *testing.T) {
	for name, encode := range encodings {
		text := read(t, encode("before\n"+pem+"\nafter all\n"))
		m := mask.New()
		m.Learn(text)
		out := m.Mask("a", text)
		for _, l := range []string{"MIIEow", "YWJjZGVm", "QUI="} {
			if strings.Contains(out, l) {
				t.Errorf("%s: %q is left of the key: %q", name, l, out)
			}
		}
		if !strings.Contains(out, "after all") || !strings.Contains(out, "before") {
			t.Errorf("%s: too much is masked: %q", name, out)
		}
	}
	one := strings.ReplaceAll(pem, "\n", `\n`)
	if out := mask.New().Mask("a", `{"key":"`+one+`","b":1}`); strings.Contains(out, "MIIE") || !strings.Contains(out, `"b":1`) {
		t.Errorf("a key in one line: %q", out)
	}
}

// The same value has the same name, wherever and however it is written.
func TestSame(t *testing.T) {
	m := mask.New()
	first := "ethaddr=a4:cf:12:6b:7e:3d\npassword=hunter2hunter2\n"
	second := "station A4-CF-12-6B-7E-3D, id a4cf126b7e3d, other b4:cf:12:6b:7e:3d\nlogged in with hunter2hunter2, url " + url.QueryEscape("hunter2hunter2") + ", " + base64.StdEncoding.EncodeToString([]byte("hunter2hunter2")) + "\n"
	m.Learn(second)
	m.Learn(first)
	out := m.Mask("1", second)
	if strings.Count(out, "[mac-1]") != 2 || strings.Count(out, "[mac-2]") != 1 || strings.Count(out, "[password-1]") != 3 {
		t.Errorf("second: %q", out)
	}
	if out := m.Mask("2", first); out != "ethaddr=[mac-1]\npassword=[password-1]\n" {
		t.Errorf("first: %q", out)
	}
	var n int
	for _, r := range m.Rows() {
		if strings.Contains(fmt.Sprint(r), "hunter2") || strings.Contains(fmt.Sprint(r), "a4:cf") {
			t.Errorf("the list tells the value: %v", r)
		}
		if r.File == "1" {
			n += r.Count
		}
	}
	if n != 6 {
		t.Errorf("%d masked in the second text: %v", n, m.Rows())
	}
	if again := m.Mask("1", out); again != m.Mask("1", again) || strings.Count(again, "[mac-1]") != 2 {
		t.Errorf("masked twice: %q", again)
	}
}

func TestKeep(t *testing.T) {
	line := "Serial Number: WD-WX91A12345 at a4:cf:12:6b:7e:3d password=hunter2hunter2\n"
	kinds, err := mask.ParseKinds("serial, mac")
	if err != nil {
		t.Fatal(err)
	}
	if out := mask.New(kinds...).Mask("a", line); out != "Serial Number: WD-WX91A12345 at a4:cf:12:6b:7e:3d password=[password-1]\n" {
		t.Errorf("kept: %q", out)
	}
	if _, err := mask.ParseKinds("names"); err == nil {
		t.Error("an unknown kind passed")
	}
}

// Lines of ordinary logs stay as they are.
func TestHarmless(t *testing.T) {
	for _, line := range []string{
		"serial8250: ttyS0 at MMIO 0x10000 (irq = 20, base_baud = 1500000) is a 16550A",
		"usb 1-1: New USB device strings: Mfr=1, Product=2, SerialNumber=3",
		"Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled",
		"systemd[1]: Started getty@tty1.service - Getty on tty1.",
		"Nov 21 12:34:56 gw rauc[412]: Compatible mismatch: Expected 'acme,gw' but bundle manifest has 'acme,hub'",
		"2026-11-21T12:34:56.789Z update_engine: ErrorCode 7 at 2026-11-20 10:11:12",
		"mtd: partition \"rootfs\" extends beyond the end of device",
		"SHA256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  fw.bin",
		"uuid 5d3a3f5e-8d0e-4a53-9b53-1d2e4f5a6b7c offset 0x00400000",
		"curl: (60) SSL certificate problem: certificate has expired",
		"server 10.0.0.1:8080 answered 503 in 0.25 s",
		"the token expired; sign in again",
		"random: crng init done; bad CRC, using default environment",
		"eth0: ff:ff:ff:ff:ff:ff and 00:00:00:00:00:00",
		"http://updates.example/fw.bin?version=2.4.0",
	} {
		m := mask.New()
		m.Learn(line)
		if out := m.Mask("a", line); out != line {
			t.Errorf("%q became %q", line, out)
		}
	}
}

func TestText(t *testing.T) {
	long := strings.Repeat("a line of a log\n", 1000)
	text, cut, err := mask.Text(context.Background(), strings.NewReader(long), 100)
	if err != nil || !cut || len(text) != 100 {
		t.Errorf("%d bytes, cut %v, %v", len(text), cut, err)
	}
}

// Damage and chance never end in a panic, and what is masked stays masked.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all strings.Builder
	for _, p := range planted {
		for _, l := range p.lines {
			fmt.Fprintf(&all, l+"\n", p.secret)
		}
	}
	for range 200 {
		b := []byte(all.String() + pem)
		for range 20 {
			b[r.IntN(len(b))] = byte(r.IntN(256))
		}
		text := read(t, b)
		m := mask.New()
		m.Learn(text)
		if out := m.Mask("a", text); strings.Count(out, "\n") != strings.Count(text, "\n") {
			t.Fatal("lines are lost")
		}
	}
}

func FuzzMask(f *testing.F) {
	for _, p := range planted {
		f.Add(fmt.Sprintf(p.lines[0], p.secret))
	}
	f.Add(pem)
	f.Fuzz(func(t *testing.T, text string) {
		m := mask.New()
		m.Learn(text)
		m.Mask("a", m.Mask("a", text))
	})
}

func TestNamed(t *testing.T) {
	m := mask.New()
	for _, c := range []struct{ name, value, want string }{
		{"serial", "WD WX91 \"A12345\"", "[serial-1]"},
		{"password", "a b'c", "[password-1]"},
		{"words", "link a4:cf:12:6b:7e:3d up", "link [mac-1] up"},
		{"model", "ACME GW-100", "ACME GW-100"},
		{"sha256", strings.Repeat("0a", 32), strings.Repeat("0a", 32)},
		{"first_mib", strings.Repeat("0b", 32), strings.Repeat("0b", 32)},
		{"imei", "490154203237518", "[imei-1]"},
	} {
		if got := m.Named("f", c.name, c.value); got != c.want {
			t.Errorf("%s %q: %q, expected %q", c.name, c.value, got, c.want)
		}
	}
}
