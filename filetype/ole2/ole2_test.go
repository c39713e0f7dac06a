package ole2_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/ole2"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.gz")
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, ole2.Formats()[0], data)
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"letter.doc": "The lighthouse letter", "long.doc": "A long log", "slides.ppt": "Harbour slides", "setup.msi": "Lighthouse setup"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Title: titles[name],
			Extension: name[strings.LastIndexByte(name, '.')+1:]})
	}
	filetypetest.Run(t, ole2.Formats()[0], samples)
}

// A number that is changed in a table is a contradiction at its place.
func TestTables(t *testing.T) {
	data := files(t)["long.doc"]
	fat := (int(binary.LittleEndian.Uint32(data[76:])) + 1) * 512
	for name, change := range map[string]func(b []byte){
		"a chain in a circle":     func(b []byte) { copy(b[fat+4*20:], b[fat+4*10:fat+4*11]) },
		"a sector behind the end": func(b []byte) { binary.LittleEndian.PutUint32(b[fat+4*12:], 0x00FFFFF0) },
		"no byte order":           func(b []byte) { b[28] = 0 },
		"FAT too large":           func(b []byte) { b[47] = 0x7F },
		"a foreign directory":     func(b []byte) { binary.LittleEndian.PutUint32(b[48:], 3) },
	} {
		c := bytes.Clone(data)
		change(c)
		if r := examine(t, c); r.Verdict == filetype.Consistent {
			t.Errorf("%s: %v", name, r.Verdict)
		}
	}
}

// What of a cut document is whole is counted.
func TestCut(t *testing.T) {
	data := files(t)["long.doc"]
	r := examine(t, data[:len(data)-512])
	if r.Verdict != filetype.Partial || r.Size != int64(len(data)) || !strings.Contains(fmt.Sprint(r.Findings), "whole") && r.Missing.Empty() {
		t.Errorf("%+v", r)
	}
}

func TestPreview(t *testing.T) {
	for name, want := range map[string]string{"letter.doc": "The boats left before the light. Grüße aus Kiel.", "slides.ppt": "Lights of the harbour", "long.doc": "Line 3 of the log of the lighthouse"} {
		p, err := ole2.Formats()[0].Preview(t.Context(), block.Bytes(files(t)[name]))
		if err != nil || !strings.Contains(p.Text, want) || len(p.Text) > filetype.MaxPreviewText {
			t.Errorf("%s: %q %v", name, p.Text, err)
		}
	}
	p, err := ole2.Formats()[0].Preview(t.Context(), block.Bytes(files(t)["boats.xls"]))
	if err != nil || len(p.Members) != 1 || p.Members[0].Name != "boats" {
		t.Errorf("%+v %v", p, err)
	}
}

// No damage panics, takes long, or needs much memory.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for name, data := range files(t) {
		for range 300 {
			c := bytes.Clone(data)
			for range 1 + r.IntN(20) {
				c[r.IntN(min(len(c), 8192))] = byte(r.Uint32())
			}
			start := time.Now()
			_, _ = ole2.Formats()[0].Examine(t.Context(), block.Bytes(c))
			_, _ = ole2.Formats()[0].Preview(t.Context(), block.Bytes(c))
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s: %v", name, d)
			}
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 50000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		filetypetest.Fuzz(t, ole2.Formats()[0], data)
		_, _ = ole2.Formats()[0].Preview(t.Context(), block.Bytes(data))
	})
}
