// Command read measures how fast healthy volumes are listed and read to the last byte, beside tsk_recover.
//
//	go run ./bench/read [-files N] [-mib N] [-rounds N] [-seed N] [-kinds ext4,fat32,...] [-dir FOLDER] [-json FILE] [-into FILE]
//	go run ./bench/read -read IMAGE -offset N
//
// It makes a volume of each kind with the file system's own tools, all with the same files, and reads it through the
// project's public packages: every file is opened, read and hashed, and held against what is known of it. tsk_recover
// saves the same files into a folder, which it cannot be kept from; in memory when FOLDER is. Needs root, a loop device, FUSE, and
// e2fsprogs, dosfstools, mtools, exfatprogs, exfat-fuse, ntfs-3g, xorriso, sleuthkit; kinds whose tools are missing are left out.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type options struct {
	files, rounds int
	mib           int64
	seed          uint64
	kinds         []string
	dir           string
	json, into    string
}

func main() {
	var o options
	flag.IntVar(&o.files, "files", 10000, "on each volume")
	flag.Int64Var(&o.mib, "mib", 1024, "size of each volume")
	flag.IntVar(&o.rounds, "rounds", 3, "of both programs in turns")
	flag.Uint64Var(&o.seed, "seed", 1, "of the files")
	flag.StringVar(&o.dir, "dir", "", "folder for the images and what is saved; a temporary one without it")
	flag.StringVar(&o.json, "json", "", "file for the measures")
	flag.StringVar(&o.into, "into", "", "file for the section; standard output without it")
	kinds := flag.String("kinds", strings.Join(allKinds, ","), "kinds of volumes")
	image := flag.String("read", "", "only read this volume once, and print what it took")
	sums := flag.Bool("sums", false, "with -read, hash each file and print its sum")
	offset := flag.Int64("offset", 0, "with -read, where the volume begins, in bytes")
	flag.Parse()
	o.kinds = strings.Split(*kinds, ",")
	ctx := context.Background()
	var err error
	if *image != "" {
		err = once(ctx, os.Stdout, *image, *offset, *sums)
	} else {
		err = measure(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "read:", err)
		os.Exit(1)
	}
}

// result is what was measured of one volume; bench/score reads it.
type result struct {
	Kind      string  `json:"kind"`
	Files     int     `json:"files"`
	Bytes     int64   `json:"bytes"`
	Exact     int     `json:"exact"`
	Salvor    float64 `json:"salvor_seconds"`
	Listing   float64 `json:"salvor_listing_seconds"`
	Hashing   float64 `json:"salvor_hashing_seconds"` // all of Salvor, and SHA-256
	Work      float64 `json:"salvor_processor_seconds"`
	Peak      float64 `json:"salvor_peak_mib"`
	Other     float64 `json:"tsk_recover_seconds"`
	OtherWork float64 `json:"tsk_recover_processor_seconds"`
	OtherOK   int     `json:"tsk_recover_exact"`
	Crowd     float64 `json:"tsk_recover_peak_mib"`
}

func measure(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.dir, "read-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "tree")
	known, err := populate(tree, o.files, o.mib, o.seed)
	if err != nil {
		return err
	}
	var out []result
	for _, kind := range o.kinds {
		if !slices.Contains(allKinds, kind) {
			return fmt.Errorf("no kind %q, only %v", kind, allKinds)
		}
		if missing := missingTools(kind); len(missing) > 0 {
			fmt.Fprintf(os.Stderr, "%s: left out, no %s\n", kind, strings.Join(missing, ", "))
			continue
		}
		v, err := make1(kind, dir, tree, o.mib)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		r, err := compare(ctx, v, known, o.rounds, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		out = append(out, r)
		fmt.Fprintf(os.Stderr, "%s: %d of %d files, %.2f s; tsk_recover %.2f s\n", kind, r.Exact, r.Files, r.Salvor, r.Other)
		if err := os.Remove(v.path); err != nil {
			return err
		}
	}
	if o.json != "" {
		raw, err := json.MarshalIndent(out, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, raw, 0o666); err != nil {
			return err
		}
	}
	text := section(out, o)
	if o.into == "" {
		_, err = os.Stdout.WriteString(text)
		return err
	}
	return os.WriteFile(o.into, []byte(text), 0o666)
}

func section(list []result, o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, `## Listing and reading healthy volumes

    bench/run.sh read

Volumes of %d MiB with the same %d files, made by the file system's own tools. salvor's readers list the volume and read each
file to its last byte (no verdicts, nothing saved), and once more with SHA-256; tsk_recover -a lists it and writes each file into
memory. Rounds in turns: %d, medians; each is a process of its own, with the image in the page cache. "Exact" are files that have their path and
their SHA-256. "Processor" are the seconds that a processor worked, which a busy machine changes less than the clock's.

| volume | files | MiB | salvor, exact | listed, s | and read, s | and hashed, s | processor, s | peak, MiB | tsk_recover, exact | s | processor, s | peak, MiB | read / tsk_recover | processor / tsk_recover |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
`, o.mib, o.files, o.rounds)
	for _, r := range list {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %.2f | %.2f | %.2f | %.2f | %.0f | %d | %.2f | %.2f | %.0f | %.2f | %.2f |\n", r.Kind, r.Files, r.Bytes>>20, r.Exact, r.Listing, r.Salvor,
			r.Hashing, r.Work, r.Peak, r.OtherOK, r.Other, r.OtherWork, r.Crowd, r.Salvor/r.Other, r.Work/r.OtherWork)
	}
	return b.String()
}
