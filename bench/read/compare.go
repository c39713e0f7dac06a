package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/filesystem/all"
)

// disk is an image as a source.
type disk struct {
	*os.File
	size int64
}

func (d disk) Size() int64 { return d.size }

// open opens a volume by the kind whose patterns show most of themselves at its start, as a rescue does.
func open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	head := make([]byte, 64<<10)
	if _, err := vol.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	kinds := slices.DeleteFunc(all.Table(), func(k filesystem.Kind) bool { return k.Open == nil || shown(k, head) == 0 })
	slices.SortStableFunc(kinds, func(a, b filesystem.Kind) int { return cmp.Compare(shown(b, head), shown(a, head)) })
	for _, k := range kinds {
		fsys, err := k.Open(ctx, vol)
		if !errors.Is(err, cursor.ErrNot) {
			return fsys, err
		}
	}
	return nil, errors.New("no reader knows this volume")
}

// shown returns the bytes of the longest pattern of k that stands at the start of a volume, or in a header 1 KiB behind it.
func shown(k filesystem.Kind, head []byte) (most int) {
	for _, p := range k.Probes {
		for _, at := range []int64{0, 1024} {
			if at+p.At < int64(len(head)) && p.Matches(head[at+p.At:]) {
				most = max(most, len(p.Bytes))
			}
		}
	}
	return most
}

// once reads a volume to the last byte of each file. It prints the seconds of listing and of all, and with sums, where the
// bytes are hashed too, each file's sum.
func once(ctx context.Context, out io.Writer, path string, offset int64, sums bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	begin := time.Now()
	vol := block.Section(disk{f, info.Size()}, block.Extent{Offset: offset, Length: info.Size() - offset})
	fsys, err := open(ctx, vol)
	if err != nil {
		return err
	}
	var files []*filesystem.File
	for x, err := range fsys.Files(ctx) {
		if err != nil {
			return err // the volume is healthy
		}
		if x.State == filesystem.Live && x.Mode.IsRegular() && len(x.Streams) > 0 {
			files = append(files, x)
		}
	}
	listed := time.Since(begin)
	var lines bytes.Buffer
	h, buffer := sha256.New(), make([]byte, 1<<20)
	for _, x := range files {
		h.Reset()
		if err := readAll(fsys, x, buffer, func(b []byte) {
			if sums {
				h.Write(b)
			}
		}); err != nil {
			return fmt.Errorf("%s: %w", x.Path, err)
		}
		if sums {
			fmt.Fprintf(&lines, "%x %s\n", h.Sum(nil), x.Path)
		}
	}
	fmt.Fprintf(out, "%.4f %.4f\n", listed.Seconds(), time.Since(begin).Seconds())
	_, err = lines.WriteTo(out)
	return err
}

// readAll reads the content of a file through buffer.
func readAll(fsys filesystem.FileSystem, x *filesystem.File, buffer []byte, do func([]byte)) error {
	src, err := fsys.Open(x, "")
	if err != nil {
		return err
	}
	for at := int64(0); at < src.Size(); {
		n, err := src.ReadAt(buffer[:min(int64(len(buffer)), src.Size()-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		do(buffer[:n])
		at += int64(n)
	}
	return nil
}

// compare lets both programs read v in turns.
func compare(ctx context.Context, v volume, known content, rounds int, dir string) (result, error) {
	r := result{Kind: v.kind, Files: len(known.sums), Bytes: known.bytes}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	_, noOther := exec.LookPath("tsk_recover")
	var reading, listing, hashing, other, work, otherWork []float64
	for round := range rounds {
		if err := warm(v.path); err != nil {
			return r, err
		}
		for _, sums := range []bool{false, true} {
			cmd := exec.CommandContext(ctx, self, "-read", v.path, "-offset", fmt.Sprint(v.offset), fmt.Sprintf("-sums=%t", sums))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				return r, err
			}
			first, rest, _ := strings.Cut(string(out), "\n")
			var a, b float64
			if _, err := fmt.Sscan(first, &a, &b); err != nil {
				return r, err
			}
			if sums {
				hashing, r.Exact = append(hashing, b), exact(rest, known.sums)
				continue
			}
			listing, reading, r.Peak = append(listing, a), append(reading, b), peak(cmd)
			work = append(work, processor(cmd))
		}
		if noOther != nil {
			continue
		}
		saved := filepath.Join(dir, "saved")
		if err := os.Mkdir(saved, 0o700); err != nil {
			return r, err
		}
		tsk := exec.CommandContext(ctx, "tsk_recover", "-a", "-o", fmt.Sprint(v.offset/512), v.path, saved)
		begin := time.Now()
		said, err := tsk.CombinedOutput()
		other = append(other, time.Since(begin).Seconds())
		otherWork = append(otherWork, processor(tsk))
		if err != nil {
			fmt.Fprintf(os.Stderr, "tsk_recover: %v: %s\n", err, bytes.TrimSpace(said))
		}
		r.Crowd = peak(tsk)
		if round == rounds-1 {
			if r.OtherOK, err = savedExact(saved, known.sums); err != nil {
				return r, err
			}
		}
		if err := os.RemoveAll(saved); err != nil {
			return r, err
		}
	}
	r.Salvor, r.Listing, r.Hashing, r.Other = median(reading), median(listing), median(hashing), median(other)
	r.Work, r.OtherWork = median(work), median(otherWork)
	return r, nil
}

// processor returns the seconds of a processor that an ended process took, which a busy machine hardly changes.
func processor(cmd *exec.Cmd) float64 {
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
}

// warm brings an image into the page cache.
func warm(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// exact counts the lines "sum path" that are known files.
func exact(lines string, known map[string]string) (n int) {
	for line := range strings.Lines(lines) {
		sum, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if known[path] == sum && sum != "" {
			n++
		}
	}
	return n
}

// savedExact counts the known files in a folder.
func savedExact(dir string, known map[string]string) (n int, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		sum := sha256.Sum256(b)
		if known[filepath.ToSlash(rel)] == hex.EncodeToString(sum[:]) {
			n++
		}
		return err
	})
	return n, err
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}
