package payload

import (
	"fmt"
	"math"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/internal/protobuf"
)

// Bounds of a manifest.
const (
	maxManifest   = 128 << 20
	maxPartitions = 1024
	maxOperations = 4 << 20
	maxExtents    = 16 << 20
	maxBlocks     = 1 << 36
)

// Type is what an operation does.
type Type uint32

// The types of operations.
const (
	Replace       Type = 0
	ReplaceBzip2  Type = 1
	Move          Type = 2 // as SourceCopy, within one partition; no longer made
	Bsdiff        Type = 3 // as SourceBsdiff, within one partition; no longer made
	SourceCopy    Type = 4
	SourceBsdiff  Type = 5
	Zero          Type = 6
	Discard       Type = 7
	ReplaceXZ     Type = 8
	Puffdiff      Type = 9
	BrotliBsdiff  Type = 10
	Zucchini      Type = 11
	LZ4diffBsdiff Type = 12
	LZ4diffPuff   Type = 13
	ReplaceZstd   Type = 14
	knownTypes         = 15
)

var typeNames = [knownTypes]string{"REPLACE", "REPLACE_BZ", "MOVE", "BSDIFF", "SOURCE_COPY", "SOURCE_BSDIFF", "ZERO", "DISCARD", "REPLACE_XZ", "PUFFDIFF",
	"BROTLI_BSDIFF", "ZUCCHINI", "LZ4DIFF_BSDIFF", "LZ4DIFF_PUFFDIFF", "REPLACE_ZSTD"}

func (t Type) String() string {
	if int64(t) < knownTypes {
		return typeNames[t]
	}
	return fmt.Sprintf("operation type %d", uint32(t))
}

// NeedsOld reports whether an operation of the type reads the old content of the partition.
func (t Type) NeedsOld() bool {
	switch t {
	case Replace, ReplaceBzip2, ReplaceXZ, ReplaceZstd, Zero, Discard:
		return false
	}
	return true
}

// Operation makes the bytes of some blocks of a partition.
type Operation struct {
	Type       Type
	Data       block.Extent   // of its data, bytes from [Payload.Base]; no length when it has none
	Src, Dst   []block.Extent // bytes of the old and the new content, in the order in which they are read and written
	SrcLength  int64          // bytes of Src that a patch reads; 0 for all
	DstLength  int64          // bytes that a patch makes; 0 for all of Dst
	DataHash   []byte         // SHA-256 of the data; empty when none is given
	SourceHash []byte         // SHA-256 of Src; empty when none is given
}

// Partition is what happens to one partition.
type Partition struct {
	Name             string // without a slot, hostile text
	Version          string
	OldSize, NewSize int64
	OldHash, NewHash []byte // SHA-256 of the whole content; empty when not given
	Operations       []Operation
	CowSize          int64 // estimated for the snapshot, bytes
	// Tree and FEC are the hash tree and the Reed-Solomon code where the device computes them itself, behind what the
	// operations make; no length where it does not.
	Tree, FEC  block.Extent
	Filesystem string
}

// NeedsOld reports whether the new content is made from the old one.
func (p *Partition) NeedsOld() bool {
	for i := range p.Operations {
		if p.Operations[i].Type.NeedsOld() {
			return true
		}
	}
	return false
}

// Group is a group of logical partitions in super, with the most bytes that they may take; 0 for no bound.
type Group struct {
	Name       string
	Size       int64
	Partitions []string
}

// Manifest says what a payload does.
type Manifest struct {
	BlockSize     int64  // bytes
	Minor         uint32 // 0 for a payload that needs no old content
	Partial       bool   // it leaves partitions of the slot out
	MaxTimestamp  int64  // seconds since 1970, 0 for none: a system that is newer refuses the payload
	SecurityPatch string
	Partitions    []Partition
	Groups        []Group
	Snapshots     bool
	// Signatures is where those of the payload stand, from [Payload.Base]; no length when it has none.
	Signatures block.Extent
}

const structProto = "payload: manifest"

func fields(p []byte, base int64, visit func(number int, v uint64, b []byte, at int64) error) error {
	return protobuf.Fields(structProto, p, base, visit)
}

// decoder bounds what a manifest makes.
type decoder struct {
	block               int64
	operations, extents int
}

func parseManifest(p []byte, base int64) (*Manifest, error) {
	m := &Manifest{BlockSize: 4096}
	// The size of a block may stand behind what is counted in it.
	if err := fields(p, base, func(number int, v uint64, _ []byte, _ int64) error {
		if number == 3 {
			m.BlockSize = int64(min(v, math.MaxInt32))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if m.BlockSize < 512 || m.BlockSize > 1<<20 || m.BlockSize&(m.BlockSize-1) != 0 {
		return nil, cursor.Corrupt(structProto, base, "a block size of a power of two from 512", m.BlockSize)
	}
	d := &decoder{block: m.BlockSize}
	err := fields(p, base, func(number int, v uint64, b []byte, at int64) (err error) {
		switch number {
		case 4:
			m.Signatures.Offset, err = size(v, at)
		case 5:
			m.Signatures.Length, err = size(v, at)
		case 12:
			m.Minor = uint32(v)
		case 13:
			if len(m.Partitions) >= maxPartitions {
				return cursor.Corrupt(structProto, at, fmt.Sprintf("at most %d partitions", maxPartitions), "more")
			}
			var x Partition
			x, err = d.partition(b, at)
			m.Partitions = append(m.Partitions, x)
		case 14:
			m.MaxTimestamp = int64(v)
		case 15:
			err = m.dynamic(b, at)
		case 16:
			m.Partial = v != 0
		case 18:
			m.SecurityPatch = string(b)
		}
		return err
	})
	return m, err
}

// size is a number of bytes or a place.
func size(v uint64, at int64) (int64, error) {
	if v > 1<<52 {
		return 0, cursor.Corrupt(structProto, at, "a size up to 4 PiB", v)
	}
	return int64(v), nil
}

func (d *decoder) partition(p []byte, base int64) (Partition, error) {
	var x Partition
	err := fields(p, base, func(number int, v uint64, b []byte, at int64) (err error) {
		switch number {
		case 1:
			x.Name = string(b)
		case 4:
			x.Filesystem = string(b)
		case 6:
			x.OldSize, x.OldHash, err = info(b, at)
		case 7:
			x.NewSize, x.NewHash, err = info(b, at)
		case 8:
			if d.operations++; d.operations > maxOperations {
				return cursor.Corrupt(structProto, at, fmt.Sprintf("at most %d operations", maxOperations), "more")
			}
			var o Operation
			o, err = d.operation(b, at)
			x.Operations = append(x.Operations, o)
		case 11:
			x.Tree, err = d.extent(b, at)
		case 15:
			x.FEC, err = d.extent(b, at)
		case 17:
			x.Version = string(b)
		case 19:
			x.CowSize, err = size(v, at)
		}
		return err
	})
	return x, err
}

func info(p []byte, base int64) (n int64, hash []byte, err error) {
	err = fields(p, base, func(number int, v uint64, b []byte, at int64) (err error) {
		switch number {
		case 1:
			n, err = size(v, at)
		case 2:
			hash = b
		}
		return err
	})
	return n, hash, err
}

func (d *decoder) operation(p []byte, base int64) (Operation, error) {
	var x Operation
	err := fields(p, base, func(number int, v uint64, b []byte, at int64) (err error) {
		var e block.Extent
		switch number {
		case 1:
			x.Type = Type(min(v, math.MaxUint32))
		case 2:
			x.Data.Offset, err = size(v, at)
		case 3:
			x.Data.Length, err = size(v, at)
		case 4:
			e, err = d.extent(b, at)
			x.Src = append(x.Src, e)
		case 5:
			x.SrcLength, err = size(v, at)
		case 6:
			e, err = d.extent(b, at)
			x.Dst = append(x.Dst, e)
		case 7:
			x.DstLength, err = size(v, at)
		case 8:
			x.DataHash = b
		case 9:
			x.SourceHash = b
		}
		return err
	})
	return x, err
}

func (d *decoder) extent(p []byte, base int64) (block.Extent, error) {
	var start, count uint64
	if d.extents++; d.extents > maxExtents {
		return block.Extent{}, cursor.Corrupt(structProto, base, fmt.Sprintf("at most %d extents", maxExtents), "more")
	}
	err := fields(p, base, func(number int, v uint64, _ []byte, _ int64) error {
		switch number {
		case 1:
			start = v
		case 2:
			count = v
		}
		return nil
	})
	if err == nil && (start > maxBlocks || count > maxBlocks) {
		err = cursor.Corrupt(structProto, base, "blocks of a partition", fmt.Sprintf("%d from %d", count, start))
	}
	return block.Extent{Offset: int64(start) * d.block, Length: int64(count) * d.block}, err
}

func (m *Manifest) dynamic(p []byte, base int64) error {
	return fields(p, base, func(number int, v uint64, b []byte, at int64) error {
		switch number {
		case 1:
			if len(m.Groups) >= maxPartitions {
				return cursor.Corrupt(structProto, at, fmt.Sprintf("at most %d groups", maxPartitions), "more")
			}
			var g Group
			err := fields(b, at, func(number int, v uint64, b []byte, at int64) (err error) {
				switch number {
				case 1:
					g.Name = string(b)
				case 2:
					g.Size, err = size(v, at)
				case 3:
					g.Partitions = append(g.Partitions, string(b))
				}
				return err
			})
			m.Groups = append(m.Groups, g)
			return err
		case 2:
			m.Snapshots = v != 0
		}
		return nil
	})
}

// signature is one of a list.
type signature struct{ data []byte }

// parseSignatures reads a list of signatures.
func parseSignatures(p []byte, base int64) ([]signature, error) {
	var out []signature
	err := fields(p, base, func(number int, _ uint64, b []byte, at int64) error {
		if number != 1 {
			return nil
		}
		if len(out) >= 64 {
			return cursor.Corrupt(structProto, at, "at most 64 signatures", "more")
		}
		var data []byte
		plain := -1 // without what it is filled up with
		err := fields(b, at, func(number int, v uint64, b []byte, _ int64) error {
			switch number {
			case 2:
				data = b
			case 3:
				plain = int(min(v, maxManifest))
			}
			return nil
		})
		if plain >= 0 && plain < len(data) {
			data = data[:plain]
		}
		out = append(out, signature{data})
		return err
	})
	return out, err
}
