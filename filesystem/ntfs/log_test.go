package ntfs

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
)

// These logs are made from the layout as it is documented, not by Windows.

const testSequenceBits = 40 // for a log of at most 128 MiB

// logMaker writes records into the pages of a log.
type logMaker struct {
	pages [][]byte
	at    int // in the last page
	lsn   uint64
}

func newLog() *logMaker { return &logMaker{} }

func (m *logMaker) page() []byte {
	if len(m.pages) == 0 || m.at >= logPage {
		b := make([]byte, logPage)
		copy(b, "RCRD")
		le.PutUint16(b[4:], 40)
		le.PutUint16(b[6:], 9)
		m.pages = append(m.pages, b)
		m.at = logData
	}
	return m.pages[len(m.pages)-1]
}

// add appends a record. Pages of records follow two restart pages.
func (m *logMaker) add(redoOp, undoOp uint16, redo, undo []byte) {
	m.page()
	place := int64(len(m.pages)+1)*logPage + int64(m.at)
	m.lsn += 1 << (64 - testSequenceBits)
	lsn := m.lsn&^(1<<(64-testSequenceBits)-1) | uint64(place/8)
	redoAt := logAction
	undoAt := redoAt + (len(redo)+7)&^7
	b := make([]byte, logHeader+(undoAt+len(undo)+7)&^7)
	le.PutUint64(b, lsn)
	le.PutUint32(b[24:], uint32(len(b)-logHeader))
	le.PutUint32(b[32:], logClient)
	a := b[logHeader:]
	le.PutUint16(a, redoOp)
	le.PutUint16(a[2:], undoOp)
	le.PutUint16(a[4:], uint16(redoAt))
	le.PutUint16(a[6:], uint16(len(redo)))
	le.PutUint16(a[8:], uint16(undoAt))
	le.PutUint16(a[10:], uint16(len(undo)))
	copy(a[redoAt:], redo)
	copy(a[undoAt:], undo)
	for len(b) > 0 {
		n := copy(m.page()[m.at:], b)
		m.at += n
		b = b[n:]
	}
}

// bytes returns the log: two restart pages and those of records.
func (m *logMaker) bytes() []byte {
	var out []byte
	for range 2 {
		b := make([]byte, logPage)
		copy(b, "RSTR")
		le.PutUint16(b[4:], 30)
		le.PutUint16(b[6:], 9)
		le.PutUint32(b[16:], logPage)
		le.PutUint32(b[20:], logPage)
		le.PutUint16(b[24:], 48)
		le.PutUint16(b[26:], 1)
		le.PutUint16(b[28:], 1)
		le.PutUint16(b[48+12:], noClient)
		le.PutUint32(b[48+16:], testSequenceBits)
		le.PutUint16(b[48+36:], logHeader)
		le.PutUint16(b[48+38:], logData)
		protect(b)
		out = append(out, b...)
	}
	for _, b := range m.pages {
		protect(b)
		out = append(out, b...)
	}
	return out
}

// entryOf makes an entry of a folder.
func entryOf(file reference, name []byte) []byte {
	b := make([]byte, (entryHeader+len(name)+7)&^7)
	le.PutUint64(b, uint64(file))
	le.PutUint16(b[8:], uint16(len(b)))
	le.PutUint16(b[10:], uint16(len(name)))
	copy(b[entryHeader:], name)
	return b
}

// directoryNameOf makes the name of a folder.
func directoryNameOf(parent reference, name string) []byte {
	b := nameOf(parent, name, 0)
	le.PutUint32(b[56:], attrDirectory)
	return b
}

// withLog puts a log into a copy of an image.
func withLog(t *testing.T, image string, log []byte) []byte {
	t.Helper()
	p := readImage(t, image)
	v := mustOpen(t, p)
	e := v.system(recordLog).find(typeData, "")
	for _, r := range v.plainRuns(e) {
		if r.Logical < int64(len(log)) {
			copy(p[r.Physical:r.Physical+r.Length], log[r.Logical:])
		}
	}
	return p
}

func TestNamesFromLog(t *testing.T) {
	m := newLog()
	gone, inside := refer(200, 3), refer(201, 9)
	m.add(logAddBlock, logDeleteBlock, entryOf(gone, directoryNameOf(refer(5, 5), "deleted folder")), nil)
	for i := range 40 { // over the ends of pages
		m.add(logAddRoot, logDeleteRoot, entryOf(refer(300+int64(i), 2), nameOf(gone, fmt.Sprintf("file number %d in the log.txt", i), 0)), nil)
	}
	m.add(logDeleteRoot, logAddRoot, nil, entryOf(inside, nameOf(gone, "removed.txt", 1234)))
	// A record of the table as it was made, whose place belongs to another file now.
	image := plainRecord(t, 70, 9, recordInUse, resident(typeStandard, "", standardOf(someTime)), resident(typeName, "", nameOf(refer(5, 5), "older.txt", 15)),
		resident(typeData, "", []byte("it was once so.")))
	m.add(logInitialize, 0, image[:le.Uint32(image[24:])], nil)
	m.add(logUpdateValue, logUpdateValue, changeOf(refer(202, 4), gone, "from the journal.txt", changeDeleted|0x80000000, 0, 2), nil)
	v := mustOpen(t, withLog(t, "plain.img.gz", m.bytes()))
	got, errs := files(t, v)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, path := range []string{"deleted folder", "deleted folder/file number 0 in the log.txt", "deleted folder/file number 39 in the log.txt",
		"deleted folder/removed.txt", "deleted folder/from the journal.txt", "older.txt"} {
		f := got["deleted "+path]
		if f == nil || f.Sound || !strings.Contains(codes(f), "name.only") {
			t.Errorf("%s: %+v", path, f)
		}
	}
	if f := got["deleted deleted folder/removed.txt"]; f != nil && (f.Size() != 1234 || codes(f) != "name.log name.only") {
		t.Errorf("%+v", f)
	}
	if f := got["deleted deleted folder/from the journal.txt"]; f != nil && (codes(f) != "name.journal name.only" || !f.Times.Deleted.Equal(moment(someTime))) {
		t.Errorf("%+v", f)
	}
	f := got["old older.txt"]
	if f == nil || f.Sound || f.Size() != 15 || !strings.Contains(codes(f), "log.older") {
		t.Fatalf("%+v", f)
	}
	if c := v.Info().State; c != filesystem.Clean {
		t.Errorf("the volume is %v", c)
	}
}

// standardOf makes the value of $STANDARD_INFORMATION.
func standardOf(changed uint64) []byte {
	b := make([]byte, 72)
	for i := range 4 {
		le.PutUint64(b[8*i:], changed)
	}
	return b
}

// A log that is in use makes the volume dirty; the newer of both restart pages counts.
func TestLogInUse(t *testing.T) {
	for _, tt := range []struct {
		name         string
		first, other [3]uint16 // sequence, clients, flags
		want         filesystem.VolumeState
	}{
		{"closed", [3]uint16{5, noClient, 0}, [3]uint16{4, 0, 0}, filesystem.Clean},
		{"clean", [3]uint16{5, 0, volumeIsClean}, [3]uint16{4, 0, 0}, filesystem.Clean},
		{"in use", [3]uint16{5, 0, 0}, [3]uint16{4, noClient, 0}, filesystem.Dirty},
		{"in use since", [3]uint16{5, noClient, 0}, [3]uint16{6, 0, 0}, filesystem.Dirty},
	} {
		b := newLog().bytes()
		for i, r := range [][3]uint16{tt.first, tt.other} {
			page := b[i*logPage:][:logPage]
			le.PutUint64(page[48:], uint64(r[0]))
			le.PutUint16(page[48+12:], r[1])
			le.PutUint16(page[48+14:], r[2])
		}
		v := mustOpen(t, withLog(t, "plain.img.gz", b))
		if got := v.Info().State; got != tt.want {
			t.Errorf("%s: the volume is %v: %v", tt.name, got, v.Info().Findings)
		}
	}
}

// A volume whose flag says so is dirty, and clusters that are noted as bad are told.
func TestFlags(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	at := recordAt(t, p, recordVolume)
	r, _ := mustOpen(t, p).table.record(recordVolume)
	if err := r.attributes(func(a *attribute) bool {
		if a.kind == typeVolume {
			p[at+int64(a.valueAt)+10] |= 1
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	cluster, _ := freeCluster(t, mustOpen(t, p))
	placeRecord(t, p, recordBad, buildRecord(t, recordBad, 8, recordInUse, resident(typeStandard, "", standardOf(someTime)),
		resident(typeName, "", nameOf(refer(5, 5), "$BadClus", 0)), resident(typeData, "", nil),
		mapped(typeData, "$Bad", 1<<20, 4096, pairsOf([2]int64{cluster, -1}, [2]int64{2, cluster}), cluster+2)))
	info := mustOpen(t, p).Info()
	var told []string
	for _, f := range info.Findings {
		told = append(told, f.Code+" "+f.Found)
	}
	if info.State != filesystem.Dirty || strings.Join(told, ", ") != "ntfs.volume.dirty , ntfs.bad.clusters 8192" {
		t.Errorf("%v: %q", info.State, told)
	}
}

// Short names beside long ones are no files of their own.
func TestShortNames(t *testing.T) {
	name := func(parent reference, space uint8, s string) fileName {
		return fileName{parent: parent, space: space, name: s}
	}
	a, b := refer(5, 5), refer(70, 1)
	for _, tt := range []struct {
		names []fileName
		want  string
	}{
		{[]fileName{name(a, spaceDOS, "LONGNA~1.TXT"), name(a, 1, "long name.txt")}, "long name.txt"},
		{[]fileName{name(a, spaceBoth, "SHORT.TXT")}, "SHORT.TXT"},
		{[]fileName{name(a, spaceDOS, "ALONE~1.TXT")}, "ALONE~1.TXT"},
		{[]fileName{name(a, 1, "one.txt"), name(a, spaceDOS, "ONE~1.TXT"), name(b, 0, "two.txt")}, "one.txt two.txt"},
		{[]fileName{name(a, 0, "same"), name(a, 0, "same")}, "same"},
	} {
		var got []string
		for _, n := range paths(tt.names) {
			got = append(got, n.name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q, expected %q", got, tt.want)
		}
	}
}

// A log of noise, of broken pages, of records that name more than there is: nothing is taken from it, and the rest
// of the volume is read.
func TestBrokenLog(t *testing.T) {
	m := newLog()
	for i := range 60 {
		m.add(logAddRoot, logDeleteRoot, entryOf(refer(300+int64(i), 2), nameOf(refer(5, 5), fmt.Sprintf("name %d.txt", i), 0)), nil)
	}
	whole := m.bytes()
	for _, tt := range []struct {
		name   string
		change func(b []byte)
		least  int // names that are found all the same
	}{
		{"whole", func([]byte) {}, 60},
		{"restart pages", func(b []byte) { clear(b[4:64]); clear(b[logPage+4 : logPage+64]) }, 60},
		{"a torn page", func(b []byte) { b[2*logPage+511] ^= 1 }, 20},
		{"no mark", func(b []byte) { b[2*logPage] = 0 }, 20},
		{"lengths", func(b []byte) {
			for i := 2*logPage + logData; i+32 < len(b); i += 8 {
				if le.Uint32(b[i+32:]) == logClient {
					le.PutUint32(b[i+24:], 0xFFFFFFF0)
				}
			}
		}, 0},
	} {
		b := append([]byte(nil), whole...)
		tt.change(b)
		got, errs := files(t, mustOpen(t, withLog(t, "plain.img.gz", b)))
		n := 0
		for key := range got {
			if strings.HasPrefix(key, "deleted name ") {
				n++
			}
		}
		if n < tt.least || len(errs) > 0 || got["live hello.txt"] == nil {
			t.Errorf("%s: %d names, %v", tt.name, n, errs)
		}
	}
}

// changeOf makes a record of the journal of changes.
func changeOf(file, parent reference, name string, reason, attributes uint32, version uint16) []byte {
	u := utf16le(name)
	head := changeHeader
	if version == 3 {
		head = changeHeaderV3
	}
	b := make([]byte, (head+len(u)+7)&^7)
	le.PutUint32(b, uint32(len(b)))
	le.PutUint16(b[4:], version)
	le.PutUint64(b[8:], uint64(file))
	at := 24
	if version == 3 {
		le.PutUint64(b[24:], uint64(parent))
		at = 40
	} else {
		le.PutUint64(b[16:], uint64(parent))
	}
	le.PutUint64(b[at+8:], someTime)
	le.PutUint32(b[at+16:], reason)
	le.PutUint32(b[at+28:], attributes)
	le.PutUint16(b[at+32:], uint16(len(u)))
	le.PutUint16(b[at+34:], uint16(head))
	copy(b[head:], u)
	return b
}

// The journal stands behind a hole, in a file below $Extend.
func TestNamesFromJournal(t *testing.T) {
	var j []byte
	folder := refer(210, 2)
	j = append(j, changeOf(folder, refer(5, 5), "work", 0x100, changeDirectory, 2)...)
	j = append(j, changeOf(refer(211, 6), folder, "draft.doc", 0x100, attrArchive, 3)...)
	j = append(j, changeOf(refer(211, 6), folder, "draft.doc", changeOldName, attrArchive, 2)...)
	j = append(j, changeOf(refer(211, 6), folder, "final.doc", 0x2000, attrArchive, 2)...)
	j = append(j, changeOf(refer(211, 6), folder, "final.doc", changeDeleted, attrArchive, 2)...)
	j = append(j, make([]byte, 24)...)
	j = append(j, changeOf(refer(212, 1), folder, "behind a gap.txt", changeDeleted, attrArchive, 2)...)
	p := readImage(t, "plain.img.gz")
	v := mustOpen(t, p)
	_, at := freeCluster(t, v)
	copy(p[at:], j)
	size := v.b.clusterSize
	number := int64(24)
	for v.numbered(number) {
		number++
	}
	r := buildRecord(t, number, 1, recordInUse, resident(typeStandard, "", standardOf(someTime)),
		resident(typeName, "", nameOf(refer(recordExtend, recordExtend), "$UsnJrnl", 0)),
		mapped(typeData, "$J", 101*size, size, pairsOf([2]int64{100, -1}, [2]int64{1, at / size}), 101))
	placeRecord(t, p, number, r)
	got, errs := files(t, mustOpen(t, p))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	f := got["deleted work/final.doc"]
	if f == nil || f.ID != "m211-6" || codes(f) != "name.journal name.only" || f.Times.Deleted.IsZero() || got["deleted work/draft.doc"] != nil {
		t.Errorf("%+v", f)
	}
	if got["deleted work"] == nil || !got["deleted work"].Mode.IsDir() || got["deleted work/behind a gap.txt"] == nil {
		t.Errorf("the folder: %+v", got["deleted work"])
	}
	for key := range got {
		if strings.Contains(key, "$UsnJrnl") {
			t.Errorf("%s is given as a file", key)
		}
	}
}

// numbered reports whether record n is in use.
func (v *volume) numbered(n int64) bool {
	r, err := v.table.record(n)
	return err == nil && r.inUse()
}

// freeCluster returns a cluster that nothing uses.
func freeCluster(t testing.TB, v *volume) (number, at int64) {
	t.Helper()
	used, err := v.Used(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for e := range used.Complement(block.Extent{Length: v.b.clusters() * v.b.clusterSize}).All() {
		if e.Length >= 4*v.b.clusterSize {
			return e.Offset / v.b.clusterSize, e.Offset
		}
	}
	t.Fatal("no cluster is free")
	return 0, 0
}
