package ubootenv

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

func TestFormat(t *testing.T) {
	p := mkenvimage(t, variables, 0x2000)
	part := firmwaretest.Open(t, p, nil, Format())
	if part.Format != "ubootenv" || part.Title != "U-Boot environment, 10 variables" || part.Role != firmware.Package || part.Announced != 0x2000 || firmware.Whole(part).Answer != firmware.OK {
		t.Errorf("%+v %v", part, firmware.Whole(part))
	}
	if len(part.Claims) != 2 || part.Claims[0].Values[0] != "acme,router-3" || part.Claims[1].Kind != firmware.Hardware || part.Claims[1].Values[0] != "2" {
		t.Errorf("%+v", part.Claims)
	}
	if len(firmware.Warnings(part)) != 0 {
		t.Error(firmware.Warnings(part))
	}
	// What breaks a variable leaves no list that is one, so that it is no environment any more.
	firmwaretest.Run(t, p, firmwaretest.Options{}, Format())
	padded := append(bytes.Clone(p), bytes.Repeat([]byte{0xFF}, 0x6000)...)
	if v := firmware.Whole(firmwaretest.Open(t, padded, nil, Format())); v.Answer != firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestUnique warns of addresses that only one unit has.
func TestUnique(t *testing.T) {
	for _, name := range []string{"ethaddr", "eth1addr", "serial#", "wlanaddr"} {
		part := firmwaretest.Open(t, mkenvimage(t, variables+name+"=00:11:22:33:44:55\n", 0x2000), nil, Format())
		if w := firmware.Warnings(part); len(w) != 1 || !strings.Contains(w[0], "this one unit") {
			t.Errorf("%s: %q", name, w)
		}
	}
}

// TestTwo tells which of two copies is in force, and which one is torn.
func TestTwo(t *testing.T) {
	d := newPair(t, 0x2000)
	d.set(t, "bootcount", "1")
	d.set(t, "bootcount", "2")
	p := d.get(t)
	part := firmwaretest.Open(t, p, nil, Format())
	if len(part.Children) != 2 || !strings.Contains(part.Children[0].Title, "in force: their flags are") || strings.Contains(part.Children[1].Title, "in force") {
		t.Fatalf("%+v", part.Children)
	}
	if v := firmware.Whole(part); v.Answer != firmware.CannotTell || len(v.Reasons) != 2 || !strings.Contains(v.Reasons[0], "flag of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	flags := block.SetOf(block.Extent{Offset: 4, Length: 1}, block.Extent{Offset: 0x2004, Length: 1})
	firmwaretest.Run(t, p, firmwaretest.Options{Blind: flags, Short: func(n int64) bool { return n == 0x2000 }, Flips: 200}, Format())
	p[0x40] ^= 1
	part = firmwaretest.Open(t, p, nil, Format())
	if v := firmware.Whole(part); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "copy at 0x0") || !strings.Contains(part.Children[1].Title, "in force: the sum of the first does not fit") {
		t.Errorf("%v %q %q", v.Answer, v.Reasons, part.Children[1].Title)
	}
}

// TestLook sees an environment where its sum fits, or where all looks like one; and none in what is built into U-Boot.
func TestLook(t *testing.T) {
	ctx := context.Background()
	good := mkenvimage(t, variables, 0x2000)
	if s, err := look(ctx, block.Bytes(good)); err != nil || s.Size != 0x2000 || s.Name != "acme,router-3" {
		t.Errorf("%+v %v", s, err)
	}
	large := mkenvimage(t, variables, 0x40000)
	if s, err := look(ctx, block.Bytes(large)); err != nil || s.Size != 0 {
		t.Errorf("%+v %v", s, err)
	}
	builtIn := append(append([]byte("code"), strings.ReplaceAll(variables, "\n", "\x00")...), firmwaretest.Noise(4000, 1)...)
	if s, err := look(ctx, block.Bytes(builtIn)); !errors.Is(err, cursor.ErrNot) {
		t.Errorf("%+v %v", s, err)
	}
	for seed := range uint64(2000) {
		p := firmwaretest.Noise(2048, seed)
		copy(p[4:], "bootcmd=")
		if s, err := look(ctx, block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatalf("%+v %v", s, err)
		}
	}
	seen := map[string]bool{}
	for _, p := range Format().Probes {
		if err := p.Validate(); err != nil || seen[p.ID] {
			t.Errorf("%s: %v", p.ID, err)
		}
		seen[p.ID] = true
	}
	if !matches(Format().Probes, good) {
		t.Error("no probe finds it")
	}
}

func matches(probes []probe.Probe, p []byte) bool {
	for _, x := range probes {
		if bytes.Equal(p[x.At:x.At+int64(len(x.Bytes))], x.Bytes) {
			return true
		}
	}
	return false
}
