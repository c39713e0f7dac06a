package mapped_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/container/containertest"
	"salvor/container/internal/mapped"
	"salvor/cursor"
)

func TestTables(t *testing.T) {
	b := containertest.Disk(200_003, 8)
	bad := block.Extent{Offset: 70_000, Length: 100}
	tables := mapped.NewTables(blocktest.Faulty(block.Bytes(b), blocktest.Bad(bad)))
	for _, off := range []int64{0, 1, 32<<10 - 4, 32<<10 - 3, 69_992, 70_100, 66_000, 199_995, 199_999} {
		want := b[off:min(off+8, int64(len(b)))]
		if v, err := tables.Uint32("t", off); err != nil || v != binary.LittleEndian.Uint32(want) {
			t.Errorf("at %d: %v", off, err)
		}
		if v, err := tables.Uint32BE("t", off); err != nil || v != binary.BigEndian.Uint32(want) {
			t.Errorf("at %d: %v", off, err)
		}
		if len(want) < 8 {
			continue
		}
		if v, err := tables.Uint64("t", off); err != nil || v != binary.LittleEndian.Uint64(want) {
			t.Errorf("at %d: %v", off, err)
		}
		if v, err := tables.Uint64BE("t", off); err != nil || v != binary.BigEndian.Uint64(want) {
			t.Errorf("at %d: %v", off, err)
		}
	}
	for _, off := range []int64{-1, -1 << 62, 200_000, 1 << 62} {
		if _, err := tables.Uint32("t", off); err == nil {
			t.Errorf("at %d it reads", off)
		} else if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("at %d: %v", off, err)
		}
	}
	for _, off := range []int64{69_999, 70_000, 70_097} {
		if _, err := tables.Uint64("t", off); err == nil {
			t.Errorf("at %d it reads", off)
		} else if _, ok := block.IsUnreadable(err); !ok {
			t.Errorf("at %d: %v", off, err)
		}
	}
	if _, err := tables.Bytes("t", 0, 1<<20); err == nil {
		t.Error("more than a page is given")
	}
}

func TestInflater(t *testing.T) {
	want := containertest.Disk(100_000, 9)
	var z, d bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(want)
	w.Close()
	f, err := flate.NewWriter(&d, 6)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(want)
	f.Close()
	var in mapped.Inflater
	got := make([]byte, len(want))
	for range 3 { // what is kept is used again, after failures too
		if err := in.Zlib("x", 0, z.Bytes(), got); err != nil || !bytes.Equal(got, want) {
			t.Fatal(err)
		}
		if err := in.Deflate("x", 0, append(d.Bytes(), 1, 2, 3), got); err != nil || !bytes.Equal(got, want) {
			t.Fatal(err)
		}
		if n, err := in.ZlibUpTo("x", 0, z.Bytes(), make([]byte, 200_000)); err != nil || n != len(want) {
			t.Fatalf("%d, %v", n, err)
		}
		sum := bytes.Clone(z.Bytes())
		sum[len(sum)-1]++
		cut := z.Bytes()[:z.Len()-2]
		for name, err := range map[string]error{
			"too long":        in.Zlib("x", 0, z.Bytes(), got[:99_999]),
			"too short":       in.Zlib("x", 0, z.Bytes(), make([]byte, 100_001)),
			"a wrong sum":     in.Zlib("x", 0, sum, got),
			"cut":             in.Zlib("x", 0, cut, got),
			"no zlib":         in.Zlib("x", 0, []byte("nothing"), got),
			"nothing":         in.Zlib("x", 0, nil, got),
			"deflate cut":     in.Deflate("x", 0, d.Bytes()[:100], got),
			"no deflate":      in.Deflate("x", 0, bytes.Repeat([]byte{0xff}, 50), got),
			"up to: too long": upTo(&in, z.Bytes(), 99_999),
			"up to: sum":      upTo(&in, sum, 200_000),
			"up to: cut":      upTo(&in, cut, 200_000),
			"up to: none":     upTo(&in, []byte("nothing"), 10),
		} {
			if _, ok := cursor.IsCorrupt(err); !ok {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func upTo(in *mapped.Inflater, b []byte, n int) error {
	_, err := in.ZlibUpTo("x", 0, b, make([]byte, n))
	return err
}

func TestReadPacked(t *testing.T) {
	src := block.Bytes(make([]byte, 100))
	if b, err := mapped.ReadPacked(src, "x", 10, 20); err != nil || len(b) != 20 {
		t.Error(err)
	}
	for _, n := range []int64{91, -1, 1 << 40} {
		if _, err := mapped.ReadPacked(src, "x", 10, n); err == nil {
			t.Errorf("%d bytes are read", n)
		}
	}
}
