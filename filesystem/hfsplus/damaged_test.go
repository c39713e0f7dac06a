package hfsplus

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/internal/need"
)

func hasCode(list []finding.Finding, code string) bool {
	for _, f := range list {
		if f.Code == code {
			return true
		}
	}
	return false
}

// place returns where node i of a volume's tree stands; which is the offset of its fork in the header.
func place(img []byte, which int, i uint32) int {
	start, bs := int(be.Uint32(img[headerAt+which+16:])), int(be.Uint32(img[headerAt+40:]))
	size := int(be.Uint16(img[start*bs+32:]))
	return start*bs + int(i)*size
}

const (
	forkOverflow   = 192
	forkCatalog    = 272
	forkAttributes = 352
)

// Whatever single structure of the volume is gone, every file is listed as before, with its content.
func TestStructuresGone(t *testing.T) {
	img, want, _ := standard(t)
	header := func(p []byte) { clear(p[headerAt : headerAt+headerSize]) }
	second := func(p []byte) { clear(p[len(p)-headerAt:]) }
	root := be.Uint32(img[place(img, forkCatalog, 0)+16:])
	for _, tt := range []struct {
		name   string
		damage func(p []byte)
		code   string
		state  filesystem.VolumeState
	}{
		{"header", header, headerBackup.Code, filesystem.Damaged},
		{"first MiB of zeros but for the trees", func(p []byte) { clear(p[:4096]) }, headerBackup.Code, filesystem.Damaged},
		{"copy of the header", second, headerDiffers.Code, filesystem.Clean},
		{"both headers", func(p []byte) { header(p); second(p) }, headerSearched.Code, filesystem.Damaged},
		{"header of the catalogue", func(p []byte) { clear(p[place(img, forkCatalog, 0):][:256]) }, treeHeaderBroken.Code, filesystem.Damaged},
		{"both headers and that of the catalogue", func(p []byte) { header(p); second(p); clear(p[place(img, forkCatalog, 0):][:256]) }, headerSearched.Code, filesystem.Damaged},
		{"root of the catalogue", func(p []byte) { clear(p[place(img, forkCatalog, root):][:4096]) }, "", filesystem.Clean},
		{"chain of leaves", func(p []byte) { be.PutUint32(p[place(img, forkCatalog, 20):], 5) }, treeChain.Code, filesystem.Damaged},
		{"header of the attributes", func(p []byte) { clear(p[place(img, forkAttributes, 0):][:256]) }, treeHeaderBroken.Code, filesystem.Damaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := bytes.Clone(img)
			tt.damage(p)
			fsys := mustOpen(t, block.Bytes(p))
			info := fsys.Info()
			if tt.code != "" && !hasCode(info.Findings, tt.code) || info.State != tt.state {
				t.Errorf("%v %v", info.State, info.Findings)
			}
			l := list(t, fsys)
			for path, data := range want {
				if l.files[path] == nil && strings.HasPrefix(path, "many/link") {
					continue
				}
				checkContent(t, fsys, l.files[path], "", data)
			}
			for _, err := range l.errs {
				t.Error(err)
			}
		})
	}
}

// A leaf that is gone costs what stands in it; folders without their record are listed by their threads.
func TestLeafGone(t *testing.T) {
	img, want, _ := standard(t)
	fsys := mustOpen(t, block.Bytes(img))
	v := fsys.(*volume)
	for _, s := range v.catalog.live {
		for _, how := range []string{"zeros", "unreadable"} {
			p := bytes.Clone(img)
			at := int64(place(img, forkCatalog, s.node))
			src := block.Bytes(p)
			if how == "zeros" {
				clear(p[at : at+4096])
			} else {
				src = blocktest.Faulty(src, blocktest.Bad(block.Extent{Offset: at + 1000, Length: 512}))
			}
			fsys := mustOpen(t, src)
			found, wrong := 0, 0
			for f, err := range fsys.Files(t.Context()) {
				if err != nil || !f.Mode.IsRegular() {
					continue
				}
				got, err := content(fsys, f, "")
				for path, data := range want {
					if path[strings.LastIndex(path, "/")+1:] == f.Path[strings.LastIndex(f.Path, "/")+1:] && bytes.Equal(got, data) && err == nil {
						found++
						break
					}
				}
				if err != nil && f.Sound {
					wrong++
				}
			}
			// A leaf of 4 KiB holds at most 60 records.
			if found < len(want)-40 || wrong > 0 {
				t.Errorf("node %d of %s: %d of %d files, %d wrong", s.node, how, found, len(want), wrong)
			}
			if info := fsys.Info(); info.State != filesystem.Damaged {
				t.Errorf("node %d of %s: %v", s.node, how, info.State)
			}
		}
	}
}

func TestOrphans(t *testing.T) {
	m := newMaker(t, 4096, 600)
	a := m.folder(idRoot, "a")
	b := m.folder(a, "b")
	c := m.folder(b, "c")
	m.add(newFile{parent: c, name: "deep", data: []byte("deep")})
	m.add(newFile{parent: a, name: "high", data: []byte("high")})
	m.add(newFile{parent: 4000, name: "alone", data: []byte("alone")})
	// The record of a is gone, its thread is not.
	for i, r := range m.catalog {
		if bytes.Equal(r.key, catalogKey(idRoot, "a")) {
			m.catalog = append(m.catalog[:i], m.catalog[i+1:]...)
			break
		}
	}
	fsys := mustOpen(t, m.finish())
	l := list(t, fsys)
	top := fmt.Sprintf("%s%d-a", orphanFolder, a)
	checkContent(t, fsys, l.files[top+"/b/c/deep"], "", []byte("deep"))
	checkContent(t, fsys, l.files[top+"/high"], "", []byte("high"))
	checkContent(t, fsys, l.files[orphanFolder+"4000/alone"], "", []byte("alone"))
	if f := l.files["orphan "+top]; f == nil || !f.Mode.IsDir() {
		t.Errorf("%v", l.files)
	}
}

func TestContradictions(t *testing.T) {
	m := newMaker(t, 4096, 600)
	m.add(newFile{parent: idRoot, name: "good", data: pattern(1, 9000)})
	m.add(newFile{parent: idRoot, name: "beyond", data: pattern(2, 9000)})
	m.add(newFile{parent: idRoot, name: "short", data: pattern(3, 9000)})
	m.add(newFile{parent: idRoot, name: "free", data: pattern(4, 9000)})
	m.add(newFile{parent: idRoot, name: "type", data: pattern(5, 9000), mode: modeDir | 0o644})
	m.add(newFile{parent: idRoot, name: "no target", finder: typeHardLink, special: 9})
	m.add(newFile{parent: idRoot, name: "no compression", packed: []byte("something else")})
	loop := m.folder(idRoot, "loop")
	m.catalog = append(m.catalog, made{catalogKey(loop, "again"), folderRecord(loop, 0o755)})
	for _, r := range m.catalog {
		if be.Uint16(r.data) != recordFile {
			continue
		}
		switch _, name, _ := parseKey(r.key); decodeName(name) {
		case "beyond":
			be.PutUint32(r.data[88+16:], 599)
		case "short":
			be.PutUint64(r.data[88:], 90000)
		case "free":
			start := be.Uint32(r.data[88+16:])
			m.used[start/8] &^= 0x80 >> (start % 8)
		}
	}
	fsys := mustOpen(t, m.finish())
	l := list(t, fsys)
	for name, code := range map[string]string{
		"good": "", "beyond": fileBeyond.Code, "short": fileExtents.Code, "free": fileUnallocated.Code, "type": fileOdd.Code,
		"no target": fileLink.Code, "no compression": fileCompression.Code, "loop": "", "loop/again": folderAgain.Code,
	} {
		f := l.files[name]
		if f == nil {
			t.Errorf("%s is not listed", name)
			continue
		}
		if f.Sound != (code == "") || code != "" && !hasCode(f.Findings, code) {
			t.Errorf("%s: sound %v, %v", name, f.Sound, f.Findings)
		}
	}
	if got, err := content(fsys, l.files["short"], ""); err == nil || len(got) != 12288 {
		t.Errorf("a file that lacks blocks reads %d bytes, %v", len(got), err)
	}
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Random damage: no failure, an end in time, bounded memory, and what was not hit is still found.
func TestDamage(t *testing.T) {
	rounds := 300
	switch {
	case testing.Short():
		rounds = 50
	case need.CI():
		rounds = 10_000
	}
	m := newMaker(t, 512, 3000)
	m.node = 1024
	want := map[string][]byte{}
	for i := range 60 {
		dir := m.folder(idRoot, fmt.Sprintf("folder %d", i))
		for k := range 3 {
			p := pattern(i, 100*k+10)
			want[fmt.Sprintf("folder %d/file %d", i, k)] = p
			m.add(newFile{parent: dir, name: fmt.Sprintf("file %d", k), data: p, piece: 1})
		}
	}
	x := m.add(newFile{parent: idRoot, name: "packed", packed: append(packedHeader(packedZlib, 1000), zipped(make([]byte, 1000))...)})
	m.attribute(x, "other", []byte("x"))
	m.largeAttribute(x, "large", pattern(7, 9000), 1)
	whole := m.bytes()
	random := rand.New(rand.NewPCG(2026, 11))
	lost, all := 0, 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for round := range rounds {
		p := bytes.Clone(whole)
		at := random.IntN(40 * 512)
		if random.IntN(2) == 0 {
			at = place(whole, forkCatalog, 0) + random.IntN(100*1024)
		}
		n := min(1<<random.IntN(10), len(p)-at)
		for i := range n {
			p[at+i] = byte(random.Uint32())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		fsys, err := Open(ctx, block.Bytes(p))
		if err != nil {
			if ctx.Err() != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			cancel()
			continue
		}
		seen := map[string]bool{}
		for f, err := range fsys.Files(ctx) {
			if err != nil || f.State == filesystem.Deleted || len(f.Streams) == 0 {
				continue
			}
			for _, s := range f.Streams {
				src, err := fsys.Open(f, s.Name)
				if err != nil {
					continue
				}
				got := make([]byte, min(src.Size(), 1<<16))
				k, _ := src.ReadAt(got, 0)
				if data, ok := want[f.Path]; ok && s.Name == "" && bytes.Equal(got[:k], data) {
					seen[f.Path] = true
				}
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("round %d: no end", round)
		}
		cancel()
		if _, err := fsys.Used(t.Context()); err != nil {
			t.Fatal(err)
		}
		all += len(want)
		lost += len(want) - len(seen)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+64<<20 {
		t.Errorf("%d bytes stay in use", after.HeapAlloc-before.HeapAlloc)
	}
	t.Logf("%d rounds, %.2f %% of the files not found under their names", rounds, 100*float64(lost)/float64(max(all, 1)))
	if float64(lost) > 0.03*float64(all) {
		t.Errorf("%d of %d files were lost", lost, all)
	}
}
