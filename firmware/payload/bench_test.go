package payload

import (
	"bytes"
	"testing"

	"salvor/firmware/firmwaretest"
)

// BenchmarkOpen opens a full payload whose content is half noise, half text, in operations of 2 MiB.
func BenchmarkOpen(b *testing.B) {
	m := &maker{}
	chunk := append(firmwaretest.Noise(1<<20, 1), bytes.Repeat([]byte("text that packs "), 1<<16)...)
	packedChunk := packed(b, ReplaceXZ, chunk)
	var content []byte
	var ops []message
	for i := range int64(16) {
		content = append(content, chunk...)
		ops = append(ops, m.op(ReplaceXZ, packedChunk, blocks(i*512, 512)))
	}
	m.partition("system", nil, content, ops...)
	file := m.file(b)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		firmwaretest.Open(b, file, nil, Format())
	}
}
