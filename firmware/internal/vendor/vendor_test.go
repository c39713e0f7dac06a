package vendor

import (
	"context"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// outer is a format whose image is its first 4 bytes, and which has a part in the next 8.
var outer = firmware.Format{Name: "outer", Title: "outer", Open: func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	p, err := cursor.Read(src, "outer", 0, 4, 4)
	if err != nil || string(p) != "OUTR" {
		return nil, cursor.ErrNot
	}
	part := &firmware.Part{Title: "outer"}
	Inside(ctx, src, o, part, "inside", firmware.Program, block.Extent{Offset: 4, Length: 8})
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
		{"OUTROUTR1234", 1, 0, firmware.Program},
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
