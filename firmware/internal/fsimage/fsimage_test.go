package fsimage

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

var ctx = context.Background()

// torn cannot be read from a place on.
type torn struct {
	block.Source
	at int64
}

func (s torn) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= s.at {
		return s.Source.ReadAt(p, off)
	}
	n, _ := s.Source.ReadAt(p[:max(s.at-off, 0)], off)
	return n, block.NewUnreadable(block.Between(s.at, s.Size()), block.Bad, nil)
}

func filled(n int, value byte) []byte { return bytes.Repeat([]byte{value}, n) }

func TestCut(t *testing.T) {
	c := Cut(6_815_744, 4_194_304, Region{"header", block.Extent{Length: 100}}, Region{"root file system", block.Extent{Offset: 100, Length: 6_815_644}})
	if c.State != firmware.Failed || c.What != "root file system" || !strings.Contains(c.Why, "4,194,304 of 6,815,744 bytes are there; it ends inside the root file system") {
		t.Errorf("%+v", c)
	}
	if c = Cut(10, 5); c.What != "image" {
		t.Errorf("%+v", c)
	}
}

// TestProven tells the longest stretches in order, and never more than were given.
func TestProven(t *testing.T) {
	var s block.Set
	for i := range int64(100) {
		s.Add(block.Extent{Offset: i * 1000, Length: i + 1})
	}
	checks := Proven("nodes", "CRC-32", s)
	if len(checks) != maxExtents {
		t.Fatalf("%d checks", len(checks))
	}
	last := int64(-1)
	for _, c := range checks {
		if c.Extent.Offset <= last || !s.Contains(c.Extent) || c.Extent.Length <= 100-maxExtents || !c.Strong || c.State != firmware.Passed {
			t.Errorf("%+v behind %d", c, last)
		}
		last = c.Extent.Offset
	}
	if Proven("x", "y", block.Set{}) != nil {
		t.Error("checks of nothing")
	}
}

func TestFailed(t *testing.T) {
	c := Failed("node", "CRC-32", block.Extent{Length: 5}, cursor.Corrupt("x", 64, "aa", "bb"))
	if c.State != firmware.Failed || c.Expected != "aa" || c.Found != "bb" || c.Why != "at 0x40" {
		t.Errorf("%+v", c)
	}
	if c = Failed("node", "CRC-32", block.Extent{}, io.ErrUnexpectedEOF); c.State != firmware.Cannot || c.Why == "" {
		t.Errorf("%+v", c)
	}
}

func TestFill(t *testing.T) {
	for _, tt := range []struct {
		p    []byte
		want int64
	}{
		{nil, 0}, {[]byte{1}, 0}, {[]byte{0xFF}, 1}, {[]byte{0, 0, 1}, 2}, {filled(5000, 0), 5000}, {append(filled(4097, 0xFF), 0), 4097},
		{append(filled(1<<20, 0), filled(3, 0xFF)...), 1 << 20}, {filled(3<<20, 0xFF), 3 << 20},
	} {
		if got := Fill(ctx, block.Bytes(tt.p), block.Extent{Length: int64(len(tt.p))}); got.Offset != 0 || got.Length != tt.want {
			t.Errorf("%d bytes: %v, want %d", len(tt.p), got, tt.want)
		}
	}
	if got := Fill(ctx, torn{block.Bytes(filled(3<<20, 0)), 2 << 20}, block.Extent{Length: 3 << 20}); got.Length != 0 {
		t.Errorf("what cannot be read is filling: %v", got)
	}
}

// TestFilling fails for a few other bytes, and says nothing where most are others.
func TestFilling(t *testing.T) {
	spot := filled(6400, 0xFF)
	spot[99] = 0xFE
	for _, tt := range []struct {
		name  string
		src   block.Source
		known bool
		state firmware.State
	}{
		{"all", block.Bytes(filled(6400, 0xFF)), true, firmware.Passed},
		{"other value", block.Bytes(filled(6400, 0)), true, firmware.Passed},
		{"one byte", block.Bytes(spot), true, firmware.Failed},
		{"something else", block.Bytes(filled(6400, 0x55)), false, 0},
		{"nothing", block.Bytes(nil), false, 0},
		{"one strange byte", block.Bytes([]byte{7}), false, 0},
		{"not readable", torn{block.Bytes(filled(6400, 0xFF)), 100}, true, firmware.Cannot},
	} {
		c, known := Filling(ctx, tt.src, "gap", block.Extent{Length: tt.src.Size()}, 0xFF, 0)
		if known != tt.known || known && c.State != tt.state {
			t.Errorf("%s: %v, %v %+v", tt.name, known, c.State, c)
		}
	}
}

// open runs Behind over p, whose image ends at the place end.
func open(t *testing.T, p []byte, end int64) *firmware.Part {
	t.Helper()
	f := firmware.Format{Name: "x", Title: "x", Open: func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
		if _, itself := o.File(); !itself {
			return nil, cursor.ErrNot
		}
		part := &firmware.Part{}
		Behind(ctx, src, end, part, o)
		return part, nil
	}}
	part, err := firmware.Open(ctx, block.Bytes(p), "", firmware.Options{Formats: []firmware.Format{f}})
	if err != nil {
		t.Fatal(err)
	}
	return part
}

func TestBehind(t *testing.T) {
	image := filled(100, 7)
	join := func(parts ...[]byte) []byte { return bytes.Join(append([][]byte{image}, parts...), nil) }
	for _, tt := range []struct {
		name   string
		p      []byte
		fills  []int64
		behind int64 // where a part begins; 0 for none
	}{
		{"nothing", join(), nil, 0},
		{"zeros", join(filled(50, 0)), []int64{50}, 0},
		{"two values", join(filled(50, 0), filled(500, 0xFF)), []int64{48, 0}, 0},
		{"a part", join([]byte("part")), nil, 100},
		{"a part behind filling", join(filled(60, 0xFF), []byte("part")), []int64{60}, 160},
		{"a part that begins with zeros", join(filled(61, 0xFF), []byte{0, 0, 0, 1}), []int64{60}, 160},
		{"a part that begins with few zeros", join(filled(3, 0), []byte("part")), nil, 100},
		{"end behind the file", join()[:50], nil, 0},
	} {
		p := open(t, tt.p, 100)
		if tt.behind == 0 && len(p.Children) > 0 && tt.name != "two values" || tt.behind > 0 && (len(p.Children) != 1 || p.Children[0].Offset != tt.behind || p.Children[0].Offset+p.Children[0].Size != int64(len(tt.p))) {
			t.Errorf("%s: %+v", tt.name, p.Children)
		}
		for i, c := range p.Checks {
			if i < len(tt.fills) && tt.fills[i] > 0 && (c.Extent.Length != tt.fills[i] || c.State != firmware.Passed || c.Method != "padding") {
				t.Errorf("%s: %+v, want %d", tt.name, c, tt.fills[i])
			}
		}
	}
}

func TestRelease(t *testing.T) {
	for text, want := range map[string]string{
		"NAME=\"OpenWrt\"\nVERSION_ID=23.05.2\n": "OpenWrt 23.05.2",
		"PRETTY_NAME='Acme 4'\nNAME=Acme\n":      "Acme 4",
		"":                                       "",
		"junk\x00\n=\nNAME=\n":                   "",
		"NAME=" + strings.Repeat("x", 500) + "\n":      "",
		"# comment\nNAME=Buildroot\nVERSION=2024.02\n": "Buildroot",
	} {
		if got := Release([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWindow(t *testing.T) {
	p := make([]byte, 3<<20)
	for i := range p {
		p[i] = byte(i * 7 >> 3)
	}
	w := NewWindow(block.Bytes(p))
	for _, e := range []block.Extent{{Offset: 0, Length: 10}, {Offset: 1<<20 - 5, Length: 10}, {Offset: 5, Length: 2 << 20}, {Offset: 3<<20 - 1, Length: 1}, {Offset: 100, Length: 0}} {
		got, err := w.Bytes("x", e.Offset, e.Length)
		if err != nil || !bytes.Equal(got, p[e.Offset:e.End()]) {
			t.Errorf("%v: %v", e, err)
		}
	}
	for _, e := range []block.Extent{{Offset: 3 << 20, Length: 1}, {Offset: -1, Length: 1}, {Offset: 0, Length: 100 << 20}, {Offset: 0, Length: -1}} {
		if _, err := w.Bytes("x", e.Offset, e.Length); err == nil {
			t.Errorf("%v can be read", e)
		} else if _, broken := cursor.IsCorrupt(err); !broken {
			t.Errorf("%v: %v", e, err)
		}
	}
	w = NewWindow(torn{block.Bytes(p), 100})
	if got, err := w.Bytes("x", 0, 50); err != nil || !bytes.Equal(got, p[:50]) {
		t.Errorf("in front of what cannot be read: %v", err)
	}
	var bad *block.UnreadableError
	if _, err := w.Bytes("x", 90, 50); !errors.As(err, &bad) {
		t.Errorf("%v", err)
	}
}

// TestSums holds the sums against the values of their catalogue for "123456789".
func TestSums(t *testing.T) {
	p := []byte("123456789")
	if got := Raw32(0xFFFFFFFF, p); got != ^uint32(0xCBF43926) {
		t.Errorf("CRC-32: %08x", got)
	}
	if got := Castagnoli(0xFFFFFFFF, p); got != ^uint32(0xE3069283) {
		t.Errorf("CRC-32C: %08x", got)
	}
	if a, b := Raw32(Raw32(5, p[:4]), p[4:]), Raw32(5, p); a != b {
		t.Errorf("in two pieces %08x, in one %08x", a, b)
	}
	if Raw32(0, p) == crc32.ChecksumIEEE(p) {
		t.Error("a start value of zero makes no difference")
	}
}
