package ewf_test

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/ewf"
	"salvor/cursor"
)

func small() []byte { return containertest.Disk(512*3001, 1) }
func odd() []byte   { return containertest.Disk(3<<20+512*77, 3) }

var splitNames = []string{"split.E01", "split.E02", "split.E03", "split.E04"}

func sectors(first, count int64) block.Extent {
	return block.Extent{Offset: first * 512, Length: count * 512}
}

func TestImages(t *testing.T) {
	for _, c := range []containertest.Case{
		{Name: "single", File: "single.E01", Truth: small(), SectorSize: 512},
		{Name: "smart", File: "smart.s01", Truth: small(), SectorSize: 512},
		{Name: "chunk16", File: "chunk16.E01", Truth: small()[:1536000], SectorSize: 4096},
		{Name: "errors", File: "errors.E01", Truth: small(), SectorSize: 512, Unreadable: block.SetOf(sectors(384, 32), sectors(2048, 128))},
		{Name: "split", File: "split.E01", Truth: odd(), SectorSize: 512, Used: splitNames},
		{Name: "from the third", File: "split.E03", Truth: odd(), SectorSize: 512, Used: splitNames},
	} {
		c.Format, c.Checked = ewf.Format(), true
		names := c.Used
		if names == nil {
			names = []string{c.File}
		}
		c.Files = containertest.Fixtures(t, names...)
		containertest.Run(t, c)
	}
}

func open(t *testing.T, files containertest.Folder, name string) *container.Image {
	t.Helper()
	image, err := ewf.Open(context.Background(), block.Bytes(files[name]), name, files.Open)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// readable returns the bytes that can be read, all of which must be right.
func readable(t *testing.T, src block.Source, truth []byte) block.Set {
	t.Helper()
	var have block.Set
	buf := make([]byte, 64<<10)
	for off := int64(0); off < src.Size(); {
		n, err := src.ReadAt(buf, off)
		if string(buf[:n]) != string(truth[off:off+int64(n)]) {
			t.Fatalf("wrong bytes at %#x", off)
		}
		have.Add(block.Extent{Offset: off, Length: int64(n)})
		off += int64(n)
		if u, ok := block.IsUnreadable(err); ok {
			off = u.Ranges[0].End()
		} else if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	return have
}

// TestSegmentsMissing takes segments away: what is left stands where it belongs, and the rest is unreadable.
func TestSegmentsMissing(t *testing.T) {
	whole := containertest.Fixtures(t, splitNames...)
	truth := odd()
	// FTK's chunks have 32 KiB: 31 in each of the first three segments, 5 in the last.
	const mid = 31 * 32 << 10
	all := block.Extent{Length: int64(len(truth))}
	for _, c := range []struct {
		without []string
		lost    block.Extent
	}{
		{[]string{"split.E01"}, block.Between(0, mid)},
		{[]string{"split.E02"}, block.Between(mid, 2*mid)},
		{[]string{"split.E02", "split.E03"}, block.Between(mid, 3*mid)},
		{[]string{"split.E04"}, block.Between(3*mid, all.End())},
	} {
		files := whole
		for _, name := range c.without {
			files = files.Without(name)
		}
		from := "split.E01"
		if c.without[0] == from {
			from = "split.E03"
		}
		image := open(t, files, from)
		if got, want := readable(t, image.Source, truth), block.SetOf(c.lost).Complement(all); !got.Equal(want) {
			t.Errorf("without %v: readable %v, expected %v", c.without, got.Extents(), want.Extents())
		}
		told := containertest.Codes(image.Findings)
		if last := c.without[0] == "split.E04"; !last && !slices.Contains(told, "ewf.segment.missing") || last && !slices.Contains(told, "ewf.end") {
			t.Errorf("without %v: told %v", c.without, told)
		}
		list, err := image.Verify(context.Background())
		if err != nil || !slices.Contains(containertest.Codes(list), "ewf.chunk.wrong") {
			t.Errorf("without %v: verified %v, %v", c.without, containertest.Codes(list), err)
		}
	}
}

// TestOtherSegment puts a segment of another image into the place of one.
func TestOtherSegment(t *testing.T) {
	files := containertest.Fixtures(t, splitNames...)
	truth := odd()
	for name, other := range map[string][]byte{"another number": files["split.E03"], "nothing of an image": make([]byte, 4096)} {
		image := open(t, files.With("split.E02", other), "split.E01")
		if told := containertest.Codes(image.Findings); !slices.Contains(told, "ewf.segment.other") {
			t.Errorf("%s: told %v", name, told)
		}
		if got := readable(t, image.Source, truth).Bytes(); got != int64(len(truth)-31*32<<10) {
			t.Errorf("%s: %d bytes are readable", name, got)
		}
	}
}

// find returns where a section stands in a segment.
func find(t *testing.T, file []byte, kind string) int {
	t.Helper()
	for at := 13; at+76 <= len(file); {
		if name, _, _ := strings.Cut(string(file[at:at+16]), "\x00"); name == kind {
			return at
		}
		next := int(binary.LittleEndian.Uint64(file[at+16:]))
		if next <= at {
			break
		}
		at = next
	}
	t.Fatalf("no section %s", kind)
	return 0
}

func changed(files containertest.Folder, name string, change func(b []byte)) containertest.Folder {
	b := slices.Clone(files[name])
	change(b)
	return files.With(name, b)
}

// TestTables destroys tables: the copy takes their place; without both, their chunks are lost and no others.
func TestTables(t *testing.T) {
	whole := containertest.Fixtures(t, splitNames...)
	truth := odd()
	all := block.Extent{Length: int64(len(truth))}
	const mid = 31 * 32 << 10
	wipe := func(from, to int) func([]byte) { return func(b []byte) { clear(b[from:to]) } }
	table, table2 := find(t, whole["split.E02"], "table"), find(t, whole["split.E02"], "table2")
	next := find(t, whole["split.E02"], "next")
	for _, c := range []struct {
		name string
		from int
		to   int
		lost block.Set
	}{
		{"entries of the table", table + 100, table2, block.Set{}},
		{"header of the table", table + 76, table + 100, block.Set{}},
		{"descriptor of the table", table, table + 76, block.Set{}},
		{"all of the table", table, table2, block.Set{}},
		{"the copy", table2, next, block.Set{}},
		{"descriptor of sectors", 13 + 1128, 13 + 1128 + 76, block.Set{}},
		{"both", table, next, block.SetOf(block.Between(mid, 2*mid))},
		{"the end", next, next + 76, block.Set{}},
		{"one chunk", 13 + 1128 + 76 + 1000, 13 + 1128 + 76 + 1001, block.SetOf(block.Extent{Offset: mid, Length: 32 << 10})},
	} {
		files := changed(whole, "split.E02", wipe(c.from, c.to))
		if c.name == "one chunk" {
			files = changed(whole, "split.E02", func(b []byte) { b[c.from] ^= 0x40 })
		}
		image := open(t, files, "split.E01")
		if got, want := readable(t, image.Source, truth), c.lost.Complement(all); !got.Equal(want) {
			t.Errorf("%s: lost %v, expected %v (%v)", c.name, got.Complement(all).Extents(), c.lost.Extents(), image.Findings)
		}
	}
	// An entry in which the copies differ, and both sums are wrong.
	files := changed(whole, "split.E02", func(b []byte) { b[table+100+8]++; b[table2+100+4*7]++ })
	image := open(t, files, "split.E01")
	if lost := readable(t, image.Source, truth).Complement(all); lost.Bytes() > 4*32<<10 || lost.Empty() {
		t.Errorf("two wrong entries lose %v", lost.Extents())
	}
}

// TestVerify checks the stored hashes, and what a wrong one says.
func TestVerify(t *testing.T) {
	files := containertest.Fixtures(t, "single.E01")
	image := open(t, files, "single.E01")
	if len(image.Sums) != 2 || image.Sums[0].Name != "md5" || image.Sums[1].Name != "sha1" {
		t.Errorf("sums %v", image.Sums)
	}
	list, err := image.Verify(context.Background())
	if got := containertest.Codes(list); err != nil || !slices.Equal(got, []string{"ewf.sum.right", "ewf.sum.right"}) {
		t.Errorf("%v, %v", got, err)
	}
	// Another MD5 with a check that fits.
	at := find(t, files["single.E01"], "digest")
	wrong := changed(files, "single.E01", func(b []byte) {
		b[at+76]++
		binary.LittleEndian.PutUint32(b[at+76+76:], adler32.Checksum(b[at+76:at+76+76]))
	})
	list, err = open(t, wrong, "single.E01").Verify(context.Background())
	if got := containertest.Codes(list); err != nil || !slices.Equal(got, []string{"ewf.sum.wrong", "ewf.sum.right"}) {
		t.Errorf("with another MD5: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := image.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("beside a context that is over: %v", err)
	}
	// Sectors that were bad when the image was made are told, and are zeros for the hash.
	image = open(t, containertest.Fixtures(t, "errors.E01"), "errors.E01")
	if got := image.Findings; len(got) != 1 || got[0].Code != "ewf.sectors.bad" || !strings.Contains(got[0].Text, "160 sectors") {
		t.Errorf("found %v", got)
	}
	if list, err = image.Verify(context.Background()); err != nil || !slices.Equal(containertest.Codes(list), []string{"ewf.sum.right"}) {
		t.Errorf("%v, %v", containertest.Codes(list), err)
	}
}

// TestManyBroken walks over a file full of sections that lead nowhere, and comes to its end.
func TestManyBroken(t *testing.T) {
	whole := containertest.Fixtures(t, "single.E01")["single.E01"]
	b := slices.Clone(whole[:13])
	s := make([]byte, 76)
	copy(s, "sectors")
	binary.LittleEndian.PutUint32(s[72:], adler32.Checksum(s[:72]))
	for len(b) < 4<<20 {
		b = append(b, s...)
	}
	begun := time.Now()
	if _, err := ewf.Open(context.Background(), block.Bytes(b), "x.E01", containertest.Folder{}.Open); err == nil {
		t.Error("it opens")
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestNotRead names what is not read.
func TestNotRead(t *testing.T) {
	for _, head := range []string{"LVF\x09\x0d\x0a\xff\x00", "EVF2\x0d\x0a\x81\x00", "LEF2\x0d\x0a\x81\x00", "ADCRYPT\x00"} {
		src := block.Bytes(append([]byte(head), make([]byte, 4096)...))
		image, err := ewf.Open(context.Background(), src, "x.L01", containertest.Folder{}.Open)
		var unsupported *container.UnsupportedError
		var locked *container.LockedError
		if image != nil || !errors.As(err, &unsupported) && !errors.As(err, &locked) || err.Error() == "" {
			t.Errorf("%q: %v", head, err)
		}
		format := ewf.Format()
		if !container.Recognised(&format, src) {
			t.Errorf("%q is not recognised", head)
		}
	}
	if _, err := ewf.Open(context.Background(), block.Bytes([]byte("EVF\x09\x0d\x0a\xff\x00\x01\x01\x00\x00\x00")), "x.E01", containertest.Folder{}.Open); err == nil {
		t.Error("an image without sections opens")
	} else if _, ok := cursor.IsCorrupt(err); !ok {
		t.Errorf("an image without sections: %v", err)
	}
}

// TestExport compares with what ewfexport makes of the same file.
func TestExport(t *testing.T) {
	for _, name := range []string{"single.E01", "smart.s01", "chunk16.E01"} {
		files := containertest.Fixtures(t, name)
		dir := t.TempDir()
		containertest.Write(t, dir, name, files[name])
		containertest.Tool(t, dir, "ewfexport", "-q", "-u", "-f", "raw", "-t", "out", name)
		want := containertest.ReadFolder(t, dir)["out.raw"]
		if got := readable(t, open(t, files, name).Source, want); got.Bytes() != int64(len(want)) {
			t.Errorf("%s: %d bytes, ewfexport gives %d", name, got.Bytes(), len(want))
		}
	}
}

func FuzzOpen(f *testing.F) {
	files := containertest.Fixtures(f, "single.E01", "smart.s01", "errors.E01", "chunk16.E01")
	containertest.Fuzz(f, ewf.Format(), files["single.E01"], files["smart.s01"], files["errors.E01"], files["chunk16.E01"])
}

// BenchmarkRead reads a disk whose chunks are packed.
func BenchmarkRead(b *testing.B) {
	files := containertest.Fixtures(b, "single.E01")
	buf := make([]byte, 1<<20)
	b.SetBytes(512 * 3001)
	for b.Loop() {
		image, err := ewf.Open(context.Background(), block.Bytes(files["single.E01"]), "single.E01", files.Open)
		if err != nil {
			b.Fatal(err)
		}
		for off := int64(0); off < image.Source.Size(); off += int64(len(buf)) {
			if _, err := image.Source.ReadAt(buf, off); err != nil && !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
		}
	}
}
