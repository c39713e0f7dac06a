package payload

import (
	"bytes"
	"compress/bzip2"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/andybalholm/brotli"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/firmwaretest"
)

// apply makes all of a partition from a payload and its old content.
func apply(p *Payload, old []byte) ([]byte, error) {
	var src block.Source
	if old != nil {
		src = block.Bytes(old)
	}
	var size int64
	for _, o := range p.Partitions[0].Operations {
		for _, e := range o.Dst {
			size = max(size, e.End())
		}
	}
	out := bytes.Repeat([]byte{0xEE}, int(size))
	for i := range p.Partitions[0].Operations {
		o := &p.Partitions[0].Operations[i]
		var b bytes.Buffer
		if err := p.Apply(context.Background(), src, o, &b); err != nil {
			return nil, err
		}
		if int64(b.Len()) != o.Length() {
			return nil, errors.New("another length")
		}
		for _, e := range o.Dst {
			copy(out[e.Offset:e.End()], b.Next(int(e.Length)))
		}
	}
	return out, nil
}

// fromBSDIFF40 writes a patch of bsdiff as BSDF2 without compression, by the description.
func fromBSDIFF40(t *testing.T, p []byte) []byte {
	t.Helper()
	control, diff := number(p[8:]), number(p[16:])
	var parts [3][]byte
	for i, b := range [][]byte{p[32 : 32+control], p[32+control : 32+control+diff], p[32+control+diff:]} {
		x, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = x
	}
	out := []byte("BSDF2\x00\x00\x00")
	out = binary.LittleEndian.AppendUint64(out, uint64(len(parts[0])))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(parts[1])))
	out = append(out, p[24:32]...)
	return append(out, slices.Concat(parts[0], parts[1], parts[2])...)
}

// withBrotli compresses the three streams of an uncompressed patch.
func withBrotli(t *testing.T, p []byte) []byte {
	t.Helper()
	control, diff := binary.LittleEndian.Uint64(p[8:]), binary.LittleEndian.Uint64(p[16:])
	body := p[patchHeader:]
	var packed [3][]byte
	for i, part := range [][]byte{body[:control], body[control : control+diff], body[control+diff:]} {
		var b bytes.Buffer
		w := brotli.NewWriter(&b)
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		packed[i] = b.Bytes()
	}
	out := []byte("BSDF2\x02\x02\x02")
	out = binary.LittleEndian.AppendUint64(out, uint64(len(packed[0])))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(packed[1])))
	out = append(out, p[24:32]...)
	return append(out, slices.Concat(packed[0], packed[1], packed[2])...)
}

// TestApply makes new content from old by copies and by patches of bsdiff, and refuses the wrong old content.
func TestApply(t *testing.T) {
	old := firmwaretest.Noise(64<<10, 1)
	x := slices.Concat(old[8192:12288], old[0:4096], firmwaretest.Noise(4096, 2), old[20000:40000], []byte("put in between"), old[40000:60000], old[:500])
	x = append(x, make([]byte, -len(x)&4095)...)
	for _, tt := range []struct {
		name string
		kind Type
		make func(p []byte) []byte
	}{
		{"BSDIFF40", SourceBsdiff, func(p []byte) []byte { return p }},
		{"BSDF2", BrotliBsdiff, func(p []byte) []byte { return fromBSDIFF40(t, p) }},
		{"BSDF2 with Brotli", BrotliBsdiff, func(p []byte) []byte { return withBrotli(t, fromBSDIFF40(t, p)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			patch := tt.make(runTool(t, "bsdiff", map[string][]byte{"old": old, "new": x[12288 : len(x)-3000]}, "patch", "old", "new", "patch"))
			m := &maker{}
			sum := sha256.Sum256(slices.Concat(old[8192:12288], old[:4096]))
			copied := extent(4, extent(4, m.op(SourceCopy, nil, blocks(0, 2)), blocks(2, 1)), blocks(0, 1)).bytes(9, sum[:])
			size := int64(len(x)) / 4096
			patched := extent(4, m.op(tt.kind, patch, blocks(5, size-5), blocks(3, 2)), blocks(0, 16)).number(5, 64<<10)
			// The patch makes its bytes in the order of Dst: what is to stand behind comes first.
			content := slices.Concat(x[:12288], x[len(x)-8192:], x[12288:len(x)-8192])
			m.partition("p", old, content, copied, m.op(Replace, x[8192:12288], blocks(2, 1)), patched)
			p, err := Read(block.Bytes(m.file(t)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := apply(p, old)
			want := slices.Concat(x[:12288], x[len(x)-8192:], x[12288:len(x)-8192])
			clear(want[12288+8192-3000 : 12288+8192]) // what the patch does not make is zeros
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v: %d bytes of %d", err, len(got), len(want))
			}
			wrong := bytes.Clone(old)
			wrong[8200] ^= 1
			var other *OldError
			if _, err := apply(p, wrong); !errors.As(err, &other) || !bytes.Equal(other.Expected, sum[:]) {
				t.Error(err)
			}
			if _, err := apply(p, nil); !errors.Is(err, ErrNeedsOld) {
				t.Error(err)
			}
		})
	}
}

// TestPatches refuses broken patches, and says which are not read.
func TestPatches(t *testing.T) {
	old := firmwaretest.Noise(8192, 1)
	good := runTool(t, "bsdiff", map[string][]byte{"old": old, "new": firmwaretest.Noise(4000, 2)}, "patch", "old", "new", "patch")
	plain := fromBSDIFF40(t, good)
	change := func(at int, b ...byte) []byte {
		p := bytes.Clone(plain)
		copy(p[at:], b)
		return p
	}
	for _, tt := range []struct {
		name        string
		kind        Type
		patch       []byte
		unsupported bool
	}{
		{"Brotli that is none", BrotliBsdiff, change(5, 2), false},
		{"PUFFDIFF", Puffdiff, plain, true},
		{"ZUCCHINI", Zucchini, plain, true},
		{"a type of the future", 99, plain, true},
		{"no patch", SourceBsdiff, old[:100], false},
		{"short", SourceBsdiff, plain[:20], false},
		{"cut", SourceBsdiff, plain[:len(plain)-10], false},
		{"a compression that is none", SourceBsdiff, change(5, 9), false},
		{"large control", SourceBsdiff, change(8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF), false},
		{"negative sizes", SourceBsdiff, change(15, 0x80), false},
		{"large result", SourceBsdiff, change(24, 0xFF, 0xFF, 0xFF), false},
		{"a triple that makes too much", SourceBsdiff, change(32, 0xFF, 0xFF, 0xFF), false},
		{"a place far outside", SourceBsdiff, change(32+16, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF), true}, // never used when it is behind the last
	} {
		m := &maker{}
		m.partition("p", old, old[:4096], extent(4, m.op(tt.kind, tt.patch, blocks(0, 1)), blocks(0, 2)))
		p, err := Read(block.Bytes(m.file(t)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = apply(p, old)
		var u *UnsupportedError
		_, corrupt := cursor.IsCorrupt(err)
		if tt.name == "a place far outside" {
			if err != nil && !corrupt {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if errors.As(err, &u) != tt.unsupported || corrupt == tt.unsupported {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestSpared holds the data of an operation against its hash before it writes anything.
func TestSpared(t *testing.T) {
	m := &maker{}
	x := firmwaretest.Noise(4096, 1)
	m.partition("p", nil, x, m.op(Replace, x, blocks(0, 1)))
	file := m.file(t)
	file[len(file)-1] ^= 1
	p, err := Read(block.Bytes(file))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = p.Apply(context.Background(), nil, &p.Partitions[0].Operations[0], &b)
	if _, corrupt := cursor.IsCorrupt(err); !corrupt || b.Len() > 0 {
		t.Errorf("%v, %d bytes", err, b.Len())
	}
}

func FuzzPatch(f *testing.F) {
	f.Add([]byte("BSDF2\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00abcd"))
	f.Add([]byte("BSDIFF40"))
	old := firmwaretest.Noise(1000, 1)
	f.Fuzz(func(t *testing.T, p []byte) {
		x, err := openPatch(p)
		if err != nil {
			return
		}
		if x.size > 1<<20 {
			return
		}
		var b bytes.Buffer
		if err := x.run(context.Background(), block.Bytes(old), int64(len(old)), &b); err == nil && int64(b.Len()) != x.size {
			t.Fatalf("%d bytes of %d", b.Len(), x.size)
		}
	})
}
