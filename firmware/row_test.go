package firmware

import (
	"slices"
	"strings"
	"testing"

	"salvor/block"
)

// TestRowsFollowTheReasons holds that what is said as data is what is said in words.
func TestRowsFollowTheReasons(t *testing.T) {
	check := func(what string, s State) Check {
		return Check{What: what, Method: "CRC-32", State: s, Extent: block.Extent{Offset: 2, Length: 4}, Strong: true, Expected: "1", Found: "2", Why: "why"}
	}
	signature := Signature{What: "all", Method: "RSA", Signer: "acme", NotAfter: "2030", Key: "acme.pem", Why: "reason"}
	signed := func(s State) Signature { x := signature; x.State = s; return x }
	package_ := func(checks []Check, signatures ...Signature) *Part {
		return &Part{Format: "x", Title: "Package", Size: 8, Checks: checks, Signatures: signatures, Role: Package}
	}
	part := func(p *Part) *Part {
		p.Claims = []Claim{{Compatible, []string{"acme,gw"}}}
		p.Version = "2.0"
		return p
	}
	device := func(facts ...Fact) *Device { return &Device{Facts: facts, Temp: 5} }
	installs := func(p *Part, i Install) *Part { p.Installs = []Install{i}; return p }
	tests := map[string]struct {
		v    Verdict
		want []string
	}{
		"damaged":    {Whole(package_([]Check{check("header", Passed), check("data", Failed), check("end", Cannot)})), []string{"whole.failed", "whole.passed"}},
		"cut":        {Whole(package_([]Check{Cut("kernel", 20, 8)})), []string{"whole.cut"}},
		"no update":  {Whole(package_([]Check{{What: "content", Method: Recognition, State: Failed, Found: "page"}})), []string{"whole.other"}},
		"swapped":    {Whole(package_([]Check{{What: OrderOfBytes, Method: Recognition, State: Failed}})), []string{"whole.swapped"}},
		"noise":      {Whole(package_([]Check{{What: "content", Method: Recognition, State: Cannot}})), []string{"whole.unknown"}},
		"part of it": {Whole(package_([]Check{check("header", Passed)})), []string{"whole.uncovered", "whole.passed"}},
		"no sums":    {Whole(package_(nil)), []string{"whole.nocheck"}},
		"genuine":    {Genuine(package_(nil, signed(Passed))), []string{"genuine.passed"}},
		"forged":     {Genuine(package_(nil, signed(Failed), signed(Cannot))), []string{"genuine.failed", "genuine.cannot"}},
		"no key":     {Genuine(package_(nil, signed(Cannot))), []string{"genuine.cannot", "genuine.nokey"}},
		"unsigned":   {Genuine(package_(nil)), []string{"genuine.none"}},
		"other box":  {Fits(part(package_(nil)), device(Fact{Board, "acme,other", "label"}, Fact{Installed, "1.0", "label"})), []string{"fits.failed", "fits.nomodel", "version.newer"}},
		"right box":  {Fits(part(package_(nil)), device(Fact{Board, "acme,gw", "label"}, Fact{Installed, "2.0", "label"})), []string{"fits.passed", "version.same"}},
		"back":       {Fits(part(package_(nil)), device(Fact{Board, "acme,gw", "label"}, Fact{Installed, "3.0", "label"}, Fact{LeastAllowed, "3", "label"})), []string{"version.refused", "version.older", "fits.passed"}},
		"unknown":    {Fits(part(package_(nil)), device()), []string{"fits.unknown"}},
		"says none":  {Fits(package_(nil), device()), []string{"fits.none"}},
		"no room":    {Fits(installs(part(package_(nil)), Install{Where: "rootfs", Needs: 9, During: 6}), &Device{Temp: 5, Spaces: []Space{{Name: "rootfs_a", Size: 8}}}), []string{"during.failed", "room.failed", "fits.unknown"}},
		"room":       {Fits(installs(part(package_(nil)), Install{Where: "rootfs", Needs: 7, During: 5}), &Device{Temp: 5, Spaces: []Space{{Name: "rootfs_a", Size: 8}}, Facts: []Fact{{Board, "acme,gw", "label"}}}), []string{"fits.passed", "during.passed", "room.passed"}},
		"room?":      {Fits(installs(part(package_(nil)), Install{Where: "rootfs", Needs: 7, During: 5}), &Device{}), []string{"fits.unknown", "room.unknown", "during.unknown"}},
	}
	codes := RowCodes()
	for name, test := range tests {
		var got []string
		last := No
		for i, r := range test.v.Rows {
			got = append(got, r.Code)
			if n, ok := codes[r.Code]; !ok || n != len(r.Args) {
				t.Errorf("%s: %s has %d arguments, expected %d, %t", name, r.Code, len(r.Args), n, ok)
			}
			if order := []Answer{No, CannotTell, OK}; slices.Index(order, r.Answer) < slices.Index(order, last) {
				t.Errorf("%s: row %d comes to %v behind %v", name, i, r.Answer, last)
			}
			last = r.Answer
		}
		if strings.Join(got, " ") != strings.Join(test.want, " ") {
			t.Errorf("%s: expected %v, found %v", name, test.want, got)
		}
		if len(test.v.Rows) > 0 && test.v.Rows[0].Answer != test.v.Answer {
			t.Errorf("%s: the first row comes to %v, the answer is %v", name, test.v.Rows[0].Answer, test.v.Answer)
		}
	}
}

func TestLoudIsWhatWarningsSay(t *testing.T) {
	p := &Part{Children: []*Part{{Role: BootLoader, Name: "u-boot", Size: 4}, {Role: BootLoader, Name: "u-boot", Size: 4}, {Role: Unique, Name: "art"}}}
	words, rows := Warnings(p), Loud(p)
	if len(words) != 2 || len(rows) != 2 || rows[0].Code != "warning.loader" || rows[1].Code != "warning.unique" || !strings.Contains(words[0], "u-boot") {
		t.Errorf("%q, %v", words, rows)
	}
}
