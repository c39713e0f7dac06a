package main

import (
	"bufio"
	"bytes"
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

// open opens a volume by the first kind that reads it.
func open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	for _, k := range all.Table() {
		if k.Open == nil {
			continue
		}
		fsys, err := k.Open(ctx, vol)
		if !errors.Is(err, cursor.ErrNot) {
			return fsys, err
		}
	}
	return nil, errors.New("no reader knows this volume")
}

// once reads a volume to the last byte of each file, and prints how long listing and all took and each file's sum.
func once(ctx context.Context, out io.Writer, path string, offset int64) error {
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
	sums := make([][sha256.Size]byte, len(files))
	h, buffer := sha256.New(), make([]byte, 1<<20)
	for i, x := range files {
		src, err := fsys.Open(x, "")
		if err != nil {
			return fmt.Errorf("%s: %w", x.Path, err)
		}
		h.Reset()
		for at := int64(0); at < src.Size(); {
			n, err := src.ReadAt(buffer[:min(int64(len(buffer)), src.Size()-at)], at)
			if err != nil && !errors.Is(err, io.EOF) || n == 0 {
				return fmt.Errorf("%s: %w", x.Path, err)
			}
			h.Write(buffer[:n])
			at += int64(n)
		}
		h.Sum(sums[i][:0])
	}
	took := time.Since(begin)
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%.4f %.4f\n", listed.Seconds(), took.Seconds())
	for i, x := range files {
		fmt.Fprintf(w, "%s %s\n", hex.EncodeToString(sums[i][:]), x.Path)
	}
	return w.Flush()
}

// compare lets both programs read v in turns.
func compare(ctx context.Context, v volume, known content, rounds int, dir string) (result, error) {
	r := result{Kind: v.kind, Files: len(known.sums), Bytes: known.bytes}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	_, noOther := exec.LookPath("tsk_recover")
	var all, listing, other []float64
	for round := range rounds {
		if err := warm(v.path); err != nil {
			return r, err
		}
		cmd := exec.CommandContext(ctx, self, "-read", v.path, "-offset", fmt.Sprint(v.offset))
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
		listing, all = append(listing, a), append(all, b)
		r.Exact, r.Peak = exact(rest, known.sums), peak(cmd)
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
	r.Salvor, r.Listing, r.Other = median(all), median(listing), median(other)
	return r, nil
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
