package gpt

import (
	"strings"
	"testing"
)

func TestNotes(t *testing.T) {
	kernel := guid{0x5d, 0x2a, 0x3a, 0xfe, 0x32, 0x4f, 0xa7, 0x41, 0xb7, 0x25, 0xac, 0xcc, 0x32, 0x85, 0xa3, 0x09}
	for _, c := range []struct {
		kind       guid
		attributes uint64
		want       string
	}{
		{kernel, 1<<48 | 1<<56, "priority 1, 0 tries left, booted before"},
		{kernel, 2<<48 | 15<<52, "priority 2, 15 tries left, never booted"},
		{linuxType, 5, "required by the platform, legacy bootable"},
		{linuxType, 1<<60 | 1<<63, "read-only, not mounted by itself"},
		{linuxType, 0, ""},
	} {
		if got := strings.Join(notes(slot{kind: c.kind, attributes: c.attributes}), ", "); got != c.want {
			t.Errorf("%x: got %q, want %q", c.attributes, got, c.want)
		}
	}
}
