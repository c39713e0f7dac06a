//go:build linux

package rescue

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/casefile"
	"salvor/diagnosis"
	"salvor/diagnosis/plan"
	"salvor/host"
	"salvor/internal/need"
)

const mismatch = "Compatible mismatch: Expected 'acme,gw' but bundle manifest has 'acme,hub'"

// journalFile is a journal of systemd with entries of RAUC.
func journalFile(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("../diagnosis/journald/testdata/zstd.journal.gz")
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	b, err := io.ReadAll(z)
	must(t, err)
	return bytes.TrimRight(b, "\x00")
}

// withLogs puts a file system with these files onto the disk's last partition.
func (u *updated) withLogs(t *testing.T, files map[string][]byte) {
	t.Helper()
	root := filepath.Join(u.dir, "root")
	for name, data := range files {
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, data, 0o600))
	}
	image := filepath.Join(u.dir, "data.img")
	command(t, need.Tool(t, "mke2fs"), "-q", "-t", "ext4", "-L", "data", "-b", "1024", "-O", "^has_journal", "-d", root, image, "512k")
	b, err := os.ReadFile(image)
	must(t, err)
	copy(u.image[6272*512:], b)
}

// cased rescues the disk as it is now.
func (u *updated) cased(t *testing.T) string {
	t.Helper()
	image, dir := filepath.Join(u.dir, "disk-now.img"), filepath.Join(u.dir, "case")
	must(t, os.WriteFile(image, u.image, 0o600))
	_, err := rescued(t, image, dir, nil, nil)
	must(t, err)
	return dir
}

func whyOf(t *testing.T, o WhyOptions) *Why {
	t.Helper()
	o.Program = "salvor test"
	w, err := FindWhy(context.Background(), o, &listener{})
	must(t, err)
	return w
}

func (w *Why) value(name string) string {
	for _, f := range w.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (w *Why) evidence(rule string) *diagnosis.Evidence {
	for i := range w.Conclusions {
		for k := range w.Conclusions[i].For {
			if w.Conclusions[i].For[k].Rule == rule {
				return &w.Conclusions[i].For[k]
			}
		}
	}
	return nil
}

func (w *Why) has(s plan.Stage) bool {
	return slices.ContainsFunc(w.Plan.Steps, func(x plan.Step) bool { return x.Stage == s })
}

// Logs inside the file systems of a case, the journal among them, and how far the package got.
func TestWhyCase(t *testing.T) {
	u := newEMMC(t, 1)
	journal := journalFile(t)
	u.withLogs(t, map[string][]byte{
		"var/log/messages":                    []byte("Nov 21 09:00:00 gw kernel: [    0.000000] Linux version 5.15\nNov 21 09:00:01 gw app[1]: started\n"),
		"var/log/journal/0123/system.journal": journal,
		"var/lib/systemd/pstore/dmesg.txt":    []byte("<6>[   12.0] app: pumping\n"),
		"var/log/wtmp":                        bytes.Repeat([]byte("no log"), 50),
		"home/someone/diary.txt":              []byte("dear diary\n"),
	})
	copy(u.image[u.b:], u.new[:len(u.new)/2])
	dir := u.cased(t)
	w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: dir}, {Name: u.pack}}})
	var read []string
	for _, r := range w.Read {
		read = append(read, r.Kind+" "+strings.TrimPrefix(r.Name, dir))
	}
	all := strings.Join(read, "\n")
	for _, want := range []string{"case ", "/var/log/messages", "journal :v", "pstore/dmesg.txt"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not read:\n%s", want, all)
		}
	}
	for _, not := range []string{"diary", "wtmp"} {
		if strings.Contains(all, not) {
			t.Errorf("%q was read:\n%s", not, all)
		}
	}
	e := w.evidence("rauc.compatible")
	if e == nil {
		t.Fatalf("the journal says nothing: %+v", w.Conclusions)
	}
	if got := string(journal[e.Place.Offset : e.Place.Offset+e.Place.Length]); got != mismatch || !strings.Contains(e.Place.Input, ":v") {
		t.Errorf("the quote's place is %+v, where %q stands", e.Place, got)
	}
	if w.value("compare.state") != "partial" && w.value("compare.state") == "" {
		t.Errorf("how far the update got: %q", w.value("compare.state"))
	}
	if w.value("space.free") == "" || !w.Kept || w.Case != dir {
		t.Errorf("free %q, kept %v, notes %v", w.value("space.free"), w.Kept, w.Notes)
	}
	c, err := casefile.Open(dir, casefile.Reader, casefile.Options{})
	must(t, err)
	defer c.Close()
	a, err := c.Answer()
	must(t, err)
	if a == nil || a.Diagnosis.Cause != string(w.Cause) {
		t.Errorf("the case keeps %+v", a)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	must(t, err)
	if !bytes.Contains(page, []byte("Why the update failed")) {
		t.Error("the report does not say why")
	}
}

// An image serves as a case does, as far as it goes.
func TestWhyImage(t *testing.T) {
	u := newEMMC(t, 2)
	u.withLogs(t, map[string][]byte{"var/log/rauc.log": []byte("Nov 21 09:00:01 gw rauc[412]: " + mismatch + "\n")})
	image := filepath.Join(u.dir, "flash.img")
	must(t, os.WriteFile(image, u.image, 0o600))
	w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: image}}})
	e := w.evidence("rauc.compatible")
	if e == nil || e.Place.Line != 1 || !strings.HasSuffix(e.Place.Input, "/var/log/rauc.log") {
		t.Fatalf("%+v, read %v", e, w.Read)
	}
	if w.Kept || w.has("reset") {
		t.Error("an image is no case")
	}
}

// What tables and volumes say of themselves answers where no log does: the example's first partition table is gone.
func TestWhyExample(t *testing.T) {
	w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: exampleImage}}})
	e := w.evidence("generic.table-backup")
	if w.Cause != "corruption.table" || w.Grade < diagnosis.Likely || e == nil || e.Place.Offset != 16<<20-512 {
		t.Errorf("%s, %s, %+v", w.Cause, w.Grade, e)
	}
}

// legacy makes a legacy image of U-Boot (doc/uImage.FIT, include/image.h).
func legacy(data []byte) []byte {
	h := make([]byte, 64)
	binary.BigEndian.PutUint32(h, 0x27051956)
	binary.BigEndian.PutUint32(h[12:], uint32(len(data)))
	binary.BigEndian.PutUint32(h[24:], crc32.ChecksumIEEE(data))
	h[28], h[29], h[30] = 5, 2, 7 // Linux, ARM, a file system
	copy(h[32:], "gateway rootfs")
	binary.BigEndian.PutUint32(h[4:], crc32.ChecksumIEEE(h))
	return append(h, data...)
}

// A fault that is the same in the file and on the storage came with the download; one on the storage alone did not.
func TestWhySameFault(t *testing.T) {
	for _, c := range []struct {
		name        string
		file, flash int // bytes that are wrong; 0 for none
		written     int // of the package, in percent
		fact, whole string
	}{
		{"in both", 5000, 5000, 100, "YES", "NO"},
		{"on the storage alone", 0, 0, 50, "NO", "OK"},
		{"nowhere", 0, 0, 100, "", "OK"},
	} {
		u := newEMMC(t, 4)
		pack := legacy(u.new)
		if c.file > 0 {
			pack[c.file] ^= 0x55
		}
		u.packed(t, pack)
		copy(u.image[u.b:], pack[:len(pack)*c.written/100])
		image := filepath.Join(u.dir, "flash.img")
		must(t, os.WriteFile(image, u.image, 0o600))
		dir := u.cased(t)
		w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: dir}, {Name: u.pack}}})
		if w.value("fault.same-offset") != c.fact || w.value("check.whole") != c.whole {
			t.Errorf("%s: the fault is the same: %q, whole %q, state %q; notes %v", c.name, w.value("fault.same-offset"), w.value("check.whole"), w.value("compare.state"), w.Notes)
		}
		if c.fact == "YES" && w.Cause.Class() != "package" {
			t.Errorf("%s: %s, %s", c.name, w.Cause, w.Grade)
		}
	}
}

// What the storage said of itself, and whether the files are safe, decide what the plan may say.
func TestWhyStorage(t *testing.T) {
	dir := t.TempDir()
	image := copyOf(t, exampleImage, dir)
	to := filepath.Join(dir, "case")
	_, err := rescued(t, image, to, nil, nil)
	must(t, err)
	log := WhyInput{Name: "config.log", Reader: nil}
	path := filepath.Join(dir, "power.log")
	must(t, os.WriteFile(path, []byte("rauc[412]: "+mismatch+"\n"), 0o600))
	log.Name = path
	w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: to}, log}})
	if w.has("reset") {
		t.Error("a reset, and the example has files in part")
	}
	k, err := casefile.Open(to, casefile.Writer, casefile.Options{Program: "salvor test"})
	must(t, err)
	must(t, k.Append("source.health", map[string]any{"words": "it expects to fail", "failing": true, "used_percent": 0, "reserve": ""}))
	must(t, k.Close())
	w = whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: to}, log}})
	if w.value("health.state") != "failing" || w.has("retry") || w.has("manual") || w.has("reset") {
		t.Errorf("health %q, steps %+v", w.value("health.state"), w.Plan.Steps)
	}
}

func TestWhySafety(t *testing.T) {
	u := newEMMC(t, 6)
	u.withLogs(t, map[string][]byte{"a.txt": []byte("a file of the user\n"), "b.txt": []byte("another file\n")})
	dir := u.cased(t)
	gather := func(change func(*gathering)) *gathering {
		c, err := OpenCase(dir, "salvor test")
		must(t, err)
		defer c.Close()
		g := &gathering{why: &Why{Case: dir}, events: &listener{}}
		rows, err := c.Catalog.Layers(t.Context())
		must(t, err)
		for _, r := range rows {
			g.layer(dir, r)
		}
		must(t, g.unread(c, c.Record().Sources))
		must(t, g.health(c))
		if change != nil {
			change(g)
		}
		must(t, g.safety(t.Context(), c))
		return g
	}
	for _, change := range []func(*gathering){
		func(g *gathering) { g.left = 4096 }, func(g *gathering) { g.closed = "data (luks)" }, func(g *gathering) { g.ended = ExitStopped },
		func(g *gathering) { g.device.StorageSound = plan.No },
	} {
		if g := gather(change); g.device.FilesSafe != plan.No || g.device.Verified == "" {
			t.Errorf("safe %v: %s", g.device.FilesSafe, g.device.Verified)
		}
	}
	if g := gather(nil); g.device.FilesSafe != plan.Yes {
		t.Fatalf("safe %v: %s", g.device.FilesSafe, g.device.Verified)
	}
	var file string
	must(t, filepath.WalkDir(filepath.Join(dir, "files"), func(p string, e os.DirEntry, err error) error {
		if err == nil && e.Name() == "a.txt" {
			file = p
		}
		return err
	}))
	must(t, os.WriteFile(file, []byte("a file of the USER\n"), 0o600))
	if g := gather(nil); g.device.FilesSafe != plan.No || !strings.Contains(g.device.Verified, "not what was saved") {
		t.Errorf("changed: safe %v: %s", g.device.FilesSafe, g.device.Verified)
	}
	must(t, os.Remove(file))
	if g := gather(nil); g.device.FilesSafe != plan.No {
		t.Errorf("removed: safe %v: %s", g.device.FilesSafe, g.device.Verified)
	}
}

// packedLog is what packers made of "a log\nof two lines\n", in base64.
func packedLog(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	must(t, err)
	return string(b)
}

func TestSniff(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte("a log\nof two lines\n"))
	must(t, err)
	must(t, z.Close())
	for _, c := range []struct{ name, head, want string }{
		{"a.log", "one line\nand another\n", "log"},
		{"a.bin", "one line\nand another\n", "log"},
		{"update.bin", "\n<!DOCTYPE html><html>", "html"},
		{"page.html", "<html>\n", "log"},
		{"update.img", `{"error":"not found"}`, "json"},
		{"log.json", `{"MESSAGE":"x"}`, "log"},
		{"fw.hex", ":10010000214601360121470136007EFE09D2190140\n", ""},
		{"fw.s19", "S00600004844521B\n", ""},
		{"x", "LPKSHHRH\x00\x00", "journal"},
		{"wide.log", "l\x00i\x00n\x00e\x00 \x001\x00\n\x00a\x00b\x00", "log"},
		{"boot.cap", "U-Boot 2022\r\n\xff\xfe\x80garbage\r\nStarting kernel ...\r\n" + strings.Repeat("ok line\n", 20), "log"},
		{"fw.bin", "\x7fELF\x02\x01\x01\x00" + strings.Repeat("\x00\x01\x02\x03", 50), ""},
		{"empty.log", "", "log"},
		{"noise.log", strings.Repeat("\x00\x01\x80", 500), "log"},
		{"a.log.gz", packed.String(), "log"},
		{"a.log.xz", packedLog(t, "/Td6WFoAAAFpIt42AgAhARwAAAAQz1jMAQASYSBsb2cKb2YgdHdvIGxpbmVzCgAAV/cuPgABJxOQRv1+kEKZDQEAAAAAAVla"), "log"},
		{"a.log.zst", packedLog(t, "KLUv/QRomQAAYSBsb2cKb2YgdHdvIGxpbmVzCvHFyHU="), "log"},
	} {
		if got := sniff(c.name, []byte(c.head)); got != c.want {
			t.Errorf("%s: %q, expected %q", c.name, got, c.want)
		}
	}
}

func TestLogPaths(t *testing.T) {
	for _, p := range []string{"var/log/messages", "var/log/journal/0/system.journal", "log/syslog", "messages", "syslog.1", "var/lib/systemd/pstore/dmesg.txt", "sys/fs/pstore/dmesg-ramoops-0",
		"recovery/last_log", "cache/recovery/last_install", "data/misc/update_engine_log/update_engine.1", "misc/recovery/log.1", "var/lib/mender/deployments.0001.log", "overlay/upper/var/log/messages", "dmesg", "update.log", "messages.2.xz", "kern.log.1.zst"} {
		if !isLogPath(p) {
			t.Errorf("%s is no log", p)
		}
	}
	for _, p := range []string{"home/x/diary.txt", "var/log/wtmp", "var/log/sysstat/sa01", "photos/log.jpg", "var/lib/dpkg/status", "catalog/a.txt", "var/log/app.sqlite", "blog/index.html"} {
		if isLogPath(p) {
			t.Errorf("%s is a log", p)
		}
	}
}

// What was named and cannot be read ends the job; rules that are wrong end it before.
func TestWhyRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, o := range map[string]WhyOptions{
		"no such file":    {Inputs: []WhyInput{{Name: filepath.Join(dir, "none")}}},
		"no case":         {Inputs: []WhyInput{{Name: dir}}},
		"rules of no use": {Said: "x", Knowledge: nil, Inputs: []WhyInput{{Name: dir}}},
	} {
		if _, err := FindWhy(t.Context(), o, &listener{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FindWhy(ctx, WhyOptions{Said: "x"}, &listener{}); err == nil {
		t.Error("the context is not obeyed")
	}
	empty := filepath.Join(dir, "fw.bin")
	must(t, os.WriteFile(empty, nil, 0o600))
	var refused *host.RefusedError
	if _, err := FindWhy(t.Context(), WhyOptions{Inputs: []WhyInput{{Name: empty}}}, &listener{}); !errors.As(err, &refused) || refused.Code != "host.source.empty" {
		t.Errorf("an empty package alone: %v", err)
	}
	none := filepath.Join(dir, "console.log")
	if _, err := FindWhy(t.Context(), WhyOptions{Inputs: []WhyInput{{Name: none}}}, &listener{}); !errors.As(err, &refused) || strings.Contains(refused.Next, "disks") {
		t.Errorf("a log that is not there: %v", err)
	}
	must(t, os.WriteFile(none, nil, 0o600))
	if _, err := FindWhy(t.Context(), WhyOptions{Inputs: []WhyInput{{Name: none}}}, &listener{}); !errors.As(err, &refused) || refused.Code != "host.source.empty" {
		t.Errorf("an empty log alone: %v", err)
	}
	if w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: empty}}, Said: "the download ended too soon"}); w.value("check.truncated") != "YES" {
		t.Errorf("an empty package: %v", w.Facts)
	}
}
