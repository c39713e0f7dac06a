package filetype_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/finding"
)

// says returns a format whose Examine answers with r and err.
func says(name string, r filetype.Report, err error, p ...probe.Probe) filetype.Format {
	return filetype.Format{
		Name: name, Class: filetype.Other, Extensions: []string{name}, Signatures: p, Ceiling: filetype.Proven,
		Carve:   len(p) > 0,
		Examine: func(context.Context, block.Source) (filetype.Report, error) { return r, err },
	}
}

func TestNewTable(t *testing.T) {
	good := says("a", filetype.Report{}, nil, probe.Probe{ID: "a.x", Bytes: []byte("ab")})
	tests := []struct {
		name   string
		change func(*filetype.Format)
		want   string
	}{
		{"no name", func(f *filetype.Format) { f.Name = "" }, "no name"},
		{"no examine", func(f *filetype.Format) { f.Examine = nil }, "no Examine"},
		{"no ceiling", func(f *filetype.Format) { f.Ceiling = filetype.Unknown }, "ceiling"},
		{"no class", func(f *filetype.Format) { f.Class = "x" }, "class"},
		{"carved without signature", func(f *filetype.Format) { f.Signatures = nil }, "without a signature"},
		{"foreign signature", func(f *filetype.Format) { f.Signatures = []probe.Probe{{ID: "b.x", Bytes: []byte("ab")}} }, "begins with a."},
		{"invalid signature", func(f *filetype.Format) { f.Signatures = []probe.Probe{{ID: "a.x", Bytes: []byte("a")}} }, "1 bytes"},
		{"signature twice", func(f *filetype.Format) { f.Signatures = append(f.Signatures, f.Signatures[0]) }, "two signatures"},
	}
	for _, tt := range tests {
		f := good
		f.Signatures = append([]probe.Probe(nil), good.Signatures...)
		tt.change(&f)
		if _, err := filetype.NewTable([]filetype.Format{f}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.name, err, tt.want)
		}
	}
	if _, err := filetype.NewTable([]filetype.Format{good, good}); err == nil {
		t.Error("two formats of one name are accepted")
	}
	uncarved := says("b", filetype.Report{}, nil, probe.Probe{ID: "b.x", Bytes: []byte("cd")})
	uncarved.Carve = false
	table, err := filetype.NewTable([]filetype.Format{good, uncarved})
	if err != nil {
		t.Fatal(err)
	}
	if p := table.Probes(); len(p) != 1 || p[0].ID != "a.x" {
		t.Errorf("probes %v, expected a.x alone", p)
	}
	if f, ok := table.ByProbe("b.x"); !ok || f.Name != "b" {
		t.Errorf("by probe: %v %v", f, ok)
	}
	if f, ok := table.ByName("a"); !ok || f.Name != "a" || len(table.Formats()) != 2 {
		t.Errorf("by name: %v %v", f, ok)
	}
	if _, ok := table.ByName("c"); ok {
		t.Error("an unknown name is found")
	}
}

func code(list []finding.Finding) string {
	var s []string
	for _, f := range list {
		s = append(s, f.Code)
	}
	return strings.Join(s, " ")
}

func TestIdentify(t *testing.T) {
	first := probe.Probe{ID: "first.x", Bytes: []byte("AB")}
	deep := probe.Probe{ID: "deep.x", Bytes: []byte("DEEP"), At: 100000}
	masked := probe.Probe{ID: "masked.x", Bytes: []byte{0xF0, 0x01}, Mask: []byte{0xF0, 0xFF}}
	whole := func(n int64) filetype.Report {
		return filetype.Report{Verdict: filetype.Proven, Size: n, GoodUntil: n}
	}
	table := func(f ...filetype.Format) *filetype.Table {
		t.Helper()
		tb, err := filetype.NewTable(f)
		if err != nil {
			t.Fatal(err)
		}
		return tb
	}
	atDeep := make([]byte, 100010)
	atDeep[0] = 1
	copy(atDeep[100000:], "DEEP")
	low := says("first", whole(4), nil, first)
	low.Ceiling = filetype.Consistent
	tests := []struct {
		name    string
		table   *filetype.Table
		data    string
		file    string
		format  string
		verdict filetype.Verdict
		codes   string
	}{
		{"signature", table(says("text", whole(4), nil), says("first", whole(4), nil, first)), "ABCD", "", "first", filetype.Proven, ""},
		{"not by signature", table(says("first", filetype.Report{}, filetype.ErrNot, first), says("text", whole(4), nil)), "ABCD", "", "text", filetype.Proven, ""},
		{"behind the head", table(says("deep", whole(100010), nil, deep)), string(atDeep), "", "deep", filetype.Proven, ""},
		{"behind the end", table(says("deep", whole(100010), nil, deep)), string(atDeep[:100003]), "", "", filetype.Unknown, "filetype.no-format"},
		{"mask", table(says("masked", whole(4), nil, masked)), "\xF7\x01ab", "", "masked", filetype.Proven, ""},
		{"hint orders", table(says("log", whole(4), nil), says("csv", whole(4), nil)), "ABCD", "x.CSV", "csv", filetype.Proven, ""},
		{"name is no evidence", table(says("first", whole(4), nil, first)), "zzzz", "a.first", "", filetype.Unknown, "filetype.no-format"},
		{"ceiling", table(low), "ABCD", "", "first", filetype.Consistent, ""},
		{"trailing", table(says("first", whole(4), nil, first)), "ABCDx", "", "first", filetype.Consistent, "filetype.trailing"},
		{"padded", table(says("first", whole(4), nil, first)), "ABCD\x00\x00", "", "first", filetype.Consistent, "filetype.padded"},
		{"erased", table(says("text", whole(4096), nil)), strings.Repeat("\xFF", 4096), "", "", filetype.Unknown, "filetype.erased"},
		{"zeros", table(says("text", whole(5000), nil)), strings.Repeat("\x00", 5000), "", "", filetype.Unknown, "filetype.erased"},
		{"short zeros", table(says("text", whole(10), nil)), strings.Repeat("\x00", 10), "", "text", filetype.Proven, ""},
		{"almost zeros", table(says("text", whole(5001), nil)), strings.Repeat("\x00", 5000) + "x", "", "text", filetype.Proven, ""},
		{"empty", table(says("first", whole(4), nil, first)), "", "", "", filetype.Unknown, "filetype.no-format"},
		{"broken contract", table(says("first", whole(4), io.ErrClosedPipe, first)), "ABCD", "", "first", filetype.Unknown, "filetype.unread"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, r, err := tt.table.Identify(t.Context(), block.Bytes([]byte(tt.data)), tt.file)
			if err != nil {
				t.Fatal(err)
			}
			name := ""
			if f != nil {
				name = f.Name
			}
			if name != tt.format || r.Verdict != tt.verdict || code(r.Findings) != tt.codes {
				t.Errorf("%q %v [%s], expected %q %v [%s]", name, r.Verdict, code(r.Findings), tt.format, tt.verdict, tt.codes)
			}
		})
	}
}

func TestIdentifyUnreadable(t *testing.T) {
	tb, err := filetype.NewTable([]filetype.Format{says("first", filetype.Report{}, nil, probe.Probe{ID: "first.x", Bytes: []byte("AB")})})
	if err != nil {
		t.Fatal(err)
	}
	// A section that claims more than its parent has knows what it cannot read.
	src := block.Section(block.Bytes([]byte("zz")), block.Extent{Length: 10})
	f, r, err := tb.Identify(t.Context(), src, "")
	if f != nil || err != nil || r.Verdict != filetype.Unknown || !r.Missing.Contains(block.Extent{Offset: 2, Length: 8}) {
		t.Errorf("%v %+v %v", f, r, err)
	}
	hole := &filetypetest.Holed{Source: block.Bytes([]byte("ABCD")), Holes: block.SetOf(block.Extent{Length: 1})}
	if f, _, err := tb.Identify(t.Context(), hole, ""); f != nil || err != nil {
		t.Errorf("an unreadable head: %v %v", f, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := tb.Identify(ctx, hole, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func TestConstantFill(t *testing.T) {
	big := bytes.Repeat([]byte{0xFF}, 1<<20)
	tests := []struct {
		data []byte
		b    byte
		ok   bool
	}{
		{nil, 0, false}, {[]byte{0}, 0, true}, {big, 0xFF, true}, {[]byte("aaaa"), 'a', false},
		{append(bytes.Clone(big), 0), 0xFF, false},
	}
	for i, tt := range tests {
		b, ok, err := filetype.ConstantFill(t.Context(), block.Bytes(tt.data))
		if b != tt.b || ok != tt.ok || err != nil {
			t.Errorf("%d: %#x %v %v", i, b, ok, err)
		}
	}
	hole := &filetypetest.Holed{Source: block.Bytes(big), Holes: block.SetOf(block.Extent{Offset: 5000, Length: 1})}
	if _, ok, err := filetype.ConstantFill(t.Context(), hole); ok || err == nil {
		t.Errorf("an unreadable byte counts as fill: %v %v", ok, err)
	}
}

// A damaged inode may claim terabytes of hole: they are not read.
func TestConstantFillOfHoles(t *testing.T) {
	const tera = 1 << 40
	data := append(make([]byte, 8192), 1)
	runs := []block.Run{
		{Length: 4096},
		{Logical: 4096, Length: tera, Kind: block.Zero},
		{Logical: 4096 + tera, Physical: 4096, Length: 4096},
		{Logical: 8192 + tera, Length: tera, Kind: block.Zero},
	}
	for _, tt := range []struct {
		last int64 // where the last byte stands
		ok   bool
	}{{0, true}, {8192, false}} {
		all := append(slices.Clone(runs), block.Run{Logical: 8192 + 2*tera, Physical: tt.last, Length: 1})
		src := blocktest.Counting(block.Join(block.Bytes(data), all, 8193+2*tera))
		b, ok, err := filetype.ConstantFill(t.Context(), src)
		if b != 0 || ok != tt.ok || err != nil {
			t.Errorf("%#x %v %v, expected %v", b, ok, err, tt.ok)
		}
		if src.Bytes() > 1<<20 {
			t.Errorf("%d bytes were read", src.Bytes())
		}
	}
}

func TestStream(t *testing.T) {
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	s := filetype.NewStream(t.Context(), block.Bytes(data), 10)
	p, err := s.Peek(5)
	if err != nil || !bytes.Equal(p, data[10:15]) || s.Offset() != 10 {
		t.Fatalf("peek %v %v at %d", p, err, s.Offset())
	}
	if b, err := s.ReadByte(); err != nil || b != data[10] {
		t.Fatal(b, err)
	}
	n := 0
	if err := s.Skip(500000, func(p []byte) { n += len(p) }); err != nil || n != 500000 || s.Offset() != 500011 {
		t.Fatalf("skip: %v, %d bytes, at %d", err, n, s.Offset())
	}
	if p, err = s.Peek(300000); err != nil || !bytes.Equal(p, data[500011:800011]) {
		t.Fatal("a long peek differs", err)
	}
	rest, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(rest, data[500011:]) {
		t.Fatal("the rest differs", err)
	}
	if _, err := s.ReadByte(); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
	if p, err := s.Peek(3); len(p) != 0 || err != io.EOF {
		t.Fatalf("peek at the end: %v %v", p, err)
	}
}
