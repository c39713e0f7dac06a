package super

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// fixture is the image of package volume/lp.
func fixture(t testing.TB) []byte {
	t.Helper()
	f, err := os.Open("../../volume/lp/testdata/super.img.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSuper(t *testing.T) {
	image := fixture(t)
	p := firmwaretest.Open(t, image, nil, Format())
	if p.Format != "android-super" || len(p.Children) < 2 || len(p.Checks) < 2 {
		t.Fatalf("%q, %d parts, %d checks", p.Format, len(p.Children), len(p.Checks))
	}
	for _, c := range p.Children {
		b, err := io.ReadAll(block.Reader(c.Source))
		if err != nil || int64(len(b)) != c.Size || len(b) < 2048 || c.Name == "" {
			t.Errorf("%q: %d of %d bytes, %v", c.Name, len(b), c.Size, err)
		}
		if !c.Unpacked && !bytes.Equal(b, image[c.Offset:c.Offset+c.Size]) {
			t.Errorf("%q stands elsewhere", c.Name)
		}
	}
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	last := slices.MaxFunc(p.Children, func(a, b *firmware.Part) int { return cmp.Compare(a.Offset, b.Offset) })
	v := firmware.Whole(firmwaretest.Open(t, image[:last.Offset+100], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "cut off") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for _, at := range []int{4096 + 44, 8192 + 44, 12288 + 30, 12288 + 300} {
		bad := bytes.Clone(image)
		bad[at] ^= 1
		if v := firmware.Whole(firmwaretest.Open(t, bad, nil, Format())); v.Answer != firmware.No {
			t.Errorf("a changed bit at %d: %v %q", at, v.Answer, v.Reasons)
		}
	}
}

func TestLook(t *testing.T) {
	s, err := look(context.Background(), block.Bytes(fixture(t)))
	if err != nil || s.Title != "Android super partition" {
		t.Errorf("%+v %v", s, err)
	}
	for seed := range uint64(50) {
		p := firmwaretest.Noise(256<<10, seed)
		copy(p[4096:], magic)
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(fixture(f)[:200<<10])
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatal(x.Name, x.Offset, x.Size)
			}
			return true
		})
	})
}
