package lvm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/volume"
	"salvor/volume/internal/stacktest"
)

func truths(t testing.TB) map[string]stacktest.Truth {
	return stacktest.Truths(t, os.DirFS("testdata"))
}

func disks(t testing.TB, name string) [][]byte {
	return stacktest.Disks(t, os.DirFS("testdata"), name)
}

func put(t testing.TB, sources ...block.Source) ([]volume.Member, []volume.Set) {
	t.Helper()
	return stacktest.Put(t, Stack(), sources...)
}

// volumeOf returns the volume of that name of the only group.
func volumeOf(t testing.TB, sets []volume.Set, name string) volume.Logical {
	t.Helper()
	if len(sets) != 1 {
		t.Fatalf("%d groups", len(sets))
	}
	for _, v := range sets[0].Volumes {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no volume %s of %d", name, len(sets[0].Volumes))
	return volume.Logical{}
}

// fixtures are the volumes of each group that the kernel read.
func fixtures(t testing.TB) map[string][]string {
	out := map[string][]string{}
	for key := range truths(t) {
		name, lv, _ := strings.Cut(key, " ")
		if name != "away-before" {
			out[name] = append(out[name], lv)
		}
	}
	return out
}

// TestKernel reads each volume that lvm made, with its disks in any order, as the kernel read it.
func TestKernel(t *testing.T) {
	all := truths(t)
	for name, volumes := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			list := disks(t, name)
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			members, sets := put(t, stacktest.Sources(list)...)
			if len(sets) != 1 || len(sets[0].Volumes) != count(name, len(volumes)) {
				t.Fatalf("%d groups, %+v", len(sets), sets)
			}
			set := sets[0]
			if set.Label != "vg" || len(set.Missing) > 0 || len(set.Members) != len(list) || set.Degraded || set.UUID == "" {
				t.Errorf("%+v", set)
			}
			for _, m := range members {
				if !m.Valid || m.Backup || m.Set != set.UUID || len(m.Findings) > 0 || !strings.HasPrefix(m.Role, "physical volume pv") {
					t.Errorf("%+v", m)
				}
			}
			for _, lv := range volumes {
				want := all[name+" "+lv]
				v := volumeOf(t, sets, lv)
				if name == "writecache" {
					if v.Source != nil || v.Size != want.Size || v.Findings[0].Code != "lvm.writecache" {
						t.Errorf("%+v", v)
					}
					continue
				}
				b := stacktest.Content(t, v.Source)
				if got := stacktest.Sum(b); int64(len(b)) != want.Size || got != want.Sum {
					t.Errorf("%s (%s): %s of %d bytes, expected %s of %d; %v", lv, v.Kind, got, len(b), want.Sum, want.Size, v.Findings)
					continue
				}
				computed, nowhere := stacktest.CheckPlaces(t, members, v.Source, b)
				if (computed > 0) != (name == "away") || nowhere > 0 && v.Kind != "thin" {
					t.Errorf("%s: %d bytes computed, %d nowhere", lv, computed, nowhere)
				}
			}
		})
	}
}

// count is how many visible volumes a fixture has beside those that the kernel was asked for.
func count(name string, n int) int {
	if name == "history" {
		return 10
	}
	return n
}

// TestContract holds volumes over disks with bad sectors to what a source promises.
func TestContract(t *testing.T) {
	for _, tt := range []struct{ name, lv string }{
		{"linear", "root"}, {"striped", "wide"}, {"mirror", "three"}, {"raid", "raid4"}, {"thin", "thin2"}, {"snapshot", "cow"}, {"external", "over"},
	} {
		list := disks(t, tt.name)
		_, sets := put(t, stacktest.Sources(list)...)
		want := stacktest.Content(t, volumeOf(t, sets, tt.lv).Source)
		rnd := rand.New(rand.NewPCG(2, 2))
		var sources []block.Source
		for _, d := range list {
			bad := block.Extent{Offset: 3<<20 + rnd.Int64N(1<<20), Length: 512 + rnd.Int64N(100<<10)}
			sources = append(sources, blocktest.Faulty(block.Bytes(d), blocktest.Bad(bad)))
		}
		_, sets = put(t, sources...)
		v := volumeOf(t, sets, tt.lv)
		bad := stacktest.Lost(v.Source)
		t.Run(tt.name, func(t *testing.T) {
			blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) { return v.Source, want, bad })
		})
	}
}

// TestMissing takes each physical volume away: volumes that do not need it are whole, of others nothing is made up.
func TestMissing(t *testing.T) {
	for name, volumes := range fixtures(t) {
		list := disks(t, name)
		_, sets := put(t, stacktest.Sources(list)...)
		want := map[string][]byte{}
		for _, v := range sets[0].Volumes {
			if v.Source != nil {
				want[v.Name] = stacktest.Content(t, v.Source)
			}
		}
		for gone := range list {
			if len(list) == 1 {
				continue
			}
			var left []block.Source
			for i, d := range list {
				if i != gone {
					left = append(left, block.Bytes(d))
				}
			}
			members, sets := put(t, left...)
			s := sets[0]
			if len(s.Missing) != 1 || len(s.Volumes) != count(name, len(volumes)) || stacktest.Count(s, "lvm.member.missing") != 1 {
				t.Errorf("%s without %d: %+v", name, gone, s)
			}
			for _, v := range s.Volumes {
				if v.Source == nil {
					continue
				}
				b := make([]byte, v.Size)
				lost := stacktest.Lost(v.Source)
				for e := range lost.Complement(block.Extent{Length: v.Size}).All() {
					if _, err := v.Source.ReadAt(b[e.Offset:e.End()], e.Offset); err != nil {
						t.Errorf("%s/%s without %d: %v", name, v.Name, gone, err)
					}
					if string(b[e.Offset:e.End()]) != string(want[v.Name][e.Offset:e.End()]) {
						t.Fatalf("%s/%s without %d: other bytes in %v", name, v.Name, gone, e)
					}
				}
				said := false
				for _, f := range v.Findings {
					said = said || f.Code == "lvm.volume.lacks"
				}
				if lost.Empty() == said || v.Lacks != said {
					t.Errorf("%s/%s without %d: lost %v, said %v", name, v.Name, gone, lost.Extents(), said)
				}
				if strings.HasPrefix(v.Kind, "raid") && !strings.HasPrefix(v.Kind, "raid0") && name != "away" && !lost.Empty() {
					t.Errorf("%s/%s without %d: %v are lost", name, v.Name, gone, lost.Extents())
				}
				stacktest.CheckPlaces(t, members, v.Source, b)
			}
		}
	}
}

// TestAway has one image of a RAID that was away while the others were written to.
func TestAway(t *testing.T) {
	_, sets := put(t, stacktest.Sources(disks(t, "away"))...)
	v := volumeOf(t, sets, "five")
	if stacktest.Count(sets[0], "lvm.raid.stale") != 1 {
		t.Errorf("%v", v.Findings)
	}
}

// TestMixed reads groups of one name beside each other, with a disk given twice.
func TestMixed(t *testing.T) {
	all := truths(t)
	var sources []block.Source
	for _, name := range []string{"linear", "striped", "snapshot"} {
		sources = append(sources, stacktest.Sources(disks(t, name))...)
	}
	sources = append(sources, sources[1], sources[3])
	rand.New(rand.NewPCG(3, 1)).Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
	_, sets := put(t, sources...)
	if len(sets) != 3 {
		t.Fatalf("%d groups", len(sets))
	}
	used, read, twice := map[int]bool{}, 0, 0
	for _, s := range sets {
		for _, m := range s.Members {
			if used[m] {
				t.Errorf("member %d is used twice", m)
			}
			used[m] = true
		}
		twice += stacktest.Count(s, "lvm.member.duplicate")
		for _, v := range s.Volumes {
			for key, want := range all {
				if strings.HasSuffix(key, " "+v.Name) && want.Sum == stacktest.Sum(stacktest.Content(t, v.Source)) {
					read++
					break
				}
			}
		}
	}
	if twice != 2 || read != 7 {
		t.Errorf("%d duplicates are told, %d volumes read", twice, read)
	}
}

// TestKinds names what volumes are.
func TestKinds(t *testing.T) {
	for _, tt := range []struct{ fixture, lv, kind string }{
		{"linear", "root", "linear"}, {"striped", "wide", "striped"}, {"mirror", "logged", "mirror"}, {"raid", "raid10", "raid10"},
		{"raid6_zr", "raid6_nc", "raid6_nc"}, {"thin", "snap", "thin"}, {"snapshot", "cow", "snapshot"}, {"snapshot", "origin", "linear"}, {"cache", "slow", "cache"},
	} {
		_, sets := put(t, stacktest.Sources(disks(t, tt.fixture))...)
		if v := volumeOf(t, sets, tt.lv); v.Kind != tt.kind || len(v.UUID) != 38 {
			t.Errorf("%s: %s %q", fmt.Sprint(tt.fixture, "/", tt.lv), v.Kind, v.UUID)
		}
	}
	_, sets := put(t, stacktest.Sources(disks(t, "cache"))...)
	if stacktest.Count(sets[0], "lvm.cache") != 1 {
		t.Errorf("%+v", sets[0].Volumes)
	}
}
