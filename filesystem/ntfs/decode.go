package ntfs

import (
	"fmt"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/filesystem/internal/wincompress"
)

// Names of encodings, which are followed by the size of a unit in bytes and, for LZNT1, by the number of
// bytes that were ever written where those are fewer than the size: "ntfs.lznt1:65536:1000".
const (
	encodingLZNT1  = "ntfs.lznt1"
	encodingXPRESS = "ntfs.xpress"
	encodingLZX    = "ntfs.lzx"
)

// maxUnit is the largest unit of compression, in bytes.
const maxUnit = 1 << 20

// Decode gives the content of a stream out of its stored bytes: see [filesystem.Kind].
func Decode(encoding string, encoded block.Source, size int64) (filesystem.Encoded, error) {
	name, numbers, _ := strings.Cut(encoding, ":")
	first, second, more := strings.Cut(numbers, ":")
	unit, err := strconv.ParseInt(first, 10, 64)
	if err != nil || !powerOfTwo(unit, 512, maxUnit) {
		return nil, unknownEncoding(encoding)
	}
	valid := size
	if more {
		if valid, err = strconv.ParseInt(second, 10, 64); err != nil || valid < 0 || name != encodingLZNT1 {
			return nil, unknownEncoding(encoding)
		}
	}
	if size < 0 {
		return nil, cursor.Corrupt("ntfs: size of a stream", -1, "0 or more", size)
	}
	u := filesystem.Units{Size: size, Unit: unit, MaxEncoded: unit}
	switch name {
	case encodingLZNT1:
		u.Place = lznt1Place(encoded, unit)
		u.Decode = func(i int64, dst, stored []byte) error {
			if err := lznt1Unit(dst, stored, unit); err != nil {
				return cursor.Corrupt(fmt.Sprintf("ntfs: compressed unit %d", i), -1, "LZNT1", err)
			}
			if from := valid - i*unit; from < int64(len(dst)) {
				clear(dst[max(from, 0):])
			}
			return nil
		}
	case encodingXPRESS, encodingLZX:
		u.Place = packedPlace(encoded, unit, size)
		u.Decode = func(i int64, dst, stored []byte) error {
			if err := packedUnit(name, dst, stored); err != nil {
				return cursor.Corrupt(fmt.Sprintf("ntfs: packed unit %d", i), -1, strings.TrimPrefix(name, "ntfs."), err)
			}
			return nil
		}
	default:
		return nil, unknownEncoding(encoding)
	}
	return filesystem.NewDecoded(encoded, u)
}

func unknownEncoding(encoding string) error {
	return cursor.Corrupt("ntfs: encoding", -1, "ntfs.lznt1, ntfs.xpress or ntfs.lzx with the size of a unit", fmt.Sprintf("%q", encoding))
}

// lznt1Place returns where units stand that are stored in the clusters of their own bytes: in as many of them
// as it takes, with a hole behind. A unit without a hole is not compressed.
func lznt1Place(encoded block.Source, unit int64) func(int64) (block.Extent, error) {
	return func(i int64) (block.Extent, error) {
		whole := block.Extent{Offset: i * unit, Length: unit}.Intersect(block.Extent{Length: encoded.Size()})
		stored := block.Extent{Offset: whole.Offset}
		for _, r := range block.Origin(encoded, whole) {
			if r.Kind == block.Zero {
				break
			}
			stored.Length = r.Logical + r.Length - whole.Offset
		}
		return stored, nil
	}
}

func lznt1Unit(dst, stored []byte, unit int64) error {
	switch {
	case len(stored) == 0:
		clear(dst)
	case int64(len(stored)) == unit:
		copy(dst, stored)
	default:
		p := dst
		if int64(len(dst)) < unit {
			p = make([]byte, unit)
		}
		n, err := wincompress.LZNT1(p, stored)
		if err != nil {
			return err
		}
		clear(p[n:])
		copy(dst, p)
	}
	return nil
}

// packedPlace returns where units stand of a file that the system packed: behind a table of their offsets,
// the first of which is left out.
func packedPlace(encoded block.Source, unit, size int64) func(int64) (block.Extent, error) {
	units := (size + unit - 1) / unit
	width := int64(4)
	if size >= 1<<32 {
		width = 8
	}
	data := max(units-1, 0) * width
	end := encoded.Size()
	bound := func(i int64) (int64, error) { // where unit i begins, behind the table
		switch {
		case i == 0:
			return 0, nil
		case i >= units:
			return end - data, nil
		}
		p, err := cursor.Read(encoded, "ntfs: table of packed units", (i-1)*width, width, 8)
		if err != nil {
			return 0, err
		}
		if width == 8 {
			return int64(min(le.Uint64(p), maxVolume)), nil
		}
		return int64(le.Uint32(p)), nil
	}
	return func(i int64) (block.Extent, error) {
		from, err := bound(i)
		if err != nil {
			return block.Extent{}, err
		}
		to, err := bound(i + 1)
		if err != nil {
			return block.Extent{}, err
		}
		if from >= to || to > end-data {
			return block.Extent{}, cursor.Corrupt("ntfs: table of packed units", i*width, fmt.Sprintf("a range of %d bytes", end-data), fmt.Sprintf("%d to %d", from, to))
		}
		return block.Between(data+from, data+to), nil
	}
}

func packedUnit(name string, dst, stored []byte) error {
	if len(stored) == len(dst) {
		copy(dst, stored) // it did not get smaller
		return nil
	}
	if name == encodingLZX {
		return wincompress.LZX(dst, stored)
	}
	return wincompress.XPRESS(dst, stored)
}
