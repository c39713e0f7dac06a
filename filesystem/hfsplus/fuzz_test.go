package hfsplus

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
)

// FuzzOpen changes a small volume at one place, and reads all of it.
func FuzzOpen(f *testing.F) {
	m := newMaker(f, 512, 800)
	m.node = 1024
	log := m.addJournalOf(128 << 10)
	dir := m.folder(idRoot, "folder")
	m.add(newFile{parent: dir, name: "pieces", data: pattern(1, 9000), piece: 1})
	x := m.add(newFile{parent: dir, name: "packed", packed: append(packedHeader(packedZlib, 100), zipped(make([]byte, 100))...)})
	m.attribute(x, "a", []byte("b"))
	whole := m.bytes()
	f.Add(uint32(headerAt), []byte("H+\x00\x05"))
	f.Add(uint32(headerAt+40), binary.BigEndian.AppendUint32(nil, 1<<20))
	f.Add(uint32(log), []byte("JNLx"))
	f.Add(uint32(place(whole, forkCatalog, 0)+14), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Add(uint32(place(whole, forkCatalog, 1)), []byte{0, 0, 0, 1, 0, 0, 0, 1, 0xFF, 1, 0xFF, 0xFF})
	f.Add(uint32(place(whole, forkOverflow, 1)+20), []byte{0, 0, 0, 0})
	f.Add(uint32(place(whole, forkAttributes, 1)+30), []byte{0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		p := append([]byte(nil), whole...)
		if int(at) < len(p) {
			copy(p[at:], patch)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		fsys, err := Open(ctx, block.Bytes(p))
		if err != nil {
			return
		}
		for file, err := range fsys.Files(ctx) {
			if err != nil {
				continue
			}
			for _, s := range file.Streams {
				if src, err := fsys.Open(file, s.Name); err == nil {
					_, _ = src.ReadAt(make([]byte, 4096), 0)
				}
			}
		}
		if _, err := fsys.Used(ctx); err != nil || ctx.Err() != nil {
			t.Fatal(err, ctx.Err())
		}
	})
}

// FuzzRecord gives any bytes to the parsers of single structures.
func FuzzRecord(f *testing.F) {
	f.Add(append([]byte{0, 14}, append(catalogKey(2, "name"), folderRecord(20, 0o755)...)...))
	f.Add(append([]byte{0, 6}, append(catalogKey(20, ""), threadRecord(recordFolderThread, 2, "name")...)...))
	f.Add(append([]byte{0, 14}, attributeKey(20, "x", 0)...))
	f.Add(packedHeader(packedLZVN, 100))
	odd, _ := leaf(512, []made{{make([]byte, 7), nil}}, nodeLeaf, 1)
	be.PutUint16(odd[510:], 505) // a key of odd length at the very end
	f.Add(odd)
	f.Fuzz(func(t *testing.T, p []byte) {
		_ = leafRecords(p, 0, func(record) bool { return true })
		if r, ok := splitRecord(p); ok {
			if o, ok := parseObject(r); ok {
				_, _ = o.fileMode(), filesystem.EscapeName(o.name)
			}
			_, _, _, _ = parseThread(r)
			_, _ = parseAttribute(r)
		}
		if len(p) >= headerSize {
			_, _ = parseHeader(p, 0)
			_, _ = parseTreeHeader(p, 0)
			_, _ = embedded(p)
		}
		for _, kind := range []string{"3", "4", "7", "8", "9", "10", "11", "12", "1", "x"} {
			if d, err := decode(encodingPrefix+kind, block.Bytes(p), 70_000); err == nil {
				_, _ = d.ReadAt(make([]byte, 100), 66_000)
			}
		}
	})
}
