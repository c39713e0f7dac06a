//go:build linux

// Command compare measures how fast a package is held against the slots of a device, beside cmp and sha256sum over the same
// bytes.
//
//	compare [-size MIB]
//
// It makes a package of that size and a device of two slots, one with the old content and one that is half written, in a
// folder of its own that is removed. All is read once before, so that it comes from the page cache. Seconds are those of the
// processors.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"salvor/block"
	"salvor/compare"
)

const mebi = 1 << 20

func main() {
	size := flag.Int64("size", 512, "MiB of the package")
	flag.Parse()
	if err := measure(*size * mebi); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// image is a file as a source.
type image struct {
	*os.File
	size int64
}

func (i image) Size() int64 { return i.size }

func measure(size int64) (err error) {
	dir, err := os.MkdirTemp("", "salvor-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	paths := map[string]string{}
	for i, name := range []string{"old", "new", "half"} {
		paths[name] = filepath.Join(dir, name)
		if err := write(paths[name], size, uint64(i)); err != nil {
			return err
		}
	}
	open := func(name string) (image, error) {
		f, err := os.Open(paths[name])
		return image{f, size}, err
	}
	var sources [3]image
	for i, name := range []string{"old", "new", "half"} {
		if sources[i], err = open(name); err != nil {
			return err
		}
		defer sources[i].Close()
		if _, err := io.Copy(io.Discard, block.Reader(sources[i])); err != nil {
			return err
		}
	}
	read := int64(0)
	in := compare.Input{
		Contents: []compare.Content{{Name: "new", Source: sources[1], Pieces: []compare.Piece{{ID: "0", Name: "new", Extent: block.Extent{Length: size}}}}},
		Regions: []compare.Region{
			{Name: "rootfs_a", Group: "rootfs", Slot: "a", Source: sources[0], Place: block.Extent{Length: size}},
			{Name: "rootfs_b", Group: "rootfs", Slot: "b", Source: sources[2], Place: block.Extent{Offset: size, Length: size}},
		},
		Progress: func(done, _ int64) { read = done },
	}
	before := used(syscall.RUSAGE_SELF)
	r, err := compare.Device(context.Background(), in)
	if err != nil {
		return err
	}
	took := used(syscall.RUSAGE_SELF) - before
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	for _, t := range r.Targets {
		if !t.Reference && (t.Order != compare.Ascending || t.Bracket.From > size/2 || t.Bracket.To < size/2) {
			return fmt.Errorf("left at %d, and told as %+v", size/2, t.Bracket)
		}
	}
	fmt.Printf("compare    %6.2f s  %5.2f GB/s of package and slots, %d MiB of memory, %d MiB looked at\n", took, float64(3*size)/took/1e9, mem.Sys/mebi, read/mebi)
	copied := filepath.Join(dir, "copy")
	if err := exec.Command("cp", paths["new"], copied).Run(); err != nil {
		return err
	}
	for _, c := range [][]string{{"cmp", paths["new"], copied}, {"sha256sum", paths["new"], paths["old"], paths["half"]}} {
		before := used(syscall.RUSAGE_CHILDREN)
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c[0], err, out)
		}
		took := used(syscall.RUSAGE_CHILDREN) - before
		fmt.Printf("%-10s %6.2f s  %5.2f GB/s\n", c[0], took, float64(int64(len(c)-1)*size)/took/1e9)
	}
	return nil
}

// used are the seconds of the processors, which other work on the machine changes less than those of the wall.
func used(who int) float64 {
	var u syscall.Rusage
	if syscall.Getrusage(who, &u) != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}

// write makes a file: two versions, and the second written over the first up to its middle.
func write(path string, size int64, version uint64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := make([]byte, mebi)
	for at := int64(0); at < size; at += mebi {
		seed := version
		if version == 2 {
			if seed = 0; at < size/2 {
				seed = 1
			}
		}
		r := rand.NewChaCha8([32]byte{byte(seed), byte(at >> 20), byte(at >> 28)})
		if _, err := r.Read(buf); err != nil {
			return err
		}
		if _, err := f.Write(buf[:min(mebi, size-at)]); err != nil {
			return err
		}
	}
	return nil
}
