package host

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
)

func imageFile(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	mustPanicFree(t, os.WriteFile(path, b, 0o600))
	return path
}

func TestFileKeepsTheContract(t *testing.T) {
	for name, use := range map[string]ReaderUse{"direct": ReaderForDevices, "process": ReaderAlways} {
		t.Run(name, func(t *testing.T) {
			if use == ReaderAlways && runtime.GOOS == "windows" {
				t.Skip("no descriptors by number")
			}
			want := pattern(3<<20 + 777)
			path := imageFile(t, want)
			blocktest.Run(t, func(t *testing.T) (block.Source, []byte, block.Set) {
				o, err := Open(t.Context(), path, OpenOptions{Reader: use})
				mustPanicFree(t, err)
				t.Cleanup(func() { o.Close() })
				return o.Source, want, block.Set{}
			})
		})
	}
}

func TestOpenDescribesAFile(t *testing.T) {
	path := imageFile(t, pattern(5000))
	o, err := Open(t.Context(), path, OpenOptions{})
	mustPanicFree(t, err)
	defer o.Close()
	if o.Device || o.Size != 5000 || o.Name != "disk.img" || !filepath.IsAbs(o.Real) || o.SectorSize != 0 {
		t.Errorf("opened as %+v", o)
	}
	if restore, err := LockReadOnly(o); err != nil || restore() != nil {
		t.Errorf("locking a file does nothing, got %v", err)
	}
}

func TestOpenRefusesWhatIsNoSource(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.img")
	mustPanicFree(t, os.WriteFile(empty, nil, 0o600))
	cases := []struct {
		name, path, code string
		exit             int
	}{
		{"folder", dir, "host.source.folder", ExitUsage},
		{"nothing", filepath.Join(dir, "no-such.img"), "host.source.notfound", ExitUsage},
		{"empty", empty, "host.source.empty", ExitError},
	}
	if runtime.GOOS == "linux" {
		fifo := filepath.Join(dir, "fifo")
		run(t, "mkfifo", fifo)
		l, err := net.Listen("unix", filepath.Join(dir, "s"))
		mustPanicFree(t, err)
		defer l.Close()
		cases = append(cases, []struct {
			name, path, code string
			exit             int
		}{
			{"pipe", fifo, "host.source.pipe", ExitUsage},
			{"socket", filepath.Join(dir, "s"), "host.source.socket", ExitUsage},
			{"character device", "/dev/zero", "host.source.character", ExitUsage},
		}...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := Open(t.Context(), c.path, OpenOptions{})
			if o != nil {
				o.Close()
			}
			var r *RefusedError
			if !errors.As(err, &r) {
				t.Fatalf("error %v, want a refusal", err)
			}
			if r.Code != c.code || r.ExitCode() != c.exit || r.Next == "" || !strings.Contains(r.Why, c.path) {
				t.Errorf("refused as %+v", r)
			}
			if f := r.Finding(); f.Code != c.code || f.Text == "" {
				t.Errorf("finding %+v", f)
			}
		})
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, imageFile(t, pattern(10)), OpenOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestShorterFileIsAbsentAndNoticed(t *testing.T) {
	path := imageFile(t, pattern(100_000))
	o, err := Open(t.Context(), path, OpenOptions{})
	mustPanicFree(t, err)
	defer o.Close()
	if err := o.Changed(); err != nil {
		t.Fatalf("nothing changed yet: %v", err)
	}
	mustPanicFree(t, os.Truncate(path, 60_000))
	p := make([]byte, 20_000)
	n, err := o.Source.ReadAt(p, 50_000)
	u, ok := block.IsUnreadable(err)
	if n != 10_000 || !ok || u.Ranges[0].Why != block.Absent || u.Ranges[0].Extent != (block.Extent{Offset: 60_000, Length: 10_000}) {
		t.Errorf("ReadAt = %d, %v", n, err)
	}
	var c *ChangedError
	if err := o.Changed(); !errors.As(err, &c) || c.Finding().Code != "host.source.changed" {
		t.Errorf("Changed = %v", err)
	}
}

func TestChangedTimeIsNoticed(t *testing.T) {
	path := imageFile(t, pattern(1000))
	o, err := Open(t.Context(), path, OpenOptions{})
	mustPanicFree(t, err)
	defer o.Close()
	mustPanicFree(t, os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000, 1)))
	if o.Changed() == nil {
		t.Error("another time of change was not noticed")
	}
}

func TestReadAfterCloseIsGone(t *testing.T) {
	for _, use := range []ReaderUse{ReaderForDevices, ReaderAlways} {
		o, err := Open(t.Context(), imageFile(t, pattern(1000)), OpenOptions{Reader: use})
		mustPanicFree(t, err)
		mustPanicFree(t, o.Close())
		mustPanicFree(t, o.Close())
		_, err = o.Source.ReadAt(make([]byte, 10), 0)
		u, ok := block.IsUnreadable(err)
		if !ok || u.Ranges[0].Why != block.Gone {
			t.Errorf("reader use %d: %v, want gone", use, err)
		}
	}
}

func TestReadErrorSaysWhy(t *testing.T) {
	for _, c := range []struct {
		err error
		why block.Why
	}{
		{syscall.EIO, block.Bad},
		{syscall.ENODEV, block.Gone},
		{syscall.ENXIO, block.Gone},
		{io.EOF, block.Absent},
		{nil, block.Absent},
		{errStuck, block.Timeout},
		{errGone, block.Gone},
		{errors.New("something"), block.Bad},
	} {
		u, ok := block.IsUnreadable(readError(block.Extent{Offset: 5, Length: 6}, c.err))
		if !ok || u.Ranges[0].Why != c.why || u.Ranges[0].Offset != 5 {
			t.Errorf("%v: %v, want %v", c.err, u, c.why)
		}
	}
}

func TestIdentity(t *testing.T) {
	a := pattern(3 << 20)
	b := append([]byte(nil), a...)
	b[len(b)-1] ^= 1
	ids := make([]Identity, 0, 3)
	for _, p := range [][]byte{a, b, a[:100]} {
		o, err := Open(t.Context(), imageFile(t, p), OpenOptions{})
		mustPanicFree(t, err)
		id, err := o.Identity(t.Context())
		mustPanicFree(t, err)
		mustPanicFree(t, o.Close())
		ids = append(ids, id)
	}
	if ids[0].First != ids[1].First || ids[0].Last == ids[1].Last {
		t.Errorf("identities %+v and %+v", ids[0], ids[1])
	}
	if ids[2].First != ids[2].Last || ids[2].Size != 100 || len(ids[2].First) != 64 {
		t.Errorf("small source: %+v", ids[2])
	}
}
