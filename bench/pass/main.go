//go:build linux

// Command pass measures the parts of carving one by one over an image: the search for signatures alone, the contiguous pass
// (every place that a signature names read to its end and judged), and the search for pieces.
//
//	pass [-pieces] [-workers N] [-profile FILE] IMAGE
//
// The image is read from the page cache: it is read once before. Seconds are of the wall and of the processors together.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filetype"
	"salvor/filetype/all"
	"salvor/sweep"
)

func main() {
	pieces := flag.Bool("pieces", false, "look for the pieces of files too")
	workers := flag.Int("workers", runtime.NumCPU(), "places that are examined at the same time")
	profile := flag.String("profile", "", "write a profile of the processors into this file")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: pass [options] IMAGE")
		os.Exit(2)
	}
	if *profile != "" {
		out, err := os.Create(*profile)
		fail(err)
		fail(pprof.StartCPUProfile(out))
		defer pprof.StopCPUProfile()
	}
	fail(measure(flag.Arg(0), *workers, *pieces))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pass:", err)
		os.Exit(1)
	}
}

// image is a file as a source.
type image struct {
	*os.File
	size int64
}

func (i image) Size() int64 { return i.size }

// clock tells the seconds since it was started, of the wall and of the processors.
type clock struct {
	wall time.Time
	cpu  time.Duration
}

func used() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func start() clock { return clock{time.Now(), used()} }

func (c clock) tell(what, more string) {
	fmt.Printf("%-22s %6.2f s %6.2f CPU s  %s\n", what, time.Since(c.wall).Seconds(), (used() - c.cpu).Seconds(), more)
}

func measure(path string, workers int, pieces bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	src := image{f, info.Size()}
	table, err := all.Table()
	if err != nil {
		return err
	}
	probes := table.Probes()
	for i := range probes {
		probes[i].Align = max(probes[i].Align, 512)
	}
	matcher, err := sweep.NewMatcher(probes)
	if err != nil {
		return err
	}
	read := func(see func(at int64, p []byte)) error {
		buf := make([]byte, 1<<20)
		for at := int64(0); at < src.size; {
			n, err := f.ReadAt(buf[:min(int64(len(buf)), src.size-at)], at)
			if n == 0 && err != nil && err != io.EOF {
				return err
			}
			see(at, buf[:n])
			at += int64(n)
		}
		return nil
	}
	c := start()
	if err := read(func(int64, []byte) {}); err != nil {
		return err
	}
	c.tell("reading alone", fmt.Sprintf("%d MiB", src.size>>20))

	var hits []probe.Hit
	c = start()
	s := matcher.NewSweep(src.size, func(h probe.Hit) { hits = append(hits, h) })
	if err := read(func(at int64, p []byte) { s.Observe(block.Extent{Offset: at, Length: int64(len(p))}, p) }); err != nil {
		return err
	}
	c.tell("reading and signatures", fmt.Sprintf("%d places", len(hits)))
	slices.SortStableFunc(hits, func(a, b probe.Hit) int { return int(min(max(a.Offset-b.Offset, -1), 1)) })

	var taken block.Set
	var starts []int64
	var broken []carve.Found
	emit := func(f carve.Found) error {
		for e := range f.Places().All() {
			taken.Add(e)
		}
		if f.Report.Verdict >= filetype.Consistent {
			starts = append(starts, f.Offset)
		}
		return nil
	}
	c = start()
	stats, err := carve.Run(context.Background(), carve.Options{Source: src, Hits: slices.Values(hits), Table: table, Workers: workers,
		Emit: emit, Hold: func(f carve.Found) { broken = append(broken, f) }})
	if err != nil {
		return err
	}
	c.tell("contiguous pass", fmt.Sprintf("%d files, %d that break, %d places examined", stats.Found, len(broken), stats.Examined))
	tellRead(stats.Read)
	if pieces {
		c = start()
		j, err := carve.Join(context.Background(), carve.JoinOptions{Source: src, Free: taken.Complement(block.Extent{Length: src.size}),
			Broken: broken, Starts: starts, Deadline: time.Now().Add(time.Minute), Workers: workers, Emit: emit})
		if err != nil {
			return err
		}
		c.tell("search for pieces", fmt.Sprintf("%d files of %d pieces, clusters of %d bytes", j.Joined, j.Pieces, j.Unit))
		tellRead(j.Read)
	}
	return nil
}

// tellRead prints how many bytes were read to judge the files of each format.
func tellRead(read map[string]int64) {
	for _, name := range slices.SortedFunc(maps.Keys(read), func(a, b string) int { return int(min(max(read[b]-read[a], -1), 1)) }) {
		fmt.Printf("  %-10s %9.1f MiB\n", name, float64(read[name])/(1<<20))
	}
}
