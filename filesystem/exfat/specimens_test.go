package exfat

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// TestWindowsListing compares what Windows said of its own volume: path, created, accessed, modified, size.
func TestWindowsListing(t *testing.T) {
	z, err := os.Open("testdata/dfir_ntfs/exfat_win_stat.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r, err := gzip.NewReader(z)
	if err != nil {
		t.Fatal(err)
	}
	v := mustOpen(t, readImage(t, "dfir_ntfs/exfat_win.raw.gz"))
	got, errs := files(t, v)
	if len(errs) > 0 {
		t.Error(errs)
	}
	n := 0
	for lines := bufio.NewScanner(r); lines.Scan(); n++ {
		field := strings.Split(lines.Text(), "\t")
		path := strings.TrimPrefix(field[0], "/")
		if !utf8.ValidString(path) { // the listing has one name in another encoding
			path = "2/Новая папка"
		}
		f := got["live "+path]
		if f == nil {
			t.Errorf("%s is missing", field[0])
			continue
		}
		for i, at := range []time.Time{f.Times.Modified, f.Times.Accessed, f.Times.Created} {
			want, err := time.Parse("2006-01-02 15:04:05.999999", field[1+i])
			if err != nil {
				t.Fatal(err)
			}
			// The listing gives the clock of the entry without its zone.
			clock := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
			if !clock.Equal(want) {
				t.Errorf("%s: time %d is %v, expected %v", field[0], i, clock, want)
			}
		}
		if size, _ := strconv.ParseInt(field[4], 10, 64); !f.Mode.IsDir() && f.Size() != size {
			t.Errorf("%s: %d bytes, expected %d", field[0], f.Size(), size)
		}
	}
	live := 0
	for _, f := range got {
		if f.State == filesystem.Live {
			live++
		}
	}
	if n == 0 || live != n+1 {
		t.Errorf("%d live files, Windows lists %d", live-1, n)
	}
}

func TestDFIR(t *testing.T) {
	got, errs := files(t, mustOpen(t, readImage(t, "dfir_ntfs/exfat_orphan.raw.gz")))
	if len(got) != 402 || len(errs) > 0 || got["deleted test/400.txt"] == nil {
		t.Errorf("orphan: %d files, %v", len(got), errs)
	}
	v := mustOpen(t, readImage(t, "dfir_ntfs/win_exfat_7.raw.gz"))
	got, _ = files(t, v)
	if f := got["live тест.txt"]; volumeCodes(v) != "boot.backup-used" || f == nil || f.Size() != 7 || f.Times.Modified.Format(time.RFC3339) != "2022-01-23T10:21:54-10:00" {
		t.Errorf("time zones: %s, %+v", volumeCodes(v), f)
	}
	got, _ = files(t, mustOpen(t, readImage(t, "dfir_ntfs/exfat_encrypted.raw.gz")))
	if f := got["live encrypted_dir/1.bin.PFILE"]; f == nil || f.Size() != 4112 || !f.Sound {
		t.Errorf("encrypted: %+v", f)
	}
}

// TestExfatprogs reads damaged volumes: what is broken must be told of, and the rest be there.
func TestExfatprogs(t *testing.T) {
	for _, tt := range []struct {
		name    string
		files   int
		unsound string // of the live files, in the order of their paths
		volume  string
	}{
		{"bad_bitmap", 12, "dir_01/bad_child_01=bitmap.free", ""},
		{"bad_bitmap_size", 1, "", "bitmap.size"},
		{"bad_file_size", 12, "dir_01/bad_child_01=chain.short,dir_02/bad_child_02=chain.long", "volume.contradicts"},
		{"bad_first_clu", 8, "bad_child_01=entry.odd entry.checksum,dir_01/bad_child_02=entry.odd entry.checksum entry.cluster", "volume.contradicts"},
		{"bad_num_chain", 12, "dir_01/bad_child_01=,dir_02/bad_child_02=", "volume.contradicts"},
		{"bs_bad_csum", 1, "", "boot.backup-used"},
		{"duplicate_clu", 12, "dir_01/bad_child_01=chain.cross-linked chain.overwritten,dir_02/bad_child_02=chain.cross-linked", "volume.contradicts"},
		{"duplicated_name", 6, "", ""},
		{"loop_chain", 12, "dir_01/bad_child_01=chain.long,dir_02/bad_child_02=chain.broken", "volume.contradicts"},
	} {
		v := mustOpen(t, readImage(t, "exfatprogs/"+tt.name+".img.gz"))
		live := 0
		want := map[string]string{}
		for _, x := range strings.Split(tt.unsound, ",") {
			path, why, _ := strings.Cut(x, "=")
			want[path] = why
		}
		for f, err := range v.Files(t.Context()) {
			if err != nil || f.State != filesystem.Live {
				continue
			}
			live++
			why, bad := want[f.Path]
			if bad && f.Path == "" {
				continue
			}
			if f.Sound == bad || bad && why != "" && codes(f) != why {
				t.Errorf("%s: %s: sound %v, %s", tt.name, f.Path, f.Sound, codes(f))
			}
		}
		if live != tt.files || volumeCodes(v) != tt.volume {
			t.Errorf("%s: %d live files, expected %d; volume: %s", tt.name, live, tt.files, volumeCodes(v))
		}
	}
	for _, name := range []string{"bad_dentries", "bad_dentries2", "bad_root", "de_bad_csum", "file_invalid_clus", "invalid_name", "unused-dentries"} {
		got, _ := files(t, mustOpen(t, readImage(t, "exfatprogs/"+name+".img.gz")))
		if len(got) < 8 {
			t.Errorf("%s: %d files", name, len(got))
		}
	}
}

func locateAt(t *testing.T, p []byte, off int64) []filesystem.Candidate {
	t.Helper()
	c, err := Kind().Locate(t.Context(), block.Bytes(p), probe.Hit{ID: "exfat.boot", Offset: off})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLocate has what blkid says of an image of util-linux.
func TestLocate(t *testing.T) {
	for _, x := range Kind().Probes {
		if err := x.Validate(); err != nil {
			t.Error(err)
		}
	}
	const start = 1<<20 + 512*7
	volume := readImage(t, "util-linux/exfat.img.gz")
	disk := make([]byte, start+len(volume)+4096)
	copy(disk[start:], volume)
	check := func(name string, off int64, fromBackup bool) {
		t.Helper()
		c := locateAt(t, disk, off)
		if len(c) != 1 || c[0].Extent != (block.Extent{Offset: start, Length: 1048064}) || c[0].Label != "Новый том" ||
			c[0].UUID != "9C23-8877" || c[0].FromBackup != fromBackup || c[0].Confirmed < 3 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	check("main", start, false)
	check("backup", start+12*512, false)
	clear(disk[start : start+512])
	check("backup alone", start+12*512, true)
	if c := locateAt(t, bytes.Repeat([]byte{0}, 1<<16), 0); len(c) > 0 {
		t.Errorf("%+v", c)
	}
	chance := make([]byte, 1<<20)
	copy(chance[512*100:], volume[:512])
	for _, off := range []int64{512 * 100, -512, 1 << 40} {
		if c := locateAt(t, chance, off); len(c) > 0 {
			t.Errorf("0x%x: %+v", off, c)
		}
	}
	cut := locateAt(t, volume[:len(volume)/2], 0)
	if len(cut) != 1 || len(cut[0].Findings) != 1 || cut[0].Findings[0].Code != "exfat.boot.truncated" {
		t.Errorf("%+v", cut)
	}
}

// hollow is a source of any size in which only a few bytes are not zero.
type hollow struct {
	size int64
	at   map[int64][]byte
}

func (h *hollow) Size() int64 { return h.size }
func (h *hollow) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), h.size-off)
	clear(p[:n])
	for at, q := range h.at {
		if x := (block.Extent{Offset: at, Length: int64(len(q))}).Intersect(block.Extent{Offset: off, Length: n}); x.Length > 0 {
			copy(p[x.Offset-off:], q[x.Offset-at:x.End()-at])
		}
	}
	return int(n), nil
}

// TestLargest opens volumes of 512-byte and 32-MiB clusters and of 16 TiB, by arithmetic.
func TestLargest(t *testing.T) {
	for _, tt := range []struct {
		shift    int
		clusters uint32
	}{{9, 1 << 20}, {15, 1 << 29}, {25, 1 << 19}} {
		fatSectors := (int64(tt.clusters)+2)*4/512 + 1
		heap := 24 + fatSectors
		p := make([]byte, 512*24)
		copy(p, "\xEB\x76\x90EXFAT   ")
		size := int64(1) << tt.shift
		le.PutUint64(p[72:], uint64(heap)+uint64(tt.clusters)*uint64(size/512))
		le.PutUint32(p[80:], 24)
		le.PutUint32(p[84:], uint32(fatSectors))
		le.PutUint32(p[88:], uint32(heap))
		le.PutUint32(p[92:], tt.clusters)
		root := tt.clusters + 1
		le.PutUint32(p[96:], root)
		p[108], p[109], p[110] = 9, byte(tt.shift-9), 1
		p[510], p[511] = 0x55, 0xAA
		m := &maker{t: t, p: p}
		m.seal()
		b, err := parseBoot(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		dir := format(t, 100, 1)
		dir.put(makerRoot, spec{name: "far", first: root - 1, size: min(size, 600), noChain: true})
		h := &hollow{size: b.size(), at: map[int64][]byte{0: p, b.at(root): dir.p[dir.b.at(makerRoot):][:512], b.fatAt(0): fatHeadBytes,
			b.fatAt(0) + 4*int64(root): {0xFF, 0xFF, 0xFF, 0xFF}}}
		fsys, err := Open(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		v := fsys.(*volume)
		w := newWalker(v, t.Context(), &survey{open: map[uint32]bool{}})
		w.surveying = true
		found := false
		w.visit = func(it *item) bool {
			found = found || it.file.Path == "far" && it.file.Streams[0].Runs[0].Physical == b.at(root-1)
			return true
		}
		w.root()
		if !found || v.Info().Size != b.size() {
			t.Errorf("clusters of %d: not found, size %d", size, v.Info().Size)
		}
	}
}
