package fat

import (
	"testing"
	"unicode/utf16"

	"salvor/filesystem"
)

// deletedEntry writes a deleted short entry.
func (m *maker) deletedEntry(dir uint32, index int, name string, attr byte, start, size uint32) []byte {
	p := m.slot(dir, index, name, attr, start, size)
	p[0] = markDeleted
	return p
}

func TestDeletedContent(t *testing.T) {
	for _, w := range widths {
		for _, tt := range []struct {
			name   string
			size   uint32
			make   func(*maker)
			places string
			codes  string
		}{
			{"one cluster", 500, func(*maker) {}, "data 10+500", ""},
			{"empty", 0, func(*maker) {}, "", ""},
			{"three clusters", 1500, func(*maker) {}, "data 10+512, guessed 11+988", "deleted.guessed"},
			{"start taken", 1500, func(m *maker) {
				m.chain(10)
				m.slot(0, 5, "LIVE    TXT", 0x20, 10, 512)
			}, "foreign 10+512, guessed 11+988", "deleted.overwritten deleted.guessed"},
			{"wholly taken", 1024, func(m *maker) {
				m.chain(10, 11)
				m.slot(0, 5, "LIVE    TXT", 0x20, 10, 1024)
			}, "foreign 10+1024", "deleted.overwritten"},
			{"older file between", 1500, func(m *maker) {
				m.chain(11)
				stamp(m.slot(0, 5, "LIVE    TXT", 0x20, 11, 512), 2020, 1, 1)
			}, "data 10+512, guessed 12+988", "deleted.guessed deleted.around"},
			{"newer file between", 1500, func(m *maker) {
				m.chain(11)
				stamp(m.slot(0, 5, "LIVE    TXT", 0x20, 11, 512), 2024, 1, 1)
			}, "data 10+512, foreign 11+512, guessed 12+476", "deleted.overwritten deleted.guessed"},
			{"no one's chain between", 1500, func(m *maker) { m.chain(11) },
				"data 10+512, foreign 11+512, guessed 12+476", "deleted.overwritten deleted.guessed"},
			{"a live file without its chain", 512, func(m *maker) {
				m.slot(0, 5, "LIVE    TXT", 0x20, 10, 512) // the FAT calls its cluster free
			}, "foreign 10+512", "deleted.overwritten"},
			{"chain in the other FAT", 1500, func(m *maker) {
				m.setIn(1, 10, 20)
				m.setIn(1, 20, 30)
				m.setIn(1, 30, 0x0FFFFFFF)
			}, "data 10+512, data 20+512, data 30+476", "deleted.old-fat"},
			{"contested", 1500, func(m *maker) {
				m.deletedEntry(0, 6, "XTHER   TXT", 0x20, 11, 100)
			}, "data 10+512, guessed 11+988", "deleted.guessed deleted.contested"},
			{"contested at its start", 1500, func(m *maker) {
				m.deletedEntry(0, 6, "XTHER   TXT", 0x20, 10, 100)
			}, "guessed 10+1500", "deleted.guessed deleted.contested"},
		} {
			m := format(t, w.width, w.clusters, 1)
			m.deletedEntry(0, 0, "XILE    TXT", 0x20, 10, tt.size)
			for i := range 4 {
				m.slot(0, 1+i, "PAD"+string(rune('0'+i)), 0x20, 0, 0)
			}
			m.slot(0, 5, "PAD5", 0x20, 0, 0)
			// On a large volume an entry with a high word shows that the system keeps it.
			m.deletedEntry(0, 7, "XIGH    TXT", 0x20, 65550, 1)
			tt.make(m)
			v := mustOpen(t, m.p)
			got, _ := files(t, v)
			f := got["deleted _ILE.TXT"]
			if f == nil || f.Sound {
				t.Errorf("FAT%d, %s: %+v", w.width, tt.name, f)
				continue
			}
			want := "entry.first-letter"
			if tt.codes != "" {
				want += " " + tt.codes
			}
			if places(v, f) != tt.places || codes(f) != want {
				t.Errorf("FAT%d, %s: %s (%s), expected %s (%s)", w.width, tt.name, places(v, f), codes(f), tt.places, want)
			}
		}
	}
}

func TestDeletedHighWord(t *testing.T) {
	m := format(t, 32, 70000, 1)
	m.deletedEntry(0, 0, "XILE    TXT", 0x20, 10, 500)
	// A directory beyond 65536, whose entry lost the upper half of its cluster.
	m.directory(0, 65536+20)
	m.free(65536 + 20)
	m.deletedEntry(65536+20, 2, "XNNER   TXT", 0x20, 30, 100)
	m.deletedEntry(0, 1, "XIR        ", attrDirectory, 20, 0)
	v := mustOpen(t, m.p)
	got, _ := files(t, v)
	if f := got["deleted _ILE.TXT"]; f == nil || places(v, f) != "guessed 10+500" || codes(f) != "entry.first-letter entry.high-word" {
		t.Errorf("%+v", f)
	}
	if f := got["deleted _IR/_NNER.TXT"]; f == nil {
		t.Errorf("the directory was not found: %v", got)
	}
}

func TestDeletedBehindTheEnd(t *testing.T) {
	m := format(t, 16, 5000, 1)
	m.deletedEntry(0, 0, "XILE    TXT", 0x20, 5000, 2000)
	m.deletedEntry(0, 1, "XHERE   TXT", 0x20, 5002, 2000) // no such cluster
	v := mustOpen(t, m.p)
	got, _ := files(t, v)
	if f := got["deleted _ILE.TXT"]; f == nil || places(v, f) != "data 5000+512, guessed 5001+512, lost+976" {
		t.Errorf("%+v", f)
	}
	if f := got["deleted _HERE.TXT"]; f == nil || places(v, f) != "lost+2000" {
		t.Errorf("%+v", f)
	}
}

func TestDeletedDirectories(t *testing.T) {
	for _, w := range widths {
		m := format(t, w.width, w.clusters, 1)
		m.deletedEntry(0, 0, "XONE       ", attrDirectory, 10, 0)
		m.directory(0, 10)
		m.slot(10, 2, "WHOLE   TXT", 0x20, 11, 100) // only the directory's entry was deleted
		m.deletedEntry(10, 3, "XUB        ", attrDirectory, 12, 0)
		for i := 4; i < 16; i++ {
			m.deletedEntry(10, i, "X"+string(rune('A'+i)), 0x20, 0, 0)
		}
		// It went on elsewhere, behind its first child.
		m.deletedEntry(13, 0, "XAST    TXT", 0x20, 0, 0)
		m.slot(13, 1, "END     TXT", 0x20, 0, 0)
		m.directory(10, 12)
		m.deletedEntry(12, 2, "XEEP    TXT", 0x20, 14, 512)
		m.deletedEntry(12, 3, "XOOP       ", attrDirectory, 10, 0)
		m.free(10, 12)
		// One that was moved, and one whose cluster is a live file's.
		m.deletedEntry(0, 1, "XOVED      ", attrDirectory, 20, 0)
		m.slot(0, 2, "MOVED      ", attrDirectory, 20, 0)
		m.directory(0, 20)
		m.deletedEntry(0, 3, "XVER       ", attrDirectory, 30, 0)
		m.directory(0, 30)
		m.slot(0, 4, "LIVE    DAT", 0x20, 30, 512)
		// One whose cluster holds something else by now, and is free again.
		m.deletedEntry(0, 5, "XATA       ", attrDirectory, 40, 0)
		m.fill(40, 'x')
		if w.width == 32 {
			m.deletedEntry(0, 6, "XIGH    TXT", 0x20, 65550, 1)
		}
		got, errs := files(t, mustOpen(t, m.p))
		for path, want := range map[string]string{
			"deleted _ONE":              "entry.first-letter",
			"deleted _ONE/WHOLE.TXT":    "",
			"deleted _ONE/_UB":          "entry.first-letter",
			"deleted _ONE/_UB/_EEP.TXT": "entry.first-letter",
			"deleted _ONE/_UB/_OOP":     "entry.first-letter directory.loop",
			"deleted _ONE/_AST.TXT":     "entry.first-letter deleted.directory",
			"deleted _ONE/END.TXT":      "deleted.directory",
			"live MOVED":                "",
			"deleted _OVED":             "entry.first-letter deleted.moved",
			"deleted _VER":              "entry.first-letter deleted.overwritten",
			"deleted _ATA":              "entry.first-letter deleted.start",
		} {
			if f := got[path]; f == nil || codes(f) != want {
				t.Errorf("FAT%d: %s: %+v", w.width, path, f)
			}
		}
		if len(errs) > 0 {
			t.Errorf("FAT%d: %v", w.width, errs)
		}
	}
}

// TestDeletedDirectoryWithItsChain has a directory of which only the entry was deleted.
func TestDeletedDirectoryWithItsChain(t *testing.T) {
	m := format(t, 16, 5000, 1)
	m.deletedEntry(0, 0, "XONE       ", attrDirectory, 10, 0)
	m.directory(0, 10)
	m.slot(10, 2, "WHOLE   TXT", 0x20, 11, 1000)
	m.chain(11, 15)
	v := mustOpen(t, m.p)
	got, errs := files(t, v)
	f := got["orphan _ONE/WHOLE.TXT"]
	if f == nil || places(v, f) != "data 11+512, data 15+488" || got["deleted _ONE"] == nil || len(got) != 3 || len(errs) > 0 {
		t.Errorf("%v, %v", got, errs)
	}
}

func TestDeletedNames(t *testing.T) {
	m := format(t, 16, 5000, 1)
	at := 0
	put := func(name string, long [][]byte, deleteLong bool) {
		for _, p := range long {
			copy(m.slot(0, at, "", 0, 0, 0), p)
			if deleteLong {
				m.p[m.b.rootAt()+int64(at)*entrySize] = markDeleted
			}
			at++
		}
		m.deletedEntry(0, at, name, 0x20, 0, 0)
		at++
	}
	parts := func(s, short string) [][]byte { return long(utf16.Encode([]rune(s)), raw(short)) }
	put("GREATN~1TXT", parts("great name of a file.txt", "GREATN~1TXT"), true)
	put("ONLYSH~1TXT", parts("only short deleted.txt", "ONLYSH~1TXT"), false)
	put("OTHER   TXT", parts("not this one.txt", "NOTTHI~1TXT"), true)
	put("PLAIN   TXT", nil, true)
	put("\xe5XOTIC  TXT", nil, true)
	got := list(t, m)
	for _, want := range []string{"great name of a file.txt", "only short deleted.txt", "_THER.TXT", "_LAIN.TXT", "_XOTIC.TXT"} {
		if got["deleted "+want] == nil {
			t.Errorf("%s is missing: %v", want, got)
		}
	}
	if len(got) != 6 {
		t.Errorf("%d files", len(got))
	}
}

func TestDeletedAreErasedFromNothing(t *testing.T) {
	// A deleted file never takes the place of a live one in the set of used bytes.
	m := format(t, 16, 5000, 1)
	m.deletedEntry(0, 0, "XILE    TXT", 0x20, 10, 2000)
	v := mustOpen(t, m.p)
	used, err := v.Used(t.Context())
	if err != nil || used.Bytes() != m.b.dataAt() {
		t.Errorf("%d bytes are used, expected %d: %v", used.Bytes(), m.b.dataAt(), err)
	}
	got, _ := files(t, v)
	if got["deleted _ILE.TXT"].State != filesystem.Deleted {
		t.Error("not deleted")
	}
}
