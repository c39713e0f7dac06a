//go:build linux

package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor/block"
	"salvor/host/hosttest"
	"salvor/internal/need"
)

// faulty fails at an offset with an error.
type faulty struct {
	b   []byte
	at  int64
	err error
}

func (f *faulty) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(f.b).ReadAt(p, off)
	if int64(n) > f.at-off && off <= f.at {
		return int(f.at - off), f.err
	}
	return n, err
}

func ask(t *testing.T, src io.ReaderAt, requests ...[2]int64) []byte {
	t.Helper()
	var in, out bytes.Buffer
	for i, r := range requests {
		var req [requestSize]byte
		binary.LittleEndian.PutUint64(req[0:], uint64(r[0]))
		binary.LittleEndian.PutUint32(req[8:], uint32(r[1]))
		binary.LittleEndian.PutUint32(req[12:], uint32(i+1))
		binary.LittleEndian.PutUint32(req[16:], maxRequest)
		in.Write(req[:])
	}
	if err := answer(&in, &out, src); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReaderAnswers(t *testing.T) {
	src := &faulty{b: pattern(10_000), at: 6000, err: syscall.EIO}
	out := ask(t, src, [2]int64{100, 50}, [2]int64{5000, 4000}, [2]int64{9990, 20})
	if string(out[:8]) != readerHello {
		t.Fatalf("begins with %q", out[:8])
	}
	out = out[8:]
	for i, want := range []struct{ n, status uint32 }{{50, 0}, {1000, uint32(syscall.EIO)}, {10, statusEnd}} {
		number, n, status := binary.LittleEndian.Uint32(out), binary.LittleEndian.Uint32(out[4:]), binary.LittleEndian.Uint32(out[8:])
		if number != uint32(i+1) || n != want.n || status != want.status {
			t.Fatalf("answer %d: number %d, n %d, status %d; want %+v", i, number, n, status, want)
		}
		out = out[answerSize+n:]
	}
	if len(out) != 0 {
		t.Errorf("%d bytes too many", len(out))
	}
}

func TestReaderRefusesWildRequests(t *testing.T) {
	for _, r := range [][2]int64{{0, maxRequest + 1}, {-1, 10}} {
		var req [requestSize]byte
		binary.LittleEndian.PutUint64(req[0:], uint64(r[0]))
		binary.LittleEndian.PutUint32(req[8:], uint32(r[1]))
		if err := answer(bytes.NewReader(req[:]), io.Discard, bytes.NewReader(nil)); err == nil {
			t.Errorf("request %v was accepted", r)
		}
	}
}

func TestAlignedReadsWholeSectors(t *testing.T) {
	b := pattern(64 * 512)
	src := newAligned(sectors{t, b}, 512)
	for _, c := range [][2]int{{0, 512}, {1, 1}, {511, 2}, {700, 5000}, {64*512 - 3, 3}} {
		p := make([]byte, c[1])
		n, err := src.ReadAt(p, int64(c[0]))
		if n != c[1] || err != nil || !bytes.Equal(p, b[c[0]:c[0]+c[1]]) {
			t.Errorf("ReadAt(%d, %d) = %d, %v", c[0], c[1], n, err)
		}
	}
	// A failure in the middle gives what stands before it.
	src = newAligned(&faulty{b: b, at: 1024, err: syscall.EIO}, 512)
	p := make([]byte, 2000)
	if n, err := src.ReadAt(p, 100); n != 924 || !errors.Is(err, syscall.EIO) {
		t.Errorf("ReadAt = %d, %v; want 924 bytes before the failure", n, err)
	}
	if n, err := src.ReadAt(p[:100], 1030); n != 0 || !errors.Is(err, syscall.EIO) {
		t.Errorf("ReadAt = %d, %v; want nothing", n, err)
	}
}

// sectors refuses reads that are not of whole sectors.
type sectors struct {
	t *testing.T
	b []byte
}

func (s sectors) ReadAt(p []byte, off int64) (int, error) {
	if off%512 != 0 || len(p)%512 != 0 {
		s.t.Errorf("read of %d bytes at %d", len(p), off)
	}
	return bytes.NewReader(s.b).ReadAt(p, off)
}

func TestReaderHoldsNoWritableDescriptor(t *testing.T) {
	f, err := os.OpenFile(imageFile(t, pattern(4096)), os.O_RDWR, 0)
	mustPanicFree(t, err)
	defer f.Close()
	if p, err := newProcess(t.Context(), f, processOptions{size: 4096}); err == nil {
		p.Close()
		t.Error("a descriptor that can write was accepted")
	}
}

func TestReaderDoesNotStartAnother(t *testing.T) {
	t.Setenv(readerVariable, "1")
	if o, err := Open(t.Context(), imageFile(t, pattern(4096)), OpenOptions{Reader: ReaderAlways}); err == nil {
		o.Close()
		t.Error("a reader started a reader")
	}
}

func TestReaderThatDiesIsReplaced(t *testing.T) {
	want := pattern(1 << 20)
	o, err := Open(t.Context(), imageFile(t, want), OpenOptions{Reader: ReaderAlways})
	mustPanicFree(t, err)
	defer o.Close()
	src := o.Source.(*processSource)
	first := src.p.cmd.Process
	mustPanicFree(t, first.Kill())
	p := make([]byte, 1000)
	if n, err := src.ReadAt(p, 500); n != 1000 || err != nil || !bytes.Equal(p, want[500:1500]) {
		t.Fatalf("ReadAt = %d, %v", n, err)
	}
	if src.p.cmd.Process.Pid == first.Pid {
		t.Error("the process is the old one")
	}
}

func TestReaderThatHangsIsGivenUp(t *testing.T) {
	want := pattern(1 << 20)
	o, err := Open(t.Context(), imageFile(t, want), OpenOptions{Reader: ReaderAlways, Deadline: 200 * time.Millisecond})
	mustPanicFree(t, err)
	defer o.Close()
	src := o.Source.(*processSource)
	stopped := src.p.cmd.Process
	mustPanicFree(t, stopped.Signal(syscall.SIGSTOP)) // it hangs as in the kernel, without an answer
	start := time.Now()
	n, err := src.ReadAt(make([]byte, 1000), 500)
	u, ok := block.IsUnreadable(err)
	if n != 0 || !ok || u.Ranges[0].Why != block.Timeout || u.Ranges[0].Extent != (block.Extent{Offset: 500, Length: 1000}) {
		t.Fatalf("ReadAt = %d, %v; want a timeout", n, err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("gave up after %v", d)
	}
	p := make([]byte, 1000)
	if n, err := src.ReadAt(p, 500); n != 1000 || err != nil || !bytes.Equal(p, want[500:1500]) {
		t.Fatalf("the next read: %d, %v", n, err)
	}
	eventually(t, "end of the process that was given up", func() bool {
		return errors.Is(stopped.Signal(syscall.Signal(0)), os.ErrProcessDone)
	})
}

// badFile shows a file of 4 MiB of which the second MiB cannot be read: a file system in user space gives the
// real error of the system for it.
func badFile(t *testing.T) (path string, want []byte) {
	t.Helper()
	need.Tools(t, "nbdkit", "nbdfuse")
	if _, err := os.Stat("/dev/fuse"); err != nil {
		need.Lacking(t, "no FUSE: %v", err)
	}
	want = pattern(4 << 20)
	image := imageFile(t, want)
	mount := filepath.Join(t.TempDir(), "nbd")
	mustPanicFree(t, os.WriteFile(mount, nil, 0o600))
	script := filepath.Join(t.TempDir(), "bad.sh")
	mustPanicFree(t, os.WriteFile(script, []byte(`case "$1" in
get_size) stat -L -c %s "`+image+`" ;;
pread) end=$(($4 + $3)); if [ "$4" -lt 2097152 ] && [ "$end" -gt 1048576 ]; then echo "EIO bad sector" >&2; exit 1; fi
  dd if="`+image+`" skip=$4 count=$3 iflag=skip_bytes,count_bytes status=none ;;
can_write|can_flush|can_trim|can_zero) exit 3 ;;
*) exit 2 ;;
esac
`), 0o755))
	t.Cleanup(startMount(t, mount, script))
	return mount, want
}

// checkBad reads around the bad MiB of badFile.
func checkBad(t *testing.T, src block.Source, want []byte) {
	t.Helper()
	if src.Size() != 4<<20 {
		t.Fatalf("size %d", src.Size())
	}
	p := make([]byte, 64<<10)
	if n, err := src.ReadAt(p, 3<<20); n != len(p) || err != nil || !bytes.Equal(p, want[3<<20:3<<20+len(p)]) {
		t.Fatalf("good range: %d, %v", n, err)
	}
	n, err := src.ReadAt(p, 1<<20+4096)
	u, ok := block.IsUnreadable(err)
	if n != 0 || !ok || u.Ranges[0].Why != block.Bad || !errors.Is(err, syscall.EIO) || !u.Ranges[0].Has(1<<20+4096) {
		t.Errorf("bad range: %d, %v", n, err)
	}
	// Across the border nothing but true bytes comes before the failure, and each sector before it can be had.
	n, err = src.ReadAt(p, 1<<20-8192)
	if _, ok := block.IsUnreadable(err); !ok || n > 8192 || !bytes.Equal(p[:n], want[1<<20-8192:1<<20-8192+n]) {
		t.Errorf("across the border: %d, %v", n, err)
	}
	if n, err := src.ReadAt(p[:4096], 1<<20-4096); n != 4096 || err != nil || !bytes.Equal(p[:n], want[1<<20-4096:1<<20]) {
		t.Errorf("up to the border: %d, %v", n, err)
	}
	if n, err := src.ReadAt(p[:4096], 2<<20); n != 4096 || err != nil || !bytes.Equal(p[:n], want[2<<20:2<<20+4096]) {
		t.Errorf("behind it: %d, %v", n, err)
	}
}

func TestBadRange(t *testing.T) {
	path, want := badFile(t)
	for name, use := range map[string]ReaderUse{"direct": ReaderForDevices, "process": ReaderAlways} {
		t.Run(name, func(t *testing.T) {
			o, err := Open(t.Context(), path, OpenOptions{Reader: use})
			mustPanicFree(t, err)
			defer o.Close()
			checkBad(t, o.Source, want)
		})
	}
	t.Run("device", func(t *testing.T) {
		o, err := Open(t.Context(), hosttest.LoopDevice(t, path, "-r"), OpenOptions{})
		mustPanicFree(t, err)
		defer o.Close()
		if !o.Device || !o.ReadOnly {
			t.Errorf("opened as %+v", o)
		}
		checkBad(t, o.Source, want)
	})
}

func TestLoopDevice(t *testing.T) {
	dev, image, want := loop(t, 4<<20)
	o, err := Open(t.Context(), dev, OpenOptions{})
	mustPanicFree(t, err)
	defer o.Close()
	if !o.Device || o.Size != 4<<20 || o.SectorSize != 512 || o.PhysicalSectorSize < 512 || o.ReadOnly || o.Transport != "loop" {
		t.Errorf("opened as %+v", o)
	}
	if !strings.Contains(o.Model, filepath.Base(image)) {
		t.Errorf("model %q", o.Model)
	}
	for _, e := range []block.Extent{{Offset: 0, Length: 1 << 20}, {Offset: 1, Length: 511}, {Offset: 12345, Length: 2<<20 + 17}, {Offset: 4<<20 - 5, Length: 5}} {
		p := make([]byte, e.Length)
		if n, err := o.Source.ReadAt(p, e.Offset); n != len(p) || err != nil || !bytes.Equal(p, want[e.Offset:e.End()]) {
			t.Errorf("ReadAt(%v) = %d, %v", e, n, err)
		}
	}
	if n, err := o.Source.ReadAt(make([]byte, 10), 4<<20-3); n != 3 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if err := o.Changed(); err != nil {
		t.Errorf("Changed = %v", err)
	}
	id, err := o.Identity(t.Context())
	if err != nil || !id.Device || id.First == "" || id.First == id.Last {
		t.Errorf("identity %+v, %v", id, err)
	}
}

func TestLockReadOnlyPutsTheOldValueBack(t *testing.T) {
	dev, _, _ := loop(t, 1<<20)
	flag := func() string { return strings.TrimSpace(run(t, "blockdev", "--getro", dev)) }
	o, err := Open(t.Context(), dev, OpenOptions{})
	mustPanicFree(t, err)
	defer o.Close()
	for range 2 {
		restore, err := LockReadOnly(o)
		mustPanicFree(t, err)
		if flag() != "1" || !o.ReadOnly {
			t.Fatal("not locked")
		}
		if f, err := os.OpenFile(dev, os.O_WRONLY, 0); err == nil {
			if _, err := f.Write([]byte("x")); err == nil {
				t.Error("the device could be written to")
			}
			f.Close()
		}
		again, err := LockReadOnly(o)
		mustPanicFree(t, err)
		mustPanicFree(t, again())
		if flag() != "1" {
			t.Fatal("the second lock took the first away")
		}
		mustPanicFree(t, restore())
		if flag() != "0" || o.ReadOnly {
			t.Fatal("not put back")
		}
	}
}

func TestSafetyOfALoopDevice(t *testing.T) {
	need.Tools(t, "mke2fs", "mount", "umount")
	dev, image, _ := loop(t, 8<<20)
	mustPanicFree(t, CheckSafe(dev))
	mustPanicFree(t, CheckSafe(image))
	run(t, "mke2fs", "-q", "-F", "-t", "ext4", dev)
	point := t.TempDir()
	for _, c := range []struct {
		options string
		safe    bool
	}{{"rw", false}, {"ro", false}, {"ro,noload", true}} {
		run(t, "mount", "-o", c.options, dev, point)
		for _, path := range []string{dev, image} {
			err := CheckSafe(path)
			var r *RefusedError
			switch {
			case c.safe && err != nil:
				t.Errorf("%s mounted %s: %v", path, c.options, err)
			case !c.safe && (!errors.As(err, &r) || r.Exit != ExitRefused || !strings.Contains(r.Why, point) || !strings.Contains(r.Next, "umount")):
				t.Errorf("%s mounted %s: %v, want a refusal", path, c.options, err)
			}
			in, err := Contains(path, filepath.Join(point, "case", "new"))
			if err != nil || !in {
				t.Errorf("target in the mount of %s: %v, %v", path, in, err)
			}
			if in, err := Contains(path, t.TempDir()); err != nil || in {
				t.Errorf("target elsewhere than %s: %v, %v", path, in, err)
			}
		}
		run(t, "umount", point)
	}
	mustPanicFree(t, CheckSafe(dev))
}

// loop attaches a new image to a loop device.
func loop(t *testing.T, size int) (dev, image string, content []byte) {
	t.Helper()
	content = pattern(size)
	image = imageFile(t, content)
	return hosttest.LoopDevice(t, image), image, content
}
