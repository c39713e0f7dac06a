package recovery

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
)

func claim(id string, off, n int64, change func(*Entry)) *Entry {
	e := &Entry{ID: id, Source: 1, Volume: 1, Origin: FromFileSystem, Path: id, Name: id, Size: n, GoodUntil: n, Class: filetype.Photo, Format: "jpeg",
		Verdict: filetype.Consistent, Sound: true, Runs: []block.Run{{Physical: off, Length: n}}}
	if change != nil {
		change(e)
	}
	return e
}

func TestAttribute(t *testing.T) {
	c := newCatalog(t)
	verdict := func(v filetype.Verdict) func(*Entry) { return func(e *Entry) { e.Verdict = v } }
	mustPut(t, c,
		claim("consistent", 0, 100, nil),
		claim("proven", 1000, 100, verdict(filetype.Proven)),
		claim("unknown", 2000, 100, verdict(filetype.Unknown)),
		claim("unsound", 3000, 100, func(e *Entry) { e.Sound = false }),
		claim("deleted", 4000, 100, func(e *Entry) { e.State = filesystem.Deleted }),
		claim("deleted proven", 5000, 100, func(e *Entry) {
			e.State, e.Verdict = filesystem.Deleted, filetype.Proven
			e.Uncovered = block.SetOf(block.Extent{Offset: 10, Length: 5})
		}),
		claim("one", 6000, 100, nil), claim("two", 6099, 100, nil),
		claim("three", 6050, 10, verdict(filetype.Damaged)),
		claim("link", 7000, 100, nil), claim("link-2", 7000, 100, nil),
		claim("longer", 8000, 100, nil), claim("shorter", 8000, 50, nil),
		claim("guessed", 9000, 100, func(e *Entry) { e.Runs[0].Kind = block.Guessed }),
		claim("other source", 0, 100, func(e *Entry) { e.Source = 2 }),
		claim("over deleted", 4050, 100, nil),
		claim("was owned", 10000, 100, func(e *Entry) { e.Owned, e.Sound = true, false }),
		claim("hole", 0, 1<<40, func(e *Entry) { e.Runs[0].Kind = block.Zero }),
	)
	for range 2 {
		a, err := Attribute(t.Context(), c, 1)
		if err != nil {
			t.Fatal(err)
		}
		x := func(off, n int64) block.Extent { return block.Extent{Offset: off, Length: n} }
		owned := block.SetOf(x(0, 100), x(1000, 100), x(4050, 100), x(7000, 100))
		if !a.Owned.Equal(owned) {
			t.Errorf("owned %v, want %v", a.Owned, owned)
		}
		skip := owned.Union(block.SetOf(x(5000, 10), x(5015, 85)))
		if !a.Skip.Equal(skip) {
			t.Errorf("skip %v, want %v", a.Skip, skip)
		}
		for e, err := range c.Select(t.Context(), Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			want := e.ID == "consistent" || e.ID == "proven" || e.ID == "over deleted" || e.ID == "link" || e.ID == "link-2"
			if e.Owned != want {
				t.Errorf("%s: owned %v", e.ID, e.Owned)
			}
		}
	}
}

// What two live files claim is owned by none of them, however claims overlap.
func TestAttributeLaw(t *testing.T) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		c := newCatalog(t)
		var list []*Entry
		for i := range rapid.IntRange(1, 12).Draw(rt, "files") {
			off, size := rapid.Int64Range(0, 60).Draw(rt, "offset"), rapid.Int64Range(1, 20).Draw(rt, "size")
			list = append(list, claim(fmt.Sprint("f", i), off, size, nil))
		}
		mustPut(t, c, list...)
		a, err := Attribute(t.Context(), c, 1)
		if err != nil {
			rt.Fatal(err)
		}
		for off := int64(0); off < 80; off++ {
			names := map[string]bool{}
			free := true
			for _, e := range list {
				if e.Runs[0].PhysicalExtent().Has(off) {
					names[fmt.Sprint(e.Runs)] = true
					for _, o := range list {
						if fmt.Sprint(o.Runs) != fmt.Sprint(e.Runs) && o.Runs[0].PhysicalExtent().Overlaps(e.Runs[0].PhysicalExtent()) {
							free = false
						}
					}
				}
			}
			if want := len(names) == 1 && free; a.Owned.Has(off) != want {
				rt.Fatalf("byte %d: owned %v, want %v", off, a.Owned.Has(off), want)
			}
		}
		n++
	})
}

func TestJoinTwins(t *testing.T) {
	carvedAt := func(off, n int64, v filetype.Verdict) *Entry {
		return claim(CarvedID(1, off), off, n, func(e *Entry) {
			e.Origin, e.State, e.Volume, e.Path, e.Verdict, e.Name = FromContent, filesystem.Orphan, 0, "", v, "jpeg.jpg"
			e.Hints.Title = "from content"
		})
	}
	guessed := func(e *Entry) {
		e.State, e.Verdict, e.Runs[0].Kind = filesystem.Deleted, filetype.Unknown, block.Guessed
		e.Findings = append(e.Findings, guessedPlace.New())
	}
	tests := []struct {
		name    string
		named   []*Entry
		carved  *Entry
		joined  string // ID of the entry that the carved one is
		verdict filetype.Verdict
	}{
		{"guess confirmed", []*Entry{claim("n", 0x1000, 500, guessed)}, carvedAt(0x1000, 500, filetype.Consistent), "n", filetype.Consistent},
		{"half a guess confirmed", []*Entry{claim("n", 0x1000, 500, func(e *Entry) {
			guessed(e)
			e.Runs = []block.Run{{Physical: 0x1000, Length: 400}, {Logical: 400, Physical: 0x1190, Length: 100, Kind: block.Guessed}}
		})}, carvedAt(0x1000, 500, filetype.Consistent), "n", filetype.Consistent},
		{"a wrong guess confirmed", []*Entry{claim("n", 0x1000, 500, func(e *Entry) {
			guessed(e)
			e.Runs = []block.Run{{Physical: 0x1000, Length: 400}, {Logical: 400, Physical: 0x2000, Length: 100, Kind: block.Guessed}}
		})}, carvedAt(0x1000, 500, filetype.Consistent), "n", filetype.Consistent},
		{"metadata says otherwise", []*Entry{claim("n", 0x1000, 500, func(e *Entry) {
			guessed(e)
			e.Runs = []block.Run{{Physical: 0x1000, Length: 400}, {Logical: 400, Physical: 0x2000, Length: 50}, {Logical: 450, Physical: 0x11c2, Length: 50, Kind: block.Guessed}}
		})}, carvedAt(0x1000, 500, filetype.Consistent), "", filetype.Unknown},
		{"someone else's by now", []*Entry{claim("n", 0x1000, 500, func(e *Entry) {
			guessed(e)
			e.Runs = []block.Run{{Physical: 0x1000, Length: 400}, {Logical: 400, Physical: 0x1190, Length: 100, Kind: block.Foreign}}
			e.Verdict = filetype.Partial
		})}, carvedAt(0x1000, 500, filetype.Consistent), "", filetype.Partial},
		{"guess not confirmed", []*Entry{claim("n", 0x1000, 600, guessed)}, carvedAt(0x1000, 500, filetype.Consistent), "", filetype.Unknown},
		{"same verdict", []*Entry{claim("n", 0x1000, 500, nil)}, carvedAt(0x1000, 500, filetype.Consistent), "n", filetype.Consistent},
		{"beginning of a whole file", []*Entry{claim("n", 0x1000, 900, nil)}, carvedAt(0x1000, 500, filetype.Consistent), "n", filetype.Consistent},
		{"better than a damaged file", []*Entry{claim("n", 0x1000, 900, func(e *Entry) { e.Verdict = filetype.Damaged })}, carvedAt(0x1000, 500, filetype.Consistent), "", filetype.Damaged},
		{"same damage", []*Entry{claim("n", 0x1000, 900, func(e *Entry) { e.Verdict = filetype.Damaged })}, carvedAt(0x1000, 500, filetype.Damaged), "n", filetype.Damaged},
		{"first piece", []*Entry{claim("n", 0x1000, 900, func(e *Entry) {
			e.Runs = []block.Run{{Physical: 0x1000, Length: 100}, {Logical: 100, Physical: 0x9000, Length: 800}}
		})}, carvedAt(0x1000, 500, filetype.Damaged), "n", filetype.Consistent},
		{"first piece, other format", []*Entry{claim("n", 0x1000, 900, func(e *Entry) {
			e.Runs = []block.Run{{Physical: 0x1000, Length: 100}, {Logical: 100, Physical: 0x9000, Length: 800}}
			e.Format = "png"
		})}, carvedAt(0x1000, 500, filetype.Damaged), "", filetype.Consistent},
		{"other place", []*Entry{claim("n", 0x1001, 500, nil)}, carvedAt(0x1000, 500, filetype.Consistent), "", filetype.Consistent},
		{"other source", []*Entry{claim("n", 0x1000, 500, func(e *Entry) { e.Source = 2 })}, carvedAt(0x1000, 500, filetype.Consistent), "", filetype.Consistent},
		{"foreign", []*Entry{claim("n", 0x1000, 500, func(e *Entry) {
			e.Runs[0].Kind, e.Verdict = block.Foreign, filetype.Partial
			e.Missing.Add(block.Extent{Length: 500})
		})}, carvedAt(0x1000, 500, filetype.Consistent), "", filetype.Partial},
		{"the live one first", []*Entry{claim("d", 0x1000, 500, func(e *Entry) { e.State = filesystem.Deleted }), claim("n", 0x1000, 500, nil)},
			carvedAt(0x1000, 500, filetype.Consistent), "n", filetype.Consistent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCatalog(t)
			mustPut(t, c, append(tt.named, tt.carved)...)
			n, err := JoinTwins(t.Context(), c, 1)
			if err != nil || (n == 1) != (tt.joined != "") {
				t.Fatalf("%d joined, %v", n, err)
			}
			got := mustGet(t, c, tt.carved.ID)
			if got.DuplicateOf != tt.joined || (got.Save == Skipped) != (tt.joined != "") {
				t.Errorf("%+v", got)
			}
			named := mustGet(t, c, tt.named[len(tt.named)-1].ID)
			if named.Verdict != tt.verdict || named.Save != Pending {
				t.Errorf("%+v", named)
			}
			if strings.HasSuffix(tt.name, "guess confirmed") && (codes(named.Findings) != "recovery.twin-found" || named.Hints.Title == "") {
				t.Errorf("%+v", named)
			}
			if tt.name == "a wrong guess confirmed" && (len(named.Runs) != 1 || named.Runs[0] != tt.carved.Runs[0]) {
				t.Errorf("runs %v", named.Runs)
			}
			if n, err := JoinTwins(t.Context(), c, 1); n != 0 || err != nil {
				t.Errorf("again: %d, %v", n, err)
			}
		})
	}
}
