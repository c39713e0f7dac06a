package fat

import (
	"encoding/binary"
	"testing"
)

// born sets the day of May 2023 on which an entry was made and last changed; 0 is not known.
func born(p []byte, made, changed int) {
	if made > 0 {
		binary.LittleEndian.PutUint16(p[16:], uint16((2023-1980)<<9|5<<5|made))
	}
	stamp(p, 2023, 5, changed)
}

// Two files claim the same clusters: times decide where the life of one ends before that of the other begins.
func TestCrossLinkedByTime(t *testing.T) {
	const (
		open    = "chain.cross-linked"
		foreign = "chain.cross-linked chain.overwritten"
		winA    = "data 10+1500"
		loseB   = "data 20+512, foreign 11+988"
		openA   = "data 10+512, guessed 11+988"
		openB   = "data 20+512, guessed 11+988"
	)
	for _, tt := range []struct {
		name           string
		a, b           [2]int // the days on which each was made and last changed
		sizeA          uint32
		placeA, placeB string
		codesA, codesB string
	}{
		{"newer", [2]int{9, 10}, [2]int{5, 6}, 1500, winA, loseB, open, foreign},
		{"copied, with an older time of change", [2]int{9, 2}, [2]int{5, 6}, 1500, winA, loseB, open, foreign},
		{"older", [2]int{1, 2}, [2]int{5, 6}, 1500, "data 10+512, foreign 11+988", "data 20+512, data 11+988", foreign, open},
		{"changed last, yet made before", [2]int{4, 10}, [2]int{5, 6}, 1500, openA, openB, open, open},
		{"on the same day", [2]int{6, 6}, [2]int{6, 6}, 1500, openA, openB, open, open},
		{"made when nobody knows", [2]int{0, 10}, [2]int{5, 6}, 1500, openA, openB, open, open},
		{"newer, with a chain that does not fit", [2]int{9, 10}, [2]int{5, 6}, 1000, "data 10+512, guessed 11+488", "data 20+512, guessed 11+512, data 12+476", "chain.long chain.cross-linked", open},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := format(t, 16, 5000, 1)
			m.chain(10, 11, 12)
			m.chain(20, 11, 12)
			born(m.slot(0, 0, "A       TXT", 0x20, 10, tt.sizeA), tt.a[0], tt.a[1])
			born(m.slot(0, 1, "B       TXT", 0x20, 20, 1500), tt.b[0], tt.b[1])
			v := mustOpen(t, m.p)
			got, errs := files(t, v)
			a, b := got["live A.TXT"], got["live B.TXT"]
			if a == nil || b == nil || len(errs) > 0 {
				t.Fatalf("%v, %v", got, errs)
			}
			if places(v, a) != tt.placeA || codes(a) != tt.codesA || a.Sound {
				t.Errorf("A: %s (%s), expected %s (%s)", places(v, a), codes(a), tt.placeA, tt.codesA)
			}
			if places(v, b) != tt.placeB || codes(b) != tt.codesB || b.Sound {
				t.Errorf("B: %s (%s), expected %s (%s)", places(v, b), codes(b), tt.placeB, tt.codesB)
			}
		})
	}
}

// Of three files the last one wins only when it was made after both others were finished, and a directory's times
// decide nothing.
func TestCrossLinkedThrice(t *testing.T) {
	for _, tt := range []struct {
		name string
		days [3][2]int
		want [3]string // kinds of the shared cluster
	}{
		{"after both", [3][2]int{{1, 4}, {2, 3}, {5, 6}}, [3]string{"foreign", "foreign", "data"}},
		{"after one", [3][2]int{{1, 6}, {2, 3}, {5, 6}}, [3]string{"guessed", "guessed", "guessed"}},
		{"in a row", [3][2]int{{1, 2}, {3, 4}, {5, 6}}, [3]string{"foreign", "foreign", "data"}},
		{"a row from its end", [3][2]int{{5, 6}, {3, 4}, {1, 2}}, [3]string{"data", "foreign", "foreign"}},
	} {
		m := format(t, 16, 5000, 1)
		for i, d := range tt.days {
			m.chain(uint32(10*(i+1)), 50)
			born(m.slot(0, i, string(rune('A'+i))+"       TXT", 0x20, uint32(10*(i+1)), 1000), d[0], d[1])
		}
		v := mustOpen(t, m.p)
		got, _ := files(t, v)
		for i, want := range tt.want {
			f := got["live "+string(rune('A'+i))+".TXT"]
			if kind := f.Streams[0].Runs[1].Kind.String(); kind != want {
				t.Errorf("%s: file %d: %s, expected %s", tt.name, i, kind, want)
			}
		}
	}
	m := format(t, 16, 5000, 1)
	m.directory(0, 10)
	m.chain(10, 11)
	m.chain(20, 11)
	born(m.slot(0, 0, "DIR        ", attrDirectory, 10, 0), 1, 2)
	born(m.slot(0, 1, "A       TXT", 0x20, 20, 1000), 5, 6)
	v := mustOpen(t, m.p)
	got, _ := files(t, v)
	if f := got["live A.TXT"]; places(v, f) != "data 20+512, guessed 11+488" {
		t.Errorf("%s", places(v, f))
	}
}
