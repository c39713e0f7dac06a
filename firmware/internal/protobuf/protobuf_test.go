package protobuf

import (
	"fmt"
	"testing"

	"salvor/cursor"
)

func TestFields(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    []byte
		want string // "" for a broken message
	}{
		{"nothing", nil, "[]"},
		{"number", []byte{0x08, 0x96, 0x01}, "[1:150::11]"},
		{"bytes", []byte{0x12, 0x02, 'h', 'i'}, "[2:0:hi:12]"},
		{"empty bytes", []byte{0x12, 0x00}, "[2:0::12]"},
		{"fixed", []byte{0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0}, "[3:1:\x01\x00\x00\x00:11 4:2:\x02\x00\x00\x00\x00\x00\x00\x00:16]"},
		{"field 0", []byte{0x00, 1}, ""},
		{"group", []byte{0x0b}, ""},
		{"no number", []byte{0x08}, ""},
		{"endless number", []byte{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ""},
		{"long", []byte{0x12, 0x03, 'h', 'i'}, ""},
		{"huge", []byte{0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'h'}, ""},
		{"short", []byte{0x1d, 1, 0}, ""},
	} {
		got := []string{}
		err := Fields("message", tt.p, 10, func(n int, v uint64, b []byte, at int64) error {
			got = append(got, fmt.Sprintf("%d:%d:%s:%d", n, v, b, at))
			return nil
		})
		if _, broken := cursor.IsCorrupt(err); broken != (tt.want == "") || !broken && fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %q %v", tt.name, got, err)
		}
	}
}

func FuzzFields(f *testing.F) {
	f.Add([]byte{0x08, 0x96, 0x01, 0x12, 0x02, 'h', 'i'})
	f.Fuzz(func(t *testing.T, p []byte) {
		_ = Fields("message", p, 0, func(n int, _ uint64, b []byte, at int64) error {
			if n <= 0 || at+int64(len(b)) > int64(len(p)) {
				t.Fatal(n, at, len(b))
			}
			return nil
		})
	})
}
