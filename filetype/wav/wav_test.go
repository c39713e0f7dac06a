package wav

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.wav")
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"pcm16.wav": "A tone", "bext.wav": "Field notes"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		if name != "open.wav" {
			samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 44, Extension: "wav", Title: titles[name]})
		}
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

func TestHints(t *testing.T) {
	r, err := examine(t, files(t)["bext.wav"])
	if err != nil || r.Hints.Author != "Rec 7" || !r.Hints.Taken.Equal(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)) {
		t.Errorf("%+v %v", r.Hints, err)
	}
	r, err = examine(t, files(t)["pcm16.wav"])
	if err != nil || r.Hints.Author != "Someone" || r.Hints.Taken.Year() != 2024 {
		t.Errorf("%+v %v", r.Hints, err)
	}
}

// A recording that tells no length is not checked, however much follows.
func TestOpen(t *testing.T) {
	data := files(t)["open.wav"]
	for _, p := range [][]byte{data, append(bytes.Clone(data), make([]byte, 5000)...)} {
		r, err := examine(t, p)
		if err != nil || r.Verdict != filetype.Unknown || r.Findings[0].Code != "wav.open-end" {
			t.Errorf("%v %v %v", r.Verdict, r.Findings, err)
		}
	}
}

func TestCut(t *testing.T) {
	data := files(t)["pcm16.wav"]
	r, err := examine(t, append(data[:len(data)-11026:len(data)-11026], "x"...))
	if err != nil || r.Verdict != filetype.Partial || r.Size != int64(len(data)) || r.GoodUntil != int64(len(data)-11026) ||
		!strings.Contains(r.Findings[0].Text, "plays 0:00–0:00 of 0:01") {
		t.Errorf("%v %v good until %d: %v", r.Verdict, err, r.GoodUntil, r.Findings)
	}
}

func TestStructure(t *testing.T) {
	data := files(t)["pcm16.wav"]
	at := bytes.Index(data, []byte("data"))
	set := func(off int, v uint32) []byte {
		p := bytes.Clone(data)
		binary.LittleEndian.PutUint32(p[off:], v)
		return p
	}
	long := files(t)["long.wav"]
	wide := bytes.Clone(long)
	binary.LittleEndian.PutUint64(wide[20:], 3)
	tests := []struct {
		name    string
		p       []byte
		verdict filetype.Verdict
		not     bool
	}{
		{"no sound", append(set(4, uint32(at))[:at:at], "data\x00\x00\x00\x00"...), filetype.Unknown, false},
		{"data without a kind", append([]byte("RIFF\x0C\x00\x00\x00WAVEdata\x04\x00\x00\x00"), 1, 2, 3, 4), 0, true},
		{"nothing but a note", []byte("RIFF\x0C\x00\x00\x00WAVEJUNK\x00\x00\x00\x00"), filetype.Damaged, false},
		{"data too long", set(at+4, 1<<30), filetype.Damaged, false},
		{"a rate that does not fit", set(28, 77), 0, true},
		{"no rate", set(24, 0), 0, true},
		{"an end within the data", set(4, 2000), filetype.Damaged, false},
		{"a type that is none", set(8, 0x41424344), 0, true},
		{"sizes that do not fit", wide, filetype.Damaged, false},
		{"a note that is too long", set(bytes.Index(data, []byte("INAM"))+4, 999), filetype.Damaged, false},
	}
	for _, tt := range tests {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict {
			t.Errorf("%s: %v %v %v", tt.name, r.Verdict, r.Findings, err)
		}
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["pcm16.wav"]))
	want := "{Sound PCM 16 bit, 11025 Hz, mono} {Length 0:01} {Title A tone} {Artist Someone} {Date 2024-05-06}"
	got := ""
	for _, f := range p.Facts {
		got += " {" + f.Name + " " + f.Value + "}"
	}
	if err != nil || strings.TrimSpace(got) != want {
		t.Errorf("%s %v", got, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["pcm16.wav"])
}

// A film in the middle of a recording is noticed, and what was recorded before it plays.
func TestForeignBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var sound []byte
	for i := range 200 << 10 {
		v := int16(9000*math.Sin(float64(i)/20) + 800*r.Float64())
		sound = append(sound, byte(v), byte(v>>8))
	}
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xAC\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(head[4:], uint32(len(sound)+36))
	binary.LittleEndian.PutUint32(head[40:], uint32(len(sound)))
	whole := append(head, sound...)
	if rep, err := examine(t, whole); err != nil || rep.Verdict != filetype.Consistent {
		t.Fatalf("%v %v %v", rep.Verdict, rep.Findings, err)
	}
	const at = 160 << 10
	data := bytes.Clone(whole)
	for i := at; i < at+(100<<10); i++ {
		data[i] = byte(r.Uint32())
	}
	rep, err := examine(t, data)
	if err != nil || rep.Verdict != filetype.Damaged || rep.GoodUntil > at || rep.GoodUntil < at-16<<10 || !strings.Contains(fmt.Sprint(rep.Findings), "plays 0:00–0:01 of 0:04") {
		t.Errorf("%v, good until %d: %v %v", rep.Verdict, rep.GoodUntil, rep.Findings, err)
	}
}
