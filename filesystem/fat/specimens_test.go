package fat

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
)

// TestListings compares with the listings that other people made of their volumes.
func TestListings(t *testing.T) {
	for _, name := range []string{"fat12", "fat16"} {
		v := mustOpen(t, readImage(t, "dfir_ntfs/"+name+".raw.gz"))
		got, errs := files(t, v)
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
		f, err := os.Open("testdata/dfir_ntfs/" + name + "_full_test.txt.gz")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		n := 0
		for lines.Scan() {
			path, stamp, ok := strings.Cut(lines.Text(), "\t")
			if !ok {
				path, stamp, _ = strings.Cut(lines.Text(), " ")
			}
			path = strings.TrimPrefix(path, "/")
			if path == "" {
				continue
			}
			n++
			f := got["live "+path]
			if f == nil {
				t.Errorf("%s: %q is missing", name, path)
				continue
			}
			// The volumes were written in UTC and listed three hours east of it.
			east := f.Times.Modified.Add(3 * time.Hour)
			if want, _, _ := strings.Cut(stamp, "."); east.Format("2006-01-02+15:04:05") != want {
				t.Errorf("%s: %q of %v, expected %s", name, path, f.Times.Modified, want)
			}
			if !f.Sound {
				t.Errorf("%s: %q is not sound: %v", name, path, f.Findings)
			}
		}
		live := 0
		for k := range got {
			if strings.HasPrefix(k, "live ") {
				live++
			}
		}
		if n < 1000 || live != n+1 {
			t.Errorf("%s: %d live files, the listing has %d", name, live, n)
		}
	}
}

// TestOddVolumes lists volumes with oddities that other projects collected.
func TestOddVolumes(t *testing.T) {
	for _, tt := range []struct {
		image string
		skip  int    // bytes before the volume
		kind  string // and what Info must say
		state filesystem.VolumeState
		want  string // some lines: state, path, findings
		files int
		errs  int
	}{
		{"dfir_ntfs/fat16_moved.raw.gz", 0, "fat16", filesystem.Clean, `
deleted test/1/_1: entry.first-letter deleted.moved
live test/2/11
live test/2/11/1.txt`, 7, 0},
		{"dfir_ntfs/fat_noloop.raw.gz", 0, "fat16", filesystem.Clean, `
deleted _: entry.first-letter deleted.moved
live 1_
live 5`, 8, 0},
		{"dfir_ntfs/fat32_small.raw.gz", 0, "fat32", filesystem.Clean, `
deleted test/.2.TXT.swp
live test/1.TXT
live test/2.TXT`, 5, 0},
		{"dfir_ntfs/fat_unusual_cluster.raw.gz", 0, "fat12", filesystem.Clean, `
live test_test_test_123_123_123.txt`, 2, 0},
		{"dfir_ntfs/fat_unusual_label.raw.gz", 0, "fat12", filesystem.Clean, ``, 1, 0},
		{"dfir_ntfs/fat_lfn_test.raw.gz", 0, "fat32", filesystem.Clean, `
live SHORT.TXT: entry.long-name
live 1
live 16`, 18, 0},
		{"dfir_ntfs/fat32_loop.raw.gz", 0, "fat32", filesystem.Clean, `
live test_longfilename0.txt
live test0.txt
live test_dir/1/11/111.txt: chain.unsized
deleted test_dir/4: deleted.moved
live test_dir/n40: chain.cross-linked
live test_dir/n40/4/T1: entry.behind-end chain.cross-linked directory.loop`, 0, 0},
		{"dfir_ntfs/fat64.raw.gz", 2048 * 512, "fat32", filesystem.Clean, `
live test/test.test`, 3, 0},
		{"dfir_ntfs/fat_dir.raw.gz", 0, "fat16", filesystem.Dirty, `
deleted test: deleted.old-fat`, 0, 0},
		{"rust-fatfs/fat12.img.gz", 0, "fat12", filesystem.Clean, `
live very/long/path/test.txt
live very-long-dir-name/very-long-file-name.txt`, 0, 0},
		{"rust-fatfs/fat16.img.gz", 0, "fat16", filesystem.Clean, `
live very/long/path/test.txt
live very-long-dir-name/very-long-file-name.txt`, 9, 0},
	} {
		v := mustOpen(t, readImage(t, tt.image)[tt.skip:])
		if info := v.Info(); info.Kind != tt.kind || info.State != tt.state {
			t.Errorf("%s: %s, %v, %v", tt.image, info.Kind, info.State, info.Findings)
		}
		got, errs := files(t, v)
		if len(errs) != tt.errs || tt.files > 0 && len(got) != tt.files {
			t.Errorf("%s: %d files, expected %d; errors %v", tt.image, len(got), tt.files, errs)
		}
		for _, line := range strings.Split(strings.TrimSpace(tt.want), "\n") {
			if line == "" {
				continue
			}
			name, want, _ := strings.Cut(line, ": ")
			f := got[name]
			if f == nil {
				t.Errorf("%s: %s is missing", tt.image, name)
				var names []string
				for k := range got {
					names = append(names, k)
				}
				sort.Strings(names)
				t.Log(names[:min(len(names), 40)])
			} else if codes(f) != want {
				t.Errorf("%s: %s: %s, expected %s", tt.image, name, codes(f), want)
			}
		}
	}
}

// TestDeletedDirectoriesOfOthers has directories of hundreds of deleted files, over many clusters. The
// first two numbers are those of fls, which searches the whole volume for the later clusters.
func TestDeletedDirectoriesOfOthers(t *testing.T) {
	for _, tt := range []struct {
		image, path string
		files       int
	}{
		{"dfir_ntfs/fat_deleted_dir.raw.gz", "test/", 500},
		{"dfir_ntfs/fat_deleted_dir_2.raw.gz", "_/", 252},
		{"dfir_ntfs/fat_dir.raw.gz", "test/", 400},
	} {
		n := 0
		for f, err := range mustOpen(t, readImage(t, tt.image)).Files(context.Background()) {
			if err != nil {
				t.Errorf("%s: %v", tt.image, err)
			} else if f.State == filesystem.Deleted && strings.HasPrefix(f.Path, tt.path) {
				n++
			}
		}
		if n != tt.files {
			t.Errorf("%s: %d files in the deleted directory, expected %d", tt.image, n, tt.files)
		}
	}
}

// TestLabels has the labels and serial numbers that blkid prints for the images of util-linux, which are
// cut here behind the root directory.
func TestLabels(t *testing.T) {
	for _, tt := range []struct{ image, kind, label, uuid string }{
		{"fat", "fat12", "TEST-FAT", "DEAD-BEEF"},
		{"small-fat32", "fat32", "TESTVFAT", "1423-AAE1"},
		{"fat16_noheads", "fat16", "VTech 1070", "2004-1014"},
		{"fat32_cp850_O_tilde", "fat32", "σσσ", "2826-F9B3"}, // code page 850 has other letters there
		{"fat32_mkdosfs_label1_xp_erase", "fat32", "label1", "92B4-BA66"},
		{"fat32_mkdosfs_label1_xp_label2", "fat32", "LABEL2", "92B4-BA66"},
		{"fat32_mkdosfs_label1_dosfslabel_NO_NAME", "fat32", "NO NAME", "92B4-BA66"},
		{"fat32_mkdosfs_none", "fat32", "", "E6B8-AF8C"},
		{"fat32_xp_none_mlabel_label1", "fat32", "LABEL1", "54B6-DC94"},
	} {
		info := mustOpen(t, readImage(t, "util-linux/"+tt.image+".img.gz")).Info()
		if info.Kind != tt.kind || info.Label != tt.label || info.UUID != tt.uuid {
			t.Errorf("%s: %s, %q, %s; expected %s, %q, %s", tt.image, info.Kind, info.Label, info.UUID, tt.kind, tt.label, tt.uuid)
		}
	}
}

// TestSpeed lists a volume of 10,000 files.
func TestSpeed(t *testing.T) {
	v := mustOpen(t, manyFiles(t).p)
	start := time.Now()
	n := 0
	for _, err := range v.Files(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	took := time.Since(start)
	t.Logf("%d files in %v", n, took)
	if n < 10000 || took > 3*time.Second {
		t.Errorf("%d files in %v", n, took)
	}
}

// manyFiles makes a volume of 10,000 files with long names in 10 directories.
func manyFiles(t testing.TB) *maker {
	m := format(t, 32, 100000, 8)
	next := uint32(3)
	name := bytes.Repeat([]byte("n"), 30)
	units := make([]uint16, len(name))
	for d := range 10 {
		const files = 1000
		clusters := uint32(files*4/128 + 1)
		var chain []uint32
		for i := range clusters {
			chain = append(chain, next+i)
		}
		first := next
		next += clusters
		m.chain(chain...)
		m.slot(0, d, "DIR"+string(rune('0'+d)), attrDirectory, first, 0)
		m.slot(first, 0, ".", attrDirectory, first, 0)
		m.slot(first, 1, "..", attrDirectory, 0, 0)
		at := 2
		for i := range files {
			short := raw("F" + string([]byte{byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)}))
			for j := range units {
				units[j] = 'n'
			}
			for j, c := range short[:4] {
				units[j] = uint16(c)
			}
			for _, p := range long(units, short) {
				copy(m.slot(first, at, "", 0, 0, 0), p)
				at++
			}
			m.chain(next)
			m.slot(first, at, string(short[:]), 0x20, next, 3000)
			next++
			at++
		}
	}
	return m
}

func BenchmarkFiles(b *testing.B) {
	m := manyFiles(b)
	for b.Loop() {
		v, err := Open(context.Background(), block.Bytes(m.p))
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range v.Files(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
