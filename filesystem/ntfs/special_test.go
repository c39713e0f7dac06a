package ntfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
)

// Packed files decompress to what was packed.
func TestPacked(t *testing.T) {
	v := mustOpen(t, readImage(t, "special.img.gz"))
	got, errs := files(t, v)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := readImage(t, "../../internal/wincompress/testdata/sample.gz")
	for name, encoding := range map[string]string{"xpress4096": "ntfs.xpress:4096", "xpress8192": "ntfs.xpress:8192", "xpress16384": "ntfs.xpress:16384", "lzx": "ntfs.lzx:32768"} {
		f := got["live wof "+name+".bin"]
		if f == nil || len(f.Streams) != 1 || f.Streams[0].Encoding != encoding || !f.Sound {
			t.Errorf("%s: %+v", name, f)
			continue
		}
		p, err := readAll(t, v, f)
		if err != nil || !bytes.Equal(p, want) {
			t.Errorf("%s: %d bytes, %v", name, len(p), err)
		}
		// The catalogue decodes by the places of the stored bytes alone.
		s := f.Streams[0]
		stored := block.Join(v.src, s.Runs, s.Runs[len(s.Runs)-1].LogicalExtent().End())
		d, err := Decode(s.Encoding, stored, s.Size)
		if err != nil {
			t.Fatal(err)
		}
		part := make([]byte, 1000)
		if n, err := d.ReadAt(part, 50_000); n != 1000 || !bytes.Equal(part, want[50_000:51_000]) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	f := got["live wof in an archive.bin"]
	if f == nil || f.Sound || codes(f) != "wof.elsewhere" || f.Size() != 5000 || f.Streams[0].Runs[0].Kind != block.Lost {
		t.Errorf("%+v", f)
	}
}

func TestDecodeRefuses(t *testing.T) {
	src := block.Bytes(make([]byte, 100))
	for _, encoding := range []string{"", "ntfs.lznt1", "ntfs.lznt1:", "ntfs.lznt1:0", "ntfs.lznt1:65537", "ntfs.lznt1:65536:x", "ntfs.lznt1:65536:-1",
		"ntfs.lzx:32768:5", "ntfs.other:4096", "ext.lznt1:65536", "ntfs.lznt1:1099511627776"} {
		if _, err := Decode(encoding, src, 100); err == nil {
			t.Errorf("%q is accepted", encoding)
		} else if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("%q: %v", encoding, err)
		}
	}
	if _, err := Decode("ntfs.lznt1:65536", src, -1); err == nil {
		t.Error("a negative size is accepted")
	}
}

// What was allocated and never written reads as zeros behind the bytes that were.
func TestCompressedAndNotWritten(t *testing.T) {
	text := bytes.Repeat([]byte("x"), 65536)
	d, err := Decode("ntfs.lznt1:65536:1000", block.Bytes(text), 3000)
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(block.Reader(d))
	if err != nil || !bytes.Equal(p[:1000], text[:1000]) || !blank(p[1000:]) || len(p) != 3000 {
		t.Errorf("%d bytes, %v", len(p), err)
	}
}

// A compressed unit of which a cluster is gone is unreadable as a whole, and only it.
func TestCompressedInPart(t *testing.T) {
	v := mustOpen(t, readImage(t, "plain.img.gz"))
	got, _ := files(t, v)
	f := got["live packed/mixed.bin"]
	if f == nil {
		f = got["deleted packed/mixed.bin"]
	}
	want, err := readAll(t, v, f)
	if err != nil {
		t.Fatal(err)
	}
	g := *f
	g.Streams = slices.Clone(f.Streams)
	runs := slices.Clone(g.Streams[0].Runs)
	for i, r := range runs { // one cluster of unit 1
		if r.LogicalExtent().Has(65536) && r.Kind == block.Data {
			d := 65536 - r.Logical
			parts := []block.Run{{Logical: r.Logical, Physical: r.Physical, Length: d}, {Logical: 65536, Physical: r.Physical + d, Length: 4096, Kind: block.Foreign},
				{Logical: 65536 + 4096, Physical: r.Physical + d + 4096, Length: r.Length - d - 4096}}
			runs = append(runs[:i:i], append(parts, runs[i+1:]...)...)
			break
		}
	}
	g.Streams[0].Runs = runs
	src, err := v.Open(&g, "")
	if err != nil {
		t.Fatal(err)
	}
	bad := block.UnreadableIn(src, block.Extent{Length: src.Size()})
	if len(bad) != 1 || bad[0].Extent != (block.Extent{Offset: 65536, Length: 65536}) {
		t.Errorf("unreadable %v", bad)
	}
	p := make([]byte, 4096)
	for off := int64(0); off+4096 <= src.Size(); off += 4096 {
		n, err := src.ReadAt(p, off)
		if off>>16 == 1 {
			if _, ok := block.IsUnreadable(err); n != 0 || !ok {
				t.Errorf("at %d: %d, %v", off, n, err)
			}
		} else if n != 4096 || !bytes.Equal(p, want[off:off+4096]) {
			t.Errorf("at %d: %d, %v", off, n, err)
		}
	}
}

func TestLinksAndDevices(t *testing.T) {
	got, _ := files(t, mustOpen(t, readImage(t, "special.img.gz")))
	for path, want := range map[string]struct {
		mode   fs.FileMode
		target string
	}{
		"relative link": {fs.ModeSymlink, `docs\a.txt`}, "absolute link": {fs.ModeSymlink, `C:\Users\Ünal`},
		"link that shows nothing": {fs.ModeSymlink, `C:\Temp`}, "linux link": {fs.ModeSymlink, "ziel/ü"},
		"linux fifo": {fs.ModeNamedPipe, ""}, "linux socket": {fs.ModeSocket, ""}, "linux device": {fs.ModeDevice, ""},
		"junction": {fs.ModeSymlink, `D:\Data`}, "in a cloud.txt": {0, ""},
	} {
		f := got["live "+path]
		if f == nil || f.Mode.Type() != want.mode || f.Target != want.target || !f.Sound {
			t.Errorf("%s: %+v", path, f)
		} else if want.mode != 0 && len(f.Streams) > 0 {
			t.Errorf("%s has content", path)
		}
	}
}

func TestReparsePoints(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    string
		bad  bool
	}{
		{"nothing", "", true},
		{"cut", "\x0c\x00\x00\xa0\x08\x00\x00\x00\x00\x00", true},
		{"names outside", "\x0c\x00\x00\xa0\x0c\x00\x00\x00\xff\xff\x10\x00\xff\xff\x10\x00\x00\x00\x00\x00", true},
		{"unknown packing", "\x17\x00\x00\x80\x10\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00", true},
		{"cut packing", "\x17\x00\x00\x80\x08\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00", true},
		{"another tag", "\x1a\x00\x00\x90\x02\x00\x00\x00xy", false},
	} {
		if _, err := parseReparse([]byte(tt.p)); (err != nil) != tt.bad {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestKeptAttributes(t *testing.T) {
	got, _ := files(t, mustOpen(t, readImage(t, "special.img.gz")))
	f := got["live with an identifier.txt"]
	if f == nil || !bytes.HasPrefix(f.Attributes[xattrObjectID], []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f")) {
		t.Errorf("%+v", f)
	}
	if len(f.Attributes[xattrACL]) < 20 || f.Attributes[xattrACL][0] != 1 {
		t.Errorf("security descriptor %x", f.Attributes[xattrACL])
	}
	got, _ = files(t, mustOpen(t, readImage(t, "plain.img.gz")))
	f = got["live read only.txt"]
	if f == nil || f.Mode != 0o444 || le.Uint32(f.Attributes[xattrDOS])&attrReadOnly == 0 {
		t.Errorf("%+v", f)
	}
}

// Names whose records belong to others by now come from behind the entries of their folder, with their size.
func TestNamesFromSlack(t *testing.T) {
	v := mustOpen(t, readImage(t, "special.img.gz"))
	got, _ := files(t, v)
	n := 0
	for key, f := range got {
		if !strings.HasPrefix(key, "deleted folder/name number ") {
			continue
		}
		n++
		if codes(f) != "name.slack name.only" && codes(f) != "name.slack name.unlinked" || f.Size() != 1400 || f.Sound || f.Streams[0].Runs[0].Kind != block.Lost || f.Times.Modified.IsZero() {
			t.Errorf("%s: %+v", key, f)
		}
	}
	if n == 0 {
		t.Error("no name was found")
	}
	if !slices.ContainsFunc(v.Info().Findings, func(f findingAlias) bool { return f.Code == volumeShadow.Code }) {
		t.Errorf("shadow copies are not told: %v", v.Info().Findings)
	}
}

func TestLocked(t *testing.T) {
	r := buildRecord(t, 70, 1, recordInUse,
		resident(typeStandard, "", make([]byte, 72)),
		resident(typeName, "", nameOf(refer(5, 5), "secret.txt", 100)),
		resident(typeData, "", []byte("ciphertext")),
		resident(typeUtility, "$EFS", make([]byte, 80)))
	p := readImage(t, "plain.img.gz")
	at := placeRecord(t, p, 70, r)
	if at < 0 {
		t.Fatal("no record 70")
	}
	v := mustOpen(t, p)
	got, _ := files(t, v)
	f := got["live secret.txt"]
	if f == nil || !f.Locked || codes(f) != "encrypted" {
		t.Fatalf("%+v", f)
	}
	if _, err := v.Open(f, ""); !errors.Is(err, filesystem.ErrLocked) {
		t.Error(err)
	}
}
