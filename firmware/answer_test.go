package firmware

import (
	"context"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
)

func TestCompareVersions(t *testing.T) {
	order := []string{"", "0.9", "1.0-alpha", "1.0-rc1", "1.0~rc2", "1.0", "1.0a", "1.0.1", "1.2", "1.10", "2", "10.0", "2021.01", "2021.02.1"}
	for i, a := range order[1:] {
		for j, b := range order[1:] {
			c := CompareVersions(a, b)
			if a == "1.0~rc2" || b == "1.0~rc2" { // a tilde stands before any word
				continue
			}
			if c < 0 != (i < j) || c > 0 != (i > j) {
				t.Errorf("%q and %q: %d", a, b, c)
			}
		}
	}
	for _, same := range [][2]string{{"v1.2.3", "1.2.3"}, {"1.0", "1"}, {"01.002", "1.2"}, {" 2.0 ", "V2"}} {
		if c := CompareVersions(same[0], same[1]); c != 0 {
			t.Errorf("%q and %q: %d", same[0], same[1], c)
		}
	}
	if CompareVersions("1.0~rc2", "1.0") >= 0 || CompareVersions("1.0~rc2", "0.9") <= 0 {
		t.Error("a tilde")
	}
}

func TestWhole(t *testing.T) {
	part := func(size int64, checks ...Check) *Part { return &Part{Name: "p", Size: size, Checks: checks} }
	over := func(off, n int64) block.Extent { return block.Extent{Offset: off, Length: n} }
	good := Sum32("data", "CRC-32", over(0, 100), 7, 7)
	inner := part(100)
	inner.Children = []*Part{{Offset: 10, Size: 90, Checks: []Check{Sum32("data", "CRC-32", over(0, 90), 1, 1)}}}
	inner.Checks = []Check{Sum32("header", "CRC-32", over(0, 10), 1, 1)}
	unpacked := part(100)
	unpacked.Children = []*Part{{Size: 100, Unpacked: true, Checks: []Check{good}}}
	around := func(unpacked bool, cannot block.Extent) *Part {
		p := part(100, good)
		p.Children = []*Part{{Offset: 10, Size: 90, Unpacked: unpacked, Checks: []Check{{What: "tree", Method: "sum", State: Cannot, Extent: cannot, Why: "it has no sum"}}}}
		return p
	}
	for _, tt := range []struct {
		name string
		p    *Part
		want Answer
		says string
	}{
		{"whole", part(100, good), OK, "fits"},
		{"parts cover it", inner, OK, "fits"},
		{"a byte more", part(101, good), CannotTell, "1 of 101 bytes"},
		{"unused bytes need no check", &Part{Size: 104, Checks: []Check{good}, Unused: block.SetOf(over(100, 9))}, OK, "fits"},
		{"unused bytes alone", &Part{Size: 4, Unused: block.SetOf(over(0, 4))}, CannotTell, "no check"},
		{"nothing", part(100), CannotTell, "no check"},
		{"failed", part(100, good, Sum32("header", "CRC-32", over(0, 4), 1, 2)), No, "expected 00000001, found 00000002"},
		{"cut", part(100, Cut("data", 200, 100)), No, "cut off"},
		{"not checked", part(100, good, Check{What: "x", Method: "SHA-9", State: Cannot, Why: "unknown"}), CannotTell, "unknown"},
		{"weak", part(100, Check{What: "sum", Method: "8 bit", State: Passed, Extent: over(0, 100)}), CannotTell, "100 of 100"},
		{"only what came out", unpacked, CannotTell, "100 of 100"},
		{"a sum around what cannot be checked", around(false, over(0, 90)), OK, "fits"},
		{"a sum around what it came out of", around(true, over(0, 90)), OK, "fits"},
		{"what cannot be checked stands elsewhere", around(false, block.Extent{}), CannotTell, "no sum"},
	} {
		if v := Whole(tt.p); v.Answer != tt.want || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.says) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

func TestGenuine(t *testing.T) {
	sig := func(s State) Signature {
		return Signature{What: "all", Method: "RSA", Signer: "CN=me", NotAfter: "2030", Weak: "SHA-1", State: s, Key: "k.pem", Why: "because"}
	}
	for _, tt := range []struct {
		name string
		list []Signature
		want Answer
		says string
	}{
		{"none", nil, CannotTell, "no signature"},
		{"good", []Signature{sig(Passed)}, OK, "fits the key k.pem"},
		{"bad", []Signature{sig(Passed), sig(Failed)}, No, "does not fit"},
		{"no key", []Signature{sig(Cannot)}, CannotTell, "without the maker's key"},
		{"one of two", []Signature{sig(Passed), sig(Cannot)}, CannotTell, "weak: SHA-1"},
	} {
		if v := Genuine(&Part{Signatures: tt.list}); v.Answer != tt.want || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.says) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

// A signature counts for what it covers.
func TestGenuineWithin(t *testing.T) {
	sig := func(s State, partial bool) []Signature {
		return []Signature{{What: "all", Method: "RSA", State: s, Key: "k.pem", Why: "another key", Partial: partial}}
	}
	part := func(list []Signature, children ...*Part) *Part {
		return &Part{Name: "p", Size: 10, Signatures: list, Children: children}
	}
	for _, tt := range []struct {
		name string
		p    *Part
		want Answer
		says string
	}{
		{"inner keys are others'", part(sig(Passed, false), part(sig(Failed, false)), part(sig(Cannot, false))), OK, "covers it"},
		{"only a part of the outer", part(sig(Passed, true), part(sig(Failed, false))), No, "does not fit"},
		{"all of what it holds", part(nil, part(sig(Passed, false)), part(sig(Passed, false))), OK, "k.pem"},
		{"one of what it holds", part(nil, part(sig(Passed, false)), part(nil)), CannotTell, "no signature covers"},
		{"a signature needs none", part(nil, part(sig(Passed, false)), &Part{Role: Signed, Size: 4}), OK, "k.pem"},
		{"partial alone", part(sig(Passed, true)), CannotTell, "no signature covers"},
	} {
		if v := Genuine(tt.p); v.Answer != tt.want || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.says) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

func TestFits(t *testing.T) {
	claim := func(kind ClaimKind, values ...string) Claim { return Claim{kind, values} }
	device := &Device{
		Facts:  []Fact{{Board, "Acme,Router-3", "etc/board.json"}, {Installed, "2.4.0", "etc/os-release"}, {Hardware, "rev2", "label"}, {FlashSize, "16777216", "table"}, {Rollback, "5", "fuse"}, {CompatVersion, "1.1", "uci"}, {LeastAllowed, "2.0", "record"}, {Chip, "esp32s3", "label"}, {USB, "1209:2301", "label"}},
		Spaces: []Space{{Name: "rootfs", Size: 1000, From: "partition 2"}, {Name: "sys_a", Size: 900}, {Name: "sys_b", Size: 800}},
		Temp:   500,
	}
	for _, tt := range []struct {
		name     string
		claims   []Claim
		installs []Install
		version  string
		want     Answer
		says     string
	}{
		{"the model", []Claim{claim(Compatible, "other", "acme,router-3")}, nil, "", OK, "router-3"},
		{"another model", []Claim{claim(Board, "acme,router-4")}, nil, "", No, "router-4, the device has Acme,Router-3"},
		{"nothing", nil, nil, "", CannotTell, "does not say"},
		{"no model", []Claim{claim(Hardware, "rev2")}, nil, "", CannotTell, "names the model"},
		{"another revision", []Claim{claim(Board, "acme,router-3"), claim(Hardware, "rev1")}, nil, "", No, "rev1"},
		{"unknown region", []Claim{claim(Board, "acme,router-3"), claim(Region, "EU")}, nil, "", CannotTell, "not known"},
		{"a step between", []Claim{claim(Board, "acme,router-3"), claim(LeastVersion, "2.5")}, nil, "", No, "2.5"},
		{"reached", []Claim{claim(Board, "acme,router-3"), claim(LeastVersion, "2.3.9")}, nil, "3.0", OK, "newer"},
		{"another source", []Claim{claim(Board, "acme,router-3"), claim(ExactSource, "2.3")}, nil, "", No, "2.3"},
		{"rollback", []Claim{claim(Board, "acme,router-3"), claim(Rollback, "4")}, nil, "", No, "rollback"},
		{"flash", []Claim{claim(Board, "acme,router-3"), claim(FlashSize, "33554432")}, nil, "", No, "flash"},
		{"layout", []Claim{claim(Board, "acme,router-3"), claim(CompatVersion, "2.0")}, nil, "", No, "compat"},
		{"same layout", []Claim{claim(Board, "acme,router-3"), claim(CompatVersion, "1.0")}, nil, "", OK, "compat"},
		{"too large", []Claim{claim(Board, "acme,router-3")}, []Install{{Where: "ROOTFS", Needs: 1001}}, "", No, "1001 bytes"},
		{"large enough", []Claim{claim(Board, "acme,router-3")}, []Install{{Where: "rootfs", Needs: 1000}}, "", OK, "1000 bytes"},
		{"elsewhere", []Claim{claim(Board, "acme,router-3")}, []Install{{Where: "kernel", Needs: 1}}, "", CannotTell, "not known"},
		{"both slots must take it", []Claim{claim(Board, "acme,router-3")}, []Install{{Where: "sys", Needs: 850}}, "", No, "sys_b"},
		{"no room while it is installed", []Claim{claim(Board, "acme,router-3")}, []Install{{During: 501}}, "", No, "temporary room"},
		{"below what is allowed", []Claim{claim(Board, "acme,router-3")}, nil, "1.9", No, "2.0 or newer"},
		{"one identity is enough", []Claim{claim(USB, "1209:2301"), claim(GUID, "2d47f29b"), claim(Family, "0x1")}, nil, "", OK, "GUID"},
		{"only the chip", []Claim{claim(Chip, "ESP32S3"), claim(Family, "0x1")}, nil, "", CannotTell, "names the model"},
		{"settings", []Claim{claim(Board, "acme,router-3"), claim(KeepsSettings, "no")}, nil, "", OK, "settings kept: no"},
		{"older", []Claim{claim(Board, "acme,router-3")}, nil, "2.3", CannotTell, "a step back"},
	} {
		v := Fits(&Part{Claims: tt.claims, Installs: tt.installs, Version: tt.version}, device)
		if v.Answer != tt.want || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.says) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

// TestFitsInside does not refuse a package that is for the device since a part of it names the board in other words.
func TestFitsInside(t *testing.T) {
	inner := func(v string) *Part {
		return &Part{Claims: []Claim{{Board, []string{"Acme Gateway"}}}, Children: []*Part{{Claims: []Claim{{Compatible, []string{v}}}}}}
	}
	known := Fact{Board, "Acme Gateway", "system.conf"}
	for _, tt := range []struct {
		facts []Fact
		want  Answer
	}{
		{[]Fact{known}, OK},
		{[]Fact{known, {Compatible, "acme,router-3", "device tree"}}, OK},
		{[]Fact{known, {Compatible, "acme,router-4", "device tree"}}, No},
		{[]Fact{{Board, "Other Gateway", "system.conf"}}, No},
	} {
		if v := Fits(inner("acme,router-3"), &Device{Facts: tt.facts}); v.Answer != tt.want {
			t.Errorf("%v: %v %q", tt.facts, v.Answer, v.Reasons)
		}
	}
	alone := &Part{Claims: []Claim{{Compatible, []string{"acme,router-3"}}}}
	if v := Fits(alone, &Device{Facts: []Fact{{Board, "router-4", "--for"}}}); v.Answer != No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

func TestSameModel(t *testing.T) {
	for _, tt := range []struct {
		claim, label string
		want         Answer
	}{
		{"acme,gw-100", "ACME GW-100", OK}, {"gw100", "ACME GW-100", OK}, {"acme,gw-100", "GW100", OK}, {"acme,gw-100-v2", "ACME GW-100 v2", OK},
		{"acme,gw-200", "ACME GW-100", No}, {"tplink,archer-c7-v2", "TP-Link Archer C7 v5", No}, {"asus,rt-ac68u", "ASUS RT-AC66U", No},
		{"acme,hub", "ACME GW-100", CannotTell}, {"", "GW-100", CannotTell}, {"gateway", "GW-100", CannotTell},
	} {
		if a := sameModel(tt.claim, tt.label); a != tt.want {
			t.Errorf("%q and %q: %v, expected %v", tt.claim, tt.label, a, tt.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	p := &Part{Children: []*Part{{Role: BootLoader, Size: 5, Name: "u-boot"}, {Role: Data, Installs: []Install{{Unique: true}}}}}
	if w := Warnings(p); len(w) != 2 || !strings.Contains(w[0], "boot loader") || !strings.Contains(w[1], "calibration") {
		t.Errorf("%q", w)
	}
	if w := Warnings(&Part{Role: Kernel, Size: 5}); len(w) != 0 {
		t.Errorf("%q", w)
	}
}

// TestOpenBounds opens a format that holds itself, and one that has parts without end.
func TestOpenBounds(t *testing.T) {
	again := Format{Name: "again", Title: "Again", Open: func(ctx context.Context, src block.Source, o *Opening) (*Part, error) {
		c := &Part{Size: src.Size(), Source: src}
		o.Inner(ctx, c)
		return &Part{Children: []*Part{c}}, nil
	}}
	p, err := Open(t.Context(), block.Bytes(make([]byte, 10)), "x", Options{Formats: []Format{again}})
	if err != nil {
		t.Fatal(err)
	}
	depth := 0
	told := false
	p.Walk(func(x *Part, d int) bool {
		depth = max(depth, d)
		for _, f := range x.Findings {
			told = told || f.Code == tooDeep.Code
		}
		return true
	})
	if depth != maxDepth || !told {
		t.Errorf("%d levels, told %v", depth, told)
	}
	many := Format{Name: "many", Open: func(ctx context.Context, src block.Source, o *Opening) (*Part, error) {
		if src.Size() == 1 {
			return nil, cursor.ErrNot
		}
		out := &Part{}
		for range maxParts + 5 {
			c := &Part{Size: 1, Source: block.Bytes([]byte{1})}
			o.Inner(ctx, c)
			out.Children = append(out.Children, c)
		}
		return out, nil
	}}
	if p, err = Open(t.Context(), block.Bytes(make([]byte, 10)), "x", Options{Formats: []Format{many}}); err != nil {
		t.Fatal(err)
	}
	told = false
	for _, c := range p.Children {
		for _, f := range c.Findings {
			told = told || f.Code == tooMany.Code
		}
	}
	if !told {
		t.Error("no part says that there are too many")
	}
	panics := Format{Name: "panics", Open: func(context.Context, block.Source, *Opening) (*Part, error) { panic("broken") }}
	if p, err = Open(t.Context(), block.Bytes(make([]byte, 10)), "x", Options{Formats: []Format{panics}}); err != nil || len(p.Findings) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}
