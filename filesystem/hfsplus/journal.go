package hfsplus

import (
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

// The journal of a volume, as XNU keeps it: a header, then a ring of transactions. Each is one or more block
// lists, which say where the blocks that stand behind them belong. Its byte order is that of the machine that
// made it, which the magic tells.

const (
	journalMagic      = 0x4A4E4C78 // "JNLx"
	journalEndian     = 0x12345678
	journalSummed     = 44 // bytes of its header under the checksum
	blockListHeader   = 16
	blockListSummed   = 32
	maxJournal        = 4 << 30
	maxJournalBlock   = 16 << 20
	maxJournalRecords = 1 << 20
)

// journal is what is known of it.
type journal struct {
	src   block.Source // of the volume
	at    int64        // of its header on src
	order binary.ByteOrder

	start, end, size int64 // from its own start
	listSize, sector int64
	replayed         int
	// blocks are all copies of blocks that it holds, oldest first as far as that can be told.
	blocks []journalBlock
}

// journalBlock is a copy of a piece of the volume.
type journalBlock struct {
	at, target, length int64 // both places on the source
}

// openJournal reads the journal and carries out, in memory, what was not.
func (v *volume) openJournal(ctx context.Context) {
	if v.h.attributes&volumeJournaled == 0 || v.h.journal == 0 {
		return
	}
	info := v.place(v.h.journal)
	j, err := v.readJournal(info)
	if err != nil {
		v.note(journalBroken.New(finding.At(info, 0), finding.Expected(nil, err)))
		return
	}
	if j == nil {
		v.note(journalElsewhere.New(finding.At(info, 0)))
		return
	}
	v.journal = j
	v.special = append(v.special, block.Extent{Offset: info, Length: v.h.blockSize}, block.Extent{Offset: j.at, Length: j.size})
	pending, err := j.pendingBlocks(ctx, v)
	if err != nil {
		v.note(journalBroken.New(finding.At(j.at, j.size), finding.Expected(nil, err)))
	}
	if len(pending) > 0 {
		m := block.NewMap(v.src.Size(), int64(0)) // the distance to where a byte stands in the journal
		for _, b := range pending {
			m.Set(block.Extent{Offset: b.target, Length: b.length}, b.at-b.target)
		}
		var runs []block.Run
		for e, d := range m.All() {
			runs = append(runs, block.Run{Logical: e.Offset, Physical: e.Offset + d, Length: e.Length})
		}
		v.overlay, v.meta = runs, block.Join(v.src, runs, v.src.Size())
		v.note(journalReplayed.New(finding.At(j.at, j.size), finding.Expected(nil, j.replayed)))
		// The header may have changed too.
		if h, err := readHeader(block.Section(v.meta, block.Between(v.base, v.src.Size())), headerAt); err == nil &&
			h.blocks == v.h.blocks && h.blockSize == v.h.blockSize {
			v.h = h
		}
	}
	j.collect(ctx, v)
}

// readJournal reads the info block at off, and the header that it leads to. It returns nil for a journal that
// stands elsewhere.
func (v *volume) readJournal(off int64) (*journal, error) {
	p, err := cursor.Read(v.src, "hfsplus: journal info block", off, 52, 52)
	if err != nil {
		return nil, err
	}
	flags := be.Uint32(p)
	if flags&1 == 0 {
		return nil, nil
	}
	j := &journal{src: v.src, at: v.base + int64(be.Uint64(p[36:])), size: int64(be.Uint64(p[44:]))}
	if j.size < 1024 || j.size > maxJournal || j.at < v.base || j.at > v.src.Size()-1024 {
		return nil, cursor.Corrupt("hfsplus: journal info block", off, "a journal inside of the volume", fmt.Sprintf("%d bytes at %d", j.size, j.at))
	}
	if p, err = cursor.Read(v.src, "hfsplus: journal header", j.at, 512, 512); err != nil {
		return nil, err
	}
	return j, j.header(p)
}

// header reads the journal's header.
func (j *journal) header(p []byte) error {
	switch {
	case binary.LittleEndian.Uint32(p) == journalMagic && binary.LittleEndian.Uint32(p[4:]) == journalEndian:
		j.order = binary.LittleEndian
	case be.Uint32(p) == journalMagic && be.Uint32(p[4:]) == journalEndian:
		j.order = be
	default:
		return cursor.Corrupt("hfsplus: journal header: magic", j.at, "JNLx in either order", fmt.Sprintf("%x", p[:8]))
	}
	j.start, j.end = int64(j.order.Uint64(p[8:])), int64(j.order.Uint64(p[16:]))
	size := int64(j.order.Uint64(p[24:]))
	j.listSize, j.sector = int64(j.order.Uint32(p[32:])), int64(j.order.Uint32(p[40:]))
	if sum := j.order.Uint32(p[36:]); sum != j.checksum(p[:journalSummed], 36) {
		return cursor.Corrupt("hfsplus: journal header: checksum", j.at+36, fmt.Sprintf("%08x", j.checksum(p[:journalSummed], 36)), fmt.Sprintf("%08x", sum))
	}
	switch {
	case j.sector < 512 || j.sector > 64<<10 || j.sector&(j.sector-1) != 0:
		return cursor.Corrupt("hfsplus: journal header: size", j.at+40, "a power of two from 512 to 65536", j.sector)
	case size < 4*j.sector || size > j.size:
		return cursor.Corrupt("hfsplus: journal header: size of the journal", j.at+24, fmt.Sprintf("at most %d", j.size), size)
	case j.listSize < 512 || j.listSize > 1<<20 || j.listSize%j.sector != 0:
		return cursor.Corrupt("hfsplus: journal header: size of a block list", j.at+32, "a multiple of a sector, up to 1 MiB", j.listSize)
	case j.start < j.sector || j.start > size || j.end < j.sector || j.end > size:
		return cursor.Corrupt("hfsplus: journal header: start and end", j.at+8, fmt.Sprintf("%d to %d", j.sector, size), fmt.Sprintf("%d, %d", j.start, j.end))
	}
	j.size = size
	return nil
}

// checksum is that of XNU's journal; the four bytes at hole count as zero.
func (j *journal) checksum(p []byte, hole int) uint32 {
	var sum uint32
	for i, b := range p {
		if i >= hole && i < hole+4 {
			b = 0
		}
		sum = sum<<8 ^ (sum + uint32(b))
	}
	return ^sum
}

// list reads the block list at off of the journal, and the places of its blocks. next is where the next
// transaction begins. ok is false when none is there.
func (j *journal) list(off int64, v *volume) (blocks []journalBlock, next int64, ok bool) {
	head := make([]byte, blockListSummed)
	if n, _ := j.src.ReadAt(head, j.at+off); n < len(head) {
		return nil, 0, false
	}
	most, count, used := int(j.order.Uint16(head)), int(j.order.Uint16(head[2:])), int64(j.order.Uint32(head[4:]))
	if count < 1 || count > most || int64(blockListHeader*(most+1)) > j.listSize || used < j.listSize || used > j.size-j.sector ||
		j.order.Uint32(head[8:]) != j.checksum(head, 8) {
		return nil, 0, false
	}
	table := make([]byte, blockListHeader*(count+1))
	if n, _ := j.src.ReadAt(table, j.at+off); n < len(table) {
		return nil, 0, false
	}
	at := j.wrap(off + j.listSize)
	sum := j.listSize
	for i := 1; i < count; i++ { // the first is not a block
		e := table[blockListHeader*(i+1):]
		number, length := int64(j.order.Uint64(e)), int64(j.order.Uint32(e[8:]))
		if length <= 0 || length > maxJournalBlock || length%512 != 0 {
			return nil, 0, false
		}
		if sum += length; sum > used {
			return nil, 0, false
		}
		if number >= 0 && number <= (v.src.Size()-v.base)/j.sector {
			// A block may go over the end of the ring.
			for done := int64(0); done < length; {
				n := min(length-done, j.size-at)
				b := journalBlock{at: j.at + at, target: v.base + number*j.sector + done, length: n}
				if b.target+n <= v.src.Size() {
					blocks = append(blocks, b)
				}
				done += n
				at = j.wrap(at + n)
			}
		} else {
			at = j.wrap(at + length)
		}
	}
	return blocks, j.wrap(off + used), true
}

// wrap brings an offset back into the ring, which begins behind the header.
func (j *journal) wrap(off int64) int64 {
	if off >= j.size {
		return off - j.size + j.sector
	}
	return off
}

// pendingBlocks returns the blocks of the transactions from start to end.
func (j *journal) pendingBlocks(ctx context.Context, v *volume) ([]journalBlock, error) {
	var out []journalBlock
	walked := int64(0)
	for at := j.start; at != j.end; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		blocks, next, ok := j.list(at, v)
		step := next - at
		if step <= 0 {
			step += j.size - j.sector
		}
		if walked += step; !ok || walked > j.size || len(out) > maxJournalRecords {
			return out, cursor.Corrupt("hfsplus: journal: transaction", j.at+at, "a block list with its checksum", "another thing")
		}
		out = append(out, blocks...)
		j.replayed++
		at = next
	}
	return out, nil
}

// collect notes the blocks of all transactions that the ring still holds, those that were carried out long ago
// included.
func (j *journal) collect(ctx context.Context, v *volume) {
	for at := j.sector; at < j.size && ctx.Err() == nil && len(j.blocks) < maxJournalRecords; {
		blocks, next, ok := j.list(at, v)
		if !ok {
			at += j.sector
			continue
		}
		j.blocks = append(j.blocks, blocks...)
		if next <= at { // over the end of the ring
			break
		}
		at = next
	}
}
