// Command ext measures what is left of deleted files and of damaged volumes of ext3 and ext4, with this
// program's reader and with the tools that people use. It needs root (loop mounts), e2fsprogs and, for the
// others, sleuthkit, ext4magic and extundelete.
//
//	go run ./bench/ext [-seed N] [-files N] [-dir DIR] [-tools=false] [CASE...]
//	go run ./bench/ext -make DIR [-seed N] [-files N] CASE...      images and their truth, for other benches
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
)

func main() {
	seed := flag.Uint64("seed", 1, "of the files and of what is removed")
	count := flag.Int("files", 900, "on each volume")
	dir := flag.String("dir", "", "for the images; a temporary one when empty")
	tools := flag.Bool("tools", true, "run the other tools too")
	keep := flag.Bool("keep", false, "keep the images")
	only := flag.String("make", "", "only make the images in this folder, with the truth about them")
	flag.Parse()
	if *only != "" {
		if err := makeOnly(*only, *seed, *count, flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := measure(context.Background(), *dir, *seed, *count, *tools, *keep, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func recipes(files int) []recipe {
	const mib = 1 << 20
	const first64, first1024 = 64 * mib, 1024 * mib
	ext4 := []string{"-t", "ext4", "-J", "size=16"}
	ext3 := []string{"-t", "ext3", "-J", "size=16"}
	var out []recipe
	for _, after := range []float64{0, 0.5, 1, 2} {
		out = append(out, recipe{name: fmt.Sprintf("ext4-deleted-%g", after), size: "768M", mke2fs: ext4, files: files, remove: 0.15, after: after, journal: 16 * mib})
	}
	out = append(out, recipe{name: "ext4-deleted-aged", size: "768M", mke2fs: ext4, files: files, aged: true, remove: 0.15, journal: 16 * mib})
	for _, after := range []float64{0, 0.5, 1, 2} {
		out = append(out, recipe{name: fmt.Sprintf("ext3-deleted-%g", after), size: "768M", mke2fs: ext3, files: files, remove: 0.15, after: after, journal: 16 * mib})
	}
	return append(out,
		recipe{name: "ext4-first64-noflex", lost: first64, size: "768M", mke2fs: append(slices.Clone(ext4), "-O", "^flex_bg"), files: files},
		recipe{name: "ext4-first64-flex", lost: first64, size: "768M", mke2fs: ext4, files: files},
		recipe{name: "ext4-first64-noflex-aged", lost: first64, size: "768M", mke2fs: append(slices.Clone(ext4), "-O", "^flex_bg"), files: files, aged: true, journal: 16 * mib},
		recipe{name: "ext4-first64-flex-aged", lost: first64, size: "768M", mke2fs: ext4, files: files, aged: true, journal: 16 * mib},
		recipe{name: "ext4-first1024-flex", lost: first1024, filler: "1100M", size: "3G", mke2fs: ext4, files: files},
		recipe{name: "ext4-churn", churn: true, size: "64M", mke2fs: []string{"-t", "ext4", "-J", "size=4"}, files: 800},
		recipe{name: "ext4-plain-churn", churn: true, size: "64M", mke2fs: []string{"-t", "ext4", "-J", "size=4", "-O", "^metadata_csum,^64bit"}, files: 800},
		recipe{name: "ext3-churn", churn: true, size: "64M", mke2fs: []string{"-t", "ext3", "-J", "size=4"}, files: 800},
	)
}

func measure(ctx context.Context, dir string, seed uint64, files int, tools, keep bool, only []string) error {
	if dir == "" {
		d, err := os.MkdirTemp("", "ext-bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(d)
		dir = d
	}
	fmt.Println("| image | tool | truth | exact | with path | wrong | of those Sound | of those without a guess | seconds |")
	fmt.Println("|---|---|---:|---:|---:|---:|---:|---:|---:|")
	for _, r := range recipes(files) {
		if len(only) > 0 && !slices.Contains(only, r.name) {
			continue
		}
		make := build
		if r.churn {
			make = churned
		}
		m, err := make(dir, r, seed)
		if err != nil {
			return err
		}
		truth, others := m.deleted, slices.Concat(m.live, m.buried)
		if r.lost > 0 {
			if truth, others, err = standing(dir, m.path, m.live, r.lost); err != nil {
				return err
			}
			if err := wipe(m.path, r.lost); err != nil {
				return err
			}
		}
		if r.after > 0 {
			fmt.Printf("<!-- %s: %.2f journal sizes of metadata behind the deletion -->\n", r.name, m.logged)
		}
		s, err := ours(ctx, m.path, truth, others)
		if err != nil {
			return err
		}
		s.print(r.name, "salvor")
		if tools {
			for _, t := range rivals {
				s, err := t.score(dir, m.path, truth, others)
				if err != nil {
					fmt.Printf("<!-- %s %s: %v -->\n", r.name, t.name, err)
					continue
				}
				s.print(r.name, t.name)
			}
		}
		if !keep {
			os.Remove(m.path)
		}
	}
	return nil
}

// wipe overwrites the first n bytes of an image.
func wipe(path string, n int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	for at := int64(0); at < n; at += int64(len(b)) {
		if _, err := f.WriteAt(b, at); err != nil {
			return err
		}
	}
	return f.Close()
}
