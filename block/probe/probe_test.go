package probe_test

import (
	"strings"
	"testing"

	"salvor/block/probe"
)

func TestValidate(t *testing.T) {
	ok := probe.Probe{ID: "a.b", Bytes: []byte("ab")}
	change := func(f func(*probe.Probe)) probe.Probe { p := ok; f(&p); return p }
	for _, tt := range []struct {
		name string
		p    probe.Probe
		want string // "" when valid
	}{
		{"least", ok, ""},
		{"longest", change(func(p *probe.Probe) { p.Bytes = make([]byte, probe.MaxBytes) }), ""},
		{"farthest", change(func(p *probe.Probe) { p.At = probe.MaxAt }), ""},
		{"mask", change(func(p *probe.Probe) { p.Mask = []byte{0xFF, 0} }), ""},
		{"no ID", change(func(p *probe.Probe) { p.ID = "" }), "no ID"},
		{"one byte", change(func(p *probe.Probe) { p.Bytes = []byte{1} }), "1 bytes"},
		{"too long", change(func(p *probe.Probe) { p.Bytes = make([]byte, probe.MaxBytes+1) }), "65 bytes"},
		{"short mask", change(func(p *probe.Probe) { p.Mask = []byte{1} }), "mask"},
		{"empty mask", change(func(p *probe.Probe) { p.Mask = []byte{} }), "mask"},
		{"too far", change(func(p *probe.Probe) { p.At = probe.MaxAt + 1 }), "at 1048577"},
		{"negative place", change(func(p *probe.Probe) { p.At = -1 }), "at -1"},
		{"negative alignment", change(func(p *probe.Probe) { p.Align = -512 }), "alignment"},
	} {
		err := tt.p.Validate()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	plain := probe.Probe{Bytes: []byte{1, 2}}
	masked := probe.Probe{Bytes: []byte{0xFF, 0xE3}, Mask: []byte{0xFF, 0xF0}}
	for _, tt := range []struct {
		p    *probe.Probe
		b    []byte
		want bool
	}{
		{&plain, []byte{1, 2, 3}, true},
		{&plain, []byte{1, 3}, false},
		{&plain, []byte{1}, false},
		{&plain, nil, false},
		{&masked, []byte{0xFF, 0xEE}, true},
		{&masked, []byte{0xFF, 0xDE}, false},
	} {
		if got := tt.p.Matches(tt.b); got != tt.want {
			t.Errorf("%x matches %x: %v", tt.p.Bytes, tt.b, got)
		}
	}
}

func TestAligned(t *testing.T) {
	for _, tt := range []struct {
		align, off int64
		want       bool
	}{{0, 7, true}, {1, 7, true}, {512, 0, true}, {512, 1024, true}, {512, 7, false}, {512, -1024, true}} {
		if got := (&probe.Probe{Align: tt.align}).Aligned(tt.off); got != tt.want {
			t.Errorf("align %d, offset %d: %v", tt.align, tt.off, got)
		}
	}
}
