//go:build linux

package rescue

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"salvor/casefile"
	secrets "salvor/diagnosis/mask"
	"salvor/internal/wire"
)

// secretLines are one secret of each kind, as logs have them.
var secretLines = []struct {
	kind         secrets.Kind
	secret, line string
}{
	{secrets.Key, "aGVsbG8gd29ybGQgdGhpcyBpcyBhIGtleSBvayBvaw==", "PrivateKey = %s"},
	{secrets.Key, "MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn", "-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----"},
	{secrets.Password, "Tr0ub4dor-3-horse", "login: password=%s"},
	{secrets.WiFi, "correcthorse99", "wpa_supplicant: psk=\"%s\""},
	{secrets.WiFi, "Smith-Family-5G", "wlan0: SSID='%s'"},
	{secrets.Token, "tok-8f7e6d5c4b3a2910", "Authorization: Bearer %s"},
	{secrets.Cookie, "sysauth=f00dfeed12345678", "Set-Cookie: %s; path=/"},
	{secrets.URL, "updater:s3cr3tPass", "GET https://%s@updates.example/fw.bin"},
	{secrets.Email, "jane.doe@example.com", "mail to %s failed"},
	{secrets.MAC, "a4:cf:12:6b:7e:3d", "eth0: address %s"},
	{secrets.Serial, "WD-WX91A12345", "Serial Number: %s"},
	{secrets.IMEI, "490154203237518", "modem: IMEI: %s"},
}

func secretLog() string {
	var b strings.Builder
	b.WriteString("Nov 21 09:00:01 gw rauc[412]: " + mismatch + "\n")
	for _, s := range secretLines {
		fmt.Fprintf(&b, s.line+"\n", s.secret)
	}
	return b.String() + "Nov 21 09:00:02 gw rauc[412]: installing failed\n"
}

// encoded are the ways in which a log is written.
func encoded(t *testing.T, text string) map[string][]byte {
	t.Helper()
	wide := func(order binary.AppendByteOrder) []byte {
		b := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, u)
		}
		return b
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := io.WriteString(z, text)
	must(t, err)
	must(t, z.Close())
	var export, asJSON, coloured bytes.Buffer
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		fmt.Fprintf(&export, "__REALTIME_TIMESTAMP=1700000000000000\nSYSLOG_IDENTIFIER=app\nMESSAGE\n%s%s\n\n", binary.LittleEndian.AppendUint64(nil, uint64(len(l))), l)
		var list []int
		for _, c := range []byte(l) {
			list = append(list, int(c))
		}
		line, err := json.Marshal(map[string]any{"__REALTIME_TIMESTAMP": "1700000000000000", "MESSAGE": list})
		must(t, err)
		asJSON.Write(append(line, '\n'))
		half := len(l) / 2
		coloured.WriteString("\x1b[31m" + l[:half] + "\x1b[0m" + l[half:] + "\x1b[K\r\n")
	}
	return map[string][]byte{"utf8.log": []byte(text), "utf16le.log": wide(binary.LittleEndian), "utf16be.log": wide(binary.BigEndian), "packed.log.gz": packed.Bytes(),
		"export.log": export.Bytes(), "json.log": asJSON.Bytes(), "coloured.log": coloured.Bytes(), "latin.log": append([]byte("Ger\xe4t gestartet\n"), text...)}
}

// opened returns what is in a bundle.
func openedBundle(t *testing.T, path string) map[string][]byte {
	t.Helper()
	z, err := zip.OpenReader(path)
	must(t, err)
	defer z.Close()
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		b, err := io.ReadAll(r)
		must(t, err)
		out[f.Name] = b
	}
	return out
}

// A secret of each kind, in each encoding, in notes and in logs on the device: none is in the bundle, however it is written;
// and no file of the user.
func TestBundleSecrets(t *testing.T) {
	u := newEMMC(t, 9)
	text := secretLog()
	u.withLogs(t, map[string][]byte{"var/log/messages": []byte(text), "home/jane/diary.txt": []byte("dear diary, nobody is to read this\n")})
	dir := u.cased(t)
	k, err := casefile.Open(dir, casefile.Writer, casefile.Options{Program: "salvor test"})
	must(t, err)
	files := encoded(t, text)
	for name, data := range files {
		_, err := k.AddNote(name, "from "+secretLines[8].secret, bytes.NewReader(data))
		must(t, err)
	}
	_, err = k.AddNote("photo.jpg", "", strings.NewReader("\xff\xd8\xff\xe0\x00\x10JFIF\x00"+strings.Repeat("\x00\x01\x02", 99)))
	must(t, err)
	must(t, k.Append("source.health", map[string]any{"words": "good", "registers": map[string]string{"cid": "1b534d30303030301012345678014300", "serial": "0x12345678"}}))
	must(t, k.Close())
	w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: dir}}})
	if w.evidence("rauc.compatible") == nil {
		t.Fatalf("%+v", w.Conclusions)
	}
	to := filepath.Join(u.dir, "b.zip")
	b, err := Bundle(t.Context(), BundleOptions{Case: dir, To: to, Program: "salvor test"})
	must(t, err)
	members := openedBundle(t, to)
	for name, data := range members {
		for _, s := range secretLines {
			for form, v := range map[string]string{"as it is": s.secret, "in capitals": strings.ToUpper(s.secret), "bare": strings.ReplaceAll(s.secret, ":", ""), "hex": hex.EncodeToString([]byte(s.secret))} {
				if bytes.Contains(data, []byte(v)) {
					t.Errorf("%s: a %s is left, %s", name, s.kind, form)
				}
			}
		}
		if bytes.Contains(data, []byte("dear diary")) || strings.Contains(name, "jane") || strings.Contains(name, "photo") {
			t.Errorf("%s is of the user", name)
		}
		if bytes.Contains(data, []byte("12345678014300")) {
			t.Errorf("%s tells the number of the card", name)
		}
	}
	logs := 0
	for name, data := range members {
		if strings.HasPrefix(name, "notes/") || strings.HasPrefix(name, "logs/") {
			logs++
			if !bytes.Contains(data, []byte("installing failed")) {
				t.Errorf("%s: the log is lost: %.200q", name, data)
			}
		}
	}
	if logs != len(files)+1 {
		t.Errorf("%d logs of %d", logs, len(files)+1)
	}
	if bytes.Contains(members["report.json"], []byte("diary.txt")) || !bytes.Contains(members["report.json"], []byte(`"layers"`)) {
		t.Error("the report is not what it should be")
	}
	kinds := map[secrets.Kind]bool{}
	for _, r := range b.Masked {
		kinds[r.Kind] = true
	}
	for _, s := range secrets.Kinds() {
		if !kinds[s] {
			t.Errorf("the list tells of no %s", s)
		}
	}
	var listed wire.Bundle
	must(t, json.Unmarshal(members["bundle.json"], &listed))
	for _, f := range listed.Files {
		if sha(members[f.Name]) != f.SHA256 || int64(len(members[f.Name])) != f.Size {
			t.Errorf("%s is not what the list says", f.Name)
		}
	}
	if len(listed.Files) != len(members)-2 || listed.Journal == "" {
		t.Errorf("%d files are listed, %d stand there", len(listed.Files), len(members))
	}
	for name, data := range members {
		if strings.HasSuffix(name, ".json") && !json.Valid(data) {
			t.Errorf("%s is no JSON: %.300q", name, data)
		}
	}
}

// The same case gives the same bytes, kept kinds stay, and nothing is written over.
func TestBundle(t *testing.T) {
	u := newEMMC(t, 10)
	u.withLogs(t, map[string][]byte{"var/log/messages": []byte(secretLog())})
	dir := u.cased(t)
	whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: dir}}})
	one, two, kept := filepath.Join(u.dir, "1.zip"), filepath.Join(u.dir, "2.zip"), filepath.Join(u.dir, "3.zip")
	before, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	must(t, err)
	for _, to := range []string{one, two} {
		_, err := Bundle(t.Context(), BundleOptions{Case: dir, To: to, Program: "p"})
		must(t, err)
	}
	if hashOf(t, one) != hashOf(t, two) {
		t.Error("two bundles of one case differ")
	}
	after, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the case was written to")
	}
	if _, err := Bundle(t.Context(), BundleOptions{Case: dir, To: one}); err == nil || ExitOf(err) != 40 {
		t.Errorf("over another: %v", err)
	}
	_, err = Bundle(t.Context(), BundleOptions{Case: dir, To: kept, Keep: []secrets.Kind{secrets.MAC, secrets.Serial}})
	must(t, err)
	all := slices.Concat(slices.Collect(mapValuesOf(openedBundle(t, kept)))...)
	if !bytes.Contains(all, []byte("a4:cf:12:6b:7e:3d")) || !bytes.Contains(all, []byte("WD-WX91A12345")) || bytes.Contains(all, []byte("correcthorse99")) {
		t.Error("what is kept, and what is not")
	}
}

func mapValuesOf(m map[string][]byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func TestWithoutFiles(t *testing.T) {
	v, err := withoutFiles(strings.NewReader(`{"v":1,"files":[{"path":"a"},{"path":"b"}],"summary":{"n":12345678901234567}}`))
	must(t, err)
	line, err := json.Marshal(v)
	must(t, err)
	if string(line) != `{"summary":{"n":12345678901234567},"v":1}` {
		t.Errorf("%s", line)
	}
	for _, bad := range []string{"", "[]", `{"files":{}}`, `{"files":[`, `{"a":`} {
		if _, err := withoutFiles(strings.NewReader(bad)); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
