package riff

import (
	"context"
	"encoding/binary"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

func chunk(id string, data string) string {
	p := id + string(binary.LittleEndian.AppendUint32(nil, uint32(len(data)))) + data
	if len(data)%2 == 1 {
		p += "\x00"
	}
	return p
}

// walked returns the names of the chunks of p.
func walked(t testing.TB, p string, end int64) (names string, err error) {
	k := exam.Kind{Format: "RIFF", Walk: func(e *exam.Exam) error {
		err = Each(e, 0, end, func(c Chunk) error {
			names += c.ID + " "
			return e.Each(c.Data(), "data", nil)
		})
		return e.Whole(filetype.Consistent, 1)
	}}
	if _, xerr := k.Examine(context.Background(), block.Bytes([]byte(p))); xerr != nil {
		t.Fatal(xerr)
	}
	return names, err
}

func TestEach(t *testing.T) {
	p := chunk("abcd", "x") + chunk("efgh", "")
	tests := []struct {
		name, p, names string
		end            int64
		broken         bool
	}{
		{"two", p, "abcd efgh ", int64(len(p)), false},
		{"a short end", p + "abc", "abcd efgh ", int64(len(p)) + 3, false},
		{"no padding at the end", "abcd\x01\x00\x00\x00x", "abcd ", 9, false},
		{"too long", chunk("abcd", "xxxx"), "", 11, true},
		{"no name", "\x00\x00\x00\x00\x00\x00\x00\x00", "", 8, true},
	}
	for _, tt := range tests {
		names, err := walked(t, tt.p, tt.end)
		if _, broken := cursor.IsCorrupt(err); names != tt.names || broken != tt.broken || err != nil && !broken {
			t.Errorf("%s: %q, %v", tt.name, names, err)
		}
	}
	if _, err := walked(t, p[:12], int64(len(p))); err == nil {
		t.Error("cut: no error")
	}
}

func TestHead(t *testing.T) {
	for p, want := range map[string]Form{
		"RIFF\x04\x00\x00\x00WAVE": {"RIFF", "WAVE", 12}, "RIFF\x00\x00\x00\x00WAVE": {"RIFF", "WAVE", Open},
		"RF64\xFF\xFF\xFF\xFFWAVE": {"RF64", "WAVE", Open}, "FORM\x04\x00\x00\x00WAVE": {}, "RIFF": {},
	} {
		if f, ok := Head(0, []byte(p)); ok != (want.Type != "") || ok && f != want {
			t.Errorf("%q: %+v %v", p, f, ok)
		}
	}
}
