//go:build linux

package browsertest

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"salvor/block"
	"salvor/imaging"
)

// A program that is killed in the middle of a copy goes on where it was when it is started again: what the map of the copy
// says is read is not asked of the disk a second time, and what was copied is what the disk has.
func TestKilledInTheMiddleOfACopy(t *testing.T) {
	t.Parallel()
	theBrowser.get(t)
	home := filepath.Join(t.TempDir(), "home")
	must(t, os.Mkdir(home, 0o700))
	const size = 48 << 20
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{10}).Read(data[16<<20:])
	image, err := os.ReadFile("../../examples/gateway.img")
	must(t, err)
	copy(data, image)
	disk := filepath.Join(t.TempDir(), "disk")
	must(t, os.WriteFile(disk, data, 0o600))
	d := slow(t, home, disk)
	t.Cleanup(d.end)

	p := start(t, home)
	b := visit(t, p)
	b.follow("Choose the file")
	b.follow("usb-drive")
	b.follow("nbd")
	b.until("Save its files")
	b.follow("Save its files")
	b.fill("name", "rescued")
	b.clickOn("#also")
	// From its first byte it is slow enough that a browser on a busy machine sees the middle of it. What was looked at before
	// would come at once out of the memory of this computer; beside that, the disk would look like one that has bad places.
	forget(t, d.path)
	d.set(t, 32<<20)
	b.leave(func() { b.clickOn("button.main") })
	b.wait(`document.querySelector("progress").value > 40`)
	// A pause keeps all that was read. What is read afterwards is kept every half a minute, which a kill may lose.
	b.follow("Pause")
	b.until("Go on")
	paused := copied(t, filepath.Join(home, "rescued", "image", "1.map"))
	d.set(t, 12<<20)
	b.follow("Go on")
	b.wait(`document.querySelector("progress").value > 60`)
	p.kill()

	path := filepath.Join(home, "rescued", "image", "1")
	finished := copied(t, path+".map")
	if n := finished.Bytes(); n < size/5 || n > size*9/10 || n < paused.Bytes() {
		t.Fatalf("%v was copied when it was paused, %v when it was killed", paused.Extents(), finished.Extents())
	}
	known := notAskedAgain(t, path, finished, size)
	forget(t, d.path)
	must(t, os.Truncate(d.log, 0))
	d.set(t, fast)

	again := start(t, home)
	b = visit(t, again)
	// The copy goes on by itself; each page leads to it.
	b.follow("At work now")
	b.until("How it ended")
	if n := copied(t, path+".map").Bytes(); n != size {
		t.Errorf("%d of %d bytes were copied in the end", n, size)
	}
	// When the copy is whole, a sample of the disk is read once more, to see that nothing wrote to it; that is after the last
	// byte that was new.
	if twice := reads(t, d.log, finished).Intersect(known); !twice.Empty() {
		t.Errorf("%v of %v, which were copied before, were read again to be copied", twice.Extents(), known.Extents())
	}
	image, err = os.ReadFile(path + ".img")
	must(t, err)
	if !bytes.Equal(image, data) {
		t.Error("the copy is not the disk")
	}
	b.follow("Back to the rescue")
	b.follow("Check that nothing changed")
	b.until("is what it was")
	again.stop(t)
}

// copied is what the map of a copy calls read.
func copied(t *testing.T, path string) block.Set {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	m, err := imaging.ReadMap(f)
	must(t, err)
	return m.Of(imaging.Finished)
}

// notAskedAgain is what a disk of size bytes must not be asked for when a copy of it goes on. It is asked for its beginning and
// for the last eight chunks of the copy, to know it again. On a busy machine the copy may have passed over some places as slow;
// the system reads ahead behind them.
func notAskedAgain(t *testing.T, path string, finished block.Set, size int64) block.Set {
	t.Helper()
	const ahead = 256 << 10
	f, err := os.Open(path + ".sums")
	must(t, err)
	defer f.Close()
	last, err := imaging.LastSums(f, 8)
	must(t, err)
	asked := finished.Complement(block.Extent{Length: size})
	for _, s := range last {
		asked.Add(s.Extent)
	}
	known := finished.Clone()
	known.Remove(block.Between(0, 2<<20))
	for e := range asked.All() {
		known.Remove(block.Between(e.Offset, e.End()+ahead))
	}
	if known.Bytes() < 4<<20 {
		t.Fatalf("of %v, which were copied, only %v must not be read again", finished.Extents(), known.Extents())
	}
	return known
}

// forget makes this computer ask the disk for what it read of it before.
func forget(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	must(t, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
}

// reads is what a disk was asked for, by its log, until it had given all that was not had before.
func reads(t *testing.T, log string, had block.Set) block.Set {
	t.Helper()
	text, err := os.ReadFile(log)
	must(t, err)
	var out, since block.Set
	for _, m := range regexp.MustCompile(` Read .*offset=(0x[0-9a-f]+) count=(0x[0-9a-f]+)`).FindAllStringSubmatch(string(text), -1) {
		at, err := strconv.ParseInt(m[1], 0, 64)
		must(t, err)
		n, err := strconv.ParseInt(m[2], 0, 64)
		must(t, err)
		e := block.Extent{Offset: at, Length: n}
		since.Add(e)
		if fresh := block.SetOf(e).Subtract(had).Subtract(out); !fresh.Empty() {
			out, since = out.Union(since), block.Set{}
		}
	}
	if out.Empty() {
		t.Fatalf("no read is in the log: %.500s", text)
	}
	return out
}
