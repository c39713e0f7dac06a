//go:build linux

package rescue

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"salvor/block"
	"salvor/casefile"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/need"
	"salvor/internal/wire"
)

// copied makes a copy into an image in this process.
func copied(t testing.TB, o ImageCopy, l *listener) (wire.Result, error) {
	t.Helper()
	o.Program, o.OutputPosition = "salvor test", -1
	if l == nil {
		l = &listener{}
	}
	return CopyImage(t.Context(), o, l, quiet())
}

// holed returns a map that calls some of a medium bad, for the test mode.
func holed(size int64, bad ...block.Extent) *imaging.Map {
	m := imaging.NewMap(size)
	m.Set(block.Extent{Length: size}, imaging.Finished)
	for _, e := range bad {
		m.Set(e, imaging.BadSector)
	}
	return m
}

// An image in parts is one that is stopped, gone on with, and read again as one.
func TestCopyInParts(t *testing.T) {
	dir := t.TempDir()
	want, err := os.ReadFile(exampleImage)
	must(t, err)
	image := filepath.Join(dir, "card.img")
	part := TakeOptions{Size: 7 << 20}
	if r, err := copied(t, ImageCopy{Source: exampleImage, Image: image, Split: 3 << 20, TakeOptions: part}, nil); err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err := copied(t, ImageCopy{Source: exampleImage, Image: image, Split: 5 << 20}, nil)
	refused(t, r, err, host.ExitRefused, "host.image.parts.size", "3.0 MiB")
	// Without a size it goes on with the one that the parts have, by the name of the image or of its first part.
	r, err = copied(t, ImageCopy{Source: exampleImage, Image: image}, nil)
	if err != nil || r.Exit != ExitDone || !strings.Contains(r.Next, "card.img.001") {
		t.Fatalf("%+v, %v", r, err)
	}
	for n, size := range []int64{3 << 20, 3 << 20, 3 << 20, 3 << 20, 3 << 20, 1 << 20} {
		if got := host.FileSize(host.PartName(image, n+1)); got != size {
			t.Errorf("part %d has %d bytes, want %d", n+1, got, size)
		}
	}
	if host.FileSize(image) >= 0 || host.FileSize(host.PartName(image, 7)) >= 0 {
		t.Error("there are more files")
	}
	opened, err := host.Open(t.Context(), host.PartName(image, 1), host.OpenOptions{})
	must(t, err)
	got := make([]byte, opened.Size)
	if n, err := opened.Source.ReadAt(got, 0); n < len(got) || !bytes.Equal(got, want) {
		t.Errorf("the parts give %d bytes, %v", n, err)
	}
	must(t, opened.Close())
	to := filepath.Join(dir, "case")
	if r, err := rescued(t, host.PartName(image, 1), to, nil, nil); err != nil || r.Exit != ExitReserved {
		t.Errorf("rescue of the parts: %+v, %v", r, err)
	}
	r, err = copied(t, ImageCopy{Source: exampleImage, Image: filepath.Join(dir, "tiny"), Split: 12345, Map: filepath.Join(dir, "tiny.map")}, nil)
	refused(t, r, err, host.ExitUsage, "host.image.unit")
	big := filepath.Join(dir, "big")
	must(t, os.WriteFile(big, nil, 0o600))
	must(t, os.Truncate(big, 2<<30))
	r, err = copied(t, ImageCopy{Source: big, Image: filepath.Join(dir, "many"), Split: 1 << 20}, nil)
	refused(t, r, err, host.ExitUsage, "host.image.parts", "three digits")
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := need.Command(t, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// An image in the Expert Witness format holds the copy, its hashes, and what could not be read; the raw copy stays as
// long as something is missing.
func TestCopyIntoEWF(t *testing.T) {
	need.Tools(t, "ewfverify", "ewfinfo", "ewfexport")
	dir := t.TempDir()
	want, err := os.ReadFile(exampleImage)
	must(t, err)
	image := filepath.Join(dir, "card.E01")
	bad := block.Extent{Offset: 10 << 20, Length: 8 * 512}
	test := holed(int64(len(want)), bad)
	export := func(name string) []byte {
		t.Helper()
		raw := filepath.Join(dir, name)
		tool(t, "ewfexport", "-q", "-u", "-f", "raw", "-t", raw, image)
		b, err := os.ReadFile(raw + ".raw")
		if err != nil {
			b, err = os.ReadFile(raw)
		}
		must(t, err)
		return b
	}
	r, err := copied(t, ImageCopy{Source: exampleImage, Image: image, Split: 1 << 20, Test: test}, nil)
	if err != nil || r.Exit != ExitReserved || !strings.Contains(r.Safe, "card.E01.raw") {
		t.Fatalf("%+v, %v", r, err)
	}
	first := host.FileSize(filepath.Join(dir, "card.E02"))
	if first <= 0 || host.FileSize(image) > 1<<20 {
		t.Errorf("segments of %d and %d bytes", host.FileSize(image), first)
	}
	if out := tool(t, "ewfverify", "-q", "-d", "sha1", image); !strings.Contains(out, "SUCCESS") {
		t.Error(out)
	}
	if info := tool(t, "ewfinfo", image); !strings.Contains(info, "20480 - 20487") || !strings.Contains(info, "salvor test") {
		t.Error(info)
	}
	holes := bytes.Clone(want)
	clear(holes[bad.Offset:bad.End()])
	if !bytes.Equal(export("one"), holes) {
		t.Error("the image does not hold the copy")
	}
	// What was missing can be read later: the image is made again, in fewer segments, and the raw copy goes.
	r, err = copied(t, ImageCopy{Source: exampleImage, Image: image, TakeOptions: TakeOptions{Plan: imaging.Plan{RetryPasses: 1}}}, nil)
	if err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	if host.FileSize(image+".raw") >= 0 || host.FileSize(filepath.Join(dir, "card.E02")) >= 0 {
		t.Error("the raw copy or an old segment is still there")
	}
	if out := tool(t, "ewfverify", "-q", image); !strings.Contains(out, "SUCCESS") {
		t.Error(out)
	}
	if !bytes.Equal(export("two"), want) {
		t.Error("the image does not hold the medium")
	}
	r, err = copied(t, ImageCopy{Source: exampleImage, Image: image}, nil)
	if err != nil || r.Exit != ExitDone {
		t.Errorf("once more: %+v, %v", r, err)
	}
	// Without its map, it is what no one knows.
	must(t, os.Remove(image+".map"))
	r, err = copied(t, ImageCopy{Source: exampleImage, Image: image}, nil)
	refused(t, r, err, host.ExitRefused, codeNoMap, "card.E01")
	odd := filepath.Join(dir, "odd")
	must(t, os.WriteFile(odd, make([]byte, 1000), 0o600))
	r, err = copied(t, ImageCopy{Source: odd, Image: filepath.Join(dir, "odd.e01")}, nil)
	refused(t, r, err, host.ExitUsage, "rescue.image.ewf", "whole sectors")
}

// A disk that is full while the image is made leaves the raw copy, from which the next run makes it.
func TestFullWhilePacking(t *testing.T) {
	point := memoryDisk(t, "20m")
	image, source := filepath.Join(point, "card.E01"), filepath.Join(t.TempDir(), "random")
	random := make([]byte, 12<<20) // which does not get smaller
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	must(t, os.WriteFile(source, random, 0o600))
	r, err := copied(t, ImageCopy{Source: source, Image: image}, nil)
	refused(t, r, err, host.ExitRefused, "host.target.full", "raw")
	if list, err := filepath.Glob(filepath.Join(point, "*.new")); err != nil || len(list) > 0 || host.FileSize(image) >= 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	command(t, "mount", "-o", "remount,size=64m", point)
	if r, err := copied(t, ImageCopy{Source: source, Image: image}, nil); err != nil || r.Exit != ExitDone {
		t.Errorf("%+v, %v", r, err)
	}
}

// eraseCode finds the code that a refusal asks for.
var eraseCode = regexp.MustCompile(`--erase ([0-9a-f]{4}-[0-9a-f]{4})`)

// A device is overwritten when model, serial number and content were told and confirmed, and never one that is in use.
func TestCopyOntoDevice(t *testing.T) {
	need.Tools(t, "mke2fs", "mount")
	dir := t.TempDir()
	want, err := os.ReadFile(exampleImage)
	must(t, err)
	disk := func(name, size string) (file, device string) {
		t.Helper()
		file = filepath.Join(dir, name)
		command(t, "truncate", "-s", size, file)
		return file, loopDevice(t, file, 512, false)
	}
	file, device := disk("old.img", "20M")
	command(t, "mke2fs", "-q", "-F", "-t", "ext4", "-L", "old photos", device)
	mapPath := filepath.Join(dir, "map")
	onto := func(source, device, code string) (wire.Result, error) {
		return copied(t, ImageCopy{Source: source, Image: device, Map: mapPath, Erase: code}, nil)
	}
	before := hashOf(t, file)
	r, err := onto(exampleImage, device, "")
	refused(t, r, err, host.ExitRefused, codeErase, "old.img", "serial number", `ext4 "old photos"`, "20.0 MiB")
	code := eraseCode.FindStringSubmatch(r.Next)
	if code == nil {
		t.Fatalf("no code in %q", r.Next)
	}
	r, err = onto(exampleImage, device, "0000-0000")
	refused(t, r, err, host.ExitRefused, codeErase)
	r, err = copied(t, ImageCopy{Source: exampleImage, Image: device, Erase: code[1]}, nil)
	refused(t, r, err, host.ExitUsage, "rescue.image.map")
	// Mounted, even read-only: refused whatever was confirmed.
	point := mounted(t, device, "-o", "ro,noload")
	r, err = onto(exampleImage, device, code[1])
	refused(t, r, err, host.ExitRefused, "host.target.used", point)
	command(t, "umount", point)
	t.Cleanup(func() { _ = exec.Command("mount", "-t", "tmpfs", "none", point).Run() }) // for the umount to come
	if hashOf(t, file) != before {
		t.Fatal("a refusal wrote to the device")
	}
	// Another content is another code.
	command(t, "tune2fs", "-L", "new photos", device)
	r, err = onto(exampleImage, device, code[1])
	refused(t, r, err, host.ExitRefused, codeErase, "new photos")
	code = eraseCode.FindStringSubmatch(r.Next)
	// It stops half way, and goes on by the same command although the content is another one now.
	stopped, err := copied(t, ImageCopy{Source: exampleImage, Image: device, Map: mapPath, Erase: code[1], TakeOptions: TakeOptions{Size: 9 << 20}}, nil)
	if err != nil {
		t.Fatalf("%+v, %v", stopped, err)
	}
	r, err = onto(exampleImage, device, "")
	refused(t, r, err, host.ExitRefused, codeErase)
	if r, err = onto(exampleImage, device, code[1]); err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	got, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Equal(got[:len(want)], want) {
		t.Error("the device does not hold the copy")
	}

	// Zeros of the source are written where the device holds something else.
	holes := filepath.Join(dir, "holes.img")
	must(t, os.WriteFile(holes, append(bytes.Clone(want[:1<<20]), make([]byte, 6<<20)...), 0o600))
	must(t, os.Remove(mapPath))
	_, err = onto(holes, device, "")
	code = eraseCode.FindStringSubmatch(Failure(err, "").Next)
	if r, err := copied(t, ImageCopy{Source: holes, Image: device, Map: mapPath, Erase: code[1], Sparse: true}, nil); err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := readFile(t, file); !bytes.Equal(got[:7<<20], readFile(t, holes)) {
		t.Error("old bytes stand where the source has zeros")
	}
	stale := filepath.Join(dir, "stale.img")
	must(t, os.WriteFile(stale, bytes.Repeat([]byte{0xAA}, 8<<20), 0o600))
	if r, err := copied(t, ImageCopy{Source: holes, Image: stale, Force: true, Sparse: true}, nil); err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := readFile(t, stale); !bytes.Equal(got[:7<<20], readFile(t, holes)) {
		t.Error("old bytes stand in the image where the source has zeros")
	}

	_, small := disk("small.img", "8M")
	must(t, os.Remove(mapPath))
	r, err = onto(exampleImage, small, "")
	refused(t, r, err, host.ExitRefused, "host.target.small", "8.0 MiB")
	r, err = onto(device, device, "")
	refused(t, r, err, host.ExitRefused, codeSameFile)
	r, err = onto(file, device, "")
	refused(t, r, err, host.ExitRefused, "host.target.source", "same disk")
	locked := loopDevice(t, filepath.Join(dir, "small.img"), 512, true)
	r, err = onto(filepath.Join(dir, "map"), locked, "")
	if r.Exit == ExitDone || err == nil {
		t.Error("a read-only device was overwritten")
	}
	tiny := filepath.Join(dir, "tiny.img")
	must(t, os.WriteFile(tiny, want[:4096], 0o600))
	r, err = onto(tiny, locked, "")
	refused(t, r, err, host.ExitRefused, "host.target.readonly")
}

// Beside an image stand the chain of custody and the reads that failed.
func TestCopyJournal(t *testing.T) {
	dir := t.TempDir()
	image := filepath.Join(dir, "card.img")
	st, err := os.Stat(exampleImage)
	must(t, err)
	test := holed(st.Size(), block.Extent{Offset: 5 << 20, Length: 1024})
	for range 2 {
		if r, err := copied(t, ImageCopy{Source: exampleImage, Image: image, Command: "salvor copy x", Test: test}, nil); err != nil || r.Exit != ExitReserved {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	path := filepath.Join(dir, "card.img.journal.jsonl")
	state, err := casefile.VerifyJournalFile(path)
	if err != nil || state.Acts < 5 || state.Torn != 0 {
		t.Errorf("%+v, %v", state, err)
	}
	b, err := os.ReadFile(path)
	must(t, err)
	for _, want := range []string{`"act":"copy.begin"`, `"act":"copy.passes"`, `"act":"copy.end"`, `"list_sha256":"`, `"first_mib_sha256":"`, `"command":"salvor copy x"`, `"seconds":`, `"unread":1024`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s does not stand in the journal", want)
		}
	}
	reads, err := os.ReadFile(filepath.Join(dir, "card.img.map.reads"))
	must(t, err)
	if !bytes.Contains(reads, []byte("\n0x00500000\t512\t0\t512\t#")) || bytes.Count(reads, []byte("# Reads that failed")) != 1 {
		t.Errorf("the reads that failed:\n%s", reads)
	}
	// Who cannot be written to ends the copy.
	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o700))
	if r, err := copied(t, ImageCopy{Source: exampleImage, Image: image}, nil); err == nil || errors.Is(err, os.ErrNotExist) || r.Exit != host.ExitError {
		t.Errorf("%+v, %v", r, err)
	}
}

// What was written is read again before the raw copy goes: other bytes, another size, and holes that are not called so
// are noticed.
func TestReadBackNotices(t *testing.T) {
	const size = 3<<20 + 512
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(data)
	hole := block.Extent{Offset: 1 << 20, Length: 1024}
	m := holed(size, hole)
	unread := block.SetOf(hole)
	file := filepath.Join(t.TempDir(), "raw")
	must(t, os.WriteFile(file, data, 0o600))
	raw, err := host.OpenImageFile(file, host.ImageFileOptions{Size: size})
	must(t, err)
	defer raw.Close()
	c := &imageCopy{m: m, image: raw}
	other := bytes.Clone(data)
	other[size-1]++
	for name, tt := range map[string]struct {
		image block.Source
		good  bool
	}{
		"the copy":          {imaging.CopySource(block.Bytes(data), m, 0), true},
		"a hole not called": {block.Bytes(data), false},
		"other bytes":       {imaging.CopySource(block.Bytes(other), m, 0), false},
		"another size":      {imaging.CopySource(block.Bytes(data[:size-512]), m.Fit(size-512), 0), false},
	} {
		if err := c.compare(t.Context(), tt.image, unread); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
