package hfsplus

import (
	"bytes"
	"encoding/binary"
	"testing"

	"salvor/block"
	"salvor/filesystem"
)

const (
	testJournalSize = 256 << 10
	testListSize    = 4096
)

// addJournal gives the volume an empty journal, and returns where it stands.
func (m *maker) addJournal() int { return m.addJournalOf(testJournalSize) }

func (m *maker) addJournalOf(size int) int {
	info := m.alloc(1)
	log := m.alloc(size / m.bs)
	m.flags |= volumeJournaled
	m.journal = int(info.start)
	p := m.img[int(info.start)*m.bs:]
	be.PutUint32(p, 1)
	be.PutUint64(p[36:], uint64(int(log.start)*m.bs))
	be.PutUint64(p[44:], uint64(size))
	return int(log.start) * m.bs
}

// testCopy is a piece of a volume as a transaction holds it.
type testCopy struct {
	target int
	data   []byte
}

// journalWriter appends transactions to the journal of an image.
type journalWriter struct {
	img   []byte
	at    int // of the journal
	order binary.ByteOrder
	off   int // of the next transaction
	start int
}

func newJournalWriter(img []byte, at int, order binary.ByteOrder, off int) *journalWriter {
	return &journalWriter{img, at, order, off, off}
}

// put writes p into the ring.
func (w *journalWriter) put(p []byte) {
	for len(p) > 0 {
		n := min(len(p), testJournalSize-w.off)
		copy(w.img[w.at+w.off:], p[:n])
		p = p[n:]
		if w.off += n; w.off == testJournalSize {
			w.off = 512
		}
	}
}

func (w *journalWriter) transaction(copies ...testCopy) {
	j := journal{order: w.order}
	p := make([]byte, testListSize)
	w.order.PutUint16(p, testListSize/blockListHeader-1)
	w.order.PutUint16(p[2:], uint16(len(copies)+1))
	used := testListSize
	for i, c := range copies {
		e := p[blockListHeader*(i+2):]
		w.order.PutUint64(e, uint64(c.target/512))
		w.order.PutUint32(e[8:], uint32(len(c.data)))
		used += len(c.data)
	}
	w.order.PutUint32(p[4:], uint32(used))
	w.order.PutUint32(p[8:], j.checksum(p[:blockListSummed], 8))
	w.put(p)
	for _, c := range copies {
		w.put(c.data)
	}
}

// finish writes the journal's header. What was written since the last call of mark is to be carried out.
func (w *journalWriter) finish(start int) {
	j := journal{order: w.order}
	p := w.img[w.at : w.at+512]
	w.order.PutUint32(p, journalMagic)
	w.order.PutUint32(p[4:], journalEndian)
	w.order.PutUint64(p[8:], uint64(start))
	w.order.PutUint64(p[16:], uint64(w.off))
	w.order.PutUint64(p[24:], testJournalSize)
	w.order.PutUint32(p[32:], testListSize)
	w.order.PutUint32(p[40:], 512)
	w.order.PutUint32(p[36:], j.checksum(p[:journalSummed], 36))
}

// leafOf returns the node of the catalogue that holds a name, and where it stands.
func leafOf(t *testing.T, img []byte, parent uint32, name string) (node []byte, at int) {
	t.Helper()
	v := mustOpen(t, block.Bytes(img)).(*volume)
	for _, s := range v.catalog.live {
		found := false
		v.catalog.leaf(s.node, func(r record) bool {
			found = found || bytes.Equal(r.key, catalogKey(parent, name))
			return !found
		}, func(err error) { t.Error(err) })
		if found {
			at = place(img, forkCatalog, s.node)
			return bytes.Clone(img[at : at+4096]), at
		}
	}
	t.Fatalf("%s is not in the catalogue", name)
	return nil, 0
}

// without removes a record from a leaf, as its driver does: what follows moves down.
func without(t *testing.T, node, key []byte) []byte {
	t.Helper()
	var keep []made
	_ = leafRecords(node, 0, func(r record) bool {
		if !bytes.Equal(r.key, key) {
			keep = append(keep, made{bytes.Clone(r.key), bytes.Clone(r.data)})
		}
		return true
	})
	p, n := leaf(len(node), keep, nodeLeaf, 1)
	if n != len(keep) {
		t.Fatal("a shorter leaf does not fit")
	}
	copy(p, node[:8]) // the chain
	return p
}

// A journal that was not carried out is, in memory: the file that it makes is there, with the place of its bytes.
func TestReplay(t *testing.T) {
	for name, order := range map[string]binary.ByteOrder{"low": binary.LittleEndian, "high": binary.BigEndian} {
		for _, off := range []int{512, testJournalSize - 8192 - 512, testJournalSize - 1024} { // also over the end of the ring
			m := newMaker(t, 4096, 800)
			log := m.addJournal()
			m.add(newFile{parent: idRoot, name: "new", data: pattern(1, 5000)})
			m.add(newFile{parent: idRoot, name: "other", data: pattern(2, 5000)})
			packed := m.add(newFile{parent: idRoot, name: "packed", packed: append(packedHeader(packedZlib, 700), zipped(make([]byte, 700))...)})
			_ = packed
			img := m.bytes()
			node, at := leafOf(t, img, idRoot, "new")
			attrs := place(img, forkAttributes, 1)
			attrNode := bytes.Clone(img[attrs : attrs+8192])
			// On disk, the record is not there yet, and the attributes are empty.
			copy(img[at:], without(t, node, catalogKey(idRoot, "new")))
			clear(img[attrs : attrs+8192])
			w := newJournalWriter(img, log, order, off)
			w.transaction(testCopy{at, without(t, node, catalogKey(idRoot, "other"))})
			w.transaction(testCopy{at, node}, testCopy{attrs, attrNode}) // the later one holds
			w.finish(off)
			before := bytes.Clone(img)
			fsys := mustOpen(t, block.Bytes(img))
			l := list(t, fsys)
			checkContent(t, fsys, l.files["new"], "", pattern(1, 5000))
			checkContent(t, fsys, l.files["other"], "", pattern(2, 5000))
			checkContent(t, fsys, l.files["packed"], "", make([]byte, 700))
			if s := l.files["packed"].Streams[0]; s.Runs[0].Physical < int64(log) || s.Runs[0].Physical > int64(log)+testJournalSize {
				t.Errorf("the newest copy stands in the journal, not at %d", s.Runs[0].Physical)
			}
			if info := fsys.Info(); !hasCode(info.Findings, journalReplayed.Code) {
				t.Errorf("%s, from %d: %v", name, off, info.Findings)
			}
			if !bytes.Equal(before, img) {
				t.Error("the image was written to")
			}
		}
	}
}

func TestJournalBroken(t *testing.T) {
	for name, damage := range map[string]func(img []byte, log int){
		"magic":       func(img []byte, log int) { img[log] ^= 1 },
		"checksum":    func(img []byte, log int) { img[log+37] ^= 1 },
		"transaction": func(img []byte, log int) { img[log+512+5] ^= 1 },
	} {
		m := newMaker(t, 4096, 800)
		log := m.addJournal()
		m.add(newFile{parent: idRoot, name: "x", data: pattern(1, 5000)})
		img := m.bytes()
		node, at := leafOf(t, img, idRoot, "x")
		w := newJournalWriter(img, log, be, 512)
		w.transaction(testCopy{at, without(t, node, catalogKey(idRoot, "x"))})
		w.finish(512)
		damage(img, log)
		fsys := mustOpen(t, block.Bytes(img))
		if info := fsys.Info(); !hasCode(info.Findings, journalBroken.Code) {
			t.Errorf("%s: %v", name, info.Findings)
		}
		l := list(t, fsys)
		checkContent(t, fsys, l.files["x"], "", pattern(1, 5000))
	}
}

// Deleted files come back by older copies of leaves in the journal, by the unused part of leaves, and by leaves that
// the tree has given up. Blocks that others use now are foreign.
func TestDeleted(t *testing.T) {
	for _, how := range []string{"journal", "slack", "leaf"} {
		t.Run(how, func(t *testing.T) {
			m := newMaker(t, 4096, 900)
			log := m.addJournal()
			dir := m.folder(idRoot, "photos")
			kept := m.add(newFile{parent: dir, name: "a kept", data: pattern(1, 9000)})
			_ = kept
			gone := m.add(newFile{parent: dir, name: "z gone", data: pattern(2, 20_000)})
			reused := m.add(newFile{parent: dir, name: "z reused", data: pattern(3, 20_000)})
			img := m.bytes()
			node, at := leafOf(t, img, dir, "z gone")
			after := without(t, without(t, node, catalogKey(dir, "z gone")), catalogKey(dir, "z reused"))
			for _, id := range []uint32{gone, reused} {
				if n, place := leafOf(t, img, id, ""); place == at {
					after = without(t, after, catalogKey(id, ""))
				} else {
					copy(img[place:], without(t, n, catalogKey(id, "")))
				}
			}
			free := func(path string) {
				fsys := mustOpen(t, block.Bytes(img))
				s := list(t, fsys).files[path].Streams[0]
				v := fsys.(*volume)
				at := v.place(be.Uint32(img[headerAt+112+16:]))
				for _, r := range s.Runs {
					for b := r.Physical / 4096; b*4096 < r.Physical+r.Length; b++ {
						img[at+b/8] &^= 0x80 >> (b % 8)
					}
				}
			}
			free("photos/z gone")
			switch how {
			case "journal":
				w := newJournalWriter(img, log, binary.LittleEndian, 512)
				w.transaction(testCopy{at, node})
				w.finish(w.off)
			case "slack":
				// The records stay behind the last one.
				offsets, _ := offsetTable(after, int(be.Uint16(after[10:])))
				from := offsets[len(offsets)-1]
				tail := from
				_ = leafRecords(node, 0, func(r record) bool {
					if len(r.data) == fileSize && (bytes.Equal(r.key, catalogKey(dir, "z gone")) || bytes.Equal(r.key, catalogKey(dir, "z reused"))) {
						be.PutUint16(after[tail:], uint16(len(r.key)))
						copy(after[tail+2:], r.key)
						copy(after[tail+2+len(r.key):], r.data)
						tail += 2 + len(r.key) + len(r.data)
					}
					return true
				})
			case "leaf":
				// An older copy in a node that is not part of the tree.
				total := be.Uint32(img[place(img, forkCatalog, 0)+36:])
				copy(img[place(img, forkCatalog, total-1):], node)
			}
			copy(img[at:], after)
			fsys := mustOpen(t, block.Bytes(img))
			l := list(t, fsys)
			f := l.files["deleted photos/z gone"]
			checkContent(t, fsys, f, "", pattern(2, 20_000))
			if f == nil {
				t.Fatalf("%v", l.files)
			}
			if f.Sound || f.State != filesystem.Deleted || !hasCode(f.Findings, deletedFrom.Code) {
				t.Errorf("%+v", f)
			}
			f = l.files["deleted photos/z reused"]
			if f == nil || !hasCode(f.Findings, deletedForeign.Code) {
				t.Fatalf("%+v", f)
			}
			if _, err := content(fsys, f, ""); err == nil {
				t.Error("blocks in use are read as those of a deleted file")
			}
			checkContent(t, fsys, l.files["photos/a kept"], "", pattern(1, 9000))
			if len(l.files) != 5 {
				t.Errorf("%d files", len(l.files))
			}
		})
	}
}

// An older version of a file that lives on is not called deleted.
func TestOlderIsNotDeleted(t *testing.T) {
	m := newMaker(t, 4096, 900)
	log := m.addJournal()
	m.add(newFile{parent: idRoot, name: "moved since", data: pattern(1, 9000)})
	img := m.bytes()
	node, at := leafOf(t, img, idRoot, "moved since")
	old := bytes.Replace(node, units("moved since"), units("older name!"), 1)
	w := newJournalWriter(img, log, be, 512)
	w.transaction(testCopy{at, old})
	w.finish(w.off)
	for key, f := range list(t, mustOpen(t, block.Bytes(img))).files {
		if f.State != filesystem.Live {
			t.Errorf("%s", key)
		}
	}
}
