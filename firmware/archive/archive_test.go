package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// run gives stdin to a tool in a folder.
func run(t testing.TB, dir string, stdin []byte, name string, args ...string) []byte {
	t.Helper()
	return (&imagetest.Dir{Path: dir}).Pipe(t, stdin, name, args...)
}

func write(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for name, p := range files {
		(&imagetest.Dir{Path: dir}).Write(t, name, p)
	}
}

var files = map[string][]byte{"d/u-boot.bin": firmwaretest.Noise(3000, 1), "d/readme.txt": bytes.Repeat([]byte("read me\n"), 300), "d/sub/kernel": firmwaretest.Noise(700, 2), "d/empty": nil}

// archives are the same files by each tool.
func archives(t testing.TB) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	run(t, dir, nil, "zip", "-q", "-r", "a.zip", "d")
	run(t, dir, nil, "zip", "-q", "-r", "-0", "stored.zip", "d")
	out := map[string][]byte{
		"streamed zip": run(t, dir, nil, "zip", "-q", "-r", "-", "d"),
		"gnu tar":      run(t, dir, nil, "tar", "--format=gnu", "-cf", "-", "d"),
		"pax tar":      run(t, dir, nil, "tar", "--format=pax", "-cf", "-", "d"),
		"newc cpio":    run(t, dir, []byte("d\nd/u-boot.bin\nd/readme.txt\nd/sub/kernel\nd/empty\n"), "cpio", "--quiet", "-o", "-H", "newc"),
		"crc cpio":     run(t, dir, []byte("d\nd/u-boot.bin\nd/readme.txt\nd/sub/kernel\nd/empty\n"), "cpio", "--quiet", "-o", "-H", "crc"),
	}
	for _, name := range []string{"a.zip", "stored.zip"} {
		p, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(name, ".zip")+" zip"] = p
	}
	return out
}

// content returns a part's bytes, unpacked where it is packed.
func content(t testing.TB, p *firmware.Part) []byte {
	t.Helper()
	if p.Compression != "" {
		if len(p.Children) == 0 {
			t.Fatalf("%s was not unpacked", p.Name)
		}
		p = p.Children[0]
	}
	b, err := io.ReadAll(block.Reader(p.Source))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestArchives(t *testing.T) {
	for name, p := range archives(t) {
		t.Run(name, func(t *testing.T) {
			kind := name[strings.IndexByte(name, ' ')+1:]
			part := firmwaretest.Open(t, p, nil, Formats()...)
			if part.Format != kind {
				t.Fatalf("it is taken for %q: %v", part.Format, part.Findings)
			}
			v, want := firmware.Whole(part), firmware.OK
			if kind != "zip" {
				want = firmware.CannotTell // nothing sums up the content, or the names
			}
			if v.Answer != want {
				t.Errorf("%v %q, uncovered %v", v.Answer, v.Reasons, part.Uncovered().Extents())
			}
			found := 0
			for _, c := range part.Children {
				if p, ok := files[c.Name]; ok && len(p) > 0 {
					if found++; !bytes.Equal(content(t, c), p) {
						t.Errorf("%s is another", c.Name)
					}
				}
				if c.Name == "d/u-boot.bin" && c.Role != firmware.BootLoader || c.Name == "d/sub/kernel" && c.Role != firmware.Kernel {
					t.Errorf("%s is a %s", c.Name, c.Role)
				}
			}
			if found != 3 {
				t.Errorf("%d of 3 files", found)
			}
			blind := block.Set{}
			part.Walk(func(x *firmware.Part, depth int) bool {
				if depth == 0 {
					blind = blind.Union(x.Unused).Union(part.Uncovered())
				}
				return true
			})
			end := padding(kind, p)
			blind.Add(end)
			caseless(&blind, kind, p)
			firmwaretest.Run(t, p, firmwaretest.Options{Blind: blind, Flips: 150, Cuts: 60, Short: func(n int64) bool { return end.Length > 0 && n >= end.Offset && (kind != "tar" || n%512 == 0) }}, first(kind)...)
		})
	}
}

// first are the rows with that one before the others.
func first(name string) []firmware.Format {
	all := Formats()
	slices.SortStableFunc(all, func(a, b firmware.Format) int {
		switch name {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return 0
	})
	return all
}

// padding are the zeros behind an archive that tools add beyond what the format asks for.
func padding(kind string, p []byte) block.Extent {
	if kind == "zip" {
		return block.Extent{}
	}
	at := int64(len(bytes.TrimRight(p, "\x00")))
	if kind == "tar" {
		at = (at+511)&^511 + 1024
	} else {
		at = (at + 1 + 3) &^ 3
	}
	return block.Between(min(at, int64(len(p))), int64(len(p)))
}

// caseless adds the hex digits of cpio, whose case has no meaning, and lengths of extra fields of zip.
func caseless(s *block.Set, kind string, p []byte) {
	for at := 0; kind == "zip" && at+30 < len(p); at++ {
		if bytes.HasPrefix(p[at:], []byte("PK\x03\x04")) { // how long the extra field of a folder is settles nothing
			s.Add(block.Extent{Offset: int64(at) + 28, Length: 2})
		}
	}
	if kind != "cpio" {
		return
	}
	for at := bytes.Index(p, []byte("07070")); at >= 0; {
		for i := at; i < at+110; i++ {
			if p[i] > '9' {
				s.Add(block.Extent{Offset: int64(i), Length: 1})
			}
		}
		next := bytes.Index(p[at+6:], []byte("07070"))
		if next < 0 {
			return
		}
		at += 6 + next
	}
}

// TestNested opens a zip in a tar in a zip, and what is packed in it.
func TestNested(t *testing.T) {
	dir := t.TempDir()
	inner := archives(t)
	write(t, dir, map[string][]byte{"inner.zip": inner["a zip"], "x.gz": run(t, dir, inner["stored zip"], "gzip", "-c")})
	tarball := run(t, dir, nil, "tar", "-cf", "-", "inner.zip", "x.gz")
	write(t, dir, map[string][]byte{"package.tar": tarball})
	run(t, dir, nil, "zip", "-q", "outer.zip", "package.tar")
	p, err := os.ReadFile(filepath.Join(dir, "outer.zip"))
	if err != nil {
		t.Fatal(err)
	}
	part := firmwaretest.Open(t, p, nil, Formats()...)
	if v := firmware.Whole(part); v.Answer != firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	var formats []string
	part.Walk(func(x *firmware.Part, depth int) bool {
		if x.Format != "" {
			formats = append(formats, fmt.Sprintf("%d %s", depth, x.Format))
		}
		return true
	})
	if got := strings.Join(formats, ", "); got != "0 zip, 2 tar, 3 zip, 3 gzip, 4 zip" {
		t.Errorf("%s", got)
	}
	p[len(p)/2] ^= 1
	if v := firmware.Whole(firmwaretest.Open(t, p, nil, Formats()...)); v.Answer != firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestBehind has an initial RAM disk of two archives, the second one packed.
func TestBehind(t *testing.T) {
	all := archives(t)
	first, second := all["crc cpio"], run(t, t.TempDir(), all["newc cpio"], "gzip", "-c")
	part := firmwaretest.Open(t, append(bytes.Clone(first), second...), nil, Formats()...)
	last := part.Children[len(part.Children)-1]
	if last.Format != "gzip" || last.Offset != int64(len(first)) || last.Children[0].Format != "cpio" || firmware.Whole(part).Answer != firmware.CannotTell && firmware.Whole(part).Answer != firmware.OK {
		t.Errorf("%+v: %v", last, firmware.Whole(part))
	}
}

// TestTree lists files of a large archive and opens none; a change in any is seen.
func TestTree(t *testing.T) {
	dir := t.TempDir()
	many := map[string][]byte{}
	for i := range maxOpened + 1 {
		many[fmt.Sprintf("d/%d", i)] = []byte("PK\x03\x04")
	}
	write(t, dir, many)
	run(t, dir, nil, "zip", "-q", "-r", "a.zip", "d")
	zipped, err := os.ReadFile(filepath.Join(dir, "a.zip"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{zipped, run(t, dir, nil, "tar", "-cf", "-", "d")} {
		part := firmwaretest.Open(t, p, nil, Formats()...)
		if len(part.Findings) != 1 || part.Findings[0].Code != "firmware.archive.tree" || len(part.Children) > maxListed || len(part.Children) < maxListed-10 {
			t.Errorf("%s: %v, %d children", part.Format, part.Findings, len(part.Children))
		}
		v, want := firmware.Whole(part), firmware.CannotTell
		if part.Format == "zip" {
			want = firmware.OK
		}
		if v.Answer != want || len(v.Reasons) > 300 {
			t.Errorf("%s: %v, %d reasons, the first %q", part.Format, v.Answer, len(v.Reasons), v.Reasons[0])
		}
		if part.Format == "zip" {
			p[bytes.LastIndex(p[:len(p)/2], []byte("PK\x03\x04"))] ^= 1
			if v = firmware.Whole(firmwaretest.Open(t, p, nil, Formats()...)); v.Answer != firmware.No {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
		}
	}
}

// TestSparse: an archive with a sparse member cannot be told, and is not bad.
func TestSparse(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"a": []byte("first")})
	path := filepath.Join(dir, "b")
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Truncate(path, 1<<20)); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"gnu", "pax"} {
		p := run(t, dir, nil, "tar", "--format="+form, "--sparse", "-cf", "-", "a", "b")
		if v := firmware.Whole(firmwaretest.Open(t, p, nil, Formats()...)); v.Answer != firmware.CannotTell {
			t.Errorf("%s: %v %q", form, v.Answer, v.Reasons)
		}
	}
}

func TestLook(t *testing.T) {
	for seed := range uint64(3000) {
		p := firmwaretest.Noise(600, seed)
		copy(p, [][]byte{{0x1f, 0x8b}, {0xfd, '7', 'z'}, {0x28, 0xb5}, []byte("BZh"), {0x04, 0x22, 0x4d, 0x18}, {0x5d, 0, 0}, []byte("PK"), []byte("0707")}[seed%8])
		copy(p[257:], "ustar")
		for _, f := range Formats() {
			if s, err := f.Look(context.Background(), block.Bytes(p)); err == nil && f.Name != "lz4" {
				t.Errorf("seed %d: %+v", seed, s)
			} else if err != nil && !errors.Is(err, cursor.ErrNot) {
				t.Fatal(err)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, p := range archives(f) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
