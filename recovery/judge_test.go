package recovery

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
)

// fakeFS opens streams by name from a volume.
type fakeFS struct {
	vol   block.Source
	open  func(f *filesystem.File, stream string) (block.Source, error)
	files []*filesystem.File
}

func (f *fakeFS) Info() filesystem.Info { return filesystem.Info{Kind: "fake"} }

func (f *fakeFS) Files(context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		for _, x := range f.files {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func (f *fakeFS) Used(context.Context) (block.Set, error) { return block.Set{}, nil }

func (f *fakeFS) Open(file *filesystem.File, stream string) (block.Source, error) {
	if f.open != nil {
		return f.open(file, stream)
	}
	for _, s := range file.Streams {
		if s.Name == stream {
			return block.Join(f.vol, s.Runs, s.Size), nil
		}
	}
	return nil, fs.ErrNotExist
}

// fakeTable knows one format for each verdict: a file that begins with "FMT" and a letter, is as long as its
// fifth byte times 256 says, and is read to its end.
func fakeTable(t testing.TB) *filetype.Table {
	t.Helper()
	var formats []filetype.Format
	for letter, v := range map[string]filetype.Verdict{"P": filetype.Proven, "C": filetype.Consistent, "D": filetype.Damaged, "E": filetype.Encrypted} {
		formats = append(formats, filetype.Format{
			Name: "fmt" + strings.ToLower(letter), Class: filetype.Document, Extensions: []string{"fmt"}, Ceiling: max(v, filetype.Consistent), Carve: true,
			Signatures: []probe.Probe{{ID: "fmt" + strings.ToLower(letter) + ".magic", Bytes: []byte("FMT" + letter)}},
			Examine: func(ctx context.Context, src block.Source) (filetype.Report, error) {
				s := filetype.NewStream(ctx, src, 0)
				head, err := s.Peek(5)
				if err != nil {
					return filetype.Report{}, filetype.ErrNot
				}
				size := int64(head[4]) * 256
				r := filetype.Report{Verdict: v, Size: size, GoodUntil: size, Hints: filetype.Hints{Title: "hint"}}
				if v == filetype.Proven {
					r.Uncovered = block.SetOf(block.Extent{Offset: 10, Length: 20})
				}
				if err := s.Skip(size, nil); err != nil {
					return r, filetype.Stopped(src, &r, "fmt", s.Offset(), size, "more", err)
				}
				return r, nil
			},
		})
	}
	formats = append(formats, filetype.Format{Name: "slow", Class: filetype.Other, Ceiling: filetype.Consistent,
		Signatures: []probe.Probe{{ID: "slow.magic", Bytes: []byte("SLOW")}},
		Examine: func(ctx context.Context, src block.Source) (filetype.Report, error) {
			<-ctx.Done()
			return filetype.Report{}, ctx.Err()
		}}, filetype.Format{Name: "panic", Class: filetype.Other, Ceiling: filetype.Consistent,
		Signatures: []probe.Probe{{ID: "panic.magic", Bytes: []byte("PANIC")}},
		Examine:    func(context.Context, block.Source) (filetype.Report, error) { panic("hostile") }})
	table, err := filetype.NewTable(formats)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// content returns a file of n times 256 bytes of the fake format letter.
func fakeContent(letter string, n int) []byte {
	p := pattern(uint64(n), n*256)
	copy(p, "FMT"+letter+string(rune(n)))
	return p
}

func codes(list []finding.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, f.Code)
	}
	return strings.Join(out, " ")
}

func TestJudge(t *testing.T) {
	const volume = 0x10000 // where the volume stands on the medium
	medium := make([]byte, 1<<20)
	put := func(off int, p []byte) { copy(medium[volume+off:], p) }
	put(0x1000, fakeContent("P", 16))
	put(0x4000, fakeContent("C", 16))
	put(0x8000, fakeContent("D", 16))
	put(0xc000, fakeContent("E", 16))
	put(0x10000, pattern(1, 4096))
	put(0x14000, []byte("SLOW"))
	put(0x18000, []byte("PANIC"))
	for i := range 8192 {
		medium[volume+0x1c000+i] = 0xff
	}
	data := func(off, n int64) []block.Run { return []block.Run{{Physical: off, Length: n}} }
	kind := func(k block.RunKind, runs []block.Run) []block.Run { runs[0].Kind = k; return runs }
	tail := func(off int64, k block.RunKind) []block.Run {
		return []block.Run{{Physical: off, Length: 2048}, {Logical: 2048, Physical: off + 2048, Length: 2048, Kind: k}}
	}
	tests := []struct {
		name    string
		runs    []block.Run
		size    int64
		change  func(*filesystem.File)
		verdict filetype.Verdict
		save    SaveState
		missing int64
		codes   string
	}{
		{"proven", data(0x1000, 4096), 4096, nil, filetype.Proven, Pending, 0, ""},
		{"consistent", data(0x4000, 4096), 4096, nil, filetype.Consistent, Pending, 0, ""},
		{"damaged", data(0x8000, 4096), 4096, nil, filetype.Damaged, Pending, 0, ""},
		{"ciphertext", data(0xc000, 4096), 4096, nil, filetype.Encrypted, Pending, 0, ""},
		{"no format", data(0x10000, 4096), 4096, nil, filetype.Unknown, Pending, 0, "filetype.no-format"},
		{"empty", nil, 0, nil, filetype.Unknown, Pending, 0, "recovery.empty"},
		{"proven, guessed", kind(block.Guessed, data(0x1000, 4096)), 4096, nil, filetype.Proven, Pending, 0, ""},
		{"consistent, guessed", kind(block.Guessed, data(0x4000, 4096)), 4096, nil, filetype.Unknown, Pending, 0, "recovery.guessed"},
		{"consistent, half guessed", tail(0x4000, block.Guessed), 4096, nil, filetype.Unknown, Pending, 0, "recovery.guessed"},
		{"proven, lost end", tail(0x1000, block.Lost), 4096, nil, filetype.Partial, Pending, 2048, "filetype.unread recovery.lost"},
		{"consistent, foreign end", tail(0x4000, block.Foreign), 4096, nil, filetype.Partial, Pending, 2048, "filetype.unread recovery.foreign"},
		{"no format, lost end", tail(0x10000, block.Lost), 4096, nil, filetype.Partial, Pending, 2048, "filetype.no-format filetype.unread recovery.lost"},
		{"cut", data(0x4000, 3000), 3000, nil, filetype.Partial, Pending, 1096, "filetype.ends-early"},
		{"trailing", data(0x1000, 8192), 8192, nil, filetype.Consistent, Pending, 0, "filetype.padded"},
		{"slow", data(0x14000, 4096), 4096, nil, filetype.Unknown, Pending, 0, "guard.timeout"},
		{"panic", data(0x18000, 4096), 4096, nil, filetype.Unknown, Pending, 0, "guard.panic"},
		{"erased, live", data(0x1c000, 8192), 8192, nil, filetype.Unknown, Pending, 0, "filetype.erased"},
		{"erased, deleted", data(0x1c000, 8192), 8192, func(f *filesystem.File) { f.State = filesystem.Deleted }, filetype.Unknown, Skipped, 0, "filetype.erased recovery.erased"},
		{"small and constant", data(0x1c000, 100), 100, nil, filetype.Unknown, Pending, 0, "filetype.no-format"},
		{"huge hole", []block.Run{{Length: 1 << 50, Kind: block.Zero}}, 1 << 50, nil, filetype.Unknown, Pending, 0, "filetype.erased"},
		{"behind the end", data(0x10000, 1<<20), 1 << 20, nil, filetype.Partial, Pending, 0x80000 + 0x80000 - 0xf0000 + 0x10000, ""},
		{"locked", data(0x4000, 4096), 4096, func(f *filesystem.File) { f.Locked = true }, filetype.Encrypted, Skipped, 0, "recovery.locked"},
		{"folder", nil, 0, func(f *filesystem.File) { f.Mode = fs.ModeDir | 0o755 }, filetype.Unknown, Pending, 0, ""},
		{"deleted folder", nil, 0, func(f *filesystem.File) { f.Mode, f.State = fs.ModeDir, filesystem.Deleted }, filetype.Unknown, Skipped, 0, "recovery.folder"},
		{"link", nil, 0, func(f *filesystem.File) { f.Mode, f.Target = fs.ModeSymlink, "x" }, filetype.Unknown, Pending, 0, ""},
		{"pipe", nil, 0, func(f *filesystem.File) { f.Mode = fs.ModeNamedPipe }, filetype.Unknown, Skipped, 0, "recovery.special"},
		{"own finding", data(0x4000, 4096), 4096, func(f *filesystem.File) { f.Findings = []finding.Finding{empty.New()} }, filetype.Consistent, Pending, 0, "recovery.empty"},
	}
	judge := &Judge{Table: fakeTable(t), Limit: 50 * time.Millisecond}
	vol := block.Section(block.Bytes(medium), block.Extent{Offset: volume, Length: int64(len(medium)) - volume})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &filesystem.File{ID: "i5", Path: "dir/" + tt.name, Mode: 0o644, Sound: true}
			if tt.runs != nil || tt.size == 0 {
				f.Streams = []filesystem.Stream{{Size: tt.size, Runs: tt.runs}}
			}
			if tt.change != nil {
				tt.change(f)
			}
			if !f.Mode.IsRegular() {
				f.Streams = nil
			}
			list, err := judge.File(t.Context(), 1, 3, &fakeFS{vol: vol}, f)
			if err != nil || len(list) != 1 {
				t.Fatalf("%d entries, %v", len(list), err)
			}
			e := list[0]
			if e.ID != "v3/i5" || e.Name != tt.name || e.Source != 1 || e.Volume != 3 {
				t.Errorf("%+v", e)
			}
			if e.Verdict != tt.verdict || e.Save != tt.save {
				t.Errorf("%v, %s; want %v, %s; %v", e.Verdict, e.Save, tt.verdict, tt.save, e.Findings)
			}
			if tt.name == "behind the end" {
				if e.Missing.Empty() {
					t.Error("nothing is missing")
				}
				return
			}
			if got := codes(e.Findings); got != tt.codes {
				t.Errorf("findings %q, want %q", got, tt.codes)
			}
			if e.Missing.Bytes() != tt.missing {
				t.Errorf("missing %v, want %d bytes", e.Missing, tt.missing)
			}
			if e.Verdict != filetype.Proven && e.Verdict != filetype.Unknown && e.Verdict != filetype.Consistent && len(e.Runs) > 0 && e.Missing.Empty() && e.GoodUntil > e.Size {
				t.Errorf("good until %d of %d", e.GoodUntil, e.Size)
			}
			if e.Erased != strings.Contains(tt.codes, "filetype.erased") {
				t.Errorf("erased %v", e.Erased)
			}
			// The runs lead to the medium.
			if tt.verdict >= filetype.Consistent {
				got := make([]byte, 4)
				if _, err := block.Join(block.Bytes(medium), e.Runs, e.Size).ReadAt(got, 0); err != nil || string(got[:3]) != "FMT" {
					t.Errorf("%q, %v", got, err)
				}
				if e.Format == "" || e.Class != filetype.Document || e.Hints.Title != "hint" {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// Bytes that cannot be read, told beforehand or met, always keep a file from being whole.
func TestJudgeUnreadable(t *testing.T) {
	medium := make([]byte, 8192)
	copy(medium, fakeContent("P", 16))
	copy(medium[4096:], pattern(1, 4096))
	judge := &Judge{Table: fakeTable(t)}
	bad := block.SetOf(block.Extent{Offset: 3000, Length: 100}, block.Extent{Offset: 5000, Length: 10})
	for _, known := range []bool{false, true} {
		var src block.Source = &badSource{block.Bytes(medium), bad}
		if known {
			src = &knownBad{badSource{block.Bytes(medium), bad}}
		}
		for _, at := range []int64{0, 4096} {
			f := &filesystem.File{ID: "i1", Path: "a", Mode: 0o644, Streams: []filesystem.Stream{{Size: 4096, Runs: []block.Run{{Physical: at, Length: 4096}}}}}
			list, err := judge.File(t.Context(), 1, 1, &fakeFS{vol: src}, f)
			if err != nil {
				t.Fatal(err)
			}
			e := list[0]
			want := block.SetOf(block.Extent{Offset: 3000, Length: 100})
			if at == 4096 {
				want = block.SetOf(block.Extent{Offset: 5000 - 4096, Length: 10})
			}
			if at == 4096 && !known {
				// A format that nothing reads is only looked at from its start; saving finds the rest.
				if e.Verdict != filetype.Partial && e.Verdict != filetype.Unknown {
					t.Errorf("%v", e.Verdict)
				}
				continue
			}
			if e.Verdict != filetype.Partial || !e.Missing.Equal(want) || e.GoodUntil > want.Extents()[0].Offset {
				t.Errorf("known %v, at %d: %v, missing %v, good until %d", known, at, e.Verdict, e.Missing, e.GoodUntil)
			}
		}
	}
}

type knownBad struct{ badSource }

func (k *knownBad) Unreadable(within block.Extent) []block.Unreadable {
	var out []block.Unreadable
	for x := range k.bad.Within(within).All() {
		out = append(out, block.Unreadable{Extent: x, Why: block.Bad})
	}
	return out
}

func TestJudgeStreamsAndErrors(t *testing.T) {
	judge := &Judge{Table: fakeTable(t)}
	vol := block.Bytes(fakeContent("C", 16))
	file := &filesystem.File{ID: "m5-1", Path: "a.doc", Mode: 0o644, Streams: []filesystem.Stream{
		{Size: 4096, Runs: []block.Run{{Length: 4096}}}, {Name: "ads", Size: 3, Runs: []block.Run{{Length: 3}}}}}
	list, err := judge.File(t.Context(), 2, 1, &fakeFS{vol: vol}, file)
	if err != nil || len(list) != 2 || list[1].ID != "v1/m5-1:ads" || list[1].Stream != "ads" || list[1].Size != 3 || list[0].Format != "fmtc" {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, tt := range []struct {
		err     error
		verdict filetype.Verdict
		save    SaveState
		code    string
	}{
		{filesystem.ErrLocked, filetype.Encrypted, Skipped, "recovery.locked"},
		{errors.New("chain is broken"), filetype.Partial, Pending, "recovery.not-opened"},
	} {
		broken := &fakeFS{open: func(*filesystem.File, string) (block.Source, error) { return nil, tt.err }}
		list, err := judge.File(t.Context(), 1, 1, broken, file)
		if err != nil || list[0].Verdict != tt.verdict || list[0].Save != tt.save || codes(list[0].Findings) != tt.code {
			t.Errorf("%+v, %v", list[0], err)
		}
	}
	panics := &fakeFS{open: func(*filesystem.File, string) (block.Source, error) { panic("inside") }}
	if list, err := judge.File(t.Context(), 1, 1, panics, file); err != nil || list[0].Missing.Bytes() != 4096 {
		t.Errorf("%+v, %v", list, err)
	}
	encoded := &filesystem.File{ID: "m6", Path: "b", Mode: 0o644, Streams: []filesystem.Stream{{Size: 4096, Encoding: "test.twice", Runs: []block.Run{{Length: 100}}}}}
	packed := &fakeFS{open: func(_ *filesystem.File, _ string) (block.Source, error) {
		return twice("test.twice", block.Section(vol, block.Extent{Length: 2048}), 4096)
	}}
	list, err = judge.File(t.Context(), 1, 1, packed, encoded)
	if err != nil || len(list[0].Runs) != 0 || list[0].Encoding != "test.twice" || list[0].Size != 4096 ||
		!slices.Equal(list[0].Stored, []block.Run{{Length: 2048}}) {
		t.Errorf("%+v, %v", list[0], err)
	}
	// Where a stored byte is lost, the content that is made of it is missing.
	packed.open = func(*filesystem.File, string) (block.Source, error) {
		return twice("test.twice", block.Join(vol, []block.Run{{Length: 100}, {Logical: 100, Length: 1, Kind: block.Lost}, {Logical: 101, Physical: 101, Length: 1947}}, 2048), 4096)
	}
	list, err = judge.File(t.Context(), 1, 1, packed, encoded)
	if err != nil || list[0].Verdict != filetype.Partial || !list[0].Missing.Equal(block.SetOf(block.Extent{Offset: 200, Length: 2})) {
		t.Errorf("%+v, %v", list[0], err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := judge.File(ctx, 1, 1, &fakeFS{vol: vol}, file); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Guessed bytes that no check covers, a sector or more, keep a file from being Proven.
func TestSettleGuessedUncovered(t *testing.T) {
	for _, tt := range []struct {
		bare int64
		want filetype.Verdict
	}{{0, filetype.Proven}, {511, filetype.Proven}, {512, filetype.Unknown}} {
		e := &Entry{Size: 10000, Runs: []block.Run{{Length: 4096}, {Logical: 4096, Physical: 9000, Length: 5904, Kind: block.Guessed}}}
		r := filetype.Report{Verdict: filetype.Proven, Size: 10000, GoodUntil: 10000,
			Uncovered: block.SetOf(block.Extent{Offset: 5000, Length: tt.bare}, block.Extent{Offset: 0, Length: 3000})}
		settle(e, &filetype.Format{Name: "x", Ceiling: filetype.Proven}, r, block.Set{})
		if e.Verdict != tt.want {
			t.Errorf("%d bare bytes: %v, want %v", tt.bare, e.Verdict, tt.want)
		}
	}
}

func TestCarved(t *testing.T) {
	photo := &filetype.Format{Name: "jpeg", Class: filetype.Photo, Extensions: []string{"jpg"}, Ceiling: filetype.Consistent}
	taken := time.Date(2026, 11, 3, 14, 22, 5, 0, time.UTC)
	tests := []struct {
		report filetype.Report
		name   string
	}{
		{filetype.Report{Hints: filetype.Hints{Taken: taken, Camera: "ACME X100"}}, "2026-11-03 14.22.05 ACME X100.jpg"},
		{filetype.Report{Hints: filetype.Hints{Taken: taken}}, "2026-11-03 14.22.05.jpg"},
		{filetype.Report{Hints: filetype.Hints{Camera: "ACME"}}, "jpeg at 0x1000.jpg"},
		{filetype.Report{Hints: filetype.Hints{Title: "  Tax\treturn/2025:\x00\u202e final.. "}}, "Tax return 2025 final.jpg"},
		{filetype.Report{Hints: filetype.Hints{Title: "report.DOCX"}, Extension: "docx"}, "report.docx"},
		{filetype.Report{Hints: filetype.Hints{Title: strings.Repeat("ü", 500)}}, strings.Repeat("ü", 80) + ".jpg"},
		{filetype.Report{Hints: filetype.Hints{Title: "\xff\xfe..\u200b"}}, "jpeg at 0x1000.jpg"},
		{filetype.Report{}, "jpeg at 0x1000.jpg"},
	}
	medium := block.Bytes(make([]byte, 1<<16))
	for _, tt := range tests {
		tt.report.Verdict, tt.report.Size, tt.report.GoodUntil = filetype.Proven, 5000, 5000
		e := Carved(1, carve.Found{Format: photo, Report: tt.report, Offset: 0x1000, Size: 5000}, medium)
		if e.Name != tt.name || e.ID != "c/0x1000" || e.Drawer() != "carved" || e.Verdict != filetype.Consistent {
			t.Errorf("%+v, want the name %q", e, tt.name)
		}
		if !slices.Equal(e.Runs, []block.Run{{Physical: 0x1000, Length: 5000}}) {
			t.Errorf("runs %v", e.Runs)
		}
	}
	broken := carve.Found{Format: photo, Report: filetype.Report{Verdict: filetype.Damaged, Size: 9000, GoodUntil: 5000}, Offset: 0x1000, Size: 5000}
	if e := Carved(2, broken, medium); e.ID != "c2/0x1000" || e.Verdict != filetype.Damaged || e.Size != 5000 {
		t.Errorf("%+v", e)
	}
	holed := &knownBad{badSource{medium, block.SetOf(block.Extent{Offset: 0x1100, Length: 16})}}
	whole := carve.Found{Format: photo, Report: filetype.Report{Verdict: filetype.Consistent, Size: 5000, GoodUntil: 5000}, Offset: 0x1000, Size: 5000}
	if e := Carved(1, whole, holed); e.Verdict != filetype.Partial || !e.Missing.Equal(block.SetOf(block.Extent{Offset: 0x100, Length: 16})) {
		t.Errorf("%+v", e)
	}
}
