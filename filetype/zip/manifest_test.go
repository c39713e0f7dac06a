package zip

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"unicode/utf16"
)

// manifest builds the binary XML of <manifest package="..."> from its specification; it was not checked against aapt.
func manifest(wide bool, name string) []byte {
	le := binary.LittleEndian
	texts := []string{"manifest", "package", name}
	var data []byte
	var offsets []uint32
	for _, s := range texts {
		offsets = append(offsets, uint32(len(data)))
		if wide {
			u := utf16.Encode([]rune(s))
			data = le.AppendUint16(data, uint16(len(u)))
			for _, c := range u {
				data = le.AppendUint16(data, c)
			}
			data = le.AppendUint16(data, 0)
		} else {
			data = append(data, byte(len([]rune(s))), byte(len(s)))
			data = append(append(data, s...), 0)
		}
	}
	for len(data)%4 != 0 {
		data = append(data, 0)
	}
	pool := []byte{1, 0, 28, 0}
	pool = le.AppendUint32(pool, uint32(28+4*len(texts)+len(data)))
	pool = le.AppendUint32(pool, uint32(len(texts)))
	pool = le.AppendUint32(pool, 0)
	pool = le.AppendUint32(pool, map[bool]uint32{false: 0x100}[wide])
	pool = le.AppendUint32(pool, uint32(28+4*len(texts)))
	pool = le.AppendUint32(pool, 0)
	for _, o := range offsets {
		pool = le.AppendUint32(pool, o)
	}
	pool = append(pool, data...)
	element := []byte{2, 1, 16, 0, 56, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 20, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0}
	for _, v := range []uint32{1<<32 - 1, 1, 2, 0x03000008, 2} {
		element = le.AppendUint32(element, v)
	}
	out := le.AppendUint32([]byte{3, 0, 8, 0}, uint32(8+len(pool)+len(element)))
	return append(append(out, pool...), element...)
}

func TestPackageName(t *testing.T) {
	for _, wide := range []bool{false, true} {
		p := manifest(wide, "org.example.gäte")
		if got := packageName(p); got != "org.example.gäte" {
			t.Errorf("wide %v: %q", wide, got)
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 20000 { // it may find nothing, and may not panic
			q := append([]byte(nil), p[:r.IntN(len(p)+1)]...)
			for range 3 {
				if len(q) > 0 {
					q[r.IntN(len(q))] = byte(r.Uint32())
				}
			}
			packageName(q)
		}
	}
}
