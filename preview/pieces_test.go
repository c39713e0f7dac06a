package preview

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"salvor/block"
	"salvor/filetype"
)

// with makes the bytes of lost unreadable.
func with(p []byte, lost block.Extent) block.Source {
	return block.Join(block.Bytes(p), []block.Run{{Length: lost.Offset}, {Logical: lost.Offset, Length: lost.Length, Kind: block.Lost},
		{Logical: lost.End(), Physical: lost.End(), Length: int64(len(p)) - lost.End()}}, int64(len(p)))
}

func utf16Of(s string, order binary.AppendByteOrder) (p []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		p = order.AppendUint16(p, u)
	}
	return p
}

// TestTextOverPages reads long texts page by page, and gets each character once.
func TestTextOverPages(t *testing.T) {
	long := strings.Repeat("Zwölf größere 😀 日本 lines\n", 4000)
	for name, p := range map[string][]byte{
		"UTF-8":                                 []byte(long),
		"UTF-8 with a mark":                     []byte("\xef\xbb\xbf" + long),
		"UTF-16, little-endian":                 append([]byte{0xff, 0xfe}, utf16Of(long, binary.LittleEndian)...),
		"UTF-16, big-endian":                    append([]byte{0xfe, 0xff}, utf16Of(long, binary.BigEndian)...),
		"UTF-16, little-endian, without a mark": utf16Of(strings.Repeat("plain words and ümlauts 😀\n", 4000), binary.LittleEndian),
	} {
		want := long
		if strings.Contains(name, "without") {
			want = strings.Repeat("plain words and ümlauts 😀\n", 4000)
		}
		var got strings.Builder
		for at, n := int64(0), 0; at >= 0; n++ {
			page, ok := TextAt(block.Bytes(p), at)
			if !ok || page.Encoding != name || page.Offset != at || n > 100 {
				t.Fatalf("%s: %d: %+v, %v", name, at, page.Encoding, ok)
			}
			for _, piece := range page.Pieces {
				got.WriteString(piece.Text)
			}
			at = page.Next
		}
		if got.String() != want {
			t.Errorf("%s: %d bytes, want %d", name, got.Len(), len(want))
		}
	}
}

// TestTextWithHoles marks what cannot be read, wherever it is, and never fills it.
func TestTextWithHoles(t *testing.T) {
	p := []byte(strings.Repeat("0123456789abcde\n", 200))
	for _, lost := range []block.Extent{{Offset: 512, Length: 512}, {Offset: 0, Length: 512}, {Offset: 3000, Length: 200}, {Offset: 100, Length: 1}} {
		page, ok := TextAt(with(p, lost), 0)
		if !ok || page.Next != -1 {
			t.Fatalf("%v: %+v", lost, page)
		}
		var said strings.Builder
		for _, piece := range page.Pieces {
			if piece.Lost.Length == 0 {
				said.WriteString(piece.Text)
			} else {
				fmt.Fprintf(&said, "<%d+%d>", piece.Lost.Offset, piece.Lost.Length)
			}
		}
		want := string(p[:lost.Offset]) + fmt.Sprintf("<%d+%d>", lost.Offset, lost.Length) + string(p[lost.End():])
		if said.String() != want {
			t.Errorf("%v: %q", lost, said.String())
		}
	}
	if _, ok := TextAt(with(p, block.Extent{Length: int64(len(p))}), 0); ok {
		t.Error("a text of nothing")
	}
	if _, ok := TextAt(block.Bytes([]byte{0, 1, 2, 3, 0xff, 0, 0, 1}), 0); ok {
		t.Error("bytes are text")
	}
	if page, ok := TextAt(block.Bytes(p), 1<<60); !ok || page.Offset != 0 {
		t.Errorf("%+v", page)
	}
}

// TestRowsAreGuarded asks a reader that fails for rows.
func TestRowsAreGuarded(t *testing.T) {
	src := block.Bytes([]byte("x"))
	format := &filetype.Format{Name: "x", Rows: func(context.Context, block.Source, int, int) (filetype.Rows, error) { panic("boom") }}
	if _, found, err := RowsOf(t.Context(), format, src, 0, 0); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	format.Rows = func(context.Context, block.Source, int, int) (filetype.Rows, error) {
		return filetype.Rows{Values: make([][]string, 5000), Columns: make([]string, 5000)}, errors.New("broken")
	}
	if r, found, err := RowsOf(t.Context(), format, src, 0, 0); err != nil || len(found) != 1 || len(r.Values) != filetype.MaxRows || len(r.Columns) != filetype.MaxColumns {
		t.Errorf("%d rows, %v, %v", len(r.Values), found, err)
	}
	if r, found, err := RowsOf(t.Context(), nil, src, 0, 0); err != nil || len(found) != 0 || len(r.Values) != 0 {
		t.Errorf("%+v, %v, %v", r, found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := RowsOf(ctx, format, src, 0, 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
