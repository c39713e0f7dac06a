package ext

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// has expects codes in a list of them.
func has(t *testing.T, name, list string, want ...string) {
	t.Helper()
	for _, code := range want {
		if !slices.Contains(strings.Fields(list), code) {
			t.Errorf("%s: no finding %s, only %q", name, code, list)
		}
	}
}

// walk lists a volume that may be damaged, within a time that no walk over an image of testdata needs.
func walk(t *testing.T, p []byte) (*volume, map[string]*filesystem.File, []error) {
	t.Helper()
	v := mustOpen(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out := map[string]*filesystem.File{}
	var errs []error
	for f, err := range v.Files(ctx) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[f.State.String()+" "+f.Path] = f
	}
	if ctx.Err() != nil {
		t.Fatal("the walk does not end")
	}
	return v, out, errs
}

// others expects all live files of the undamaged volume but those named, whole.
func others(t *testing.T, p []byte, v *volume, got map[string]*filesystem.File, but ...string) {
	t.Helper()
	whole := mustOpen(t, p)
	want, _ := files(t, whole)
	for key, w := range want {
		if w.State != filesystem.Live || slices.ContainsFunc(but, func(x string) bool { return strings.HasPrefix(key, "live "+x) }) {
			continue
		}
		f := got[key]
		if f == nil {
			t.Errorf("%s is missing", key)
			continue
		}
		if !w.Mode.IsRegular() {
			continue
		}
		a, errA := readAll(t, v, f)
		b, errB := readAll(t, whole, w)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", key, errA, errB)
		}
		if !f.Sound {
			t.Errorf("%s is not sound any more: %v", key, f.Findings)
		}
	}
}

// place expects a finding or an error with a code or a structure, inside of e.
func place(t *testing.T, what string, list []finding.Finding, code string, e block.Extent) {
	t.Helper()
	for _, f := range list {
		if strings.TrimPrefix(f.Code, "ext.") == code {
			if !e.Has(f.Offset) {
				t.Errorf("%s: %s at 0x%x, expected in %v", what, code, f.Offset, e)
			}
			return
		}
	}
	t.Errorf("%s: no finding %s in %v", what, code, list)
}

func TestFlippedInode(t *testing.T) {
	p := readImage(t, "ext4")
	const path = "DCIM/100CANON/IMG_0002.JPG"
	in := mustInode(t, p, path)
	q := bytes.Clone(p)
	q[in.offset+0x10] ^= 0x40
	v, got, errs := walk(t, q)
	f := got["live "+path]
	if f == nil || f.Sound {
		t.Fatalf("%+v, %v", f, errs)
	}
	place(t, path, f.Findings, "inode.checksum", block.Extent{Offset: in.offset, Length: 256})
	others(t, p, v, got, path)
}

func TestFlippedDirectory(t *testing.T) {
	p := readImage(t, "ext4")
	dir := mustInode(t, p, "DCIM/100CANON")
	m := mustOpen(t, p).mapInode(dir, mustOpen(t, p).newBudget())
	at := m.runs[0].PhysicalExtent()
	q := bytes.Clone(p)
	name := bytes.Index(q[at.Offset:at.End()], []byte("IMG_0003"))
	q[at.Offset+int64(name)+7] = 'X'
	v, got, errs := walk(t, q)
	f := got["live DCIM/100CANON/IMG_000X.JPG"]
	if f == nil || f.Sound {
		t.Fatalf("%+v, %v", f, errs)
	}
	place(t, f.Path, f.Findings, "directory.checksum", at)
	others(t, p, v, got, "DCIM/100CANON")
	for _, name := range []string{"IMG_0000.JPG", "IMG_0005.JPG"} {
		if f := got["live DCIM/100CANON/"+name]; f == nil || f.Sound {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestFlippedExtents(t *testing.T) {
	p := readImage(t, "ext4")
	v := mustOpen(t, p)
	whole, err := readAll(t, v, func() *filesystem.File { got, _ := files(t, v); return got["live pieces.bin"] }())
	if err != nil {
		t.Fatal(err)
	}
	m := v.mapInode(mustInode(t, p, "pieces.bin"), v.newBudget())
	for i, node := range m.nodes {
		for _, at := range []int64{0, 4, 16, 20, 24 + 8} { // magic, most, an extent's length, its place
			q := bytes.Clone(p)
			q[node.Offset+at] ^= 1
			v, got, _ := walk(t, q)
			f := got["live pieces.bin"]
			if f == nil || f.Sound || f.Size() != 801<<10 {
				t.Fatalf("node %d, byte %d: %+v", i, at, f)
			}
			place(t, f.Path, f.Findings, "map.broken", node)
			// What does not pass the checksum may be wrong, but is never plain data.
			for _, r := range f.Streams[0].Runs {
				if r.Kind == block.Data && !bytes.Equal(q[r.Physical:r.Physical+r.Length], whole[r.Logical:r.Logical+r.Length]) {
					t.Errorf("node %d, byte %d: %v is data and wrong", i, at, r)
				}
			}
			if i == 0 && at == 0 {
				others(t, p, v, got, "pieces.bin")
			}
		}
	}
}

func TestFlippedDescriptor(t *testing.T) {
	for _, name := range []string{"ext4", "gdt_csum", "meta_bg", "ext4-4k"} {
		p := readImage(t, name)
		s := mustOpen(t, p).sb
		at := int64(s.descriptorBlock(0))*s.blockSize + s.descSize // of group 1
		for _, field := range []int64{0, 8, 0x12, 0x1E} {
			q := bytes.Clone(p)
			q[at+field] ^= 1
			v, got, _ := walk(t, q)
			has(t, name, volumeCodes(v), "group.backup")
			place(t, name, v.Info().Findings, "group.backup", s.blocks(s.descriptorBlock(0), 1))
			if v.Info().State != filesystem.Damaged {
				t.Errorf("%s: %v", name, v.Info().State)
			}
			others(t, p, v, got)
		}
	}
}

func TestFlippedSuperblock(t *testing.T) {
	p := readImage(t, "ext4")
	for _, at := range []int{0x18, 0x28, 0x58, 0x78, 0xFE, 0x3FC} {
		q := bytes.Clone(p)
		q[superblockOffset+at] ^= 1
		v, got, _ := walk(t, q)
		if codes := volumeCodes(v); !strings.Contains(codes, "superblock.") || v.Info().State != filesystem.Damaged {
			t.Errorf("byte 0x%x: %v, %q", at, v.Info().State, codes)
		}
		others(t, p, v, got)
	}
}

func TestFlippedBitmap(t *testing.T) {
	for _, name := range []string{"ext4", "ext2"} {
		p := readImage(t, name)
		v := mustOpen(t, p)
		q := bytes.Clone(p)
		for i := range v.groups {
			g := &v.groups[i]
			for _, at := range []uint64{g.blockBitmap, g.inodeBitmap} {
				clear(q[int64(at)*v.sb.blockSize:][:v.sb.blockSize])
			}
		}
		w, got, errs := walk(t, q)
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
		want, _ := files(t, v)
		for key, x := range want {
			if f := got[key]; x.State == filesystem.Live && (f == nil || f.Size() != x.Size()) {
				t.Errorf("%s: %s is missing without bitmaps", name, key)
			}
		}
		used, err := w.Used(t.Context())
		if err != nil || !used.Contains(block.Extent{Offset: superblockOffset, Length: superblockSize}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// edit changes an image of ext2, which has no checksums.
type edit struct {
	t *testing.T
	p []byte
	v *volume
}

func editing(t *testing.T, name string) (p []byte, e *edit) {
	p = readImage(t, name)
	return p, &edit{t, bytes.Clone(p), mustOpen(t, p)}
}

// inode returns the record of a live path.
func (e *edit) inode(path string) (*inode, []byte) {
	in := mustInode(e.t, e.v.bytes(e.t), path)
	return in, e.p[in.offset:][:len(in.raw)]
}

// bytes returns the source of a volume of a test.
func (v *volume) bytes(t *testing.T) []byte {
	p := make([]byte, v.src.Size())
	if n, err := v.src.ReadAt(p, 0); n < len(p) {
		t.Fatal(err)
	}
	return p
}

func (e *edit) block(n uint32) []byte {
	return e.p[int64(n)*e.v.sb.blockSize:][:e.v.sb.blockSize]
}

func (in *inode) pointer(i int) uint32 { return binary.LittleEndian.Uint32(in.block()[4*i:]) }

func TestCrossClaimed(t *testing.T) {
	p, e := editing(t, "ext2")
	a, _ := e.inode("DCIM/100CANON/IMG_0000.JPG")
	_, raw := e.inode("DCIM/100CANON/IMG_0001.JPG")
	binary.LittleEndian.PutUint32(raw[iblockOffset+8:], a.pointer(3))
	v, got, _ := walk(t, e.p)
	for _, name := range []string{"DCIM/100CANON/IMG_0000.JPG", "DCIM/100CANON/IMG_0001.JPG"} {
		f := got["live "+name]
		if f == nil || f.Sound {
			t.Fatalf("%s: %+v", name, f)
		}
		place(t, name, f.Findings, "map.shared", block.Extent{Length: int64(len(p))})
	}
	others(t, p, v, got, "DCIM/100CANON/IMG_0000.JPG", "DCIM/100CANON/IMG_0001.JPG")
}

func TestClaimsMetadata(t *testing.T) {
	p, e := editing(t, "ext2")
	const path = "owner.txt"
	_, raw := e.inode(path)
	binary.LittleEndian.PutUint32(raw[iblockOffset:], uint32(e.v.groups[0].inodeTable))
	v, got, _ := walk(t, e.p)
	f := got["live "+path]
	if f == nil || f.Sound {
		t.Fatalf("%+v", f)
	}
	has(t, path, codes(f), "map.metadata")
	others(t, p, v, got, path)
}

func TestOutOfRange(t *testing.T) {
	p, e := editing(t, "ext2")
	const path = "DCIM/100CANON/IMG_0003.JPG"
	_, raw := e.inode(path)
	binary.LittleEndian.PutUint32(raw[iblockOffset+4*2:], 0xFFFFFFF0)
	v, got, _ := walk(t, e.p)
	f := got["live "+path]
	if f == nil || f.Sound {
		t.Fatalf("%+v", f)
	}
	has(t, path, codes(f), "map.range")
	src, err := v.Open(f, "")
	if err != nil {
		t.Fatal(err)
	}
	for off := int64(0); off+1024 <= f.Size(); off += 1024 {
		_, err := src.ReadAt(make([]byte, 1024), off)
		if _, bad := block.IsUnreadable(err); bad != (off == 2048) {
			t.Errorf("at %d: %v", off, err)
		}
	}
	others(t, p, v, got, path)
}

// TestLoops has block maps and directories that lead back to themselves.
func TestLoops(t *testing.T) {
	t.Run("indirect", func(t *testing.T) {
		p, e := editing(t, "ext2")
		in, _ := e.inode("large.bin")
		double := in.pointer(13)
		b := e.block(double)
		for i := 0; i < len(b); i += 4 {
			binary.LittleEndian.PutUint32(b[i:], double)
		}
		v, got, _ := walk(t, e.p)
		f := got["live large.bin"]
		if f == nil || f.Sound || f.Size() != 330000 {
			t.Fatalf("%+v", f)
		}
		others(t, p, v, got, "large.bin")
	})
	t.Run("extents", func(t *testing.T) {
		p := readImage(t, "ext4")
		v := mustOpen(t, p)
		in := mustInode(t, p, "pieces.bin")
		m := v.mapInode(in, v.newBudget())
		q := bytes.Clone(p)
		node := q[m.nodes[0].Offset:]
		for i := range 60 { // every entry leads back to the node itself
			binary.LittleEndian.PutUint32(node[12+12*i+4:], uint32(m.nodes[0].Offset/v.sb.blockSize))
		}
		w, got, _ := walk(t, q)
		f := got["live pieces.bin"]
		if f == nil || f.Sound {
			t.Fatalf("%+v", f)
		}
		has(t, "pieces.bin", codes(f), "map.broken")
		others(t, p, w, got, "pieces.bin")
	})
	t.Run("directory", func(t *testing.T) {
		p, e := editing(t, "ext2")
		bottom, _ := e.inode("deep/level 0/level 1/level 2")
		b := e.block(bottom.pointer(0))
		top, _ := e.inode("deep")
		at := bytes.Index(b, []byte("level 3")) - entryHeader
		binary.LittleEndian.PutUint32(b[at:], top.number)
		v, got, errs := walk(t, e.p)
		if len(errs) == 0 {
			t.Error("nothing says that a directory leads back to itself")
		}
		for _, err := range errs {
			if c, ok := cursor.IsCorrupt(err); !ok || c.Offset != int64(bottom.pointer(0))*1024+int64(at) {
				t.Errorf("%v", err)
			}
		}
		others(t, p, v, got, "deep/level 0/level 1/level 2/level 3")
		// What stood behind the broken name has lost its place, but not its bytes.
		found := false
		for _, f := range got {
			found = found || f.State == filesystem.Orphan && strings.HasSuffix(f.Path, "/bottom.dat")
		}
		if !found {
			t.Error("bottom.dat is lost")
		}
	})
	t.Run("root", func(t *testing.T) {
		p, e := editing(t, "ext2")
		dcim, _ := e.inode("DCIM")
		b := e.block(dcim.pointer(0))
		at := bytes.Index(b, []byte("100CANON")) - entryHeader
		binary.LittleEndian.PutUint32(b[at:], rootInode)
		v, got, errs := walk(t, e.p)
		if len(errs) == 0 {
			t.Error("nothing says that the root directory is in itself")
		}
		others(t, p, v, got, "DCIM")
	})
}

func TestBrokenRecords(t *testing.T) {
	for _, x := range []struct {
		what   string
		change func(record []byte)
	}{
		{"length 0", func(r []byte) { binary.LittleEndian.PutUint16(r[4:], 0) }},
		{"length odd", func(r []byte) { r[4] |= 3 }},
		{"length beyond", func(r []byte) { binary.LittleEndian.PutUint16(r[4:], 0x7FFC) }},
		{"name too long", func(r []byte) { r[6] = 255 }},
		{"inode beyond", func(r []byte) { binary.LittleEndian.PutUint32(r, 1<<30) }},
		{"no name", func(r []byte) { r[6] = 0 }},
		{"all of it", func(r []byte) { copy(r, bytes.Repeat([]byte{0xAA}, 20)) }},
	} {
		p, e := editing(t, "ext2")
		dir, _ := e.inode("DCIM/100CANON")
		b := e.block(dir.pointer(0))
		at := bytes.Index(b, []byte("IMG_0002")) - entryHeader
		x.change(b[at:])
		v, got, errs := walk(t, e.p)
		said := false
		for _, err := range errs {
			if c, ok := cursor.IsCorrupt(err); ok && c.Offset == int64(dir.pointer(0))*1024+int64(at) {
				said = true
			}
		}
		if !said {
			t.Errorf("%s: no error names 0x%x: %v", x.what, int64(dir.pointer(0))*1024+int64(at), errs)
		}
		for _, name := range []string{"IMG_0000.JPG", "IMG_0001.JPG", "IMG_0003.JPG", "IMG_0005.JPG"} {
			f := got["live DCIM/100CANON/"+name]
			if f == nil {
				t.Errorf("%s: %s is missing", x.what, name)
			} else if name > "IMG_0002" && f.Sound {
				t.Errorf("%s: %s stands behind a broken entry and is sound", x.what, name)
			}
		}
		others(t, p, v, got, "DCIM/100CANON")
	}
}

// TestBrokenInodes damages the record of a file whose name is whole.
func TestBrokenInodes(t *testing.T) {
	const path = "DCIM/100CANON/IMG_0004.JPG"
	for _, x := range []struct {
		what   string
		change func(raw []byte)
	}{
		{"zeros", func(raw []byte) { clear(raw) }},
		{"type", func(raw []byte) { raw[1] = 0xF0 }},
		{"directory", func(raw []byte) { raw[1] = 0x41 }},
		{"size", func(raw []byte) { binary.LittleEndian.PutUint32(raw[0x6C:], 0x7FFFFFFF) }},
		{"no links", func(raw []byte) { raw[0x1A] = 0 }},
		{"extents without a tree", func(raw []byte) { raw[0x22] |= 8 }},
		{"random", func(raw []byte) {
			for i := range raw {
				raw[i] = byte(i*151 + 7)
			}
		}},
	} {
		p, e := editing(t, "ext2")
		_, raw := e.inode(path)
		x.change(raw)
		v, got, errs := walk(t, e.p)
		f := got["live "+path]
		switch {
		case f == nil && len(errs) == 0:
			t.Errorf("%s: the file is missing and nothing says why", x.what)
		case f != nil && f.Sound:
			t.Errorf("%s: the file is sound", x.what)
		case f != nil && len(f.Findings) == 0 && len(errs) == 0:
			t.Errorf("%s: nothing says what is wrong", x.what)
		}
		if x.what != "random" && x.what != "directory" {
			others(t, p, v, got, path)
		}
	}
}

// TestNoRoot has a volume whose root directory is gone: everything below it is still there, without a place.
func TestNoRoot(t *testing.T) {
	for _, name := range []string{"ext2", "ext4"} {
		p := readImage(t, name)
		v := mustOpen(t, p)
		in, err := v.inode(rootInode)
		if err != nil {
			t.Fatal(err)
		}
		m := v.mapInode(in, v.newBudget())
		q := bytes.Clone(p)
		for _, r := range m.runs {
			clear(q[r.Physical:][:r.Length])
		}
		w, got, _ := walk(t, q)
		byHash := map[string]bool{}
		for key, f := range got {
			if f.Mode.IsRegular() && len(f.Streams) > 0 {
				if b, err := readAll(t, w, f); err == nil {
					byHash[string(b)] = true
				}
				if f.State == filesystem.Live {
					t.Errorf("%s: %s is live", name, key)
				}
			}
		}
		want, _ := files(t, v)
		for key, f := range want {
			if f.State != filesystem.Live || !f.Mode.IsRegular() {
				continue
			}
			if b, _ := readAll(t, v, f); !byHash[string(b)] {
				t.Errorf("%s: the content of %s is lost", name, key)
			}
		}
	}
}

// TestTruth holds the list of images against testdata, so that none is left out.
func TestTruth(t *testing.T) {
	for _, image := range images {
		if v := mustOpen(t, image.read(t)); v.sb.metaCsum() != image.checked {
			t.Errorf("%s: has checksums: %v", image.name, v.sb.metaCsum())
		}
	}
}
