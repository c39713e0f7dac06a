package ewf

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/internal/need"
)

// medium returns bytes of which a part compresses, a part is zeros, and a part is random.
func medium(n int) []byte {
	b := make([]byte, n)
	rnd := rand.New(rand.NewPCG(4, uint64(n)))
	for i := 0; i < n/3; i++ {
		b[i] = byte(rnd.Uint32())
	}
	for i := 2 * n / 3; i < n; i++ {
		b[i] = byte(i / 700)
	}
	return b
}

// written writes an image into a folder and returns the path of its first segment.
func written(t *testing.T, data []byte, o Options) (string, Result) {
	t.Helper()
	dir := t.TempDir()
	o.Create = func(n int) (File, error) {
		return os.OpenFile(filepath.Join(dir, "image."+Name("E01", n)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	}
	res, err := Write(t.Context(), block.Bytes(data), o)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "image.E01"), res
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// Other programs read what is written, of every size and shape.
func TestReadByOthers(t *testing.T) {
	need.Tools(t, "ewfverify", "ewfinfo", "ewfexport")
	lost := block.SetOf(block.Extent{Offset: 5 * 512, Length: 3 * 512}, block.Extent{Offset: 3 << 20, Length: 70 * 512})
	for name, tt := range map[string]struct {
		size     int
		o        Options
		segments int
	}{
		"one sector":  {512, Options{}, 1},
		"one chunk":   {32768, Options{}, 1},
		"a bit more":  {32768 + 512, Options{}, 1},
		"one segment": {7<<20 + 512*3, Options{}, 1},
		"segments":    {9<<20 + 512, Options{SegmentSize: 1 << 20}, 4},
		"4 KiB":       {4 << 20, Options{SectorSize: 4096, Removable: true}, 1},
		"errors":      {5 << 20, Options{Unreadable: lost, SegmentSize: 1 << 20}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			data := medium(tt.size)
			tt.o.Info = Info{Case: "case 7", Evidence: "card\t1", Description: "Karte Ä", Model: "ACME SD", Serial: "0x1234", Program: "salvor", System: "linux",
				Acquired: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}
			first, res := written(t, data, tt.o)
			for e := range tt.o.Unreadable.All() {
				clear(data[e.Offset:e.End()])
			}
			if res.MD5 != md5.Sum(data) || res.SHA1 != sha1.Sum(data) {
				t.Errorf("hashes: %x %x", res.MD5, res.SHA1)
			}
			if res.Segments < tt.segments {
				t.Errorf("%d segments, want %d at least", res.Segments, tt.segments)
			}
			total := int64(0)
			for n := 1; n <= res.Segments; n++ {
				st, err := os.Stat(strings.TrimSuffix(first, "E01") + Name("E01", n))
				if err != nil {
					t.Fatal(err)
				}
				if total += st.Size(); tt.o.SegmentSize > 0 && st.Size() > tt.o.SegmentSize {
					t.Errorf("segment %d has %d bytes", n, st.Size())
				}
			}
			if total != res.Bytes {
				t.Errorf("%d bytes were told, %d are there", res.Bytes, total)
			}
			if out := run(t, "ewfverify", "-q", "-d", "sha1", first); !strings.Contains(out, "SUCCESS") {
				t.Errorf("ewfverify: %s", out)
			}
			info := run(t, "ewfinfo", first)
			for _, want := range []string{"case 7", "card 1", "Karte Ä", "ACME SD", "0x1234", hex.EncodeToString(res.MD5[:]), hex.EncodeToString(res.SHA1[:]),
				fmt.Sprintf("(%d bytes)", tt.size), "May  4 03:02:01 2026", "EnCase 6"} {
				if !strings.Contains(info, want) {
					t.Errorf("%q does not stand in %s", want, info)
				}
			}
			if !tt.o.Unreadable.Empty() {
				for _, want := range []string{"total number: 2", "5 - 7", "6144 - 6213"} {
					if !strings.Contains(info, want) {
						t.Errorf("%q does not stand in %s", want, info)
					}
				}
			}
			raw := filepath.Join(t.TempDir(), "raw")
			run(t, "ewfexport", "-q", "-u", "-f", "raw", "-t", raw, first)
			got, err := os.ReadFile(raw + ".raw")
			if err != nil {
				got, err = os.ReadFile(raw)
			}
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("ewfexport gives %d bytes, other ones: %v", len(got), err)
			}
		})
	}
}

// Tables hold so many chunks, then a new section begins.
func TestManyTables(t *testing.T) {
	need.Tools(t, "ewfverify")
	if testing.Short() {
		t.Skip("half a gigabyte of zeros")
	}
	src := zeros((maxEntries + 5) * chunkSize)
	dir := t.TempDir()
	first := filepath.Join(dir, "z.E01")
	res, err := Write(t.Context(), src, Options{Create: func(n int) (File, error) { return os.Create(filepath.Join(dir, "z."+Name("E01", n))) }})
	if err != nil || res.Segments != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	if out := run(t, "ewfverify", "-q", first); !strings.Contains(out, "SUCCESS") {
		t.Errorf("ewfverify: %s", out)
	}
}

type zeros int64

func (z zeros) Size() int64 { return int64(z) }
func (z zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func TestName(t *testing.T) {
	for n, want := range map[int]string{1: "E01", 99: "E99", 100: "EAA", 125: "EAZ", 126: "EBA", 100 + 26*26 - 1: "EZZ", 100 + 26*26: "FAA", maxSegments: "ZZZ"} {
		if got := Name("E01", n); got != want {
			t.Errorf("segment %d: %s, want %s", n, got, want)
		}
		if got := Name("e01", n); got != strings.ToLower(want) {
			t.Errorf("segment %d: %s", n, got)
		}
	}
}

// broken is a file that takes no more than left bytes.
type broken struct {
	left   int
	closed *int
}

var errFull = errors.New("no space")

func (b *broken) WriteAt(p []byte, _ int64) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}
func (b *broken) Sync() error { return nil }
func (b *broken) Close() error {
	*b.closed++
	return nil
}

type gone struct{ block.Source }

var errGone = errors.New("gone")

func (g gone) ReadAt(p []byte, off int64) (int, error) {
	if off > 0 {
		return 0, errGone
	}
	return g.Source.ReadAt(p, off)
}

// What goes wrong is told, and no file stays open.
func TestFailures(t *testing.T) {
	data := medium(6 << 20)
	closed, opened := 0, 0
	create := func(left int) func(int) (File, error) {
		return func(int) (File, error) {
			opened++
			return &broken{left, &closed}, nil
		}
	}
	for left := 1; left < 1<<20; left = left*3 + 1 {
		if _, err := Write(t.Context(), block.Bytes(data), Options{Create: create(left), SegmentSize: 1 << 20}); !errors.Is(err, errFull) {
			t.Errorf("a disk with %d bytes: %v", left, err)
		}
	}
	if _, err := Write(t.Context(), gone{block.Bytes(data)}, Options{Create: create(1 << 30)}); !errors.Is(err, errGone) {
		t.Errorf("a copy that cannot be read: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Write(ctx, block.Bytes(data), Options{Create: create(1 << 30)}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	if opened != closed {
		t.Errorf("%d files were opened, %d closed", opened, closed)
	}
	for name, o := range map[string]Options{
		"nothing":       {},
		"sectors":       {Create: create(0), SectorSize: 1000},
		"large sectors": {Create: create(0), SectorSize: 1 << 16},
		"small segment": {Create: create(0), SegmentSize: 1000},
		"large segment": {Create: create(0), SegmentSize: 1 << 31},
	} {
		if _, err := Write(t.Context(), block.Bytes(data), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Write(t.Context(), block.Bytes(data[:1000]), Options{Create: create(0)}); !errors.Is(err, ErrSectors) {
		t.Errorf("half a sector: %v", err)
	}
	far := block.SetOf(block.Extent{Offset: 3 << 40, Length: 512})
	if _, err := Write(t.Context(), zeros(4<<40), Options{Create: create(0), Unreadable: far}); err == nil || !strings.Contains(err.Error(), "cannot name") {
		t.Errorf("errors that the format has no place for: %v", err)
	}
}
