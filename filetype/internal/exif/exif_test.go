package exif

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// tiff builds a block with texts in its first directory and in its Exif directory.
func tiff(order binary.AppendByteOrder, main, sub map[uint16]string) []byte {
	head := "II"
	if order.String() == "BigEndian" {
		head = "MM"
	}
	b := order.AppendUint32(order.AppendUint16([]byte(head), 42), 8)
	dir := func(at uint32, texts map[uint16]string, next uint32) []byte {
		n := len(texts)
		if next > 0 {
			n++
		}
		out := order.AppendUint16(nil, uint16(n))
		data := at + 2 + uint32(n)*12 + 4
		var tail []byte
		for tag := range uint16(0xFFFF) {
			s, ok := texts[tag]
			if !ok && !(tag == tagExifIFD && next > 0) {
				continue
			}
			out = order.AppendUint16(out, tag)
			if tag == tagExifIFD {
				out = order.AppendUint32(order.AppendUint32(order.AppendUint16(out, 4), 1), next)
				continue
			}
			out = order.AppendUint32(order.AppendUint16(out, 2), uint32(len(s)+1))
			out = order.AppendUint32(out, data+uint32(len(tail)))
			tail = append(append(tail, s...), 0)
		}
		return append(order.AppendUint32(out, 0), tail...)
	}
	first := dir(8, main, 1)
	next := uint32(8 + len(first))
	b = append(b, dir(8, main, next)...)
	return append(b, dir(next, sub, 0)...)
}

func TestHints(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		b := tiff(order,
			map[uint16]string{tagMake: "Canon", tagModel: "Canon EOS 5D", tagDateTime: "2021:05:06 07:08:09", tagArtist: "Ada Lovelace", tagDescription: "Harbour\nat dawn "},
			map[uint16]string{tagOriginal: "2020:01:02 03:04:05", tagOffsetOrig: "+02:00"})
		h := Hints(b)
		if h.Camera != "Canon EOS 5D" || h.Author != "Ada Lovelace" || h.Title != "Harbour at dawn" {
			t.Errorf("%v: %+v", order, h)
		}
		if want := time.Date(2020, 1, 2, 1, 4, 5, 0, time.UTC); !h.Taken.Equal(want) {
			t.Errorf("%v: taken %v, expected %v", order, h.Taken, want)
		}
		for i := range b {
			Hints(b[:i])
			c := append([]byte(nil), b...)
			c[i] ^= 0xFF
			Hints(c)
		}
	}
	h := Hints(tiff(binary.LittleEndian, map[uint16]string{tagMake: "ACME", tagModel: "X100", tagDateTime: "2021:05:06 07:08:09"}, map[uint16]string{tagOriginal: "0000:00:00 00:00:00"}))
	if h.Camera != "ACME X100" || h.Taken != time.Date(2021, 5, 6, 7, 8, 9, 0, time.UTC) {
		t.Errorf("%+v", h)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"a\x00b": "a", "  x\t\ny ": "x y", "caf\xe9": "café", "\u202Egpj.exe": "gpj.exe", "é": "é",
		strings.Repeat("é", 200): strings.Repeat("é", 128), "a" + strings.Repeat("é", 200): "a" + strings.Repeat("é", 127),
	} {
		if got := Text(in); got != want {
			t.Errorf("%q gives %q, expected %q", in, got, want)
		}
	}
}

func FuzzHints(f *testing.F) {
	f.Add(tiff(binary.LittleEndian, map[uint16]string{tagMake: "Canon"}, map[uint16]string{tagOriginal: "2020:01:02 03:04:05"}))
	f.Add([]byte("MM\x00\x2a\x00\x00\x00\x08\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) { Hints(b) })
}

func TestThumbnail(t *testing.T) {
	le := binary.LittleEndian
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, 14) // the second directory
	b = le.AppendUint16(b, 2)
	for _, e := range [][2]uint32{{513, 44}, {514, 5}} {
		b = le.AppendUint16(le.AppendUint16(b, uint16(e[0])), 4)
		b = le.AppendUint32(le.AppendUint32(b, 1), e[1])
	}
	b = le.AppendUint32(b, 0)
	b = append(b, "JPEG!"...)
	if got := Thumbnail(b); string(got) != "JPEG!" {
		t.Errorf("%q", got)
	}
	for i := range b {
		if got := Thumbnail(b[:i]); got != nil {
			t.Errorf("cut at %d: %q", i, got)
		}
	}
}
