package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/firmware"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/mend"
	"salvor/recovery"
)

func schema(t *testing.T, def string) *jsonschema.Schema {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "docs", "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := jsonschema.NewCompiler().Compile(path + def)
	if err != nil {
		t.Fatalf("docs/schema.json%s: %v", def, err)
	}
	return s
}

func decode(t *testing.T, line []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return v
}

var note = (&finding.Def{Code: "test.note", Severity: finding.Warning, Text: "{expected} became {found} by {who}."}).
	New(finding.At(4096, 512), finding.Expected("a", "b\xff"), finding.Arg("who", "\u202eevil\xfe"))

func tree() *layers.Layer {
	disk := &layers.Layer{ID: "d1", Kind: "disk", Extent: block.Extent{Length: 1 << 30}, State: layers.Good, Score: 100}
	gpt := &layers.Layer{ID: "d1.gpt", Parent: disk, Kind: "gpt", State: layers.Damaged, Score: 80, Findings: []finding.Finding{note}}
	vol := &layers.Layer{ID: "v1", Parent: gpt, Kind: "ext4", Extent: block.Extent{Offset: 1 << 20, Length: 1 << 29}, Score: 95,
		Label: "da\xffta\x1b[2J", UUID: "12-34", Readable: true, Volume: 1}
	disk.Children, gpt.Children = []*layers.Layer{gpt}, []*layers.Layer{vol}
	return disk
}

func fullEntry() *recovery.Entry {
	return &recovery.Entry{
		ID: "v2/i1234", Source: 1, Volume: 2, Origin: recovery.FromFileSystem, State: filesystem.Deleted,
		Path: "DCIM/\u202egpj.exe", Name: "\u202egpj.exe", Mode: 0o640 | fs.ModeSetuid, HasOwner: true, UID: 0, GID: math.MaxUint32,
		Times: filesystem.Times{Modified: time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC), Created: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), Local: true},
		Size:  8192, Stream: "side",
		Runs:   []block.Run{{Logical: 0, Physical: 4096, Length: 4096}, {Logical: 4096, Physical: 77, Length: 4096, Kind: block.Lost}},
		Format: "jpeg", Class: filetype.Photo, Verdict: filetype.Partial,
		Missing: block.SetOf(block.Extent{Offset: 4096, Length: 4096}), Uncovered: block.SetOf(block.Extent{Offset: 1, Length: 2}), GoodUntil: 4096,
		Hints: filetype.Hints{Title: "T", Author: "A", Camera: "ACME", Taken: time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("x", 3661))},
		Sound: true, Owned: true, Findings: []finding.Finding{note},
		SHA256: strings.Repeat("ab", 32), SavedAs: "partial/deleted/2-data/DCIM/x", Save: recovery.Saved,
		DuplicateOf: "v2/i1", AlsoAt: []int64{5, 6}, Erased: true,
	}
}

// samples are lines of every type, full and bare.
func samples() map[string]any {
	left := 12.5
	progress := wire.NewProgress("copy", 5, 10, "bytes")
	progress.Left, progress.Rate, progress.Words = &left, 1e6, "half"
	result := wire.NewResult(10, "Done.", "Everything is in the case.", "Open report.html.")
	result.Counts = map[string]wire.Count{"proven": {Files: 1, Bytes: 2}}
	f := wire.FromFinding(note)
	f.Layer, f.Source = "v1", 1
	place := wire.FromFinding((&finding.Def{Code: "a.b", Text: "x"}).New())
	out := map[string]any{
		"progress": progress, "bare progress": wire.NewProgress("check", 0, 0, "files"),
		"part": wire.FromPart("0.1", &firmware.Part{Format: "f", Title: "T", Name: "evil\xff", Role: firmware.Kernel, Offset: 1, Size: 2, Announced: 3, Unpacked: true, Compression: "gzip", Version: "1",
			Checks: []firmware.Check{firmware.Sum32("data", "CRC-32", block.Extent{Length: 2}, 1, 2)}, Signatures: []firmware.Signature{{What: "all", Method: "RSA", State: firmware.Cannot, Why: "no key"}},
			Claims: []firmware.Claim{{Kind: firmware.Board, Values: []string{"a"}}}, Installs: []firmware.Install{{Where: "x", Needs: 5, Loader: true}}, Findings: []finding.Finding{note}}),
		"bare part": wire.FromPart("0", &firmware.Part{}), "check": wire.NewCheck("whole", firmware.Verdict{Answer: firmware.No, Reasons: []string{"r"}}), "image": wire.Image{V: wire.Version, Type: "image", Source: 1, Format: "fit", Title: "FIT image"}, "way": wire.NewWayStep(firmware.Step{Name: "a"}), "device": wire.FromDevice(&firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: "b", From: "label"}}, Spaces: []firmware.Space{{Name: "a", Size: 1}}}),
		"patch": wire.FromPatch(mend.Patch{Structure: "boot sector", Offset: 4096, Old: make([]byte, 64), New: append(make([]byte, 40), bytes.Repeat([]byte{7}, 24)...),
			Unread: block.SetOf(block.Extent{Offset: 4096, Length: 8}), Evidence: []string{"its backupÿ"}}),
		"result": result, "bare result": wire.NewResult(0, "a", "b", "c"),
		"finding": f, "finding without place": place,
		"file": wire.FromEntry(fullEntry()), "bare file": wire.FromEntry(&recovery.Entry{ID: "c/0x1", Origin: recovery.FromContent}),
		"folder": wire.FromEntry(&recovery.Entry{ID: "v1/i2", Origin: recovery.FromFileSystem, Mode: fs.ModeDir | 0o755}),
		"disk": wire.FromDisk(&host.Disk{Name: "sda", Path: "/dev/sda", Size: 512, Model: "M\xff", Health: host.Health{Known: true, Used: 110},
			Holders: []host.Holder{{Kind: host.HeldByMount, Device: "/dev/sda1", Name: "/", FS: "ext4", CanWrite: true}}}),
		"empty reader": wire.FromDisk(&host.Disk{Name: "sdb", Path: "/dev/sdb"}),
	}
	for _, l := range wire.FromTree(tree(), 1) {
		out["layer "+l.ID] = l
	}
	for _, r := range recovery.LayerRows(tree(), 1) {
		out["row "+r.ID] = wire.FromRow(r)
	}
	return out
}

func TestEveryLineFitsTheSchema(t *testing.T) {
	s := schema(t, "")
	for name, line := range samples() {
		b, err := wire.Encode(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(decode(t, b)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
		if !utf8.Valid(b) || bytes.Count(b, []byte("\n")) != 1 || b[len(b)-1] != '\n' {
			t.Errorf("%s is no line: %q", name, b)
		}
		for _, r := range string(b[:len(b)-1]) {
			if wire.Hidden(r) {
				t.Errorf("%s shows U+%04X as it is: %q", name, r, b)
			}
		}
	}
}

// Every change of a good line that breaks the contract is noticed.
func TestWrongLinesAreRefused(t *testing.T) {
	s := schema(t, "")
	change := map[string]func(m map[string]any){
		"no version":     func(m map[string]any) { delete(m, "v") },
		"other version":  func(m map[string]any) { m["v"] = 2 },
		"no type":        func(m map[string]any) { delete(m, "type") },
		"unknown type":   func(m map[string]any) { m["type"] = "thing" },
		"unknown field":  func(m map[string]any) { m["colour"] = "red" },
		"negative place": func(m map[string]any) { m["offset"], m["size"], m["done"], m["exit"] = -2, -1, -1, -1 },
	}
	for name, line := range samples() {
		b, err := wire.Encode(line)
		if err != nil {
			t.Fatal(err)
		}
		for what, do := range change {
			var m map[string]any
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			do(m)
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if s.Validate(decode(t, b)) == nil {
				t.Errorf("%s with %s was accepted", name, what)
			}
		}
	}
	for _, wrong := range []string{
		`{"v":1,"type":"result","exit":7,"state":"a","safe":"b","next":"c"}`,
		`{"v":1,"type":"result","exit":0,"state":"a","safe":"b"}`,
		`{"v":1,"type":"file"}`, `[]`, `"x"`,
		`{"v":1,"type":"layer","id":"a","parent":"","source":1,"kind":"disk","offset":1.5,"size":1,"label":"","state":"good","score":1,"rival":false,"readable":false}`,
		`{"v":1,"type":"layer","id":"a","parent":"","source":1,"kind":"disk","offset":1,"size":1,"label":"","state":"fine","score":1,"rival":false,"readable":false}`,
	} {
		if s.Validate(decode(t, []byte(wrong))) == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
}

func TestFileLine(t *testing.T) {
	f := wire.FromEntry(fullEntry())
	if f.Mode != "4640" || *f.UID != 0 || *f.GID != math.MaxUint32 || f.Kind != "file" || f.State != "deleted" || f.Verdict != "partial" {
		t.Errorf("%+v", f)
	}
	if f.Runs[1] != (wire.Run{Logical: 4096, Length: 4096, Kind: "lost"}) {
		t.Errorf("a lost run stands nowhere: %+v", f.Runs[1])
	}
	if f.Missing[0] != (wire.Range{Offset: 4096, Size: 4096}) || f.Times.Created != nil || f.Times.Modified == nil {
		t.Errorf("%+v %+v", f.Missing, f.Times)
	}
	if _, zone := f.Hints.Taken.Zone(); zone != 0 {
		t.Error("a zone that RFC 3339 cannot write stayed")
	}
	for mode, want := range map[fs.FileMode]string{0: "file", fs.ModeDir: "directory", fs.ModeSymlink: "link", fs.ModeNamedPipe: "pipe",
		fs.ModeSocket: "socket", fs.ModeDevice: "device", fs.ModeDevice | fs.ModeCharDevice: "device"} {
		if got := wire.FromEntry(&recovery.Entry{Mode: mode}).Kind; got != want {
			t.Errorf("kind of %v = %s, want %s", mode, got, want)
		}
	}
}

func TestEntryIsNotChanged(t *testing.T) {
	e := fullEntry()
	wire.FromEntry(e)
	if e.Findings[0].Found != "b\xff" || e.Findings[0].Args["who"] != "\u202eevil\xfe" {
		t.Error("the entry's findings were changed")
	}
}

func TestHiddenTextIsTheSameAfterDecoding(t *testing.T) {
	want := "a\u202eb\u200b\u0085c\U000e0041\x7f\u2028d/é日本\U0001f600"
	b, err := wire.Encode(wire.NewResult(0, want, "b", "c"))
	if err != nil {
		t.Fatal(err)
	}
	var r wire.Result
	if err := json.Unmarshal(b, &r); err != nil || r.State != want {
		t.Errorf("%q, %v from %s", r.State, err, b)
	}
	if !bytes.Contains(b, []byte("é日本")) || !bytes.Contains(b, []byte(`\u202e`)) {
		t.Errorf("%s", b)
	}
}

func FuzzText(f *testing.F) {
	f.Add("plain")
	f.Add("\xff\u202e\x00")
	f.Fuzz(func(t *testing.T, s string) {
		if got := wire.Text(s); !utf8.ValidString(got) || utf8.ValidString(s) && got != s {
			t.Errorf("Text(%q) = %q", s, got)
		}
		b, err := wire.Encode(wire.NewResult(0, wire.Text(s), "b", "c"))
		if err != nil {
			t.Fatal(err)
		}
		var r wire.Result
		if err := json.Unmarshal(b, &r); err != nil || r.State != wire.Text(s) {
			t.Errorf("%q came back as %q, %v", s, r.State, err)
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w := wire.NewWriter(&b)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if err := w.Write(wire.NewProgress("copy", 1, 2, "bytes")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 400 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		if l != lines[0] {
			t.Fatalf("lines mixed: %s", l)
		}
	}
	if err := wire.NewWriter(failing{}).Write(wire.NewResult(0, "a", "b", "c")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
}
