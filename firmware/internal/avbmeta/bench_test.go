package avbmeta

import (
	"context"
	"testing"

	"salvor/block"
	"salvor/firmware/firmwaretest"
)

func BenchmarkTree(b *testing.B) {
	image := block.Bytes(firmwaretest.Noise(64<<20, 1))
	d := &Descriptor{Kind: Hashtree, ImageSize: 64 << 20, Method: "sha256", Digest: []byte{1}, DataBlock: 4096, HashBlock: 4096}
	b.SetBytes(64 << 20)
	for b.Loop() {
		CheckTree(context.Background(), image, d)
	}
}

func BenchmarkCode(b *testing.B) {
	const data = 64 << 20
	rounds := (int64(data)/4096 + 252) / 253
	image := block.Bytes(firmwaretest.Noise(data+int(rounds)*8192, 1))
	d := &Descriptor{Roots: 2, FEC: block.Extent{Offset: data, Length: rounds * 8192}}
	b.SetBytes(data)
	for b.Loop() {
		checkFEC(context.Background(), image, d)
	}
}
