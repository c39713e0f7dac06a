package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

func part(t *testing.T, p *firmware.Part, name string) *firmware.Part {
	t.Helper()
	i := slices.IndexFunc(p.Children, func(c *firmware.Part) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no part %q", name)
	}
	return p.Children[i]
}

func content(t *testing.T, p *firmware.Part) []byte {
	t.Helper()
	b, err := io.ReadAll(block.Reader(p.Source))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFull puts partitions together from every type of operation that needs no old content.
func TestFull(t *testing.T) {
	a, _, _ := keys(t)
	boot, system, file := full(t, &maker{rsa: a})
	p := firmwaretest.Open(t, file, nil, Format())
	if p.Format != "android-payload" || p.Title != "Android update payload, full, 2 partitions, security patches of 2025-06-05" || p.Announced != int64(len(file)) {
		t.Errorf("%q %q %d of %d", p.Format, p.Title, p.Announced, len(file))
	}
	if got := content(t, part(t, p, "system")); !bytes.Equal(got, system) {
		t.Errorf("system is another, %d bytes of %d: %+v", len(got), len(system), part(t, p, "system").Checks)
	}
	if got := part(t, p, "boot"); !bytes.Equal(content(t, got), boot) || got.Role != firmware.Kernel || got.Version != "1700000000" || len(got.Installs) != 1 || got.Installs[0].Needs != 12288 {
		t.Errorf("boot: %v %q %+v", got.Role, got.Version, got.Installs)
	}
	if len(p.Installs) != 1 || p.Installs[0] != (firmware.Install{Where: "super", Needs: int64(len(system)), During: 12345}) {
		t.Errorf("%+v", p.Installs)
	}
	if len(p.Claims) != 1 || p.Claims[0].Kind != firmware.NewerThanBuild || p.Claims[0].Values[0] != "1750000000" {
		t.Errorf("%+v", p.Claims)
	}
	// Nothing but a signature covers the manifest.
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	o := firmwaretest.Options{Keys: given("a", &a.PublicKey)}
	o.Blind = firmwaretest.Open(t, file, o.Keys, Format()).Uncovered()
	if o.Blind.Bytes() > 600 { // the two lists of signatures
		t.Errorf("uncovered: %v", o.Blind.Extents())
	}
	firmwaretest.Run(t, file, firmwaretest.Options{Blind: metadata(file)}, Format())
}

// metadata is what only a signature covers: a changed byte in it can be anything.
func metadata(file []byte) block.Set {
	n := int64(binary.BigEndian.Uint64(file[12:])) + int64(binary.BigEndian.Uint32(file[20:])) + 24
	return block.SetOf(block.Extent{Length: n}, block.Between(int64(len(file))-300, int64(len(file))))
}

// TestSignatures checks both lists of signatures with the right key, with others and without one.
func TestSignatures(t *testing.T) {
	a, b, c := keys(t)
	_, _, file := full(t, &maker{rsa: a, other: b})
	_, _, curve := full(t, &maker{ec: c})
	n := int(binary.BigEndian.Uint64(file[12:]))
	for _, tt := range []struct {
		name   string
		file   []byte
		keys   []firmware.Key
		change int
		answer firmware.Answer
		whole  firmware.Answer
		reason string
	}{
		{"right key", file, given("a", &a.PublicKey), -1, firmware.OK, firmware.CannotTell, "fits the key a"},
		{"the other of two keys", file, given("b", &b.PublicKey), -1, firmware.OK, firmware.CannotTell, "fits the key b"},
		{"elliptic curve", curve, given("c", &c.PublicKey), -1, firmware.OK, firmware.CannotTell, "ECDSA"},
		{"elliptic curve and others", curve, given("ac", &a.PublicKey, &c.PublicKey), -1, firmware.OK, firmware.CannotTell, "ECDSA"},
		{"wrong key", curve, given("a", &a.PublicKey), -1, firmware.CannotTell, firmware.CannotTell, ""},
		{"no key", file, nil, -1, firmware.CannotTell, firmware.CannotTell, "no key was given"},
		{"manifest changed", file, given("a", &a.PublicKey), 24 + n - 3, firmware.No, firmware.No, "the metadata"},
		{"data changed", file, given("a", &a.PublicKey), len(file) - 600, firmware.No, firmware.No, "the whole payload"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := bytes.Clone(tt.file)
			if tt.change >= 0 {
				f[tt.change] ^= 1
			}
			p := firmwaretest.Open(t, f, tt.keys, Format())
			v := firmware.Genuine(p)
			if v.Answer != tt.answer || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.reason) {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if w := firmware.Whole(p); w.Answer != tt.whole && tt.change < 0 {
				t.Errorf("whole: %v %q", w.Answer, w.Reasons)
			}
		})
	}
	stranger := bytes.Clone(file) // none of the signatures is by the key that was given
	_, _, only := full(t, &maker{rsa: b})
	if v := firmware.Genuine(firmwaretest.Open(t, only, given("a", &a.PublicKey), Format())); v.Answer != firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if len(stranger) != len(file) {
		t.Error("changed")
	}
}

// TestReasons names the partition in which a file ends, and the operation whose data is another.
func TestReasons(t *testing.T) {
	a, _, _ := keys(t)
	_, _, file := full(t, &maker{rsa: a})
	p, err := Read(block.Bytes(file))
	if err != nil {
		t.Fatal(err)
	}
	o := p.Partitions[0].Operations[1]
	at := p.Base + o.Data.Offset + 30
	v := firmware.Whole(firmwaretest.Open(t, file[:at], nil, Format()))
	if v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "data of system of") || !strings.Contains(v.Reasons[0], "cut off") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v = firmware.Whole(firmwaretest.Open(t, file[:100], nil, Format())); v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "manifest of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	bad := bytes.Clone(file)
	bad[at] ^= 1
	q := firmwaretest.Open(t, bad, nil, Format())
	if v = firmware.Whole(q); v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "data of system, REPLACE_XZ at ") || len(v.Reasons) != 2 {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if got := part(t, q, "boot"); got.Size != 12288 || got.Checks[0].State != firmware.Passed {
		t.Error("what is not damaged is not found")
	}
	broken := bytes.Clone(file)
	broken[24] = 0x0F // a wire type that is none
	if v = firmware.Whole(firmwaretest.Open(t, broken, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "a wire type that is known") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestGroups tells when logical partitions are more than their group may take.
func TestGroups(t *testing.T) {
	m := &maker{}
	x := firmwaretest.Noise(8192, 1)
	m.partition("vendor", nil, x, m.op(Replace, x, blocks(0, 2)))
	m.groups = message(nil).bytes(1, message(nil).bytes(1, []byte("g")).number(2, 4096).bytes(3, []byte("vendor")))
	m.manifest = m.manifest.number(16, 1)
	p := firmwaretest.Open(t, m.file(t), nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "group g of logical partitions") || !strings.Contains(v.Reasons[0], "at most 4096 bytes, found 8192 bytes") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if !slices.ContainsFunc(p.Findings, func(f finding.Finding) bool { return f.Code == "payload.partial" }) || !strings.Contains(p.Title, "partial") {
		t.Errorf("%q %v", p.Title, p.Findings)
	}
}

// TestOperations refuses operations that leave a hole, overlap, or make too much.
func TestOperations(t *testing.T) {
	x := firmwaretest.Noise(16384, 1)
	for _, tt := range []struct {
		name string
		ops  func(m *maker) []message
	}{
		{"hole", func(m *maker) []message {
			return []message{m.op(Replace, x[:4096], blocks(0, 1)), m.op(Replace, x[8192:], blocks(2, 2))}
		}},
		{"overlap", func(m *maker) []message {
			return []message{m.op(Replace, x[:8192], blocks(0, 2)), m.op(Replace, x[4096:], blocks(1, 3))}
		}},
		{"too short", func(m *maker) []message { return []message{m.op(Replace, x[:8192], blocks(0, 2))} }},
		{"too much data", func(m *maker) []message {
			return []message{m.op(Replace, x, blocks(0, 2)), m.op(Zero, nil, blocks(2, 2))}
		}},
		{"too much comes out", func(m *maker) []message {
			return []message{m.op(ReplaceXZ, packed(t, ReplaceXZ, make([]byte, 1<<20)), blocks(0, 4))}
		}},
		{"not packed", func(m *maker) []message { return []message{m.op(ReplaceBzip2, x, blocks(0, 4))} }},
	} {
		m := &maker{}
		ops := tt.ops(m)
		m.partition("p", nil, x, ops...)
		if v := firmware.Whole(firmwaretest.Open(t, m.file(t), nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "content of partition") {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

// TestComputed leaves a partition whose hash tree the device computes, and puts it together when operations make it.
func TestComputed(t *testing.T) {
	x := firmwaretest.Noise(16384, 1)
	for _, made := range []bool{false, true} {
		m := &maker{}
		ops := []message{m.op(Replace, x[:8192], blocks(0, 2))}
		if made {
			ops = append(ops, m.op(Replace, x[8192:], blocks(2, 2)))
		}
		x13 := message(nil).bytes(1, []byte("system")).bytes(7, info13(x)).bytes(11, message(nil).number(1, 2).number(2, 2))
		for _, o := range ops {
			x13 = x13.bytes(8, o)
		}
		m.manifest = message(nil).bytes(13, x13)
		p := part(t, firmwaretest.Open(t, m.file(t), nil, Format()), "system")
		if (len(p.Findings) == 0) != made || (len(p.Checks) == 1 && p.Checks[0].State == firmware.Passed) != made {
			t.Errorf("%v: %v %+v", made, p.Findings, p.Checks)
		}
	}
}

func TestLook(t *testing.T) {
	for seed := range uint64(2000) {
		p := firmwaretest.Noise(64, seed)
		copy(p, "CrAU")
		if _, err := look(context.Background(), block.Bytes(p)); err == nil {
			t.Fatal("random bytes are a payload")
		}
	}
}

// TestDelta says what the old content must be.
func TestDelta(t *testing.T) {
	old, x := firmwaretest.Noise(8192, 1), firmwaretest.Noise(8192, 2)
	m := &maker{}
	m.partition("boot", old, x, extent(4, m.op(SourceCopy, nil, blocks(0, 1)), blocks(1, 1)), m.op(Replace, x[4096:], blocks(1, 1)))
	p := firmwaretest.Open(t, m.file(t), nil, Format())
	b := part(t, p, "boot")
	sum := sha256.Sum256(old)
	if len(b.Findings) != 1 || b.Findings[0].Code != "payload.needs-old" || b.Findings[0].Expected != hex.EncodeToString(sum[:]) || !strings.Contains(b.Findings[0].Text, "1 of 2 operations need the other slot") {
		t.Errorf("%v", b.Findings)
	}
	if v := firmware.Whole(p); v.Answer == firmware.No || !strings.Contains(p.Title, "delta") {
		t.Errorf("%v %q", v, p.Title)
	}
}

func FuzzOpen(f *testing.F) {
	a, b, c := keys(f)
	_, _, file := full(f, &maker{rsa: a, other: b, ec: c})
	f.Add(file)
	m := &maker{}
	m.partition("boot", []byte("old"), []byte("new"), extent(4, m.op(SourceCopy, nil, blocks(0, 1)), blocks(1, 1)))
	f.Add(m.file(f))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatal(x.Name, x.Offset, x.Size)
			}
			return true
		})
	})
}
