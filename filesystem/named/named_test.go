package named

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

func TestRows(t *testing.T) {
	ids, names := map[string]bool{}, map[string]bool{}
	for _, k := range Kinds() {
		if k.Open != nil || k.Locate == nil || names[k.Name] || k.Name != strings.ToLower(k.Name) {
			t.Errorf("row %q", k.Name)
		}
		names[k.Name] = true
		for i := range k.Probes {
			p := &k.Probes[i]
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(p.ID, k.Name+".") || ids[p.ID] {
				t.Errorf("probe %q of %q", p.ID, k.Name)
			}
			ids[p.ID] = true
		}
	}
	for _, want := range strings.Fields("btrfs xfs f2fs apfs squashfs ubifs jffs2 ubi erofs cramfs romfs iso9660 luks bitlocker linux_raid lvm2 swap zfs reiserfs minix") {
		if !names[want] {
			t.Errorf("no row for %s", want)
		}
	}
}

// TestChance holds every kind to finding nothing in noise behind its own magic number.
func TestChance(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	const size = 512 << 10
	img := make([]byte, size)
	strong, total := 0, 0
	for range 40 {
		for i := range img {
			img[i] = byte(r.Uint32())
		}
		for _, f := range formats() {
			for i := range f.probes {
				p := &f.probes[i]
				at := int64(64 << 10)
				copy(img[at+p.At:], p.Bytes)
				found, err := f.find(t.Context(), block.Bytes(img), probe.Hit{ID: p.ID, Offset: at})
				if err != nil {
					t.Fatal(err)
				}
				total++
				for _, c := range found {
					if c.Confirmed > c.Refuted {
						strong++
						t.Logf("%s: %s in noise", p.ID, show(c))
					}
				}
			}
		}
	}
	// Formats whose magic number is all that they have (the first cramfs, BitLocker) may be taken once.
	if strong > total/100 {
		t.Errorf("%d of %d chance matches are believed", strong, total)
	}
}

// TestDamage overwrites real volumes at random: no panic, no hang, no extent that cannot be.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for _, name := range []string{
		"apfs.img", "bitlocker-win7.img", "cramfs.img", "erofs.img", "iso-joliet.img",
		"luks1.img", "luks2.img", "lvm2.img", "mdraid-1.img", "mdraid.img", "minix-LE.img", "reiser3.img", "romfs.img",
		"squashfs3.img", "squashfs4.img", "swap1.img", "ubi.img", "ubifs.img", "udf.img", "xfs-v5.img",
	} {
		whole := specimen(t, name)
		if len(whole) > 12<<20 {
			whole = whole[:12<<20]
		}
		src := block.Bytes(whole)
		var f format
		var hits []probe.Hit
		for _, g := range formats() {
			for _, h := range landmarks(g, whole, 0, len(whole)) {
				if found, _ := g.find(t.Context(), src, h); len(found) > 0 && len(hits) == 0 {
					f, hits = g, []probe.Hit{h}
				}
			}
		}
		if len(hits) == 0 {
			t.Errorf("%s: nothing is found", name)
			continue
		}
		img := bytes.Clone(whole)
		for range 100 {
			var at []int
			for range 1 + r.IntN(60) {
				p := int(max(hits[0].Offset, 0)) + []int{0, 1024, 4096, 32768, 65536}[r.IntN(5)] + r.IntN(512)
				if p < len(img) {
					img[p] = []byte{0, 0xff, byte(r.Uint32())}[r.IntN(3)]
					at = append(at, p)
				}
			}
			found, err := f.find(t.Context(), block.Bytes(img), hits[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range found {
				if !c.Extent.Valid() || c.Extent.Length == 0 {
					t.Fatalf("%s: %v", name, c.Extent)
				}
			}
			for _, p := range at {
				img[p] = whole[p]
			}
		}
	}
}

// bad cannot be read from some byte on.
type bad struct {
	block.Source
	from int64
}

func (b bad) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= b.from {
		return b.Source.ReadAt(p, off)
	}
	n := max(0, b.from-off)
	m, _ := b.Source.ReadAt(p[:n], off)
	return m, block.NewUnreadable(block.Between(b.from, b.Size()), block.Bad, nil)
}

func TestUnreadableAndContext(t *testing.T) {
	img := specimen(t, "xfs-v5.img")
	f := xfs()
	found, err := f.find(t.Context(), bad{block.Bytes(img), 4096}, probe.Hit{ID: "xfs.superblock"})
	if err != nil || len(found) != 1 || found[0].Extent.Length != 20<<20 {
		t.Errorf("got %v, %v", found, err)
	}
	if found, err := f.find(t.Context(), bad{block.Bytes(img), 100}, probe.Hit{ID: "xfs.superblock"}); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.find(ctx, block.Bytes(img), probe.Hit{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFindings(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Findings {
		if !strings.HasPrefix(d.Code, "named.") || seen[d.Code] || d.Text == "" {
			t.Errorf("finding %+v", d)
		}
		seen[d.Code] = true
	}
	found := claims(t, specimen(t, "xfs.img"))
	if len(found) != 1 || !slices.ContainsFunc(found[0].Findings, func(f finding.Finding) bool {
		return f.Code == Recognised.Code && strings.HasPrefix(f.Text, "XFS is recognised, but not read yet: only carving")
	}) {
		t.Errorf("got %+v", found)
	}
}

func FuzzLocate(f *testing.F) {
	for _, name := range []string{"squashfs4.img", "luks2.img", "romfs.img", "cramfs.img", "erofs.img", "minix-LE.img", "lvm2.img", "ubi.img"} {
		b := specimen(f, name)
		f.Add(b[:min(len(b), 8192)], int64(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, off int64) {
		src := block.Bytes(b)
		for _, g := range formats() {
			for _, p := range g.probes {
				found, err := g.find(t.Context(), src, probe.Hit{ID: p.ID, Offset: off})
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range found {
					if !c.Extent.Valid() {
						t.Fatalf("extent %v", c.Extent)
					}
				}
			}
		}
	})
}
