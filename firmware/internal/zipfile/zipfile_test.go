package zipfile

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// infoZip makes an archive with zip(1).
func infoZip(t testing.TB, args []string, files map[string][]byte) []byte {
	t.Helper()
	dir := imagetest.Folder(t, files)
	names := slices.Sorted(maps.Keys(files))
	imagetest.Pipe(t, dir, nil, "zip", append(append(append([]string{"-q"}, args...), "out.zip"), names...)...)
	return imagetest.File(t, dir, "out.zip")
}

// goZip makes one whose numbers stand behind the data.
func goZip(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a", "b", "c"} {
		x, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetComment("a comment"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var files = map[string][]byte{"a": firmwaretest.Noise(3000, 1), "b": bytes.Repeat([]byte("text "), 5000), "c": {}}

// format opens archives as a package, for the tests of this package alone.
func format() firmware.Format {
	return firmware.Format{Name: "zip", Title: "zip", Open: func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
		a, err := Read(ctx, src)
		if err != nil {
			return nil, err
		}
		p := &firmware.Part{Checks: a.Checks(src)}
		for i := range a.Members {
			if !a.Members[i].Folder() {
				p.Children = append(p.Children, a.Members[i].Open(ctx, src, o, firmware.Data))
			}
		}
		return p, nil
	}}
}

func content(t *testing.T, p *firmware.Part) []byte {
	t.Helper()
	if len(p.Children) > 0 {
		p = p.Children[0]
	}
	b, err := io.ReadAll(block.Reader(p.Source))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func archives(t testing.TB) map[string][]byte {
	return map[string][]byte{"stored": infoZip(t, []string{"-0"}, files), "packed": infoZip(t, nil, files), "streamed": goZip(t, files), "large records": infoZip(t, []string{"-fz"}, files)}
}

// TestArchives reads what zip and Go make, and holds it to what all formats promise.
func TestArchives(t *testing.T) {
	for name, image := range archives(t) {
		t.Run(name, func(t *testing.T) {
			p := firmwaretest.Open(t, image, nil, format())
			if v := firmware.Whole(p); v.Answer != firmware.CannotTell || len(p.Children) != 3 {
				t.Fatalf("%v %q, %d members", v.Answer, v.Reasons, len(p.Children))
			}
			for i, name := range []string{"a", "b", "c"} {
				if c := p.Children[i]; c.Name != name || !bytes.Equal(content(t, c), files[name]) {
					t.Errorf("%q is another", c.Name)
				}
			}
			blind := p.Uncovered() // headers and the directory have no sum
			for _, c := range p.Children {
				if c.Compression != "" { // the last bits of a packed stream are nobody's
					blind.Add(block.Extent{Offset: c.Offset + c.Size - 1, Length: 1})
				}
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Blind: blind}, format())
		})
	}
}

// TestTrouble tells what does not fit between headers and the directory.
func TestTrouble(t *testing.T) {
	image := infoZip(t, []string{"-0"}, files)
	end := len(image) - endSize
	directory := int(binary.LittleEndian.Uint32(image[end+16:]))
	for _, tt := range []struct {
		name   string
		change func(p []byte) []byte
		reason string
	}{
		{"name", func(p []byte) []byte { p[localSize] = 'x'; return p }, `its own header calls it "x"`},
		{"sum", func(p []byte) []byte { p[14] ^= 1; return p }, "its own header says CRC-32"},
		{"size", func(p []byte) []byte { p[18] ^= 1; return p }, "its own header says 3001 bytes"},
		{"way", func(p []byte) []byte { p[8] = 8; return p }, "its own header says way 8"},
		{"no header", func(p []byte) []byte { binary.LittleEndian.PutUint32(p[directory+42:], 5); return p }, "no header at 5"},
		{"two in one place", func(p []byte) []byte {
			second := directory + centralSize + int(binary.LittleEndian.Uint16(p[directory+28:])) + int(binary.LittleEndian.Uint16(p[directory+30:]))
			binary.LittleEndian.PutUint32(p[second+42:], 0)
			return p
		}, "its own header calls it"},
		{"cut", func(p []byte) []byte { return p[:2000] }, `2000 bytes; it ends inside of "a"`},
		{"cut in the directory", func(p []byte) []byte { return p[:directory+10] }, "it ends behind"},
		{"changed", func(p []byte) []byte { p[500] ^= 1; return p }, "CRC-32"},
	} {
		p := firmwaretest.Open(t, tt.change(bytes.Clone(image)), nil, format())
		if v := firmware.Whole(p); v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.reason) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
	secret := infoZip(t, []string{"-P", "secret"}, files)
	p := firmwaretest.Open(t, secret, nil, format())
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "encrypted") {
		t.Errorf("encrypted: %v %q", v.Answer, v.Reasons)
	}
}

// TestBombs stops at the size that the directory says.
func TestBombs(t *testing.T) {
	image := infoZip(t, []string{"-9"}, map[string][]byte{"zeros": make([]byte, 8<<20)})
	end := len(image) - endSize
	directory := int(binary.LittleEndian.Uint32(image[end+16:]))
	for _, at := range []int{22, directory + 24} {
		binary.LittleEndian.PutUint32(image[at:], 100)
	}
	p := firmwaretest.Open(t, image, nil, format())
	if v := firmware.Whole(p); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "more comes out") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

func TestStarts(t *testing.T) {
	if name, err := Starts(block.Bytes(goZip(t, files))); err != nil || name != "a" {
		t.Errorf("%q %v", name, err)
	}
	for _, p := range []string{"", "PK", "PK\x03\x04", "PK\x03\x04" + strings.Repeat("\xff", 100), strings.Repeat("x", 100)} {
		if _, err := Starts(block.Bytes([]byte(p))); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// TestWide refuses records of large archives that lead elsewhere.
func TestWide(t *testing.T) {
	image := infoZip(t, []string{"-fz"}, files)
	if i := bytes.Index(image, []byte("PK\x06\x07")); i < 0 {
		t.Fatal("zip -fz wrote no such records")
	} else {
		binary.LittleEndian.PutUint64(image[i+8:], 1<<63)
	}
	a, err := Read(context.Background(), block.Bytes(image))
	if err != nil || a.Broken == nil && fmt.Sprint(a.Directory) == "" {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, p := range archives(f) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 || x.Offset > int64(len(p)) && !x.Unpacked {
				t.Fatal(x.Name, x.Offset, x.Size)
			}
			return true
		})
	})
}
