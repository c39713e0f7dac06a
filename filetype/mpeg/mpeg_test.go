package mpeg

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "film.*")
}

// unitEnds returns where packets end, with the bytes behind that cannot be told from a fill.
func unitEnds(name string, p []byte) (ends []int64) {
	for off := 0; off < len(p); {
		switch {
		case strings.HasSuffix(name, "2ts"):
			off += packetSize + 4
			ends = append(ends, int64(off+3), int64(off+4))
		case strings.HasSuffix(name, "ts"):
			off += packetSize
		case p[off+3] == idPack:
			n, _, _ := parsePack(p[off:])
			off += n
		default:
			off += 6 + int(binary.BigEndian.Uint16(p[off+4:]))
		}
		ends = append(ends, int64(off), int64(off+1), int64(off+2))
	}
	return ends
}

func TestSuite(t *testing.T) {
	for name, data := range files(t) {
		rows := Formats()
		i := 0
		if p := name[5:]; p == "vob" || p == "mpg" {
			i = 1
		}
		extension := map[string]string{"film.vob": "mpg", "film.mpg": "mpg"}[name]
		if extension == "" {
			extension = name[5:]
		}
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 4200, Loose: true, Ends: unitEnds(name, data), Extension: extension}
		filetypetest.Run(t, rows[i], []filetypetest.Sample{s})
		s.Extension = ""
		filetypetest.Run(t, rows[2], []filetypetest.Sample{s})
	}
}

func TestTransport(t *testing.T) {
	p := files(t)["film.ts"]
	row, loose := Formats()[0], Formats()[2]
	lost := append(bytes.Clone(p[:188*40]), p[188*43:]...)
	r, err := examine(t, row, lost)
	if err != nil || r.Verdict != filetype.Consistent || r.Findings[0].Code != "mpeg.gaps" || r.Findings[0].Offset < 188*40 || r.Findings[0].Offset > 188*50 {
		t.Errorf("packets left out: %v %v %v", r.Verdict, r.Findings, err)
	}
	broken := bytes.Clone(p)
	copy(broken[188*50:], bytes.Repeat([]byte("x"), 600))
	if r, err = examine(t, row, broken); err != nil || r.Verdict != filetype.Partial || r.GoodUntil != 188*50 {
		t.Errorf("overwritten: %v good until %d: %v %v", r.Verdict, r.GoodUntil, r.Findings, err)
	}
	if _, err = examine(t, row, p[188*5:]); err != filetype.ErrNot {
		t.Errorf("the middle of a film: %v", err)
	}
	if r, err = examine(t, loose, p[188*5:]); err != nil || r.Verdict != filetype.Consistent {
		t.Errorf("the middle of a film, not carved: %v %v", r.Verdict, err)
	}
	table := bytes.Index(p, []byte{syncByte, 0x40, 0})
	bad := bytes.Clone(p)
	for i := table; i+188 <= len(p); i += 188 {
		if bad[i+1] == 0x40 && bad[i+2] == 0 {
			bad[i+8] ^= 1
		}
	}
	if _, err = examine(t, row, bad); err != filetype.ErrNot {
		t.Errorf("no table of programs with a fitting check: %v", err)
	}
	if r, err = examine(t, row, p[:188*60+40]); err != nil || r.Verdict != filetype.Partial || !strings.Contains(r.Findings[0].Text, "plays 0:00–0:0") {
		t.Errorf("cut: %v %v %v", r.Verdict, r.Findings, err)
	}
}

func TestProgram(t *testing.T) {
	p := files(t)["film.vob"]
	row := Formats()[1]
	ended := append(bytes.Clone(p), "\x00\x00\x01\xB9more"...)
	r, err := examine(t, row, ended)
	if err != nil || r.Verdict != filetype.Consistent || r.Size != int64(len(p)+4) {
		t.Errorf("with an end code: %v of %d: %v %v", r.Verdict, r.Size, r.Findings, err)
	}
	second := bytes.Index(p[4:], []byte("\x00\x00\x01\xBA")) + 4
	if _, err := examine(t, row, p[second:]); err != filetype.ErrNot {
		t.Errorf("the middle of a film: %v", err)
	}
	stuffed := append(append(bytes.Clone(p[:second]), make([]byte, 20)...), p[second:]...)
	if r, err = examine(t, row, append(stuffed, make([]byte, 700)...)); err != nil || r.Verdict != filetype.Consistent || r.Size != int64(len(stuffed)) {
		t.Errorf("zeros between packs: %v of %d, expected %d: %v %v", r.Verdict, r.Size, len(stuffed), r.Findings, err)
	}
	if r, err = examine(t, row, p[:len(p)-100]); err != nil || r.Verdict != filetype.Partial {
		t.Errorf("cut: %v %v", r.Verdict, err)
	}
	for _, head := range []string{"\x00\x00\x01\xBA\x44\x00\x04\x00\x04\x01\x00\x00\x03\xF8", "\x00\x00\x01\xBA\x21\x00\x01\x00\x01\x80\x00\x01"} {
		if n, _, ok := parsePack([]byte(head)); !ok || n != len(head) {
			t.Errorf("%q: %d %v", head, n, ok)
		}
		for _, bit := range []struct{ at, xor int }{{4, 0x80}, {8, 1}, {8, 4}} {
			q := []byte(head)
			q[bit.at] ^= byte(bit.xor)
			if n, _, ok := parsePack(q); ok && n != len(head) {
				t.Errorf("%q: %d", q, n)
			}
		}
	}
}

func TestPreview(t *testing.T) {
	for i, name := range []string{"film.ts", "film.vob"} {
		p, err := Formats()[i].Preview(t.Context(), block.Bytes(files(t)[name]))
		if err != nil || len(p.Facts) != 1 || !strings.HasPrefix(p.Facts[0].Value, "0:0") || len(p.Members) != 2 {
			t.Errorf("%s: %v %v %v", name, p.Facts, p.Members, err)
		}
	}
	p, err := Formats()[2].Preview(t.Context(), block.Bytes(files(t)["film.m2ts"]))
	if err != nil || len(p.Members) != 1 || p.Members[0].Name != "H.264 pictures" {
		t.Errorf("%v %v", p.Members, err)
	}
}

func examine(t testing.TB, f filetype.Format, data []byte) (filetype.Report, error) {
	t.Helper()
	r, err := f.Examine(t.Context(), block.Bytes(data))
	if err == nil {
		if err := filetypetest.Check(f, block.Bytes(data), r); err != nil {
			t.Error(err)
		}
	}
	return r, err
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range Formats() {
			filetypetest.Fuzz(t, row, data)
		}
	})
}

func BenchmarkExamine(b *testing.B) {
	for i, name := range []string{"film.ts", "film.vob"} {
		data := files(b)[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := Formats()[i].Examine(b.Context(), block.Bytes(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
