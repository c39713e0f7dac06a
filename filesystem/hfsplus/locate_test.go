package hfsplus

import (
	"context"
	"os"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// hits finds where probes match in p.
func hits(p []byte) []probe.Hit {
	var out []probe.Hit
	for _, pr := range probes() {
		for off := int64(0); off+pr.At+4 <= int64(len(p)); off += pr.Align {
			if pr.Matches(p[off+pr.At:]) {
				out = append(out, probe.Hit{ID: pr.ID, Offset: off})
			}
		}
	}
	return out
}

// Both headers lead to the volume's own start, whichever is left and wherever the volume stands.
func TestLocate(t *testing.T) {
	m := newMaker(t, 4096, 500)
	m.add(newFile{parent: idRoot, name: "x", data: []byte("y")})
	img := m.bytes()
	const shift = 3 << 20
	for name, wipe := range map[string]func(p []byte){
		"whole":        func([]byte) {},
		"no header":    func(p []byte) { clear(p[shift : shift+2048]) },
		"no copy":      func(p []byte) { clear(p[shift+len(img)-2048 : shift+len(img)]) },
		"other header": func(p []byte) { be.PutUint32(p[shift+headerAt+44:], 77) },
	} {
		disk := make([]byte, shift+len(img)+1<<20)
		copy(disk[shift:], img)
		wipe(disk)
		best := filesystem.Candidate{}
		for _, h := range hits(disk) {
			list, err := locate(context.Background(), block.Bytes(disk), h)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list {
				if c.Confirmed-c.Refuted > best.Confirmed-best.Refuted {
					best = c
				}
			}
		}
		if best.Extent != (block.Extent{Offset: shift, Length: int64(len(img))}) || best.Label != "Volume" || best.Confirmed < 2 ||
			best.UUID != uuidOf([8]byte([]byte("\x12\x34\x56\x78\x9a\xbc\xde\xf0"))) {
			t.Errorf("%s: %+v", name, best)
		}
		if best.FromBackup != (name == "no header" || name == "other header") {
			t.Errorf("%s: from the copy: %v", name, best.FromBackup)
		}
	}
	// A header alone is no volume.
	disk := make([]byte, 4<<20)
	copy(disk[headerAt:], img[headerAt:headerAt+headerSize])
	for _, h := range hits(disk) {
		if list, _ := locate(context.Background(), block.Bytes(disk), h); len(list) > 0 && list[0].Confirmed > list[0].Refuted {
			t.Errorf("%+v", list[0])
		}
	}
}

// A volume that Apple's tools made, from the test images of util-linux; label and length are as blkid tells them.
func TestUtilLinuxImage(t *testing.T) {
	if _, err := os.Stat("testdata/hfsplus.img.gz"); err != nil {
		t.Fatal(err)
	}
	img := fixture(t, "hfsplus.img.gz")
	list1 := hits(img)
	if len(list1) == 0 {
		t.Fatal("not found")
	}
	for _, h := range list1 {
		list, err := locate(context.Background(), block.Bytes(img), h)
		if err != nil || len(list) != 1 || list[0].Kind != "hfsplus" || list[0].Label != "123456789ABCDE" || list[0].Extent != (block.Extent{Length: 10 << 20}) {
			t.Errorf("%+v, %v", list, err)
		}
	}
	l := list(t, mustOpen(t, block.Bytes(img)))
	for _, err := range l.errs {
		t.Error(err)
	}
	for p, f := range l.files {
		if !f.Sound {
			t.Errorf("%s: %v", p, f.Findings)
		}
	}
}

// An HFS wrapper leads to the volume inside of it, and its files stand on the outer source.
func TestWrapper(t *testing.T) {
	m := newMaker(t, 4096, 500)
	m.add(newFile{parent: idRoot, name: "x", data: pattern(1, 9000)})
	img := m.bytes()
	const first, skip = 16 * 512, 3
	outer := make([]byte, first+skip*4096+len(img)+4096)
	copy(outer[first+skip*4096:], img)
	p := outer[headerAt:]
	be.PutUint16(p, 0x4244)
	be.PutUint32(p[20:], 4096)
	be.PutUint16(p[28:], first/512)
	be.PutUint16(p[124:], 0x482B)
	be.PutUint16(p[126:], skip)
	be.PutUint16(p[128:], uint16(len(img)/4096))
	fsys := mustOpen(t, block.Bytes(outer))
	if info := fsys.Info(); !hasCode(info.Findings, wrapped.Code) || info.State != filesystem.Clean {
		t.Errorf("%+v", info)
	}
	checkContent(t, fsys, list(t, fsys).files["x"], "", pattern(1, 9000))
}

// Volumes of 16 TB, by arithmetic.
func TestLarge(t *testing.T) {
	m := newMaker(t, 4096, 500)
	m.add(newFile{parent: idRoot, name: "far", data: pattern(1, 100)})
	for _, r := range m.catalog {
		if be.Uint16(r.data) == recordFile {
			be.PutUint32(r.data[88+16:], 1<<32-3) // the last blocks but two
			be.PutUint64(r.data[88:], 5<<30)
			be.PutUint32(r.data[88+12:], 5<<30/4096)
			be.PutUint32(r.data[88+20:], 2)
		}
	}
	img := m.bytes()
	be.PutUint32(img[headerAt+44:], 1<<32-1)
	be.PutUint32(img[headerAt+48:], 5)
	fsys := mustOpen(t, block.Join(block.Bytes(img), []block.Run{{Length: int64(len(img))}, {Logical: int64(len(img)), Length: 16<<40 - int64(len(img)), Kind: block.Zero}}, 16<<40))
	f := list(t, fsys).files["far"]
	if f == nil || len(f.Streams) != 1 || f.Size() != 5<<30 || f.Streams[0].Runs[0].Physical != (1<<32-3)*4096 {
		t.Errorf("%+v", f)
	}
}
