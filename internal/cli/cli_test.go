package cli

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/internal/wire"
	"salvor/recovery"
)

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
	}{
		{"", 0}, {"0", 0}, {"1", 1}, {"4096", 4096}, {"100k", 100 << 10}, {"100K", 100 << 10}, {"2M", 2 << 20}, {"2MB", 2 << 20},
		{"1GiB", 1 << 30}, {"1 GiB", 1 << 30}, {"3t", 3 << 40}, {"12b", 12}, {"9223372036854775807", 1<<63 - 1}, {"4194304T", 1 << 62},
	} {
		got, err := parseSize("--min-size", c.in)
		if err != nil || got != c.want {
			t.Errorf("%q: %d, %v, want %d", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"-1", "-1k", "big", "k", "1.5M", "1kk", "1km", "1x", "99999999999999999999", "9223372036854775807k", "8388608T", "0x10", "--", "i", "b", "1 0", "+"} {
		var usage usageError
		if got, err := parseSize("--min-size", in); !errors.As(err, &usage) || !strings.Contains(err.Error(), "--min-size "+in) {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	utc := func(y, m, d, h, min, s int) time.Time { return time.Date(y, time.Month(m), d, h, min, s, 0, time.UTC) }
	for _, c := range []struct {
		in   string
		want time.Time
	}{
		{"", time.Time{}}, {"2026-11-21", utc(2026, 11, 21, 0, 0, 0)}, {"2026-11-21T14:30:00Z", utc(2026, 11, 21, 14, 30, 0)},
		{"2026-11-21T14:30:00+02:00", utc(2026, 11, 21, 12, 30, 0)}, {"2026-11-21T14:30:00", utc(2026, 11, 21, 14, 30, 0)},
		{"2026-11-21 14:30:00", utc(2026, 11, 21, 14, 30, 0)}, {"2024-02-29", utc(2024, 2, 29, 0, 0, 0)},
	} {
		got, err := parseTime("--after", c.in)
		if err != nil || !got.Equal(c.want) {
			t.Errorf("%q: %v, %v, want %v", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"yesterday", "2026", "2026-13-01", "2025-02-29", "21.11.2026", "2026-11-21T25:00:00Z", "14:30"} {
		var usage usageError
		if got, err := parseTime("--after", in); !errors.As(err, &usage) || !strings.Contains(err.Error(), "--after "+in) {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

func TestShow(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"plain text", "plain text"}, {"Märzbericht – 現場 мост", "Märzbericht – 現場 мост"}, {"😀", "😀"},
		{"a\x1b[31mb", `a\u{1b}[31mb`}, {"a\nb\tc\rd", `a\u{a}b\u{9}c\u{d}d`}, {"\x7f\x00", `\u{7f}\u{0}`},
		{"\u202egpj.exe", `\u{202e}gpj.exe`}, {"a\u200bb\ufeff", `a\u{200b}b\u{feff}`}, {"\u009b2J", `\u{9b}2J`},
		{"no\xff\xfeutf8", `no\xff\xfeutf8`}, {"\u2028\u2029", `\u{2028}\u{2029}`}, {"\u2066\u2069", `\u{2066}\u{2069}`},
		{"\U000e0041", `\u{e0041}`},
	} {
		if got := show(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzShow(f *testing.F) {
	for _, s := range []string{"", "a\x1b[2J", "\u202e", "\xff", "a\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := show(s)
		if strings.IndexFunc(got, unprintable) >= 0 {
			t.Errorf("%q shows %q", s, got)
		}
		if show(got) != got {
			t.Errorf("%q: showing it twice changes it", got)
		}
	})
}

func TestPlural(t *testing.T) {
	for n, want := range map[int64]string{0: "0 files", 1: "1 file", 2: "2 files"} {
		if got := files(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestSelectionQuery(t *testing.T) {
	s := selection{
		name: "*.jpg", path: "/DCIM/100/", types: []string{"jpeg", "JPG", ".docx", "mov"}, states: []string{"live", "deleted"}, verdicts: []string{"proven"},
		classes: []string{"photo", "video"}, drawers: []string{"files", "carved"}, volumes: []string{"2", "v3", "0"},
		minSize: "1k", maxSize: "1M", after: "2026-01-01", before: "2026-02-01",
	}
	want := recovery.Query{
		Name: "*.jpg", PathPrefix: "DCIM/100", Formats: []string{"jpeg", "zip", "mp4", "mov"}, States: []filesystem.State{filesystem.Live, filesystem.Deleted},
		Verdicts: []filetype.Verdict{filetype.Proven}, Classes: []filetype.Class{"photo", "video"}, Drawers: []string{"files", "carved"},
		Volumes: []int{2, 3, 0}, MinSize: 1 << 10, MaxSize: 1 << 20,
		After: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Before: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
	}
	if got, err := s.query(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	if got, err := (&selection{}).query(); err != nil || !reflect.DeepEqual(got, recovery.Query{}) {
		t.Errorf("of nothing: %+v, %v", got, err)
	}
	for want, s := range map[string]selection{
		"--class x":      {classes: []string{"photo", "x"}},
		"--state x":      {states: []string{"x"}},
		"--verdict x":    {verdicts: []string{"x"}},
		"--type x":       {types: []string{"jpeg", "x"}},
		"--in x":         {drawers: []string{"x"}},
		"--min-size x":   {minSize: "x"},
		"--max-size x":   {maxSize: "x"},
		"--after x":      {after: "x"},
		"--before x":     {before: "x"},
		"--volume x":     {volumes: []string{"1", "x"}},
		"--volume -1":    {volumes: []string{"-1"}},
		"--volume v":     {volumes: []string{"v"}},
		"--volume 9e9":   {volumes: []string{"9e9"}},
		"--name [":       {name: "["},
		"--name a[b":     {name: "a[b"},
		"--max-size 10 ": {maxSize: "10 x"},
	} {
		var usage usageError
		if _, err := s.query(); !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The words that help and errors name are all that there are.
func TestChoices(t *testing.T) {
	for _, w := range strings.Split(stateWords, ",") {
		if _, err := filesystem.ParseState(w); err != nil {
			t.Error(err)
		}
	}
	for _, w := range strings.Split(verdictWords, ",") {
		if _, err := filetype.ParseVerdict(w); err != nil {
			t.Error(err)
		}
	}
	if n := len(strings.Split(stateWords, ",")); filesystem.State(n).String() == "" || strings.Contains(stateWords, filesystem.State(n).String()) {
		t.Errorf("a state more than %s", stateWords)
	}
	if n := len(strings.Split(verdictWords, ",")); n != int(filetype.Proven)+1 {
		t.Errorf("%d verdicts are named", n)
	}
}

func TestPrintTree(t *testing.T) {
	broken := &finding.Def{Code: "test.broken", Severity: finding.Error, Text: "the label says {found}"}
	list := []wire.Layer{
		{ID: "1", Kind: "disk", Label: "card.img", Size: 16 << 20, State: "good"},
		{ID: "1.1", Parent: "1", Kind: "partition", Label: "data", Offset: 1 << 20, Size: 8 << 20, State: "good"},
		{ID: "v1", Parent: "1.1", Kind: "ext4", Label: "a\x1b[2J\u202eb", Offset: 1 << 20, Size: 8 << 20, State: "damaged", Volume: 1,
			Findings: []finding.Finding{broken.New(finding.At(0x400, 4), finding.Expected(nil, "x\ny"))}},
		{ID: "v2", Parent: "1.1", Kind: "fat16", Offset: 1 << 20, Size: 4 << 20, State: "good", Volume: 2, Rival: true, Score: 40},
		{ID: "v3", Parent: "1", Kind: "luks2", Offset: 12 << 20, Size: 1 << 20, State: "locked", Volume: 3},
	}
	var out bytes.Buffer
	printTree(&out, list)
	want := `disk "card.img"                       at 0x0            16.0 MiB
  partition "data"                    at 0x100000        8.0 MiB
    ext4 "a\u{1b}[2J\u{202e}b"        at 0x100000        8.0 MiB  v1  [damaged]
      - the label says x\u{a}y (at 0x400)
    fat16                             at 0x100000        4.0 MiB  v2  [other reading, score 40]
  luks2                               at 0xc00000        1.0 MiB  v3  [locked]
`
	if out.String() != want {
		t.Errorf("\n%s\nwant\n%s", &out, want)
	}
	// Depth without end stays a few columns, not an overflow.
	deep := []wire.Layer{{ID: "0", Kind: "disk", State: "good"}}
	for i := range 60 {
		deep = append(deep, wire.Layer{ID: strings.Repeat("x", i+1), Parent: deep[i].ID, Kind: "partition", State: "good"})
	}
	out.Reset()
	printTree(&out, deep)
	if n := strings.Count(out.String(), "\n"); n != len(deep) {
		t.Errorf("%d lines of %d layers", n, len(deep))
	}
}

// Main answers in JSON even where writing it is all that it can do, and says so when it cannot write.
func TestMainWithoutOutput(t *testing.T) {
	var stderr bytes.Buffer
	if code := Main([]string{"frobnicate", "--json"}, broken{}, &stderr); code != 2 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stderr.String(), `there is no verb "frobnicate"`) {
		t.Errorf("%s", &stderr)
	}
	stderr.Reset()
	if code := Main([]string{"version"}, broken{}, &stderr); code != 1 {
		t.Errorf("exit code %d", code)
	}
	stderr.Reset()
	if code := Main([]string{"look", "../../examples/gateway.img"}, broken{}, &stderr); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stderr.String(), "the end could not be written: broken pipe") {
		t.Errorf("%s", &stderr)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWantsJSON(t *testing.T) {
	for _, c := range []struct {
		args string
		want bool
	}{
		{"", false}, {"rescue a --to b", false}, {"rescue a --json", true}, {"--json", true}, {"look --json=true a", true},
		{"look -- --json", false}, {"look --json -- a", true}, {"look --json=false", false},
	} {
		if got := wantsJSON(strings.Fields(c.args)); got != c.want {
			t.Errorf("%q: %v", c.args, got)
		}
	}
}
