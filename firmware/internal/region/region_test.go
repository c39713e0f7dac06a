package region

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

// failing cannot be read from a place on.
type failing struct {
	block.Source
	at int64
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		return 0, block.NewUnreadable(block.Extent{Offset: f.at, Length: 1}, block.Absent, nil)
	}
	return f.Source.ReadAt(p, off)
}

func TestDigest(t *testing.T) {
	p := bytes.Repeat([]byte("some content "), 200_000)
	e := block.Extent{Offset: 5, Length: int64(len(p) - 10)}
	sum := sha256.Sum256(p[5 : len(p)-5])
	ctx := context.Background()
	if c := Digest(ctx, block.Bytes(p), "x", "SHA-256", e, sha256.New(), sum[:]); c.State != firmware.Passed || !c.Strong || c.Extent != e {
		t.Errorf("%+v", c)
	}
	sum[3] ^= 1
	if c := Digest(ctx, block.Bytes(p), "x", "SHA-256", e, sha256.New(), sum[:]); c.State != firmware.Failed || c.Expected == c.Found {
		t.Errorf("%+v", c)
	}
	if c := Digest(ctx, block.Bytes(p[:100]), "x", "SHA-256", e, sha256.New(), sum[:]); c.State != firmware.Cannot || c.Why != "the file ends inside of it" {
		t.Errorf("%+v", c)
	}
	if c := Digest(ctx, failing{block.Bytes(p), 2 << 20}, "x", "SHA-256", e, sha256.New(), sum[:]); c.State != firmware.Cannot || !strings.Contains(c.Why, "unreadable") {
		t.Errorf("%+v", c)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if c := Digest(ended, block.Bytes(p), "x", "SHA-256", e, sha256.New(), sum[:]); c.State != firmware.Cannot {
		t.Errorf("%+v", c)
	}
}

func TestPadding(t *testing.T) {
	p := make([]byte, 3<<20)
	for _, tt := range []struct {
		at    int // of another byte, -1 for none
		e     block.Extent
		state firmware.State
		found string
	}{
		{-1, block.Extent{Length: 3 << 20}, firmware.Passed, "3145728 bytes of 0x00"},
		{2<<20 + 77, block.Extent{Length: 3 << 20}, firmware.Failed, "0x07 at 2097229"},
		{0, block.Extent{Offset: 1, Length: 100}, firmware.Passed, "100 bytes of 0x00"},
		{1, block.Extent{Offset: 1, Length: 100}, firmware.Failed, "0x07 at 1"},
		{-1, block.Extent{Offset: 1, Length: 3 << 20}, firmware.Cannot, ""},
	} {
		if tt.at >= 0 {
			p[tt.at] = 7
		}
		c := Padding(context.Background(), block.Bytes(p), "gap", tt.e, 0)
		if c.State != tt.state || c.Found != tt.found && tt.state != firmware.Cannot {
			t.Errorf("%d %v: %+v", tt.at, tt.e, c)
		}
		clear(p)
	}
}

func TestFilled(t *testing.T) {
	p := append(make([]byte, 100), bytes.Repeat([]byte{0xFF}, 100)...)
	p = append(p, 5, 5, 5, 5)
	for _, tt := range []struct {
		e    block.Extent
		want bool
	}{{block.Extent{Length: 100}, true}, {block.Extent{Offset: 100, Length: 100}, true}, {block.Extent{Offset: 99, Length: 2}, false}, {block.Extent{Offset: 200, Length: 4}, false},
		{block.Extent{Offset: 100, Length: 0}, false}, {block.Extent{Offset: 100, Length: 200}, false}, {block.Extent{Offset: 500, Length: 1}, false}} {
		if c, ok := Filled(context.Background(), block.Bytes(p), "gap", tt.e); ok != tt.want || ok && (c.State != firmware.Passed || c.Extent != tt.e) {
			t.Errorf("%v: %v %+v", tt.e, ok, c)
		}
	}
}

func TestPart(t *testing.T) {
	src := block.Bytes(make([]byte, 100))
	for _, tt := range []struct{ e, want block.Extent }{
		{block.Extent{Offset: 10, Length: 20}, block.Extent{Offset: 10, Length: 20}},
		{block.Extent{Offset: 90, Length: 20}, block.Extent{Offset: 90, Length: 10}},
		{block.Extent{Offset: 190, Length: 20}, block.Extent{Offset: 100}},
	} {
		p := Part(src, "x", firmware.Data, tt.e)
		if p.Offset != tt.want.Offset || p.Size != tt.want.Length || p.Announced != tt.e.Length || p.Source.Size() != p.Size {
			t.Errorf("%v: %+v", tt.e, p)
		}
	}
	if err := NotHere(cursor.Corrupt("x", 0, 1, 2)); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
	if err := NotHere(context.Canceled); errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
}

// TestBehind takes what is nearly empty for the rest of a partition, and everything else for a part.
// TestBehindZeros opens what stands behind an image and begins with zeros, as file systems do.
func TestBehindZeros(t *testing.T) {
	image := firmware.Format{Name: "image", Open: func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
		if p := make([]byte, 1); src.Size() < 10 || func() bool { _, err := src.ReadAt(p, 0); return err != nil || p[0] != 'i' }() {
			return nil, cursor.ErrNot
		}
		part := &firmware.Part{}
		Behind(ctx, src, part, o, block.Between(10, src.Size()))
		return part, nil
	}}
	files := firmware.Format{Name: "files", Open: func(_ context.Context, src block.Source, _ *firmware.Opening) (*firmware.Part, error) {
		p := make([]byte, 5)
		if _, err := src.ReadAt(p, 1000); err != nil || string(p) != "files" {
			return nil, cursor.ErrNot
		}
		return &firmware.Part{}, nil
	}}
	p := make([]byte, 3000)
	copy(p, "image")
	copy(p[1010:], "files")
	got, err := firmware.Open(context.Background(), block.Bytes(p), "x", firmware.Options{Formats: []firmware.Format{image, files}})
	if err != nil || len(got.Checks) != 0 || len(got.Children) != 1 || got.Children[0].Format != "files" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestBehind(t *testing.T) {
	for _, tt := range []struct {
		name   string
		p      []byte
		checks int
		state  firmware.State
	}{
		{"nothing", nil, 0, 0},
		{"zeros", make([]byte, 5000), 1, firmware.Passed},
		{"erased", bytes.Repeat([]byte{0xFF}, 5000), 1, firmware.Passed},
		{"zeros and more", append(make([]byte, 5000), 1), 1, firmware.Failed},
		{"data", bytes.Repeat([]byte("data"), 100), 0, 0},
	} {
		part := &firmware.Part{}
		Behind(context.Background(), block.Bytes(tt.p), part, &firmware.Opening{}, block.Extent{Length: int64(len(tt.p))})
		if len(part.Checks) != tt.checks || tt.checks > 0 && part.Checks[0].State != tt.state || (tt.name == "data") != (len(part.Children) == 1) {
			t.Errorf("%s: %+v, %d parts", tt.name, part.Checks, len(part.Children))
		}
	}
}
