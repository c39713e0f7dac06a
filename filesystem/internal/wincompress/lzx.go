package wincompress

import "encoding/binary"

const (
	// LZXWindow is the size of the units that Windows packs files by, and of LZX's window there.
	LZXWindow = 32 << 10

	lzxLiterals     = 256
	lzxSlots        = 30 // of offsets in a window of 32 KiB
	lzxMain         = lzxLiterals + lzxSlots*8
	lzxLong         = 249
	lzxTranslation  = 12_000_000
	lzxVerbatim     = 1
	lzxAligned      = 2
	lzxUncompressed = 3
)

// lzxBase and lzxExtra are the first offset of each slot, with 2 added, and the bits that follow.
var lzxBase, lzxExtra = lzxTables()

func lzxTables() (base [lzxSlots]int, extra [lzxSlots]int) {
	at := 0
	for i := range lzxSlots {
		if i >= 4 {
			extra[i] = i/2 - 1
		}
		base[i] = at
		at += 1 << extra[i]
	}
	return base, extra
}

// lzx is the state that lasts from block to block.
type lzx struct {
	w           words
	mainLengths [lzxMain]byte
	longLengths [lzxLong]byte
	main, long  code
	aligned     code
	pre         code
	recent      [3]int
}

// LZX decompresses src until dst, at most 32 KiB, is full.
func LZX(dst, src []byte) error {
	if len(dst) > LZXWindow {
		return corrupt("an LZX unit that is too long")
	}
	l := &lzx{w: words{b: src}, recent: [3]int{1, 1, 1}}
	for at := 0; at < len(dst); {
		n, err := l.block(dst, at)
		if err != nil {
			return err
		}
		if n == at {
			return corrupt("an empty LZX block")
		}
		at = n
	}
	translateBack(dst)
	return nil
}

// block decompresses one block to dst[at:] and returns its end.
func (l *lzx) block(dst []byte, at int) (int, error) {
	kind := l.w.read(3)
	size := LZXWindow
	if l.w.read(1) == 0 {
		size = int(l.w.read(16))
	}
	if size > len(dst)-at {
		return at, corrupt("an LZX block that is too long")
	}
	end := at + size
	switch kind {
	case lzxUncompressed:
		return l.stored(dst, at, end)
	case lzxAligned:
		var lengths [8]byte
		for i := range lengths {
			lengths[i] = byte(l.w.read(3))
		}
		if err := l.aligned.build(lengths[:], 7); err != nil {
			return at, err
		}
	case lzxVerbatim:
	default:
		return at, corrupt("an LZX block of no type")
	}
	for _, part := range [][]byte{l.mainLengths[:lzxLiterals], l.mainLengths[lzxLiterals:], l.longLengths[:]} {
		if err := l.lengths(part); err != nil {
			return at, err
		}
	}
	if err := l.main.build(l.mainLengths[:], 16); err != nil {
		return at, err
	}
	if err := l.long.build(l.longLengths[:], 16); err != nil {
		return at, err
	}
	return l.coded(dst, at, end, kind == lzxAligned)
}

// stored copies an uncompressed block.
func (l *lzx) stored(dst []byte, at, end int) (int, error) {
	// The block begins at the next word; where the bits end at one, a whole word is left out.
	l.w.fill()
	b, pos := l.w.b, l.w.at-2*(l.w.have/16)
	if l.w.have%16 == 0 {
		pos += 2
	}
	if pos < 0 || pos+12 > len(b) {
		return at, corrupt("an LZX block without its offsets")
	}
	for i := range l.recent {
		l.recent[i] = int(min(binary.LittleEndian.Uint32(b[pos:]), 1<<30))
		pos += 4
	}
	if end-at > len(b)-pos {
		return at, corrupt("an LZX block over the end")
	}
	pos += copy(dst[at:end], b[pos:])
	if (end-at)%2 != 0 {
		pos++
	}
	l.w = words{b: b, at: pos}
	return end, nil
}

// lengths reads the lengths of a code, as differences to those of the block before.
func (l *lzx) lengths(out []byte) error {
	var pre [20]byte
	for i := range pre {
		pre[i] = byte(l.w.read(4))
	}
	if err := l.pre.build(pre[:], 15); err != nil {
		return err
	}
	for i := 0; i < len(out); {
		symbol, ok := l.pre.decode(&l.w)
		if !ok || l.w.over > 2 {
			return corrupt("the lengths of an LZX code")
		}
		run, value := 1, -1
		switch symbol {
		case 17:
			run, value = 4+int(l.w.read(4)), 0
		case 18:
			run, value = 20+int(l.w.read(5)), 0
		case 19:
			run = 4 + int(l.w.read(1))
			if symbol, ok = l.pre.decode(&l.w); !ok || symbol > 16 {
				return corrupt("the lengths of an LZX code")
			}
		}
		if value < 0 {
			value = (int(out[i]) - symbol + 17) % 17
		}
		for ; run > 0 && i < len(out); run-- {
			out[i] = byte(value)
			i++
		}
	}
	return nil
}

// coded decompresses a block of codes.
func (l *lzx) coded(dst []byte, at, end int, aligned bool) (int, error) {
	w := &l.w
	for at < end {
		if w.over > 2 {
			return at, corrupt("an LZX block over the end")
		}
		symbol, ok := l.main.decode(w)
		if !ok {
			return at, corrupt("an LZX code that is none")
		}
		if symbol < lzxLiterals {
			dst[at] = byte(symbol)
			at++
			continue
		}
		symbol -= lzxLiterals
		length, slot := symbol&7, symbol>>3
		if length == 7 {
			more, ok := l.long.decode(w)
			if !ok {
				return at, corrupt("an LZX length that is none")
			}
			length += more
		}
		offset := 0
		switch {
		case slot < 3:
			offset = l.recent[slot]
			l.recent[slot], l.recent[0] = l.recent[0], offset
		default:
			n := lzxExtra[slot]
			offset = lzxBase[slot] - 2
			if aligned && n >= 3 {
				offset += int(w.read(n-3)) << 3
				low, ok := l.aligned.decode(w)
				if !ok {
					return at, corrupt("an LZX offset that is none")
				}
				offset += low
			} else {
				offset += int(w.read(n))
			}
			l.recent = [3]int{offset, l.recent[0], l.recent[1]}
		}
		if length+2 > end-at {
			return at, corrupt("an LZX match over the end of its block")
		}
		var err error
		if at, err = repeat(dst, at, offset, length+2); err != nil {
			return at, err
		}
	}
	return at, nil
}

// translateBack makes the targets of x86 calls relative again, which the compressor made absolute.
func translateBack(b []byte) {
	for i := 0; i < len(b)-10; i++ {
		if b[i] != 0xE8 {
			continue
		}
		target := int32(binary.LittleEndian.Uint32(b[i+1:]))
		switch {
		case target >= 0 && target < lzxTranslation:
			binary.LittleEndian.PutUint32(b[i+1:], uint32(target-int32(i)))
		case target < 0 && target >= -int32(i):
			binary.LittleEndian.PutUint32(b[i+1:], uint32(target+lzxTranslation))
		}
		i += 4
	}
}
