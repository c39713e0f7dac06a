//go:build linux

package rescue

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/need"
)

// What a copy into an image refuses, each with exit code 40 and the reason, before anything is written.
func TestCopyRefusals(t *testing.T) {
	dir := t.TempDir()
	data := dataVolume(t)
	content, err := os.ReadFile(data)
	must(t, err)
	file := func(name string, b []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, b, 0o600))
		return path
	}
	source := file("source.img", content)
	link := filepath.Join(dir, "link.img")
	must(t, os.Symlink(source, link))
	hard := filepath.Join(dir, "hard.img")
	must(t, os.Link(source, hard))
	other := file("other.img", bytes.Repeat([]byte("something else "), 1000))
	hour := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(source, hour, hour))
	blanks := map[string]string{"zeros": file("zeros.img", make([]byte, 4<<20)), "0xFF": file("ff.img", bytes.Repeat([]byte{0xFF}, 4<<20))}

	for name, image := range map[string]string{"itself": source, "a link to it": link, "another name of it": hard} {
		r, err := copied(t, ImageCopy{Source: source, Image: image, Force: true}, nil)
		refused(t, r, err, host.ExitRefused, codeSameFile, name[:0])
	}
	for _, o := range []ImageCopy{{Map: source}, {Sums: source}} {
		o.Source, o.Image, o.Force = source, filepath.Join(dir, "x.img"), true
		r, err := copied(t, o, nil)
		refused(t, r, err, host.ExitRefused, codeSameFile)
	}
	// A file that is there, and of which no map speaks.
	r, err := copied(t, ImageCopy{Source: source, Image: other}, nil)
	refused(t, r, err, host.ExitRefused, codeNoMap, "swapped", "newer than the source")
	// A blank source over what holds something, even by force.
	for _, blank := range blanks {
		for _, o := range []ImageCopy{{}, {Force: true}, {Truncate: true}} {
			o.Source, o.Image = blank, other
			r, err := copied(t, o, nil)
			refused(t, r, err, host.ExitRefused, codeSwapped, "is blank")
		}
		if r, err := copied(t, ImageCopy{Source: blank, Image: filepath.Join(dir, filepath.Base(blank)+".copy"), Map: blank + ".copy.map"}, nil); err != nil || r.Exit != ExitDone {
			t.Errorf("a blank source into a new file: %+v, %v", r, err)
		}
	}
	if b, err := os.ReadFile(other); err != nil || !strings.HasPrefix(string(b), "something else") {
		t.Error("a refusal wrote to the target")
	}
	if r, err := copied(t, ImageCopy{Source: source, Image: other, Force: true}, nil); err != nil || r.Exit != ExitDone {
		t.Errorf("by force: %+v, %v", r, err)
	}
	// A map of another size.
	short := filepath.Join(dir, "short.map")
	writeTestMap(t, short, holed(1<<20))
	r, err = copied(t, ImageCopy{Source: source, Image: other, Map: short, VerifySize: true}, nil)
	refused(t, r, err, host.ExitRefused, codeOther, "1048576 bytes")
}

func TestBlank(t *testing.T) {
	for want, list := range map[bool][][]byte{
		true:  {make([]byte, 1), make([]byte, 3<<20), bytes.Repeat([]byte{0xFF}, 2<<20)},
		false: {{7}, bytes.Repeat([]byte{0x80}, 2<<20), append(make([]byte, 2<<20), 1), append([]byte{1}, make([]byte, 2<<20)...)},
	} {
		for i, b := range list {
			if got := blank(block.Bytes(b)); got != want {
				t.Errorf("%v %d: %v", want, i, got)
			}
		}
	}
}

// Where the target is on the source, or the source can change, nothing begins.
func TestCopyRefusesMounts(t *testing.T) {
	source := dataVolume(t)
	point := mounted(t, source, "-o", "loop,ro,noload")
	for _, o := range []ImageCopy{{Image: filepath.Join(point, "copy.img")}, {Image: filepath.Join(t.TempDir(), "copy.img"), Map: filepath.Join(point, "map")}} {
		o.Source = source
		r, err := copied(t, o, nil)
		refused(t, r, err, host.ExitRefused, codeSameFile, "lies on the source")
	}
	writable := dataVolume(t)
	where := mounted(t, writable, "-o", "loop")
	r, err := copied(t, ImageCopy{Source: writable, Image: filepath.Join(t.TempDir(), "copy.img")}, nil)
	refused(t, r, err, host.ExitRefused, "host.source.mount", where, "umount")
	device := loopDevice(t, dataVolume(t), 512, false)
	where = mounted(t, device)
	r, err = copied(t, ImageCopy{Source: device, Image: filepath.Join(t.TempDir(), "copy.img")}, nil)
	refused(t, r, err, host.ExitRefused, "host.source.mount", where)
}

func TestCopyTargetTooSmall(t *testing.T) {
	point := memoryDisk(t, "10m")
	for name, o := range map[string]ImageCopy{"one file": {Image: filepath.Join(point, "a.img")}, "parts": {Image: filepath.Join(point, "b.img"), Split: 1 << 20},
		"ewf": {Image: filepath.Join(point, "c.E01")}} {
		o.Source = exampleImage
		r, err := copied(t, o, nil)
		refused(t, r, err, host.ExitRefused, "host.target.full", point, name[:0])
	}
	untouched(t, point)
	// A copy that is partly there needs room for the rest only.
	image := filepath.Join(point, "part.img")
	if r, err := copied(t, ImageCopy{Source: exampleImage, Image: image, TakeOptions: TakeOptions{Size: 4 << 20}}, nil); err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err := copied(t, ImageCopy{Source: exampleImage, Image: image}, nil)
	refused(t, r, err, host.ExitRefused, "host.target.full")
	command(t, "mount", "-o", "remount,size=18m", point)
	if r, err := copied(t, ImageCopy{Source: exampleImage, Image: image}, nil); err != nil || r.Exit != ExitDone {
		t.Errorf("%+v, %v", r, err)
	}
}

func writeTestMap(t *testing.T, path string, m *imaging.Map) {
	t.Helper()
	var b bytes.Buffer
	_, err := m.WriteTo(&b)
	must(t, err)
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
}

// Fill mode and generate mode do what those of GNU ddrescue do.
func TestFillAndGenerate(t *testing.T) {
	need.Tools(t, "ddrescue")
	dir := t.TempDir()
	content, err := os.ReadFile(exampleImage)
	must(t, err)
	p := func(name string) string { return filepath.Join(dir, name) }
	m := holed(int64(len(content)), block.Extent{Offset: 2 << 20, Length: 5 * 512}, block.Extent{Offset: 9<<20 + 512, Length: 200 << 10})
	for _, types := range []string{"-", "l-", "-l"} {
		for _, name := range []string{"ours", "theirs"} {
			must(t, os.WriteFile(p(name), content, 0o600))
			writeTestMap(t, p(name+".map"), m)
		}
		must(t, os.WriteFile(p("data"), []byte("BAD-SECTOR "), 0o600))
		if r, err := Fill(t.Context(), ImageCopy{Source: p("data"), Image: p("ours"), OutputPosition: -1}, FillOptions{Types: types}); err != nil || r.Exit != ExitDone {
			t.Fatalf("%+v, %v", r, err)
		}
		if out, err := exec.Command("ddrescue", "-q", "--fill-mode="+types, p("data"), p("theirs"), p("theirs.map")).CombinedOutput(); err != nil {
			t.Fatalf("ddrescue: %v: %s", err, out)
		}
		ours, theirs := readFile(t, p("ours")), readFile(t, p("theirs"))
		if types == "-" && !bytes.Equal(ours, theirs) {
			t.Error("other bytes than ddrescue's")
		}
		for e, st := range m.All() {
			at := ours[e.Offset:e.End()]
			if st == imaging.Finished && !bytes.Equal(at, content[e.Offset:e.End()]) {
				t.Errorf("%s: what was copied was written over at %v", types, e)
			}
			if st != imaging.Finished && (!bytes.Contains(at[:512], []byte("BAD-SECTOR")) || strings.Contains(types, "l") && !bytes.Contains(at[:512], []byte("0x"))) {
				t.Errorf("%s: %v was not filled: %q", types, e, at[:80])
			}
		}
		if got := mapAt(t, p("ours.map"), int64(len(content))); !got.Of(imaging.BadSector).Equal(m.Of(imaging.BadSector)) {
			t.Error("the map says something else now")
		}
	}
	_, err = Fill(t.Context(), ImageCopy{Source: p("data"), Image: p("data"), Map: p("ours.map")}, FillOptions{Types: "-"})
	refused(t, Failure(err, "all"), err, host.ExitRefused, "rescue.fill.target")

	partial := bytes.Clone(content)
	clear(partial[3<<20 : 6<<20])
	must(t, os.WriteFile(p("partial"), partial, 0o600))
	if r, err := GenerateMap(t.Context(), ImageCopy{Source: exampleImage, Image: p("partial"), OutputPosition: -1, Program: "salvor test"}); err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	if out, err := exec.Command("ddrescue", "-q", "--generate-mode", exampleImage, p("partial"), p("generated.map")).CombinedOutput(); err != nil {
		t.Fatalf("ddrescue: %v: %s", err, out)
	}
	ours, theirs := mapAt(t, p("partial.map"), int64(len(content))), mapAt(t, p("generated.map"), int64(len(content)))
	if !ours.Of(imaging.Finished).Equal(theirs.Of(imaging.Finished)) {
		t.Error("another map than ddrescue's")
	}
	_, err = GenerateMap(t.Context(), ImageCopy{Source: exampleImage, Image: p("partial"), OutputPosition: -1})
	refused(t, Failure(err, "all"), err, host.ExitRefused, "rescue.map.exists")
	// The copy goes on from it.
	if r, err := copied(t, ImageCopy{Source: exampleImage, Image: p("partial")}, nil); err != nil || r.Exit != ExitDone {
		t.Errorf("%+v, %v", r, err)
	}
	if !bytes.Equal(readFile(t, p("partial")), content) {
		t.Error("the copy is not the source")
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}
