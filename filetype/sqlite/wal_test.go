package sqlite

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

func logs(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.db-*")
}

// frames returns the places where a log may end: behind each frame, and before it can be told that another begins.
func frames(data []byte, round bool) (ends []int64) {
	page := int64(binary.BigEndian.Uint32(data[8:]))
	for at := int64(walHeader); at <= int64(len(data)); at += page + walFrame {
		stale := at < int64(len(data)) && string(data[at+8:at+16]) != string(data[16:24])
		for n := range int64(16) {
			ends = append(ends, at+n)
		}
		if stale && round { // a cut frame of an earlier round is what follows the end
			for n := range page + walFrame {
				ends = append(ends, at+n)
			}
		}
	}
	return ends
}

func TestLogSuite(t *testing.T) {
	for name, data := range logs(t) {
		if !strings.HasSuffix(name, "-wal") {
			continue
		}
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Proven, Head: walHeader, Ends: frames(data, true), Extension: "sqlite-wal"}
		filetypetest.Run(t, logFormat(), []filetypetest.Sample{s})
	}
}

func TestLogRounds(t *testing.T) {
	data := logs(t)["again.db-wal"]
	r, err := walKind.Examine(t.Context(), block.Bytes(data))
	if err != nil || r.Size != int64(len(data)) || r.Uncovered.Empty() {
		t.Errorf("%+v %v", r, err)
	}
	one := bytes.Clone(logs(t)["one.db-wal"])
	one[walHeader+walFrame+700] ^= 1
	r, err = walKind.Examine(t.Context(), block.Bytes(one))
	if err != nil || r.Verdict != filetype.Damaged || r.GoodUntil != walHeader+536 || !strings.Contains(r.Findings[1].Text, "1 frames") {
		t.Errorf("%+v %v", r, err)
	}
	// A log of the other byte order sums its words so, and passes.
	swapped := bytes.Clone(logs(t)["one.db-wal"][:walHeader])
	swapped[3] |= 1
	sum := sums{order: binary.BigEndian}
	sum.add(swapped[:24])
	binary.BigEndian.PutUint32(swapped[24:], sum.s0)
	binary.BigEndian.PutUint32(swapped[28:], sum.s1)
	if r, err := walKind.Examine(t.Context(), block.Bytes(swapped)); err != nil || r.Verdict != filetype.Proven || r.Size != walHeader {
		t.Errorf("%+v %v", r, err)
	}
}

func TestJournalSuite(t *testing.T) {
	data := logs(t)["hot.db-journal"]
	s := filetypetest.Sample{Name: "hot", Data: data, Verdict: filetype.Consistent, Extension: "sqlite-journal"}
	// It may end where a segment does, and before it can be told that another begins.
	last := 0
	for {
		i := bytes.Index(data[last+1:], []byte(journalMagic))
		if i < 0 {
			break
		}
		last += i + 1
		for n := last - 512; n < last+512; n++ {
			s.Ends = append(s.Ends, int64(n))
		}
	}
	// The last segment was not synced: nobody knows how many pages it has.
	for n := last + 512*int(binary.BigEndian.Uint32(data[last+8:])); n < len(data); n++ {
		s.Ends = append(s.Ends, int64(n))
	}
	filetypetest.Run(t, journalFormat(), []filetypetest.Sample{s})
}

func TestPreview(t *testing.T) {
	b, err := os.ReadFile("testdata/p1024.db")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(b))
	if err != nil || len(p.Members) < 2 {
		t.Fatalf("%+v %v", p, err)
	}
	for _, m := range p.Members {
		if m.Name == "" || !strings.HasSuffix(m.Note, " rows") {
			t.Errorf("%+v", m)
		}
	}
	p, err = logFormat().Preview(t.Context(), block.Bytes(logs(t)["one.db-wal"]))
	if err != nil || len(p.Facts) != 3 {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := Formats()[0].Preview(t.Context(), block.Bytes([]byte("x"))); err != filetype.ErrNot {
		t.Error(err)
	}
}

func FuzzLogs(f *testing.F) {
	for _, data := range logs(f) {
		f.Add(data)
	}
	rows := Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			_, _ = row.Preview(t.Context(), block.Bytes(data))
		}
	})
}
