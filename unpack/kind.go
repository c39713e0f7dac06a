package unpack

import (
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"slices"
	"strings"

	"salvor/block"
)

// Kind is a way of compressing.
type Kind struct {
	Name       string   // "gzip"
	Extensions []string // without dot; the first is the usual one
	magic      [][]byte
	begins     func(head []byte) bool // for a format without a magic number
	// announced reads how many bytes come out from the head of the file, 0 where it does not say.
	announced func(head []byte) int64
	open      func(r *input) (io.Reader, error)
	single    bool // a stream has no end that another could stand behind
}

var kinds = []*Kind{
	{Name: "gzip", Extensions: []string{"gz", "gzip"}, magic: [][]byte{{0x1f, 0x8b, 8}}, open: openGzip},
	{Name: "xz", Extensions: []string{"xz"}, magic: [][]byte{{0xfd, '7', 'z', 'X', 'Z', 0}}, open: openXZ},
	{Name: "zstd", Extensions: []string{"zst", "zstd"}, magic: [][]byte{{0x28, 0xb5, 0x2f, 0xfd}}, announced: zstdSize, open: openZstd},
	{Name: "bzip2", Extensions: []string{"bz2", "bzip2"}, magic: [][]byte{{'B', 'Z', 'h'}}, open: openBzip2},
	{Name: "lz4", Extensions: []string{"lz4"}, magic: [][]byte{{0x04, 0x22, 0x4d, 0x18}, {0x02, 0x21, 0x4c, 0x18}}, announced: lz4Size, open: openLZ4},
	{Name: "lzo", Extensions: []string{"lzo"}, magic: [][]byte{lzopMagic}, open: openLzop},
	{Name: "lzma", Extensions: []string{"lzma"}, begins: LooksLikeLZMA, announced: lzmaSize, open: openLZMA, single: true},
	{Name: "brotli", Extensions: []string{"br"}, begins: never, open: openBrotli, single: true},
}

// never: a stream of Brotli begins like anything. Whoever says that a part is packed so knows it from elsewhere.
func never([]byte) bool { return false }

// HeadSize is how much of the beginning of a file [Recognise] wants to see, in bytes.
const HeadSize = 32

// Recognise returns the way in which a file is compressed. Both its name and its first bytes must say so: a raw
// image may begin with a compressed kernel, and a name proves nothing. half says that only one of the two did, and
// which way it named.
func Recognise(name string, head []byte) (kind, half *Kind) {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	for _, k := range kinds {
		named := slices.Contains(k.Extensions, ext)
		begins := slices.ContainsFunc(k.magic, func(m []byte) bool { return bytes.HasPrefix(head, m) }) || k.begins != nil && k.begins(head)
		switch {
		case named && begins:
			return k, nil
		case named || begins && half == nil:
			half = k
		}
	}
	return nil, half
}

// ByName returns the kind of that name, nil when there is none.
func ByName(name string) *Kind {
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// ImageName returns the name of what is in a file of that name: "card.img" for "card.img.gz".
func (k *Kind) ImageName(name string) string {
	ext := path.Ext(name)
	if slices.Contains(k.Extensions, strings.ToLower(strings.TrimPrefix(ext, "."))) && len(ext) < len(name) {
		return strings.TrimSuffix(name, ext)
	}
	return name
}

// Announced returns how many bytes the first stream of src says that it holds; 0 where it does not say. It proves
// nothing.
func (k *Kind) Announced(src block.Source) int64 {
	if k.announced == nil {
		return 0
	}
	head := make([]byte, min(HeadSize, max(src.Size(), 0)))
	n, _ := src.ReadAt(head, 0) // what cannot be read announces nothing
	return max(k.announced(head[:n]), 0)
}

// zstdSize reads Frame_Content_Size, RFC 8878 section 3.1.1.1.4.
func zstdSize(head []byte) int64 {
	if len(head) < 5 {
		return 0
	}
	descriptor := head[4]
	at := 5
	single := descriptor&0x20 != 0
	if !single {
		at++ // Window_Descriptor
	}
	at += []int{0, 1, 2, 4}[descriptor&3] // Dictionary_ID
	size := []int{0, 2, 4, 8}[descriptor>>6]
	if size == 0 && single {
		size = 1
	}
	if size == 0 || len(head) < at+size {
		return 0
	}
	switch b := head[at : at+size]; size {
	case 1:
		return int64(b[0])
	case 2:
		return int64(binary.LittleEndian.Uint16(b)) + 256
	case 4:
		return int64(binary.LittleEndian.Uint32(b))
	default:
		return int64(binary.LittleEndian.Uint64(b))
	}
}

// lz4Size reads the Content Size of a frame descriptor.
func lz4Size(head []byte) int64 {
	if len(head) < 14 || head[0] != 0x04 || head[4]&0x08 == 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(head[6:]))
}
