package finding_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"salvor/finding"
)

var checksum = &finding.Def{Code: "ext.superblock.checksum", Severity: finding.Warning,
	Text: "the checksum of {name} at {offset} is {found}, expected {expected}; {unknown} stays"}

func TestNew(t *testing.T) {
	f := checksum.New(finding.At(0x400, 1024), finding.Expected("0x12", 0x34), finding.Arg("name", "copy 1"))
	want := finding.Finding{Code: "ext.superblock.checksum", Severity: finding.Warning, Offset: 0x400, Size: 1024, Expected: "0x12", Found: "52",
		Args: map[string]string{"name": "copy 1"}, Text: "the checksum of copy 1 at 0x400 is 52, expected 0x12; {unknown} stays"}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("%+v\nwant %+v", f, want)
	}
	if got, want := f.String(), f.Text+" (at 0x400)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// Without a place there is none.
	f = checksum.New(finding.Expected(nil, nil))
	if f.Offset != -1 || f.Size != 0 || f.Expected != "" || f.Found != "" || f.Args != nil || f.String() != f.Text {
		t.Errorf("%+v", f)
	}
	if want := "the checksum of {name} at {offset} is , expected ; {unknown} stays"; f.Text != want {
		t.Errorf("%q, want %q", f.Text, want)
	}
}

// Hostile text is not read as a placeholder.
func TestArgumentsAreNotExpanded(t *testing.T) {
	d := &finding.Def{Code: "x.y", Text: "{a} and {b}"}
	f := d.New(finding.Arg("a", "{b}{expected}{offset}"), finding.Arg("b", "{a}"), finding.Expected("no", nil), finding.At(1, 1))
	if want := "{b}{expected}{offset} and {a}"; f.Text != want {
		t.Errorf("%q, want %q", f.Text, want)
	}
}

// Findings of one kind do not share their arguments.
func TestNothingIsShared(t *testing.T) {
	a, b := checksum.New(finding.Arg("name", 1)), checksum.New(finding.Arg("name", 2))
	if a.Args["name"] != "1" || b.Args["name"] != "2" {
		t.Errorf("%v, %v", a.Args, b.Args)
	}
	if got := a.Format("Prüfsumme von {name}"); got != "Prüfsumme von 1" {
		t.Error(got)
	}
}

func TestSeverity(t *testing.T) {
	if !(finding.Info < finding.Warning && finding.Warning < finding.Error) {
		t.Error("severities are out of order")
	}
	for s := finding.Info; s <= finding.Error; s++ {
		p, err := s.MarshalText()
		var back finding.Severity
		if err != nil || back.UnmarshalText(p) != nil || back != s {
			t.Errorf("%v became %v", s, back)
		}
	}
	var s finding.Severity
	if err := s.UnmarshalText([]byte("fatal")); err == nil {
		t.Error("an unknown severity is read")
	}
	if got := finding.Severity(9).String(); got != "Severity(9)" {
		t.Error(got)
	}
	list := []finding.Finding{{Severity: finding.Info}, {Severity: finding.Error}, {Severity: finding.Warning}}
	if finding.Worst(list) != finding.Error || finding.Worst(nil) != finding.Info {
		t.Errorf("worst %v", finding.Worst(list))
	}
}

func TestEncode(t *testing.T) {
	if got := string(finding.Encode(nil)); got != "[]" {
		t.Error(got)
	}
	f := checksum.New(finding.At(0, 5), finding.Arg("name", "\x00\"<&>"))
	var fields []map[string]any
	if err := json.Unmarshal(finding.Encode([]finding.Finding{f}), &fields); err != nil {
		t.Fatal(err)
	}
	if fields[0]["severity"] != "warning" || fields[0]["offset"] != 0.0 || fields[0]["size"] != 5.0 {
		t.Errorf("%v", fields[0])
	}
	if _, err := finding.Decode([]byte("{")); err == nil {
		t.Error("what is no JSON is decoded")
	}
	if _, err := finding.Decode([]byte(`[{"severity":"fatal"}]`)); err == nil {
		t.Error("an unknown severity is decoded")
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &finding.Def{Code: "a.b", Severity: rapid.SampledFrom([]finding.Severity{finding.Info, finding.Warning, finding.Error}).Draw(t, "severity"), Text: rapid.String().Draw(t, "text")}
		var options []finding.Option
		if rapid.Bool().Draw(t, "place") {
			options = append(options, finding.At(rapid.Int64Range(0, 1<<50).Draw(t, "offset"), rapid.Int64Range(0, 1<<50).Draw(t, "size")))
		}
		for range rapid.IntRange(0, 3).Draw(t, "args") {
			options = append(options, finding.Arg(rapid.StringN(1, 5, 10).Draw(t, "name"), rapid.String().Draw(t, "value")))
		}
		list := []finding.Finding{d.New(options...)}
		back, err := finding.Decode(finding.Encode(list))
		if err != nil || !reflect.DeepEqual(back, list) {
			t.Fatalf("%+v became %+v, %v", list, back, err)
		}
	})
}
