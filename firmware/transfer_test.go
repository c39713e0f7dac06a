package firmware

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/block"
)

func noise(n int, seed uint64) []byte {
	p := make([]byte, n)
	rnd := rand.New(rand.NewPCG(seed, 2))
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}

func TestTextMode(t *testing.T) {
	p := noise(100_000, 1)
	for _, tt := range []struct {
		name string
		p    []byte
		want string
	}{
		{"whole", p, ""},
		{"carriage returns", bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")), "has a carriage return before it"},
		{"to Unix", bytes.ReplaceAll(p, []byte("\r"), nil), "no carriage return"},
		{"to old Macs", bytes.ReplaceAll(p, []byte("\n"), []byte("\r")), "no line feed"},
		{"UTF-8", bytes.ToValidUTF8(p, []byte("\uFFFD")), "replaced by the sign"},
		{"text", bytes.Repeat([]byte("a line of text\r\n"), 5000), ""},
		{"short", bytes.ReplaceAll(p[:3000], []byte("\n"), []byte("\r\n")), ""},
		{"zeros", make([]byte, 100_000), ""},
	} {
		if got := TextMode(context.Background(), block.Bytes(tt.p)); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for seed := range uint64(300) {
		if got := TextMode(context.Background(), block.Bytes(noise(30_000, seed))); got != "" {
			t.Errorf("noise %d: %q", seed, got)
		}
	}
}

// TestTransferred tells a name of an unfinished download always, and a text mode only where a check fails.
func TestTransferred(t *testing.T) {
	p := bytes.ReplaceAll(noise(100_000, 1), []byte("\n"), []byte("\r\n"))
	open := func(state State, name string) []string {
		f := Format{Name: "x", Title: "x", Open: func(_ context.Context, src block.Source, o *Opening) (*Part, error) {
			if got, itself := o.File(); got != name || !itself {
				t.Errorf("the file is %q, itself %v", got, itself)
			}
			return &Part{Checks: []Check{{What: "data", State: state}}}, nil
		}}
		part, err := Open(context.Background(), block.Bytes(p), name, Options{Formats: []Format{f}})
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, x := range part.Findings {
			codes = append(codes, x.Code)
		}
		return codes
	}
	for _, tt := range []struct {
		state State
		name  string
		want  string
	}{
		{Passed, "router.bin", ""},
		{Failed, "router.bin", "firmware.text-mode"},
		{Passed, "router.bin.crdownload", "firmware.unfinished"},
		{Failed, "router.bin.PART", "firmware.unfinished firmware.text-mode"},
	} {
		if got := strings.Join(open(tt.state, tt.name), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
