package rescue

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"slices"
	"testing"

	"salvor/block"
	"salvor/container"
)

// TestStoredSums hashes what comes in order, and says nothing of hashes that it could not complete.
func TestStoredSums(t *testing.T) {
	disk := []byte("all bytes of a disk, in three pieces or two")
	m, s1, s256 := md5.Sum(disk), sha1.Sum(disk), sha256.Sum256(disk)
	wrong := m
	wrong[3]++
	right := []container.Sum{{Name: "md5", Value: m[:]}, {Name: "sha1", Value: s1[:]}, {Name: "sha256", Value: s256[:]}, {Name: "another", Value: []byte{1}}}
	piece := func(from, to int) block.Extent { return block.Between(int64(from), int64(to)) }
	for _, c := range []struct {
		name   string
		sums   []container.Sum
		pieces []block.Extent
		want   []string
	}{
		{"none stored", nil, []block.Extent{piece(0, 43)}, nil},
		{"in order", right, []block.Extent{piece(0, 20), piece(20, 25), piece(25, 43)}, []string{"right", "right", "right"}},
		{"a gap", right, []block.Extent{piece(0, 20), piece(25, 43)}, []string{"open", "open", "open"}},
		{"another order", right, []block.Extent{piece(20, 43), piece(0, 20)}, []string{"open", "open", "open"}},
		{"nothing", right[:1], nil, []string{"open"}},
		{"wrong", []container.Sum{{Name: "md5", Value: wrong[:]}, right[1]}, []block.Extent{piece(0, 43)}, []string{"wrong", "right"}},
	} {
		sums := newStoredSums(c.sums)
		for _, e := range c.pieces {
			sums.Observe(e, disk[e.Offset:e.End()])
		}
		var got []string
		for _, f := range sums.findings(int64(len(disk))) {
			got = append(got, f.Code[len("rescue.container.sum."):])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, expected %v", c.name, got, c.want)
		}
	}
}

// TestInnerName names the disk in an image.
func TestInnerName(t *testing.T) {
	for name, want := range map[string]string{"a.qcow2.E01": "a.qcow2", "disk.vmdk": "disk", "disk": "disk", ".hidden": ".hidden"} {
		if got := innerName(name); got != want {
			t.Errorf("%s: %s, expected %s", name, got, want)
		}
	}
}

// TestLookPiece goes on behind what an image lost, and not behind what a device does not give.
func TestLookPiece(t *testing.T) {
	src := faulty{block.Bytes(make([]byte, 1000)), []block.Extent{{Offset: 100, Length: 50}, {Offset: 990, Length: 30}}}
	for _, c := range []struct {
		device   bool
		lost     int64
		observed int64
	}{{false, 60, 940}, {true, 900, 100}} {
		seen := int64(0)
		lost, err := lookPieceOf(src, 0, make([]byte, 1000), c.device, func(e block.Extent, p []byte) { seen += int64(len(p)) })
		if err != nil || lost != c.lost || seen != c.observed {
			t.Errorf("device %v: %d lost, %d seen, %v", c.device, lost, seen, err)
		}
	}
}

// faulty is a source with places that cannot be read.
type faulty struct {
	block.Source
	bad []block.Extent
}

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	for _, b := range f.bad {
		if b.Overlaps(block.Extent{Offset: off, Length: int64(len(p))}) {
			n := max(b.Offset-off, 0)
			m, err := f.Source.ReadAt(p[:n], off)
			if int64(m) < n {
				return m, err
			}
			return m, block.NewUnreadable(b, block.Bad, nil)
		}
	}
	return f.Source.ReadAt(p, off)
}
