package fat

import (
	"fmt"
	"testing"
	"unicode/utf16"

	"salvor/filesystem"
)

// spread writes a directory without a chain at first whose entries go on in next: files, and between both clusters a
// long name of which broken entries stand in the first one.
func (m *maker) spread(first, next uint32, letter string, parts int) (name string) {
	m.directory(0, first)
	m.free(first)
	name = "the " + letter + " name that goes over the border.txt"
	short := letter + "HENAM~1TXT"
	name = letter + name
	entries := long(utf16.Encode([]rune(name)), raw(short))
	row := make([]byte, entrySize)
	for i := 2; i < 16-parts; i++ {
		m.slot(first, i, fmt.Sprintf("%s%d", letter, i), 0x20, 0, 0)
	}
	copy(row, m.slot(next, 15, short, 0x20, 0, 0))
	all := append(entries, row)
	for i, e := range all {
		if i < parts {
			copy(m.slot(first, 16-parts+i, "", 0, 0, 0), e)
		} else {
			copy(m.slot(next, i-parts, "", 0, 0, 0), e)
		}
	}
	for i := len(all) - parts; i < 14; i++ {
		m.slot(next, i, fmt.Sprintf("%sNEXT%d", letter, i), 0x20, 0, 0)
	}
	// Another long name is what the cluster is found by where it begins with a short entry.
	copy(m.slot(next, 14, "", 0, 0, 0), long(utf16.Encode([]rune(letter+" long one")), raw(letter+"LONGO~1   "))[0])
	m.slot(next, 15, letter+"LONGO~1", 0x20, 0, 0)
	return name
}

// Two directories of an old volume go on in clusters far away, each beside that of the other.
func TestContinuedByName(t *testing.T) {
	for parts := 1; parts <= 4; parts++ {
		m := format(t, 16, 5000, 1)
		a := m.spread(10, 301, "A", parts)
		b := m.spread(20, 300, "B", parts)
		got, errs := files(t, mustOpen(t, m.p))
		if len(errs) > 0 {
			t.Error(errs)
		}
		for _, want := range []string{"cluster-10/" + a, "cluster-20/" + b, "cluster-10/ANEXT13", "cluster-20/BNEXT13", "cluster-10/A2"} {
			f := got["rebuilt "+remainsFolder+"/"+want]
			if f == nil {
				t.Fatalf("%d parts: %s is missing: %v", parts, want, got)
			}
			if codes(f) != "" || f.Sound {
				t.Errorf("%d parts: %s: %s", parts, want, codes(f))
			}
		}
		for path := range got {
			if path == "rebuilt "+remainsFolder+"/cluster-300" || path == "rebuilt "+remainsFolder+"/cluster-301" {
				t.Errorf("%s is a directory of its own", path)
			}
		}
	}
}

// A cluster is not joined where another name would be completed, where two would do, or where a file in use has it.
func TestNotContinued(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(m *maker)
	}{
		{"another checksum", func(m *maker) {
			p := m.p[m.b.at(300):]
			for i := range 2 {
				p[i*entrySize+13]++
			}
		}},
		{"another number", func(m *maker) { m.p[m.b.at(300)]-- }},
		{"another letter", func(m *maker) {
			// A short name of the same checksum that begins with what the long one cannot give.
			name := m.p[m.b.at(300)+2*entrySize:][:8]
			name[0], name[1] = name[0]-1, name[1]-0x80
		}},
		{"two of them", func(m *maker) { copy(m.p[m.b.at(400):][:512], m.p[m.b.at(300):][:512]) }},
		{"in use", func(m *maker) {
			m.chain(300)
			m.slot(0, 0, "LIVE    TXT", 0x20, 300, 512)
		}},
	} {
		m := format(t, 16, 5000, 1)
		name := m.spread(20, 300, "B", 2)
		tt.make(m)
		got, _ := files(t, mustOpen(t, m.p))
		if f := got["rebuilt "+remainsFolder+"/cluster-20/"+name]; f != nil {
			t.Errorf("%s: %+v", tt.name, f)
		}
		if f := got["rebuilt "+remainsFolder+"/cluster-20/B2"]; f == nil || f.State != filesystem.Rebuilt {
			t.Errorf("%s: the first cluster is lost: %v", tt.name, got)
		}
	}
}

// By its looks a cluster follows only where no name is broken off between.
func TestContinuedByLooks(t *testing.T) {
	m := format(t, 16, 5000, 1)
	m.spread(20, 300, "B", 2)
	for i := range 16 { // does not complete the name, and looks well
		m.slot(21, i, fmt.Sprintf("OTHER%d", i), 0x20, 0, 0)
	}
	got, _ := files(t, mustOpen(t, m.p))
	if f := got["rebuilt "+remainsFolder+"/cluster-20/OTHER3"]; f != nil {
		t.Errorf("%+v", f)
	}
	if f := got["rebuilt "+remainsFolder+"/cluster-20/BNEXT13"]; f == nil {
		t.Errorf("%v", got)
	}
}
