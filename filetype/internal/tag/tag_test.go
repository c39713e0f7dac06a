package tag

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype/internal/exam"
)

// id3 returns a tag of the given version.
func id3(version, flags byte, frames ...string) []byte {
	body := strings.Join(frames, "")
	n := len(body)
	return append([]byte{'I', 'D', '3', version, 0, flags, byte(n >> 21), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}, body...)
}

func TestID3(t *testing.T) {
	cover := "APIC\x00\x00\x00\x16\x00\x00\x00image/png\x00\x03front\x00PNG!"
	tests := []struct {
		name string
		p    []byte
		want Tag
	}{
		{"2.3", id3(3, 0, "TIT2\x00\x00\x00\x05\x00\x00\x00Fug\xE4", "TPE1\x00\x00\x00\x07\x00\x00\x01\xFF\xFEA\x00b\x00", "TALB\x00\x00\x00\x02\x00\x00\x03X", "\x00\x00\x00"),
			Tag{Title: "Fugä", Artist: "Ab", Album: "X"}},
		{"2.4", id3(4, 0, "TDRC\x00\x00\x00\x0B\x00\x00\x032024-05-06", "TIT2\x00\x00\x00\x05\x00\x00\x02\x00A\x00b"), Tag{Title: "Ab", Date: "2024-05-06"}},
		{"2.2", id3(2, 0, "TT2\x00\x00\x03\x00Hi", "TP1\x00\x00\x02\x00B"), Tag{Title: "Hi", Artist: "B"}},
		{"cover", id3(3, 0, cover), Tag{Cover: block.Extent{Offset: 10 + 10 + 18, Length: 4}}},
		{"unsynchronised", id3(3, 0x80, "TPE1\x00\x00\x00\x07\x00\x00\x01\xFF\x00\xFEA\x00b\x00"), Tag{Artist: "Ab"}},
		{"further header", id3(3, 0x40, "\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00", "TIT2\x00\x00\x00\x02\x00\x00\x00q"), Tag{Title: "q"}},
		{"cut", id3(3, 0, "TIT2\x00\x00\x00\x05\x00\x00\x00Fuge")[:23], Tag{Title: "Fu"}},
		{"other", []byte("ID3\x07\x00\x00\x00\x00\x00\x00"), Tag{}},
		{"too long", id3(4, 0x40, "\x7F\x7F\x7F\x7F"), Tag{}},
	}
	for _, tt := range tests {
		got := ID3(tt.p)
		if tt.name == "cover" && string(tt.p[got.Cover.Offset:got.Cover.End()]) != "PNG!" {
			t.Errorf("cover at %v", got.Cover)
		} else if tt.name != "cover" && got != tt.want {
			t.Errorf("%s: %+v, expected %+v", tt.name, got, tt.want)
		}
	}
	if n := ID3Size(id3(4, 0x10, "x")); n != 21 {
		t.Errorf("with a footer: %d", n)
	}
	if n := ID3Size([]byte("ID3\x03\x00\x00\x80\x00\x00\x00")); n != 0 {
		t.Errorf("not a length: %d", n)
	}
}

func TestID3v1(t *testing.T) {
	p := make([]byte, 128)
	copy(p, "TAGSong")
	copy(p[33:], "Somebody")
	copy(p[63:], "Album")
	copy(p[93:], "1999")
	if got := ID3v1(p); got != (Tag{Title: "Song", Artist: "Somebody", Album: "Album", Date: "1999"}) {
		t.Errorf("%+v", got)
	}
	if got := ID3v1(p[:100]); got != (Tag{}) {
		t.Errorf("%+v", got)
	}
}

func le(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func TestAPE(t *testing.T) {
	body := le(3) + le(0) + "Title\x00Abc" + le(2) + le(0) + "Artist\x00xy"
	p := []byte("APETAGEX" + le(2000) + le(len(body)+32) + le(2) + le(-0x60000000) + "12345678" + body)
	if got := APE(p); got.Title != "Abc" || got.Artist != "xy" {
		t.Errorf("%+v", got)
	}
	if n := APESize(p); n != int64(len(body)+64) {
		t.Errorf("%d", n)
	}
	for i := range p {
		APE(p[:i])
		APESize(p[:i])
	}
	if APESize([]byte("APETAGEX"+le(2000)+le(7)+le(0)+le(0)+"12345678")) != 0 {
		t.Error("a size that is none")
	}
}

func TestVorbis(t *testing.T) {
	p := []byte(le(3) + "enc" + le(3) + le(7) + "title=A" + le(8) + "ARTIST=B" + le(100) + "ALBUM=C")
	if got := Vorbis(p); got != (Tag{Title: "A", Artist: "B"}) {
		t.Errorf("%+v", got)
	}
	for i := range p {
		Vorbis(p[:i])
	}
}

func TestHints(t *testing.T) {
	a := Tag{Album: "C", Date: "2024-05-06"}
	a.Merge(Tag{Artist: "B", Album: "D"})
	e := &exam.Exam{Listing: true}
	a.Tell(e)
	if h := e.R.Hints; h.Title != "C" || h.Author != "B" || !h.Taken.Equal(time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)) || len(e.P.Facts) != 3 {
		t.Errorf("%+v %v", h, e.P.Facts)
	}
}

func FuzzTag(f *testing.F) {
	f.Add(id3(3, 0, "TIT2\x00\x00\x00\x05\x00\x00\x00Fuge", "APIC\x00\x00\x00\x16\x00\x00\x00image/png\x00\x03front\x00PNG!"))
	f.Add([]byte("APETAGEX" + le(2000) + le(60) + le(2) + le(0) + "12345678" + le(3) + le(0) + "Title\x00Abc"))
	f.Add([]byte(le(0) + le(1) + le(7) + "title=A"))
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		if c := ID3(p).Cover; c.Offset < 0 || c.Length < 0 {
			t.Errorf("%v", c)
		}
		APE(p)
		APESize(p)
		Vorbis(p)
		ID3v1(p)
		if !bytes.Equal(before, p) {
			t.Error("the bytes were changed")
		}
	})
}
