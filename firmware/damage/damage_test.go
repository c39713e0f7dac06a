package damage

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
	"testing/iotest"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// toy is a format with a sum: "SUMMED", a version that is 1, size and CRC-32, the data.
func toy() firmware.Format {
	open := func(_ context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
		p, err := cursor.Read(src, "toy", 0, 16, 16)
		if err != nil || string(p[:8]) != "SUMMED\x00\x01" {
			return nil, cursor.ErrNot
		}
		size := int64(binary.LittleEndian.Uint32(p[8:]))
		data, err := cursor.Read(src, "toy", 16, size, 1<<20)
		if err != nil {
			return nil, cursor.ErrNot
		}
		return &firmware.Part{Title: "toy", Announced: 16 + size, Checks: []firmware.Check{
			{What: "header", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: 16}, Strong: true},
			firmware.Sum32("data", "CRC-32", block.Extent{Offset: 16, Length: size}, binary.LittleEndian.Uint32(p[12:]), crc32.ChecksumIEEE(data))}}, nil
	}
	return firmware.Format{Name: "toy", Title: "toy", Open: open}
}

func toyImage(n int) []byte {
	data := firmwaretest.Noise(n, 4)
	p := append([]byte("SUMMED\x00\x01"), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(p[8:], uint32(n))
	binary.LittleEndian.PutUint32(p[12:], crc32.ChecksumIEEE(data))
	return append(p, data...)
}

func change(p []byte, way order) []byte {
	p = bytes.Clone(p)
	way.swap(p)
	return p
}

// TestFiles gives files as they come out of failed downloads and copies.
func TestFiles(t *testing.T) {
	image := toyImage(8000)
	for _, tt := range []struct {
		name  string
		p     []byte
		title string
		want  firmware.Answer
		says  string
	}{
		{"whole", image, "toy", firmware.OK, ""},
		{"empty", nil, "empty file", firmware.No, "0 bytes"},
		{"page", []byte("\n<!DOCTYPE html>\n<html><head><title>404 Not\n Found</title></head>"), `HTML page that says "404 Not Found"`, firmware.No, "download it again"},
		{"page without a title", []byte("<html><body><h1>Access <b>denied</b></h1>"), `HTML page that says "Access denied"`, firmware.No, "instead of the file"},
		{"S3", []byte(`<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`),
			`XML document that says "NoSuchKey: The specified key does not exist."`, firmware.No, ""},
		{"XML", []byte(`<?xml version="1.0"?><component type="firmware"><id>x</id></component>`), "XML document", firmware.CannotTell, ""},
		{"JSON error", []byte(`{"status":404,"error":"Not Found","path":"/fw.bin"}`), `JSON document that says "404: Not Found"`, firmware.No, ""},
		{"JSON", []byte(`{"version":"1.2"}`), "JSON document", firmware.CannotTell, ""},
		{"answer", []byte("HTTP/1.1 503 Service Unavailable\r\nServer: x\r\n\r\n"), `answer of a web server that says "503 Service Unavailable"`, firmware.No, ""},
		{"text", []byte("404: Not Found"), `text that says "404: Not Found"`, firmware.No, ""},
		{"pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 6815744\n"), `pointer of Git LFS that says "the file itself was not fetched"`, firmware.No, ""},
		{"erased", bytes.Repeat([]byte{0xFF}, 70_000), "nothing but 0xff", firmware.No, "erased chip"},
		{"zeros", make([]byte, 5), "nothing but 0x00", firmware.No, "5 bytes of 0x00"},
		{"filling in front", append(bytes.Repeat([]byte{0xFF}, 4096), image...), "4096 bytes of 0xff, then toy", firmware.OK, ""},
		{"2 bytes exchanged", change(image, orders[0]), "byte-swapped toy", firmware.No, "each two bytes are exchanged"},
		{"4 bytes exchanged", change(image, orders[1]), "byte-swapped toy", firmware.No, "opposite order"},
		{"halves exchanged", change(image, orders[2]), "byte-swapped toy", firmware.No, "halves"},
		{"odd length, exchanged", append(change(image, orders[1]), 1, 2, 3), "byte-swapped toy", firmware.No, "opposite order"},
		{"text mode", bytes.ReplaceAll(firmwaretest.Noise(100_000, 3), []byte("\n"), []byte("\r\n")), "file that was changed as if it were text", firmware.No, "binary mode"},
		{"noise", firmwaretest.Noise(50_000, 3), "encrypted or packed in an unknown way", firmware.CannotTell, "nothing can be told"},
		{"openssl", append([]byte("Salted__"), firmwaretest.Noise(100, 3)...), "file encrypted by openssl enc", firmware.CannotTell, ""},
		{"program", bytes.Repeat([]byte("\x7fELF and all that is no noise "), 900), "", firmware.CannotTell, "no check"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.p, nil, toy(), Format())
			v := firmware.Whole(p)
			if p.Title != tt.title || v.Answer != tt.want || !strings.Contains(strings.Join(v.Reasons, "; "), tt.says) {
				t.Errorf("%q: %v %q", p.Title, v.Answer, v.Reasons)
			}
		})
	}
}

// TestParts takes no part of a package for a damaged file, but tells filling.
func TestParts(t *testing.T) {
	for _, tt := range []struct {
		p     []byte
		title string
		want  firmware.Answer
	}{
		{[]byte("<html><title>the device's own pages</title>"), "", firmware.CannotTell},
		{firmwaretest.Noise(50_000, 3), "", firmware.CannotTell},
		{make([]byte, 1000), "filling with 0x00", firmware.CannotTell},
	} {
		outer := firmware.Format{Name: "outer", Title: "outer", Open: func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
			if _, itself := o.File(); !itself {
				return nil, cursor.ErrNot
			}
			c := &firmware.Part{Size: src.Size(), Source: src, Role: firmware.Data}
			o.Inner(ctx, c)
			return &firmware.Part{Title: "outer", Children: []*firmware.Part{c}}, nil
		}}
		p := firmwaretest.Open(t, tt.p, nil, outer, toy(), Format())
		if v := firmware.Whole(p); p.Children[0].Title != tt.title || v.Answer != tt.want {
			t.Errorf("%q: %v %q", p.Children[0].Title, v.Answer, v.Reasons)
		}
	}
}

// TestSwapped reads at every place and length as from the turned bytes.
func TestSwapped(t *testing.T) {
	for _, way := range orders {
		for n := range 14 {
			p := firmwaretest.Noise(n, 1)
			want := bytes.Clone(p)
			way.swap(want)
			s := swapped{block.Bytes(p), way}
			if err := iotest.TestReader(block.Reader(s), want); err != nil {
				t.Errorf("%s, %d bytes: %v", way.words, n, err)
			}
			for off := range n {
				for k := 1; off+k <= n; k++ {
					got := make([]byte, k)
					if m, err := s.ReadAt(got, int64(off)); m != k || err != nil || !bytes.Equal(got, want[off:off+k]) {
						t.Errorf("%s: %d bytes at %d of %d: %d, %v", way.words, k, off, n, m, err)
					}
				}
			}
		}
	}
}

// TestNothing never calls noise swapped, and says of no noise that it was changed.
func TestNothing(t *testing.T) {
	for seed := range uint64(200) {
		p := firmwaretest.Open(t, firmwaretest.Noise(6000, seed), nil, toy(), Format())
		if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
			t.Errorf("seed %d: %q %v", seed, p.Title, v)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"x"}}`))
	f.Add([]byte("<?xml <Error><Message>"))
	f.Add(change(toyImage(100), orders[0]))
	f.Add(append(make([]byte, 600), toyImage(100)...))
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, nil, toy(), Format())
		if len(part.Title) > 2000 {
			t.Fatalf("a title of %d bytes", len(part.Title))
		}
	})
}
