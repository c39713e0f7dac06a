package vendor

import (
	"bytes"
	"context"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

func TestFilling(t *testing.T) {
	for _, tt := range []struct {
		p     []byte
		value byte
		ok    bool
	}{
		{make([]byte, 10_000), 0, true},
		{bytes.Repeat([]byte{0xFF}, 5000), 0xFF, true},
		{bytes.Repeat([]byte{0x20}, 5000), 0x20, false},
		{append(make([]byte, 9000), 1), 0, false},
		{nil, 0, false},
	} {
		value, ok := Filling(context.Background(), block.Bytes(tt.p), block.Extent{Length: int64(len(tt.p))})
		if ok != tt.ok || value != tt.value {
			t.Errorf("%d bytes: %#x, %v", len(tt.p), value, ok)
		}
	}
	if _, ok := Filling(context.Background(), block.Bytes(make([]byte, 10)), block.Extent{Length: 11}); ok {
		t.Error("the end of the source is filling")
	}
}

// outer is a format whose image is its first 4 bytes, and which has a part in the next 8.
var outer = firmware.Format{Name: "outer", Title: "outer", Open: func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	p, err := cursor.Read(src, "outer", 0, 4, 4)
	if err != nil || string(p) != "OUTR" {
		return nil, cursor.ErrNot
	}
	part := &firmware.Part{Title: "outer"}
	Inside(ctx, src, o, part, "inside", firmware.Program, block.Extent{Offset: 4, Length: 8})
	Behind(ctx, src, o, part, 12)
	return part, nil
}}

func TestParts(t *testing.T) {
	for _, tt := range []struct {
		image    string
		children int
		checks   int
		role     firmware.Role
	}{
		{"OUTR12345678", 1, 0, firmware.Program},
		{"OUTRhsqs5678", 1, 0, firmware.RootFS},
		{"OUTR1234", 1, 1, firmware.Program},
		{"OUTR12345678\xff\xff\xff", 1, 1, firmware.Program},
		{"OUTR12345678rest", 2, 0, firmware.Program},
		{"OUTR12345678OUTR12345678", 2, 0, firmware.Program},
	} {
		p := firmwaretest.Open(t, []byte(tt.image), nil, outer)
		if len(p.Children) != tt.children || len(p.Checks) != tt.checks || p.Children[0].Role != tt.role {
			t.Errorf("%q: %+v", tt.image, p)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"abc\x00def": "abc", "abc \xff\xff": "abc", "": "", "abc": "abc"} {
		if got := Text([]byte(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if r := Role(block.Bytes([]byte("\x27\x05\x19\x56")), 0); r != firmware.Kernel {
		t.Error(r)
	}
	if r := Role(block.Bytes([]byte("ab")), 0); r != "" {
		t.Error(r)
	}
}
