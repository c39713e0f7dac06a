package named

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// specimen reads testdata/name.gz.
func specimen(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// landmarks finds all places in img[from:to] where a probe of f matches.
func landmarks(f format, img []byte, from, to int) []probe.Hit {
	var hits []probe.Hit
	for i := range f.probes {
		p := &f.probes[i]
		// The first four bytes that count are looked for quickly; Matches decides.
		key, lead := p.Bytes, 0
		if p.Mask != nil {
			for lead < len(p.Mask) && p.Mask[lead] != 0xff {
				lead++
			}
			n := 0
			for lead+n < len(p.Mask) && p.Mask[lead+n] == 0xff {
				n++
			}
			key = p.Bytes[lead : lead+n]
		}
		for at := from; at < to; at++ {
			j := bytes.Index(img[at:to], key)
			if j < 0 {
				break
			}
			at += j
			if place := int64(at-lead) - p.At; at >= lead && p.Aligned(place) && p.Matches(img[at-lead:]) {
				hits = append(hits, probe.Hit{ID: p.ID, Offset: place})
			}
		}
	}
	slices.SortFunc(hits, func(a, b probe.Hit) int { return int(a.Offset - b.Offset) })
	return hits
}

// claims returns what every kind says of img, the better confirmed candidates of each kind and place only.
func claims(t testing.TB, img []byte) []filesystem.Candidate {
	t.Helper()
	src := block.Bytes(img)
	var out []filesystem.Candidate
	for _, f := range formats() {
		seen := map[block.Extent]int{}
		tried := 0
		for _, hit := range landmarks(f, img, 0, len(img)) {
			if tried++; tried > 3000 {
				break
			}
			found, err := f.find(t.Context(), src, hit)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range found {
				if c.Confirmed <= c.Refuted {
					continue
				}
				if i, ok := seen[c.Extent]; ok {
					if c.Confirmed > out[i].Confirmed {
						out[i] = c
					}
					continue
				}
				seen[c.Extent] = len(out)
				out = append(out, c)
			}
		}
	}
	return out
}

func show(c filesystem.Candidate) string {
	s := fmt.Sprintf("%s %v", c.Kind, c.Extent)
	if c.Label != "" {
		s += fmt.Sprintf(" %q", c.Label)
	}
	if c.UUID != "" {
		s += " " + c.UUID
	}
	if c.FromBackup {
		s += " backup"
	}
	if c.Locked {
		s += " locked"
	}
	return s
}

// TestSpecimens compares what is claimed of each image with what blkid says of it (testdata/blkid.txt: name,
// size, then its TYPE, LABEL and UUID), and with the golden list of extents.
func TestSpecimens(t *testing.T) {
	names := map[string]string{
		"crypto_LUKS": "luks", "BitLocker": "bitlocker", "linux_raid_member": "linux_raid", "LVM2_member": "lvm2",
		"zfs_member": "zfs", "squashfs3": "squashfs",
	}
	// Images that were made by hand to be ambiguous, and a name of its own for a swap area in use.
	exceptions := map[string]string{
		"erofs-minix-magic.img": "erofs", // an EROFS image in which minix's magic number stands by chance
		"swap-luks.img":         "swap",  // the second LUKS2 header stands where it cannot, with a wrong checksum
		"tuxonice.img":          "swap",
	}
	ours := map[string]bool{}
	for _, f := range formats() {
		ours[f.name] = true
	}
	text, err := os.ReadFile("testdata/blkid.txt")
	if err != nil {
		t.Fatal(err)
	}
	var golden bytes.Buffer
	for line := range strings.Lines(string(text)) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		file, kind, label, id := field[0], field[1], field[2], field[3]
		exception := exceptions[file]
		kind = cmp.Or(exception, kind)
		img := specimen(t, file)
		if other, ok := names[kind]; ok {
			kind = other
		}
		found := claims(t, img)
		fmt.Fprintf(&golden, "%s %d\n", file, len(img))
		first := false
		for _, c := range found {
			fmt.Fprintf(&golden, "\t%s\n", show(c))
			if c.Kind != kind {
				// A UDF image for old readers is an ISO 9660 image too.
				if kind == "udf" && c.Kind == "iso9660" {
					continue
				}
				t.Errorf("%s: blkid says %q, claimed is %s", file, kind, show(c))
				continue
			}
			if c.Extent.Offset != 0 {
				t.Errorf("%s: claimed is %s, which does not begin at 0", file, show(c))
			}
			if first {
				continue
			}
			first = true
			if c.Label != label && kind != "lvm2" && kind != "ubi" {
				t.Errorf("%s: label %q, blkid says %q", file, c.Label, label)
			}
			if c.UUID != id && exception == "" {
				t.Errorf("%s: UUID %q, blkid says %q", file, c.UUID, id)
			}
			if len(c.Findings) == 0 && kind != "swap" {
				t.Errorf("%s: no finding", file)
			}
		}
		if ours[kind] && !first {
			t.Errorf("%s: blkid says %s, nothing is claimed", file, kind)
		}
	}
	compare(t, "testdata/claims.golden", golden.Bytes())
}

// compare holds got against a golden file, which SALVOR_UPDATE=1 writes.
func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	if os.Getenv("SALVOR_UPDATE") == "1" {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", name, got)
	}
}
