package ntfs

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/internal/need"
)

// reformat makes a new volume over the image, as a quick format does.
func reformat(t *testing.T, name string, options ...string) []byte {
	t.Helper()
	path, _ := unpacked(t, name)
	out, err := need.Command(t, "mkntfs", append(append([]string{"-Q", "-F", "-q"}, options...), path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestQuickFormat has files of the older volume listed by their names and paths, with their content where nothing
// of the new volume stands.
func TestQuickFormat(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []string
	}{{"plain", nil}, {"cluster512", []string{"-c", "512"}}, {"cluster64k", []string{"-c", "65536"}}, {"plain", []string{"-c", "1024"}}} {
		t.Run(tt.name+strings.Join(tt.options, ""), func(t *testing.T) {
			whole := readImage(t, tt.name+".img.gz")
			before := mustOpen(t, whole)
			want, _ := files(t, before)
			p := reformat(t, tt.name+".img.gz", tt.options...)
			v := mustOpen(t, p)
			got, errs := files(t, v)
			if len(errs) > 0 {
				t.Error(errs)
			}
			live, named, exact := 0, 0, 0
			ids := map[string]bool{}
			for path, f := range got {
				if ids[f.ID] {
					t.Errorf("two files have the ID %s", f.ID)
				}
				ids[f.ID] = true
				if f.State == filesystem.Live && f.Path != "" {
					t.Errorf("%s is live", path)
				}
				if strings.HasPrefix(f.Path, formerFolder+"/") && (f.Sound || f.State != filesystem.Deleted || !strings.Contains(codes(f), "former.volume")) {
					t.Errorf("%s: %+v", path, f)
				}
			}
			for path, old := range want {
				if old.State != filesystem.Live || !old.Mode.IsRegular() {
					continue
				}
				live++
				f := got["deleted "+formerFolder+"/"+old.Path]
				if f == nil {
					continue
				}
				named++
				if len(f.Streams) == 0 || f.Size() != old.Size() {
					t.Errorf("%s: size %d, expected %d", path, f.Size(), old.Size())
					continue
				}
				a, err := readAll(t, v, f)
				b, _ := readAll(t, before, old)
				switch {
				case err != nil:
				case bytes.Equal(a, b):
					exact++
				default:
					t.Errorf("%s: other bytes", path)
				}
			}
			// The new volume's own files stand where the old one's stood: nothing is lost of this volume.
			if named < live || exact < live {
				t.Errorf("%d files: %d named, %d exact", live, named, exact)
			}
		})
	}
}

// Records in free places that the table has too are no older volume, nor are any in places that are in use.
func TestNoFormer(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	v := mustOpen(t, p)
	s, err := v.survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.former != nil {
		t.Fatalf("an older volume: %v", s.former.v.table.runs)
	}
	_, at := freeCluster(t, v)
	var used int64 = -1
	for n := int64(firstFree); n < v.table.count(); n++ {
		if r, err := v.table.record(n); err == nil && r.inUse() && r.base == 0 && firstName(&r) != nil {
			used = r.offset(0)
			break
		}
	}
	copy(p[at:], p[used:used+v.b.recordSize])
	s, err = mustOpen(t, p).survey(t.Context())
	if err != nil || s.former != nil {
		t.Errorf("%+v, %v", s.former, err)
	}
}

// What files of the new volume have is theirs, also of those that were removed since.
func TestFormerIsCut(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	v := mustOpen(t, p)
	s, err := v.survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := int64(-1)
	for e := range s.allocated.Union(s.claims).Union(s.gone).Complement(block.Extent{Length: v.b.clusters() * v.b.clusterSize}).All() {
		if e.Length >= 4*v.b.clusterSize && s.allocated.Has(e.Offset-1) {
			at = e.Offset
			break
		}
	}
	if at < 0 {
		t.Fatal("no cluster was never used")
	}
	pairs := pairsOf([2]int64{1, at/v.b.clusterSize + 1})
	size := v.b.clusterSize
	r := buildRecord(t, 500, 3, recordInUse, resident(typeName, "", nameOf(refer(recordRoot, recordRoot), "old.bin", size)), mapped(typeData, "", size, v.b.clusterSize, pairs, 1))
	copy(p[at:], r)
	kinds := func(want string) {
		t.Helper()
		got, _ := files(t, mustOpen(t, p))
		f := got["deleted "+formerFolder+"/old.bin"]
		if f == nil {
			t.Fatalf("the file is missing")
		}
		if s := runsOf(f); !strings.HasPrefix(s, want) {
			t.Errorf("%s, expected %s (%s)", s, want, codes(f))
		}
	}
	kinds("guessed")
	number := int64(-1)
	for n := v.table.count() - 1; n >= firstFree && number < 0; n-- {
		if r, err := v.table.record(n); err == nil && !r.inUse() {
			number = n
		}
	}
	placeRecord(t, p, number, buildRecord(t, number, 3, 0, resident(typeName, "", nameOf(refer(recordRoot, recordRoot), "new.bin", size)), mapped(typeData, "", size, v.b.clusterSize, pairs, 1)))
	kinds("foreign")
}
