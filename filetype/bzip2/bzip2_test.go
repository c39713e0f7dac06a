package bzip2_test

import (
	"bytes"
	stdbzip2 "compress/bzip2"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/bzip2"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.bz2")
}

// firstStream is the size of the first stream of streams.bz2.
func firstStream(t testing.TB) int64 {
	data := files(t)["streams.bz2"]
	return 4 + int64(bytes.Index(data[4:], []byte("BZh2")))
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 10, Extension: "bz2"}
		switch name {
		case "streams.bz2":
			s.Head = 14
			for n := firstStream(t); n < firstStream(t)+10; n++ {
				s.Ends = append(s.Ends, n)
			}
		case "tree.tar.bz2":
			s.Extension = "tar.bz2"
		case "blocks.bz2":
			continue // see TestBlocks
		}
		if name == "empty.bz2" {
			s.Head = 14
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, bzip2.Formats()[0], samples)
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, bzip2.Formats()[0], data)
}

// What is whole before a broken block is told, and its place is the block's.
func TestBlocks(t *testing.T) {
	data := bytes.Clone(files(t)["blocks.bz2"])
	data[50000] ^= 0x10
	r := examine(t, data)
	if r.Verdict != filetype.Damaged || r.GoodUntil < 30000 || r.GoodUntil > 50000 || !strings.Contains(fmt.Sprint(r.Findings), "blocks before that are whole") {
		t.Errorf("%+v", r)
	}
	// All that stands before the place unpacks: the blocks that are called whole are.
	n, _ := io.Copy(io.Discard, stdbzip2.NewReader(bytes.NewReader(data)))
	if n < 100000 {
		t.Errorf("%d bytes unpack", n)
	}
}

// Wherever the standard library refuses, this is not whole.
func TestAgainstLibrary(t *testing.T) {
	for name, data := range files(t) {
		for at := 0; at < len(data); at += 1 + len(data)/60 {
			c := bytes.Clone(data)
			c[at] ^= 0x40
			r, err := bzip2.Formats()[0].Examine(t.Context(), block.Bytes(c))
			whole := err == nil && r.Verdict >= filetype.Consistent && r.Size == int64(len(c))
			if _, err = io.Copy(io.Discard, stdbzip2.NewReader(bytes.NewReader(c))); whole && err != nil {
				t.Errorf("%s: byte %d: %v here, %v there", name, at, r.Verdict, err)
			}
		}
	}
}

// Forty MiB of zeros in 45 bytes cost little.
func TestBomb(t *testing.T) {
	r := filetypetest.Bomb(t, bzip2.Formats()[0], filetypetest.Load(t, os.DirFS("testdata"), "bomb.gz")["bomb"], time.Minute, 16<<20)
	if r.Verdict != filetype.Consistent {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := bzip2.Formats()[0].Preview(t.Context(), block.Bytes(files(t)["plain.bz2"]))
	if err != nil || !strings.HasPrefix(p.Text, "1 the boats left before the light\n") {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 8000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, bzip2.Formats()[0], data) })
}
