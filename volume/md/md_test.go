package md

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/internal/need"
	"salvor/volume/internal/stacktest"
)

// whole are the fixtures whose truth is that of all their members.
func whole(t *testing.T) map[string]stacktest.Truth {
	out := truths(t)
	for name := range out {
		switch name {
		case "rebuild", "badblocks", "journal", "ppl", "dirty", "replace":
			delete(out, name)
		}
		if strings.HasPrefix(name, "stale") || strings.HasPrefix(name, "reshape") {
			delete(out, name)
		}
	}
	return out
}

// TestKernel reads each array that mdadm made, with its disks in any order, as the kernel read it.
func TestKernel(t *testing.T) {
	for name, want := range whole(t) {
		t.Run(name, func(t *testing.T) {
			list := disks(t, name)
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			members, sets := put(t, stacktest.Sources(list)...)
			set, v := one(t, sets)
			if v.Size != want.Size {
				t.Fatalf("%s: %d bytes, expected %d; %v", set.Level, v.Size, want.Size, set.Findings)
			}
			b := stacktest.Content(t, v.Source)
			if got := stacktest.Sum(b); got != want.Sum {
				t.Fatalf("%s: %s, expected %s", set.Level, got, want.Sum)
			}
			if set.Degraded || len(set.Missing) > 0 || len(set.Stale) > 0 || len(set.Members) != len(list) {
				t.Errorf("%+v", set)
			}
			for _, m := range members {
				if !m.Valid || len(m.Findings) > 0 || m.Set != set.UUID || m.Label != set.Label {
					t.Errorf("%+v", m)
				}
			}
			if c := checkPlaces(t, members, v.Source, b); c != 0 {
				t.Errorf("%d bytes of a whole set are computed", c)
			}
		})
	}
}

// TestDegraded takes away each set of members that the level bears.
func TestDegraded(t *testing.T) {
	for name, want := range whole(t) {
		bears := 0
		switch {
		case strings.HasPrefix(name, "raid6"), strings.Contains(name, "3-4"), strings.Contains(name, "3-5"):
			bears = 2
		case !strings.HasPrefix(name, "raid0") && !strings.HasPrefix(name, "linear"):
			bears = 1
		}
		t.Run(name, func(t *testing.T) {
			list := disks(t, name)
			for set := range 1 << len(list) {
				var left []block.Source
				for i, d := range list {
					if set>>i&1 == 0 {
						left = append(left, block.Bytes(d))
					}
				}
				lost := len(list) - len(left)
				if lost == 0 || lost > bears || lost == 2 && set%7 != 3 && !need.CI() {
					continue
				}
				members, sets := put(t, left...)
				s, v := one(t, sets)
				b := stacktest.Content(t, v.Source)
				if got := stacktest.Sum(b); got != want.Sum {
					t.Fatalf("without %b: %s, expected %s", set, got, want.Sum)
				}
				if !s.Degraded || len(s.Missing) != lost {
					t.Errorf("without %b: degraded %v, missing %v", set, s.Degraded, s.Missing)
				}
				if lost == 1 {
					checkPlaces(t, members, v.Source, b)
				}
			}
		})
	}
}

// TestTooFew takes one more away: what is left is read, the rest is unreadable, and nothing is made up.
func TestTooFew(t *testing.T) {
	for _, tt := range []struct {
		name string
		lost []int
	}{
		{"raid0", []int{1}}, {"raid5-1.2", []int{0, 1}}, {"raid6-left-symmetric", []int{0, 2, 4}}, {"raid10-n2-4", []int{2, 3}},
		{"raid10-f2-4", []int{1, 2}}, {"linear", []int{1}}, {"linear", []int{2}}, {"raid0-original", []int{0}}, {"raid4", []int{1, 2}},
	} {
		t.Run(fmt.Sprint(tt.name, tt.lost), func(t *testing.T) {
			list := disks(t, tt.name)
			_, sets := put(t, stacktest.Sources(list)...)
			want := stacktest.Content(t, sets[0].Volumes[0].Source)
			var left []block.Source
			for i, d := range list {
				gone := false
				for _, l := range tt.lost {
					gone = gone || l == i
				}
				if !gone {
					left = append(left, block.Bytes(d))
				}
			}
			_, sets = put(t, left...)
			s, v := one(t, sets)
			if s.Degraded || len(s.Missing) != len(tt.lost) {
				t.Errorf("degraded %v, missing %v", s.Degraded, s.Missing)
			}
			if v.Source == nil {
				if !strings.HasPrefix(tt.name, "raid0-original") {
					t.Errorf("nothing is read: %v", s.Findings)
				}
				return
			}
			var bad block.Set
			for _, u := range block.UnreadableIn(v.Source, block.Extent{Length: v.Size}) {
				bad.Add(u.Extent)
			}
			if bad.Empty() && tt.name != "linear" {
				t.Error("nothing is unreadable")
			}
			blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) { return v.Source, want[:v.Size], bad })
		})
	}
}

// TestContract holds arrays with members missing and sectors bad to what a source promises.
func TestContract(t *testing.T) {
	for _, tt := range []struct {
		name string
		lost int // of the disks, -1 for none
	}{{"raid1-1.2", -1}, {"raid5-1.2", -1}, {"raid6-four", 1}, {"raid10-o2-5", -1}, {"raid0-alternate", -1}, {"linear", -1}} {
		list := disks(t, tt.name)
		_, sets := put(t, stacktest.Sources(list)...)
		want := stacktest.Content(t, sets[0].Volumes[0].Source)
		rnd := rand.New(rand.NewPCG(2, 2))
		var left []block.Source
		for i, d := range list {
			bad := block.Extent{Offset: 1<<20 + 8192 + rnd.Int64N(1<<20), Length: 512 + rnd.Int64N(100<<10)}
			if i != tt.lost {
				left = append(left, blocktest.Faulty(block.Bytes(d), blocktest.Bad(bad)))
			}
		}
		_, sets = put(t, left...)
		_, v := one(t, sets)
		var bad block.Set
		for _, u := range block.UnreadableIn(v.Source, block.Extent{Length: v.Size}) {
			bad.Add(u.Extent)
		}
		t.Run(tt.name, func(t *testing.T) {
			blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) { return v.Source, want, bad })
		})
	}
}

// TestBadSectors has one bad range on each member, none over another: all is read, and said to be computed.
func TestBadSectors(t *testing.T) {
	for _, name := range []string{"raid1-1.0", "raid5-left-symmetric", "raid6-ddf-N-restart", "raid10-f3-4"} {
		want := truths(t)[name]
		var left []block.Source
		for i, d := range disks(t, name) {
			left = append(left, blocktest.Silent(blocktest.Faulty(block.Bytes(d), blocktest.Bad(block.Extent{Offset: 1<<20 + int64(i)*70<<10, Length: 66000}))))
		}
		_, sets := put(t, left...)
		_, v := one(t, sets)
		if got := stacktest.Sum(stacktest.Content(t, v.Source)); got != want.Sum {
			t.Errorf("%s: %s, expected %s", name, got, want.Sum)
		}
	}
}

// TestMixed reads members of several sets at once, with one of them given twice.
func TestMixed(t *testing.T) {
	all := truths(t)
	var sources []block.Source
	names := []string{"raid5-1.2", "raid1-0.90", "raid6-four", "linear-0.90"}
	for _, name := range names {
		for _, d := range disks(t, name) {
			sources = append(sources, block.Bytes(d))
		}
	}
	sources = append(sources, sources[1], sources[0], sources[4])
	rand.New(rand.NewPCG(5, 1)).Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
	members, sets := put(t, sources...)
	if len(sets) != len(names) || len(members) != len(sources) {
		t.Fatalf("%d sets of %d members", len(sets), len(members))
	}
	used := map[int]bool{}
	duplicates := 0
	for _, s := range sets {
		found := false
		for _, name := range names {
			found = found || stacktest.Sum(stacktest.Content(t, s.Volumes[0].Source)) == all[name].Sum
		}
		if !found || s.Degraded || len(s.Missing) > 0 {
			t.Errorf("%s %q", s.Level, s.Label)
		}
		for _, m := range s.Members {
			if used[m] {
				t.Errorf("member %d is used twice", m)
			}
			used[m] = true
		}
		duplicates += stacktest.Count(s, "md.member.duplicate")
	}
	if duplicates != 3 {
		t.Errorf("%d duplicates are told", duplicates)
	}
}
