package midi

import (
	"bytes"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

// track returns a track with these events.
func track1(events string) string {
	return "MTrk" + string([]byte{0, 0, byte(len(events) >> 8), byte(len(events))}) + events
}

const end = "\x00\xFF\x2F\x00"

// files are put together from the specification.
func files(testing.TB) map[string][]byte {
	notes := "\x00\xC0\x05"
	for i := range 60 {
		notes += "\x00\x90" + string(rune('0'+i%40)) + "\x40\x60" + string(rune('0'+i%40)) + "\x00"
	}
	return map[string][]byte{
		"one.mid": []byte("MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60" + track1("\x00\xFF\x03\x05Waltz\x00\xFF\x51\x03\x07\xA1\x20"+notes+end)),
		"two.mid": []byte("MThd\x00\x00\x00\x06\x00\x01\x00\x02\x00\x60" + track1("\x00\xFF\x03\x04Tune\x00\xFF\x02\x03Ada"+end) + track1(notes+"\x00\xF0\x03\x01\x02\xF7\x81\x00\xE0\x00\x40"+end)),
	}
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"one.mid": "Waltz", "two.mid": "Tune"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 14, Title: titles[name], Extension: "mid"})
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func TestEvents(t *testing.T) {
	for what, tt := range map[string]struct {
		events string
		good   bool
	}{
		"nothing but the end":     {end, true},
		"running status":          {"\x00\x90\x30\x40\x10\x31\x40" + end, true},
		"no status":               {"\x00\x30\x40" + end, false},
		"status behind exclusive": {"\x00\x90\x30\x40\x00\xF0\x01\xF7\x00\x31\x40" + end, false},
		"a number that is large":  {"\x00\x90\x30\x80" + end, false},
		"bytes behind the end":    {end + "\x00", false},
		"no end":                  {"\x00\x90\x30\x40", false},
		"a long event":            {"\x00\xFF\x01\x7Fabc" + end, false},
		"a long time":             {"\xFF\xFF\xFF\xFF\x00\x90\x30\x40" + end, false},
		"no kind of event":        {"\x00\xF4" + end, false},
		"empty":                   {"", false},
	} {
		if _, err := parseTrack(0, []byte(tt.events)); (err == nil) != tt.good {
			t.Errorf("%s: %v", what, err)
		}
	}
	two := files(nil)["two.mid"]
	r, err := examine(t, bytes.Replace(two, []byte("\x90"), []byte("\xF5"), 1))
	if err != nil || r.Verdict != filetype.Damaged || r.Findings[1].Text != "1 of 2 tracks are whole" {
		t.Errorf("%v %v", r.Findings, err)
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["one.mid"]))
	if err != nil || len(p.Facts) != 2 || p.Facts[0].Value != "Waltz" || p.Facts[1].Value != "about 0:30" || len(p.Members) != 1 {
		t.Errorf("%v %v", p.Facts, err)
	}
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["two.mid"])
}
