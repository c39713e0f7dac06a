package zip

// fastBits is the length in bits up to which a code is found by one look into a table.
const fastBits = 10

// maxCode is the longest Huffman code of deflate, in bits.
const maxCode = 15

// huffman decodes one Huffman code of RFC 1951 section 3.2.2.
type huffman struct {
	fast   [1 << fastBits]uint16 // symbol<<4 | length; 0 where the code is longer or unknown
	count  [maxCode + 1]uint16   // codes of each length
	symbol [288]uint16           // in the order of their codes
}

// build makes the decoder for the lengths of the symbols' codes. It reports false for lengths that form no
// code: over-subscribed, or incomplete, save a single code of one bit where single allows that.
func (h *huffman) build(lengths []uint8, single bool) bool {
	h.count = [maxCode + 1]uint16{}
	for _, l := range lengths {
		h.count[l]++
	}
	longest := 0
	left := 1
	for l := 1; l <= maxCode; l++ {
		left = left<<1 - int(h.count[l])
		if left < 0 {
			return false
		}
		if h.count[l] > 0 {
			longest = l
		}
	}
	if left > 0 && (!single || longest > 1) {
		return false
	}
	h.count[0] = 0
	var next, code [maxCode + 2]uint16
	for l := 1; l <= maxCode; l++ {
		next[l+1] = next[l] + h.count[l]
		code[l+1] = (code[l] + h.count[l]) << 1
	}
	clear(h.fast[:])
	for s, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbol[next[l]] = uint16(s)
		next[l]++
		c := code[l]
		code[l]++
		if l > fastBits {
			continue
		}
		rev := 0
		for i := range int(l) {
			rev |= int(c>>i&1) << (int(l) - 1 - i)
		}
		for ; rev < len(h.fast); rev += 1 << l {
			h.fast[rev] = uint16(s)<<4 | uint16(l)
		}
	}
	return true
}

// decode finds the symbol whose code stands in the low bits of b, and the length of the code; length 0
// when there is none.
func (h *huffman) decode(b uint64) (symbol, length uint) {
	if e := h.fast[b&(1<<fastBits-1)]; e != 0 {
		return uint(e >> 4), uint(e & 15)
	}
	code, first, index := 0, 0, 0
	for l := 1; l <= maxCode; l++ {
		code |= int(b & 1)
		b >>= 1
		n := int(h.count[l])
		if code-first < n {
			return uint(h.symbol[index+code-first]), uint(l)
		}
		index += n
		first = (first + n) << 1
		code <<= 1
	}
	return 0, 0
}
